package mql

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"foregate/mql/internal/syntax"
)

// A second reading of the definition, as plain as can be: it walks the tree over
// the message's JSON. Values are nil, bool, int64, float64, string, []any and
// map[string]any. It shares the parser with the language and nothing else.
type reference struct {
	message map[string]any
	items   []any // of the enclosing loops, innermost last
}

func newReference(t testing.TB) *reference {
	t.Helper()
	raw, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	r := &reference{}
	if err := d.Decode(&r.message); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reference) field(base any, name string) any {
	m, ok := base.(map[string]any)
	if !ok {
		return nil
	}
	v := m[name]
	if n, ok := v.(json.Number); ok {
		i, err := n.Int64()
		if err != nil {
			panic(err)
		}
		return i
	}
	if v == nil && name == "cc" { // arrays of the model are never null
		return []any{}
	}
	return v
}

func (r *reference) eval(e *syntax.Expr) any {
	switch e.Op {
	case syntax.Paren:
		return r.eval(e.Args[0])
	case syntax.Null:
		return nil
	case syntax.Bool:
		return e.Int != 0
	case syntax.Int:
		return e.Int
	case syntax.Float:
		return e.Float
	case syntax.String:
		return e.Str
	case syntax.Ident:
		return r.field(any(r.message), e.Name)
	case syntax.Scope:
		return r.items[len(r.items)-int(e.Int)]
	case syntax.Field:
		return r.field(r.eval(e.Args[0]), e.Name)
	case syntax.Array, syntax.Tuple:
		out := []any{}
		for _, a := range e.Args {
			out = append(out, r.eval(a))
		}
		return out
	case syntax.Index:
		list, _ := r.eval(e.Args[0]).([]any)
		i, ok := r.eval(e.Args[1]).(int64)
		if !ok || i < 0 || i >= int64(len(list)) {
			return nil
		}
		return list[i]
	case syntax.Call:
		return r.call(e)
	case syntax.Neg, syntax.Arith:
		return r.arith(e)
	}
	return r.logic(e)
}

func (r *reference) logic(e *syntax.Expr) any {
	switch e.Op {
	case syntax.Not:
		if b, ok := r.eval(e.Args[0]).(bool); ok {
			return !b
		}
		return nil
	case syntax.And, syntax.Or:
		decides := e.Op == syntax.Or
		var out any = !decides
		for _, a := range e.Args {
			switch v := r.eval(a); v {
			case decides:
				return decides
			case nil:
				out = nil
			}
		}
		return out
	case syntax.NOf:
		yes, unknown := int64(0), false
		for _, a := range e.Args[0].Args {
			v := r.eval(a)
			unknown = unknown || v == nil
			if v == true {
				yes++
			}
		}
		switch {
		case yes >= e.Int:
			return true
		case unknown:
			return nil
		}
		return false
	case syntax.IsNull:
		return (r.eval(e.Args[0]) == nil) != e.Negated
	case syntax.In:
		x, list := r.eval(e.Args[0]), r.eval(e.Args[1])
		if x == nil || list == nil {
			return nil
		}
		for _, y := range list.([]any) {
			if y != nil && (equal(x, y) || e.Fold && strings.EqualFold(x.(string), y.(string))) {
				return !e.Negated
			}
		}
		return e.Negated
	case syntax.Cmp:
		var out any = true
		for i, op := range e.Ops {
			switch compare(r.eval(e.Args[i]), op, r.eval(e.Args[i+1])) {
			case false:
				return false
			case nil:
				out = nil
			}
		}
		return out
	}
	panic(fmt.Sprintf("operator %d", e.Op))
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func equal(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	return a == b
}

func compare(a any, op string, b any) any {
	if a == nil || b == nil {
		return nil
	}
	less := func(a, b any) bool {
		if x, ok := number(a); ok {
			y, _ := number(b)
			return x < y
		}
		return a.(string) < b.(string)
	}
	switch op {
	case "==":
		return equal(a, b)
	case "!=":
		return !equal(a, b)
	case "=~":
		return strings.EqualFold(a.(string), b.(string))
	case "!~":
		return !strings.EqualFold(a.(string), b.(string))
	case "<":
		return less(a, b)
	case "<=":
		return !less(b, a)
	case ">":
		return less(b, a)
	}
	return !less(a, b)
}

func (r *reference) arith(e *syntax.Expr) any {
	var v [2]any
	for i, a := range e.Args {
		if v[i] = r.eval(a); v[i] == nil {
			return nil
		}
	}
	if e.Op == syntax.Neg {
		return -v[0].(int64)
	}
	x, xi := v[0].(int64)
	y, yi := v[1].(int64)
	if xi && yi {
		switch e.Name {
		case "+":
			return x + y
		case "-":
			return x - y
		case "*":
			return x * y
		case "/":
			return x / y
		}
		return x % y
	}
	a, _ := number(v[0])
	b, _ := number(v[1])
	switch e.Name {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	}
	return a / b
}

// each evaluates the second argument for every item of the first.
func (r *reference) each(e *syntax.Expr, items []any) []any {
	out := []any{}
	for _, it := range items {
		r.items = append(r.items, it)
		out = append(out, r.eval(e.Args[1]))
		r.items = r.items[:len(r.items)-1]
	}
	return out
}

func (r *reference) call(e *syntax.Expr) any {
	first := r.eval(e.Args[0])
	items, _ := first.([]any)
	switch e.Name {
	case "length":
		if s, ok := first.(string); ok {
			return int64(len([]rune(s)))
		}
		return int64(len(items))
	case "coalesce":
		if first != nil {
			return first
		}
		return r.eval(e.Args[1])
	case "sum":
		sum := int64(0)
		for _, v := range items {
			if v != nil {
				sum += v.(int64)
			}
		}
		return sum
	}
	answers := r.each(e, items)
	switch e.Name {
	case "map":
		return answers
	case "any", "all":
		decides := e.Name == "any"
		var out any = !decides
		for _, v := range answers {
			switch v {
			case decides:
				return decides
			case nil:
				out = nil
			}
		}
		return out
	}
	kept := []any{}
	for i, v := range answers {
		if v == true {
			kept = append(kept, items[i])
		}
	}
	if e.Name == "filter" {
		return kept
	}
	if len(items) == 0 { // ratio
		return nil
	}
	return float64(len(kept)) / float64(len(items))
}

// typed draws expressions of a type. scopes are the kinds of the items of the
// enclosing loops, innermost last.
type typed struct {
	t      *rapid.T
	scopes []string
}

func (g typed) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(g.t, label)
}

