package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"foregate/scan/file/tree"
)

// Bounds of one file.
const (
	maxObjects = 100000 // objects read: a book of a thousand pages has about 30,000
	maxResolve = 16     // references followed to one value
)

// object is one indirect object, as it stands in the file.
type object struct {
	num    int
	gen    int
	val    any
	stream []byte // nil where it has none
	packed bool   // it was in an object stream
}

// doc is the look into one file.
type doc struct {
	ctx      context.Context
	in       *tree.Input
	res      *tree.Result
	objects  []object       // in the order of the file
	latest   map[int]int    // number to the last definition
	trailers []*dict        // of cross-reference tables and streams
	revs     int            // "%%EOF" marks
	hidden   bool           // names written with needless escapes
	taken    map[int]bool   // embedded files taken out
	names    map[int]string // names of embedded files by the object of their content
	pages    int
	seen     map[string]bool
	acted    int            // dictionaries looked at for what they do
	maps     int            // character maps read
	scripts  [][]byte       // texts of scripts
	known    map[int]*cmap  // character maps, by the number of their font
	forms    map[int][]byte // content of forms that pages draw
	nested   int            // forms inside each other
	plots    int            // pages searched for drawn codes
	locked   bool           // strings and streams are encrypted
}

// scan reads all objects from the bytes, whatever the cross-reference tables
// say: attackers lie there, readers repair it in different ways.
func (d *doc) scan() error {
	b := d.in.Data
	noEnd := false
	for pos := 0; pos < len(b) && len(d.objects) < maxObjects; {
		if len(d.objects)%256 == 0 && d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		i := nextMark(b, pos)
		if i < 0 {
			break
		}
		if bytes.HasPrefix(b[i:], []byte("trailer")) {
			l := lexer{b: b, pos: i + len("trailer")}
			if t, ok := l.value(0).(*dict); ok {
				d.trailers = append(d.trailers, t)
				d.hidden = d.hidden || l.hidden
			}
			pos = max(l.pos, i+7)
			continue
		}
		num, gen, ok := objectNumber(b, i)
		if !ok {
			pos = i + 3
			continue
		}
		l := lexer{b: b, pos: i + 3}
		o := object{num: num, gen: gen, val: l.value(0)}
		d.hidden = d.hidden || l.hidden
		if s, ok := o.val.(*dict); ok {
			noEnd = d.stream(&o, s, &l, noEnd)
		}
		if w, ok := o.val.(word); ok && w != end {
			l.pos = i + 3
			o.val = nil
		}
		d.add(o)
		pos = max(l.pos, i+3)
	}
	d.revs = bytes.Count(b, []byte("%%EOF"))
	return nil
}

// nextMark finds the next "obj" or "trailer".
func nextMark(b []byte, pos int) int {
	i := bytes.Index(b[pos:], []byte("obj"))
	limit := len(b)
	if i >= 0 {
		limit = pos + i
	}
	if t := bytes.Index(b[pos:limit], []byte("trailer")); t >= 0 {
		return pos + t
	}
	if i < 0 {
		return -1
	}
	return pos + i
}

// objectNumber reads the number and the generation of an object before its
// keyword: "12 0 obj".
func objectNumber(b []byte, at int) (num, gen int, ok bool) {
	i := at
	back := func(f func(byte) bool, most int) (from, to int) {
		to = i
		for i > 0 && to-i < most && f(b[i-1]) {
			i--
		}
		return i, to
	}
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	back(white, 64)
	g0, g1 := back(digit, 6)
	s0, s1 := back(white, 64)
	n0, n1 := back(digit, 10)
	if g0 == g1 || s0 == s1 || n0 == n1 {
		return 0, 0, false
	}
	num, err := strconv.Atoi(string(b[n0:n1]))
	if err != nil {
		return 0, 0, false
	}
	gen, err = strconv.Atoi(string(b[g0:g1]))
	return num, gen, err == nil
}

