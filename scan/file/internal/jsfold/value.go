package jsfold

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// value is what an expression folds to: nil (undefined), null, bool, float64,
// text, *list, *octets, *object, *function, *regex or *unknown.
type value any

type null struct{}

// text is a string of JavaScript: UTF-16 units, kept as bytes while all of them
// are below 256, as most are. Texts share chunks, so that adding to the end of
// one costs what is added.
type text struct {
	c   *chunk
	off int
	n   int
}

type chunk struct {
	narrow []byte
	wide   []uint16 // where units above 255 occur; narrow is nil then
}

// latin makes a text of bytes, which it never writes to.
func latin(b []byte) text { return text{&chunk{narrow: b[:len(b):len(b)]}, 0, len(b)} }

// str makes a text of UTF-8.
func str(s string) text {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return units(utf16.Encode([]rune(s)))
		}
	}
	return latin([]byte(s))
}

// units makes a text of UTF-16 units.
func units(u []uint16) text {
	for _, c := range u {
		if c > 0xff {
			return text{&chunk{wide: u}, 0, len(u)}
		}
	}
	b := make([]byte, len(u))
	for i, c := range u {
		b[i] = byte(c)
	}
	return latin(b)
}

func (t text) at(i int) uint16 {
	if t.c.wide != nil {
		return t.c.wide[t.off+i]
	}
	return uint16(t.c.narrow[t.off+i])
}

func (t text) isWide() bool { return t.c != nil && t.c.wide != nil }

// narrow is the bytes of a text without units above 255.
func (t text) narrow() []byte {
	if t.c == nil {
		return nil
	}
	return t.c.narrow[t.off : t.off+t.n : t.off+t.n]
}

func (t text) slice(from, to int) text {
	from, to = min(max(from, 0), t.n), min(max(to, 0), t.n)
	if from >= to {
		return text{}
	}
	return text{t.c, t.off + from, to - from}
}

// bytes are the low bytes of the units, as atob's result is used.
func (t text) bytes() []byte {
	if !t.isWide() {
		return t.narrow()
	}
	b := make([]byte, t.n)
	for i := range b {
		b[i] = byte(t.at(i))
	}
	return b
}

// utf16 are the units.
func (t text) utf16() []uint16 {
	u := make([]uint16, t.n)
	for i := range u {
		u[i] = t.at(i)
	}
	return u
}

// String is the text in UTF-8.
func (t text) String() string {
	if !t.isWide() {
		b := t.narrow()
		ascii := true
		for _, c := range b {
			if c >= utf8.RuneSelf {
				ascii = false
				break
			}
		}
		if ascii {
			return string(b)
		}
	}
	return string(utf16.Decode(t.utf16()))
}

// plus joins two texts. Where a ends its chunk, b is added there.
func plus(a, b text) text {
	switch {
	case a.n == 0:
		return b
	case b.n == 0:
		return a
	}
	if !a.isWide() && !b.isWide() {
		if a.off+a.n == len(a.c.narrow) {
			a.c.narrow = append(a.c.narrow, b.narrow()...)
			return text{a.c, a.off, a.n + b.n}
		}
		out := make([]byte, 0, 2*(a.n+b.n))
		return latin(append(append(out, a.narrow()...), b.narrow()...))
	}
	if a.isWide() && a.off+a.n == len(a.c.wide) {
		a.c.wide = append(a.c.wide, b.utf16()...)
		return text{a.c, a.off, a.n + b.n}
	}
	out := make([]uint16, 0, 2*(a.n+b.n))
	out = append(append(out, a.utf16()...), b.utf16()...)
	return text{&chunk{wide: out}, 0, len(out)}
}

// equal tells whether two texts have the same units.
func equal(a, b text) bool {
	if a.n != b.n {
		return false
	}
	for i := range a.n {
		if a.at(i) != b.at(i) {
			return false
		}
	}
	return true
}

// list is an array.
type list struct{ v []value }

// octets is a typed array or buffer; its units are bytes.
type octets struct{ b []byte }

