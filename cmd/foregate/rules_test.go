package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foregate/mql"
)

// feedArchive is the public rule feed beside the repository. Without it the test
// is skipped, on CI it fails.
func feedArchive(t testing.TB) string {
	t.Helper()
	const name = "../../../shared/data/rules/sublime-rules.tar.gz"
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("shared data is absent: %v", err)
		}
		t.Skipf("shared data is absent: %v", err)
	}
	return name
}

// TestCheckFeed checks the whole public feed: every source is typed, and what
// runs at each stage agrees with the count made from the feed's own list of
// capabilities, within a handful of rules that mix capabilities in one call.
func TestCheckFeed(t *testing.T) {
	files, err := ruleFiles(feedArchive(t))
	if err != nil {
		t.Fatal(err)
	}
	rep := checkRules(files, nil, nil)
	for _, e := range rep.Errors {
		t.Errorf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
	}
	if rep.Sources != 1588 || rep.Parsed != rep.Sources || rep.Typed != rep.Sources {
		t.Errorf("%d sources, %d parsed, %d typed; want 1588 of each", rep.Sources, rep.Parsed, rep.Typed)
	}
	want := []int{359, 521, 655, 695, 902, 983, 1086, 1186, 1189}
	for i, s := range rep.Stages {
		if s.CanFireDetection > s.Detection+200 || s.CanFire > rep.Typed || i > 0 && s.CanFire < rep.Stages[i-1].CanFire {
			t.Errorf("with %q %d rules can fire, %d of them detection rules", s.With, s.CanFire, s.CanFireDetection)
		}
		if d := s.Detection - want[i]; d < -5 || d > 5 {
			t.Errorf("with %q %d detection rules have all they ask for, want about %d", s.With, s.Detection, want[i])
		}
	}
	if rep.Runnable != rep.Stages[0].All {
		t.Errorf("%d runnable without any capability, the first stage has %d", rep.Runnable, rep.Stages[0].All)
	}
}

