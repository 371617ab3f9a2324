package syntax

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// formatWidth is the line length, in code points, that breaks an expression.
const formatWidth = 88

const formatIndent = 2

// Format returns src in the canonical layout: one condition or argument per
// line where an expression does not fit on one, two blanks per level, comments
// where they stood. The result parses to the same tree and is its own
// canonical layout. Sources with errors are returned as diagnostics.
func Format(src string) (string, []Diagnostic) {
	tree, errs := Parse("", src)
	if len(errs) > 0 {
		return "", errs
	}
	f := &formatter{src: src, comments: tree.Comments}
	f.flush(tree.Root.Start, 0)
	f.expr(tree.Root, 0)
	f.after(tree.Root.End, len(src), 0, "")
	return strings.TrimRight(f.b.String(), " \n") + "\n", nil
}

type formatter struct {
	src      string
	comments []Comment
	next     int  // first comment not printed yet
	full     bool // the current line ends in a comment
	b        strings.Builder
}

// newline begins a line.
func (f *formatter) newline(indent int) {
	f.b.WriteByte('\n')
	f.b.WriteString(strings.Repeat(" ", indent))
	f.full = false
}

// comment ends the current line with the next comment.
func (f *formatter) comment() {
	f.b.WriteString(f.comments[f.next].Text)
	f.next++
	f.full = true
}

// flush prints the comments that stand before at, each on its own line, and
// leaves the cursor at the beginning of a line.
func (f *formatter) flush(at, indent int) {
	for f.next < len(f.comments) && f.comments[f.next].Start < at {
		f.comment()
		f.newline(indent)
	}
}

// after prints sep and the comments that stand between end, where an item
// ended, and limit, where the next one begins: on the same line if they stood
// there, else on lines of their own.
func (f *formatter) after(end, limit, indent int, sep string) {
	f.b.WriteString(sep)
	for f.next < len(f.comments) && f.comments[f.next].Start < limit {
		c := f.comments[f.next]
		if c.Start >= end && !strings.Contains(f.src[end:c.Start], "\n") && !f.full {
			f.b.WriteByte(' ')
		} else {
			f.newline(indent)
		}
		f.comment()
	}
}

// commented reports whether a comment stands within [start, end).
func (f *formatter) commented(start, end int) bool {
	for _, c := range f.comments[f.next:] {
		if c.Start >= end {
			return false
		}
		if c.Start >= start {
			return true
		}
	}
	return false
}

// fits reports whether e can stand on the rest of the current line.
func (f *formatter) fits(e *Expr) (string, bool) {
	if f.commented(e.Start, e.End) {
		return "", false
	}
	var flat strings.Builder
	flatten(&flat, e)
	s := flat.String()
	if strings.Contains(s, "\n") { // raw text over lines
		return s, e.Op == String
	}
	line := f.b.String()
	used := utf8.RuneCountInString(line[strings.LastIndexByte(line, '\n')+1:])
	return s, used+utf8.RuneCountInString(s) <= formatWidth
}

// expr prints e; its lines begin at indent.
func (f *formatter) expr(e *Expr, indent int) {
	chain := e.Op == And || e.Op == Or
	if s, ok := f.fits(e); ok && !(chain && indent == 0 && len(e.Args) > 2) {
		f.b.WriteString(s)
		return
	}
	switch e.Op {
	case And, Or:
		f.chain(e, indent)
	case Paren:
		f.b.WriteByte('(')
		f.block(e.Args, e, indent)
		f.b.WriteByte(')')
	case Tuple:
		f.list("(", e.Args, nil, e, indent, ")")
	case Array:
		f.list("[", e.Args, nil, e, indent, "]")
	case Call:
		f.list(e.Name+"(", e.Args, e.Named, e, indent, ")")
	case Field:
		f.expr(e.Args[0], indent)
		if e.Args[0].Op != Scope {
			f.b.WriteByte('.')
		}
		f.b.WriteString(e.Name)
	case Index:
		f.expr(e.Args[0], indent)
		f.list("[", e.Args[1:], nil, e, indent, "]")
	case Not:
		f.b.WriteString("not ")
		f.expr(e.Args[0], indent)
	case Neg:
		f.b.WriteString("-")
		f.expr(e.Args[0], indent)
	case NOf:
		fmt.Fprintf(&f.b, "%d of ", e.Int)
		f.expr(e.Args[0], indent)
	case IsNull:
		f.expr(e.Args[0], indent)
		f.b.WriteString(suffix(e))
	case Arith, In, Cmp:
		f.expr(e.Args[0], indent)
		for i, a := range e.Args[1:] {
			f.b.WriteString(infix(e, i))
			f.expr(a, indent)
		}
	default:
		flatten(&f.b, e)
	}
}

// chain prints operands joined by and or or, one per line.
func (f *formatter) chain(e *Expr, indent int) {
	word := "and "
	if e.Op == Or {
		word = "or "
	}
	for i, a := range e.Args {
		if i > 0 {
			if f.blankBefore(e.Args[i-1].End, a.Start) {
				f.b.WriteByte('\n')
			}
			f.newline(indent)
			f.flush(a.Start, indent)
			f.b.WriteString(word)
		}
		inner := indent
		if a.Op == And || a.Op == Or {
			inner += formatIndent
		}
		f.expr(a, inner)
		if i+1 < len(e.Args) {
			f.trailing(a.End, e.Args[i+1].Start)
		}
	}
}

