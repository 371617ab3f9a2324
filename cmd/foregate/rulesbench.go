package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"foregate/mail"
	"foregate/mql"
)

type rulesBenchCmd struct {
	Dir      string `arg:"" optional:"" help:"A folder, .tar.gz or file of rules; without it those of the configuration."`
	Corpus   string `default:"${corpus}" placeholder:"DIR" help:"Mail to measure on, as for eval (${default})."`
	Messages int    `default:"100" help:"How many messages of the corpus, taken evenly (${default})."`
	Top      int    `default:"20" help:"How many rules to show (${default})."`
	JSON     bool   `help:"Print one JSON object, with all rules."`
}

// Help is the long help text.
func (rulesBenchCmd) Help() string {
	return `Times each rule alone and in full (without the prefilter that passes over most
rules of a message), then all rules together with and without the prefilter. A
dear rule is one to look at: mostly it parses or searches what a cheaper condition
before it could rule out.

Example:
  foregate rules bench --corpus ~/labelled /etc/foregate/rules`
}

// benchReport is the object of --json; times in microseconds per message.
type benchReport struct {
	Messages    int         `json:"messages"`
	Rules       []benchRule `json:"rules"` // dearest first
	All         float64     `json:"all"`
	NoPrefilter float64     `json:"no_prefilter"`
}

type benchRule struct {
	ID   string  `json:"id"`
	Name string  `json:"name"`
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
	On   string  `json:"on"` // the message that took longest
}

// Run measures.
func (c rulesBenchCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	sources, _, err := rulesAt(conf, c.Dir)
	if err != nil {
		return err
	}
	plain := make([]*mql.Rule, len(sources))
	for i, s := range sources {
		plain[i] = s.Rule
	}
	set, _ := mql.NewEnv().CompileRules(plain)
	p, err := newProbe(conf, set, w.stderr)
	if err != nil {
		return err
	}
	samples, err := loadCorpus(c.Corpus)
	if err != nil {
		return err
	}
	if len(set.Rules) == 0 || len(samples) == 0 || c.Messages < 1 {
		return errors.New("measuring cost: there are no rules or no messages")
	}
	var names []string
	var messages []*mail.Message
	for i := 0; i < len(samples) && len(messages) < c.Messages; i += max(1, len(samples)/c.Messages) {
		m, _, _ := p.engine.Judge(w.ctx, samples[i].env, samples[i].raw)
		messages, names = append(messages, m), append(names, samples[i].path)
	}
	rep, err := bench(w, p, messages, names)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(rep)
	}
	return rep.print(w.stdout, c.Top)
}

// bench times every rule alone, then all together.
func bench(w *world, p *probe, messages []*mail.Message, names []string) (benchReport, error) {
	rep := benchReport{Messages: len(messages)}
	bar := newProgress(w.stderr, "timing", len(p.set.Rules))
	defer bar.finish()
	for _, r := range p.set.Rules {
		bar.step()
		set, err := compileAll(r)
		if err != nil {
			return rep, err
		}
		took, err := p.time(w.ctx, set, messages, true)
		if err != nil {
			return rep, err
		}
		row := benchRule{ID: r.ID, Name: r.Name}
		for i, t := range took {
			row.Mean += t / float64(len(took))
			if t > row.Max {
				row.Max, row.On = t, names[i]
			}
		}
		rep.Rules = append(rep.Rules, row)
	}
	slices.SortStableFunc(rep.Rules, func(a, b benchRule) int { return -compareFloat(a.Mean, b.Mean) })
	for _, x := range []struct {
		plain bool
		into  *float64
	}{{false, &rep.All}, {true, &rep.NoPrefilter}} {
		took, err := p.time(w.ctx, p.set, messages, x.plain)
		if err != nil {
			return rep, err
		}
		for _, t := range took {
			*x.into += t / float64(len(took))
		}
	}
	return rep, nil
}

// time evaluates a set over each message three times and returns the shortest
// times in microseconds: what the machine does beside it only adds.
func (p *probe) time(ctx context.Context, set *mql.RuleSet, messages []*mail.Message, plain bool) ([]float64, error) {
	out := make([]float64, len(messages))
	for i, m := range messages {
		for try := range 3 {
			start := time.Now()
			if _, err := set.EvalWith(ctx, m, p.caps, p.lists, mql.Options{NoPrefilter: plain, NoQuotes: true}); err != nil {
				return nil, err
			}
			if took := float64(time.Since(start).Nanoseconds()) / 1000; try == 0 || took < out[i] {
				out[i] = took
			}
		}
	}
	return out, nil
}

func (r benchReport) print(out io.Writer, top int) error {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "mean µs\tmax µs\trule\t")
	for _, row := range r.Rules[:min(max(top, 0), len(r.Rules))] {
		fmt.Fprintf(tw, "%.1f\t%.1f\t%s\t\n", row.Mean, row.Max, printable(row.Name))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "all %d rules over %d messages: %.0f µs per message, %.0f µs without the prefilter\n", len(r.Rules), r.Messages, r.All, r.NoPrefilter)
	return err
}
