// Package domain knows names: it splits host names by the Public Suffix List,
// decodes internationalised labels, folds look-alike characters to one
// skeleton (UTS #39) and finds names that imitate others.
//
// A host name is a row of labels, read from the right: the public suffix
// ("co.uk", and "github.io" from the list's private section) is what a
// registry hands out under, the registrable or root domain is one label more,
// everything before it belongs to the same registrant. Internationalised
// labels travel as ASCII ("xn--…", RFC 5890) and are shown as Unicode; both
// forms are kept, because people are deceived by the second and machines
// route by the first.
package domain

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Name is a host name split by the Public Suffix List. All fields but
// Punycode are lower case ASCII where the name is valid, so they can be
// compared with rules, lists and the DNS as they are.
type Name struct {
	Domain     string // the whole name: lower case, A-labels (xn--…), without a trailing dot
	Punycode   string // the Unicode form when Domain has an A-label, else ""
	RootDomain string // registrable domain, "" when the name is itself a public suffix
	SLD        string // RootDomain without the public suffix
	Subdomain  string // labels before RootDomain, "" when there are none
	TLD        string // public suffix
	Valid      bool   // a syntactically valid name of two labels or more under a listed suffix
}

// Bounds of names.
const (
	maxName  = 253  // RFC 1035 section 2.3.4: 255 octets on the wire
	maxLabel = 63   // RFC 1035 section 2.3.4
	maxInput = 1024 // four bytes per letter of the longest name: more can't be one
)

// Split splits a host name with the whole Public Suffix List, private section
// included: of "a.b.github.io" the suffix is "github.io" and the root domain
// "b.github.io". It accepts any input and never panics.
//
// A name under an unlisted suffix is split at its last label and is not Valid.
// What can't be a name (IP literals, empty or overlong labels, malformed
// punycode, forbidden characters, a single label) has only Domain filled, in
// lower case; input longer than 1,024 bytes is cut there.
func Split(host string) Name { return split(host, false) }

// SplitICANN splits like Split, but by the list's ICANN section only: of
// "a.b.github.io" the suffix is "io" and the root domain "github.io". The
// published detection rules and lists name hosts like "github.io" as root
// domains.
func SplitICANN(host string) Name { return split(host, true) }

func split(host string, icannOnly bool) Name {
	h, class := normalise(host)
	n := Name{Domain: h}
	switch class {
	case hostBad:
		return n
	case hostIDN:
		ascii, uni, ok := decodeIDN(h)
		if !ok {
			return n
		}
		n.Domain = ascii
		if uni != ascii {
			n.Punycode = uni
		}
	}
	name := n.Domain
	last := strings.LastIndexByte(name, '.')
	if last < 0 || !validLabels(name) || isNumber(name[last+1:]) {
		return n
	}
	suffix, listed := publicSuffix(name, icannOnly)
	n.TLD = suffix
	n.Valid = listed
	if len(suffix) == len(name) {
		return n // itself a public suffix
	}
	rest := name[:len(name)-len(suffix)-1]
	cut := strings.LastIndexByte(rest, '.')
	n.RootDomain = name[cut+1:]
	n.SLD = rest[cut+1:]
	if cut > 0 {
		n.Subdomain = rest[:cut]
	}
	n.Valid = n.Valid && registrable(n.SLD)
	return n
}

// publicSuffix gives the public suffix of a normalised name and whether the
// list names it (an unlisted name's suffix is its last label).
func publicSuffix(name string, icannOnly bool) (suffix string, listed bool) {
	suffix, icann := publicsuffix.PublicSuffix(name)
	for icannOnly && !icann {
		dot := strings.IndexByte(suffix, '.')
		if dot < 0 {
			return suffix, false
		}
		suffix, icann = publicsuffix.PublicSuffix(suffix[dot+1:])
	}
	return suffix, icann || strings.IndexByte(suffix, '.') >= 0
}

// hostClass says how a host is to be treated after normalise.
type hostClass uint8

const (
	hostPlain hostClass = iota // ASCII letters, digits, hyphens, underscores, dots
	hostIDN                    // has non-ASCII letters or A-labels
	hostBad                    // can't be a name
)

// normalise trims and lowers a host and says what it is made of. It allocates
// only when a letter has to be lowered.
func normalise(host string) (string, hostClass) {
	if len(host) > maxInput {
		host = strings.ToValidUTF8(host[:maxInput], "")
	}
	h := strings.TrimSpace(host)
	class, upper := hostPlain, false
	for i := 0; i < len(h); i++ {
		switch c := h[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			if c == 'n' && i > 0 && isALabel(h, i-1) {
				class = max(class, hostIDN)
			}
		case 'A' <= c && c <= 'Z':
			upper = true
			if c == 'N' && i > 0 && isALabel(h, i-1) {
				class = max(class, hostIDN)
			}
		case c >= 0x80:
			class = max(class, hostIDN)
		default:
			class = hostBad
		}
	}
	if class == hostBad {
		return strings.ToLower(h), hostBad
	}
	if upper {
		h = strings.ToLower(h)
	}
	h = strings.TrimSuffix(h, ".")
	if h == "" {
		return "", hostBad
	}
	if class == hostPlain && looksNumeric(h) {
		if _, err := netip.ParseAddr(h); err == nil {
			return h, hostBad
		}
	}
	return h, class
}

// isALabel says whether a label starting with "xn--" begins at i.
func isALabel(h string, i int) bool {
	return (i == 0 || h[i-1] == '.') && len(h) >= i+4 && h[i]|0x20 == 'x' && h[i+2] == '-' && h[i+3] == '-'
}

// looksNumeric says whether h ends in a digit, as IPv4 literals do.
func looksNumeric(h string) bool { c := h[len(h)-1]; return '0' <= c && c <= '9' }

// isNumber says whether a last label makes the whole a (possibly malformed)
// IPv4 address to browsers: all digits, or 0x and hex digits (WHATWG URL,
// "ends in a number").
func isNumber(label string) bool {
	if strings.HasPrefix(label, "0x") {
		return strings.Trim(label[2:], "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// validLabels checks lengths and that no label is empty.
func validLabels(name string) bool {
	if len(name) > maxName {
		return false
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			continue
		}
		if i == start || i-start > maxLabel {
			return false
		}
		start = i + 1
	}
	return true
}

// registrable says whether a registry could have handed out this label: no
// underscore and no hyphen at an end (RFC 952, RFC 5890 section 2.3.1). Labels
// below it answer in the DNS whatever they look like, so they aren't judged.
func registrable(label string) bool {
	return strings.IndexByte(label, '_') < 0 && label[0] != '-' && label[len(label)-1] != '-'
}
