// Package dmarc decides whether the author that a reader sees is proven: DMARC,
// RFC 9989 (which obsoletes RFC 7489 and 9091).
//
// SPF and DKIM prove domains that no reader looks at: the envelope sender's
// and a signer's. DMARC connects them with the domain in From. It passes when
// SPF or DKIM passes for a domain that is aligned with the author's: equal to
// it (strict) or of the same organisation (relaxed). The owner of a domain
// publishes a record that says what should become of mail that does not pass:
//
//	_dmarc.example.com.  TXT  "v=DMARC1; p=reject; rua=mailto:d@example.com"
//
// Which name is the organisation's is found by the DNS Tree Walk (section
// 4.10): the records at the author domain and at each name above it are
// fetched, eight at most, and psd= tags mark public suffixes.
package dmarc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"foregate/dns"
	"foregate/domain"
	"foregate/mail"
)

// maxAuthors bounds the author domains whose policies are looked up. A message
// with several can't pass; the policy is only for the record.
const maxAuthors = 3

// Author is what the From fields of a message say.
type Author struct {
	// Domains are the distinct author domains, as written or in A-labels.
	Domains []string
	// Ambiguous says that readers may see different authors: several From
	// fields, or one that can't be read in only one way.
	Ambiguous bool
}

// Identifier is a domain and what an authentication mechanism found for it.
type Identifier struct {
	Domain string
	Result mail.Result // unknown when it was not looked at
	// Weak says that a pass proves little, for example a DKIM signature over
	// part of the body. It counts for DMARC, but not as proof.
	Weak bool
}

// Result is the outcome of DMARC for one message.
type Result struct {
	Result       mail.Result // pass, fail, none, temperror, permerror; unknown when SPF is unknown and DKIM does not pass
	Policy       Policy      // in force for this author domain; "" without a record. With t=y it is none
	Published    Policy      // the policy that the record states for this author domain
	Domain       string      // the domain whose record applies
	From         string      // the author domain judged, in A-labels
	Organisation string      // its organisational domain
	Record       *Record     // the record that applies, nil for none
	// Aligned are the domains that passed and align with From: by the record,
	// or without one by the Public Suffix List.
	Aligned []string
	// Proven says that one of Aligned rests on a pass that is not weak.
	Proven bool
	Reason string
}

// Discovery is what the DNS says about an author, before any authentication
// result. It is for one message and one goroutine.
type Discovery struct {
	author Author
	walker *walker
	tree   tree
	base   Result // the fields that do not depend on authentication
	err    error
}

// Evaluate discovers the policy for author and judges the identifiers: that of
// SPF and those of all DKIM signatures.
func Evaluate(ctx context.Context, resolver dns.Resolver, author Author, spf Identifier, dkim []Identifier) Result {
	return Discover(ctx, resolver, author).Judge(ctx, spf, dkim)
}

// Discover looks up the policy that applies to author (RFC 9989 section
// 4.10.1). It costs at most eight queries, and three to see whether the author
// domain exists where the record makes a difference of it.
func Discover(ctx context.Context, resolver dns.Resolver, author Author) *Discovery {
	d := &Discovery{author: author, walker: &walker{resolver: resolver, seen: map[string]lookup{}}}
	var names []string
	for _, name := range author.Domains {
		ascii, ok := Domain(name)
		if !ok {
			d.author.Ambiguous = true // a domain that only some readers can make sense of
			continue
		}
		if !slices.Contains(names, ascii) {
			names = append(names, ascii)
		}
	}
	if len(names) > 1 {
		d.author.Ambiguous = true
	}
	for _, name := range names[:min(len(names), maxAuthors)] {
		t, r, err := d.discover(ctx, name)
		if d.base.From == "" || r.Published.strength() > d.base.Published.strength() {
			d.tree, d.base, d.err = t, r, err
		}
	}
	return d
}

func (d *Discovery) discover(ctx context.Context, name string) (tree, Result, error) {
	r := Result{From: name, Organisation: name}
	t, err := d.walker.walk(ctx, name)
	if err != nil {
		return t, r, err
	}
	r.Organisation = t.organisation()
	f, ok := t.policy()
	if !ok {
		return t, r, nil
	}
	r.Record, r.Domain = &f.record, f.domain
	r.Published = d.inForce(ctx, f, name)
	r.Policy = r.Published
	if f.record.Test {
		r.Policy = None // RFC 9989 section 4.7, t=y: not to be applied
	}
	return t, r, nil
}

// inForce selects among p=, sp= and np= (RFC 9989 section 4.10.1).
func (d *Discovery) inForce(ctx context.Context, f found, name string) Policy {
	r := f.record
	if f.domain == name {
		return r.Policy
	}
	sub := r.Policy
	if r.Subdomain != "" {
		sub = r.Subdomain
	}
	if r.NonExistent != "" && r.NonExistent != sub && !d.exists(ctx, name) {
		return r.NonExistent
	}
	return sub
}

