package spf

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxRecord bounds an SPF record in bytes: TXT answers can be 64 KiB, but what
// is read by every receiver of mail is published in a few hundred bytes (RFC
// 7208 section 3.4 recommends 450).
const maxRecord = 16 << 10

// kind is the mechanism of a directive.
type kind uint8

const (
	kindAll kind = iota
	kindInclude
	kindA
	kindMX
	kindPTR
	kindIP4
	kindIP6
	kindExists
)

// directive is one mechanism with its qualifier (RFC 7208 section 4.6.2).
type directive struct {
	kind      kind
	qualifier byte         // '+', '-', '~' or '?'
	domain    macroString  // the domain-spec; empty means the current domain
	network   netip.Prefix // ip4 and ip6
	cidr4     int          // a and mx
	cidr6     int
	text      string // as written
}

// record is a parsed SPF record (RFC 7208 section 4.6).
type record struct {
	directives  []directive
	redirect    macroString
	exp         macroString
	hasRedirect bool
	hasExp      bool
}

// isRecord tells whether a TXT record is an SPF record at all (RFC 7208
// section 4.5): the version, then a space or the end.
func isRecord(txt string) bool {
	const version = "v=spf1"
	return len(txt) >= len(version) && strings.EqualFold(txt[:len(version)], version) &&
		(len(txt) == len(version) || txt[len(version)] == ' ')
}

// parseRecord reads a record for which isRecord holds. Any syntax error
// anywhere is an error (RFC 7208 section 4.6).
func parseRecord(txt string) (record, error) {
	var r record
	if len(txt) > maxRecord {
		return r, fmt.Errorf("record of %d bytes", len(txt))
	}
	for _, term := range strings.Split(txt[len("v=spf1"):], " ") {
		if term == "" {
			continue
		}
		if err := r.addTerm(term); err != nil {
			return record{}, fmt.Errorf("term %.60q: %w", term, err)
		}
	}
	return r, nil
}

func (r *record) addTerm(term string) error {
	if name, value, ok := modifier(term); ok {
		return r.addModifier(name, value)
	}
	d, err := parseDirective(term)
	if err != nil {
		return err
	}
	r.directives = append(r.directives, d)
	return nil
}

// modifier splits "name=value" (RFC 7208 section 4.6.1): an equals sign before
// any colon or slash, after a name of the right form.
func modifier(term string) (name, value string, ok bool) {
	i := strings.IndexAny(term, "=:/")
	if i <= 0 || term[i] != '=' || !isAlpha(term[0]) {
		return "", "", false
	}
	for _, c := range []byte(term[:i]) {
		if !isAlpha(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return "", "", false
		}
	}
	return strings.ToLower(term[:i]), term[i+1:], true
}

// addModifier stores redirect= and exp=, each allowed once (RFC 7208 section
// 6), and checks the syntax of unknown ones.
func (r *record) addModifier(name, value string) error {
	switch name {
	case "redirect", "exp":
		domain, err := parseDomainSpec(value)
		if err != nil {
			return err
		}
		target, seen := &r.redirect, &r.hasRedirect
		if name == "exp" {
			target, seen = &r.exp, &r.hasExp
		}
		if *seen {
			return fmt.Errorf("%s= twice", name)
		}
		*target, *seen = domain, true
		return nil
	}
	_, err := parseMacros(value, true)
	return err
}

func parseDirective(term string) (directive, error) {
	d := directive{qualifier: '+', cidr4: 32, cidr6: 128, text: term}
	if strings.IndexByte("+-~?", term[0]) >= 0 {
		d.qualifier, term = term[0], term[1:]
	}
	name, arg := term, ""
	if i := strings.IndexAny(term, ":/"); i >= 0 {
		name, arg = term[:i], term[i:]
	}
	var err error
	switch strings.ToLower(name) {
	case "all":
		d.kind = kindAll
		if arg != "" {
			err = fmt.Errorf("all takes no argument")
		}
	case "include":
		d.kind = kindInclude
		d.domain, err = argument(arg, true)
	case "exists":
		d.kind = kindExists
		d.domain, err = argument(arg, true)
	case "ptr":
		d.kind = kindPTR
		d.domain, err = argument(arg, false)
	case "a", "mx":
		d.kind = kindA
		if strings.EqualFold(name, "mx") {
			d.kind = kindMX
		}
		if arg, err = d.cutCIDR(arg); err == nil {
			d.domain, err = argument(arg, false)
		}
	case "ip4":
		d.kind = kindIP4
		d.network, err = parseNetwork(arg, true)
	case "ip6":
		d.kind = kindIP6
		d.network, err = parseNetwork(arg, false)
	default:
		err = fmt.Errorf("unknown mechanism")
	}
	return d, err
}

// argument parses ":" domain-spec.
func argument(arg string, required bool) (macroString, error) {
	if arg == "" && !required {
		return macroString{}, nil
	}
	if !strings.HasPrefix(arg, ":") {
		return macroString{}, fmt.Errorf("a domain is missing")
	}
	return parseDomainSpec(arg[1:])
}

// cutCIDR takes the dual-cidr-length ("/24", "//64", "/24//64") off the end of
// arg and returns the rest.
func (d *directive) cutCIDR(arg string) (string, error) {
	var err error
	if i := strings.LastIndex(arg, "//"); i >= 0 && allDigits(arg[i+2:]) {
		if d.cidr6, err = parseLength(arg[i+2:], 128); err != nil {
			return "", err
		}
		arg = arg[:i]
	}
	if i := strings.LastIndexByte(arg, '/'); i >= 0 && allDigits(arg[i+1:]) {
		if d.cidr4, err = parseLength(arg[i+1:], 32); err != nil {
			return "", err
		}
		arg = arg[:i]
	}
	return arg, nil
}

// parseLength reads a prefix length without leading zeros.
func parseLength(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n > most || (len(s) > 1 && s[0] == '0') || !allDigits(s) {
		return 0, fmt.Errorf("prefix length %.10q is not 0 to %d", s, most)
	}
	return n, nil
}

// parseNetwork reads ":" ip4-network or ip6-network [ "/" length ].
func parseNetwork(arg string, v4 bool) (netip.Prefix, error) {
	if !strings.HasPrefix(arg, ":") {
		return netip.Prefix{}, fmt.Errorf("an address is missing")
	}
	text, length, hasLength := strings.Cut(arg[1:], "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Is4() != v4 || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%.45q is no address of this kind", text)
	}
	bits := addr.BitLen()
	if hasLength {
		if bits, err = parseLength(length, addr.BitLen()); err != nil {
			return netip.Prefix{}, err
		}
	}
	return netip.PrefixFrom(addr, bits).Masked(), nil
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
