// Package spf checks whether a host may send mail for a domain: Sender Policy
// Framework, RFC 7208.
//
// A domain publishes, as one TXT record at its own name, which addresses send
// its mail:
//
//	example.com.  TXT  "v=spf1 ip4:192.0.2.0/24 include:_spf.example.net -all"
//
// The terms are tried from left to right; the first whose mechanism matches
// the client's address decides, by its qualifier: + pass, - fail, ~ softfail,
// ? neutral. What is checked is the domain of the envelope sender (MAIL FROM),
// or, for bounces that have none, the HELO name. It says nothing about the
// author that a reader sees: connecting the two is DMARC's work.
//
// Since the sender writes the record, evaluation is bounded as section 4.6.4
// demands: 10 terms that ask the DNS, 10 hosts of an mx, 10 names of a ptr,
// 2 empty answers.
package spf

import (
	"context"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"foregate/dns"
	"foregate/mail"
)

// Result is the outcome of one check.
type Result struct {
	Result mail.Result // pass, fail, softfail, neutral, none, temperror, permerror
	// Domain is the domain checked, in ASCII and lower case: that of MAIL
	// FROM, or the HELO name for a null path.
	Domain string
	// Helo says that Domain comes from HELO.
	Helo bool
	// Mechanism is the term that decided, as written ("-all",
	// "include:_spf.example.net"); empty when none did.
	Mechanism string
	// Reason says in words how the result came about.
	Reason string
	// Explanation is the domain's own text for a fail (exp=, RFC 7208 section
	// 6.2): visible ASCII from a stranger.
	Explanation string
}

// Checker checks envelopes. Receiver is the name for the r macro of
// explanations ("unknown" when empty), Now the clock for the t macro (time.Now
// when nil). It is safe for concurrent use.
type Checker struct {
	Resolver dns.Resolver
	Receiver string
	Now      func() time.Time
}

// Check runs check_host() of RFC 7208 section 4 for the client address ip, the
// HELO argument and the reverse-path without angle brackets. An empty mailFrom
// is the null path: postmaster@helo is checked (section 2.4).
func Check(ctx context.Context, resolver dns.Resolver, ip netip.Addr, helo, mailFrom string) Result {
	return Checker{Resolver: resolver}.Check(ctx, ip, helo, mailFrom)
}

// Check is the function Check with c's receiver name and clock.
func (c Checker) Check(ctx context.Context, ip netip.Addr, helo, mailFrom string) Result {
	r := Result{Helo: mailFrom == ""}
	sender := mailFrom
	if sender == "" {
		sender = "postmaster@" + helo
	}
	local, domain := splitSender(sender)
	name, ok := checkable(domain)
	if !ok {
		// RFC 7208 section 4.3: malformed, no dot or an address literal.
		r.Result, r.Reason = mail.ResultNone, "the sender's domain is no domain name"
		return r
	}
	r.Domain = name
	if !ip.IsValid() {
		r.Reason = "the client's address is unknown"
		return r
	}
	e := &evaluation{
		ctx:      ctx,
		resolver: c.Resolver,
		ip:       ip.Unmap().WithZone(""), // section 5: IPv4-mapped is IPv4
		local:    local,
		sender:   name,
		helo:     helo,
		receiver: c.Receiver,
		now:      c.Now,
	}
	o := e.checkHost(name)
	r.Result, r.Mechanism, r.Reason = o.result, o.mechanism, o.reason
	if r.Result == mail.ResultFail {
		r.Explanation = e.explain(o)
	}
	return r
}

// splitSender splits at the last at sign; a missing local part is "postmaster"
// (RFC 7208 section 4.3).
func splitSender(sender string) (local, domain string) {
	i := strings.LastIndexByte(sender, '@')
	if i < 0 {
		return "postmaster", sender
	}
	if i == 0 {
		return "postmaster", sender[1:]
	}
	return sender[:i], sender[i+1:]
}

// checkable returns the ASCII form of a domain, or false when RFC 7208 section
// 4.3 gives none: it must be a fully qualified name with labels of 1 to 63
// bytes.
func checkable(domain string) (string, bool) {
	d := strings.ToLower(strings.TrimSuffix(domain, "."))
	if !isASCII(d) {
		// RFC 8616 section 4: U-labels are compared as A-labels.
		ascii, err := idna.Lookup.ToASCII(d)
		if err != nil || !utf8.ValidString(domain) {
			return "", false
		}
		d = ascii
	}
	if len(d) > 253 || !strings.Contains(d, ".") || strings.ContainsAny(d, "[]:@ ") {
		return "", false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
	}
	for _, c := range []byte(d) {
		if c < 0x21 || c > 0x7e {
			return "", false
		}
	}
	return d, true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
