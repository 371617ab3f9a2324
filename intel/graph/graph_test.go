package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"foregate/intel"
)

func say(name, rel, kind, thing string, when ...int) intel.Assertion {
	a := intel.Assertion{Subject: intel.Node{Kind: intel.Domain, Value: name}, Relation: intel.Relation(rel), Object: intel.Node{Kind: intel.Kind(kind), Value: thing}}
	if len(when) == 2 {
		a.First, a.Last = time.Date(when[0], 1, 1, 0, 0, 0, 0, time.UTC), time.Date(when[1], 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return a
}

func build(as ...intel.Assertion) *Graph {
	b := NewBuilder(0, 0)
	for _, a := range as {
		b.Add(a)
	}
	return b.Graph()
}

func values(c Cluster) string {
	var out []string
	for _, n := range c.Nodes {
		out = append(out, n.Value)
	}
	return strings.Join(out, " ")
}

// Four names on an address are a cluster; the parking address that two hundred
// share joins nothing, and neither does a report that names all.
func TestClusters(t *testing.T) {
	var as []intel.Assertion
	for i := range 4 {
		as = append(as, say(fmt.Sprintf("evil%d.com", i), "resolves-to", "ipv4-addr", "192.0.2.52"))
		as = append(as, say(fmt.Sprintf("evil%d.com", i), "indicates", "report", "all"))
	}
	for i := range 200 {
		as = append(as, say(fmt.Sprintf("other%d.org", i), "resolves-to", "ipv4-addr", "198.51.100.1"), say(fmt.Sprintf("other%d.org", i), "indicates", "report", "all"))
	}
	as = append(as, say("evil0.com", "resolves-to", "ipv4-addr", "198.51.100.1"), say("other1.org", "presents", "x509-certificate", "aa"), say("other2.org", "presents", "x509-certificate", "aa"))
	clusters, hubs := build(as...).Clusters()
	if len(clusters) != 2 || values(clusters[0]) != "evil0.com evil1.com evil2.com evil3.com 192.0.2.52" || values(clusters[1]) != "other1.org other2.org aa" {
		for _, c := range clusters {
			t.Error(values(c))
		}
	}
	if want := "joined through 192.0.2.52, which hosted 4 names in all"; len(clusters[0].JoinedBy) != 1 || clusters[0].JoinedBy[0].Why != want {
		t.Errorf("%+v, want %s", clusters[0].JoinedBy, want)
	}
	if len(hubs) != 1 || hubs[0].InAll != 201 || hubs[0].Why != "not joined through 198.51.100.1, which hosted 201 names in all: that many unrelated ones share it" {
		t.Errorf("%+v", hubs)
	}
}

// Host names of one registrable domain are one sharer.
func TestHostsOfOneDomain(t *testing.T) {
	var as []intel.Assertion
	for i := range 60 {
		as = append(as, say(fmt.Sprintf("h%d.evil.com", i), "resolves-to", "ipv4-addr", "192.0.2.1"))
	}
	as = append(as, say("friend.org", "resolves-to", "ipv4-addr", "192.0.2.1"))
	clusters, hubs := build(as...).Clusters()
	if len(clusters) != 1 || len(clusters[0].Nodes) != 62 || len(hubs) != 0 || clusters[0].JoinedBy[0].InAll != 2 {
		t.Errorf("%d clusters, hubs %v", len(clusters), hubs)
	}
}

// An address that two operators rented one after the other does not join them.
func TestTime(t *testing.T) {
	clusters, _ := build(
		say("a.com", "resolves-to", "ipv4-addr", "192.0.2.1", 2012, 2013), say("b.com", "resolves-to", "ipv4-addr", "192.0.2.1", 2012, 2013),
		say("c.com", "resolves-to", "ipv4-addr", "192.0.2.1", 2016, 2017), say("d.com", "resolves-to", "ipv4-addr", "192.0.2.1", 2016, 2017),
	).Clusters()
	var got []string
	for _, c := range clusters {
		got = append(got, values(c))
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"a.com b.com 192.0.2.1", "c.com d.com 192.0.2.1"}) {
		t.Errorf("%q", got)
	}
	if w := clusters[0].JoinedBy[0].Why; w != "joined through 192.0.2.1, which hosted 4 names in all, 2 at that time" {
		t.Error(w)
	}
}

func TestPivot(t *testing.T) {
	as := []intel.Assertion{say("a.com", "resolves-to", "ipv4-addr", "192.0.2.1"), say("b.com", "resolves-to", "ipv4-addr", "192.0.2.1"), say("b.com", "presents", "x509-certificate", "cc"), say("c.com", "presents", "x509-certificate", "cc"), say("a.com", "delegated-to", "name-server", "ns.big.net")}
	for i := range 500 {
		as = append(as, say(fmt.Sprintf("n%d.net", i), "delegated-to", "name-server", "ns.big.net"))
	}
	g := build(as...)
	reached, cut, err := g.Pivot(intel.Node{Kind: intel.Domain, Value: "a.com"}, PivotLimits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range reached {
		got = append(got, fmt.Sprintf("%s/%d", r.Value, r.Hops))
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"192.0.2.1/1", "b.com/1", "c.com/2", "cc/2", "ns.big.net/1"}) {
		t.Errorf("%q", got)
	}
	if len(cut) != 1 || cut[0].Value != "ns.big.net" {
		t.Errorf("%+v", cut)
	}
	if _, _, err := g.Pivot(intel.Node{Kind: intel.Domain, Value: "x.com"}, PivotLimits{}); err == nil || err.Error() != "domain-name x.com is not in the graph" {
		t.Error(err)
	}
}

// The clusters do not depend on the order in which assertions come in.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		as := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) intel.Assertion {
			a := say(fmt.Sprintf("n%d.com", rapid.IntRange(0, 20).Draw(t, "n")), rapid.SampledFrom([]string{"resolves-to", "presents"}).Draw(t, "r"), "ipv4-addr", fmt.Sprintf("x%d", rapid.IntRange(0, 9).Draw(t, "x")))
			if rapid.Bool().Draw(t, "cert") {
				a.Object.Kind = intel.Certificate
			}
			if y := rapid.IntRange(0, 3).Draw(t, "y"); y > 0 {
				a.First = time.Date(2010+2*y, 1, 1, 0, 0, 0, 0, time.UTC)
				a.Last = a.First.AddDate(0, 6, 0)
			}
			return a
		}), 0, 40).Draw(t, "as")
		text := func(as []intel.Assertion) string {
			cs, _ := build(as...).Clusters()
			var out []string
			for _, c := range cs {
				out = append(out, values(c))
				for _, j := range c.JoinedBy {
					if math.IsNaN(j.LogOdds) || math.IsInf(j.LogOdds, 0) {
						t.Fatalf("odds of %s: %v", j.Value, j.LogOdds)
					}
				}
			}
			slices.Sort(out)
			return strings.Join(out, "; ")
		}
		if a, b := text(as), text(rapid.Permutation(as).Draw(t, "p")); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

