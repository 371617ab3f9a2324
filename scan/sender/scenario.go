package sender

import "math"

// scenario is one way in which a message comes to look as it does: how often,
// and how often each group then shows something new; usual is the sender's own
// rate. The numbers are set by hand; bench/history shows what comes of them.
type scenario struct {
	share float64
	p     [numGroups]float64
	// main is the group that the scenario is about, and known its rate of
	// novelty in the middling history that share is meant for: who never came
	// from elsewhere in years does it more rarely, who often did more often.
	main  group
	known float64
	// proof is what a changed proof then is.
	proof [numProofs]float64
	// passes is how often the trace of a message from new servers names the
	// sender's usual ones below them, listed how often it says it is a list's.
	passes, listed float64
}

// proofChange is what became of the proof of a sender who used to have another.
type proofChange uint8

const (
	proofOther   proofChange = iota // the author is proven, in another way
	proofBroken                     // not proven: the usual signer's signature does not hold
	proofForeign                    // not proven: somebody else signed
	proofBare                       // not proven, and no signature at all
	numProofs
)

const (
	// leastShare and mostShare bound how far a history moves a scenario.
	leastShare, mostShare = .2, 3
	// seldom is how often mail that was neither forwarded nor resent looks as if:
	// servers are shared, and old lists are new to us.
	seldomPasses, seldomListed = .05, .01
)

// of is the scenario's share for a sender.
func (s scenario) of(gs *[numGroups]groupState) float64 {
	if s.known == 0 || !gs[s.main].known {
		return s.share
	}
	return s.share * min(mostShare, max(leastShare, gs[s.main].base/s.known))
}

const usual = -1

// honest are the ways in which a sender changes.
func honest() []scenario {
	own := [numProofs]float64{.7, .15, .05, .1} // keys and servers change; what is misconfigured is soon mended
	return []scenario{
		// As ever.
		{share: .931, p: [numGroups]float64{usual, usual, usual, usual, usual, usual}, proof: own, passes: seldomPasses, listed: seldomListed},
		// Another device or program.
		{share: .03, p: [numGroups]float64{usual, usual, .95, usual, usual, usual}, main: groupClient, known: .03, proof: own, passes: seldomPasses, listed: seldomListed},
		// A journey.
		{share: .02, p: [numGroups]float64{.15, usual, .4, .9, usual, usual}, main: groupHabit, known: .03, proof: own, passes: seldomPasses, listed: seldomListed},
		// By another relay.
		{share: .006, p: [numGroups]float64{.95, usual, usual, usual, usual, usual}, main: groupRelay, known: .04, proof: own, passes: seldomPasses, listed: seldomListed},
		// Forwarded, the signature broken: nobody's history forbids it. Forwarders
		// have no reason to take signatures off and leave the trace as it is.
		{share: .005, p: [numGroups]float64{.95, .95, usual, usual, usual, usual}, proof: [numProofs]float64{.05, .88, .04, .03}, passes: .9, listed: seldomListed},
		// Through a mailing list, which changes the text and so breaks signatures,
		// or takes them off.
		{share: .004, p: [numGroups]float64{.98, .95, usual, usual, usual, usual}, proof: [numProofs]float64{.05, .45, .25, .25}, passes: .8, listed: .9},
		// A move to another provider, whose servers the domain names soon after.
		{share: .004, p: [numGroups]float64{.95, .6, .7, usual, usual, usual}, main: groupRelay, known: .04, proof: [numProofs]float64{.9, .02, .02, .06}, passes: seldomPasses, listed: seldomListed},
	}
}

// hostile are the ways in which somebody else writes in the sender's name.
func hostile() []scenario {
	return []scenario{
		// Forged. A trace and a signature that does not hold are easily made up, by
		// who has seen one of the sender's.
		{share: .5, p: [numGroups]float64{.97, .9, .9, .6, .7, .5}, proof: [numProofs]float64{.02, .08, .3, .6}, passes: .1, listed: .03},
		// From the sender's own account.
		{share: .5, p: [numGroups]float64{.5, .03, .85, .6, .75, .5}, proof: [numProofs]float64{.8, .1, .02, .08}, passes: seldomPasses, listed: seldomListed},
	}
}

// noAsk is how often an attack wants nothing (yet).
const noAsk = .05

// path is what the header fields say of the way of a message.
type path struct {
	known  bool // the sender's usual servers have names to look for
	passes bool // it names one of them
	signed bool // a signature names the usual signer, whether it holds or not
	listed bool // it says that it is a mailing list's
}

// likelihood is the probability of a pattern in a scenario.
func (s scenario) likelihood(gs *[numGroups]groupState, way path) float64 {
	p := s.of(gs)
	for g := range groupAsk {
		if !gs[g].known {
			continue
		}
		change := s.p[g]
		same := 1 - change
		if change == usual {
			change = gs[g].novelty
			same = 1 - change
		} else {
			same = math.Max(same, gs[g].common)
		}
		switch {
		case !gs[g].changed:
			p *= same
		case g == groupProof:
			p *= change * s.proof[gs[g].proof]
		default:
			p *= change
		}
	}
	if gs[groupRelay].changed {
		if way.known {
			p *= yes(s.passes, way.passes)
		}
		p *= yes(s.listed, way.listed)
	}
	return p
}

// yes is the probability of an answer where that of yes is p.
func yes(p float64, answer bool) float64 {
	if answer {
		return p
	}
	return 1 - p
}

// joint is the log10 likelihood ratio of the whole pattern.
func joint(gs [numGroups]groupState, way path, asks, newAsk bool, askRate, askNovelty float64) float64 {
	sum := func(all []scenario) float64 {
		total := 0.0
		for _, s := range all {
			total += s.likelihood(&gs, way) * askLikelihood(s.p[groupAsk], asks, newAsk, askRate, askNovelty)
		}
		return total
	}
	j := math.Log10(sum(hostile()) / sum(honest()))
	return math.Max(maxAgainst, math.Min(maxFor, j))
}

// askLikelihood is the probability of what a message wants.
func askLikelihood(p float64, asks, newAsk bool, rate, novelty float64) float64 {
	if p == usual {
		switch {
		case !asks:
			return 1 - rate
		case newAsk:
			return math.Min(rate, novelty)
		}
		return math.Max(.01, rate-novelty)
	}
	switch {
	case !asks:
		return noAsk
	case newAsk:
		return (1 - noAsk) * p
	}
	return (1 - noAsk) * (1 - p)
}
