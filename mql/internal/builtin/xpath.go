package builtin

import (
	"strings"
	"sync"

	"github.com/antchfx/htmlquery"
	"github.com/antchfx/xpath"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"foregate/mail"
	"foregate/mail/weburl"
	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
	"foregate/mql/shape"
)

// Bounds of XPath on pages.
const (
	maxPage      = 4 << 20 // bytes of a page that is parsed
	maxXPath     = 4 << 10 // bytes of an expression
	maxTree      = 50_000  // nodes of a page: expressions may take time quadratic in it
	maxNodes     = 10_000  // nodes of an answer
	maxNodeBytes = 8 << 20 // bytes of an answer
	maxHTMLDepth = 2_000   // nesting that is descended into
)

// xpaths answers html.xpath and strings.parse_html.
type xpaths struct {
	answer, page *value.Type
	paths        sync.Map // expression → *xpath.Expr, of literal location paths
}

// XPath is the answer of html.xpath, as shape.XPath.
type XPath struct {
	Nodes []HTML `json:"nodes,omitempty"`
}

// HTML is a node that html.xpath found, as shape.HTML. Its views are made when
// first read: rules look at one or none of them.
type HTML struct {
	Raw         string      `json:"raw,omitempty"`
	DisplayText string      `json:"display_text,omitempty"`
	InnerText   string      `json:"inner_text,omitempty"`
	Links       []mail.Link `json:"links,omitempty"`

	node                       *html.Node // nil when all is there
	raw, display, inner, links bool       // made
}

// Fill implements value.Lazy.
func (h *HTML) Fill(name string) {
	if h.node == nil {
		return
	}
	switch {
	case name == "raw" && !h.raw:
		h.raw, h.Raw = true, rendered(h.node)
	case name == "display_text" && !h.display:
		h.display, h.DisplayText = true, displayed(h.node)
	case name == "inner_text" && !h.inner:
		h.inner, h.InnerText = true, htmlquery.InnerText(h.node)
	case name == "links" && !h.links:
		h.links, h.Links = true, []mail.Link{}
		links(h.node, &h.Links, 0)
	}
}

func verifyXPath(args []string) (int, string) {
	for i, a := range args {
		if len(a) > maxXPath {
			return i, "XPath expression is too long"
		}
		if _, err := compileXPath(a); err != nil {
			return i, "malformed XPath expression: " + err.Error()
		}
	}
	return 0, ""
}

// compileXPath compiles a selecting expression; the library panics on some
// malformed ones.
func compileXPath(expr string) (x *xpath.Expr, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errMalformed
		}
	}()
	return xpath.Compile(expr)
}

type malformed string

func (m malformed) Error() string { return string(m) }

const errMalformed = malformed("not understood")

type pageKey struct{ raw string }

// tree is a parsed page.
type tree struct {
	doc   *html.Node // nil if it can't be parsed
	nodes int        // a little beyond maxTree at most
	sizes map[*html.Node]int
}

// parsed returns the page's tree, parsed once per message.
func parsed(s *check.Scratch, raw string) *tree {
	key := pageKey{raw}
	if t, ok := s.Kept[key].(*tree); ok {
		return t
	}
	t := &tree{}
	if doc, err := html.Parse(strings.NewReader(raw)); err == nil {
		t.doc, t.nodes = doc, countNodes(doc, 0)
	}
	s.Kept[key] = t
	return t
}

// source returns the text of a page argument.
func source(v value.Value) (string, bool) {
	switch p := v.Go().(type) {
	case string:
		return p, true
	case *mail.HTMLBody:
		return p.Raw, true
	case *shape.HTML:
		return p.Raw, true
	case *HTML:
		p.Fill("raw")
		return p.Raw, true
	}
	return "", false
}

// find selects nodes. A page beyond the bounds is one that was not looked at.
func (x *xpaths) find(s *check.Scratch, a []value.Value) value.Value {
	raw, ok := source(a[0])
	if !ok {
		return value.Value{}
	}
	if len(raw) > maxPage {
		return value.OfMissing(&value.Names{List: []string{"html.xpath: page too large"}})
	}
	t := parsed(s, raw)
	if t.doc == nil {
		return value.Value{}
	}
	if t.nodes > maxTree {
		return value.OfMissing(&value.Names{List: []string{"html.xpath: page too large"}})
	}
	nodes, ok := simplePath(t.doc, a[1].Str())
	if !ok {
		it, err := x.selector(a[1].Str(), t.doc)
		if err != nil {
			return value.Value{}
		}
		if nodes, ok = selectNodes(s, it); !ok {
			return value.OfMissing(&value.Names{List: []string{"html.xpath: too many nodes, or too late"}})
		}
	}
	if len(nodes) > maxNodes || !t.affords(nodes, len(raw)) {
		return value.OfMissing(&value.Names{List: []string{"html.xpath: too many nodes, or too late"}})
	}
	return wrap(x.answer, &XPath{Nodes: nodes})
}

