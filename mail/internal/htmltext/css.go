package htmltext

import "strings"

// prop is one property that decides whether text can be seen.
type prop uint32

const (
	propColor prop = 1 << iota
	propBgColor
	propBgImage
	propFont
	propDisplay
	propVisibility
	propOpacity
	propOverflow
	propWidth
	propHeight
	propMaxWidth
	propMaxHeight
	propPosition
	propOffset // left, top, right, bottom
	propIndent // text-indent
	propMargin
	propClip
	propTransform
	propSpace // white-space
)

// fontUnit says what a font size is relative to.
type fontUnit uint8

const (
	fontPixels fontUnit = iota
	fontParent          // a multiple of the parent's
)

// decl is a set of declarations, reduced to what visibility asks.
type decl struct {
	set       prop // the properties declared
	important prop // those declared !important
	yes       prop // properties reduced to one bit: hides, is zero, is cut off …
	color     rgba
	bg        rgba
	font      float32
	unit      fontUnit
}

// merge declares what d2 declares on top of d, as the cascade has it: later
// wins unless the earlier is !important and the later is not.
func (d *decl) merge(d2 *decl) {
	take := d2.set &^ (d.important &^ d2.important)
	if take == 0 {
		return
	}
	d.set |= take
	d.important |= take & d2.important
	d.yes = d.yes&^take | d2.yes&take
	if take&propColor != 0 {
		d.color = d2.color
	}
	if take&propBgColor != 0 {
		d.bg = d2.bg
	}
	if take&propFont != 0 {
		d.font, d.unit = d2.font, d2.unit
	}
}

// put declares one property reduced to a bit.
func (d *decl) put(p prop, yes, important bool) {
	if d.important&p != 0 && !important {
		return
	}
	d.set |= p
	d.yes &^= p
	if yes {
		d.yes |= p
	}
	if important {
		d.important |= p
	}
}

// parseDecls reads the declarations of a style attribute or of one rule and
// hands the text of each url(…) to url.
func parseDecls(s string, url func(string)) decl {
	var d decl
	if strings.IndexByte(s, '\\') >= 0 || strings.Contains(s, "/*") {
		s = cleanCSS(s)
	}
	for len(s) > 0 {
		colon := -1
		i, depth := 0, 0
		var quote byte
		for ; i < len(s); i++ {
			c := s[i]
			switch {
			case quote != 0:
				if c == quote || c == '\n' {
					quote = 0
				}
				continue
			case c == '"' || c == '\'':
				quote = c
				continue
			case c == '(':
				depth++
				continue
			case c == ')':
				if depth > 0 {
					depth--
				}
				continue
			case c == ':' && colon < 0:
				colon = i
				continue
			}
			if c == ';' && depth == 0 {
				break
			}
		}
		if colon > 0 {
			d.declare(trimSpace(s[:colon]), trimSpace(s[colon+1:i]), url)
		}
		if i >= len(s) {
			break
		}
		s = s[i+1:]
	}
	return d
}

// maxPropName is longer than every property name that declare knows.
const maxPropName = 24

// declare adds one declaration.
func (d *decl) declare(name, val string, url func(string)) {
	if len(name) > maxPropName || len(name) < 3 || val == "" {
		return
	}
	var buf [maxPropName]byte
	for i := 0; i < len(name); i++ {
		buf[i] = lower(name[i])
	}
	imp := false
	if i := strings.LastIndexByte(val, '!'); i >= 0 && foldHas(trimSpace(val[i+1:]), "important") {
		imp, val = true, trimSpace(val[:i])
	}
	switch string(buf[:len(name)]) {
	case "color":
		if c, ok := parseColor(val); ok {
			d.putColor(propColor, c, imp)
		}
	case "background", "background-image":
		d.background(val, imp, url)
	case "background-color":
		if c, ok := parseColor(val); ok {
			d.putColor(propBgColor, c, imp)
		}
	case "font-size":
		d.fontSize(val, imp)
	case "font":
		d.fontShorthand(val, imp)
	case "display":
		d.put(propDisplay, foldHas(val, "none"), imp)
	case "visibility":
		d.put(propVisibility, foldHas(val, "hidden") || foldHas(val, "collapse"), imp)
	case "white-space":
		d.put(propSpace, foldPrefix(val, "pre") || foldHas(val, "break-spaces"), imp)
	default:
		d.declareBox(string(buf[:len(name)]), val, imp, url)
	}
}

// offScreen is the distance in px beyond which a box is out of sight. Layouts
// shift boxes by their own width at most; hiding uses −9999px and the like.
const offScreen = -500

// minOpacity is the opacity up to which text cannot be read.
const minOpacity = 0.06

