package main

import (
	"math"
	"slices"
	"strings"

	"foregate/evidence"
)

// evalReliability says whether probabilities come true: of the messages of
// which 30 % are said to be attacks, 30 % should be.
type evalReliability struct {
	// Prior is the log10 odds that the odds begin from; the messages are weighted
	// so that this share of them is phish, and that no source has more of its
	// label than the others together. CorpusShare is phish of phish and ham as
	// they are.
	Prior       float64 `json:"prior"`
	CorpusShare float64 `json:"corpus_share"`
	// Slope and Shift are the straight line from the odds as computed to the
	// odds that fit best: 1 and 0 are right, a slope below 1 is over-confident.
	Slope float64 `json:"slope"`
	Shift float64 `json:"shift"`
	// Scale is the same slope, at most 1, when the share Hidden of the attacks
	// stands unnoticed among the ham (evidence.Confidence).
	Scale  float64       `json:"scale"`
	Hidden float64       `json:"hidden"`
	Bins   []evalBin     `json:"bins"`
	Brier  evalBrierForm `json:"brier"`

	bySource map[string]float64
}

// evalBin are the messages whose odds lie in [From, To).
type evalBin struct {
	From     float64    `json:"from"` // log10 odds
	To       float64    `json:"to"`
	Phish    int        `json:"phish"`
	Ham      int        `json:"ham"`
	Said     float64    `json:"said"`     // mean probability
	Observed float64    `json:"observed"` // share of phish
	Range    [2]float64 `json:"range"`    // of Observed, 95 % by campaign
}

// evalBrierForm is the mean square of probability less truth: 0 is perfect. Each
// stands beside what always saying the share of phish would give.
type evalBrierForm struct {
	// Overall counts every message once, with odds for the corpus' own share.
	Overall          float64 `json:"overall"`
	OverallReference float64 `json:"overall_reference"`
	// Balanced counts every source of a label the same and both labels the
	// same, with odds for even chances; its reference is 0.25.
	Balanced float64 `json:"balanced"`
	// AtPrior is weighted as the bins are.
	AtPrior          float64 `json:"at_prior"`
	AtPriorReference float64 `json:"at_prior_reference"`
}

// farOdds closes the outermost bins; JSON has no infinity.
const farOdds = 1000

// binEdges are half decades: 1 to 1,000 against up to 1,000 to 1 for.
func binEdges() []float64 {
	return []float64{-farOdds, -3, -2.5, -2, -1.5, -1, -.5, 0, .5, 1, 1.5, 2, 3, farOdds}
}

// reliability computes the diagram and the scores. Spam is left out.
func reliability(all []observed, prior float64) evalReliability {
	var seen []observed
	for _, o := range all {
		if o.sample.label != "spam" {
			seen = append(seen, o)
		}
	}
	r := evalReliability{Prior: prior, bySource: map[string]float64{}}
	weight := priorWeights(seen, prior)
	r.bins(seen, weight)
	r.Slope, r.Shift = straight(seen, weight)
	r.brier(seen, weight)
	outcomes := make([]evidence.Outcome, len(seen))
	for i, o := range seen {
		outcomes[i] = evidence.Outcome{Fixed: prior, Moving: o.odds - prior, Attack: o.sample.label == "phish", Count: weight[i]}
	}
	r.Scale, r.Hidden = evidence.Confidence(outcomes)
	return r
}

// priorWeights weighs the observations as the fit does: sources cut, phish in
// the proportion of the prior. The weights add up to 1.
func priorWeights(seen []observed, prior float64) []float64 {
	share := shares(seen)
	total := map[string]float64{}
	for i, o := range seen {
		total[o.sample.label] += share[i]
	}
	part := map[string]float64{"phish": evidence.Probability(evidence.Weight(prior))}
	part["ham"] = 1 - part["phish"]
	for i, o := range seen {
		share[i] *= part[o.sample.label] / total[o.sample.label]
	}
	return share
}

