package pattern

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Observation is a set of observables seen together, like STIX's observed-data.
type Observation struct {
	At, Until time.Time // first and last observed; Until may be zero
	Number    int       // how often; 0 means once
	// Objects are cyber observables by id, each with the values that
	// encoding/json decodes to. References between them are followed.
	Objects map[string]map[string]any
}

// maxBindings bounds the ways in which observations can satisfy a pattern; the
// answer only needs one, and joins multiply.
const maxBindings = 10_000

// ErrTooMany says that a pattern was given up because it could be satisfied in
// too many ways to tell.
var ErrTooMany = errors.New("too many combinations of observations")

// binding is one way to satisfy a part of a pattern: ascending indices of
// observations.
type binding []int

// Match says whether the observations, in order of time, satisfy the pattern.
// The error says why it could not be evaluated.
func (p *Pattern) Match(obs []Observation) (bool, error) {
	if p.bad != nil {
		return false, p.bad
	}
	b, err := (&evaluation{obs}).find(p.root)
	return len(b) > 0, err
}

type evaluation struct{ obs []Observation }

func (e *evaluation) find(o observation) ([]binding, error) {
	switch o := o.(type) {
	case test:
		var out []binding
		for i := range e.obs {
			if holds(o.expr, e.obs[i].Objects) {
				out = append(out, binding{i})
			}
		}
		return out, nil
	case join:
		return e.join(o)
	case qualified:
		return e.qualify(o)
	}
	return nil, fmt.Errorf("unknown observation %T", o)
}

// join combines both sides: OR takes either, AND and FOLLOWEDBY want different
// observations for both (STIX 2.1 section 9.5.2), FOLLOWEDBY in order of time.
func (e *evaluation) join(j join) ([]binding, error) {
	left, err := e.find(j.left)
	if err != nil {
		return nil, err
	}
	right, err := e.find(j.right)
	if err != nil {
		return nil, err
	}
	if j.op == "OR" {
		return append(left, right...), nil
	}
	var out []binding
	for _, l := range left {
		for _, r := range right {
			if shares(l, r) || j.op == "FOLLOWEDBY" && e.begin(r).Before(e.end(l)) {
				continue
			}
			if len(out) == maxBindings {
				return nil, ErrTooMany
			}
			both := append(slices.Clone(l), r...)
			slices.Sort(both)
			out = append(out, both)
		}
	}
	return out, nil
}

func shares(a, b binding) bool {
	return slices.ContainsFunc(a, func(i int) bool { return slices.Contains(b, i) })
}

func (e *evaluation) begin(b binding) time.Time {
	t := e.obs[b[0]].At
	for _, i := range b {
		if e.obs[i].At.Before(t) {
			t = e.obs[i].At
		}
	}
	return t
}

func (e *evaluation) end(b binding) time.Time {
	var t time.Time
	for _, i := range b {
		for _, u := range []time.Time{e.obs[i].At, e.obs[i].Until} {
			if u.After(t) {
				t = u
			}
		}
	}
	return t
}

func (e *evaluation) qualify(q qualified) ([]binding, error) {
	in, err := e.find(q.inner)
	if err != nil {
		return nil, err
	}
	switch {
	case q.within > 0:
		return slices.DeleteFunc(in, func(b binding) bool { return e.end(b).Sub(e.begin(b)) > q.within }), nil
	case q.repeats > 0:
		return e.repeated(in, q.repeats), nil
	}
	return slices.DeleteFunc(in, func(b binding) bool {
		return e.begin(b).Before(q.start) || !e.end(b).Before(q.stop)
	}), nil
}

// repeated takes every run of n bindings that share no observation, in order of
// time: of all ways to pick n the runs are the shortest in time, which is what a
// WITHIN around it asks for. An observation that was made several times counts
// as often.
func (e *evaluation) repeated(in []binding, n int) []binding {
	slices.SortStableFunc(in, func(a, b binding) int { return e.begin(a).Compare(e.begin(b)) })
	var out []binding
	for i := range in {
		var run binding
		count := 0
		for _, b := range in[i:] {
			if shares(run, b) {
				continue
			}
			run = append(run, b...)
			count += e.number(b)
			if count >= n {
				slices.Sort(run)
				out = append(out, run)
				break
			}
		}
	}
	return out
}

func (e *evaluation) number(b binding) int {
	n := max(1, e.obs[b[0]].Number)
	for _, i := range b {
		n = min(n, max(1, e.obs[i].Number))
	}
	return n
}

