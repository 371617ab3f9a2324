package htmltext

// maxBlankLines bounds the blank lines kept between two blocks: more say
// nothing, and a mail of line breaks would only fill the output.
const maxBlankLines = 2

// layout collects text as a browser lays it out: white space collapses, blocks
// stand on lines of their own, table cells are set apart by tabs.
type layout struct {
	buf   []byte
	lines int  // line ends due before the next text
	trail int  // line ends that buf ends with
	space bool // a space is due before the next text
	tab   bool // a cell separator is due before the next text
}

// block asks for at least n line ends before the next text.
func (l *layout) block(n int) {
	l.space, l.tab = false, false
	if n > l.lines {
		l.lines = n
	}
}

// br is one forced line end.
func (l *layout) br() {
	l.space, l.tab = false, false
	if l.lines+l.trail <= maxBlankLines {
		l.lines++
	}
}

// cell separates two cells of a table row.
func (l *layout) cell() {
	if l.lines == 0 && l.trail == 0 {
		l.tab = true
	}
}

// flush writes the separators that are due.
func (l *layout) flush() {
	if len(l.buf) > 0 {
		switch {
		case l.lines > 0:
			for l.trail < l.lines {
				l.buf = append(l.buf, '\n')
				l.trail++
			}
		case l.trail > 0: // already at the start of a line
		case l.tab:
			l.buf = append(l.buf, '\t')
		case l.space:
			l.buf = append(l.buf, ' ')
		}
	}
	l.lines, l.space, l.tab = 0, false, false
}

// collapse holds the bytes that text must not copy as they are.
var collapse = [256]bool{' ': true, '\n': true, '\t': true, '\r': true, '\f': true, 0: true, 0xC2: true}

// text adds s with white space collapsed. NUL is dropped as browsers do; a
// no-break space counts as a space, which is what a reader sees.
func (l *layout) text(s string) {
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && !collapse[s[j]] {
			j++
		}
		if j > i {
			if l.space || l.lines > 0 || l.tab {
				l.flush()
			}
			l.buf = append(l.buf, s[i:j]...)
			l.trail = 0
			i = j
			continue
		}
		switch {
		case s[i] == 0:
		case s[i] != 0xC2:
			l.space = true
		case i+1 < len(s) && s[i+1] == 0xA0:
			l.space = true
			i++
		default:
			l.flush()
			l.buf = append(l.buf, s[i])
			l.trail = 0
		}
		i++
	}
}

// pre adds s with its white space.
func (l *layout) pre(s string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case 0, '\f':
		case '\r':
			if i+1 >= len(s) || s[i+1] != '\n' {
				l.br()
			}
		case '\n':
			l.br()
		default:
			l.flush()
			l.buf = append(l.buf, c)
			l.trail = 0
		}
	}
}

// isBlank reports whether s is white space, no-break spaces included.
func isBlank(s string) bool {
	for i := 0; i < len(s); i++ {
		if isSpace(s[i]) || s[i] == 0 {
			continue
		}
		if s[i] == 0xC2 && i+1 < len(s) && s[i+1] == 0xA0 {
			i++
			continue
		}
		return false
	}
	return true
}
