package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxProfile bounds one record of a sender in bytes.
	MaxProfile = 4 << 10
	// MaxLesson bounds one lesson in bytes.
	MaxLesson = 16 << 10
	// profilePage is how many keys one statement asks for: below what every
	// database takes.
	profilePage = 500
)

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// LoadProfiles returns the records there are of the keys.
func (db *DB) LoadProfiles(ctx context.Context, keys []string) (map[string][]byte, error) {
	out, err := loadProfiles(ctx, db.read, keys)
	if err != nil {
		return nil, fmt.Errorf("reading profiles: %w", err)
	}
	return out, nil
}

func loadProfiles(ctx context.Context, q querier, keys []string) (map[string][]byte, error) {
	out := make(map[string][]byte, len(keys))
	for page := range slices.Chunk(keys, profilePage) {
		var b strings.Builder
		args := make([]any, len(page))
		for i, k := range page {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(i + 1))
			args[i] = clean(k)
		}
		rows, err := q.QueryContext(ctx, `SELECT profile, record FROM profiles WHERE profile IN (`+b.String()+`)`, args...)
		if err != nil {
			return nil, err
		}
		if err := scanProfiles(rows, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func scanProfiles(rows *sql.Rows, out map[string][]byte) error {
	defer rows.Close()
	for rows.Next() {
		var key string
		var record []byte
		if err := rows.Scan(&key, &record); err != nil {
			return err
		}
		out[key] = record
	}
	return rows.Err()
}

// ChangeProfiles replaces records in one transaction: change gets those there
// are of the keys and returns those to keep, which changed at the time given.
// Nothing changes when it or change fails.
func (db *DB) ChangeProfiles(ctx context.Context, at time.Time, keys []string, change func(old map[string][]byte) (map[string][]byte, error)) error {
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		old, err := loadProfiles(ctx, tx, keys)
		if err != nil {
			return err
		}
		fresh, err := change(old)
		if err != nil {
			return err
		}
		return saveProfiles(ctx, tx, at, fresh)
	})
	if err != nil {
		return fmt.Errorf("changing profiles: %w", err)
	}
	return nil
}

func saveProfiles(ctx context.Context, tx *sql.Tx, at time.Time, fresh map[string][]byte) error {
	// In one order, so that two writers never wait for each other.
	for _, k := range slices.Sorted(maps.Keys(fresh)) {
		if len(fresh[k]) > MaxProfile || clean(k) != k {
			return fmt.Errorf("profile %q: %d bytes under a key that must be text, at most %d", k, len(fresh[k]), MaxProfile)
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO profiles (profile, changed_at, record) VALUES ($1, $2, $3)
			ON CONFLICT (profile) DO UPDATE SET changed_at = excluded.changed_at, record = excluded.record`,
			k, micros(at), fresh[k]); err != nil {
			return err
		}
	}
	return nil
}

// ForgetProfiles removes the records whose keys begin with prefix and that did
// not change since a time, and returns how many.
func (db *DB) ForgetProfiles(ctx context.Context, prefix string, before time.Time) (int, error) {
	n := int64(0)
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM profiles WHERE changed_at < $1 AND substr(profile, 1, $2) = $3`, micros(before), len(prefix), clean(prefix))
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forgetting profiles: %w", err)
	}
	return int(n), nil
}

// QueueLesson keeps a lesson under the ID of its message until it is due. A
// second one of the same ID changes nothing.
func (db *DB) QueueLesson(ctx context.Context, id string, due time.Time, lesson []byte) error {
	if id == "" || len(lesson) > MaxLesson {
		return fmt.Errorf("queueing lesson %q: %d bytes, at most %d under an ID are kept", id, len(lesson), MaxLesson)
	}
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO lessons (message_id, due_at, lesson) VALUES ($1, $2, $3) ON CONFLICT (message_id) DO NOTHING`, clean(id), micros(due), lesson)
		return err
	})
	if err != nil {
		return fmt.Errorf("queueing lesson %s: %w", id, err)
	}
	return nil
}

// DropLesson removes the lesson of a message and reports whether it was there.
func (db *DB) DropLesson(ctx context.Context, id string) (bool, error) {
	n := int64(0)
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM lessons WHERE message_id = $1`, clean(id))
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("dropping lesson %s: %w", id, err)
	}
	return n > 0, nil
}

// SettleLessons takes up to limit lessons due by now, oldest first, hands them
// with the records of their keys to change, and keeps what that returns: all in
// one transaction, so that each lesson counts once whichever process takes it.
// It returns how many lessons it took; after an error none.
func (db *DB) SettleLessons(ctx context.Context, now time.Time, limit int, keys func(lesson []byte) []string,
	change func(lessons [][]byte, old map[string][]byte) (map[string][]byte, error)) (int, error) {
	n := 0
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		ids, lessons, err := dueLessons(ctx, tx, now, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		var all []string
		for _, l := range lessons {
			all = append(all, keys(l)...)
		}
		slices.Sort(all)
		old, err := loadProfiles(ctx, tx, slices.Compact(all))
		if err != nil {
			return err
		}
		fresh, err := change(lessons, old)
		if err != nil {
			return err
		}
		if err := saveProfiles(ctx, tx, now, fresh); err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM lessons WHERE message_id = $1`, id); err != nil {
				return err
			}
		}
		n = len(ids)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("settling lessons: %w", err)
	}
	return n, nil
}

func dueLessons(ctx context.Context, tx *sql.Tx, now time.Time, limit int) (ids []string, lessons [][]byte, err error) {
	if limit <= 0 {
		return nil, nil, errors.New("no lessons asked for")
	}
	rows, err := tx.QueryContext(ctx, `SELECT message_id, lesson FROM lessons WHERE due_at <= $1 ORDER BY due_at, message_id LIMIT $2`, micros(now), limit)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var lesson []byte
		if err := rows.Scan(&id, &lesson); err != nil {
			return nil, nil, err
		}
		ids, lessons = append(ids, id), append(lessons, lesson)
	}
	return ids, lessons, rows.Err()
}
