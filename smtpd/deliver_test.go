package smtpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/mail"
)

// fakeHop is a next hop that answers as a test says.
type fakeHop struct {
	ext  string                                // EHLO lines after the first, "\n" between
	line func(n int, cmd string) string        // answer to a command; "" the usual, "CUT" closes; n counts connections
	data func(n, msg, i int, to string) string // answer to the i-th recipient's data (SMTP: i is 0); "" is 250
	mid  func(n int, sofar string) (cut bool)  // called at each line of data
	lmtp bool

	asking sync.Mutex // callbacks run one at a time

	mu    sync.Mutex
	said  []string // commands heard, all connections
	mails []string // "recipients|content" of messages answered 2xx
	conns int
}

func (h *fakeHop) start(t testing.TB) string {
	t.Helper()
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
			h.mu.Lock()
			h.conns++
			n := h.conns
			h.mu.Unlock()
			go h.serve(conn, n)
		}
	}()
	return l.Addr().String()
}

func (h *fakeHop) serve(conn net.Conn, n int) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var to []string
	msgs := 0
	fmt.Fprint(conn, "220 far.test\r\n")
	for {
		cmd, err := in.ReadString('\n')
		if err != nil {
			return
		}
		cmd = strings.TrimSuffix(cmd, "\r\n")
		h.mu.Lock()
		h.said = append(h.said, cmd)
		h.mu.Unlock()
		answer := ""
		if h.line != nil {
			h.asking.Lock()
			answer = h.line(n, cmd)
			h.asking.Unlock()
		}
		verb, _, _ := strings.Cut(cmd, " ")
		switch {
		case answer == "CUT":
			return
		case answer != "":
		case verb == "EHLO" || verb == "LHLO":
			answer = "250-" + strings.Join(append([]string{"far.test"}, strings.Split(h.ext, "\n")...), "\r\n250-")
			i := strings.LastIndex(answer, "250-")
			answer = answer[:i] + "250 " + answer[i+4:]
		case verb == "DATA":
			fmt.Fprint(conn, "354 go\r\n")
			content, ok := h.read(in, n)
			if !ok {
				return
			}
			answer = h.judge(n, msgs, to, content)
			msgs++
			if answer == "CUT" {
				return
			}
		default:
			answer = "250 far ok"
		}
		switch {
		case verb == "MAIL" || verb == "RSET":
			to = nil
		case verb == "RCPT" && answer[0] == '2':
			to = append(to, cmd[len("RCPT TO:"):])
		}
		fmt.Fprint(conn, answer+"\r\n")
		if verb == "QUIT" {
			return
		}
	}
}

func (h *fakeHop) read(in *bufio.Reader, n int) (string, bool) {
	var content strings.Builder
	for {
		l, err := in.ReadString('\n')
		if err != nil || h.mid != nil && h.mid(n, content.String()) {
			return "", false
		}
		if l == ".\r\n" {
			return content.String(), true
		}
		content.WriteString(strings.TrimPrefix(l, "."))
	}
}

func (h *fakeHop) judge(n, msg int, to []string, content string) string {
	var answers []string
	for i, addr := range to {
		a := ""
		if h.data != nil {
			h.asking.Lock()
			a = h.data(n, msg, i, addr)
			h.asking.Unlock()
		}
		if a == "" {
			a = "250 far queued"
		}
		if a == "CUT" {
			return a
		}
		answers = append(answers, a)
		if !h.lmtp {
			break
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lmtp {
		for i, a := range answers {
			if a[0] == '2' {
				h.mails = append(h.mails, to[i]+"|"+content)
			}
		}
	} else if answers[0][0] == '2' {
		h.mails = append(h.mails, strings.Join(to, "")+"|"+content)
	}
	return strings.Join(answers, "\r\n")
}

func (h *fakeHop) heard(prefix string) (got []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.said {
		if strings.HasPrefix(s, prefix) {
			got = append(got, s)
		}
	}
	return got
}

func (h *fakeHop) kept() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.mails)
}

