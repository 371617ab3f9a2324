package htmltext

import (
	"strings"
	"testing"
)

func FuzzRender(f *testing.F) {
	for _, s := range []string{
		"<p>a<b style='color:#fff'>b</b></p>",
		"<style>.a .b>c,#d{display:none!important}@media (max-width:1px){.b{display:block}}</style><c class='a b'>x",
		"<table><tr><td><a href='x&#10;y'>z</a><table></table></table>",
		"<!--[if mso]><a href=x>y</a><![endif]--><svg><a xlink:href=x><![CDATA[q]]></svg>",
		"<form action=x><input type=password><select><option>a</select><textarea>&lt;</textarea>",
		"<b><div></b></p></div><script><!--<script></script>--></script><plaintext>",
		"<blockquote type=cite><blockquote class=gmail_quote>x</blockquote>&zwnj;&nbsp;&#x80;&#99999999;&am",
		"<img srcset='a 1x,, b' width=0><meta http-equiv=refresh content='0;url=\"x'><p style='font:0/0 a;background:url(x'>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		r := Render(src, Options{})
		// An entity of five bytes ("&nGt;") becomes six; separators come on top.
		limit := 4*len(src) + 64
		if len(r.Display) > limit || len(r.Inner) > limit || len(r.Hidden) > limit {
			t.Fatalf("%d bytes became %d, %d, %d", len(src), len(r.Display), len(r.Inner), len(r.Hidden))
		}
		if len(r.References) > DefaultMaxReferences {
			t.Fatalf("%d references", len(r.References))
		}
		for _, x := range r.References {
			if x.Offset < 0 || x.End < x.Offset || x.End > len(r.Display) || x.URL == "" {
				t.Fatalf("reference %+v of %d bytes", x, len(r.Display))
			}
			if strings.ContainsAny(x.URL, "\n\t\r") {
				t.Fatalf("URL %q", x.URL)
			}
		}
		for _, m := range r.Marks {
			if m.Start < 0 || m.End < m.Start || m.End > len(r.Display) {
				t.Fatalf("mark %+v of %d bytes", m, len(r.Display))
			}
		}
		for _, h := range r.HiddenRuns {
			if h.Offset < 0 || h.Offset > len(r.Display) || h.Text == "" || h.Reason == "" {
				t.Fatalf("run %+v of %d bytes", h, len(r.Display))
			}
		}
	})
}

func FuzzPlainReferences(f *testing.F) {
	for _, s := range []string{
		"see https://example.com/a_(b)), www.example.com.", "<https://example.com/a\nb>", "a@example.com,b@@c",
		"mailto:x@example.com http://http://", "访问https://example.com谢谢。", "((((example.com))))...", "://x www.…",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, r := range PlainReferences(text) {
			if r.Start < end || r.End <= r.Start || r.End > len(text) || r.URL == "" {
				t.Fatalf("reference %+v after %d", r, end)
			}
			end = r.End
		}
	})
}

// newsletter is HTML of the kind that newsletter tools write: layout tables,
// style attributes, a style sheet with media queries, a preheader, conditional
// comments.
func newsletter(rows int) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html><head><title>News</title><style>
body{margin:0;padding:0}.wrap{width:600px}.h1 a{color:#224466;text-decoration:none}
@media only screen and (max-width:600px){.wrap{width:100%!important}.hide{display:none!important}}
</style></head><body style="margin:0;background-color:#f4f4f4">
<div style="display:none;max-height:0;overflow:hidden">What is new this week &zwnj;&nbsp;&zwnj;&nbsp;</div>
<!--[if mso]><table width="600"><tr><td><![endif]-->`)
	for range rows {
		b.WriteString(`<table class="wrap" role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" bgcolor="#ffffff">
<tr><td class="h1" align="left" style="padding:20px 30px 10px 30px;font-family:Arial,Helvetica,sans-serif;font-size:22px;line-height:28px;color:#224466">
<a href="https://news.example.com/c/abc123?u=1&amp;v=2" target="_blank">A headline of this week</a></td></tr>
<tr><td style="padding:0 30px 20px 30px;font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:22px;color:#333333">
<img src="https://img.example.com/i/1.png" width="540" height="200" alt="A picture" style="display:block;border:0">
Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua &ndash; ut enim ad minim veniam.</td></tr></table>
`)
	}
	b.WriteString("</body></html>")
	return b.String()
}

func BenchmarkRender(b *testing.B) {
	for _, c := range []struct{ name, src string }{
		{"newsletter-15kB", newsletter(14)},
		{"newsletter-100kB", newsletter(100)},
		{"text-15kB", strings.Repeat("<p>A paragraph of plain words, and no more than that.</p>\n", 260)},
		{"nested-tables", strings.Repeat("<table><tr><td>", 5000)},
		{"open-divs", strings.Repeat("<div>", 100_000)},
		{"stray-end-tags", strings.Repeat("<b>", 500) + strings.Repeat("</i></b2>", 50_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.src)))
			b.ReportAllocs()
			for b.Loop() {
				Render(c.src, Options{})
			}
		})
	}
}

func BenchmarkPlainReferences(b *testing.B) {
	prose := strings.Repeat("Please read the notes of Monday, then answer by Friday. See https://example.com/notes/17 or ask ann@example.com.\n", 100)
	dots := strings.Repeat("a.b.", 5000)
	for _, c := range []struct{ name, text string }{{"prose", prose}, {"dots", dots}, {"schemes", strings.Repeat("http://", 3000)}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				PlainReferences(c.text)
			}
		})
	}
}
