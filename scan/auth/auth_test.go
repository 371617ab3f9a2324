package auth

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	signer "github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"foregate/dns"
	"foregate/evidence"
	"foregate/mail"
	"foregate/scan/auth/arc"
)

// Inert names and addresses: those reserved for documentation.
var (
	good = netip.MustParseAddr("192.0.2.1")    // may send for example.com
	evil = netip.MustParseAddr("198.51.100.1") // may send for evil.example only
)

func testKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
}

// testNow is the real time: the independent signer of these tests has no other
// clock, and a signature from the future is weak.
func testNow() time.Time { return time.Now() }

func testZone() dns.Fake {
	key := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(testKey().Public().(ed25519.PublicKey))
	return dns.Fake{
		Text: map[string][]string{
			"example.com":                   {"v=spf1 ip4:192.0.2.1 -all"},
			"_dmarc.example.com":            {"v=DMARC1; p=reject; rua=mailto:d@example.com"},
			"s._domainkey.example.com":      {key},
			"soft.example":                  {"v=spf1 ~all"},
			"evil.example":                  {"v=spf1 ip4:198.51.100.1 -all"},
			"_dmarc.evil.example":           {"v=DMARC1; p=none"},
			"s._domainkey.evil.example":     {key},
			"helo.evil.example":             {"v=spf1 ip4:198.51.100.1 -all"},
			"plain.example":                 {"v=spf1 ip4:192.0.2.1 -all"},
			"example.com.evil.example":      {"v=spf1 ip4:198.51.100.1 -all"},
			"_dmarc.quarantine.example":     {"v=DMARC1; p=quarantine"},
			"s._domainkey.testing.example":  {key + "; t=y"},
			"_dmarc.testing.example":        {"v=DMARC1; p=reject"},
			"s._domainkey.notexample.com":   {key},
			"s._domainkey.news.example.com": {key},
		},
		Fail: map[string]error{
			"txt slow.example":            errors.New("SERVFAIL"),
			"txt _dmarc.slow.example":     errors.New("SERVFAIL"),
			"txt spfdown.evil.example":    errors.New("SERVFAIL"),
			"txt k._domainkey.evil.test":  errors.New("SERVFAIL"),
			"txt s._domainkey.slow.test":  errors.New("SERVFAIL"),
			"txt down.example.com":        errors.New("SERVFAIL"),
			"txt _dmarc.down.example.com": dns.ErrNotFound,
		},
	}
}

// message builds a message of header lines and a fixed body.
func message(header ...string) string {
	return strings.Join(header, "\r\n") + "\r\n\r\nHello.\r\n"
}

