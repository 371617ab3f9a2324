package smtpd

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/mail"
)

// gateFunc is a Gate as a literal.
type gateFunc func(env mail.Envelope, raw []byte) (mail.Outcome, error)

func (g gateFunc) Receive(_ context.Context, env mail.Envelope, raw []byte) (mail.Outcome, error) {
	return g(env, raw)
}

// all gives every message one disposition.
func all(d mail.Disposition) gateFunc {
	return func(mail.Envelope, []byte) (mail.Outcome, error) {
		return mail.Outcome{ID: "id1", Verdict: mail.Verdict{Disposition: d}}, nil
	}
}

// letter is a message that arrived at a keeper.
type letter struct {
	env mail.Envelope
	raw string
}

// keeper is a Gate that keeps what it gets and delivers it.
type keeper struct {
	mu   sync.Mutex
	got  []letter
	gate Gate // nil delivers
}

func (k *keeper) Receive(ctx context.Context, env mail.Envelope, raw []byte) (mail.Outcome, error) {
	env.ReceivedAt = time.Time{}
	k.mu.Lock()
	k.got = append(k.got, letter{env, string(raw)})
	k.mu.Unlock()
	if k.gate != nil {
		return k.gate.Receive(ctx, env, raw)
	}
	return all(mail.Deliver)(env, raw)
}

func (k *keeper) letters() []letter {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]letter(nil), k.got...)
}

func testConfig() Config {
	c := Defaults()
	c.Hostname = "gate.test"
	c.GreetPause = 0
	c.MaxConnsPerIP = c.MaxConns
	c.HopTimeout, c.HopDataTimeout, c.StopTimeout = 5*time.Second, 5*time.Second, 2*time.Second
	return c
}

// start serves s on a loopback port until the test ends, and returns its
// address.
func start(t testing.TB, s *Server, where Listen) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, where) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// loopback trusts the tests' own address.
func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// wireClient is a client that says exactly what a test tells it to.
type wireClient struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func dial(t testing.TB, addr string) *wireClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &wireClient{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// read returns one whole reply, lines joined with "\n", or "EOF".
func (c *wireClient) read() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var lines []string
	for {
		l, err := c.in.ReadString('\n')
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				c.t.Fatalf("no answer within 10 s after %q", lines)
			}
			return strings.Join(append(lines, "EOF"), "\n")
		}
		l = strings.TrimSuffix(l, "\r\n")
		lines = append(lines, l)
		if len(l) < 4 || l[3] != '-' {
			return strings.Join(lines, "\n")
		}
	}
}

func (c *wireClient) send(raw string) {
	c.t.Helper()
	_ = c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.conn.Write([]byte(raw)); err != nil {
		c.t.Logf("write: %v", err)
	}
}

// ask sends a line and returns the reply.
func (c *wireClient) ask(line string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	return c.read()
}

// want asks and checks that the reply begins so.
func (c *wireClient) want(line, prefix string) string {
	c.t.Helper()
	got := c.ask(line)
	if !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("%s\n got %q\nwant %q…", line, got, prefix)
	}
	return got
}

// open greets and says EHLO.
func (c *wireClient) open() *wireClient {
	c.t.Helper()
	if got := c.read(); !strings.HasPrefix(got, "220 ") {
		c.t.Fatalf("greeting %q", got)
	}
	c.want("EHLO client.test", "250-")
	return c
}

// post sends one message and returns the answer to it.
func (c *wireClient) post(from string, to []string, raw string) string {
	c.t.Helper()
	c.want(fmt.Sprintf("MAIL FROM:<%s>", from), "250 ")
	for _, a := range to {
		c.want(fmt.Sprintf("RCPT TO:<%s>", a), "250 ")
	}
	c.want("DATA", "354 ")
	c.send(raw + ".\r\n")
	return c.read()
}

const hello = "Subject: hello\r\nFrom: a@a.test\r\n\r\nHello.\r\n"

func TestProxyDelivers(t *testing.T) {
	far := &keeper{}
	hop := start(t, &Server{Config: testConfig(), Gate: far}, Listen{})
	cfg := testConfig()
	cfg.NextHop.Addr = hop
	near := &keeper{}
	addr := start(t, &Server{Config: cfg, Gate: near}, Listen{})
	c := dial(t, addr).open()
	if got := c.post("a@a.test", []string{"b@b.test", "c@b.test"}, hello); got != "250 2.0.0 Ok: queued as id1" {
		t.Errorf("answer %q", got)
	}
	c.want("QUIT", "221 ")
	for _, k := range []*keeper{near, far} {
		got := k.letters()
		if len(got) != 1 || got[0].raw != hello || strings.Join(got[0].env.Recipients, " ") != "b@b.test c@b.test" || got[0].env.MailFrom != "a@a.test" {
			t.Errorf("got %+v", got)
		}
	}
}
