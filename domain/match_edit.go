package domain

import "math/bits"

// The deletion neighbourhood: two strings within k edits of each other share
// a string that both reach by at most k deletions. Indexing the deletions of
// the tokens' beginnings makes a look-up of a few dozen probes whatever the
// number of tokens (the idea of Mor and Fraenkel 1982, later of SymSpell).

const (
	// editPrefix is how many characters are indexed: with 7, a look-up probes
	// 1+7+21 strings, and what is found by chance is sorted out by comparing.
	editPrefix = 7
	// editMin and editMax bound the segments that are looked up: the shortest
	// token with edits has 5 characters and may lose one.
	editMin = 4
	editMax = 40
	// hashBase is an odd multiplier with well spread bits (the golden ratio
	// in 64 bits).
	hashBase = 0x9E3779B97F4A7C15
	// noEntry ends a chain.
	noEntry = -1
)

// editEntry is a token to index.
type editEntry struct {
	text  string // folded
	token int32
	edits int
	mask  uint32 // the symbols in text, one bit each
}

// editIndex is the index: a bit filter in front of a hash table of chains.
type editIndex struct {
	entries []editEntry
	filter  []uint64
	shift   uint       // 64 − log2 of the number of bits
	slots   []editSlot // open addressing, a power of two of them, half empty
	chain   []editLink
}

// editSlot is a place of the hash table: a string's hash and its chain, or
// noEntry when it is free.
type editSlot struct {
	hash uint64
	head int32
}

// editLink is one entry of a chain.
type editLink struct {
	entry int32
	next  int32
}

// newEditIndex indexes the entries.
func newEditIndex(entries []editEntry) editIndex {
	x := editIndex{entries: entries}
	heads := make(map[uint64]int32)
	for i := range entries {
		e := &entries[i]
		e.mask = symbolMask(e.text)
		var seen []uint64
		deletions(prefix(e.text), e.edits, func(h uint64) {
			for _, s := range seen {
				if s == h {
					return
				}
			}
			seen = append(seen, h)
			head, ok := heads[h]
			if !ok {
				head = noEntry
			}
			x.chain = append(x.chain, editLink{entry: int32(i), next: head})
			heads[h] = int32(len(x.chain) - 1)
		})
	}
	// 32 bits for each key keep chance hits of the filter at 3 %.
	size := uint(10)
	for 1<<size < 32*len(heads) {
		size++
	}
	x.shift = 64 - size
	x.filter = make([]uint64, 1<<size/64)
	x.slots = make([]editSlot, 1<<(size-4)) // twice the keys at least
	for i := range x.slots {
		x.slots[i].head = noEntry
	}
	for h, head := range heads {
		b := h * hashBase >> x.shift
		x.filter[b/64] |= 1 << (b % 64)
		i := int(b >> 4)
		for x.slots[i].head != noEntry {
			i = (i + 1) & (len(x.slots) - 1)
		}
		x.slots[i] = editSlot{hash: h, head: head}
	}
	return x
}

// find gives the chain of a hash, or noEntry.
func (x *editIndex) find(h uint64) int32 {
	for i := int(h * hashBase >> x.shift >> 4); ; i = (i + 1) & (len(x.slots) - 1) {
		if s := &x.slots[i]; s.hash == h || s.head == noEntry {
			return s.head
		}
	}
}

// symbolMask has a bit for each symbol that occurs.
func symbolMask[T string | []byte](s T) uint32 {
	var m uint32
	for i := range len(s) {
		m |= 1 << (s[i] % symbols)
	}
	return m
}

// prefix is the part of a string that is indexed.
func prefix[T string | []byte](s T) T {
	if len(s) > editPrefix {
		return s[:editPrefix]
	}
	return s
}

// deletions calls f with the hash of s and of every string reached from it by
// up to k deletions, k ≤ 2. Hashes of strings are polynomials, so that each
// costs a few multiplications.
func deletions[T string | []byte](s T, k int, f func(uint64)) {
	var head, power [editPrefix + 1]uint64
	power[0] = 1
	for i := range len(s) {
		head[i+1] = head[i]*hashBase + uint64(s[i])
		power[i+1] = power[i] * hashBase
	}
	n := len(s)
	f(head[n])
	for i := range n {
		tail := head[n] - head[i+1]*power[n-i-1]
		f(head[i]*power[n-i-1] + tail)
		for j := i + 1; k > 1 && j < n; j++ {
			mid := head[j] - head[i+1]*power[j-i-1]
			tail := head[n] - head[j+1]*power[n-j-1]
			f((head[i]*power[j-i-1]+mid)*power[n-j-1] + tail)
		}
	}
}

