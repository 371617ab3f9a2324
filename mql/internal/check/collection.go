package check

import (
	"foregate/mql/internal/syntax"
	"foregate/mql/internal/value"
)

// collection checks the functions whose types depend on their arguments.
func (c *checker) collection(f *Func, e *syntax.Expr) *Node {
	switch f.Name {
	case "coalesce":
		return c.coalesce(f, e)
	case "keys", "values":
		return c.entries(f, e)
	}
	list := c.expr(e.Args[0])
	elem := value.TAny
	switch {
	case list.Type.Kind == value.List:
		elem = list.Type.Elem
	case f.Name == "length" && (list.Type.Kind == value.String || list.Type.Kind == value.Map):
	case f.Name == "any" && list.Type.Kind == value.Map:
		elem = list.Type.Elem
	case f.Name == "length" && !loose(list.Type):
		return c.errorf(e.Args[0], "", "length expects a list, string or map, got %s", list.Type)
	case !loose(list.Type):
		return c.errorf(e.Args[0], "", "%s expects a list, got %s", f.Name, list.Type)
	}
	n := Node{Op: Loop, Func: f, Args: []*Node{list}}
	if len(e.Args) == 2 {
		body := c.body(f, e.Args[1], elem)
		if body == nil {
			return c.g.intern(Node{Op: Const, Type: value.TAny})
		}
		n.Args = append(n.Args, body)
	}
	switch n.Type = c.result(f, n.Args, elem); {
	case n.Type == nil:
		return c.errorf(e.Args[0], "", "%s expects a list of %s, got %s", f.Name, map[string]string{"sum": "numbers", "flatten": "lists"}[f.Name], list.Type)
	}
	return c.g.intern(n)
}

// result is the type that f answers, nil when the elements do not fit.
func (c *checker) result(f *Func, args []*Node, elem *value.Type) *value.Type {
	switch f.Name {
	case "any", "all":
		return value.TBool
	case "length":
		return value.TInt
	case "ratio":
		return value.TFloat
	case "filter", "distinct":
		return value.ListOf(elem)
	case "map":
		return value.ListOf(args[1].Type)
	case "sum":
		if numeric(elem) {
			return elem
		}
		if loose(elem) {
			return value.TFloat
		}
	case "flatten":
		if elem.Kind == value.List {
			return value.ListOf(elem.Elem)
		}
		if loose(elem) {
			return value.ListOf(value.TAny)
		}
	}
	return nil
}

// body checks the expression evaluated for each item; nil after an error.
func (c *checker) body(f *Func, e *syntax.Expr, elem *value.Type) *Node {
	if len(c.loops) >= MaxLoops {
		c.errorf(e, "", "loops are nested deeper than %d levels", MaxLoops)
		return nil
	}
	c.loops = append(c.loops, elem)
	defer func() { c.loops = c.loops[:len(c.loops)-1] }()
	if f.Name == "map" || f.Name == "distinct" {
		return c.expr(e)
	}
	return c.boolean(e, f.Name)
}

func (c *checker) coalesce(f *Func, e *syntax.Expr) *Node {
	n := Node{Op: Call, Func: f, Type: value.TNull}
	for _, a := range e.Args {
		x := c.expr(a)
		t, ok := unify(n.Type, x.Type)
		if !ok {
			return c.errorf(a, "", "coalesce expects values of one type, got %s and %s", n.Type, x.Type)
		}
		n.Type = t
		n.Args = append(n.Args, x)
	}
	return c.g.intern(n)
}

func (c *checker) entries(f *Func, e *syntax.Expr) *Node {
	x := c.expr(e.Args[0])
	n := Node{Op: Call, Func: f, Type: value.TStrs, Args: []*Node{x}}
	if x.Type.Kind != value.Map && !loose(x.Type) {
		return c.errorf(e.Args[0], "", "%s expects a map, got %s", f.Name, x.Type)
	}
	if f.Name == "values" {
		elem := value.TAny
		if x.Type.Kind == value.Map {
			elem = x.Type.Elem
		}
		n.Type = value.ListOf(elem)
	}
	return c.g.intern(n)
}
