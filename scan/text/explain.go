package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/evidence"
)

// worthQuoting says whether a label is one that people will ask about.
func worthQuoting(l label) bool {
	return l.kind == "intent" && l.name != "benign" || l.kind == "tag"
}

// shownWords is how many n-grams of a sentence are named, and least share of
// the sentence's weight that one must have.
const shownWords = 3

// explain finds the sentence of the text that speaks most for a label, and its
// weightiest words.
func (m *Model) explain(text string, s *scratch, label int) (quote string, words []string) {
	ends := sentences(text, s.tokens)
	sums := make([]int, len(ends))
	at := 0
	for _, f := range s.features {
		for at > 0 && int(f.last) < ends[at-1] {
			at--
		}
		for int(f.last) >= ends[at] {
			at++
		}
		sums[at] += m.weight(f, label)
	}
	best := 0
	for i := range sums {
		if sums[i] > sums[best] {
			best = i
		}
	}
	first := 0
	if best > 0 {
		first = ends[best-1]
	}
	if len(s.tokens) == 0 || sums[best] <= 0 {
		return "", nil
	}
	top := m.strongest(s, label, first, ends[best])
	for _, f := range top {
		words = append(words, plain(text[s.tokens[f.first].start:s.tokens[f.last].end], 60))
	}
	from, to := s.tokens[first].start, s.tokens[ends[best]-1].end
	for to < len(text) && strings.IndexByte(".!?", text[to]) >= 0 {
		to++
	}
	if len(top) > 0 && to-from > evidence.MaxQuote {
		// Show the end of a long sentence rather than nothing of what weighs.
		if start := s.tokens[top[0].first].start; start > from+evidence.MaxQuote/2 {
			from = s.tokens[max(first, int(top[0].first)-6)].start
		}
	}
	return plain(text[from:to], evidence.MaxQuote), words
}

func (m *Model) weight(f feature, label int) int {
	r := m.rowOf.find(f.key)
	if r < 0 {
		return 0
	}
	row := m.rows[int(r)*len(m.labels):]
	w := float32(row[label]) * m.labels[label].scale
	if g := m.labels[label].given; g >= 0 {
		w += float32(row[g]) * m.labels[g].scale
	}
	return int(w * 100)
}

// strongest returns the features of whole words between two tokens that weigh
// most, no two of which overlap.
func (m *Model) strongest(s *scratch, label, first, end int) []feature {
	var found []feature
	for _, f := range s.features {
		if f.plain && int(f.first) >= first && int(f.last) < end && m.weight(f, label) > 0 {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b feature) int {
		// A pair says more than a word of the same weight.
		return m.weight(b, label)*(2+int(b.last-b.first)) - m.weight(a, label)*(2+int(a.last-a.first))
	})
	var out []feature
	for _, f := range found {
		if !slices.ContainsFunc(out, func(o feature) bool { return f.first <= o.last && o.first <= f.last }) {
			if out = append(out, f); len(out) == shownWords {
				break
			}
		}
	}
	return out
}

// maxSentence bounds a sentence in tokens; what is longer is split.
const maxSentence = 60

// sentences returns the index after the last token of each sentence.
func sentences(text string, toks []token) []int {
	var ends []int
	start := 0
	for i := range toks {
		to := len(text)
		if i+1 < len(toks) {
			to = toks[i+1].start
		}
		gap := text[toks[i].end:to]
		if strings.ContainsAny(gap, "\n!?。！？") || strings.Contains(gap, ". ") || i+1-start >= maxSentence || i+1 == len(toks) {
			ends = append(ends, i+1)
			start = i + 1
		}
	}
	return ends
}

// plain makes a passage one line of at most n bytes.
func plain(s string, n int) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			space = b.Len() > 0
			continue
		}
		if b.Len()+1+utf8.RuneLen(r) > n {
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
