package sender

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"foregate/mail"
)

// What a message may teach. A message whose author is proven teaches in full,
// one that failed authentication a quarter; per key and day no more is learned
// than a cap, so that a flood of one day cannot become the sender's usual.
const (
	trustProven  = unit
	trustUnknown = unit / 2
	trustFailed  = unit / 4

	capAddress = 6 * unit // units per address and day
	capPair    = 4 * unit
	capDomain  = 30 * unit
	capWorld   = math.MaxUint16

	// settleBatch is how many lessons one transaction applies.
	settleBatch = 100
)

// lesson is what one message teaches, waiting for the delay to pass. It holds
// keys and hashes; the domain is in words for the index of look-alikes.
type lesson struct {
	Day     int32    `json:"day"`
	Trust   uint16   `json:"trust"`
	Failed  bool     `json:"failed,omitempty"`
	Address string   `json:"a"`
	Domain  string   `json:"d,omitempty"`
	Pairs   []string `json:"p,omitempty"`
	Traits  []uint32 `json:"t"` // kind in the upper byte, hash in the others
	Name    string   `json:"n,omitempty"`
	Author  uint32   `json:"author"` // hash of the address, as memos have it
	Host    string   `json:"host,omitempty"`
	Ours    bool     `json:"ours,omitempty"`
}

// Note is what a judged message leaves to be kept. It is small and holds nothing
// of the message's text.
type Note struct {
	id      string
	now     time.Time
	who     identity
	flags   uint8             // for the sender's records, when the message teaches nothing else
	fresh   map[string][]byte // memos to keep, each unless there is one
	touched []string          // records of those we wrote to
	lesson  []byte
}

// Learn notes what a judged message teaches and keeps it. Call it when the
// verdict has been carried out. Delivered mail waits for Delay before it counts;
// of held and refused mail only is kept that there was some, and not even that
// when the sender it names failed authentication. Outbound mail marks its
// recipients as solicited at once. m.Meta.ID names the lesson, for Reported.
func (s *Stage) Learn(ctx context.Context, m *mail.Message, f *mail.Facts, v mail.Verdict) error {
	n, err := s.Note(m, f, v)
	if err != nil || n == nil {
		return err
	}
	return s.Keep(ctx, n)
}

// Note is the first half of Learn: it writes down what a judged message teaches
// and keeps nothing. Nil means that there is nothing to keep.
func (s *Stage) Note(m *mail.Message, f *mail.Facts, v mail.Verdict) (*Note, error) {
	if s.History == nil || m.Sender.Email.Email == "" || v.Disposition == mail.Defer {
		return nil, nil
	}
	n := &Note{id: m.Meta.ID, now: s.at(m), who: s.identify(m)}
	if v.Disposition == mail.Hold || v.Disposition == mail.Reject {
		if failed(f) || m.Type.Outbound || m.Type.Internal {
			return nil, nil
		}
		n.flags = flagMalicious
		return n, nil
	}
	s.witness(n, m)
	l := s.lesson(m, f, n.who, n.now)
	if v.Disposition == mail.Flag {
		l.Trust = trustFailed
	}
	var err error
	if n.lesson, err = json.Marshal(l); err != nil {
		return nil, fmt.Errorf("encoding a lesson: %w", err)
	}
	return n, nil
}

// Keep is the second half of Learn.
func (s *Stage) Keep(ctx context.Context, n *Note) error {
	if n.flags != 0 {
		return s.mark(ctx, n.now, n.who, n.flags)
	}
	if err := s.keepWitness(ctx, n); err != nil {
		return fmt.Errorf("remembering a message: %w", err)
	}
	if err := s.Journal.QueueLesson(ctx, n.id, n.now.Add(s.Delay), n.lesson); err != nil {
		return fmt.Errorf("queueing a lesson: %w", err)
	}
	return nil
}

// lesson writes down what a message teaches.
func (s *Stage) lesson(m *mail.Message, f *mail.Facts, who identity, now time.Time) lesson {
	l := lesson{
		Day: dayOf(now), Trust: trustOf(f), Failed: failed(f), Address: who.address, Domain: who.domain, Pairs: who.pairs,
		Author: who.hash, Ours: m.Type.Outbound || m.Type.Internal,
	}
	if !who.shared {
		l.Host = who.root
	}
	if n := nameKey(m.Sender.DisplayName); n != "" {
		l.Name = s.Secret.key('n', n)
	}
	for _, t := range s.collect(m, f) {
		l.Traits = append(l.Traits, uint32(t.kind)<<24|t.hash)
	}
	return l
}

func trustOf(f *mail.Facts) uint16 {
	switch {
	case f.Auth.AuthorProven:
		return trustProven
	case failed(f):
		return trustFailed
	}
	return trustUnknown
}

// failed tells mail whose author is known to be unproven; what was not checked
// has not failed.
func failed(f *mail.Facts) bool {
	return !f.Auth.AuthorProven && (f.Auth.DMARC == mail.ResultFail || f.Auth.SPF == mail.ResultFail && f.Auth.DKIMResult != mail.ResultPass)
}

