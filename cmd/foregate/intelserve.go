package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"foregate/feed"
	"foregate/intel"
	"foregate/intel/stix"
	"foregate/smtpd"
	"foregate/store"
)

type taxiiConfig struct {
	Listen      string             `yaml:"listen" doc:"Address that 'intel serve' listens on, host:port; empty switches it off. It speaks HTTPS only."`
	TLSCert     string             `yaml:"tls_cert" doc:"Certificate file (PEM)."`
	TLSKey      string             `yaml:"tls_key" doc:"Key file (PEM)."`
	Users       string             `yaml:"users" doc:"File with one name:password per line. Nobody else may in; the file must be readable by its owner alone."`
	TLP         string             `yaml:"tlp" doc:"The narrowest marking that may be read: clear, green, amber, amber+strict or red. What is unmarked counts as amber."`
	Collections []collectionConfig `yaml:"collections" doc:"What is offered."`
}

type collectionConfig struct {
	ID    string `yaml:"id" doc:"A UUID that names the collection."`
	Title string `yaml:"title" doc:"What it is called."`
	Feed  string `yaml:"feed" doc:"The feed or file whose STIX objects it has, as 'intel import --source' or 'intel feeds --name' called it; the collection's own when empty."`
	Write bool   `yaml:"write" doc:"Whether objects may be added and deleted. What is added is looked for in mail."`
}

// root is the one API root of the server.
const root = "foregate"

// check says what is wrong with the configuration of the server.
func (c taxiiConfig) check() error {
	if c.Listen == "" {
		return nil
	}
	var errs []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("intel.taxii.listen: %w", err))
	}
	if c.TLSCert == "" || c.TLSKey == "" || c.Users == "" {
		errs = append(errs, errors.New("intel.taxii: tls_cert, tls_key and users must be given: passwords go over TLS only"))
	}
	if _, err := intel.ParseTLP(c.TLP); err != nil {
		errs = append(errs, fmt.Errorf("intel.taxii.tlp: %w", err))
	}
	for _, col := range c.Collections {
		if uuid.Validate(col.ID) != nil || col.Title == "" {
			errs = append(errs, fmt.Errorf("intel.taxii.collections: %q needs a UUID as id, and a title", col.ID))
		}
	}
	return errors.Join(errs...)
}

// maxUsers bounds the file of users in bytes.
const maxUsers = 1 << 20

// readUsers reads name:password lines.
func readUsers(path string) (map[string]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the users: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("reading the users: %s may be read by others; chmod 600 it", path)
	}
	if info.Size() > maxUsers {
		return nil, fmt.Errorf("reading the users: %s has more than %d bytes", path, maxUsers)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the users: %w", err)
	}
	users := map[string]string{}
	s := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, password, ok := strings.Cut(line, ":")
		if !ok || name == "" || password == "" {
			return nil, fmt.Errorf("reading the users: %s line %d is not name:password", path, n)
		}
		users[name] = password
	}
	return users, s.Err()
}

// shelf keeps the server's objects in the database, and what they say in the
// graph. It implements feed.Backend.
type shelf struct {
	db    *store.DB
	limit intel.TLP
	feeds map[string]string // by collection id
	title map[string]string
}

// Objects implements feed.Backend.
func (s shelf) Objects(ctx context.Context, collection string, after time.Time, yield func(feed.Stored) bool) error {
	return s.db.Objects(ctx, s.feeds[collection], after, s.shared(yield))
}

// Versions implements feed.Backend.
func (s shelf) Versions(ctx context.Context, collection string, ids []string, yield func(feed.Stored) bool) error {
	return s.db.ObjectVersions(ctx, s.feeds[collection], ids, s.shared(yield))
}

// shared passes on what may be read.
func (s shelf) shared(yield func(feed.Stored) bool) func(store.Object) bool {
	return func(o store.Object) bool {
		st := feed.Stored{Object: stix.Object{ID: o.ID, Type: o.Type, Modified: o.Modified, Revoked: o.Revoked, Raw: o.Raw}, Added: o.AddedAt}
		return !stix.TLPOf(st.Object).Shareable(s.limit) || yield(st)
	}
}

