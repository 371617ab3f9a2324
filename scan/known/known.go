// Package known finds indicators of the intelligence graph in messages: hosts of
// links and senders, URLs, addresses and files. Each find is an item of evidence
// that names the report, its age and its source.
package known

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"foregate/evidence"
	"foregate/intel"
	"foregate/intel/match"
	"foregate/mail"
)

// Index holds the indicators in force. They can be replaced while messages are
// looked at. The zero value holds none.
type Index struct{ set atomic.Pointer[match.Set] }

// Swap puts another set in force for all messages from now on.
func (x *Index) Swap(s *match.Set) { x.set.Store(s) }

// Source is where indicators are kept.
type Source interface {
	// IntelChanged is when any assertion last changed; it is asked often.
	IntelChanged(ctx context.Context) (time.Time, error)
	// Indicators gives every assertion until yield returns false.
	Indicators(ctx context.Context, yield func(intel.Assertion) bool) error
}

// Warning is a list of what many share: names, addresses, networks.
type Warning struct {
	Name   string
	Values []string
}

// Load reads all indicators and puts them in force.
func (x *Index) Load(ctx context.Context, src Source, warn []Warning) error {
	b := match.NewBuilder(0)
	for _, w := range warn {
		b.Warn(w.Name, w.Values)
	}
	if err := src.Indicators(ctx, func(a intel.Assertion) bool { b.Add(a); return true }); err != nil {
		return fmt.Errorf("loading indicators: %w", err)
	}
	x.Swap(b.Set())
	return nil
}

// Watch loads the indicators and loads them again whenever they changed, asking
// once every interval, until the context ends. A failure is told to failed and
// leaves the last good set in force.
func (x *Index) Watch(ctx context.Context, src Source, warn []Warning, every time.Duration, failed func(error)) {
	var have time.Time
	loaded := false
	for {
		at, err := src.IntelChanged(ctx)
		if err == nil && (!loaded || at.After(have)) {
			if err = x.Load(ctx, src, warn); err == nil {
				have, loaded = at, true
			}
		}
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// Stage looks for indicators. The zero value has no indicators and finds none.
type Stage struct {
	Index *Index
	Now   func() time.Time
}

// Name is "known".
func (Stage) Name() string { return "known" }

// maxHits bounds the items of one message: one is enough to hold it.
const maxHits = 20

// Analyze adds an item for each indicator found.
func (s Stage) Analyze(_ context.Context, m *mail.Message, f *mail.Facts) error {
	if s.Index == nil {
		return nil
	}
	set := s.Index.set.Load()
	if set == nil || set.Len() == 0 {
		return nil
	}
	l := look{set: set, now: s.Now(), at: m.Envelope.ReceivedAt}
	if l.at.IsZero() {
		l.at = l.now
	}
	l.sender(m)
	for i := range m.Body.Links {
		if u := m.Body.Links[i].HrefURL; u != nil {
			l.url(u)
		}
	}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		for _, h := range [...]string{a.SHA256, a.SHA1, a.MD5} {
			if h != "" {
				l.keep("file", "the attachment's hash")(set.Value(h, l.at))
			}
		}
	}
	f.Add(l.items...)
	return nil
}

type look struct {
	set   *match.Set
	now   time.Time
	at    time.Time // when the message came: old mail is judged by what held then
	items []evidence.Item
}

func (l *look) sender(m *mail.Message) {
	if d := m.Sender.Email.Domain.Domain; d != "" {
		l.keep("sender", "the author's domain")(l.set.Name(d, l.at))
		l.keep("sender", "the author's address")(l.set.Value(strings.ToLower(m.Sender.Email.Email), l.at))
	}
	for i := range m.Headers.ReplyTo {
		if d := m.Headers.ReplyTo[i].Email.Domain.Domain; d != "" {
			l.keep("sender", "the domain for replies")(l.set.Name(d, l.at))
		}
	}
	if _, d, ok := strings.Cut(m.Envelope.MailFrom, "@"); ok {
		l.keep("sender", "the envelope's domain")(l.set.Name(strings.ToLower(d), l.at))
	}
	if m.Envelope.ClientIP.IsValid() {
		l.keep("client", "the sending server")(l.set.Addr(m.Envelope.ClientIP, l.at))
	}
}

func (l *look) url(u *mail.URL) {
	if n, err := intel.Clean(intel.URL, u.URL); err == nil {
		l.keep("url", "a link")(l.set.URL(n.Value, l.at))
	}
	switch {
	case u.Domain != nil && u.Domain.Domain != "":
		l.keep("host", "the host of a link")(l.set.Name(u.Domain.Domain, l.at))
	case u.IP != nil:
		if a, err := netip.ParseAddr(u.IP.IP); err == nil {
			l.keep("host", "the address of a link")(l.set.Addr(a, l.at))
		}
	}
}

// keep returns what turns a hit into an item. The weight is at most
// evidence.MaxPrior until it has been measured, and less by the hit's strength;
// items of one indicator are one witness.
func (l *look) keep(kind, what string) func(match.Hit, bool) {
	return func(h match.Hit, ok bool) {
		if !ok || len(l.items) == maxHits {
			return
		}
		l.items = append(l.items, evidence.Item{
			ID: "known." + kind, Claim: claim(what, h), Weight: evidence.Weight(h.Strength) * evidence.MaxPrior,
			Quote: quote(h.Seen), Lineage: "known:" + h.Indicator.Value,
		})
	}
}

func claim(what string, h match.Hit) string {
	age := "of unknown age"
	if h.Since >= 0 {
		age = fmt.Sprintf("%d days old", h.Since)
	}
	more := ""
	if h.Witnesses > 1 {
		more = fmt.Sprintf(" and %d more independent sources", h.Witnesses-1)
	}
	if h.Common != "" {
		more += fmt.Sprintf("; many share it, says the list %q", h.Common)
	}
	return fmt.Sprintf("%s matches the indicator %s (%s) of %q, %s, reported by %s%s", what, h.Indicator.Value, h.How, h.Of, age, h.Source, more)
}

func quote(s string) string {
	if len(s) > evidence.MaxQuote {
		return strings.ToValidUTF8(s[:evidence.MaxQuote], "")
	}
	return s
}
