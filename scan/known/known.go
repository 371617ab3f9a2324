// Package known finds indicators of the intelligence graph in messages: hosts of
// links and senders, URLs, addresses and files. Each find is an item of evidence
// that names the report, its age and its source.
package known

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
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
	// Indicators gives the assertions that changed after a time, those taken back
	// included, or, for the zero time, all that are in force, until yield returns
	// false.
	Indicators(ctx context.Context, since time.Time, yield func(intel.Assertion) bool) error
}

// Warning is a list of what many share: names, addresses, networks.
type Warning struct {
	Name   string
	Values []string
}

// Load reads all indicators and puts them in force. It returns up to when it
// knows of changes.
func (x *Index) Load(ctx context.Context, src Source, warn []Warning) (time.Time, error) {
	at, err := src.IntelChanged(ctx)
	if err != nil {
		return at, fmt.Errorf("loading indicators: %w", err)
	}
	set := match.NewSet(0, Answers)
	for _, w := range warn {
		set.Warn(w.Name, w.Values)
	}
	if err := apply(ctx, set, src, time.Time{}); err != nil {
		return at, err
	}
	x.Swap(set)
	return at, nil
}

// applyBatch is how many assertions are put in force at a time.
const applyBatch = 1000

func apply(ctx context.Context, set *match.Set, src Source, since time.Time) error {
	batch := make([]intel.Assertion, 0, applyBatch)
	err := src.Indicators(ctx, since, func(a intel.Assertion) bool {
		if batch = append(batch, a); len(batch) == applyBatch {
			set.Apply(batch...)
			batch = batch[:0]
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("loading indicators: %w", err)
	}
	set.Apply(batch...)
	return nil
}

// Watch keeps the indicators up to date until the context ends: it loads them
// once, unless have says up to when they are loaded, asks every interval whether
// any changed, and takes in those. A failure is told to failed and leaves those
// that are there in force.
func (x *Index) Watch(ctx context.Context, src Source, warn []Warning, have time.Time, every time.Duration, failed func(error)) {
	for {
		var err error
		if set := x.set.Load(); set == nil {
			have, err = x.Load(ctx, src, warn)
		} else {
			var at time.Time
			if at, err = src.IntelChanged(ctx); err == nil && at.After(have) {
				if err = apply(ctx, set, src, have); err == nil {
					have = at
				}
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

// Len is the number of statements on indicators in force.
func (x *Index) Len() int {
	if set := x.set.Load(); set != nil {
		return set.Len()
	}
	return 0
}

// Refused is how many STIX patterns cannot be looked for in mail, and why, of
// some of them.
func (x *Index) Refused() (int, []string) {
	if set := x.set.Load(); set != nil {
		return set.Refused()
	}
	return 0, nil
}

// Stage notes what of a message can be shared with others and looks for
// indicators. The zero value has no indicators and finds none.
type Stage struct {
	Index *Index
	Now   func() time.Time
}

// Name is "known".
func (Stage) Name() string { return "known" }

// maxHits bounds the items of one message: one is enough to hold it.
const maxHits = 20

// errNotLoaded is the gap of messages that come before the indicators are there.
var errNotLoaded = errors.New("the indicators are not loaded yet")

// Analyze adds an item for each indicator found.
func (s Stage) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	seen := Observe(m, f.Files...)
	f.Seen = seen[:min(len(seen), MaxSeen)]
	if s.Index == nil {
		return nil
	}
	set := s.Index.set.Load()
	if set == nil {
		return errNotLoaded
	}
	// Old mail is judged by what held then.
	at := m.Envelope.ReceivedAt
	if at.IsZero() {
		at = s.Now()
	}
	found, err := Look(ctx, set, m, seen, at)
	for _, x := range found {
		f.Add(x.Item)
	}
	return err
}

// Found is an indicator of a message and what it is worth.
type Found struct {
	Indicator intel.Node
	Item      evidence.Item
}

// Look finds the indicators of a message, given what Observe saw in it and when
// it came. The error is that the time was over before all patterns were tried.
func Look(ctx context.Context, set *match.Set, m *mail.Message, seen []mail.Seen, at time.Time) ([]Found, error) {
	if set.Has(intel.SHA512) { // nearly nobody uses it, and it takes as long as all the rest
		seen = slices.Clip(seen)
		for i := range m.Attachments {
			sum := sha512.Sum512(m.Attachments[i].Raw)
			seen = append(seen, mail.Seen{Kind: string(intel.SHA512), Value: hex.EncodeToString(sum[:]), Where: InFile})
		}
	}
	found := Find(set, seen, at)
	hits, err := set.Patterns(ctx, &view{m: m, seen: seen}, at)
	for _, h := range hits {
		found = keep(found, "pattern", "the message", h)
	}
	if err != nil {
		return found, fmt.Errorf("trying patterns: %w", err)
	}
	return found, nil
}

// words are the evidence of a place: the kind of item, and how the place is
// called in a claim.
func words(s *mail.Seen) (id, what string) {
	host := s.Kind == string(intel.Domain)
	switch s.Where {
	case InAuthor:
		if host {
			return "sender", "the author's domain"
		}
		return "sender", "the author's address"
	case InReplyTo:
		if host {
			return "sender", "the domain for replies"
		}
		return "sender", "the address for replies"
	case InEnvelope:
		if host {
			return "sender", "the envelope's domain"
		}
		return "sender", "the envelope's address"
	case InClient:
		return "client", "the sending server"
	case InLink:
		switch {
		case s.Kind == string(intel.URL):
			return "url", "a link"
		case host:
			return "host", "the host of a link"
		}
		return "host", "the address of a link"
	case InFile:
		if s.Kind == string(intel.FileName) {
			return "file-name", "the attachment's name"
		}
		return "file", "the attachment's hash"
	case InInside:
		if s.Kind == string(intel.FileName) {
			return "file-name", "the name of a file inside an attachment"
		}
		return "file", "the hash of a file inside an attachment"
	case InMailer:
		return "mailer", "the make of the writing program"
	case InMessageID:
		return "message-id", "the make of the Message-ID"
	}
	return "layout", "the layout of the body"
}

// Find looks for what was seen of a message at a time. It finds everything but
// STIX patterns, which need the message itself.
func Find(set *match.Set, seen []mail.Seen, at time.Time) []Found {
	var found []Found
	for i := range seen {
		s := &seen[i]
		var h match.Hit
		var ok bool
		switch intel.Kind(s.Kind) {
		case intel.Domain:
			h, ok = set.Name(s.Value, at)
		case intel.URL:
			h, ok = set.URL(s.Value, at)
		case intel.IPv4, intel.IPv6:
			if a, err := netip.ParseAddr(s.Value); err == nil {
				h, ok = set.Addr(a, at)
			}
		default:
			h, ok = set.Value(intel.Kind(s.Kind), s.Value, at)
		}
		if ok {
			id, what := words(s)
			found = keep(found, id, what, h)
		}
	}
	return found
}

// keep turns a hit into an item. The weight is at most evidence.MaxPrior until
// it has been measured, and less by the hit's strength; items of one indicator
// are one witness.
func keep(found []Found, kind, what string, h match.Hit) []Found {
	if len(found) >= maxHits {
		return found
	}
	return append(found, Found{h.Indicator, evidence.Item{
		ID: "known." + kind, Claim: claim(what, h), Weight: evidence.Weight(h.Strength) * evidence.MaxPrior,
		Quote: quote(h.Seen), Lineage: "known:" + h.Indicator.Value,
	}})
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
	report := ""
	if !strings.EqualFold(h.Report, h.Source) && !strings.EqualFold(h.Report, h.Of) {
		report = fmt.Sprintf(" from the report %q", h.Report)
	}
	return fmt.Sprintf("%s matches the indicator %s (%s) of %q, %s, reported by %s%s%s", what, h.Indicator.Value, h.How, h.Of, age, h.Source, report, more)
}

func quote(s string) string {
	if len(s) > evidence.MaxQuote {
		return strings.ToValidUTF8(s[:evidence.MaxQuote], "")
	}
	return s
}
