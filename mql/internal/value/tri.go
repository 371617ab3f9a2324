package value

import "slices"

// Tri is a truth value of Kleene's three-valued logic, extended to what could
// not be asked for: it is the set of outcomes that are still possible. What is
// known has one element. What is missing has all three, and names what was
// missing; "false and missing" is false, "null and missing" is null or false
// and thus can never be true.
type Tri struct {
	set   uint8
	names *Names
}

const (
	setFalse uint8 = 1 << iota
	setTrue
	setNull
	setAll = setFalse | setTrue | setNull
)

// True, False and Unknown are the three known truth values.
func True() Tri { return Tri{set: setTrue} }

// False is the known false.
func False() Tri { return Tri{set: setFalse} }

// Unknown is the known null.
func Unknown() Tri { return Tri{set: setNull} }

// MissingTri is a truth value that could not be asked for.
func MissingTri(names *Names) Tri { return Tri{set: setAll, names: names} }

// Of returns the known truth of b.
func Of(b bool) Tri {
	if b {
		return Tri{set: setTrue}
	}
	return Tri{set: setFalse}
}

// IsTrue reports that t is known and true.
func (t Tri) IsTrue() bool { return t.set == setTrue }

// IsFalse reports that t is known and false.
func (t Tri) IsFalse() bool { return t.set == setFalse }

// IsNull reports that t is known and null.
func (t Tri) IsNull() bool { return t.set == setNull }

// CanBeTrue reports whether true is still possible.
func (t Tri) CanBeTrue() bool { return t.set&setTrue != 0 }

// CanBeFalse reports whether false is still possible.
func (t Tri) CanBeFalse() bool { return t.set&setFalse != 0 }

// CanBeNull reports whether null is still possible.
func (t Tri) CanBeNull() bool { return t.set&setNull != 0 }

// Names returns what was missing, nil when t is known.
func (t Tri) Names() *Names { return t.names }

// Not is Kleene negation.
func (t Tri) Not() Tri {
	return Tri{set: t.set&setNull | t.set&setFalse<<1 | t.set&setTrue>>1, names: t.names}
}

// And is Kleene conjunction.
func (t Tri) And(u Tri) Tri {
	if t.set == setFalse || u.set == setTrue {
		return t
	}
	if u.set == setFalse || t.set == setTrue {
		return u
	}
	var set uint8
	set |= (t.set | u.set) & setFalse
	set |= t.set & u.set & setTrue
	if t.set&setNull != 0 && u.set&(setNull|setTrue) != 0 || u.set&setNull != 0 && t.set&(setNull|setTrue) != 0 {
		set |= setNull
	}
	return Tri{set: set, names: unionFor(set, t.names, u.names)}
}

// Or is Kleene disjunction.
func (t Tri) Or(u Tri) Tri { return t.Not().And(u.Not()).Not() }

func unionFor(set uint8, a, b *Names) *Names {
	if set&(set-1) == 0 {
		return nil
	}
	return Union(a, b)
}

// Union returns the names of both.
func Union(a, b *Names) *Names {
	switch {
	case a == nil || a == b:
		return b
	case b == nil || contains(a, b):
		return a
	case contains(b, a):
		return b
	}
	if u := a.unions[b]; u != nil {
		return u
	}
	list := append(slices.Clone(a.List), b.List...)
	slices.Sort(list)
	u := &Names{List: slices.Compact(list)}
	if a.unions == nil {
		a.unions = map[*Names]*Names{}
	}
	if len(a.unions) < maxUnions {
		a.unions[b] = u
	}
	return u
}

// maxUnions bounds the unions that one set remembers.
const maxUnions = 256

func contains(a, b *Names) bool {
	for _, name := range b.List {
		if _, ok := slices.BinarySearch(a.List, name); !ok {
			return false
		}
	}
	return true
}

// Value returns t as a value.
func (t Tri) Value() Value {
	switch t.set {
	case setTrue:
		return Value{k: Bool, n: 1}
	case setFalse:
		return Value{k: Bool}
	case setNull:
		return Value{}
	}
	v := OfMissing(t.names)
	v.n = uint64(t.set)
	return v
}

// Tri returns v as a truth value: only a Bool is true or false, there is no
// truthiness.
func (v Value) Tri() Tri {
	switch v.k {
	case Bool:
		return Of(v.n != 0)
	case Missing:
		return Tri{set: uint8(v.n), names: v.Names()}
	}
	return Tri{set: setNull}
}

// Coalesce is t where it is known not to be null, u where t is null, and both
// where that is not known.
func (t Tri) Coalesce(u Tri) Tri {
	if t.set&setNull == 0 {
		return t
	}
	if t.set == setNull {
		return u
	}
	set := t.set&^setNull | u.set
	return Tri{set: set, names: unionFor(set, t.names, u.names)}
}
