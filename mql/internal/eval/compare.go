package eval

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"foregate/mql/internal/builtin"
	"foregate/mql/internal/check"
	"foregate/mql/internal/lists"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// compare compiles one comparison or a chain of < and <=.
func (p *Program) compare(n *check.Node) triFn {
	if fn := p.truth(n); fn != nil {
		return fn
	}
	if fn := p.near(n); fn != nil {
		return fn
	}
	return p.relation(n)
}

// near compiles strings.levenshtein(a, b) <= limit, and 0 < … < limit, which
// most texts fail by their length; nil for other comparisons.
func (p *Program) near(n *check.Node) triFn {
	k := len(n.Ops) - 1
	call, limit := n.Args[k], n.Args[k+1]
	if n.Ops[k] != "<=" && n.Ops[k] != "<" || limit.Op != check.Const || limit.Const.Kind() != value.Int || k > 1 || k == 1 && n.Args[0].Op != check.Const ||
		call.Op != check.Call || call.Func.Name != "strings.levenshtein" && call.Func.Name != "strings.ilevenshtein" {
		return nil
	}
	most := int(min(max(limit.Const.Int(), 0), 1<<20))
	a, b, full := p.val(call.Args[0]), p.val(call.Args[1]), p.relation(n)
	return func(r *Run) value.Tri {
		x, y := a(r), b(r)
		if x.Kind() == value.String && y.Kind() == value.String && text.FartherThan(x.Str(), y.Str(), most) {
			return value.False()
		}
		return full(r)
	}
}

// relation compiles the comparisons of values.
func (p *Program) relation(n *check.Node) triFn {
	args := make([]valFn, len(n.Args))
	for i, a := range n.Args {
		args[i] = p.val(a)
	}
	if len(n.Ops) == 1 {
		op, a, b := opOf(n.Ops[0]), args[0], args[1]
		if c := n.Args[1]; op == opEqual && c.Op == check.Const && c.Const.Kind() == value.String {
			return equalsText(a, c.Const.Str(), Spell(n.Args[0]))
		}
		where, pattern := Spell(n.Args[0]), Spell(n.Args[1])
		if c := n.Args[1]; c.Op == check.Const {
			y := c.Const
			return func(r *Run) value.Tri {
				x := a(r)
				t := relate(r, op, x, y)
				if r.trace != nil && t.IsTrue() {
					r.quote(where, pattern, x.Show(quoteBytes))
				}
				return t
			}
		}
		return func(r *Run) value.Tri {
			x := a(r)
			t := relate(r, op, x, b(r))
			if r.trace != nil && t.IsTrue() {
				r.quote(where, pattern, x.Show(quoteBytes))
			}
			return t
		}
	}
	ops := make([]op, len(n.Ops))
	for i, o := range n.Ops {
		ops[i] = opOf(o)
	}
	return func(r *Run) value.Tri {
		acc := value.True()
		x := args[0](r)
		for i, o := range ops {
			y := args[i+1](r)
			if acc = acc.And(relate(r, o, x, y)); acc.IsFalse() {
				break
			}
			x = y
		}
		return acc
	}
}

// quoteBytes bounds one quoted passage.
const quoteBytes = 160

func equalsText(a valFn, want, where string) triFn {
	return func(r *Run) value.Tri {
		x := a(r)
		switch x.Kind() {
		case value.String:
			if x.Str() != want {
				return value.False()
			}
			if r.trace != nil {
				r.quote(where, want, want)
			}
			return value.True()
		case value.Null:
			return value.Unknown()
		case value.Missing:
			return value.MissingTri(x.Names())
		}
		return value.False()
	}
}

// truth compiles comparisons of a truth value with true or false, which keep
// what is known of a truth value that is partly missing; nil for others.
func (p *Program) truth(n *check.Node) triFn {
	if len(n.Ops) != 1 || n.Ops[0] != "==" && n.Ops[0] != "!=" {
		return nil
	}
	for i, a := range n.Args {
		other := n.Args[1-i]
		if a.Op != check.Const || a.Const.Kind() != value.Bool || other.Type.Kind != value.Bool {
			continue
		}
		fn := p.tri(other, false)
		if a.Const.Bool() == (n.Ops[0] == "==") {
			return fn
		}
		return func(r *Run) value.Tri { return fn(r).Not() }
	}
	return nil
}

type op uint8

const (
	opEqual op = iota
	opNotEqual
	opFold
	opNotFold
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
)

