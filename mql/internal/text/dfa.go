package text

import (
	"fmt"
	"maps"
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
	cuts     []rune   // range i holds the runes from cuts[i] to cuts[i+1]−1
	ids      []uint16 // range → class: ranges that no instruction tells apart are one class
	count    int      // of classes
	width    uint32   // of a row
	ascii    [utf8.RuneSelf]uint16
	context  bool     // the expression looks at neighbouring characters
	anchored bool     // it matches at the beginning of the text only
	entry    []uint32 // where an attempt begins, conditions kept
	memory   *Memory

	cache   atomic.Pointer[dfaCache]
	refused atomic.Int32 // texts in a row left to package regexp
}

// Memory is what the automata of many expressions may grow by together, beyond
// a little of their own. The zero Memory has none to give.
type Memory struct{ cells atomic.Int64 }

// NewMemory returns a memory of so many bytes.
func NewMemory(bytes int64) *Memory {
	m := &Memory{}
	m.cells.Store(bytes / cellBytes)
	return m
}

// take reports whether there are n cells left, and takes them.
func (m *Memory) take(n int64) bool {
	if m == nil {
		return false
	}
	if m.cells.Add(-n) >= 0 {
		return true
	}
	m.cells.Add(n)
	return false
}

func (m *Memory) give(n int64) {
	if m != nil {
		m.cells.Add(n)
	}
}

// Bounds of the automaton of one expression.
const (
	ownCells     = 8 << 10   // transitions that need no memory in common: thousands of expressions may be in use
	moreCells    = 8 << 10   // taken from it at a time
	maxCells     = 512 << 10 // in all
	cellBytes    = 4
	maxRanges    = 4000    // of runes; expressions with more are left to package regexp
	maxCompare   = 2 << 20 // comparisons of ranges with instructions
	maxProg      = 4000    // instructions
	firstRows    = 4       // for which there is room at first
	maxRefusals  = 8       // in a row: then package regexp takes all texts
	freeStates   = 200     // a text may ask for so many new states,
	bytesPerMore = 16      // and one more for so many bytes
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
}

// dfaCache holds the states found so far. A state is known by the place of its
// row in rows: by class the state that follows, and in the last column the one
// at the end of the text. All rows lie together, since a message meets dozens of
// expressions and finds none of them in the processor's cache.
type dfaCache struct {
	start  uint32
	rows   atomic.Pointer[[]uint32] // its numbers are read and written as one: readers hold no lock
	mu     sync.Mutex               // guards what follows
	states []dfaState               // by row
	known  map[string]uint32
	taken  int64      // cells of the common memory
	takes  [][]uint64 // class → the instructions that consume its runes, as bits
	scratch
}

// scratch is what building a state needs.
type scratch struct {
	seen             []uint32 // instruction → the turn in which it was met
	turn             uint32
	stack, out, next []uint32
	key              []byte
}

// Numbers in a row that are no row's place: the first is unused, and a row is
// longer than minWidth.
const (
	stateUnknown uint32 = iota
	stateMatch          // no exit
	stateDead           // no exit
	minWidth
)

