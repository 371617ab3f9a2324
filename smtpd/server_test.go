package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/mail"
)

// writePair writes a self-signed certificate for name.
func writePair(t testing.TB, dir, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pk}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func tlsServer(t testing.TB, gate Gate) (string, *CertFile) {
	cert, key := writePair(t, t.TempDir(), "one.test")
	file := &CertFile{Cert: cert, Key: key}
	cfg := testConfig()
	cfg.TLS = &tls.Config{GetCertificate: file.GetCertificate}
	return start(t, &Server{Config: cfg, Gate: gate}, Listen{}), file
}

func TestSTARTTLS(t *testing.T) {
	k := &keeper{}
	addr, _ := tlsServer(t, k)
	c := dial(t, addr)
	c.read()
	if got := c.ask("EHLO c.test"); !strings.Contains(got, "\n250 STARTTLS") {
		t.Errorf("keywords %q", got)
	}
	c.want("STARTTLS now", "501")
	c.want("MAIL FROM:<a@a.test>", "250")
	c.want("STARTTLS", "501")
	c.want("RSET", "250")
	c.want("STARTTLS", "220")
	conn := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.conn, c.in = conn, bufio.NewReader(conn)
	c.want("MAIL FROM:<a@a.test>", "503") // what was said in the clear is forgotten
	if got := c.ask("EHLO c.test"); strings.Contains(got, "STARTTLS") {
		t.Errorf("keywords under TLS %q", got)
	}
	c.want("STARTTLS", "502")
	if got := c.post("a@a.test", []string{"b@b.test"}, hello); got[:3] != "250" {
		t.Errorf("answer %q", got)
	}
	if got := k.letters(); len(got) != 1 || !got[0].env.TLS {
		t.Errorf("got %+v", got)
	}
}

// Commands that a man in the middle puts behind STARTTLS never count as said
// under TLS (CVE-2011-0411 and its kin).
func TestSTARTTLSInjection(t *testing.T) {
	addr, _ := tlsServer(t, all(mail.Deliver))
	c := dial(t, addr).open()
	c.send("STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@x.test>\r\n")
	if got := c.read(); got != "554 5.5.0 You talk before the answer" {
		t.Errorf("got %q", got)
	}
	if got := c.read(); got != "EOF" {
		t.Errorf("then %q", got)
	}
}

func TestOldTLSRefused(t *testing.T) {
	addr, _ := tlsServer(t, all(mail.Deliver))
	for v, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c := dial(t, addr).open()
		c.want("STARTTLS", "220")
		err := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true, MinVersion: v, MaxVersion: v}).Handshake()
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(v), err)
		}
	}
}

