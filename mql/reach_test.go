package mql

import (
	"strings"
	"testing"
)

func TestCanFire(t *testing.T) {
	env := NewEnv()
	for src, want := range map[string]bool{
		"type.inbound": true,
		"type.inbound and profile.by_sender().solicited":                                            false,
		"type.inbound or profile.by_sender().solicited":                                             true,
		"not profile.by_sender().solicited":                                                         false,
		"2 of (true, type.inbound, profile.by_sender().solicited)":                                  true,
		"2 of (false, type.inbound, profile.by_sender().solicited)":                                 false,
		"not 2 of (type.inbound, profile.by_sender().solicited)":                                    true,
		"any(attachments, any(file.explode(.), .depth == 0))":                                       false,
		"all(attachments, any(file.explode(.), .depth == 0))":                                       true, // without attachments
		"not any(attachments, any(file.explode(.), .depth == 0))":                                   true,
		"not any(file.explode(attachments[0]), .depth == 0)":                                        false,
		"length(filter(attachments, any(file.explode(.), .depth == 0))) == 0":                       true,
		"length(ml.link_analysis(body.links[0]).redirect_history) == 0":                             false,
		"ml.link_analysis(body.links[0]) is null":                                                   false,
		"sender.email.email in $nobody":                                                             false,
		"sender.email.email not in $here":                                                           true,
		"coalesce(profile.by_sender().solicited, false)":                                            false,
		"any(filter(attachments, .size > 1), .scan.ocr.raw == 'x')":                                 false,
		"(type.inbound and true) == true":                                                           true,
		"(profile.by_sender().solicited or true) == true":                                           true,
		"ml.nlu_classifier(body.current_thread.text, subject=$nobody).language == 'x'":              false,
		"triage.user_reports.count > 1":                                                             false,
		"any(beta.ml_extract_sensitive_information(subject.subject).elements, .type == 'us_icd10')": false,
		"type.inbound and": false,
	} {
		if got := env.Reach(src).CanFire(func(name string) bool { return name == "$here" }); got != want {
			t.Errorf("%s: %t, want %t", src, got, want)
		}
	}
}

// TestFeedReach counts the detection rules that can still come out true, stage by
// stage, and compares with the design's count.
func TestFeedReach(t *testing.T) {
	env := NewEnv()
	rules := feedRules(t)
	have := map[string]bool{}
	var got []int
	for _, s := range Stages() {
		for _, n := range s.Capabilities {
			have[n] = true
		}
		has := func(name string) bool {
			if list, ok := strings.CutPrefix(name, "$"); ok {
				c := ListCapability(list)
				return c == "" || have[c]
			}
			return have[env.Capability(name)]
		}
		count := 0
		for _, r := range rules {
			if r.Kind == Detection && !strings.HasPrefix(r.File, "tutorial") && env.Reach(r.Source).CanFire(has) {
				count++
			}
		}
		got = append(got, count)
	}
	t.Log(got)
	for i, want := range []int{470, 632, 808, 837, 1034, 1105, 1154, 1179} {
		if d := got[i] - want; d < -5 || d > 5 {
			t.Errorf("%s: %d rules can fire, the design counts %d", Stages()[i].Name, got[i], want)
		}
	}
}
