package main

import (
	"slices"
	"strings"
	"unicode"

	"foregate/mail"
)

// A campaign is a set of messages with nearly the same text. Texts are compared
// by the share of word sequences that they have in common, estimated from
// minima of hashes (Broder 1997); candidates are found by bands of the minima
// (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3).

const (
	sketchSize   = 32
	sketchBand   = 4   // minima that must agree in one of eight bands
	sketchAgree  = 18  // of all, to be one campaign: about 56 % in common
	sketchWords  = 600 // words looked at: what comes later is quoted or filler
	shingle      = 3   // words of a sequence
	subjectLeast = 4   // words from which on an equal subject is no accident
)

// sketch is what is kept of a text to find its like.
type sketch struct {
	minima  [sketchSize]uint32
	whole   uint64 // of all words: texts too short for sequences
	short   bool
	subject uint64 // 0 for subjects that are too short to tell
}

// sketchOf sketches what the author of a message wrote. Numbers, addresses and
// links, which campaigns change from message to message, are left out.
func sketchOf(m *mail.Message) sketch {
	subject := ""
	if m.Subject != nil {
		subject = m.Subject.Base
		if subject == "" {
			subject = m.Subject.Subject
		}
	}
	text := ""
	if t := m.Body.CurrentThread; t != nil {
		text = t.Text
	}
	return sketchText(subject, text)
}

func sketchText(subject, text string) sketch {
	var s sketch
	if words := plainWords(subject, sketchWords); len(words) >= subjectLeast {
		s.subject = hashWords(words) | 1
	}
	words := plainWords(text, sketchWords)
	if s.short = len(words) < 4*shingle; s.short {
		s.whole = hashWords(append(plainWords(subject, sketchWords), words...))
		return s
	}
	for i := range s.minima {
		s.minima[i] = ^uint32(0)
	}
	for i := range len(words) - shingle + 1 {
		h := hashWords(words[i : i+shingle])
		for k := range s.minima {
			// A family of hashes from one, by odd multipliers.
			v := uint32(((h ^ uint64(k)*0x9e3779b97f4a7c15) * (0xbf58476d1ce4e5b9 + 2*uint64(k))) >> 32)
			s.minima[k] = min(s.minima[k], v)
		}
	}
	return s
}

// plainWords are the first words of letters only, lower case.
func plainWords(text string, most int) []string {
	var out []string
	for w := range strings.FieldsSeq(text) {
		if len(out) == most {
			break
		}
		if strings.ContainsAny(w, "@/0123456789") {
			continue
		}
		w = strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) }))
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}

// hashWords is FNV-1a over words: the same in every run.
func hashWords(words []string) uint64 {
	h := uint64(14695981039346656037)
	for _, w := range words {
		for i := range len(w) {
			h = (h ^ uint64(w[i])) * 1099511628211
		}
		h = (h ^ ' ') * 1099511628211
	}
	return h
}

// groupCampaigns numbers the campaigns, from 0 in the order of their first
// message. Messages of one source with the same long subject are one campaign
// too, so that a conversation is.
func groupCampaigns(seen []observed) {
	parent := make([]int, len(seen))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	join := func(i, j int) { // the earlier one leads
		i, j = root(i), root(j)
		parent[max(i, j)] = min(i, j)
	}
	first := map[[2]uint64]int{} // kind of key and key → first message
	meet := func(kind, key uint64, i int, near func(j int) bool) {
		k := [2]uint64{kind, key}
		if j, ok := first[k]; !ok {
			first[k] = i
		} else if near(j) {
			join(i, j)
		}
	}
	always := func(int) bool { return true }
	for i := range seen {
		t := &seen[i].text
		if t.subject != 0 {
			meet(hashWords([]string{seen[i].sample.label, seen[i].sample.source}), t.subject, i, always)
		}
		if t.short {
			meet(1, t.whole, i, always)
			continue
		}
		for b := 0; b < sketchSize; b += sketchBand {
			key := uint64(b)
			for _, v := range t.minima[b : b+sketchBand] {
				key = (key ^ uint64(v)) * 1099511628211
			}
			meet(2, key, i, func(j int) bool { return agreement(t, &seen[j].text) >= sketchAgree })
		}
	}
	number := map[int]int{}
	for i := range seen {
		r := root(i)
		if _, ok := number[r]; !ok {
			number[r] = len(number)
		}
		seen[i].campaign = number[r]
	}
}

// agreement counts equal minima.
func agreement(a, b *sketch) int {
	n := 0
	for i := range a.minima {
		if a.minima[i] == b.minima[i] {
			n++
		}
	}
	return n
}

// countCampaigns counts the campaigns of each label.
func countCampaigns(seen []observed) map[string]int {
	of := map[string][]int{}
	for _, o := range seen {
		of[o.sample.label] = append(of[o.sample.label], o.campaign)
	}
	out := map[string]int{}
	for label, ids := range of {
		slices.Sort(ids)
		out[label] = len(slices.Compact(ids))
	}
	return out
}
