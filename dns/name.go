package dns

import (
	"fmt"
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"
)

// The lengths of RFC 1035 section 2.3.4, in the textual form without the
// trailing dot.
const (
	maxName  = 253
	maxLabel = 63
)

// canonical returns name in lower case without the trailing dot. A name that
// can't be asked for (empty or long labels, control or non-ASCII bytes) cannot
// exist either: it gives ErrNXDomain.
func canonical(name string) (string, error) {
	n := strings.TrimSuffix(name, ".")
	if n == "" || len(n) > maxName {
		return "", fmt.Errorf("name of %d bytes: %w: %w", len(name), ErrNXDomain, ErrNotFound)
	}
	label := 0
	for i := 0; i < len(n); i++ {
		switch c := n[i]; {
		case c == '.':
			if label == 0 {
				return "", fmt.Errorf("name %.80q with an empty label: %w: %w", name, ErrNXDomain, ErrNotFound)
			}
			label = 0
		case c < 0x20 || c > 0x7e:
			return "", fmt.Errorf("name %.80q outside ASCII: %w: %w", name, ErrNXDomain, ErrNotFound)
		default:
			if label++; label > maxLabel {
				return "", fmt.Errorf("name %.80q with a label over 63 bytes: %w: %w", name, ErrNXDomain, ErrNotFound)
			}
		}
	}
	if label == 0 {
		return "", fmt.Errorf("name %.80q with an empty label: %w: %w", name, ErrNXDomain, ErrNotFound)
	}
	return strings.ToLower(n), nil
}

// presentation escapes a canonical name for the message library.
func presentation(name string) string {
	if !strings.ContainsAny(name, `\"();@ $`) {
		return name + "."
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if strings.IndexByte(`\"();@ $`, name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String() + "."
}

// plain undoes the escapes of the message library: \DDD and \X.
func plain(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
			b = append(b, (s[i+1]-'0')*100+(s[i+2]-'0')*10+(s[i+3]-'0'))
			i += 3
			continue
		}
		i++
		b = append(b, s[i])
	}
	return string(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// host returns a name of an answer without escapes and the trailing dot.
func host(s string) string { return strings.TrimSuffix(plain(s), ".") }

// reverse returns the name under in-addr.arpa or ip6.arpa (RFC 1035 section
// 3.5, RFC 3596 section 2.5) of addr.
func reverse(addr netip.Addr) (string, error) {
	if !addr.IsValid() {
		return "", fmt.Errorf("reverse of an invalid address: %w: %w", ErrNXDomain, ErrNotFound)
	}
	name, err := mdns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return "", fmt.Errorf("reverse of %s: %w: %w", addr, ErrNXDomain, ErrNotFound)
	}
	return strings.TrimSuffix(name, "."), nil
}
