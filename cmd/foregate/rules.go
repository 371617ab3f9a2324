package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"foregate/mql"
)

type rulesCmd struct {
	Check     rulesCheckCmd     `cmd:"" help:"Check rule files: errors with their place, and what runs with the capabilities at hand."`
	Test      rulesTestCmd      `cmd:"" help:"Run each rule on its own test messages."`
	List      rulesListCmd      `cmd:"" help:"List the rules in force, or those of a folder."`
	Show      rulesShowCmd      `cmd:"" help:"Show one rule: what it says, what it asks for, its source."`
	Fmt       rulesFmtCmd       `cmd:"" help:"Bring the sources of rule files into the canonical layout."`
	Functions rulesFunctionsCmd `cmd:"" help:"List the functions of the rule language."`
	Bench     rulesBenchCmd     `cmd:"" help:"Measure what each rule costs, dearest first."`
	Measure   rulesMeasureCmd   `cmd:"" help:"Count the hits of every rule on a labelled corpus."`
	Backtest  rulesBacktestCmd  `cmd:"" help:"What a rule would have hit, and how that differs from another version."`
}

// ruleSource is a rule with the place it came from, before compiling.
type ruleSource struct {
	*mql.Rule
	Builtin bool
}

// configuredRules reads the rules of the configuration, built-in ones first.
func configuredRules(c config) (rules []ruleSource, faults []error, err error) {
	if c.Rules.Builtin {
		files, err := builtinRuleFiles()
		if err != nil {
			return nil, nil, err
		}
		read, errs := parseRules(files)
		faults = append(faults, errs...)
		for _, r := range read {
			rules = append(rules, ruleSource{r, true})
		}
	}
	for _, dir := range c.Rules.Dirs {
		files, err := ruleFiles(dir)
		if err != nil {
			return nil, nil, err
		}
		read, errs := parseRules(files)
		faults = append(faults, errs...)
		for _, r := range read {
			rules = append(rules, ruleSource{r, false})
		}
	}
	return rules, faults, nil
}

// rulesAt reads the rules of a folder, archive or file, or those of the
// configuration when path is empty.
func rulesAt(c config, path string) ([]ruleSource, []error, error) {
	if path == "" {
		return configuredRules(c)
	}
	files, err := ruleFiles(path)
	if err != nil {
		return nil, nil, err
	}
	read, errs := parseRules(files)
	var out []ruleSource
	for _, r := range read {
		out = append(out, ruleSource{Rule: r})
	}
	return out, errs, nil
}

// findRule finds one rule: a file by its path, else a rule of the configuration
// by ID or name.
func findRule(c config, word string) (*mql.Rule, error) {
	if info, err := os.Stat(word); err == nil && info.Mode().IsRegular() {
		files, err := ruleFiles(word)
		if err != nil {
			return nil, err
		}
		r, err := files[0].rule()
		if err == nil && r == nil {
			err = fmt.Errorf("%s holds no rule (no source)", word)
		}
		return r, err
	}
	rules, _, err := configuredRules(c)
	if err != nil {
		return nil, err
	}
	var found []*mql.Rule
	var ids []string
	for _, r := range rules {
		if r.ID == word || strings.EqualFold(r.Name, word) || strings.TrimSuffix(filepath.Base(r.File), filepath.Ext(r.File)) == word {
			found = append(found, r.Rule)
			ids = append(ids, r.ID)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no rule in force has the ID or name %q, and it is no file%s", word, nearRules(rules, word))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%d rules are called %q; name one by its ID: %s", len(found), word, strings.Join(ids, ", "))
}

// maxNear bounds the rules that a mistyped name is held to mean.
const maxNear = 3

// nearRules says which rules word may mean: those whose name holds it, else the
// one that is spelled nearest.
func nearRules(rules []ruleSource, word string) string {
	var near, names []string
	for _, r := range rules {
		names = append(names, r.Name)
		if len(near) < maxNear && word != "" && strings.Contains(strings.ToLower(r.Name+" "+r.File), strings.ToLower(word)) {
			near = append(near, fmt.Sprintf("%q", r.Name))
		}
	}
	if len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	if hint := mql.Nearest(word, names); hint != "" {
		return "; " + hint
	}
	return ""
}

type rulesListCmd struct {
	Dir  string `arg:"" optional:"" help:"A folder, .tar.gz or file; without it the rules of the configuration."`
	JSON bool   `help:"One JSON object per rule and line."`
	Kind string `enum:"detection,insight,dlp,discovery,automation,exclusion," default:"" placeholder:"KIND" help:"Only rules of this kind: detection, insight, dlp, discovery, automation, exclusion."`
}

// Help is the long help text.
func (rulesListCmd) Help() string {
	return `Lists the rules with their kind, severity, ID and what they would need that this
gate does not have. Files that are refused are named on standard error.

Example:
  foregate rules list --json | jq 'select(.kind == "detection") | .name'`
}

// listedRule is one line of --json.
type listedRule struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Kind        mql.Kind `json:"kind"`
	Severity    string   `json:"severity,omitempty"`
	AttackTypes []string `json:"attack_types,omitempty"`
	File        string   `json:"file"`
	Builtin     bool     `json:"builtin"`
	Missing     []string `json:"missing"` // capabilities and lists that are not there
}