// through starts a gate before h.
func through(t testing.TB, h *fakeHop, gate Gate, where Listen) string {
	cfg := testConfig()
	cfg.NextHop.Addr = h.start(t)
	if h.lmtp {
		cfg.NextHop.Addr = "lmtp:" + cfg.NextHop.Addr
	}
	return start(t, &Server{Config: cfg, Gate: gate}, where)
}

// byName gives each recipient the disposition its local part names ("hold@…"),
// tagged "[TAG]" when it begins with "tag".
func byName(env mail.Envelope, _ []byte) (mail.Outcome, error) {
	out := mail.Outcome{ID: "id1", Edit: mail.Edit{Prepend: []byte("X-Gate: id1\r\n")}}
	for _, to := range env.Recipients {
		local, _, _ := strings.Cut(to, "@")
		v := mail.RecipientVerdict{Recipient: to, Disposition: mail.Disposition(strings.TrimRight(local, "0123456789"))}
		if strings.HasPrefix(local, "tag") {
			v.Disposition, v.SubjectTag = mail.Flag, "[TAG]"
		}
		out.Verdict.Recipients = append(out.Verdict.Recipients, v)
	}
	return out, nil
}

// holder can also hold what was to be refused.
type holder struct {
	Gate
	held []string
	err  error
}

func (h *holder) Hold(_ context.Context, env mail.Envelope, _ []byte, _ mail.Outcome) error {
	h.held = append(h.held, env.Recipients...)
	return h.err
}

func TestNextHopRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		hop              *fakeHop
		mail, rcpt, data string // the client's answers; "" when it does not come so far
	}{
		"all well":           {&fakeHop{}, "250 far ok", "250 far ok", "250 2.0.0 Ok: queued as id1"},
		"MAIL refused":       {&fakeHop{line: onVerb("MAIL", "550 5.7.1 not you")}, "550 5.7.1 not you", "", ""},
		"MAIL later":         {&fakeHop{line: onVerb("MAIL", "450 4.7.1 wait")}, "450 4.7.1 wait", "", ""},
		"MAIL many lines":    {&fakeHop{line: onVerb("MAIL", "550-5.7.1 not\r\n550 5.7.1 you")}, "550-5.7.1 not\n550 5.7.1 you", "", ""},
		"MAIL closing":       {&fakeHop{line: onVerb("MAIL", "421 bye")}, "451 4.4.1 The next hop is not available, try again later", "", ""},
		"MAIL cut":           {&fakeHop{line: onVerb("MAIL", "CUT")}, "451 4.4.1 The next hop is not available, try again later", "", ""},
		"EHLO refused":       {&fakeHop{line: func(int, string) string { return "554 go away" }}, "451 4.4.1 The next hop is not available, try again later", "", ""},
		"RCPT unknown":       {&fakeHop{line: onVerb("RCPT", "550 5.1.1 no such user")}, "250 far ok", "550 5.1.1 no such user", "503 5.5.1 No valid recipients"},
		"RCPT forwarded":     {&fakeHop{line: onVerb("RCPT", "251 will forward")}, "250 far ok", "251 will forward", "250 2.0.0 Ok: queued as id1"},
		"RCPT cut":           {&fakeHop{line: onVerb("RCPT", "CUT")}, "250 far ok", "451 4.4.1 The next hop is not available, try again later", "503 5.5.1 No valid recipients"},
		"DATA refused":       {&fakeHop{line: onVerb("DATA", "554 5.5.1 no data")}, "250 far ok", "250 far ok", "554 5.5.1 no data"},
		"DATA later":         {&fakeHop{line: onVerb("DATA", "451 4.3.0 full")}, "250 far ok", "250 far ok", "451 4.3.0 full"},
		"DATA nonsense":      {&fakeHop{line: onVerb("DATA", "250 what")}, "250 far ok", "250 far ok", "451 4.4.1 The next hop is not available, try again later"},
		"DATA cut":           {&fakeHop{line: onVerb("DATA", "CUT")}, "250 far ok", "250 far ok", "451 4.4.1 The next hop is not available, try again later"},
		"cut in the content": {&fakeHop{mid: func(_ int, s string) bool { return strings.Count(s, "\n") > 1 }}, "250 far ok", "250 far ok", "451 4.4.1 The next hop is not available, try again later"},
		"end refused":        {&fakeHop{data: onData("550 5.7.1 spam")}, "250 far ok", "250 far ok", "550 5.7.1 spam"},
		"end later":          {&fakeHop{data: onData("452 4.3.1 disk")}, "250 far ok", "250 far ok", "452 4.3.1 disk"},
		"end closing":        {&fakeHop{data: onData("421 bye")}, "250 far ok", "250 far ok", "451 4.4.1 The next hop is not available, try again later"},
		"end cut":            {&fakeHop{data: onData("CUT")}, "250 far ok", "250 far ok", "451 4.4.1 The next hop is not available, try again later"},
		"end nonsense":       {&fakeHop{data: onData("354 more")}, "250 far ok", "250 far ok", "451 4.4.1 The next hop is not available, try again later"},
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, through(t, c.hop, all(mail.Deliver), Listen{})).open()
			ask := func(line, want string) {
				if got := w.ask(line); want != "" && got != want {
					t.Errorf("%s: %q, want %q", line, got, want)
				}
			}
			if ask("MAIL FROM:<a@a.test>", c.mail); c.rcpt == "" {
				return
			}
			if ask("RCPT TO:<b@b.test>", c.rcpt); c.data[0:3] == "503" {
				ask("DATA", c.data)
				return
			}
			w.want("DATA", "354")
			w.send(hello)
			ask(".", c.data)
			if kept := len(c.hop.kept()); (kept > 0) != (c.data[0] == '2') {
				t.Errorf("answered %q, next hop has %d", c.data, kept)
			}
			w.want("RSET", "250")
			if got := w.ask("MAIL FROM:<a@a.test>"); got != "250 far ok" {
				t.Errorf("next transaction: %q", got)
			}
		})
	}
}

