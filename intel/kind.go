package intel

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"foregate/domain"
)

// Kind is the type of a node: a STIX 2.1 object type where there is one.
type Kind string

// The kinds with a meaning here. Host names are domain names, as in STIX; a
// network is an address kind with a prefix ("192.0.2.0/24", STIX 2.1 section
// 6.8). Other kinds pass through unchanged.
const (
	Domain       Kind = "domain-name"
	URL          Kind = "url"
	IPv4         Kind = "ipv4-addr"
	IPv6         Kind = "ipv6-addr"
	ASN          Kind = "autonomous-system" // value: the number in decimal
	Certificate  Kind = "x509-certificate"  // value: hex SHA-256, or "serial issuer"
	Email        Kind = "email-addr"
	Registrant   Kind = "registrant"
	NameServer   Kind = "name-server"
	MD5          Kind = "md5" // of a file; hex, lower case
	SHA1         Kind = "sha1"
	SHA256       Kind = "sha256"
	SHA512       Kind = "sha512"
	FileName     Kind = "file-name"
	Mailer       Kind = "mailer-fingerprint"
	Kit          Kind = "kit-marker"
	MessageID    Kind = "message-id-pattern"
	Pattern      Kind = "pattern" // a STIX pattern that is no plain equality
	Message      Kind = "message" // one of the gate's own messages, by its id
	Report       Kind = "report"
	Campaign     Kind = "campaign"
	IntrusionSet Kind = "intrusion-set"
	ThreatActor  Kind = "threat-actor"
	AttackPat    Kind = "attack-pattern" // value: the ATT&CK id, or a name
	Malware      Kind = "malware"
	Tool         Kind = "tool"
	Identity     Kind = "identity"
)

// kindNames maps other formats' words to kinds.
var kindNames = map[string]Kind{
	"domain": Domain, "hostname": Domain, "host": Domain, "fqdn": Domain, "domain-name": Domain, "domainname": Domain, "host-name": Domain, "subdomain": Domain,
	"url": URL, "uri": URL, "link": URL,
	"ip": IPv4, "ipv4": IPv4, "ip-dst": IPv4, "ip-src": IPv4, "ipv4addr": IPv4, "address": IPv4, "cidr": IPv4, "netblock": IPv4, "ipv4-addr": IPv4,
	"ip-addr": IPv4, "ip-address": IPv4, "ipv4-address": IPv4, "network": IPv4, "subnet": IPv4, "ipv4-cidr": IPv4,
	"ipv6": IPv6, "ipv6-addr": IPv6, "ipv6addr": IPv6, "ipv6-address": IPv6, "ipv6-cidr": IPv6,
	"asn": ASN, "as": ASN,
	"cert": Certificate, "certificate": Certificate, "x509": Certificate, "x509-fingerprint-sha256": Certificate, "x509-cert": Certificate, "tls-certificate": Certificate, "ssl-certificate": Certificate, "certificate-sha256": Certificate, "cert-sha256": Certificate,
	"email": Email, "mail": Email, "email-src": Email, "email-dst": Email, "email-address": Email, "mail-address": Email, "e-mail": Email,
	"registrant": Registrant, "whois-registrant-email": Registrant, "whois-registrant-name": Registrant,
	"ns": NameServer, "nameserver": NameServer, "name-server": NameServer,
	"registrant-handle": Registrant, "registrant-email": Registrant, "registrant-name": Registrant, "whois-registrant": Registrant,
	"md5": MD5, "sha1": SHA1, "sha-1": SHA1, "sha256": SHA256, "sha-256": SHA256, "sha512": SHA512, "sha-512": SHA512,
	"hash": SHA256, "file-hash": SHA256, "filename": FileName,
	"mailer": Mailer, "kit": Kit, "phishing-kit": Kit, "message-id": MessageID,
	"mailer-hash": Mailer, "kit-hash": Kit, "phishkit": Kit, "phishing-kit-marker": Kit,
	"actor": IntrusionSet, "group": IntrusionSet, "technique": AttackPat, "software": Malware,
}

