package pdf

import (
	"bytes"
	"strconv"
)

// Bounds of parsing.
const (
	maxDepth = 48   // nesting of arrays and dictionaries: honest files stay below 10
	maxItems = 1e5  // elements of one array or dictionary
	maxName  = 4096 // bytes of a name: the specification's limit is 127
)

// The kinds of values are Go's: nil, bool, float64, and the following.
type (
	name  string
	text  []byte
	array []any
	ref   struct{ num, gen int }
	word  string // a keyword or an operator
	dict  struct {
		first string // the key that stands first, for the object hash
		m     map[string]any
	}
)

func (d *dict) get(key string) any {
	if d == nil {
		return nil
	}
	return d.m[key]
}

// lexer reads values from bytes. It never fails: what is no value is skipped
// or read as a word.
type lexer struct {
	b      []byte
	pos    int
	hidden bool // a name was written with needless escapes
}

func white(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func delimiter(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

// skip passes white space and comments.
func (l *lexer) skip() {
	for l.pos < len(l.b) {
		c := l.b[l.pos]
		switch {
		case white(c):
			l.pos++
		case c == '%':
			n := bytes.IndexAny(l.b[l.pos:], "\r\n")
			if n < 0 {
				l.pos = len(l.b)
				return
			}
			l.pos += n
		default:
			return
		}
	}
}

// end is the word that stands for the end of the bytes.
const end = word("")

// value reads the next value; closing brackets are words.
func (l *lexer) value(depth int) any {
	l.skip()
	if l.pos >= len(l.b) {
		return end
	}
	c := l.b[l.pos]
	switch {
	case c == '/':
		return l.name()
	case c == '(':
		return l.literal()
	case c == '<' && l.pos+1 < len(l.b) && l.b[l.pos+1] == '<':
		l.pos += 2
		if depth >= maxDepth {
			return word("<<")
		}
		return l.dict(depth + 1)
	case c == '<':
		return l.hex()
	case c == '[' && depth < maxDepth:
		l.pos++
		return l.array(depth + 1)
	case c == '>' && l.pos+1 < len(l.b) && l.b[l.pos+1] == '>':
		l.pos += 2
		return word(">>")
	case delimiter(c):
		l.pos++
		return word(c)
	}
	return l.regular()
}

// regular reads a number, a reference or a word.
func (l *lexer) regular() any {
	start := l.pos
	for l.pos < len(l.b) && !white(l.b[l.pos]) && !delimiter(l.b[l.pos]) {
		l.pos++
	}
	s := string(l.b[start:min(l.pos, start+maxName)])
	switch s {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if c := s[0]; c != '+' && c != '-' && c != '.' && (c < '0' || c > '9') {
		return word(s)
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return word(s)
	}
	if n >= 0 && n == float64(int(n)) && n < 1<<31 {
		if r, ok := l.reference(int(n)); ok {
			return r
		}
	}
	return n
}

// reference looks whether "gen R" follows a number.
func (l *lexer) reference(num int) (ref, bool) {
	i := l.pos
	for i < len(l.b) && white(l.b[i]) {
		i++
	}
	start, gen := i, 0
	for i < len(l.b) && i < start+6 && l.b[i] >= '0' && l.b[i] <= '9' {
		gen = gen*10 + int(l.b[i]-'0')
		i++
	}
	if i == start {
		return ref{}, false
	}
	spaces := i
	for i < len(l.b) && white(l.b[i]) {
		i++
	}
	if i == spaces || i >= len(l.b) || l.b[i] != 'R' || i+1 < len(l.b) && !white(l.b[i+1]) && !delimiter(l.b[i+1]) {
		return ref{}, false
	}
	l.pos = i + 1
	return ref{num, gen}, true
}

func (l *lexer) name() any {
	l.pos++
	var out []byte
	for l.pos < len(l.b) && !white(l.b[l.pos]) && !delimiter(l.b[l.pos]) {
		c := l.b[l.pos]
		if c == '#' && l.pos+2 < len(l.b) {
			hi, lo := nibble(l.b[l.pos+1]), nibble(l.b[l.pos+2])
			if hi >= 0 && lo >= 0 {
				c = byte(hi<<4 | lo)
				l.pos += 2
				if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
					l.hidden = true
				}
			}
		}
		l.pos++
		if len(out) < maxName {
			out = append(out, c)
		}
	}
	return name(out)
}

func nibble(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// literal reads a string in parentheses, ISO 32000-1 section 7.3.4.2.
func (l *lexer) literal() any {
	l.pos++
	out := text{}
	for open := 1; l.pos < len(l.b); l.pos++ {
		c := l.b[l.pos]
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				l.pos++
				return out
			}
		case '\\':
			l.pos++
			if l.pos >= len(l.b) {
				return out
			}
			out = l.escape(out)
			continue
		}
		out = append(out, c)
	}
	return out
}

func (l *lexer) escape(out text) text {
	switch c := l.b[l.pos]; c {
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case '\n':
		return out
	case '\r':
		if l.pos+1 < len(l.b) && l.b[l.pos+1] == '\n' {
			l.pos++
		}
		return out
	case '0', '1', '2', '3', '4', '5', '6', '7':
		v := 0
		i := 0
		for ; i < 3 && l.pos+i < len(l.b) && l.b[l.pos+i] >= '0' && l.b[l.pos+i] <= '7'; i++ {
			v = v<<3 | int(l.b[l.pos+i]-'0')
		}
		l.pos += i - 1
		return append(out, byte(v))
	default:
		return append(out, c)
	}
}

func (l *lexer) hex() any {
	l.pos++
	out := text{}
	half := -1
	for ; l.pos < len(l.b); l.pos++ {
		c := l.b[l.pos]
		if c == '>' {
			l.pos++
			break
		}
		n := nibble(c)
		switch {
		case n < 0:
		case half < 0:
			half = n
		default:
			out = append(out, byte(half<<4|n))
			half = -1
		}
	}
	if half >= 0 {
		out = append(out, byte(half<<4))
	}
	return out
}

func (l *lexer) array(depth int) any {
	out := array{}
	for len(out) < maxItems {
		v := l.value(depth)
		if w, ok := v.(word); ok {
			if w == "]" || w == end {
				return out
			}
			if w == "endobj" || w == "endstream" || w == ">>" {
				return out // the bracket was forgotten
			}
			continue
		}
		out = append(out, v)
	}
	return out
}

func (l *lexer) dict(depth int) any {
	d := &dict{m: map[string]any{}}
	for len(d.m) < maxItems {
		k := l.value(depth)
		if w, ok := k.(word); ok {
			if w == ">>" || w == end || w == "endobj" || w == "stream" {
				if w == "stream" {
					l.pos -= len("stream")
				}
				break
			}
			continue
		}
		key, ok := k.(name)
		if !ok {
			continue
		}
		before := l.pos
		v := l.value(depth)
		if w, ok := v.(word); ok {
			if w == ">>" || w == end {
				l.pos = before
			}
			v = nil
		}
		if d.first == "" {
			d.first = string(key)
		}
		if _, dup := d.m[string(key)]; !dup {
			d.m[string(key)] = v
		}
	}
	return d
}
