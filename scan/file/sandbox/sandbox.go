// Package sandbox runs untrusted work in child processes of our own program
// that can do nothing but compute. A child may not open files (Landlock), talk
// to the network, start programs or reach other processes (seccomp), or use
// more memory and processor time than it is given (rlimits). Requests and
// answers are bytes over a pair of pipes.
//
// A child that dies, hangs or breaks the protocol costs the one call it was
// working on, with the reason as its error, and is replaced.
package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Bounds of the protocol and of the children.
const (
	// maxFrame bounds one request or answer: what one message may decode to, and
	// its description.
	maxFrame = 320 << 20
	// MemoryLimit is what a child may use beyond what it had at its start.
	MemoryLimit = 512 << 20
	// softMemory is where the collector of a child begins to work hard.
	softMemory = 384 << 20
	// CPULimit is the processor time of one call. The work itself stops earlier;
	// this is for what does not listen.
	CPULimit = 10 * time.Second
	// wallLimit ends a call that neither works nor answers.
	wallLimit = 20 * time.Second
	// startLimit bounds the start of a child.
	startLimit = 10 * time.Second
	// maxCalls is after how many calls a child is replaced: what one message
	// left behind must not live for ever.
	maxCalls = 500
	// maxComplaint bounds what is kept of a child's standard error.
	maxComplaint = 4 << 10
)

// ErrUnavailable says that no child can be started, or that it cannot be
// confined though that is required.
var ErrUnavailable = errors.New("no sandbox")

// Status says what confines a child.
type Status struct {
	Landlock int      `json:"landlock"` // version of the kernel's interface, 0 when it does not confine
	Seccomp  bool     `json:"seccomp"`
	Limits   bool     `json:"limits"`
	Missing  []string `json:"missing,omitempty"` // what is not there and why
}

// Pool runs calls in children. Fields are set before the first call. It is safe
// for concurrent use; nothing is started before it is needed.
type Pool struct {
	Command []string     // the program and its arguments
	Workers int          // most children at once; 0 is 2
	Require bool         // fail where a child cannot be confined by seccomp and limits
	Log     *slog.Logger // nil is the default logger

	once  sync.Once
	slots chan struct{}
	mu    sync.Mutex
	idle  []*worker
	dead  bool
	warn  sync.Once
}

// worker is one child.
type worker struct {
	cmd    *exec.Cmd
	in     *os.File // requests
	out    *os.File // answers
	status Status
	calls  int
	stderr *tail
	ended  chan struct{} // closed when it has ended, err is set then
	err    error
}

// Call sends the parts of a request, in order, to a free child and returns its
// answer. The error says why there is none: the time is over, the child died,
// or what it reports itself.
func (p *Pool) Call(ctx context.Context, parts ...[]byte) ([]byte, error) {
	p.once.Do(func() { p.slots = make(chan struct{}, max(p.Workers, 0)+2*btoi(p.Workers <= 0)) })
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a sandbox: %w", context.Cause(ctx))
	}
	defer func() { <-p.slots }()
	w, err := p.get()
	if err != nil {
		return nil, err
	}
	answer, alive, err := w.call(ctx, parts)
	if w.calls++; alive && w.calls < maxCalls {
		p.put(w)
	} else {
		w.stop()
	}
	return answer, err
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// get returns an idle child that lives, or a new one.
func (p *Pool) get() (*worker, error) {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			break
		}
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		select {
		case <-w.ended:
		default:
			return w, nil
		}
	}
	w, err := start(p.Command)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	// Landlock is the second wall behind seccomp, which forbids to open anything:
	// a kernel or a build without it is confined all the same.
	if s := w.status; !s.Seccomp || !s.Limits {
		missing := strings.Join(s.Missing, "; ")
		if p.Require {
			w.stop()
			return nil, fmt.Errorf("%w: %s", ErrUnavailable, missing)
		}
		p.warn.Do(func() {
			p.log().Warn("files are opened in a process that is not wholly confined", "missing", missing)
		})
	}
	return w, nil
}

func (p *Pool) log() *slog.Logger {
	if p.Log == nil {
		return slog.Default()
	}
	return p.Log
}

func (p *Pool) put(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		w.stop()
		return
	}
	p.idle = append(p.idle, w)
}

// Check starts a child if none is idle and says what confines it.
func (p *Pool) Check() (Status, error) {
	w, err := p.get()
	if err != nil {
		return Status{}, err
	}
	defer p.put(w)
	return w.status, nil
}

// Close ends the idle children; those at work end with their call.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	for _, w := range p.idle {
		w.stop()
	}
	p.idle = nil
}

// tail keeps the beginning of what a child complains about.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p[:min(len(p), maxComplaint-len(t.b))]...)
	return len(p), nil
}

func (t *tail) firstLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line, _, _ := bytes.Cut(t.b, []byte("\n"))
	return strings.TrimSpace(string(line))
}

