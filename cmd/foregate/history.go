package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"foregate/mail"
	"foregate/store"
)

const (
	// historyQueue and historyBytes bound what waits to be recorded: a burst of
	// some seconds while the disk is busy. More is dropped, counted and said;
	// mail is never slowed.
	historyQueue = 2048
	historyBytes = 64 << 20
	// historyBatch bounds one transaction, so that held mail, which waits for
	// the same disk, does not wait long.
	historyBatch      = 100
	historyBatchBytes = 8 << 20
	// historyPause is how long the recorder gathers messages before it writes.
	historyPause = 200 * time.Millisecond
	// historyStop bounds the recording of what still waits when the gate stops.
	historyStop = 10 * time.Second
	// dropSaid is how often at most the log says that messages were dropped.
	dropSaid = time.Minute
)

// archive keeps judged messages; store.DB is one.
type archive interface {
	RecordAll(ctx context.Context, past []store.Past) error
	TrimHistory(ctx context.Context, before time.Time, budget int64) (int, error)
}

// recorder records judged messages after their answer. keep never blocks and
// never fails: what cannot be recorded is counted.
type recorder struct {
	db      archive
	conf    historyConfig
	log     *slog.Logger
	queue   chan judgedMail
	waiting atomic.Int64 // bytes in the queue
	dropped atomic.Int64
	failed  atomic.Int64
	kept    atomic.Int64
}

// judgedMail is what is recorded of a message. The facts and the bytes are no
// longer changed when it is queued.
type judgedMail struct {
	m       store.Message
	facts   *mail.Facts
	raw     []byte
	keepRaw bool
}

func newRecorder(db archive, conf historyConfig, log *slog.Logger) *recorder {
	return &recorder{db: db, conf: conf, log: log, queue: make(chan judgedMail, historyQueue)}
}

// keep queues a judged message. Messages that were held are in the database
// already; those that were deferred come again.
func (r *recorder) keep(m *mail.Message, f *mail.Facts, v mail.Verdict) {
	if r == nil || v.Disposition == mail.Hold || v.Disposition == mail.Defer {
		return
	}
	j := judgedMail{
		m:     store.Message{ID: m.Meta.ID, ReceivedAt: m.Envelope.ReceivedAt, Envelope: m.Envelope, Sender: m.Sender.Email.Email, Verdict: v},
		facts: f,
	}
	if m.Subject != nil {
		j.m.Subject = m.Subject.Subject
	}
	if j.m.ReceivedAt.IsZero() {
		j.m.ReceivedAt = time.Now()
	}
	if len(m.Raw) > detachSize {
		if err := j.detach(); err != nil {
			r.log.Error("encoding the facts of a message", "id", j.m.ID, "error", err)
			r.failed.Add(1)
			return
		}
	}
	if j.keepRaw = r.conf.Raw > 0 && int64(len(m.Raw)) <= r.conf.MaxMessage; j.keepRaw {
		j.raw = m.Raw
	}
	if r.waiting.Add(int64(len(j.raw))) > historyBytes {
		r.drop(j)
		return
	}
	select {
	case r.queue <- j:
	default:
		r.drop(j)
	}
}

// detachSize is from where on a message is not to be kept in memory by what is
// recorded of it.
const detachSize = 64 << 10

// detach copies what is recorded: a quote is a part of the whole text, and would
// keep it in memory for as long as it waits.
func (j *judgedMail) detach() error {
	facts, err := json.Marshal(j.facts)
	if err != nil {
		return err
	}
	j.facts, j.m.Facts = nil, facts
	j.m.Sender, j.m.Subject = strings.Clone(j.m.Sender), strings.Clone(j.m.Subject)
	j.m.Verdict.Reasons = slices.Clone(j.m.Verdict.Reasons)
	for i := range j.m.Verdict.Reasons {
		it := &j.m.Verdict.Reasons[i]
		it.Claim, it.Quote = strings.Clone(it.Claim), strings.Clone(it.Quote)
	}
	return nil
}

func (r *recorder) drop(j judgedMail) {
	r.waiting.Add(-int64(len(j.raw)))
	r.dropped.Add(1)
}

