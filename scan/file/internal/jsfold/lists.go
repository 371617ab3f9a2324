package jsfold

import (
	"math"
	"slices"
	"sort"
)

// listMethod folds a method of an array.
func (x *interp) listMethod(l *list, name string, args []value) value {
	x.step(1)
	switch name {
	case "push":
		x.take(48 * len(args)) // the list grows by copying
		l.v = append(l.v, args...)
		return float64(len(l.v))
	case "pop":
		if len(l.v) == 0 {
			return nil
		}
		v := l.v[len(l.v)-1]
		l.v = l.v[:len(l.v)-1]
		return v
	case "shift":
		if len(l.v) == 0 {
			return nil
		}
		v := l.v[0]
		l.v = l.v[1:]
		return v
	case "unshift":
		x.take(16 * (len(l.v) + len(args)))
		l.v = append(slices.Clone(args), l.v...)
		return float64(len(l.v))
	case "join", "toString":
		sep := str(",")
		if a := at(args, 0); a != nil && known(a) {
			sep = x.textOf(a)
		}
		return x.joinList(l, sep)
	case "reverse":
		x.step(len(l.v)/8 + 1)
		slices.Reverse(l.v)
		return l
	case "fill":
		x.step(len(l.v)/8 + 1)
		for i := range l.v {
			l.v[i] = at(args, 0)
		}
		return l
	case "values":
		return l
	case "keys":
		return &list{x.keys(l)}
	}
	return x.listMore(l, name, args)
}

func (x *interp) listMore(l *list, name string, args []value) value {
	place := func(i, otherwise int) int {
		if v := at(args, i); v != nil && known(v) {
			return fromEnd(index(number(v)), len(l.v))
		}
		return otherwise
	}
	switch name {
	case "slice":
		a, b := place(0, 0), place(1, len(l.v))
		x.take(16 * max(b-a, 0))
		return &list{slices.Clone(l.v[min(a, b):b])}
	case "splice":
		a := place(0, 0)
		n := len(l.v) - a
		if v := at(args, 1); v != nil && known(v) {
			n = min(max(index(number(v)), 0), n)
		}
		x.take(16 * (len(l.v) + len(args)))
		cut := slices.Clone(l.v[a : a+n])
		var in []value
		if len(args) > 2 {
			in = args[2:]
		}
		l.v = slices.Concat(l.v[:a], in, l.v[a+n:])
		return &list{cut}
	case "concat":
		out := slices.Clone(l.v)
		for _, a := range args {
			if more, ok := a.(*list); ok {
				x.take(16 * len(more.v))
				out = append(out, more.v...)
			} else {
				out = append(out, a)
			}
		}
		x.take(16 * len(out))
		return &list{out}
	case "indexOf", "includes":
		for i, v := range l.v {
			x.step(1)
			if same, ok := equals(v, at(args, 0), true); ok && same {
				if name == "includes" {
					return true
				}
				return float64(i)
			}
		}
		if name == "includes" {
			return false
		}
		return -1.0
	case "at":
		if i := place(0, 0); i < len(l.v) {
			return l.v[i]
		}
		return nil
	case "flat":
		var out []value
		for _, v := range l.v {
			if in, ok := v.(*list); ok {
				x.take(16 * len(in.v))
				out = append(out, in.v...)
			} else {
				out = append(out, v)
			}
		}
		return &list{out}
	}
	return x.callback(l, name, args)
}

