package domain

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Name
	}{
		{"example.com", Name{Domain: "example.com", RootDomain: "example.com", SLD: "example", TLD: "com", Valid: true}},
		{"WWW.Mail.Example.CO.UK.", Name{Domain: "www.mail.example.co.uk", RootDomain: "example.co.uk", SLD: "example", Subdomain: "www.mail", TLD: "co.uk", Valid: true}},
		{"a.b.github.io", Name{Domain: "a.b.github.io", RootDomain: "b.github.io", SLD: "b", Subdomain: "a", TLD: "github.io", Valid: true}},
		{"github.io", Name{Domain: "github.io", TLD: "github.io", Valid: true}},
		{"co.uk", Name{Domain: "co.uk", TLD: "co.uk", Valid: true}},
		{" \tpadded.example.org\r\n", Name{Domain: "padded.example.org", RootDomain: "example.org", SLD: "example", Subdomain: "padded", TLD: "org", Valid: true}},
		// A label that only a resolver has to accept is no reason to doubt the name.
		{"_dmarc.example.com", Name{Domain: "_dmarc.example.com", RootDomain: "example.com", SLD: "example", Subdomain: "_dmarc", TLD: "com", Valid: true}},
		{"-a.b-.example.com", Name{Domain: "-a.b-.example.com", RootDomain: "example.com", SLD: "example", Subdomain: "-a.b-", TLD: "com", Valid: true}},
		{"my_shop.com", Name{Domain: "my_shop.com", RootDomain: "my_shop.com", SLD: "my_shop", TLD: "com"}},
		{"-example.com", Name{Domain: "-example.com", RootDomain: "-example.com", SLD: "-example", TLD: "com"}},
		// Internationalised, both ways, with the mappings that browsers make.
		{"xn--mnchen-3ya.example.com", Name{Domain: "xn--mnchen-3ya.example.com", Punycode: "münchen.example.com", RootDomain: "example.com", SLD: "example", Subdomain: "xn--mnchen-3ya", TLD: "com", Valid: true}},
		{"MÜNCHEN.de", Name{Domain: "xn--mnchen-3ya.de", Punycode: "münchen.de", RootDomain: "xn--mnchen-3ya.de", SLD: "xn--mnchen-3ya", TLD: "de", Valid: true}},
		{"straße.de", Name{Domain: "xn--strae-oqa.de", Punycode: "straße.de", RootDomain: "xn--strae-oqa.de", SLD: "xn--strae-oqa", TLD: "de", Valid: true}},
		{"ｅｘａｍｐｌｅ．ｃｏｍ", Name{Domain: "example.com", RootDomain: "example.com", SLD: "example", TLD: "com", Valid: true}},
		{"www。example｡com", Name{Domain: "www.example.com", RootDomain: "example.com", SLD: "example", Subdomain: "www", TLD: "com", Valid: true}},
		{"食狮.公司.cn", Name{Domain: "xn--85x722f.xn--55qx5d.cn", Punycode: "食狮.公司.cn", RootDomain: "xn--85x722f.xn--55qx5d.cn", SLD: "xn--85x722f", TLD: "xn--55qx5d.cn", Valid: true}},
		// What is no name.
		{"", Name{}},
		{".", Name{}},
		{"localhost", Name{Domain: "localhost"}},
		{"WIN-bar", Name{Domain: "win-bar"}},
		{"com", Name{Domain: "com"}},
		{"a..example.com", Name{Domain: "a..example.com"}},
		{".example.com", Name{Domain: ".example.com"}},
		{"192.0.2.1", Name{Domain: "192.0.2.1"}},
		{"1.2.3.256", Name{Domain: "1.2.3.256"}},
		{"example.0x7f", Name{Domain: "example.0x7f"}},
		{"2001:db8::1", Name{Domain: "2001:db8::1"}},
		{"[2001:db8::1]", Name{Domain: "[2001:db8::1]"}},
		{"a b.example.com", Name{Domain: "a b.example.com"}},
		{"user@example.com", Name{Domain: "user@example.com"}},
		{"xn--.com", Name{Domain: "xn--.com"}},
		{"xn--zzzzzzzzzzzz99999999.com", Name{Domain: "xn--zzzzzzzzzzzz99999999.com"}},
		{"a℀b.com", Name{Domain: "a℀b.com"}}, // maps to "a/c"
		{strings.Repeat("a", 64) + ".com", Name{Domain: strings.Repeat("a", 64) + ".com"}},
		// An unlisted suffix splits, but isn't valid.
		{"db1.corp.internal", Name{Domain: "db1.corp.internal", RootDomain: "corp.internal", SLD: "corp", Subdomain: "db1", TLD: "internal"}},
	} {
		if diff := cmp.Diff(tc.want, Split(tc.in)); diff != "" {
			t.Errorf("Split(%q) (-want +got):\n%s", tc.in, diff)
		}
	}
}

