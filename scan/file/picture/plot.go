package picture

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"

	"foregate/scan/file/tree"
)

// Bounds of a drawing of filled shapes.
const (
	maxPoints  = 200_000 // corners of all shapes: a code of version 40 has 90,000
	minShapes  = 40      // dark shapes below which there is no code
	plotSide   = 1200    // pixels of the longer side it is drawn with
	plotMargin = 4       // of those, around it: the search adds the rest
	maxSpans   = 2 << 20 // crossings of shapes with rows of pixels: a code of version 40 has 400,000
)

// Point is a place in a drawing; Y grows downwards.
type Point struct{ X, Y float64 }

// Matrix maps points: x' = a·x + c·y + e, y' = b·x + d·y + f, in the order a to f,
// as SVG and PDF write it.
type Matrix [6]float64

// Identity maps every point to itself.
func Identity() Matrix { return Matrix{1, 0, 0, 1, 0, 0} }

// Then is the map that applies m first and n to its result.
func (m Matrix) Then(n Matrix) Matrix {
	return Matrix{
		n[0]*m[0] + n[2]*m[1], n[1]*m[0] + n[3]*m[1],
		n[0]*m[2] + n[2]*m[3], n[1]*m[2] + n[3]*m[3],
		n[0]*m[4] + n[2]*m[5] + n[4], n[1]*m[4] + n[3]*m[5] + n[5],
	}
}

func (m Matrix) apply(p Point) Point {
	return Point{m[0]*p.X + m[2]*p.Y + m[4], m[1]*p.X + m[3]*p.Y + m[5]}
}

// Path is a row of outlines. The zero value is empty.
type Path struct {
	subs [][]Point
	size int
}

// Move begins an outline.
func (p *Path) Move(at Point) {
	if p.size < maxPoints {
		p.size++
		p.subs = append(p.subs, []Point{at})
	}
}

// Line goes on to a point; without an outline it begins one.
func (p *Path) Line(to Point) {
	if len(p.subs) == 0 {
		p.Move(to)
		return
	}
	if p.size < maxPoints {
		p.size++
		last := &p.subs[len(p.subs)-1]
		*last = append(*last, to)
	}
}

// Curve goes on along a cubic Bézier curve, in four steps.
func (p *Path) Curve(a, b, to Point) {
	from := p.Last()
	for i := 1; i <= 4; i++ {
		t := float64(i) / 4
		u := 1 - t
		k0, k1, k2, k3 := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
		p.Line(Point{k0*from.X + k1*a.X + k2*b.X + k3*to.X, k0*from.Y + k1*a.Y + k2*b.Y + k3*to.Y})
	}
}

// Close goes back to where the outline began; what follows begins there.
func (p *Path) Close() {
	if len(p.subs) > 0 {
		start := p.subs[len(p.subs)-1][0]
		p.Line(start)
		p.Move(start)
	}
}

// Rect adds a rectangle.
func (p *Path) Rect(x, y, w, h float64) {
	for i, q := range []Point{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}, {x, y}} {
		if i == 0 {
			p.Move(q)
		} else {
			p.Line(q)
		}
	}
}

// Last is the last point, the origin where there is none.
func (p *Path) Last() Point {
	if len(p.subs) == 0 {
		return Point{}
	}
	s := p.subs[len(p.subs)-1]
	return s[len(s)-1]
}

// Plot is a drawing of filled shapes, in which a code may be drawn without a
// picture. The zero value is empty.
type Plot struct {
	fills  []fill
	points int
}

type fill struct {
	subs    [][]Point
	light   uint8
	evenOdd bool
}

// dimmest is the least brightness of a shape that counts as light.
const dimmest = 128

// Fill fills a path with a colour of a brightness.
func (p *Plot) Fill(path *Path, m Matrix, light uint8, evenOdd bool) {
	if p.points+path.size > maxPoints {
		return
	}
	f := fill{light: light, evenOdd: evenOdd}
	for _, s := range path.subs {
		if len(s) < 3 {
			continue
		}
		out := make([]Point, len(s))
		for i, q := range s {
			out[i] = m.apply(q)
		}
		f.subs = append(f.subs, out)
	}
	p.add(f)
}

func (p *Plot) add(f fill) {
	if len(f.subs) == 0 {
		return
	}
	for _, s := range f.subs {
		p.points += len(s)
	}
	p.fills = append(p.fills, f)
}

// Stroke draws the lines of a path with a width: some draw the rows of a code so.
func (p *Plot) Stroke(path *Path, m Matrix, width float64, light uint8) {
	if p.points+5*path.size > maxPoints || width <= 0 {
		return
	}
	f := fill{light: light}
	for _, s := range path.subs {
		for i := 1; i < len(s); i++ {
			a, b := s[i-1], s[i]
			dx, dy := b.X-a.X, b.Y-a.Y
			n := math.Hypot(dx, dy)
			if n == 0 {
				continue
			}
			nx, ny := -dy/n*width/2, dx/n*width/2
			quad := []Point{{a.X + nx, a.Y + ny}, {b.X + nx, b.Y + ny}, {b.X - nx, b.Y - ny}, {a.X - nx, a.Y - ny}, {a.X + nx, a.Y + ny}}
			for j := range quad {
				quad[j] = m.apply(quad[j])
			}
			f.subs = append(f.subs, quad)
		}
	}
	p.add(f)
}

