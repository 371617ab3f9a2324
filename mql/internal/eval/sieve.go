package eval

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"

	"foregate/mql/internal/text"
)

// sieve finds the rules worth looking at without asking each: conditions that
// many rules share are evaluated for all of them together, and the literals
// that occur name the rules that look for them.
type sieve struct {
	all     []uint64            // every rule, as bits
	shared  []sharedCond        // cheapest first
	early   int                 // so many of them are looked at before the literals
	rounds  [maxRounds][]uint64 // by round: the rules that need no literal in it
	lookups []lookup
	atoms   []atom
	open    [maxRounds][]uint64 // by round: the rules that an atom can satisfy
}

// sharedCond is a condition that all of rules need.
type sharedCond struct {
	cond  *cond
	rules []uint64
}

// lookup names, by literal of one field, the rules it satisfies.
type lookup struct {
	field int
	mask  []mask
	rules [][]place // by literal
}

// atom names the rules that a condition satisfies.
type atom struct {
	cond  *cond
	rules []place
}

// place is a rule and the round in which it needs the literal.
type place struct{ rule, round int32 }

// Bounds of the sieve.
const (
	maxRounds    = 3 // conditions on literals and other atoms that are looked up per rule; the rest is left to the rule's guard
	maxEarlyCost = 8 // price of a condition that costs less than looking for literals
	minQuick     = 4 // alternatives that are looked at together first
	minShared    = 2 // rules that make a condition worth evaluating for all
)

// newSieve sorts the rules' conditions. What it does not take is left to each
// rule.
func (p *Program) newSieve() sieve {
	words := (len(p.rules) + 63) / 64
	s := sieve{all: make([]uint64, words)}
	for i := range s.rounds {
		s.rounds[i], s.open[i] = make([]uint64, words), make([]uint64, words)
	}
	users := map[*cond]int{}
	for _, ru := range p.rules {
		for _, c := range conjunction(ru.guard) {
			users[c]++
		}
	}
	byCond := map[*cond][]uint64{}
	byField, atoms := map[int]map[int][]place{}, map[*cond][]place{}
	for i := range p.rules {
		set(s.all, i)
		hulls := p.hulls(p.rules[i].guard)
		for round := range maxRounds {
			if round < len(hulls) {
				index(byField, atoms, hulls[round].conds, place{int32(i), int32(round)})
			} else {
				set(s.rounds[round], i)
			}
		}
		var rest []*cond
		for _, c := range conjunction(p.rules[i].guard) {
			switch {
			case slices.ContainsFunc(hulls, func(h hull) bool { return h.exact && h.of == c }):
			case users[c] >= minShared:
				if byCond[c] == nil {
					byCond[c] = make([]uint64, words)
				}
				set(byCond[c], i)
			default:
				rest = append(rest, c)
			}
		}
		p.rules[i].rest = p.allOf(rest)
	}
	for c, rules := range byCond {
		s.shared = append(s.shared, sharedCond{c, rules})
	}
	slices.SortFunc(s.shared, func(a, b sharedCond) int { return byPrice(a.cond, b.cond) })
	for s.early < len(s.shared) && s.shared[s.early].cond.cost <= maxEarlyCost {
		s.early++
	}
	s.lookups = p.lookups(byField)
	for c, rules := range atoms {
		s.atoms = append(s.atoms, atom{c, rules})
		for _, at := range rules {
			set(s.open[at.round], int(at.rule))
		}
	}
	slices.SortFunc(s.atoms, func(a, b atom) int { return byPrice(a.cond, b.cond) })
	return s
}

// quicken gives conditions with many alternatives the one that a literal of one
// of them occurs, as seldom is the case.
func (p *Program) quicken() {
	for _, c := range slices.SortedFunc(maps.Values(p.condIDs), func(a, b *cond) int { return a.id - b.id }) {
		if c.kind != condAny || len(c.kids) < minQuick {
			continue
		}
		var literals, slow []*cond
		for _, k := range c.kids {
			h := p.hull(k)
			if h.conds == nil || slices.ContainsFunc(h.conds, func(c *cond) bool { return c.kind != condOccurs }) {
				slow = append(slow, k)
			} else {
				literals = append(literals, h.conds...)
			}
		}
		if quick := p.anyOf(literals); quick != c && len(c.kids)-len(slow) >= minQuick {
			c.quick, c.slow = quick, slow
		}
	}
}

// hull is what a condition needs in literals alone: one of those of conds must
// occur.
type hull struct {
	of    *cond
	conds []*cond // each asks for literals
	odds  float64 // rough number of them that a message has
	exact bool    // of asks for nothing else
}

// hulls returns the most telling hulls of what c joins, maxRounds at most.
func (p *Program) hulls(c *cond) []hull {
	var out []hull
	for _, k := range conjunction(c) {
		if h := p.hull(k); h.conds != nil && (h.conds[0].kind == condOccurs || len(h.conds) > 1) {
			h.of = k
			out = append(out, h)
		}
	}
	slices.SortStableFunc(out, func(a, b hull) int { return cmp.Compare(a.odds, b.odds) })
	return out[:min(len(out), maxRounds)]
}

// hull derives the hull of c; it has no conds where there is none.
func (p *Program) hull(c *cond) hull {
	switch c.kind {
	case condOccurs:
		h := hull{conds: []*cond{c}, exact: true}
		for _, lit := range c.literals {
			h.odds += oddsOf(p.fields[c.field].words.literals[lit])
		}
		return h
	case condAll:
		var best hull
		for _, k := range c.kids {
			if h := p.hull(k); h.conds != nil && (best.conds == nil || h.odds < best.odds) {
				best = h
			}
		}
		best.exact = false
		return best
	case condAny:
		return p.hullOfAny(c)
	case condBytes, condRun:
		return hull{conds: []*cond{c}, odds: oddsOfBytes, exact: true}
	}
	if c.cost <= maxHullCost {
		return hull{conds: []*cond{c}, odds: oddsOfTest, exact: true}
	}
	return hull{}
}

