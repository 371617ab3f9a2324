package mail

import (
	"strings"

	"foregate/mail/internal/header"
)

// parseReceived reads a Received field (RFC 5321 section 4.4): clauses in any
// order, then a semicolon and a date.
func parseReceived(v string) *Received {
	r := &Received{}
	rest := v
	if i := strings.LastIndexByte(v, ';'); i >= 0 {
		if d, ok := header.ParseDate(v[i+1:]); ok {
			r.Time, r.ZoneOffset, rest = timePtr(d.Time), d.Offset, v[:i]
		}
	}
	if r.Time == nil { // a relay that forgot the semicolon
		if i := strings.LastIndexByte(v, ','); i > 3 {
			if d, ok := header.ParseDate(v[i-3:]); ok {
				r.Time, r.ZoneOffset, rest = timePtr(d.Time), d.Offset, v[:i-3]
			}
		}
	}
	cur := &r.Additional
	for _, w := range receivedWords(rest) {
		if slot := receivedClause(r, w, *cur); slot != nil {
			cur = slot
			continue
		}
		if strings.HasPrefix(w, "(") && *cur != nil && (cur == &r.Mailbox || cur == &r.ID) {
			cur = &r.Additional // a remark on the whole
		}
		if *cur == nil {
			*cur = &RawClause{Raw: w}
		} else {
			(*cur).Raw += " " + w
		}
	}
	return r
}

// receivedClause returns the clause that a key word opens; nil for any other
// word, and for a key word whose clause is already there or that directly
// follows another.
func receivedClause(r *Received, w string, cur *RawClause) **RawClause {
	var slot **RawClause
	switch strings.ToLower(w) {
	case "from":
		slot = &r.Source
	case "by":
		slot = &r.Server
	case "via":
		slot = &r.Link
	case "with":
		slot = &r.Protocol
	case "id":
		slot = &r.ID
	case "for":
		slot = &r.Mailbox
	}
	if slot == nil || *slot != nil {
		return nil
	}
	return slot
}

// receivedWords cuts a text into words, each comment one word.
func receivedWords(s string) []string {
	var out []string
	for i := 0; i < len(s); {
		switch s[i] {
		case ' ', '\t':
			i++
			continue
		case '(':
			end := commentEnd(s, i)
			out = append(out, s[i:end])
			i = end
			continue
		}
		j := i
		for j < len(s) && s[j] != ' ' && s[j] != '\t' && (s[j] != '(' || j == i) {
			j++
		}
		out = append(out, s[i:j])
		i = j
	}
	return out
}

func commentEnd(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}
