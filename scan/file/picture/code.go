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

// flatten draws a picture on a ground of one brightness. The kinds that decoders
// make have loops of their own, which take a tenth of the time of the general one.
func flatten(img image.Image, ground uint8) (g *image.Gray, clear bool) {
	b := img.Bounds()
	g = image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	row := func(y int) []uint8 { return g.Pix[y*g.Stride:][:b.Dx()] }
	switch p := img.(type) {
	case *image.YCbCr:
		for y := range b.Dy() {
			copy(row(y), p.Y[p.YOffset(b.Min.X, b.Min.Y+y):])
		}
	case *image.Gray:
		for y := range b.Dy() {
			copy(row(y), p.Pix[p.PixOffset(b.Min.X, b.Min.Y+y):])
		}
	case *image.NRGBA:
		for y := range b.Dy() {
			line, out := p.Pix[p.PixOffset(b.Min.X, b.Min.Y+y):], row(y)
			for x := range out {
				px := line[4*x : 4*x+4 : 4*x+4]
				l, a := luma(px), int(px[3])
				out[x] = uint8((l*a + int(ground)*(255-a)) / 255)
				clear = clear || a < 255
			}
		}
	case *image.RGBA: // colours are multiplied with the opacity already
		for y := range b.Dy() {
			line, out := p.Pix[p.PixOffset(b.Min.X, b.Min.Y+y):], row(y)
			for x := range out {
				px := line[4*x : 4*x+4 : 4*x+4]
				a := int(px[3])
				out[x] = uint8(min(luma(px)+int(ground)*(255-a)/255, 255))
				clear = clear || a < 255
			}
		}
	case *image.Paletted:
		var table [256]uint8
		var through [256]bool
		for i, c := range p.Palette {
			table[i], through[i] = light(c, ground)
		}
		for y := range b.Dy() {
			line, out := p.Pix[p.PixOffset(b.Min.X, b.Min.Y+y):], row(y)
			for x := range out {
				out[x] = table[line[x]]
				clear = clear || through[line[x]]
			}
		}
	default:
		for y := range b.Dy() {
			for x := range b.Dx() {
				v, through := light(img.At(b.Min.X+x, b.Min.Y+y), ground)
				g.Pix[y*g.Stride+x] = v
				clear = clear || through
			}
		}
	}
	return g, clear
}

// luma is the brightness of red, green and blue (ITU-R BT.601).
func luma(px []uint8) int { return (299*int(px[0]) + 587*int(px[1]) + 114*int(px[2])) / 1000 }

// light is the brightness of a colour on a ground; through tells that the ground
// shows.
func light(c color.Color, ground uint8) (v uint8, through bool) {
	r, gr, bl, a := c.RGBA()
	l := (19595*r + 38470*gr + 7471*bl + 1<<15) >> 24
	return uint8(min(l+(0xffff-a)*uint32(ground)/0xffff, 0xff)), a < 0xffff
}

