package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"foregate/mail"
)

func openTemp(t testing.TB) *DB {
	t.Helper()
	db, err := Open(context.Background(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestDurability reads back the settings on which "it is on the disk" rests.
func TestDurability(t *testing.T) {
	db := openTemp(t)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000",
	} {
		var got string
		if err := db.write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
	if _, err := db.read.Exec("DELETE FROM held"); err == nil {
		t.Error("a reading connection can write")
	}
}

func holdN(db *DB, n, size int) error {
	m := Message{ID: fmt.Sprintf("id-%06d", n), Envelope: mail.Envelope{MailFrom: "a@example.com"}}
	raw := []byte(fmt.Sprintf("Subject: %d\r\n\r\n", n))
	for i := 0; len(raw) < size; i++ {
		raw = fmt.Appendf(raw, "%x", (n+1)*(i+7919)*104729)
	}
	_, err := db.Hold(context.Background(), m, raw, []Recipient{{Address: "ann@example.net"}}, time.Now())
	return err
}

// TestDiskFull holds that a full disk is an error for what does not fit, and
// for nothing else.
func TestDiskFull(t *testing.T) {
	db := openTemp(t)
	if _, err := db.write.Exec("PRAGMA max_page_count = 100"); err != nil {
		t.Fatal(err)
	}
	kept, full := 0, false
	for n := range 100 {
		if err := holdN(db, n, 20000); err != nil {
			full = true
			break
		}
		kept++
	}
	if !full || kept == 0 {
		t.Fatalf("%d messages fit into 400 kB", kept)
	}
	for n := range kept {
		if _, err := db.Raw(context.Background(), fmt.Sprintf("id-%06d", n)); err != nil {
			t.Errorf("message %d is lost: %v", n, err)
		}
	}
	if _, err := db.Get(context.Background(), fmt.Sprintf("id-%06d", kept)); !errors.Is(err, ErrNotFound) {
		t.Errorf("the message that did not fit: %v", err)
	}
	if err := db.Check(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := db.write.Exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	if err := holdN(db, kept, 20000); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestPanic holds that one faulty change harms nobody else.
func TestPanic(t *testing.T) {
	db := openTemp(t)
	err := db.Record(context.Background(), Message{ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	err = db.apply(context.Background(), func(context.Context, *sql.Tx) error { panic("boo") })
	if err == nil || err.Error() != "panic in a change: boo" {
		t.Errorf("got %v", err)
	}
	if err := holdN(db, 1, 10); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

// TestAlone holds that a change that fails by itself leaves nothing.
func TestAlone(t *testing.T) {
	db := openTemp(t)
	boo := errors.New("boo")
	err := db.apply(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO intel_feeds (name, state) VALUES ('x', 'y')"); err != nil {
			return err
		}
		return boo
	})
	if !errors.Is(err, boo) {
		t.Error(err)
	}
	if st, err := db.FeedState(t.Context(), "x"); st != nil || err != nil {
		t.Errorf("%s, %v", st, err)
	}
	if err := holdN(db, 1, 10); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestVersionsByID holds that objects are found by their ids, not by reading all of
// their collection.
func TestVersionsByID(t *testing.T) {
	db := openTemp(t)
	rs, err := db.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN SELECT raw FROM intel_objects WHERE collection || '' = $1 AND stix_id IN ($2, $3) ORDER BY added_at, stix_id", "c", "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	plan := ""
	for rs.Next() {
		var id, parent, unused int
		var step string
		if err := rs.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan += step + "; "
	}
	if err := rs.Err(); err != nil || !strings.Contains(plan, "(stix_id=?)") {
		t.Errorf("%s %v", plan, err)
	}
}

func TestClosed(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := holdN(db, 1, 10); err == nil {
		t.Error("a closed database holds mail")
	}
}

func TestWithoutTrace(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"\r\n\r\nbody":                 "\r\n\r\nbody",
		"Received: x\r\n y\r\nFrom: z": "From: z",
		"received : x\nReturn-Path: <>\n\tmore\nSubject: a\nReceived: b\n\n": "Subject: a\nReceived: b\n\n",
		"Received: x":                     "",
		"Received":                        "Received",
		" Received: x\r\nReceived: y\r\n": " Received: x\r\nReceived: y\r\n",
		"X-Received: x\r\n\r\nbody\r\n":   "\r\nbody\r\n",
	} {
		if got := string(withoutTrace([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestKeyLaws: the key does not change with trace fields on top, and does with
// anything else.
func TestKeyLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z@:.]{0,6}`)
		from, rcpt, raw := word.Draw(t, "from"), word.Draw(t, "rcpt"), "Subject: "+word.Draw(t, "raw")
		key := func(from, rcpt, raw string) string {
			return dedupeKeys(from, []Recipient{{Address: rcpt}}, []byte(raw))[0]
		}
		trace := rapid.StringMatching(`((Received|Delivered-To|X-Received): [a-z]{0,5}\r\n( [a-z]{0,5}\r\n)?){0,3}`).Draw(t, "trace")
		if key(from, rcpt, raw) != key(from, rcpt, trace+raw) {
			t.Fatal("trace fields change the key")
		}
		from2, rcpt2, raw2 := word.Draw(t, "from2"), word.Draw(t, "rcpt2"), "Subject: "+word.Draw(t, "raw2")
		same := from == from2 && rcpt == rcpt2 && raw == raw2
		if (key(from, rcpt, raw) == key(from2, rcpt2, raw2)) != same {
			t.Fatalf("keys of %q and %q", []string{from, rcpt, raw}, []string{from2, rcpt2, raw2})
		}
	})
}

func FuzzWithoutTrace(f *testing.F) {
	f.Add([]byte("Received: x\r\n y\r\nFrom: z\r\n\r\n"))
	f.Add([]byte("Received: \n\n \nReturn-Path:\r"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rest := withoutTrace(raw)
		if !strings.HasSuffix(string(raw), string(rest)) {
			t.Errorf("%q is no end of %q", rest, raw)
		}
		if again := withoutTrace(rest); len(again) != len(rest) && len(rest) > 0 && rest[0] != ' ' && rest[0] != '\t' {
			t.Errorf("%q has a trace field left", rest)
		}
	})
}
