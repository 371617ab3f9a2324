package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"foregate/quarantine"
	"foregate/scan/known"
	"foregate/scan/rule"
	"foregate/scan/sender"
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
	senders *sender.Stage // nil when nothing is remembered of them
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
	s := &service{known: index, warn: warn, conf: conf, log: log, db: db, keeper: newQuarantine(conf, db), book: book, senders: senders, closeSenders: closeSenders}
	if senders != nil {
		s.learner = newLearner(senders, db, log)
	}
	if err := s.reload(); err != nil {
		return nil, errors.Join(err, closeSenders(), db.Close())
	}
	scfg, err := smtpConfigOf(conf.SMTP)
	scfg.SpoolDir = spoolDir(conf)
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
		Injector:  injector{conf.SMTP},
		Retention: conf.Quarantine.Retention,

		RecordRetention: conf.History.Records,
	}
}

// injector hands released mail to the next hop.
type injector struct{ next smtpConfig }

// Inject implements quarantine.Injector.
func (i injector) Inject(ctx context.Context, from string, to []string, raw []byte) error {
	next, err := i.next.hop()
	if err == nil {
		err = smtpd.Inject(ctx, next, from, to, raw)
	} else {
		err = fmt.Errorf("%w: %w", smtpd.ErrNotTaken, err)
	}
	if errors.Is(err, smtpd.ErrNotTaken) {
		return fmt.Errorf("%w: %w", quarantine.ErrRefused, err)
	}
	return err
}

// hop is the next hop as configured, its certificate files read.
func (c smtpConfig) hop() (smtpd.NextHop, error) {
	next := smtpd.NextHop{Addr: c.NextHop, Require: c.NextHopTLS.Mode == "require"}
	if c.NextHopTLS.Mode == "none" {
		return next, nil
	}
	next.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: c.NextHopTLS.ServerName,
		ClientSessionCache: tls.NewLRUClientSessionCache(0), // each client's session makes a connection
	}
	if c.NextHopTLS.CAFile != "" {
		pem, err := os.ReadFile(c.NextHopTLS.CAFile)
		if err != nil {
			return next, fmt.Errorf("smtp.next_hop_tls.ca_file: %w", err)
		}
		next.TLS.RootCAs = x509.NewCertPool()
		if !next.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return next, fmt.Errorf("smtp.next_hop_tls.ca_file: no certificate in %s", c.NextHopTLS.CAFile)
		}
	}
	if c.NextHopTLS.Cert != "" {
		pair := &smtpd.CertFile{Cert: c.NextHopTLS.Cert, Key: c.NextHopTLS.Key}
		if _, err := pair.GetCertificate(nil); err != nil {
			return next, fmt.Errorf("smtp.next_hop_tls.cert: %w", err)
		}
		next.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.GetCertificate(nil) }
	}
	return next, nil
}

func smtpConfigOf(c smtpConfig) (smtpd.Config, error) {
	out := smtpd.Defaults()
	for _, a := range c.Listen {
		out.Listen = append(out.Listen, smtpd.Listen{Addr: a, LMTP: c.Protocol == "lmtp", Proxy: c.ProxyProtocol})
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
	next, err := c.hop()
	if err != nil {
		return out, err
	}
	out.Hostname, out.NextHop = c.Hostname, next
	out.MaxSize, out.MaxRecipients, out.MaxConns = c.MaxSize, c.MaxRecipients, c.MaxConnections
	out.MaxInFlight, out.Share, out.MaxSpool = c.MemoryBudget, judgeShare, c.SpoolBudget
	out.StopTimeout, out.Normalize = c.StopTimeout, c.Normalize
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
		watchIntel(ctx, s.db, s.known, s.warn, s.log)
		if s.history != nil {
			go watchRetro(ctx, s.db, s.log)
		}
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
// next hop greets us, under TLS if that is required.
func (s *service) ready(ctx context.Context) error {
	if _, err := s.db.List(ctx, store.Query{Limit: 1}); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	if err := smtpd.Probe(ctx, s.server.Config.NextHop); err != nil {
		return fmt.Errorf("the next hop does not answer: %w", err)
	}
	return nil
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
	limitMemory(conf.SMTP, w.getenv)
	s, err := newService(w.ctx, conf, newLogger(conf.Log, w.stderr))
	if err != nil {
		return err
	}
	return s.run(w.ctx)
}
