package picture

import (
	"bytes"
	"encoding/binary"
	"flag"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/datamatrix"
	"github.com/makiuchi-d/gozxing/qrcode"

	"foregate/mql/shape"
	"foregate/scan/file/internal/sample"
	"foregate/scan/file/tree"
)

var _ = flag.Bool("update", false, "write the golden files")

const link = "https://login.example/secure?id=1"

// qr draws a code with n pixels a side.
func qr(tb testing.TB, text string, n int) *image.Gray {
	tb.Helper()
	m, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, n, n, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return draw(m)
}

func draw(m *gozxing.BitMatrix) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, m.GetWidth(), m.GetHeight()))
	for y := range m.GetHeight() {
		for x := range m.GetWidth() {
			if !m.Get(x, y) {
				g.SetGray(x, y, color.Gray{Y: 0xff})
			}
		}
	}
	return g
}

// turned draws g turned by degrees on a larger light ground.
func turned(g *image.Gray, degrees float64) *image.Gray {
	n := g.Bounds().Dx()
	size := n * 3 / 2
	out := image.NewGray(image.Rect(0, 0, size, size))
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	for y := range size {
		for x := range size {
			dx, dy := float64(x)-float64(size)/2, float64(y)-float64(size)/2
			sx, sy := int(math.Floor(cos*dx+sin*dy+float64(n)/2)), int(math.Floor(-sin*dx+cos*dy+float64(n)/2))
			v := color.Gray{Y: 0xf0}
			if image.Pt(sx, sy).In(g.Bounds()) {
				v = g.GrayAt(sx, sy)
			}
			out.SetGray(x, y, v)
		}
	}
	return out
}

func inverted(g *image.Gray) *image.Gray {
	out := image.NewGray(g.Bounds())
	for i, v := range g.Pix {
		out.Pix[i] = ^v
	}
	return out
}

// stencil draws the dark of g in a colour on nothing.
func stencil(g *image.Gray, c color.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(g.Bounds())
	for y := range g.Bounds().Dy() {
		for x := range g.Bounds().Dx() {
			if g.GrayAt(x, y).Y < 128 {
				out.SetNRGBA(x, y, c)
			}
		}
	}
	return out
}

// beside draws two pictures side by side.
func beside(a, b *image.Gray) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, a.Bounds().Dx()+b.Bounds().Dx(), max(a.Bounds().Dy(), b.Bounds().Dy())))
	for i := range out.Pix {
		out.Pix[i] = 0xff
	}
	for y := range a.Bounds().Dy() {
		copy(out.Pix[y*out.Stride:], a.Pix[y*a.Stride:(y+1)*a.Stride])
	}
	for y := range b.Bounds().Dy() {
		copy(out.Pix[y*out.Stride+a.Bounds().Dx():], b.Pix[y*b.Stride:(y+1)*b.Stride])
	}
	return out
}

