package domain

// company is what stands in the label beside the token.
type company struct {
	lured    bool // a lure word is among it
	asks     bool // one that asks a person for something
	long     bool // one of four letters or more
	complete bool // it is nothing but lure words, digits and country codes
	machine  bool // it is nothing but words for machines
	ordinary bool // it is nothing but words, not all of them lures
}

// company looks at what stands in the label beside the token.
func (m *Matcher) company(p place) company {
	c := company{complete: true, machine: true, ordinary: true, lured: p.my && p.labelEnd > p.to}
	segments := 0
	for _, part := range [2][]byte{p.s.raw[p.label:p.from], p.s.raw[p.to:p.labelEnd]} {
		for len(part) > 0 {
			n := 0
			for n < len(part) && isLetter(part[n]) {
				n++
			}
			if n > 0 {
				segments++
				m.lookAt(part[:n], &c)
			}
			part = part[min(n+1, len(part)):]
		}
	}
	c.machine = c.machine && segments > 0
	c.ordinary = c.ordinary && !c.complete
	return c
}

// lookAt takes a row of letters beside the token into account.
func (m *Matcher) lookAt(seg []byte, c *company) {
	m.parseLures(seg, c)
	if _, ok := m.machines[string(seg)]; !ok {
		c.machine = false
	}
	c.ordinary = c.ordinary && m.parseWords(seg)
}

// parseLures splits a segment into lure words, longest first from the left.
func (m *Matcher) parseLures(seg []byte, c *company) {
	for len(seg) > 0 {
		n := min(len(seg), maxLure)
		for ; n > 0; n-- {
			if _, ok := m.lures[string(seg[:n])]; ok {
				break
			}
		}
		if n == 0 {
			c.complete = false
			return
		}
		c.lured = c.lured || n > 2
		if _, ok := m.asks[string(seg[:n])]; ok {
			c.asks = true
		}
		c.long = c.long || n > 3
		seg = seg[n:]
	}
}

// parseWords reports a segment made of everyday words: a row of them, or a
// long segment that begins or ends with one.
func (m *Matcher) parseWords(seg []byte) bool {
	var ok [maxUnits + 1]bool
	ok[0] = true
	long := len(seg) >= 7
	for i := range len(seg) {
		for n := 1; n <= maxLure && i+n <= len(seg); n++ {
			ends := long && n >= 4 && i+n == len(seg)
			if (ok[i] || ends) && m.isWord(seg[i:i+n]) {
				ok[i+n] = true
				if long && n >= 4 && i == 0 {
					return true
				}
			}
		}
	}
	return ok[len(seg)]
}

// isWord reports a word of any of the lists, or one derived from it.
func (m *Matcher) isWord(w []byte) bool {
	if string(w) == "s" || m.listed(w) {
		return true
	}
	var stem [maxUnits]byte
	for _, end := range [...]string{"s", "es", "ed", "er", "ers", "ing", "ings", "y", "ly", "al", "ment", "ist", "ists"} {
		n := len(w) - len(end)
		if n < 3 || string(w[n:]) != end {
			continue
		}
		if m.listed(w[:n]) {
			return true
		}
		copy(stem[:], w[:n])
		stem[n] = 'e'
		if end != "s" && m.listed(stem[:n+1]) {
			return true
		}
	}
	return false
}

// listed reports a word of any of the lists.
func (m *Matcher) listed(w []byte) bool {
	_, word := m.words[string(w)]
	_, lure := m.lures[string(w)]
	_, machine := m.machines[string(w)]
	return word || lure || machine
}
