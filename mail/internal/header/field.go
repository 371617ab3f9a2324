// Package header reads mail header blocks (RFC 5322 section 2.2) and the
// values of structured fields: parameters (RFC 2045, RFC 2231), encoded words
// (RFC 2047), addresses and dates, all as tolerantly as mail clients do.
package header

import (
	"bytes"
	"strings"
)

// Field is one header field.
type Field struct {
	Name   string // as written, without surrounding blanks
	Key    string // Name in lower case
	Raw    []byte // the value as written, folds included, without the last line end
	Offset int    // of the field's first byte
}

// Value is the field's value on one line: every fold becomes one space.
func (f Field) Value() string { return Unfold(f.Raw) }

// OddKind names what is odd about a header block.
type OddKind uint8

// What can be odd about a header block.
const (
	LeadingBlank   OddKind = iota // blank lines before the first field
	LeadingSpace                  // the first field is indented
	NoColon                       // a line that is no field among fields
	SpaceColon                    // blanks between name and colon (obsolete syntax)
	BlankFold                     // a line of blanks only, which some take as the end of the header
	MissingBlank                  // the body starts without a blank line
	OddName                       // a field name with characters that no name has
	LineTooLong                   // a field over the bound, cut
	BlockTooLong                  // a header block over the bound, the rest skipped
	MboxFrom                      // a "From " line of a mailbox file on top
	TruncatedBlock                // the message ends inside the header
)

// Odd is one oddity and where it stands.
type Odd struct {
	Kind   OddKind
	Offset int
}

// Block is a header block.
type Block struct {
	Fields  []Field
	Body    int   // offset where the body begins
	Odds    []Odd // at most MaxOdds
	AltBody int   // another place where some reader lets the body begin, or −1
}

// MaxOdds bounds Block.Odds: enough to explain a block, too few to flood.
const MaxOdds = 16

// Limits bounds a header block in bytes.
type Limits struct{ Block, Line int }

// Scan reads the header block of buf[start:end]. skipBlank makes leading blank
// lines part of the header, as clients do on top of a message. isDelim, when
// not nil, tells lines that begin the body of a multipart though no blank line
// was met.
func Scan(buf []byte, start, end int, lim Limits, skipBlank bool, isDelim func(line []byte) bool) Block {
	s := scanner{buf: buf, end: end, lim: lim, start: start, isDelim: isDelim}
	s.b.AltBody = -1
	s.run(skipBlank)
	return s.b
}

type scanner struct {
	buf     []byte
	start   int
	end     int
	lim     Limits
	isDelim func([]byte) bool
	b       Block
	full    bool // the block bound is exceeded: fields are no longer collected
	open    bool // the last field can be continued
	blanks  int  // blank lines skipped on top
}

func (s *scanner) odd(k OddKind, off int) {
	if len(s.b.Odds) < MaxOdds {
		s.b.Odds = append(s.b.Odds, Odd{k, off})
	}
}

// line returns the line at pos without its line end, and where the next starts.
func (s *scanner) line(pos int) ([]byte, int) { return lineAt(s.buf, pos, s.end) }

func lineAt(buf []byte, pos, end int) ([]byte, int) {
	i := bytes.IndexByte(buf[pos:end], '\n')
	if i < 0 {
		return trimCR(buf[pos:end]), end
	}
	return trimCR(buf[pos : pos+i]), pos + i + 1
}

func trimCR(l []byte) []byte {
	for len(l) > 0 && l[len(l)-1] == '\r' {
		l = l[:len(l)-1]
	}
	return l
}

func (s *scanner) run(skipBlank bool) {
	pos := s.start
	for pos < s.end {
		line, next := s.line(pos)
		if len(line) == 0 {
			if skipBlank && len(s.b.Fields) == 0 && next < s.end && s.blanks < MaxOdds {
				s.odd(LeadingBlank, pos)
				s.blanks++
				pos = next
				continue
			}
			s.b.Body = next
			return
		}
		if stop := s.take(line, pos, next); stop {
			s.b.Body = pos
			return
		}
		pos = next
	}
	s.b.Body = s.end
	s.odd(TruncatedBlock, s.end)
	if n := len(s.b.Fields); n > 0 && s.b.AltBody < 0 {
		// Nothing but header: the folds of the last field may be the body.
		if i := bytes.IndexByte(s.b.Fields[n-1].Raw, '\n'); i >= 0 {
			s.b.AltBody = s.rawStart(&s.b.Fields[n-1]) + i + 1
		}
	}
}

