package graph

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"foregate/intel"
)

// use is that a node has a thing at a time.
type use struct {
	edge, node, root int32
	first, last      int32 // days since 1970; 0 unknown
}

// thing is what several share at one time, and what is thought of it.
type thing struct {
	node    int32
	element int32 // of the union-find
	rel     uint8
	uses    []use
	roots   []int32 // of different owners, ascending
	all     int     // owners over all time
	hands   int     // how often it changed hands: runs of uses
	peak    int     // owners in the largest of these
	pool    int     // owners of the pool that it belongs to; at least len(roots)
	prior   float64 // log10 odds by the number of sharers alone
	odds    float64 // with what else is known
	agree   int     // sharers that share something of another kind with another sharer
	differ  int     // sharers that share other things, with others only
	close   int     // sharers whose use began near the median
	status  []uint8 // of each root
	cut     string  // why it joins nothing; empty when it may
}

// The standings of a sharer of a thing.
const (
	lone    = iota // shares nothing else
	agrees         // is of the largest group of sharers that other kinds of things tie
	grouped        // is of another such group
	differs        // shares other things, with others only
	standings
)

// The bounds and constants of weighing.
const (
	// assumed is for how many days a use lasts of which only the beginning or the
	// end is known.
	assumed = 180
	// near is how far apart in days the names of one campaign are put to use.
	near = 180
	// rounds is how often things are weighed: what is cut in one round supports
	// nothing in the next, and what sharers of owned and of public things have in
	// common is counted anew.
	rounds = 6
	// witnesses is how many sharers count as independent ones: those of one thing
	// often have one cause.
	witnesses = 5
	// poolShare is the part of the larger one's sharers that two things of one
	// kind have in common from which on they are taken for one pool.
	poolShare = 0.1
	// lift is how many times as many as by chance must share two things for the
	// one to support the other.
	lift = 2
	// manyHands is how many runs of uses a thing has at most that one operator after
	// the other may have had for itself.
	manyHands = 3
	// settled is by how much odds move at most when weighing is over.
	settled = 0.01
	// hub is the prior below which nothing else is asked: thirty times as many
	// strangers as siblings.
	hub = -1.5
	// rare is the prior from which on a thing is rare.
	rare = 0.5
	// maxStanding and maxClose bound what one sharer's standing and time count for.
	// Neither is independent of the others'.
	maxStanding, maxAgainst, maxDiffer, maxLone, maxClose = 0.5, 0.35, 0.25, 0.15, 0.12
)

// spread is the chance that two uses picked from the graph begin near each other.
func (g *Graph) spread() float64 {
	var firsts []int32
	step := max(1, len(g.edges)/20_000)
	for i := 0; i < len(g.edges); i += step {
		if f := g.edges[i].first; f != 0 {
			firsts = append(firsts, int32(f))
		}
	}
	if len(firsts) < 2 {
		return 1
	}
	slices.Sort(firsts)
	within, lo, hi := 0, 0, 0
	for _, f := range firsts {
		for lo < len(firsts) && firsts[lo] < f-near {
			lo++
		}
		for hi < len(firsts) && firsts[hi] <= f+near {
			hi++
		}
		within += hi - lo - 1
	}
	return float64(within) / float64(len(firsts)) / float64(len(firsts)-1)
}

// times gives a use its interval: what is known of one end only lasts as assumed.
func times(e edge) (first, last int32) {
	first, last = int32(e.first), int32(e.last)
	switch {
	case first == 0 && last != 0:
		first = max(1, last-assumed)
	case first != 0 && last == 0:
		last = first + assumed
	}
	return first, last
}

