package spf

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// macroString is a parsed macro-string (RFC 7208 section 7.1).
type macroString struct {
	parts []macroPart
	text  string // as written
}

// macroPart is literal text, or one macro when letter is set.
type macroPart struct {
	literal    string
	letter     byte // lower case
	escape     bool // the letter was upper case: URL-escape the value
	keep       int  // number of right-hand parts, 0 for all
	reverse    bool
	delimiters string // "" means "."
}

// parseMacros reads a macro-string. The letters c, r and t are for explanation
// texts only (RFC 7208 section 7.2).
func parseMacros(s string, explanation bool) (macroString, error) {
	m := macroString{text: s}
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			m.parts = append(m.parts, macroPart{literal: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x21 || c > 0x7e {
			return macroString{}, fmt.Errorf("byte %#02x outside visible ASCII", c)
		}
		if c != '%' {
			literal.WriteByte(c)
			continue
		}
		i++
		switch {
		case i < len(s) && s[i] == '%':
			literal.WriteByte('%')
		case i < len(s) && s[i] == '_':
			literal.WriteByte(' ')
		case i < len(s) && s[i] == '-':
			literal.WriteString("%20")
		case i < len(s) && s[i] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return macroString{}, fmt.Errorf("macro without its closing brace")
			}
			part, err := parseMacro(s[i+1:i+end], explanation)
			if err != nil {
				return macroString{}, err
			}
			flush()
			m.parts = append(m.parts, part)
			i += end
		default:
			return macroString{}, fmt.Errorf("%% before something that is no macro")
		}
	}
	flush()
	return m, nil
}

// parseMacro reads what is between the braces: a letter, transformers and
// delimiters.
func parseMacro(s string, explanation bool) (macroPart, error) {
	letters := "slodipvh"
	if explanation {
		letters += "crt"
	}
	if s == "" || strings.IndexByte(letters, s[0]|0x20) < 0 || !isAlpha(s[0]) {
		return macroPart{}, fmt.Errorf("unknown macro %.10q", s)
	}
	p := macroPart{letter: s[0] | 0x20, escape: s[0] < 'a'}
	s = s[1:]
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits > 0 {
		// RFC 7208 section 7.3: must not be zero, at least 128 understood.
		n, err := strconv.Atoi(s[:min(digits, 9)])
		if err != nil || n == 0 {
			return macroPart{}, fmt.Errorf("macro transformer %.10q", s[:digits])
		}
		p.keep, s = n, s[digits:]
	}
	if s != "" && s[0]|0x20 == 'r' {
		p.reverse, s = true, s[1:]
	}
	if strings.Trim(s, ".-+,/_=") != "" {
		return macroPart{}, fmt.Errorf("macro delimiter %.10q", s)
	}
	p.delimiters = s
	return p, nil
}

// parseDomainSpec reads a domain-spec: a macro-string that ends in a macro or
// in a dot and a valid top label (RFC 7208 section 7.1). Syntax is checked
// before expansion, not after.
func parseDomainSpec(s string) (macroString, error) {
	m, err := parseMacros(s, false)
	if err != nil {
		return m, err
	}
	if len(m.parts) == 0 {
		return m, fmt.Errorf("the domain is empty")
	}
	last := m.parts[len(m.parts)-1]
	if last.letter != 0 || endsInPercent(s) {
		return m, nil
	}
	text := strings.TrimSuffix(s, ".")
	i := strings.LastIndexByte(text, '.')
	if i < 0 || !isTopLabel(text[i+1:]) {
		return m, fmt.Errorf("the domain does not end in a top-level name")
	}
	return m, nil
}

// endsInPercent tells whether s ends in one of the macro-expands "%%", "%_"
// and "%-". parseMacros has accepted s, so percent signs pair up.
func endsInPercent(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if i++; i == len(s)-1 {
				return true
			}
		}
	}
	return false
}

// isTopLabel tells whether s is a toplabel: letters, digits and inner hyphens,
// not all digits.
func isTopLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' || allDigits(s) {
		return false
	}
	for _, c := range []byte(s) {
		if !isAlpha(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

// transform applies the transformers (RFC 7208 section 7.3): split, reverse,
// keep the right-hand parts, join with dots, escape.
func (p macroPart) transform(value string) string {
	delimiters := p.delimiters
	if delimiters == "" {
		delimiters = "."
	}
	if p.keep > 0 || p.reverse || p.delimiters != "" {
		parts := splitAny(value, delimiters)
		if p.reverse {
			for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
				parts[i], parts[j] = parts[j], parts[i]
			}
		}
		if p.keep > 0 && p.keep < len(parts) {
			parts = parts[len(parts)-p.keep:]
		}
		value = strings.Join(parts, ".")
	}
	if p.escape {
		value = urlEscape(value)
	}
	return value
}

func splitAny(s, delimiters string) []string {
	var parts []string
	for {
		i := strings.IndexAny(s, delimiters)
		if i < 0 {
			return append(parts, s)
		}
		parts, s = append(parts, s[:i]), s[i+1:]
	}
}

// urlEscape escapes all but the unreserved characters of RFC 3986.
func urlEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if isAlpha(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// dotted returns the i macro: dotted quad, or the 32 nibbles of an IPv6
// address with dots between (RFC 7208 section 7.3).
func dotted(ip netip.Addr) string {
	if ip.Is4() {
		return ip.String()
	}
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, 63)
	for i, c := range ip.As16() {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, hex[c>>4], '.', hex[c&15])
	}
	return string(b)
}

// fitName drops labels from the left until name fits into 253 bytes (RFC 7208
// section 7.3).
func fitName(name string) string {
	name = strings.TrimSuffix(name, ".")
	for len(name) > 253 {
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			return ""
		}
		name = rest
	}
	return name
}
