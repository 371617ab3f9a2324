// Package pubkey fetches and reads the public keys that DKIM and ARC signers
// publish in the DNS and checks signatures against them.
//
// A signer with domain d and selector s publishes a TXT record at
// s._domainkey.d: a tag list with the key type (k=), the key in base64 (p=)
// and limits on its use (RFC 6376 section 3.6.1; RFC 8463 for Ed25519).
package pubkey

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"foregate/dns"
	"foregate/mail"
	"foregate/scan/auth/internal/canon"
)

// The bounds on keys.
const (
	// MinBits is the shortest RSA modulus whose signatures count (RFC 8301
	// section 3.2).
	MinBits = 1024
	// StrongBits is the modulus that RFC 8301 section 3.2 asks signers for.
	StrongBits = 2048
	// maxBits bounds the cost of one RSA check; RFC 8301 asks for 4096.
	maxBits = 8192
	// maxRecords is how many TXT records at one name are read. One is the
	// rule; a second is seen while signers change their key type.
	maxRecords = 4
)

// Problem says why there is no usable key or no valid signature.
type Problem struct {
	Result mail.Result // temperror, permerror or fail
	Reason string      // in words
}

// Key is one published key.
type Key struct {
	Algorithm string // "rsa" or "ed25519"
	Bits      int    // modulus length of RSA, 256 for Ed25519
	Testing   bool   // t=y: the domain is testing DKIM
	Strict    bool   // t=s: i= must name the very domain d=

	rsa     *rsa.PublicKey
	ed25519 ed25519.PublicKey
}

// Finder looks keys up, each name once. It serves one message and is not safe
// for concurrent use.
type Finder struct {
	Resolver dns.Resolver
	seen     map[string]answer
}

type answer struct {
	records []string
	problem *Problem
}

// Find returns the keys at selector._domainkey.domain that can check
// signatures of the algorithm ("rsa" or "ed25519", with SHA-256). Exactly one
// of keys and problem is set.
func (f *Finder) Find(ctx context.Context, selector, domain, algorithm string) ([]Key, *Problem) {
	name := selector + "._domainkey." + domain
	a, ok := f.seen[name]
	if !ok {
		a.records, a.problem = fetch(ctx, f.Resolver, selector, domain)
		if f.seen == nil {
			f.seen = make(map[string]answer)
		}
		f.seen[name] = a
	}
	if a.problem != nil {
		return nil, a.problem
	}
	var keys []Key
	var last error
	for _, record := range a.records {
		k, err := parse(record, algorithm)
		if err != nil {
			last = err
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, &Problem{Result: mail.ResultPermError, Reason: last.Error()}
	}
	return keys, nil
}

// fetch asks for the TXT records of a key. There is at least one record when
// there is no problem.
func fetch(ctx context.Context, r dns.Resolver, selector, domain string) ([]string, *Problem) {
	name, err := queryName(selector, domain)
	if err != nil {
		return nil, &Problem{Result: mail.ResultPermError, Reason: err.Error()}
	}
	ans, err := r.TXT(ctx, name)
	switch {
	case errors.Is(err, dns.ErrNotFound):
		return nil, &Problem{Result: mail.ResultPermError, Reason: "no key at " + name}
	case err != nil:
		return nil, &Problem{Result: mail.ResultTempError, Reason: "key could not be fetched: " + err.Error()}
	case len(ans.Records) == 0:
		return nil, &Problem{Result: mail.ResultPermError, Reason: "no key at " + name}
	}
	return ans.Records[:min(len(ans.Records), maxRecords)], nil
}

// queryName builds the name to ask for, in A-labels (RFC 8616 section 5).
func queryName(selector, domain string) (string, error) {
	name := selector + "._domainkey." + domain
	ascii, err := ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("malformed selector or domain: %w", err)
	}
	return ascii, nil
}

// ToASCII checks a domain name and turns it into lower-case A-labels. Labels
// may hold underscores.
func ToASCII(name string) (string, error) {
	const maxName, maxLabel = 253, 63 // RFC 1035 section 2.3.4, less length bytes
	if len(name) > 4*maxName {        // no U-label is longer than four bytes for each of its A-label
		return "", errors.New("name is too long")
	}
	labels := strings.Split(strings.ToLower(name), ".")
	for i, label := range labels {
		if !isASCII(label) {
			a, err := idna.Lookup.ToASCII(label)
			if err != nil {
				return "", fmt.Errorf("turning %q into an A-label: %w", label, err)
			}
			labels[i] = a
		}
		if labels[i] == "" || len(labels[i]) > maxLabel || !isLabel(labels[i]) {
			return "", fmt.Errorf("malformed label %q", label)
		}
	}
	ascii := strings.Join(labels, ".")
	if len(ascii) > maxName {
		return "", errors.New("name is too long")
	}
	return ascii, nil
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func isLabel(label string) bool {
	for i := 0; i < len(label); i++ {
		c := label[i]
		edge := i == 0 || i == len(label)-1
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || edge) {
			return false
		}
	}
	return true
}