// own are the leaves of a kind that the loops offer.
func (g typed) own(fields map[string]string) (out []string) {
	for i, s := range g.scopes {
		if f, ok := fields[s]; ok {
			out = append(out, strings.Repeat(".", len(g.scopes)-i)+f)
		}
	}
	return out
}

func (g typed) text(depth int) string {
	if depth > 0 && rapid.IntRange(0, 3).Draw(g.t, "deeper text") == 0 {
		return "coalesce(" + g.text(depth-1) + ", " + g.text(depth-1) + ")"
	}
	leaves := append(g.own(map[string]string{"mailbox": "display_name", "link": "display_text", "file": "file_name"}),
		g.own(map[string]string{"mailbox": "email.local_part"})...)
	return g.pick("text", append(leaves, `"ann"`, `"Ann Smith"`, `"open"`, `"A.ZIP"`, "subject.base", "mailbox.display_name", "sender.display_name",
		"attachments[0].file_name", "recipients.to[1].display_name", "recipients.to[2].display_name")...)
}

func (g typed) number(depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 4).Draw(g.t, "deeper number") {
		case 0:
			return "(" + g.number(depth-1) + " " + g.pick("op", "+", "-", "*") + " " + g.number(depth-1) + ")"
		case 1:
			return "(" + g.number(depth-1) + " " + g.pick("op", "/", "%") + " " + g.pick("divisor", "2", "3", "7") + ")"
		case 2:
			list, kind := g.list(depth - 1)
			return "sum(map(" + list + ", " + g.in(kind).number(depth-1) + "))"
		case 3:
			list, _ := g.list(depth - 1)
			return "length(" + list + ")"
		}
	}
	leaves := append(g.own(map[string]string{"file": "size"}), g.own(map[string]string{"int": ""})...)
	return g.pick("number", append(leaves, "0", "1", "2", "10", "-3", "attachments[1].size", "attachments[5].size", "headers.hops[1].index", "null + 1")...)
}

func (g typed) in(kind string) typed {
	return typed{g.t, append(append([]string{}, g.scopes...), kind)}
}

