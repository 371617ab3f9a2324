package graph

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// merging is the work of joining what things tie together.
type merging struct {
	things  []thing
	s       *sets
	joined  []bool // by edge
	refused []bridge
}

// bridge is a thing that ties two groups together which nothing else does.
type bridge struct {
	thing int32
	a, b  int32 // an element of either side
	odds  float64
}

// caution is what each tenfold size of the smaller of two groups takes off the
// odds of a single tie between them: the more names there are on both sides, the
// more often chance makes one.
const caution = 0.5

// merge joins the sharers of things, surest things first. What a thing ties
// together is either names that nothing is known of, or groups which other things
// have made; two groups need more than one weak tie.
func (g *Graph) merge(things []thing, s *sets) *merging {
	m := &merging{things: things, s: s, joined: make([]bool, len(g.edges))}
	seen := map[int32]bool{}
	for i, n := range g.nodes {
		if r := g.root[i]; rank(n.Kind) <= 1 && !seen[r] {
			seen[r] = true
			s.owners[i] = 1
		}
	}
	g.cutAway(things)
	order := make([]int32, 0, len(things))
	for i := range things {
		if things[i].cut == "" {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		x, y := &things[a], &things[b]
		return cmp.Or(cmp.Compare(y.odds, x.odds), cmp.Compare(len(x.roots), len(y.roots)), g.compare(x.node, y.node))
	})
	for _, i := range order {
		m.join(g, i)
	}
	for m.retry(g) {
	}
	return m
}

func (g *Graph) compare(a, b int32) int {
	x, y := g.nodes[a], g.nodes[b]
	return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Value, y.Value), cmp.Compare(a, b))
}

// cutAway says of each thing whether it joins nothing, and why.
func (g *Graph) cutAway(things []thing) {
	fan := map[[2]int32]int{} // things of one kind by owner of one
	for i := range things {
		for _, u := range things[i].uses {
			fan[[2]int32{u.node, int32(things[i].rel)}]++
		}
	}
	for i := range things {
		t := &things[i]
		if t.odds < 0 || len(t.uses) > maxLook {
			t.cut = g.reason(t)
			continue
		}
		t.uses = slices.DeleteFunc(slices.Clone(t.uses), func(u use) bool { return fan[[2]int32{u.node, int32(t.rel)}] > fanOut })
	}
}

// join ties the sharers of a thing together where the odds bear it.
func (m *merging) join(g *Graph, i int32) {
	t := &m.things[i]
	if len(t.uses) == 0 {
		return
	}
	sides := map[int32][]use{}
	for _, u := range t.uses {
		r := m.s.find(u.node)
		sides[r] = append(sides[r], u)
	}
	anchor, best := int32(-1), 0
	for r, us := range sides {
		n := len(us)
		if n > best || n == best && (m.s.owners[r] > m.s.owners[anchor] || m.s.owners[r] == m.s.owners[anchor] && g.compare(us[0].node, sides[anchor][0].node) < 0) {
			anchor, best = r, n
		}
	}
	order := make([]int32, 0, len(sides))
	for r := range sides {
		if r != anchor {
			order = append(order, r)
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(len(sides[b])-len(sides[a]), g.compare(sides[a][0].node, sides[b][0].node))
	})
	m.tie(sides[anchor], t.element)
	for _, r := range order {
		us := sides[r]
		a, b := m.s.find(t.element), m.s.find(us[0].node)
		if a != b && t.odds < m.doubt(g, t, a, b) {
			m.refused = append(m.refused, bridge{thing: i, a: t.element, b: us[0].node, odds: t.odds})
			continue
		}
		m.tie(us, t.element)
	}
}

// doubt is how strong a tie between two sets must be. What a provider gives out
// ties strangers by chance as often as there are pairs of names.
func (m *merging) doubt(g *Graph, t *thing, a, b int32) float64 {
	d := caution * math.Log10(float64(max(1, min(m.s.owners[a], m.s.owners[b]))))
	if hosting(g.rels[t.rel]) {
		d *= 3
	}
	return d
}

func (m *merging) tie(us []use, element int32) {
	for _, u := range us {
		m.s.union(u.node, element)
		m.joined[u.edge] = true
	}
}

// retry asks of groups that several things tie together whether these will do as
// one; it says whether it joined anything.
func (m *merging) retry(g *Graph) (done bool) {
	type pair struct{ a, b int32 }
	sums := map[pair]float64{}
	count := map[pair]map[int32]bool{}
	key := func(x bridge) pair {
		a, b := m.s.find(x.a), m.s.find(x.b)
		return pair{min(a, b), max(a, b)}
	}
	m.refused = slices.DeleteFunc(m.refused, func(x bridge) bool { p := key(x); return p.a == p.b })
	for _, x := range m.refused {
		p := key(x)
		if count[p] == nil {
			count[p] = map[int32]bool{}
		}
		if node := m.things[x.thing].node; !count[p][node] {
			count[p][node] = true
			sums[p] += x.odds + caution*math.Log10(float64(min(m.s.owners[p.a], m.s.owners[p.b]))) - m.doubt(g, &m.things[x.thing], p.a, p.b) + 0.5
		}
	}
	for _, x := range m.refused {
		p := key(x)
		if p.a == p.b || sums[p] == 0 {
			continue
		}
		if len(count[p]) > 1 && sums[p] >= caution*math.Log10(float64(min(m.s.owners[p.a], m.s.owners[p.b]))) {
			m.s.union(p.a, p.b)
			done = true
		}
	}
	return done
}

// refusedJoins are the ties that were not strong enough, in words.
func (m *merging) refusedJoins(g *Graph) []Join {
	var out []Join
	for _, x := range m.refused {
		t := m.things[x.thing]
		a, b := m.s.owners[m.s.find(x.a)], m.s.owners[m.s.find(x.b)]
		t.cut = fmt.Sprintf("it is all that ties a group of %d names to one of %d", max(a, b), min(a, b))
		out = append(out, g.joinOf(&t))
	}
	return out
}
