package builtin

import (
	"strings"
	"testing"

	"github.com/antchfx/htmlquery"
	"golang.org/x/net/html"

	"foregate/mql/internal/check"
	"foregate/mql/internal/text"
)

// pages are readable and hostile.
var pages = []string{
	"", "text only", "<p>one<p>two <!-- c1 --><b>three</b>", "<a href='#'>x</a><A HREF=y title=t style='color:red'>y <img src=a alt=b></A>",
	"<table><td>1<td><img height=25px><a>z</a></table>", "<table><tr><td><img height='25px'></td><td>a <a href=q><b>pdf</b></a></td></tr></table>",
	"<image src=x>", "</p></br><isindex prompt=x>", "<svg><a xlink:href=y class=k></a><foreignObject></svg>", "<div class=a class=b><div style=\"clip-path: x\">t</div></div>",
	"<h1 id=1>t</h1><h2 aria-label=x>u</h2><title>T</title><frameset>", "<select><option>a<option>b</select><template><a>in</a></template>",
	"<td style='background-color: red'><a title=x href=y>z</a></td>", "\x00<b\x00>x</b><a\nhref=1>\u00a0</a><!-->", "<admin>x</admin><ul><li>1<li>2<li>3<li>4</ul>",
	"<div style='clip&#45;path: x'>t</div>", "<DIV STYLE=CLIP-&#X50;ATH>t</DIV>", "<div style='clip&#45path'>t</div>", "<img alt='&fjlig;ord Meet'><img alt='Google&nbsp;Meet'>", "<img alt='G&#111;&#111;gle Meet'>",
}

var expressions = []string{
	`//div[contains(@style,"clip-path")]`, `//div[contains(@style, 'clip-path') and @style='clip-path']`, "//img[@alt = 'fjord Meet']", "//img[contains(@alt,'Google')]", "//div[not(contains(@style,'clip-path'))]",
	"//div[contains(@style,'clip-path') or @class='a']", "//img[starts-with(@alt, 'Google')][contains(@alt, 'Meet')]",
	"//a", "//p", "//img", "//tbody", "//b", "//comment()", "//@class", "//*/@class", "//img/@src", "//img/@alt", "//title", "//h1",
	elementsWithText, "//a[@href]", "//a[@href][@style or .//@style]", "//a[contains(@style, 'color')]", "//a[./b]", "//a[.//img[@src]]",
	"//*[local-name() = 'admin']", `//tr[td[1]/img[@height="25px"]]/td[2]//a]`, `//td[contains(@style, "background-color")]//a[@title and @href]`,
	"//div/ul[count(li) = 4]/li", "//ul[count(li) = 4]", "//a[not(@href)]", "//a | //b", "//div[@class='a'][1]", "//a[starts-with(@href, 'y')]",
	"//a[contains(@title, '')]", "//td[2]/preceding-sibling::td", "//a[@title='t' and contains(., 'y')]", "//*[@aria-label]", "//h2[@aria-label = 'x']",
	"//p[text()='one' or b]", "//a[string-length(@href) > 0]", "//body//*[contains(@style,'x') = false()]",
}

// TestSimplePath holds that the walk finds what the library finds.
func TestSimplePath(t *testing.T) {
	x := &xpaths{}
	simple := 0
	for _, expr := range expressions {
		for _, page := range pages {
			doc, err := html.Parse(strings.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := simplePath(doc, expr)
			if !ok {
				continue
			}
			simple++
			it, err := x.selector(expr, doc)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := selectNodes(&check.Scratch{}, it)
			if len(got) != len(want) {
				t.Errorf("%s finds %d nodes of %q, the library %d", expr, len(got), page, len(want))
				continue
			}
			for i := range got {
				if got[i].node != want[i].node || got[i].Raw != want[i].Raw {
					t.Errorf("%s, node %d of %q: %+v, the library says %+v", expr, i, page, got[i], want[i])
				}
			}
		}
	}
	if simple < 12*len(pages) {
		t.Errorf("only %d times a simple path", simple)
	}
}

// TestNeedXPathSound holds that a page of which an expression selects a node
// has what the expression needs.
func TestNeedXPathSound(t *testing.T) {
	needs, selects := 0, 0
	for _, expr := range expressions {
		need := NeedXPath(expr)
		if !need.Always() {
			needs++
		}
		for _, page := range pages {
			doc, err := htmlquery.Parse(strings.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			it, err := (&xpaths{}).selector(expr, doc)
			if err != nil {
				t.Fatal(err)
			}
			nodes, _ := selectNodes(&check.Scratch{}, it)
			if len(nodes) == 0 {
				continue
			}
			selects++
			if !has(need, page) {
				t.Errorf("%s selects %d nodes of %q, which lacks what it needs: %+v", expr, len(nodes), page, need)
			}
		}
	}
	if needs < 10 || selects < 40 {
		t.Errorf("%d expressions need something, %d select something", needs, selects)
	}
}

func has(n *text.Need, s string) bool {
	var p text.Profile
	p.Add(s)
	switch {
	case n.Always():
		return true
	case n.Bytes != nil:
		return p.Bytes.Meets(n.Bytes)
	case n.Run > 0:
		return p.Run >= n.Run
	case n.Lit != "":
		return strings.Contains(text.Fold(s), n.Lit)
	}
	for _, k := range n.All {
		if !has(k, s) {
			return false
		}
	}
	for _, k := range n.Any {
		if has(k, s) {
			return true
		}
	}
	return n.Any == nil
}
