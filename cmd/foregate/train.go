package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"foregate/mail"
	"foregate/scan/text"
	"foregate/training"
)

// variants is how many examples are made of each base text.
const variants = 3

type trainCmd struct {
	Out   string `default:"scan/text/model.bin" type:"path" placeholder:"FILE" help:"Where to write the model (${default})."`
	Check bool   `help:"Write nothing; fail when FILE differs from what training makes."`
	Own   string `type:"path" placeholder:"DIR" help:"Learn from labelled mail too: one folder of files, mboxes or a Maildir for each label (ham, phish, bec, cred_theft, spam, …; phish is the likeliest attack)."`
}

// Help is the long help text.
func (trainCmd) Help() string {
	return `Makes the model of the text classifier from the texts that come with the program,
the same bytes every time, and prints how well base texts were told that the
model had not seen. With --own it learns from an organisation's own labelled mail
as well; the model then holds hashes and weights, no texts, and is put in force by
the configuration. Its rows "own" say how well a third of that mail was told by what
the other two thirds and the built-in texts taught: a few dozen messages of a label
are the least that is worth it.

Example:
  foregate train --own ~/labelled --out /etc/foregate/text.model
  # then in the configuration: text: { model: /etc/foregate/text.model }`
}

// Run trains and writes the model.
func (c trainCmd) Run(w *world) error {
	if c.Own != "" && filepath.Base(c.Out) == "model.bin" {
		return errors.New("train: name another file with --out for a model of your own mail")
	}
	labels, err := training.Labels()
	if err != nil {
		return err
	}
	examples, err := training.Examples(variants)
	if err != nil {
		return err
	}
	if c.Own != "" {
		own, err := ownExamples(c.Own, labels)
		if err != nil {
			return err
		}
		examples = append(examples, own...)
		fmt.Fprintf(w.stdout, "own mail: %s\n", countLabels(labels, own))
	}
	model, scores, err := text.Train(labels, examples)
	if err != nil {
		return err
	}
	data := model.Bytes()
	if err := printScores(w.stdout, scores); err != nil {
		return err
	}
	if c.Check {
		old, err := os.ReadFile(c.Out)
		if err != nil {
			return fmt.Errorf("checking the model: %w", err)
		}
		if !bytes.Equal(old, data) {
			return fmt.Errorf("checking the model: %s is not what training makes", c.Out)
		}
		return nil
	}
	if err := os.WriteFile(c.Out, data, 0o644); err != nil {
		return fmt.Errorf("writing the model: %w", err)
	}
	fmt.Fprintf(w.stdout, "%d examples, %d bytes: %s\n", len(examples), len(data), c.Out)
	return nil
}

// countLabels says how many examples each label has.
func countLabels(labels []training.Label, examples []training.Example) string {
	n := map[string]int{}
	for _, ex := range examples {
		for _, code := range ex.Labels {
			n[code]++
		}
	}
	var parts []string
	for _, l := range labels {
		if n[l.Code] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[l.Code], l.Name))
		}
	}
	return strings.Join(parts, ", ")
}

// printScores shows the intents and tags, over all languages, and the intents
// of each.
func printScores(out io.Writer, scores []text.Score) error {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "language\tlabel\texamples\tfound\t\tothers\twrongly\t")
	for _, s := range scores {
		lang := s.Language
		if lang == "" {
			lang = "all"
		}
		if s.Texts > 0 {
			fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\t%d\t%d\n", lang, s.Label, s.Texts, s.Found, rate(s.Found, s.Texts), s.Of, s.Wrong)
		}
	}
	return tw.Flush()
}

// maxOwn bounds the messages read from an operator's folder.
const maxOwn = 100_000

// ownExamples reads labelled mail. Each message is a base text of its own.
func ownExamples(dir string, labels []training.Label) ([]training.Example, error) {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading own mail: %w", err)
	}
	builtin, err := text.Builtin()
	if err != nil {
		return nil, err
	}
	var out []training.Example
	for _, d := range folders {
		if !d.IsDir() {
			continue
		}
		code := labelCode(labels, d.Name())
		if code == "" && d.Name() != "phish" {
			return nil, fmt.Errorf("reading own mail: folder %q is no label; there are ham, phish, %s", d.Name(), strings.Join(ownLabels(labels), ", "))
		}
		before := len(out)
		for in := range inputs([]string{filepath.Join(dir, d.Name())}, nil) {
			if in.err != nil {
				return nil, fmt.Errorf("reading own mail: %s: %w", in.path, in.err)
			}
			if len(out) == maxOwn {
				return nil, fmt.Errorf("reading own mail: more than %d messages", maxOwn)
			}
			ex := ownExample(in)
			ex.Labels = []string{code}
			if code == "" {
				ex.Labels[0] = labelCode(labels, builtin.LikeliestAttack(ex.Subject, ex.Body))
			}
			out = append(out, ex)
		}
		if len(out) == before {
			return nil, fmt.Errorf("reading own mail: no messages in %s", filepath.Join(dir, d.Name()))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("reading own mail: no folders of messages in %s; make one for each label, such as ham and phish", dir)
	}
	return out, nil
}

// ownExample is the text of a message.
func ownExample(in input) training.Example {
	subject, body := text.Of(mail.Parse(mail.Envelope{}, in.raw))
	return training.Example{Base: in.path, Language: text.OwnMail, Subject: subject, Body: body}
}

// labelCode finds the code of a label by its name or code; "ham" is benign.
func labelCode(labels []training.Label, name string) string {
	if name == "ham" {
		name = "benign"
	}
	for _, l := range labels {
		if l.Kind != "topic" && (l.Name == name || l.Code == name) {
			return l.Code
		}
	}
	return ""
}

// ownLabels are the names of the labels that own mail may have.
func ownLabels(labels []training.Label) []string {
	var out []string
	for _, l := range labels {
		if l.Kind != "topic" {
			out = append(out, l.Name)
		}
	}
	return out
}

// maxModelFile is one byte more than a model may have, so that a larger file is
// told from one that fits.
const maxModelFile = text.MaxModel + 1

// newTexts is the stage that reads what a text asks for, with the configured
// model.
func newTexts(c config) (*text.Stage, error) {
	if c.Text.Model == "" {
		m, err := text.Builtin()
		if err != nil {
			return nil, err
		}
		return text.NewStage(m), nil
	}
	f, err := os.Open(c.Text.Model)
	if err != nil {
		return nil, fmt.Errorf("opening the text model: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxModelFile))
	if err != nil {
		return nil, fmt.Errorf("reading the text model: %w", err)
	}
	m, err := text.New(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Text.Model, err)
	}
	return text.NewStage(m), nil
}
