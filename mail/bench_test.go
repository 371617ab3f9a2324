//go:build unix

package mail

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// corpus reads every nth message of the development corpus.
func corpus(t testing.TB, nth, limit int) [][]byte {
	t.Helper()
	f, err := os.Open(needShared(t, "mail/dev.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for i, r := 0, tar.NewReader(z); len(out) < limit; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".eml") {
			continue
		}
		if i++; i%nth != 0 {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// cpuTime is the processor time of this process: what the budget counts, and
// what other load on the machine does not change.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func parseAll(b *testing.B, msgs [][]byte) {
	b.Helper()
	size := 0
	for _, m := range msgs {
		size += len(m)
	}
	b.SetBytes(int64(size / len(msgs)))
	b.ReportAllocs()
	i := 0
	start := cpuTime()
	for b.Loop() {
		Parse(Envelope{}, msgs[i%len(msgs)])
		i++
	}
	b.ReportMetric(float64(cpuTime()-start)/float64(i), "cpu-ns/op")
	b.ReportMetric(float64(size/len(msgs)), "B/msg")
}

func BenchmarkParseCorpus(b *testing.B) {
	parseAll(b, corpus(b, 10, 1000))
}

// BenchmarkParse22k takes the corpus messages nearest to 22 kB, the mean size
// that the time budget of 0.5 ms is set for.
func BenchmarkParse22k(b *testing.B) {
	var msgs [][]byte
	for _, m := range corpus(b, 1, 20000) {
		if len(m) > 20_000 && len(m) < 24_000 {
			msgs = append(msgs, m)
		}
	}
	parseAll(b, msgs)
}

func BenchmarkNestedUnterminated(b *testing.B) {
	for _, n := range []int{10_000, 20_000} {
		raw := []byte(nestedUnterminated(n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				Parse(Envelope{}, raw)
			}
		})
	}
}

func BenchmarkAttachment(b *testing.B) {
	payload := make([]byte, 10<<20)
	for i := range payload {
		payload[i] = byte(i * i >> 3)
	}
	raw := []byte(message(markerType+"Content-Transfer-Encoding: base64\r\n", wrap64(payload, 76)))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(Envelope{}, raw)
	}
}
