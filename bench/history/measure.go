package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"foregate/evidence"
	"foregate/mail"
	"foregate/policy"
	"foregate/scan"
	"foregate/scan/auth"
	"foregate/scan/claim"
	"foregate/scan/link"
	"foregate/scan/sender"
)

// bench judges events in the order of time as the gate would, and learns after
// each verdict.
type bench struct {
	engine  *scan.Engine
	senders *sender.Stage
	memory  *sender.InMemory
	now     time.Time
	// learnAttacks lets attacks that are not held teach, as the gate would. Else
	// each is a trial of its own: what if it came now?
	learnAttacks bool
	// spent is the time in the sender stage alone.
	spent time.Duration
}

// prior, flagAt and holdAt are the gate's defaults (cmd/foregate/config.go).
const prior, flagAt, holdAt = -2, 0, 1

func newBench(own []string) (*bench, error) {
	b := &bench{memory: &sender.InMemory{}}
	// A secret of our own, so that every run gives the same figures.
	err := b.memory.ChangeProfiles(context.Background(), time.Time{}, nil, func(map[string][]byte) (map[string][]byte, error) {
		return map[string][]byte{"secret": []byte("bench of history")}, nil
	})
	if err != nil {
		return nil, err
	}
	if b.senders, err = sender.New(context.Background(), b.memory, own, func() time.Time { return b.now }); err != nil {
		return nil, err
	}
	table, err := evidence.Builtin()
	if err != nil {
		return nil, err
	}
	claims, err := claim.New(claim.Config{OwnDomains: own})
	if err != nil {
		return nil, err
	}
	b.engine = &scan.Engine{
		Policy: policy.Policy{Weights: table, Prior: prior, Groups: []policy.Group{{Name: "everyone", FlagAt: flagAt, HoldAt: holdAt, RejectAt: policy.Never}}},
		Stage: scan.Seq{
			auth.Stage{Offline: true, Now: func() time.Time { return b.now }},
			scan.Direction{OwnDomains: own},
			link.Stage{},
			claims,
			timed{b},
		},
	}
	return b, nil
}

// timed measures the sender stage.
type timed struct{ b *bench }

func (timed) Name() string { return "sender" }

func (t timed) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	begin := time.Now()
	err := t.b.senders.Analyze(ctx, m, f)
	t.b.spent += time.Since(begin)
	return err
}

// outcome is what came of one event.
type outcome struct {
	event
	alone   float64 // log10 odds by the prior and the sender's items
	odds    float64 // of all evidence
	changed int     // visible changes
	ids     []string
	why     string
}

// judge judges one event and learns from it by its verdict.
func (b *bench) judge(n int, e event) (outcome, error) {
	ctx := context.Background()
	b.now = e.at
	if _, err := b.senders.Settle(ctx, e.at); err != nil {
		return outcome{}, err
	}
	m, f, v := b.engine.Judge(ctx, e.env, e.raw)
	if len(f.Gaps) > 0 {
		return outcome{}, fmt.Errorf("event %d: stage %s could not look: %s", n, f.Gaps[0].Stage, f.Gaps[0].Err)
	}
	o := outcome{event: e, odds: float64(v.LogOdds)}
	var own []evidence.Item
	for _, it := range f.Evidence {
		if strings.HasPrefix(it.ID, "sender.") {
			own = append(own, it)
		}
	}
	alone, counted := evidence.Sum(prior, own)
	o.alone = float64(alone)
	for _, it := range counted {
		o.ids = append(o.ids, fmt.Sprintf("%s %+.2f", it.ID, it.Weight))
		if it.ID == sender.IDTakeover || o.why == "" {
			o.why = it.Claim
		}
	}
	if f.Sender != nil {
		o.changed = len(f.Sender.Changed)
	}
	m.Meta.ID = fmt.Sprint("m", n)
	if slices.Contains(attackKinds(), e.kind) && !b.learnAttacks {
		return o, nil
	}
	return o, b.senders.Learn(ctx, m, f, v)
}

// judgeAll judges all events.
func (b *bench) judgeAll(events []event) ([]outcome, error) {
	out := make([]outcome, 0, len(events))
	for i, e := range events {
		o, err := b.judge(i, e)
		if err != nil {
			return nil, err
		}
		o.raw = nil
		out = append(out, o)
	}
	return out, nil
}

