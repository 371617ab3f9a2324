// Package pattern reads and evaluates STIX patterns (STIX 2.1 part 9), the
// language in which indicators say what they look for:
//
//	[url:value = 'http://example.com/foo'] AND [domain-name:value LIKE '%.example.org'] WITHIN 300 SECONDS
//
// Square brackets hold a condition on one observation (things seen together);
// AND, OR and FOLLOWEDBY join observations; WITHIN, REPEATS and START … STOP
// limit them in time.
package pattern

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"foregate/intel"
)

// Pattern is a parsed pattern. It is immutable and safe for concurrent use.
type Pattern struct {
	root observation
	text string
	// bad is why the pattern cannot be evaluated, such as an expression that
	// Go's regular expressions do not know; parsing alone does not need it.
	bad error
}

// String is the pattern as written.
func (p *Pattern) String() string { return p.text }

// Comparison is one "path operator value" of a pattern.
type Comparison struct {
	Type    string // object type, "file"
	Path    []Step // "hashes", "SHA-256"
	Op      string // =, !=, <, <=, >, >=, IN, LIKE, MATCHES, ISSUBSET, ISSUPERSET, EXISTS
	Negated bool
	Values  []any // string, int64, float64, bool, time.Time, []byte; several for IN, none for EXISTS

	re   *regexp.Regexp // of MATCHES, and of LIKE with _
	like *like          // of other LIKE
	name string         // Name, in compiled patterns
}

// Step is a property name or, when Index is set, a list index.
type Step struct {
	Name  string
	Index string // "*" or a number; "" for a name
}

type observation interface{ isObservation() }

type (
	test struct{ expr condition }
	join struct {
		op          string // AND, OR, FOLLOWEDBY
		left, right observation
	}
	qualified struct {
		inner       observation
		within      time.Duration
		repeats     int
		start, stop time.Time
	}
)

func (test) isObservation()      {}
func (join) isObservation()      {}
func (qualified) isObservation() {}

type condition interface{ isCondition() }

type both struct {
	or          bool
	left, right condition
}

func (both) isCondition()        {}
func (*Comparison) isCondition() {}

// maxDepth bounds nested parentheses; people write two or three.
const maxDepth = 64

type parser struct {
	toks  []token
	pos   int
	depth int
	bad   error
}

