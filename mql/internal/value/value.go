// Package value holds the values of the rule language and their types. Values
// read the Go structs of the message in place, through offsets that are
// computed once per Go type: nothing is copied or boxed while rules run.
package value

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// Kind says what a value or type is.
type Kind uint8

// The kinds. Missing is a value that could not be asked for; Any is a type
// whose values are known only when a rule runs (parsed JSON).
const (
	Null Kind = iota
	Missing
	Bool
	Int
	Float
	String
	Time
	Object
	List
	Map
	Any
)

// Value is one value. The zero Value is null. Its fields mean, by kind:
//
//	Bool, Int, Float  n holds the bits
//	String            p, n: first byte and length
//	Time              p: *time.Time
//	Object            p: the struct, t: its layout
//	List              p, n: first element and length; t: the element's layout,
//	                  nil when the elements are Values
//	Map               p: the map variable, t: its layout
//	Missing           p: *Names; n: the outcomes still possible (see Tri)
type Value struct {
	k Kind
	n uint64
	p unsafe.Pointer
	t *Type
}

// Names lists, sorted, what could not be asked for. The unions of sets recur from
// message to message and are remembered: one goroutine at a time may use a set.
type Names struct {
	List   []string
	unions map[*Names]*Names
}

// Kind returns what v is.
func (v Value) Kind() Kind { return v.k }

// IsNull reports whether v is null; a missing value is not.
func (v Value) IsNull() bool { return v.k == Null }

// OfBool returns b as a value.
func OfBool(b bool) Value {
	if b {
		return Value{k: Bool, n: 1}
	}
	return Value{k: Bool}
}

// OfInt returns n as a value.
func OfInt(n int64) Value { return Value{k: Int, n: uint64(n)} }

// OfString returns s as a value.
func OfString(s string) Value {
	return Value{k: String, n: uint64(len(s)), p: unsafe.Pointer(unsafe.StringData(s))}
}

// OfList returns the list of items, which must not change afterwards. It is
// an empty list, never null.
func OfList(items []Value) Value {
	return Value{k: List, n: uint64(len(items)), p: unsafe.Pointer(unsafe.SliceData(items))}
}

// OfMissing returns the value that could not be asked for.
func OfMissing(names *Names) Value {
	return Value{k: Missing, n: uint64(setAll), p: unsafe.Pointer(names)}
}

// Bool returns v's truth; v must be a Bool.
func (v Value) Bool() bool { return v.n != 0 }

// Int returns v's number; v must be an Int.
func (v Value) Int() int64 { return int64(v.n) }

// Float returns v's number; v must be an Int or a Float.
func (v Value) Float() float64 {
	if v.k == Int {
		return float64(int64(v.n))
	}
	return floatFrom(v.n)
}

// Str returns v's text; v must be a String.
func (v Value) Str() string { return unsafe.String((*byte)(v.p), int(v.n)) }

// TextID identifies v's text by place and length, for caches that live no
// longer than the message.
func (v Value) TextID() (unsafe.Pointer, int) { return v.p, int(v.n) }

// Time returns v's time; v must be a Time.
func (v Value) Time() time.Time { return *(*time.Time)(v.p) }

// Names returns what is missing; v must be Missing.
func (v Value) Names() *Names { return (*Names)(v.p) }

// Len returns the number of elements; v must be a List.
func (v Value) Len() int { return int(v.n) }

// At returns the element i, 0 ≤ i < Len; v must be a List.
func (v Value) At(i int) Value {
	if v.t == nil {
		return *(*Value)(unsafe.Add(v.p, uintptr(i)*unsafe.Sizeof(Value{})))
	}
	return v.t.load(unsafe.Add(v.p, uintptr(i)*v.t.size))
}

// Strings returns the texts of a list, skipping elements that are no text.
func (v Value) Strings() []string {
	if v.k != List {
		return nil
	}
	out := make([]string, 0, v.Len())
	for i := range v.Len() {
		if x := v.At(i); x.k == String {
			out = append(out, x.Str())
		}
	}
	return out
}

// Lookup returns the entry of a map or of a parsed JSON object, null when
// absent.
func (v Value) Lookup(key string) Value {
	if v.k != Map {
		return Value{}
	}
	return v.t.lookup(v.p, key)
}

