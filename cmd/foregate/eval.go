package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"

	"foregate/mail"
)

type evalCmd struct {
	Corpus  string `default:"${corpus}" placeholder:"DIR" help:"Labelled mail: a folder with manifest.tsv, or a .tar.gz of one (${default})."`
	JSON    bool   `help:"Print one JSON object."`
	Ordered bool   `help:"Judge in the order of the Date fields and learn how senders write after each verdict, as the gate would. Without it there is no history."`
	CV      bool   `name:"cv" help:"Cross-validate: judge each source with weights measured on the others (phishing_pot by year: 2026 against earlier)."`
}

// Help is the long help text.
func (evalCmd) Help() string {
	return `Judges a labelled corpus with the envelope data it records (no DNS is asked) and
prints, per source, how much is held and flagged; how much phish is caught at
1 %, 0.1 % and 0.03 % of ham, with thresholds on the odds; and what a message
costs. The control set is phish that came the same way as the list ham.

Example:
  foregate eval --corpus ../shared/data/mail`
}

// evalReport is the object of --json.
type evalReport struct {
	Sources []evalSource `json:"sources"`
	ROC     []evalPoint  `json:"roc"`
	CPUms   evalCost     `json:"cpu_ms"`
}

type evalSource struct {
	Label   string `json:"label"`
	Source  string `json:"source"`
	N       int    `json:"n"`
	Held    int    `json:"held"`    // hold or reject at the default policy
	Flagged int    `json:"flagged"` // flag at the default policy
}

type evalPoint struct {
	Ham        string             `json:"ham"` // "all" or "2019+"
	FPR        float64            `json:"fpr"`
	Threshold  float64            `json:"threshold"` // log10 odds; at or above counts as caught
	TPR        float64            `json:"tpr"`
	ControlTPR float64            `json:"control_tpr"`
	BySource   map[string]float64 `json:"by_source"`
}

type evalCost struct {
	Mean float64 `json:"mean"` // whole process, garbage collection included
	P50  float64 `json:"p50"`  // of the judging thread
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
}

// scored is one sample's outcome.
type scored struct {
	sample      *sample
	odds        float64
	disposition mail.Disposition
	cpuMS       float64
}

// Run judges the corpus and prints the figures.
func (c evalCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	conf.DNS.Offline = true
	engine, err := newLoadedEngine(conf, w.stderr)
	if err != nil {
		return err
	}
	samples, err := loadCorpus(c.Corpus)
	if err != nil {
		return err
	}
	if c.CV {
		return c.crossValidate(w, conf, engine, samples)
	}
	var results []scored
	var mean float64
	if c.Ordered {
		results, mean, err = scoreOrdered(w, conf, samples)
	} else {
		results, mean, err = score(w, engine, samples)
	}
	if err != nil {
		return err
	}
	report := evaluate(results)
	report.CPUms.Mean = mean
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(report)
	}
	return report.print(w.stdout)
}

// score judges all samples. The mean cost is the processor time of the whole
// process by message, in milliseconds.
func score(w *world, engine judger, samples []sample) ([]scored, float64, error) {
	bar := newProgress(w.stderr, "judging", len(samples))
	defer bar.finish()
	results := make([]scored, len(samples))
	runtime.GC() // the corpus itself is not the gate's garbage
	before := processCPU()
	err := judgeAll(w.ctx, engine, len(samples),
		func(i int) (mail.Envelope, []byte) { return samples[i].env, samples[i].raw },
		func(i int, j judged) {
			results[i] = scored{&samples[i], float64(j.verdict.LogOdds), j.verdict.Disposition, float64(j.cpu.Nanoseconds()) / 1e6}
			bar.step()
		})
	mean := float64((processCPU() - before).Nanoseconds()) / 1e6 / float64(max(1, len(samples)))
	return results, mean, err
}

