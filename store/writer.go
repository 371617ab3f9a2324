package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// maxBatch bounds how many changes share one transaction: enough that the wait
// for the disk no longer counts, few enough that the first does not wait long
// for the last.
const maxBatch = 64

// change is a piece of work for the one writing connection.
type change struct {
	ctx  context.Context
	do   func(ctx context.Context, tx *sql.Tx) error
	done chan error
	// taken is set once, by the writer that starts the work or by the caller
	// that gives up waiting; whoever comes second leaves it alone.
	taken atomic.Bool
}

// apply runs do in a transaction and returns when that is on the disk. Other
// changes may share the transaction; do is undone alone when it fails. A
// context that ends before the work starts calls it off; work that has started
// is finished, because its outcome must be known.
func (db *DB) apply(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	c := &change{ctx: ctx, do: do, done: make(chan error, 1)}
	select {
	case db.queue <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.stop:
		return errors.New("the database is closed")
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-c.done
	}
}

// run is the writer: it takes what has queued up while the last transaction
// went to the disk and makes it the next one.
func (db *DB) run() {
	defer close(db.done)
	for {
		select {
		case <-db.stop:
			return
		case first := <-db.queue:
			db.commit(db.gather(first))
		}
	}
}

func (db *DB) gather(first *change) []*change {
	batch := []*change{first}
	for len(batch) < maxBatch {
		select {
		case c := <-db.queue:
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction and tells every caller the outcome.
func (db *DB) commit(batch []*change) {
	live := batch[:0]
	for _, c := range batch {
		if c.taken.CompareAndSwap(false, true) {
			live = append(live, c)
		}
	}
	if len(live) == 0 {
		return
	}
	errs, err := db.transact(live)
	for i, c := range live {
		if err != nil {
			c.done <- err
			continue
		}
		c.done <- errs[i]
	}
}

// transact returns each change's own error, or the one that undid them all. When
// the only change fails, nothing is committed.
func (db *DB) transact(batch []*change) ([]error, error) {
	// The transaction is not tied to any caller's context: a caller that goes
	// away must not undo the others' work.
	ctx := context.Background()
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("beginning a transaction: %w", err)
	}
	defer tx.Rollback()
	errs := make([]error, len(batch))
	if len(batch) == 1 {
		// A change by itself is undone with its transaction. A savepoint would copy
		// every page that it touches, a quarter of the work of an import.
		if errs[0] = fenced(ctx, tx, batch[0]); errs[0] != nil {
			return errs, nil
		}
	} else {
		for i, c := range batch {
			if errs[i], err = step(ctx, tx, c); err != nil {
				return nil, err
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("committing: %w", err)
	}
	return errs, nil
}

// step runs one change behind a savepoint. own is the change's error, after
// which the transaction goes on without it; err is the end of the transaction.
func step(ctx context.Context, tx *sql.Tx, c *change) (own, err error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT change"); err != nil {
		return nil, fmt.Errorf("setting a savepoint: %w", err)
	}
	if own = fenced(ctx, tx, c); own != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT change"); err != nil {
			return nil, fmt.Errorf("undoing a change after %w: %w", own, err)
		}
	}
	if _, err := tx.ExecContext(ctx, "RELEASE SAVEPOINT change"); err != nil {
		return nil, fmt.Errorf("releasing a savepoint: %w", err)
	}
	return own, nil
}

// fenced turns a panic of one change into its error: the writer serves all.
func fenced(ctx context.Context, tx *sql.Tx, c *change) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in a change: %v", r)
		}
	}()
	return c.do(ctx, tx)
}
