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

func raws(t testing.TB, c *attack.Corpus) []raw {
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
		for _, g := range c.Groups {
			u := attack.Without(g.Uses, camp.Reports())
			pt = append(pt, attrib.Profile{Name: g.ID, Items: attack.Techniques(u)})
			ps = append(ps, attrib.Profile{Name: g.ID, Items: attack.Software(u)})
			r.names = append(r.names, g.ID)
			r.activity = append(r.activity, math.Log10(float64(len(pt[len(pt)-1].Items)+len(ps[len(ps)-1].Items)+1)))
		}
		for _, part := range []struct {
			profiles []attrib.Profile
			items    []string
			mus      []float64
			to       map[float64][]float64
		}{{pt, tech, techMu, r.tech}, {ps, soft, softMu, r.soft}} {
			s := attrib.NewScorer(part.profiles)
			s.Keep = 1
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

// TestNested chooses all five constants of the model without the campaign that is
// judged, and once more without any campaign of its group. What is lost against
// the constants that ship is the optimism of choosing on the same campaigns.
func TestNested(t *testing.T) {
	rs := raws(t, corpus(t))
	all := settings()
	loss := make([][]float64, len(all))
	for i, s := range all {
		for _, r := range rs {
			loss[i] = append(loss[i], -math.Log(r.run(s).p))
		}
	}
	best := func(out func(k int) bool) setting {
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
