package casebook

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"foregate/intel"
	"foregate/intel/attrib"
	"foregate/intel/stix"
)

// Markdown writes the report for people who read text. Output is the same for
// the same case.
func (c *Case) Markdown(w io.Writer, r *attrib.Result) error {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("# %s\n\nTLP:%s. As judged on %s. %s\n\n", c.Title, strings.ToUpper(string(c.Label())), c.At, c.Question)
	p("**Answer:** %s.\n\n## Hypotheses\n\n| hypothesis | prior | posterior | the leader is likelier by | ICD 203 | PHIA |\n|---|---|---|---|---|---|\n", r.Why)
	for _, s := range r.Standings {
		p("| %s | %.0f %% | %.0f %% | %s | %s | %s |\n", cell(s.Name), 100*s.Prior, 100*s.Probability, behind(r, s), s.Words, s.PHIA)
	}
	p("\nThe priors and why:\n\n")
	for _, h := range c.Hypotheses {
		p("- %s: %.0f %%, %s.\n", h.Name, 100*h.Prior, h.Basis)
	}
	p("\nWith equal priors: %s.\n", r.Even)
	p("\n## What would change the answer when taken away\n\n| without | the leader's probability | leads then | changes the answer |\n|---|---|---|---|\n")
	for _, d := range r.Drops {
		p("| %s | %.0f %% | %s | %s |\n", d.Item, 100*d.Probability, d.Leader, yes(d.Changes))
	}
	p("\n%s\n", sensitivity(r))
	p("\n## Competing hypotheses\n\nThe weight of each item for each hypothesis in bans (1 is ten times likelier), after discounts; what separates most stands first.\n\n| item |")
	for _, h := range c.Hypotheses {
		p(" %s |", h.ID)
	}
	p(" separates |\n|---|%s\n", strings.Repeat("---|", len(c.Hypotheses)+1))
	for _, row := range r.Matrix {
		it := c.fact(row.Item)
		p("| %s |", row.Item)
		for _, h := range c.Hypotheses {
			p(" %s %+.2f |", row.Cells[h.ID], it.Weight(h.ID, c.Hypotheses)+0)
		}
		p(" %.2f |\n", row.Spread)
	}
	p("\n## Facts\n\n")
	for _, f := range c.Facts {
		p("### %s\n\n%s\n\n%s\n\n%s\n\n", f.ID, f.Claim, c.provenance(f), f.Reasoning)
	}
	p("## Timeline\n\n")
	for _, f := range c.timeline() {
		p("- %s: %s\n", f.At, f.Claim)
	}
	c.known(p)
	c.relations(p)
	if len(c.WouldChange) > 0 {
		p("\n## What evidence would change it\n\n")
		for _, s := range c.WouldChange {
			p("- %s\n", s)
		}
	}
	if c.Afterwards != "" {
		p("\n## Afterwards\n\n%s\n", c.Afterwards)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// behind says how many times as likely the leader is.
func behind(r *attrib.Result, s attrib.Standing) string {
	if s.ID == r.Standings[0].ID {
		return "leads"
	}
	return fmt.Sprintf("%.1f times", r.Standings[0].Probability/s.Probability)
}

// sensitivity says in a sentence what the answer hangs on.
func sensitivity(r *attrib.Result) string {
	var ids []string
	for _, d := range r.Drops {
		if d.Changes {
			ids = append(ids, d.Item)
		}
	}
	if len(ids) == 0 {
		return "No single item changes the answer when it is taken away."
	}
	return "The answer hangs on: " + strings.Join(ids, ", ") + "."
}

// provenance says of a fact who says it and what is left of its weight.
func (c *Case) provenance(f attrib.Item) string {
	share, why := f.Kept()
	s := fmt.Sprintf("Source: %s%s, %s. Keeps %.0f %% of its weight: %s.", f.Source, origin(f), f.Confidence, 100*share, strings.Join(why, "; "))
	if f.Rate != nil {
		s += fmt.Sprintf(" Base rate: %d of %d, %s.", f.Rate.Seen, f.Rate.Of, f.Rate.Basis)
	}
	if f.TLP != "" {
		s += " TLP:" + strings.ToUpper(string(orAmber(f.TLP))) + "."
	}
	return s
}

// known writes how the case fits known actors.
func (c *Case) known(p func(string, ...any)) {
	if c.Comparison == nil {
		return
	}
	p("\n## Known actors by techniques and software\n\n%s\n\n| actor | probability | techniques | software |\n|---|---|---|---|\n", c.Comparison.sentence())
	for _, a := range c.Comparison.Actors {
		p("| %s | %.0f %% | %+.2f | %+.2f |\n", cell(a.Name), 100*a.Probability, a.Techniques, a.Software)
	}
	if len(c.Comparison.Places) > 0 {
		p("\nSimilarity is no evidence, and depends on the measure:\n\n| actor | measure | place |\n|---|---|---|\n")
		for _, x := range c.Comparison.Places {
			p("| %s | %s | %d of %d |\n", cell(x.Actor), x.Measure, x.Place, x.Among)
		}
	}
}

// sentence says what the comparison rests on and what it cannot do.
func (x *Comparison) sentence() string {
	return fmt.Sprintf("Of %d known actors, by their profiles alone and with a prior of %.0f %% that it is none of them, which leaves %.0f %% for that. Weights are in bans against an actor of whom nothing is known. Over the attributed campaigns of ATT&CK the right group comes first in about four of ten cases and among the first five in half of them (bench/attribution): this names candidates, not an actor.", x.Among, 100*unknownPrior, 100*x.Unknown)
}

func (c *Case) relations(p func(string, ...any)) {
	indicators, others := c.Indicators()
	for _, part := range []struct {
		title string
		list  []Relation
	}{{"Indicators", indicators}, {"What is said of whom", others}} {
		if len(part.list) == 0 {
			continue
		}
		p("\n## %s\n\n| subject | relation | object | source | confidence | note | TLP |\n|---|---|---|---|---|---|---|\n", part.title)
		for _, r := range part.list {
			p("| %s | %s | %s | %s%s | %s | %s | %s |\n", cell(defang(r.Subject)), r.Relation, cell(defang(r.Object)), cell(r.Source), cell(origin(attrib.Item{Origin: r.Origin})), r.Confidence, cell(r.Note), c.label(r))
		}
	}
}

// defang keeps indicators in reports from being clicked.
func defang(s string) string {
	kind, value, ok := strings.Cut(s, " ")
	if ok && intel.ParseKind(kind).IsObservable() {
		return kind + " " + strings.ReplaceAll(strings.Replace(value, "http", "hxxp", 1), ".", "[.]")
	}
	return s
}

func (c *Case) fact(id string) attrib.Item {
	i := slices.IndexFunc(c.Facts, func(f attrib.Item) bool { return f.ID == id })
	if i < 0 {
		return attrib.Item{}
	}
	return c.Facts[i]
}

func origin(f attrib.Item) string {
	if f.Origin == "" {
		return ""
	}
	return ", who has it from " + f.Origin
}

func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "\n", " ") }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// opinions of STIX 2.1 section 4.13 for a probability.
func opinion(p float64) string {
	switch {
	case p < 0.05:
		return "strongly-disagree"
	case p < 0.3:
		return "disagree"
	case p <= 0.6:
		return "neutral"
	case p <= 0.95:
		return "agree"
	}
	return "strongly-agree"
}