// large is a graph like that of passive DNS: most addresses have few names, some
// have very many.
func large(nodes, edges int) *Graph {
	r := rand.New(rand.NewPCG(1, 2))
	b := NewBuilder(nodes, edges)
	names := nodes * 6 / 10
	things := nodes - names
	nm := make([]intel.Node, names)
	for i := range nm {
		nm[i] = intel.Node{Kind: intel.Domain, Value: fmt.Sprintf("name%d.example%d.com", i, i%(names/2))}
	}
	th := make([]intel.Node, things)
	for i := range th {
		th[i] = intel.Node{Kind: intel.IPv4, Value: fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)}
	}
	zipf := rand.NewZipf(r, 1.05, 50, uint64(things-1))
	for range edges {
		b.Add(intel.Assertion{Subject: nm[r.IntN(names)], Relation: intel.ResolvesTo, Object: th[zipf.Uint64()]})
	}
	return b.Graph()
}

func BenchmarkPivot(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	g := large(1_000_000, 5_000_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	nodes, edges := g.Len()
	var starts []intel.Node
	for i := range 500 {
		starts = append(starts, g.nodes[(i*997)%nodes])
	}
	b.ReportAllocs()
	var worst, worstCPU time.Duration
	i := 0
	all := cpu(b)
	for b.Loop() {
		begin, used := time.Now(), cpu(b)
		if _, _, err := g.Pivot(starts[i%len(starts)], PivotLimits{}); err != nil {
			b.Fatal(err)
		}
		worst, worstCPU = max(worst, time.Since(begin)), max(worstCPU, cpu(b)-used)
		i++
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
	// On a machine that others use too, the processor time says what it takes.
	b.ReportMetric(float64(worstCPU.Microseconds())/1000, "worst-cpu-ms")
	b.ReportMetric(float64((cpu(b)-all).Microseconds())/1000/float64(i), "cpu-ms/op")
	b.ReportMetric(float64(edges), "edges")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
}

// cpu is the processor time of the process and of the kernel for it.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
