package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// progress shows how far long work is, on standard error and only on a
// terminal. A nil progress shows nothing.
type progress struct {
	w     io.Writer
	what  string
	total int

	mu   sync.Mutex
	done int
	last time.Time
}

// newProgress returns nil when w is no terminal.
func newProgress(w io.Writer, what string, total int) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return &progress{w: w, what: what, total: total}
}

// step counts one more and redraws at most ten times a second.
func (p *progress) step() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if now := time.Now(); now.Sub(p.last) > 100*time.Millisecond {
		p.last = now
		if p.total == 0 { // not known
			fmt.Fprintf(p.w, "\r%s: %d", p.what, p.done)
			return
		}
		const width = 30
		n := min(width, width*p.done/max(1, p.total))
		fmt.Fprintf(p.w, "\r%s [%s%s] %d of %d", p.what, strings.Repeat("#", n), strings.Repeat(".", width-n), p.done, p.total)
	}
}

// finish removes the bar.
func (p *progress) finish() {
	if p != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
