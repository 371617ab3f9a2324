package policy

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"foregate/evidence"
	"foregate/mail"
)

func testPolicy() Policy {
	return Policy{
		Weights: evidence.NewTable([]evidence.Entry{
			{ID: "one", Weight: 1, Prior: true}, {ID: "half", Weight: .5, Prior: true},
			{ID: "big", Weight: 2.5, NPhish: 1}, {ID: "good", Weight: -1, Prior: true},
		}),
		Prior: -2,
		Groups: []Group{
			{Name: "press", Match: []string{"@press.example.test", "desk@example.test"}, FlagAt: -1, HoldAt: 2, RejectAt: Never, SubjectTag: "[?]"},
			{Name: "everyone", FlagAt: 0, HoldAt: 1, RejectAt: 4},
		},
		Allow:    []Allow{{Sender: "@partner.example", Reason: "partner"}},
		Gaps:     map[string]mail.Disposition{"auth": mail.Defer, "": mail.Deliver},
		Findings: map[string]mail.Disposition{"program": mail.Hold, "odd": mail.Flag},
	}
}

func message(sender string, rcpts ...string) *mail.Message {
	m := &mail.Message{Envelope: mail.Envelope{Recipients: rcpts}}
	m.Sender.Email.Email = sender
	return m
}

func items(ids ...string) []evidence.Item {
	var out []evidence.Item
	for _, id := range ids {
		out = append(out, evidence.Item{ID: id, Claim: "claim of " + id})
	}
	return out
}

func TestDecide(t *testing.T) {
	tests := []struct {
		name   string
		sender string
		rcpts  []string
		facts  *mail.Facts
		want   []mail.Disposition
		notes  []string
	}{
		{"nothing found is delivered", "a@b.example", []string{"x@example.test"}, &mail.Facts{}, []mail.Disposition{mail.Deliver}, []string{}},
		{"one recipient held, another flagged", "a@b.example", []string{"x@example.test", "Desk@Example.test"}, &mail.Facts{Evidence: items("big", "half")},
			[]mail.Disposition{mail.Hold, mail.Flag}, []string{`odds 10 to 1 for reach the threshold of group "everyone" for hold`, `odds 10 to 1 for reach the threshold of group "press" for flag`}},
		{"an allow entry holds for a proven sender", "a@mail.partner.example", []string{"x@example.test"},
			&mail.Facts{Evidence: items("big", "one"), Auth: mail.Auth{AuthorProven: true}}, []mail.Disposition{mail.Deliver},
			[]string{"allowed by entry @partner.example (partner): the sender authenticated", `odds 32 to 1 for reach the threshold of group "everyone" for hold`}},
		{"and not for one who only says so", "a@partner.example", []string{"x@example.test"}, &mail.Facts{Evidence: items("big", "one")}, []mail.Disposition{mail.Hold},
			[]string{"allow-list entry @partner.example does not hold: the sender did not authenticate", `odds 32 to 1 for reach the threshold of group "everyone" for hold`}},
		{"a look-alike of an allowed domain is not in it", "a@notpartner.example", []string{"x@example.test"},
			&mail.Facts{Evidence: items("big", "one"), Auth: mail.Auth{AuthorProven: true}}, []mail.Disposition{mail.Hold},
			[]string{`odds 32 to 1 for reach the threshold of group "everyone" for hold`}},
		{"a gap has its line and its rule", "a@b.example", []string{"x@example.test"}, &mail.Facts{Gaps: []mail.Gap{{Stage: "auth", Err: "DNS away"}, {Stage: "link", Err: "deadline"}}},
			[]mail.Disposition{mail.Defer}, []string{"stage auth could not look (DNS away): policy says defer", "stage link could not look (deadline): policy says deliver"}},
		{"measured items keep their weight", "a@b.example", []string{"x@example.test"}, &mail.Facts{Evidence: []evidence.Item{{ID: "one", Weight: 7, Measured: true}}},
			[]mail.Disposition{mail.Reject}, []string{`odds 100,000 to 1 for reach the threshold of group "everyone" for reject`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := testPolicy().Decide(message(tt.sender, tt.rcpts...), tt.facts)
			var got []mail.Disposition
			for _, r := range v.Recipients {
				got = append(got, r.Disposition)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tt.notes, v.Notes); d != "" {
				t.Error(d)
			}
		})
	}
}

// What an organisation does not want is held whatever the odds and whoever is
// allowed, and the explanation says that this was policy.
func TestFindings(t *testing.T) {
	tests := []struct {
		name  string
		rcpts []string
		facts *mail.Facts
		want  mail.Disposition
		by    string
	}{
		{"held though nothing else speaks for an attack", []string{"x@example.test"}, &mail.Facts{Evidence: items("program", "good", "odd")}, mail.Hold, "program"},
		{"and from an allowed sender", []string{"x@example.test"}, &mail.Facts{Evidence: items("program"), Auth: mail.Auth{AuthorProven: true}}, mail.Hold, "program"},
		{"without recipients", nil, &mail.Facts{Evidence: items("program")}, mail.Hold, "program"},
		{"the odds went as far", []string{"x@example.test"}, &mail.Facts{Evidence: items("program", "big", "one")}, mail.Hold, ""},
		{"and farther for another recipient", []string{"desk@example.test", "x@example.test"}, &mail.Facts{Evidence: append(items("program", "one"), evidence.Item{ID: "sure", Weight: 5, Measured: true})}, mail.Reject, ""},
		{"a warning only", []string{"x@example.test"}, &mail.Facts{Evidence: items("odd")}, mail.Flag, "odd"},
		{"no rule", []string{"x@example.test"}, &mail.Facts{Evidence: items("half")}, mail.Deliver, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := testPolicy().Decide(message("a@partner.example", tt.rcpts...), tt.facts)
			if v.Disposition != tt.want || v.Finding != tt.by {
				t.Errorf("%s because of %q, want %s because of %q; notes %q", v.Disposition, v.Finding, tt.want, tt.by, v.Notes)
			}
		})
	}
}

