package eval

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
)

// Items that read the same where a loop looks come out the same, so one of them
// is enough: of the hundred links of a newsletter most lead to one domain. What
// parts of the items are equal is found once per message, for all loops.

const (
	minAlike   = 8 // items from which looking for equal ones costs less than it saves
	maxColumns = 4 // parts of an item
)

// column is a part of the items of a list that is the same for the whole
// message: a field, or, where path is nil, the item itself.
type column struct {
	list valFn
	path *value.Path
}

// classes tells the items of a list that read the same: each has the place of
// the first that reads as it does.
type classes struct {
	epoch uint32
	first []int32
}

// alike is what a loop reads of the items of its list.
type alike struct {
	columns []int
	slot    int  // where the first of them are remembered
	asks    bool // asks lists, which may answer for the first maxLookups items only
}

// firsts are the items of a list of which no earlier one reads the same.
type firsts struct {
	epoch uint32
	at    []int32 // their places
	like  []int32 // of each item the place of the first that reads the same
}

// part is what a column holds of one item, to be compared.
type part struct {
	kind value.Kind
	n    int64
	text string
}

// alikeOf returns what the bodies of a loop over list read of its items, nil
// where that is not known to be a few fields of a list of the message.
func (p *Program) alikeOf(list *check.Node, bodies []*check.Node) *alike {
	if list.Free != 0 || !static(list) || list.Type.Kind != value.List {
		return nil
	}
	a := &alike{}
	paths := map[string]*value.Path{}
	for _, b := range bodies {
		if !parts(b, 1, paths) {
			return nil
		}
		a.asks = a.asks || b.Asks
	}
	if len(paths) == 0 || len(paths) > maxColumns {
		return nil
	}
	names := slices.Sorted(maps.Keys(paths))
	for _, name := range names {
		a.columns = append(a.columns, p.column(list, name, paths[name]))
	}
	key := strconv.Itoa(list.ID) + " " + strings.Join(names, " ")
	slot, ok := p.alikeIDs[key]
	if !ok {
		slot = p.alikes
		p.alikeIDs[key] = slot
		p.alikes++
	}
	a.slot = slot
	return a
}

func (p *Program) column(list *check.Node, name string, path *value.Path) int {
	key := strconv.Itoa(list.ID) + " " + name
	i, ok := p.columnIDs[key]
	if !ok {
		i = len(p.columns)
		p.columnIDs[key] = i
		p.columns = append(p.columns, column{p.val(list), path})
	}
	return i
}

// parts collects, by name, what n reads of the item of the depth-th enclosing
// loop; false where that is more than fields that can be compared.
func parts(n *check.Node, depth int, paths map[string]*value.Path) bool {
	comparable := n.Type.Kind >= value.Bool && n.Type.Kind <= value.String
	switch {
	case n.Refs>>(depth-1)&1 == 0:
		return true
	case n.Op == check.Scope:
		paths["."] = nil
		return comparable
	case n.Op == check.Path && n.Args[0].Op == check.Scope:
		name := ""
		for _, f := range n.Path.Fields {
			name += "." + f.Name
		}
		paths[name] = n.Path
		return comparable
	}
	for i, a := range n.Args {
		inner := depth
		if n.Op == check.Loop && i == 1 {
			inner++
		}
		if !parts(a, inner, paths) {
			return false
		}
	}
	return true
}

// firstsOf tells which items of list a loop must look at; nil for all of them.
func (r *Run) firstsOf(a *alike, list value.Value) *firsts {
	n := listLen(list)
	if a == nil || r.plain || n < minAlike || a.asks && n > maxLookups {
		return nil
	}
	found := &r.alikes[a.slot]
	if found.epoch == r.epoch {
		return found
	}
	found.like = r.classesOf(a.columns[0], list)
	for _, c := range a.columns[1:] {
		found.like = joined(found.like, r.classesOf(c, list))
	}
	found.epoch, found.at = r.epoch, found.at[:0]
	for i, f := range found.like {
		if int(f) == i {
			found.at = append(found.at, f)
		}
	}
	return found
}

// classesOf finds the items of list that are equal in a column.
func (r *Run) classesOf(c int, list value.Value) []int32 {
	known := &r.columns[c]
	if known.epoch == r.epoch {
		return known.first
	}
	known.epoch, known.first = r.epoch, known.first[:0]
	path := r.prog.columns[c].path
	seen := make(map[part]int32, minAlike)
	for i := range int32(list.Len()) {
		v := list.At(int(i))
		if path != nil {
			v = path.Get(v)
		}
		x := part{kind: v.Kind()}
		switch v.Kind() {
		case value.String:
			x.text = v.Str()
		case value.Bool, value.Int:
			x.n = v.Int()
		case value.Null:
		default: // not compared: like no other
			x.n = int64(i)
		}
		f, ok := seen[x]
		if !ok {
			f, seen[x] = i, i
		}
		known.first = append(known.first, f)
	}
	return known.first
}

// joined tells the items that are equal in both columns.
func joined(a, b []int32) []int32 {
	out := make([]int32, len(a))
	seen := make(map[[2]int32]int32, minAlike)
	for i := range a {
		x := [2]int32{a[i], b[i]}
		f, ok := seen[x]
		if !ok {
			f, seen[x] = int32(i), int32(i)
		}
		out[i] = f
	}
	return out
}
