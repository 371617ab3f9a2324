package smtpd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"foregate/mail"
)

// TestDialogue runs scripts against a server without next hop: "C: " lines are
// sent as they are with CRLF, "S: " lines are the beginnings of the replies,
// "S: EOF" is the end of the session.
func TestDialogue(t *testing.T) {
	open := "S: 220 gate.test ESMTP\nC: EHLO c.test\nS: 250-gate.test\n"
	for name, script := range map[string]string{
		"HELO":                     "S: 220 gate.test ESMTP\nC: HELO c.test\nS: 250 gate.test\nC: MAIL FROM:<a@a.test>\nS: 250 2.1.0\nC: QUIT\nS: 221 2.0.0\nS: EOF",
		"HELO without name":        "S: 220\nC: HELO\nS: 501 5.5.4\nC: EHLO a b\nS: 501 5.5.4",
		"LHLO":                     "S: 220\nC: LHLO c.test\nS: 500 5.5.1",
		"MAIL before hello":        "S: 220\nC: MAIL FROM:<a@a.test>\nS: 503 5.5.1",
		"SIZE after HELO":          "S: 220\nC: HELO c.test\nS: 250\nC: MAIL FROM:<a@a.test> SIZE=1\nS: 555 5.5.4",
		"null path":                open + "C: MAIL FROM:<>\nS: 250",
		"bad path":                 open + "C: MAIL FROM:a@a.test\nS: 501 5.5.4\nC: MAIL FROM:<a>\nS: 501 5.1.7\nC: MAIL\nS: 501",
		"nested MAIL":              open + "C: MAIL FROM:<a@a.test>\nS: 250\nC: MAIL FROM:<a@a.test>\nS: 503",
		"RCPT before MAIL":         open + "C: RCPT TO:<a@a.test>\nS: 503",
		"postmaster":               open + "C: MAIL FROM:<a@a.test>\nS: 250\nC: RCPT TO:<Postmaster>\nS: 250 2.1.5\nC: RCPT TO:<>\nS: 501 5.1.3\nC: RCPT TO:<x>\nS: 501 5.1.3",
		"DATA before RCPT":         open + "C: MAIL FROM:<a@a.test>\nS: 250\nC: DATA\nS: 503 5.5.1\nC: RSET\nS: 250\nC: DATA\nS: 503",
		"DATA with argument":       open + "C: MAIL FROM:<a@a.test>\nS: 250\nC: RCPT TO:<b@b.test>\nS: 250\nC: DATA now\nS: 501",
		"SIZE":                     open + "C: MAIL FROM:<a@a.test> SIZE=1000\nS: 250\nC: RSET\nS: 250\nC: MAIL FROM:<a@a.test> SIZE=1001\nS: 552 5.3.4\nC: MAIL FROM:<a@a.test> SIZE=x\nS: 501\nC: MAIL FROM:<a@a.test> SIZE=99999999999999999999\nS: 501",
		"BODY":                     open + "C: MAIL FROM:<a@a.test> BODY=BINARYMIME\nS: 501 5.5.4\nC: MAIL FROM:<a@a.test> BODY=8bitmime\nS: 250",
		"unknown parameters":       open + "C: MAIL FROM:<a@a.test> AUTH=<>\nS: 555\nC: MAIL FROM:<a@a.test> RET=HDRS\nS: 555\nC: MAIL FROM:<a@a.test> NOTIFY=NEVER\nS: 555\nC: MAIL FROM:<a@a.test>\nS: 250\nC: RCPT TO:<b@b.test> NOTIFY=NEVER\nS: 555",
		"SMTPUTF8":                 open + "C: MAIL FROM:<ü@a.test>\nS: 553 5.6.7\nC: MAIL FROM:<ü@a.test> SMTPUTF8=1\nS: 501\nC: MAIL FROM:<ü@a.test> SMTPUTF8\nS: 250\nC: RCPT TO:<ä@b.test>\nS: 250",
		"recipient needs SMTPUTF8": open + "C: MAIL FROM:<a@a.test>\nS: 250\nC: RCPT TO:<ä@b.test>\nS: 553 5.6.7",
		"too many recipients":      open + "C: MAIL FROM:<a@a.test>\nS: 250\nC: RCPT TO:<b@b.test>\nS: 250\nC: RCPT TO:<c@b.test>\nS: 250\nC: RCPT TO:<d@b.test>\nS: 452 4.5.3",
		"small commands":           open + "C: NOOP x\nS: 250\nC: VRFY a\nS: 252\nC: EXPN a\nS: 502\nC: HELP\nS: 214\nC: BDAT 1 LAST\nS: 502\nC: AUTH PLAIN\nS: 502\nC: FOO\nS: 500 5.5.2\nC: \nS: 500 5.5.2",
		"STARTTLS not offered":     open + "C: STARTTLS\nS: 502 5.5.1",
		"XCLIENT from a stranger":  open + "C: XCLIENT ADDR=192.0.2.1\nS: 550 5.7.0\nC: XFORWARD ADDR=192.0.2.1\nS: 550 5.7.0",
		"a browser":                "S: 220\nC: POST / HTTP/1.1\nS: 554 5.5.0\nS: EOF",
		"line too long":            "S: 220\nC: NOOP " + strings.Repeat("x", 2048) + "\nS: 500 5.5.6\nS: EOF",
		"line without end":         "S: 220\nC: NOOP " + strings.Repeat("x", 20000) + "\nS: 500 5.5.6\nS: EOF",
		"bare CR in a command":     open + "C: NOOP a\rb\nS: 500 5.5.2\nS: EOF",
		"NUL in a command":         open + "C: NOOP \x00\nS: 500 5.5.2\nS: EOF",
		"too many errors":          open + "C: A\nS: 500\nC: A\nS: 500\nC: A\nS: 500\nC: A\nS: 500\nC: A\nS: 500\nC: NOOP\nS: 421 4.7.0\nS: EOF",
		"too many idle commands":   open + strings.Repeat("C: NOOP\nS: 250\n", 11) + "C: NOOP\nS: 421 4.7.0\nS: EOF",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.MaxSize, cfg.MaxRecipients, cfg.MaxErrors, cfg.MaxIdle = 1000, 2, 5, 12
			c := dial(t, start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{}))
			for line := range strings.SplitSeq(script, "\n") {
				if raw, ok := strings.CutPrefix(line, "C: "); ok {
					c.send(raw + "\r\n")
				} else if want, ok := strings.CutPrefix(line, "S: "); ok {
					if got := c.read(); !strings.HasPrefix(got, want) {
						t.Fatalf("got %q, want %q… in\n%s", got, want, script)
					}
				}
			}
		})
	}
}

