package spf

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"foregate/dns"
	"foregate/mail"
)

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestCheck(t *testing.T) {
	mxs := func(n int) []dns.MX {
		var out []dns.MX
		for i := range n {
			out = append(out, dns.MX{Preference: uint16(i), Host: fmt.Sprintf("mx%d.big.example", i)})
		}
		return out
	}
	fake := dns.Fake{
		Text: map[string][]string{
			"example.com":           {"v=spf1 ip4:192.0.2.0/24 -all", "google-site-verification=x"},
			"mail.example.com":      {"v=spf1 a -all"},
			"xn--bcher-kva.example": {"v=spf1 ip4:192.0.2.1 -all"},
			"exists.example":        {"v=spf1 exists:%{l}.users.example.com -all"},
			"void.example":          {"v=spf1 a:n1.example a:n2.example a:n3.example ?all"},
			"v6mx.example":          {"v=spf1 mx -all"},
			"big.example":           {"v=spf1 mx mx:big2.example mx:big3.example mx:big4.example mx:big5.example mx:big6.example ip4:192.0.2.1 -all"},
			"zero.example":          {"v=spf1 exists:%{d0}.example -all"},
			"huge.example":          {"v=spf1 exists:%{d99999999999999999999}.example -all"},
			"grow.example":          {"v=spf1 exists:" + strings.Repeat("%{H}", 400) + ".example -all"},
			"exp.example":           {"v=spf1 -all exp=why.example"},
			"why.example":           {"%{l} from %{c} to %{r} at %{t}"},
			"include-nul.example":   {"v=spf1 include:%{l}.example -all"},
			"upper.example":         {"V=SPF1 IP4:192.0.2.1 -ALL"},
			"quote.example":         {"v=spf1 \"ip4:192.0.2.1\" -all"},
		},
		Addrs: map[string][]netip.Addr{
			"mail.example.com":        addrs("192.0.2.7"),
			"a.v6mx.example":          addrs("192.0.2.7"),
			"alice.users.example.com": addrs("127.0.0.2"),
		},
		MXs: map[string][]dns.MX{
			"v6mx.example": {{Host: "a.v6mx.example"}, {Host: "b.v6mx.example"}, {Host: "c.v6mx.example"}, {Host: "d.v6mx.example"}},
			"big.example":  mxs(10), "big2.example": mxs(10), "big3.example": mxs(10), "big4.example": mxs(10), "big5.example": mxs(10), "big6.example": mxs(10),
		},
		Fail: map[string]error{"txt down.example": dns.ErrTemporary},
	}
	for i := range 10 {
		fake.Addrs[fmt.Sprintf("mx%d.big.example", i)] = addrs("198.51.100.1")
	}
	tests := []struct {
		name, ip, helo, from string
		result               mail.Result
		domain               string
	}{
		{"pass", "192.0.2.1", "x.example", "a@example.com", "pass", "example.com"},
		{"IPv4-mapped client", "::ffff:192.0.2.1", "x.example", "a@EXAMPLE.com.", "pass", "example.com"},
		{"fail", "198.51.100.1", "x.example", "a@example.com", "fail", "example.com"},
		{"null path checks HELO", "192.0.2.7", "mail.example.com", "", "pass", "mail.example.com"},
		{"null path, forged HELO", "198.51.100.1", "mail.example.com", "", "fail", "mail.example.com"},
		{"null path, HELO without a dot", "192.0.2.7", "localhost", "", "none", ""},
		{"null path, literal HELO", "192.0.2.7", "[192.0.2.7]", "", "none", ""},
		{"null path, IPv6 literal HELO", "192.0.2.7", "[IPv6:2001:db8::1]", "", "none", ""},
		{"HELO does not stand in for MAIL FROM", "192.0.2.7", "mail.example.com", "a@nothing.example", "none", "nothing.example"},
		{"domain after the last at sign", "192.0.2.1", "x.example", `"a@exists.example"@example.com`, "pass", "example.com"},
		{"NUL in the domain", "192.0.2.1", "x.example", "a@example.com\x00.evil.example", "none", ""},
		{"NUL at the end", "192.0.2.1", "x.example", "a@example.com\x00", "none", ""},
		{"space in the domain", "192.0.2.1", "x.example", "a@example.com evil.example", "none", ""},
		{"invalid UTF-8 in the domain", "192.0.2.1", "x.example", "a@b\xff.example", "none", ""},
		{"U-label domain", "192.0.2.1", "x.example", "a@bücher.example", "pass", "xn--bcher-kva.example"},
		{"UTF-8 local part", "198.51.100.1", "x.example", "jörg@exists.example", "fail", "exists.example"},
		{"ASCII local part", "198.51.100.1", "x.example", "alice@exists.example", "pass", "exists.example"},
		{"NUL in the local part", "198.51.100.1", "x.example", "alice\x00@exists.example", "fail", "exists.example"},
		{"dots in the local part", "198.51.100.1", "x.example", "a..b@exists.example", "fail", "exists.example"},
		{"three empty answers", "192.0.2.1", "x.example", "a@void.example", "permerror", "void.example"},
		{"exchangers without IPv6 are no empty answers", "2001:db8::1", "x.example", "a@v6mx.example", "fail", "v6mx.example"},
		{"query budget", "192.0.2.1", "x.example", "a@big.example", "permerror", "big.example"},
		{"macro digits 0", "192.0.2.1", "x.example", "a@zero.example", "permerror", "zero.example"},
		{"macro digits beyond int", "192.0.2.1", "x.example", "a@huge.example", "fail", "huge.example"},
		{"growing macro", "192.0.2.1", strings.Repeat("é", 250), "a@grow.example", "permerror", "grow.example"},
		{"include of a name that can't be", "192.0.2.1", "x.example", "a\x00b@include-nul.example", "permerror", "include-nul.example"},
		{"temporary failure", "192.0.2.1", "x.example", "a@down.example", "temperror", "down.example"},
		{"upper case", "192.0.2.1", "x.example", "a@upper.example", "pass", "upper.example"},
		{"quotation marks in the record", "192.0.2.1", "x.example", "a@quote.example", "permerror", "quote.example"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx := dns.WithBudget(context.Background(), dns.MessageBudget)
			got := Check(ctx, fake, netip.MustParseAddr(test.ip), test.helo, test.from)
			if got.Result != test.result || got.Domain != test.domain {
				t.Errorf("%q for domain %q, want %q for %q: %s", got.Result, got.Domain, test.result, test.domain, got.Reason)
			}
			if got.Reason == "" {
				t.Error("no reason given")
			}
			if got.Helo != (test.from == "") {
				t.Errorf("Helo = %v", got.Helo)
			}
		})
	}

	t.Run("unknown client", func(t *testing.T) {
		if got := Check(context.Background(), fake, netip.Addr{}, "x.example", "a@example.com"); got.Result != mail.ResultUnknown {
			t.Errorf("%q, want unknown", got.Result)
		}
	})
	t.Run("explanation", func(t *testing.T) {
		c := Checker{Resolver: fake, Receiver: "mx.example.org", Now: func() time.Time { return time.Unix(1e9, 0) }}
		got := c.Check(context.Background(), netip.MustParseAddr("2001:db8::1"), "x.example", "a\r\nb@exp.example")
		if want := "a??b from 2001:db8::1 to mx.example.org at 1000000000"; got.Explanation != want || got.Mechanism != "-all" {
			t.Errorf("explanation %q of %q, want %q", got.Explanation, got.Mechanism, want)
		}
	})
}

