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

// Mail of one's own needs no manifest: folders are the labels.
func TestLabelledFolders(t *testing.T) {
	dir := t.TempDir()
	write := func(name, date string) {
		t.Helper()
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		raw := "From: a@example.org\r\nDate: " + date + "\r\nSubject: s\r\n\r\nx\r\n"
		if err := os.WriteFile(p, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ham/1.eml", "Mon, 02 Nov 2020 10:00:00 +0000")
	write("ham/office/2.eml", "Mon, 02 Nov 2026 10:00:00 +0000")
	if _, err := loadCorpus(dir); err == nil || !strings.Contains(err.Error(), "folders ham and phish") {
		t.Errorf("without phish: %v", err)
	}
	write("phish/cur/3:2,S", "soon")
	samples, err := loadCorpus(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range samples {
		got = append(got, fmt.Sprintf("%s %s %s %d", s.path, s.label, s.source, s.year))
		if s.env.Recorded == nil {
			t.Errorf("%s: authentication would be looked up in the DNS", s.path)
		}
	}
	want := "ham/1.eml ham own 2020|ham/office/2.eml ham office 2026|phish/cur/3:2,S phish own 0"
	if strings.Join(got, "|") != want {
		t.Errorf("got %v", got)
	}
}