func (g typed) list(depth int) (src, kind string) {
	kind = g.pick("kind", "mailbox", "mailbox", "link", "file", "int")
	switch kind {
	case "mailbox":
		src = g.pick("list", "recipients.to", "recipients.cc")
	case "link":
		src = "body.links"
	case "file":
		src = "attachments"
	default:
		src = g.pick("list", "[1, 2, 3]", "[1]")
	}
	if depth > 0 && rapid.Bool().Draw(g.t, "filtered") {
		src = "filter(" + src + ", " + g.in(kind).truth(depth-1) + ")"
	}
	return src, kind
}

func (g typed) truth(depth int) string {
	if depth <= 0 {
		return g.pick("truth", "type.inbound", "type.internal", "headers.auth_summary.spf.pass", "headers.auth_summary.dmarc.pass", "subject.is_reply", "1 == null", "true", "false")
	}
	sub := func() string { return g.truth(depth - 1) }
	switch rapid.IntRange(0, 11).Draw(g.t, "shape") {
	case 0:
		return "(" + sub() + " and " + sub() + " and " + sub() + ")"
	case 1:
		return "(" + sub() + " or " + sub() + ")"
	case 2:
		return "not (" + sub() + ")"
	case 3:
		return g.pick("n", "1", "2", "3") + " of (" + sub() + ", " + sub() + ", " + sub() + ")"
	case 4:
		return "(" + g.number(depth-1) + " " + g.pick("op", "==", "!=", "<", "<=", ">", ">=") + " " + g.number(depth-1) + ")"
	case 5:
		return "(" + g.number(depth-1) + " <= " + g.number(depth-1) + " < " + g.number(depth-1) + ")"
	case 6:
		return "(" + g.text(depth-1) + " " + g.pick("op", "==", "!=", "=~", "!~") + " " + g.text(depth-1) + ")"
	case 7:
		return "(" + g.text(depth-1) + " " + g.pick("in", "in", "not in", "in~", "not in~") + ` ("ann", "OPEN", "a.zip"))`
	case 8:
		return "(" + g.text(depth-1) + " is " + g.pick("null", "null", "not null") + ")"
	case 9:
		list, kind := g.list(depth - 1)
		return "(ratio(" + list + ", " + g.in(kind).truth(depth-1) + ") " + g.pick("op", "<", ">", "==") + " 0.5)"
	}
	list, kind := g.list(depth - 1)
	return g.pick("loop", "any", "all") + "(" + list + ", " + g.in(kind).truth(depth-1) + ")"
}

// TestReference holds that the language and the plain reading agree on random
// typed expressions, alone and as rules with and without the prefilter.
func TestReference(t *testing.T) {
	ref, env := newReference(t), NewEnv()
	seen := map[any]int{}
	rapid.Check(t, func(rt *rapid.T) {
		src := typed{t: rt}.truth(rapid.IntRange(1, 5).Draw(rt, "depth"))
		tree, errs := syntax.Parse("", src)
		if len(errs) > 0 {
			rt.Fatal(errs[0])
		}
		want := ref.eval(tree.Root)
		seen[want]++
		x, errs := env.Compile("", src)
		if len(errs) > 0 {
			rt.Fatalf("%v", errs[0])
		}
		v, err := x.Eval(context.Background(), sample(), nil, nil)
		if err != nil {
			rt.Fatal(err)
		}
		word := "null"
		if want != nil {
			word = fmt.Sprint(want)
		}
		if got := v.Show(100); got != word {
			rt.Fatalf("%s\nis %s, by the definition %s", src, got, word)
		}
		rs, diags := env.CompileRules([]*Rule{{Name: "r", Source: src}})
		if len(diags) > 0 {
			rt.Fatal(diags[0])
		}
		for _, o := range []Options{{}, {NoPrefilter: true}, {NoQuotes: true}} {
			res, err := rs.EvalWith(context.Background(), sample(), nil, nil, o)
			if err != nil {
				rt.Fatal(err)
			}
			if fires := len(res.Outcomes) == 1 && res.Outcomes[0].State == True; fires != (want == true) {
				rt.Fatalf("%s\nis %s, and as a rule %v with %+v", src, word, res.Outcomes, o)
			}
		}
	})
	if seen[true] == 0 || seen[false] == 0 || seen[nil] == 0 {
		t.Errorf("outcomes %v", seen)
	}
}
