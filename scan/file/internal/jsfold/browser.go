package jsfold

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/tdewolff/parse/v2/js"
)

const ltToken = js.LtToken

// browser is what a name means that the script does not define.
func (x *interp) browser(name string, s *scope) value {
	switch name {
	case "undefined":
		return nil
	case "NaN", "Infinity":
		return textNumber(str(name))
	case "this":
		if s.this != nil {
			return s.this
		}
		return mystery("window")
	case "window", "self", "top", "parent", "globalThis", "frames", "opener":
		return mystery("window")
	case "String", "Array", "Object", "Math", "JSON", "Number", "Boolean", "Date", "RegExp", "Function", "Uint8Array", "Int8Array", "Uint8ClampedArray", "ArrayBuffer", "DataView",
		"Uint16Array", "Uint32Array", "Int32Array", "Blob", "File", "ActiveXObject", "TextDecoder", "TextEncoder", "XMLHttpRequest", "WebSocket", "Image", "Symbol", "Promise",
		"atob", "btoa", "unescape", "escape", "decodeURIComponent", "decodeURI", "encodeURIComponent", "encodeURI", "parseInt", "parseFloat", "isNaN", "eval",
		"setTimeout", "setInterval", "setImmediate", "requestAnimationFrame", "queueMicrotask":
		return method{nil, name}
	}
	if e := x.element(name); e != nil {
		return e // elements with an ID are variables of the window
	}
	return mystery(name)
}

// element is the element of the page with an ID, as scripts read it; nil when
// there is none.
func (x *interp) element(id string) *object {
	if o := x.found[id]; o != nil {
		return o
	}
	e, ok := x.page[id]
	if !ok {
		return nil
	}
	x.take(len(e.Text) + 64)
	o := newObject("element")
	o.name = e.Tag
	body := str(e.Text)
	for _, k := range []string{"innerHTML", "innerText", "textContent"} {
		o.props[k] = body
	}
	data := newObject("")
	for k, v := range e.Attrs {
		x.take(len(v) + 32)
		o.props[k] = str(v)
		if name, ok := strings.CutPrefix(k, "data-"); ok {
			data.props[camel(name)] = str(v)
		}
	}
	if e.Tag == "textarea" {
		o.props["value"] = body
	}
	o.props["dataset"] = data
	x.found[id] = o
	return o
}

