// Package graph connects observables by what they share and says how little or
// how much that means: it pivots from a node to its neighbours and finds
// clusters, and explains each join.
//
// Two names that share an address have one operator with odds of
//
//	r / (k − 1)
//
// where k is how many names share it in all and r how many siblings on average
// share such a thing with a name of one operator. It follows from Bayes: the
// prior odds that two of N names have one operator are s/N for operators with s
// names; the likelihood ratio of sharing is p / ((k−1)/N), p being the chance
// that a sibling shares it; N cancels and r is s·p. So an address with four
// names joins them, and one with four thousand joins nothing: it is a hub and is
// cut. What is shared at different times is not shared.
//
// Clusters ask more than that number: whether the sharers began at one time, and
// whether other kinds of things tie them to each other (see learned). How often
// that is so for things of one operator and for things of strangers is counted on
// the graph itself, in turns with what is thought of each thing (expectation and
// maximisation, as in record linkage by Fellegi and Sunter 1969). Then things join
// what shares them, surest first, and groups need more than one weak tie.
package graph

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"foregate/domain"
	"foregate/intel"
)

// Siblings is r for a relation: from how many sharers on a join is less likely
// than not. They are set by hand: a certificate is made for one operator, an
// address is often rented alone, name servers seldom are.
func Siblings(r intel.Relation) float64 {
	switch r {
	case intel.UsesCert, intel.RegisteredBy, Serves:
		return 40
	case intel.ResolvesTo:
		return 20
	case intel.UsesNS:
		return 10
	case SentFrom, LinksTo:
		return 20
	case Carries:
		return 100
	case BuiltLike:
		return 50
	case MadeBy, NumberedLike:
		return 3
	case Broad:
		return 0.5
	}
	return 20
}

// The relations of a message to what it shares with others. A file is made for
// one campaign, a template is bought; programs and makes of Message-ID are
// everybody's.
const (
	SentFrom     intel.Relation = "sent-from"
	LinksTo      intel.Relation = "links-to"
	Carries      intel.Relation = "carries"
	BuiltLike    intel.Relation = "built-like"
	MadeBy       intel.Relation = "made-by"
	NumberedLike intel.Relation = "numbered-like"
	// Serves is of a name and the marker of a phishing kit.
	Serves intel.Relation = "serves"
)

// fanOut is r in the other direction: a name that has more addresses than this
// is served by a delivery network.
const fanOut = 100

// slack is how far apart in time two uses of a thing may be and still count as
// together; leases and resolutions are seen with gaps.
const slack = 90 // days

// Builder collects edges. It is not safe for concurrent use.
type Builder struct {
	nodes []intel.Node
	index map[intel.Node]int32
	rels  []intel.Relation
	relID map[intel.Relation]uint8
	edges []edge
	roots map[string]int32
	root  []int32
}

type edge struct {
	from, to    int32
	rel         uint8
	first, last int16 // days since 1970; 0 unknown
}

// NewBuilder makes an empty one with room for this many nodes and edges.
func NewBuilder(nodes, edges int) *Builder {
	return &Builder{
		nodes: make([]intel.Node, 0, nodes), index: make(map[intel.Node]int32, nodes),
		edges: make([]edge, 0, edges), relID: map[intel.Relation]uint8{}, roots: map[string]int32{}, root: make([]int32, 0, nodes),
	}
}

func day(t time.Time) int16 {
	if t.IsZero() {
		return 0
	}
	return int16(max(1, min(math.MaxInt16, t.Unix()/86400)))
}

func (b *Builder) node(n intel.Node) int32 {
	if i, ok := b.index[n]; ok {
		return i
	}
	i := int32(len(b.nodes))
	b.nodes = append(b.nodes, n)
	b.index[n] = i
	b.root = append(b.root, b.rootOf(n, i))
	return i
}

// rootOf numbers the registrable domain of a name below it; everything else is
// its own root. Numbers of domains are negative.
func (b *Builder) rootOf(n intel.Node, i int32) int32 {
	if n.Kind != intel.Domain {
		return i
	}
	root := domain.Split(n.Value).RootDomain
	if root == "" {
		return i
	}
	r, ok := b.roots[root]
	if !ok {
		r = int32(-1 - len(b.roots))
		b.roots[strings.Clone(root)] = r
	}
	return r
}

// Owner says that nodes of one owner count once among the sharers of a thing, as
// host names of one registrable domain do by themselves: the messages of one
// sender are no independent witnesses of what they share.
func (b *Builder) Owner(n intel.Node, owner string) {
	r, ok := b.roots[owner]
	if !ok {
		r = int32(-1 - len(b.roots))
		b.roots[strings.Clone(owner)] = r
	}
	b.root[b.node(n)] = r
}

