package smtpd

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"foregate/mail"
)

// secureHop is a next hop of our own make with STARTTLS, its authority, and what
// it keeps. clientCA, when given, must have signed the client's certificate.
func secureHop(t *testing.T, name string, edit func(*tls.Config)) (addr string, roots *x509.CertPool, far *keeper) {
	t.Helper()
	cert, key := writePair(t, t.TempDir(), name)
	file := &CertFile{Cert: cert, Key: key}
	cfg := testConfig()
	cfg.TLS = &tls.Config{GetCertificate: file.GetCertificate}
	if edit != nil {
		edit(cfg.TLS)
	}
	far = &keeper{}
	return start(t, &Server{Config: cfg, Gate: far}, Listen{}), poolOf(t, cert), far
}

func poolOf(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	return pool
}

// before starts a gate before the next hop and sends one message through it.
func before(t *testing.T, next NextHop) string {
	t.Helper()
	cfg := testConfig()
	cfg.NextHop = next
	c := dial(t, start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})).open()
	if got := c.ask("MAIL FROM:<a@a.test>"); !strings.HasPrefix(got, "250 ") {
		return got
	}
	c.want("RCPT TO:<b@b.test>", "250 ")
	c.want("DATA", "354 ")
	c.send(hello + ".\r\n")
	return c.read()
}

const (
	queued = "250 2.0.0 Ok: queued as id1"
	away   = "451 4.4.1 The next hop is not available, try again later"
)

// What each mode makes of next hops with a good, a strange, an old and no TLS:
// the client's answer, and whether the mail went on under TLS.
func TestNextHopTLS(t *testing.T) {
	good := func(t *testing.T) (string, *x509.CertPool, *keeper) { return secureHop(t, "back.test", nil) }
	old := func(t *testing.T) (string, *x509.CertPool, *keeper) {
		return secureHop(t, "back.test", func(c *tls.Config) {
			// Nothing in common with a client that speaks 1.2 and later.
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("too modern for me") }
		})
	}
	none := func(t *testing.T) (string, *x509.CertPool, *keeper) {
		far := &keeper{}
		return start(t, &Server{Config: testConfig(), Gate: far}, Listen{}), nil, far
	}
	for _, c := range []struct {
		what    string
		hop     func(*testing.T) (string, *x509.CertPool, *keeper)
		name    string // expected
		trust   bool   // its certificate is among the roots
		require bool
		answer  string
		tls     bool
	}{
		{"required, good", good, "back.test", true, true, queued, true},
		{"required, another name", good, "other.test", true, true, away, false},
		{"required, unknown authority", good, "back.test", false, true, away, false},
		{"required, the address is no name of it", good, "", true, true, away, false},
		{"required, handshake fails", old, "back.test", true, true, away, false},
		{"required, not offered", none, "back.test", true, true, away, false},
		{"opportunistic, good", good, "back.test", true, false, queued, true},
		{"opportunistic, certificate of a stranger", good, "", false, false, queued, true},
		{"opportunistic, handshake fails", old, "", false, false, queued, false},
		{"opportunistic, not offered", none, "", false, false, queued, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			addr, roots, far := c.hop(t)
			next := NextHop{Addr: addr, TLS: &tls.Config{ServerName: c.name, RootCAs: x509.NewCertPool()}, Require: c.require}
			if c.trust {
				next.TLS.RootCAs = roots
			}
			if got := before(t, next); got != c.answer {
				t.Errorf("answer %q, want %q", got, c.answer)
			}
			if err := Probe(t.Context(), next); (err == nil) != (c.answer == queued) {
				t.Errorf("probe: %v", err)
			}
			err := Inject(t.Context(), next, "a@a.test", []string{"b@b.test"}, []byte(hello))
			if (err == nil) != (c.answer == queued) || err != nil && !errors.Is(err, ErrNotTaken) {
				t.Errorf("inject: %v", err)
			}
			got := far.letters()
			if c.answer == queued && len(got) != 2 || c.answer != queued && len(got) != 0 {
				t.Fatalf("%d messages arrived", len(got))
			}
			for _, l := range got {
				if l.env.TLS != c.tls || l.raw != hello {
					t.Errorf("arrived %+v", l)
				}
			}
		})
	}
}

