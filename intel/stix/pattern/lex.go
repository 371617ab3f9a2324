package pattern

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxLength bounds a pattern in bytes. The longest published ones list some
// hundred hashes, which is a tenth of this.
const MaxLength = 1 << 20

type tokenKind uint8

const (
	tokEnd    tokenKind = iota
	tokWord             // identifiers and keywords
	tokOp               // brackets, operators
	tokString           // '…', and the typed literals below
	tokNumber
	tokTime
	tokBytes
)

type token struct {
	kind tokenKind
	text string // word, operator, or the literal's content
	val  any    // value of a literal: string, int64, float64, time.Time, []byte
	at   int    // byte offset
}

// SyntaxError says where a pattern breaks the grammar.
type SyntaxError struct {
	Offset int // byte offset from 0
	Msg    string
}

// Error is "at byte N: what".
func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Msg) }

func fail(at int, format string, args ...any) error {
	return &SyntaxError{Offset: at, Msg: fmt.Sprintf(format, args...)}
}

// timestamp is the form of section 9.3, by its syntax alone: 30 February
// passes, as it does elsewhere, and is read as the day after the month's last.
var timestamp = regexp.MustCompile(`^\d{4}-(0[1-9]|1[012])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?Z$`)

// lex splits a pattern into tokens.
func lex(s string) ([]token, error) {
	if len(s) > MaxLength {
		return nil, fail(0, "the pattern has %d bytes, at most %d are read", len(s), MaxLength)
	}
	var out []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case strings.HasPrefix(s[i:], "/*"):
			end := strings.Index(s[i+2:], "*/")
			if end < 0 {
				return nil, fail(i, "the comment does not end")
			}
			i += end + 4
		case strings.HasPrefix(s[i:], "//"):
			end := strings.IndexByte(s[i:], '\n')
			if end < 0 {
				end = len(s) - i
			}
			i += end
		default:
			t, n, err := next(s, i)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
			i += n
		}
	}
	return append(out, token{kind: tokEnd, at: len(s)}), nil
}

// next reads one token at i.
func next(s string, i int) (token, int, error) {
	c := s[i]
	switch {
	case c == '\'':
		text, n, err := quoted(s, i)
		return token{kind: tokString, text: text, val: text, at: i}, n, err
	case (c == 't' || c == 'h' || c == 'b') && i+1 < len(s) && s[i+1] == '\'':
		return typed(s, i)
	case isWordStart(c):
		n := 1
		for i+n < len(s) && (isWordStart(s[i+n]) || isDigit(s[i+n]) || s[i+n] == '-') {
			n++
		}
		return token{kind: tokWord, text: s[i : i+n], at: i}, n, nil
	case isDigit(c) || (c == '-' || c == '+') && i+1 < len(s) && (isDigit(s[i+1]) || s[i+1] == '.'):
		return number(s, i)
	}
	for _, op := range []string{"==", "!=", "<>", "<=", ">=", "[", "]", "(", ")", ":", ".", ",", "=", "<", ">", "*"} {
		if strings.HasPrefix(s[i:], op) {
			return token{kind: tokOp, text: op, at: i}, len(op), nil
		}
	}
	return token{}, 0, fail(i, "%q does not belong here", c)
}

func isWordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// quoted reads '…' with \' and \\ as escapes (section 9.3).
func quoted(s string, i int) (string, int, error) {
	var b strings.Builder
	for j := i + 1; j < len(s); j++ {
		switch {
		case s[j] == '\\' && j+1 < len(s) && (s[j+1] == '\\' || s[j+1] == '\''):
			j++
			b.WriteByte(s[j])
		case s[j] == '\'':
			return b.String(), j + 1 - i, nil
		default:
			b.WriteByte(s[j])
		}
	}
	return "", 0, fail(i, "the string does not end")
}

// typed reads t'…', h'…' and b'…'.
func typed(s string, i int) (token, int, error) {
	text, n, err := quoted(s, i+1)
	if err != nil {
		return token{}, 0, err
	}
	t := token{kind: tokBytes, text: text, at: i}
	switch s[i] {
	case 't':
		t.kind = tokTime
		t.val, err = parseTime(text)
	case 'h':
		t.val, err = hex.DecodeString(text)
	case 'b':
		t.val, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil {
		return token{}, 0, fail(i, "%c'%s' is malformed", s[i], text)
	}
	return t, n + 1, nil
}

func parseTime(s string) (time.Time, error) {
	if !timestamp.MatchString(s) {
		return time.Time{}, fmt.Errorf("%q is no timestamp", s)
	}
	num := func(a, b int) int {
		n, _ := strconv.Atoi(s[a:b]) // digits by the expression above
		return n
	}
	var nanos int
	if frac := strings.TrimSuffix(s[19:], "Z"); frac != "" {
		digits := (frac[1:] + "000000000")[:9]
		nanos, _ = strconv.Atoi(digits)
	}
	return time.Date(num(0, 4), time.Month(num(5, 7)), num(8, 10), num(11, 13), num(14, 16), num(17, 19), nanos, time.UTC), nil
}

func number(s string, i int) (token, int, error) {
	n := 1
	for i+n < len(s) && (isDigit(s[i+n]) || s[i+n] == '.') {
		n++
	}
	text := s[i : i+n]
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return token{kind: tokNumber, text: text, val: v, at: i}, n, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return token{}, 0, fail(i, "%q is no number", text)
	}
	return token{kind: tokNumber, text: text, val: v, at: i}, n, nil
}
