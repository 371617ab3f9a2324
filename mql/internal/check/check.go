package check

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"foregate/mql/internal/syntax"
	"foregate/mql/internal/value"
)

func sortWords(words []string) { sort.Strings(words) }

// MaxLoops bounds how deep loops nest. The public rules reach six.
const MaxLoops = 16

// Env is what names mean.
type Env struct {
	Message *value.Type
	Roots   map[string]*Func // further top-level names, answered by a function
	Funcs   map[string]*Func
	Lists   map[string]*value.Type // lists whose elements are no texts
	// Extra are fields that rules use and the published model lacks, by
	// "Type.field". They read as null.
	Extra map[string]*value.Type
	// Gates name, by "Type.field", the capability that fills a field of another
	// capability's answer. Null without it means "not looked", not "nothing".
	Gates map[string]string
}

// Source is one text to check.
type Source struct {
	File string
	Text string
}

// Check resolves and types the tree of src into g. The node is nil if there
// are errors.
func (env *Env) Check(g *Graph, src Source, tree *syntax.Tree) (*Node, []syntax.Diagnostic) {
	c := &checker{env: env, g: g, src: src}
	n := c.expr(tree.Root)
	if len(c.errs) > 0 {
		slices.SortStableFunc(c.errs, func(a, b syntax.Diagnostic) int { return a.Start - b.Start })
		return nil, c.errs
	}
	return n, nil
}

type checker struct {
	env   *Env
	g     *Graph
	src   Source
	loops []*value.Type // item types of the enclosing loops, innermost last
	errs  []syntax.Diagnostic
}

// errorf reports an error and returns a node that fits everywhere.
func (c *checker) errorf(e *syntax.Expr, hint, format string, args ...any) *Node {
	if len(c.errs) < syntax.MaxErrors {
		c.errs = append(c.errs, syntax.New(c.src.File, c.src.Text, e.Start, hint, format, args...))
	}
	return c.g.intern(Node{Op: Const, Type: value.TAny})
}

func (c *checker) expr(e *syntax.Expr) *Node {
	switch e.Op {
	case syntax.Null:
		return c.constant(value.TNull, value.Value{})
	case syntax.Bool:
		return c.constant(value.TBool, value.OfBool(e.Int != 0))
	case syntax.Int:
		return c.constant(value.TInt, value.OfInt(e.Int))
	case syntax.Float:
		return c.constant(value.TFloat, value.OfFloat(e.Float))
	case syntax.String:
		return c.constant(value.TString, value.OfString(e.Str))
	case syntax.Ident, syntax.Field:
		return c.path(e)
	case syntax.Scope:
		return c.scope(e)
	case syntax.Paren:
		return c.expr(e.Args[0])
	case syntax.Index:
		return c.indexing(e)
	case syntax.Call:
		return c.call(e)
	case syntax.Array:
		return c.array(e)
	case syntax.List:
		t := value.TString
		if elem := c.env.Lists[e.Name]; elem != nil {
			t = elem
		}
		return c.g.intern(Node{Op: List, Name: e.Name, Type: value.ListOf(t)})
	}
	return c.operator(e)
}

func (c *checker) operator(e *syntax.Expr) *Node {
	switch e.Op {
	case syntax.Not:
		return c.g.intern(Node{Op: Not, Type: value.TBool, Args: []*Node{c.boolean(e.Args[0], `"not"`)}})
	case syntax.And, syntax.Or:
		op, word := And, `"and"`
		if e.Op == syntax.Or {
			op, word = Or, `"or"`
		}
		n := Node{Op: op, Type: value.TBool}
		for _, a := range e.Args {
			x := c.boolean(a, word)
			if x.Op == op && !x.Negate { // ((a and b) and c) is one chain
				n.Args = append(n.Args, x.Args...)
			} else {
				n.Args = append(n.Args, x)
			}
		}
		return c.g.intern(n)
	case syntax.NOf:
		return c.nOf(e)
	case syntax.Cmp:
		return c.comparison(e)
	case syntax.In:
		return c.membership(e)
	case syntax.IsNull:
		return c.g.intern(Node{Op: IsNull, Negate: e.Negated, Type: value.TBool, Args: []*Node{c.expr(e.Args[0])}})
	case syntax.Arith, syntax.Neg:
		return c.arith(e)
	}
	return c.errorf(e, "", "unexpected expression")
}

