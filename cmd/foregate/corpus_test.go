package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpusOfTests is the development corpora as seen from this folder.
const corpusOfTests = "../../../shared/data/mail"

// needCorpus skips a test where the corpora are not there; in CI they must be.
func needCorpus(t testing.TB) []sample {
	t.Helper()
	if _, err := os.Stat(corpusOfTests); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI without the development corpora: %v", err)
		}
		t.Skipf("no development corpora beside the checkout: %v", err)
	}
	samples, err := loadCorpus(corpusOfTests)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

func TestLoadCorpus(t *testing.T) {
	samples := needCorpus(t)
	byLabel, known := map[string]int{}, 0
	for _, s := range samples {
		byLabel[s.label]++
		if len(s.raw) == 0 {
			t.Fatalf("%s is empty", s.path)
		}
		if s.env.Recorded == nil {
			t.Fatalf("%s: authentication would be looked up in the DNS", s.path)
		}
		if s.env.Recorded.SPF != "" {
			known++
		}
	}
	if byLabel["phish"] != 2949 || byLabel["ham"] != 6819 || byLabel["spam"] != 900 {
		t.Errorf("read %v, want 2,949 phish, 6,819 ham, 900 spam", byLabel)
	}
	if known < 5000 {
		t.Errorf("only %d messages have a recorded SPF result", known)
	}
}

// A disputed label is marked on ham alone; a broken table is refused by line.
func TestDispute(t *testing.T) {
	table := filepath.Join(t.TempDir(), "disputed.tsv")
	write := func(text string) {
		if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	samples := []sample{{path: "ham/a.eml", label: "ham"}, {path: "ham/b.eml", label: "ham"}, {path: "phish/c.eml", label: "phish"}}
	write("# who read them\npath\tkind\twhat it is\nham/b.eml\tfraud\tlottery\r\nphish/c.eml\tspam\tno ham\nham/gone.eml\tspam\tnot here\n")
	if err := dispute(samples, table); err != nil {
		t.Fatal(err)
	}
	if samples[0].disputed || !samples[1].disputed || samples[2].disputed {
		t.Errorf("disputed are %v %v %v, want the second alone", samples[0].disputed, samples[1].disputed, samples[2].disputed)
	}
	write("ham/b.eml\tfraud\n")
	if err := dispute(samples, table); err == nil || !strings.Contains(err.Error(), "disputed.tsv:1") {
		t.Errorf("a line of two fields gives %v", err)
	}
	if err := dispute(samples, table+".none"); err == nil {
		t.Error("a table that is not there gives no error")
	}
}

// Rows without the disputed labels stand beside the others.
func TestEvaluateUndisputed(t *testing.T) {
	var seen []observed
	for i := range 40 {
		s := &sample{path: fmt.Sprint(i), label: "ham", source: "list-x", year: 2024, disputed: i == 0}
		seen = append(seen, observed{sample: s, odds: -float64(i), campaign: i})
	}
	for i := range 10 {
		seen = append(seen, observed{sample: &sample{label: "phish", source: "phishing_pot", year: 2024}, odds: -.5, campaign: 100 + i})
	}
	for _, p := range evaluate(seen, -2).ROC {
		if want := map[bool]float64{false: 0, true: 1}[p.Ham == undisputed]; p.FPR == .01 && p.TPR != want {
			t.Errorf("%s: %v of phish caught, want %v", p.Ham, p.TPR, want)
		}
	}
}
