package htmltext

import (
	"html"
	"strings"
	"unicode/utf8"
)

// maxEntityName is the length of the longest named character reference
// ("CounterClockwiseContourIntegral;") in bytes.
const maxEntityName = 32

// decodeText decodes the character references of a text.
func decodeText(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return string(appendDecoded(make([]byte, 0, len(s)), s, false))
}

// decodeAttr decodes the character references of an attribute value.
func decodeAttr(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return string(appendDecoded(make([]byte, 0, len(s)), s, true))
}

// appendDecoded appends s to dst with character references decoded (WHATWG
// HTML section 13.2.5.72). In attributes a name without its semicolon stays as
// written where a letter, digit or "=" follows, so that queries survive.
func appendDecoded(dst []byte, s string, attr bool) []byte {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		s = s[i:]
		var n int
		if len(s) > 1 && s[1] == '#' {
			dst, n = appendNumeric(dst, s)
		} else {
			dst, n = appendNamed(dst, s, attr)
		}
		s = s[n:]
	}
}

// appendNumeric decodes the numeric reference that starts s and returns how
// much of s it took.
func appendNumeric(dst []byte, s string) ([]byte, int) {
	i, base := 2, rune(10)
	if i < len(s) && s[i]|0x20 == 'x' {
		i, base = 3, 16
	}
	start, r := i, rune(0)
	for ; i < len(s); i++ {
		d := hexDigit(s[i])
		if d < 0 || d >= base {
			break
		}
		if r <= utf8.MaxRune {
			r = r*base + d
		}
	}
	if i == start {
		return append(dst, s[:start]...), start
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	if r >= 0x80 && r <= 0x9F {
		r = windows1252[r-0x80]
	}
	if r == 0 || r > utf8.MaxRune || r >= 0xD800 && r <= 0xDFFF {
		r = utf8.RuneError
	}
	return utf8.AppendRune(dst, r), i
}

// appendNamed decodes the named reference that starts s and returns how much
// of s it took.
func appendNamed(dst []byte, s string, attr bool) ([]byte, int) {
	n := 1
	for n < len(s) && n <= maxEntityName && isAlnum(s[n]) {
		n++
	}
	name := s[1:n]
	closed := n < len(s) && s[n] == ';'
	if closed {
		switch name {
		case "amp":
			return append(dst, '&'), n + 1
		case "nbsp":
			return append(dst, 0xC2, 0xA0), n + 1
		case "lt":
			return append(dst, '<'), n + 1
		case "gt":
			return append(dst, '>'), n + 1
		case "quot":
			return append(dst, '"'), n + 1
		case "zwnj":
			return append(dst, 0xE2, 0x80, 0x8C), n + 1
		}
		n++
	}
	if len(name) < 2 {
		return append(dst, s[:n]...), n
	}
	out := html.UnescapeString(s[:n])
	if attr && !closed {
		whole := out != s[:n] && utf8.RuneCountInString(out) == 1
		if !whole || n < len(s) && s[n] == '=' {
			out = s[:n]
		}
	}
	return append(dst, out...), n
}

func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// windows1252 is what browsers take the numeric references &#128; to &#159;
// for.
var windows1252 = [32]rune{
	0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
}