func (c *checker) constant(t *value.Type, v value.Value) *Node {
	return c.g.intern(Node{Op: Const, Type: t, Const: v})
}

// boolean checks e and demands a truth value.
func (c *checker) boolean(e *syntax.Expr, where string) *Node {
	n := c.expr(e)
	switch n.Type.Kind {
	case value.Bool, value.Any, value.Null:
		return n
	}
	hint := ""
	if n.Type.Kind == value.List {
		hint = "use any(…), all(…) or length(…)"
	}
	return c.errorf(e, hint, "%s needs a boolean, got %s", where, n.Type)
}

func (c *checker) nOf(e *syntax.Expr) *Node {
	items := e.Args[0].Args
	if e.Int < 1 || e.Int > int64(len(items)) {
		return c.errorf(e, "", `"of" needs a number from 1 to %d here, got %d`, len(items), e.Int)
	}
	n := Node{Op: NOf, N: int(e.Int), Type: value.TBool}
	for _, a := range items {
		n.Args = append(n.Args, c.boolean(a, `"of"`))
	}
	return c.g.intern(n)
}

func numeric(t *value.Type) bool { return t.Kind == value.Int || t.Kind == value.Float }

func loose(t *value.Type) bool { return t.Kind == value.Any || t.Kind == value.Null }

func scalar(t *value.Type) bool { return t.Kind >= value.Bool && t.Kind <= value.Time }

// comparable reports whether a and b may be compared for equality.
func comparableTypes(a, b *value.Type) bool {
	return loose(a) || loose(b) || numeric(a) && numeric(b) || scalar(a) && a.Kind == b.Kind
}

func (c *checker) comparison(e *syntax.Expr) *Node {
	n := Node{Op: Cmp, Ops: e.Ops, Type: value.TBool}
	for _, a := range e.Args {
		n.Args = append(n.Args, c.expr(a))
	}
	for i, op := range e.Ops {
		a, b := n.Args[i].Type, n.Args[i+1].Type
		ok := comparableTypes(a, b)
		switch op {
		case "=~", "!~":
			ok = (loose(a) || a.Kind == value.String) && (loose(b) || b.Kind == value.String)
		case "<", "<=", ">", ">=":
			ok = ok && a.Kind != value.Bool && b.Kind != value.Bool
		}
		if !ok {
			return c.errorf(e, "", "%q cannot compare %s with %s", op, a, b)
		}
	}
	return c.g.intern(n)
}

func (c *checker) membership(e *syntax.Expr) *Node {
	x := c.expr(e.Args[0])
	if x.Type.Kind != value.Null && x.Type.Kind != value.Any && !scalar(x.Type) {
		return c.errorf(e.Args[0], "", `"in" needs a string, number or boolean on its left, got %s`, x.Type)
	}
	var y *Node
	if e.Args[1].Op == syntax.Tuple {
		y = c.elements(e.Args[1], "list")
	} else {
		y = c.expr(e.Args[1])
	}
	if y.Type.Kind != value.List && !loose(y.Type) {
		return c.errorf(e.Args[1], "", `"in" needs a list on its right, got %s`, y.Type)
	}
	if y.Type.Kind == value.List && !comparableTypes(x.Type, y.Type.Elem) {
		return c.errorf(e, "", `"in" cannot find %s in %s`, x.Type, y.Type)
	}
	if e.Fold && x.Type.Kind != value.String && !loose(x.Type) {
		return c.errorf(e.Args[0], "", `"in~" needs a string on its left, got %s`, x.Type)
	}
	return c.g.intern(Node{Op: In, Fold: e.Fold, Negate: e.Negated, Type: value.TBool, Args: []*Node{x, y}})
}

