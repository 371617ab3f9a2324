package jsfold

import (
	"github.com/tdewolff/parse/v2/js"
)

// function is a function of the script with the variables around it.
type function struct {
	name   string
	params js.Params
	body   *js.BlockStmt
	up     *scope
	this   value
	arrow  bool
	called bool
	props  map[string]value
}

// ending says how a statement ended.
type ending uint8

const (
	normal ending = iota
	broke
	continued
	returned
	threw
)

// maxRounds bounds the rounds of a loop whose condition is unknown: its body is
// followed once, and once more for what the first round made known.
const maxRounds = 2

// hoist declares the functions of a list of statements before it is followed.
func (x *interp) hoist(list []js.IStmt, s *scope) {
	for _, st := range list {
		if f, ok := st.(*js.FuncDecl); ok && f.Name != nil {
			s.vars[string(f.Name.Name())] = x.declare(f, s)
		}
	}
}

func (x *interp) declare(f *js.FuncDecl, s *scope) *function {
	fn := &function{params: f.Params, body: &f.Body, up: s}
	if f.Name != nil {
		fn.name = string(f.Name.Name())
	}
	x.take(64)
	const most = 10_000
	if len(x.seen) < most {
		x.seen = append(x.seen, fn)
	}
	return fn
}

// enter goes one level deeper; leave comes back.
func (x *interp) enter() {
	if x.depth++; x.depth > maxDepth {
		x.stop("the script is nested or calls itself deeper than %d", maxDepth)
	}
}

func (x *interp) leave() { x.depth-- }

// block follows a list of statements.
func (x *interp) block(list []js.IStmt, s *scope) (ending, value) {
	x.hoist(list, s)
	for _, st := range list {
		end, v := x.statement(st, s)
		if x.thrown {
			x.thrown = false
			return threw, v
		}
		if end != normal {
			return end, v
		}
	}
	return normal, nil
}

// statement follows one statement. v is what is returned or thrown.
func (x *interp) statement(st js.IStmt, s *scope) (end ending, v value) {
	x.step(1)
	x.enter()
	defer x.leave()
	switch st := st.(type) {
	case *js.ExprStmt:
		x.eval(st.Value, s)
	case *js.VarDecl:
		x.vars(st, s)
	case *js.FuncDecl:
		if st.Name != nil && s.vars[string(st.Name.Name())] == nil {
			s.vars[string(st.Name.Name())] = x.declare(st, s)
		}
	case *js.ClassDecl:
		x.eval(st, s)
	case *js.BlockStmt:
		return x.block(st.List, s)
	case *js.ReturnStmt:
		if st.Value != nil {
			v = x.eval(st.Value, s)
		}
		return returned, v
	case *js.IfStmt:
		return x.branch(st, s)
	case *js.ForStmt, *js.WhileStmt, *js.DoWhileStmt, *js.ForInStmt, *js.ForOfStmt:
		return x.loop(st, s)
	case *js.SwitchStmt:
		return x.choose(st, s)
	case *js.BranchStmt:
		if st.Type == js.ContinueToken {
			return continued, nil
		}
		return broke, nil
	case *js.TryStmt:
		return x.try(st, s)
	case *js.ThrowStmt:
		return threw, x.eval(st.Value, s)
	case *js.LabelledStmt:
		end, v = x.statement(st.Value, s)
		if end == broke {
			end = normal
		}
		return end, v
	case *js.WithStmt:
		x.eval(st.Cond, s)
		return x.statement(st.Body, s)
	case *js.ExportStmt:
		if st.Decl != nil {
			x.eval(st.Decl, s)
		}
	}
	return normal, nil
}

// vars follows the declarations of variables.
func (x *interp) vars(d *js.VarDecl, s *scope) {
	for _, b := range d.List {
		if b.Default == nil {
			if v, ok := b.Binding.(*js.Var); ok {
				if _, have := s.vars[string(v.Name())]; !have || d.TokenType != js.VarToken {
					s.vars[string(v.Name())] = nil
				}
				continue
			}
		}
		var v value
		if b.Default != nil {
			v = x.eval(b.Default, s)
		}
		x.bind(b.Binding, v, s)
	}
}

// bind gives v to the names of a binding.
func (x *interp) bind(b js.IBinding, v value, s *scope) {
	x.step(1)
	x.enter()
	defer x.leave()
	switch b := b.(type) {
	case *js.Var:
		name := string(b.Name())
		s.vars[name] = v
		if f, ok := v.(*function); ok && f.name == "" {
			f.name = name
		}
		if s == x.global {
			x.landed(name, v)
		}
	case *js.BindingArray:
		for i, e := range b.List {
			if e.Binding != nil {
				x.bindElement(e, x.get(v, float64(i)), s)
			}
		}
		if l, ok := v.(*list); ok && b.Rest != nil {
			x.bind(b.Rest, &list{append([]value(nil), l.v[min(len(b.List), len(l.v)):]...)}, s)
		}
	case *js.BindingObject:
		for _, it := range b.List {
			var key value
			switch {
			case it.Key == nil:
				if n, ok := it.Value.Binding.(*js.Var); ok {
					key = str(string(n.Name()))
				}
			default:
				key = x.key(it.Key, s)
			}
			x.bindElement(it.Value, x.get(v, key), s)
		}
	}
}

func (x *interp) bindElement(e js.BindingElement, v value, s *scope) {
	if v == nil && e.Default != nil {
		v = x.eval(e.Default, s)
	}
	x.bind(e.Binding, v, s)
}

