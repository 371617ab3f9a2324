package auth

import (
	"bytes"
	"iter"
	"strings"
)

// field is one header field of a message as received.
type field struct {
	name  string // lower case, without the bytes that some readers drop
	start int    // byte offset of the name
	value int    // byte offset behind the colon
	end   int    // byte offset behind the last line
}

// fields lists the header fields of raw in the widest reading that some mail
// program might take: a line may end in CRLF, LF or a lone CR, and control
// bytes in names don't count. The header ends at an empty line, or at the end
// of raw. A strict reader sees these fields or fewer, so nothing that speaks
// for someone stays unseen.
func fields(raw []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		var open field // the field whose lines are being read; zero name for none
		afterLF := true
		pos := 0
		for pos < len(raw) {
			text, next, lf := cutLine(raw, pos)
			// Only LF after LF is an empty line for everybody: what a lone CR
			// leaves empty, others read on in.
			if len(text) == 0 && lf && afterLF {
				break
			}
			afterLF = lf
			if len(text) > 0 && text[0] != ' ' && text[0] != '\t' {
				if open.name != "" && !yield(open) {
					return
				}
				open = newField(text, pos)
			}
			if open.name != "" {
				open.end = next
			}
			pos = next
		}
		if open.name != "" {
			yield(open)
		}
	}
}

// cutLine returns the line at pos without its end, the offset behind it and
// whether it ends in LF.
func cutLine(raw []byte, pos int) (text []byte, next int, lf bool) {
	i := bytes.IndexAny(raw[pos:], "\r\n")
	if i < 0 {
		return raw[pos:], len(raw), false
	}
	text, next = raw[pos:pos+i], pos+i+1
	if raw[pos+i] == '\n' {
		return text, next, true
	}
	if next < len(raw) && raw[next] == '\n' {
		return text, next + 1, true
	}
	return text, next, false
}

// newField reads the name of a field; a line that is none gives a field
// without a name.
func newField(line []byte, pos int) field {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return field{}
	}
	name := strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToLower(string(line[:colon])))
	name = strings.TrimRight(name, " \t")
	if name == "" || strings.ContainsAny(name, " \t") {
		return field{}
	}
	return field{name: name, start: pos, value: pos + colon + 1, end: pos + len(line)}
}

// lineEnds drops line ends.
var lineEnds = strings.NewReplacer("\r", "", "\n", "")

// unfold returns the value of f with its line ends dropped.
func (f field) unfold(raw []byte) string { return lineEnds.Replace(string(raw[f.value:f.end])) }
