package thread

import "strings"

// phrases finds any of many words in a text in one scan: the words are grouped
// by their first two bytes.
type phrases struct {
	starts [1 << 16]bool
	words  map[uint16][]string
}

func newPhrases(words []string) *phrases {
	p := &phrases{words: make(map[uint16][]string)}
	for _, w := range words {
		if len(w) > 1 {
			k := uint16(w[0])<<8 | uint16(w[1])
			p.starts[k] = true
			p.words[k] = append(p.words[k], w)
		}
	}
	return p
}

// each calls f for every place where a word stands, until f returns false.
func (p *phrases) each(s string, f func(at int, word string) bool) {
	for i := 0; i+1 < len(s); i++ {
		k := uint16(s[i])<<8 | uint16(s[i+1])
		if !p.starts[k] {
			continue
		}
		for _, w := range p.words[k] {
			if strings.HasPrefix(s[i:], w) && !f(i, w) {
				return
			}
		}
	}
}

// in reports whether a word stands anywhere in s.
func (p *phrases) in(s string) (found bool) {
	p.each(s, func(int, string) bool {
		found = true
		return false
	})
	return found
}
