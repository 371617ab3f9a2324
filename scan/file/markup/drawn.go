package markup

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/scan/file/picture"
	"foregate/scan/file/tree"
)

// Bounds of drawings.
const (
	minModules  = 21   // of the smallest QR code, across
	maxDrawings = 8    // looked at in one page
	maxRows     = 400  // rows of one
	maxCells    = 400  // cells of one row
	maxTables   = 32   // tables inside each other
	minBlocks   = 8    // block characters that make a line part of a drawing
	maxLine     = 4096 // bytes of a line
)

// MayDraw tells, at little cost, whether markup or text has enough table cells
// or block characters to draw a code.
func MayDraw(s string) bool {
	const enough = minModules * minModules / 5
	if strings.Contains(s, "\xe2") { // the first byte of all of them
		n := 0
		for _, c := range []string{"█", "▀", "▄", "⬛", "■"} {
			n += strings.Count(s, c)
		}
		if n >= enough {
			return true
		}
	}
	for _, c := range []string{"&#96", "&#x258", "&block;"} {
		if strings.Count(s, c) >= enough {
			return true
		}
	}
	return strings.Count(s, "<td")+strings.Count(s, "<TD") >= enough || mayDrawVector(s)
}

// drawing gathers what a page draws: the lines of block characters and the cells
// of tables.
type drawing struct {
	line   strings.Builder
	lines  []string
	tables []*table
	done   [][][]bool
}

// table is a table that is open.
type table struct{ rows [][]bool }

func (d *drawing) chars(b []byte) {
	for _, part := range bytes.SplitAfter(b, []byte("\n")) {
		if d.line.Len() < maxLine {
			d.line.Write(bytes.TrimRight(part, "\r\n"))
		}
		if bytes.HasSuffix(part, []byte("\n")) && d.line.Len() > 0 {
			d.newLine()
		}
	}
}

// newLine ends a line. Lines without blocks end a drawing, empty ones do not:
// markup has a line's end behind each <br>.
func (d *drawing) newLine() {
	s := d.line.String()
	d.line.Reset()
	switch n, only := blocks(s); {
	case (n >= minBlocks || only && n > 0) && len(d.lines) < maxRows:
		d.lines = append(d.lines, s)
	case strings.TrimSpace(s) == "":
	default:
		d.endLines()
	}
}

func (d *drawing) endLines() {
	if len(d.lines) >= minModules/2 {
		d.add(raster(d.lines))
	}
	d.lines = nil
}

func (d *drawing) add(rows [][]bool) {
	if len(rows) >= minModules && len(d.done) < maxDrawings {
		d.done = append(d.done, rows)
	}
}

// blocks counts block characters; only tells that there are but blanks beside
// them.
func blocks(s string) (n int, only bool) {
	only = true
	for _, r := range s {
		switch {
		case isBlock(r):
			n++
		case r != '⬜' && r != '□' && r != '░' && !unicode.IsSpace(r):
			only = false
		}
	}
	return n, only
}

func isBlock(r rune) bool {
	switch r {
	case '█', '▀', '▄', '▌', '▐', '⬛', '■', '▓':
		return true
	}
	return false
}

// raster makes modules of lines: half blocks hold two rows each; others may be
// two characters wide for each module.
func raster(lines []string) [][]bool {
	half, widest := false, 0
	for _, l := range lines {
		half = half || strings.ContainsAny(l, "▀▄")
		widest = max(widest, utf8.RuneCountInString(l))
	}
	step := 1
	if !half && widest*10 > len(lines)*16 {
		step = 2
	}
	var rows [][]bool
	for _, l := range lines {
		var upper, lower []bool
		for i, r := range []rune(l) {
			if i%step != 0 || len(upper) >= maxCells {
				continue
			}
			upper = append(upper, r == '█' || r == '▀' || r == '⬛' || r == '■' || r == '▓')
			lower = append(lower, r == '█' || r == '▄')
		}
		rows = append(rows, upper)
		if half {
			rows = append(rows, lower)
		}
	}
	return rows
}

