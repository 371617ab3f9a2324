package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"foregate/mail"
	"foregate/mql"
	"foregate/scan/rule"
	"foregate/scan/sender"
	"foregate/store"
)

// command runs the program and returns its status and what it wrote.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(world{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: os.Getenv}, args)
	return status, out.String(), errs.String()
}

// seasoned is the database of a gate that has watched since 20 days, when
// friend@known.example wrote to ann@ministry.example, and she to
// partner@abroad.example.
func seasoned(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gate.db")
	db, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	then := time.Now().Add(-20 * 24 * time.Hour)
	s, err := sender.New(t.Context(), db, []string{"ministry.example"}, func() time.Time { return then })
	if err != nil {
		t.Fatal(err)
	}
	s.Delay = 0
	for i, way := range []struct {
		from, to string
		kind     mail.MessageType
	}{
		{"friend@known.example", "ann@ministry.example", mail.MessageType{Inbound: true}},
		{"ann@ministry.example", "partner@abroad.example", mail.MessageType{Outbound: true}},
	} {
		m := mail.Parse(mail.Envelope{MailFrom: way.from, Recipients: []string{way.to}, ReceivedAt: then},
			fmt.Appendf(nil, "From: %s\r\nTo: %s\r\nSubject: Lunch\r\n\r\nToday?\r\n", way.from, way.to))
		m.Type, m.Meta.ID = way.kind, fmt.Sprint(i)
		if err := s.Learn(t.Context(), m, &mail.Facts{Auth: mail.Auth{AuthorProven: true}}, mail.Verdict{Disposition: mail.Deliver}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Settle(context.Background(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return file
}

// The lists of correspondents are those of the database that --db names, in
// hunts and scans; without it whatever depends on them is undecided.
func TestHistoryLists(t *testing.T) {
	db, dir := seasoned(t), t.TempDir()
	for name, from := range map[string]string{"friend": "friend@known.example", "colleague": "other@known.example", "partner": "partner@abroad.example", "stranger": "x@nobody.example"} {
		raw := fmt.Sprintf("From: %s\nTo: ann@ministry.example\nSubject: hello\n\nHello.\n", from)
		if err := os.WriteFile(filepath.Join(dir, name+".eml"), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]string{
		"sender.email.email in $sender_emails":                     "friend",
		"sender.email.domain.root_domain in $sender_domains":       "colleague friend",
		"sender.email.email in $recipient_emails":                  "partner",
		"sender.email.domain.root_domain not in $sender_domains":   "partner stranger",
		"sender.email.domain.root_domain in $recipient_domains":    "partner",
		"not sender.email.email in $recipient_emails":              "colleague friend stranger",
		"sender.email.email in $sender_emails and type.internal":   "",
		"any($sender_emails, . == sender.email.email) and 1 == 2":  "",
		"sender.email.email in $sender_emails or type.inbound":     "colleague friend partner stranger",
		"sender.email.email not in~ $sender_emails and 1 in (1,2)": "colleague partner stranger",
	} {
		_, out, errs := command(t, "--db", db, "hunt", query, dir)
		var got []string
		for line := range strings.Lines(out) {
			if name, ok := strings.CutSuffix(strings.TrimSpace(line), ".eml"); ok {
				got = append(got, filepath.Base(name))
			}
		}
		if strings.Join(got, " ") != want || strings.Contains(out, "could not") {
			t.Errorf("%s: hits %v, want %s\n%s%s", query, got, want, out, errs)
		}
	}
	_, out, _ := command(t, "hunt", "sender.email.email in $sender_emails", dir)
	if !strings.Contains(out, "0 hits in 4 messages, 4 could not be decided") {
		t.Errorf("without a database:\n%s", out)
	}

	conf := filepath.Join(dir, "c.yaml")
	rules := filepath.Join(dir, "rules")
	if err := os.Mkdir(rules, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(conf, "rules: {builtin: false, dirs: ["+rules+"]}\norganisation: {domains: [ministry.example]}\n")
	write(filepath.Join(rules, "friend.yml"), "name: Friend\nid: f\nseverity: low\nsource: sender.email.email in $sender_emails\n")
	friend := filepath.Join(dir, "friend.eml")
	if _, out, errs := command(t, "-c", conf, "--db", db, "scan", "--offline", "--explain", friend); !strings.Contains(out, `Rule "Friend" fires`) {
		t.Errorf("scan with a database:\n%s%s", out, errs)
	}
	if _, out, _ := command(t, "-c", conf, "scan", "--offline", "--explain", friend); !strings.Contains(out, "could not be decided for want of $sender_emails") {
		t.Errorf("scan without a database:\n%s", out)
	}
}

// Looking at the past creates nothing.
func TestPastMustBeThere(t *testing.T) {
	db := filepath.Join(t.TempDir(), "typo.db")
	for _, args := range [][]string{{"hunt", "true", "--since", "1d"}, {"hunt", "true", "past_test.go"}, {"scan", "past_test.go"}, {"rules", "backtest", "mailbox-quota", "--since", "1d"}} {
		status, out, errs := command(t, append([]string{"--db", db}, args...)...)
		if status != exitFailed || !strings.Contains(errs, "opening the gate's database: stat "+db) {
			t.Errorf("%v: status %d\n%s%s", args, status, out, errs)
		}
	}
	if _, err := os.Stat(db); err == nil {
		t.Error("an empty database was made")
	}
}

// stopper is an output that ends the context at a line.
type stopper struct {
	bytes.Buffer
	at   int
	stop context.CancelFunc
}

func (s *stopper) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if s.at > 0 && strings.Count(s.String(), "\n") >= s.at {
		s.stop()
	}
	return n, err
}

// recorded is a database with n judged messages, every seventh with the subject
// "wanted".
func recorded(t *testing.T, n int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gate.db")
	db, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	at := time.Now().Add(-time.Hour)
	for from := 0; from < n; from += 500 {
		var batch []store.Past
		for i := from; i < min(n, from+500); i++ {
			subject := "other"
			if i%7 == 0 {
				subject = "wanted"
			}
			batch = append(batch, store.Past{
				Message: store.Message{ID: fmt.Sprintf("id-%06d", i), ReceivedAt: at, Facts: []byte("{}"), Verdict: mail.Verdict{Disposition: mail.Deliver}},
				Raw:     fmt.Appendf(nil, "From: a@b.example\r\nSubject: %s\r\n\r\n%s\r\n", subject, strings.Repeat("some words ", 40)),
			})
		}
		if err := db.RecordAll(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// A hunt that is interrupted, twice, goes on where it was: every hit is told
// once, the counts are those of one run, and memory does not grow with the
// history. FOREGATE_FULL=1 hunts through 50,000 messages.
func TestInterruptedHunt(t *testing.T) {
	n := 1300
	if os.Getenv("FOREGATE_FULL") == "1" {
		n = 50_000
	}
	db, state := recorded(t, n), filepath.Join(t.TempDir(), "state.json")
	args := []string{"--db", db, "hunt", "--json", "--since", "1d", "--state", state, `subject.subject == "wanted"`}
	told := map[string]int{}
	var most uint64
	for i, stopAt := range []int{20, 60, 0} {
		ctx, cancel := context.WithCancel(t.Context())
		out, errs := &stopper{at: stopAt, stop: cancel}, &bytes.Buffer{}
		status := run(world{ctx: ctx, stdin: strings.NewReader(""), stdout: out, stderr: errs, getenv: os.Getenv}, args)
		cancel()
		if last := i == 2; (status == exitOK) != last || !last && !strings.Contains(errs.String(), "the same command goes on from there") {
			t.Fatalf("run %d: status %d, %s", i, status, errs)
		}
		for line := range strings.Lines(out.String()) {
			var h huntHit
			if err := json.Unmarshal([]byte(line), &h); err != nil {
				t.Fatal(err)
			}
			if h.Message != "" {
				told[h.Message]++
			} else if !strings.Contains(line, fmt.Sprintf(`"done":true,"looked":%d,"hits":%d,"open":0,"no_bytes":0,"unread":0`, n, (n+6)/7)) {
				t.Errorf("the counts: %s", line)
			}
		}
		var mem runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&mem)
		most = max(most, mem.HeapInuse)
	}
	if len(told) != (n+6)/7 {
		t.Errorf("%d messages hit, want %d", len(told), (n+6)/7)
	}
	for id, times := range told {
		if times != 1 {
			t.Errorf("%s is told %d times", id, times)
		}
	}
	if most > 256<<20 {
		t.Errorf("%d MiB in use after the hunt", most>>20)
	}
	// Nothing new: the finished hunt looks at nothing again.
	if status, out, errs := command(t, args...); status != exitOK || strings.Contains(out, "wanted") {
		t.Errorf("again: %d\n%s%s", status, out, errs)
	}
}

// profile.by_sender keys on the address where the domain is in
// $free_email_providers, and on the domain elsewhere.
func TestProfileOfProviders(t *testing.T) {
	asked := ""
	answer := func(name string) mql.Answer {
		return func(context.Context, *mail.Message, []any) (any, error) { asked = name; return nil, nil }
	}
	book := &rule.Book{}
	answers := perProvider(map[string]mql.Answer{"profile.by_sender": answer("sender"), "profile.by_sender_email": answer("address")}, book)
	ask := func(from string) string {
		m := mail.Parse(mail.Envelope{}, []byte("From: "+from+"\n\nx"))
		if _, err := answers["profile.by_sender"](t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
		return asked
	}
	if got := ask("a@provider.example.com"); got != "sender" {
		t.Errorf("without lists the %s is asked about", got)
	}
	book.Swap(&rule.Edition{Lists: (&mql.Lists{}).With("free_email_providers", []string{"example.com", "mail.example.org"})})
	for from, want := range map[string]string{
		"a@example.com": "address", "a@Provider.Example.com": "address", "a@mail.example.org": "address", "a@example.org": "sender", "a@notexample.com": "sender",
	} {
		if got := ask(from); got != want {
			t.Errorf("%s: the %s is asked about, want %s", from, got, want)
		}
	}
}