// take reads one line that is not empty; it reports whether the body starts
// here without a blank line.
func (s *scanner) take(line []byte, pos, next int) bool {
	if !s.full && s.lim.Block > 0 && next-s.start > s.lim.Block {
		s.odd(BlockTooLong, pos)
		s.full, s.open = true, false
	}
	if isBlank(line[0]) {
		return s.takeFold(line, pos, next)
	}
	if line[0] == '-' && s.isDelim != nil && s.isDelim(line) {
		s.odd(MissingBlank, pos)
		return true
	}
	if len(s.b.Fields) == 0 && (bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))) {
		s.odd(MboxFrom, pos)
		return false
	}
	colon := bytes.IndexByte(line, ':')
	name := line
	if colon >= 0 {
		name = line[:colon]
	}
	kind := nameKind(name)
	if colon < 0 || kind == badName {
		return s.takeJunk(line, pos, next)
	}
	if kind == spacedName {
		s.odd(SpaceColon, pos)
	}
	if kind == oddName {
		s.odd(OddName, pos)
	}
	s.add(name, line[colon+1:], pos)
	return false
}

func (s *scanner) add(name, value []byte, pos int) {
	if s.full {
		return
	}
	n := string(bytes.Trim(name, " \t\x00"))
	if s.lim.Line > 0 && len(value) > s.lim.Line {
		s.odd(LineTooLong, pos)
		value = value[:s.lim.Line]
	}
	s.b.Fields = append(s.b.Fields, Field{Name: n, Key: strings.ToLower(n), Raw: value, Offset: pos})
	s.open = true
}

// takeFold reads a line that begins with a blank.
func (s *scanner) takeFold(line []byte, pos, next int) bool {
	if len(bytes.Trim(line, " \t")) == 0 {
		s.odd(BlankFold, pos)
		if s.b.AltBody < 0 {
			s.b.AltBody = next
		}
		return false
	}
	if s.full || !s.open {
		if len(s.b.Fields) > 0 || s.full {
			return false
		}
		t := bytes.TrimLeft(line, " \t")
		colon := bytes.IndexByte(t, ':')
		if colon < 0 || nameKind(t[:colon]) == badName {
			return s.takeJunk(line, pos, next)
		}
		s.odd(LeadingSpace, pos)
		s.add(t[:colon], t[colon+1:], pos)
		return false
	}
	f := &s.b.Fields[len(s.b.Fields)-1]
	from := s.rawStart(f)
	stop := pos + len(line)
	if s.lim.Line > 0 && stop-from > s.lim.Line {
		s.odd(LineTooLong, pos)
		s.open = false
		return false
	}
	f.Raw = s.buf[from:stop]
	return false
}

// rawStart is the offset of the field's value.
func (s *scanner) rawStart(f *Field) int {
	return f.Offset + bytes.IndexByte(s.buf[f.Offset:s.end], ':') + 1
}

// takeJunk meets a line that is no field. Where fields follow, readers differ:
// most go on, some let the body start here.
func (s *scanner) takeJunk(line []byte, pos, next int) bool {
	at := next
	for range 3 {
		if at >= s.end {
			break
		}
		l, n := s.line(at)
		if len(l) == 0 {
			break
		}
		if c := bytes.IndexByte(l, ':'); c > 0 && !isBlank(l[0]) && nameKind(l[:c]) == goodName {
			s.odd(NoColon, pos)
			if s.b.AltBody < 0 {
				s.b.AltBody = pos
			}
			s.open = false
			s.loose(line, pos)
			return false
		}
		at = n
	}
	if l, after := s.line(min(next, s.end)); len(l) == 0 && next < s.end {
		if s.loose(line, pos) {
			s.odd(NoColon, pos)
			s.b.AltBody = pos
			return false
		}
		s.b.AltBody = after // who skips the line finds the blank one behind it
	}
	s.odd(MissingBlank, pos)
	if end := s.afterMIME(); end > 0 && end < pos && s.b.AltBody < 0 {
		s.b.AltBody = end // what looks like fields behind may be the body
	}
	return true
}

