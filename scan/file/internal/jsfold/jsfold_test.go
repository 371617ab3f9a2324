package jsfold

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// carried is what the scripts of the tests put together: the bytes of no file,
// but of a zip by their beginning.
func carried() []byte {
	b := []byte("PK\x03\x04")
	for i := range 200 {
		b = append(b, byte(i*7), byte(255-i))
	}
	return b
}

// Scripts that put a file together are folded to the file, its name and type.
func TestFoldFiles(t *testing.T) {
	data := carried()
	b64 := base64.StdEncoding.EncodeToString(data)
	var codes, xored, hex, percent []string
	for _, c := range data {
		codes = append(codes, fmt.Sprint(c))
		xored = append(xored, fmt.Sprint(c^0x5a))
		hex = append(hex, fmt.Sprintf(`\x%02x`, c))
		percent = append(percent, fmt.Sprintf("%%%02x", c))
	}
	reversed := []byte(b64)
	slices.Reverse(reversed)
	save := `var u = URL.createObjectURL(b); var a = document.createElement('a'); a.href = u; a.download = 'invite.zip'; document.body.appendChild(a); a.click();`
	blob := `var b = new Blob([bytes], {type: 'application/zip'});` + save
	toBytes := `function f(s){ var n = s.length, out = new Uint8Array(n); for (var i = 0; i < n; i++) { out[i] = s.charCodeAt(i); } return out }; var bytes = f(s);`
	for _, tt := range []struct{ name, script string }{
		{"atob", `var s = atob("` + b64 + `");` + toBytes + blob},
		{"window.atob by a string", `var s = window["at"+"ob"]("` + b64 + `");` + toBytes + blob},
		{"parts joined", `var p = ["` + b64[:100] + `","` + b64[100:200] + `","` + b64[200:] + `"]; var s = atob(p.join(''));` + toBytes + blob},
		{"a long sum", `var s = atob("` + strings.Join(chunks(b64, 1), `"+"`) + `");` + toBytes + blob},
		{"reversed", `var s = atob("` + string(reversed) + `".split("").reverse().join(""));` + toBytes + blob},
		{"replaced", `var s = atob("` + strings.ReplaceAll(b64, "A", "#@") + `".replace(/#@/g, "A"));` + toBytes + blob},
		{"split and join", `var s = atob("` + strings.ReplaceAll(b64, "B", "!!") + `".split("!!").join("B"));` + toBytes + blob},
		{"hexadecimal escapes", `var s = "` + strings.Join(hex, "") + `";` + toBytes + blob},
		{"unescape", `var s = unescape("` + strings.Join(percent, "") + `");` + toBytes + blob},
		{"list of codes", `var bytes = new Uint8Array([` + strings.Join(codes, ",") + `]);` + blob},
		{"fromCharCode applied", `var s = String.fromCharCode.apply(null, [` + strings.Join(codes, ",") + `]);` + toBytes + blob},
		{"codes under a key", `var k = 0x5a, d = [` + strings.Join(xored, ",") + `]; var s = ''; for (var i in d) s += String.fromCharCode(d[i] ^ k);` + toBytes + blob},
		{"map with an arrow", `const d = [` + strings.Join(xored, ",") + `]; const bytes = Uint8Array.from(d.map(c => c ^ 90));` + blob},
		{"Uint8Array.from of atob", `const bytes = Uint8Array.from(atob("` + b64 + `"), c => c.charCodeAt(0));` + blob},
		{"template", "const s = atob(`" + b64[:40] + "${'" + b64[40:80] + "'}" + b64[80:] + "`);" + toBytes + blob},
		{"eval of atob", `eval(atob("` + base64.StdEncoding.EncodeToString([]byte(`var s = atob("`+b64+`");`+toBytes+blob)) + `"))`},
		{"made function", `Function(unescape("` + percentEncode(`var s = atob("`+b64+`");`+toBytes+blob) + `"))()`},
		{"a timer", `setTimeout(function(){ var s = atob("` + b64 + `");` + toBytes + blob + `}, 500)`},
		{"a function that only a click calls", `function go(){ var s = atob("` + b64 + `");` + toBytes + blob + `}`},
		{"behind a question", `if (navigator.webdriver) { throw 1 } window.addEventListener('load', () => { var s = atob("` + b64 + `");` + toBytes + blob + `})`},
		{"fetch of a data URL", `var a = document.createElement('a'); a.href = 'data:application/zip;base64,` + b64 + `'; a.setAttribute('download', 'x.zip'); a.download = 'invite.zip'; a.click();`},
		{"own decoder of base64", `var t="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", i="` + b64 + `", s="", q=0;
			while(q<i.length){var a1=t.indexOf(i.charAt(q++)),b1=t.indexOf(i.charAt(q++)),c1=t.indexOf(i.charAt(q++)),d1=t.indexOf(i.charAt(q++));
			s+=String.fromCharCode((a1<<2)|(b1>>4)); if(c1!=-1)s+=String.fromCharCode(((b1&15)<<4)|(c1>>2)); if(d1!=-1)s+=String.fromCharCode(((c1&3)<<6)|d1);}` + toBytes + blob},
		{"rotated list of strings", `var l=["` + b64[:30] + `","atob","` + b64[30:] + `"]; (function(a,n){ while(--n) a.push(a.shift()) })(l, 2); function g(i){ return l[i-1] }; var s = window[g(1)](g(3)+g(2));` + toBytes + blob},
		{"object of strings", `var o = {k: {v: "` + b64 + `"}, d: function(x){ return atob(x) }}; var s = o['d'](o.k["v"]);` + toBytes + blob},
		{"msSaveBlob", `var s = atob("` + b64 + `");` + toBytes + `var b = new Blob([bytes]); if (navigator.msSaveOrOpenBlob) { navigator.msSaveOrOpenBlob(b, "invite.zip") }`},
		{"File", `var s = atob("` + b64 + `");` + toBytes + `var b = new File([bytes], "invite.zip");` + save},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Fold(t.Context(), nil, []byte(tt.script))
			for _, f := range r.Files {
				got := f.Data
				if f.IsDataURL() {
					if want := "data:application/zip;base64," + b64; string(got) == want && f.Name == "invite.zip" {
						return
					}
				}
				if string(got) == string(data) && f.Name == "invite.zip" && f.Saved {
					return
				}
			}
			t.Errorf("found %d files %.300s, signs %v, problems %v", len(r.Files), fmt.Sprint(r.Files), r.Signs, r.Problems)
		})
	}
}

