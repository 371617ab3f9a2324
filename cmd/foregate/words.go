package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// suggest returns `; did you mean "x"?` for the nearest of the known words, or
// nothing when none is near.
func suggest(word string, known []string) string {
	best := slices.MinFunc(append([]string{""}, known...), func(a, b string) int {
		return cmp.Compare(editDistance(word, a), editDistance(word, b))
	})
	if best == "" || editDistance(word, best) > max(2, len(word)/3) {
		return "; known here: " + strings.Join(known, ", ")
	}
	return `; did you mean "` + best + `"?`
}

// editDistance is the Levenshtein distance in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(b)]
}

// sentence gives a claim a capital and a full stop.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	s = string(unicode.ToUpper(r)) + s[n:]
	if !strings.ContainsRune(".!?…", rune(s[len(s)-1])) {
		s += "."
	}
	return s
}