// witness notes what is remembered at once, because no stranger can fake it: the
// message itself, so that answers find it, and whom we wrote to.
func (s *Stage) witness(n *Note, m *mail.Message) {
	ours := m.Type.Outbound || m.Type.Internal
	n.fresh = map[string][]byte{}
	if id := strings.Trim(m.Headers.MessageID, "<> \t"); id != "" {
		memo := s.remember(m, ours, dayOf(n.now))
		raw := memo.encode()
		n.fresh[s.Secret.key('m', id)] = raw
		if t := m.Body.CurrentThread; t != nil && ours {
			for _, k := range s.passages(t.Text) {
				n.fresh[k] = raw
			}
		}
	}
	if !m.Type.Outbound || automatic(m) {
		return
	}
	var touched []string
	for _, r := range recipients(m) {
		if s.isOwn(hostOf(r)) {
			continue
		}
		touched = append(touched, s.Secret.key('a', r), s.Secret.key('p', r, n.who.mailbox))
		if root := rootOf(hostOf(r)); !s.isShared(root) {
			touched = append(touched, s.Secret.key('d', root))
		}
	}
	slices.Sort(touched)
	n.touched = append(slices.Compact(touched), s.worldKey())
}

func (s *Stage) keepWitness(ctx context.Context, n *Note) error {
	keys := slices.Concat(n.touched, slices.Collect(maps.Keys(n.fresh)))
	if len(keys) == 0 {
		return nil
	}
	return s.History.ChangeProfiles(ctx, n.now, keys, func(old map[string][]byte) (map[string][]byte, error) {
		out := map[string][]byte{}
		for k, v := range n.fresh {
			if len(old[k]) == 0 { // the first message of an ID is the message
				out[k] = v
			}
		}
		for _, k := range n.touched {
			r, err := decodeRecord(old[k])
			if err != nil {
				r = record{} // a damaged record is begun anew
			}
			r.wroteTo(dayOf(n.now))
			out[k] = r.appendTo(nil)
		}
		return out, nil
	})
}

// wroteTo notes mail of ours to this key.
func (r *record) wroteTo(day int32) {
	r.flags |= flagSolicited
	if r.out < math.MaxUint32 {
		r.out++
	}
	r.lastOut = max(r.lastOut, day)
	if r.firstDay == 0 || day < r.firstDay {
		r.firstDay = day
	}
}

// automatic tells answers that no person wrote (RFC 3834): they solicit
// nothing.
func automatic(m *mail.Message) bool {
	if m.Subject != nil && m.Subject.IsAutoReply {
		return true
	}
	for i := range m.Headers.Hops {
		for _, f := range m.Headers.Hops[i].Fields {
			if strings.EqualFold(f.Name, "Auto-Submitted") && !strings.EqualFold(strings.TrimSpace(f.Value), "no") {
				return true
			}
		}
	}
	return false
}

// mark sets flags on the records of a sender.
func (s *Stage) mark(ctx context.Context, now time.Time, who identity, flags uint8) error {
	keys := []string{who.address}
	if who.domain != "" && !who.shared {
		keys = append(keys, who.domain)
	}
	err := s.History.ChangeProfiles(ctx, now, keys, func(old map[string][]byte) (map[string][]byte, error) {
		out := map[string][]byte{}
		for _, k := range keys {
			r, err := decodeRecord(old[k])
			if err != nil {
				r = record{}
			}
			r.flags |= flags
			out[k] = r.appendTo(nil)
		}
		return out, nil
	})
	if err != nil {
		return fmt.Errorf("marking a sender: %w", err)
	}
	return nil
}

// Reported takes a delivered message's lesson back, when it has not been learned
// yet, and marks its sender. It reports whether there was a lesson to take back.
func (s *Stage) Reported(ctx context.Context, m *mail.Message, f *mail.Facts) (bool, error) {
	dropped, err := s.Journal.DropLesson(ctx, m.Meta.ID)
	if err != nil {
		return false, fmt.Errorf("dropping a lesson: %w", err)
	}
	if failed(f) {
		return dropped, nil // the sender named is a victim too
	}
	return dropped, s.mark(ctx, s.at(m), s.identify(m), flagMalicious)
}

// Released notes that a held message was none to hold, and lets it teach.
func (s *Stage) Released(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	if err := s.mark(ctx, s.at(m), s.identify(m), flagFalsePositive); err != nil {
		return err
	}
	return s.Learn(ctx, m, f, mail.Verdict{Disposition: mail.Flag})
}

// Settle learns the lessons that are due at a time and returns how many. The
// gate calls it every few minutes; each batch is one transaction.
func (s *Stage) Settle(ctx context.Context, now time.Time) (int, error) {
	if s.History == nil {
		return 0, nil
	}
	total := 0
	for {
		n, err := s.Journal.SettleLessons(ctx, now, settleBatch, s.lessonKeys, s.apply)
		total += n
		if err != nil {
			return total, fmt.Errorf("learning: %w", err)
		}
		if n < settleBatch {
			return total, nil
		}
	}
}

