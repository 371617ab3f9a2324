package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"foregate/evidence"
	"foregate/mail"
)

type calibrateCmd struct {
	Corpus string `default:"${corpus}" placeholder:"DIR" help:"Labelled mail, as for eval (${default})."`
	Out    string `type:"path" placeholder:"FILE" help:"Write the new weight table here; without it the rates are only shown."`
	Min    int    `default:"12" help:"Least number of messages that must show an item before its weight is measured (${default})."`
}

// Help is the long help text.
func (calibrateCmd) Help() string {
	return `Counts how often each kind of evidence appears in phish and in ham and turns the
rates into weights: the smoothed log10 ratio, shrunk by its standard error. Kinds
that fewer than --min messages show keep their hand-set prior. A source counts by
at most as many messages as there are in the others of its label, so that no one
collection decides. Authentication is taken from the corpus; what it does not
record is unknown and no evidence.

Example:
  foregate calibrate --corpus ~/labelled --out weights.tsv
  # then in the configuration: policy: { weights: weights.tsv }`
}

// Run measures the corpus and shows or writes the table.
func (c calibrateCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	conf.DNS.Offline = true
	engine, err := newLoadedEngine(conf, w.stderr)
	if err != nil {
		return err
	}
	old, err := weights(conf)
	if err != nil {
		return err
	}
	samples, err := loadCorpus(c.Corpus)
	if err != nil {
		return err
	}
	counts, err := countEvidence(w, engine, samples)
	if err != nil {
		return err
	}
	entries := c.entries(counts, old)
	if c.Out != "" {
		f, err := os.Create(c.Out)
		if err != nil {
			return fmt.Errorf("writing the weights: %w", err)
		}
		if _, err := evidence.NewTable(entries).WriteTo(f); err != nil {
			return fmt.Errorf("writing the weights: %w", err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("writing the weights: %w", err)
		}
	}
	return showRates(w.stdout, entries)
}

// counts are how many messages of each source there are and show each item.
type counts struct {
	n    map[string]map[string]map[string]int // chance → label → source → messages
	hits map[string]map[string]map[string]int // ID → label → source → messages
}

// chances are the conditions under which kinds of evidence can be seen at all,
// with a test for each. A kind is measured among the messages that gave it a
// chance: that a corpus has more HTML, links or attachments, or more recorded
// authentication, on one side must not become evidence by the back door.
func chances() map[string]func(judged) bool {
	return map[string]func(judged) bool{
		"": func(judged) bool { return true },
		"auth.": func(j judged) bool {
			a := j.facts.Auth
			return a.SPF != "" || a.DKIMResult != "" || a.DMARC != ""
		},
		"form.hidden-text": func(j judged) bool { return j.msg.Body.HTML != nil },
		"link.":            func(j judged) bool { return len(j.msg.Body.Links) > 0 },
		"file.":            func(j judged) bool { return len(j.msg.Attachments) > 0 },
	}
}

// chanceOf returns the condition that the evidence of an ID is measured under.
func chanceOf(id string) string {
	for _, prefix := range sortedKeys(chances()) {
		if prefix != "" && strings.HasPrefix(id, prefix) {
			return prefix
		}
	}
	return ""
}

func countEvidence(w *world, engine judger, samples []sample) (counts, error) {
	c := counts{n: map[string]map[string]map[string]int{}, hits: map[string]map[string]map[string]int{}}
	conditions := chances()
	bar := newProgress(w.stderr, "measuring", len(samples))
	defer bar.finish()
	err := judgeAll(w.ctx, engine, len(samples),
		func(i int) (mail.Envelope, []byte) { return samples[i].env, samples[i].raw },
		func(i int, j judged) {
			bar.step()
			s := samples[i]
			for chance, has := range conditions {
				if has(j) {
					count(c.n, chance, s)
				}
			}
			seen := map[string]bool{}
			for _, it := range j.facts.Evidence {
				if !it.Measured && !seen[it.ID] {
					seen[it.ID] = true
					count(c.hits, it.ID, s)
				}
			}
		})
	return c, err
}

func count(m map[string]map[string]map[string]int, key string, s sample) {
	if m[key] == nil {
		m[key] = map[string]map[string]int{}
	}
	if m[key][s.label] == nil {
		m[key][s.label] = map[string]int{}
	}
	m[key][s.label][s.source]++
}

// notMeasured ends the basis of a prior that must not be replaced by a measured
// rate, because the corpora differ in it for a reason of their own.
const notMeasured = "so not measured"

// entries measures every ID that was seen often enough and keeps the others of
// the old table.
func (c calibrateCmd) entries(k counts, old *evidence.Table) []evidence.Entry {
	out := map[string]evidence.Entry{}
	for _, e := range old.Entries() {
		if e.Prior || len(k.hits[e.ID]) == 0 {
			out[e.ID] = e
		}
		if e.Prior && e.Basis != "" && strings.HasSuffix(e.Basis, notMeasured) {
			delete(k.hits, e.ID)
		}
	}
	for id, hits := range k.hits {
		n := k.n[chanceOf(id)]
		hp, np := balanced(hits["phish"], n["phish"])
		hh, nh := balanced(hits["ham"], n["ham"])
		if sum(hits["phish"])+sum(hits["ham"]) < c.Min {
			if _, ok := out[id]; !ok {
				out[id] = evidence.Entry{ID: id, Prior: true, Basis: "seen too rarely to measure and no prior set"}
			}
			continue
		}
		out[id] = evidence.Measure(id, hp, np, hh, nh, "development corpora, sources balanced")
	}
	var entries []evidence.Entry
	for _, id := range sortedKeys(out) {
		entries = append(entries, out[id])
	}
	return entries
}

// minBalanced is the size below which a source is not cut: where one collection
// alone tells, its say is better than none.
const minBalanced = 300

// balanced adds up hits and sizes over sources, each source cut to the size of
// all others together, but not below minBalanced.
func balanced(hits, n map[string]int) (hit, total int) {
	all := sum(n)
	for src, size := range n {
		weight := 1.0
		if limit := max(all-size, minBalanced); size > limit {
			weight = float64(limit) / float64(size)
		}
		hit += int(weight*float64(hits[src]) + .5)
		total += int(weight*float64(size) + .5)
	}
	return min(hit, total), total
}

func sum(m map[string]int) int {
	t := 0
	for _, v := range m {
		t += v
	}
	return t
}

func showRates(out io.Writer, entries []evidence.Entry) error {
	slices.SortStableFunc(entries, func(a, b evidence.Entry) int { return -compareFloat(float64(a.Weight), float64(b.Weight)) })
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "weight\tkind\tphish\tham\tevidence\t")
	for _, e := range entries {
		kind, phish, ham := "measured", rate(e.HitPhish, e.NPhish), rate(e.HitHam, e.NHam)
		if e.Prior {
			kind, phish, ham = "prior", "-", "-"
		}
		fmt.Fprintf(tw, "%+.2f\t%s\t%s\t%s\t%s\t\n", e.Weight, kind, phish, ham, e.ID)
	}
	return tw.Flush()
}
