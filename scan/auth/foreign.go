package auth

import (
	"mime"
	"strings"

	"golang.org/x/net/idna"

	"foregate/mail"
)

// FieldName is the name of the header field of RFC 8601.
const FieldName = "Authentication-Results"

// ForeignSpans returns the byte ranges of the Authentication-Results fields in
// raw that claim authservID, our own name: whoever wrote them was not us, so
// they must go before ours is added (RFC 8601 section 5). Ranges are ascending
// and disjoint, each a whole field with its folded lines.
//
// Comparison is generous: case, comments, folding, quoting, encoded words, a
// trailing dot, A-labels and U-labels, control bytes and a version make no
// difference, since the reader that is to be deceived may be generous too.
func ForeignSpans(raw []byte, authservID string) []mail.Span {
	own := sameName(authservID)
	if own == "" {
		return nil
	}
	var spans []mail.Span
	end := 0 // of the last span
	for f := range fields(raw) {
		if f.start >= end && f.name == "authentication-results" && claims(f.unfold(raw), own) {
			span := cut(raw, f)
			spans, end = append(spans, span), span.End
		}
	}
	return spans
}

// cut returns what to leave out for f, so that every reader still finds the
// other fields and the end of the header where they were.
func cut(raw []byte, f field) mail.Span {
	if f.start > 0 && raw[f.start-1] == '\r' {
		// For a strict reader this is the inside of another field: its line
		// end stays, and the lone CR in front goes.
		end := f.end
		if end > f.start && raw[end-1] == '\n' {
			end--
		}
		if end > f.start && raw[end-1] == '\r' {
			end--
		}
		return mail.Span{Start: f.start - 1, End: end}
	}
	// All that a strict reader takes for this field goes, what stands behind a
	// lone CR in it included.
	end := f.end
	for end < len(raw) && (raw[end-1] != '\n' || raw[end] == ' ' || raw[end] == '\t') {
		_, end, _ = cutLine(raw, end)
	}
	return mail.Span{Start: f.start, End: end}
}

// claims tells whether some reading of an Authentication-Results value has own
// as its authserv-id.
func claims(value, own string) bool {
	id := authservToken(value)
	if sameName(id) == own {
		return true
	}
	// What comes before the first semicolon, with all structure pressed out:
	// "mx.(x)example.com", "mx. example.com 1", "=?utf-8?q?mx=2Eexample.com?=".
	head, _, _ := strings.Cut(value, ";")
	head = strings.TrimSpace(uncomment(head))
	head = decodeWords(head)
	squeezed := squeeze(head)
	if sameName(squeezed) == own {
		return true
	}
	if i := strings.LastIndexAny(head, " \t"); i > 0 && isVersion(head[i+1:]) {
		return sameName(squeeze(head[:i])) == own
	}
	return false
}

// maxWords bounds the text in which encoded words are decoded, in bytes: an
// encoded word has at most 75 (RFC 2047 section 2), and the decoder takes
// quadratic time over many that are broken.
const maxWords = 2000

// decodeWords decodes the encoded words (RFC 2047) of a text. Broken ones and
// those behind maxWords stay as they are.
func decodeWords(s string) string {
	head := s[:min(len(s), maxWords)]
	if word, err := new(mime.WordDecoder).DecodeHeader(head); err == nil {
		return word + s[len(head):]
	}
	return s
}

func isVersion(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// squeeze drops blanks, quotes and backslashes.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\"\\", r) {
			return -1
		}
		return r
	}, s)
}

// maxName bounds what can be a name in U-labels, in bytes: 253 in A-labels, and
// no letter takes more than four bytes.
const maxName = 4 * 253

// sameName reduces a name to the form in which equal names are equal.
func sameName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, s)
	s = strings.ToLower(strings.TrimRight(s, "."))
	if len(s) > maxName {
		return s
	}
	if a, err := idna.Lookup.ToASCII(s); err == nil {
		return a
	}
	return s
}

// authservToken reads the authserv-id: the first token or quoted string behind
// comments and blanks (RFC 8601 section 2.2).
func authservToken(value string) string {
	s := strings.TrimLeft(value, " \t")
	for strings.HasPrefix(s, "(") {
		s = strings.TrimLeft(s[commentEnd(s):], " \t")
	}
	if strings.HasPrefix(s, `"`) {
		text, _ := unquote(s)
		return text
	}
	if i := strings.IndexAny(s, " \t;("); i >= 0 {
		s = s[:i]
	}
	return s
}

// commentEnd returns the length of the comment that s begins with, nested ones
// included; an unclosed comment reaches to the end.
func commentEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// unquote reads the quoted string that s begins with and returns its text and
// its length in s.
func unquote(s string) (text string, n int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), i + 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), len(s)
}

// uncomment drops comments outside quoted strings.
func uncomment(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		switch s[i] {
		case '(':
			i += commentEnd(s[i:])
		case '"':
			_, n := unquote(s[i:])
			b.WriteString(s[i : i+n])
			i += n
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}
