package htmltext

import (
	"strings"
)

// Bounds of what Render lists.
const (
	maxMarks      = 1000    // marked containers
	maxForms      = 100     // forms
	maxFields     = 1000    // fields of all forms together
	maxAlts       = 2000    // alternative texts
	maxHiddenRuns = 2000    // further hidden text joins the last run
	maxURL        = 1 << 16 // bytes of one URL; data: URLs beyond are cut
	maxTitle      = 1000    // bytes of the title
)

// renderer is the state of one pass.
type renderer struct {
	res  *Result
	opt  Options
	z    tokenizer
	disp layout // what is seen
	all  layout // all text; used from the first hidden text on
	fork bool   // all is in use

	hid       layout // the hidden run being read
	hidReason Reason // "" when none is being read
	hidOffset int

	stack     []elem
	last      [numTags]int32 // topmost element of each kind, plus one
	lastOther map[string]int32
	restyles  int

	sheets    sheets
	sheetEnd  int  // style elements that began before it are in force already
	lateSheet bool // a style element follows text: the second pass knows it from the start
	matched   []*rule
	budget    *budget // shared with conditional comments

	anchor  int // index of the open anchor's reference plus one
	form    int // index of the open form plus one
	loose   int // index of the form of fields outside of any, plus one
	fields  int
	doctype bool
	nested  bool // reads a conditional comment
	spans   []anchorSpan
}

// anchorSpan is what an anchor covers until the texts are final.
type anchorSpan struct {
	ref        int
	start, end int // in Display
	from, to   int // in Inner
	alt        string
}

// Render turns src into text and lists what it refers to. It never fails:
// broken markup is read as browsers read it.
func Render(src string, o Options) Result {
	if o.MaxInput <= 0 {
		o.MaxInput = DefaultMaxInput
	}
	if o.MaxReferences <= 0 {
		o.MaxReferences = DefaultMaxReferences
	}
	res := new(Result)
	if len(src) > o.MaxInput {
		src = src[:o.MaxInput]
		res.Truncated = append(res.Truncated, "input")
	}
	r := newRenderer(src, o, res)
	r.run()
	if r.lateSheet {
		// A style element after the text it styles: browsers apply it all the
		// same. One more pass with every sheet known from the start.
		sheets, cut := r.sheets, res.Truncated
		*res = Result{}
		r = newRenderer(src, o, res)
		r.sheets, r.sheetEnd = sheets, len(src)
		r.sheets.always.budget, r.sheets.media.budget = r.budget, r.budget
		r.run()
		for _, name := range cut {
			r.truncated(name)
		}
	}
	return *res
}

func newRenderer(src string, o Options, res *Result) *renderer {
	r := &renderer{res: res, opt: o, z: tokenizer{src: src}, budget: new(budget)}
	r.stack = make([]elem, 1, 1+min(31, len(src)/64))
	r.stack[0] = elem{tag: tagHtml, style: rootStyle(), prev: -1, table: -1, anchor: -1, mark: -1}
	r.last[tagHtml] = 1
	r.disp.buf = make([]byte, 0, len(src)/6)
	return r
}

// run reads all tokens.
func (r *renderer) run() {
	for {
		switch r.z.next() {
		case tokenEOF:
			r.finish()
			return
		case tokenText:
			r.text(r.z.tok.text, r.z.tok.verbatim)
		case tokenStart:
			r.startTag(&r.z.tok)
		case tokenEnd:
			r.endTag(r.z.tok.tag, r.z.tok.name)
		case tokenComment:
			r.comment(r.z.tok.text)
		case tokenDoctype:
			r.doctype = true
		}
	}
}

// finish closes everything and makes the texts.
func (r *renderer) finish() {
	for len(r.stack) > 1 {
		r.pop(false)
	}
	r.endRun()
	if r.budget.full {
		r.truncated("rules")
	}
	r.res.Display = string(r.disp.buf)
	r.res.Inner = r.res.Display
	if r.fork {
		r.res.Inner = string(r.all.buf)
	}
	for i := range r.res.Marks {
		m := &r.res.Marks[i]
		for m.Start < m.End && isSpace(r.res.Display[m.Start]) {
			m.Start++ // line ends due before its first text
		}
	}
	r.anchorTexts()
	var hidden []string
	for _, run := range r.res.HiddenRuns {
		if run.Reason != ReasonConditional && run.Reason != ReasonResponsive {
			hidden = append(hidden, run.Text)
		}
	}
	r.res.Hidden = strings.Join(hidden, "\n")
}

