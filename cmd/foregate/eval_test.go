package main

import (
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"foregate/evidence"
	"foregate/mail"
)

func TestEvaluate(t *testing.T) {
	src := func(label, source string, year int) *sample { return &sample{label: label, source: source, year: year} }
	var results []observed
	add := func(s *sample, odds float64, d mail.Disposition) {
		results = append(results, observed{sample: s, odds: odds, disposition: d, cpuMS: 1, campaign: len(results)})
	}
	for i := range 100 {
		add(src("ham", "list-x", 2020), -3+float64(i)/100, mail.Deliver)
	}
	add(src("ham", "old", 2002), 5, mail.Hold) // the worst ham is old
	add(src("phish", "pot", 2024), 4, mail.Hold)
	add(src("phish", "pot", 2024), -5, mail.Deliver)
	add(src("phish", "list-borne-phish", 2020), 0, mail.Flag)
	add(src("phish", splitSource, newestYear), 6, mail.Hold)
	add(src("spam", "bulk", 2020), 6, mail.Hold)
	add(src("spam", "bulk", 2020), -6, mail.Deliver)
	r := evaluate(results, -2)
	wantSources := []evalSource{
		{Label: "ham", Source: "list-x", N: 100}, {Label: "ham", Source: "old", N: 1, Held: 1},
		{Label: "phish", Source: "list-borne-phish", N: 1, Flagged: 1}, {Label: "phish", Source: splitSource, N: 1, Held: 1}, {Label: "phish", Source: "pot", N: 2, Held: 1},
		{Label: "spam", Source: "bulk", N: 2, Held: 1},
	}
	if d := cmp.Diff(wantSources, r.Sources, cmpopts.IgnoreFields(evalSource{}, "Brier")); d != "" {
		t.Error(d)
	}
	byKey := map[string]evalPoint{}
	for _, p := range r.ROC {
		if p.FPR == .01 {
			byKey[p.Ham] = p
		}
	}
	// One of 101 ham may be caught in all: the old one at 5. One of 100 since 2019.
	by := map[string]float64{"pot": .5, "list-borne-phish": 1, splitSource: 1}
	spam := map[string]float64{"bulk": .5}
	want := map[string]evalPoint{
		"all":   {Ham: "all", FPR: .01, Threshold: -2.01, TPR: .75, ControlTPR: 1, BySource: by, Newest: 1, Spam: spam},
		"2019+": {Ham: "2019+", FPR: .01, Threshold: -2.02, TPR: .75, ControlTPR: 1, BySource: by, Newest: 1, Spam: spam},
	}
	if d := cmp.Diff(want, byKey, cmpopts.EquateApprox(0, 1e-6), cmpopts.IgnoreFields(evalPoint{}, "TPRRange", "ControlRange")); d != "" {
		t.Error(d)
	}
}

// At the threshold no more ham is caught than the budget allows, ties included.
func TestThresholdWithTies(t *testing.T) {
	ham := []float64{1, 1, 1, 0, 0}
	for _, fpr := range []float64{0, .2, .4, .6, .8, 1} {
		th := threshold(ham, fpr)
		caught := 0
		for _, h := range ham {
			if h >= th {
				caught++
			}
		}
		if float64(caught) > math.Floor(fpr*5) {
			t.Errorf("at %g the threshold %g catches %d of 5", fpr, th, caught)
		}
	}
}

func TestBalanced(t *testing.T) {
	tests := []struct {
		hits, n   map[string]int
		hit, size int
	}{
		{map[string]int{"big": 500, "small": 40}, map[string]int{"big": 1000, "small": 400}, 240, 800}, // big counts as much as the rest
		{map[string]int{"big": 500, "small": 10}, map[string]int{"big": 1000, "small": 100}, 160, 400}, // but never less than 300
		{map[string]int{"only": 5}, map[string]int{"only": 50}, 5, 50},
		{nil, map[string]int{"a": 10, "b": 10}, 0, 20},
	}
	for _, tt := range tests {
		if hit, n := balanced(tt.hits, tt.n); hit != tt.hit || n != tt.size {
			t.Errorf("balanced(%v, %v) = %d of %d, want %d of %d", tt.hits, tt.n, hit, n, tt.hit, tt.size)
		}
	}
}