// callback folds the methods that call a function for each member.
func (x *interp) callback(l *list, name string, args []value) value {
	f := at(args, 0)
	each := func(i int, v value) value { return x.call(f, nil, []value{v, float64(i), l}) }
	switch name {
	case "map", "forEach", "filter", "some", "every", "find", "findIndex", "flatMap":
	case "reduce", "reduceRight":
		return x.reduce(l, name == "reduceRight", args)
	case "sort":
		x.step(8 * len(l.v))
		if f == nil {
			sort.SliceStable(l.v, func(i, j int) bool {
				x.step(1)
				return compare(ltToken, x.textOf(l.v[i]), x.textOf(l.v[j])) == true
			})
			return l
		}
		sort.SliceStable(l.v, func(i, j int) bool {
			return number(x.call(f, nil, []value{l.v[i], l.v[j]})) < 0
		})
		return l
	default:
		return mystery("array." + name)
	}
	var out []value
	for i, v := range l.v {
		x.take(16)
		r := each(i, v)
		yes, ok := truth(r)
		switch name {
		case "map":
			out = append(out, r)
		case "flatMap":
			if in, isList := r.(*list); isList {
				x.take(16 * len(in.v))
				out = append(out, in.v...)
			} else {
				out = append(out, r)
			}
		case "filter":
			if yes || !ok {
				out = append(out, v)
			}
		case "find":
			if yes {
				return v
			}
		case "findIndex":
			if yes {
				return float64(i)
			}
		case "some":
			if yes {
				return true
			}
		case "every":
			if ok && !yes {
				return false
			}
		}
	}
	switch name {
	case "map", "filter", "flatMap":
		return &list{out}
	case "some":
		return false
	case "every":
		return true
	case "findIndex":
		return -1.0
	}
	return nil
}

func (x *interp) reduce(l *list, fromRight bool, args []value) value {
	items := l.v
	if fromRight {
		x.take(16 * len(items))
		items = slices.Clone(items)
		slices.Reverse(items)
	}
	var acc value
	start := 0
	if len(args) > 1 {
		acc = args[1]
	} else if len(items) > 0 {
		acc, start = items[0], 1
	}
	for i := start; i < len(items); i++ {
		acc = x.call(at(args, 0), nil, []value{acc, items[i], float64(i), l})
	}
	return acc
}

// octetsMethod folds a method of a typed array, a buffer or a view of one.
func (x *interp) octetsMethod(o *octets, name string, args []value) value {
	switch name {
	case "slice", "subarray":
		a, b := 0, len(o.b)
		if v := at(args, 0); v != nil {
			a = fromEnd(index(number(v)), len(o.b))
		}
		if v := at(args, 1); v != nil {
			b = fromEnd(index(number(v)), len(o.b))
		}
		x.take(max(b-a, 0))
		if name == "subarray" {
			return &octets{o.b[min(a, b):b:b]}
		}
		return &octets{slices.Clone(o.b[min(a, b):b])}
	case "set":
		off := 0
		if v := at(args, 1); v != nil {
			off = index(number(v))
		}
		if b, ok := x.bytesOf(at(args, 0)); ok && off >= 0 && off <= len(o.b) {
			x.take(len(b))
			copy(o.b[off:], b)
		}
		return nil
	case "setUint8", "setInt8":
		return x.setByte(o, args)
	case "getUint8":
		return x.get(o, at(args, 0))
	case "fill":
		x.take(len(o.b))
		for i := range o.b {
			o.b[i] = byte(int32Of(number(at(args, 0))))
		}
		return o
	case "reverse":
		x.take(len(o.b))
		slices.Reverse(o.b)
		return o
	case "map":
		out := &octets{make([]byte, len(o.b))}
		x.take(len(o.b))
		for i, c := range o.b {
			out.b[i] = byte(int32Of(number(x.call(at(args, 0), nil, []value{float64(c), float64(i)}))))
		}
		return out
	case "forEach", "reduce", "join":
		return x.listMethod(&list{x.items(o)}, name, args)
	}
	return mystery("bytes." + name)
}

func (x *interp) setByte(o *octets, args []value) value {
	if i, ok := position(at(args, 0)); ok && i < len(o.b) {
		if f := number(at(args, 1)); !math.IsNaN(f) {
			o.b[i] = byte(int32Of(f))
		}
	}
	return nil
}
