package domain

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// watchFile reads a file of the research data, one slice of columns for each
// line. The data is not part of the repository: without it the test is
// skipped, but under CI=true it fails.
func watchFile(tb testing.TB, name string) [][]string {
	tb.Helper()
	path := filepath.Join("..", "..", "shared", "data", "watch", name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true" {
		tb.Skipf("no research data at %s", path)
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			tb.Fatal(err)
		}
		sc = bufio.NewScanner(z)
	}
	var rows [][]string
	for sc.Scan() {
		rows = append(rows, strings.Split(sc.Text(), "\t"))
	}
	if err := sc.Err(); err != nil {
		tb.Fatal(err)
	}
	return rows
}

// pairBrands are the protected names that a list of pairs names.
func pairBrands(pairs [][]string) []Protected {
	var names []Protected
	seen := map[string]bool{}
	for _, p := range pairs {
		if key := p[3] + " " + p[1]; !seen[key] {
			seen[key] = true
			names = append(names, Protected{Token: p[3], Domains: []string{p[1]}, Label: p[1]})
		}
	}
	slices.SortFunc(names, func(a, b Protected) int { return strings.Compare(a.Token+a.Label, b.Token+b.Label) })
	return names
}

// TestMatchResearch measures recall by kind of imitation and the hits on
// popular benign names, prints both, and fails below what the matcher is for.
func TestMatchResearch(t *testing.T) {
	pairs := watchFile(t, "brand-pairs.tsv.gz")
	benign := watchFile(t, "benign-domains.txt.gz")
	m := NewMatcher(pairBrands(pairs))

	found, total := map[string]int{}, map[string]int{}
	all := 0
	miss := map[string][]string{}
	var buf []Match
	for _, p := range pairs {
		total[p[2]]++
		buf = m.Match(p[0], buf[:0])
		if slices.ContainsFunc(buf, func(x Match) bool { return x.Protected.Domains[0] == p[1] }) {
			found[p[2]]++
			all++
		} else {
			miss[p[2]] = append(miss[p[2]], p[0]+" ("+p[3]+")")
		}
	}
	kinds := make([]string, 0, len(total))
	for k := range total {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		t.Logf("recall %-14s %6d of %6d = %5.1f %%", k, found[k], total[k], 100*float64(found[k])/float64(total[k]))
	}
	recall := float64(all) / float64(len(pairs))
	t.Logf("recall all %d of %d = %.2f %%", all, len(pairs), 100*recall)

	hits, names := map[string]int{}, map[string]int{}
	rules := map[string]int{}
	var show []string
	for _, b := range benign {
		names[b[1]]++
		buf = m.Match(b[0], buf[:0])
		if len(buf) > 0 {
			hits[b[1]]++
			if b[1] == "A" {
				rules[buf[0].Rule]++
				show = append(show, fmt.Sprintf("%s %s %s", buf[0].Rule, buf[0].Protected.Token, b[0]))
			}
		}
	}
	for _, tier := range []string{"A", "B"} {
		t.Logf("benign tier %s: %d of %d = %.3f %%", tier, hits[tier], names[tier], 100*float64(hits[tier])/float64(names[tier]))
	}
	t.Logf("tier A by rule: %v", rules)
	if dir := os.Getenv("MATCH_DUMP"); dir != "" {
		dump(t, filepath.Join(dir, "benign.txt"), show)
		for k, v := range miss {
			dump(t, filepath.Join(dir, "miss-"+k+".txt"), v)
		}
	}
	if recall < 0.90 {
		t.Errorf("recall %.4f, want at least 0.90", recall)
	}
	if rate := float64(hits["A"]) / float64(names["A"]); rate > 0.001 {
		t.Errorf("benign hit rate %.5f, want at most 0.001", rate)
	}
}

// dump writes lines for a person to read.
func dump(t *testing.T, path string, lines []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// benchBrands are the thousand protected names of the benchmark.
func benchBrands(tb testing.TB) []Protected {
	var names []Protected
	for _, r := range watchFile(tb, "brands1000.tsv") {
		names = append(names, Protected{Token: r[0], Domains: []string{r[1]}, Label: r[0]})
	}
	return names
}

// BenchmarkMatch measures names per second on each list with 1,000 protected
// names.
func BenchmarkMatch(b *testing.B) {
	m := NewMatcher(benchBrands(b))
	for _, file := range []string{"phish-domains.txt.gz", "benign-domains.txt.gz", "nrd-background.txt.gz"} {
		rows := watchFile(b, file)
		names := make([]string, len(rows))
		for i, r := range rows {
			names[i] = r[0]
		}
		b.Run(strings.TrimSuffix(file, ".txt.gz"), func(b *testing.B) {
			b.ReportAllocs()
			var buf []Match
			hits, i, cpu := 0, 0, cpuTime(b)
			for b.Loop() {
				buf = m.Match(names[i], buf[:0])
				if len(buf) > 0 {
					hits++
				}
				if i++; i == len(names) {
					i = 0
				}
			}
			b.ReportMetric(float64(b.N)/(cpuTime(b)-cpu).Seconds(), "names/cpu-s")
			b.ReportMetric(100*float64(hits)/float64(b.N), "%hit")
		})
	}
}

// cpuTime is the processor time of this process, which other work on the
// machine doesn't lengthen as it does the clock's.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// TestMatcherMemory holds a matcher of 1,000 names to 50 MB.
func TestMatcherMemory(t *testing.T) {
	names := benchBrands(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m := NewMatcher(names)
	runtime.GC()
	runtime.ReadMemStats(&after)
	size := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d names: %.1f MB", len(names), float64(size)/1e6)
	if size > 50e6 {
		t.Errorf("matcher holds %d bytes, want at most 50 MB", size)
	}
	runtime.KeepAlive(m)
}