// row is one line of the result: how much of one kind is caught.
type row struct {
	kind                     string
	n                        int
	flagged, held            int // at the gate's defaults, by all evidence
	aloneAt, allAt           int // where 1 honest message in 10,000 is caught
	aloneFlagged, aloneHeld  int
	aloneMedian, wholeMedian float64
}

// result is the whole table.
type result struct {
	honest, drifting, firsts int
	rows                     []row
	aloneLimit, allLimit     float64
	alarms                   []outcome // honest messages that would be held
}

// budget is the share of honest mail that may be caught.
const budget = 1.0 / 10000

// tally counts the outcomes after a time.
func tally(all []outcome, since time.Time, kinds []string) result {
	var r result
	var honestAlone, honestAll []float64
	for _, o := range all {
		if o.kind != honestKind || o.at.Before(since) {
			continue
		}
		r.honest++
		if o.drift {
			r.drifting++
		}
		if o.first {
			r.firsts++
		}
		honestAlone, honestAll = append(honestAlone, o.alone), append(honestAll, o.odds)
		if o.odds >= holdAt || o.alone >= holdAt {
			r.alarms = append(r.alarms, o)
		}
	}
	r.aloneLimit, r.allLimit = limit(honestAlone), limit(honestAll)
	for _, k := range append([]string{honestKind}, kinds...) {
		row := row{kind: k}
		var alone, whole []float64
		for _, o := range all {
			if o.kind != k || o.at.Before(since) {
				continue
			}
			row.n++
			count(&row.flagged, o.odds >= flagAt)
			count(&row.held, o.odds >= holdAt)
			count(&row.aloneFlagged, o.alone >= flagAt)
			count(&row.aloneHeld, o.alone >= holdAt)
			count(&row.aloneAt, o.alone > r.aloneLimit)
			count(&row.allAt, o.odds > r.allLimit)
			alone, whole = append(alone, o.alone), append(whole, o.odds)
		}
		row.aloneMedian, row.wholeMedian = median(alone), median(whole)
		r.rows = append(r.rows, row)
	}
	return r
}

func count(n *int, yes bool) {
	if yes {
		*n++
	}
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// limit is the score above which at most the budget of honest mail lies.
func limit(scores []float64) float64 {
	if len(scores) == 0 {
		return math.NaN()
	}
	s := slices.Clone(scores)
	slices.Sort(s)
	return s[len(s)-1-int(budget*float64(len(s)))]
}

func share(k, n int) string { return fmt.Sprintf("%.1f %%", 100*float64(k)/float64(max(1, n))) }

// print writes the table.
func (r result) print(out io.Writer) error {
	fmt.Fprintf(out, "%d honest messages judged, %s of them not as ever, %s first contacts\n", r.honest, share(r.drifting, r.honest), share(r.firsts, r.honest))
	fmt.Fprintf(out, "caught where 1 honest message in 10,000 is: above %.2f by the sender's history alone, above %.2f by all evidence (log10 odds)\n\n", r.aloneLimit, r.allLimit)
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "kind\tmessages\talone at 1:10,000\tall at 1:10,000\talone flagged\talone held\tall flagged\tall held\tmedian alone\tmedian all\t")
	for _, k := range r.rows {
		name := k.kind
		if name == honestKind {
			name = "honest (alarms)"
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t%.2f\t\n", name, k.n, share(k.aloneAt, k.n), share(k.allAt, k.n),
			share(k.aloneFlagged, k.n), share(k.aloneHeld, k.n), share(k.flagged, k.n), share(k.held, k.n), k.aloneMedian, k.wholeMedian)
	}
	tw.Flush()
	h := r.rows[0]
	per := func(k int) float64 { return 1e4 * float64(k) / float64(max(1, h.n)) }
	_, err := fmt.Fprintf(out, "\nfalse alarms per 10,000 honest messages at the gate's defaults: %.1f flagged, %.1f held by all evidence; %.1f flagged, %.1f held by history alone\n",
		per(h.flagged), per(h.held), per(h.aloneFlagged), per(h.aloneHeld))
	return err
}
