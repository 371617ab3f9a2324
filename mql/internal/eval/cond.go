package eval

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"foregate/mql/internal/check"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// The prefilter proves that a test, a loop or a whole rule can't be true: by
// the literals and bytes that a message's texts lack, by lists that are empty,
// and by cheap parts that turn out not to be true. Conditions never hold less
// often than what they guard can be true, whatever is missing, so what they
// skip is false or null whatever a capability would have answered.

// condKind says what a condition looks at.
type condKind uint8

const (
	condOccurs condKind = iota // one of the literals occurs in the field
	condBytes                  // one of the bytes occurs in the field
	condRun                    // the field has a run of word characters so long
	condHolds                  // the test can be true
	condAll                    // every one of kids
	condAny                    // at least atLeast of kids
)

// cond is a condition. Equal ones are one, so that they are evaluated once per
// message. A message looks at thousands, so a condition is 64 bytes, a line of
// the processor's cache, and those made together lie together.
type cond struct {
	kind    condKind
	proves  bool // where test is met it is true, unless Run.unsure says otherwise
	wide    bool // masks has words: most have none, and looking costs a line of the cache
	field   int32
	slot    int32 // where the outcome is remembered, of condHolds and up; of literals the word of bits
	atLeast int32
	bits    uint64 // literals: the first word of them
	kids    []*cond
	test    triFn
	*condMore
}

// condMore is what of a condition is seldom looked at.
type condMore struct {
	masks    []mask // literals: the other words
	literals []int  // by number in the field, sorted
	bytes    *text.ByteSet
	run      int
	quick    *cond // of alternatives: unless it holds, none but slow can
	slow     []*cond
	id       int // in order of making
	cost     int // rough price, as of nodes
}

// condSlab is how many conditions are allocated together.
const condSlab = 128

// mask is a word of a set of literals.
type mask struct {
	word int
	bits uint64
}

// Prices of the conditions that look at what was found in texts.
const (
	costOccurs  = 1
	costProfile = 3
)

// intern returns the condition equal to made.
func (p *Program) intern(made cond, key string) *cond {
	if old := p.condIDs[key]; old != nil {
		return old
	}
	if len(p.slab) == 0 {
		p.slab = make([]cond, condSlab)
	}
	c := &p.slab[0]
	p.slab = p.slab[1:]
	*c = made
	c.id = len(p.condIDs)
	if c.kind >= condHolds {
		c.slot = int32(p.conds)
		p.conds++
	}
	p.condIDs[key] = c
	return c
}

// occurs is the condition that one of the field's literals, by number, occurs in it.
func (p *Program) occurs(field int, literals []int) *cond {
	slices.Sort(literals)
	literals = slices.Compact(literals)
	key := binary.AppendUvarint([]byte("o"), uint64(field))
	for _, lit := range literals {
		key = binary.AppendUvarint(key, uint64(lit))
	}
	if old := p.condIDs[string(key)]; old != nil {
		return old
	}
	more := &condMore{literals: literals}
	c := cond{kind: condOccurs, field: int32(field), slot: int32(literals[0] >> 6), condMore: more}
	for _, lit := range literals {
		word, bit := lit>>6, uint64(1)<<(lit&63)
		switch last := len(more.masks) - 1; {
		case word == int(c.slot):
			c.bits |= bit
		case last >= 0 && more.masks[last].word == word:
			more.masks[last].bits |= bit
		default:
			more.masks = append(more.masks, mask{word, bit})
		}
	}
	more.cost = costOccurs * (1 + len(more.masks))
	c.wide = len(more.masks) > 0
	return p.intern(c, string(key))
}

// number is that of lit among the words.
func (w *words) number(lit string) int {
	i, ok := w.ids[lit]
	if !ok {
		i = len(w.literals)
		w.literals = append(w.literals, lit)
		w.ids[lit] = i
	}
	return i
}

// holds is the condition that n can be true; n stands outside all loops.
func (p *Program) holds(n *check.Node) *cond {
	key := "holds " + strconv.Itoa(n.ID)
	if old := p.condIDs[key]; old != nil {
		return old
	}
	return p.intern(cond{kind: condHolds, test: p.tri(n, true), proves: !n.Asks, condMore: &condMore{cost: n.Cost}}, key)
}

// never is the condition that does not hold.
func (p *Program) never() *cond { return p.group(condAny, nil, 1) }

// some is the condition that n can be true of an item of one of the lists.
func (p *Program) some(n *check.Node, lists []*source) *cond {
	conds := make([]*cond, len(lists))
	for i, src := range lists {
		if src.page != nil {
			return nil
		}
		key := "some " + src.key + " " + strconv.Itoa(n.ID)
		if conds[i] = p.condIDs[key]; conds[i] != nil {
			continue
		}
		var steps []valFn
		for _, s := range src.steps {
			steps = append(steps, p.val(s))
		}
		test := someItem(steps, p.tri(n, true))
		if src.item != nil {
			item, body := p.val(src.item), p.tri(n, true)
			test = func(r *Run) value.Tri {
				r.push(item(r), 0)
				t := body(r)
				r.depth--
				return t
			}
		}
		conds[i] = p.intern(cond{kind: condHolds, test: test, condMore: &condMore{cost: n.Cost * check.CostLoop}}, key)
	}
	return p.anyOf(conds)
}