// elements checks the elements of an array or tuple and gives them one type.
func (c *checker) elements(e *syntax.Expr, what string) *Node {
	n := Node{Op: Array}
	elem := value.TNull
	for _, a := range e.Args {
		x := c.expr(a)
		n.Args = append(n.Args, x)
		t, ok := unify(elem, x.Type)
		if !ok {
			return c.errorf(a, "", "%s of %s cannot hold %s", what, elem, x.Type)
		}
		elem = t
	}
	n.Type = value.ListOf(elem)
	return c.g.intern(n)
}

func (c *checker) array(e *syntax.Expr) *Node { return c.elements(e, "list") }

// unify returns the type that holds values of both.
func unify(a, b *value.Type) (*value.Type, bool) {
	switch {
	case a.Kind == value.Null:
		return b, true
	case b.Kind == value.Null:
		return a, true
	case value.Same(a, b):
		return a, true
	case numeric(a) && numeric(b):
		return value.TFloat, true
	case a.Kind == value.Any || b.Kind == value.Any:
		return value.TAny, true
	case a.Kind == value.List && b.Kind == value.List:
		if elem, ok := unify(a.Elem, b.Elem); ok {
			return value.ListOf(elem), true
		}
	}
	return nil, false
}

func (c *checker) arith(e *syntax.Expr) *Node {
	n := Node{Op: Arith, Name: e.Name}
	if e.Op == syntax.Neg {
		n.Op = Neg
	}
	n.Type = value.TInt
	for _, a := range e.Args {
		x := c.expr(a)
		if !numeric(x.Type) && !loose(x.Type) {
			hint := ""
			if x.Type.Kind == value.String && e.Name == "+" {
				hint = "use strings.concat"
			}
			op := e.Name
			if op == "" {
				op = "-"
			}
			return c.errorf(a, hint, "%q needs numbers, got %s", op, x.Type)
		}
		if x.Type.Kind != value.Int {
			n.Type = value.TFloat
		}
		n.Args = append(n.Args, x)
	}
	return c.g.intern(n)
}

func (c *checker) scope(e *syntax.Expr) *Node {
	if int(e.Int) > len(c.loops) {
		if len(c.loops) == 0 {
			return c.errorf(e, "", `"." stands for the current item and has a meaning only inside any(…), filter(…) and the like`)
		}
		return c.errorf(e, "", "%d dots, but the enclosing loops are %d", e.Int, len(c.loops))
	}
	return c.g.intern(Node{Op: Scope, N: int(e.Int), Type: c.loops[len(c.loops)-int(e.Int)]})
}

// path resolves a chain of fields to one node where the types are known.
func (c *checker) path(e *syntax.Expr) *Node {
	var names []*syntax.Expr
	base := e
	for base.Op == syntax.Field {
		names = append(names, base)
		base = base.Args[0]
	}
	slices.Reverse(names)
	var n *Node
	if base.Op == syntax.Ident {
		n = c.root(base)
		if n == nil {
			return c.errorf(base, c.nearRoot(base.Name), "unknown name %q", base.Name)
		}
	} else {
		n = c.expr(base)
	}
	for _, f := range names {
		if n = c.field(n, f); n == nil {
			return c.g.intern(Node{Op: Const, Type: value.TAny})
		}
	}
	return n
}

func (c *checker) nearRoot(name string) string {
	candidates := c.env.Message.FieldNames()
	for root := range c.env.Roots {
		candidates = append(candidates, root)
	}
	for fn := range c.env.Funcs {
		candidates = append(candidates, fn)
	}
	return syntax.Nearest(name, candidates)
}

// root resolves a top-level name, nil when unknown.
func (c *checker) root(e *syntax.Expr) *Node {
	if f := c.env.Roots[e.Name]; f != nil {
		return c.g.intern(Node{Op: Call, Func: f, Type: f.Out})
	}
	f := c.env.Message.Field(e.Name)
	if f == nil {
		return nil
	}
	msg := c.g.intern(Node{Op: Root, Type: c.env.Message})
	return c.extend(msg, f)
}

