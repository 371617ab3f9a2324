package mql

import (
	"context"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"foregate/mail"
)

// cpu is the processor time that the process has used so far. Wall time says
// little on a machine that others use, too.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heapBytes() float64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

const megabyte = 1 << 20

// BenchmarkFeed evaluates the whole public feed and our own rules over real
// mail, with every capability absent: what rules add to a message that is
// parsed. All times are processor time:
//
//	compile-ms   parsing, checking and compiling all rules
//	heap-MB      what the compiled rules and one run keep, automata included
//	mean-ms, p50-ms, p95-ms, p99-ms   per message
//	ratio        mean without the prefilter over mean with it
//
// A large share of noise is the machine's: the kernel-ms metric is a fixed
// piece of work, the same on every run.
func BenchmarkFeed(b *testing.B) {
	rules := allRules(b)
	l := feedLists(b)
	messages := devMail(b, 20)
	before, c := heapBytes(), cpu(b)
	rs, _ := NewEnv().CompileRules(rules)
	compile := cpu(b) - c
	eval := func(m *mail.Message, o Options) time.Duration {
		c := cpu(b)
		if _, err := rs.EvalWith(context.Background(), m, nil, l, o); err != nil {
			b.Fatal(err)
		}
		return cpu(b) - c
	}
	for _, m := range messages { // expressions compile when first run
		eval(m, Options{NoQuotes: true})
	}
	kept := heapBytes() - before
	var plain time.Duration
	const plainEvery = 10
	n := 0
	for i := 0; i < len(messages); i += plainEvery {
		eval(messages[i], Options{NoQuotes: true, NoPrefilter: true}) // its expressions, too
		plain += eval(messages[i], Options{NoQuotes: true, NoPrefilter: true})
		n++
	}
	plain /= time.Duration(n)
	var took []time.Duration
	var total, kernel time.Duration
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d := eval(messages[i%len(messages)], Options{NoQuotes: true})
		took = append(took, d)
		total += d
		i++
	}
	for range 10 {
		c := cpu(b)
		fixedWork()
		kernel += cpu(b) - c
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	mean := total / time.Duration(len(took))
	b.ReportMetric(ms(compile), "compile-ms")
	b.ReportMetric(kept/megabyte, "heap-MB")
	b.ReportMetric(ms(mean), "mean-ms")
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*95/100]), "p95-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(float64(plain)/float64(mean), "ratio")
	b.ReportMetric(ms(kernel/10), "kernel-ms")
}

// fixedWork fills and reads a map of 20,000 numbers.
func fixedWork() int {
	m := map[int]int{}
	for i := range 20_000 {
		m[i*7919] = i
	}
	sum := 0
	for i := range 20_000 {
		sum += m[i*7919]
	}
	return sum
}
