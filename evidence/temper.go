package evidence

import "math"

// Outcome is one labelled message judged with weights that it was not measured
// for: the part of its log10 odds that stays as it is (prior, hand-set and
// measured items) and the part that measured weights add.
type Outcome struct {
	Fixed, Moving float64
	Attack        bool
	Count         float64 // how many messages it stands for
}

// Split sums the items of a message as Sum does with the table's weights and
// says how much of the sum is due to measured weights, which Temper scales.
func (t *Table) Split(prior Weight, items []Item) (fixed, moving float64) {
	_, counted := Sum(0, t.Weigh(items))
	fixed = float64(prior)
	for _, it := range counted {
		if e, ok := t.Lookup(it.ID); ok && e.moves() && !it.Own() {
			moving += float64(it.Weight)
		} else {
			fixed += float64(it.Weight)
		}
	}
	return fixed, moving
}

// Bounds of what Confidence looks for.
const (
	leastScale = 0.3 // less would say that the rates are worth nothing
	mostHidden = 0.6
)

// Confidence finds the scale of measured weights, at most 1, at which the odds
// of the outcomes come true, and the share of attacks that stand among them as
// benign. Both are the most likely values (maximum likelihood) of
//
//	P(labelled as attack) = (1 − hidden) × P(attack), log10 odds = Fixed + scale × Moving
//
// Weights measured on one set of messages are too strong on another, the more
// the more there are of them; the scale takes that back (Platt 1999; Guo and
// others 2017 call it temperature). Hidden is there because every collection of
// benign mail holds attacks that nobody noticed: without it the few benign
// labels at high odds would talk all others down.
func Confidence(outcomes []Outcome) (scale, hidden float64) {
	best := math.Inf(-1)
	for s := 100; s >= int(leastScale*100); s -= 2 {
		for h := 0; h <= int(mostHidden*100); h += 4 {
			if l := likelihood(outcomes, float64(s)/100, float64(h)/100); l > best {
				best, scale, hidden = l, float64(s)/100, float64(h)/100
			}
		}
	}
	return scale, hidden
}

func likelihood(outcomes []Outcome, scale, hidden float64) float64 {
	sum := 0.0
	for _, o := range outcomes {
		p := (1 - hidden) * Probability(Weight(o.Fixed+scale*o.Moving))
		if !o.Attack {
			p = 1 - p
		}
		sum += o.Count * math.Log(max(p, 1e-12))
	}
	return sum
}

// Temper multiplies the measured weights of a table by scale. Priors and what was
// taken over stay.
func Temper(t *Table, scale float64) *Table {
	entries := t.Entries()
	for i := range entries {
		if entries[i].moves() {
			entries[i].Weight *= Weight(scale)
		}
	}
	return NewTable(entries)
}