func TestSplitICANN(t *testing.T) {
	for in, want := range map[string]Name{
		"a.b.github.io":       {Domain: "a.b.github.io", RootDomain: "github.io", SLD: "github", Subdomain: "a.b", TLD: "io", Valid: true},
		"x.s3.amazonaws.com":  {Domain: "x.s3.amazonaws.com", RootDomain: "amazonaws.com", SLD: "amazonaws", Subdomain: "x.s3", TLD: "com", Valid: true},
		"shop.example.co.uk":  {Domain: "shop.example.co.uk", RootDomain: "example.co.uk", SLD: "example", Subdomain: "shop", TLD: "co.uk", Valid: true},
		"a.b.example.invalid": {Domain: "a.b.example.invalid", RootDomain: "example.invalid", SLD: "example", Subdomain: "a.b", TLD: "invalid"},
	} {
		if diff := cmp.Diff(want, SplitICANN(in)); diff != "" {
			t.Errorf("SplitICANN(%q) (-want +got):\n%s", in, diff)
		}
	}
}

// TestPublicSuffixSuite runs the Public Suffix List's own cases. The suite has
// them twice, in the format of list parsers (psl_test_psl.txt) and of
// libraries (psl_tests.txt); the latter is read. Its expected names are in the
// form of the question, ours are A-labels, so both are compared as A-labels.
func TestPublicSuffixSuite(t *testing.T) {
	lines := suite(t, "../../shared/data/suites/psl/psl_tests.txt")
	ran := 0
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 2 || strings.HasPrefix(line, "//") {
			continue
		}
		ran++
		want := ""
		if f[1] != "null" {
			want = Split(f[1]).Domain
		}
		if got := Split(f[0]).RootDomain; got != want {
			t.Errorf("root domain of %q = %q, want %q", f[0], got, want)
		}
	}
	if ran < 70 {
		t.Errorf("ran %d cases, the suite has more than 70", ran)
	}
}

// suite reads a file of the shared test data; without it the test is skipped,
// except in continuous integration.
func suite(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("test data is missing: %v", err)
		}
		t.Skipf("test data is not at hand: %v", err)
	}
	defer f.Close()
	var lines []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestSplitJoins holds what every split name promises: the parts joined give
// the name, and splitting a result again changes nothing.
func TestSplitJoins(t *testing.T) {
	label := rapid.StringMatching(`[a-zA-Z0-9_äöüяж食-]{1,12}`)
	suffix := rapid.SampledFrom([]string{"com", "co.uk", "github.io", "公司.cn", "internal", "mm", "city.kobe.jp", "7"})
	rapid.Check(t, func(t *rapid.T) {
		host := strings.Join(rapid.SliceOfN(label, 0, 4).Draw(t, "labels"), ".") + "." + suffix.Draw(t, "suffix")
		n := Split(host)
		if n.RootDomain == "" {
			return
		}
		joined := n.SLD + "." + n.TLD
		if joined != n.RootDomain {
			t.Fatalf("%q: SLD and TLD give %q, root is %q", host, joined, n.RootDomain)
		}
		if n.Subdomain != "" {
			joined = n.Subdomain + "." + joined
		}
		if joined != n.Domain {
			t.Fatalf("%q: parts give %q, domain is %q", host, joined, n.Domain)
		}
		if again := Split(n.Domain); again != n {
			t.Fatalf("%q: %+v splits again to %+v", host, n, again)
		}
	})
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"example.co.uk", "xn--mnchen-3ya.de", "ｅｘ．com", "1.2.3.4", "[::1]", "a..b", "xn--", "\xff.com", "xn--a.xn--b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Split(s)
		if n.Valid && (n.TLD == "" || len(n.Domain) > maxName || !strings.HasSuffix(n.Domain, n.TLD)) {
			t.Errorf("Split(%q) = %+v, valid without being a name", s, n)
		}
		if len(n.Domain) > 4*maxInput {
			t.Errorf("Split of %d bytes gives a domain of %d", len(s), len(n.Domain))
		}
		MixedScript(s)
	})
}

func BenchmarkSplit(b *testing.B) {
	for _, bc := range []struct{ name, host string }{
		{"lower", "click.news.example.co.uk"},
		{"upper", "WWW.Example.COM"},
		{"idn", "xn--mnchen-3ya.de"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Split(bc.host)
			}
		})
	}
}
