package eval

import (
	"strings"
	"sync"

	"foregate/mql/internal/check"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// textTest compiles the functions that test a text against patterns.
func (p *Program) textTest(n *check.Node, positive bool) triFn {
	name := strings.TrimPrefix(n.Func.Name, "strings.")
	switch name {
	case "beta.ip_in":
		return p.ipIn(n)
	case "regex.contains", "regex.icontains", "regex.match", "regex.imatch":
		return p.regexTest(n, positive)
	}
	kind, fold := strings.TrimPrefix(name, "i"), strings.HasPrefix(name, "i")
	if n.Func.Name == "ilike" {
		kind, fold = "like", true
	}
	if !constants(&check.Node{Args: n.Args[1:]}) {
		return p.dynamicTest(n, kind, fold)
	}
	var patterns []string
	for _, a := range n.Args[1:] {
		if a.Const.IsNull() {
			return p.dynamicTest(n, kind, fold)
		}
		patterns = append(patterns, a.Const.Str())
	}
	return p.literalTest(n, kind, fold, patterns, positive)
}

// test tells whether s passes a test against one pattern. Both are folded
// where case does not matter.
type test func(s string) bool

func newTest(kind, pattern string, fold bool) test {
	if kind == "like" {
		return text.NewGlob(pattern, fold).Match
	}
	if fold {
		pattern = text.Fold(pattern)
	}
	switch kind {
	case "starts_with":
		return func(s string) bool { return strings.HasPrefix(s, pattern) }
	case "ends_with":
		return func(s string) bool { return strings.HasSuffix(s, pattern) }
	}
	return func(s string) bool { return strings.Contains(s, pattern) }
}

// subject evaluates the text that is searched; known is false where there is
// none. t is the answer if nothing is found.
func subject(r *Run, fn valFn) (v value.Value, t value.Tri, known bool) {
	v = fn(r)
	switch v.Kind() {
	case value.String:
		return v, value.False(), true
	case value.Missing:
		return v, value.MissingTri(v.Names()), false
	}
	return v, value.Unknown(), false
}

// literalTest compiles a test against literals. Where the text is one that the
// multi-pattern pass covers, that pass tells which literals occur at all.
func (p *Program) literalTest(n *check.Node, kind string, fold bool, patterns []string, positive bool) triFn {
	subj, where := p.val(n.Args[0]), Spell(n.Args[0])
	tests := make([]test, len(patterns))
	for i, pattern := range patterns {
		tests[i] = newTest(kind, pattern, fold)
	}
	guards, any := p.guards(n, patterns)
	return func(r *Run) value.Tri {
		none := any != nil && !r.plain && !r.met(any)
		if none && positive {
			return value.False()
		}
		v, t, known := subject(r, subj)
		if !known || none {
			return t
		}
		s, folded := v.Str(), !fold
		for i, test := range tests {
			if guards[i] != nil && !r.plain && !r.met(guards[i]) {
				continue
			}
			if !r.spendText(len(s)) {
				return r.overrun()
			}
			if !folded {
				s, folded = r.fold(v), true
			}
			if test(s) {
				if r.trace != nil {
					r.quote(where, patterns[i], excerpt(v.Str(), s, patterns[i], kind, fold))
				}
				return value.True()
			}
		}
		return value.False()
	}
}

// excerpt shows the passage of a text, searched as s, that matched.
func excerpt(original, s, pattern, kind string, fold bool) string {
	var at int
	n := len(pattern)
	switch {
	case kind == "like":
		return value.OfString(original).Show(quoteBytes)
	case fold:
		pattern = text.Fold(pattern)
		n = len(pattern)
	}
	switch kind {
	case "starts_with":
		at = 0
	case "ends_with":
		at = len(s) - n
	default:
		at = strings.Index(s, pattern)
	}
	if len(original) != len(s) || at < 0 || at+n > len(original) {
		return pattern // folding moved the bytes
	}
	return original[at : at+n]
}

// dynamicTest compiles a test whose patterns are computed. A null pattern
// makes the answer null unless another pattern is found.
func (p *Program) dynamicTest(n *check.Node, kind string, fold bool) triFn {
	subj, where := p.val(n.Args[0]), Spell(n.Args[0])
	pats := make([]valFn, len(n.Args)-1)
	for i, a := range n.Args[1:] {
		pats[i] = p.val(a)
	}
	return func(r *Run) value.Tri {
		v, t, known := subject(r, subj)
		if !known {
			return t
		}
		s := v.Str()
		if fold {
			s = r.fold(v)
		}
		acc := value.False()
		for _, pat := range pats {
			if !r.spendText(len(s)) {
				return r.overrun()
			}
			w, t, known := subject(r, pat)
			if known {
				t = value.Of(passes(r, kind, s, w, fold))
			}
			if t.IsTrue() && r.trace != nil {
				r.quote(where, w.Str(), w.Str())
			}
			if acc = acc.Or(t); acc.IsTrue() {
				break
			}
		}
		return acc
	}
}

func passes(r *Run, kind, s string, pattern value.Value, fold bool) bool {
	if kind == "like" {
		return text.NewGlob(pattern.Str(), fold).Match(s)
	}
	w := pattern.Str()
	if fold {
		w = r.fold(pattern)
	}
	switch kind {
	case "starts_with":
		return strings.HasPrefix(s, w)
	case "ends_with":
		return strings.HasSuffix(s, w)
	}
	return strings.Contains(s, w)
}

// lazyRegexp compiles when first run: most expressions never are, because the
// literals that they need do not occur.
type lazyRegexp struct {
	source string
	get    func() *text.Regexp // nil if it does not compile, which the checker excludes
}

func (p *Program) newRegexp(pattern string, whole, fold bool) *lazyRegexp {
	flags := "(?:"
	if fold {
		flags = "(?i:"
	}
	src := flags + pattern + ")"
	if whole {
		src = `\A` + src + `\z`
	}
	return &lazyRegexp{source: pattern, get: sync.OnceValue(func() *text.Regexp {
		re, err := text.NewRegexp(src, p.memory)
		if err != nil {
			return nil
		}
		return re
	})}
}

func sourcesOf(res []*lazyRegexp) []string {
	out := make([]string, len(res))
	for i, re := range res {
		out[i] = re.source
	}
	return out
}

func (p *Program) regexps(n *check.Node) []*lazyRegexp {
	verb := strings.TrimPrefix(n.Func.Name, "regex.")
	fold := strings.HasPrefix(verb, "i")
	out := make([]*lazyRegexp, len(n.Args)-1)
	for i, a := range n.Args[1:] {
		out[i] = p.newRegexp(a.Const.Str(), strings.HasSuffix(verb, "match"), fold)
	}
	return out
}

// guards are what each pattern of the call n needs of its text, where the
// prefilter covers that text, and any is what one of them needs at least.
func (p *Program) guards(n *check.Node, patterns []string) (guards []*cond, any *cond) {
	guards = make([]*cond, len(patterns))
	f := p.fieldOf(n.Args[0])
	if f == nil {
		return guards, nil
	}
	for i, pattern := range patterns {
		guards[i] = p.lower(p.needOfPattern(n.Func.Name, pattern), []*field{f})
	}
	any = p.anyOf(guards)
	if len(guards) == 1 {
		guards[0] = nil // any has looked
	}
	return guards, any
}

// regexTest compiles regex.contains and regex.match.
func (p *Program) regexTest(n *check.Node, positive bool) triFn {
	subj, where, res := p.val(n.Args[0]), Spell(n.Args[0]), p.regexps(n)
	guards, any := p.guards(n, sourcesOf(res))
	return func(r *Run) value.Tri {
		none := any != nil && !r.plain && !r.met(any)
		if none && positive {
			return value.False()
		}
		v, t, known := subject(r, subj)
		if !known || none {
			return t
		}
		s := v.Str()
		for i, re := range res {
			if guards[i] != nil && !r.plain && !r.met(guards[i]) {
				continue
			}
			if !r.spendText(len(s)) {
				return r.overrun()
			}
			x := re.get()
			if x == nil {
				continue
			}
			if !x.Match(s) {
				continue
			}
			if r.quotes() {
				if at := x.Find(s); at != nil { // many times dearer
					r.quote(where, re.source, s[at[0]:at[1]])
				}
			}
			return value.True()
		}
		return value.False()
	}
}

// maxMatches bounds the matches counted or extracted of one text.
const maxMatches = 100_000

func (p *Program) regexCount(n *check.Node) valFn {
	subj, res := p.val(n.Args[0]), p.regexps(n)
	guards, any := p.guards(n, sourcesOf(res))
	return func(r *Run) value.Value {
		v, t, known := subject(r, subj)
		if !known {
			return t.Value()
		}
		if !r.plain && !r.met(any) {
			return value.OfInt(0)
		}
		total := 0
		for i, re := range res {
			if !r.plain && !r.met(guards[i]) {
				continue
			}
			if !r.spendText(len(v.Str())) {
				return value.OfMissing(r.names(r.over))
			}
			if x := re.get(); x != nil && x.Match(v.Str()) {
				total += len(x.Std().FindAllStringIndex(v.Str(), maxMatches))
			}
		}
		return value.OfInt(int64(total))
	}
}

// maxExtracts bounds the matches that regex.extract returns of one text.
const maxExtracts = 1000

func (p *Program) regexExtract(n *check.Node) valFn {
	subj, res, out := p.val(n.Args[0]), p.regexps(n), n.Func.Out
	guards, any := p.guards(n, sourcesOf(res))
	return func(r *Run) value.Value {
		v, t, known := subject(r, subj)
		if !known {
			return t.Value()
		}
		matches := []match{}
		for i, re := range res {
			if !r.plain && (!r.met(any) || !r.met(guards[i])) {
				continue
			}
			if !r.spendText(len(v.Str())) {
				return value.OfMissing(r.names(r.over))
			}
			if x := re.get(); x != nil && x.Match(v.Str()) {
				matches = extract(x.Std(), v.Str(), matches)
			}
		}
		w, err := value.Wrap(out, matches)
		if err != nil {
			return value.Value{}
		}
		return w
	}
}
