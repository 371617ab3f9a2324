package rule_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/mail"
	"foregate/mql"
	"foregate/scan/rule"
)

const (
	plain     = "name: No claim\nid: a\nseverity: medium\nsource: |\n  strings.icontains(body.current_thread.text, 'gift')\n"
	claiming  = "name: Claims\nid: b\nclaim: The message wants\n  gift cards.\nseverity: high\nsource: |\n  sender.email.domain.tld == 'example' and regex.icontains(body.current_thread.text, 'buy \\w+ cards')\n"
	lacking   = "name: Lacks\nid: c\nseverity: high\nsource: |\n  sender.email.email in $friends or profile.by_sender().solicited\n"
	excluding = "name: Known\nid: d\ntype: exclusion\nsource: |\n  sender.email.local_part == 'a'\n"
	silent    = "name: Silent\nid: e\nseverity: high\nsource: |\n  strings.icontains(body.current_thread.text, 'invoice')\n"
)

// look runs the stage with the rules over one message.
func look(t *testing.T, rules ...string) *mail.Facts {
	t.Helper()
	files := fstest.MapFS{}
	for i, r := range rules {
		files[string(rune('0'+i))+".yml"] = &fstest.MapFile{Data: []byte(r)}
	}
	set, errs := mql.NewEnv().Load(files)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	book := &rule.Book{}
	book.Swap(&rule.Edition{Rules: set})
	m := mail.Parse(mail.Envelope{}, []byte("From: a@b.example\nSubject: hello\n\nPlease buy gift cards.\n"))
	f := &mail.Facts{}
	if err := (rule.Stage{Book: book}).Analyze(context.Background(), m, f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDetectionsAreEvidence(t *testing.T) {
	f := look(t, plain, claiming, lacking, silent)
	want := []evidence.Item{
		{ID: "rule.a", Claim: `Rule "No claim" fires.`, Weight: 0.5, Quote: "gift", Lineage: "rule"},
		{ID: "rule.b", Claim: "The message wants gift cards.", Weight: 0.8, Quote: "buy gift cards", Lineage: "rule"},
	}
	if diff := cmp.Diff(want, f.Evidence); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"$friends": 1, "profile.by_sender": 1}, f.OpenRules); diff != "" {
		t.Error(diff)
	}
}

func TestExclusionTakesTheWeight(t *testing.T) {
	f := look(t, plain, excluding)
	want := []evidence.Item{{ID: "rule-exclusion", Claim: `The exclusion "Known" takes the weight from the rules that fired.`}}
	if diff := cmp.Diff(want, f.Evidence); diff != "" {
		t.Error(diff)
	}
	if len(f.Rules) != 2 {
		t.Errorf("%d rules are recorded, want both", len(f.Rules))
	}
}

func TestNoRules(t *testing.T) {
	f := &mail.Facts{}
	if err := (rule.Stage{Book: &rule.Book{}}).Analyze(context.Background(), mail.Parse(mail.Envelope{}, nil), f); err != nil || len(f.Evidence) > 0 {
		t.Errorf("%v, %v", f.Evidence, err)
	}
}
