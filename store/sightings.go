package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"foregate/evidence"
	"foregate/intel"
)

// Sighting is an indicator that was found in a message of the history.
type Sighting struct {
	MessageID string        `json:"message"`
	Indicator intel.Node    `json:"indicator"`
	Evidence  evidence.Item `json:"evidence"`
	FoundAt   time.Time     `json:"found_at"`
	// Of the message, as recorded; filled by Sightings.
	ReceivedAt  time.Time `json:"received_at"`
	Sender      string    `json:"from"`
	Subject     string    `json:"subject"`
	Disposition string    `json:"disposition"` // what was done with the message then
}

// AddSightings keeps sightings and, in the same transaction, how far the hunt
// that found them is, under the name of its state (see FeedState). It returns
// those that were not known before.
func (db *DB) AddSightings(ctx context.Context, list []Sighting, name string, state json.RawMessage) (fresh []Sighting, err error) {
	err = db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		fresh = nil
		for _, s := range list {
			item, err := json.Marshal(s.Evidence)
			if err != nil {
				return err
			}
			res, err := tx.ExecContext(ctx, `INSERT INTO intel_sightings (message_id, kind, value, evidence, found_at)
				VALUES ($1, $2, $3, $4, $5) ON CONFLICT (message_id, kind, value) DO NOTHING`,
				s.MessageID, string(s.Indicator.Kind), s.Indicator.Value, string(item), micros(s.FoundAt))
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil {
				return err
			} else if n > 0 {
				fresh = append(fresh, s)
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO intel_feeds (name, state) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET state = excluded.state", name, string(state))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keeping sightings: %w", err)
	}
	return fresh, nil
}

// Sightings gives the newest sightings first, at most limit, with what is
// recorded of their messages.
func (db *DB) Sightings(ctx context.Context, limit int) ([]Sighting, error) {
	rs, err := db.read.QueryContext(ctx, `SELECT s.message_id, s.kind, s.value, s.evidence, s.found_at, m.received_at, m.sender, m.subject, m.disposition
		FROM intel_sightings s JOIN messages m ON m.id = s.message_id ORDER BY s.found_at DESC, s.message_id, s.kind, s.value LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("reading sightings: %w", err)
	}
	defer rs.Close()
	out := []Sighting{}
	for rs.Next() {
		var s Sighting
		var item string
		var found, received int64
		if err := rs.Scan(&s.MessageID, &s.Indicator.Kind, &s.Indicator.Value, &item, &found, &received, &s.Sender, &s.Subject, &s.Disposition); err != nil {
			return nil, fmt.Errorf("reading sightings: %w", err)
		}
		if err := json.Unmarshal([]byte(item), &s.Evidence); err != nil {
			return nil, fmt.Errorf("reading sightings: message %s: %w", s.MessageID, err)
		}
		s.FoundAt, s.ReceivedAt = fromMicros(found), fromMicros(received)
		out = append(out, s)
	}
	if err := rs.Err(); err != nil {
		return nil, fmt.Errorf("reading sightings: %w", err)
	}
	return out, nil
}
