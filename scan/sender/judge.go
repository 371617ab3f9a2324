package sender

import (
	"math"

	"foregate/evidence"
)

// The judgement is a likelihood ratio. The traits of a message fall into groups
// with a cause in common; for each group it is asked whether the message shows
// something that its sender never showed. How likely that pattern of changes is
// when the sender wrote the message comes from the sender's own rate of novelty
// and from what honestly changes several groups at once (a new telephone, a
// journey, a move of servers); how likely it is when somebody else wrote it,
// from what impostors can and cannot copy. A value that nobody showed before is
// as rare for an honest change as for an impostor's, so the population cancels
// out of the ratio of novelties; it counts where a value is the sender's own:
// sharing what everybody has proves little.

const (
	// minHistory is how many messages of a kind make a history.
	minHistory = 2
	// strength is how many messages the prior rate of novelty is worth.
	strength = 6
	// maxFor and maxAgainst bound the joint judgement: a short history can't
	// show more, and an attacker in a known account must not be carried far.
	maxFor, maxAgainst = 3.5, -1.5
	// maxItem bounds one trait's item.
	maxItem = 1.5
	// youth is the number of messages at which a history has its full say
	// against a sender: who has written thrice has shown little.
	// youthDays is the same in days: of a sender of some days not all servers
	// and programs have been seen, however many messages came.
	youth, youthDays = 10, 14
	// askShare is how much of a takeover's weight the conjunction of change and
	// ask itself explains at least; the single changes share the rest.
	askShare = .5
)

// finding is one kind of the message held against history.
type finding struct {
	kind    kind
	changed bool
	novelty float64 // the sender's own rate
	common  float64 // the share of all mail that shows the value, when it is a known one
	now     trait   // the new value
}

// past is the history a message is held against.
type past struct {
	address, domain, pair record
	world                 record // all mail together
	shared                bool   // the domain is a free mail provider's: its history is everybody's
}

// forKind returns the record that knows most of a kind, nil when none does.
func (p *past) forKind(k kind) *record {
	if p.address.n[k] >= minHistory*unit {
		return &p.address
	}
	if domainKind(k) && !p.shared && p.domain.n[k] >= 2*minHistory*unit {
		return &p.domain
	}
	return nil
}

// crowded tells an address under which many names write, such as a list that
// puts its own address in the place of its members': its mail has no manner of
// its own.
func (r *record) crowded() bool {
	return r.n[kindName] >= 4*unit && 5*int(r.novel[kindName]) > int(r.n[kindName])
}

// novelty is the rate of new values of a kind, after Good and Turing, with a
// prior; a short history always expects something new.
func novelty(r *record, k kind, law *traitLaw) float64 {
	n, fresh := float64(r.n[k])/unit, float64(r.novel[k])/unit
	return math.Min(.9, (fresh+.7+strength*law.novelty)/(n+1.4+strength))
}

// zoneStep is the change of an offset by summer time, in minutes.
const zoneStep = 60

// knowledge says how well a value is remembered.
type knowledge uint8

const (
	unseen knowledge = iota
	once             // in one message of many: what one message taught must not excuse the next
	familiar
)

// longHistory is from how many messages on one message is one of many, and
// onceFactor how much more an honest sender shows what it showed once.
const (
	longHistory = 10
	onceFactor  = 4
)

// knows tells how well a value is remembered.
func (p *past) knows(r *record, t trait) knowledge {
	best := unseen
	look := func(r *record, hash uint32) {
		s := r.find(t.kind, hash)
		switch {
		case s == nil:
		case s.count <= unit && r.n[t.kind] >= longHistory*unit:
			best = max(best, once)
		default:
			best = familiar
		}
	}
	look(r, t.hash)
	look(&p.pair, t.hash)
	if t.kind == kindZone { // summer time moves everybody's clock
		look(r, t.hash+zoneStep)
		look(r, t.hash-zoneStep)
	}
	return best
}

// examine holds the traits against history, kind by kind. Kinds without a
// history are left out.
func (p *past) examine(traits []trait, law *[numKinds]traitLaw) []finding {
	var out []finding
	var at [numKinds]int // index in out, plus one
	for _, t := range traits {
		r := p.forKind(t.kind)
		if r == nil {
			continue
		}
		if at[t.kind] == 0 {
			out = append(out, finding{kind: t.kind, novelty: novelty(r, t.kind, &law[t.kind])})
			at[t.kind] = len(out)
		}
		f := &out[at[t.kind]-1]
		if f.changed {
			continue
		}
		switch p.knows(r, t) {
		case unseen:
			f.changed, f.now = true, t
		case once:
			if !law[t.kind].multi {
				f.changed, f.now, f.novelty = true, t, min(.9, onceFactor*f.novelty)
			}
		case familiar:
			f.common = p.world.share(t.kind, t.hash)
		}
	}
	return farm(out)
}

// farm takes back a new network or HELO name where the verified reverse name or
// the autonomous system is the sender's usual: large providers have many.
func farm(all []finding) []finding {
	same := false
	for _, f := range all {
		same = same || !f.changed && (f.kind == kindRDNS || f.kind == kindASN)
	}
	if !same {
		return all
	}
	for i := range all {
		switch all[i].kind {
		case kindRelay, kindRelay6, kindHelo:
			all[i].changed = false
		}
	}
	return all
}

