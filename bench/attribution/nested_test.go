package attribution

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"foregate/intel/attack"
	"foregate/intel/attrib"
)

// setting is a choice of all constants of the model.
type setting struct{ techMu, techKeep, softMu, softKeep, prior float64 }

// raw are one campaign's scores before any constant but the completeness is
// applied, by the values of Mu that are tried.
type raw struct {
	name       string
	truth      []string
	names      []string
	activity   []float64
	tech, soft map[float64][]float64
}

// The grids: each reaches from a constant that hardly matters to one that rules.
func grid() (techMu, techKeep, softMu, softKeep, prior []float64) {
	return []float64{10, 30, 100, 300, 1000}, []float64{0.1, 0.25, 0.5, 0.75, 1}, []float64{5, 10, 20, 40, 100}, []float64{0.5, 0.75, 1}, []float64{0, 0.5, 1, 1.5}
}

// variant is what a profile takes in.
type variant struct {
	name      string
	campaigns bool    // the group's other campaigns
	backoff   float64 // Scorer.Backoff of techniques
	reports   bool    // the prior grows with reports, not with statements
}

// shipped is the variant of attrib.Model.
var shipped = variant{"as shipped", true, attrib.TechniqueBackoff, true}

func raws(t testing.TB, c *attack.Corpus, v variant) []raw {
	t.Helper()
	techMu, _, softMu, _, _ := grid()
	var out []raw
	for _, camp := range c.Campaigns {
		tech, soft := attack.Techniques(camp.Uses), attack.Software(camp.Uses)
		if len(camp.Groups) == 0 || len(tech)+len(soft) == 0 {
			continue
		}
		r := raw{name: camp.Name, tech: map[float64][]float64{}, soft: map[float64][]float64{}}
		for _, g := range camp.Groups {
			r.truth = append(r.truth, g.Object)
		}
		var pt, ps []attrib.Profile
		known := c.Known(camp.ID, camp.Reports())
		for i, g := range c.Groups {
			u := known[i].Uses
			if !v.campaigns {
				u = attack.Without(g.Uses, camp.Reports())
			}
			pt = append(pt, attrib.Profile{Name: g.ID, Items: attack.Techniques(u), Reports: attack.Cited(u, camp.Reports())})
			ps = append(ps, attrib.Profile{Name: g.ID, Items: attack.Software(u)})
			r.names = append(r.names, g.ID)
			n := len(pt[i].Items) + len(ps[i].Items)
			if v.reports {
				n = pt[i].Reports
			}
			r.activity = append(r.activity, math.Log10(float64(n+1)))
		}
		for _, part := range []struct {
			profiles []attrib.Profile
			items    []string
			mus      []float64
			to       map[float64][]float64
			backoff  float64
		}{{pt, tech, techMu, r.tech, v.backoff}, {ps, soft, softMu, r.soft, 0}} {
			s := attrib.NewScorer(part.profiles)
			s.Keep, s.Backoff = 1, part.backoff
			for _, mu := range part.mus {
				s.Mu = mu
				scores := make([]float64, len(part.profiles))
				for i := range part.profiles {
					for _, it := range part.items {
						scores[i] += float64(s.Weight(i, it))
					}
				}
				part.to[mu] = scores
			}
		}
		out = append(out, r)
	}
	return out
}

func (r raw) run(s setting) outcome {
	score := make([]float64, len(r.names))
	z, best := 0.0, math.Inf(-1)
	for i := range score {
		score[i] = s.prior*r.activity[i] + s.techKeep*r.tech[s.techMu][i] + s.softKeep*r.soft[s.softMu][i]
		best = max(best, score[i])
	}
	for i := range score {
		z += math.Pow(10, score[i]-best)
	}
	o := outcome{rank: len(score), top: 1 / z}
	for i, name := range r.names {
		if !slices.Contains(r.truth, name) {
			continue
		}
		rank := 1
		for k := range score {
			if score[k] > score[i] || score[k] == score[i] && k != i {
				rank++
			}
		}
		o.rank = min(o.rank, rank)
		o.p += math.Pow(10, score[i]-best) / z
	}
	return o
}

func settings() []setting {
	a, b, c, d, e := grid()
	var out []setting
	for _, tm := range a {
		for _, tk := range b {
			for _, sm := range c {
				for _, sk := range d {
					for _, p := range e {
						out = append(out, setting{tm, tk, sm, sk, p})
					}
				}
			}
		}
	}
	return out
}

