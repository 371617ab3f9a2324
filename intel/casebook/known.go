package casebook

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"foregate/evidence"
	"foregate/intel"
	"foregate/intel/attrib"
)

// AnyActor as the actor of a hypothesis is any known actor that no other
// hypothesis names.
const AnyActor = "*"

// unknownPrior is the prior chance that no known actor is behind a case, where
// actors are compared by their profiles alone. It is set by hand: about half of what
// is reported is of nobody who has a name yet.
const unknownPrior = 0.5

// shownActors is how many of the known actors a report names.
const shownActors = 10

// Known is what known actors are said to use.
type Known struct {
	techniques, software []attrib.Profile
}

// statement is who is said to use what, and by which lineages.
type statement struct{ actor, item intel.Node }

// NewKnown reads what assertions say of actors: what they use, and what campaigns
// attributed to them use. What rests on the sources of the case alone is left out,
// so that a report is no evidence for itself. Names are not merged.
func NewKnown(as []intel.Assertion, c *Case) *Known {
	own := c.sources()
	said := map[statement]map[string]bool{}
	of := map[intel.Node][]intel.Node{} // actors of a campaign
	for _, a := range as {
		switch {
		case !a.Retracted.IsZero():
		case a.Relation == intel.AttributedTo:
			of[a.Subject] = append(of[a.Subject], a.Object)
		case a.Relation == intel.Uses && isMeans(a.Object.Kind):
			s := statement{a.Subject, a.Object}
			if said[s] == nil {
				said[s] = map[string]bool{}
			}
			said[s][a.Source.Lineage()] = true
		}
	}
	type actor struct{ techniques, software, reports map[string]bool }
	actors := map[string]*actor{}
	for s, lineages := range said {
		maps.DeleteFunc(lineages, func(l string, _ bool) bool { return own[l] })
		if len(lineages) == 0 {
			continue
		}
		who := of[s.actor]
		if isActor(s.actor.Kind) {
			who = append(slices.Clip(who), s.actor)
		}
		for _, n := range who {
			x := actors[n.Value]
			if x == nil {
				x = &actor{map[string]bool{}, map[string]bool{}, map[string]bool{}}
				actors[n.Value] = x
			}
			if s.item.Kind == intel.AttackPat {
				x.techniques[s.item.Value] = true
			} else {
				x.software[folded(s.item.Value)] = true
			}
			maps.Copy(x.reports, lineages)
		}
	}
	k := &Known{}
	for _, name := range slices.Sorted(maps.Keys(actors)) {
		x := actors[name]
		k.techniques = append(k.techniques, attrib.Profile{Name: name, Items: slices.Sorted(maps.Keys(x.techniques)), Reports: len(x.reports)})
		k.software = append(k.software, attrib.Profile{Name: name, Items: slices.Sorted(maps.Keys(x.software))})
	}
	return k
}

func isActor(k intel.Kind) bool { return k == intel.IntrusionSet || k == intel.ThreatActor }

// isMeans says whether a kind is a technique or software.
func isMeans(k intel.Kind) bool {
	return k == intel.AttackPat || k == intel.Malware || k == intel.Tool
}

