// Package policy turns facts into a verdict. It is pure: no I/O, no clock, so
// that every decision can be replayed from stored facts and argued with line
// by line.
//
// The evidence of the stages is weighed by one table, added to the prior odds,
// and the posterior is held against thresholds that may differ by recipient
// group. Allow-list entries count only for senders who authenticated. A stage
// that could not look has its own line and its own rule.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"foregate/evidence"
	"foregate/mail"
)

// Policy is everything a decision depends on besides the message.
type Policy struct {
	Weights *evidence.Table
	// Prior is the log10 odds that a message is an attack before looking.
	Prior evidence.Weight
	// Groups are tried in order; the first that names a recipient decides. The
	// last must match everybody (Match empty).
	Groups []Group
	// Allow entries deliver what would be flagged or held.
	Allow []Allow
	// Gaps says what a stage that could not look means, by stage name; "" is
	// the rule for every other stage.
	Gaps map[string]mail.Disposition
	// Findings says what is done at least with a message that shows a finding,
	// by its ID, whatever the odds and whoever is allowed: what an organisation
	// does not want in its mailboxes, however it comes there.
	Findings map[string]mail.Disposition
	// HoldFrom raises every HoldAt that is below it: what would be held under it
	// is flagged (Ruling.HoldFrom). 0 raises nothing.
	HoldFrom evidence.Weight
}

// Group is a set of recipients with thresholds of their own.
type Group struct {
	Name  string
	Match []string // addresses or "@domain", lower case; empty matches everybody
	// FlagAt, HoldAt and RejectAt are posterior log10 odds; Never disables.
	FlagAt, HoldAt, RejectAt evidence.Weight
	SubjectTag               string // put before the subject of flagged mail; "" for none
}

// Never is a threshold that no odds reach.
const Never evidence.Weight = 1000

// Allow lets a sender through. It holds only when the author's domain is
// proven (DMARC or an aligned signature), because anybody can write a From.
type Allow struct {
	Sender string // an address, or "@domain" for a domain and its subdomains; lower case
	Reason string // why, for the explanation
}

// Decide weighs the facts and returns the verdict with its whole explanation.
func (p Policy) Decide(m *mail.Message, f *mail.Facts) mail.Verdict {
	odds, reasons := evidence.Sum(p.Prior, p.Weights.Weigh(f.Evidence))
	v := mail.Verdict{
		Disposition: mail.Deliver,
		LogOdds:     odds,
		Probability: evidence.Probability(odds),
		Prior:       p.Prior,
		Reasons:     reasons,
		Gaps:        slices.Clone(f.Gaps),
		Notes:       []string{},
	}
	if v.Gaps == nil {
		v.Gaps = []mail.Gap{}
	}
	if v.Reasons == nil {
		v.Reasons = []evidence.Item{}
	}
	allowed := p.allow(m, f, &v)
	floor, least := p.gaps(f, &v), p.findings(f, &v)
	recipients := m.Envelope.Recipients
	if len(recipients) == 0 {
		rv := p.forRecipient("", odds, allowed, floor, least, &v)
		v.Disposition = rv.Disposition
		return v
	}
	for _, r := range recipients {
		rv := p.forRecipient(r, odds, allowed, floor, least, &v)
		v.Recipients = append(v.Recipients, rv)
		v.Disposition = severer(v.Disposition, rv.Disposition)
	}
	if v.Disposition != least.means {
		v.Finding = "" // for another recipient the odds went further
	}
	return v
}

