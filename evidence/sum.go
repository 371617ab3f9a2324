package evidence

import (
	"cmp"
	"math"
	"slices"
)

// Discount is the share of its weight that an item keeps when a stronger item
// of the same lineage and direction is present: two observations with one
// cause are mostly one observation, but rarely wholly one.
const Discount = 0.25

// Sum adds a prior (log10 odds) and the items, discounting those that share a
// lineage: of each lineage and sign the strongest counts in full, the k-th
// strongest Discount^k of its weight. It returns the posterior log10 odds and
// the items with the weights that were counted, strongest first (ties by ID).
// The input is not changed. The order of the input does not matter.
func Sum(prior Weight, items []Item) (Weight, []Item) {
	counted := slices.Clone(items)
	slices.SortFunc(counted, byStrength)
	seen := make(map[string]int, len(counted))
	total := prior
	for i := range counted {
		it := &counted[i]
		if it.Lineage != "" && it.Weight != 0 {
			key := it.Lineage
			if it.Weight < 0 {
				key += "\x00-"
			}
			it.Weight *= Weight(math.Pow(Discount, float64(seen[key])))
			seen[key]++
		}
		total += it.Weight
	}
	slices.SortStableFunc(counted, byStrength)
	return total, counted
}

// byStrength orders by falling absolute weight, then ID, Quote and Claim, so
// that the order is total and independent of how stages interleave.
func byStrength(a, b Item) int {
	return cmp.Or(
		cmp.Compare(math.Abs(float64(b.Weight)), math.Abs(float64(a.Weight))),
		cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.Quote, b.Quote),
		cmp.Compare(a.Claim, b.Claim),
	)
}

// Probability turns log10 odds into a probability in [0, 1].
func Probability(logOdds Weight) float64 {
	return 1 / (1 + math.Pow(10, -float64(logOdds)))
}

// LogOdds turns a probability into log10 odds; 0 and 1 give ∓Inf.
func LogOdds(p float64) Weight {
	return Weight(math.Log10(p / (1 - p)))
}
