package mql

import "foregate/mql/internal/lists"

// Merge returns a snapshot with the lists of l and those of over, which win
// where both have a name. Either may be nil.
func (l *Lists) Merge(over *Lists) *Lists {
	var more []*lists.List
	for _, name := range over.Names() {
		more = append(more, over.set.Get(name))
	}
	return &Lists{set: l.snapshot().With(more...)}
}
