package auth

import (
	"fmt"
	"strings"

	"foregate/evidence"
	"foregate/mail"
)

// The kinds of evidence of this stage, all of one lineage. Weights come from
// the weight table.
const (
	DMARCFail       = "auth.dmarc-fail"               // nothing that passes aligns, though the domain has a policy
	DMARCFailReject = "auth.dmarc-fail-reject-policy" // and the domain asks to reject such mail
	SPFFail         = "auth.spf-fail"
	SPFSoftFail     = "auth.spf-softfail"
	DKIMFail        = "auth.dkim-fail"      // signed, but no signature verifies
	AuthorProven    = "auth.author-proven"  // speaks for the message
	UnalignedOnly   = "auth.unaligned-only" // something passes, but not for the author
	NoneAtAll       = "auth.none"           // the author's domain uses no authentication
	MultipleFrom    = "auth.multiple-from"  // several authors: which one is seen depends on the mail program
	MalformedFrom   = "auth.malformed-from" // an author's address that is none, or that programs read differently
)

const lineage = "auth"

// evidence says what the results mean. Results that are unknown, or that
// failed only for now, say nothing.
func (x *exam) evidence() []evidence.Item {
	a := x.auth
	var items []evidence.Item
	add := func(id, quote, format string, args ...any) {
		items = append(items, evidence.Item{
			ID:      id,
			Claim:   fmt.Sprintf(format, args...),
			Quote:   printable(quote[:min(len(quote), evidence.MaxQuote)]),
			Lineage: lineage,
		})
	}
	from := a.FromDomain
	if x.author.Ambiguous {
		id, claim := MalformedFrom, "The author's address is malformed: %s."
		if x.doubt.multiple {
			id, claim = MultipleFrom, "Mail programs may show different authors: %s."
		}
		add(id, "From: "+strings.Join(x.author.Domains, ", "), claim, x.doubt.why)
	}
	if a.DMARC == mail.ResultFail && !a.AuthorProven {
		if a.DMARCPolicy == "reject" {
			add(DMARCFailReject, from, "%s asks to reject mail that does not prove to be its own, and this does not (DMARC).", a.FromDomain)
		}
		add(DMARCFail, from, "The author's domain %s is not proven (DMARC fail, policy %s).", a.FromDomain, policyName(a.DMARCPolicy))
	}
	switch a.SPF {
	case mail.ResultFail:
		add(SPFFail, a.SPFDomain, "The sending host is not allowed to send for %s (SPF fail).", spfName(a.SPFDomain))
	case mail.ResultSoftFail:
		add(SPFSoftFail, a.SPFDomain, "The sending host is probably not allowed to send for %s (SPF softfail).", spfName(a.SPFDomain))
	}
	switch a.DKIMResult {
	case mail.ResultFail, mail.ResultPolicy, mail.ResultPermError:
		add(DKIMFail, signers(a.DKIM), "The message is signed, but no signature verifies (DKIM %s).", a.DKIMResult)
	}
	switch {
	case a.AuthorProven:
		add(AuthorProven, from, "The author's domain %s is proven by %s.", a.FromDomain, strings.Join(a.Aligned, ", "))
	case x.unaligned:
		add(UnalignedOnly, from, "The message is authenticated, but not for the author's domain %s.", a.FromDomain)
	case a.SPF == mail.ResultNone && a.DKIMResult == mail.ResultNone && a.DMARC == mail.ResultNone &&
		(a.ARC == mail.ResultNone || a.ARC == mail.ResultUnknown) && a.FromDomain != "":
		add(NoneAtAll, from, "Neither the sender nor the author %s uses any authentication.", a.FromDomain)
	}
	return items
}

func policyName(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func spfName(s string) string {
	if s == "" {
		return "its domain"
	}
	return s
}

func signers(list []mail.DKIM) string {
	var names []string
	for _, d := range list {
		names = appendNew(names, "d="+ascii(d.Domain))
	}
	return strings.Join(names, " ")
}

// printable replaces control and non-ASCII bytes.
func printable(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < 0x20 || c > 0x7e {
			b[i] = '?'
		}
	}
	return string(b)
}

// summary is what rules see of a: nil for what is unknown.
func summary(a mail.Auth, env mail.Envelope, authservID string) *mail.AuthSummary {
	var s mail.AuthSummary
	if a.SPF != mail.ResultUnknown {
		details := &mail.SPFResult{Verdict: string(a.SPF), Description: a.SPFReason, Helo: mailDomain(env.Helo), Server: mailDomain(authservID)}
		if env.HasFrom {
			details.Designator = env.MailFrom
		}
		if env.ClientIP.IsValid() {
			ip := env.ClientIP.Unmap()
			details.ClientIP = &mail.IP{IP: ip.String(), Version: map[bool]int{true: 4, false: 6}[ip.Is4()]}
		}
		pass, failed := state(a.SPF)
		s.SPF = &mail.SPFSummary{Pass: pass, Error: failed, Details: details}
	}
	if a.DMARC != mail.ResultUnknown {
		pass, failed := state(a.DMARC)
		s.DMARC = &mail.DMARCSummary{Pass: pass, Error: failed, Details: &mail.DMARCResult{
			Verdict: string(a.DMARC),
			Policy:  a.DMARCPolicy,
			From:    mailDomain(a.FromDomain),
		}}
	}
	if s.SPF == nil && s.DMARC == nil {
		return nil
	}
	return &s
}

// state reads a result for rules. An error of the moment leaves it unknown
// whether the check passes.
func state(r mail.Result) (pass, failed *bool) {
	p := r == mail.ResultPass
	e := r == mail.ResultTempError || r == mail.ResultPermError
	if r == mail.ResultTempError {
		return nil, &e
	}
	return &p, &e
}

// mailDomain splits a name for the model; nil when it is empty.
func mailDomain(name string) *mail.Domain {
	if name == "" {
		return nil
	}
	d := mail.NewDomain(name)
	return &d
}
