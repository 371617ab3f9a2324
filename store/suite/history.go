package suite

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"foregate/store"
)

// past is n recorded messages, a second apart, with bytes.
func past(t testing.TB, n int) []store.Past {
	var out []store.Past
	for i := range n {
		out = append(out, store.Past{Message: sample(t, i), Raw: rawOf(i)})
	}
	return out
}

func recordAll(t testing.TB, db *store.DB, ps []store.Past) {
	t.Helper()
	if err := db.RecordAll(context.Background(), ps); err != nil {
		t.Fatal(err)
	}
}

// whole reads the history page by page.
func whole(t testing.TB, db *store.DB, s store.Span) []store.Past {
	t.Helper()
	var all []store.Past
	for {
		page, err := db.History(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		s.After = page[len(page)-1].ID
	}
}

func pastIDs(ps []store.Past) (ids []string) {
	for _, p := range ps {
		ids = append(ids, p.ID)
	}
	return ids
}

// history: what was recorded comes back whole, in order, whatever the page size,
// with held messages among it.
func history(t *testing.T, open func() *store.DB) {
	db := open()
	ps := past(t, 7)
	hold(t, db, ps[3].Message, ps[3].Raw, t0, "ann@example.net") // held before it is recorded
	ps[5].Raw = nil
	recordAll(t, db, ps)
	recordAll(t, db, ps) // and again: nothing changes
	hold(t, db, ps[6].Message, ps[6].Raw, t0, "ann@example.net")
	for _, limit := range []int{0, 1, 3} {
		got := whole(t, db, store.Span{Limit: limit})
		same(t, "order", pastIDs(got), pastIDs(ps))
		for i, p := range got {
			if !bytes.Equal(p.Raw, ps[i].Raw) {
				t.Errorf("message %d has the bytes %q, want %q", i, p.Raw, ps[i].Raw)
			}
			same(t, "record", p.Envelope.MailFrom, ps[i].Envelope.MailFrom)
			same(t, "verdict", p.Verdict.LogOdds, ps[i].Verdict.LogOdds)
			same(t, "facts", string(p.Facts), string(ps[i].Facts))
		}
	}
	span := store.Span{Since: t0.Add(2 * time.Second), Until: t0.Add(5 * time.Second)}
	same(t, "span", pastIDs(whole(t, db, span)), pastIDs(ps[2:5]))
	n, err := db.HistorySize(context.Background(), span)
	if n != 3 || err != nil {
		t.Errorf("the span has %d messages (%v), want 3", n, err)
	}
}

// historyTrim: bytes go by age, then the oldest by size; records stay, and held
// bytes are not touched.
func historyTrim(t *testing.T, open func() *store.DB) {
	db := open()
	ps := past(t, 10)
	for i := range ps {
		ps[i].Raw = bytes.Repeat([]byte(fmt.Sprintf("Subject: %d %s\r\n", i, newID(t))), 50)
	}
	hold(t, db, ps[0].Message, ps[0].Raw, t0, "ann@example.net")
	recordAll(t, db, ps)
	trim := func(before time.Time, budget int64, want int) {
		t.Helper()
		n, err := db.TrimHistory(context.Background(), before, budget)
		if n != want || err != nil {
			t.Errorf("%d messages lost their bytes (%v), want %d", n, err, want)
		}
	}
	kept := func() (out string) {
		for i, p := range whole(t, db, store.Span{}) {
			if p.Raw != nil {
				out += fmt.Sprint(i)
			}
		}
		return out
	}
	trim(t0, 1<<30, 0)
	trim(t0.Add(3*time.Second), 1<<30, 2) // 1 and 2; 0 is held
	same(t, "by age", kept(), "03456789")
	trim(t0, 1, 7)
	same(t, "by size", kept(), "0")
	same(t, "records", len(whole(t, db, store.Span{})), 10)
	if n, err := db.Purge(context.Background(), t0.Add(time.Hour)); n != 9 || err != nil {
		t.Errorf("%d records went (%v), want 9: one is held", n, err)
	}
	recordAll(t, db, past(t, 2))
	if n, err := db.Purge(context.Background(), t0.Add(time.Hour)); n != 2 || err != nil {
		t.Errorf("%d records with bytes went (%v), want 2", n, err)
	}
}

// historyWhole: a batch with one faulty message records none.
func historyWhole(t *testing.T, open func() *store.DB) {
	db := open()
	ps := past(t, 3)
	ps[2].ID = ""
	if err := db.RecordAll(context.Background(), ps); err == nil || !strings.Contains(err.Error(), "it has no ID") {
		t.Errorf("recording a message without an ID: %v", err)
	}
	ps[2].ID, ps[2].Raw = newID(t), make([]byte, store.MaxRaw+1)
	if err := db.RecordAll(context.Background(), ps); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("recording a message that is too large: %v", err)
	}
	same(t, "recorded", len(whole(t, db, store.Span{})), 0)
}
