// Command rspamd runs Debian's Rspamd and Foregate over the same labelled mail
// in one run and says what each catches where it catches the same share of ham,
// and what a message costs either in processor time.
//
// Both are as installed: Foregate with its own rules, those of -feed and the
// sandbox for attachments; Rspamd with its own rules, without those that ask
// the network, untrained (no Redis). Neither learns anything from the DNS:
// Rspamd's resolver is a stub on loopback that answers every question with
// SERVFAIL, Foregate asks none. What the corpus recorded of SPF, DKIM and DMARC
// is taken away unless -recorded is given, for Rspamd can't be told. Nothing
// leaves the machine.
//
// Processor time is that of a program at work: of both, the start, the reading of
// rules and 50 messages go before the count, and child processes and the freeing
// of memory are in it. Rspamd's has in it what it takes to get a message by HTTP
// and to answer in JSON; Foregate judges what is in its memory.
//
//	./bench/rspamd/run.sh -corpus ../shared/data/mail/dev.tar.gz
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rspamd:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	corpus, foregate, config string
	every                    int
	recorded                 bool
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	var o options
	fs := flag.NewFlagSet("rspamd", flag.ContinueOnError)
	fs.StringVar(&o.corpus, "corpus", "../shared/data/mail", "labelled mail: a folder with manifest.tsv and envelope.tsv, or with a .tar.gz of one")
	fs.StringVar(&o.foregate, "foregate", "bin/foregate", "the program to compare with")
	fs.StringVar(&o.config, "config", "docs/measure.yaml", "its configuration")
	fs.IntVar(&o.every, "every", 1, "take every n-th message of each source")
	fs.BoolVar(&o.recorded, "recorded", false, "let Foregate know the recorded results of authentication")
	if err := fs.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "foregate-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mails, err := prepare(o, filepath.Join(dir, "mail"))
	if err != nil {
		return fmt.Errorf("preparing the corpus: %w", err)
	}
	fmt.Fprintf(out, "%d messages\n", len(mails))
	them, err := rspamd(ctx, dir, mails, progress)
	if err != nil {
		return fmt.Errorf("running Rspamd: %w", err)
	}
	us, err := ours(ctx, o, dir, mails, progress)
	if err != nil {
		return fmt.Errorf("running Foregate: %w", err)
	}
	return report(out, mails, us, them)
}

// result is what one program said of the messages, in their order, and its mean
// processor time for one in milliseconds, child processes included.
type result struct {
	name   string
	scores []float64
	cpuMS  float64
}

// ours judges the prepared corpus with Foregate.
func ours(ctx context.Context, o options, dir string, mails []message, progress io.Writer) (result, error) {
	scores := filepath.Join(dir, "scores.tsv")
	cmd := exec.CommandContext(ctx, o.foregate, "-c", o.config, "eval", "--json", "--corpus", filepath.Join(dir, "mail"), "--scores", scores)
	cmd.Stderr = progress
	stdout, err := cmd.Output()
	if err != nil {
		return result{}, err
	}
	var rep struct {
		CPU struct {
			Mean float64 `json:"mean"`
		} `json:"cpu_ms"`
	}
	if err := json.Unmarshal(stdout, &rep); err != nil {
		return result{}, fmt.Errorf("reading what eval says: %w", err)
	}
	data, err := os.ReadFile(scores)
	if err != nil {
		return result{}, err
	}
	byPath := map[string]float64{}
	for _, row := range rows(data) {
		if byPath[row["path"]], err = strconv.ParseFloat(row["log_odds"], 64); err != nil {
			return result{}, fmt.Errorf("reading %s: %w", scores, err)
		}
	}
	r := result{name: "Foregate", cpuMS: rep.CPU.Mean}
	for _, m := range mails {
		s, ok := byPath[m.path]
		if !ok {
			return result{}, fmt.Errorf("%s has no score", m.path)
		}
		r.scores = append(r.scores, s)
	}
	return r, nil
}

