package eval

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"foregate/mql/internal/builtin"
	"foregate/mql/internal/check"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// maxAtomCost is the price up to which a part of a rule is a condition of its
// own: evaluated once per message, for all rules that share it.
const maxAtomCost = 1000

// minAsked is how many rules make it likely that a capability will be asked for
// a part whatever comes first: asking before the rest spares all of them the rest.
const minAsked = 8

// maxItemCost is the same of a test of the items of a list.
const maxItemCost = 64

// need derives the condition without which n can't be true. scopes are the
// lists of the enclosing loops, outermost first, nil where unknown.
func (p *Program) need(n *check.Node, scopes [][]*source) *cond {
	if n.Free > 0 {
		c := p.needOf(n, scopes)
		if c == nil && n.Refs == 1 && n.Uses >= minShared && n.Type.Kind == value.Bool && n.Cost <= maxItemCost && len(scopes) > 0 && !asks(n) {
			if lists := scopes[len(scopes)-1]; lists != nil {
				return p.some(n, lists)
			}
		}
		return c
	}
	c, ok := p.needed[n.ID]
	if !ok {
		c = p.needOf(n, nil)
		if c == nil && n.Type.Kind == value.Bool && n.Op != check.Const && (n.Cost <= maxAtomCost && !asks(n) || n.Uses >= minAsked && asks(n)) {
			c = p.holds(n)
		}
		p.needed[n.ID] = c
	}
	return c
}

// asks reports whether a capability may be asked for n.
func asks(n *check.Node) bool {
	if !n.Asks {
		return false
	}
	if n.Op == check.Gate || n.Op == check.Call && n.Func.Needs != "" {
		return true
	}
	for _, a := range n.Args {
		if asks(a) {
			return true
		}
	}
	return false
}

// needOf derives the condition from what n is made of.
func (p *Program) needOf(n *check.Node, scopes [][]*source) *cond {
	switch n.Op {
	case check.Const:
		if n.Const.Kind() == value.Bool && !n.Const.Bool() {
			return p.never()
		}
	case check.And:
		return p.allOf(p.needs(n.Args, scopes))
	case check.Or:
		return p.anyOf(p.needs(n.Args, scopes))
	case check.NOf:
		return p.needSome(n, scopes)
	case check.Loop:
		if n.Func.Name == "any" {
			return p.needLoop(n, scopes)
		}
	case check.Cmp:
		return p.needCompare(n, scopes)
	case check.In:
		return p.needIn(n, scopes)
	case check.Call:
		return p.needCall(n, scopes)
	}
	return nil
}

func (p *Program) needs(nodes []*check.Node, scopes [][]*source) []*cond {
	out := make([]*cond, len(nodes))
	for i, a := range nodes {
		out[i] = p.need(a, scopes)
	}
	return out
}

// needShown is the condition without which a source that is no truth value has
// nothing to show.
func (p *Program) needShown(n *check.Node) *cond {
	if n.Type.Kind == value.List {
		return p.needList(n, nil)
	}
	if n.Free == 0 && n.Cost <= maxAtomCost && !asks(n) {
		return p.present(n)
	}
	return nil
}

// needSome is met when at least N of the operands may be true.
func (p *Program) needSome(n *check.Node, scopes [][]*source) *cond {
	var kept []*cond
	free := 0
	for _, c := range p.needs(n.Args, scopes) {
		if c == nil {
			free++
		} else {
			kept = append(kept, c)
		}
	}
	if free >= n.N {
		return nil
	}
	return p.group(condAny, kept, min(n.N-free, len(kept)+1))
}

// needLoop is what the body of any needs, over the list's sources, and what
// the list needs to have items.
func (p *Program) needLoop(n *check.Node, scopes [][]*source) *cond {
	list := n.Args[0]
	inner := append(scopes[:len(scopes):len(scopes)], p.sources(list, scopes))
	return p.allOf([]*cond{p.needList(list, scopes), p.need(n.Args[1], inner)})
}

// needList is the condition without which the list n is null or empty.
func (p *Program) needList(n *check.Node, scopes [][]*source) *cond {
	switch {
	case n.Op == check.Loop && n.Func.Name == "filter":
		return p.needLoop(n, scopes)
	case n.Op == check.Loop && (n.Func.Name == "distinct" || n.Func.Name == "map" || n.Func.Name == "flatten"):
		return p.needList(n.Args[0], scopes)
	case n.Op == check.Call && strings.HasPrefix(n.Func.Name, "regex."):
		return p.needPatterns(n, scopes)
	case n.Op == check.Path && n.Args[0].Op == check.Call && n.Args[0].Func.Name == "html.xpath":
		return p.needPage(n.Args[0])
	case n.Free == 0 && static(n) && n.Type.Kind == value.List:
		return p.nonEmpty(n)
	}
	return nil
}

