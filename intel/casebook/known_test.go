package casebook

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"foregate/evidence"
	"foregate/intel"
	"foregate/intel/attrib"
)

// uses is an assertion that an actor uses something, by a report.
func uses(actor string, kind intel.Kind, what, report string) intel.Assertion {
	return intel.Assertion{
		Subject: intel.Node{Kind: intel.IntrusionSet, Value: actor}, Relation: intel.Uses,
		Object: intel.Node{Kind: kind, Value: what}, Source: intel.Source{Name: "list", Origin: report},
	}
}

// world is 150 actors with common techniques and a tool each; Rare alone has two
// techniques more.
func world() []intel.Assertion {
	var as []intel.Assertion
	for i := range 150 {
		name, report := fmt.Sprintf("Actor %d", i), fmt.Sprintf("report %d", i)
		for k := range 12 {
			as = append(as, uses(name, intel.AttackPat, fmt.Sprintf("T1%03d", (i+k)%100), report))
		}
		as = append(as, uses(name, intel.Tool, "tool of "+name, report))
	}
	for k := range 12 {
		as = append(as, uses("Rare", intel.AttackPat, fmt.Sprintf("T1%03d", k), "old report"))
	}
	return append(as, uses("Rare", intel.AttackPat, "T9001", "old report"), uses("Rare", intel.AttackPat, "T9002", "old report"), uses("Rare", intel.Malware, "RareTool", "old report"))
}

const knownCase = `title: x
question: who
at: "2020-01-01"
tlp: green
techniques: [T9001, T9002, T1001]
software: [raretool]
hypotheses:
 - {id: rare, name: it was Rare, prior: 0.2, actor: Rare}
 - {id: other, name: another known actor, prior: 0.3, actor: "*"}
 - {id: unknown, name: nobody known, prior: 0.5}
facts:
 - {id: a, claim: b, source: new report, confidence: B2, at: "2019", half_life_days: 365, chance: {rare: 0.5, other: 0.4, unknown: 0.4}}
relations:
 - {subject: "domain evil.example.com", relation: indicates, object: "campaign x", source: s, tlp: amber}
 - {subject: "intrusion-set Rare", relation: similar-to, object: "intrusion-set Other", source: s}
`

func compared(t *testing.T, as []intel.Assertion) (*Case, *attrib.Result) {
	t.Helper()
	c, err := Read([]byte(knownCase))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Compare(NewKnown(as, c)); err != nil {
		t.Fatal(err)
	}
	r, err := c.Weigh()
	if err != nil {
		t.Fatal(err)
	}
	return c, r
}

// The profile that has what is rare wins, a known actor is told from an unknown one,
// and the fact that says so can be taken away like any other.
func TestCompare(t *testing.T) {
	c, r := compared(t, world())
	if r.Standings[0].ID != "rare" || c.Comparison.Actors[0].Name != "Rare" || c.Comparison.Among != 151 {
		t.Errorf("%s: %+v", r.Why, c.Comparison.Actors[0])
	}
	it := c.fact(itemID)
	w := func(h string) evidence.Weight { return it.Weight(h, c.Hypotheses) }
	if w("rare") <= 0.5 || w("other") >= 0 || w("unknown") != 0 {
		t.Errorf("rare %v, other %v, unknown %v", w("rare"), w("other"), w("unknown"))
	}
	if r.Drops[0].Item != itemID || !r.Drops[0].Changes {
		t.Errorf("%+v", r.Drops[0])
	}
	var md, page bytes.Buffer
	if err := c.Markdown(&md, r); err != nil {
		t.Fatal(err)
	}
	if err := c.HTML(&page, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"TLP:AMBER.", "## Known actors by techniques and software", "| Rare |", "| Rare | containment | 1 of 151 |", "days of age keeps 50 %",
		"## Indicators\n", "| domain evil[.]example[.]com | indicates | campaign x | s |  |  | amber |", "intrusion-set Other | s |  |  | green |", "The answer hangs on: profile.",
	} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, want := range []string{"TLP:AMBER", "<td>amber</td>", "<td>green</td>", `aria-label="timeline"`, "Known actors", "With equal priors"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// A statement that rests on the case's own source alone is no evidence.
func TestOwnReport(t *testing.T) {
	as := world()
	for i := range as {
		if as[i].Source.Origin == "old report" && (strings.HasPrefix(as[i].Object.Value, "T9") || as[i].Object.Kind == intel.Malware) {
			as[i].Source.Origin = "new report"
		}
	}
	c, r := compared(t, as)
	if w := c.fact(itemID).Weight("rare", c.Hypotheses); w > 0.2 || r.Standings[0].ID == "rare" {
		t.Errorf("weight %v, %s", w, r.Why)
	}
}

// What a campaign of an actor used is known of the actor.
func TestCampaignOfActor(t *testing.T) {
	campaign := intel.Node{Kind: intel.Campaign, Value: "Op"}
	a := uses("x", intel.AttackPat, "T1", "r")
	a.Subject = campaign
	k := NewKnown([]intel.Assertion{a, {Subject: campaign, Relation: intel.AttributedTo, Object: intel.Node{Kind: intel.IntrusionSet, Value: "Rare"}}}, &Case{})
	if len(k.techniques) != 1 || k.techniques[0].Name != "Rare" || k.techniques[0].Items[0] != "T1" {
		t.Errorf("%+v", k.techniques)
	}
}

func TestCompareErrors(t *testing.T) {
	for _, tt := range []struct {
		old, new, want string
		as             []intel.Assertion
	}{
		{"actor: Rare", "actor: Nobody", `hypothesis "rare" names "Nobody", of whom the database says nothing`, world()},
		{"", "", "the database has no profile; import ATT&CK first", nil},
		{"techniques: [T9001, T9002, T1001]\nsoftware: [raretool]\n", "", "the case lists no techniques and no software", world()},
	} {
		c, err := Read([]byte(strings.Replace(knownCase, tt.old, tt.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Compare(NewKnown(tt.as, c)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
	if _, err := Read([]byte(strings.Replace(knownCase, "tlp: green", "tlp: mauve", 1))); err == nil || !strings.Contains(err.Error(), "no TLP label") {
		t.Error(err)
	}
	if _, err := Read([]byte(strings.Replace(knownCase, `at: "2019", half`, "half", 1))); err == nil || !strings.Contains(err.Error(), "half_life_days takes") {
		t.Error(err)
	}
}
