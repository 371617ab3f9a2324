package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	killMessages = 2000
	killClients  = 12
	kills        = 18
	killTime     = 3 * time.Minute
)

// killLetter makes the i-th message: of its own size, to recipients who get it,
// for whom it is held, or would be refused. In a transaction that others share,
// who would be refused has it held.
func killLetter(i int) (m message, delivered, held []string) {
	box := func(domain string) string { return fmt.Sprintf("k%04d@%s.test", i, domain) }
	switch i % 4 {
	case 0, 1:
		delivered = []string{box("example")}
	case 2:
		held = []string{box("hold")}
	case 3:
		delivered, held = []string{box("example")}, []string{box("hold"), box("reject")}
	}
	var body strings.Builder
	for n := range 1 + (i*i)%300 {
		fmt.Fprintf(&body, "line %d of message %d, which nobody may lose\r\n.\r\n", n, i)
	}
	m = message{
		from: fmt.Sprintf("sender%d@out.test", i%7), to: append(append([]string{}, held...), delivered...), helo: "client.e2e.test",
		raw: fmt.Sprintf("Subject: message %d\r\nFrom: sender%d@out.test\r\nMessage-ID: <k%d@out.test>\r\nDate: Mon, 23 Nov 2026 08:00:00 +0000\r\n\r\n%s", i, i%7, i, body.String()),
	}
	return m, delivered, held
}

// The gate, the Postfix before it and the next hop are killed at random points
// while a client that tries again sends. No message that was accepted is lost,
// and none is held twice. Copies delivered twice are counted: when the power
// goes between a server's work and its answer, SMTP delivers again (RFC 1047).
func TestKill(t *testing.T) {
	dir := workDir(t)
	ports := freePorts(t, 3)
	back := newPostfix(t, dir, "back", ports[2], 0)
	front := newPostfix(t, dir, "front", ports[0], ports[1])
	g := newGate(t, dir, ports[1], ports[2], `    - {name: held, recipients: ["@hold.test"], hold_at: -90}
    - {name: refused, recipients: ["@reject.test"], reject_at: -90}
    - {name: everyone}
`)
	for _, start := range []func() error{back.start, g.start, front.start} {
		if err := start(); err != nil {
			t.Fatal(err)
		}
	}
	defer back.stop(t)
	defer func() { g.stop(t) }()
	defer front.stop(t)

	var done, attempts, later, cut atomic.Int64
	stop := time.Now().Add(killTime)
	work := make(chan int)
	var wg sync.WaitGroup
	for range killClients {
		wg.Go(func() {
			for i := range work {
				m, _, _ := killLetter(i)
				for {
					attempts.Add(1)
					a, err := send(loopback(ports[0]), m)
					if err == nil && a.code == 250 {
						break
					}
					if err == nil && a.code >= 500 {
						t.Errorf("message %d: %d %s", i, a.code, a.text)
						break
					}
					if err != nil {
						cut.Add(1)
					} else {
						later.Add(1)
					}
					if time.Now().After(stop) {
						t.Errorf("message %d was not accepted in time: %v %v", i, a, err)
						break
					}
					time.Sleep(100 * time.Millisecond)
				}
				done.Add(1)
			}
		})
	}
	began := time.Now()
	killed := make(chan map[string]int)
	go func() { killed <- killAtRandom(t, &done, front, back, g) }()
	for i := range killMessages {
		work <- i
	}
	close(work)
	wg.Wait()
	took := time.Since(began)
	t.Logf("figure: %d messages in %v, killed %v; %d attempts, of which %d were put off and %d cut", killMessages, took.Round(time.Millisecond), <-killed, attempts.Load(), later.Load(), cut.Load())
	checkKept(t, back, g)
}

// killAtRandom kills one of the three each time a random number of messages has
// gone through, and starts it again.
func killAtRandom(t *testing.T, done *atomic.Int64, front, back *postfix, g *gate) map[string]int {
	rnd := rand.New(rand.NewPCG(1, 2))
	count := map[string]int{}
	for n := range int64(kills) {
		slot := int64(killMessages / (kills + 1))
		at := n*slot + rnd.Int64N(slot) + 1
		for end := time.Now().Add(time.Minute); done.Load() < at; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("no progress: %d messages done", done.Load())
				return count
			}
		}
		time.Sleep(time.Duration(rnd.IntN(20)) * time.Millisecond)
		name := []string{"gate", "front", "back"}[n%3]
		kill, start := g.kill, g.start
		if name == "front" {
			kill, start = front.kill, front.start
		} else if name == "back" {
			kill, start = back.kill, back.start
		}
		if err := kill(); err != nil {
			t.Errorf("killing %s: %v", name, err)
		}
		time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond)
		if err := start(); err != nil {
			t.Errorf("starting %s again: %v", name, err)
			return count
		}
		count[name]++
	}
	return count
}

// checkKept waits for the far end to settle and compares with what was sent.
func checkKept(t *testing.T, back *postfix, g *gate) {
	want := 0
	for i := range killMessages {
		_, delivered, _ := killLetter(i)
		want += len(delivered)
	}
	var letters map[string][]string
	for end := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) {
		if letters = back.letters(t); len(letters) >= want || time.Now().After(end) {
			break
		}
		if err := back.command("flush"); err != nil {
			t.Error(err)
		}
	}
	holds := heldBy(t, g)
	lost, extra, twice, wrong, nDelivered, nHeld := 0, 0, 0, 0, 0, 0
	for i := range killMessages {
		m, delivered, held := killLetter(i)
		for _, to := range delivered {
			if len(letters[to]) == 0 {
				lost++
				t.Errorf("%s lost its message", to)
				continue
			}
			nDelivered++
			extra += len(letters[to]) - 1
			for _, l := range letters[to] {
				if err := sameLetter(m.raw, l); err != nil {
					wrong++
					t.Errorf("%s: %v", to, err)
				}
			}
			delete(letters, to)
		}
		for _, to := range held {
			switch len(holds[to]) {
			case 0:
				lost++
				t.Errorf("%s lost its held message", to)
			case 1:
				nHeld++
				if err := sameLetter(m.raw, strings.ReplaceAll(holds[to][0].raw, "\r\n", "\n")); err != nil {
					wrong++
					t.Errorf("%s (held): %v", to, err)
				}
			default:
				twice++
				t.Errorf("%s is held %d times", to, len(holds[to]))
			}
			delete(holds, to)
		}
	}
	if len(letters) > 0 || len(holds) > 0 {
		t.Errorf("%d delivered and %d held copies that nobody sent", len(letters), len(holds))
	}
	t.Logf("figure: delivered %d, held %d; lost %d, held twice %d, altered %d; delivered once more after a kill (RFC 1047): %d", nDelivered, nHeld, lost, twice, wrong, extra)
}
