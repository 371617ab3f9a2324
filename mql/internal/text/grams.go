package text

import (
	"slices"
	"strings"
)

// Matcher finds which of many literals occur in a text, in one pass whatever
// their number. Of each literal it knows one gram, three, four or six bytes that
// are rare in mail; the pass looks up every gram of the text in a small filter, and
// compares the literals of those that are there. Nothing in a text makes it
// follow links: it costs little more than reading the bytes.
type Matcher struct {
	literals         []string
	three, four, six gramTable
	only             *gramTable // of few literals, which have one kind of gram
}

// gramTable finds literals by one of their grams.
type gramTable struct {
	size   int      // bytes of a gram
	filter []uint64 // a bit for the hash of every gram
	shift  uint8    // from a hash to a bit of filter
	slots  []gramSlot
	used   []gramEntry
	text   string // of the literals, one after another
}

// gramSlot is a place of an open-addressing table. Grams whose hashes have the
// same tag share it: what it leads to is compared with the text anyway.
type gramSlot struct {
	tag  uint32
	head int32 // the first entry, counted from 1; 0 is free
}

// gramEntry is a literal, found by its gram at the offset.
type gramEntry struct {
	literal, next int32  // next is the entry after this one, counted from 1
	start, size   uint32 // of the literal in text
	offset        uint32
}

// Bounds of a matcher.
const (
	gram3, gram4, gram6 = 3, 4, 6 // bytes of the kinds of gram
	maxFew              = 256     // literals: so few find room in one filter, and one look-up a byte is enough
	minFilterBits       = 12
	maxFilterBits       = 18 // 32 KiB: the first-level cache
	bitsPerLiteral      = 64
	hashFactor          = 0x9E3779B97F4A7C15 // 2⁶⁴ divided by the golden ratio (Knuth, TAOCP 6.4)
)

// NewMatcher returns a matcher of literals, which must be folded, have three
// bytes or more, and no NUL.
func NewMatcher(literals []string) *Matcher {
	m := &Matcher{literals: literals}
	var short, middle, long []int32
	for id, lit := range literals {
		switch {
		case len(lit) < gram4:
			short = append(short, int32(id))
		case len(lit) < gram6:
			middle = append(middle, int32(id))
		default:
			long = append(long, int32(id))
		}
	}
	if len(literals) <= maxFew {
		all := slices.Concat(short, middle, long)
		size := gram6
		switch {
		case len(short) > 0:
			size = gram3
		case len(middle) > 0:
			size = gram4
		}
		t := m.table(size, all)
		m.only = &t
		return m
	}
	m.three = m.table(gram3, short)
	m.four = m.table(gram4, middle)
	m.six = m.table(gram6, long)
	return m
}

// lower turns ASCII capitals to small letters, and other bytes to themselves.
var lower = func() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
		if 'A' <= c && c <= 'Z' {
			t[c] += 'a' - 'A'
		}
	}
	return t
}()

// table builds the table of the literals called ids.
func (m *Matcher) table(size int, ids []int32) gramTable {
	bits := minFilterBits
	for 1<<bits < bitsPerLiteral*len(ids) && bits < maxFilterBits {
		bits++
	}
	places := 16
	for places < 2*len(ids)+1 {
		places *= 2
	}
	t := gramTable{size: size, filter: make([]uint64, 1<<bits/64), shift: uint8(64 - bits), slots: make([]gramSlot, places)}
	var all strings.Builder
	chains := map[uint64]int{}
	for _, id := range ids {
		lit := m.literals[id]
		best, offset, price := uint64(0), 0, 0
		for at := 0; at+size <= len(lit); at++ {
			g := gramAt(lit[at:], size)
			if p := commonness(lit[at:at+size]) + 2*chains[g]; at == 0 || p < price {
				best, offset, price = g, at, p
			}
		}
		chains[best]++
		t.add(best, gramEntry{literal: id, offset: uint32(offset), start: uint32(all.Len()), size: uint32(len(lit))})
		all.WriteString(lit)
	}
	t.text = all.String()
	return t
}

// gramAt reads the first size bytes of s.
func gramAt(s string, size int) uint64 {
	g := uint64(0)
	for i := range size {
		g |= uint64(s[i]) << (8 * i)
	}
	return g
}

func (t *gramTable) add(g uint64, e gramEntry) {
	h := g * hashFactor
	bit := h >> t.shift
	t.filter[bit>>6] |= 1 << (bit & 63)
	slot := t.slot(h)
	e.next = slot.head
	t.used = append(t.used, e)
	slot.tag, slot.head = uint32(h), int32(len(t.used))
}