// Run lists.
func (c rulesListCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	rules, faults, err := rulesAt(conf, c.Dir)
	if err != nil {
		return err
	}
	for _, f := range faults {
		fmt.Fprintf(w.stderr, "foregate: %v\n", f)
	}
	lists, err := ruleLists(conf, w.stderr)
	if err != nil {
		return err
	}
	var listed []listedRule
	var plain []*mql.Rule
	builtin := map[*mql.Rule]bool{}
	for _, r := range rules {
		plain = append(plain, r.Rule)
		builtin[r.Rule] = r.Builtin
	}
	env := mql.NewEnv()
	set, errs := env.CompileRules(plain)
	for _, e := range errs {
		fmt.Fprintf(w.stderr, "foregate: %v\n", e)
	}
	needs := newNeeds(env, gateCapabilities(conf), gateLists(conf, lists))
	for i, r := range set.Rules {
		if c.Kind != "" && string(r.Kind) != c.Kind {
			continue
		}
		caps, absent := needs.missing(set, i)
		listed = append(listed, listedRule{ID: r.ID, Name: r.Name, Kind: r.Kind, Severity: r.Severity, AttackTypes: r.AttackTypes,
			File: r.File, Builtin: builtin[r], Missing: orEmpty(slices.Concat(caps, absent))})
	}
	if c.JSON {
		return encodeLines(w.stdout, listed)
	}
	return listRules(w.stdout, listed)
}

func encodeLines[T any](out io.Writer, lines []T) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

func listRules(out io.Writer, listed []listedRule) error {
	if len(listed) == 0 {
		_, err := fmt.Fprintln(out, "there are no rules")
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "KIND\tSEVERITY\tID\tNAME\tLACKS")
	for _, r := range listed {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.Kind, printable(r.Severity), printable(r.ID), printable(r.Name), strings.Join(r.Missing, ", "))
	}
	return tw.Flush()
}

type rulesShowCmd struct {
	Rule string `arg:"" help:"A rule's ID, name or file."`
}

// Run shows.
func (c rulesShowCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	r, err := findRule(conf, c.Rule)
	if err != nil {
		return err
	}
	lists, err := ruleLists(conf, w.stderr)
	if err != nil {
		return err
	}
	env := mql.NewEnv()
	set, errs := env.CompileRules([]*mql.Rule{r})
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s, severity %s, id %s\n  file %s:%d\n", printable(r.Name), r.Kind, orWord(printable(r.Severity), "none"), orWord(printable(r.ID), "none"), r.File, r.Line)
	for _, l := range []struct {
		what  string
		words []string
	}{{"attack types", r.AttackTypes}, {"techniques", r.Tactics}, {"tags", r.Tags}, {"references", r.References}} {
		if len(l.words) > 0 {
			fmt.Fprintf(&b, "  %s: %s\n", l.what, printable(strings.Join(l.words, ", ")))
		}
	}
	for _, text := range []string{r.Claim, r.Description} {
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			if line != "" {
				fmt.Fprintf(&b, "  | %s\n", printable(line))
			}
		}
	}
	if len(errs) == 0 {
		funcs, names := set.Needs(0)
		caps, absent := newNeeds(env, gateCapabilities(conf), gateLists(conf, lists)).missing(set, 0)
		fmt.Fprintf(&b, "  asks: %s\n  lacks: %s\n", orWord(strings.Join(slices.Concat(funcs, dollars(names)), ", "), "nothing but the message"),
			orWord(strings.Join(slices.Concat(caps, absent), ", "), "nothing"))
	}
	b.WriteString("\n" + printableLines(r.Source) + "\n")
	if _, err := io.WriteString(w.stdout, b.String()); err != nil || len(errs) == 0 {
		return err
	}
	for _, e := range errs {
		fmt.Fprintf(w.stdout, "\n%v\n", e)
	}
	return errFound
}

// orWord returns s, or word when s is empty.
func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

func dollars(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, "$"+n)
	}
	return out
}

// printableLines is printable for a text of several lines.
func printableLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = printable(strings.ReplaceAll(strings.TrimSuffix(l, "\r"), "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
