package main

import (
	"slices"
	"strings"

	"foregate/evidence"
	"foregate/policy"
)

// evalAblation says what is caught, at the same shares of ham, without one
// family of evidence and with that family alone. The weights stay as they are,
// but for Refitted.
type evalAblation struct {
	Family   string    `json:"family"` // "" is all evidence together
	Items    int       `json:"items"`  // how many items of the family were found
	Without  []ablated `json:"without,omitempty"`
	Refitted []ablated `json:"refitted,omitempty"` // without, by weights measured without it
	Alone    []ablated `json:"alone"`
}

// ablated is one point: as evalPoint, of phish and ham since 2019.
type ablated struct {
	FPR        float64 `json:"fpr"`
	TPR        float64 `json:"tpr"`
	ControlTPR float64 `json:"control_tpr"`
}

// ablationBudgets are the shares of ham that the table is made for.
func ablationBudgets() []float64 { return []float64{.01, .001} }

// family is the part of an evidence ID that names who looked.
func family(id string) string {
	name, _, _ := strings.Cut(id, ".")
	return name
}

// families are those of the table even when nothing was found.
func families() []string {
	return []string{"auth", "claim", "file", "form", "link", "rule", "sender", "text"}
}

// ablate sums the stored items again, without each family and of it alone. What
// a family of rules says rests on texts and links too; only the items are taken
// away.
func ablate(seen []observed, prior float64) []evalAblation {
	found := map[string]int{}
	for _, o := range seen {
		for _, it := range o.weighed {
			found[family(it.ID)]++
		}
	}
	names := families()
	for _, f := range sortedKeys(found) {
		if !slices.Contains(names, f) {
			names = append(names, f)
		}
	}
	all := evalAblation{Alone: resummed(seen, prior, func(string) bool { return true })}
	for _, n := range found {
		all.Items += n
	}
	out := []evalAblation{all}
	for _, name := range names {
		out = append(out, evalAblation{
			Family: name, Items: found[name],
			Without: resummed(seen, prior, func(f string) bool { return f != name }),
			Alone:   resummed(seen, prior, func(f string) bool { return f == name }),
		})
	}
	return out
}

// resummed is what is caught by the families that keep allows.
func resummed(seen []observed, prior float64, keep func(family string) bool) []ablated {
	again := slices.Clone(seen)
	var items []evidence.Item
	for i := range again {
		items = items[:0]
		for _, it := range again[i].weighed {
			if keep(family(it.ID)) {
				items = append(items, it)
			}
		}
		odds, _ := evidence.Sum(evidence.Weight(prior), items)
		again[i].odds = float64(odds)
	}
	return caughtAt(again)
}

// caughtAt are the points of the table.
func caughtAt(seen []observed) []ablated {
	var out []ablated
	for _, fpr := range ablationBudgets() {
		p := rocPoint(seen, fpr)
		out = append(out, ablated{FPR: fpr, TPR: p.TPR, ControlTPR: p.ControlTPR})
	}
	return out
}

// refit adds to the table what is caught without each family by weights that were
// measured without it: what the rest can do when nothing leans on the family.
func (c evalCmd) refit(w *world, conf config, p policy.Policy, seen []observed, table []evalAblation) error {
	bar := newProgress(w.stderr, "refitting", len(table))
	defer bar.finish()
	for i := range table {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if table[i].Family != "" {
			again, err := c.crossValidate(conf, p, withoutFamily(seen, table[i].Family))
			if err != nil {
				return err
			}
			table[i].Refitted = caughtAt(since(again, "2019+"))
		}
		bar.step()
	}
	return nil
}

// withoutFamily are the observations less the items of a family.
func withoutFamily(seen []observed, name string) []observed {
	out := slices.Clone(seen)
	for i := range out {
		out[i].items = slices.DeleteFunc(slices.Clone(out[i].items), func(it evidence.Item) bool { return family(it.ID) == name })
	}
	return out
}
