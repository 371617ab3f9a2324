package htmltext

import "strings"

// maxSrcset bounds the candidates read of one srcset.
const maxSrcset = 16

// reference lists one reference.
func (r *renderer) reference(ref Reference) bool {
	if ref.URL == "" {
		return false
	}
	if len(r.res.References) >= r.opt.MaxReferences {
		r.truncated("references")
		return false
	}
	if len(ref.URL) > maxURL {
		ref.URL = ref.URL[:maxURL]
		r.truncated("url")
	}
	r.res.References = append(r.res.References, ref)
	return true
}

// cleanURL drops what browsers drop (WHATWG URL section 4.4): C0 controls and
// spaces at the ends, tabs and line ends everywhere.
func cleanURL(s string) string {
	for len(s) > 0 && s[0] <= ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\t') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '\n' && c != '\t' && c != '\r' {
			out = append(out, c)
		}
	}
	return string(out)
}

// here makes a reference at the current place.
func (r *renderer) here(kind Kind, t *token, url string, visible bool) bool {
	n := len(r.disp.buf)
	return r.reference(Reference{Kind: kind, Tag: tagNameOf(t), URL: cleanURL(url), Visible: visible, Offset: n, End: n})
}

func tagNameOf(t *token) string {
	if t.tag != tagOther {
		return elements[t.tag].name
	}
	return t.name
}

// resources lists the references of a start tag other than those of anchors
// and images.
func (r *renderer) resources(t *token, e *elem) {
	if t.set == 0 {
		return
	}
	seen := e.style.hidden == "" && !e.style.invisible
	if t.has(attrBackground) {
		r.here(KindImage, t, t.value(attrBackground), seen)
	}
	if t.has(attrFormaction) {
		r.here(KindForm, t, t.value(attrFormaction), seen)
	}
	switch t.tag {
	case tagArea:
		r.here(KindAnchor, t, t.value(attrHref), seen)
	case tagBase:
		r.here(KindBase, t, t.value(attrHref), false)
	case tagLink:
		r.here(KindFrame, t, t.value(attrHref), false)
	case tagMeta:
		if equalFoldASCII(trimSpace(t.value(attrHTTPEquiv)), "refresh") {
			r.here(KindRefresh, t, refreshURL(t.value(attrContent)), false)
		}
	case tagIframe, tagFrame, tagEmbed:
		r.here(KindFrame, t, t.value(attrSrc), seen)
	case tagScript:
		r.here(KindFrame, t, t.value(attrSrc), false)
	case tagObject:
		r.here(KindFrame, t, t.value(attrData), seen)
	case tagVideo, tagAudio, tagSource, tagTrack:
		r.here(KindImage, t, t.value(attrPoster), seen)
		r.here(KindImage, t, t.value(attrSrc), seen)
		r.srcset(t, seen)
	case tagImage, tagUse:
		r.here(KindSVG, t, foreignHref(t), seen)
	case tagOther:
		if t.has(attrXlinkHref) || t.has(attrHref) {
			r.here(KindSVG, t, foreignHref(t), seen)
		}
	}
}

// foreignHref returns the target of an SVG or VML element.
func foreignHref(t *token) string {
	if t.has(attrHref) {
		return t.value(attrHref)
	}
	return t.value(attrXlinkHref)
}

// srcset lists the candidates of a srcset attribute.
func (r *renderer) srcset(t *token, seen bool) {
	s := t.value(attrSrcset)
	for n := 0; s != "" && n < maxSrcset; n++ {
		s = strings.TrimLeft(s, ", \t\r\n\f")
		var url string
		url, s = cutWord(s)
		r.here(KindImage, t, strings.TrimRight(url, ","), seen)
		if !strings.HasSuffix(url, ",") {
			if _, rest, ok := strings.Cut(s, ","); ok {
				s = rest
			} else {
				s = ""
			}
		}
	}
}

// refreshURL reads the target of a meta refresh (WHATWG HTML section 4.2.5.3):
// "5; url=https://…", also without "url=" and with quotes.
func refreshURL(s string) string {
	i := 0
	for i < len(s) && (isSpace(s[i]) || isDigit(s[i]) || s[i] == '.') {
		i++
	}
	if i < len(s) && (s[i] == ';' || s[i] == ',') {
		i++
	}
	s = trimSpace(s[i:])
	if foldPrefix(s, "url") {
		if rest := trimSpace(s[3:]); strings.HasPrefix(rest, "=") {
			s = trimSpace(rest[1:])
		}
	}
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return s[1 : 1+end]
		}
		return s[1:]
	}
	return s
}

// maxPixelSize is the edge in px up to which an image is a tracking pixel or a
// spacer.
const maxPixelSize = 1