// Raw bytes that a line-wise script can't send.
func TestRawInput(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"bare LF ends a command":     {"NOOP\n", "500 5.5.2 Command lines end with CRLF and hold no control characters|EOF"},
		"EHLO and more at once":      {"EHLO c.test\r\nMAIL FROM:<a@a.test>\r\n", "554 5.5.0 You talk before the answer|EOF"},
		"DATA and content at once":   {"RSET\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\nx\r\n.\r\n", "250 2.0.0 Ok|250 2.1.0 Ok|250 2.1.5 Ok|554 5.5.0 You talk before the answer|EOF"},
		"a pipelined group":          {"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nRCPT TO:<c@b.test>\r\nRSET\r\nQUIT\r\n", "250 2.1.0 Ok|250 2.1.5 Ok|250 2.1.5 Ok|250 2.0.0 Ok|221 2.0.0 Bye|EOF"},
		"smuggled commands in a row": {"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\nRSET\r\n", "250 2.1.0 Ok|500 5.5.2 Command lines end with CRLF and hold no control characters|EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, start(t, &Server{Config: testConfig(), Gate: all(mail.Deliver)}, Listen{})).open()
			w.send(c.raw)
			for want := range strings.SplitSeq(c.want, "|") {
				if got := w.read(); got != want {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
		})
	}
}

