package text

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Regexp tells whether an expression of Go's regexp matches somewhere in a
// text. It walks a deterministic automaton that is built as texts ask for its
// states (Thompson's subset construction, done lazily), several times faster
// than simulating the nondeterministic one. Where that automaton would grow too
// large it leaves the text to package regexp. It is safe for concurrent use.
type Regexp struct {
	re       *regexp.Regexp
	prog     *syntax.Prog
	cuts     []rune // class i holds the runes from cuts[i] to cuts[i+1]−1
	ascii    [utf8.RuneSelf]uint16
	context  bool // the expression looks at neighbouring characters
	anchored bool // it matches at the beginning of the text only

	cache   atomic.Pointer[dfaCache]
	refused atomic.Int32 // texts left to package regexp
}

// Bounds of the automaton of one expression.
const (
	maxCells     = 16 << 10 // transitions, 8 bytes each: thousands of expressions may be in use
	maxClasses   = 600      // dearer classes, such as all letters, are left to package regexp
	maxProg      = 2000     // instructions
	maxRefusals  = 8        // then package regexp takes all texts
	freeStates   = 200      // a text may ask for so many new states,
	bytesPerMore = 16       // and one more for so many bytes
)

// Neighbours that empty-width conditions look at.
const (
	atBegin uint8 = iota
	afterLine
	afterWord
	afterOther
)

// dfaState is a set of instructions waiting for the next rune.
type dfaState struct {
	insts  []uint32 // sorted; only instructions that consume, match or have a condition
	before uint8
	next   []atomic.Pointer[dfaState] // by class; nil until asked for
	end    atomic.Int32               // at the end of the text: 0 unknown, 1 match, 2 none
}

// dfaCache holds the states found so far.
type dfaCache struct {
	mu     sync.Mutex
	states map[string]*dfaState
	start  *dfaState
}

// match and dead are states without an exit.
var (
	stateMatch = &dfaState{}
	stateDead  = &dfaState{}
)

// NewRegexp compiles the expression.
func NewRegexp(expr string) (*Regexp, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	x := &Regexp{re: re}
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if x.prog, err = syntax.Compile(parsed.Simplify()); err != nil {
		return nil, err
	}
	x.classes()
	if len(x.cuts) > maxClasses || len(x.prog.Inst) > maxProg {
		x.refused.Store(maxRefusals)
		return x, nil
	}
	x.anchored = x.prog.StartCond()&syntax.EmptyBeginText != 0
	x.reset()
	return x, nil
}

// Find returns the first match, as package regexp does.
func (x *Regexp) Find(s string) []int { return x.re.FindStringIndex(s) }

// Std returns the expression for what only package regexp can do.
func (x *Regexp) Std() *regexp.Regexp { return x.re }

// classes cuts the runes into ranges that no instruction tells apart.
func (x *Regexp) classes() {
	cuts := []rune{0}
	add := func(lo, hi rune) { cuts = append(cuts, lo, hi+1) }
	for i := range x.prog.Inst {
		inst := &x.prog.Inst[i]
		switch inst.Op {
		case syntax.InstRune, syntax.InstRune1:
			if len(inst.Rune) == 1 {
				add(inst.Rune[0], inst.Rune[0])
				if syntax.Flags(inst.Arg)&syntax.FoldCase != 0 {
					for _, r := range orbit(inst.Rune[0]) {
						add(r, r)
					}
				}
				continue
			}
			for j := 0; j+1 < len(inst.Rune); j += 2 {
				add(inst.Rune[j], inst.Rune[j+1])
			}
		case syntax.InstRuneAnyNotNL:
			add('\n', '\n')
		case syntax.InstEmptyWidth:
			x.context = true
		}
	}
	if x.context {
		add('\n', '\n')
		add('0', '9')
		add('A', 'Z')
		add('_', '_')
		add('a', 'z')
	}
	slices.Sort(cuts)
	x.cuts = slices.Compact(cuts)
	for r := range rune(utf8.RuneSelf) {
		x.ascii[r] = uint16(x.class(r))
	}
}

func (x *Regexp) class(r rune) int {
	i, found := slices.BinarySearch(x.cuts, r)
	if found {
		return i
	}
	return i - 1
}

func (x *Regexp) reset() *dfaCache {
	c := &dfaCache{states: map[string]*dfaState{}}
	c.start = x.state(c, []uint32{uint32(x.prog.Start)}, atBegin)
	x.cache.Store(c)
	return c
}