// maxRelations is how many kinds of relation are told apart; the rest share the
// last number.
const maxRelations = 255

func (b *Builder) relation(r intel.Relation) uint8 {
	if i, ok := b.relID[r]; ok {
		return i
	}
	i := uint8(min(len(b.rels), maxRelations))
	if int(i) == len(b.rels) {
		b.rels = append(b.rels, r)
	}
	b.relID[r] = i
	return i
}

// Add takes an assertion. Retracted ones and those that join nothing are left
// out, but their nodes can be found.
func (b *Builder) Add(a intel.Assertion) {
	b.node(a.Subject)
	from, to, rel, ok := edgeOf(a)
	if !a.Retracted.IsZero() || !ok {
		return
	}
	b.edges = append(b.edges, edge{from: b.node(from), to: b.node(to), rel: b.relation(rel), first: day(a.First), last: day(a.Last)})
}

// Graph is a compact, immutable graph, safe for concurrent use. A million nodes
// and five million edges take some hundred bytes per node and 30 per edge.
type Graph struct {
	nodes []intel.Node
	index map[intel.Node]int32
	rels  []intel.Relation
	edges []edge
	// Of node i the edges are at[start[i]:start[i+1]]: outgoing ones, then incoming
	// ones as 2·edge + 1, each by relation and then by time.
	start []int32
	at    []int32
	root  []int32 // by node: names of one registrable domain have one number
	// crowd is, of a name server, how many names all servers of its registrable
	// domain have: a provider with many servers is one thing that is shared.
	crowd map[int32]int
	// owners is how many owners of names there are.
	owners int
}

// Graph freezes what was added. The builder must not be used afterwards.
func (b *Builder) Graph() *Graph {
	g := &Graph{nodes: b.nodes, index: b.index, rels: b.rels, edges: b.edges, root: b.root, start: make([]int32, len(b.nodes)+1)}
	for _, e := range g.edges {
		g.start[e.from+1]++
		g.start[e.to+1]++
	}
	for i := range b.nodes {
		g.start[i+1] += g.start[i]
	}
	g.at = make([]int32, 2*len(g.edges))
	fill := slices.Clone(g.start)
	order := byRelationAndTime(g.edges)
	for _, i := range order {
		e := g.edges[i]
		g.at[fill[e.from]] = 2 * i
		fill[e.from]++
	}
	for _, i := range order {
		e := g.edges[i]
		g.at[fill[e.to]] = 2*i + 1
		fill[e.to]++
	}
	g.crowds()
	owners := map[int32]bool{}
	for i, n := range g.nodes {
		if rank(n.Kind) <= 1 {
			owners[g.root[i]] = true
		}
	}
	g.owners = len(owners)
	return g
}

// crowds counts the names of each provider of name servers.
func (g *Graph) crowds() {
	ns := slices.Index(g.rels, intel.UsesNS)
	if ns < 0 {
		return
	}
	type pair struct{ provider, name int32 }
	providers := map[string]int32{}
	provider := map[int32]int32{} // of a server
	var pairs []pair
	for _, e := range g.edges {
		if int(e.rel) != ns {
			continue
		}
		p, ok := provider[e.to]
		if !ok {
			value := g.nodes[e.to].Value
			if root := domain.Split(value).RootDomain; root != "" {
				value = root
			}
			if p, ok = providers[value]; !ok {
				p = int32(len(providers))
				providers[value] = p
			}
			provider[e.to] = p
		}
		pairs = append(pairs, pair{p, g.root[e.from]})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.name, b.name)) })
	counts := make([]int, len(providers))
	for _, p := range slices.Compact(pairs) {
		counts[p.provider]++
	}
	g.crowd = make(map[int32]int, len(provider))
	for server, p := range provider {
		g.crowd[server] = counts[p]
	}
}

// byRelationAndTime gives the numbers of edges in order, by counting, which takes
// time in proportion to the edges.
func byRelationAndTime(edges []edge) []int32 {
	order, next := make([]int32, len(edges)), make([]int32, len(edges))
	for i := range order {
		order[i] = int32(i)
	}
	for _, digit := range []func(e *edge) int{
		func(e *edge) int { return int(e.first) & 0xff },
		func(e *edge) int { return int(e.first) >> 8 },
		func(e *edge) int { return int(e.rel) },
	} {
		var count [257]int32
		for i := range edges {
			count[digit(&edges[i])+1]++
		}
		for d := range 256 {
			count[d+1] += count[d]
		}
		for _, i := range order {
			d := digit(&edges[i])
			next[count[d]] = i
			count[d]++
		}
		order, next = next, order
	}
	return order
}

// Len is the number of nodes and edges.
func (g *Graph) Len() (nodes, edges int) { return len(g.nodes), len(g.edges) }

