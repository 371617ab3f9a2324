package htmltext

import (
	"cmp"
	"slices"
	"strings"
)

// Bounds of style sheets. Newsletter tools write a few hundred rules.
const (
	maxRules     = 4096    // rules kept of all sheets together
	maxCompounds = 8       // compounds of one selector
	maxRuleSteps = 4 << 20 // rules and ancestors tried for all elements of a document together
	maxAncestors = 64      // open elements looked at for one descendant selector
	maxName      = 1 << 10 // bytes of a name in a selector, and of a class attribute: frameworks write some hundred
	classStep    = 32      // bytes of a class attribute searched for one more step
)

// budget is what all passes over a document may spend on style sheets together,
// those over its conditional comments included: cost must not grow with the
// number of rules times the number of elements.
type budget struct {
	rules int // kept
	steps int // taken
	full  bool
}

// take spends n steps; false means that they are not left.
func (b *budget) take(n int) bool {
	if b.steps+n > maxRuleSteps {
		b.full = true
		return false
	}
	b.steps += n
	return true
}

// compound is a compound selector: a tag, an ID and classes, each optional.
type compound struct {
	tag     string
	id      string
	classes []string
}

// rule is one selector with its declarations.
type rule struct {
	last        compound
	ancestors   []compound // innermost first
	decl        decl
	specificity int
	order       int
}

// sheet is the rules of all style elements, found by what their last compound
// names.
type sheet struct {
	byID, byClass, byTag map[string][]*rule
	universal            []*rule // those without ancestors are one, the first
	count                int
	url                  func(string)
	budget               *budget
}

// set holds the rules that apply and those that apply on some screens only.
type sheets struct {
	always sheet
	media  sheet // under a media query on the width of the screen and the like
}

// add reads a style sheet.
func (s *sheets) add(css string, url func(string), b *budget) {
	if strings.Contains(css, "/*") {
		css = stripComments(css)
	}
	s.always.url, s.media.url = url, url
	s.always.budget, s.media.budget = b, b
	s.block(css, &s.always, 0)
}

// block reads the rules of css into dst; depth is that of nested at-rules.
func (s *sheets) block(css string, dst *sheet, depth int) {
	for len(css) > 0 {
		i := strings.IndexAny(css, "{;}")
		if i < 0 {
			i = len(css)
		}
		prelude := trimPrelude(css[:i])
		if i == len(css) || css[i] != '{' {
			if foldPrefix(prelude, "@import") {
				importURL(prelude[len("@import"):], dst.url)
			} else if i < len(css) && css[i] == ';' && prelude != "" && prelude[0] != '@' {
				// junk up to here is part of the next prelude, which makes that
				// rule invalid; browsers drop it, so do we by going on after it
			}
			if i == len(css) {
				return
			}
			css = css[i+1:]
			continue
		}
		body, rest := cutBlock(css[i+1:])
		css = rest
		switch {
		case prelude == "" || prelude[0] != '@':
			dst.rule(prelude, body)
		case depth > 4:
		case foldPrefix(prelude, "@media"):
			switch mediaOf(prelude[len("@media"):]) {
			case mediaAlways:
				s.block(body, dst, depth+1)
			case mediaSome:
				s.block(body, &s.media, depth+1)
			}
		case foldPrefix(prelude, "@supports"), foldPrefix(prelude, "@layer"):
			s.block(body, &s.media, depth+1)
		case foldPrefix(prelude, "@font-face"):
			parseDecls(body, dst.url)
		}
	}
}

// trimPrelude drops white space and the comment marks that HTML allows.
func trimPrelude(s string) string {
	s = trimSpace(s)
	for {
		switch {
		case strings.HasPrefix(s, "<!--"):
			s = trimSpace(s[4:])
		case strings.HasPrefix(s, "-->"):
			s = trimSpace(s[3:])
		default:
			return s
		}
	}
}

// cutBlock cuts s at the brace that closes an already opened block.
func cutBlock(s string) (body, rest string) {
	depth := 1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

func stripComments(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.Index(s, "/*")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		end := strings.Index(s[i+2:], "*/")
		if end < 0 {
			return b.String()
		}
		s = s[i+2+end+2:]
	}
}

func importURL(s string, url func(string)) {
	if !eachURL(s, url) {
		s = trimSpace(s)
		if len(s) > 1 && (s[0] == '"' || s[0] == '\'') {
			if end := strings.IndexByte(s[1:], s[0]); end >= 0 && url != nil {
				url(s[1 : 1+end])
			}
		}
	}
}

// mediaScope says where a media query applies.
type mediaScope uint8

const (
	mediaNever  mediaScope = iota // not on a screen
	mediaAlways                   // on every screen
	mediaSome                     // on some screens
)

func mediaOf(q string) mediaScope {
	q = strings.ToLower(trimSpace(q))
	q = strings.TrimPrefix(q, "only ")
	switch {
	case q == "", q == "all", q == "screen", q == "screen, print", q == "all, screen", q == "screen, all":
		return mediaAlways
	case strings.HasPrefix(q, "print"), strings.HasPrefix(q, "speech"), strings.HasPrefix(q, "aural"):
		return mediaNever
	}
	return mediaSome
}

// rule adds the rules of one selector list.
func (s *sheet) rule(selectors, body string) {
	d := parseDecls(body, s.url)
	if d.set == 0 {
		return
	}
	for len(selectors) > 0 {
		sel := selectors
		if i := strings.IndexByte(selectors, ','); i >= 0 {
			sel, selectors = selectors[:i], selectors[i+1:]
		} else {
			selectors = ""
		}
		if s.budget.rules >= maxRules {
			s.budget.full = true
			return
		}
		s.insert(trimSpace(sel), d)
	}
}

