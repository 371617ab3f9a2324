package e2e

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/store"
)

// corpusFile is where the labelled mail is, seen from this folder.
const corpusFile = "../../../shared/data/mail/dev.tar.gz"

const corpusSize = 1000

// corpus returns about n messages, evenly spread over all sources, by path, and
// what SMTP said of each.
func corpus(t *testing.T, n int) (mails map[string]string, envelopes map[string][]string) {
	t.Helper()
	f, err := os.Open(corpusFile)
	if errors.Is(err, os.ErrNotExist) {
		missing(t, "the mail corpus "+corpusFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	envelopes = map[string][]string{}
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(h.Name, "mail/")
		switch {
		case strings.HasSuffix(name, ".eml"):
			b, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(b)
		case name == "envelope.tsv":
			r := csv.NewReader(archive)
			r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
			rows, err := r.ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				envelopes[row[0]] = row
			}
		}
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	mails = map[string]string{}
	for i := range n {
		name := names[i*len(names)/n]
		mails[name] = all[name]
	}
	return mails, envelopes
}

// letterOf makes a message of a corpus file and its envelope row.
func letterOf(i int, raw string, env []string) message {
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	if !strings.HasSuffix(raw, "\r\n") {
		raw += "\r\n"
	}
	m := message{to: []string{fmt.Sprintf("m%04d@example.test", i)}, raw: raw, helo: "client.e2e.test"}
	if len(env) < 5 {
		return m
	}
	if a, err := netip.ParseAddr(env[1]); err == nil {
		m.xclient = "NAME=[UNAVAILABLE] ADDR=" + a.String()
		if a.Is6() {
			m.xclient = "NAME=[UNAVAILABLE] ADDR=IPV6:" + a.String()
		}
		if _, err := netip.ParseAddr(env[3]); err != nil && plain(env[3]) {
			m.xclient = strings.Replace(m.xclient, "[UNAVAILABLE]", env[3], 1)
		}
	}
	if plain(env[2]) {
		m.helo = env[2]
	}
	if plain(env[4]) && strings.Count(env[4], "@") == 1 && len(env[4]) < 200 {
		m.from = env[4]
	}
	return m
}

// plain reports a word that needs no quoting in a command.
func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("-._@=", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) && !strings.HasPrefix(s, ".") && !strings.Contains(s, ".@") && !strings.Contains(s, "..")
}

// Real mail through Postfix, the gate and Postfix again: each message is
// delivered with its bytes but for added fields, held with its bytes, or refused
// with a reason.
func TestCorpus(t *testing.T) {
	dir := workDir(t)
	ports := freePorts(t, 3)
	back := newPostfix(t, dir, "back", ports[2], 0)
	front := newPostfix(t, dir, "front", ports[0], ports[1])
	g := newGate(t, dir, ports[1], ports[2], "    - {name: everyone, flag_at: 0, hold_at: 1}\n")
	mails, envelopes := corpus(t, corpusSize)
	for _, start := range []func() error{back.start, g.start, front.start} {
		if err := start(); err != nil {
			t.Fatal(err)
		}
	}
	defer back.stop(t)
	defer g.stop(t)
	defer front.stop(t)

	letters := make([]message, 0, len(mails))
	for i, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range mails {
			if !yield(name) {
				return
			}
		}
	}) {
		letters = append(letters, letterOf(i, mails[name], envelopes[name]))
	}
	began := time.Now()
	answers := sendAll(t, loopback(ports[0]), letters)
	took := time.Since(began)

	counts := map[string]int{}
	for i, a := range answers {
		bare := strings.Contains(strings.ReplaceAll(letters[i].raw, "\r\n", ""), "\r")
		switch {
		case a.code == 250 && !bare:
			counts["accepted"]++
		case a.code == 550 && bare && strings.HasPrefix(a.text, "5.6.11 "):
			counts["refused for a bare CR"]++
		case a.code >= 500 && strings.Contains(a.text, " "):
			counts["refused: "+a.text]++
			t.Errorf("message %d refused: %d %s", i, a.code, a.text)
		default:
			t.Errorf("message %d (bare CR: %v): answer %d %s", i, bare, a.code, a.text)
		}
	}
	holds := heldBy(t, g)
	waitCount(t, back, counts["accepted"]-len(holds))
	delivered := back.letters(t)
	for i, m := range letters {
		if answers[i].code != 250 {
			continue
		}
		to := m.to[0]
		switch copies, held := delivered[to], holds[to]; {
		case len(copies) == 1 && len(held) == 0:
			if err := sameLetter(m.raw, copies[0]); err != nil {
				t.Errorf("%s: %v", to, err)
			}
			counts["delivered, identical but for added fields"]++
		case len(copies) == 0 && len(held) == 1:
			if err := sameLetter(m.raw, strings.ReplaceAll(held[0].raw, "\r\n", "\n")); err != nil {
				t.Errorf("%s (held): %v", to, err)
			}
			if want := m.xclient; want != "" && !strings.Contains(strings.ToLower(want)+" ", strings.ToLower(held[0].client)+" ") {
				t.Errorf("%s (held): client %s, sent %s", to, held[0].client, want)
			}
			counts["held, identical but for added fields"]++
		default:
			t.Errorf("%s: %d copies delivered, %d held", to, len(copies), len(held))
		}
	}
	t.Logf("figure: %d messages in %v: %v", len(letters), took.Round(time.Millisecond), counts)
}

