package canon

import (
	"errors"
	"fmt"
	"strings"
)

// Tags is a parsed tag=value list (RFC 6376 section 3.2).
type Tags struct {
	list []tag
}

type tag struct {
	name, value string
	at          [2]int
}

// maxTags bounds the tags of one list: the standards define fewer than twenty.
const maxTags = 64

// ParseTags reads a tag=value list. Blanks and folds around names and values
// are dropped, those inside values kept. An empty element, a repeated name or
// a byte outside the grammar is an error; one closing semicolon is not.
func ParseTags(s string) (Tags, error) {
	var t Tags
	for pos := 0; pos <= len(s); {
		end := strings.IndexByte(s[pos:], ';')
		if end < 0 {
			end = len(s)
		} else {
			end += pos
		}
		spec := s[pos:end]
		if trim(spec) == "" {
			if end == len(s) && len(t.list) > 0 {
				return t, nil // after the closing semicolon
			}
			return Tags{}, errors.New("empty tag")
		}
		name, value, ok := strings.Cut(spec, "=")
		if !ok {
			return Tags{}, errors.New("tag without =")
		}
		at := [2]int{pos + len(name) + 1, end}
		if err := t.add(trim(name), trim(value), at); err != nil {
			return Tags{}, err
		}
		pos = end + 1
	}
	return t, nil
}

func (t *Tags) add(name, value string, at [2]int) error {
	if !isTagName(name) {
		return errors.New("malformed tag name")
	}
	if _, dup := t.Get(name); dup {
		return fmt.Errorf("tag %s= appears twice", name)
	}
	if len(t.list) == maxTags {
		return fmt.Errorf("more than %d tags", maxTags)
	}
	for i := 0; i < len(value); i++ {
		if c := value[i]; c < 0x20 && !isFold(c) || c == 0x7f {
			return fmt.Errorf("control character in tag %s=", name)
		}
	}
	t.list = append(t.list, tag{name: name, value: value, at: at})
	return nil
}

// First returns the name of the first tag, "" when there is none.
func (t Tags) First() string {
	if len(t.list) == 0 {
		return ""
	}
	return t.list[0].name
}

// Get returns a tag's value and whether the tag is there. Names are case
// sensitive.
func (t Tags) Get(name string) (string, bool) {
	for _, g := range t.list {
		if g.name == name {
			return g.value, true
		}
	}
	return "", false
}

// Range returns the byte range of a tag's value in the parsed string,
// surrounding blanks included; an empty range at 0 when the tag is absent.
func (t Tags) Range(name string) [2]int {
	for _, g := range t.list {
		if g.name == name {
			return g.at
		}
	}
	return [2]int{}
}

// isTagName reports RFC 6376 section 3.2 tag-name.
func isTagName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		alpha := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alpha && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

func isFold(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func trim(s string) string { return strings.Trim(s, " \t\r\n") }

// StripFolds removes all folding white space, as base64 values allow it
// anywhere.
func StripFolds(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 && isFold(byte(r)) {
			return -1
		}
		return r
	}, s)
}

// SplitNames reads a colon-separated list of field names (the h= tag) in
// lower case. Blanks around the names are dropped; empty elements stay.
func SplitNames(s string) []string {
	names := strings.Split(strings.ToLower(s), ":")
	for i := range names {
		names[i] = trim(names[i])
	}
	return names
}

// Picker hands out header fields for signing: of several fields with one name
// the last one first (RFC 6376 section 5.4.2).
type Picker struct {
	fields []Field
	byName map[string][]int
}

// NewPicker returns a picker over all fields.
func NewPicker(fields []Field) *Picker {
	p := &Picker{fields: fields, byName: make(map[string][]int, len(fields))}
	for i, f := range fields {
		p.byName[f.Name] = append(p.byName[f.Name], i)
	}
	return p
}

// Next returns the next field of that name and its index, false when all are
// used up.
func (p *Picker) Next(name string) (Field, int, bool) {
	left := p.byName[name]
	if len(left) == 0 {
		return Field{}, -1, false
	}
	i := left[len(left)-1]
	p.byName[name] = left[:len(left)-1]
	return p.fields[i], i, true
}
