package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"foregate/mail"
	"foregate/mql"
	"foregate/scan/rule"
	"foregate/store"
)

// memory is an archive that waits for open before it records.
type memory struct {
	open chan struct{}
	err  error
	mu   sync.Mutex
	got  []store.Past
}

func (m *memory) RecordAll(_ context.Context, past []store.Past) error {
	<-m.open
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, past...)
	return m.err
}

func (m *memory) TrimHistory(context.Context, time.Time, int64) (int, error) { return 0, m.err }

func judgedSample(n int, d mail.Disposition, size int) (*mail.Message, *mail.Facts, mail.Verdict) {
	raw := []byte("Subject: s\r\n\r\n" + strings.Repeat("x", size))
	m := mail.Parse(mail.Envelope{MailFrom: "a@example.net"}, raw)
	m.Meta.ID = fmt.Sprintf("id-%04d", n)
	return m, &mail.Facts{}, mail.Verdict{Disposition: d}
}

// What the queue has no room for is dropped and counted at once, whatever the
// database does; what it has room for is recorded when the gate stops.
func TestRecorderNeverBlocks(t *testing.T) {
	db := &memory{open: make(chan struct{})}
	r := newRecorder(db, defaults().History, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run(ctx)
	}()
	const n = historyQueue + 500
	start := time.Now()
	for i := range n {
		r.keep(judgedSample(i, mail.Deliver, 10))
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("keeping %d messages took %v while the database stood still", n, took)
	}
	close(db.open)
	cancel()
	<-done
	if got := int64(len(db.got)) + r.dropped.Load(); got != n || r.dropped.Load() < 400 || r.kept.Load() != int64(len(db.got)) {
		t.Errorf("%d recorded, %d counted, %d dropped of %d", len(db.got), r.kept.Load(), r.dropped.Load(), n)
	}
	if r.waiting.Load() != 0 {
		t.Errorf("%d bytes are thought to wait", r.waiting.Load())
	}
}

// The bytes that wait are bounded too.
func TestRecorderBytes(t *testing.T) {
	r := newRecorder(&memory{}, defaults().History, slog.New(slog.DiscardHandler))
	for i := range 30 {
		r.keep(judgedSample(i, mail.Deliver, 4<<20))
	}
	if r.waiting.Load() > historyBytes || len(r.queue) != historyBytes/(4<<20)-1 || r.dropped.Load() != int64(30-len(r.queue)) {
		t.Errorf("%d messages of %d bytes wait, %d dropped", len(r.queue), r.waiting.Load(), r.dropped.Load())
	}
}

func TestRecorderKeeps(t *testing.T) {
	db := &memory{open: make(chan struct{})}
	close(db.open)
	conf := defaults().History
	conf.MaxMessage = 100
	r := newRecorder(db, conf, slog.New(slog.DiscardHandler))
	for i, d := range []mail.Disposition{mail.Deliver, mail.Hold, mail.Defer, mail.Reject, mail.Flag} {
		r.keep(judgedSample(i, d, 200*(i/4))) // the flagged one is too large to keep
	}
	var none *recorder
	none.keep(judgedSample(9, mail.Deliver, 1))
	r.drain(t.Context())
	var got []string
	for _, p := range db.got {
		got = append(got, fmt.Sprint(p.ID, p.Verdict.Disposition, p.Subject, p.Raw != nil))
	}
	if want := "id-0000deliverstrue id-0003rejectstrue id-0004flagsfalse"; strings.Join(got, " ") != want {
		t.Errorf("recorded %s, want %s", strings.Join(got, " "), want)
	}
	db.err = errors.New("disk full")
	r.keep(judgedSample(10, mail.Deliver, 1))
	r.drain(t.Context())
	if r.failed.Load() != 1 {
		t.Errorf("%d failures counted, want 1", r.failed.Load())
	}
}

// writeRule writes a rule that fires on a subject.
func writeRule(t *testing.T, path, id, source string) {
	t.Helper()
	text := fmt.Sprintf("name: %q\nid: %q\nsource: |\n  %s\n", "Rule "+id, id, source)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// watched is a service with one rule that looks for changes of the folder.
func watched(t *testing.T, dir string, log *lockedBuffer, every time.Duration) *service {
	t.Helper()
	conf := defaults()
	conf.Rules = rulesConfig{Dirs: []string{dir}}
	conf.Database = filepath.Join(t.TempDir(), "x.db")
	conf.SMTP.Listen, conf.HTTP.Listen, conf.DNS.Offline = []string{"127.0.0.1:0"}, "", true // it is not opened
	writeRule(t, filepath.Join(dir, "a.yml"), "a", `subject.subject == "one"`)
	s, err := newService(t.Context(), conf, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.watchRules(ctx, every)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		s.db.Close()
	})
	return s
}

