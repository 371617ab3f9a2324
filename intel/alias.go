package intel

import (
	"cmp"
	"slices"
	"strings"
)

// Candidate is one actor that a name may mean, and how likely.
type Candidate struct {
	Name        string   `json:"name"`
	Probability float64  `json:"probability"`
	Witnesses   []string `json:"witnesses"` // the lineages that say so
}

// Aliases answers what a name may mean. It is made of assertions and merges
// nothing: a name that two actors carry has two candidates.
type Aliases struct {
	byName map[string]map[string]map[string]float64 // folded name → actor → lineage → belief
	own    map[string]string                        // folded → as written, for names that are actors themselves
}

// NewAliases reads the AlsoKnownAs assertions: the subject is the actor, the
// object another name for it. Retracted ones are left out.
func NewAliases(as []Assertion) *Aliases {
	x := &Aliases{byName: map[string]map[string]map[string]float64{}, own: map[string]string{}}
	for _, a := range as {
		if a.Relation != AlsoKnownAs || !a.Retracted.IsZero() {
			continue
		}
		x.own[fold(a.Subject.Value)] = a.Subject.Value
		x.add(a.Object.Value, a.Subject.Value, a.Source.Lineage(), a.Confidence.Belief())
	}
	return x
}

func (x *Aliases) add(name, actor, lineage string, belief float64) {
	k := fold(name)
	if x.byName[k] == nil {
		x.byName[k] = map[string]map[string]float64{}
	}
	if x.byName[k][actor] == nil {
		x.byName[k][actor] = map[string]float64{}
	}
	x.byName[k][actor][lineage] = max(x.byName[k][actor][lineage], belief)
}

// ownName is the belief that a name means the actor whose main name it is; as
// strong as one fully reliable witness.
const ownName = 1.0

// Lookup returns the candidates for a name, likeliest first: each witness counts
// once per actor with its belief; the sums are shared out. No candidate means
// that the name is unknown.
func (x *Aliases) Lookup(name string) []Candidate {
	k := fold(name)
	sums := map[string]float64{}
	who := map[string][]string{}
	for actor, lineages := range x.byName[k] {
		for l, b := range lineages {
			sums[actor] += b
			who[actor] = append(who[actor], l)
		}
	}
	if actor, ok := x.own[k]; ok {
		sums[actor] += ownName
		who[actor] = append(who[actor], "its own name")
	}
	var total float64
	for _, s := range sums {
		total += s
	}
	out := make([]Candidate, 0, len(sums))
	for actor, s := range sums {
		slices.Sort(who[actor])
		out = append(out, Candidate{Name: actor, Probability: s / total, Witnesses: who[actor]})
	}
	slices.SortFunc(out, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), strings.Compare(a.Name, b.Name))
	})
	return out
}

// Ambiguous returns the names that mean more than one actor, sorted, as the
// keys of a map to the actors.
func (x *Aliases) Ambiguous() map[string][]string {
	out := map[string][]string{}
	for name := range x.byName {
		c := x.Lookup(name)
		if len(c) < 2 {
			continue
		}
		for _, a := range c {
			out[name] = append(out[name], a.Name)
		}
		slices.Sort(out[name])
	}
	return out
}
