package syntax

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// gap draws what may stand between two tokens: blanks, lines and comments.
func gap(t *rapid.T) string {
	return rapid.SampledFrom([]string{" ", " ", " ", " ", " ", "  ", "\n", "\n\n", " // c\n", "\n// own line\n", "\n\n// a\n// b\n", "\t", "\r\n"}).Draw(t, "gap")
}

// expression draws the tokens of a valid expression.
func expression(t *rapid.T, depth int) []string {
	sub := func() []string { return expression(t, depth-1) }
	join := func(parts ...any) []string {
		var out []string
		for _, p := range parts {
			switch p := p.(type) {
			case string:
				out = append(out, p)
			case []string:
				out = append(out, p...)
			}
		}
		return out
	}
	list := func(open, closing string) []string {
		out := []string{open}
		n := rapid.IntRange(1, 4).Draw(t, "items")
		for i := range n {
			if out = append(out, sub()...); i+1 < n || rapid.Bool().Draw(t, "trailing comma") {
				out = append(out, ",")
			}
		}
		return append(out, closing)
	}
	if depth <= 0 {
		return []string{rapid.SampledFrom([]string{"a", "a.b.c", ".", ".x", "..y", "null", "true", "1", "2.50", `"s"`, `"a\u{200b}\n"`, `'it''s'`, "$list",
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", `'a raw text that is long enough to break a line of a rule in two'`}).Draw(t, "leaf")}
	}
	par := func() []string { return join("(", sub(), ")") }
	switch rapid.IntRange(0, 11).Draw(t, "kind") {
	case 0:
		return join(par(), "and", par(), "and", par())
	case 1:
		return join(par(), "or", par())
	case 2:
		return join("not", par())
	case 3:
		return join(par(), rapid.SampledFrom([]string{"==", "!=", "=~", "!~", "<", "<=", ">", ">="}).Draw(t, "op"), par())
	case 4:
		return join(par(), rapid.SampledFrom([]string{"in", "in~", "not in", "not in~"}).Draw(t, "in"), list("(", ")"))
	case 5:
		return join(par(), rapid.SampledFrom([]string{"is null", "is not null"}).Draw(t, "null"))
	case 6:
		return join("2 of", list("(", ")"))
	case 7:
		call := list("f(", ")")
		if rapid.Bool().Draw(t, "named") {
			call = join(list("f(", ","), "mode=", sub(), ")")
			for i := len(call) - 1; i > 0; i-- { // no comma twice
				if call[i] == "," && call[i-1] == "," {
					call = append(call[:i], call[i+1:]...)
				}
			}
		}
		return call
	case 8:
		return list("[", "]")
	case 9:
		return join("a[", sub(), "]")
	case 10:
		return join(par(), rapid.SampledFrom([]string{"+", "-", "*", "/", "%"}).Draw(t, "arith"), par())
	}
	return join("any(", sub(), ",", sub(), ")")
}

// TestFormatProperty holds the formatter's laws for random expressions with
// comments and lines anywhere between their tokens.
func TestFormatProperty(t *testing.T) {
	parsed := 0
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		b.WriteString(gap(rt))
		for _, tok := range expression(rt, rapid.IntRange(0, 4).Draw(rt, "depth")) {
			b.WriteString(tok + gap(rt))
		}
		src := b.String()
		if _, errs := Parse("", src); len(errs) > 0 {
			if strings.Contains(src, "[") || strings.Contains(src, "=") { // "a[" before a comma and the like
				return
			}
			rt.Fatalf("%v\n%s", errs[0], src)
		}
		parsed++
		checkFormat(rt, src)
	})
	if parsed < 50 {
		t.Errorf("only %d expressions parse", parsed)
	}
}
