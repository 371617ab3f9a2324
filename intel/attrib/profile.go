package attrib

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"foregate/evidence"
)

// Profile is what is known of an actor: the techniques and software that it was
// seen to use.
type Profile struct {
	Name  string
	Items []string
	// Reports is how many reports the profile rests on; 0 when not known.
	Reports int
}

// Scorer weighs what a case shows against profiles.
//
// A case is seen as draws from what its actor does. An actor with a profile of n
// items draws one of them with chance λ/n each, and otherwise, with 1 − λ, what
// anybody does: item t with its share q(t) of all statements on all actors. So
//
//	likelihood ratio of t = (1 − λ) + λ / (n·q(t))   when t is in the profile
//	                      = 1 − λ                    when it is not
//
// against an actor of whom nothing is known. λ = n/(n+μ) is how complete a
// profile of n items is taken to be (Dirichlet smoothing; Zhai and Lafferty
// 2004). A large profile has more hits and each is worth less, so size alone
// wins nothing; a rare technique is worth more than one that everybody uses.
//
// Of two reports on one act the one says T1566.001 and the other T1566 or
// T1566.002. So a share of λ, Backoff, goes to what has the same parent: a hit there
// counts by the share of the parent among the statements.
type Scorer struct {
	// Mu is the number of items at which a profile is half complete.
	Mu float64
	// Keep is the share of each weight that counts. Techniques go together
	// (an attachment and its opening), so that the sum overstates; Keep is what
	// makes the odds honest (measured by bench/attribution).
	Keep float64
	// Backoff is the share of a profile's draws that is known by the parent only, 0
	// to 1.
	Backoff float64

	profiles []Profile
	has      []map[string]bool
	share    map[string]float64
	holders  map[string]int
	total    float64
	// Of parents: items of each profile, and of all.
	families []map[string]float64
	family   map[string]float64
}

// parent is the technique of a sub-technique; everything else is its own.
func parent(item string) string {
	p, _, _ := strings.Cut(item, ".")
	return p
}

// Default values of Scorer, set by hand. Model overrides them with values fitted
// to ATT&CK's attributed campaigns; see bench/attribution.
const (
	DefaultMu   = 10
	DefaultKeep = 0.35
)

// NewScorer counts the base rates over the profiles.
func NewScorer(profiles []Profile) *Scorer {
	s := &Scorer{Mu: DefaultMu, Keep: DefaultKeep, profiles: profiles, share: map[string]float64{}, holders: map[string]int{}, family: map[string]float64{}}
	for _, p := range profiles {
		set, families := make(map[string]bool, len(p.Items)), map[string]float64{}
		for _, it := range p.Items {
			if !set[it] {
				set[it] = true
				s.share[it]++
				s.holders[it]++
				s.total++
				families[parent(it)]++
				s.family[parent(it)]++
			}
		}
		s.has = append(s.has, set)
		s.families = append(s.families, families)
	}
	return s
}

// Base is how many of the profiles have the item, and of how many.
func (s *Scorer) Base(item string) (holders, of int) { return s.holders[item], len(s.profiles) }

// q is the share of all statements that so many are, with one statement added for
// it, so that nothing has no chance.
func (s *Scorer) q(statements float64) float64 {
	return (statements + 1) / (s.total + float64(len(s.share)) + 1)
}

// Weight is log10 of the likelihood ratio of the item under profile i against
// an actor of whom nothing is known.
func (s *Scorer) Weight(i int, item string) evidence.Weight {
	n := float64(len(s.has[i]))
	if n == 0 {
		return 0 // an empty profile is an unknown actor
	}
	lambda := n / (n + s.Mu)
	lr := 1 - lambda
	if s.has[i][item] {
		lr += (1 - s.Backoff) * lambda / (n * s.q(s.share[item]))
	}
	if s.Backoff > 0 {
		p := parent(item)
		lr += s.Backoff * lambda * s.families[i][p] / (n * s.q(s.family[p]))
	}
	return evidence.Weight(s.Keep * math.Log10(lr))
}

// Score is one profile's standing.
type Score struct {
	Name   string
	Weight evidence.Weight // log10 likelihood ratio against an unknown actor
	Shared int             // items of the case that the profile has
	Size   int             // of the profile
}

// Scores weighs all profiles, best first.
func (s *Scorer) Scores(items []string) []Score {
	out := make([]Score, len(s.profiles))
	for i, p := range s.profiles {
		out[i] = Score{Name: p.Name, Size: len(s.has[i])}
		for _, it := range items {
			out[i].Weight += s.Weight(i, it)
			if s.has[i][it] {
				out[i].Shared++
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Score) int { return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Name, b.Name)) })
	return out
}

// Similarity is how alike a case and a profile are by one of the usual measures.
// None of them is evidence: they are here to show that the answer depends on
// which one is taken.
type Similarity string

// The measures.
const (
	Jaccard     Similarity = "jaccard"     // shared / either
	Cosine      Similarity = "cosine"      // of tf-idf vectors
	Containment Similarity = "containment" // shared / the case's
)

// Rank is the place of the named profile among those that have at least min
// items, from 1, ties sharing the best place, and of how many; 0 when it is not
// among them. leave is a profile that is left out of the ranking (the case's own).
func (s *Scorer) Rank(items []string, of Similarity, name, leave string, min int) (place, among int) {
	set := map[string]bool{}
	for _, it := range items {
		set[it] = true
	}
	var own float64
	var values []float64
	found := false
	for i, p := range s.profiles {
		if len(s.has[i]) < min || p.Name == leave {
			continue
		}
		v := s.alike(set, i, of)
		values = append(values, v)
		if p.Name == name {
			own, found = v, true
		}
	}
	if !found {
		return 0, len(values)
	}
	place = 1
	for _, v := range values {
		if v > own+1e-12 {
			place++
		}
	}
	return place, len(values)
}

func (s *Scorer) alike(set map[string]bool, i int, of Similarity) float64 {
	shared, dot, a, b := 0.0, 0.0, 0.0, 0.0
	for it := range set {
		w := s.idf(it)
		a += w * w
		if s.has[i][it] {
			shared++
			dot += w * w
		}
	}
	for it := range s.has[i] {
		w := s.idf(it)
		b += w * w
	}
	switch of {
	case Jaccard:
		return shared / (float64(len(set)+len(s.has[i])) - shared)
	case Containment:
		return shared / float64(len(set))
	}
	if a == 0 || b == 0 {
		return 0
	}
	return dot / math.Sqrt(a*b)
}

func (s *Scorer) idf(item string) float64 {
	return math.Log(float64(len(s.profiles)) / float64(max(1, s.holders[item])))
}
