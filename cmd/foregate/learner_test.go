package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foregate/evidence"
	"foregate/mail"
	"foregate/mql/shape"
	"foregate/policy"
	"foregate/scan/sender"
	"foregate/store"
)

// letterOf is a message of one correspondent.
func letterOf(n int, at time.Time) []byte {
	return fmt.Appendf(nil, "From: Ann Example <ann@partner-example.com>\r\nTo: ben@example.org\r\nSubject: Minutes %d\r\nDate: %s\r\nMessage-ID: <%d@partner-example.com>\r\n\r\nHello\r\n",
		n, at.Format(time.RFC1123Z), n)
}

// TestLearner keeps what mail teaches in a real database, to the last message
// before a stop, and learns it when its time has come.
func TestLearner(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conf := defaults()
	conf.Sender.Delay = time.Hour
	senders, done, err := newSenders(t.Context(), conf, db, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	var log bytes.Buffer
	l := newLearner(senders, db, slog.New(slog.NewTextHandler(&log, nil)))
	end := l.start(t.Context())
	now := time.Now()
	var last *mail.Message
	for i := range 20 {
		m := mail.Parse(mail.Envelope{ReceivedAt: now, Recipients: []string{"ben@example.org"}}, letterOf(i, now))
		m.Meta.ID = fmt.Sprint("m", i)
		m.Type.Inbound = true
		l.keep(m, &mail.Facts{Auth: mail.Auth{AuthorProven: true}}, mail.Verdict{Disposition: mail.Deliver})
		last = m
	}
	end()
	benign := func() bool {
		t.Helper()
		v, err := senders.Answers()["profile.by_sender_email"](t.Context(), last, nil)
		if err != nil {
			t.Fatal(err)
		}
		return *v.(*shape.Sender).AnyMessagesBenign
	}
	l.settle(t.Context(), now.Add(59*time.Minute))
	if benign() {
		t.Error("mail counts before its delay is over")
	}
	l.settle(t.Context(), now.Add(61*time.Minute))
	if !benign() {
		t.Errorf("mail does not count after its delay; log: %s", &log)
	}
	if n, err := senders.Settle(t.Context(), now.Add(24*time.Hour)); n != 0 || err != nil {
		t.Errorf("%d lessons are left, %v", n, err)
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log: %s", &log)
	}
}

func TestLearnerDropsWhatIsTooMuch(t *testing.T) {
	conf := defaults()
	senders, _, err := newSenders(t.Context(), conf, &sender.InMemory{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	l := newLearner(senders, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	m := mail.Parse(mail.Envelope{ReceivedAt: time.Now()}, letterOf(1, time.Now()))
	for range learnQueue + 3 {
		l.keep(m, &mail.Facts{}, mail.Verdict{Disposition: mail.Deliver})
	}
	if got := l.dropped.Load(); got != 3 {
		t.Errorf("%d notes dropped, want 3", got)
	}
	var none *learner
	none.keep(m, &mail.Facts{}, mail.Verdict{}) // a gate that learns nothing
	none.start(t.Context())()
}

func TestInOrder(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 11, d, 12, 0, 0, 0, time.UTC) }
	samples := []sample{
		{path: "c", raw: letterOf(3, day(3))},
		{path: "undated", raw: []byte("From: x@example.com\r\n\r\n")},
		{path: "a", raw: letterOf(1, day(1))},
		{path: "b", raw: letterOf(2, day(1))},
		{path: "liar", raw: append([]byte("Received: from x by y; Mon, 02 Nov 2026 12:00:00 +0000\r\n"), letterOf(4, day(1).AddDate(-9, 0, 0))...)},
	}
	var got []string
	for _, d := range inOrder(samples) {
		got = append(got, d.sample.path+d.at.Format("/2"))
	}
	if want := "a/1 b/1 undated/1 liar/2 c/3"; strings.Join(got, " ") != want {
		t.Errorf("order %q, want %q", got, want)
	}
}

// TestScoreOrdered wants the twentieth message of a correspondent to be judged
// by the nineteen before.
func TestScoreOrdered(t *testing.T) {
	conf := defaults()
	conf.DNS.Offline = true
	conf.Rules.Builtin = false
	var samples []sample
	for i := range 20 {
		at := time.Date(2026, 10, 1+i, 12, 0, 0, 0, time.UTC)
		samples = append(samples, sample{path: fmt.Sprint(100 - i), label: "ham", raw: letterOf(i, at), env: mail.Envelope{Recorded: &mail.RecordedAuth{SPF: "pass", DKIM: "pass", DMARC: "pass"}}})
	}
	got, _, err := scoreOrdered(&world{ctx: context.Background(), stderr: io.Discard, getenv: os.Getenv}, conf, samples)
	if err != nil {
		t.Fatal(err)
	}
	first, last := got[0], got[len(got)-1]
	if first.sample.path != "100" || last.sample.path != "81" {
		t.Fatalf("judged from %s to %s, want from 100 to 81", first.sample.path, last.sample.path)
	}
	if last.odds > first.odds-.3 {
		t.Errorf("the first message has odds %v, the twentieth %v: nothing was learned", first.odds, last.odds)
	}
}

// TestExplainQuietForm wants the explanation to say in words that the quiet form
// of attack carries the verdict, with the weight that it adds.
func TestExplainQuietForm(t *testing.T) {
	items := []evidence.Item{
		{ID: "sender.takeover", Claim: "This comes from elsewhere and asks for a link to a new place.", Weight: 3, Measured: true, History: true},
		{ID: "text.benign.extreme", Claim: "The text reads like ordinary mail."},
	}
	table, err := evidence.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	p := policy.Policy{Weights: table, Prior: -2, Groups: []policy.Group{{Name: "all", FlagAt: 0, HoldAt: 1, RejectAt: policy.Never}}}
	m := mail.Parse(mail.Envelope{}, letterOf(1, time.Now()))
	f := &mail.Facts{Evidence: items}
	v := p.Decide(m, f)
	if v.Disposition != mail.Flag {
		t.Errorf("%s at odds %v, want it flagged", v.Disposition, v.LogOdds)
	}
	got := explain("x.eml", judged{msg: m, facts: f, verdict: v}, true)
	for _, want := range []string{
		"What speaks most for an attack: This comes from elsewhere and asks for a link to a new place.",
		fmt.Sprintf("%+5.2f  Who writes in a correspondent's place writes as ordinary mail does", v.Reasons[len(v.Reasons)-1].Weight),
		"[evidence.quiet]",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the explanation lacks %q:\n%s", want, got)
		}
	}
}
