// Package arc checks the Authenticated Received Chain of a message.
//
// A forwarder or mailing list changes mail so that DKIM and SPF of the author
// no longer hold. With ARC (RFC 8617) each such intermediary adds a set of
// three header fields, all of one instance number i=: what it found when the
// message arrived (ARC-Authentication-Results), a DKIM-like signature over the
// message as it passed it on (ARC-Message-Signature), and a seal over all ARC
// fields so far (ARC-Seal). If every seal and the newest message signature
// verify, the findings of the first intermediary came through unchanged.
// Whether to believe them is another matter: that takes trust in every sealer.
package arc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"foregate/dns"
	"foregate/mail"
	"foregate/scan/auth/internal/canon"
	"foregate/scan/auth/internal/pubkey"
)

// MaxSets is the longest chain that counts (RFC 8617 section 4.2.1).
const MaxSets = 50

// Result is the state of a message's chain.
type Result struct {
	// Result is none without ARC fields, pass, fail, or temperror when a key
	// could not be fetched now.
	Result mail.Result
	// Sealer is the domain of the newest seal; "" unless Result is pass.
	Sealer string
	// Chain lists the sets, oldest first; nil when they do not form a chain.
	Chain []Set
	// Reason says in words what broke the chain.
	Reason string
}

// Set is what one intermediary added.
type Set struct {
	Instance int    // i=, from 1
	Sealer   string // d= of ARC-Seal
	Selector string // s= of ARC-Seal
	Signer   string // d= of ARC-Message-Signature
	CV       string // cv= of ARC-Seal: none, pass or fail
	// Results is ARC-Authentication-Results after its i= tag: an authserv-id
	// and results in the syntax of RFC 8601, lines unfolded.
	Results string
}

// Verify checks the chain of a message as it is at time now (RFC 8617 section
// 5.2). The Chain of a result that is not pass is what the fields claim.
func Verify(ctx context.Context, r dns.Resolver, raw []byte, now time.Time) Result {
	v := verifier{
		msg:  canon.Split(raw),
		keys: pubkey.Finder{Resolver: r},
		now:  now,
	}
	sets, reason := collect(v.msg.Fields)
	if reason != "" {
		return Result{Result: mail.ResultFail, Reason: reason}
	}
	if len(sets) == 0 {
		return Result{Result: mail.ResultNone}
	}
	res := Result{Result: mail.ResultPass}
	for _, s := range sets {
		res.Chain = append(res.Chain, s.describe())
	}
	if p := v.chain(ctx, sets); p != nil {
		res.Result, res.Reason = p.Result, p.Reason
		return res
	}
	res.Sealer = sets[len(sets)-1].seal.domain
	return res
}

// verifier is the work on one message.
type verifier struct {
	msg  canon.Message
	keys pubkey.Finder
	now  time.Time
}

// chain checks a complete chain: its claims, the newest message signature,
// then the seals from the newest down (section 5.2, steps 3 to 5).
func (v *verifier) chain(ctx context.Context, sets []set) *pubkey.Problem {
	for _, s := range sets {
		want := "pass"
		if s.instance == 1 {
			want = "none"
		}
		if s.seal.cv != want {
			return broken(s.instance, "the seal says cv="+s.seal.cv)
		}
	}
	if v.msg.Defect != "" {
		return &pubkey.Problem{Result: mail.ResultFail, Reason: v.msg.Defect}
	}
	newest := sets[len(sets)-1]
	if p := v.checkMessage(ctx, newest); p != nil {
		return p
	}
	for _, s := range slices.Backward(sets) {
		if p := v.checkSeal(ctx, sets[:s.instance]); p != nil {
			return p
		}
	}
	return nil
}

// checkMessage verifies one ARC-Message-Signature.
func (v *verifier) checkMessage(ctx context.Context, s set) *pubkey.Problem {
	m := s.message
	if m.expires != 0 && v.now.Unix() > m.expires {
		return broken(s.instance, "the signature has expired")
	}
	if reason := m.matchesBody(v.msg); reason != "" {
		return broken(s.instance, reason)
	}
	if v.unsignedFrom(m.names) {
		return broken(s.instance, "a From field is not covered by the signature")
	}
	picker := canon.NewPicker(v.msg.Fields)
	var data []byte
	for _, name := range m.names {
		if f, _, ok := picker.Next(name); ok {
			data = canon.AppendField(data, f, m.header)
		}
	}
	data = canon.AppendUnsigned(data, s.messageField, m.sigRange, m.header)
	return v.check(ctx, s.instance, m.signature, data)
}

// unsignedFrom reports whether From is signed at all, but not every one of the
// message's From fields: the reader would see one that nobody signed.
func (v *verifier) unsignedFrom(names []string) bool {
	signed := 0
	for _, name := range names {
		if name == "from" {
			signed++
		}
	}
	if signed == 0 {
		return false
	}
	for _, f := range v.msg.Fields {
		if f.Name == "from" {
			signed--
		}
	}
	return signed < 0
}

// checkSeal verifies the seal of the last of the sets, which covers the fields
// of all of them in order of their instance (section 5.1.1).
func (v *verifier) checkSeal(ctx context.Context, sets []set) *pubkey.Problem {
	last := sets[len(sets)-1]
	var data []byte
	for _, s := range sets {
		data = canon.AppendField(data, s.resultsField, canon.Relaxed)
		data = canon.AppendField(data, s.messageField, canon.Relaxed)
		if s.instance != last.instance {
			data = canon.AppendField(data, s.sealField, canon.Relaxed)
		}
	}
	data = canon.AppendUnsigned(data, last.sealField, last.seal.sigRange, canon.Relaxed)
	return v.check(ctx, last.instance, last.seal.signature, data)
}

// check verifies a signature over data with the signer's key.
func (v *verifier) check(ctx context.Context, instance int, s signature, data []byte) *pubkey.Problem {
	keys, p := v.keys.Find(ctx, s.selector, s.domain, "rsa")
	if p == nil {
		_, p = pubkey.CheckAny(keys, data, s.sig)
	}
	if p == nil {
		return nil
	}
	b := broken(instance, p.Reason)
	if p.Result == mail.ResultTempError {
		b.Result = mail.ResultTempError
	}
	return b
}

func broken(instance int, reason string) *pubkey.Problem {
	return &pubkey.Problem{
		Result: mail.ResultFail,
		Reason: fmt.Sprintf("instance %d: %s", instance, reason),
	}
}

// describe is the set as told to the caller.
func (s set) describe() Set {
	return Set{
		Instance: s.instance,
		Sealer:   s.seal.domain,
		Selector: s.seal.selector,
		Signer:   s.message.domain,
		CV:       s.seal.cv,
		Results:  strings.TrimSpace(strings.Map(noControl, s.results)),
	}
}

// noControl makes control characters blanks, so that a field with a bare line
// end in it stays one line.
func noControl(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}
