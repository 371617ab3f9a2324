package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"foregate/quarantine"
	"foregate/scan/known"
	"foregate/scan/rule"
	"foregate/smtpd"
	"foregate/store"
)

// service is a running gate: the front end, the engine, the database and the
// health checks, wired from one configuration.
type service struct {
	known   *known.Index // nil when indicators are not looked for
	warn    []known.Warning
	conf    config
	log     *slog.Logger
	db      *store.DB
	keeper  *quarantine.Quarantine
	server  *smtpd.Server
	metrics *metrics
	book    *rule.Book
	rules   ruleWatch
	history *recorder
	learner *learner
	// closeSenders frees what the memory of senders reads from.
	closeSenders func() error
}

// expiryPeriod is how often held mail past its retention is removed.
const expiryPeriod = time.Hour

// newService opens the database and wires the gate; nothing listens yet.
func newService(ctx context.Context, conf config, log *slog.Logger) (*service, error) {
	book := &rule.Book{}
	db, err := store.Open(ctx, conf.Database)
	if err != nil {
		return nil, err
	}
	senders, closeSenders, err := newSenders(ctx, conf, db, time.Now)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	engine, err := newEngine(conf, book, senders)
	if err != nil {
		return nil, errors.Join(err, closeSenders(), db.Close())
	}
	var index *known.Index
	var warn []known.Warning
	if conf.Intel.Match {
		if warn, err = warnings(conf.Intel); err != nil {
			return nil, errors.Join(err, closeSenders(), db.Close())
		}
		index = &known.Index{}
		withKnown(engine, index)
	}
	s := &service{known: index, warn: warn, conf: conf, log: log, db: db, keeper: newQuarantine(conf, db), book: book, closeSenders: closeSenders}
	if senders != nil {
		s.learner = newLearner(senders, db, log)
	}
	if err := s.reload(); err != nil {
		return nil, errors.Join(err, closeSenders(), db.Close())
	}
	scfg, err := smtpConfigOf(conf.SMTP)
	if err != nil {
		return nil, errors.Join(err, closeSenders(), db.Close())
	}
	if conf.History.Records > 0 {
		s.history = newRecorder(db, conf.History, log)
	}
	g := &gate{engine: engine, held: s.keeper, authserv: conf.SMTP.Hostname, newID: newID, history: s.history, learner: s.learner}
	if g.budgets, err = newBudgets(conf, db, log, time.Now); err != nil {
		return nil, errors.Join(err, closeSenders(), db.Close())
	}
	s.server = &smtpd.Server{Config: scfg, Gate: g, Log: log}
	s.metrics = newMetrics(s.server.Stats)
	s.metrics.addRules(&s.rules)
	s.metrics.addHistory(s.history)
	s.metrics.addBudgets(g.budgets)
	s.server.OnDone, g.onJudged = s.metrics.done, s.metrics.judged
	return s, nil
}

// newQuarantine wires held mail to the next hop it is released to.
func newQuarantine(conf config, db *store.DB) *quarantine.Quarantine {
	return &quarantine.Quarantine{
		DB:        db,
		Injector:  injector{nextHop: conf.SMTP.NextHop},
		Retention: conf.Quarantine.Retention,

		RecordRetention: conf.History.Records,
	}
}

// injector hands released mail to the next hop.
type injector struct{ nextHop string }

// Inject implements quarantine.Injector. A refusal of the whole message is
// certain; anything else may have left a copy behind.
func (i injector) Inject(ctx context.Context, from string, to []string, raw []byte) error {
	err := smtpd.Inject(ctx, i.nextHop, from, to, raw)
	var reply *smtpd.ReplyError
	var dial *net.OpError
	if errors.As(err, &reply) && (reply.Recipient == "" || len(to) == 1) || errors.As(err, &dial) && dial.Op == "dial" {
		return fmt.Errorf("%w: %w", quarantine.ErrRefused, err)
	}
	return err
}

