package header

import (
	"slices"
	"strconv"
	"strings"

	"foregate/mail/internal/charset"
)

// Param is one parameter as written, quotes and comments removed.
type Param struct {
	Name   string // lower case, with its RFC 2231 suffix
	Value  string
	Quoted bool
}

// Params is a value with parameters: Content-Type, Content-Disposition and the
// like (RFC 2045 section 5.1).
type Params struct {
	Main       string // what stands before the first semicolon: comments and blanks removed, lower case
	List       []Param
	Comment    bool // there is a comment
	Unclosed   bool // a quoted string or comment is never closed
	Duplicated bool // a plain parameter occurs more than once
}

// maxParams bounds the parameters of one field: RFC 2231 splits long names,
// but no honest field has a hundred.
const maxParams = 100

// ParseParams reads a value with parameters. It accepts any input.
func ParseParams(s string) Params {
	p := paramParser{s: s}
	main := p.until(";", false)
	p.out.Main = strings.ToLower(strings.Join(strings.Fields(main), ""))
	if eq := strings.IndexByte(p.out.Main, '='); eq >= 0 && !strings.Contains(p.out.Main[:eq], "/") {
		p.i, p.out.Main = 0, "" // no type at all: "boundary=x; …"
	}
	for p.i < len(p.s) && len(p.out.List) < maxParams {
		p.param()
	}
	seen := map[string]bool{}
	for _, q := range p.out.List {
		p.out.Duplicated = p.out.Duplicated || seen[q.Name]
		seen[q.Name] = true
	}
	return p.out
}

type paramParser struct {
	s   string
	i   int
	out Params
}

// until reads up to one of the stop bytes, without comments. Quoted strings
// are read as one unit; keepQuotes keeps their quotes.
func (p *paramParser) until(stops string, keepQuotes bool) string {
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case strings.IndexByte(stops, c) >= 0:
			return b.String()
		case c == '(':
			p.comment()
		case c == '"':
			q := p.quoted()
			if keepQuotes {
				q = `"` + q + `"`
			}
			b.WriteString(q)
		default:
			b.WriteByte(c)
			p.i++
		}
	}
	return b.String()
}

// comment skips a comment, which may nest (RFC 5322 section 3.2.2).
func (p *paramParser) comment() {
	p.out.Comment = true
	depth := 0
	for ; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case '\\':
			p.i++
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				p.i++
				return
			}
		}
	}
	p.i = len(p.s)
	p.out.Unclosed = true
}

