// Package charset turns bytes of any charset that mail uses into UTF-8. It
// never fails: what cannot be decoded is replaced by U+FFFD, and an unknown
// label is read as UTF-8 where the bytes are UTF-8, else as windows-1252, the
// superset of Latin-1 that clients fall back to.
package charset

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Result is a decoded text.
type Result struct {
	Text     string
	Used     string // the charset that was applied, lower case
	Unknown  bool   // the label names no charset we know
	Mismatch bool   // the bytes contradict the label (a byte order mark, or 8-bit bytes in us-ascii)
}

// Decode reads b in the charset that label names. An empty label is
// us-ascii (RFC 2045 section 5.2), read as above when it has 8-bit bytes.
func Decode(label string, b []byte) Result {
	name := Normalize(label)
	if bom, n := byteOrderMark(b); bom != "" {
		t, _ := decodeWith(bom, b[n:])
		return Result{Text: t, Used: bom, Mismatch: name != "" && !strings.HasPrefix(bom, strings.TrimRight(name, "lbe"))}
	}
	switch name {
	case "", "us-ascii":
		if isASCII(b) {
			return Result{Text: string(b), Used: name}
		}
		r := guess(b)
		r.Mismatch = name != ""
		return r
	case "utf-8":
		if utf8.Valid(b) {
			return Result{Text: string(b), Used: name}
		}
		return Result{Text: strings.ToValidUTF8(string(b), "\uFFFD"), Used: name, Mismatch: true}
	}
	if t, ok := decodeWith(name, b); ok {
		return Result{Text: t, Used: name}
	}
	r := guess(b)
	r.Unknown = true
	return r
}

// Normalize brings a charset label to its lower-case usual form: quotes,
// blanks, comments and language suffixes go, and the common aliases of
// US-ASCII and UTF-8 become one.
func Normalize(label string) string {
	s := strings.ToLower(strings.Trim(label, " \t\r\n\"'"))
	if i := strings.IndexAny(s, "*;( \t"); i > 0 {
		s = s[:i]
	}
	s = strings.Trim(s, "\"'")
	switch s {
	case "utf8", "unicode-1-1-utf-8", "utf_8", "x-utf-8", "utf-8mb4", "utf8mb4":
		return "utf-8"
	case "ascii", "us", "ansi_x3.4-1968", "iso646-us", "usascii", "us_ascii", "7bit":
		return "us-ascii"
	case "unicode-1-1-utf-7", "x-unicode-2-0-utf-7", "unicode-2-0-utf-7", "csunicode11utf7", "utf7":
		return "utf-7"
	case "cp932", "ms932", "windows-932":
		return "windows-31j"
	case "cp949", "ks_c_5601-1987", "ksc5601", "windows-949":
		return "euc-kr"
	case "cp936", "windows-936", "gb_2312-80":
		return "gbk"
	case "cp950", "windows-950":
		return "big5"
	}
	if strings.HasPrefix(s, "cp125") || strings.HasPrefix(s, "ansi-125") {
		return "windows-" + s[len(s)-4:]
	}
	return s
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func guess(b []byte) Result {
	if utf8.Valid(b) {
		return Result{Text: string(b), Used: "utf-8"}
	}
	t, _ := decodeWith("windows-1252", b)
	return Result{Text: t, Used: "windows-1252"}
}

func byteOrderMark(b []byte) (string, int) {
	switch {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		return "utf-8", 3
	case bytes.HasPrefix(b, []byte("\xFF\xFE\x00\x00")):
		return "utf-32le", 4
	case bytes.HasPrefix(b, []byte("\x00\x00\xFE\xFF")):
		return "utf-32be", 4
	case bytes.HasPrefix(b, []byte("\xFF\xFE")):
		return "utf-16le", 2
	case bytes.HasPrefix(b, []byte("\xFE\xFF")):
		return "utf-16be", 2
	}
	return "", 0
}

func decodeWith(name string, b []byte) (string, bool) {
	switch name {
	case "utf-8":
		return strings.ToValidUTF8(string(b), "\uFFFD"), true
	case "utf-7", "utf-7-imap":
		return UTF7(b), true
	}
	enc := lookup(name)
	if enc == nil {
		return "", false
	}
	// The tables of single bytes are those of ASCII below 0x80, but for EBCDIC.
	if cm, ok := enc.(*charmap.Charmap); ok && cm.DecodeByte('A') == 'A' && isASCII(b) {
		return string(b), true
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD"), true
	}
	return strings.ToValidUTF8(string(out), "\uFFFD"), true
}

func lookup(name string) encoding.Encoding {
	switch name {
	case "iso-8859-1", "latin1", "windows-1252":
		return charmap.Windows1252 // what every client does (WHATWG Encoding)
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-32", "utf-32be", "ucs-4":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	}
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
		return e
	}
	for _, index := range []*ianaindex.Index{ianaindex.MIME, ianaindex.IANA} {
		if e, err := index.Encoding(name); err == nil && e != nil {
			return e
		}
	}
	return nil
}