// TestReloadSignal reloads at SIGHUP, long before the next look at the files.
func TestReloadSignal(t *testing.T) {
	// Before the service listens and after it has stopped, a signal must not end
	// the process: the guard stays, as the last one may come late.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	dir := t.TempDir()
	s := watched(t, dir, new(lockedBuffer), time.Hour)
	writeRule(t, filepath.Join(dir, "b.yml"), "b", `subject.subject == "two"`)
	await(t, "the signal to work", func() bool {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		return s.rules.loaded.Load() == 2
	})
}

// TestReload changes the files under a running gate.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	var log lockedBuffer
	s := watched(t, dir, &log, 5*time.Millisecond)
	if n := s.rules.loaded.Load(); n != 1 {
		t.Fatalf("%d rules at the start, want 1", n)
	}
	first := s.book.Current()
	writeRule(t, filepath.Join(dir, "b.yml"), "b", `subject.subject == "two"`)
	writeRule(t, filepath.Join(dir, "bad.yml"), "bad", `subject.subjekt == "two"`)
	await(t, "the new rule", func() bool { return s.rules.loaded.Load() == 2 && s.rules.leftOut.Load() == 1 })
	if s.book.Current() == first || len(first.Rules.Rules) != 1 {
		t.Error("the edition in force was changed in place of being swapped")
	}
	if !strings.Contains(log.String(), "bad.yml:4:") {
		t.Errorf("the log does not name the place of the fault: %s", log.String())
	}
	// A folder that cannot be read changes nothing.
	old := s.book.Current()
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	await(t, "the failure", func() bool { return s.rules.failed.Load() > 0 })
	if s.book.Current() != old {
		t.Error("a failed reload took the rules away")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "bad.yml")); err != nil {
		t.Fatal(err)
	}
	await(t, "the folder back", func() bool { return s.rules.leftOut.Load() == 0 })
}

// TestReloadEmptied: a folder whose files are all gone, as when a disk is not
// mounted, leaves the rules in force.
func TestReloadEmptied(t *testing.T) {
	dir := t.TempDir()
	s := watched(t, dir, new(lockedBuffer), time.Hour)
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.reload(); !errors.Is(err, errRulesGone) || s.rules.loaded.Load() != 1 || s.rules.failed.Load() != 1 {
		t.Errorf("reload: %v; %d rules in force, %d reloads failed; want 1, 1", err, s.rules.loaded.Load(), s.rules.failed.Load())
	}
}

// TestReloadBrokenLists breaks the manifest of the lists under a running gate: the
// lists in force stay, with the rules.
func TestReloadBrokenLists(t *testing.T) {
	dir, lists := t.TempDir(), t.TempDir()
	manifest := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(lists, "manifest.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	manifest(`{"lists":[{"file":"names.txt","identifier":"names"}]}`)
	if err := os.WriteFile(filepath.Join(lists, "names.txt"), []byte("ann\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	s := watched(t, dir, &log, time.Hour)
	s.conf.Rules.Lists = lists
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	if n, ok := s.book.Current().Lists.Len("names"); !ok || n != 1 {
		t.Fatalf("the list has %d entries, %t", n, ok)
	}
	manifest(`{"lists":[{"file":"na`)
	if err := s.reload(); err == nil || !strings.Contains(err.Error(), "reading list manifest") {
		t.Errorf("reload: %v", err)
	}
	if n, _ := s.book.Current().Lists.Len("names"); n != 1 || s.rules.failed.Load() != 1 {
		t.Errorf("%d entries in force, %d reloads failed; want 1, 1", n, s.rules.failed.Load())
	}
}

// TestSwapUnderLoad swaps editions while messages are judged: every message sees
// one whole edition.
func TestSwapUnderLoad(t *testing.T) {
	book := &rule.Book{}
	edition := func(n int) *rule.Edition {
		env := mql.NewEnv()
		set, errs := env.CompileRules([]*mql.Rule{
			{ID: "1", Name: fmt.Sprint(n), Kind: mql.Detection, Source: `"x" in $list`},
			{ID: "2", Name: fmt.Sprint(n), Kind: mql.Detection, Source: `"x" in $list`},
		})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		var l *mql.Lists
		return &rule.Edition{Rules: set, Lists: l.With("list", []string{"x"})}
	}
	editions := []*rule.Edition{edition(0), edition(1)}
	book.Swap(editions[0])
	conf := defaults()
	conf.DNS.Offline = true
	engine, err := newEngine(conf, book, nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				book.Swap(editions[i%2])
			}
		}
	})
	for range 200 {
		_, f, _ := engine.Judge(t.Context(), mail.Envelope{}, []byte("Subject: s\r\n\r\nbody\r\n"))
		if len(f.Rules) != 2 || f.Rules[0].Name != f.Rules[1].Name {
			t.Fatalf("a message saw the rules %v", f.Rules)
		}
	}
	close(stop)
	wg.Wait()
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
