package eval

import (
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
		noting := r.quotes() // what is remembered has no passages
		if r.stamps[slot] == r.epoch && !noting {
			return r.memo[slot]
		}
		v := fn(r)
		if r.over == "" && !noting {
			r.stamps[slot], r.memo[slot] = r.epoch, v
			r.used = append(r.used, int32(slot))
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
