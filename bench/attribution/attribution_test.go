// Package attribution measures how well actors can be told from techniques and
// software: ATT&CK's attributed campaigns against all its groups, isolated by
// report. Run with -v to see the figures.
package attribution

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"foregate/intel"
	"foregate/intel/attack"
	"foregate/intel/attrib"
	"foregate/intel/tabular"
)

const data = "../../../shared/data/intel/"

func open(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(data + name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data are not here: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func corpus(t testing.TB) *attack.Corpus {
	t.Helper()
	z, err := gzip.NewReader(open(t, "attack_v18.1_compact.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	c, bad, err := attack.Read(z)
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	return c
}

// trial is one attributed campaign, its model isolated from its reports.
type trial struct {
	name   string
	truth  []string
	parts  []attrib.Ranked // with the standard weights
	empty  bool            // nothing is left of the true group's profile
	groups int
}

func trials(t testing.TB, c *attack.Corpus, isolate bool) []trial {
	t.Helper()
	var out []trial
	for _, camp := range c.Campaigns {
		tech, soft := attack.Techniques(camp.Uses), attack.Software(camp.Uses)
		if len(camp.Groups) == 0 || len(tech)+len(soft) == 0 {
			continue
		}
		reports := map[string]bool{}
		if isolate {
			reports = camp.Reports()
		}
		var pt, ps []attrib.Profile
		tr := trial{name: camp.Name, groups: len(c.Groups), empty: true}
		for _, g := range camp.Groups {
			tr.truth = append(tr.truth, g.Object)
		}
		for _, g := range c.Known(camp.ID, reports) {
			u := g.Uses
			pt = append(pt, attrib.Profile{Name: g.ID, Items: attack.Techniques(u), Reports: attack.Cited(u, reports)})
			ps = append(ps, attrib.Profile{Name: g.ID, Items: attack.Software(u)})
			if slices.Contains(tr.truth, g.ID) && len(u) > 0 {
				tr.empty = false
			}
		}
		tr.parts, _ = attrib.NewModel(pt, ps).Rank(tech, soft, 0)
		out = append(out, tr)
	}
	return out
}

// weights scale the parts of the model, 1 being the standard.
type weights struct{ tech, soft, prior float64 }

type outcome struct {
	rank int
	p    float64 // given to the truth
	top  float64 // given to the first
}

func (tr trial) run(w weights) outcome {
	score := make([]float64, len(tr.parts))
	z, best := 0.0, math.Inf(-1)
	for i, r := range tr.parts {
		score[i] = w.prior*float64(r.Prior) + w.tech*float64(r.Techniques) + w.soft*float64(r.Software)
		z += math.Pow(10, score[i])
		best = max(best, score[i])
	}
	o := outcome{rank: len(tr.parts), top: math.Pow(10, best) / z}
	for i, r := range tr.parts {
		if !slices.Contains(tr.truth, r.Name) {
			continue
		}
		rank := 1
		for k := range score {
			if score[k] > score[i] || score[k] == score[i] && k != i { // ties count against us
				rank++
			}
		}
		o.rank = min(o.rank, rank)
		o.p += math.Pow(10, score[i]) / z
	}
	return o
}

func logLoss(ts []trial, w weights) float64 {
	sum := 0.0
	for _, tr := range ts {
		sum -= math.Log(tr.run(w).p)
	}
	return sum / float64(len(ts))
}

// fit finds the weights of the least log loss on a coarse grid.
func fit(ts []trial) weights {
	best, least := weights{}, math.Inf(1)
	for _, a := range []float64{0, 0.5, 1, 1.5} {
		for _, b := range []float64{0, 0.5, 0.75, 1} {
			for _, c := range []float64{0, 0.5, 1, 1.5} {
				if l := logLoss(ts, weights{a, b, c}); l < least {
					best, least = weights{a, b, c}, l
				}
			}
		}
	}
	return best
}

// wilson is the 95 % interval of a rate (Wilson 1927).
func wilson(k, n int) (lo, hi float64) {
	const z = 1.96
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return mid - half, mid + half
}

type summary struct {
	n, top1, top5 int
	loss          float64
	confidence    float64 // mean probability given to the first
}

func (s summary) String() string {
	l1, h1 := wilson(s.top1, s.n)
	l5, h5 := wilson(s.top5, s.n)
	return fmt.Sprintf("n=%d top-1 %.2f [%.2f, %.2f] top-5 %.2f [%.2f, %.2f] log loss %.2f; the first gets %.2f on average and is right in %.2f",
		s.n, float64(s.top1)/float64(s.n), l1, h1, float64(s.top5)/float64(s.n), l5, h5, s.loss, s.confidence, float64(s.top1)/float64(s.n))
}

func sum(outs []outcome) summary {
	s := summary{n: len(outs)}
	for _, o := range outs {
		if o.rank == 1 {
			s.top1++
		}
		if o.rank <= 5 {
			s.top5++
		}
		s.loss -= math.Log(o.p) / float64(len(outs))
		s.confidence += o.top / float64(len(outs))
	}
	return s
}

// TestAttribution measures with weights that were fitted without the campaign
// that is judged, and with the ones that ship.
func TestAttribution(t *testing.T) {
	c := corpus(t)
	ts := trials(t, c, true)
	var held, shipped, software []outcome
	empty := 0
	for i := range ts {
		w := fit(slices.Delete(slices.Clone(ts), i, i+1))
		o := ts[i].run(w)
		held = append(held, o)
		shipped = append(shipped, ts[i].run(weights{1, 1, 1}))
		software = append(software, ts[i].run(weights{0, 1, 0}))
		if ts[i].empty {
			empty++
		}
		t.Logf("%-45s rank %3d of %d, probability %.3f, weights %v, nothing left of its group: %v", ts[i].name, o.rank, ts[i].groups, o.p, w, ts[i].empty)
	}
	base := math.Log(float64(len(c.Groups)))
	t.Logf("held out:        %v (base rate: log loss %.2f)", sum(held), base)
	t.Logf("as shipped:      %v", sum(shipped))
	t.Logf("software alone:  %v", sum(software))
	t.Logf("in %d of %d cases isolation leaves nothing of the true group's profile: no method can answer these", empty, len(ts))
	s := sum(held)
	if f := float64(s.top1) / float64(s.n); f <= 0.19 {
		t.Errorf("top-1 %.2f does not beat naive Bayes on techniques (0.19)", f)
	}
	if s.loss >= base {
		t.Errorf("log loss %.2f is no better than knowing nothing (%.2f)", s.loss, base)
	}
	var leaked []outcome
	for _, tr := range trials(t, c, false) {
		leaked = append(leaked, tr.run(weights{1, 1, 1}))
	}
	t.Logf("not isolated (leakage, for comparison): %v", sum(leaked))
	calibration(t, held)
}

// calibration compares the probabilities given to the first with how often it
// was right, in three bins.
func calibration(t *testing.T, outs []outcome) {
	for _, b := range [][2]float64{{0, 0.1}, {0.1, 0.5}, {0.5, 1.01}} {
		n, right, p := 0, 0, 0.0
		for _, o := range outs {
			if o.top >= b[0] && o.top < b[1] {
				n++
				p += o.top
				if o.rank == 1 {
					right++
				}
			}
		}
		if n > 0 {
			lo, hi := wilson(right, n)
			t.Logf("calibration: first given %.2f to %.2f: n=%d, mean %.2f, right %.2f [%.2f, %.2f]", b[0], b[1], n, p/float64(n), float64(right)/float64(n), lo, hi)
		}
	}
}

// TestSimilarityDependsOnTheScorer reproduces where APT28 stands among groups
// most like Callisto (G1033), by three measures: among the 119 other groups that
// have ten techniques or more, directly or through a campaign.
func TestSimilarityDependsOnTheScorer(t *testing.T) {
	sets := map[string]map[string]bool{}
	for r := range tabular.Read(open(t, "attack_v18.1_group_techniques.csv"), tabular.CSV, tabular.Mapping{}, intel.Source{}) {
		for _, a := range r.Assertions {
			if sets[a.Subject.Value] == nil {
				sets[a.Subject.Value] = map[string]bool{}
			}
			sets[a.Subject.Value][a.Object.Value] = true
		}
	}
	var ps []attrib.Profile
	var own []string
	for name, set := range sets {
		p := attrib.Profile{Name: name}
		for id := range set {
			p.Items = append(p.Items, id)
		}
		if len(p.Items) >= 10 {
			ps = append(ps, p)
		}
		if name == "Star Blizzard" {
			own = p.Items
		}
	}
	slices.SortFunc(ps, func(a, b attrib.Profile) int { return strings.Compare(a.Name, b.Name) })
	mapped := mapping(t)
	s := attrib.NewScorer(ps)
	for _, tt := range []struct {
		name, leave string
		items       []string
		of          attrib.Similarity
		place       int
	}{
		{"Star Blizzard in ATT&CK", "Star Blizzard", own, attrib.Jaccard, 47},
		{"Star Blizzard in ATT&CK", "Star Blizzard", own, attrib.Cosine, 32},
		{"Star Blizzard in ATT&CK", "Star Blizzard", own, attrib.Containment, 10},
		{"F-Secure 2017", "", mapped, attrib.Cosine, 11},
		{"F-Secure 2017", "", mapped, attrib.Containment, 1},
	} {
		place, among := s.Rank(tt.items, tt.of, "APT28", tt.leave, 10)
		t.Logf("%s: APT28 is %d of %d by %s", tt.name, place, among, tt.of)
		if place != tt.place {
			t.Errorf("%s: APT28 is %d of %d by %s, want %d", tt.name, place, among, tt.of, tt.place)
		}
	}
	if len(own) != 19 || len(mapped) != 12 || len(sets["APT28"]) != 99 {
		t.Errorf("%d, %d and %d techniques", len(own), len(mapped), len(sets["APT28"]))
	}
}

func mapping(t testing.TB) []string {
	rows, err := csv.NewReader(open(t, "fsecure_2017_ttp_mapping.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows[1:] {
		out = append(out, r[0])
	}
	return out
}

// TestOverlaps reproduces the overlaps of the indicator files, exact and by /24,
// and says what they weigh.
func TestOverlaps(t *testing.T) {
	read := func(name string) (exact, nets map[string]bool) {
		exact, nets = map[string]bool{}, map[string]bool{}
		for r := range tabular.Read(open(t, name), tabular.CSV, tabular.DefaultMapping(), intel.Source{Name: name}) {
			for _, a := range r.Assertions {
				exact[a.Subject.String()] = true
				if n := net24(a.Subject); n != "" {
					nets[n] = true
				}
			}
		}
		return exact, nets
	}
	ce, cn := read("ioc_callisto.csv")
	ge, gn := read("ioc_grizzly_steppe.csv")
	ae, an := read("ioc_apt28.csv")
	shared := func(a, b map[string]bool) (n int) {
		for k := range a {
			if b[k] {
				n++
			}
		}
		return n
	}
	for what, got := range map[string][2]int{
		"callisto and grizzly steppe exactly": {shared(ce, ge), 0}, "callisto and grizzly steppe by /24": {shared(cn, gn), 1},
		"callisto and apt28 exactly": {shared(ce, ae), 0}, "callisto and apt28 by /24": {shared(cn, an), 0},
		"grizzly steppe and apt28 exactly": {shared(ge, ae), 6}, "grizzly steppe and apt28 by /24": {shared(gn, an), 14},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", what, got[0], got[1])
		}
	}
	// What a hit weighs: 125 of 1,686 unrelated files have one by /24, ten exactly. A
	// network is almost no evidence, an address is some.
	hs := []attrib.Hypothesis{{ID: "same", Prior: 0.5}, {ID: "other", Prior: 0.5}}
	weight := func(seen int) float64 {
		hit := attrib.Item{ID: "x", Rate: &attrib.Rate{Seen: seen, Of: 1686}, Confidence: intel.Confidence{Reliability: 'A', Credibility: 1}, Chance: map[string]float64{"same": 0.15}}
		return float64(hit.Weight("same", hs))
	}
	network, address := weight(125), weight(10)
	t.Logf("if 15 %% of its own files show one, a /24 hit on Grizzly Steppe weighs %.2f bans and an exact one %.2f", network, address)
	if network <= 0 || network > 0.35 || address < 3*network {
		t.Errorf("a /24 hit weighs %.2f, an exact one %.2f", network, address)
	}
}

func net24(n intel.Node) string {
	if n.Kind != intel.IPv4 || strings.Contains(n.Value, "/") {
		return ""
	}
	return n.Value[:strings.LastIndexByte(n.Value, '.')]
}
