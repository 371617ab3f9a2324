package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRulesManual follows the page about rules: it writes the files that the page
// shows, runs the commands and finds the output.
func TestRulesManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/manual/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	commands := 0
	for _, f := range fences(string(text)) {
		if _, name, ok := strings.Cut(f.lang, " "); ok {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(f.body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if f.lang != "sh" {
			continue
		}
		var out bytes.Buffer
		for line := range strings.Lines(f.body) {
			line = strings.TrimSuffix(line, "\n")
			if cmd, ok := strings.CutPrefix(line, "$ foregate "); ok {
				out.Reset()
				commands++
				w := world{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &out, getenv: os.Getenv}
				if status := run(w, words(cmd)); status == exitFailed {
					t.Errorf("%s ends with %d:\n%s", cmd, status, out.String())
				}
				continue
			}
			if !strings.Contains(out.String(), line) {
				t.Errorf("the page shows %q, the command says:\n%s", line, out.String())
			}
		}
	}
	if commands < 5 {
		t.Errorf("only %d commands were run", commands)
	}
}

// words splits a command line at blanks outside of single quotes.
func words(s string) []string {
	var out []string
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}
