package main

import (
	"os"
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