// object is a plain object, or one of the browser's with a class.
type object struct {
	class string // "", "blob", "element", "url", "com", …
	name  string // of an element its tag, of a COM object its program
	props map[string]value
	data  []byte // of a blob
	media string // its type as told
}

func newObject(class string) *object { return &object{class: class, props: map[string]value{}} }

// unknown is what folding cannot know, by the path that leads to it.
type unknown struct {
	path  string
	props map[string]value
}

func mystery(path string) *unknown {
	const longest = 120
	return &unknown{path: path[:min(len(path), longest)]}
}

// known tells values from unknown ones.
func known(v value) bool {
	_, no := v.(*unknown)
	return !no
}

// truth is the boolean of v; ok is false where it is unknown.
func truth(v value) (b, ok bool) {
	switch v := v.(type) {
	case nil, null:
		return false, true
	case bool:
		return v, true
	case float64:
		return v != 0 && !math.IsNaN(v), true
	case text:
		return v.n > 0, true
	case *unknown:
		return false, false
	}
	return true, true
}

// number is the number of v, NaN where it has none.
func number(v value) float64 {
	switch v := v.(type) {
	case null:
		return 0
	case bool:
		if v {
			return 1
		}
		return 0
	case float64:
		return v
	case text:
		return textNumber(v)
	case *list:
		switch len(v.v) {
		case 0:
			return 0
		case 1:
			if _, nested := v.v[0].(*list); !nested {
				return number(v.v[0])
			}
		}
	}
	return math.NaN()
}

func textNumber(t text) float64 {
	const longest = 400
	if t.n > longest {
		return math.NaN()
	}
	s := strings.TrimSpace(t.String())
	if s == "" {
		return 0
	}
	if len(s) > 2 && s[0] == '0' {
		base := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[s[1]]
		if base != 0 {
			n, err := strconv.ParseUint(s[2:], base, 64)
			if err != nil {
				return math.NaN()
			}
			return float64(n)
		}
	}
	if strings.ContainsAny(s, "_xXpPiInN") {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// int32Of is ToInt32 of the language (ECMA-262 section 7.1.6).
func int32Of(f float64) int32 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	m := math.Mod(math.Trunc(f), 1<<32)
	return int32(uint32(int64(m)))
}

// index is a number as a place, within ±2^31.
func index(f float64) int {
	switch {
	case math.IsNaN(f):
		return 0
	case f > math.MaxInt32:
		return math.MaxInt32
	case f < math.MinInt32:
		return math.MinInt32
	}
	return int(f)
}

func numberText(f float64) text {
	switch {
	case math.IsNaN(f):
		return str("NaN")
	case math.IsInf(f, 1):
		return str("Infinity")
	case math.IsInf(f, -1):
		return str("-Infinity")
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return latin(strconv.AppendInt(nil, int64(f), 10))
	}
	return latin(strconv.AppendFloat(nil, f, 'g', -1, 64))
}

// equals is loose or strict equality; ok is false where a side is unknown.
func equals(a, b value, strict bool) (same, ok bool) {
	if !known(a) || !known(b) {
		return false, false
	}
	switch x := a.(type) {
	case text:
		if y, isText := b.(text); isText {
			return equal(x, y), true
		}
	case float64:
		if y, isNumber := b.(float64); isNumber {
			return x == y, true
		}
	case bool:
		if y, isBool := b.(bool); isBool {
			return x == y, true
		}
	case nil, null:
		switch b.(type) {
		case nil:
			return !strict || a == nil, true
		case null:
			return !strict || a != nil, true
		}
		return false, true
	default:
		if isRef(b) {
			return a == b, true
		}
	}
	if strict || b == nil || b == (null{}) {
		return false, true
	}
	if isRef(a) || isRef(b) {
		return false, true
	}
	return number(a) == number(b), true
}

// isRef tells values that are compared by who they are.
func isRef(v value) bool {
	switch v.(type) {
	case *list, *octets, *object, *function, *regex, method:
		return true
	}
	return false
}