// Has says whether the node is known.
func (g *Graph) Has(n intel.Node) bool {
	_, ok := g.index[n]
	return ok
}

// group is what one node shares with others by one relation at one time.
type group struct {
	rel     uint8
	in      bool    // the others point at the node
	members []int32 // distinct, ascending; none when it is cut
	edges   []int32
	sharers int     // distinct registrable names among the members, counted up to enough
	crowd   int     // names of the whole provider; 0 when it is no name server
	uses    []int32 // of this time, as in Graph.at
	all     []int32 // of all time
}

// odds are log10 odds that two members have one operator; +Inf when alone.
func (g *Graph) odds(x *group) float64 {
	if x.sharers <= 1 {
		return math.Inf(1)
	}
	return math.Log10(g.siblings(x.rel, x.in) / float64(max(x.sharers, x.crowd)-1))
}

func (g *Graph) siblings(rel uint8, in bool) float64 {
	if !in {
		return fanOut
	}
	return Siblings(g.rels[rel])
}

// maxLook bounds how many edges of one node are looked at one by one: what has
// more is a hub by any measure.
const maxLook = 2_000

// groups splits a node's edges by relation, direction and time. hub is true when
// it has too many to be looked at.
func (g *Graph) groups(i int32) (out []group, hub bool) {
	at := g.at[g.start[i]:g.start[i+1]]
	if len(at) > maxLook {
		return nil, true
	}
	for len(at) > 0 {
		first := at[0]
		rel := g.edges[first>>1].rel
		n := 1
		for n < len(at) && at[n]&1 == first&1 && g.edges[at[n]>>1].rel == rel {
			n++
		}
		out = append(out, g.split(i, at[:n])...)
		at = at[n:]
	}
	return out, false
}

func (e edge) other(in bool) int32 {
	if in {
		return e.from
	}
	return e.to
}

// split divides edges of one relation and direction, in order of time, where
// nothing overlaps for longer than slack. Edges without time belong to every
// group, or to the only one.
func (g *Graph) split(i int32, at []int32) []group {
	in := at[0]&1 == 1
	var timeless, current []int32
	var runs [][]int32
	end := 0
	for _, x := range at {
		e := g.edges[x>>1]
		if e.first == 0 {
			timeless = append(timeless, x)
			continue
		}
		last := int(e.last)
		if last == 0 {
			last = int(e.first) // seen once, as far as is known
		}
		// What a name points at in turn stays one history; what points at an
		// address is a neighbour only at the same time.
		if in && len(current) > 0 && int(e.first) > end+slack {
			runs = append(runs, current)
			current, end = nil, 0
		}
		current = append(current, x)
		end = max(end, last)
	}
	if len(current) > 0 || len(runs) == 0 {
		runs = append(runs, current)
	}
	rel := g.edges[at[0]>>1].rel
	// From here on the odds are against a join, and nobody asks how many more.
	enough := int(g.siblings(rel, in)) + 2
	out := make([]group, 0, len(runs))
	for _, run := range runs {
		uses := run
		if len(timeless) > 0 && len(run) > 0 {
			uses = slices.Concat(run, timeless)
		} else if len(run) == 0 {
			uses = timeless
		}
		gr := group{rel: rel, in: in, uses: uses, all: at, sharers: g.distinct(uses, in, enough)}
		if in && g.rels[rel] == intel.UsesNS {
			gr.crowd = g.crowd[i]
		}
		if g.odds(&gr) >= 0 {
			gr.members, gr.edges = make([]int32, 0, len(uses)), make([]int32, 0, len(uses))
			for _, x := range uses {
				gr.members = append(gr.members, g.edges[x>>1].other(in))
				gr.edges = append(gr.edges, x>>1)
			}
			slices.Sort(gr.members)
			gr.members = slices.Compact(gr.members)
		}
		out = append(out, gr)
	}
	return out
}

// distinct counts members up to enough; names under one registrable domain count
// once.
func (g *Graph) distinct(at []int32, in bool, enough int) int {
	if len(at) == 1 {
		return 1
	}
	var few [fanOut + 2]int32
	seen := few[:0]
	for _, x := range at {
		r := g.root[g.edges[x>>1].other(in)]
		if slices.Contains(seen, r) {
			continue
		}
		if seen = append(seen, r); len(seen) >= enough {
			return len(seen)
		}
	}
	return len(seen)
}

// count is how many members there are.
func (g *Graph) count(at []int32, in bool) int {
	roots := make([]int32, 0, len(at))
	for _, x := range at {
		roots = append(roots, g.root[g.edges[x>>1].other(in)])
	}
	slices.Sort(roots)
	return len(slices.Compact(roots))
}
