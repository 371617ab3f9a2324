package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"text/tabwriter"

	"foregate/mql"
)

type rulesBacktestCmd struct {
	Rule    string `arg:"" help:"A rule's file, or the ID or name of one in force."`
	Corpus  string `placeholder:"DIR" xor:"what" required:"" help:"Labelled mail, as for eval."`
	Since   age    `placeholder:"AGE" xor:"what" required:"" help:"The messages that the gate judged within this time, such as 30d; the label is what was done with them."`
	Against string `placeholder:"FILE" help:"The version to compare with, instead of the one in force with the same ID."`
	JSON    bool   `help:"Print one JSON object."`
}

// Help is the long help text.
func (rulesBacktestCmd) Help() string {
	return `Says what a rule would have hit, by label and source, before it goes into force.
It names the messages that only this or only the version before hits: the one in
force with the same ID, or the one that --against names.

Examples:
  foregate rules backtest new.yml --corpus ~/labelled
  foregate rules backtest new.yml --since 30d --against /etc/foregate/rules/old.yml`
}

// backtest is the object of --json.
type backtest struct {
	Rule    string        `json:"rule"`
	Sources []backtestRow `json:"sources"`
	Open    int           `json:"open"`
	Missing []string      `json:"missing"` // what was lacking
	Skipped int           `json:"skipped"` // without bytes, or unreadable
	Gained  []string      `json:"gained"`  // only this version hits
	Lost    []string      `json:"lost"`    // only the version against hits
	Hits    []string      `json:"hits"`
	Against string        `json:"against,omitempty"` // the file of the version compared with
}

type backtestRow struct {
	Label  string `json:"label"`
	Source string `json:"source"`
	N      int    `json:"n"`
	Hits   int    `json:"hits"`
}

// Run tests.
func (c rulesBacktestCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	rules, err := c.versions(conf)
	if err != nil {
		return err
	}
	set, err := compileAll(rules...)
	if err != nil {
		return err
	}
	p, err := newProbe(conf, set, w.stderr)
	if err != nil {
		return err
	}
	past, err := openPast(w.ctx, conf, c.Since > 0 || g.DB != "")
	if err != nil {
		return err
	}
	p.lists = historyLists(p.lists, past.senders)
	b, err := c.over(w, p, past)
	if err = errors.Join(err, past.close()); err != nil {
		return err
	}
	b.Rule = rules[0].Name
	if len(rules) > 1 {
		b.Against = rules[1].File
	}
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(b)
	}
	return b.print(w.stdout)
}

// versions are the rule and the version to compare it with, if any: the one
// named, else the one in force with the same ID that reads otherwise.
func (c rulesBacktestCmd) versions(conf config) ([]*mql.Rule, error) {
	r, err := findRule(conf, c.Rule)
	if err != nil {
		return nil, err
	}
	rules := []*mql.Rule{r}
	switch {
	case c.Against != "":
		old, err := findRule(conf, c.Against)
		if err != nil {
			return nil, err
		}
		rules = append(rules, old)
	case r.ID != "":
		inForce, _, err := configuredRules(conf)
		if err != nil {
			return nil, err
		}
		for _, old := range inForce {
			if old.ID == r.ID && old.Source != r.Source {
				rules = append(rules, old.Rule)
				break
			}
		}
	}
	for i, r := range rules {
		version := *r
		version.ID = "" // two versions have one ID
		rules[i] = &version
	}
	return rules, nil
}

// over tests on the corpus or on the past.
func (c rulesBacktestCmd) over(w *world, p *probe, past *pastMail) (backtest, error) {
	if c.Corpus == "" {
		messages, total, err := past.messages(w.ctx, c.Since, "")
		if err != nil {
			return backtest{}, err
		}
		return runBacktest(w, p, messages, total)
	}
	samples, err := loadCorpus(c.Corpus)
	if err != nil {
		return backtest{}, err
	}
	return runBacktest(w, p, corpusMessages(samples), len(samples))
}

// runBacktest evaluates the first rule of the probe, and the second where there
// is one to compare with.
func runBacktest(w *world, p *probe, messages iter.Seq[found], total int) (backtest, error) {
	b := backtest{Sources: []backtestRow{}, Missing: []string{}, Gained: []string{}, Lost: []string{}, Hits: []string{}}
	bar := newProgress(w.stderr, "testing", total)
	defer bar.finish()
	p.opts.NoQuotes = true
	index := map[[2]string]int{}
	err := p.lookAll(w.ctx, messages, func(s seen) error {
		bar.step()
		if s.err != nil {
			b.Skipped++
			return nil
		}
		key := [2]string{s.from.label, s.from.src}
		i, ok := index[key]
		if !ok {
			i = len(b.Sources)
			index[key] = i
			b.Sources = append(b.Sources, backtestRow{Label: key[0], Source: key[1]})
		}
		b.Sources[i].N++
		var now, then bool
		for _, o := range s.result.Outcomes {
			switch {
			case o.Rule != p.set.Rules[0]:
				then = o.State == mql.True
			case o.State == mql.True:
				now = true
			default:
				b.Open++
				b.Missing = append(b.Missing, o.Missing...)
			}
		}
		b.Missing = slices.Compact(slices.Sorted(slices.Values(b.Missing)))
		if now {
			b.Sources[i].Hits++
			b.Hits = append(b.Hits, s.from.name)
		}
		if now && !then && len(p.set.Rules) > 1 {
			b.Gained = append(b.Gained, s.from.name)
		}
		if then && !now {
			b.Lost = append(b.Lost, s.from.name)
		}
		return nil
	})
	slices.SortFunc(b.Sources, func(x, y backtestRow) int { return strings.Compare(x.Label+"/"+x.Source, y.Label+"/"+y.Source) })
	return b, err
}

// maxNamed bounds the messages named for people; --json has all.
const maxNamed = 20

func (b backtest) print(out io.Writer) error {
	fmt.Fprintln(out, printable(b.Rule))
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "label\tsource\tmessages\thits\t\t")
	for _, r := range b.Sources {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\t\n", r.Label, r.Source, r.N, r.Hits, rate(r.Hits, r.N))
	}
	tw.Flush()
	if b.Open > 0 {
		fmt.Fprintf(out, "%d messages could not be decided for want of %s\n", b.Open, strings.Join(b.Missing, ", "))
	}
	if b.Skipped > 0 {
		fmt.Fprintf(out, "%d messages could not be looked at\n", b.Skipped)
	}
	lists := []struct {
		what  string
		names []string
	}{{"hits", b.Hits}}
	if b.Against != "" {
		fmt.Fprintln(out, "compared with "+printable(b.Against))
		lists = []struct {
			what  string
			names []string
		}{{"only the new version hits", b.Gained}, {"only the old version hits", b.Lost}}
	}
	for _, l := range lists {
		fmt.Fprintf(out, "%s: %d\n", l.what, len(l.names))
		for _, n := range l.names[:min(maxNamed, len(l.names))] {
			fmt.Fprintf(out, "  %s\n", printable(n))
		}
	}
	return nil
}
