package mime

import (
	"bytes"
	"strings"

	"foregate/mail/internal/header"
)

// source is one buffer in which entities stand: the message, or the decoded
// content of an encoded container.
type source struct {
	buf    []byte
	base   int // offset of buf in the message, −1 when it is no part of it
	level  int // how many decodings deep
	dashes []line
	heads  []line // lines that begin with "Content-"
	claims []span // header blocks some reading claimed
	tokens map[string]bool
	ends   map[int][]header.Field // the fields of claimed header blocks, by where the body starts
}

// line is a line's text: buf[from:to], the next line starts at next.
type line struct{ from, to, next int }

func newSource(buf []byte, base, level int) *source {
	s := &source{buf: buf, base: base, level: level}
	s.index()
	return s
}

// index finds in one pass the lines that may be delimiters and those that may
// be part headers.
func (s *source) index() {
	for pos := 0; pos < len(s.buf); {
		next := len(s.buf)
		if i := bytes.IndexByte(s.buf[pos:], '\n'); i >= 0 {
			next = pos + i + 1
		}
		at := pos
		for at < next && (s.buf[at] == ' ' || s.buf[at] == '\t') {
			at++
		}
		if at+1 < next {
			switch c := s.buf[at]; {
			case c == '-' && s.buf[at+1] == '-':
				s.dashes = append(s.dashes, line{pos, s.trim(pos, next), next})
			case c|0x20 == 'c' && hasFold(s.buf[at:next], "content"):
				s.heads = append(s.heads, line{pos, s.trim(pos, next), next})
			}
		}
		pos = next
	}
}

// trim is the end of the line's text without its line end.
func (s *source) trim(from, next int) int {
	for next > from && (s.buf[next-1] == '\n' || s.buf[next-1] == '\r') {
		next--
	}
	return next
}

// offset turns an offset of the buffer into one of the message.
func (s *source) offset(at int) int {
	if s.base < 0 {
		return -1
	}
	return s.base + at
}

// from is the index of the first line in ls that starts at or after pos.
func firstFrom(ls []line, pos int) int {
	lo, hi := 0, len(ls)
	for lo < hi {
		m := (lo + hi) / 2
		if ls[m].from < pos {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// contentEnd is where the content before a delimiter line at pos ends: the line
// end before the delimiter belongs to it (RFC 2046 section 5.1.1).
func (s *source) contentEnd(start, pos int) int {
	if pos > start && s.buf[pos-1] == '\n' {
		pos--
		if pos > start && s.buf[pos-1] == '\r' {
			pos--
		}
	}
	return pos
}

// maxMerged bounds the MIME fields that a header cut in two by blank lines may
// gather: there are six kinds, and an endless chain of blocks must not grow.
const maxMerged = 12

// claim notes a header block that a reading uses.
func (s *source) claim(from int, b header.Block) {
	s.claims = append(s.claims, span{from, b.Body})
	if s.ends == nil {
		s.ends = map[int][]header.Field{}
	}
	var fields []header.Field
	for _, f := range b.Fields {
		if strings.HasPrefix(f.Key, "content") && len(fields) < maxMerged {
			fields = append(fields, f)
		}
	}
	s.ends[b.Body] = fields
}

// before returns the fields of the header block that ends right before pos,
// blank lines aside.
func (s *source) before(pos int) []header.Field {
	for range 4 {
		if f, ok := s.ends[pos]; ok {
			return f
		}
		prev := s.prevLine(pos)
		if pos == 0 || len(bytes.TrimSpace(s.buf[prev:pos])) > 0 {
			break
		}
		pos = prev
	}
	return nil
}
