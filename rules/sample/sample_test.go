package sample

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"foregate/mail"
)

func TestRead(t *testing.T) {
	const message = "From: a@b.example\n\nX-Test-Envelope: helo=not.a.field\n"
	for name, tt := range map[string]struct {
		raw, rest string
		env       mail.Envelope
		err       string
	}{
		"nothing stated": {raw: message, rest: message, env: mail.Envelope{Recorded: &mail.RecordedAuth{}}},
		"everything": {
			raw:  "X-Test-Envelope: client_ip=203.0.113.9; helo=mx.b.example; rdns=mx.b.example; mail_from=<a@b.example>; rcpt_to=c@d.example; spf=pass; dkim=none; dmarc=fail;\r\n" + message,
			rest: message,
			env: mail.Envelope{ClientIP: netip.MustParseAddr("203.0.113.9"), Helo: "mx.b.example", RDNS: "mx.b.example", MailFrom: "a@b.example", HasFrom: true,
				Recipients: []string{"c@d.example"}, Recorded: &mail.RecordedAuth{SPF: "pass", DKIM: "none", DMARC: "fail"}},
		},
		"two fields, any case": {
			raw:  "x-test-envelope: spf=fail\nX-TEST-ENVELOPE: mail_from=\n" + message,
			rest: message,
			env:  mail.Envelope{HasFrom: true, Recorded: &mail.RecordedAuth{SPF: "fail"}},
		},
		"unknown fact":   {raw: "X-Test-Envelope: colour=red\n\n", err: `reading the sample: unknown fact "colour"`},
		"no value":       {raw: "X-Test-Envelope: spf\n\n", err: `reading the sample: "spf" is not name=value`},
		"no result word": {raw: "X-Test-Envelope: dmarc=good\n\n", err: `reading the sample: dmarc: "good" is no result of RFC 8601`},
		"no address":     {raw: "X-Test-Envelope: client_ip=here\n\n", err: `reading the sample: client_ip: ParseAddr("here"): unable to parse IP`},
		"too long":       {raw: "X-Test-Envelope: helo=" + strings.Repeat("a", maxField) + "\n\n", err: "reading the sample: a field of more than 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			env, rest, err := Read([]byte(tt.raw))
			if err != nil || tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error %v, want %s", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.env, env, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Error(diff)
			}
			if string(rest) != tt.rest {
				t.Errorf("rest %q, want %q", rest, tt.rest)
			}
		})
	}
}

// The organisation's parts fit together: its people are of its own domains.
func TestOrg(t *testing.T) {
	org := Org()
	for _, p := range org.VIPs {
		if _, host, _ := strings.Cut(p.Email, "@"); host != org.Domains[0] || p.FirstName == "" || p.LastName == "" {
			t.Errorf("%+v is not of %v", p, org.Domains)
		}
	}
	if len(org.VIPs) == 0 || len(org.Partners) == 0 || len(org.DisplayNames) == 0 {
		t.Errorf("%+v is not complete", org)
	}
}

// FuzzRead: what is left is a suffix of what came, and no field is left on top.
func FuzzRead(f *testing.F) {
	f.Add([]byte("X-Test-Envelope: client_ip=203.0.113.9; spf=pass\nFrom: a@b.example\n\nx"))
	f.Add([]byte("X-Test-Envelope: spf=pass\nX-Test-Envelope: helo==;;=\n"))
	f.Add([]byte("X-Test-Envelope:"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		env, rest, err := Read(raw)
		if err != nil {
			return
		}
		if !strings.HasSuffix(string(raw), string(rest)) {
			t.Errorf("%q is no suffix of %q", rest, raw)
		}
		if len(rest) >= len(field) && strings.EqualFold(string(rest[:len(field)]), field) {
			t.Errorf("a field is left: %q", rest)
		}
		if env.Recorded == nil {
			t.Error("recorded results are nil: they would be looked for")
		}
	})
}
