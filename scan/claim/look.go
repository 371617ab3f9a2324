package claim

import (
	"fmt"
	"slices"
	"strings"

	"foregate/domain"
	"foregate/mail"
)

// maxHosts bounds the link hosts that are compared for one message.
const maxHosts = 64

// place is a host and where it stands.
type place struct{ host, where string }

// lookalikes compares the hosts of the message with the protected names.
func (x *exam) lookalikes() {
	places := x.hosts()
	for _, look := range []struct {
		m  *domain.Matcher
		id string
	}{
		{x.st.lookOwn, IDLookalikeOwn},
		{x.st.lookPartner, IDLookalikePartner},
		{x.st.lookBrand, IDLookalikeBrand},
	} {
		x.lookalike(look.m, look.id, places)
	}
}

// lookalike reports the first host that imitates a name of one matcher; the
// sender's stands before the links.
func (x *exam) lookalike(m *domain.Matcher, id string, places []place) {
	var buf [4]domain.Match
	for _, p := range places {
		if x.st.isOwn(p.host) {
			continue
		}
		for _, match := range m.Match(p.host, buf[:0]) {
			x.add(id, fmt.Sprintf("%s %s imitates %s: %s", p.where, p.host, match.Protected.Label, match.Detail), p.host, lineageLookalike)
			return
		}
	}
}

// hosts are the distinct hosts of sender, replies and links, in this order.
func (x *exam) hosts() []place {
	places := []place{{x.s.host, "the sender's domain"}}
	for i := range x.m.Headers.ReplyTo {
		places = addPlace(places, x.m.Headers.ReplyTo[i].Email.Domain.Domain, "the reply address's domain")
	}
	for i := range x.f.Links {
		l := &x.f.Links[i]
		if l.Kind == "anchor" || l.Kind == "text" || l.Kind == "form" {
			places = addPlace(places, strings.ToLower(l.Host), "a link's host")
		}
	}
	if len(x.f.Links) == 0 {
		for i := range x.m.Body.Links {
			if u := x.m.Body.Links[i].HrefURL; u != nil && u.Domain != nil {
				places = addPlace(places, u.Domain.Domain, "a link's host")
			}
		}
	}
	return places
}

// addPlace adds a host once.
func addPlace(places []place, host, where string) []place {
	if host == "" || len(places) >= maxHosts {
		return places
	}
	for _, p := range places {
		if p.host == host {
			return places
		}
	}
	return append(places, place{host, where})
}

// replyTo holds the address for replies against the author's. Services that pass
// on other people's messages name those people for replies; there only an office
// that answers from a free mailbox is odd.
func (x *exam) replyTo() {
	relays := x.relays()
	if x.s.listed || x.s.host == "" || relays && !slices.ContainsFunc(x.s.words, officeWord) {
		return
	}
	for i := range x.m.Headers.ReplyTo {
		r := &x.m.Headers.ReplyTo[i].Email
		host := r.Domain.Domain
		if nowhere(r) {
			x.add(IDReplyNowhere, "the sender wants replies at "+r.Email+", where nobody can get them", r.Email, lineageReply)
			return
		}
		if host == "" || root(r.Domain.RootDomain, host) == x.s.root || x.isRecipient(r.Email) || x.sameOwner(host, x.s.host) {
			continue
		}
		free := x.st.freeMail[host] || x.st.freeMail[r.Domain.RootDomain]
		switch {
		case x.st.isOwn(host) || isListAddress(r) || x.sentBy(root(r.Domain.RootDomain, host)):
			continue
		case free && !x.s.free:
			x.add(IDReplyToFreeMail, fmt.Sprintf("the sender writes from %s, but wants replies in a free mailbox at %s", x.s.host, host), r.Email, lineageReply)
		case relays:
			continue
		default:
			x.add(IDReplyTo, fmt.Sprintf("the sender writes from %s, but wants replies at %s", x.s.host, host), r.Email, lineageReply)
		}
		return
	}
}

// nowhere reports an address that no mail can reach: its domain is reserved (RFC
// 2606, RFC 6761) or has no dot.
func nowhere(a *mail.EmailAddress) bool {
	host := strings.ToLower(a.Domain.Domain)
	switch host {
	case "example.com", "example.net", "example.org", "test.com", "domain.com", "localhost":
		return true
	}
	_, domainPart, found := strings.Cut(a.Email, "@")
	return found && domainPart != "" && !strings.Contains(domainPart, ".") || under(host, "invalid") || under(host, "localhost")
}

// isListAddress reports an address that is named as mailing lists are.
func isListAddress(a *mail.EmailAddress) bool {
	host := a.Domain.Domain
	for _, p := range []string{"lists.", "list.", "groups.", "mailman.", "vger."} {
		if strings.HasPrefix(host, p) {
			return true
		}
	}
	switch a.Domain.RootDomain {
	case "googlegroups.com", "yahoogroups.com", "groups.io", "freelists.org", "listserv.net":
		return true
	}
	for _, w := range strings.FieldsFunc(strings.ToLower(a.LocalPart), func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if strings.HasSuffix(w, "list") || w == "users" || w == "dev" || w == "devel" || w == "announce" || w == "discuss" || w == "talk" {
			return true
		}
	}
	return false
}

// sentBy reports that the message came by way of the domain, as it does from
// the mailing list that asks for replies to itself.
func (x *exam) sentBy(d string) bool {
	env := &x.m.Envelope
	_, bounce, _ := strings.Cut(strings.ToLower(env.MailFrom), "@")
	for _, host := range []string{bounce, env.RDNS, env.Helo} {
		if under(strings.ToLower(host), d) {
			return true
		}
	}
	if p := x.m.Headers.ReturnPath; p != nil && under(p.Domain.Domain, d) {
		return true
	}
	for i := range x.m.Headers.Hops {
		for _, h := range x.m.Headers.Hops[i].Fields {
			if (strings.EqualFold(h.Name, "Sender") || strings.EqualFold(h.Name, "Errors-To")) && strings.Contains(strings.ToLower(h.Value), d) {
				return true
			}
		}
	}
	return false
}

// isRecipient reports that replies go to a recipient of this message, as
// mailing lists arrange it.
func (x *exam) isRecipient(address string) bool {
	for _, list := range [][]mail.Mailbox{x.m.Recipients.To, x.m.Recipients.CC} {
		for i := range list {
			if strings.EqualFold(list[i].Email.Email, address) {
				return true
			}
		}
	}
	return false
}