// stream finds the content behind a dictionary. noEnd tells that no
// "endstream" follows in the rest of the file, so that nobody looks again.
func (d *doc) stream(o *object, s *dict, l *lexer, noEnd bool) bool {
	l.skip()
	if !bytes.HasPrefix(l.b[l.pos:], []byte("stream")) {
		return noEnd
	}
	at := l.pos + len("stream")
	if bytes.HasPrefix(l.b[at:], []byte("\r\n")) {
		at += 2
	} else if at < len(l.b) && (l.b[at] == '\n' || l.b[at] == '\r') {
		at++
	}
	if n, ok := d.resolve(s.get("Length")).(float64); ok && n >= 0 && at+int(min(n, 1<<31)) <= len(l.b) {
		stop := at + int(n)
		if bytes.HasPrefix(bytes.TrimLeft(l.b[stop:min(stop+32, len(l.b))], " \r\n\t"), []byte("endstream")) {
			o.stream, l.pos = l.b[at:stop], stop
			return noEnd
		}
	}
	n := -1
	if !noEnd {
		n = bytes.Index(l.b[at:], []byte("endstream"))
	}
	if n < 0 {
		o.stream, l.pos = l.b[at:], len(l.b)
		return true
	}
	o.stream, l.pos = l.b[at:at+n], at+n
	return noEnd
}

func (d *doc) add(o object) {
	if o.stream != nil {
		if s, ok := o.val.(*dict); ok && d.resolve(s.get("Type")) == name("XRef") {
			d.trailers = append(d.trailers, s)
		}
	}
	d.objects = append(d.objects, o)
	d.latest[o.num] = len(d.objects) - 1
}

// unpack reads the objects in object streams, ISO 32000-1 section 7.5.7.
func (d *doc) unpack() error {
	for i := 0; i < len(d.objects) && len(d.objects) < maxObjects; i++ {
		o := d.objects[i]
		s, ok := o.val.(*dict)
		if !ok || o.stream == nil || d.resolve(s.get("Type")) != name("ObjStm") || o.packed {
			continue
		}
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		b, _, err := d.decode(s, o.stream)
		if errors.Is(err, tree.ErrBudget) {
			return fmt.Errorf("unpacking objects: %w", err)
		}
		if err != nil {
			d.damaged(err.Error())
			continue
		}
		d.unpackStream(s, b)
	}
	return nil
}

func (d *doc) unpackStream(s *dict, b []byte) {
	n, _ := d.resolve(s.get("N")).(float64)
	first, _ := d.resolve(s.get("First")).(float64)
	head := lexer{b: b}
	for k := 0; k < int(min(n, maxObjects)) && len(d.objects) < maxObjects; k++ {
		num, ok1 := head.value(maxDepth).(float64)
		off, ok2 := head.value(maxDepth).(float64)
		if !ok1 || !ok2 {
			return
		}
		at := first + off
		if at < 0 || at >= float64(len(b)) {
			continue
		}
		l := lexer{b: b, pos: int(at)}
		o := object{num: int(num), val: l.value(0), packed: true}
		d.hidden = d.hidden || l.hidden
		if _, old := d.latest[o.num]; old && !d.objects[d.latest[o.num]].packed {
			// A later plain definition would win; both are looked at.
			d.objects = append(d.objects, o)
			continue
		}
		d.add(o)
	}
}

func (d *doc) damaged(what string) {
	d.res.Find("file.damaged-document", what, "PDF %q is damaged: %s", d.in.Name, tree.Short(what))
}

// resolve follows references to a value; cycles end in nil.
func (d *doc) resolve(v any) any {
	for range maxResolve {
		r, ok := v.(ref)
		if !ok {
			return v
		}
		i, ok := d.latest[r.num]
		if !ok {
			return nil
		}
		v = d.objects[i].val
	}
	return nil
}

// list is a value as a list: an array, or the value alone.
func (d *doc) list(v any) array {
	switch v := d.resolve(v).(type) {
	case nil:
		return nil
	case array:
		return v
	default:
		return array{v}
	}
}

// content returns the object that a reference leads to, with its stream.
func (d *doc) content(v any) (object, bool) {
	r, ok := v.(ref)
	for range maxResolve {
		if !ok {
			return object{}, false
		}
		i, there := d.latest[r.num]
		if !there {
			return object{}, false
		}
		o := d.objects[i]
		if r, ok = o.val.(ref); !ok {
			return o, true
		}
	}
	return object{}, false
}
