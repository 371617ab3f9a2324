// Package quarantine holds suspicious mail, and lets people look at it, release
// it to its recipients or delete it.
//
// A message is held before the client is told that it was taken: when the gate
// stops at any moment, the message is either in the quarantine or still with
// the client. A client that tries again does not double it (store.DB.Hold).
//
// A copy is released at most once. That takes two steps, because no transaction
// spans the database and another mail server: the copy is marked as releasing,
// durably and with a token; then it is sent; then it is marked as released. If
// the gate stops in between, or the next hop's answer is lost, nobody can know
// whether the message arrived. The copy then stays in releasing until a person
// says so with Resolve, or sends it again knowingly with Force. Every release
// carries its token in the field X-Foregate-Released, by which the receiving
// side's log tells.
//
// What people do is recorded with their name in the same transaction.
package quarantine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"foregate/mail"
	"foregate/store"
)

const (
	// Retention is how long held mail is kept by default.
	Retention = 30 * 24 * time.Hour
	// RecordRetention is how long the record of a message outlives its bytes at
	// least by default, counted from its arrival.
	RecordRetention = 180 * 24 * time.Hour
	// InjectTimeout bounds one hand-over to the next hop: RFC 5321 section
	// 4.5.3.2 allows ten minutes for the answer to the final dot alone, but a
	// next hop under the same roof answers within seconds.
	InjectTimeout = 5 * time.Minute
	// settle is how old an unanswered release must be before a person may
	// resolve it: until then somebody may still be waiting for the answer.
	settle = 2 * InjectTimeout
)

// ErrUncertain says that a release was begun and nobody knows whether the next
// hop took the message. A person must resolve it.
var ErrUncertain = errors.New("it is not known whether the message was delivered")

// ErrRefused is wrapped by an Injector when it is certain that the next hop
// took the message for none of the recipients: no connection, or a refusal.
// The release may then be tried again.
var ErrRefused = errors.New("the next hop did not take the message")

// Injector hands a message to the next hop for all of the recipients. Nil means
// that the next hop took the responsibility for all of them. An error that does
// not wrap ErrRefused means that it may have.
type Injector interface {
	Inject(ctx context.Context, from string, to []string, raw []byte) error
}

// Quarantine is the quarantine over a database. Its fields are not changed
// after first use; it is safe for concurrent use, by several processes on one
// database too.
type Quarantine struct {
	DB              *store.DB
	Injector        Injector         // for Release
	Now             func() time.Time // nil means time.Now
	Retention       time.Duration    // 0 means the default
	RecordRetention time.Duration    // 0 means the default
}

func (q *Quarantine) now() time.Time {
	if q.Now != nil {
		return q.Now()
	}
	return time.Now()
}

// Act implements scan.Action: it holds the message for those recipients whose
// disposition is hold, and does nothing when there is none. When it returns nil
// the copies are on the disk. A retry of a message that is held already gets
// the earlier ID: m.Meta.ID is set to it, and made when it is empty.
func (q *Quarantine) Act(ctx context.Context, m *mail.Message, f *mail.Facts, v mail.Verdict) error {
	recipients := toHold(m, v)
	if len(recipients) == 0 {
		if v.Disposition == mail.Hold {
			return errors.New("holding a message: its envelope names no recipient")
		}
		return nil
	}
	if m.Meta.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("making an ID: %w", err)
		}
		m.Meta.ID = id.String()
	}
	now := q.now()
	rec, err := record(m, f, v, now)
	if err != nil {
		return err
	}
	id, err := q.DB.Hold(ctx, rec, m.Raw, recipients, now)
	if err != nil {
		return err
	}
	m.Meta.ID = id
	return nil
}

// Record stores the record of a message that is not held. It is not on the way
// of a message: mail is delivered whether or not its record can be stored.
func (q *Quarantine) Record(ctx context.Context, m *mail.Message, f *mail.Facts, v mail.Verdict) error {
	rec, err := record(m, f, v, q.now())
	if err != nil {
		return err
	}
	return q.DB.Record(ctx, rec)
}

