package lists

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"foregate/mql/internal/text"
)

func TestLoad(t *testing.T) {
	fsys := fstest.MapFS{
		"manifest.json": {Data: []byte(`{"lists": [
			{"file": "hosts.txt", "identifier": "hosts", "headers": ["entry"], "format": "hostname"},
			{"file": "top.csv", "identifier": "top", "headers": ["x", "entry"]},
			{"file": "absent.txt", "identifier": "absent"},
			{"file": "https://elsewhere.example/x.gz", "identifier": "remote"},
			{"file": "../escape.txt", "identifier": "escape"},
			{"file": "long.txt", "identifier": "long"}]}`)},
		"hosts.txt": {Data: []byte("Example.COM\n\n b.example \r\nb.example\n")},
		"top.csv":   {Data: []byte("1,google.com\n2,\"quoted, one\"\n3\n")},
		"long.txt":  {Data: []byte(strings.Repeat("x", maxEntry+1))},
	}
	set, errs := Load(fsys)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "reading list long:") {
		t.Errorf("errors: %v", errs)
	}
	if d := cmp.Diff([]string{"hosts", "top"}, set.Names()); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	ctx := context.Background()
	for _, c := range []struct {
		list, entry string
		fold, want  bool
	}{
		{"hosts", "example.com", false, true}, {"hosts", "EXAMPLE.com", false, false}, {"hosts", "EXAMPLE.com", true, true},
		{"hosts", "b.example", false, true}, {"hosts", "", false, false}, {"top", "google.com", false, true}, {"top", "quoted, one", false, true}, {"top", "1", false, false},
	} {
		if got, err := set.Get(c.list).Has(ctx, c.entry, c.fold); got != c.want || err != nil {
			t.Errorf("%q in %s (fold %v): %v, %v", c.entry, c.list, c.fold, got, err)
		}
	}
	if set.Get("hosts").Len() != 2 {
		t.Errorf("%d hosts", set.Get("hosts").Len())
	}
	if _, errs := Load(fstest.MapFS{}); len(errs) != 1 {
		t.Errorf("no manifest: %v", errs)
	}
}

func TestSnapshots(t *testing.T) {
	a := (*Set)(nil).With(New("x", []string{"1"}))
	b := a.With(New("x", []string{"2"}), New("y", nil))
	if ok, _ := a.Get("x").Has(context.Background(), "1", false); !ok || a.Get("y") != nil {
		t.Error("a snapshot changed")
	}
	if ok, _ := b.Get("x").Has(context.Background(), "1", false); ok || b.Get("y") == nil {
		t.Error("a new snapshot kept the old list")
	}
}

func TestWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOf(rapid.StringMatching(`[abA.]{1,7}`)).Draw(t, "entries")
		s := rapid.StringMatching(`[abAB.]{0,40}`).Draw(t, "s")
		l := New("l", entries)
		for _, fold := range []bool{false, true} {
			in, want := s, false
			if fold {
				in = text.Fold(s)
			}
			for _, e := range entries {
				if fold {
					e = text.Fold(e)
				}
				want = want || strings.Contains(in, e)
			}
			if _, _, got, known := l.Within(in, fold); got != want || !known {
				t.Fatalf("%q in %q (fold %v): %v, want %v", entries, s, fold, got, want)
			}
		}
	})
}
