package pdf

import "foregate/scan/file/picture"

// maxStates bounds the graphics states kept at once.
const maxStates = 64

// painter follows the operators that fill shapes (ISO 32000-1 section 8.5): many
// programs draw a code as hundreds of small squares, not as a picture.
type painter struct {
	plot  picture.Plot
	state state
	saved []state
	path  picture.Path
}

type state struct {
	at           picture.Matrix
	fill, stroke uint8
	width        float64
}

// newPainter begins a page, whose vertical axis points up.
func newPainter() *painter {
	return &painter{state: state{at: picture.Matrix{1, 0, 0, -1, 0, 0}, width: 1}}
}

// operator follows one operator.
func (p *painter) operator(op word, args []any) {
	var f [6]float64
	n := 0
	for _, a := range args {
		if v, ok := a.(float64); ok && n < len(f) {
			f[n] = v
			n++
		}
	}
	pt := func(i int) picture.Point { return picture.Point{X: f[i], Y: f[i+1]} }
	switch op {
	case "q":
		if len(p.saved) < maxStates {
			p.saved = append(p.saved, p.state)
		}
	case "Q":
		if n := len(p.saved); n > 0 {
			p.state, p.saved = p.saved[n-1], p.saved[:n-1]
		}
	case "cm":
		p.state.at = picture.Matrix(f).Then(p.state.at)
	case "w":
		p.state.width = f[0]
	case "g", "rg", "k", "sc", "scn":
		p.state.fill = colour(f, n, p.state.fill)
	case "G", "RG", "K", "SC", "SCN":
		p.state.stroke = colour(f, n, p.state.stroke)
	case "m":
		p.path.Move(pt(0))
	case "l":
		p.path.Line(pt(0))
	case "c":
		p.path.Curve(pt(0), pt(2), pt(4))
	case "v":
		p.path.Curve(p.path.Last(), pt(0), pt(2))
	case "y":
		p.path.Curve(pt(0), pt(2), pt(2))
	case "h":
		p.path.Close()
	case "re":
		p.path.Rect(f[0], f[1], f[2], f[3])
	case "f", "F", "f*", "b", "b*", "B", "B*":
		p.plot.Fill(&p.path, p.state.at, p.state.fill, len(op) == 2)
		p.path = picture.Path{}
	case "S", "s":
		p.plot.Stroke(&p.path, p.state.at, p.state.width, p.state.stroke)
		p.path = picture.Path{}
	case "n":
		p.path = picture.Path{}
	}
}

// colour is the brightness of 1, 3 or 4 components; old stays where there are
// others, as of patterns.
func colour(f [6]float64, n int, old uint8) uint8 {
	part := func(v float64) float64 { return 255 * min(max(v, 0), 1) }
	switch n {
	case 1:
		return uint8(part(f[0]))
	case 3:
		return uint8(0.299*part(f[0]) + 0.587*part(f[1]) + 0.114*part(f[2]))
	case 4:
		ink := 1 - min(max(f[3], 0), 1)
		return uint8(ink * (0.299*part(1-f[0]) + 0.587*part(1-f[1]) + 0.114*part(1-f[2])))
	}
	return old
}
