package script

import (
	"math"
	"strconv"
	"strings"

	"foregate/scan/file/internal/payload"
)

// Bounds of following VBScript.
const (
	maxVBText  = 8 << 20  // bytes of one string
	maxVBWork  = 64 << 20 // bytes that all strings take over time
	maxVBNest  = 100      // expressions inside each other
	maxVBLines = 200_000
)

// basic follows the constants of VBScript from line to line: assignments, and
// the texts that are handed to other programs or run.
type basic struct {
	w    *reader
	vars map[string]string
	work int
	nest int
	deep int // texts run inside each other
}

// visualBasic reads VBScript.
func (w *reader) visualBasic(src []byte) {
	v := &basic{w: w, vars: map[string]string{}}
	v.script(string(src))
}

// script reads statements, one for each line or part between colons.
func (v *basic) script(src string) {
	// A line that ends in " _" goes on.
	src = strings.NewReplacer(" _\r\n", " ", " _\n", " ", "\r", "").Replace(src)
	n := 0
	for line := range strings.SplitSeq(src, "\n") {
		for _, st := range statements(line) {
			if n++; n > maxVBLines || v.work > maxVBWork || v.w.ctx.Err() != nil {
				v.w.res.Find("file.script-maze", "", "script %q cannot be followed to its end", v.w.name)
				return
			}
			v.statement(st)
		}
	}
}

// statements splits a line at colons outside of strings, and drops a comment.
func statements(line string) []string {
	var out []string
	start, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\'':
			return append(out, line[start:i])
		case c == ':':
			out = append(out, line[start:i])
			start = i + 1
		}
	}
	return append(out, line[start:])
}

// statement follows one statement.
func (v *basic) statement(st string) {
	st = strings.TrimSpace(st)
	for _, p := range []string{"set ", "const ", "dim ", "call ", "let ", "public ", "private "} {
		if len(st) > len(p) && strings.EqualFold(st[:len(p)], p) {
			st = strings.TrimSpace(st[len(p):])
		}
	}
	if name, expr, ok := assignment(st); ok {
		if t, ok := v.value(expr); ok {
			v.set(name, t)
			v.noted(t, expr)
		}
		v.calls(expr)
		return
	}
	v.calls(st)
}

// assignment splits "name = expression".
func assignment(st string) (name, expr string, ok bool) {
	name, expr, ok = strings.Cut(st, "=")
	name = strings.ToLower(strings.TrimSpace(name))
	if !ok || name == "" || strings.ContainsAny(name, " \"()<>&.") {
		return "", "", false
	}
	return name, strings.TrimSpace(expr), true
}

func (v *basic) set(name, t string) {
	const most = 5000
	if _, have := v.vars[name]; have || len(v.vars) < most {
		v.vars[name] = t
	}
}

// noted tells what a text that was put together holds.
func (v *basic) noted(t, expr string) {
	v.w.links(t)
	const long = 200
	if len(t) < long {
		return
	}
	if b, ok := payload.Base64([]byte(t)); ok && payload.Magic(b) != "" && !strings.Contains(expr, t) {
		v.w.child("", b, "file.encoded-file", "script %q carries a file as base64 text")
	}
}

// calls looks for the calls of a statement that hand texts on.
func (v *basic) calls(st string) {
	low := lower(st)
	for _, c := range []struct{ word, object, method string }{
		{".run", "", "Run"}, {".exec", "", "Exec"}, {".shellexecute", "", "ShellExecute"}, {".create ", "", "Create"}, {".create(", "", "Create"}, {".savetofile", "", "SaveToFile"},
		{".regwrite", "", "RegWrite"}, {".createtextfile", "", "CreateTextFile"}, {".open", "", "Open"}, {"createobject", "object", ""}, {"getobject", "object", ""},
		{"executeglobal", "", "Execute"}, {"execute", "", "Execute"}, {"eval(", "", "Execute"},
	} {
		i := strings.Index(low, c.word)
		if i < 0 || i > 0 && c.word[0] != '.' && identifier(low[i-1]) {
			continue
		}
		rest := st[i+len(strings.TrimRight(c.word, "( ")):]
		if c.word == ".exec" && strings.HasPrefix(strings.ToLower(rest), "ute") {
			continue
		}
		v.call(c.object, c.method, v.arguments(rest))
		if c.method == "Execute" {
			return
		}
	}
}

