package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"foregate/intel"
	"foregate/intel/naming"
	"foregate/store"
)

type intelNamingCmd struct {
	Actor string `arg:"" help:"An actor or campaign whose domain names are known."`
	Until string `placeholder:"DATE" help:"Learn from names known until this day and judge by later ones; names without a date count as old."`
	JSON  bool   `name:"json" help:"Answer in JSON."`
}

// Help is the long help text.
func (intelNamingCmd) Help() string {
	return `Learns the words of which an actor makes its domain names and says whether names
that became known later still have them. 'intel import' and 'intel feeds' check this
for every actor with new names, and raise an alarm when the words have stopped to
match.

Example:
  foregate intel naming Callisto --until 2022-08-31`
}

// nameDrift is what new names of an actor say of the rule learned from its old ones.
type nameDrift struct {
	Actor string       `json:"actor"`
	Rule  *naming.Rule `json:"rule"`
	Drift naming.Drift `json:"drift"`
	Alarm bool         `json:"alarm"`
}

// Run learns and judges.
func (c intelNamingCmd) Run(w *world, cl *cli) error {
	until := time.Time{}
	if c.Until != "" {
		t, err := time.Parse(time.DateOnly, c.Until)
		if err != nil {
			return fmt.Errorf("--until: %q is no day such as 2022-08-31", c.Until)
		}
		until = t.AddDate(0, 0, 1)
	}
	db, err := openIntel(w, cl)
	if err != nil {
		return err
	}
	defer db.Close()
	first := map[string]time.Time{}
	for _, kind := range actorKinds() {
		as, err := read(w, db, store.IntelQuery{Node: &intel.Node{Kind: kind, Value: c.Actor}, Relation: intel.Indicates, Kind: intel.Domain})
		if err != nil {
			return err
		}
		for _, a := range as {
			if t, ok := first[a.Subject.Value]; !ok || a.First.Before(t) {
				first[a.Subject.Value] = a.First
			}
		}
	}
	var old, fresh []string
	for name, t := range first {
		if until.IsZero() || t.Before(until) {
			old = append(old, name)
		} else {
			fresh = append(fresh, name)
		}
	}
	r, err := naming.Learn(old)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Actor, err)
	}
	d := nameDrift{Actor: c.Actor, Rule: r, Drift: r.Check(fresh)}
	d.Alarm = d.Drift.Alarm()
	if c.JSON {
		return writeJSON(w.stdout, d)
	}
	fmt.Fprintf(w.stdout, "%s: %d words from %d names, to match %.0f %% of new ones\n", printable(c.Actor), len(r.Words), r.Names, 100*r.Recall)
	for _, word := range r.Words {
		fmt.Fprintf(w.stdout, "  %s\n", printable(word))
	}
	fmt.Fprintln(w.stdout, d.Drift.Why)
	return nil
}

// actorKinds are the kinds of what has a way of naming.
func actorKinds() []intel.Kind {
	return []intel.Kind{intel.IntrusionSet, intel.ThreatActor, intel.Campaign}
}

// The bounds of what one import remembers of actors' names.
const (
	maxActors     = 1000
	maxActorNames = 10_000
)

// named remembers the domain names of actors that an import brings.
type named map[intel.Node]map[string]bool

func (n named) note(a intel.Assertion) {
	if a.Relation != intel.Indicates || a.Subject.Kind != intel.Domain || !slices.Contains(actorKinds(), a.Object.Kind) {
		return
	}
	names := n[a.Object]
	if names == nil {
		if len(n) == maxActors {
			return
		}
		names = map[string]bool{}
		n[a.Object] = names
	}
	if len(names) < maxActorNames {
		names[a.Subject.Value] = true
	}
}

// drifts compares the names of an import with those known before, for every actor
// with enough of both, and returns the alarms.
func (n named) drifts(w *world, db *store.DB) ([]nameDrift, error) {
	var out []nameDrift
	actors := slices.SortedFunc(maps.Keys(n), func(a, b intel.Node) int { return strings.Compare(a.Value, b.Value) })
	for _, actor := range actors {
		if len(n[actor]) < naming.MinBatch {
			continue
		}
		old := map[string]bool{}
		err := db.Assertions(w.ctx, store.IntelQuery{Node: &actor, Relation: intel.Indicates, Kind: intel.Domain}, func(a intel.Assertion) bool {
			if !n[actor][a.Subject.Value] {
				old[a.Subject.Value] = true
			}
			return len(old) < maxActorNames
		})
		if err != nil {
			return nil, err
		}
		r, err := naming.Learn(slices.Collect(maps.Keys(old)))
		if err != nil {
			continue // too few to have a rule
		}
		d := nameDrift{Actor: actor.Value, Rule: r, Drift: r.Check(slices.Collect(maps.Keys(n[actor])))}
		if d.Alarm = d.Drift.Alarm(); d.Alarm {
			out = append(out, d)
		}
	}
	return out, nil
}

func printDrifts(w *world, list []nameDrift) {
	for _, d := range list {
		fmt.Fprintf(w.stdout, "alarm: the naming rule of %s: %s\n", printable(d.Actor), d.Drift.Why)
	}
}
