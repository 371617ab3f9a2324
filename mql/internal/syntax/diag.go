package syntax

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Diagnostic is one error in a source, with its place in words.
type Diagnostic struct {
	File      string // "" when unknown
	Line, Col int    // 1-based; Col counts code points
	Msg       string // what is wrong and what was expected
	Hint      string // what may have been meant, "" when unknown
	Text      string // the source line
	Start     int    // byte offset in the source
}

// maxLine bounds the quoted source line in bytes: enough for a terminal.
const maxLine = 160

// New makes the diagnostic for the byte offset at of src.
func New(file, src string, at int, hint, format string, args ...any) Diagnostic {
	at = min(max(at, 0), len(src))
	start := strings.LastIndexByte(src[:at], '\n') + 1
	end := len(src)
	if i := strings.IndexByte(src[start:], '\n'); i >= 0 {
		end = start + i
	}
	return Diagnostic{
		File: file, Line: 1 + strings.Count(src[:start], "\n"), Col: 1 + utf8.RuneCountInString(src[start:at]),
		Msg: fmt.Sprintf(format, args...), Hint: hint, Text: strings.TrimRight(src[start:end], "\r"), Start: at,
	}
}

// Error shows the diagnostic with its line and a caret.
func (d Diagnostic) Error() string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.File + ":")
	}
	fmt.Fprintf(&b, "%d:%d: %s", d.Line, d.Col, d.Msg)
	if d.Hint != "" {
		b.WriteString("; " + d.Hint)
	}
	text, col := window(d.Text, d.Col)
	b.WriteString("\n    " + text + "\n    ")
	for i, r := range []rune(text) {
		if i >= col-1 {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	b.WriteByte('^')
	return b.String()
}

// window shortens a long line to the part around col (1-based, in code points).
func window(text string, col int) (string, int) {
	r := []rune(text)
	if len(r) <= maxLine {
		return text, col
	}
	from := max(0, min(col-maxLine/2, len(r)-maxLine))
	return string(r[from : from+maxLine]), col - from
}

// Nearest returns "did you mean X?" for the candidate closest to name, or ""
// when none is close.
func Nearest(name string, candidates []string) string {
	best, bestDist := "", 1+max(1, len(name)/3)
	sorted := append([]string(nil), candidates...)
	sort.Strings(sorted)
	for _, c := range sorted {
		if d := distance(strings.ToLower(name), strings.ToLower(c), bestDist); d < bestDist {
			best, bestDist = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance is the edit distance in bytes, swapped neighbours counting once, or
// limit when it is at least limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := above[j-1]
			if a[i-1] != b[j-1] {
				cost++
			}
			row[j] = min(cost, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], limit)
}
