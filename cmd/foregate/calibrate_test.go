package main

import (
	"bytes"
	"strings"
	"testing"

	"foregate/evidence"
)

// ownSeen are observations of an operator's mail: many ham, few phish that show a
// brand's name, and one kind that is seen often.
func ownSeen(source string) []observed {
	var seen []observed
	add := func(label string, ids ...string) {
		o := observed{sample: &sample{label: label, source: source, year: 2026}, campaign: len(seen), chances: []string{"", "link."}}
		for _, id := range ids {
			o.items = append(o.items, evidence.Item{ID: id})
		}
		seen = append(seen, o)
	}
	for range 200 {
		add("ham")
	}
	for i := range 20 {
		if i < 3 {
			add("phish", "claim.brand-body", "link.shortener")
		} else {
			add("phish", "link.shortener")
		}
	}
	return seen
}

// Little mail of one's own does not take away what was measured elsewhere.
func TestCalibrateKeeps(t *testing.T) {
	old := evidence.NewTable([]evidence.Entry{
		{ID: "claim.brand-body", Weight: 2, Basis: basisDevelopment},
		{ID: "link.shortener", Weight: 0.2, Basis: basisDevelopment},
		{ID: "rule.not-loaded", Weight: 1.5, Basis: basisOwn},
		{ID: "auth.multiple-from", Weight: 1, Prior: true, Basis: "by hand"},
	})
	seen := ownSeen("own")
	table, _, _ := calibrated(seen, measuring{old: old, least: calibrateMin, basis: basisOf(seen)})
	for id, want := range map[string]evidence.Weight{"claim.brand-body": 2, "rule.not-loaded": 1.5, "auth.multiple-from": 1} {
		if e, _ := table.Lookup(id); e.Weight != want {
			t.Errorf("%s weighs %v, want %v as before", id, e.Weight, want)
		}
	}
	if e, _ := table.Lookup("link.shortener"); e.Basis != basisOwn || e.HitPhish != 20 || e.Weight <= 0.2 {
		t.Errorf("link.shortener is not measured on the mail at hand: %+v", e)
	}
}

// A part is not judged by weights that an earlier measurement of the same mail
// left behind, not even of kinds that only the part shows.
func TestCrossValidationIsBlind(t *testing.T) {
	old := evidence.NewTable([]evidence.Entry{
		{ID: "claim.brand-body", Weight: 2, Basis: basisDevelopment},
		{ID: "form.elsewhere", Weight: 2, Basis: "other mail"},
		{ID: "rule.only-there", Weight: 2, Basis: basisDevelopment},
	})
	seen := ownSeen(splitSource)
	list := entries(tally(seen), measuring{old: old, least: calibrateMin, basis: basisOf(seen), blind: true})
	table := evidence.NewTable(list)
	for _, id := range []string{"claim.brand-body", "rule.only-there"} {
		if e, ok := table.Lookup(id); ok {
			t.Errorf("%s has a weight of the same mail: %+v", id, e)
		}
	}
	if e, _ := table.Lookup("form.elsewhere"); e.Weight != 2 {
		t.Errorf("a weight of other mail was not kept: %+v", e)
	}
}

// The report on mail of one's own has no columns for collections that it lacks.
func TestReportOfOwnMail(t *testing.T) {
	var out bytes.Buffer
	if err := evaluate(ownSeen("own"), -2).print(&out); err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"control set", splitSource, "spam"} {
		if head, _, _ := strings.Cut(out.String(), "families of evidence"); strings.Contains(head, column) {
			t.Errorf("a column %q of nothing:\n%s", column, head)
		}
	}
	out.Reset()
	if err := evaluate(ownSeen(splitSource), -2).print(&out); err != nil || !strings.Contains(out.String(), "from 2026") {
		t.Errorf("the split by years is not shown: %v\n%s", err, out.String())
	}
}
