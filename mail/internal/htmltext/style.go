package htmltext

import "strings"

// style is the computed style of an element, as far as it decides whether text
// can be seen.
type style struct {
	font      float32 // px
	color     rgba
	bg        rgba // opaque
	unknownBG bool // an image or gradient lies behind the text
	invisible bool // visibility: hidden, which a descendant may undo
	pre       bool
	hidden    Reason // what hides the element for good, "" nothing
}

// rootStyle is the style of the canvas.
func rootStyle() style { return style{font: basePixels, color: black, bg: white} }

// tinyFont is the size in px up to which text cannot be read.
const tinyFont = 2

// reason returns what hides text of this style, "" when it can be seen.
func (s *style) reason() Reason {
	switch {
	case s.hidden != "":
		return s.hidden
	case s.invisible:
		return ReasonVisibility
	case s.font < 0.1:
		return ReasonZeroFont
	case s.font <= tinyFont:
		return ReasonTinyFont
	case float64(s.color&255) <= 255*minOpacity:
		return ReasonTransparent
	case !s.unknownBG && s.color.alike(s.bg):
		return ReasonColor
	}
	return ""
}

// hidesBox returns what hides the whole box of an element, "" nothing.
func (d *decl) hidesBox(t tag) Reason {
	if d.yes == 0 {
		return ""
	}
	has := func(p prop) bool { return d.yes&p != 0 }
	switch {
	case has(propDisplay):
		return ReasonDisplay
	case has(propOpacity):
		return ReasonTransparent
	case has(propPosition) && has(propOffset), has(propMargin), has(propIndent):
		return ReasonOffScreen
	case has(propClip):
		return ReasonClip
	case has(propTransform):
		return ReasonZeroSize
	}
	// Heights and widths of tables and their parts are minimums.
	sized := !t.is(isTablePart) && t != tagTable
	if sized && has(propOverflow) && (has(propHeight) || has(propMaxHeight) || has(propWidth) || has(propMaxWidth)) {
		return ReasonZeroSize
	}
	return ""
}

// under computes the style of an element with declarations d inside of parent.
func (d *decl) under(parent *style, t tag) style {
	s := *parent
	if d.set == 0 {
		return s
	}
	if d.set&propFont != 0 {
		s.font = d.font
		if d.unit == fontParent {
			s.font = d.font * parent.font
		}
	}
	if d.set&propColor != 0 {
		s.color = d.color
	}
	if d.set&propBgColor != 0 && d.bg != transparent {
		s.bg = d.bg.over(parent.bg)
		s.unknownBG = s.unknownBG && d.bg&255 != 255
	}
	if d.yes&propBgImage != 0 {
		s.unknownBG = true
	}
	if d.set&propVisibility != 0 {
		s.invisible = d.yes&propVisibility != 0
	}
	if d.set&propSpace != 0 {
		s.pre = d.yes&propSpace != 0
	}
	if s.hidden == "" {
		s.hidden = d.hidesBox(t)
	}
	return s
}

// fontSizes are the sizes of <font size=1> to 7 in px.
var fontSizes = [8]float32{10, 10, 13, 16, 18, 24, 32, 48}

// presentational adds what the attributes of an element declare about its
// looks; every style sheet overrides it.
func presentational(t *token, d *decl) {
	if t.has(attrBgcolor) {
		if c, ok := legacyColor(t.value(attrBgcolor)); ok {
			d.putColor(propBgColor, c, false)
		}
	}
	if t.has(attrBackground) && t.raw(attrBackground) != "" {
		d.put(propBgImage, true, false)
	}
	switch t.tag {
	case tagFont:
		if t.has(attrColor) {
			if c, ok := legacyColor(t.value(attrColor)); ok {
				d.putColor(propColor, c, false)
			}
		}
		if t.has(attrSize) {
			d.fontAttr(trimSpace(t.value(attrSize)))
		}
	case tagBody:
		if t.has(attrText) {
			if c, ok := legacyColor(t.value(attrText)); ok {
				d.putColor(propColor, c, false)
			}
		}
	case tagA:
		if t.has(attrHref) {
			d.putColor(propColor, linkBlue, false)
		}
	case tagPre, tagListing, tagXmp, tagPlaintext, tagTextarea:
		d.put(propSpace, true, false)
	case tagButton:
		d.putColor(propBgColor, 0xEFEFEFFF, false)
		d.putColor(propColor, black, false)
	}
}

// fontAttr reads the size attribute of <font>: 1 to 7, or relative to 3.
func (d *decl) fontAttr(v string) {
	x, _, end := parseNumber(v, 0)
	if end == 0 {
		return
	}
	if v[0] == '+' || v[0] == '-' {
		x += 3
	}
	d.put(propFont, true, false)
	d.font, d.unit = fontSizes[int(min(max(x, 1), 7))], fontPixels
}

// declsOf returns the declarations in force for the element of the token: its
// attributes, the style sheets, its style attribute.
func (r *renderer) declsOf(t *token, name, id, class string) (d decl) {
	presentational(t, &d)
	if r.sheets.always.count > 0 {
		r.matched = r.sheets.always.lookup(r.matched[:0], name, id, class)
		byCascade(r.matched)
		for _, rule := range r.matched {
			if r.applies(rule, name, id, class) {
				d.merge(&rule.decl)
			}
		}
	}
	if t.has(attrStyle) {
		inline := parseDecls(t.value(attrStyle), r.cssURL)
		d.merge(&inline)
	}
	return d
}

// applies reports whether a rule found by its key matches the element about to
// be opened, ancestors included.
func (r *renderer) applies(rule *rule, name, id, class string) bool {
	if !rule.last.matches(name, id, class, r.budget) {
		return false
	}
	i := len(r.stack) - 1
	for _, c := range rule.ancestors {
		limit := max(0, i-maxAncestors)
		for ; i >= limit; i-- {
			e := &r.stack[i]
			if !r.budget.take(1) {
				return false
			}
			if c.matches(e.tagName(), e.id, e.class, r.budget) {
				break
			}
		}
		if i < limit {
			return false
		}
		i--
	}
	return true
}

// shownElsewhere reports whether a media query shows an element that reason
// hides here: one of two versions of a passage for small and large screens.
func (r *renderer) shownElsewhere(reason Reason, name, id, class string) bool {
	if r.sheets.media.count == 0 || reason != ReasonDisplay && reason != ReasonZeroSize && reason != ReasonVisibility {
		return false
	}
	r.matched = r.sheets.media.lookup(r.matched[:0], name, id, class)
	shows := propDisplay | propVisibility | propMaxHeight | propHeight | propWidth | propMaxWidth
	for _, rule := range r.matched {
		if rule.decl.set&^rule.decl.yes&shows != 0 && r.applies(rule, name, id, class) {
			return true
		}
	}
	return false
}

// cssURL lists a URL of a style attribute or sheet.
func (r *renderer) cssURL(u string) {
	if u != "" && !strings.HasPrefix(u, "#") {
		r.reference(Reference{Kind: KindCSS, Tag: "style", URL: cleanURL(u), Visible: false})
	}
}
