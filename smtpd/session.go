package smtpd

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"foregate/smtpd/internal/smtp"
)

// maxCommand bounds a command line in octets. RFC 5321 section 4.5.3.1.4 says
// 512, more with extensions; Postfix takes 2048.
const maxCommand = 2048

// session is one client's connection.
type session struct {
	srv     *Server
	lmtp    bool
	trusted bool         // the peer may say who the client is
	peer    smtp.Origin  // who connected
	client  smtp.Origin  // the same, or whom XCLIENT names
	fwd     *smtp.Origin // whom XFORWARD names, for one transaction
	wire    *smtp.Wire
	in      *bufio.Reader
	secured bool            // TLS is on
	helo    string          // "" before HELO, EHLO or LHLO
	ext     map[string]bool // keywords offered to this client
	hop     *smtp.Hop       // nil until the next hop is needed
	tx      *transaction    // nil between MAIL commands
	errs    int             // refused commands so far
	idle    int             // commands since the last message
	done    bool            // close after the answer
}

// transaction is what a client said before DATA.
type transaction struct {
	smtp.Mail
	rcpts  []smtp.Rcpt // those accepted
	broken bool        // the next hop went away since MAIL
}

func (ss *session) close() {
	if ss.hop != nil {
		ss.hop.Quit()
		ss.hop = nil
	}
	ss.wire.Cut()
}

// dropHop forgets a connection that failed.
func (ss *session) dropHop() {
	if ss.hop != nil {
		ss.hop.Close()
		ss.hop = nil
	}
}

func (ss *session) serve() {
	ss.peer = ss.client
	ss.in = bufio.NewReaderSize(ss.wire, smtp.ReadBuffer)
	if !ss.greet() {
		return
	}
	for !ss.done {
		line, ok := ss.readLine()
		if !ok {
			break
		}
		ss.step(line)
	}
	_ = ss.wire.Out.Flush()
}

// greet waits for those who don't: talking before the greeting is a mark of
// senders that read no answers (RFC 5321 section 3.1).
func (ss *session) greet() bool {
	if pause := ss.srv.Config.GreetPause; pause > 0 && !ss.trusted {
		ss.wire.Patience(pause, pause)
		if _, err := ss.in.Peek(1); err == nil {
			ss.srv.Log.Info("turned away", "client", ss.client.Addr, "reason", "talked before the greeting")
			ss.answer(smtp.Say(554, "5.5.0 You talk before the greeting"))
			_ = ss.wire.Out.Flush()
			return false
		} else if !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
	}
	ss.banner()
	return true
}

func (ss *session) banner() {
	kind := " ESMTP"
	if ss.lmtp {
		kind = " LMTP"
	}
	ss.answer(smtp.Say(220, ss.srv.Config.Hostname+kind))
}

// readLine reads one command line without its CRLF. Not ok ends the session,
// the reason having been given.
func (ss *session) readLine() (string, bool) {
	wait := ss.srv.Config.CommandTimeout
	if !ss.trusted && ss.srv.busy() {
		wait /= 10
	}
	ss.wire.Patience(wait, wait)
	ss.wire.SetIdle(ss.tx == nil)
	line, err := ss.in.ReadSlice('\n')
	ss.wire.SetIdle(false)
	switch {
	case errors.Is(err, smtp.ErrStopping):
		ss.answer(smtp.Say(421, "4.3.2 "+ss.srv.Config.Hostname+" is going down"))
		return "", false
	case errors.Is(err, os.ErrDeadlineExceeded):
		ss.answer(smtp.Say(421, "4.4.2 "+ss.srv.Config.Hostname+" timed out"))
		return "", false
	case errors.Is(err, bufio.ErrBufferFull) || len(line) > maxCommand:
		ss.answer(smtp.Say(500, "5.5.6 Line too long"))
		return "", false
	case err != nil:
		return "", false
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		ss.srv.Log.Info("turned away", "client", ss.client.Addr, "reason", "bare newline or control character in a command")
		ss.answer(smtp.Say(500, "5.5.2 Command lines end with CRLF and hold no control characters"))
		return "", false
	}
	return text, true
}

