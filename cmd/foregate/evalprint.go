package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// print writes the report for people.
func (r evalReport) print(out io.Writer) error {
	if r.CV != "" {
		fmt.Fprintf(out, "each %s judged with weights measured on the others, no campaign on both sides\n", r.CV)
	}
	r.printSources(out)
	r.printCaught(out)
	r.printAblation(out)
	r.Reliability.print(out)
	_, err := fmt.Fprintf(out, "\nprocessor time per message: mean %.3f ms (whole process), p50 %.3f, p95 %.3f, p99 %.3f ms (judging thread)\n",
		r.CPUms.Mean, r.CPUms.P50, r.CPUms.P95, r.CPUms.P99)
	return err
}

// columns is a table with its numbers to the right.
func columns(out io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
}

func (r evalReport) printSources(out io.Writer) {
	tw := columns(out)
	fmt.Fprintln(tw, "label\tsource\tmessages\theld\t\tflagged\t\tBrier at even odds\t")
	for _, s := range r.Sources {
		brier := "-"
		if s.Label != "spam" {
			brier = fmt.Sprintf("%.4f", s.Brier)
		}
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\t%d\t%s\t%s\t\n", s.Label, s.Source, s.N, s.Held, rate(s.Held, s.N), s.Flagged, rate(s.Flagged, s.N), brier)
	}
	tw.Flush()
	var words []string
	for _, label := range sortedKeys(r.Campaigns) {
		words = append(words, fmt.Sprintf("%s %d", label, r.Campaigns[label]))
	}
	fmt.Fprintf(out, "campaigns (messages of nearly the same text): %s\n", strings.Join(words, ", "))
}

// printCaught writes what is caught at shares of ham, spam apart.
func (r evalReport) printCaught(out io.Writer) {
	fmt.Fprintln(out, "\nphish caught where so much ham is caught (95 % ranges by campaign):")
	names := func(of func(evalPoint) map[string]float64) []string {
		var all []string
		for _, p := range r.ROC {
			for s := range of(p) {
				if !slices.Contains(all, s) {
					all = append(all, s)
				}
			}
		}
		slices.Sort(all)
		return all
	}
	sources := names(func(p evalPoint) map[string]float64 { return p.BySource })
	spam := names(func(p evalPoint) map[string]float64 { return p.Spam })
	// A column for messages that the corpus has none of would say that none is caught.
	hasControl := slices.ContainsFunc(sources, func(s string) bool { return strings.HasPrefix(s, controlPrefix) })
	hasYears := slices.Contains(sources, splitSource)
	head := []string{"ham", "budget", "log odds", "all phish", ""}
	if hasControl {
		head = append(head, "control set", "")
	}
	head = append(head, sources...)
	if hasYears {
		head = append(head, fmt.Sprintf("%s to %d", splitSource, newestYear-1), fmt.Sprintf("from %d", newestYear))
	}
	for _, s := range spam {
		head = append(head, "spam "+s)
	}
	tw := columns(out)
	fmt.Fprintln(tw, strings.Join(head, "\t")+"\t")
	for _, p := range r.ROC {
		row := []string{p.Ham, fmt.Sprintf("%g %%", 100*p.FPR), fmt.Sprintf("%.2f", p.Threshold), hundred(p.TPR), spread(p.TPRRange)}
		if hasControl {
			row = append(row, hundred(p.ControlTPR), spread(p.ControlRange))
		}
		for _, s := range sources {
			row = append(row, orDash(p.BySource, s))
		}
		if hasYears {
			row = append(row, hundred(p.Earlier), hundred(p.Newest))
		}
		for _, s := range spam {
			row = append(row, orDash(p.Spam, s))
		}
		fmt.Fprintln(tw, strings.Join(row, "\t")+"\t")
	}
	tw.Flush()
}

func hundred(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func spread(r [2]float64) string { return fmt.Sprintf("(%.0f-%.0f)", 100*r[0], 100*r[1]) }

func orDash(of map[string]float64, key string) string {
	if v, ok := of[key]; ok {
		return hundred(v)
	}
	return "-"
}

func (r evalReport) printAblation(out io.Writer) {
	fmt.Fprintln(out, "\nfamilies of evidence, phish caught at shares of ham since 2019 (of the control set):")
	tw := columns(out)
	refitted := slices.ContainsFunc(r.Ablation, func(a evalAblation) bool { return a.Refitted != nil })
	fmt.Fprint(tw, "family\titems\t")
	for _, b := range ablationBudgets() {
		fmt.Fprintf(tw, "without, %g %%\t\t", 100*b)
		if refitted {
			fmt.Fprintf(tw, "refitted, %g %%\t\t", 100*b)
		}
		fmt.Fprintf(tw, "alone, %g %%\t\t", 100*b)
	}
	fmt.Fprintln(tw)
	for _, a := range r.Ablation {
		name := a.Family
		if name == "" {
			name = "all together"
		}
		fmt.Fprintf(tw, "%s\t%d\t", name, a.Items)
		for i := range ablationBudgets() {
			printPoint(tw, a.Without, i)
			if refitted {
				printPoint(tw, a.Refitted, i)
			}
			printPoint(tw, a.Alone, i)
		}
		fmt.Fprintln(tw)
	}
	tw.Flush()
}

// printPoint writes one point of a family, or nothing where there is none.
func printPoint(out io.Writer, points []ablated, i int) {
	if i >= len(points) {
		fmt.Fprint(out, "\t\t")
		return
	}
	fmt.Fprintf(out, "%s\t(%.0f)\t", hundred(points[i].TPR), 100*points[i].ControlTPR)
}

// print writes the reliability diagram and the Brier scores.
func (r evalReliability) print(out io.Writer) {
	fmt.Fprintf(out, "\nprobabilities against what was so, weighted to a prior of %s (the corpus has %s phish; no source more than the others of its label):\n",
		hundred(probability(r.Prior)), hundred(r.CorpusShare))
	tw := columns(out)
	fmt.Fprintln(tw, "log odds\tphish\tham\tsaid\tobserved\t95 % range\t")
	for _, b := range r.Bins {
		name := fmt.Sprintf("%g to %g", b.From, b.To)
		switch {
		case b.From == -farOdds:
			name = fmt.Sprintf("below %g", b.To)
		case b.To == farOdds:
			name = fmt.Sprintf("from %g", b.From)
		}
		if b.Phish+b.Ham == 0 {
			fmt.Fprintf(tw, "%s\t0\t0\t-\t-\t-\t\n", name)
			continue
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%.4f\t%.4f\t%.4f-%.4f\t\n", name, b.Phish, b.Ham, b.Said, b.Observed, b.Range[0], b.Range[1])
	}
	tw.Flush()
	fmt.Fprintf(out, "best line through the odds: %.2f × odds %+.2f (1 and 0 are right; below 1 is over-confident)\n", r.Slope, r.Shift)
	fmt.Fprintf(out, "allowing for attacks that nobody noticed among the ham: the sum of evidence is right times %.2f, with %.0f %% of the attacks among it\n", r.Scale, 100*r.Hidden)
	fmt.Fprintf(out, "Brier score: %.4f at the corpus' share (always saying that share: %.4f), %.4f balanced by source at even odds (0.2500), %.5f at the prior (%.5f)\n",
		r.Brier.Overall, r.Brier.OverallReference, r.Brier.Balanced, r.Brier.AtPrior, r.Brier.AtPriorReference)
}
