package value

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"time"
	"unsafe"
)

func floatFrom(n uint64) float64 { return math.Float64frombits(n) }

// OfFloat returns f as a value; what is no number is null.
func OfFloat(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{k: Float, n: math.Float64bits(f)}
}

// Type is a type of the language. For values that live in Go structs it also
// says how to read them. Types are made by a Types and compared with Same.
type Type struct {
	Kind   Kind
	Elem   *Type        // of List and Map
	Name   string       // of Object: the Go type's name, for messages
	Fields []Field      // of Object
	Go     reflect.Type // how values lie in memory; nil for computed values

	size   uintptr
	load   func(p unsafe.Pointer) Value // reads a value of this type at p
	lookup func(p unsafe.Pointer, key string) Value
	keys   func(p unsafe.Pointer) []string
	index  map[string]int
	total  bool // arrays in objects of this type are never null
}

// Lazy is implemented by pointers to structs whose fields are dear to make: Fill
// is called before the field called name is read.
type Lazy interface{ Fill(name string) }

// filled reads a field, at offset in the struct g, after filling it.
func filled(g reflect.Type, offset uintptr, name string, load func(unsafe.Pointer) Value) func(unsafe.Pointer) Value {
	return func(p unsafe.Pointer) Value {
		whole := reflect.NewAt(g, unsafe.Add(p, -int(offset))).Interface()
		whole.(Lazy).Fill(name)
		return load(p)
	}
}

// Field is one field of an object type.
type Field struct {
	Name   string
	Type   *Type
	offset uintptr
	load   func(p unsafe.Pointer) Value // reads the field at its own address
	text   textual                      // how it is read without load
	inline bool                         // an embedded struct: its address is enough
	deref  bool                         // a pointer to a struct
}

// textual says of a field that it lies in memory as a string, as most fields
// that rules ask for, so that it can be read without a call.
type textual uint8

const (
	noText textual = iota
	plainText
	textOrNull // where empty
)

// Load reads the field of the struct at p.
func (f *Field) Load(p unsafe.Pointer) Value { return f.load(unsafe.Add(p, f.offset)) }

// Simple types without a place in memory.
var (
	// These are immutable descriptors, shared so that types compare quickly.
	TNull   = &Type{Kind: Null}
	TBool   = &Type{Kind: Bool}
	TInt    = &Type{Kind: Int}
	TFloat  = &Type{Kind: Float}
	TString = &Type{Kind: String}
	TTime   = &Type{Kind: Time}
	TAny    = &Type{Kind: Any}
	TStrs   = &Type{Kind: List, Elem: TString}
)

// ListOf returns the type of computed lists of elem.
func ListOf(elem *Type) *Type { return &Type{Kind: List, Elem: elem} }

// Field returns the field called name, nil when there is none.
func (t *Type) Field(name string) *Field {
	if i, ok := t.index[name]; ok {
		return &t.Fields[i]
	}
	return nil
}

// FieldNames lists the fields of an object type.
func (t *Type) FieldNames() []string {
	names := make([]string, len(t.Fields))
	for i := range t.Fields {
		names[i] = t.Fields[i].Name
	}
	return names
}

// String names the type as messages show it.
func (t *Type) String() string {
	switch t.Kind {
	case Null:
		return "null"
	case Bool:
		return "boolean"
	case Int:
		return "integer"
	case Float:
		return "float"
	case String:
		return "string"
	case Time:
		return "time"
	case Object:
		return t.Name
	case List:
		return "list of " + t.Elem.String()
	case Map:
		return "map of " + t.Elem.String()
	}
	return "any"
}

// Same reports whether values of both types are alike.
func Same(a, b *Type) bool {
	if a == b {
		return true
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case Object:
		return a.Go == b.Go
	case List, Map:
		return Same(a.Elem, b.Elem)
	}
	return true
}

// Types derives language types from Go types, each once. It is safe for
// concurrent use.
type Types struct {
	// Total lists the packages whose arrays are never null: absent is empty.
	Total map[string]bool

	mu   sync.Mutex
	seen map[reflect.Type]*Type
}

// Of returns the type of the Go type g: a struct with json tags, a pointer to
// one, or a slice, map or scalar of such. It panics for other types, which is
// an error in the program, not in a rule.
func (ts *Types) Of(g reflect.Type) *Type {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.seen == nil {
		ts.seen = map[reflect.Type]*Type{}
	}
	return ts.of(g)
}

