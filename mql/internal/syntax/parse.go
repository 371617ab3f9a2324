package syntax

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Binding powers, low to high.
const (
	bpOr = 1 + iota
	bpAnd
	bpNot
	bpOf
	bpCmp
	bpAdd
	bpMul
)

// Parse reads one source. It always returns a tree, with Bad nodes where
// errors were found; the tree may be evaluated only if there are none. file is
// used in the diagnostics alone.
func Parse(file, src string) (*Tree, []Diagnostic) {
	bad := &Tree{Root: &Expr{Op: Bad, End: len(src)}}
	if len(src) > MaxSource {
		return bad, []Diagnostic{New(file, "", 0, "", "source has %d bytes, at most %d are allowed", len(src), MaxSource)}
	}
	if !utf8.ValidString(src) {
		return bad, []Diagnostic{New(file, src, invalidAt(src), "", "source is not valid UTF-8")}
	}
	p := &parser{lexer: lexer{file: file, src: src}}
	p.advance()
	root := p.expr(bpOr)
	for p.tok.kind != tEOF && !p.full {
		p.unexpected("an operator or the end")
		p.advance()
		if p.tok.kind != tEOF {
			p.expr(bpOr)
		}
	}
	slices.SortStableFunc(p.errs, func(a, b Diagnostic) int { return a.Start - b.Start })
	return &Tree{Root: root, Comments: p.comments}, p.errs
}

func invalidAt(src string) int {
	for i, r := range src {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(src[i:]); size == 1 {
				return i
			}
		}
	}
	return 0
}

type parser struct {
	lexer
	tok     token
	lastEnd int // end of the token before tok
	depth   int
	errAt   int // start+1 of the token last complained about
}

func (p *parser) advance() { p.lastEnd, p.tok = p.tok.end, p.next() }

func (p *parser) isOp(text string) bool { return p.tok.kind == tOp && p.tok.text == text }

func (p *parser) isWord(text string) bool { return p.tok.kind == tIdent && p.tok.text == text }

// unexpected complains once about the current token.
func (p *parser) unexpected(expected string) {
	if p.errAt == p.tok.start+1 {
		return
	}
	p.errAt = p.tok.start + 1
	switch p.tok.kind {
	case tBad: // the lexer complained
	case tEOF:
		p.errorf(p.lastEnd, "", "unexpected end, expected %s", expected)
	default:
		text := p.src[p.tok.start:p.tok.end]
		hint := ""
		switch text {
		case "=":
			hint = `did you mean "=="?`
		case "AND", "OR", "NOT", "IN", "And", "Or", "Not", "In":
			hint = "operators are written in lower case"
		}
		if len(text) > 40 {
			text = text[:40] + "…"
		}
		p.errorf(p.tok.start, hint, "unexpected %s, expected %s", quoteToken(text), expected)
	}
}

func quoteToken(text string) string {
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		return "string " + text
	}
	return fmt.Sprintf("%q", text)
}

// skip drops tokens until a comma or the bracket that closes the current
// level, so that parsing can go on behind an error.
func (p *parser) skip() {
	for depth := 0; p.tok.kind != tEOF; p.advance() {
		if p.tok.kind != tOp {
			continue
		}
		switch p.tok.text {
		case "(", "[":
			depth++
		case ")", "]":
			if depth == 0 {
				return
			}
			depth--
		case ",":
			if depth == 0 {
				return
			}
		}
	}
}

// expect consumes the operator text or complains and resynchronises.
func (p *parser) expect(text, expected string) {
	if !p.isOp(text) {
		p.unexpected(expected)
		p.skip()
		if !p.isOp(text) {
			return
		}
	}
	p.advance()
}

func (p *parser) bad() *Expr {
	return &Expr{Op: Bad, Start: p.tok.start, End: p.tok.start}
}

// expr parses an expression whose operators bind at least as tightly as bp.
func (p *parser) expr(bp int) *Expr {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxDepth {
		p.errorf(p.tok.start, "", "expression is nested deeper than %d levels", MaxDepth)
		p.full = true
		p.tok = token{kind: tEOF, start: len(p.src), end: len(p.src)}
		return p.bad()
	}
	x := p.prefix()
	for {
		y := p.infix(x, bp)
		if y == nil {
			return x
		}
		x = y
	}
}

// prefix parses what may begin an expression.
func (p *parser) prefix() *Expr {
	start := p.tok.start
	switch {
	case p.isWord("not"):
		p.advance()
		x := p.expr(bpNot)
		return &Expr{Op: Not, Start: start, End: x.End, Args: []*Expr{x}}
	case p.isOp("-"):
		p.advance()
		x := p.postfix(p.primary())
		if x.Op == Int || x.Op == Float {
			x.Start, x.Int, x.Float = start, -x.Int, -x.Float
			return x
		}
		return &Expr{Op: Neg, Start: start, End: x.End, Args: []*Expr{x}}
	}
	return p.postfix(p.primary())
}