// quoted reads a quoted string and returns its content (RFC 5322 section 3.2.4).
func (p *paramParser) quoted() string {
	var b strings.Builder
	for p.i++; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; c {
		case '\\':
			if p.i+1 < len(p.s) {
				p.i++
				b.WriteByte(p.s[p.i])
			}
		case '"':
			p.i++
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	p.out.Unclosed = true
	return b.String()
}

func (p *paramParser) param() {
	for p.i < len(p.s) && strings.IndexByte("; \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
	name := strings.ToLower(strings.Trim(p.until("=;", true), " \t\r\n\"'"))
	if p.i >= len(p.s) || p.s[p.i] == ';' {
		return
	}
	p.i++ // =
	for p.i < len(p.s) && (isBlank(p.s[p.i]) || p.s[p.i] == '(') {
		if p.s[p.i] == '(' {
			p.comment()
			continue
		}
		p.i++
	}
	var q Param
	if p.i < len(p.s) && p.s[p.i] == '"' {
		q = Param{name, p.quoted(), true}
		p.skipJunk()
	} else {
		q = Param{name, strings.TrimSpace(p.until(";", false)), false}
	}
	// "foo bar=x": whoever looks for the last word before "=" reads bar.
	if i := strings.LastIndexAny(name, " \t,"); i >= 0 {
		q.Name = name[i+1:]
	}
	if q.Name != "" {
		p.out.List = append(p.out.List, q)
	}
}

// skipJunk passes what follows a quoted value: to the next semicolon, or to the
// next word when the separator is missing.
func (p *paramParser) skipJunk() {
	for p.i < len(p.s) && p.s[p.i] != ';' && !nameByte(p.s[p.i]) {
		if p.s[p.i] == '(' {
			p.comment()
			continue
		}
		p.i++
	}
}

// Get returns the first plain value of a parameter.
func (p Params) Get(name string) string {
	for _, q := range p.List {
		if q.Name == name {
			return q.Value
		}
	}
	return ""
}

// Values returns every value that some reader takes for a parameter: RFC 2231
// forms first when extended, then plain ones in order. No value occurs twice.
func (p Params) Values(name string) []string {
	var out []string
	add := func(v string) {
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	var parts []section
	for i, q := range p.List {
		rest, ok := strings.CutPrefix(q.Name, name+"*")
		if !ok {
			continue
		}
		if rest == "" {
			add(decodeExtended(q.Value))
			continue
		}
		num, star := strings.CutSuffix(rest, "*")
		if n, err := strconv.Atoi(num); err == nil {
			parts = append(parts, section{n, i, q.Value, star})
		}
	}
	for _, v := range joinSections(parts) {
		add(v)
	}
	for _, q := range p.List {
		if q.Name == name {
			add(q.Value)
		}
	}
	return out
}

// section is one piece of a continued parameter (RFC 2231 section 3).
type section struct {
	n, seen int
	value   string
	star    bool
}

// joinSections puts a continued value together: by number, and where the
// numbers are out of order or repeated also as written.
func joinSections(parts []section) []string {
	if len(parts) == 0 {
		return nil
	}
	join := func(ps []section) string {
		var raw strings.Builder
		label := ""
		for i, s := range ps {
			v := s.value
			if s.star {
				if i == 0 {
					if cs, rest, ok := cutCharset(v); ok {
						label, v = cs, rest
					}
				}
				v = percentDecode(v)
			}
			raw.WriteString(v)
		}
		return textOf(label, raw.String())
	}
	written := join(parts)
	sorted := slices.Clone(parts)
	slices.SortStableFunc(sorted, func(a, b section) int { return a.n - b.n })
	out := []string{join(sorted)}
	uniq := slices.CompactFunc(slices.Clone(sorted), func(a, b section) bool { return a.n == b.n })
	if len(uniq) != len(sorted) {
		out = append(out, join(uniq))
		last := slices.Clone(sorted)
		slices.Reverse(last)
		last = slices.CompactFunc(last, func(a, b section) bool { return a.n == b.n })
		slices.Reverse(last)
		out = append(out, join(last))
	}
	for i, s := range uniq { // a reader that stops at the first gap
		if s.n != i+uniq[0].n {
			out = append(out, join(uniq[:i]))
			break
		}
	}
	return append(out, written)
}

// decodeExtended reads charset'language'percent-encoded (RFC 2231 section 4).
func decodeExtended(v string) string {
	label, rest, ok := cutCharset(v)
	if !ok {
		rest = v
	}
	return textOf(label, percentDecode(rest))
}

func cutCharset(v string) (label, rest string, ok bool) {
	cs, r, ok := strings.Cut(v, "'")
	if !ok {
		return "", v, false
	}
	if _, r2, ok := strings.Cut(r, "'"); ok {
		return cs, r2, true
	}
	return cs, r, true
}

func textOf(label, raw string) string { return charset.Decode(label, []byte(raw)).Text }

// percentDecode undoes %XX; anything else stays.
func percentDecode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			b = append(b, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// maxBoundaries bounds the boundary candidates of one field.
const maxBoundaries = 24

// Boundaries returns every string that some reader takes for the boundary
// parameter of a raw Content-Type value, the likeliest first. It errs on the
// side of too many: only those that occur in the body matter.
func Boundaries(raw []byte) []string {
	c := candidates{}
	one := Unfold(raw)
	p := ParseParams(one)
	plain := 0
	for _, q := range p.List {
		if q.Name == "boundary" {
			c.add(q.Value)
			plain++
		}
	}
	for _, v := range p.Values("boundary") {
		c.add(v)
	}
	simple := plain == 1 && len(p.List) == 1 && !p.Comment && !p.Unclosed && !strings.ContainsAny(one, "\\'*?%")
	if simple && len(c.out) > 0 && len(c.out[0]) <= 70 && !strings.ContainsAny(c.out[0], " \t(;=\"") {
		return c.out
	}
	naiveBoundaries(&c, one)
	if strings.IndexByte(string(raw), '\n') >= 0 {
		// A fold inside the value: some keep its blanks, some drop them.
		flat := strings.NewReplacer("\r\n", "", "\n", "").Replace(string(raw))
		naiveBoundaries(&c, flat)
		lines := strings.Split(string(raw), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		naiveBoundaries(&c, strings.Join(lines, ""))
		for _, l := range lines {
			naiveBoundaries(&c, l)
		}
	}
	return c.out
}

type candidates struct{ out []string }

func (c *candidates) add(v string) {
	if v != "" && len(c.out) < maxBoundaries && !slices.Contains(c.out, v) {
		c.out = append(c.out, v)
	}
}

// variants adds v and what readers make of it.
func (c *candidates) variants(v string) {
	t := strings.Trim(v, " \t")
	c.add(t)
	c.add(strings.Trim(t, `"`))
	c.add(strings.Trim(t, `"'`))
	if strings.IndexByte(t, '\\') >= 0 {
		c.add(strings.ReplaceAll(strings.Trim(t, `"`), `\`, ""))
		c.add(strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.Trim(t, `"`)))
	}
	if strings.IndexByte(t, '(') >= 0 {
		p := paramParser{s: t}
		c.add(strings.TrimSpace(p.until("", false)))
		c.add(strings.TrimSpace(t[:strings.IndexByte(t, '(')]))
	}
	if strings.Contains(t, "=?") {
		c.add(strings.Trim(DecodeWords(t), `"`))
	}
	if strings.IndexByte(t, '%') >= 0 {
		c.add(percentDecode(strings.Trim(t, `"`)))
	}
	if strings.IndexByte(t, '\'') >= 0 {
		c.add(decodeExtended(strings.Trim(t, `"`)))
	}
	c.add(v)
}

// naiveBoundaries reads s as simple clients do: the word, "=", and what
// follows up to a quote, a semicolon or a blank.
func naiveBoundaries(c *candidates, s string) {
	low := asciiLower(s)
	for at, n := 0, 0; n < 8; n++ {
		i := strings.Index(low[at:], "boundary")
		if i < 0 {
			return
		}
		at += i + len("boundary")
		rest := strings.TrimLeft(s[at:], " \t")
		if strings.HasPrefix(rest, "(") || strings.HasPrefix(rest, "*") {
			if eq := strings.IndexByte(rest, '='); eq > 0 {
				rest = rest[eq:]
			}
		}
		if len(rest) == 0 || rest[0] != '=' && rest[0] != ':' {
			continue
		}
		rest = strings.TrimLeft(rest[1:], " \t")
		if strings.HasPrefix(rest, "(") {
			p := paramParser{s: rest}
			p.comment()
			c.add(strings.Trim(strings.TrimSpace(rest[p.i:]), `"`))
		}
		if rest == "" {
			continue
		}
		naiveValue(c, rest)
	}
}

func naiveValue(c *candidates, rest string) {
	if q := rest[0]; q == '"' || q == '\'' {
		if j := strings.IndexByte(rest[1:], q); j >= 0 {
			c.variants(rest[1 : 1+j])
			if tail := rest[2+j:]; tail != "" && tail[0] != ';' && tail[0] != ' ' {
				end := strings.IndexAny(tail, "; \t")
				if end < 0 {
					end = len(tail)
				}
				c.variants(rest[1:1+j] + tail[:end])
			}
		}
		if j := strings.LastIndexByte(rest[1:], q); j >= 0 {
			c.variants(rest[1 : 1+j])
		}
	}
	for _, stops := range []string{";", "; \t", "; \t,", ""} {
		end := len(rest)
		if stops != "" {
			if j := strings.IndexAny(rest, stops); j >= 0 {
				end = j
			}
		}
		c.variants(rest[:end])
	}
}

// FileNames returns every name that some reader shows for a parameter such as
// filename of a raw value, decoded, the likeliest first.
func FileNames(raw []byte, name string) []string {
	one := Unfold(raw)
	p := ParseParams(one)
	c := candidates{}
	for _, v := range p.Values(name) {
		c.fileName(v)
	}
	for _, q := range p.List {
		if q.Name != name || q.Quoted {
			continue
		}
		if i := strings.IndexAny(q.Value, " \t"); i > 0 { // a reader that stops at the first blank
			c.fileName(q.Value[:i])
		}
	}
	if p.Comment || p.Unclosed || len(c.out) == 0 {
		naive := candidates{}
		low := asciiLower(one)
		if i := strings.Index(low, name+"="); i >= 0 && len(one) > i+len(name)+1 {
			naiveValue(&naive, one[i+len(name)+1:])
		}
		for _, v := range naive.out[:min(len(naive.out), 4)] {
			c.fileName(strings.Trim(v, `"`))
		}
	}
	if strings.IndexByte(string(raw), '\n') >= 0 && strings.IndexByte(string(raw), '"') >= 0 {
		flat := strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(string(raw))
		for _, v := range ParseParams(flat).Values(name) {
			c.fileName(v)
		}
	}
	return c.out
}

// fileName adds one name and what readers make of it.
func (c *candidates) fileName(v string) {
	d := strings.TrimSpace(DecodeWords(v))
	if i := strings.IndexByte(d, 0); i >= 0 {
		c.add(strings.ReplaceAll(d, "\x00", ""))
		c.add(d[:i])
		return
	}
	c.add(d)
	if len(d) > 2 && d[0] == '\'' && d[len(d)-1] == '\'' {
		c.add(d[1 : len(d)-1])
	}
	if strings.IndexByte(d, '%') >= 0 {
		c.add(charset.Decode("", []byte(percentDecode(d))).Text)
	}
	if strings.Count(v, "'") >= 2 && strings.IndexByte(v, '%') >= 0 {
		c.add(decodeExtended(v))
	}
}

// asciiLower lowers ASCII letters only, so that offsets stay.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
