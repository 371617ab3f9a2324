package main

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"foregate/mail"
)

// TestBenignMail judges whole messages that look like phishing and are none, as
// people get them: notices in many languages, services that write for others,
// lists and newsletters. None may be held, and none delivered with a warning.
func TestBenignMail(t *testing.T) {
	a, err := txtar.ParseFile(filepath.Join("testdata", "benign.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.DNS.Offline = true
	c.Auth.TrustedAuthservs = []string{"mx.corp.example"}
	engine, err := newLoadedEngine(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Files) < 40 {
		t.Fatalf("%d messages, want at least 40", len(a.Files))
	}
	for _, f := range a.Files {
		_, facts, v := engine.Judge(t.Context(), mail.Envelope{}, f.Data)
		if !facts.Auth.AuthorProven && f.Name != "forwarder-srs.eml" {
			t.Errorf("%s: the author is not proven, which the message is to be", f.Name)
		}
		if v.Disposition != mail.Deliver {
			t.Errorf("%s: %s at %.2f: %v", f.Name, v.Disposition, v.LogOdds, v.Reasons)
		}
	}
}