// exists tells whether name has an address or a mail exchanger (RFC 9989
// section 3.2.14). When in doubt it exists.
func (d *Discovery) exists(ctx context.Context, name string) bool {
	_, err := d.walker.resolver.A(ctx, name)
	if errors.Is(err, dns.ErrNXDomain) {
		return false // then it has no record of any type
	}
	if !errors.Is(err, dns.ErrNotFound) {
		return true
	}
	if _, err = d.walker.resolver.AAAA(ctx, name); !errors.Is(err, dns.ErrNotFound) {
		return true
	}
	_, err = d.walker.resolver.MX(ctx, name)
	return !errors.Is(err, dns.ErrNotFound)
}

// Judge gives the result for what SPF and DKIM found (RFC 9989 section 5.3).
func (d *Discovery) Judge(ctx context.Context, spf Identifier, dkim []Identifier) Result {
	r := d.base
	switch {
	case d.author.Ambiguous:
		// RFC 9989 section 5.3.1 exempts such messages from DMARC; they are
		// never a pass, whatever they prove.
		r.Result, r.Reason = mail.ResultPermError, "the author is ambiguous"
		return r
	case r.From == "":
		r.Result, r.Reason = mail.ResultNone, "no author domain"
		return r
	case d.err != nil:
		r.Result, r.Reason = mail.ResultTempError, d.err.Error()
		return r
	}
	v := verdict{}
	for _, i := range dkim {
		v.add(i, d.aligns(ctx, i, r.Record != nil && r.Record.StrictDKIM))
	}
	v.add(spf, d.aligns(ctx, spf, r.Record != nil && r.Record.StrictSPF))
	r.Aligned, r.Proven = v.aligned, v.proven
	v.decide(&r)
	return r
}

// alignment is the answer to "does this identifier align with the author?".
type alignment uint8

const (
	alignedNo alignment = iota
	alignedYes
	alignedUnknown // the DNS could not be asked
)

// aligns compares an identifier with the author domain (RFC 9989 section
// 4.10.2).
func (d *Discovery) aligns(ctx context.Context, i Identifier, strict bool) alignment {
	from, org := d.base.From, d.base.Organisation
	name, ok := Domain(i.Domain)
	switch {
	case !ok:
		return alignedNo
	case name == from:
		return alignedYes
	case d.base.Record == nil:
		if Related(name, from) {
			return alignedYes
		}
		return alignedNo
	case strict:
		return alignedNo
	case name != org && !strings.HasSuffix(name, "."+org):
		// A name's organisational domain is the name or one above it, so
		// this one is of another organisation. No need to ask, which also
		// keeps strangers' servers from delaying the answer.
		return alignedNo
	}
	t, err := d.walker.walk(ctx, name)
	if err != nil {
		return alignedUnknown
	}
	if t.organisation() == org {
		return alignedYes
	}
	return alignedNo
}

// verdict gathers what the identifiers of one message come to.
type verdict struct {
	aligned []string
	proven  bool
	// open: an identifier that would align, or might, is neither pass nor
	// fail for now; unknown: one was not looked at.
	open, unknown bool
}

func (v *verdict) add(i Identifier, a alignment) {
	switch {
	case i.Result == mail.ResultPass && a == alignedYes:
		if !slices.Contains(v.aligned, i.Domain) {
			v.aligned = append(v.aligned, i.Domain)
		}
		v.proven = v.proven || !i.Weak
	case i.Result == mail.ResultPass && a == alignedUnknown:
		v.open = true
	case i.Result == mail.ResultTempError && a != alignedNo:
		// RFC 9989 section 5.3.2: without this result failure is not final.
		// A temporary error for a domain that could not align anyway, such as
		// one that the sender arranged, changes nothing.
		v.open = true
	case i.Result == mail.ResultUnknown && (a != alignedNo || i.Domain == ""):
		v.unknown = true
	}
}

func (v *verdict) decide(r *Result) {
	switch {
	case r.Record == nil:
		r.Result, r.Reason = mail.ResultNone, "no DMARC record for "+r.From
	case len(v.aligned) > 0:
		r.Result, r.Reason = mail.ResultPass, strings.Join(v.aligned, ", ")+" aligns with "+r.From
	case v.open:
		r.Result, r.Reason = mail.ResultTempError, "an identifier that may align could not be checked"
	case v.unknown:
		r.Result, r.Reason = mail.ResultUnknown, "SPF was not checked and no signature aligns with "+r.From
	default:
		r.Result, r.Reason = mail.ResultFail, fmt.Sprintf("nothing that passes aligns with %s", r.From)
	}
}

// Related tells whether two names are equal or have the same registrable
// domain by the Public Suffix List, its private section included. It stands in
// for alignment where the domains publish no DMARC records.
func Related(a, b string) bool {
	x, ok := Domain(a)
	y, ok2 := Domain(b)
	if !ok || !ok2 {
		return false
	}
	if x == y {
		return true
	}
	root := domain.Split(x).RootDomain
	return root != "" && root == domain.Split(y).RootDomain
}
