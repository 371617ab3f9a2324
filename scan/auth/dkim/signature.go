package dkim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"foregate/mail"
	"foregate/scan/auth/internal/canon"
	"foregate/scan/auth/internal/pubkey"
)

// maxSignature bounds a DKIM-Signature field in bytes: a signature of the
// longest key with a thousand field names needs less than half of it.
const maxSignature = 64 << 10

// signature is a parsed DKIM-Signature field (RFC 6376 section 3.5).
type signature struct {
	domain, selector, identity string
	algorithm, keyType         string
	names                      []string // h=, lower case
	header, body               canon.Form
	limit                      int64 // l=, or canon.NoLimit
	bodyHash, sig              []byte
	sigRange                   [2]int // of the b= value in the field value
	signedAt, expires          time.Time
	sameDomain                 bool // i= names d= itself
}

// parseSignature reads and checks a signature field as far as that is possible
// without key and body (RFC 6376 section 6.1.1). What was read before an error
// is returned with it, so that the result can name the domain.
func parseSignature(value string) (signature, error) {
	s := signature{limit: canon.NoLimit}
	if len(value) > maxSignature {
		return s, fmt.Errorf("signature field is longer than %d bytes", maxSignature)
	}
	tags, err := canon.ParseTags(value)
	if err != nil {
		return s, fmt.Errorf("malformed signature: %w", err)
	}
	get := func(name string) string {
		v, _ := tags.Get(name)
		return v
	}
	s.domain, s.selector, s.identity = get("d"), get("s"), get("i")
	s.algorithm = get("a")
	for _, name := range []string{"v", "a", "b", "bh", "d", "h", "s"} {
		if get(name) == "" {
			return s, fmt.Errorf("signature without %s=", name)
		}
	}
	if get("v") != "1" {
		return s, errors.New("signature of another version than 1")
	}
	steps := []func(canon.Tags) error{
		s.readAlgorithm, s.readDomains, s.readNames, s.readForms, s.readTimes, s.readHashes,
	}
	for _, step := range steps {
		if err := step(tags); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *signature) readAlgorithm(canon.Tags) error {
	switch s.algorithm {
	case "rsa-sha256":
		s.keyType = "rsa"
	case "ed25519-sha256":
		s.keyType = "ed25519"
	case "rsa-sha1":
		return errors.New("rsa-sha1 must not be used for verifying (RFC 8301)")
	default:
		return errors.New("unknown signature algorithm")
	}
	return nil
}

// readDomains checks d=, s= and that i= lies in d=.
func (s *signature) readDomains(tags canon.Tags) error {
	domain, err := pubkey.ToASCII(s.domain)
	if err != nil || !strings.Contains(domain, ".") {
		return errors.New("malformed d=")
	}
	if _, err := pubkey.ToASCII(s.selector); err != nil {
		return errors.New("malformed s=")
	}
	if _, ok := tags.Get("i"); !ok {
		s.identity = "@" + s.domain // section 3.5, the default of i=
	}
	at := strings.LastIndexByte(s.identity, '@')
	if at < 0 {
		return errors.New("malformed i=")
	}
	identity, err := pubkey.ToASCII(s.identity[at+1:])
	if err != nil {
		return errors.New("malformed i=")
	}
	s.sameDomain = identity == domain
	if !s.sameDomain && !strings.HasSuffix(identity, "."+domain) {
		return errors.New("i= is not within d=")
	}
	return nil
}

func (s *signature) readNames(tags canon.Tags) error {
	h, _ := tags.Get("h")
	names := canon.SplitNames(h)
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, " \t\r\n;") {
			return errors.New("malformed h=")
		}
	}
	s.names = names
	if !slices.Contains(s.names, "from") {
		return errors.New("the From field is not signed") // section 5.4 asks for it
	}
	return nil
}

func (s *signature) readForms(tags canon.Tags) error {
	if q, ok := tags.Get("q"); ok && !slices.Contains(canon.SplitNames(q), "dns/txt") {
		return errors.New("unknown q=")
	}
	c, ok := tags.Get("c")
	if !ok {
		return nil // simple/simple
	}
	if s.header, s.body, ok = canon.ParseForms(c); !ok {
		return errors.New("unknown canonicalization")
	}
	return nil
}

func (s *signature) readTimes(tags canon.Tags) error {
	var err error
	if s.signedAt, err = readTime(tags, "t"); err != nil {
		return err
	}
	if s.expires, err = readTime(tags, "x"); err != nil {
		return err
	}
	if !s.expires.IsZero() && !s.signedAt.IsZero() && !s.expires.After(s.signedAt) {
		return errors.New("x= is not after t=")
	}
	l, ok := tags.Get("l")
	if !ok {
		return nil
	}
	if s.limit, err = readNumber(l); err != nil {
		return errors.New("malformed l=")
	}
	return nil
}

// readTime reads seconds since 1970; a far future is cut to what time.Time can
// hold, as section 3.5 lets a verifier do.
func readTime(tags canon.Tags, name string) (time.Time, error) {
	v, ok := tags.Get(name)
	if !ok {
		return time.Time{}, nil
	}
	n, err := readNumber(v)
	if err != nil {
		return time.Time{}, fmt.Errorf("malformed %s=", name)
	}
	const farthest = 1 << 40 // seconds: 34,000 years
	return time.Unix(min(n, farthest), 0), nil
}

// readNumber reads up to 76 digits, which section 3.5 allows for l=, cut to
// the range of int64.
func readNumber(v string) (int64, error) {
	const maxDigits = 76
	if v == "" || len(v) > maxDigits || strings.Trim(v, "0123456789") != "" {
		return 0, errors.New("not a number")
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return math.MaxInt64, nil
	}
	return n, nil
}

func (s *signature) readHashes(tags canon.Tags) error {
	bh, _ := tags.Get("bh")
	b, _ := tags.Get("b")
	var err error
	if s.bodyHash, err = base64.StdEncoding.DecodeString(canon.StripFolds(bh)); err != nil {
		return errors.New("bh= is not base64")
	}
	if s.sig, err = base64.StdEncoding.DecodeString(canon.StripFolds(b)); err != nil {
		return errors.New("b= is not base64")
	}
	s.sigRange = tags.Range("b")
	return nil
}

func (s signature) expired(now time.Time) bool {
	return !s.expires.IsZero() && now.After(s.expires)
}

// bodyKey names one way to hash the body.
type bodyKey struct {
	form  canon.Form
	limit int64
}

// bodyHash is a hash and the length of the whole canonical body.
type bodyHash struct {
	sum    []byte
	length int64
}

// hashBody hashes the body as the signature asks, once for each way.
func (v *verifier) hashBody(s signature) bodyHash {
	k := bodyKey{form: s.body, limit: s.limit}
	if b, ok := v.bodies[k]; ok {
		return b
	}
	h := sha256.New()
	b := bodyHash{length: v.msg.HashBody(h, k.form, k.limit)}
	b.sum = h.Sum(nil)
	if v.bodies == nil {
		v.bodies = make(map[bodyKey]bodyHash)
	}
	v.bodies[k] = b
	return b
}

// checkBody compares the body with bh= and l=. Nil means they agree.
func (s signature) checkBody(b bodyHash) *pubkey.Problem {
	if s.limit > b.length { // section 3.5: l= MUST NOT exceed the body
		return &pubkey.Problem{Result: mail.ResultFail, Reason: "the body is shorter than l= says"}
	}
	if subtle.ConstantTimeCompare(s.bodyHash, b.sum) != 1 {
		return &pubkey.Problem{Result: mail.ResultFail, Reason: "the body was changed after it was signed"}
	}
	return nil
}
