package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"foregate/intel"
)

// BenchmarkIndicators reads a million indicators, as the gate does when it
// starts, and then a hundred new ones, as it does while it runs.
func BenchmarkIndicators(b *testing.B) {
	db := openTemp(b)
	ctx := context.Background()
	const n, batch = 1_000_000, 20_000
	fill := func(from, to int) {
		for ; from < to; from += batch {
			as := make([]intel.Assertion, min(batch, to-from))
			for i := range as {
				as[i] = intel.Assertion{Subject: intel.Node{Kind: intel.Domain, Value: fmt.Sprintf("name%d.example", from+i)}, Relation: intel.Indicates,
					Object: intel.Node{Kind: intel.IntrusionSet, Value: "Callisto"}, Source: intel.Source{Name: "feed", Origin: "report"}}
			}
			if _, err := db.AddAssertions(ctx, as, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	}
	before := cpu(b)
	begin := time.Now()
	fill(0, n)
	b.Logf("%d assertions into SQLite: %.0f/s, %.0f per second of processor time", n, n/time.Since(begin).Seconds(), n/(cpu(b)-before).Seconds())
	read := func(since time.Time) (count int) {
		if err := db.Assertions(ctx, IntelQuery{Relation: intel.Indicates, Since: since, Retracted: !since.IsZero()}, func(intel.Assertion) bool { count++; return true }); err != nil {
			b.Fatal(err)
		}
		return count
	}
	b.Run("all", func(b *testing.B) {
		before := cpu(b)
		for b.Loop() {
			if got := read(time.Time{}); got < n {
				b.Fatalf("%d", got)
			}
		}
		b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N), "cpu-s/op")
	})
	have, err := db.IntelChanged(ctx)
	if err != nil {
		b.Fatal(err)
	}
	fill(n, n+100)
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if got := read(have); got != 100 {
				b.Fatalf("%d", got)
			}
		}
	})
}