// Keys returns a map's keys, sorted.
func (v Value) Keys() []string {
	if v.k != Map {
		return nil
	}
	keys := v.t.keys(v.p)
	slices.Sort(keys)
	return keys
}

// Pointer returns the struct that an Object reads, as *T, else nil.
func (v Value) Pointer() any {
	if v.k != Object {
		return nil
	}
	return reflect.NewAt(v.t.Go, v.p).Interface()
}

// Go returns v for a capability: nil, bool, int64, float64, string, time.Time,
// a pointer to a struct, or []string for a list of texts ([]any otherwise).
func (v Value) Go() any {
	switch v.k {
	case Bool:
		return v.Bool()
	case Int:
		return v.Int()
	case Float:
		return v.Float()
	case String:
		return v.Str()
	case Time:
		return v.Time()
	case Object:
		return v.Pointer()
	case List:
		texts := v.Strings()
		if len(texts) == v.Len() {
			return texts
		}
		items := make([]any, v.Len())
		for i := range items {
			items[i] = v.At(i).Go()
		}
		return items
	case Map:
		m := map[string]any{}
		for _, key := range v.Keys() {
			m[key] = v.Lookup(key).Go()
		}
		return m
	}
	return nil
}

// Scalar reports whether v compares by content.
func (v Value) Scalar() bool { return v.k >= Bool && v.k <= Time }

// Equal compares two scalars; numbers by value, times by instant. Values of
// different kinds are unequal.
func Equal(a, b Value) bool {
	switch {
	case a.k == String && b.k == String:
		return a.Str() == b.Str()
	case a.k == Int && b.k == Int, a.k == Bool && b.k == Bool:
		return a.n == b.n
	case (a.k == Int || a.k == Float) && (b.k == Int || b.k == Float):
		return a.Float() == b.Float()
	case a.k == Time && b.k == Time:
		return a.Time().Equal(b.Time())
	case a.k == Object && b.k == Object:
		return a.p == b.p && a.t == b.t
	}
	return false
}

// Compare orders two values and reports whether they can be ordered.
func Compare(a, b Value) (int, bool) {
	switch {
	case a.k == Int && b.k == Int:
		return cmpInt(a.Int(), b.Int()), true
	case (a.k == Int || a.k == Float) && (b.k == Int || b.k == Float):
		x, y := a.Float(), b.Float()
		switch {
		case x < y:
			return -1, true
		case x > y:
			return 1, true
		}
		return 0, x == y
	case a.k == String && b.k == String:
		return strings.Compare(a.Str(), b.Str()), true
	case a.k == Time && b.k == Time:
		return a.Time().Compare(b.Time()), true
	}
	return 0, false
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Show writes v for people, shortened to about limit bytes.
func (v Value) Show(limit int) string {
	var b strings.Builder
	v.show(&b, limit, 0)
	return b.String()
}

// maxShowDepth bounds how deep Show descends; deeper values read "…".
const maxShowDepth = 4

func (v Value) show(b *strings.Builder, limit, depth int) {
	if b.Len() >= limit || depth > maxShowDepth {
		b.WriteString("…")
		return
	}
	switch v.k {
	case Null:
		b.WriteString("null")
	case Missing:
		b.WriteString("unavailable: " + strings.Join(v.Names().List, ", "))
	case Bool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	case Int:
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case Float:
		b.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case String:
		s := v.Str()
		if room := limit - b.Len(); len(s) > room {
			s = strings.ToValidUTF8(s[:room], "") + "…"
		}
		b.WriteString(strconv.Quote(s))
	case Time:
		b.WriteString(v.Time().Format(time.RFC3339))
	case List:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteString(", ")
			}
			if b.Len() >= limit {
				b.WriteString("…")
				break
			}
			v.At(i).show(b, limit, depth+1)
		}
		b.WriteByte(']')
	case Object:
		v.showObject(b, limit, depth)
	case Map:
		b.WriteString("{" + strings.Join(v.Keys(), ", ") + "}")
	}
}

func (v Value) showObject(b *strings.Builder, limit, depth int) {
	b.WriteByte('{')
	first := true
	for i := range v.t.Fields {
		f := &v.t.Fields[i]
		x := f.Load(v.p)
		if x.k == Null {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		if b.Len() >= limit {
			b.WriteString("…")
			break
		}
		b.WriteString(f.Name + ": ")
		x.show(b, limit, depth+1)
	}
	b.WriteByte('}')
}
