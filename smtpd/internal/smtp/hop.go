package smtp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Target is a next hop's address, and how the way to it is protected.
type Target struct {
	network, addr string
	LMTP          bool
	TLS           *tls.Config // for STARTTLS; nil never asks for it
	// Require refuses a next hop without STARTTLS or with a certificate that
	// TLS.RootCAs (or the system's) do not vouch for. Without it the certificate
	// is not looked at, and where TLS fails mail goes on in the clear.
	Require bool
}

// ParseTarget reads "host:port" or "unix:/path", either after "smtp:" (the
// default) or "lmtp:".
func ParseTarget(s string) (Target, error) {
	t := Target{network: "tcp"}
	rest, ok := strings.CutPrefix(s, "lmtp:")
	if t.LMTP = ok; !ok {
		rest = strings.TrimPrefix(s, "smtp:")
	}
	if path, ok := strings.CutPrefix(rest, "unix:"); ok {
		t.network, rest = "unix", path
	} else if _, _, err := net.SplitHostPort(rest); err != nil {
		return t, fmt.Errorf("next hop %q is neither host:port nor unix:path: %w", s, err)
	}
	if rest == "" {
		return t, fmt.Errorf("next hop %q names no socket", s)
	}
	t.addr = rest
	return t, nil
}

// The bounds on a next hop's answer: it is trusted with mail, not with memory.
const (
	maxReplyLine  = 2048
	maxReplyLines = 100
)

// Reply is one SMTP answer; the lines come without code.
type Reply struct {
	Code  int
	Lines []string
}

// OK reports a 2xx answer.
func (r Reply) OK() bool { return r.Code >= 200 && r.Code < 300 }

// Temporary reports a 4xx answer.
func (r Reply) Temporary() bool { return r.Code >= 400 && r.Code < 500 }

// String is the answer in one line.
func (r Reply) String() string {
	return strconv.Itoa(r.Code) + " " + strings.Join(r.Lines, " ")
}

// Say makes an answer of one line.
func Say(code int, text string) Reply { return Reply{Code: code, Lines: []string{text}} }

// Mail is what opens a transaction.
type Mail struct {
	From   string // without brackets
	Params []Param
	UTF8   bool // SMTPUTF8 is among Params
}

// Rcpt is one recipient.
type Rcpt struct {
	Addr   string // without brackets
	Params []Param
}

// Hop is a connection to the next hop. Any error of its methods ends it.
type Hop struct {
	conn    net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	LMTP    bool
	Ext     map[string]string // offered keywords, in upper case, with their arguments
	wait    time.Duration
	waitEnd time.Duration // for the answers to the end of data
	Open    bool          // a MAIL was accepted and not ended
	InClear error         // why TLS, which was offered, is not used
	release func() bool
}

// connectWait is enough for a server that is there.
const connectWait = 10 * time.Second

// Dial connects, says hello and begins TLS as the target says. The connection is
// cut when ctx ends.
func Dial(ctx context.Context, t Target, hello string, wait, waitEnd time.Duration) (*Hop, error) {
	h, err := dial(ctx, t, hello, wait, waitEnd)
	if failed := (*tlsError)(nil); errors.As(err, &failed) && !t.Require {
		t.TLS = nil
		if h, err = dial(ctx, t, hello, wait, waitEnd); err == nil {
			h.InClear = failed
		}
	}
	return h, err
}

