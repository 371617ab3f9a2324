package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"foregate/mql"
	"foregate/scan/sender"
)

type rulesCheckCmd struct {
	Dir  string `arg:"" help:"A folder with rules in it or below, a .tar.gz of one, or one file."`
	JSON bool   `help:"Print one JSON object."`
}

// Help is the long help text.
func (rulesCheckCmd) Help() string {
	return `Reads every .yml and .yaml file and says how many have a source, how many sources
parse, how many are typed rightly, and how many need nothing that this gate
lacks. Of the others those that can fire have a way to come out true without what is
absent. The table shows what each further capability would add. Exit status 1 when
anything is refused.

Example:
  foregate rules check /etc/foregate/rules`
}

// checkReport is the object of --json.
type checkReport struct {
	Files        int            `json:"files"`         // YAML files
	Sources      int            `json:"sources"`       // of them with a source
	Parsed       int            `json:"parsed"`        // sources without a syntax error
	Typed        int            `json:"typed"`         // sources without any error
	Runnable     int            `json:"runnable"`      // that need no absent capability
	CanFire      int            `json:"can_fire"`      // that can come out true without what is absent
	Kinds        map[string]int `json:"kinds"`         // typed, by kind
	Missing      map[string]int `json:"missing"`       // absent capability → rules that may ask for it
	MissingLists map[string]int `json:"missing_lists"` // absent list → rules that name it
	Stages       []checkStage   `json:"stages"`
	Errors       []checkError   `json:"errors"`
}

// checkStage is how many rules have every capability they may ask for when
// those of this line and the lines before are there, and how many can come out
// true all the same.
type checkStage struct {
	With             string `json:"with"`
	Detection        int    `json:"detection"`
	All              int    `json:"all"`
	CanFireDetection int    `json:"can_fire_detection"`
	CanFire          int    `json:"can_fire"`
}

type checkError struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 1-based; 0 when unknown
	Col     int    `json:"col"`
	Message string `json:"message"`
	shown   string
}

// Run checks.
func (c rulesCheckCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	lists, err := ruleLists(conf, w.stderr)
	if err != nil {
		return err
	}
	files, err := ruleFiles(c.Dir)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("checking rules: %s holds no .yml or .yaml file", c.Dir)
	}
	rep := checkRules(files, gateCapabilities(conf), gateLists(conf, lists))
	if c.JSON {
		enc := json.NewEncoder(w.stdout)
		enc.SetEscapeHTML(false)
		err = enc.Encode(rep)
	} else {
		err = rep.print(w.stdout, knownLists(lists))
	}
	if err == nil && len(rep.Errors) > 0 {
		return errFound
	}
	return err
}

// checkRules checks files against the capabilities and lists at hand.
func checkRules(files []ruleFile, caps mql.Capabilities, lists *mql.Lists) checkReport {
	rep := checkReport{Files: len(files), Kinds: map[string]int{}, Missing: map[string]int{}, MissingLists: map[string]int{}, Errors: []checkError{}}
	var rules []*mql.Rule
	for _, f := range files {
		r, err := f.rule()
		if err != nil {
			rep.Errors = append(rep.Errors, asCheckError(f.name, err))
		}
		if r == nil {
			continue
		}
		rep.Sources++
		if _, diags := mql.Format(r.Source); len(diags) == 0 {
			rep.Parsed++
		}
		rules = append(rules, r)
	}
	env := mql.NewEnv()
	set, errs := env.CompileRules(rules)
	for _, err := range errs {
		rep.Errors = append(rep.Errors, asCheckError("", err))
	}
	rep.Typed = len(set.Rules)
	needs := newNeeds(env, caps, lists)
	var reaches []mql.Reach
	for i, r := range set.Rules {
		rep.Kinds[string(r.Kind)]++
		absent, absentLists := needs.missing(set, i)
		if len(absent) == 0 {
			rep.Runnable++
		}
		for _, name := range absent {
			rep.Missing[name]++
		}
		for _, name := range absentLists {
			rep.MissingLists[name]++
		}
		reach := env.Reach(r.Source)
		reaches = append(reaches, reach)
		if reach.CanFire(needs.hasAny) {
			rep.CanFire++
		}
	}
	rep.Stages = stagesOf(env, set, reaches)
	return rep
}

// placed is the beginning of an error: file:line:col: or file:line: or file:.
var placed = regexp.MustCompile(`^(.+?\.ya?ml):(?:(\d+):)?(?:(\d+):)? ?(?s:(.*))$`)

// inYAML is the beginning of an error of the YAML around a source.
var inYAML = regexp.MustCompile(`^line (\d+): (?s:(.*))$`)

// asCheckError takes an error apart into its place and message.
func asCheckError(file string, err error) checkError {
	var d mql.Diagnostic
	if errors.As(err, &d) {
		msg := d.Msg
		if d.Hint != "" {
			msg += "; " + d.Hint
		}
		return checkError{File: d.File, Line: d.Line, Col: d.Col, Message: msg, shown: d.Error()}
	}
	e := checkError{File: file, Message: err.Error(), shown: err.Error()}
	if m := placed.FindStringSubmatch(err.Error()); m != nil {
		e.File, e.Message = m[1], m[4]
		e.Line, _ = strconv.Atoi(m[2])
		e.Col, _ = strconv.Atoi(m[3])
	}
	if m := inYAML.FindStringSubmatch(e.Message); m != nil && e.Line == 0 {
		e.Line, _ = strconv.Atoi(m[1])
		e.Message = m[2]
	}
	return e
}

// knownLists are the names of lists that a rule can mean, with their $.
func knownLists(lists *mql.Lists) []string {
	names := append(lists.Names(), "org_domains", "org_slds", "org_display_names", "org_vips", "tenant_domains",
		"sender_emails", "sender_domains", "recipient_emails", "recipient_domains")
	return dollars(names)
}

