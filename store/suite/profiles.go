package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/store"
)

// put replaces records.
func put(t *testing.T, db *store.DB, at time.Time, records map[string]string) {
	t.Helper()
	err := db.ChangeProfiles(t.Context(), at, nil, func(map[string][]byte) (map[string][]byte, error) {
		out := map[string][]byte{}
		for k, v := range records {
			out[k] = []byte(v)
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// peek returns records as text.
func peek(t *testing.T, db *store.DB, keys ...string) map[string]string {
	t.Helper()
	got, err := db.LoadProfiles(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for k, v := range got {
		out[k] = string(v)
	}
	return out
}

func profiles(t *testing.T, open func() *store.DB) {
	put(t, open(), t0, map[string]string{"a:1": "one\x00\xff", "a:2": "two"})
	db := open() // another connection sees them
	same(t, "records", peek(t, db, "a:1", "a:2", "a:3"), map[string]string{"a:1": "one\x00\xff", "a:2": "two"})
	same(t, "no keys", peek(t, db), map[string]string{})

	var many []string
	for i := range 1200 {
		many = append(many, fmt.Sprintf("x:%d", i))
	}
	same(t, "more keys than one statement takes", peek(t, db, append(many, "a:2")...), map[string]string{"a:2": "two"})

	// A failing change changes nothing.
	err := db.ChangeProfiles(t.Context(), t0, []string{"a:1"}, func(old map[string][]byte) (map[string][]byte, error) {
		same(t, "old", string(old["a:1"]), "one\x00\xff")
		return map[string][]byte{"a:1": []byte("changed")}, errors.New("no")
	})
	if err == nil || !strings.Contains(err.Error(), "changing profiles: no") {
		t.Errorf("a failing change gives %v", err)
	}
	err = db.ChangeProfiles(t.Context(), t0, nil, func(map[string][]byte) (map[string][]byte, error) {
		return map[string][]byte{"a:1": []byte("changed"), "a:9": make([]byte, store.MaxProfile+1)}, nil
	})
	if err == nil {
		t.Error("a record beyond the bound is kept")
	}
	same(t, "after failed changes", peek(t, db, "a:1", "a:9"), map[string]string{"a:1": "one\x00\xff"})

	put(t, db, t0.Add(time.Hour), map[string]string{"a:2": "newer", "m:1": "memo"})
	n, err := db.ForgetProfiles(t.Context(), "a:", t0.Add(time.Minute))
	if err != nil || n != 1 {
		t.Errorf("forgot %d records, %v; want 1", n, err)
	}
	same(t, "after forgetting", peek(t, db, "a:1", "a:2", "m:1"), map[string]string{"a:2": "newer", "m:1": "memo"})
}

// profilesTogether counts from several connections at once: no change is lost.
func profilesTogether(t *testing.T, open func() *store.DB) {
	const writers, each = 3, 10
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		db := open()
		wg.Go(func() {
			for range each {
				err := db.ChangeProfiles(context.Background(), t0, []string{"n"}, func(old map[string][]byte) (map[string][]byte, error) {
					n, _ := strconv.Atoi(string(old["n"]))
					return map[string][]byte{"n": []byte(strconv.Itoa(n + 1))}, nil
				})
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	same(t, "count", peek(t, open(), "n"), map[string]string{"n": strconv.Itoa(writers * each)})
}

func lessons(t *testing.T, open func() *store.DB) {
	db := open()
	queue := func(id string, due time.Time, lesson string) {
		t.Helper()
		if err := db.QueueLesson(t.Context(), id, due, []byte(lesson)); err != nil {
			t.Fatal(err)
		}
	}
	queue("m3", t0.Add(3*time.Hour), "late")
	queue("m2", t0.Add(2*time.Hour), "second")
	queue("m1", t0.Add(time.Hour), "first")
	queue("m1", t0, "again") // changes nothing
	queue("m4", t0.Add(time.Hour), "reported")
	for i, want := range []bool{true, false} {
		if got, err := db.DropLesson(t.Context(), "m4"); err != nil || got != want {
			t.Errorf("drop %d: %v, %v; want %v", i, got, err, want)
		}
	}
	if err := db.QueueLesson(t.Context(), "m5", t0, make([]byte, store.MaxLesson+1)); err == nil {
		t.Error("a lesson beyond the bound is kept")
	}

	var taken []string
	settle := func(now time.Time, limit int, fail error) int {
		t.Helper()
		n, err := db.SettleLessons(t.Context(), now, limit, func(l []byte) []string { return []string{"k", "k:" + string(l)} },
			func(ls [][]byte, old map[string][]byte) (map[string][]byte, error) {
				text := string(old["k"])
				for _, l := range ls {
					text += string(l) + " "
				}
				if fail == nil {
					taken = append(taken, text)
				}
				return map[string][]byte{"k": []byte(text)}, fail
			})
		if (err == nil) != (fail == nil) {
			t.Fatal(err)
		}
		return n
	}
	if n := settle(t0, 10, nil); n != 0 {
		t.Errorf("%d lessons before their time", n)
	}
	if n := settle(t0.Add(2*time.Hour), 10, errors.New("no")); n != 0 {
		t.Errorf("a failing change took %d lessons", n)
	}
	for i, want := range []int{1, 1, 0} {
		if n := settle(t0.Add(2*time.Hour), 1, nil); n != want {
			t.Errorf("batch %d took %d lessons, want %d", i, n, want)
		}
	}
	if n := settle(t0.Add(4*time.Hour), 10, nil); n != 1 {
		t.Errorf("took %d lessons, want 1", n)
	}
	if !slices.Equal(taken, []string{"first ", "first second ", "first second late "}) {
		t.Errorf("taken %q", taken)
	}
	same(t, "record", peek(t, open(), "k"), map[string]string{"k": "first second late "})
}
