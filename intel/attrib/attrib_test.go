package attrib

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"foregate/evidence"
	"foregate/intel"
)

var sure = intel.Confidence{Reliability: 'A', Credibility: 1}

func rivals() []Hypothesis {
	return []Hypothesis{{ID: "a", Name: "A did it", Prior: 0.2}, {ID: "b", Name: "B did it", Prior: 0.2}, {ID: "u", Name: "somebody unknown did it", Prior: 0.6}}
}

func TestWeigh(t *testing.T) {
	items := []Item{
		{ID: "x", Source: "one", Confidence: sure, Chance: map[string]float64{"a": 0.6, "b": 0.05}, Rate: &Rate{Seen: 6, Of: 1000}},
		{ID: "y", Source: "two", Confidence: sure, Chance: map[string]float64{"a": 0.5, "b": 0.5, "u": 0.5}},
	}
	r, err := Weigh(rivals(), items)
	if err != nil {
		t.Fatal(err)
	}
	// By hand: a has 0.2·0.6/0.0064935 = 18.48, b 0.2·7.7 = 1.54, u 0.6.
	if p := r.Standings[0].Probability; r.Standings[0].ID != "a" || math.Abs(p-18.48/(18.48+1.54+0.6)) > 0.001 {
		t.Errorf("%v %v", r.Standings[0].ID, p)
	}
	if r.Abstain || !strings.HasPrefix(r.Why, `"A did it" is very likely (90 %), 12.0 times as likely as "B did it"`) {
		t.Error(r.Why)
	}
	if r.Matrix[0].Item != "x" || r.Matrix[1].Spread != 0 {
		t.Errorf("what tells nothing should stand last: %+v", r.Matrix)
	}
	if d := r.Drops[0]; d.Item != "x" || !d.Changes || d.Leader != "u" {
		t.Errorf("%+v", d)
	}
}

// Without evidence that separates the rivals there is no answer.
func TestAbstain(t *testing.T) {
	hs := []Hypothesis{{ID: "a", Name: "A", Prior: 0.5}, {ID: "u", Name: "U", Prior: 0.5}}
	r, err := Weigh(hs, []Item{{ID: "x", Confidence: sure, Chance: map[string]float64{"a": 0.6, "u": 0.5}}})
	if err != nil || !r.Abstain || !strings.HasPrefix(r.Why, "no answer: ") {
		t.Error(r.Why, err)
	}
}

// Two sources that copy one report hardly weigh more than one; two that do not,
// twice as much.
func TestLineage(t *testing.T) {
	item := func(id, source, origin string) Item {
		return Item{ID: id, Source: source, Origin: origin, Confidence: sure, Chance: map[string]float64{"a": 0.5, "b": 0.1, "u": 0.1}, Rate: &Rate{Seen: 100, Of: 1000}}
	}
	p := func(items ...Item) evidence.Weight {
		r, err := Weigh(rivals(), items)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Standings {
			if s.ID == "a" {
				return s.LogOdds
			}
		}
		return 0
	}
	one, copied, two := p(item("x", "report", "")), p(item("x", "report", ""), item("y", "feed", "report")), p(item("x", "report", ""), item("y", "other", ""))
	if gain, full := copied-one, two-one; gain > 0.3*full {
		t.Errorf("a copy adds %.2f, a second witness %.2f", gain, full)
	}
}

func TestKept(t *testing.T) {
	it := Item{Confidence: sure, Hearsay: true, Discounts: []Discount{{"shared hosting", 0.2}, Ageing(180*24*time.Hour, 180*24*time.Hour)}}
	share, why := it.Kept()
	if math.Abs(share-0.05) > 1e-9 || strings.Join(why, "; ") != "confidence A1 keeps 100 %; hearsay keeps 50 %; shared hosting keeps 20 %; 180 days of age keeps 50 %" {
		t.Error(share, why)
	}
}

func TestWeighErrors(t *testing.T) {
	ok := rivals()
	for _, tt := range []struct {
		hs    []Hypothesis
		items []Item
		want  string
	}{
		{ok[:1], nil, "weighing needs at least two hypotheses, one of them that nobody known is behind it"},
		{ok[:2], nil, "the priors add up to 0.400, not 1"},
		{ok, []Item{{ID: "x", Chance: map[string]float64{"z": 0.5}}}, `item "x": chance 0.5 under "z": unknown hypothesis, or no probability`},
		{ok, []Item{{ID: "x"}, {ID: "x"}}, `item "x": an id of its own is due`},
		{ok, []Item{{ID: "x", Rate: &Rate{Seen: 5, Of: 2}}}, `item "x": 5 of 2 is no rate`},
	} {
		if _, err := Weigh(tt.hs, tt.items); err == nil || err.Error() != tt.want {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}

func TestWords(t *testing.T) {
	for p, want := range map[float64][2]string{0.01: {"almost no chance", "remote chance"}, 0.5: {"roughly even chance", "realistic possibility"}, 0.7: {"likely", "likely or probable"}, 0.99: {"almost certain", "almost certain"}} {
		if Words(p) != want[0] || PHIA(p) != want[1] {
			t.Errorf("%v: %q, %q", p, Words(p), PHIA(p))
		}
	}
}

// Probabilities add up, and a less confident source never moves them further.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chance := map[string]float64{"a": rapid.Float64Range(0, 1).Draw(t, "a"), "b": rapid.Float64Range(0, 1).Draw(t, "b"), "u": rapid.Float64Range(0, 1).Draw(t, "u")}
		it := Item{ID: "x", Source: "s", Confidence: sure, Chance: chance}
		full, err := Weigh(rivals(), []Item{it})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, s := range full.Standings {
			sum += s.Probability
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("sum %v", sum)
		}
		weak := it
		weak.Confidence = intel.Confidence{Reliability: 'E', Credibility: 5}
		for _, h := range rivals() {
			if math.Abs(float64(weak.Weight(h.ID, rivals()))) > math.Abs(float64(it.Weight(h.ID, rivals())))+1e-12 {
				t.Fatal("a weak source weighs more")
			}
		}
	})
}

// A group that is known to use everything does not win by that.
func TestSizeWinsNothing(t *testing.T) {
	var everything, rest []string
	for i := range 300 {
		everything = append(everything, string(rune('A'+i/26))+string(rune('a'+i%26)))
	}
	small := []string{"rare1", "rare2", everything[0]}
	ps := []Profile{{Name: "big", Items: append(everything, "rare1", "rare2")}, {Name: "small", Items: small}}
	for i := range 30 {
		ps = append(ps, Profile{Name: string(rune('0' + i)), Items: append(rest, everything[i*5:i*5+20]...)})
	}
	sc := NewScorer(ps).Scores([]string{"rare1", "rare2"})
	if sc[0].Name != "small" {
		t.Errorf("%+v", sc[:3])
	}
	m := NewModel(ps, make([]Profile, len(ps)))
	ranked, unknown := m.Rank([]string{"rare1", "rare2"}, nil, 0.3)
	sum := unknown
	for _, r := range ranked {
		sum += r.Probability
	}
	if math.Abs(sum-1) > 1e-9 || unknown <= 0 {
		t.Errorf("sum %v, unknown %v", sum, unknown)
	}
}
