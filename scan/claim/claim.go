// Package claim finds who a message claims to be from and holds it against who
// is proven to speak.
//
// People read a display name, a greeting, a logo and a signature; machines
// authenticate a domain. Impersonation lives in the gap. The stage collects the
// claims (brands and public bodies from a built-in table, the own organisation,
// its people and partners from the configuration) and reports those that the
// speaking domain doesn't back. A mention is no claim: "Amazon" in a subject,
// an employee of a company writing to a mailing list, a shop that takes PayPal.
//
// Whether the speaking domain is authentic is for the auth stage to say.
// Unknown authentication is never held against a sender: the comparison is
// then with the domain that the From field names.
package claim

import (
	"context"
	"slices"
	"strings"

	"foregate/domain"
	"foregate/evidence"
	"foregate/mail"
)

// The evidence that the stage adds.
const (
	IDBrandDisplayName = "claim.brand-display-name"      // the display name is a brand's, the domain is not
	IDBrandLocalPart   = "claim.brand-local-part"        // the address is named after a brand, the domain is not the brand's
	IDBrandBody        = "claim.brand-body"              // greeting, signature, logo or notice speak as a brand
	IDOwnOrg           = "claim.own-org"                 // poses as the own organisation from outside
	IDVIP              = "claim.vip"                     // a protected person's name on a foreign address
	IDLookalikeOwn     = "claim.lookalike-own"           // a host imitates one of the own domains
	IDLookalikePartner = "claim.lookalike-partner"       // a host imitates a partner's domain
	IDLookalikeBrand   = "claim.lookalike-brand"         // a host imitates a brand's domain
	IDAddressInName    = "claim.address-in-display-name" // the display name shows another address
	IDReplyTo          = "claim.reply-to-diverges"       // replies go to another organisation
	IDReplyToFreeMail  = "claim.reply-to-freemail"       // replies go to a free mailbox, the author has a domain
	IDReplyNowhere     = "claim.reply-to-nowhere"        // replies go to an address that no mail can reach
	IDConfusable       = "claim.display-name-confusable" // hidden or look-alike characters in the display name
	IDBrandElsewhere   = "claim.brand-links-elsewhere"   // speaks of one brand, and what is to be clicked leads elsewhere
	IDFreeMailOrg      = "claim.freemail-organisation"   // a free mailbox that claims to be an organisation
	IDBrandSpoofed     = "claim.brand-spoofed"           // a brand's own address, and what could be checked did not prove it
	IDBacked           = "claim.backed"                  // the claimed brand is proven to speak
)

// Items of one lineage share a cause.
const (
	lineageIdentity  = "claim.identity"
	lineageLookalike = "claim.lookalike"
	lineageReply     = "claim.reply"
)

// Config is what an organisation knows of itself. Every field may be empty.
type Config struct {
	OwnDomains []string // own mail domains; subdomains belong to them
	OwnNames   []string // how the organisation is called in display names
	VIPs       []VIP    // people whom impostors claim to be
	Partners   []string // domains of close correspondents
}

// VIP is a person and the addresses that the person really writes from,
// besides those under the own domains.
type VIP struct {
	Name      string
	Addresses []string
}

// Stage implements scan.Stage. It is read-only after New.
type Stage struct {
	brands   *table
	roles    map[string]bool
	freeMail map[string]bool
	own      []string // registrable own domains
	ownNames [][]string
	vips     []vip
	lookOwn, lookPartner,
	lookBrand *domain.Matcher
}

// vip is a VIP prepared for comparing.
type vip struct {
	name      string
	words     []string // sorted
	addresses []string
}

// New prepares the stage. The brand table is built in; an error names the line
// that can't be read.
func New(c Config) (*Stage, error) {
	t, err := loadTable(brandTable)
	if err != nil {
		return nil, err
	}
	st := &Stage{
		brands:   t,
		roles:    wordSet(roleWords),
		freeMail: wordSet(freeMailDomains),
	}
	var own, partners []domain.Protected
	for _, d := range c.OwnDomains {
		n := domain.Split(d)
		st.own = append(st.own, root(n.RootDomain, n.Domain))
		if !slices.ContainsFunc(own, func(p domain.Protected) bool { return p.Token == n.SLD }) {
			own = append(own, domain.Protected{Domains: slices.Clone(c.OwnDomains), Token: n.SLD, Complete: true, Label: n.Domain})
		}
	}
	for _, d := range c.Partners {
		n := domain.Split(d)
		partners = append(partners, domain.Protected{Domains: []string{n.Domain}, Token: n.SLD, Complete: true, Label: n.Domain})
	}
	for _, name := range c.OwnNames {
		if w := words(name); len(w) > 0 {
			st.ownNames = append(st.ownNames, w)
		}
	}
	for _, v := range c.VIPs {
		if w := personWords(v.Name); len(w) > 1 { // a single first name is everybody's
			addrs := make([]string, 0, len(v.Addresses))
			for _, a := range v.Addresses {
				addrs = append(addrs, strings.ToLower(a))
			}
			st.vips = append(st.vips, vip{name: v.Name, words: w, addresses: addrs})
		}
	}
	st.lookOwn, st.lookPartner, st.lookBrand = domain.NewMatcher(own), domain.NewMatcher(partners), t.names
	return st, nil
}