// camel writes a-b as aB, as the names of dataset are.
func camel(s string) string {
	parts := strings.Split(s, "-")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

// construct folds new f(args).
func (x *interp) construct(f value, args []value) value {
	m, ok := f.(method)
	if !ok {
		return x.constructOther(f, args)
	}
	first := at(args, 0)
	switch m.name {
	case "Blob", "File":
		return x.blob(m.name, args)
	case "Uint8Array", "Int8Array", "Uint8ClampedArray", "ArrayBuffer", "DataView":
		if n, isNumber := first.(float64); isNumber {
			if n < 0 || n > maxText {
				return mystery(m.name)
			}
			x.take(int(n))
			return &octets{make([]byte, int(n))}
		}
		if o, isBytes := first.(*octets); isBytes {
			return o // a view of the same bytes
		}
		if b, ok := x.bytesOf(first); ok {
			x.take(len(b))
			return &octets{slices.Clone(b)}
		}
	case "Array", "Uint16Array", "Uint32Array", "Int32Array":
		if n, isNumber := first.(float64); isNumber && len(args) == 1 {
			if n < 0 || n > 1<<24 {
				return mystery("Array")
			}
			x.take(16 * int(n))
			l := &list{make([]value, int(n))}
			if m.name != "Array" {
				for i := range l.v {
					l.v[i] = 0.0
				}
			}
			return l
		}
		x.take(16 * len(args))
		return &list{slices.Clone(args)}
	case "RegExp":
		return makeRegex(x.textOf(first).String(), x.textOf(orEmpty(at(args, 1))).String())
	case "Function":
		return x.madeFunction(args)
	case "Object":
		if first != nil {
			return first
		}
		return newObject("")
	case "String":
		return x.textOf(orEmpty(first))
	case "ActiveXObject":
		return x.com(x.textOf(first).String())
	case "Image":
		o := newObject("element")
		o.name = "img"
		return o
	case "WebSocket":
		x.ask(first)
	case "Promise":
		if len(args) > 0 {
			x.call(first, nil, []value{mystery("resolve"), mystery("reject")})
		}
	case "XMLHttpRequest", "TextDecoder", "TextEncoder":
		return newObject(m.name)
	}
	return mystery(m.name)
}

func orEmpty(v value) value {
	if v == nil {
		return text{}
	}
	return v
}

func (x *interp) constructOther(f value, args []value) value {
	switch f := f.(type) {
	case *function:
		o := newObject("")
		if v, ok := x.invoke(f, o, args).(*object); ok {
			return v
		}
		return o
	case *unknown:
		x.host(f, args)
	}
	return mystery("new")
}

// madeFunction is a function made of text: its body is folded as code when it
// is called.
func (x *interp) madeFunction(args []value) value {
	x.signs["eval"] = true
	if len(args) == 0 {
		return mystery("Function")
	}
	body, ok := args[len(args)-1].(text)
	if !ok {
		return mystery("Function")
	}
	var names []string
	for _, a := range args[:len(args)-1] {
		names = append(names, x.textOf(a).String())
	}
	v := x.code(x.join(x.join(str("(function("+strings.Join(names, ",")+"){"), body), str("\n})")), x.global)
	return v
}

// blob makes a file of parts.
func (x *interp) blob(name string, args []value) value {
	x.signs["Blob"] = true
	o := newObject("blob")
	parts := []value{at(args, 0)}
	if l, ok := at(args, 0).(*list); ok {
		parts = l.v
	}
	options := at(args, 1)
	if name == "File" {
		o.name, options = x.textOf(at(args, 1)).String(), at(args, 2)
		o.props["saved"] = true
	}
	for _, p := range parts {
		b, ok := x.bytesOf(p)
		if !ok {
			continue // unknown: what is known of the file is kept
		}
		x.take(2 * len(b))
		o.data = append(o.data, b...)
	}
	if opt, ok := options.(*object); ok {
		if t, ok := opt.props["type"].(text); ok {
			o.media = t.String()
		}
	}
	if len(x.made) < maxNotes {
		x.made = append(x.made, o)
	}
	return o
}

// com makes an object of a program of Windows.
func (x *interp) com(program string) value {
	o := newObject("com")
	o.name = program
	x.signs["ActiveXObject"] = true
	x.called(Call{Object: program})
	return o
}

func (x *interp) called(c Call) {
	for _, have := range x.report.Calls {
		if have.Object == c.Object && have.Method == c.Method && slices.Equal(have.Args, c.Args) {
			return
		}
	}
	if len(x.report.Calls) < maxNotes {
		x.report.Calls = append(x.report.Calls, c)
	}
}

// schedule keeps a function that an event or a timer calls.
func (x *interp) schedule(v value) {
	if _, ok := v.(*function); ok && len(x.pending) < maxNotes {
		x.pending = append(x.pending, v)
	}
}

// goTo and ask note addresses.
func (x *interp) goTo(v value) { x.noteText(&x.report.Goes, v) }
func (x *interp) ask(v value)  { x.noteText(&x.report.Asks, v) }

func (x *interp) noteText(list *[]string, v value) {
	const longest = 1 << 20
	switch v := v.(type) {
	case text:
		note(list, v.slice(0, longest).String())
	case *object:
		if href, ok := v.props["href"].(text); ok {
			note(list, href.slice(0, longest).String())
		}
	}
}

// landed notes what an assignment to a global variable means to a browser.
func (x *interp) landed(name string, v value) {
	switch {
	case name == "location":
		x.goTo(v)
	case strings.HasPrefix(name, "on"):
		x.schedule(v)
	}
}

// setUnknown notes what setting a member of the browser's would do.
func (x *interp) setUnknown(o *unknown, name string, v value) {
	if o.props == nil {
		o.props = map[string]value{}
	}
	x.take(32)
	o.props[name] = v
	low := strings.ToLower(name)
	switch {
	case o.path == "window":
		x.global.vars[name] = v
		x.landed(name, v)
	case low == "location", low == "href" && strings.HasSuffix(o.path, "location"):
		x.goTo(v)
	case strings.HasPrefix(low, "on"):
		x.schedule(v)
	default:
		x.setMarkup(low, "", v)
	}
}

// setElement notes what setting a member of an element does.
func (x *interp) setElement(o *object, name string, v value) {
	switch low := strings.ToLower(name); {
	case low == "download":
		x.signs["download"] = true
		if len(x.saved) < maxNotes {
			x.saved = append(x.saved, o)
		}
	case o.name == "a" && low == "href":
	case strings.HasPrefix(low, "on"):
		x.schedule(v)
	case o.class == "element" && o.name == "script" && (low == "text" || low == "innerhtml" || low == "textcontent" || low == "innertext"):
		x.signs["eval"] = true
		x.code(v, x.global)
	default:
		x.setMarkup(low, o.name, v)
	}
}

func (x *interp) setMarkup(low, tag string, v value) {
	switch low {
	case "innerhtml", "outerhtml", "srcdoc":
		x.noteText(&x.report.Markup, v)
	case "src", "data":
		x.noteText(&x.report.Loads, v)
	case "action":
		x.ask(v)
	case "href":
		if tag != "a" {
			x.noteText(&x.report.Loads, v)
		}
	}
}

// objectMethod folds a method of a plain object or one of the browser's.
func (x *interp) objectMethod(o *object, name string, args []value) value {
	switch o.class {
	case "":
		if name == "hasOwnProperty" {
			_, has := o.props[x.textOf(at(args, 0)).String()]
			return has
		}
		return x.textOf(o)
	case "element":
		return x.elementMethod(o, name, args)
	case "blob":
		if name == "slice" {
			return o
		}
	case "com":
		return x.comMethod(o, name, args)
	case "XMLHttpRequest":
		if name == "open" {
			x.ask(at(args, 1))
		}
	case "TextDecoder", "TextEncoder":
		if b, ok := x.bytesOf(at(args, 0)); ok {
			x.take(2 * len(b))
			if name == "decode" {
				return str(string(b))
			}
			return &octets{[]byte(x.textOf(at(args, 0)).String())}
		}
	}
	return mystery(name)
}

func (x *interp) elementMethod(o *object, name string, args []value) value {
	switch name {
	case "setAttribute":
		x.set(o, orEmpty(at(args, 0)), at(args, 1))
	case "getAttribute":
		return o.props[x.textOf(at(args, 0)).String()]
	case "click", "dispatchEvent":
		if href, ok := o.props["href"].(text); ok && o.props["download"] == nil {
			x.goTo(href)
		}
		x.signs["click"] = true
	case "addEventListener", "attachEvent":
		x.schedule(at(args, 1))
	case "insertAdjacentHTML":
		x.noteText(&x.report.Markup, at(args, 1))
	case "val":
		return o.props["value"]
	case "text", "html":
		return o.props["innerText"]
	case "attr", "data":
		key := x.textOf(at(args, 0)).String()
		if name == "data" {
			key = "data-" + key
		}
		return o.props[key]
	case "submit":
		x.ask(o.props["action"])
	}
	return mystery(name)
}

// comMethod notes what is asked of a program of Windows.
func (x *interp) comMethod(o *object, name string, args []value) value {
	c := Call{Object: o.name, Method: name}
	for _, a := range args {
		if known(a) {
			const longest = 8 << 10
			c.Args = append(c.Args, x.textOf(a).slice(0, longest).String())
		} else {
			c.Args = append(c.Args, "")
		}
	}
	x.called(c)
	if strings.EqualFold(name, "open") && strings.Contains(strings.ToUpper(o.name), "HTTP") {
		x.ask(at(args, 1))
	}
	return mystery(o.name + "." + name)
}

// host folds a call of the browser's functions, by the end of their path.
func (x *interp) host(f *unknown, args []value) value {
	name := f.path[strings.LastIndexByte(f.path, '.')+1:]
	first := at(args, 0)
	switch name {
	case "createElement", "createElementNS":
		o := newObject("element")
		if len(args) > 0 {
			o.name = strings.ToLower(x.textOf(args[len(args)-1]).slice(0, 40).String())
		}
		return o
	case "getElementById", "querySelector":
		id := x.textOf(first).slice(0, 200).String()
		if e := x.element(strings.TrimPrefix(id, "#")); e != nil {
			return e
		}
	case "createObjectURL":
		return x.objectURL(first)
	case "msSaveBlob", "msSaveOrOpenBlob", "saveAs", "navigator.msSaveBlob":
		x.signs["msSaveBlob"] = true
		if o, ok := first.(*object); ok && o.class == "blob" {
			o.props["saved"] = true
			if n, ok := at(args, 1).(text); ok {
				o.name = n.String()
			}
		}
		return true
	case "write", "writeln":
		x.noteText(&x.report.Markup, first)
	case "replace", "assign", "navigate":
		x.goTo(first)
	case "launchURL", "getURL": // of PDF readers
		x.goTo(first)
	case "submitForm":
		if o, ok := first.(*object); ok {
			first = o.props["cURL"]
		}
		x.ask(first)
	case "setTimeOut":
		if _, ok := first.(text); ok {
			return x.code(first, x.global)
		}
		x.schedule(first)
	case "open":
		x.opens(args)
	case "fetch", "sendBeacon", "get", "post", "ajax", "getJSON":
		x.fetches(first, args)
		return mystery(name)
	case "addEventListener", "attachEvent", "on":
		x.schedule(at(args, 1))
	case "$", "jQuery":
		if t, ok := first.(text); ok && t.n > 1 && t.at(0) == '#' {
			if e := x.element(t.slice(1, 200).String()); e != nil {
				return e
			}
		}
		x.schedule(first)
	case "then", "ready", "catch", "finally", "forEach", "one":
		for _, a := range args {
			x.schedule(a)
		}
	case "CreateObject", "createObject":
		return x.com(x.textOf(first).String())
	case "GetObject":
		return x.com(x.textOf(first).String())
	case "execScript":
		x.signs["eval"] = true
		return x.code(first, x.global)
	case "createTextNode", "from":
		return first
	}
	return mystery(f.path + "()")
}

// opens tells window.open from the open of a request.
func (x *interp) opens(args []value) {
	if t, ok := at(args, 1).(text); ok && strings.Contains(t.slice(0, 16).String(), "://") {
		x.ask(t)
		return
	}
	if t, ok := at(args, 0).(text); ok && t.n > 6 {
		x.goTo(t)
	}
}

func (x *interp) fetches(first value, args []value) {
	if o, ok := first.(*object); ok {
		x.ask(o.props["url"])
	} else {
		x.ask(first)
	}
	for _, a := range args[min(1, len(args)):] {
		if o, ok := a.(*object); ok {
			x.schedule(o.props["success"])
		}
		x.schedule(a)
	}
}

// objectURL gives a blob an address.
func (x *interp) objectURL(v value) value {
	x.signs["createObjectURL"] = true
	o, ok := v.(*object)
	if !ok || o.class != "blob" {
		return mystery("blob:")
	}
	url := fmt.Sprintf("blob:%d", len(x.blobs))
	x.take(64)
	x.blobs[url] = o
	return units(utf16.Encode([]rune(url)))
}