// The interval holds the figure, is the same in every run, and campaigns that
// count as one message make it wider.
func TestBootstrapByCampaign(t *testing.T) {
	width := func(sizeOfCampaign int) float64 {
		var seen []observed
		for i := range 1200 {
			o := observed{sample: &sample{label: "ham", source: "h", year: 2020}, odds: -float64(i%100) / 10, campaign: 1000 + i}
			if i >= 600 {
				o.sample = &sample{label: "phish", source: "list-borne-x", year: 2020}
				o.campaign = i / sizeOfCampaign
				// Whole campaigns are caught or missed.
				o.odds = float64(o.campaign%2*10 - 5)
			}
			seen = append(seen, o)
		}
		all, control := bootstrap(seen).ranges(seen, byOdds(seen), .01)
		if again, _ := bootstrap(seen).ranges(seen, byOdds(seen), .01); again != all || control != all {
			t.Errorf("ranges differ: %v, %v, %v", all, again, control)
		}
		if p := rocPoint(seen, .01); p.TPR < all[0] || p.TPR > all[1] {
			t.Errorf("%v lies outside of %v", p.TPR, all)
		}
		return all[1] - all[0]
	}
	if few, many := width(30), width(1); few < 2*many {
		t.Errorf("20 campaigns give a range of %.3f, 600 one of %.3f", few, many)
	}
}

// Drawn once each, the campaigns give what the plain computation gives.
func TestDrawnIsRocPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var seen []observed
		for i := range rapid.IntRange(2, 60).Draw(t, "n") {
			s := &sample{label: rapid.SampledFrom([]string{"ham", "phish", "spam"}).Draw(t, "label"), source: rapid.SampledFrom([]string{"a", "list-borne-b"}).Draw(t, "source")}
			seen = append(seen, observed{sample: s, odds: float64(rapid.IntRange(-3, 3).Draw(t, "odds")), campaign: i})
		}
		times := slices.Repeat([]uint8{1}, len(seen))
		fpr := rapid.SampledFrom([]float64{.01, .1, .5, 1}).Draw(t, "fpr")
		all, control := drawn(seen, byOdds(seen), times, fpr)
		if p := rocPoint(seen, fpr); p.TPR != all || p.ControlTPR != control {
			t.Fatalf("%v and %v, want %v and %v", all, control, p.TPR, p.ControlTPR)
		}
	})
}

func TestAblate(t *testing.T) {
	item := func(id string, w evidence.Weight) evidence.Item { return evidence.Item{ID: id, Weight: w} }
	var seen []observed
	add := func(label string, items ...evidence.Item) {
		seen = append(seen, observed{sample: &sample{label: label, source: "list-borne-x", year: 2020}, weighed: items})
	}
	for range 200 {
		add("ham", item("auth.none", .2))
	}
	for range 10 {
		add("phish", item("auth.none", .2), item("text.asks", 1))
		add("phish", item("link.shortener", 1))
	}
	got := map[string]evalAblation{}
	for _, a := range ablate(seen, -2) {
		got[a.Family] = a
	}
	tests := []struct {
		family         string
		items          int
		without, alone float64
	}{{"text", 10, .5, .5}, {"link", 10, .5, .5}, {"auth", 210, 1, 0}, {"sender", 0, 1, 0}}
	for _, tt := range tests {
		if a := got[tt.family]; a.Items != tt.items || a.Without[0].TPR != tt.without || a.Alone[0].ControlTPR != tt.alone {
			t.Errorf("%s: %+v, want %d items, %v without it and %v alone", tt.family, a, tt.items, tt.without, tt.alone)
		}
	}
	if got[""].Alone[0].TPR != 1 || got[""].Items != 230 {
		t.Errorf("all together: %+v", got[""])
	}
}

func TestCampaigns(t *testing.T) {
	letter := func(name, bank, amount string) string {
		return "Dear " + name + ", we could not process the transfer of " + amount + " from your account at " + bank +
			" because the details that you have given to us do not match our records. Please confirm them at https://x" + amount + ".example/ today, otherwise the transfer will be returned to its sender."
	}
	mails := []struct{ source, subject, text string }{
		{"a", "Transfer", letter("Anna", "Northbank", "1,200")},
		{"b", "Your transfer", letter("Bert", "Southbank", "95")}, // the same text in another source
		{"a", "Lunch", "Shall we meet at noon near the station, or is the park better for you today? I could bring the plans of the new house along."},
		{"a", "Re: minutes of the meeting in May", "Thanks, I have read them."},
		{"a", "minutes of the meeting in May", "Please find below what we agreed on: the road is closed from Monday on, and the bridge will be painted by the end of June."},
		{"b", "minutes of the meeting in May", "Another meeting of somebody else entirely, with its own people and matters that have nothing in common with the one before."},
	}
	var seen []observed
	for _, m := range mails {
		seen = append(seen, observed{sample: &sample{label: "ham", source: m.source}, text: sketchText(strings.TrimPrefix(m.subject, "Re: "), m.text)})
	}
	groupCampaigns(seen)
	var got []int
	for _, o := range seen {
		got = append(got, o.campaign)
	}
	if d := cmp.Diff([]int{0, 0, 1, 2, 2, 3}, got); d != "" {
		t.Error(d)
	}
}