// extend adds the field f to n, merging chains of fields into one path.
func (c *checker) extend(n *Node, f *value.Field) *Node {
	base, name := n, f.Name
	if n.Op == Path {
		base, name = n.Args[0], n.Name+"."+f.Name
	}
	x := c.g.known(&Node{Op: Path, Name: name, Args: []*Node{base}})
	if x == nil {
		fields, owners := []*value.Field{f}, []*value.Type{n.Type}
		if n.Op == Path {
			fields = append(append([]*value.Field(nil), n.Path.Fields...), f)
			owners = append(append([]*value.Type(nil), n.Path.Owners...), n.Type)
		}
		x = c.g.intern(Node{Op: Path, Name: name, Path: value.NewPath(fields, owners), Type: f.Type, Args: []*Node{base}})
	}
	if gate := c.env.Gates[n.Type.Name+"."+f.Name]; gate != "" {
		return c.g.intern(Node{Op: Gate, Name: gate, Type: f.Type, Args: []*Node{x}})
	}
	return x
}

// field resolves one field access; nil after an error.
func (c *checker) field(n *Node, e *syntax.Expr) *Node {
	t := n.Type
	switch t.Kind {
	case value.Any, value.Null:
		return c.g.intern(Node{Op: Index, Type: value.TAny, Args: []*Node{n, c.constant(value.TString, value.OfString(e.Name))}})
	case value.Object:
		if f := t.Field(e.Name); f != nil {
			return c.extend(n, f)
		}
		if x := c.env.Extra[t.Name+"."+e.Name]; x != nil {
			return c.g.intern(Node{Op: Extra, Name: e.Name, Type: x, Args: []*Node{n}})
		}
		c.errorf(&syntax.Expr{Start: e.End - len(e.Name)}, syntax.Nearest(e.Name, t.FieldNames()), "%s has no field %q", t, e.Name)
		return nil
	}
	hint := ""
	if t.Kind == value.List {
		hint = "use any(…), map(…) or an index"
	}
	c.errorf(&syntax.Expr{Start: e.End - len(e.Name)}, hint, "%s has no fields, so no %q", t, e.Name)
	return nil
}

func (c *checker) indexing(e *syntax.Expr) *Node {
	x, i := c.expr(e.Args[0]), c.expr(e.Args[1])
	n := Node{Op: Index, Args: []*Node{x, i}, Type: value.TAny}
	switch x.Type.Kind {
	case value.List:
		n.Type = x.Type.Elem
		if i.Type.Kind != value.Int && !loose(i.Type) {
			return c.errorf(e.Args[1], "", "a list is indexed by an integer, got %s", i.Type)
		}
	case value.Map:
		n.Type = x.Type.Elem
		if i.Type.Kind != value.String && !loose(i.Type) {
			return c.errorf(e.Args[1], "", "a map is indexed by a string, got %s", i.Type)
		}
	case value.Any, value.Null:
	default:
		return c.errorf(e.Args[0], "", "%s cannot be indexed, expected a list or a map", x.Type)
	}
	return c.g.intern(n)
}

// meant is the hint for a function name that is none: the nearest one, or that
// of another package with the same last word, as when it is written as a method
// ("subject.subject.contains").
func (c *checker) meant(name string) string {
	names := make([]string, 0, len(c.env.Funcs))
	for n, f := range c.env.Funcs {
		if n == f.Name && !strings.Contains(n, " ") { // what a source can spell
			names = append(names, n)
		}
	}
	if hint := syntax.Nearest(name, names); hint != "" {
		return hint
	}
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return ""
	}
	slices.Sort(names)
	slices.Reverse(names) // of strings.contains and regex.contains the plainer
	for _, n := range names {
		if j := strings.LastIndexByte(n, '.'); j >= 0 && strings.EqualFold(n[j:], name[i:]) {
			return fmt.Sprintf("did you mean %s(%s, …)?", n, name[:i])
		}
	}
	return ""
}

