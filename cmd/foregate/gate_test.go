package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foregate/mail"
	"foregate/store"
)

const ordinary = "From: Ann <ann@elsewhere.example>\r\nTo: desk@ministry.example\r\nSubject: Minutes\r\n" +
	"Date: Mon, 16 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@elsewhere.example>\r\n\r\nHere they are.\r\n"

// delivered returns the messages of a Maildir.
func delivered(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "maildir/new/*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// A delivered message is what came in under what we say; what claims to be said
// by us is gone.
func TestGateSpeaksForItselfAlone(t *testing.T) {
	dir := t.TempDir()
	c, err := newClient(startGateWith(t, dir, func(*config) {}))
	if err != nil {
		t.Fatal(err)
	}
	forged := "X-Foregate-Verdict: deliver;\r\n folded\r\nAuthentication-Results: mx.ministry.example; dmarc=pass\r\n" +
		"Authentication-Results: other.example; spf=pass\r\n"
	if code, err := c.send([]byte(forged + ordinary)); err != nil || code != 250 {
		t.Fatalf("answer %d, %v", code, err)
	}
	got := delivered(t, dir)
	if len(got) != 1 {
		t.Fatalf("%d messages delivered", len(got))
	}
	if !strings.HasSuffix(got[0], "\r\nAuthentication-Results: other.example; spf=pass\r\n"+ordinary) {
		t.Errorf("the message is not what was sent, less the forged fields:\n%s", got[0])
	}
	head := strings.TrimSuffix(got[0], ordinary)
	for _, want := range []string{"Authentication-Results: mx.ministry.example;", "X-Foregate-ID: ", "X-Foregate-Verdict: deliver; odds=\""} {
		if strings.Count(head, want) != 1 {
			t.Errorf("%q stands %d times in\n%s", want, strings.Count(head, want), head)
		}
	}
	if strings.Contains(head, "dmarc=pass") || strings.Contains(head, "folded") {
		t.Errorf("a forged field is left in\n%s", head)
	}
}

// One recipient's copy is held, another's delivered, of one message.
func TestGateDecidesByRecipient(t *testing.T) {
	dir := t.TempDir()
	addr := startGateWith(t, dir, func(c *config) {
		never, always := 100.0, -100.0
		c.Policy.Groups = []groupConfig{
			{Name: "strict", Recipients: []string{"strict@ministry.example"}, HoldAt: &always},
			{Name: "everyone", HoldAt: &never},
		}
	})
	c, err := newClient(addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		code int
		line string
	}{{250, "MAIL FROM:<ann@elsewhere.example>"}, {250, "RCPT TO:<strict@ministry.example>"}, {250, "RCPT TO:<desk@ministry.example>"}, {354, "DATA"}, {250, ordinary + "."}} {
		if err := c.cmd(step.code, step.line); err != nil {
			t.Fatalf("%s: %v", step.line, err)
		}
	}
	got := delivered(t, dir)
	if len(got) != 1 || !strings.Contains(got[0], "Delivered-To: desk@ministry.example") || strings.Contains(got[0], "Delivered-To: strict@") {
		t.Errorf("delivered: %q", got)
	}
	db, err := store.Open(t.Context(), filepath.Join(dir, "foregate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	holds, err := db.List(t.Context(), store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(holds) != 1 || len(holds[0].Recipients) != 1 || holds[0].Recipients[0].Address != "strict@ministry.example" {
		t.Fatalf("held: %+v", holds)
	}
	raw, err := db.Raw(t.Context(), holds[0].ID)
	if err != nil || string(raw) != ordinary {
		t.Errorf("the held bytes are not those received: %q, %v", raw, err)
	}
}

func TestHealth(t *testing.T) {
	web := freeAddr(t)
	addr := startGateWith(t, t.TempDir(), func(c *config) { c.HTTP.Listen = web })
	c, err := newClient(addr)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := c.send([]byte(ordinary)); err != nil || code != 250 {
		t.Fatalf("answer %d, %v", code, err)
	}
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + web + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := get(path); code != 200 || body != "ok\n" {
			t.Errorf("%s: %d %q", path, code, body)
		}
	}
	_, body := get("/metrics")
	for _, want := range []string{`foregate_messages_total{answer="2xx",disposition="deliver"} 1`, "foregate_judge_seconds_count 1", "foregate_sessions_open 1"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in /metrics", want)
		}
	}
}

// With the next hop gone the client keeps the mail, and readiness says so.
func TestNextHopDown(t *testing.T) {
	web := freeAddr(t)
	addr := startGateWith(t, t.TempDir(), func(c *config) { c.HTTP.Listen, c.SMTP.NextHop = web, freeAddr(t) })
	c, err := newClient(addr)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := c.send([]byte(ordinary)); err == nil && code/100 != 4 {
		t.Errorf("answer %d; the client must keep the mail", code)
	} else if err != nil && !strings.HasPrefix(err.Error(), "4") {
		t.Errorf("answer %v; the client must keep the mail", err)
	}
	resp, err := http.Get("http://" + web + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz says %d", resp.StatusCode)
	}
}

func TestOwnFields(t *testing.T) {
	raw := "Subject: x\r\nx-foregate-id: a\r\n\tb\r\nX-Foregate-Verdict: c\r\nTo: y\r\n\r\nX-Foregate-ID: in the body\r\n"
	spans := ownFields([]byte(raw))
	var cut strings.Builder
	for _, s := range spans {
		cut.WriteString(raw[s.Start:s.End])
	}
	if want := "x-foregate-id: a\r\n\tb\r\nX-Foregate-Verdict: c\r\n"; cut.String() != want {
		t.Errorf("cut %q, want %q", cut.String(), want)
	}
	if got := (mail.Edit{Cut: spans}).Apply([]byte(raw), ""); string(got) != "Subject: x\r\nTo: y\r\n\r\nX-Foregate-ID: in the body\r\n" {
		t.Errorf("left %q", got)
	}
}