func TestParseRecordErrors(t *testing.T) {
	for _, test := range []struct{ record, want string }{
		{"v=spf1 a:", `term "a:": the domain is empty`},
		{"v=spf1 ip4:1.2.3.4/33", `term "ip4:1.2.3.4/33": prefix length "33" is not 0 to 32`},
		{"v=spf1 ip6:1.2.3.4", `term "ip6:1.2.3.4": "1.2.3.4" is no address of this kind`},
		{"v=spf1 ip6:fe80::1%eth0", `term "ip6:fe80::1%eth0": "fe80::1%eth0" is no address of this kind`},
		{"v=spf1 include", `term "include": a domain is missing`},
		{"v=spf1 all:x", `term "all:x": all takes no argument`},
		{"v=spf1 a:%{x}.example", `term "a:%{x}.example": unknown macro "x"`},
		{"v=spf1 a:%{d", `term "a:%{d": macro without its closing brace`},
		{"v=spf1 a:%{d!}.example", `term "a:%{d!}.example": macro delimiter "!"`},
		{"v=spf1 a:museum", `term "a:museum": the domain does not end in a top-level name`},
		{"v=spf1 -", `term "-": unknown mechanism`},
		{"v=spf1 exp=a.b exp=a.b", `term "exp=a.b": exp= twice`},
		{"v=spf1 +redirect=a.b", `term "+redirect=a.b": unknown mechanism`},
		{"v=spf1 a:\tb.example", `term "a:\tb.example": byte 0x09 outside visible ASCII`},
	} {
		_, err := parseRecord(test.record)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", test.record, err, test.want)
		}
	}
}

func FuzzSPFRecord(f *testing.F) {
	for _, s := range []string{
		"v=spf1 -all", "v=spf1 a mx ptr exists:%{i}._spf.%{d2} include:a.example redirect=b.example",
		"v=spf1 a:%{l1r+-}.example/24//64 ip4:192.0.2.0/24 ip6:2001:db8::/32 exp=%{o}.example ~all",
		"v=spf1 a:%%%_%-.example x=%{s} ?all", "v=spf1  a  ", "v=spf1 include:example.com include:example.com",
	} {
		f.Add(s, "a@example.com", "helo.example")
	}
	f.Fuzz(func(t *testing.T, record, from, helo string) {
		fake := dns.Fake{
			Text: map[string][]string{"example.com": {record}, "a.example": {record}},
			MXs:  map[string][]dns.MX{"example.com": {{Host: "example.com"}}},
		}
		ctx := dns.WithBudget(context.Background(), dns.MessageBudget)
		for _, sender := range []string{"a@example.com", from} {
			r := Check(ctx, fake, netip.MustParseAddr("192.0.2.1"), helo, sender)
			if r.Result == mail.ResultUnknown {
				t.Fatal("a check with an address gave no result")
			}
			for _, c := range []byte(r.Explanation) {
				if c < 0x20 || c > 0x7e {
					t.Fatalf("explanation %q has a control byte", r.Explanation)
				}
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	fake := dns.Fake{Text: map[string][]string{
		"example.com":      {"v=spf1 include:_spf.example.net ip4:198.51.100.0/24 -all"},
		"_spf.example.net": {"v=spf1 ip4:203.0.113.0/24 ip6:2001:db8::/32 ip4:192.0.2.0/24 ~all"},
	}}
	ip := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		if r := Check(context.Background(), fake, ip, "mx.example.com", "a@example.com"); r.Result != mail.ResultPass {
			b.Fatal(r.Result)
		}
	}
}