// Parse reads a pattern. Errors are *SyntaxError with a byte offset.
func Parse(s string) (*Pattern, error) {
	toks, err := lex(s)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	root, err := p.observations(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokEnd {
		return nil, fail(t.at, "%q after the end of the pattern", t.text)
	}
	return &Pattern{root: root, text: s, bad: p.bad}, nil
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) take() token {
	t := p.toks[p.pos]
	if t.kind != tokEnd {
		p.pos++
	}
	return t
}

// is consumes the operator or keyword when it comes next.
func (p *parser) is(text string) bool {
	t := p.peek()
	if (t.kind == tokOp || t.kind == tokWord) && t.text == text {
		p.pos++
		return true
	}
	return false
}

func (p *parser) want(text string) error {
	if t := p.peek(); !p.is(text) {
		return fail(t.at, "%q where %q is due", shown(t), text)
	}
	return nil
}

func shown(t token) string {
	if t.kind == tokEnd {
		return "the end"
	}
	return t.text
}

// levels are the observation operators from the loosest.
var levels = [...]string{"FOLLOWEDBY", "OR", "AND"}

// observations reads left-associative chains, one precedence level per call.
func (p *parser) observations(level int) (observation, error) {
	if level == len(levels) {
		return p.observation()
	}
	left, err := p.observations(level + 1)
	if err != nil {
		return nil, err
	}
	for p.is(levels[level]) {
		right, err := p.observations(level + 1)
		if err != nil {
			return nil, err
		}
		left = join{levels[level], left, right}
	}
	return left, nil
}

func (p *parser) observation() (observation, error) {
	p.depth++
	defer func() { p.depth-- }()
	t := p.peek()
	if p.depth > maxDepth {
		return nil, fail(t.at, "more than %d parentheses within each other", maxDepth)
	}
	var o observation
	plain := p.is("[")
	switch {
	case plain:
		c, err := p.conditions(true)
		if err != nil {
			return nil, err
		}
		if err := p.want("]"); err != nil {
			return nil, err
		}
		o = test{c}
	case p.is("("):
		in, err := p.observations(0)
		if err != nil {
			return nil, err
		}
		if err := p.want(")"); err != nil {
			return nil, err
		}
		o = in
	default:
		return nil, fail(t.at, "%q where a [ is due", shown(t))
	}
	return p.qualifiers(o, plain)
}

// qualifiers reads those that follow an observation; each kind at most once
// after square brackets (STIX 2.1 section 9.5.1). After parentheses the published
// validator takes any number, and so do we.
func (p *parser) qualifiers(o observation, plain bool) (observation, error) {
	var seen []string
	for {
		t := p.peek()
		q := qualified{inner: o}
		var err error
		switch {
		case p.is("WITHIN"):
			q.within, err = p.seconds()
		case p.is("REPEATS"):
			q.repeats, err = p.times()
		case p.is("START"):
			q.start, q.stop, err = p.interval()
		default:
			return o, nil
		}
		if err != nil {
			return nil, err
		}
		if plain && slices.Contains(seen, t.text) {
			return nil, fail(t.at, "a second %s for the same observation", t.text)
		}
		seen = append(seen, t.text)
		o = q
	}
}

func (p *parser) seconds() (time.Duration, error) {
	t := p.take()
	var s float64
	switch v := t.val.(type) {
	case int64:
		s = float64(v)
	case float64:
		s = v
	default:
		return 0, fail(t.at, "%q where a number of seconds is due", shown(t))
	}
	if s <= 0 || s > 1e9 {
		return 0, fail(t.at, "WITHIN takes more than 0 and at most 1,000,000,000 seconds")
	}
	return time.Duration(s * float64(time.Second)), p.want("SECONDS")
}

func (p *parser) times() (int, error) {
	t := p.take()
	n, ok := t.val.(int64)
	if !ok || n < 1 || n > 1_000_000 {
		return 0, fail(t.at, "REPEATS takes a whole number from 1 to 1,000,000")
	}
	return int(n), p.want("TIMES")
}

func (p *parser) interval() (start, stop time.Time, err error) {
	a := p.take()
	if err := p.want("STOP"); err != nil {
		return start, stop, err
	}
	b := p.take()
	for i, t := range []token{a, b} {
		v, ok := t.val.(time.Time)
		if s, isText := t.val.(string); isText { // the spelling of version 2.0
			v, err = parseTime(s)
			ok = err == nil
		}
		if !ok {
			return start, stop, fail(t.at, "%q where a timestamp is due", shown(t))
		}
		if i == 0 {
			start = v
		} else {
			stop = v
		}
	}
	if !stop.After(start) {
		return start, stop, fail(b.at, "STOP is not after START")
	}
	return start, stop, nil
}

// conditions reads comparisons joined by OR (any), then AND, which binds more.
func (p *parser) conditions(any bool) (condition, error) {
	read, word := p.comparison, "AND"
	if any {
		read, word = func() (condition, error) { return p.conditions(false) }, "OR"
	}
	left, err := read()
	if err != nil {
		return nil, err
	}
	for p.is(word) {
		right, err := read()
		if err != nil {
			return nil, err
		}
		left = both{or: any, left: left, right: right}
	}
	return left, nil
}

func (p *parser) comparison() (condition, error) {
	p.depth++
	defer func() { p.depth-- }()
	if t := p.peek(); p.depth > maxDepth {
		return nil, fail(t.at, "more than %d parentheses within each other", maxDepth)
	}
	if p.is("(") {
		c, err := p.conditions(true)
		if err != nil {
			return nil, err
		}
		return c, p.want(")")
	}
	c := &Comparison{}
	// "NOT EXISTS path" and "EXISTS path" stand before the path.
	if p.is("EXISTS") {
		c.Op = "EXISTS"
	} else if p.is("NOT") {
		if err := p.want("EXISTS"); err != nil {
			return nil, err
		}
		c.Op, c.Negated = "EXISTS", true
	}
	if err := p.path(c); err != nil {
		return nil, err
	}
	if c.Op == "EXISTS" {
		return c, nil
	}
	return c, p.operation(c)
}

func (p *parser) path(c *Comparison) error {
	t := p.take()
	if t.kind != tokWord {
		return fail(t.at, "%q where an object type is due", shown(t))
	}
	c.Type = t.text
	if err := p.want(":"); err != nil {
		return err
	}
	for {
		t := p.take()
		if t.kind != tokWord && t.kind != tokString {
			return fail(t.at, "%q where a property is due", shown(t))
		}
		c.Path = append(c.Path, Step{Name: t.text})
		for p.is("[") {
			i := p.take()
			n, isInt := i.val.(int64)
			if !(i.kind == tokOp && i.text == "*") && !(isInt && n >= 0) {
				return fail(i.at, "%q where a list index is due", shown(i))
			}
			c.Path = append(c.Path, Step{Index: i.text})
			if err := p.want("]"); err != nil {
				return err
			}
		}
		if !p.is(".") {
			return nil
		}
	}
}

func (p *parser) operation(c *Comparison) error {
	c.Negated = p.is("NOT")
	op := p.take()
	switch op.text {
	case "==":
		c.Op = "="
	case "<>":
		c.Op = "!="
	case "=", "!=", "<", "<=", ">", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET":
		c.Op = op.text
	default:
		return fail(op.at, "%q where an operator is due", shown(op))
	}
	if op.kind == tokString {
		return fail(op.at, "%q where an operator is due", op.text)
	}
	if c.Op == "IN" {
		return p.set(c)
	}
	v, err := p.value()
	if err != nil {
		return err
	}
	c.Values = []any{v.val}
	switch c.Op {
	case "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET":
		if v.kind != tokString {
			return fail(v.at, "%s takes a string", c.Op)
		}
	}
	p.compile(c, v.text)
	return checkHash(c, v)
}

func (p *parser) set(c *Comparison) error {
	if err := p.want("("); err != nil {
		return err
	}
	for {
		v, err := p.value()
		if err != nil {
			return err
		}
		c.Values = append(c.Values, v.val)
		if p.is(")") {
			return nil
		}
		if err := p.want(","); err != nil {
			return err
		}
	}
}

// value reads a literal.
func (p *parser) value() (token, error) {
	t := p.take()
	switch {
	case t.kind == tokWord && (t.text == "true" || t.text == "false"):
		t.val = t.text == "true"
		return t, nil
	case t.val == nil:
		return t, fail(t.at, "%q where a value is due (strings stand in '')", shown(t))
	}
	return t, nil
}

// compile prepares LIKE (% any run, _ any character) and MATCHES. The standard
// wants Perl's expressions; Go's, which cannot blow up, know no look-around and
// no back-references. Such a pattern parses and is refused when evaluated.
func (p *parser) compile(c *Comparison, text string) {
	var expr string
	switch c.Op {
	case "LIKE":
		if !strings.Contains(text, "_") {
			c.like = newLike(text)
			return
		}
		q := regexp.QuoteMeta(text)
		expr = "(?s)^" + strings.ReplaceAll(strings.ReplaceAll(q, "%", ".*"), "_", ".") + "$"
	case "MATCHES":
		expr = text
	default:
		return
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		p.bad = fmt.Errorf("the expression %q cannot be evaluated: %w", text, err)
		return
	}
	c.re = re
}

// checkHash refuses a hash that is no hash of its kind.
func checkHash(c *Comparison, v token) error {
	if c.Op != "=" || v.kind != tokString || len(c.Path) < 2 || c.Path[len(c.Path)-2].Name != "hashes" {
		return nil
	}
	var want intel.Kind
	name := c.Path[len(c.Path)-1].Name
	switch strings.ToUpper(strings.ReplaceAll(name, "-", "")) {
	case "MD5":
		want = intel.MD5
	case "SHA1":
		want = intel.SHA1
	case "SHA256":
		want = intel.SHA256
	case "SHA512":
		want = intel.SHA512
	default:
		return nil
	}
	if intel.HashKind(v.text) != want {
		return fail(v.at, "%q is not a valid %s hash", v.text, name)
	}
	return nil
}

// Comparisons returns all comparisons in the order in which they stand.
func (p *Pattern) Comparisons() []*Comparison {
	var out []*Comparison
	var walk func(condition)
	walk = func(c condition) {
		switch c := c.(type) {
		case both:
			walk(c.left)
			walk(c.right)
		case *Comparison:
			out = append(out, c)
		}
	}
	var obs func(observation)
	obs = func(o observation) {
		switch o := o.(type) {
		case test:
			walk(o.expr)
		case join:
			obs(o.left)
			obs(o.right)
		case qualified:
			obs(o.inner)
		}
	}
	obs(p.root)
	return out
}

// AnyOf returns the values of a pattern that is nothing but equalities joined by
// OR, such as [url:value = 'a' OR url:value = 'b']: whoever sees one of them has
// seen what the pattern looks for. ok is false for every other pattern.
func (p *Pattern) AnyOf() (nodes []intel.Node, ok bool) {
	var walk func(condition) bool
	walk = func(c condition) bool {
		switch c := c.(type) {
		case both:
			return c.or && walk(c.left) && walk(c.right)
		case *Comparison:
			ns, ok := c.nodes()
			nodes = append(nodes, ns...)
			return ok
		}
		return false
	}
	var obs func(observation) bool
	obs = func(o observation) bool {
		switch o := o.(type) {
		case test:
			return walk(o.expr)
		case join:
			return o.op == "OR" && obs(o.left) && obs(o.right)
		}
		return false
	}
	if !obs(p.root) {
		return nil, false
	}
	return nodes, true
}

// nodes are the observables that an equality names.
func (c *Comparison) nodes() ([]intel.Node, bool) {
	kind, ok := c.kind()
	subset := c.Op == "ISSUBSET" && (kind == intel.IPv4 || kind == intel.IPv6) // a network
	if !ok || c.Negated || c.Op != "=" && c.Op != "IN" && !subset {
		return nil, false
	}
	var out []intel.Node
	for _, v := range c.Values {
		if n, isInt := v.(int64); isInt {
			v = fmt.Sprint(n)
		}
		s, isText := v.(string)
		if !isText {
			return nil, false
		}
		n, err := intel.Clean(kind, s)
		if err != nil {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

// kind maps an object path to the kind of observable it speaks of.
func (c *Comparison) kind() (intel.Kind, bool) {
	last := c.Path[len(c.Path)-1].Name
	switch c.Type {
	case "domain-name", "url", "ipv4-addr", "ipv6-addr", "email-addr":
		return intel.Kind(c.Type), len(c.Path) == 1 && last == "value"
	case "autonomous-system":
		return intel.ASN, len(c.Path) == 1 && last == "number"
	case "file", "artifact", "x509-certificate":
		if len(c.Path) == 2 && c.Path[0].Name == "hashes" {
			if c.Type == "x509-certificate" {
				return intel.Certificate, true
			}
			k := intel.ParseKind(last)
			return k, k.IsHash()
		}
		return intel.FileName, c.Type == "file" && len(c.Path) == 1 && last == "name"
	case "email-message":
		if len(c.Path) == 2 && last == "value" && (c.Path[0].Name == "from_ref" || c.Path[0].Name == "sender_ref") {
			return intel.Email, true
		}
	}
	return "", false
}
