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

// thing is what several share at one time, and whether it joins them.
type thing struct {
	node    int32
	element int32 // of the union-find
	group   group
	sharers []int32 // of members with different registrable domains, one each
	odds    float64 // log10, corroboration and contradiction included
	agree   int     // sharers that share something else with another sharer
	differ  int     // sharers that share something else with others, and with none here
}

// Clusters returns the connected components of two nodes or more after what joins
// nothing is cut, largest first, and what was cut, most shared first.
func (g *Graph) Clusters() (clusters []Cluster, hubs []Join) {
	s := &sets{}
	for i := range g.nodes {
		s.copyOf(int32(i))
	}
	things, good, hubs := g.things(s)
	g.weigh(things)
	joined := make([]bool, len(g.edges))
	for i := range things {
		t := &things[i]
		if t.odds < 0 {
			hubs = append(hubs, g.joinOf(t))
			continue
		}
		for _, e := range t.group.edges {
			if good[e] { // nor is the name served by a delivery network
				s.union(g.edges[e].from, t.element)
				joined[e] = true
			}
		}
	}
	members := map[int32][]int32{}
	for i := range s.parent {
		r := s.find(int32(i))
		members[r] = append(members[r], s.node[i])
	}
	joins := map[int32][]Join{}
	for i := range things {
		if t := &things[i]; t.odds >= 0 && len(t.group.members) > 1 {
			r := s.find(t.element)
			joins[r] = append(joins[r], g.joinOf(t))
		}
	}
	for r, m := range members {
		slices.Sort(m)
		if m = slices.Compact(m); len(m) > 1 {
			clusters = append(clusters, g.cluster(m, joins[r], joined))
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

// things lists what is shared and not cut by its number of sharers alone, and
// says of each edge whether its name's side is not cut either.
func (g *Graph) things(s *sets) (things []thing, good []bool, hubs []Join) {
	good = make([]bool, len(g.edges))
	for i := range g.nodes {
		groups, hub := g.groups(int32(i))
		if hub {
			hubs = append(hubs, g.hub(int32(i)))
			continue
		}
		used := false
		for k := range groups {
			x := &groups[k]
			odds := g.odds(x)
			switch {
			case odds < 0:
				hubs = append(hubs, g.join(int32(i), x))
			case !x.in:
				for _, e := range x.edges {
					good[e] = true
				}
			default:
				t := thing{node: int32(i), element: int32(i), group: *x, odds: odds}
				if used { // the first use is the node itself, further ones are copies
					t.element = s.copyOf(int32(i))
				}
				used = true
				t.sharers = g.one(x.members)
				things = append(things, t)
			}
		}
	}
	return things, good, hubs
}

// one keeps one member of each registrable domain.
func (g *Graph) one(members []int32) []int32 {
	if len(members) == 1 {
		return members
	}
	out := slices.Clone(members)
	slices.SortFunc(out, func(a, b int32) int { return cmp.Or(cmp.Compare(g.root[a], g.root[b]), cmp.Compare(a, b)) })
	return slices.CompactFunc(out, func(a, b int32) bool { return g.root[a] == g.root[b] })
}

// The weights of what else sharers share, in bans, and how many count at most.
// They are set by hand and tried on planted campaigns (TestPlanted): a second
// thing shared is seldom chance; a name whose relatives are elsewhere is a guest.
const (
	agreement    = 0.4
	disagreement = 0.6
	maxAgree     = 4
	maxDiffer    = 6
)

// rounds is how often the things are weighed: what is cut in one round supports
// nothing in the next.
const rounds = 3

// weigh asks of each thing what else its sharers share. An address that hosts the
// names of strangers is told from one that an operator keeps for itself by that,
// where the number of names is the same.
func (g *Graph) weigh(things []thing) {
	of := make(map[int32][]int32) // things by the root of a sharer
	for i := range things {
		if len(things[i].sharers) > 1 {
			for _, m := range things[i].sharers {
				of[g.root[m]] = append(of[g.root[m]], int32(i))
			}
		}
	}
	here := map[int32]bool{}
	for range rounds {
		next := make([]float64, len(things))
		for i := range things {
			t := &things[i]
			next[i] = t.odds
			if len(t.sharers) < 2 {
				continue
			}
			clear(here)
			for _, m := range t.sharers {
				here[g.root[m]] = true
			}
			t.agree, t.differ = 0, 0
			for _, m := range t.sharers {
				switch agrees, other := g.elsewhere(things, of[g.root[m]], int32(i), g.root[m], here); {
				case agrees:
					t.agree++
				case other:
					t.differ++
				}
			}
			next[i] = g.odds(&t.group) + agreement*float64(min(t.agree, maxAgree)) - disagreement*float64(min(t.differ, maxDiffer))
		}
		for i := range things {
			things[i].odds = next[i]
		}
	}
}

// elsewhere says whether a sharer of one thing shares another one with somebody
// who is here as well, or with others only.
func (g *Graph) elsewhere(things []thing, of []int32, but, self int32, here map[int32]bool) (agrees, other bool) {
	for _, u := range of {
		if u == but || things[u].odds < 0 || things[u].node == things[but].node {
			continue
		}
		for _, m := range things[u].sharers {
			if r := g.root[m]; r != self {
				if here[r] {
					return true, true
				}
				other = true
			}
		}
	}
	return false, other
}

// joinOf is the join of a thing, with what else its sharers share in its words.
func (g *Graph) joinOf(t *thing) Join {
	j := g.join(t.node, &t.group)
	if len(t.group.members) < 2 {
		return j
	}
	j.LogOdds, j.Cut = min(t.odds, 3), t.odds < 0
	switch {
	case j.Cut:
		j.Why = fmt.Sprintf("not joined through %s, which %s: %d of them share other things, with others", j.Value, verb(j.Relation, j.InAll), t.differ)
	case t.agree > 0:
		j.Why += fmt.Sprintf("; %d of them share other things too", t.agree)
	}
	return j
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
