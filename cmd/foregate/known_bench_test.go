package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"foregate/intel"
	"foregate/scan/known"
	"foregate/store"
)

// BenchmarkIndex loads a million indicators from the database, as the gate does when
// it starts, and takes in a thousand new ones while it runs. The last is the time from
// the end of their import until they are in force.
func BenchmarkIndex(b *testing.B) {
	ctx := b.Context()
	db, err := store.Open(ctx, filepath.Join(b.TempDir(), "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	n := 0
	add := func(more int) {
		as := make([]intel.Assertion, more)
		for i := range as {
			as[i] = intel.Assertion{Subject: intel.Node{Kind: intel.Domain, Value: fmt.Sprintf("name%d.example", n)}, Relation: intel.Indicates,
				Object: intel.Node{Kind: intel.IntrusionSet, Value: "Callisto"}, Source: intel.Source{Name: "feed", Origin: "report"}}
			n++
		}
		if _, err := db.AddAssertions(ctx, as, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	for range 50 {
		add(20_000)
	}
	b.Run("load", func(b *testing.B) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begin := cpuUsed(b)
		x := &known.Index{}
		for b.Loop() {
			x = &known.Index{}
			if _, err := x.Load(ctx, indicators{db}, nil); err != nil {
				b.Fatal(err)
			}
		}
		used := cpuUsed(b) - begin
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
		runtime.KeepAlive(x)
	})
	b.Run("reload", func(b *testing.B) {
		x := &known.Index{}
		have, err := x.Load(ctx, indicators{db}, nil)
		if err != nil {
			b.Fatal(err)
		}
		watch, stop := context.WithCancel(ctx)
		defer stop()
		go x.Watch(watch, indicators{db}, nil, have, intelPoll, func(err error) { b.Error(err) })
		for b.Loop() {
			b.StopTimer()
			add(1000)
			b.StartTimer()
			for x.Len() < n {
				time.Sleep(time.Millisecond)
			}
		}
	})
}

// cpuUsed is the processor time of the process and of the kernel for it.
func cpuUsed(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