// ParseKind turns a word of any format into a kind: STIX types stay, "domain",
// "hostname", "ip", "cert" and the like are translated, everything else is kept
// in lower case with hyphens.
func ParseKind(word string) Kind {
	w := strings.ToLower(strings.TrimSpace(word))
	if k, ok := kindNames[w]; ok {
		return k
	}
	w = strings.ReplaceAll(strings.ReplaceAll(w, "_", "-"), " ", "-")
	if k, ok := kindNames[w]; ok {
		return k
	}
	return Kind(w)
}

// IsHash says whether the kind is a file hash.
func (k Kind) IsHash() bool { return k == MD5 || k == SHA1 || k == SHA256 || k == SHA512 }

// IsObservable says whether a node of this kind can be seen on the network or
// in a message, unlike an actor or a report.
func (k Kind) IsObservable() bool {
	switch k {
	case Domain, URL, IPv4, IPv6, ASN, Certificate, Email, Registrant, NameServer, FileName, Mailer, Kit, MessageID, Pattern:
		return true
	}
	return k.IsHash()
}

// Clean makes a node in its one spelling: defanged values are restored, names
// are lower case A-labels without a final dot, addresses and networks in their
// canonical form (an address of the other family changes the kind), hashes are
// lower case hex of the length that the kind has (another length of a known
// hash changes the kind). The error says what the value lacks.
func Clean(kind Kind, value string) (Node, error) {
	v := strings.TrimSpace(value)
	if v == "" {
		return Node{}, fmt.Errorf("%s: the value is empty", kind)
	}
	if len(v) > MaxValue {
		return Node{}, fmt.Errorf("%s: the value has %d bytes, at most %d are kept", kind, len(v), MaxValue)
	}
	switch {
	case kind == Domain || kind == NameServer:
		return cleanName(kind, Refang(v))
	case kind == IPv4 || kind == IPv6:
		return cleanIP(kind, Refang(v))
	case kind == URL:
		if isCleanURL(v) {
			return Node{URL, v}, nil
		}
		return cleanURL(Refang(v))
	case kind == Email:
		return cleanEmail(Refang(v))
	case kind == ASN:
		return cleanASN(v)
	case kind.IsHash():
		return cleanHash(v)
	case kind == Registrant && strings.Contains(v, "@"): // an address is one in any case
		v = strings.ToLower(Refang(v))
	case kind == Certificate:
		return Node{kind, cleanCert(v)}, nil
	}
	return Node{kind, strings.Join(strings.Fields(v), " ")}, nil
}

func cleanName(kind Kind, v string) (Node, error) {
	v = strings.TrimPrefix(strings.TrimSuffix(v, "."), "*.")
	if a, err := netip.ParseAddr(v); err == nil && kind == Domain {
		return ipNode(a), nil
	}
	n := domain.Split(v)
	if n.Domain == "" || !strings.Contains(n.Domain, ".") || strings.ContainsAny(n.Domain, " /@:%") {
		return Node{}, fmt.Errorf("%s: %q is no domain name", kind, v)
	}
	return Node{kind, n.Domain}, nil
}

func ipNode(a netip.Addr) Node {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return Node{IPv4, a.String()}
	}
	return Node{IPv6, a.String()}
}

func cleanIP(kind Kind, v string) (Node, error) {
	if p, err := netip.ParsePrefix(v); err == nil {
		if p.IsSingleIP() {
			return ipNode(p.Addr()), nil
		}
		n := ipNode(p.Addr())
		return Node{n.Kind, p.Masked().String()}, nil
	}
	if ap, err := netip.ParseAddrPort(v); err == nil {
		return ipNode(ap.Addr()), nil
	}
	a, err := netip.ParseAddr(strings.Trim(v, "[]"))
	if err != nil {
		return Node{}, fmt.Errorf("%s: %q is neither an address nor a network", kind, v)
	}
	return ipNode(a), nil
}