func (s shelf) rows(collection string, objects []stix.Object) []store.Object {
	out := make([]store.Object, 0, len(objects))
	for _, o := range objects {
		out = append(out, store.Object{ID: o.ID, Type: o.Type, Modified: o.Modified, Revoked: o.Revoked, Collection: s.feeds[collection], Raw: o.Raw})
	}
	return out
}

// said is what objects say, by the collection.
func (s shelf) said(collection string, objects []stix.Object) []intel.Assertion {
	d := stix.NewDeriver(intel.Source{Name: s.title[collection]})
	for _, o := range objects {
		_ = d.Add(o) // what cannot be used is kept as an object all the same
	}
	var out []intel.Assertion
	d.Finish(nil, func(a intel.Assertion) bool { out = append(out, a); return true })
	return out
}

// Add implements feed.Backend.
func (s shelf) Add(ctx context.Context, collection string, objects []stix.Object, at time.Time) error {
	if _, _, err := s.db.AddObjects(ctx, s.rows(collection, objects), at); err != nil {
		return err
	}
	_, err := s.db.AddAssertions(ctx, s.said(collection, objects), at)
	return err
}

// Remove implements feed.Backend. What the objects said is taken back.
func (s shelf) Remove(ctx context.Context, collection string, objects []stix.Object, at time.Time) error {
	if err := s.db.RemoveObjects(ctx, s.feeds[collection], s.rows(collection, objects)); err != nil {
		return err
	}
	said := s.said(collection, objects)
	for i := range said {
		said[i].Retracted = at
	}
	_, err := s.db.AddAssertions(ctx, said, at)
	return err
}

type intelServeCmd struct{}

// Help is the long help text.
func (intelServeCmd) Help() string {
	return `Serves collections of STIX objects by TAXII 2.1 over HTTPS to the users of the
configuration's users file, and takes objects where a collection may be written.
It is off unless intel.taxii.listen is set. SIGTERM stops it.

Example:
  foregate intel serve -c /etc/foregate/foregate.yaml`
}

// newTAXII makes the server and what it listens on.
func newTAXII(c taxiiConfig, db *store.DB) (*http.Server, error) {
	limit, err := intel.ParseTLP(c.TLP)
	if err != nil {
		return nil, err
	}
	users, err := readUsers(c.Users)
	if err != nil {
		return nil, err
	}
	pair := &smtpd.CertFile{Cert: c.TLSCert, Key: c.TLSKey}
	if _, err := pair.GetCertificate(nil); err != nil {
		return nil, fmt.Errorf("intel.taxii.tls_cert: %w", err)
	}
	s := shelf{db: db, limit: limit, feeds: map[string]string{}, title: map[string]string{}}
	h := &feed.Server{Title: "Foregate", Root: root, Backend: s, Users: users, Now: time.Now}
	for _, col := range c.Collections {
		s.feeds[col.ID], s.title[col.ID] = orWord(col.Feed, col.ID), col.Title
		h.Collections = append(h.Collections, feed.Collection{ID: col.ID, Title: col.Title, CanRead: true, CanWrite: col.Write, MediaTypes: []string{"application/stix+json;version=2.1"}})
	}
	return &http.Server{Handler: h, TLSConfig: &tls.Config{GetCertificate: pair.GetCertificate, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}, nil
}

// Run serves until a signal comes.
func (intelServeCmd) Run(w *world, cl *cli) error {
	conf, err := loadConfig(cl.Config, cl.DB)
	if err != nil {
		return err
	}
	if conf.Intel.TAXII.Listen == "" {
		return errors.New("serving TAXII: intel.taxii.listen is not set")
	}
	db, err := store.Open(w.ctx, conf.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	srv, err := newTAXII(conf.Intel.TAXII, db)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(w.ctx, "tcp", conf.Intel.TAXII.Listen)
	if err != nil {
		return fmt.Errorf("serving TAXII: %w", err)
	}
	newLogger(conf.Log, w.stderr).Info("TAXII is served", "discovery", "https://"+ln.Addr().String()+"/taxii2/", "collections", len(conf.Intel.TAXII.Collections))
	stop := context.AfterFunc(w.ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), conf.SMTP.StopTimeout)
		defer cancel()
		_ = srv.Shutdown(ctx) // requests that take longer are cut
	})
	defer stop()
	if err := srv.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving TAXII: %w", err)
	}
	return nil
}