// bootstrap is the 95 % interval of a mean, by drawing the campaigns anew.
func bootstrap(values []float64) (lo, hi float64) {
	r := rand.New(rand.NewPCG(1, 2))
	means := make([]float64, 2000)
	for i := range means {
		for range values {
			means[i] += values[r.IntN(len(values))] / float64(len(values))
		}
	}
	slices.Sort(means)
	return means[len(means)*25/1000], means[len(means)*975/1000]
}

// chooser gives what chooses the constants of the least log loss over the campaigns
// that are not left out.
func chooser(rs []raw) func(out func(k int) bool) setting {
	all := settings()
	loss := make([][]float64, len(all))
	for i, s := range all {
		for _, r := range rs {
			loss[i] = append(loss[i], -math.Log(r.run(s).p))
		}
	}
	return func(out func(k int) bool) setting {
		at, least := 0, math.Inf(1)
		for i := range all {
			sum, n := 0.0, 0
			for k := range rs {
				if !out(k) {
					sum += loss[i][k]
					n++
				}
			}
			if sum/float64(n) < least {
				at, least = i, sum/float64(n)
			}
		}
		return all[at]
	}
}

// TestVariants says what each part of the model brings, with constants chosen
// without the campaign that is judged.
func TestVariants(t *testing.T) {
	c := corpus(t)
	for _, v := range []variant{
		{"plain profiles", false, 0, false},
		{"with other campaigns", true, 0, false},
		{"with parents", false, attrib.TechniqueBackoff, false},
		{"with reports", false, 0, true},
		{"with campaigns and parents", true, attrib.TechniqueBackoff, false},
		{"with campaigns and reports", true, 0, true},
		shipped,
	} {
		rs := raws(t, c, v)
		best := chooser(rs)
		var outs []outcome
		for k, r := range rs {
			outs = append(outs, r.run(best(func(j int) bool { return j == k })))
		}
		s := sum(outs)
		t.Logf("%-28s %v", v.name, s)
		if s.loss >= math.Log(172) {
			t.Errorf("%s: log loss %.2f is no better than knowing nothing", v.name, s.loss)
		}
	}
}

// TestNested chooses all five constants of the model without the campaign that is
// judged, and once more without any campaign of its group. What is lost against
// the constants that ship is the optimism of choosing on the same campaigns.
func TestNested(t *testing.T) {
	rs := raws(t, corpus(t), shipped)
	best := chooser(rs)
	shares := func(a, b raw) bool {
		return slices.ContainsFunc(a.truth, func(g string) bool { return slices.Contains(b.truth, g) })
	}
	var shipped, inSample, one, group []outcome
	chosen := map[setting]int{}
	ours := setting{attrib.TechniqueMu, attrib.TechniqueKeep, attrib.SoftwareMu, attrib.SoftwareKeep, attrib.ActivityPower}
	fitted := best(func(int) bool { return false })
	for k, r := range rs {
		s := best(func(j int) bool { return j == k })
		chosen[s]++
		one = append(one, r.run(s))
		group = append(group, r.run(best(func(j int) bool { return shares(r, rs[j]) })))
		shipped, inSample = append(shipped, r.run(ours)), append(inSample, r.run(fitted))
	}
	for _, x := range []struct {
		name string
		outs []outcome
	}{{"constants as shipped", shipped}, {fmt.Sprintf("fitted on all (%v)", fitted), inSample}, {"fitted without the campaign", one}, {"fitted without its group", group}} {
		var losses []float64
		for _, o := range x.outs {
			losses = append(losses, -math.Log(o.p))
		}
		lo, hi := bootstrap(losses)
		t.Logf("%s: %v; log loss 95 %% [%.2f, %.2f]", x.name, sum(x.outs), lo, hi)
		calibration(t, x.outs)
	}
	t.Logf("choices of constants over %d campaigns: %d different", len(rs), len(chosen))
	t.Logf("optimism of the constants: log loss %.2f as shipped, %.2f when chosen without the campaign", sum(shipped).loss, sum(one).loss)
	if s := sum(one); s.loss >= math.Log(172) {
		t.Errorf("log loss %.2f is no better than knowing nothing", s.loss)
	}
}