// someItem tells whether body can be true of an item of the last of the lists,
// each of which but the first is one of an item of the one before.
func someItem(lists []valFn, body triFn) triFn {
	if len(lists) == 0 {
		return body
	}
	list, rest := lists[0], someItem(lists[1:], body)
	return func(r *Run) value.Tri {
		v := items(list(r))
		if v.Kind() == value.Missing {
			return value.True()
		}
		outer := 0
		if r.depth > 0 {
			outer = r.places[r.depth-1]
		}
		for i := range listLen(v) {
			if !r.spend(1) {
				break
			}
			r.push(v.At(i), max(i, outer))
			t := rest(r)
			r.depth--
			if t.CanBeTrue() {
				return value.True()
			}
		}
		return value.False()
	}
}

// nonEmpty is the condition that the list n has an item, or could have one.
func (p *Program) nonEmpty(n *check.Node) *cond {
	list := p.val(n)
	test := func(r *Run) value.Tri {
		v := items(list(r))
		if v.Kind() == value.Missing {
			return value.True()
		}
		return value.Of(listLen(v) > 0)
	}
	return p.intern(cond{kind: condHolds, test: test, condMore: &condMore{cost: n.Cost}}, fmt.Sprint("items ", n.ID))
}

// present is the condition that n is not null.
func (p *Program) present(n *check.Node) *cond {
	fn := p.val(n)
	test := func(r *Run) value.Tri { return value.Of(!fn(r).IsNull()) }
	return p.intern(cond{kind: condHolds, test: test, condMore: &condMore{cost: n.Cost}}, fmt.Sprint("present ", n.ID))
}

// lower turns a need of one of the fields into a condition.
func (p *Program) lower(n *text.Need, fields []*field) *cond {
	if n.Always() || len(fields) == 0 {
		return nil
	}
	var conds []*cond
	switch {
	case n.All != nil:
		for _, k := range n.All {
			conds = append(conds, p.lower(k, fields))
		}
		return p.allOf(conds)
	case n.Any != nil:
		return p.lowerAny(n.Any, fields)
	}
	if !plainNeed(n) && slices.ContainsFunc(fields, func(f *field) bool { return f.anew }) {
		return nil
	}
	for _, f := range fields {
		switch {
		case n.Lit != "":
			conds = append(conds, p.occurs(f.id, []int{f.words.number(n.Lit)}))
		case n.Bytes != nil:
			c := cond{kind: condBytes, field: int32(f.id), condMore: &condMore{bytes: n.Bytes, cost: costProfile}}
			conds = append(conds, p.intern(c, fmt.Sprint("bytes ", f.id, *n.Bytes)))
		default:
			c := cond{kind: condRun, field: int32(f.id), condMore: &condMore{run: n.Run, cost: costProfile}}
			conds = append(conds, p.intern(c, fmt.Sprint("run ", f.id, " ", n.Run)))
		}
	}
	return p.anyOf(conds)
}

// lowerAny turns the need of one of alternatives into a condition: literals, of
// which there may be thousands, are one condition by field.
func (p *Program) lowerAny(needs []*text.Need, fields []*field) *cond {
	var conds []*cond
	var literals []string
	anew := slices.ContainsFunc(fields, func(f *field) bool { return f.anew })
	for _, k := range needs {
		if k.Lit != "" && (!anew || plainNeed(k)) {
			literals = append(literals, k.Lit)
		} else if conds = append(conds, p.lower(k, fields)); conds[len(conds)-1] == nil {
			return nil
		}
	}
	if len(literals) == 0 {
		return p.anyOf(conds)
	}
	for _, f := range fields {
		numbers := make([]int, len(literals))
		for i, lit := range literals {
			numbers[i] = f.words.number(lit)
		}
		conds = append(conds, p.occurs(f.id, numbers))
	}
	return p.anyOf(conds)
}

// plainNeed reports whether a need of a comment written anew is one of its
// source, too: a literal that has no part in "&amp;", "&gt;", or "<!--", and
// no end of line, which reading a page makes uniform.
func plainNeed(n *text.Need) bool {
	return n.Lit != "" && !strings.ContainsAny(n.Lit, "&;<>!-\n\r\ufffd") && !strings.Contains("amp gt lt quot", n.Lit)
}

func byPrice(a, b *cond) int {
	if a.cost != b.cost {
		return a.cost - b.cost
	}
	return a.id - b.id
}

// group interns a condition over kids, cheapest first.
func (p *Program) group(kind condKind, kids []*cond, atLeast int) *cond {
	kids = slices.Clone(kids)
	slices.SortFunc(kids, byPrice)
	key := binary.AppendUvarint([]byte{'g', byte(kind)}, uint64(atLeast))
	c := cond{kind: kind, kids: kids, atLeast: int32(atLeast), condMore: &condMore{}}
	for _, k := range kids {
		key = binary.AppendUvarint(key, uint64(k.id))
		c.cost = min(c.cost+k.cost, 1<<40)
	}
	return p.intern(c, string(key))
}

