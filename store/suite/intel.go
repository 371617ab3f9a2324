package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/intel"
	"foregate/mail"
	"foregate/store"
)

func assertion(n int) intel.Assertion {
	return intel.Assertion{
		Subject: intel.Node{Kind: intel.Domain, Value: fmt.Sprintf("name%d.example", n)}, Relation: intel.ResolvesTo,
		Object: intel.Node{Kind: intel.IPv4, Value: fmt.Sprintf("10.0.%d.%d", n>>8&255, n&255)},
		First:  t0, Source: intel.Source{Name: "feed", Origin: "report", Licence: "MIT"},
		Confidence: intel.Confidence{Reliability: 'B', Credibility: 2}, TLP: intel.TLPGreen, Note: "ünïcode % _",
	}
}

func collect(t *testing.T, db *store.DB, q store.IntelQuery) []intel.Assertion {
	t.Helper()
	var out []intel.Assertion
	if err := db.Assertions(context.Background(), q, func(a intel.Assertion) bool { out = append(out, a); return true }); err != nil {
		t.Fatal(err)
	}
	return out
}

// assertions go in once, come out as they were, are found by node and text, and
// are taken back without being lost.
func assertions(t *testing.T, open func() *store.DB) {
	db := open()
	var all []intel.Assertion
	for i := range 11000 { // more than two chunks
		all = append(all, assertion(i))
	}
	for i, want := range []int{len(all), 0} {
		if n, err := db.AddAssertions(context.Background(), all, t0.Add(time.Duration(i)*time.Second)); err != nil || n != want {
			t.Fatalf("round %d: %d added, %v", i, n, err)
		}
	}
	if got := collect(t, db, store.IntelQuery{}); len(got) != len(all) {
		t.Errorf("%d come out", len(got))
	}
	one := all[7]
	for _, q := range []store.IntelQuery{{Node: &one.Subject}, {Node: &one.Object}, {Text: "NAME7.EXAMPLE"}} {
		if d := cmp.Diff([]intel.Assertion{one}, collect(t, db, q)); d != "" {
			t.Errorf("%+v: %s", q, d)
		}
	}
	if got := collect(t, db, store.IntelQuery{Text: "%"}); len(got) != 0 {
		t.Errorf("a percent sign finds %d", len(got))
	}
	if got := collect(t, db, store.IntelQuery{Limit: 3, Relation: intel.ResolvesTo, Kind: intel.Domain}); len(got) != 3 {
		t.Errorf("%d of at most 3", len(got))
	}
	before, err := db.IntelChanged(context.Background())
	// Each change is later than the one before, if only by a microsecond.
	if err != nil || before.Before(t0) || before.Sub(t0) > time.Millisecond {
		t.Errorf("changed %v, %v", before, err)
	}
	back := one
	back.Retracted = t0.Add(time.Hour)
	if n, err := db.AddAssertions(context.Background(), []intel.Assertion{back}, t0.Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if got := collect(t, db, store.IntelQuery{Node: &one.Subject}); len(got) != 0 {
		t.Error("what was taken back still counts")
	}
	if d := cmp.Diff([]intel.Assertion{back}, collect(t, db, store.IntelQuery{Node: &one.Subject, Retracted: true})); d != "" {
		t.Error(d)
	}
	if after, _ := db.IntelChanged(context.Background()); !after.After(before) {
		t.Error("taking back is no change")
	}
}

// objects keep every version, and both of two that differ.
func objects(t *testing.T, open func() *store.DB) {
	db := open()
	ctx := context.Background()
	obj := func(id, raw string, n int) store.Object {
		return store.Object{ID: id, Type: "indicator", Modified: t0.Add(time.Duration(n) * time.Hour), Collection: "c", Raw: json.RawMessage(raw)}
	}
	in := []store.Object{obj("a", `{"v":1}`, 1), obj("a", `{"v":2}`, 2), obj("b", `{"v":1}`, 1)}
	if _, differ, err := db.AddObjects(ctx, in, t0); err != nil || len(differ) > 0 {
		t.Fatal(differ, err)
	}
	if _, differ, err := db.AddObjects(ctx, []store.Object{obj("a", `{"v":3}`, 2), in[0]}, t0.Add(time.Minute)); err != nil || len(differ) != 1 || differ[0] != "a" {
		t.Fatal(differ, err)
	}
	read := func(after time.Time) (out []string) {
		if err := db.Objects(ctx, "c", after, func(o store.Object) bool { out = append(out, o.ID+string(o.Raw)); return true }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if d := cmp.Diff([]string{`a{"v":1}`, `a{"v":2}`, `b{"v":1}`, `a{"v":3}`}, read(time.Time{})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{`a{"v":3}`}, read(t0.Add(time.Second))); d != "" {
		t.Error(d)
	}
	if err := db.RemoveObjects(ctx, "c", in[1:2]); err != nil { // both contents of that version
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{`a{"v":1}`, `b{"v":1}`}, read(time.Time{})); d != "" {
		t.Error(d)
	}
}

// feeds keep their state over a restart.
func feeds(t *testing.T, open func() *store.DB) {
	ctx := context.Background()
	db := open()
	if s, err := db.FeedState(ctx, "x"); s != nil || err != nil {
		t.Error(s, err)
	}
	for _, v := range []string{`{"etag":"1"}`, `{"etag":"2"}`} {
		if err := db.SetFeedState(ctx, "x", json.RawMessage(v)); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := open().FeedState(ctx, "x"); string(s) != `{"etag":"2"}` || err != nil {
		t.Errorf("%s, %v", s, err)
	}
}

func sightings(t *testing.T, open func() *store.DB) {
	db := open()
	ctx := context.Background()
	if err := db.RecordAll(ctx, []store.Past{{Message: store.Message{ID: "m1", ReceivedAt: t0, Sender: "a@b.example", Subject: "s", Verdict: mail.Verdict{Disposition: mail.Deliver}, Facts: json.RawMessage("{}")}, Raw: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	page, err := db.History(ctx, store.Span{Bare: true})
	if err != nil || len(page) != 1 || page[0].Raw != nil || page[0].Sender != "a@b.example" {
		t.Errorf("%+v, %v", page, err)
	}
	s := store.Sighting{MessageID: "m1", Indicator: intel.Node{Kind: intel.Domain, Value: "evil.example"}, Evidence: evidence.Item{ID: "known.host", Claim: "c", Weight: 0.5}, FoundAt: t0.Add(time.Hour)}
	for want := 1; want >= 0; want-- {
		fresh, err := db.AddSightings(ctx, []store.Sighting{s}, "hunt", json.RawMessage(`{"after":"m1"}`))
		if err != nil || len(fresh) != want {
			t.Errorf("%d new, want %d, %v", len(fresh), want, err)
		}
	}
	s.ReceivedAt, s.Sender, s.Subject, s.Disposition = t0, "a@b.example", "s", "deliver"
	got, err := db.Sightings(ctx, 10)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]store.Sighting{s}, got); d != "" {
		t.Error(d)
	}
	if st, err := db.FeedState(ctx, "hunt"); err != nil || string(st) != `{"after":"m1"}` {
		t.Errorf("%s, %v", st, err)
	}
}
