// Package eval turns checked nodes into closures and runs them. Equal
// subexpressions of all rules are computed once per message, dear functions
// once per message and arguments, and tests of texts stand behind one
// multi-pattern pass per text that tells which literals occur at all.
package eval

import (
	"context"
	"fmt"
	"unsafe"

	"foregate/mail"
	"foregate/mql/internal/check"
	"foregate/mql/internal/lists"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// MaxSteps is the budget of one rule on one message. A step is an item of a
// loop, a call, or stepBytes bytes of text searched.
const MaxSteps = 1_000_000

const (
	stepBytes  = 64   // bytes of text that cost one step
	clockSteps = 4096 // steps between looks at the deadline
	maxScopes  = check.MaxLoops + 1
)

// What a rule lacked when it ran out of its budget.
const (
	StepBudget = "step budget"
	TimeBudget = "time budget"
)

// Caps answers the functions that need capabilities, by function name.
type Caps map[string]check.Answer

// Quote is a passage that made a rule fire.
type Quote struct {
	Where   string // the text searched, as the rule names it
	Pattern string // the literal or expression that was found
	Text    string // the words that matched
}

// Run is the evaluation of many rules over one message. It is used by one
// goroutine; Reset makes it ready for the next message.
type Run struct {
	prog    *Program
	ctx     context.Context
	msg     value.Value
	message *mail.Message
	caps    Caps
	lists   []*lists.List // by list slot, nil when absent
	listSet *lists.Set

	scopes [maxScopes]value.Value
	places [maxScopes]int // of the items in scopes
	depth  int

	steps   int
	over    string // budget that ran out, "" while there is some
	missing map[string]*value.Names

	epoch   uint32
	stamps  []uint32
	memo    []value.Value
	used    []int32 // of memo, for this message: a few hundred of thousands
	answers map[callKey]value.Value
	// lookedUp is what lists that live elsewhere answered.
	lookedUp map[askedOf]lookedUp
	reasons  map[string]string
	folded   map[textKey]string
	scratch  check.Scratch
	args     []value.Value // of the calls under way
	room     []byte        // for folded texts

	facts      []fieldFacts // by field
	condAt     []uint32     // by condition: the epoch of its outcome, and the outcome
	columns    []classes    // by column
	alikes     []firsts     // by alike.slot
	profiles   map[textKey]text.Profile
	found      map[textIn]text.Bits
	states     []*state
	alive      []uint64 // rules that are still candidates
	rounds     []uint64 // by round: rules whose literals occur
	candidates []int

	trace  *trace
	plain  bool // no prefilter
	unsure bool // a condition that proves what it tests was met without that
}

type trace struct {
	quotes []Quote
	mute   int
}

type textKey struct {
	p unsafe.Pointer
	n int
}

// maxKeyArgs bounds the arguments of functions remembered by argument.
const maxKeyArgs = 5

type callKey struct {
	f    *check.Func
	args [maxKeyArgs]any
}

// Reset makes r ready for the message m.
func (r *Run) Reset(ctx context.Context, m *mail.Message, caps Caps, set *lists.Set, prefilter bool) error {
	msg, err := value.Wrap(r.prog.env.Message, m)
	if err != nil {
		return fmt.Errorf("reading message: %w", err)
	}
	r.ctx, r.message, r.msg, r.caps, r.plain = ctx, m, msg, caps, !prefilter
	r.depth, r.trace, r.unsure = 0, nil, false
	r.scratch.Done = ctx.Done()
	r.epoch++
	if r.epoch >= 1<<31 { // condAt holds epochs of 31 bits, and old stamps must not look new
		clear(r.stamps)
		clear(r.facts)
		clear(r.condAt)
		clear(r.columns)
		clear(r.alikes)
		r.epoch = 1
	}
	clear(r.answers)
	clear(r.lookedUp)
	clear(r.folded)
	clear(r.reasons)
	clear(r.scratch.Kept)
	if r.listSet != set || len(r.lists) != len(r.prog.lists) {
		r.listSet = set
		r.lists = make([]*lists.List, len(r.prog.lists))
		for i, name := range r.prog.lists {
			r.lists[i] = set.Get(name)
		}
	}
	return nil
}

// Release drops what ties r to its message.
func (r *Run) Release() {
	r.ctx, r.message, r.msg, r.caps, r.scratch.Done = nil, nil, value.Value{}, nil, nil
	for _, slot := range r.used {
		r.memo[slot] = value.Value{}
	}
	r.used = r.used[:0]
	clear(r.answers)
	clear(r.lookedUp)
	clear(r.folded)
	clear(r.scratch.Kept)
	clear(r.profiles)
	clear(r.found)
	if r.room = r.room[:0]; cap(r.room) > maxFoldRoom {
		r.room = nil
	}
	clear(r.args[:cap(r.args)])
	r.args = r.args[:0]
	r.scopes = [maxScopes]value.Value{}
	for _, s := range r.states {
		s.scopes = r.scopes
	}
}

// Reasons tells, by name of what was missing, why it was.
func (r *Run) Reasons() map[string]string { return r.reasons }

// spend takes n steps from the budget and reports whether there is any left.
func (r *Run) spend(n int) bool {
	before := r.steps
	r.steps -= n
	if r.steps < 0 && r.over == "" {
		r.over = StepBudget
	}
	if before/clockSteps != r.steps/clockSteps && r.ctx.Err() != nil {
		r.over = TimeBudget
	}
	return r.over == ""
}

// spendText takes the steps that searching s costs.
func (r *Run) spendText(n int) bool { return r.spend(1 + n/stepBytes) }

func (r *Run) overrun() value.Tri { return value.MissingTri(r.names(r.over)) }

// names returns the one-element set of name.
func (r *Run) names(name string) *value.Names {
	if n := r.missing[name]; n != nil {
		return n
	}
	n := &value.Names{List: []string{name}}
	r.missing[name] = n
	return n
}

// push makes item the current item; at is its place in the list, or that of an
// item whose list it is from, whichever is farther.
func (r *Run) push(item value.Value, at int) {
	r.scopes[r.depth], r.places[r.depth] = item, at
	r.depth++
}

// place returns the farthest place of the items that refs names: bit 0 is the
// innermost loop's.
func (r *Run) place(refs uint32) int {
	at := 0
	for k := 1; refs != 0; k, refs = k+1, refs>>1 {
		if refs&1 != 0 {
			at = max(at, r.places[r.depth-k])
		}
	}
	return at
}

// Bounds of folded texts.
const (
	minCachedFold = 48       // bytes from which they are kept: below, folding costs less than looking them up
	foldRoom      = 32 << 10 // bytes of a piece of memory for them
	maxFoldRoom   = 1 << 20  // bytes kept for the next message
)

// fold returns v's text folded, valid until the run is released; v must be a
// String.
func (r *Run) fold(v value.Value) string {
	s := v.Str()
	if text.IsFolded(s) {
		return s
	}
	p, n := v.TextID()
	key := textKey{p, n}
	if n >= minCachedFold {
		if f, ok := r.folded[key]; ok {
			return f
		}
	}
	if cap(r.room)-len(r.room) < len(s) {
		r.room = make([]byte, 0, max(foldRoom, 2*len(s)))
	}
	from := len(r.room)
	r.room = text.AppendFold(r.room, s)
	f := unsafe.String(unsafe.SliceData(r.room[from:]), len(r.room)-from)
	if n >= minCachedFold {
		r.folded[key] = f
	}
	return f
}

// ask answers a call of a function that needs a capability, once per message
// and arguments.
func (r *Run) ask(f *check.Func, args []value.Value) value.Value {
	for _, a := range args {
		if a.Kind() == value.Missing {
			return value.OfMissing(a.Names())
		}
	}
	for i := range args {
		if i < len(f.In) && args[i].IsNull() {
			return value.Value{}
		}
	}
	if f.Impl == nil && r.caps[f.Name] == nil {
		return value.OfMissing(r.names(f.Name))
	}
	key, cacheable := keyOf(f, args)
	if cacheable {
		if v, ok := r.answers[key]; ok {
			return v
		}
	}
	if !r.spend(1) {
		return value.OfMissing(r.names(r.over))
	}
	v := r.compute(f, args)
	if cacheable && (v.Kind() != value.Missing || r.ctx.Err() == nil) {
		r.answers[key] = v
	}
	return v
}

func (r *Run) compute(f *check.Func, args []value.Value) value.Value {
	if f.Impl != nil {
		return f.Impl(&r.scratch, args)
	}
	gos := make([]any, len(args))
	for i, a := range args {
		gos[i] = a.Go()
	}
	x, err := guarded(r.ctx, r.caps[f.Name], r.message, gos)
	if err == nil {
		var v value.Value
		if v, err = value.Wrap(f.Out, x); err == nil {
			return v
		}
	}
	if r.reasons == nil {
		r.reasons = map[string]string{}
	}
	r.reasons[f.Name] = err.Error()
	return value.OfMissing(r.names(f.Name))
}

// guarded keeps a capability's panic from taking the message with it.
func guarded(ctx context.Context, answer check.Answer, m *mail.Message, args []any) (x any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return answer(ctx, m, args)
}

// keyOf spells a call for the memory of answers; false when an argument can't
// be compared.
func keyOf(f *check.Func, args []value.Value) (callKey, bool) {
	key := callKey{f: f}
	if len(args) > maxKeyArgs {
		return key, false
	}
	for i, a := range args {
		switch a.Kind() {
		case value.Null:
		case value.Object:
			key.args[i] = a.Pointer()
		case value.List:
			key.args[i] = fmt.Sprint(a.Strings())
		case value.Bool, value.Int, value.Float, value.String:
			key.args[i] = a.Go()
		default:
			return key, false
		}
	}
	return key, true
}

// quotes reports whether passages that make a test true are noted: a firing rule
// is traced, and not inside what must not be true.
func (r *Run) quotes() bool {
	return r.trace != nil && r.trace.mute == 0 && len(r.trace.quotes) < maxQuotes
}

// quote notes such a passage.
func (r *Run) quote(where, pattern, words string) {
	if r.quotes() {
		r.trace.quotes = append(r.trace.quotes, Quote{Where: where, Pattern: pattern, Text: words})
	}
}

// maxQuotes bounds the passages kept of one firing rule.
const maxQuotes = 8
