package mql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
)

func TestCheckErrors(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "check", "errors.txt"))
	if err != nil {
		t.Fatal(err)
	}
	env := NewEnv()
	for i, c := range strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n===\n") {
		src, want, ok := strings.Cut(c, "\n---\n")
		if !ok {
			t.Fatalf("case %d has no ---", i)
		}
		var got []string
		for _, e := range env.Check("rule.yml", src) {
			got = append(got, e.Error())
		}
		if d := cmp.Diff(want, strings.Join(got, "\n")); d != "" {
			t.Errorf("source %q (-want +got):\n%s", src, d)
		}
	}
}

const goodRule = `name: "A rule"
description: |
  Two
  lines.
type: "rule"
severity: high
source: |
  type.inbound
  and any(body.links, .display_text == "open")
attack_types:
  - "Credential Phishing"
tags: [one, two]
id: "11111111-1111-5111-8111-111111111111"
unknown_field: {a: 1}
`

func TestParseRule(t *testing.T) {
	got, err := ParseRule("rules/a.yml", []byte(goodRule))
	if err != nil {
		t.Fatal(err)
	}
	want := &Rule{
		ID: "11111111-1111-5111-8111-111111111111", Name: "A rule", Description: "Two\nlines.\n", Type: "rule", Severity: "high",
		Source:      "type.inbound\nand any(body.links, .display_text == \"open\")\n",
		AttackTypes: []string{"Credential Phishing"}, Tags: []string{"one", "two"},
		Kind: Detection, File: "rules/a.yml", Line: 8, Indent: 2,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for file, kind := range map[string]Kind{"insights/x/a.yml": Insight, "dlp-discovery-rules/a.yml": DLP, "discovery-rules/a.yml": Discovery, "exclusions/a.yml": Exclusion, "automations/a.yml": Automation} {
		if r, err := ParseRule(file, []byte(goodRule)); err != nil || r.Kind != kind {
			t.Errorf("%s: %v, %v", file, r.Kind, err)
		}
	}
	if r, err := ParseRule("a.yml", []byte("name: x\nsource: true\n")); err != nil || r.Source != "true" {
		t.Errorf("boolean source: %+v, %v", r, err)
	}
	for _, text := range []string{"\ufeffname: x\nsource: true\n", "name: x\nsource: >\n  true\n\n", "name: x\nsource: \"true\"   \n\n\n"} {
		if r, err := ParseRule("a.yml", []byte(text)); err != nil || strings.TrimSpace(r.Source) != "true" {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
	if r, err := ParseRule("a.yml", []byte("name: no rule\n")); r != nil || err != nil {
		t.Errorf("no rule: %v, %v", r, err)
	}
}

// manyKeys is n lines of a mapping.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

// FuzzParseRule holds that no file brings the reader down, and that a rule it gives
// has what all others count on.
func FuzzParseRule(f *testing.F) {
	f.Add(goodRule)
	f.Add("name: x\nsource: >\n  type.inbound\n  and true\n")
	f.Add("name: x\ntags: [a, {b: [c]}]\nsource: true\n---\n")
	f.Add("- - - ? x\n: [}")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule("a.yml", []byte(text))
		if err != nil && !strings.HasPrefix(err.Error(), "a.yml:") {
			t.Errorf("the error does not name the file: %v", err)
		}
		if r != nil && (err != nil || r.Name == "" || strings.TrimSpace(r.Source) == "" || r.Line < 1 || len(r.Name) > maxText) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestParseRuleErrors(t *testing.T) {
	bomb := "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nname: n\nsource: 'true'\n"
	for name, c := range map[string]struct{ raw, want string }{
		"bomb":         {bomb, `a.yml: line 1: "&" is not allowed in rule files`},
		"empty source": {"name: n\nsource: ''\n", "a.yml:2: source: is empty"},
		"list source":  {"name: n\nsource: [a]\n", "a.yml:2: source: expected an expression as text"},
		"no name":      {"source: 'true'\n", "a.yml: rule has no name"},
		"list":         {"- a\n- b\n", "a.yml: expected one mapping of names to values"},
		"two":          {"name: n\nsource: 'true'\n---\nname: m\n", "a.yml: more than one document"},
		"huge":         {strings.Repeat("#", maxRuleFile+1), "a.yml: more than 1048576 bytes"},
		"folded":       {"name: n\nsource: >\n  true // always\n  and false\n", `a.yml:2: source: YAML joins its lines, and the // comment takes all that follows; begin it with "|"`},
		"plain":        {"name: n\nsource: true // always\n  and false\n", `a.yml:2: source: YAML joins its lines, and the // comment takes all that follows; begin it with "|"`},
		"quoted":       {"name: n\nsource: \"true // always\n  and false\"\n", `a.yml:2: source: YAML joins its lines, and the // comment takes all that follows; begin it with "|"`},
		"severity":     {"name: n\nseverity: hgih\nsource: 'true'\n", `a.yml:2: severity: "hgih" is none of critical, high, medium, low, informational`},
		"type":         {"name: n\ntype: ruel\nsource: 'true'\n", `a.yml:2: type: "ruel" is none of rule, query, insight, exclusion, dlp, triage_rule`},
		"misspelt":     {"name: n\nsource: 'true'\nsevreity: high\n", `a.yml:3: rules have no field "sevreity"; did you mean "severity"?`},
		"nested":       {"name: x\ntags: " + strings.Repeat("[", maxTokens/2) + "\n", "a.yml: line 2: lists are nested deeper than 64 levels"},
		"dashes":       {"name: x\ntags:\n  " + strings.Repeat("- ", 20_000) + "x\n", "a.yml: line 3: lists are nested deeper than 64 levels"},
		"keys":         {"name: x\n" + manyKeys(maxKeys), "a.yml: line 5001: more than 5000 keys"},
		"brackets":     {"name: " + strings.Repeat("[", maxTokens+1), "a.yml: more than 200000 brackets"},
		"tag list":     {"name: n\nsource: 'true'\ntags: [{a: b}]\n", "a.yml:3: tags: expected a list of at most 1000 texts"},
	} {
		_, err := ParseRule("a.yml", []byte(c.raw))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v\nwant %s", name, err, c.want)
		}
	}
	if _, err := ParseRule("a.yml", []byte("name: \"open\nsource: x\n")); err == nil || !strings.HasPrefix(err.Error(), "a.yml: ") {
		t.Errorf("malformed YAML: %v", err)
	}
}

// TestLoadErrors holds that errors are kept per file, in the file's own lines,
// beside the rules that could be read.
func TestLoadErrors(t *testing.T) {
	fsys := fstest.MapFS{
		"a.yml":      {Data: []byte(goodRule)},
		"b.yml":      {Data: []byte(strings.NewReplacer("display_text", "display_txt", "id: \"1", "id: \"2").Replace(goodRule))},
		"c/copy.yml": {Data: []byte(goodRule)},
		"notes.yaml": {Data: []byte("just: data\n")},
		"readme.md":  {Data: []byte("no YAML")},
	}
	rs, errs := NewEnv().Load(fsys)
	if len(rs.Rules) != 1 || rs.Rules[0].File != "a.yml" {
		t.Errorf("%d rules", len(rs.Rules))
	}
	var got []string
	for _, err := range errs {
		got = append(got, err.Error())
	}
	want := []string{
		"b.yml:9:24: Link has no field \"display_txt\"; did you mean \"display_text\"?\n      and any(body.links, .display_txt == \"open\")\n                           ^",
		"c/copy.yml: id 11111111-1111-5111-8111-111111111111 is taken by a.yml",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func ruleSet(t testing.TB, sources ...string) *RuleSet {
	t.Helper()
	var rules []*Rule
	for i, s := range sources {
		rules = append(rules, &Rule{Name: s, ID: string(rune('a' + i)), Source: s, File: "test", Line: 1})
	}
	rs, errs := NewEnv().CompileRules(rules)
	for _, err := range errs {
		t.Fatal(err)
	}
	return rs
}

func TestOutcomes(t *testing.T) {
	rs := ruleSet(t,
		`type.inbound and strings.icontains(body.current_thread.text, "pay the INVOICE")`,
		`type.inbound and regex.icontains(subject.subject, 'invoice \d+') and not strings.contains(subject.subject, "x")`,
		`false`,
		`null == 1`,
		`type.inbound and network.whois(sender.email.domain).found`,
		`type.outbound and network.whois(sender.email.domain).found`,
		`null == 1 and network.whois(sender.email.domain).found`,
		`filter(map(recipients.to, .email.email), strings.starts_with(., "a"))`,
		`filter(recipients.cc, true)`,
		`ml.nlu_classifier("fail").language == "x"`,
	)
	res, err := rs.Eval(context.Background(), sample(), testCaps(), testLists())
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Source, State, Missing, Shown string
		Quotes                        []Quote
	}
	var got []row
	for _, o := range res.Outcomes {
		got = append(got, row{o.Rule.Source, o.State.String(), strings.Join(o.Missing, " "), o.Shown, o.Quotes})
	}
	want := []row{
		{rs.Rules[0].Source, "true", "", "", []Quote{{Where: "body.current_thread.text", Pattern: "pay the INVOICE", Text: "PAY the invoice"}}},
		{rs.Rules[1].Source, "true", "", "", []Quote{{Where: "subject.subject", Pattern: `invoice \d+`, Text: "Invoice 42"}}},
		{rs.Rules[4].Source, "indeterminate", "network.whois", "", nil},
		{rs.Rules[7].Source, "true", "", `["ann@org.com"]`, nil},
		{rs.Rules[9].Source, "indeterminate", "ml.nlu_classifier", "", nil},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]string{"ml.nlu_classifier": "classifier is away"}, res.Reasons); d != "" {
		t.Errorf("reasons (-want +got):\n%s", d)
	}
}

// TestAskedOnce holds that a capability is asked once per message and
// arguments, and not at all where cheaper conditions decide.
func TestAskedOnce(t *testing.T) {
	asked := map[any]int{}
	caps := Capabilities{"ml.nlu_classifier": func(_ context.Context, _ *mail.Message, args []any) (any, error) {
		asked[args[0]]++
		return nil, nil
	}}
	rs := ruleSet(t,
		`ml.nlu_classifier(subject.base).language == "a"`,
		`ml.nlu_classifier(subject.base).language == "b" and type.inbound`,
		`any(recipients.to, ml.nlu_classifier(subject.base).language == .display_name)`,
		`ml.nlu_classifier("never").language == "b" and type.outbound`,
	)
	if _, err := rs.Eval(context.Background(), sample(), caps, nil); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[any]int{"Invoice 42 überfällig": 1}, asked); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestBudget holds that no rule can hang the gate, that running out is never
// false, and that other rules do not suffer.
func TestBudget(t *testing.T) {
	many := &mail.Message{}
	for i := range 2000 { // all different: those that are alike are looked at once
		many.Body.Links = append(many.Body.Links, mail.Link{DisplayText: fmt.Sprint("x", i)})
	}
	rs := ruleSet(t,
		`any(body.links, any(body.links, any(body.links, .display_text == ..display_text and ...display_text == "y")))`,
		`length(body.links) == 2000`,
		`length(flatten(map(body.links, map(body.links, map(body.links, .display_text))))) > 5`,
	)
	res, err := rs.Eval(context.Background(), many, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range res.Outcomes {
		got = append(got, o.State.String()+" "+strings.Join(o.Missing, " "))
	}
	if d := cmp.Diff([]string{"indeterminate step budget", "true ", "indeterminate step budget"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	res, err = rs.Eval(ctx, many, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range res.Outcomes {
		if o.State != Indeterminate || o.Missing[0] != "time budget" {
			t.Errorf("%s after the deadline: %s %v", o.Rule.Source, o.State, o.Missing)
		}
	}
	if len(res.Outcomes) != 3 {
		t.Errorf("%d outcomes after the deadline", len(res.Outcomes))
	}
}

// TestConcurrent holds that one rule set serves many messages at once.
func TestConcurrent(t *testing.T) {
	rs := ruleSet(t, `any(body.links, strings.icontains(.display_text, "open"))`, `length(distinct(map(recipients.to, .email.email))) == 2`)
	done := make(chan int)
	for range 8 {
		go func() {
			n := 0
			for range 50 {
				res, err := rs.Eval(context.Background(), sample(), testCaps(), nil)
				if err == nil {
					n += len(res.Outcomes)
				}
			}
			done <- n
		}()
	}
	for range 8 {
		if n := <-done; n != 100 {
			t.Errorf("%d outcomes, want 100", n)
		}
	}
}

func TestFunctionTable(t *testing.T) {
	for _, f := range NewEnv().Functions() {
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s has no documentation: %q", f.Name, f.Doc)
		}
	}
}

// TestListsElsewhere holds that a list that lives elsewhere is asked once per
// message and entry, for a bounded number of entries, and that what it can't
// answer is missing, not false.
func TestListsElsewhere(t *testing.T) {
	asked := map[string]int{}
	l := (&Lists{}).WithLookup("sender_emails", func(_ context.Context, e string) (bool, error) {
		asked[e]++
		if e == "unknown@evil.com" {
			return false, errors.New("no history")
		}
		return e == "ceo@evil.com", nil
	})
	rs := ruleSet(t,
		`sender.email.email in $sender_emails`,
		`type.inbound and any(recipients.to, sender.email.email in~ $sender_emails)`,
		`sender.email.email not in $sender_emails`,
		`"unknown@evil.com" not in $sender_emails`,
		`any($sender_emails, . == "x")`,
	)
	res, err := rs.Eval(context.Background(), sample(), nil, l)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range res.Outcomes {
		got = append(got, o.Rule.ID+" "+o.State.String()+" "+strings.Join(o.Missing, ","))
	}
	if d := cmp.Diff([]string{"a true ", "b true ", "d indeterminate $sender_emails", "e indeterminate $sender_emails"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]int{"ceo@evil.com": 1, "unknown@evil.com": 1}, asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	m := sample()
	for i := range 2000 {
		m.Recipients.CC = append(m.Recipients.CC, mail.Mailbox{Email: mail.EmailAddress{Email: fmt.Sprintf("p%d@x.example", i)}})
	}
	clear(asked)
	rs = ruleSet(t, `any(recipients.cc, .email.email in $sender_emails)`)
	if res, err = rs.Eval(context.Background(), m, nil, l); err != nil || len(res.Outcomes) != 1 || res.Outcomes[0].State != Indeterminate {
		t.Errorf("too many questions: %+v, %v", res.Outcomes, err)
	}
	if len(asked) != 500 {
		t.Errorf("%d entries were asked for, want 500", len(asked))
	}
}