// declareBox adds the declarations that hide a box as a whole.
func (d *decl) declareBox(name, val string, imp bool, url func(string)) {
	switch name {
	case "opacity":
		x, unit, end := parseNumber(val, 0)
		if unit == "%" {
			x /= 100
		}
		if end > 0 {
			d.put(propOpacity, x <= minOpacity, imp)
		}
	case "overflow", "overflow-y", "overflow-x":
		d.put(propOverflow, foldPrefix(val, "hidden") || foldPrefix(val, "clip"), imp)
	case "width":
		d.put(propWidth, isZeroLength(val), imp)
	case "height":
		d.put(propHeight, isZeroLength(val), imp)
	case "max-width":
		d.put(propMaxWidth, isZeroLength(val), imp)
	case "max-height":
		d.put(propMaxHeight, isZeroLength(val), imp)
	case "position":
		d.put(propPosition, foldPrefix(val, "absolute") || foldPrefix(val, "fixed"), imp)
	case "left", "top", "right", "bottom", "inset":
		if pixels(val) <= offScreen || d.yes&propOffset == 0 {
			d.put(propOffset, pixels(val) <= offScreen, imp)
		}
	case "text-indent":
		d.put(propIndent, pixels(val) <= offScreen, imp)
	case "margin-left", "margin-top", "margin":
		if pixels(val) <= offScreen || d.yes&propMargin == 0 {
			d.put(propMargin, pixels(val) <= offScreen, imp)
		}
	case "clip":
		d.put(propClip, clipsAll(val), imp)
	case "clip-path":
		d.put(propClip, foldHas(val, "inset(100%)") || foldHas(val, "inset(50%)") || foldHas(val, "circle(0)"), imp)
	case "transform":
		d.put(propTransform, foldHas(val, "scale(0)") || strings.Contains(val, "-9999"), imp)
	case "list-style", "list-style-image", "content", "border-image", "src", "cursor":
		eachURL(val, url)
	}
}

func (d *decl) putColor(p prop, c rgba, imp bool) {
	if d.important&p != 0 && !imp {
		return
	}
	d.put(p, true, imp)
	if p == propColor {
		d.color = c
	} else {
		d.bg = c
	}
}

// background reads the background shorthand and background-image.
func (d *decl) background(val string, imp bool, url func(string)) {
	image := eachURL(val, url) || strings.Contains(val, "gradient(")
	if image {
		d.put(propBgImage, true, imp)
	}
	for i := 0; i < len(val); {
		i = skipSpace(val, i)
		j, depth := i, 0
		for j < len(val) && (depth > 0 || !isSpace(val[j])) {
			switch val[j] {
			case '(':
				depth++
			case ')':
				depth--
			}
			j++
		}
		if c, ok := parseColor(val[i:j]); ok && !foldPrefix(val[i:j], "url") {
			d.putColor(propBgColor, c, imp)
			break
		}
		i = j
	}
	if foldHas(val, "none") {
		d.putColor(propBgColor, transparent, imp)
	}
}

// eachURL hands the argument of each url(…) in val to url.
func eachURL(val string, url func(string)) (found bool) {
	for strings.IndexByte(val, '(') >= 0 {
		i := indexFold(val, "url(")
		if i < 0 {
			return found
		}
		val = val[i+len("url("):]
		end := strings.IndexByte(val, ')')
		if end < 0 {
			end = len(val)
		}
		found = true
		if url != nil {
			url(strings.Trim(trimSpace(val[:end]), `"'`))
		}
		val = val[end:]
	}
	return found
}

// fontSize reads a font-size.
func (d *decl) fontSize(val string, imp bool) {
	size, unit, ok := parseFontSize(val)
	if !ok || d.important&propFont != 0 && !imp {
		return
	}
	d.put(propFont, true, imp)
	d.font, d.unit = size, unit
}

// fontShorthand finds the size in a font shorthand: the first length.
func (d *decl) fontShorthand(val string, imp bool) {
	for i := 0; i < len(val); {
		i = skipSpace(val, i)
		j := i
		for j < len(val) && !isSpace(val[j]) && val[j] != '/' {
			j++
		}
		if i < j && (isDigit(val[i]) || val[i] == '.') {
			_, unit, _ := parseNumber(val, i)
			if unit != "" || trimSpace(val[i:j]) == "0" {
				d.fontSize(val[i:j], imp)
				return
			}
		}
		if j == i {
			j++
		}
		i = j
	}
}

// basePixels is the font size of a body without style.
const basePixels = 16

// parseFontSize reads a size in px or relative to the parent's.
func parseFontSize(val string) (float32, fontUnit, bool) {
	x, unit, end := parseNumber(val, 0)
	if end == 0 {
		switch {
		case foldHas(val, "smaller"):
			return 1 / 1.2, fontParent, true
		case foldHas(val, "larger"):
			return 1.2, fontParent, true
		case foldHas(val, "initial"), foldHas(val, "medium"):
			return basePixels, fontPixels, true
		case foldPrefix(val, "xx-s"), foldPrefix(val, "x-s"), foldHas(val, "small"):
			return 10, fontPixels, true
		case foldPrefix(val, "x-l"), foldPrefix(val, "xx-l"), foldHas(val, "large"):
			return 20, fontPixels, true
		}
		return 0, 0, false
	}
	if x < 0 {
		return 0, 0, false
	}
	switch unit {
	case "em", "ex", "ch":
		return float32(x), fontParent, true
	case "%":
		return float32(x / 100), fontParent, true
	case "":
		if x != 0 {
			return float32(x), fontPixels, true // quirks mode: a number is px
		}
	}
	return float32(x * pixelsPer(unit)), fontPixels, true
}

