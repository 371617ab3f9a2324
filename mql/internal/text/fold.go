// Package text holds the text algorithms of the rule language: case folding,
// globs, edit distance, the literals that a regular expression needs, and the
// multi-pattern search that decides which rules are worth evaluating.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold rewrites s so that texts equal under simple Unicode case folding become
// equal bytes: every rune is replaced by one representative of its folding
// orbit, the lower case letter where the orbit has an ASCII letter. It is the
// folding that (?i) of Go's regexp uses, rune by rune, so a pattern's literal
// occurs in a text only if its folded form occurs in the folded text. Invalid
// bytes become U+FFFD.
func Fold(s string) string {
	if IsFolded(s) {
		return s
	}
	return string(AppendFold(make([]byte, 0, len(s)+8), s))
}

// IsFolded reports whether s is folded for certain: ASCII without capitals.
func IsFolded(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i]-'A' < 26 {
			return false
		}
	}
	return true
}

// AppendFold appends s, folded, to b.
func AppendFold(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c-'A' < 26 {
				c += 'a' - 'A'
			}
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = utf8.AppendRune(b, FoldRune(r))
		i += size
	}
	return b
}

// FoldRune returns the representative of r's folding orbit.
func FoldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	if int(r) < len(folds) {
		return folds[r]
	}
	return foldOrbit(r)
}

// folds answers FoldRune for the alphabets of Europe.
var folds = func() (t [0x600]rune) {
	for r := range t {
		t[r] = foldOrbit(rune(r))
	}
	return t
}()

func foldOrbit(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

// orbit returns the other runes of r's folding orbit.
func orbit(r rune) []rune {
	var out []rune
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		out = append(out, f)
	}
	return out
}

// EqualFold reports equality under Fold.
func EqualFold(a, b string) bool { return strings.EqualFold(a, b) }

// Glob is a compiled pattern in which * stands for any text and ? for one code
// point. It matches the whole text.
type Glob struct {
	parts []string // the texts between stars
	runes [][]rune // parts as runes, nil when a part has no ?
}

// anyRune marks ? in Glob.runes.
const anyRune = -1

// NewGlob compiles pattern; with fold it is folded and must be matched against
// folded texts.
func NewGlob(pattern string, fold bool) *Glob {
	if fold {
		pattern = Fold(pattern)
	}
	g := &Glob{}
	for part := range strings.SplitSeq(pattern, "*") {
		var runes []rune
		if strings.Contains(part, "?") {
			for _, r := range part {
				if r == '?' {
					r = anyRune
				}
				runes = append(runes, r)
			}
		}
		g.parts = append(g.parts, part)
		g.runes = append(g.runes, runes)
	}
	return g
}

// Literals returns the texts that every match contains.
func (g *Glob) Literals() []string {
	var out []string
	for i, part := range g.parts {
		if g.runes[i] == nil {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Split(part, "?")...)
	}
	return out
}

// Match reports whether the pattern covers all of s. It takes time
// proportional to the product of both lengths at worst.
func (g *Glob) Match(s string) bool {
	last := len(g.parts) - 1
	if last == 0 {
		n, ok := g.prefix(0, s)
		return ok && n == len(s)
	}
	n, ok := g.prefix(0, s)
	if !ok {
		return false
	}
	s = s[n:]
	for i := 1; i < last; i++ {
		end, ok := g.find(i, s)
		if !ok {
			return false
		}
		s = s[end:]
	}
	return g.suffix(last, s)
}

// prefix matches part i at the beginning of s and returns its length.
func (g *Glob) prefix(i int, s string) (int, bool) {
	if g.runes[i] == nil {
		return len(g.parts[i]), strings.HasPrefix(s, g.parts[i])
	}
	n := 0
	for _, want := range g.runes[i] {
		r, size := utf8.DecodeRuneInString(s[n:])
		if size == 0 || want != anyRune && want != r {
			return 0, false
		}
		n += size
	}
	return n, true
}

// find returns the end of the first occurrence of part i in s.
func (g *Glob) find(i int, s string) (int, bool) {
	if g.runes[i] == nil {
		at := strings.Index(s, g.parts[i])
		return at + len(g.parts[i]), at >= 0
	}
	for at := 0; at <= len(s); {
		if n, ok := g.prefix(i, s[at:]); ok {
			return at + n, true
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		at += max(1, size)
	}
	return 0, false
}

// suffix matches part i at the end of s.
func (g *Glob) suffix(i int, s string) bool {
	if g.runes[i] == nil {
		return strings.HasSuffix(s, g.parts[i])
	}
	from := len(s)
	for range g.runes[i] {
		_, size := utf8.DecodeLastRuneInString(s[:from])
		if size == 0 {
			return false
		}
		from -= size
	}
	n, ok := g.prefix(i, s[from:])
	return ok && from+n == len(s)
}

// Bounds of an edit distance.
const (
	maxDistanceWork = 1 << 22 // cells of the table
	maxDistanceText = 1 << 16 // bytes of a text
	shortText       = 64      // code points: the row of the table is no allocation
)

// Distance is the Levenshtein distance between a and b in code points, and
// whether it could be computed within bounds.
func Distance(a, b string) (int, bool) {
	if len(a) > maxDistanceText || len(b) > maxDistanceText {
		return 0, false
	}
	var xs, ys [shortText]rune
	x, y := appendRunes(xs[:0], a), appendRunes(ys[:0], b)
	if len(x)*len(y) > maxDistanceWork {
		return 0, false
	}
	var rows [shortText + 1]int
	row := rows[:]
	if len(y) > shortText {
		row = make([]int, len(y)+1)
	}
	row = row[:len(y)+1]
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := diagonal
			if x[i-1] != y[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(y)], true
}

func appendRunes(x []rune, s string) []rune {
	for _, r := range s {
		x = append(x, r)
	}
	return x
}

// FartherThan reports, without computing it, that the distance between a and b
// is more than limit: their lengths differ by more. It is false where Distance
// gives up, and may be false where the distance is more.
func FartherThan(a, b string, limit int) bool {
	if len(a) > maxDistanceText || len(b) > maxDistanceText {
		return false
	}
	x, y := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	return x*y <= maxDistanceWork && max(x-y, y-x) > limit
}
