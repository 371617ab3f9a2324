package weburl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"foregate/mail"
)

// brief writes a URL's parts in one line, so that tables stay readable:
// scheme|user|password|host|port|path|query|fragment.
func brief(u mail.URL) string {
	host := ""
	if u.Domain != nil {
		host = u.Domain.Domain
	}
	if u.IP != nil {
		host = "ip:" + u.IP.IP
		if t := u.IP.Translation; t != nil {
			host += "<" + t.Original + " " + strings.Join(t.Encoders, ",") + ">"
			if t.V4ToV6 {
				host += "v6"
			}
		}
	}
	return strings.Join([]string{u.Scheme, u.Username, u.Password, host, itoa(u.Port), u.Path, u.QueryParams, u.Fragment}, "|")
}

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in, want string
		ok       bool
	}{
		{"https://www.example.com/a/b?x=1&y=2#top", "https|||www.example.com|443|/a/b|x=1&y=2|top", true},
		{"HTTP://EXAMPLE.com", "http|||example.com|80|||", true},
		{"http://example.com:8080/", "http|||example.com|8080|/||", true},
		{"http://example.com:/", "http|||example.com|80|/||", true},
		{"http://example.com:99999/", "http|||example.com|80|/||", false},
		// What browsers take for slashes, and leave out.
		{`https:\\example.com\login`, "https|||example.com|443|/login||", true},
		{`http:/\example.com/x`, "http|||example.com|80|/x||", true},
		{"https:example.com/x", "https|||example.com|443|/x||", true},
		{"http:////example.com//x", "http|||example.com|80|//x||", true},
		{"  ht\ntps://exa\tmple.com/\r\n ", "https|||example.com|443|/||", true},
		{"//example.com/x", "https|||example.com|443|/x||", true},
		{`\\files.example.com\share\x.exe`, "file|||files.example.com|0|/share/x.exe||", true},
		{"file:///C:/x", "file||||0|/C:/x||", true},
		{"file://files.example.com/share", "file|||files.example.com|0|/share||", true},
		// User info that looks like a host.
		{"https://www.bank.example@evil.example.com/", "https|www.bank.example||evil.example.com|443|/||", true},
		{"https://a:b@c:d@evil.example.com/", "https|a|b@c:d|evil.example.com|443|/||", true},
		{"https://user%40bank.example:p%3Aw@evil.example.com", "https|user@bank.example|p:w|evil.example.com|443|||", true},
		{`https://bank.example.com\@evil.example.com`, "https|||bank.example.com|443|/@evil.example.com||", true},
		// Hosts in disguise.
		{"https://%65xample.com/", "https|||example.com|443|/||", true},
		{"https://ｅxample。com/", "https|||example.com|443|/||", true},
		{"https://münchen.example.com/", "https|||xn--mnchen-3ya.example.com|443|/||", true},
		{"https://exa mple.com/", "https|||exa mple.com|443|/||", false},
		{"https://a_b.example.com/", "https|||a_b.example.com|443|/||", true},
		{"https:///", "https||||443|||", false},
		{"https://localhost/x", "https|||localhost|443|/x||", true},
		// Addresses in every spelling.
		{"http://192.0.2.1/", "http|||ip:192.0.2.1|80|/||", true},
		{"http://3221225985/", "http|||ip:192.0.2.1<3221225985 decimal_integer>|80|/||", true},
		{"http://0300.0.02.01/", "http|||ip:192.0.2.1<0300.0.02.01 octal>|80|/||", true},
		{"http://0xC0.0x0.0x2.0x1/", "http|||ip:192.0.2.1<0xC0.0x0.0x2.0x1 hexadecimal>|80|/||", true},
		{"http://0xC0000201/", "http|||ip:192.0.2.1<0xC0000201 hexadecimal>|80|/||", true},
		{"http://192.513/", "http|||ip:192.0.2.1<192.513 short>|80|/||", true},
		{"http://0300.0x0.513/", "http|||ip:192.0.2.1<0300.0x0.513 octal,hexadecimal>|80|/||", true},
		{"http://192.0.2.1./", "http|||ip:192.0.2.1<192.0.2.1. >|80|/||", true},
		{"http://１９２.0.2.1/", "http|||ip:192.0.2.1<１９２.0.2.1 >|80|/||", true},
		{"http://192.0.2.256/", "http|||192.0.2.256|80|/||", false},
		{"http://[2001:DB8::1]:8080/x", "http|||ip:2001:db8::1|8080|/x||", true},
		{"http://[::ffff:192.0.2.1]/", "http|||ip:192.0.2.1<::ffff:192.0.2.1 >v6|80|/||", true},
		{"http://[::ffff:c000:201]/", "http|||ip:192.0.2.1<::ffff:c000:201 >v6|80|/||", true},
		{"http://[nonsense]/", "http|||[nonsense]|80|/||", false},
		// No scheme.
		{"www.example.com/x?y", "http|||www.example.com|80|/x|y|", true},
		{"example.com:8080/x", "http|||example.com|8080|/x||", true},
		{"page.html", "||||0|page.html||", false},
		{"/path?x=1", "||||0|/path|x=1|", false},
		{"#top", "||||0|||top", false},
		{"", "||||0|||", false},
		// Schemes without hosts.
		{"javascript:alert('?#')", "javascript||||0|alert('?#')||", true},
		{"JaVa\tScript:alert(1)", "javascript||||0|alert(1)||", true},
		{"data:text/html;base64,PGI+", "data||||0|text/html;base64,PGI+||", true},
		{"mailto:info@example.com?subject=Hi", "mailto|info||example.com|0|info@example.com|subject=Hi|", true},
		{"mailto:a%40b@example.com,c@example.org", "mailto|a@b||example.com|0|a%40b@example.com,c@example.org||", true},
		{"tel:+15550100", "tel||||0|+15550100||", true},
		{"blob:https://example.com/1-2-3", "blob|||example.com|443|https://example.com/1-2-3||", true},
		{"custom://host.example.com/x", "custom|||host.example.com|0|/x||", true},
		{"ttp://example.com/x", "ttp|||example.com|0|/x||", true},
	} {
		u, ok := Parse(tc.in)
		if got := brief(u); got != tc.want || ok != tc.ok {
			t.Errorf("Parse(%q)\n got %s %v\nwant %s %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

func TestParseURLField(t *testing.T) {
	for in, want := range map[string]string{
		"HTTPS://Example.COM:443\\a?b#c":   "https://example.com/a?b#c",
		"https://user:pw@example.com:8443": "https://user:pw@example.com:8443",
		"http://3221225985/x":              "http://192.0.2.1/x",
		"http://[2001:db8::1]/":            "http://[2001:db8::1]/",
		"www.example.com":                  "http://www.example.com",
		"https://exa mple.com/x":           "https://exa mple.com/x",
		"https://a@b:c:d%0A@example.com/":  "https://a%40b:c%3Ad%0A@example.com/",
		"https://example.com. /":           "https://example.com/",
		"https://example.com/a\u200b?#":    "https://example.com/a",
	} {
		if u, _ := Parse(in); u.URL != want {
			t.Errorf("Parse(%q).URL = %q, want %q", in, u.URL, want)
		}
	}
	if u, _ := Parse("https://example.com/" + strings.Repeat("a", 2*MaxURL)); len(u.URL) > MaxURL {
		t.Errorf("URL of %d bytes, want at most %d", len(u.URL), MaxURL)
	}
}

func TestResolve(t *testing.T) {
	base, ok := Parse("https://example.com/dir/page.html?q=1#f")
	if !ok {
		t.Fatal("base does not parse")
	}
	for in, want := range map[string]string{
		"other.html":           "https://example.com/dir/other.html",
		"../up":                "https://example.com/up",
		"./a/../b":             "https://example.com/dir/b",
		"../../../up/":         "https://example.com/up/",
		"/root?x":              "https://example.com/root?x",
		"?x=2":                 "https://example.com/dir/page.html?x=2",
		"#g":                   "https://example.com/dir/page.html?q=1#g",
		"//other.example.org":  "https://other.example.org",
		"https:rel":            "https://example.com/dir/rel",
		"http://example.net/x": "http://example.net/x",
		"mailto:a@example.com": "mailto:a@example.com",
		"www.example.org/x":    "https://example.com/dir/www.example.org/x",
	} {
		if u, ok := Resolve(in, &base); !ok || u.URL != want {
			t.Errorf("Resolve(%q) = %q %v, want %q", in, u.URL, ok, want)
		}
	}
}

func TestQuery(t *testing.T) {
	u, _ := Parse("https://example.com/?a=1&a=2&b=x+y%20z&c&%zz=%e4&=e&&d=a=b")
	want := map[string][]string{"a": {"1", "2"}, "b": {"x y z"}, "c": {""}, "%zz": {"\uFFFD"}, "": {"e"}, "d": {"a=b"}}
	if diff := cmp.Diff(want, u.QueryParamsDecoded); diff != "" {
		t.Errorf("decoded parameters (-want +got):\n%s", diff)
	}
	u, _ = Parse("https://example.com/?" + strings.Repeat("a=1&", 2*maxParams))
	if n := len(u.QueryParamsDecoded["a"]); n != maxParams {
		t.Errorf("%d parameters decoded, want %d", n, maxParams)
	}
}

// TestParseIsStable: a URL that a browser takes, written back, parses to the
// same parts.
func TestParseIsStable(t *testing.T) {
	part := rapid.StringMatching(`[a-zA-Z0-9%/\\@:?#=&.;_~<>{}\[\] \x01\t\x{a0}\x{e9}\x{3002}\x{ff05}\x{ff0f}\x{200b}\x{2024}\x{ad}-]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SampledFrom([]string{"http://", "https:", "https:/\\", "//", "file:", "ftp://", "x-y://", "mailto:", ""}).Draw(t, "scheme") +
			part.Draw(t, "before") + rapid.SampledFrom([]string{"example.com", "192.0.2.1", "münchen.de", "0x7f.1", "[::1]", "xn--mnchen-3ya.de", "localhost"}).Draw(t, "host") + part.Draw(t, "after")
		u, ok := Parse(in)
		if !ok {
			return
		}
		again, ok := Parse(u.URL)
		if u.IP != nil && special(u.Scheme) { // the others keep the spelling
			u.IP.Translation = nil
		}
		if diff := cmp.Diff(u, again); !ok || diff != "" {
			t.Fatalf("Parse(%q).URL = %q parses differently, %v (-first +second):\n%s", in, u.URL, ok, diff)
		}
	})
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{
		"https://user:pw@example.com:8080/a?b=c#d", `https:/\example.com`, "http://0x7f.1/", "http://[::ffff:1.2.3.4%25eth0]/",
		"mailto:a@b?c", "blob:https://x.example/", "javascript:1", "//", "a.com:1", "http://%00/", "file:\\\\x\\y", "http://\xff/",
	} {
		f.Add(s)
	}
	base, _ := Parse("https://example.com/a/b")
	f.Fuzz(func(t *testing.T, s string) {
		for _, b := range []*mail.URL{nil, &base} {
			u, ok := Resolve(s, b)
			if ok && u.URL == "" {
				t.Errorf("Resolve(%q) is fine but has no URL", s)
			}
			if len(u.URL) > 4*MaxURL {
				t.Errorf("URL of %d bytes from %d", len(u.URL), len(s))
			}
		}
		DisplayURL(s)
		FirstURL(s)
	})
}

func BenchmarkParse(b *testing.B) {
	for _, s := range []string{"https://www.example.com/path/to/page", "https://click.news.example.co.uk/track?u=1234&id=abcdef&url=https%3A%2F%2Fexample.com%2F#x"} {
		b.Run("", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Parse(s)
			}
		})
	}
}