// slot is where the gram of hash h is, or would be.
func (t *gramTable) slot(h uint64) *gramSlot {
	mask := uint64(len(t.slots) - 1)
	for at := h >> 32 & mask; ; at = (at + 1) & mask {
		if s := &t.slots[at]; s.tag == uint32(h) || s.head == 0 {
			return s
		}
	}
}

// commonness says, roughly on a logarithmic scale, how often the bytes of a
// gram stand in mail and its markup.
func commonness(gram string) int {
	total := 0
	for i := range len(gram) {
		switch gram[i] {
		case ' ', 'e', 't', 'a', 'o', 'i', 'n', 's', 'r':
			total += 9
		case 'h', 'l', 'd', 'c', 'm', 'p', '/', '-', '"', '=', '<', '>':
			total += 7
		case 'u', 'f', 'g', 'w', 'y', 'b', '.', ':', ';', '0', '1', '2':
			total += 6
		case 'v', 'k', '3', '4', '5', '6', '7', '8', '9', ',', '_':
			total += 4
		}
	}
	return total
}

// Literals returns the number of literals.
func (m *Matcher) Literals() int { return len(m.literals) }

// Bits is a set of literals.
type Bits []uint64

// NewBits returns an empty set of n literals.
func NewBits(n int) Bits { return make(Bits, (n+63)/64) }

// Has reports whether literal i is in the set.
func (b Bits) Has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// Find adds the literals that occur in s to seen, which holds Literals bits. s
// must be folded or ASCII.
func (m *Matcher) Find(s string, seen Bits) {
	if len(m.literals) == 0 {
		return
	}
	if m.only != nil {
		m.only.find(s, seen)
		return
	}
	filter3, shift3 := m.three.filter, m.three.shift&63
	filter4, shift4 := m.four.filter, m.four.shift&63
	filter6, shift6 := m.six.filter, m.six.shift&63
	w := uint64(0) // the last eight bytes, the newest on top
	for i := range len(s) {
		w = w>>8 | uint64(lower[s[i]])<<56
		g6, g4, g3 := w>>16, w>>32, w>>40
		h6 := g6 * hashFactor
		if bit := h6 >> shift6; filter6[bit>>6]&(1<<(bit&63)) != 0 {
			m.six.report(h6, s, i-gram6+1, seen)
		}
		h4 := g4 * hashFactor
		if bit := h4 >> shift4; filter4[bit>>6]&(1<<(bit&63)) != 0 {
			m.four.report(h4, s, i-gram4+1, seen)
		}
		h3 := g3 * hashFactor
		if bit := h3 >> shift3; filter3[bit>>6]&(1<<(bit&63)) != 0 {
			m.three.report(h3, s, i-gram3+1, seen)
		}
	}
}

// find is Find with one table.
func (t *gramTable) find(s string, seen Bits) {
	filter, shift, cut := t.filter, t.shift&63, uint(64-8*t.size)&63
	w := uint64(0)
	for i := range len(s) {
		w = w>>8 | uint64(lower[s[i]])<<56
		h := w >> cut * hashFactor
		if bit := h >> shift; filter[bit>>6]&(1<<(bit&63)) != 0 {
			t.report(h, s, i-t.size+1, seen)
		}
	}
}

// report adds the literals that have the gram of hash h at i.
func (t *gramTable) report(h uint64, s string, i int, seen Bits) {
	for at := t.slot(h).head; at > 0; {
		e := &t.used[at-1]
		at = e.next
		from := i - int(e.offset)
		if from < 0 || from+int(e.size) > len(s) || seen.Has(int(e.literal)) {
			continue
		}
		if same(s[from:from+int(e.size)], t.text[e.start:e.start+e.size]) {
			seen[e.literal>>6] |= 1 << (e.literal & 63)
		}
	}
}

// same reports whether s is lit when its ASCII capitals are small.
func same(s, lit string) bool {
	for i := range len(lit) {
		if lower[s[i]] != lit[i] {
			return false
		}
	}
	return true
}

// IsASCII reports whether s has ASCII bytes only.
func IsASCII(s string) bool {
	for len(s) >= 8 {
		if (s[0]|s[1]|s[2]|s[3]|s[4]|s[5]|s[6]|s[7])&0x80 != 0 {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