func onVerb(verb, answer string) func(int, string) string {
	return func(_ int, cmd string) string {
		if strings.HasPrefix(cmd, verb) {
			return answer
		}
		return ""
	}
}

func onData(answer string) func(n, msg, i int, to string) string {
	return func(int, int, int, string) string { return answer }
}

func TestNextHopAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.NextHop.Addr = l.Addr().String()
	l.Close()
	w := dial(t, start(t, &Server{Config: cfg, Gate: all(mail.Deliver)}, Listen{})).open()
	w.want("MAIL FROM:<a@a.test>", "451 4.4.1")
	w.want("RCPT TO:<a@a.test>", "503")
}

// An idle next hop connection that died is replaced without the client noticing.
func TestNextHopIdleOut(t *testing.T) {
	h := &fakeHop{line: func(n int, cmd string) string {
		if n == 1 && strings.HasPrefix(cmd, "MAIL") {
			return "421 idle for too long"
		}
		return ""
	}}
	w := dial(t, through(t, h, all(mail.Deliver), Listen{})).open()
	if got := w.post("a@a.test", []string{"b@b.test"}, hello); !strings.HasPrefix(got, "250 ") {
		t.Errorf("got %q", got)
	}
	if h.conns != 2 {
		t.Errorf("%d connections, want 2", h.conns)
	}
}

