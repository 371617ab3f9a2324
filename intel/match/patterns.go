package match

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"foregate/intel"
	"foregate/intel/stix/pattern"
)

// The bounds of patterns.
const (
	// maxLoose bounds the patterns without an equality that must hold, which are
	// evaluated for every message. Public feeds have a few per thousand.
	maxLoose = 1000
	// maxRefused bounds the refused patterns that are named one by one.
	maxRefused = 20
	// maxPatternHits bounds the patterns that one message is said to satisfy.
	maxPatternHits = 20
)

// compiled is a pattern in force.
type compiled struct {
	text    string
	single  *pattern.Single
	anchors []pattern.Anchor
}

// patterns are the STIX patterns that are no plain list of values.
type patterns struct {
	answers  func(path string) bool
	compiled map[string]*compiled
	anchored map[pattern.Anchor][]*compiled
	paths    map[string]int // how many anchors stand at a path
	loose    []*compiled
	refused  int
	why      []string // of some of the refused
}

func (p *patterns) refuse(text string, err error) {
	p.refused++
	if len(p.why) < maxRefused {
		p.why = append(p.why, fmt.Sprintf("pattern %q cannot be looked for in mail: %v", short(text), err))
	}
}

func short(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (p *patterns) add(text string) {
	if p.compiled[text] != nil || p.answers == nil {
		return
	}
	parsed, err := pattern.Parse(text)
	if err != nil {
		p.refuse(text, err)
		return
	}
	single, err := parsed.Single(p.answers)
	if err != nil {
		p.refuse(text, err)
		return
	}
	c := &compiled{text: text, single: single}
	anchors, ok := single.Anchors()
	if !ok && len(p.loose) == maxLoose {
		p.refuse(text, fmt.Errorf("more than %d patterns have no value that must be there", maxLoose))
		return
	}
	p.compiled[text] = c
	if !ok {
		p.loose = append(p.loose, c)
		return
	}
	c.anchors = anchors
	for _, a := range anchors {
		p.anchored[a] = append(p.anchored[a], c)
		p.paths[a.Path]++
	}
}

func (p *patterns) remove(text string) {
	c := p.compiled[text]
	if c == nil {
		return
	}
	delete(p.compiled, text)
	same := func(o *compiled) bool { return o == c }
	p.loose = slices.DeleteFunc(p.loose, same)
	for _, a := range c.anchors {
		if rest := slices.DeleteFunc(p.anchored[a], same); len(rest) > 0 {
			p.anchored[a] = rest
		} else {
			delete(p.anchored, a)
		}
		if p.paths[a.Path]--; p.paths[a.Path] == 0 {
			delete(p.paths, a.Path)
		}
	}
}

// Refused is how many patterns no message can satisfy or answer, and why, of
// some of them.
func (s *Set) Refused() (n int, why []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.patterns.refused, slices.Clone(s.patterns.why)
}

// HasPatterns says whether any pattern is in force.
func (s *Set) HasPatterns() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.patterns.compiled) > 0
}

// Patterns finds the patterns that a message seen at a time satisfies. The error
// is the context's: the time for the message was over before all were tried.
func (s *Set) Patterns(ctx context.Context, v pattern.View, at time.Time) ([]Hit, error) {
	s.mu.RLock()
	var candidates []*compiled
	for path := range s.patterns.paths {
		for _, value := range v.Values(path) {
			if text, ok := value.(string); ok {
				candidates = append(candidates, s.patterns.anchored[pattern.Anchor{Path: path, Value: text}]...)
			}
		}
	}
	loose := slices.Clone(s.patterns.loose)
	s.mu.RUnlock()
	slices.SortFunc(candidates, func(a, b *compiled) int { return strings.Compare(a.text, b.text) })
	candidates = append(slices.Compact(candidates), loose...)
	var hits []Hit
	for _, c := range candidates {
		if err := ctx.Err(); err != nil {
			return hits, err
		}
		if !c.single.Holds(v, at) {
			continue
		}
		if h, ok := s.Value(intel.Pattern, c.text, at); ok {
			h.How = "pattern"
			if hits = append(hits, h); len(hits) == maxPatternHits {
				break
			}
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(b.Strength, a.Strength) })
	return hits, nil
}
