package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"foregate/mql"
)

type rulesFmtCmd struct {
	Check bool     `help:"Change nothing; name the files that differ and exit with status 1 if there are any."`
	Paths []string `arg:"" name:"files" help:"Rule files or folders of them."`
}

// Help is the long help text.
func (rulesFmtCmd) Help() string {
	return `Rewrites the source of each rule in the canonical layout, in place. All other
bytes of the file stay as they are, comments in the source stay where they stood,
and formatting twice changes nothing. Files that are no rules are passed over; a
source with a syntax error is shown and left alone (status 1).

Examples:
  foregate rules fmt rules/*.yml
  foregate rules fmt --check rules`
}

// Run formats.
func (c rulesFmtCmd) Run(w *world) error {
	bad := false
	for _, p := range c.Paths {
		if strings.HasSuffix(p, ".gz") || strings.HasSuffix(p, ".tgz") {
			return fmt.Errorf("formatting rules: %s is an archive; unpack it first", p)
		}
		files, err := ruleFiles(p)
		if err != nil {
			return err
		}
		for _, f := range files {
			changed, err := c.format(f)
			switch {
			case err != nil:
				fmt.Fprintln(w.stderr, printableLines(err.Error()))
				bad = true
			case changed:
				fmt.Fprintln(w.stdout, f.name)
				bad = bad || c.Check
			}
		}
	}
	if bad {
		return errFound
	}
	return nil
}

// format formats one file and says whether it differs from what it was.
func (c rulesFmtCmd) format(f ruleFile) (changed bool, err error) {
	r, err := f.rule()
	if r == nil || err != nil {
		return false, err
	}
	out, err := formatRule(r, f.raw)
	if err != nil || bytes.Equal(out, f.raw) {
		return false, err
	}
	if c.Check {
		return true, nil
	}
	return true, replaceFile(f.name, out)
}

var errNoBlock = errors.New(`the source is not written as a block; write "source: |" and the expression on the lines below, then format`)

// formatRule returns raw, the file of r, with the source in the canonical
// layout and nothing else changed.
func formatRule(r *mql.Rule, raw []byte) ([]byte, error) {
	text, diags := mql.Format(r.Source)
	if len(diags) > 0 {
		d := diags[0]
		d.File, d.Line, d.Col = r.File, d.Line+max(0, r.Line-1), d.Col+r.Indent
		d.Text = strings.Repeat(" ", r.Indent) + d.Text
		return nil, d
	}
	if !blockAt(raw, r.Line-1) {
		return formatPlain(r, raw, text)
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	from, to := r.Line-1, r.Line-1
	for i := from; i < len(lines); i++ {
		blank := len(bytes.TrimSpace(lines[i])) == 0
		if !blank && len(lines[i])-len(bytes.TrimLeft(lines[i], " ")) < r.Indent {
			break
		}
		if !blank {
			to = i + 1
		}
	}
	end := "\n"
	if bytes.HasSuffix(lines[from], []byte("\r\n")) {
		end = "\r\n"
	}
	var b bytes.Buffer
	b.Write(bytes.Join(lines[:from], nil))
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if line != "" {
			b.WriteString(strings.Repeat(" ", r.Indent) + line)
		}
		b.WriteString(end)
	}
	if to == len(lines) && !bytes.HasSuffix(raw, []byte("\n")) {
		b.Truncate(b.Len() - len(end)) // the file ended without a line end
	}
	b.Write(bytes.Join(lines[to:], nil))
	return b.Bytes(), sameButSource(r, b.Bytes(), text)
}

// formatPlain makes a block of a source that is written on the line of its key,
// unless it is in the canonical layout as it stands.
func formatPlain(r *mql.Rule, raw []byte, text string) ([]byte, error) {
	if strings.TrimSpace(r.Source) == strings.TrimSpace(text) {
		return raw, nil
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	line := lines[r.Line-1]
	key, value, _ := bytes.Cut(line, []byte(":"))
	if string(bytes.TrimSpace(key)) != "source" || string(bytes.TrimSpace(value)) != strings.TrimSpace(r.Source) {
		return nil, fmt.Errorf("%s:%d: %w", r.File, r.Line, errNoBlock)
	}
	end := "\n"
	if bytes.HasSuffix(line, []byte("\r\n")) {
		end = "\r\n"
	}
	var b bytes.Buffer
	b.Write(bytes.Join(lines[:r.Line-1], nil))
	b.WriteString(string(key) + ": |" + end)
	for l := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString("  " + l + end)
	}
	b.Write(bytes.Join(lines[r.Line:], nil))
	return b.Bytes(), sameButSource(r, b.Bytes(), text)
}

// blockAt tells whether line (1-based) opens a literal block.
func blockAt(raw []byte, line int) bool {
	lines := bytes.Split(raw, []byte("\n"))
	if line < 1 || line > len(lines) {
		return false
	}
	_, value, ok := bytes.Cut(lines[line-1], []byte(":"))
	return ok && bytes.HasPrefix(bytes.TrimSpace(value), []byte("|"))
}

// sameButSource proves that the new file is read as the old one was, with the
// formatted source.
func sameButSource(r *mql.Rule, raw []byte, text string) error {
	now, err := mql.ParseRule(r.File, raw)
	if err != nil {
		return fmt.Errorf("formatting would break the file: %w", err)
	}
	if now == nil || strings.TrimSpace(now.Source) != strings.TrimSpace(text) || now.Name != r.Name || now.ID != r.ID || now.Description != r.Description {
		return fmt.Errorf("%s:%d: formatting would change more than the layout; the file is left alone", r.File, r.Line)
	}
	return nil
}

// replaceFile writes a file beside name and puts it in its place, so that a
// reader sees the old or the new one.
func replaceFile(name string, data []byte) error {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".foregate-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
