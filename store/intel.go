package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"foregate/intel"
)

const (
	// intelChunk is how many assertions share one change: the gate's own writes
	// wait for at most one chunk, some 200 ms.
	intelChunk = 5000
)

// AddAssertions keeps assertions; those that are there already, by their ID,
// stay as they are, unless the new one retracts. It returns how many were new.
// at is now. The error leaves whole chunks written; adding again is harmless.
func (db *DB) AddAssertions(ctx context.Context, as []intel.Assertion, at time.Time) (added int, err error) {
	for len(as) > 0 {
		n := min(len(as), intelChunk)
		chunk := as[:n]
		as = as[n:]
		var fresh int
		err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			// Each change has a time of its own, later than any before: readers that
			// ask for what changed since the last time miss nothing, whatever the
			// clocks of several writers say.
			var last sql.NullInt64
			if err = tx.QueryRowContext(ctx, "SELECT MAX(changed_at) FROM intel_assertions").Scan(&last); err != nil {
				return err
			}
			fresh, err = addAssertions(ctx, tx, chunk, fromMicros(max(micros(at), last.Int64+1)))
			return err
		})
		if err != nil {
			return added, fmt.Errorf("keeping assertions: %w", err)
		}
		added += fresh
	}
	return added, nil
}

// statements writes rows one by one, each by a statement that is understood once.
// A statement that writes many rows must be able to undo some of them, for which
// SQLite copies every page it touches: that takes three times as long.
type statements struct {
	node, source, fact *sql.Stmt
}

func prepare(ctx context.Context, tx *sql.Tx) (s statements, err error) {
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.node, "INSERT INTO intel_nodes (id, kind, value) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING"},
		{&s.source, "INSERT INTO intel_sources (id, name, origin, url, licence) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING"},
		{&s.fact, `INSERT INTO intel_assertions (id, subject, relation, object, first_at, last_at, source, confidence, tlp, note, retracted, changed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (id) DO UPDATE SET retracted = excluded.retracted, changed_at = excluded.changed_at WHERE intel_assertions.retracted = 0 AND excluded.retracted <> 0`},
	} {
		if *p.to, err = tx.PrepareContext(ctx, p.text); err != nil {
			return s, errors.Join(err, s.close())
		}
	}
	return s, nil
}

func (s statements) close() error {
	var errs []error
	for _, st := range []*sql.Stmt{s.node, s.source, s.fact} {
		if st != nil {
			errs = append(errs, st.Close())
		}
	}
	return errors.Join(errs...)
}

// distinct are the nodes of assertions by number, ascending, so that neighbours
// are written to the same page. The error is that two have one number.
func distinct(as []intel.Assertion) ([]int64, map[int64]intel.Node, error) {
	nodes := make(map[int64]intel.Node, 2*len(as))
	for i := range as {
		for _, n := range []intel.Node{as[i].Subject, as[i].Object} {
			k := n.Key()
			if other, ok := nodes[k]; ok && other != n {
				return nil, nil, fmt.Errorf("%s and %s have the same number: the second cannot be kept", other, n)
			}
			nodes[k] = n
		}
	}
	return slices.Sorted(maps.Keys(nodes)), nodes, nil
}

func addAssertions(ctx context.Context, tx *sql.Tx, as []intel.Assertion, at time.Time) (added int, err error) {
	st, err := prepare(ctx, tx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	keys, nodes, err := distinct(as)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if _, err := st.node.ExecContext(ctx, k, string(nodes[k].Kind), nodes[k].Value); err != nil {
			return 0, err
		}
	}
	type fact struct {
		id [16]byte
		a  *intel.Assertion
	}
	facts := make([]fact, len(as))
	for i := range as {
		facts[i] = fact{as[i].ID(), &as[i]}
	}
	slices.SortStableFunc(facts, func(x, y fact) int { return bytes.Compare(x.id[:], y.id[:]) })
	sources := map[int64]bool{}
	for i := range facts {
		a := facts[i].a
		s := sourceKey(a.Source)
		if !sources[s] {
			sources[s] = true
			if _, err := st.source.ExecContext(ctx, s, a.Source.Name, a.Source.Origin, a.Source.URL, a.Source.Licence); err != nil {
				return added, err
			}
		}
		res, err := st.fact.ExecContext(ctx, facts[i].id[:], a.Subject.Key(), string(a.Relation), a.Object.Key(), maybe(a.First), maybe(a.Last), s,
			a.Confidence.String(), string(a.TLP), a.Note, maybe(a.Retracted), micros(at))
		if err != nil {
			return added, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return added, err
		}
		added += int(n)
	}
	return added, nil
}

