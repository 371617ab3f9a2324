package smtpd

import (
	"bytes"
	"crypto/sha256"
	"sync"
	"time"
)

// delivered remembers copies that the next hop has taken of messages that the
// client was told to send again, so that the second attempt does not deliver
// them twice. It is a memory, not a promise: a restart forgets it, and mail
// delivered twice is better than mail lost.
type delivered struct {
	mu    sync.Mutex
	when  map[[32]byte]time.Time
	order [][32]byte // oldest first
}

const (
	// deliveredLife outlasts the first retries of every common sender; later
	// ones are rare.
	deliveredLife = 6 * time.Hour
	// maxDelivered bounds the memory: about 100 octets each.
	maxDelivered = 1 << 16
)

// lookup returns a function that tells whether recipient i of tx has its copy
// of raw.
func (d *delivered) lookup(tx *transaction, raw []byte, now time.Time) func(i int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.when) == 0 {
		return func(int) bool { return false }
	}
	message := digest(tx.From, raw)
	return func(i int) bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		t, ok := d.when[copyKey(message, tx.rcpts[i].Addr)]
		return ok && now.Sub(t) < deliveredLife
	}
}

// note remembers the placed copies when the client is to send again, and
// forgets them when it was told that all is done.
func (d *delivered) note(tx *transaction, raw []byte, placed []int, again bool, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !again && len(d.when) == 0 {
		return
	}
	if d.when == nil {
		d.when = map[[32]byte]time.Time{}
	}
	message := digest(tx.From, raw)
	for _, i := range placed {
		key := copyKey(message, tx.rcpts[i].Addr)
		if !again {
			delete(d.when, key)
		} else if _, known := d.when[key]; !known {
			d.order = append(d.order, key)
			d.when[key] = now
		}
	}
	for len(d.order) > 0 {
		t, live := d.when[d.order[0]]
		if live && len(d.order) <= maxDelivered && now.Sub(t) < deliveredLife {
			break
		}
		delete(d.when, d.order[0])
		d.order = d.order[1:]
	}
}

func copyKey(message [32]byte, rcpt string) [32]byte {
	return sha256.Sum256(append(message[:], rcpt...))
}

// digest names a message by its sender and bytes, but for the trace fields that
// a relay before us writes anew at every attempt.
func digest(from string, raw []byte) (sum [32]byte) {
	h := sha256.New()
	h.Write([]byte(from + "\n"))
	skip := false
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\r\n"))
		if len(line) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			skip = bytes.EqualFold(name, []byte("Received")) || bytes.EqualFold(name, []byte("Return-Path"))
		}
		if !skip {
			h.Write(line)
			h.Write([]byte("\n"))
		}
		raw = rest
	}
	h.Write(raw)
	h.Sum(sum[:0])
	return sum
}
