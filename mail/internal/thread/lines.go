package thread

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of Split.
const (
	maxText     = 1 << 20 // bytes that are divided; the rest belongs to the last thread
	maxLines    = 50_000  // lines; the rest counts as the last one
	maxLine     = 400     // bytes of a line that can introduce a quotation or be a header field
	maxDepth    = 32      // quote marks told apart
	maxRemark   = 12      // lines of a remark between an attribution and what it introduces
	maxLookBack = 200     // lines looked back for text of a thread
	maxMessages = 200     // quoted messages; older ones join the last
)

// line is one line of the text.
type line struct {
	start, end int // byte range without the line end
	body       int // where the text after the quote marks starts
	depth      int // quote marks plus marked containers around it
	role       Role
	thread     int
	blank      bool
}

// cutLines divides the text. Every line starts where the last one and its line
// end stop.
func cutLines(text string) []line {
	lines := make([]line, 0, 1+min(strings.Count(text, "\n"), maxLines))
	for i := 0; i < len(text); {
		end, next := len(text), len(text)
		if n := strings.IndexByte(text[i:], '\n'); n >= 0 && len(lines) < maxLines {
			end, next = i+n, i+n+1
			if end > i && text[end-1] == '\r' {
				end--
			}
		}
		l := line{start: i, end: end, body: i}
		l.body, l.depth = quoteMarks(text, i, end)
		l.blank = trim(text[l.body:min(end, l.body+maxLine)]) == ""
		lines = append(lines, l)
		i = next
	}
	fixFromLines(text, lines)
	return lines
}

// quoteMarks reads the ">" marks of a line: at most three spaces before the
// first, one before each other.
func quoteMarks(text string, i, end int) (body, depth int) {
	j := i
	for j < end && j-i < 3 && text[j] == ' ' {
		j++
	}
	for j < end && text[j] == '>' && depth < maxDepth {
		depth++
		j++
		i = j
		if j+1 < end && text[j] == ' ' && text[j+1] == '>' {
			j++
		}
	}
	if depth > 0 && i < end && text[i] == ' ' {
		i++
	}
	return i, depth
}

// fixFromLines takes ">From " for what mailboxes make of a line "From " unless
// quoted text is around.
func fixFromLines(text string, lines []line) {
	for i := range lines {
		l := &lines[i]
		if l.depth != 1 || !strings.HasPrefix(text[l.start:l.end], ">From ") {
			continue
		}
		if (i == 0 || lines[i-1].depth == 0) && (i+1 == len(lines) || lines[i+1].depth == 0) {
			l.depth, l.body = 0, l.start+1
		}
	}
}

// isShapeless reports white space and the characters without shape that hold
// places in HTML mail.
func isShapeless(r rune) bool {
	switch r {
	case 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, 0x034F, 0xAD:
		return true
	}
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || unicode.IsSpace(r)
}

// trim cuts white space and shapeless characters off both ends.
func trim(s string) string {
	i, j := 0, len(s)
	for i < j && asciiSpace(s[i]) {
		i++
	}
	for i < j && asciiSpace(s[j-1]) {
		j--
	}
	if s = s[i:j]; s == "" || s[0] < utf8.RuneSelf && s[len(s)-1] < utf8.RuneSelf {
		return s
	}
	return strings.TrimFunc(s, isShapeless)
}

func asciiSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// body returns the text of a line after its quote marks, trimmed and bounded.
func (s *splitter) lineText(i int) string {
	l := &s.lines[i]
	if l.end-l.body > maxLine {
		return ""
	}
	return trim(s.text[l.body:l.end])
}

// nextText returns the next line from i on that is not blank, len(lines) when
// there is none; at most limit blank lines are passed.
func (s *splitter) nextText(i, limit int) int {
	for n := 0; i < len(s.lines) && s.lines[i].blank; i++ {
		if n++; n > limit {
			return len(s.lines)
		}
	}
	return i
}

// hasDigits reports at least n ASCII digits in s.
func hasDigits(s string, n int) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			if n--; n == 0 {
				return true
			}
		}
	}
	return n <= 0
}

// hasTime reports a time of day such as 9:41 or 21.05.
func hasTime(s string) bool {
	digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	for i := 1; i+2 < len(s); i++ {
		if (s[i] == ':' || s[i] == '.' || s[i] == 'h') && digit(i-1) && digit(i+1) && digit(i+2) && !digit(i+3) {
			return true
		}
	}
	return false
}

// runes counts characters.
func runes(s string) int { return utf8.RuneCountInString(s) }