// needPage is what a page needs for an XPath expression to select a node of it.
func (p *Program) needPage(call *check.Node) *cond {
	page, expr := call.Args[0], call.Args[1]
	if page.Free != 0 || !static(page) {
		return nil
	}
	return p.allOf([]*cond{p.present(page), p.lower(builtin.NeedXPath(expr.Const.Str()), []*field{p.pageField(page)})})
}

// pageField is the source of a page as a field.
func (p *Program) pageField(page *check.Node) *field {
	return p.sourceField("page ", page, false)
}

// commentField is the source of a page as what its comments are cut from.
func (p *Program) commentField(page *check.Node) *field {
	return p.sourceField("comments ", page, true)
}

func (p *Program) sourceField(kind string, page *check.Node, anew bool) *field {
	key := kind + strconv.Itoa(page.ID)
	if f := p.fieldIDs[key]; f != nil {
		return f
	}
	get := p.val(page)
	f := &field{get: func(r *Run) value.Value { return builtin.Page(get(r)) }, anew: anew}
	likely := likeness(nil, page)
	if page.Op == check.Path {
		likely += ".raw"
	}
	p.addField(key, likely, f)
	return f
}

func (p *Program) needCompare(n *check.Node, scopes [][]*source) *cond {
	if c := p.needCount(n, scopes); c != nil {
		return c
	}
	if c := p.needNear(n, scopes); c != nil {
		return c
	}
	if len(n.Ops) != 1 {
		return nil
	}
	a, b := n.Args[0], n.Args[1]
	if a.Op == check.Const {
		a, b = b, a
	}
	switch n.Ops[0] {
	case "==", "=~":
	default:
		return nil
	}
	if b.Op == check.Const && b.Const.Kind() == value.Bool && b.Const.Bool() {
		return p.need(a, scopes)
	}
	if b.Op != check.Const || b.Const.Kind() != value.String {
		return nil
	}
	return p.lower(text.NeedLiteral(text.Fold(b.Const.Str())), p.fieldsOf(a, scopes))
}

// needNear reads strings.levenshtein(text, literal) <= k. Of k+1 pieces of the
// literal, k edits leave one whole.
func (p *Program) needNear(n *check.Node, scopes [][]*source) *cond {
	k := len(n.Ops) - 1
	call, limit := n.Args[k], n.Args[k+1]
	if n.Ops[k] != "<=" && n.Ops[k] != "<" || limit.Op != check.Const || limit.Const.Kind() != value.Int ||
		call.Op != check.Call || call.Func.Name != "strings.levenshtein" && call.Func.Name != "strings.ilevenshtein" {
		return nil
	}
	edits := limit.Const.Int()
	if n.Ops[k] == "<" {
		edits--
	}
	a, b := call.Args[0], call.Args[1]
	if a.Op == check.Const {
		a, b = b, a
	}
	if b.Op != check.Const || b.Const.Kind() != value.String || edits < 0 || edits > maxEdits {
		return nil
	}
	runes := []rune(text.Fold(b.Const.Str()))
	pieces := int(edits) + 1
	if len(runes) < pieces {
		return nil
	}
	needs := make([]*text.Need, pieces)
	for i := range pieces {
		needs[i] = text.NeedLiteral(string(runes[i*len(runes)/pieces : (i+1)*len(runes)/pieces]))
	}
	return p.lower(text.NeedAny(needs...), p.fieldsOf(a, scopes))
}

// maxEdits is the distance up to which pieces of a literal are telling.
const maxEdits = 5

// needCount reads comparisons that make a counted list have an item, or a
// counted text one of the patterns.
func (p *Program) needCount(n *check.Node, scopes [][]*source) *cond {
	var conds []*cond
	for i, op := range n.Ops {
		a, b := n.Args[i], n.Args[i+1]
		if a.Op == check.Const {
			a, b = b, a
			op = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}[op]
		}
		if b.Op != check.Const || b.Const.Kind() != value.Int && b.Const.Kind() != value.Float {
			continue
		}
		if least := b.Const.Float(); op == ">" && least >= 0 || (op == ">=" || op == "==") && least > 0 {
			conds = append(conds, p.needCounted(a, scopes))
		}
	}
	return p.allOf(conds)
}

