package auth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
)

func TestHeader(t *testing.T) {
	tests := []struct {
		name, id string
		auth     mail.Auth
		want     string
	}{
		{"nothing known", "mx.example.org", mail.Auth{}, "mx.example.org;\r\n\tnone"},
		{"everything", "mx.example.org", mail.Auth{
			SPF: "pass", SPFDomain: "example.com", SPFReason: "ip4:192.0.2.1 of example.com matches 192.0.2.1",
			DKIM: []mail.DKIM{
				{Result: "pass", Domain: "example.com", Selector: "s1", Algorithm: "rsa-sha256", Weak: "short-key"},
				{Result: "fail", Domain: "bücher.example", Selector: "s;2", Algorithm: "ed25519-sha256", Reason: "the \"body\"\r\nchanged"},
			},
			DKIMResult: "pass", DMARC: "pass", DMARCPolicy: "reject", FromDomain: "example.com", ARC: "pass", ARCSealer: "lists.example.net",
		}, "mx.example.org;\r\n" +
			"\tspf=pass\r\n\treason=\"ip4:192.0.2.1 of example.com matches 192.0.2.1\"\r\n\tsmtp.mailfrom=example.com;\r\n" +
			"\tdkim=pass (short-key)\r\n\theader.d=example.com\r\n\theader.s=s1\r\n\theader.a=rsa-sha256;\r\n" +
			"\tdkim=fail\r\n\treason=\"the \\\"body\\\"??changed\"\r\n\theader.d=xn--bcher-kva.example\r\n\theader.s=\"s;2\"\r\n\theader.a=ed25519-sha256;\r\n" +
			"\tdmarc=pass (p=reject)\r\n\theader.from=example.com;\r\n" +
			"\tarc=pass\r\n\theader.d=lists.example.net"},
		{"HELO", "mx.example.org", mail.Auth{SPF: "fail", SPFDomain: "helo.example", SPFHelo: true, DKIMResult: "none", DMARC: "none"},
			"mx.example.org;\r\n\tspf=fail\r\n\tsmtp.helo=helo.example;\r\n\tdkim=none;\r\n\tdmarc=none"},
		{"hostile values", "mx.example.org", mail.Auth{SPF: "pa\r\nss", SPFDomain: "a\r\nX-Evil: 1", DMARC: "pass", DMARCPolicy: "x) spf=pass ("},
			"mx.example.org;\r\n\tspf=pass\r\n\tsmtp.mailfrom=\"a??X-Evil: 1\";\r\n\tdmarc=pass (p=x? spf=pass ?)"},
		{"our own name in U-labels", "mx.bücher.example", mail.Auth{}, "mx.xn--bcher-kva.example;\r\n\tnone"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Header(test.id, test.auth)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			// What we write must be recognised as ours when it comes back.
			raw := append(Field(test.id, test.auth), "\r\nbody"...)
			want := []mail.Span{{Start: 0, End: len(raw) - len("\r\nbody")}}
			if diff := cmp.Diff(want, ForeignSpans(raw, test.id)); diff != "" {
				t.Errorf("spans of our own field (-want +got)\n%s", diff)
			}
		})
	}
}

