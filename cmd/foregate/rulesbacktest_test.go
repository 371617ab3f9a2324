package main

import (
	"path/filepath"
	"testing"
)

// TestBacktestVersions finds the version to compare a rule with: the one named,
// else the one in force with its ID that reads otherwise, else none.
func TestBacktestVersions(t *testing.T) {
	inForce, apart := t.TempDir(), t.TempDir()
	writeRule(t, filepath.Join(inForce, "a.yml"), "a", `subject.subject == "one"`)
	writeRule(t, filepath.Join(apart, "changed.yml"), "a", `subject.subject == "two"`)
	writeRule(t, filepath.Join(apart, "same.yml"), "a", `subject.subject == "one"`)
	writeRule(t, filepath.Join(apart, "other.yml"), "b", `subject.subject == "three"`)
	conf := defaults()
	conf.Rules = rulesConfig{Dirs: []string{inForce}}
	for _, c := range []struct{ rule, against, want string }{
		{"changed.yml", "", filepath.Join(inForce, "a.yml")},
		{"same.yml", "", ""},
		{"other.yml", "", ""},
		{"same.yml", filepath.Join(apart, "other.yml"), filepath.Join(apart, "other.yml")},
	} {
		got, err := rulesBacktestCmd{Rule: filepath.Join(apart, c.rule), Against: c.against}.versions(conf)
		if err != nil {
			t.Fatal(err)
		}
		against := ""
		if len(got) > 1 {
			against = got[1].File
		}
		if against != c.want {
			t.Errorf("%s is compared with %q, want %q", c.rule, against, c.want)
		}
	}
}
