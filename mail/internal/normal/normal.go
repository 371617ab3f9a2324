// Package normal folds text to what it looks like, so that a rule that looks
// for a word finds it however it is disguised.
package normal

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"foregate/domain"
)

// Text returns s without the characters that have no shape (zero-width
// characters, bidirectional controls, soft hyphens), with compatibility forms
// folded (full-width and mathematical letters: Unicode NFKC) and, in words that
// mix Latin with another script, with look-alike letters folded to their ASCII
// model. A word that is wholly Cyrillic or Greek stays as it is, accented
// letters too. ASCII text is returned unchanged, without allocation. Bytes that
// are not UTF-8 become U+FFFD. The result is at most MaxGrowth times as long.
func Text(s string) string {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	if i == len(s) {
		return s
	}
	b := dropShapeless(make([]byte, 0, len(s)+len(s)/8), s, i)
	if !norm.NFKC.IsNormal(b) {
		b = dropShapeless(make([]byte, 0, len(b)), norm.NFKC.String(string(b)), 0)
	}
	if b = foldWords(b); string(b) == s {
		return s // whoever has looked at s need not look again
	}
	return string(b)
}

// MaxGrowth is the longest NFKC expansion: U+FDFA, three bytes to 33.
const MaxGrowth = 11

// dropShapeless appends s to dst without its shapeless characters. The first
// ascii bytes are known to be ASCII.
func dropShapeless(dst []byte, s string, ascii int) []byte {
	dst = append(dst, s[:ascii]...)
	for i := ascii; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !shapeless(r) && !strayMark(r, dst) {
			dst = utf8.AppendRune(dst, r)
		}
		i += n
	}
	return dst
}

// strayMark reports a combining mark on an ASCII letter or digit for which
// Unicode has no composed letter: "p̲a̲y" is "pay" underlined. Marks that do
// compose are part of a word.
func strayMark(r rune, before []byte) bool {
	if r < 0x300 || r > 0x36F || len(before) == 0 {
		return false
	}
	c := before[len(before)-1]
	if c >= utf8.RuneSelf || !unicode.IsLetter(rune(c)) && !unicode.IsDigit(rune(c)) {
		return false
	}
	var buf [8]byte
	pair := utf8.AppendRune(append(buf[:0], c), r)
	return norm.NFC.IsNormal(pair)
}

// shapeless reports the characters that a reader can't see: Unicode's
// Default_Ignorable_Code_Point.
func shapeless(r rune) bool {
	switch {
	case r < 0x34F:
		return r == 0xAD
	case r <= 0x180F:
		return r == 0x34F || r == 0x61C || r == 0x115F || r == 0x1160 ||
			r == 0x17B4 || r == 0x17B5 || r >= 0x180B
	case r < 0x200B:
		return false
	case r <= 0x206F:
		return r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2060
	case r < 0xFE00:
		return r == 0x3164
	case r <= 0xFE0F, r == 0xFEFF, r == 0xFFA0, r >= 0xFFF0 && r <= 0xFFF8:
		return true
	}
	return r >= 0x1BCA0 && r <= 0x1BCA3 || r >= 0x1D173 && r <= 0x1D17A || r >= 0xE0000 && r <= 0xE0FFF
}

// foldWords folds the look-alike letters of words that mix scripts.
func foldWords(b []byte) []byte {
	var out []byte // nil while nothing was folded
	done := 0      // b[:done] is in out
	for i := 0; i < len(b); {
		start, ascii, foreign := i, false, false
		for i < len(b) {
			r, n := rune(b[i]), 1
			if r >= utf8.RuneSelf {
				r, n = utf8.DecodeRune(b[i:])
			}
			switch {
			case r < utf8.RuneSelf && (r|0x20 >= 'a' && r|0x20 <= 'z'):
				ascii = true
			case commonLetter(r), r >= utf8.RuneSelf && unicode.IsLetter(r):
				foreign = foreign || r >= firstForeign
			case r < utf8.RuneSelf && (r < '0' || r > '9'), r >= utf8.RuneSelf && !unicode.IsMark(r):
				n = -n
			}
			if n < 0 {
				break
			}
			i += n
		}
		if ascii && foreign {
			out = append(out, b[done:start]...)
			out = foldWord(out, b[start:i])
			done = i
		}
		if i < len(b) { // the character that ends the word
			_, n := utf8.DecodeRune(b[i:])
			i += n
		}
	}
	if out == nil {
		return b
	}
	return append(out, b[done:]...)
}

// firstForeign is the first letter that foldable may report.
const firstForeign = 0x250

// commonLetter reports, quickly, most letters of European text.
func commonLetter(r rune) bool {
	return r >= 0xC0 && r < firstForeign && r != 0xD7 && r != 0xF7 || r >= 0x3A3 && r <= 0x481
}

// foldable reports letters that stand for others when mixed with ASCII ones:
// those of other alphabets, and Latin ones made for phonetics.
func foldable(r rune) bool {
	switch {
	case r < firstForeign:
		return false
	case r <= 0x2AF, r >= 0x1D00 && r <= 0x1DBF, r >= 0xA720 && r <= 0xA7FF:
		return true
	}
	return !unicode.In(r, unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Common)
}

// foldWord appends word to out with its look-alike letters folded.
func foldWord(out, word []byte) []byte {
	for i := 0; i < len(word); {
		r, n := utf8.DecodeRune(word[i:])
		c := byte(0)
		if r >= utf8.RuneSelf && foldable(r) {
			c = lookalike(r)
		}
		if c != 0 {
			out = append(out, c)
		} else {
			out = append(out, word[i:i+n]...)
		}
		i += n
	}
	return out
}

// lookalike returns the ASCII letter or digit that r looks like, in its case, 0
// for none.
func lookalike(r rune) byte {
	f := domain.Fold(string(r))
	if len(f) != 1 || f[0] >= utf8.RuneSelf {
		return 0
	}
	c := f[0]
	if unicode.IsUpper(r) && c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}
