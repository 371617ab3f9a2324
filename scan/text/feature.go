package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is read of one text. A lure says what it wants near the
// beginning or the end; what is in between is skipped.
const (
	maxHead    = 12 << 10 // bytes from the beginning
	maxTail    = 4 << 10  // bytes from the end
	maxSubject = 1 << 10
	maxTokens  = 4096 // words of one text; the rest is passed over
)

// token is a word, a sign of an unspaced script, or what stands for an address,
// a link, a number or a sum of money.
type token struct {
	start, end int    // bytes of the text
	hash       uint64 // of the lower-case word, or of its class
	sign       bool   // of a script without spaces
}

// Hashes of the classes; any odd constants do.
const (
	classLink   = 0x9e3779b97f4a7c15
	classMail   = 0xc2b2ae3d27d4eb4f
	classNumber = 0x165667b19e3779f9
	classLong   = 0xd6e8feb86659fd93 // seven digits or more: a telephone number, an account
	classMoney  = 0xa0761d6478bd642f
)

// mix is a finalizer of the kind of splitmix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// join makes one text of subject and body, within the bounds.
func join(subject, body string) string {
	subject = cut(subject, maxSubject)
	if len(body) > maxHead+maxTail {
		tail := body[len(body)-maxTail:]
		for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
			tail = tail[1:]
		}
		body = cut(body, maxHead) + "\n" + tail
	}
	return strings.ToValidUTF8(subject, "�") + "\n" + strings.ToValidUTF8(body, "�")
}

// cut shortens s to at most n bytes, at a rune's border.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// unspaced says whether r belongs to a script that writes words together.
func unspaced(r rune) bool {
	return r >= 0x2e80 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r == 'ー')
}

// tokens splits a text. The slice dst is reused.
func tokens(dst []token, text string) []token {
	dst = dst[:0]
	for i := 0; i < len(text) && len(dst) < maxTokens; {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case unspaced(r):
			dst = append(dst, token{start: i, end: i + size, hash: mix(uint64(r) + 0x51ed27), sign: true})
			i += size
		case isLetter(r):
			t := address(text, i)
			if t.end == 0 {
				t = word(text, i)
			}
			dst = append(dst, t)
			i = t.end
		case r >= '0' && r <= '9':
			t := number(text, i)
			dst = append(dst, t)
			i = t.end
		case r == '$' || r == '€' || r == '£' || r == '¥' || r == '₺' || r == '₽' || r == '₾' || r == '֏' || r == '₴':
			dst = append(dst, token{start: i, end: i + size, hash: classMoney})
			i += size
		default:
			i += size
		}
	}
	return dst
}

func isLetter(r rune) bool {
	if r < utf8.RuneSelf {
		return r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r)
}

// maxAddress bounds how far an address is followed, in bytes.
const maxAddress = 2048

// address reads a link or a mail address that begins at i; end 0 is neither.
func address(text string, i int) token {
	limit := min(len(text), i+maxAddress)
	n := i
	at := false
	for n < limit {
		c := text[n]
		if c <= ' ' || c == '<' || c == '>' || c == '"' || c == ')' || c == ']' || c >= utf8.RuneSelf {
			break
		}
		at = at || c == '@'
		n++
	}
	s := text[i:n]
	switch {
	case strings.Contains(s[:min(len(s), 10)], "://"), len(s) > 6 && strings.EqualFold(s[:4], "www."):
		return token{start: i, end: n, hash: classLink}
	case at && strings.IndexByte(s[strings.IndexByte(s, '@'):], '.') > 0:
		return token{start: i, end: n, hash: classMail}
	}
	return token{}
}

// maxWord bounds a word in bytes; longer ones are coded data and split.
const maxWord = 64

func word(text string, i int) token {
	h := uint64(0xcbf29ce484222325)
	n := i
	for n < len(text) && n-i < maxWord {
		r, size := rune(text[n]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[n:])
		}
		if !isLetter(r) || unspaced(r) {
			// An apostrophe between letters belongs to the word, and so do the
			// signs without width that break words for filters only.
			if r != '\'' && r != '’' && !unicode.Is(unicode.Cf, r) || n+size >= len(text) {
				break
			}
			next, _ := utf8.DecodeRuneInString(text[n+size:])
			if !isLetter(next) {
				break
			}
			n += size
			continue
		}
		if r < 0x300 || !unicode.Is(unicode.Mn, r) { // marks above letters are spelling, or hide a word from filters
			h = (h ^ uint64(fold(r))) * 0x100000001b3
		}
		n += size
	}
	return token{start: i, end: n, hash: mix(h)}
}