// The faults of a message, and what follows it stays a command.
func TestDataFaults(t *testing.T) {
	for name, c := range map[string]struct {
		raw, want string
		normalize bool
		kept      string
	}{
		"bare LF":      {raw: "a\nb\r\n", want: "550 5.6.11"},
		"bare CR":      {raw: "a\rb\r\n", want: "550 5.6.11"},
		"normalised":   {raw: "a\nb\r\n", normalize: true, want: "250 ", kept: "a\r\nb\r\n"},
		"too big":      {raw: strings.Repeat("x\r\n", 500), want: "552 5.3.4"},
		"long line":    {raw: strings.Repeat("x", 300) + "\r\n", want: "554 5.6.0"},
		"dot and NULs": {raw: "a\r\n\x00.\r\n", want: "550 5.6.0"},
		"sound":        {raw: "..\r\n", want: "250 2.0.0", kept: ".\r\n"},
		"empty":        {raw: "", want: "250 2.0.0", kept: ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.MaxSize, cfg.MaxLine, cfg.Normalize = 1000, 200, c.normalize
			k := &keeper{}
			w := dial(t, start(t, &Server{Config: cfg, Gate: k}, Listen{})).open()
			if got := w.post("a@a.test", []string{"b@b.test"}, c.raw); !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q…", got, c.want)
			}
			w.want("NOOP", "250")
			got := k.letters()
			if refused := c.want[0] == '5'; refused != (len(got) == 0) || !refused && got[0].raw != c.kept {
				t.Errorf("the gate saw %+v", got)
			}
		})
	}
}

// Each of the sequences that some server takes for the end of data is refused or
// stays inside its one message.
func TestSmuggling(t *testing.T) {
	for _, seq := range []string{"\n.\n", "\n.\r", "\r.\n", "\r.\r", "\n.\r\n", "\r.\r\n", "\r\n\x00.\r\n"} {
		t.Run(fmt.Sprintf("%q", seq), func(t *testing.T) {
			k := &keeper{}
			w := dial(t, start(t, &Server{Config: testConfig(), Gate: k}, Listen{})).open()
			got := w.post("a@a.test", []string{"b@b.test"}, "Subject: x\r\n\r\na"+seq+"MAIL FROM:<evil@x.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\nevil\r\n")
			if !strings.HasPrefix(got, "550 5.6.") {
				t.Errorf("answer %q", got)
			}
			if got := w.want("NOOP", "250"); got != "250 2.0.0 Ok" {
				t.Errorf("after it: %q", got)
			}
			if n := len(k.letters()); n != 0 {
				t.Errorf("the gate saw %d messages", n)
			}
		})
	}
}

