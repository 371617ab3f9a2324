package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The table needs Unicode's confusables.txt beside it; see internal/gen for
// where it comes from.
//
//go:generate go run ./internal/gen -in confusables.txt -out confusables_gen.go

// Skeleton gives the confusable skeleton of s (UTS #39 section 4, skeleton
// without the bidirectional step): NFD, default-ignorable characters dropped,
// every character replaced by its prototype, NFD again. Two strings that look
// alike have equal skeletons; a skeleton is for comparing, never for showing:
// "m" becomes "rn" and "0" becomes "O". Letter case is kept, as the standard
// has it: lower the input first when it is shown in lower case.
func Skeleton(s string) string {
	if plainSkeleton(s) {
		return s
	}
	if !isASCII(s) {
		s = norm.NFD.String(s)
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	ascii := true
	for _, r := range s {
		if ignorable(r) {
			continue
		}
		if p, ok := prototype(r); ok {
			b.WriteString(p)
			ascii = ascii && isASCII(p)
			continue
		}
		b.WriteRune(r)
		ascii = ascii && r < utf8.RuneSelf
	}
	if ascii {
		return b.String()
	}
	return norm.NFD.String(b.String())
}

// Fold rewrites s so that a reader's eye and a pattern see the same ASCII
// text: lower case, compatibility forms (full-width, mathematical, enclosed)
// made plain, accents and invisible characters dropped, letters of other
// scripts that look like an ASCII letter replaced by it ("раура" becomes
// "paypa"). ASCII stays as it is but for case, and what looks like nothing in
// ASCII stays too, so the result is still readable.
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(unicode.ToLower(r))
		case ignorable(r) || unicode.Is(unicode.Mn, r):
		default:
			b.WriteString(foldRune(r))
		}
	}
	return b.String()
}

// foldRune gives the lower-case ASCII look-alike of a non-ASCII letter, or the
// letter in lower case. The small letter's own look-alike counts first ("і" is
// an i, its capital looks like an l), then its capital's: "м" is a small "М",
// which the table knows as M.
func foldRune(r rune) string {
	lower := unicode.ToLower(r)
	for _, try := range [...]rune{lower, r, unicode.ToUpper(r)} {
		if p, ok := prototype(try); ok {
			if f := foldPrototype(p); f != "" {
				return f
			}
		}
	}
	return string(lower)
}

// foldPrototype lowers a prototype and drops its marks; "" when that isn't
// ASCII.
func foldPrototype(p string) string {
	if p == "rn" {
		return "m" // the prototype of m: a letter that looks like m is one
	}
	if isASCII(p) {
		return strings.ToLower(p)
	}
	var b strings.Builder
	for _, q := range p {
		if q >= utf8.RuneSelf && !unicode.Is(unicode.Mn, q) {
			return ""
		}
		if q < utf8.RuneSelf {
			b.WriteRune(unicode.ToLower(q))
		}
	}
	return b.String()
}

// SkeletonASCII is the skeleton to compare names by as they stand in an
// address bar: Fold, then the groups that the eye takes for one letter made
// one: "rn" to "m", "vv" to "w", "cl" to "d", zero to "o", and "1", "l", "|"
// to "i". It is coarser than Skeleton (rnicrosoft.example, micr0soft.example
// and mícrosoft.example are equal to microsoft.example's), is idempotent, and
// is no name itself: compare it only with other results of SkeletonASCII.
func SkeletonASCII(s string) string {
	f := Fold(s)
	if !strings.ContainsAny(f, "rvc01l|") {
		return f
	}
	var b strings.Builder
	b.Grow(len(f))
	for i := 0; i < len(f); i++ {
		c := f[i]
		var next byte
		if i+1 < len(f) {
			next = f[i+1]
		}
		switch {
		case c == 'r' && next == 'n':
			b.WriteByte('m')
			i++
		case c == 'v' && next == 'v':
			b.WriteByte('w')
			i++
		case c == 'c' && (next == 'l' || next == '1' || next == '|'):
			b.WriteByte('d')
			i++
		case c == '0':
			b.WriteByte('o')
		case c == '1' || c == 'l' || c == '|':
			b.WriteByte('i')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// LooksASCII says whether a string with non-ASCII letters can be taken for
// plain ASCII: every one of them is a letter of another script with an exact
// ASCII look-alike ("аррӏе"), or an invisible character in between. Accented
// Latin ("münchen") is not meant: a reader sees the accent.
func LooksASCII(s string) bool {
	if isASCII(s) {
		return false
	}
	for _, r := range norm.NFC.String(s) {
		if r < utf8.RuneSelf || ignorable(r) {
			continue
		}
		if p, ok := prototype(unicode.ToLower(r)); !ok || !isASCII(p) {
			return false
		}
	}
	return true
}

// plainSkeleton says that s is ASCII and its own skeleton.
func plainSkeleton(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' || c == 0x7f || asciiConfusable(c) {
			return false
		}
	}
	return true
}

// asciiConfusable says whether the table maps this ASCII character.
func asciiConfusable(c byte) bool {
	if c < 64 {
		return confusableASCIILow>>c&1 != 0
	}
	return confusableASCIIHigh>>(c-64)&1 != 0
}

// recordSize is the width of one record of confusableIndex: code point (3
// bytes), offset into confusableText (2), length there (1), all big-endian.
const recordSize = 6

// prototype looks a character up in the table of confusables.
func prototype(r rune) (string, bool) {
	if r < utf8.RuneSelf && !asciiConfusable(byte(r)) {
		return "", false
	}
	lo, hi := 0, len(confusableIndex)/recordSize
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		rec := confusableIndex[mid*recordSize : mid*recordSize+recordSize]
		key := rune(rec[0])<<16 | rune(rec[1])<<8 | rune(rec[2])
		switch {
		case key == r:
			at := int(rec[3])<<8 | int(rec[4])
			return confusableText[at : at+int(rec[5])], true
		case key < r:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return "", false
}

// ignorable says whether a character shows nothing (Default_Ignorable_Code_Point
// of UAX #44, from the properties that package unicode has).
func ignorable(r rune) bool {
	switch {
	case r < 0xAD:
		return false
	case r == 0xAD, r == 0x34F, r == 0x61C, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5,
		0x180B <= r && r <= 0x180F, 0x200B <= r && r <= 0x200F, 0x202A <= r && r <= 0x202E,
		0x2060 <= r && r <= 0x206F, r == 0x3164, 0xFE00 <= r && r <= 0xFE0F, r == 0xFEFF, r == 0xFFA0,
		0xFFF0 <= r && r <= 0xFFF8, 0x1BCA0 <= r && r <= 0x1BCA3, 0x1D173 <= r && r <= 0x1D17A,
		0xE0000 <= r && r <= 0xE0FFF:
		return true
	}
	return false
}
