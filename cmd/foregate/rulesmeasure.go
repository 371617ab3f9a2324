package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"foregate/evidence"
	"foregate/mql"
)

type rulesMeasureCmd struct {
	Dir      string `arg:"" optional:"" help:"A folder, .tar.gz or file of rules; without it those of the configuration."`
	Corpus   string `default:"${corpus}" placeholder:"DIR" help:"Labelled mail, as for eval (${default})."`
	JSON     bool   `xor:"form" help:"One JSON object per rule and line."`
	Markdown bool   `xor:"form" help:"As a page, with the twenty rules that fire most on ham."`
	Weights  string `type:"path" placeholder:"FILE" help:"Write the weights of the detection rules here, in the form of the weight table: those with at least --min hits."`
	Min      int    `default:"${leastRule}" help:"Least number of hits on phish and ham together before a rule's weight is measured (${default})."`
	Reasons  string `type:"path" placeholder:"FILE" help:"For --markdown: tab-separated rule IDs or names and why each fires on ham, in words."`
}

// Help is the long help text.
func (rulesMeasureCmd) Help() string {
	return `Evaluates every rule over a labelled corpus and counts, for each, how many
messages of each label it hits and how many it could not decide. A rate on ham is
what a rule costs, a rate on phish what it is worth.

With --weights the rates become weights, as 'foregate calibrate' makes them of
other evidence: the smoothed log10 ratio, shrunk by its standard error, sources
balanced. The file holds figures and IDs, no texts.

Example:
  foregate rules measure --corpus ~/labelled /etc/foregate/rules`
}

// ruleCount is what one rule did on a corpus; a line of --json.
type ruleCount struct {
	ID       string                    `json:"id"`
	Name     string                    `json:"name"`
	Kind     mql.Kind                  `json:"kind"`
	Severity string                    `json:"severity,omitempty"`
	Phish    int                       `json:"phish"`
	Spam     int                       `json:"spam"`
	Ham      int                       `json:"ham"`
	Open     int                       `json:"open"` // messages it could not decide
	Hits     map[string]map[string]int `json:"hits"` // label → source → messages
}

// ruleCounts are the counts of all rules and the sizes of the corpus.
type ruleCounts struct {
	rules  []ruleCount
	n      map[string]int            // label → messages
	bySrc  map[string]map[string]int // label → source → messages
	failed int                       // messages that could not be looked at
}

// Run measures.
func (c rulesMeasureCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	sources, faults, err := rulesAt(conf, c.Dir)
	if err != nil {
		return err
	}
	plain := make([]*mql.Rule, len(sources))
	for i, s := range sources {
		plain[i] = s.Rule
	}
	set, errs := mql.NewEnv().CompileRules(plain)
	for _, f := range append(faults, errs...) {
		fmt.Fprintf(w.stderr, "foregate: %v\n", f)
	}
	if len(set.Rules) == 0 {
		return errors.New("measuring rules: there are none")
	}
	p, err := newProbe(conf, set, w.stderr)
	if err != nil {
		return err
	}
	samples, err := loadCorpus(c.Corpus)
	if err != nil {
		return err
	}
	counts, err := measureRules(w, p, samples)
	if err != nil {
		return err
	}
	if c.Weights != "" {
		if err := writeWeights(c.Weights, counts.weights(c.Min)); err != nil {
			return err
		}
	}
	switch {
	case c.JSON:
		return encodeLines(w.stdout, counts.rules)
	case c.Markdown:
		reasons, err := readReasons(c.Reasons)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w.stdout, counts.page(reasons))
		return err
	}
	return counts.print(w.stdout)
}

// measureRules counts over all samples.
func measureRules(w *world, p *probe, samples []sample) (ruleCounts, error) {
	out := ruleCounts{n: map[string]int{}, bySrc: map[string]map[string]int{}}
	index := map[*mql.Rule]int{}
	for i, r := range p.set.Rules {
		index[r] = i
		out.rules = append(out.rules, ruleCount{ID: r.ID, Name: r.Name, Kind: r.Kind, Severity: r.Severity, Hits: map[string]map[string]int{}})
	}
	p.opts.NoQuotes = true
	bar := newProgress(w.stderr, "measuring", len(samples))
	defer bar.finish()
	err := p.lookAll(w.ctx, corpusMessages(samples), func(s seen) error {
		bar.step()
		out.n[s.from.label]++
		if out.bySrc[s.from.label] == nil {
			out.bySrc[s.from.label] = map[string]int{}
		}
		out.bySrc[s.from.label][s.from.src]++
		if s.err != nil {
			out.failed++
			return nil
		}
		for _, o := range s.result.Outcomes {
			rc := &out.rules[index[o.Rule]]
			if o.State == mql.Indeterminate {
				rc.Open++
				continue
			}
			if rc.Hits[s.from.label] == nil {
				rc.Hits[s.from.label] = map[string]int{}
			}
			rc.Hits[s.from.label][s.from.src]++
		}
		return nil
	})
	for i := range out.rules {
		rc := &out.rules[i]
		rc.Phish, rc.Spam, rc.Ham = sum(rc.Hits["phish"]), sum(rc.Hits["spam"]), sum(rc.Hits["ham"])
	}
	slices.SortStableFunc(out.rules, func(a, b ruleCount) int {
		return cmp.Or(-cmp.Compare(a.Ham, b.Ham), -cmp.Compare(a.Phish, b.Phish), cmp.Compare(a.Name, b.Name))
	})
	return out, err
}

