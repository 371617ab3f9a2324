package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"strings"

	"foregate/evidence"
	"foregate/mail"
	"foregate/policy"
)

type evalCmd struct {
	Corpus   string `default:"${corpus}" placeholder:"DIR" help:"Labelled mail: a folder with the folders ham, phish and spam, or with manifest.tsv, or a .tar.gz of such a one (${default})."`
	JSON     bool   `help:"Print one JSON object."`
	Disputed string `type:"path" placeholder:"FILE" help:"Table of messages that are called ham and are not (path, kind, what it is): rows without them are shown beside the others."`
	Ordered  bool   `help:"Judge in the order of arrival (the newest date of the trace, else Date) and learn how senders write after each verdict, as the gate would. Without it there is no history."`
	Scores   string `type:"path" placeholder:"FILE" help:"Write path, label, source, year, log odds, milliseconds and the evidence of each message to this table."`
	CV       bool   `name:"cv" help:"Cross-validate: judge each part with weights measured on the others. No campaign is on both sides."`
	Refit    bool   `help:"With --cv: a further column of the families, without each by weights that were measured without it. Takes nine times as long."`
	Parts    string `enum:"source,campaign" default:"source" help:"Parts of --cv: source (phishing_pot by year: the newest against the earlier ones) or campaign (five groups of campaigns, all sources in each)."`
}

// Help is the long help text.
func (evalCmd) Help() string {
	return `Judges a labelled corpus with the envelope data it records (no DNS is asked) and
prints, per source, how much is held and flagged; how much phish is caught at
1 %, 0.1 % and 0.03 % of ham, with thresholds on the odds; what each family of
evidence adds; whether the probabilities come true; and what a message costs.
The control set is phish that came the same way as the list ham. Bulk spam is
neither phish nor ham and has columns of its own. Ranges are 95 % intervals of a
bootstrap that draws campaigns (messages of nearly the same text), not messages.

Without --cv the weights may have been measured on the very messages that are
judged. With it no message is judged by weights that it, or another of its
campaign, was measured for.

Examples:
  foregate eval --corpus ../shared/data/mail
  foregate eval --disputed evidence/disputed.tsv
  foregate eval --cv --json | jq .reliability
  foregate eval --cv --parts campaign --refit`
}

// evalReport is the object of --json.
type evalReport struct {
	Sources     []evalSource    `json:"sources"`
	ROC         []evalPoint     `json:"roc"`
	CPUms       evalCost        `json:"cpu_ms"`
	CV          string          `json:"cross_validated,omitempty"` // by what; "" when not
	Campaigns   map[string]int  `json:"campaigns"`                 // by label
	Ablation    []evalAblation  `json:"ablation"`
	Reliability evalReliability `json:"reliability"`
}

type evalSource struct {
	Label   string  `json:"label"`
	Source  string  `json:"source"`
	N       int     `json:"n"`
	Held    int     `json:"held"`            // hold or reject at the default policy
	Flagged int     `json:"flagged"`         // flag at the default policy
	Brier   float64 `json:"brier,omitempty"` // mean square of probability less truth; not of spam
}

type evalPoint struct {
	Ham        string             `json:"ham"` // "all", "2019+" or "2019+ read"
	FPR        float64            `json:"fpr"`
	Threshold  float64            `json:"threshold"` // log10 odds; at or above counts as caught
	TPR        float64            `json:"tpr"`
	ControlTPR float64            `json:"control_tpr"`
	BySource   map[string]float64 `json:"by_source"`
	// TPRRange and ControlRange are 95 % intervals by campaign.
	TPRRange     [2]float64 `json:"tpr_range"`
	ControlRange [2]float64 `json:"control_range"`
	// Newest is the share caught of the newest year of the source that spans
	// several (phishing_pot), Earlier of its years before.
	Newest  float64 `json:"newest_tpr"`
	Earlier float64 `json:"earlier_tpr"`
	// Spam is the share of bulk spam at or above the threshold.
	Spam map[string]float64 `json:"spam"`
}

type evalCost struct {
	Mean float64 `json:"mean"` // whole process with its children, garbage collection included
	P50  float64 `json:"p50"`  // of the judging thread
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
}

// observed is one sample, what was found in it and what came of that.
type observed struct {
	sample      *sample
	odds        float64
	disposition mail.Disposition
	cpuMS       float64
	chances     []string        // conditions of chances that hold
	items       []evidence.Item // as the stages gave them: ID, lineage, weight
	weighed     []evidence.Item // as they were summed up, before the discount of lineages
	text        sketch
	campaign    int // messages of one campaign share a number
}

