package text

// Matcher finds which of many literals occur in a text, in one pass whatever
// their number (Aho and Corasick, 1975). Literals and texts are bytes, folded
// by the caller.
//
// The states are numbered breadth first, so that the children of a state are
// neighbours and need no list, and few bytes hold a state: the automaton of a
// whole rule feed stays in the processor's cache. Only the root and its
// children, where a text spends most of its time, have complete tables.
type Matcher struct {
	literals int
	shallow  int32        // states below this number have a row in dense
	dense    [][256]int32 // state → byte → state, complete
	first    []int32      // state → its first child; its last is before first[state+1]
	in       []byte       // state → the byte that leads to it
	fail     []int32      // state → longest proper suffix that is a state
	out      []int32      // state → first literal that ends there, −1 none
	link     []int32      // state → next shorter state where a literal ends, 0 none
	hit      []bool       // state → a literal ends there or at a suffix
	chain    []int32      // literal → next literal of the same state, −1 none
}

// trieNode is a state while the automaton is built.
type trieNode struct {
	kids map[byte]*trieNode
	keys []byte // of kids, in order of insertion
	out  int32
	id   int32
}

// NewMatcher builds the automaton; literals must not be empty.
func NewMatcher(literals []string) *Matcher {
	m := &Matcher{literals: len(literals), chain: make([]int32, len(literals))}
	root := &trieNode{out: -1}
	for id, lit := range literals {
		n := root
		for i := range len(lit) {
			kid := n.kids[lit[i]]
			if kid == nil {
				kid = &trieNode{out: -1}
				if n.kids == nil {
					n.kids = map[byte]*trieNode{}
				}
				n.kids[lit[i]] = kid
				n.keys = append(n.keys, lit[i])
			}
			n = kid
		}
		m.chain[id] = n.out
		n.out = int32(id)
	}
	m.layOut(root)
	return m
}

// layOut numbers the states breadth first and links them.
func (m *Matcher) layOut(root *trieNode) {
	queue := []*trieNode{root}
	m.in, m.fail, m.link = []byte{0}, []int32{0}, []int32{0}
	for head := 0; head < len(queue); head++ {
		n := queue[head]
		n.id = int32(head)
		m.out = append(m.out, n.out)
		m.hit = append(m.hit, n.out >= 0 || m.link[head] != 0)
		m.first = append(m.first, int32(len(queue)))
		for _, b := range n.keys {
			// The states of the levels above are complete, and the suffix of a
			// child is on one of them.
			suffix := int32(0)
			if head > 0 {
				suffix = m.walk(m.fail[head], b)
			}
			link := suffix
			if queue[suffix].out < 0 {
				link = m.link[suffix]
			}
			queue = append(queue, n.kids[b])
			m.in = append(m.in, b)
			m.fail = append(m.fail, suffix)
			m.link = append(m.link, link)
		}
	}
	m.first = append(m.first, int32(len(queue)))
	m.shallow = 1 + int32(len(root.keys))
	rows := make([][256]int32, m.shallow)
	for s := range rows {
		for b := range 256 {
			rows[s][b] = m.walk(int32(s), byte(b))
		}
	}
	m.dense = rows
}

// walk follows the links of the trie: from s by b.
func (m *Matcher) walk(s int32, b byte) int32 {
	for {
		for t := m.first[s]; t < m.end(s); t++ {
			if m.in[t] == b {
				return t
			}
		}
		if s == 0 {
			return 0
		}
		s = m.fail[s]
	}
}

// end is the state after the last child of s, while the automaton is built,
// too.
func (m *Matcher) end(s int32) int32 {
	if int(s)+1 < len(m.first) {
		return m.first[s+1]
	}
	return int32(len(m.in))
}

// Literals returns the number of literals.
func (m *Matcher) Literals() int { return m.literals }

// Bits is a set of literals.
type Bits []uint64

// Has reports whether literal i is in the set.
func (b Bits) Has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// Find adds the literals that occur in s to seen, which holds Literals bits.
func (m *Matcher) Find(s string, seen Bits) {
	state := int32(0)
	for i := range len(s) {
		b := s[i]
		for state >= m.shallow {
			if kid := m.child(state, b); kid != 0 {
				state = kid
				goto next
			}
			state = m.fail[state]
		}
		state = m.dense[state][b]
	next:
		if m.hit[state] {
			m.report(state, seen)
		}
	}
}

// child returns the child of s by b, 0 if there is none.
func (m *Matcher) child(s int32, b byte) int32 {
	from, to := m.first[s], m.first[s+1]
	for i, in := range m.in[from:to] {
		if in == b {
			return from + int32(i)
		}
	}
	return 0
}

// report adds the literals that end in the state.
func (m *Matcher) report(state int32, seen Bits) {
	for t := state; t != 0; t = m.link[t] {
		id := m.out[t]
		if id >= 0 && seen.Has(int(id)) {
			return // so are all shorter ones
		}
		for ; id >= 0; id = m.chain[id] {
			seen[id>>6] |= 1 << (id & 63)
		}
	}
}
