package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"foregate/intel"
)

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

// where is the condition of a query and what is bound in it.
func (q IntelQuery) where() (text string, args []any) {
	where := []string{"1 = 1"}
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
		found := "(SELECT id FROM intel_nodes WHERE lower(value) LIKE " + p + " ESCAPE '!')"
		where = append(where, "(a.subject IN "+found+" OR a.object IN "+found+")")
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
	text = strings.Join(where, " AND ")
	if q.Since.IsZero() {
		text += " ORDER BY a.seq" // as they came, without sorting
	} else {
		text += " ORDER BY a.changed_at, a.seq"
	}
	if q.Limit > 0 {
		text += " LIMIT " + arg(q.Limit)
	}
	return text, args
}

// Assertions gives the assertions that the query selects, oldest kept first (with
// Since: oldest change first), until yield returns false.
func (db *DB) Assertions(ctx context.Context, q IntelQuery, yield func(intel.Assertion) bool) error {
	where, args := q.where()
	// One transaction, so that names are looked up in what the rows were read from.
	err := db.reading(ctx, q, func(tx *sql.Tx) error {
		// What indicators indicate is few things, which are looked up once; the objects
		// of other relations are as many as their subjects.
		object, from := "o.kind, o.value", " JOIN intel_nodes o ON o.id = a.object"
		if q.Relation == intel.Indicates {
			object, from = "'', ''", ""
		}
		rs, err := tx.QueryContext(ctx, "SELECT s.kind, s.value, a.relation, a.object, "+object+`, a.source, a.first_at, a.last_at, a.confidence, a.tlp, a.note, a.retracted
			FROM intel_assertions a JOIN intel_nodes s ON s.id = a.subject`+from+" WHERE "+where, args...)
		if err != nil {
			return err
		}
		defer rs.Close()
		names := names{tx: tx, nodes: map[int64]intel.Node{}, sources: map[int64]intel.Source{}}
		defer names.close()
		for rs.Next() {
			a, err := names.scan(ctx, rs)
			if err != nil {
				return err
			}
			if !yield(a) {
				return nil
			}
		}
		return rs.Err()
	})
	if err != nil {
		return fmt.Errorf("reading assertions: %w", err)
	}
	return nil
}

// wideCache is how much of the file is kept while all assertions are read, in KiB:
// the names that they speak of lie all over it.
const wideCache = 64 << 10

// reading runs do in a transaction that only reads.
func (db *DB) reading(ctx context.Context, q IntelQuery, do func(*sql.Tx) error) (err error) {
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if q.Node == nil && q.Limit == 0 && q.Since.IsZero() {
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_size = -%d", wideCache)); err != nil {
			return err
		}
		defer func() {
			// The connection serves small questions afterwards; 2,000 KiB is SQLite's own.
			_, e := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA cache_size = -2000; PRAGMA shrink_memory")
			err = errors.Join(err, e)
		}()
	}
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return do(tx)
}

// names looks up what the numbers of objects and sources stand for. Many assertions
// share them, so that a join would look up the same again and again.
type names struct {
	tx           *sql.Tx
	node, source *sql.Stmt
	nodes        map[int64]intel.Node
	sources      map[int64]intel.Source
}

// maxNames bounds the names that are kept at a time.
const maxNames = 200_000

func (n *names) close() {
	for _, st := range []*sql.Stmt{n.node, n.source} {
		if st != nil {
			st.Close()
		}
	}
}

func (n *names) scan(ctx context.Context, rs *sql.Rows) (a intel.Assertion, err error) {
	var object, source, first, last, retracted int64
	var code string
	if err = rs.Scan(&a.Subject.Kind, &a.Subject.Value, &a.Relation, &object, &a.Object.Kind, &a.Object.Value, &source, &first, &last, &code, &a.TLP, &a.Note, &retracted); err != nil {
		return a, err
	}
	a.First, a.Last, a.Retracted = fromMaybe(first), fromMaybe(last), fromMaybe(retracted)
	if code != (intel.Confidence{}).String() {
		if a.Confidence, err = intel.ParseConfidence(code); err != nil {
			return a, err
		}
	}
	if a.Object.Kind == "" {
		if a.Object, err = lookUp(ctx, n.tx, &n.node, n.nodes, object, "SELECT kind, value FROM intel_nodes WHERE id = $1",
			func(v *intel.Node) []any { return []any{&v.Kind, &v.Value} }); err != nil {
			return a, err
		}
	}
	a.Source, err = lookUp(ctx, n.tx, &n.source, n.sources, source, "SELECT name, origin, url, licence FROM intel_sources WHERE id = $1",
		func(v *intel.Source) []any { return []any{&v.Name, &v.Origin, &v.URL, &v.Licence} })
	return a, err
}