// lower lowers ASCII only, so that places stay what they are.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

func identifier(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.'
}

func (v *basic) call(object, method string, args []string) {
	switch {
	case object != "":
		if len(args) > 0 {
			v.w.command(args[0], "", nil)
		}
	case method == "Execute":
		if len(args) == 0 || args[0] == "" {
			return
		}
		v.w.res.Find("file.script-of-text", args[0], "script %q makes code of text and runs it", v.w.name)
		const layers = 5
		if v.deep++; v.deep <= layers {
			v.script(args[0])
		}
		v.deep--
	case method == "Open":
		for _, a := range args {
			v.w.fetch(a)
			v.w.links(a)
		}
	default:
		if strings.TrimSpace(strings.Join(args, "")) != "" {
			v.w.command("", method, args)
		}
	}
}

// arguments folds the arguments of a call; those that are unknown are "".
func (v *basic) arguments(s string) []string {
	p := &vbExpr{v: v, s: strings.TrimSpace(s)}
	if strings.HasPrefix(p.s, "(") {
		p.at++
	}
	var out []string
	for len(out) < 8 {
		t, _ := p.sum()
		out = append(out, t)
		if !p.take(',') {
			return out
		}
	}
	return out
}

// value folds an expression that gives a text; ok is false where a part of it is
// unknown, the known parts are given all the same.
func (v *basic) value(expr string) (t string, ok bool) {
	p := &vbExpr{v: v, s: expr}
	t, ok = p.sum()
	return t, ok && strings.TrimSpace(p.s[p.at:]) == ""
}

// vbExpr reads an expression.
type vbExpr struct {
	v  *basic
	s  string
	at int
}

func (p *vbExpr) space() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\t') {
		p.at++
	}
}

func (p *vbExpr) take(c byte) bool {
	p.space()
	if p.at < len(p.s) && p.s[p.at] == c {
		p.at++
		return true
	}
	return false
}

// sum reads terms joined by & or +.
func (p *vbExpr) sum() (t string, ok bool) {
	if p.v.nest++; p.v.nest > maxVBNest {
		p.v.nest--
		return "", false
	}
	defer func() { p.v.nest-- }()
	var b strings.Builder
	ok = true
	for {
		part, known := p.term()
		ok = ok && known
		if p.v.work += len(part); b.Len()+len(part) <= maxVBText && p.v.work <= maxVBWork {
			b.WriteString(part)
		}
		if !p.take('&') && !p.take('+') {
			break
		}
	}
	return b.String(), ok
}

// term reads a literal, a number, a variable or a call.
func (p *vbExpr) term() (string, bool) {
	p.space()
	if p.at >= len(p.s) {
		return "", false
	}
	switch c := p.s[p.at]; {
	case c == '"':
		return p.literal()
	case c == '(':
		p.at++
		t, ok := p.sum()
		return t, p.take(')') && ok
	case c >= '0' && c <= '9' || c == '-' || c == '&':
		return p.number()
	}
	start := p.at
	for p.at < len(p.s) && (identifier(p.s[p.at]|0x20) || p.s[p.at] == '.') {
		p.at++
	}
	name := strings.ToLower(p.s[start:p.at])
	if name == "" {
		return "", false
	}
	if p.at < len(p.s) && p.s[p.at] == '(' {
		p.at++
		return p.call(name)
	}
	switch name {
	case "vbcrlf":
		return "\r\n", true
	case "vblf":
		return "\n", true
	case "vbtab":
		return "\t", true
	}
	t, ok := p.v.vars[name]
	return t, ok
}

func (p *vbExpr) literal() (string, bool) {
	var b strings.Builder
	for i := p.at + 1; i < len(p.s); i++ {
		if p.s[i] != '"' {
			b.WriteByte(p.s[i])
			continue
		}
		if i+1 < len(p.s) && p.s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		p.at = i + 1
		return b.String(), true
	}
	p.at = len(p.s)
	return b.String(), false
}