// image handles <img> and <input type=image>.
func (r *renderer) image(t *token, e *elem) {
	seen := e.style.hidden == "" && !e.style.invisible
	tiny := func(a attrID) bool {
		x, unit, end := parseNumber(t.raw(a), 0)
		return end > 0 && unit == "" && x <= maxPixelSize
	}
	if tiny(attrWidth) || tiny(attrHeight) {
		seen = false
	}
	r.here(KindImage, t, t.value(attrSrc), seen)
	if t.has(attrSrcset) {
		r.srcset(t, seen)
	}
	if t.has(attrLowsrc) {
		r.here(KindImage, t, t.value(attrLowsrc), seen)
	}
	if seen && r.anchor > 0 {
		r.res.References[r.anchor-1].Visible = true
	}
	alt := trimSpace(t.value(attrAlt))
	if alt == "" {
		return
	}
	if r.anchor > 0 {
		if sp := &r.spans[len(r.spans)-1]; sp.ref == r.anchor-1 && len(sp.alt) < maxTitle {
			sp.alt = trimSpace(sp.alt + " " + alt)
		}
	}
	if len(r.res.Alts) >= maxAlts {
		r.truncated("alts")
		return
	}
	r.res.Alts = append(r.res.Alts, Alt{Text: alt, Offset: len(r.disp.buf), Visible: seen})
}

// openAnchor starts a link.
func (r *renderer) openAnchor(t *token, e *elem) {
	href := ""
	kind := KindAnchor
	switch {
	case t.has(attrHref):
		href = t.value(attrHref)
	case t.has(attrXlinkHref):
		href, kind = t.value(attrXlinkHref), KindSVG
	}
	if !r.here(kind, t, href, false) {
		return
	}
	r.anchor = len(r.res.References)
	e.anchor = int32(r.anchor - 1)
	sp := anchorSpan{ref: r.anchor - 1, start: len(r.disp.buf), from: len(r.disp.buf)}
	if r.fork {
		sp.from = len(r.all.buf)
	}
	r.spans = append(r.spans, sp)
}

// endAnchor ends the link with the given reference, if it is the open one.
func (r *renderer) endAnchor(ref int) {
	if r.anchor != ref+1 {
		return
	}
	r.anchor = 0
	sp := &r.spans[len(r.spans)-1]
	sp.end, sp.to = len(r.disp.buf), len(r.disp.buf)
	if r.fork {
		sp.to = len(r.all.buf)
	}
}

// anchorTexts gives each link its text, once the texts are final.
func (r *renderer) anchorTexts() {
	for _, sp := range r.spans {
		ref := &r.res.References[sp.ref]
		text := r.res.Display[sp.start:max(sp.start, sp.end)]
		trimmed := strings.TrimLeft(text, " \t\n")
		ref.Offset = sp.start + len(text) - len(trimmed)
		ref.Text = strings.TrimRight(trimmed, " \t\n")
		ref.End = ref.Offset + len(ref.Text)
		if ref.Text == "" && !ref.Visible {
			ref.Text = strings.Trim(r.res.Inner[sp.from:max(sp.from, sp.to)], " \t\n")
		}
		if ref.Text == "" && sp.alt != "" {
			ref.Text, ref.TextAlt = sp.alt, true
		}
	}
}

// openForm starts a form. Forms do not nest: a form inside of one is ignored.
func (r *renderer) openForm(t *token) bool {
	action := t.value(attrAction)
	r.here(KindForm, t, action, r.top().style.hidden == "")
	if r.form > 0 {
		return false
	}
	if len(r.res.Forms) >= maxForms {
		r.truncated("forms")
		return false
	}
	r.res.Forms = append(r.res.Forms, Form{Action: cleanURL(action), Method: strings.ToLower(trimSpace(t.value(attrMethod)))})
	r.form = len(r.res.Forms)
	return true
}

// field adds a field to the open form, or to one without action for the
// fields that stand outside of any.
func (r *renderer) field(t *token, kind string) {
	if r.fields++; r.fields > maxFields {
		r.truncated("fields")
		return
	}
	i := r.form - 1
	if i < 0 {
		i = r.looseForm()
		if i < 0 {
			return
		}
	}
	f := &r.res.Forms[i]
	f.Password = f.Password || kind == "password"
	hint := t.value(attrPlaceholder)
	if hint == "" {
		hint = t.value(attrAriaLabel)
	}
	value := ""
	switch kind {
	case "hidden", "submit", "button":
		value = t.value(attrValue)
	}
	f.Fields = append(f.Fields, Field{Type: kind, Name: t.value(attrName), Placeholder: hint, Value: value})
}

// looseForm returns the index of the form for fields outside of any form, −1
// when there is no room for it.
func (r *renderer) looseForm() int {
	if r.loose == 0 {
		if len(r.res.Forms) >= maxForms {
			r.truncated("forms")
			return -1
		}
		r.res.Forms = append(r.res.Forms, Form{})
		r.loose = len(r.res.Forms)
	}
	return r.loose - 1
}