// sendAll sends with a few connections at once and returns the answers in order.
func sendAll(t *testing.T, addr string, letters []message) []answer {
	t.Helper()
	answers := make([]answer, len(letters))
	work := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range work {
				a, err := send(addr, letters[i])
				if err != nil {
					t.Errorf("message %d: %v", i, err)
				}
				answers[i] = a
			}
		})
	}
	for i := range letters {
		work <- i
	}
	close(work)
	wg.Wait()
	return answers
}

// waitCount waits until the far end has n messages.
func waitCount(t *testing.T, p *postfix, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); p.count() < n; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%d of %d messages were delivered after a minute", p.count(), n)
			return
		}
	}
}

// heldLetter is one recipient's held copy.
type heldLetter struct{ raw, client string }

// heldBy reads the gate's quarantine, by recipient.
func heldBy(t *testing.T, g *gate) map[string][]heldLetter {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, g.db)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := map[string][]heldLetter{}
	for q := (store.Query{Limit: store.MaxLimit}); ; {
		page, err := db.List(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range page {
			raw, err := db.Raw(ctx, h.ID)
			if err != nil {
				t.Fatal(err)
			}
			m, err := db.Message(ctx, h.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range h.Recipients {
				out[r.Address] = append(out[r.Address], heldLetter{string(raw), m.Envelope.ClientIP.String()})
			}
		}
		if len(page) < q.Limit {
			return out
		}
		q.Before = page[len(page)-1].ID
	}
}

// addedFields are those that servers on the way may add on top.
func addedFields() []string {
	return []string{"return-path", "x-original-to", "delivered-to", "received", "authentication-results", "x-foregate-id", "x-foregate-verdict", "x-foregate-reasons"}
}

// sameLetter compares what was sent (CRLF) with what arrived (LF): the same body,
// and the sent header lines in order after whole fields of allowed names.
func sameLetter(sent, got string) error {
	sent = strings.ReplaceAll(sent, "\r\n", "\n")
	added, ok := strings.CutSuffix(got, sent)
	if !ok {
		i := 0
		for i < min(len(sent), len(got)) && sent[len(sent)-1-i] == got[len(got)-1-i] {
			i++
		}
		return fmt.Errorf("differs %d octets before its end: sent %q, got %q", i, end(sent[:len(sent)-i]), end(got[:len(got)-i]))
	}
	name := ""
	for line := range strings.Lines(added) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ = strings.Cut(line, ":")
		}
		if !slices.Contains(addedFields(), strings.ToLower(name)) {
			return fmt.Errorf("field %q was added", line)
		}
	}
	return nil
}

func end(s string) string { return s[max(0, len(s)-80):] }
