package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The reference pages are what the code says; "make docs" writes them anew.
func TestGeneratedPagesAreInStep(t *testing.T) {
	pages, err := generatedPages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Errorf("%v; run make docs", err)
			continue
		}
		if string(got) != want {
			t.Errorf("docs/%s is not what the code says; run make docs", name)
		}
	}
	old, err := filepath.Glob("../../docs/man/*.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range old {
		if _, ok := pages["man/"+filepath.Base(p)]; !ok {
			t.Errorf("%s is for a command that is gone", p)
		}
	}
}

// Every YAML example of the manual is a configuration that loads, and every
// command it shows is one that the program knows.
func TestManualExamples(t *testing.T) {
	files, err := filepath.Glob("../../docs/manual/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../../README.md")
	command := regexp.MustCompile("(?m)(?:^ *(?:\\$ )?(?:bin/)?|`)foregate ([a-z][a-z ]*)")
	seen := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fences(string(text)) {
			if block.lang == "yaml" && !strings.Contains(block.body, "source:") {
				if _, err := parseConfig([]byte(block.body)); err != nil {
					t.Errorf("%s: the configuration example does not load: %v\n%s", f, err, block.body)
				}
				seen++
			}
		}
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			seen++
			if !knownCommand(strings.Fields(m[1])) {
				t.Errorf("%s: no such command: foregate %s", f, m[1])
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d examples found in the manual", seen)
	}
}

type fence struct{ lang, body string }

func fences(s string) []fence {
	var out []fence
	for {
		_, rest, ok := strings.Cut(s, "```")
		if !ok {
			return out
		}
		lang, rest, _ := strings.Cut(rest, "\n")
		body, after, _ := strings.Cut(rest, "```")
		out = append(out, fence{strings.TrimSpace(lang), body})
		s = after
	}
}

// knownCommand tells whether the longest prefix of the words that could be
// commands is one: "quarantine list" is, "quarantine lst" is not.
func knownCommand(words []string) bool {
	pages, err := generatedPages()
	if err != nil {
		return false
	}
	name := "foregate"
	for _, w := range words {
		next := name + "-" + w
		if _, ok := pages["man/"+next+".1"]; !ok {
			_, leaf := pages["man/"+name+".1"]
			return leaf && name != "foregate" && !strings.Contains(pages["man/"+name+".1"], ".SH COMMANDS")
		}
		name = next
	}
	return name != "foregate"
}

func TestConfigReferenceShowsDefaultsThatLoad(t *testing.T) {
	out, err := yaml.Marshal(defaults())
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseConfig(out)
	if err != nil {
		t.Fatalf("what 'config show' prints does not load: %v\n%s", err, out)
	}
	if err := got.check(); err != nil {
		t.Error(err)
	}
}