func cleanURL(v string) (Node, error) {
	if !strings.Contains(v, "://") {
		v = "http://" + v // lists often leave the scheme out
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" {
		return Node{}, fmt.Errorf("url: %q has no host or is malformed", shorten(v))
	}
	u.Scheme = strings.ToLower(u.Scheme)
	host := strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	if host == "" || !strings.Contains(host, ":") && strings.ContainsAny(host, "[](){}<>\\ \"^|`%@") {
		return Node{}, fmt.Errorf("url: %q has no host or is malformed", shorten(v))
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := u.Port()
	if port == "" || u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		u.Host = host
	} else {
		u.Host = host + ":" + port
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment, u.RawFragment = "", ""
	return Node{URL, u.String()}, nil
}

// isCleanURL says whether a URL is certainly in the spelling that cleanURL gives,
// by looking at its bytes alone: most are, and taking them apart takes longer than
// looking for them among a million others.
func isCleanURL(v string) bool {
	rest, ok := strings.CutPrefix(v, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(v, "http://"); !ok {
			return false
		}
	}
	slash := strings.IndexByte(rest, '/')
	if slash <= 0 || rest[0] == '.' || rest[slash-1] == '.' {
		return false
	}
	for i := range slash {
		if c := rest[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	path, query, _ := strings.Cut(rest[slash:], "?")
	for i := range len(path) {
		if !plainPath[path[i]] {
			return false
		}
	}
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '[' || c == ']' || c == '(' || c == '{' || c == '\\' {
			return false // what may be defanged is looked at closely
		}
	}
	return !strings.HasSuffix(v, "?")
}

// plainPath are the bytes that stand for themselves in a path and in nothing that
// is defanged; it is never changed.
var plainPath = func() (ok [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'*+,;=:@/") {
		ok[c] = true
	}
	return ok
}()

func cleanEmail(v string) (Node, error) {
	v = strings.TrimPrefix(strings.ToLower(strings.Trim(v, "<>")), "mailto:")
	at := strings.LastIndexByte(v, '@')
	if at <= 0 || strings.ContainsAny(v, " \t\r\n") {
		return Node{}, fmt.Errorf("email-addr: %q is no address", shorten(v))
	}
	n, err := cleanName(Domain, v[at+1:])
	if err != nil {
		return Node{}, fmt.Errorf("email-addr: %q: the part after @ is no domain name", shorten(v))
	}
	return Node{Email, v[:at+1] + n.Value}, nil
}

func cleanASN(v string) (Node, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(v), "AS"), 10, 32)
	if err != nil {
		return Node{}, fmt.Errorf("autonomous-system: %q is no number below 2^32", shorten(v))
	}
	return Node{ASN, strconv.FormatUint(n, 10)}, nil
}

// HashKind tells a hash by its length in hex digits; "" when it is none.
func HashKind(v string) Kind {
	if _, err := hex.DecodeString(v); err != nil {
		return ""
	}
	switch len(v) {
	case 32:
		return MD5
	case 40:
		return SHA1
	case 64:
		return SHA256
	case 128:
		return SHA512
	}
	return ""
}

func cleanHash(v string) (Node, error) {
	v = strings.ToLower(v)
	k := HashKind(v)
	if k == "" {
		return Node{}, fmt.Errorf("hash: %q is not 32, 40, 64 or 128 hex digits", shorten(v))
	}
	return Node{k, v}, nil
}

// cleanCert writes a fingerprint without colons; "serial issuer" keeps its text.
func cleanCert(v string) string {
	v = strings.TrimPrefix(strings.ToLower(v), "sha256:")
	if bare := strings.ReplaceAll(v, ":", ""); HashKind(bare) != "" {
		return bare
	}
	return strings.Join(strings.Fields(v), " ")
}

func shorten(s string) string {
	const n = 80
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
