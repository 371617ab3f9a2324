package smtp

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// writeWait is how long a client may take to read an answer.
const writeWait = time.Minute

// Wire is a connection whose reads flush what was written and obey a deadline,
// and which Shutdown can interrupt while the session is idle.
type Wire struct {
	Out   *bufio.Writer
	block time.Duration // for one read
	until time.Time     // for all reads of one command or message

	mu       sync.Mutex
	conn     net.Conn
	idle     bool // between transactions
	stopping bool
}

// ErrStopping ends the read of an idle session.
var ErrStopping = errors.New("server is stopping")

// Read flushes first: an answer never waits for the next command (RFC 2920
// section 3.2).
func (w *Wire) Read(p []byte) (int, error) {
	if err := w.Out.Flush(); err != nil {
		return 0, err
	}
	w.mu.Lock()
	if w.stopping && w.idle {
		w.mu.Unlock()
		return 0, ErrStopping
	}
	conn := w.conn
	deadline := time.Now().Add(w.block)
	if w.until.Before(deadline) {
		deadline = w.until
	}
	_ = conn.SetReadDeadline(deadline)
	w.mu.Unlock()
	n, err := conn.Read(p)
	if n == 0 && err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.stopping && w.idle && errors.Is(err, os.ErrDeadlineExceeded) {
			err = ErrStopping
		}
	}
	return n, err
}

// Write allows a client writeWait to take an answer.
func (w *Wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	conn := w.conn
	_ = conn.SetWriteDeadline(time.Now().Add(writeWait))
	w.mu.Unlock()
	return conn.Write(p)
}

// SetIdle says whether Stop may interrupt the session.
func (w *Wire) SetIdle(idle bool) {
	w.mu.Lock()
	w.idle = idle
	w.mu.Unlock()
}

// Stop interrupts an idle session; a busy one notices at its next idle read.
func (w *Wire) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopping = true
	if w.idle {
		_ = w.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// Cut closes the connection under the session.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.Close()
}

// NewWire wraps a connection.
func NewWire(conn net.Conn) *Wire {
	w := &Wire{conn: conn}
	w.Out = bufio.NewWriterSize(w, 4096)
	return w
}

// Conn is the connection now under the wire.
func (w *Wire) Conn() net.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conn
}

// SetConn puts another connection under the wire: TLS, or a PROXY header's.
func (w *Wire) SetConn(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
}

// Patience sets the time for one read, and for all reads until it is set anew.
func (w *Wire) Patience(block, all time.Duration) {
	w.block, w.until = block, time.Now().Add(all)
}
