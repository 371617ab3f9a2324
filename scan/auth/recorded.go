package auth

import (
	"foregate/mail"
	"foregate/scan/auth/dmarc"
)

// record is what a trusted server found when the message arrived.
type record struct {
	spf, dkim, dmarc mail.Result
	spfDomain        string   // domain that SPF checked, "" when unknown
	signers          []string // domains of DKIM passes; nil when not recorded
	from             string   // the author domain DMARC was for, "" when not recorded
}

// recorded returns the results that the envelope carries, or, for a file, the
// newest that our own servers wrote.
func (s Stage) recorded(m *mail.Message) (record, bool) {
	env := m.Envelope
	spfDomain := ""
	if env.HasFrom && env.MailFrom != "" {
		spfDomain, _ = dmarc.Domain(domainOf(env.MailFrom))
	}
	if r := env.Recorded; r != nil {
		return record{spf: word(r.SPF), dkim: word(r.DKIM), dmarc: word(r.DMARC), spfDomain: spfDomain}, true
	}
	if env.ClientIP.IsValid() || len(s.TrustedResults) == 0 {
		return record{}, false // in the gate we look for ourselves
	}
	value, ok := trustedResults(m.Raw, s.TrustedResults, max(s.TrustedHops, 1))
	if !ok {
		return record{}, false
	}
	return recordOf(parseResults(value)), true
}

// recordOf reads the results of one Authentication-Results field.
func recordOf(results []methodResult) record {
	var r record
	for _, x := range results {
		switch x.method {
		case "spf":
			r.spf = x.result
			r.spfDomain, _ = dmarc.Domain(domainOf(x.props["smtp.mailfrom"]))
		case "dkim":
			if r.dkim != mail.ResultPass {
				r.dkim = x.result
			}
			if d, ok := dmarc.Domain(x.props["header.d"]); ok && x.result == mail.ResultPass {
				r.signers = append(r.signers, d)
			}
		case "dmarc":
			r.dmarc, r.from = x.result, x.props["header.from"]
		}
	}
	return r
}

// takeRecorded uses recorded results in place of our own. A DKIM pass without
// its signer's domain proves nothing about the author, and results for another
// author than the one we read count as unknown.
func (x *exam) takeRecorded(r record) {
	if r.from != "" && !sameDomain(r.from, x.auth.FromDomain) {
		r.dmarc = mail.ResultUnknown
	}
	if x.author.Ambiguous && r.dmarc == mail.ResultPass {
		r.dmarc = mail.ResultPermError // whichever author passed, a reader may see the other
	}
	a := &x.auth
	a.Recorded = true
	a.SPF, a.DKIMResult, a.DMARC = r.spf, r.dkim, r.dmarc
	if r.spf != mail.ResultUnknown {
		a.SPFDomain = r.spfDomain
	}
	if x.author.Ambiguous || a.FromDomain == "" {
		return
	}
	if r.dmarc == mail.ResultPass {
		a.Aligned = appendNew(a.Aligned, a.FromDomain)
	}
	if r.dmarc != mail.ResultFail { // a recorded failure overrules what we could guess
		if r.spf == mail.ResultPass && r.spfDomain != "" && dmarc.Related(r.spfDomain, a.FromDomain) {
			a.Aligned = appendNew(a.Aligned, r.spfDomain)
		}
		for _, d := range r.signers {
			if dmarc.Related(d, a.FromDomain) {
				a.Aligned = appendNew(a.Aligned, d)
			}
		}
	}
	x.proven = len(a.Aligned) > 0
	x.unaligned = !x.proven && recordedUnaligned(r)
}

// recordedUnaligned tells whether something passed and all that passed is
// known not to align: because DMARC failed, or because every passing domain is
// known and unrelated.
func recordedUnaligned(r record) bool {
	passes := r.spf == mail.ResultPass || r.dkim == mail.ResultPass
	if !passes {
		return false
	}
	if r.dmarc == mail.ResultFail {
		return true
	}
	if r.dkim == mail.ResultPass && len(r.signers) == 0 || r.dkim == mail.ResultUnknown || r.dkim == mail.ResultTempError {
		return false
	}
	return r.spf == mail.ResultPass && r.spfDomain != "" || r.spf != mail.ResultPass && r.spf != mail.ResultUnknown && r.spf != mail.ResultTempError
}
