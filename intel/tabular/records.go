package tabular

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// lineReader gives the lines of a text one at a time. A line beyond maxLine is
// passed over, told, and the next one is read.
type lineReader struct {
	br   *bufio.Reader
	n    int      // lines given, those put back not counted
	back []string // lines to give again, the next one last
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{br: bufio.NewReaderSize(r, 1<<16)} }

// errLong says that a line was passed over for its length.
var errLong = fmt.Errorf("a line has more than %d bytes", maxLine)

// next returns a line without its end. The error is io.EOF at the end, errLong
// for a line that was passed over, or the reader's.
func (l *lineReader) next() (string, error) {
	if k := len(l.back); k > 0 {
		line := l.back[k-1]
		l.back = l.back[:k-1]
		l.n++
		return line, nil
	}
	var long []byte
	size := 0
	for {
		part, err := l.br.ReadSlice('\n')
		size += len(part)
		if size <= maxLine && (err != nil || long != nil) {
			long = append(long, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && (size == 0 || !errors.Is(err, io.EOF)) {
			return "", err
		}
		l.n++
		switch {
		case size > maxLine:
			return "", errLong
		case long != nil:
			part = long
		}
		line := strings.TrimRight(string(part), "\r\n")
		if l.n == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		return line, nil
	}
}

// putBack gives lines once more, in their order.
func (l *lineReader) putBack(lines []string) {
	for i := len(lines) - 1; i >= 0; i-- {
		l.back = append(l.back, lines[i])
	}
	l.n -= len(lines)
}

// record is a row of a table: its cells, or why it has none.
type record struct {
	line  int // its first line, from 1
	cells []string
	err   error
}

const (
	// maxJoined bounds the lines of one row: cells with line breaks are comments,
	// and a quote that nobody closes must not swallow the rest of the file.
	maxJoined = 50
	// maxRow bounds such a row in bytes.
	maxRow = 64 << 10
)

// layout is how the rows of a table are written.
type layout struct {
	comma   byte
	comment byte // begins lines that are passed over; 0 for none
	joined  int  // lines that one row may have
}

// records gives the rows of a table (RFC 4180, with any line ends). Empty lines are
// passed over. A quote that is not closed, or only so that the row has another
// number of cells than the first one, spoils its own line and no other.
func records(r io.Reader, lay layout) iter.Seq[record] {
	return func(yield func(record) bool) {
		l := newLineReader(r)
		columns := 0
		for {
			line, err := l.next()
			rec := record{line: l.n, err: err}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil && !errors.Is(err, errLong):
				rec.line++
				yield(rec)
				return
			case err == nil:
				if t := strings.TrimSpace(line); t == "" || lay.comment != 0 && t[0] == lay.comment {
					continue
				}
				rec.cells, rec.err = l.row(line, lay, columns)
			}
			if columns == 0 && rec.err == nil {
				columns = len(rec.cells)
			}
			if !yield(rec) {
				return
			}
		}
	}
}

var errQuote = errors.New("a quote is not closed")

// row splits a line into cells, with the next lines when a cell goes on there.
func (l *lineReader) row(line string, lay layout, columns int) ([]string, error) {
	cells, open := split(line, lay.comma)
	if !open {
		return cells, nil
	}
	var taken []string
	for len(taken)+1 < lay.joined && len(line) < maxRow {
		more, err := l.next()
		if err != nil { // the same comes again when the line is due
			break
		}
		taken = append(taken, more)
		line += "\n" + more
		if cells, open = split(line, lay.comma); !open {
			if columns == 0 || len(cells) == columns {
				return cells, nil
			}
			break
		}
	}
	l.putBack(taken)
	return nil, errQuote
}

// split cuts a line into cells without the space around them. A cell in quotes may
// hold the comma and doubled quotes; a quote within other cells is a letter. open
// means that a quote is not closed.
func split(line string, comma byte) (cells []string, open bool) {
	cells = make([]string, 0, 8)
	for {
		line = strings.TrimLeft(line, " ")
		var c string
		if strings.HasPrefix(line, `"`) {
			if c, line, open = quoted(line[1:], comma); open {
				return nil, true
			}
			cells = append(cells, c)
			if line == "" {
				return cells, false
			}
			line = line[1:]
			continue
		}
		i := strings.IndexByte(line, comma)
		if i < 0 {
			return append(cells, strings.TrimSpace(line)), false
		}
		cells = append(cells, strings.TrimSpace(line[:i]))
		line = line[i+1:]
	}
}

// quoted reads a cell behind its first quote; rest begins with the comma or is "".
func quoted(s string, comma byte) (c, rest string, open bool) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", true
		}
		after := s[i+1:]
		end := strings.TrimLeft(after, " \t")
		if comma == '\t' {
			end = strings.TrimLeft(after, " ")
		}
		switch {
		case strings.HasPrefix(after, `"`):
			b.WriteString(s[:i+1])
			s = after[1:]
		case end == "" || end[0] == comma:
			if b.Len() == 0 {
				return s[:i], end, false
			}
			b.WriteString(s[:i])
			return b.String(), end, false
		default: // a quote that should have been doubled
			b.WriteString(s[:i+1])
			s = after
		}
	}
}

// commaOf finds what separates the cells of a table from its first line: a comma,
// a semicolon or a tab, whichever there is most of outside quotes.
func commaOf(line string) byte {
	best, most := byte(','), 0
	for _, c := range [...]byte{',', ';', '\t', '|'} {
		if cells, open := split(line, c); !open && len(cells)-1 > most {
			best, most = c, len(cells)-1
		}
	}
	return best
}