// answer queues one reply; it is sent before the next read, or at the end. The
// severest limit on bad sessions is kept here: each refusal counts.
func (ss *session) answer(r smtp.Reply) {
	for i, l := range r.Lines {
		sep := " "
		if i < len(r.Lines)-1 {
			sep = "-"
		}
		_, _ = ss.wire.Out.WriteString(strconv.Itoa(r.Code) + sep + l + "\r\n")
	}
	if r.Code >= 400 {
		ss.errs++
	}
}

// step serves one command.
func (ss *session) step(line string) {
	cfg := &ss.srv.Config
	// A trusted peer speaks for many senders.
	if !ss.trusted && (ss.errs >= cfg.MaxErrors || ss.idle >= cfg.MaxIdle) {
		ss.answer(smtp.Say(421, "4.7.0 "+cfg.Hostname+" too many errors or idle commands"))
		ss.done = true
		return
	}
	verb, arg := smtp.SplitCommand(line)
	// RFC 2920 section 3.1: these end a group; what follows at once was sent
	// blindly, by a sender that reads no answers or that smuggles.
	switch verb {
	case "HELO", "EHLO", "LHLO", "DATA", "STARTTLS", "XCLIENT":
		if ss.in.Buffered() > 0 {
			ss.srv.Log.Info("turned away", "client", ss.client.Addr, "reason", "talked on before the answer to "+verb)
			ss.answer(smtp.Say(554, "5.5.0 You talk before the answer"))
			ss.done = true
			return
		}
	}
	if verb != "RCPT" && verb != "DATA" {
		ss.idle++
	}
	switch verb {
	case "HELO", "EHLO", "LHLO":
		ss.hello(verb, arg)
	case "MAIL":
		ss.answer(ss.mail(arg))
	case "RCPT":
		ss.answer(ss.rcpt(arg))
	case "DATA":
		ss.data(arg)
	case "RSET":
		ss.reset()
		ss.answer(smtp.Say(250, "2.0.0 Ok"))
	case "NOOP":
		ss.answer(smtp.Say(250, "2.0.0 Ok"))
	case "QUIT":
		ss.answer(smtp.Say(221, "2.0.0 Bye"))
		ss.done = true
	case "STARTTLS":
		ss.startTLS(arg)
	case "XCLIENT":
		ss.xclient(arg)
	case "XFORWARD":
		ss.answer(ss.xforward(arg))
	case "VRFY":
		ss.answer(smtp.Say(252, "2.0.0 Send mail and see"))
	case "HELP":
		ss.answer(smtp.Say(214, "2.0.0 RFC 5321"))
	case "EXPN", "BDAT", "AUTH", "TURN", "ETRN":
		ss.answer(smtp.Say(502, "5.5.1 Command not offered"))
	case "GET", "POST", "PUT", "CONNECT", "OPTIONS":
		ss.done = true // a browser made to talk to us
		ss.answer(smtp.Say(554, "5.5.0 This is no web server"))
	default:
		ss.answer(smtp.Say(500, "5.5.2 Command unknown"))
	}
}

// reset ends a transaction. The next hop's is ended with its next MAIL.
func (ss *session) reset() { ss.tx, ss.fwd = nil, nil }

func (ss *session) hello(verb, arg string) {
	if ss.lmtp != (verb == "LHLO") { // RFC 2033 section 4.1
		ss.answer(smtp.Say(500, "5.5.1 Wrong protocol"))
		return
	}
	if arg == "" || len(arg) > 255 || strings.ContainsRune(arg, ' ') || !utf8.ValidString(arg) {
		ss.answer(smtp.Say(501, "5.5.4 Give your name"))
		return
	}
	ss.reset()
	ss.helo, ss.ext = arg, map[string]bool{}
	name := smtp.Printable(ss.srv.Config.Hostname, 255)
	if verb == "HELO" {
		ss.answer(smtp.Say(250, name))
		return
	}
	lines := append([]string{name}, ss.offer()...)
	for _, l := range lines[1:] {
		key, _, _ := strings.Cut(l, " ")
		ss.ext[key] = true
	}
	ss.answer(smtp.Reply{Code: 250, Lines: lines})
}

