package sender

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"foregate/domain"
	"foregate/evidence"
	"foregate/mail"
)

// The weights of what is not a likelihood ratio of traits. They are bounded
// guesses of the size of what bench/history measures: a first contact is common
// in honest mail too and weighs little alone.
const (
	weightFirst        = .2  // unknown address and domain
	weightFirstAsk     = .3  // that wants something
	weightNewAddress   = .1  // unknown address of a known domain
	weightSolicited    = -.5 // we wrote first
	weightContinues    = -.8 // answers what we wrote to it
	weightLookalike    = 1.3 // real names do resemble each other
	weightLookalikeAsk = 1.9
	weightLookalikeTwo = 3.0 // domain and display name both resemble a correspondent
	weightBroken       = .5  // a stranger in a conversation
	weightBrokenAsk    = 1.9
	weightNeverSent    = .7 // answers what we never sent
	weightKnownName    = .2
	weightKnownNameAsk = 1.1
	lineageHistory     = "sender.history"
	lineageContact     = "sender.contact"
	lineageIdentity    = "sender.identity"
	lineageLookalike   = "claim.lookalike" // the claim stage may know the domain as a partner's
	lineageInfra       = "sender.infrastructure"
)

// Analyze implements scan.Stage: it holds the message against what earlier mail
// says of its sender. It fails only when the records can't be read.
func (s *Stage) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	if s.History == nil || m.Sender.Email.Email == "" {
		return nil
	}
	x, err := s.load(ctx, m, f)
	if err != nil {
		return err
	}
	x.assessment = x.past.assess(x.traits, x.way(), s.law)
	x.behaviour()
	x.contact()
	x.thread()
	if err := x.resemblance(ctx); err != nil {
		return err
	}
	for i := range x.items {
		x.items[i].History = inPlace(x.items[i].ID)
	}
	f.Add(x.items...)
	f.Sender = x.fact()
	return nil
}

// exam is the examination of one message.
type exam struct {
	s        *Stage
	m        *mail.Message
	f        *mail.Facts
	now      time.Time
	who      identity
	traits   []trait
	past     past
	answered []memo // memos of the messages answered, nearest first
	assessment
	items []evidence.Item
}

// load reads everything about the sender that is kept, in one query.
func (s *Stage) load(ctx context.Context, m *mail.Message, f *mail.Facts) (*exam, error) {
	x := &exam{s: s, m: m, f: f, now: s.at(m), who: s.identify(m)}
	x.traits = s.collect(m, f)
	thread := append(s.threadKeys(m), s.quotedKeys(m)...)
	keys := make([]string, 0, 24)
	keys = append(keys, s.worldKey(), x.who.address)
	if x.who.domain != "" {
		keys = append(keys, x.who.domain)
	}
	keys = append(append(keys, x.who.pairs...), thread...)
	stored, err := s.History.LoadProfiles(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("reading what is known of the sender: %w", err)
	}
	x.past.shared = x.who.shared
	if err := x.read(stored, thread); err != nil {
		return nil, fmt.Errorf("reading what is known of the sender: %w", err)
	}
	return x, nil
}

func (x *exam) read(stored map[string][]byte, thread []string) (err error) {
	if x.past.world, err = decodeRecord(stored[x.s.worldKey()]); err != nil {
		return err
	}
	if x.past.address, err = decodeRecord(stored[x.who.address]); err != nil {
		return err
	}
	if x.past.domain, err = decodeRecord(stored[x.who.domain]); err != nil {
		return err
	}
	// Of several recipients the pair that knows most speaks.
	for _, k := range x.who.pairs {
		r, err := decodeRecord(stored[k])
		if err != nil {
			return err
		}
		if r.in+r.out > x.past.pair.in+x.past.pair.out {
			x.past.pair = r
		}
	}
	for _, k := range thread {
		if len(stored[k]) == 0 {
			continue
		}
		m, err := decodeMemo(stored[k])
		if err != nil {
			return err
		}
		x.answered = append(x.answered, m)
	}
	return nil
}

// way is what the header fields say of the way of the message.
func (x *exam) way() path {
	out := path{listed: x.listed()}
	if r := x.past.forKind(kindRDNS); r != nil {
		out.known = true
		for _, h := range x.s.servers(x.m) {
			out.passes = out.passes || r.find(kindRDNS, h) != nil
		}
	}
	if r := x.past.forKind(kindDKIM); r != nil {
		for i := range x.m.Headers.Hops {
			s := x.m.Headers.Hops[i].Signature
			out.signed = out.signed || s != nil && s.Type == "dkim" && r.find(kindDKIM, x.s.Secret.hash24(kindDKIM, strings.ToLower(s.Domain))) != nil
		}
	}
	return out
}

// add notes an item with a measured weight.
func (x *exam) add(id, lineage string, w float64, format string, args ...any) {
	x.items = append(x.items, evidence.Item{ID: id, Claim: fmt.Sprintf(format, args...), Weight: evidence.Weight(w), Measured: true, Lineage: lineage})
}