// start reads the start of an element.
func (d *drawing) start(tag string, attrs map[string]string) {
	switch tag {
	case "br", "p", "div", "tr", "pre", "li":
		if d.line.Len() > 0 {
			d.newLine()
		}
	}
	switch tag {
	case "table":
		if len(d.tables) < maxTables {
			d.tables = append(d.tables, &table{})
		}
	case "tr":
		if t := d.table(); t != nil && len(t.rows) < maxRows {
			t.rows = append(t.rows, nil)
		}
	case "td", "th":
		if t := d.table(); t != nil && len(t.rows) > 0 {
			row := &t.rows[len(t.rows)-1]
			dark := isDark(attrs)
			span, err := strconv.Atoi(attrs["colspan"])
			if err != nil || span < 1 {
				span = 1
			}
			for range min(span, maxCells) {
				if len(*row) < maxCells {
					*row = append(*row, dark)
				}
			}
		}
	}
}

func (d *drawing) table() *table {
	if len(d.tables) == 0 {
		return nil
	}
	return d.tables[len(d.tables)-1]
}

func (d *drawing) end(tag string) {
	switch tag {
	case "table":
		if t := d.table(); t != nil {
			d.tables = d.tables[:len(d.tables)-1]
			d.add(t.rows)
		}
	case "p", "div", "tr", "pre", "li":
		if d.line.Len() > 0 {
			d.newLine()
		}
	}
}

func (d *drawing) finish() {
	if d.line.Len() > 0 {
		d.newLine()
	}
	d.endLines()
	for len(d.tables) > 0 {
		d.end("table")
	}
}

// isDark tells a cell with a dark ground.
func isDark(attrs map[string]string) bool {
	c := attrs["bgcolor"]
	style := strings.ToLower(attrs["style"])
	for _, part := range strings.Split(style, ";") {
		k, v, ok := strings.Cut(part, ":")
		if k = strings.TrimSpace(k); ok && (k == "background" || k == "background-color") {
			c = v
		}
	}
	light, ok := brightness(strings.ToLower(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(c), "!important"))))
	return ok && light < 128
}

// brightness reads a colour of CSS, from 0 to 255.
func brightness(c string) (int, bool) {
	switch c {
	case "black", "navy", "darkblue", "maroon", "darkslategray", "darkgreen", "indigo", "midnightblue":
		return 0, true
	case "", "transparent", "none", "inherit":
		return 0, false
	}
	rgb := [3]int{}
	switch {
	case strings.HasPrefix(c, "#") && (len(c) == 4 || len(c) == 7), len(c) == 6:
		c = strings.TrimPrefix(c, "#")
		n := len(c) / 3
		for i := range rgb {
			v, err := strconv.ParseUint(c[i*n:(i+1)*n], 16, 16)
			if err != nil {
				return 0, false
			}
			if n == 1 {
				v *= 17
			}
			rgb[i] = int(v)
		}
	case strings.HasPrefix(c, "rgb"):
		inner := c[strings.IndexByte(c, '(')+1:]
		parts := strings.FieldsFunc(strings.TrimSuffix(inner, ")"), func(r rune) bool { return r == ',' || r == ' ' || r == '/' })
		if len(parts) < 3 {
			return 0, false
		}
		for i := range rgb {
			v, err := strconv.Atoi(parts[i])
			if err != nil {
				return 0, false
			}
			rgb[i] = v
		}
	default:
		return 255, true
	}
	return (299*rgb[0] + 587*rgb[1] + 114*rgb[2]) / 1000, true
}

// look reads the codes in what was drawn.
func (d *drawing) look(ctx context.Context, res *tree.Result, name string) error {
	for _, rows := range d.done {
		if err := picture.Drawn(ctx, res, name, rows); err != nil {
			return err
		}
	}
	return nil
}
