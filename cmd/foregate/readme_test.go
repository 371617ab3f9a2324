package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The session that the README shows is what "make run" prints.
func TestReadmeSession(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var session string
	for _, f := range fences(string(text)) {
		if strings.Contains(f.body, "VERDICT") {
			session = f.body
		}
	}
	if session == "" {
		t.Fatal("the README shows no session")
	}
	var out bytes.Buffer
	w := world{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &out, getenv: os.Getenv}
	if status := run(w, []string{"demo", "--once", "--dir", t.TempDir(), "--smtp", freeAddr(t), "--http", freeAddr(t)}); status != exitOK {
		t.Fatalf("the demo ends with %d:\n%s", status, out.String())
	}
	for _, line := range strings.Split(session, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "$") || strings.HasSuffix(line, "…") {
			continue
		}
		if !strings.Contains(out.String(), line) {
			t.Errorf("the README's session has a line that the demo does not print: %q", line)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}
