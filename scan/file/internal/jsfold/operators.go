package jsfold

import (
	"math"

	"github.com/tdewolff/parse/v2/js"
)

// binary folds an operation with two sides. A long sum leans to the left and is
// folded without going deeper for each part.
func (x *interp) binary(e *js.BinaryExpr, s *scope) value {
	switch e.Op {
	case js.EqToken:
		v := x.eval(e.Y, s)
		x.assign(e.X, v, s)
		return v
	case js.AndToken, js.OrToken, js.NullishToken:
		return x.logical(e, s)
	}
	if op := assigned(e.Op); op != js.ErrorToken {
		v := x.operate(op, x.eval(e.X, s), x.eval(e.Y, s))
		x.assign(e.X, v, s)
		return v
	}
	var spine []*js.BinaryExpr
	at := e
	for {
		spine = append(spine, at)
		left, ok := at.X.(*js.BinaryExpr)
		if !ok || !plain(left.Op) {
			break
		}
		at = left
	}
	v := x.eval(at.X, s)
	for i := len(spine) - 1; i >= 0; i-- {
		x.step(1)
		v = x.operate(spine[i].Op, v, x.eval(spine[i].Y, s))
	}
	return v
}

// plain tells operations that neither assign nor leave a side out.
func plain(op js.TokenType) bool {
	switch op {
	case js.EqToken, js.AndToken, js.OrToken, js.NullishToken:
		return false
	}
	return assigned(op) == js.ErrorToken
}

// assigned is the operation of an operation with assignment; ErrorToken for
// others.
func assigned(op js.TokenType) js.TokenType {
	switch op {
	case js.AddEqToken:
		return js.AddToken
	case js.SubEqToken:
		return js.SubToken
	case js.MulEqToken:
		return js.MulToken
	case js.DivEqToken:
		return js.DivToken
	case js.ModEqToken:
		return js.ModToken
	case js.ExpEqToken:
		return js.ExpToken
	case js.LtLtEqToken:
		return js.LtLtToken
	case js.GtGtEqToken:
		return js.GtGtToken
	case js.GtGtGtEqToken:
		return js.GtGtGtToken
	case js.BitAndEqToken:
		return js.BitAndToken
	case js.BitOrEqToken:
		return js.BitOrToken
	case js.BitXorEqToken:
		return js.BitXorToken
	case js.AndEqToken:
		return js.AndToken
	case js.OrEqToken:
		return js.OrToken
	case js.NullishEqToken:
		return js.NullishToken
	}
	return js.ErrorToken
}

func (x *interp) logical(e *js.BinaryExpr, s *scope) value {
	v := x.eval(e.X, s)
	yes, ok := truth(v)
	switch e.Op {
	case js.AndToken:
		if ok && !yes {
			return v
		}
		return x.eval(e.Y, s)
	case js.OrToken:
		if ok && yes {
			return v
		}
		if !ok {
			// a || b where a is the browser's: take it, but see what b does
			if w := x.eval(e.Y, s); known(w) {
				if _, plain := w.(text); plain {
					return w
				}
			}
			return v
		}
		return x.eval(e.Y, s)
	}
	if v != nil && v != (null{}) && known(v) {
		return v
	}
	return x.eval(e.Y, s)
}

// operate folds one operation on values.
func (x *interp) operate(op js.TokenType, a, b value) value {
	switch op {
	case js.AddToken:
		return x.add(a, b)
	case js.EqEqToken, js.EqEqEqToken, js.NotEqToken, js.NotEqEqToken:
		if t, ok := a.(text); ok {
			x.step(t.n/64 + 1)
		}
		same, ok := equals(a, b, op == js.EqEqEqToken || op == js.NotEqEqToken)
		if !ok {
			return mystery("comparison")
		}
		return same == (op == js.EqEqToken || op == js.EqEqEqToken)
	case js.AndToken, js.OrToken, js.NullishToken:
		yes, ok := truth(a)
		switch {
		case op == js.AndToken && ok && !yes, op == js.OrToken && ok && yes, op == js.NullishToken && a != nil && a != (null{}):
			return a
		}
		return b
	case js.InToken:
		if o, ok := b.(*object); ok && o.class == "" {
			_, in := o.props[x.textOf(a).String()]
			return in
		}
		return mystery("in")
	case js.InstanceofToken:
		return mystery("instanceof")
	}
	if !known(a) || !known(b) {
		return mystery("operation")
	}
	return arithmetic(op, x.primitive(a), x.primitive(b))
}

// add joins or sums; what is unknown adds nothing to a text.
func (x *interp) add(a, b value) value {
	a, b = x.primitive(a), x.primitive(b)
	_, ta := a.(text)
	_, tb := b.(text)
	switch {
	case ta || tb:
		return x.join(x.textOf(a), x.textOf(b))
	case !known(a):
		return a
	case !known(b):
		return b
	}
	return number(a) + number(b)
}

func arithmetic(op js.TokenType, a, b value) value {
	if op == js.LtToken || op == js.GtToken || op == js.LtEqToken || op == js.GtEqToken {
		return compare(op, a, b)
	}
	f, g := number(a), number(b)
	switch op {
	case js.SubToken:
		return f - g
	case js.MulToken:
		return f * g
	case js.DivToken:
		return f / g
	case js.ModToken:
		return math.Mod(f, g)
	case js.ExpToken:
		return math.Pow(f, g)
	case js.LtLtToken:
		return float64(int32Of(f) << (uint32(int32Of(g)) & 31))
	case js.GtGtToken:
		return float64(int32Of(f) >> (uint32(int32Of(g)) & 31))
	case js.GtGtGtToken:
		return float64(uint32(int32Of(f)) >> (uint32(int32Of(g)) & 31))
	case js.BitAndToken:
		return float64(int32Of(f) & int32Of(g))
	case js.BitOrToken:
		return float64(int32Of(f) | int32Of(g))
	case js.BitXorToken:
		return float64(int32Of(f) ^ int32Of(g))
	}
	return mystery("operation")
}

func compare(op js.TokenType, a, b value) value {
	s, ta := a.(text)
	t, tb := b.(text)
	if ta && tb {
		order := 0
		for i := 0; i < min(s.n, t.n) && order == 0; i++ {
			order = int(s.at(i)) - int(t.at(i))
		}
		if order == 0 {
			order = s.n - t.n
		}
		a, b = float64(order), 0.0
	}
	f, g := number(a), number(b)
	switch op {
	case js.LtToken:
		return f < g
	case js.GtToken:
		return f > g
	case js.LtEqToken:
		return f <= g
	}
	return f >= g
}