// STIX writes the case as a bundle: a grouping of its objects, a note per
// hypothesis with an opinion on it, and the relations.
func (c *Case) STIX(w io.Writer, r *attrib.Result) error {
	day, err := c.Day()
	if err != nil {
		return err
	}
	b := &stix.Builder{At: day, Author: orDefault(c.Author)}
	as, err := c.Assertions()
	if err != nil {
		return err
	}
	for _, a := range as {
		if err := b.Add(a); err != nil {
			return fmt.Errorf("writing the case: %w", err)
		}
	}
	var refs []string
	for _, o := range b.Objects() {
		if t := o["type"]; t != "marking-definition" {
			refs = append(refs, o["id"].(string))
		}
	}
	marks := []string{b.Marking(c.Label())}
	about := refs
	if len(about) == 0 {
		id, err := b.Node(intel.Node{Kind: intel.Campaign, Value: c.Title})
		if err != nil {
			return err
		}
		about = []string{id}
		refs = append(refs, id)
	}
	for _, s := range r.Standings {
		var why strings.Builder
		fmt.Fprintf(&why, "Prior %.2f (%s), posterior %.3f: %s.", s.Prior, s.Basis, s.Probability, s.Words)
		for _, it := range s.Reasons {
			fmt.Fprintf(&why, "\n%+.2f %s: %s", it.Weight, it.ID, it.Claim)
		}
		note := b.Put(map[string]any{
			"type": "note", "id": intel.ObjectID("note", c.Title, s.ID), "abstract": "Hypothesis: " + s.Name,
			"content": why.String(), "object_refs": about, "object_marking_refs": marks,
		})
		op := b.Put(map[string]any{
			"type": "opinion", "id": intel.ObjectID("opinion", c.Title, s.ID), "opinion": opinion(s.Probability),
			"explanation": fmt.Sprintf("%s: probability %.3f (%s; PHIA: %s)", s.Name, s.Probability, s.Words, s.PHIA),
			"object_refs": []string{note}, "object_marking_refs": marks,
		})
		refs = append(refs, note, op)
	}
	b.Put(map[string]any{
		"type": "grouping", "id": intel.ObjectID("grouping", c.Title), "name": c.Title, "description": c.Question + " " + r.Why + ".",
		"context": "suspicious-activity", "object_refs": refs, "object_marking_refs": marks,
	})
	_, err = b.WriteTo(w)
	return err
}

func orDefault(author string) string {
	if author == "" {
		return "Foregate"
	}
	return author
}
