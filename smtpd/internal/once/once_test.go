package once

import (
	"fmt"
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	const raw = "Received: one\r\n\tfolded\r\nReturn-Path: <x>\r\nSubject: a\r\n\r\nReceived: body\r\n"
	now := time.Unix(1e9, 0)
	for name, c := range map[string]struct {
		from, raw, rcpt string
		after           time.Duration
		want            bool
	}{
		"the same":           {"a@a", raw, "b@b", 0, true},
		"other trace fields": {"a@a", "received: two\r\nReceived: three\r\nSubject: a\r\n\r\nReceived: body\r\n", "b@b", time.Hour, true},
		"too late":           {"a@a", raw, "b@b", life, false},
		"other recipient":    {"a@a", raw, "c@b", 0, false},
		"other sender":       {"x@a", raw, "b@b", 0, false},
		"other subject":      {"a@a", "Subject: b\r\n\r\nReceived: body\r\n", "b@b", 0, false},
		"other body":         {"a@a", "Subject: a\r\n\r\nReceived: other\r\n", "b@b", 0, false},
		"no body":            {"a@a", "Subject: a\r\n", "b@b", 0, false},
		"sender joins body":  {"a@a\nSubject: a", "\r\nReceived: body\r\n", "b@b", 0, false},
	} {
		var m Memory
		if m.Seen("a@a", []byte(raw), now)("b@b") {
			t.Errorf("%s: seen before it came", name)
		}
		m.Note("a@a", []byte(raw), []string{"b@b", "d@b"}, true, now)
		if got := m.Seen(c.from, []byte(c.raw), now.Add(c.after))(c.rcpt); got != c.want {
			t.Errorf("%s: seen %v, want %v", name, got, c.want)
		}
		m.Note("a@a", []byte(raw), []string{"b@b"}, false, now)
		if m.Seen("a@a", []byte(raw), now)("b@b") || !m.Seen("a@a", []byte(raw), now)("d@b") {
			t.Errorf("%s: the wrong copy was forgotten", name)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m Memory
	now := time.Unix(1e9, 0)
	rcpts := make([]string, most+10)
	for i := range rcpts {
		rcpts[i] = fmt.Sprint(i)
	}
	m.Note("", nil, rcpts, true, now)
	if len(m.when) != most || len(m.order) != most || m.Seen("", nil, now)("9") || !m.Seen("", nil, now)("10") {
		t.Errorf("%d copies in %d places, want the newest %d", len(m.when), len(m.order), most)
	}
	m.Note("", nil, []string{"new"}, true, now.Add(life))
	if len(m.when) != 1 || len(m.order) != 1 {
		t.Errorf("%d copies in %d places after their life, want 1", len(m.when), len(m.order))
	}
}
