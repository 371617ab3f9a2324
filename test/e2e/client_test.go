package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// message is what a client sends: CRLF line ends, not yet dot-stuffed.
type message struct {
	from    string
	to      []string
	raw     string
	xclient string // attributes, "" for none
	helo    string
}

// answer is the server's final word.
type answer struct {
	code int
	text string
}

// send posts one message over a new connection. The error is the connection's:
// nobody knows then whether the message was taken.
func send(addr string, m message) (answer, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	c := &client{conn: conn, in: bufio.NewReader(conn)}
	lines := []string{"", "EHLO " + m.helo}
	if m.xclient != "" {
		lines = append(lines, "XCLIENT "+m.xclient, "EHLO "+m.helo)
	}
	size := fmt.Sprintf(" SIZE=%d", len(m.raw))
	if strings.ContainsFunc(m.raw, func(r rune) bool { return r >= 0x80 }) {
		size += " BODY=8BITMIME"
	}
	lines = append(lines, "MAIL FROM:<"+m.from+">"+size)
	for _, to := range m.to {
		lines = append(lines, "RCPT TO:<"+to+">")
	}
	for _, l := range append(lines, "DATA") {
		if a, err := c.ask(l); err != nil || a.code >= 400 {
			return a, err
		}
	}
	if strings.HasPrefix(m.raw, ".") {
		m.raw = "." + m.raw
	}
	a, err := c.ask(strings.ReplaceAll(m.raw, "\r\n.", "\r\n..") + ".")
	if err == nil {
		_, _ = c.ask("QUIT")
	}
	return a, err
}

type client struct {
	conn net.Conn
	in   *bufio.Reader
}

// ask sends a line, unless it is empty, and reads the reply.
func (c *client) ask(line string) (answer, error) {
	if line != "" {
		if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
			return answer{}, err
		}
	}
	for {
		l, err := c.in.ReadString('\n')
		if err != nil {
			return answer{}, err
		}
		if len(l) < 4 {
			return answer{}, fmt.Errorf("odd reply %q", l)
		}
		if l[3] == '-' {
			continue
		}
		code, err := strconv.Atoi(l[:3])
		return answer{code, strings.TrimSpace(l[4:])}, err
	}
}