func TestPassThrough(t *testing.T) {
	h := &fakeHop{ext: "SIZE 1000\n8BITMIME\nDSN\nCHUNKING\nBINARYMIME\nXFORWARD NAME ADDR HELO"}
	cfg := testConfig()
	cfg.NextHop.Addr, cfg.Trusted = h.start(t), loopback()
	addr := start(t, &Server{Config: cfg, Gate: gateFunc(byName)}, Listen{})
	c := dial(t, addr)
	c.read()
	want := "250-gate.test\n250-PIPELINING\n250-SIZE 1000\n250-8BITMIME\n250-DSN\n" +
		"250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\n250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
	if got := c.ask("EHLO c.test"); got != want {
		t.Errorf("keywords\n%s\nwant\n%s", got, want)
	}
	c.want("XFORWARD NAME=m.x.test ADDR=192.0.2.7 HELO=h.x.test", "250")
	c.want("MAIL FROM:<a@a.test> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x", "250")
	c.want("RCPT TO:<deliver@b.test> NOTIFY=FAILURE ORCPT=rfc822;x+40b", "250")
	c.want("RCPT TO:<hold@b.test>", "250")
	c.want("DATA", "354")
	if got := c.ask(strings.TrimSuffix(hello, "\r\n") + "\r\n."); !strings.HasPrefix(got, "250 2.0.0") {
		t.Errorf("got %q", got)
	}
	// The held recipient's transaction is reset and made anew without it.
	whole := "XFORWARD NAME=m.x.test ADDR=192.0.2.7 HELO=h.x.test\nMAIL FROM:<a@a.test> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x\nRCPT TO:<deliver@b.test> NOTIFY=FAILURE ORCPT=rfc822;x+40b"
	wantSaid := "EHLO gate.test\n" + whole + "\nRCPT TO:<hold@b.test>\nRSET\n" + whole + "\nDATA"
	if got := strings.Join(h.heard(""), "\n"); got != wantSaid {
		t.Errorf("next hop heard\n%s\nwant\n%s", got, wantSaid)
	}
}

// One SMTP answer for several recipients.
func TestOneAnswer(t *testing.T) {
	const (
		ok      = "250 2.0.0 Ok: queued as id1"
		refused = "550 5.7.1 Message refused: policy (id1)"
		later   = "451 4.7.1 Message can't be taken now, try again later (id1)"
		notKept = "451 4.3.0 Message could not be stored, try again later"
	)
	tag, plain := "X-Gate: id1\r\n"+strings.Replace(hello, "Subject: hello", "Subject: [TAG] hello", 1), "X-Gate: id1\r\n"+hello
	for name, c := range map[string]struct {
		to       string
		hold     error
		noHolder bool
		want     string
		kept     []string // at the next hop
		held     []string // by Hold
	}{
		"one":                       {to: "deliver", want: ok, kept: []string{"<deliver@b.test>|" + plain}},
		"two alike":                 {to: "deliver1 deliver2", want: ok, kept: []string{"<deliver1@b.test><deliver2@b.test>|" + plain}},
		"flagged with and without":  {to: "deliver tag1 flag tag2", want: ok, kept: []string{"<deliver@b.test><flag@b.test>|" + plain, "<tag1@b.test><tag2@b.test>|" + tag}},
		"held":                      {to: "hold", want: ok},
		"held and delivered":        {to: "hold deliver", want: ok, kept: []string{"<deliver@b.test>|" + plain}},
		"refused":                   {to: "reject1 reject2", want: refused},
		"refused and delivered":     {to: "reject deliver", want: ok, kept: []string{"<deliver@b.test>|" + plain}, held: []string{"reject@b.test"}},
		"refused and held":          {to: "reject hold", want: ok, held: []string{"reject@b.test"}},
		"refused, can't be kept":    {to: "reject deliver", hold: errors.New("disk"), want: notKept, held: []string{"reject@b.test"}},
		"refused, nobody to keep":   {to: "reject deliver hold", noHolder: true, want: refused},
		"deferred":                  {to: "defer", want: later},
		"deferred and delivered":    {to: "defer deliver", want: later},
		"unknown word is deferred":  {to: "whatever", want: later},
		"deferred and refused":      {to: "defer reject", want: later, held: []string{"reject@b.test"}},
		"one recipient twice, held": {to: "hold hold", want: ok},
	} {
		t.Run(name, func(t *testing.T) {
			h := &fakeHop{}
			k := &holder{Gate: gateFunc(byName), err: c.hold}
			var gate Gate = k
			if c.noHolder {
				gate = gateFunc(byName)
			}
			w := dial(t, through(t, h, gate, Listen{})).open()
			var to []string
			for a := range strings.FieldsSeq(c.to) {
				to = append(to, a+"@b.test")
			}
			if got := w.post("a@a.test", to, hello); got != c.want {
				t.Errorf("answer %q, want %q", got, c.want)
			}
			if got := h.kept(); !slices.Equal(got, c.kept) {
				t.Errorf("next hop has %q, want %q", got, c.kept)
			}
			if !slices.Equal(k.held, c.held) {
				t.Errorf("held %q, want %q", k.held, c.held)
			}
		})
	}
}

