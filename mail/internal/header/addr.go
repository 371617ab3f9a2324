package header

import (
	"strings"
)

// Address is one mailbox of an address list (RFC 5322 section 3.4), decoded.
type Address struct {
	Name   string // display name, else the comment of the obsolete form
	Local  string // local part as written, its comments removed
	Domain string // as written; "" when there is no "@"
	Group  string // the group it stands in
	// Others are further addresses in the same mailbox, such as a second pair of
	// angle brackets, that another reader shows instead.
	Others []string
}

// Email is the addr-spec, "" when there is none.
func (a Address) Email() string {
	if a.Domain == "" {
		return a.Local
	}
	return a.Local + "@" + a.Domain
}

// maxAddresses bounds one list: a 64 KiB line holds no more that anybody reads.
const maxAddresses = 4096

// ParseAddresses reads an address list. It accepts any input: missing brackets,
// commas in unquoted names, semicolons between mailboxes, groups, routes,
// comments and encoded words anywhere.
func ParseAddresses(s string) []Address {
	p := addrParser{s: s}
	var out []Address
	pending := ""
	for p.i < len(p.s) && len(out) < maxAddresses {
		m, sep := p.mailbox()
		if m.empty() {
			pending = ""
			continue
		}
		if !m.angle && m.bareName() && sep == ',' {
			pending += m.text() + ", " // the comma may belong to an unquoted name
			continue
		}
		a := m.address(p.group)
		if pending != "" {
			if m.angle {
				a.Name = strings.TrimRight(pending+a.Name, ", ")
			} else {
				for _, n := range strings.Split(strings.TrimSuffix(pending, ", "), ", ") {
					out = append(out, Address{Local: n, Group: p.group})
				}
			}
			pending = ""
		}
		if a.Name != "" || a.Local != "" || a.Domain != "" {
			out = append(out, a)
		}
	}
	if pending = strings.TrimSuffix(pending, ", "); pending != "" {
		out = append(out, Address{Name: pending, Group: p.group})
	}
	return out
}

type addrParser struct {
	s     string
	i     int
	group string
}

// rawMailbox is one list member cut into its pieces.
type rawMailbox struct {
	words    []string // atoms and quoted strings outside angle brackets
	comments []string
	angles   []string // contents of <…>
	angle    bool
	quoted   bool // words holds a quoted string
	tail     bool // a comment stands last, the obsolete place of the name
	spaced   []bool
}

func (m *rawMailbox) empty() bool {
	return len(m.words) == 0 && len(m.comments) == 0 && !m.angle
}

func (m *rawMailbox) bareName() bool {
	return !strings.ContainsRune(DecodeWords(m.text()), '@') && len(m.words) > 0
}

