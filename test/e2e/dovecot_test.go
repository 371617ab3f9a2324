package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"foregate/mail"
	"foregate/smtpd"
)

const dovecotConf = `base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
mail_location = maildir:DIR/mail/%n
postmaster_address = postmaster@example.test
mail_plugins = $mail_plugins quota
passdb {
  driver = passwd-file
  args = DIR/users
}
userdb {
  driver = passwd-file
  args = username_format=%n DIR/users
}
plugin {
  quota = maildir:user
}
service lmtp {
  inet_listener lmtp {
    port = PORT
  }
}
`

// startDovecot runs Dovecot's LMTP server for alice, bob and full, whose quota is
// used up.
func startDovecot(t *testing.T, dir string, port int) {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, "root, which Dovecot needs,")
	}
	if _, err := os.Stat("/usr/lib/dovecot/lmtp"); err != nil {
		missing(t, "dovecot-lmtpd")
	}
	write(t, filepath.Join(dir, "dovecot.conf"), strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(port)).Replace(dovecotConf))
	write(t, filepath.Join(dir, "users"), strings.ReplaceAll("alice:{PLAIN}x:65534:65534::DIR::\nbob:{PLAIN}x:65534:65534::DIR::\nfull:{PLAIN}x:65534:65534::DIR::userdb_quota_rule=*:bytes=1\n", "DIR", dir))
	if err := os.MkdirAll(filepath.Join(dir, "mail"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(dir, "mail"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/dovecot", "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	if err := waitOpen(loopback(port)); err != nil {
		t.Fatalf("%v\n%s", err, tail(filepath.Join(dir, "log")))
	}
}

// passing is a gate that delivers all with one added field.
type passing struct{}

// Receive implements smtpd.Gate.
func (passing) Receive(context.Context, mail.Envelope, []byte) (mail.Outcome, error) {
	return mail.Outcome{ID: "x", Verdict: mail.Verdict{Disposition: mail.Deliver}, Edit: mail.Edit{Prepend: []byte("X-Foregate-ID: x\r\n")}}, nil
}

// SMTP before Dovecot's LMTP: its refusals at RCPT reach the client, and one
// recipient over quota makes the one answer a refusal, while the others have
// their copies: told too much beats lost.
func TestDovecot(t *testing.T) {
	dir := workDir(t)
	port := freePorts(t, 1)[0]
	startDovecot(t, dir, port)
	cfg := smtpd.Defaults()
	cfg.NextHop.Addr, cfg.GreetPause = "lmtp:"+loopback(port), 0
	s := &smtpd.Server{Config: cfg, Gate: passing{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, smtpd.Listen{}) }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	m := message{from: "a@out.test", helo: "client.e2e.test", raw: "Subject: one\r\nFrom: a@out.test\r\n\r\n.\r\n..two\r\n\xc3\xbc\r\n"}
	for _, c := range []struct {
		to   []string
		code int
		text string // begins so
	}{
		{[]string{"alice@example.test"}, 250, "2.0.0 Ok: queued as x"},
		{[]string{"nobody@example.test"}, 550, "5.1.1 <nobody@example.test> User doesn't exist"},
		{[]string{"alice@example.test", "full@example.test", "bob@example.test"}, 552, "5.2.2 <full@example.test> Quota exceeded"},
	} {
		m.to = c.to
		a, err := send(l.Addr().String(), m)
		if err != nil || a.code != c.code || !strings.HasPrefix(a.text, c.text) {
			t.Errorf("%v: %d %s %v, want %d %s\n%s", c.to, a.code, a.text, err, c.code, c.text, tail(filepath.Join(dir, "log")))
		}
	}
	for name, want := range map[string]int{"alice": 2, "bob": 1, "full": 0} {
		files, err := filepath.Glob(filepath.Join(dir, "mail", name, "new", "*"))
		if err != nil || len(files) != want {
			t.Errorf("%s has %d messages, want %d (%v)", name, len(files), want, err)
			continue
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := sameLetter(m.raw, strings.ReplaceAll(string(b), "\r\n", "\n")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
