package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"foregate/mail"
)

// defaultCorpus is where evaluations find the labelled mail.
const defaultCorpus = "../shared/data/mail"

// maxCorpus bounds the bytes of a corpus that are held in memory.
const maxCorpus = 4 << 30

// sample is one labelled message with what SMTP said of it.
type sample struct {
	path   string
	label  string // phish, ham or spam
	source string
	year   int
	env    mail.Envelope
	raw    []byte
	// disputed: called ham, and an attack or bulk mail to who has read it.
	disputed bool
}

// dispute marks the samples that a table disputes: path, kind, and what the
// message is. Lines that start with # and the head are no entries; what the
// corpus lacks is passed over. No name marks nothing.
func dispute(samples []sample, name string) error {
	if name == "" {
		return nil
	}
	data, err := os.ReadFile(name) // the operator's own file
	if err != nil {
		return fmt.Errorf("reading the disputed labels: %w", err)
	}
	paths := map[string]bool{}
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "path\t") {
			continue
		}
		f := strings.Split(strings.TrimRight(line, "\r"), "\t")
		if len(f) != 3 {
			return fmt.Errorf("reading the disputed labels: %s:%d has %d fields, want path, kind and what it is", name, i+1, len(f))
		}
		paths[f[0]] = true
	}
	for i := range samples {
		samples[i].disputed = samples[i].label == "ham" && paths[samples[i].path]
	}
	return nil
}