// things lists what is pointed at, by relation and time.
func (g *Graph) things(s *sets) []thing {
	var out []thing
	byRel := map[uint8][]use{}
	var rels []uint8
	for i := range g.nodes {
		clear(byRel)
		rels = rels[:0]
		for _, x := range g.at[g.start[i]:g.start[i+1]] {
			if x&1 == 0 {
				continue
			}
			e := g.edges[x>>1]
			u := use{edge: x >> 1, node: e.from, root: g.root[e.from]}
			u.first, u.last = times(e)
			if _, ok := byRel[e.rel]; !ok {
				rels = append(rels, e.rel)
			}
			byRel[e.rel] = append(byRel[e.rel], u)
		}
		used := false
		for _, rel := range rels {
			all := len(distinct(byRel[rel]))
			times := runs(byRel[rel])
			peak := 0
			for _, run := range times {
				peak = max(peak, len(distinct(run)))
			}
			for _, run := range times {
				t := thing{hands: len(times), peak: peak, node: int32(i), element: int32(i), rel: rel, uses: run, roots: distinct(run), all: all}
				if used { // the first use is the node itself, further ones are copies
					t.element = s.copyOf(int32(i))
				}
				used = true
				out = append(out, t)
			}
		}
	}
	return out
}

func distinct(uses []use) []int32 {
	roots := make([]int32, 0, len(uses))
	for _, u := range uses {
		roots = append(roots, u.root)
	}
	slices.Sort(roots)
	return slices.Compact(roots)
}

// runs divides the uses of a thing where nobody has it for longer than slack. Uses
// without time go with the others when these are one run, and else are one of
// their own: nobody knows with which they belong.
func runs(uses []use) [][]use {
	var timeless, dated []use
	for _, u := range uses {
		if u.first == 0 {
			timeless = append(timeless, u)
		} else {
			dated = append(dated, u)
		}
	}
	slices.SortFunc(dated, func(a, b use) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.node, b.node), cmp.Compare(a.last, b.last))
	})
	slices.SortFunc(timeless, func(a, b use) int { return cmp.Compare(a.node, b.node) })
	var out [][]use
	begin, end := 0, int32(0)
	for i, u := range dated {
		if i > begin && u.first > end+slack {
			out = append(out, dated[begin:i])
			begin, end = i, 0
		}
		end = max(end, u.last)
	}
	if begin < len(dated) {
		out = append(out, dated[begin:])
	}
	switch {
	case len(timeless) == 0:
	case len(out) == 1:
		out[0] = slices.Concat(out[0], timeless)
	default:
		out = append(out, timeless)
	}
	return out
}

// weighing is the work of weighing all things of a graph.
type weighing struct {
	g      *Graph
	things []thing
	of     [][]int32 // the things that an owner shares with others, by number of the owner
	// For the thing at hand, by number of another thing: how many sharers have that
	// one too, and the first of them. stamp says for which thing they were counted.
	common, first, stamp []int32
	now                  int32
}

// weigh asks of each thing how many share it, whether they began at one time, and
// what else they share. An address that hosts the names of strangers is told from
// one that an operator keeps for itself by that, where the number of names is the
// same.
func (g *Graph) weigh(things []thing) {
	w := &weighing{g: g, things: things, common: make([]int32, len(things)), first: make([]int32, len(things)), stamp: make([]int32, len(things))}
	w.number()
	spread := g.spread()
	for i := range things {
		t := &things[i]
		t.pool = len(t.roots)
		if len(t.roots) > 1 {
			w.pool(int32(i))
			t.status = make([]uint8, len(t.roots))
			t.close = t.near()
		}
		t.prior = g.alone(t)
		t.odds = t.prior
	}
	know := beginning(spread)
	for round := range rounds {
		for i := range things {
			if t := &things[i]; t.open() || round == 0 && len(t.roots) > 1 {
				w.standing(int32(i))
			}
		}
		moved := 0.0
		for i := range things {
			if t := &things[i]; t.open() {
				support := know.support(t)
				if g.public(t) {
					support = min(0, support)
				}
				odds := t.prior + support
				moved = max(moved, math.Abs(odds-t.odds))
				t.odds = odds
			}
		}
		know = learn(things, spread)
		if moved < settled {
			break
		}
	}
}

