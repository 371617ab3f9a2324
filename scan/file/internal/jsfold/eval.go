package jsfold

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tdewolff/parse/v2/js"
)

// eval folds an expression.
func (x *interp) eval(e js.IExpr, s *scope) value {
	x.step(1)
	x.enter()
	defer x.leave()
	switch e := e.(type) {
	case *js.Var:
		return x.lookup(e.Name(), s)
	case *js.LiteralExpr:
		if e.TokenType == js.ThisToken {
			return x.browser("this", s)
		}
		return x.literal(e)
	case *js.BinaryExpr:
		return x.binary(e, s)
	case *js.UnaryExpr:
		return x.unary(e, s)
	case *js.GroupExpr:
		return x.eval(e.X, s)
	case *js.DotExpr:
		return x.member(x.eval(e.X, s), x.dotName(e))
	case *js.IndexExpr:
		return x.get(x.eval(e.X, s), x.eval(e.Y, s))
	case *js.CallExpr:
		return x.callExpr(e, s)
	case *js.NewExpr:
		var args []value
		if e.Args != nil {
			args = x.args(e.Args.List, s)
		}
		return x.construct(x.eval(e.X, s), args)
	case *js.CondExpr:
		return x.condition(e, s)
	case *js.CommaExpr:
		var v value
		for _, part := range e.List {
			v = x.eval(part, s)
		}
		return v
	case *js.TemplateExpr:
		return x.template(e, s)
	case *js.ArrayExpr:
		return x.array(e, s)
	case *js.ObjectExpr:
		return x.object(e, s)
	case *js.ArrowFunc:
		x.take(64)
		f := &function{params: e.Params, body: &e.Body, up: s, arrow: true, this: s.this}
		x.seen = append(x.seen, f)
		return f
	case *js.FuncDecl:
		up := s
		if e.Name != nil {
			up = &scope{vars: map[string]value{}, up: s, this: s.this}
		}
		f := x.declare(e, up)
		if e.Name != nil {
			up.vars[f.name] = f
		}
		return f
	case *js.VarDecl:
		x.vars(e, s)
		return nil
	case *js.ClassDecl:
		return x.class(e, s)
	case *js.YieldExpr:
		if e.X != nil {
			return x.eval(e.X, s)
		}
	}
	return mystery("expression")
}

// class notes the functions of a class, so that they are followed; what it makes
// is unknown.
func (x *interp) class(e *js.ClassDecl, s *scope) value {
	for i := range e.List {
		if m := e.List[i].Method; m != nil {
			x.seen = append(x.seen, &function{params: m.Params, body: &m.Body, up: s})
		}
	}
	v := mystery("class")
	if e.Name != nil {
		s.vars[string(e.Name.Name())] = v
	}
	return v
}

// dotName is the name after a dot. Each name is made once.
func (x *interp) dotName(e *js.DotExpr) string {
	var b []byte
	switch y := e.Y.(type) {
	case js.LiteralExpr:
		b = y.Data
	case *js.Var:
		b = y.Name()
	}
	if name, ok := x.names[string(b)]; ok {
		return name
	}
	name := string(b)
	x.names[name] = name
	return name
}

func (x *interp) condition(e *js.CondExpr, s *scope) value {
	yes, ok := truth(x.eval(e.Cond, s))
	if ok {
		if yes {
			return x.eval(e.X, s)
		}
		return x.eval(e.Y, s)
	}
	v, w := x.eval(e.X, s), x.eval(e.Y, s)
	if known(v) {
		return v
	}
	return w
}

// literal folds a literal of the source.
func (x *interp) literal(e *js.LiteralExpr) value {
	switch e.TokenType {
	case js.StringToken:
		if len(e.Data) < 2 {
			return text{}
		}
		return x.unquote(e.Data[1 : len(e.Data)-1])
	case js.TrueToken:
		return true
	case js.FalseToken:
		return false
	case js.NullToken:
		return null{}
	case js.DecimalToken, js.IntegerToken:
		f, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSuffix(string(e.Data), "n"), "_", ""), 64)
		if err != nil {
			return math.NaN()
		}
		return f
	case js.HexadecimalToken, js.OctalToken, js.BinaryToken:
		n, err := strconv.ParseUint(strings.TrimSuffix(string(e.Data), "n"), 0, 64)
		if err != nil {
			return math.NaN()
		}
		return float64(n)
	case js.RegExpToken:
		return newRegex(e.Data)
	}
	return mystery(string(e.Data[:min(len(e.Data), 40)]))
}

// unquote reads the escapes of a string or template (ECMA-262 section 12.9.4).
func (x *interp) unquote(b []byte) text {
	plain := true
	for _, c := range b {
		if c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return latin(b)
	}
	x.take(2 * len(b))
	out := make([]uint16, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] != '\\' || i+1 == len(b) {
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				r = rune(b[i])
			}
			out = appendRune(out, r)
			i += n
			continue
		}
		var n int
		out, n = appendEscape(out, b[i+1:])
		i += 1 + n
	}
	return units(out)
}