// A payload that stands elsewhere in the page is found where scripts read it.
func TestFoldPage(t *testing.T) {
	data := carried()
	b64 := base64.StdEncoding.EncodeToString(data)
	page := map[string]Element{
		"d": {Tag: "div", Text: b64, Attrs: map[string]string{"data-x": b64, "title": b64}},
		"i": {Tag: "input", Attrs: map[string]string{"value": b64}},
	}
	for _, read := range []string{
		`document.getElementById("d").innerText`, `document.querySelector('#d').textContent`, `document.getElementById("d").getAttribute("title")`,
		`document.getElementById("d").dataset.x`, `document.getElementById("i").value`, `d.innerHTML`, `$("#i").val()`,
	} {
		r := Fold(t.Context(), page, []byte(`new Blob([Uint8Array.from(atob(`+read+`), c => c.charCodeAt(0))])`))
		if len(r.Files) != 1 || string(r.Files[0].Data) != string(data) {
			t.Errorf("%s: found %d files, problems %v", read, len(r.Files), r.Problems)
		}
	}
}

func chunks(s string, n int) []string {
	var out []string
	for ; len(s) > n; s = s[n:] {
		out = append(out, s[:n])
	}
	return append(out, s)
}

func percentEncode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// Where a script would go, what it would ask, write and start is noted.
func TestFoldNotes(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		get          func(Report) []string
		want         []string
	}{
		{"location", `location = "https://" + "a.example" + "/x"`, func(r Report) []string { return r.Goes }, []string{"https://a.example/x"}},
		{"location.href", `window.location.href = atob("aHR0cHM6Ly9hLmV4YW1wbGUv")`, func(r Report) []string { return r.Goes }, []string{"https://a.example/"}},
		{"top.location.replace", `top.location.replace(["https:", "", "a.example"].join("/"))`, func(r Report) []string { return r.Goes }, []string{"https://a.example"}},
		{"an address with what is unknown", `var e = document.getElementById("e").value; document.location = "https://a.example/?e=" + e`, func(r Report) []string { return r.Goes }, []string{"https://a.example/?e="}},
		{"window.open", `window.open("https://a.example/")`, func(r Report) []string { return r.Goes }, []string{"https://a.example/"}},
		{"fetch", `fetch("https://a.example/" + "post", {method: "POST"}).then(function(r){ location = "https://b.example/" })`, func(r Report) []string { return append(r.Asks, r.Goes...) }, []string{"https://a.example/post", "https://b.example/"}},
		{"a request", `var h = new XMLHttpRequest(); h.open("POST", "https://a.example/p.php"); h.send(1)`, func(r Report) []string { return r.Asks }, []string{"https://a.example/p.php"}},
		{"jQuery", `$.ajax({type: "POST", url: "https://a.example/p.php", success: function(){ location.href = "https://b.example/" }})`, func(r Report) []string { return append(r.Asks, r.Goes...) }, []string{"https://a.example/p.php", "https://b.example/"}},
		{"written markup", `document.write(unescape("%3Cform%20action%3Dx%3E"))`, func(r Report) []string { return r.Markup }, []string{"<form action=x>"}},
		{"innerHTML", `document.body.innerHTML = "<b>" + 1 + "</b>"`, func(r Report) []string { return r.Markup }, []string{"<b>1</b>"}},
		{"both sides of an unknown question", `location = isPhone() ? "https://a.example/" : "https://b.example/"`, func(r Report) []string { return r.Goes }, []string{"https://a.example/"}},
		{"a program of Windows", `new ActiveXObject("WScript" + ".Shell").Run("cmd /c " + "calc", 0)`, func(r Report) []string {
			var out []string
			for _, c := range r.Calls {
				out = append(out, c.Object+" "+c.Method+" "+strings.Join(c.Args, " "))
			}
			return out
		}, []string{"WScript.Shell  ", "WScript.Shell Run cmd /c calc 0"}},
		{"code of code", `eval("eval('location=\"https://a.example/\"')")`, func(r Report) []string { return r.Goes }, []string{"https://a.example/"}},
		{"destructured", `const {a, b: [c]} = {a: "https://", b: ["a.example"]}; location = a + c`, func(r Report) []string { return r.Goes }, []string{"https://a.example"}},
		{"switch and spread", `function f(...p){ switch (p[0]) { case 1: return "no"; case 2: return p.slice(1).join("") } } location = f(2, ...["https://", "a.example"])`, func(r Report) []string { return r.Goes }, []string{"https://a.example"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Fold(t.Context(), nil, []byte(tt.script))
			if d := cmp.Diff(tt.want, tt.get(r)); d != "" {
				t.Errorf("%s\nproblems %v", d, r.Problems)
			}
		})
	}
}

