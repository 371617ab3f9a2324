// Package casebook reads case files and writes their reports: a case is a
// question, rival hypotheses, and facts each with source and confidence.
package casebook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"foregate/intel"
	"foregate/intel/attrib"
)

// MaxFile bounds a case file in bytes.
const MaxFile = 4 << 20

// Case is a case file.
type Case struct {
	Title       string              `yaml:"title" json:"title"`
	Question    string              `yaml:"question" json:"question"`
	At          string              `yaml:"at" json:"at"` // the day of the judgement
	TLP         string              `yaml:"tlp" json:"tlp"`
	Author      string              `yaml:"author" json:"author"`
	Techniques  []string            `yaml:"techniques" json:"techniques,omitempty"`
	Software    []string            `yaml:"software" json:"software,omitempty"`
	Hypotheses  []attrib.Hypothesis `yaml:"hypotheses" json:"hypotheses"`
	Facts       []attrib.Item       `yaml:"facts" json:"facts"`
	Relations   []Relation          `yaml:"relations" json:"relations,omitempty"`
	WouldChange []string            `yaml:"would_change" json:"would_change,omitempty"`
	Afterwards  string              `yaml:"afterwards" json:"afterwards,omitempty"`
	// Comparison is filled by Compare.
	Comparison *Comparison `yaml:"-" json:"comparison,omitempty"`
}

// Relation is an assertion as a case file writes it: nodes are "kind value".
type Relation struct {
	Subject    string `yaml:"subject" json:"subject"`
	Relation   string `yaml:"relation" json:"relation"`
	Object     string `yaml:"object" json:"object"`
	First      string `yaml:"first" json:"first,omitempty"`
	Last       string `yaml:"last" json:"last,omitempty"`
	Source     string `yaml:"source" json:"source"`
	Origin     string `yaml:"origin" json:"origin,omitempty"`
	Confidence string `yaml:"confidence" json:"confidence,omitempty"`
	Note       string `yaml:"note" json:"note,omitempty"`
	TLP        string `yaml:"tlp" json:"tlp,omitempty"` // that of the case when it has none
}

// Read reads a case file. Unknown keys are errors, as are a fact without source
// and whatever attrib.Weigh refuses.
func Read(data []byte) (*Case, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("reading a case: %d bytes, at most %d are read", len(data), MaxFile)
	}
	var c Case
	if err := yaml.UnmarshalWithOptions(data, &c, yaml.Strict()); err != nil {
		return nil, errors.New("reading a case: " + yaml.FormatError(err, false, true))
	}
	if c.Title == "" || len(c.Facts) == 0 {
		return nil, errors.New("reading a case: a title and facts are due")
	}
	for i := range c.Facts {
		f := &c.Facts[i]
		if f.Source == "" || f.Claim == "" {
			return nil, fmt.Errorf("reading a case: fact %q: a claim and its source are due", f.ID)
		}
		var err error
		if f.Confidence, err = intel.ParseConfidence(f.Code); err != nil {
			return nil, fmt.Errorf("reading a case: fact %q: %w", f.ID, err)
		}
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("reading a case: %w", err)
	}
	if _, err := c.Assertions(); err != nil {
		return nil, fmt.Errorf("reading a case: %w", err)
	}
	if _, err := attrib.Weigh(c.Hypotheses, c.Facts); err != nil {
		return nil, fmt.Errorf("reading a case: %w", err)
	}
	return &c, nil
}

// check reads the labels and times of the case, and lets old facts age.
func (c *Case) check() error {
	day, err := c.Day()
	if err != nil {
		return err
	}
	labels := []string{c.TLP}
	for _, r := range c.Relations {
		labels = append(labels, r.TLP)
	}
	for i := range c.Facts {
		f := &c.Facts[i]
		labels = append(labels, f.TLP)
		if f.HalfLife == 0 {
			continue
		}
		at, err := when(f.At)
		if err != nil || f.HalfLife < 0 {
			return fmt.Errorf("fact %q: half_life_days takes days above 0 and an \"at\" such as 2016-02", f.ID)
		}
		if age := day.Sub(at); age > 0 {
			f.Discounts = append(f.Discounts, attrib.Ageing(age, time.Duration(f.HalfLife)*24*time.Hour))
		}
	}
	for _, l := range labels {
		if _, err := intel.ParseTLP(l); err != nil {
			return err
		}
	}
	return nil
}

