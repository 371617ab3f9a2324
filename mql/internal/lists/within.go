package lists

import (
	"strings"
	"sync"

	"foregate/mql/internal/text"
)

// gramSize is the length of the beginnings by which entries are indexed, in
// bytes; shorter entries are searched one by one.
const gramSize = 4

// bloomBits is the size of the filter in front of the index: small enough for
// the first-level cache, large enough to be nearly empty with 20,000 entries.
const bloomBits = 1 << 18

// within finds out whether a text contains an entry, in one pass.
type within struct {
	bloom  [bloomBits / 64]uint64
	starts map[uint32][]string
	short  []string
}

func gram(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func slot(g uint32) uint32 { return g * 0x9E3779B1 >> 14 } // 18 bits

func newWithin(entries []string) *within {
	w := &within{starts: make(map[uint32][]string, len(entries))}
	for _, e := range entries {
		if len(e) < gramSize {
			w.short = append(w.short, e)
			continue
		}
		g := gram(e)
		w.starts[g] = append(w.starts[g], e)
		w.bloom[slot(g)>>6] |= 1 << (slot(g) & 63)
	}
	return w
}

// find reports whether s contains an entry, and which; work is how many
// entries were compared.
func (w *within) find(s string) (entry string, work int, ok bool) {
	for _, e := range w.short {
		if strings.Contains(s, e) {
			return e, work, true
		}
	}
	for i := 0; i+gramSize <= len(s); i++ {
		g := gram(s[i:])
		if b := slot(g); w.bloom[b>>6]&(1<<(b&63)) == 0 {
			continue
		}
		for _, e := range w.starts[g] {
			work++
			if strings.HasPrefix(s[i:], e) {
				return e, work, true
			}
		}
	}
	return "", work, false
}

// searcher holds the two searches of a list, built when first needed.
type searcher struct {
	exact, folded func() *within
}

func newSearcher(entries []string) searcher {
	return searcher{
		exact: sync.OnceValue(func() *within { return newWithin(entries) }),
		folded: sync.OnceValue(func() *within {
			f := make([]string, len(entries))
			for i, e := range entries {
				f[i] = text.Fold(e)
			}
			return newWithin(f)
		}),
	}
}

// Within reports whether s contains an entry, and which; with fold, s must be
// folded. known is false for lists that can't be searched. work is how many
// entries were compared.
func (l *List) Within(s string, fold bool) (entry string, work int, found, known bool) {
	if l.search.exact == nil {
		return "", 0, false, false
	}
	w := l.search.exact
	if fold {
		w = l.search.folded
	}
	entry, work, found = w().find(s)
	return entry, work, found, true
}