// bins fills the diagram.
func (r *evalReliability) bins(seen []observed, weight []float64) {
	edges := binEdges()
	d := bootstrap(seen)
	in := make([][]int, len(edges)-1)
	for i, o := range seen {
		b := max(0, min(len(in)-1, sortedAfter(edges, o.odds)-1))
		in[b] = append(in[b], i)
	}
	for b, members := range in {
		bin := evalBin{From: edges[b], To: edges[b+1]}
		var said, phish, sum float64
		for _, i := range members {
			said += weight[i] * probability(seen[i].odds)
			sum += weight[i]
			if seen[i].sample.label == "phish" {
				bin.Phish++
				phish += weight[i]
			} else {
				bin.Ham++
			}
		}
		if sum > 0 {
			bin.Said, bin.Observed = said/sum, phish/sum
			bin.Range = d.observedRange(seen, members, weight)
		}
		r.Bins = append(r.Bins, bin)
	}
}

// sortedAfter is the number of edges that are not above v.
func sortedAfter(edges []float64, v float64) int {
	n, found := slices.BinarySearch(edges, v)
	if found {
		n++
	}
	return n
}

// observedRange is the interval of the weighted share of phish among members.
func (d draws) observedRange(seen []observed, members []int, weight []float64) [2]float64 {
	var v []float64
	for _, times := range d {
		var phish, sum float64
		for _, i := range members {
			w := weight[i] * float64(times[seen[i].campaign])
			sum += w
			if seen[i].sample.label == "phish" {
				phish += w
			}
		}
		if sum > 0 {
			v = append(v, phish/sum)
		}
	}
	return interval(v)
}

func probability(odds float64) float64 { return evidence.Probability(evidence.Weight(odds)) }

// straight fits log odds = shift + slope × odds by weighted logistic regression
// with Newton's method (Cox 1958, calibration of probabilities).
func straight(seen []observed, weight []float64) (slope, shift float64) {
	a, b := 0.0, 1.0
	for range 50 {
		var ga, gb, haa, hab, hbb float64
		for i, o := range seen {
			x := max(-farOdds, min(farOdds, o.odds)) * math.Ln10
			p := 1 / (1 + math.Exp(-(a + b*x)))
			y := 0.0
			if o.sample.label == "phish" {
				y = 1
			}
			g, h := weight[i]*(y-p), weight[i]*p*(1-p)
			ga, gb = ga+g, gb+g*x
			haa, hab, hbb = haa+h, hab+h*x, hbb+h*x*x
		}
		det := haa*hbb - hab*hab
		if det < 1e-18 {
			break
		}
		da, db := (ga*hbb-gb*hab)/det, (gb*haa-ga*hab)/det
		// Half steps far from the solution keep it from running away.
		scale := 1 / max(1, math.Abs(da), math.Abs(db)*4)
		a, b = a+scale*da, b+scale*db
		if math.Abs(da)+math.Abs(db) < 1e-9 {
			break
		}
	}
	return b, a / math.Ln10
}

// brier fills the scores.
func (r *evalReliability) brier(seen []observed, weight []float64) {
	n := map[string]int{}
	for _, o := range seen {
		n[o.sample.label]++
	}
	if n["phish"] == 0 || n["ham"] == 0 {
		return
	}
	r.CorpusShare = float64(n["phish"]) / float64(len(seen))
	here := float64(evidence.LogOdds(r.CorpusShare)) - r.Prior
	size, sum := map[string]int{}, map[string]float64{}
	for i, o := range seen {
		y := 0.0
		if o.sample.label == "phish" {
			y = 1
		}
		square := func(odds float64) float64 { d := probability(odds) - y; return d * d }
		key := o.sample.label + "/" + o.sample.source
		size[key]++
		sum[key] += square(o.odds - r.Prior) // even chances
		r.Brier.Overall += square(o.odds+here) / float64(len(seen))
		r.Brier.AtPrior += weight[i] * square(o.odds)
	}
	of := map[string][]float64{}
	for _, key := range sortedKeys(size) {
		r.bySource[key] = sum[key] / float64(size[key])
		label, _, _ := strings.Cut(key, "/")
		of[label] = append(of[label], r.bySource[key])
	}
	for _, label := range sortedKeys(of) {
		for _, v := range of[label] {
			r.Brier.Balanced += v / float64(len(of[label])) / 2
		}
	}
	p := probability(r.Prior)
	r.Brier.OverallReference = r.CorpusShare * (1 - r.CorpusShare)
	r.Brier.AtPriorReference = p * (1 - p)
}
