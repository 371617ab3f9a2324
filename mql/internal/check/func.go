package check

import (
	"context"
	"strings"

	"foregate/mail"
	"foregate/mql/internal/value"
)

// Answer answers one call of an enrichment function about the message m. args
// are the arguments in the order of Func.In, then Func.Named, nil where absent
// or null: bool, int64, float64, string, time.Time, []string, []any or a
// pointer to a struct of package mail or shape. The result is of the Go type
// of Func.Out or a pointer to it; nil is null. An error means "could not look":
// the rule becomes indeterminate if its outcome depends on the answer. Answer
// is called at most once per message and arguments, and is safe for concurrent
// use by many messages.
type Answer func(ctx context.Context, m *mail.Message, args []any) (any, error)

// Impl computes a static function from its arguments, in the order of Func.In,
// then Func.Named with null where absent.
type Impl func(s *Scratch, args []value.Value) value.Value

// Scratch keeps what static functions make more than once of one message, such
// as a parsed page. It is used by one goroutine.
type Scratch struct {
	Kept map[any]any
	Done <-chan struct{} // closed when the message's time is up; may be nil
}

// Expired reports that the message's time is up.
func (s *Scratch) Expired() bool {
	select {
	case <-s.Done:
		return true
	default:
		return false
	}
}

// Verify looks at the literal arguments of a call, in order. It returns an
// empty text or what is wrong and the index of the argument.
type Verify func(args []string) (int, string)

// Param is one parameter.
type Param struct {
	Name    string
	Accepts uint16   // set of kinds, see Accept
	Objects []string // names of object types accepted; empty: any
	Literal bool     // only a literal
}

// Func describes one function of the language.
type Func struct {
	Name     string
	Doc      string
	In       []Param
	Variadic bool // the last parameter repeats
	Optional int  // how many trailing parameters may be left out
	Named    []Param
	Out      *value.Type
	Needs    string // the capability that answers it; "" is computed here
	Lambda   bool   // the second parameter is evaluated for each item of the first
	Parses   bool   // notably dearer than a text search
	Asked    bool   // static, but dear: remembered per message and arguments
	Impl     Impl   // called with known arguments only; of those in In none is null
	Verify   Verify
}

// Accept makes a set of kinds.
func Accept(kinds ...value.Kind) uint16 {
	var set uint16
	for _, k := range kinds {
		set |= 1 << k
	}
	return set
}

func (p *Param) accepts(t *value.Type) bool {
	if t.Kind == value.Any || t.Kind == value.Null {
		return true
	}
	if p.Accepts&(1<<t.Kind) == 0 {
		return false
	}
	if t.Kind != value.Object || len(p.Objects) == 0 {
		return true
	}
	for _, name := range p.Objects {
		if name == t.Name {
			return true
		}
	}
	return false
}

// expected names what p accepts.
func (p *Param) expected() string {
	var words []string
	for k, word := range map[value.Kind]string{value.Bool: "boolean", value.Int: "integer", value.Float: "float", value.String: "string", value.Time: "time", value.List: "list", value.Map: "map"} {
		if p.Accepts&(1<<k) != 0 {
			words = append(words, word)
		}
	}
	if p.Accepts&(1<<value.Object) != 0 {
		if len(p.Objects) == 0 {
			words = append(words, "object")
		}
		words = append(words, p.Objects...)
	}
	sortWords(words)
	switch len(words) {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Signature shows the function as documentation does.
func (f *Func) Signature() string {
	var parts []string
	for i := range f.In {
		p := f.In[i].Name
		if f.Variadic && i == len(f.In)-1 {
			p += ", …"
		}
		if i >= len(f.In)-f.Optional {
			p = "[" + p + "]"
		}
		parts = append(parts, p)
	}
	for _, p := range f.Named {
		parts = append(parts, "["+p.Name+"=]")
	}
	return f.Name + "(" + strings.Join(parts, ", ") + ")"
}
