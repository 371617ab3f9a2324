package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"foregate/evidence"
)

const holdColumns = `h.id, h.held_at, h.size, h.sha256, m.mail_from, m.sender, m.subject, m.log_odds
	FROM held h JOIN messages m ON m.id = h.id`

// Message returns the record of a judged message, or ErrNotFound.
func (db *DB) Message(ctx context.Context, id string) (Message, error) {
	var m Message
	var at int64
	var envelope, verdict, facts string
	err := db.read.QueryRowContext(ctx, `SELECT id, received_at, sender, subject, envelope, verdict, facts FROM messages WHERE id = $1`, id).
		Scan(&m.ID, &at, &m.Sender, &m.Subject, &envelope, &verdict, &facts)
	if err != nil {
		return m, readError(id, err)
	}
	m.ReceivedAt, m.Facts = fromMicros(at), json.RawMessage(facts)
	if err := json.Unmarshal([]byte(envelope), &m.Envelope); err != nil {
		return m, readError(id, err)
	}
	if err := json.Unmarshal([]byte(verdict), &m.Verdict); err != nil {
		return m, readError(id, err)
	}
	return m, nil
}

// Get returns one hold, or ErrNotFound.
func (db *DB) Get(ctx context.Context, id string) (Hold, error) {
	h, err := scanHold(db.read.QueryRowContext(ctx, `SELECT `+holdColumns+` WHERE h.id = $1`, id))
	if err != nil {
		return h, readError(id, err)
	}
	err = db.addRecipients(ctx, []*Hold{&h})
	return h, err
}

// Raw returns the bytes of a held message as received; ErrNotFound when they
// were deleted with the last copy. The bytes are checked against their hash.
func (db *DB) Raw(ctx context.Context, id string) ([]byte, error) {
	var packed []byte
	var want string
	err := db.read.QueryRowContext(ctx, `
		SELECT r.zstd, h.sha256 FROM held_raw r JOIN held h ON h.id = r.hold_id WHERE r.hold_id = $1`, id).
		Scan(&packed, &want)
	if err != nil {
		return nil, readError(id, err)
	}
	raw, err := db.unzip.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking held message %s: %w", id, err)
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != want {
		return nil, fmt.Errorf("held message %s does not have the hash it was stored with", id)
	}
	return raw, nil
}

// List returns a page of holds, newest first.
func (db *DB) List(ctx context.Context, q Query) ([]Hold, error) {
	text, args := q.sql()
	rows, err := db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("listing held messages: %w", err)
	}
	defer rows.Close()
	holds := []Hold{}
	for rows.Next() {
		h, err := scanHold(rows)
		if err != nil {
			return nil, fmt.Errorf("listing held messages: %w", err)
		}
		holds = append(holds, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing held messages: %w", err)
	}
	pointers := make([]*Hold, len(holds))
	for i := range holds {
		pointers[i] = &holds[i]
	}
	return holds, db.addRecipients(ctx, pointers)
}

// sql builds the statement for a query.
func (q Query) sql() (string, []any) {
	var where []string
	var args []any
	bind := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if q.Before != "" {
		where = append(where, "h.id < "+bind(q.Before))
	}
	if q.State != "" {
		where = append(where, "EXISTS (SELECT 1 FROM held_recipients r WHERE r.hold_id = h.id AND r.state = "+bind(string(q.State))+")")
	}
	if q.Recipient != "" {
		where = append(where, "h.id IN (SELECT r.hold_id FROM held_recipients r WHERE r.recipient = "+bind(q.Recipient)+")")
	}
	if q.Sender != "" {
		p := bind(like(q.Sender))
		where = append(where, `(LOWER(m.sender) LIKE `+p+` ESCAPE '\' OR LOWER(m.mail_from) LIKE `+p+` ESCAPE '\')`)
	}
	if q.Subject != "" {
		where = append(where, `LOWER(m.subject) LIKE `+bind(like(q.Subject))+` ESCAPE '\'`)
	}
	if !q.Since.IsZero() {
		where = append(where, "h.held_at >= "+bind(micros(q.Since)))
	}
	if !q.Until.IsZero() {
		where = append(where, "h.held_at < "+bind(micros(q.Until)))
	}
	text := `SELECT ` + holdColumns
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	return text + " ORDER BY h.id DESC LIMIT " + bind(min(limit, MaxLimit)), args
}

// like is a pattern for text that contains s, for LOWER on the other side.
// Databases differ in how they fold letters beyond ASCII; there the case counts.
func like(s string) string {
	lower := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, clean(s))
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(lower) + "%"
}

func scanHold(row interface{ Scan(...any) error }) (Hold, error) {
	var h Hold
	var at int64
	var odds float64
	err := row.Scan(&h.ID, &at, &h.Size, &h.SHA256, &h.MailFrom, &h.Sender, &h.Subject, &odds)
	h.HeldAt = fromMicros(at)
	h.LogOdds = evidence.Weight(odds)
	h.Recipients = []Recipient{}
	return h, err
}

// addRecipients fills in the recipients of a page of holds with one query.
func (db *DB) addRecipients(ctx context.Context, holds []*Hold) error {
	if len(holds) == 0 {
		return nil
	}
	byID := make(map[string]*Hold, len(holds))
	binds := make([]string, len(holds))
	args := make([]any, len(holds))
	for i, h := range holds {
		byID[h.ID] = h
		binds[i], args[i] = "$"+strconv.Itoa(i+1), h.ID
	}
	rows, err := db.read.QueryContext(ctx, `
		SELECT hold_id, recipient, grp, state, changed_at, release_token FROM held_recipients
		WHERE hold_id IN (`+strings.Join(binds, ", ")+`) ORDER BY hold_id, recipient`, args...)
	if err != nil {
		return fmt.Errorf("reading recipients: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var r Recipient
		var at int64
		if err := rows.Scan(&id, &r.Address, &r.Group, &r.State, &at, &r.Token); err != nil {
			return fmt.Errorf("reading recipients: %w", err)
		}
		r.ChangedAt = fromMicros(at)
		byID[id].Recipients = append(byID[id].Recipients, r)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading recipients: %w", err)
	}
	return nil
}

// Acts returns the audit record of one hold, oldest first; of all holds, newest
// first and at most MaxLimit acts, when object is empty.
func (db *DB) Acts(ctx context.Context, object string) ([]Act, error) {
	text, args := `SELECT id, at, actor, act, object, detail FROM audit WHERE object = $1 ORDER BY id LIMIT $2`, []any{object, MaxLimit}
	if object == "" {
		text, args = `SELECT id, at, actor, act, object, detail FROM audit ORDER BY id DESC LIMIT $1`, []any{MaxLimit}
	}
	rows, err := db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the audit record: %w", err)
	}
	defer rows.Close()
	acts := []Act{}
	for rows.Next() {
		var a Act
		var at int64
		if err := rows.Scan(&a.ID, &at, &a.Actor, &a.Act, &a.Object, &a.Detail); err != nil {
			return nil, fmt.Errorf("reading the audit record: %w", err)
		}
		a.At = fromMicros(at)
		acts = append(acts, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the audit record: %w", err)
	}
	return acts, nil
}

func readError(id string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return fmt.Errorf("reading held message %s: %w", id, err)
}