// More evidence of an attack never makes a disposition milder.
func TestDecideMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.SampledFrom([]string{"one", "half", "big", "good"})).Draw(t, "ids")
		p, m := testPolicy(), message("a@b.example", "x@example.test")
		before := p.Decide(m, &mail.Facts{Evidence: items(ids...)})
		after := p.Decide(m, &mail.Facts{Evidence: items(append(ids, "one")...)})
		if severity(after.Disposition) < severity(before.Disposition) {
			t.Fatalf("%s became %s", before.Disposition, after.Disposition)
		}
		if after.LogOdds <= before.LogOdds || math.IsNaN(after.Probability) {
			t.Fatalf("odds %v became %v", before.LogOdds, after.LogOdds)
		}
	})
}

func TestOdds(t *testing.T) {
	tests := []struct {
		w    evidence.Weight
		want string
	}{
		{0, "even"}, {.3, "2 to 1 for"}, {1.6, "40 to 1 for"}, {-3, "1,000 to 1 against"}, {4.1, "13,000 to 1 for"}, {12, "over 1,000,000 to 1 for"},
	}
	for _, tt := range tests {
		if got := Odds(tt.w); got != tt.want {
			t.Errorf("Odds(%v) = %q, want %q", tt.w, got, tt.want)
		}
	}
}

func TestSummary(t *testing.T) {
	v := testPolicy().Decide(message("a@b.example"), &mail.Facts{Evidence: items("half", "big", "good")})
	if got, want := Summary(v), "flag: even because claim of big; claim of half."; got != want {
		t.Errorf("Summary = %q, want %q", got, want)
	}
}

func TestSentences(t *testing.T) {
	item := func(id, lineage, claim string, w evidence.Weight) evidence.Item {
		return evidence.Item{ID: id, Lineage: lineage, Claim: claim, Weight: w}
	}
	tests := []struct {
		name string
		v    mail.Verdict
		want []string
	}{
		{"two causes", mail.Verdict{Disposition: mail.Hold, LogOdds: 3, Reasons: []evidence.Item{
			item("claim.x", "who", "says it is A, but writes from b.example", 2), item("claim.y", "who", "The name is not the sender's.", 1.5), item("link.z", "", "a link leads elsewhere", 1)}},
			[]string{"This message is held: it is almost certainly an attack (odds 1,000 to 1 for).",
				"What speaks most for an attack: Says it is A, but writes from b.example.", "Besides: A link leads elsewhere."}},
		{"one cause", mail.Verdict{Disposition: mail.Flag, LogOdds: .3, Reasons: []evidence.Item{item("link.z", "", "a link leads elsewhere", 1)}},
			[]string{"This message is delivered with a warning: it is more likely an attack than not (odds 2 to 1 for).",
				"What speaks most for an attack: A link leads elsewhere.", "Do not sign in, pay or open a file because of it before you have asked the sender in another way."}},
		{"nothing", mail.Verdict{Disposition: mail.Deliver, LogOdds: -2}, []string{"This message is delivered: it is very likely no attack (odds 100 to 1 against).",
			"Nothing in it speaks for an attack.", "Nothing is known that speaks against one either."}},
		{"ordinary", mail.Verdict{Disposition: mail.Deliver, LogOdds: -.5, Reasons: []evidence.Item{item("text.a", "", "asks for something", 1), item("sender.b", "", "writes as ever", -.5), item("x.c", "", "small", .05)}},
			[]string{"This message is delivered: it is more likely no attack than one (odds 3.2 to 1 against).", "What speaks most for an attack: Asks for something.", "What speaks most against one: Writes as ever."}},
		{"held by policy", mail.Verdict{Disposition: mail.Hold, LogOdds: .3, Finding: "file.embedded-program", Reasons: []evidence.Item{item("rule.x", "", "asks to click", 1), item("file.embedded-program", "", "the document carries a program", .25)}},
			[]string{"This message is held whatever the odds (2 to 1 for), as the organisation decided for what it carries: the document carries a program.", "What speaks most for an attack: Asks to click.", "If you expect it, ask the sender by another way than mail, and your administrator to release it."}},
		{"one thing for, none against", mail.Verdict{Disposition: mail.Deliver, LogOdds: -.5, Reasons: []evidence.Item{item("text.a", "", "asks for something", 1)}},
			[]string{"This message is delivered: it is more likely no attack than one (odds 3.2 to 1 against).", "What speaks most for an attack: Asks for something.", "Nothing is known that speaks against one."}},
		{"a warning by policy", mail.Verdict{Disposition: mail.Flag, LogOdds: -2, Finding: "file.macro", Reasons: []evidence.Item{item("file.macro", "", "the document has macros", .2)}},
			[]string{"This message is delivered with a warning whatever the odds (100 to 1 against), as the organisation decided for what it carries: the document has macros.", "What speaks most for an attack: The document has macros.", "Do not sign in, pay or open a file because of it before you have asked the sender in another way."}},
		{"not yet", mail.Verdict{Disposition: mail.Defer}, []string{"This message could not be judged yet; its sender will try again.", "Nothing in it speaks for an attack.", "Nothing is known that speaks against one either."}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, Sentences(tt.v)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}