// offer lists the EHLO keywords: ours, and those that the next hop has to do
// its part for, if it does. BINARYMIME and CHUNKING are never offered: the
// message has to be read line by line to be judged and sent on safely.
func (ss *session) offer() []string {
	size := ss.srv.Config.MaxSize
	words := []string{"PIPELINING"}
	hopExt := map[string]string{"8BITMIME": "", "SMTPUTF8": "", "ENHANCEDSTATUSCODES": ""}
	if ss.srv.Config.NextHop.Addr != "" {
		var ok bool
		if hopExt, ok = ss.srv.hopWords.get(ss.srv.Now()); !ok && ss.connect() == nil {
			hopExt = ss.hop.Ext
		}
		if n, err := strconv.ParseInt(hopExt["SIZE"], 10, 64); err == nil && n > 0 {
			size = min(size, n)
		}
	}
	words = append(words, "SIZE "+strconv.FormatInt(size, 10))
	for _, k := range []string{"8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"} {
		if _, ok := hopExt[k]; ok {
			words = append(words, k)
		}
	}
	if ss.srv.Config.TLS != nil && !ss.secured {
		words = append(words, "STARTTLS")
	}
	if ss.trusted {
		words = append(words, "XCLIENT "+smtp.XclientNames, "XFORWARD "+smtp.XforwardNames)
	}
	return words
}

// connect makes sure there is a next hop connection.
func (ss *session) connect() error {
	if ss.hop != nil {
		return nil
	}
	s := ss.srv
	h, err := smtp.Dial(s.base, s.hop, s.Config.Hostname, s.Config.HopTimeout, s.Config.HopDataTimeout)
	if err != nil {
		s.Log.Warn("next hop", "err", err)
		return err
	}
	if h.InClear != nil {
		s.Log.Warn("mail goes to the next hop in the clear", "err", h.InClear)
	}
	ss.hop = h
	s.hopWords.put(h.Ext, s.Now())
	return nil
}

func hopAway() smtp.Reply {
	return smtp.Say(451, "4.4.1 The next hop is not available, try again later")
}

// who is the client as far as trusted peers told.
func (ss *session) who() smtp.Origin {
	if ss.fwd != nil {
		return *ss.fwd
	}
	c := ss.client
	if c.Helo == "" {
		c.Helo = ss.helo
	}
	if c.Proto == "" {
		c.Proto = "SMTP"
		if len(ss.ext) > 0 {
			c.Proto = "ESMTP"
		}
	}
	return c
}

func (ss *session) mail(arg string) smtp.Reply {
	switch {
	case ss.helo == "":
		return smtp.Say(503, "5.5.1 Say hello first")
	case ss.tx != nil:
		return smtp.Say(503, "5.5.1 Nested MAIL command")
	}
	from, params, err := smtp.ParsePath("FROM:", arg)
	if err != nil {
		return smtp.Say(501, "5.5.4 "+err.Error())
	}
	if from != "" {
		if err := smtp.CheckMailbox(from); err != nil {
			return smtp.Say(501, "5.1.7 "+err.Error())
		}
	}
	tx := &transaction{Mail: smtp.Mail{From: from, Params: params}}
	if r := ss.mailParams(tx); r.Code != 0 {
		return r
	}
	if !tx.UTF8 && !smtp.ASCII(from) {
		return smtp.Say(553, "5.6.7 Address needs SMTPUTF8")
	}
	if ss.srv.Config.NextHop.Addr == "" {
		ss.tx = tx
		return smtp.Say(250, "2.1.0 Ok")
	}
	r := ss.begin(tx)
	if r.OK() {
		ss.tx = tx
	}
	return r
}

// mailParams checks the parameters of MAIL; a zero code means they are right.
func (ss *session) mailParams(tx *transaction) smtp.Reply {
	for _, p := range tx.Params {
		word := smtp.ExtOf(p.Key)
		if word == "" || !ss.ext[word] || p.Key == "NOTIFY" || p.Key == "ORCPT" {
			return smtp.Say(555, "5.5.4 Parameter "+smtp.Printable(p.Key, 40)+" not offered")
		}
		bad := false
		switch p.Key {
		case "SIZE": // RFC 1870
			n, err := strconv.ParseInt(p.Value, 10, 64)
			if bad = err != nil || n < 0; !bad && n > ss.srv.Config.MaxSize {
				return smtp.Say(552, fmt.Sprintf("5.3.4 Message size exceeds %d octets", ss.srv.Config.MaxSize))
			}
		case "BODY": // RFC 6152
			bad = !strings.EqualFold(p.Value, "7BIT") && !strings.EqualFold(p.Value, "8BITMIME")
		case "SMTPUTF8": // RFC 6531
			tx.UTF8, bad = true, p.Value != ""
		case "RET": // RFC 3461
			bad = !strings.EqualFold(p.Value, "FULL") && !strings.EqualFold(p.Value, "HDRS")
		case "ENVID":
			bad = len(p.Value) == 0 || len(p.Value) > 100
		}
		if bad {
			return smtp.Say(501, "5.5.4 Bad value of parameter "+p.Key)
		}
	}
	return smtp.Reply{}
}

