package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foregate/store"
	"foregate/store/suite"
)

func open(t testing.TB, path string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestSQLite(t *testing.T) {
	suite.Run(t, func(t *testing.T) func() *store.DB {
		path := filepath.Join(t.TempDir(), "a b?c#d%e.db") // a path is no URL
		return func() *store.DB { return open(t, path) }
	})
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{
		"":                              "no path given",
		"postgres://localhost/foregate": "PostgreSQL is not supported by this version",
		"mysql://localhost/foregate":    `unknown kind "mysql"`,
		":memory:":                      "would lose held mail",
		"file:x.db?mode=memory":         "may only hold a path",
		"file://elsewhere/x.db":         "may only hold a path",
		filepath.Join(dir, "no", "x"):   "no such file or directory",
		dir:                             "",
		junk:                            "not a database",
	} {
		db, err := store.Open(t.Context(), where)
		if err == nil {
			db.Close()
			t.Errorf("%q opens", where)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", where, err, want)
		}
	}
}

func TestOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	open(t, "file:"+path)
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v: others can read held mail", name, info.Mode())
		}
	}
}

// TestOpenTogether opens one new database many times at once.
func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() {
			db, err := store.Open(context.Background(), path)
			if err == nil {
				err = db.Close()
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
