package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"foregate/domain"
)

type namesCmd struct {
	Brands string   `required:"" type:"existingfile" placeholder:"FILE" help:"Protected names, one a line: a token, its domains separated by commas, and how people write it, separated by tabs; or a domain alone."`
	Own    bool     `help:"The domains of each line are all that its owner has: the same label under any other suffix counts too."`
	JSON   bool     `help:"One JSON object per match and line."`
	Paths  []string `arg:"" optional:"" name:"names" help:"Files of host names, one a line (what follows a tab, comma or blank is left out); - or nothing reads standard input."`
}

// Help is the long help text.
func (namesCmd) Help() string {
	return `Looks through host names, such as newly registered domains or those of
certificates, for imitations of protected names and says of each which rule it
follows and what it differs in. Output is a line for each match: name, protected
name, rule, difference. Exit status: 0 nothing found, 1 something found.

Examples:
  foregate names --brands brands.tsv new-domains.txt
  zcat domains.gz | foregate names --brands brands.tsv --json > found.jsonl`
}

const (
	// maxNameLine bounds one line of names: a name has 253 characters, the rest
	// is somebody's columns.
	maxNameLine = 64 << 10
	// maxBrands and maxBrandFile bound the protected names.
	maxBrands    = 10000
	maxBrandFile = 16 << 20
	// namesBatch is how many names are matched together.
	namesBatch = 4096
)

// nameMatch is one line of --json.
type nameMatch struct {
	Name     string `json:"name"`
	Brand    string `json:"brand"`
	Domain   string `json:"domain"`
	Rule     string `json:"rule"`
	Detail   string `json:"detail"`
	Distance int    `json:"distance"`
}

// Run matches all names.
func (c namesCmd) Run(w *world) error {
	brands, err := readBrands(c.Brands, c.Own)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w.stdout)
	n := &namer{matcher: domain.NewMatcher(brands), json: c.JSON, out: out, bar: newProgress(w.stderr, "matching", 0), stop: w.ctx.Err}
	paths := c.Paths
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	for _, p := range paths {
		if err := n.file(p, w.stdin); err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	n.bar.finish()
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w.stderr, "%d of %d names imitate one of %d\n", n.found, n.names, len(brands))
	if n.found > 0 {
		return errFound
	}
	return nil
}

// readBrands reads protected names. Empty lines and those that begin with # are
// left out.
func readBrands(name string, own bool) ([]domain.Protected, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the protected names: %w", err)
	}
	defer f.Close()
	sc := bufio.NewScanner(io.LimitReader(f, maxBrandFile))
	var out []domain.Protected
	for line := 1; sc.Scan(); line++ {
		text := strings.TrimSpace(sc.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		if len(out) == maxBrands {
			return nil, fmt.Errorf("%s: more than %d protected names", name, maxBrands)
		}
		cols := strings.Split(text, "\t")
		p := domain.Protected{Complete: own, Label: cols[0]}
		if len(cols) > 1 {
			p.Token = cols[0]
			cols = cols[1:]
		}
		for d := range strings.SplitSeq(cols[0], ",") {
			if d = strings.TrimSpace(d); !strings.Contains(d, ".") {
				return nil, fmt.Errorf("%s: line %d: %q is no domain", name, line, d)
			}
			p.Domains = append(p.Domains, d)
		}
		if len(cols) > 1 {
			p.Label = cols[1]
		}
		out = append(out, p)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no protected names", name)
	}
	return out, nil
}

// namer matches names batch by batch, on all processors, in their order.
type namer struct {
	matcher      *domain.Matcher
	json         bool
	out          io.Writer
	bar          *progress
	stop         func() error
	names, found int
}

// file matches the names of one file.
func (n *namer) file(path string, stdin io.Reader) error {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("reading names: %w", err)
		}
		defer f.Close()
		in = f
	}
	r := bufio.NewReaderSize(in, maxNameLine)
	batch := make([]string, 0, namesBatch)
	for {
		line, err := r.ReadSlice('\n')
		name := firstColumn(string(line))
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of an endless line
			_, err = r.ReadSlice('\n')
		}
		if name != "" {
			batch = append(batch, name)
		}
		if len(batch) == namesBatch || err != nil {
			if err := n.match(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading names from %s: %w", path, err)
		}
	}
}

// firstColumn is a line up to its first blank or comma. A wildcard's star says
// nothing.
func firstColumn(line string) string {
	if i := strings.IndexAny(line, "\t ,\r\n"); i >= 0 {
		line = line[:i]
	}
	if strings.HasPrefix(line, "#") {
		return ""
	}
	return strings.TrimPrefix(line, "*.")
}

// match matches one batch and writes what it finds.
func (n *namer) match(batch []string) error {
	if err := n.stop(); err != nil {
		return err
	}
	results := make([][]domain.Match, len(batch))
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			for i := k * len(batch) / workers; i < (k+1)*len(batch)/workers; i++ {
				results[i] = n.matcher.Match(batch[i], nil)
			}
		})
	}
	wg.Wait()
	for i, found := range results {
		n.names++
		n.bar.step()
		if len(found) > 0 {
			n.found++
		}
		for _, m := range found {
			if err := n.write(batch[i], m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *namer) write(name string, m domain.Match) error {
	if n.json {
		return json.NewEncoder(n.out).Encode(nameMatch{name, m.Protected.Label, m.Protected.Domains[0], m.Rule, m.Detail, m.Distance})
	}
	_, err := fmt.Fprintf(n.out, "%s\t%s\t%s\t%s\n", visible(name), m.Protected.Label, m.Rule, m.Detail)
	return err
}

// visible shows characters that steer a terminal as what they are.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, s)
}