// lessonKeys are the keys that a lesson may change.
func (s *Stage) lessonKeys(raw []byte) []string {
	var l lesson
	if json.Unmarshal(raw, &l) != nil {
		return nil
	}
	keys := append([]string{s.worldKey(), l.Address}, l.Pairs...)
	for _, k := range []string{l.Domain, l.Name} {
		if k != "" {
			keys = append(keys, k)
		}
	}
	if l.Host != "" && !l.Ours {
		keys = append(keys, s.spellings(l.Host)...)
	}
	return keys
}

// book is the records under change, decoded once per batch.
type book struct {
	old     map[string][]byte
	records map[string]*record
	memos   map[string]*memo
}

func (b *book) record(key string) *record {
	if r, ok := b.records[key]; ok {
		return r
	}
	r, err := decodeRecord(b.old[key])
	if err != nil {
		r = record{} // a damaged record is begun anew
	}
	b.records[key] = &r
	return &r
}

func (b *book) memo(key string) *memo {
	if m, ok := b.memos[key]; ok {
		return m
	}
	m, err := decodeMemo(b.old[key])
	if err != nil {
		m = memo{}
	}
	b.memos[key] = &m
	return &m
}

// apply learns a batch of lessons. A lesson that can't be read is dropped.
func (s *Stage) apply(lessons [][]byte, old map[string][]byte) (map[string][]byte, error) {
	b := &book{old: old, records: map[string]*record{}, memos: map[string]*memo{}}
	for _, raw := range lessons {
		var l lesson
		if json.Unmarshal(raw, &l) == nil && l.Address != "" {
			s.learn(b, &l)
		}
	}
	out := make(map[string][]byte, len(b.records)+len(b.memos))
	for k, r := range b.records {
		out[k] = r.appendTo(nil)
	}
	for k, m := range b.memos {
		if m.day != 0 {
			out[k] = m.encode()
		}
	}
	return out, nil
}

func (s *Stage) learn(b *book, l *lesson) {
	a := b.record(l.Address)
	first := a.learnDay != l.Day
	if !a.learn(l, capAddress, s.law, func(kind) bool { return true }) {
		return
	}
	for _, p := range l.Pairs {
		b.record(p).learn(l, capPair, s.law, pairKind)
	}
	if l.Domain != "" {
		d := b.record(l.Domain)
		d.learn(l, capDomain, s.law, domainKind)
		if l.Host != "" && !l.Ours && established(d) && d.flags&flagIndexed == 0 {
			d.flags |= flagIndexed
			for _, k := range s.spellings(l.Host) {
				m := b.memo(k)
				m.day = l.Day
				if !slices.Contains(m.texts, l.Host) {
					m.texts = append(m.texts, l.Host)
				}
			}
		}
	}
	if first { // each sender counts once a day, however much it sends
		b.record(s.worldKey()).learn(l, capWorld, s.law, func(kind) bool { return true })
	}
	if l.Name != "" && established(a) && a.flags&flagIndexed == 0 {
		a.flags |= flagIndexed
		m := b.memo(l.Name)
		m.day = l.Day
		if !slices.Contains(m.addrs, l.Author) && len(m.addrs) < maxMemoList {
			m.addrs = append(m.addrs, l.Author)
		}
	}
}

// established senders are worth imitating: they wrote on several days, or we
// wrote to them.
func established(r *record) bool { return r.days >= 3 || r.flags&flagSolicited != 0 }

// learn adds one message to a record, at most up to the day's cap, and reports
// whether it was believed: mail that does not prove its author teaches nothing
// about a sender who usually does.
func (r *record) learn(l *lesson, most uint16, law *[numKinds]traitLaw, keeps func(kind) bool) bool {
	r.decay(l.Day)
	if l.Failed {
		r.flags |= flagFailed
	}
	if l.Trust < trustProven && r.total >= minHistory*unit && 2*int(r.proven) > int(r.total) {
		return false
	}
	r.flags |= flagBenign
	if r.in < math.MaxUint32 {
		r.in++
	}
	if r.firstDay == 0 || l.Day < r.firstDay {
		r.firstDay = l.Day
	}
	if l.Day > r.lastIn {
		r.lastIn = l.Day
		if r.days < math.MaxUint16 {
			r.days++
		}
	}
	if r.learnDay != l.Day {
		r.learnDay, r.spent = l.Day, 0
	}
	w := min(l.Trust, most-min(most, r.spent))
	if w == 0 {
		return true
	}
	r.spent += w
	if r.total+w > maxCount {
		r.total, r.proven = r.total/2, r.proven/2
	}
	r.total += w
	if l.Trust >= trustProven {
		r.proven += w
	}
	var values [numKinds][]uint32
	for _, t := range l.Traits {
		if k := kind(t >> 24); k < numKinds && keeps(k) {
			values[k] = append(values[k], t&0xFFFFFF)
		}
	}
	for k := range numKinds {
		r.add(k, values[k], w, l.Day, law[k].slots)
	}
	return true
}
