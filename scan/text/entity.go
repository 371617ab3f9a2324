package text

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/mql/shape"
)

//go:embed entities.tsv
var entityTable string

const (
	maxEntities   = 64  // of one text
	maxPhrase     = 12  // tokens of one phrase
	maxEntityText = 120 // bytes
	maxNameWords  = 4   // "Dear Dr Anna Maria Berg"
)

// phrases is a set of word sequences with the entity each is, as a tree of
// hashes: the hash of a sequence, and whether it goes on or is one.
type phrases map[uint64]phrase

type phrase struct {
	more   bool
	entity string
}

// readPhrases reads "entity TAB phrase|phrase|…" lines.
func readPhrases(table string) phrases {
	p := phrases{}
	var toks []token
	for _, line := range strings.Split(table, "\n") {
		entity, list, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		for _, text := range strings.Split(list, "|") {
			toks = tokens(toks, text)
			h := uint64(0)
			for i, t := range toks {
				h = mix(h*31 + t.hash)
				e := p[h]
				if i+1 == len(toks) {
					e.entity = entity
				} else {
					e.more = true
				}
				p[h] = e
			}
		}
	}
	return p
}

// match returns the longest phrase that begins at token i and its length.
func (p phrases) match(toks []token, i int) (entity string, n int) {
	h := uint64(0)
	for k := i; k < len(toks) && k-i < maxPhrase; k++ {
		h = mix(h*31 + toks[k].hash)
		e, ok := p[h]
		if !ok {
			break
		}
		if e.entity != "" {
			entity, n = e.entity, k-i+1
		}
		if !e.more {
			break
		}
	}
	return entity, n
}

// entities finds the passages that name something: by phrases of each language,
// and the names after a greeting (the recipient) and a closing (the sender).
func entities(p phrases, text string, toks []token) []shape.Entity {
	out := []shape.Entity{}
	seen := map[shape.Entity]bool{}
	add := func(name string, from, to int) {
		e := shape.Entity{Name: name, Text: plain(text[from:to], maxEntityText)}
		if e.Text != "" && !seen[e] && len(out) < maxEntities {
			seen[e] = true
			out = append(out, e)
		}
	}
	for i := 0; i < len(toks); {
		name, n := p.match(toks, i)
		if n == 0 {
			i++
			continue
		}
		from, to := toks[i].start, toks[i+n-1].end
		switch name {
		case "greeting":
			if !lineStart(text, from) {
				break
			}
			add(name, from, to)
			if k := nameAfter(text, toks, i+n, false); k > 0 {
				add("recipient", toks[i+n].start, toks[i+n+k-1].end)
				n += k
			}
		case "salutation":
			if !lineStart(text, from) {
				break
			}
			add(name, from, to)
			if k := nameAfter(text, toks, i+n, true); k > 0 {
				add("sender", toks[i+n].start, toks[i+n+k-1].end)
				n += k
			}
		default:
			add(name, from, to)
		}
		i += n
	}
	return out
}

// lineStart says whether only blanks and quote marks stand before i on its line.
func lineStart(text string, i int) bool {
	line := text[strings.LastIndexByte(text[:i], '\n')+1 : i]
	return strings.Trim(line, " \t>*_\"'«¡") == ""
}

// nameAfter counts the tokens from i on that look like a name: words with a
// capital, or signs, up to the end of a line. It may begin on a later line when
// below.
func nameAfter(text string, toks []token, i int, below bool) int {
	n := 0
	for ; i+n < len(toks) && n < maxNameWords; n++ {
		t := toks[i+n]
		gap := text[toks[i+n-1].end:t.start]
		if n == 0 && below && len(gap) > 8 || n == 0 && !below && strings.ContainsAny(gap, "\n,!:") || n > 0 && strings.ContainsAny(gap, "\n,!:;|") {
			break
		}
		r, _ := utf8.DecodeRuneInString(text[t.start:])
		if !unicode.IsUpper(r) && !t.sign && (unicode.IsLower(r) || !unicode.IsLetter(r)) && t.hash != classMail {
			break
		}
	}
	return n
}
