package evidence

import (
	"math"
	"slices"
)

// Observation is one labelled message for Fit: what was found, what it is, and
// how much it counts.
type Observation struct {
	Items  []Item
	Attack bool
	Count  float64 // how many messages it stands for; below 1e-9 it is ignored
}

// FitOptions steer Fit. The zero value of a field is its default.
type FitOptions struct {
	Prior  Weight  // log10 odds before evidence; the observations must be weighted to it
	Pull   float64 // how strongly weights are pulled to where they start, default 1
	Rounds int     // passes of gradient descent, default 300
	// Mislabelled is the share of observations called benign that are attacks in
	// truth, as every real collection has some. Without it, few of them outweigh
	// all true attacks where the prior makes a benign message count a hundred
	// times as much.
	Mislabelled float64
	// Ladders are grades of one thing, each a list of IDs from the weakest to the
	// strongest: a stronger grade never weighs less. Unknown IDs are skipped.
	Ladders [][]string
}

// Fit adjusts the measured weights of a table to each other: kinds of evidence
// that appear together are not independent, and adding up their separate ratios
// would count one cause twice. It minimises the logistic loss of Sum over the
// observations, pulled towards the start (ridge), and is monotone: evidence
// that speaks for an attack may lose its weight but never speak against one, and
// the reverse. Priors and own weights (Item.Own) stay as they are.
//
// The result is deterministic. The method is textbook logistic regression (Hastie,
// Tibshirani, Friedman, The Elements of Statistical Learning, section 4.4).
func Fit(start *Table, obs []Observation, o FitOptions) *Table {
	if o.Pull == 0 {
		o.Pull = 1
	}
	if o.Rounds == 0 {
		o.Rounds = 300
	}
	f := newFitter(start, obs, o)
	if f.total == 0 {
		return start // nothing to fit to
	}
	for round := range o.Rounds {
		f.step(round)
		f.climb()
	}
	entries := start.Entries()
	for i, e := range entries {
		if j, ok := f.index[e.ID]; ok {
			entries[i].Weight = Weight(f.w[j])
		}
	}
	return NewTable(entries)
}

// leastCount is the least count of an observation: the pull of the start is
// divided by the sum of counts, which must not overflow.
const leastCount = 1e-9

// fitter holds the state of one descent.
type fitter struct {
	opts     FitOptions
	index    map[string]int // ID → position in the slices below
	w, start []float64
	grad     []float64
	m, v     []float64 // moments of Adam (Kingma and Ba 2015)
	rows     []fitRow
	seen     []float64 // counts of the rows that show each
	ladders  [][]int   // positions, from the weakest grade to the strongest
	total    float64
}

type fitRow struct {
	fixed float64 // prior and weights that do not move
	terms []fitTerm
	y     float64 // +1 attack, −1 not
	count float64
}

type fitTerm struct {
	j       int
	lineage string
}

func newFitter(start *Table, obs []Observation, o FitOptions) *fitter {
	f := &fitter{opts: o, index: map[string]int{}}
	for _, e := range start.Entries() {
		if e.moves() {
			f.index[e.ID] = len(f.w)
			f.w = append(f.w, float64(e.Weight))
		}
	}
	f.start = slices.Clone(f.w)
	f.grad, f.m, f.v = make([]float64, len(f.w)), make([]float64, len(f.w)), make([]float64, len(f.w))
	f.seen = make([]float64, len(f.w))
	for _, ob := range obs {
		if ob.Count < leastCount {
			continue
		}
		r := f.row(start, ob)
		for _, t := range r.terms {
			f.seen[t.j] += r.count
		}
		f.rows = append(f.rows, r)
		f.total += ob.Count
	}
	for _, ladder := range o.Ladders {
		var steps []int
		for _, id := range ladder {
			if j, ok := f.index[id]; ok {
				steps = append(steps, j)
			}
		}
		f.ladders = append(f.ladders, steps)
		f.oneSide(steps)
	}
	f.climb()
	return f
}

// oneSide puts the grades that start at zero on the side of the others.
func (f *fitter) oneSide(steps []int) {
	sum := 0.0
	for _, j := range steps {
		sum += f.start[j]
	}
	for _, j := range steps {
		if f.start[j] == 0 {
			f.start[j] = math.Copysign(0, sum)
		}
	}
}

