package mail

import (
	"net/netip"
	"strings"

	"foregate/domain"
	"foregate/mail/internal/header"
)

// NewDomain splits a host name for the model: by the ICANN section of the Public
// Suffix List alone, as the published model and the rules over it do, so that
// "github.io" is the root domain of "a.github.io" (docs/adr/0006-public-suffix.md).
// It accepts any input; what is no name has only Domain filled.
func NewDomain(host string) Domain {
	n := domain.SplitICANN(host)
	return Domain{
		Domain: n.Domain, Punycode: n.Punycode, RootDomain: n.RootDomain, SLD: n.SLD, Subdomain: n.Subdomain, TLD: n.TLD, Valid: n.Valid,
	}
}

// toEmail builds an address; the domain is lower case, the local part as
// written.
func toEmail(local, host string) EmailAddress {
	e := EmailAddress{Email: local, LocalPart: local}
	if host != "" {
		e.Domain = NewDomain(host)
		e.Email = local + "@" + e.Domain.Domain
		e.LocalPart = strings.Trim(local, `"`)
	}
	return e
}

func toMailbox(a header.Address) Mailbox {
	return Mailbox{DisplayName: a.Name, Email: toEmail(a.Local, a.Domain)}
}

// parseEmail reads the first address of a value such as Return-Path; nil when
// there is none.
func parseEmail(v string) *EmailAddress {
	for _, a := range header.ParseAddresses(v) {
		if a.Domain != "" {
			e := toEmail(a.Local, a.Domain)
			return &e
		}
	}
	return nil
}

// toIP builds the model of an address; nil when s is none. An IPv4-mapped IPv6
// address becomes IPv4 with its original kept.
func toIP(s string) *IP {
	s = strings.Trim(strings.TrimSpace(s), "[]()<>\"' ")
	if len(s) > 5 && strings.EqualFold(s[:5], "ipv6:") {
		s = s[5:]
	}
	if s == "" || strings.IndexByte(s, ':') < 0 && (s[0] < '0' || s[0] > '9') {
		return nil // a name, as most words of trace fields
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return nil
	}
	ip := &IP{IP: a.WithZone("").String(), Version: 6}
	if a.Is4() {
		ip.Version = 4
	}
	if a.Is4In6() {
		*ip = IP{IP: a.Unmap().String(), Version: 4, Translation: &IPTranslation{Original: a.String(), V4ToV6: true}}
	}
	return ip
}
