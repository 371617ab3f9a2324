package syntax

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	tEOF kind = iota
	tIdent
	tList   // $name
	tInt    // 12
	tFloat  // 1.5
	tString // decoded in text
	tDots   // a run of dots; n is their number
	tOp     // operator or punctuation, text
	tBad    // reported already
)

type token struct {
	kind       kind
	raw        bool // '…' string
	start, end int
	n          int64
	f          float64
	text       string
}

// lexer turns a source into tokens, collecting comments and errors.
type lexer struct {
	file, src string
	pos       int
	comments  []Comment
	errs      []Diagnostic
	full      bool // too many errors: stop
}

func (l *lexer) errorf(at int, hint, format string, args ...any) {
	if len(l.errs) >= MaxErrors {
		l.full = true
		return
	}
	l.errs = append(l.errs, New(l.file, l.src, at, hint, format, args...))
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// next returns the next token; after the end it keeps returning tEOF.
func (l *lexer) next() token {
	l.blanks()
	start := l.pos
	if l.pos >= len(l.src) || l.full {
		return token{kind: tEOF, start: len(l.src), end: len(l.src)}
	}
	c := l.src[l.pos]
	switch {
	case isLetter(c):
		for l.pos < len(l.src) && (isLetter(l.src[l.pos]) || isDigit(l.src[l.pos])) {
			l.pos++
		}
		return token{kind: tIdent, start: start, end: l.pos, text: l.src[start:l.pos]}
	case isDigit(c):
		return l.number()
	case c == '$':
		l.pos++
		for l.pos < len(l.src) && (isLetter(l.src[l.pos]) || isDigit(l.src[l.pos])) {
			l.pos++
		}
		if l.pos == start+1 {
			l.errorf(start, "", `"$" without a list name`)
			return token{kind: tBad, start: start, end: l.pos}
		}
		return token{kind: tList, start: start, end: l.pos, text: l.src[start+1 : l.pos]}
	case c == '.':
		for l.pos < len(l.src) && l.src[l.pos] == '.' {
			l.pos++
		}
		return token{kind: tDots, start: start, end: l.pos, n: int64(l.pos - start)}
	case c == '"':
		return l.quoted()
	case c == '\'':
		return l.rawString()
	}
	return l.operator()
}

// blanks skips white space and collects comments.
func (l *lexer) blanks() {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			l.pos++
		case strings.HasPrefix(l.src[l.pos:], "\u00a0"): // pasted from a web page
			l.pos += 2
		case c == '/' && strings.HasPrefix(l.src[l.pos:], "//"):
			start := l.pos
			if i := strings.IndexByte(l.src[l.pos:], '\n'); i >= 0 {
				l.pos += i
			} else {
				l.pos = len(l.src)
			}
			line := l.src[strings.LastIndexByte(l.src[:start], '\n')+1 : start]
			text := strings.TrimRight(l.src[start:l.pos], " \t\r")
			l.comments = append(l.comments, Comment{Start: start, End: start + len(text), Text: text, OwnLine: strings.Trim(line, " \t\r\u00a0") == ""})
		case c == '/' && strings.HasPrefix(l.src[l.pos:], "/*"): // one error, not one per word
			l.errorf(l.pos, "comments begin with // and end with the line", `unexpected "/*"`)
			if i := strings.Index(l.src[l.pos+2:], "*/"); i >= 0 {
				l.pos += i + 4
			} else {
				l.pos = len(l.src)
			}
		default:
			return
		}
	}
}

func (l *lexer) number() token {
	start := l.pos
	for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
		l.pos++
	}
	float := l.pos+1 < len(l.src) && l.src[l.pos] == '.' && isDigit(l.src[l.pos+1])
	if float {
		l.pos++
		for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
			l.pos++
		}
	}
	text := l.src[start:l.pos]
	if l.pos < len(l.src) && isLetter(l.src[l.pos]) {
		for l.pos < len(l.src) && (isLetter(l.src[l.pos]) || isDigit(l.src[l.pos])) {
			l.pos++
		}
		l.errorf(start, "", "malformed number %q", l.src[start:l.pos])
		return token{kind: tBad, start: start, end: l.pos}
	}
	if float {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			l.errorf(start, "", "number %s is out of range", text)
		}
		return token{kind: tFloat, start: start, end: l.pos, f: f, text: text}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		l.errorf(start, "", "number %s is out of range", text)
	}
	return token{kind: tInt, start: start, end: l.pos, n: n, text: text}
}

