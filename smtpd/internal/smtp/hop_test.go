package smtp

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]Target{
		"127.0.0.1:25":      {network: "tcp", addr: "127.0.0.1:25"},
		"smtp:[::1]:25":     {network: "tcp", addr: "[::1]:25"},
		"lmtp:host:24":      {network: "tcp", addr: "host:24", LMTP: true},
		"unix:/run/x":       {network: "unix", addr: "/run/x"},
		"lmtp:unix:/run/x":  {network: "unix", addr: "/run/x", LMTP: true},
		"smtp:unix:rel/dir": {network: "unix", addr: "rel/dir"},
	} {
		if got, err := ParseTarget(in); err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"host":       `next hop "host" is neither host:port nor unix:path: address host: missing port in address`,
		"lmtp:":      `next hop "lmtp:" is neither host:port nor unix:path: missing port in address`,
		"lmtp:unix:": `next hop "lmtp:unix:" names no socket`,
	} {
		if _, err := ParseTarget(in); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// talk connects to a server that says greeting and then answers each line with
// the next of answers, and returns what it was told.
func talk(t *testing.T, lmtp bool, greeting string, answers ...string) (*Hop, func() []string, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heard := make(chan []string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, greeting)
		in := bufio.NewReader(conn)
		var lines []string
		for _, a := range answers {
			line, err := in.ReadString('\n')
			if err != nil {
				break
			}
			lines = append(lines, strings.TrimRight(line, "\r\n"))
			_, _ = io.WriteString(conn, a)
		}
		heard <- lines
	}()
	h, err := Dial(context.Background(), Target{network: "tcp", addr: l.Addr().String(), LMTP: lmtp}, "gate.test", 5*time.Second, 5*time.Second)
	if err == nil {
		t.Cleanup(h.Close)
	}
	return h, func() []string { return <-heard }, err
}

func TestDialErrors(t *testing.T) {
	long := strings.Repeat("x", maxReplyLine)
	for name, c := range map[string]struct {
		greeting string
		answers  []string
		want     string
	}{
		"busy":          {"421 busy\r\n", nil, "the next hop's greeting: greeting: 421 busy"},
		"no service":    {"554 no\r\n", nil, "the next hop's greeting: greeting: 554 no"},
		"no SMTP":       {"SSH-2.0\r\n", nil, `the next hop's greeting: the next hop's answer is no SMTP: "SSH-2.0"`},
		"no code":       {"22\r\n", nil, `the next hop's greeting: the next hop's answer is no SMTP: "22"`},
		"code 199":      {"199 x\r\n", nil, `the next hop's greeting: the next hop's answer is no SMTP: "199 x"`},
		"mixed codes":   {"220-a\r\n221 b\r\n", nil, `the next hop's greeting: the next hop's answer is no SMTP: "221 b"`},
		"bad separator": {"220_a\r\n", nil, `the next hop's greeting: the next hop's answer is no SMTP: "220_a"`},
		"line too long": {"220 " + long + "\r\n", nil, "the next hop's greeting: reading the next hop's answer: bufio: buffer full"},
		"no end":        {strings.Repeat("220-a\r\n", maxReplyLines+1), nil, "the next hop's greeting: the next hop's answer has no end"},
		"refuses hello": {"220 x\r\n", []string{"502 no\r\n", "554 no\r\n"}, "the next hop refused HELO: 554 no"},
		"closing":       {"220 x\r\n", []string{"421 bye\r\n"}, "the next hop is closing: 421 bye"},
	} {
		if _, _, err := talk(t, false, c.greeting, c.answers...); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
	if _, _, err := talk(t, true, "220 x\r\n", "500 no\r\n"); err == nil || err.Error() != "the next hop refused LHLO: 500 no" {
		t.Errorf("LHLO refused: %v", err)
	}
}

func TestBegin(t *testing.T) {
	h, heard, err := talk(t, false, "220-a\r\n220 b\r\n", "250-x\r\n250-SIZE 100\r\n250-xforward NAME ADDR HELO\r\n250 8BITMIME\r\n",
		"250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n")
	if err != nil {
		t.Fatal(err)
	}
	m := Mail{From: "a@a.test", Params: []Param{{"SIZE", "12"}, {"BODY", "8BITMIME"}, {"RET", "HDRS"}}}
	who := Origin{Addr: netip.MustParseAddr("2001:db8::1"), Name: "a b", Port: "99", Helo: strings.Repeat("h", 600)}
	for range 2 {
		if r, err := h.Begin(who, m); err != nil || !r.OK() {
			t.Fatal(r, err)
		}
		who = Origin{Helo: "x"}
	}
	h.Close()
	want := []string{
		"EHLO gate.test", "XFORWARD NAME=a+20b ADDR=IPV6:2001:db8::1", "XFORWARD HELO=" + strings.Repeat("h", 600),
		"MAIL FROM:<a@a.test> SIZE=12 BODY=8BITMIME", "RSET", "XFORWARD NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] HELO=x",
		"MAIL FROM:<a@a.test> SIZE=12 BODY=8BITMIME",
	}
	if got := heard(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// FuzzReply: an answer is read within its bounds or refused, and never holds
// what could break a client's line.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "250\r\n", "25", "250-a\r\n550 b\r\n", "999 x\r\n", "250 \x00\xff\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			_, _ = io.WriteString(far, s)
			far.Close()
		}()
		h := &Hop{conn: near, in: bufio.NewReaderSize(near, maxReplyLine)}
		r, err := h.read(time.Second)
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 || len(r.Lines) == 0 || len(r.Lines) > maxReplyLines {
			t.Fatalf("%q reads %+v", s, r)
		}
		for _, l := range r.Lines {
			if len(l) > maxReplyLine || strings.ContainsFunc(l, func(c rune) bool { return c < ' ' || c > '~' }) {
				t.Fatalf("%q reads %+v", s, r)
			}
		}
	})
}
