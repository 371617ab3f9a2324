// Package payload finds files that stand in a text as base64, hexadecimal or a
// data URL.
package payload

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
)

// Magic tells whether bytes begin like a file that is worth opening; it returns
// a name for the log and "" for others.
func Magic(b []byte) string {
	for _, m := range []struct{ sign, typ string }{
		{"PK\x03\x04", "zip"}, {"%PDF-", "pdf"}, {"Rar!\x1a\x07", "rar"}, {"7z\xbc\xaf\x27\x1c", "7z"}, {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "ole"}, {"MSCF", "cab"},
		{"L\x00\x00\x00\x01\x14\x02\x00", "lnk"}, {"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "one"}, {"\x1f\x8b\x08", "gz"}, {"{\\rt", "rtf"}, {"\x7fELF", "elf"}, {"vhdxfile", "vhdx"}, {"conectix", "vhd"},
		{"\xfd7zXZ\x00", "xz"}, {"ITSF", "chm"}, {`X5O!P%@AP`, "eicar"}, {"\x78\x9f\x3e\x22", "tnef"},
	} {
		if bytes.HasPrefix(b, []byte(m.sign)) {
			return m.typ
		}
	}
	if len(b) > 64 && b[0] == 'M' && b[1] == 'Z' {
		return "exe"
	}
	if len(b) > 0x8006 && string(b[0x8001:0x8006]) == "CD001" {
		return "iso"
	}
	if len(b) > 1024 && b[510] == 0x55 && b[511] == 0xaa && (b[0] == 0xeb || b[0] == 0xe9) {
		return "img"
	}
	head := bytes.ToLower(bytes.TrimLeft(b[:min(len(b), 256)], " \t\r\n\ufeff"))
	for _, m := range []string{"<!doctype html", "<html", "<script", "<svg", "<hta:", "begin:vcalendar"} {
		if bytes.HasPrefix(head, []byte(m)) {
			return "markup"
		}
	}
	return ""
}

// Base64 decodes either alphabet with or without padding, blanks allowed.
func Base64(b []byte) ([]byte, bool) {
	clean := make([]byte, 0, len(b))
	for _, c := range b {
		switch {
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/':
		case c == '-':
			c = '+'
		case c == '_':
			c = '/'
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '=':
			continue
		default:
			return nil, false
		}
		clean = append(clean, c)
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	out := clean[:0]
	n, err := base64.RawStdEncoding.Decode(out[:cap(out)], clean)
	if err != nil {
		return nil, false
	}
	return out[:n], true
}

// DataURL decodes a data URL (RFC 2397); ok is false for anything else.
func DataURL(s string) (data []byte, media string, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) < 5 || !strings.EqualFold(s[:5], "data:") {
		return nil, "", false
	}
	head, body, found := strings.Cut(s[5:], ",")
	if !found {
		return nil, "", false
	}
	media, _, _ = strings.Cut(head, ";")
	// The fragment is no part of the data, but writers forget to escape "#".
	if plain, err := url.PathUnescape(body); err == nil {
		body = plain
	}
	if strings.HasSuffix(strings.ToLower(strings.ReplaceAll(head, " ", "")), ";base64") {
		if data, ok = Base64([]byte(body)); !ok {
			return nil, media, false
		}
		return data, media, true
	}
	return []byte(body), media, true
}

// Bounds of Find.
const (
	// minRun is the shortest run of digits that is looked at: less holds no file
	// but the smallest.
	minRun = 88
	// maxFound is how many files of one text are told.
	maxFound = 32
)

// Found is a file that stands in a text.
type Found struct {
	Data []byte
	How  string // "base64", "hexadecimal", each also "reversed "
}

// Find looks for long runs of base64 and hexadecimal digits, forwards and
// backwards, whose bytes begin like a file.
func Find(text []byte) []Found {
	var out []Found
	for at := 0; at < len(text) && len(out) < maxFound; {
		if !digit(text[at]) {
			at++
			continue
		}
		end := at
		for end < len(text) && (digit(text[end]) || folded(text, end)) {
			end++
		}
		if end-at >= minRun {
			if f, ok := decode(text[at:end]); ok {
				out = append(out, f)
			}
		}
		at = end
	}
	return out
}

// digit tells the characters of base64, which those of hexadecimal are among.
func digit(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '='
}

// folded tells a line's end inside a run: the next line goes on with digits.
func folded(text []byte, i int) bool {
	if text[i] != '\n' && text[i] != '\r' {
		return false
	}
	next := i + 1
	if next < len(text) && text[i] == '\r' && text[next] == '\n' {
		next++
	}
	const line = 32 // writers fold at 64 or 76; a word of prose is shorter
	if next+line > len(text) {
		return next < len(text) && digit(text[next])
	}
	for _, c := range text[next : next+line] {
		if !digit(c) {
			return false
		}
	}
	return true
}

func decode(run []byte) (Found, bool) {
	forward := func(b []byte, how string) (Found, bool) {
		// The first bytes tell whether the rest is worth decoding.
		peek := 1400
		if image := 0xb000; len(b) > image {
			peek = image // where a disk image has its mark
		}
		if head, ok := Base64(b[:min(len(b), peek)&^3]); ok && Magic(head) != "" {
			if data, ok := Base64(b); ok {
				return Found{data, how + "base64"}, true
			}
		}
		if head := make([]byte, peek/2); len(b) >= 2 {
			n, _ := hex.Decode(head, b[:min(len(b), peek)&^1])
			if Magic(head[:n]) != "" {
				data := make([]byte, len(b)/2)
				if n, _ := hex.Decode(data, b[:len(b)&^1]); n > 64 {
					return Found{data[:n], how + "hexadecimal"}, true
				}
			}
		}
		return Found{}, false
	}
	if f, ok := forward(run, ""); ok {
		return f, true
	}
	back := make([]byte, len(run))
	for i, c := range run {
		back[len(run)-1-i] = c
	}
	return forward(bytes.TrimLeft(back, "="), "reversed ")
}