func asPNG(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(tb testing.TB, img image.Image, quality int) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func asGIF(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, img, nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// asBMP writes 24 bits a pixel, bottom first.
func asBMP(g *image.Gray) []byte {
	le := binary.LittleEndian
	w, h := g.Bounds().Dx(), g.Bounds().Dy()
	stride := (w*24 + 31) / 32 * 4
	b := make([]byte, 54+stride*h)
	copy(b, "BM")
	le.PutUint32(b[2:], uint32(len(b)))
	le.PutUint32(b[10:], 54)
	le.PutUint32(b[14:], 40)
	le.PutUint32(b[18:], uint32(w))
	le.PutUint32(b[22:], uint32(h))
	le.PutUint16(b[26:], 1)
	le.PutUint16(b[28:], 24)
	for y := range h {
		for x := range w {
			v := g.GrayAt(x, h-1-y).Y
			copy(b[54+y*stride+3*x:], []byte{v, v, v})
		}
	}
	return b
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(b []byte, typ, body string) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	c = append(c, typ+body...)
	c = binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
	return append(append(bytes.Clone(b[:33]), c...), b[33:]...)
}

// exif writes metadata with a maker, a program and a date.
func exif() string {
	le := binary.LittleEndian
	b := []byte("II*\x00\x08\x00\x00\x00\x04\x00")
	const data = 8 + 2 + 4*12 + 4
	values := ""
	for _, e := range []struct {
		tag  uint16
		text string
	}{{0x010f, "Camera Works"}, {0x0131, "Forger 2.1"}, {0x013b, "A. N. Other"}, {0x0132, "2026:11:01 08:00:00"}} {
		text := e.text + "\x00"
		b = le.AppendUint16(b, e.tag)
		b = le.AppendUint16(b, 2)
		b = le.AppendUint32(b, uint32(len(text)))
		b = le.AppendUint32(b, uint32(data+len(values)))
		values += text
	}
	return string(append(b, 0, 0, 0, 0)) + values
}

func withExif(b []byte) []byte {
	body := "Exif\x00\x00" + exif()
	seg := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return append(append(append(bytes.Clone(b[:2]), seg...), body...), b[2:]...)
}

func files(tb testing.TB) map[string][]byte {
	return map[string][]byte{
		"plain":    withChunk(asPNG(tb, qr(tb, link, 200)), "tEXt", "Software\x00Forger 1.0"),
		"exif":     withExif(asJPEG(tb, qr(tb, "www.shop.example", 300), 60)),
		"wifi":     asPNG(tb, qr(tb, "WIFI:S:guest;T:WPA;P:secret;;", 150)),
		"appended": append(asGIF(tb, qr(tb, link, 120)), sample.EICAR()...),
		"bitmap":   asBMP(qr(tb, link, 120)),
		"nothing":  asPNG(tb, image.NewGray(image.Rect(0, 0, 64, 64))),
	}
}

func TestGolden(t *testing.T) {
	for name, data := range files(t) {
		t.Run(name, func(t *testing.T) { sample.Golden(t, Parser{}, name, sample.Input(name, data)) })
	}
}

func TestCodes(t *testing.T) {
	big := qr(t, link, 400)
	dm, err := datamatrix.NewDataMatrixWriter().Encode(link, gozxing.BarcodeFormat_DATA_MATRIX, 200, 200, nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"plain":              asPNG(t, big),
		"one pixel a module": asPNG(t, qr(t, link, 1)),
		"inverted":           asPNG(t, inverted(big)),
		"turned a little":    asPNG(t, turned(big, 13)),
		"turned":             asJPEG(t, turned(big, 45), 70),
		"upside down":        asPNG(t, turned(big, 180)),
		"large":              asJPEG(t, qr(t, link, 2400), 80),
		"black on nothing":   asPNG(t, stencil(big, color.NRGBA{A: 0xff})),
		"white on nothing":   asPNG(t, stencil(big, color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff})),
		"coloured":           asPNG(t, stencil(big, color.NRGBA{R: 0x90, B: 0x20, A: 0xff})),
		"poor JPEG":          asJPEG(t, big, 10),
		"GIF":                asGIF(t, big),
		"BMP":                asBMP(big),
		"cut to the edge":    asPNG(t, big.SubImage(image.Rect(37, 37, 363, 363))),
		"two":                asPNG(t, beside(big, qr(t, "tel:+49301234567", 400))),
		"Data Matrix":        asPNG(t, draw(dm)),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			res, err := Parser{}.Open(t.Context(), sample.Input(name, data))
			if err != nil {
				t.Fatal(err)
			}
			if len(res.URLs) != 1 || res.URLs[0] != link || len(res.Findings) == 0 || res.Findings[0].ID != "file.qr-link" && res.Findings[len(res.Findings)-1].ID != "file.qr-link" {
				t.Errorf("links %q, findings %v", res.URLs, res.Findings)
			}
			q, ok := res.Facts["codes"].(*shape.QR)
			want := 1
			if name == "two" {
				want = 2
			}
			if !ok || len(q.Items) != want {
				t.Errorf("codes %+v", q)
			}
		})
	}
}

// A picture is known again after scaling and recompression; another is not.
func TestHash(t *testing.T) {
	g := image.NewGray(image.Rect(0, 0, 300, 200))
	for y := range 200 {
		for x := range 300 {
			g.SetGray(x, y, color.Gray{Y: uint8(128 + 100*math.Sin(float64(x)/31)*math.Cos(float64(y)/23))})
		}
	}
	small := scaled(g, 150).SubImage(image.Rect(quiet, quiet, quiet+150, quiet+100))
	again, err := jpeg.Decode(bytes.NewReader(asJPEG(t, small, 40)))
	if err != nil {
		t.Fatal(err)
	}
	same, _ := grey(again)
	if d := Distance(hash(g), hash(same)); d > 10 {
		t.Errorf("distance to the same picture is %d", d)
	}
	if d := Distance(hash(g), hash(qr(t, link, 300))); d <= 10 {
		t.Errorf("distance to another picture is %d", d)
	}
}

func TestTooLarge(t *testing.T) {
	b := asPNG(t, image.NewGray(image.Rect(0, 0, 30, 30)))
	binary.BigEndian.PutUint32(b[16:], 1<<20)
	binary.BigEndian.PutUint32(b[20:], 1<<20)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	_, err := Parser{}.Open(t.Context(), sample.Input("huge.png", b))
	if want := "decoding a picture of 1048576 by 1048576: " + tree.ErrBudget.Error(); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestTorture(t *testing.T) {
	for name, data := range map[string][]byte{
		"exif": withExif(asJPEG(t, qr(t, "x", 1), 30)), "chunk": withChunk(asPNG(t, qr(t, "x", 1)), "eXIf", exif()), "gif": asGIF(t, qr(t, "x", 1)), "bmp": asBMP(qr(t, "x", 1)),
	} {
		sample.Torture(t, Parser{}, name, data)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(withExif(asJPEG(f, qr(f, "x", 1), 30)))
	f.Add(withChunk(asPNG(f, qr(f, "x", 1)), "eXIf", exif()))
	f.Add(asGIF(f, qr(f, "x", 1)))
	f.Add(asBMP(qr(f, "x", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f", data)
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}

func BenchmarkOpen(b *testing.B) {
	photo := image.NewGray(image.Rect(0, 0, 1600, 1200))
	for i := range photo.Pix {
		photo.Pix[i] = uint8(128 + 100*math.Sin(float64(i%1600)/31)*math.Cos(float64(i/1600)/23))
	}
	for name, data := range map[string][]byte{"qr": asPNG(b, qr(b, link, 300)), "photo": asJPEG(b, photo, 80), "logo": asPNG(b, turned(qr(b, "x", 1), 0))} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := (Parser{}).Open(b.Context(), sample.Input(name, data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
