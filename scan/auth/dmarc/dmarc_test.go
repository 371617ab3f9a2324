package dmarc

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"foregate/dns"
	"foregate/mail"
)

func TestParseRecord(t *testing.T) {
	base := Record{Policy: Reject, PSD: PSDUnknown, FO: "0"}
	with := func(f func(*Record)) Record { r := base; f(&r); return r }
	tests := []struct {
		txt  string
		want Record
		err  error
	}{
		{txt: "v=DMARC1; p=reject", want: base},
		{txt: "v=DMARC1;p=reject;", want: base},
		{txt: "V = DMARC1 ; P = Reject ;;", want: base},
		{txt: "v=DMARC1; sp=none; np=quarantine; p=reject; adkim=s; aspf=S; psd=y; t=y; fo=1:d:s", want: with(func(r *Record) {
			r.Subdomain, r.NonExistent, r.StrictDKIM, r.StrictSPF, r.PSD, r.Test, r.FO = None, Quarantine, true, true, PSDYes, true, "1:d:s"
		})},
		{txt: "v=DMARC1; p=reject; pct=50; ri=1; rf=afrf; x-new=1", want: base},
		{txt: "v=DMARC1; p=reject; adkim=x; t=maybe; psd=q; fo=z", want: with(func(r *Record) {
			r.Notes = []string{`"adkim=x is not valid"`, `"t=maybe is not valid"`, `"psd=q is not valid"`, `"fo=z is not valid"`}
		})},
		{txt: "v=DMARC1; p=reject; p=none", want: with(func(r *Record) { r.Notes = []string{`"p= is repeated"`} })},
		{txt: "v=DMARC1; p=reject; sp", want: with(func(r *Record) { r.Notes = []string{`"sp is malformed"`} })},
		{txt: "v=DMARC1; p=reject; rua=mailto:a@example.com,mailto:b%2Bc@example.net!10m , https://example.org/d", want: with(func(r *Record) {
			r.RUA = []Address{
				{URI: "mailto:a@example.com", Mailbox: "a@example.com"},
				{URI: "mailto:b%2Bc@example.net", Mailbox: "b+c@example.net", MaxSize: 10 << 20},
				{URI: "https://example.org/d"},
			}
		})},
		{txt: "v=DMARC1; p=reject; ruf=nonsense, mailto:, mailto:a@, mailto:@b, mailto:a@b!x", want: with(func(r *Record) {
			r.Notes = []string{`"ruf=nonsense, mailto:, mailto:a@, mailto:@b, mailto:a@b!x is not valid"`}
		})},
		{txt: "v=DMARC1; rua=mailto:a@example.com", want: with(func(r *Record) {
			r.Policy, r.RUA = None, []Address{{URI: "mailto:a@example.com", Mailbox: "a@example.com"}}
		})},
		{txt: "v=DMARC1; p=reject; sp=bogus; rua=mailto:a@example.com", want: with(func(r *Record) {
			r.Policy, r.RUA = None, []Address{{URI: "mailto:a@example.com", Mailbox: "a@example.com"}}
			r.Notes = []string{`"sp=bogus is not valid"`}
		})},
		{txt: "v=DMARC1", err: errNoPolicy},
		{txt: "v=DMARC1; p=bogus", err: errNoPolicy},
		{txt: "v=DMARC1; p=reject; sp=bogus", err: errNoPolicy},
		{txt: "v=DMARC1; p=re\x00ject", err: errNoPolicy},
		{txt: "v=dmarc1; p=reject", err: errNotDMARC},
		{txt: "v=DMARC12; p=reject", err: errNotDMARC},
		{txt: "v=DMARC1 p=reject", err: errNotDMARC},
		{txt: " v=DMARC1; p=reject", err: errNotDMARC},
		{txt: "p=reject; v=DMARC1", err: errNotDMARC},
		{txt: "v=spf1 -all", err: errNotDMARC},
		{txt: "", err: errNotDMARC},
	}
	for _, test := range tests {
		got, err := ParseRecord(test.txt)
		if !errors.Is(err, test.err) {
			t.Errorf("%q: error %v, want %v", test.txt, err, test.err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", test.txt, diff)
		}
	}
	if _, err := ParseRecord("v=DMARC1; p=none; x=" + strings.Repeat("y", maxRecord)); err == nil || err.Error() != "DMARC record of 8212 bytes" {
		t.Errorf("oversized record: %v", err)
	}
}

func TestExternal(t *testing.T) {
	for _, test := range []struct{ policy, org, to, want string }{
		{"example.com", "example.com", "d@example.com", ""},
		{"example.com", "example.com", "d@reports.example.com", ""},
		{"a.example.com", "example.com", "d@example.com", ""},
		{"example.com", "example.com", "d@thirdparty.example", "example.com._report._dmarc.thirdparty.example"},
		{"example.com", "example.com", "d@notexample.com", "example.com._report._dmarc.notexample.com"},
		{"Example.com", "", "reports.example", "example.com._report._dmarc.reports.example"},
	} {
		if got := External(test.policy, test.org, test.to); got != test.want {
			t.Errorf("External(%q, %q, %q) = %q, want %q", test.policy, test.org, test.to, got, test.want)
		}
	}
}

// asked records the names whose TXT records were asked for.
type asked struct {
	dns.Fake
	names []string
}

func (a *asked) TXT(ctx context.Context, name string) (dns.Answer[string], error) {
	a.names = append(a.names, name)
	return a.Fake.TXT(ctx, name)
}

func TestWalkNames(t *testing.T) {
	for _, test := range []struct {
		domain string
		want   []string
	}{
		{"example.com", []string{"example.com", "com"}},
		// The example of RFC 9989 section 4.10.
		{"a.b.c.d.e.f.g.h.i.j.mail.example.com", []string{
			"a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com",
			"i.j.mail.example.com", "j.mail.example.com", "mail.example.com", "example.com", "com",
		}},
		{"a.b.c.d.e.f.example.com", []string{
			"a.b.c.d.e.f.example.com", "b.c.d.e.f.example.com", "c.d.e.f.example.com", "d.e.f.example.com",
			"e.f.example.com", "f.example.com", "example.com", "com",
		}},
	} {
		r := &asked{}
		w := &walker{resolver: r, seen: map[string]lookup{}}
		if _, err := w.walk(context.Background(), test.domain); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, name := range test.want {
			want = append(want, "_dmarc."+name)
		}
		if diff := cmp.Diff(want, r.names); diff != "" {
			t.Errorf("walk from %s (-want +got)\n%s", test.domain, diff)
		}
	}
}

func TestWalkIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,3}`), 1, 40).Draw(t, "labels")
		name := strings.Join(labels, ".")
		r := &asked{}
		w := &walker{resolver: r, seen: map[string]lookup{}}
		if _, err := w.walk(context.Background(), name); err != nil {
			t.Fatal(err)
		}
		if len(r.names) > 8 || r.names[len(r.names)-1] != "_dmarc."+labels[len(labels)-1] {
			t.Fatalf("walk from %s asked %q", name, r.names)
		}
	})
}

func TestOrganisation(t *testing.T) {
	for _, test := range []struct {
		name, domain string
		records      map[string]string
		org, policy  string
	}{
		{"no record", "a.example.com", nil, "a.example.com", ""},
		{"at the organisation", "a.mail.example.com", map[string]string{"mail.example.com": "p=none", "example.com": "p=reject"}, "example.com", "example.com"},
		{"at the author", "a.example.com", map[string]string{"a.example.com": "p=none", "example.com": "p=reject"}, "example.com", "a.example.com"},
		{"psd=n stops", "a.mail.example.com", map[string]string{"mail.example.com": "p=none; psd=n", "example.com": "p=reject"}, "mail.example.com", "mail.example.com"},
		{"psd=y above", "a.mail.example.com", map[string]string{"com": "p=reject; psd=y"}, "example.com", "com"},
		{"psd=y above the organisation's record", "a.mail.example.com", map[string]string{"com": "p=reject; psd=y", "example.com": "p=none"}, "example.com", "example.com"},
		{"psd=y at the author", "co.example", map[string]string{"co.example": "p=reject; psd=y", "example": "p=none"}, "co.example", "co.example"},
		{"suffix without psd=y", "a.co.example", map[string]string{"co.example": "p=reject"}, "co.example", "co.example"},
		{"several records at one name are none", "a.example.com", map[string]string{"a.example.com": "p=none|p=reject", "example.com": "p=quarantine"}, "example.com", "example.com"},
		{"malformed record", "a.example.com", map[string]string{"a.example.com": "p=bogus", "example.com": "p=quarantine"}, "example.com", "example.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := dns.Fake{Text: map[string][]string{}}
			for name, tags := range test.records {
				for tag := range strings.SplitSeq(tags, "|") {
					fake.Text["_dmarc."+name] = append(fake.Text["_dmarc."+name], "v=DMARC1; "+tag)
				}
			}
			r := Evaluate(context.Background(), fake, Author{Domains: []string{test.domain}}, Identifier{Result: mail.ResultNone}, nil)
			if r.Organisation != test.org || r.Domain != test.policy {
				t.Errorf("organisation %q, policy at %q, want %q, %q", r.Organisation, r.Domain, test.org, test.policy)
			}
		})
	}
}

func TestEvaluate(t *testing.T) {
	const pass, fail, none, temp, perm = mail.ResultPass, mail.ResultFail, mail.ResultNone, mail.ResultTempError, mail.ResultPermError
	fake := dns.Fake{
		Text: map[string][]string{
			"_dmarc.example.com":            {"v=DMARC1; p=reject; sp=quarantine; np=reject"},
			"_dmarc.strict.example":         {"v=DMARC1; p=reject; adkim=s; aspf=s"},
			"_dmarc.test.example":           {"v=DMARC1; p=reject; t=y"},
			"_dmarc.split.example.com":      {"v=DMARC1; p=none; psd=n"},
			"_dmarc.evil.example":           {"v=DMARC1; p=none"},
			"_dmarc.xn--bcher-kva.example":  {"v=DMARC1; p=reject"},
			"_dmarc.platform.example":       {"v=DMARC1; p=none; psd=y"},
			"_dmarc.alice.platform.example": {"v=DMARC1; p=reject"},
		},
		Addrs: map[string][]netip.Addr{"mail.example.com": {netip.MustParseAddr("192.0.2.1")}},
		MXs:   map[string][]dns.MX{"mxonly.example.com": {{Host: "mail.example.com"}}},
		Fail: map[string]error{
			"txt _dmarc.down.example":      dns.ErrTemporary,
			"txt _dmarc.lame.example.com":  dns.ErrTemporary,
			"txt _dmarc.servfail.evil.com": dns.ErrTemporary,
		},
	}
	tests := []struct {
		name   string
		from   []string
		spf    Identifier
		dkim   []Identifier
		want   mail.Result
		policy Policy
		proven bool
	}{
		{"SPF equal", []string{"example.com"}, Identifier{Domain: "example.com", Result: pass}, nil, pass, Reject, true},
		{"SPF of a subdomain", []string{"example.com"}, Identifier{Domain: "bounce.example.com", Result: pass}, nil, pass, Reject, true},
		{"SPF of the parent", []string{"mail.example.com"}, Identifier{Domain: "example.com", Result: pass}, nil, pass, Quarantine, true},
		{"DKIM sibling", []string{"a.example.com"}, Identifier{Result: fail, Domain: "x.example"}, []Identifier{{Domain: "b.example.com", Result: pass}}, pass, Reject, true},
		{"second signature", []string{"example.com"}, Identifier{Result: none}, []Identifier{{Domain: "esp.example", Result: pass}, {Domain: "example.com", Result: pass}}, pass, Reject, true},
		{"weak signature", []string{"example.com"}, Identifier{Result: none}, []Identifier{{Domain: "example.com", Result: pass, Weak: true}}, pass, Reject, false},
		{"other domain", []string{"example.com"}, Identifier{Domain: "evil.example", Result: pass}, []Identifier{{Domain: "evil.example", Result: pass}}, fail, Reject, false},
		{"label boundary", []string{"example.com"}, Identifier{Domain: "notexample.com", Result: pass}, nil, fail, Reject, false},
		{"author name as a label of another", []string{"example.com"}, Identifier{Domain: "example.com.evil.example", Result: pass}, nil, fail, Reject, false},
		{"softfail is no pass", []string{"example.com"}, Identifier{Domain: "example.com", Result: mail.ResultSoftFail}, nil, fail, Reject, false},
		{"policy DKIM is no pass", []string{"example.com"}, Identifier{Result: none}, []Identifier{{Domain: "example.com", Result: mail.ResultPolicy}}, fail, Reject, false},
		{"strict, equal", []string{"strict.example"}, Identifier{Domain: "strict.example", Result: pass}, nil, pass, Reject, true},
		{"strict, subdomain", []string{"strict.example"}, Identifier{Domain: "a.strict.example", Result: pass}, []Identifier{{Domain: "b.strict.example", Result: pass}}, fail, Reject, false},
		{"psd=n separates", []string{"example.com"}, Identifier{Domain: "split.example.com", Result: pass}, nil, fail, Reject, false},
		{"psd=n separates the other way", []string{"split.example.com"}, Identifier{Domain: "example.com", Result: pass}, nil, fail, None, false},
		{"customers of one suffix", []string{"alice.platform.example"}, Identifier{Domain: "bob.platform.example", Result: pass}, nil, fail, Reject, false},
		{"test mode", []string{"test.example"}, Identifier{Result: none}, nil, fail, None, false},
		{"subdomain that exists", []string{"mail.example.com"}, Identifier{Result: none}, nil, fail, Quarantine, false},
		{"subdomain with a mail exchanger", []string{"mxonly.example.com"}, Identifier{Result: none}, nil, fail, Quarantine, false},
		{"subdomain that does not exist", []string{"nothing.example.com"}, Identifier{Result: none}, nil, fail, Reject, false},
		{"no record", []string{"plain.example"}, Identifier{Domain: "bounce.plain.example", Result: pass}, nil, none, "", true},
		{"no record, nothing aligned", []string{"plain.example"}, Identifier{Domain: "evil.example", Result: pass}, nil, none, "", false},
		{"no record, one public suffix", []string{"alice.github.io"}, Identifier{Domain: "mallory.github.io", Result: pass}, nil, none, "", false},
		{"U-label author", []string{"bücher.example"}, Identifier{Domain: "xn--bcher-kva.example", Result: pass}, nil, pass, Reject, true},
		{"U-label identifier", []string{"xn--bcher-kva.example"}, Identifier{Domain: "Bücher.example", Result: pass}, nil, pass, Reject, true},
		{"upper case and trailing dot", []string{"EXAMPLE.com."}, Identifier{Domain: "Example.COM", Result: pass}, nil, pass, Reject, true},
		{"two domains", []string{"evil.example", "example.com"}, Identifier{Domain: "evil.example", Result: pass}, nil, perm, Reject, false},
		{"NUL in the author", []string{"example.com\x00.evil.example"}, Identifier{Domain: "evil.example", Result: pass}, nil, perm, "", false},
		{"NUL in an identifier", []string{"example.com"}, Identifier{Domain: "example.com\x00", Result: pass}, nil, fail, Reject, false},
		{"invalid author beside a valid one", []string{"evil.example", "exa mple.com"}, Identifier{Domain: "evil.example", Result: pass}, nil, perm, None, false},
		{"no author", nil, Identifier{Domain: "example.com", Result: pass}, nil, none, "", false},
		{"author's DNS fails", []string{"down.example"}, Identifier{Domain: "down.example", Result: pass}, nil, temp, "", false},
		{"SPF fails for now", []string{"example.com"}, Identifier{Domain: "example.com", Result: temp}, nil, temp, Reject, false},
		{"stranger's SPF fails for now", []string{"example.com"}, Identifier{Domain: "evil.example", Result: temp}, []Identifier{{Domain: "evil.example", Result: temp}}, fail, Reject, false},
		{"stranger's DMARC fails for now", []string{"example.com"}, Identifier{Domain: "servfail.evil.com", Result: pass}, nil, fail, Reject, false},
		{"own subdomain's DMARC fails for now", []string{"example.com"}, Identifier{Domain: "lame.example.com", Result: pass}, nil, temp, Reject, false},
		{"DKIM saves a temporary SPF failure", []string{"example.com"}, Identifier{Domain: "example.com", Result: temp}, []Identifier{{Domain: "example.com", Result: pass}}, pass, Reject, true},
		{"SPF unknown", []string{"example.com"}, Identifier{}, []Identifier{{Domain: "example.com", Result: fail}}, mail.ResultUnknown, Reject, false},
		{"SPF unknown, DKIM passes", []string{"example.com"}, Identifier{}, []Identifier{{Domain: "example.com", Result: pass}}, pass, Reject, true},
		{"SPF unknown of a stranger", []string{"example.com"}, Identifier{Domain: "evil.example"}, nil, fail, Reject, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx := dns.WithBudget(context.Background(), dns.MessageBudget)
			r := Evaluate(ctx, fake, Author{Domains: test.from}, test.spf, test.dkim)
			if r.Result != test.want || r.Policy != test.policy || r.Proven != test.proven {
				t.Errorf("%q, policy %q, proven %v, want %q, %q, %v: %s", r.Result, r.Policy, r.Proven, test.want, test.policy, test.proven, r.Reason)
			}
			if r.Reason == "" {
				t.Error("no reason given")
			}
			if r.Result == pass && len(r.Aligned) == 0 {
				t.Error("a pass without an aligned domain")
			}
		})
	}
	t.Run("two fields with one domain", func(t *testing.T) {
		r := Evaluate(context.Background(), fake, Author{Domains: []string{"example.com"}, Ambiguous: true}, Identifier{Domain: "example.com", Result: pass}, nil)
		if r.Result != perm || r.Proven {
			t.Errorf("%q, proven %v", r.Result, r.Proven)
		}
	})
	t.Run("budget used up", func(t *testing.T) {
		ctx := dns.WithBudget(context.Background(), 0)
		if r := Evaluate(ctx, fake, Author{Domains: []string{"example.com"}}, Identifier{Result: none}, nil); r.Result != temp {
			t.Errorf("%q, want temperror", r.Result)
		}
	})
}

func FuzzDMARCRecord(f *testing.F) {
	for _, s := range []string{
		"v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; aspf=r; fo=1; rua=mailto:a@b.example!10m,https://x.example/; t=y; psd=n",
		"v=DMARC1;rua=mailto:%00@b", "v=DMARC1; p=none;;;=;p", "v=DMARC1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, txt string) {
		r, err := ParseRecord(txt)
		if err != nil {
			if !cmp.Equal(r, Record{}) {
				t.Fatalf("an error came with %+v", r)
			}
			return
		}
		if r.Policy != None && r.Policy != Quarantine && r.Policy != Reject {
			t.Fatalf("policy %q", r.Policy)
		}
		for _, a := range append(r.RUA, r.RUF...) {
			if strings.ContainsAny(a.Mailbox, "\r\n\x00<>, ") || a.MaxSize < 0 {
				t.Fatalf("address %+v", a)
			}
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	fake := dns.Fake{Text: map[string][]string{"_dmarc.example.com": {"v=DMARC1; p=reject; rua=mailto:d@example.com"}}}
	b.ReportAllocs()
	for b.Loop() {
		r := Evaluate(context.Background(), fake, Author{Domains: []string{"mail.example.com"}},
			Identifier{Domain: "bounce.example.com", Result: mail.ResultPass}, []Identifier{{Domain: "example.com", Result: mail.ResultPass}})
		if r.Result != mail.ResultPass {
			b.Fatal(r.Result)
		}
	}
}
