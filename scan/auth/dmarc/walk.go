package dmarc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"foregate/dns"
)

// maxLabels is where the tree walk takes its shortcut: from a longer name it
// goes to the last seven labels, so that no name costs more than eight
// queries (RFC 9989 section 4.10).
const maxLabels = 8

// found is one record that a walk met.
type found struct {
	domain string
	record Record
}

// tree is what a DNS Tree Walk from one domain found, longest name first.
type tree struct {
	start string
	found []found
}

// walker performs tree walks for one message and remembers names it has asked
// about, since the walks of one message share their upper part.
type walker struct {
	resolver dns.Resolver
	seen     map[string]lookup
}

type lookup struct {
	record *Record
	err    error
}

// at returns the policy record of one name, nil when it has none.
func (w *walker) at(ctx context.Context, domain string) (*Record, error) {
	if l, ok := w.seen[domain]; ok {
		return l.record, l.err
	}
	record, err := w.fetch(ctx, domain)
	w.seen[domain] = lookup{record, err}
	return record, err
}

func (w *walker) fetch(ctx context.Context, domain string) (*Record, error) {
	a, err := w.resolver.TXT(ctx, "_dmarc."+domain)
	if errors.Is(err, dns.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the DMARC record of %s: %w", domain, err)
	}
	var only *Record
	count := 0
	for _, txt := range a.Records {
		if !isRecord(txt) {
			continue
		}
		if count++; count > 1 {
			return nil, nil // several records are as good as none
		}
		if r, err := ParseRecord(txt); err == nil {
			only = &r
		}
	}
	return only, nil
}

// walk performs the DNS Tree Walk of RFC 9989 section 4.10 from domain, which
// is in ASCII and lower case.
func (w *walker) walk(ctx context.Context, domain string) (tree, error) {
	t := tree{start: domain}
	for target := domain; target != ""; target = parent(target) {
		record, err := w.at(ctx, target)
		if err != nil {
			return t, err
		}
		if record == nil {
			continue
		}
		t.found = append(t.found, found{target, *record})
		if record.PSD == PSDNo || record.PSD == PSDYes {
			break
		}
	}
	return t, nil
}

// parent is the next target of a walk: one label less, or the last seven.
func parent(domain string) string {
	n := strings.Count(domain, ".") + 1
	for drop := max(1, n-(maxLabels-1)); drop > 0; drop-- {
		_, domain, _ = strings.Cut(domain, ".")
	}
	return domain
}

// organisation selects the organisational domain (RFC 9989 section 4.10.2).
func (t tree) organisation() string {
	for _, f := range t.found {
		if f.record.PSD == PSDNo {
			return f.domain
		}
		if f.record.PSD == PSDYes && f.domain != t.start {
			return below(f.domain, t.start)
		}
	}
	if len(t.found) == 0 {
		return t.start
	}
	return t.found[len(t.found)-1].domain
}

// below is the name one label below suffix on the way to domain.
func below(suffix, domain string) string {
	rest := strings.TrimSuffix(domain, "."+suffix)
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + suffix
}

// policy selects the record to apply: that of the author domain, of its
// organisational domain, or of its public suffix (RFC 9989 section 4.10.1).
func (t tree) policy() (found, bool) {
	org := t.organisation()
	for _, f := range t.found {
		if f.domain == t.start || f.domain == org {
			return f, true
		}
	}
	if n := len(t.found); n > 0 && t.found[n-1].record.PSD == PSDYes {
		return t.found[n-1], true
	}
	return found{}, false
}

// Domain returns a domain name in A-labels and lower case, without a trailing
// dot (RFC 9989 section 5.3.1), or false when it is no domain name: labels of
// letters, digits, hyphens and underscores only, 253 bytes at most.
func Domain(name string) (string, bool) {
	d := strings.TrimSuffix(name, ".")
	if !utf8.ValidString(d) {
		return "", false
	}
	for i := range len(d) {
		if d[i] >= 0x80 {
			ascii, err := idna.Lookup.ToASCII(d)
			if err != nil {
				return "", false
			}
			d = ascii
			break
		}
	}
	if d = strings.ToLower(d); d == "" || len(d) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for _, c := range []byte(label) {
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return "", false
			}
		}
	}
	return d, true
}
