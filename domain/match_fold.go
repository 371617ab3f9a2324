package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Symbols of the folded alphabet: letters without i (folded to l) are 1..26,
// digits that look like no letter follow.
const (
	symNone  = 0  // a character outside the alphabet
	symSix   = 27 // 6 and 9 look like several letters, so like none
	symNine  = 28
	symbols  = 32 // row width of the automaton, a power of two
	symLabel = 31 // the dot between labels
)

// foldTable maps bytes of a lower- or upper-case host name to symbols, with
// the look-alikes of ASCII (0/o, 1/l/i, 3/e, 4/a, 5/s, 7/t, 8/b, 2/z) folded
// into one.
func foldTable() [256]byte {
	var t [256]byte
	for c := byte('a'); c <= 'z'; c++ {
		t[c] = c - 'a' + 1
		t[c-'a'+'A'] = t[c]
	}
	t['i'], t['I'] = t['l'], t['l']
	for _, pair := range []string{"0o", "1l", "3e", "4a", "5s", "7t", "8b", "2z", "|l", "!l", "$s"} {
		t[pair[0]] = t[pair[1]]
	}
	t['6'], t['9'] = symSix, symNine
	t['.'] = symLabel
	return t
}

// foldString folds an ASCII string to symbols.
func foldString(s string, fold *[256]byte) string {
	b := make([]byte, len(s))
	for i := range len(s) {
		b[i] = fold[s[i]]
	}
	return string(b)
}

// digraphForms lists the folded forms of a literal token: itself, and with
// each letter that two others imitate (m as rn, w as vv, d as cl) written that
// way, one at a time and all at once.
func digraphForms(literal string, fold *[256]byte) []string {
	forms := []string{foldString(literal, fold)}
	if len(literal) < 4 {
		return forms
	}
	for _, d := range [][2]string{{"m", "rn"}, {"w", "vv"}, {"d", "cl"}} {
		n := strings.Count(literal, d[0])
		if n == 0 {
			continue
		}
		forms = append(forms, foldString(strings.ReplaceAll(literal, d[0], d[1]), fold))
		for i := 0; n > 1 && i < len(literal); i++ {
			if literal[i] == d[0][0] {
				forms = append(forms, foldString(literal[:i]+d[1]+literal[i+1:], fold))
			}
		}
	}
	return forms
}

// tokenASCII gives a token its lower-case ASCII letters: marks are dropped
// ("société" is "societe"), look-alikes of other scripts become what they look
// like. A token of a script without look-alikes keeps its Punycode.
func tokenASCII(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			if r == '-' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
				b.WriteRune(r)
			}
		default:
			a := asciiLook(r)
			if a == "" {
				if p, err := idna.Punycode.ToASCII(s); err == nil {
					return p
				}
				return ""
			}
			b.WriteString(a)
		}
	}
	return strings.Trim(b.String(), "-")
}

// asciiLook is the ASCII text that r looks like, marks aside, or "".
func asciiLook(r rune) string {
	var b strings.Builder
	for _, d := range norm.NFKD.String(string(r)) {
		if unicode.Is(unicode.Mn, d) {
			continue
		}
		if d >= utf8.RuneSelf {
			for _, k := range Skeleton(string(d)) {
				if k >= utf8.RuneSelf {
					if !unicode.Is(unicode.Mn, k) {
						return ""
					}
					continue
				}
				b.WriteRune(unicode.ToLower(k))
			}
			continue
		}
		b.WriteRune(unicode.ToLower(d))
	}
	return b.String()
}

// asciiForm is the Punycode form of a domain, or the input when it has none.
func asciiForm(d string) string {
	if a, err := idna.Punycode.ToASCII(d); err == nil {
		return a
	}
	return d
}

// scratch is one host name taken apart, on the stack of Match.
type scratch struct {
	raw  [maxUnits]byte  // lower-case ASCII characters; foreign marks a letter beyond ASCII
	sym  [maxUnits]byte  // folded symbols without hyphens
	pos  [maxUnits]uint8 // index in raw of each symbol
	n    int             // length of raw
	k    int             // length of sym
	mask uint32          // symbols of the segment being looked up
	hits int
	hit  [maxHits]hit
	idn  bool // the name has letters beyond ASCII
}

// foreign stands in scratch.raw for a character beyond ASCII.
const foreign = 0x01

// hit is a place in scratch.sym where a token may stand.
type hit struct {
	token    int32
	from, to uint8 // half-open range of sym
	edited   bool  // found by the edit index: equal but for typing errors
}

// add notes a hit while there is room.
func (s *scratch) add(h hit) {
	if s.hits < len(s.hit) {
		s.hit[s.hits] = h
		s.hits++
	}
}

// load fills the scratch from a host name.
func (s *scratch) load(host string, fold *[256]byte) {
	for len(host) > 0 && host[len(host)-1] == '.' {
		host = host[:len(host)-1]
	}
	if len(host) > maxUnits {
		host = host[len(host)-maxUnits:]
	}
	for i := range len(host) {
		c := host[i]
		if c >= utf8.RuneSelf || c == 'x' || c == 'X' {
			if c >= utf8.RuneSelf || isACE(host, i) {
				s.loadUnicode(host, fold)
				return
			}
		}
		s.push(c, fold[c])
	}
}

// push appends one character.
func (s *scratch) push(c, sym byte) {
	if s.n >= maxUnits {
		return
	}
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	s.raw[s.n] = c
	if c != '-' {
		s.sym[s.k] = sym
		s.pos[s.k] = uint8(s.n)
		s.k++
	}
	s.n++
}

// isACE reports whether a label with the ACE prefix (RFC 5890) starts at i.
func isACE(host string, i int) bool {
	return (i == 0 || host[i-1] == '.') && len(host) >= i+4 && strings.EqualFold(host[i:i+4], "xn--")
}

// loadUnicode fills the scratch from a name with internationalised labels.
func (s *scratch) loadUnicode(host string, fold *[256]byte) {
	s.n, s.k, s.idn = 0, 0, true
	if u, err := idna.Punycode.ToUnicode(host); err == nil {
		host = u
	}
	for _, r := range host {
		if r < utf8.RuneSelf {
			s.push(byte(r), fold[byte(r)])
			continue
		}
		if r == '。' || r == '．' || r == '｡' { // RFC 3490 section 3.1: dots in IDNs
			s.push('.', fold['.'])
			continue
		}
		look := asciiLook(r)
		if look == "" {
			s.push(foreign, symNone)
			continue
		}
		for i := range len(look) {
			s.push(foreign, fold[look[i]])
		}
	}
}
