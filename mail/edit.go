package mail

import (
	"bytes"
	"mime"
	"slices"
	"strings"
)

// Apply returns the delivered copy of a message: raw without the Cut ranges,
// with Prepend on top and subjectTag before every subject. It is Pieces in one
// buffer.
func (e Edit) Apply(raw []byte, subjectTag string) []byte {
	return slices.Concat(e.Pieces(raw, subjectTag)...)
}

// Pieces returns the delivered copy as consecutive pieces, most of them parts of
// raw itself, so that a large message needs no second buffer. The pieces must
// not be changed.
//
// A non-empty subjectTag is put before the text of each Subject field of the
// header block that is not cut and does not begin with it; each, because readers
// differ in which of several they show. Without any, one is added under Prepend.
// A tag beyond printable ASCII is written as an encoded word (RFC 2047).
func (e Edit) Pieces(raw []byte, subjectTag string) [][]byte {
	pieces := [][]byte{}
	add := func(p []byte) {
		if len(p) > 0 {
			pieces = append(pieces, p)
		}
	}
	add(e.Prepend)
	cut := cleanSpans(e.Cut, len(raw))
	var tag []byte
	var at []int
	if subjectTag != "" {
		tag = encodeTag(subjectTag)
		var found bool
		if at, found = subjects(raw, tag, cut); !found {
			add(slices.Concat([]byte("Subject: "), bytes.TrimRight(tag, " "), []byte("\r\n")))
		}
	}
	pos := 0
	for len(cut) > 0 || len(at) > 0 {
		if len(at) > 0 && (len(cut) == 0 || at[0] <= cut[0].Start) {
			add(raw[pos:at[0]])
			add(tag)
			pos, at = at[0], at[1:]
			continue
		}
		add(raw[pos:cut[0].Start])
		pos, cut = cut[0].End, cut[1:]
	}
	add(raw[pos:])
	return pieces
}

// cleanSpans sorts spans, keeps them inside the message and makes them disjoint:
// a wrong span must not cost more of a message than it names.
func cleanSpans(spans []Span, size int) []Span {
	var out []Span
	for _, s := range slices.SortedFunc(slices.Values(spans), func(a, b Span) int { return a.Start - b.Start }) {
		s.Start, s.End = max(s.Start, 0), min(s.End, size)
		if n := len(out); n > 0 {
			s.Start = max(s.Start, out[n-1].End)
		}
		if s.Start < s.End {
			out = append(out, s)
		}
	}
	return out
}

// encodeTag makes a tag fit for a header field, with a space after it. The space
// stands inside an encoded word, for readers drop the one between two of them.
func encodeTag(tag string) []byte {
	tag = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, tag), "\uFFFD")
	tag = strings.TrimSpace(tag) + " "
	if word := mime.QEncoding.Encode("utf-8", tag); word != tag {
		return []byte(word + " ")
	}
	return []byte(tag)
}

// subjects returns the offsets at which tag is to be put, ascending, and whether
// the header block has a Subject field that stays.
func subjects(raw, tag []byte, cut []Span) (at []int, found bool) {
	bare := bytes.TrimRight(tag, " ")
	for pos := 0; pos < len(raw); {
		end := len(raw)
		if i := bytes.IndexByte(raw[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		line := raw[pos:end]
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break // the body begins
		}
		if colon := subjectColon(line); colon > 0 {
			text := bytes.TrimLeft(line[colon:], " \t")
			here := pos + len(line) - len(text)
			if !within(cut, pos) && !within(cut, here) {
				found = true
				if !bytes.HasPrefix(text, bare) {
					at = append(at, here)
				}
			}
		}
		pos = end
	}
	return at, found
}

// subjectColon returns the offset after the colon of a Subject field's first
// line, 0 for other lines. Space before the colon is an obsolete form (RFC 5322
// section 4.5) that readers honour.
func subjectColon(line []byte) int {
	const name = "subject"
	if len(line) <= len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return 0
	}
	rest := bytes.TrimLeft(line[len(name):], " \t")
	if len(rest) == 0 || rest[0] != ':' {
		return 0
	}
	return len(line) - len(rest) + 1
}

func within(spans []Span, pos int) bool {
	return slices.ContainsFunc(spans, func(s Span) bool { return s.Start <= pos && pos < s.End })
}
