package htmltext

// Bounds of the stack of open elements.
const (
	// maxDepth is above the 512 at which browsers stop nesting.
	maxDepth = 1024
	// maxReopened bounds the formatting elements reopened after a block.
	maxReopened = 8
	// maxRestyles bounds the elements restyled after misnested end tags: a
	// document of nothing but misnesting would otherwise cost depth × length.
	maxRestyles = 1 << 18
)

// elem is one open element.
type elem struct {
	tag     tag
	name    string // of elements outside of the table
	id      string
	class   string
	decl    decl
	style   style
	forced  Reason // what hides it beside its declarations, "" nothing
	why     Reason // style.reason()
	prev    int32  // next lower element of the same kind, −1 none
	scope   int32  // topmost element at or below that bounds end tags
	table   int32  // topmost table at or below
	special int32  // topmost special element at or below
	anchor  int32  // index of its reference, −1 none
	mark    int32  // index of its mark, −1 none
	form    bool
}

func (e *elem) tagName() string {
	if e.tag != tagOther {
		return elements[e.tag].name
	}
	return e.name
}

// topOf returns the index of the topmost open element of a kind, −1 if none.
func (r *renderer) topOf(t tag, name string) int32 {
	if t != tagOther {
		return r.last[t] - 1
	}
	return r.lastOther[name] - 1
}

func (r *renderer) setTop(t tag, name string, i int32) {
	if t != tagOther {
		r.last[t] = i + 1
		return
	}
	if r.lastOther == nil {
		r.lastOther = map[string]int32{}
	}
	r.lastOther[name] = i + 1
}

// top returns the topmost open element. The stack is never empty.
func (r *renderer) top() *elem { return &r.stack[len(r.stack)-1] }

// parentStyle is the style that a new child inherits: content that stands in a
// table but in no cell is moved before the table (foster parenting).
func (r *renderer) parentStyle(t tag) *style {
	e := r.top()
	if foster(e.tag) && !t.is(isTablePart) && e.table > 0 {
		return &r.stack[e.table-1].style
	}
	return &e.style
}

// restyle computes the style of e as a child of the topmost element.
func (r *renderer) restyle(e *elem) {
	parent := r.parentStyle(e.tag)
	e.style = e.decl.under(parent, e.tag)
	if e.forced != "" && parent.hidden == "" {
		e.style.hidden = e.forced
	}
	e.why = e.style.reason()
}

// foster reports elements that hold no text of their own.
func foster(t tag) bool {
	return t == tagTable || t == tagTr || t == tagTbody || t == tagThead || t == tagTfoot
}

// push opens e, whose style is computed already.
func (r *renderer) push(e elem) bool {
	if len(r.stack) >= maxDepth {
		r.truncated("depth")
		return false
	}
	i := int32(len(r.stack))
	e.prev = r.topOf(e.tag, e.name)
	e.scope, e.table, e.special = 0, -1, 0
	if i > 0 {
		below := &r.stack[i-1]
		e.scope, e.table, e.special = below.scope, below.table, below.special
	}
	if e.tag.is(isScope) {
		e.scope = i
	}
	if e.tag == tagTable {
		e.table = i
	}
	if e.tag.is(isSpecial) {
		e.special = i
	}
	r.setTop(e.tag, e.name, i)
	r.stack = append(r.stack, e)
	return true
}

// pop closes the topmost element. Reopen says that it is going to be opened
// again, so that what it stands for goes on.
func (r *renderer) pop(reopen bool) {
	i := len(r.stack) - 1
	e := &r.stack[i]
	if !reopen {
		if e.anchor >= 0 {
			r.endAnchor(int(e.anchor))
		}
		if e.mark >= 0 {
			r.res.Marks[e.mark].End = len(r.disp.buf)
		}
		if e.form {
			r.form = 0
		}
	}
	r.leave(e.tag, e.style.hidden != "")
	r.setTop(e.tag, e.name, e.prev)
	r.stack = r.stack[:i]
}

