package main

import (
	"fmt"

	"foregate/mail"
	"foregate/policy"
)

// splitSource is the source that spans years and is most of the phish: its
// newest year is a part of its own.
const splitSource = "phishing_pot"

// campaignParts is how many parts campaigns are dealt into.
const campaignParts = 5

// crossValidate judges each part with weights measured on all the others, so
// that no message is judged by what it or its like taught.
func (c evalCmd) crossValidate(conf config, p policy.Policy, seen []observed) ([]observed, error) {
	old, err := weights(conf)
	if err != nil {
		return nil, err
	}
	part := partOf
	if c.Parts == "campaign" {
		part = campaignPart
	}
	return outOfFold(seen, part, func(train []observed) policy.Policy {
		q := p
		q.Weights, _, _ = calibrated(train, measuring{old: old, least: calibrateMin, basis: basisOf(seen), blind: true})
		return q
	}), nil
}

// outOfFold scores every observation with a policy made from the other parts,
// less the campaigns that the part shares with them.
func outOfFold(seen []observed, part func(*observed) string, learn func(train []observed) policy.Policy) []observed {
	parts := map[string][]int{}
	for i := range seen {
		name := part(&seen[i])
		parts[name] = append(parts[name], i)
	}
	out := make([]observed, len(seen))
	for _, name := range sortedKeys(parts) {
		p := learn(others(seen, part, name))
		for _, i := range parts[name] {
			v := p.Decide(&mail.Message{}, &mail.Facts{Evidence: seen[i].items})
			out[i] = seen[i]
			out[i].odds, out[i].disposition = float64(v.LogOdds), v.Disposition
			out[i].weighed = p.Weights.Weigh(seen[i].items)
		}
	}
	return out
}

// others are the observations outside a part whose campaign has none inside.
func others(seen []observed, part func(*observed) string, name string) []observed {
	inside := map[int]bool{}
	for i := range seen {
		if part(&seen[i]) == name {
			inside[seen[i].campaign] = true
		}
	}
	var out []observed
	for i := range seen {
		if !inside[seen[i].campaign] {
			out = append(out, seen[i])
		}
	}
	return out
}

// partOf names the part of a sample: its source, and for the one that is most
// of the phish whether it is of the newest year.
func partOf(o *observed) string {
	s := o.sample
	part := s.label + "/" + s.source
	if s.source == splitSource {
		if s.year >= newestYear {
			return part + "/newest"
		}
		return part + "/earlier"
	}
	return part
}

// campaignPart deals campaigns into parts of about the same number.
func campaignPart(o *observed) string { return fmt.Sprint(o.campaign % campaignParts) }
