package pdf

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"unicode/utf16"

	"foregate/scan/file/tree"
)

// Bounds of what is drawn.
const (
	maxImages  = 50       // pictures taken out: codes are on the first pages
	maxSide    = 4096     // pixels of one side of a picture made here
	maxPages   = 50       // pages read for text
	maxPageLen = 4 << 20  // bytes of one page's operators read
	maxAllText = 1 << 20  // bytes of text kept
	maxCodes   = 1 << 16  // entries of one character map
	maxOps     = 2000000  // operators of all pages
	minImage   = 16       // pixels of a side below which nobody draws a code
	maxImgData = 16 << 20 // bytes of one picture
	maxPixels  = 24 << 20 // pixels of all pictures made here: a second of work
	maxForms   = 4        // forms inside each other
	maxPlots   = 10       // pages searched for codes drawn by shapes
	maxFonts   = 500      // fonts whose character map is read
)

// pictures takes out the images, where codes and lures are looked for.
func (d *doc) pictures() error {
	taken, pixels := 0, 0
	for i, o := range d.objects {
		s, ok := o.val.(*dict)
		if !ok || o.stream == nil || d.resolve(s.get("Subtype")) != name("Image") || taken >= maxImages || d.latest[o.num] != i {
			continue
		}
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		w, _ := d.resolve(s.get("Width")).(float64)
		h, _ := d.resolve(s.get("Height")).(float64)
		if w < minImage || h < minImage || w > maxSide || h > maxSide {
			continue
		}
		b, format, err := d.decode(s, o.stream)
		if errors.Is(err, tree.ErrBudget) {
			return err
		}
		if err != nil || len(b) == 0 || len(b) > maxImgData {
			continue
		}
		c := tree.Child{Name: fmt.Sprintf("image%d", o.num), Path: fmt.Sprintf("object %d", o.num), How: "embedded"}
		switch format {
		case "DCTDecode", "DCT":
			c.Name, c.Data = c.Name+".jpg", b
		case "JPXDecode":
			c.Name, c.Data = c.Name+".jp2", b
		case "":
			if pixels += int(w * h); pixels > maxPixels {
				return nil
			}
			c.Name, c.Data = c.Name+".png", d.bitmap(s, b, int(w), int(h))
		}
		if c.Data == nil {
			continue
		}
		taken++
		if err := d.res.Add(d.in.Budget, c, int64(len(d.in.Data))); err != nil {
			return err
		}
	}
	return nil
}

// bitmap makes a picture of raw samples: gray, RGB, CMYK or a palette, of 1 or
// 8 bits.
func (d *doc) bitmap(s *dict, b []byte, w, h int) []byte {
	bits, _ := d.resolve(s.get("BitsPerComponent")).(float64)
	if m, ok := d.resolve(s.get("ImageMask")).(bool); ok && m {
		bits = 1
	}
	space, palette := d.colours(s.get("ColorSpace"))
	if bits == 1 && space == 1 {
		return d.bilevel(s, b, w, h, palette)
	}
	if bits != 8 || len(b) < w*h*space {
		return nil
	}
	if space == 1 && palette == nil {
		return encode(&image.Gray{Pix: b, Stride: w, Rect: image.Rect(0, 0, w, h)})
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		p, c := b[i*space:(i+1)*space], img.Pix[4*i:4*i+4:4*i+4]
		c[3] = 255
		switch {
		case palette != nil:
			if at := 3 * int(p[0]); at+3 <= len(palette) {
				copy(c, palette[at:at+3])
			}
		case space == 3:
			copy(c, p)
		default:
			c[0], c[1], c[2] = color.CMYKToRGB(p[0], p[1], p[2], p[3])
		}
	}
	return encode(img)
}