func folded(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// sources are the lineages that the case rests on.
func (c *Case) sources() map[string]bool {
	out := map[string]bool{}
	for _, f := range c.Facts {
		out[intel.Source{Name: f.Source}.Lineage()] = true
		out[intel.Source{Name: f.Source, Origin: f.Origin}.Lineage()] = true
	}
	return out
}

// Place is where an actor stands among the known ones by a measure of similarity.
type Place struct {
	Actor   string            `json:"actor"`
	Measure attrib.Similarity `json:"measure"`
	Place   int               `json:"place"`
	Among   int               `json:"among"`
}

// Comparison is how the case's techniques and software fit known actors.
type Comparison struct {
	Actors  []attrib.Ranked `json:"actors"` // likeliest first, some
	Among   int             `json:"among"`
	Unknown float64         `json:"unknown"` // probability that it is none of them
	// Places say where the first of Actors, and those that hypotheses name, stand by
	// the usual measures, to show that these differ.
	Places []Place `json:"places"`
}

// itemID is the id of the fact that a comparison adds.
const itemID = "profile"

// methods is the lineage of what is said of methods: a fact on similar methods
// should carry it, so that it counts once.
const methods = "methods"

// minProfile is how many techniques an actor has at least that is placed by
// similarity: small profiles are alike by chance.
const minProfile = 10

// Compare weighs the case's techniques and software against the profiles of known
// actors. Where a hypothesis names an actor it adds a fact, with the weight of the
// profile for that actor against one of whom nothing is known. The error is that the
// case lists nothing to compare, that nobody is known, or that a named one is not.
func (c *Case) Compare(k *Known) error {
	if len(c.Techniques)+len(c.Software) == 0 {
		return fmt.Errorf("comparing with known actors: the case lists no techniques and no software")
	}
	if len(k.techniques) == 0 {
		return fmt.Errorf("comparing with known actors: the database has no profile; import ATT&CK first")
	}
	var software []string
	for _, s := range c.Software {
		software = append(software, folded(s))
	}
	ranked, unknown := attrib.NewModel(k.techniques, k.software).Rank(c.Techniques, software, unknownPrior)
	c.Comparison = &Comparison{Actors: ranked[:min(len(ranked), shownActors)], Among: len(ranked), Unknown: unknown}
	if err := c.addProfile(ranked); err != nil {
		return err
	}
	names := []string{ranked[0].Name}
	for _, h := range c.Hypotheses {
		if h.Actor != "" && h.Actor != AnyActor && !slices.Contains(names, h.Actor) {
			names = append(names, h.Actor)
		}
	}
	s := attrib.NewScorer(k.techniques)
	for _, name := range names {
		for _, m := range []attrib.Similarity{attrib.Jaccard, attrib.Cosine, attrib.Containment} {
			if place, among := s.Rank(c.Techniques, m, name, "", minProfile); place > 0 {
				c.Comparison.Places = append(c.Comparison.Places, Place{name, m, place, among})
			}
		}
	}
	return nil
}

// addProfile adds the fact that a comparison gives, when a hypothesis names an actor.
func (c *Case) addProfile(ranked []attrib.Ranked) error {
	weight := map[string]float64{}
	prior := map[string]float64{}
	for _, r := range ranked {
		weight[r.Name], prior[r.Name] = float64(r.Techniques+r.Software), math.Pow(10, float64(r.Prior))
	}
	weights := map[string]evidence.Weight{}
	anybody := ""
	for _, h := range c.Hypotheses {
		switch w, ok := weight[h.Actor]; {
		case h.Actor == "":
		case h.Actor == AnyActor:
			anybody = h.ID
		case !ok:
			return fmt.Errorf("comparing with known actors: hypothesis %q names %q, of whom the database says nothing", h.ID, h.Actor)
		default:
			weights[h.ID] = evidence.Weight(w)
			delete(prior, h.Actor)
		}
	}
	if anybody != "" { // the mean over the others, by how active they are
		sum, total := 0.0, 0.0
		for name, p := range prior {
			sum += p * math.Pow(10, weight[name])
			total += p
		}
		if total > 0 {
			weights[anybody] = evidence.Weight(math.Log10(sum / total))
		}
	}
	if len(weights) == 0 {
		return nil
	}
	c.Facts = append(c.Facts, attrib.Item{
		ID: itemID, Claim: fmt.Sprintf("The %d techniques and %d programs of the case compared with the profiles of %d known actors.", len(c.Techniques), len(c.Software), len(ranked)),
		Source: "profiles of known actors in the database", Confidence: intel.Confidence{Reliability: 'A', Credibility: 1}, Lineage: methods, Weights: weights,
		Reasoning: "Each technique and program counts by how rare it is among all profiles and by how complete the profile is, so that a large profile does not win by size; the weights are tempered as measured by bench/attribution.",
	})
	return nil
}