// infix extends x by one operator that binds at least as tightly as bp, or
// returns nil.
func (p *parser) infix(x *Expr, bp int) *Expr {
	switch p.tok.kind {
	case tOp:
		switch p.tok.text {
		case "*", "/", "%":
			return p.arith(x, bp, bpMul)
		case "+", "-":
			return p.arith(x, bp, bpAdd)
		case "==", "!=", "=~", "!~", "<", "<=", ">", ">=":
			if bp <= bpCmp {
				return p.comparison(x)
			}
		}
	case tIdent:
		switch p.tok.text {
		case "and":
			if bp <= bpAnd {
				return p.join(x, And, bpAnd)
			}
		case "or":
			if bp <= bpOr {
				return p.join(x, Or, bpOr)
			}
		case "in", "not":
			if bp <= bpCmp {
				return p.membership(x)
			}
		case "is":
			if bp <= bpCmp {
				return p.isNull(x)
			}
		case "of":
			if bp <= bpOf {
				return p.nOf(x)
			}
		}
	}
	return nil
}

func (p *parser) arith(x *Expr, bp, own int) *Expr {
	if bp > own {
		return nil
	}
	op := p.tok.text
	p.advance()
	y := p.expr(own + 1)
	return &Expr{Op: Arith, Name: op, Start: x.Start, End: y.End, Args: []*Expr{x, y}}
}

// join collects a chain of one logical operator into one node, so that long
// chains do not nest.
func (p *parser) join(x *Expr, op Op, own int) *Expr {
	e := &Expr{Op: op, Start: x.Start, Args: []*Expr{x}}
	for word := p.tok.text; p.isWord(word); {
		p.advance()
		y := p.expr(own + 1)
		e.Args = append(e.Args, y)
		e.End = y.End
	}
	return e
}

// comparison parses x op y, and chains of < and <=.
func (p *parser) comparison(x *Expr) *Expr {
	if x.Op == Cmp || x.Op == In || x.Op == IsNull {
		p.errorf(p.tok.start, "only < and <= chain; use and, or parentheses", "unexpected %q after a comparison", p.tok.text)
	}
	e := &Expr{Op: Cmp, Start: x.Start, Args: []*Expr{x}}
	for {
		e.Ops = append(e.Ops, p.tok.text)
		chains := p.isOp("<") || p.isOp("<=")
		p.advance()
		y := p.expr(bpCmp + 1)
		e.Args = append(e.Args, y)
		e.End = y.End
		if !chains || !p.isOp("<") && !p.isOp("<=") {
			return e
		}
	}
}

// membership parses x [not] in[~] y. It returns nil for a "not" that is not
// followed by in, which is an error at the caller's level.
func (p *parser) membership(x *Expr) *Expr {
	e := &Expr{Op: In, Start: x.Start}
	if p.isWord("not") {
		p.advance()
		e.Negated = true
		if !p.isWord("in") {
			p.unexpected(`"in" after "not"`)
			p.skip()
			return &Expr{Op: Bad, Start: x.Start, End: p.lastEnd}
		}
	}
	end := p.tok.end
	p.advance()
	if p.isOp("~") && p.tok.start == end {
		e.Fold = true
		p.advance()
	}
	var y *Expr
	if p.isOp("(") {
		y = p.tuple()
	} else {
		y = p.expr(bpCmp + 1)
	}
	e.Args = []*Expr{x, y}
	e.End = y.End
	return e
}

func (p *parser) isNull(x *Expr) *Expr {
	e := &Expr{Op: IsNull, Start: x.Start, Args: []*Expr{x}}
	p.advance()
	if p.isWord("not") {
		e.Negated = true
		p.advance()
	}
	if !p.isWord("null") {
		p.unexpected(`"null" or "not null" after "is"`)
		p.skip()
		return &Expr{Op: Bad, Start: x.Start, End: p.lastEnd}
	}
	e.End = p.tok.end
	p.advance()
	return e
}

// nOf parses N of (a, b, …).
func (p *parser) nOf(x *Expr) *Expr {
	if x.Op != Int {
		p.errorf(x.Start, "", `expected a whole number before "of"`)
	}
	p.advance()
	if !p.isOp("(") {
		p.unexpected(`"(" after "of"`)
		p.skip()
		return &Expr{Op: Bad, Start: x.Start, End: p.lastEnd}
	}
	t := p.tuple()
	return &Expr{Op: NOf, Int: x.Int, Start: x.Start, End: t.End, Args: []*Expr{t}}
}

// tuple parses "(" items ")" with an optional trailing comma.
func (p *parser) tuple() *Expr {
	e := &Expr{Op: Tuple, Start: p.tok.start}
	p.advance()
	e.Args = p.items(")", nil)
	p.expect(")", `"," or ")"`)
	e.End = p.lastEnd
	return e
}

