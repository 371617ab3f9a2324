package eval

import (
	"math/bits"
	"slices"
)

// sieve finds the rules worth looking at without asking each: conditions that
// many rules share are evaluated for all of them together, and the literals
// that occur name the rules that look for them.
type sieve struct {
	all     []uint64 // every rule, as bits
	shared  []sharedCond
	rounds  [maxRounds][]uint64 // by round: the rules that need no literal in it
	lookups []lookup
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
	rules map[int][]place
}

// place is a rule and the round in which it needs the literal.
type place struct{ rule, round int32 }

// Bounds of the sieve.
const (
	maxRounds = 3 // conditions on literals that are looked up per rule; the rest is left to the rule's guard
	minShared = 2 // rules that make a condition worth evaluating for all
)

// newSieve sorts the rules' conditions. What it does not take is left to each
// rule.
func (p *Program) newSieve() sieve {
	words := (len(p.rules) + 63) / 64
	s := sieve{all: make([]uint64, words)}
	for i := range s.rounds {
		s.rounds[i] = make([]uint64, words)
	}
	users := map[*cond]int{}
	for _, ru := range p.rules {
		for _, c := range conjunction(ru.guard) {
			users[c]++
		}
	}
	byCond := map[*cond][]uint64{}
	byField := map[int]map[int][]place{}
	for i := range p.rules {
		set(s.all, i)
		round := 0
		var rest []*cond
		for _, c := range conjunction(p.rules[i].guard) {
			fields := literalsOnly(c)
			switch {
			case fields != nil && round < maxRounds:
				index(byField, fields, place{int32(i), int32(round)})
				round++
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
		for ; round < maxRounds; round++ {
			set(s.rounds[round], i)
		}
	}
	for c, rules := range byCond {
		s.shared = append(s.shared, sharedCond{c, rules})
	}
	slices.SortFunc(s.shared, func(a, b sharedCond) int { return byPrice(a.cond, b.cond) })
	s.lookups = p.lookups(byField)
	return s
}

// index notes the rule under each literal of the conditions.
func index(byField map[int]map[int][]place, conds []*cond, at place) {
	for _, c := range conds {
		if byField[c.field] == nil {
			byField[c.field] = map[int][]place{}
		}
		for _, lit := range c.literals {
			byField[c.field][lit] = append(byField[c.field][lit], at)
		}
	}
}

func (p *Program) lookups(byField map[int]map[int][]place) []lookup {
	var out []lookup
	for field, rules := range byField {
		l := lookup{field: field, rules: rules}
		mine := make([]uint64, (len(p.literals)+63)/64)
		for lit := range rules {
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

// literalsOnly returns the alternatives of c if each asks for literals, else
// nil.
func literalsOnly(c *cond) []*cond {
	if c.kind == condOccurs {
		return []*cond{c}
	}
	if c.kind != condAny || c.atLeast != 1 {
		return nil
	}
	for _, k := range c.kids {
		if k.kind != condOccurs {
			return nil
		}
	}
	return c.kids
}

func set(b []uint64, i int) { b[i>>6] |= 1 << (i & 63) }

// Candidates returns the indexes of the rules that may be true of the message,
// in order. The result is valid until the next call.
func (r *Run) Candidates() []int {
	s := &r.prog.sieve
	r.begin()
	r.alive = append(r.alive[:0], s.all...)
	if !r.plain && r.over == "" {
		r.siftShared(s)
		r.siftLiterals(s)
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
func (r *Run) siftShared(s *sieve) {
	for i := range s.shared {
		sc := &s.shared[i]
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
			r.alive[w] &= ok[i][w]
		}
	}
}
