package thread

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of attribution lines.
const (
	maxAttribution      = 3   // lines that one is wrapped over
	maxAttributionBytes = 600 // bytes of them together
	minAttribution      = 5   // bytes of the last line: "said:" after a wrapped name
)

// attribution is a line such as "On Monday, Ann wrote:".
type attribution struct {
	start, end   int // lines, end exclusive
	text         string
	date, sender string
	sure         bool // says who and when; otherwise quoted text must follow
}

// readAttribution reads an attribution whose last line is i.
func (s *splitter) readAttribution(i int) (a attribution, ok bool) {
	text := s.lineText(i)
	if len(text) < minAttribution || !endsAttribution(text) {
		return a, false
	}
	a.start, a.end, a.text = i, i+1, text
	for {
		if hasStart(a.text) && attests(a.text) {
			break
		}
		j := a.start - 1
		if j < s.floor || i-j >= maxAttribution || s.lines[j].blank || s.lines[j].depth != s.lines[i].depth || s.lines[j].role != RoleText {
			break
		}
		prev := s.lineText(j)
		if prev == "" || len(prev)+len(a.text) > maxAttributionBytes || !continues(prev, a.text) {
			break
		}
		a.start, a.text = j, prev+" "+a.text
	}
	verb, at := findVerb(a.text)
	a.sure = attests(a.text) && (verb != "" || strings.Contains(a.text, "@") && hasTime(a.text))
	if verb == "" && !a.sure {
		return a, false
	}
	a.parse(verb, at)
	return a, true
}

// endsAttribution reports whether a line ends like an attribution: with a
// colon, also a wide one, or the rule that some programs put after the verb.
func endsAttribution(s string) bool {
	s = strings.TrimRight(s, "-—*_ \t\u00a0\u200f\u200e\u202c")
	return strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：")
}

// continues reports whether an attribution may have begun on line prev: the
// line begins like one, or holds the date that the rest lacks.
func continues(prev, rest string) bool {
	if hasStart(prev) {
		return hasDigits(prev, 2)
	}
	if r, _ := utf8.DecodeLastRuneInString(prev); r == '.' || r == '!' || r == '?' || r == ':' {
		return false
	}
	if hasDigits(prev, 5) && hasTime(prev) {
		return !hasTime(rest)
	}
	return strings.HasPrefix(rest, "<") || !attests(rest)
}

// attests reports evidence that a line speaks of a message: an address, or a
// date and time.
func attests(s string) bool {
	return strings.Contains(s, "@") && hasDigits(s, 1) || strings.Contains(s, "<") && strings.Contains(s, "@") ||
		hasDigits(s, 4) && (hasTime(s) || hasDigits(s, 5)) || hasDigits(s, 4) && hasStart(s)
}

// hasStart reports whether s begins as attributions do.
func hasStart(s string) bool {
	s = strings.TrimLeft(s, "*_-— \t\u200e\u200f\u202a\u202b")
	for _, w := range starts {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	return false
}

// findVerb finds the verb of an attribution: the last one that stands as a
// word, the longest of those that end there. Chinese, Japanese and Korean verbs stand where they stand.
func findVerb(s string) (verb string, at int) {
	low := strings.ToLower(s)
	if len(low) != len(s) {
		low = s
	}
	at = -1
	verbs.each(low, func(i int, v string) bool {
		if i+len(v) < at+len(verb) || i+len(v) == at+len(verb) && len(v) <= len(verb) {
			return true
		}
		if r, _ := utf8.DecodeRuneInString(v); r >= 0x2E80 || wordAt(low, i, i+len(v)) {
			verb, at = v, i
		}
		return true
	})
	return verb, at
}

// wordAt reports whether s[i:j] is bounded like a word.
func wordAt(s string, i, j int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[j:])
	return (i == 0 || !unicode.IsLetter(before)) && (j == len(s) || !unicode.IsLetter(after))
}

