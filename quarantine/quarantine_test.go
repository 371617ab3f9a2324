package quarantine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/mail"
	"foregate/quarantine"
	"foregate/scan"
	"foregate/store"
)

var _ scan.Action = (*quarantine.Quarantine)(nil)

// nextHop is an Injector that keeps what it is given.
type nextHop struct {
	mu   sync.Mutex
	err  error
	sent []sent
	hook func() // runs before the answer
}

type sent struct {
	From string
	To   []string
	Raw  string
}

func (n *nextHop) Inject(_ context.Context, from string, to []string, raw []byte) error {
	if n.hook != nil {
		n.hook()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return n.err
	}
	n.sent = append(n.sent, sent{from, to, string(raw)})
	return nil
}

// clock is a time that tests move.
type clock struct{ atomic.Pointer[time.Time] }

func (c *clock) now() time.Time { return *c.Load() }

func (c *clock) add(d time.Duration) {
	t := c.now().Add(d)
	c.Store(&t)
}

type world struct {
	*quarantine.Quarantine
	hop   *nextHop
	clock *clock
	path  string
}

var t0 = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) world {
	t.Helper()
	return openWorld(t, filepath.Join(t.TempDir(), "x.db"))
}

func openWorld(t testing.TB, path string) world {
	t.Helper()
	db, err := store.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := world{hop: &nextHop{}, clock: &clock{}, path: path}
	start := t0
	w.clock.Store(&start)
	w.Quarantine = &quarantine.Quarantine{DB: db, Injector: w.hop, Now: w.clock.now}
	return w
}

const testMessage = "Received: from x\r\nX-Foregate-Verdict: deliver;\r\n\tforged\r\nFrom: Eve <eve@example.org>\r\nSubject: pay now\r\n\r\nbody\r\n"

// verdict holds ann and bob and delivers to carol.
func verdict() mail.Verdict {
	return mail.Verdict{
		Disposition: mail.Hold, LogOdds: 1.5, Probability: 0.97,
		Reasons: []evidence.Item{{ID: "auth.dmarc-fail", Claim: "DMARC fails", Weight: 1.5}},
		Recipients: []mail.RecipientVerdict{
			{Recipient: "ann@example.net", Group: "press", Disposition: mail.Hold},
			{Recipient: "bob@example.net", Group: "everyone", Disposition: mail.Hold},
			{Recipient: "carol@example.net", Group: "lab", Disposition: mail.Flag},
		},
	}
}

func message() *mail.Message {
	m := &mail.Message{
		Envelope: mail.Envelope{
			MailFrom: "bounce@example.org", HasFrom: true,
			Recipients: []string{"ann@example.net", "bob@example.net", "carol@example.net"},
		},
		Raw:     []byte(testMessage),
		Subject: &mail.Subject{Subject: "pay now"},
	}
	m.Sender.Email.Email = "eve@example.org"
	return m
}

// held puts the test message into the quarantine and returns its ID.
func (w world) held(t testing.TB) string {
	t.Helper()
	m := message()
	if err := w.Act(context.Background(), m, &mail.Facts{}, verdict()); err != nil {
		t.Fatal(err)
	}
	return m.Meta.ID
}

