package htmltext

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDisplay(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"text", "just  text\n here", "just text here"},
		{"paragraphs", "<p>one</p><p>two</p>", "one\n\ntwo"},
		{"paragraphs unclosed", "<p>one<p>two", "one\n\ntwo"},
		{"divs", "<div>one</div><div>two</div>three", "one\ntwo\nthree"},
		{"inline", "a<b>b</b><span>c</span> d", "abc d"},
		{"space at the seams", "<div> a </div> <div> b <i> c</i></div>", "a\nb c"},
		{"br", "one<br>two<br/><br />three</br>four", "one\ntwo\n\nthree\nfour"},
		{"many br", "one" + strings.Repeat("<br>", 50) + "two", "one\n\n\ntwo"},
		{"table", "<table><tr><td>a</td><td>b</td></tr><tr><th>c<th>d</table>e", "a\tb\nc\td\ne"},
		{"nested tables", "<table><tr><td><table><tr><td>a</td></tr></table></td><td>b</td></tr></table>", "a\nb"},
		{"list", "<ul><li>one<li>two<ul><li>deep</ul><li>three</ul>", "one\ntwo\ndeep\nthree"},
		{"definition list", "<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"},
		{"pre", "<pre>a  b\n  c</pre>d", "a  b\n  c\n\nd"},
		{"white-space", "<div style='white-space:pre-wrap'>a  b\nc</div>", "a  b\nc"},
		{"entities", "a&nbsp;&amp;&lt;&#65;&#x42;&euro;&copy2&notit;&#128;&bogus;&", "a &<AB€©2¬it;€&bogus;&"},
		{"nul", "a\x00b", "ab"},
		{"alt is not display", "<img alt='logo' src=x>text", "text"},
		{"button and input", "<button>Go</button><input type=submit value='Log in'><input value=no>", "Go Log in"},
		{"textarea", "<textarea>a <b>\n c</textarea>d", "a <b>\n cd"},
		{"options", "<select><option>a<option>b</select>", "a\nb"},
		{"title is not display", "<title>T &amp; <b>x</title>text", "text"},
		{"script and style", "a<script>if(a<b)'</p>'</script>b<style>p{}</style>c", "abc"},
		{"script in comment", "a<script><!--<script></script>--></script>b", "ab"},
		{"noscript is markup", "<noscript><p>shown</p></noscript>", "shown"},
		{"noframes", "a<noframes>no</noframes><iframe>no</iframe>b", "ab"},
		{"hidden block", "a<div style='display:none'><p>no</p></div>b", "ab"},
		{"template", "a<template><p>no</p></template>b", "ab"},
		{"xmp", "<xmp><b>x</b></xmp>", "<b>x</b>"},
		{"plaintext", "a<plaintext><b>x</b></plaintext>", "a\n<b>x</b></plaintext>"},
		{"svg", "<svg><title>no</title><text>yes</text><![CDATA[ <b> ]]></svg>z", "yes <b> z"},
		{"breaking out of svg", "<svg><g><p>para</svg>x", "parax"},
	} {
		if got := Render(c.in, Options{}).Display; got != c.want {
			t.Errorf("%s: Display of %q = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

// Broken markup is read as browsers read it.
func TestMalformed(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"comment without text", "a<!-->b<!--->c", "abc"},
		{"comment ended with bang", "a<!-- x --!>b", "ab"},
		{"comment with dashes", "a<!-- x -- y --->b", "ab"},
		{"open comment", "a<!-- b", "a"},
		{"bogus comments", "a<!x>b<?php x ?>c</ junk>d</>e", "abcde"},
		{"cdata outside of svg", "a<![CDATA[b]]>c", "ac"},
		{"lone brackets", "a < b > c <3 d<", "a < b > c <3 d<"},
		{"open end tag", "a</", "a</"},
		{"nul in a tag name", "<scr\x00ipt>alert(1)</scr\x00ipt>", "alert(1)"},
		{"unclosed quote", `a<a href="x>b</a>c">d</a>`, "ad"},
		{"unclosed quote to the end", `a<a href="x>b`, "a"},
		{"unclosed tag", "a<b", "a"},
		{"slash in tag", "<br/x/>a<p/>b", "a\n\nb"},
		{"equals sign first", "<p =x>a", "a"},
		{"attribute twice", "<p style='display:none' style='x'>a</p>b", "b"},
		{"upper case", "<DIV STYLE='DISPLAY:NONE'>a</DIV>b", "b"},
		{"open script", "a<script>b", "a"},
		{"end tags alone", "a</p>b</div>c</table></x>", "a\n\nbc"},
		{"misnested", "<b>1<i>2</b>3</i>4", "1234"},
		{"second body", "<body>a</body></html><html><body>b", "a\nb"},
		{"cell outside of a table", "<td style='display:none'>a</td>", "a"},
		{"text in a table", "<table style='display:none'>a<tr><td>b</td></tr></table>", "a"},
		{"div ends at the cell", "<div style='display:none'><table><tr><td></div>a</td></tr></table></div>b", "b"},
		{"block survives its formatting", "<b style='color:white'><div>x</b>y</div>z", "yz"},
		{"formatting goes on", "<p><font color=white>a</p><p>b</font>c", "c"},
		{"span does not reach out", "<span style='display:none'><div>a</span>b</div></span>c", "c"},
	} {
		got := Render(c.in, Options{}).Display
		if strings.ReplaceAll(got, "\n", "") != strings.ReplaceAll(c.want, "\n", "") {
			t.Errorf("%s: Display of %q = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestHidden(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Reason // of the text "secret", "" when it can be seen
	}{
		{"<p>secret</p>", ""},
		{"<p style='font-size:0'>secret", ReasonZeroFont},
		{"<p style='font-size:0'><a style='font-size:14px'>secret</a>", ""},
		{"<p style='font-size:0'><a style='font-size:2em'>secret</a>", ReasonZeroFont},
		{"<p style='FONT-SIZE : 1PX !IMPORTANT'>secret", ReasonTinyFont},
		{"<p style='font:0/0 a'>secret", ReasonZeroFont},
		{"<p style='font:bold 12px/14px Arial'>secret", ""},
		{"<p style='font: 400 14px Arial'>secret", ""},
		{"<p style='font-size:1pt'>secret", ReasonTinyFont},
		{"<p style='font-size:0.05em'>secret", ReasonTinyFont},
		{"<font size=1>secret</font>", ""},
		{"<font color=white>secret</font>", ReasonColor},
		{"<font color='#FFFFFE'>secret</font>", ReasonColor},
		{"<font color=ffffff>secret</font>", ReasonColor},
		{"<font color='#eee'>secret</font>", ""},
		{"<table bgcolor='#000000'><tr><td><font color='#ffffff'>secret", ""},
		{"<table bgcolor=black><tr><td>secret", ReasonColor},
		{"<table bgcolor=black><tr><td bgcolor=white>secret", ""},
		{"<body bgcolor='#336699' text='#336699'>secret", ReasonColor},
		{"<div style='background:#036 url(x.png)'><p style='color:#036'>secret", ""},
		{"<div style='background-color:rgb(0, 0, 0)'><p style='color:rgba(0,0,0,.9)'>secret", ReasonColor},
		{"<div style='background:linear-gradient(#fff,#000)'><p style='color:white'>secret", ""},
		{"<td><table background=x.png><tr><td style='color:white'>secret", ""},
		{"<p style='color:transparent'>secret", ReasonTransparent},
		{"<p style='color:rgba(0,0,0,0)'>secret", ReasonTransparent},
		{"<p style='color:hsl(0,0%,100%)'>secret", ReasonColor},
		{"<div style='background:#000;color:#000'><a href=x>secret</a>", ""},
		{"<p style='opacity:0'>secret", ReasonTransparent},
		{"<p style='opacity:.9'>secret", ""},
		{"<p style='display:none'>secret", ReasonDisplay},
		{"<p style='dis\\70lay:none'>secret", ReasonDisplay},
		{"<p style='dis/**/play:none'>secret", ReasonDisplay},
		{"<p style='display:&#110;one'>secret", ReasonDisplay},
		{"<div style='display:none'><p style='display:block'>secret", ReasonDisplay},
		{"<p style='visibility:hidden'>secret", ReasonVisibility},
		{"<p style='visibility:hidden'><b style='visibility:visible'>secret", ""},
		{"<p style='position:absolute;left:-9999px'>secret", ReasonOffScreen},
		{"<p style='position:relative;left:-9px'>secret", ""},
		{"<p style='text-indent:-9999px'>secret", ReasonOffScreen},
		{"<div style='max-height:0;overflow:hidden'>secret", ReasonZeroSize},
		{"<div style='height:0;width:0;overflow:hidden'>secret", ReasonZeroSize},
		{"<td style='height:0;overflow:hidden'>secret", ""},
		{"<table><tr><td style='height:0;overflow:hidden'>secret", ""},
		{"<div style='max-height:0'>secret", ""},
		{"<div style='mso-hide:all'>secret", ""}, // hidden in Outlook only: the twin of a VML button
		{"<div style='position:absolute;clip:rect(0,0,0,0)'>secret", ReasonClip},
		{"<div style='clip-path:inset(100%)'>secret", ReasonClip},
		{"<div hidden>secret", ReasonAttribute},
		{"<div hidden style='display:block'>secret", ""},
		{"<dialog>secret</dialog>", ReasonDisplay},
		{"<!--[if mso]><p>secret</p><![endif]-->", ReasonConditional},
		{"<!--[if !mso]><!--><p>secret</p><!--<![endif]-->", ""},
		{"<![if !mso]><p>secret</p><![endif]>", ""},
		{"<style>.x{display:none}</style><p class='a x'>secret", ReasonDisplay},
		{"<style>.x{display:none}</style><p class='ax'>secret", ""},
		{"<style>#x{display:none}</style><p id=x>secret", ReasonDisplay},
		{"<style>p{color:#fff}</style><p>secret", ReasonColor},
		{"<style>div p.x , .z{font-size:0}</style><div><p class=x>secret", ReasonZeroFont},
		{"<style>div p.x{font-size:0}</style><p class=x>secret", ""},
		{"<style>.x{display:none!important}</style><p class=x style='display:block'>secret", ReasonDisplay},
		{"<style>.x{display:none}</style><p class=x style='display:block'>secret", ""},
		{"<style>p.x{display:block}.x{display:none}</style><p class=x>secret", ""},
		{"<style>/* .x{display:none} */</style><p class=x>secret", ""},
		{"<style>.x:hover{display:none} .x+.x{display:none} [class=x]{display:none}</style><p class=x>secret", ""},
		{"<style>@media screen{.x{display:none}}</style><p class=x>secret", ReasonDisplay},
		{"<style>@media (max-width:600px){.x{display:none}}</style><p class=x>secret", ""},
		{"<style>@media print{.x{display:none}}</style><p class=x>secret", ""},
		{"<style>.x{display:none}@media (max-width:600px){.x{display:block!important}}</style><p class=x>secret", ReasonResponsive},
		{"<p class=x>secret</p><style>.x{display:none}</style>", ReasonDisplay},
		{"<style>@import url(x.css); .x{display:none}</style><p class=x>secret", ReasonDisplay},
	} {
		r := Render(c.in, Options{})
		var got Reason
		for _, run := range r.HiddenRuns {
			if run.Text == "secret" {
				got = run.Reason
			}
		}
		if got != c.want {
			t.Errorf("%s: hidden by %q, want %q", c.in, got, c.want)
		}
		if seen := strings.Contains(r.Display, "secret"); seen != (c.want == "") {
			t.Errorf("%s: Display = %q, hidden by %q", c.in, r.Display, c.want)
		}
		inHidden := c.want != "" && c.want != ReasonConditional && c.want != ReasonResponsive
		if (r.Hidden == "secret") != inHidden {
			t.Errorf("%s: Hidden = %q", c.in, r.Hidden)
		}
		if strings.Contains(r.Inner, "secret") != (c.want != ReasonConditional) {
			t.Errorf("%s: Inner = %q", c.in, r.Inner)
		}
	}
}

func TestHiddenRuns(t *testing.T) {
	r := Render(`<div style="display:none">Your <b>invoice</b>&zwnj;&nbsp;</div><p>Hello</p><span style="font-size:0">sa</span>lu<span style="font-size:0">xx</span>te<p style="display:none"> | </p>`, Options{})
	if want := "Hello\n\nlute"; r.Display != want {
		t.Errorf("Display = %q, want %q", r.Display, want)
	}
	if want := "Your invoice\u200c\n\nHello\n\nsaluxxte\n\n|"; r.Inner != want {
		t.Errorf("Inner = %q, want %q", r.Inner, want)
	}
	want := []HiddenRun{
		{Text: "Your invoice\u200c", Reason: ReasonDisplay, Offset: 0},
		{Text: "sa", Reason: ReasonZeroFont, Offset: 5},
		{Text: "xx", Reason: ReasonZeroFont, Offset: 9},
	}
	if d := cmp.Diff(want, r.HiddenRuns); d != "" {
		t.Errorf("HiddenRuns (-want +got):\n%s", d)
	}
	if want := "Your invoice\u200c\nsa\nxx"; r.Hidden != want {
		t.Errorf("Hidden = %q, want %q", r.Hidden, want)
	}
}

func TestReferences(t *testing.T) {
	src := `<base href="https://b.example/"><meta http-equiv=Refresh content="0; URL='https://r.example/'">
<link rel=stylesheet href=s.css><style>@import "i.css"; p{background:url( 'bg.png' )}</style>
<body background="b.gif"><p>Hi <a href=" https://a.example/?x=1&amp;y=2&copy=3
">click <b>here</b></a>, <a href="https://img.example"><img src="i.png" alt="Pay now"></a>
<a href="https://no.example" style="display:none">ghost</a><a href="javascript:x()"></a>
<img srcset="s1.png 1x, s2.png 2x" src="cid:x" width=1 height=1><map><area href="https://area.example"></map>
<form action="https://form.example" method=POST><input type=password name=pw placeholder="Password"><button formaction="https://fa.example">Go</button></form>
<svg><a xlink:href="https://svg.example"><text>vec</text></a><image href="v.png"/></svg>
<iframe src="https://frame.example"></iframe><object data=o.swf></object><embed src=e.swf><script src=js.js></script>
<!--[if mso]><v:roundrect href="https://vml.example"></v:roundrect><![endif]-->`
	r := Render(src, Options{})
	type ref struct {
		Kind    Kind
		URL     string
		Text    string
		Alt     bool
		Visible bool
	}
	var got []ref
	for _, x := range r.References {
		got = append(got, ref{x.Kind, x.URL, x.Text, x.TextAlt, x.Visible})
		if x.Text != "" && x.Visible && !x.TextAlt && r.Display[x.Offset:x.End] != x.Text {
			t.Errorf("%s: Display[%d:%d] = %q, want %q", x.URL, x.Offset, x.End, r.Display[x.Offset:x.End], x.Text)
		}
	}
	want := []ref{
		{KindBase, "https://b.example/", "", false, false},
		{KindRefresh, "https://r.example/", "", false, false},
		{KindFrame, "s.css", "", false, false},
		{KindCSS, "i.css", "", false, false},
		{KindCSS, "bg.png", "", false, false},
		{KindImage, "b.gif", "", false, true},
		{KindAnchor, "https://a.example/?x=1&y=2&copy=3", "click here", false, true},
		{KindAnchor, "https://img.example", "Pay now", true, true},
		{KindImage, "i.png", "", false, true},
		{KindAnchor, "https://no.example", "ghost", false, false},
		{KindAnchor, "javascript:x()", "", false, false},
		{KindImage, "cid:x", "", false, false},
		{KindImage, "s1.png", "", false, false},
		{KindImage, "s2.png", "", false, false},
		{KindAnchor, "https://area.example", "", false, true},
		{KindForm, "https://form.example", "", false, true},
		{KindForm, "https://fa.example", "", false, true},
		{KindSVG, "https://svg.example", "vec", false, true},
		{KindSVG, "v.png", "", false, true},
		{KindFrame, "https://frame.example", "", false, true},
		{KindFrame, "o.swf", "", false, true},
		{KindFrame, "e.swf", "", false, true},
		{KindFrame, "js.js", "", false, false},
		{KindSVG, "https://vml.example", "", false, false},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("References (-want +got):\n%s", d)
	}
	forms := []Form{{Action: "https://form.example", Method: "post", Password: true,
		Fields: []Field{{Type: "password", Name: "pw", Placeholder: "Password"}}}}
	if d := cmp.Diff(forms, r.Forms); d != "" {
		t.Errorf("Forms (-want +got):\n%s", d)
	}
}

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		in   string
		kind MarkKind
		want string
	}{
		{`<p>new</p><blockquote type="cite">old</blockquote>after`, MarkQuote, "old"},
		{`new<blockquote class="gmail_quote">old<p>x</p></blockquote>`, MarkQuote, "old\n\nx"},
		{`new<div class="gmail_attr">On x wrote:</div>old`, MarkPreamble, "On x wrote:"},
		{`new<div class="moz-cite-prefix">On x wrote:<br></div>old`, MarkPreamble, "On x wrote:"},
		{`new<hr><div id="divRplyFwdMsg"><b>From:</b> x</div>old`, MarkReply, "From: x"},
		{`new<div id="x_divRplyFwdMsg"><b>From:</b> x</div>old`, MarkReply, "From: x"},
		{`new<span id="OLK_SRC_BODY_SECTION"><div>old</div></span>`, MarkQuote, "old"},
		{`new<div class="yahoo_quoted" id="yahoo_quoted_1">old</div>`, MarkQuote, "old"},
		{`new<div class="protonmail_quote">old</div>`, MarkQuote, "old"},
		{`new<div class="a gmail_signature b">Ann</div>`, MarkSignature, "Ann"},
	} {
		r := Render(c.in, Options{})
		if len(r.Marks) != 1 {
			t.Errorf("%s: marks %+v, want one", c.in, r.Marks)
			continue
		}
		m := r.Marks[0]
		if got := r.Display[m.Start:m.End]; got != c.want || m.Kind != c.kind {
			t.Errorf("%s: mark %d %q, want %d %q", c.in, m.Kind, got, c.kind, c.want)
		}
	}
}

func TestTitleAndAlts(t *testing.T) {
	r := Render("<title> Sign&nbsp;in\n to <b>Example</title><title>second</title>a<img src=x alt=' Example  logo '><img alt=''>", Options{})
	if want := "Sign in to <b>Example"; r.Title != want {
		t.Errorf("Title = %q, want %q", r.Title, want)
	}
	if d := cmp.Diff([]Alt{{Text: "Example  logo", Offset: 1, Visible: true}}, r.Alts); d != "" {
		t.Errorf("Alts (-want +got):\n%s", d)
	}
}

// Every bound is reported, and none lets the work grow faster than the input.
func TestBounds(t *testing.T) {
	const n = 100_000
	for _, c := range []struct {
		name, in, want string
	}{
		{"input", strings.Repeat("a ", DefaultMaxInput/2+1), "input"},
		{"depth", strings.Repeat("<div>", n), "depth"},
		{"depth of unknown elements", strings.Repeat("<x>", n) + strings.Repeat("</x>", n), "depth"},
		{"depth of tables", strings.Repeat("<table><tr><td>", n), "depth"},
		{"references", strings.Repeat("<a href=x>y</a>", n), "references"},
		{"marks", strings.Repeat("<blockquote type=cite>x</blockquote>", 2000), "marks"},
		{"forms", strings.Repeat("<form></form>", 2000), "forms"},
		{"fields", strings.Repeat("<input>", 2000), "fields"},
		{"alts", strings.Repeat("<img alt=x>", 5000), "alts"},
		{"runs", strings.Repeat("<b style=display:none>x</b>y", 5000), "hidden-runs"},
		{"rules", "<style>" + strings.Repeat(".x{color:red}", 5000) + "</style>", "rules"},
		{"rule matches", "<style>" + strings.Repeat(".x .x .x{color:red}", 4000) + "</style>" + strings.Repeat("<b class=x>", 5000), "rules"},
		{"class", "<style>.x{color:red}</style><p class='" + strings.Repeat("y ", 1000) + "x'>z", "class"},
		{"url", "<img src='data:," + strings.Repeat("x", 1<<17) + "'>", "url"},
		{"misnesting", strings.Repeat(strings.Repeat("<b><div>", 200)+strings.Repeat("</b>", 200)+strings.Repeat("</div>", 200), 50), "misnesting"},
	} {
		r := Render(c.in, Options{})
		found := false
		for _, name := range r.Truncated {
			found = found || name == c.want
		}
		if !found {
			t.Errorf("%s: Truncated = %q, want %q among them", c.name, r.Truncated, c.want)
		}
	}
}