// items parses expressions separated by commas up to the closing bracket, and
// name = value pairs where named is given.
func (p *parser) items(closing string, named *[]NamedArg) []*Expr {
	var items []*Expr
	for !p.isOp(closing) && p.tok.kind != tEOF {
		if len(items) >= MaxItems {
			p.errorf(p.tok.start, "", "more than %d elements", MaxItems)
			p.full = true
			return items
		}
		x := p.expr(bpOr)
		if named != nil && x.Op == Ident && p.isOp("=") {
			p.advance()
			v := p.expr(bpOr)
			*named = append(*named, NamedArg{Name: x.Name, Start: x.Start, End: x.End, Value: v})
		} else {
			items = append(items, x)
		}
		if p.isOp(",") {
			p.advance()
			continue
		}
		if !p.isOp(closing) {
			p.unexpected(fmt.Sprintf("%q or %q", ",", closing))
			p.skip()
			if p.isOp(",") {
				p.advance()
				continue
			}
			return items
		}
	}
	return items
}

// primary parses an operand without its postfix operators.
func (p *parser) primary() *Expr {
	t := p.tok
	e := &Expr{Start: t.start, End: t.end}
	switch t.kind {
	case tInt:
		e.Op, e.Int = Int, t.n
	case tFloat:
		e.Op, e.Float = Float, t.f
	case tString:
		e.Op, e.Str, e.Raw = String, t.text, t.raw
	case tList:
		e.Op, e.Name = List, t.text
	case tDots:
		return p.scope()
	case tIdent:
		return p.word()
	case tOp:
		return p.bracket()
	default:
		p.unexpected("an expression")
		if t.kind == tBad {
			p.advance()
		}
		return p.bad()
	}
	p.advance()
	return e
}

// scope parses ".", "..", ".name", "..name".
func (p *parser) scope() *Expr {
	e := &Expr{Op: Scope, Int: p.tok.n, Start: p.tok.start, End: p.tok.end}
	end := p.tok.end
	p.advance()
	if p.tok.kind != tIdent || p.tok.start != end {
		return e
	}
	f := &Expr{Op: Field, Name: p.tok.text, Start: e.Start, End: p.tok.end, Args: []*Expr{e}}
	p.advance()
	return f
}

// word parses an identifier, a keyword literal or misplaced keyword.
func (p *parser) word() *Expr {
	t := p.tok
	e := &Expr{Start: t.start, End: t.end}
	switch t.text {
	case "null":
		e.Op = Null
	case "true", "false":
		e.Op = Bool
		if t.text == "true" {
			e.Int = 1
		}
	case "and", "or", "in", "of", "is":
		p.unexpected("an expression")
		return p.bad()
	default:
		e.Op, e.Name = Ident, t.text
	}
	p.advance()
	return e
}

// bracket parses "(" x ")" and "[" items "]".
func (p *parser) bracket() *Expr {
	start := p.tok.start
	switch p.tok.text {
	case "(":
		p.advance()
		x := p.expr(bpOr)
		p.expect(")", `")"`)
		return &Expr{Op: Paren, Start: start, End: p.lastEnd, Args: []*Expr{x}}
	case "[":
		p.advance()
		items := p.items("]", nil)
		p.expect("]", `"," or "]"`)
		return &Expr{Op: Array, Start: start, End: p.lastEnd, Args: items}
	}
	p.unexpected("an expression")
	if !p.isOp(")") && !p.isOp("]") && !p.isOp(",") {
		p.advance()
	}
	return p.bad()
}

// postfix parses fields, indexes and call arguments behind an operand.
func (p *parser) postfix(x *Expr) *Expr {
	for n := 0; ; n++ {
		if n > MaxDepth {
			p.errorf(p.tok.start, "", "more than %d fields or indexes in a row", MaxDepth)
			p.full = true
			return x
		}
		switch {
		case p.tok.kind == tDots:
			if p.tok.n != 1 {
				p.unexpected(`one "."`)
			}
			p.advance()
			if p.tok.kind != tIdent {
				p.unexpected("a field name")
				return &Expr{Op: Bad, Start: x.Start, End: p.lastEnd}
			}
			x = &Expr{Op: Field, Name: p.tok.text, Start: x.Start, End: p.tok.end, Args: []*Expr{x}}
			p.advance()
		case p.isOp("["):
			p.advance()
			i := p.expr(bpOr)
			p.expect("]", `"]"`)
			x = &Expr{Op: Index, Start: x.Start, End: p.lastEnd, Args: []*Expr{x, i}}
		case p.isOp("("):
			name, ok := x.Path()
			if !ok {
				return x
			}
			p.advance()
			call := &Expr{Op: Call, Name: name, Start: x.Start}
			call.Args = p.items(")", &call.Named)
			p.expect(")", `"," or ")"`)
			call.End = p.lastEnd
			x = call
		default:
			return x
		}
	}
}
