package main

import (
	"fmt"
	"strings"
	"time"
)

// The kinds of events.
const (
	outbound   = "outbound"
	spoof      = "spoofed"
	lookalike  = "look-alike domain"
	takeover   = "taken over, all different" // program, zone, relay and link are not the victim's
	lucky      = "taken over, as chance has it"
	insider    = "taken over, own servers"
	hijack     = "thread hijack"
	honestKind = ""
)

func attackKinds() []string { return []string{spoof, lookalike, takeover, lucky, insider, hijack} }

// planned is one attack to come.
type planned struct {
	kind   string
	victim *persona
}

// schedule spreads the attacks over the correspondents and the days.
func (w *world) schedule() map[int][]planned {
	out := map[int][]planned{}
	for _, kind := range attackKinds() {
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
	r, p := w.r, a.victim
	prov := provider{domain: fmt.Sprintf("vps%d-example.net", r.IntN(400)), net: []string{"203.0", "192.0", "198.19"}[r.IntN(3)], helo: "host%d."}
	third := 1 + r.IntN(254)
	c := w.clients[r.IntN(len(w.clients))]
	zone := []int{0, 60, 120, 180, 330, 480, -300, -480}[r.IntN(8)]
	at := midnight.Add(time.Duration(r.IntN(24*3600)) * time.Second)
	l := letter{from: p.addr, name: p.name, host: prov.domain, html: r.IntN(3) > 0, date: at.In(time.FixedZone("", zone*60)), to: p.recipients[r.IntN(len(p.recipients))]}
	l.subject, l.text = w.lure(&l)
	auth, signer, selector := pass, p.domain, p.selector
	switch a.kind {
	case spoof:
		auth = forged
	case lookalike:
		signer, selector = imitate(w, p.domain), "default"
		local, _, _ := strings.Cut(p.addr, "@")
		l.from = local + "@" + signer
		l.host = signer
	case takeover:
		for c.name == p.pc.name || c.name == p.phone.name {
			c = w.clients[r.IntN(len(w.clients))]
		}
		for zone == p.zone || zone == p.zone+60 {
			zone = []int{0, 60, 120, 180, 330, 480, -300, -480}[r.IntN(8)]
		}
		l.date = at.In(time.FixedZone("", zone*60))
		if !strings.Contains(l.text, "https://") {
			l.text += "\r\nhttps://" + w.anySite() + "/d/" + hex(r, 6)
		}
	case insider:
		// Through the victim's own provider with a stolen password: its network,
		// signature and reverse name, the attacker's program and clock.
		prov, third = p.home, p.home.nets[r.IntN(2)]
	case hijack:
		if p.lastOurs == "" {
			return
		}
		if !at.After(p.lastAt) {
			at = p.lastAt.Add(time.Hour)
			l.date = at.In(time.FixedZone("", zone*60))
		}
		signer, selector = w.anySite(), "k1"
		l.from, l.host = "office@"+signer, signer
		l.inReplyTo, l.subject = p.lastOurs, "Re: "+subjects[r.IntN(len(subjects))]
		if r.IntN(2) == 0 {
			l.name = "Office " + signer[:4]
		}
		l.text += "\r\n\r\nOn Monday Staff Member wrote:\r\n> " + strings.ReplaceAll(p.lastText, "\r\n", "\r\n> ")
	}
	raw, _ := c.write(r, l)
	from := l.from
	if a.kind == spoof && r.IntN(2) == 0 {
		from = "bounce@" + prov.domain
	}
	w.events = append(w.events, event{at: at, kind: a.kind, victim: p.addr,
		env: w.envelope(prov, third, from, l.to, at, auth, p.dmarc || a.kind != spoof), raw: w.seal(raw, prov, signer, selector, auth)})
}

// lure is a text that wants something: a login, a payment, or a file opened.
func (w *world) lure(l *letter) (subject, text string) {
	site := w.anySite()
	switch w.r.IntN(10) {
	case 0, 1:
		l.attachment = []string{"invoice.html", "document.zip", "statement.pdf", "order.docx"}[w.r.IntN(4)]
		return "Document for you", "Please see the attached document and confirm today."
	case 2, 3:
		return "Change of bank details", "Please use our new IBAN for the open invoice; payment by wire transfer before Friday."
	case 4, 5, 6:
		return "Shared file", "I have shared a file with you: https://" + site + "/view/" + hex(w.r, 6)
	}
	return "Your mailbox", "Your password will expire. Sign-in to verify your account: https://" + site + "/login/" + hex(w.r, 6)
}

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