// scan looks up every segment of every label but the last, and every
// hyphenated label as a whole.
func (x *editIndex) scan(s *scratch) {
	if len(x.entries) == 0 {
		return
	}
	label := 0
	for i := 0; i < s.k; i++ {
		if s.sym[i] == symLabel {
			x.scanLabel(s, label, i)
			label = i + 1
		}
	}
}

// scanLabel looks up the segments of the label sym[from:to].
func (x *editIndex) scanLabel(s *scratch, from, to int) {
	if to-from < editMin {
		return
	}
	start := from
	for i := from + 1; i < to; i++ {
		if s.pos[i] != s.pos[i-1]+1 { // a hyphen stood between
			x.segment(s, start, i)
			start = i
		}
	}
	x.segment(s, start, to)
	if start != from {
		x.lookUp(s, from, to)
	}
}

// segment looks up a segment without the digits at its ends.
func (x *editIndex) segment(s *scratch, from, to int) {
	for from < to && isDigit(s.raw[s.pos[from]]) {
		from++
	}
	for from < to && isDigit(s.raw[s.pos[to-1]]) {
		to--
	}
	x.lookUp(s, from, to)
}

// lookUp adds a hit for every token within its number of edits of
// sym[from:to].
func (x *editIndex) lookUp(s *scratch, from, to int) {
	if to-from < editMin || to-from > editMax {
		return
	}
	word := s.sym[from:to]
	s.mask = symbolMask(word)
	// The same loop as deletions, without a call for each probe: this is the
	// hot path.
	p := prefix(word)
	var head, power [editPrefix + 1]uint64
	power[0] = 1
	for i, c := range p {
		head[i+1] = head[i]*hashBase + uint64(c)
		power[i+1] = power[i] * hashBase
	}
	n := len(p)
	x.probe(head[n], s, from, to)
	for i := range n {
		tail := head[n] - head[i+1]*power[n-i-1]
		x.probe(head[i]*power[n-i-1]+tail, s, from, to)
		for j := i + 1; j < n; j++ {
			mid := head[j] - head[i+1]*power[j-i-1]
			tail := head[n] - head[j+1]*power[n-j-1]
			x.probe((head[i]*power[j-i-1]+mid)*power[n-j-1]+tail, s, from, to)
		}
	}
}

// probe compares the word with the tokens filed under h. It is small enough to
// be inlined up to the filter.
func (x *editIndex) probe(h uint64, s *scratch, from, to int) {
	b := h * hashBase >> x.shift
	if x.filter[b/64]>>(b%64)&1 != 0 {
		x.compare(h, s, from, to)
	}
}

// compare adds the tokens filed under h that are near enough.
func (x *editIndex) compare(h uint64, s *scratch, from, to int) {
	for c := x.find(h); c != noEntry; c = x.chain[c].next {
		e := &x.entries[x.chain[c].entry]
		// One edit changes the length by one at most, and the set of symbols by
		// two: most candidates fall here.
		if n := len(e.text) - (to - from); n > e.edits || -n > e.edits || bits.OnesCount32(e.mask^s.mask) > 2*e.edits {
			continue
		}
		d := distance(e.text, s.sym[from:to], e.edits)
		if d == 0 || d > e.edits || s.has(e.token, from, to) {
			continue
		}
		s.add(hit{token: e.token, from: uint8(from), to: uint8(to), edited: true})
	}
}

// has reports whether the same edited hit is noted already.
func (s *scratch) has(t int32, from, to int) bool {
	for i := range s.hits {
		h := &s.hit[i]
		if h.edited && h.token == t && int(h.from) == from && int(h.to) == to {
			return true
		}
	}
	return false
}

// distance is the number of insertions, deletions, substitutions and swaps of
// neighbours between a and b (optimal string alignment), or limit+1 when it is
// larger than limit. Strings are at most editMax+2 long.
func distance(a string, b []byte, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) == 0 || len(b) == 0 {
		return len(a) + len(b)
	}
	var rows [3][maxToken + 2]uint8
	for j := 0; j <= len(b); j++ {
		rows[1][j] = uint8(j)
	}
	for i := 1; i <= len(a); i++ {
		before, above, row := &rows[(i+2)%3], &rows[i%3], &rows[(i+1)%3]
		row[0] = uint8(i)
		least := row[0]
		for j := 1; j <= len(b); j++ {
			cost := above[j-1]
			if a[i-1] != b[j-1] {
				cost = min(cost, above[j], row[j-1]) + 1
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					cost = min(cost, before[j-2]+1)
				}
			}
			row[j] = cost
			least = min(least, cost)
		}
		if int(least) > limit+1 {
			return limit + 1
		}
	}
	return int(rows[(len(a)+1)%3][len(b)])
}

// isDigit reports an ASCII digit.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