// inPlace tells evidence of whether somebody stands in a correspondent's place.
// That we know the sender, or answer it, is as true of one whose account is in
// other hands; a first contact is in nobody's place.
func inPlace(id string) bool {
	switch id {
	case IDFirstContact, IDSolicited, IDThreadContinues:
		return false
	}
	return true
}

// warm tells whether the gate has watched long enough for "never seen" to mean
// something.
func (x *exam) warm() bool {
	w := &x.past.world
	return w.firstDay != 0 && dayOf(x.now)-w.firstDay >= int32(Warmup/(24*time.Hour))
}

// strange tells a sender of whom nothing is known.
func (x *exam) strange() bool {
	return x.past.address.in == 0 && x.past.address.out == 0
}

// behaviour weighs the traits: one item for each visible change, or one that
// says that nothing changed.
func (x *exam) behaviour() {
	if !x.judged || x.joint == 0 && x.disproven() {
		return
	}
	if x.joint <= 0 {
		x.add(IDKnown, lineageHistory, x.joint, "%s; this message looks like the others.", x.history())
		return
	}
	var items []evidence.Item
	for _, fd := range x.findings {
		law := &x.s.law[fd.kind]
		if !fd.changed || law.quiet {
			continue
		}
		w := math.Log10((1-law.copied)/fd.novelty + law.copied)
		it := evidence.Item{ID: law.id, Claim: x.claim(fd), Weight: evidence.Weight(min(maxItem, w)), Measured: true, Lineage: lineageOf(law.group)}
		if i := slices.IndexFunc(items, func(o evidence.Item) bool { return o.ID == it.ID }); i < 0 {
			items = append(items, it)
		} else if items[i].Weight < it.Weight {
			items[i] = it
		}
	}
	if !x.moved() || len(x.asks) == 0 {
		x.items = append(x.items, share(items, x.joint)...)
		return
	}
	items = share(items, x.joint*(1-askShare))
	told, _ := evidence.Sum(0, items)
	x.items = append(x.items, items...)
	x.add(IDTakeover, "sender.takeover", x.joint-float64(told), "%s; this message comes with %s and asks for %s.", x.history(), x.moves(), list(x.asks))
}

// contact says what the mere fact of earlier contact is worth.
func (x *exam) contact() {
	a, d := &x.past.address, &x.past.domain
	asks := len(x.asks) > 0
	switch {
	case !x.warm() || x.m.Type.Internal || x.m.Type.Outbound:
	case x.strange() && (x.who.shared || d.in == 0 && d.out == 0):
		w := weightFirst
		if asks {
			w = weightFirstAsk
		}
		x.add(IDFirstContact, lineageContact, w, "%s has never written before in %d days of mail.", x.who.mailbox, dayOf(x.now)-x.past.world.firstDay)
	case x.strange():
		x.add(IDFirstContact, lineageContact, weightNewAddress, "%s has never written before; others at %s have.", x.who.mailbox, x.who.root)
	}
	if a.flags&flagSolicited != 0 && !x.estranged() {
		x.add(IDSolicited, lineageHistory, weightSolicited, "We have written to %s %s.", x.who.mailbox, times(a.out))
	}
}

// estranged tells that what we know of the sender must not speak for this
// message: it comes from elsewhere, or it failed to prove its author.
func (x *exam) estranged() bool {
	return x.groups[groupRelay].changed || x.groups[groupProof].changed || failed(x.f) || x.joint > 1
}

// thread says whether the message takes its place in a conversation.
func (x *exam) thread() {
	if len(x.answered) == 0 {
		x.neverSent()
		return
	}
	t := &x.answered[0]
	took := slices.Contains(t.addrs, x.who.hash)
	if took {
		if t.ours && !x.estranged() && x.quotes(t) {
			x.add(IDThreadContinues, lineageHistory, weightContinues, "Answers a message that we sent to %s on %s.", x.who.mailbox, date(t.day))
		}
		return
	}
	colleague := !x.who.shared && slices.Contains(t.roots, x.s.Secret.hash24(kindReturnPath, x.who.root))
	name := nameKey(x.m.Sender.DisplayName)
	poses := name != "" && slices.Contains(t.names, x.s.Secret.hash24(kindName, name))
	if colleague || !x.strange() || !t.ours && !poses || x.listed() || x.m.Type.Internal || x.m.Type.Outbound {
		return
	}
	w := weightBroken
	if len(x.asks) > 0 || poses {
		w = weightBrokenAsk
	}
	what := "of ours"
	if !t.ours {
		what = "of somebody with the same name"
	}
	x.add(IDBrokenThread, lineageIdentity, w, "Answers a message %s of %s, but %s was no part of that conversation.", what, date(t.day), x.who.mailbox)
}

// quotes tells that what is quoted is what the message said, as far as both are
// there to compare.
func (x *exam) quotes(t *memo) bool {
	if len(x.m.Body.PreviousThreads) == 0 || len(t.lines) < 2 {
		return true
	}
	quoted := x.s.lineHashes(strip(x.m.Body.PreviousThreads[0].Text))
	if len(quoted) < 2 {
		return true
	}
	return slices.ContainsFunc(quoted, func(h uint32) bool { return slices.Contains(t.lines, h) })
}

