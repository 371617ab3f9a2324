package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"foregate/mail"
)

// How a message authenticates.
const (
	pass     = iota // SPF, DKIM and DMARC
	broken          // forwarded: SPF of somebody else, signature broken
	intact          // forwarded: SPF of somebody else, signature whole
	stripped        // sent on by a list, which took the signature off
	forged          // nothing of the author's domain
	foreign         // the same, signed by the attacker's own
	copied          // the same, with a signature copied from the author's mail
)

// route is the way of a message to us.
type route struct {
	by     provider // who hands it to us, from which network
	third  int
	origin *provider // who had it before, nil for nobody: forwarders and lists
	list   int       // number of the list that sends it on, from 1; 0 for none
	from   string    // MAIL FROM
	to     string
	signer string // d= of the signature
	// selector is of the author's own signature.
	selector string
	auth     int
	dmarc    bool // whether the author's domain has a policy
}

// send puts the trace and, where there is one, the signature on a message and
// adds it to the events.
func (w *world) send(e event, raw string, rt route) {
	e.env = w.envelope(rt, e.at)
	e.raw = []byte(w.head(rt, e.at) + raw)
	w.events = append(w.events, e)
}

// envelope is what SMTP says, and what the edge found out.
func (w *world) envelope(rt route, at time.Time) mail.Envelope {
	rec := &mail.RecordedAuth{SPF: "pass", DKIM: "pass", DMARC: "pass"}
	switch rt.auth {
	case broken:
		rec = &mail.RecordedAuth{SPF: "softfail", DKIM: "fail", DMARC: "fail"}
	case intact:
		rec = &mail.RecordedAuth{SPF: "softfail", DKIM: "pass", DMARC: "pass"}
	case stripped:
		rec = &mail.RecordedAuth{SPF: "pass", DKIM: "none", DMARC: "fail"}
	case forged:
		rec = &mail.RecordedAuth{SPF: "fail", DKIM: "none", DMARC: "fail"}
	case copied:
		rec = &mail.RecordedAuth{SPF: "fail", DKIM: "fail", DMARC: "fail"}
	case foreign:
		rec = &mail.RecordedAuth{SPF: "fail", DKIM: "pass", DMARC: "fail"}
	}
	if strings.HasSuffix(rt.from, "@"+rt.by.domain) {
		rec.SPF = "pass" // of the server's own MAIL FROM, as lists and some attackers have it
	}
	if !rt.dmarc {
		rec.DMARC = "none"
	}
	host := w.hostOf(rt.by)
	return mail.Envelope{ClientIP: w.addressOf(rt.by, rt.third), Helo: host, RDNS: host, MailFrom: rt.from, HasFrom: true,
		Recipients: []string{rt.to}, ReceivedAt: at, Recorded: rec}
}

func (w *world) hostOf(p provider) string { return fmt.Sprintf(p.helo, 1+w.r.IntN(6)) + p.domain }

func (w *world) addressOf(p provider, third int) netip.Addr {
	addr, _ := netip.ParseAddr(fmt.Sprintf("%s.%d.%d", p.net, third, 1+w.r.IntN(250)))
	return addr
}

// head is the trace, oldest line last, and the signature.
func (w *world) head(rt route, at time.Time) string {
	first, out := rt.by, ""
	date := at.Format(time.RFC1123Z)
	if rt.origin != nil {
		first = *rt.origin
		host := w.hostOf(first)
		out = fmt.Sprintf("Received: from %s (%s [%s]) by %s with ESMTPS id %s; %s\r\n", host, host, w.addressOf(first, first.nets[0]), w.hostOf(rt.by), hex(w.r, 12), date)
	}
	if rt.list > 0 {
		out = fmt.Sprintf("List-Id: <list%d.%s>\r\n", rt.list, rt.by.domain) + out
	}
	if rt.auth != forged && rt.auth != stripped {
		out += fmt.Sprintf("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=%s; h=from:to:subject; bh=AA==; b=AA==\r\n", rt.signer, rt.selector)
	}
	return out + fmt.Sprintf("Received: from client (unknown [192.168.%d.%d]) by %s with ESMTPSA id %s; %s\r\n", w.r.IntN(3), w.r.IntN(250), w.hostOf(first), hex(w.r, 10), date)
}
