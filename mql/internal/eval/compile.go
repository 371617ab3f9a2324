package eval

import (
	"slices"
	"strconv"

	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
)

// minMemoCost is the price from which a shared subexpression is remembered:
// below it evaluating costs about as much as remembering.
const minMemoCost = 12

func shared(n *check.Node) bool { return n.Free == 0 && n.Uses > 1 && n.Cost >= minMemoCost }

// boolean reports whether n is compiled as a truth value.
func boolean(n *check.Node) bool {
	switch n.Op {
	case check.Not, check.Cmp, check.In, check.IsNull, check.NOf, check.And, check.Or:
		return true
	case check.Loop:
		return n.Func.Name == "any" || n.Func.Name == "all"
	case check.Call:
		return n.Func.Impl == nil && n.Func.Needs == "" && n.Type.Kind == value.Bool && n.Func.Name != "coalesce"
	}
	return false
}

// val compiles n as a value.
func (p *Program) val(n *check.Node) valFn {
	if fn := p.vals[n.ID]; fn != nil {
		return fn
	}
	var fn valFn
	if boolean(n) {
		t := p.tri(n, false)
		fn = func(r *Run) value.Value { return t(r).Value() }
	} else {
		fn = p.plainVal(n)
		if shared(n) {
			fn = p.remember(fn)
		}
	}
	p.vals[n.ID] = fn
	return fn
}

// remember wraps fn so that it runs once per message.
func (p *Program) remember(fn valFn) valFn {
	slot := p.slots
	p.slots++
	return func(r *Run) value.Value {
		if r.stamps[slot] == r.epoch && r.trace == nil {
			return r.memo[slot]
		}
		v := fn(r)
		if r.over == "" && r.trace == nil {
			r.stamps[slot], r.memo[slot] = r.epoch, v
		}
		return v
	}
}

// tri compiles n as a truth value. With positive, the caller only wants to
// know whether it can be true: false and null may stand for each other.
func (p *Program) tri(n *check.Node, positive bool) triFn {
	key := 2 * n.ID
	if positive {
		key++
	}
	if fn := p.tris[key]; fn != nil {
		return fn
	}
	var fn triFn
	if boolean(n) {
		fn = p.plainTri(n, positive)
		if shared(n) {
			plain := fn
			v := p.remember(func(r *Run) value.Value { return plain(r).Value() })
			fn = func(r *Run) value.Tri { return v(r).Tri() }
		}
	} else {
		v := p.val(n)
		fn = func(r *Run) value.Tri { return v(r).Tri() }
	}
	p.tris[key] = fn
	return fn
}

func (p *Program) plainVal(n *check.Node) valFn {
	switch n.Op {
	case check.Const:
		v := n.Const
		return func(*Run) value.Value { return v }
	case check.Root:
		return func(r *Run) value.Value { return r.msg }
	case check.Scope:
		k := n.N
		return func(r *Run) value.Value { return r.scopes[r.depth-k] }
	case check.Path:
		return p.path(n)
	case check.Extra:
		return p.extra(n)
	case check.Gate:
		return p.gate(n)
	case check.Index:
		return p.index(n)
	case check.Array:
		return p.array(n)
	case check.List:
		return p.list(n)
	case check.Neg, check.Arith:
		return p.arith(n)
	case check.Loop:
		return p.loop(n)
	case check.Call:
		return p.call(n)
	}
	return func(*Run) value.Value { return value.Value{} }
}

func (p *Program) path(n *check.Node) valFn {
	path := n.Path
	switch base := n.Args[0]; base.Op {
	case check.Root:
		return func(r *Run) value.Value { return path.Get(r.msg) }
	case check.Scope:
		k := base.N
		return func(r *Run) value.Value { return path.Get(r.scopes[r.depth-k]) }
	default:
		v := p.val(base)
		return func(r *Run) value.Value { return path.Get(v(r)) }
	}
}

// extra is a field that the model lacks: null, or an empty list.
func (p *Program) extra(n *check.Node) valFn {
	base := p.val(n.Args[0])
	v := value.Value{}
	if n.Type.Kind == value.List {
		v = value.OfList(nil)
	}
	return func(r *Run) value.Value {
		if b := base(r); b.Kind() == value.Missing {
			return value.OfMissing(b.Names())
		}
		return v
	}
}

// gate compiles a field that a capability of its own fills.
func (p *Program) gate(n *check.Node) valFn {
	field, owner, name := p.val(n.Args[0]), p.val(n.Args[0].Args[0]), n.Name
	return func(r *Run) value.Value {
		v := field(r)
		if !v.IsNull() || owner(r).IsNull() {
			return v
		}
		if _, ok := r.caps[name]; ok {
			return v
		}
		return value.OfMissing(r.names(name))
	}
}

