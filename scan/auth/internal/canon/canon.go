// Package canon splits a message into header fields and body and reduces both
// to the canonical forms over which DKIM and ARC signatures are computed.
//
// A signature covers bytes, yet mail systems change bytes in transit: they
// fold header lines and trim blanks. RFC 6376 section 3.4 therefore names two
// canonical forms. "simple" allows next to no change; "relaxed" folds header
// names to lower case, unfolds lines and squeezes runs of blanks. The signer
// picks one for the header and one for the body.
//
// Line ends matter most: a verifier that takes a lone LF for a line end hashes
// other bytes than those that are delivered, which lets an attacker hide text
// from the signature. Split knows two whole forms only: the wire form, where
// nothing but CRLF ends a line, and the local form of a file without a single
// CR, where LF stands for CRLF throughout. Anything in between is a Defect.
package canon

import (
	"bytes"
	"strings"
)

// MaxHeader bounds the header block in bytes: what the gate accepts at all.
const MaxHeader = 256 << 10

// Message is a message split for signature checks. It refers to the bytes
// given to Split.
type Message struct {
	Fields []Field // in order of appearance
	Body   []byte  // after the empty line; nil when there is none
	// Defect says in words why no signature over this message can be trusted
	// to cover what a reader sees; "" when there is no reason.
	Defect string

	local bool // LF ends lines
}

// Field is one header field.
type Field struct {
	Name string // lower case, without blanks
	// Raw is the field as received, folded lines included, without the line
	// end that closes it.
	Raw   []byte
	colon int // index of the colon in Raw
	local bool
}

// Value returns what follows the colon, as received.
func (f Field) Value() string { return string(f.Raw[f.colon+1:]) }

// Split finds the header fields and the body. It never fails: what is wrong
// with the bytes is named in Defect.
func Split(raw []byte) Message {
	m := Message{local: bytes.IndexByte(raw, '\r') < 0}
	m.Defect = byteDefect(raw, m.local)
	rest := raw
	for len(rest) > 0 {
		if len(raw)-len(rest) > MaxHeader {
			m.Defect = "the header block is longer than 256 KiB"
			return m
		}
		line, next := m.line(rest)
		if len(line) == 0 {
			m.Body = next
			return m
		}
		first := len(rest) == len(raw)
		m.addLine(line, first)
		rest = next
	}
	return m
}

// byteDefect looks for bytes that mail programs are known to read differently.
func byteDefect(raw []byte, local bool) string {
	if bytes.IndexByte(raw, 0) >= 0 {
		return "the message contains a NUL byte"
	}
	if local {
		return ""
	}
	pairs := bytes.Count(raw, []byte("\r\n"))
	if bytes.Count(raw, []byte{'\r'}) != pairs || bytes.Count(raw, []byte{'\n'}) != pairs {
		return "the message contains a bare CR or LF"
	}
	return ""
}

// line cuts the first line off b. The line comes without its end.
func (m *Message) line(b []byte) (line, rest []byte) {
	if m.local {
		line, rest, _ = bytes.Cut(b, []byte{'\n'})
		return line, rest
	}
	line, rest, _ = bytes.Cut(b, []byte("\r\n"))
	return line, rest
}

// addLine adds one header line: a new field or the continuation of the last.
func (m *Message) addLine(line []byte, first bool) {
	if isBlank(line[0]) {
		if len(m.Fields) == 0 {
			m.malformed()
			return
		}
		last := &m.Fields[len(m.Fields)-1]
		eol := 2
		if m.local {
			eol = 1
		}
		// The lines of one field are neighbours in the message, so the field
		// grows in place; after a malformed line they are not.
		end := len(last.Raw) + eol + len(line)
		if end <= cap(last.Raw) && &last.Raw[:end][end-1] == &line[len(line)-1] {
			last.Raw = last.Raw[:end]
			return
		}
		m.malformed()
		return
	}
	if first && bytes.HasPrefix(line, []byte("From ")) {
		return // the separator of an mbox file is no part of the message
	}
	colon := bytes.IndexByte(line, ':')
	name := bytes.TrimRight(line[:max(colon, 0)], " \t") // RFC 5322 section 4.5.8 allows blanks here
	if len(name) == 0 || !isFieldName(name) {
		m.malformed()
		return
	}
	m.Fields = append(m.Fields, Field{
		Name:  strings.ToLower(string(name)),
		Raw:   line,
		colon: colon,
		local: m.local,
	})
}

func (m *Message) malformed() {
	if m.Defect == "" {
		m.Defect = "the header contains a line that is no field"
	}
}

// isFieldName reports RFC 5322 section 3.6.8 ftext.
func isFieldName(name []byte) bool {
	for _, c := range name {
		if c < 33 || c > 126 {
			return false
		}
	}
	return true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// Form is a canonical form of RFC 6376 section 3.4.
type Form uint8

// The canonical forms.
const (
	Simple Form = iota
	Relaxed
)

// ParseForms reads the value of a c= tag: header form, slash, body form. An
// absent body form means simple (RFC 6376 section 3.5). ok is false for any
// other word.
func ParseForms(c string) (header, body Form, ok bool) {
	h, b, two := strings.Cut(c, "/")
	if !two {
		b = "simple"
	}
	header, hok := parseForm(h)
	body, bok := parseForm(b)
	return header, body, hok && bok
}

func parseForm(s string) (Form, bool) {
	switch s {
	case "simple":
		return Simple, true
	case "relaxed":
		return Relaxed, true
	}
	return Simple, false
}

// AppendField appends the canonical field and CRLF to dst (RFC 6376 sections
// 3.4.1 and 3.4.2).
func AppendField(dst []byte, f Field, form Form) []byte {
	return append(appendField(dst, f, f.Raw, form), "\r\n"...)
}

// AppendUnsigned appends the canonical signature field with the value of its
// b= tag deleted and without the closing CRLF (RFC 6376 section 3.7). cut is
// the byte range of that value in Field.Value.
func AppendUnsigned(dst []byte, f Field, cut [2]int, form Form) []byte {
	start, end := f.colon+1+cut[0], f.colon+1+cut[1]
	raw := make([]byte, 0, len(f.Raw))
	raw = append(raw, f.Raw[:start]...)
	raw = append(raw, f.Raw[end:]...)
	return appendField(dst, f, raw, form)
}

func appendField(dst []byte, f Field, raw []byte, form Form) []byte {
	if form == Simple {
		if !f.local {
			return append(dst, raw...)
		}
		for _, c := range raw {
			if c == '\n' {
				dst = append(dst, '\r')
			}
			dst = append(dst, c)
		}
		return dst
	}
	dst = append(dst, f.Name...)
	dst = append(dst, ':')
	start := len(dst)
	value := raw[f.colon+1:]
	blank := false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case isBlank(c):
			blank = true
			continue
		case f.local && c == '\n':
			continue // unfolding; in this form every LF is a line end
		case !f.local && c == '\r' && i+1 < len(value) && value[i+1] == '\n':
			i++ // unfolding
			continue
		}
		if blank && len(dst) > start {
			dst = append(dst, ' ')
		}
		blank = false
		dst = append(dst, c)
	}
	return dst
}
