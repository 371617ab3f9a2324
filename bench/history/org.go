package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"foregate/mail"
)

// The generated organisation: example.org has staff, and correspondents who
// write to it for half a year, each in a manner of their own that drifts as
// manners do. Networks are those for documentation and benchmarks (RFC 5737,
// RFC 2544); the firms' names stand under real suffixes, as look-alikes need
// them, and are made up. Nothing is ever looked up or sent.

const (
	ourDomain = "example.org"
	staffSize = 40
	personas  = 60
	days      = 200
	perDay    = 1.2 // mail of one correspondent on a working day
	newcomers = 3   // first contacts a day, honest
	injects   = 500 // of each kind of attack
	warmDays  = 60  // attacks begin when there is a history
)

// event is one message of the simulation in the order of time.
type event struct {
	at     time.Time
	env    mail.Envelope
	raw    []byte
	kind   string // "" honest inbound, "outbound", or the kind of attack
	drift  bool   // honest, but not as ever
	first  bool   // honest first contact
	victim string // whose place an attack takes
}

// provider is a mail service: its networks, names and signature.
type provider struct {
	domain string
	nets   []int // third octets in net
	net    string
	helo   string // pattern with %d
}

// persona is one correspondent.
type persona struct {
	name, addr, domain string
	home               provider
	pc, phone          client
	zone               int // minutes
	summer             bool
	hour               int // working day begins
	recipients         []string
	links              []string
	linkRate, fileRate float64
	payRate            float64 // business that is about money
	html               bool
	selector           string
	dmarc              bool
	moves, switches    int // day of a move to another provider, of another program; 0 never
	trips              []trip
	lastOurs           string // Message-ID of the last mail we wrote, "" for none
	lastText           string // and what it said
	lastAt             time.Time
	written            int
}

// trip is some days in another time zone.
type trip struct{ from, to, zone int }

// world is the state of the simulation.
type world struct {
	r         *rand.Rand
	clients   []client
	providers []provider
	people    []*persona
	staff     []string
	start     time.Time
	events    []event
	serial    int
}

// opening is the first day of every organisation, a Monday.
func opening() time.Time { return time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) }

func newWorld(seed uint64) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 7)), clients: clients(), start: opening()}
	for i := range 12 {
		w.providers = append(w.providers, provider{
			domain: fmt.Sprintf("mailhost%d-example.net", i), net: []string{"192.0", "198.51", "203.0", "198.18"}[i%4],
			nets: []int{10 + i, 40 + i, 70 + i}, helo: []string{"mail-%d.", "out%d.smtp.", "mx%d."}[i%3],
		})
	}
	for i := range staffSize {
		w.staff = append(w.staff, fmt.Sprintf("%s.%s@%s", strings.ToLower(givenNames[i%len(givenNames)]), strings.ToLower(surnames[(i*7+3)%len(surnames)]), ourDomain))
	}
	for i := range personas {
		w.people = append(w.people, w.newPersona(i))
	}
	return w
}

func (w *world) newPersona(i int) *persona {
	r := w.r
	given, sur := givenNames[r.IntN(len(givenNames))], surnames[i%len(surnames)]
	// The last twenty share a domain with one of the first: colleagues.
	domain := firms[i%len(firms)] + ".com"
	p := &persona{
		name: given + " " + sur, domain: domain, addr: strings.ToLower(given) + "." + strings.ToLower(sur) + "@" + domain,
		home: w.providers[r.IntN(len(w.providers))], pc: w.clients[r.IntN(peopleClients)], phone: w.clients[4],
		zone: []int{0, 60, 60, 60, 120, 120, -300, -480, 330, 540}[r.IntN(10)], hour: 7 + r.IntN(3),
		linkRate: r.Float64() * .4, fileRate: r.Float64() * .3, html: r.IntN(3) > 0, selector: fmt.Sprintf("s%d", 2020+r.IntN(6)),
		dmarc: r.Float64() < .7,
	}
	p.summer = p.zone <= 120
	if r.IntN(4) == 0 {
		p.phone = w.clients[2]
	}
	if r.IntN(4) == 0 {
		p.payRate = .3
	} else {
		p.payRate = .03
	}
	for range 1 + r.IntN(6) {
		p.recipients = append(p.recipients, w.staff[r.IntN(staffSize)])
	}
	p.links = []string{p.domain}
	for range 1 + r.IntN(3) {
		p.links = append(p.links, sites[r.IntN(len(sites))])
	}
	if r.IntN(10) == 0 {
		p.moves = 20 + r.IntN(days-20)
	}
	if r.IntN(8) == 0 {
		p.switches = 20 + r.IntN(days-20)
	}
	for range r.IntN(4) {
		from := r.IntN(days)
		p.trips = append(p.trips, trip{from, from + 2 + r.IntN(7), []int{-480, -300, 0, 60, 120, 240, 330, 480, 540}[r.IntN(9)]})
	}
	return p
}