func (d *doc) bilevel(s *dict, b []byte, w, h int, palette []byte) []byte {
	row := (w + 7) / 8
	if len(b) < row*h {
		return nil
	}
	white := byte(1)
	if dec := d.list(s.get("Decode")); len(dec) == 2 && d.resolve(dec[0]) == float64(1) {
		white = 0
	}
	if len(palette) >= 6 && int(palette[0])+int(palette[1]) > int(palette[3])+int(palette[4]) {
		white ^= 1
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			if b[y*row+x/8]>>(7-x%8)&1 == white {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	return encode(img)
}

func encode(img image.Image) []byte {
	var out bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&out, img); err != nil {
		return nil
	}
	return out.Bytes()
}

// colours returns the number of components and the palette of a colour space.
func (d *doc) colours(v any) (n int, palette []byte) {
	switch cs := d.resolve(v).(type) {
	case name:
		switch cs {
		case "DeviceRGB", "RGB", "CalRGB", "Lab":
			return 3, nil
		case "DeviceCMYK", "CMYK":
			return 4, nil
		}
	case array:
		if len(cs) < 2 {
			return 1, nil
		}
		switch d.resolve(cs[0]) {
		case name("ICCBased"):
			if o, ok := d.content(cs[1]); ok {
				if s, ok := o.val.(*dict); ok {
					if n, ok := d.resolve(s.get("N")).(float64); ok && (n == 1 || n == 3 || n == 4) {
						return int(n), nil
					}
				}
			}
		case name("CalRGB"), name("Lab"):
			return 3, nil
		case name("Indexed"), name("I"):
			if len(cs) < 4 {
				return 1, nil
			}
			if t, ok := d.resolve(cs[3]).(text); ok {
				return 1, t
			}
			if o, ok := d.content(cs[3]); ok && o.stream != nil {
				s, _ := o.val.(*dict)
				b, _, _ := d.decode(s, o.stream)
				return 1, b
			}
		}
	}
	return 1, nil
}

// cmap maps character codes of a font to text.
type cmap struct {
	wide bool
	m    map[int]string
}

// texts reads the text of the pages.
func (d *doc) texts() error {
	d.known = map[int]*cmap{}
	pages, ops := 0, maxOps
	var out strings.Builder
	for i, o := range d.objects {
		p, ok := o.val.(*dict)
		if !ok || d.latest[o.num] != i || d.resolve(p.get("Type")) != name("Page") {
			continue
		}
		if pages++; pages > maxPages || out.Len() > maxAllText || ops <= 0 {
			break
		}
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		var content []byte
		parts := array{p.get("Contents")}
		if a, ok := d.resolve(p.get("Contents")).(array); ok {
			parts = a
		}
		for _, ref := range parts {
			c, ok := d.content(ref)
			s, isDict := c.val.(*dict)
			if !ok || !isDict || c.stream == nil || len(content) > maxPageLen {
				continue
			}
			b, _, err := d.decode(s, c.stream)
			if errors.Is(err, tree.ErrBudget) {
				d.res.Say(out.String())
				return err
			}
			content = append(append(content, b...), '\n')
		}
		use, err := d.fonts(p, d.known)
		if err != nil {
			return err
		}
		paint := newPainter()
		d.pageText(content[:min(len(content), maxPageLen)], p, use, paint, &out, &ops)
		out.WriteByte('\n')
		if d.plots++; d.plots <= maxPlots {
			if err := paint.plot.Codes(d.ctx, d.res, d.in.Name); err != nil {
				return err
			}
		}
	}
	d.res.Say(out.String())
	return nil
}

// resources returns what a page or a form names its fonts and forms in: its own,
// or those of the pages above it.
func (d *doc) resources(p *dict) *dict {
	for range maxResolve {
		if r, ok := d.resolve(p.get("Resources")).(*dict); ok {
			return r
		}
		next, ok := d.resolve(p.get("Parent")).(*dict)
		if !ok {
			return nil
		}
		p = next
	}
	return nil
}

// form runs through a form that a page or another form draws (ISO 32000-1
// section 8.10). Each is unpacked once.
func (d *doc) form(from *dict, n name, paint *painter, out *strings.Builder, ops *int) {
	list, _ := d.resolve(d.resources(from).get("XObject")).(*dict)
	o, ok := d.content(list.get(string(n)))
	s, isDict := o.val.(*dict)
	if !ok || !isDict || o.stream == nil || d.nested >= maxForms || d.resolve(s.get("Subtype")) != name("Form") {
		return
	}
	b, have := d.forms[o.num]
	if !have {
		b, _, _ = d.decode(s, o.stream) // what is damaged or over the budget draws nothing
		b = b[:min(len(b), maxPageLen)]
		if d.forms == nil {
			d.forms = map[int][]byte{}
		}
		d.forms[o.num] = b
	}
	use, err := d.fonts(s, d.known)
	if err != nil {
		return
	}
	d.nested++
	*ops -= len(b) / 32 // also what holds no operators takes time
	before := paint.state
	if m := d.list(s.get("Matrix")); len(m) == 6 {
		paint.operator("cm", m)
	}
	d.pageText(b, s, use, paint, out, ops)
	paint.state = before
	d.nested--
}

// fonts returns the character maps of a page's fonts by name.
func (d *doc) fonts(p *dict, known map[int]*cmap) (map[string]*cmap, error) {
	use := map[string]*cmap{}
	list, _ := d.resolve(d.resources(p).get("Font")).(*dict)
	if list == nil {
		return use, nil
	}
	for n, v := range list.m {
		id, isRef := v.(ref)
		if isRef && known[id.num] != nil {
			use[n] = known[id.num]
			continue
		}
		f, _ := d.resolve(v).(*dict)
		m := &cmap{wide: d.resolve(f.get("Subtype")) == name("Type0")}
		if o, ok := d.content(f.get("ToUnicode")); ok && o.stream != nil && d.maps < maxFonts {
			d.maps++
			s, _ := o.val.(*dict)
			b, _, err := d.decode(s, o.stream)
			if errors.Is(err, tree.ErrBudget) {
				return nil, err
			}
			m.m = readMap(b)
		}
		use[n] = m
		if isRef {
			known[id.num] = m
		}
	}
	return use, nil
}

// readMap reads a ToUnicode map, ISO 32000-1 section 9.10.3.
func readMap(b []byte) map[int]string {
	out := map[int]string{}
	l := lexer{b: b[:min(len(b), 1<<20)]}
	var args []any
	for len(out) < maxCodes {
		v := l.value(0)
		w, ok := v.(word)
		if !ok {
			if len(args) < 3*maxCodes {
				args = append(args, v)
			}
			continue
		}
		switch w {
		case end:
			return out
		case "endbfchar":
			for i := 0; i+1 < len(args); i += 2 {
				from, _ := args[i].(text)
				to, _ := args[i+1].(text)
				out[code(from)] = wideText(to)
			}
		case "endbfrange":
			for i := 0; i+2 < len(args); i += 3 {
				mapRange(out, args[i], args[i+1], args[i+2])
			}
		}
		args = args[:0]
	}
	return out
}

func mapRange(out map[int]string, from, to, target any) {
	a, _ := from.(text)
	b, _ := to.(text)
	lo, hi := code(a), code(b)
	switch t := target.(type) {
	case text:
		r := []rune(wideText(t))
		if len(r) == 0 {
			return
		}
		for c := lo; c <= hi && c-lo < 256 && len(out) < maxCodes; c++ {
			s := append([]rune{}, r...)
			s[len(s)-1] += rune(c - lo)
			out[c] = string(s)
		}
	case array:
		for i, e := range t {
			if s, ok := e.(text); ok && lo+i <= hi && len(out) < maxCodes {
				out[lo+i] = wideText(s)
			}
		}
	}
}

func code(b text) int {
	n := 0
	for _, c := range b[:min(len(b), 4)] {
		n = n<<8 | int(c)
	}
	return n
}

func wideText(b text) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

// pageText runs through the operators of a page, writes what they show and
// notes what they draw.
func (d *doc) pageText(b []byte, from *dict, fonts map[string]*cmap, paint *painter, out *strings.Builder, ops *int) {
	l := lexer{b: b}
	var args []any
	var font *cmap
	for *ops > 0 && out.Len() < maxAllText {
		v := l.value(0)
		w, ok := v.(word)
		if !ok {
			if len(args) < 64 {
				args = append(args, v)
			}
			continue
		}
		*ops--
		if w == end {
			return
		}
		switch w {
		case "Tf":
			if len(args) > 0 {
				n, _ := args[0].(name)
				font = fonts[string(n)]
			}
		case "Tj", "'", "\"":
			if w != "Tj" {
				out.WriteByte('\n')
			}
			if len(args) > 0 {
				show(out, font, args[len(args)-1])
			}
		case "TJ":
			if len(args) > 0 {
				showAll(out, font, args[len(args)-1])
			}
		case "Td", "TD", "Tm", "T*", "ET":
			newLine(out, w, args)
		case "ID": // an inline image: its bytes are no operators
			i := bytes.Index(l.b[l.pos:], []byte("EI"))
			if i < 0 {
				return
			}
			l.pos += i + 2
		case "Do":
			if len(args) > 0 {
				n, _ := args[0].(name)
				d.form(from, n, paint, out, ops)
			}
		default:
			paint.operator(w, args)
		}
		args = args[:0]
	}
}

// newLine separates what is shown at different places.
func newLine(out *strings.Builder, op word, args []any) {
	if op == "Td" && len(args) == 2 && args[1] == float64(0) {
		out.WriteByte(' ')
		return
	}
	out.WriteByte('\n')
}

// wideGap is the shift between glyphs, in thousandths of the font's size, that
// stands for a space.
const wideGap = -180

func showAll(out *strings.Builder, font *cmap, v any) {
	a, _ := v.(array)
	for _, e := range a {
		if n, ok := e.(float64); ok {
			if n < wideGap {
				out.WriteByte(' ')
			}
			continue
		}
		show(out, font, e)
	}
}

func show(out *strings.Builder, font *cmap, v any) {
	s, ok := v.(text)
	if !ok {
		return
	}
	if font == nil || font.m == nil {
		if font == nil || !font.wide {
			out.WriteString(decodeText(s))
		}
		return
	}
	step := 1
	if font.wide {
		step = 2
	}
	for i := 0; i+step <= len(s); i += step {
		c := code(s[i : i+step])
		t, ok := font.m[c]
		if !ok && step == 1 && c >= 0x20 {
			t = string(rune(c))
		}
		out.WriteString(t)
	}
}
