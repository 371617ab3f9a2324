package value

import "unsafe"

// Path is a chain of fields resolved to offsets.
type Path struct {
	hops  []hop
	load  func(p unsafe.Pointer) Value
	empty bool // the value is an empty list where an object on the way is null
	text  textual
	Type  *Type

	Fields []*Field // as given to NewPath
	Owners []*Type
}

type hop struct {
	offset uintptr
	deref  bool
}

// NewPath resolves fields, each a field of the one before; owners are the
// object types that they belong to.
func NewPath(fields []*Field, owners []*Type) *Path {
	last := fields[len(fields)-1]
	path := &Path{load: last.load, text: last.text, Type: last.Type, empty: last.Type.Kind == List, Fields: fields, Owners: owners}
	var off uintptr
	for i, f := range fields {
		path.empty = path.empty && owners[i].total
		if i == len(fields)-1 {
			path.hops = append(path.hops, hop{offset: off + f.offset})
			break
		}
		if f.inline {
			off += f.offset
			continue
		}
		path.hops = append(path.hops, hop{offset: off + f.offset, deref: true})
		off = 0
	}
	return path
}

// Get reads the path from the object v; null and missing stay as they are.
func (path *Path) Get(v Value) Value {
	if v.k != Object {
		if v.k == Missing {
			return v
		}
		return Value{}
	}
	p := v.p
	for _, h := range path.hops {
		p = unsafe.Add(p, h.offset)
		if h.deref {
			p = *(*unsafe.Pointer)(p)
			if p == nil {
				if path.empty {
					return OfList(nil)
				}
				return Value{}
			}
		}
	}
	switch s := (*string)(p); {
	case path.text == noText:
		return path.load(p)
	case path.text == textOrNull && *s == "":
		return Value{}
	default:
		return OfString(*s)
	}
}
