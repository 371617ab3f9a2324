package evidence

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSum(t *testing.T) {
	tests := []struct {
		name  string
		prior Weight
		items []Item
		want  Weight
		order string
	}{
		{"no evidence is the prior", -2, nil, -2, ""},
		{"independent items add", -2, []Item{{ID: "a", Weight: 1}, {ID: "b", Weight: .5}}, -.5, "a b"},
		{"one lineage counts its strongest in full", 0, []Item{{ID: "a", Weight: .4, Lineage: "x"}, {ID: "b", Weight: 1, Lineage: "x"}}, 1.1, "b a"},
		{"a lineage's third counts a sixteenth", 0, []Item{{ID: "a", Weight: 1, Lineage: "x"}, {ID: "b", Weight: 1, Lineage: "x"}, {ID: "c", Weight: 1, Lineage: "x"}}, 1 + .25 + .0625, "a b c"},
		{"for and against do not discount each other", 0, []Item{{ID: "a", Weight: 1, Lineage: "x"}, {ID: "b", Weight: -1, Lineage: "x"}}, 0, "a b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, counted := Sum(tt.prior, tt.items)
			if math.Abs(float64(got-tt.want)) > 1e-9 {
				t.Errorf("Sum = %v, want %v", got, tt.want)
			}
			var ids []string
			for _, it := range counted {
				ids = append(ids, it.ID)
			}
			if o := strings.Join(ids, " "); o != tt.order {
				t.Errorf("order %q, want %q", o, tt.order)
			}
		})
	}
}

// TestSumOfTwoForms checks the quiet form of attack: what it adds, and that the
// weights shown add up to the odds.
func TestSumOfTwoForms(t *testing.T) {
	change := Item{ID: "sender.takeover", Weight: 3, History: true}
	tests := []struct {
		name  string
		items []Item
		want  float64
		quiet bool
	}{
		{"without history there is one form", []Item{{ID: "text", Weight: -2.2}, {ID: "link", Weight: 1}}, -3.2, false},
		{"a sender as ever is judged as before", []Item{{ID: "text", Weight: -2.2}, {ID: "sender.known", Weight: -1.5, History: true}}, -5.7, false},
		{"an ordinary text is no defence", []Item{change, {ID: "text", Weight: -2.2}}, math.Log10(math.Pow(10, -1.2) + .5*math.Pow(10, -2)*999), true},
		{"a loud text counts in full", []Item{change, {ID: "text", Weight: 2.2}}, math.Log10(math.Pow(10, 3.2) + .5*math.Pow(10, -2)*999), false},
		{"history alone", []Item{change}, math.Log10(10 + .5*math.Pow(10, -2)*999), true},
		{"history shares a lineage", []Item{{ID: "a", Weight: 1, Lineage: "x", History: true}, {ID: "b", Weight: 1, Lineage: "x", History: true}},
			math.Log10(math.Pow(10, -.75) + .5*math.Pow(10, -2)*(math.Pow(10, 1.25)-1)), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, counted := Sum(-2, tt.items)
			if math.Abs(float64(got)-tt.want) > 1e-9 {
				t.Errorf("Sum = %v, want %v", got, tt.want)
			}
			total, quiet := -2.0, false
			for _, it := range counted {
				total += float64(it.Weight)
				quiet = quiet || it.ID == IDQuiet
			}
			if math.Abs(total-float64(got)) > leastQuiet {
				t.Errorf("the weights shown add up to %v, the odds are %v", total, got)
			}
			if quiet != tt.quiet {
				t.Errorf("the quiet form is shown: %v, want %v", quiet, tt.quiet)
			}
		})
	}
	for _, tt := range []struct {
		text Weight
		want string
	}{{-2.2, "which carries this verdict"}, {0, "Besides"}} {
		_, counted := Sum(-2, []Item{change, {ID: "text", Weight: tt.text}})
		for _, it := range counted {
			if it.ID == IDQuiet && !strings.Contains(it.Claim, tt.want) {
				t.Errorf("with a text of %v the claim is %q, want %q in it", tt.text, it.Claim, tt.want)
			}
		}
	}
}

// someItems draws items of all kinds.
func someItems(t *rapid.T) []Item {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Item {
		return Item{
			ID:      rapid.StringMatching(`[a-c]`).Draw(t, "id"),
			Weight:  Weight(rapid.Float64Range(-3, 3).Draw(t, "w")),
			Lineage: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "lineage"),
			History: rapid.Bool().Draw(t, "history"),
		}
	}), 0, 12).Draw(t, "items")
}

// More evidence for an attack must never lower the odds, nor more against one
// raise them.
func TestSumIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := someItems(t)
		more := Item{ID: "more", Weight: Weight(rapid.Float64Range(-3, 3).Draw(t, "more")), Lineage: rapid.SampledFrom([]string{"", "x"}).Draw(t, "its lineage"), History: rapid.Bool().Draw(t, "its history")}
		before, _ := Sum(-2, items)
		after, _ := Sum(-2, append(items, more))
		if step := float64(after - before); step*float64(more.Weight) < 0 && math.Abs(step) > 1e-9 {
			t.Fatalf("an item of %v moves the odds by %v", more.Weight, step)
		}
	})
}

// The order in which stages report must not change a verdict.
func TestSumIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := someItems(t)
		shuffled := rapid.Permutation(items).Draw(t, "shuffled")
		a, _ := Sum(-1, items)
		b, _ := Sum(-1, shuffled)
		if math.Abs(float64(a-b)) > 1e-9 {
			t.Fatalf("%v in one order, %v in another", a, b)
		}
	})
}

