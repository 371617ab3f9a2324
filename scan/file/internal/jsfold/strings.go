package jsfold

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"
)

// find returns the place of needle in t from a place on, -1 where it is not.
func (x *interp) find(t, needle text, from int) int {
	x.step((t.n-min(max(from, 0), t.n))/16 + 1)
	if !t.isWide() && !needle.isWide() {
		from = min(max(from, 0), t.n)
		i := bytes.Index(t.narrow()[from:], needle.narrow())
		if i < 0 {
			return -1
		}
		return from + i
	}
	x.step(t.n)
	for i := max(from, 0); i+needle.n <= t.n; i++ {
		if equal(t.slice(i, i+needle.n), needle) || needle.n == 0 {
			return i
		}
		x.step(needle.n/16 + 1)
	}
	return -1
}

// textMethod folds a method of a string.
func (x *interp) textMethod(t text, name string, args []value) value {
	num := func(i int, otherwise int) int {
		if v := at(args, i); v != nil && known(v) {
			return index(number(v))
		}
		return otherwise
	}
	switch name {
	case "charCodeAt", "codePointAt":
		i := num(0, 0)
		if i < 0 || i >= t.n {
			return math.NaN()
		}
		return float64(t.at(i))
	case "charAt":
		i := num(0, 0)
		return t.slice(i, i+1)
	case "at":
		i := num(0, 0)
		if i < 0 {
			i += t.n
		}
		return t.slice(i, i+1)
	case "substring":
		a, b := min(max(num(0, 0), 0), t.n), min(max(num(1, t.n), 0), t.n)
		return t.slice(min(a, b), max(a, b))
	case "slice":
		return t.slice(fromEnd(num(0, 0), t.n), fromEnd(num(1, t.n), t.n))
	case "substr":
		a := fromEnd(num(0, 0), t.n)
		return t.slice(a, a+min(max(num(1, t.n), 0), t.n))
	case "indexOf", "lastIndexOf", "includes", "startsWith", "endsWith":
		return x.search(t, name, args)
	case "split", "replace", "replaceAll", "match", "matchAll", "search":
		return x.patterns(t, name, args)
	case "concat":
		for _, a := range args {
			t = x.join(t, x.textOf(a))
		}
		return t
	case "repeat":
		n := num(0, 0)
		if n <= 0 || t.n == 0 {
			return text{}
		}
		if n > maxText/t.n {
			x.stop("a string is longer than %d", maxText)
		}
		x.take(n * t.n)
		return units(repeat(t.utf16(), n))
	case "padStart", "padEnd":
		return x.pad(t, name, num(0, 0), at(args, 1))
	case "toString", "valueOf", "normalize", "toWellFormed":
		return t
	}
	return x.cased(t, name)
}

func repeat(u []uint16, n int) []uint16 {
	out := make([]uint16, 0, len(u)*n)
	for range n {
		out = append(out, u...)
	}
	return out
}

func (x *interp) pad(t text, name string, n int, with value) value {
	fill := str(" ")
	if w, ok := with.(text); ok {
		fill = w
	}
	if n <= t.n || fill.n == 0 {
		return t
	}
	if n > maxText {
		x.stop("a string is longer than %d", maxText)
	}
	x.take(2 * n)
	need := n - t.n
	p := units(repeat(fill.utf16(), need/fill.n+1)).slice(0, need)
	if name == "padStart" {
		return x.join(p, t)
	}
	return x.join(t, p)
}

// cased folds the methods that change the case or the edges.
func (x *interp) cased(t text, name string) value {
	var f func(string) string
	switch name {
	case "toLowerCase", "toLocaleLowerCase":
		f = strings.ToLower
	case "toUpperCase", "toLocaleUpperCase":
		f = strings.ToUpper
	case "trim":
		f = strings.TrimSpace
	case "trimStart", "trimLeft":
		f = func(s string) string { return strings.TrimLeft(s, " \t\r\n\f\v") }
	case "trimEnd", "trimRight":
		f = func(s string) string { return strings.TrimRight(s, " \t\r\n\f\v") }
	case "link", "anchor", "big", "bold", "sub", "italics":
		f = func(s string) string { return s }
	default:
		return mystery("string." + name)
	}
	x.take(2 * t.n)
	return str(f(t.String()))
}

// fromEnd is a place counted from the end where it is negative.
func fromEnd(i, n int) int {
	if i < 0 {
		i += n
	}
	return min(max(i, 0), n)
}