func TestKeywords(t *testing.T) {
	cfg := testConfig()
	cfg.Trusted = loopback()
	c := dial(t, start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{}))
	c.read()
	want := "250-gate.test\n250-PIPELINING\n250-SIZE 52428800\n250-8BITMIME\n250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n" +
		"250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\n250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
	if got := c.ask("EHLO c.test"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhoIsTheClient(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string // "command|reply…"
		want  mail.Envelope
	}{
		"the peer": {[]string{"EHLO c.test|250"}, mail.Envelope{ClientIP: netip.MustParseAddr("127.0.0.1"), Helo: "c.test"}},
		"XFORWARD": {[]string{"EHLO c.test|250", "XFORWARD NAME=m.x.test ADDR=192.0.2.7|250 2.0.0", "XFORWARD HELO=h.x.test|250 2.0.0"},
			mail.Envelope{ClientIP: netip.MustParseAddr("192.0.2.7"), Helo: "h.x.test", RDNS: "m.x.test"}},
		"XFORWARD unknown": {[]string{"EHLO c.test|250", "XFORWARD NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7|250"}, mail.Envelope{ClientIP: netip.MustParseAddr("2001:db8::7")}},
		"XFORWARD forgotten": {[]string{"EHLO c.test|250", "XFORWARD ADDR=192.0.2.7|250", "RSET|250"},
			mail.Envelope{ClientIP: netip.MustParseAddr("127.0.0.1"), Helo: "c.test"}},
		"XCLIENT": {[]string{"EHLO c.test|250", "XCLIENT NAME=m.x.test ADDR=192.0.2.7|220 gate.test", "MAIL FROM:<a@a.test>|503", "EHLO m.x.test|250"},
			mail.Envelope{ClientIP: netip.MustParseAddr("192.0.2.7"), Helo: "m.x.test", RDNS: "m.x.test"}},
		"XCLIENT HELO": {[]string{"XCLIENT ADDR=192.0.2.7 HELO=h.x.test|220", "EHLO proxy.test|250"}, mail.Envelope{ClientIP: netip.MustParseAddr("192.0.2.7"), Helo: "h.x.test"}},
		"bad values": {[]string{"EHLO c.test|250", "XCLIENT ADDR=999|501", "XFORWARD FOO=1|501", "XFORWARD|501"},
			mail.Envelope{ClientIP: netip.MustParseAddr("127.0.0.1"), Helo: "c.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Trusted = loopback()
			k := &keeper{}
			w := dial(t, start(t, &Server{Config: cfg, Gate: k}, Listen{}))
			w.read()
			for _, l := range c.lines {
				line, want, _ := strings.Cut(l, "|")
				w.want(line, want)
			}
			w.post("a@a.test", []string{"b@b.test"}, hello)
			got := k.letters()[0].env
			if got.ClientIP != c.want.ClientIP || got.Helo != c.want.Helo || got.RDNS != c.want.RDNS || !got.HasFrom || got.TLS {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	t.Run("in a transaction", func(t *testing.T) {
		cfg := testConfig()
		cfg.Trusted = loopback()
		w := dial(t, start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})).open()
		w.want("MAIL FROM:<a@a.test>", "250")
		w.want("XCLIENT ADDR=192.0.2.1", "503")
		w.want("XFORWARD ADDR=192.0.2.1", "503")
	})
}

func TestGreetPause(t *testing.T) {
	cfg := testConfig()
	cfg.GreetPause = 500 * time.Millisecond
	addr := start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})
	c := dial(t, addr)
	c.send("EHLO c.test\r\n")
	if got := c.read(); got != "554 5.5.0 You talk before the greeting" {
		t.Errorf("early talker got %q", got)
	}
	dial(t, addr).open().want("NOOP", "250")
}

func TestTimeouts(t *testing.T) {
	cfg := testConfig()
	cfg.CommandTimeout, cfg.DataTimeout, cfg.DataTotal = 600*time.Millisecond, 500*time.Millisecond, 900*time.Millisecond
	addr := start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})

	idle := dial(t, addr).open()
	if got := idle.read(); got != "421 4.4.2 gate.test timed out" {
		t.Errorf("idle: %q", got)
	}
	slow := dial(t, addr).open()
	began := time.Now()
	for range 5 { // a line in drops has no more time than one in one piece
		slow.send("N")
		time.Sleep(150 * time.Millisecond)
	}
	if got := slow.read(); got != "421 4.4.2 gate.test timed out" || time.Since(began) > 3*time.Second {
		t.Errorf("trickled command: %q after %v", got, time.Since(began))
	}
	for name, every := range map[string]time.Duration{"silent": time.Hour, "trickle": 100 * time.Millisecond} {
		c := dial(t, addr).open()
		c.want("MAIL FROM:<a@a.test>", "250")
		c.want("RCPT TO:<a@a.test>", "250")
		c.want("DATA", "354")
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(every):
					_, _ = c.conn.Write([]byte("x\r\n"))
				}
			}
		}()
		if got := c.read(); got != "421 4.4.2 gate.test stops waiting for the message" {
			t.Errorf("%s data: %q", name, got)
		}
		close(stop)
	}
}

