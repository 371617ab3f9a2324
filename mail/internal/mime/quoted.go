package mime

import "bytes"

// qpRule is what a quoted-printable decoder does where RFC 2045 section 6.7
// leaves it open or decoders differ.
type qpRule struct {
	keepBlanks bool // blanks at line ends stay
	upperOnly  bool // lower-case hex digits are no escape
	dropBad    bool // the "=" of a bad escape goes
	stopBad    bool // a bad escape ends the data
	strictSoft bool // a soft break with blanks behind "=" is no soft break
}

func qpRules() []qpRule {
	return []qpRule{
		{},
		{keepBlanks: true},
		{upperOnly: true},
		{dropBad: true},
		{stopBad: true},
		{strictSoft: true, keepBlanks: true},
	}
}

// decodeQuoted decodes b in every way that some decoder would.
func decodeQuoted(b []byte) [][]byte {
	main, odd := qp(b, qpRule{})
	all := [][]byte{main}
	if !odd {
		return all
	}
	for _, r := range qpRules()[1:] {
		if d, _ := qp(b, r); len(d) > 0 && !contains(all, d) {
			all = append(all, d)
		}
	}
	return append(all, b)
}

func hexValue(c byte, upperOnly bool) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f' && !upperOnly:
		return int(c-'a') + 10
	}
	return -1
}

// qp decodes by one rule; odd tells that rules can differ.
func qp(b []byte, r qpRule) (out []byte, odd bool) {
	out = make([]byte, 0, len(b))
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		line, brk := b, []byte(nil)
		if i >= 0 {
			line, brk, b = b[:i], b[i:i+1], b[i+1:]
			if len(line) > 0 && line[len(line)-1] == '\r' {
				line, brk = line[:len(line)-1], []byte("\r\n")
			}
		} else {
			b = nil
		}
		t := bytes.TrimRight(line, " \t")
		if len(t) != len(line) {
			odd = true
			if r.keepBlanks && (len(t) == 0 || t[len(t)-1] != '=' || r.strictSoft) {
				t = line
			}
		}
		soft := len(t) > 0 && t[len(t)-1] == '='
		if soft {
			t = t[:len(t)-1]
		}
		var o, ended bool
		out, o, ended = qpLine(out, t, r)
		odd = odd || o
		if ended {
			return out, true
		}
		if !soft {
			out = append(out, brk...)
		}
	}
	return out, odd
}

func qpLine(out, t []byte, r qpRule) (_ []byte, odd, ended bool) {
	for len(t) > 0 {
		i := bytes.IndexByte(t, '=')
		if i < 0 {
			return append(out, t...), odd, false
		}
		out, t = append(out, t[:i]...), t[i:]
		if len(t) >= 3 && hexValue(t[1], false) >= 0 && hexValue(t[2], false) >= 0 {
			h, l := hexValue(t[1], r.upperOnly), hexValue(t[2], r.upperOnly)
			odd = odd || t[1] >= 'a' || t[2] >= 'a'
			if h >= 0 && l >= 0 {
				out, t = append(out, byte(h<<4|l)), t[3:]
				continue
			}
		}
		odd = true
		if r.stopBad {
			return out, true, true
		}
		if !r.dropBad {
			out = append(out, '=')
		}
		t = t[1:]
	}
	return out, odd, false
}

// looksQuoted reports whether b has quoted-printable escapes.
func looksQuoted(b []byte) bool {
	b = b[:min(len(b), 1<<16)]
	n := 0
	for i := 0; i+2 < len(b); i++ {
		if b[i] != '=' {
			continue
		}
		if hexValue(b[i+1], true) >= 0 && hexValue(b[i+2], true) >= 0 || b[i+1] == '\n' || b[i+1] == '\r' && b[i+2] == '\n' {
			n++
			if n >= 2 {
				return true
			}
		}
	}
	return false
}