// selector returns the nodes that expr selects. Location paths are compiled
// once; other expressions keep state while they run.
func (x *xpaths) selector(expr string, doc *html.Node) (*xpath.NodeIterator, error) {
	nav := htmlquery.CreateXPathNavigator(doc)
	if known, ok := x.paths.Load(expr); ok {
		return known.(*xpath.Expr).Select(nav), nil
	}
	e, err := compileXPath(expr)
	if err != nil {
		return nil, err
	}
	if _, isPath := needPath(expr); isPath {
		x.paths.Store(expr, e)
		return e.Select(nav), nil
	}
	it, _ := e.Evaluate(nav).(*xpath.NodeIterator)
	return it, nil
}

// maxEscape is by how much writing a page anew can make it longer: a quote
// becomes five characters; and its text is there twice.
const maxEscape = 7

// affords reports whether all views of the nodes stay within maxNodeBytes.
func (t *tree) affords(nodes []HTML, page int) bool {
	if len(nodes)*page*maxEscape <= maxNodeBytes {
		return true
	}
	if t.sizes == nil {
		t.sizes = map[*html.Node]int{}
		t.measure(t.doc, 0)
	}
	total := 0
	for i := range nodes {
		total += len(nodes[i].Raw) + t.sizes[nodes[i].node]
	}
	return total <= maxNodeBytes
}

// measure notes what a node and all below it take, written out.
func (t *tree) measure(n *html.Node, depth int) int {
	size := 2*len(n.Data) + len("<></>")
	for _, a := range n.Attr {
		size += len(a.Key) + len(a.Val) + len(` =""`)
	}
	for c := n.FirstChild; c != nil && depth < maxHTMLDepth; c = c.NextSibling {
		size += t.measure(c, depth+1)
	}
	t.sizes[n] = size
	return size
}

// countNodes counts the nodes of a tree, a little beyond maxTree at most.
func countNodes(n *html.Node, depth int) int {
	total := 1
	for c := n.FirstChild; c != nil && total <= maxTree && depth < maxHTMLDepth; c = c.NextSibling {
		total += countNodes(c, depth+1)
	}
	return total
}

// selectNodes runs through the nodes; false beyond the bounds.
func selectNodes(s *check.Scratch, it *xpath.NodeIterator) (out []HTML, ok bool) {
	defer func() {
		if recover() != nil { // the library panics on some type errors
			out, ok = []HTML{}, true
		}
	}()
	out = []HTML{}
	for it != nil && it.MoveNext() {
		if s.Expired() || len(out) > maxNodes {
			return nil, false
		}
		nav := it.Current().(*htmlquery.NodeNavigator)
		switch nav.NodeType() {
		case xpath.AttributeNode:
			out = append(out, attributeNode(nav.Value()))
		case xpath.CommentNode:
			out = append(out, commentNode(nav.Current()))
		default:
			out = append(out, HTML{node: nav.Current()})
		}
	}
	return out, true
}

func attributeNode(v string) HTML {
	return HTML{Raw: v, DisplayText: v, InnerText: v, Links: []mail.Link{}}
}

func commentNode(n *html.Node) HTML {
	return HTML{Raw: n.Data, InnerText: n.Data, Links: []mail.Link{}}
}

// elementsWithText are the elements with a text of their own.
const elementsWithText = "//*[text()[normalize-space()]]"

// simplePath answers the commonest expressions, //name, //@name, //name/@name,
// //comment() and elementsWithText, by one walk; ok is false for others.
func simplePath(doc *html.Node, expr string) (out []HTML, ok bool) {
	if expr == elementsWithText {
		out = []HTML{}
		walkTree(doc, 0, func(n *html.Node) bool {
			if n.Type == html.ElementNode && hasText(n) {
				out = append(out, HTML{node: n})
			}
			return len(out) <= maxNodes
		})
		return out, true
	}
	step, ok := strings.CutPrefix(expr, "//")
	if !ok {
		return nil, false
	}
	element, attribute, both := strings.Cut(step, "/@")
	if !both && strings.HasPrefix(step, "@") {
		element, attribute, both = "*", step[1:], true
	}
	comments := element == "comment()" && !both
	if !comments && (element != "*" && !plainName(element) || both && !plainName(attribute) || element == "*" && !both) {
		return nil, false
	}
	out = []HTML{}
	walkTree(doc, 0, func(n *html.Node) bool {
		switch {
		case comments && n.Type == html.CommentNode:
			out = append(out, commentNode(n))
		case comments || n.Type != html.ElementNode || element != "*" && n.Data != element:
		case both:
			for _, a := range n.Attr {
				if a.Key == attribute {
					out = append(out, attributeNode(a.Val))
				}
			}
		default:
			out = append(out, HTML{node: n})
		}
		return len(out) <= maxNodes
	})
	return out, true
}