// TestFeedRunnable holds what the manual says of the feed: how many rules a gate
// with the default configuration answers everything for, and what the others
// may ask for in vain.
func TestFeedRunnable(t *testing.T) {
	files, err := ruleFiles(feedArchive(t))
	if err != nil {
		t.Fatal(err)
	}
	manual, err := os.ReadFile("../../docs/manual/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	rep := checkRules(files, gateCapabilities(defaults()), gateLists(defaults(), nil))
	says := func(text string) {
		if !strings.Contains(string(manual), text) {
			t.Errorf("the manual does not say %q", text)
		}
	}
	if rep.Runnable < 1000 {
		t.Errorf("%d rules are runnable", rep.Runnable)
	}
	says(fmt.Sprintf("\n%d,%03d, ", rep.Runnable/1000, rep.Runnable%1000))
	says(fmt.Sprintf("%d,%03d can fire", rep.CanFire/1000, rep.CanFire%1000))
	for name, n := range rep.Missing {
		says(fmt.Sprintf("| %s | %d |\n", name, n))
	}
}

// TestFormatFeed formats every file of the feed: it stays the same rule, nothing
// but the source changes, and formatting again changes nothing.
func TestFormatFeed(t *testing.T) {
	files, err := ruleFiles(feedArchive(t))
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, f := range files {
		r, err := f.rule()
		if r == nil || err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		once, err := formatRule(r, f.raw) // proves by itself that the rule is the same
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(once, f.raw) {
			changed++
		}
		again := f
		again.raw = once
		r2, err := again.rule()
		if err != nil {
			t.Error(err)
			continue
		}
		twice, err := formatRule(r2, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s: formatting twice differs (%v)", f.name, err)
		}
		if before, after := outside(r, f.raw), outside(r2, once); before != after {
			t.Errorf("%s: formatting changed what is not the source:\n%q\n%q", f.name, before, after)
		}
	}
	if changed == 0 {
		t.Error("no file differed: nothing was tested")
	}
}

// outside is a rule file without its source block.
func outside(r *mql.Rule, raw []byte) string {
	var out []string
	for i, line := range strings.SplitAfter(string(raw), "\n") {
		blank := strings.TrimSpace(line) == ""
		inside := i >= r.Line-1 && (blank || len(line)-len(strings.TrimLeft(line, " ")) >= max(1, r.Indent))
		if key := strings.HasPrefix(line, "source:"); !inside && !blank && !key {
			out = append(out, line)
		}
		if i >= r.Line && !inside {
			out = append(out, strings.Join(strings.SplitAfter(string(raw), "\n")[i+1:], ""))
			break
		}
	}
	return strings.Join(out, "")
}

// Hostile rule files are refused quickly, and the rule beside them loads.
func TestHostileRuleFiles(t *testing.T) {
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + "1" + strings.Repeat(end, n) }
	source := func(s string) string { return "name: x\nsource: |\n  " + s + "\n" }
	var laughs strings.Builder
	for i := range 30 {
		fmt.Fprintf(&laughs, "a%d: &a%d [*a%d, *a%d]\n", i, i, max(0, i-1), max(0, i-1))
	}
	hostile := map[string]string{
		"laughs.yml":     laughs.String() + "name: x\nsource: \"true\"\n",
		"huge.yml":       source(strings.Repeat("true and ", 200_000) + "true"),
		"deep.yml":       source(deep("(", ")", 100_000)),
		"not.yml":        source(strings.Repeat("not ", 100_000) + "true"),
		"any.yml":        source(strings.Repeat("any(body.links, ", 10_000)),
		"flow.yml":       "name: x\nsource: " + deep("[", "]", 300_000) + "\n",
		"map.yml":        "name: x\nsource: " + deep("{a: ", "}", 50_000) + "\n",
		"nul.yml":        "name: x\nsource: \"\x00\"\n",
		"latin1.yml":     "name: caf\xe9\nsource: type.inbound\n",
		"name.yml":       "name: \"evil \u202egnp.exe\"\nsource: type.inbound\n",
		"bignum.yml":     source("99999999999999999999999 > 1"),
		"regex.yml":      source(`regex.contains(subject.subject, "` + deep("(a{1000}", "){1000}", 3) + `")`),
		"unterminated.y": source(`"abc`),
	}
	dir := t.TempDir()
	for name, text := range hostile {
		if err := os.WriteFile(filepath.Join(dir, name+".yml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	writeRule(t, filepath.Join(dir, "good.yml"), "good", `subject.subject == "x"`)
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "device.yml")); err != nil {
		t.Fatal(err)
	}
	conf := defaults()
	conf.Rules = rulesConfig{Dirs: []string{dir}}
	edition, faults, err := loadRules(conf)
	if err != nil {
		t.Fatal(err)
	}
	if len(edition.Rules.Rules) != 1 || edition.Rules.Rules[0].ID != "good" {
		t.Errorf("%d rules are in force, want the good one alone", len(edition.Rules.Rules))
		for _, r := range edition.Rules.Rules {
			t.Logf("in force: %s", r.File)
		}
	}
	refused := map[string]bool{}
	for _, f := range faults {
		e := asCheckError("", f)
		refused[filepath.Base(e.File)] = true
		if len(e.Message) == 0 || len(e.Message) > 2000 {
			t.Errorf("%s: a message of %d bytes", e.File, len(e.Message))
		}
	}
	for name := range hostile {
		if !refused[name+".yml"] {
			t.Errorf("%s is not refused", name)
		}
	}
	if !refused["device.yml"] {
		t.Error("a device is read as a rule file")
	}
}

// An archive that unpacks to more than any feed is refused before it fills the
// memory.
func TestRuleArchiveBomb(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bomb.tar.gz")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	gz := gzip.NewWriter(f)
	tw := tar.NewWriter(gz)
	zeros := make([]byte, maxRuleBytes)
	for i := range maxRuleTotal/maxRuleBytes + 2 {
		if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.yml", i), Mode: 0o644, Size: int64(len(zeros)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), gz.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := ruleFiles(name); !errors.Is(err, errTooManyRules) {
		t.Errorf("the bomb gives %v", err)
	}
	if err := os.WriteFile(name, []byte("this is no gzip archive at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ruleFiles(name); err == nil || !errors.Is(err, gzip.ErrHeader) {
		t.Errorf("no archive gives %v", err)
	}
}

// The rules that come with the program pass their own tests, through the command
// that operators use.
func TestBuiltinRulesTest(t *testing.T) {
	if err := (rulesTestCmd{Dirs: []string{"../../rules"}}).Run(&world{ctx: t.Context(), stdout: testWriter{t}, stderr: testWriter{t}}, &cli{}); err != nil {
		t.Error(err)
	}
}

// testWriter writes to the test's log.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
