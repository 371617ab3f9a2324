package mime

import (
	"bytes"
	"encoding/base64"
)

// What a base64 decoder does with padding and with foreign characters. MIME
// says to ignore foreign characters and lets padding end the data (RFC 2045
// section 6.8); decoders in use differ in both.
type b64Rule struct {
	pad      treat // of "="
	junk     treat // of characters outside the alphabet
	perLine  bool  // each line is decoded on its own
	badLines treat // of whole lines with foreign characters
	url      bool  // "-" and "_" are digits (RFC 4648 section 5)
	dropTail bool  // an incomplete last quantum is dropped
}

type treat uint8

const (
	skip  treat = iota // ignore it
	stop               // it ends the data
	reset              // it ends a quantum; data goes on
	zero               // it counts as the digit zero
	drop               // the line goes
)

// b64Rules are the decoders, the commonest first.
func b64Rules() []b64Rule {
	return []b64Rule{
		{pad: stop},
		{pad: reset},
		{pad: skip},
		{pad: stop, junk: stop},
		{pad: reset, perLine: true},
		{pad: reset, badLines: drop},
		{pad: stop, badLines: stop},
		{pad: stop, url: true},
		{pad: zero},
		{pad: stop, junk: zero},
		{pad: stop, junk: reset},
		{pad: stop, dropTail: true},
	}
}

// decodeBase64 decodes b in every way that some decoder would; regular base64
// has one.
func decodeBase64(b []byte) [][]byte {
	out := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
	if n, err := base64.StdEncoding.Decode(out, b); err == nil {
		return [][]byte{out[:n]}
	}
	compact := dropBlanks(b)
	out = out[:cap(out)]
	if n, err := base64.StdEncoding.Decode(out, compact); err == nil {
		return [][]byte{out[:n]}
	}
	var all [][]byte
	if looksQuoted(b) { // a relay quoted what was base64 already
		if d, _ := qp(b, qpRule{}); !bytes.Equal(d, b) {
			all = append(all, b64(d, b64Rule{pad: stop}))
		}
	}
	for _, r := range b64Rules() {
		d := b64(b, r)
		if len(d) > 0 && !contains(all, d) {
			all = append(all, d)
		}
	}
	return append(all, b)
}

func contains(all [][]byte, d []byte) bool {
	for _, o := range all {
		if bytes.Equal(o, d) {
			return true
		}
	}
	return false
}

func dropBlanks(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		if c > ' ' {
			out = append(out, c)
		}
	}
	return out
}

func digit(c byte, url bool) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+', url && c == '-':
		return 62
	case c == '/', url && c == '_':
		return 63
	}
	return -1
}

type b64State struct {
	out  []byte
	acc  uint32
	n    int
	rule b64Rule
}

func (s *b64State) put(v int) {
	s.acc, s.n = s.acc<<6|uint32(v), s.n+1
	if s.n == 4 {
		s.out = append(s.out, byte(s.acc>>16), byte(s.acc>>8), byte(s.acc))
		s.acc, s.n = 0, 0
	}
}

// flush ends a quantum early.
func (s *b64State) flush() {
	if !s.rule.dropTail {
		switch s.n {
		case 2:
			s.out = append(s.out, byte(s.acc>>4))
		case 3:
			s.out = append(s.out, byte(s.acc>>10), byte(s.acc>>2))
		}
	}
	s.acc, s.n = 0, 0
}

// b64 decodes by one rule.
func b64(b []byte, r b64Rule) []byte {
	if r.badLines != skip {
		b = goodLines(b, r.badLines == stop)
	}
	s := b64State{out: make([]byte, 0, len(b)*3/4+3), rule: r}
	for _, c := range b {
		v := digit(c, r.url)
		if v < 0 {
			t := r.junk
			switch {
			case c <= ' ':
				if c == '\n' && r.perLine {
					s.flush()
				}
				continue
			case c == '=':
				t = r.pad
				if t == stop && s.n < 2 {
					continue // padding where none can be
				}
			}
			switch t {
			case skip:
				continue
			case stop:
				s.flush()
				return s.out
			case reset:
				s.flush()
				continue
			}
			v = 0
		}
		s.put(v)
	}
	s.flush()
	return s.out
}

// goodLines keeps the lines of b that hold nothing but base64, all of them or
// those before the first bad one.
func goodLines(b []byte, first bool) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		l := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			l, b = b[:i+1], b[i+1:]
		} else {
			b = nil
		}
		bad := false
		for _, c := range l {
			if c > ' ' && c != '=' && digit(c, false) < 0 {
				bad = true
				break
			}
		}
		if bad {
			if first && len(out) > 0 {
				return out
			}
			continue
		}
		out = append(out, l...)
	}
	return out
}

// looksBase64 reports whether b holds nothing but base64 of some length, or,
// when loose, begins with lines of it.
func looksBase64(b []byte, loose bool) bool {
	n, mixed, lineStart := 0, 0, true
	for i := 0; i < min(len(b), maxLead) && b[i] != '-'; i++ {
		if digit(b[i], false) >= 0 {
			b = b[i:] // a few stray bytes may stand before it
			break
		}
	}
	for _, c := range b {
		switch {
		case digit(c, false) >= 0:
			n++
			if c >= 'A' && c <= 'Z' {
				mixed |= 1
			} else {
				mixed |= 2
			}
			lineStart = false
		case c == '\r' || c == '\n':
			lineStart = true
		case c == '=' || c == ' ' && lineStart:
		default:
			return n >= minBase64 && mixed == 3 && (n > 60 || loose && lineStart)
		}
	}
	return n >= minBase64 && mixed == 3
}

// base64Block finds a block of base64 behind a few lines of something else, such
// as a header that a blank line cut in two; 0 when there is none. Armoured text
// (RFC 4880, RFC 7468) says itself what it is.
func base64Block(b []byte) int {
	const most, least = 8, 60
	for at, n := 0, 0; at < len(b) && n < most; n++ {
		line, next := cutLine(b, at)
		switch {
		case bytes.HasPrefix(line, []byte("-----")):
			return 0
		case len(line) >= least && looksBase64(line, false):
			return at
		}
		at = next
	}
	return 0
}

// maxLead bounds the stray bytes before base64: a damaged line end, not words.
const maxLead = 8

// minBase64 is how much base64 it takes to call a text base64: shorter runs
// are words.
const minBase64 = 14
