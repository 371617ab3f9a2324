package eval

import (
	"slices"
	"strconv"
	"strings"

	"foregate/mql/internal/check"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// The prefilter proves, by the literals that a message lacks, that a test, a
// loop or a whole rule can't be true. It looks only at texts of the message
// itself, never at what could be missing, so what it skips is false or null
// whatever a capability would have answered.

// field is a text, or all texts that a loop runs over, with the literals that
// rules look for in it.
type field struct {
	id       int
	steps    []valFn // lists to run over, outermost first; each but the first sees the item of the one before
	get      valFn   // the text, of the innermost item
	many     bool    // get answers a list of texts
	literals []string
	index    map[string]int
	matcher  *text.Matcher
}

// source is a list that a loop runs over, as a chain of lists.
type source struct {
	key   string
	steps []*check.Node
}

// cond is a condition on the literals of fields.
type cond struct {
	field    int
	literals []int  // one of them occurs in the field
	masks    []mask // literals, as bits
	all      []*cond
	any      []*cond
	atLeast  int // of any; 0 means 1
}

// mask is a word of a set of literals.
type mask struct {
	word int
	bits uint64
}

// seal turns the literals of c and below into masks and puts the conditions
// that are cheapest to test first. It returns how many words c looks at.
func (c *cond) seal() int {
	if c == nil || c.masks != nil {
		return 1
	}
	for _, lit := range c.literals {
		if k := len(c.masks) - 1; k >= 0 && c.masks[k].word == lit>>6 {
			c.masks[k].bits |= 1 << (lit & 63)
		} else {
			c.masks = append(c.masks, mask{word: lit >> 6, bits: 1 << (lit & 63)})
		}
	}
	total := len(c.masks)
	for _, kids := range [][]*cond{c.all, c.any} {
		weight := map[*cond]int{}
		for _, k := range kids {
			weight[k] = k.seal()
			total += weight[k]
		}
		slices.SortStableFunc(kids, func(a, b *cond) int { return weight[a] - weight[b] })
	}
	return total
}

// keep notes a condition that will be evaluated.
func (p *Program) keep(c *cond) *cond {
	if c != nil {
		p.conds = append(p.conds, c)
	}
	return c
}

// met evaluates c; nil is always met.
func (r *Run) met(c *cond) bool {
	switch {
	case c == nil:
		return true
	case c.all != nil:
		for _, k := range c.all {
			if !r.met(k) {
				return false
			}
		}
		return true
	case c.any != nil:
		need := max(1, c.atLeast)
		for _, k := range c.any {
			if r.met(k) {
				if need--; need == 0 {
					return true
				}
			}
		}
		return false
	}
	bits := r.bits[c.field]
	if r.indexed[c.field] != r.epoch {
		bits = r.literalsOf(c.field)
	}
	for _, m := range c.masks {
		if bits[m.word]&m.bits != 0 {
			return true
		}
	}
	return false
}

// literalsOf finds the literals that occur in a field, in one pass. It is done
// when a condition first asks for one of them.
func (r *Run) literalsOf(id int) text.Bits {
	bits := r.bits[id]
	clear(bits)
	// The pass is for all rules: it has a budget of its own, and must not
	// disturb the loops of the rule that asked first.
	scopes, depth, steps, over, tr := r.scopes, r.depth, r.steps, r.over, r.trace
	r.depth, r.steps, r.over, r.trace = 0, MaxSteps, "", nil
	r.collect(r.prog.fields[id], 0, bits)
	if r.over == "" {
		r.indexed[id], r.over = r.epoch, over
	}
	r.scopes, r.depth, r.steps, r.trace = scopes, depth, steps, tr
	return bits
}

// collect runs over the lists of f from step on and searches each text.
func (r *Run) collect(f *field, step int, bits text.Bits) {
	if step < len(f.steps) {
		v := items(f.steps[step](r))
		for i := range listLen(v) {
			r.push(v.At(i))
			r.collect(f, step+1, bits)
			r.depth--
		}
		return
	}
	v := f.get(r)
	if f.many {
		for i := range listLen(v) {
			r.search(f, v.At(i), bits)
		}
		return
	}
	r.search(f, v, bits)
}

func (r *Run) search(f *field, v value.Value, bits text.Bits) {
	if v.Kind() == value.String {
		f.matcher.Find(r.fold(v), bits)
	}
}

// static reports nodes whose value depends on nothing but the message and the
// item of the innermost loop, and can't be missing: fields, and fields with
// look-alikes replaced.
func static(n *check.Node) bool {
	switch n.Op {
	case check.Root:
		return true
	case check.Scope:
		return n.N == 1
	case check.Path:
		return static(n.Args[0])
	case check.Call:
		return n.Func.Name == "strings.replace_confusables" && static(n.Args[0])
	}
	return false
}

// fieldOf returns the field of a text that stands outside all loops, nil when
// it is none that the prefilter covers.
func (p *Program) fieldOf(n *check.Node) *field {
	if n.Free != 0 || !static(n) {
		return nil
	}
	return p.field(nil, n)
}

func (p *Program) field(src *source, n *check.Node) *field {
	key := "|" + strconv.Itoa(n.ID)
	if src != nil {
		key = src.key + key
	}
	if f := p.fieldIDs[key]; f != nil {
		return f
	}
	f := &field{id: len(p.fields), get: p.val(n), many: n.Type.Kind == value.List, index: map[string]int{}}
	if src != nil {
		for _, s := range src.steps {
			f.steps = append(f.steps, p.val(s))
		}
	}
	p.fieldIDs[key] = f
	p.fields = append(p.fields, f)
	return f
}

// literal returns the condition that lit occurs in f.
func (f *field) literal(lit string) *cond {
	i, ok := f.index[lit]
	if !ok {
		i = len(f.literals)
		f.literals = append(f.literals, lit)
		f.index[lit] = i
	}
	return &cond{field: f.id, literals: []int{i}}
}

// lower turns a need of one of the fields into a condition.
func (p *Program) lower(n *text.Need, fields []*field) *cond {
	switch {
	case n.Always() || len(fields) == 0:
		return nil
	case n.All != nil:
		conds := make([]*cond, 0, len(n.All))
		for _, k := range n.All {
			conds = append(conds, p.lower(k, fields))
		}
		return allOf(conds)
	case n.Any != nil:
		conds := make([]*cond, 0, len(n.Any))
		for _, k := range n.Any {
			conds = append(conds, p.lower(k, fields))
		}
		return anyOf(conds)
	}
	conds := make([]*cond, len(fields))
	for i, f := range fields {
		conds[i] = f.literal(n.Lit)
	}
	return anyOf(conds)
}

func allOf(conds []*cond) *cond {
	kept := conds[:0:0]
	for _, c := range conds {
		if c != nil {
			kept = append(kept, c)
		}
	}
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return kept[0]
	}
	return &cond{all: kept}
}

