package text

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mql/shape"
)

// TestLabelsOfRules holds that rules know the names that the model that ships can
// give, no fewer and no more: what they don't know leaves a rule open.
func TestLabelsOfRules(t *testing.T) {
	m := builtin(t)
	got := map[string]map[string]bool{"intents": {}, "tags": {}, "topics": {}, "entities": {"recipient": true, "sender": true}}
	for _, l := range m.labels {
		got[l.kind+"s"][l.name] = true
	}
	for line := range strings.Lines(entityTable) {
		name, _, _ := strings.Cut(line, "\t")
		got["entities"][name] = true
	}
	for list, names := range got {
		if diff := cmp.Diff(shape.TextLabels(list), slices.Sorted(maps.Keys(names))); diff != "" {
			t.Errorf("%s (- rules, + model):\n%s", list, diff)
		}
	}
}