// groupState is one group of a message.
type groupState struct {
	known   bool // there is a history of it
	changed bool
	novelty float64     // how likely what is seen is as a change
	base    float64     // the sender's own rate, whatever is seen
	common  float64     // the share of all mail that looks like it, when unchanged
	proof   proofChange // of the proof, when it changed
}

// further is what each further change in a group adds: they have one cause.
const further = .6

// groups sums the findings up. Quiet kinds change a group only together.
func groups(all []finding, way path, law *[numKinds]traitLaw) [numGroups]groupState {
	var out [numGroups]groupState
	var loud, quiet [numGroups]int
	base := [numGroups]float64{}
	for _, f := range all {
		l := &law[f.kind]
		g := &out[l.group]
		g.known = g.known || !l.quiet || l.group == groupAsk
		if !l.quiet && (base[l.group] == 0 || f.novelty > base[l.group]) {
			base[l.group] = f.novelty
		}
		if !f.changed {
			// Whoever looks like the sender in all kinds of the group is as rare
			// as the rarest.
			if !l.quiet && (g.common == 0 || f.common < g.common) {
				g.common = f.common
			}
			continue
		}
		if l.quiet {
			quiet[l.group]++
		} else {
			loud[l.group]++
			if g.novelty == 0 || f.novelty < g.novelty {
				g.novelty = f.novelty
			}
		}
	}
	out[groupProof].proof = proofOf(all, way)
	for i := range out {
		g := &out[i]
		g.base = base[i]
		switch {
		case loud[i] > 0:
			g.changed = true
			g.novelty *= math.Pow(further, math.Min(3, float64(loud[i]-1)+float64(quiet[i])/2))
		case quiet[i] >= 3:
			g.changed, g.novelty = true, math.Max(.1, base[i])
		default:
			g.novelty = base[i]
		}
	}
	return out
}

// proofOf tells what became of a changed proof.
func proofOf(all []finding, way path) proofChange {
	proven, bare := true, false
	for _, f := range all {
		switch f.kind {
		case kindAuth:
			proven = !f.changed || f.now.text == standingProven
		case kindDKIM:
			bare = f.changed && f.now.text == noSignature
		}
	}
	switch {
	case proven:
		return proofOther
	case way.signed:
		return proofBroken
	case bare:
		return proofBare
	}
	return proofForeign
}

// assessment is what history says of a message.
type assessment struct {
	findings []finding
	groups   [numGroups]groupState
	asks     []string // what the message wants
	joint    float64
	judged   bool // there was a history to judge by
}

// moved tells whether the sender comes from elsewhere or writes with something
// else.
func (a *assessment) moved() bool {
	return a.groups[groupRelay].changed || a.groups[groupProof].changed || a.groups[groupClient].changed
}

// disproven tells whether the author of a sender who used to be proven is not.
// Then nothing in the message can speak for it: whatever it shows, anybody can
// write.
func (a *assessment) disproven() bool {
	g := &a.groups[groupProof]
	return g.changed && g.proof != proofOther
}

// assess computes the joint judgement.
func (p *past) assess(traits []trait, way path, law *[numKinds]traitLaw) assessment {
	a := assessment{findings: p.examine(traits, law)}
	a.groups = groups(a.findings, way, law)
	newAsk := a.groups[groupAsk].changed
	for _, f := range a.findings {
		newAsk = newAsk || f.kind == kindAsk && f.changed
	}
	for _, t := range traits {
		if t.kind == kindAsk {
			a.asks = append(a.asks, t.text)
		}
	}
	r := &p.address
	if r.total < minHistory*unit {
		r = &p.domain
	}
	for g := range groupAsk {
		a.judged = a.judged || a.groups[g].known
	}
	if !a.judged || r.total < minHistory*unit || p.address.crowded() {
		a.judged = false
		return a
	}
	rate := (float64(r.n[kindAsk])/unit + 1) / (float64(r.total)/unit + 2)
	if !domainKind(kindAsk) && r == &p.domain {
		rate = .5
	}
	a.joint = joint(a.groups, way, len(a.asks) > 0, newAsk, math.Min(.95, rate), novelty(r, kindAsk, &law[kindAsk]))
	if a.disproven() {
		a.joint = math.Max(0, a.joint)
	}
	if a.joint > 0 {
		n, d := float64(r.total)/unit, float64(r.days)
		a.joint *= min(1, n/youth) * min(1, d/youthDays)
	}
	return a
}

// lineageOf names the cause that the items of a group share.
func lineageOf(g group) string {
	switch g {
	case groupRelay:
		return lineageInfra
	case groupProof:
		return "auth" // what the auth stage says of the same message has the same cause
	case groupClient:
		return "sender.client"
	case groupHabit:
		return "sender.habit"
	}
	return "sender.content"
}

// share gives the items weights that add up, discounts of lineages included, to
// at most total.
func share(items []evidence.Item, total float64) []evidence.Item {
	sum, _ := evidence.Sum(0, items)
	if float64(sum) <= total || sum <= 0 {
		return items
	}
	scale := evidence.Weight(math.Max(0, total) / float64(sum))
	for i := range items {
		items[i].Weight *= scale
	}
	return items
}
