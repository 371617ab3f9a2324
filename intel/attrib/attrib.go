// Package attrib weighs rival explanations of who is behind a case.
//
// It never asks "how well does this actor fit?", but for every item of evidence
// "how much likelier is this under one explanation than under the others?". The
// answer is a base-10 logarithm (package evidence), and it starts from how often
// an unrelated actor shows the same. Items are discounted for the confidence of
// their source, for age, shared hosting, VPN and Tor, common tools and possible
// false flags; items that rest on one source are one witness. The result states
// its priors, what single item would change it, and abstains when nothing
// separates the rivals. For people it is laid out as a matrix of competing
// hypotheses (Heuer, Psychology of Intelligence Analysis, 1999, chapter 8), with
// the words of ICD 203 and of the UK's PHIA for the probabilities.
package attrib

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"foregate/evidence"
	"foregate/intel"
)

// Hypothesis is one explanation. The hypotheses of a case exclude each other;
// one of them should be that nobody known is behind it.
type Hypothesis struct {
	ID    string  `yaml:"id" json:"id"`
	Name  string  `yaml:"name" json:"name"`   // a sentence
	Prior float64 `yaml:"prior" json:"prior"` // probability before the evidence; the case's sum to 1
	Basis string  `yaml:"basis" json:"basis"` // why this prior
	// Actor is the known actor that the hypothesis names, if any, for a comparison
	// with profiles.
	Actor string `yaml:"actor" json:"actor,omitempty"`
}

// Discount is why an item counts less than its likelihoods say.
type Discount struct {
	Why  string  `yaml:"why" json:"why"`
	Keep float64 `yaml:"keep" json:"keep"` // the share of the weight that stays, 0 to 1
}

// Rate is a measured base rate: among Of unrelated ones Seen show the same.
type Rate struct {
	Seen  int    `yaml:"seen" json:"seen"`
	Of    int    `yaml:"of" json:"of"`
	Basis string `yaml:"basis" json:"basis"`
}

// Value is the rate with one half added to what was seen (Jeffreys), so that
// "never seen" is not "impossible".
func (r Rate) Value() float64 { return (float64(r.Seen) + 0.5) / (float64(r.Of) + 1) }

// Item is one piece of evidence of a case.
type Item struct {
	ID         string           `yaml:"id" json:"id"`
	Claim      string           `yaml:"claim" json:"claim"`
	Source     string           `yaml:"source" json:"source"`
	Origin     string           `yaml:"origin" json:"origin,omitempty"` // whom the source has it from
	Confidence intel.Confidence `yaml:"-" json:"confidence"`
	Code       string           `yaml:"confidence" json:"-"`
	At         string           `yaml:"at" json:"at,omitempty"` // when it happened, YYYY[-MM[-DD]]
	TLP        string           `yaml:"tlp" json:"tlp,omitempty"`
	Hearsay    bool             `yaml:"hearsay" json:"hearsay,omitempty"` // told by others than those who saw it
	// Chance is how likely the item is under each hypothesis, by id. Hypotheses
	// that are not named have the base rate.
	Chance map[string]float64 `yaml:"chance" json:"chance,omitempty"`
	// Rate is the base rate: how often somebody unrelated shows this.
	Rate *Rate `yaml:"rate" json:"rate,omitempty"`
	// Weights are log10 likelihood ratios against an unrelated actor, by hypothesis,
	// where a model has measured them; they take the place of Chance.
	Weights   map[string]evidence.Weight `yaml:"-" json:"weights,omitempty"`
	Reasoning string                     `yaml:"reasoning" json:"reasoning,omitempty"` // why these chances
	Discounts []Discount                 `yaml:"discounts" json:"discounts,omitempty"`
	// HalfLife is in how many days the item loses half of its weight, from At to the
	// day of the case; 0 is never.
	HalfLife int `yaml:"half_life_days" json:"half_life_days,omitempty"`
	// Lineage groups items with one cause; empty means the origin or the source.
	Lineage string `yaml:"lineage" json:"lineage,omitempty"`
}

// hearsayKeeps is what hearsay keeps of its weight: set by hand, as for a second
// hand witness whose source cannot be asked.
const hearsayKeeps = 0.5

// Kept is the share of the item's weight that counts, after its confidence and
// all discounts, and why, in words.
func (it Item) Kept() (share float64, why []string) {
	share = it.Confidence.Belief()
	why = append(why, fmt.Sprintf("confidence %s keeps %.0f %%", it.Confidence, 100*share))
	if it.Hearsay {
		share *= hearsayKeeps
		why = append(why, fmt.Sprintf("hearsay keeps %.0f %%", 100*hearsayKeeps))
	}
	for _, d := range it.Discounts {
		share *= math.Max(0, math.Min(1, d.Keep))
		why = append(why, fmt.Sprintf("%s keeps %.0f %%", d.Why, 100*d.Keep))
	}
	return share, why
}

// Ageing is a discount for an item seen so long before the case: it halves with
// every half-life.
func Ageing(age, halfLife time.Duration) Discount {
	return Discount{Why: fmt.Sprintf("%d days of age", int(age.Hours()/24)), Keep: math.Exp2(-float64(age) / float64(halfLife))}
}

