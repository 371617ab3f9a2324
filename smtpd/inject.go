package smtpd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"foregate/smtpd/internal/smtp"
)

// ErrNotTaken says that it is certain that the next hop took an injected message
// for nobody: it was not reached, or refused it.
var ErrNotTaken = errors.New("the next hop has no copy")

// ReplyError is the next hop's refusal of an injected message.
type ReplyError struct {
	Recipient string // "" when it refused the message as a whole
	Code      int    // SMTP code; 4xx may pass later
	Text      string // in the next hop's words
}

// Error says who refused what.
func (e *ReplyError) Error() string {
	if e.Recipient == "" {
		return fmt.Sprintf("the next hop refused the message: %d %s", e.Code, e.Text)
	}
	return fmt.Sprintf("the next hop refused <%s>: %d %s", e.Recipient, e.Code, e.Text)
}

const (
	injectWait    = time.Minute
	injectWaitEnd = 5 * time.Minute
)

// Inject hands raw to the next hop in one transaction, for messages released
// from quarantine. Nothing is sent when one recipient is refused. Bare CR and LF
// in raw become CRLF. A refusal is a *ReplyError; an LMTP next hop may refuse
// some recipients after taking the message for others: these are joined, one for
// each, and the others have it. After an error that is not ErrNotTaken too,
// somebody may have it.
func Inject(ctx context.Context, next NextHop, from string, to []string, raw []byte) error {
	if len(to) == 0 {
		return errors.New("injecting a message: no recipients")
	}
	m := smtp.Mail{From: from}
	for i, addr := range append([]string{from}, to...) {
		if i == 0 && addr == "" {
			continue // the null path
		}
		if err := smtp.CheckMailbox(addr); err != nil && !strings.EqualFold(addr, "postmaster") {
			return fmt.Errorf("injecting a message: address %q: %w", smtp.Printable(addr, smtp.MaxPath), err)
		}
		m.UTF8 = m.UTF8 || !smtp.ASCII(addr)
	}
	if smtp.HasBareNewline(raw) {
		raw = smtp.Normalize(raw)
	}
	if smtp.HasNulDot(raw) {
		return errors.New("injecting a message: a line of a dot and NULs could end it early")
	}
	h, err := reach(ctx, next)
	if err != nil {
		return notTaken(err)
	}
	defer h.Quit()
	return inject(h, m, to, raw)
}

// Probe reports why the next hop would take no mail now: it is connected to,
// with TLS as configured, and left again.
func Probe(ctx context.Context, next NextHop) error {
	h, err := reach(ctx, next)
	if err == nil {
		h.Quit()
	}
	return err
}

func reach(ctx context.Context, next NextHop) (*smtp.Hop, error) {
	t, err := next.target()
	if err != nil {
		return nil, err
	}
	name, err := os.Hostname()
	if err != nil || smtp.CheckMailbox("x@"+name) != nil {
		name = "localhost"
	}
	return smtp.Dial(ctx, t, name, injectWait, injectWaitEnd)
}

// notTaken marks an error as ErrNotTaken without adding words.
func notTaken(err error) error { return certain{err} }

type certain struct{ error }

func (c certain) Unwrap() []error { return []error{c.error, ErrNotTaken} }

func inject(h *smtp.Hop, m smtp.Mail, to []string, raw []byte) error {
	m.Params = []smtp.Param{{Key: "SIZE", Value: fmt.Sprint(len(raw))}}
	if slices.ContainsFunc(raw, func(c byte) bool { return c >= utf8.RuneSelf }) {
		m.Params = append(m.Params, smtp.Param{Key: "BODY", Value: "8BITMIME"})
	}
	if m.UTF8 {
		if !h.Has("SMTPUTF8") {
			return notTaken(errors.New("injecting a message: the next hop takes no addresses beyond ASCII"))
		}
		m.Params = append(m.Params, smtp.Param{Key: "SMTPUTF8"})
	}
	r, err := h.Begin(smtp.Origin{}, m)
	if err == nil && !r.OK() {
		err = refusal("", r)
	}
	if err != nil {
		return notTaken(err)
	}
	for _, addr := range to {
		if r, err = h.Rcpt(smtp.Rcpt{Addr: addr}); err == nil && !r.OK() {
			err = refusal(addr, r)
		}
		if err != nil {
			return notTaken(err)
		}
	}
	answers, err := h.Data([][]byte{raw}, len(to))
	if err != nil {
		return err
	}
	if !h.LMTP {
		answers = answers[:1]
		to = []string{""}
	}
	var errs []error
	for i, r := range answers {
		if !r.OK() {
			errs = append(errs, refusal(to[i], r))
		}
	}
	if len(errs) == len(answers) {
		return notTaken(errors.Join(errs...))
	}
	return errors.Join(errs...)
}

func refusal(addr string, r smtp.Reply) *ReplyError {
	return &ReplyError{Recipient: addr, Code: r.Code, Text: strings.Join(r.Lines, " ")}
}
