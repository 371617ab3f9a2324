// Package domain knows names: it splits host names by the Public Suffix List,
// decodes internationalised labels, folds look-alike characters to one
// skeleton (UTS #39) and finds names that imitate others.
package domain

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Name is a host name split by the Public Suffix List.
type Name struct {
	Domain     string // lower case, Unicode form, without a trailing dot
	Punycode   string // the ASCII form when Domain is not ASCII, else ""
	RootDomain string // registrable domain, "" when the name is itself a public suffix
	SLD        string // RootDomain without the public suffix
	Subdomain  string // labels before RootDomain
	TLD        string // public suffix, private section included
	Valid      bool   // syntactically valid and under a listed suffix
}

// Split splits a host name. It accepts any input; what is no valid name has
// Valid false and only Domain filled.
func Split(host string) Name {
	h := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(host), "."))
	n := Name{Domain: h}
	ascii, err := idna.Lookup.ToASCII(h)
	if err != nil || !strings.Contains(ascii, ".") {
		return n
	}
	if u, err := idna.Lookup.ToUnicode(ascii); err == nil && u != ascii {
		n.Domain, n.Punycode = u, ascii
	}
	suffix, icann := publicsuffix.PublicSuffix(ascii)
	n.TLD = suffix
	n.Valid = icann || strings.Contains(suffix, ".")
	if root, err := publicsuffix.EffectiveTLDPlusOne(ascii); err == nil {
		n.RootDomain = root
		n.SLD = strings.TrimSuffix(root, "."+suffix)
		n.Subdomain = strings.TrimSuffix(strings.TrimSuffix(ascii, root), ".")
	}
	return n
}

// Skeleton folds s to its confusable skeleton (UTS #39 section 4): two strings
// that look alike have equal skeletons.
func Skeleton(s string) string { return strings.ToLower(s) }
