package claim

import (
	"fmt"
	"slices"
	"strings"

	"foregate/domain"
	"foregate/mail"
)

// elsewhere judges a page that speaks of one brand, in its subject or three times
// in its text, and gives the reader something to click that leads neither to the
// brand nor to the sender. News and offers speak of many brands, a shop that takes
// a payment service leads to itself, and a newsletter to the house that sends it
// out and counts its clicks.
func (x *exam) elsewhere() {
	if x.s.own || x.s.listed || x.relays() && x.s.proven {
		return
	}
	host := x.buttonHost()
	if host == "" {
		return
	}
	b, quote := x.spokenOf()
	if b == nil || x.mayBack(b) || b.category == "social" && quote == "" {
		return
	}
	for i := range x.f.Links {
		l := &x.f.Links[i]
		if l.Kind != "anchor" && l.Kind != "text" {
			continue
		}
		if x.st.brands.mayHold(b, strings.ToLower(l.Host)) {
			return
		}
	}
	x.add(IDBrandElsewhere, fmt.Sprintf("the message speaks of %s, but what is to be clicked leads to %s and nothing to %s", b.name, host, b.name), quote, lineageIdentity)
}

// buttonHost is the host of the first thing to click whose words do not say
// where it leads, unless some such thing leads to the sender.
func (x *exam) buttonHost() string {
	first := ""
	for i := range x.f.Links {
		l := &x.f.Links[i]
		if !isButton(l) {
			continue
		}
		host := strings.ToLower(l.Host)
		if under(host, x.s.root) || x.namedLikeSender(host) || x.sendsFor(host) {
			return ""
		}
		if first == "" {
			first = host
		}
	}
	return first
}

// namedLikeSender reports a host at a hosting company that bears the label of the
// sender's domain: the shop "keramik-lotte.myshopify.com" of keramik-lotte.de.
func (x *exam) namedLikeSender(host string) bool {
	first, _, _ := strings.Cut(host, ".")
	return first != "" && first == domain.Split(x.s.host).SLD
}

// sendsFor reports a host of the house that sends mail out for a proven author: it
// signs the message, takes its bounces or its cancellations.
func (x *exam) sendsFor(host string) bool {
	if !x.s.proven {
		return false
	}
	r := root(domain.Split(host).RootDomain, host)
	if under(x.f.Auth.SPFDomain, r) && x.f.Auth.SPF == mail.ResultPass {
		return true
	}
	for i := range x.f.Auth.DKIM {
		if d := &x.f.Auth.DKIM[i]; d.Result == mail.ResultPass && under(d.Domain, r) {
			return true
		}
	}
	return slices.ContainsFunc(x.f.Links, func(l mail.LinkFact) bool {
		return l.Kind == "header" && under(strings.ToLower(l.Host), r)
	})
}

// isButton reports a visible link of a page whose text names no address.
func isButton(l *mail.LinkFact) bool {
	return l.Kind == "anchor" && l.Source == "html" && l.Visible && l.Host != "" && !strings.Contains(l.Text, ".") && strings.HasPrefix(l.URL, "http")
}

// spokenOf finds the one brand that the subject names or the text names often.
func (x *exam) spokenOf() (*brand, string) {
	const often, most = 3, 2 // times in the text; brands beside it
	count := map[*brand]int{}
	var best *brand
	tally := func(w []string, weight int) {
		for i := 0; i < len(w); i++ {
			a, ok := x.st.brands.at(w, i)
			if !ok {
				continue
			}
			i += len(a.words) - 1
			if a.common {
				continue
			}
			count[a.brand] += weight
			if best == nil || count[a.brand] > count[best] {
				best = a.brand
			}
		}
	}
	quote := ""
	if s := x.m.Subject; s != nil {
		tally(words(cut(s.Subject, maxDisplay)), often)
		if best != nil {
			quote = s.Subject
		}
	}
	tally(words(cut(x.m.Speech(), headBytes+tailBytes)), 1)
	if best == nil || count[best] < often || len(count) > most {
		return nil, ""
	}
	if quote == "" {
		quote = best.name
	}
	return best, quote
}
