package value

import (
	"slices"
	"testing"
)

// kleene is the three-valued conjunction of known outcomes, as sets of one.
func kleene(a, b uint8) uint8 {
	switch {
	case a == setFalse || b == setFalse:
		return setFalse
	case a == setNull || b == setNull:
		return setNull
	}
	return setTrue
}

func outcomes(set uint8) (out []uint8) {
	for _, one := range []uint8{setFalse, setTrue, setNull} {
		if set&one != 0 {
			out = append(out, one)
		}
	}
	return out
}

// TestTriTables holds that the operators on sets of outcomes are those of
// Kleene's logic on every pair of their elements.
func TestTriTables(t *testing.T) {
	not := map[uint8]uint8{setFalse: setTrue, setTrue: setFalse, setNull: setNull}
	for a := uint8(1); a <= setAll; a++ {
		var negated uint8
		for _, x := range outcomes(a) {
			negated |= not[x]
		}
		if got := (Tri{set: a}).Not().set; got != negated {
			t.Errorf("not %03b = %03b, want %03b", a, got, negated)
		}
		for b := uint8(1); b <= setAll; b++ {
			var and, or, first uint8
			for _, x := range outcomes(a) {
				for _, y := range outcomes(b) {
					and |= kleene(x, y)
					or |= not[kleene(not[x], not[y])]
					if x == setNull {
						first |= y
					} else {
						first |= x
					}
				}
			}
			ta, tb := Tri{set: a}, Tri{set: b}
			if got := ta.And(tb).set; got != and {
				t.Errorf("%03b and %03b = %03b, want %03b", a, b, got, and)
			}
			if got := ta.Or(tb).set; got != or {
				t.Errorf("%03b or %03b = %03b, want %03b", a, b, got, or)
			}
			if got := ta.Coalesce(tb).set; got != first {
				t.Errorf("coalesce(%03b, %03b) = %03b, want %03b", a, b, got, first)
			}
			if ta.And(tb).Value().Tri().set != and {
				t.Errorf("%03b and %03b changes as a value", a, b)
			}
		}
	}
}

func TestTriNames(t *testing.T) {
	a, b := &Names{List: []string{"a"}}, &Names{List: []string{"b"}}
	for _, c := range []struct {
		name string
		got  Tri
		want []string
	}{
		{"and", MissingTri(b).And(MissingTri(a)), []string{"a", "b"}},
		{"or", MissingTri(a).Or(MissingTri(b)), []string{"a", "b"}},
		{"true and", True().And(MissingTri(a)), []string{"a"}},
		{"null and", Unknown().And(MissingTri(a)), []string{"a"}},
		{"false and", False().And(MissingTri(a)), nil},
		{"true or", True().Or(MissingTri(a)), nil},
	} {
		var got []string
		if n := c.got.Names(); n != nil {
			got = n.List
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if Unknown().And(MissingTri(a)).CanBeTrue() {
		t.Error("null and missing can be true")
	}
}