// lookUp finds what has a number, in the map or else by a statement that is
// understood when it is first needed.
func lookUp[T any](ctx context.Context, tx *sql.Tx, st **sql.Stmt, have map[int64]T, id int64, text string, fields func(*T) []any) (v T, err error) {
	v, ok := have[id]
	if ok {
		return v, nil
	}
	if *st == nil {
		if *st, err = tx.PrepareContext(ctx, text); err != nil {
			return v, err
		}
	}
	if err = (*st).QueryRowContext(ctx, id).Scan(fields(&v)...); err != nil {
		return v, err
	}
	if len(have) >= maxNames {
		clear(have)
	}
	have[id] = v
	return v, nil
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

// objectChunk is how many objects share one change.
const objectChunk = 5000

// AddObjects keeps versions of objects. differ are the ids of which another
// content of the same version was there already; both are kept.
func (db *DB) AddObjects(ctx context.Context, objects []Object, at time.Time) (added int, differ []string, err error) {
	for chunk := range slices.Chunk(objects, objectChunk) {
		sums := make([]string, len(chunk))
		for i := range chunk {
			sum := sha256.Sum256(chunk[i].Raw)
			sums[i] = hex.EncodeToString(sum[:])
		}
		var same []string
		err := db.apply(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			// Each object has a microsecond of its own, later than any before, so that
			// pages by the time of adding never split between equals.
			same, err = addObjects(ctx, tx, chunk, sums, micros(at)+int64(added))
			return err
		})
		if err != nil {
			return added, differ, fmt.Errorf("keeping objects: %w", err)
		}
		differ = append(differ, same...)
		added += len(chunk)
	}
	return added, differ, nil
}

// addObjects writes objects, the first at a time in microseconds, and returns the
// ids of those of which another content of the same version was there.
func addObjects(ctx context.Context, tx *sql.Tx, objects []Object, sums []string, at int64) (differ []string, err error) {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO intel_objects (stix_id, modified, sha256, typ, revoked, collection, raw, added_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (stix_id, modified, sha256, collection) DO NOTHING`)
	if err != nil {
		return nil, err
	}
	defer insert.Close()
	var fresh []*Object
	for i := range objects {
		o := &objects[i]
		res, err := insert.ExecContext(ctx, o.ID, maybe(o.Modified), sums[i], o.Type, o.Revoked, o.Collection, string(o.Raw), at+int64(i))
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil {
			return nil, err
		} else if n > 0 {
			fresh = append(fresh, o)
		}
	}
	for part := range slices.Chunk(fresh, maxIDs/2) {
		more, err := twofold(ctx, tx, part)
		if err != nil {
			return nil, err
		}
		differ = append(differ, more...)
	}
	return differ, nil
}

// twofold are the ids of those objects of whose version there is more than one
// content in their collection.
func twofold(ctx context.Context, tx *sql.Tx, objects []*Object) (ids []string, err error) {
	type key struct {
		id, collection string
		modified       int64
	}
	asked := make(map[key]bool, len(objects))
	args := make([]any, 0, len(objects))
	var in strings.Builder
	for i, o := range objects {
		asked[key{o.ID, o.Collection, maybe(o.Modified)}] = true
		if i > 0 {
			in.WriteString(", ")
		}
		args = append(args, o.ID)
		fmt.Fprintf(&in, "$%d", len(args))
	}
	rs, err := tx.QueryContext(ctx, "SELECT stix_id, collection, modified FROM intel_objects WHERE stix_id IN ("+in.String()+") GROUP BY stix_id, modified, collection HAVING COUNT(*) > 1", args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var k key
		if err := rs.Scan(&k.id, &k.collection, &k.modified); err != nil {
			return nil, err
		}
		if asked[k] {
			ids = append(ids, k.id)
		}
	}
	return ids, rs.Err()
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
	if collection == "" {
		return db.objects(ctx, "added_at > $1 ORDER BY added_at, stix_id", []any{maybe(after)}, yield)
	}
	return db.objects(ctx, "collection = $1 AND added_at > $2 ORDER BY added_at, stix_id", []any{collection, maybe(after)}, yield)
}

// maxIDs bounds the objects that are asked for at once.
const maxIDs = 5000

// ObjectVersions gives all versions of the objects of a collection with these ids,
// at most 5,000, oldest added first, until yield returns false.
func (db *DB) ObjectVersions(ctx context.Context, collection string, ids []string, yield func(Object) bool) error {
	if len(ids) == 0 {
		return nil
	}
	if len(ids) > maxIDs {
		return fmt.Errorf("reading objects: %d ids at once, at most %d", len(ids), maxIDs)
	}
	args := []any{collection}
	var in strings.Builder
	for i, id := range ids {
		if i > 0 {
			in.WriteString(", ")
		}
		args = append(args, id)
		fmt.Fprintf(&in, "$%d", len(args))
	}
	// Not by the index on collections, which would read all of one for each question.
	return db.objects(ctx, "collection || '' = $1 AND stix_id IN ("+in.String()+") ORDER BY added_at, stix_id", args, yield)
}

// NewestObject is the newest version of an object, of whatever collection; ok is
// false when there is none.
func (db *DB) NewestObject(ctx context.Context, id string) (o Object, ok bool, err error) {
	err = db.objects(ctx, "stix_id = $1 ORDER BY modified DESC, added_at DESC LIMIT 1", []any{id}, func(found Object) bool {
		o, ok = found, true
		return false
	})
	return o, ok, err
}

func (db *DB) objects(ctx context.Context, where string, args []any, yield func(Object) bool) error {
	rs, err := db.read.QueryContext(ctx, "SELECT stix_id, typ, modified, revoked, collection, raw, added_at FROM intel_objects WHERE "+where, args...)
	if err != nil {
		return fmt.Errorf("reading objects: %w", err)
	}
	defer rs.Close()
	for rs.Next() {
		var o Object
		var modified, added int64
		if err := rs.Scan(&o.ID, &o.Type, &modified, &o.Revoked, &o.Collection, (*[]byte)(&o.Raw), &added); err != nil {
			return fmt.Errorf("reading objects: %w", err)
		}
		o.Modified, o.AddedAt = fromMaybe(modified), fromMicros(added)
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
