package domain

// automaton finds every occurrence of many patterns in one pass (Aho and
// Corasick 1975), as a table: one row of 32 cells for each state.
type automaton struct {
	next []uint32  // state*symbols + symbol → state, with stateHit when patterns end there
	out  []int32   // state → index of the first pattern ending there, −1 for none
	link []int32   // pattern → next shorter pattern ending at the same place, −1 for none
	pats []pattern // in order of insertion
	last []int32   // state → nearest suffix state with a pattern of its own, 0 for none
}

// pattern is a folded form of a token.
type pattern struct {
	text  string
	token int32
}

// stateHit marks transitions into states where a pattern ends.
const stateHit = 1 << 31

// newAutomaton builds the table. Patterns may repeat.
func newAutomaton(pats []pattern) automaton {
	a := automaton{pats: pats, link: make([]int32, len(pats))}
	a.grow()
	for i, p := range pats {
		a.insert(int32(i), p.text)
	}
	a.connect()
	return a
}

// grow adds a state.
func (a *automaton) grow() uint32 {
	a.next = append(a.next, make([]uint32, symbols)...)
	a.out = append(a.out, -1)
	a.last = append(a.last, 0)
	return uint32(len(a.out) - 1)
}

// insert adds a pattern to the trie.
func (a *automaton) insert(index int32, text string) {
	state := uint32(0)
	for i := range len(text) {
		cell := state*symbols + uint32(text[i])
		if a.next[cell] == 0 {
			state = a.grow()
			a.next[cell] = state
			continue
		}
		state = a.next[cell]
	}
	a.link[index] = a.out[state]
	a.out[state] = index
}

// connect turns the trie into an automaton, breadth first.
func (a *automaton) connect() {
	states := len(a.out)
	fail := make([]uint32, states)
	queue := make([]uint32, 0, states)
	for c := range uint32(symbols) {
		if s := a.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for i := 0; i < len(queue); i++ {
		s := queue[i]
		f := fail[s]
		a.last[s] = a.last[f]
		if a.out[f] >= 0 {
			a.last[s] = int32(f)
		}
		for c := range uint32(symbols) {
			cell := s*symbols + c
			t := a.next[cell]
			if t == 0 {
				a.next[cell] = a.next[f*symbols+c]
				continue
			}
			fail[t] = a.next[f*symbols+c]
			queue = append(queue, t)
		}
	}
	for i, s := range a.next {
		if a.out[s] >= 0 || a.last[s] != 0 {
			a.next[i] = s | stateHit
		}
	}
}

// scan adds a hit for every pattern found in the name.
func (a *automaton) scan(s *scratch) {
	state := uint32(0)
	for i := range s.k {
		c := s.sym[i]
		if c == symLabel || c == symNone {
			state = 0
			continue
		}
		state = a.next[state*symbols+uint32(c)]
		if state&stateHit != 0 {
			state &^= stateHit
			a.report(state, i+1, s)
		}
	}
}

// report adds the patterns that end in state.
func (a *automaton) report(state uint32, end int, s *scratch) {
	for st := state; st != 0; st = uint32(a.last[st]) {
		for p := a.out[st]; p >= 0; p = a.link[p] {
			pat := &a.pats[p]
			s.add(hit{token: pat.token, from: uint8(end - len(pat.text)), to: uint8(end)})
		}
	}
}