func TestForeignSpans(t *testing.T) {
	const id = "mx.example.org"
	tests := []struct{ name, cut, keep string }{ // the message is cut + keep
		{"plain", "Authentication-Results: mx.example.org; spf=pass\r\n", ""},
		{"case", "AUTHENTICATION-results: MX.Example.ORG; spf=pass\r\n", ""},
		{"version", "Authentication-Results: mx.example.org 1; spf=pass\r\n", ""},
		{"version without a blank before the semicolon", "Authentication-Results: mx.example.org\t1 ;none\r\n", ""},
		{"no results", "Authentication-Results: mx.example.org\r\n", ""},
		{"comment before", "Authentication-Results: (x (y) \\) z) mx.example.org; none\r\n", ""},
		{"comment behind", "Authentication-Results: mx.example.org(x);none\r\n", ""},
		{"comment within", "Authentication-Results: mx.(x)example.org; none\r\n", ""},
		{"folded", "Authentication-Results:\r\n\tmx.example.org;\r\n\tspf=pass\r\n", ""},
		{"folded within", "Authentication-Results: mx.\r\n example.org; none\r\n", ""},
		{"quoted", "Authentication-Results: \"mx.example.org\"; none\r\n", ""},
		{"quoted pairs", "Authentication-Results: \"m\\x.example.org\"; none\r\n", ""},
		{"encoded word", "Authentication-Results: =?utf-8?q?mx=2Eexample.org?=; none\r\n", ""},
		{"trailing dot", "Authentication-Results: mx.example.org.; none\r\n", ""},
		{"blank before the colon", "Authentication-Results : mx.example.org; none\r\n", ""},
		{"NUL in the name", "Authentication\x00-Results: mx.example.org; none\r\n", ""},
		{"NUL in the value", "Authentication-Results: mx.exam\x00ple.org; none\r\n", ""},
		{"lone LF", "Authentication-Results: mx.example.org; none\n", "Subject: x\n"},
		{"unclosed comment behind", "Authentication-Results: mx.example.org (; none\r\n", ""},
		{"unclosed quote", "Authentication-Results: \"mx.example.org\r\n", ""},
		{"full-width letters", "Authentication-Results: ｍｘ.example.org; none\r\n", ""},
		{"another server", "", "Authentication-Results: mx.example.com; spf=pass\r\n"},
		{"longer name", "", "Authentication-Results: mx.example.org.evil.example; spf=pass\r\n"},
		{"our name in a comment", "", "Authentication-Results: mx.example.com (mx.example.org); spf=pass\r\n"},
		{"our name in a result", "", "Authentication-Results: mx.example.com; spf=pass smtp.helo=mx.example.org\r\n"},
		{"ARC field", "", "ARC-Authentication-Results: i=1; mx.example.org; spf=pass\r\n"},
		{"other field", "", "X-Authentication-Results: mx.example.org; spf=pass\r\n"},
		{"in the body", "", "Subject: x\r\n\r\nAuthentication-Results: mx.example.org; spf=pass\r\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const before, after = "Received: from x\r\n by y\r\n", "Subject: x\r\n\r\nbody\r\n"
			var want []mail.Span
			if test.cut != "" {
				want = []mail.Span{{Start: len(before), End: len(before) + len(test.cut)}}
			}
			got := ForeignSpans([]byte(before+test.cut+test.keep+after), id)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for _, test := range []struct{ raw, want string }{ // with lone CRs: what is left
		{"Subject: x\rAuthentication-Results: mx.example.org; none\r\nTo: y\r\n\r\nbody", "Subject: x\r\nTo: y\r\n\r\nbody"},
		{"Subject: x\rAuthentication-Results: mx.example.org; none\r\n\r\nTo: y\r\n", "Subject: x\r\n\r\nTo: y\r\n"},
		{"Authentication-Results: mx.example.org; none\rFrom: a@b.example\r\n x\r\nTo: y\r\n\r\n", "To: y\r\n\r\n"},
		{"Authentication-Results: mx.example.org\rAuthentication-Results: mx.example.org\r\n\r\nbody", "\r\nbody"},
		{"X: y\rAuthentication-Results: mx.example.org\rAuthentication-Results: mx.example.org\rTo: z\r\n\r\n", "X: y\rTo: z\r\n\r\n"},
		{"X: y\r\r\nAuthentication-Results: mx.example.org\r\n\r\nbody", "X: y\r\r\n\r\nbody"},
	} {
		left, end := "", 0
		for _, s := range ForeignSpans([]byte(test.raw), id) {
			left, end = left+test.raw[end:s.Start], s.End
		}
		if left += test.raw[end:]; left != test.want {
			t.Errorf("%q leaves %q, want %q", test.raw, left, test.want)
		}
	}
	t.Run("U-label name", func(t *testing.T) {
		raw := []byte("Authentication-Results: mx.BÜCHER.example; none\r\nAuthentication-Results: mx.xn--bcher-kva.example; none\r\n\r\n")
		for _, id := range []string{"mx.bücher.example", "mx.xn--bcher-kva.example"} {
			if got := ForeignSpans(raw, id); len(got) != 2 {
				t.Errorf("%s: spans %v, want both", id, got)
			}
		}
	})
	t.Run("no name of our own", func(t *testing.T) {
		if got := ForeignSpans([]byte("Authentication-Results: ; none\r\n\r\n"), ""); got != nil {
			t.Errorf("spans %v", got)
		}
	})
}

func FuzzAuthHeaderSpans(f *testing.F) {
	for _, s := range []string{
		"Authentication-Results: mx.example.org; spf=pass\r\n\r\n",
		"Authentication-Results: (a(b)\\)c) \"mx.exa\\mple.org\" 1;\r\n x=y\r\nFrom: a\r\rAuthentication-Results:=?utf-8?q?mx.example.org?=",
		"Authentication-Results:\n\tmx.\n example.org\n\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		const id = "mx.example.org"
		spans := ForeignSpans(raw, id)
		end := 0
		var kept []byte
		for _, s := range spans {
			if s.Start < end || s.End <= s.Start || s.End > len(raw) {
				t.Fatalf("span %v behind %d in %d bytes", s, end, len(raw))
			}
			kept = append(kept, raw[end:s.Start]...)
			end = s.End
		}
		kept = append(kept, raw[end:]...)
		// Cutting must not bring a new claim to light.
		if left := ForeignSpans(kept, id); len(left) > 0 {
			t.Fatalf("%q, cut to %q, still claims our name", raw, kept)
		}
		for _, r := range parseResults(string(raw)) {
			if strings.ToLower(r.method) != r.method {
				t.Fatalf("method %q", r.method)
			}
		}
	})
}