// forRecipient applies the recipient's group.
func (p Policy) forRecipient(rcpt string, odds evidence.Weight, allowed bool, floor mail.Disposition, least finding, v *mail.Verdict) mail.RecipientVerdict {
	g := p.group(rcpt)
	rv := mail.RecipientVerdict{Recipient: rcpt, Group: g.Name, Disposition: mail.Deliver}
	switch {
	case odds >= g.RejectAt:
		rv.Disposition = mail.Reject
	case odds >= g.HoldAt && (p.HoldFrom == 0 || odds >= p.HoldFrom):
		rv.Disposition = mail.Hold
	case odds >= g.FlagAt, odds >= g.HoldAt:
		rv.Disposition = mail.Flag
	}
	if rv.Disposition != mail.Deliver {
		note(v, "odds %s reach the threshold of group %q for %s", Odds(odds), g.Name, rv.Disposition)
	}
	if allowed {
		rv.Disposition = mail.Deliver
	}
	rv.Disposition = severer(rv.Disposition, floor)
	if severity(least.means) > severity(rv.Disposition) {
		rv.Disposition, v.Finding = least.means, least.id
	}
	if rv.Disposition == mail.Flag {
		rv.SubjectTag = g.SubjectTag
	}
	return rv
}

// HoldAt is the lowest odds at which any group holds; Never when none does.
func (p Policy) HoldAt() evidence.Weight {
	least := Never
	for _, g := range p.Groups {
		least = min(least, g.HoldAt)
	}
	return least
}

// group returns the first group that names the recipient. A policy without a
// catch-all delivers what no group names, flagging nothing.
func (p Policy) group(rcpt string) Group {
	rcpt = strings.ToLower(rcpt)
	for _, g := range p.Groups {
		if len(g.Match) == 0 || slices.ContainsFunc(g.Match, func(pat string) bool { return matches(pat, rcpt) }) {
			return g
		}
	}
	return Group{Name: "none", FlagAt: Never, HoldAt: Never, RejectAt: Never}
}

// allow looks for an allow-list entry of a proven sender.
func (p Policy) allow(m *mail.Message, f *mail.Facts, v *mail.Verdict) bool {
	sender := strings.ToLower(m.Sender.Email.Email)
	for _, a := range p.Allow {
		if !matches(a.Sender, sender) {
			continue
		}
		if !f.Auth.AuthorProven {
			note(v, "allow-list entry %s does not hold: the sender did not authenticate", a.Sender)
			continue
		}
		note(v, "allowed by entry %s (%s): the sender authenticated", a.Sender, a.Reason)
		return true
	}
	return false
}

// gaps returns the mildest disposition that the gaps permit.
func (p Policy) gaps(f *mail.Facts, v *mail.Verdict) mail.Disposition {
	floor := mail.Deliver
	for _, g := range f.Gaps {
		d, ok := p.Gaps[g.Stage]
		if !ok {
			d = p.Gaps[""]
		}
		if d == "" {
			d = mail.Deliver
		}
		note(v, "stage %s could not look (%s): policy says %s", g.Stage, g.Err, d)
		floor = severer(floor, d)
	}
	return floor
}

// finding is what is done at least because of a finding.
type finding struct {
	id    string
	means mail.Disposition
}

// findings returns the severest rule for what the message shows.
func (p Policy) findings(f *mail.Facts, v *mail.Verdict) finding {
	least := finding{means: mail.Deliver}
	for _, it := range f.Evidence {
		d, ok := p.Findings[it.ID]
		if !ok {
			continue
		}
		note(v, "finding %s: policy says %s at least, whatever the odds", it.ID, d)
		if severity(d) > severity(least.means) {
			least = finding{it.ID, d}
		}
	}
	return least
}

// matches tells whether an address is the pattern's address or in its domain.
func matches(pattern, addr string) bool {
	if !strings.HasPrefix(pattern, "@") {
		return pattern == addr
	}
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return false
	}
	host := addr[at+1:]
	return host == pattern[1:] || strings.HasSuffix(host, "."+pattern[1:])
}

// severity ranks dispositions. Defer outranks reject: when we could not look
// well enough to answer, the client keeps the mail.
func severity(d mail.Disposition) int {
	return slices.Index([]mail.Disposition{mail.Deliver, mail.Flag, mail.Hold, mail.Reject, mail.Defer}, d)
}

func severer(a, b mail.Disposition) mail.Disposition {
	if severity(b) > severity(a) {
		return b
	}
	return a
}

// note adds a sentence once.
func note(v *mail.Verdict, format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if !slices.Contains(v.Notes, s) {
		v.Notes = append(v.Notes, s)
	}
}
