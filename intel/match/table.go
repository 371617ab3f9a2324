package match

import (
	"hash/maphash"
	"math/bits"
)

// entry is one statement on an indicator. Entries hold no pointers: the garbage
// collector would follow each of a million of them in every round, which takes more
// time than all the looking up.
type entry struct {
	id     uint64 // of the assertion, shortened
	at     uint32 // where the value stands in the shard's text
	size   uint16 // and how long it is
	kind   uint8
	of     uint32 // words
	source uint32
	// lineage is of the source; statements of one are one witness.
	lineage uint32
	last    int32 // day it was last said to hold; 0 unknown
	until   int32 // day it expires; 0 never
	belief  float32
	next    int32 // the next statement on the same indicator, or none
}

// none is the end of a chain of statements.
const none int32 = -1

// shards is how many parts the table has: when one grows, messages wait for the
// copying of that part alone.
const shards = 256

// shard holds the indicators whose hashes end alike: an open table of heads of
// chains, with linear probing.
type shard struct {
	table   []slot // its length is a power of two
	used    int    // slots that are not empty
	entries []entry
	free    int32 // first unused entry + 1; 0 for none
	text    []byte
	live    int
}

// slot is the beginning of a chain. A head of empty was never used; one of dead was
// taken out, and probing goes on behind it.
type slot struct {
	tag  uint32 // of the hash, so that other values need not be looked at
	head int32
}

const (
	empty int32 = -2
	dead  int32 = -1
)

// place is a chain of statements on one indicator.
type place struct {
	shard *shard
	first int32
}

// words numbers texts that many statements share.
type words struct {
	list []string
	ids  map[string]uint32
}

func (w *words) id(t string) uint32 {
	i, ok := w.ids[t]
	if !ok {
		i = uint32(len(w.list))
		w.list = append(w.list, t)
		w.ids[t] = i
	}
	return i
}

// shard is the part of the table that a value of a kind belongs to, and its hash.
func (s *Set) shard(kind uint8, v string) (*shard, uint64) {
	sum := maphash.String(s.seed, v) ^ uint64(kind)*0x9e3779b97f4a7c15
	return &s.shards[sum%shards], sum / shards
}

func (h *shard) value(e *entry) []byte { return h.text[e.at : e.at+uint32(e.size)] }

// grow makes room for so many indicators and drops what was taken out.
func (h *shard) grow(n int) {
	old := h.table
	h.table = make([]slot, max(8, 1<<bits.Len(uint(n+n/2))))
	for i := range h.table {
		h.table[i].head = empty
	}
	h.used = 0
	if len(old) == 0 {
		h.entries = make([]entry, 0, n)
	}
	mask := uint32(len(h.table) - 1)
	for _, x := range old {
		if x.head < 0 {
			continue
		}
		i := x.tag & mask
		for h.table[i].head != empty {
			i = (i + 1) & mask
		}
		h.table[i] = x
		h.used++
	}
}

// find is the slot of a value.
func (h *shard) find(sum uint64, kind uint8, v string) (int, bool) {
	if len(h.table) == 0 {
		return 0, false
	}
	mask, tag := uint32(len(h.table)-1), uint32(sum)
	for i := tag & mask; ; i = (i + 1) & mask {
		x := h.table[i]
		if x.head == empty {
			return 0, false
		}
		if x.head >= 0 && x.tag == tag {
			if e := &h.entries[x.head]; e.kind == kind && string(h.value(e)) == v {
				return int(i), true
			}
		}
	}
}

// put adds a statement on a value or takes it out. changed is false when that is so
// already; left says whether there is any statement on the value afterwards.
func (h *shard) put(sum uint64, v string, e entry, gone bool) (changed, left bool) {
	i, ok := h.find(sum, e.kind, v)
	head := none
	if ok {
		head = h.table[i].head
	}
	now, changed := h.chain(head, v, e, gone)
	switch {
	case !changed:
		return false, ok
	case ok && now == none:
		h.table[i].head = dead
	case ok:
		h.table[i].head = now
	default:
		h.insert(slot{uint32(sum), now})
	}
	return true, now != none
}

// insert puts in a chain that is not there.
func (h *shard) insert(x slot) {
	if 4*(h.used+1) > 3*len(h.table) {
		n := 0
		for _, y := range h.table {
			if y.head >= 0 {
				n++
			}
		}
		h.grow(2 * max(4, n))
	}
	mask := uint32(len(h.table) - 1)
	i := x.tag & mask
	for h.table[i].head >= 0 {
		i = (i + 1) & mask
	}
	if h.table[i].head == empty {
		h.used++
	}
	h.table[i] = x
}

// chain puts a statement before the others on the same value, which begin at head,
// or takes it out, and returns where they begin now. changed is false when there was
// nothing to do.
func (h *shard) chain(head int32, v string, e entry, gone bool) (now int32, changed bool) {
	before := none
	for i := head; i != none; i = h.entries[i].next {
		if h.entries[i].id != e.id {
			before = i
			continue
		}
		if !gone {
			return head, false
		}
		next := h.entries[i].next
		if before == none {
			head = next
		} else {
			h.entries[before].next = next
		}
		h.entries[i] = entry{next: h.free - 1}
		h.free = i + 1
		h.live--
		return head, true
	}
	if gone {
		return head, false
	}
	if head != none { // the value is there already
		e.at, e.size = h.entries[head].at, h.entries[head].size
	} else {
		e.at, e.size = uint32(len(h.text)), uint16(len(v))
		h.text = append(h.text, v...)
	}
	e.next = head
	h.live++
	if h.free > 0 {
		i := h.free - 1
		h.free = h.entries[i].next + 1
		h.entries[i] = e
		return i, true
	}
	h.entries = append(h.entries, e)
	return int32(len(h.entries) - 1), true
}
