package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"foregate/evidence"
	"foregate/mail"
	"foregate/scan/sender"
)

// withBudgets are budgets over a memory of their own, on one day.
func withBudgets(t *testing.T, db sender.History, log *bytes.Buffer) *budgets {
	t.Helper()
	conf := defaults()
	conf.Policy.Budgets = budgetConfig{FalseHolds: 10, Alerts: 4, Mailboxes: 600} // three a day
	noon := time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)
	b, err := newBudgets(conf, db, slog.New(slog.NewTextHandler(log, nil)), func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// judgedAt is a message with evidence that gives it the odds.
func judgedAt(b *budgets, n int, odds evidence.Weight) (*mail.Message, *mail.Facts, mail.Verdict) {
	raw := fmt.Sprintf("From: <a%d@sender%c.example>\r\nSubject: Notice to all\r\n\r\nText\r\n", n, 'a'+n%26)
	m := mail.Parse(mail.Envelope{Recipients: []string{"x@ministry.example"}}, []byte(raw))
	m.Meta.ID = fmt.Sprint("m", n)
	f := &mail.Facts{Evidence: []evidence.Item{{ID: "test", Claim: "a test", Weight: odds - b.policy.Prior, Measured: true}}}
	return m, f, b.policy.Decide(m, f)
}

func TestBudgetsInTheGate(t *testing.T) {
	var log bytes.Buffer
	db := &sender.InMemory{}
	b := withBudgets(t, db, &log)
	spend := func(n int, odds evidence.Weight) mail.Verdict {
		m, f, v := judgedAt(b, n, odds)
		v, r := b.spend(t.Context(), m, f, v)
		b.said(m, v, r)
		return v
	}
	if v := spend(0, -3); len(v.Notes) > 0 || v.Disposition != mail.Deliver {
		t.Errorf("ordinary mail: %+v", v)
	}
	want := []string{"1st of 3 alerts today", "2nd of 3 alerts today", "3rd of 3 alerts today", ""}
	for i, w := range want {
		if v := spend(1+i, -.5); strings.Join(v.Notes, " ") != w || v.Disposition != mail.Deliver {
			t.Errorf("%d: %s, notes %q, want %q", i, v.Disposition, v.Notes, w)
		}
	}
	if v := spend(1, -.5); strings.Join(v.Notes, " ") != "like the 1st of 3 alerts today" {
		t.Errorf("the same again: %q", v.Notes)
	}
	// At 10 to 1 each held message is a tenth of a wrong one; one is allowed.
	dispositions := map[mail.Disposition]int{}
	for i := range 20 {
		dispositions[spend(100+i, 1).Disposition]++
	}
	if dispositions[mail.Hold] < 10 || dispositions[mail.Flag] < 5 {
		t.Errorf("dispositions at 10 to 1: %v", dispositions)
	}
	if v := spend(200, 3); v.Disposition != mail.Hold {
		t.Errorf("sure of it, but %s", v.Disposition)
	}
	if n := strings.Count(log.String(), "msg=alert"); n != 3 || !strings.Contains(log.String(), "alert=3 of=3") {
		t.Errorf("%d alerts in the log:\n%s", n, &log)
	}
	// Another gate over the same database goes on from there.
	other := withBudgets(t, db, &log)
	m, f, v := judgedAt(other, 300, -.4)
	if _, r := other.spend(t.Context(), m, f, v); r.Rank != 0 {
		t.Errorf("another gate gives alert %d", r.Rank)
	}
}

// brokenHistory has no database.
type brokenHistory struct{ sender.InMemory }

func (*brokenHistory) ChangeProfiles(context.Context, time.Time, []string, func(map[string][]byte) (map[string][]byte, error)) error {
	return errors.New("away")
}

// Without a database a verdict stays what it is, and the message is counted
// later.
func TestBudgetsWithoutDatabase(t *testing.T) {
	var log bytes.Buffer
	b := withBudgets(t, &brokenHistory{}, &log)
	m, f, v := judgedAt(b, 1, 2)
	b.spend(t.Context(), m, f, mail.Verdict{Disposition: mail.Deliver, LogOdds: -3})
	if got, _ := b.spend(t.Context(), m, f, v); got.Disposition != mail.Hold || b.others.Load() != 1 {
		t.Errorf("%s, %d wait", got.Disposition, b.others.Load())
	}
	if !strings.Contains(log.String(), "away") {
		t.Errorf("log: %s", &log)
	}
	var none *budgets
	if got, _ := none.spend(t.Context(), m, f, v); got.Disposition != mail.Hold {
		t.Errorf("no budgets: %s", got.Disposition)
	}
}

func TestBudgetConfig(t *testing.T) {
	tests := []struct {
		c    budgetConfig
		want string
	}{
		{budgetConfig{}, ""},
		{budgetConfig{FalseHolds: 10, Alerts: 2, Mailboxes: 2500}, ""},
		{budgetConfig{FalseHolds: -1}, "policy.budgets: no value may be negative; 0 sets no budget"},
		{budgetConfig{Alerts: 2}, "policy.budgets.alerts is by 1,000 mailboxes: say how many there are in policy.budgets.mailboxes"},
		{budgetConfig{Alerts: 5, Mailboxes: 100000}, "policy.budgets.alerts: 5 by 1,000 of 100000 mailboxes are 500 alerts a day, at most 200 are given"},
	}
	for _, tt := range tests {
		got := ""
		if err := tt.c.check(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.c, got, tt.want)
		}
	}
}