// rawString reads '…' where ” stands for one quote and nothing else is special.
func (l *lexer) rawString() token {
	start := l.pos
	l.pos++
	for {
		i := strings.IndexByte(l.src[l.pos:], '\'')
		if i < 0 {
			l.pos = len(l.src)
			l.errorf(start, "", "string is not closed, expected '")
			return token{kind: tBad, start: start, end: l.pos}
		}
		l.pos += i + 1
		if l.pos < len(l.src) && l.src[l.pos] == '\'' {
			l.pos++
			continue
		}
		text := strings.ReplaceAll(l.src[start+1:l.pos-1], "''", "'")
		return token{kind: tString, raw: true, start: start, end: l.pos, text: text}
	}
}

// quoted reads "…" with its escapes.
func (l *lexer) quoted() token {
	start := l.pos
	l.pos++
	var b strings.Builder
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; c {
		case '"':
			l.pos++
			return token{kind: tString, start: start, end: l.pos, text: b.String()}
		case '\\':
			l.escape(&b)
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	l.errorf(start, "", `string is not closed, expected "`)
	return token{kind: tBad, start: start, end: l.pos}
}

// escape reads one backslash escape at l.pos.
func (l *lexer) escape(b *strings.Builder) {
	at := l.pos
	l.pos++
	if l.pos >= len(l.src) {
		return // quoted reports the open string
	}
	c := l.src[l.pos]
	l.pos++
	switch c {
	case 'r':
		b.WriteByte('\r')
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case '\'', '"', '\\':
		b.WriteByte(c)
	case 'u':
		r, ok := l.codePoint()
		if !ok {
			l.errorf(at, "", `malformed escape, expected \u{…} with 1 to 6 hexadecimal digits of a code point`)
			return
		}
		b.WriteRune(r)
	default:
		_, size := utf8.DecodeRuneInString(l.src[l.pos-1:])
		l.pos += size - 1
		l.errorf(at, "use '…' for text with backslashes", `unknown escape \%s, expected one of \r \n \t \' \" \\ \u{…}`, l.src[at+1:l.pos])
	}
}

// codePoint reads {hex} after \u.
func (l *lexer) codePoint() (rune, bool) {
	if l.pos >= len(l.src) || l.src[l.pos] != '{' {
		return 0, false
	}
	end := strings.IndexByte(l.src[l.pos:min(l.pos+8, len(l.src))], '}')
	if end < 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(l.src[l.pos+1:l.pos+end], 16, 32)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	l.pos += end + 1
	return rune(n), true
}

func (l *lexer) operator() token {
	start := l.pos
	for _, op := range [...]string{"==", "!=", "=~", "!~", "<=", ">="} {
		if strings.HasPrefix(l.src[l.pos:], op) {
			l.pos += 2
			return token{kind: tOp, start: start, end: l.pos, text: op}
		}
	}
	if strings.IndexByte("+-*/%()[],<>=~", l.src[l.pos]) >= 0 {
		l.pos++
		return token{kind: tOp, start: start, end: l.pos, text: l.src[start:l.pos]}
	}
	r, size := utf8.DecodeRuneInString(l.src[l.pos:])
	l.pos += size
	hint := ""
	switch r {
	case '“', '”', '‘', '’':
		hint = "strings use straight quotes"
	case '&':
		hint = `did you mean "and"?`
	case '|':
		hint = `did you mean "or"?`
	case '!':
		hint = `did you mean "not"?`
	case '#':
		hint = "comments begin with //"
	case '?':
		hint = "there is no choice between values; write conditions with and, or"
	case ';', '{', '}':
		hint = "a source is one expression; join conditions with and, or"
	default:
		if r >= utf8.RuneSelf && unicode.IsLetter(r) {
			hint = "names have the letters a to z"
		}
	}
	l.errorf(start, hint, "unexpected character %s", show(r))
	for l.pos < len(l.src) && l.src[l.pos] == l.src[start] && l.src[start] < utf8.RuneSelf {
		l.pos++
	}
	return token{kind: tBad, start: start, end: l.pos}
}

func show(r rune) string {
	if r == utf8.RuneError {
		return "that is not valid UTF-8"
	}
	if r >= utf8.RuneSelf && unicode.IsLetter(r) { // it may look like one that would do
		return fmt.Sprintf("%q (U+%04X)", string(r), r)
	}
	return fmt.Sprintf("%q", string(r))
}
