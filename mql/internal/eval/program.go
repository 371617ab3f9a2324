package eval

import (
	"context"
	"sync"

	"foregate/mail"
	"foregate/mql/internal/check"
	"foregate/mql/internal/lists"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

type (
	valFn func(r *Run) value.Value
	triFn func(r *Run) value.Tri
)

// Program is a set of compiled sources over one graph. It is immutable after
// Finish and safe for concurrent use.
type Program struct {
	env     *check.Env
	lists   []string // names by slot
	slots   int      // memo slots
	fields  []*field
	conds   int // remembered
	columns []column
	alikes  int // remembered
	rules   []rule
	sieve   sieve
	memory  *text.Memory
	pool    sync.Pool

	building
}

// automataBytes is what the automata of all expressions may grow by together.
const automataBytes = 16 << 20

// building is what a program needs until it is finished.
type building struct {
	listSlots map[string]int
	vals      map[int]valFn
	tris      map[int]triFn // 2·ID for exact, 2·ID+1 for positive
	fieldIDs  map[string]*field
	wordsOf   map[string]*words // by likeness
	condIDs   map[string]*cond
	slab      []cond                // for conditions yet to be made
	needIDs   map[string]*text.Need // by function and pattern
	columnIDs map[string]int        // by list and field
	alikeIDs  map[string]int        // by list and fields
	needed    map[int]*cond         // of nodes outside loops, by ID
}

type rule struct {
	node     *check.Node
	positive triFn
	proven   triFn // the same where guard is met: what that proves is left out
	exact    valFn
	guard    *cond
	rest     *cond // what of guard the sieve does not look at
}

// NewProgram returns an empty program.
func NewProgram(env *check.Env) *Program {
	return &Program{env: env, memory: text.NewMemory(automataBytes), building: building{
		listSlots: map[string]int{}, vals: map[int]valFn{}, tris: map[int]triFn{},
		fieldIDs: map[string]*field{}, wordsOf: map[string]*words{}, condIDs: map[string]*cond{},
		needIDs: map[string]*text.Need{}, columnIDs: map[string]int{}, alikeIDs: map[string]int{}, needed: map[int]*cond{},
	}}
}

// Add compiles the node and returns its index.
func (p *Program) Add(n *check.Node) int {
	ru := rule{node: n, exact: p.val(n)}
	if n.Type.Kind == value.Bool || n.Type.Kind == value.Any {
		ru.positive = p.tri(n, true)
		ru.guard = p.need(n, nil)
		ru.proven = p.proven(n)
	} else {
		ru.guard = p.needShown(n)
	}
	p.rules = append(p.rules, ru)
	return len(p.rules) - 1
}

// Finish builds the literal search and the sieve. No rule may be added
// afterwards.
func (p *Program) Finish() {
	for _, w := range p.wordsOf {
		w.matcher, w.ids = text.NewMatcher(w.literals), nil
	}
	p.quicken()
	p.sieve = p.newSieve()
	p.building = building{}
	p.pool.New = func() any { return p.newRun() }
}

func (p *Program) newRun() *Run {
	r := &Run{
		prog: p, stamps: make([]uint32, p.slots), memo: make([]value.Value, p.slots),
		answers: map[callKey]value.Value{}, lookedUp: map[askedOf]lookedUp{}, folded: map[textKey]string{}, missing: map[string]*value.Names{},
		facts: make([]fieldFacts, len(p.fields)), condAt: make([]uint32, p.conds), columns: make([]classes, len(p.columns)), alikes: make([]firsts, p.alikes), profiles: map[textKey]text.Profile{}, found: map[textIn]text.Bits{},
	}
	r.scratch.Kept = map[any]any{}
	return r
}

// Start returns a run over m; give it back with Stop.
func (p *Program) Start(ctx context.Context, m *mail.Message, caps Caps, set *lists.Set, prefilter bool) (*Run, error) {
	r := p.pool.Get().(*Run)
	if err := r.Reset(ctx, m, caps, set, prefilter); err != nil {
		p.pool.Put(r)
		return nil, err
	}
	return r, nil
}

// Stop gives r back.
func (p *Program) Stop(r *Run) {
	r.Release()
	p.pool.Put(r)
}

func (r *Run) begin() {
	r.depth, r.steps, r.over = 0, MaxSteps, ""
	if r.ctx.Err() != nil {
		r.over = TimeBudget
	}
}

// Rule evaluates rule i as far as needed to tell whether it fires. A result
// that can't be true may be false or null.
func (r *Run) Rule(i int) value.Tri {
	ru := &r.prog.rules[i]
	r.begin()
	if r.over != "" {
		return r.overrun()
	}
	if !r.plain && !r.met(ru.rest) {
		return value.False()
	}
	if ru.positive == nil {
		return shows(r.finish(ru.exact(r)))
	}
	fn := ru.positive
	if r.trusts() {
		fn = ru.proven
	}
	t := fn(r)
	if r.over != "" {
		return r.overrun()
	}
	return t
}

// shows says whether a source that is no boolean has something to show.
func shows(v value.Value) value.Tri {
	switch v.Kind() {
	case value.Null:
		return value.Unknown()
	case value.Missing:
		return v.Tri()
	case value.List:
		return value.Of(v.Len() > 0)
	}
	return value.True()
}

// Value evaluates rule i exactly.
func (r *Run) Value(i int) value.Value {
	r.begin()
	if r.over != "" {
		return r.overrun().Value()
	}
	return r.finish(r.prog.rules[i].exact(r))
}

func (r *Run) finish(v value.Value) value.Value {
	if r.over != "" {
		return r.overrun().Value()
	}
	return v
}

// Quotes evaluates rule i, which fired, once more and notes the passages that
// made it fire.
func (r *Run) Quotes(i int) []Quote {
	ru := &r.prog.rules[i]
	if ru.positive == nil {
		return nil
	}
	r.begin()
	r.trace = &trace{}
	ru.positive(r)
	quotes := r.trace.quotes
	r.trace = nil
	return quotes
}

// Names returns the names of lists, and of functions and fields with
// capabilities, that rule i may ask for.
func (p *Program) Names(i int) (funcs, listNames []string) {
	seenFunc, seenList, seenNode := map[string]bool{}, map[string]bool{}, map[int]bool{}
	var walk func(n *check.Node)
	walk = func(n *check.Node) {
		if !n.Asks || seenNode[n.ID] {
			return
		}
		seenNode[n.ID] = true
		if n.Op == check.Call && n.Func.Needs != "" && !seenFunc[n.Func.Name] {
			seenFunc[n.Func.Name] = true
			funcs = append(funcs, n.Func.Name)
		}
		if n.Op == check.Gate && !seenFunc[n.Name] {
			seenFunc[n.Name] = true
			funcs = append(funcs, n.Name)
		}
		if n.Op == check.List && !seenList[n.Name] {
			seenList[n.Name] = true
			listNames = append(listNames, n.Name)
		}
		for _, a := range n.Args {
			walk(a)
		}
	}
	walk(p.rules[i].node)
	return funcs, listNames
}