// A second group that fails makes the client send again; the first group's copy
// is not delivered twice, also when a relay before us wrote a new Received.
func TestRetryDeliversOnce(t *testing.T) {
	for _, fail := range []string{"451 4.3.0 full", "CUT"} {
		failed := false
		h := &fakeHop{data: func(_, _, _ int, to string) string {
			if strings.Contains(to, "tag") && !failed {
				failed = true
				return fail
			}
			return ""
		}}
		addr := through(t, h, gateFunc(byName), Listen{})
		to := []string{"deliver@b.test", "tag@b.test"}
		if got := dial(t, addr).open().post("a@a.test", to, "Received: one;\r\n\tyes\r\n"+hello); got[:3] != "451" {
			t.Fatalf("%s: first answer %q", fail, got)
		}
		if got := dial(t, addr).open().post("a@a.test", to, "Received: two\r\n"+hello); got[:3] != "250" {
			t.Fatalf("%s: second answer %q", fail, got)
		}
		if got := h.kept(); len(got) != 2 || !strings.HasPrefix(got[0], "<deliver@b.test>|") || !strings.HasPrefix(got[1], "<tag@b.test>|") {
			t.Errorf("%s: next hop has %q", fail, got)
		}
		// Sent once more on purpose, it is a new message.
		if got := dial(t, addr).open().post("a@a.test", to, "Received: three\r\n"+hello); got[:3] != "250" || len(h.kept()) != 4 {
			t.Errorf("%s: third answer %q, next hop has %d", fail, got, len(h.kept()))
		}
	}
}

// A group refused for good speaks for all, and the groups after it are not tried.
func TestGroupRefusedForGood(t *testing.T) {
	h := &fakeHop{data: func(_, _, _ int, to string) string {
		if strings.Contains(to, "tag") {
			return "552 5.3.4 too big with the tag"
		}
		return ""
	}}
	w := dial(t, through(t, h, gateFunc(byName), Listen{})).open()
	if got := w.post("a@a.test", []string{"tag@b.test", "deliver@b.test"}, hello); got != "552 5.3.4 too big with the tag" {
		t.Errorf("answer %q", got)
	}
	if got := h.kept(); len(got) != 0 {
		t.Errorf("next hop has %q", got)
	}
}

// A recipient accepted at RCPT and refused when the transaction is made anew.
func TestRefusedAtSecondAsking(t *testing.T) {
	for answer, want := range map[string]string{"451 4.2.1 busy": "451 4.2.1 busy", "550 5.1.1 gone": "550 5.1.1 gone", "CUT": "451 4.4.1 The next hop is not available, try again later"} {
		asked := 0
		h := &fakeHop{}
		h.line = func(_ int, cmd string) string {
			if strings.HasPrefix(cmd, "RCPT TO:<deliver2") {
				if asked++; asked == 2 {
					return answer
				}
			}
			return ""
		}
		w := dial(t, through(t, h, gateFunc(byName), Listen{})).open()
		if got := w.post("a@a.test", []string{"deliver1@b.test", "deliver2@b.test", "hold@b.test"}, hello); got != want {
			t.Errorf("%s: answer %q, want %q", answer, got, want)
		}
	}
}

// LMTP gives each recipient an answer, from LMTP and SMTP next hops alike.
func TestLMTP(t *testing.T) {
	const (
		ok      = "250 2.0.0 Ok: queued as id1"
		refused = "550 5.7.1 Message refused: policy (id1)"
		later   = "451 4.7.1 Message can't be taken now, try again later (id1)"
	)
	to := []string{"deliver1@b.test", "reject@b.test", "tag@b.test", "hold@b.test", "defer@b.test", "deliver2@b.test"}
	for _, lmtp := range []bool{false, true} {
		h := &fakeHop{lmtp: lmtp, data: func(_, _, _ int, to string) string {
			if to == "<deliver2@b.test>" {
				return "452 4.2.2 over quota"
			}
			return ""
		}}
		w := dial(t, through(t, h, gateFunc(byName), Listen{LMTP: true}))
		if got := w.read(); got != "220 gate.test LMTP" {
			t.Errorf("greeting %q", got)
		}
		w.want("EHLO c.test", "500")
		w.want("LHLO c.test", "250-gate.test")
		got := []string{w.post("a@a.test", to, hello)}
		for range to[1:] {
			got = append(got, w.read())
		}
		want := []string{ok, refused, ok, ok, later, ok}
		if lmtp {
			want[5] = "452 4.2.2 over quota"
		}
		if !slices.Equal(got, want) {
			t.Errorf("next hop LMTP %v: answers %q\nwant %q", lmtp, got, want)
		}
		w.want("NOOP", "250")
	}
}

