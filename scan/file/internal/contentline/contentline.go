// Package contentline reads the lines of calendars and contact cards
// (RFC 5545 section 3.1, RFC 6350 section 3.3): NAME;PARAM=value:VALUE, where a
// long line goes on behind a line break and a space.
package contentline

import (
	"bytes"
	"encoding/base64"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

// Bounds of one file.
const (
	maxLines  = 50000    // lines: a year of an office's calendar has about 20,000
	maxLine   = 32 << 20 // bytes of one unfolded line: it may hold an attachment
	maxParams = 64       // parameters of a line
)

// Line is one unfolded line.
type Line struct {
	Name   string // upper case, without its group
	Params map[string]string
	Value  string
}

// Param is a parameter, "" when it is not there.
func (l Line) Param(name string) string { return l.Params[name] }

// Parse unfolds and splits the lines of a file. Broken lines are counted, not
// reported.
func Parse(b []byte) (lines []Line, broken int) {
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		if out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(b); err == nil {
			b = out
		}
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	var cur []byte
	flush := func() {
		if len(bytes.TrimSpace(cur)) > 0 {
			if l, ok := split(strings.ToValidUTF8(string(cur), "\uFFFD")); ok {
				lines = append(lines, l)
			} else {
				broken++
			}
		}
		cur = nil
	}
	for raw := range bytes.Lines(b) {
		raw = bytes.TrimRight(raw, "\r\n")
		if len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t') && cur != nil {
			if len(cur) < maxLine {
				cur = append(cur, raw[1:]...)
			}
			continue
		}
		flush()
		if len(lines) >= maxLines {
			return lines, broken
		}
		cur = append([]byte{}, raw[:min(len(raw), maxLine)]...)
	}
	flush()
	return lines, broken
}

// split takes a line apart; colons and semicolons in quotes are text.
func split(s string) (Line, bool) {
	l := Line{Params: map[string]string{}}
	quoted, start, first := false, 0, true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			quoted = !quoted
		case quoted || c != ';' && c != ':':
			continue
		default:
			piece := s[start:i]
			start = i + 1
			if first {
				l.Name, first = strings.ToUpper(piece[strings.LastIndexByte(piece, '.')+1:]), false
			} else if k, v, ok := strings.Cut(piece, "="); ok && len(l.Params) < maxParams {
				l.Params[strings.ToUpper(k)] = strings.Trim(v, `"`)
			} else if len(l.Params) < maxParams {
				l.Params["TYPE"] = piece // vCard 2.1 leaves the name out
			}
			if c == ':' {
				l.Value = s[start:]
				return l, l.Name != ""
			}
		}
	}
	return l, false
}

// Text undoes the escapes of a text value, RFC 5545 section 3.3.11.
func Text(s string) string {
	return strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(s)
}

// Inline returns the content of a line that carries a file: base64 or a data
// URL (RFC 2397).
func Inline(l Line) (data []byte, media string, ok bool) {
	media = strings.ToLower(l.Param("FMTTYPE"))
	value := l.Value
	if len(value) > 5 && strings.EqualFold(value[:5], "data:") {
		head, body, found := strings.Cut(value[5:], ",")
		if !found {
			return nil, media, false
		}
		media, _, _ = strings.Cut(strings.ToLower(head), ";")
		if !strings.Contains(strings.ToLower(head), "base64") {
			return []byte(body), media, true
		}
		value = body
	} else if enc := l.Param("ENCODING"); !strings.EqualFold(l.Param("VALUE"), "BINARY") && !strings.EqualFold(enc, "BASE64") && !strings.EqualFold(enc, "B") {
		return nil, media, false
	}
	value = strings.Map(func(r rune) rune {
		if r <= ' ' || r == '=' {
			return -1
		}
		return r
	}, value)
	data, err := base64.RawStdEncoding.DecodeString(value)
	return data, media, err == nil || len(data) > 0
}