// sign signs a message for domain with the test key.
func sign(t testing.TB, domain, raw string, headerKeys ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := signer.Sign(&out, strings.NewReader(raw), &signer.SignOptions{
		Domain: domain, Selector: "s", Signer: testKey(), HeaderKeys: headerKeys,
		HeaderCanonicalization: signer.CanonicalizationRelaxed, BodyCanonicalization: signer.CanonicalizationRelaxed,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func envelope(ip netip.Addr, helo, from string) mail.Envelope {
	return mail.Envelope{ClientIP: ip, Helo: helo, MailFrom: from, HasFrom: true, Recipients: []string{"r@example.test"}}
}

func stage() Stage {
	return Stage{Resolver: testZone(), AuthservID: "mx.example.org", Now: testNow}
}

func analyze(t testing.TB, s Stage, env mail.Envelope, raw string) (*mail.Message, *mail.Facts) {
	t.Helper()
	m := &mail.Message{Raw: []byte(raw), Envelope: env}
	f := new(mail.Facts)
	if err := s.Analyze(context.Background(), m, f); err != nil {
		t.Fatal(err)
	}
	return m, f
}

// ids lists the kinds of evidence in f.
func ids(f *mail.Facts) string {
	var out []string
	for _, e := range f.Evidence {
		out = append(out, strings.TrimPrefix(e.ID, "auth."))
	}
	return strings.Join(out, " ")
}

// verdict sums an analysis up in one line.
func verdict(f *mail.Facts) string {
	a := f.Auth
	return fmt.Sprintf("spf=%s dkim=%s dmarc=%s proven=%v [%s]", a.SPF, a.DKIMResult, a.DMARC, a.AuthorProven, ids(f))
}

func TestAnalyze(t *testing.T) {
	honest := message("From: Jane <jane@example.com>", "To: r@example.test", "Subject: x")
	tests := []struct {
		name string
		env  mail.Envelope
		raw  string
		want string
		gaps int
	}{
		{"SPF aligned", envelope(good, "mx.example.com", "jane@example.com"), honest,
			"spf=pass dkim=none dmarc=pass proven=true [author-proven]", 0},
		{"DKIM aligned", envelope(evil, "mx.esp.example", "b@bounce.esp.example"), sign(t, "example.com", honest),
			"spf=none dkim=pass dmarc=pass proven=true [author-proven]", 0},
		{"DKIM of a subdomain", envelope(evil, "mx.esp.example", "b@bounce.esp.example"), sign(t, "news.example.com", honest),
			"spf=none dkim=pass dmarc=pass proven=true [author-proven]", 0},
		{"bounce with its own DKIM", envelope(evil, "unknown", ""), sign(t, "example.com", honest),
			"spf=none dkim=pass dmarc=pass proven=true [author-proven]", 0},
		{"no authentication at all", envelope(evil, "h", "a@none.example"), message("From: a@none.example"),
			"spf=none dkim=none dmarc=none proven=false [none]", 0},
		{"aligned without a DMARC record", envelope(good, "h", "a@plain.example"), message("From: a@plain.example"),
			"spf=pass dkim=none dmarc=none proven=true [author-proven]", 0},
		{"softfail", envelope(evil, "h", "a@soft.example"), message("From: a@soft.example"),
			"spf=softfail dkim=none dmarc=none proven=false [spf-softfail]", 0},
		{"spoofed author", envelope(evil, "mx.evil.example", "a@evil.example"), honest,
			"spf=pass dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail unaligned-only]", 0},
		{"spoofed author, quarantine", envelope(evil, "h", "a@evil.example"), message("From: a@quarantine.example"),
			"spf=pass dkim=none dmarc=fail proven=false [dmarc-fail unaligned-only]", 0},
		{"spoofed envelope too", envelope(evil, "mx.example.com", "jane@example.com"), honest,
			"spf=fail dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail spf-fail]", 0},
		{"body changed", envelope(evil, "h", "a@evil.example"), strings.Replace(sign(t, "example.com", honest), "Hello", "Pay up", 1),
			"spf=pass dkim=fail dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail dkim-fail unaligned-only]", 0},

		// What an attacker might try.
		{"two From fields, the attacker's first", envelope(evil, "h", "a@evil.example"), "From: a@evil.example\r\n" + honest,
			"spf=pass dkim=none dmarc=permerror proven=false [multiple-from]", 0},
		{"two From fields, the victim's first", envelope(evil, "h", "a@evil.example"), strings.Replace(honest, "To:", "From: a@evil.example\r\nTo:", 1),
			"spf=pass dkim=none dmarc=permerror proven=false [multiple-from]", 0},
		{"second From put before a signed one", envelope(good, "h", "jane@example.com"), "From: ceo@victim.example\r\n" + sign(t, "example.com", honest, "From"),
			"spf=pass dkim=policy dmarc=permerror proven=false [multiple-from dkim-fail]", 0},
		{"two authors in one field", envelope(evil, "h", "a@evil.example"), message("From: a@evil.example, jane@example.com"),
			"spf=pass dkim=none dmarc=permerror proven=false [multiple-from]", 0},
		{"NUL in the author's domain", envelope(evil, "h", "a@evil.example"), message("From: a@example.com\x00.evil.example"),
			"spf=pass dkim=none dmarc=permerror proven=false [malformed-from]", 0},
		{"NUL in the envelope", envelope(evil, "h", "a@example.com\x00.evil.example"), honest,
			"spf=none dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail]", 0},
		{"null path with the attacker's HELO", envelope(evil, "helo.evil.example", ""), honest,
			"spf=pass dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail unaligned-only]", 0},
		{"null path with the victim's HELO", envelope(evil, "example.com", ""), honest,
			"spf=fail dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail spf-fail]", 0},
		{"null path with a literal HELO", envelope(evil, "[198.51.100.1]", ""), honest,
			"spf=none dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail]", 0},
		{"victim's name as a subdomain", envelope(evil, "h", "a@example.com.evil.example"), honest,
			"spf=pass dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail unaligned-only]", 0},
		{"name that ends in the victim's", envelope(evil, "h", "a@evil.example"), sign(t, "notexample.com", honest),
			"spf=pass dkim=pass dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail unaligned-only]", 0},
		{"spoofed Authentication-Results and Received-SPF", envelope(evil, "h", "a@evil.example"),
			"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=example.com; dkim=pass header.d=example.com; dmarc=pass header.from=example.com\r\n" +
				"Received-SPF: pass\r\nReturn-Path: <jane@example.com>\r\n" + honest,
			"spf=pass dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail unaligned-only]", 0},
		{"sender's SPF down on purpose", envelope(evil, "h", "a@spfdown.evil.example"), honest,
			"spf=temperror dkim=none dmarc=fail proven=false [dmarc-fail-reject-policy dmarc-fail]", 1},
		{"signature that says it covers only a test", envelope(evil, "h", "a@none.example"), sign(t, "testing.example", message("From: a@testing.example")),
			"spf=none dkim=pass dmarc=pass proven=false []", 0},

		// What could not be looked at.
		{"author's DNS down", envelope(good, "h", "a@slow.example"), message("From: a@slow.example"),
			"spf=temperror dkim=none dmarc=temperror proven=false []", 2},
		{"aligned SPF down", envelope(evil, "h", "a@down.example.com"), honest,
			"spf=temperror dkim=none dmarc=temperror proven=false []", 2},
		{"client unknown", mail.Envelope{}, honest,
			"spf= dkim=none dmarc= proven=false []", 0},
		{"client unknown, DKIM passes", mail.Envelope{}, sign(t, "example.com", honest),
			"spf= dkim=pass dmarc=pass proven=true [author-proven]", 0},
		{"envelope sender unknown", mail.Envelope{ClientIP: evil, Helo: "h"}, honest,
			"spf= dkim=none dmarc= proven=false []", 0},
		{"no author", envelope(evil, "h", "a@evil.example"), message("Subject: x"),
			"spf=pass dkim=none dmarc=none proven=false []", 0},
		{"empty message", envelope(evil, "h", "a@evil.example"), "",
			"spf=pass dkim=none dmarc=none proven=false []", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, f := analyze(t, stage(), test.env, test.raw)
			if got := verdict(f); got != test.want {
				t.Errorf("\n got %s\nwant %s\n%+v", got, test.want, f.Auth)
			}
			if len(f.Gaps) != test.gaps {
				t.Errorf("gaps %v, want %d", f.Gaps, test.gaps)
			}
			for _, e := range f.Evidence {
				if e.Lineage != "auth" || e.Claim == "" || e.Weight != 0 || len(e.Quote) > 200 {
					t.Errorf("evidence %+v", e)
				}
			}
		})
	}
}

func TestRecorded(t *testing.T) {
	const one, two = "From: jane@example.com\r\n\r\n", "From: jane@example.com\r\nFrom: a@evil.example\r\n\r\n"
	tests := []struct {
		name, from, raw string
		rec             mail.RecordedAuth
		want            string
	}{
		{"all unknown", "jane@example.com", one, mail.RecordedAuth{}, "spf= dkim= dmarc= proven=false []"},
		{"DMARC pass", "b@esp.example", one, mail.RecordedAuth{SPF: "pass", DKIM: "pass", DMARC: "pass"}, "spf=pass dkim=pass dmarc=pass proven=true [author-proven]"},
		{"DMARC pass, two authors", "b@esp.example", two, mail.RecordedAuth{SPF: "pass", DKIM: "pass", DMARC: "pass"}, "spf=pass dkim=pass dmarc=permerror proven=false [multiple-from]"},
		{"SPF aligned, no DMARC", "jane@bounce.example.com", one, mail.RecordedAuth{SPF: "pass"}, "spf=pass dkim= dmarc= proven=true [author-proven]"},
		{"SPF aligned, but DMARC failed", "jane@example.com", one, mail.RecordedAuth{SPF: "pass", DMARC: "fail"}, "spf=pass dkim= dmarc=fail proven=false [dmarc-fail unaligned-only]"},
		{"SPF unaligned", "a@evil.example", one, mail.RecordedAuth{SPF: "pass", DKIM: "none", DMARC: "none"}, "spf=pass dkim=none dmarc=none proven=false [unaligned-only]"},
		{"SPF unaligned, DKIM unknown", "a@evil.example", one, mail.RecordedAuth{SPF: "pass"}, "spf=pass dkim= dmarc= proven=false []"},
		{"DKIM passes for an unknown domain", "a@evil.example", one, mail.RecordedAuth{SPF: "pass", DKIM: "pass"}, "spf=pass dkim=pass dmarc= proven=false []"},
		{"DMARC fail", "a@evil.example", one, mail.RecordedAuth{SPF: "pass", DKIM: "fail", DMARC: "fail"}, "spf=pass dkim=fail dmarc=fail proven=false [dmarc-fail dkim-fail unaligned-only]"},
		{"nothing anywhere", "a@evil.example", one, mail.RecordedAuth{SPF: "none", DKIM: "none", DMARC: "none"}, "spf=none dkim=none dmarc=none proven=false [none]"},
		{"errors are no evidence", "a@evil.example", one, mail.RecordedAuth{SPF: "temperror", DKIM: "temperror", DMARC: "temperror"}, "spf=temperror dkim=temperror dmarc=temperror proven=false []"},
		{"words of no standard", "jane@example.com", one, mail.RecordedAuth{SPF: "Pass", DKIM: "whatever", DMARC: "bestguesspass"}, "spf=pass dkim= dmarc=none proven=true [author-proven]"},
		{"hardfail", "a@evil.example", one, mail.RecordedAuth{SPF: "hardfail"}, "spf=fail dkim= dmarc= proven=false [spf-fail]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := envelope(evil, "h", test.from)
			env.Recorded = &test.rec
			s := stage()
			s.Resolver = noDNS{t}
			_, f := analyze(t, s, env, test.raw)
			if got := verdict(f); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
			if !f.Auth.Recorded || len(f.Gaps) != 0 {
				t.Errorf("Recorded %v, gaps %v", f.Auth.Recorded, f.Gaps)
			}
		})
	}
}

// noDNS fails the test when it is asked.
type noDNS struct{ t *testing.T }

func (r noDNS) asked() error {
	r.t.Error("the DNS was asked")
	return dns.ErrTemporary
}
func (r noDNS) TXT(context.Context, string) (a dns.Answer[string], err error) { return a, r.asked() }
func (r noDNS) A(context.Context, string) (a dns.Answer[netip.Addr], err error) {
	return a, r.asked()
}
func (r noDNS) AAAA(context.Context, string) (a dns.Answer[netip.Addr], err error) {
	return a, r.asked()
}
func (r noDNS) MX(context.Context, string) (a dns.Answer[dns.MX], err error) { return a, r.asked() }
func (r noDNS) PTR(context.Context, netip.Addr) (a dns.Answer[string], err error) {
	return a, r.asked()
}

func TestTrustedResults(t *testing.T) {
	const received = "Received: from a by mx.example.org; Mon, 23 Nov 2026 08:00:00 +0000\r\n"
	const results = "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=b@bounce.example.com; dkim=pass header.d=example.com; dmarc=pass (p=reject) header.from=example.com\r\n"
	const from = "From: jane@example.com\r\n\r\n"
	trusting := func(hops int) Stage {
		return Stage{Offline: true, TrustedResults: []string{"MX.example.org"}, TrustedHops: hops}
	}
	const proven, unknown = "spf=pass dkim=pass dmarc=pass proven=true [author-proven]", "spf= dkim= dmarc= proven=false []"
	tests := []struct {
		name string
		s    Stage
		raw  string
		want string
	}{
		{"above our Received", trusting(0), results + received + from, proven},
		{"below our Received", trusting(0), received + results + from, unknown},
		{"above the second of our two", trusting(2), received + results + received + from, proven},
		{"below the second of our two", trusting(2), received + received + results + from, unknown},
		{"another server", trusting(0), strings.Replace(results, "mx.example.org", "mx.evil.example", 1) + received + from, unknown},
		{"our name only in a comment", trusting(0), strings.Replace(results, "mx.example.org;", "mx.evil.example (mx.example.org);", 1) + received + from, unknown},
		{"newest counts", trusting(0), "Authentication-Results: mx.example.org; dmarc=fail header.from=example.com\r\n" + results + received + from,
			"spf= dkim= dmarc=fail proven=false [dmarc-fail]"},
		{"for another author", trusting(0), results + received + "From: a@other.example\r\n\r\n", "spf=pass dkim=pass dmarc= proven=false [unaligned-only]"},
		{"none trusted", Stage{Offline: true}, results + received + from, unknown},
		{"none", trusting(0), "Authentication-Results: mx.example.org; none\r\n" + from, unknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, f := analyze(t, test.s, mail.Envelope{}, test.raw)
			if got := verdict(f); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
	t.Run("in the gate we look for ourselves", func(t *testing.T) {
		s := stage()
		s.TrustedResults = []string{"mx.example.org"}
		_, f := analyze(t, s, envelope(evil, "h", "a@evil.example"), results+from)
		if f.Auth.DMARC != mail.ResultFail || f.Auth.Recorded {
			t.Errorf("%s", verdict(f))
		}
	})
}

func TestParseResults(t *testing.T) {
	got := parseResults(`mx.example.org 1; (c) SPF = Pass (x;y) reason="a; b" smtp.mailfrom="a b"@x.example; dkim/1=fail header.d = "d.example"; ; =x; arc=none; word; dmarc=bestguesspass`)
	want := []methodResult{
		{"spf", "pass", map[string]string{"reason": "a; b", "smtp.mailfrom": "a b"}},
		{"dkim", "fail", map[string]string{"header.d": "d.example"}},
		{"arc", "none", map[string]string{}},
		{"dmarc", "none", map[string]string{}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(methodResult{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := len(parseResults("x;" + strings.Repeat("spf=pass;", 1000))); n != maxResults {
		t.Errorf("%d results, want %d", n, maxResults)
	}
}

func TestTrustedChain(t *testing.T) {
	const vouched = "lists.example.net; dmarc=pass header.from=example.com; spf=pass smtp.mailfrom=example.com"
	chain := func(sets ...arc.Set) arc.Result {
		return arc.Result{Result: mail.ResultPass, Sealer: sets[len(sets)-1].Sealer, Chain: sets}
	}
	set := func(sealer, results string) arc.Set { return arc.Set{Sealer: sealer, Results: results} }
	tests := []struct {
		name    string
		arc     arc.Result
		trusted bool
		proven  bool
	}{
		{"trusted sealer", chain(set("lists.example.net", vouched)), true, true},
		{"subdomain of a trusted sealer", chain(set("a.lists.example.net", vouched)), true, true},
		{"untrusted sealer", chain(set("evil.example", vouched)), false, false},
		{"name that ends in a trusted one", chain(set("evillists.example.net", vouched)), false, false},
		{"untrusted below a trusted one", chain(set("evil.example", vouched), set("lists.example.net", "lists.example.net; dmarc=fail header.from=example.com; arc=pass")), true, false},
		{"trusted below an untrusted one", chain(set("lists.example.net", vouched), set("evil.example", "evil.example; arc=pass")), false, false},
		{"two trusted ones", chain(set("lists.example.net", vouched), set("fwd.example.net", "x; dmarc=fail header.from=example.com")), true, true},
		{"for another author", chain(set("lists.example.net", "x; dmarc=pass header.from=other.example; dkim=pass header.d=other.example")), true, false},
		{"DKIM of the author's organisation", chain(set("lists.example.net", "x; dkim=pass header.d=news.example.com")), true, true},
		{"broken chain", arc.Result{Result: mail.ResultFail, Chain: []arc.Set{set("lists.example.net", vouched)}}, false, false},
		{"no chain", arc.Result{Result: mail.ResultNone}, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, ambiguous := range []bool{false, true} {
				x := exam{stage: Stage{TrustedSealers: []string{"Lists.example.net", "fwd.example.net"}}, facts: new(mail.Facts)}
				x.auth.FromDomain, x.auth.DMARC, x.author.Ambiguous = "example.com", mail.ResultFail, ambiguous
				x.takeARC(test.arc)
				x.finish()
				if x.auth.ARCTrusted != test.trusted || x.auth.AuthorProven != (test.proven && !ambiguous) {
					t.Errorf("trusted %v, proven %v, want %v, %v (ambiguous %v)", x.auth.ARCTrusted, x.auth.AuthorProven, test.trusted, test.proven, ambiguous)
				}
				if fails := slices.ContainsFunc(x.evidence(), func(e evidence.Item) bool { return e.ID == DMARCFail }); fails == x.auth.AuthorProven {
					t.Errorf("DMARC failure counts: %v, author proven: %v", fails, x.auth.AuthorProven)
				}
			}
		})
	}
}

func TestOffline(t *testing.T) {
	env := envelope(evil, "h", "a@evil.example")
	_, f := analyze(t, Stage{Offline: true}, env, "From: a@example.com\r\n\r\n")
	if got, want := verdict(f), "spf= dkim= dmarc= proven=false []"; got != want || len(f.Gaps) != 0 {
		t.Errorf("offline: %s, gaps %v", got, f.Gaps)
	}
	if f.Auth.FromDomain != "example.com" {
		t.Errorf("author domain %q", f.Auth.FromDomain)
	}
	_, f = analyze(t, Stage{}, env, "From: a@example.com\r\n\r\n")
	if want := []mail.Gap{{Stage: "auth", Err: "no resolver"}}; !cmp.Equal(f.Gaps, want) || len(f.Evidence) != 0 {
		t.Errorf("no resolver: gaps %v, evidence %v", f.Gaps, f.Evidence)
	}
}

func TestSummary(t *testing.T) {
	m, _ := analyze(t, stage(), envelope(good, "mx.example.com", "jane@example.com"), "From: jane@example.com\r\n\r\n")
	s := m.Headers.AuthSummary
	if s == nil || !*s.SPF.Pass || *s.SPF.Error || !*s.DMARC.Pass || s.DMARC.Details.Policy != "reject" ||
		s.DMARC.Details.From.RootDomain != "example.com" || s.SPF.Details.ClientIP.IP != "192.0.2.1" || s.SPF.Details.Helo.Domain != "mx.example.com" {
		t.Errorf("summary of a pass: %+v", s)
	}
	m, _ = analyze(t, stage(), envelope(good, "h", "a@slow.example"), "From: a@slow.example\r\n\r\n")
	if s := m.Headers.AuthSummary; s.SPF.Pass != nil || !*s.SPF.Error || s.DMARC.Pass != nil || !*s.DMARC.Error {
		t.Errorf("summary of a temporary error: %+v", s)
	}
	// A summary that the parser took from the header must not survive.
	yes := true
	m = &mail.Message{Raw: []byte("From: a@example.com\r\n\r\n")}
	m.Headers.AuthSummary = &mail.AuthSummary{SPF: &mail.SPFSummary{Pass: &yes}}
	if err := (Stage{Offline: true}).Analyze(context.Background(), m, new(mail.Facts)); err != nil || m.Headers.AuthSummary != nil {
		t.Errorf("summary without any result: %+v, %v", m.Headers.AuthSummary, err)
	}
}

// counting counts questions.
type counting struct {
	dns.Fake
	asked *atomic.Int64
}

func (c counting) TXT(ctx context.Context, name string) (dns.Answer[string], error) {
	a, err := c.Fake.TXT(ctx, name)
	if !errors.Is(err, dns.ErrBudget) {
		c.asked.Add(1)
	}
	return a, err
}

func (c counting) A(ctx context.Context, name string) (dns.Answer[netip.Addr], error) {
	a, err := c.Fake.A(ctx, name)
	if !errors.Is(err, dns.ErrBudget) {
		c.asked.Add(1)
	}
	return a, err
}

func (c counting) MX(ctx context.Context, name string) (dns.Answer[dns.MX], error) {
	a, err := c.Fake.MX(ctx, name)
	if !errors.Is(err, dns.ErrBudget) {
		c.asked.Add(1)
	}
	return a, err
}

// TestBudget sends a message that is made to cause queries: its sender must
// neither get more than 50 of them nor keep the author's policy from being
// found.
func TestBudget(t *testing.T) {
	zone := testZone()
	zone.Addrs, zone.MXs = map[string][]netip.Addr{}, map[string][]dns.MX{}
	zone.Text["greedy.example"] = []string{"v=spf1 mx:m0.greedy.example mx:m1.greedy.example mx:m2.greedy.example mx:m3.greedy.example mx:m4.greedy.example mx:m5.greedy.example mx:m6.greedy.example mx:m7.greedy.example -all"}
	for i := range 8 {
		for j := range 10 {
			host := fmt.Sprintf("h%d.m%d.greedy.example", j, i)
			zone.MXs[fmt.Sprintf("m%d.greedy.example", i)] = append(zone.MXs[fmt.Sprintf("m%d.greedy.example", i)], dns.MX{Host: host})
			zone.Addrs[host] = []netip.Addr{good}
		}
	}
	raw := message("From: a@a.b.c.d.e.f.g.h.i.j.example.com")
	for i := range 40 {
		raw = fmt.Sprintf("DKIM-Signature: v=1; a=rsa-sha256; d=d%d.greedy.example; s=s; h=from; bh=AAAA; b=AAAA\r\n", i) + raw
	}
	asked := new(atomic.Int64)
	s := stage()
	s.Resolver = counting{zone, asked}
	_, f := analyze(t, s, envelope(evil, "h", "a@greedy.example"), raw)
	if n := asked.Load(); n > dns.MessageBudget || n < 20 {
		t.Errorf("%d questions, want at most %d and at least the 20 that the checks need", n, dns.MessageBudget)
	}
	if f.Auth.DMARC != mail.ResultFail || f.Auth.DMARCPolicy != "reject" || f.Auth.SPF != mail.ResultPermError {
		t.Errorf("%s policy %s", verdict(f), f.Auth.DMARCPolicy)
	}
}

func TestSlowSender(t *testing.T) {
	zone := testZone()
	zone.Hang = map[string]bool{"txt evil.example": true}
	s := stage()
	s.Resolver = zone
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	m := &mail.Message{Raw: []byte("From: a@example.com\r\n\r\n"), Envelope: envelope(evil, "h", "a@evil.example")}
	f := new(mail.Facts)
	if err := s.Analyze(ctx, m, f); err != nil {
		t.Fatal(err)
	}
	if f.Auth.SPF != mail.ResultTempError || f.Auth.DMARC != mail.ResultFail {
		t.Errorf("%s, want the author's policy in spite of the sender's slow server", verdict(f))
	}
}

// panicking is a resolver with a bug.
type panicking struct{ dns.Fake }

func (panicking) TXT(context.Context, string) (dns.Answer[string], error) { panic("bug") }

func TestPanicReachesTheFence(t *testing.T) {
	defer func() {
		if r := recover(); r != "bug" {
			t.Errorf("recovered %v in the caller, want the panic of the check", r)
		}
	}()
	s := stage()
	s.Resolver = panicking{}
	analyze(t, s, envelope(evil, "h", "a@evil.example"), "From: a@example.com\r\n\r\n")
}

// TestConclusions holds for whatever a trusted edge may have recorded.
func TestConclusions(t *testing.T) {
	words := []string{"", "pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror", "nonsense"}
	rapid.Check(t, func(t *rapid.T) {
		rec := mail.RecordedAuth{
			SPF:   rapid.SampledFrom(words).Draw(t, "spf"),
			DKIM:  rapid.SampledFrom(words).Draw(t, "dkim"),
			DMARC: rapid.SampledFrom(words).Draw(t, "dmarc"),
		}
		env := envelope(evil, "h", rapid.SampledFrom([]string{"", "a@example.com", "a@evil.example", "x"}).Draw(t, "from"))
		env.Recorded = &rec
		raw := rapid.SampledFrom([]string{"From: a@example.com\r\n\r\n", "From: a@example.com\r\nFrom: b@evil.example\r\n\r\n", "\r\n"}).Draw(t, "raw")
		m := &mail.Message{Raw: []byte(raw), Envelope: env}
		f := new(mail.Facts)
		if err := (Stage{Offline: true}).Analyze(context.Background(), m, f); err != nil {
			t.Fatal(err)
		}
		single := strings.Count(raw, "From:") == 1
		if f.Auth.AuthorProven != (len(f.Auth.Aligned) > 0) {
			t.Fatalf("proven %v by %q", f.Auth.AuthorProven, f.Auth.Aligned)
		}
		if f.Auth.AuthorProven && (!single || rec.SPF != "pass" && rec.DMARC != "pass") {
			t.Fatalf("proven by %+v", rec)
		}
		if rec == (mail.RecordedAuth{}) && single && len(f.Evidence) > 0 {
			t.Fatalf("evidence from nothing: %v", f.Evidence)
		}
		for _, e := range f.Evidence {
			if e.ID == DMARCFail && rec.DMARC != "fail" || e.ID == SPFFail && rec.SPF != "fail" {
				t.Fatalf("%s from %+v", e.ID, rec)
			}
			if e.ID == UnalignedOnly && f.Auth.AuthorProven {
				t.Fatal("unaligned and proven")
			}
		}
	})
}

func BenchmarkAnalyze(b *testing.B) {
	body := strings.Repeat("A line of ordinary text in an ordinary message.\r\n", 400) // 19 KB
	raw := "From: Jane <jane@example.com>\r\nTo: r@example.test\r\nSubject: x\r\n\r\n" + body
	for _, bench := range []struct {
		name string
		raw  string
	}{{"unsigned", raw}, {"signed", sign(b, "example.com", raw)}} {
		b.Run(bench.name, func(b *testing.B) {
			s := stage()
			env := envelope(good, "mx.example.com", "jane@example.com")
			b.SetBytes(int64(len(bench.raw)))
			b.ReportAllocs()
			for b.Loop() {
				m := &mail.Message{Raw: []byte(bench.raw), Envelope: env}
				if err := s.Analyze(context.Background(), m, new(mail.Facts)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkForeignSpans(b *testing.B) {
	raw := []byte(strings.Repeat("Received: from a.example by b.example;\r\n Mon, 23 Nov 2026 08:00:00 +0000\r\n", 20) +
		"Authentication-Results: mx.example.org; spf=pass\r\nFrom: a@example.com\r\n\r\nbody\r\n")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if len(ForeignSpans(raw, "mx.example.org")) != 1 {
			b.Fatal("the forged field was not found")
		}
	}
}