func smtpConfigOf(c smtpConfig) (smtpd.Config, error) {
	out := smtpd.Defaults()
	for _, a := range c.Listen {
		out.Listen = append(out.Listen, smtpd.Listen{Addr: a, LMTP: c.Protocol == "lmtp"})
	}
	for _, n := range c.Trusted {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return out, fmt.Errorf("smtp.trusted: %w", err)
		}
		out.Trusted = append(out.Trusted, p)
	}
	if c.TLSCert != "" {
		pair := &smtpd.CertFile{Cert: c.TLSCert, Key: c.TLSKey}
		if _, err := pair.GetCertificate(nil); err != nil {
			return out, fmt.Errorf("smtp.tls_cert: %w", err)
		}
		out.TLS = &tls.Config{GetCertificate: pair.GetCertificate, MinVersion: tls.VersionTLS12}
	}
	out.Hostname, out.NextHop = c.Hostname, c.NextHop
	out.MaxSize, out.MaxRecipients, out.MaxConns = c.MaxSize, c.MaxRecipients, c.MaxConnections
	out.MaxInFlight, out.StopTimeout = c.MemoryBudget, c.StopTimeout
	return out, nil
}

// run serves until the context ends, then finishes what is in flight.
func (s *service) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.closeSenders(), s.db.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	if s.conf.HTTP.Listen != "" {
		serve, err := serveHTTP(ctx, s.conf.HTTP.Listen, s.metrics, s.ready)
		if err != nil {
			return err
		}
		go func() { failed <- serve() }()
	}
	go s.expire(ctx)
	go s.watchRules(ctx, rulesPoll)
	if s.known != nil {
		go watchIntel(ctx, s.db, s.known, s.warn, s.log)
	}
	recorded := s.record(ctx)
	learned := s.learner.start(ctx)
	go func() { failed <- s.server.Run(ctx) }()
	s.log.Info("gate is open", "listen", strings.Join(s.conf.SMTP.Listen, " "), "next_hop", s.conf.SMTP.NextHop, "database", s.conf.Database)
	first := <-failed
	cancel()
	if s.conf.HTTP.Listen != "" {
		first = errors.Join(first, <-failed)
	}
	recorded() // after the last message
	learned()
	s.log.Info("gate is closed")
	return first
}

// record starts the recorder. Calling what it returns ends it, when all that
// waits is recorded.
func (s *service) record(ctx context.Context) (end func()) {
	if s.history == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.history.run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// ready says whether the gate can take mail now: the database answers and the
// next hop accepts connections.
func (s *service) ready(ctx context.Context) error {
	if _, err := s.db.List(ctx, store.Query{Limit: 1}); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	var d net.Dialer
	network, addr := "tcp", strings.TrimPrefix(strings.TrimPrefix(s.conf.SMTP.NextHop, "smtp:"), "lmtp:")
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return fmt.Errorf("the next hop does not answer: %w", err)
	}
	return conn.Close()
}

// expire removes held mail past its retention, at the start and every hour.
func (s *service) expire(ctx context.Context) {
	tick := time.NewTicker(expiryPeriod)
	defer tick.Stop()
	for {
		n, _, err := s.keeper.Expire(ctx, time.Now())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Error("expiring held mail", "error", err)
		case n > 0:
			s.log.Info("held mail expired", "messages", n)
		}
		if s.history != nil {
			if _, err := s.history.trim(ctx, time.Now()); err != nil && ctx.Err() == nil {
				s.log.Error("expiring the history", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// newLogger logs to w as configured.
func newLogger(c logConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // config.check has allowed the known words only
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

type serveCmd struct{}

// Help is the long help text.
func (serveCmd) Help() string {
	return `Listens for SMTP (or LMTP), judges each message and passes good mail to the next
hop. A message is answered with 250 only when every copy is delivered or held on
disk. SIGTERM stops it: mail in flight is finished first.

Example:
  foregate serve -c /etc/foregate/foregate.yaml`
}

// Run serves until a signal comes.
func (serveCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	s, err := newService(w.ctx, conf, newLogger(conf.Log, w.stderr))
	if err != nil {
		return err
	}
	return s.run(w.ctx)
}
