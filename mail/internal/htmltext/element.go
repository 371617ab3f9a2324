package htmltext

import (
	"strings"
	"unicode"
)

// startTag opens an element.
func (r *renderer) startTag(t *token) {
	if t.tag == tagImage && !r.z.foreign {
		t.tag = tagImg
	}
	r.implyEnds(t)
	if t.tag.is(isTablePart) && r.top().table < 0 {
		return // a part of a table outside of any table is no element
	}
	id, class := t.value(attrIDName), t.value(attrClass)
	if len(class) > maxName {
		r.truncated("class")
		class = class[:maxName]
	}
	e := elem{tag: t.tag, name: t.name, id: id, class: class, anchor: -1, mark: -1}
	e.decl = r.declsOf(t, e.tagName(), id, class)
	e.forced = r.forcedReason(t, &e)
	r.restyle(&e)
	r.enter(t.tag, e.style.hidden != "")
	r.resources(t, &e)
	switch {
	case t.tag == tagHtml || t.tag == tagBody || t.tag == tagHead:
		r.openRoot(t.tag, &e)
		return
	case t.tag.is(isVoid):
		r.void(t, &e)
		return
	case t.tag.is(isRaw) && !r.z.foreign:
		r.rawElement(t, &e)
		return
	case t.selfClosing && r.z.foreign:
		return
	}
	if id != "" || class != "" || t.tag == tagBlockquote {
		r.openMark(t, &e)
	}
	switch t.tag {
	case tagA:
		r.openAnchor(t, &e)
	case tagForm:
		e.form = r.openForm(t)
	case tagSvg, tagMath:
		r.z.foreign = !t.selfClosing
	case tagSelect:
		r.field(t, "select")
	}
	r.push(e)
}

// implyEnds closes the elements that a start tag ends (WHATWG HTML section
// 13.1.2.4 and 13.2.6.4).
func (r *renderer) implyEnds(t *token) {
	top := r.top()
	if r.z.foreign && t.tag != tagSvg && t.tag != tagMath && (t.tag.is(isBlock|isFormatting) && t.tag != tagA || t.tag == tagImg || t.tag == tagSpan || t.tag == tagBr || t.tag == tagBody) {
		if i := max(r.topOf(tagSvg, ""), r.topOf(tagMath, "")); i > 0 {
			r.popTo(i) // HTML breaks out of SVG and MathML
		}
		r.z.foreign = false
		top = r.top()
	}
	if t.tag.is(closesP) || t.tag == tagTable && r.doctype {
		if i := r.topOf(tagP, ""); i > top.scope {
			r.closeBlock(i)
			top = r.top()
		}
	}
	switch t.tag {
	case tagLi:
		r.closeWithin(tagLi, max(r.topOf(tagUl, ""), r.topOf(tagOl, "")))
	case tagDd, tagDt:
		r.closeWithin(tagDd, r.topOf(tagDl, ""))
		r.closeWithin(tagDt, r.topOf(tagDl, ""))
	case tagOption, tagOptgroup:
		r.closeWithin(tagOption, r.topOf(tagSelect, ""))
	case tagA, tagNobr, tagButton:
		if i := r.topOf(t.tag, ""); i > 0 && i >= top.scope {
			r.endTag(t.tag, "")
		}
	case tagH1, tagH2, tagH3, tagH4, tagH5, tagH6:
		if top.tag >= tagH1 && top.tag <= tagH6 {
			r.popTo(int32(len(r.stack) - 1))
		}
	case tagTable:
		if foster(top.tag) {
			r.popTo(top.table)
		}
	case tagTr:
		r.clearTo(top.table, tagTbody, tagThead, tagTfoot)
	case tagTd, tagTh:
		r.clearTo(top.table, tagTr, tagTbody, tagThead)
	case tagTbody, tagThead, tagTfoot, tagCaption, tagColgroup, tagCol:
		r.clearTo(top.table, tagTable, tagTable, tagTable)
	}
}

// closeWithin closes an open element of kind t that stands above index floor.
func (r *renderer) closeWithin(t tag, floor int32) {
	if i := r.topOf(t, ""); i > max(floor, r.top().scope) {
		r.closeBlock(i)
	}
}

// clearTo closes what is open in the current table up to the topmost of three
// kinds of elements, or the table itself.
func (r *renderer) clearTo(table int32, a, b, c tag) {
	if table < 0 {
		return
	}
	keep := max(table, r.topOf(a, ""), r.topOf(b, ""), r.topOf(c, ""))
	if int32(len(r.stack)) > keep+1 {
		r.popTo(keep + 1)
	}
}

// enter lays out the start of an element.
func (r *renderer) enter(t tag, hidden bool) {
	switch {
	case t.is(isPara):
		r.block(2, hidden)
	case t.is(isBlock):
		r.block(1, hidden)
	case t == tagTd, t == tagTh:
		r.cell(hidden)
	}
}