// toHold returns the recipients whose copies are to be held. A verdict without
// recipients of its own goes for all of the envelope.
func toHold(m *mail.Message, v mail.Verdict) []store.Recipient {
	var out []store.Recipient
	for _, r := range v.Recipients {
		if r.Disposition == mail.Hold {
			out = append(out, store.Recipient{Address: r.Recipient, Group: r.Group})
		}
	}
	if len(v.Recipients) == 0 && v.Disposition == mail.Hold {
		for _, r := range m.Envelope.Recipients {
			out = append(out, store.Recipient{Address: r})
		}
	}
	return out
}

func record(m *mail.Message, f *mail.Facts, v mail.Verdict, now time.Time) (store.Message, error) {
	facts, err := json.Marshal(f)
	if err != nil {
		return store.Message{}, fmt.Errorf("encoding the facts of %s: %w", m.Meta.ID, err)
	}
	rec := store.Message{
		ID:         m.Meta.ID,
		ReceivedAt: m.Envelope.ReceivedAt,
		Envelope:   m.Envelope,
		Sender:     m.Sender.Email.Email,
		Verdict:    v,
		Facts:      facts,
	}
	if m.Subject != nil {
		rec.Subject = m.Subject.Subject
	}
	if rec.ReceivedAt.IsZero() {
		rec.ReceivedAt = now
	}
	return rec, nil
}

// List returns a page of held messages, newest first.
func (q *Quarantine) List(ctx context.Context, query store.Query) ([]store.Hold, error) {
	return q.DB.List(ctx, query)
}

// Item is a held message with what there is to know about it.
type Item struct {
	store.Hold
	Envelope mail.Envelope   `json:"envelope"`
	Verdict  mail.Verdict    `json:"verdict"`
	Facts    json.RawMessage `json:"facts"`
	Header   string          `json:"header,omitempty"` // the header block as received; "" when the bytes are gone
	Acts     []store.Act     `json:"acts"`             // what people did, oldest first
}

// Show returns one held message; store.ErrNotFound when there is none.
func (q *Quarantine) Show(ctx context.Context, id string) (Item, error) {
	var it Item
	var err error
	if it.Hold, err = q.DB.Get(ctx, id); err != nil {
		return it, err
	}
	m, err := q.DB.Message(ctx, id)
	if err != nil {
		return it, err
	}
	it.Envelope, it.Verdict, it.Facts = m.Envelope, m.Verdict, m.Facts
	if it.Acts, err = q.DB.Acts(ctx, id); err != nil {
		return it, err
	}
	raw, err := q.DB.Raw(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return it, nil
	case err != nil:
		return it, err
	}
	it.Header = string(raw[:headerEnd(raw)])
	return it, nil
}

// Raw returns a held message as received and records who read it;
// store.ErrNotFound when its bytes are gone.
func (q *Quarantine) Raw(ctx context.Context, actor, id string) ([]byte, error) {
	raw, err := q.DB.Raw(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := q.DB.Note(ctx, store.Act{At: q.now(), Actor: actor, Act: "read", Object: id}); err != nil {
		return nil, err
	}
	return raw, nil
}

// Delete deletes held copies, of all recipients when none are named. The bytes
// go with the last copy; the record stays.
func (q *Quarantine) Delete(ctx context.Context, actor, id string, recipients []string) error {
	_, err := q.DB.Apply(ctx, store.Move{
		ID: id, Recipients: recipients, From: store.Held, To: store.Deleted, At: q.now(),
		Audit: &store.Act{Actor: actor, Act: "delete"},
	})
	return err
}

// Expire ends the retention of what is older: held copies expire, the bytes
// are deleted, and so are, later, the records. It returns how many copies
// expired and how many records went. It may run at any time, from any process.
func (q *Quarantine) Expire(ctx context.Context, now time.Time) (copies, records int, err error) {
	keep, keepRecord := q.Retention, q.RecordRetention
	if keep <= 0 {
		keep = Retention
	}
	if keepRecord <= 0 {
		keepRecord = RecordRetention
	}
	if copies, err = q.DB.Expire(ctx, now.Add(-keep), now); err != nil {
		return copies, 0, err
	}
	records, err = q.DB.Purge(ctx, now.Add(-max(keep, keepRecord)))
	return copies, records, err
}
