package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"foregate/mail"
	"foregate/policy"
	"foregate/smtpd"
	"foregate/smtpd/sink"
)

type demoCmd struct {
	Dir  string `default:"var" type:"path" placeholder:"DIR" help:"Where the demo keeps its database and Maildir (${default})."`
	SMTP string `name:"smtp" default:"127.0.0.1:2525" placeholder:"ADDR" help:"Where the demo's gate listens (${default})."`
	HTTP string `name:"http" default:"127.0.0.1:8025" placeholder:"ADDR" help:"Where it shows health and metrics (${default})."`
	Once bool   `help:"Stop after the samples instead of running on."`
}

// Help is the long help text.
func (demoCmd) Help() string {
	return `Starts a whole gate on loopback: a name server for the sample senders' zones, a
Maildir as next hop, SQLite under --dir. Sends sample mail of our own through it
over SMTP, among it the two steps of the Callisto case, and shows each verdict
with its reasons. Then it keeps running, so that you can send it your own.

Example:
  foregate demo --dir /tmp/foregate-demo --once`
}

// Run starts the demo.
func (c demoCmd) Run(w *world) error {
	samples, err := loadSamples()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("making the demo's folder: %w", err)
	}
	pub, key, err := newSampleKey()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	names, err := startNameServer(ctx, samples.Zones, pub)
	if err != nil {
		return err
	}
	defer names.stop()
	maildir := filepath.Join(c.Dir, "maildir")
	nextHop, stop, err := startSink(ctx, maildir)
	if err != nil {
		return err
	}
	defer stop()
	conf := c.config(samples, names.addr, nextHop)
	log, err := os.OpenFile(filepath.Join(c.Dir, "foregate.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening the demo's log: %w", err)
	}
	defer log.Close()
	s, err := newService(ctx, conf, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		return err
	}
	var seen verdicts
	seen.watch(s)
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	if err := waitReady(ctx, s, done); err != nil {
		return err
	}
	if err := c.send(ctx, w, samples, key, &seen); err != nil {
		return err
	}
	c.whereNext(w, conf, maildir)
	if c.Once {
		cancel()
	}
	err = <-done
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// startSink serves a Maildir as next hop on a loopback port of its own.
func startSink(ctx context.Context, dir string) (addr string, stop func(), err error) {
	box, err := sink.Open(dir, nil)
	if err != nil {
		return "", nil, fmt.Errorf("starting the demo's next hop: %w", err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("starting the demo's next hop: %w", err)
	}
	addr = ln.Addr().String()
	srv := box.Server(addr, false)
	go srv.Serve(ln, smtpd.Listen{Addr: addr})
	return addr, func() {
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = srv.Shutdown(grace) // the demo ends; the Maildir is on disk
	}, nil
}

// config is the demo's configuration: the sample organisation on loopback.
func (c demoCmd) config(s sampleWorld, resolver, nextHop string) config {
	conf := defaults()
	conf.Database = filepath.Join(c.Dir, "foregate.db")
	conf.Organisation = s.Organisation
	conf.SMTP.Listen = []string{c.SMTP}
	conf.SMTP.Hostname = "mx.ministry.example"
	conf.SMTP.NextHop = nextHop
	conf.HTTP.Listen = c.HTTP
	conf.DNS.Servers = []string{resolver}
	return conf
}

// verdicts collects what the gate judges, by the subject of the message.
type verdicts struct {
	mu   sync.Mutex
	last judged
}

func (v *verdicts) watch(s *service) {
	g := s.server.Gate.(*gate)
	count := g.onJudged
	g.onJudged = func(m *mail.Message, f *mail.Facts, vd mail.Verdict, took time.Duration) {
		count(m, f, vd, took)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.last = judged{msg: m, facts: f, verdict: vd, cpu: took}
	}
}

// waitReady waits until the gate answers, or says why it does not.
func waitReady(ctx context.Context, s *service, done <-chan error) error {
	for {
		var d net.Dialer
		if conn, err := d.DialContext(ctx, "tcp", s.conf.SMTP.Listen[0]); err == nil {
			return conn.Close()
		}
		select {
		case err := <-done:
			return fmt.Errorf("the gate did not start: %w (is another one running? try --smtp and --http with other ports)", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// send sends the samples one by one and prints each verdict.
func (c demoCmd) send(ctx context.Context, w *world, s sampleWorld, key []byte, seen *verdicts) error {
	fmt.Fprintf(w.stdout, "Sending %d sample messages through the gate at %s.\n\n", len(s.Messages), c.SMTP)
	tw := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "VERDICT\tODDS OF AN ATTACK\tMESSAGE")
	var details strings.Builder
	for _, m := range s.Messages {
		raw := m.raw
		if m.Signed != "" {
			var err error
			if raw, err = sign(raw, m.Signed, key); err != nil {
				return fmt.Errorf("signing %s: %w", m.File, err)
			}
		}
		if _, err := sendSample(ctx, c.SMTP, m, raw); err != nil {
			return err
		}
		seen.mu.Lock()
		j := seen.last
		seen.mu.Unlock()
		fmt.Fprintf(tw, "%s\t%s\t%s\n", strings.ToUpper(string(j.verdict.Disposition)), policy.Odds(j.verdict.LogOdds), m.About)
		if j.verdict.LogOdds > -1 {
			details.WriteString("\n" + explain(fmt.Sprintf("%q from %s", j.msg.Subject.Subject, m.From), j, false))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w.stdout, "\nWhy:\n%s", details.String())
	return err
}

func (c demoCmd) whereNext(w *world, conf config, maildir string) {
	self, err := os.Executable()
	if err != nil {
		self = "foregate"
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, self); err == nil && !strings.HasPrefix(rel, "..") {
			self = rel
		}
	}
	fmt.Fprintf(w.stdout, `
Where to look next:
  %[1]s --db %[2]s quarantine list
  %[1]s scan --explain --offline FILE.eml      judge a message of your own
  ls %[3]s/new                 what was delivered
  curl http://%[4]s/metrics
`, self, conf.Database, maildir, conf.HTTP.Listen)
	if !c.Once {
		fmt.Fprintf(w.stdout, "The gate keeps running; send it mail at %s. Ctrl-C stops it.\n", c.SMTP)
	}
}
