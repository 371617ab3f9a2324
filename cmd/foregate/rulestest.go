package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"foregate/mql"
	rulesample "foregate/rules/sample"
)

type rulesTestCmd struct {
	Dirs []string `arg:"" optional:"" name:"dirs" help:"Folders with rules and a testdata folder; without any, those of the configuration."`
	Run_ string   `name:"run" placeholder:"TEXT" help:"Only rules whose file name contains this."`
	JSON bool     `help:"One JSON object per message and line."`
}

// Help is the long help text.
func (rulesTestCmd) Help() string {
	return `A rule NAME.yml must fire on each testdata/NAME/hit-*.eml and on no
testdata/NAME/miss-*.eml, and needs at least one of both. A message may begin with
fields X-Test-Envelope that state what the connection told:

  X-Test-Envelope: client_ip=203.0.113.9; mail_from=a@b.example; dmarc=fail

The DNS is not asked. Without an organisation in the configuration the messages
are for the ministry of the built-in samples: ministry.example with its minister
Helen Ashcroft and its partner thinktank.example. Exit status 1 when a rule fails.

Example:
  foregate rules test rules`
}

// testedSample is one line of --json.
type testedSample struct {
	Rule    string `json:"rule"` // the rule's file
	Message string `json:"message,omitempty"`
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

// Run tests.
func (c rulesTestCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	dirs := c.Dirs
	if len(dirs) == 0 {
		dirs = conf.Rules.Dirs
	}
	if len(dirs) == 0 {
		return errors.New("name a folder with rules: the configuration has none")
	}
	if len(conf.Organisation.Domains) == 0 {
		conf.Organisation = sampleOrg()
	}
	var all []testedSample
	for _, dir := range dirs {
		tested, err := c.testDir(w, conf, dir)
		if err != nil {
			return err
		}
		all = append(all, tested...)
	}
	return c.report(w, all)
}

// sampleOrg is the organisation that the built-in samples are addressed to.
func sampleOrg() orgConfig {
	o := rulesample.Org()
	c := orgConfig{Domains: o.Domains, DisplayNames: o.DisplayNames, Partners: o.Partners}
	for _, p := range o.VIPs {
		c.VIPs = append(c.VIPs, vipConfig{DisplayName: p.FirstName + " " + p.LastName, Emails: []string{p.Email}})
	}
	return c
}

// testDir tests the rules of one folder and those below it.
func (c rulesTestCmd) testDir(w *world, conf config, dir string) ([]testedSample, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, errors.Join(err, fmt.Errorf("testing rules: %s is no folder", dir))
	}
	files, err := ruleFiles(dir)
	if err != nil {
		return nil, err
	}
	base, err := newProbe(conf, nil, w.stderr)
	if err != nil {
		return nil, err
	}
	var out []testedSample
	for _, f := range files {
		if strings.Contains(f.name, "/testdata/") || !strings.Contains(filepath.Base(f.name), c.Run_) {
			continue
		}
		r, err := f.rule()
		if err == nil && r == nil {
			continue
		}
		var set *mql.RuleSet
		if err == nil {
			set, err = compileAll(r)
		}
		if err != nil {
			out = append(out, testedSample{Rule: f.name, Problem: err.Error()})
			continue
		}
		p := *base
		p.set = set
		tested, err := c.testRule(w, &p, f.name)
		if err != nil {
			return nil, err
		}
		out = append(out, tested...)
	}
	return out, nil
}

// testRule runs one rule over its samples.
func (c rulesTestCmd) testRule(w *world, p *probe, file string) ([]testedSample, error) {
	base := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	dir := filepath.Join(filepath.Dir(file), "testdata", base)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("testing rules: %w", err)
	}
	var out []testedSample
	count := map[string]int{}
	for _, e := range entries {
		kind, _, ok := strings.Cut(e.Name(), "-")
		if !ok || kind != "hit" && kind != "miss" || filepath.Ext(e.Name()) != ".eml" {
			continue
		}
		count[kind]++
		t := testedSample{Rule: file, Message: filepath.Join(dir, e.Name())}
		t.Problem = testSample(w, p, t.Message, kind == "hit")
		t.OK = t.Problem == ""
		out = append(out, t)
	}
	for _, kind := range []string{"hit", "miss"} {
		if count[kind] == 0 {
			out = append(out, testedSample{Rule: file, Problem: fmt.Sprintf("has no %s: a rule needs messages that it hits and messages that it must not", filepath.Join(dir, kind+"-*.eml"))})
		}
	}
	return out, nil
}

// testSample returns what is wrong with the rule's answer to one message.
func testSample(w *world, p *probe, file string, hit bool) string {
	for in := range inputs([]string{file}, nil) {
		if in.err != nil {
			return in.err.Error()
		}
		env, raw, err := rulesample.Read(in.raw)
		if err != nil {
			return err.Error()
		}
		s := p.look(w.ctx, found{name: file, env: env, raw: raw})
		if s.err != nil {
			return s.err.Error()
		}
		state := mql.False
		var missing []string
		for _, o := range s.result.Outcomes {
			state, missing = o.State, o.Missing
		}
		switch {
		case state == mql.Indeterminate:
			return "not decided for want of " + strings.Join(missing, ", ")
		case hit && state != mql.True:
			return "does not fire"
		case !hit && state == mql.True:
			return "fires"
		}
	}
	return ""
}

func (c rulesTestCmd) report(w *world, all []testedSample) error {
	if len(all) == 0 {
		return errors.New("no rules were found to test")
	}
	rules, failed, messages := map[string]bool{}, map[string]bool{}, 0
	for _, t := range all {
		rules[t.Rule] = true
		if t.Message != "" {
			messages++
		}
		if !t.OK {
			failed[t.Rule] = true
		}
	}
	if c.JSON {
		if err := encodeLines(w.stdout, all); err != nil {
			return err
		}
	} else {
		for _, t := range slices.DeleteFunc(slices.Clone(all), func(t testedSample) bool { return t.OK }) {
			file := orWord(t.Message, t.Rule) + ": "
			if strings.HasPrefix(t.Problem, strings.TrimSuffix(file, " ")) { // an error with its place
				file = ""
			}
			fmt.Fprintf(w.stdout, "%s%s\n", file, printableLines(t.Problem))
		}
		fmt.Fprintf(w.stdout, "%d rules, %d messages, %d rules fail\n", len(rules), messages, len(failed))
	}
	if len(failed) > 0 {
		return errFound
	}
	return nil
}
