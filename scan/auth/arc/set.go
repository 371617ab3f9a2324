package arc

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"foregate/scan/auth/internal/canon"
	"foregate/scan/auth/internal/pubkey"
)

// maxField bounds one ARC field in bytes.
const maxField = 64 << 10

// set is the three fields of one instance.
type set struct {
	instance                              int
	resultsField, messageField, sealField canon.Field
	results                               string
	message                               messageSignature
	seal                                  seal
}

// signature is what ARC-Message-Signature and ARC-Seal have in common.
type signature struct {
	instance         int
	domain, selector string
	sig              []byte
	sigRange         [2]int // of the b= value in the field value
}

// messageSignature is ARC-Message-Signature (RFC 8617 section 4.1.2).
type messageSignature struct {
	signature
	names        []string
	header, body canon.Form
	limit        int64 // l=, or canon.NoLimit
	expires      int64 // x= in seconds since 1970, 0 when absent
	bodyHash     []byte
}

// seal is ARC-Seal (section 4.1.3).
type seal struct {
	signature
	cv string
}

// collect gathers the ARC fields into sets, oldest first. A reason says why
// they are no chain (section 5.2, steps 1 and 2).
func collect(fields []canon.Field) (sets []set, reason string) {
	byInstance := make(map[int]*set)
	for _, f := range fields {
		var err error
		switch f.Name {
		case "arc-authentication-results":
			err = addResults(byInstance, f)
		case "arc-message-signature":
			err = addMessage(byInstance, f)
		case "arc-seal":
			err = addSeal(byInstance, f)
		}
		if err != nil {
			return nil, fmt.Sprintf("malformed %s: %v", f.Name, err)
		}
	}
	for i := 1; i <= len(byInstance); i++ {
		s := byInstance[i]
		switch {
		case s == nil:
			return nil, fmt.Sprintf("instance %d is missing", i)
		case s.resultsField.Raw == nil:
			return nil, fmt.Sprintf("instance %d has no arc-authentication-results", i)
		case s.messageField.Raw == nil:
			return nil, fmt.Sprintf("instance %d has no arc-message-signature", i)
		case s.sealField.Raw == nil:
			return nil, fmt.Sprintf("instance %d has no arc-seal", i)
		}
		sets = append(sets, *s)
	}
	return sets, ""
}

var errTwice = errors.New("an instance has two of them")

func at(byInstance map[int]*set, instance int) *set {
	s := byInstance[instance]
	if s == nil {
		s = &set{instance: instance}
		byInstance[instance] = s
	}
	return s
}

func addResults(byInstance map[int]*set, f canon.Field) error {
	instance, results, err := parseResults(f)
	if err != nil {
		return err
	}
	s := at(byInstance, instance)
	if s.resultsField.Raw != nil {
		return errTwice
	}
	s.resultsField, s.results = f, results
	return nil
}

func addMessage(byInstance map[int]*set, f canon.Field) error {
	m, err := parseMessage(f.Value())
	if err != nil {
		return err
	}
	s := at(byInstance, m.instance)
	if s.messageField.Raw != nil {
		return errTwice
	}
	s.messageField, s.message = f, m
	return nil
}

func addSeal(byInstance map[int]*set, f canon.Field) error {
	sl, err := parseSeal(f.Value())
	if err != nil {
		return err
	}
	s := at(byInstance, sl.instance)
	if s.sealField.Raw != nil {
		return errTwice
	}
	s.sealField, s.seal = f, sl
	return nil
}

// parseResults cuts i= off an ARC-Authentication-Results field; the rest is
// unfolded.
func parseResults(f canon.Field) (instance int, results string, err error) {
	if len(f.Raw) > maxField {
		return 0, "", fmt.Errorf("longer than %d bytes", maxField)
	}
	unfolded := string(canon.AppendField(nil, f, canon.Relaxed))
	_, value, _ := strings.Cut(unfolded, ":")
	head, results, ok := strings.Cut(value, ";")
	if !ok {
		return 0, "", errors.New("no semicolon after i=")
	}
	name, number, _ := strings.Cut(head, "=")
	if strings.TrimSpace(name) != "i" {
		return 0, "", errors.New("does not start with i=")
	}
	instance, err = parseInstance(strings.TrimSpace(number))
	return instance, results, err
}

func parseInstance(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > MaxSets || s[0] == '+' {
		return 0, fmt.Errorf("i= is not a number from 1 to %d", MaxSets)
	}
	return n, nil
}

