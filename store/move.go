package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Apply carries out a move and its audit record in one transaction and returns
// the recipients whose copies moved. Of two moves that want the same copies one
// succeeds; the other gets ErrState. An unknown hold gives ErrNotFound.
//
// With the last copy deleted or expired the message's bytes are deleted too;
// those of a released message stay until Expire.
func (db *DB) Apply(ctx context.Context, m Move) ([]string, error) {
	var moved []string
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		moved, err = m.run(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("changing hold %s from %s to %s: %w", m.ID, m.From, m.To, err)
	}
	return moved, nil
}

func (m Move) run(ctx context.Context, tx *sql.Tx) ([]string, error) {
	open, err := m.matching(ctx, tx)
	if err != nil {
		return nil, err
	}
	want := m.Recipients
	if len(want) == 0 {
		want = open
	}
	if len(want) == 0 {
		return nil, fmt.Errorf("%w: none is %s", ErrState, m.From)
	}
	want = slices.Compact(slices.Sorted(slices.Values(want)))
	for _, r := range want {
		if !slices.Contains(open, r) {
			return nil, fmt.Errorf("%w: %s is not %s", ErrState, r, m.From)
		}
	}
	for _, r := range want {
		if err := m.set(ctx, tx, r); err != nil {
			return nil, err
		}
	}
	if m.To == Deleted || m.To == Expired {
		if err := dropRaw(ctx, tx, m.ID); err != nil {
			return nil, err
		}
	}
	if m.Audit == nil {
		return want, nil
	}
	a := *m.Audit
	a.Object, a.At = m.ID, m.At
	if a.Detail == "" {
		a.Detail = strings.Join(want, ", ")
	}
	return want, a.insert(ctx, tx)
}

// matching returns the recipients whose copies can make this move.
func (m Move) matching(ctx context.Context, tx *sql.Tx) ([]string, error) {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM held WHERE id = $1`, m.ID).Scan(&n); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, ErrNotFound
	}
	text := `SELECT recipient FROM held_recipients WHERE hold_id = $1 AND state = $2`
	args := []any{m.ID, string(m.From)}
	if m.Token != "" {
		args = append(args, m.Token)
		text += fmt.Sprintf(" AND release_token = $%d", len(args))
	}
	if !m.NotAfter.IsZero() {
		args = append(args, micros(m.NotAfter))
		text += fmt.Sprintf(" AND changed_at <= $%d", len(args))
	}
	rows, err := tx.QueryContext(ctx, text+" ORDER BY recipient", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var open []string
	for rows.Next() {
		var r string
		if err := rows.Scan(&r); err != nil {
			return nil, err
		}
		open = append(open, r)
	}
	return open, rows.Err()
}

// set moves one copy. The state is asked for once more in the statement itself,
// so that the move is safe in a database whose transactions overlap.
func (m Move) set(ctx context.Context, tx *sql.Tx, recipient string) error {
	text := `UPDATE held_recipients SET state = $1, changed_at = $2 WHERE hold_id = $3 AND recipient = $4 AND state = $5`
	args := []any{string(m.To), micros(m.At), m.ID, recipient, string(m.From)}
	if m.NewToken != "" {
		text = `UPDATE held_recipients SET state = $1, changed_at = $2, release_token = $6 WHERE hold_id = $3 AND recipient = $4 AND state = $5`
		args = append(args, m.NewToken)
	}
	res, err := tx.ExecContext(ctx, text, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("%w: %s is not %s", ErrState, recipient, m.From), err)
	}
	return nil
}

// dropRaw deletes the bytes of a hold without a copy that could need them.
func dropRaw(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM held_raw WHERE hold_id = $1 AND NOT EXISTS (
			SELECT 1 FROM held_recipients WHERE hold_id = $2 AND state IN ('held', 'releasing', 'released'))`, id, id)
	return err
}

// Note adds to the audit record what changed no state: that somebody read a
// message, or that a release failed.
func (db *DB) Note(ctx context.Context, a Act) error {
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error { return a.insert(ctx, tx) })
	if err != nil {
		return fmt.Errorf("recording what %s did: %w", a.Actor, err)
	}
	return nil
}

func (a Act) insert(ctx context.Context, tx *sql.Tx) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("making an ID: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO audit (id, at, actor, act, object, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
		id.String(), micros(a.At), clean(a.Actor), clean(a.Act), clean(a.Object), clean(a.Detail))
	return err
}

// expireBatch bounds how many holds one transaction of Expire changes, so that
// mail to be held meanwhile does not wait long.
const expireBatch = 200

// Expire ends every hold from before the time given: held copies become
// expired, and the bytes go unless a copy is still on its way. It returns how
// many copies expired.
func (db *DB) Expire(ctx context.Context, before, at time.Time) (int, error) {
	total, cursor := 0, ""
	for {
		var expired int
		var last string
		err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
			var err error
			expired, last, err = expire(ctx, tx, before, at, cursor)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("expiring held messages: %w", err)
		}
		total += expired
		if last == "" {
			return total, nil
		}
		cursor = last
	}
}

// expire handles one batch of holds whose bytes are still kept, after the
// cursor; last is "" when there are no more.
func expire(ctx context.Context, tx *sql.Tx, before, at time.Time, cursor string) (expired int, last string, err error) {
	ids, err := column(ctx, tx, `
		SELECT h.id FROM held h JOIN held_raw r ON r.hold_id = h.id
		WHERE h.held_at < $1 AND h.id > $2 ORDER BY h.id LIMIT $3`, micros(before), cursor, expireBatch)
	if err != nil || len(ids) == 0 {
		return 0, "", err
	}
	for _, id := range ids {
		res, err := tx.ExecContext(ctx, `
			UPDATE held_recipients SET state = 'expired', changed_at = $1
			WHERE hold_id = $2 AND state = 'held'`, micros(at), id)
		if err != nil {
			return 0, "", err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return 0, "", err
		}
		expired += int(n)
		if _, err := tx.ExecContext(ctx, `
			DELETE FROM held_raw WHERE hold_id = $1 AND NOT EXISTS (
				SELECT 1 FROM held_recipients WHERE hold_id = $2 AND state = 'releasing')`, id, id); err != nil {
			return 0, "", err
		}
	}
	return expired, ids[len(ids)-1], nil
}

// Purge deletes the records of messages received before the time given that
// have no bytes kept, with their holds. The audit record stays. It returns how
// many messages went.
func (db *DB) Purge(ctx context.Context, before time.Time) (int, error) {
	total := 0
	for {
		var n int
		err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
			var err error
			n, err = purge(ctx, tx, before)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("deleting old records: %w", err)
		}
		if n == 0 {
			return total, nil
		}
		total += n
	}
}

func purge(ctx context.Context, tx *sql.Tx, before time.Time) (int, error) {
	ids, err := column(ctx, tx, `
		SELECT m.id FROM messages m WHERE m.received_at < $1
		AND NOT EXISTS (SELECT 1 FROM held_raw r WHERE r.hold_id = m.id) ORDER BY m.received_at LIMIT $2`, micros(before), expireBatch)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		for _, text := range []string{
			`DELETE FROM held_recipients WHERE hold_id = $1`,
			`DELETE FROM held WHERE id = $1`,
			`DELETE FROM history_raw WHERE message_id = $1`,
			`DELETE FROM messages WHERE id = $1`,
		} {
			if _, err := tx.ExecContext(ctx, text, id); err != nil {
				return 0, err
			}
		}
	}
	return len(ids), nil
}

// column returns the texts of a query's only column.
func column(ctx context.Context, tx *sql.Tx, text string, args ...any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
