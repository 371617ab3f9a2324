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
	"foregate/scan/form"
	"foregate/scan/link"
	"foregate/scan/sender"
	"foregate/scan/text"
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
	model, err := text.Builtin()
	if err != nil {
		return nil, err
	}
	b.engine = &scan.Engine{
		Timeout: time.Hour, // the figures must not depend on what else the machine does
		Policy:  policy.Policy{Weights: table, Prior: prior, Groups: []policy.Group{{Name: "everyone", FlagAt: flagAt, HoldAt: holdAt, RejectAt: policy.Never}}},
		Stage: scan.Seq{
			auth.Stage{Offline: true, Now: func() time.Time { return b.now }},
			scan.Direction{OwnDomains: own},
			link.Stage{},
			form.Stage{},
			claims,
			text.NewStage(model),
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
			it.History = false // the plain sum
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
	if isTrial(e.kind) && !(b.learnAttacks && slices.Contains(attackKinds(), e.kind)) {
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

// budgets are shares of honest mail that may be caught: 1, 3 and 10 in 10,000.
var budgets = [3]float64{1e-4, 3e-4, 10e-4}

// row is one line of the result: how much of one kind is caught.
type row struct {
	kind                     string
	n                        int
	flagged, held            int // at the gate's defaults, by all evidence
	aloneFlagged, aloneHeld  int
	aloneAt                  int    // above where the first budget of honest mail is
	allAt                    [3]int // the same of each budget
	quiet, quietAt           int    // attacks that read like the sender's, and what of them all evidence catches at the first budget
	aloneMedian, wholeMedian float64
}

// result is the whole table.
type result struct {
	honest, drifting, firsts int
	rows                     []row
	aloneLimit               float64
	allLimits                [3]float64
}

// tally counts the outcomes after a time.
func tally(all []outcome, since time.Time, kinds []string) result {
	var r result
	byKind := map[string][]outcome{}
	for _, o := range all {
		if !o.at.Before(since) {
			byKind[o.kind] = append(byKind[o.kind], o)
		}
	}
	var alone, whole []float64
	for _, o := range byKind[honestKind] {
		r.honest++
		count(&r.drifting, o.drift)
		count(&r.firsts, o.first)
		alone, whole = append(alone, o.alone), append(whole, o.odds)
	}
	r.aloneLimit = limit(alone, budgets[0])
	for i, share := range budgets {
		r.allLimits[i] = limit(whole, share)
	}
	for _, k := range append([]string{honestKind}, kinds...) {
		r.rows = append(r.rows, r.row(k, byKind[k]))
	}
	return r
}

// row counts one kind.
func (r *result) row(kind string, all []outcome) row {
	out := row{kind: kind, n: len(all)}
	var alone, whole []float64
	for _, o := range all {
		count(&out.flagged, o.odds >= flagAt)
		count(&out.held, o.odds >= holdAt)
		count(&out.aloneFlagged, o.alone >= flagAt)
		count(&out.aloneHeld, o.alone >= holdAt)
		count(&out.aloneAt, o.alone > r.aloneLimit)
		for i := range budgets {
			count(&out.allAt[i], o.odds > r.allLimits[i])
		}
		count(&out.quiet, o.quiet)
		count(&out.quietAt, o.quiet && o.odds > r.allLimits[0])
		alone, whole = append(alone, o.alone), append(whole, o.odds)
	}
	out.aloneMedian, out.wholeMedian = median(alone), median(whole)
	return out
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

// limit is the score above which at most a share of the scores lies.
func limit(scores []float64, share float64) float64 {
	if len(scores) == 0 {
		return math.NaN()
	}
	s := slices.Clone(scores)
	slices.Sort(s)
	return s[len(s)-1-int(share*float64(len(s)))]
}

func percent(k, n int) string { return fmt.Sprintf("%.1f %%", 100*float64(k)/float64(max(1, n))) }

// print writes the tables: attacks caught, and honest mail wronged.
func (r result) print(out io.Writer) error {
	fmt.Fprintf(out, "%d honest messages judged, %s of them not as ever, %s first contacts\n", r.honest, percent(r.drifting, r.honest), percent(r.firsts, r.honest))
	fmt.Fprintf(out, "log10 odds above which 1 honest message in 10,000 lies: %.2f by the sender's history alone, %.2f by all evidence (%.2f for 3, %.2f for 10)\n\n",
		r.aloneLimit, r.allLimits[0], r.allLimits[1], r.allLimits[2])
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "caught where so many of 10,000 honest are:\tmessages\tby history, 1\tby all, 1\tby all, 3\tby all, 10\tquiet ones by all, 1\tflagged\theld\tby history flagged\theld\tmedian all\t")
	for _, k := range r.rows {
		if slices.Contains(attackKinds(), k.kind) {
			fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t\n", k.kind, k.n, percent(k.aloneAt, k.n),
				percent(k.allAt[0], k.n), percent(k.allAt[1], k.n), percent(k.allAt[2], k.n), percent(k.quietAt, k.quiet),
				percent(k.flagged, k.n), percent(k.held, k.n), percent(k.aloneFlagged, k.n), percent(k.aloneHeld, k.n), k.wholeMedian)
		}
	}
	fmt.Fprintln(tw, "\t\t\t\t\t\t\t\t\t\t\t\t")
	fmt.Fprintln(tw, "false alarms per 10,000 honest:\tmessages\tby history, 1\tby all, 1\tby all, 3\tby all, 10\t\tflagged\theld\tby history flagged\theld\tmedian all\t")
	for _, k := range r.rows {
		if slices.Contains(attackKinds(), k.kind) {
			continue
		}
		per := func(n int) string { return fmt.Sprintf("%.1f", 1e4*float64(n)/float64(max(1, k.n))) }
		name := k.kind
		if name == honestKind {
			name = "all, at natural rates"
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\t%s\t\t%s\t%s\t%s\t%s\t%.2f\t\n", name, k.n, per(k.aloneAt), per(k.allAt[0]), per(k.allAt[1]), per(k.allAt[2]),
			per(k.flagged), per(k.held), per(k.aloneFlagged), per(k.aloneHeld), k.wholeMedian)
	}
	return tw.Flush()
}
