package markup

import (
	"context"
	"math"
	"strconv"
	"strings"

	"foregate/scan/file/picture"
	"foregate/scan/file/tree"
)

// Bounds of vector drawings.
const (
	maxGroups    = 64      // elements inside each other whose style is kept
	maxPathData  = 4 << 20 // bytes of all paths, each as often as it is drawn: a code has 100 KiB
	maxUses      = 40_000  // references to shapes
	maxShapeDefs = 200     // shapes that may be referred to
	maxVector    = 400_000 // elements read
	maxNumber    = 40      // characters of a number
	longPath     = 600     // bytes of a path's data from which it may draw a code
	manyShapes   = 60      // shapes from which a page may draw a code
)

// mayDrawVector tells whether a page has enough vector shapes to draw a code.
func mayDrawVector(s string) bool {
	if !strings.Contains(s, "<svg") && !strings.Contains(s, ":svg") {
		return false
	}
	n := 0
	for _, tag := range []string{"<rect", "<use", "<circle", "<path", "<polygon"} {
		if n += strings.Count(s, tag); n >= manyShapes {
			return true
		}
	}
	for rest := s; ; {
		i := strings.Index(rest, ` d="`)
		if i < 0 {
			return false
		}
		rest = rest[i+4:]
		if end := strings.IndexByte(rest, '"'); end < 0 || end >= longPath {
			return end >= longPath
		}
	}
}

// vector gathers the shapes of SVG elements.
type vector struct {
	plot          picture.Plot
	groups        []group
	defs          map[string]shapeDef
	width, height float64 // of the drawing, for lengths in percent
	n, uses, data int     // elements, references and bytes of paths read
}

// group is an element that others stand in, with the style they inherit.
type group struct {
	tag string
	style
}

// style is how shapes are drawn.
type style struct {
	fill, stroke string // colours
	width        float64
	evenOdd      bool
	at           picture.Matrix
	hidden       bool // inside of <defs> and the like
}

// shapeDef is a shape that <use> may draw again.
type shapeDef struct {
	tag   string
	attrs map[string]string
}

func (v *vector) top() style {
	if len(v.groups) == 0 {
		return style{fill: "black", width: 1, at: picture.Identity()}
	}
	return v.groups[len(v.groups)-1].style
}

// start reads the start of an element.
func (v *vector) start(tag string, attrs map[string]string) {
	if v.n++; v.n > maxVector {
		return
	}
	switch tag {
	case "svg", "g", "defs", "symbol", "clippath", "mask", "pattern", "a":
		if len(v.groups) >= maxGroups {
			return
		}
		if tag == "svg" {
			v.size(attrs)
		}
		s := v.top().with(attrs)
		s.hidden = s.hidden || tag != "svg" && tag != "g" && tag != "a"
		v.groups = append(v.groups, group{tag, s})
	case "rect", "path", "polygon", "polyline", "circle":
		if id := attrs["id"]; id != "" && len(v.defs) < maxShapeDefs {
			if v.defs == nil {
				v.defs = map[string]shapeDef{}
			}
			v.defs[id] = shapeDef{tag, attrs}
		}
		if s := v.top().with(attrs); !s.hidden {
			v.shape(tag, attrs, s)
		}
	case "use":
		v.use(attrs)
	}
}

func (v *vector) end(tag string) {
	for i := len(v.groups) - 1; i >= 0; i-- {
		if v.groups[i].tag == tag {
			v.groups = v.groups[:i]
			return
		}
	}
}

// size reads how large the drawing is.
func (v *vector) size(attrs map[string]string) {
	if f := numbers(attrs["viewbox"]); len(f) == 4 {
		v.width, v.height = f[2], f[3]
	} else if v.width == 0 {
		v.width, v.height = v.length(attrs["width"], 0), v.length(attrs["height"], 0)
	}
}

// length reads a length; percent are of whole.
func (v *vector) length(s string, whole float64) float64 {
	f := numbers(s)
	if len(f) == 0 {
		return 0
	}
	if strings.HasSuffix(strings.TrimSpace(s), "%") {
		return f[0] / 100 * whole
	}
	return f[0]
}

