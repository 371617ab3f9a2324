package evidence

import (
	"math"
	"testing"
)

// outcomesOf makes messages whose true odds are scale times what is said, with a
// share of the attacks labelled benign.
func outcomesOf(scale, hidden float64) []Outcome {
	var out []Outcome
	for m := -4.0; m <= 6; m += .25 {
		p := (1 - hidden) * Probability(Weight(-2+scale*m))
		out = append(out, Outcome{Fixed: -2, Moving: m, Attack: true, Count: p}, Outcome{Fixed: -2, Moving: m, Count: 1 - p})
	}
	return out
}

func TestConfidence(t *testing.T) {
	for _, want := range [][2]float64{{1, 0}, {.6, 0}, {.8, .2}, {.5, .4}} {
		scale, hidden := Confidence(outcomesOf(want[0], want[1]))
		if math.Abs(scale-want[0]) > .021 || math.Abs(hidden-want[1]) > .041 {
			t.Errorf("scale %v, hidden %v, want %v", scale, hidden, want)
		}
	}
}

// What Split takes apart is what Sum adds up, and Temper scales one part.
func TestSplitAndTemper(t *testing.T) {
	table := NewTable([]Entry{{ID: "a", Weight: 1.2, NPhish: 1}, {ID: "b", Weight: .8, NPhish: 1}, {ID: "hand", Weight: -.5, Prior: true}})
	items := []Item{{ID: "a", Lineage: "x"}, {ID: "b", Lineage: "x"}, {ID: "hand"}, {ID: "a", Weight: 2, Measured: true}, {ID: "new", Weight: 3}}
	fixed, moving := table.Split(-2, items)
	whole, _ := Sum(-2, table.Weigh(items))
	if math.Abs(fixed+moving-float64(whole)) > 1e-12 {
		t.Errorf("%v and %v are not %v", fixed, moving, whole)
	}
	half, _ := Sum(-2, Temper(table, .5).Weigh(items))
	if math.Abs(float64(half)-(fixed+moving/2)) > 1e-12 {
		t.Errorf("tempered: %v, want %v", half, fixed+moving/2)
	}
}
