package pattern

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// View is one observation, reduced to what object paths lead to. It is asked
// only for paths that were said to be answerable, in the spelling of
// Comparison.Name.
type View interface {
	// Values gives every value at the path: string, bool, int64 or float64; a
	// time as RFC 3339. None means that the observation has no such thing.
	Values(path string) []any
}

// Anchor is a value of which at least one must be there for a pattern to hold.
type Anchor struct{ Path, Value string }

// Single is a pattern compiled for one observation at a time, such as a message.
// It is immutable and safe for concurrent use.
type Single struct {
	expr    condition
	windows []qualified // START … STOP, all of which must hold
	text    string
	// Lacks is what of the pattern no such observation can answer and that an OR
	// makes dispensable, in words.
	Lacks []string
}

// errSeveral is why patterns over several observations are not compiled.
var errSeveral = errors.New("it takes several observations, and a message is one")

// Single compiles the pattern. answers says whether an observation can have
// values at a path. The error says why no single observation can satisfy it.
func (p *Pattern) Single(answers func(path string) bool) (*Single, error) {
	if p.bad != nil {
		return nil, p.bad
	}
	s := &Single{text: p.text}
	expr, windows, err := s.observation(p.root, answers)
	if err != nil {
		return nil, err
	}
	s.expr, s.windows = expr, windows
	return s, nil
}

// String is the pattern as written.
func (s *Single) String() string { return s.text }

func (s *Single) observation(o observation, answers func(string) bool) (condition, []qualified, error) {
	switch o := o.(type) {
	case test:
		c, err := s.condition(o.expr, answers)
		return c, nil, err
	case join:
		if o.op != "OR" {
			return nil, nil, errSeveral
		}
		left, lw, lerr := s.observation(o.left, answers)
		right, rw, rerr := s.observation(o.right, answers)
		switch {
		case lerr != nil && rerr != nil:
			return nil, nil, lerr
		case lerr != nil:
			s.Lacks = append(s.Lacks, lerr.Error())
			return right, rw, nil
		case rerr != nil:
			s.Lacks = append(s.Lacks, rerr.Error())
			return left, lw, nil
		case len(lw)+len(rw) > 0:
			return nil, nil, errors.New("START and STOP on one side of an OR are not compiled")
		}
		return both{or: true, left: left, right: right}, nil, nil
	case qualified:
		if o.repeats > 1 {
			return nil, nil, errSeveral
		}
		c, w, err := s.observation(o.inner, answers)
		if !o.stop.IsZero() {
			w = append(w, o)
		}
		return c, w, err // WITHIN holds for what is seen at once
	}
	return nil, nil, fmt.Errorf("unknown observation %T", o)
}

func (s *Single) condition(c condition, answers func(string) bool) (condition, error) {
	switch c := c.(type) {
	case both:
		left, lerr := s.condition(c.left, answers)
		right, rerr := s.condition(c.right, answers)
		switch {
		case !c.or && (lerr != nil || rerr != nil), lerr != nil && rerr != nil:
			if lerr == nil {
				lerr = rerr
			}
			return nil, lerr
		case lerr != nil:
			s.Lacks = append(s.Lacks, lerr.Error())
			return right, nil
		case rerr != nil:
			s.Lacks = append(s.Lacks, rerr.Error())
			return left, nil
		}
		return both{or: c.or, left: left, right: right}, nil
	case *Comparison:
		if name := c.Name(); !answers(name) {
			return nil, fmt.Errorf("no message has %s", name)
		}
		return c.folded(), nil
	}
	return nil, fmt.Errorf("unknown condition %T", c)
}

// Name is the path in one spelling: list positions as [*], names of hashes as
// the vocabulary of STIX 2.1 has them, names of header fields in lower case:
// "file:hashes.SHA-256", "email-message:to_refs[*].value".
func (c *Comparison) Name() string {
	var b strings.Builder
	b.WriteString(c.Type + ":")
	for i, s := range c.Path {
		switch {
		case s.Index != "":
			b.WriteString("[*]")
			continue
		case i > 0:
			b.WriteByte('.')
		}
		name := s.Name
		if i > 0 && c.Path[i-1].Name == "hashes" {
			name = hashName(name)
		}
		if i > 0 && c.Path[i-1].Name == "additional_header_fields" {
			name = strings.ToLower(name)
		}
		b.WriteString(name)
	}
	return b.String()
}

func hashName(s string) string {
	switch strings.ToUpper(strings.ReplaceAll(s, "-", "")) {
	case "MD5":
		return "MD5"
	case "SHA1":
		return "SHA-1"
	case "SHA256":
		return "SHA-256"
	case "SHA512":
		return "SHA-512"
	}
	return s
}

// folded is the comparison with its name, and the literals of equalities in lower
// case where what they name does not depend on case: hashes, domain names, mail
// addresses.
func (c *Comparison) folded() *Comparison {
	name := c.Name()
	f := *c
	f.name = name
	if !strings.Contains(name, ":hashes.") && name != "domain-name:value" && name != "email-addr:value" && !strings.HasSuffix(name, "_ref.value") && !strings.HasSuffix(name, "_refs[*].value") {
		return &f
	}
	if c.Op != "=" && c.Op != "!=" && c.Op != "IN" {
		return &f
	}
	f.Values = slices.Clone(c.Values)
	for i, v := range f.Values {
		if s, ok := v.(string); ok {
			f.Values[i] = strings.ToLower(s)
		}
	}
	return &f
}

// Holds says whether the observation, made at a time, satisfies the pattern.
func (s *Single) Holds(v View, at time.Time) bool {
	for _, w := range s.windows {
		if at.Before(w.start) || !at.Before(w.stop) {
			return false
		}
	}
	return seen(s.expr, v)
}

func seen(c condition, v View) bool {
	switch c := c.(type) {
	case both:
		if c.or {
			return seen(c.left, v) || seen(c.right, v)
		}
		return seen(c.left, v) && seen(c.right, v)
	case *Comparison:
		values := v.Values(c.name)
		if i, ok := c.position(); ok {
			values = values[min(i, len(values)):min(i+1, len(values))]
		}
		if c.Op == "EXISTS" {
			return (len(values) > 0) != c.Negated
		}
		return slices.ContainsFunc(values, func(x any) bool { return c.compare(x) != c.Negated })
	}
	return false
}

// position is the list position that the path asks for; false for any.
func (c *Comparison) position() (int, bool) {
	for _, s := range c.Path {
		if s.Index != "" && s.Index != "*" {
			i, err := strconv.Atoi(s.Index)
			return i, err == nil
		}
	}
	return 0, false
}

// Anchors are values of which at least one must be seen for the pattern to hold,
// so that an index of them finds the patterns worth evaluating. ok is false when
// there are none: such a pattern must always be evaluated.
func (s *Single) Anchors() (anchors []Anchor, ok bool) { return anchorsOf(s.expr) }

func anchorsOf(c condition) ([]Anchor, bool) {
	switch c := c.(type) {
	case both:
		left, lok := anchorsOf(c.left)
		right, rok := anchorsOf(c.right)
		if c.or {
			return append(left, right...), lok && rok
		}
		if !lok || rok && len(right) < len(left) {
			return right, rok
		}
		return left, lok
	case *Comparison:
		if c.Negated || c.Op != "=" && c.Op != "IN" {
			return nil, false
		}
		var out []Anchor
		for _, v := range c.Values {
			text, isText := v.(string)
			if !isText {
				return nil, false
			}
			out = append(out, Anchor{c.name, text})
		}
		return out, true
	}
	return nil, false
}