// truncated notes that a bound was met.
func (r *renderer) truncated(name string) {
	for _, n := range r.res.Truncated {
		if n == name {
			return
		}
	}
	r.res.Truncated = append(r.res.Truncated, name)
}

// text adds a text node.
func (r *renderer) text(s string, verbatim bool) {
	e := r.top()
	if !verbatim {
		s = decodeText(s)
	}
	if isBlank(s) && !e.style.pre {
		if s != "" {
			r.space()
		}
		return
	}
	why, pre := e.why, e.style.pre
	if foster(e.tag) {
		st := r.parentStyle(tagOther)
		why, pre = st.reason(), st.pre
	}
	r.emit(s, why, pre)
}

// emit adds text that why hides, "" for text that can be seen.
func (r *renderer) emit(s string, why Reason, pre bool) {
	if why == "" {
		if r.hidReason != "" && !isBlank(s) {
			r.endRun()
		}
		r.disp.add(s, pre)
		if r.fork {
			r.all.add(s, pre)
		}
		if r.anchor > 0 && !isBlank(s) {
			r.res.References[r.anchor-1].Visible = true
		}
		return
	}
	if !r.fork {
		r.fork = true
		r.all = r.disp
		r.all.buf = append(make([]byte, 0, cap(r.disp.buf)), r.disp.buf...)
	}
	r.all.add(s, pre)
	if r.hidReason != why {
		r.endRun()
		r.hidReason, r.hidOffset = why, len(r.disp.buf)
	}
	r.hid.add(s, pre)
}

func (l *layout) add(s string, pre bool) {
	if pre {
		l.pre(s)
	} else {
		l.text(s)
	}
}

// endRun closes the hidden run being read.
func (r *renderer) endRun() {
	if r.hidReason == "" {
		return
	}
	r.hiddenRun(string(r.hid.buf), r.hidReason, r.hidOffset)
	r.hid, r.hidReason = layout{buf: r.hid.buf[:0]}, ""
}

// hiddenRun lists a hidden text, unless it is mere padding.
func (r *renderer) hiddenRun(text string, why Reason, offset int) {
	if !hasWordChar(text) {
		return
	}
	if len(r.res.HiddenRuns) >= maxHiddenRuns {
		r.truncated("hidden-runs")
		return
	}
	r.res.HiddenRuns = append(r.res.HiddenRuns, HiddenRun{Text: text, Reason: why, Offset: offset})
}

func (r *renderer) space() {
	r.disp.space = true
	if r.fork {
		r.all.space = true
	}
	if r.hidReason != "" {
		r.hid.space = true
	}
}

// block is the border of a block; that of a hidden one breaks no line that is
// seen.
func (r *renderer) block(n int, hidden bool) {
	if !hidden {
		r.disp.block(n)
	}
	if r.fork {
		r.all.block(n)
	}
	if r.hidReason != "" {
		r.hid.block(1)
	}
}

// br is a line break; a hidden one breaks no line that is seen.
func (r *renderer) br() {
	if r.top().style.hidden == "" {
		r.disp.br()
	}
	if r.fork {
		r.all.br()
	}
	if r.hidReason != "" {
		r.hid.br()
	}
}

func (r *renderer) cell(hidden bool) {
	if !hidden {
		r.disp.cell()
	}
	if r.fork {
		r.all.cell()
	}
	if r.hidReason != "" {
		r.hid.cell()
	}
}

// comment looks into conditional comments, which old Outlook shows.
func (r *renderer) comment(s string) {
	if r.nested || !strings.HasPrefix(s, "[if") {
		return
	}
	i := strings.Index(s, "]>")
	end := strings.LastIndex(s, "<![endif]")
	if i < 0 || end < i+2 {
		return
	}
	body := s[i+2 : end]
	if strings.IndexByte(body, '<') < 0 && isBlank(body) {
		return
	}
	var res Result
	sub := newRenderer(body, r.opt, &res)
	sub.nested, sub.budget = true, r.budget
	sub.run()
	r.endRun()
	r.hiddenRun(res.Display, ReasonConditional, len(r.disp.buf))
	for _, ref := range res.References {
		ref.Visible, ref.Offset, ref.End = false, len(r.disp.buf), len(r.disp.buf)
		r.reference(ref)
	}
	for _, name := range res.Truncated {
		r.truncated(name)
	}
}
