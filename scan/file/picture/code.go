package picture

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/aztec"
	"github.com/makiuchi-d/gozxing/datamatrix"
	"github.com/makiuchi-d/gozxing/multi/qrcode"
	plainqr "github.com/makiuchi-d/gozxing/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode/detector"

	"foregate/mail/weburl"
	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Bounds of the search for codes.
const (
	// maxSide is what a picture is scaled down to before the search: a QR code
	// of version 40 with 4 pixels a module has 708, and the search costs time by
	// the pixel.
	maxSide = 1600
	// smallSide is a second try for codes that are noisy or huge: at this
	// size, the grain of a photograph or a logo's lines are gone.
	smallSide = 480
	// minEnlarged is the side below which a picture is drawn three times as large:
	// the finder needs three pixels a module.
	minEnlarged = 160
	// quiet is the white margin drawn around, where a code is cut to its edge
	// (4 modules, ISO/IEC 18004 section 5.3.8).
	quiet = 24
	// maxCodes is how many codes of one picture are told.
	maxCodes = 16
	// maxCode is the longest content of a QR code, in bytes (version 40-L).
	maxCode = 7089
	// maxFinders is how many finder patterns (the squares in the corners of QR
	// codes, three of each) are taken for codes: the library tries every three
	// of them together, so that a field of thousands would keep it busy for hours.
	maxFinders = 3 * maxCodes
)

// errFinders says that a picture is drawn to wear readers of codes out.
var errFinders = errors.New("more finder patterns than codes have")

// grey draws a picture on white; clear tells whether any of it is transparent.
func grey(img image.Image) (g *image.Gray, clear bool) {
	return flatten(img, 0xff)
}

func flatten(img image.Image, ground uint8) (g *image.Gray, clear bool) {
	b := img.Bounds()
	g = image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	if y, ok := img.(*image.YCbCr); ok {
		for row := range b.Dy() {
			at := y.YOffset(b.Min.X, b.Min.Y+row)
			copy(g.Pix[row*g.Stride:(row+1)*g.Stride], y.Y[at:])
		}
		return g, false
	}
	if n, ok := img.(*image.NRGBA); ok {
		for row := range b.Dy() {
			line := n.Pix[row*n.Stride:]
			for x := range b.Dx() {
				px := line[4*x : 4*x+4 : 4*x+4]
				l, a := (299*int(px[0])+587*int(px[1])+114*int(px[2]))/1000, int(px[3])
				g.Pix[row*g.Stride+x] = uint8((l*a + int(ground)*(255-a)) / 255)
				clear = clear || a < 255
			}
		}
		return g, clear
	}
	light := func(c color.Color) (uint8, bool) {
		r, gr, bl, a := c.RGBA()
		l := (19595*r + 38470*gr + 7471*bl + 1<<15) >> 24
		return uint8(min(l+(0xffff-a)*uint32(ground)/0xffff, 0xff)), a < 0xffff
	}
	if p, ok := img.(*image.Paletted); ok {
		var table [256]uint8
		var through [256]bool
		for i, c := range p.Palette {
			table[i], through[i] = light(c)
		}
		for row := range b.Dy() {
			line := p.Pix[row*p.Stride:]
			for x := range b.Dx() {
				g.Pix[row*g.Stride+x] = table[line[x]]
				clear = clear || through[line[x]]
			}
		}
		return g, clear
	}
	for row := range b.Dy() {
		for x := range b.Dx() {
			v, through := light(img.At(b.Min.X+x, b.Min.Y+row))
			g.Pix[row*g.Stride+x] = v
			clear = clear || through
		}
	}
	return g, clear
}

// scaled draws g with its longer side at most side (by means over boxes), or
// three times as large where it is tiny, with a quiet margin; inverted swaps dark and
// light first.
func scaled(g *image.Gray, side int, inverted bool) *image.Gray {
	w, h := g.Bounds().Dx(), g.Bounds().Dy()
	ow, oh := w, h
	switch longest := max(w, h); {
	case longest > side:
		ow, oh = max(1, w*side/longest), max(1, h*side/longest)
	case longest < minEnlarged:
		ow, oh = 3*w, 3*h
	}
	out := image.NewGray(image.Rect(0, 0, ow+2*quiet, oh+2*quiet))
	for i := range out.Pix {
		out.Pix[i] = 0xff
	}
	for y := range oh {
		for x := range ow {
			v := uint8(box(g, x*w/ow, y*h/oh, (x+1)*w/ow, (y+1)*h/oh))
			if inverted {
				v = ^v
			}
			out.Pix[(y+quiet)*out.Stride+x+quiet] = v
		}
	}
	return out
}

// box is the mean of a box of at least one pixel.
func box(g *image.Gray, x0, y0, x1, y1 int) int {
	x1, y1 = max(x1, x0+1), max(y1, y0+1)
	sum := 0
	for y := y0; y < y1; y++ {
		for _, v := range g.Pix[y*g.Stride+x0 : y*g.Stride+x1] {
			sum += int(v)
		}
	}
	return sum / ((x1 - x0) * (y1 - y0))
}

// read finds the contents of the codes in a picture, in no order of places,
// each once. It tries dark on light, light on dark, a small size, and where
// parts are transparent a dark ground; the first try that finds something
// ends the search. The error is that of ctx, or errFinders.
func read(ctx context.Context, img image.Image, g *image.Gray, clear bool) ([]string, error) {
	if flat(g) && !clear {
		return nil, nil
	}
	var crowded error
	grounds := []*image.Gray{g}
	if clear {
		dark, _ := flatten(img, 0)
		grounds = append(grounds, dark)
	}
	for _, g := range grounds {
		sides := []int{maxSide}
		if max(g.Bounds().Dx(), g.Bounds().Dy()) > smallSide {
			sides = append(sides, smallSide)
		}
		for _, side := range sides {
			for _, inverted := range []bool{false, true} {
				if err := ctx.Err(); err != nil {
					return nil, context.Cause(ctx)
				}
				found, err := codes(scaled(g, side, inverted))
				if len(found) > 0 {
					return found, nil
				}
				if err != nil {
					crowded = err
				}
			}
		}
	}
	return nil, crowded
}

