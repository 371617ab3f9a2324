package rule

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/mail"
	"foregate/mql"
)

// book holds rules in force.
func book(t *testing.T, lists *mql.Lists, rules ...*mql.Rule) *Book {
	t.Helper()
	set, errs := mql.NewEnv().CompileRules(rules)
	for _, err := range errs {
		t.Fatal(err)
	}
	b := &Book{}
	b.Swap(&Edition{Rules: set, Lists: lists})
	return b
}

func detection(id, source string, types ...string) *mql.Rule {
	return &mql.Rule{ID: id, Name: "Rule " + id, Kind: mql.Detection, Severity: "high", Source: source, AttackTypes: types}
}

const text = "From: a@b.example\r\nTo: c@d.example\r\nSubject: A lure\r\n\r\nPay the fee now.\r\n"

func analyze(t *testing.T, b *Book) *mail.Facts {
	t.Helper()
	f := &mail.Facts{}
	if err := (Stage{Book: b}).Analyze(t.Context(), mail.Parse(mail.Envelope{}, []byte(text)), f); err != nil {
		t.Fatal(err)
	}
	return f
}

const fires = `strings.icontains(subject.subject, "lure")`

// Each kind of rule keeps its own role.
func TestKinds(t *testing.T) {
	claimed := detection("2", fires, "BEC/Fraud", "Credential Phishing")
	claimed.Claim, claimed.Severity = "It speaks of a lure.", "LOW"
	insight := &mql.Rule{ID: "3", Name: "Fact", Kind: mql.Insight, Source: "sender.email.email"}
	automation := &mql.Rule{ID: "4", Name: "Act", Kind: mql.Automation, Source: "true"}
	f := analyze(t, book(t, nil, detection("1", fires), claimed, insight, automation, detection("5", `subject.subject == "other"`)))
	want := []evidence.Item{
		{ID: "rule.1", Claim: `Rule "Rule 1" fires.`, Weight: 0.8, Quote: "lure", Lineage: "rule"},
		{ID: "rule.2", Claim: "It speaks of a lure.", Weight: 0.2, Quote: "lure", Lineage: "rule bec/fraud"},
	}
	if d := cmp.Diff(want, f.Evidence); d != "" {
		t.Errorf("evidence (-want +got):\n%s", d)
	}
	var kinds []string
	for _, h := range f.Rules {
		kinds = append(kinds, h.Kind+" "+h.ID)
	}
	if got := strings.Join(kinds, ", "); got != "detection 1, detection 2, insight 3, automation 4" {
		t.Errorf("hits: %s", got)
	}
	if len(f.OpenRules) != 0 {
		t.Errorf("open: %v", f.OpenRules)
	}
}

// An exclusion takes the weight from the rules that fired, and is said.
func TestExclusion(t *testing.T) {
	f := analyze(t, book(t, nil, detection("1", fires), &mql.Rule{ID: "2", Name: "Known sender", Kind: mql.Exclusion, Source: `sender.email.domain.domain == "b.example"`}))
	want := []evidence.Item{{ID: "rule-exclusion", Claim: `The exclusion "Known sender" takes the weight from the rules that fired.`}}
	if d := cmp.Diff(want, f.Evidence); d != "" {
		t.Errorf("evidence (-want +got):\n%s", d)
	}
	if len(f.Rules) != 2 {
		t.Errorf("%d rules are recorded, want both", len(f.Rules))
	}
}

// What rules lacked is counted by name; it is no evidence.
func TestOpen(t *testing.T) {
	rules := []*mql.Rule{
		detection("1", `subject.subject in $nobody`),
		detection("2", `profile.by_sender().prevalence == "new" and `+fires),
		detection("3", `profile.by_sender().prevalence == "new" and subject.subject == "other"`), // false all the same
		detection("4", `profile.by_sender().prevalence == "new" or `+fires),                      // true all the same
	}
	f := analyze(t, book(t, nil, rules...))
	if d := cmp.Diff(map[string]int{"$nobody": 1, "profile.by_sender": 1}, f.OpenRules); d != "" {
		t.Errorf("open (-want +got):\n%s", d)
	}
	if len(f.Rules) != 1 || f.Rules[0].ID != "4" {
		t.Errorf("hits: %v", f.Rules)
	}
	var lists *mql.Lists
	f = analyze(t, book(t, lists.With("nobody", []string{"A lure"}), rules[0]))
	if len(f.Rules) != 1 || len(f.OpenRules) != 0 {
		t.Errorf("with the list: %v, open %v", f.Rules, f.OpenRules)
	}
}

// Without rules the stage says nothing.
func TestNoRules(t *testing.T) {
	for _, b := range []*Book{{}, book(t, nil)} {
		if f := analyze(t, b); len(f.Rules)+len(f.Evidence)+len(f.OpenRules) != 0 {
			t.Errorf("facts out of nothing: %+v", f)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"  a\r\n\tb\x00c  ":      "a b c",
		"bad \xff byte":          "bad \uFFFD byte",
		strings.Repeat("é", 200): strings.Repeat("é", evidence.MaxQuote/2),
		"\x1b[31mred":            " [31mred",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}