// print shows the report; lists are the names that a misspelt list may mean.
func (rep checkReport) print(out io.Writer, lists []string) error {
	for _, e := range rep.Errors {
		fmt.Fprintln(out, printableLines(e.shown))
	}
	if len(rep.Errors) > 0 {
		fmt.Fprintln(out)
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "files\tsources\tparsed\ttyped\trunnable\tcan fire\trefused\t\n%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", rep.Files, rep.Sources, rep.Parsed, rep.Typed, rep.Runnable, rep.CanFire, len(rep.Errors))
	tw.Flush()
	if rep.Typed == 0 {
		return nil
	}
	if len(rep.Missing) > 0 {
		fmt.Fprintln(out, "\nmay ask for what this gate lacks:")
		printCounts(out, rep.Missing, nil)
	}
	if len(rep.MissingLists) > 0 {
		fmt.Fprintln(out, "\nname lists that are not here:")
		printCounts(out, rep.MissingLists, lists)
	}
	fmt.Fprintln(out, "\nrules that have all they may ask for, step by step:")
	fmt.Fprint(tw, "detection\tcan fire\tall\tcan fire\t\t\n")
	for _, s := range rep.Stages {
		fmt.Fprintf(tw, "%d\t%d\t%d\t%d\t%s\t\n", s.Detection, s.CanFireDetection, s.All, s.CanFire, s.With)
	}
	return tw.Flush()
}

// maxTypo bounds how many letters a misspelt list's name lacks or has too many.
const maxTypo = 2

// printCounts writes counts, largest first, with what a name that is none of the
// known ones may mean.
func printCounts(out io.Writer, counts map[string]int, known []string) {
	names := sortedKeys(counts)
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	for _, n := range names {
		hint := mql.Nearest(n, slices.DeleteFunc(slices.Clone(known), func(k string) bool { return max(len(k)-len(n), len(n)-len(k)) > maxTypo }))
		if hint != "" && !slices.Contains(known, n) {
			fmt.Fprintf(out, "%6d  %s; %s\n", counts[n], n, hint)
			continue
		}
		fmt.Fprintf(out, "%6d  %s\n", counts[n], n)
	}
}

// gateCapabilities names what a running gate of this configuration answers; the
// answers of what it learns are there only while it runs.
func gateCapabilities(c config) mql.Capabilities {
	caps := capabilities(c)
	if c.Sender.Enabled {
		for _, f := range mql.NewEnv().Functions() {
			if f.Needs == mql.NeedsProfile {
				caps[f.Name] = nil
			}
		}
	}
	return caps
}

// gateLists adds the names of the lists that a running gate of this
// configuration has from its history; they are empty here.
func gateLists(c config, lists *mql.Lists) *mql.Lists {
	if !c.Sender.Enabled {
		return lists
	}
	return historyLists(lists, &sender.Stage{})
}

// needs tells what rules may ask for and do not get.
type needs struct {
	env   *mql.Env
	has   func(function string) bool
	lists *mql.Lists
}

func newNeeds(env *mql.Env, caps mql.Capabilities, lists *mql.Lists) needs {
	return needs{env: env, lists: lists, has: func(f string) bool { _, ok := caps[f]; return ok }}
}

// hasAny tells whether a function, or a list with its $, is there. A list that a
// file or the configuration could have counts as there.
func (n needs) hasAny(name string) bool {
	list, ok := strings.CutPrefix(name, "$")
	if !ok {
		return n.has(name)
	}
	_, here := n.lists.Len(list)
	return here || mql.ListCapability(list) == ""
}

// missing returns the absent capabilities and the absent lists ("$name") of
// rule i, sorted.
func (n needs) missing(set *mql.RuleSet, i int) (caps, lists []string) {
	funcs, names := set.Needs(i)
	for _, f := range funcs {
		if !n.has(f) {
			caps = append(caps, orWord(n.env.Capability(f), f))
		}
	}
	for _, l := range names {
		if _, ok := n.lists.Len(l); ok {
			continue
		}
		if c := mql.ListCapability(l); c != "" {
			caps = append(caps, c)
		} else {
			lists = append(lists, "$"+l)
		}
	}
	slices.Sort(caps)
	return slices.Compact(caps), lists
}

// addRule adds a rule to the counts it belongs to.
func addRule(all, detections *int, counts, detection bool) {
	if counts {
		*all++
		if detection {
			*detections++
		}
	}
}

// stagesOf counts the rules that have every capability, as capabilities are
// added in the order in which a gate gets them.
func stagesOf(env *mql.Env, set *mql.RuleSet, reaches []mql.Reach) []checkStage {
	n := newNeeds(env, nil, nil)
	asked := make([][]string, len(set.Rules))
	for i := range set.Rules {
		asked[i], _ = n.missing(set, i)
	}
	have := map[string]bool{}
	var out []checkStage
	for _, s := range mql.Stages() {
		for _, c := range s.Capabilities {
			have[c] = true
		}
		row := checkStage{With: s.Name}
		has := func(name string) bool {
			c := env.Capability(name)
			if list, ok := strings.CutPrefix(name, "$"); ok {
				c = mql.ListCapability(list)
			}
			return c == "" || have[c]
		}
		for i, caps := range asked {
			detection := set.Rules[i].Kind == mql.Detection
			all := !slices.ContainsFunc(caps, func(c string) bool { return !have[c] })
			addRule(&row.All, &row.Detection, all, detection)
			addRule(&row.CanFire, &row.CanFireDetection, reaches[i].CanFire(has), detection)
		}
		out = append(out, row)
	}
	return out
}
