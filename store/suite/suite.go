// Package suite states what any database behind package store must do. Every
// supported database passes Run.
package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"foregate/evidence"
	"foregate/mail"
	"foregate/store"
)

// Fresh makes a new, empty database and returns how to open it; each call
// gives another connection to the same database.
type Fresh func(t *testing.T) (open func() *store.DB)

// Run runs the whole suite.
func Run(t *testing.T, fresh Fresh) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, func() *store.DB)
	}{
		{"RoundTrip", roundTrip},
		{"Odd", odd},
		{"Retry", retry},
		{"AddRecipients", addRecipients},
		{"RecordFirst", recordFirst},
		{"List", list},
		{"Moves", moves},
		{"OneWins", oneWins},
		{"Bytes", keepBytes},
		{"Expire", expire},
		{"Purge", purge},
		{"History", history},
		{"HistoryTrim", historyTrim},
		{"HistoryWhole", historyWhole},
		{"Together", together},
		{"Cancelled", cancelled},
		{"Assertions", assertions},
		{"Objects", objects},
		{"Feeds", feeds},
		{"Sightings", sightings},
		{"Profiles", profiles},
		{"ProfilesTogether", profilesTogether},
		{"Lessons", lessons},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, fresh(t)) })
	}
}

var t0 = time.Date(2026, 11, 23, 8, 0, 0, 123456000, time.UTC)

