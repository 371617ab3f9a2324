package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// caught is what a program catches where it catches the share fpr of ham, of
// messages from a year on.
type caught struct {
	phish, control float64
	spam           float64 // bulk spam at that threshold, which is neither
}

// catch finds the threshold and counts. Ties at the border are not caught.
func catch(mails []message, scores []float64, from int, fpr float64) caught {
	var ham []float64
	for i, m := range mails {
		if m.label == "ham" && m.year >= from {
			ham = append(ham, scores[i])
		}
	}
	slices.Sort(ham)
	slices.Reverse(ham)
	allowed := int(fpr * float64(len(ham)))
	hit, n := map[string]int{}, map[string]int{}
	for i, m := range mails {
		if m.year < from {
			continue
		}
		keys := []string{m.label}
		if strings.HasPrefix(m.source, "list-borne-") {
			keys = append(keys, "control")
		}
		for _, k := range keys {
			n[k]++
			if allowed >= len(ham) || scores[i] > ham[allowed] {
				hit[k]++
			}
		}
	}
	of := func(k string) float64 { return float64(hit[k]) / float64(max(1, n[k])) }
	return caught{phish: of("phish"), control: of("control"), spam: of("spam")}
}

// report writes the comparison.
func report(out io.Writer, mails []message, us, them result) error {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "ham\tshare caught\tprogram\tphish\tcontrol set\tbulk spam\t")
	for _, from := range []int{0, 2019} {
		name := "all"
		if from > 0 {
			name = fmt.Sprintf("since %d", from)
		}
		for _, fpr := range []float64{.01, .001, .0003} {
			for _, r := range []result{them, us} {
				c := catch(mails, r.scores, from, fpr)
				fmt.Fprintf(tw, "%s\t%g %%\t%s\t%.1f %%\t%.1f %%\t%.1f %%\t\n", name, 100*fpr, r.name, 100*c.phish, 100*c.control, 100*c.spam)
			}
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nprocessor time per message, child processes included: %s %.2f ms, %s %.2f ms; ratio %.2f\n",
		them.name, them.cpuMS, us.name, us.cpuMS, us.cpuMS/max(1e-9, them.cpuMS))
	return err
}