// text joins the words as they stood.
func (m *rawMailbox) text() string {
	var b strings.Builder
	for i, w := range m.words {
		if i > 0 && m.spaced[i] {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return strings.TrimSpace(b.String())
}

func (m *rawMailbox) add(w string, spaced bool) {
	m.tail = false
	m.words = append(m.words, w)
	m.spaced = append(m.spaced, spaced)
}

// mailbox reads one list member and the separator that ends it.
func (p *addrParser) mailbox() (m rawMailbox, sep byte) {
	spaced := false
	for p.i < len(p.s) {
		switch c := p.s[p.i]; c {
		case ',', ';':
			p.i++
			if c == ';' {
				defer func() { p.group = "" }()
			}
			return m, c
		case '(':
			m.comments = append(m.comments, p.comment())
			m.tail = true
		case '"':
			q := paramParser{s: p.s, i: p.i}
			m.add(q.quoted(), spaced)
			p.i, m.quoted, spaced = q.i, true, false
		case '<':
			m.angle = true
			m.angles = append(m.angles, p.angleAddr())
		case ':':
			if !m.angle && p.group == "" && m.bareName() && !strings.Contains(m.text(), "=?") {
				p.group = DecodeWords(m.text())
				m = rawMailbox{}
			} else {
				m.add(":", spaced)
				spaced = false
			}
			p.i++
		case ' ', '\t', '\r', '\n':
			spaced = true
			p.i++
		default:
			m.add(p.atom(), spaced)
			spaced = false
		}
	}
	return m, 0
}

func (p *addrParser) atom() string {
	from := p.i
	if strings.HasPrefix(p.s[p.i:], "=?") {
		if _, end := parseWord(p.s, p.i); end > 0 {
			p.i = end
			return p.s[from:end]
		}
	}
	for p.i < len(p.s) && strings.IndexByte(",;(\"<: \t\r\n", p.s[p.i]) < 0 {
		p.i++
	}
	if p.i == from {
		p.i++
	}
	return p.s[from:p.i]
}

// comment reads a nested comment and returns its text.
func (p *addrParser) comment() string {
	var b strings.Builder
	depth := 0
	for ; p.i < len(p.s); p.i++ {
		c := p.s[p.i]
		switch {
		case c == '\\' && p.i+1 < len(p.s):
			p.i++
			b.WriteByte(p.s[p.i])
			continue
		case c == '(':
			depth++
			if depth == 1 {
				continue
			}
		case c == ')':
			depth--
			if depth == 0 {
				p.i++
				return b.String()
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// angleAddr reads <…>; a missing ">" ends at the next separator.
func (p *addrParser) angleAddr() string {
	p.i++
	from := p.i
	inQuote := false
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '\\' && inQuote:
			p.i++
		case c == '"':
			inQuote = !inQuote
		case c == '>' && !inQuote:
			v := p.s[from:p.i]
			p.i++
			return v
		case c == '<' && !inQuote:
			return p.s[from:p.i]
		}
	}
	p.i = len(p.s)
	v := p.s[from:]
	if j := strings.IndexAny(v, ",;"); j >= 0 && !strings.HasPrefix(v, "@") {
		p.i = from + j
		v = v[:j]
	}
	return v
}

func (m *rawMailbox) address(group string) Address {
	a := Address{Group: group}
	if m.angle {
		a.Name = strings.TrimSpace(DecodeWords(m.text()))
		last := m.angles[len(m.angles)-1]
		for i := len(m.angles) - 1; i >= 0 && !strings.Contains(last, "@"); i-- {
			last = m.angles[i]
		}
		a.Local, a.Domain = SplitAddr(last)
		for _, other := range m.angles {
			if other != last && strings.TrimSpace(other) != "" {
				l, d := SplitAddr(other)
				a.Others = append(a.Others, Address{Local: l, Domain: d}.Email())
			}
		}
	} else {
		m.bare(&a)
	}
	if a.Name == "" && m.tail {
		a.Name = strings.TrimSpace(DecodeWords(m.comments[len(m.comments)-1]))
	}
	return a
}

// bare reads a mailbox without angle brackets: an addr-spec, perhaps with a
// name around it.
func (m *rawMailbox) bare(a *Address) {
	text := m.text()
	if strings.Contains(text, "=?") && !strings.Contains(text, "@") {
		text = DecodeWords(text)
		if i := strings.LastIndexByte(text, '<'); i >= 0 {
			a.Name = strings.TrimSpace(text[:i])
			a.Local, a.Domain = SplitAddr(strings.TrimSuffix(text[i+1:], ">"))
			return
		}
	}
	if !strings.Contains(text, "@") {
		if len(m.words) == 1 && !m.quoted {
			a.Local = text
		} else {
			a.Name = DecodeWords(text)
		}
		return
	}
	if m.quoted && len(m.words) > 1 && !m.spaced[1] && strings.HasPrefix(m.words[1], "@") {
		a.Local, a.Domain = `"`+m.words[0]+`"`, strings.Join(strings.Fields(strings.Join(m.words[1:], "")), "")[1:]
		return
	}
	fields := strings.Fields(text)
	for i, f := range fields {
		if strings.Contains(f, "@") && !strings.HasPrefix(f, "@") && !strings.HasSuffix(f, "@") {
			a.Local, a.Domain = SplitAddr(f)
			rest := append(append([]string{}, fields[:i]...), fields[i+1:]...)
			a.Name = DecodeWords(strings.Join(rest, " "))
			for _, r := range rest {
				if strings.Contains(r, "@") {
					a.Others = append(a.Others, r)
				}
			}
			return
		}
	}
	a.Local, a.Domain = SplitAddr(text)
}

// SplitAddr splits an addr-spec at its last "@": comments and blanks around
// the dots go, a route (RFC 5322 section 4.4) is dropped.
func SplitAddr(s string) (local, domain string) {
	s = strings.TrimSpace(s)
	if strings.IndexByte(s, '(') >= 0 {
		p := paramParser{s: s}
		s = strings.TrimSpace(p.until("", true))
	}
	if strings.HasPrefix(s, "@") {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			s = s[i+1:]
		}
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	if strings.Contains(s, "=?") {
		s = strings.TrimSpace(DecodeWords(s))
	}
	s = plain(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return strings.TrimSpace(s), ""
	}
	local, domain = strings.TrimSpace(s[:at]), s[at+1:]
	if strings.ContainsAny(domain, " \t\r\n\x00") {
		domain = strings.Join(strings.Fields(strings.ReplaceAll(domain, "\x00", "")), "")
	}
	domain = strings.TrimRight(domain, ".>")
	if !strings.HasPrefix(local, `"`) && strings.ContainsAny(local, " \t") {
		local = strings.Join(strings.Fields(local), "")
	}
	return local, domain
}