// parseCommon reads the tags that both kinds of signature must have.
func parseCommon(value string) (signature, canon.Tags, error) {
	var s signature
	if len(value) > maxField {
		return s, canon.Tags{}, fmt.Errorf("longer than %d bytes", maxField)
	}
	tags, err := canon.ParseTags(value)
	if err != nil {
		return s, tags, err
	}
	get := func(name string) string {
		v, _ := tags.Get(name)
		return v
	}
	if s.instance, err = parseInstance(get("i")); err != nil {
		return s, tags, err
	}
	if get("a") != "rsa-sha256" { // section 4.1.2; others wait for a registration
		return s, tags, errors.New("a= is not rsa-sha256")
	}
	s.domain, s.selector = get("d"), get("s")
	if d, err := pubkey.ToASCII(s.domain); err != nil || !strings.Contains(d, ".") {
		return s, tags, errors.New("malformed d=")
	}
	if _, err := pubkey.ToASCII(s.selector); err != nil {
		return s, tags, errors.New("malformed s=")
	}
	if t, ok := tags.Get("t"); ok && !isNumber(t) {
		return s, tags, errors.New("malformed t=")
	}
	s.sig, err = base64.StdEncoding.DecodeString(canon.StripFolds(get("b")))
	if err != nil || len(s.sig) == 0 {
		return s, tags, errors.New("malformed b=")
	}
	s.sigRange = tags.Range("b")
	return s, tags, nil
}

// isNumber reports 1 to 12 digits, which is what RFC 6376 section 3.5 gives t=.
func isNumber(s string) bool {
	return s != "" && len(s) <= 12 && strings.Trim(s, "0123456789") == ""
}

func parseMessage(value string) (messageSignature, error) {
	m := messageSignature{limit: canon.NoLimit}
	var tags canon.Tags
	var err error
	if m.signature, tags, err = parseCommon(value); err != nil {
		return m, err
	}
	h, ok := tags.Get("h")
	if !ok {
		return m, errors.New("no h=")
	}
	m.names = canon.SplitNames(h)
	if slices.Contains(m.names, "arc-seal") {
		return m, errors.New("h= names arc-seal") // section 4.1.2
	}
	// RFC 8617 leaves c= to RFC 6376, whose default is simple; the chains met
	// in practice, the conformance suite's too, mean relaxed for the header.
	m.header = canon.Relaxed
	if c, ok := tags.Get("c"); ok {
		if m.header, m.body, ok = canon.ParseForms(c); !ok {
			return m, errors.New("unknown c=")
		}
	}
	if l, ok := tags.Get("l"); ok {
		if m.limit, err = strconv.ParseInt(l, 10, 64); err != nil || !isNumber(l) {
			return m, errors.New("malformed l=")
		}
	}
	if x, ok := tags.Get("x"); ok {
		if m.expires, err = strconv.ParseInt(x, 10, 64); err != nil || !isNumber(x) {
			return m, errors.New("malformed x=")
		}
	}
	bh, _ := tags.Get("bh")
	m.bodyHash, err = base64.StdEncoding.DecodeString(canon.StripFolds(bh))
	if err != nil || len(m.bodyHash) == 0 {
		return m, errors.New("malformed bh=")
	}
	return m, nil
}

// matchesBody compares the body with bh= and l= and says what differs. A
// signature over part of the body is none: whoever handles the message next
// could add text, and the chain would vouch for it.
func (m messageSignature) matchesBody(msg canon.Message) (reason string) {
	h := sha256.New()
	length := msg.HashBody(h, m.body, m.limit)
	if m.limit != canon.NoLimit && m.limit != length {
		return "the signature does not cover the whole body"
	}
	if subtle.ConstantTimeCompare(h.Sum(nil), m.bodyHash) != 1 {
		return "the body was changed after it was signed"
	}
	return ""
}

func parseSeal(value string) (seal, error) {
	var s seal
	var tags canon.Tags
	var err error
	if s.signature, tags, err = parseCommon(value); err != nil {
		return s, err
	}
	if _, ok := tags.Get("h"); ok {
		return s, errors.New("h= is not allowed") // section 4.1.3
	}
	switch s.cv, _ = tags.Get("cv"); s.cv {
	case "none", "pass", "fail":
		return s, nil
	}
	return s, errors.New("cv= is not none, pass or fail")
}