// Run judges the corpus and prints the figures.
func (c evalCmd) Run(w *world, g *cli) error {
	if c.Refit && !c.CV {
		return errors.New("eval: --refit needs --cv")
	}
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	conf.DNS.Offline = true
	p, err := newPolicy(conf)
	if err != nil {
		return err
	}
	samples, err := loadCorpus(c.Corpus)
	if err != nil {
		return err
	}
	if err := dispute(samples, c.Disputed); err != nil {
		return err
	}
	var seen []observed
	var mean float64
	if c.Ordered {
		seen, mean, err = scoreOrdered(w, conf, samples)
	} else {
		engine, lerr := newLoadedEngine(conf, w.stderr)
		if lerr != nil {
			return lerr
		}
		seen, mean, err = observe(w, engine, samples)
	}
	if err != nil {
		return err
	}
	groupCampaigns(seen)
	if c.CV {
		if seen, err = c.crossValidate(conf, p, seen); err != nil {
			return err
		}
	} else {
		for i := range seen {
			seen[i].weighed = p.Weights.Weigh(seen[i].items)
		}
	}
	if err := writeScores(c.Scores, seen); err != nil {
		return err
	}
	report := evaluate(seen, float64(p.Prior))
	report.CPUms.Mean = mean
	if c.CV {
		report.CV = c.Parts
	}
	if c.Refit {
		if err := c.refit(w, conf, p, seen, report.Ablation); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(report)
	}
	return report.print(w.stdout)
}

// writeScores writes one line for each message, to compare with what other
// programs say of it.
func writeScores(name string, seen []observed) error {
	if name == "" {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("path\tlabel\tsource\tyear\tlog_odds\tcpu_ms\tevidence\n")
	for _, o := range seen {
		fmt.Fprintf(&b, "%s\t%s\t%s\t%d\t%.4f\t%.3f\t%s\n", o.sample.path, o.sample.label, o.sample.source, o.sample.year, o.odds, o.cpuMS, itemIDs(o.items))
	}
	return replaceFile(name, b.Bytes())
}

// itemIDs lists the IDs of items, each once, sorted, with blanks between.
func itemIDs(items []evidence.Item) string {
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " ")
}

// warm is how many messages are judged before the count of processor time begins:
// patterns are compiled, and the children that open files started, when a message
// first asks for them, which a gate does once.
const warm = 50

// observe judges the samples and keeps what was found. The mean cost is the
// processor time of the whole process by message, in milliseconds, without what
// the evaluation itself needs.
func observe(w *world, engine judger, samples []sample) ([]observed, float64, error) {
	out := make([]observed, len(samples))
	bar := newProgress(w.stderr, "judging", len(samples))
	defer bar.finish()
	runtime.LockOSThread() // of the sink, whose time is not the gate's
	defer runtime.UnlockOSThread()
	// The last ones: when their turn comes, what was remembered of them is gone.
	for _, s := range samples[max(0, len(samples)-warm):] {
		engine.Judge(w.ctx, s.env, s.raw)
	}
	defer collectAsGate(samples, w.getenv)()
	before, own := processCPU(), threadCPU()
	err := judgeAll(w.ctx, engine, len(samples),
		func(i int) (mail.Envelope, []byte) { return samples[i].env, samples[i].raw },
		func(i int, j judged) {
			out[i] = observation(&samples[i], j)
			bar.step()
		})
	cost := processCPU() - before - (threadCPU() - own)
	return out, float64(cost.Nanoseconds()) / 1e6 / float64(max(1, len(samples))), err
}

// observation keeps what counts of a judged sample.
func observation(s *sample, j judged) observed {
	o := observed{
		sample: s, odds: float64(j.verdict.LogOdds), disposition: j.verdict.Disposition,
		cpuMS: float64(j.cpu.Nanoseconds()) / 1e6, text: sketchOf(j.msg),
	}
	for chance, has := range chances() {
		if has(j) {
			o.chances = append(o.chances, chance)
		}
	}
	for _, it := range j.facts.Evidence {
		o.items = append(o.items, evidence.Item{ID: it.ID, Lineage: it.Lineage, Weight: it.Weight, Measured: it.Measured, Defined: it.Defined, History: it.History})
	}
	return o
}