// scaled draws g with its longer side at most side (by means over boxes), or
// three times as large where it is tiny, with a quiet margin.
func scaled(g *image.Gray, side int) *image.Gray {
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
		row := out.Pix[(y+quiet)*out.Stride+quiet:][:ow]
		if ow == w && oh == h {
			copy(row, g.Pix[y*g.Stride:])
			continue
		}
		for x := range row {
			row[x] = uint8(box(g, x*w/ow, y*h/oh, (x+1)*w/ow, (y+1)*h/oh))
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
			if err := ctx.Err(); err != nil {
				return nil, context.Cause(ctx)
			}
			found, err := codes(ctx, scaled(g, side))
			if len(found) > 0 {
				return found, nil
			}
			if err != nil {
				crowded = err
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
// way to tell dark from light, for dark on light and for light on dark. It fails
// with errFinders or the error of ctx.
func codes(ctx context.Context, g *image.Gray) ([]string, error) {
	w, h := g.Bounds().Dx(), g.Bounds().Dy()
	var crowded error
	for _, binarizer := range []func(gozxing.LuminanceSource) gozxing.Binarizer{gozxing.NewHybridBinarizer, gozxing.NewGlobalHistgramBinarizer} {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		src, err := gozxing.NewPlanarYUVLuminanceSource(g.Pix, w, h, 0, 0, w, h, false)
		if err != nil {
			return nil, err
		}
		b := binarizer(src)
		dark, err := b.GetBlackMatrix()
		if err != nil {
			continue // of one brightness
		}
		darkMarks, lightMarks := finders(dark)
		for _, side := range []struct {
			m     func() *gozxing.BitMatrix
			marks marks
		}{{func() *gozxing.BitMatrix { return dark }, darkMarks}, {func() *gozxing.BitMatrix { return flipped(dark) }, lightMarks}} {
			if int(side.marks.count) > maxFinders {
				crowded = errFinders
				continue
			}
			if found := decoded(&ready{Binarizer: b, m: side.m()}, side.marks.rows >= minRows); len(found) > 0 {
				return found, nil
			}
		}
	}
	return nil, crowded
}

// decoded asks the readers about one picture in black and white; qr tells that
// it may hold a QR code.
func decoded(b gozxing.Binarizer, qr bool) []string {
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	bitmap, err := gozxing.NewBinaryBitmap(b)
	if err != nil {
		return nil
	}
	readers := []gozxing.Reader{aztec.NewAztecReader(), datamatrix.NewDataMatrixReader()}
	if qr {
		var out []string
		if all, err := qrcode.NewQRCodeMultiReader().DecodeMultiple(bitmap, hints); err == nil {
			for _, r := range all {
				out = keep(out, r.GetText())
			}
		}
		if len(out) > 0 {
			return out
		}
		readers = append([]gozxing.Reader{plainqr.NewQRCodeReader()}, readers...)
	}
	for _, reader := range readers {
		if r, err := reader.Decode(bitmap, hints); err == nil {
			return keep(nil, r.GetText())
		}
	}
	return nil
}

// ready is a picture that is in black and white already.
type ready struct {
	gozxing.Binarizer
	m *gozxing.BitMatrix
}

// GetBlackMatrix implements gozxing.Binarizer.
func (r *ready) GetBlackMatrix() (*gozxing.BitMatrix, error) { return r.m, nil }

// flipped swaps dark and light, but for the quiet margin.
func flipped(m *gozxing.BitMatrix) *gozxing.BitMatrix {
	w, h := m.GetWidth(), m.GetHeight()
	out, err := gozxing.NewBitMatrix(w, h)
	if err != nil {
		return m // of no size
	}
	if err := out.Xor(m); err != nil {
		return m // of another size
	}
	out.FlipAll()
	for y := range h {
		inside := y >= quiet && y < h-quiet
		for x := 0; x < w; x++ {
			if inside && x == quiet {
				x = w - quiet
			}
			out.Unset(x, y)
		}
	}
	return out
}

// marks is what looks like finder patterns, the squares in the corners of QR
// codes.
type marks struct {
	count float64 // estimated
	rows  int     // in which one was met
}

// minRows is the fewest rows with a mark that three finder patterns of one pixel a
// module are met in.
const minRows = 3

// finders looks for finder patterns, dark on light and light on dark: runs of
// 1:1:3:1:1 across and down (ISO/IEC 18004 section 5.3.2). One whose module has m
// pixels is met in the 3m rows of its middle.
func finders(m *gozxing.BitMatrix) (dark, light marks) {
	var cross *detector.FinderPatternFinder
	var crossLight *detector.FinderPatternFinder
	var row *gozxing.BitArray
	for y := range m.GetHeight() {
		row = m.GetRow(y, row)
		var runs [5]int // the last five
		for x, isDark := 0, false; x < m.GetWidth(); isDark = !isDark {
			end := 0
			if isDark {
				end = min(row.GetNextUnset(x), m.GetWidth())
			} else {
				end = min(row.GetNextSet(x), m.GetWidth())
			}
			copy(runs[:], runs[1:])
			runs[4] = end - x
			x = end
			total := runs[0] + runs[1] + runs[2] + runs[3] + runs[4]
			if runs[0] == 0 || !detector.FinderPatternFinder_foundPatternCross(runs[:]) {
				continue
			}
			middle := x - runs[4] - runs[3] - (runs[2]+1)/2
			f, found := &cross, &dark
			if !isDark {
				f, found = &crossLight, &light
			}
			if *f == nil {
				of := m
				if !isDark {
					of = flipped(m)
				}
				*f = detector.NewFinderPatternFinder(of, nil)
			}
			if !math.IsNaN((*f).CrossCheckVertical(y, middle, runs[2], total)) {
				found.count += 7 / (3 * float64(total))
				found.rows++
			}
		}
	}
	return dark, light
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