func (p *Program) index(n *check.Node) valFn {
	list, at := p.val(n.Args[0]), p.val(n.Args[1])
	return func(r *Run) value.Value {
		v, i := list(r), at(r)
		switch {
		case v.IsNull() || i.IsNull():
			return value.Value{}
		case v.Kind() == value.Missing:
			return value.OfMissing(v.Names())
		case i.Kind() == value.Missing:
			return value.OfMissing(i.Names())
		case v.Kind() == value.List && i.Kind() == value.Int:
			if k := i.Int(); k >= 0 && k < int64(v.Len()) {
				return v.At(int(k))
			}
		case v.Kind() == value.Map && i.Kind() == value.String:
			return v.Lookup(i.Str())
		}
		return value.Value{}
	}
}

func (p *Program) array(n *check.Node) valFn {
	items := make([]valFn, len(n.Args))
	constant := true
	for i, a := range n.Args {
		items[i] = p.val(a)
		constant = constant && a.Op == check.Const
	}
	if constant {
		vals := make([]value.Value, len(n.Args))
		for i, a := range n.Args {
			vals[i] = a.Const
		}
		v := value.OfList(vals)
		return func(*Run) value.Value { return v }
	}
	return func(r *Run) value.Value {
		vals := make([]value.Value, len(items))
		for i, item := range items {
			vals[i] = item(r)
		}
		return value.OfList(vals)
	}
}

func (p *Program) listSlot(name string) int {
	slot, ok := p.listSlots[name]
	if !ok {
		slot = len(p.lists)
		p.listSlots[name] = slot
		p.lists = append(p.lists, name)
	}
	return slot
}

func (p *Program) list(n *check.Node) valFn {
	slot, name := p.listSlot(n.Name), "$"+n.Name
	return func(r *Run) value.Value {
		if l := r.lists[slot]; l != nil {
			if v, ok := l.Items(); ok {
				return v
			}
		}
		return value.OfMissing(r.names(name))
	}
}

func (p *Program) arith(n *check.Node) valFn {
	a := p.val(n.Args[0])
	if n.Op == check.Neg {
		return func(r *Run) value.Value { return arithmetic('-', value.OfInt(0), a(r)) }
	}
	b, op := p.val(n.Args[1]), n.Name[0]
	return func(r *Run) value.Value { return arithmetic(op, a(r), b(r)) }
}

// arithmetic computes a op b: integers stay integers, division truncates and
// is null by zero, mixed operands are floats.
func arithmetic(op byte, a, b value.Value) value.Value {
	switch {
	case a.IsNull() || b.IsNull():
		return value.Value{}
	case a.Kind() == value.Missing:
		return value.OfMissing(a.Names())
	case b.Kind() == value.Missing:
		return value.OfMissing(b.Names())
	case a.Kind() == value.Int && b.Kind() == value.Int:
		return integers(op, a.Int(), b.Int())
	case (a.Kind() == value.Int || a.Kind() == value.Float) && (b.Kind() == value.Int || b.Kind() == value.Float):
		x, y := a.Float(), b.Float()
		switch op {
		case '+':
			return value.OfFloat(x + y)
		case '-':
			return value.OfFloat(x - y)
		case '*':
			return value.OfFloat(x * y)
		case '/':
			return value.OfFloat(x / y)
		}
	}
	return value.Value{}
}

func integers(op byte, x, y int64) value.Value {
	switch op {
	case '+':
		return value.OfInt(x + y)
	case '-':
		return value.OfInt(x - y)
	case '*':
		return value.OfInt(x * y)
	}
	if y == 0 {
		return value.Value{}
	}
	if op == '/' {
		return value.OfInt(x / y)
	}
	return value.OfInt(x % y)
}

// call compiles functions of values. Tests of texts are truth values and
// compiled elsewhere.
func (p *Program) call(n *check.Node) valFn {
	f := n.Func
	args := make([]valFn, len(n.Args))
	for i, a := range n.Args {
		args[i] = p.val(a)
	}
	switch f.Name {
	case "coalesce":
		return p.coalesce(n, args)
	case "keys", "values":
		return entries(f.Name, args[0])
	case "regex.count", "regex.icount":
		return p.regexCount(n)
	case "regex.extract", "regex.iextract":
		return p.regexExtract(n)
	}
	if f.Needs != "" || f.Asked {
		if len(args) == 0 {
			return func(r *Run) value.Value { return r.ask(f, nil) }
		}
		return func(r *Run) value.Value {
			v := r.ask(f, evalAll(r, args))
			r.drop(len(args))
			return v
		}
	}
	return func(r *Run) value.Value {
		vals := evalAll(r, args)
		defer r.drop(len(args))
		for i, v := range vals {
			if v.Kind() == value.Missing {
				return value.OfMissing(v.Names())
			}
			if v.IsNull() && (i < len(f.In) || f.Variadic) {
				return value.Value{}
			}
		}
		if !r.spend(1) {
			return value.OfMissing(r.names(r.over))
		}
		return f.Impl(&r.scratch, vals)
	}
}

