package eval

import (
	"slices"
	"strconv"

	"foregate/mql/internal/check"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// field is a text, or all texts that a loop runs over.
type field struct {
	id    int
	steps []valFn // lists to run over, outermost first; each but the first sees the item of the one before
	get   valFn   // the text, of the innermost item
	many  bool    // get answers a list of texts
	anew  bool    // get answers the source of what rules see written anew
	words *words
}

// words are the literals looked for in a field, or in fields that are likely to
// hold the same text: they are searched together.
type words struct {
	literals []string       // by number
	ids      map[string]int // until the program is finished
	matcher  *text.Matcher
	fields   int // how many use them
}

// source is a list that a loop runs over, as a chain of lists, or one text that
// it meets.
type source struct {
	key   string
	steps []*check.Node
	item  *check.Node // a text outside all loops, instead of steps
	page  *check.Node // a page whose comments they are, instead of both
}

// fieldFacts is what is known of a field of the message.
type fieldFacts struct {
	found    uint32 // epoch of bits
	profiled uint32 // epoch of profile
	bits     text.Bits
	profile  text.Profile
}

// minKeptText is the length in bytes from which what is known of a text is kept
// for the next field that holds it.
const minKeptText = 128

// literalsOf finds the literals that occur in a field, in one pass. It is done
// when a condition first asks for one of them.
func (r *Run) literalsOf(id int) text.Bits {
	fact := &r.facts[id]
	if fact.bits == nil {
		fact.bits = text.NewBits(len(r.prog.fields[id].words.literals))
	}
	clear(fact.bits)
	s := r.isolate()
	r.collect(r.prog.fields[id], 0, fact, false)
	if r.restore(s) { // not all was looked at: nothing may be ruled out
		for i := range fact.bits {
			fact.bits[i] = ^uint64(0)
		}
		return fact.bits
	}
	fact.found = r.epoch
	return fact.bits
}

// profileOf tells what a field is made of.
func (r *Run) profileOf(id int) *text.Profile {
	fact := &r.facts[id]
	if fact.profiled == r.epoch {
		return &fact.profile
	}
	fact.profile = text.Profile{}
	s := r.isolate()
	r.collect(r.prog.fields[id], 0, fact, true)
	if r.restore(s) {
		all := ^uint64(0)
		fact.profile = text.Profile{Bytes: text.ByteSet{all, all, all, all}, Run: 1 << 30}
		return &fact.profile
	}
	fact.profiled = r.epoch
	return &fact.profile
}

// collect runs over the lists of f from step on and adds each text to the
// literals, or to the profile.
func (r *Run) collect(f *field, step int, fact *fieldFacts, profile bool) {
	if step < len(f.steps) {
		v := items(f.steps[step](r))
		for i := range listLen(v) {
			r.push(v.At(i), 0) // fields look nothing up
			r.collect(f, step+1, fact, profile)
			r.depth--
		}
		return
	}
	v := f.get(r)
	if !f.many {
		r.addText(f, fact, v, profile)
		return
	}
	for i := range listLen(v) {
		r.addText(f, fact, v.At(i), profile)
	}
}

func (r *Run) addText(f *field, fact *fieldFacts, v value.Value, profile bool) {
	switch {
	case v.Kind() != value.String:
	case profile:
		r.addProfile(fact, v)
	default:
		r.addLiterals(f.words, fact.bits, v)
	}
}

// textIn is a text in which words are looked for.
type textIn struct {
	words *words
	text  textKey
}

func (r *Run) addLiterals(w *words, bits text.Bits, v value.Value) {
	s := v.Str()
	if w.fields == 1 || len(s) < minKeptText {
		r.find(w, bits, v)
		return
	}
	p, n := v.TextID()
	key := textIn{w, textKey{p, n}}
	known := r.found[key]
	if known == nil {
		known = text.NewBits(len(w.literals))
		r.find(w, known, v)
		r.found[key] = known
	}
	for i, x := range known {
		bits[i] |= x
	}
}

func (r *Run) find(w *words, bits text.Bits, v value.Value) {
	s := v.Str()
	if !text.IsASCII(s) {
		s = r.fold(v)
	}
	w.matcher.Find(s, bits)
}

func (r *Run) addProfile(fact *fieldFacts, v value.Value) {
	s := v.Str()
	if len(s) < minKeptText {
		fact.profile.Add(s)
		return
	}
	p, n := v.TextID()
	key := textKey{p, n}
	known, ok := r.profiles[key]
	if !ok {
		known.Add(s)
		r.profiles[key] = known
	}
	fact.profile.Join(&known)
}

// static reports nodes whose value depends on nothing but the message and the
// item of the innermost loop, and can't be missing: fields, and fields with
// look-alikes replaced.
func static(n *check.Node) bool {
	switch n.Op {
	case check.Root:
		return true
	case check.Scope:
		return n.N == 1
	case check.Path:
		return static(n.Args[0])
	case check.Call:
		return n.Func.Name == "strings.replace_confusables" && static(n.Args[0])
	}
	return false
}

// fieldOf returns the field of a text that stands outside all loops, nil when
// it is none that the prefilter covers.
func (p *Program) fieldOf(n *check.Node) *field {
	if n.Free != 0 || !static(n) {
		return nil
	}
	return p.field(nil, n)
}

func (p *Program) field(src *source, n *check.Node) *field {
	key, likely := "|"+strconv.Itoa(n.ID), likeness(src, n)
	if src != nil {
		key = src.key + key
	}
	if f := p.fieldIDs[key]; f != nil {
		return f
	}
	f := &field{get: p.val(n), many: n.Type.Kind == value.List}
	if src != nil {
		for _, s := range src.steps {
			f.steps = append(f.steps, p.val(s))
		}
		if src.item != nil {
			f.get = inside(p.val(src.item), f.get)
		}
	}
	p.addField(key, likely, f)
	return f
}

// likeness is equal for fields that are likely to hold the same text: a text
// seldom has look-alikes to replace, or anything to normalise.
func likeness(src *source, n *check.Node) string {
	for n.Op == check.Call && n.Func.Name == "strings.replace_confusables" {
		n = n.Args[0]
	}
	switch {
	case src != nil && src.item != nil && n.Op == check.Scope:
		return likeness(nil, src.item)
	case src != nil:
		return src.key + likeness(nil, n)
	case n.Op == check.Path && n.Name == "normalized":
		return strconv.Itoa(n.Args[0].ID) + ".text"
	case n.Op == check.Path:
		return strconv.Itoa(n.Args[0].ID) + "." + n.Name
	}
	return "#" + strconv.Itoa(n.ID)
}

func (p *Program) addField(key, likely string, f *field) {
	w := p.wordsOf[likely]
	if w == nil {
		w = &words{ids: map[string]int{}}
		p.wordsOf[likely] = w
	}
	w.fields++
	f.id, f.words = len(p.fields), w
	p.fieldIDs[key] = f
	p.fields = append(p.fields, f)
}

// inside computes body with item as the current item.
func inside(item, body valFn) valFn {
	return func(r *Run) value.Value {
		r.push(item(r), 0)
		v := body(r)
		r.depth--
		return v
	}
}

// sources returns what together holds every item of n, nil when that is not
// known.
func (p *Program) sources(n *check.Node, scopes [][]*source) []*source {
	switch {
	case n.Op == check.Loop && (n.Func.Name == "filter" || n.Func.Name == "distinct"):
		return p.sources(n.Args[0], scopes)
	case n.Op == check.Array && len(n.Args) > 0:
		return p.elementSources(n)
	case comments(n):
		page := n.Args[0].Args[0]
		if page.Free != 0 || !static(page) {
			return nil
		}
		return []*source{{key: "comments", page: page}}
	case !static(n) || n.Type.Kind != value.List:
		return nil
	case n.Free == 0:
		return []*source{{key: "/" + strconv.Itoa(n.ID), steps: []*check.Node{n}}}
	}
	if len(scopes) == 0 {
		return nil
	}
	var out []*source
	for _, outer := range scopes[len(scopes)-1] {
		if outer.item != nil || outer.page != nil || len(outer.steps) >= check.MaxLoops/2 {
			return nil
		}
		out = append(out, &source{key: outer.key + "/" + strconv.Itoa(n.ID), steps: append(slices.Clone(outer.steps), n)})
	}
	return out
}

// comments reports whether n are the nodes that html.xpath(page, '//comment()')
// selects. What their .raw has is in the source of the page, but for what
// writing them anew escapes.
func comments(n *check.Node) bool {
	if n.Op != check.Path || n.Name != "nodes" || n.Args[0].Op != check.Call || n.Args[0].Func.Name != "html.xpath" {
		return false
	}
	expr := n.Args[0].Args[1]
	return expr.Op == check.Const && expr.Const.Kind() == value.String && expr.Const.Str() == "//comment()"
}

// elementSources treats each text of an array literal as a source of its own.
func (p *Program) elementSources(n *check.Node) []*source {
	var out []*source
	for _, a := range n.Args {
		if a.Free != 0 || !static(a) || a.Type.Kind != value.String {
			return nil
		}
		out = append(out, &source{key: "=" + strconv.Itoa(a.ID), item: a})
	}
	return out
}

// fieldsOf returns the fields that together hold every text that n may be,
// nil when that is not known.
func (p *Program) fieldsOf(n *check.Node, scopes [][]*source) []*field {
	if !static(n) {
		return nil
	}
	if n.Free == 0 {
		return []*field{p.field(nil, n)}
	}
	if len(scopes) == 0 || n.Free != 1 {
		return nil
	}
	var out []*field
	for _, src := range scopes[len(scopes)-1] {
		if src.page != nil {
			if n.Op != check.Path || n.Name != "raw" {
				return nil
			}
			out = append(out, p.commentField(src.page))
			continue
		}
		if src.item != nil && n.Op == check.Scope {
			out = append(out, p.field(nil, src.item))
			continue
		}
		out = append(out, p.field(src, n))
	}
	return out
}
