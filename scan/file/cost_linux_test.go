package file

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"foregate/mail"
)

// costs are the processor times of the attachments of one type: opened here, in
// the sandbox (both processes together), and the difference.
type costs struct{ here, boxed, more []time.Duration }

// BenchmarkCost tells the processor time that attachments cost by their type,
// over the messages below the folder that FOREGATE_MAIL names, here and in the
// sandbox, one after the other, and what the sandbox adds.
func BenchmarkCost(b *testing.B) {
	box := boxed(b)
	took := map[string]*costs{}
	eachMessage(b, func(_ string, m *mail.Message) {
		for i := range m.Attachments {
			a := &m.Attachments[i]
			open := func(x Exploder) (string, time.Duration) {
				// Counting the children takes time of its own, which is left out.
				kids := liveChildTime(b)
				start := processTime()
				nodes, err := x.Explode(b.Context(), Request{Files: []Source{{Name: a.FileName, Declared: a.ContentType, Data: a.Raw}}, Passwords: Passwords(m)})
				d := processTime() - start
				d += liveChildTime(b) - kids
				if err != nil || len(nodes) != 1 {
					return "gap", d
				}
				return nodes[0].Type, d
			}
			typ, here := open(Local{})
			_, there := open(box)
			if there < here/2 {
				continue // a child was replaced, and its time with it
			}
			for _, t := range []string{"all", typ} {
				if took[t] == nil {
					took[t] = &costs{}
				}
				took[t].here, took[t].boxed, took[t].more = append(took[t].here, here), append(took[t].boxed, there), append(took[t].more, there-here)
			}
		}
	})
	types := make([]string, 0, len(took))
	for t := range took {
		types = append(types, t)
	}
	slices.SortFunc(types, func(x, y string) int {
		return cmp.Or(cmp.Compare(len(took[y].here), len(took[x].here)), strings.Compare(x, y))
	})
	fmt.Println("milliseconds of processor time: type, files, p50 and p99 here, p50 and p99 in the sandbox, p50 and p99 of the difference")
	for _, t := range types[:min(len(types), 14)] {
		c := took[t]
		fmt.Printf("%-6s %5d  %8.3f %8.3f  %8.3f %8.3f  %8.3f %8.3f\n", t, len(c.here), at(c.here, 50), at(c.here, 99), at(c.boxed, 50), at(c.boxed, 99), at(c.more, 50), at(c.more, 99))
	}
	b.ReportMetric(at(took["all"].more, 50), "sandbox-p50-ms")
}

// eachMessage parses the messages below the folder that FOREGATE_MAIL names, one
// after the other.
func eachMessage(b *testing.B, look func(path string, m *mail.Message)) {
	b.Helper()
	dir := os.Getenv("FOREGATE_MAIL")
	if dir == "" {
		b.Skip("FOREGATE_MAIL names no folder with messages")
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		look(path, mail.Parse(mail.Envelope{}, raw))
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// at is a percentile in milliseconds.
func at(d []time.Duration, percent int) float64 {
	s := slices.Sorted(slices.Values(d))
	return float64(s[len(s)*percent/100]) / float64(time.Millisecond)
}

// processTime is the processor time of this process so far.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// liveChildTime is the processor time of the children that are alive, to the
// nanosecond, by the scheduler's own count.
func liveChildTime(b *testing.B) time.Duration {
	var sum time.Duration
	kids, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range kids {
		pids, err := os.ReadFile(k)
		if err != nil {
			continue // the thread has ended
		}
		for _, pid := range strings.Fields(string(pids)) {
			tasks, err := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
			if err != nil {
				b.Fatal(err)
			}
			for _, t := range tasks {
				text, err := os.ReadFile(t)
				var ns int64
				if _, serr := fmt.Sscan(string(text), &ns); err == nil && serr == nil {
					sum += time.Duration(ns)
				}
			}
		}
	}
	return sum
}

// BenchmarkNoFiles tells what the stage costs messages without attachments, over
// the same folder: no child is asked, only the body is looked at for codes drawn
// without a picture.
func BenchmarkNoFiles(b *testing.B) {
	pool := boxed(b)
	stage := Stage{Trees: &Trees{Exploder: pool}}
	var took []time.Duration
	asked := 0
	eachMessage(b, func(path string, m *mail.Message) {
		if len(m.Attachments) > 0 {
			return
		}
		if drawnBody(m) != nil {
			asked++
		}
		start := processTime()
		if err := stage.Analyze(b.Context(), m, &mail.Facts{}); err != nil {
			b.Logf("%s: %v", path, err)
		}
		took = append(took, processTime()-start)
	})
	fmt.Printf("%d messages without attachments, %d of them looked at for drawn codes: p50 %.4f ms, p99 %.4f ms of processor time\n", len(took), asked, at(took, 50), at(took, 99))
}