// flat tells pictures that are all of one brightness, by a sample.
func flat(g *image.Gray) bool {
	lo, hi := uint8(0xff), uint8(0)
	for i := 0; i < len(g.Pix); i += max(1, len(g.Pix)/65536) {
		lo, hi = min(lo, g.Pix[i]), max(hi, g.Pix[i])
	}
	return int(hi)-int(lo) < 24
}

// codes asks the readers of each kind of code, with the local and the global
// way to tell dark from light. It fails with errFinders.
func codes(g *image.Gray) ([]string, error) {
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	w, h := g.Bounds().Dx(), g.Bounds().Dy()
	for _, binarizer := range []func(gozxing.LuminanceSource) gozxing.Binarizer{gozxing.NewHybridBinarizer, gozxing.NewGlobalHistgramBinarizer} {
		src, err := gozxing.NewPlanarYUVLuminanceSource(g.Pix, w, h, 0, 0, w, h, false)
		if err != nil {
			return nil, err
		}
		bitmap, err := gozxing.NewBinaryBitmap(binarizer(src))
		if err != nil {
			return nil, err
		}
		dark, err := bitmap.GetBlackMatrix()
		if err != nil {
			continue // of one brightness
		}
		if finders(dark) > maxFinders {
			return nil, errFinders
		}
		var out []string
		if all, err := qrcode.NewQRCodeMultiReader().DecodeMultiple(bitmap, hints); err == nil {
			for _, r := range all {
				out = keep(out, r.GetText())
			}
		}
		for _, reader := range []gozxing.Reader{plainqr.NewQRCodeReader(), aztec.NewAztecReader(), datamatrix.NewDataMatrixReader()} {
			if len(out) > 0 {
				return out, nil
			}
			if r, err := reader.Decode(bitmap, hints); err == nil {
				out = keep(out, r.GetText())
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, nil
}

// finders estimates how many finder patterns there are: runs of dark and light
// like 1:1:3:1:1 across and down (ISO/IEC 18004 section 5.3.2). One whose
// module has m pixels is met in the 3m rows of its middle.
func finders(m *gozxing.BitMatrix) int {
	f := detector.NewFinderPatternFinder(m, nil)
	sum := 0.0
	for y := range m.GetHeight() {
		var runs [5]int // the last five, the newest last; the first is dark
		dark := false
		for x := range m.GetWidth() + 1 {
			now := x < m.GetWidth() && m.Get(x, y)
			if now == dark {
				runs[4]++
				continue
			}
			total := runs[0] + runs[1] + runs[2] + runs[3] + runs[4]
			if dark && detector.FinderPatternFinder_foundPatternCross(runs[:]) {
				middle := x - runs[4] - runs[3] - (runs[2]+1)/2
				if !math.IsNaN(f.CrossCheckVertical(y, middle, runs[2], total)) {
					sum += 7 / (3 * float64(total))
				}
			}
			copy(runs[:], runs[1:])
			runs[4], dark = 1, now
		}
	}
	return int(sum)
}

func keep(list []string, text string) []string {
	text = text[:min(len(text), maxCode)]
	for _, have := range list {
		if have == text {
			return list
		}
	}
	if text == "" || len(list) >= maxCodes {
		return list
	}
	return append(list, text)
}

// tell reports one code.
func tell(res *tree.Result, name, text string) shape.QRItem {
	item := shape.QRItem{Type: kindOf(text), Data: text}
	res.Say(text)
	switch item.Type {
	case "url":
		target := strings.TrimSpace(text)
		if !strings.Contains(target, "://") {
			target = "https://" + target
		}
		res.Link(target)
		if u, ok := weburl.Parse(target); ok {
			u = weburl.Unwrap(u)
			item.URL = &u
		}
		res.Find("file.qr-link", text, "picture %q shows a code that leads to %q", name, tree.Short(text))
	case "undefined":
	default:
		res.Find("file.qr-code", text, "picture %q shows a code of the kind %q", name, item.Type)
	}
	return item
}

// kindOf names what a telephone does with a code.
func kindOf(text string) string {
	low := strings.ToLower(strings.TrimSpace(text))
	for _, k := range []struct{ prefix, kind string }{
		{"http://", "url"}, {"https://", "url"}, {"mailto:", "email"}, {"matmsg:", "email"}, {"smtp:", "email"}, {"tel:", "mobile"}, {"sms:", "mobile"}, {"smsto:", "mobile"},
		{"mms:", "mobile"}, {"geo:", "geo"}, {"wifi:", "wifi"}, {"market:", "app"}, {"itms-apps:", "app"}, {"itms:", "app"}, {"intent:", "app"}, {"whatsapp:", "app"}, {"otpauth:", "app"}, {"bitcoin:", "app"}, {"ethereum:", "app"},
	} {
		if strings.HasPrefix(low, k.prefix) {
			return k.kind
		}
	}
	if !strings.ContainsAny(low, " \t\r\n@") && strings.Contains(low, ".") {
		if u, ok := weburl.DisplayURL(low); ok && u.Domain != nil && u.Domain.Valid {
			return "url"
		}
	}
	return "undefined"
}
