package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"foregate/mail"
)

// Record stores the record of a judged message. A message that is already
// recorded stays as it is.
func (db *DB) Record(ctx context.Context, m Message) error {
	r, err := newRow(m)
	if err != nil {
		return err
	}
	err = db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error { return r.insert(ctx, tx) })
	if err != nil {
		return fmt.Errorf("recording message %s: %w", m.ID, err)
	}
	return nil
}

// Hold keeps a message and its record for the recipients (Address and Group are
// read) from time at on. When it returns, both are on the disk, in one
// transaction.
//
// Hold is idempotent: copies that were held within RetryWindow before, for the
// same MAIL FROM and recipient and with the same bytes below the leading trace
// fields, are not held again, whatever became of them. The ID of the hold is
// that of the message, or that of the earlier hold if nothing new was kept. A
// second call with the same message ID adds recipients to the hold.
func (db *DB) Hold(ctx context.Context, m Message, raw []byte, recipients []Recipient, at time.Time) (string, error) {
	if len(recipients) == 0 {
		return "", errors.New("holding a message: no recipients")
	}
	if len(raw) > MaxRaw {
		return "", fmt.Errorf("holding message %s: %d bytes are more than %d", m.ID, len(raw), MaxRaw)
	}
	for _, a := range append([]Recipient{{Address: m.Envelope.MailFrom}}, recipients...) {
		if clean(a.Address) != a.Address {
			// It could not be released to the right place.
			return "", fmt.Errorf("holding message %s: address %q is not UTF-8 text", m.ID, a.Address)
		}
	}
	r, err := newRow(m)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	h := holding{
		row:        r,
		recipients: recipients,
		keys:       dedupeKeys(m.Envelope.MailFrom, recipients, raw),
		zstd:       db.zip.EncodeAll(raw, nil),
		size:       len(raw),
		sha256:     hex.EncodeToString(sum[:]),
		at:         at,
	}
	var id string
	err = db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		id, err = h.insert(ctx, tx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("holding message %s: %w", m.ID, err)
	}
	return id, nil
}

// row is a record ready to be stored.
type row struct {
	Message
	envelope, verdict []byte
}

func newRow(m Message) (row, error) {
	if m.ID == "" {
		return row{}, errors.New("recording a message: it has no ID")
	}
	r := row{Message: m}
	var err error
	if r.envelope, err = json.Marshal(m.Envelope); err != nil {
		return row{}, fmt.Errorf("encoding the envelope of %s: %w", m.ID, err)
	}
	if r.verdict, err = json.Marshal(m.Verdict); err != nil {
		return row{}, fmt.Errorf("encoding the verdict of %s: %w", m.ID, err)
	}
	if len(r.Facts) == 0 {
		r.Facts = json.RawMessage("null")
	}
	return r, nil
}

func (r row) insert(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO messages (id, received_at, mail_from, sender, subject, disposition, log_odds, envelope, verdict, facts)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (id) DO NOTHING`,
		r.ID, micros(r.ReceivedAt), clean(r.Envelope.MailFrom), clean(r.Sender), clean(r.Subject),
		string(r.Verdict.Disposition), float64(r.Verdict.LogOdds), string(r.envelope), string(r.verdict), string(r.Facts))
	return err
}

// clean makes text that every database takes: valid UTF-8 without NUL.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// holding is a message on its way into the quarantine.
type holding struct {
	row
	recipients []Recipient
	keys       []string
	zstd       []byte
	size       int
	sha256     string
	at         time.Time
}

// insert stores the hold in tx and returns its ID. The transaction holds the
// write lock, so that nothing comes between looking for an earlier copy and
// storing this one.
func (h holding) insert(ctx context.Context, tx *sql.Tx) (string, error) {
	earlier := make([]string, len(h.keys))
	fresh := false
	for i, key := range h.keys {
		var err error
		if earlier[i], err = h.earlier(ctx, tx, key); err != nil {
			return "", err
		}
		fresh = fresh || earlier[i] == ""
	}
	if !fresh {
		return earlier[0], nil
	}
	if err := h.insertMessage(ctx, tx); err != nil {
		return "", err
	}
	for i, r := range h.recipients {
		if earlier[i] != "" {
			continue
		}
		// A recipient named twice has one key: the second is left out.
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO held_recipients (hold_id, recipient, grp, state, held_at, changed_at, release_token, dedupe_key)
			VALUES ($1, $2, $3, $4, $5, $6, '', $7)
			ON CONFLICT (dedupe_key) DO NOTHING`,
			h.ID, clean(r.Address), clean(r.Group), string(Held), micros(h.at), micros(h.at), h.keys[i]); err != nil {
			return "", err
		}
	}
	return h.ID, nil
}

// earlier returns the hold that has this key, "" when there is none. A hold
// from before the retry window gives its key up.
func (h holding) earlier(ctx context.Context, tx *sql.Tx, key string) (string, error) {
	var id string
	var at int64
	err := tx.QueryRowContext(ctx, `SELECT hold_id, held_at FROM held_recipients WHERE dedupe_key = $1`, key).Scan(&id, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil || at > micros(h.at.Add(-RetryWindow)) {
		return id, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE held_recipients SET dedupe_key = dedupe_key || ':' || hold_id WHERE dedupe_key = $1`, key)
	return "", err
}

// insertMessage stores what the recipients share, unless it is there.
func (h holding) insertMessage(ctx context.Context, tx *sql.Tx) error {
	if err := h.row.insert(ctx, tx); err != nil {
		return err
	}
	// A message recorded with another disposition before is held now.
	if _, err := tx.ExecContext(ctx, `UPDATE messages SET disposition = $1 WHERE id = $2 AND disposition <> $3`,
		string(mail.Hold), h.ID, string(mail.Hold)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO held (id, held_at, size, sha256) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`,
		h.ID, micros(h.at), h.size, h.sha256); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO held_raw (hold_id, zstd) VALUES ($1, $2) ON CONFLICT (hold_id) DO NOTHING`, h.ID, h.zstd)
	return err
}
