package weburl

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
)

func TestLink(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   mail.Mention
		want [5]string // parser, display text, display URL, target, mismatched
		ok   bool
	}{
		{"text", mail.Mention{URL: "https://example.com/a", Text: "  Read more ", Visible: true},
			[5]string{"hyperlink", "Read more", "", "https://example.com/a", "false"}, true},
		{"url as text", mail.Mention{URL: "https://evil.example.org/a", Text: "https://www.example.com/"},
			[5]string{"hyperlink", "", "https://www.example.com/", "https://evil.example.org/a", "true"}, true},
		{"host as text", mail.Mention{URL: "https://www.example.com/a", Text: "Example.com"},
			[5]string{"hyperlink", "", "http://example.com", "https://www.example.com/a", "false"}, true},
		{"wrapped", mail.Mention{URL: "https://x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.example.com%2F", Text: "www.example.com"},
			[5]string{"hyperlink", "", "http://www.example.com", "https://www.example.com/", "false"}, true},
		{"image", mail.Mention{URL: "https://example.com/a"},
			[5]string{"hyperlink", "", "", "https://example.com/a", "false"}, true},
		{"address to an IP", mail.Mention{URL: "http://192.0.2.1/", Text: "www.example.com"},
			[5]string{"hyperlink", "", "http://www.example.com", "http://192.0.2.1/", "false"}, true},
		{"plain URL", mail.Mention{Kind: mail.MentionText, URL: "www.example.com/x", Text: "www.example.com/x"},
			[5]string{"plain", "", "http://www.example.com/x", "http://www.example.com/x", "false"}, true},
		{"plain address", mail.Mention{Kind: mail.MentionText, URL: "info@example.com", Text: "info@example.com"},
			[5]string{"plain", "info@example.com", "", "info@example.com", "false"}, true},
		{"file name", mail.Mention{URL: "https://example.com/a", Text: "invoice.zip"},
			[5]string{"hyperlink", "invoice.zip", "", "https://example.com/a", "false"}, true},
		{"file that is also a host name", mail.Mention{URL: "https://example.com/src/unit.sv", Text: "unit.sv"},
			[5]string{"hyperlink", "unit.sv", "", "https://example.com/src/unit.sv", "false"}, true},
		{"anchor in a drawing", mail.Mention{Kind: mail.MentionSVG, URL: "https://example.com/a", Text: "Open"},
			[5]string{"hyperlink", "Open", "", "https://example.com/a", "false"}, true},
		{"shape in a drawing", mail.Mention{Kind: mail.MentionSVG, URL: "https://example.com/a"}, [5]string{}, false},
		{"jump", mail.Mention{URL: "#top", Text: "up"}, [5]string{}, false},
		{"empty", mail.Mention{URL: " ", Text: "x"}, [5]string{}, false},
		{"image resource", mail.Mention{Kind: mail.MentionImage, URL: "https://example.com/x.png"}, [5]string{}, false},
	} {
		l, ok := Link(tc.in, nil)
		var got [5]string
		if ok {
			got = [5]string{l.Parser, l.DisplayText, "", l.HrefURL.URL, "false"}
			if l.DisplayURL != nil {
				got[2] = l.DisplayURL.URL
			}
			if *l.Mismatched {
				got[4] = "true"
			}
			if *l.Visible != tc.in.Visible {
				t.Errorf("%s: visible is %v", tc.name, *l.Visible)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || ok != tc.ok {
			t.Errorf("%s: ok %v (-want +got):\n%s", tc.name, ok, diff)
		}
	}
	l, _ := Link(mail.Mention{Kind: mail.MentionText, URL: "info@example.com"}, nil)
	if l.HrefURL.Scheme != "mailto" || l.HrefURL.Domain.RootDomain != "example.com" || l.HrefURL.Username != "info" {
		t.Errorf("a plain address gives %+v", l.HrefURL)
	}
}

func TestDisplayURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://example.com/x":       "https://example.com/x",
		"<https://example.com>":       "https://example.com",
		"WWW.Example.COM":             "http://www.example.com",
		"example.co.uk/login":         "http://example.co.uk/login",
		"report.zip/x":                "http://report.zip/x",
		"report.zip":                  "",
		"Click here":                  "",
		"e.g.":                        "",
		"v1.2.3":                      "",
		"user@example.com":            "",
		"see https://example.com now": "",
		"tel:+1555":                   "",
		"Re: hi":                      "",
		"":                            "",
	} {
		u, ok := DisplayURL(in)
		if ok != (want != "") || ok && u.URL != want {
			t.Errorf("DisplayURL(%q) = %q %v, want %q", in, u.URL, ok, want)
		}
	}
}

func TestFirstURL(t *testing.T) {
	for in, want := range map[string]string{
		"Sign in at https://example.com/x today": "https://example.com/x",
		"(www.example.com).":                     "http://www.example.com",
		"Click here":                             "",
		"info@example.com":                       "",
	} {
		if u, ok := FirstURL(in); ok != (want != "") || ok && u.URL != want {
			t.Errorf("FirstURL(%q) = %q %v, want %q", in, u.URL, ok, want)
		}
	}
}

func TestIDNDeceives(t *testing.T) {
	for host, want := range map[string]bool{
		"paypal.com": false, "münchen.de": false, "pаypal.com": true, "аррӏе.com": true, "почта.рф": false, "日本.jp": false,
	} {
		d := mail.NewDomain(host)
		if got := IDNDeceives(&d); got != want {
			t.Errorf("IDNDeceives(%q) = %v, want %v (%s)", host, got, want, d.Domain)
		}
	}
	if IDNDeceives(nil) {
		t.Error("no host deceives nobody")
	}
}
