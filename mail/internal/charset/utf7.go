package charset

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// UTF7 decodes UTF-7 (RFC 2152): "+" starts a run of modified base64 holding
// UTF-16, "-" or any other character outside the alphabet ends it, "+-" is a
// plus sign. Bytes over 0x7F are invalid and become U+FFFD.
func UTF7(b []byte) string {
	var out strings.Builder
	out.Grow(len(b))
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c == '+' && i+1 < len(b) && b[i+1] == '-':
			out.WriteByte('+')
			i += 2
		case c == '+':
			i = utf7Run(&out, b, i+1)
		case c < 0x80:
			out.WriteByte(c)
			i++
		default:
			out.WriteRune(utf8.RuneError)
			i++
		}
	}
	return out.String()
}

// utf7Run decodes the shifted run that starts at i and returns where it ends.
func utf7Run(out *strings.Builder, b []byte, i int) int {
	var bits uint32
	var n uint
	var high rune
	for ; i < len(b); i++ {
		v := base64Value(b[i])
		if v < 0 {
			break
		}
		bits, n = bits<<6|uint32(v), n+6
		if n < 16 {
			continue
		}
		n -= 16
		high = utf7Unit(out, high, rune(bits>>n&0xFFFF))
	}
	if high != 0 {
		out.WriteRune(utf8.RuneError)
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	return i
}

// utf7Unit writes one UTF-16 unit, pairing it with a pending high surrogate,
// and returns the new pending one.
func utf7Unit(out *strings.Builder, high, u rune) rune {
	if high != 0 {
		if r := utf16.DecodeRune(high, u); r != utf8.RuneError {
			out.WriteRune(r)
			return 0
		}
		out.WriteRune(utf8.RuneError)
	}
	if u >= 0xD800 && u < 0xDC00 {
		return u
	}
	out.WriteRune(u)
	return 0
}

func base64Value(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}
