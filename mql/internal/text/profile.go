package text

import (
	"regexp/syntax"
	"unicode/utf8"
)

// ByteSet is a set of bytes.
type ByteSet [4]uint64

// Add puts b into the set.
func (x *ByteSet) Add(b byte) { x[b>>6] |= 1 << (b & 63) }

// Has reports whether b is in the set.
func (x *ByteSet) Has(b byte) bool { return x[b>>6]&(1<<(b&63)) != 0 }

// Meets reports whether the sets have a byte in common.
func (x *ByteSet) Meets(y *ByteSet) bool {
	return x[0]&y[0]|x[1]&y[1]|x[2]&y[2]|x[3]&y[3] != 0
}

// Profile is what a text, or all of some texts, is made of: enough to rule out
// many expressions that need no literal.
type Profile struct {
	Bytes ByteSet // the bytes that occur, case as written
	Run   int     // length of the longest run of ASCII letters, digits and _
}

// Add counts s in.
func (x *Profile) Add(s string) {
	var seen [256]bool
	run, longest := 0, x.Run
	for i := range len(s) {
		b := s[i]
		seen[b] = true
		if wordBytes[b] {
			run++
			continue
		}
		if run > longest {
			longest = run
		}
		run = 0
	}
	x.Run = max(longest, run)
	for b, ok := range seen {
		if ok {
			x.Bytes.Add(byte(b))
		}
	}
}

// Join counts in what y counted.
func (x *Profile) Join(y *Profile) {
	for i := range x.Bytes {
		x.Bytes[i] |= y.Bytes[i]
	}
	x.Run = max(x.Run, y.Run)
}

// wordBytes answers wordByte.
var wordBytes = func() (t [256]bool) {
	for b := range t {
		t[b] = wordByte(byte(b))
	}
	return t
}()

func wordByte(b byte) bool {
	return b|0x20-'a' < 26 && b >= 'A' || b-'0' < 10 || b == '_'
}

// firstBytes returns the bytes with which the runes of a class begin; pairs are
// inclusive ranges. Bytes that are no UTF-8 are read as U+FFFD.
func firstBytes(pairs []rune) *ByteSet {
	set := &ByteSet{}
	for i := 0; i+1 < len(pairs); i += 2 {
		lo, hi := pairs[i], pairs[i+1]
		for r := lo; r <= hi && r < utf8.RuneSelf; r++ {
			set.Add(byte(r))
		}
		if hi >= utf8.RuneSelf {
			for b := int(firstByte(max(lo, utf8.RuneSelf))); b <= int(firstByte(hi)); b++ {
				set.Add(byte(b))
			}
		}
		if lo <= utf8.RuneError && utf8.RuneError <= hi {
			for b := 0x80; b <= 0xff; b++ {
				set.Add(byte(b))
			}
		}
	}
	return set
}

func firstByte(r rune) byte {
	var b [utf8.UTFMax]byte
	utf8.EncodeRune(b[:], r)
	return b[0]
}

// needClass is the need of one rune of a class, nil where nearly every text has
// one.
func needClass(pairs []rune) *Need {
	set := firstBytes(pairs)
	for _, b := range []byte(commonBytes) {
		if set.Has(b) {
			return nil
		}
	}
	return &Need{Bytes: set}
}

// commonBytes stand in nearly every text.
const commonBytes = " aeinorst"

// minRun is the length from which a run of word characters is telling.
const minRun = 12

// needRun is the need of n runes of the class in a row, nil unless all are word
// characters and n is telling.
func needRun(re *syntax.Regexp, n int) *Need {
	if n < minRun {
		return nil
	}
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if re.Op != syntax.OpCharClass {
		return nil
	}
	for i := 0; i+1 < len(re.Rune); i += 2 {
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			if r >= utf8.RuneSelf || !wordByte(byte(r)) {
				return nil
			}
		}
	}
	return &Need{Run: n}
}
