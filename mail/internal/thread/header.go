package thread

import "strings"

// Bounds of quoted header blocks.
const (
	maxHeaderLines = 24 // lines of one block
	maxLabel       = 48 // bytes of a field name
	maxWrap        = 3  // lines that a recipient list goes on over
)

// header is a quoted header block, or a lone rule above a message.
type header struct {
	end     int // first line after it
	value   [fieldOther + 1]string
	has     [fieldOther + 1]bool
	fields  int  // fields of different kinds, fieldOther aside
	rule    bool // starts with a rule such as "-----Original Message-----"
	forward bool
}

// cutField reads a header field such as "*From:* Ann <a@example.com>".
func cutField(s string) (f field, value string) {
	s = strings.TrimLeft(s, "*_•|- \t")
	i := strings.IndexByte(s[:min(len(s), maxLabel)], ':')
	wide := 0
	if j := strings.Index(s[:min(len(s), maxLabel)], "："); j >= 0 && (i < 0 || j < i) {
		i, wide = j, len("：")-1
	}
	if i <= 0 {
		return fieldNone, ""
	}
	label := strings.ToLower(trim(strings.Trim(s[:i], "*_ \t\u00a0")))
	if strings.Contains(label, "  ") || strings.ContainsRune(label, '\u00a0') {
		label = strings.Join(strings.Fields(label), " ")
	}
	f, ok := fieldWords[label]
	if !ok {
		if f, ok = fieldWords[strings.ReplaceAll(label, " ", "")]; !ok {
			return fieldNone, ""
		}
	}
	value = s[i+1+wide:]
	return f, trim(strings.Trim(trim(value), "*"))
}

// ruleKind tells lines such as "-----Original Message-----", "Begin forwarded
// message:" and "________________".
type ruleKind uint8

const (
	ruleNone ruleKind = iota
	ruleLine          // a line of underscores or dashes
	ruleOriginal
	ruleForward
)

// ruleOf tells what rule a line is.
func ruleOf(s string) ruleKind {
	if len(s) < 5 {
		return ruleNone
	}
	if c := s[0]; c < 0x80 && c >= 'A' && s[len(s)-1] != ':' && c != '_' && !strings.HasSuffix(s, "：") {
		return ruleNone
	}
	if plainByte(s[0]) && plainByte(s[len(s)-1]) {
		return ruleNone // neither dashes nor a colon
	}
	const dashes = "-_=*—–─━ \t\u00a0"
	core := strings.Trim(s, dashes)
	if core == "" {
		if strings.Count(s, "_") >= 10 || strings.Count(s, "-") >= 10 || strings.Count(s, "─") >= 5 || strings.Count(s, "—") >= 5 {
			return ruleLine
		}
		return ruleNone
	}
	dashed := len(s)-len(core) >= 4 && (strings.IndexByte("-_=*", s[0]) >= 0 || s[0] == 0xE2)
	colon := strings.TrimRight(core, ":： \t\u00a0")
	if !dashed && len(colon) == len(core) {
		return ruleNone
	}
	word := strings.ToLower(trim(colon))
	switch {
	case forwardWords[word]:
		return ruleForward
	case ruleWords[word] && dashed:
		return ruleOriginal
	case dashed && strings.HasPrefix(word, "forwarded by "), dashed && strings.HasPrefix(word, "weitergeleitet von "):
		return ruleForward
	}
	return ruleNone
}

// plainByte tells an ASCII character that neither draws a rule nor ends one.
func plainByte(c byte) bool { return c < 0x80 && strings.IndexByte("-_=* \t:", c) < 0 }

// readHeader reads the header block that starts at line i. It needs three
// fields with an author, or two below a rule; a rule with words is enough by
// itself.
func (s *splitter) readHeader(i int) (h header, ok bool) {
	depth := s.lines[i].depth
	first := s.lineText(i)
	switch ruleOf(first) {
	case ruleOriginal:
		h.rule = true
	case ruleForward:
		h.rule, h.forward = true, true
	case ruleLine:
		if n := s.nextText(i+1, 1); n >= len(s.lines) || s.lines[n].depth != depth {
			return h, false
		} else if f, _ := cutField(s.lineText(n)); f == fieldNone || f == fieldOther {
			return h, false
		}
	default:
		if f, _ := cutField(first); f == fieldNone || f == fieldOther {
			return h, false
		}
		s.readFields(&h, i, depth)
		return h, h.has[fieldFrom] && h.fields >= 3 && (h.has[fieldDate] || h.has[fieldSubject])
	}
	n := s.nextText(i+1, 2)
	h.end = i + 1
	if n < len(s.lines) && s.lines[n].depth >= depth {
		if r := ruleOf(s.lineText(n)); r == ruleOriginal || r == ruleForward {
			n = s.nextText(n+1, 2) // two rules, as Thunderbird and lists make them
		}
	}
	if n < len(s.lines) {
		s.readFields(&h, n, s.lines[n].depth)
	}
	return h, h.rule || h.fields >= 2 && h.has[fieldFrom]
}

// readFields reads header fields from line i on.
func (s *splitter) readFields(h *header, i, depth int) {
	last, wrapped := fieldNone, 0
	for n := 0; i < len(s.lines) && n < maxHeaderLines; n++ {
		if s.lines[i].blank {
			// One blank line may stand between fields: HTML paragraphs.
			next := s.nextText(i, 1)
			if next >= len(s.lines) || s.lines[next].depth != depth {
				return
			}
			if f, _ := cutField(s.lineText(next)); f == fieldNone || h.has[f] && f != fieldOther {
				return
			}
			i = next
			continue
		}
		if s.lines[i].depth != depth {
			return
		}
		text := s.lineText(i)
		f, value := cutField(text)
		switch {
		case f != fieldNone && h.has[f] && f != fieldOther:
			return
		case f != fieldNone:
			last, wrapped = f, 0
			h.has[f] = true
			h.value[f] = value
			if f != fieldOther {
				h.fields++
			}
		case last == fieldNone || wrapped >= maxWrap || !s.fieldFollows(i, depth, h) && !(value == "" && h.value[last] == ""):
			return
		default:
			wrapped++
			h.value[last] = trim(h.value[last] + " " + text)
		}
		i++
		h.end = i
	}
}

// fieldFollows reports whether a line that is no field stands between fields:
// a wrapped value.
func (s *splitter) fieldFollows(i, depth int, h *header) bool {
	for k := i + 1; k < len(s.lines) && k <= i+maxWrap; k++ {
		if s.lines[k].blank || s.lines[k].depth != depth {
			return false
		}
		if f, _ := cutField(s.lineText(k)); f != fieldNone {
			return !h.has[f]
		}
	}
	return false
}
