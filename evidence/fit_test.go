package evidence

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Two kinds that always come together are one cause: fitted, their sum is that
// of one.
func TestFitSharesOneCause(t *testing.T) {
	start := NewTable([]Entry{
		{ID: "a", Weight: 1, NPhish: 1}, {ID: "twin", Weight: 1, NPhish: 1}, {ID: "hand", Weight: .5, Prior: true},
	})
	var obs []Observation
	add := func(n float64, attack bool, ids ...string) {
		var items []Item
		for _, id := range ids {
			items = append(items, Item{ID: id})
		}
		obs = append(obs, Observation{Items: items, Attack: attack, Count: n})
	}
	// Even prior; ten attacks for each benign message when both are seen.
	add(500, true, "a", "twin")
	add(50, false, "a", "twin")
	add(500, true)
	add(950, false)
	got := Fit(start, obs, FitOptions{Prior: 0, Pull: .01})
	a, _ := got.Lookup("a")
	twin, _ := got.Lookup("twin")
	if s := float64(a.Weight + twin.Weight); math.Abs(s-1) > .05 {
		t.Errorf("together they weigh %v, want 1", s)
	}
	if h, _ := got.Lookup("hand"); h.Weight != .5 {
		t.Errorf("a prior moved to %v", h.Weight)
	}
}

func TestFitIsMonotoneAndBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := NewTable([]Entry{{ID: "for", Weight: .7, NPhish: 1}, {ID: "against", Weight: -.4, NPhish: 1}})
		obs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Observation {
			var items []Item
			for _, id := range []string{"for", "against"} {
				if rapid.Bool().Draw(t, id) {
					items = append(items, Item{ID: id, Lineage: rapid.SampledFrom([]string{"", "x"}).Draw(t, "lineage")})
				}
			}
			return Observation{Items: items, Attack: rapid.Bool().Draw(t, "attack"), Count: rapid.Float64Range(0, 100).Draw(t, "count")}
		}), 1, 20).Draw(t, "obs")
		got := Fit(start, obs, FitOptions{Rounds: 50})
		f, _ := got.Lookup("for")
		a, _ := got.Lookup("against")
		if f.Weight < 0 || a.Weight > 0 || f.Weight > MaxMeasured || a.Weight < -MaxMeasured || math.IsNaN(float64(f.Weight+a.Weight)) {
			t.Fatalf("for %v, against %v", f.Weight, a.Weight)
		}
	})
}

// A few attacks among the messages called benign do not take the weight from
// what marks all the others.
func TestFitBearsWrongLabels(t *testing.T) {
	start := NewTable([]Entry{{ID: "a", Weight: 1.5, NPhish: 1}, {ID: "b", Weight: 1.5, NPhish: 1}})
	both := []Item{{ID: "a"}, {ID: "b"}}
	obs := []Observation{
		{Items: both, Attack: true, Count: 80},
		{Attack: true, Count: 20},
		{Items: both, Count: 50}, // five in a thousand benign messages, in truth attacks
		{Count: 9950},
	}
	sum := func(o FitOptions) float64 {
		got := Fit(start, obs, o)
		a, _ := got.Lookup("a")
		b, _ := got.Lookup("b")
		return float64(a.Weight + b.Weight)
	}
	plain := sum(FitOptions{Prior: -2, Pull: .1})
	told := sum(FitOptions{Prior: -2, Pull: .1, Mislabelled: .005})
	if plain > 2.6 || told < plain+.5 {
		t.Errorf("together they weigh %v, and %v when the labels are doubted", plain, told)
	}
}

// A stronger grade never weighs less, whatever the observations say.
func TestFitLadder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := []string{"low", "medium", "high"}
		sign := rapid.SampledFrom([]Weight{1, -1}).Draw(t, "sign")
		var entries []Entry
		for _, id := range ids {
			entries = append(entries, Entry{ID: id, NPhish: 1, Weight: sign * Weight(rapid.Float64Range(0, 2).Draw(t, id))})
		}
		obs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Observation {
			return Observation{Items: []Item{{ID: rapid.SampledFrom(ids).Draw(t, "item")}}, Attack: rapid.Bool().Draw(t, "attack"), Count: rapid.Float64Range(0.1, 100).Draw(t, "count")}
		}), 1, 20).Draw(t, "obs")
		got := Fit(NewTable(entries), obs, FitOptions{Rounds: 50, Ladders: [][]string{ids, {"unknown"}}})
		last := Weight(0)
		for _, id := range ids {
			e, _ := got.Lookup(id)
			if w := e.Weight * sign; w < last-1e-9 {
				t.Fatalf("%s weighs %v after %v", id, w, last)
			} else {
				last = w
			}
		}
	})
}
