// Package attack reads MITRE ATT&CK: which groups and campaigns use which
// techniques and software, and on which report each statement rests.
//
// It reads STIX bundles as MITRE publishes them and compact extracts of them.
package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"foregate/intel/stix"
)

// Statement is that somebody uses something, and the reports that say so.
type Statement struct {
	Object string   // technique or software id ("T1566.001", "S0002")
	Refs   []string // names of the reports cited; empty when none is
}

// Actor is a group or a campaign.
type Actor struct {
	ID      string // "G0007", "C0012"
	Name    string
	Aliases []string
	Uses    []Statement // sorted by object
	// Groups are the groups that a campaign is attributed to.
	Groups []Statement
}

// Corpus is the whole of it.
type Corpus struct {
	Groups    []Actor // sorted by ID
	Campaigns []Actor
	Names     map[string]string // of techniques and software, by id
}

type body struct {
	Name       string   `json:"name"`
	AttackID   string   `json:"attack_id"`
	Aliases    []string `json:"aliases"`
	Kind       string   `json:"relationship_type"`
	From       string   `json:"source_ref"`
	To         string   `json:"target_ref"`
	Refs       []string `json:"refs"`
	Revoked    bool     `json:"revoked"`
	Deprecated bool     `json:"x_mitre_deprecated"`
	External   []struct {
		Source string `json:"source_name"`
		ID     string `json:"external_id"`
	} `json:"external_references"`
}

// Read reads a bundle. Objects that cannot be read are told in bad.
func Read(r io.Reader) (c *Corpus, bad []error, err error) {
	c = &Corpus{Names: map[string]string{}}
	ids := map[string]string{}
	actors := map[string]*Actor{}
	var links []body
	sr := stix.NewReader(r)
	for {
		it, err := sr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bad, fmt.Errorf("reading ATT&CK: %w", err)
		}
		if it.Err != nil {
			bad = append(bad, it.Err)
			continue
		}
		var b body
		if err := json.Unmarshal(it.Object.Raw, &b); err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", it.Object.ID, err))
			continue
		}
		if b.Revoked || b.Deprecated {
			continue
		}
		switch it.Object.Type {
		case "relationship":
			links = append(links, b)
		case "intrusion-set", "campaign":
			actors[it.Object.ID] = &Actor{ID: b.id(), Name: b.Name, Aliases: b.Aliases}
		case "attack-pattern", "malware", "tool":
			ids[it.Object.ID] = b.id()
			c.Names[b.id()] = b.Name
		}
	}
	for _, l := range links {
		from := actors[l.From]
		if from == nil {
			continue
		}
		switch s := (Statement{Object: ids[l.To], Refs: l.refs()}); {
		case l.Kind == "uses" && s.Object != "":
			from.Uses = append(from.Uses, s)
		case l.Kind == "attributed-to" && actors[l.To] != nil:
			s.Object = actors[l.To].ID
			from.Groups = append(from.Groups, s)
		}
	}
	for id, a := range actors {
		slices.SortFunc(a.Uses, func(x, y Statement) int { return strings.Compare(x.Object, y.Object) })
		if strings.HasPrefix(id, "campaign--") {
			c.Campaigns = append(c.Campaigns, *a)
		} else {
			c.Groups = append(c.Groups, *a)
		}
	}
	for _, list := range [][]Actor{c.Groups, c.Campaigns} {
		slices.SortFunc(list, func(a, b Actor) int { return strings.Compare(a.ID, b.ID) })
	}
	if len(c.Groups) == 0 {
		return nil, bad, errors.New("reading ATT&CK: no group in it")
	}
	return c, bad, nil
}

func (b body) id() string {
	if b.AttackID != "" {
		return b.AttackID
	}
	for _, x := range b.External {
		if x.Source == "mitre-attack" {
			return x.ID
		}
	}
	return b.Name
}

func (b body) refs() []string {
	out := slices.Clone(b.Refs)
	for _, x := range b.External {
		if x.Source != "" && x.Source != "mitre-attack" {
			out = append(out, x.Source)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Techniques are the ids of techniques among the statements, each once.
func Techniques(s []Statement) []string { return pick(s, 'T') }

// Software are the ids of malware and tools among the statements, each once.
func Software(s []Statement) []string { return pick(s, 'S') }

func pick(s []Statement, letter byte) []string {
	var out []string
	for _, x := range s {
		if x.Object != "" && x.Object[0] == letter {
			out = append(out, x.Object)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Cited is how many reports the statements cite, those in but apart.
func Cited(s []Statement, but map[string]bool) int {
	seen := map[string]bool{}
	for _, x := range s {
		for _, r := range x.Refs {
			if !but[r] {
				seen[r] = true
			}
		}
	}
	return len(seen)
}

// Reports are the reports that a campaign's statements and its attribution cite.
func (a Actor) Reports() map[string]bool {
	out := map[string]bool{}
	for _, s := range slices.Concat(a.Uses, a.Groups) {
		for _, r := range s.Refs {
			out[r] = true
		}
	}
	return out
}

// Known is what is known of each group: its own statements and those of the
// campaigns attributed to it, but for the campaign named skip, and without those
// that rest on the reports alone.
func (c *Corpus) Known(skip string, reports map[string]bool) []Actor {
	of := map[string][]Statement{}
	for _, camp := range c.Campaigns {
		for _, g := range camp.Groups {
			if camp.ID != skip {
				of[g.Object] = append(of[g.Object], camp.Uses...)
			}
		}
	}
	out := make([]Actor, 0, len(c.Groups))
	for _, g := range c.Groups {
		g.Uses = Without(slices.Concat(g.Uses, of[g.ID]), reports)
		out = append(out, g)
	}
	return out
}

// Without returns the statements that rest on something else than the reports:
// what is cited by these alone is dropped, so that a report is no evidence for
// itself. Statements that cite nothing stay.
func Without(s []Statement, reports map[string]bool) []Statement {
	var out []Statement
	for _, x := range s {
		if len(x.Refs) == 0 || slices.ContainsFunc(x.Refs, func(r string) bool { return !reports[r] }) {
			out = append(out, x)
		}
	}
	return out
}