// afterMIME is the offset behind the last "Content-" field, 0 when there is
// none.
func (s *scanner) afterMIME() int {
	for i := len(s.b.Fields) - 1; i >= 0; i-- {
		f := &s.b.Fields[i]
		if strings.HasPrefix(f.Key, "content-") {
			_, next := s.line(min(s.rawStart(f)+len(f.Raw), s.end))
			return next
		}
	}
	return 0
}

// loose reads a line whose colon is missing or misplaced but that begins with
// the name of a MIME field, such as "Content-Type multipart/mixed".
func (s *scanner) loose(line []byte, pos int) bool {
	for _, name := range []string{"content-type", "content-transfer-encoding", "content-disposition"} {
		if len(line) <= len(name) || !strings.EqualFold(string(line[:len(name)]), name) || nameByte(line[len(name)]) {
			continue
		}
		s.odd(OddName, pos)
		if !s.full {
			v := bytes.TrimLeft(line[len(name):], " \t:;=,.")
			s.b.Fields = append(s.b.Fields, Field{Name: string(line[:len(name)]), Key: name, Raw: v, Offset: pos})
			s.open = false
		}
		return true
	}
	return false
}

type nameClass uint8

const (
	goodName nameClass = iota
	spacedName
	oddName
	badName
)

// nameKind judges a field name (RFC 5322 section 2.2: 33 to 126 without colon).
func nameKind(n []byte) nameClass {
	t := bytes.TrimRight(n, " \t")
	if len(t) == 0 {
		return badName
	}
	kind := goodName
	if len(t) != len(n) {
		kind = spacedName
	}
	for _, c := range t {
		switch {
		case isBlank(c):
			if looseMIME(t) {
				return oddName
			}
			return badName
		case c <= 32 || c >= 127:
			kind = oddName
		}
	}
	return kind
}

// looseMIME reports whether a name with odd characters was meant as the name of
// a MIME field.
func looseMIME(n []byte) bool {
	switch LooseKey(string(n)) {
	case "contenttype", "contenttransferencoding", "contentdisposition", "contentid", "contentdescription":
		return true
	}
	return false
}

// LooseKey is a field name reduced to its lower-case ASCII letters.
func LooseKey(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i] | 0x20
		if c >= 'a' && c <= 'z' && name[i] >= 'A' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Near reports whether a name is want but for at most two letters removed,
// added or replaced.
func Near(name, want string) bool {
	const most = 2
	if len(name) > len(want)+most || len(want) > len(name)+most {
		return false
	}
	prev, cur := make([]int, len(want)+1), make([]int, len(want)+1)
	for k := range prev {
		prev[k] = k
	}
	for i := range len(name) {
		cur[0] = i + 1
		for k := range len(want) {
			sub := prev[k]
			if name[i] != want[k] {
				sub++
			}
			cur[k+1] = min(sub, prev[k+1]+1, cur[k]+1)
		}
		prev, cur = cur, prev
	}
	return prev[len(want)] <= most
}

func nameByte(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// Unfold joins the lines of a raw value, each fold as one space, and trims it
// (RFC 5322 section 2.2.3).
func Unfold(raw []byte) string {
	raw = bytes.Trim(raw, " \t\r\n")
	if bytes.IndexByte(raw, '\n') < 0 {
		return string(raw)
	}
	var b strings.Builder
	b.Grow(len(raw))
	for len(raw) > 0 {
		line := raw
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			line, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		line = bytes.Trim(line, " \t\r")
		if len(line) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.Write(line)
	}
	return b.String()
}
