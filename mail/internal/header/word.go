package header

import (
	"encoding/base64"
	"strings"

	"foregate/mail/internal/charset"
)

// DecodeWords decodes the encoded words of s (RFC 2047) as clients do: also
// inside quotes, without blanks around them, with blanks inside, without
// padding, and across words that split one character. 8-bit bytes are read as
// UTF-8, else as windows-1252.
func DecodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		if isASCIIString(s) {
			return s
		}
		return charset.Decode("", []byte(s)).Text
	}
	var out strings.Builder
	var run wordRun
	for i := 0; i < len(s); {
		j := strings.Index(s[i:], "=?")
		if j < 0 {
			run.flush(&out)
			out.WriteString(plain(s[i:]))
			break
		}
		w, end := parseWord(s, i+j)
		if end < 0 {
			run.flush(&out)
			out.WriteString(plain(s[i : i+j+2]))
			i += j + 2
			continue
		}
		// Blanks between encoded words vanish (RFC 2047 section 6.2).
		if gap := s[i : i+j]; !run.open || strings.TrimSpace(gap) != "" {
			run.flush(&out)
			out.WriteString(plain(gap))
		}
		run.add(&out, w)
		i = end
	}
	run.flush(&out)
	return out.String()
}

func plain(s string) string {
	if isASCIIString(s) {
		return s
	}
	return charset.Decode("", []byte(s)).Text
}

func isASCIIString(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

type word struct {
	label string
	bytes []byte
}

// wordRun gathers neighbouring words of one charset, since a character may be
// split between them.
type wordRun struct {
	open  bool
	label string
	bytes []byte
}

func (r *wordRun) add(out *strings.Builder, w word) {
	if r.open && !strings.EqualFold(r.label, w.label) {
		r.flush(out)
	}
	r.open, r.label = true, w.label
	r.bytes = append(r.bytes, w.bytes...)
}

func (r *wordRun) flush(out *strings.Builder) {
	if r.open {
		out.WriteString(charset.Decode(r.label, r.bytes).Text)
	}
	*r = wordRun{}
}

// maxCharsetLabel bounds how far a charset label is looked for: the longest
// registered name has 45 characters.
const maxCharsetLabel = 64

// parseWord reads the encoded word at s[at:]; end is −1 when there is none.
func parseWord(s string, at int) (w word, end int) {
	i := at + 2
	q := strings.IndexByte(s[i:min(len(s), i+maxCharsetLabel)], '?')
	if q < 0 || strings.ContainsAny(s[i:i+q], " =\t") {
		return w, -1
	}
	w.label = s[i : i+q]
	i += q + 1
	if i+1 >= len(s) || s[i+1] != '?' {
		return w, -1
	}
	enc := s[i] | 0x20
	i += 2
	e := strings.Index(s[i:], "?=")
	if e < 0 {
		return w, -1
	}
	if e == 0 && enc == 'q' && strings.HasPrefix(s[i:], "?=") && len(s) > i+4 && unhex(s[i+2]) >= 0 {
		if e2 := strings.Index(s[i+2:], "?="); e2 >= 0 {
			e = e2 + 2
		}
	}
	text := s[i : i+e]
	switch enc {
	case 'q':
		w.bytes = decodeQ(text)
	case 'b':
		w.bytes = decodeB(text)
	default:
		return w, -1
	}
	return w, i + e + 2
}

func decodeQ(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			b = append(b, ' ')
		case c == '=' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			b = append(b, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return b
}

func decodeB(s string) []byte {
	clean := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '-':
			clean = append(clean, '+')
		case c == '_':
			clean = append(clean, '/')
		case nameByte(c) || c == '+' || c == '/':
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, _ := base64.RawStdEncoding.Decode(out, clean)
	return out[:n]
}