// climb makes the weights of each ladder rise: neighbours in the wrong order take
// their mean, by the counts of what shows them. These are the nearest weights in
// order (pool adjacent violators; Barlow and others 1972).
func (f *fitter) climb() {
	type pool struct {
		sum, count float64
		size       int
	}
	mean := func(p pool) float64 { return p.sum / p.count }
	for _, ladder := range f.ladders {
		var pools []pool
		for _, j := range ladder {
			n := f.seen[j] + leastCount
			pools = append(pools, pool{math.Abs(f.w[j]) * n, n, 1})
			for k := len(pools) - 1; k > 0 && mean(pools[k-1]) > mean(pools[k]); k-- {
				pools[k-1].sum += pools[k].sum
				pools[k-1].count += pools[k].count
				pools[k-1].size += pools[k].size
				pools = pools[:k]
			}
		}
		i := 0
		for _, p := range pools {
			for range p.size {
				j := ladder[i]
				f.w[j] = math.Copysign(mean(p), f.start[j])
				i++
			}
		}
	}
}

// row splits one observation into what moves and what does not.
func (f *fitter) row(start *Table, ob Observation) fitRow {
	r := fitRow{y: -1, count: ob.Count}
	if ob.Attack {
		r.y = 1
	}
	var still []Item
	for _, it := range start.Weigh(ob.Items) {
		e, ok := start.Lookup(it.ID)
		if j, moves := f.index[e.ID]; ok && moves && !it.Own() {
			r.terms = append(r.terms, fitTerm{j, it.Lineage})
		} else {
			still = append(still, it)
		}
	}
	fixed, _ := Sum(f.opts.Prior, still)
	r.fixed = float64(fixed)
	return r
}

// step is one pass over all observations.
func (f *fitter) step(round int) {
	const rate, beta1, beta2, tiny = 0.02, 0.9, 0.999, 1e-8
	for j := range f.grad {
		f.grad[j] = 2 * f.opts.Pull * (f.w[j] - f.start[j]) / f.total
	}
	for i := range f.rows {
		f.accumulate(&f.rows[i])
	}
	for j, g := range f.grad {
		f.m[j] = beta1*f.m[j] + (1-beta1)*g
		f.v[j] = beta2*f.v[j] + (1-beta2)*g*g
		mh := f.m[j] / (1 - math.Pow(beta1, float64(round+1)))
		vh := f.v[j] / (1 - math.Pow(beta2, float64(round+1)))
		f.w[j] = within(f.w[j]-rate*mh/(math.Sqrt(vh)+tiny), f.start[j])
	}
}

// within keeps a weight on its side of zero and inside the cap.
func within(w, start float64) float64 {
	limit := float64(MaxMeasured)
	if !math.Signbit(start) {
		return math.Max(0, math.Min(limit, w))
	}
	return math.Min(0, math.Max(-limit, w))
}

// accumulate adds the gradient of one observation. The discount of each term is
// taken as constant at the present weights.
func (f *fitter) accumulate(r *fitRow) {
	odds := r.fixed
	factors := f.factors(r.terms)
	for i, t := range r.terms {
		odds += factors[i] * f.w[t.j]
	}
	slope := f.slope(r.y, odds) * r.count / f.total
	for i, t := range r.terms {
		f.grad[t.j] += slope * factors[i]
	}
}

// slope is the derivative of the loss of one observation by its log10 odds. An
// observation is called benign when it is (1−p) or when it is an attack taken
// for benign (ε·p), hence the loss −log(1−(1−ε)p): one that looks like a sure
// attack pulls no more. This is logistic regression under one-sided label noise
// (Bootkrajang and Kabán 2012).
func (f *fitter) slope(y, odds float64) float64 {
	p := 1 / (1 + math.Exp(-odds*math.Ln10))
	if y > 0 {
		return -(1 - p) * math.Ln10
	}
	per := math.Pow(10, -float64(f.opts.Prior)) * f.opts.Mislabelled // mistaken for each true attack
	keep := 1 / (1 + per)
	return keep * p * (1 - p) / (1 - keep*p + 1e-300) * math.Ln10
}

// factors is the share that each term keeps beside others of its lineage, as in
// Sum.
func (f *fitter) factors(terms []fitTerm) []float64 {
	out := make([]float64, len(terms))
	for i, t := range terms {
		out[i] = 1
		if t.lineage == "" {
			continue
		}
		for k, u := range terms {
			same := u.lineage == t.lineage && (f.w[u.j] < 0) == (f.w[t.j] < 0)
			stronger := math.Abs(f.w[u.j]) > math.Abs(f.w[t.j]) || math.Abs(f.w[u.j]) == math.Abs(f.w[t.j]) && k < i
			if same && k != i && stronger {
				out[i] *= Discount
			}
		}
	}
	return out
}
