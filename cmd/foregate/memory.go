package main

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
)

// What a message takes in memory while it is judged and handed on, by its size
// in bytes: measured by BenchmarkJudgeMemory (itself included, 27 to 33 bytes
// for each of its own at 100 KB, 5 to 9 at 1 MB, 3 to 5 at 10 MB).
const (
	judgeFloor = 256 << 10 // whatever its size: facts, rules, the session
	judgeSmall = 40        // for each byte of a small message
	judgeBase  = 4 << 20   // and from there on
	judgeLarge = 5         // for each byte of a large one
)

// judgeShare is the memory in bytes to set aside for a message of n bytes.
func judgeShare(n int64) int64 {
	return judgeFloor + min(judgeSmall*n, judgeBase+judgeLarge*n)
}

// idleMemory is what the gate takes without a message, in bytes: about 90 MB
// with all rules and the classifier, sessions that read (256 KiB each at most),
// and what SQLite and the history keep back.
const idleMemory = 256 << 20

// gcPercent is how far the heap may grow before the collector runs, in per cent
// of what lives in it. That is rules, lists and the classifier, some 80 MB that
// every run marks anew, while a message leaves 0.3 MB behind: at Go's own 100 that
// is 5 % of a message's processor time, at 200 half of it. Three times what lives
// is within idleMemory.
const gcPercent = 200

// limitMemory has the collector keep the process near its budget, and run seldom
// below it, unless the operator says otherwise by GOMEMLIMIT and GOGC. It returns
// the limit before.
func limitMemory(c smtpConfig, getenv func(string) string) int64 {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMEMLIMIT") != "" {
		return debug.SetMemoryLimit(-1)
	}
	return debug.SetMemoryLimit(c.MemoryBudget + idleMemory)
}

// collectAsGate has the collector run as often as in a gate, which has no corpus
// in its memory. undo sets it back.
func collectAsGate(corpus []sample, getenv func(string) string) (undo func()) {
	runtime.GC()
	if getenv("GOGC") != "" {
		return func() {}
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	live := int64(mem.HeapAlloc)
	gate := live
	for i := range corpus {
		gate -= int64(len(corpus[i].raw))
	}
	before := debug.SetGCPercent(max(1, int(gcPercent*gate/max(1, live))))
	return func() { debug.SetGCPercent(before) }
}

// spoolDir is where large messages lie while they arrive: beside the database,
// for /tmp is memory on many machines.
func spoolDir(c config) string { return filepath.Dir(c.Database) }
