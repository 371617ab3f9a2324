package mail

import (
	"strings"
	"testing"
)

func TestSpeech(t *testing.T) {
	tests := []struct {
		name, body, want string
		forwarded        bool
	}{
		{"words of one's own", "Hello Ada,\r\nsee below.\r\n\r\n-----Original Message-----\r\nFrom: Bo <bo@b.example>\r\nSent: Monday, 2 November 2026 10:00\r\nTo: Cy <cy@c.example>\r\nSubject: Report\r\n\r\nThe report is late.\r\n", "see below", false},
		{"only passed on", "\r\n-----Original Message-----\r\nFrom: Bo <bo@b.example>\r\nSent: Monday, 2 November 2026 10:00\r\nTo: Cy <cy@c.example>\r\nSubject: Report\r\n\r\nThe report is late.\r\n", "report is late", true},
		{"nothing", "", "", false},
	}
	for _, tt := range tests {
		m := Parse(Envelope{}, []byte("From: Al <al@a.example>\r\nSubject: Fw: Report\r\n\r\n"+tt.body))
		if got := m.Speech(); !strings.Contains(got, tt.want) || m.Forwarded() != tt.forwarded {
			t.Errorf("%s: %q, forwarded %v", tt.name, got, m.Forwarded())
		}
	}
}
