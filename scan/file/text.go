package file

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// isText tells text from binary by its first 4 KiB: valid in UTF-8 or marked as
// UTF-16, hardly any control characters.
func isText(b []byte) bool {
	head := b[:min(len(b), 4<<10)]
	if len(head) == 0 {
		return false
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return true
	}
	bad := 0
	for _, c := range head {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			bad++
		}
	}
	return bad*50 <= len(head) && !bytes.Contains(head, []byte{0, 0})
}

// decodeText decodes a file as text, by the first of the named encodings that
// fits without loss; without names, by its byte order mark, as UTF-8, or by
// what most of the old web used. It returns the text and the encoding's name.
func decodeText(b []byte, names []string) (text, name string) {
	for _, want := range names {
		e, err := htmlindex.Get(want)
		if err != nil {
			continue
		}
		canon, _ := htmlindex.Name(e)
		if canon == "utf-8" {
			if utf8.Valid(b) {
				return string(bytes.TrimPrefix(b, []byte("\ufeff"))), canon
			}
			continue
		}
		if out, err := e.NewDecoder().Bytes(b); err == nil && !bytes.ContainsRune(out, utf8.RuneError) {
			return string(out), canon
		}
	}
	if len(names) > 0 {
		return "", ""
	}
	var e encoding.Encoding
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		e, name = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16le"
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		e, name = unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "utf-16be"
	case utf8.Valid(trimPartial(b)):
		return string(bytes.TrimPrefix(trimPartial(b), []byte("\ufeff"))), "utf-8"
	default:
		e, name, _ = charset.DetermineEncoding(b[:min(len(b), 1024)], "")
	}
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD"), "utf-8"
	}
	return string(out), name
}

// trimPartial drops a character that the end of a cut text leaves unfinished.
func trimPartial(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// Bounds of the printable strings kept of one file: enough for any rule, small
// enough to carry for a thousand files.
const (
	minString    = 5
	maxString    = 4 << 10
	maxStrings   = 2000
	maxStringSum = 64 << 10
)

// printableStrings returns the runs of printable ASCII in data, within bounds.
func printableStrings(data []byte) []string {
	var out []string
	sum, start := 0, -1
	flush := func(end int) bool {
		if start >= 0 && end-start >= minString {
			s := string(data[start:min(end, start+maxString)])
			sum += len(s)
			out = append(out, s)
		}
		start = -1
		return len(out) < maxStrings && sum < maxStringSum
	}
	for i, c := range data {
		if c >= 0x20 && c < 0x7f || c == '\t' {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && !flush(i) {
			return out
		}
	}
	flush(len(data))
	return out
}