func TestCertificateRenewal(t *testing.T) {
	dir := t.TempDir()
	if _, err := (&CertFile{Cert: filepath.Join(dir, "cert.pem")}).GetCertificate(nil); err == nil {
		t.Error("no error without files")
	}
	cert, key := writePair(t, dir, "one.test")
	file := &CertFile{Cert: cert, Key: key}
	name := func() string {
		file.checked = time.Time{} // time to look again
		pair, err := file.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.DNSNames[0]
	}
	if got := name(); got != "one.test" {
		t.Errorf("first: %s", got)
	}
	if err := os.WriteFile(cert, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "one.test" {
		t.Errorf("while the renewal is broken: %s", got)
	}
	writePair(t, dir, "two.test")
	if got := name(); got != "two.test" {
		t.Errorf("renewed: %s", got)
	}
}

func TestProxyProtocol(t *testing.T) {
	cfg := testConfig()
	cfg.Trusted = loopback()
	k := &keeper{}
	addr := start(t, &Server{Config: cfg, Gate: k}, Listen{Proxy: true})
	c := dial(t, addr)
	c.send("PROXY TCP4 192.0.2.9 127.0.0.1 1234 25\r\n")
	c.open()
	c.want("XCLIENT ADDR=192.0.2.1", "550") // the client is no trusted peer
	if got := c.post("a@a.test", []string{"b@b.test"}, hello); got[:3] != "250" {
		t.Errorf("answer %q", got)
	}
	if got := k.letters(); len(got) != 1 || got[0].env.ClientIP != netip.MustParseAddr("192.0.2.9") {
		t.Errorf("got %+v", got)
	}
	c = dial(t, addr)
	c.send("EHLO c.test\r\n") // no header from a peer that must send one
	if got := c.read(); got != "EOF" {
		t.Errorf("without a header: %q", got)
	}

	cfg.Trusted = nil
	addr = start(t, &Server{Config: cfg, Gate: k}, Listen{Proxy: true})
	c = dial(t, addr)
	c.read()
	c.want("PROXY TCP4 192.0.2.9 127.0.0.1 1234 25", "500") // a stranger's is no command
}

func TestShutdown(t *testing.T) {
	reached, release := make(chan bool), make(chan bool)
	s := &Server{Config: testConfig(), Gate: gateFunc(func(env mail.Envelope, raw []byte) (mail.Outcome, error) {
		reached <- true
		<-release
		return all(mail.Deliver)(env, raw)
	})}
	addr := start(t, s, Listen{})
	idle, open, busy := dial(t, addr).open(), dial(t, addr).open(), dial(t, addr).open()
	open.want("MAIL FROM:<a@a.test>", "250")
	answer := make(chan string)
	go func() { answer <- busy.post("a@a.test", []string{"b@b.test"}, hello) }()
	<-reached
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	if got := idle.read(); got != "421 4.3.2 gate.test is going down" {
		t.Errorf("idle client: %q", got)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if b, _ := io.ReadAll(conn); !bytes.HasPrefix(b, []byte("421 ")) && len(b) > 0 {
			t.Errorf("new client: %q", b)
		}
	}
	release <- true
	if got := <-answer; got[:3] != "250" {
		t.Errorf("message in flight: %q", got)
	}
	if got := busy.read(); got != "421 4.3.2 gate.test is going down" {
		t.Errorf("after it: %q", got)
	}
	go func() { answer <- open.post2("b@b.test", hello) }()
	<-reached
	release <- true
	if got := <-answer; got[:3] != "250" {
		t.Errorf("open transaction: %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// post2 goes on after MAIL.
func (c *wireClient) post2(to, raw string) string {
	c.want(fmt.Sprintf("RCPT TO:<%s>", to), "250 ")
	c.want("DATA", "354 ")
	c.send(raw + ".\r\n")
	return c.read()
}

func TestShutdownDeadline(t *testing.T) {
	s := &Server{Config: testConfig(), Gate: all(mail.Deliver)}
	addr := start(t, s, Listen{})
	c := dial(t, addr).open()
	c.want("MAIL FROM:<a@a.test>", "250")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	if got := c.read(); got != "EOF" {
		t.Errorf("client in a transaction: %q", got)
	}
}

func TestRun(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	cfg := testConfig()
	cfg.Listen = []Listen{{Addr: "unix:" + sock}, {Addr: "127.0.0.1:0", LMTP: true}}
	k := &keeper{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- (&Server{Config: cfg, Gate: k}).Run(ctx) }()
	waitFor(t, "the socket", func() bool { // it is there before it listens
		conn, err := net.Dial("unix", sock)
		return err == nil && conn.Close() == nil
	})
	if err := Inject(ctx, NextHop{Addr: "smtp:unix:" + sock}, "a@a.test", []string{"b@b.test"}, []byte(hello)); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	if got := k.letters(); len(got) != 1 || got[0].raw != hello {
		t.Errorf("got %+v", got)
	}
}

func TestBadConfig(t *testing.T) {
	for want, change := range map[string]func(*Server){
		"smtpd: no gate":                 func(s *Server) { s.Gate = nil },
		"smtpd: no address to listen on": func(s *Server) {},
		"smtpd: a bound or timeout is not set; start from Defaults":                                                              func(s *Server) { s.Config.MaxLine = 0 },
		"smtpd: MaxInFlight 1 is less than 52428800 or MaxSpool 4294967296 less than 52428800, which a message of MaxSize takes": func(s *Server) { s.Config.MaxInFlight = 1 },
		`next hop "x" is neither host:port nor unix:path: address x: missing port in address`:                                    func(s *Server) { s.Config.NextHop.Addr = "x" },
		"smtpd: listening on nowhere: listen tcp: address nowhere: missing port in address":                                      func(s *Server) { s.Config.Listen = []Listen{{Addr: "nowhere"}} },
	} {
		s := &Server{Config: testConfig(), Gate: all(mail.Deliver)}
		change(s)
		if err := s.Run(context.Background()); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestInject(t *testing.T) {
	ctx := context.Background()
	h := &fakeHop{ext: "8BITMIME\nSIZE"}
	addr := h.start(t)
	if err := Inject(ctx, NextHop{Addr: addr}, "", []string{"b@b.test", "Postmaster"}, []byte("Subject: ü\n\n.\nx")); err != nil {
		t.Fatal(err)
	}
	if got, want := h.kept(), []string{"<b@b.test><Postmaster>|Subject: ü\r\n\r\n.\r\nx\r\n"}; !slices.Equal(got, want) {
		t.Errorf("next hop has %q, want %q", got, want)
	}
	if got := h.heard("MAIL"); got[0] != "MAIL FROM:<> SIZE=19 BODY=8BITMIME" {
		t.Errorf("said %q", got)
	}
	for name, c := range map[string]struct {
		from, to, raw, want string
	}{
		"no recipient":   {"a@a.test", "", "x", `injecting a message: address "": the address needs a local part and a domain`},
		"bad sender":     {"a", "b@b.test", "x", `injecting a message: address "a": the address needs a local part and a domain`},
		"line injection": {"a@a.test", "b@b.test>\r\nRSET", "x", `injecting a message: address "b@b.test>??RSET": bad domain name`},
		"lone NUL dot":   {"a@a.test", "b@b.test", "x\n\x00.\n", "injecting a message: a line of a dot and NULs could end it early"},
		"beyond ASCII":   {"a@a.test", "ü@b.test", "x", "injecting a message: the next hop takes no addresses beyond ASCII"},
	} {
		if err := Inject(ctx, NextHop{Addr: addr}, c.from, []string{c.to}, []byte(c.raw)); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if err := Inject(ctx, NextHop{Addr: addr}, "a@a.test", nil, nil); err == nil {
		t.Error("no error without recipients")
	}

	h = &fakeHop{line: onVerb("RCPT TO:<b", "550 5.1.1 unknown")}
	err := Inject(ctx, NextHop{Addr: h.start(t)}, "a@a.test", []string{"a@b.test", "b@b.test"}, []byte(hello))
	if re, ok := errors.AsType[*ReplyError](err); !ok || *re != (ReplyError{"b@b.test", 550, "5.1.1 unknown"}) || len(h.kept()) != 0 {
		t.Errorf("RCPT refused: %v, kept %q", err, h.kept())
	}
	h = &fakeHop{lmtp: true, data: func(_, _, i int, _ string) string { return []string{"", "452 full"}[i] }}
	err = Inject(ctx, NextHop{Addr: "lmtp:" + h.start(t)}, "a@a.test", []string{"a@b.test", "b@b.test"}, []byte(hello))
	if err == nil || err.Error() != "the next hop refused <b@b.test>: 452 full" || len(h.kept()) != 1 {
		t.Errorf("LMTP: %v, kept %q", err, h.kept())
	}
	h = &fakeHop{data: onData("554 no")}
	if err = Inject(ctx, NextHop{Addr: h.start(t)}, "a@a.test", []string{"a@b.test"}, []byte(hello)); err == nil || err.Error() != "the next hop refused the message: 554 no" {
		t.Errorf("data refused: %v", err)
	}
	h = &fakeHop{data: onData("CUT")}
	if err = Inject(ctx, NextHop{Addr: h.start(t)}, "a@a.test", []string{"a@b.test"}, []byte(hello)); err == nil || err.Error() != "reading the next hop's answer: EOF" {
		t.Errorf("cut: %v", err)
	}
}

// discard is a next hop that takes everything.
func discard(t testing.TB) string {
	cfg := testConfig()
	return start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})
}

// 64 messages of 10 MB at once stay within the budget and what a collector
// leaves for garbage.
func TestMemoryOfManyLargeMessages(t *testing.T) {
	if raceDetector {
		t.Skip("640 MiB through two servers take minutes under the race detector, and its memory is not the gate's")
	}
	const n, size = 64, 10 << 20
	line := []byte(strings.Repeat("x", 76) + "\r\n")
	content := bytes.Repeat(line, size/len(line))
	cfg := testConfig()
	cfg.MaxInFlight = 128 << 20
	cfg.NextHop.Addr = discard(t) // its own budget is 256 MiB
	s := &Server{Config: cfg, Gate: all(mail.Deliver)}
	addr := start(t, s, Listen{})
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done, peak := make(chan bool), uint64(0)
	go func() {
		for {
			select {
			case <-done:
				done <- true
				return
			case <-time.After(10 * time.Millisecond):
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapInuse)
			}
		}
	}()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			c := dial(t, addr)
			c.read()
			c.ask("EHLO c.test")
			c.ask(fmt.Sprintf("MAIL FROM:<a@a.test> SIZE=%d", len(content)))
			c.ask("RCPT TO:<b@b.test>")
			_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
			fmt.Fprint(c.conn, "DATA\r\n")
			if l, err := c.in.ReadString('\n'); err != nil || l[:3] != "354" {
				t.Errorf("DATA: %q %v", l, err)
				return
			}
			_, _ = c.conn.Write(content)
			fmt.Fprint(c.conn, ".\r\n")
			if l, err := c.in.ReadString('\n'); err != nil || l[:3] != "250" {
				t.Errorf("end of data: %q %v", l, err)
			}
		})
	}
	wg.Wait()
	done <- true
	<-done
	grown := int64(peak) - int64(before.HeapInuse)
	t.Logf("%d messages of %d MiB: heap grew by %d MiB at most (gate's budget 128, next hop's 256)", n, size>>20, grown>>20)
	// Both servers live in this process; the collector lets garbage double it.
	if limit := int64(2 * (128 + 256) << 20); grown > limit {
		t.Errorf("heap grew by %d MiB, more than %d", grown>>20, limit>>20)
	}
}

func BenchmarkProxy(b *testing.B) {
	content := []byte(hello + strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 100))
	for _, conns := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			cfg := testConfig()
			cfg.NextHop.Addr = discard(b)
			addr := start(b, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})
			work := make(chan bool)
			var wg sync.WaitGroup
			for range conns {
				c := dial(b, addr).open()
				wg.Go(func() {
					for range work {
						c.send("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n")
						c.read()
						c.read()
						if got := c.read(); got[:3] != "354" {
							b.Errorf("DATA: %q", got)
						}
						c.send(string(content) + ".\r\n")
						if got := c.read(); got[:3] != "250" {
							b.Errorf("end of data: %q", got)
						}
					}
				})
			}
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				work <- true
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
