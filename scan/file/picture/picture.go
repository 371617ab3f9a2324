// Package picture looks into pictures: the links in QR codes and other
// two-dimensional codes (quishing moves a link to where no text filter reads
// it), what the file says of its own making, and a perceptual hash by which a
// picture is known again after it was scaled or recompressed.
package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/bits"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Bounds of one picture.
const (
	// maxPixels is what is decoded into memory: a 24 megapixel photograph is
	// 96 MB as RGBA, and pictures in mail are seldom above 12.
	maxPixels = 24 << 20
	// minSide is the smallest side that can hold a code: a QR code of version
	// 1 has 21 modules (ISO/IEC 18004 section 5.3.1), drawn with one pixel each.
	minSide = 21
	// maxModules bounds a drawn code: version 40 has 177 modules, and some draw
	// each as two cells.
	maxModules = 400
	// maxGIFPixels bounds a GIF, whose frames are decoded one by one.
	maxGIFPixels = 8 << 20
)

// Parser looks into PNG, JPEG, GIF and BMP pictures. It reports links in codes
// (file.qr-link), other codes that hand something over to a telephone
// (file.qr-code), fields of decoys (file.qr-decoys) and data behind the end of the picture (file.appended-data).
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "picture" }

// Opens implements tree.Parser.
func (Parser) Opens(in *tree.Input) bool { return kind(in.Data) != "" }

// kind is the format by its first bytes, "" for none that is read here.
func kind(b []byte) string {
	for _, k := range []struct{ sign, name string }{{"\x89PNG\r\n\x1a\n", "png"}, {"\xff\xd8\xff", "jpg"}, {"GIF87a", "gif"}, {"GIF89a", "gif"}} {
		if bytes.HasPrefix(b, []byte(k.sign)) {
			return k.name
		}
	}
	if isBMP(b) {
		return "bmp"
	}
	return ""
}

// Open implements tree.Parser. It fails when the picture can't be decoded; what
// its metadata say stands.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	k := kind(in.Data)
	meta := &facts{tool: &shape.ScanExifTool{}, exif: &shape.Exif{}}
	meta.read(k, in.Data)
	defer meta.report(&res)
	width, height, err := size(k, in.Data)
	if err != nil {
		return res, fmt.Errorf("reading a picture's size: %w", err)
	}
	meta.tool.ImageWidth, meta.tool.ImageHeight = &width, &height
	meta.exif.ImageWidth, meta.exif.ImageHeight = &width, &height
	if err := trailer(k, in, &res); err != nil {
		return res, err
	}
	limit := maxPixels
	if k == "gif" {
		limit = maxGIFPixels
	}
	if width <= 0 || height <= 0 || width > limit/height {
		return res, fmt.Errorf("decoding a picture of %d by %d: %w", width, height, tree.ErrBudget)
	}
	if width < minSide || height < minSide {
		return res, nil
	}
	img, err := decode(k, in.Data)
	if err != nil {
		return res, fmt.Errorf("decoding a picture: %w", err)
	}
	g, clear := grey(img)
	meta.add("PerceptualHash", fmt.Sprintf("%016x", hash(g)))
	found, err := read(ctx, img, g, clear)
	if errors.Is(err, errFinders) {
		res.Find("file.qr-decoys", "", "picture %q is strewn with the corner marks of codes and was not searched for codes wholly", in.Name)
		err = nil
	}
	items := make([]shape.QRItem, 0, len(found))
	for _, text := range found {
		items = append(items, tell(&res, in.Name, text))
	}
	codesFound(&res, items)
	return res, err
}

// codesFound gives rules the codes that were looked for, none included.
func codesFound(res *tree.Result, items []shape.QRItem) {
	some := len(items) > 0
	res.Fact("codes", &shape.QR{Found: &some, Items: items})
	q := &shape.ScanQR{}
	if some {
		q = &shape.ScanQR{Type: items[0].Type, Data: items[0].Data, URL: items[0].URL}
	}
	res.Fact("qr", q)
}

// Drawn looks for a code in modules that are drawn without a picture, as table
// cells or block characters: rows of dark (true) and light ones. What it finds
// is reported like the codes of a picture, of the file called name.
func Drawn(ctx context.Context, res *tree.Result, name string, rows [][]bool) error {
	width := 0
	for _, r := range rows {
		width = max(width, len(r))
	}
	if len(rows) < minSide || width < minSide || len(rows) > maxModules || width > maxModules {
		return nil
	}
	const scale, margin = 4, 4 * 4
	img := image.NewGray(image.Rect(0, 0, width*scale+2*margin, len(rows)*scale+2*margin))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for y, r := range rows {
		for x, dark := range r {
			if !dark {
				continue
			}
			for dy := range scale {
				at := (y*scale+margin+dy)*img.Stride + x*scale + margin
				copy(img.Pix[at:at+scale], make([]byte, scale))
			}
		}
	}
	found, err := read(ctx, img, img, false)
	if errors.Is(err, errFinders) {
		err = nil
	}
	drawn(res, name, found)
	return err
}

// drawn reports codes that are drawn without a picture.
func drawn(res *tree.Result, name string, found []string) {
	var items []shape.QRItem
	for _, text := range found {
		items = append(items, tell(res, name, text))
	}
	if len(items) > 0 {
		res.Find("file.qr-drawn", items[0].Data, "%q draws a code without a picture, where readers of pictures do not see it", name)
		codesFound(res, items)
	}
}

func size(k string, b []byte) (w, h int, err error) {
	var c image.Config
	switch k {
	case "png":
		c, err = png.DecodeConfig(bytes.NewReader(b))
	case "jpg":
		c, err = jpeg.DecodeConfig(bytes.NewReader(b))
	case "gif":
		c, err = gif.DecodeConfig(bytes.NewReader(b))
	default:
		c, err = bmpConfig(b)
	}
	return c.Width, c.Height, err
}

// decode decodes a picture; of a moving one, its first frame.
func decode(k string, b []byte) (image.Image, error) {
	switch k {
	case "png":
		return png.Decode(bytes.NewReader(b))
	case "jpg":
		return jpeg.Decode(bytes.NewReader(b))
	case "gif":
		return gif.Decode(bytes.NewReader(b))
	}
	return decodeBMP(b)
}

// hash is the difference hash of a picture: one bit for each of 64 places,
// whether it grows brighter to the right.
func hash(g *image.Gray) uint64 {
	const w, h = 9, 8
	var cell [h][w]int
	b := g.Bounds()
	for y := range h {
		for x := range w {
			cell[y][x] = mean(g, x*b.Dx()/w, y*b.Dy()/h, (x+1)*b.Dx()/w, (y+1)*b.Dy()/h)
		}
	}
	var sum uint64
	for y := range h {
		for x := range w - 1 {
			sum <<= 1
			if cell[y][x+1] > cell[y][x] {
				sum |= 1
			}
		}
	}
	return sum
}

// mean is the brightness of a part of a picture, by at most 256 samples.
func mean(g *image.Gray, x0, y0, x1, y1 int) int {
	stepX, stepY := max(1, (x1-x0)/16), max(1, (y1-y0)/16)
	sum, n := 0, 0
	for y := y0; y < max(y1, y0+1); y += stepY {
		for x := x0; x < max(x1, x0+1); x += stepX {
			sum += int(g.Pix[y*g.Stride+x])
			n++
		}
	}
	return sum / n
}

// Distance is how many of the 64 bits of two perceptual hashes differ: up to
// 10 is the same picture.
func Distance(a, b uint64) int { return bits.OnesCount64(a ^ b) }