func (w world) states(t testing.TB, id string) string {
	t.Helper()
	h, err := w.DB.Get(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range h.Recipients {
		out = append(out, strings.TrimSuffix(r.Address, "@example.net")+" "+string(r.State))
	}
	return strings.Join(out, ", ")
}

func (w world) acts(t testing.TB, id string) []string {
	t.Helper()
	acts, err := w.DB.Acts(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, a := range acts {
		out = append(out, a.Actor+": "+a.Act+": "+a.Detail)
	}
	return out
}

func want(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAct(t *testing.T) {
	w := newWorld(t)
	f := &mail.Facts{}
	f.Add(evidence.Item{ID: "x"})
	m := message()
	if err := w.Act(t.Context(), m, f, verdict()); err != nil {
		t.Fatal(err)
	}
	it, err := w.Show(t.Context(), m.Meta.ID)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "header", it.Header, strings.TrimSuffix(testMessage, "\r\nbody\r\n"))
	want(t, "verdict", it.Verdict, verdict())
	want(t, "sender and subject", []string{it.Sender, it.Subject, it.MailFrom}, []string{"eve@example.org", "pay now", "bounce@example.org"})
	want(t, "recipients", it.Recipients, []store.Recipient{
		{Address: "ann@example.net", Group: "press", State: store.Held, ChangedAt: t0},
		{Address: "bob@example.net", Group: "everyone", State: store.Held, ChangedAt: t0},
	})
	var facts mail.Facts
	if err := json.Unmarshal(it.Facts, &facts); err != nil || len(facts.Evidence) != 1 {
		t.Errorf("facts: %s, %v", it.Facts, err)
	}
	raw, err := w.Raw(t.Context(), "ann", m.Meta.ID)
	if err != nil || string(raw) != testMessage {
		t.Errorf("bytes differ: %v", err)
	}
	want(t, "acts", w.acts(t, m.Meta.ID), []string{"ann: read: "})
	if out, err := json.Marshal(it); err != nil || !strings.Contains(string(out), `"state":"held"`) {
		t.Errorf("as JSON: %s, %v", out, err)
	}
}

func TestActRetry(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	again := message()
	again.Meta.ID = "00000000-0000-7000-8000-000000000000"
	again.Raw = []byte("Received: from y\r\n" + strings.TrimPrefix(testMessage, "Received: from x\r\n"))
	if err := w.Act(t.Context(), again, &mail.Facts{}, verdict()); err != nil {
		t.Fatal(err)
	}
	if again.Meta.ID != id {
		t.Errorf("the retry is %s, want %s", again.Meta.ID, id)
	}
}

func TestActNothing(t *testing.T) {
	w := newWorld(t)
	none := verdict()
	none.Disposition, none.Recipients = mail.Reject, none.Recipients[2:]
	if err := w.Act(t.Context(), message(), &mail.Facts{}, none); err != nil {
		t.Fatal(err)
	}
	all := mail.Verdict{Disposition: mail.Hold}
	m := message()
	if err := w.Act(t.Context(), m, &mail.Facts{}, all); err != nil {
		t.Fatal(err)
	}
	want(t, "all of the envelope", w.states(t, m.Meta.ID), "ann held, bob held, carol held")
	m.Envelope.Recipients = nil
	if err := w.Act(t.Context(), m, &mail.Facts{}, all); err == nil {
		t.Error("a hold for nobody succeeds")
	}
	if holds, err := w.List(t.Context(), store.Query{}); err != nil || len(holds) != 1 {
		t.Errorf("%d holds: %v", len(holds), err)
	}
}

func TestActFails(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Act(ctx, message(), &mail.Facts{}, verdict()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRecord(t *testing.T) {
	w := newWorld(t)
	m := message()
	m.Meta.ID = "00000000-0000-7000-8000-000000000001"
	if err := w.Record(t.Context(), m, &mail.Facts{}, mail.Verdict{Disposition: mail.Deliver}); err != nil {
		t.Fatal(err)
	}
	rec, err := w.DB.Message(t.Context(), m.Meta.ID)
	if err != nil || rec.Verdict.Disposition != mail.Deliver || rec.Subject != "pay now" {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestRelease(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	to, err := w.Release(t.Context(), quarantine.Release{ID: id, Actor: "O'Brien \"x\"\r\nBcc: y", Recipients: []string{"bob@example.net"}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "released to", to, []string{"bob@example.net"})
	want(t, "states", w.states(t, id), "ann held, bob released")
	h, _ := w.DB.Get(t.Context(), id)
	trace := fmt.Sprintf("X-Foregate-Released: id=%s;\r\n\ttoken=%s;\r\n\tby=\"O'Brien ?x???Bcc: y\";\r\n\tat=2026-11-23T08:00:00Z\r\n",
		id, h.Recipients[1].Token)
	want(t, "sent", w.hop.sent, []sent{{
		From: "bounce@example.org", To: []string{"bob@example.net"},
		Raw: trace + "Received: from x\r\nFrom: Eve <eve@example.org>\r\nSubject: pay now\r\n\r\nbody\r\n",
	}})
	if _, err := w.Release(t.Context(), quarantine.Release{ID: id, Actor: "ann"}); err != nil {
		t.Fatal(err)
	}
	want(t, "the rest goes to", w.hop.sent[1].To, []string{"ann@example.net"})
	for _, r := range []quarantine.Release{
		{ID: id}, {ID: id, Force: true}, {ID: id, Recipients: []string{"bob@example.net"}}, {ID: id, Recipients: []string{"carol@example.net"}},
	} {
		if _, err := w.Release(t.Context(), r); !errors.Is(err, store.ErrState) {
			t.Errorf("%+v: %v, want ErrState", r, err)
		}
	}
	if _, err := w.Release(t.Context(), quarantine.Release{ID: "nobody"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown ID: %v", err)
	}
	if len(w.hop.sent) != 2 {
		t.Errorf("%d messages sent, want 2", len(w.hop.sent))
	}
	want(t, "acts", w.acts(t, id), []string{
		"O'Brien \"x\"\r\nBcc: y: release: bob@example.net", "ann: release: ann@example.net",
	})
}

func TestReleaseRefused(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	w.hop.err = fmt.Errorf("550 no: %w", quarantine.ErrRefused)
	if _, err := w.Release(t.Context(), quarantine.Release{ID: id, Actor: "ann"}); !errors.Is(err, quarantine.ErrRefused) {
		t.Errorf("got %v", err)
	}
	want(t, "states", w.states(t, id), "ann held, bob held")
	w.hop.err = nil
	if _, err := w.Release(t.Context(), quarantine.Release{ID: id, Actor: "ann"}); err != nil {
		t.Errorf("second try: %v", err)
	}
	want(t, "acts", w.acts(t, id), []string{
		"ann: release: ann@example.net, bob@example.net",
		"ann: release failed: 550 no: the next hop did not take the message",
		"ann: release: ann@example.net, bob@example.net",
	})
}

func TestReleaseUncertain(t *testing.T) {
	for _, arrived := range []bool{true, false} {
		t.Run(fmt.Sprint(arrived), func(t *testing.T) {
			w := newWorld(t)
			id := w.held(t)
			w.hop.err = errors.New("connection lost after the final dot")
			if _, err := w.Release(t.Context(), quarantine.Release{ID: id, Actor: "ann"}); !errors.Is(err, quarantine.ErrUncertain) {
				t.Fatalf("got %v", err)
			}
			w.hop.err = nil
			want(t, "states", w.states(t, id), "ann releasing, bob releasing")
			for name, err := range map[string]error{
				"release": second(w.Release(t.Context(), quarantine.Release{ID: id})),
				"force":   second(w.Release(t.Context(), quarantine.Release{ID: id, Force: true})),
				"resolve": w.Resolve(t.Context(), "ann", id, nil, arrived),
				"delete":  w.Delete(t.Context(), "ann", id, nil),
			} {
				if !errors.Is(err, store.ErrState) {
					t.Errorf("%s at once: %v, want ErrState", name, err)
				}
			}
			w.clock.add(10 * time.Minute)
			if err := w.Resolve(t.Context(), "bob", id, nil, arrived); err != nil {
				t.Fatal(err)
			}
			state, word := "released", "delivered"
			if !arrived {
				state, word = "held", "not delivered"
			}
			want(t, "states", w.states(t, id), "ann "+state+", bob "+state)
			want(t, "acts", w.acts(t, id), []string{
				"ann: release: ann@example.net, bob@example.net",
				"ann: release uncertain: connection lost after the final dot",
				"bob: resolve as " + word + ": ann@example.net, bob@example.net",
			})
		})
	}
}

func second[T any](_ T, err error) error { return err }

func TestReleaseForce(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	w.hop.err = errors.New("lost")
	if _, err := w.Release(t.Context(), quarantine.Release{ID: id, Actor: "ann"}); !errors.Is(err, quarantine.ErrUncertain) {
		t.Fatalf("got %v", err)
	}
	w.hop.err = nil
	w.clock.add(10 * time.Minute)
	if _, err := w.Release(t.Context(), quarantine.Release{ID: id, Actor: "ann", Force: true}); err != nil {
		t.Fatal(err)
	}
	want(t, "states", w.states(t, id), "ann released, bob released")
	if len(w.hop.sent) != 1 {
		t.Errorf("%d messages sent", len(w.hop.sent))
	}
}

// TestReleaseLate: a hand-over that answers after somebody resolved it changes
// nothing and says so.
func TestReleaseLate(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	w.hop.hook = func() {
		w.clock.add(time.Hour)
		if err := w.Resolve(context.Background(), "bob", id, nil, false); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.Release(t.Context(), quarantine.Release{ID: id, Actor: "ann"}); !errors.Is(err, quarantine.ErrUncertain) || !errors.Is(err, store.ErrState) {
		t.Errorf("got %v", err)
	}
	want(t, "states", w.states(t, id), "ann held, bob held")
}

// TestReleaseClientGone: a release whose caller goes away is finished.
func TestReleaseClientGone(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.hop.hook = cancel
	if _, err := w.Release(ctx, quarantine.Release{ID: id, Actor: "ann"}); err != nil {
		t.Fatal(err)
	}
	want(t, "states", w.states(t, id), "ann released, bob released")
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	if err := w.Delete(t.Context(), "ann", id, []string{"ann@example.net"}); err != nil {
		t.Fatal(err)
	}
	want(t, "states", w.states(t, id), "ann deleted, bob held")
	if err := w.Delete(t.Context(), "ann", id, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Raw(t.Context(), "ann", id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the bytes of a deleted message: %v", err)
	}
	it, err := w.Show(t.Context(), id)
	if err != nil || it.Header != "" || it.Subject != "pay now" {
		t.Errorf("the record of a deleted message: %+v, %v", it, err)
	}
	want(t, "acts", w.acts(t, id), []string{"ann: delete: ann@example.net", "ann: delete: bob@example.net"})
}

func TestExpire(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	day := 24 * time.Hour
	expire := func(at time.Duration, wantCopies, wantRecords int) {
		t.Helper()
		copies, records, err := w.Expire(t.Context(), t0.Add(at))
		if err != nil || copies != wantCopies || records != wantRecords {
			t.Errorf("after %s: %d copies and %d records (%v), want %d and %d", at, copies, records, err, wantCopies, wantRecords)
		}
	}
	expire(30*day, 0, 0)
	expire(30*day+time.Second, 2, 0)
	want(t, "states", w.states(t, id), "ann expired, bob expired")
	if _, err := w.Release(t.Context(), quarantine.Release{ID: id}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("release of an expired message: %v", err)
	}
	expire(180*day+time.Second, 0, 1)
	if _, err := w.Show(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the record after its retention: %v", err)
	}
}

func TestReleaseTogether(t *testing.T) {
	one := newWorld(t)
	two := openWorld(t, one.path)
	for range 4 {
		id := one.held(t)
		one.clock.add(8 * 24 * time.Hour) // the next round is no retry
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				_, err := []world{one, two}[i%2].Release(context.Background(), quarantine.Release{ID: id, Actor: "ann"})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, store.ErrState):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 9 {
			t.Errorf("%d won and %d lost", won.Load(), lost.Load())
		}
	}
	if n := len(one.hop.sent) + len(two.hop.sent); n != 4 {
		t.Errorf("%d messages sent, want 4", n)
	}
}

// The test binary is also a process that releases one message and may be killed
// while it does.
const (
	childEnv = "FOREGATE_TEST_RELEASE" // database, ID and log file, separated by |
	dieEnv   = "FOREGATE_TEST_DIE"     // "before" or "after" sending: end without a trace
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childEnv); job != "" {
		os.Exit(releaseChild(job))
	}
	os.Exit(m.Run())
}

// fileHop appends a line to a file for each message.
type fileHop struct{ path, die string }

func (h fileHop) Inject(_ context.Context, _ string, to []string, _ []byte) error {
	if h.die == "before" {
		os.Exit(9)
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(strings.Join(to, " ") + "\n"); err != nil {
		return err
	}
	if h.die == "after" {
		os.Exit(9)
	}
	return f.Close()
}

func releaseChild(job string) int {
	part := strings.Split(job, "|")
	db, err := store.Open(context.Background(), part[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	q := quarantine.Quarantine{DB: db, Injector: fileHop{path: part[2], die: os.Getenv(dieEnv)}}
	_, err = q.Release(context.Background(), quarantine.Release{ID: part[1], Actor: "child"})
	switch {
	case err == nil:
		return 0
	case errors.Is(err, store.ErrState):
		return 3
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func child(job, die string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+job, dieEnv+"="+die)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestReleaseProcesses: of several processes that release one message one does.
func TestReleaseProcesses(t *testing.T) {
	w := newWorld(t)
	id := w.held(t)
	log := filepath.Join(t.TempDir(), "sent")
	job := strings.Join([]string{w.path, id, log}, "|")
	codes := map[int]int{}
	var cmds []*exec.Cmd
	for range 4 {
		cmd := child(job, "")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		cmd.Wait()
		codes[cmd.ProcessState.ExitCode()]++
	}
	want(t, "exit codes", codes, map[int]int{0: 1, 3: 3})
	sent, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "sent", string(sent), "ann@example.net bob@example.net\n")
}

// TestReleaseCrash: a process that ends in the middle of a release leaves the
// copies to a person, whether the message went out or not.
func TestReleaseCrash(t *testing.T) {
	for die, lines := range map[string]string{"before": "", "after": "ann@example.net bob@example.net\n"} {
		w := newWorld(t)
		id := w.held(t)
		log := filepath.Join(t.TempDir(), "sent")
		job := strings.Join([]string{w.path, id, log}, "|")
		cmd := child(job, die)
		cmd.Run()
		want(t, "exit code", cmd.ProcessState.ExitCode(), 9)
		want(t, "states", w.states(t, id), "ann releasing, bob releasing")
		again := child(job, "")
		again.Run()
		want(t, "exit code of the next", again.ProcessState.ExitCode(), 3)
		sent, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		want(t, "sent", string(sent), lines)
	}
}
