package naming

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// cohorts are Callisto's names by when they became known: up to August 2022, by
// December 2022, by August 2023. A name counts where it first appears.
func cohorts(t *testing.T) [3][]string {
	f, err := os.Open("../../../shared/data/intel/ioc_callisto.csv")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data are not here: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	marks := [3][]string{
		{"2022-06-22", "blog/2022/08/15", "early Calisto", "1549751626004500481", "6272996039678903e0b73dd5", "tracking-cyber-activity-eastern", "1538940189015429122", "calisto-continues"},
		{"2022-12-05", "ukraine-war-support"},
		{"2023-08-09"},
	}
	var out [3][]string
	have := map[string]bool{}
	for i, ms := range marks {
		for _, r := range rows {
			if r[0] == "domain" && !have[r[1]] && slices.ContainsFunc(ms, func(m string) bool { return strings.Contains(r[5]+r[6], m) }) {
				have[r[1]] = true
				out[i] = append(out[i], r[1])
			}
		}
	}
	return out
}

// TestDrift learns the names up to August 2022: half a year later the rule fades,
// a year later it matches nothing, and says so by itself.
func TestDrift(t *testing.T) {
	c := cohorts(t)
	r, err := Learn(c[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("learned from %d names: %d words, expected recall %.2f, %v", r.Names, len(r.Words), r.Recall, r.Words[:8])
	own := r.Check(c[0])
	december, august := r.Check(c[1]), r.Check(c[2])
	t.Logf("on what it was learned from %.2f; December 2022: %s (chance %.4f); August 2023: %s", own.Recall, december.Why, december.Chance, august.Why)
	if own.Recall < 0.75 || math.Abs(december.Recall-0.60) > 0.1 || august.Recall != 0 {
		t.Errorf("recall %.2f, %.2f, %.2f; the README has 0.84, 0.60, 0.00", own.Recall, december.Recall, august.Recall)
	}
	if own.Alarm() || december.State != Fading || august.State != Stopped {
		t.Errorf("%s, %s, %s", own.State, december.State, august.State)
	}
}

func TestCheck(t *testing.T) {
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("%s-%s%d.example", []string{"docs", "cache"}[i%2], []string{"view", "store", "online", "cloud"}[i%4], i))
	}
	if _, err := Learn(names[:5]); err == nil || err.Error() != "a naming rule takes at least 20 names, there are 5" {
		t.Error(err)
	}
	r, err := Learn(names)
	if err != nil || r.Recall != 1 || len(r.Words) != 6 {
		t.Fatalf("%+v, %v", r, err)
	}
	if w := r.Match("www.docs-777.com"); !slices.Equal(w, []string{"docs"}) {
		t.Errorf("%q", w)
	}
	if d := r.Check([]string{"other.com"}); d.State != Open || d.Alarm() {
		t.Errorf("%+v", d)
	}
	other := make([]string, 12)
	for i := range other {
		other[i] = fmt.Sprintf("nothing%c.com", 'a'+i)
	}
	if d := r.Check(other); d.State != Stopped || !d.Alarm() {
		t.Errorf("%+v", d)
	}
	if d := r.Check(names[:12]); d.State != Holds {
		t.Errorf("%+v", d)
	}
}

// The chance of at most k adds up as it should.
func TestAtMost(t *testing.T) {
	for _, tt := range []struct {
		k, n int
		p    float64
		want float64
	}{{0, 10, 0.5, 1. / 1024}, {10, 10, 0.5, 1}, {5, 10, 0.5, 638. / 1024}, {0, 3, 0, 1}, {2, 3, 1, 0}, {3, 3, 1, 1}} {
		if got := atMost(tt.k, tt.n, tt.p); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("at most %d of %d at %g: %g, want %g", tt.k, tt.n, tt.p, got, tt.want)
		}
	}
}
