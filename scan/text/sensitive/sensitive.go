// Package sensitive finds personal and secret data in a text: numbers that prove
// themselves by a check digit or an unmistakable form, and keys that programs
// sign in with.
//
// A number counts for what its form is worth. One that random digits seldom
// imitate (an IBAN: 1 in 97, with a country and its length) is found by itself,
// with medium confidence; one that every tenth order number passes for (a bare
// check digit) only with low confidence. A word of its field just before it, such
// as "IBAN" or "social security", raises either to high. Kinds that only a
// dictionary or the context could tell, such as a medical condition, are not
// found at all; shape.SensitiveKind says which are.
package sensitive

import (
	"context"
	"fmt"
	"strings"

	"foregate/mail"
	"foregate/mql"
	"foregate/mql/shape"
)

const (
	maxOfKind  = 16 // passages of one kind and confidence; a list of thousands is told by its first
	maxCompact = 34 // letters and digits of the longest number, an IBAN
	maxPieces  = 12 // groups in which a number is written
	nearBefore = 60 // bytes before a number in which a word of its field counts
)

// Capabilities answers the function of rules that asks for sensitive passages.
func Capabilities() mql.Capabilities {
	return mql.Capabilities{
		"beta.ml_extract_sensitive_information": func(ctx context.Context, _ *mail.Message, args []any) (any, error) {
			if len(args) == 0 {
				return nil, fmt.Errorf("looking for sensitive data: no text given")
			}
			text, ok := args[0].(string)
			if !ok {
				return nil, fmt.Errorf("looking for sensitive data: the argument is a %T", args[0])
			}
			found, err := Find(ctx, text)
			return shape.Sensitive{Elements: found}, err
		},
	}
}

// Find returns the sensitive passages of a text, numbers before keys, the first
// of each kind. Its time is linear in the text; it fails only when ctx ends.
func Find(ctx context.Context, text string) ([]shape.SensitiveElement, error) {
	f := finder{text: text, out: []shape.SensitiveElement{}, seen: map[shape.SensitiveElement]bool{}, count: map[[2]string]int{}}
	if err := f.numbers(ctx); err != nil {
		return nil, err
	}
	f.keys()
	f.addresses()
	return f.out, nil
}

type finder struct {
	text  string
	out   []shape.SensitiveElement
	seen  map[shape.SensitiveElement]bool
	count map[[2]string]int // by kind and confidence
}

func (f *finder) add(kind, confidence string, from, to int) {
	e := shape.SensitiveElement{Type: kind, Text: f.text[from:to], Confidence: confidence}
	if n := [2]string{kind, confidence}; f.count[n] < maxOfKind && !f.seen[e] {
		f.count[n]++
		e.Text = strings.Clone(e.Text)
		f.seen[e] = true
		f.out = append(f.out, e)
	}
}

func alnum(c byte) bool {
	return c-'0' < 10 || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// word returns the end of the run of letters and digits that begins at i.
func word(text string, i int) int {
	for i < len(text) && alnum(text[i]) {
		i++
	}
	return i
}

// numbers tries every run of words that could be one number: letters and digits
// in groups with one blank, hyphen, point or slash between them.
func (f *finder) numbers(ctx context.Context) error {
	for i, n := 0, 0; i < len(f.text); n++ {
		if !alnum(f.text[i]) {
			i++
			continue
		}
		if n%4096 == 0 && ctx.Err() != nil {
			return fmt.Errorf("looking for sensitive data: %w", ctx.Err())
		}
		next := word(f.text, i)
		if end := f.numberAt(i); end > 0 {
			next = end
		}
		i = next
	}
	return nil
}

// candidate is what may be one number: its letters and digits, in capitals, and
// how they are grouped.
type candidate struct {
	from, to int // in the text
	chars    []byte
	class    []byte // of each character: # a digit, @ a letter
	groups   []byte // their lengths, as digits
}

// numberAt looks at the numbers that begin with the word at i, and returns the
// end of the longest that is found with more than low confidence, or 0.
func (f *finder) numberAt(i int) (longest int) {
	var chars, class [maxCompact]byte
	var groups [maxPieces]byte
	n := 0
	for piece, at := 0, i; piece < maxPieces && at < len(f.text) && alnum(f.text[at]); piece++ {
		end := word(f.text, at)
		if n+end-at > maxCompact {
			break
		}
		for _, c := range []byte(f.text[at:end]) {
			if class[n] = '#'; c > '9' {
				class[n], c = '@', c&^0x20
			}
			chars[n] = c
			n++
		}
		groups[piece] = '0' + byte(end-at)
		if f.number(candidate{i, end, chars[:n], class[:n], groups[:piece+1]}) {
			longest = end
		}
		if end >= len(f.text) || strings.IndexByte(" -./", f.text[end]) < 0 {
			break
		}
		at = end + 1
	}
	return longest
}

// number adds what c may be, and tells whether that is more than a guess.
func (f *finder) number(c candidate) (sure bool) {
	s := ""
	for _, k := range formsOf[len(c.chars)] {
		if !fits(k.pattern, c) {
			continue
		}
		if s == "" {
			s = string(c.chars)
		}
		if k.check != nil && !k.check(s) {
			continue
		}
		confidence := shape.Low
		switch {
		case k.named && f.text[c.from:c.to] != s: // a word of the language
			continue
		case f.near(c.from, k.words):
			confidence = shape.High
		case k.named:
			continue
		case k.strong || k.groups != "" && k.groups == string(c.groups):
			confidence = shape.Medium
		}
		sure = sure || confidence != shape.Low
		f.add(k.kind, confidence, c.from, c.to)
	}
	return sure
}

// fits compares a number with a pattern: # is a digit, @ a letter, * either,
// anything else itself.
func fits(pattern string, c candidate) bool {
	for i := range len(pattern) {
		switch p := pattern[i]; p {
		case '#', '@':
			if c.class[i] != p {
				return false
			}
		case '*':
		default:
			if c.chars[i] != p {
				return false
			}
		}
	}
	return true
}

// near tells whether a word of the field stands shortly before at, or begins
// what is at it.
func (f *finder) near(at int, words []string) bool {
	if len(words) == 0 {
		return false
	}
	before := strings.ToLower(f.text[max(0, at-nearBefore):at])
	for _, w := range words {
		for rest := before; ; {
			i := strings.Index(rest, w)
			if i < 0 {
				break
			}
			end := i + len(w)
			if (i == 0 || !alnum(rest[i-1])) && (end == len(rest) || !alnum(rest[end])) {
				return true
			}
			rest = rest[end:]
		}
	}
	return false
}
