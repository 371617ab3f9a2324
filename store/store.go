// Package store keeps judged messages, held mail and the record of what people
// did with it in one SQL database.
//
// The database is a SQLite file, used by any number of processes at once. A
// change is on the disk before the call that makes it returns: the gate answers
// 250 for a held message only after that. Writes that arrive together share one
// transaction, and so one wait for the disk.
//
// All SQL is of the kind that PostgreSQL understands as well, and package
// store/suite states what any database must do.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNotFound says that there is no such message, or that its bytes are gone.
var ErrNotFound = errors.New("no such held message")

// ErrState says that recipients were not in the state that a change expects;
// nothing was changed.
var ErrState = errors.New("a recipient's copy is not in the expected state")

const (
	// MaxRaw bounds a held message in bytes: the gate's own limit of 50 MiB and
	// room for header fields added on the way.
	MaxRaw = 51 << 20
	// busyTimeout is how long a write waits for another process. The SMTP
	// client waits for minutes, so the answer is better late than deferred.
	busyTimeout = 10 * time.Second
	// readers bounds the connections that read; reading is short.
	readers = 4
	// openTries is how often opening is tried when two processes create one
	// database at the same moment.
	openTries = 5
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	write *sql.DB // one connection
	read  *sql.DB
	queue chan *change
	stop  chan struct{}
	done  chan struct{}
	zip   *zstd.Encoder
	unzip *zstd.Decoder
}

// Open opens or creates the database and brings its tables up to date. where is
// the path of a SQLite file or a file: URL.
func Open(ctx context.Context, where string) (*DB, error) {
	path, err := sqlitePath(where)
	if err != nil {
		return nil, err
	}
	db := &DB{
		queue: make(chan *change),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("opening database: %w", err)
	}
	if err := db.connect(ctx, path); err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	// The options are constants, for which neither call fails.
	if db.zip, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(readers)); err == nil {
		db.unzip, err = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxRaw), zstd.WithDecoderConcurrency(readers))
	}
	if err != nil {
		db.write.Close()
		db.read.Close()
		return nil, fmt.Errorf("setting up compression: %w", err)
	}
	go db.run()
	return db, nil
}

// Close ends all work and closes the database. Changes under way are completed.
func (db *DB) Close() error {
	close(db.stop)
	<-db.done
	db.unzip.Close()
	return errors.Join(db.zip.Close(), db.read.Close(), db.write.Close())
}

// sqlitePath returns the path of a SQLite file.
func sqlitePath(where string) (string, error) {
	scheme, rest, ok := strings.Cut(where, ":")
	switch {
	case where == "":
		return "", errors.New("opening database: no path given")
	case strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://"):
		return "", errors.New("opening database: PostgreSQL is not supported by this version; give the path of a SQLite file")
	case strings.Contains(where, ":memory:"):
		return "", errors.New("opening database: a database in memory would lose held mail; give the path of a file")
	case ok && scheme == "file":
		u, err := url.Parse(where)
		if err != nil {
			return "", fmt.Errorf("opening database: %w", err)
		}
		if u.RawQuery != "" || u.Host != "" && u.Host != "localhost" {
			return "", fmt.Errorf("opening database %q: a file: URL may only hold a path", where)
		}
		if u.Path == "" {
			return rest, nil
		}
		return u.Path, nil
	case ok && strings.HasPrefix(rest, "//"):
		return "", fmt.Errorf("opening database: unknown kind %q; give the path of a SQLite file", scheme)
	}
	return where, nil
}

// create makes the file when it is missing, for its owner alone: it will hold
// other people's mail. SQLite gives its helper files the same rights.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// A new file's name is safe only when its directory is on the disk.
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// connect opens the connections and creates what is missing.
func (db *DB) connect(ctx context.Context, path string) error {
	// WAL lets readers work during a write; FULL waits for the disk at every
	// commit; immediate transactions take the write lock when they begin, so
	// that what they read is still true when they write. What a savepoint may have
	// to undo stays in memory, and 64 MiB of pages: imports touch the whole file.
	common := fmt.Sprintf("_pragma=busy_timeout(%d)&_pragma=foreign_keys(1)", busyTimeout.Milliseconds())
	base := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() + "?" + common
	var err error
	if db.write, err = sql.Open("sqlite", base+"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=temp_store(2)&_pragma=cache_size(-65536)&_txlock=immediate"); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	if err := migrate(ctx, db.write); err != nil {
		db.write.Close()
		return err
	}
	if db.read, err = sql.Open("sqlite", base+"&_pragma=query_only(1)"); err != nil {
		db.write.Close()
		return err
	}
	db.read.SetMaxOpenConns(readers)
	db.read.SetMaxIdleConns(readers)
	return nil
}

// migrate brings the tables up to date. Two processes may start at once: the
// slower one then finds the work done at its next try.
func migrate(ctx context.Context, w *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := migrateOnce(ctx, w, files)
		if err == nil || try == openTries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * 100 * time.Millisecond):
		}
	}
}

func migrateOnce(ctx context.Context, w *sql.DB, files fs.FS) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, w, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("creating tables: %w", err)
	}
	return nil
}

// Check asks the database to verify itself and returns what is wrong.
func (db *DB) Check(ctx context.Context) error {
	var answer string
	if err := db.read.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&answer); err != nil {
		return fmt.Errorf("checking the database: %w", err)
	}
	if answer != "ok" {
		return fmt.Errorf("checking the database: %s", answer)
	}
	return nil
}