// evaluate turns scores into the report, but for the mean cost.
func evaluate(results []scored) evalReport {
	var r evalReport
	index := map[[2]string]int{}
	var costs []float64
	for _, s := range results {
		key := [2]string{s.sample.label, s.sample.source}
		i, ok := index[key]
		if !ok {
			i = len(r.Sources)
			index[key] = i
			r.Sources = append(r.Sources, evalSource{Label: key[0], Source: key[1]})
		}
		src := &r.Sources[i]
		src.N++
		switch s.disposition {
		case mail.Hold, mail.Reject:
			src.Held++
		case mail.Flag:
			src.Flagged++
		}
		costs = append(costs, s.cpuMS)
	}
	slices.SortFunc(r.Sources, func(a, b evalSource) int {
		return strings.Compare(a.Label+"/"+a.Source, b.Label+"/"+b.Source)
	})
	for _, ham := range []string{"all", "2019+"} {
		for _, fpr := range []float64{.01, .001, .0003} {
			r.ROC = append(r.ROC, rocPoint(results, ham, fpr))
		}
	}
	sort.Float64s(costs)
	r.CPUms = evalCost{P50: quantile(costs, .5), P95: quantile(costs, .95), P99: quantile(costs, .99)}
	return r
}

// rocPoint finds the lowest threshold at which at most the given share of ham
// is caught, and what of the phish is caught there. "2019+" leaves out messages
// of years before 2019 on both sides.
func rocPoint(results []scored, ham string, fpr float64) evalPoint {
	p := evalPoint{Ham: ham, FPR: fpr, BySource: map[string]float64{}}
	var hamOdds []float64
	kept := results[:0:0]
	for _, s := range results {
		if ham == "2019+" && s.sample.year < 2019 {
			continue
		}
		kept = append(kept, s)
		if s.sample.label == "ham" {
			hamOdds = append(hamOdds, s.odds)
		}
	}
	p.Threshold = threshold(hamOdds, fpr)
	caught, n := map[string]int{}, map[string]int{}
	for _, s := range kept {
		if s.sample.label != "phish" {
			continue
		}
		keys := []string{"", s.sample.source}
		if strings.HasPrefix(s.sample.source, "list-borne-") {
			keys = append(keys, "control")
		}
		for _, k := range keys {
			n[k]++
			if s.odds >= p.Threshold {
				caught[k]++
			}
		}
	}
	for k := range n {
		rate := float64(caught[k]) / float64(n[k])
		switch k {
		case "":
			p.TPR = rate
		case "control":
			p.ControlTPR = rate
		default:
			p.BySource[k] = rate
		}
	}
	return p
}

// threshold is the smallest score that at most the share fpr of the ham scores
// reach. Ties count against us: a tie at the border is caught whole or not at
// all.
func threshold(ham []float64, fpr float64) float64 {
	sorted := slices.Clone(ham)
	slices.SortFunc(sorted, func(a, b float64) int { return -compareFloat(a, b) })
	allowed := int(fpr * float64(len(sorted)))
	if allowed >= len(sorted) {
		return -1000
	}
	// Just above the highest score that must not be caught.
	return sorted[allowed] + 1e-9
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// quantile of sorted values, by the nearest rank.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (r evalReport) print(out io.Writer) error {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "label\tsource\tmessages\theld\t\tflagged\t\t")
	for _, s := range r.Sources {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\t%d\t%s\t\n", s.Label, s.Source, s.N, s.Held, rate(s.Held, s.N), s.Flagged, rate(s.Flagged, s.N))
	}
	tw.Flush()
	fmt.Fprintln(out, "\nphish caught where so much ham is caught:")
	var sources []string
	for _, p := range r.ROC {
		for s := range p.BySource {
			if !slices.Contains(sources, s) {
				sources = append(sources, s)
			}
		}
	}
	slices.Sort(sources)
	fmt.Fprintf(tw, "ham\tbudget\tlog odds\tall phish\tcontrol set\t%s\t\n", strings.Join(sources, "\t"))
	for _, p := range r.ROC {
		fmt.Fprintf(tw, "%s\t%g %%\t%.2f\t%.1f %%\t%.1f %%\t", p.Ham, 100*p.FPR, p.Threshold, 100*p.TPR, 100*p.ControlTPR)
		for _, s := range sources {
			if tpr, ok := p.BySource[s]; ok {
				fmt.Fprintf(tw, "%.1f %%\t", 100*tpr)
			} else {
				fmt.Fprint(tw, "-\t")
			}
		}
		fmt.Fprintln(tw)
	}
	tw.Flush()
	_, err := fmt.Fprintf(out, "\nprocessor time per message: mean %.3f ms (whole process), p50 %.3f, p95 %.3f, p99 %.3f ms (judging thread)\n",
		r.CPUms.Mean, r.CPUms.P50, r.CPUms.P95, r.CPUms.P99)
	return err
}

func rate(k, n int) string { return fmt.Sprintf("%.1f %%", 100*float64(k)/float64(max(1, n))) }