// begin opens the transaction at the next hop. A connection made earlier may
// have died of age and is replaced once.
func (ss *session) begin(tx *transaction) smtp.Reply {
	for {
		old := ss.hop != nil
		if ss.connect() != nil {
			return hopAway()
		}
		for _, p := range tx.Params {
			// Offered from memory, and the next hop has changed its mind.
			if !ss.hop.Has(smtp.ExtOf(p.Key)) && p.Key != "SIZE" {
				return smtp.Say(451, "4.3.0 The next hop no longer offers "+smtp.ExtOf(p.Key))
			}
		}
		r, err := ss.hop.Begin(ss.who(), tx.Mail)
		if err == nil {
			return r
		}
		ss.dropHop()
		if !old {
			ss.srv.Log.Warn("next hop", "err", err)
			return hopAway()
		}
	}
}

func (ss *session) rcpt(arg string) smtp.Reply {
	if ss.tx == nil {
		return smtp.Say(503, "5.5.1 MAIL first")
	}
	if len(ss.tx.rcpts) >= ss.srv.Config.MaxRecipients {
		return smtp.Say(452, "4.5.3 Too many recipients") // RFC 5321 section 4.5.3.1.10
	}
	to, params, err := smtp.ParsePath("TO:", arg)
	if err != nil {
		return smtp.Say(501, "5.5.4 "+err.Error())
	}
	if !strings.EqualFold(to, "postmaster") { // RFC 5321 section 4.5.1
		if err := smtp.CheckMailbox(to); err != nil {
			return smtp.Say(501, "5.1.3 "+err.Error())
		}
	}
	if !ss.tx.UTF8 && !smtp.ASCII(to) {
		return smtp.Say(553, "5.6.7 Address needs SMTPUTF8")
	}
	for _, p := range params {
		if p.Key != "NOTIFY" && p.Key != "ORCPT" || !ss.ext["DSN"] {
			return smtp.Say(555, "5.5.4 Parameter "+smtp.Printable(p.Key, 40)+" not offered")
		}
		if p.Value == "" || !smtp.ASCII(p.Value) && !ss.tx.UTF8 || !utf8.ValidString(p.Value) {
			return smtp.Say(501, "5.5.4 Bad value of parameter "+p.Key)
		}
	}
	r, one := smtp.Say(250, "2.1.5 Ok"), smtp.Rcpt{Addr: to, Params: params}
	if ss.srv.Config.NextHop.Addr != "" {
		if ss.tx.broken {
			return hopAway()
		}
		if r, err = ss.hop.Rcpt(one); err != nil {
			ss.srv.Log.Warn("next hop", "err", err)
			ss.dropHop()
			ss.tx.broken = true
			return hopAway()
		}
	}
	if r.OK() {
		ss.tx.rcpts = append(ss.tx.rcpts, one)
	}
	return r
}

func (ss *session) startTLS(arg string) {
	switch {
	case ss.srv.tls == nil || ss.secured:
		ss.answer(smtp.Say(502, "5.5.1 STARTTLS not offered"))
		return
	case arg != "" || ss.tx != nil:
		ss.answer(smtp.Say(501, "5.5.4 STARTTLS stands alone, outside a transaction"))
		return
	}
	ss.answer(smtp.Say(220, "2.0.0 Ready to start TLS"))
	if ss.wire.Out.Flush() != nil {
		ss.done = true
		return
	}
	raw := ss.wire.Conn()
	_ = raw.SetDeadline(time.Now().Add(time.Minute))
	conn := tls.Server(raw, ss.srv.tls)
	if err := conn.HandshakeContext(ss.srv.base); err != nil {
		ss.srv.Log.Info("TLS handshake", "client", ss.client.Addr, "err", err)
		ss.done = true
		return
	}
	_ = raw.SetDeadline(time.Time{})
	ss.wire.SetConn(conn)
	// RFC 3207 section 4.2: forget what was said in the clear, and a fresh
	// buffer: nothing sent in the clear may count as said under TLS.
	ss.in = bufio.NewReaderSize(ss.wire, smtp.ReadBuffer)
	ss.secured, ss.helo, ss.ext, ss.client = true, "", nil, ss.peer
	ss.reset()
}

