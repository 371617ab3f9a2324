package main

import (
	"encoding/json"
	"fmt"

	"foregate/mail"
	"foregate/policy"
	"foregate/scan"
)

// crossValidate judges each fold with weights measured on all the others, so
// that no message is judged by what it taught.
func (c evalCmd) crossValidate(w *world, conf config, engine *scan.Engine, samples []sample) error {
	old, err := weights(conf)
	if err != nil {
		return err
	}
	p, err := newPolicy(conf)
	if err != nil {
		return err
	}
	before := processCPU()
	seen, err := observe(w, engine, samples)
	if err != nil {
		return err
	}
	mean := float64((processCPU() - before).Nanoseconds()) / 1e6 / float64(max(1, len(samples)))
	report := evaluate(outOfFold(seen, func(train []observed) policy.Policy {
		q := p
		q.Weights = calibrated(train, old, calibrateMin)
		return q
	}))
	report.CPUms.Mean = mean
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(report)
	}
	if _, err := fmt.Fprintln(w.stdout, "each source judged with weights measured on the others"); err != nil {
		return err
	}
	return report.print(w.stdout)
}

// outOfFold scores every observation with a policy made from the other folds.
func outOfFold(seen []observed, learn func(train []observed) policy.Policy) []scored {
	folds := map[string][]int{}
	for i, o := range seen {
		folds[foldOf(o.sample)] = append(folds[foldOf(o.sample)], i)
	}
	out := make([]scored, len(seen))
	for _, name := range sortedKeys(folds) {
		var train []observed
		for _, o := range seen {
			if foldOf(o.sample) != name {
				train = append(train, o)
			}
		}
		p := learn(train)
		for _, i := range folds[name] {
			v := p.Decide(&mail.Message{}, &mail.Facts{Evidence: seen[i].items})
			out[i] = scored{seen[i].sample, float64(v.LogOdds), v.Disposition, seen[i].cpuMS}
		}
	}
	return out
}

// foldOf names the fold of a sample: its source, and for the one that is most
// of the phish whether it is of the newest year.
func foldOf(s *sample) string {
	fold := s.label + "/" + s.source
	if s.source == "phishing_pot" {
		if s.year >= 2026 {
			return fold + "/2026"
		}
		return fold + "/earlier"
	}
	return fold
}