func TestConnectionLimits(t *testing.T) {
	cfg := testConfig()
	cfg.MaxConns, cfg.MaxConnsPerIP = 3, 2
	s := &Server{Config: cfg, Gate: all(mail.Deliver)}
	addr := start(t, s, Listen{})
	a := dial(t, addr).open()
	dial(t, addr).open()
	if got := dial(t, addr).read(); got != "421 4.7.0 gate.test too many connections, try again later" {
		t.Errorf("third from one address: %q", got)
	}
	a.want("QUIT", "221")
	if got := a.read(); got != "EOF" {
		t.Errorf("after QUIT: %q", got)
	}
	waitFor(t, "the session to end", func() bool { return s.Stats().Open == 1 })
	dial(t, addr).open()
	if st := s.Stats(); st.Sessions != 3 || st.Turned != 1 {
		t.Errorf("stats %+v", st)
	}

	cfg.Trusted = loopback() // not counted per address, but in all
	addr = start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})
	for range 3 {
		dial(t, addr).open()
	}
	if got := dial(t, addr).read(); !strings.HasPrefix(got, "421 4.7.0") {
		t.Errorf("fourth: %q", got)
	}
}

func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !cond(); {
		if time.Now().After(end) {
			t.Fatalf("waited 5 s for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// A message that finds no memory within its time is put off, and so is one that
// finds no room on the disk; the share that others take counts as Share says.
func TestMemoryBudget(t *testing.T) {
	cfg := testConfig()
	cfg.MaxSize, cfg.MaxInFlight, cfg.InFlightWait = 600_000, 1_200_000, 50*time.Millisecond
	cfg.Share = func(octets int64) int64 { return 2 * octets }
	cfg.MaxSpool = 600_000
	release := make(chan struct{})
	s := &Server{Config: cfg, Gate: gateFunc(func(env mail.Envelope, raw []byte) (mail.Outcome, error) {
		if len(raw) > 100_000 {
			<-release
		}
		return all(mail.Deliver)(env, raw)
	})}
	addr := start(t, s, Listen{})
	big := hello + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 500_000/78)
	begin := func() *wireClient {
		c := dial(t, addr).open()
		c.want("MAIL FROM:<a@a.test> SIZE=500000", "250")
		c.want("RCPT TO:<a@a.test>", "250")
		c.want("DATA", "354")
		return c
	}
	a, b := begin(), begin()
	a.send(big + ".\r\n")
	waitFor(t, "the gate to have it", func() bool { return s.Stats().InFlight > 900_000 })
	b.send(big + ".\r\n")
	if got := b.read(); got != "452 4.3.1 Too many messages at once, try again later" {
		t.Errorf("no memory: %q", got)
	}
	if got := b.post("a@a.test", []string{"b@b.test"}, hello); !strings.HasPrefix(got, "250 ") {
		t.Errorf("a small one meanwhile: %q", got)
	}
	c, d := begin(), begin()
	c.send(big)
	waitFor(t, "the spool to have it", func() bool { return s.Stats().Spooled > 250_000 })
	d.send(big + big[len(hello):][:78*900] + ".\r\n")
	if got := d.read(); !strings.HasPrefix(got, "452 4.3.1 ") {
		t.Errorf("no room: %q", got)
	}
	close(release)
	waitFor(t, "memory", func() bool { return s.Stats().InFlight == 0 })
	c.send(".\r\n")
	for _, w := range []*wireClient{a, c} {
		if got := w.read(); !strings.HasPrefix(got, "250 ") {
			t.Errorf("with memory and room: %q", got)
		}
	}
	waitFor(t, "the budget to be whole again", func() bool { return s.Stats().InFlight == 0 && s.Stats().Spooled == 0 })
}