func newID(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// sample is a message record that differs with n.
func sample(t testing.TB, n int) store.Message {
	return store.Message{
		ID:         newID(t),
		ReceivedAt: t0.Add(time.Duration(n) * time.Second),
		Envelope:   mail.Envelope{MailFrom: fmt.Sprintf("bounce+%d@Example.COM", n), HasFrom: true, Helo: "mx.example.com"},
		Sender:     fmt.Sprintf("sender%d@example.com", n),
		Subject:    fmt.Sprintf("subject %d", n),
		Verdict: mail.Verdict{
			Disposition: mail.Hold, LogOdds: evidence.Weight(n) / 4,
			Reasons: []evidence.Item{{ID: "auth.dmarc-fail", Claim: "claim", Weight: 1.5}},
		},
		Facts: json.RawMessage(`{"auth":{}}`),
	}
}

func rawOf(n int) []byte {
	return fmt.Appendf(nil, "Received: from a by b; %d\r\n\twith more\r\nFrom: a@example.com\r\nSubject: %d\r\n\r\nbody %d\r\n", rand.Int(), n, n)
}

func to(addrs ...string) []store.Recipient {
	var out []store.Recipient
	for _, a := range addrs {
		out = append(out, store.Recipient{Address: a, Group: "everyone"})
	}
	return out
}

func hold(t testing.TB, db *store.DB, m store.Message, raw []byte, at time.Time, addrs ...string) string {
	t.Helper()
	id, err := db.Hold(context.Background(), m, raw, to(addrs...), at)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func get(t testing.TB, db *store.DB, id string) store.Hold {
	t.Helper()
	h, err := db.Get(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// states is a hold's recipients as "address state" words.
func states(t testing.TB, db *store.DB, id string) string {
	t.Helper()
	var out []string
	for _, r := range get(t, db, id).Recipients {
		out = append(out, r.Address+" "+string(r.State))
	}
	return strings.Join(out, ", ")
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func roundTrip(t *testing.T, open func() *store.DB) {
	m, raw := sample(t, 1), rawOf(1)
	if id := hold(t, open(), m, raw, t0, "bob@example.net", "ann@example.net"); id != m.ID {
		t.Errorf("hold %s, want the message's ID %s", id, m.ID)
	}
	db := open() // another connection sees it
	h := get(t, db, m.ID)
	at := t0
	same(t, "hold", h, store.Hold{
		ID: m.ID, HeldAt: at, MailFrom: m.Envelope.MailFrom, Sender: m.Sender, Subject: m.Subject,
		LogOdds: 0.25, Size: int64(len(raw)), SHA256: h.SHA256,
		Recipients: []store.Recipient{
			{Address: "ann@example.net", Group: "everyone", State: store.Held, ChangedAt: at},
			{Address: "bob@example.net", Group: "everyone", State: store.Held, ChangedAt: at},
		},
	})
	back, err := db.Message(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "verdict", back.Verdict, m.Verdict)
	same(t, "facts", string(back.Facts), string(m.Facts))
	same(t, "received at", back.ReceivedAt, m.ReceivedAt)
	same(t, "mail from", back.Envelope.MailFrom, m.Envelope.MailFrom)
	got, err := db.Raw(t.Context(), m.ID)
	if err != nil || !bytes.Equal(got, raw) {
		t.Errorf("bytes differ: %v", err)
	}
	for name, err := range map[string]error{
		"Get":     second(db.Get(t.Context(), "nobody")),
		"Raw":     second(db.Raw(t.Context(), "nobody")),
		"Message": second(db.Message(t.Context(), "nobody")),
		"Apply":   second(db.Apply(t.Context(), store.Move{ID: "nobody", From: store.Held, To: store.Deleted, At: t0})),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s of an unknown ID: %v, want ErrNotFound", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// odd holds what databases stumble over.
func odd(t *testing.T, open func() *store.DB) {
	db := open()
	m := sample(t, 1)
	m.Subject, m.Sender = "a\x00b\xff'; DROP TABLE held; --", ""
	m.Envelope.MailFrom, m.Facts = "", nil
	for _, raw := range [][]byte{{}, {0}, bytes.Repeat([]byte("abc\r\n"), 1<<20), []byte("Subject: x")} {
		m.ID = newID(t)
		hold(t, db, m, raw, t0, "Ü@example.net", strings.Repeat("x", 300)+"@example.net")
		if got, err := db.Raw(t.Context(), m.ID); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%d bytes come back as %d: %v", len(raw), len(got), err)
		}
	}
	if h := get(t, db, m.ID); h.Subject != "a\uFFFDb\uFFFD'; DROP TABLE held; --" {
		t.Errorf("subject %q", h.Subject)
	}
	if _, err := db.Hold(t.Context(), m, nil, nil, t0); err == nil {
		t.Error("a hold without recipients is kept")
	}
	if _, err := db.Hold(t.Context(), m, make([]byte, store.MaxRaw+1), to("a@example.net"), t0); err == nil {
		t.Error("a message beyond MaxRaw is kept")
	}
	for _, addr := range []string{"a\xff@example.net", "a\x00@example.net"} {
		if _, err := db.Hold(t.Context(), m, nil, to(addr), t0); err == nil {
			t.Errorf("a hold for %q is kept", addr)
		}
	}
	if _, err := db.Hold(t.Context(), store.Message{}, nil, to("a@example.net"), t0); err == nil {
		t.Error("a message without an ID is kept")
	}
}

// retry holds that a client which tries again does not double a message.
func retry(t *testing.T, open func() *store.DB) {
	db := open()
	first := sample(t, 1)
	hold(t, db, first, rawOf(1), t0, "ann@example.net", "bob@example.net")
	again := func(at time.Time, change func(*store.Message), raw []byte, addrs ...string) string {
		m := sample(t, 1)
		if change != nil {
			change(&m)
		}
		return hold(t, db, m, raw, at, addrs...)
	}
	day := 24 * time.Hour
	if id := again(t0.Add(day), nil, rawOf(1), "ann@example.net", "bob@example.net"); id != first.ID {
		t.Errorf("retry is held as %s, want %s", id, first.ID)
	}
	if id := again(t0.Add(day), nil, rawOf(1), "bob@EXAMPLE.net", "bob@example.net"); id != first.ID {
		t.Errorf("retry for one recipient is held as %s, want %s", id, first.ID)
	}
	if _, err := db.Apply(t.Context(), store.Move{ID: first.ID, From: store.Held, To: store.Deleted, At: t0}); err != nil {
		t.Fatal(err)
	}
	if id := again(t0.Add(6*day), nil, rawOf(1), "ann@example.net"); id != first.ID {
		t.Errorf("retry after deletion is held as %s, want %s", id, first.ID)
	}
	others := map[string]string{
		"other sender":    again(t0, func(m *store.Message) { m.Envelope.MailFrom = "x@example.com" }, rawOf(1), "ann@example.net"),
		"other recipient": again(t0, nil, rawOf(1), "Ann@example.net"),
		"other body":      again(t0, nil, rawOf(2), "ann@example.net"),
		"a week later":    again(t0.Add(8*day), nil, rawOf(1), "ann@example.net"),
	}
	seen := map[string]bool{first.ID: true}
	for name, id := range others {
		if seen[id] {
			t.Errorf("%s counts as a retry", name)
		}
		seen[id] = true
	}
	if id := again(t0.Add(9*day), nil, rawOf(1), "ann@example.net"); id != others["a week later"] {
		t.Errorf("a retry of the second is held as %s", id)
	}
	id := again(t0, nil, rawOf(1), "ann@example.net", "carol@example.net", "carol@example.net")
	if got := states(t, db, id); got != "carol@example.net held" {
		t.Errorf("a retry with one more recipient holds %q", got)
	}
}

// addRecipients holds that one message may be held in two steps.
func addRecipients(t *testing.T, open func() *store.DB) {
	db := open()
	m, raw := sample(t, 1), rawOf(1)
	hold(t, db, m, raw, t0, "ann@example.net")
	if id := hold(t, db, m, raw, t0, "bob@example.net"); id != m.ID {
		t.Errorf("second step is held as %s", id)
	}
	same(t, "states", states(t, db, m.ID), "ann@example.net held, bob@example.net held")
}

// recordFirst holds that a record and a hold of one message get on.
func recordFirst(t *testing.T, open func() *store.DB) {
	db := open()
	m := sample(t, 1)
	m.Verdict.Disposition = mail.Reject
	for range 2 {
		if err := db.Record(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Get(t.Context(), m.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a recorded message is held: %v", err)
	}
	hold(t, db, m, rawOf(1), t0, "ann@example.net")
	same(t, "states", states(t, db, m.ID), "ann@example.net held")
}

func ids(holds []store.Hold) []string {
	out := []string{}
	for _, h := range holds {
		out = append(out, h.ID)
	}
	return out
}

func list(t *testing.T, open func() *store.DB) {
	db := open()
	if holds, err := db.List(t.Context(), store.Query{}); err != nil || len(holds) != 0 {
		t.Errorf("empty database lists %d: %v", len(holds), err)
	}
	const n = 120
	all := make([]string, n) // newest first
	for i := range n {
		m := sample(t, i)
		if i == 7 {
			m.Subject = `100%_sure \ "Überweisung"`
		}
		hold(t, db, m, rawOf(i), t0.Add(time.Duration(i)*time.Minute), "ann@example.net", fmt.Sprintf("rcpt%d@example.net", i%10))
		all[n-1-i] = m.ID
	}
	if _, err := db.Apply(t.Context(), store.Move{ID: all[3], Recipients: []string{"ann@example.net"}, From: store.Held, To: store.Deleted, At: t0}); err != nil {
		t.Fatal(err)
	}
	at := func(i int) string { return all[n-1-i] }
	for _, c := range []struct {
		name string
		q    store.Query
		want []string
	}{
		{"default page", store.Query{}, all[:store.DefaultLimit]},
		{"all", store.Query{Limit: store.MaxLimit + 1}, all},
		{"page", store.Query{Before: all[9], Limit: 5}, all[10:15]},
		{"deleted", store.Query{State: store.Deleted}, all[3:4]},
		{"held", store.Query{State: store.Held, Limit: 5}, all[:5]},
		{"recipient", store.Query{Recipient: "rcpt4@example.net", Limit: 2}, []string{at(114), at(104)}},
		{"sender", store.Query{Sender: "SENDER17@"}, []string{at(17)}},
		{"mail from", store.Query{Sender: "bounce+17@example.com"}, []string{at(17)}},
		{"subject", store.Query{Subject: "Subject 117"}, []string{at(117)}},
		{"pattern signs", store.Query{Subject: `%_sure \`}, []string{at(7)}},
		{"beyond ASCII", store.Query{Subject: `Überweisung"`}, []string{at(7)}},
		{"time", store.Query{Since: t0.Add(5 * time.Minute), Until: t0.Add(8 * time.Minute)}, []string{at(7), at(6), at(5)}},
		{"all filters", store.Query{
			State: store.Held, Recipient: "rcpt7@example.net", Sender: "sender", Subject: "subject", Since: t0,
			Until: t0.Add(time.Hour), Before: all[0], Limit: 3,
		}, []string{at(57), at(47), at(37)}},
		{"nothing", store.Query{Recipient: "nobody@example.net"}, []string{}},
	} {
		holds, err := db.List(t.Context(), c.q)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		same(t, c.name, ids(holds), c.want)
		for _, h := range holds {
			if len(h.Recipients) != 2 {
				t.Errorf("%s: %d recipients of %s", c.name, len(h.Recipients), h.ID)
			}
		}
	}
	var paged []string
	for cursor := ""; ; {
		holds, err := db.List(t.Context(), store.Query{Before: cursor, Limit: 7})
		if err != nil {
			t.Fatal(err)
		}
		if len(holds) == 0 {
			break
		}
		paged = append(paged, ids(holds)...)
		cursor = holds[len(holds)-1].ID
	}
	same(t, "pages", paged, all)
}

func moves(t *testing.T, open func() *store.DB) {
	db := open()
	m := sample(t, 1)
	hold(t, db, m, rawOf(1), t0, "ann@example.net", "bob@example.net")
	apply := func(mv store.Move) ([]string, error) {
		mv.ID, mv.At = m.ID, t0.Add(time.Minute)
		return db.Apply(t.Context(), mv)
	}
	bob := []string{"bob@example.net"}
	act := &store.Act{Actor: "ann", Act: "release"}
	got, err := apply(store.Move{Recipients: bob, From: store.Held, To: store.Releasing, NewToken: "t1", Audit: act})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "moved", got, bob)
	r := get(t, db, m.ID).Recipients[1]
	same(t, "copy", r, store.Recipient{Address: "bob@example.net", Group: "everyone", State: store.Releasing, ChangedAt: t0.Add(time.Minute), Token: "t1"})
	for name, mv := range map[string]store.Move{
		"twice":                {Recipients: bob, From: store.Held, To: store.Releasing, NewToken: "t2"},
		"one of two":           {Recipients: []string{"ann@example.net", "bob@example.net"}, From: store.Held, To: store.Deleted, Audit: act},
		"unknown recipient":    {Recipients: []string{"x@example.net"}, From: store.Held, To: store.Deleted},
		"other token":          {From: store.Releasing, Token: "t2", To: store.Released},
		"too fresh":            {From: store.Releasing, NotAfter: t0, To: store.Held},
		"none in such a state": {From: store.Expired, To: store.Held},
	} {
		if _, err := apply(mv); !errors.Is(err, store.ErrState) {
			t.Errorf("%s: %v, want ErrState", name, err)
		}
	}
	same(t, "states", states(t, db, m.ID), "ann@example.net held, bob@example.net releasing")
	if _, err := apply(store.Move{From: store.Releasing, Token: "t1", To: store.Released}); err != nil {
		t.Error(err)
	}
	if _, err := apply(store.Move{From: store.Held, To: store.Deleted}); err != nil {
		t.Error(err)
	}
	same(t, "states", states(t, db, m.ID), "ann@example.net deleted, bob@example.net released")
	acts, err := db.Acts(t.Context(), m.ID)
	if err != nil || len(acts) != 1 {
		t.Fatalf("%d acts: %v", len(acts), err)
	}
	same(t, "act", acts[0], store.Act{
		ID: acts[0].ID, At: t0.Add(time.Minute), Actor: "ann", Act: "release", Object: m.ID, Detail: "bob@example.net",
	})
	if err := db.Note(t.Context(), store.Act{At: t0, Actor: "bob", Act: "view", Object: m.ID, Detail: "raw"}); err != nil {
		t.Fatal(err)
	}
	if acts, err := db.Acts(t.Context(), ""); err != nil || len(acts) != 2 || acts[0].Actor != "bob" {
		t.Errorf("acts of all: %v, %v", acts, err)
	}
}

// oneWins holds that of many who release one copy exactly one succeeds.
func oneWins(t *testing.T, open func() *store.DB) {
	dbs := []*store.DB{open(), open()}
	for round := range 5 {
		m := sample(t, round)
		hold(t, dbs[0], m, rawOf(round), t0, "ann@example.net", "bob@example.net")
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				_, err := dbs[i%2].Apply(context.Background(), store.Move{
					ID: m.ID, From: store.Held, To: store.Releasing, NewToken: fmt.Sprint(i), At: t0,
				})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, store.ErrState):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 11 {
			t.Errorf("%d won and %d lost, want 1 and 11", won.Load(), lost.Load())
		}
	}
}

// keepBytes holds that bytes live as long as somebody may need them.
func keepBytes(t *testing.T, open func() *store.DB) {
	db := open()
	m := sample(t, 1)
	hold(t, db, m, rawOf(1), t0, "ann@example.net", "bob@example.net")
	del := func(addr string) {
		t.Helper()
		if _, err := db.Apply(t.Context(), store.Move{ID: m.ID, Recipients: []string{addr}, From: store.Held, To: store.Deleted, At: t0}); err != nil {
			t.Fatal(err)
		}
	}
	del("ann@example.net")
	if _, err := db.Raw(t.Context(), m.ID); err != nil {
		t.Errorf("the bytes went with the first of two copies: %v", err)
	}
	del("bob@example.net")
	if _, err := db.Raw(t.Context(), m.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the bytes stay after the last copy: %v", err)
	}
	get(t, db, m.ID) // the record stays
	hold(t, db, m, rawOf(2), t0, "carol@example.net")
	if _, err := db.Raw(t.Context(), m.ID); err == nil {
		t.Error("bytes of another message are given out under an old hash")
	}
}

func expire(t *testing.T, open func() *store.DB) {
	db := open()
	const n = 450 // more than one batch
	var all []string
	for i := range n {
		m := sample(t, i)
		hold(t, db, m, rawOf(i), t0.Add(time.Duration(i)*time.Minute), "ann@example.net", "bob@example.net")
		all = append(all, m.ID)
	}
	move := func(id, addr string, from, to store.State) {
		t.Helper()
		if _, err := db.Apply(t.Context(), store.Move{ID: id, Recipients: []string{addr}, From: from, To: to, At: t0}); err != nil {
			t.Fatal(err)
		}
	}
	move(all[0], "bob@example.net", store.Held, store.Releasing)
	move(all[1], "bob@example.net", store.Held, store.Releasing)
	move(all[1], "bob@example.net", store.Releasing, store.Released)
	before, now := t0.Add(440*time.Minute), t0.Add(1000*time.Minute)
	got, err := db.Expire(t.Context(), before, now)
	if err != nil || got != 440*2-2 {
		t.Errorf("%d copies expired (%v), want %d", got, err, 440*2-2)
	}
	if again, err := db.Expire(t.Context(), before, now); err != nil || again != 0 {
		t.Errorf("%d copies expired again: %v", again, err)
	}
	same(t, "first", states(t, db, all[0]), "ann@example.net expired, bob@example.net releasing")
	same(t, "second", states(t, db, all[1]), "ann@example.net expired, bob@example.net released")
	same(t, "last expired", states(t, db, all[439]), "ann@example.net expired, bob@example.net expired")
	same(t, "first kept", states(t, db, all[440]), "ann@example.net held, bob@example.net held")
	for id, want := range map[string]bool{all[0]: true, all[1]: false, all[439]: false, all[440]: true} {
		if _, err := db.Raw(t.Context(), id); (err == nil) != want {
			t.Errorf("bytes of %s are there: %v, want %v", id, err == nil, want)
		}
	}
}

func purge(t *testing.T, open func() *store.DB) {
	db := open()
	old, kept, recorded := sample(t, 0), sample(t, 1), sample(t, 2)
	hold(t, db, old, rawOf(0), t0, "ann@example.net")
	hold(t, db, kept, rawOf(1), t0, "ann@example.net")
	if err := db.Record(t.Context(), recorded); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Apply(t.Context(), store.Move{ID: old.ID, From: store.Held, To: store.Deleted, At: t0}); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Purge(t.Context(), t0); err != nil || n != 0 {
		t.Errorf("%d records went too early: %v", n, err)
	}
	if n, err := db.Purge(t.Context(), t0.Add(time.Hour)); err != nil || n != 2 {
		t.Errorf("%d records went, want 2: %v", n, err)
	}
	if _, err := db.Message(t.Context(), old.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("old record: %v", err)
	}
	same(t, "kept", states(t, db, kept.ID), "ann@example.net held")
}

// together holds that many writers at once lose nothing, that one's failure is
// its own, and that retries at the same moment are one hold.
func together(t *testing.T, open func() *store.DB) {
	dbs := []*store.DB{open(), open()}
	const n = 200
	var wg sync.WaitGroup
	kept, retries := make([]string, n), make([]string, n)
	for i := range n {
		wg.Go(func() {
			m := sample(t, i)
			id, err := dbs[i%2].Hold(context.Background(), m, rawOf(i), to("ann@example.net"), t0)
			if err != nil {
				t.Error(err)
			}
			kept[i] = id
		})
		wg.Go(func() {
			_, err := dbs[i%2].Apply(context.Background(), store.Move{ID: "nobody", From: store.Held, To: store.Deleted, At: t0})
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a failing neighbour gets %v", err)
			}
		})
		wg.Go(func() {
			id, err := dbs[i%2].Hold(context.Background(), sample(t, -1), rawOf(-1), to("ann@example.net"), t0)
			if err != nil {
				t.Error(err)
			}
			retries[i] = id
		})
	}
	wg.Wait()
	for i, id := range kept {
		if raw, err := dbs[1-i%2].Raw(t.Context(), id); err != nil || !strings.Contains(string(raw), fmt.Sprintf("body %d\r\n", i)) {
			t.Errorf("message %d is not as it was held: %v", i, err)
		}
		if retries[i] != retries[0] {
			t.Errorf("one message is held as %s and %s", retries[0], retries[i])
		}
	}
	holds, err := dbs[0].List(t.Context(), store.Query{Limit: store.MaxLimit})
	if err != nil || len(holds) != n+1 {
		t.Errorf("%d holds, want %d: %v", len(holds), n+1, err)
	}
	for _, db := range dbs {
		if err := db.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// cancelled holds that a hold which reports a cancelled context kept nothing.
func cancelled(t *testing.T, open func() *store.DB) {
	db := open()
	for i := range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		m := sample(t, i)
		go cancel()
		id, err := db.Hold(ctx, m, rawOf(i), to("ann@example.net"), t0)
		_, getErr := db.Get(t.Context(), m.ID)
		if err == nil && (id != m.ID || getErr != nil) {
			t.Errorf("a hold that succeeded is not there: %v", getErr)
		}
		if err != nil && !errors.Is(getErr, store.ErrNotFound) {
			t.Errorf("a hold that failed with %v is there", err)
		}
	}
}
