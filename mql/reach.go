package mql

import (
	"slices"
	"strings"

	"foregate/mql/internal/syntax"
)

// Reach tells what a source can come to where capabilities are absent.
type Reach struct {
	env  *Env
	root *syntax.Expr // nil for a source with syntax errors
}

// Reach reads a source.
func (e *Env) Reach(source string) Reach {
	tree, errs := syntax.Parse("", source)
	if len(errs) > 0 {
		return Reach{}
	}
	markUnknown(source, tree)
	return Reach{env: e, root: tree.Root}
}

// CanFire tells whether the source can come out true on some message although
// capabilities are absent: has tells which functions and lists ("$name") there
// are. What depends on an absent one is neither true nor false; the rest is taken
// to be able to come out either way, and every list of the message to be empty or
// not. It is false for a source with syntax errors.
func (x Reach) CanFire(has func(name string) bool) bool {
	if x.root == nil {
		return false
	}
	yes, _ := (&reach{x.env, has}).truth(x.root)
	return yes
}

type reach struct {
	env *Env
	has func(name string) bool
}

// truth tells whether a condition can be true, and whether it can be false.
func (r *reach) truth(e *syntax.Expr) (yes, no bool) {
	switch e.Op {
	case syntax.Paren:
		return r.truth(e.Args[0])
	case syntax.Bool:
		return e.Int != 0, e.Int == 0
	case syntax.Not:
		yes, no = r.truth(e.Args[0])
		return no, yes
	case syntax.And:
		return r.enough(e.Args, len(e.Args))
	case syntax.Or:
		return r.enough(e.Args, 1)
	case syntax.NOf:
		return r.enough(e.Args[0].Args, int(e.Int))
	case syntax.Call:
		if (e.Name == "any" || e.Name == "all") && len(e.Args) == 2 {
			if r.open(e.Args[0]) {
				return false, false
			}
			yes, no = r.truth(e.Args[1])
			return yes || e.Name == "all", no || e.Name == "any" // over an empty list
		}
	}
	known := !r.open(e)
	return known, known
}

// enough is truth for n of the conditions.
func (r *reach) enough(of []*syntax.Expr, n int) (yes, no bool) {
	can, cannot := 0, 0
	for _, a := range of {
		y, f := r.truth(a)
		if y {
			can++
		}
		if f {
			cannot++
		}
	}
	return can >= n, cannot > len(of)-n
}

// open tells whether a value depends on something absent on every message.
func (r *reach) open(e *syntax.Expr) bool {
	switch e.Op {
	case syntax.List:
		return !r.has("$" + e.Name)
	case syntax.Ident:
		return r.env.env.Roots[e.Name] != nil && !r.has(e.Name)
	case syntax.Field:
		for _, gate := range []string{CodesInFiles, TextInFiles} {
			if path, ok := strings.CutPrefix(gate, "file.explode "); ok && endsIn(e, path) && !r.has(gate) {
				return true
			}
		}
	case syntax.Call:
		if r.env.Capability(e.Name) != "" && !r.has(e.Name) {
			return true
		}
		if loops(e.Name) && len(e.Args) > 0 { // over an empty list
			return r.open(e.Args[0])
		}
	case syntax.And, syntax.Or, syntax.Not, syntax.NOf:
		yes, no := r.truth(e)
		return !yes && !no
	}
	return slices.ContainsFunc(e.Args, r.open) || slices.ContainsFunc(e.Named, func(a syntax.NamedArg) bool { return r.open(a.Value) })
}

// endsIn tells whether a field's path ends in the dotted names.
func endsIn(e *syntax.Expr, path string) bool {
	parts := strings.Split(path, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		if e.Op != syntax.Field || e.Name != parts[i] {
			return false
		}
		e = e.Args[0]
	}
	return true
}
