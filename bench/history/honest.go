package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Honest changes, each tried injects times on its own: whoever looks for theft
// must leave these people alone. They teach nothing and are not among the honest
// messages that the border is drawn by, which have them at their natural rates.
const (
	newPhone    = "new telephone"
	newProvider = "new provider"
	travels     = "travels"
	atNight     = "writes at night"
	forwarded   = "forwarder between"
	throughList = "mailing list between"
)

func changeKinds() []string {
	return []string{newPhone, newProvider, travels, atNight, forwarded, throughList}
}

// mailingLists is how many lists correspondents write to.
const mailingLists = 3

// manner is how one message is written and sent.
type manner struct {
	c       client
	zone    int // minutes
	from    int // seconds of the local day when the time to write begins, and how long that is
	span    int
	by      provider
	third   int
	origin  *provider
	list    int
	auth    int
	changed bool // not as ever
}

// manner is how a correspondent writes on a day, drift included.
func (w *world) manner(p *persona, day int) manner {
	r := w.r
	m := manner{c: p.pc, zone: p.offset(day), by: p.home, third: p.home.nets[0], from: p.hour * 3600, span: 9 * 3600, changed: day == p.moves && day > 0}
	if r.IntN(3) == 0 {
		m.third = p.home.nets[1]
	}
	if r.Float64() < .03 { // a relay seldom used
		m.third, m.changed = p.home.nets[2], true
	}
	if r.Float64() < .06 {
		m.c, m.changed = p.phone, true
	}
	for _, t := range p.trips {
		if day >= t.from && day < t.to {
			w.abroad(p, &m, t.zone)
		}
	}
	if r.Float64() < .005 { // somebody else's computer
		m.c, m.changed = w.clients[r.IntN(peopleClients)], true
	}
	if r.Float64() < .02 {
		m.night()
	}
	if r.Float64() < .004 {
		w.forward(p, &m)
	}
	if p.list >= 0 && r.Float64() < .03 {
		w.resend(p, &m, p.list)
	}
	return m
}

// abroad is a day of a journey.
func (w *world) abroad(p *persona, m *manner, zone int) {
	m.zone, m.changed = zone, true
	if w.r.IntN(2) == 0 {
		m.c = p.phone
	}
	if w.r.IntN(6) == 0 { // a hotel's or partner's server
		m.third = 100 + w.r.IntN(100)
	}
}

func (m *manner) night() { m.from, m.span, m.changed = 22*3600, 7*3600, true }

// forward puts a forwarder between, which half of the time breaks the signature.
func (w *world) forward(p *persona, m *manner) {
	home := p.home
	m.origin, m.by, m.third, m.auth, m.changed = &home, w.providers[w.r.IntN(len(w.providers))], 200, intact, true
	if w.r.IntN(2) == 0 {
		m.auth = broken
	}
}

// resend puts a mailing list between, which breaks the signature or takes it
// off.
func (w *world) resend(p *persona, m *manner, list int) {
	home := p.home
	m.origin, m.by, m.list, m.changed = &home, provider{domain: fmt.Sprintf("lists%d-example.net", list), net: "198.51", helo: "list%d."}, list+1, true
	m.third, m.auth = 220+list, []int{broken, stripped}[list%2]
}

// change makes one honest change on purpose.
func (w *world) change(p *persona, m *manner, kind string) {
	r := w.r
	m.by, m.third, m.origin, m.list, m.auth = p.home, p.home.nets[0], nil, 0, pass // this change alone lies between
	switch kind {
	case newPhone:
		for m.c.name == p.pc.name || m.c.name == p.phone.name {
			m.c = w.clients[r.IntN(peopleClients)]
		}
	case newProvider:
		for m.by.domain == p.home.domain {
			m.by = w.providers[r.IntN(len(w.providers))]
		}
		m.third = m.by.nets[0]
		if r.IntN(3) == 0 { // with its web mail
			m.c = w.clients[r.IntN(peopleClients)]
		}
	case travels:
		w.abroad(p, m, []int{-480, -300, 0, 60, 120, 240, 330, 480, 540}[r.IntN(9)])
	case atNight:
		m.night()
	case forwarded:
		w.forward(p, m)
	case throughList:
		w.resend(p, m, (max(0, p.list)+1)%mailingLists)
	}
}

// honest writes one message as the correspondent does, drift included, or with
// one change on purpose.
func (w *world) honest(p *persona, day int, midnight time.Time, kind string) {
	r := w.r
	m := w.manner(p, day)
	selector := p.selector
	if kind != honestKind {
		w.change(p, &m, kind)
		if kind == newProvider {
			selector = "n1"
		}
	}
	l := letter{from: p.addr, name: p.name, host: p.domain, html: p.html, to: p.recipients[r.IntN(len(p.recipients))]}
	if r.Float64() < .03 {
		l.to, m.changed = w.staff[r.IntN(staffSize)], true
	}
	if w.everyday(p, &l) {
		m.changed = true
	}
	at := midnight.Add(time.Duration(m.from+r.IntN(m.span))*time.Second - time.Duration(m.zone)*time.Minute)
	if p.lastOurs != "" && at.After(p.lastAt) && r.IntN(2) == 0 {
		w.answer(p, &l)
	}
	l.date = at.In(time.FixedZone("", m.zone*60))
	raw, _ := m.c.write(r, l)
	from := p.addr
	if m.list > 0 {
		from = fmt.Sprintf("bounces@%s", m.by.domain)
	}
	if kind == honestKind {
		p.written++
	}
	w.send(event{at: at, drift: m.changed, kind: kind}, raw, route{by: m.by, third: m.third, origin: m.origin, list: m.list, from: from, to: l.to,
		signer: p.domain, selector: selector, auth: m.auth, dmarc: p.dmarc})
}

// answer makes a letter the answer to the last mail we wrote to a correspondent.
func (w *world) answer(p *persona, l *letter) {
	l.inReplyTo, l.subject = p.lastOurs, "Re: "+p.lastSubject
	l.text += "\r\n\r\nOn Monday Staff Member wrote:\r\n> " + strings.ReplaceAll(p.lastText, "\r\n", "\r\n> ")
}

// everyday fills in what a correspondent writes about, and tells whether it
// leads to a new place.
func (w *world) everyday(p *persona, l *letter) (fresh bool) {
	r := w.r
	l.subject, l.text = w.topic()
	if r.Float64() < p.payRate {
		l.subject, l.text = "Invoice "+fmt.Sprint(1000+r.IntN(9000)), l.text+"\r\n"+invoices[r.IntN(len(invoices))]
	}
	if r.Float64() < p.linkRate {
		site := p.links[r.IntN(len(p.links))]
		if r.Float64() < .12 {
			site, fresh = w.anySite(), true
		}
		l.text += "\r\n" + w.pointTo(site)
	}
	if r.Float64() < p.fileRate {
		l.attachment = everydayFiles[r.IntN(len(everydayFiles))]
	}
	if r.Float64() < .005 { // honest mail that wants what thieves want
		subject, text := w.delicate(p)
		l.subject, l.text, fresh = subject, l.text+"\r\n"+text, true
	}
	return fresh
}

// isTrial tells what is judged but is no part of the honest stream.
func isTrial(kind string) bool {
	return slices.Contains(attackKinds(), kind) || slices.Contains(changeKinds(), kind)
}
