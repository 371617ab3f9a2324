package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foregate/feed"
	"foregate/intel"
	"foregate/intel/stix"
	"foregate/store"
)

// TestServeTAXII adds an indicator through the server; it is looked for in mail
// from then on, read back by a client, and not after it was deleted.
func TestServeTAXII(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	db, err := store.Open(ctx, filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// The certificate of httptest serves as the one of the configuration.
	ts := httptest.NewUnstartedServer(nil)
	ts.StartTLS()
	cert := ts.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ts.Close()
	write := func(name string, data []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const id = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
	conf := taxiiConfig{
		Listen: "127.0.0.1:0", TLP: "green",
		TLSCert:     write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600),
		TLSKey:      write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
		Users:       write("users", []byte("# people\nann:secret\n"), 0o600),
		Collections: []collectionConfig{{ID: id, Title: "ours", Write: true}},
	}
	if err := conf.check(); err != nil {
		t.Fatal(err)
	}
	srv, err := newTAXII(conf, db)
	if err != nil {
		t.Fatal(err)
	}
	ts = httptest.NewUnstartedServer(srv.Handler)
	ts.TLS = srv.TLSConfig
	ts.StartTLS()
	defer ts.Close()
	c := &feed.Client{HTTP: ts.Client(), Collection: ts.URL + "/" + root + "/collections/" + id + "/", User: "ann", Pass: "secret"}
	indicator := func(n, marking string) json.RawMessage {
		return json.RawMessage(`{"type":"indicator","spec_version":"2.1","id":"indicator--11111111-1111-4111-8111-11111111111` + n + `","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z",
			"pattern":"[domain-name:value='evil` + n + `.example']","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z","object_marking_refs":["` + marking + `"]}`)
	}
	if _, err := c.Push(ctx, []json.RawMessage{indicator("1", stix.MarkingFor(intel.TLPGreen)), indicator("2", stix.MarkingFor(intel.TLPRed))}); err != nil {
		t.Fatal(err)
	}
	fetch := func() (ids []string) {
		if _, err := c.Fetch(ctx, time.Time{}, func(it stix.Item) error { ids = append(ids, it.Object.ID); return it.Err }); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if ids := fetch(); len(ids) != 1 || !strings.HasSuffix(ids[0], "1") {
		t.Errorf("%q, want what is green alone", ids)
	}
	known := func() (names []string) {
		if err := db.Assertions(ctx, store.IntelQuery{Relation: intel.Indicates}, func(a intel.Assertion) bool { names = append(names, a.Subject.Value); return true }); err != nil {
			t.Fatal(err)
		}
		return names
	}
	if names := known(); len(names) != 2 {
		t.Errorf("%q are looked for", names)
	}
	backend := shelf{db: db, limit: intel.TLPRed, feeds: map[string]string{id: id}, title: map[string]string{id: "ours"}}
	o, err := stix.Parse(indicator("1", stix.MarkingFor(intel.TLPGreen)))
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.Remove(ctx, id, []stix.Object{o}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if names := known(); len(names) != 1 || names[0] != "evil2.example" || len(fetch()) != 0 {
		t.Errorf("after the deletion %q are looked for", names)
	}
	c.Pass = "wrong"
	if _, err := c.Fetch(ctx, time.Time{}, func(stix.Item) error { return nil }); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong password: %v", err)
	}
	// What may be read by all is no file for passwords.
	if _, err := readUsers(write("open", []byte("a:b\n"), 0o644)); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("an open file of users: %v", err)
	}
	if err := (taxiiConfig{Listen: "x", TLP: "purple", Collections: []collectionConfig{{ID: "1"}}}).check(); err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("a broken configuration: %v", err)
	}
}
