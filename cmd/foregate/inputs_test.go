package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustAbs(t *testing.T, p string) string {
	t.Helper()
	abs, err := filepath.Abs(p)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

func TestInputs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a.eml", "From: a@b.example\n\nfirst\n")
	write("box/cur/1700.M1:2,S", "Subject: in a Maildir\n\nsecond\n")
	write("box/dovecot.index", "\x00binary")
	write("all.mbox", "From x@y.example Mon Nov 16 2026\nSubject: one\n\nhello\n>From here on\n\nFrom z@y.example Mon Nov 16 2026\nSubject: two\n\n>>From quoted twice\n")
	write("notes.md", "Subject: not mail\n\n")
	var got []string
	for in := range inputs([]string{dir, "-"}, strings.NewReader("Subject: piped\n\n")) {
		if in.err != nil {
			t.Fatal(in.err)
		}
		got = append(got, strings.TrimPrefix(in.path, dir+"/")+" "+string(in.raw))
	}
	want := []string{
		"a.eml From: a@b.example\n\nfirst\n",
		"all.mbox#1 Subject: one\n\nhello\nFrom here on\n",
		"all.mbox#2 Subject: two\n\n>From quoted twice",
		"box/cur/1700.M1:2,S Subject: in a Maildir\n\nsecond\n",
		"- Subject: piped\n\n",
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestInputsSayWhatCannotBeRead(t *testing.T) {
	for in := range inputs([]string{"/nonexistent/x.eml"}, nil) {
		if in.err == nil {
			t.Errorf("%s: no error", in.path)
		}
		return
	}
	t.Error("nothing was said")
}

func FuzzMbox(f *testing.F) {
	f.Add("From a\nSubject: x\n\nFrom b\n\n>From c\n")
	f.Add("From \n\nFrom \n")
	f.Fuzz(func(t *testing.T, s string) {
		total := 0
		yieldStream("x", strings.NewReader(s), func(in input) bool {
			total += len(in.raw)
			return true
		})
		if total > len(s) {
			t.Fatalf("%d bytes out of %d", total, len(s))
		}
	})
}
