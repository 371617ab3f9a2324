package dmarc

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
)

const (
	// maxRecord bounds a record in bytes: a policy with a dozen addresses is
	// below 1,000.
	maxRecord = 8 << 10
	// maxAddresses bounds rua= and ruf= each: reports go to everybody listed,
	// so the list must not become an amplifier.
	maxAddresses = 20
)

// Policy is what a domain owner asks receivers to do with failing mail.
type Policy string

// The policies of RFC 9989 section 4.7.
const (
	None       Policy = "none"
	Quarantine Policy = "quarantine"
	Reject     Policy = "reject"
)

// strength orders policies.
func (p Policy) strength() int {
	switch p {
	case Reject:
		return 2
	case Quarantine:
		return 1
	}
	return 0
}

// PSD is the psd= tag: whether the domain is a public suffix.
type PSD byte

// The values of psd=.
const (
	PSDUnknown PSD = 'u' // the default: the tree walk tells
	PSDYes     PSD = 'y' // a public suffix; the organisational domain is one label below
	PSDNo      PSD = 'n' // the organisational domain itself
)

// Record is a parsed DMARC policy record (RFC 9989 section 4.7).
type Record struct {
	Policy      Policy // p=
	Subdomain   Policy // sp=, "" when absent
	NonExistent Policy // np=, "" when absent
	StrictDKIM  bool   // adkim=s
	StrictSPF   bool   // aspf=s
	PSD         PSD
	Test        bool   // t=y: the owner asks not to apply the policy yet
	FO          string // failure reporting options; "0" by default
	RUA, RUF    []Address
	// Notes are the tags that were malformed and therefore ignored.
	Notes []string
}

// Address is one destination for reports.
type Address struct {
	// URI is the destination without its size suffix, for example
	// "mailto:d@example.com".
	URI string
	// Mailbox is the address of a mailto: URI, decoded; "" for other schemes.
	Mailbox string
	// MaxSize is the limit of RFC 7489's obsolete "!10m" suffix in bytes, 0
	// for none. RFC 9989 has reporters ignore it.
	MaxSize int64
}

// errNotDMARC is the error for TXT records that are no DMARC record at all.
var errNotDMARC = errors.New("no DMARC record")

// errNoPolicy is the error for records that have no effect: without a valid
// policy and without an address (RFC 9989 section 4.10.1).
var errNoPolicy = errors.New("neither a valid policy nor a report address")

// ParseRecord reads a TXT record. Unknown tags and malformed values are
// ignored (RFC 9989 section 4.7), the latter with a note. An error means that
// the record has no effect: its version is not exactly DMARC1 and first, or
// its policy is not valid and it asks for no reports.
func ParseRecord(txt string) (Record, error) {
	r := Record{PSD: PSDUnknown, FO: "0"}
	if !isRecord(txt) {
		return Record{}, errNotDMARC
	}
	if len(txt) > maxRecord {
		return Record{}, fmt.Errorf("DMARC record of %d bytes", len(txt))
	}
	tags := strings.Split(txt, ";")
	seen := map[string]bool{}
	badPolicy := false
	for _, tag := range tags[1:] {
		name, value, ok := strings.Cut(tag, "=")
		name, value = strings.ToLower(trim(name)), trim(value)
		if name == "" && !ok {
			continue // an empty element, such as after the last semicolon
		}
		if !ok || !visible(value) {
			r.note("%s is malformed", name)
			continue
		}
		if seen[name] {
			r.note("%s= is repeated", name) // the first one counts
			continue
		}
		seen[name] = true
		if !r.set(name, value) {
			r.note("%s=%s is not valid", name, value)
			badPolicy = badPolicy || name == "p" || name == "sp" || name == "np"
		}
	}
	if badPolicy || r.Policy == "" {
		if len(r.RUA) == 0 {
			return Record{}, errNoPolicy
		}
		// RFC 9989 section 4.10.1: as if it were p=none.
		r.Policy, r.Subdomain, r.NonExistent = None, "", ""
	}
	return r, nil
}

// isRecord tells whether txt begins with the version tag, which is case
// sensitive and must come first.
func isRecord(txt string) bool {
	version, _, _ := strings.Cut(txt, ";")
	name, value, ok := strings.Cut(version, "=")
	return ok && trim(value) == "DMARC1" && strings.EqualFold(strings.TrimRight(name, " \t"), "v")
}

