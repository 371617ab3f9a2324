package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"foregate/domain"
	"foregate/mail"
	"foregate/policy"
	"foregate/scan/sender"
)

const (
	// budgetKey is where the ledger is kept, beside the memory of senders: all
	// gates over one database share it.
	budgetKey = "b:ledger"
	// budgetTime is how long a message waits for the ledger. Without it the
	// verdict stays as it is.
	budgetTime = 2 * time.Second
)

// budgets holds verdicts to what people are asked to bear. A nil budgets
// changes nothing.
type budgets struct {
	policy policy.Policy
	limits policy.Budgets
	db     sender.History
	log    *slog.Logger
	now    func() time.Time

	others   atomic.Int64 // judged since the ledger was last changed
	alerts   atomic.Int64
	lowered  atomic.Int64
	holdFrom atomic.Uint64 // bits of a float64
}

// newBudgets returns nil when no budget is set.
func newBudgets(c config, db sender.History, log *slog.Logger, now func() time.Time) (*budgets, error) {
	limits := c.Policy.Budgets.limits()
	if limits == (policy.Budgets{}) {
		return nil, nil
	}
	p, err := newPolicy(c)
	if err != nil {
		return nil, err
	}
	b := &budgets{policy: p, limits: limits, db: db, log: log, now: now}
	b.holdFrom.Store(math.Float64bits(float64(p.HoldAt())))
	return b, nil
}

// limits are the budgets of a day.
func (c budgetConfig) limits() policy.Budgets {
	return policy.Budgets{FalseHolds: c.FalseHolds, Alerts: int(math.Ceil(c.Alerts * float64(c.Mailboxes) / 1000))}
}

// check says what is wrong with the configuration of budgets.
func (c budgetConfig) check() error {
	switch {
	case c.FalseHolds < 0 || c.Alerts < 0 || c.Mailboxes < 0:
		return fmt.Errorf("policy.budgets: no value may be negative; 0 sets no budget")
	case c.Alerts > 0 && c.Mailboxes == 0:
		return fmt.Errorf("policy.budgets.alerts is by 1,000 mailboxes: say how many there are in policy.budgets.mailboxes")
	case c.limits().Alerts > policy.MaxAlerts:
		return fmt.Errorf("policy.budgets.alerts: %g by 1,000 of %d mailboxes are %d alerts a day, at most %d are given", c.Alerts, c.Mailboxes, c.limits().Alerts, policy.MaxAlerts)
	}
	return nil
}

// spend holds a verdict to the budgets. What it changes is said in the notes.
func (b *budgets) spend(ctx context.Context, m *mail.Message, f *mail.Facts, v mail.Verdict) (mail.Verdict, policy.Ruling) {
	if b == nil {
		return v, policy.Ruling{}
	}
	held := v.Disposition == mail.Hold && v.LogOdds >= b.policy.HoldAt()
	rest := (v.Disposition == mail.Deliver || v.Disposition == mail.Flag) && v.LogOdds >= policy.AlertFloor
	if !held && !rest {
		b.others.Add(1)
		return v, policy.Ruling{}
	}
	r, err := b.rule(ctx, policy.Case{Odds: v.LogOdds, Held: held, Key: campaignKey(m)})
	if err != nil {
		b.log.Error("counting a message against the budgets", "error", err)
		return v, policy.Ruling{}
	}
	if held {
		b.holdFrom.Store(math.Float64bits(float64(max(r.HoldFrom, b.policy.HoldAt()))))
	}
	if r.Lowered {
		b.lowered.Add(1)
		p := b.policy
		p.HoldFrom = r.HoldFrom
		v = p.Decide(m, f)
	}
	if s := r.Sentence(); s != "" {
		v.Notes = append(v.Notes, s)
	}
	return v, r
}

// rule changes the ledger by one case.
func (b *budgets) rule(ctx context.Context, c policy.Case) (r policy.Ruling, err error) {
	ctx, cancel := context.WithTimeout(ctx, budgetTime)
	defer cancel()
	now := b.now()
	others := b.others.Swap(0)
	c.Day, c.Others = int(now.Unix()/86400), int(others)
	err = b.db.ChangeProfiles(ctx, now, []string{budgetKey}, func(old map[string][]byte) (map[string][]byte, error) {
		var l policy.Ledger
		if err := l.UnmarshalBinary(old[budgetKey]); err != nil {
			b.log.Error("beginning the budgets anew", "error", err)
		}
		l, r = b.limits.Rule(l, c)
		fresh, err := l.MarshalBinary()
		return map[string][]byte{budgetKey: fresh}, err
	})
	if err != nil {
		b.others.Add(others)
		return policy.Ruling{}, fmt.Errorf("changing the ledger: %w", err)
	}
	return r, nil
}

// campaignKey is the same for messages of one domain with one subject, numbers
// aside: a campaign is one alert.
func campaignKey(m *mail.Message) uint64 {
	words := []string{domain.Split(m.Sender.Email.Domain.Domain).RootDomain}
	if m.Subject != nil {
		words = append(words, plainWords(m.Subject.Subject, sketchWords)...)
	}
	return hashWords(words)
}

// said tells the analyst of an alert.
func (b *budgets) said(m *mail.Message, v mail.Verdict, r policy.Ruling) {
	if b == nil || r.Rank == 0 || r.Repeated {
		return
	}
	b.alerts.Add(1)
	b.log.Warn("alert", "message", m.Meta.ID, "alert", r.Rank, "of", r.Of, "sender", m.Sender.Email.Email, "odds", policy.Odds(v.LogOdds), "why", policy.Summary(v))
}

// addBudgets shows what the budgets did.
func (m *metrics) addBudgets(b *budgets) {
	if b == nil {
		return
	}
	m.registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "foregate_alerts_total", Help: "Alerts given to analysts."}, func() float64 { return float64(b.alerts.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "foregate_holds_lowered_total", Help: "Messages that were not held because too many would be held wrongly."}, func() float64 { return float64(b.lowered.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "foregate_hold_from", Help: "Log10 odds from which on mail is held."}, func() float64 { return math.Float64frombits(b.holdFrom.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "foregate_alert_budget", Help: "Alerts that a day may have."}, func() float64 { return float64(b.limits.Alerts) }),
	)
}
