package smtpd

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/mail"
)

// ends are the end-of-data sequences that servers have been found to honour; the
// last is the only true one.
func ends() []string {
	return []string{"\n.\n", "\n.\r", "\r.\n", "\r.\r", "\n.\r\n", "\r.\r\n", "\r\n\x00.\r\n", "\r\n.\r\n"}
}

// laxHop is a next hop that ends a message at any of ends, and takes what
// follows for commands.
type laxHop struct {
	mu    sync.Mutex
	mails []string // MAIL commands
	after []string // what else came between messages and is no command of the gate's
}

func (h *laxHop) start(t *testing.T, ends []string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(conn, ends)
		}
	}()
	return l.Addr().String()
}

func (h *laxHop) serve(conn net.Conn, ends []string) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(conn, "220 lax.test\r\n")
	var buf []byte
	inData := false
	for {
		if inData {
			// The CRLF of the DATA command may begin an end.
			at, size := -1, 0
			for _, e := range ends {
				if i := bytes.Index(buf, []byte(e)); i >= 0 && (at < 0 || i < at) {
					at, size = i, len(e)
				}
			}
			if at >= 0 {
				buf, inData = buf[at+size:], false
				fmt.Fprint(conn, "250 taken\r\n")
				continue
			}
		} else if line, rest, ok := bytes.Cut(buf, []byte("\n")); ok {
			inData = h.command(conn, strings.TrimRight(string(line), "\r"))
			if buf = rest; inData {
				buf = append([]byte("\r\n"), rest...)
			}
			continue
		}
		more := make([]byte, 4096)
		n, err := conn.Read(more)
		if err != nil {
			return
		}
		buf = append(buf, more[:n]...)
	}
}

func (h *laxHop) command(conn net.Conn, line string) (data bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	verb, _, _ := strings.Cut(line, " ")
	switch verb {
	case "MAIL":
		h.mails = append(h.mails, line)
	case "EHLO", "RCPT", "RSET", "QUIT":
	case "DATA":
		fmt.Fprint(conn, "354 go\r\n")
		return true
	default:
		h.after = append(h.after, line)
	}
	fmt.Fprint(conn, "250 ok\r\n")
	return false
}

// Through the gate, neither a strict nor a lax next hop ever sees a second
// message in what a client sent as one, refused or normalised.
func TestNoSmugglingThrough(t *testing.T) {
	for _, lax := range []bool{false, true} {
		for _, norm := range []bool{false, true} {
			honoured := ends()
			if !lax {
				honoured = honoured[len(honoured)-1:]
			}
			h := &laxHop{}
			cfg := testConfig()
			cfg.NextHop.Addr, cfg.Normalize = h.start(t, honoured), norm
			addr := start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})
			taken := 0
			for _, e := range ends()[:len(ends())-1] {
				for _, before := range []string{"text", "", "text\r\n", ".", "\r\n.", "\x00", "\n\x00"} {
					if strings.Contains("\r\n"+before+e, "\r\n.\r\n") {
						continue // its true end
					}
					c := dial(t, addr).open()
					c.want("MAIL FROM:<honest@a.test>", "250")
					c.want("RCPT TO:<b@b.test>", "250")
					c.want("DATA", "354")
					c.send("Subject: x\r\n\r\n" + before + e + "MAIL FROM:<evil@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\nevil\r\n.\r\n")
					got := c.read()
					if got[:3] == "250" {
						taken++
					} else if got[:6] != "550 5." {
						t.Errorf("lax %v, normalise %v, %q: answer %q", lax, norm, before+e, got)
					}
					c.want("NOOP", "250")
				}
			}
			h.mu.Lock()
			for _, m := range h.mails {
				if strings.Contains(m, "evil") {
					t.Errorf("lax %v, normalise %v: next hop was told %q", lax, norm, m)
				}
			}
			if len(h.after) > 0 {
				t.Errorf("lax %v, normalise %v: next hop took content for commands: %q", lax, norm, h.after)
			}
			h.mu.Unlock()
			if norm && taken < 20 {
				t.Errorf("lax %v: only %d messages were taken", lax, taken)
			}
		}
	}
}
