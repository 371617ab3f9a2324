package graph

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"foregate/intel"
)

// Join is one thing that connects others.
type Join struct {
	intel.Node
	Relation intel.Relation `json:"relation"`
	SharedBy int            `json:"shared_by"`     // how many share it at that time
	InAll    int            `json:"shared_in_all"` // how many share it over all time
	LogOdds  float64        `json:"log_odds"`      // log10 odds that two of them have one operator
	Why      string         `json:"explanation"`   // a sentence
	Cut      bool           `json:"cut,omitempty"` // a hub: it joins nothing
}

// verb says what sharing means, for a number of things.
func verb(r intel.Relation, n int) string {
	names := "names"
	if n == 1 {
		names = "name"
	}
	switch r {
	case intel.ResolvesTo:
		return fmt.Sprintf("hosted %d %s in all", n, names)
	case intel.UsesCert:
		return fmt.Sprintf("was presented by %d in all", n)
	case intel.RegisteredBy:
		return fmt.Sprintf("registered %d %s in all", n, names)
	case intel.UsesNS:
		return fmt.Sprintf("served %d %s in all", n, names)
	}
	senders := "senders"
	if n == 1 {
		senders = "sender"
	}
	switch r {
	case SentFrom:
		return fmt.Sprintf("sent for %d %s in all", n, senders)
	case LinksTo:
		return fmt.Sprintf("%d %s linked to in all", n, senders)
	case Carries:
		return fmt.Sprintf("%d %s attached in all", n, senders)
	case BuiltLike, MadeBy, NumberedLike:
		return fmt.Sprintf("%d %s had in all", n, senders)
	}
	return fmt.Sprintf("is shared by %d in all (%s)", n, r)
}

func (g *Graph) join(i int32, x *group) Join {
	odds := g.odds(x)
	all := g.count(x.all, x.in)
	sharers := x.sharers
	if len(x.uses) == len(x.all) {
		sharers = all
	} else if odds < 0 {
		sharers = g.count(x.uses, x.in)
	}
	if odds < 0 {
		odds = math.Log10(g.siblings(x.rel, x.in) / float64(max(sharers, x.crowd)-1))
	}
	j := Join{Node: g.nodes[i], Relation: g.rels[x.rel], SharedBy: sharers, InAll: all, LogOdds: min(odds, 3), Cut: odds < 0}
	switch {
	case j.Cut && x.crowd > all:
		j.Why = fmt.Sprintf("not joined through %s, whose provider served %d names in all: that many unrelated ones share it", j.Value, x.crowd)
	case !x.in:
		j.Why = fmt.Sprintf("%s had %d of them (%s)", j.Value, all, j.Relation)
	case j.Cut:
		j.Why = fmt.Sprintf("not joined through %s, which %s: that many unrelated ones share it", j.Value, verb(j.Relation, all))
	case sharers < all:
		j.Why = fmt.Sprintf("joined through %s, which %s, %d at that time", j.Value, verb(j.Relation, all), x.sharers)
	default:
		j.Why = fmt.Sprintf("joined through %s, which %s", j.Value, verb(j.Relation, all))
	}
	return j
}

// Reached is a node that a pivot came to.
type Reached struct {
	intel.Node
	Hops int `json:"hops"`
	// LogOdds are of the weakest step on the way: a chain is as strong as that.
	LogOdds float64 `json:"log_odds"`
	Path    []Join  `json:"path"` // what it was reached through, from the start
}

// PivotLimits bound a pivot. Zero values take the defaults: 2 hops, 1,000 nodes.
type PivotLimits struct {
	Hops, Nodes int
}

// maxCut bounds the hubs that a pivot names.
const maxCut = 50

// Pivot walks from a node over what it shares, nearest and likeliest first. A
// hop goes from one thing to another of the same sort (name, address, name), or
// to a thing where the walk ends. cut lists the hubs that it did not go through.
// The error is that the node is unknown.
func (g *Graph) Pivot(from intel.Node, lim PivotLimits) (reached []Reached, cut []Join, err error) {
	start, ok := g.index[from]
	if !ok {
		return nil, nil, fmt.Errorf("%s is not in the graph", from)
	}
	if lim.Hops == 0 {
		lim.Hops = 2
	}
	if lim.Nodes == 0 {
		lim.Nodes = 1000
	}
	seen := map[int32]bool{start: true}
	type stop struct {
		node int32
		r    Reached
	}
	frontier := []stop{{start, Reached{Node: from, LogOdds: 3}}}
	hubs := map[int32]bool{}
	// A hop is two edges: to the thing that is shared and on to who shares it.
	for step := 0; step < 2*lim.Hops && len(frontier) > 0; step++ {
		var next []stop
		for _, s := range frontier {
			groups, hub := g.groups(s.node)
			if hub && !hubs[s.node] && len(cut) < maxCut {
				hubs[s.node] = true
				cut = append(cut, g.hub(s.node))
			}
			for k := range groups {
				x := &groups[k]
				if g.odds(x) < 0 {
					if !hubs[s.node] && len(cut) < maxCut {
						hubs[s.node] = true
						cut = append(cut, g.join(s.node, x))
					}
					continue
				}
				j := g.join(s.node, x)
				for _, m := range x.members {
					if seen[m] {
						continue
					}
					seen[m] = true
					r := Reached{Node: g.nodes[m], Hops: step/2 + 1, LogOdds: min(s.r.LogOdds, j.LogOdds), Path: append(slices.Clip(s.r.Path), j)}
					reached = append(reached, r)
					next = append(next, stop{m, r})
					if len(reached) == lim.Nodes {
						return nearest(reached), cut, nil
					}
				}
			}
		}
		frontier = next
	}
	return nearest(reached), cut, nil
}

func (g *Graph) hub(i int32) Join {
	n := int(g.start[i+1] - g.start[i])
	e := g.at[g.start[i]]
	rel := g.rels[g.edges[e>>1].rel]
	return Join{Node: g.nodes[i], Relation: rel, SharedBy: n, InAll: n, Cut: true, LogOdds: math.Log10(Siblings(rel) / float64(n)),
		Why: fmt.Sprintf("not joined through %s, which %s: that many unrelated ones share it", g.nodes[i].Value, verb(rel, n))}
}

func nearest(r []Reached) []Reached {
	slices.SortStableFunc(r, func(a, b Reached) int {
		return cmp.Or(cmp.Compare(a.Hops, b.Hops), cmp.Compare(b.LogOdds, a.LogOdds), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	})
	return r
}
