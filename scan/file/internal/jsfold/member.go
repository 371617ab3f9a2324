package jsfold

import (
	"sort"
	"strconv"
)

// method is a function of the language or the browser, with what it belongs to.
type method struct {
	recv value
	name string
}

// position is a key that is a place in a list: a whole number from 0.
func position(key value) (int, bool) {
	switch k := key.(type) {
	case float64:
		if i := index(k); float64(i) == k && i >= 0 {
			return i, true
		}
	case text:
		if k.n > 0 && k.n < 10 && k.at(0) >= '0' && k.at(0) <= '9' {
			i, err := strconv.Atoi(k.String())
			return i, err == nil
		}
	}
	return 0, false
}

// get folds o[key].
func (x *interp) get(o, key value) value {
	if !known(key) {
		return mystery("member")
	}
	i, isPlace := position(key)
	switch o := o.(type) {
	case text:
		if isPlace {
			if i < o.n {
				return o.slice(i, i+1)
			}
			return nil
		}
	case *list:
		if isPlace {
			if i < len(o.v) {
				return o.v[i]
			}
			return nil
		}
	case *octets:
		if isPlace {
			if i < len(o.b) {
				return float64(o.b[i])
			}
			return nil
		}
	}
	return x.member(o, x.textOf(key).String())
}

// member folds o.name.
func (x *interp) member(o value, name string) value {
	switch o := o.(type) {
	case text:
		if name == "length" {
			return float64(o.n)
		}
	case *list:
		if name == "length" {
			return float64(len(o.v))
		}
	case *octets:
		switch name {
		case "length", "byteLength":
			return float64(len(o.b))
		case "buffer":
			return o
		}
	case *object:
		if v, ok := o.props[name]; ok {
			return v
		}
		switch o.class {
		case "":
			if name == "hasOwnProperty" || name == "toString" {
				return method{o, name}
			}
			return nil
		case "blob":
			if name == "size" {
				return float64(len(o.data))
			}
		case "element":
			if name == "text" || name == "val" || name == "html" {
				return method{o, name}
			}
			if name == "style" || name == "parentNode" || name == "classList" || name == "dataset" {
				return mystery(name)
			}
		}
	case *function:
		if v, ok := o.props[name]; ok {
			return v
		}
		if name == "prototype" {
			return mystery("prototype")
		}
	case method:
		if o.recv == nil {
			switch name {
			case "call", "apply", "bind", "toString":
			case "prototype":
				return mystery("prototype." + o.name)
			default:
				return x.static(o.name, name)
			}
		}
	case *unknown:
		return x.unknownMember(o, name)
	case nil, null:
		return mystery("undefined." + name)
	case float64, bool, *regex:
	default:
		return mystery(name)
	}
	return method{o, name}
}

func (x *interp) unknownMember(o *unknown, name string) value {
	if v, ok := o.props[name]; ok {
		return v
	}
	if o.path == "window" {
		return x.lookup([]byte(name), x.global)
	}
	// String.prototype.replace and the like, called with a string as this.
	const prototype = "prototype."
	if len(o.path) > len(prototype) && o.path[:len(prototype)] == prototype {
		return method{nil, "prototype." + name}
	}
	v := mystery(o.path + "." + name)
	return v
}

// set folds o[key] = v, and notes what that would do in a browser.
func (x *interp) set(o, key, v value) {
	if !known(key) {
		return
	}
	switch o := o.(type) {
	case *list:
		if i, ok := position(key); ok {
			x.setItem(o, i, v)
			return
		}
		if k, ok := key.(text); ok && k.String() == "length" {
			if n := index(number(v)); n >= 0 && n < len(o.v) {
				o.v = o.v[:n]
			}
		}
	case *octets:
		if i, ok := position(key); ok && i < len(o.b) && known(v) {
			o.b[i] = byte(int32Of(number(v)))
		}
	case *object:
		name := x.textOf(key).String()
		x.take(32)
		o.props[name] = v
		if o.class != "" {
			x.setElement(o, name, v)
		}
	case *function:
		if o.props == nil {
			o.props = map[string]value{}
		}
		x.take(32)
		o.props[x.textOf(key).String()] = v
	case *unknown:
		name := x.textOf(key).String()
		x.setUnknown(o, name, v)
	}
}

func (x *interp) setItem(l *list, i int, v value) {
	const sparse = 1 << 16
	if i >= len(l.v)+sparse {
		x.stop("a list is larger than what is in it")
	}
	if i >= len(l.v) {
		x.take(16 * (i + 1 - len(l.v)))
		for len(l.v) <= i {
			l.v = append(l.v, nil)
		}
	}
	l.v[i] = v
}

// keys are the names of the members of v, in order.
func (x *interp) keys(v value) []value {
	var out []value
	n := 0
	switch v := v.(type) {
	case *list:
		n = len(v.v)
	case text:
		n = v.n
	case *octets:
		n = len(v.b)
	case *object:
		names := make([]string, 0, len(v.props))
		for k := range v.props {
			names = append(names, k)
		}
		sort.Strings(names)
		x.take(32 * len(names))
		for _, k := range names {
			out = append(out, str(k))
		}
		return out
	}
	x.take(32 * n)
	for i := range n {
		out = append(out, numberText(float64(i)))
	}
	return out
}

// items are the members of v.
func (x *interp) items(v value) []value {
	var out []value
	switch v := v.(type) {
	case *list:
		return v.v
	case text:
		x.take(40 * v.n)
		for i := range v.n {
			out = append(out, v.slice(i, i+1))
		}
	case *octets:
		x.take(24 * len(v.b))
		for _, c := range v.b {
			out = append(out, float64(c))
		}
	case *object:
		for _, k := range x.keys(v) {
			if v.class == "" {
				out = append(out, v.props[x.textOf(k).String()])
			}
		}
	}
	return out
}

// bytesOf is the content of what a Blob or a buffer is made of; ok is false
// where it is unknown.
func (x *interp) bytesOf(v value) (b []byte, ok bool) {
	switch v := v.(type) {
	case text:
		if v.isWide() {
			return []byte(v.String()), true
		}
		return v.narrow(), true
	case *octets:
		return v.b, true
	case *list:
		out := make([]byte, 0, len(v.v))
		x.take(len(v.v))
		for _, e := range v.v {
			f, isNumber := e.(float64)
			if !isNumber {
				t, isText := e.(text)
				if !isText {
					return nil, false
				}
				f = textNumber(t)
			}
			out = append(out, byte(int32Of(f)))
		}
		return out, true
	case *object:
		if v.class == "blob" {
			return v.data, true
		}
	}
	return nil, false
}

func (x *interp) joinList(l *list, sep text) text {
	x.enter()
	defer x.leave()
	var out text
	for i, v := range l.v {
		x.step(1)
		if i > 0 {
			out = x.join(out, sep)
		}
		if v != nil && v != (null{}) {
			out = x.join(out, x.textOf(v))
		}
	}
	return out
}

func at(args []value, i int) value {
	if i < len(args) {
		return args[i]
	}
	return nil
}
