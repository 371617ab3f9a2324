package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"foregate/mail"
)

// archived is one message of a list archive with its place in time.
type archived struct {
	path  string
	year  int
	env   mail.Envelope
	raw   []byte
	id    string
	after []string // messages it answers
}

// maxCorpus bounds what is read of a corpus, in bytes.
const maxCorpus = 1 << 30

// replay judges the list archives of a corpus as a history. The corpus keeps of
// each date only the year and the order within threads; the messages of a year
// are spread evenly over it, answers behind what they answer. It has taken off the
// fields that lists add (RFC 2919), so each message gets its list's again.
func replay(corpus string, out io.Writer, missed int) error {
	mails, err := readLists(corpus)
	if err != nil {
		return fmt.Errorf("reading %s: %w", corpus, err)
	}
	b, err := newBench([]string{"example.test"})
	if err != nil {
		return err
	}
	all, err := b.judgeAll(spread(mails))
	if err != nil {
		return err
	}
	judged := slices.DeleteFunc(slices.Clone(all), func(o outcome) bool {
		return !slices.ContainsFunc(o.ids, func(id string) bool {
			return !strings.HasPrefix(id, "sender.first-contact") && !strings.HasPrefix(id, "sender.known-name")
		})
	})
	known := len(judged)
	r := tally(all, time.Time{}, nil)
	fmt.Fprintf(out, "\nList archives as history: %d messages, %d of them of senders with a history to judge by\n", len(all), known)
	if err := r.print(out); err != nil {
		return err
	}
	show(out, all, []string{honestKind}, missed)
	return nil
}

// readLists reads the list archives with their envelopes.
func readLists(name string) ([]archived, error) {
	files, err := unpack(name)
	if err != nil {
		return nil, err
	}
	envelopes := map[string]map[string]string{}
	for _, row := range rows(files["envelope.tsv"]) {
		envelopes[row["path"]] = row
	}
	var out []archived
	for _, row := range rows(files["manifest.tsv"]) {
		raw := files[row["path"]]
		if row["label"] != "ham" || !strings.HasPrefix(row["source"], "list-") || raw == nil {
			continue
		}
		raw = append([]byte("List-Id: <"+row["source"]+".example.net>\r\n"), raw...)
		year, err := strconv.Atoi(row["year"])
		if err != nil {
			continue
		}
		a := archived{path: row["path"], year: year, raw: raw, env: envelope(envelopes[row["path"]])}
		m := mail.Parse(a.env, raw)
		a.id = strings.Trim(m.Headers.MessageID, "<>")
		a.after = append(m.Headers.References, strings.Trim(m.Headers.InReplyTo, "<>"))
		out = append(out, a)
	}
	if len(out) == 0 {
		return nil, errors.New("no list archives in the manifest")
	}
	return out, nil
}

func envelope(row map[string]string) mail.Envelope {
	env := mail.Envelope{Recorded: &mail.RecordedAuth{}, Recipients: []string{"recipient@example.test"}}
	if ip, err := netip.ParseAddr(row["client_ip"]); err == nil {
		env.ClientIP = ip
	}
	env.Helo, env.RDNS, env.MailFrom = row["helo"], row["rdns"], row["mail_from"]
	env.HasFrom = env.MailFrom != ""
	word := func(w string) string {
		switch w {
		case "hardfail":
			return "fail"
		case "ignore", "timeout", "tempfail":
			return ""
		}
		return w
	}
	env.Recorded.SPF, env.Recorded.DKIM, env.Recorded.DMARC = word(row["rec_spf"]), word(row["rec_dkim"]), word(row["rec_dmarc"])
	return env
}

// spread gives every message a time: years in order, threads in order.
func spread(mails []archived) []event {
	depth := map[string]int{}
	for range 20 { // threads are seldom deeper
		for _, a := range mails {
			for _, ref := range a.after {
				if d, ok := depth[ref]; ok && depth[a.id] <= d {
					depth[a.id] = d + 1
				}
			}
			if _, ok := depth[a.id]; !ok {
				depth[a.id] = 0
			}
		}
	}
	slices.SortStableFunc(mails, func(a, b archived) int {
		return cmp.Or(cmp.Compare(a.year, b.year), cmp.Compare(threadOf(a), threadOf(b)), cmp.Compare(depth[a.id], depth[b.id]), cmp.Compare(a.path, b.path))
	})
	perYear := map[int]int{}
	for _, a := range mails {
		perYear[a.year]++
	}
	seen := map[int]int{}
	var out []event
	for _, a := range mails {
		year := time.Date(a.year, 1, 1, 0, 0, 0, 0, time.UTC)
		at := year.Add(time.Duration(float64(365*24*time.Hour) * float64(seen[a.year]) / float64(perYear[a.year])))
		seen[a.year]++
		a.env.ReceivedAt = at
		out = append(out, event{at: at, env: a.env, raw: a.raw})
	}
	return out
}

// threadOf names a conversation by its first message.
func threadOf(a archived) string {
	for _, ref := range a.after {
		if ref != "" {
			return ref
		}
	}
	return a.id
}

// rows parses tab-separated values with a header line.
func rows(data []byte) []map[string]string {
	sc := bufio.NewScanner(bytes.NewReader(data))
	sc.Buffer(make([]byte, 64<<10), 1<<20)
	var head []string
	var out []map[string]string
	for sc.Scan() {
		cols := strings.Split(sc.Text(), "\t")
		if head == nil {
			head = cols
			continue
		}
		row := map[string]string{}
		for i, c := range cols[:min(len(cols), len(head))] {
			row[head[i]] = c
		}
		out = append(out, row)
	}
	return out
}

// unpack reads a .tar.gz whose files stand below one folder.
func unpack(name string) (map[string][]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	tr := tar.NewReader(io.LimitReader(gz, maxCorpus))
	out := map[string][]byte{}
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return nil, err
		}
		_, rel, _ := strings.Cut(path.Clean(h.Name), "/")
		out[rel] = data
	}
}
