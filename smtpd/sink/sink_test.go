package sink

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foregate/mail"
	"foregate/smtpd"
)

func TestMaildir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	m, err := Open(dir, func() time.Time { return time.Unix(1e9, 5000) })
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := m.Server("", true)
	done := make(chan error)
	go func() { done <- s.Serve(l, smtpd.Listen{LMTP: true}) }()
	const raw = "Subject: x\r\n\r\n.\r\nbody\r\n"
	for range 2 {
		if err := smtpd.Inject(context.Background(), smtpd.NextHop{Addr: "lmtp:" + l.Addr().String()}, "a@a.test", []string{"b@b.test", "c@b.test"}, []byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(filepath.Join(dir, "new"))
	if err != nil || len(files) != 2 || !strings.HasPrefix(files[0].Name(), "1000000000.M000005P") {
		t.Fatalf("files %v, %v", files, err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "new", files[0].Name()))
	if want := "Return-Path: <a@a.test>\r\nDelivered-To: b@b.test\r\nDelivered-To: c@b.test\r\n" + raw; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "tmp")); len(left) != 0 {
		t.Errorf("left in tmp: %v", left)
	}
}

// A message that can't be stored is an error, so the client keeps it.
func TestMaildirGone(t *testing.T) {
	dir := t.TempDir()
	m, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "new")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Receive(context.Background(), mail.Envelope{}, []byte("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "tmp")); len(left) != 0 {
		t.Errorf("left in tmp: %v", left)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, nil); err == nil {
		t.Error("a file was opened as a Maildir")
	}
}