// pixelsPer converts an absolute CSS unit.
func pixelsPer(unit string) float64 {
	switch unit {
	case "pt":
		return 4.0 / 3
	case "pc", "rem", "em":
		return basePixels
	case "in":
		return 96
	case "cm":
		return 96 / 2.54
	case "mm":
		return 96 / 25.4
	case "vw", "vh", "vmin", "vmax":
		return 6 // of a window 600 px wide, as mail panes are
	}
	return 1
}

// pixels reads a length in px; what is not a length is 0.
func pixels(val string) float64 {
	x, unit, end := parseNumber(val, 0)
	if end == 0 || unit == "%" && x > -200 {
		return 0
	}
	if unit == "%" {
		return x * 10
	}
	return x * pixelsPer(unit)
}

// isZeroLength reports a length of 0, whatever its unit. A length of one px is
// no more visible.
func isZeroLength(val string) bool {
	x, unit, end := parseNumber(val, 0)
	return end > 0 && (x == 0 || x <= 1 && (unit == "px" || unit == ""))
}

// clipsAll reports a clip rectangle without area.
func clipsAll(val string) bool {
	i := indexFold(val, "rect(")
	if i < 0 {
		return false
	}
	args := val[i+len("rect("):]
	n := 0
	for j := 0; j < len(args) && args[j] != ')'; {
		x, _, end := parseNumber(args, j)
		switch {
		case end == j:
			if isAlpha(args[j]) {
				return false // auto
			}
			j++
		case x > 1:
			return false
		default:
			n++
			j = end
		}
	}
	return n >= 4
}

// maxUnit is the length of the longest unit of a length.
const maxUnit = 4

// parseNumber reads a number and its unit at s[i:] after white space. End is i
// where there is none.
func parseNumber(s string, i int) (x float64, unit string, end int) {
	j := skipSpace(s, i)
	neg := false
	if j < len(s) && (s[j] == '-' || s[j] == '+') {
		neg = s[j] == '-'
		j++
	}
	digits, scale := 0, 1.0
	for ; j < len(s) && isDigit(s[j]); j++ {
		x = min(x*10+float64(s[j]-'0'), 1e9)
		digits++
	}
	if j < len(s) && s[j] == '.' {
		for j++; j < len(s) && isDigit(s[j]); j++ {
			scale /= 10
			x += float64(s[j]-'0') * scale
			digits++
		}
	}
	if digits == 0 {
		return 0, "", i
	}
	if neg {
		x = -x
	}
	k := j
	for k < len(s) && k-j < maxUnit && isAlpha(s[k]) {
		k++
	}
	if k == j && k < len(s) && s[k] == '%' {
		k++
	}
	return x, lowerUnit(s[j:k]), k
}

// lowerUnit returns a unit in lower case.
func lowerUnit(u string) string {
	for i := 0; i < len(u); i++ {
		if u[i] >= 'A' && u[i] <= 'Z' {
			return strings.ToLower(u)
		}
	}
	return u
}

// cleanCSS drops comments and decodes escapes (CSS Syntax 3 section 4.3.7).
func cleanCSS(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		switch {
		case s[i] == '/' && i+1 < len(s) && s[i+1] == '*':
			end := strings.Index(s[i+2:], "*/")
			if end < 0 {
				return string(out)
			}
			i += end + 4
		case s[i] == '\\' && i+1 < len(s):
			var n int
			out, n = appendEscape(out, s[i+1:])
			i += n + 1
		default:
			out = append(out, s[i])
			i++
		}
	}
	return string(out)
}

// appendEscape decodes the escape whose text after the backslash is s.
func appendEscape(out []byte, s string) ([]byte, int) {
	n, r := 0, rune(0)
	for n < len(s) && n < 6 && hexDigit(s[n]) >= 0 {
		r = r<<4 | hexDigit(s[n])
		n++
	}
	if n == 0 {
		return append(out, s[0]), 1
	}
	if n < len(s) && isSpace(s[n]) {
		n++
	}
	return append(out, string(r)...), n
}

func trimSpace(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// foldHas reports whether s, trimmed, is the lower-case ASCII word.
func foldHas(s, word string) bool {
	s = trimSpace(s)
	return equalFoldASCII(s, word)
}

// foldPrefix reports whether s starts with the lower-case ASCII prefix.
func foldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && equalFoldASCII(s[:len(prefix)], prefix)
}