// allOf is the condition that all of conds hold; nil ones always do.
func (p *Program) allOf(conds []*cond) *cond {
	var kept []*cond
	for _, c := range conds {
		switch {
		case c == nil:
		case c.kind == condAll:
			kept = append(kept, c.kids...)
		default:
			kept = append(kept, c)
		}
	}
	slices.SortFunc(kept, byPrice)
	kept = slices.Compact(kept)
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return kept[0]
	}
	return p.group(condAll, kept, 0)
}

// anyOf is the condition that one of conds holds; nil ones always do.
func (p *Program) anyOf(conds []*cond) *cond {
	if slices.Contains(conds, nil) {
		return nil
	}
	conds = p.merge(conds)
	switch len(conds) {
	case 0:
		return nil
	case 1:
		return conds[0]
	}
	return p.group(condAny, conds, 1)
}

// merge joins alternatives: nested ones, and literals of the same field.
func (p *Program) merge(conds []*cond) []*cond {
	var out, literals []*cond
	var add func(conds []*cond)
	add = func(conds []*cond) {
		for _, c := range conds {
			switch {
			case c.kind == condAny && c.atLeast == 1:
				add(c.kids)
			case c.kind == condOccurs:
				literals = append(literals, c)
			default:
				out = append(out, c)
			}
		}
	}
	add(conds)
	slices.SortFunc(literals, func(a, b *cond) int { return int(a.field) - int(b.field) })
	for len(literals) > 0 {
		first, numbers := literals[0], []int(nil)
		for len(literals) > 0 && literals[0].field == first.field {
			numbers = append(numbers, literals[0].literals...)
			literals = literals[1:]
		}
		out = append(out, p.occurs(int(first.field), numbers))
	}
	slices.SortFunc(out, byPrice)
	return slices.Compact(out)
}

// met evaluates c; nil always holds.
func (r *Run) met(c *cond) bool {
	if c == nil {
		return true
	}
	switch c.kind {
	case condOccurs:
		bits := r.facts[c.field].bits
		if r.facts[c.field].found != r.epoch {
			bits = r.literalsOf(int(c.field))
		}
		if bits[c.slot]&c.bits != 0 {
			return true
		}
		if !c.wide {
			return false
		}
		for _, m := range c.masks {
			if bits[m.word]&m.bits != 0 {
				return true
			}
		}
		return false
	case condBytes:
		return r.profileOf(int(c.field)).Bytes.Meets(c.bytes)
	case condRun:
		return r.profileOf(int(c.field)).Run >= c.run
	}
	if known := r.condAt[c.slot]; known>>1 == r.epoch {
		return known&1 != 0
	}
	ok := r.test(c)
	r.condAt[c.slot] = r.epoch << 1
	if ok {
		r.condAt[c.slot]++
	}
	return ok
}

// test evaluates a condition whose outcome is remembered.
func (r *Run) test(c *cond) bool {
	switch c.kind {
	case condAll:
		for _, k := range c.kids {
			if !r.met(k) {
				return false
			}
		}
		return true
	case condAny:
		need, kids := c.atLeast, c.kids
		if c.quick != nil && !r.met(c.quick) {
			kids = c.slow
		}
		for _, k := range kids {
			if r.met(k) {
				if need--; need == 0 {
					return true
				}
			}
		}
		return false
	}
	s := r.isolate()
	t := c.test(r)
	over := r.restore(s)
	if c.proves && (over || t.CanBeTrue() && !t.IsTrue()) {
		r.unsure = true
	}
	return over || t.CanBeTrue()
}

// state is what a rule that is being evaluated has under way.
type state struct {
	depth, steps int
	over         string
	trace        *trace
	scopes       [maxScopes]value.Value
	places       [maxScopes]int
}

// isolate begins a computation that is for all rules: it has a budget of its
// own, and must not disturb the loops of the rule that asked first.
func (r *Run) isolate() *state {
	var s *state
	if n := len(r.states); n > 0 {
		s, r.states = r.states[n-1], r.states[:n-1]
	} else {
		s = &state{}
	}
	s.depth, s.steps, s.over, s.trace = r.depth, r.steps, r.over, r.trace
	if r.depth > 0 {
		s.scopes, s.places = r.scopes, r.places
	}
	r.depth, r.steps, r.over, r.trace = 0, MaxSteps, "", nil
	return s
}

// restore ends it and reports whether it ran out of its budget.
func (r *Run) restore(s *state) bool {
	over := r.over != ""
	r.depth, r.steps, r.over, r.trace = s.depth, s.steps, s.over, s.trace
	if s.depth > 0 {
		r.scopes, r.places = s.scopes, s.places
	}
	s.trace = nil
	r.states = append(r.states, s)
	return over
}