// trailing prints the comment that stands on the line on which an operand
// ended.
func (f *formatter) trailing(end, limit int) {
	if f.next < len(f.comments) {
		c := f.comments[f.next]
		if c.Start >= end && c.Start < limit && !strings.Contains(f.src[end:c.Start], "\n") && !f.full {
			f.b.WriteByte(' ')
			f.comment()
		}
	}
}

// blankBefore reports a blank line between two operands, before the comments
// of the second.
func (f *formatter) blankBefore(end, start int) bool {
	if f.next < len(f.comments) {
		if c := f.comments[f.next]; c.Start >= end && c.Start < start {
			start = c.Start
		}
	}
	gap := f.src[end:max(end, start)]
	blank := strings.Split(gap, "\n")
	for i := 1; i+1 < len(blank); i++ {
		if strings.TrimSpace(blank[i]) == "" {
			return true
		}
	}
	return false
}

// block prints one expression on lines of its own between brackets.
func (f *formatter) block(args []*Expr, e *Expr, indent int) {
	in := indent + formatIndent
	f.newline(in)
	f.flush(args[0].Start, in)
	f.expr(args[0], in)
	f.after(args[0].End, e.End-1, in, "")
	f.newline(indent)
}

// list prints items between brackets, one per line. Positional and named
// arguments are printed in the order of their places.
func (f *formatter) list(opening string, args []*Expr, named []NamedArg, e *Expr, indent int, closing string) {
	f.b.WriteString(opening)
	in := indent + formatIndent
	type item struct {
		start int
		name  string
		x     *Expr
	}
	var items []item
	for _, a := range args {
		items = append(items, item{a.Start, "", a})
	}
	for _, a := range named {
		items = append(items, item{a.Start, a.Name + "=", a.Value})
	}
	for i, it := range items {
		f.newline(in)
		f.flush(it.start, in)
		f.b.WriteString(it.name)
		f.expr(it.x, in)
		limit, sep := e.End-1, ","
		if i+1 < len(items) {
			limit = items[i+1].start
		} else {
			sep = ""
		}
		if i+1 < len(items) {
			f.b.WriteString(sep)
			f.trailing(it.x.End, limit)
		} else {
			f.after(it.x.End, limit, in, sep)
		}
	}
	if len(items) == 0 {
		f.after(e.Start, e.End-1, in, "")
	}
	f.newline(indent)
	f.b.WriteString(closing)
}

// infix is the text between operands i and i+1.
func infix(e *Expr, i int) string {
	switch e.Op {
	case And:
		return " and "
	case Or:
		return " or "
	case Cmp:
		return " " + e.Ops[i] + " "
	case In:
		word := " in"
		if e.Negated {
			word = " not in"
		}
		if e.Fold {
			word += "~"
		}
		return word + " "
	}
	return " " + e.Name + " "
}

func suffix(e *Expr) string {
	if e.Negated {
		return " is not null"
	}
	return " is null"
}

// flatten prints e on one line.
func flatten(b *strings.Builder, e *Expr) {
	switch e.Op {
	case Null:
		b.WriteString("null")
	case Bool:
		b.WriteString(strconv.FormatBool(e.Int != 0))
	case Int:
		b.WriteString(strconv.FormatInt(e.Int, 10))
	case Float:
		s := strconv.FormatFloat(e.Float, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		b.WriteString(s)
	case String:
		quote(b, e)
	case Ident:
		b.WriteString(e.Name)
	case List:
		b.WriteString("$" + e.Name)
	case Scope:
		b.WriteString(strings.Repeat(".", int(e.Int)))
	case Field:
		flatten(b, e.Args[0])
		if e.Args[0].Op != Scope {
			b.WriteByte('.')
		}
		b.WriteString(e.Name)
	case Index:
		flatten(b, e.Args[0])
		flattenList(b, "[", e.Args[1:], nil, "]")
	case Call:
		flattenList(b, e.Name+"(", e.Args, e.Named, ")")
	case Array:
		flattenList(b, "[", e.Args, nil, "]")
	case Tuple, Paren:
		flattenList(b, "(", e.Args, nil, ")")
	case Not:
		b.WriteString("not ")
		flatten(b, e.Args[0])
	case Neg:
		b.WriteString("-")
		flatten(b, e.Args[0])
	case NOf:
		fmt.Fprintf(b, "%d of ", e.Int)
		flatten(b, e.Args[0])
	case IsNull:
		flatten(b, e.Args[0])
		b.WriteString(suffix(e))
	default:
		for i, a := range e.Args {
			if i > 0 {
				b.WriteString(infix(e, i-1))
			}
			flatten(b, a)
		}
	}
}

func flattenList(b *strings.Builder, opening string, args []*Expr, named []NamedArg, closing string) {
	b.WriteString(opening)
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		flatten(b, a)
	}
	for i, a := range named {
		if i > 0 || len(args) > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.Name + "=")
		flatten(b, a.Value)
	}
	b.WriteString(closing)
}

// quote prints a string in the form in which it was written.
func quote(b *strings.Builder, e *Expr) {
	if e.Raw {
		b.WriteString("'" + strings.ReplaceAll(e.Str, "'", "''") + "'")
		return
	}
	b.WriteByte('"')
	for _, r := range e.Str {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r) || r == '\u00a0':
			b.WriteRune(r)
		default:
			fmt.Fprintf(b, `\u{%X}`, r)
		}
	}
	b.WriteByte('"')
}