// Without TLS configured STARTTLS is never said.
func TestNextHopTLSOff(t *testing.T) {
	addr, _, far := secureHop(t, "back.test", nil)
	if got := before(t, NextHop{Addr: addr}); got != queued {
		t.Errorf("answer %q", got)
	}
	if got := far.letters(); len(got) != 1 || got[0].env.TLS {
		t.Errorf("arrived %+v", got)
	}
}

// A next hop that asks for a certificate gets ours.
func TestNextHopClientCertificate(t *testing.T) {
	cert, key := writePair(t, t.TempDir(), "gate.test")
	addr, roots, far := secureHop(t, "back.test", func(c *tls.Config) {
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs = poolOf(t, cert)
	})
	next := NextHop{Addr: addr, TLS: &tls.Config{ServerName: "back.test", RootCAs: roots}, Require: true}
	if got := before(t, next); got != away {
		t.Errorf("without a certificate: %q", got)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	next.TLS.Certificates = []tls.Certificate{pair}
	if got := before(t, next); got != queued || len(far.letters()) != 1 {
		t.Errorf("with a certificate: %q, %d arrived", got, len(far.letters()))
	}
}

// A fresh EHLO follows the handshake: what was offered in the clear, by whoever
// it was, is forgotten; and what follows the answer to STARTTLS in the clear is
// never taken for an answer under TLS.
func TestNextHopTLSForgetsTheClear(t *testing.T) {
	for _, inject := range []string{"", "250 evil.test\r\n"} {
		t.Run(fmt.Sprintf("behind the answer %q", inject), func(t *testing.T) {
			cert, key := writePair(t, t.TempDir(), "back.test")
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			heard := make(chan []string, 1)
			go func() { heard <- changeMind(l, pair, inject) }()
			cfg := testConfig()
			cfg.NextHop = NextHop{Addr: l.Addr().String(), TLS: &tls.Config{ServerName: "back.test", RootCAs: poolOf(t, cert)}, Require: true}
			c := dial(t, start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{}))
			c.read()
			offer := c.ask("EHLO c.test")
			if strings.Contains(offer, "SMTPUTF8") {
				t.Errorf("offered in the clear only, and passed on: %q", offer)
			}
			if want := inject == ""; strings.Contains(offer, "8BITMIME") != want {
				t.Errorf("offered under TLS is passed on only after a handshake: %q", offer)
			}
			want := []string{"EHLO gate.test", "STARTTLS"}
			if inject == "" {
				want = append(want, "EHLO gate.test")
			}
			if got := <-heard; !slices.Equal(got, want) {
				t.Errorf("said %q, want %q", got, want)
			}
		})
	}
}

// changeMind serves one connection of a next hop that offers SMTPUTF8 in the
// clear and 8BITMIME under TLS, sends more behind its answer to STARTTLS, and
// returns what it heard.
func changeMind(l net.Listener, pair tls.Certificate, inject string) (said []string) {
	conn, err := l.Accept()
	if err != nil {
		return nil
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	step := func(answer string) {
		if line, err := in.ReadString('\n'); err == nil {
			said = append(said, strings.TrimRight(line, "\r\n"))
			fmt.Fprint(conn, answer)
		}
	}
	fmt.Fprint(conn, "220 back.test\r\n")
	step("250-back.test\r\n250-SMTPUTF8\r\n250 STARTTLS\r\n")
	step("220 go\r\n" + inject)
	secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}})
	if secure.Handshake() != nil {
		return said
	}
	conn, in = secure, bufio.NewReader(secure)
	step("250-back.test\r\n250 8BITMIME\r\n")
	return said
}
