// Package mql is the rule language: it reads rules, checks them, and evaluates
// them over messages.
//
// The language is the Message Query Language over the Message Data Model, the
// de-facto language of mail detection-as-code. A rule is one expression:
//
//	type.inbound
//	and any(body.links, .href_url.domain.root_domain in $free_file_hosts)
//	and not profile.by_sender().solicited
//
// Names are fields of the message (package mail). Functions over lists take an
// expression in which "." is the current item and ".." that of the enclosing
// loop. Logic has three values: any comparison with null is null, "null and
// false" is false, and a rule fires only on true.
//
// What could not be asked for (a capability that is not there, a look-up that
// failed, a list that nobody configured) is neither true nor false nor null: a
// rule whose answer depends on it is Indeterminate and names it. Internally a
// truth value is the set of outcomes still possible, so "false and missing" is
// false, "true and missing" is open, and "null and missing" can never be true.
//
// Rules are compiled together: equal subexpressions of all rules are computed
// once per message, dear functions once per message and arguments. One pass over
// each text, by a rare piece of each literal, tells which literals occur; what
// can't be true without the absent ones is not evaluated.
package mql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"foregate/mail"
	"foregate/mql/internal/builtin"
	"foregate/mql/internal/check"
	"foregate/mql/internal/eval"
	"foregate/mql/internal/lists"
	"foregate/mql/internal/syntax"
	"foregate/mql/internal/value"
)

type (
	// Answer answers one call of an enrichment function about a message; see
	// Func for what it is asked and what it returns.
	Answer = check.Answer
	// Capabilities answers the functions that need more than the message, by
	// function name ("file.explode"). An absent one makes what depends on it
	// indeterminate. The names TextInFiles and CodesInFiles, with any value,
	// say that the answers of file.explode have these fields filled.
	Capabilities = eval.Caps
	// Func describes one function of the language.
	Func = check.Func
	// Diagnostic is one error in a source, with its place in words.
	Diagnostic = syntax.Diagnostic
	// Value is a value of the language.
	Value = value.Value
	// Quote is a passage that made a rule fire.
	Quote = eval.Quote
)

// Capabilities inside the answer of file.explode: without them a null field
// means "not looked". Whoever has them answers "looked and found nothing" with
// an empty object.
const (
	TextInFiles  = builtin.GateOCR
	CodesInFiles = builtin.GateQR
)

// Env is what names mean in rules: the model and the function table. It is
// immutable and safe for concurrent use; make one per process.
type Env struct {
	env *check.Env
}

// NewEnv builds the environment from the message model and the function table.
func NewEnv() *Env { return &Env{env: withUnknown(builtin.Env())} }

