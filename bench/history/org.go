package main

import (
	"fmt"
	"math/rand/v2"
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
	injects   = 500 // of each kind of attack, and of each honest change
	warmDays  = 60  // attacks begin when there is a history
)

// event is one message of the simulation in the order of time.
type event struct {
	at     time.Time
	env    mail.Envelope
	raw    []byte
	kind   string // "" honest inbound, "outbound", the kind of attack or of an honest change
	drift  bool   // honest, but not as ever
	quiet  bool   // an attack whose text reads like the sender's
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

// nets and helos are shared by providers and attackers.
var (
	nets  = []string{"192.0", "198.51", "203.0", "198.18"}
	helos = []string{"mail-%d.", "out%d.smtp.", "mx%d."}
)

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
	renames            int // day of a move to a domain that looks like the old one; 0 never
	list               int // a mailing list that it writes to, -1 for none
	trips              []trip
	lastOurs           string // Message-ID of the last mail we wrote, "" for none
	lastText           string // and what it said
	lastSubject        string
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
			domain: fmt.Sprintf("mailhost%d-example.net", i), net: nets[i%4],
			nets: []int{10 + i, 40 + i, 70 + i}, helo: helos[i%3],
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
	if r.IntN(550) == 0 { // one firm in 300 a year
		p.renames = 20 + r.IntN(days-20)
	}
	if p.list = -1; r.IntN(6) == 0 {
		p.list = r.IntN(mailingLists)
	}
	for range r.IntN(4) {
		from := r.IntN(days)
		p.trips = append(p.trips, trip{from, from + 2 + r.IntN(7), []int{-480, -300, 0, 60, 120, 240, 330, 480, 540}[r.IntN(9)]})
	}
	return p
}

// build makes all events in the order of time.
func (w *world) build() []event {
	trials := w.schedule()
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
				w.honest(p, day, midnight, honestKind)
			}
			if w.r.Float64() < .3 && p.written > 0 && !weekend {
				w.ours(p, midnight)
			}
		}
		for range newcomers {
			w.newcomer(midnight)
		}
		for _, a := range trials[day] {
			if slices.Contains(changeKinds(), a.kind) {
				w.honest(a.person, day, midnight, a.kind)
			} else {
				w.attack(a, midnight)
			}
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
	if day == p.renames && day > 0 {
		local, _, _ := strings.Cut(p.addr, "@")
		p.domain = imitate(w, p.domain)
		p.addr = local + "@" + p.domain
	}
}

// offset is the zone of a day, summer time included.
func (p *persona) offset(day int) int {
	if p.summer && day > 83 { // the last Sunday of March
		return p.zone + 60
	}
	return p.zone
}

// ours writes to a correspondent.
func (w *world) ours(p *persona, midnight time.Time) {
	r := w.r
	from := p.recipients[r.IntN(len(p.recipients))]
	at := midnight.Add(time.Duration(8*3600+r.IntN(9*3600)) * time.Second)
	l := letter{from: from, name: "Staff Member", to: p.addr, host: ourDomain, date: at}
	l.subject, l.text = w.topic()
	raw, id := w.clients[0].write(r, l)
	p.lastOurs, p.lastAt, p.lastText, p.lastSubject = id, at, l.text, l.subject
	w.send(event{at: at, kind: outbound}, raw, route{by: provider{domain: "mx." + ourDomain, net: "192.0", helo: "out%d."}, third: 2, from: from, to: p.addr,
		signer: ourDomain, selector: "own", dmarc: true})
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
			w.answer(p, &l)
		}
	}
	if r.IntN(160) == 0 { // a firm of nearly the same name, as often as on real lists
		domain = imitate(w, firms[r.IntN(len(firms))]+".com")
		l.from, l.host = strings.ToLower(given)+"@"+domain, domain
	}
	if r.IntN(50) == 0 { // a correspondent's private address
		p := w.people[r.IntN(len(w.people))]
		l.name, l.from = p.name, strings.ToLower(strings.ReplaceAll(p.name, " ", ""))+fmt.Sprint(r.IntN(99))+"@gmail.com"
	}
	raw, _ := w.clients[r.IntN(peopleClients)].write(r, l)
	w.send(event{at: at, first: true}, raw, route{by: prov, third: 150 + r.IntN(100), from: l.from, to: to, signer: domain, selector: "x1", dmarc: true})
}
