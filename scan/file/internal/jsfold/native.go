package jsfold

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"foregate/scan/file/internal/payload"
)

// native folds a call of a function of the language.
func (x *interp) native(m method, args []value) value {
	switch r := m.recv.(type) {
	case nil:
		return x.global1(m.name, args)
	case text:
		return x.textMethod(r, m.name, args)
	case *list:
		return x.listMethod(r, m.name, args)
	case *octets:
		return x.octetsMethod(r, m.name, args)
	case float64, bool:
		return x.numberMethod(r, m.name, args)
	case *regex:
		if len(args) > 0 && known(args[0]) {
			found := x.match(x.textOf(args[0]), r, false)
			if m.name == "test" && known(found) {
				return found != (null{})
			}
			return found
		}
	case *function, method:
		return x.applied(r, m.name, args)
	case *object:
		return x.objectMethod(r, m.name, args)
	}
	return mystery(m.name)
}

// applied folds f.call, f.apply and f.bind.
func (x *interp) applied(f value, name string, args []value) value {
	this := at(args, 0)
	rest := args[min(1, len(args)):]
	switch name {
	case "apply":
		rest = x.items(at(args, 1))
	case "call":
	case "bind":
		if len(rest) == 0 {
			return f
		}
		return mystery("bound")
	case "toString":
		return str("function")
	default:
		return mystery(name)
	}
	if m, ok := f.(method); ok && strings.HasPrefix(m.name, "prototype.") {
		f = x.member(this, strings.TrimPrefix(m.name, "prototype."))
	}
	return x.call(f, this, rest)
}

func (x *interp) numberMethod(v value, name string, args []value) value {
	switch name {
	case "toString":
		f, isNumber := v.(float64)
		if base := at(args, 0); base != nil && isNumber {
			if b := index(number(base)); b >= 2 && b <= 36 && math.Abs(f) < 1e15 {
				return str(strconv.FormatInt(int64(f), b))
			}
		}
		return x.textOf(v)
	case "toFixed":
		return str(strconv.FormatFloat(number(v), 'f', min(max(index(number(at(args, 0))), 0), 20), 64))
	}
	return v
}

// static is a member of a function of the language, as String.fromCharCode.
func (x *interp) static(of, name string) value {
	if of == "Math" {
		switch name {
		case "PI":
			return math.Pi
		case "E":
			return math.E
		}
	}
	return method{nil, of + "." + name}
}

// global1 folds a call of a global function.
func (x *interp) global1(name string, args []value) value {
	first := at(args, 0)
	if f, ok := mathFunc(name); ok {
		if !known(first) {
			return first
		}
		return f(number(first), number(at(args, 1)))
	}
	switch name {
	case "String.fromCharCode", "String.fromCodePoint":
		return x.fromCodes(args)
	case "Array.from", "Uint8Array.from", "Uint8Array.of", "Array.of", "Array.isArray":
		return x.listFrom(name, args)
	case "Object.keys":
		return &list{x.keys(first)}
	case "Object.values", "Object.entries":
		return x.members(first, name == "Object.entries")
	case "Object.assign", "Object.freeze", "Object.create":
		return first
	case "setTimeout", "setInterval", "setImmediate", "requestAnimationFrame", "queueMicrotask":
		if t, ok := first.(text); ok {
			x.signs["eval"] = true
			return x.code(t, x.global)
		}
		x.schedule(first)
		return 1.0
	case "Function":
		return x.construct(method{nil, "Function"}, args)
	case "String":
		return x.textOf(first)
	case "Array":
		return x.construct(method{nil, "Array"}, args)
	case "RegExp", "Object", "Date":
		return x.construct(method{nil, name}, args)
	case "Math.random", "Date.now":
		return mystery(name)
	}
	if !known(first) {
		return mystery(name)
	}
	return x.convert(name, first, args)
}

func mathFunc(name string) (func(a, b float64) value, bool) {
	one := func(f func(float64) float64) (func(a, b float64) value, bool) {
		return func(a, _ float64) value { return f(a) }, true
	}
	switch name {
	case "Math.floor":
		return one(math.Floor)
	case "Math.ceil":
		return one(math.Ceil)
	case "Math.round":
		return one(func(a float64) float64 { return math.Floor(a + 0.5) })
	case "Math.abs":
		return one(math.Abs)
	case "Math.trunc":
		return one(math.Trunc)
	case "Math.sqrt":
		return one(math.Sqrt)
	case "Math.log":
		return one(math.Log)
	case "Math.pow":
		return func(a, b float64) value { return math.Pow(a, b) }, true
	case "Math.max":
		return func(a, b float64) value {
			if math.IsNaN(b) {
				return a
			}
			return max(a, b)
		}, true
	case "Math.min":
		return func(a, b float64) value {
			if math.IsNaN(b) {
				return a
			}
			return min(a, b)
		}, true
	}
	return nil, false
}

