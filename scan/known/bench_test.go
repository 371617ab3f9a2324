package known

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"foregate/intel"
	"foregate/intel/match"
	"foregate/mail"
	"foregate/scan/link"
)

// benchSet holds a million indicators, one in a hundred a STIX pattern.
func benchSet() *match.Set {
	s := match.NewSet(1_000_000, Answers)
	for i := range 1_000_000 {
		a := intel.Assertion{Relation: intel.Indicates, Object: intel.Node{Kind: intel.Report, Value: "list"}, Source: intel.Source{Name: "feed"}}
		switch {
		case i%100 == 0:
			a.Subject = intel.Node{Kind: intel.Pattern, Value: fmt.Sprintf("[email-message:from_ref.value = 'office@evil%d.example' AND email-message:subject LIKE '%%invoice%%']", i)}
		case i%10 < 4:
			a.Subject = intel.Node{Kind: intel.Domain, Value: fmt.Sprintf("evil%d.example", i)}
		case i%10 < 6:
			a.Subject = intel.Node{Kind: intel.IPv4, Value: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()}
		case i%10 < 9:
			a.Subject = intel.Node{Kind: intel.URL, Value: fmt.Sprintf("http://host%d.example/kit/%d/", i, i)}
		default:
			a.Subject = intel.Node{Kind: intel.SHA256, Value: fmt.Sprintf("%064x", i)}
		}
		s.Apply(a)
	}
	// Patterns without a value that must be there, tried for every message.
	for i := range 20 {
		s.Apply(intel.Assertion{Relation: intel.Indicates, Object: intel.Node{Kind: intel.Report, Value: "list"}, Source: intel.Source{Name: "feed"},
			Subject: intel.Node{Kind: intel.Pattern, Value: fmt.Sprintf("[domain-name:value LIKE 'login%d.%%' AND file:name LIKE '%%.iso']", i)}})
	}
	return s
}

// BenchmarkKnown looks at a message with ten links, two senders, a sending
// server and two files, a million indicators being known. "find" is the look
// for what was seen and the patterns, "stage" is all that the stage does.
func BenchmarkKnown(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := &Index{}
	x.Swap(benchSet())
	runtime.GC()
	runtime.ReadMemStats(&after)
	var raw strings.Builder
	raw.WriteString("From: Office <office@company.example>\r\nReply-To: x@evil42.example\r\nTo: a@x.example\r\nSubject: Your invoice\r\nDate: Mon, 1 Dec 2025 10:00:00 +0000\r\nMessage-ID: <20251201.3fa9@mx.company.example>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n")
	for i := range 10 {
		fmt.Fprintf(&raw, "<p><a href=\"https://cdn%d.images.company.example/a/b/c/d%d?utm=1\">see</a></p>\r\n", i, i)
	}
	for i := range 2 {
		fmt.Fprintf(&raw, "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"%d.pdf\"\r\n\r\n%%PDF-1.4 %d\r\n", i, i)
	}
	raw.WriteString("--b--\r\n")
	m := mail.Parse(mail.Envelope{ClientIP: netip.MustParseAddr("192.0.2.9"), MailFrom: "b@company.example", ReceivedAt: time.Now()}, []byte(raw.String()))
	if err := (link.Stage{}).Analyze(b.Context(), m, &mail.Facts{}); err != nil {
		b.Fatal(err)
	}
	if len(m.Body.Links) != 10 || len(m.Attachments) != 2 {
		b.Fatalf("%d links, %d files", len(m.Body.Links), len(m.Attachments))
	}
	at, seen := time.Now(), Observe(m)
	// On a machine that others use too, the processor time says what it takes.
	used := func(b *testing.B, do func()) {
		begin := cpu(b)
		for b.Loop() {
			do()
		}
		b.ReportMetric(float64((cpu(b)-begin).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
	}
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		used(b, func() {
			set := x.set.Load()
			if len(Find(set, seen, at)) == 0 {
				b.Fatal("nothing found")
			}
			if _, err := set.Patterns(b.Context(), &view{m: m, seen: seen}, at); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			x.set.Load().Len()
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
	})
	b.Run("stage", func(b *testing.B) {
		b.ReportAllocs()
		s := Stage{Index: x, Now: time.Now}
		used(b, func() {
			if err := s.Analyze(b.Context(), m, &mail.Facts{}); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkCorpus is what the stage takes for real mail, a million indicators being
// known.
func BenchmarkCorpus(b *testing.B) {
	var all []*mail.Message
	size := 0
	eachMail(b, func(raw []byte) bool {
		m := mail.Parse(mail.Envelope{ClientIP: netip.MustParseAddr("192.0.2.9"), ReceivedAt: time.Now()}, raw)
		if err := (link.Stage{}).Analyze(b.Context(), m, &mail.Facts{}); err != nil {
			b.Fatal(err)
		}
		all = append(all, m)
		size += len(raw)
		return len(all) < 1000
	})
	x := &Index{}
	x.Swap(benchSet())
	s := Stage{Index: x, Now: time.Now}
	begin := cpu(b)
	for b.Loop() {
		for _, m := range all {
			if err := s.Analyze(b.Context(), m, &mail.Facts{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64((cpu(b)-begin).Nanoseconds())/1000/float64(b.N*len(all)), "cpu-µs/message")
	b.ReportMetric(float64(size)/1000/float64(len(all)), "kB/message")
}

// eachMail reads development mail until do returns false.
func eachMail(b *testing.B, do func(raw []byte) bool) {
	f, err := os.Open("../../../shared/data/mail/dev.tar.gz")
	if err != nil {
		b.Skipf("the shared data are not here: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".eml") {
			continue
		}
		raw, err := io.ReadAll(t)
		if err != nil {
			b.Fatal(err)
		}
		if !do(raw) {
			return
		}
	}
}

// cpu is the processor time of the process and of the kernel for it.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