// parse finds date and sender.
func (a *attribution) parse(verb string, at int) {
	const junk = ":：,;*_-—<> \t\u00a0\u200e\u200f\u202a\u202b\u202c"
	if at < 0 {
		at = len(a.text)
	}
	before := strings.Trim(a.text[:at], ",;* \t\u00a0\u200e\u200f")
	after := ""
	if at+len(verb) <= len(a.text) {
		after = strings.Trim(a.text[at+len(verb):], ":：,;*-— \t\u00a0")
	}
	before = trimStart(before)
	switch {
	case hasDigits(withoutAddress(after), 2):
		a.date, a.sender = after, before
	case strings.Trim(after, junk) != "" && before != "":
		a.date, a.sender = before, after
	case before == "":
		a.sender = after
	default:
		a.date, a.sender = cutDate(before)
	}
	a.sender = strings.Trim(a.sender, ",;:* \t\u00a0\u200e\u200f")
	a.date = strings.Trim(a.date, ",;:* \t\u00a0\u200e\u200f")
}

// trimStart cuts the word off with which attributions begin.
func trimStart(s string) string {
	longest := ""
	for _, w := range starts {
		if len(w) > len(longest) && strings.HasPrefix(s, w) {
			longest = w
		}
	}
	return trim(s[len(longest):])
}

// withoutAddress cuts off what follows "<", which may hold digits.
func withoutAddress(s string) string {
	if i := strings.IndexByte(s, '<'); i >= 0 {
		return s[:i]
	}
	return s
}

// cutDate divides "Mon, 2 Jan 2006 at 15:04, Ann <ann@example.com>" behind its
// last word that belongs to a date; where the name comes first, behind the
// address or before the first such word.
func cutDate(s string) (date, sender string) {
	open, end := addressAt(s)
	if open > 0 && hasDigits(s[end:], 3) {
		return strings.TrimLeft(s[end:], "于於 ,，"), s[:end]
	}
	first, last := -1, 0
	for i := 0; i < open; {
		j, sep := i, 1
		for j < open {
			if n := separator(s[j:]); n > 0 {
				sep = n
				break
			}
			j++
		}
		if dateWord(s[i:j]) {
			if first < 0 {
				first = i
			}
			last = j
		}
		i = j + sep
	}
	switch {
	case first < 0:
		return "", s
	case strings.Trim(s[last:], " ,.;:") == "":
		return s[first:last], s[:first]
	}
	return s[:last], strings.TrimLeft(s[last:], "，、 ,")
}

// addressAt returns where the bracketed address of s opens and ends; len(s)
// twice when there is none.
func addressAt(s string) (open, end int) {
	at := strings.IndexByte(s, '@')
	if at < 0 {
		return len(s), len(s)
	}
	open = strings.LastIndexAny(s[:at], "<[(")
	if open < 0 {
		open = strings.LastIndexByte(s[:at], ' ') + 1
	}
	if n := strings.IndexAny(s[at:], ">])"); n >= 0 {
		return open, at + n + 1
	}
	return open, len(s)
}

// separator returns the length of what separates words at the start of s, 0 for
// none.
func separator(s string) int {
	switch {
	case s[0] == ' ' || s[0] == ',':
		return 1
	case strings.HasPrefix(s, "，"), strings.HasPrefix(s, "、"):
		return len("，")
	}
	return 0
}

// dateWord reports a word with a digit, or one that follows a time.
func dateWord(w string) bool {
	for i := 0; i < len(w); i++ {
		if w[i] >= '0' && w[i] <= '9' {
			return true
		}
	}
	switch strings.Trim(w, "().,") {
	case "AM", "PM", "am", "pm", "a.m", "p.m", "UTC", "GMT", "CET", "CEST", "EST", "EDT", "PST", "PDT", "CST", "CDT", "MST", "MDT", "BST", "IST", "JST", "Uhr", "Z":
		return true
	}
	return false
}