// convert folds the functions that make one value of another.
func (x *interp) convert(name string, v value, args []value) value {
	switch name {
	case "atob":
		x.signs["atob"] = true
		return x.atob(v)
	case "btoa":
		t := x.textOf(v)
		x.take(2 * t.n)
		return str(base64.StdEncoding.EncodeToString(t.bytes()))
	case "unescape":
		x.signs["unescape"] = true
		return x.unescape(x.textOf(v))
	case "decodeURIComponent", "decodeURI":
		return x.decodeURI(x.textOf(v))
	case "encodeURIComponent", "encodeURI":
		return x.escape(x.textOf(v), true)
	case "escape":
		return x.escape(x.textOf(v), false)
	case "parseInt", "Number.parseInt":
		return parseInt(x.textOf(v).slice(0, 400).String(), index(number(at(args, 1))))
	case "parseFloat", "Number.parseFloat":
		s := strings.TrimSpace(x.textOf(v).slice(0, 400).String())
		for n := len(s); n > 0; n-- {
			if f, err := strconv.ParseFloat(s[:n], 64); err == nil {
				return f
			}
		}
		return math.NaN()
	case "Number":
		return number(x.primitive(v))
	case "Boolean":
		b, _ := truth(v)
		return b
	case "isNaN", "Number.isNaN":
		return math.IsNaN(number(x.primitive(v)))
	case "JSON.parse":
		return x.parseJSON(x.textOf(v))
	case "JSON.stringify", "Symbol", "BigInt":
		return mystery(name)
	}
	return mystery(name)
}

// parseInt reads the number at the start of s.
func parseInt(s string, base int) value {
	s = strings.TrimSpace(s)
	sign := 1.0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if (base == 0 || base == 16) && len(s) > 1 && (s[:2] == "0x" || s[:2] == "0X") {
		s, base = s[2:], 16
	}
	if base == 0 {
		base = 10
	}
	n, seen := 0.0, false
	for i := 0; i < len(s); i++ {
		d, err := strconv.ParseUint(s[i:i+1], 36, 8)
		if err != nil || int(d) >= base {
			break
		}
		n, seen = n*float64(base)+float64(d), true
	}
	if !seen {
		return math.NaN()
	}
	return sign * n
}

// atob decodes base64 as browsers do: blanks and missing padding are allowed.
func (x *interp) atob(v value) value {
	t := x.textOf(v)
	x.take(2 * t.n)
	out, ok := payload.Base64(t.bytes())
	if !ok {
		return mystery("atob")
	}
	x.open(out)
	return latin(out)
}

// open keeps decoded bytes that look like a file.
func (x *interp) open(b []byte) {
	if payload.Magic(b) != "" && len(x.opened) < maxNotes {
		x.opened = append(x.opened, slices.Clone(b))
	}
}

func (x *interp) fromCodes(args []value) value {
	out := make([]uint16, 0, len(args))
	x.take(2 * len(args))
	for _, a := range args {
		if !known(a) {
			return mystery("fromCharCode")
		}
		f := number(x.primitive(a))
		if f >= 0x10000 && f <= 0x10ffff {
			out = appendRune(out, rune(f))
			continue
		}
		out = append(out, uint16(int32Of(f)))
	}
	const many = 8
	if len(args) >= many {
		x.signs["fromCharCode"] = true
	}
	return units(out)
}

func (x *interp) listFrom(name string, args []value) value {
	first := at(args, 0)
	switch name {
	case "Array.isArray":
		_, is := first.(*list)
		return is
	case "Array.of":
		return &list{slices.Clone(args)}
	case "Uint8Array.of":
		b, _ := x.bytesOf(&list{args})
		return &octets{b}
	}
	if !known(first) {
		return mystery(name)
	}
	items := x.items(first)
	if o, ok := first.(*object); ok && o.class == "" {
		if n, ok := o.props["length"].(float64); ok && n >= 0 && n < 1<<24 {
			x.take(16 * int(n))
			items = make([]value, int(n))
		}
	}
	x.take(16 * len(items))
	out := &list{slices.Clone(items)}
	if f := at(args, 1); f != nil {
		for i, v := range items {
			out.v[i] = x.call(f, nil, []value{v, float64(i)})
		}
	}
	if name == "Uint8Array.from" {
		if b, ok := x.bytesOf(out); ok {
			return &octets{b}
		}
		return mystery(name)
	}
	return out
}

func (x *interp) members(v value, pairs bool) value {
	keys := x.keys(v)
	out := make([]value, 0, len(keys))
	for _, k := range keys {
		w := x.get(v, k)
		if pairs {
			x.take(64)
			w = &list{[]value{k, w}}
		}
		out = append(out, w)
	}
	return &list{out}
}

// parseJSON folds JSON.parse.
func (x *interp) parseJSON(t text) value {
	x.take(4 * t.n)
	var v any
	if err := json.Unmarshal([]byte(t.String()), &v); err != nil {
		return mystery("JSON.parse")
	}
	return x.fromJSON(v)
}

func (x *interp) fromJSON(v any) value {
	x.step(1)
	x.enter()
	defer x.leave()
	switch v := v.(type) {
	case nil:
		return null{}
	case string:
		return str(v)
	case []any:
		x.take(16 * len(v))
		l := &list{make([]value, len(v))}
		for i := range v {
			l.v[i] = x.fromJSON(v[i])
		}
		return l
	case map[string]any:
		x.take(48 * len(v))
		o := newObject("")
		for k, w := range v {
			o.props[k] = x.fromJSON(w)
		}
		return o
	}
	return v // a number or truth
}