// Codes looks for codes in the drawing of the file called name and reports them
// like those of a picture.
func (p *Plot) Codes(ctx context.Context, res *tree.Result, name string) error {
	g := p.draw()
	if g == nil {
		return nil
	}
	found, err := read(ctx, g, g, false)
	if errors.Is(err, errFinders) {
		err = nil
	}
	drawn(res, name, found)
	return err
}

// draw makes a picture of the shapes; nil where there are too few for a code.
func (p *Plot) draw() *image.Gray {
	if !p.modular() {
		return nil
	}
	lo, hi := Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, f := range p.fills {
		if f.light >= dimmest {
			continue
		}
		for _, s := range f.subs {
			for _, q := range s {
				lo.X, lo.Y = min(lo.X, q.X), min(lo.Y, q.Y)
				hi.X, hi.Y = max(hi.X, q.X), max(hi.Y, q.Y)
			}
		}
	}
	long := max(hi.X-lo.X, hi.Y-lo.Y)
	if !(long > 0) || math.IsInf(long, 0) {
		return nil
	}
	scale := plotSide / long
	w, h := int((hi.X-lo.X)*scale)+2*plotMargin, int((hi.Y-lo.Y)*scale)+2*plotMargin
	if w < minSide || h < minSide || w > 2*plotSide || h > 2*plotSide {
		return nil
	}
	g := image.NewGray(image.Rect(0, 0, w, h))
	for i := range g.Pix {
		g.Pix[i] = 0xff
	}
	spans := maxSpans
	for _, f := range p.fills {
		f.paint(g, lo, scale, &spans)
	}
	return g
}

// modular tells at little cost whether shapes may be the modules of a code: most
// of them are as wide and as high as a whole number of the smaller ones, which the
// lines of tables, the curves of charts and the outlines of letters are not.
func (p *Plot) modular() bool {
	var dark, light [][2]float64
	for _, f := range p.fills {
		for _, s := range f.subs {
			if f.light < dimmest {
				dark = append(dark, extent(s))
			} else {
				light = append(light, extent(s))
			}
		}
	}
	return inModules(dark) || len(dark) > 0 && inModules(light)
}

// extent is how wide and how high an outline is.
func extent(s []Point) [2]float64 {
	lo, hi := s[0], s[0]
	for _, q := range s {
		lo.X, lo.Y = min(lo.X, q.X), min(lo.Y, q.Y)
		hi.X, hi.Y = max(hi.X, q.X), max(hi.Y, q.Y)
	}
	return [2]float64{hi.X - lo.X, hi.Y - lo.Y}
}

// inModules tells whether there are enough shapes, and whether most are multiples
// of the smaller ones.
func inModules(shapes [][2]float64) bool {
	if len(shapes) < minShapes {
		return false
	}
	sides := make([]float64, len(shapes))
	for i, e := range shapes {
		sides[i] = min(e[0], e[1])
	}
	slices.Sort(sides)
	unit := sides[len(sides)/5]
	if !(unit > 0) {
		return false
	}
	const longest, off = 60, 0.15 // modules of one run, and the share of one that it may miss
	n := 0
	for _, e := range shapes {
		fits := true
		for _, side := range e {
			k := side / unit
			fits = fits && k > 1-off && k < longest && math.Abs(k-math.Round(k)) <= off
		}
		if fits {
			n++
		}
	}
	return n >= minShapes && n*5 >= len(shapes)*3
}

// crossing is where an outline crosses the middle of a row of pixels.
type crossing struct {
	x   float64
	dir int
}

// paint fills a shape row by row, by the winding of its outlines or by whether
// they were crossed an odd number of times. spans bounds the work of all shapes.
func (f fill) paint(g *image.Gray, lo Point, scale float64, spans *int) {
	at := func(q Point) Point { return Point{(q.X-lo.X)*scale + plotMargin, (q.Y-lo.Y)*scale + plotMargin} }
	rows := map[int][]crossing{}
	height := g.Bounds().Dy()
	for _, s := range f.subs {
		for i := range s {
			a, b := at(s[i]), at(s[(i+1)%len(s)])
			dir := 1
			if a.Y > b.Y {
				a, b, dir = b, a, -1
			}
			from, to := max(0, ceil(a.Y-0.5)), min(height-1, ceil(b.Y-0.5)-1)
			for y := from; y <= to && *spans > 0; y++ {
				*spans--
				x := a.X + (float64(y)+0.5-a.Y)*(b.X-a.X)/(b.Y-a.Y)
				rows[y] = append(rows[y], crossing{x, dir})
			}
		}
	}
	width := g.Bounds().Dx()
	for y, list := range rows {
		slices.SortFunc(list, func(a, b crossing) int {
			switch {
			case a.x < b.x:
				return -1
			case a.x > b.x:
				return 1
			}
			return 0
		})
		wind := 0
		for i := range list[:len(list)-1] {
			wind += list[i].dir
			if f.evenOdd && i%2 == 1 || !f.evenOdd && wind == 0 {
				continue
			}
			from, to := max(0, ceil(list[i].x-0.5)), min(width, ceil(list[i+1].x-0.5))
			for x := from; x < to; x++ {
				g.Pix[y*g.Stride+x] = f.light
			}
			*spans -= max(0, to-from) / 16
		}
		if *spans <= 0 {
			return
		}
	}
}

// ceil is the next whole number, kept in what an int holds; NaN is far away.
func ceil(v float64) int {
	const far = 1 << 30
	if !(v > -far) {
		return -far
	}
	return int(min(math.Ceil(v), far))
}