// open says whether anything but the number of its sharers can decide on a thing.
// What is not open is still looked at once, to learn what strangers show.
func (t *thing) open() bool { return len(t.roots) > 1 && t.prior >= hub }

// number gives the owners numbers from 0 and lists what each shares.
func (w *weighing) number() {
	numbers := map[int32]int32{}
	for i := range w.things {
		t := &w.things[i]
		if len(t.roots) < 2 {
			continue
		}
		for k, r := range t.roots {
			n, ok := numbers[r]
			if !ok {
				n = int32(len(w.of))
				numbers[r] = n
				w.of = append(w.of, nil)
			}
			t.roots[k] = n
			w.of[n] = append(w.of[n], int32(i))
		}
		slices.Sort(t.roots)
	}
}

// shared are the things of an owner, not more than are looked at.
func (w *weighing) shared(owner int32) []int32 {
	return w.of[owner][:min(len(w.of[owner]), maxHoldings)]
}

// count adds a sharer of the thing at hand to those that have another one.
func (w *weighing) count(other, sharer int32) {
	if w.stamp[other] != w.now {
		w.stamp[other], w.common[other], w.first[other] = w.now, 0, sharer
	}
	w.common[other]++
}

// alone are the odds of a thing by the number of those who share it alone: of r
// siblings for k − 1 others. One that others had at other times is sooner a shared
// one of which little was seen, so that k − 1 is the geometric mean of those at
// that time and of all. What changed hands often, or was shared by many once, is let
// to whoever comes, and all count. What one has for itself has no odds, unless others had it.
func (g *Graph) alone(t *thing) float64 {
	if private(g.nodes[t.node]) {
		return math.Log10(Siblings(Broad) / 2)
	}
	now, ever := float64(max(t.pool, g.crowdOf(t), len(t.roots))-1), float64(t.all-1)
	if ever <= 0 {
		return math.Inf(1)
	}
	now, ever = max(1, now), max(now, ever)
	if g.public(t) {
		now = ever
	}
	return math.Log10(Siblings(g.rels[t.rel]) / math.Sqrt(now*ever))
}

// public says whether a thing is let to whoever comes: it changed hands often, or
// far more had it at another time than any operator has siblings. Those who have it
// at one time are near each other in time by that alone, so nothing speaks for it.
func (g *Graph) public(t *thing) bool {
	return t.hands > manyHands || 2*len(t.roots) < t.peak && float64(t.peak-1) > Siblings(g.rels[t.rel])
}

// private says whether a registrant is a service that hides registrants, or what
// registries print in place of one: known to be shared by very many outside of the
// graph too.
func private(n intel.Node) bool {
	if n.Kind != intel.Registrant && n.Kind != intel.Email && !strings.Contains(string(n.Kind), "registrant") {
		return false
	}
	v := strings.ToLower(n.Value)
	for _, word := range []string{"privacy", "proxy", "whoisguard", "redacted", "withheld", "gdpr", "anonymize", "not disclosed", "identity protect", "perfectprivacy", "contactprivacy", "statutory masking"} {
		if strings.Contains(v, word) {
			return true
		}
	}
	return false
}

// crowdOf is how many names a provider of name servers has in all.
func (g *Graph) crowdOf(t *thing) int {
	if g.rels[t.rel] == intel.UsesNS {
		return g.crowd[t.node]
	}
	return 0
}

// pool finds the things of one kind that the same ones share, such as the addresses
// of a delivery network: how many share one of them is how many share the pool.
func (w *weighing) pool(i int32) {
	t := &w.things[i]
	if len(t.roots) > maxLook {
		return
	}
	w.now++
	var others []int32
	for k, r := range t.roots {
		for _, u := range w.shared(r) {
			if x := &w.things[u]; x.node != t.node && x.rel == t.rel {
				if w.count(u, int32(k)); w.common[u] == 2 {
					others = append(others, u)
				}
			}
		}
	}
	all := slices.Clone(t.roots)
	for _, u := range others {
		if x := &w.things[u]; float64(w.common[u]) >= poolShare*float64(max(len(t.roots), len(x.roots))) {
			all = append(all, x.roots...)
		}
	}
	slices.Sort(all)
	t.pool = len(slices.Compact(all))
}