// Match reports whether the expression matches somewhere in s.
func (x *Regexp) Match(s string) bool {
	if x.refused.Load() >= maxRefusals {
		return x.re.MatchString(s)
	}
	c := x.cache.Load()
	st, room := c.start, freeStates+len(s)/bytesPerMore
	for i := 0; i < len(s); {
		var class int
		var r rune
		if b := s[i]; b < utf8.RuneSelf {
			r, class = rune(b), int(x.ascii[b])
			i++
		} else {
			var size int
			r, size = utf8.DecodeRuneInString(s[i:])
			class = x.class(r)
			i += size
		}
		if st == stateMatch || st == stateDead {
			return st == stateMatch
		}
		n := st.next[class].Load()
		if n == nil {
			if room--; room < 0 {
				return x.refuse(s)
			}
			if n = x.step(c, st, class, r); n == nil {
				x.reset()
				return x.refuse(s)
			}
		}
		st = n
	}
	if st == stateMatch || st == stateDead {
		return st == stateMatch
	}
	return x.atEnd(st)
}

// refuse leaves s to package regexp.
func (x *Regexp) refuse(s string) bool {
	x.refused.Add(1)
	return x.re.MatchString(s)
}

// atEnd reports whether st matches at the end of the text.
func (x *Regexp) atEnd(st *dfaState) bool {
	if e := st.end.Load(); e != 0 {
		return e == 1
	}
	_, matched := x.expand(st, -1)
	if matched {
		st.end.Store(1)
	} else {
		st.end.Store(2)
	}
	return matched
}

// step computes the state after st reads a rune of the class; nil when there
// are too many states.
func (x *Regexp) step(c *dfaCache, st *dfaState, class int, r rune) *dfaState {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := st.next[class].Load(); n != nil {
		return n
	}
	if len(c.states)*len(x.cuts) >= maxCells {
		return nil
	}
	ready, matched := x.expand(st, r)
	n := stateMatch
	if !matched {
		var out []uint32
		for _, pc := range ready {
			if inst := &x.prog.Inst[pc]; inst.MatchRune(r) {
				out = append(out, inst.Out)
			}
		}
		if !x.anchored {
			out = append(out, uint32(x.prog.Start))
		}
		n = x.state(c, out, x.neighbour(r))
	}
	st.next[class].Store(n)
	return n
}

func (x *Regexp) neighbour(r rune) uint8 {
	switch {
	case !x.context:
		return afterOther
	case r == '\n':
		return afterLine
	case syntax.IsWordChar(r):
		return afterWord
	}
	return afterOther
}

// state returns the state of the instructions, after following those that
// lead on without a condition. The caller holds the lock, or c is new.
func (x *Regexp) state(c *dfaCache, pcs []uint32, before uint8) *dfaState {
	insts, matched := x.follow(pcs, nil)
	switch {
	case matched:
		return stateMatch
	case len(insts) == 0:
		return stateDead
	}
	slices.Sort(insts)
	key := make([]byte, 1, 1+4*len(insts))
	key[0] = before
	for _, pc := range insts {
		key = append(key, byte(pc), byte(pc>>8), byte(pc>>16), byte(pc>>24))
	}
	if st := c.states[string(key)]; st != nil {
		return st
	}
	st := &dfaState{insts: insts, before: before, next: make([]atomic.Pointer[dfaState], len(x.cuts))}
	c.states[string(key)] = st
	return st
}

// expand follows the conditions of st that hold between its neighbour and r
// (−1 is the end of the text).
func (x *Regexp) expand(st *dfaState, r rune) (ready []uint32, matched bool) {
	if !x.context {
		return st.insts, false
	}
	prev := rune('.')
	switch st.before {
	case atBegin:
		prev = -1
	case afterLine:
		prev = '\n'
	case afterWord:
		prev = 'a'
	}
	op := syntax.EmptyOpContext(prev, r)
	return x.follow(st.insts, &op)
}

// follow returns the instructions reachable from pcs without consuming: with
// op it passes conditions that op meets and drops the others, without it keeps
// them. matched reports that the end of the expression was reached.
func (x *Regexp) follow(pcs []uint32, op *syntax.EmptyOp) (out []uint32, matched bool) {
	seen := make([]bool, len(x.prog.Inst))
	stack := slices.Clone(pcs)
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		inst := &x.prog.Inst[pc]
		switch inst.Op {
		case syntax.InstMatch:
			return nil, true
		case syntax.InstFail:
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, inst.Out)
		case syntax.InstEmptyWidth:
			switch {
			case op == nil:
				out = append(out, pc)
			case syntax.EmptyOp(inst.Arg)&^*op == 0:
				stack = append(stack, inst.Out)
			}
		default:
			out = append(out, pc)
		}
	}
	return out, false
}