func TestProbability(t *testing.T) {
	for _, p := range []float64{.001, .2, .5, .9, .9999} {
		if got := Probability(LogOdds(p)); math.Abs(got-p) > 1e-12 {
			t.Errorf("Probability(LogOdds(%v)) = %v", p, got)
		}
	}
}

func TestMeasure(t *testing.T) {
	e := Measure("x", 100, 1000, 1, 1000, "test")
	if e.Weight < 1.3 || e.Weight > 1.9 {
		t.Errorf("100:1 with one benign hit weighs %v; want shrunk below log10(66)", e.Weight)
	}
	if w := Measure("x", 0, 1000, 0, 1000, "").Weight; w != 0 {
		t.Errorf("never seen weighs %v, want 0", w)
	}
	if w := Measure("x", 1000, 1000, 0, 1_000_000, "").Weight; w != MaxMeasured {
		t.Errorf("weight %v, want the cap %v", w, MaxMeasured)
	}
	if w := Measure("x", 1, 1000, 400, 1000, "").Weight; w >= 0 {
		t.Errorf("benign trait weighs %v, want negative", w)
	}
}

func TestTableRoundTrip(t *testing.T) {
	want := NewTable([]Entry{{ID: "b", Weight: .5, Prior: true, Basis: "hand"}, Measure("a.x", 5, 10, 1, 10, "dev")})
	var buf bytes.Buffer
	if _, err := want.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	got, err := ReadTable(&buf)
	if err != nil {
		t.Fatal(err)
	}
	diff := cmp.Diff(want.Entries(), got.Entries(), cmp.Comparer(func(a, b Weight) bool { return math.Abs(float64(a-b)) < 1e-3 }))
	if diff != "" {
		t.Error(diff)
	}
	if e, ok := got.Lookup("b.c.d"); !ok || e.ID != "b" {
		t.Errorf("Lookup falls back to %q, %v; want b", e.ID, ok)
	}
}

func TestWeigh(t *testing.T) {
	table := NewTable([]Entry{{ID: "known", Weight: .5, Prior: true}})
	got := table.Weigh([]Item{{ID: "known", Weight: 9}, {ID: "computed", Weight: 2, Measured: true}, {ID: "known", Weight: 4, Defined: true}, {ID: "proposed", Weight: -.3}, {ID: "bold", Weight: 7}})
	want := []Item{{ID: "known", Weight: .5}, {ID: "computed", Weight: 2, Measured: true}, {ID: "known", Weight: 4, Defined: true}, {ID: "proposed", Weight: -.3}, {ID: "bold", Weight: MaxPrior}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestReadTableErrors(t *testing.T) {
	tests := []struct{ line, want string }{
		{"a\t1", "reading weights: line 1: 2 fields, want 8 (id, weight, kind, n_phish, hit_phish, n_ham, hit_ham, basis)"},
		{"a\tx\tprior\t0\t0\t0\t0\t", `reading weights: line 1: weight "x" is not a finite number`},
		{"a\tNaN\tprior\t0\t0\t0\t0\t", `reading weights: line 1: weight "NaN" is not a finite number`},
		{"a\t1\tguess\t0\t0\t0\t0\t", `reading weights: line 1: kind "guess" is neither prior nor measured`},
		{"a\t1.5\tprior\t0\t0\t0\t0\t", `reading weights: line 1: prior 1.5 of "a" is beyond ±1`},
		{"a\t1\tmeasured\t-1\t0\t0\t0\t", `reading weights: line 1: count "-1" is not a whole number`},
	}
	for _, tt := range tests {
		if _, err := ReadTable(strings.NewReader(tt.line)); err == nil || err.Error() != tt.want {
			t.Errorf("%q: error %v, want %s", tt.line, err, tt.want)
		}
	}
}

func TestBuiltin(t *testing.T) {
	table, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range table.Entries() {
		if e.Basis == "" {
			t.Errorf("%s has no basis", e.ID)
		}
		if !e.Prior && e.NPhish == 0 {
			t.Errorf("%s is called measured but names no sample", e.ID)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add(builtin)
	f.Add("a\t1\tprior\t0\t0\t0\t0\tx\n#c\n")
	f.Fuzz(func(t *testing.T, s string) {
		table, err := ReadTable(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, e := range table.Entries() {
			if math.IsNaN(float64(e.Weight)) {
				t.Fatalf("%q has weight NaN", e.ID)
			}
		}
	})
}

// Figures of rules ship, nothing else of them: no names, no texts.
func TestBuiltinRules(t *testing.T) {
	table, err := ReadTable(strings.NewReader(builtinRules))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range table.Entries() {
		id, ok := strings.CutPrefix(e.ID, "rule.")
		if !ok || len(id) != 36 || strings.Count(id, "-") != 4 {
			t.Errorf("%q is no rule's ID", e.ID)
		}
		if e.Prior || e.NPhish == 0 || e.NHam == 0 {
			t.Errorf("%s is not measured", e.ID)
		}
		if e.Basis != "development corpora, sources balanced" {
			t.Errorf("%s says %q", e.ID, e.Basis)
		}
	}
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(table.Entries()); n == 0 || len(all.Entries()) <= n {
		t.Errorf("%d weights of rules, %d of all", n, len(all.Entries()))
	}
}