// SMTP before an LMTP next hop that takes the message for some only.
func TestSMTPToLMTP(t *testing.T) {
	full := true
	h := &fakeHop{lmtp: true, data: func(_, _, _ int, to string) string {
		if to == "<b@b.test>" && full {
			return "452 4.2.2 over quota"
		}
		return ""
	}}
	addr := through(t, h, all(mail.Deliver), Listen{})
	to := []string{"a@b.test", "b@b.test", "c@b.test"}
	if got := dial(t, addr).open().post("a@a.test", to, hello); got != "452 4.2.2 over quota" {
		t.Errorf("first answer %q", got)
	}
	full = false
	if got := dial(t, addr).open().post("a@a.test", to, hello); got[:3] != "250" {
		t.Errorf("second answer %q", got)
	}
	if got := h.kept(); len(got) != 3 || got[2] != "<b@b.test>|"+hello {
		t.Errorf("next hop has %q", got)
	}
}

// The Gate's failures leave the message with the client.
func TestGateFails(t *testing.T) {
	for name, gate := range map[string]gateFunc{
		"error": func(mail.Envelope, []byte) (mail.Outcome, error) { return mail.Outcome{}, errors.New("store away") },
		"panic": func(mail.Envelope, []byte) (mail.Outcome, error) { panic("oops") },
	} {
		h := &fakeHop{}
		w := dial(t, through(t, h, gate, Listen{})).open()
		if got := w.post("a@a.test", []string{"b@b.test"}, hello); got != "451 4.3.0 Message could not be judged, try again later" {
			t.Errorf("%s: %q", name, got)
		}
		w.want("NOOP", "250")
		if len(h.kept()) != 0 {
			t.Errorf("%s: next hop has %q", name, h.kept())
		}
	}
}

func TestTransactionIsReported(t *testing.T) {
	h := &fakeHop{data: onData("250 queued as 4XYZ")}
	cfg := testConfig()
	cfg.NextHop.Addr = h.start(t)
	got := make(chan Transaction, 9)
	s := &Server{Config: cfg, Gate: all(mail.Deliver), OnDone: func(tr Transaction) { got <- tr }, Now: func() time.Time { return time.Unix(1e9, 0) }}
	w := dial(t, start(t, s, Listen{})).open()
	w.post("a@a.test", []string{"b@b.test", "c@b.test"}, hello)
	w.post("a@a.test", []string{"b@b.test"}, "a\nb\r\n")
	want := []Transaction{
		{ID: "id1", Client: addrOf(w.conn.LocalAddr()), Helo: "client.test", From: "a@a.test", Recipients: 2, Size: len(hello), Disposition: mail.Deliver,
			Code: 250, Answer: "2.0.0 Ok: queued as id1", NextHop: "250 queued as 4XYZ"},
		{Client: addrOf(w.conn.LocalAddr()), Helo: "client.test", From: "a@a.test", Recipients: 1, Code: 550, Answer: "5.6.11 Message has a bare CR or LF (RFC 5321 section 2.3.8)"},
	}
	for _, one := range want {
		if tr := <-got; !reflect.DeepEqual(tr, one) {
			t.Errorf("got %+v\nwant %+v", tr, one)
		}
	}
	if st := s.Stats(); st.Accepted != 1 || st.Refused != 1 || st.Octets != int64(len(hello)) {
		t.Errorf("stats %+v", st)
	}
}
