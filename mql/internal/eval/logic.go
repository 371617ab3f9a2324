package eval

import (
	"slices"
	"strconv"

	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
)

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