// appendEscape adds what the escape at the start of b stands for and tells its
// length.
func appendEscape(out []uint16, b []byte) ([]uint16, int) {
	switch c := b[0]; c {
	case 'n':
		return append(out, '\n'), 1
	case 't':
		return append(out, '\t'), 1
	case 'r':
		return append(out, '\r'), 1
	case 'b':
		return append(out, '\b'), 1
	case 'f':
		return append(out, '\f'), 1
	case 'v':
		return append(out, '\v'), 1
	case '\r':
		if len(b) > 1 && b[1] == '\n' {
			return out, 2
		}
		return out, 1
	case '\n':
		return out, 1
	case 'x':
		if v, ok := hexUnits(b, 1, 2); ok {
			return append(out, v), 3
		}
	case 'u':
		if v, ok := hexUnits(b, 1, 4); ok {
			return append(out, v), 5
		}
		if len(b) > 2 && b[1] == '{' {
			for end := 2; end < min(len(b), 10); end++ {
				if b[end] == '}' {
					v, err := strconv.ParseUint(string(b[2:end]), 16, 32)
					if err != nil || v > utf8.MaxRune {
						break
					}
					return appendRune(out, rune(v)), end + 1
				}
			}
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		v, n := 0, 0
		for n < 3 && n < len(b) && b[n] >= '0' && b[n] <= '7' && v*8+int(b[n]-'0') < 256 {
			v = v*8 + int(b[n]-'0')
			n++
		}
		return append(out, uint16(v)), n
	}
	r, n := utf8.DecodeRune(b)
	return appendRune(out, r), n
}

func hexUnits(b []byte, from, n int) (uint16, bool) {
	if len(b) < from+n {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[from:from+n]), 16, 16)
	return uint16(v), err == nil
}

func appendRune(out []uint16, r rune) []uint16 {
	if r < 0x10000 {
		return append(out, uint16(r))
	}
	r -= 0x10000
	return append(out, uint16(0xd800+r>>10), uint16(0xdc00+r&0x3ff))
}

func (x *interp) template(e *js.TemplateExpr, s *scope) value {
	if e.Tag != nil {
		x.eval(e.Tag, s)
	}
	var out text
	for _, p := range e.List {
		part := p.Value
		// The first part begins with `, the others with }; all end with ${.
		if len(part) >= 3 {
			out = x.join(out, x.unquote(part[1:len(part)-2]))
		}
		out = x.join(out, x.textOf(x.eval(p.Expr, s)))
	}
	if len(e.Tail) >= 2 {
		out = x.join(out, x.unquote(e.Tail[1:len(e.Tail)-1]))
	}
	return out
}

// join adds two texts within the bounds.
func (x *interp) join(a, b text) text {
	x.take(b.n)
	if a.n+b.n > maxText {
		x.stop("a string is longer than %d", maxText)
	}
	if a.n > 0 && b.n > 0 && (a.isWide() != b.isWide() || a.off+a.n != len(a.c.narrow)+len(a.c.wide)) {
		x.take(2 * a.n) // copied
	}
	return plus(a, b)
}

func (x *interp) array(e *js.ArrayExpr, s *scope) value {
	x.take(16 * len(e.List))
	out := make([]value, 0, len(e.List))
	for _, el := range e.List {
		if el.Value == nil {
			out = append(out, nil)
			continue
		}
		out = x.spread(out, x.eval(el.Value, s), el.Spread)
	}
	return &list{out}
}

// spread adds a value to a list of elements or arguments, all its items where it is
// written with "...".
func (x *interp) spread(out []value, v value, spread bool) []value {
	if !spread {
		return append(out, v)
	}
	items := x.items(v)
	x.take(16 * len(items))
	return append(out, items...)
}

func (x *interp) object(e *js.ObjectExpr, s *scope) value {
	x.take(64 + 32*len(e.List))
	o := newObject("")
	for i := range e.List {
		p := &e.List[i]
		if p.Spread {
			if from, ok := x.eval(p.Value, s).(*object); ok {
				x.take(32 * len(from.props))
				for k, v := range from.props {
					o.props[k] = v
				}
			}
			continue
		}
		if m, ok := p.Value.(*js.MethodDecl); ok {
			f := &function{params: m.Params, body: &m.Body, up: s}
			x.seen = append(x.seen, f)
			o.props[x.textOf(x.key(&m.Name.PropertyName, s)).String()] = f
			continue
		}
		v := x.eval(p.Value, s)
		switch {
		case p.Name != nil:
			o.props[x.textOf(x.key(p.Name, s)).String()] = v
		default:
			if n, ok := p.Value.(*js.Var); ok {
				o.props[string(n.Name())] = v
			}
		}
	}
	return o
}

// key is the name of a property.
func (x *interp) key(p *js.PropertyName, s *scope) value {
	if p.Computed != nil {
		return x.eval(p.Computed, s)
	}
	switch p.Literal.TokenType {
	case js.StringToken:
		if n := len(p.Literal.Data); n >= 2 {
			return x.unquote(p.Literal.Data[1 : n-1])
		}
	}
	return str(string(p.Literal.Data))
}

