package jsfold

import (
	"bytes"
	"regexp"
	"strings"
)

// regex is a regular expression, as far as RE2 has it too.
type regex struct {
	source string
	re     *regexp.Regexp // nil where it cannot be had
	global bool
}

// maxPattern bounds a pattern, in bytes: RE2 takes time by its length as well.
const maxPattern = 500

// newRegex reads a literal with its slashes and flags.
func newRegex(lit []byte) *regex {
	end := bytes.LastIndexByte(lit, '/')
	if end < 1 {
		return &regex{source: string(lit)}
	}
	return makeRegex(string(lit[1:end]), string(lit[end+1:]))
}

func makeRegex(pattern, flags string) *regex {
	r := &regex{source: "/" + pattern[:min(len(pattern), maxPattern)] + "/", global: strings.Contains(flags, "g")}
	if len(pattern) > maxPattern {
		return r
	}
	prefix := ""
	for _, f := range flags {
		if f == 'i' || f == 'm' || f == 's' {
			prefix += string(f)
		}
	}
	if prefix != "" {
		prefix = "(?" + prefix + ")"
	}
	// [^] is any character; \/ is a slash; \d and \w are ASCII in both.
	p := strings.NewReplacer(`[^]`, `[\s\S]`, `\/`, `/`).Replace(pattern)
	re, err := regexp.Compile(prefix + p)
	if err != nil {
		return r
	}
	r.re = re
	return r
}

// subject is a text for RE2, and its way back: narrow texts are matched as the
// UTF-8 of their units.
func subject(t text) string { return t.String() }

// replace replaces what r matches by with, or by what f makes of it.
func (x *interp) replace(t text, r *regex, by value) value {
	if r.re == nil {
		return t
	}
	s := subject(t)
	x.charge(r, s)
	x.take(2 * len(s))
	if old, whole := r.re.LiteralPrefix(); whole && r.global {
		if with, ok := by.(text); ok && old != "" && !strings.Contains(with.String(), "$") {
			return x.replaceText(t, str(old), with, true)
		}
	}
	// Each match costs far more than a step.
	const mostMatches = 200_000
	most := 1
	if r.global {
		most = mostMatches
	}
	var out strings.Builder
	last := 0
	for _, m := range r.re.FindAllStringSubmatchIndex(s, most) {
		x.step(8)
		out.WriteString(s[last:m[0]])
		last = m[1]
		var with text
		switch by := by.(type) {
		case *function, method:
			with = x.textOf(x.call(by, nil, groups(s, m)))
		default:
			with = expand(x.textOf(by), s, m)
		}
		x.take(with.n)
		out.WriteString(with.String())
		if out.Len() > maxText {
			x.stop("a string is longer than %d", maxText)
		}
	}
	out.WriteString(s[last:])
	return str(out.String())
}

// charge charges the work of matching: RE2 takes about the time of a step for
// each byte, unless the pattern is plain text.
func (x *interp) charge(r *regex, s string) {
	if _, whole := r.re.LiteralPrefix(); whole {
		x.step(len(s)/16 + 1)
		return
	}
	x.step(len(s)/2*(1+len(r.source)/8) + 1)
}

// groups are the whole match and its groups.
func groups(s string, m []int) []value {
	var out []value
	for i := 0; i+1 < len(m); i += 2 {
		if m[i] < 0 {
			out = append(out, nil)
			continue
		}
		out = append(out, str(s[m[i]:m[i+1]]))
	}
	return out
}

// expand puts groups in the place of $1 to $9, the match in that of $&.
func expand(t text, s string, m []int) text {
	p := t.String()
	if !strings.Contains(p, "$") {
		return t
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] != '$' || i+1 == len(p) {
			b.WriteByte(p[i])
			continue
		}
		i++
		switch c := p[i]; {
		case c == '&':
			b.WriteString(s[m[0]:m[1]])
		case c >= '1' && c <= '9' && 2*int(c-'0')+1 < len(m):
			if g := 2 * int(c-'0'); m[g] >= 0 {
				b.WriteString(s[m[g]:m[g+1]])
			}
		case c == '$':
			b.WriteByte('$')
		default:
			b.WriteByte('$')
			b.WriteByte(c)
		}
	}
	return str(b.String())
}

// match folds string.match and regex.exec.
func (x *interp) match(t text, r *regex, all bool) value {
	if r.re == nil {
		return mystery("match")
	}
	s := subject(t)
	x.charge(r, s)
	if !all {
		m := r.re.FindStringSubmatchIndex(s)
		if m == nil {
			return null{}
		}
		return &list{groups(s, m)}
	}
	var out []value
	for _, m := range r.re.FindAllStringIndex(s, -1) {
		x.take(40)
		out = append(out, str(s[m[0]:m[1]]))
	}
	if out == nil {
		return null{}
	}
	return &list{out}
}

func (x *interp) splitBy(t text, r *regex) value {
	if r.re == nil {
		return mystery("split")
	}
	s := subject(t)
	x.charge(r, s)
	var out []value
	for _, p := range r.re.Split(s, -1) {
		x.take(40)
		out = append(out, str(p))
	}
	return &list{out}
}