// build makes all events in the order of time.
func (w *world) build() []event {
	attacks := w.schedule()
	for day := range days {
		midnight := w.start.AddDate(0, 0, day)
		weekend := midnight.Weekday() == 0 || midnight.Weekday() == 6
		for _, p := range w.people {
			p.age(w, day)
			n := w.poisson(perDay)
			if weekend {
				n = w.poisson(perDay / 8)
			}
			for range n {
				w.honest(p, day, midnight)
			}
			if w.r.Float64() < .3 && p.written > 0 && !weekend {
				w.ours(p, midnight)
			}
		}
		for range newcomers {
			w.newcomer(midnight)
		}
		for _, a := range attacks[day] {
			w.attack(a, midnight)
		}
	}
	slices.SortStableFunc(w.events, func(a, b event) int { return a.at.Compare(b.at) })
	return w.events
}

// poisson draws a count (Knuth's product of uniforms).
func (w *world) poisson(mean float64) int {
	n := 0
	for p := w.r.ExpFloat64(); p < mean; p += w.r.ExpFloat64() {
		n++
	}
	return n
}

// age carries out the lasting changes of a day.
func (p *persona) age(w *world, day int) {
	if day == p.moves && day > 0 {
		p.home, p.selector = w.providers[w.r.IntN(len(w.providers))], fmt.Sprintf("s%d", 2026)
	}
	if day == p.switches && day > 0 {
		p.pc = w.clients[w.r.IntN(peopleClients)]
	}
}

// honest writes one message as the correspondent does, drift included.
func (w *world) honest(p *persona, day int, midnight time.Time) {
	r, drift := w.r, day == p.moves && day > 0
	c, zone, prov := p.pc, p.offset(day), p.home
	third := prov.nets[0]
	if r.IntN(3) == 0 {
		third = prov.nets[1]
	}
	if r.Float64() < .03 { // a relay seldom used
		third, drift = prov.nets[2], true
	}
	if r.Float64() < .06 {
		c, drift = p.phone, true
	}
	for _, t := range p.trips {
		if day >= t.from && day < t.to {
			zone, drift = t.zone, true
			if r.IntN(2) == 0 {
				c = p.phone
			}
			if r.IntN(6) == 0 { // a hotel's or partner's server
				third = 100 + r.IntN(100)
			}
		}
	}
	if r.Float64() < .005 { // somebody else's computer
		c, drift = w.clients[r.IntN(peopleClients)], true
	}
	l := letter{from: p.addr, name: p.name, host: p.domain, html: p.html}
	to := p.recipients[r.IntN(len(p.recipients))]
	if r.Float64() < .03 {
		to, drift = w.staff[r.IntN(staffSize)], true
	}
	l.subject, l.text = w.topic()
	if r.Float64() < p.payRate {
		l.subject, l.text = "Invoice "+fmt.Sprint(1000+r.IntN(9000)), l.text+"\r\nPlease find the invoice; payment by bank transfer to our usual account."
	}
	if r.Float64() < p.linkRate {
		site := p.links[r.IntN(len(p.links))]
		if r.Float64() < .12 {
			site, drift = w.anySite(), true
		}
		l.text += "\r\nSee https://www." + site + "/doc/" + hex(r, 8) + " for the details."
	}
	if r.Float64() < p.fileRate {
		l.attachment = []string{"report.pdf", "minutes.docx", "figures.xlsx", "photo.jpg"}[r.IntN(4)]
	}
	at := midnight.Add(time.Duration(p.hour)*time.Hour + time.Duration(r.IntN(9*3600))*time.Second - time.Duration(zone)*time.Minute)
	if p.lastOurs != "" && at.After(p.lastAt) && r.IntN(2) == 0 {
		l.inReplyTo, l.subject = p.lastOurs, "Re: "+l.subject
		l.text += "\r\n\r\nOn Monday Staff Member wrote:\r\n> " + strings.ReplaceAll(p.lastText, "\r\n", "\r\n> ")
	}
	l.to, l.date = to, at.In(time.FixedZone("", zone*60))
	auth := pass
	if r.Float64() < .004 { // through a forwarder that breaks the signature
		auth, drift, prov, third = broken, true, w.providers[r.IntN(len(w.providers))], 200
	}
	raw, _ := c.write(r, l)
	p.written++
	w.events = append(w.events, event{at: at, drift: drift, env: w.envelope(prov, third, p.addr, to, at, auth, p.dmarc), raw: w.seal(raw, prov, p.domain, p.selector, auth)})
}

// offset is the zone of a day, summer time included.
func (p *persona) offset(day int) int {
	if p.summer && day > 83 { // the last Sunday of March
		return p.zone + 60
	}
	return p.zone
}

// How a message authenticates.
const (
	pass   = iota // SPF, DKIM and DMARC
	broken        // forwarded: SPF of somebody else, signature broken
	forged        // nothing of the author's domain
)

