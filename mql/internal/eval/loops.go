package eval

import (
	"unicode/utf8"

	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
)

// items returns the list that a loop runs over: a map's values in the order of
// its keys, null for what is no list.
func items(v value.Value) value.Value {
	switch v.Kind() {
	case value.List, value.Missing:
		return v
	case value.Map:
		keys := v.Keys()
		vals := make([]value.Value, len(keys))
		for i, key := range keys {
			vals[i] = v.Lookup(key)
		}
		return value.OfList(vals)
	}
	return value.Value{}
}

// quantifier compiles any and all. Over a null list any is null and all true.
func (p *Program) quantifier(n *check.Node, positive bool) triFn {
	if n.Func.Name == "all" {
		return p.all(n)
	}
	if fn := p.anyWithin(n); fn != nil {
		return fn
	}
	src, body, bodies := n.Args[0], p.tri(n.Args[1], positive), n.Args[1:]
	if positive {
		// any(filter(L, P), Q) fires exactly if any(L, P and Q) does, and the
		// second needs no new list and loses no precision where P is missing.
		for src.Op == check.Loop && src.Func.Name == "filter" {
			pred, rest := p.tri(src.Args[1], true), body
			body = func(r *Run) value.Tri {
				t := pred(r)
				if !t.CanBeTrue() {
					return value.False()
				}
				return t.And(rest(r))
			}
			bodies = append(bodies[:len(bodies):len(bodies)], src.Args[1])
			src = src.Args[0]
		}
	}
	loop := anyOver(p.val(src), body, positive, src.Refs, p.alikeOf(src, bodies))
	if !positive || n.Free != 0 {
		return loop
	}
	guard := p.needOf(n, nil)
	if guard == nil {
		return loop
	}
	return func(r *Run) value.Tri {
		if !r.plain && !r.met(guard) {
			return value.False()
		}
		return loop(r)
	}
}

