package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"foregate/intel"
	"foregate/mail"
	"foregate/scan/known"
	"foregate/store"
)

// TestRetroHunt finds past messages by indicators that became known later, goes
// on where it stopped, and tells nothing twice.
func TestRetroHunt(t *testing.T) {
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	came := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	record := func(i int, host string, bytes bool) {
		raw := fmt.Appendf(nil, "From: a@sender%d.example\r\nSubject: Invoice %d\r\nContent-Type: text/html\r\n\r\n<a href=\"https://%s/x\">y</a>\r\n", i, i, host)
		m := parseLinked(mail.Envelope{}, raw)
		facts, err := json.Marshal(&mail.Facts{Seen: known.Observe(m)})
		if err != nil {
			t.Fatal(err)
		}
		p := store.Past{Message: store.Message{ID: fmt.Sprintf("m%03d", i), ReceivedAt: came, Sender: m.Sender.Email.Email, Subject: m.Subject.Subject, Verdict: mail.Verdict{Disposition: mail.Deliver}, Facts: facts}}
		if bytes {
			p.Raw = raw
		}
		if err := db.RecordAll(ctx, []store.Past{p}); err != nil {
			t.Fatal(err)
		}
	}
	record(1, "login.evil.example", true)
	record(2, "fine.example", true)
	record(3, "evil.example", false) // the record alone finds it
	record(4, "other.example", false)
	at := came
	say := func(kind intel.Kind, value string) {
		at = at.Add(time.Hour)
		a := intel.Assertion{Subject: intel.Node{Kind: kind, Value: value}, Relation: intel.Indicates, Object: intel.Node{Kind: intel.Report, Value: "r"}, Source: intel.Source{Name: "feed"}}
		if _, err := db.AddAssertions(ctx, []intel.Assertion{a}, at); err != nil {
			t.Fatal(err)
		}
	}
	hunt := func(limit int, anew age) retroReport {
		t.Helper()
		out, err := (&retro{db: db, now: func() time.Time { return came.AddDate(0, 1, 0) }, limit: limit}).run(ctx, anew)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := hunt(0, 0); !out.Done || out.Looked != 0 {
		t.Errorf("nothing is known, and yet %+v", out)
	}
	say(intel.Domain, "evil.example")
	if out := hunt(2, 0); out.Done || out.Looked != 2 || out.New != 1 || out.Sightings[0].MessageID != "m001" {
		t.Errorf("the first two: %+v", out)
	}
	if out := hunt(0, 0); !out.Done || out.Looked != 2 || out.New != 1 || out.Sightings[0].MessageID != "m003" || out.Undecided != 0 {
		t.Errorf("the rest: %+v", out)
	}
	if out := hunt(0, 0); !out.Done || out.Looked != 0 {
		t.Errorf("again: %+v", out)
	}
	say(intel.Pattern, "[email-message:subject LIKE 'Invoice%' AND url:value LIKE '%fine%']")
	if out := hunt(0, 0); out.New != 1 || out.Sightings[0].MessageID != "m002" || out.Undecided != 2 || out.Indicators != 1 {
		t.Errorf("a pattern: %+v", out)
	}
	if out := hunt(0, age(365*24*time.Hour)); out.New != 0 || out.Looked != 4 || out.Indicators != 2 {
		t.Errorf("all anew: %+v", out)
	}
	if list, err := db.Sightings(ctx, 10); err != nil || len(list) != 3 || list[0].Subject == "" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestClusterOfMessages clusters the gate's own messages: lures of one template come
// together, letters through one bulk sender do not.
func TestClusterOfMessages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	record := func(sender string, d mail.Disposition, seen ...mail.Seen) {
		n++
		facts, err := json.Marshal(&mail.Facts{Seen: seen})
		if err != nil {
			t.Fatal(err)
		}
		m := store.Message{ID: fmt.Sprintf("m%03d", n), ReceivedAt: time.Now(), Sender: sender, Verdict: mail.Verdict{Disposition: d}, Facts: facts}
		if err := db.RecordAll(t.Context(), []store.Past{{Message: m}}); err != nil {
			t.Fatal(err)
		}
	}
	bulk := mail.Seen{Kind: "ipv4-addr", Value: "198.51.100.1", Where: known.InClient}
	for i := range 40 {
		record(fmt.Sprintf("news@shop%d.example", i), mail.Deliver, bulk)
	}
	for i := range 3 {
		for range 2 { // each lure twice
			record(fmt.Sprintf("x@hacked%d.example", i), mail.Hold, bulk, mail.Seen{Kind: "kit-marker", Value: "aa", Where: known.InLayout},
				mail.Seen{Kind: "domain-name", Value: fmt.Sprintf("www%d.login.example", i), Where: known.InLink})
		}
	}
	record("a@friend.example", mail.Deliver, mail.Seen{Kind: "kit-marker", Value: "bb", Where: known.InLayout})
	record("b@other.example", mail.Deliver, mail.Seen{Kind: "kit-marker", Value: "bb", Where: known.InLayout})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w := &world{ctx: t.Context()}
	for all, want := range map[bool]int{false: 1, true: 2} {
		clusters, hubs, err := intelClusterCmd{Messages: true, All: all}.clusters(w, &cli{DB: path})
		if err != nil || len(clusters) != want || len(clusters[0].Nodes) != 5 || len(hubs) != 1 || hubs[0].Value != "198.51.100.1" {
			t.Errorf("%+v, cut %+v, %v", clusters, hubs, err)
		}
	}
}