// evalAll computes the arguments of a call, on the run's stack of arguments;
// the caller drops them when it is done.
func evalAll(r *Run, fns []valFn) []value.Value {
	for _, fn := range fns {
		v := fn(r)
		r.args = append(r.args, v)
	}
	n := len(r.args)
	return r.args[n-len(fns) : n : n]
}

func (r *Run) drop(n int) { r.args = r.args[:len(r.args)-n] }

func (p *Program) coalesce(n *check.Node, args []valFn) valFn {
	if n.Type.Kind == value.Bool {
		tris := make([]triFn, len(n.Args))
		for i, a := range n.Args {
			tris[i] = p.tri(a, false)
		}
		return func(r *Run) value.Value {
			t := value.Unknown()
			for _, fn := range tris {
				if t = t.Coalesce(fn(r)); !t.CanBeNull() {
					break
				}
			}
			return t.Value()
		}
	}
	return func(r *Run) value.Value {
		for _, fn := range args {
			if v := fn(r); !v.IsNull() {
				return v
			}
		}
		return value.Value{}
	}
}

func entries(name string, arg valFn) valFn {
	return func(r *Run) value.Value {
		m := arg(r)
		if m.Kind() == value.Missing {
			return value.OfMissing(m.Names())
		}
		if m.Kind() != value.Map {
			return value.Value{}
		}
		keys := m.Keys()
		vals := make([]value.Value, len(keys))
		for i, key := range keys {
			vals[i] = value.OfString(key)
			if name == "values" {
				vals[i] = m.Lookup(key)
			}
		}
		return value.OfList(vals)
	}
}

// plainTri compiles the nodes that are truth values.
func (p *Program) plainTri(n *check.Node, positive bool) triFn {
	switch n.Op {
	case check.Not:
		return p.not(n)
	case check.And:
		return p.and(n, positive)
	case check.Or:
		return p.or(n, positive)
	case check.NOf:
		return p.nOf(n, positive)
	case check.Cmp:
		return p.compare(n)
	case check.In:
		return p.in(n)
	case check.IsNull:
		return p.isNull(n)
	case check.Loop:
		return p.quantifier(n, positive)
	case check.Call:
		return p.textTest(n, positive)
	}
	return func(*Run) value.Tri { return value.Unknown() }
}

func (p *Program) not(n *check.Node) triFn {
	fn := p.tri(n.Args[0], false)
	return func(r *Run) value.Tri {
		if r.trace != nil {
			r.trace.mute++
			defer func() { r.trace.mute-- }()
		}
		return fn(r).Not()
	}
}

// byCost returns the operands of a commutative operator, cheapest first: all
// are pure, so the order shows only in the time it takes.
func byCost(n *check.Node) []*check.Node {
	args := slices.Clone(n.Args)
	slices.SortStableFunc(args, func(a, b *check.Node) int { return a.Cost - b.Cost })
	return args
}

func (p *Program) truths(nodes []*check.Node, positive bool) []triFn {
	fns := make([]triFn, len(nodes))
	for i, n := range nodes {
		fns[i] = p.tri(n, positive)
	}
	return fns
}

// proven compiles n as a truth value for when what it needs is met, and only
// that it can be true matters: without the tests that this proves.
func (p *Program) proven(n *check.Node) triFn {
	if c := p.need(n, nil); c != nil && c.proves && c == p.condIDs["holds "+strconv.Itoa(n.ID)] {
		return func(*Run) value.Tri { return value.True() }
	}
	if n.Op != check.And || shared(n) {
		return p.tri(n, true)
	}
	var rest []triFn
	for _, a := range byCost(n) {
		if c := p.need(a, nil); c == nil || !c.proves || c != p.condIDs["holds "+strconv.Itoa(a.ID)] {
			rest = append(rest, p.proven(a))
		}
	}
	return conjoin(rest, true)
}

// trusts reports whether met conditions prove what they test, and whether that
// is all that matters.
func (r *Run) trusts() bool { return !r.plain && !r.unsure && r.trace == nil }

// alternative is an operand of a disjunction or a count.
type alternative struct {
	fn     triFn
	need   *cond // without which it can't be true; nil if not known
	proven triFn // for when that is met
}

