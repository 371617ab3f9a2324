package graph

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"foregate/intel"
)

// world is a graph with campaigns of known operators among the names of
// strangers. Operators host on addresses of their own, on rented ones that
// strangers had before and after, and on shared hosts and delivery networks that
// join nothing; they use name servers of big providers and certificates of their
// own or of a host.
type world struct {
	as    []intel.Assertion
	owner map[string]int // of names; −1 for strangers
}

func planted(seed uint64) world {
	r := rand.New(rand.NewPCG(seed, 7))
	w := world{owner: map[string]int{}}
	day := func(n int) time.Time { return time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }
	say := func(name string, rel intel.Relation, kind intel.Kind, value string, from, to int) {
		w.as = append(w.as, intel.Assertion{Subject: intel.Node{Kind: intel.Domain, Value: name}, Relation: rel, Object: intel.Node{Kind: kind, Value: value}, First: day(from), Last: day(to)})
	}
	shared := func(name string, from, to int) {
		// Few hosts have most of the names.
		n := int(r.ExpFloat64() * 8)
		say(name, intel.ResolvesTo, intel.IPv4, fmt.Sprintf("203.0.%d.%d", n/200, n%200), from, to)
		say(name, intel.UsesNS, intel.NameServer, fmt.Sprintf("ns%d.provider%d.example", r.IntN(4), int(r.ExpFloat64()*6)), from, to)
	}
	for i := range 4000 {
		name := fmt.Sprintf("stranger%d.example", i)
		w.owner[name] = -1
		from := r.IntN(2500)
		shared(name, from, from+200+r.IntN(700))
		if r.IntN(3) == 0 { // a small site with an address of its own
			say(name, intel.ResolvesTo, intel.IPv4, fmt.Sprintf("198.18.%d.%d", i/250, i%250), from, from+200)
		}
	}
	for op := range 40 {
		start := r.IntN(2200)
		addresses := 1 + r.IntN(3)
		for i := range 4 + r.IntN(10) {
			name := fmt.Sprintf("op%d-%d.example", op, i)
			w.owner[name] = op
			from := start + r.IntN(150)
			to := from + 30 + r.IntN(150)
			if r.IntN(4) > 0 {
				say(name, intel.ResolvesTo, intel.IPv4, fmt.Sprintf("192.0.%d.%d", op, r.IntN(addresses)), from, to)
			}
			if r.IntN(2) == 0 {
				say(name, intel.UsesCert, intel.Certificate, fmt.Sprintf("cert-of-%d-%d", op, r.IntN(2)), from, to)
			}
			if r.IntN(3) == 0 {
				say(name, intel.RegisteredBy, intel.Registrant, fmt.Sprintf("person%d@mail.example", op), from, to)
			}
			shared(name, from, to)
		}
		// Strangers rented one of the addresses a year before and a year after.
		for _, shift := range []int{-700, 900} {
			name := fmt.Sprintf("tenant%d-%d.example", op, shift)
			w.owner[name] = -1
			say(name, intel.ResolvesTo, intel.IPv4, fmt.Sprintf("192.0.%d.0", op), start+shift, start+shift+100)
			shared(name, start+shift, start+shift+100)
		}
	}
	r.Shuffle(len(w.as), func(i, j int) { w.as[i], w.as[j] = w.as[j], w.as[i] })
	return w
}

// score counts pairs of names: those that a cluster joins and how many of them
// rightly, and how many pairs of one operator there are.
func (w world) score(clusters []Cluster) (joined, right, all int) {
	sizes := map[int]int{}
	for _, op := range w.owner {
		if op >= 0 {
			sizes[op]++
		}
	}
	for _, n := range sizes {
		all += n * (n - 1) / 2
	}
	for _, c := range clusters {
		var ops []int
		for _, n := range c.Nodes {
			if op, ok := w.owner[n.Value]; ok {
				ops = append(ops, op)
			}
		}
		for i := range ops {
			for k := range i {
				joined++
				if ops[i] == ops[k] && ops[i] >= 0 {
					right++
				}
			}
		}
	}
	return joined, right, all
}

// TestPlanted finds planted campaigns among strangers on shared hosts. The seeds
// are fixed: the figures are the same on every run.
func TestPlanted(t *testing.T) {
	var joined, right, all int
	for seed := range uint64(5) {
		w := planted(seed)
		clusters, _ := build(w.as...).Clusters()
		j, r, a := w.score(clusters)
		joined, right, all = joined+j, right+r, all+a
	}
	precision, recall := float64(right)/float64(joined), float64(right)/float64(all)
	t.Logf("pairs of names in one cluster: precision %.3f, recall %.3f (%d joined, %d of one operator)", precision, recall, joined, all)
	// Below what is measured, so that only a real loss is red.
	if precision < 0.9 || recall < 0.7 {
		t.Errorf("precision %.3f, recall %.3f", precision, recall)
	}
}

// TestMessages clusters messages of one campaign through their links, templates
// and servers, and leaves those of strangers at a bulk sender apart.
func TestMessages(t *testing.T) {
	b := NewBuilder(0, 0)
	add := func(id, sender string, shared map[intel.Relation]intel.Node) {
		m := intel.Node{Kind: intel.Message, Value: id}
		b.Owner(m, sender)
		for rel, n := range shared {
			b.Add(intel.Assertion{Subject: m, Relation: rel, Object: n})
		}
	}
	bulk := intel.Node{Kind: intel.IPv4, Value: "198.51.100.1"}
	for i := range 60 {
		add(fmt.Sprintf("letter%d", i), fmt.Sprintf("shop%d.example", i), map[intel.Relation]intel.Node{SentFrom: bulk, LinksTo: {Kind: intel.Domain, Value: "social.example"}})
	}
	kit := intel.Node{Kind: intel.Kit, Value: "aa"}
	for i := range 4 {
		shared := map[intel.Relation]intel.Node{BuiltLike: kit, LinksTo: {Kind: intel.Domain, Value: fmt.Sprintf("login%d.example", i/2)}}
		if i == 0 {
			shared[SentFrom] = bulk
		}
		add(fmt.Sprintf("lure%d", i), fmt.Sprintf("hacked%d.example", i), shared)
	}
	// A thousand messages of one sender are one witness.
	for i := range 1000 {
		add(fmt.Sprintf("flood%d", i), "flood.example", map[intel.Relation]intel.Node{SentFrom: {Kind: intel.IPv4, Value: "192.0.2.1"}})
	}
	clusters, _ := b.Graph().Clusters()
	var got []string
	for _, c := range clusters {
		got = append(got, fmt.Sprintf("%d %s", len(c.Nodes), c.Nodes[len(c.Nodes)-1].Value))
	}
	if len(clusters) != 2 || got[0] != "1001 flood999" || got[1] != "7 lure3" {
		t.Errorf("%q", got)
	}
}