func anyOf(conds []*cond) *cond {
	for _, c := range conds {
		if c == nil {
			return nil
		}
	}
	conds = merge(conds)
	switch len(conds) {
	case 0:
		return nil
	case 1:
		return conds[0]
	}
	return &cond{any: conds}
}

// merge joins alternatives: nested ones, and literals of the same field.
func merge(conds []*cond) []*cond {
	var out []*cond
	byField := map[int]*cond{}
	var add func(c *cond)
	add = func(c *cond) {
		switch {
		case c.any != nil && c.atLeast <= 1:
			for _, k := range c.any {
				add(k)
			}
		case c.literals == nil:
			out = append(out, c)
		case byField[c.field] == nil:
			own := &cond{field: c.field, literals: slices.Clone(c.literals)}
			byField[c.field] = own
			out = append(out, own)
		default:
			own := byField[c.field]
			own.literals = append(own.literals, c.literals...)
		}
	}
	for _, c := range conds {
		add(c)
	}
	for _, c := range byField {
		slices.Sort(c.literals)
		c.literals = slices.Compact(c.literals)
	}
	return out
}

// need derives the condition without which n can't be true. scopes are the
// lists of the enclosing loops, outermost first, nil where unknown.
func (p *Program) need(n *check.Node, scopes [][]*source) *cond {
	switch n.Op {
	case check.And:
		return allOf(p.needs(n.Args, scopes))
	case check.Or:
		return anyOf(p.needs(n.Args, scopes))
	case check.NOf:
		return p.needSome(n, scopes)
	case check.Loop:
		if n.Func.Name == "any" {
			return p.needLoop(n, scopes)
		}
	case check.Cmp:
		return p.needCompare(n, scopes)
	case check.In:
		return p.needIn(n, scopes)
	case check.Call:
		return p.needCall(n, scopes)
	}
	return nil
}