// start runs the program with an empty environment and waits until it says
// what confines it.
func start(command []string) (*worker, error) {
	if len(command) == 0 {
		return nil, errors.New("no program to run")
	}
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting a file worker: %w", err)
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		in.Close()
		return nil, fmt.Errorf("starting a file worker: %w", err)
	}
	w := &worker{cmd: exec.Command(command[0], command[1:]...), in: in, out: out, stderr: &tail{}, ended: make(chan struct{})}
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = childIn, childOut, w.stderr
	// A child works on one file at a time, in little memory: a second processor
	// only looks for work, and the collector runs every 4 MB. Both settings
	// together take a tenth off the processor time of the children.
	w.cmd.Env, w.cmd.Dir = []string{"TZ=UTC", "GOTRACEBACK=none", "GOMAXPROCS=1", "GOGC=400"}, "/"
	err = w.cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, fmt.Errorf("starting a file worker: %w", err)
	}
	go func() {
		w.err = w.cmd.Wait()
		close(w.ended)
	}()
	if err := out.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		w.stop()
		return nil, fmt.Errorf("starting a file worker: %w", err)
	}
	hello, _, err := readFrame(out, maxComplaint)
	if err == nil {
		err = json.Unmarshal(hello, &w.status)
	}
	if err != nil {
		w.stop()
		return nil, fmt.Errorf("starting a file worker: %w", w.why(err))
	}
	return w, nil
}

// call sends one request and waits for the answer. alive says that the child
// can take another.
func (w *worker) call(ctx context.Context, parts [][]byte) (answer []byte, alive bool, err error) {
	end := time.Now().Add(wallLimit)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	if err := errors.Join(w.in.SetWriteDeadline(end), w.out.SetReadDeadline(end)); err != nil {
		return nil, false, fmt.Errorf("asking a file worker: %w", err)
	}
	stop := context.AfterFunc(ctx, w.kill)
	defer stop()
	if err := writeFrame(w.in, kindRequest, parts...); err != nil {
		if errors.Is(err, errFrame) {
			return nil, true, fmt.Errorf("asking a file worker: %w", err)
		}
		return nil, false, w.why(err)
	}
	answer, kind, err := readFrame(w.out, maxFrame)
	switch {
	case err != nil:
		return nil, false, w.why(err)
	case kind == kindError:
		return nil, true, fmt.Errorf("file worker: %s", answer)
	}
	return answer, true, nil
}

func (w *worker) kill() {
	// It may have ended by itself, which is as good.
	_ = w.cmd.Process.Kill()
}

func (w *worker) stop() {
	w.kill()
	w.in.Close()
	w.out.Close()
}

// why makes an error of what ended a child: its own words where it has some.
func (w *worker) why(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.kill()
		return errors.New("file worker: it did not answer in time and was ended")
	}
	if errors.Is(err, errFrame) {
		w.kill()
		return fmt.Errorf("file worker: it broke the protocol: %w", err)
	}
	// The pipe broke, so it has ended or is about to.
	select {
	case <-w.ended:
	case <-time.After(time.Second):
		w.kill()
		return fmt.Errorf("file worker: %w", err)
	}
	said := w.stderr.firstLine()
	switch {
	case strings.Contains(said, "SIGXCPU"):
		return fmt.Errorf("file worker: it used more than %v of processor time and was ended", CPULimit)
	case strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"):
		return fmt.Errorf("file worker: it used more than %d MiB of memory and was ended", MemoryLimit>>20)
	case said != "":
		return fmt.Errorf("file worker: it died: %s", said)
	case w.err != nil:
		return fmt.Errorf("file worker: it died: %w", w.err)
	}
	return fmt.Errorf("file worker: %w", err)
}

// Frames are a kind, a length of four bytes, big end first, and that many
// bytes.
const (
	kindHello   = 'H'
	kindRequest = 'Q'
	kindAnswer  = 'A'
	kindError   = 'E'
	frameHead   = 5
)

var errFrame = errors.New("too large for a sandbox")

func writeFrame(w io.Writer, kind byte, parts ...[]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if size > maxFrame {
		return fmt.Errorf("%d bytes: %w", size, errFrame)
	}
	head := []byte{kind, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[1:], uint32(size))
	for _, p := range append([][]byte{head}, parts...) {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// readFrame reads one frame of at most limit bytes. The buffer grows with what
// comes, not with what is announced.
func readFrame(r io.Reader, limit int64) (b []byte, kind byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, err
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	if size > limit {
		return nil, 0, fmt.Errorf("%d bytes: %w", size, errFrame)
	}
	const surely = 1 << 20
	if size <= surely {
		b = make([]byte, size)
		_, err := io.ReadFull(r, b)
		return b, head[0], err
	}
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, r, size); err != nil {
		return nil, 0, err
	}
	return buf.Bytes(), head[0], nil
}