// parse reads one key record for use with an algorithm (RFC 6376 section
// 3.6.1 and the checks of section 6.1.2).
func parse(record, algorithm string) (Key, error) {
	tags, err := canon.ParseTags(record)
	if err != nil {
		return Key{}, fmt.Errorf("malformed key record: %w", err)
	}
	if v, ok := tags.Get("v"); ok && (v != "DKIM1" || tags.First() != "v") {
		return Key{}, errors.New("key record of another version")
	}
	k := Key{Algorithm: "rsa"}
	if v, ok := tags.Get("k"); ok {
		k.Algorithm = v
	}
	if k.Algorithm != algorithm {
		return Key{}, fmt.Errorf("signature of type %s but key of another type", algorithm)
	}
	if h, ok := tags.Get("h"); ok && !slices.Contains(canon.SplitNames(h), "sha256") {
		return Key{}, errors.New("key does not allow SHA-256")
	}
	if s, ok := tags.Get("s"); ok {
		services := canon.SplitNames(s)
		if !slices.Contains(services, "*") && !slices.Contains(services, "email") {
			return Key{}, errors.New("key is not for email")
		}
	}
	if t, ok := tags.Get("t"); ok {
		flags := canon.SplitNames(t)
		k.Testing, k.Strict = slices.Contains(flags, "y"), slices.Contains(flags, "s")
	}
	p, ok := tags.Get("p")
	if !ok {
		return Key{}, errors.New("key record without p=")
	}
	if p == "" {
		return Key{}, errors.New("key revoked")
	}
	return k, k.decode(p)
}

// decode reads the key proper.
func (k *Key) decode(p string) error {
	der, err := base64.StdEncoding.DecodeString(canon.StripFolds(p))
	if err != nil {
		return errors.New("key is not base64")
	}
	if k.Algorithm == "ed25519" {
		if len(der) != ed25519.PublicKeySize { // RFC 8463 section 4.2
			return fmt.Errorf("Ed25519 key of %d bytes", len(der))
		}
		k.ed25519, k.Bits = der, 8*len(der)
		return nil
	}
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		// Section 3.6.1 names the bare RSAPublicKey form, its examples the
		// SubjectPublicKeyInfo form; both are in use (erratum 3017).
		if pub, err = x509.ParsePKCS1PublicKey(der); err != nil {
			return errors.New("key is not an RSA public key")
		}
	}
	rsaKey, ok := pub.(*rsa.PublicKey)
	if !ok {
		return errors.New("key is not an RSA public key")
	}
	k.rsa, k.Bits = rsaKey, rsaKey.N.BitLen()
	if k.Bits > maxBits {
		return fmt.Errorf("RSA key of %d bits is longer than %d", k.Bits, maxBits)
	}
	return nil
}

// Check verifies a signature over the SHA-256 of data. Nil means it is good.
func (k Key) Check(data, signature []byte) *Problem {
	sum := sha256.Sum256(data)
	if k.Algorithm == "ed25519" {
		// RFC 8463 section 3: Ed25519 signs the hash, not the data.
		if !ed25519.Verify(k.ed25519, sum[:], signature) {
			return &Problem{Result: mail.ResultFail, Reason: "signature did not verify"}
		}
		return nil
	}
	if k.Bits < MinBits {
		return &Problem{
			Result: mail.ResultFail,
			Reason: fmt.Sprintf("RSA key of %d bits is too short to prove anything", k.Bits),
		}
	}
	if err := rsa.VerifyPKCS1v15(k.rsa, crypto.SHA256, sum[:], signature); err != nil {
		return &Problem{Result: mail.ResultFail, Reason: "signature did not verify"}
	}
	return nil
}

// CheckAny verifies a signature with the first of several keys that fits and
// returns that key, else the problem of the last.
func CheckAny(keys []Key, data, signature []byte) (Key, *Problem) {
	var p *Problem
	for _, k := range keys {
		if p = k.Check(data, signature); p == nil {
			return k, nil
		}
	}
	return Key{}, p
}
