package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// startGate runs a whole gate with SQLite and a Maildir on loopback and returns
// its address. DNS is off: what is measured is the gate, not a resolver.
func startGate(tb testing.TB) string {
	tb.Helper()
	return startGateWith(tb, tb.TempDir(), func(*config) {})
}

// startGateWith is startGate with its files in dir (foregate.db, maildir) and an
// edited configuration.
func startGateWith(tb testing.TB, dir string, edit func(*config)) string {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	hop, stopSink, err := startSink(ctx, filepath.Join(dir, "maildir"))
	if err != nil {
		tb.Fatal(err)
	}
	conf := defaults()
	conf.Database = filepath.Join(dir, "foregate.db")
	conf.SMTP.Listen, conf.SMTP.NextHop, conf.SMTP.Hostname = []string{freeAddr(tb)}, hop, "mx.ministry.example"
	conf.HTTP.Listen, conf.DNS.Offline = "", true
	edit(&conf)
	s, err := newService(ctx, conf, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
		stopSink()
	})
	if err := waitReady(ctx, s, done); err != nil {
		tb.Fatal(err)
	}
	return conf.SMTP.Listen[0]
}

// client is one SMTP session that sends message after message.
type client struct{ tp *textproto.Conn }

func newClient(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{textproto.NewConn(conn)}
	if _, _, err := c.tp.ReadResponse(220); err != nil {
		return nil, err
	}
	return c, c.cmd(250, "EHLO bench.example")
}

func (c *client) cmd(code int, line string) error {
	if err := c.tp.PrintfLine("%s", line); err != nil {
		return err
	}
	_, _, err := c.tp.ReadResponse(code)
	return err
}

// send sends raw (CRLF line ends, dots stuffed) and returns the answer's code.
func (c *client) send(raw []byte) (int, error) {
	if err := c.cmd(250, "MAIL FROM:<sender@elsewhere.example>"); err != nil {
		return 0, err
	}
	if err := c.cmd(250, "RCPT TO:<desk@ministry.example>"); err != nil {
		return 0, err
	}
	if err := c.cmd(354, "DATA"); err != nil {
		return 0, err
	}
	if _, err := c.tp.W.Write(raw); err != nil {
		return 0, err
	}
	if _, err := c.tp.W.WriteString(".\r\n"); err != nil {
		return 0, err
	}
	if err := c.tp.W.Flush(); err != nil {
		return 0, err
	}
	code, _, err := c.tp.ReadResponse(0)
	return code, err
}

// benchMail is a spread of the development corpora as SMTP would carry it.
func benchMail(tb testing.TB) [][]byte {
	tb.Helper()
	samples, err := loadCorpus(corpusOfTests)
	if err != nil {
		tb.Skipf("no development corpora: %v", err)
	}
	var out [][]byte
	for i := 0; i < len(samples); i += len(samples)/500 + 1 {
		raw := samples[i].raw
		if bytes.Contains(bytes.ReplaceAll(raw, []byte("\r\n"), nil), []byte("\r")) {
			continue // a bare CR would be refused
		}
		out = append(out, stuffed(raw))
	}
	return out
}

func stuffed(raw []byte) []byte {
	b := crlf(raw)
	b = bytes.ReplaceAll(b, []byte("\r\n."), []byte("\r\n.."))
	if !bytes.HasSuffix(b, []byte("\r\n")) {
		b = append(b, "\r\n"...)
	}
	return b
}

// BenchmarkGate is the throughput of the whole gate over SMTP, from DATA to the
// answer, with SQLite and a Maildir that syncs every message.
func BenchmarkGate(b *testing.B) {
	mails := benchMail(b)
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			addr := startGate(b)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range n {
				wg.Go(func() {
					c, err := newClient(addr)
					if err != nil {
						b.Error(err)
						return
					}
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if code, err := c.send(mails[int(i)%len(mails)]); err != nil || code/100 != 2 {
							b.Errorf("answer %d, %v", code, err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkGateMemory is the peak memory with 64 messages of 10 MB at once, sent
// again when they are put off, which is counted.
func BenchmarkGateMemory(b *testing.B) {
	defer debug.SetMemoryLimit(limitMemory(defaults().SMTP, os.Getenv))
	addr := startGate(b)
	line := strings.Repeat("x", 76) + "\r\n"
	head := "From: a@elsewhere.example\r\nTo: desk@ministry.example\r\nSubject: large\r\nDate: " + time.Now().Format(time.RFC1123Z) + "\r\nMessage-ID: <large@elsewhere.example>\r\n\r\n"
	raw := []byte(head + strings.Repeat(line, 10_000_000/len(line)))
	runtime.GC()
	before := residentPeak(b)
	var later atomic.Int64
	for b.Loop() {
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				c, err := newClient(addr)
				for code := 0; err == nil && code != 250; {
					if code, err = c.send(raw); code == 452 {
						later.Add(1)
					} else if err == nil && code != 250 {
						err = fmt.Errorf("answer %d", code)
					}
				}
				if err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(residentPeak(b)/1e6, "peak-MB")
	b.ReportMetric(before/1e6, "idle-MB")
	b.ReportMetric(float64(later.Load()), "put-off")
}

// residentPeak is the most memory this process has had resident, in bytes
// (VmHWM; the test's own client is in it).
func residentPeak(tb testing.TB) float64 {
	tb.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		tb.Skip("no /proc")
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if v, ok := strings.CutPrefix(sc.Text(), "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(v, "kB")), 64)
			if err != nil {
				tb.Fatal(err)
			}
			return kb * 1024
		}
	}
	tb.Fatal("no VmHWM in /proc/self/status")
	return 0
}
