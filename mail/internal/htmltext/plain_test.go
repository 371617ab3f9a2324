package htmltext

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlainReferences(t *testing.T) {
	type ref struct {
		Kind PlainKind
		URL  string
	}
	for _, c := range []struct {
		in   string
		want []ref
	}{
		{"nothing to see here. Really.", nil},
		{"see https://a.example.com/x?y=1#z.", []ref{{PlainURL, "https://a.example.com/x?y=1#z"}}},
		{"(see https://example.com/a_(b)), ok", []ref{{PlainURL, "https://example.com/a_(b)"}}},
		{"[text](https://example.com/x)", []ref{{PlainURL, "https://example.com/x"}}},
		{"<https://example.com/x>;", []ref{{PlainURL, "https://example.com/x"}}},
		{"<https://example.com/\n very long>", []ref{{PlainURL, "https://example.com/"}}},
		{"<https://example.com/ab\r\ncd/ef>", []ref{{PlainURL, "https://example.com/abcd/ef"}}},
		{"https://example.com/ab\ncd", []ref{{PlainURL, "https://example.com/ab"}}},
		{`"https://example.com/x", 'https://example.org'!`, []ref{{PlainURL, "https://example.com/x"}, {PlainURL, "https://example.org"}}},
		{"HTTPS://EXAMPLE.COM/ and ftp://example.com/f", []ref{{PlainURL, "HTTPS://EXAMPLE.COM/"}, {PlainURL, "ftp://example.com/f"}}},
		{"hxxp://example.com/x hxxps://bad[.]example", nil},
		{"http://192.0.2.7:8080/x http://[2001:db8::1]/ http://2130706433/", []ref{{PlainURL, "http://192.0.2.7:8080/x"}, {PlainURL, "http://[2001:db8::1]/"}, {PlainURL, "http://2130706433/"}}},
		{"http://user:pw@example.com/", []ref{{PlainURL, "http://user:pw@example.com/"}}},
		{"javascript://example.com/ foo://bar.example.com", nil},
		{"https://", nil},
		{"https:// example.com", []ref{{PlainHost, "example.com"}}},
		{"a,https://example.com,https://example.org;", []ref{{PlainURL, "https://example.com"}, {PlainURL, "https://example.org"}}},
		{"https://safe.example.com/?url=https://example.org/x", []ref{{PlainURL, "https://safe.example.com/?url=https://example.org/x"}}},
		{"请访问https://example.com/abc。谢谢", []ref{{PlainURL, "https://example.com/abc"}}},
		{"访问https://example.com谢谢", []ref{{PlainURL, "https://example.com"}}},
		{"https://münchen.de/straße, https://пример.рф/", []ref{{PlainURL, "https://münchen.de/straße"}, {PlainURL, "https://пример.рф/"}}},
		{"go to www.example.com/login, or example.com.", []ref{{PlainHost, "www.example.com/login"}, {PlainHost, "example.com"}}},
		{"bit.ly/3abc example.co.uk:8080/x?y", []ref{{PlainHost, "bit.ly/3abc"}, {PlainHost, "example.co.uk:8080/x?y"}}},
		{"e.g. this.That done.In file.zip setup.py v1.2.3 10.0.0.1 a.b", nil},
		{"file.zip/download", []ref{{PlainHost, "file.zip/download"}}},
		{"mail ann.lee+x@example.com, or mailto:bob@example.org?subject=x.", []ref{{PlainEmail, "ann.lee+x@example.com"}, {PlainURL, "mailto:bob@example.org?subject=x"}}},
		{"Ann <ann@example.com>", []ref{{PlainEmail, "ann@example.com"}}},
		{"ann@example @example.com ann@@example.com ann@localhost", nil},
		{"/usr/lib/python.org/x C:\\a\\example.com", nil},
		{"one…https://example.com…two", []ref{{PlainURL, "https://example.com"}}},
		{"*https://example.com/* _https://example.com/_", []ref{{PlainURL, "https://example.com/"}, {PlainURL, "https://example.com/"}}},
	} {
		var got []ref
		for _, r := range PlainReferences(c.in) {
			got = append(got, ref{r.Kind, r.URL})
			if at := c.in[r.Start:r.End]; at != r.URL && cleanURL(at) != r.URL {
				t.Errorf("%q: range %q for %q", c.in, at, r.URL)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.in, d)
		}
	}
}

func TestPlainReferencesBound(t *testing.T) {
	for _, unit := range []string{"https://example.com ", "https://example.com谢", "a@example.com,", "example.com;"} {
		if n := len(PlainReferences(strings.Repeat(unit, 3000))); n != maxPlainReferences {
			t.Errorf("%q: %d references, want %d", unit, n, maxPlainReferences)
		}
	}
}

// Words without end must not be read again for every reference in them: at
// a megabyte, quadratic work would take minutes.
func TestPlainReferencesLongWords(t *testing.T) {
	for _, unit := range []string{"http://a.com谢", "http://!", "http://a((", "a@", "a.", "a:", "mailto:", "<http://a.b\n", "http://a;http"} {
		text := strings.Repeat(unit, (1<<20)/len(unit))
		if n := len(PlainReferences(text)); n > maxPlainReferences {
			t.Errorf("%q: %d references", unit, n)
		}
	}
}