func dial(ctx context.Context, t Target, hello string, wait, waitEnd time.Duration) (*Hop, error) {
	d := net.Dialer{Timeout: min(wait, connectWait)}
	conn, err := d.DialContext(ctx, t.network, t.addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to the next hop: %w", err)
	}
	h := &Hop{
		conn: conn, in: bufio.NewReaderSize(conn, maxReplyLine), out: bufio.NewWriterSize(conn, ReadBuffer),
		LMTP: t.LMTP, wait: wait, waitEnd: waitEnd,
		release: context.AfterFunc(ctx, func() { conn.Close() }),
	}
	if err = h.greeting(); err == nil {
		err = h.hello(hello)
	}
	if err == nil && t.TLS != nil && (t.Require || h.Has("STARTTLS")) {
		if err = h.secure(ctx, t); err == nil {
			err = h.hello(hello)
		}
		if err != nil { // also a certificate of ours refused, which TLS 1.3 tells late
			err = &tlsError{err}
		}
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// tlsError is a failure to begin TLS.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "TLS to the next hop: " + e.err.Error() }
func (e *tlsError) Unwrap() error { return e.err }

// secure begins TLS (RFC 3207). What was learnt in the clear is forgotten: the
// caller says hello again.
func (h *Hop) secure(ctx context.Context, t Target) error {
	if !h.Has("STARTTLS") {
		return errors.New("it does not offer STARTTLS")
	}
	r, err := h.ask("STARTTLS")
	if err == nil && r.Code != 220 {
		err = fmt.Errorf("it refused STARTTLS: %v", r)
	}
	// Sent in the clear and read after the handshake, it would count as said
	// under TLS.
	if err == nil && h.in.Buffered() > 0 {
		err = errors.New("something was sent after the answer to STARTTLS")
	}
	if err != nil {
		return err
	}
	conf := t.TLS.Clone()
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	conf.InsecureSkipVerify = !t.Require
	if host, _, err := net.SplitHostPort(t.addr); err == nil && conf.ServerName == "" {
		conf.ServerName = host
	}
	conn := tls.Client(h.conn, conf)
	_ = h.conn.SetDeadline(time.Now().Add(h.wait))
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	h.conn, h.Ext = conn, nil
	h.in.Reset(conn)
	h.out.Reset(conn)
	return nil
}

// Close cuts the connection.
func (h *Hop) Close() {
	h.release()
	h.conn.Close()
}

// Quit ends the session politely without waiting for the answer.
func (h *Hop) Quit() {
	_ = h.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = h.out.WriteString("QUIT\r\n")
	_ = h.out.Flush()
	h.Close()
}

func (h *Hop) greeting() error {
	r, err := h.read(h.wait)
	if err == nil && r.Code != 220 {
		err = fmt.Errorf("greeting: %v", r)
	}
	if err != nil {
		return fmt.Errorf("the next hop's greeting: %w", err)
	}
	return nil
}

// hello learns what the next hop offers.
func (h *Hop) hello(name string) error {
	verb := "EHLO"
	if h.LMTP {
		verb = "LHLO"
	}
	r, err := h.ask(verb + " " + name)
	if err != nil {
		return err
	}
	h.Ext = map[string]string{}
	if r.OK() {
		for _, l := range r.Lines[1:] {
			key, arg, _ := strings.Cut(l, " ")
			h.Ext[strings.ToUpper(key)] = arg
		}
		return nil
	}
	if h.LMTP {
		return fmt.Errorf("the next hop refused LHLO: %v", r)
	}
	if r, err = h.ask("HELO " + name); err == nil && !r.OK() {
		err = fmt.Errorf("the next hop refused HELO: %v", r)
	}
	return err
}

// Has reports whether the next hop offered an EHLO keyword.
func (h *Hop) Has(keyword string) bool {
	_, ok := h.Ext[keyword]
	return ok
}

// ask sends one command and reads its answer.
func (h *Hop) ask(command string) (Reply, error) {
	_ = h.conn.SetWriteDeadline(time.Now().Add(h.wait))
	if _, err := h.out.WriteString(command + "\r\n"); err != nil {
		return Reply{}, fmt.Errorf("writing to the next hop: %w", err)
	}
	if err := h.out.Flush(); err != nil {
		return Reply{}, fmt.Errorf("writing to the next hop: %w", err)
	}
	r, err := h.read(h.wait)
	if err != nil {
		return r, err
	}
	if r.Code == 421 { // RFC 5321 section 3.8: it is closing the channel
		return r, fmt.Errorf("the next hop is closing: %v", r)
	}
	return r, nil
}

// read reads one answer, all lines (RFC 5321 section 4.2.1).
func (h *Hop) read(wait time.Duration) (Reply, error) {
	_ = h.conn.SetReadDeadline(time.Now().Add(wait))
	var r Reply
	for range maxReplyLines {
		line, err := h.in.ReadSlice('\n')
		if err != nil {
			return Reply{}, fmt.Errorf("reading the next hop's answer: %w", err)
		}
		text := strings.TrimRight(string(line), "\r\n")
		code := 0
		if len(text) >= 3 {
			code, _ = strconv.Atoi(text[:3])
		}
		if code < 200 || code > 599 || r.Code != 0 && code != r.Code || len(text) > 3 && text[3] != ' ' && text[3] != '-' {
			return Reply{}, fmt.Errorf("the next hop's answer is no SMTP: %q", Printable(text, 80))
		}
		r.Code = code
		r.Lines = append(r.Lines, Printable(text[min(len(text), 4):], maxReplyLine))
		if len(text) == 3 || text[3] == ' ' {
			return r, nil
		}
	}
	return Reply{}, errors.New("the next hop's answer has no end")
}

// forward tells the next hop who the client is, as far as it wants to know.
func (h *Hop) forward(c Origin) error {
	want, ok := h.Ext["XFORWARD"]
	if !ok {
		return nil
	}
	addr := ""
	if c.Addr.Is4() {
		addr = c.Addr.String()
	} else if c.Addr.IsValid() {
		addr = "IPV6:" + c.Addr.String()
	}
	line := ""
	for _, a := range []Param{{"NAME", c.Name}, {"ADDR", addr}, {"PORT", c.Port}, {"PROTO", c.Proto}, {"HELO", c.Helo}, {"IDENT", c.Ident}, {"SOURCE", c.Source}} {
		if !strings.Contains(" "+strings.ToUpper(want)+" ", " "+a.Key+" ") {
			continue
		}
		value := "[UNAVAILABLE]"
		if a.Value != "" {
			value = toXtext(a.Value)
		}
		// RFC 5321 section 4.5.3.1.4: a command line has 512 octets.
		if len(line)+len(a.Key)+len(value) > 490 {
			if _, err := h.ask("XFORWARD" + line); err != nil {
				return err
			}
			line = ""
		}
		line += " " + a.Key + "=" + value
	}
	if line == "" {
		return nil
	}
	_, err := h.ask("XFORWARD" + line) // a refusal costs the next hop a log detail, not the mail
	return err
}

// Begin opens a transaction for c's mail, ending an open one. The client's
// attributes come after RSET, which would forget them.
func (h *Hop) Begin(c Origin, m Mail) (Reply, error) {
	if h.Open {
		r, err := h.ask("RSET")
		if err == nil && !r.OK() {
			err = fmt.Errorf("the next hop did not reset: %v", r)
		}
		if err != nil {
			return r, err
		}
		h.Open = false
	}
	if err := h.forward(c); err != nil {
		return Reply{}, err
	}
	words := ""
	for _, p := range m.Params {
		if h.Has(ExtOf(p.Key)) {
			words += " " + p.String()
		}
	}
	r, err := h.ask("MAIL FROM:<" + m.From + ">" + words)
	h.Open = err == nil && r.OK()
	return r, err
}

// Rcpt names one recipient of the open transaction.
func (h *Hop) Rcpt(to Rcpt) (Reply, error) {
	words := ""
	for _, p := range to.Params {
		words += " " + p.String()
	}
	return h.ask("RCPT TO:<" + to.Addr + ">" + words)
}

// Data sends the message and returns one answer for each of n accepted
// recipients: the same for all from an SMTP server, one each from an LMTP
// server (RFC 2033 section 4.2). An error after an end of data was sent means
// that nobody knows whether the message was taken.
func (h *Hop) Data(pieces [][]byte, n int) ([]Reply, error) {
	h.Open = false
	answers := make([]Reply, n)
	r, err := h.ask("DATA")
	if err != nil {
		return nil, err
	}
	if r.Code != 354 {
		if r.Code < 400 {
			return nil, fmt.Errorf("the next hop answered DATA with %v", r)
		}
		h.Open = true
		for i := range answers {
			answers[i] = r
		}
		return answers, nil
	}
	h.out.Reset(deadlineWriter{h.conn, h.wait})
	err = WriteData(h.out, pieces)
	if err == nil {
		err = h.out.Flush()
	}
	h.out.Reset(h.conn)
	if err != nil {
		return nil, fmt.Errorf("sending the message to the next hop: %w", err)
	}
	for i := range answers {
		if i > 0 && !h.LMTP {
			answers[i] = answers[0]
			continue
		}
		if answers[i], err = h.read(h.waitEnd); err != nil {
			return answers[:i], err
		}
	}
	return answers, nil
}

// writeChunk is what a next hop must take within one wait.
const writeChunk = 256 << 10

// deadlineWriter allows each chunk its time.
type deadlineWriter struct {
	conn net.Conn
	wait time.Duration
}

func (w deadlineWriter) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		_ = w.conn.SetWriteDeadline(time.Now().Add(w.wait))
		m, err := w.conn.Write(p[n:min(n+writeChunk, len(p))])
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}