// lineage is the key under which items are one witness.
func (it Item) lineage() string {
	if it.Lineage != "" {
		return it.Lineage
	}
	return intel.Source{Name: it.Source, Origin: it.Origin}.Lineage()
}

// base is the chance of the item when the actor is unrelated: the measured rate,
// or else the geometric mean over the hypotheses, which cancels out.
func (it Item) base(hs []Hypothesis) float64 {
	if it.Rate != nil {
		return it.Rate.Value()
	}
	sum, n := 0.0, 0
	for _, h := range hs {
		if p, ok := it.Chance[h.ID]; ok {
			sum += math.Log(clampChance(p))
			n++
		}
	}
	if n == 0 {
		return 1
	}
	return math.Exp(sum / float64(n))
}

// clampChance keeps a chance off 0 and 1: nobody is that sure.
func clampChance(p float64) float64 { return math.Max(0.001, math.Min(0.999, p)) }

// Weight is the item's weight for a hypothesis against an unrelated actor,
// discounted, capped at ±evidence.MaxMeasured (measured base rate) or
// ±evidence.MaxPrior (estimated).
func (it Item) Weight(h string, hs []Hypothesis) evidence.Weight {
	if it.Weights != nil {
		share, _ := it.Kept()
		return evidence.Weight(share) * max(-evidence.MaxMeasured, min(evidence.MaxMeasured, it.Weights[h]))
	}
	p, ok := it.Chance[h]
	if !ok {
		return 0
	}
	limit := float64(evidence.MaxPrior)
	if it.Rate != nil {
		limit = float64(evidence.MaxMeasured)
	}
	w := math.Log10(clampChance(p) / it.base(hs))
	share, _ := it.Kept()
	return evidence.Weight(share * math.Max(-limit, math.Min(limit, w)))
}

// Standing is where one hypothesis stands.
type Standing struct {
	Hypothesis
	LogOdds     evidence.Weight `json:"log_odds"` // posterior, against all others together
	Probability float64         `json:"probability"`
	Words       string          `json:"words"` // ICD 203
	PHIA        string          `json:"phia"`
	// Reasons are the weights counted, strongest first, against an unrelated actor.
	Reasons []evidence.Item `json:"reasons"`
}

// Drop is what happens when one item is taken away.
type Drop struct {
	Item        string  `json:"item"`
	Probability float64 `json:"probability"` // of the hypothesis that led with it
	Leader      string  `json:"leader"`      // who leads without it
	Changes     bool    `json:"changes"`     // another one leads, or the answer becomes an abstention or stops to be one
}

// Result is a weighed case.
type Result struct {
	Standings []Standing      `json:"standings"` // likeliest first
	Lead      evidence.Weight `json:"lead"`      // log10 of first over second
	Abstain   bool            `json:"abstain"`
	Why       string          `json:"why"` // a sentence on the answer
	Drops     []Drop          `json:"sensitivity"`
	Matrix    []Row           `json:"matrix"`
	// Even is the answer when all hypotheses have the same prior: what differs from
	// Why comes from the priors and not from the evidence.
	Even string `json:"even_priors"`
}

// Row is a line of the matrix of competing hypotheses: for each hypothesis a
// mark and the weight behind it.
type Row struct {
	Item  string            `json:"item"`
	Claim string            `json:"claim"`
	Cells map[string]string `json:"cells"` // hypothesis → "++", "+", "0", "−", "−−"
	// Spread is how far apart the item puts the hypotheses, in bans: what tells
	// nothing has none, however well it "fits".
	Spread float64 `json:"spread"`
}

// MinLead is the lead below which there is no answer: the first must be three
// times as likely as the second.
const MinLead = 0.477

// Weigh weighs a case. The error says what in it is inconsistent.
func Weigh(hs []Hypothesis, items []Item) (*Result, error) {
	if err := check(hs, items); err != nil {
		return nil, err
	}
	r := weigh(hs, items)
	for i := range items {
		w := weigh(hs, slices.Delete(slices.Clone(items), i, i+1))
		d := Drop{Item: items[i].ID, Leader: w.Standings[0].ID}
		for _, s := range w.Standings {
			if s.ID == r.Standings[0].ID {
				d.Probability = s.Probability
			}
		}
		d.Changes = d.Leader != r.Standings[0].ID || w.Abstain != r.Abstain
		r.Drops = append(r.Drops, d)
	}
	first := r.Standings[0].Probability
	slices.SortStableFunc(r.Drops, func(a, b Drop) int {
		return cmp.Compare(math.Abs(b.Probability-first), math.Abs(a.Probability-first))
	})
	r.Matrix = matrix(hs, items)
	even := slices.Clone(hs)
	for i := range even {
		even[i].Prior = 1 / float64(len(hs))
	}
	r.Even = weigh(even, items).Why
	return r, nil
}