func opOf(s string) op {
	return map[string]op{"==": opEqual, "!=": opNotEqual, "=~": opFold, "!~": opNotFold,
		"<": opLess, "<=": opLessEqual, ">": opGreater, ">=": opGreaterEqual}[s]
}

// relate compares two values; null on a side is null.
func relate(r *Run, o op, a, b value.Value) value.Tri {
	switch {
	case a.IsNull() || b.IsNull():
		return value.Unknown()
	case a.Kind() == value.Missing:
		if b.Kind() == value.Missing {
			return value.MissingTri(value.Union(a.Names(), b.Names()))
		}
		return value.MissingTri(a.Names())
	case b.Kind() == value.Missing:
		return value.MissingTri(b.Names())
	}
	switch o {
	case opEqual:
		return value.Of(value.Equal(a, b))
	case opNotEqual:
		return value.Of(!value.Equal(a, b))
	case opFold, opNotFold:
		if a.Kind() != value.String || b.Kind() != value.String {
			return value.Of(o == opNotFold)
		}
		return value.Of(foldEqual(a, b) == (o == opFold))
	}
	c, ok := value.Compare(a, b)
	if !ok {
		return value.Unknown()
	}
	switch o {
	case opLess:
		return value.Of(c < 0)
	case opLessEqual:
		return value.Of(c <= 0)
	case opGreater:
		return value.Of(c > 0)
	}
	return value.Of(c >= 0)
}

// foldEqual is equality under folding.
func foldEqual(a, b value.Value) bool {
	return strings.EqualFold(a.Str(), b.Str())
}

// in compiles membership. A null on the left is null, also for "not in".
func (p *Program) in(n *check.Node) triFn {
	var fn triFn
	switch rhs := n.Args[1]; {
	case rhs.Op == check.List:
		fn = p.inNamed(n, rhs)
	case rhs.Op == check.Array && constants(rhs):
		fn = p.inConstants(n, rhs)
	default:
		fn = p.inList(n, rhs)
	}
	if n.Negate {
		return func(r *Run) value.Tri { return fn(r).Not() }
	}
	return fn
}

func constants(n *check.Node) bool {
	return !slices.ContainsFunc(n.Args, func(a *check.Node) bool { return a.Op != check.Const })
}

// inNamed looks up a $list.
func (p *Program) inNamed(n, rhs *check.Node) triFn {
	x, slot, name, fold, where := p.val(n.Args[0]), p.listSlot(rhs.Name), "$"+rhs.Name, n.Fold, Spell(n.Args[0])
	refs := n.Args[0].Refs
	return func(r *Run) value.Tri {
		v := x(r)
		switch v.Kind() {
		case value.Null:
			return value.Unknown()
		case value.Missing:
			return value.MissingTri(v.Names())
		case value.String:
		default:
			return value.False()
		}
		l := r.lists[slot]
		if l == nil {
			return value.MissingTri(r.names(name))
		}
		ok, err := r.has(l, v, fold, refs)
		if err != nil {
			if r.reasons == nil {
				r.reasons = map[string]string{}
			}
			r.reasons[name] = err.Error()
			return value.MissingTri(r.names(name))
		}
		if ok && r.trace != nil {
			r.quote(where, name, v.Show(quoteBytes))
		}
		return value.Of(ok)
	}
}

// maxLookups bounds what lists that live elsewhere are asked: of a list of the
// message they are asked about so many items, the first ones. Rules ask for the
// domains of links, of which an attacker may send any number. That the place of
// the item decides, and not how much was asked before, makes the outcome of a
// rule independent of other rules and of what the prefilter passes over.
const maxLookups = 500

var errLookups = fmt.Errorf("only the first %d items of a list are looked up", maxLookups)

// askedOf is a question to a list that lives elsewhere, and lookedUp what came of it.
type (
	askedOf struct {
		list  *lists.List
		entry string
	}
	lookedUp struct {
		ok  bool
		err error
	}
)

// has asks a list for v, which refers to the loops refs; a list that lives
// elsewhere once per message and entry.
func (r *Run) has(l *lists.List, v value.Value, fold bool, refs uint32) (bool, error) {
	if !l.Elsewhere() {
		return l.Has(r.ctx, v.Str(), fold)
	}
	if r.place(refs) >= maxLookups {
		return false, errLookups
	}
	key := askedOf{l, r.fold(v)}
	if a, ok := r.lookedUp[key]; ok {
		return a.ok, a.err
	}
	var a lookedUp
	a.ok, a.err = l.Has(r.ctx, v.Str(), fold)
	r.lookedUp[key] = a
	return a.ok, a.err
}

