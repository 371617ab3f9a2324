package mql

import (
	"maps"
	"slices"
	"strings"

	"foregate/mql/internal/check"
	"foregate/mql/internal/syntax"
	"foregate/mql/shape"
)

// Capabilities behind what a rule asks of a function that is there, but knows no
// such thing.
const (
	NeedsKinds  = "further types of sensitive data"
	NeedsLabels = "further labels of texts"
)

// vocabulary is what a function can name in a list of its answer. A rule that
// compares with another word must not read as false: the items that nobody can
// find are an absent function's, named call + unknown, which no source can spell.
type vocabulary struct {
	call  string                 // the function
	list  string                 // the list in its answer
	field string                 // of an item, which holds the word
	needs string                 // the capability that knows further words
	known func(word string) bool // regardless of case
}

func (v *vocabulary) absent() string { return v.call + unknown + v.field }

// unknown is in the name of an absent function that stands for unknown words.
const unknown = " of an unknown "

// vocabularies are all of them.
var vocabularies = func() []*vocabulary {
	vs := []*vocabulary{
		{"beta.ml_extract_sensitive_information", "elements", "type", NeedsKinds, func(w string) bool { return shape.SensitiveKind(strings.ToLower(w)) }},
		{"beta.ml_topic", "topics", "name", NeedsLabels, func(w string) bool { return shape.TextLabel("topics", w) }},
	}
	for _, list := range []string{"intents", "topics", "entities", "tags"} {
		vs = append(vs, &vocabulary{"ml.nlu_classifier", list, "name", NeedsLabels, func(w string) bool { return shape.TextLabel(list, w) }})
	}
	return vs
}()

// withUnknown adds the absent functions.
func withUnknown(env *check.Env) *check.Env {
	out := *env
	out.Funcs = maps.Clone(env.Funcs)
	for _, v := range vocabularies {
		f := *env.Funcs[v.call]
		f.Name, f.Needs = v.absent(), v.needs
		out.Funcs[f.Name] = &f
	}
	return &out
}

// markUnknown changes a tree so that what unknown words would decide is asked of
// absent functions.
func markUnknown(src string, tree *syntax.Tree) {
	for _, v := range vocabularies {
		if strings.Contains(src, v.call) {
			v.mark(tree.Root)
		}
	}
}

// mark is markUnknown for one vocabulary, below e.
func (v *vocabulary) mark(e *syntax.Expr) {
	for _, a := range e.Args {
		v.mark(a)
	}
	for _, a := range e.Named {
		v.mark(a.Value)
	}
	switch {
	case e.Op == syntax.Cmp || e.Op == syntax.In:
		v.markCompared(e)
	case e.Op == syntax.Call && len(e.Args) > 1 && loops(e.Name):
		v.markLoop(e)
	}
}

// markLoop changes a loop over the list whose condition names unknown words. The
// list lacks the items of those: any(list, c) becomes any(list, c) or any(the
// absent items, c), so that known words still decide where they are enough, and all
// likewise; every other loop is over absent items alone.
func (v *vocabulary) markLoop(e *syntax.Expr) {
	call := v.callOf(e.Args[0])
	if call == nil || !v.namesUnknown(e.Args[1], 1) {
		return
	}
	op, splits := map[string]syntax.Op{"any": syntax.Or, "all": syntax.And}[e.Name]
	if !splits || hasAbsent(e) { // copies of copies would grow without bound
		call.Name = v.absent()
		return
	}
	here, absent := clone(e), clone(e)
	v.dropUnknown(here.Args[1], 1)
	v.callOf(absent.Args[0]).Name = v.absent()
	*e = syntax.Expr{Op: op, Start: e.Start, End: e.End, Args: []*syntax.Expr{here, absent}}
}

// markCompared is for a comparison outside of a loop: of an item's word by index,
// or of a list of words.
func (v *vocabulary) markCompared(e *syntax.Expr) {
	if !slices.ContainsFunc(e.Args, v.hasUnknown) {
		return
	}
	for _, a := range e.Args {
		if call := v.callOf(a); call != nil && v.namesField(a) {
			call.Name = v.absent()
		}
	}
}

func (v *vocabulary) namesField(e *syntax.Expr) bool {
	return e.Op == syntax.Field && e.Name == v.field || slices.ContainsFunc(e.Args, v.namesField)
}