// Functions returns the function table, sorted by name.
func (e *Env) Functions() []*Func {
	var out []*Func
	for _, f := range e.env.Funcs {
		if inTable(f) {
			out = append(out, f)
		}
	}
	for _, f := range e.env.Roots {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *Func) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// check parses and checks one source into g.
func (e *Env) check(g *check.Graph, file, src string) (*check.Node, []Diagnostic) {
	tree, errs := syntax.Parse(file, src)
	return e.checkTree(g, file, src, parsed{tree, errs})
}

func (e *Env) checkTree(g *check.Graph, file, src string, p parsed) (*check.Node, []Diagnostic) {
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	markUnknown(src, p.tree)
	n, errs := e.env.Check(g, check.Source{File: file, Text: src}, p.tree)
	return n, once(errs)
}

// Check returns the errors of one source; file is used in them alone.
func (e *Env) Check(file, src string) []Diagnostic {
	_, errs := e.check(check.NewGraph(len(src)), file, src)
	return errs
}

// Format returns the source in the canonical layout, comments kept, or its
// syntax errors.
func Format(src string) (string, []Diagnostic) { return syntax.Format(src) }

// Nearest returns "did you mean X?" for the candidate that is spelled most like
// name, or "" when none is close.
func Nearest(name string, candidates []string) string { return syntax.Nearest(name, candidates) }

// Expr is one compiled expression.
type Expr struct {
	prog *eval.Program
}

// Compile compiles one expression for Eval.
func (e *Env) Compile(file, src string) (*Expr, []Diagnostic) {
	n, errs := e.check(check.NewGraph(len(src)), file, src)
	if len(errs) > 0 {
		return nil, errs
	}
	p := eval.NewProgram(e.env)
	p.Add(n)
	p.Finish()
	return &Expr{prog: p}, nil
}

// Eval computes the expression over m exactly: unlike a rule's outcome, false
// and null are told apart.
func (x *Expr) Eval(ctx context.Context, m *mail.Message, caps Capabilities, set *Lists) (Value, error) {
	r, err := x.prog.Start(ctx, m, caps, set.snapshot(), true)
	if err != nil {
		return Value{}, err
	}
	defer x.prog.Stop(r)
	return r.Value(0), nil
}

// Lists is an immutable snapshot of the lists that rules name with $. Nil has
// none: every rule that needs one is indeterminate.
type Lists struct {
	set *lists.Set
}

func (l *Lists) snapshot() *lists.Set {
	if l == nil {
		return nil
	}
	return l.set
}

// Names returns the names of the lists, sorted.
func (l *Lists) Names() []string { return l.snapshot().Names() }

// Len returns the number of entries of a list and whether there is such a list.
func (l *Lists) Len(name string) (int, bool) {
	x := l.snapshot().Get(name)
	if x == nil {
		return 0, false
	}
	return x.Len(), true
}

// Has reports whether a list has an entry, regardless of case; false for a list
// that is not here or cannot answer.
func (l *Lists) Has(ctx context.Context, name, entry string) bool {
	x := l.snapshot().Get(name)
	if x == nil {
		return false
	}
	in, err := x.Has(ctx, entry, true)
	return in && err == nil
}

// With returns a snapshot in which name has the entries.
func (l *Lists) With(name string, entries []string) *Lists {
	return &Lists{set: l.snapshot().With(lists.New(name, entries))}
}

// WithLookup returns a snapshot in which membership in name is answered by
// has, for lists that live elsewhere, such as in the history of mail. Entries
// are asked for in lower case; an error makes the answer indeterminate.
func (l *Lists) WithLookup(name string, has func(ctx context.Context, entry string) (bool, error)) *Lists {
	return &Lists{set: l.snapshot().With(lists.NewLookup(name, has))}
}

// State says how the evaluation of a rule came out.
type State uint8

// The states of an outcome.
const (
	False         State = iota // the rule does not fire: false, or null
	True                       // the rule fires
	Indeterminate              // it would depend on what Missing names
)

// String returns the state's name.
func (s State) String() string {
	return [...]string{"false", "true", "indeterminate"}[s]
}

// Outcome is what came of one rule on one message.
type Outcome struct {
	Rule    *Rule
	State   State
	Missing []string // functions, "$lists", "step budget", "time budget"; sorted
	Quotes  []Quote  // for True: the passages that decided, as far as known
	Shown   string   // for True of a rule that computes a value: the value
}

// Result is what came of all rules on one message.
type Result struct {
	Outcomes []Outcome // the rules that fired or are indeterminate, in the order of the set
	// Reasons tells why a capability could not answer, by function name.
	Reasons map[string]string
}

// Options change how rules are evaluated.
type Options struct {
	// NoPrefilter evaluates every rule in full, to check the prefilter. Outcomes are
	// the same but where a rule runs out of its step budget: what the prefilter
	// proves costs no steps, so that without it more rules are indeterminate.
	NoPrefilter bool
	// NoQuotes leaves the passages out.
	NoQuotes bool
}

// Eval evaluates all rules over m. Every rule has its own step budget; when ctx
// ends, what is left is indeterminate. An error means that nothing was
// evaluated.
func (rs *RuleSet) Eval(ctx context.Context, m *mail.Message, caps Capabilities, l *Lists) (Result, error) {
	return rs.EvalWith(ctx, m, caps, l, Options{})
}

// EvalWith is Eval with options.
func (rs *RuleSet) EvalWith(ctx context.Context, m *mail.Message, caps Capabilities, l *Lists, o Options) (Result, error) {
	r, err := rs.prog.Start(ctx, m, caps, l.snapshot(), !o.NoPrefilter)
	if err != nil {
		return Result{}, fmt.Errorf("evaluating rules: %w", err)
	}
	defer rs.prog.Stop(r)
	var res Result
	candidates := r.Candidates()
	res.Outcomes = make([]Outcome, 0, min(len(candidates), usualOutcomes))
	for _, i := range candidates {
		t := r.Rule(i)
		if !t.CanBeTrue() {
			continue
		}
		out := Outcome{Rule: rs.Rules[i], State: True}
		switch {
		case !t.IsTrue():
			out.State, out.Missing = Indeterminate, t.Names().List
		case !o.NoQuotes:
			out.Quotes = r.Quotes(i)
			if out.Quotes == nil && rs.computes[i] {
				out.Shown = r.Value(i).Show(maxShown)
			}
		}
		res.Outcomes = append(res.Outcomes, out)
	}
	if reasons := r.Reasons(); len(reasons) > 0 {
		res.Reasons = make(map[string]string, len(reasons))
		for k, v := range reasons {
			res.Reasons[k] = v
		}
	}
	return res, nil
}

// usualOutcomes is about how many rules of a feed of 1,600 fire or stay open on
// a message when no capability is there.
const usualOutcomes = 128

// maxShown bounds the shown value of a rule that computes one, in bytes.
const maxShown = 400