// inConstants looks in a list of literals.
func (p *Program) inConstants(n, rhs *check.Node) triFn {
	x, fold, where := p.val(n.Args[0]), n.Fold, Spell(n.Args[0])
	texts := map[string]struct{}{}
	var others []value.Value
	for _, a := range rhs.Args {
		switch {
		case a.Const.Kind() == value.String && fold:
			texts[text.Fold(a.Const.Str())] = struct{}{}
		case a.Const.Kind() == value.String:
			texts[a.Const.Str()] = struct{}{}
		case !a.Const.IsNull():
			others = append(others, a.Const)
		}
	}
	return func(r *Run) value.Tri {
		v := x(r)
		switch v.Kind() {
		case value.Null:
			return value.Unknown()
		case value.Missing:
			return value.MissingTri(v.Names())
		case value.String:
			s := v.Str()
			if fold {
				s = r.fold(v)
			}
			_, ok := texts[s]
			if ok && r.trace != nil {
				r.quote(where, strings.Clone(s), v.Show(quoteBytes))
			}
			return value.Of(ok)
		}
		for _, o := range others {
			if value.Equal(v, o) {
				return value.True()
			}
		}
		return value.False()
	}
}

// inList looks in a computed list: a null list is null, null elements are
// found by nothing.
func (p *Program) inList(n, rhs *check.Node) triFn {
	x, list, fold, where, pattern := p.val(n.Args[0]), p.val(rhs), n.Fold, Spell(n.Args[0]), Spell(rhs)
	return func(r *Run) value.Tri {
		v := x(r)
		if v.IsNull() {
			return value.Unknown()
		}
		l := list(r)
		switch {
		case v.Kind() == value.Missing:
			return value.MissingTri(v.Names())
		case l.Kind() == value.Missing:
			return value.MissingTri(l.Names())
		case l.Kind() != value.List:
			return value.Unknown()
		}
		var names *value.Names
		for i := range l.Len() {
			if !r.spend(1) {
				return r.overrun()
			}
			e := l.At(i)
			if e.Kind() == value.Missing {
				names = value.Union(names, e.Names())
				continue
			}
			if value.Equal(v, e) || fold && v.Kind() == value.String && e.Kind() == value.String && foldEqual(v, e) {
				if r.trace != nil {
					r.quote(where, pattern, v.Show(quoteBytes))
				}
				return value.True()
			}
		}
		if names != nil {
			return value.MissingTri(names)
		}
		return value.False()
	}
}

// addrRange is an inclusive range of addresses of one family.
type addrRange struct{ from, to netip.Addr }

// ipIn compiles beta.ip_in: sorted, merged ranges and a binary search.
func (p *Program) ipIn(n *check.Node) triFn {
	var ranges []addrRange
	for _, a := range n.Args[1:] {
		if prefix, err := builtin.ParseNetwork(a.Const.Str()); err == nil {
			ranges = append(ranges, addrRange{prefix.Addr().Unmap(), lastAddr(prefix).Unmap()})
		}
	}
	slices.SortFunc(ranges, func(a, b addrRange) int { return a.from.Compare(b.from) })
	merged := ranges[:0]
	for _, x := range ranges {
		if k := len(merged) - 1; k >= 0 && merged[k].to.BitLen() == x.from.BitLen() && merged[k].to.Compare(x.from) >= 0 {
			if merged[k].to.Less(x.to) {
				merged[k].to = x.to
			}
			continue
		}
		merged = append(merged, x)
	}
	ip, where := p.val(n.Args[0]), Spell(n.Args[0])
	return func(r *Run) value.Tri {
		v := ip(r)
		switch v.Kind() {
		case value.Missing:
			return value.MissingTri(v.Names())
		case value.String:
		default:
			return value.Unknown()
		}
		addr, err := netip.ParseAddr(v.Str())
		if err != nil {
			return value.False()
		}
		addr = addr.Unmap().WithZone("")
		i, found := slices.BinarySearchFunc(merged, addr, func(x addrRange, a netip.Addr) int { return x.from.Compare(a) })
		if !found {
			i--
		}
		ok := i >= 0 && merged[i].to.BitLen() == addr.BitLen() && merged[i].to.Compare(addr) >= 0
		if ok && r.trace != nil {
			r.quote(where, "", v.Show(quoteBytes))
		}
		return value.Of(ok)
	}
}

// lastAddr is the highest address of a network.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
