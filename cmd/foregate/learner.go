package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"foregate/mail"
	"foregate/scan/sender"
)

const (
	// learnQueue bounds what waits to be kept: a burst of some seconds while the
	// disk is busy. More is dropped and said; mail is never slowed.
	learnQueue = 2048
	// settlePeriod is how often lessons that are due are learned.
	settlePeriod = 5 * time.Minute
	// learnStop bounds the keeping of what still waits when the gate stops.
	learnStop = 10 * time.Second
	// memoAge is how long a message is remembered for its answers, recordAge how
	// long a correspondent from whom nothing comes.
	memoAge   = 120 * 24 * time.Hour
	recordAge = 500 * 24 * time.Hour
)

// forgetter removes old records; store.DB is one.
type forgetter interface {
	ForgetProfiles(ctx context.Context, prefix string, before time.Time) (int, error)
}

// learner keeps what judged mail teaches, after its answer. keep never blocks
// and never fails. A nil learner does nothing.
type learner struct {
	senders *sender.Stage
	db      forgetter
	log     *slog.Logger
	queue   chan *sender.Note
	dropped atomic.Int64
}

func newLearner(s *sender.Stage, db forgetter, log *slog.Logger) *learner {
	return &learner{senders: s, db: db, log: log, queue: make(chan *sender.Note, learnQueue)}
}

// keep queues what a judged message teaches.
func (l *learner) keep(m *mail.Message, f *mail.Facts, v mail.Verdict) {
	if l == nil {
		return
	}
	n, err := l.senders.Note(m, f, v)
	if err != nil {
		l.log.Error("noting what a message teaches", "message", m.Meta.ID, "error", err)
	}
	if n == nil {
		return
	}
	select {
	case l.queue <- n:
	default:
		l.dropped.Add(1)
	}
}

// start runs the learner. Calling what it returns ends it, when all that waits
// is kept.
func (l *learner) start(ctx context.Context) (end func()) {
	if l == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (l *learner) run(ctx context.Context) {
	tick := time.NewTicker(settlePeriod)
	defer tick.Stop()
	l.settle(ctx, time.Now())
	for {
		select {
		case n := <-l.queue:
			// A note in hand is kept, also when the stop comes meanwhile.
			l.store(context.WithoutCancel(ctx), n)
		case <-tick.C:
			l.settle(ctx, time.Now())
		case <-ctx.Done():
			l.drain(context.WithoutCancel(ctx))
			return
		}
	}
}

// drain keeps what still waits, for a bounded time.
func (l *learner) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, learnStop)
	defer cancel()
	for {
		select {
		case n := <-l.queue:
			l.store(ctx, n)
		default:
			return
		}
	}
}

func (l *learner) store(ctx context.Context, n *sender.Note) {
	ctx, cancel := context.WithTimeout(ctx, learnStop)
	defer cancel()
	if err := l.senders.Keep(ctx, n); err != nil {
		l.log.Error("keeping what a message teaches", "error", err)
	}
}

// settle learns what is due and forgets what is old.
func (l *learner) settle(ctx context.Context, now time.Time) {
	n, err := l.senders.Settle(ctx, now)
	if err != nil && ctx.Err() == nil {
		l.log.Error("learning how senders write", "error", err)
	}
	if n > 0 {
		l.log.Debug("learned how senders write", "messages", n)
	}
	if d := l.dropped.Swap(0); d > 0 {
		l.log.Warn("more mail than could be learned from", "dropped", d)
	}
	for _, prefix := range []string{"m:", "q:"} {
		l.forget(ctx, prefix, now.Add(-memoAge))
	}
	for _, prefix := range []string{"a:", "d:", "p:"} {
		l.forget(ctx, prefix, now.Add(-recordAge))
	}
}

func (l *learner) forget(ctx context.Context, prefix string, before time.Time) {
	if _, err := l.db.ForgetProfiles(ctx, prefix, before); err != nil && ctx.Err() == nil {
		l.log.Error("forgetting old senders", "error", err)
	}
}
