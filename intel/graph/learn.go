package graph

import "math"

// learned are the chances of what sharers of a thing show, when one operator has
// it and when strangers share it. They are counted on the graph at hand, over what
// is thought to be the one and the other, and begin from values set by hand that
// weigh as much as prior sharers.
type learned struct {
	standing [2][standings]float64
	close    [2]float64
}

const prior = 5

// beginning is what is taken for the chances before anything is counted.
func beginning(spread float64) learned {
	spread = likely(spread)
	return learned{
		standing: [2][standings]float64{{0.3, 0.15, 0.15, 0.4}, {0.3, 0.4, 0.1, 0.2}},
		close:    [2]float64{spread, max(0.85, spread)},
	}
}

// support is what the standings and the times of the sharers say for one operator.
func (know *learned) support(t *thing) float64 {
	n := float64(len(t.roots))
	sum := 0.0
	for _, s := range t.status {
		sum += know.standingRatio(s, t.agree > 0)
	}
	sum *= min(1, witnesses/n)
	if t.close >= 0 {
		trials := n - 1
		c := float64(t.close)*bounded(math.Log10(know.close[1]/know.close[0]), maxClose) + (trials-float64(t.close))*bounded(math.Log10((1-know.close[1])/(1-know.close[0])), maxStanding)
		sum += c * min(1, witnesses/trials)
	}
	return sum
}

func (know *learned) standingRatio(s uint8, others bool) float64 {
	against := maxLone
	if others {
		against = maxAgainst
	} else if s == differs {
		against = maxDiffer
	}
	return max(-against, min(maxStanding, math.Log10(know.standing[1][s]/know.standing[0][s])))
}

func bounded(x, limit float64) float64 { return max(-limit, min(limit, x)) }

// learn counts what sharers show, by how likely their thing is of one operator.
func learn(things []thing, spread float64) learned {
	begin := beginning(spread)
	var n [2]float64
	var standing [2][standings]float64
	var near, trials [2]float64
	for i := range things {
		t := &things[i]
		if len(t.roots) < 2 {
			continue
		}
		odds := math.Pow(10, max(-6, min(6, t.odds)))
		w := min(1, witnesses/float64(len(t.roots)))
		for side, p := range [2]float64{1 / (1 + odds), odds / (1 + odds)} {
			for _, s := range t.status {
				standing[side][s] += p * w
			}
			n[side] += p * w * float64(len(t.roots))
			if t.close >= 0 {
				near[side] += p * w * float64(t.close)
				trials[side] += p * w * float64(len(t.roots)-1)
			}
		}
	}
	var out learned
	for side := range 2 {
		for s := range standings {
			out.standing[side][s] = (standing[side][s] + prior*begin.standing[side][s]) / (n[side] + prior)
		}
		out.close[side] = likely((near[side] + prior*begin.close[side]) / (trials[side] + prior))
	}
	return out
}

// likely keeps a chance off 0 and 1.
func likely(p float64) float64 { return min(0.98, max(0.02, p)) }
