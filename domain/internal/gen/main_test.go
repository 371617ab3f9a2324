package main

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	table, err := parse(strings.NewReader("\ufeff# head\n\n0430 ;\t0061 ;\tMA\t# comment\n006D ;\t0072 006E ;\tMA\n00E9 ; 0065 ; MA\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(table) != 2 || table['а'] != "a" || table['m'] != "rn" {
		t.Errorf("table = %q, want а and m only (é decomposes)", table)
	}
	for in, want := range map[string]string{
		"0430 0431 ; 0061 ; MA": `line 1: want one source code point in "0430 0431 "`,
		"0430 ; zz ; MA":        `line 1: bad target " zz "`,
	} {
		if _, err := parse(strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("parse(%q) error = %v, want %s", in, err, want)
		}
	}
}

func TestRenderIsStable(t *testing.T) {
	table := map[rune]string{'а': "a", 'm': "rn", '0': "O", 'х': "x"}
	first, err := render(table)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := render(table)
		if err != nil || string(again) != string(first) {
			t.Fatalf("rendering twice differs (error %v)", err)
		}
	}
	if !strings.Contains(string(first), "confusableASCIILow  uint64 = 0x1000000000000") {
		t.Errorf("the mask of mapped ASCII characters is missing:\n%s", first)
	}
}