func (x *interp) search(t text, name string, args []value) value {
	if !known(at(args, 0)) {
		return mystery("search")
	}
	needle := x.textOf(at(args, 0))
	from := 0
	if v := at(args, 1); v != nil && known(v) {
		from = index(number(v))
	}
	switch name {
	case "includes":
		return x.find(t, needle, from) >= 0
	case "startsWith":
		return equal(t.slice(from, from+needle.n), needle)
	case "endsWith":
		return needle.n <= t.n && equal(t.slice(t.n-needle.n, t.n), needle)
	case "lastIndexOf":
		if !t.isWide() && !needle.isWide() {
			x.step(t.n/16 + 1)
			return float64(bytes.LastIndex(t.narrow(), needle.narrow()))
		}
		for i := t.n - needle.n; i >= 0; i-- {
			x.step(needle.n/16 + 1)
			if equal(t.slice(i, i+needle.n), needle) {
				return float64(i)
			}
		}
		return -1.0
	}
	return float64(x.find(t, needle, from))
}

// patterns folds the methods that take a string or a regular expression.
func (x *interp) patterns(t text, name string, args []value) value {
	p := at(args, 0)
	if !known(p) {
		return t
	}
	r, isRegex := p.(*regex)
	switch name {
	case "split":
		if isRegex {
			return x.splitBy(t, r)
		}
		if p == nil {
			return &list{[]value{t}}
		}
		return x.split(t, x.textOf(p))
	case "match", "matchAll":
		if !isRegex {
			r = makeRegex(x.textOf(p).String(), "")
		}
		return x.match(t, r, r.global)
	case "search":
		if isRegex && r.re != nil {
			x.take(t.n)
			if m := r.re.FindStringIndex(t.String()); m != nil {
				return float64(len(str(t.String()[:m[0]]).utf16()))
			}
		}
		return -1.0
	}
	if isRegex {
		return x.replace(t, r, at(args, 1))
	}
	return x.replaceText(t, x.textOf(p), at(args, 1), name == "replaceAll")
}

func (x *interp) split(t, sep text) value {
	var out []value
	if sep.n == 0 {
		return &list{x.items(t)}
	}
	x.step(t.n/8 + 1)
	last := 0
	for {
		i := x.find(t, sep, last)
		if i < 0 {
			break
		}
		x.take(40)
		out = append(out, t.slice(last, i))
		last = i + sep.n
	}
	return &list{append(out, t.slice(last, t.n))}
}

func (x *interp) replaceText(t, old text, by value, all bool) value {
	var out text
	last := 0
	for {
		i := x.find(t, old, last)
		if i < 0 || old.n == 0 {
			break
		}
		with := by
		switch f := by.(type) {
		case *function, method:
			with = x.call(f, nil, []value{old})
		}
		out = x.join(x.join(out, t.slice(last, i)), x.textOf(with))
		last = i + old.n
		if !all {
			break
		}
	}
	if last == 0 {
		return t
	}
	return x.join(out, t.slice(last, t.n))
}

// unescape is the old function: %XX and %uXXXX stand for units.
func (x *interp) unescape(t text) text {
	x.take(2 * t.n)
	out := make([]uint16, 0, t.n)
	hex := func(from, n int) (uint16, bool) {
		if from+n > t.n {
			return 0, false
		}
		v := uint16(0)
		for i := range n {
			d, ok := hexDigit(t.at(from + i))
			if !ok {
				return 0, false
			}
			v = v<<4 | d
		}
		return v, true
	}
	for i := 0; i < t.n; i++ {
		if t.at(i) == '%' {
			if v, ok := hex(i+1, 2); ok {
				out = append(out, v)
				i += 2
				continue
			}
			if i+1 < t.n && t.at(i+1) == 'u' {
				if v, ok := hex(i+2, 4); ok {
					out = append(out, v)
					i += 5
					continue
				}
			}
		}
		out = append(out, t.at(i))
	}
	return units(out)
}

func hexDigit(c uint16) (uint16, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// decodeURI is decodeURIComponent: the units are UTF-8.
func (x *interp) decodeURI(t text) text {
	u := x.unescape(t)
	if u.isWide() {
		return u
	}
	if b := u.narrow(); utf8.Valid(b) {
		return str(string(b))
	}
	return u
}

// escape writes every unit that is not a letter or digit as %XX.
func (x *interp) escape(t text, utf bool) text {
	const free = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.*@!~'()/+"
	const digits = "0123456789ABCDEF"
	x.take(8 * t.n)
	var b []byte
	if utf {
		b = []byte(t.String())
	} else {
		b = t.bytes()
	}
	out := make([]byte, 0, len(b))
	for _, c := range b {
		if strings.IndexByte(free, c) >= 0 && !(utf && (c == '/' || c == '+' || c == '@')) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return latin(out)
}