// Probabilities that come true give a straight line of slope 1, and those that
// say twice as much one of one half.
func TestReliability(t *testing.T) {
	for _, boast := range []float64{1, 2} {
		var seen []observed
		n := 0
		for _, odds := range []float64{-2, -1, 0, 1, 2} {
			p := probability(odds)
			for i := range 1000 {
				label := "ham"
				if float64(i) < p*1000 {
					label = "phish"
				}
				seen = append(seen, observed{sample: &sample{label: label, source: "one"}, odds: odds * boast, campaign: n})
				n++
			}
		}
		// Half of all are phish: even prior odds.
		r := reliability(seen, 0)
		if math.Abs(r.Slope-1/boast) > .02 || math.Abs(r.Shift) > .02 {
			t.Errorf("odds times %g: slope %.3f, shift %.3f", boast, r.Slope, r.Shift)
		}
		for _, b := range r.Bins {
			if boast == 1 && b.Phish+b.Ham > 0 && (math.Abs(b.Said-b.Observed) > .01 || b.Range[0] > b.Observed || b.Range[1] < b.Observed) {
				t.Errorf("bin %+v", b)
			}
		}
		if math.Abs(r.Brier.Overall-r.Brier.AtPrior) > 1e-5 || math.Abs(r.Brier.Overall-r.Brier.Balanced) > 1e-5 || math.Abs(r.Brier.OverallReference-.25) > 1e-5 {
			t.Errorf("one source of either label and even odds: all Brier scores are one, got %+v", r.Brier)
		}
	}
}

// No campaign stands on both sides of a cross-validation.
func TestOthersShareNoCampaign(t *testing.T) {
	seen := []observed{
		{sample: &sample{label: "phish", source: splitSource, year: newestYear}, campaign: 0},
		{sample: &sample{label: "phish", source: splitSource, year: newestYear - 1}, campaign: 0},
		{sample: &sample{label: "phish", source: splitSource, year: newestYear - 1}, campaign: 1},
		{sample: &sample{label: "ham", source: "x"}, campaign: 2},
	}
	got := others(seen, partOf, partOf(&seen[0]))
	if len(got) != 2 || got[0].campaign != 1 || got[1].campaign != 2 {
		t.Errorf("others = %+v", got)
	}
}

// A family that says nothing new can be left out once the weights are measured
// without it; one that alone finds half of the phish cannot.
func TestRefit(t *testing.T) {
	var seen []observed
	add := func(label, source string, ids ...string) {
		o := observed{sample: &sample{label: label, source: source, year: 2024}, campaign: len(seen)}
		for _, id := range ids {
			o.items = append(o.items, evidence.Item{ID: id})
		}
		seen = append(seen, o)
	}
	for i := range 600 {
		source := string(rune('a' + i%3))
		add("ham", "h"+source)
		switch {
		case i%4 == 0:
			add("phish", "p"+source, "claim.brand-body")
		case i%4 == 1:
			add("phish", "p"+source, "form.bare-link", "link.shortener")
		}
	}
	conf := defaults()
	p, err := newPolicy(conf)
	if err != nil {
		t.Fatal(err)
	}
	table := []evalAblation{{}, {Family: "claim"}, {Family: "form"}, {Family: "link"}}
	c := evalCmd{CV: true, Parts: "campaign", Refit: true}
	if err := c.refit(&world{ctx: t.Context(), stderr: io.Discard}, conf, p, seen, table); err != nil {
		t.Fatal(err)
	}
	if table[0].Refitted != nil {
		t.Error("all families together were measured anew")
	}
	for i, want := range []float64{.5, 1, 1} {
		if got := table[i+1].Refitted[0].TPR; got != want {
			t.Errorf("without %s %.2f of the phish are caught, want %.2f", table[i+1].Family, got, want)
		}
	}
	if err := (evalCmd{Refit: true}).Run(nil, nil); err == nil || err.Error() != "eval: --refit needs --cv" {
		t.Errorf("error %v", err)
	}
}
