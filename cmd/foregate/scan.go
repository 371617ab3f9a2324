package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"

	"foregate/evidence"
	"foregate/mail"
	"foregate/policy"
	"foregate/scan"
)

type scanCmd struct {
	Paths   []string `arg:"" name:"mail" help:"Files, folders, mboxes or Maildirs; - reads standard input."`
	JSON    bool     `help:"One JSON object per message and line."`
	Explain bool     `help:"Show every item of evidence, also those without weight, and how policy decided."`
	Sandbox string   `enum:"auto,off,require," default:"" placeholder:"MODE" help:"Where attachments are opened: auto, off or require; overrides files.sandbox."`
	Offline bool     `help:"Ask no DNS; authentication is then unknown."`
}

// Help is the long help text.
func (scanCmd) Help() string {
	return `Judges each message as the gate would and prints a disposition, the odds and the
reasons with the bytes they rest on. Exit status: 0 nothing would be held, 1
something would be held or refused, 2 something could not be looked at.

With --db the gate's own memory of senders is asked, as it is now: who wrote before,
from where, and to whom the organisation wrote. Nothing is learned.

Examples:
  foregate scan suspicious.eml
  foregate scan --json ~/Maildir | jq 'select(.disposition != "deliver")'
  cat message.eml | foregate scan -`
}

// scanLine is one line of --json.
type scanLine struct {
	Path        string          `json:"path"`
	Disposition string          `json:"disposition"`
	Odds        float64         `json:"odds"` // attack to no attack
	LogOdds     evidence.Weight `json:"log_odds"`
	Probability float64         `json:"probability"`
	Finding     string          `json:"finding,omitempty"` // because of which policy was severer than the odds
	Summary     string          `json:"summary"`
	Explanation []string        `json:"explanation"` // three sentences for a recipient
	Reasons     []evidence.Item `json:"reasons"`
	Gaps        []mail.Gap      `json:"gaps"`
	Defects     []mail.Defect   `json:"defects"`
	Notes       []string        `json:"notes"`
	CPUms       float64         `json:"cpu_ms"`
	Error       string          `json:"error,omitempty"`
}

// Run judges every message of the paths.
func (c scanCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	conf.DNS.Offline = conf.DNS.Offline || c.Offline
	if c.Sandbox != "" {
		conf.Files.Sandbox = c.Sandbox
	}
	past, err := openPast(w.ctx, conf, g.DB != "")
	if err != nil {
		return err
	}
	engine, err := newRememberingEngine(conf, w.stderr, past.senders)
	if err != nil {
		return errors.Join(err, past.close())
	}
	return errors.Join(c.judge(w, engine), past.close())
}

// judge judges the messages of the paths with engine.
func (c scanCmd) judge(w *world, engine *scan.Engine) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	held, failed := false, false
	for in := range inputs(c.Paths, w.stdin) {
		if w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if in.err != nil {
			failed = true
			if err := c.printError(w.stdout, in); err != nil {
				return err
			}
			continue
		}
		j := judgeOne(w.ctx, engine, mail.Envelope{}, in.raw)
		held = held || j.verdict.Disposition == mail.Hold || j.verdict.Disposition == mail.Reject
		failed = failed || len(j.verdict.Gaps) > 0
		if err := c.print(w.stdout, in.path, j); err != nil {
			return err
		}
	}
	switch {
	case failed && !held:
		return errGap
	case held:
		return errHeld
	}
	return nil
}

func (c scanCmd) print(out io.Writer, path string, j judged) error {
	if !c.JSON {
		_, err := io.WriteString(out, explain(path, j, c.Explain))
		return err
	}
	v := j.verdict
	return json.NewEncoder(out).Encode(scanLine{
		Path: path, Disposition: string(v.Disposition), Odds: math.Pow(10, float64(v.LogOdds)),
		LogOdds: v.LogOdds, Probability: v.Probability, Finding: v.Finding, Summary: policy.Summary(v), Explanation: policy.Sentences(v),
		Reasons: v.Reasons, Gaps: v.Gaps, Defects: orEmpty(j.msg.Defects), Notes: v.Notes,
		CPUms: float64(j.cpu.Microseconds()) / 1000,
	})
}

func (c scanCmd) printError(out io.Writer, in input) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(scanLine{
			Path: in.path, Disposition: string(mail.Defer), Reasons: []evidence.Item{}, Gaps: []mail.Gap{{Stage: "read", Err: in.err.Error()}}, Explanation: []string{},
			Defects: []mail.Defect{}, Notes: []string{}, Error: in.err.Error(),
		})
	}
	_, err := fmt.Fprintf(out, "%s\n  could not be read: %v\n", in.path, in.err)
	return err
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// minShown is the least weight that the short explanation shows: less changes
// nobody's mind.
const minShown = 0.05

// explain writes a verdict for people: what is done, the odds and three sentences
// for a recipient, then for the analyst each reason with its weight and the bytes
// it rests on.
func explain(path string, j judged, all bool) string {
	var b strings.Builder
	v := j.verdict
	fmt.Fprintf(&b, "%s\n  %s, odds %s (%s)\n", path, strings.ToUpper(string(v.Disposition)), policy.Odds(v.LogOdds), percent(v.Probability))
	for _, s := range policy.Sentences(v) {
		fmt.Fprintf(&b, "  %s\n", s)
	}
	b.WriteByte('\n')
	for _, r := range v.Reasons {
		if !all && math.Abs(float64(r.Weight)) < minShown {
			continue
		}
		fmt.Fprintf(&b, "  %+5.2f  %s\n", r.Weight, sentence(r.Claim))
		if r.Quote != "" {
			fmt.Fprintf(&b, "           | %s\n", r.Quote)
		}
		if all {
			id := r.ID
			if basis := r.Basis(); basis != "" {
				id += ", " + basis
			}
			fmt.Fprintf(&b, "           [%s]\n", id)
		}
	}
	for _, g := range v.Gaps {
		fmt.Fprintf(&b, "  gap    stage %s could not look: %s\n", g.Stage, g.Err)
	}
	if all {
		b.WriteString(openRules(j.facts.OpenRules))
		fmt.Fprintf(&b, "  %+5.2f  before any evidence\n", v.Prior)
		for _, n := range v.Notes {
			fmt.Fprintf(&b, "  policy %s\n", n)
		}
		for _, d := range j.msg.Defects {
			fmt.Fprintf(&b, "  defect %s: %s\n", d.ID, d.Detail)
		}
	}
	return b.String()
}

// maxOpenNamed bounds how many things that rules lacked are named.
const maxOpenNamed = 6

// openRules says in one line what rules lacked, what most of them lacked first.
// A rule that lacked two things is counted with both.
func openRules(open map[string]int) string {
	if len(open) == 0 {
		return ""
	}
	names := sortedKeys(open)
	slices.SortStableFunc(names, func(a, b string) int { return open[b] - open[a] })
	var words []string
	for _, n := range names[:min(maxOpenNamed, len(names))] {
		if len(names) == 1 && open[n] == 1 {
			return "  open   1 rule could not be decided for want of " + n + "\n"
		}
		words = append(words, fmt.Sprintf("%s (%d)", n, open[n]))
	}
	if more := len(names) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	return "  open   rules could not be decided for want of " + strings.Join(words, ", ") + "\n"
}

// percent writes a probability so that nearly certain is not called certain.
func percent(p float64) string {
	switch {
	case p > 0.999:
		return "over 99.9 %"
	case p < 0.001:
		return "under 0.1 %"
	default:
		return fmt.Sprintf("%.1f %%", 100*p)
	}
}