// of evaluates the alternative; none says that no alternative that needs
// something has it.
func (a *alternative) of(r *Run, none bool) value.Tri {
	fn := a.fn
	if a.need != nil && !r.plain {
		if none || !r.met(a.need) {
			return value.False()
		}
		if r.trusts() {
			fn = a.proven
		}
	}
	mark := r.mark()
	t := fn(r)
	r.rewind(mark, t)
	return t
}

// alternatives compiles the operands of which some must be true. Where only
// that matters, each stands behind what it needs, and any behind what all of
// these need.
func (p *Program) alternatives(n *check.Node, positive bool) (alts []alternative, any *cond) {
	var needs []*cond
	for _, a := range byCost(n) {
		alt := alternative{fn: p.tri(a, positive)}
		if positive && a.Free == 0 {
			if alt.need = p.need(a, nil); alt.need != nil {
				needs = append(needs, alt.need)
				alt.proven = p.proven(a)
			}
		}
		alts = append(alts, alt)
	}
	if len(needs) > 1 {
		any = p.anyOf(needs)
	}
	return alts, any
}

func (p *Program) and(n *check.Node, positive bool) triFn {
	return conjoin(p.truths(byCost(n), positive), positive)
}

func conjoin(fns []triFn, positive bool) triFn {
	return func(r *Run) value.Tri {
		mark := r.mark()
		acc := value.True()
		for _, fn := range fns {
			acc = acc.And(fn(r))
			if acc.IsFalse() || positive && !acc.CanBeTrue() {
				break
			}
		}
		if positive {
			acc = decided(acc)
		}
		r.rewind(mark, acc)
		return acc
	}
}

func (p *Program) or(n *check.Node, positive bool) triFn {
	alts, any := p.alternatives(n, positive)
	return func(r *Run) value.Tri {
		acc := value.False()
		none := any != nil && !r.plain && !r.met(any)
		for i := range alts {
			t := alts[i].of(r, none)
			if positive {
				t = decided(t)
			}
			if acc = acc.Or(t); acc.IsTrue() {
				break
			}
		}
		return acc
	}
}

// decided is false for what can't be true, where only that matters: what it
// lacked does not matter either, with and without the prefilter.
func decided(t value.Tri) value.Tri {
	if !t.CanBeTrue() {
		return value.False()
	}
	return t
}

// mark and rewind drop the quotes of what did not turn out true.
func (r *Run) mark() int {
	if r.trace == nil {
		return 0
	}
	return len(r.trace.quotes)
}

func (r *Run) rewind(mark int, t value.Tri) {
	if r.trace != nil && !t.IsTrue() && r.trace.mute == 0 {
		r.trace.quotes = r.trace.quotes[:min(mark, len(r.trace.quotes))]
	}
}

// nOf counts: at least N true is true; else null where one is null, else false.
func (p *Program) nOf(n *check.Node, positive bool) triFn {
	alts, any := p.alternatives(n, positive)
	need := n.N
	return func(r *Run) value.Tri {
		sure, maybe, nulls, mayNull := 0, 0, false, false
		var names *value.Names
		none := any != nil && !r.plain && !r.met(any)
		for i := range alts {
			t := alts[i].of(r, none)
			if positive {
				t = decided(t)
			}
			switch {
			case t.IsTrue():
				if sure++; sure >= need {
					return value.True()
				}
			case t.IsNull():
				nulls = true
			case !t.IsFalse():
				if t.CanBeTrue() {
					maybe++
				}
				mayNull = mayNull || t.CanBeNull()
				names = value.Union(names, t.Names())
			}
			if positive && sure+maybe+len(alts)-1-i < need {
				return value.False()
			}
		}
		// The possible outcomes, as a disjunction of what each would be.
		out := value.False()
		if nulls {
			out = value.Unknown()
		}
		unsure := value.MissingTri(names)
		switch {
		case sure+maybe >= need:
			if nulls {
				return out.Or(unsure) // true or null
			}
			return unsure
		case mayNull && !nulls:
			return value.Unknown().And(unsure) // null or false
		}
		return out
	}
}

func (p *Program) isNull(n *check.Node) triFn {
	negate := n.Negate
	if boolean(n.Args[0]) || n.Args[0].Type.Kind == value.Bool {
		fn := p.tri(n.Args[0], false)
		return func(r *Run) value.Tri {
			t := fn(r)
			switch {
			case t.IsNull():
				return value.Of(!negate)
			case !t.CanBeNull():
				return value.Of(negate)
			}
			return definite(t.Names())
		}
	}
	fn := p.val(n.Args[0])
	return func(r *Run) value.Tri {
		v := fn(r)
		if v.Kind() == value.Missing {
			return definite(v.Names())
		}
		return value.Of(v.IsNull() != negate)
	}
}

// definite is a truth value that is true or false, never null.
func definite(names *value.Names) value.Tri {
	return value.MissingTri(names).Coalesce(value.False())
}
