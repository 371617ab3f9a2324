package graph

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/graph/community"
	"gonum.org/v1/gonum/graph/simple"

	"foregate/intel"
)

// Cluster is a set of things that probably have one operator.
type Cluster struct {
	ID       string       `json:"id"` // of the least node, so that it is stable
	Nodes    []intel.Node `json:"nodes"`
	JoinedBy []Join       `json:"joined_by"` // strongest first
	// Communities are the denser parts of a large cluster, as indices of Nodes;
	// none when it is small or of one piece.
	Communities [][]int `json:"communities,omitempty"`
}

// minCommunity is from how many nodes on a cluster is searched for denser parts;
// maxCommunity bounds the search, which takes time in the square of it at worst.
const (
	minCommunity = 30
	maxCommunity = 20_000
)

// sets is a union-find over the nodes and over further uses of one node at
// other times.
type sets struct {
	parent []int32
	node   []int32 // the node of each element
}

func (s *sets) find(i int32) int32 {
	for s.parent[i] != i {
		s.parent[i] = s.parent[s.parent[i]]
		i = s.parent[i]
	}
	return i
}

func (s *sets) union(a, b int32) {
	a, b = s.find(a), s.find(b)
	if a > b {
		a, b = b, a
	}
	s.parent[b] = a
}

func (s *sets) copyOf(node int32) int32 {
	i := int32(len(s.parent))
	s.parent = append(s.parent, i)
	s.node = append(s.node, node)
	return i
}

// Clusters returns the connected components of two nodes or more after hubs are
// cut, largest first, and the hubs, most shared first.
func (g *Graph) Clusters() (clusters []Cluster, hubs []Join) {
	good, at, s, hubs := g.evaluate()
	type use struct {
		element int32
		group   group
	}
	var uses []use
	for i := range g.nodes {
		groups, hub := g.groups(int32(i))
		if hub {
			continue
		}
		for k := range groups {
			x := groups[k]
			if !x.in || g.odds(&x) < 0 {
				continue
			}
			uses = append(uses, use{at[groupKey(int32(i), k)], x})
			for _, e := range x.edges {
				if good[e] == 2 { // neither end cuts it
					s.union(g.edges[e].from, at[groupKey(int32(i), k)])
				}
			}
		}
	}
	members := map[int32][]int32{}
	for i := range s.parent {
		r := s.find(int32(i))
		members[r] = append(members[r], s.node[i])
	}
	joins := map[int32][]Join{}
	for _, u := range uses {
		if len(u.group.members) > 1 {
			r := s.find(u.element)
			joins[r] = append(joins[r], g.join(s.node[u.element], &u.group))
		}
	}
	for r, m := range members {
		slices.Sort(m)
		if m = slices.Compact(m); len(m) > 1 {
			clusters = append(clusters, g.cluster(m, joins[r], good))
		}
	}
	slices.SortFunc(clusters, func(a, b Cluster) int {
		return cmp.Or(len(b.Nodes)-len(a.Nodes), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(hubs, func(a, b Join) int { return cmp.Or(b.InAll-a.InAll, cmp.Compare(a.Value, b.Value)) })
	return clusters, hubs
}

func groupKey(node int32, k int) int64 { return int64(node)<<16 | int64(k) }

// evaluate decides of each edge at how many of its two ends it is not cut, and
// gives each time group of a node its own element.
func (g *Graph) evaluate() (good []uint8, at map[int64]int32, s *sets, hubs []Join) {
	s = &sets{}
	for i := range g.nodes {
		s.copyOf(int32(i))
	}
	good = make([]uint8, len(g.edges))
	at = map[int64]int32{}
	for i := range g.nodes {
		groups, hub := g.groups(int32(i))
		if hub {
			hubs = append(hubs, g.hub(int32(i)))
			continue
		}
		used := false
		for k := range groups {
			x := &groups[k]
			if g.odds(x) < 0 {
				hubs = append(hubs, g.join(int32(i), x))
				continue
			}
			if x.in {
				// The first use is the node itself, further ones are copies.
				at[groupKey(int32(i), k)] = int32(i)
				if used {
					at[groupKey(int32(i), k)] = s.copyOf(int32(i))
				}
				used = true
			}
			for _, e := range x.edges {
				// An edge without time stands in every group but counts once.
				bit := uint8(1)
				if x.in {
					bit = 2
				}
				good[e] |= bit
			}
		}
	}
	for i, b := range good {
		good[i] = b>>1 + b&1
	}
	return good, at, s, hubs
}

func (g *Graph) cluster(members []int32, joins []Join, good []uint8) Cluster {
	slices.SortFunc(members, func(a, b int32) int {
		x, y := g.nodes[a], g.nodes[b]
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Value, y.Value))
	})
	c := Cluster{JoinedBy: joins}
	for _, m := range members {
		c.Nodes = append(c.Nodes, g.nodes[m])
	}
	c.ID = fmt.Sprintf("cluster-%016x", c.Nodes[0].Key())
	slices.SortFunc(c.JoinedBy, func(a, b Join) int {
		return cmp.Or(cmp.Compare(b.LogOdds, a.LogOdds), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Why, b.Why))
	})
	c.JoinedBy = slices.CompactFunc(c.JoinedBy, func(a, b Join) bool { return a.Why == b.Why })
	if len(members) >= minCommunity && len(members) <= maxCommunity {
		c.Communities = g.communities(members, good)
	}
	return c
}

// communities are found by the method of Louvain (Blondel et al. 2008) on the
// edges that are not cut.
func (g *Graph) communities(members []int32, good []uint8) [][]int {
	pos := make(map[int32]int64, len(members))
	wg := simple.NewWeightedUndirectedGraph(0, 0)
	for i, m := range members {
		pos[m] = int64(i)
		wg.AddNode(simple.Node(i))
	}
	for _, m := range members {
		for _, x := range g.at[g.start[m]:g.start[m+1]] {
			e := g.edges[x>>1]
			to, inside := pos[e.to]
			if x&1 == 1 || good[x>>1] < 2 || !inside || to == pos[m] {
				continue
			}
			// What few share binds more than what many do.
			w := 1 / float64(1+g.start[e.to+1]-g.start[e.to])
			wg.SetWeightedEdge(wg.NewWeightedEdge(simple.Node(pos[m]), simple.Node(to), w))
		}
	}
	var out [][]int
	for _, c := range community.Modularize(wg, 1, rand.NewPCG(1, 2)).Communities() {
		var ids []int
		for _, n := range c {
			ids = append(ids, int(n.ID()))
		}
		slices.Sort(ids)
		out = append(out, ids)
	}
	if len(out) < 2 {
		return nil
	}
	slices.SortFunc(out, func(a, b []int) int { return a[0] - b[0] })
	return out
}
