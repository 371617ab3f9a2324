package attrib

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"foregate/evidence"
)

// Model weighs a case against all profiles by techniques and by software, over
// a prior that grows with how much is known of an actor.
type Model struct {
	// Techniques and Software are scored each with its own completeness.
	Techniques, Software *Scorer
	// Prior is log10 odds by actor, not normalised: actors of whom more activity
	// is on record are likelier to be behind the next.
	Prior map[string]float64
}

// Weights of Model. The first five were chosen on ATT&CK's attributed campaigns by
// log loss, before the profiles took in other campaigns, parents and the number of
// reports; how much is lost when they are chosen without the campaign that is
// judged, or without any of its group, is measured by TestNested in
// bench/attribution. TechniqueBackoff is set by hand: a quarter of mappings is known
// by the parent only.
const (
	TechniqueMu, TechniqueKeep = 300, 0.5
	SoftwareMu, SoftwareKeep   = 40, 1.0
	ActivityPower              = 1.0
	TechniqueBackoff           = 0.25
)

// NewModel makes one of what actors are known to use. Both lists name the same
// actors in the same order. How active an actor is is told by the number of reports
// that its profile rests on, or by the number of its items when no profile has one.
func NewModel(techniques, software []Profile) *Model {
	m := &Model{Techniques: NewScorer(techniques), Software: NewScorer(software), Prior: map[string]float64{}}
	m.Techniques.Mu, m.Techniques.Keep, m.Techniques.Backoff = TechniqueMu, TechniqueKeep, TechniqueBackoff
	m.Software.Mu, m.Software.Keep = SoftwareMu, SoftwareKeep
	told := slices.ContainsFunc(techniques, func(p Profile) bool { return p.Reports > 0 })
	for i, p := range techniques {
		n := len(p.Items) + len(software[i].Items)
		if told {
			n = p.Reports
		}
		m.Prior[p.Name] = ActivityPower * math.Log10(float64(n+1))
	}
	return m
}

// Ranked is one actor's standing in a Model.
type Ranked struct {
	Name                        string
	Probability                 float64
	Prior, Techniques, Software evidence.Weight // the parts of its log10 score
}

// Rank gives all actors with probabilities that add up to one minus unknown,
// likeliest first. unknown is the prior probability that no known actor is
// behind the case; it is weighed as an actor for whom every item has its base
// rate.
func (m *Model) Rank(techniques, software []string, unknown float64) (ranked []Ranked, pUnknown float64) {
	n := len(m.Techniques.profiles)
	ranked = make([]Ranked, n)
	total := 0.0
	for i, p := range m.Techniques.profiles {
		total += math.Pow(10, m.Prior[p.Name])
		ranked[i] = Ranked{Name: p.Name, Prior: evidence.Weight(m.Prior[p.Name])}
		for _, t := range techniques {
			ranked[i].Techniques += m.Techniques.Weight(i, t)
		}
		for _, s := range software {
			ranked[i].Software += m.Software.Weight(i, s)
		}
	}
	sum := unknown
	for i := range ranked {
		r := &ranked[i]
		r.Probability = (1 - unknown) * math.Pow(10, float64(r.Prior+r.Techniques+r.Software)) / total
		sum += r.Probability
	}
	for i := range ranked {
		ranked[i].Probability /= sum
	}
	slices.SortStableFunc(ranked, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), strings.Compare(a.Name, b.Name))
	})
	return ranked, unknown / sum
}