// anyOver is true where the body is for an item. The list refers to the loops
// refs; of items that are alike the first is enough.
func anyOver(list valFn, body triFn, positive bool, refs uint32, like *alike) triFn {
	return func(r *Run) value.Tri {
		v := items(list(r))
		switch v.Kind() {
		case value.Null:
			return value.Unknown()
		case value.Missing:
			return overMissing(r, v, body)
		}
		acc, outer, n := value.False(), r.place(refs), v.Len()
		few := r.firstsOf(like, v)
		if few != nil {
			n = len(few.at)
		}
		for i := range n {
			if few != nil {
				i = int(few.at[i])
			}
			if !r.spend(1) {
				return r.overrun()
			}
			mark := r.mark()
			r.push(v.At(i), max(i, outer))
			t := body(r)
			r.depth--
			r.rewind(mark, t)
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

// overMissing is any over a list that could not be asked for: where the body
// can't be true of whatever item, any can't either.
func overMissing(r *Run, list value.Value, body triFn) value.Tri {
	t := ofMissingItem(r, list, body)
	if t.CanBeTrue() {
		return value.MissingTri(value.Union(list.Names(), t.Names()))
	}
	return value.Unknown().And(value.MissingTri(list.Names()))
}

// ofMissingItem evaluates the body of a loop for an unknown item.
func ofMissingItem(r *Run, list value.Value, body triFn) value.Tri {
	if !r.spend(1) {
		return r.overrun()
	}
	r.push(list, 0)
	t := body(r)
	r.depth--
	return t
}

func (p *Program) all(n *check.Node) triFn {
	list, body, refs := p.val(n.Args[0]), p.tri(n.Args[1], false), n.Args[0].Refs
	return func(r *Run) value.Tri {
		v := items(list(r))
		switch v.Kind() {
		case value.Null:
			return value.True()
		case value.Missing:
			return value.MissingTri(v.Names())
		}
		acc, outer := value.True(), r.place(refs)
		for i := range v.Len() {
			if !r.spend(1) {
				return r.overrun()
			}
			r.push(v.At(i), max(i, outer))
			t := body(r)
			r.depth--
			if acc = acc.And(t); acc.IsFalse() {
				break
			}
		}
		return acc
	}
}

// loop compiles the collection functions that answer values.
func (p *Program) loop(n *check.Node) valFn {
	list, refs := p.val(n.Args[0]), n.Args[0].Refs
	switch n.Func.Name {
	case "length":
		return func(r *Run) value.Value { return length(list(r)) }
	case "sum":
		return func(r *Run) value.Value { return sum(r, items(list(r))) }
	case "flatten":
		return func(r *Run) value.Value { return flatten(r, items(list(r))) }
	case "filter":
		return p.filter(list, p.tri(n.Args[1], false), refs, p.alikeOf(n.Args[0], n.Args[1:]))
	case "ratio":
		return p.ratio(list, p.tri(n.Args[1], false), refs)
	case "map":
		return p.mapping(list, p.val(n.Args[1]), refs)
	}
	body := func(r *Run) value.Value { return r.scopes[r.depth-1] }
	if len(n.Args) > 1 {
		body = p.val(n.Args[1])
	}
	return p.distinct(list, body, refs)
}

func length(v value.Value) value.Value {
	switch v.Kind() {
	case value.List:
		return value.OfInt(int64(v.Len()))
	case value.String:
		return value.OfInt(int64(utf8.RuneCountInString(v.Str())))
	case value.Map:
		return value.OfInt(int64(len(v.Keys())))
	case value.Missing:
		return value.OfMissing(v.Names())
	}
	return value.Value{}
}

func sum(r *Run, v value.Value) value.Value {
	if v.Kind() != value.List {
		if v.Kind() == value.Missing {
			return v
		}
		return value.OfInt(0)
	}
	total := value.OfInt(0)
	var names *value.Names
	for i := range v.Len() {
		if !r.spend(1) {
			return value.OfMissing(r.names(r.over))
		}
		switch x := v.At(i); x.Kind() {
		case value.Int, value.Float:
			total = arithmetic('+', total, x)
		case value.Missing:
			names = value.Union(names, x.Names())
		}
	}
	if names != nil {
		return value.OfMissing(names)
	}
	return total
}

func flatten(r *Run, v value.Value) value.Value {
	if v.Kind() == value.Missing {
		return v
	}
	out := []value.Value{}
	for i := range listLen(v) {
		inner := v.At(i)
		if inner.Kind() == value.Missing {
			return inner
		}
		for j := range listLen(inner) {
			if !r.spend(1) {
				return value.OfMissing(r.names(r.over))
			}
			out = append(out, inner.At(j))
		}
	}
	return value.OfList(out)
}

func listLen(v value.Value) int {
	if v.Kind() != value.List {
		return 0
	}
	return v.Len()
}

// filter keeps the items for which the body is true; it looks once at items
// that are alike.
func (p *Program) filter(list valFn, body triFn, refs uint32, like *alike) valFn {
	return func(r *Run) value.Value {
		v := items(list(r))
		if v.Kind() == value.Missing {
			if t := ofMissingItem(r, v, body); t.CanBeTrue() {
				return value.OfMissing(value.Union(v.Names(), t.Names()))
			}
			return value.OfList(nil)
		}
		out, outer := []value.Value{}, r.place(refs)
		var names *value.Names
		var known []value.Tri // by item, where some are alike
		few := r.firstsOf(like, v)
		if few != nil {
			known = make([]value.Tri, v.Len())
		}
		for i := range listLen(v) {
			if !r.spend(1) {
				return value.OfMissing(r.names(r.over))
			}
			item := v.At(i)
			var t value.Tri
			if few != nil && int(few.like[i]) < i {
				t = known[few.like[i]]
			} else {
				r.push(item, max(i, outer))
				t = body(r)
				r.depth--
			}
			if few != nil {
				known[i] = t
			}
			switch {
			case t.IsTrue():
				out = append(out, item)
			case t.CanBeTrue():
				names = value.Union(names, t.Names())
			}
		}
		if names != nil {
			return value.OfMissing(names)
		}
		return value.OfList(out)
	}
}

func (p *Program) ratio(list valFn, body triFn, refs uint32) valFn {
	return func(r *Run) value.Value {
		v := items(list(r))
		if v.Kind() == value.Missing {
			return v
		}
		if listLen(v) == 0 {
			return value.Value{}
		}
		n, outer := 0, r.place(refs)
		var names *value.Names
		for i := range v.Len() {
			if !r.spend(1) {
				return value.OfMissing(r.names(r.over))
			}
			r.push(v.At(i), max(i, outer))
			t := body(r)
			r.depth--
			switch {
			case t.IsTrue():
				n++
			case t.CanBeTrue():
				names = value.Union(names, t.Names())
			}
		}
		if names != nil {
			return value.OfMissing(names)
		}
		return value.OfFloat(float64(n) / float64(v.Len()))
	}
}

func (p *Program) mapping(list, body valFn, refs uint32) valFn {
	return func(r *Run) value.Value {
		v := items(list(r))
		if v.Kind() != value.List {
			return v
		}
		out, outer := make([]value.Value, v.Len()), r.place(refs)
		for i := range out {
			if !r.spend(1) {
				return value.OfMissing(r.names(r.over))
			}
			r.push(v.At(i), max(i, outer))
			out[i] = body(r)
			r.depth--
		}
		return value.OfList(out)
	}
}

// distinct keeps the first item of each key.
func (p *Program) distinct(list, body valFn, refs uint32) valFn {
	return func(r *Run) value.Value {
		v := items(list(r))
		if v.Kind() == value.Missing {
			return v
		}
		out, outer := []value.Value{}, r.place(refs)
		seen := map[any]struct{}{}
		for i := range listLen(v) {
			if !r.spend(1) {
				return value.OfMissing(r.names(r.over))
			}
			item := v.At(i)
			r.push(item, max(i, outer))
			key := body(r)
			r.depth--
			if key.Kind() == value.Missing {
				return value.OfMissing(key.Names())
			}
			k := identity(key)
			if _, ok := seen[k]; !ok {
				seen[k] = struct{}{}
				out = append(out, item)
			}
		}
		return value.OfList(out)
	}
}

// identity is equal for equal keys.
func identity(v value.Value) any {
	switch v.Kind() {
	case value.Int:
		return float64(v.Int())
	case value.List, value.Map:
		return v.Show(1 << 16)
	}
	return v.Go()
}