// run records until the context ends, then what still waits.
func (r *recorder) run(ctx context.Context) {
	said, saidAt := int64(0), time.Time{}
	for {
		select {
		case <-ctx.Done():
			r.drain(ctx)
			return
		case first := <-r.queue:
			// Messages that arrive together share a transaction, and so one
			// wait for the disk.
			select {
			case <-time.After(historyPause):
			case <-ctx.Done():
			}
			r.write(context.WithoutCancel(ctx), first)
		}
		if n := r.dropped.Load(); n > said && time.Since(saidAt) > dropSaid {
			r.log.Warn("judged messages were not recorded: the database is too slow for the history", "dropped", n-said)
			said, saidAt = n, time.Now()
		}
	}
}

// drain records what waits, within historyStop.
func (r *recorder) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), historyStop)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case first := <-r.queue:
			r.write(ctx, first)
		default:
			return
		}
	}
	r.log.Error("judged messages were not recorded: the gate stopped first", "dropped", len(r.queue))
}

// write records one batch: first and what waits behind it.
func (r *recorder) write(ctx context.Context, first judgedMail) {
	batch, size := []store.Past{}, 0
	add := func(j judgedMail) {
		r.waiting.Add(-int64(len(j.raw)))
		if j.m.Facts == nil {
			facts, err := json.Marshal(j.facts)
			if err != nil {
				r.failed.Add(1)
				r.log.Error("encoding the facts of a message", "id", j.m.ID, "error", err)
				return
			}
			j.m.Facts = facts
		}
		p := store.Past{Message: j.m}
		if j.keepRaw {
			p.Raw = j.raw
		}
		batch, size = append(batch, p), size+len(j.raw)
	}
	add(first)
	for len(batch) < historyBatch && size < historyBatchBytes {
		select {
		case j := <-r.queue:
			add(j)
			continue
		default:
		}
		break
	}
	if err := r.db.RecordAll(ctx, batch); err != nil {
		r.failed.Add(int64(len(batch)))
		r.log.Error("recording judged messages", "messages", len(batch), "error", err)
		return
	}
	r.kept.Add(int64(len(batch)))
}

// trim deletes bytes past their age or the budget.
func (r *recorder) trim(ctx context.Context, now time.Time) (int, error) {
	n, err := r.db.TrimHistory(ctx, now.Add(-r.conf.Raw), r.conf.MaxBytes)
	if err != nil {
		return n, fmt.Errorf("trimming the history: %w", err)
	}
	return n, nil
}

// check says what is wrong with the configuration of the history.
func (c historyConfig) check() error {
	switch {
	case c.Records < 0 || c.Raw < 0 || c.MaxBytes < 0 || c.MaxMessage < 0:
		return errors.New("history: no value may be negative; raw: 0s keeps no message bytes")
	case c.Raw > c.Records:
		return fmt.Errorf("history.raw (%v) must not be longer than history.records (%v): bytes without a record cannot be found", c.Raw, c.Records)
	}
	return nil
}

// addRules shows how many rules are in force.
func (m *metrics) addRules(r *ruleWatch) {
	for state, n := range map[string]*atomic.Int64{"loaded": &r.loaded, "left_out": &r.leftOut} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "foregate_rules", Help: "Rules in force, and rules and lists that were refused.",
			ConstLabels: prometheus.Labels{"state": state}}, func() float64 { return float64(n.Load()) }))
	}
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "foregate_rule_reloads_failed_total", Help: "Reloads that changed nothing because the rules could not be read."},
		func() float64 { return float64(r.failed.Load()) }))
}

// addHistory shows how the recorder keeps up.
func (m *metrics) addHistory(r *recorder) {
	if r == nil {
		return
	}
	for outcome, n := range map[string]*atomic.Int64{"kept": &r.kept, "dropped": &r.dropped, "failed": &r.failed} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "foregate_history_messages_total", Help: "Judged messages recorded, dropped because the queue was full, or failed to be recorded.",
			ConstLabels: prometheus.Labels{"outcome": outcome}}, func() float64 { return float64(n.Load()) }))
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "foregate_history_waiting", Help: "Judged messages that wait to be recorded."},
		func() float64 { return float64(len(r.queue)) }))
}