// Scripts made to keep a reader busy end at a bound.
func TestFoldBounds(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"for ever", `while (true) {}`, "steps"},
		{"a doubling string", `var s = "aaaaaaaa"; while (true) s += s;`, "longer"},
		{"a repeated string", `"aaaaaaaa".repeat(1e9)`, "longer"},
		{"a padded string", `"a".padEnd(2e9)`, "longer"},
		{"calls without end", `function f(){ return f() + 1 }; f()`, "nested or calls itself"},
		{"a list without end", `var l = []; for (;;) l.push(l, l, l, l);`, "steps"},
		{"a list of itself", `var l = []; l.push(l); l.join()`, "nested or calls itself"},
		{"a distant member", `var l = []; l[4e8] = 1`, "larger than what is in it"},
		{"a large array", `for (;;) new Uint8Array(2e7)`, ""},
		{"a sort that never ends", `var l = []; for (var i = 0; i < 1e5; i++) l.push(i ^ 0x5555); l.sort(function(a, b){ return Math.sin(a) })`, ""},
		{"a regular expression", `var s = "a".repeat(1e6); for (;;) s.replace(/(a+)+b/g, "c")`, "steps"},
		{"a replace that grows", `var s = "a"; for (;;) s = s.replace(/a/g, "aaaa")`, ""},
		{"code of itself", `var s = "eval(s)"; eval(s)`, ""},
		{"deep nesting", strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000), "cannot be read"},
		{"a search that fails late", `var n = "a".repeat(1e5) + "b", h = "a".repeat(4e6); for (;;) h.lastIndexOf(n)`, "steps"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Fold(t.Context(), nil, []byte(tt.script))
			if !strings.Contains(strings.Join(r.Problems, "\n"), tt.want) {
				t.Errorf("problems %q, want %q", r.Problems, tt.want)
			}
		})
	}
}

func FuzzFold(f *testing.F) {
	f.Add([]byte(`var s = atob("UEsDBA=="), a = [1,2,3].map(c => c ^ 1); for (var i in a) s += String.fromCharCode(a[i]); location = s.split("").reverse().join("")`))
	f.Add([]byte("const {a, ...b} = {a: `x${1}`}; switch (a) { case 1: break; default: try { throw a } catch (e) { eval(e) } }"))
	f.Add([]byte(`new Blob([new Uint8Array([1,2])]); document.createElement('a').download = 'x'; "a".replace(/(a)/g, "$1$1")`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Fold(t.Context(), nil, b)
		for _, list := range [][]string{r.Goes, r.Asks, r.Loads, r.Markup, r.Code, r.Problems} {
			if len(list) > maxNotes {
				t.Fatalf("%d notes", len(list))
			}
		}
	})
}

func BenchmarkFold(b *testing.B) {
	b64 := base64.StdEncoding.EncodeToString(make([]byte, 1<<20))
	script := []byte(`var s = atob("` + b64 + `"), n = s.length, out = new Uint8Array(n); for (var i = 0; i < n; i++) out[i] = s.charCodeAt(i); new Blob([out])`)
	b.SetBytes(int64(len(script)))
	for b.Loop() {
		Fold(b.Context(), nil, script)
	}
}
