package eval

import (
	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
)

// anyWithin compiles any($list, strings.contains(text, .)), whose text does not
// depend on the item, as one search for all entries; nil for other loops.
// Lists hold no null, so the answer is null only where the text is.
func (p *Program) anyWithin(n *check.Node) triFn {
	list, body := n.Args[0], n.Args[1]
	if list.Op != check.List || list.Type.Elem.Kind != value.String || body.Op != check.Call || len(body.Args) != 2 {
		return nil
	}
	fold := body.Func.Name == "strings.icontains"
	if !fold && body.Func.Name != "strings.contains" {
		return nil
	}
	subj, item := body.Args[0], body.Args[1]
	if item.Op != check.Scope || item.N != 1 || subj.Refs&1 != 0 {
		return nil
	}
	slow := anyOver(p.val(list), p.tri(body, false), false, 0, nil)
	text, slot, name := p.val(subj), p.listSlot(list.Name), Spell(subj)
	return func(r *Run) value.Tri {
		l := r.lists[slot]
		if l == nil || l.Len() == 0 {
			return slow(r)
		}
		r.push(value.Value{}, 0) // the text counts its scopes from inside the loop
		v, t, known := subject(r, text)
		r.depth--
		if !known {
			return t
		}
		if !r.spendText(len(v.Str())) {
			return r.overrun()
		}
		s := v.Str()
		if fold {
			s = r.fold(v)
		}
		entry, work, found, searchable := l.Within(s, fold)
		if !searchable {
			return slow(r)
		}
		if !r.spend(work) {
			return r.overrun()
		}
		if found && r.trace != nil {
			r.quote(name, "$"+list.Name, entry)
		}
		return value.Of(found)
	}
}