// callOf returns the call that the list e comes from, nil for other lists.
func (v *vocabulary) callOf(e *syntax.Expr) *syntax.Expr {
	for listed := false; ; e = e.Args[0] {
		switch {
		case e.Op == syntax.Call && e.Name == v.call:
			if !listed {
				return nil
			}
			return e
		case (e.Op == syntax.Paren || e.Op == syntax.Field || e.Op == syntax.Index || e.Op == syntax.Call) && len(e.Args) > 0:
			listed = listed || e.Op == syntax.Field && e.Name == v.list
		default:
			return nil
		}
	}
}

// compares tells whether e compares the word of the item that is depth scopes away
// with words of which one is unknown.
func (v *vocabulary) compares(e *syntax.Expr, depth int64) bool {
	if e.Op != syntax.Cmp && e.Op != syntax.In {
		return false
	}
	return slices.ContainsFunc(e.Args, v.hasUnknown) && slices.ContainsFunc(e.Args, func(a *syntax.Expr) bool {
		return a.Op == syntax.Field && a.Name == v.field && a.Args[0].Op == syntax.Scope && a.Args[0].Int == depth
	})
}

// namesUnknown tells whether a comparison as of compares is in e.
func (v *vocabulary) namesUnknown(e *syntax.Expr, depth int64) bool {
	if v.compares(e, depth) {
		return true
	}
	for i, a := range e.Args {
		if v.namesUnknown(a, below(e, i, depth)) {
			return true
		}
	}
	return false
}

// dropUnknown takes the unknown words out of the comparisons in e, for items that
// have known ones alone.
func (v *vocabulary) dropUnknown(e *syntax.Expr, depth int64) {
	if v.compares(e, depth) {
		never := e.Op == syntax.Cmp && (e.Ops[0] == "==" || e.Ops[0] == "=~")
		if e.Op == syntax.In && e.Args[1].Op == syntax.Tuple && !e.Negated {
			words := e.Args[1]
			words.Args = slices.DeleteFunc(words.Args, v.hasUnknown)
			never = len(words.Args) == 0
		}
		if never {
			*e = syntax.Expr{Op: syntax.Bool, Start: e.Start, End: e.End}
		}
		return
	}
	for i, a := range e.Args {
		v.dropUnknown(a, below(e, i, depth))
	}
}

// below is the depth of argument i of e.
func below(e *syntax.Expr, i int, depth int64) int64 {
	if e.Op == syntax.Call && i == 1 && loops(e.Name) {
		return depth + 1
	}
	return depth
}

// hasUnknown tells whether e is a word, or has one among its items, that is unknown.
func (v *vocabulary) hasUnknown(e *syntax.Expr) bool {
	switch e.Op {
	case syntax.String:
		return !v.known(e.Str)
	case syntax.Tuple, syntax.Array, syntax.Paren:
		return slices.ContainsFunc(e.Args, v.hasUnknown)
	}
	return false
}

// hasAbsent tells whether an absent function is called in e.
func hasAbsent(e *syntax.Expr) bool {
	return e.Op == syntax.Call && strings.Contains(e.Name, unknown) || slices.ContainsFunc(e.Args, hasAbsent) ||
		slices.ContainsFunc(e.Named, func(a syntax.NamedArg) bool { return hasAbsent(a.Value) })
}

// clone copies a tree.
func clone(e *syntax.Expr) *syntax.Expr {
	out := *e
	out.Args = slices.Clone(e.Args)
	for i, a := range out.Args {
		out.Args[i] = clone(a)
	}
	out.Named = slices.Clone(e.Named)
	for i, a := range out.Named {
		out.Named[i].Value = clone(a.Value)
	}
	return &out
}

// loops tells whether a function evaluates its second argument for each item.
func loops(name string) bool {
	switch name {
	case "any", "all", "filter", "map", "ratio", "distinct":
		return true
	}
	return false
}

// inTable tells whether a function is one that a source can name.
func inTable(f *Func) bool { return !strings.Contains(f.Name, unknown) }

// once drops the errors that a tree with copied parts has twice.
func once(errs []Diagnostic) []Diagnostic {
	seen := map[Diagnostic]bool{}
	return slices.DeleteFunc(errs, func(d Diagnostic) bool {
		again := seen[d]
		seen[d] = true
		return again
	})
}