// call resolves a function call.
func (c *checker) call(e *syntax.Expr) *Node {
	f := c.env.Funcs[e.Name]
	if f == nil {
		return c.errorf(e, c.meant(e.Name), "unknown function %q", e.Name)
	}
	if !c.counts(f, e) {
		return c.g.intern(Node{Op: Const, Type: value.TAny})
	}
	if f.Lambda || f.Out == nil {
		return c.collection(f, e)
	}
	n := Node{Op: Call, Func: f, Type: f.Out}
	for i, a := range e.Args {
		p := &f.In[min(i, len(f.In)-1)]
		n.Args = append(n.Args, c.argument(f, p, a))
	}
	c.verify(f, e)
	if len(f.Named) > 0 {
		for len(n.Args) < len(f.In) {
			n.Args = append(n.Args, c.constant(value.TNull, value.Value{}))
		}
		n.Args = append(n.Args, c.named(f, e)...)
	}
	return c.g.intern(n)
}

func (c *checker) argument(f *Func, p *Param, a *syntax.Expr) *Node {
	x := c.expr(a)
	if !p.accepts(x.Type) {
		return c.errorf(a, "", "%s expects %s for %q, got %s", f.Name, p.expected(), p.Name, x.Type)
	}
	if p.Literal && a.Unparen().Op != syntax.String {
		return c.errorf(a, "", "%s expects a literal string for %q", f.Name, p.Name)
	}
	return x
}

// named puts the named arguments in the order of f.Named, null where absent.
func (c *checker) named(f *Func, e *syntax.Expr) []*Node {
	out := make([]*Node, len(f.Named))
	for _, a := range e.Named {
		i := slices.IndexFunc(f.Named, func(p Param) bool { return p.Name == a.Name })
		if i >= 0 {
			out[i] = c.argument(f, &f.Named[i], a.Value)
		}
	}
	for i := range out {
		if out[i] == nil {
			out[i] = c.constant(value.TNull, value.Value{})
		}
	}
	return out
}

// counts checks the number of arguments and the names of named ones.
func (c *checker) counts(f *Func, e *syntax.Expr) bool {
	least, most := len(f.In)-f.Optional, len(f.In)
	if n := len(e.Args); n < least || n > most && !f.Variadic {
		want := fmt.Sprintf("%d", least)
		switch {
		case f.Variadic:
			want = fmt.Sprintf("at least %d", least)
		case most > least:
			want = fmt.Sprintf("%d to %d", least, most)
		}
		c.errorf(e, "usage: "+f.Signature(), "%s expects %s arguments, got %d", f.Name, want, n)
		return false
	}
	seen := map[string]bool{}
	for _, a := range e.Named {
		at := &syntax.Expr{Start: a.Start}
		if !slices.ContainsFunc(f.Named, func(p Param) bool { return p.Name == a.Name }) {
			var names []string
			for _, p := range f.Named {
				names = append(names, p.Name)
			}
			c.errorf(at, syntax.Nearest(a.Name, names), "%s has no argument named %q", f.Name, a.Name)
			return false
		}
		if seen[a.Name] {
			c.errorf(at, "", "argument %q is given twice", a.Name)
			return false
		}
		seen[a.Name] = true
	}
	return true
}

// verify lets the function look at its literal arguments.
func (c *checker) verify(f *Func, e *syntax.Expr) {
	if f.Verify == nil {
		return
	}
	var texts []string
	var at []*syntax.Expr
	for i, a := range e.Args {
		if x := a.Unparen(); x.Op == syntax.String && f.In[min(i, len(f.In)-1)].Literal {
			if _, ok := c.g.verified[verified{f.Name, x.Str}]; ok {
				continue
			}
			texts = append(texts, x.Str)
			at = append(at, a)
		}
	}
	if len(texts) == 0 {
		return
	}
	if i, wrong := f.Verify(texts); wrong != "" {
		c.errorf(at[i], "", "%s", wrong)
		return
	}
	for _, s := range texts {
		c.g.verified[verified{f.Name, s}] = struct{}{}
	}
}
