package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"foregate/evidence"
	"foregate/mail"
	"foregate/scan/auth"
	"foregate/scan/claim"
	"foregate/scan/text"
)

// calibrateMin is how many messages must show an item before its rate counts.
const calibrateMin = 12

type calibrateCmd struct {
	Corpus string `default:"${corpus}" placeholder:"DIR" help:"Labelled mail, as for eval (${default})."`
	Out    string `type:"path" placeholder:"FILE" help:"Write the new weight table here; without it the rates are only shown."`
	Rules  string `type:"path" placeholder:"FILE" help:"Write the weights of detection rules to this table instead of the other."`
	Min    int    `default:"${least}" help:"Least number of messages that must show an item before its weight is measured (${default})."`
}

// Help is the long help text.
func (calibrateCmd) Help() string {
	return `Counts how often each kind of evidence appears in phish and in ham and turns the
rates into weights: the smoothed log10 ratio, shrunk by its standard error. Then
the weights are fitted to each other, so that kinds which appear together are not
counted twice, and scaled: each quarter of the sources is judged with weights of
the others (no campaign on both sides), and all measured weights are multiplied by
the number, at most 1, with which those odds came true. Kinds that fewer than --min
messages show keep the weight that the table in force has from other mail, else
their hand-set prior. A source counts by at most as many messages as there are in
the others of its label, so that no one collection decides. Authentication is taken
from the corpus; what it does not record is unknown and no evidence.

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
	seen, _, err := observe(w, engine, samples)
	if err != nil {
		return err
	}
	groupCampaigns(seen)
	table, scale, hidden := calibrated(seen, measuring{old: old, least: c.Min, basis: basisOf(seen)})
	if err := c.write(table.Entries()); err != nil {
		return err
	}
	if err := showRates(w.stdout, table.Entries()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "measured weights are scaled by %.2f, as they proved on sources that they were not measured on; about %.0f %% of the attacks stand among the ham\n", scale, 100*hidden)
	return err
}

// rulePrefix begins the IDs of detection rules.
const rulePrefix = "rule."

// ruleMin is how many messages must show a rule before its rate counts: rules
// are rarer than other evidence, and their priors are rougher.
const ruleMin = 5

// write writes the tables that were asked for.
func (c calibrateCmd) write(all []evidence.Entry) error {
	isRule := func(e evidence.Entry) bool { return strings.HasPrefix(e.ID, rulePrefix) }
	main := all
	if c.Rules != "" {
		if err := writeWeights(c.Rules, slices.DeleteFunc(slices.Clone(all), func(e evidence.Entry) bool { return !isRule(e) || e.Prior })); err != nil {
			return err
		}
		main = slices.DeleteFunc(slices.Clone(all), isRule)
	}
	if c.Out == "" {
		return nil
	}
	return writeWeights(c.Out, main)
}

// writeWeights writes one table in place of the file.
func writeWeights(name string, entries []evidence.Entry) error {
	var b bytes.Buffer
	if _, err := evidence.NewTable(entries).WriteTo(&b); err != nil {
		return fmt.Errorf("writing the weights: %w", err)
	}
	return replaceFile(name, b.Bytes())
}

// The bases of measured weights: the corpora that the project develops on, and an
// operator's own mail.
const (
	basisDevelopment = "development corpora, sources balanced"
	basisOwn         = "own mail, sources balanced"
)

// measuring says how weights are measured.
type measuring struct {
	old   *evidence.Table // the table in force
	least int             // messages that must show a kind
	basis string          // what the observations are of
	// blind: nothing that the old table learnt of the same mail may be used, because
	// what is to be judged is among that mail.
	blind bool
}

// basisOf tells the development corpora from other mail by what only they have.
func basisOf(seen []observed) string {
	if slices.ContainsFunc(seen, func(o observed) bool { return o.sample.source == splitSource }) {
		return basisDevelopment
	}
	return basisOwn
}

// calibrated measures each kind of evidence on the observations, fits the
// weights to each other, and scales them to what they proved to be worth on
// messages that they were not measured on. What was seen too rarely, or must not
// be measured, keeps its weight of the old table.
func calibrated(seen []observed, m measuring) (table *evidence.Table, scale, hidden float64) {
	scale, hidden = confidence(seen, m)
	return evidence.Temper(fitted(seen, m), scale), scale, hidden
}

// fitted is calibrated without the scale.
func fitted(seen []observed, m measuring) *evidence.Table {
	measured := evidence.NewTable(entries(tally(seen), m))
	return evidence.Fit(measured, observations(seen), evidence.FitOptions{Prior: fitPrior, Pull: fitPull, Mislabelled: fitMislabelled, Ladders: ladders(measured)})
}

// confidence judges each part of the observations with weights fitted on the
// others and returns what evidence.Confidence says of that.
func confidence(seen []observed, m measuring) (scale, hidden float64) {
	m.blind = true
	part := innerParts(seen)
	names := map[string]bool{}
	for i := range seen {
		names[part(&seen[i])] = true
	}
	rows := observations(seen)
	var outcomes []evidence.Outcome
	for _, name := range sortedKeys(names) {
		table := fitted(others(seen, part, name), m)
		for i := range seen {
			if rows[i].Count == 0 || part(&seen[i]) != name {
				continue
			}
			o := evidence.Outcome{Attack: rows[i].Attack, Count: rows[i].Count}
			o.Fixed, o.Moving = table.Split(fitPrior, seen[i].items)
			outcomes = append(outcomes, o)
		}
	}
	return evidence.Confidence(outcomes)
}

// innerCount is the number of parts that confidence makes.
const innerCount = 4

// innerParts deals whole sources into parts, or campaigns where a label has too
// few sources to leave any for the measuring.
func innerParts(seen []observed) func(*observed) string {
	sources := map[string]map[string]bool{}
	for i := range seen {
		label := seen[i].sample.label
		if sources[label] == nil {
			sources[label] = map[string]bool{}
		}
		sources[label][partOf(&seen[i])] = true
	}
	number := map[string]int{}
	for _, label := range []string{"ham", "phish"} {
		if len(sources[label]) < 3 {
			return campaignPart
		}
		for i, name := range sortedKeys(sources[label]) {
			number[name] = i % innerCount
		}
	}
	return func(o *observed) string { return fmt.Sprint(number[partOf(o)]) }
}

// How the weights are fitted (evidence.FitOptions): the prior that the
// observations are weighted to, as the default policy's, and how strongly the
// fit is pulled to the separate rates.
const (
	fitPrior = -2
	fitPull  = 1
	// fitMislabelled: of the 6,819 messages called ham, about 33 are fraud or
	// phishing by their text.
	fitMislabelled = 0.005
)

// ladders are the kinds of evidence that come in grades, as "text.attack.low".
func ladders(t *evidence.Table) [][]string {
	grades := text.Grades()
	rungs := map[string][]string{}
	for _, e := range t.Entries() {
		dot := strings.LastIndexByte(e.ID, '.')
		if dot > 0 && slices.Contains(grades, e.ID[dot+1:]) {
			rungs[e.ID[:dot]] = append(rungs[e.ID[:dot]], e.ID)
		}
	}
	var out [][]string
	for _, stem := range sortedKeys(rungs) {
		ids := rungs[stem]
		slices.SortFunc(ids, func(a, b string) int {
			return slices.Index(grades, a[len(stem)+1:]) - slices.Index(grades, b[len(stem)+1:])
		})
		out = append(out, ids)
	}
	return out
}

// observations turns samples into rows for the fit: the sources of a label
// count as for the rates, phish and ham stand in the proportion of the prior.
// Bulk spam is neither and counts nothing.
func observations(seen []observed) []evidence.Observation {
	share := shares(seen)
	total := map[string]float64{}
	for i, o := range seen {
		total[o.sample.label] += share[i]
	}
	odds := math.Pow(10, -fitPrior) // ham for each phish
	rows := make([]evidence.Observation, len(seen))
	for i, o := range seen {
		row := evidence.Observation{Items: o.items, Attack: o.sample.label == "phish", Count: share[i]}
		switch o.sample.label {
		case "ham":
			row.Count *= odds * total["phish"] / total["ham"]
		case "phish":
		default:
			row.Count = 0
		}
		rows[i] = row
	}
	return rows
}

// shares is how much each sample counts in its label: less than 1 in a source
// that has more than all others together.
func shares(seen []observed) []float64 {
	n := map[string]map[string]int{}
	for _, o := range seen {
		if n[o.sample.label] == nil {
			n[o.sample.label] = map[string]int{}
		}
		n[o.sample.label][o.sample.source]++
	}
	out := make([]float64, len(seen))
	for i, o := range seen {
		of := n[o.sample.label]
		size := of[o.sample.source]
		limit := max(sum(of)-size, minBalanced)
		out[i] = min(1, float64(limit)/float64(size))
	}
	return out
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
		"form.hidden-text": hasHTML,
		"form.picture":     hasHTML,
		"form.bare-link":   hasHTML,
		"link.button":      hasButton,
		"link.picture":     hasPicture,
		"link.":            func(j judged) bool { return len(j.msg.Body.Links) > 0 },
		"file.":            func(j judged) bool { return len(j.msg.Attachments) > 0 },
	}
}

// hasButton tells whether the message has something to click whose words do not
// say where it leads.
func hasButton(j judged) bool {
	return slices.ContainsFunc(j.facts.Links, func(l mail.LinkFact) bool {
		return l.Kind == "anchor" && l.Source == "html" && l.Visible && strings.HasPrefix(l.URL, "http") && !strings.Contains(l.Text, ".")
	})
}

// hasPicture tells whether the message shows a picture that it does not bring.
func hasPicture(j judged) bool {
	return slices.ContainsFunc(j.facts.Links, func(l mail.LinkFact) bool { return l.Kind == "image" && strings.HasPrefix(l.URL, "http") })
}

func hasHTML(j judged) bool { return j.msg.Body.HTML != nil }

// chanceOf returns the condition that the evidence of an ID is measured under.
func chanceOf(id string) string {
	longest := ""
	for _, prefix := range sortedKeys(chances()) {
		if len(prefix) > len(longest) && strings.HasPrefix(id, prefix) {
			longest = prefix
		}
	}
	return longest
}

// tally counts the observations.
func tally(seen []observed) counts {
	c := counts{n: map[string]map[string]map[string]int{}, hits: map[string]map[string]map[string]int{}}
	for _, o := range seen {
		for _, chance := range o.chances {
			count(c.n, chance, o.sample)
		}
		once := map[string]bool{}
		for _, it := range o.items {
			if !it.Own() && !once[it.ID] {
				once[it.ID] = true
				count(c.hits, it.ID, o.sample)
			}
		}
	}
	return c
}

func count(m map[string]map[string]map[string]int, key string, s *sample) {
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
// the old table: priors, what was measured on other mail, and of the same mail
// only what cannot be seen today, such as rules that are not loaded.
func entries(k counts, m measuring) []evidence.Entry {
	out := map[string]evidence.Entry{}
	for _, e := range m.old.Entries() {
		e.Kept = !e.Prior
		if e.Prior || e.Basis != m.basis || len(k.hits[e.ID]) == 0 && !m.blind {
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
		need, isRule := m.least, strings.HasPrefix(id, rulePrefix)
		if isRule {
			need = min(m.least, ruleMin)
		}
		if sum(hits["phish"])+sum(hits["ham"]) < need {
			// A rule proposes its own prior, and a parent's holds for its children.
			if _, ok := m.old.Lookup(id); !ok && !isRule {
				out[id] = evidence.Entry{ID: id, Prior: true, Basis: "seen too rarely to measure and no prior set"}
			}
			continue
		}
		e := evidence.Measure(id, hp, np, hh, nh, m.basis)
		if exonerates(id) != (e.Weight < 0) {
			e.Weight = 0 // more frequent on the wrong side, by the make of the corpora
		}
		out[id] = e
	}
	var list []evidence.Entry
	for _, id := range sortedKeys(out) {
		list = append(list, out[id])
	}
	return list
}

// exonerates says whether a kind of evidence speaks against an attack. All other
// evidence accuses: that one collection of honest mail has much of it (forms in
// the newsletters of 2010) makes it no sign of honesty.
func exonerates(id string) bool {
	return id == auth.AuthorProven || id == claim.IDBacked || strings.HasPrefix(id, "text.benign")
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
		switch {
		case e.Prior:
			kind, phish, ham = "prior", "-", "-"
		case e.Kept:
			kind = "kept"
		}
		fmt.Fprintf(tw, "%+.2f\t%s\t%s\t%s\t%s\t\n", e.Weight, kind, phish, ham, e.ID)
	}
	return tw.Flush()
}