func (p *Program) needs(nodes []*check.Node, scopes [][]*source) []*cond {
	out := make([]*cond, len(nodes))
	for i, a := range nodes {
		out[i] = p.need(a, scopes)
	}
	return out
}

// needSome is met when at least N of the operands may be true.
func (p *Program) needSome(n *check.Node, scopes [][]*source) *cond {
	var kept []*cond
	free := 0
	for _, c := range p.needs(n.Args, scopes) {
		if c == nil {
			free++
		} else {
			kept = append(kept, c)
		}
	}
	if free >= n.N {
		return nil
	}
	return &cond{any: kept, atLeast: n.N - free}
}

// needLoop is what the body of any needs, over the list's sources, and what
// the filters of the list need.
func (p *Program) needLoop(n *check.Node, scopes [][]*source) *cond {
	conds := []*cond{}
	list := n.Args[0]
	inner := append(scopes[:len(scopes):len(scopes)], p.sources(list, scopes))
	conds = append(conds, p.need(n.Args[1], inner))
	for list.Op == check.Loop && (list.Func.Name == "filter" || list.Func.Name == "distinct") {
		if list.Func.Name == "filter" {
			conds = append(conds, p.need(list.Args[1], append(scopes[:len(scopes):len(scopes)], p.sources(list.Args[0], scopes))))
		}
		list = list.Args[0]
	}
	return allOf(conds)
}

// sources returns the lists that together hold every item of n, nil when that
// is not known.
func (p *Program) sources(n *check.Node, scopes [][]*source) []*source {
	switch {
	case n.Op == check.Loop && (n.Func.Name == "filter" || n.Func.Name == "distinct"):
		return p.sources(n.Args[0], scopes)
	case n.Op == check.Array && len(n.Args) > 0:
		return p.elementSources(n)
	case !static(n) || n.Type.Kind != value.List:
		return nil
	case n.Free == 0:
		return []*source{{key: "/" + strconv.Itoa(n.ID), steps: []*check.Node{n}}}
	}
	if len(scopes) == 0 {
		return nil
	}
	var out []*source
	for _, outer := range scopes[len(scopes)-1] {
		if len(outer.steps) >= check.MaxLoops/2 {
			return nil
		}
		out = append(out, &source{key: outer.key + "/" + strconv.Itoa(n.ID), steps: append(outer.steps[:len(outer.steps):len(outer.steps)], n)})
	}
	return out
}

// elementSources treats each text of an array literal as a source of its own.
func (p *Program) elementSources(n *check.Node) []*source {
	for _, a := range n.Args {
		if a.Free != 0 || !static(a) || a.Type.Kind != value.String {
			return nil
		}
	}
	return []*source{{key: "/" + strconv.Itoa(n.ID), steps: []*check.Node{n}}}
}