// message is one labelled message with its envelope.
type message struct {
	path, label, source string
	year                int
	file                string
	env                 map[string]string
}

// prepare lays the chosen messages out as a corpus of their own, the recorded
// results taken away.
func prepare(o options, to string) ([]message, error) {
	from, err := corpusFolder(o.corpus, to+"-all")
	if err != nil {
		return nil, err
	}
	manifest, err := os.ReadFile(filepath.Join(from, "manifest.tsv"))
	if err != nil {
		return nil, err
	}
	envelopes, err := os.ReadFile(filepath.Join(from, "envelope.tsv"))
	if err != nil {
		return nil, err
	}
	byPath := map[string]map[string]string{}
	for _, row := range rows(envelopes) {
		byPath[row["path"]] = row
	}
	var list, envs strings.Builder
	list.WriteString("path\tlabel\tsource\tyear\n")
	columns := []string{"path", "client_ip", "helo", "rdns", "mail_from", "rec_spf", "rec_dkim", "rec_dmarc"}
	envs.WriteString(strings.Join(columns, "\t") + "\n")
	var out []message
	seen := map[string]int{}
	for _, row := range rows(manifest) {
		key := row["label"] + "/" + row["source"]
		if seen[key]++; (seen[key]-1)%o.every != 0 {
			continue
		}
		m := message{path: row["path"], label: row["label"], source: row["source"], file: filepath.Join(to, filepath.FromSlash(row["path"])), env: byPath[row["path"]]}
		m.year, _ = strconv.Atoi(row["year"])
		if !filepath.IsLocal(filepath.FromSlash(m.path)) {
			return nil, fmt.Errorf("path %q leads out of the corpus", m.path)
		}
		if err := os.MkdirAll(filepath.Dir(m.file), 0o700); err != nil {
			return nil, err
		}
		if err := copyFile(filepath.Join(from, filepath.FromSlash(m.path)), m.file); err != nil {
			return nil, err
		}
		fmt.Fprintf(&list, "%s\t%s\t%s\t%s\n", m.path, m.label, m.source, row["year"])
		for i, c := range columns {
			v := m.env[c]
			if c == "path" {
				v = m.path
			}
			if strings.HasPrefix(c, "rec_") && !o.recorded {
				v = ""
			}
			envs.WriteString(v)
			envs.WriteByte("\t\n"[i/(len(columns)-1)])
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, errors.New("no messages")
	}
	return out, errors.Join(
		os.WriteFile(filepath.Join(to, "manifest.tsv"), []byte(list.String()), 0o600),
		os.WriteFile(filepath.Join(to, "envelope.tsv"), []byte(envs.String()), 0o600))
}

// corpusFolder finds the folder of a corpus, unpacking an archive to a place.
func corpusFolder(name, to string) (string, error) {
	for _, dir := range []string{name, filepath.Join(name, "mail")} {
		if _, err := os.Stat(filepath.Join(dir, "manifest.tsv")); err == nil {
			return dir, nil
		}
	}
	archive := name
	if found, err := filepath.Glob(filepath.Join(name, "*.tar.gz")); err == nil && len(found) > 0 {
		archive = found[0]
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return "", err
	}
	if out, err := exec.Command("tar", "-xzf", archive, "-C", to, "--no-same-owner").CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpacking %s: %w: %s", archive, err, out)
	}
	found, err := filepath.Glob(filepath.Join(to, "*", "manifest.tsv"))
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%s holds no manifest.tsv", archive)
	}
	return filepath.Dir(found[0]), nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// rows parses tab-separated values with a header line.
func rows(data []byte) []map[string]string {
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	head := strings.Split(lines[0], "\t")
	var out []map[string]string
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, c := range strings.Split(l, "\t") {
			if i < len(head) {
				row[head[i]] = c
			}
		}
		out = append(out, row)
	}
	return out
}
