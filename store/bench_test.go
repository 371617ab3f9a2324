package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"foregate/evidence"
	"foregate/intel"
	"foregate/mail"
)

// benchRaw is a message of 22 kB: half words, half base64 of noise, which is
// about what mail with a picture in it compresses like.
func benchRaw(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	words := []string{"invoice", "please", "the", "meeting", "of", "account", "and", "payment", "a", "report", "to", "office"}
	raw := fmt.Appendf(nil, "From: a@example.com\r\nSubject: %d\r\n\r\n", n)
	for len(raw) < 11<<10 {
		raw = fmt.Appendf(raw, "%s ", words[r.IntN(len(words))])
	}
	noise := make([]byte, 8<<10)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return append(raw, base64.StdEncoding.EncodeToString(noise)...)
}

func benchMessage(id string) Message {
	return Message{
		ID: id, ReceivedAt: time.Now(), Sender: "sender@example.com", Subject: "Your invoice for November",
		Envelope: mail.Envelope{MailFrom: "bounce@example.com", HasFrom: true, Helo: "mx.example.com", Recipients: []string{"ann@example.net"}},
		Verdict: mail.Verdict{
			Disposition: mail.Hold, LogOdds: 1.7,
			Reasons: []evidence.Item{{ID: "auth.dmarc-fail", Claim: "The author domain is not proven", Weight: 1.1}},
		},
		Facts: json.RawMessage(`{"auth":{"spf":"pass","dkim":[],"dmarc":"fail"},"evidence":[],"gaps":[]}`),
	}
}

func mustID(b *testing.B) string {
	id, err := uuid.NewV7()
	if err != nil {
		b.Fatal(err)
	}
	return id.String()
}

// BenchmarkHold holds messages of 22 kB from several goroutines. It reports
// holds per second and bytes of database per message.
func BenchmarkHold(b *testing.B) {
	for _, workers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", workers), func(b *testing.B) {
			dir := b.TempDir()
			db, err := Open(context.Background(), filepath.Join(dir, "x.db"))
			if err != nil {
				b.Fatal(err)
			}
			raws := make([][]byte, b.N)
			for i := range raws {
				raws[i] = benchRaw(i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for {
						i := int(next.Add(1)) - 1
						if i >= b.N {
							return
						}
						m := benchMessage(mustID(b))
						if _, err := db.Hold(context.Background(), m, raws[i], []Recipient{{Address: "ann@example.net"}}, time.Now()); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "holds/s")
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(dir, "x.db"))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/float64(b.N), "db-bytes/msg")
		})
	}
}

// fill puts n holds into the database; one in a hundred is released.
func fill(b *testing.B, db *DB, n int) (ids []string) {
	b.Helper()
	const batch = 1000
	zip := db.zip.EncodeAll(benchRaw(0)[:2000], nil)
	for start := 0; start < n; start += batch {
		err := db.apply(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
			for i := start; i < start+batch; i++ {
				m := benchMessage(mustID(b))
				m.Subject = fmt.Sprintf("Your invoice %d", i)
				r, err := newRow(m)
				if err != nil {
					return err
				}
				h := holding{
					row: r, recipients: []Recipient{{Address: fmt.Sprintf("rcpt%d@example.net", i%500)}},
					keys: []string{m.ID}, zstd: zip, at: time.Now(),
				}
				if _, err := h.insert(ctx, tx); err != nil {
					return err
				}
				if i%100 == 0 {
					mv := Move{ID: m.ID, From: Held, To: Released, At: time.Now()}
					if _, err := mv.run(ctx, tx); err != nil {
						return err
					}
				}
				ids = append(ids, m.ID)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return ids
}

// BenchmarkList reads pages of 50 out of 100,000 holds.
func BenchmarkList(b *testing.B) {
	db := openTemp(b)
	const n = 100000
	ids := fill(b, db, n)
	for _, c := range []struct {
		name string
		q    Query
	}{
		{"newest", Query{}},
		{"middle", Query{Before: ids[n/2]}},
		{"held", Query{State: Held}},
		{"released", Query{State: Released}},
		{"deleted-none", Query{State: Deleted}},
		{"recipient", Query{Recipient: "rcpt7@example.net"}},
		{"subject-one", Query{Subject: "invoice 4242"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.List(context.Background(), c.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAddAssertions keeps assertions of new nodes, as an import does.
func BenchmarkAddAssertions(b *testing.B) {
	db := openTemp(b)
	n := 0
	const batch = 20_000
	before := cpu(b)
	for b.Loop() {
		as := make([]intel.Assertion, batch)
		for i := range as {
			as[i] = intel.Assertion{
				Subject: intel.Node{Kind: intel.Domain, Value: fmt.Sprintf("name%d.example", n)}, Relation: intel.Indicates,
				Object: intel.Node{Kind: intel.IntrusionSet, Value: "Callisto"}, Source: intel.Source{Name: "feed", Origin: "report"},
			}
			n++
		}
		if _, err := db.AddAssertions(context.Background(), as, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "assertions/s")
	// What others do on the machine counts in the one and not in the other.
	b.ReportMetric(float64(n)/(cpu(b)-before).Seconds(), "assertions/cpu-s")
}

// cpu is the processor time of the process, both of it and of the kernel for it.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
