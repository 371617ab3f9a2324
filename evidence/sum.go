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

// QuietShare is how many quiet attacks in a correspondent's place there are for
// one of the kind that weights are measured on: attacks whose text, links and
// signatures are those of ordinary mail, because the account is the
// correspondent's or because the attacker has read it. Set by hand; nobody
// publishes figures. Twice as many would add 0.3 to the odds of such a message.
const QuietShare = 0.5

// IDQuiet is the item that Sum adds for the quiet form of attack, so that the
// weights still add up to the odds.
const IDQuiet = "evidence.quiet"

// leastQuiet is the weight below which the quiet form is not worth showing.
const leastQuiet = 0.005

// Sum adds a prior (log10 odds) and the items over two rival forms of attack. It
// returns the posterior log10 odds and the items with the weights that were
// counted, strongest first (ties by ID), and last what the second form adds. The
// input is not changed. The order of the input does not matter.
//
// In the first form all items count: of each lineage and sign the strongest in
// full, the k-th strongest Discount^k of its weight. In the second somebody
// stands in a correspondent's place and writes as ordinary mail does: there only
// History counts, since all else is as likely as in honest mail. The odds of an
// attack are those of the forms together,
//
//	10^odds = 10^(prior + all items) + QuietShare × 10^prior × (10^history − 1)
//
// and the second is left out where history does not speak against the message.
// An item for an attack never lowers the odds, an item against one never raises
// them. See docs/adr/0009-two-forms.md.
func Sum(prior Weight, items []Item) (Weight, []Item) {
	odds, counted := add(prior, items)
	var history []Item
	for _, it := range items {
		if it.History {
			history = append(history, it)
		}
	}
	if against, _ := add(0, history); against > 0 {
		extra := Weight(math.Log10(1 + QuietShare*(math.Pow(10, float64(against))-1)*math.Pow(10, float64(prior-odds))))
		odds += extra
		if extra >= leastQuiet {
			counted = append(counted, Item{ID: IDQuiet, Claim: quietClaim(extra), Weight: extra})
		}
	}
	return odds, counted
}

// quietClaim says in words which form of attack carries the verdict.
func quietClaim(extra Weight) string {
	if extra > Weight(math.Log10(2)) {
		return "Who writes in a correspondent's place writes as ordinary mail does: against that form of attack, which carries this verdict, ordinary text and a valid signature say nothing."
	}
	return "Besides, somebody in the correspondent's place would write as ordinary mail does."
}

// add adds the items to a prior and returns what each of them counted, strongest
// first.
func add(prior Weight, items []Item) (Weight, []Item) {
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
