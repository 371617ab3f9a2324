package text

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "ABC": "abc", "ÄÖ": "ÄÖ", "äÖ": "ÄÖ", "\u212A": "k", "ſ": "s", "ΣΑΣ": "ΣΑΣ", "σας": "ΣΑΣ", "a\xffB": "a\uFFFDb",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFoldLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		if Fold(Fold(a)) != Fold(a) {
			t.Fatal("not idempotent")
		}
		if Fold(a+b) != Fold(a)+Fold(b) {
			t.Fatal("no homomorphism")
		}
		if strings.EqualFold(a, b) != (Fold(a) == Fold(b)) {
			t.Fatal("differs from simple folding")
		}
		if Fold(strings.ToUpper(a)) == Fold(a) && !strings.EqualFold(strings.ToUpper(a), a) {
			t.Fatal("differs from simple folding")
		}
	})
}

func TestGlob(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab?*]{0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[abä]{0,8}`).Draw(t, "s")
		re := strings.NewReplacer("*", `.*`, "?", `.`).Replace(pattern)
		want := regexp.MustCompile(`\A(?s:` + re + `)\z`).MatchString(s)
		if got := NewGlob(pattern, false).Match(s); got != want {
			t.Fatalf("%q matches %q: %v, want %v", pattern, s, got, want)
		}
		if want {
			for _, lit := range NewGlob(pattern, false).Literals() {
				if !strings.Contains(s, lit) {
					t.Fatalf("%q matches %q without %q", pattern, s, lit)
				}
			}
		}
	})
}

func TestMatcher(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lits := rapid.SliceOfN(rapid.StringMatching(`[abc]{3,6}`), 0, 20).Draw(t, "literals")
		s := rapid.StringMatching(`[abcdABC]{0,60}`).Draw(t, "s")
		m := NewMatcher(lits)
		bits := NewBits(len(lits))
		m.Find(s, bits)
		for i, lit := range lits {
			if bits.Has(i) != strings.Contains(Fold(s), lit) {
				t.Fatalf("%q in %q: %v", lit, s, bits.Has(i))
			}
		}
	})
}

// met evaluates a need of s by searching.
func met(n *Need, s string) bool {
	switch {
	case n.Always():
		return true
	case n.All != nil:
		for _, k := range n.All {
			if !met(k, s) {
				return false
			}
		}
		return true
	case n.Any != nil:
		for _, k := range n.Any {
			if met(k, s) {
				return true
			}
		}
		return false
	}
	var p Profile
	p.Add(s)
	switch {
	case n.Bytes != nil:
		return p.Bytes.Meets(n.Bytes)
	case n.Run > 0:
		return p.Run >= n.Run
	}
	return strings.Contains(Fold(s), n.Lit)
}

func TestNeedRegexp(t *testing.T) {
	for pattern, want := range map[string]string{
		`invoice`:               "has invoice",
		`(?:mr|dr)\. smith`:     "one of has mr. smith, has dr. smith",
		`pay(?:ment|roll)?\b.*`: "one of has pay, has payment, has payroll",
		`[0-9]+`:                "a byte of 0123456789",
		`[0-9a-f]{20}`:          "a run of 20",
		`\x{200b}{3}|\x{feff}`:  "one of has \u200b, has \ufeff",
		`a|invoice`:             "always",
		`click\s+here`:          "all of has click, has here",
		`m[il1]crosoft`:         "one of has m1crosoft, has microsoft, has mlcrosoft",
		`(?:foo)*bar`:           "has bar",
		`x@y`:                   "has x@y",
		`[a-z]+@`:               "a byte of @",
	} {
		if got := show(NeedRegexp(pattern, false)); got != want {
			t.Errorf("%s needs %q, want %q", pattern, got, want)
		}
	}
}

func show(n *Need) string {
	join := func(word string, kids []*Need) string {
		var parts []string
		for _, k := range kids {
			parts = append(parts, show(k))
		}
		return word + " of " + strings.Join(parts, ", ")
	}
	switch {
	case n.Always():
		return "always"
	case n.All != nil:
		return join("all", n.All)
	case n.Any != nil:
		return join("one", n.Any)
	}
	if n.Run > 0 {
		return fmt.Sprint("a run of ", n.Run)
	}
	if n.Bytes != nil {
		set := []byte{}
		for b := range 256 {
			if n.Bytes.Has(byte(b)) {
				set = append(set, byte(b))
			}
		}
		return "a byte of " + string(set)
	}
	return "has " + n.Lit
}

// TestNeedRegexpSound holds that whatever an expression matches has what the
// expression needs.
func TestNeedRegexpSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		atom := rapid.SampledFrom([]string{"foo", "\\d", "[#k]", "\\w{12}", "[\u00fc-\u017f]", "Bar", "qux@", "[abk]", "\u212A", ".", `\s`, `\b`, `\B`, `\A`, `\z`, "(?m:^)", "(?m:$)", "(?i:kit)", "[^x]", "ß", "^", "$"})
		quant := rapid.SampledFrom([]string{"", "", "", "*", "+", "?", "{0,2}", "{2}"})
		var build func(depth int) string
		build = func(depth int) string {
			var parts []string
			for range rapid.IntRange(1, 4).Draw(t, "n") {
				p := atom.Draw(t, "atom")
				if depth > 0 && rapid.Bool().Draw(t, "group") {
					p = "(?:" + build(depth-1) + ")"
				} else if len(p) > 1 {
					p = "(?:" + p + ")"
				}
				if p != "^" && p != "$" && p[0] != '\\' {
					p += quant.Draw(t, "quant")
				}
				parts = append(parts, p)
			}
			return strings.Join(parts, rapid.SampledFrom([]string{"", "", "|"}).Draw(t, "glue"))
		}
		pattern := build(2)
		flags := rapid.SampledFrom([]string{"", "(?i)", "(?s)"}).Draw(t, "flags")
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"foo", "FOO", "bar", "Bar", "qux@", "a", "b", "k", "K", "\u212A", " ", "kit", "KIT", "x", "7", "#", "\u017f", "S", "abcdefghijkl", "ß", "ẞ", "\n", "\xff"}), 0, 10).Draw(t, "words")
		s := strings.Join(words, "")
		re, err := regexp.Compile(flags + pattern)
		if err != nil {
			t.Skip()
		}
		x, err := NewRegexp(flags+pattern, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // states found, states remembered
			if got, want := x.Match(s), re.MatchString(s); got != want {
				t.Fatalf("%q matches %q: %v, package regexp says %v", flags+pattern, s, got, want)
			}
		}
		if re.MatchString(s) && !met(NeedRegexp(flags+pattern, false), s) {
			t.Fatalf("%q matches %q, which lacks %s", flags+pattern, s, show(NeedRegexp(flags+pattern, false)))
		}
	})
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"ü", "u", 1}} {
		if got, ok := Distance(c.a, c.b); got != c.want || !ok {
			t.Errorf("Distance(%q, %q) = %d, %v", c.a, c.b, got, ok)
		}
	}
	if _, ok := Distance(strings.Repeat("a", 50_000), strings.Repeat("b", 50_000)); ok {
		t.Error("an unbounded distance was computed")
	}
}

// TestRegexpRefuses holds that expressions whose automaton would explode are
// still answered, and right.
func TestRegexpRefuses(t *testing.T) {
	x, err := NewRegexp(`(?s)a.{30}b`, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Repeat("a", 31) + strings.Repeat("ac", 20_000)
	for range 2 * maxRefusals {
		if x.Match(s) || !x.Match(s[len(s)-200:]+strings.Repeat("b", 40)) {
			t.Fatal("wrong answer")
		}
	}
}

func BenchmarkRegexp(b *testing.B) {
	const expr = `(?i:(?:invoice|payment|remittance)\s+(?:is\s+)?(?:past\s+)?due\b)`
	s := strings.Repeat("Please review the attached statement and let us know about the payment. ", 200)
	x, err := NewRegexp(expr, nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, match := range map[string]func(string) bool{"dfa": x.Match, "std": x.re.MatchString} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				match(s)
			}
		})
	}
}

func BenchmarkMatcher(b *testing.B) {
	lits := strings.Fields("invoice payment remittance password verify account suspended click here docusign sharepoint microsoft")
	m := NewMatcher(lits)
	s := strings.Repeat("Please review the attached statement and let us know. ", 200)
	bits := make(Bits, 1)
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		m.Find(s, bits)
	}
}
