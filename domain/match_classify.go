package domain

import "math/bits"

// classify names the kind of error that turns literal into found, d edits
// apart, and says it in words.
func classify(literal, found string, d int) (rule, detail string) {
	if d != 1 {
		return RuleTwoEdits, "two characters differ"
	}
	i := 0
	for i < len(literal) && i < len(found) && literal[i] == found[i] {
		i++
	}
	switch len(found) - len(literal) {
	case -1:
		return RuleOmitted, quote(literal[min(i, len(literal)-1)]) + " left out"
	case 1:
		c := found[min(i, len(found)-1)]
		if i > 0 && found[i-1] == c || i < len(literal) && literal[i] == c {
			return RuleDoubled, quote(c) + " doubled"
		}
		return RuleInserted, quote(c) + " added"
	case 0:
		return classifyReplaced(literal, found, i)
	}
	return RuleReplaced, "one character differs"
}

// classifyReplaced names the kind of a replacement or swap at i.
func classifyReplaced(literal, found string, i int) (rule, detail string) {
	if i >= len(literal) {
		return RuleReplaced, "one character differs"
	}
	a, b := literal[i], found[i]
	if i+1 < len(literal) && literal[i+1] == b && found[i+1] == a {
		return RuleTransposed, quote(a) + " and " + quote(literal[i+1]) + " swapped"
	}
	detail = quote(b) + " instead of " + quote(a)
	switch {
	case soundAlike(a, b):
		return RuleHomophone, detail
	case keyNeighbours(a, b):
		return RuleKeyboard, detail
	case bits.OnesCount8(a^b) == 1:
		return RuleBitFlip, detail + ", one bit apart"
	}
	return RuleReplaced, detail
}

// quote is a character in quotes; a letter beyond ASCII has no name here.
func quote(c byte) string {
	if c < ' ' || c > '~' {
		return "a letter of another script"
	}
	return "\"" + string(rune(c)) + "\""
}

// soundAlike reports letters that many languages speak alike in any place of
// a word. Vowels are left out: they are only like-sounding in some.
func soundAlike(a, b byte) bool {
	switch [2]byte{min(a, b), max(a, b)} {
	case [2]byte{'c', 'k'}, [2]byte{'k', 'q'}, [2]byte{'c', 'q'}, [2]byte{'s', 'z'}, [2]byte{'i', 'y'}, [2]byte{'v', 'w'}:
		return true
	}
	return false
}

// keyNeighbours reports keys side by side on QWERTY, QWERTZ or AZERTY
// keyboards.
func keyNeighbours(a, b byte) bool {
	for _, rows := range [...][4]string{
		{"1234567890-", "qwertyuiop", "asdfghjkl", "zxcvbnm"},
		{"1234567890-", "qwertzuiop", "asdfghjkl", "yxcvbnm"},
		{"1234567890-", "azertyuiop", "qsdfghjklm", "wxcvbn"},
	} {
		ra, ca := keyOf(rows, a)
		rb, cb := keyOf(rows, b)
		if ra < 0 || rb < 0 {
			continue
		}
		// Each row is shifted by about half a key to the right of the one
		// above it: a key touches the same column and the next one above.
		switch {
		case ra == rb && (ca-cb == 1 || cb-ca == 1),
			ra == rb+1 && (cb == ca || cb == ca+1),
			rb == ra+1 && (ca == cb || ca == cb+1):
			return true
		}
	}
	return false
}

// keyOf is the row and column of a key, or −1.
func keyOf(rows [4]string, c byte) (row, column int) {
	for r, keys := range rows {
		for i := range len(keys) {
			if keys[i] == c {
				return r, i
			}
		}
	}
	return -1, -1
}