// loadCorpus reads labelled mail: a folder with manifest.tsv (or one level
// above it), or a .tar.gz that unpacks to such a folder, or a folder that holds
// one, or a folder of labelled folders (see labelledFolders). The manifest's first
// four columns are path, label, source and year; envelope.tsv, when there, has path,
// client_ip, helo, rdns, mail_from and the recorded results of SPF, DKIM and DMARC.
func loadCorpus(dir string) ([]sample, error) {
	if labelled(dir) {
		return labelledFolders(dir)
	}
	files, err := corpusFiles(dir)
	if err != nil && dir == defaultCorpus {
		return nil, fmt.Errorf("reading the corpus: %w; name a folder of labelled mail with --corpus", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the corpus: %w", err)
	}
	manifest, err := table(files["manifest.tsv"])
	if err != nil {
		return nil, fmt.Errorf("reading the corpus: manifest.tsv: %w", err)
	}
	if len(manifest) == 0 {
		return nil, fmt.Errorf("reading the corpus: %s has no manifest.tsv (path, label, source, year)", dir)
	}
	envelopes, err := table(files["envelope.tsv"])
	if err != nil {
		return nil, fmt.Errorf("reading the corpus: envelope.tsv: %w", err)
	}
	byPath := map[string]map[string]string{}
	for _, e := range envelopes {
		byPath[e["path"]] = e
	}
	var out []sample
	for _, row := range manifest {
		raw, ok := files[row["path"]]
		if !ok {
			return nil, fmt.Errorf("reading the corpus: %s is in the manifest and not in the corpus", row["path"])
		}
		year, _ := strconv.Atoi(row["year"]) // unknown counts as old
		out = append(out, sample{
			path: row["path"], label: row["label"], source: row["source"], year: year,
			env: envelopeOf(byPath[row["path"]]), raw: raw,
		})
	}
	return out, nil
}

// labelled reports a folder with the folders "ham" and "phish" and no manifest.
func labelled(dir string) bool {
	for _, name := range []string{"ham", "phish"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	_, err := os.Stat(filepath.Join(dir, "manifest.tsv"))
	return errors.Is(err, os.ErrNotExist)
}

// labelledFolders reads the mail of the folders ham, phish and spam: files, mboxes
// or Maildirs. A folder in one of them is a source, the year is the Date field's,
// and nothing is known of the envelopes.
func labelledFolders(dir string) ([]sample, error) {
	var out []sample
	total := 0
	for _, label := range []string{"ham", "phish", "spam"} {
		base := filepath.Join(dir, label)
		if _, err := os.Stat(base); errors.Is(err, os.ErrNotExist) {
			continue
		}
		for in := range inputs([]string{base}, nil) {
			if in.err != nil {
				return nil, fmt.Errorf("reading the corpus: %s: %w", in.path, in.err)
			}
			if total += len(in.raw); total > maxCorpus {
				return nil, fmt.Errorf("reading the corpus: more than %d bytes", int64(maxCorpus))
			}
			rel := filepath.ToSlash(strings.TrimPrefix(in.path, base+string(filepath.Separator)))
			s := sample{path: label + "/" + rel, label: label, source: "own", raw: in.raw, env: envelopeOf(nil)}
			if source, _, ok := strings.Cut(rel, "/"); ok && source != "cur" && source != "new" {
				s.source = source
			}
			if date := mail.Parse(mail.Envelope{}, in.raw).Headers.Date; date != nil {
				s.year = date.Year()
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// envelopeOf turns a row of envelope.tsv into an envelope. What is not known
// stays unknown.
func envelopeOf(row map[string]string) mail.Envelope {
	env := mail.Envelope{Recorded: &mail.RecordedAuth{}}
	if row == nil {
		return env
	}
	if ip, err := netip.ParseAddr(row["client_ip"]); err == nil {
		env.ClientIP = ip
	}
	env.Helo, env.RDNS, env.MailFrom = row["helo"], row["rdns"], row["mail_from"]
	env.HasFrom = env.MailFrom != ""
	env.Recorded.SPF = resultWord(row["rec_spf"])
	env.Recorded.DKIM = resultWord(row["rec_dkim"])
	env.Recorded.DMARC = resultWord(row["rec_dmarc"])
	return env
}

// resultWord maps the words that servers wrote to those of RFC 8601; what is no
// result ("ignore") is unknown.
func resultWord(w string) string {
	switch w {
	case "hardfail":
		return "fail"
	case "tempfail", "timeout":
		return "temperror"
	case "ignore":
		return ""
	}
	return w
}

// table parses tab-separated values with a header line.
func table(data []byte) ([]map[string]string, error) {
	sc := bufio.NewScanner(bytes.NewReader(data))
	sc.Buffer(make([]byte, 64<<10), 1<<20)
	var head []string
	var rows []map[string]string
	for sc.Scan() {
		cols := strings.Split(sc.Text(), "\t")
		if head == nil {
			head = cols
			continue
		}
		row := make(map[string]string, len(head))
		for i, c := range cols {
			if i < len(head) {
				row[head[i]] = c
			}
		}
		rows = append(rows, row)
	}
	return rows, sc.Err()
}

// corpusFiles returns the files of a corpus by their path below manifest.tsv.
func corpusFiles(dir string) (map[string][]byte, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return tarFiles(dir)
	}
	for _, base := range []string{dir, filepath.Join(dir, "mail")} {
		if _, err := os.Stat(filepath.Join(base, "manifest.tsv")); err == nil {
			return folderFiles(base)
		}
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
	if err != nil || len(archives) == 0 {
		return nil, errors.Join(err, fmt.Errorf("%s holds neither folders ham and phish nor manifest.tsv nor a .tar.gz", dir))
	}
	slices.Sort(archives)
	return tarFiles(archives[0])
}

func folderFiles(base string) (map[string][]byte, error) {
	out := map[string][]byte{}
	total := 0
	err := filepath.WalkDir(base, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if total += len(data); total > maxCorpus {
			return fmt.Errorf("more than %d bytes", int64(maxCorpus))
		}
		rel, err := filepath.Rel(base, p)
		out[filepath.ToSlash(rel)] = data
		return err
	})
	return out, err
}

func tarFiles(name string) (map[string][]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	tr := tar.NewReader(io.LimitReader(gz, maxCorpus))
	all := map[string][]byte{}
	root := ""
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p := path.Clean(h.Name)
		all[p] = data
		if path.Base(p) == "manifest.tsv" {
			root = path.Dir(p)
		}
	}
	out := make(map[string][]byte, len(all))
	for p, data := range all {
		if rel, ok := strings.CutPrefix(p, root+"/"); ok {
			out[rel] = data
		} else if root == "." {
			out[p] = data
		}
	}
	return out, nil
}
