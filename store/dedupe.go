package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"
)

// RetryWindow is how long a second copy of one message to one recipient counts
// as a retry of the first. A client that got no answer, because the gate
// stopped between its commit and its 250, tries again for up to five days (RFC
// 5321 section 4.5.4.1); afterwards the same bytes are a new message.
const RetryWindow = 7 * 24 * time.Hour

// traceFields are the fields that relays put on top of a message anew at each
// attempt to deliver it (RFC 5321 section 4.4; the others by custom).
func isTraceField(name string) bool {
	switch strings.ToLower(name) {
	case "received", "return-path", "delivered-to", "x-received", "x-original-to",
		"envelope-to", "received-spf", "authentication-results":
		return true
	}
	return false
}

// withoutTrace cuts the block of trace fields off the top of a message.
func withoutTrace(raw []byte) []byte {
	rest := raw
	for len(rest) > 0 {
		name, _, ok := bytes.Cut(rest[:lineEnd(rest)], []byte{':'})
		if !ok || !isTraceField(string(bytes.TrimRight(name, " \t"))) {
			return rest
		}
		next := rest[lineEnd(rest):]
		for len(next) > 0 && (next[0] == ' ' || next[0] == '\t') {
			next = next[lineEnd(next):]
		}
		rest = next
	}
	return rest
}

// lineEnd is the length of the first line with its end.
func lineEnd(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// dedupeKeys names what a retry repeats, for each recipient: the SHA-256 over
// MAIL FROM, the recipient and the message without its leading trace fields.
func dedupeKeys(mailFrom string, recipients []Recipient, raw []byte) []string {
	body := sha256.Sum256(withoutTrace(raw))
	keys := make([]string, len(recipients))
	for i, r := range recipients {
		h := sha256.New()
		writeCounted(h, foldDomain(mailFrom))
		writeCounted(h, foldDomain(r.Address))
		h.Write(body[:])
		keys[i] = hex.EncodeToString(h.Sum(nil))
	}
	return keys
}

// writeCounted writes a string so that two in a row cannot run together.
func writeCounted(h hash.Hash, s string) {
	io.WriteString(h, strconv.Itoa(len(s))+":"+s)
}

// foldDomain folds an address's domain to lower case; the local part is case
// sensitive (RFC 5321 section 2.4).
func foldDomain(addr string) string {
	at := strings.LastIndexByte(addr, '@') + 1
	return addr[:at] + strings.ToLower(addr[at:])
}