// insert adds one rule; selectors it does not understand are dropped.
func (s *sheet) insert(sel string, d decl) {
	compounds, ok := parseSelector(sel)
	if !ok {
		return
	}
	if len(compounds) == 1 && compounds[0].any() {
		s.everywhere(d)
		return
	}
	r := &rule{last: compounds[len(compounds)-1], decl: d, order: s.count}
	for i := len(compounds) - 1; i >= 0; i-- {
		c := compounds[i]
		if i < len(compounds)-1 {
			r.ancestors = append(r.ancestors, c)
		}
		r.specificity += len(c.classes) << 8
		if c.id != "" {
			r.specificity += 1 << 16
		}
		if c.tag != "" {
			r.specificity++
		}
	}
	s.count++
	s.budget.rules++
	if s.byID == nil {
		s.byID, s.byClass, s.byTag = map[string][]*rule{}, map[string][]*rule{}, map[string][]*rule{}
	}
	switch c := r.last; {
	case c.id != "":
		s.byID[c.id] = append(s.byID[c.id], r)
	case len(c.classes) > 0:
		s.byClass[c.classes[0]] = append(s.byClass[c.classes[0]], r)
	case c.tag != "":
		s.byTag[c.tag] = append(s.byTag[c.tag], r)
	default:
		s.universal = append(s.universal, r)
	}
}

// everywhere adds a rule for all elements. It is weaker than every other rule,
// so that all of them are one, merged in order.
func (s *sheet) everywhere(d decl) {
	if len(s.universal) > 0 && s.universal[0].specificity == 0 {
		s.universal[0].decl.merge(&d)
		return
	}
	s.count++
	s.budget.rules++
	s.universal = slices.Insert(s.universal, 0, &rule{decl: d})
}

// any reports whether the compound fits every element.
func (c *compound) any() bool { return c.tag == "" && c.id == "" && len(c.classes) == 0 }

// parseSelector reads a complex selector of compounds joined by descendant and
// child combinators. Sibling combinators, attribute selectors and
// pseudo-classes are not ok: in mail they are switches for single clients.
func parseSelector(sel string) ([]compound, bool) {
	var out []compound
	for i := 0; i < len(sel); {
		switch c := sel[i]; {
		case isSpace(c) || c == '>':
			i++
		default:
			if len(out) == maxCompounds {
				return nil, false
			}
			var one compound
			n, ok := one.parse(sel[i:])
			if !ok {
				return nil, false
			}
			out = append(out, one)
			i += n
		}
	}
	return out, len(out) > 0
}

// parse reads the compound that starts s and returns its length.
func (c *compound) parse(s string) (int, bool) {
	i := 0
	for i < len(s) && !isSpace(s[i]) && s[i] != '>' {
		switch s[i] {
		case '*':
			i++
			continue
		case '.', '#':
			name, n := selectorName(s[i+1:])
			if name == "" || len(name) > maxName {
				return 0, false
			}
			if s[i] == '#' {
				c.id = name
			} else {
				c.classes = append(c.classes, name)
			}
			i += n + 1
			continue
		}
		name, n := selectorName(s[i:])
		if name == "" || len(name) > maxName || i > 0 {
			return 0, false
		}
		c.tag = strings.ToLower(name)
		i += n
	}
	return i, true
}

// selectorName reads an identifier, its escapes decoded.
func selectorName(s string) (name string, n int) {
	escaped := false
	for n < len(s) {
		c := s[n]
		if c == '\\' && n+1 < len(s) {
			escaped = true
			n += 2
			continue
		}
		if !isAlnum(c) && c != '-' && c != '_' && c < 0x80 {
			break
		}
		n++
	}
	if escaped {
		return cleanCSS(s[:n]), n
	}
	return s[:n], n
}

// lookup appends to dst the rules whose last compound may match an element, as
// far as the budget goes.
func (s *sheet) lookup(dst []*rule, tagName, id, class string) []*rule {
	if s.count == 0 {
		return dst
	}
	add := func(rules []*rule) bool {
		if !s.budget.take(len(rules)) {
			return false
		}
		dst = append(dst, rules...)
		return true
	}
	if !add(s.universal) || !add(s.byTag[tagName]) || !add(s.byID[id]) {
		return dst
	}
	rest := class
	for rest != "" {
		var word string
		at := len(class) - len(rest)
		word, rest = cutWord(rest)
		if word != "" && len(s.byClass[word]) > 0 && !hasWord(class[:at], word) && !add(s.byClass[word]) {
			break
		}
	}
	return dst
}

// cutWord cuts the first word off a space-separated list.
func cutWord(s string) (word, rest string) {
	i := skipSpace(s, 0)
	j := i
	for j < len(s) && !isSpace(s[j]) {
		j++
	}
	return s[i:j], s[j:]
}

// hasWord reports whether a space-separated list holds word.
func hasWord(list, word string) bool {
	for len(list) >= len(word) {
		i := strings.Index(list, word)
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || isSpace(list[i-1])) && (end == len(list) || isSpace(list[end])) {
			return true
		}
		list = list[end:]
	}
	return false
}

// matches reports whether the compound fits an element.
func (c *compound) matches(tagName, id, class string, b *budget) bool {
	if c.tag != "" && c.tag != tagName || c.id != "" && c.id != id {
		return false
	}
	for _, w := range c.classes {
		if !b.take(len(class)/classStep) || !hasWord(class, w) {
			return false
		}
	}
	return true
}

// byCascade sorts rules weakest first.
func byCascade(rules []*rule) {
	slices.SortFunc(rules, func(a, b *rule) int {
		return cmp.Or(cmp.Compare(a.specificity, b.specificity), cmp.Compare(a.order, b.order))
	})
}
