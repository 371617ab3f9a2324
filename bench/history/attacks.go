package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The kinds of events.
const (
	outbound   = "outbound"
	spoof      = "spoofed"
	disguised  = "spoofed, disguised" // with a made-up trace and more, by who has seen mail of the victim
	lookalike  = "look-alike domain"
	takeover   = "taken over, all different" // program, zone, relay and link are not the victim's
	lucky      = "taken over, as chance has it"
	insider    = "taken over, own servers"
	threaded   = "taken over, in a thread" // as chance has it, and answers what we wrote to the victim
	hijack     = "thread hijack"
	honestKind = ""
)

func attackKinds() []string {
	return []string{spoof, disguised, lookalike, takeover, lucky, insider, threaded, hijack}
}

// planned is one trial to come.
type planned struct {
	kind   string
	person *persona
}

// schedule spreads the trials over the correspondents and the days.
func (w *world) schedule() map[int][]planned {
	out := map[int][]planned{}
	for _, kind := range slices.Concat(attackKinds(), changeKinds()) {
		for i := range injects {
			day := warmDays + w.r.IntN(days-warmDays)
			out[day] = append(out[day], planned{kind, w.people[i%len(w.people)]})
		}
	}
	return out
}

// attack writes one attack. What the attacker can't know is drawn at random and
// hits the victim's own value as often as chance will have it.
func (w *world) attack(a planned, midnight time.Time) {
	r, p := w.r, a.person
	rt := route{by: provider{domain: fmt.Sprintf("mailhost%d-example.net", 100+r.IntN(400)), net: nets[r.IntN(len(nets))], helo: helos[r.IntN(len(helos))]},
		third: 1 + r.IntN(254), signer: p.domain, selector: p.selector, dmarc: p.dmarc || a.kind != spoof && a.kind != disguised, to: p.recipients[r.IntN(len(p.recipients))]}
	c, zone := w.clients[r.IntN(len(w.clients))], attackZones[r.IntN(len(attackZones))]
	at := midnight.Add(time.Duration(r.IntN(24*3600)) * time.Second)
	l := letter{from: p.addr, name: p.name, host: rt.by.domain, html: r.IntN(3) > 0, to: rt.to}
	var quiet bool
	l.subject, l.text, quiet = w.lure(&l)
	switch a.kind {
	case spoof, disguised:
		if rt.auth = forged; r.IntN(3) == 0 { // signed by itself
			rt.auth, rt.signer, rt.selector = foreign, rt.by.domain, "default"
		}
		if a.kind == disguised {
			w.disguise(p, &rt)
		}
	case lookalike:
		rt.signer, rt.selector = imitate(w, p.domain), "default"
		local, _, _ := strings.Cut(p.addr, "@")
		l.from, l.host = local+"@"+rt.signer, rt.signer
	case takeover:
		for c.name == p.pc.name || c.name == p.phone.name {
			c = w.clients[r.IntN(len(w.clients))]
		}
		for zone == p.zone || zone == p.zone+60 {
			zone = attackZones[r.IntN(len(attackZones))]
		}
		if !strings.Contains(l.text, "https://") {
			l.text += "\r\n" + w.pointTo(w.anySite())
		}
	case insider:
		// Through the victim's own provider with a stolen password: its network,
		// signature and reverse name, the attacker's program and clock.
		rt.by, rt.third = p.home, p.home.nets[r.IntN(2)]
	case threaded, hijack:
		if p.lastOurs == "" {
			return
		}
		if !at.After(p.lastAt) {
			at = p.lastAt.Add(time.Hour)
		}
		if a.kind == hijack {
			rt.signer, rt.selector = w.anySite(), "k1"
			l.from, l.host = "office@"+rt.signer, rt.signer
			if r.IntN(2) == 0 {
				l.name = "Office " + rt.signer[:4]
			}
		}
		w.answer(p, &l)
	}
	l.date = at.In(time.FixedZone("", zone*60))
	raw, _ := c.write(r, l)
	rt.from = l.from
	if (a.kind == spoof || a.kind == disguised) && r.IntN(2) == 0 {
		rt.from = "bounce@" + rt.by.domain
	}
	w.send(event{at: at, kind: a.kind, victim: p.addr, quiet: quiet}, raw, rt)
}

// disguise gives a spoof a trace that names the victim's servers, and to many the
// victim's signature, which does not hold, or the fields of a list.
func (w *world) disguise(p *persona, rt *route) {
	home := p.home
	rt.origin = &home
	if w.r.IntN(2) == 0 {
		rt.auth, rt.signer, rt.selector = copied, p.domain, p.selector
	}
	if w.r.IntN(4) == 0 {
		rt.list = 1
	}
}

// attackZones are clocks of attackers, in minutes.
var attackZones = []int{0, 60, 120, 180, 330, 480, -300, -480}

// imitate makes a domain that looks like another one.
func imitate(w *world, domain string) string {
	label, tld, _ := strings.Cut(domain, ".")
	switch r := w.r; r.IntN(6) {
	case 0:
		return label + "." + []string{"co", "net", "org", "info"}[r.IntN(4)]
	case 1:
		return label + "-" + []string{"mail", "group", "office", "invoice"}[r.IntN(4)] + "." + tld
	case 2: // a letter twice
		i := r.IntN(len(label))
		return label[:i] + label[i:i+1] + label[i:] + "." + tld
	case 3: // a letter left out
		i := 1 + r.IntN(len(label)-1)
		return label[:i] + label[i+1:] + "." + tld
	case 4: // two letters exchanged
		b := []byte(label)
		i := 1 + r.IntN(len(b)-2)
		for b[i] == b[i+1] && i > 1 {
			i--
		}
		b[i], b[i+1] = b[i+1], b[i]
		return string(b) + "." + tld
	default: // letters that look alike
		for _, pair := range [][2]string{{"m", "rn"}, {"l", "1"}, {"o", "0"}, {"i", "l"}, {"w", "vv"}, {"n", "m"}} {
			if strings.Contains(label, pair[0]) {
				return strings.Replace(label, pair[0], pair[1], 1) + "." + tld
			}
		}
		return label + "s." + tld
	}
}
