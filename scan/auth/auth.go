// Package auth finds out who sent a message: the stage that runs SPF (RFC
// 7208), DKIM (RFC 6376), DMARC (RFC 9989) and ARC (RFC 8617), and the writer
// and the guard of the Authentication-Results field (RFC 8601).
//
// SPF proves the envelope sender by the client's address, DKIM a signer by a
// signature, DMARC connects both with the author that a reader sees, and ARC
// carries what a forwarder found. All of it rests on the connection, the
// signatures and the DNS. What a header field merely claims counts for
// nothing, since the sender may have written it.
//
// What could not be looked at stays unknown, and unknown is never evidence.
package auth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"foregate/dns"
	"foregate/mail"
	"foregate/scan/auth/arc"
	"foregate/scan/auth/dkim"
	"foregate/scan/auth/dmarc"
	"foregate/scan/auth/spf"
)

// Name is the name of the stage, and the Stage of its gaps.
const Name = "auth"

// The shares of a message's queries. Each check has its own, so that none of
// them, in particular not one that the sender can make expensive, takes from
// another. Together they leave 3 of 50 to compare organisational domains.
const (
	policyBudget = 12 // tree walk of the author domain: 8, and whether it exists: 3
	spfBudget    = 22 // 10 terms with an address or two each
	dkimBudget   = 5  // one key for each signature
	arcBudget    = 8  // a chain of 4: seals and message signatures
)

// checkTime bounds each of the checks, which run together: as long as one
// query may take. A sender's slow servers cost no more than that. RFC 7208
// section 4.6.4 would grant SPF 20 seconds, twice what a whole message has.
const checkTime = 5 * time.Second

// Stage authenticates messages. It fills Facts.Auth and Headers.AuthSummary
// and is safe for concurrent use.
type Stage struct {
	// Resolver answers the DNS. Nil with Offline set means that looking is not
	// wanted; nil without it is a gap.
	Resolver dns.Resolver
	Offline  bool
	// AuthservID is the name we speak in.
	AuthservID string
	// TrustedSealers are the domains, subdomains included, whose ARC seals we
	// believe.
	TrustedSealers []string
	// TrustedResults are the authserv-ids of our own servers. For a message
	// without a client address (a file), the newest of their
	// Authentication-Results counts, if it stands above the Received fields
	// that TrustedHops servers of ours (1 when zero) have added.
	TrustedResults []string
	TrustedHops    int
	// Budget is the number of DNS queries per message, dns.MessageBudget when
	// zero.
	Budget int
	Now    func() time.Time // nil means time.Now
}

// Name implements scan.Stage.
func (s Stage) Name() string { return Name }

// Analyze implements scan.Stage. It fills f.Auth whatever happens; what could
// not be looked at is unknown there and a gap. The error is always nil.
func (s Stage) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	from, d := author(m.Raw)
	x := exam{stage: s, m: m, facts: f, author: from, doubt: d}
	if len(from.Domains) > 0 {
		x.auth.FromDomain = from.Domains[0]
	}
	if results, ok := s.recorded(m); ok {
		x.takeRecorded(results)
	} else if s.Resolver != nil && !s.Offline {
		x.check(ctx)
	} else if !s.Offline {
		f.AddGap(mail.Gap{Stage: Name, Err: "no resolver"})
	}
	x.finish()
	f.Auth = x.auth
	m.Headers.AuthSummary = summary(x.auth, m.Envelope, s.AuthservID)
	f.Add(x.evidence()...)
	return nil
}

// exam is the work on one message.
type exam struct {
	stage  Stage
	m      *mail.Message
	facts  *mail.Facts
	author dmarc.Author
	doubt  doubt
	auth   mail.Auth
	proven bool // DMARC or alignment proves the author
	// unaligned: something passes, and all that passes is known not to align.
	unaligned bool
}

// findings is what the checks that run together found.
type findings struct {
	policy *dmarc.Discovery
	spf    spf.Result
	dkim   []mail.DKIM
	arc    arc.Result
}

// check authenticates by looking.
func (x *exam) check(ctx context.Context) {
	s := x.stage
	budget := s.Budget
	if budget == 0 {
		budget = dns.MessageBudget
	}
	ctx = dns.WithBudget(ctx, budget)
	var found findings
	timed, cancel := context.WithTimeout(ctx, checkTime)
	together(
		func() { found.policy = dmarc.Discover(dns.WithBudget(timed, policyBudget), s.Resolver, x.author) },
		func() { found.spf = x.checkSPF(dns.WithBudget(timed, spfBudget)) },
		func() {
			found.dkim = dkim.Verify(dns.WithBudget(timed, dkimBudget), s.Resolver, x.m.Raw, dkim.Options{Now: s.Now})
		},
		func() {
			found.arc = arc.Verify(dns.WithBudget(timed, arcBudget), s.Resolver, x.m.Raw, s.now())
		},
	)
	cancel()
	x.takeSPF(found.spf)
	x.takeDKIM(found.dkim)
	judged, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	x.takeDMARC(found.policy.Judge(judged, spfIdentifier(x.m.Envelope, found.spf), dkimIdentifiers(found.dkim)))
	x.takeARC(found.arc)
}

