package sender

import (
	"math"
	"testing"

	"foregate/mail"
)

// signedBy puts a signature of a domain on a message: its field, and the result
// that the auth stage would have found.
func signedBy(m *mail.Message, f *mail.Facts, domain string, result mail.Result) {
	m.Headers.Hops[0].Signature = &mail.Signature{Type: "dkim", Domain: domain, Selector: "s1"}
	f.Auth.DKIMResult = result
	f.Auth.DKIM = append(f.Auth.DKIM, mail.DKIM{Domain: domain, Selector: "s1", Result: result})
}

// TestForwarderAndForger holds the ways in which unproven mail from a new network
// comes about against each other: the less of the sender's it still has, the more
// it is a forger's.
func TestForwarderAndForger(t *testing.T) {
	o := newOffice(t)
	for range 40 {
		m, f := o.message(usualLetter())
		signedBy(m, f, "partner.example.com", mail.ResultPass)
		if err := o.stage.Learn(t.Context(), m, f, mail.Verdict{Disposition: mail.Deliver}); err != nil {
			t.Fatal(err)
		}
		o.pass(24 * 3600 * 1e9)
	}
	trace := &mail.Received{Source: &mail.RawClause{Raw: "mail.partner.example.com (mail.partner.example.com [198.51.100.7])"}}
	ways := []struct {
		name   string
		listed bool
		trace  *mail.Received
		signer string // "" for no signature
	}{
		{"through a list that says so", true, trace, "partner.example.com"},
		{"forwarded, with its trace and its broken signature", false, trace, "partner.example.com"},
		{"with its signature, which does not hold", false, nil, "partner.example.com"},
		{"signed by somebody else", false, nil, "evil.example.net"},
		{"with no signature", false, nil, ""},
	}
	last := math.Inf(-1)
	for i, w := range ways {
		l := usualLetter()
		l.ip, l.rdns, l.proven = "203.0.113.9", "host1.evil.example.net", false
		m, f := o.message(l)
		switch w.signer {
		case "":
		case "partner.example.com":
			signedBy(m, f, w.signer, mail.ResultFail)
		default:
			signedBy(m, f, w.signer, mail.ResultPass)
		}
		m.Headers.Hops[0].Received = w.trace
		if w.listed {
			m.Headers.Hops[0].Fields = append(m.Headers.Hops[0].Fields, mail.HopField{Name: "List-Id", Value: "<x.example.net>"})
		}
		if err := o.stage.Analyze(t.Context(), m, f); err != nil {
			t.Fatal(err)
		}
		got := float64(f.Sender.LogRatio)
		t.Logf("%s: %+.2f", w.name, got)
		if got < 0 || f.Evidence != nil && f.Evidence[0].ID == IDKnown {
			t.Errorf("%s: log ratio %.2f: header fields that anybody can write speak for the message", w.name, got)
		}
		if got < last || i >= 2 && got == last {
			t.Errorf("%s: log ratio %.2f, not above %.2f of: %s", w.name, got, last, ways[max(0, i-1)].name)
		}
		last = got
	}
	if last < 1 {
		t.Errorf("a forger's message with nothing of the sender's has a log ratio of only %.2f", last)
	}
}

// TestProofChanges tells how a proof can change.
func TestProofChanges(t *testing.T) {
	auth := func(text string) finding {
		return finding{kind: kindAuth, changed: text != "", now: trait{text: text}}
	}
	dkim := func(text string) finding {
		return finding{kind: kindDKIM, changed: text != "", now: trait{text: text}}
	}
	tests := []struct {
		name   string
		all    []finding
		signed bool
		want   proofChange
	}{
		{"another signer, proven", []finding{auth(""), dkim("new.example")}, false, proofOther},
		{"unsigned, but proven by SPF", []finding{auth(""), dkim(noSignature)}, false, proofOther},
		{"broken", []finding{auth("failed"), dkim("failed")}, true, proofBroken},
		{"somebody else's", []finding{auth("failed"), dkim("evil.example")}, false, proofForeign},
		{"bare", []finding{auth("failed"), dkim(noSignature)}, false, proofBare},
		{"bare and not checked", []finding{auth("unknown"), dkim(noSignature)}, false, proofBare},
	}
	for _, tt := range tests {
		if got := proofOf(tt.all, path{signed: tt.signed}); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestScenarios holds the tables to what they must be: shares and chances.
func TestScenarios(t *testing.T) {
	for name, all := range map[string][]scenario{"honest": honest(), "hostile": hostile()} {
		sum := 0.0
		for i, s := range all {
			sum += s.share
			proofs := 0.0
			for _, p := range s.proof {
				proofs += p
			}
			if math.Abs(proofs-1) > 1e-9 {
				t.Errorf("%s %d: the changes of proof have %v together, want 1", name, i, proofs)
			}
			for g, p := range s.p {
				if p != usual && (p <= 0 || p >= 1) {
					t.Errorf("%s %d: chance %v of group %d", name, i, p, g)
				}
			}
			if s.passes <= 0 || s.passes >= 1 || s.listed <= 0 || s.listed >= 1 {
				t.Errorf("%s %d: passes %v, listed %v", name, i, s.passes, s.listed)
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("the %s scenarios have a share of %v together, want 1", name, sum)
		}
	}
}

// TestHistoryIsMarked: what tells somebody in a correspondent's place is history,
// what is as true of a thief in its account is not.
func TestHistoryIsMarked(t *testing.T) {
	o := newOffice(t)
	o.daily(usualLetter(), 40)
	theft := usualLetter()
	theft.ip, theft.rdns, theft.mailer, theft.body = "203.0.113.9", "host1.evil.example.net", "PHPMailer", "See https://evil.example.net now"
	for id, it := range o.look(theft) {
		if !it.History {
			t.Errorf("%s is not marked", id)
		}
	}
	stranger := usualLetter()
	stranger.from, stranger.name = "new@elsewhere.example", "Nobody Known"
	for id, it := range o.look(stranger) {
		if it.History {
			t.Errorf("%s is marked", id)
		}
	}
}