func sourceKey(s intel.Source) int64 {
	h := sha256.Sum256([]byte(s.Name + "\x00" + s.Origin + "\x00" + s.URL + "\x00" + s.Licence))
	return int64(binary.BigEndian.Uint64(h[:8]) >> 1)
}

// maybe is 0 for the unknown time.
func maybe(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

func fromMaybe(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return fromMicros(n)
}

// IntelQuery selects assertions. Empty fields select all.
type IntelQuery struct {
	Node     *intel.Node    // as subject or object
	Text     string         // part of a value, any case
	Relation intel.Relation // exactly
	Kind     intel.Kind     // of the subject
	Since    time.Time      // kept or changed after
	// Retracted includes what was taken back.
	Retracted bool
	Limit     int // 0 is no limit
}

// Assertions gives the assertions that the query selects, oldest kept first,
// until yield returns false.
func (db *DB) Assertions(ctx context.Context, q IntelQuery, yield func(intel.Assertion) bool) error {
	where := []string{"1 = 1"}
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if q.Node != nil {
		p := arg(q.Node.Key())
		where = append(where, "(a.subject = "+p+" OR a.object = "+p+")")
	}
	if q.Text != "" {
		p := arg("%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(q.Text)) + "%")
		where = append(where, "(lower(s.value) LIKE "+p+" ESCAPE '!' OR lower(o.value) LIKE "+p+" ESCAPE '!')")
	}
	if q.Relation != "" {
		where = append(where, "a.relation = "+arg(string(q.Relation)))
	}
	if q.Kind != "" {
		where = append(where, "s.kind = "+arg(string(q.Kind)))
	}
	if !q.Since.IsZero() {
		where = append(where, "a.changed_at > "+arg(micros(q.Since)))
	}
	if !q.Retracted {
		where = append(where, "a.retracted = 0")
	}
	text := `SELECT s.kind, s.value, a.relation, o.kind, o.value, a.first_at, a.last_at, c.name, c.origin, c.url, c.licence, a.confidence, a.tlp, a.note, a.retracted
		FROM intel_assertions a JOIN intel_nodes s ON s.id = a.subject JOIN intel_nodes o ON o.id = a.object JOIN intel_sources c ON c.id = a.source
		WHERE ` + strings.Join(where, " AND ") + " ORDER BY a.changed_at, a.id"
	if q.Limit > 0 {
		text += " LIMIT " + arg(q.Limit)
	}
	rs, err := db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("reading assertions: %w", err)
	}
	defer rs.Close()
	for rs.Next() {
		a, err := scanAssertion(rs)
		if err != nil {
			return fmt.Errorf("reading assertions: %w", err)
		}
		if !yield(a) {
			return nil
		}
	}
	if err := rs.Err(); err != nil {
		return fmt.Errorf("reading assertions: %w", err)
	}
	return nil
}

func scanAssertion(rs *sql.Rows) (intel.Assertion, error) {
	var a intel.Assertion
	var first, last, retracted int64
	var code string
	err := rs.Scan(&a.Subject.Kind, &a.Subject.Value, &a.Relation, &a.Object.Kind, &a.Object.Value, &first, &last,
		&a.Source.Name, &a.Source.Origin, &a.Source.URL, &a.Source.Licence, &code, &a.TLP, &a.Note, &retracted)
	if err != nil {
		return a, err
	}
	a.First, a.Last, a.Retracted = fromMaybe(first), fromMaybe(last), fromMaybe(retracted)
	if code != (intel.Confidence{}).String() {
		a.Confidence, err = intel.ParseConfidence(code)
	}
	return a, err
}

// IntelChanged is when assertions last changed; the zero time when there are
// none. Readers that keep an index ask it often, so it is one look in an index.
func (db *DB) IntelChanged(ctx context.Context) (time.Time, error) {
	var n sql.NullInt64
	if err := db.read.QueryRowContext(ctx, "SELECT MAX(changed_at) FROM intel_assertions").Scan(&n); err != nil {
		return time.Time{}, fmt.Errorf("asking for changed assertions: %w", err)
	}
	return fromMaybe(n.Int64), nil
}

// Object is a STIX object as it came.
type Object struct {
	ID         string
	Type       string
	Modified   time.Time // zero for observables
	Revoked    bool
	Collection string // the feed or TAXII collection that it is of
	Raw        json.RawMessage
	AddedAt    time.Time
}

// AddObjects keeps versions of objects. differ are the ids of which another
// content of the same version was there already; both are kept.
func (db *DB) AddObjects(ctx context.Context, objects []Object, at time.Time) (added int, differ []string, err error) {
	for len(objects) > 0 {
		n := min(len(objects), intelChunk/4)
		chunk := objects[:n]
		objects = objects[n:]
		err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
			for i, o := range chunk {
				sum := sha256.Sum256(o.Raw)
				// Each object has a microsecond of its own, so that pages by the
				// time of adding never split between equals.
				res, err := tx.ExecContext(ctx, `INSERT INTO intel_objects (stix_id, modified, sha256, typ, revoked, collection, raw, added_at)
					VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (stix_id, modified, sha256, collection) DO NOTHING`,
					o.ID, maybe(o.Modified), hex.EncodeToString(sum[:]), o.Type, o.Revoked, o.Collection, string(o.Raw), micros(at)+int64(added+i))
				if err != nil {
					return err
				}
				fresh, err := res.RowsAffected()
				if err != nil || fresh == 0 {
					return err
				}
				var same int
				if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM intel_objects WHERE stix_id = $1 AND modified = $2 AND collection = $3", o.ID, maybe(o.Modified), o.Collection).Scan(&same); err != nil {
					return err
				}
				if same > 1 {
					differ = append(differ, o.ID)
				}
			}
			return nil
		})
		if err != nil {
			return added, differ, fmt.Errorf("keeping objects: %w", err)
		}
		added += n
	}
	return added, differ, nil
}

