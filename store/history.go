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
	"time"
)

const (
	// MaxPast bounds how many messages one page of History has.
	MaxPast = 500
	// maxPageRaw bounds the unpacked bytes of one page; a page has at least one
	// message.
	maxPageRaw = 32 << 20
)

// Past is a judged message of the history.
type Past struct {
	Message
	// Raw are its bytes as received. In what History returns it is nil when
	// they are no longer, or never were, kept; given to RecordAll, nil means
	// that they need not be.
	Raw []byte
}

// Span selects a part of the history, in the order of message IDs, which is
// that of arrival.
type Span struct {
	Since, Until time.Time // received at or after, before; zero for any
	After        string    // the ID of the last message of the page before
	Limit        int       // 0 means MaxPast, which is also the most
	Bare         bool      // without the bytes of messages
}

// RecordAll records judged messages in one transaction: all or none. A message
// that is already recorded stays as it is; the bytes of one that is held are
// not kept twice.
func (db *DB) RecordAll(ctx context.Context, past []Past) error {
	rows := make([]row, len(past))
	packed := make([][]byte, len(past))
	for i, p := range past {
		if len(p.Raw) > MaxRaw {
			return fmt.Errorf("recording message %s: %d bytes are more than %d", p.ID, len(p.Raw), MaxRaw)
		}
		var err error
		if rows[i], err = newRow(p.Message); err != nil {
			return err
		}
		if p.Raw != nil {
			packed[i] = db.zip.EncodeAll(p.Raw, nil)
		}
	}
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for i, r := range rows {
			if err := r.insert(ctx, tx); err != nil {
				return err
			}
			if packed[i] == nil {
				continue
			}
			sum := sha256.Sum256(past[i].Raw)
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO history_raw (message_id, received_at, size, packed, sha256, zstd)
				SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM held_raw WHERE hold_id = $7)
				ON CONFLICT (message_id) DO NOTHING`,
				r.ID, micros(r.ReceivedAt), len(past[i].Raw), len(packed[i]), hex.EncodeToString(sum[:]), packed[i], r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording %d messages: %w", len(past), err)
	}
	return nil
}

// where builds the condition of a span over messages m.
func (s Span) where() (string, []any) {
	conds, args := []string{"1 = 1"}, []any{}
	bind := func(cond string, v any) {
		args = append(args, v)
		conds = append(conds, cond+"$"+strconv.Itoa(len(args)))
	}
	if s.After != "" {
		bind("m.id > ", s.After)
	}
	if !s.Since.IsZero() {
		bind("m.received_at >= ", micros(s.Since))
	}
	if !s.Until.IsZero() {
		bind("m.received_at < ", micros(s.Until))
	}
	return strings.Join(conds, " AND "), args
}

// HistorySize returns how many judged messages a span has.
func (db *DB) HistorySize(ctx context.Context, s Span) (int, error) {
	where, args := s.where()
	var n int
	if err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM messages m WHERE `+where, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting the history: %w", err)
	}
	return n, nil
}

// History returns a page of judged messages with their bytes, where these are
// kept. An empty page is the end; a page may be short of Limit before it. Go on
// with After.
func (db *DB) History(ctx context.Context, s Span) ([]Past, error) {
	where, args := s.where()
	limit := s.Limit
	if limit <= 0 || limit > MaxPast {
		limit = MaxPast
	}
	args = append(args, limit)
	bytes, from := "COALESCE(r.zstd, x.zstd), COALESCE(h.sha256, x.sha256, ''), COALESCE(h.size, x.size, 0)", `
		LEFT JOIN held h ON h.id = m.id
		LEFT JOIN held_raw r ON r.hold_id = m.id
		LEFT JOIN history_raw x ON x.message_id = m.id`
	if s.Bare {
		bytes, from = "NULL, '', 0", ""
	}
	rows, err := db.read.QueryContext(ctx, `
		SELECT m.id, m.received_at, m.sender, m.subject, m.envelope, m.verdict, m.facts, `+bytes+`
		FROM messages m`+from+`
		WHERE `+where+` ORDER BY m.id LIMIT $`+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	defer rows.Close()
	page, total := []Past{}, int64(0)
	for rows.Next() {
		p, err := db.scanPast(rows)
		if err != nil {
			return nil, fmt.Errorf("reading the history: %w", err)
		}
		page = append(page, p)
		if total += int64(len(p.Raw)); total > maxPageRaw {
			return page, nil
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	return page, nil
}

func (db *DB) scanPast(rows *sql.Rows) (Past, error) {
	var p Past
	var at, size int64
	var envelope, verdict, facts, sum string
	var packed []byte
	if err := rows.Scan(&p.ID, &at, &p.Sender, &p.Subject, &envelope, &verdict, &facts, &packed, &sum, &size); err != nil {
		return p, err
	}
	p.ReceivedAt, p.Facts = fromMicros(at), json.RawMessage(facts)
	if err := errors.Join(json.Unmarshal([]byte(envelope), &p.Envelope), json.Unmarshal([]byte(verdict), &p.Verdict)); err != nil {
		return p, fmt.Errorf("message %s: %w", p.ID, err)
	}
	if packed == nil {
		return p, nil
	}
	raw, err := db.unzip.DecodeAll(packed, make([]byte, 0, min(max(size, 0), MaxRaw)))
	if err != nil {
		return p, fmt.Errorf("unpacking message %s: %w", p.ID, err)
	}
	if got := sha256.Sum256(raw); hex.EncodeToString(got[:]) != sum {
		return p, fmt.Errorf("message %s does not have the hash it was stored with", p.ID)
	}
	p.Raw = raw
	return p, nil
}

// TrimHistory deletes the bytes of messages that were not held: those received
// before the time given, and then the oldest until what is left takes at most
// budget bytes, packed. The records stay. It returns how many messages lost
// their bytes.
func (db *DB) TrimHistory(ctx context.Context, before time.Time, budget int64) (int, error) {
	total := 0
	for {
		var n int
		err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
			var err error
			n, err = trim(ctx, tx, before, budget)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("deleting old messages: %w", err)
		}
		if total += n; n == 0 {
			return total, nil
		}
	}
}

// trim deletes one batch.
func trim(ctx context.Context, tx *sql.Tx, before time.Time, budget int64) (int, error) {
	var used int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(SUM(packed), 0) FROM history_raw WHERE received_at >= $1`, micros(before)).Scan(&used); err != nil {
		return 0, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT message_id, received_at, packed FROM history_raw ORDER BY received_at, message_id LIMIT $1`, expireBatch)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		var at, packed int64
		if err := rows.Scan(&id, &at, &packed); err != nil {
			return 0, err
		}
		if at >= micros(before) {
			if used <= budget {
				break
			}
			used -= packed
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, `DELETE FROM history_raw WHERE message_id = $1`, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