// use draws a shape again.
func (v *vector) use(attrs map[string]string) {
	href := attrs["href"]
	if href == "" {
		href = attrs["xlink:href"]
	}
	d, ok := v.defs[strings.TrimPrefix(href, "#")]
	if v.uses++; !ok || v.uses > maxUses || v.top().hidden {
		return
	}
	s := v.top().with(attrs)
	s.at = picture.Matrix{1, 0, 0, 1, v.length(attrs["x"], v.width), v.length(attrs["y"], v.height)}.Then(s.at)
	v.shape(d.tag, d.attrs, s.with(d.attrs))
}

// with is the style of an element inside of another.
func (s style) with(attrs map[string]string) style {
	get := func(key string) string { return attrs[key] }
	if css := attrs["style"]; css != "" {
		own := map[string]string{}
		for part := range strings.SplitSeq(css[:min(len(css), 1<<10)], ";") {
			if k, val, ok := strings.Cut(part, ":"); ok {
				own[strings.TrimSpace(strings.ToLower(k))] = strings.TrimSpace(val)
			}
		}
		get = func(key string) string {
			if val := own[key]; val != "" {
				return val
			}
			return attrs[key]
		}
	}
	if f := get("fill"); f != "" && f != "inherit" {
		s.fill = f
	}
	if f := get("stroke"); f != "" && f != "inherit" {
		s.stroke = f
	}
	if f := numbers(get("stroke-width")); len(f) > 0 {
		s.width = f[0]
	}
	if f := get("fill-rule"); f != "" {
		s.evenOdd = f == "evenodd"
	}
	if get("display") == "none" || get("visibility") == "hidden" {
		s.hidden = true
	}
	if t := attrs["transform"]; t != "" {
		s.at = transform(t).Then(s.at)
	}
	return s
}

// transform reads the attribute of that name: a row of functions, of which the
// last is applied first.
func transform(t string) picture.Matrix {
	m := picture.Identity()
	for range 16 {
		name, rest, ok := strings.Cut(t, "(")
		args, after, closed := strings.Cut(rest, ")")
		if !ok || !closed {
			break
		}
		t = after
		f := numbers(args)
		at := func(i int, other float64) float64 {
			if i < len(f) {
				return f[i]
			}
			return other
		}
		step := picture.Identity()
		switch strings.ToLower(strings.Trim(name, " ,\t\r\n")) {
		case "translate":
			step[4], step[5] = at(0, 0), at(1, 0)
		case "scale":
			step[0] = at(0, 1)
			step[3] = at(1, step[0])
		case "rotate":
			sin, cos := math.Sincos(at(0, 0) * math.Pi / 180)
			x, y := at(1, 0), at(2, 0)
			step = picture.Matrix{1, 0, 0, 1, -x, -y}.Then(picture.Matrix{cos, sin, -sin, cos, 0, 0}).Then(picture.Matrix{1, 0, 0, 1, x, y})
		case "matrix":
			if len(f) == 6 {
				copy(step[:], f)
			}
		}
		m = step.Then(m)
	}
	return m
}

// shape draws one shape.
func (v *vector) shape(tag string, attrs map[string]string, s style) {
	var p picture.Path
	num := func(key string, whole float64) float64 { return v.length(attrs[key], whole) }
	switch tag {
	case "rect":
		p.Rect(num("x", v.width), num("y", v.height), num("width", v.width), num("height", v.height))
	case "circle":
		x, y, r := num("cx", v.width), num("cy", v.height), num("r", v.width)
		for i := range 9 {
			sin, cos := math.Sincos(float64(i) * math.Pi / 4)
			p.Line(picture.Point{X: x + r*cos, Y: y + r*sin})
		}
	case "polygon", "polyline":
		if v.data += len(attrs["points"]); v.data > maxPathData {
			return
		}
		f := numbers(attrs["points"])
		for i := 0; i+1 < len(f); i += 2 {
			p.Line(picture.Point{X: f[i], Y: f[i+1]})
		}
	case "path":
		if v.data += len(attrs["d"]); v.data > maxPathData {
			return
		}
		readPath(&p, attrs["d"])
	}
	if light, ok := brightness(strings.ToLower(strings.TrimSpace(s.fill))); ok && s.fill != "none" {
		v.plot.Fill(&p, s.at, uint8(min(max(light, 0), 255)), s.evenOdd)
	}
	if light, ok := brightness(strings.ToLower(strings.TrimSpace(s.stroke))); ok && s.stroke != "none" {
		v.plot.Stroke(&p, s.at, s.width, uint8(min(max(light, 0), 255)))
	}
}