func (w *world) envelope(p provider, third int, from, to string, at time.Time, auth int, dmarc bool) mail.Envelope {
	rec := &mail.RecordedAuth{SPF: "pass", DKIM: "pass", DMARC: "pass"}
	switch auth {
	case broken:
		rec = &mail.RecordedAuth{SPF: "softfail", DKIM: "fail", DMARC: "fail"}
	case forged:
		rec = &mail.RecordedAuth{SPF: "fail", DKIM: "none", DMARC: "fail"}
	}
	if !dmarc {
		rec.DMARC = "none"
	}
	host := fmt.Sprintf(p.helo, 1+w.r.IntN(6)) + p.domain
	addr, _ := netip.ParseAddr(fmt.Sprintf("%s.%d.%d", p.net, third, 1+w.r.IntN(250)))
	return mail.Envelope{ClientIP: addr, Helo: host, RDNS: host, MailFrom: from, HasFrom: true, Recipients: []string{to}, ReceivedAt: at, Recorded: rec}
}

// seal puts the trace and, where there is one, the signature on top.
func (w *world) seal(raw string, p provider, domain, selector string, auth int) []byte {
	head := fmt.Sprintf("Received: from client (unknown [192.168.%d.%d]) by %s with ESMTPSA id %s; %s\r\n", w.r.IntN(3), w.r.IntN(250),
		fmt.Sprintf(p.helo, 1)+p.domain, hex(w.r, 10), w.start.Format(time.RFC1123Z))
	if auth != forged {
		head = fmt.Sprintf("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=%s; h=from:to:subject; bh=AA==; b=AA==\r\n", domain, selector) + head
	}
	return []byte(head + raw)
}

// ours writes to a correspondent.
func (w *world) ours(p *persona, midnight time.Time) {
	r := w.r
	from := p.recipients[r.IntN(len(p.recipients))]
	at := midnight.Add(time.Duration(8*3600+r.IntN(9*3600)) * time.Second)
	l := letter{from: from, name: "Staff Member", to: p.addr, host: ourDomain, date: at}
	l.subject, l.text = w.topic()
	raw, id := w.clients[0].write(r, l)
	p.lastOurs, p.lastAt, p.lastText = id, at, l.text
	env := w.envelope(provider{domain: "mx." + ourDomain, net: "192.0", helo: "out%d."}, 2, from, p.addr, at, pass, true)
	w.events = append(w.events, event{at: at, kind: outbound, env: env, raw: w.seal(raw, w.providers[0], ourDomain, "own", pass)})
}

// newcomer is an honest first contact; now and then it wants something, or is
// brought into a conversation by somebody who took part.
func (w *world) newcomer(midnight time.Time) {
	r := w.r
	w.serial++
	given, sur := givenNames[r.IntN(len(givenNames))], surnames[r.IntN(len(surnames))]
	domain := fmt.Sprintf("%s%s.com", firms[r.IntN(len(firms))][:3], []string{"tec", "lab", "works", "media", "plan"}[r.IntN(5)]+fmt.Sprint(w.serial%97))
	prov := w.providers[r.IntN(len(w.providers))]
	at := midnight.Add(time.Duration(7*3600+r.IntN(11*3600)) * time.Second)
	to := w.staff[r.IntN(staffSize)]
	l := letter{from: strings.ToLower(given) + "@" + domain, name: given + " " + sur, to: to, host: domain, date: at.In(time.FixedZone("", 3600))}
	l.subject, l.text = w.topic()
	if r.IntN(2) == 0 {
		l.text += "\r\nMore at https://www." + domain + "/about"
	}
	if r.IntN(100) == 0 { // a helper from outside joins a conversation
		if p := w.people[r.IntN(len(w.people))]; p.lastOurs != "" && at.After(p.lastAt) {
			l.inReplyTo, l.subject = p.lastOurs, "Re: "+l.subject
		}
	}
	if r.IntN(50) == 0 { // a correspondent's private address
		p := w.people[r.IntN(len(w.people))]
		l.name, l.from = p.name, strings.ToLower(strings.ReplaceAll(p.name, " ", ""))+fmt.Sprint(r.IntN(99))+"@gmail.com"
	}
	raw, _ := w.clients[r.IntN(peopleClients)].write(r, l)
	w.events = append(w.events, event{at: at, first: true, env: w.envelope(prov, 150+r.IntN(100), l.from, to, at, pass, true), raw: w.seal(raw, prov, domain, "x1", pass)})
}

// topic is an everyday subject and text.
func (w *world) topic() (subject, text string) {
	r := w.r
	subject = subjects[r.IntN(len(subjects))]
	var lines []string
	for range 2 + r.IntN(3) {
		lines = append(lines, sentences[r.IntN(len(sentences))])
	}
	return subject, strings.Join(lines, "\r\n")
}

func (w *world) anySite() string {
	return fmt.Sprintf("%s%s.com", []string{"cloud", "news", "event", "photo", "store", "paper", "forum", "radio"}[w.r.IntN(8)], hex(w.r, 4))
}