// Name implements scan.Stage.
func (*Stage) Name() string { return "claim" }

// Analyze adds the evidence to f. It never fails: everything it needs is in
// the message. Links are taken from f.Links, so it belongs behind the link
// stage; without it only headers and texts are judged.
func (st *Stage) Analyze(_ context.Context, m *mail.Message, f *mail.Facts) error {
	s := st.speakerOf(m, f)
	if s.address == "" && s.display == "" {
		return nil
	}
	x := &exam{st: st, m: m, f: f, s: s}
	x.owners, x.likely = st.brands.owners(s.host)
	x.displayName()
	x.identity()
	x.body()
	x.lookalikes()
	x.elsewhere()
	x.replyTo()
	x.origin()
	f.Add(x.items...)
	return nil
}

// exam is the examination of one message.
type exam struct {
	st    *Stage
	m     *mail.Message
	f     *mail.Facts
	s     speaker
	items []evidence.Item
	// owners are the brands that the speaker's host belongs to, likely those that
	// it may belong to.
	owners, likely []*brand
}

// backs reports that the speaker's domain is the brand's.
func (x *exam) backs(b *brand) bool { return slices.Contains(x.owners, b) }

// mayBack reports that the speaker's domain is the brand's or may be: such a
// claim is not contradicted, and not proven either.
func (x *exam) mayBack(b *brand) bool { return x.backs(b) || slices.Contains(x.likely, b) }

// add notes an item.
func (x *exam) add(id, claim, quote, lineage string) {
	x.items = append(x.items, evidence.Item{ID: id, Claim: claim, Quote: shorten(quote), Lineage: lineage})
}

// shorten makes a quote of at most evidence.MaxQuote bytes without control
// characters.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(cut(s, evidence.MaxQuote), "�"))
	return cut(s, evidence.MaxQuote)
}

// speaker is who the message shows as its author, and what is proven.
type speaker struct {
	display string
	words   []string // of the display name
	address string
	local   string
	host    string // domain of the address
	root    string // its registrable domain
	free    bool   // a free mailbox
	own     bool   // one of the own domains
	listed  bool   // came through a mailing list
	proven  bool   // the author domain is proven
}

// speakerOf reads the author. Where a mailing list rewrote the From field, the
// original author is judged.
func (st *Stage) speakerOf(m *mail.Message, f *mail.Facts) speaker {
	box := mail.Mailbox{DisplayName: m.Sender.DisplayName, Email: m.Sender.Email}
	s := speaker{listed: len(m.Sender.Decoders) > 0, proven: f.Auth.AuthorProven}
	s.display = cut(box.DisplayName, maxDisplay)
	if name, _, ok := strings.Cut(strings.ReplaceAll(s.display, " (via ", " via "), " via "); ok {
		s.display, s.listed = strings.Trim(name, "'\" "), true
	}
	s.words = words(s.display)
	s.address = strings.ToLower(box.Email.Email)
	s.local = strings.ToLower(box.Email.LocalPart)
	s.host = box.Email.Domain.Domain
	s.root = root(box.Email.Domain.RootDomain, s.host)
	s.free = st.freeMail[s.host] || st.freeMail[s.root]
	s.own = st.isOwn(s.host)
	s.listed = s.listed || isListed(m)
	return s
}

// isListed reports the mark that lists for discussion leave (RFC 2369 section
// 3.4). List-Id alone (RFC 2919) is also what bulk mailers write.
func isListed(m *mail.Message) bool {
	for i := range m.Headers.Hops {
		for _, h := range m.Headers.Hops[i].Fields {
			if strings.EqualFold(h.Name, "List-Post") && !strings.EqualFold(strings.TrimSpace(h.Value), "NO") {
				return true
			}
		}
	}
	return false
}

// isOwn reports a host of the own organisation.
func (st *Stage) isOwn(host string) bool {
	for _, d := range st.own {
		if under(host, d) {
			return true
		}
	}
	return false
}

// under reports that host is d or below it.
func under(host, d string) bool {
	return d != "" && strings.HasSuffix(host, d) && (len(host) == len(d) || host[len(host)-len(d)-1] == '.')
}

// root is the registrable domain, or the whole name when it has none.
func root(registrable, whole string) string {
	if registrable != "" {
		return registrable
	}
	return whole
}

// who is the speaker in words.
func (s *speaker) who() string {
	switch {
	case s.host == "":
		return "has no address with a domain"
	case s.proven:
		return "speaks for " + s.host
	}
	return "writes from " + s.host
}
