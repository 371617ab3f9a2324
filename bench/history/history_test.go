package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOrganisations plays two whole organisations and wants what is caught where
// one honest message in ten thousand is.
func TestOrganisations(t *testing.T) {
	const seeds = 2
	all, err := play(1, seeds, false, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := tally(all, opening().AddDate(0, 0, warmDays), slices.Concat(attackKinds(), changeKinds()))
	var table strings.Builder
	if err := r.print(&table); err != nil {
		t.Fatal(err)
	}
	t.Log(table.String())
	if r.honest < 5000 || 100*r.drifting < 15*r.honest {
		t.Errorf("%d honest messages, %d of them drifting: the bench is too easy", r.honest, r.drifting)
	}
	// Floors and ceilings, some points off what is measured: see
	// docs/manual/senders.md. By all evidence; a border that rests on one message
	// moves with every change of the generator.
	floors := map[string]float64{spoof: .97, disguised: .7, lookalike: .97, takeover: .9, lucky: .7, insider: .25, threaded: .65, hijack: .3}
	ceilings := map[string]float64{honestKind: .0005, newPhone: .03, newProvider: .08, travels: .01, atNight: .005, forwarded: .02, throughList: .01}
	for _, row := range r.rows {
		flagged := float64(row.flagged) / float64(max(1, row.n))
		if most, honest := ceilings[row.kind]; honest {
			if flagged > most || float64(row.held) > .01*float64(row.n) {
				t.Errorf("%q: %d flagged and %d held of %d honest messages", row.kind, row.flagged, row.held, row.n)
			}
			continue
		}
		if row.n < seeds*injects*95/100 {
			t.Errorf("%s: %d trials, want about %d", row.kind, row.n, seeds*injects)
		}
		if got := float64(row.allAt[0]) / float64(row.n); got < floors[row.kind] {
			t.Errorf("%s: %.1f %% caught at 1 in 10,000, want %.0f %%", row.kind, 100*got, 100*floors[row.kind])
		}
	}
}

// TestAttacksBearNoMark looks for artefacts of the generator: nothing in the
// bytes of a message may tell most attacks of a kind from all honest mail. What
// honest mail of a stranger shows counts as honest mail.
func TestAttacksBearNoMark(t *testing.T) {
	seen := map[string]map[string]int{} // kind, then mark
	total := map[string]int{}
	for _, e := range newWorld(7).build() {
		if e.kind == outbound || slices.Contains(changeKinds(), e.kind) {
			continue
		}
		total[e.kind]++
		if seen[e.kind] == nil {
			seen[e.kind] = map[string]int{}
		}
		for _, m := range marks(e) {
			seen[e.kind][m]++
		}
	}
	share := func(kind, mark string) float64 { return float64(seen[kind][mark]) / float64(total[kind]) }
	for _, k := range attackKinds() {
		if total[k] < 400 {
			t.Errorf("only %d of %s", total[k], k)
		}
		for mark := range seen[k] {
			if a, h := share(k, mark), share(honestKind, mark); a > .3 && h < .003 {
				t.Errorf("%s: %q stands in %.0f %% of it and in %.2f %% of honest mail", k, mark, 100*a, 100*h)
			}
		}
	}
}

// marks are what a lazy detector could lean on: names and fixed values of header
// fields, networks, hours, kinds of files. Numbers are taken out.
func marks(e event) []string {
	seen := map[string]bool{}
	head, body, _ := strings.Cut(string(e.raw), "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		seen["field "+name] = true
		switch strings.ToLower(name) {
		case "user-agent", "x-mailer", "mime-version", "content-language":
			seen[name+":"+value] = true
		case "content-type":
			kind, _, _ := strings.Cut(value, ";")
			seen[name+":"+kind] = true
		}
	}
	for _, word := range strings.Fields(body) {
		seen["word "+strings.ToLower(strings.Trim(word, ".,:;>"))] = true
	}
	b := e.env.ClientIP.As4()
	seen[fmt.Sprintf("net %d.%d", b[0], b[1])] = true
	seen["helo "+strings.Map(lettersOnly, e.env.Helo)[:7]] = true
	seen[fmt.Sprintf("hour %d", e.at.Hour()/6)] = true
	return slices.Collect(maps.Keys(seen))
}

func lettersOnly(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return -1
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
	if h := r.rows[0]; h.aloneHeld+h.aloneFlagged > 0 {
		t.Errorf("history alone holds %d and flags %d of %d real messages", h.aloneHeld, h.aloneFlagged, h.n)
	}
}