// strip takes quoting marks off; the hash ignores them anyway where they stand
// before letters.
func strip(text string) string { return strings.ReplaceAll(text, ">", "") }

// neverSent finds answers to messages of ours that we never sent. It needs a
// gate that sees our outbound mail for some time.
func (x *exam) neverSent() {
	w := &x.past.world
	if x.m.Headers.InReplyTo == "" || !x.m.Type.Inbound || w.out < 20 || !x.warm() || !x.strange() || x.listed() {
		return
	}
	if host := hostOf(strings.Trim(x.m.Headers.InReplyTo, "<> \t")); x.s.isOwn(host) {
		x.add(IDBrokenThread, lineageIdentity, weightNeverSent, "Answers a message from %s that was never seen here.", host)
	}
}

// listed tells mail of a mailing list (RFC 2919), where strangers answer
// everybody.
func (x *exam) listed() bool {
	if len(x.m.Sender.Decoders) > 0 {
		return true
	}
	for i := range x.m.Headers.Hops {
		for _, f := range x.m.Headers.Hops[i].Fields {
			if strings.EqualFold(f.Name, "List-Id") || strings.EqualFold(f.Name, "List-Post") {
				return true
			}
		}
	}
	return false
}

// resemblance looks for a correspondent whom a stranger resembles, by the
// spelling of the domain or by the display name.
func (x *exam) resemblance(ctx context.Context) error {
	if !x.strange() || !x.m.Type.Inbound {
		return nil
	}
	newDomain := !x.who.shared && x.past.domain.in == 0 && x.past.domain.out == 0 && x.who.root != ""
	name, nameAt := nameKey(x.m.Sender.DisplayName), ""
	var keys []string
	if newDomain {
		keys = x.s.spellings(x.who.root)
	}
	if name != "" {
		nameAt = x.s.Secret.key('n', name)
		keys = append(keys, nameAt)
	}
	if len(keys) == 0 {
		return nil
	}
	stored, err := x.s.History.LoadProfiles(ctx, keys)
	if err != nil {
		return fmt.Errorf("looking for correspondents of the same spelling: %w", err)
	}
	found, named := false, false
	if raw := stored[nameAt]; len(raw) > 0 {
		memo, err := decodeMemo(raw)
		if err != nil {
			return fmt.Errorf("looking for correspondents of the same name: %w", err)
		}
		named = x.knownName(&memo)
	}
	for _, k := range keys {
		if len(stored[k]) == 0 || k == nameAt || found {
			continue
		}
		memo, err := decodeMemo(stored[k])
		if err != nil {
			return fmt.Errorf("looking for correspondents of the same spelling: %w", err)
		}
		found = x.lookalike(memo.texts, named)
	}
	return nil
}

// lookalike reports the first of the domains that the sender's imitates.
func (x *exam) lookalike(domains []string, named bool) bool {
	for _, d := range domains {
		if d == x.who.root {
			continue
		}
		matcher := domain.NewMatcher([]domain.Protected{{Domains: []string{d}, Complete: true, Label: d}})
		for _, hit := range matcher.Match(x.who.root, nil) {
			w := weightLookalike
			switch {
			case named:
				w = weightLookalikeTwo
			case len(x.asks) > 0:
				w = weightLookalikeAsk
			}
			x.add(IDLookalike, lineageLookalike, w, "%s has never written before and looks like %s, which writes to us: %s.", x.who.root, d, hit.Detail)
			return true
		}
	}
	return false
}

// knownName reports a correspondent's name on an address that was never seen.
func (x *exam) knownName(m *memo) bool {
	if len(m.addrs) == 0 || slices.Contains(m.addrs, x.who.hash) || x.listed() {
		return false
	}
	w := weightKnownName
	if len(x.asks) > 0 {
		w = weightKnownNameAsk
	}
	x.add(IDKnownName, lineageIdentity, w, "The name %q is a correspondent's, the address %s is new.", shorten(x.m.Sender.DisplayName), x.who.mailbox)
	return true
}

// fact is what the stage leaves in the facts.
func (x *exam) fact() *mail.SenderFact {
	a := answer(&x.past.address, &x.past.world, dayOf(x.now))
	out := &mail.SenderFact{Prevalence: a.Prevalence, Messages: int(x.past.address.in), Solicited: x.past.address.flags&flagSolicited != 0, LogRatio: evidence.Weight(x.joint), Asks: x.asks}
	if a.DaysKnown != nil {
		out.DaysKnown = *a.DaysKnown
	}
	for _, fd := range x.findings {
		if id := x.s.law[fd.kind].id; fd.changed && !x.s.law[fd.kind].quiet && !slices.Contains(out.Changed, id) {
			out.Changed = append(out.Changed, id)
		}
	}
	return out
}