// forcedReason returns what hides an element beside its declarations, or in
// place of them.
func (r *renderer) forcedReason(t *token, e *elem) Reason {
	switch {
	case t.tag.is(isUnseen), r.nested && t.name == "xml", t.tag == tagDialog && !t.has(attrOpen):
		return ReasonDisplay
	case t.has(attrHidden) && e.decl.set&propDisplay == 0:
		return ReasonAttribute
	}
	if why := e.decl.hidesBox(t.tag); why != "" && r.shownElsewhere(why, e.tagName(), e.id, e.class) {
		return ReasonResponsive
	}
	return ""
}

// openRoot opens html, head and body. There is one of each; a second start tag
// adds its attributes to the first, which for style means: where it has none.
func (r *renderer) openRoot(t tag, e *elem) {
	switch {
	case t == tagHead:
		return
	case t == tagHtml:
		root := &r.stack[0]
		root.decl.merge(&e.decl)
		root.id, root.class = e.id, e.class
		canvas := rootStyle()
		root.style = root.decl.under(&canvas, t)
		root.why = root.style.reason()
	case r.topOf(tagBody, "") < 0:
		r.push(*e)
	}
}

// void handles an element without content.
func (r *renderer) void(t *token, e *elem) {
	switch t.tag {
	case tagBr:
		r.br()
	case tagWbr:
	case tagImg:
		r.image(t, e)
	case tagInput:
		r.input(t, e)
	}
}

// input handles a form field.
func (r *renderer) input(t *token, e *elem) {
	kind := strings.ToLower(trimSpace(t.value(attrType)))
	r.field(t, kind)
	switch kind {
	case "submit", "button", "reset":
		if v := t.value(attrValue); v != "" {
			r.space()
			r.emit(v, e.why, false)
			r.space()
		}
	case "image":
		r.image(t, e)
	}
}

// rawElement handles an element whose content is not markup.
func (r *renderer) rawElement(t *token, e *elem) {
	kind := t.tag
	if kind == tagTextarea {
		r.field(t, "textarea")
	}
	at := r.z.pos
	content := r.z.rawText(kind)
	switch kind {
	case tagStyle:
		if at < r.sheetEnd {
			r.sheetURLs(content)
			return
		}
		r.sheets.add(content, r.cssURL, r.budget)
		if len(r.disp.buf) > 0 || r.fork {
			r.lateSheet = true
		}
	case tagTitle:
		if r.res.Title == "" {
			var l layout
			l.text(decodeText(content[:min(len(content), maxTitle)]))
			r.res.Title = strings.ToValidUTF8(string(l.buf), "")
		}
	case tagTextarea:
		r.emit(decodeText(content), e.why, true)
	case tagXmp, tagPlaintext:
		r.emit(content, e.why, true)
	}
	r.leave(kind, e.style.hidden != "")
}

// sheetURLs lists the URLs of a sheet that is in force already.
func (r *renderer) sheetURLs(css string) {
	var s sheets
	s.add(css, r.cssURL, new(budget))
}

// hasWordChar reports whether s holds a letter or a digit.
func hasWordChar(s string) bool {
	for _, c := range s {
		if c < 0x80 {
			if isAlnum(byte(c)) {
				return true
			}
			continue
		}
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return true
		}
	}
	return false
}

// maxMarkName bounds the class and ID attributes that are searched for marks.
const maxMarkName = 512

// openMark notes a container that a mail program marked.
func (r *renderer) openMark(t *token, e *elem) {
	kind, ok := markOf(t, e.id, e.class)
	if !ok {
		return
	}
	if len(r.res.Marks) >= maxMarks {
		r.truncated("marks")
		return
	}
	r.disp.flush()
	if r.fork {
		r.all.flush()
	}
	e.mark = int32(len(r.res.Marks))
	r.res.Marks = append(r.res.Marks, Mark{Kind: kind, Start: len(r.disp.buf), End: -1})
}

// markOf tells marked containers by their class and ID. Outlook prefixes those
// of quoted mail with "x_".
func markOf(t *token, id, class string) (MarkKind, bool) {
	if t.tag == tagBlockquote && equalFoldASCII(t.raw(attrType), "cite") {
		return MarkQuote, true
	}
	if len(id)+len(class) > maxMarkName {
		return 0, false
	}
	for strings.HasPrefix(id, "x_") {
		id = id[2:]
	}
	switch id {
	case "divRplyFwdMsg":
		return MarkReply, true
	case "OLK_SRC_BODY_SECTION", "mail-editor-reference-message-container":
		return MarkQuote, true
	case "Signature", "ms-outlook-mobile-signature", "composer_signature", "AppleMailSignature", "lineBreakAtBeginningOfSignature":
		return MarkSignature, t.tag != tagTd
	}
	if strings.HasPrefix(id, "yahoo_quoted") {
		return MarkQuote, true
	}
	for class != "" {
		var w string
		w, class = cutWord(class)
		for strings.HasPrefix(w, "x_") {
			w = w[2:]
		}
		switch w {
		case "gmail_quote": // a div of this class may hold the answer as well
			if t.tag == tagBlockquote {
				return MarkQuote, true
			}
		case "yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra", "moz-forward-container":
			return MarkQuote, true
		case "gmail_attr", "moz-cite-prefix":
			return MarkPreamble, true
		case "gmail_signature", "moz-signature", "protonmail_signature_block", "yahoo-signature", "ydp-signature":
			return MarkSignature, true
		}
	}
	return 0, false
}
