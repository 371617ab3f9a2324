package builtin

import (
	"strings"

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
	node, answer, page *value.Type
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

// parsed returns the page's tree, parsed once per message.
func parsed(s *check.Scratch, raw string) *html.Node {
	key := pageKey{raw}
	if doc, ok := s.Kept[key].(*html.Node); ok {
		return doc
	}
	doc, err := html.Parse(strings.NewReader(raw))
	if err != nil {
		doc = nil
	}
	s.Kept[key] = doc
	return doc
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
	doc := parsed(s, raw)
	expr, err := compileXPath(a[1].Str())
	if doc == nil || err != nil {
		return value.Value{}
	}
	if countNodes(doc, 0) > maxTree {
		return value.OfMissing(&value.Names{List: []string{"html.xpath: page too large"}})
	}
	nodes, ok := selectNodes(s, doc, expr)
	if !ok {
		return value.OfMissing(&value.Names{List: []string{"html.xpath: too many nodes, or too late"}})
	}
	return wrap(x.answer, &shape.XPath{Nodes: nodes})
}

// countNodes counts the nodes of a tree, a little beyond maxTree at most.
func countNodes(n *html.Node, depth int) int {
	total := 1
	for c := n.FirstChild; c != nil && total <= maxTree && depth < maxHTMLDepth; c = c.NextSibling {
		total += countNodes(c, depth+1)
	}
	return total
}

// selectNodes evaluates expr and describes each node; false beyond the bounds.
func selectNodes(s *check.Scratch, doc *html.Node, expr *xpath.Expr) (out []shape.HTML, ok bool) {
	defer func() {
		if recover() != nil { // the library panics on some type errors
			out, ok = []shape.HTML{}, true
		}
	}()
	out = []shape.HTML{}
	total := 0
	it, isNodes := expr.Evaluate(htmlquery.CreateXPathNavigator(doc)).(*xpath.NodeIterator)
	for isNodes && it.MoveNext() {
		nav := it.Current().(*htmlquery.NodeNavigator)
		var h shape.HTML
		switch nav.NodeType() {
		case xpath.AttributeNode:
			v := nav.Value()
			h = shape.HTML{Raw: v, DisplayText: v, InnerText: v, Links: []mail.Link{}}
		case xpath.CommentNode:
			h = shape.HTML{Raw: nav.Current().Data, InnerText: nav.Current().Data, Links: []mail.Link{}}
		default:
			h = describe(nav.Current())
		}
		total += len(h.Raw) + len(h.InnerText)
		if s.Expired() || len(out) >= maxNodes || total > maxNodeBytes {
			return nil, false
		}
		out = append(out, h)
	}
	return out, true
}

// parse reads a text as a page.
func (x *xpaths) parse(s *check.Scratch, a []value.Value) value.Value {
	raw := a[0].Str()
	if len(raw) > maxPage {
		return value.OfMissing(&value.Names{List: []string{"strings.parse_html: page too large"}})
	}
	doc := parsed(s, raw)
	if doc == nil {
		return value.Value{}
	}
	h := describe(doc)
	h.Raw = raw
	return wrap(x.page, &h)
}

// describe reads a node in four ways.
func describe(n *html.Node) shape.HTML {
	h := shape.HTML{Links: []mail.Link{}}
	if n.Type == html.TextNode {
		h.Raw, h.InnerText = n.Data, n.Data
	} else {
		var raw strings.Builder
		if html.Render(&raw, n) == nil {
			h.Raw = raw.String()
		}
		h.InnerText = htmlquery.InnerText(n)
	}
	var d display
	d.walk(n, 0)
	h.DisplayText = d.text()
	links(n, &h.Links, 0)
	return h
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
			var d display
			d.walk(n, 0)
			link := mail.Link{DisplayText: d.text(), Parser: "hyperlink"}
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