// folded holds the plain letter of each of U+00C0 to U+017F: people in haste, and
// attackers, leave the accents away.
const folded = "aaaaaaaceeeeiiiidnoooooxouuuuytsaaaaaaaceeeeiiiidnooooo-ouuuuytyaaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"

// fold is lower, and takes the accents off Latin letters.
func fold(r rune) rune {
	if r = lower(r); r >= 0xc0 && int(r-0xc0) < len(folded) {
		return rune(folded[r-0xc0])
	}
	return r
}

// lower folds case, and letters dressed up as symbols to plain ones.
func lower(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			r |= 0x20
		}
		return r
	}
	switch {
	case r == 'İ':
		return 'i'
	case r >= 0x1d400 && r <= 0x1d6a3: // mathematical letters, in runs of A–Z a–z
		if n := (r - 0x1d400) % 52; n >= 26 {
			return 'a' + n - 26
		} else {
			return 'a' + n
		}
	case r >= 'Ａ' && r <= 'Ｚ':
		return r - 'Ａ' + 'a'
	case r >= 'ａ' && r <= 'ｚ':
		return r - 'ａ' + 'a'
	}
	return unicode.ToLower(r)
}

func number(text string, i int) token {
	n, digits := i, 0
	for n < len(text) && n-i < maxWord {
		c := text[n]
		if c >= '0' && c <= '9' {
			digits++
		} else if c != '.' && c != ',' && c != '-' && c != ' ' && c != ':' && c != '/' && c != ')' && c != '(' ||
			n+1 >= len(text) || text[n+1] != '(' && (text[n+1] < '0' || text[n+1] > '9') {
			break
		}
		n++
	}
	t := token{start: i, end: n, hash: classNumber}
	if digits >= 7 {
		t.hash = classLong
	}
	return t
}

// Kinds of feature, hashed with each.
const (
	kindWord  = 0x1b873593
	kindPair  = 0xe6546b64
	kindGram  = 0x85ebca6b
	kindStem  = 0xc2b2ae35
	kindThree = 0x27d4eb2f
)

// gram is the length of the character n-grams of spaced scripts, stem that of
// the word beginnings, in runes. Unspaced scripts have sign 1-, 2- and 3-grams.
const (
	gram     = 6
	runeBits = 10 // of a rune that tell it from others of its script
	stem     = 5
)

// feature is a hashed n-gram and the tokens it covers. Plain says that it is of
// whole words, fit to be shown.
type feature struct {
	key         uint32
	first, last int32
	plain       bool
}

func key(h, kind uint64) uint32 { return uint32(mix(h*0x9e3779b97f4a7c15+kind) >> 32) }

// features lists the n-grams of the tokens of a text, repeats included.
func features(dst []feature, text string, toks []token) []feature {
	dst = dst[:0]
	for i, t := range toks {
		n := int32(i)
		dst = append(dst, feature{key(t.hash, kindWord), n, n, true})
		if i > 0 {
			p := toks[i-1]
			dst = append(dst, feature{key(p.hash*31+t.hash, kindPair), n - 1, n, true})
			if t.sign && p.sign && i > 1 && toks[i-2].sign {
				dst = append(dst, feature{key((toks[i-2].hash*31+p.hash)*31+t.hash, kindThree), n - 2, n, true})
			}
		}
		if !t.sign && t.end-t.start > gram {
			dst = grams(dst, text[t.start:t.end], n)
		}
	}
	return dst
}

// grams adds the character n-grams of one word, its borders marked, and its
// beginning. Classes (links, numbers) have none.
func grams(dst []feature, w string, n int32) []feature {
	if c := w[0]; c >= '0' && c <= '9' || strings.ContainsAny(w, "@:") {
		return dst
	}
	const mask = 1<<(gram*runeBits) - 1
	window, runes := uint64('_'), 1
	var front uint64
	for _, r := range w {
		if r >= 0x300 && unicode.Is(unicode.Mn, r) {
			continue
		}
		r = fold(r)
		if runes <= stem {
			front = front<<16 | uint64(r)&0xffff ^ front>>48
		} else if runes == stem+1 {
			dst = append(dst, feature{key(front, kindStem), n, n, false})
		}
		window = (window<<runeBits | uint64(r)&(1<<runeBits-1)) & mask
		runes++
		if runes >= gram {
			dst = append(dst, feature{key(window, kindGram), n, n, false})
		}
	}
	return append(dst, feature{key((window<<runeBits|'_')&mask, kindGram), n, n, false})
}

// scratch is what one classification needs; it is reused.
type scratch struct {
	tokens   []token
	features []feature
	rows     rows
	chances  []float64 // of the labels, one each
	seen     []uint64
}
