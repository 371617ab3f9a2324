package main

import (
	"fmt"
	"io"
	"mime"
	"net/netip"
	"strings"
	"testing"
	"time"

	"foregate/mail"
	"foregate/training"
)

// lookAlikesHeld is the share of benign look-alikes that may be held: 1 in 300.
const lookAlikesHeld = 300

// TestLookAlikes judges benign messages that look like phishing, in eleven
// languages and from authenticated senders, with the whole engine.
func TestLookAlikes(t *testing.T) {
	c := defaults()
	c.DNS.Offline = true
	engine, err := newLoadedEngine(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	examples, err := training.LookAlikes(6)
	if err != nil {
		t.Fatal(err)
	}
	if langs := training.Languages(examples); len(examples) < 300 || len(langs) < 10 {
		t.Fatalf("%d messages in %d languages, want 300 in 10", len(examples), len(langs))
	}
	held, flagged := 0, 0
	for i, ex := range examples {
		env, raw := lookAlike(ex, i)
		_, _, v := engine.Judge(t.Context(), env, raw)
		switch v.Disposition {
		case mail.Hold, mail.Reject:
			held++
			t.Logf("held: %s %q: %v", ex.Base, ex.Subject, v.Reasons)
		case mail.Flag:
			flagged++
			t.Logf("flagged: %s %q: %v", ex.Base, ex.Subject, v.Reasons)
		}
	}
	t.Logf("%d of %d look-alikes held, %d flagged", held, len(examples), flagged)
	if held > len(examples)/lookAlikesHeld {
		t.Errorf("%d of %d look-alikes held, at most 1 in %d may be", held, len(examples), lookAlikesHeld)
	}
}

// lookAlike makes a message of an example with the envelope that its sender
// would have: its own domain, proven by SPF, DKIM and DMARC.
func lookAlike(ex training.Example, n int) (mail.Envelope, []byte) {
	host := "example.org"
	for _, l := range ex.Labels {
		if h, ok := strings.CutPrefix(l, "envelope:"); ok {
			host = h
		}
	}
	at := time.Date(2026, 11, 23, 9, 0, n, 0, time.UTC)
	env := mail.Envelope{
		ClientIP: netip.MustParseAddr("192.0.2.25"), Helo: "out." + host, RDNS: "out." + host,
		MailFrom: "bounce@" + host, HasFrom: true, Recipients: []string{"anna@corp.example"},
		TLS: true, ReceivedAt: at,
		Recorded: &mail.RecordedAuth{SPF: "pass", DKIM: "pass", DMARC: "pass"},
	}
	name := strings.Split(host, ".")[0]
	raw := fmt.Sprintf("Received: from out.%s ([192.0.2.25]) by mx.corp.example with ESMTPS; %s\r\n"+
		"From: %s <service@%s>\r\nTo: Anna Berg <anna@corp.example>\r\nDate: %s\r\nMessage-ID: <%d@%s>\r\n"+
		"Subject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n",
		host, at.Format(time.RFC1123Z), name, host, at.Format(time.RFC1123Z), n, host,
		mime.QEncoding.Encode("utf-8", ex.Subject), strings.ReplaceAll(ex.Body, "\n", "\r\n"))
	return env, []byte(raw)
}
