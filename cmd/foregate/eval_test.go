package main

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"foregate/mail"
)

func TestEvaluate(t *testing.T) {
	src := func(label, source string, year int) *sample { return &sample{label: label, source: source, year: year} }
	var results []scored
	for i := range 100 {
		results = append(results, scored{src("ham", "list-x", 2020), -3 + float64(i)/100, mail.Deliver, 1})
	}
	results = append(results,
		scored{src("ham", "old", 2002), 5, mail.Hold, 1}, // the worst ham is old
		scored{src("phish", "pot", 2024), 4, mail.Hold, 2},
		scored{src("phish", "pot", 2024), -5, mail.Deliver, 2},
		scored{src("phish", "list-borne-phish", 2020), 0, mail.Flag, 3},
	)
	r := evaluate(results)
	wantSources := []evalSource{
		{Label: "ham", Source: "list-x", N: 100}, {Label: "ham", Source: "old", N: 1, Held: 1},
		{Label: "phish", Source: "list-borne-phish", N: 1, Flagged: 1}, {Label: "phish", Source: "pot", N: 2, Held: 1},
	}
	if d := cmp.Diff(wantSources, r.Sources); d != "" {
		t.Error(d)
	}
	byKey := map[string]evalPoint{}
	for _, p := range r.ROC {
		if p.FPR == .01 {
			byKey[p.Ham] = p
		}
	}
	// One of 101 ham may be caught in all: the old one at 5. One of 100 since 2019.
	want := map[string]evalPoint{
		"all":   {Ham: "all", FPR: .01, Threshold: -2.01, TPR: 2. / 3, ControlTPR: 1, BySource: map[string]float64{"pot": .5, "list-borne-phish": 1}},
		"2019+": {Ham: "2019+", FPR: .01, Threshold: -2.02, TPR: 2. / 3, ControlTPR: 1, BySource: map[string]float64{"pot": .5, "list-borne-phish": 1}},
	}
	if d := cmp.Diff(want, byKey, cmpopts.EquateApprox(0, 1e-6)); d != "" {
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
