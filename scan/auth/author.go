package auth

import (
	"fmt"
	"strings"

	"foregate/scan/auth/dmarc"
)

// maxAuthors bounds the addresses of the From fields that are read: what has
// more is ambiguous anyhow.
const maxAuthors = 50

// author reads the author domains from the From fields of raw. It does not
// rely on the model's sender, which names one: what matters here is whether
// any mail program could show another. d says what is wrong with them.
func author(raw []byte) (a dmarc.Author, d doubt) {
	p := authorParser{}
	count := 0
	for f := range fields(raw) {
		if f.name != "from" {
			continue
		}
		if count++; count <= maxAuthors {
			p.field(f.unfold(raw))
		}
	}
	if count > 1 {
		p.several("%d From fields", count)
	} else if len(p.domains) > 1 {
		p.several("From names %d domains", len(p.domains))
	}
	return dmarc.Author{Domains: p.domains, Ambiguous: p.doubt.why != ""}, p.doubt
}

// doubt is why the author is ambiguous.
type doubt struct {
	why      string // in words; "" for none
	multiple bool   // there are several authors, not just a malformed one
}

// authorParser collects domains from address lists.
type authorParser struct {
	domains []string
	doubt   doubt // the first reason, or the first for several authors
}

// malformed notes that programs may read an address in different ways.
func (p *authorParser) malformed(format string, args ...any) {
	if p.doubt.why == "" {
		p.doubt.why = fmt.Sprintf(format, args...)
	}
}

// several notes that there is more than one author.
func (p *authorParser) several(format string, args ...any) {
	if !p.doubt.multiple {
		p.doubt = doubt{why: fmt.Sprintf(format, args...), multiple: true}
	}
}

// element is one comma-separated element of an address list (RFC 5322 section
// 3.4): the text outside angle brackets, without comments and with quoted
// strings emptied, and what stands in angle brackets.
type element struct {
	before, after strings.Builder // outside, before and after the first angle bracket
	angles        []string
}

// field reads one From field.
func (p *authorParser) field(value string) {
	if strings.IndexByte(value, 0) >= 0 {
		p.malformed("From has a NUL byte")
	}
	s := splitter{}
	for i := 0; i < len(value); i++ {
		s.step(value[i])
	}
	s.flush()
	if s.quoted || s.depth > 0 || s.inAngle {
		p.malformed("From has an unclosed quote, comment or angle bracket")
	}
	for i, e := range s.done {
		if i == maxAuthors {
			p.several("From names more than %d addresses", maxAuthors)
			break
		}
		p.element(e)
	}
}

// splitter cuts an address list into elements, byte by byte.
type splitter struct {
	done    []*element
	cur     *element
	angle   strings.Builder
	inAngle bool
	quoted  bool
	escaped bool
	depth   int // of comments
}

func (s *splitter) step(c byte) {
	if s.cur == nil {
		s.cur = &element{}
	}
	switch {
	case s.escaped: // the byte behind a backslash stands for itself, as text
		s.escaped = false
		s.hidden()
	case (s.quoted || s.depth > 0) && c == '\\':
		s.escaped = true
	case s.quoted:
		if c == '"' {
			s.quoted = false
		}
		s.hidden()
	case s.depth > 0:
		switch c {
		case '(':
			s.depth++
		case ')':
			s.depth--
		}
	case c == '"':
		s.quoted = true
		s.hidden()
	case c == '(':
		s.depth++
	case s.inAngle && c == '>':
		s.inAngle = false
		s.cur.angles = append(s.cur.angles, s.angle.String())
		s.angle.Reset()
	case s.inAngle:
		s.angle.WriteByte(c)
	case c == '<':
		s.inAngle = true
	case c == ',' || c == ';':
		s.flush()
	case c == ':': // the name of a group ends here
		s.cur = &element{}
	default:
		s.outside(c)
	}
}

// hidden stands in for a byte of a quoted string: it keeps a quoted local part
// from being empty and lets none of its at signs count.
func (s *splitter) hidden() {
	switch {
	case s.depth > 0:
	case s.inAngle:
		s.angle.WriteByte('"')
	default:
		s.outside('"')
	}
}

func (s *splitter) outside(c byte) {
	if len(s.cur.angles) > 0 {
		s.cur.after.WriteByte(c)
	} else {
		s.cur.before.WriteByte(c)
	}
}

func (s *splitter) flush() {
	if s.cur == nil {
		return
	}
	if s.inAngle { // unclosed: what it holds may be taken for the address
		s.cur.angles = append(s.cur.angles, s.angle.String())
		s.angle.Reset()
	}
	if len(s.done) <= maxAuthors {
		s.done = append(s.done, s.cur)
	}
	s.cur = nil
}

// element takes the domain of one element. An at sign in a display name, as in
// "a@example.com <a@example.com>", is common; one behind the address, or a
// second address, is not and may be what another program shows.
func (p *authorParser) element(e *element) {
	before := e.before.String()
	if strings.Contains(e.after.String(), "@") {
		p.malformed("From has text like an address behind the address")
		p.address(e.after.String())
	}
	if len(e.angles) == 0 {
		if strings.Contains(before, "=?") && strings.Contains(decodeWords(before), "@") {
			p.malformed("From has an address in an encoded word")
		}
		p.address(before)
		return
	}
	found := 0
	for _, a := range e.angles {
		found += p.address(a)
	}
	if found == 0 && strings.Contains(before, "@") {
		p.malformed("From has an address outside its empty angle brackets")
		p.address(before)
	}
	if found > 1 && len(p.domains) > 1 {
		p.several("From has %d addresses without a comma between", found)
	}
}

// address takes the domain of one addr-spec and returns how many it found.
func (p *authorParser) address(text string) int {
	text = strings.Trim(text, " \t")
	if strings.HasPrefix(text, "@") { // an obsolete route (RFC 5322 section 4.4)
		if _, rest, ok := strings.Cut(text, ":"); ok {
			text = rest
		}
	}
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return 0
	}
	if strings.Count(text, "@") > 1 {
		p.malformed("From has an address with several at signs")
	}
	domain := strings.Trim(text[at+1:], " \t")
	if strings.HasPrefix(domain, "[") {
		return 0 // an address literal names no domain
	}
	p.add(domain)
	return 1
}

// add keeps one domain in A-labels. What is no domain name, each program
// makes another of.
func (p *authorParser) add(text string) {
	domain, ok := dmarc.Domain(text)
	if !ok {
		p.malformed("From has an invalid domain, %.60q", text)
		return
	}
	for _, d := range p.domains {
		if d == domain {
			return
		}
	}
	if len(p.domains) < maxAuthors {
		p.domains = append(p.domains, domain)
	}
}
