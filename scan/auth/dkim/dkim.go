// Package dkim checks the DKIM signatures of a message.
//
// DomainKeys Identified Mail (RFC 6376) lets a domain take responsibility for
// a message: its mail server signs a hash of the body and of chosen header
// fields and adds the signature as a DKIM-Signature field. The public key is
// in the DNS under the signing domain. A signature that verifies proves that
// the domain named in d= saw exactly these header fields and this body; it
// says nothing on whether the domain is honest, nor that it is the domain in
// From, which DMARC compares.
//
// RFC 8301 withdraws SHA-1 and short RSA keys, RFC 8463 adds Ed25519.
package dkim

import (
	"context"
	"fmt"
	"strings"
	"time"

	"foregate/dns"
	"foregate/mail"
	"foregate/scan/auth/internal/canon"
	"foregate/scan/auth/internal/pubkey"
)

// DefaultMaxSignatures is how many signatures of one message are examined:
// honest mail seldom carries more than three, and each costs a DNS query and
// a public-key operation.
const DefaultMaxSignatures = 5

// Options are the choices of a caller. The zero value is usable.
type Options struct {
	Now           func() time.Time // nil means time.Now
	MaxSignatures int              // 0 means DefaultMaxSignatures
}

// The values of mail.DKIM.Weak: why a signature that passes proves little. Of
// several reasons the first in this order is given.
const (
	WeakLength  = "l="        // text can be added to the body at will
	WeakTesting = "t=y"       // the domain asks to be treated as unsigned
	WeakKey     = "short-key" // RSA below 2048 bits (RFC 8301 section 3.2)
	WeakFuture  = "future-t"  // signed at a time that is yet to come
)

// maxSkew is how far a signer's clock may be ahead before t= counts as lying
// in the future.
const maxSkew = time.Hour

// Verify examines the signatures of a message in order of appearance, the
// first Options.MaxSignatures of them, and returns one result for each; nil
// when there is none. Results are pass, fail, policy, temperror and permerror:
//
//   - fail: the signature does not match the message, or the key is so short
//     that it proves nothing;
//   - policy: the signature matches, but the message has bytes that mail
//     programs read differently, or a From field that is not covered, so that
//     a reader could see what nobody signed;
//   - temperror: the key could not be fetched now;
//   - permerror: the signature or the key can never be checked.
//
// The cost is linear in the message: the body is hashed once for each
// canonical form (and length limit) in use.
func Verify(ctx context.Context, r dns.Resolver, raw []byte, o Options) []mail.DKIM {
	limit := o.MaxSignatures
	if limit <= 0 {
		limit = DefaultMaxSignatures
	}
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	v := verifier{
		msg:  canon.Split(raw),
		keys: pubkey.Finder{Resolver: r},
		now:  now(),
	}
	var out []mail.DKIM
	for i, f := range v.msg.Fields {
		if f.Name != "dkim-signature" {
			continue
		}
		if len(out) == limit {
			break
		}
		out = append(out, v.examine(ctx, i))
	}
	return out
}

// verifier is the work on one message.
type verifier struct {
	msg    canon.Message
	keys   pubkey.Finder
	now    time.Time
	bodies map[bodyKey]bodyHash
}

// examine gives the result for the signature in one field.
func (v *verifier) examine(ctx context.Context, field int) mail.DKIM {
	f := v.msg.Fields[field]
	s, err := parseSignature(f.Value())
	d := mail.DKIM{
		Domain:    strings.ToLower(shown(s.domain)),
		Selector:  shown(s.selector),
		Identity:  shown(s.identity),
		Algorithm: shown(s.algorithm),
		Headers:   s.names,
	}
	if err != nil {
		d.Result, d.Reason = mail.ResultPermError, err.Error()
		return d
	}
	if s.expired(v.now) {
		d.Result, d.Reason = mail.ResultPermError, "signature has expired"
		return d
	}
	body := v.hashBody(s)
	if p := s.checkBody(body); p != nil {
		d.Result, d.Reason = p.Result, p.Reason
		return d
	}
	keys, p := v.keys.Find(ctx, s.selector, s.domain, s.keyType)
	if p == nil {
		var key pubkey.Key
		if key, p = pubkey.CheckAny(keys, v.signedData(f, s), s.sig); p == nil {
			v.judge(&d, s, key, body)
			return d
		}
		if keys[0].Testing {
			d.Weak = WeakTesting
		}
	}
	d.Result, d.Reason = p.Result, p.Reason
	return d
}

// maxShown bounds a name taken from a signature in bytes: the longest address
// of RFC 5321 section 4.5.3.1 fits.
const maxShown = 320

// shown makes what a signature says of itself fit for logs and header fields:
// valid UTF-8 without blanks and control characters, shortened. A valid name
// stays as it is.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return -1
		}
		return r
	}, s)
	return strings.ToValidUTF8(s[:min(len(s), maxShown)], "")
}

// judge fills in the result of a signature that matches the message.
func (v *verifier) judge(d *mail.DKIM, s signature, key pubkey.Key, body bodyHash) {
	d.Result = mail.ResultPass
	if key.Strict && !s.sameDomain {
		// RFC 6376 section 3.6.1, t=s.
		d.Result, d.Reason = mail.ResultPermError, "the key forbids i= below its domain"
		return
	}
	switch {
	case v.msg.Defect != "":
		d.Result, d.Reason = mail.ResultPolicy, v.msg.Defect
	case v.unsignedFrom(s):
		// RFC 6376 section 8.15: a second From, put on top, is what readers see.
		d.Result, d.Reason = mail.ResultPolicy, "a From field is not covered by the signature"
	}
	switch {
	case s.limit != canon.NoLimit:
		d.Weak = WeakLength
		if d.Reason == "" {
			d.Reason = fmt.Sprintf("the signature covers %d of %d bytes of the body", s.limit, body.length)
		}
	case key.Testing:
		d.Weak = WeakTesting
	case key.Bits < pubkey.StrongBits && key.Algorithm == "rsa":
		d.Weak = WeakKey
	case s.signedAt.After(v.now.Add(maxSkew)):
		d.Weak = WeakFuture
	}
}

// unsignedFrom reports whether the message has more From fields than the
// signature covers.
func (v *verifier) unsignedFrom(s signature) bool {
	open := 0
	for _, f := range v.msg.Fields {
		if f.Name == "from" {
			open++
		}
	}
	for _, name := range s.names {
		if name == "from" {
			open--
		}
	}
	return open > 0
}

// signedData is what the signer signed: the chosen header fields and the
// signature field itself without its signature (RFC 6376 section 3.7).
func (v *verifier) signedData(f canon.Field, s signature) []byte {
	picker := canon.NewPicker(v.msg.Fields)
	var data []byte
	for _, name := range s.names {
		if g, _, ok := picker.Next(name); ok {
			data = canon.AppendField(data, g, s.header)
		}
	}
	return canon.AppendUnsigned(data, f, s.sigRange, s.header)
}