func (s Stage) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// together runs work at the same time and waits. A panic in one of them is
// raised again here, where the stage's fence is.
func together(work ...func()) {
	panics := make([]any, len(work))
	var wg sync.WaitGroup
	for i, f := range work {
		wg.Go(func() {
			defer func() { panics[i] = recover() }()
			f()
		})
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

// checkSPF checks the envelope. Without the client's address or the envelope
// sender there is nothing to check: header fields that name them may be the
// sender's.
func (x *exam) checkSPF(ctx context.Context) spf.Result {
	env := x.m.Envelope
	if !env.ClientIP.IsValid() || !env.HasFrom {
		return spf.Result{}
	}
	c := spf.Checker{Resolver: x.stage.Resolver, Receiver: x.stage.AuthservID, Now: x.stage.Now}
	return c.Check(ctx, env.ClientIP, env.Helo, env.MailFrom)
}

func (x *exam) takeSPF(r spf.Result) {
	x.auth.SPF, x.auth.SPFDomain, x.auth.SPFHelo = r.Result, r.Domain, r.Helo && r.Domain != ""
	x.auth.SPFReason = r.Reason
	if r.Explanation != "" {
		x.auth.SPFReason += "; the domain explains: " + shorten(r.Explanation)
	}
	if r.Result == mail.ResultTempError {
		x.gap("SPF: %s", r.Reason)
	}
}

func (x *exam) takeDKIM(list []mail.DKIM) {
	x.auth.DKIM, x.auth.DKIMResult = list, bestDKIM(list)
	if x.auth.DKIMResult == mail.ResultTempError {
		for _, d := range list {
			if d.Result == mail.ResultTempError {
				x.gap("DKIM: %s", d.Reason)
				break
			}
		}
	}
}

// bestDKIM sums up the signatures: any pass passes, else what leaves most hope
// of a pass counts.
func bestDKIM(list []mail.DKIM) mail.Result {
	for _, r := range []mail.Result{
		mail.ResultPass, mail.ResultTempError, mail.ResultFail, mail.ResultPolicy, mail.ResultNeutral, mail.ResultPermError,
	} {
		for _, d := range list {
			if d.Result == r {
				return r
			}
		}
	}
	return mail.ResultNone
}

func spfIdentifier(env mail.Envelope, r spf.Result) dmarc.Identifier {
	i := dmarc.Identifier{Domain: r.Domain, Result: r.Result}
	if r.Result == mail.ResultUnknown && env.HasFrom && env.MailFrom != "" {
		i.Domain = domainOf(env.MailFrom) // a domain that can't align anyway leaves nothing open
	}
	return i
}

// dkimIdentifiers are the signatures for DMARC. RSA keys below 2,048 bits are
// too common to count as weak here; a signature over part of the body, or of a
// domain that is only testing, proves nothing.
func dkimIdentifiers(list []mail.DKIM) []dmarc.Identifier {
	var out []dmarc.Identifier
	for _, d := range list {
		out = append(out, dmarc.Identifier{
			Domain: d.Domain,
			Result: d.Result,
			Weak:   d.Weak != "" && d.Weak != dkim.WeakKey,
		})
	}
	return out
}

func (x *exam) takeDMARC(r dmarc.Result) {
	x.auth.DMARC, x.auth.DMARCPolicy, x.auth.DMARCDomain = r.Result, string(r.Policy), r.Domain
	if r.From != "" {
		x.auth.FromDomain = r.From
	}
	x.auth.Aligned, x.proven = r.Aligned, r.Proven
	if r.Result == mail.ResultTempError {
		x.gap("DMARC: %s", r.Reason)
	}
	passes := x.auth.SPF == mail.ResultPass || x.auth.DKIMResult == mail.ResultPass
	x.unaligned = passes && len(r.Aligned) == 0 && r.From != "" && !x.author.Ambiguous &&
		r.Result != mail.ResultTempError && r.Result != mail.ResultUnknown &&
		x.auth.SPF != mail.ResultTempError && x.auth.SPF != mail.ResultUnknown && !anyTemporary(x.auth.DKIM)
}

func anyTemporary(list []mail.DKIM) bool {
	for _, d := range list {
		if d.Result == mail.ResultTempError {
			return true
		}
	}
	return false
}

func (x *exam) takeARC(r arc.Result) {
	x.auth.ARC, x.auth.ARCSealer = r.Result, r.Sealer
	if r.Result == mail.ResultTempError {
		x.gap("ARC: %s", r.Reason)
	}
	results, ok := arcVouched(r, x.stage.TrustedSealers)
	x.auth.ARCTrusted = ok
	if !ok || x.author.Ambiguous {
		return
	}
	for _, name := range vouchesFor(results, x.auth.FromDomain) {
		x.auth.Aligned = appendNew(x.auth.Aligned, name)
		x.proven = true
	}
}

// finish draws the conclusions that hold however the results came about.
func (x *exam) finish() {
	if x.author.Ambiguous {
		x.proven, x.auth.Aligned = false, nil
	}
	x.auth.AuthorProven = x.proven
	if x.proven {
		x.unaligned = false
	}
}

func (x *exam) gap(format string, args ...any) {
	const most = 300 // bytes: reasons name servers and names that senders choose
	text := fmt.Sprintf(format, args...)
	x.facts.AddGap(mail.Gap{Stage: Name, Err: strings.ToValidUTF8(text[:min(len(text), most)], "?")})
}