func check(hs []Hypothesis, items []Item) error {
	if len(hs) < 2 {
		return fmt.Errorf("weighing needs at least two hypotheses, one of them that nobody known is behind it")
	}
	sum := 0.0
	known := map[string]bool{}
	for _, h := range hs {
		if h.Prior <= 0 || known[h.ID] {
			return fmt.Errorf("hypothesis %q: a prior above 0 and an id of its own are due", h.ID)
		}
		known[h.ID] = true
		sum += h.Prior
	}
	if math.Abs(sum-1) > 0.001 {
		return fmt.Errorf("the priors add up to %.3f, not 1", sum)
	}
	seen := map[string]bool{}
	for _, it := range items {
		if it.ID == "" || seen[it.ID] {
			return fmt.Errorf("item %q: an id of its own is due", it.ID)
		}
		seen[it.ID] = true
		for h, p := range it.Chance {
			if !known[h] || p < 0 || p > 1 || math.IsNaN(p) {
				return fmt.Errorf("item %q: chance %v under %q: unknown hypothesis, or no probability", it.ID, p, h)
			}
		}
		if it.Rate != nil && (it.Rate.Seen < 0 || it.Rate.Of < it.Rate.Seen || it.Rate.Of == 0) {
			return fmt.Errorf("item %q: %d of %d is no rate", it.ID, it.Rate.Seen, it.Rate.Of)
		}
	}
	return nil
}

func weigh(hs []Hypothesis, items []Item) *Result {
	r := &Result{}
	scores := make([]float64, len(hs))
	best := math.Inf(-1)
	for i, h := range hs {
		var ev []evidence.Item
		for _, it := range items {
			ev = append(ev, evidence.Item{ID: it.ID, Claim: it.Claim, Weight: it.Weight(h.ID, hs), Measured: it.Rate != nil || it.Weights != nil, Lineage: it.lineage()})
		}
		total, counted := evidence.Sum(evidence.Weight(math.Log10(h.Prior)), ev)
		scores[i] = float64(total)
		best = max(best, scores[i])
		r.Standings = append(r.Standings, Standing{Hypothesis: h, Reasons: counted})
	}
	sum := 0.0
	for _, s := range scores {
		sum += math.Pow(10, s-best)
	}
	for i, s := range scores {
		st := &r.Standings[i]
		st.Probability = math.Pow(10, s-best) / sum
		st.LogOdds = evidence.LogOdds(st.Probability)
		st.Words, st.PHIA = Words(st.Probability), PHIA(st.Probability)
	}
	slices.SortStableFunc(r.Standings, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), strings.Compare(a.ID, b.ID))
	})
	a, b := r.Standings[0], r.Standings[1]
	r.Lead = evidence.Weight(math.Log10(a.Probability / b.Probability))
	r.Abstain = r.Lead < MinLead
	if r.Abstain {
		r.Why = fmt.Sprintf("no answer: %q (%.0f %%) and %q (%.0f %%) are not separated by the evidence", a.Name, 100*a.Probability, b.Name, 100*b.Probability)
	} else {
		r.Why = fmt.Sprintf("%q is %s (%.0f %%), %.1f times as likely as %q", a.Name, said(a.Words), 100*a.Probability, math.Pow(10, float64(r.Lead)), b.Name)
	}
	return r
}

func matrix(hs []Hypothesis, items []Item) []Row {
	var rows []Row
	for _, it := range items {
		row := Row{Item: it.ID, Claim: it.Claim, Cells: map[string]string{}}
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, h := range hs {
			w := float64(it.Weight(h.ID, hs))
			lo, hi = min(lo, w), max(hi, w)
			row.Cells[h.ID] = mark(w)
		}
		row.Spread = hi - lo
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(b.Spread, a.Spread) })
	return rows
}

// mark is Heuer's consistent and inconsistent, in steps of weight.
func mark(w float64) string {
	switch {
	case w >= 0.5:
		return "++"
	case w >= 0.1:
		return "+"
	case w <= -0.5:
		return "−−"
	case w <= -0.1:
		return "−"
	}
	return "0"
}

// Words are the expressions of ICD 203 (Office of the Director of National
// Intelligence, 2015, section D.6.e.2.a) for a probability.
func Words(p float64) string {
	switch {
	case p < 0.05:
		return "almost no chance"
	case p < 0.20:
		return "very unlikely"
	case p < 0.45:
		return "unlikely"
	case p <= 0.55:
		return "roughly even chance"
	case p <= 0.80:
		return "likely"
	case p <= 0.95:
		return "very likely"
	}
	return "almost certain"
}

// said puts the words for a probability after "is".
func said(words string) string {
	switch words {
	case "roughly even chance":
		return "a roughly even chance"
	case "almost no chance":
		return "of almost no chance"
	}
	return words
}

// PHIA are the words of the yardstick of the UK's Professional Head of
// Intelligence Assessment. Its ranges have gaps; what falls in one takes the
// nearer word.
func PHIA(p float64) string {
	switch {
	case p < 0.075:
		return "remote chance"
	case p < 0.225:
		return "highly unlikely"
	case p < 0.375:
		return "unlikely"
	case p < 0.525:
		return "realistic possibility"
	case p < 0.775:
		return "likely or probable"
	case p < 0.925:
		return "highly likely"
	}
	return "almost certain"
}
