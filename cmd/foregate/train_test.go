package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foregate/mail"
	"foregate/mql/shape"
	"foregate/scan/text"
)

// ownMail writes labelled messages, one folder for each label.
func ownMail(t *testing.T, folders map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range folders {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			raw := fmt.Sprintf("From: a@example.org\r\nSubject: Note %d\r\n\r\n%s\r\n", i, body)
			if err := os.WriteFile(filepath.Join(dir, name, fmt.Sprintf("%d.eml", i)), []byte(raw), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// TestTrainOwn: a model learnt from own mail knows what the built-in one does
// not, and the configuration puts it in force.
func TestTrainOwn(t *testing.T) {
	const lure = "The zorblat registry wants your quintar seal before the moot. Bring the quintar to the zorblat desk and sign the glarn roll."
	dir := ownMail(t, map[string]string{"bec": lure, "ham": "Lunch is at noon in the canteen, as on every day of this week.", "phish": "Validate your mailbox: sign in or lose your mail and your password."})
	file := filepath.Join(t.TempDir(), "own.model")
	var out bytes.Buffer
	if err := (trainCmd{Out: file, Own: dir}).Run(&world{stdout: &out}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"own mail: 6 benign, 6 cred_theft, 6 bec\n", "\nown ", file} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
	c := defaults()
	before, err := newTexts(c)
	if err != nil {
		t.Fatal(err)
	}
	c.Text.Model = file
	after, err := newTexts(c)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := text.New(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Classify("Note 1", lure).Language; got != "english" {
		t.Errorf("own mail changed what is known of languages: %q", got)
	}
	if a, b := attackOf(t, before, lure), attackOf(t, after, lure); a || !b {
		t.Errorf("the lure is an attack before: %v, after: %v; want false, true", a, b)
	}
}

func TestTrainErrors(t *testing.T) {
	w := &world{stdout: &bytes.Buffer{}}
	dir := ownMail(t, map[string]string{"spanish": "hola"})
	tests := []struct {
		cmd  trainCmd
		want string
	}{
		{trainCmd{Own: dir, Out: "x/model.bin"}, "train: name another file with --out for a model of your own mail"},
		{trainCmd{Own: dir, Out: "own"}, `reading own mail: folder "spanish" is no label; there are ham, phish, attack, benign, cred_theft, callback_scam, bec, steal_pii, advance_fee, extortion, job_scam, invoice, `},
		{trainCmd{Own: t.TempDir(), Out: "own"}, "reading own mail: no folders of messages in "},
	}
	for _, tt := range tests {
		if err := tt.cmd.Run(w); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
	c := defaults()
	c.Text.Model = filepath.Join(dir, "spanish", "0.eml")
	if _, err := newTexts(c); err == nil || !strings.HasSuffix(err.Error(), "0.eml: reading the text model: not a text model") {
		t.Errorf("error %v for a model that is none", err)
	}
}

// attackOf says whether rules see an intent other than benign in a text.
func attackOf(t *testing.T, s *text.Stage, body string) bool {
	t.Helper()
	got, err := s.Capabilities()["ml.nlu_classifier"](t.Context(), &mail.Message{}, []any{body, "Note 1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range got.(shape.NLU).Intents {
		if l.Name != "benign" {
			return true
		}
	}
	return false
}