// leave lays out the end of an element.
func (r *renderer) leave(t tag, hidden bool) {
	switch {
	case t.is(isPara):
		r.block(2, hidden)
	case t.is(isBlock):
		r.block(1, hidden)
	case t == tagTd, t == tagTh:
		r.cell(hidden)
	case t == tagSvg, t == tagMath:
		r.z.foreign = r.last[tagSvg]-1 > 0 && t != tagSvg
	}
}

// popTo closes the elements above and at index i.
func (r *renderer) popTo(i int32) {
	for int32(len(r.stack)) > i && len(r.stack) > 1 {
		r.pop(false)
	}
}

// closeBlock closes the element at index i and those inside of it, and opens
// the formatting elements inside of it again, as browsers do for unclosed ones.
func (r *renderer) closeBlock(i int32) {
	var again [maxReopened]elem
	n := 0
	if !r.stack[i].tag.is(isScope) {
		for j := i + 1; j < int32(len(r.stack)) && n < maxReopened; j++ {
			if e := &r.stack[j]; e.tag.is(isFormatting) {
				again[n] = *e
				n++
			}
		}
	}
	left := n
	for int32(len(r.stack)) > i && len(r.stack) > 1 {
		keep := left > 0 && r.top().tag.is(isFormatting) && int32(len(r.stack))-1 > i
		r.pop(keep && r.kept(again[:n]))
	}
	for _, e := range again[:n] {
		r.restyle(&e)
		r.push(e)
	}
}

// kept reports whether the topmost element is among those to be reopened.
func (r *renderer) kept(again []elem) bool {
	e := r.top()
	for i := range again {
		if again[i].tag == e.tag && again[i].anchor == e.anchor && again[i].mark == e.mark {
			return true
		}
	}
	return false
}

// endTag closes the element that an end tag names, if it is open and within
// reach (WHATWG HTML section 13.2.6.4.7).
func (r *renderer) endTag(t tag, name string) {
	i := r.topOf(t, name)
	top := r.top()
	switch {
	case t == tagP && i <= top.scope:
		r.block(2, top.style.hidden != "") // "</p>" alone is an empty paragraph
		return
	case t == tagBr:
		r.br()
		return
	case t >= tagH1 && t <= tagH6:
		for h := tagH1; h <= tagH6; h++ {
			i = max(i, r.topOf(h, ""))
		}
	case t == tagBody || t == tagHtml:
		return // what follows still belongs to the body
	}
	if i <= 0 {
		return
	}
	switch {
	case t.is(isTablePart) || t == tagTable:
		if i >= top.table {
			r.popTo(i)
		}
	case t.is(isFormatting):
		if i >= top.scope {
			r.closeFormatting(i)
		}
	case t.is(isSpecial):
		if i >= top.scope {
			r.closeBlock(i)
		}
	default:
		if i > top.special {
			r.popTo(i)
		}
	}
}

// closeFormatting closes the formatting element at i. A block opened inside of
// it stays open, without its style (the adoption agency, simplified).
func (r *renderer) closeFormatting(i int32) {
	if r.top().special < i {
		r.popToReopening(i)
		return
	}
	if r.restyles += len(r.stack) - int(i); r.restyles > maxRestyles {
		r.truncated("misnesting")
		r.popTo(i)
		return
	}
	if e := &r.stack[i]; e.anchor >= 0 {
		r.endAnchor(int(e.anchor))
	}
	above := append([]elem(nil), r.stack[i+1:]...)
	for j := int32(len(r.stack)) - 1; j >= i; j-- {
		r.setTop(r.stack[j].tag, r.stack[j].name, r.stack[j].prev)
	}
	r.stack = r.stack[:i]
	for _, e := range above {
		r.restyle(&e)
		r.push(e)
	}
}

// popToReopening closes the formatting element at i and opens the others
// inside of it again.
func (r *renderer) popToReopening(i int32) {
	if int32(len(r.stack))-1 == i {
		r.pop(false)
		return
	}
	r.closeBlock(i)
}