// fieldsOf returns the fields that together hold every text that n may be,
// nil when that is not known.
func (p *Program) fieldsOf(n *check.Node, scopes [][]*source) []*field {
	if !static(n) {
		return nil
	}
	if n.Free == 0 {
		return []*field{p.field(nil, n)}
	}
	if len(scopes) == 0 || n.Free != 1 {
		return nil
	}
	var out []*field
	for _, src := range scopes[len(scopes)-1] {
		out = append(out, p.field(src, n))
	}
	return out
}

func (p *Program) needCompare(n *check.Node, scopes [][]*source) *cond {
	if len(n.Ops) != 1 {
		return nil
	}
	a, b := n.Args[0], n.Args[1]
	if c := p.needLength(n, a, b, scopes); c != nil {
		return c
	}
	if a.Op == check.Const {
		a, b = b, a
	}
	switch n.Ops[0] {
	case "==", "=~":
	default:
		return nil
	}
	if b.Op == check.Const && b.Const.Kind() == value.Bool && b.Const.Bool() {
		return p.need(a, scopes)
	}
	if b.Op != check.Const || b.Const.Kind() != value.String {
		return nil
	}
	return p.lower(text.NeedLiteral(text.Fold(b.Const.Str())), p.fieldsOf(a, scopes))
}

// needLength reads length(filter(…)) > n, ≥ n or == n as "some item passes".
func (p *Program) needLength(n, a, b *check.Node, scopes [][]*source) *cond {
	if a.Op != check.Loop || a.Func.Name != "length" || b.Op != check.Const || b.Const.Kind() != value.Int {
		return nil
	}
	list := a.Args[0]
	for list.Op == check.Loop && list.Func.Name == "distinct" {
		list = list.Args[0]
	}
	least := b.Const.Int()
	switch n.Ops[0] {
	case ">":
		least++
	case ">=", "==":
	default:
		return nil
	}
	if least < 1 || list.Op != check.Loop || list.Func.Name != "filter" {
		return nil
	}
	return p.needLoop(list, scopes)
}

func (p *Program) needIn(n *check.Node, scopes [][]*source) *cond {
	if n.Negate {
		return nil
	}
	x, list := n.Args[0], n.Args[1]
	if x.Op == check.Const && x.Const.Kind() == value.String && static(list) {
		return p.lower(text.NeedLiteral(text.Fold(x.Const.Str())), p.fieldsOf(list, scopes))
	}
	if list.Op != check.Array || !constants(list) || len(list.Args) == 0 {
		return nil
	}
	fields := p.fieldsOf(x, scopes)
	if fields == nil {
		return nil
	}
	conds := make([]*cond, 0, len(list.Args))
	for _, a := range list.Args {
		if a.Const.Kind() != value.String {
			return nil
		}
		conds = append(conds, p.lower(text.NeedLiteral(text.Fold(a.Const.Str())), fields))
	}
	return anyOf(conds)
}

func (p *Program) needCall(n *check.Node, scopes [][]*source) *cond {
	name := n.Func.Name
	if name == "coalesce" {
		last := n.Args[len(n.Args)-1]
		if len(n.Args) == 2 && last.Op == check.Const && last.Const.Kind() == value.Bool && !last.Const.Bool() {
			return p.need(n.Args[0], scopes)
		}
		return nil
	}
	if n.Func.Needs != "" || n.Type.Kind != value.Bool || name == "beta.ip_in" || len(n.Args) < 2 || !constants(&check.Node{Args: n.Args[1:]}) {
		return nil
	}
	fields := p.fieldsOf(n.Args[0], scopes)
	if fields == nil {
		return nil
	}
	conds := make([]*cond, 0, len(n.Args)-1)
	for _, a := range n.Args[1:] {
		if a.Const.Kind() != value.String {
			return nil
		}
		pattern := a.Const.Str()
		need := text.NeedRegexp(pattern)
		if !strings.HasPrefix(name, "regex.") {
			kind := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "strings."), "i"), ".")
			need = patternNeed(kind, pattern)
		}
		conds = append(conds, p.lower(need, fields))
	}
	return anyOf(conds)
}
