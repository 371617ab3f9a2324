package mql

import (
	"maps"
	"slices"

	"foregate/mql/internal/check"
	"foregate/mql/internal/syntax"
	"foregate/mql/shape"
)

const (
	askSensitive = "beta.ml_extract_sensitive_information"
	// askUnknown is what a call of askSensitive becomes in a rule that looks for
	// a type which nobody can find: an absent function, so that the rule is
	// indeterminate and never silently false. No source can spell it.
	askUnknown = askSensitive + " of an unknown type"

	// NeedsKinds is the capability behind askUnknown.
	NeedsKinds = "further types of sensitive data"
)

// withUnknown adds askUnknown to the functions.
func withUnknown(env *check.Env) *check.Env {
	f := *env.Funcs[askSensitive]
	f.Name, f.Needs = askUnknown, NeedsKinds
	out := *env
	out.Funcs = maps.Clone(env.Funcs)
	out.Funcs[askUnknown] = &f
	return &out
}

// markUnknown renames the calls of askSensitive below e whose elements' type is
// compared with a word that is no type shape.SensitiveKind knows.
func markUnknown(e *syntax.Expr) {
	if e.Op == syntax.Call && len(e.Args) > 1 {
		if call := callOf(e.Args[0]); call != nil && namesUnknown(e.Args[1], 1) {
			call.Name = askUnknown
		}
	}
	if e.Op == syntax.Cmp || e.Op == syntax.In {
		markCompared(e)
	}
	for _, a := range e.Args {
		markUnknown(a)
	}
	for _, a := range e.Named {
		markUnknown(a.Value)
	}
}

// markCompared is markUnknown for a comparison outside of a loop: of an element's
// type by index, or of a list of types.
func markCompared(e *syntax.Expr) {
	if !slices.ContainsFunc(e.Args, hasUnknown) {
		return
	}
	for _, a := range e.Args {
		if call := callOf(a); call != nil && namesType(a) {
			call.Name = askUnknown
		}
	}
}

func namesType(e *syntax.Expr) bool {
	return e.Op == syntax.Field && e.Name == "type" || slices.ContainsFunc(e.Args, namesType)
}

// callOf returns the call of askSensitive that the list e comes from.
func callOf(e *syntax.Expr) *syntax.Expr {
	for {
		switch {
		case e.Op == syntax.Call && e.Name == askSensitive:
			return e
		case (e.Op == syntax.Paren || e.Op == syntax.Field || e.Op == syntax.Index || e.Op == syntax.Call) && len(e.Args) > 0:
			e = e.Args[0]
		default:
			return nil
		}
	}
}

// namesUnknown tells whether e compares the field type of the item that is depth
// scopes away with a word that is no known type.
func namesUnknown(e *syntax.Expr, depth int64) bool {
	if e.Op == syntax.Cmp || e.Op == syntax.In {
		typed, unknown := false, false
		for _, a := range e.Args {
			typed = typed || a.Op == syntax.Field && a.Name == "type" && a.Args[0].Op == syntax.Scope && a.Args[0].Int == depth
			unknown = unknown || hasUnknown(a)
		}
		if typed && unknown {
			return true
		}
	}
	for i, a := range e.Args {
		d := depth
		if e.Op == syntax.Call && i == 1 && loops(e.Name) {
			d++
		}
		if namesUnknown(a, d) {
			return true
		}
	}
	return false
}

func hasUnknown(e *syntax.Expr) bool {
	if e.Op == syntax.String {
		return !shape.SensitiveKind(e.Str)
	}
	if e.Op != syntax.Tuple && e.Op != syntax.Array && e.Op != syntax.Paren {
		return false
	}
	for _, a := range e.Args {
		if hasUnknown(a) {
			return true
		}
	}
	return false
}

// loops tells whether a function evaluates its second argument for each item.
func loops(name string) bool {
	switch name {
	case "any", "all", "filter", "map", "ratio", "distinct":
		return true
	}
	return false
}