// hasText reports whether n has a text child that is not blank.
func hasText(n *html.Node) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && strings.TrimSpace(c.Data) != "" {
			return true
		}
	}
	return false
}

func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9' || i == 0) {
			return false
		}
	}
	return s != ""
}

// walkTree visits n and what is below it, in the order of the page, until visit
// says no.
func walkTree(n *html.Node, depth int, visit func(*html.Node) bool) bool {
	if depth > maxTree || !visit(n) {
		return false
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !walkTree(c, depth+1, visit) {
			return false
		}
	}
	return true
}

// parse reads a text as a page.
func (x *xpaths) parse(s *check.Scratch, a []value.Value) value.Value {
	raw := a[0].Str()
	if len(raw) > maxPage {
		return value.OfMissing(&value.Names{List: []string{"strings.parse_html: page too large"}})
	}
	t := parsed(s, raw)
	if t.doc == nil {
		return value.Value{}
	}
	h := shape.HTML{Raw: raw, DisplayText: displayed(t.doc), InnerText: htmlquery.InnerText(t.doc), Links: []mail.Link{}}
	links(t.doc, &h.Links, 0)
	return wrap(x.page, &h)
}

// rendered writes a node as HTML.
func rendered(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var raw strings.Builder
	if html.Render(&raw, n) != nil {
		return ""
	}
	return raw.String()
}

// displayed is what a reader sees of a node.
func displayed(n *html.Node) string {
	var d display
	d.walk(n, 0)
	return d.text()
}

// links collects the anchors at and below n.
func links(n *html.Node, out *[]mail.Link, depth int) {
	if depth > maxHTMLDepth || len(*out) >= maxNodes {
		return
	}
	if n.Type == html.ElementNode && (n.DataAtom == atom.A || n.DataAtom == atom.Area) {
		for _, attr := range n.Attr {
			if attr.Key != "href" {
				continue
			}
			link := mail.Link{DisplayText: displayed(n), Parser: "hyperlink"}
			if u, ok := weburl.Parse(attr.Val); ok {
				link.HrefURL = &u
			}
			*out = append(*out, link)
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		links(c, out, depth+1)
	}
}

// display lays out the text of a page in lines.
type display struct {
	b     strings.Builder
	space bool // white space is due before the next word
	line  bool // a line break is due before the next word
}

func (d *display) text() string { return d.b.String() }

func (d *display) words(s string) {
	for i, word := range strings.Fields(s) {
		if i > 0 || strings.TrimLeft(s, " \t\r\n") != s {
			d.space = true
		}
		if d.b.Len() > 0 {
			if d.line {
				d.b.WriteByte('\n')
			} else if d.space {
				d.b.WriteByte(' ')
			}
		}
		d.line, d.space = false, false
		d.b.WriteString(word)
	}
	if s != "" && strings.TrimRight(s, " \t\r\n") != s {
		d.space = true
	}
}

func (d *display) walk(n *html.Node, depth int) {
	if depth > maxHTMLDepth {
		return
	}
	if n.Type == html.TextNode {
		d.words(n.Data)
		return
	}
	if n.Type == html.CommentNode || depth > 0 && hidden(n) {
		return
	}
	block := isBlock(n.DataAtom)
	d.line = d.line || block
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		d.walk(c, depth+1)
	}
	d.line = d.line || block
}

// hidden reports elements that show no text.
func hidden(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Noscript:
		return n.Parent != nil
	}
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "style":
			s := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			if strings.Contains(s, "display:none") || strings.Contains(s, "visibility:hidden") {
				return true
			}
		}
	}
	return false
}

func isBlock(a atom.Atom) bool {
	switch a {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Br, atom.Center, atom.Dd, atom.Div,
		atom.Dl, atom.Dt, atom.Fieldset, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5,
		atom.H6, atom.Header, atom.Hr, atom.Li, atom.Main, atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Section,
		atom.Table, atom.Tbody, atom.Td, atom.Th, atom.Tfoot, atom.Thead, atom.Tr, atom.Ul, atom.Body:
		return true
	}
	return false
}