func (x *interp) args(list []js.Arg, s *scope) []value {
	out := make([]value, 0, len(list))
	for _, a := range list {
		out = x.spread(out, x.eval(a.Value, s), a.Rest)
	}
	return out
}

// callExpr folds a call; a method's object is its this.
func (x *interp) callExpr(e *js.CallExpr, s *scope) value {
	var this, f value
	callee := e.X
	if g, ok := callee.(*js.GroupExpr); ok {
		callee = g.X
	}
	switch c := callee.(type) {
	case *js.DotExpr:
		this = x.eval(c.X, s)
		f = x.member(this, x.dotName(c))
	case *js.IndexExpr:
		this = x.eval(c.X, s)
		f = x.get(this, x.eval(c.Y, s))
	default:
		f = x.eval(e.X, s)
	}
	args := x.args(e.Args.List, s)
	if m, ok := f.(method); ok && m.recv == nil && m.name == "eval" {
		x.signs["eval"] = true
		return x.code(at(args, 0), s)
	}
	return x.call(f, this, args)
}

// call calls what f is.
func (x *interp) call(f, this value, args []value) value {
	x.step(1)
	switch f := f.(type) {
	case *function:
		return x.invoke(f, this, args)
	case method:
		return x.native(f, args)
	case *unknown:
		return x.host(f, args)
	}
	return mystery("call")
}

func (x *interp) unary(e *js.UnaryExpr, s *scope) value {
	switch e.Op {
	case js.PreIncrToken, js.PreDecrToken, js.PostIncrToken, js.PostDecrToken:
		old := x.eval(e.X, s)
		if !known(old) {
			return old
		}
		n, by := number(old), 1.0
		if e.Op == js.PreDecrToken || e.Op == js.PostDecrToken {
			by = -1
		}
		x.assign(e.X, n+by, s)
		if e.Op == js.PostIncrToken || e.Op == js.PostDecrToken {
			return n
		}
		return n + by
	}
	v := x.eval(e.X, s)
	switch e.Op {
	case js.TypeofToken:
		return typeOf(v)
	case js.VoidToken:
		return nil
	case js.AwaitToken:
		return v
	case js.DeleteToken:
		return true
	case js.NotToken:
		if yes, ok := truth(v); ok {
			return !yes
		}
		return v
	}
	if !known(v) {
		return v
	}
	switch e.Op {
	case js.NegToken:
		return -number(x.primitive(v))
	case js.PosToken:
		return number(x.primitive(v))
	case js.BitNotToken:
		return float64(^int32Of(number(v)))
	}
	return mystery("expression")
}

func typeOf(v value) value {
	switch v := v.(type) {
	case nil:
		return str("undefined")
	case bool:
		return str("boolean")
	case float64:
		return str("number")
	case text:
		return str("string")
	case *function, method:
		return str("function")
	case *unknown:
		return v
	}
	return str("object")
}

// template and concatenation use the text of a value; what is unknown has none.
func (x *interp) textOf(v value) text {
	switch v := v.(type) {
	case nil:
		return str("undefined")
	case null:
		return str("null")
	case bool:
		return str(strconv.FormatBool(v))
	case float64:
		return numberText(v)
	case text:
		return v
	case *list:
		return x.joinList(v, str(","))
	case *octets:
		l := &list{x.items(v)}
		return x.joinList(l, str(","))
	case *object:
		if href, ok := v.props["href"].(text); ok && v.class != "" {
			return href
		}
		return str("[object Object]")
	case *regex:
		return str(v.source)
	case *function:
		return str("function")
	}
	return text{}
}

// primitive makes a text of what is an object, for arithmetic.
func (x *interp) primitive(v value) value {
	switch v.(type) {
	case *list, *object, *octets, *function, method, *regex:
		return x.textOf(v)
	}
	return v
}

// lookup finds a variable, or what the browser has by that name.
func (x *interp) lookup(name []byte, s *scope) value {
	for at := s; at != nil; at = at.up {
		if v, ok := at.vars[string(name)]; ok {
			return v
		}
	}
	return x.browser(string(name), s)
}

// assign gives v to what e names.
func (x *interp) assign(e js.IExpr, v value, s *scope) {
	switch e := e.(type) {
	case *js.Var:
		name := e.Name()
		for at := s; at != nil; at = at.up {
			if _, ok := at.vars[string(name)]; ok {
				at.vars[string(name)] = v
				if at == x.global {
					x.landed(string(name), v)
				}
				return
			}
		}
		x.take(32)
		x.global.vars[string(name)] = v
		x.landed(string(name), v)
	case *js.GroupExpr:
		x.assign(e.X, v, s)
	case *js.DotExpr:
		x.set(x.eval(e.X, s), str(x.dotName(e)), v)
	case *js.IndexExpr:
		x.set(x.eval(e.X, s), x.eval(e.Y, s), v)
	case *js.ArrayExpr:
		for i, el := range e.List {
			if el.Value != nil {
				x.assign(el.Value, x.get(v, float64(i)), s)
			}
		}
	case *js.ObjectExpr:
		for i := range e.List {
			if p := &e.List[i]; p.Name != nil {
				x.assign(p.Value, x.get(v, x.key(p.Name, s)), s)
			}
		}
	}
}
