// Package naming learns the words of which a campaign makes its domain names, and
// notices when the campaign has moved on to others.
//
// A rule made of words learned from old names looks as good as ever on old names,
// and finds nothing new from the day on which the operator changes the scheme. So
// the rule knows how often it should match a new name of the same operator, from
// names that it was learned without, and compares that with how often it does.
package naming

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"foregate/domain"
)

const (
	// least is how many names must have a word for it to be learned.
	least = 2
	// minWord is the length of the shortest word; shorter ones are in every name.
	minWord = 3
	// MinNames is how many names a rule is learned from at least: of fewer, chance
	// makes the words.
	MinNames = 20
	// MinBatch is how many new names a rule is judged by at least.
	MinBatch = 10
	// rare is the chance below which a lack of matches is no accident.
	rare = 0.05
)

// Rule is the words of a campaign's names. It is immutable.
type Rule struct {
	Words []string `json:"words"` // most frequent first
	Names int      `json:"names"` // how many it was learned from
	// Recall is the share of those names that it matches when each is left out of
	// the learning: what to expect of new ones while the scheme lasts.
	Recall float64 `json:"expected_recall"`

	have map[string]bool
}

// wordsOf are the words of a name's registrable part and its host part, without
// the public suffix; digits and hyphens divide.
func wordsOf(name string) []string {
	d := domain.Split(strings.ToLower(name))
	rest := strings.TrimSuffix(strings.TrimSuffix(d.Domain, d.TLD), ".")
	words := strings.FieldsFunc(rest, func(r rune) bool { return r == '-' || r == '.' || r == '_' || r >= '0' && r <= '9' })
	words = slices.DeleteFunc(words, func(w string) bool { return len(w) < minWord || w == "www" })
	slices.Sort(words)
	return slices.Compact(words)
}

// Learn makes a rule of a campaign's names. The error is that there are too few.
func Learn(names []string) (*Rule, error) {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < MinNames {
		return nil, fmt.Errorf("a naming rule takes at least %d names, there are %d", MinNames, len(names))
	}
	count := map[string]int{}
	for _, n := range names {
		for _, w := range wordsOf(n) {
			count[w]++
		}
	}
	r := &Rule{Names: len(names), have: map[string]bool{}}
	for _, w := range slices.Sorted(maps.Keys(count)) {
		if count[w] >= least {
			r.Words = append(r.Words, w)
			r.have[w] = true
		}
	}
	slices.SortStableFunc(r.Words, func(a, b string) int { return cmp.Compare(count[b], count[a]) })
	found := 0
	for _, n := range names {
		if slices.ContainsFunc(wordsOf(n), func(w string) bool { return count[w] > least }) {
			found++
		}
	}
	r.Recall = float64(found) / float64(len(names))
	return r, nil
}

// Match gives the words of the rule that a name has.
func (r *Rule) Match(name string) []string {
	return slices.DeleteFunc(wordsOf(name), func(w string) bool { return !r.have[w] })
}

// State is how a rule stands towards new names.
type State string

// The states. Too few new names leave it open.
const (
	Open    State = "open"
	Holds   State = "holds"
	Fading  State = "fading"  // matches less often than chance explains
	Stopped State = "stopped" // matches less than half as often as it should
)

// Drift is what new names say of a rule.
type Drift struct {
	State   State   `json:"state"`
	Seen    int     `json:"seen"`    // new names
	Matched int     `json:"matched"` // of them
	Recall  float64 `json:"recall"`
	// Chance is the probability of so few matches if the scheme were the old one.
	Chance float64 `json:"chance"`
	Why    string  `json:"explanation"`
}

// Alarm says that the rule should not be relied on any more.
func (d Drift) Alarm() bool { return d.State == Fading || d.State == Stopped }

// Check compares new names of the campaign with the rule.
func (r *Rule) Check(names []string) Drift {
	names = slices.Clone(names)
	slices.Sort(names)
	d := Drift{}
	for _, n := range slices.Compact(names) {
		d.Seen++
		if len(r.Match(n)) > 0 {
			d.Matched++
		}
	}
	if d.Seen < MinBatch {
		d.State, d.Chance = Open, 1
		d.Why = fmt.Sprintf("%d new names are too few to tell", d.Seen)
		return d
	}
	d.Recall = float64(d.Matched) / float64(d.Seen)
	d.Chance = atMost(d.Matched, d.Seen, r.Recall)
	figures := fmt.Sprintf("it matches %d of %d new names (%.2f) and should match %.2f", d.Matched, d.Seen, d.Recall, r.Recall)
	switch {
	case d.Chance >= rare:
		d.State, d.Why = Holds, "the rule holds: "+figures
	case d.Recall < r.Recall/2:
		d.State, d.Why = Stopped, "the rule has stopped to match: "+figures+"; learn it anew"
	default:
		d.State, d.Why = Fading, fmt.Sprintf("the rule is fading: %s; so few come by chance once in %.0f times", figures, 1/d.Chance)
	}
	return d
}

// atMost is the probability of at most k of n when each comes with chance p.
func atMost(k, n int, p float64) float64 {
	if p <= 0 {
		return 1
	}
	if p >= 1 {
		if k < n {
			return 0
		}
		return 1
	}
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	sum := 0.0
	for i := range k + 1 {
		sum += math.Exp(lg(n) - lg(i) - lg(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(sum, 1)
}
