// Package syntax reads and writes the text of the rule language: lexer, Pratt
// parser with recovery, syntax tree, diagnostics and formatter. It knows
// nothing of types or meaning.
package syntax

// Bounds of a source text: no rule may cost the gate more than a blink to read.
const (
	MaxSource = 1 << 20 // bytes; the longest public source has 228,952
	MaxDepth  = 100     // nesting of expressions; public rules reach about 30
	MaxErrors = 20      // diagnostics kept per source: more help nobody
	MaxItems  = 1 << 16 // elements of one list or arguments of one call
)

// Op says what an expression is.
type Op uint8

// The kinds of expression and what their fields hold.
const (
	Bad    Op = iota // a place where an error was reported
	Null             // null
	Bool             // Int is 1 for true
	Int              // Int
	Float            // Float
	String           // Str; Raw for '…'
	Ident            // Name: a top-level field of the message
	Scope            // Int: 1 is the current item ".", 2 the parent's "..", …
	Field            // Args[0] "." Name
	Index            // Args[0] "[" Args[1] "]"
	Call             // Name "(" Args, Named ")"
	Array            // "[" Args "]"
	Tuple            // "(" Args ")" after in, of
	List             // "$" Name
	Paren            // "(" Args[0] ")"
	Not              // "not" Args[0]
	Neg              // "-" Args[0]
	Arith            // Args[0] Name Args[1], Name one of + - * / %
	Cmp              // Args[0] Ops[0] Args[1] Ops[1] …: one comparison or a chain of < and <=
	In               // Args[0] ["not"] "in" ["~"] Args[1]; flags Negated, Fold
	IsNull           // Args[0] "is" ["not"] "null"; flag Negated
	NOf              // Int "of" Args[0], a Tuple
	And              // Args joined by and, at least two
	Or               // Args joined by or, at least two
)

// Expr is one node of the syntax tree. Start and End are byte offsets into the
// source, End exclusive.
type Expr struct {
	Op         Op
	Raw        bool
	Negated    bool
	Fold       bool
	Start, End int
	Int        int64
	Float      float64
	Name       string
	Str        string
	Ops        []string
	Args       []*Expr
	Named      []NamedArg
}

// NamedArg is name = value in a call.
type NamedArg struct {
	Name       string
	Start, End int // of the name
	Value      *Expr
}

// Comment is a // comment with its place. OwnLine: nothing but blanks stands
// before it on its line.
type Comment struct {
	Start, End int
	Text       string // with its slashes, without trailing blanks
	OwnLine    bool
}

// Tree is a parsed source.
type Tree struct {
	Root     *Expr
	Comments []Comment
}

// Unparen returns e without enclosing parentheses.
func (e *Expr) Unparen() *Expr {
	for e.Op == Paren {
		e = e.Args[0]
	}
	return e
}

// Path returns the dotted name that e spells ("sender.email.domain") and true
// if e is nothing but identifiers and fields.
func (e *Expr) Path() (string, bool) {
	switch e.Op {
	case Ident:
		return e.Name, true
	case Field:
		base, ok := e.Args[0].Path()
		return base + "." + e.Name, ok
	}
	return "", false
}

// Equal reports whether two trees say the same, positions aside.
func Equal(a, b *Expr) bool {
	if a.Op != b.Op || a.Raw != b.Raw || a.Negated != b.Negated || a.Fold != b.Fold ||
		a.Int != b.Int || a.Float != b.Float || a.Name != b.Name || a.Str != b.Str ||
		len(a.Ops) != len(b.Ops) || len(a.Args) != len(b.Args) || len(a.Named) != len(b.Named) {
		return false
	}
	for i := range a.Ops {
		if a.Ops[i] != b.Ops[i] {
			return false
		}
	}
	for i := range a.Args {
		if !Equal(a.Args[i], b.Args[i]) {
			return false
		}
	}
	for i := range a.Named {
		if a.Named[i].Name != b.Named[i].Name || !Equal(a.Named[i].Value, b.Named[i].Value) {
			return false
		}
	}
	return true
}
