package main

import (
	"runtime/debug"
	"testing"
)

// gcNow is the percentage in force.
func gcNow() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

func TestCollectAsGate(t *testing.T) {
	before := gcNow()
	corpus := []sample{{raw: make([]byte, 64<<20)}}
	unset := func(string) string { return "" }
	undo := collectAsGate(corpus, unset)
	large := gcNow()
	undo()
	if gcNow() != before {
		t.Errorf("the percentage is %d afterwards, was %d", gcNow(), before)
	}
	if large < 1 || large >= gcPercent {
		t.Errorf("with a corpus the percentage is %d, want less than %d", large, gcPercent)
	}
	undo = collectAsGate(nil, unset)
	if got := gcNow(); got != gcPercent {
		t.Errorf("without a corpus the percentage is %d, want %d", got, gcPercent)
	}
	undo()
	undo = collectAsGate(corpus, func(string) string { return "50" })
	if got := gcNow(); got != before {
		t.Errorf("the operator's GOGC is overruled by %d", got)
	}
	undo()
	if len(corpus[0].raw) == 0 {
		t.Error("the corpus is gone")
	}
}