// when reads YYYY[-MM[-DD]].
func when(s string) (t time.Time, err error) {
	for _, form := range []string{time.DateOnly, "2006-01", "2006"} {
		if t, err = time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return t, err
}

// Weigh weighs the case.
func (c *Case) Weigh() (*attrib.Result, error) { return attrib.Weigh(c.Hypotheses, c.Facts) }

// Day is when the case was judged.
func (c *Case) Day() (time.Time, error) {
	t, err := time.Parse(time.DateOnly, c.At)
	if err != nil {
		return t, fmt.Errorf("at: %q is no date such as 2017-04-30", c.At)
	}
	return t, nil
}

// Label is the marking of the whole case: the narrowest of what is in it; amber when
// it has none.
func (c *Case) Label() intel.TLP {
	label := orAmber(c.TLP)
	for _, f := range c.Facts {
		label = narrower(label, intel.TLP(f.TLP))
	}
	for _, r := range c.Relations {
		label = narrower(label, intel.TLP(r.TLP))
	}
	return label
}

func orAmber(s string) intel.TLP {
	l, err := intel.ParseTLP(s)
	if err != nil || l == "" {
		return intel.TLPAmber
	}
	return l
}

func narrower(a, b intel.TLP) intel.TLP {
	if b, err := intel.ParseTLP(string(b)); err == nil && b.Rank() > a.Rank() {
		return b
	}
	return a
}

// label is the marking of one relation: its own, or else that of the case.
func (c *Case) label(r Relation) intel.TLP {
	if r.TLP == "" {
		return orAmber(c.TLP)
	}
	return orAmber(r.TLP)
}

// Indicators are the relations of what can be seen on the network or in mail.
func (c *Case) Indicators() (indicators, others []Relation) {
	for _, r := range c.Relations {
		kind, _, _ := strings.Cut(r.Subject, " ")
		if intel.ParseKind(kind).IsObservable() {
			indicators = append(indicators, r)
		} else {
			others = append(others, r)
		}
	}
	return indicators, others
}

// Assertions are the case's relations.
func (c *Case) Assertions() ([]intel.Assertion, error) {
	var out []intel.Assertion
	for i, r := range c.Relations {
		a := intel.Assertion{Relation: intel.Relation(r.Relation), Source: intel.Source{Name: r.Source, Origin: r.Origin}, Note: r.Note, TLP: c.label(r)}
		var err error
		if a.Confidence, err = intel.ParseConfidence(r.Confidence); err != nil {
			return nil, fmt.Errorf("relation %d: %w", i, err)
		}
		for _, n := range []struct {
			to   *intel.Node
			from string
		}{{&a.Subject, r.Subject}, {&a.Object, r.Object}} {
			kind, value, _ := strings.Cut(n.from, " ")
			if *n.to, err = intel.Clean(intel.ParseKind(kind), value); err != nil {
				return nil, fmt.Errorf("relation %d: %w", i, err)
			}
		}
		for _, t := range []struct {
			to   *time.Time
			from string
		}{{&a.First, r.First}, {&a.Last, r.Last}} {
			if t.from != "" {
				if *t.to, err = time.Parse(time.DateOnly, t.from); err != nil {
					return nil, fmt.Errorf("relation %d: %q is no date", i, t.from)
				}
			}
		}
		if err := a.Check(); err != nil {
			return nil, fmt.Errorf("relation %d: %w", i, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// timeline are the dated facts, oldest first.
func (c *Case) timeline() []attrib.Item {
	var out []attrib.Item
	for _, f := range c.Facts {
		if f.At != "" {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b attrib.Item) int { return strings.Compare(a.At, b.At) })
	return out
}
