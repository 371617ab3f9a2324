// Package check gives meaning to a syntax tree: it resolves names against the
// message model and the function table, checks types, and turns every source
// into nodes of one graph in which equal subexpressions of all rules are one
// node, so that they are evaluated once per message.
package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"foregate/mql/internal/value"
)

// Op says what a node computes.
type Op uint8

// The kinds of node.
const (
	Const  Op = iota // Const
	Root             // the message
	Scope            // the item of the N-th enclosing loop, 1 is the innermost
	Path             // Path of Args[0]
	Extra            // a field that the model lacks: null
	Gate             // Args[0], which is missing where null without the capability Name
	Index            // Args[0] [ Args[1] ]
	Call             // Func(Args…)
	Loop             // Func over the list Args[0] with the body Args[1], if any
	Array            // Args
	List             // $Name
	Not              // Args[0]
	Neg              // −Args[0]
	Arith            // Args[0] Name Args[1]
	Cmp              // Args[0] Ops[0] Args[1] …
	In               // Args[0] in Args[1]
	IsNull           // Args[0]
	NOf              // at least N of Args
	And              // Args
	Or               // Args
)

// Node is one computation. Nodes are shared: they must not be changed.
type Node struct {
	Op     Op
	Type   *value.Type
	Args   []*Node
	Func   *Func
	Path   *value.Path
	Const  value.Value
	Name   string
	Ops    []string
	N      int
	Fold   bool // case-insensitive
	Negate bool
	ID     int    // index in the graph
	Free   int    // how many enclosing loops the node refers to
	Refs   uint32 // the enclosing loops that the node refers to: bit 0 is the innermost
	Uses   int    // how often rules ask for it
	Cost   int    // rough price, to order conjunctions
	Asks   bool   // a capability or a list may be missing below
}

// Prices of evaluation, in rough nanoseconds: only their order matters.
const (
	costStep   = 2
	costText   = 40
	costRegex  = 400
	costParse  = 2000
	CostLoop   = 8 // factor on the body of a loop
	costFew    = 2 // the same of a loop over what a filter leaves
	costAsk    = 1_000_000
	maxCostSum = 1 << 40
)

// Graph interns nodes.
type Graph struct {
	Nodes    []*Node
	index    map[string]*Node
	key      []byte                // of the node looked up last
	verified map[verified]struct{} // literal arguments that functions accepted
}

type verified struct{ function, text string }

// NewGraph returns an empty graph with room for the nodes of sources that are
// so many bytes long together.
func NewGraph(sources int) *Graph {
	return &Graph{index: make(map[string]*Node, sources/bytesPerNode), verified: map[verified]struct{}{}}
}

// bytesPerNode is about how many bytes of a source make a node that no other
// has.
const bytesPerNode = 64

// known returns the node equal to n, counting the use, or nil.
func (g *Graph) known(n *Node) *Node {
	g.key = n.appendKey(g.key[:0])
	old := g.index[string(g.key)]
	if old != nil {
		old.Uses++
	}
	return old
}

// intern returns the node equal to made, counting the use.
func (g *Graph) intern(made Node) *Node {
	if old := g.known(&made); old != nil {
		return old
	}
	n := &Node{}
	*n = made
	n.ID = len(g.Nodes)
	n.Uses = 1
	n.summarise()
	g.Nodes = append(g.Nodes, n)
	g.index[string(g.key)] = n
	return n
}

// appendKey spells n with its arguments as identities.
func (n *Node) appendKey(b []byte) []byte {
	var flags byte
	if n.Fold {
		flags |= 1
	}
	if n.Negate {
		flags |= 2
	}
	b = append(b, byte(n.Op), flags)
	b = strconv.AppendInt(b, int64(n.N), 10)
	b = append(append(b, '|'), n.Name...)
	for _, op := range n.Ops {
		b = append(append(b, '|'), op...)
	}
	b = append(b, '|')
	if n.Func != nil {
		b = append(b, n.Func.Name...)
	}
	if n.Op == Const {
		b = append(b, '|', byte(n.Const.Kind()))
		if n.Const.Kind() == value.String {
			b = append(b, n.Const.Str()...)
		} else {
			b = append(b, n.Const.Show(1<<20)...)
		}
	}
	if n.Op == Scope {
		b = append(b, typeKey(n.Type)...)
	}
	for _, a := range n.Args {
		b = strconv.AppendInt(append(b, ','), int64(a.ID), 10)
	}
	return b
}

// summarise computes what follows from the arguments.
func (n *Node) summarise() {
	n.Cost = costStep
	for i, a := range n.Args {
		free, refs := a.Free, a.Refs
		if n.Op == Loop && i == 1 {
			free, refs = max(0, free-1), refs>>1
		}
		n.Refs |= refs
		n.Free = max(n.Free, free)
		n.Asks = n.Asks || a.Asks
		if n.Op != And {
			n.Cost = min(n.Cost+a.Cost*n.repeats(i), maxCostSum)
		}
	}
	switch n.Op {
	case Scope:
		n.Free, n.Refs = n.N, 1<<(n.N-1)
	case List, Gate:
		n.Asks = true
	case And:
		n.Cost = min(n.Cost+costOfAll(n.Args), maxCostSum)
	case Loop:
		if n.Func.Name == "length" && n.Args[0].Type.Kind == value.String {
			n.Cost += costText / 2 // it counts the runes of the text
		}
	case Call:
		switch {
		case n.Func.Needs != "":
			n.Asks = true
			n.Cost += costAsk
		case strings.HasPrefix(n.Func.Name, "regex."):
			n.Cost += costRegex * max(1, len(n.Args)-1)
		case n.Func.Parses:
			n.Cost += costParse
		default:
			n.Cost += costText * max(1, len(n.Args)-1)
		}
	}
}

// repeats is about how often n evaluates its argument i.
func (n *Node) repeats(i int) int {
	if n.Op != Loop || i != 1 {
		return 1
	}
	switch list := n.Args[0]; {
	case list.Op == List:
		return CostLoop * CostLoop // a list of an operator is longer than one of a message
	case list.Op == Loop && list.Func.Name == "filter":
		return costFew
	}
	return CostLoop
}

// costOfAll is the price of a conjunction, which is evaluated cheapest first
// until one is not true: about every other one ends it.
func costOfAll(args []*Node) int {
	costs := make([]int, len(args))
	for i, a := range args {
		costs[i] = a.Cost
	}
	slices.Sort(costs)
	sum := 0
	for i, c := range costs {
		sum += c >> min(i, 20)
	}
	return sum
}

// typeKey spells a type so that different types differ.
func typeKey(t *value.Type) string {
	switch t.Kind {
	case value.Object:
		return t.Go.String()
	case value.List, value.Map:
		return fmt.Sprintf("%d of %s", t.Kind, typeKey(t.Elem))
	}
	return t.String()
}
