package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(strings.NewReader("kontor.example\nXn--abc.de\n"), &out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != size*size+7 {
		t.Errorf("%d lines", n)
	}
	if !strings.Contains(out.String(), "from 1 names") {
		t.Errorf("counted %s", out.String()[:80])
	}
	if err := run(strings.NewReader(""), &out); err == nil || err.Error() != "no names to count" {
		t.Errorf("error %v", err)
	}
}
