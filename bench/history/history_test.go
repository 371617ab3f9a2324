package main

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestOrganisations plays two whole organisations and wants what history alone
// catches where one honest message in ten thousand is.
func TestOrganisations(t *testing.T) {
	const seeds = 2
	all, err := play(1, seeds, false, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := tally(all, opening().AddDate(0, 0, warmDays), attackKinds())
	var table strings.Builder
	if err := r.print(&table); err != nil {
		t.Fatal(err)
	}
	t.Log(table.String())
	if r.honest < 5000 || 100*r.drifting < 15*r.honest {
		t.Errorf("%d honest messages, %d of them drifting: the bench is too easy", r.honest, r.drifting)
	}
	// Floors, some points under what is measured: see docs/manual/senders.md.
	floors := map[string]float64{spoof: .94, lookalike: .97, takeover: .95, lucky: .80, insider: .30, hijack: .95}
	for _, row := range r.rows {
		if row.kind == honestKind {
			if row.aloneHeld > 0 {
				t.Errorf("history alone holds %d of %d honest messages", row.aloneHeld, row.n)
			}
			continue
		}
		if row.n != seeds*injects {
			t.Errorf("%s: %d trials, want %d", row.kind, row.n, seeds*injects)
		}
		if got := float64(row.aloneAt) / float64(row.n); got < floors[row.kind] {
			t.Errorf("%s: %.1f %% caught at 1 in 10,000, want %.0f %%", row.kind, 100*got, 100*floors[row.kind])
		}
	}
}

func TestSpreadKeepsThreadsInOrder(t *testing.T) {
	events := spread([]archived{
		{path: "c", year: 2021, id: "c", after: []string{"a", "b"}, raw: []byte("c")},
		{path: "b", year: 2021, id: "b", after: []string{"a"}, raw: []byte("b")},
		{path: "x", year: 2020, id: "x", raw: []byte("x")},
		{path: "a", year: 2021, id: "a", raw: []byte("a")},
	})
	var order []string
	for i, e := range events {
		order = append(order, string(e.raw))
		if i > 0 && e.at.Before(events[i-1].at) {
			t.Errorf("event %d goes back in time", i)
		}
	}
	if got := strings.Join(order, ""); got != "xabc" {
		t.Errorf("order %q, want xabc", got)
	}
	if y := events[1].at; y.Before(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("a message of 2021 is at %v", y)
	}
}

func TestRunWithoutCorpus(t *testing.T) {
	err := run([]string{"-corpus", "no/such/corpus.tar.gz"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "looking for the corpus: stat no/such/corpus.tar.gz") {
		t.Errorf("error %v", err)
	}
}

// TestLists replays real list archives: history must wrong none of their
// authors.
func TestLists(t *testing.T) {
	const corpus = "../../../shared/data/mail/dev.tar.gz"
	if _, err := os.Stat(corpus); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the development corpus is not there: %v", err)
	}
	mails, err := readLists(corpus)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBench([]string{"example.test"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := b.judgeAll(spread(mails))
	if err != nil {
		t.Fatal(err)
	}
	r := tally(all, time.Time{}, nil)
	if len(all) < 3000 {
		t.Errorf("only %d messages", len(all))
	}
	// Three in ten thousand is one message of these.
	if h := r.rows[0]; h.aloneHeld > 0 || h.aloneFlagged > 1 {
		t.Errorf("history alone holds %d and flags %d of %d real messages", h.aloneHeld, h.aloneFlagged, h.n)
	}
}