// maxHoldings bounds how many things of one owner are looked at for each other.
const maxHoldings = 500

// near counts the owners, the middle one apart, whose use began near the
// middle one's; −1 when times are not known.
func (t *thing) near() int {
	var firsts []int32
	last := int32(math.MinInt32)
	for _, u := range slices.SortedFunc(slices.Values(t.uses), func(a, b use) int { return cmp.Or(cmp.Compare(a.root, b.root), cmp.Compare(a.first, b.first)) }) {
		if u.first != 0 && u.root != last {
			firsts = append(firsts, u.first)
			last = u.root
		}
	}
	if len(firsts) < 2 || len(firsts) < len(t.roots) {
		return -1
	}
	slices.Sort(firsts)
	middle, n := firsts[len(firsts)/2], -1
	for _, f := range firsts {
		if f >= middle-near && f <= middle+near {
			n++
		}
	}
	return n
}

// standing fills in how the sharers of a thing stand to each other elsewhere.
// Things of the same kind are left out of it: more of one pool says nothing.
func (w *weighing) standing(i int32) {
	t := &w.things[i]
	w.now++
	elsewhere := make([]bool, len(t.roots))
	for k, r := range t.roots {
		for _, u := range w.shared(r) {
			switch x := &w.things[u]; {
			case x.odds < 0 || x.node == t.node:
			case x.rel == t.rel:
				elsewhere[k] = elsewhere[k] || !meet(x.roots, t.roots, r)
			default:
				w.count(u, int32(k))
			}
		}
	}
	parent := make([]int32, len(t.roots)) // groups of sharers, by what else they share
	for k := range parent {
		parent[k] = int32(k)
	}
	find := func(k int32) int32 {
		for parent[k] != k {
			parent[k] = parent[parent[k]]
			k = parent[k]
		}
		return k
	}
	for k, r := range t.roots {
		for _, u := range w.shared(r) {
			switch {
			case w.stamp[u] != w.now:
			case w.common[u] == 1:
				elsewhere[k] = true
			case w.g.supports(t, &w.things[u], int(w.common[u])):
				parent[find(int32(k))] = find(w.first[u])
			}
		}
	}
	size := make([]int, len(t.roots))
	largest := 0
	for k := range t.roots {
		f := find(int32(k))
		size[f]++
		largest = max(largest, size[f])
	}
	main := int32(-1)
	for k := range t.roots {
		if f := find(int32(k)); size[f] == largest && largest > 1 && main < 0 {
			main = f
		}
	}
	t.agree, t.differ = 0, 0
	for k := range t.roots {
		f := find(int32(k))
		switch {
		case f == main:
			t.status[k] = agrees
			t.agree++
		case size[f] > 1:
			t.status[k] = grouped
		case elsewhere[k]:
			t.status[k] = differs
			t.differ++
		default:
			t.status[k] = lone
		}
	}
}

// supports says whether sharing the other thing, as common sharers of both do, is
// a further reason to think that one operator has this one. It is not when so many
// would share both by chance, nor when one provider comes with both and the other
// is not rare either.
func (g *Graph) supports(t, other *thing, common int) bool {
	if float64(common)*float64(g.owners) < lift*float64(len(t.roots))*float64(len(other.roots)) {
		return false
	}
	return !hosting(g.rels[t.rel]) || !hosting(g.rels[other.rel]) || other.prior >= rare
}

// hosting are the relations to what comes from a hosting provider.
func hosting(r intel.Relation) bool {
	return r == intel.ResolvesTo || r == intel.UsesNS || r == Broad
}

// meet says whether two ascending lists have something in common besides but.
func meet(a, b []int32, but int32) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); ok && x != but {
			return true
		}
	}
	return false
}
