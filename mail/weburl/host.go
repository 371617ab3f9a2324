package weburl

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"foregate/domain"
	"foregate/mail"
)

// Names of spellings of an address, as the published rules compare them in
// ip.translation.encoders.
const (
	spellingDecimal = "decimal_integer" // 3232235777
	spellingOctal   = "octal"           // 0300.0250.01.01
	spellingHex     = "hexadecimal"     // 0xC0A80101
	spellingShort   = "short"           // 192.168.257
)

// setAuthority reads "user:password@host:port" into u. ok is false when a
// browser would refuse the host or port.
func setAuthority(u *mail.URL, authority string) bool {
	host := authority
	// Everything before the last @ is user info, other @ included: browsers
	// go to b in "http://paypal.example@a@b/".
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, pass, _ := strings.Cut(authority[:at], ":")
		u.Username, u.Password = unescape(user), unescape(pass)
		host = authority[at+1:]
	}
	ok := true
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		ok = setPort(u, host[colon+1:])
		host = host[:colon]
	}
	return setHost(u, host) && ok
}

// setPort reads a port; an empty one means the default.
func setPort(u *mail.URL, s string) bool {
	if s == "" {
		return true
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return false
	}
	u.Port = int(n)
	return true
}

// setHost reads a host: an IPv6 literal, an IPv4 address in any spelling, or a
// name (WHATWG URL section 3.5).
func setHost(u *mail.URL, host string) bool {
	if inner, found := strings.CutPrefix(host, "["); found {
		return setIPv6(u, strings.TrimSuffix(inner, "]"))
	}
	written := host
	host = unescape(host)
	if host == "" {
		return false
	}
	// Blanks and dots in any mix at the end are no part of the name.
	d := mail.NewDomain(strings.TrimRightFunc(host, func(r rune) bool { return r == '.' || isSpace(r) }))
	if ip, encoders, is := parseIPv4(d.Domain); is {
		u.IP = &mail.IP{IP: ip.String(), Version: 4}
		if written != u.IP.IP {
			u.IP.Translation = &mail.IPTranslation{Original: written, Encoders: encoders}
		}
		return true
	}
	u.Domain = &d
	return d.Valid || d.Domain != "" && strings.IndexFunc(d.Domain, forbidden) < 0 && !endsInNumber(d.Domain)
}

// isSpace tells blanks and control characters, which mail clients trim.
func isSpace(r rune) bool { return isBlank(r) || unicode.IsSpace(r) }

// forbidden tells the characters that no host has (WHATWG URL section 3.2,
// forbidden domain code points), and those that end a URL in text.
func forbidden(r rune) bool {
	return r == 0x7F || isSpace(r) || strings.ContainsRune("\"<>^`{|}%#/:?@[\\]", r)
}

// setIPv6 reads an IPv6 literal without brackets. An IPv4-mapped one is
// translated to the IPv4 address it stands for.
func setIPv6(u *mail.URL, s string) bool {
	addr, err := netip.ParseAddr(unescape(s))
	if err != nil || !addr.Is6() {
		d := mail.Domain{Domain: "[" + strings.ToLower(s) + "]"}
		u.Domain = &d
		return false
	}
	addr = addr.WithZone("")
	if addr.Is4In6() {
		u.IP = &mail.IP{IP: addr.Unmap().String(), Version: 4, Translation: &mail.IPTranslation{Original: s, V4ToV6: true}}
		return true
	}
	u.IP = &mail.IP{IP: addr.String(), Version: 6}
	return true
}

// parseIPv4 reads an IPv4 address as inet_aton and browsers do: one to four
// parts, each decimal, octal (leading 0) or hexadecimal (leading 0x), the last
// filling the remaining bytes. encoders names the spellings that are not plain
// dotted decimal.
func parseIPv4(host string) (addr netip.Addr, encoders []string, ok bool) {
	host = strings.TrimRight(host, ".")
	if !endsInNumber(host) {
		return addr, nil, false
	}
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return addr, nil, false
	}
	var value uint64
	for i, p := range parts {
		n, spelling, err := parsePart(p)
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		if err != nil || n >= 1<<bits {
			return addr, nil, false
		}
		value = value<<bits | n
		if spelling == "" && len(parts) == 1 {
			spelling = spellingDecimal
		} else if spelling == "" && len(parts) < 4 && i == 0 {
			spelling = spellingShort
		}
		if spelling != "" && !contains(encoders, spelling) {
			encoders = append(encoders, spelling)
		}
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), encoders, true
}

// parsePart reads one part of an IPv4 address.
func parsePart(p string) (n uint64, spelling string, err error) {
	switch {
	case strings.HasPrefix(p, "0x"):
		if p == "0x" {
			return 0, spellingHex, nil
		}
		n, err = strconv.ParseUint(p[2:], 16, 32)
		return n, spellingHex, err
	case len(p) > 1 && p[0] == '0':
		n, err = strconv.ParseUint(p, 8, 32)
		return n, spellingOctal, err
	}
	n, err = strconv.ParseUint(p, 10, 32)
	return n, "", err
}

// endsInNumber says whether the last label makes browsers read the host as an
// IPv4 address or refuse it.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return false
	}
	if hex, found := strings.CutPrefix(last, "0x"); found {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// looksLikeHost says whether text without a scheme starts with a host that a
// mail client would make clickable: a valid name or a dotted-quad address,
// with an optional port, without user info.
func looksLikeHost(s string) bool {
	if s == "" || len(s) > 255 || strings.ContainsAny(s, " @") || strings.IndexByte(s, '.') < 0 {
		return false
	}
	host, _, _ := strings.Cut(s, ":")
	if d := domain.Split(host); d.Valid && d.RootDomain != "" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4()
}

func itoa(n int) string { return strconv.Itoa(n) }

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