// evaluate turns observations into the report, but for the mean cost. prior is
// the log10 odds that the observations' odds begin from.
func evaluate(seen []observed, prior float64) evalReport {
	r := evalReport{Sources: bySource(seen), Campaigns: countCampaigns(seen)}
	hams := []string{"all", "2019+"}
	if slices.ContainsFunc(seen, func(o observed) bool { return o.sample.disputed }) {
		hams = append(hams, undisputed)
	}
	for _, ham := range hams {
		kept := since(seen, ham)
		order := byOdds(kept)
		draws := bootstrap(kept)
		for _, fpr := range []float64{.01, .001, .0003} {
			p := rocPoint(kept, fpr)
			p.Ham = ham
			p.TPRRange, p.ControlRange = draws.ranges(kept, order, fpr)
			r.ROC = append(r.ROC, p)
		}
	}
	costs := make([]float64, 0, len(seen))
	for _, o := range seen {
		costs = append(costs, o.cpuMS)
	}
	sort.Float64s(costs)
	r.CPUms = evalCost{P50: quantile(costs, .5), P95: quantile(costs, .95), P99: quantile(costs, .99)}
	r.Ablation = ablate(since(seen, "2019+"), prior)
	r.Reliability = reliability(seen, prior)
	for i, s := range r.Sources {
		r.Sources[i].Brier = r.Reliability.bySource[s.Label+"/"+s.Source]
	}
	return r
}

// bySource counts what is held and flagged of each source.
func bySource(seen []observed) []evalSource {
	var out []evalSource
	index := map[[2]string]int{}
	for _, s := range seen {
		key := [2]string{s.sample.label, s.sample.source}
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out = append(out, evalSource{Label: key[0], Source: key[1]})
		}
		src := &out[i]
		src.N++
		switch s.disposition {
		case mail.Hold, mail.Reject:
			src.Held++
		case mail.Flag:
			src.Flagged++
		}
	}
	slices.SortFunc(out, func(a, b evalSource) int {
		return strings.Compare(a.Label+"/"+a.Source, b.Label+"/"+b.Source)
	})
	return out
}

// undisputed names the ham since 2019 without what has a disputed label.
const undisputed = "2019+ read"

// since keeps the messages that a comparison is about: "2019+" leaves out
// messages of years before 2019 on all sides, undisputed also those of disputed
// labels.
func since(seen []observed, ham string) []observed {
	if ham == "all" {
		return seen
	}
	kept := make([]observed, 0, len(seen))
	for _, s := range seen {
		if s.sample.year >= 2019 && (ham != undisputed || !s.sample.disputed) {
			kept = append(kept, s)
		}
	}
	return kept
}

// newestYear is the year that the time split keeps for the figure: weights may
// come of earlier ones.
const newestYear = 2026

// rocPoint finds the lowest threshold at which at most the given share of ham
// is caught, and what of the phish is caught there.
func rocPoint(seen []observed, fpr float64) evalPoint {
	p := evalPoint{FPR: fpr, BySource: map[string]float64{}, Spam: map[string]float64{}}
	var ham []float64
	for _, s := range seen {
		if s.sample.label == "ham" {
			ham = append(ham, s.odds)
		}
	}
	p.Threshold = threshold(ham, fpr)
	caught, n := map[string]int{}, map[string]int{}
	for _, s := range seen {
		for _, k := range pointKeys(s.sample) {
			n[k]++
			if s.odds >= p.Threshold {
				caught[k]++
			}
		}
	}
	for k := range n {
		rate := float64(caught[k]) / float64(n[k])
		kind, name, _ := strings.Cut(k, "/")
		switch {
		case k == "phish":
			p.TPR = rate
		case k == "control":
			p.ControlTPR = rate
		case k == "newest":
			p.Newest = rate
		case k == "earlier":
			p.Earlier = rate
		case kind == "spam":
			p.Spam[name] = rate
		default:
			p.BySource[name] = rate
		}
	}
	return p
}

// pointKeys are the rows that a sample counts in.
func pointKeys(s *sample) []string {
	switch s.label {
	case "spam":
		return []string{"spam/" + s.source}
	case "phish":
	default:
		return nil
	}
	keys := []string{"phish", "phish/" + s.source}
	switch {
	case control(s):
		keys = append(keys, "control")
	case s.source == splitSource && s.year >= newestYear:
		keys = append(keys, "newest")
	case s.source == splitSource:
		keys = append(keys, "earlier")
	}
	return keys
}

// controlPrefix begins the names of the sources of the control set.
const controlPrefix = "list-borne-"

// control tells the phish that came the same way as the list ham.
func control(s *sample) bool {
	return s.label == "phish" && strings.HasPrefix(s.source, controlPrefix)
}

// threshold is the smallest score that at most the share fpr of the ham scores
// reach. Ties count against us: a tie at the border is caught whole or not at
// all.
func threshold(ham []float64, fpr float64) float64 {
	sorted := slices.Clone(ham)
	slices.SortFunc(sorted, func(a, b float64) int { return -compareFloat(a, b) })
	allowed := int(fpr * float64(len(sorted)))
	if allowed >= len(sorted) {
		return float64(-policy.Never)
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

func rate(k, n int) string { return fmt.Sprintf("%.1f %%", 100*float64(k)/float64(max(1, n))) }