// needCounted is what a number needs to be greater than zero.
func (p *Program) needCounted(n *check.Node, scopes [][]*source) *cond {
	switch {
	case n.Op == check.Loop && n.Func.Name == "length" && n.Args[0].Type.Kind == value.List:
		return p.needList(n.Args[0], scopes)
	case n.Op == check.Loop && n.Func.Name == "ratio":
		return p.needLoop(n, scopes)
	case n.Op == check.Call && (strings.HasSuffix(n.Func.Name, ".count") || strings.HasSuffix(n.Func.Name, ".icount")):
		return p.needPatterns(n, scopes)
	}
	return nil
}

func (p *Program) needIn(n *check.Node, scopes [][]*source) *cond {
	if n.Negate {
		return nil
	}
	x, list := n.Args[0], n.Args[1]
	if x.Op == check.Const && x.Const.Kind() == value.String && static(list) {
		return p.lower(text.NeedLiteral(text.Fold(x.Const.Str())), p.fieldsOf(list, scopes))
	}
	if list.Op != check.Array || !constants(list) || len(list.Args) == 0 {
		return nil
	}
	fields := p.fieldsOf(x, scopes)
	if fields == nil {
		return nil
	}
	conds := make([]*cond, 0, len(list.Args))
	for _, a := range list.Args {
		if a.Const.Kind() != value.String {
			return nil
		}
		conds = append(conds, p.lower(text.NeedLiteral(text.Fold(a.Const.Str())), fields))
	}
	return p.anyOf(conds)
}

func (p *Program) needCall(n *check.Node, scopes [][]*source) *cond {
	if n.Func.Name == "coalesce" {
		last := n.Args[len(n.Args)-1]
		if len(n.Args) == 2 && last.Op == check.Const && last.Const.Kind() == value.Bool && !last.Const.Bool() {
			return p.need(n.Args[0], scopes)
		}
		return nil
	}
	if n.Func.Needs != "" || n.Type.Kind != value.Bool || n.Func.Name == "beta.ip_in" {
		return nil
	}
	return p.needPatterns(n, scopes)
}

// needPatterns is what a text needs for one of the patterns of a call to be
// found in it.
func (p *Program) needPatterns(n *check.Node, scopes [][]*source) *cond {
	if len(n.Args) < 2 || !constants(&check.Node{Args: n.Args[1:]}) {
		return nil
	}
	fields := p.fieldsOf(n.Args[0], scopes)
	if fields == nil {
		return nil
	}
	conds := make([]*cond, 0, len(n.Args)-1)
	for _, a := range n.Args[1:] {
		if a.Const.Kind() != value.String {
			return nil
		}
		conds = append(conds, p.lower(p.needOfPattern(n.Func.Name, a.Const.Str()), fields))
	}
	return p.anyOf(conds)
}

// Prepare derives on all processors what the patterns of the graph's calls
// need: it is a large part of compiling. It changes nothing but the time.
func (p *Program) Prepare(g *check.Graph) {
	n := len(g.Nodes)
	p.condIDs, p.vals, p.tris, p.needed = make(map[string]*cond, n), make(map[int]valFn, n), make(map[int]triFn, n), make(map[int]*cond, n)
	type pattern struct{ name, text string }
	var all []pattern
	for _, n := range g.Nodes {
		if n.Op != check.Call || !strings.HasPrefix(n.Func.Name, "regex.") {
			continue
		}
		for _, a := range n.Args[1:] {
			if a.Op != check.Const || a.Const.Kind() != value.String {
				continue
			}
			key := n.Func.Name + " " + a.Const.Str()
			if _, ok := p.needIDs[key]; !ok {
				p.needIDs[key] = nil
				all = append(all, pattern{n.Func.Name, a.Const.Str()})
			}
		}
	}
	needs := make([]*text.Need, len(all))
	Each(len(all), func(i int) { needs[i] = deriveNeed(all[i].name, all[i].text) })
	for i, x := range all {
		p.needIDs[x.name+" "+x.text] = needs[i]
	}
}

// Each calls do with every number below n, on all processors.
func Each(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// needOfPattern is what a text needs for a function called name to find the
// pattern.
func (p *Program) needOfPattern(name, pattern string) *text.Need {
	key := name + " " + pattern
	need, ok := p.needIDs[key]
	if !ok {
		need = deriveNeed(name, pattern)
		p.needIDs[key] = need
	}
	return need
}

func deriveNeed(name, pattern string) *text.Need {
	if verb, ok := strings.CutPrefix(name, "regex."); ok {
		return text.NeedRegexp(pattern, strings.HasPrefix(verb, "i"))
	}
	if !strings.HasSuffix(name, "like") {
		return text.NeedLiteral(text.Fold(pattern))
	}
	var needs []*text.Need
	for _, lit := range text.NewGlob(pattern, true).Literals() {
		needs = append(needs, text.NeedLiteral(lit))
	}
	return text.NeedAll(needs...)
}