func trim(s string) string { return strings.Trim(s, " \t") }

// visible tells whether s is made of the bytes that dmarc-value allows.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// note adds to Notes, shortened: the record is a stranger's text.
func (r *Record) note(format string, args ...any) {
	const most, length = 10, 100
	text := fmt.Sprintf(format, args...)
	if len(text) > length {
		text = text[:length]
	}
	if len(r.Notes) < most {
		r.Notes = append(r.Notes, strconv.QuoteToASCII(text))
	}
}

// set stores one tag; false means that its value is not valid. Values are
// compared without case, as ABNF strings are.
func (r *Record) set(name, value string) bool {
	word := strings.ToLower(value)
	switch name {
	case "p":
		return setPolicy(&r.Policy, word)
	case "sp":
		return setPolicy(&r.Subdomain, word)
	case "np":
		return setPolicy(&r.NonExistent, word)
	case "adkim":
		r.StrictDKIM = word == "s"
		return word == "s" || word == "r"
	case "aspf":
		r.StrictSPF = word == "s"
		return word == "s" || word == "r"
	case "t":
		r.Test = word == "y"
		return word == "y" || word == "n"
	case "psd":
		if word != "y" && word != "n" && word != "u" {
			return false
		}
		r.PSD = PSD(word[0])
	case "fo":
		for option := range strings.SplitSeq(word, ":") {
			if o := trim(option); o != "0" && o != "1" && o != "d" && o != "s" {
				return false
			}
		}
		r.FO = word
	case "rua":
		r.RUA = parseAddresses(value)
		return len(r.RUA) > 0
	case "ruf":
		r.RUF = parseAddresses(value)
		return len(r.RUF) > 0
	}
	return true
}

func setPolicy(p *Policy, word string) bool {
	switch v := Policy(word); v {
	case None, Quarantine, Reject:
		*p = v
		return true
	}
	return false
}

// parseAddresses reads a comma-separated list of URIs and drops what is none.
func parseAddresses(list string) []Address {
	var out []Address
	for text := range strings.SplitSeq(list, ",") {
		if len(out) == maxAddresses {
			break
		}
		if a, ok := parseAddress(trim(text)); ok {
			out = append(out, a)
		}
	}
	return out
}

func parseAddress(text string) (Address, bool) {
	uri, size, hasSize := strings.Cut(text, "!")
	a := Address{URI: uri}
	if hasSize {
		n, ok := parseSize(size)
		if !ok {
			return Address{}, false
		}
		a.MaxSize = n
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || (u.Opaque == "" && u.Host == "") {
		return Address{}, false
	}
	if u.Scheme != "mailto" { // url.Parse has lowered the scheme
		return a, true
	}
	box, err := url.PathUnescape(u.Opaque)
	local, domain := cutLast(box, "@")
	if err != nil || local == "" || strings.ContainsAny(box, "\r\n\x00 ,<>") {
		return Address{}, false
	}
	if _, ok := Domain(domain); !ok {
		return Address{}, false
	}
	a.Mailbox = box
	return a, true
}

// parseSize reads "10m": digits and an optional unit of powers of 1,024 (RFC
// 7489 section 6.2).
func parseSize(s string) (int64, bool) {
	shift := 0
	if s != "" {
		if i := strings.IndexByte("kmgt", s[len(s)-1]|0x20); i >= 0 {
			shift, s = 10*(i+1), s[:len(s)-1]
		}
	}
	n, err := strconv.ParseUint(s, 10, 62)
	if err != nil || n > math.MaxInt64>>shift {
		return 0, false
	}
	return int64(n) << shift, true
}

// cutLast splits at the last separator; without one before is empty.
func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+len(sep):]
}

// External returns the name whose TXT record ("v=DMARC1") allows reports about
// policyDomain to be sent to destination, a mailbox or host (RFC 9990 section
// 4). It is "" when no permission is needed: both have organisational domain
// org, or are equal.
func External(policyDomain, org, destination string) string {
	_, host := cutLast(destination, "@")
	host, ok := Domain(host)
	policy, ok2 := Domain(policyDomain)
	if !ok || !ok2 || host == policy || (org != "" && (host == org || strings.HasSuffix(host, "."+org))) {
		return ""
	}
	return policy + "._report._dmarc." + host
}
