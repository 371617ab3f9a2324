package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"foregate/intel"
)

const (
	// intelChunk is how many assertions share one change: the gate's own writes
	// wait for at most one chunk, about half a second. Smaller ones would write the
	// pages of the indexes again and again.
	intelChunk = 20_000
	// rowsAtOnce is how many rows one statement writes.
	rowsAtOnce = 20
)

// AddAssertions keeps assertions; those that are there already, by their ID,
// stay as they are, unless the new one retracts. It returns how many were new.
// at is now. The error leaves whole chunks written; adding again is harmless.
func (db *DB) AddAssertions(ctx context.Context, as []intel.Assertion, at time.Time) (added int, err error) {
	for chunk := range slices.Chunk(as, intelChunk) {
		rows, err := newAssertionRows(chunk) // before anybody has to wait for the database
		if err != nil {
			return added, fmt.Errorf("keeping assertions: %w", err)
		}
		var fresh int
		err = db.apply(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			// Each change has a time of its own, later than any before: readers that
			// ask for what changed since the last time miss nothing, whatever the
			// clocks of several writers say.
			var last sql.NullInt64
			if err = tx.QueryRowContext(ctx, "SELECT MAX(changed_at) FROM intel_assertions").Scan(&last); err != nil {
				return err
			}
			fresh, err = rows.insert(ctx, tx, max(micros(at), last.Int64+1))
			return err
		})
		if err != nil {
			return added, fmt.Errorf("keeping assertions: %w", err)
		}
		added += fresh
	}
	return added, nil
}

// assertionRows are assertions as they go to the database. Rows are in the order
// of their keys, so that neighbours are written to the same page.
type assertionRows struct {
	nodes   []nodeRow
	sources []sourceRow
	facts   []factRow
}

type nodeRow struct {
	key int64
	intel.Node
}

type sourceRow struct {
	key int64
	intel.Source
}

type factRow struct {
	// id is the first half of the assertion's: together with the subject it is
	// enough, as two of a million statements on one thing share it with a
	// probability of 3 in 100,000,000.
	id                      [8]byte
	subject, object, source int64
	*intel.Assertion
}

// newAssertionRows numbers nodes and sources. The error is that two nodes have one
// number.
func newAssertionRows(as []intel.Assertion) (r assertionRows, err error) {
	nodes := make(map[intel.Node]int64, len(as))
	key := func(n intel.Node) int64 {
		k, ok := nodes[n]
		if !ok {
			k = n.Key()
			nodes[n] = k
			r.nodes = append(r.nodes, nodeRow{k, n})
		}
		return k
	}
	sources := map[intel.Source]int64{}
	r.facts = make([]factRow, len(as))
	for i := range as {
		a := &as[i]
		s, ok := sources[a.Source]
		if !ok {
			s = sourceKey(a.Source)
			sources[a.Source] = s
			r.sources = append(r.sources, sourceRow{s, a.Source})
		}
		id := a.ID()
		r.facts[i] = factRow{[8]byte(id[:8]), key(a.Subject), key(a.Object), s, a}
	}
	slices.SortFunc(r.nodes, func(x, y nodeRow) int { return cmp.Compare(x.key, y.key) })
	for i := 1; i < len(r.nodes); i++ {
		if x, y := r.nodes[i-1], r.nodes[i]; x.key == y.key {
			return r, fmt.Errorf("%s and %s have the same number: the second cannot be kept", x.Node, y.Node)
		}
	}
	slices.SortStableFunc(r.facts, func(x, y factRow) int {
		return cmp.Or(cmp.Compare(x.subject, y.subject), bytes.Compare(x.id[:], y.id[:]))
	})
	return r, nil
}

// insert writes the rows that are not there, and takes back what is there and is
// taken back now; it returns how many assertions that changed.
func (r assertionRows) insert(ctx context.Context, tx *sql.Tx, at int64) (changed int, err error) {
	var known []factRow
	for _, f := range r.facts {
		if !f.Retracted.IsZero() {
			known = append(known, f)
		}
	}
	if _, err = insertRows(ctx, tx, "intel_nodes (id, kind, value)", 3, len(r.nodes), func(args []any, i int) []any {
		return append(args, r.nodes[i].key, string(r.nodes[i].Kind), r.nodes[i].Value)
	}); err != nil {
		return 0, err
	}
	if _, err = insertRows(ctx, tx, "intel_sources (id, name, origin, url, licence)", 5, len(r.sources), func(args []any, i int) []any {
		s := &r.sources[i]
		return append(args, s.key, s.Name, s.Origin, s.URL, s.Licence)
	}); err != nil {
		return 0, err
	}
	changed, err = insertRows(ctx, tx, "intel_assertions (id, subject, relation, object, first_at, last_at, source, confidence, tlp, note, retracted, changed_at)", 12, len(r.facts), func(args []any, i int) []any {
		f := &r.facts[i]
		return append(args, f.id[:], f.subject, string(f.Relation), f.object, maybe(f.First), maybe(f.Last), f.source,
			f.Confidence.String(), string(f.TLP), f.Note, maybe(f.Retracted), at)
	})
	for _, f := range known {
		if err != nil {
			return changed, err
		}
		var res sql.Result
		res, err = tx.ExecContext(ctx, "UPDATE intel_assertions SET retracted = $1, changed_at = $2 WHERE subject = $3 AND id = $4 AND retracted = 0",
			maybe(f.Retracted), at, f.subject, f.id[:])
		if err == nil {
			var n int64
			n, err = res.RowsAffected()
			changed += int(n)
		}
	}
	return changed, err
}

// insertRows writes rows of so many columns into a table unless they are there, and
// returns how many were not. Understanding a statement takes longer than writing a
// row, so each is understood once and writes many rows.
func insertRows(ctx context.Context, tx *sql.Tx, table string, columns, rows int, row func(args []any, i int) []any) (added int, err error) {
	args := make([]any, 0, columns*rowsAtOnce)
	for i := 0; i < rows && err == nil; {
		n := rowsAtOnce
		if rows-i < n {
			n = 1
		}
		var st *sql.Stmt
		if st, err = tx.PrepareContext(ctx, insertText(table, columns, n)); err != nil {
			return added, err
		}
		for ; rows-i >= n && err == nil; i += n {
			args = args[:0]
			for k := range n {
				args = row(args, i+k)
			}
			var res sql.Result
			if res, err = st.ExecContext(ctx, args...); err != nil {
				break
			}
			var fresh int64
			fresh, err = res.RowsAffected()
			added += int(fresh)
		}
		err = errors.Join(err, st.Close())
	}
	return added, err
}

// insertText is a statement that writes n rows.
func insertText(table string, columns, n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " VALUES ")
	for i := range n * columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(") ON CONFLICT DO NOTHING")
	return b.String()
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
