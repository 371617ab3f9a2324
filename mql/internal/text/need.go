package text

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Need is a condition on the literals of a folded text: what every text must
// contain for a test on it to be true. The zero Need is always met.
type Need struct {
	Lit   string   // one literal, folded; "" for the others
	Bytes *ByteSet // one of these bytes, in the text as written
	Run   int      // so many word characters in a row
	All   []*Need  // every one is needed
	Any   []*Need  // one of them is needed
}

// Always is met by every text; nil also means always.
func (n *Need) Always() bool {
	return n == nil || n.Lit == "" && n.Bytes == nil && n.Run == 0 && n.All == nil && n.Any == nil
}

// Bounds of needed literals.
const (
	minLiteral = 3  // bytes; of shorter ones the bytes are needed
	maxLiteral = 40 // bytes; the first are telling enough
	maxExact   = 24 // texts that a part of an expression may stand for before it is given up
	maxClass   = 6  // runes of a class worth expanding
)

// NeedLiteral is the need of a literal, folded by the caller.
func NeedLiteral(lit string) *Need {
	if len(lit) < minLiteral || strings.IndexByte(lit, 0) >= 0 {
		return needShort(lit)
	}
	if len(lit) > maxLiteral {
		cut := maxLiteral
		for cut > minLiteral && !utf8.RuneStart(lit[cut]) {
			cut--
		}
		lit = lit[:cut]
	}
	return &Need{Lit: lit}
}

// needShort needs the bytes of a literal that can't be searched for.
func needShort(lit string) *Need {
	var needs []*Need
	for _, r := range lit {
		pairs := []rune{r, r}
		for _, f := range orbit(r) {
			pairs = append(pairs, f, f)
		}
		needs = append(needs, needClass(pairs))
	}
	return NeedAll(needs...)
}

// NeedAll needs every one of needs.
func NeedAll(needs ...*Need) *Need {
	var kept []*Need
	for _, n := range needs {
		if !n.Always() {
			kept = append(kept, n)
		}
	}
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return kept[0]
	}
	return &Need{All: kept}
}

// NeedAny needs one of needs; with none it can never be met, so callers give
// one at least.
func NeedAny(needs ...*Need) *Need {
	for _, n := range needs {
		if n.Always() {
			return nil
		}
	}
	if len(needs) == 1 {
		return needs[0]
	}
	return &Need{Any: needs}
}

// NeedRegexp derives what texts that pattern matches somewhere, with fold
// regardless of case, must contain. The pattern must be valid.
func NeedRegexp(pattern string, fold bool) *Need {
	flags := syntax.Perl
	if fold {
		flags |= syntax.FoldCase
	}
	re, err := syntax.Parse(pattern, flags)
	if err != nil {
		return nil
	}
	return analyse(re).requirement()
}

// part is what is known of a part of an expression: the folded texts it may
// stand for, or, where these are too many (exact nil), what it needs.
type part struct {
	exact []string
	need  *Need
}

func (p part) requirement() *Need {
	if p.exact == nil {
		return p.need
	}
	needs := make([]*Need, len(p.exact))
	for i, lit := range p.exact {
		needs[i] = NeedLiteral(lit)
	}
	return NeedAny(needs...)
}

func analyse(re *syntax.Regexp) part {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return part{exact: []string{""}}
	case syntax.OpLiteral:
		return part{exact: []string{foldRunes(re.Rune)}}
	case syntax.OpCharClass:
		return class(re.Rune)
	case syntax.OpCapture:
		return analyse(re.Sub[0])
	case syntax.OpConcat:
		return concat(re.Sub)
	case syntax.OpAlternate:
		return alternate(re.Sub)
	case syntax.OpQuest:
		sub := analyse(re.Sub[0])
		if sub.exact != nil && len(sub.exact) < maxExact {
			return part{exact: append([]string{""}, sub.exact...)}
		}
	case syntax.OpPlus:
		return part{need: analyse(re.Sub[0]).requirement()}
	case syntax.OpRepeat:
		if re.Min > 0 {
			return part{need: NeedAll(analyse(re.Sub[0]).requirement(), needRun(re.Sub[0], re.Min))}
		}
	}
	return part{}
}

func foldRunes(runes []rune) string {
	var b strings.Builder
	for _, r := range runes {
		b.WriteRune(FoldRune(r))
	}
	return b.String()
}

// class expands a small character class; pairs are inclusive ranges.
func class(pairs []rune) part {
	var exact []string
	seen := map[rune]bool{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1]-pairs[i] > 2*maxClass {
			return part{need: needClass(pairs)}
		}
		for r := pairs[i]; r <= pairs[i+1]; r++ {
			f := FoldRune(r)
			if !seen[f] {
				seen[f] = true
				exact = append(exact, string(f))
			}
		}
		if len(exact) > maxClass {
			return part{need: needClass(pairs)}
		}
	}
	if exact == nil {
		return part{} // matches nothing; claim nothing
	}
	return part{exact: exact}
}

// concat multiplies out exact parts as far as they stay few, and needs all of
// the rest.
func concat(subs []*syntax.Regexp) part {
	run := []string{""}
	var needs []*Need
	whole := true
	for _, sub := range subs {
		p := analyse(sub)
		if p.exact != nil && len(run)*len(p.exact) <= maxExact {
			run = product(run, p.exact)
			continue
		}
		whole = false
		needs = append(needs, part{exact: run}.requirement())
		if p.exact != nil {
			run = p.exact
			continue
		}
		needs = append(needs, p.need)
		run = []string{""}
	}
	if whole {
		return part{exact: run}
	}
	return part{need: NeedAll(append(needs, part{exact: run}.requirement())...)}
}

func product(a, b []string) []string {
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

func alternate(subs []*syntax.Regexp) part {
	var exact []string
	needs := make([]*Need, len(subs))
	whole := true
	for i, sub := range subs {
		p := analyse(sub)
		needs[i] = p.requirement()
		if p.exact == nil || len(exact)+len(p.exact) > maxExact {
			whole = false
			continue
		}
		exact = append(exact, p.exact...)
	}
	if whole {
		return part{exact: exact}
	}
	return part{need: NeedAny(needs...)}
}
