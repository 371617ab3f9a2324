package main

import (
	"math/rand/v2"
	"slices"
)

// The bootstrap draws campaigns with replacement (Efron and Tibshirani, An
// Introduction to the Bootstrap, chapter 8.6): messages of one campaign are
// nearly one message, and a corpus has some campaigns a hundred times.
const (
	bootDraws = 400
	bootSeed  = 20260101 // fixed: the same observations give the same interval
)

// draws holds, for each draw, how often each campaign was drawn.
type draws [][]uint8

// bootstrap draws campaigns. Its result is a function of the observations.
func bootstrap(seen []observed) draws {
	groups := 0
	present := map[int]bool{}
	for _, o := range seen {
		groups = max(groups, o.campaign+1)
		present[o.campaign] = true
	}
	var ids []int
	for g := range groups {
		if present[g] {
			ids = append(ids, g)
		}
	}
	r := rand.New(rand.NewPCG(bootSeed, uint64(len(ids))))
	out := make(draws, bootDraws)
	for i := range out {
		out[i] = make([]uint8, groups)
		for range ids {
			if g := ids[r.IntN(len(ids))]; out[i][g] < 255 {
				out[i][g]++
			}
		}
	}
	return out
}

// byOdds are the indices of the observations, highest odds first.
func byOdds(seen []observed) []int {
	order := make([]int, len(seen))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return -compareFloat(seen[a].odds, seen[b].odds) })
	return order
}

// ranges are the 95 % intervals of the share of phish and of the control set
// that is caught where the share fpr of ham is.
func (d draws) ranges(seen []observed, order []int, fpr float64) (all, controls [2]float64) {
	a, c := make([]float64, len(d)), make([]float64, len(d))
	for i, times := range d {
		a[i], c[i] = drawn(seen, order, times, fpr)
	}
	return interval(a), interval(c)
}

// interval is the middle 95 % of values.
func interval(v []float64) [2]float64 {
	slices.Sort(v)
	return [2]float64{quantile(v, .025), quantile(v, .975)}
}

// drawn is what threshold and rocPoint would give if each observation were
// there as often as its campaign was drawn.
func drawn(seen []observed, order []int, times []uint8, fpr float64) (all, controls float64) {
	var nHam, nPhish, nControl int
	for i := range seen {
		k := int(times[seen[i].campaign])
		switch seen[i].sample.label {
		case "ham":
			nHam += k
		case "phish":
			nPhish += k
			if control(seen[i].sample) {
				nControl += k
			}
		}
	}
	allowed := int(fpr * float64(nHam))
	var ham, phish, ctl int
	for at := 0; at < len(order); {
		var h, p, c int // of one tie
		odds := seen[order[at]].odds
		for ; at < len(order) && seen[order[at]].odds == odds; at++ {
			o := &seen[order[at]]
			k := int(times[o.campaign])
			switch o.sample.label {
			case "ham":
				h += k
			case "phish":
				p += k
				if control(o.sample) {
					c += k
				}
			}
		}
		if ham += h; ham > allowed {
			break
		}
		phish, ctl = phish+p, ctl+c
	}
	return float64(phish) / float64(max(1, nPhish)), float64(ctl) / float64(max(1, nControl))
}