// NewRegexp compiles the expression. memory may be nil.
func NewRegexp(expr string, memory *Memory) (*Regexp, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	x := &Regexp{re: re, memory: memory}
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if x.prog, err = syntax.Compile(parsed.Simplify()); err != nil {
		return nil, err
	}
	if len(x.prog.Inst) > maxProg || !x.classes() {
		x.prog = nil
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

// classes cuts the runes into ranges and joins those that no instruction tells
// apart; false where that would be too dear.
func (x *Regexp) classes() bool {
	cuts := []rune{0}
	add := func(lo, hi rune) { cuts = append(cuts, lo, hi+1) }
	differ := map[string]*syntax.Inst{} // instructions that take different runes
	for i := range x.prog.Inst {
		inst := &x.prog.Inst[i]
		switch inst.Op {
		case syntax.InstRune, syntax.InstRune1:
			differ[fmt.Sprint(inst.Rune, inst.Arg)] = inst
		case syntax.InstRuneAnyNotNL:
			add('\n', '\n')
		case syntax.InstEmptyWidth:
			x.context = true
		}
	}
	for _, inst := range differ {
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
	if len(x.cuts) > maxRanges || len(x.cuts)*(len(differ)+1) > maxCompare {
		return false
	}
	x.join(slices.Collect(maps.Values(differ)))
	for r := range rune(utf8.RuneSelf) {
		x.ascii[r] = uint16(x.class(r))
	}
	return true
}

// join gives ranges that no instruction tells apart one class.
func (x *Regexp) join(differ []*syntax.Inst) {
	seen := map[string]uint16{}
	x.ids = make([]uint16, len(x.cuts))
	key := make([]byte, len(differ)+1)
	for i, r := range x.cuts {
		key[0] = x.neighbour(r)
		if r == '\n' { // "." tells it apart
			key[0] |= 0x80
		}
		for j, inst := range differ {
			key[j+1] = 0
			if inst.MatchRune(r) {
				key[j+1] = 1
			}
		}
		id, ok := seen[string(key)]
		if !ok {
			id = uint16(len(seen))
			seen[string(key)] = id
		}
		x.ids[i] = id
	}
	x.count = len(seen)
	x.width = max(uint32(x.count)+1, minWidth)
}

func (x *Regexp) class(r rune) int {
	i, found := slices.BinarySearch(x.cuts, r)
	if !found {
		i--
	}
	return int(x.ids[i])
}

func (x *Regexp) reset() {
	if old := x.cache.Load(); old != nil {
		x.memory.give(old.taken)
		old.taken = 0
	}
	c := &dfaCache{known: map[string]uint32{}, takes: make([][]uint64, x.count), states: make([]dfaState, 1)}
	rows := make([]uint32, firstRows*x.width)
	c.rows.Store(&rows)
	c.seen = make([]uint32, len(x.prog.Inst))
	if x.entry == nil {
		x.entry, _ = c.follow(x.prog, []uint32{uint32(x.prog.Start)}, nil)
		x.entry = append([]uint32{}, x.entry...)
	}
	c.start = x.state(c, []uint32{uint32(x.prog.Start)}, atBegin)
	x.cache.Store(c)
}

// Match reports whether the expression matches somewhere in s.
func (x *Regexp) Match(s string) bool {
	if x.prog == nil || x.refused.Load() >= maxRefusals {
		return x.re.MatchString(s)
	}
	c := x.cache.Load()
	rows, st, room := *c.rows.Load(), c.start, freeStates+len(s)/bytesPerMore
	for i := 0; i < len(s) && st > stateDead; {
		var class uint32
		r := rune(s[i])
		if r < utf8.RuneSelf {
			class = uint32(x.ascii[r])
			i++
		} else {
			var size int
			r, size = utf8.DecodeRuneInString(s[i:])
			class = uint32(x.class(r))
			i += size
		}
		n := atomic.LoadUint32(&rows[st+class])
		if n == st { // most bytes of most texts begin no match: pass over those that change nothing
			for i < len(s) && s[i] < utf8.RuneSelf && atomic.LoadUint32(&rows[st+uint32(x.ascii[s[i]])]) == st {
				i++
			}
			continue
		}
		if n == stateUnknown {
			if room--; room < 0 {
				return x.refuse(s)
			}
			if n = x.step(c, st, class, r); n == stateUnknown {
				return x.refuse(s)
			}
			rows = *c.rows.Load()
		}
		st = n
	}
	if x.refused.Load() != 0 {
		x.refused.Store(0)
	}
	if st > stateDead {
		if end := atomic.LoadUint32(&rows[st+uint32(x.count)]); end != stateUnknown {
			return end == stateMatch
		}
		st = x.atEnd(c, st)
	}
	return st == stateMatch
}

// refuse leaves s to package regexp.
func (x *Regexp) refuse(s string) bool {
	x.refused.Add(1)
	return x.re.MatchString(s)
}

// atEnd is what becomes of st at the end of the text.
func (x *Regexp) atEnd(c *dfaCache, st uint32) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := stateDead
	if _, matched := x.expand(c, c.states[st/x.width], -1); matched {
		n = stateMatch
	}
	atomic.StoreUint32(&(*c.rows.Load())[st+uint32(x.count)], n)
	return n
}

// step computes the state after st reads a rune of the class; unknown when
// there are too many states, after which all are forgotten.
func (x *Regexp) step(c *dfaCache, st, class uint32, r rune) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := atomic.LoadUint32(&(*c.rows.Load())[st+class]); n != stateUnknown {
		return n
	}
	if !x.room(c) {
		if x.cache.Load() == c {
			x.reset()
		}
		return stateUnknown
	}
	ready, matched := x.expand(c, c.states[st/x.width], r)
	n := stateMatch
	if !matched {
		takes := x.takes(c, int(class), r)
		c.next = c.next[:0]
		for _, pc := range ready {
			if takes[pc>>6]&(1<<(pc&63)) != 0 {
				c.next = append(c.next, x.prog.Inst[pc].Out)
			}
		}
		n = x.state(c, c.next, x.neighbour(r))
	}
	atomic.StoreUint32(&(*c.rows.Load())[st+class], n)
	return n
}

// room reports whether c may have one more state.
func (x *Regexp) room(c *dfaCache) bool {
	cells := int64(len(c.states)+1) * int64(x.width)
	for cells > ownCells+c.taken {
		if cells > maxCells || x.cache.Load() != c || !x.memory.take(moreCells) {
			return false
		}
		c.taken += moreCells
	}
	return true
}

// takes returns the instructions that consume r, one of the class, as bits.
func (x *Regexp) takes(c *dfaCache, class int, r rune) []uint64 {
	if c.takes[class] == nil {
		c.takes[class] = make([]uint64, (len(x.prog.Inst)+63)/64)
		for pc := range x.prog.Inst {
			switch inst := &x.prog.Inst[pc]; inst.Op {
			case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
				if inst.MatchRune(r) {
					c.takes[class][pc>>6] |= 1 << (pc & 63)
				}
			}
		}
	}
	return c.takes[class]
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
// lead on without a condition, and of a new attempt. The caller holds the lock,
// or c is new.
func (x *Regexp) state(c *dfaCache, pcs []uint32, before uint8) uint32 {
	insts, matched := c.follow(x.prog, pcs, nil)
	if matched {
		return stateMatch
	}
	if !x.anchored {
		for _, pc := range x.entry {
			if c.seen[pc] != c.turn {
				insts = append(insts, pc)
			}
		}
		c.out = insts
	}
	if len(insts) == 0 {
		return stateDead
	}
	slices.Sort(insts)
	c.key = append(c.key[:0], before)
	for _, pc := range insts {
		c.key = append(c.key, byte(pc), byte(pc>>8))
	}
	if st := c.known[string(c.key)]; st != stateUnknown {
		return st
	}
	st := uint32(len(c.states)) * x.width
	c.states = append(c.states, dfaState{insts: slices.Clone(insts), before: before})
	c.known[string(c.key)] = st
	if rows := *c.rows.Load(); int(st+x.width) > len(rows) {
		more := make([]uint32, 2*len(rows))
		copy(more, rows) // writers hold the lock, too
		c.rows.Store(&more)
	}
	return st
}

// expand follows the conditions of st that hold between its neighbour and r
// (−1 is the end of the text).
func (x *Regexp) expand(c *dfaCache, st dfaState, r rune) (ready []uint32, matched bool) {
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
	return c.follow(x.prog, st.insts, &op)
}

// follow returns the instructions reachable from pcs without consuming: with
// op it passes conditions that op meets and drops the others, without it keeps
// them. matched reports that the end of the expression was reached. The result
// is valid until the next call.
func (c *scratch) follow(prog *syntax.Prog, pcs []uint32, op *syntax.EmptyOp) (out []uint32, matched bool) {
	if c.turn++; c.turn == 0 { // wrapped: old turns would look new
		clear(c.seen)
		c.turn = 1
	}
	c.stack, c.out = append(c.stack[:0], pcs...), c.out[:0]
	for len(c.stack) > 0 {
		pc := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		if c.seen[pc] == c.turn {
			continue
		}
		c.seen[pc] = c.turn
		inst := &prog.Inst[pc]
		switch inst.Op {
		case syntax.InstMatch:
			return nil, true
		case syntax.InstFail:
		case syntax.InstAlt, syntax.InstAltMatch:
			c.stack = append(c.stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			c.stack = append(c.stack, inst.Out)
		case syntax.InstEmptyWidth:
			switch {
			case op == nil:
				c.out = append(c.out, pc)
			case syntax.EmptyOp(inst.Arg)&^*op == 0:
				c.stack = append(c.stack, inst.Out)
			}
		default:
			c.out = append(c.out, pc)
		}
	}
	return c.out, false
}