// RemoveObjects deletes versions of objects of a collection; those that are not
// there are passed over.
func (db *DB) RemoveObjects(ctx context.Context, collection string, objects []Object) error {
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, o := range objects {
			if _, err := tx.ExecContext(ctx, "DELETE FROM intel_objects WHERE stix_id = $1 AND modified = $2 AND collection = $3", o.ID, maybe(o.Modified), collection); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("deleting objects: %w", err)
	}
	return nil
}

// Objects gives the objects of a collection ("" for all) added after a time,
// oldest added first, until yield returns false.
func (db *DB) Objects(ctx context.Context, collection string, after time.Time, yield func(Object) bool) error {
	rs, err := db.read.QueryContext(ctx, `SELECT stix_id, typ, modified, revoked, collection, raw, added_at FROM intel_objects
		WHERE ($1 = '' OR collection = $1) AND added_at > $2 ORDER BY added_at, stix_id`, collection, maybe(after))
	if err != nil {
		return fmt.Errorf("reading objects: %w", err)
	}
	defer rs.Close()
	for rs.Next() {
		var o Object
		var modified, added int64
		var raw string
		if err := rs.Scan(&o.ID, &o.Type, &modified, &o.Revoked, &o.Collection, &raw, &added); err != nil {
			return fmt.Errorf("reading objects: %w", err)
		}
		o.Modified, o.AddedAt, o.Raw = fromMaybe(modified), fromMicros(added), json.RawMessage(raw)
		if !yield(o) {
			return nil
		}
	}
	if err := rs.Err(); err != nil {
		return fmt.Errorf("reading objects: %w", err)
	}
	return nil
}

// FeedState is what is kept of a feed between two fetches, as JSON; nil when it
// was never fetched.
func (db *DB) FeedState(ctx context.Context, name string) (json.RawMessage, error) {
	var s string
	err := db.read.QueryRowContext(ctx, "SELECT state FROM intel_feeds WHERE name = $1", name).Scan(&s)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state of feed %q: %w", name, err)
	}
	return json.RawMessage(s), nil
}

// SetFeedState keeps the state of a feed.
func (db *DB) SetFeedState(ctx context.Context, name string, state json.RawMessage) error {
	err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO intel_feeds (name, state) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET state = excluded.state", name, string(state))
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping the state of feed %q: %w", name, err)
	}
	return nil
}