// look reads the codes that the shapes draw.
func (v *vector) look(ctx context.Context, res *tree.Result, name string) error {
	return v.plot.Codes(ctx, res, name)
}

// numbers reads the numbers in a list, however they are separated.
func numbers(s string) []float64 {
	var out []float64
	r := pathReader{s: s}
	for r.skip(); r.pos < len(r.s); r.skip() {
		f, ok := r.number()
		if !ok {
			break
		}
		out = append(out, f)
	}
	return out
}

// pathReader reads path data (SVG 2 section 9.3).
type pathReader struct {
	s   string
	pos int
}

func (r *pathReader) skip() {
	for r.pos < len(r.s) && strings.IndexByte(" ,\t\r\n", r.s[r.pos]) >= 0 {
		r.pos++
	}
}

// number reads a number; "1-2.5.5" are three.
func (r *pathReader) number() (float64, bool) {
	r.skip()
	start, point, exp := r.pos, false, false
	for r.pos < len(r.s) && r.pos-start < maxNumber {
		c := r.s[r.pos]
		switch {
		case c >= '0' && c <= '9':
		case (c == '-' || c == '+') && (r.pos == start || r.s[r.pos-1]|0x20 == 'e'):
		case c == '.' && !point && !exp:
			point = true
		case c|0x20 == 'e' && !exp && r.pos > start:
			exp = true
		default:
			c = 0
		}
		if c == 0 || c < '+' {
			break
		}
		r.pos++
	}
	f, err := strconv.ParseFloat(r.s[start:r.pos], 64)
	return f, err == nil
}

// readPath adds path data to a path. Arcs become straight lines.
func readPath(p *picture.Path, d string) {
	r := &pathReader{s: d}
	var cmd byte
	var at, handle picture.Point
	for {
		r.skip()
		if r.pos >= len(r.s) {
			return
		}
		if c := r.s[r.pos]; c|0x20 >= 'a' && c|0x20 <= 'z' {
			cmd = c
			r.pos++
			if c|0x20 == 'z' {
				p.Close()
				at = p.Last()
				continue
			}
		}
		n := map[byte]int{'m': 2, 'l': 2, 't': 2, 'h': 1, 'v': 1, 'c': 6, 's': 4, 'q': 4, 'a': 7}[cmd|0x20]
		if n == 0 {
			return
		}
		var f [7]float64
		for i := range n {
			v, ok := r.number()
			if !ok {
				return
			}
			f[i] = v
		}
		at, handle = segment(p, cmd, f, at, handle)
		switch cmd { // what follows a start without a letter are lines
		case 'm':
			cmd = 'l'
		case 'M':
			cmd = 'L'
		}
	}
}

// segment adds one command's segment; it returns where it ends and the handle
// that a smooth curve goes on with.
func segment(p *picture.Path, cmd byte, f [7]float64, at, handle picture.Point) (end, next picture.Point) {
	base := picture.Point{}
	if cmd >= 'a' {
		base = at
	}
	pt := func(i int) picture.Point { return picture.Point{X: base.X + f[i], Y: base.Y + f[i+1]} }
	mirror := picture.Point{X: 2*at.X - handle.X, Y: 2*at.Y - handle.Y}
	switch cmd | 0x20 {
	case 'm':
		end = pt(0)
		p.Move(end)
		return end, end
	case 'h':
		end = picture.Point{X: base.X + f[0], Y: at.Y}
	case 'v':
		end = picture.Point{X: at.X, Y: base.Y + f[0]}
	case 'l', 't':
		end = pt(0)
	case 'a':
		end = pt(5)
	case 'c':
		p.Curve(pt(0), pt(2), pt(4))
		return pt(4), pt(2)
	case 's':
		p.Curve(mirror, pt(0), pt(2))
		return pt(2), pt(0)
	case 'q':
		p.Curve(pt(0), pt(0), pt(2))
		return pt(2), pt(0)
	}
	p.Line(end)
	return end, end
}