// number reads a number and simple arithmetic on it, as Chr(100+4) has.
func (p *vbExpr) number() (string, bool) {
	n, ok := p.digits()
	for ok {
		p.space()
		if p.at >= len(p.s) {
			break
		}
		op := p.s[p.at]
		if !strings.ContainsRune("+-*/", rune(op)) {
			break
		}
		back := p.at
		p.at++
		m, isNumber := p.digits()
		if !isNumber {
			p.at = back
			break
		}
		switch op {
		case '+':
			n += m
		case '-':
			n -= m
		case '*':
			n *= m
		case '/':
			n /= m
		}
	}
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return "", false
	}
	return strconv.FormatFloat(n, 'f', -1, 64), ok
}

func (p *vbExpr) digits() (float64, bool) {
	p.space()
	start := p.at
	if strings.HasPrefix(strings.ToLower(p.s[p.at:]), "&h") {
		p.at += 2
		for p.at < len(p.s) && strings.IndexByte("0123456789abcdefABCDEF", p.s[p.at]) >= 0 {
			p.at++
		}
		n, err := strconv.ParseUint(p.s[start+2:p.at], 16, 32)
		p.take('&')
		return float64(n), err == nil
	}
	for p.at < len(p.s) && (p.s[p.at] >= '0' && p.s[p.at] <= '9' || p.s[p.at] == '.' || p.at == start && p.s[p.at] == '-') {
		p.at++
	}
	n, err := strconv.ParseFloat(p.s[start:p.at], 64)
	return n, err == nil
}

// call folds the functions that change texts.
func (p *vbExpr) call(name string) (string, bool) {
	var args []string
	ok := true
	for len(args) < 64 && !p.take(')') {
		t, known := p.sum()
		args = append(args, t)
		ok = ok && known
		if !p.take(',') {
			if !p.take(')') {
				ok = false
			}
			break
		}
	}
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	num := func(i int) int {
		n, err := strconv.ParseFloat(arg(i), 64)
		if err != nil || math.Abs(n) > 1<<30 {
			return -1
		}
		return int(n)
	}
	if len(args) == 0 {
		return "", false
	}
	switch name {
	case "chr", "chrw", "chrb":
		if n := num(0); n >= 0 && n < 256 {
			return string([]byte{byte(n)}), ok
		}
		return string(rune(max(num(0), 0))), ok
	case "asc", "ascw":
		if arg(0) == "" {
			return "", false
		}
		return strconv.Itoa(int(arg(0)[0])), ok
	case "strreverse":
		b := []byte(arg(0))
		for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
		return string(b), ok
	case "replace":
		if arg(1) == "" || len(arg(0))/len(arg(1))*len(arg(2)) > maxVBText {
			return arg(0), ok
		}
		p.v.work += len(arg(0)) + len(arg(2))
		return strings.ReplaceAll(arg(0), arg(1), arg(2)), ok
	case "mid":
		return middle(arg(0), num(1)-1, num(2), len(args) < 3), ok
	case "left":
		return middle(arg(0), 0, num(1), false), ok
	case "right":
		return middle(arg(0), len(arg(0))-num(1), num(1), false), ok
	case "lcase":
		return strings.ToLower(arg(0)), ok
	case "ucase":
		return strings.ToUpper(arg(0)), ok
	case "trim", "ltrim", "rtrim":
		return strings.TrimSpace(arg(0)), ok
	case "join", "array", "cstr", "cint", "clng", "eval":
		return strings.Join(args[:max(1, len(args)-btoi(name == "join"))], ""), ok
	case "unescape":
		return unescape(arg(0)), ok
	case "split":
		return strings.ReplaceAll(arg(0), arg(1), ""), ok // as Join puts it together again
	}
	return "", false
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func middle(s string, from, n int, toEnd bool) string {
	from = min(max(from, 0), len(s))
	if toEnd {
		return s[from:]
	}
	return s[from:min(len(s), from+max(n, 0))]
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