// branch follows the branch that is taken, or both where that is unknown: a
// script that asks where it is goes on as if it were where it wants to be.
func (x *interp) branch(st *js.IfStmt, s *scope) (ending, value) {
	yes, ok := truth(x.eval(st.Cond, s))
	if ok {
		if yes {
			return x.statement(st.Body, s)
		}
		if st.Else != nil {
			return x.statement(st.Else, s)
		}
		return normal, nil
	}
	x.statement(st.Body, s)
	x.thrown = false
	if st.Else != nil {
		x.statement(st.Else, s)
		x.thrown = false
	}
	return normal, nil
}

func (x *interp) try(st *js.TryStmt, s *scope) (ending, value) {
	end, v := x.block(st.Body.List, s)
	if end == threw && st.Catch != nil {
		if st.Binding != nil {
			x.bind(st.Binding, v, s)
		}
		end, v = x.block(st.Catch.List, s)
	}
	if st.Finally != nil {
		if e, w := x.block(st.Finally.List, s); e != normal {
			return e, w
		}
	}
	return end, v
}

// choose follows a switch from the case that fits; where that is unknown, every
// case.
func (x *interp) choose(st *js.SwitchStmt, s *scope) (ending, value) {
	on := x.eval(st.Init, s)
	from, other := -1, -1
	for i, c := range st.List {
		if c.Cond == nil {
			other = i
			continue
		}
		same, ok := equals(on, x.eval(c.Cond, s), true)
		if !ok {
			return x.every(st, s)
		}
		if same {
			from = i
			break
		}
	}
	if from < 0 {
		from = other
	}
	if from < 0 {
		return normal, nil
	}
	for _, c := range st.List[from:] {
		switch end, v := x.block(c.List, s); end {
		case normal:
		case broke:
			return normal, nil
		default:
			return end, v
		}
	}
	return normal, nil
}

func (x *interp) every(st *js.SwitchStmt, s *scope) (ending, value) {
	for _, c := range st.List {
		if end, v := x.block(c.List, s); end == returned {
			return end, v
		}
	}
	return normal, nil
}

// loop follows loops of every kind.
func (x *interp) loop(st js.IStmt, s *scope) (ending, value) {
	switch st := st.(type) {
	case *js.ForStmt:
		if d, ok := st.Init.(*js.VarDecl); ok {
			x.vars(d, s)
		} else if st.Init != nil {
			x.eval(st.Init, s)
		}
		return x.rounds(st.Cond, st.Post, st.Body.List, s, false)
	case *js.WhileStmt:
		return x.rounds(st.Cond, nil, []js.IStmt{st.Body}, s, false)
	case *js.DoWhileStmt:
		return x.rounds(st.Cond, nil, []js.IStmt{st.Body}, s, true)
	case *js.ForInStmt:
		return x.each(st.Init, x.keys(x.eval(st.Value, s)), st.Body.List, s)
	case *js.ForOfStmt:
		return x.each(st.Init, x.items(x.eval(st.Value, s)), st.Body.List, s)
	}
	return normal, nil
}

// rounds follows a loop as long as its condition holds.
func (x *interp) rounds(cond, post js.IExpr, body []js.IStmt, s *scope, bodyFirst bool) (ending, value) {
	unsure := 0
	// A loop that only waits must not hide what follows it.
	enough := x.steps + (x.limit-x.steps)/4*3
	for {
		if x.step(1); x.steps > enough {
			x.problem("a loop takes more steps to follow than it is given")
			return normal, nil
		}
		if cond != nil && !bodyFirst {
			yes, ok := truth(x.eval(cond, s))
			if !ok {
				unsure++
			}
			if ok && !yes || unsure > maxRounds {
				return normal, nil
			}
		}
		bodyFirst = false
		switch end, v := x.block(body, s); end {
		case broke:
			return normal, nil
		case returned, threw:
			return end, v
		}
		if post != nil {
			x.eval(post, s)
		}
	}
}

// each follows a loop over values.
func (x *interp) each(init js.IExpr, over []value, body []js.IStmt, s *scope) (ending, value) {
	for _, v := range over {
		x.step(1)
		switch d := init.(type) {
		case *js.VarDecl:
			if len(d.List) == 1 {
				x.bind(d.List[0].Binding, v, s)
			}
		default:
			x.assign(init, v, s)
		}
		switch end, v := x.block(body, s); end {
		case broke:
			return normal, nil
		case returned, threw:
			return end, v
		}
	}
	return normal, nil
}

// invoke calls a function of the script.
func (x *interp) invoke(f *function, this value, args []value) value {
	x.enter()
	defer x.leave()
	x.step(2)
	f.called = true
	x.take(96)
	s := &scope{vars: make(map[string]value, len(args)+2), up: f.up, this: this}
	if f.arrow {
		s.this = f.this
	} else {
		s.vars["arguments"] = &list{append([]value(nil), args...)}
	}
	for i, p := range f.params.List {
		var v value
		if i < len(args) {
			v = args[i]
		}
		if p.Binding != nil {
			x.bindElement(p, v, s)
		}
	}
	if f.params.Rest != nil {
		x.bind(f.params.Rest, &list{append([]value(nil), args[min(len(f.params.List), len(args)):]...)}, s)
	}
	end, v := x.block(f.body.List, s)
	if end == threw {
		x.thrown = true
	}
	if end == returned {
		return v
	}
	return nil
}
