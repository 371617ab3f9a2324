// Package once keeps a proxy from delivering a copy twice when a client is told
// to send a message again because another recipient's copy failed.
package once

import (
	"bytes"
	"crypto/sha256"
	"sync"
	"time"
)

// Memory remembers copies that the next hop has taken of messages that the
// client was told to send again. It is a memory, not a promise: a restart
// forgets it, and mail delivered twice is better than mail lost. The zero value
// is empty and ready; it is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	when  map[[32]byte]time.Time
	order [][32]byte // oldest first
}

const (
	// life outlasts the first retries of every common sender; later ones are
	// rare.
	life = 6 * time.Hour
	// most bounds the memory: about 100 octets each.
	most = 1 << 16
)

// Seen returns a function that tells whether a recipient has its copy of the
// message from that sender.
func (m *Memory) Seen(from string, raw []byte, now time.Time) func(rcpt string) bool {
	m.mu.Lock()
	none := len(m.when) == 0
	m.mu.Unlock()
	if none {
		return func(string) bool { return false } // the common case costs no hash
	}
	message := digest(from, raw)
	return func(rcpt string) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		t, ok := m.when[copyKey(message, rcpt)]
		return ok && now.Sub(t) < life
	}
}

// Note remembers the copies of these recipients when the client is to send
// again, and forgets them when it was told that all is done.
func (m *Memory) Note(from string, raw []byte, rcpts []string, again bool, now time.Time) {
	m.mu.Lock()
	none := len(m.when) == 0
	m.mu.Unlock()
	if !again && none {
		return
	}
	message := digest(from, raw)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.when == nil {
		m.when = map[[32]byte]time.Time{}
	}
	for _, rcpt := range rcpts {
		key := copyKey(message, rcpt)
		if !again {
			delete(m.when, key)
		} else if _, known := m.when[key]; !known {
			m.order = append(m.order, key)
			m.when[key] = now
		}
	}
	for len(m.order) > 0 {
		t, live := m.when[m.order[0]]
		if live && len(m.order) <= most && now.Sub(t) < life {
			break
		}
		delete(m.when, m.order[0])
		m.order = m.order[1:]
	}
}

func copyKey(message [32]byte, rcpt string) [32]byte {
	return sha256.Sum256(append(message[:], rcpt...))
}

// digest names a message by its sender and bytes, but for the trace fields that
// a relay before us writes anew at every attempt.
func digest(from string, raw []byte) (sum [32]byte) {
	h := sha256.New()
	h.Write([]byte(from + "\x00"))
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
