package text

// Matcher finds which of many literals occur in a text, in one pass whatever
// their number (Aho and Corasick, 1975). Literals and texts are bytes, folded
// by the caller.
type Matcher struct {
	class   [256]uint8 // byte → column; 0 for bytes in no literal
	width   int
	next    []int32 // row offset + column → row offset, inverted where literals end
	out     []int32 // state → first literal that ends there, −1 none
	link    []int32 // state → next shorter state with a literal, 0 none
	chain   []int32 // literal → next literal of the same state, −1 none
	literal int
}

// NewMatcher builds the automaton; literals must not be empty.
func NewMatcher(literals []string) *Matcher {
	m := &Matcher{literal: len(literals), width: 1}
	for _, lit := range literals {
		for i := range len(lit) {
			if m.class[lit[i]] == 0 && m.width < 256 {
				m.class[lit[i]] = uint8(m.width)
				m.width++
			}
		}
	}
	m.chain = make([]int32, len(literals))
	m.state()
	for id, lit := range literals {
		s := int32(0)
		for i := range len(lit) {
			at := int(s)*m.width + int(m.class[lit[i]])
			if m.next[at] == 0 {
				n := m.state()
				m.next[at] = n
			}
			s = m.next[at]
		}
		m.chain[id] = m.out[s]
		m.out[s] = int32(id)
	}
	m.complete()
	return m
}

func (m *Matcher) state() int32 {
	n := int32(len(m.out))
	m.next = append(m.next, make([]int32, m.width)...)
	m.out = append(m.out, -1)
	return n
}

// complete turns the trie into a complete automaton, breadth first, and lays
// it out in that order: the shallow states, where a text spends its time, lie
// together.
func (m *Matcher) complete() {
	m.link = make([]int32, len(m.out))
	fail := make([]int32, len(m.out))
	queue := make([]int32, 1, len(m.out))
	for c := range m.width {
		if s := m.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for head := 1; head < len(queue); head++ {
		s := queue[head]
		f := fail[s]
		if m.out[f] >= 0 {
			m.link[s] = f
		} else {
			m.link[s] = m.link[f]
		}
		for c := range m.width {
			at := int(s)*m.width + c
			if t := m.next[at]; t != 0 {
				fail[t] = m.next[int(f)*m.width+c]
				queue = append(queue, t)
			} else {
				m.next[at] = m.next[int(f)*m.width+c]
			}
		}
	}
	m.layOut(queue)
}

// layOut renumbers the states in the given order, replaces state numbers by
// row offsets, and marks by inversion those where a literal ends.
func (m *Matcher) layOut(order []int32) {
	place := make([]int32, len(order))
	for i, s := range order {
		place[s] = int32(i)
	}
	next, out, link := make([]int32, len(m.next)), make([]int32, len(m.out)), make([]int32, len(m.link))
	for i, s := range order {
		out[i], link[i] = m.out[s], place[m.link[s]]
		for c := range m.width {
			t := m.next[int(s)*m.width+c]
			row := place[t] * int32(m.width)
			if m.out[t] >= 0 || m.link[t] != 0 {
				row = ^row
			}
			next[i*m.width+c] = row
		}
	}
	m.next, m.out, m.link = next, out, link
}

// Literals returns the number of literals.
func (m *Matcher) Literals() int { return m.literal }

// Bits is a set of literals.
type Bits []uint64

// Has reports whether literal i is in the set.
func (b Bits) Has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// Find adds the literals that occur in s to seen, which holds Literals bits.
func (m *Matcher) Find(s string, seen Bits) {
	row := int32(0)
	for i := range len(s) {
		row = m.next[row+int32(m.class[s[i]])]
		if row >= 0 {
			continue
		}
		row = ^row
		m.report(row/int32(m.width), seen)
	}
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