// xclient takes a trusted peer's word for who the client is; the session starts
// anew (Postfix XCLIENT).
func (ss *session) xclient(arg string) {
	if !ss.trusted {
		ss.answer(smtp.Say(550, "5.7.0 You may not say who the client is"))
		return
	}
	if ss.tx != nil {
		ss.answer(smtp.Say(503, "5.5.1 Mail transaction in progress"))
		return
	}
	c := ss.client
	if err := c.Set(smtp.XclientNames, arg); err != nil {
		ss.answer(smtp.Say(501, "5.5.4 "+err.Error()))
		return
	}
	ss.client, ss.helo, ss.ext = c, "", nil
	ss.reset()
	ss.banner()
}

// xforward takes it for one transaction (Postfix XFORWARD).
func (ss *session) xforward(arg string) smtp.Reply {
	if !ss.trusted {
		return smtp.Say(550, "5.7.0 You may not say who the client is")
	}
	if ss.tx != nil {
		return smtp.Say(503, "5.5.1 Mail transaction in progress")
	}
	c := smtp.Origin{}
	if ss.fwd != nil {
		c = *ss.fwd
	}
	if err := c.Set(smtp.XforwardNames, arg); err != nil {
		return smtp.Say(501, "5.5.4 "+err.Error())
	}
	ss.fwd = &c
	return smtp.Say(250, "2.0.0 Ok")
}

// data reads the message, has it judged and answers.
func (ss *session) data(arg string) {
	switch {
	case ss.tx == nil || len(ss.tx.rcpts) == 0: // also LMTP's, RFC 2033 section 4.2
		ss.answer(smtp.Say(503, "5.5.1 No valid recipients"))
		return
	case arg != "":
		ss.answer(smtp.Say(501, "5.5.4 DATA stands alone"))
		return
	case ss.tx.broken:
		ss.reset()
		ss.answer(hopAway())
		return
	}
	s, cfg, tx := ss.srv, &ss.srv.Config, ss.tx
	defer ss.reset()
	b := &smtp.Body{Max: cfg.MaxSize, MaxLine: cfg.MaxLine, Tolerate: cfg.Normalize, Dir: cfg.SpoolDir}
	defer b.Close()
	b.Room = func(n int64) bool { return s.nSpooled.Add(n) <= cfg.MaxSpool }
	ss.answer(smtp.Say(354, "End with <CRLF>.<CRLF>"))
	ss.wire.Patience(cfg.DataTimeout, cfg.DataTotal)
	if err := b.Read(ss.in); err != nil {
		ss.done = true
		s.Log.Info("message lost with its connection", "client", ss.who().Addr, "from", smtp.Printable(tx.From, smtp.MaxPath), "err", err)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, smtp.ErrDrain) {
			ss.answer(smtp.Say(421, "4.4.2 "+cfg.Hostname+" stops waiting for the message"))
		}
		return
	}
	ss.idle = 0
	ss.finish(b)
}

func faultReply(f smtp.Fault, cfg *Config) smtp.Reply {
	switch f {
	case smtp.TooBig:
		return smtp.Say(552, fmt.Sprintf("5.3.4 Message size exceeds %d octets", cfg.MaxSize))
	case smtp.NoRoom:
		return smtp.Say(452, "4.3.1 Too many messages at once, try again later")
	case smtp.LongLine:
		return smtp.Say(554, fmt.Sprintf("5.6.0 Message has a line over %d octets", cfg.MaxLine))
	case smtp.NulDot:
		return smtp.Say(550, "5.6.0 Message has a line of a dot and NULs")
	}
	return smtp.Say(550, "5.6.11 Message has a bare CR or LF (RFC 5321 section 2.3.8)")
}

// answers sends the replies to a message: one, or in LMTP one each.
func (ss *session) answers(replies []smtp.Reply) error {
	for _, r := range replies {
		ss.answer(r)
	}
	if slices.ContainsFunc(replies, smtp.Reply.OK) {
		ss.errs = 0
	}
	return ss.wire.Out.Flush()
}
