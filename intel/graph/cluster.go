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
	owners []int32 // how many owners' names the set of a root has
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
	if a == b {
		return
	}
	if a > b {
		a, b = b, a
	}
	s.parent[b] = a
	s.owners[a] += s.owners[b]
}

func (s *sets) copyOf(node int32) int32 {
	i := int32(len(s.parent))
	s.parent = append(s.parent, i)
	s.node = append(s.node, node)
	s.owners = append(s.owners, 0)
	return i
}

// Clusters returns what probably has one operator, largest first, and what was
// cut, most shared first. A cluster has names of two owners at least, or three
// names of one.
func (g *Graph) Clusters() (clusters []Cluster, hubs []Join) {
	s := &sets{}
	for i := range g.nodes {
		s.copyOf(int32(i))
	}
	things := g.things(s)
	g.weigh(things)
	m := g.merge(things, s)
	members := map[int32][]int32{}
	for i := range s.parent {
		r := s.find(int32(i))
		members[r] = append(members[r], s.node[i])
	}
	joins := map[int32][]Join{}
	for i := range things {
		switch t := &things[i]; {
		case len(t.roots) > 1 && t.cut == "":
			r := s.find(t.element)
			joins[r] = append(joins[r], g.joinOf(t))
		case len(t.roots) > 1:
			hubs = append(hubs, g.joinOf(t))
		case len(t.uses) > 1 && t.cut == "":
			r := s.find(t.element)
			joins[r] = append(joins[r], g.joinOf(t))
		}
	}
	hubs = append(hubs, m.refusedJoins(g)...)
	for r, nodes := range members {
		slices.Sort(nodes)
		if nodes = slices.Compact(nodes); len(joins[r]) > 0 && g.worth(nodes) {
			clusters = append(clusters, g.cluster(nodes, joins[r], m.joined))
		}
	}
	slices.SortFunc(clusters, func(a, b Cluster) int {
		return cmp.Or(len(b.Nodes)-len(a.Nodes), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(hubs, func(a, b Join) int {
		return cmp.Or(b.InAll-a.InAll, cmp.Compare(a.Value, b.Value), cmp.Compare(a.Why, b.Why))
	})
	return clusters, hubs
}

// leastOfOne is how many names of one owner are a cluster: a name and its www are
// none.
const leastOfOne = 3

// worth says whether nodes are more than one owner's name and what it has. Where
// there are no names, two of whatever shares something will do.
func (g *Graph) worth(nodes []int32) bool {
	owners := map[int32]bool{}
	names, others := 0, 0
	for _, n := range nodes {
		switch {
		case rank(g.nodes[n].Kind) <= 1:
			names++
			owners[g.root[n]] = true
		case g.shares(n):
			others++
		}
	}
	if names == 0 {
		return others > 1
	}
	return len(owners) > 1 || names >= leastOfOne
}

// shares says whether the node has a thing, rather than only being one.
func (g *Graph) shares(n int32) bool {
	at := g.at[g.start[n]:g.start[n+1]]
	return len(at) > 0 && at[0]&1 == 0
}

func (g *Graph) cluster(members []int32, joins []Join, joined []bool) Cluster {
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
		c.Communities = g.communities(members, joined)
	}
	return c
}

// communities are found by the method of Louvain (Blondel et al. 2008) on the
// edges that are not cut.
func (g *Graph) communities(members []int32, joined []bool) [][]int {
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
			if x&1 == 1 || !joined[x>>1] || !inside || to == pos[m] {
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

// joinOf is the join of a thing in words.
func (g *Graph) joinOf(t *thing) Join {
	j := Join{Node: g.nodes[t.node], Relation: g.rels[t.rel], SharedBy: len(t.roots), InAll: t.all, LogOdds: max(-maxShown, min(t.odds, maxShown)), Cut: t.cut != ""}
	what := fmt.Sprintf("%s, which %s", j.Value, verb(j.Relation, j.InAll))
	if j.SharedBy < j.InAll {
		what += fmt.Sprintf(", %d at that time", j.SharedBy)
	}
	if j.Cut {
		j.Why = "not joined through " + what + ": " + t.cut
		return j
	}
	j.Why = "joined through " + what
	if t.agree > 0 {
		j.Why += fmt.Sprintf("; %d of them share other things too", t.agree)
	}
	return j
}

// maxShown bounds the odds that are shown.
const maxShown = 3

// reason says in words what speaks against a thing.
func (g *Graph) reason(t *thing) string {
	crowd := g.crowdOf(t)
	switch {
	case len(t.roots) > maxLook || t.prior < 0 && crowd <= t.all && t.pool <= len(t.roots):
		return "that many unrelated ones share it"
	case t.prior < 0 && crowd > t.all:
		return fmt.Sprintf("its provider served %d names in all, and that many unrelated ones share it", crowd)
	case t.prior < 0:
		return fmt.Sprintf("it is one of a pool that %d share", t.pool)
	case t.differ > 0:
		return fmt.Sprintf("%d of them share other things, with others", t.differ)
	case t.close >= 0 && t.close < len(t.roots)-1:
		return "they came there at different times and share nothing else"
	}
	return "they share nothing else, which those of one operator mostly do here"
}
