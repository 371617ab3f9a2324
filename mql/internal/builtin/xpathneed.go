package builtin

import (
	"regexp"
	"slices"
	"strings"

	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// Page returns the source of a page argument of html.xpath as a text, null
// where there is none.
func Page(v value.Value) value.Value {
	if v.Kind() == value.Null || v.Kind() == value.Missing {
		return value.Value{}
	}
	raw, ok := source(v)
	if !ok {
		return value.Value{}
	}
	return value.OfString(raw)
}

// xpathTokens splits an expression: literals, names with their axis, numbers
// and signs.
var xpathTokens = regexp.MustCompile(`"[^"]*"|'[^']*'|[A-Za-z_][\w-]*|\d+(?:\.\d+)?|::|//|\.\.|!=|<=|>=|[^\s\w]`)

// xpathHolds matches tests that are false where their path selects nothing.
var xpathHolds = regexp.MustCompile(`\b(?:contains|starts-with)\(\s*([^,'"()]*(?:\btext\(\))?)\s*,\s*(?:'[^']+'|"[^"]+")\s*\)`)

// xpathLocal matches the test of the name of an element or attribute.
var xpathLocal = regexp.MustCompile(`^local-name\(\) = ['"]([a-z]+)['"]$`)

// xpathCompares matches comparisons of such a test.
var xpathCompares = regexp.MustCompile(`(?:contains|starts-with)\([^()]*(?:\(\))?[^()]*\)\s*[=!<>]`)

// xpathValue matches a test of the value of an attribute, and xpathValues a
// predicate of nothing but such tests.
var (
	xpathValue  = regexp.MustCompile(`(?:contains|starts-with)\(\s*@\s*[\w-]+\s*,\s*("[^"]*"|'[^']*')\s*\)|@\s*[\w-]+\s*=\s*("[^"]*"|'[^']*')`)
	xpathValues = regexp.MustCompile(`^(?:` + xpathValue.String() + `)(?:\s+and\s+(?:` + xpathValue.String() + `))*$`)
)

// plainRuns matches the parts of a value that are written as they are, or with
// numeric character references: no named one stands for these characters, "fj"
// aside.
var plainRuns = regexp.MustCompile(`[a-zA-Z0-9-]{3,}`)

// needValues is what the source of a page has if it has attributes with the
// values that the predicate asks for.
func needValues(predicate string) []*text.Need {
	if !xpathValues.MatchString(predicate) {
		return nil
	}
	var needs []*text.Need
	for _, m := range xpathValue.FindAllStringSubmatch(predicate, -1) {
		value := m[1] + m[2] // one of them is empty
		for _, run := range plainRuns.FindAllString(value[1:len(value)-1], -1) {
			if !strings.Contains(text.Fold(run), "fj") {
				needs = append(needs, text.NeedAny(append(references(), text.NeedLiteral(text.Fold(run)))...))
			}
		}
	}
	return needs
}

// references are what numeric character references begin with.
func references() []*text.Need {
	var needs []*text.Need
	for _, c := range "x0123456789" {
		needs = append(needs, text.NeedLiteral("&#"+string(c)))
	}
	return needs
}

// NeedXPath is what the source of a page must contain, folded, for the XPath
// expression to select a node: the names of elements and attributes on its
// way. It knows location paths; of other expressions it claims nothing.
func NeedXPath(expr string) *text.Need {
	needs, ok := needPath(expr)
	if !ok {
		return nil
	}
	return text.NeedAll(needs...)
}

// needPath reads a location path; ok is false where it is something else.
func needPath(path string) (needs []*text.Need, ok bool) {
	tokens := xpathTokens.FindAllString(path, -1)
	for i := 0; i < len(tokens); i++ {
		tok := tokens[i]
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		switch {
		case tok == "[":
			end := closing(tokens, i)
			if end < 0 {
				return nil, false
			}
			needs = append(needs, needPredicate(strings.Join(tokens[i+1:end], " "))...)
			i = end
		case tok == "]": // the library reads as far as the expression goes
			return needs, true
		case tok == "/" || tok == "//" || tok == "." || tok == ".." || tok == "*" || tok == "@" || tok == "::":
		case next == "::" && isName(tok):
		case next == "(" && (tok == "text" || tok == "node" || tok == "comment"):
			if i+2 >= len(tokens) || tokens[i+2] != ")" {
				return nil, false
			}
			i += 2
		case isName(tok) && next != "(" && next != ":":
			attribute := i > 0 && tokens[i-1] == "@" || i > 1 && tokens[i-1] == "::" && tokens[i-2] == "attribute"
			if i > 0 && !slices.Contains([]string{"/", "//", "@", "::"}, tokens[i-1]) {
				return nil, false
			}
			needs = append(needs, needName(tok, attribute))
		default:
			return nil, false
		}
	}
	return needs, true
}

func isName(tok string) bool {
	c := tok[0] | 0x20
	return c >= 'a' && c <= 'z' || tok[0] == '_'
}

// closing is the place of the bracket that closes the one at i, −1 if none.
func closing(tokens []string, i int) int {
	depth := 0
	for ; i < len(tokens); i++ {
		switch tokens[i] {
		case "[":
			depth++
		case "]":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// needPredicate reads a predicate that is a conjunction of paths, alone or
// compared with a literal or number; of others it claims nothing.
func needPredicate(predicate string) []*text.Need {
	predicate = tight(predicate)
	if m := xpathLocal.FindStringSubmatch(predicate); m != nil {
		return []*text.Need{needName(m[1], true)}
	}
	if xpathCompares.MatchString(predicate) {
		return nil
	}
	var needs []*text.Need
	for _, term := range conjuncts(xpathTokens.FindAllString(xpathHolds.ReplaceAllString(predicate, "$1"), -1)) {
		got, ok := needPath(strings.Join(term, " "))
		if !ok {
			return nil
		}
		needs = append(needs, got...)
	}
	return append(needs, needValues(predicate)...)
}

// tight puts calls together that splitting took apart.
func tight(s string) string {
	return strings.NewReplacer(" (", "(", "( ", "(", " )", ")").Replace(s)
}

// conjuncts splits a predicate at its and, and drops what a path is compared
// with.
func conjuncts(tokens []string) [][]string {
	var out [][]string
	var term []string
	depth, compared := 0, false
	for i, tok := range tokens {
		operand := i > 0 && (isName(tokens[i-1]) || strings.ContainsAny(tokens[i-1][:1], `"')].*0123456789`))
		switch {
		case tok == "[" || tok == "(":
			depth++
		case tok == "]" || tok == ")":
			depth--
		}
		switch {
		case depth == 0 && tok == "and" && operand:
			out = append(out, term)
			term, compared = nil, false
		case depth == 0 && slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, tok):
			compared = true
		case compared && (strings.ContainsAny(tok[:1], `"'0123456789`)):
		case i == 0 && len(tokens) == 1 && strings.ContainsAny(tok[:1], "0123456789"):
		default:
			term = append(term, tok)
		}
	}
	return append(out, term)
}

// implied are elements that a parser makes without their start tag.
var implied = []string{"html", "head", "body", "tbody", "tr", "colgroup", "p", "br", "form", "hr", "label", "input", "name"}

// needName is what the source of a page with the element or attribute has;
// attribute may be true of an element, too.
func needName(name string, attribute bool) *text.Need {
	name = text.Fold(name)
	switch {
	case slices.Contains(implied, name):
		return nil
	case attribute:
		return text.NeedLiteral(name)
	case name == "img": // an image start tag makes one, too
		return text.NeedAny(text.NeedLiteral("<img"), text.NeedLiteral("<image"))
	}
	return text.NeedLiteral("<" + name)
}