// hullOfAny joins the hulls of alternatives of which atLeast must hold: as long
// as fewer have none, one of the others must hold.
func (p *Program) hullOfAny(c *cond) hull {
	out := hull{exact: c.atLeast == 1}
	without := 0
	for _, k := range c.kids {
		h := p.hull(k)
		if h.conds == nil {
			if without++; without >= int(c.atLeast) {
				return hull{}
			}
			out.exact = false
			continue
		}
		out.conds = append(out.conds, h.conds...)
		out.odds += h.odds
		out.exact = out.exact && h.exact
	}
	return out
}

// Rough probabilities of conditions that are no literals, and the price of a
// test beyond which it is left to the rules.
const (
	oddsOfBytes = 0.3
	oddsOfTest  = 0.6
	maxHullCost = 64
)

// oddsOf is a rough probability that a message has the literal: longer ones are
// rarer.
func oddsOf(lit string) float64 { return 1 / float64(len(lit)*len(lit)) }

// index notes the rule under each literal, or other atom, of the conditions.
func index(byField map[int]map[int][]place, atoms map[*cond][]place, conds []*cond, at place) {
	for _, c := range conds {
		if c.kind != condOccurs {
			atoms[c] = append(atoms[c], at)
			continue
		}
		field := int(c.field)
		if byField[field] == nil {
			byField[field] = map[int][]place{}
		}
		for _, lit := range c.literals {
			byField[field][lit] = append(byField[field][lit], at)
		}
	}
}

func (p *Program) lookups(byField map[int]map[int][]place) []lookup {
	var out []lookup
	for field, rules := range byField {
		l := lookup{field: field, rules: make([][]place, len(p.fields[field].words.literals))}
		mine := text.NewBits(len(l.rules))
		for lit, places := range rules {
			l.rules[lit] = places
			set(mine, lit)
		}
		for w, b := range mine {
			if b != 0 {
				l.mask = append(l.mask, mask{w, b})
			}
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b lookup) int { return a.field - b.field })
	return out
}

// conjunction returns the conditions that c joins.
func conjunction(c *cond) []*cond {
	switch {
	case c == nil:
		return nil
	case c.kind == condAll:
		return c.kids
	}
	return []*cond{c}
}

func set(b []uint64, i int) { b[i>>6] |= 1 << (i & 63) }

// Candidates returns the indexes of the rules that may be true of the message,
// in order. The result is valid until the next call.
func (r *Run) Candidates() []int {
	s := &r.prog.sieve
	r.begin()
	r.alive = append(r.alive[:0], s.all...)
	if !r.plain && r.over == "" {
		r.siftShared(s.shared[:s.early])
		r.siftLiterals(s)
		r.siftShared(s.shared[s.early:])
	}
	r.candidates = r.candidates[:0]
	for w, b := range r.alive {
		for ; b != 0; b &= b - 1 {
			r.candidates = append(r.candidates, w<<6+bits.TrailingZeros64(b))
		}
	}
	return r.candidates
}

// siftShared drops the rules whose shared conditions do not hold.
func (r *Run) siftShared(conds []sharedCond) {
	for i := range conds {
		sc := &conds[i]
		asked := false
		for w, b := range sc.rules {
			if b&r.alive[w] != 0 {
				asked = true
				break
			}
		}
		if !asked || r.met(sc.cond) {
			continue
		}
		for w, b := range sc.rules {
			r.alive[w] &^= b
		}
	}
}

// awaits reports whether the rule is a candidate that has not what a round asks
// for.
func (r *Run) awaits(ok []uint64, rule int) bool {
	w, bit := rule>>6, uint64(1)<<(rule&63)
	return r.alive[w]&bit != 0 && ok[w]&bit == 0
}

// siftLiterals drops the rules whose literals do not occur.
func (r *Run) siftLiterals(s *sieve) {
	var ok [maxRounds][]uint64
	words := len(s.all)
	r.rounds = append(r.rounds[:0], s.rounds[0]...)
	for i := range maxRounds {
		if i > 0 {
			r.rounds = append(r.rounds, s.rounds[i]...)
		}
	}
	for i := range maxRounds {
		ok[i] = r.rounds[i*words : (i+1)*words]
	}
	for i := range s.lookups {
		l := &s.lookups[i]
		found := r.facts[l.field].bits
		if r.facts[l.field].found != r.epoch {
			found = r.literalsOf(l.field)
		}
		for _, m := range l.mask {
			for b := found[m.word] & m.bits; b != 0; b &= b - 1 {
				for _, at := range l.rules[m.word<<6+bits.TrailingZeros64(b)] {
					set(ok[at.round], int(at.rule))
				}
			}
		}
	}
	for w := range r.alive {
		for i := range maxRounds {
			r.alive[w] &= ok[i][w] | s.open[i][w]
		}
	}
	for i := range s.atoms {
		a := &s.atoms[i]
		if slices.ContainsFunc(a.rules, func(at place) bool { return r.awaits(ok[at.round], int(at.rule)) }) && r.met(a.cond) {
			for _, at := range a.rules {
				set(ok[at.round], int(at.rule))
			}
		}
	}
	for w := range r.alive {
		for i := range maxRounds {
			r.alive[w] &= ok[i][w]
		}
	}
}