func (ts *Types) of(g reflect.Type) *Type {
	if t := ts.seen[g]; t != nil {
		return t
	}
	t := &Type{Go: g, size: g.Size()}
	ts.seen[g] = t
	switch g.Kind() {
	case reflect.Pointer:
		elem := ts.of(g.Elem())
		*t = *elem
		t.size = g.Size()
		t.load = loadPointer(elem)
		return t
	case reflect.Bool:
		t.Kind, t.load = Bool, func(p unsafe.Pointer) Value { return OfBool(*(*bool)(p)) }
	case reflect.Int:
		t.Kind, t.load = Int, func(p unsafe.Pointer) Value { return OfInt(int64(*(*int)(p))) }
	case reflect.Int64:
		t.Kind, t.load = Int, func(p unsafe.Pointer) Value { return OfInt(*(*int64)(p)) }
	case reflect.Int32:
		t.Kind, t.load = Int, func(p unsafe.Pointer) Value { return OfInt(int64(*(*int32)(p))) }
	case reflect.Float64:
		t.Kind, t.load = Float, func(p unsafe.Pointer) Value { return OfFloat(*(*float64)(p)) }
	case reflect.String:
		t.Kind, t.load = String, func(p unsafe.Pointer) Value { return OfString(*(*string)(p)) }
	case reflect.Slice:
		ts.slice(t, g)
	case reflect.Map:
		ts.mapping(t, g)
	case reflect.Struct:
		ts.object(t, g)
	case reflect.Interface:
		t.Kind, t.load = Any, func(p unsafe.Pointer) Value { return FromJSON(*(*any)(p)) }
	default:
		panic(fmt.Sprintf("mql: a rule cannot read Go type %s", g))
	}
	return t
}

func loadPointer(elem *Type) func(p unsafe.Pointer) Value {
	return func(p unsafe.Pointer) Value {
		q := *(*unsafe.Pointer)(p)
		if q == nil {
			return Value{}
		}
		return elem.load(q)
	}
}

func (ts *Types) slice(t *Type, g reflect.Type) {
	if g.Elem().Kind() == reflect.Uint8 { // bytes read as text
		t.Kind, t.load = String, func(p unsafe.Pointer) Value {
			b := *(*[]byte)(p)
			return Value{k: String, n: uint64(len(b)), p: unsafe.Pointer(unsafe.SliceData(b))}
		}
		return
	}
	t.Kind = List
	elem := ts.of(g.Elem())
	t.Elem = elem
	t.load = func(p unsafe.Pointer) Value {
		h := (*sliceHeader)(p)
		if h.data == nil {
			return Value{}
		}
		return Value{k: List, n: uint64(h.len), p: h.data, t: elem}
	}
}

// sliceHeader is how Go lays out a slice.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// mapping supports the map types that occur in the model and in shapes.
func (ts *Types) mapping(t *Type, g reflect.Type) {
	t.Kind, t.Elem = Map, ts.of(g.Elem())
	t.load = func(p unsafe.Pointer) Value {
		if *(*unsafe.Pointer)(p) == nil {
			return Value{}
		}
		return Value{k: Map, p: p, t: t}
	}
	switch g {
	case reflect.TypeFor[map[string][]string]():
		elem := t.Elem.Elem
		bind(t, func(s []string) Value {
			return Value{k: List, n: uint64(len(s)), p: unsafe.Pointer(unsafe.SliceData(s)), t: elem}
		})
	case reflect.TypeFor[map[string]string]():
		bind(t, OfString)
	case reflect.TypeFor[map[string]any]():
		bind(t, FromJSON)
	default:
		panic(fmt.Sprintf("mql: a rule cannot read Go type %s", g))
	}
}

