package jsfold

import (
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"

	"foregate/mql/shape"
)

// Bounds of the words of scripts that rules see.
const (
	maxWords = 5000    // words of one kind
	maxWord  = 8 << 10 // bytes of one
	maxSum   = 1 << 20 // bytes of all of one kind
)

// Tokens lists the distinct words of scripts, as rules see them: strings without
// their quotes.
func Tokens(scripts ...[]byte) shape.ScanJavascript {
	var names, keys, strs, res, kinds words
	for _, s := range scripts {
		l := js.NewLexer(parse.NewInputBytes(append([]byte(nil), s...)))
		operand := false // whether the last token ends an operand, so that / divides
		for {
			tt, b := l.Next()
			if tt == js.ErrorToken {
				break
			}
			if (tt == js.DivToken || tt == js.DivEqToken) && !operand {
				tt, b = l.RegExp()
			}
			switch {
			case tt == js.WhitespaceToken || tt == js.LineTerminatorToken || tt == js.CommentToken || tt == js.CommentLineTerminatorToken:
				continue
			case tt == js.StringToken && len(b) >= 2:
				strs.add(b[1 : len(b)-1])
				kinds.add([]byte("String"))
			case tt == js.TemplateToken:
				strs.add(b[1:max(len(b)-1, 1)])
				kinds.add([]byte("Template"))
			case tt == js.RegExpToken:
				res.add(b)
				kinds.add([]byte("RegularExpression"))
			case js.IsReservedWord(tt):
				keys.add(b)
				kinds.add([]byte("Keyword"))
			case js.IsIdentifierName(tt):
				names.add(b)
				kinds.add([]byte("Identifier"))
			case js.IsNumeric(tt):
				kinds.add([]byte("Numeric"))
			default:
				kinds.add([]byte("Punctuator"))
			}
			operand = tt == js.StringToken || tt == js.TemplateToken || tt == js.RegExpToken || js.IsNumeric(tt) || tt == js.CloseParenToken || tt == js.CloseBracketToken || tt == js.CloseBraceToken || js.IsIdentifierName(tt) && !js.IsReservedWord(tt)
		}
	}
	return shape.ScanJavascript{Identifiers: names.list, Keywords: keys.list, Strings: strs.list, RegularExpressions: res.list, Tokens: kinds.list}
}

// words are distinct words in the order in which they come.
type words struct {
	list []string
	seen map[string]bool
	sum  int
}

func (w *words) add(b []byte) {
	b = b[:min(len(b), maxWord)]
	if w.seen[string(b)] || len(w.list) >= maxWords || w.sum > maxSum {
		return
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	w.seen[string(b)] = true
	w.sum += len(b)
	w.list = append(w.list, string(b))
}