// holds decides a condition for one observation. Each comparison may be
// satisfied by another object of it (STIX 2.1 section 9.6).
func holds(c condition, objects map[string]map[string]any) bool {
	switch c := c.(type) {
	case both:
		if c.or {
			return holds(c.left, objects) || holds(c.right, objects)
		}
		return holds(c.left, objects) && holds(c.right, objects)
	case *Comparison:
		for _, o := range objects {
			if o["type"] != c.Type {
				continue
			}
			found := reach(o, c.Path, objects, 0)
			if c.Op == "EXISTS" {
				if (len(found) > 0) != c.Negated {
					return true
				}
				continue
			}
			for _, v := range found {
				if c.compare(v) != c.Negated {
					return true
				}
			}
		}
	}
	return false
}

// reach follows a path through properties, lists and references. Cycles of
// references end with the path, which is finite.
func reach(v any, path []Step, objects map[string]map[string]any, depth int) []any {
	if len(path) == 0 {
		return []any{v}
	}
	s := path[0]
	if s.Index != "" {
		list, ok := v.([]any)
		if !ok {
			if m, isMap := v.(map[string]any); isMap && s.Index == "*" { // hashes[*]
				for _, e := range m {
					list = append(list, e)
				}
			}
		}
		if s.Index != "*" {
			i, err := strconv.Atoi(s.Index)
			if err != nil || i >= len(list) {
				return nil
			}
			list = list[i : i+1]
		}
		var out []any
		for _, e := range list {
			out = append(out, reach(e, path[1:], objects, depth+1)...)
		}
		return out
	}
	m, ok := v.(map[string]any)
	if !ok {
		if id, isText := v.(string); isText { // a reference
			m, ok = objects[id]
		}
		if !ok {
			return nil
		}
	}
	next, ok := m[s.Name]
	if !ok {
		return nil
	}
	return reach(next, path[1:], objects, depth+1)
}

// compare applies the operator, without negation, to one value found.
func (c *Comparison) compare(v any) bool {
	switch c.Op {
	case "=", "IN":
		return slices.ContainsFunc(c.Values, func(w any) bool { o, ok := order(v, w); return ok && o == 0 })
	case "!=":
		o, ok := order(v, c.Values[0])
		return !ok || o != 0
	case "<", "<=", ">", ">=":
		o, ok := order(v, c.Values[0])
		return ok && (o < 0 && c.Op[0] == '<' || o > 0 && c.Op[0] == '>' || o == 0 && len(c.Op) == 2)
	case "LIKE", "MATCHES":
		s, ok := v.(string)
		if !ok {
			return false
		}
		if c.like != nil {
			return c.like.match(s)
		}
		return c.re.MatchString(s)
	case "ISSUBSET", "ISSUPERSET":
		a, aok := network(v)
		b, bok := network(c.Values[0])
		if c.Op == "ISSUPERSET" {
			a, b = b, a
		}
		return aok && bok && b.Bits() <= a.Bits() && b.Contains(a.Addr())
	}
	return false
}

func network(v any) (netip.Prefix, bool) {
	s, ok := v.(string)
	if !ok {
		return netip.Prefix{}, false
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// order compares a value found with a literal; ok is false when their types
// cannot be compared, which makes every comparison but != false (section 9.6).
func order(v, lit any) (int, bool) {
	switch w := lit.(type) {
	case string:
		switch x := v.(type) {
		case string:
			return strings.Compare(x, w), true
		case float64, int64, int:
			f, err := strconv.ParseFloat(w, 64)
			return cmp.Compare(number64(x), f), err == nil
		}
	case int64, float64:
		switch v.(type) {
		case float64, int64, int:
			return cmp.Compare(number64(v), number64(w)), true
		}
	case bool:
		b, ok := v.(bool)
		if ok && b == w {
			return 0, true
		}
		return 1, ok
	case time.Time:
		s, ok := v.(string)
		if !ok {
			return 0, false
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		return t.Compare(w), err == nil
	case []byte:
		s, ok := v.(string)
		if !ok {
			return 0, false
		}
		raw, err := hex.DecodeString(s)
		if err != nil {
			if raw, err = base64.StdEncoding.DecodeString(s); err != nil {
				return 0, false
			}
		}
		return bytes.Compare(raw, w), true
	}
	return 0, false
}

func number64(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case int:
		return float64(v)
	case float64:
		return v
	}
	return 0
}