func bind[E any](t *Type, of func(E) Value) {
	t.lookup = func(p unsafe.Pointer, key string) Value {
		e, ok := (*(*map[string]E)(p))[key]
		if !ok {
			return Value{}
		}
		return of(e)
	}
	t.keys = func(p unsafe.Pointer) []string {
		m := *(*map[string]E)(p)
		keys := make([]string, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		return keys
	}
}

func (ts *Types) object(t *Type, g reflect.Type) {
	if g == reflect.TypeFor[time.Time]() {
		t.Kind, t.load = Time, func(p unsafe.Pointer) Value { return Value{k: Time, p: p} }
		return
	}
	t.Kind, t.Name = Object, g.Name()
	t.index = map[string]int{}
	t.total = ts.Total[g.PkgPath()]
	t.load = func(p unsafe.Pointer) Value { return Value{k: Object, p: p, t: t} }
	for i := range g.NumField() {
		sf := g.Field(i)
		name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if own := sf.Tag.Get("mql"); own != "" { // a field of ours, not of the published model
			name = own
		}
		if !sf.IsExported() || name == "" || name == "-" {
			continue
		}
		ft := ts.of(sf.Type)
		f := Field{Name: name, Type: ft, offset: sf.Offset, load: ft.load,
			inline: sf.Type.Kind() == reflect.Struct && ft.Kind == Object,
			deref:  sf.Type.Kind() == reflect.Pointer && ft.Kind == Object}
		if sf.Type.Kind() == reflect.String {
			f.text = plainText
		}
		switch {
		case ft.Kind == List && t.total:
			f.load = orEmpty(ft.load)
		case strings.Contains(opts, "omitempty"):
			kind := sf.Type.Kind()
			if ft.Kind == String {
				kind = reflect.String // bytes, too
			}
			if sf.Type.Kind() != reflect.Pointer {
				f.load = omitEmpty(kind, ft.load)
				if f.text == plainText {
					f.text = textOrNull
				}
			}
		}
		if reflect.PointerTo(g).Implements(reflect.TypeFor[Lazy]()) {
			f.load, f.text = filled(g, sf.Offset, name, f.load), noText
		}
		t.index[name] = len(t.Fields)
		t.Fields = append(t.Fields, f)
	}
}

// orEmpty reads a nil slice as an empty list.
func orEmpty(load func(unsafe.Pointer) Value) func(unsafe.Pointer) Value {
	return func(p unsafe.Pointer) Value {
		if v := load(p); v.k != Null {
			return v
		}
		return OfList(nil)
	}
}

// omitEmpty reads what encoding/json would leave out as null.
func omitEmpty(kind reflect.Kind, load func(unsafe.Pointer) Value) func(unsafe.Pointer) Value {
	switch kind {
	case reflect.String, reflect.Int, reflect.Int32, reflect.Int64, reflect.Bool, reflect.Float64:
		return func(p unsafe.Pointer) Value {
			if v := load(p); v.n != 0 {
				return v
			}
			return Value{}
		}
	}
	return load
}

// Wrap returns the Go value x, of the type t or a pointer to it, as a value.
// nil and nil pointers are null.
func Wrap(t *Type, x any) (Value, error) {
	if x == nil {
		return Value{}, nil
	}
	r := reflect.ValueOf(x)
	if r.Kind() == reflect.Pointer && r.IsNil() {
		return Value{}, nil
	}
	if t.Kind == Any {
		return FromJSON(x), nil
	}
	if r.Kind() != reflect.Pointer {
		box := reflect.New(r.Type())
		box.Elem().Set(r)
		r = box
	}
	if t.Go == nil || r.Type().Elem() != t.Go && reflect.PointerTo(r.Type().Elem()) != t.Go {
		return Value{}, fmt.Errorf("answered with %T, expected %s", x, t)
	}
	base := t
	if t.Go.Kind() == reflect.Pointer {
		p := r.UnsafePointer()
		return t.load(unsafe.Pointer(&p)), nil
	}
	return base.load(r.UnsafePointer()), nil
}

// jsonMap is the layout of parsed JSON objects.
type jsonMap = map[string]Value

// maxJSONDepth bounds how deep a JSON value is read; deeper parts are null.
const maxJSONDepth = 64

// FromJSON returns the value that encoding/json decoded: nil, bool, number,
// string, []any or map[string]any.
func FromJSON(x any) Value { return fromJSON(x, 0) }

func fromJSON(x any, depth int) Value {
	if depth > maxJSONDepth {
		return Value{}
	}
	switch x := x.(type) {
	case bool:
		return OfBool(x)
	case int:
		return OfInt(int64(x))
	case int64:
		return OfInt(x)
	case float64:
		return OfFloat(x)
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return OfInt(n)
		}
		f, err := x.Float64()
		if err != nil {
			return Value{}
		}
		return OfFloat(f)
	case string:
		return OfString(x)
	case []string:
		items := make([]Value, len(x))
		for i, s := range x {
			items[i] = OfString(s)
		}
		return OfList(items)
	case []any:
		items := make([]Value, len(x))
		for i, e := range x {
			items[i] = fromJSON(e, depth+1)
		}
		return OfList(items)
	case map[string]any:
		m := make(jsonMap, len(x))
		for k, e := range x {
			m[k] = fromJSON(e, depth+1)
		}
		return OfMap(m)
	}
	return Value{}
}

// OfMap returns a map value.
func OfMap(m map[string]Value) Value {
	t := &Type{Kind: Map, Elem: TAny}
	bind(t, func(v Value) Value { return v })
	return Value{k: Map, p: unsafe.Pointer(&m), t: t}
}
