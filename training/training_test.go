package training

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestExamplesAreTheSameTwice(t *testing.T) {
	a, err := Examples(2)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Examples(2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("two expansions differ:\n%s", diff)
	}
}

// TestVariety: thousands of examples that differ, every language of the design,
// benign texts and attacks in each.
func TestVariety(t *testing.T) {
	examples, err := Examples(8)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	kinds := map[string]map[bool]map[string]bool{}
	for _, ex := range examples {
		texts[ex.Subject+"\n"+ex.Body] = true
		if strings.ContainsAny(ex.Subject, "{}") {
			t.Errorf("%s: subject %q is not expanded", ex.Base, ex.Subject)
		}
		if kinds[ex.Language] == nil {
			kinds[ex.Language] = map[bool]map[string]bool{true: {}, false: {}}
		}
		kinds[ex.Language][slices.Contains(ex.Labels, "benign")][ex.Base] = true
	}
	if len(texts) < 3000 {
		t.Errorf("%d different texts, want 3000", len(texts))
	}
	for _, lang := range []string{"ar", "de", "en", "es", "fr", "hy", "it", "ja", "ka", "nl", "pl", "pt", "ru", "tr", "uk", "zh"} {
		for _, benign := range []bool{true, false} {
			if n := len(kinds[lang][benign]); n < 5 {
				t.Errorf("%s: %d base texts with benign=%v, want 5", lang, n, benign)
			}
		}
	}
}

func TestLabelsAreKnown(t *testing.T) {
	labels, err := Labels()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, l := range labels {
		known[l.Code] = true
	}
	examples, err := Examples(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, ex := range examples {
		for _, l := range ex.Labels {
			if !known[l] {
				t.Errorf("%s: unknown label %q", ex.Base, l)
			}
		}
	}
}

func TestExpansion(t *testing.T) {
	tests := []struct{ name, text, want, err string }{
		{"alternatives", "= benign raw\ns\n{a|{a|a}} [NAME] [x]", "a Ada [x]", ""},
		{"no slot", "= benign raw\ns\n[NOBODY]", "", "expanding en/a.txt:1: no slot [NOBODY]"},
		{"open brace", "= benign raw\ns\n{a|b", "", `expanding en/a.txt:1: no end of alternatives: "{a|b"`},
		{"nested too deep", "= benign raw\ns\n{{{{{{a}}}}}}", "", `expanding en/a.txt:1: nested deeper than 4: "{a}"`},
		{"no body", "= benign raw\ns", "", "reading training texts: en/a.txt: text 1 has no body"},
		{"no text", "x", "", "reading training texts: en/a.txt has none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{
				"slots.txt":    {Data: []byte("NAME: Ada\n")},
				"en/frame.txt": {Data: []byte("GREETING: Hi\n")},
				"en/a.txt":     {Data: []byte(tt.text)},
			}
			got, err := expandAll(fsys, ".", 1)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || len(got) != 1 || got[0].Body != tt.want {
				t.Errorf("got %+v, %v; want the body %q", got, err, tt.want)
			}
		})
	}
}
