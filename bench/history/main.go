// Command history measures what the memory of senders is worth: how many
// impostors it catches and how often it wrongs an honest sender.
//
// It plays a generated organisation through the gate's stages in the order of
// time, learning after each verdict as the gate would: sixty correspondents
// whose manner of writing drifts as manners do, and forged, look-alike,
// taken-over and hijacked mail in their names, half of it with texts as theirs.
// Honest changes are tried on their own. With -corpus it also replays the
// list archives of the development corpus, which have no attacks on senders
// with a history, for false alarms on real mail.
//
//	go run ./bench/history
//	go run ./bench/history -corpus ../shared/data/mail/dev.tar.gz
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "history:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("history", flag.ContinueOnError)
	seed := fs.Uint64("seed", 1, "seed of the first generated organisation")
	seeds := fs.Int("seeds", 3, "how many organisations to play; the figures are of all together")
	corpus := fs.String("corpus", "", "labelled mail (.tar.gz) whose list archives are replayed too")
	missed := fs.Int("missed", 0, "show so many missed attacks of each kind and false alarms")
	learn := fs.Bool("learn", false, "let attacks that are not held teach: about 65 on each correspondent")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *corpus != "" {
		if _, err := os.Stat(*corpus); err != nil {
			return fmt.Errorf("looking for the corpus: %w", err)
		}
	}
	fmt.Fprintf(out, "%d generated organisations from seed %d on: %d correspondents, %d days, judged from day %d on\n", *seeds, *seed, personas, days, warmDays)
	all, err := play(*seed, *seeds, *learn, out)
	if err != nil {
		return err
	}
	kinds := slices.Concat(attackKinds(), changeKinds())
	if err := tally(all, opening().AddDate(0, 0, warmDays), kinds).print(out); err != nil {
		return err
	}
	show(out, all, slices.Concat([]string{honestKind}, kinds), *missed)
	if *corpus == "" {
		return nil
	}
	return replay(*corpus, out, *missed)
}

// play judges the mail of several organisations, each with a memory of its own.
func play(seed uint64, seeds int, learn bool, out io.Writer) ([]outcome, error) {
	var all []outcome
	var spent time.Duration
	for i := range seeds {
		b, err := newBench([]string{ourDomain})
		if err != nil {
			return nil, err
		}
		b.learnAttacks = learn
		of, err := b.judgeAll(newWorld(seed + uint64(i)).build())
		if err != nil {
			return nil, err
		}
		all, spent = append(all, of...), spent+b.spent
	}
	_, err := fmt.Fprintf(out, "time in the sender stage: %.3f ms a message\n", spent.Seconds()*1000/float64(max(1, len(all))))
	return all, err
}

// show prints honest messages with the highest odds and attacks with the lowest.
func show(out io.Writer, all []outcome, kinds []string, n int) {
	if n == 0 {
		return
	}
	for _, k := range kinds {
		var of []outcome
		for _, o := range all {
			if o.kind == k {
				of = append(of, o)
			}
		}
		slices.SortFunc(of, func(a, b outcome) int { return cmp.Compare(a.alone, b.alone) })
		if k == honestKind || slices.Contains(changeKinds(), k) {
			slices.Reverse(of)
		}
		for _, o := range of[:min(n, len(of))] {
			fmt.Fprintf(out, "\n%q alone %.2f all %.2f drift %v first %v %v\n  %s\n", k, o.alone, o.odds, o.drift, o.first, o.ids, o.why)
		}
	}
}
