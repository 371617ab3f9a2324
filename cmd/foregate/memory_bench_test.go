package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"foregate/mail"
)

// largeMails are messages of about size bytes, by kind. What is random is the
// same each time.
func largeMails(tb testing.TB, size int) map[string][]byte {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("minutes of the meeting on grain exports were sent to every ministry by the office in reply to your letter please read them before Tuesday")
	var prose strings.Builder
	for prose.Len() < size {
		for range 12 {
			prose.WriteString(words[rnd.IntN(len(words))] + " ")
		}
		prose.WriteString("\r\n")
	}
	noise := make([]byte, size)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	var page strings.Builder
	page.WriteString("<html><body>")
	for i := 0; page.Len() < size; i++ {
		fmt.Fprintf(&page, "<p style=\"color:#222\">%s <a href=\"https://www.partner.example/page/%d\">read on</a></p>\r\n", strings.Join(words[:12], " "), i)
	}
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	w, err := z.Create("minutes.txt")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(noise[:size*7/10]); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	head := "From: a@elsewhere.example\r\nTo: desk@ministry.example\r\nSubject: large\r\nDate: Mon, 23 Nov 2026 08:00:00 +0000\r\nMessage-ID: <large@elsewhere.example>\r\nMIME-Version: 1.0\r\n"
	part := func(kind string, body []byte) []byte {
		var b bytes.Buffer
		b.WriteString(head + "Content-Type: " + kind + "\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		for line := range slicesOf([]byte(base64.StdEncoding.EncodeToString(body)), 76) {
			b.Write(line)
			b.WriteString("\r\n")
		}
		return b.Bytes()
	}
	var fields strings.Builder
	for i := 0; fields.Len() < 240<<10; i++ {
		fmt.Fprintf(&fields, "X-Field-%d: %s\r\n", i, strings.Join(words[:9], " "))
	}
	return map[string][]byte{
		"one-letter": []byte(head + "\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", size/78)),
		"text":       []byte(head + "\r\n" + prose.String()),
		"header":     []byte(head + fields.String() + "\r\n" + prose.String()),
		"html":       []byte(head + "Content-Type: text/html\r\n\r\n" + page.String()),
		"html-coded": part("text/html; charset=utf-8", []byte(page.String())[:size*7/10]),
		"noise":      part("application/octet-stream; name=minutes.dat", noise[:size*7/10]),
		"zip":        part("application/zip; name=minutes.zip", zipped.Bytes()),
		"message":    part("message/rfc822", []byte(head + "\r\n" + prose.String())[:size*7/10]),
	}
}

// slicesOf yields b in slices of n bytes.
func slicesOf(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > n {
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
		yield(b)
	}
}

// BenchmarkJudgeMemory is the heap that is live at most while one message is
// judged, as a multiple of its bytes (those bytes included), by kind and size.
// judgeShare rests on it.
func BenchmarkJudgeMemory(b *testing.B) {
	conf := defaults()
	conf.DNS.Offline, conf.Files.Sandbox = true, "off" // attachments are opened here, so that they count
	engine, err := newLoadedEngine(conf, b.Output())
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{100 << 10, 1 << 20, 10 << 20} {
		for kind, raw := range largeMails(b, size) {
			b.Run(fmt.Sprintf("kind=%s/KB=%d", kind, size>>10), func(b *testing.B) {
				defer debug.SetGCPercent(debug.SetGCPercent(2))
				var before, now runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				done, peak := make(chan bool), uint64(0)
				go func() {
					for {
						select {
						case <-done:
							done <- true
							return
						case <-time.After(2 * time.Millisecond):
							runtime.ReadMemStats(&now)
							peak = max(peak, now.HeapAlloc)
						}
					}
				}()
				env := mail.Envelope{MailFrom: "a@elsewhere.example", HasFrom: true, Recipients: []string{"desk@ministry.example"}}
				for b.Loop() {
					m, _, _ := engine.Judge(b.Context(), env, bytes.Clone(raw))
					runtime.KeepAlive(m)
				}
				done <- true
				<-done
				b.ReportMetric(float64(peak-min(peak, before.HeapAlloc))/float64(len(raw)), "live-B/B")
			})
		}
	}
}