// weights measures the detection rules that hit at least least messages of phish
// and ham.
func (c ruleCounts) weights(least int) []evidence.Entry {
	var out []evidence.Entry
	for _, r := range c.rules {
		if r.Kind != mql.Detection || r.ID == "" || r.Phish+r.Ham < least {
			continue
		}
		hp, np := balanced(r.Hits["phish"], c.bySrc["phish"])
		hh, nh := balanced(r.Hits["ham"], c.bySrc["ham"])
		out = append(out, evidence.Measure(rulePrefix+r.ID, hp, np, hh, nh, basisDevelopment))
	}
	return out
}

func (c ruleCounts) print(out io.Writer) error {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "phish\t\tspam\t\tham\t\topen\trule\t")
	for _, r := range c.rules {
		if r.Phish+r.Spam+r.Ham > 0 {
			fmt.Fprintf(tw, "%d\t%s\t%d\t%s\t%d\t%s\t%d\t%s\t\n", r.Phish, rate(r.Phish, c.n["phish"]), r.Spam, rate(r.Spam, c.n["spam"]), r.Ham, rate(r.Ham, c.n["ham"]), r.Open, printable(r.Name))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, c.summary())
	return err
}

// summary says how many rules fired and on what.
func (c ruleCounts) summary() string {
	fired, onHam, open := 0, 0, 0
	for _, r := range c.rules {
		if r.Phish+r.Spam+r.Ham > 0 {
			fired++
		}
		if r.Ham > 0 {
			onHam++
		}
		if r.Open > 0 {
			open++
		}
	}
	s := fmt.Sprintf("%d rules over %d phish, %d spam and %d ham: %d fire on something, %d of them on ham; %d could not decide some message.",
		len(c.rules), c.n["phish"], c.n["spam"], c.n["ham"], fired, onHam, open)
	if c.failed > 0 {
		s += fmt.Sprintf(" %d messages could not be looked at.", c.failed)
	}
	return s
}

// readReasons reads lines of a rule's ID, a tab and a reason.
func readReasons(name string) (map[string]string, error) {
	out := map[string]string{}
	if name == "" {
		return out, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the reasons: %s is not there", name)
		}
		return nil, fmt.Errorf("reading the reasons: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		if id, why, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			out[id] = why
		}
	}
	return out, nil
}

// mostShown is how many rules the page explains that fire on ham.
const mostShown = 20

// page shows the rules that fire most on ham with the reasons, then all counts.
func (c ruleCounts) page(reasons map[string]string) string {
	var b strings.Builder
	b.WriteString("# What the rules hit\n\n<!-- Generated by \"make measure\". -->\n\n" +
		"Messages of the development corpora that each rule hits, as far as the gate can\ndecide it. *Open* counts messages on which the answer depends on something that\nthis gate cannot ask. A rule that is not listed hit nothing. Only detection rules\nare evidence; an insight shows a fact, and most facts are true of honest mail.\n\n" + c.summary() + "\n\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	var detection, other []ruleCount
	for _, r := range c.rules {
		switch {
		case r.Phish+r.Spam+r.Ham == 0:
		case r.Kind == mql.Detection:
			detection = append(detection, r)
		default:
			other = append(other, r)
		}
	}
	for _, part := range []struct {
		title string
		rules []ruleCount
	}{{"Detection rules that fire on ham", detection}, {"Rules of any kind that fire most on ham", c.rules}} {
		fmt.Fprintf(&b, "## %s\n\nAt most %d, most hits first.\n\n| rule | kind | phish | spam | ham | why |\n|---|---|---|---|---|---|\n", part.title, mostShown)
		for _, r := range part.rules[:min(mostShown, len(part.rules))] {
			if r.Ham > 0 {
				why := orWord(reasons[r.ID], orWord(reasons[r.Name], "not looked at yet"))
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", cell.Replace(r.Name), r.Kind, rate(r.Phish, c.n["phish"]), rate(r.Spam, c.n["spam"]), rate(r.Ham, c.n["ham"]), cell.Replace(why))
			}
		}
		b.WriteString("\n")
	}
	for _, part := range []struct {
		title string
		rules []ruleCount
	}{{"Detection rules", detection}, {"Other rules", other}} {
		fmt.Fprintf(&b, "## %s\n\n| id | rule | kind | phish | spam | ham | open |\n|---|---|---|---|---|---|---|\n", part.title)
		for _, r := range part.rules {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %d | %d | %d | %d |\n", r.ID, cell.Replace(r.Name), r.Kind, r.Phish, r.Spam, r.Ham, r.Open)
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
