package main

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"

	"foregate/mail"
	"foregate/scan/rule"
	"foregate/scan/sender"
)

// dated is a sample with the time at which it arrived.
type dated struct {
	sample *sample
	at     time.Time
}

// inOrder sorts samples by the time of arrival that the recipient's own server
// put on top of the trace, as the gate would know it, or without a trace by Date,
// which is the sender's word. Those without either come first, in the order of
// the manifest, at the time of the first. The first of a thousand have the time of
// the next: a clock that was wrong must not make the memory older than it is.
func inOrder(samples []sample) []dated {
	out := make([]dated, len(samples))
	var first time.Time
	for i := range samples {
		out[i].sample = &samples[i]
		if d := mail.Parse(samples[i].env, samples[i].raw).Meta.EffectiveAt; d != nil {
			out[i].at = d.UTC()
			if first.IsZero() || out[i].at.Before(first) {
				first = out[i].at
			}
		}
	}
	for i := range out {
		if out[i].at.IsZero() {
			out[i].at = first
		}
	}
	slices.SortStableFunc(out, func(a, b dated) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.sample.path, b.sample.path)) })
	strays := len(out) / 1000
	for i := range strays {
		out[i].at = out[strays].at
	}
	return out
}

// scoreOrdered judges samples one after the other in the order of their arrival,
// with a memory of senders that begins empty and learns after each verdict. The
// results are in that order;
// the mean cost is as of observe, learning included.
func scoreOrdered(w *world, conf config, samples []sample) ([]observed, float64, error) {
	var now time.Time
	conf.Sender.Enabled = true
	senders, done, err := newSenders(w.ctx, conf, &sender.InMemory{}, func() time.Time { return now })
	if err != nil {
		return nil, 0, err
	}
	defer done()
	edition, faults, err := loadRules(conf)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range faults {
		fmt.Fprintf(w.stderr, "foregate: %v\n", f)
	}
	edition.Lists = historyLists(edition.Lists, senders)
	book := &rule.Book{}
	book.Swap(edition)
	engine, err := newEngine(conf, book, senders)
	if err != nil {
		return nil, 0, err
	}
	queue := inOrder(samples)
	bar := newProgress(w.stderr, "judging", len(queue))
	defer bar.finish()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer collectAsGate(samples, w.getenv)()
	before, own := processCPU(), time.Duration(0)
	results := make([]observed, 0, len(queue))
	for i, d := range queue {
		if err := w.ctx.Err(); err != nil {
			return nil, 0, err
		}
		now = d.at
		if _, err := senders.Settle(w.ctx, now); err != nil {
			return nil, 0, err
		}
		env := d.sample.env
		env.ReceivedAt = d.at
		j := judgeOne(w.ctx, engine, env, d.sample.raw)
		j.msg.Meta.ID = fmt.Sprint(i)
		if err := senders.Learn(w.ctx, j.msg, j.facts, j.verdict); err != nil {
			return nil, 0, fmt.Errorf("learning from %s: %w", d.sample.path, err)
		}
		sketching := threadCPU()
		results = append(results, observation(d.sample, j))
		own += threadCPU() - sketching
		bar.step()
	}
	mean := float64((processCPU() - before - own).Nanoseconds()) / 1e6 / float64(max(1, len(queue)))
	return results, mean, nil
}
