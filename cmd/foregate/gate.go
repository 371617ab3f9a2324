package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"foregate/mail"
	"foregate/policy"
	"foregate/scan"
	"foregate/scan/auth"
)

// gate joins the engine to the front end: it judges, carries out what must be
// durable before the client gets its answer, and says what is added to delivered
// copies. It implements smtpd.Gate and smtpd.Holder.
type gate struct {
	engine   *scan.Engine
	held     scan.Action // the quarantine
	authserv string      // our name in Authentication-Results
	newID    func() string
	onJudged func(*mail.Message, *mail.Facts, mail.Verdict, time.Duration)
	history  *recorder // nil records nothing
	learner  *learner  // nil learns nothing
	budgets  *budgets  // nil bounds nothing
}

// newID names a message: a UUID whose order is that of time (RFC 9562 version 7).
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.NewString()
	}
	return id.String()
}

// Receive implements smtpd.Gate.
func (g *gate) Receive(ctx context.Context, env mail.Envelope, raw []byte) (mail.Outcome, error) {
	start := time.Now()
	m, f, v := g.engine.Judge(ctx, env, raw)
	m.Meta.ID = g.newID()
	v, ruling := g.budgets.spend(ctx, m, f, v)
	if g.onJudged != nil {
		g.onJudged(m, f, v, time.Since(start))
	}
	if err := g.held.Act(ctx, m, f, v); err != nil {
		return mail.Outcome{}, fmt.Errorf("holding message %s: %w", m.Meta.ID, err)
	}
	g.budgets.said(m, v, ruling)
	g.history.keep(m, f, v)
	g.learner.keep(m, f, v)
	return mail.Outcome{ID: m.Meta.ID, Verdict: v, Edit: g.edit(m, f, v)}, nil
}

// Hold implements smtpd.Holder: copies that the verdict would refuse, for
// recipients whose answer is shared with others, are held in place of refused.
func (g *gate) Hold(ctx context.Context, env mail.Envelope, raw []byte, out mail.Outcome) error {
	v := out.Verdict
	v.Disposition, v.Recipients = mail.Hold, nil
	for _, r := range env.Recipients {
		v.Recipients = append(v.Recipients, mail.RecipientVerdict{Recipient: r, Disposition: mail.Hold, Group: "shared answer"})
	}
	v.Notes = append(v.Notes, "held in place of refused: other recipients of the same transaction get the message")
	m := mail.Parse(env, raw)
	m.Meta.ID = out.ID
	if err := g.held.Act(ctx, m, &mail.Facts{Evidence: v.Reasons, Gaps: v.Gaps}, v); err != nil {
		return fmt.Errorf("holding message %s: %w", out.ID, err)
	}
	return nil
}

// Our own header fields. A message that arrives with them is forged.
const ownPrefix = "X-Foregate-"

// edit is what changes in a delivered copy: our results on top, fields that
// speak in our name removed (RFC 8601 section 5).
func (g *gate) edit(m *mail.Message, f *mail.Facts, v mail.Verdict) mail.Edit {
	var b strings.Builder
	b.Write(auth.Field(g.authserv, f.Auth))
	fmt.Fprintf(&b, "%sID: %s\r\n", ownPrefix, m.Meta.ID)
	fmt.Fprintf(&b, "%sVerdict: %s; odds=\"%s\"\r\n", ownPrefix, v.Disposition, policy.Odds(v.LogOdds))
	if ids := reasonIDs(v, 5); len(ids) > 0 {
		fmt.Fprintf(&b, "%sReasons: %s\r\n", ownPrefix, strings.Join(ids, ",\r\n\t"))
	}
	cut := append(auth.ForeignSpans(m.Raw, g.authserv), ownFields(m.Raw)...)
	return mail.Edit{Prepend: []byte(b.String()), Cut: cut}
}

// reasonIDs are the IDs of the strongest items that speak for an attack.
func reasonIDs(v mail.Verdict, most int) []string {
	var ids []string
	for _, r := range v.Reasons {
		if r.Weight > 0 && len(ids) < most {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// ownFields are the byte ranges of header fields that carry our own names.
func ownFields(raw []byte) []mail.Span {
	var spans []mail.Span
	ours := false
	for pos := 0; pos < len(raw); {
		end := len(raw)
		if i := bytes.IndexByte(raw[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		line := raw[pos:end]
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break // the header block ends
		}
		if line[0] != ' ' && line[0] != '\t' {
			ours = len(line) >= len(ownPrefix) && strings.EqualFold(string(line[:len(ownPrefix)]), ownPrefix)
		}
		if ours {
			if n := len(spans); n > 0 && spans[n-1].End == pos {
				spans[n-1].End = end
			} else {
				spans = append(spans, mail.Span{Start: pos, End: end})
			}
		}
		pos = end
	}
	return spans
}
