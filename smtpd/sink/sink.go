// Package sink is a small next hop that keeps mail in a Maildir: for trying the
// gate without a mail server, and as the far end in tests.
//
// A message is written to tmp, synced, and renamed into new; both the file and
// the directory are on disk before the client gets 250. All recipients of one
// transaction share one file, which begins with a Return-Path field and one
// Delivered-To field for each of them; the rest is as received.
package sink

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"foregate/mail"
	"foregate/smtpd"
)

// Maildir is an smtpd.Gate whose Receive is the final delivery. Make it with
// Open.
type Maildir struct {
	dir string
	now func() time.Time
	seq atomic.Uint64
}

// Open makes dir a Maildir if it is none and returns it. now names the files;
// nil is time.Now.
func Open(dir string, now func() time.Time) (*Maildir, error) {
	if now == nil {
		now = time.Now
	}
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("making the Maildir: %w", err)
		}
	}
	return &Maildir{dir: dir, now: now}, nil
}

// Server returns a server that delivers what it gets at addr into the Maildir;
// it takes mail without an own next hop. The caller may change its Config before
// it runs.
func (m *Maildir) Server(addr string, lmtp bool) *smtpd.Server {
	cfg := smtpd.Defaults()
	cfg.Listen = []smtpd.Listen{{Addr: addr, LMTP: lmtp}}
	cfg.GreetPause = 0
	cfg.MaxConnsPerIP = cfg.MaxConns // the gate is the only client
	return &smtpd.Server{Config: cfg, Gate: m, Now: m.now}
}

// Receive keeps one message. The outcome's ID is the file's name.
func (m *Maildir) Receive(_ context.Context, env mail.Envelope, raw []byte) (mail.Outcome, error) {
	now := m.now()
	name := fmt.Sprintf("%d.M%06dP%dQ%d.foregate", now.Unix(), now.Nanosecond()/1000, os.Getpid(), m.seq.Add(1))
	var head bytes.Buffer
	fmt.Fprintf(&head, "Return-Path: <%s>\r\n", field(env.MailFrom))
	for _, to := range env.Recipients {
		fmt.Fprintf(&head, "Delivered-To: %s\r\n", field(to))
	}
	if err := m.write(name, head.Bytes(), raw); err != nil {
		return mail.Outcome{}, fmt.Errorf("delivering to the Maildir: %w", err)
	}
	return mail.Outcome{ID: name, Verdict: mail.Verdict{Disposition: mail.Deliver}}, nil
}

// field keeps an address on its line; the server lets no control character in.
func field(addr string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, addr)
}

func (m *Maildir) write(name string, pieces ...[]byte) (err error) {
	tmp := filepath.Join(m.dir, "tmp", name)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp)
		}
	}()
	for _, p := range pieces {
		if _, err := f.Write(p); err != nil {
			f.Close()
			return err
		}
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	into := filepath.Join(m.dir, "new")
	if err := os.Rename(tmp, filepath.Join(into, name)); err != nil {
		return err
	}
	return syncDir(into)
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
