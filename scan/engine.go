package scan

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"foregate/domain"
	"foregate/mail"
)

// Timeout is how long the stages may look at one message before the rest
// becomes gaps: longer than any honest message needs, shorter than a client's
// patience (RFC 5321 section 4.5.3.2.6 gives ten minutes for the final dot).
const Timeout = 10 * time.Second

// Seq runs stages in order; all run, also after one failed.
type Seq []Stage

// Name implements Stage.
func (s Seq) Name() string { return "seq(" + names(s) + ")" }

// Analyze implements Stage. It never fails: failures become gaps.
func (s Seq) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	for _, st := range s {
		run(ctx, st, m, f)
	}
	return nil
}

// Par runs stages at the same time. They must fill disjoint fields of the
// facts and only read the message.
type Par []Stage

// Name implements Stage.
func (p Par) Name() string { return "par(" + names(p) + ")" }

// Analyze implements Stage. It never fails: failures become gaps.
func (p Par) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	var wg sync.WaitGroup
	for _, st := range p {
		wg.Go(func() { run(ctx, st, m, f) })
	}
	wg.Wait()
	return nil
}

func names(stages []Stage) string {
	var n []string
	for _, s := range stages {
		n = append(n, s.Name())
	}
	return strings.Join(n, ",")
}

// run fences one stage: its error, its panic or a passed deadline leaves a gap.
func run(ctx context.Context, st Stage, m *mail.Message, f *mail.Facts) {
	defer func() {
		if r := recover(); r != nil {
			f.AddGap(mail.Gap{Stage: st.Name(), Err: fmt.Sprintf("panic: %v at %s", r, panicSite(debug.Stack()))})
		}
	}()
	if err := ctx.Err(); err != nil {
		f.AddGap(mail.Gap{Stage: st.Name(), Err: "no time left: " + reason(ctx, err)})
		return
	}
	if err := st.Analyze(ctx, m, f); err != nil {
		f.AddGap(mail.Gap{Stage: st.Name(), Err: reason(ctx, err)})
	}
}

// reason says an error in words; a passed deadline is said plainly.
func reason(ctx context.Context, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
			return cause.Error()
		}
		return "the time for one message is over"
	}
	return err.Error()
}

// panicSite returns the innermost frame of a stack outside the runtime.
func panicSite(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "panic(") {
			for _, l := range lines[i+1:] {
				if fn, _, ok := strings.Cut(l, "("); ok && !strings.HasPrefix(l, "\t") && !strings.HasPrefix(fn, "runtime.") {
					return fn
				}
			}
		}
	}
	return "unknown"
}

// Decider turns facts into a verdict; policy.Policy is one.
type Decider interface {
	Decide(m *mail.Message, f *mail.Facts) mail.Verdict
}

// Engine judges messages: parse, stages, policy. The gate, the scan command and
// the evaluation run the same engine.
type Engine struct {
	Stage  Stage
	Policy Decider
	// Timeout bounds the stages of one message; 0 means the default.
	Timeout time.Duration
	// Parse makes the message; nil means mail.Parse.
	Parse func(mail.Envelope, []byte) *mail.Message
}

// Judge parses raw, lets every stage look and decides. It does not fail: what
// could not be looked at is a gap in the facts and in the verdict.
func (e *Engine) Judge(ctx context.Context, env mail.Envelope, raw []byte) (*mail.Message, *mail.Facts, mail.Verdict) {
	timeout := e.Timeout
	if timeout == 0 {
		timeout = Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	parse := e.Parse
	if parse == nil {
		parse = mail.Parse
	}
	f := &mail.Facts{}
	m := parseFenced(parse, env, raw, f)
	run(ctx, e.Stage, m, f)
	return m, f, e.Policy.Decide(m, f)
}

// parseFenced keeps a bug of the parser from stopping the gate: the message is
// then empty but for its bytes, and the gap says so.
func parseFenced(parse func(mail.Envelope, []byte) *mail.Message, env mail.Envelope, raw []byte, f *mail.Facts) (m *mail.Message) {
	defer func() {
		if r := recover(); r != nil {
			f.AddGap(mail.Gap{Stage: "parse", Err: fmt.Sprintf("panic: %v at %s", r, panicSite(debug.Stack()))})
			m = &mail.Message{Envelope: env, Raw: raw}
		}
	}()
	return parse(env, raw)
}

// Direction is the stage that sets Message.Type from the organisation's own
// domains: inbound is from outside to somebody inside, internal from inside to
// inside with the author proven, outbound from inside to somebody outside.
// Without configured domains every message counts as inbound.
type Direction struct {
	OwnDomains []string // lower case; subdomains belong to them
}

// Name implements Stage.
func (Direction) Name() string { return "direction" }

// Analyze implements Stage; it never fails.
func (d Direction) Analyze(_ context.Context, m *mail.Message, f *mail.Facts) error {
	if len(d.OwnDomains) == 0 {
		m.Type = mail.MessageType{Inbound: true}
		return nil
	}
	rcpts := slices.Clone(m.Envelope.Recipients)
	if len(rcpts) == 0 {
		for _, list := range [][]mail.Mailbox{m.Recipients.To, m.Recipients.CC, m.Recipients.BCC} {
			for _, r := range list {
				rcpts = append(rcpts, r.Email.Email)
			}
		}
	}
	inside, outside := len(rcpts) == 0, false
	for _, r := range rcpts {
		if d.owns(r) {
			inside = true
		} else {
			outside = true
		}
	}
	from := d.owns(m.Sender.Email.Email)
	// An unproven claim to be one of us is mail from outside.
	ours := from && f.Auth.AuthorProven
	m.Type = mail.MessageType{Inbound: !ours && inside, Internal: ours && inside, Outbound: ours && outside}
	return nil
}

func (d Direction) owns(addr string) bool {
	host := strings.ToLower(addr[strings.LastIndexByte(addr, '@')+1:])
	n := domain.Split(host)
	return slices.ContainsFunc(d.OwnDomains, func(own string) bool {
		return n.Domain == own || n.Punycode == own || strings.HasSuffix(n.Domain, "."+own)
	})
}
