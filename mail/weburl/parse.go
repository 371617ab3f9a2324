// Package weburl reads URLs as mail clients and browsers do, tells the true
// target of rewritten links, and turns the mentions of a message into links of
// the Message Data Model. It is pure: no network, no state.
//
// RFC 3986 says what a URL should look like; the WHATWG URL Standard
// (https://url.spec.whatwg.org) says what browsers make of what people write,
// and attackers write what only browsers understand: backslashes for slashes,
// line breaks inside the scheme, a bank's name in the user info, an address in
// octal. Parse follows the WHATWG algorithm with two differences that help
// comparing and matching: path, query and fragment keep their spelling, and
// what has no scheme but starts with a host name is read as http, as clients
// do when they make such text clickable.
package weburl

import (
	"net/url"
	"strings"

	"foregate/mail"
)

// Bounds of URLs.
const (
	// MaxURL bounds a URL in bytes. Browsers take more, but nobody needs
	// more; longer input is cut.
	MaxURL = 16 << 10
	// maxParams bounds the decoded query parameters: real links have a few
	// dozen at most.
	maxParams = 256
)

// Parse parses a URL as a browser would, without a base. ok is false when a
// browser would refuse it or could not tell where it leads (relative
// references, forbidden hosts, no scheme and no host name); the URL then holds
// what could be read, at least URL.URL.
//
// Domain is set when the host is a name (Valid false when it is under no known
// suffix), IP when it is an address in any spelling. Port is the scheme's
// default when none is written. QueryParams has no question mark and Fragment
// no number sign. For mailto, Username and Domain are those of the first
// address and Path is the addresses.
func Parse(s string) (u mail.URL, ok bool) { return Resolve(s, nil) }

// Resolve parses like Parse, against a base URL (RFC 3986 section 5) when base
// is not nil: relative references and those without a host take what is
// missing from it.
func Resolve(s string, base *mail.URL) (mail.URL, bool) {
	s = clean(s)
	scheme, rest, ok := splitScheme(s)
	switch {
	case ok && special(scheme):
		return parseSpecial(scheme, rest, base)
	case ok:
		return parseOther(s, scheme, rest)
	case base != nil && base.Scheme != "":
		return parseRelative(s, base)
	}
	if len(s) > 1 && isSlash(s[0]) && isSlash(s[1]) {
		if s[0] == '\\' {
			return parseSpecial("file", s, nil) // \\server\share: Windows opens it
		}
		return parseSpecial("https", s, nil) // mail clients take the scheme of their own page
	}
	if head, _ := cutAny(s, `/\?#`); looksLikeHost(head) {
		return parseSpecial("http", s, nil)
	}
	u := mail.URL{URL: s}
	u.Path, u.QueryParams, u.Fragment = splitTail(s)
	u.QueryParamsDecoded = decodeQuery(u.QueryParams)
	return u, false
}

// clean drops what browsers drop before parsing: leading and trailing control
// characters and spaces, tabs and line breaks anywhere.
func clean(s string) string {
	if len(s) > MaxURL {
		s = s[:MaxURL]
	}
	s = strings.TrimFunc(s, isBlank)
	if strings.ContainsAny(s, "\t\r\n") {
		s = strings.Map(func(r rune) rune {
			if r == '\t' || r == '\r' || r == '\n' {
				return -1
			}
			return r
		}, s)
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// splitScheme cuts "scheme:" off, lowered. A host name with a port
// ("example.test:8080/x") is no scheme.
func splitScheme(s string) (scheme, rest string, ok bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case c == ':' && i > 0:
			scheme, rest = s[:i], s[i+1:]
			if strings.IndexByte(scheme, '.') >= 0 || strings.EqualFold(scheme, "localhost") {
				if d, _ := cutAny(rest, `/\?#`); d != "" && strings.Trim(d, "0123456789") == "" {
					return "", s, false
				}
			}
			return strings.ToLower(scheme), rest, true
		default:
			return "", s, false
		}
	}
	return "", s, false
}

// special says whether browsers parse the scheme with a host and path
// (WHATWG URL section 3.1).
func special(scheme string) bool {
	switch scheme {
	case "http", "https", "ftp", "ws", "wss", "file":
		return true
	}
	return false
}

// defaultPort gives a special scheme's port, 0 for the others.
func defaultPort(scheme string) int {
	switch scheme {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	case "ftp":
		return 21
	}
	return 0
}

// parseSpecial parses what follows "scheme:" of a special scheme. Any number
// of slashes and backslashes, none included, may stand before the host.
func parseSpecial(scheme, rest string, base *mail.URL) (mail.URL, bool) {
	slashes := 0
	for slashes < len(rest) && isSlash(rest[slashes]) {
		slashes++
	}
	if base != nil && base.Scheme == scheme && slashes < 2 && scheme != "file" {
		return parseRelative(rest, base)
	}
	u := mail.URL{Scheme: scheme, Port: defaultPort(scheme)}
	if scheme == "file" && (slashes == 1 || slashes >= 3 && rest[0] == '/') {
		u.Path, u.QueryParams, u.Fragment = splitTail(strings.ReplaceAll(rest[slashes-1:], `\`, "/"))
		u.URL = "file://" + u.Path + tail(u)
		return u, true
	}
	authority, after := cutAny(rest[slashes:], `/\?#`)
	ok := setAuthority(&u, authority)
	path, query, fragment := splitTail(after)
	u.Path, u.QueryParams, u.Fragment = strings.ReplaceAll(path, `\`, "/"), query, fragment
	u.QueryParamsDecoded = decodeQuery(query)
	u.URL = serialise(u, authority)
	return u, ok
}

// parseRelative resolves a reference without a scheme (or with the base's)
// against a base URL.
func parseRelative(s string, base *mail.URL) (mail.URL, bool) {
	if !special(base.Scheme) || base.Domain == nil && base.IP == nil {
		return mail.URL{URL: s}, false
	}
	if len(s) > 1 && isSlash(s[0]) && isSlash(s[1]) {
		return parseSpecial(base.Scheme, s, nil)
	}
	u := *base
	u.Rewrite = nil
	path, query, fragment := splitTail(s)
	path = strings.ReplaceAll(path, `\`, "/")
	switch {
	case path == "":
		if strings.HasPrefix(s, "?") {
			u.QueryParams = query
		}
	case path[0] == '/':
		u.Path, u.QueryParams = removeDots(path), query
	default:
		dir := base.Path[:strings.LastIndexByte(base.Path, '/')+1]
		u.Path, u.QueryParams = removeDots("/"+strings.TrimPrefix(dir, "/")+path), query
	}
	u.Fragment = fragment
	u.QueryParamsDecoded = decodeQuery(u.QueryParams)
	u.URL = serialise(u, "")
	return u, true
}

// removeDots resolves "." and ".." segments (RFC 3986 section 5.2.4).
func removeDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		last := i == len(segments)-1
		switch seg {
		case ".", "..":
			if seg == ".." && len(out) > 1 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, seg)
		}
	}
	return strings.Join(out, "/")
}

// parseOther parses schemes that browsers don't fetch from hosts: mailto, tel,
// javascript, data, blob and anything unknown.
func parseOther(s, scheme, rest string) (mail.URL, bool) {
	u := mail.URL{URL: scheme + ":" + rest, Scheme: scheme}
	switch scheme {
	case "javascript", "data", "vbscript":
		u.Path = rest // their text is code or content, "?" and "#" included
		return u, true
	case "blob":
		inner, ok := Parse(rest)
		u.Domain, u.IP, u.Port, u.Path = inner.Domain, inner.IP, inner.Port, rest
		return u, ok
	case "mailto":
		setMailto(&u, rest)
		return u, true
	}
	if after, found := strings.CutPrefix(rest, "//"); found {
		authority, path := cutAny(after, "/?#")
		setAuthority(&u, authority)
		rest = path
	}
	u.Path, u.QueryParams, u.Fragment = splitTail(rest)
	u.QueryParamsDecoded = decodeQuery(u.QueryParams)
	return u, true
}

// setMailto reads a mailto URL (RFC 6068): addresses, then header fields.
func setMailto(u *mail.URL, rest string) {
	rest = strings.TrimPrefix(rest, "//")
	u.Path, u.QueryParams, u.Fragment = splitTail(rest)
	u.QueryParamsDecoded = decodeQuery(u.QueryParams)
	first, _, _ := strings.Cut(unescape(u.Path), ",")
	if at := strings.LastIndexByte(first, '@'); at >= 0 {
		u.Username = strings.TrimSpace(first[:at])
		d := mail.NewDomain(strings.TrimSpace(first[at+1:]))
		if d.Domain != "" {
			u.Domain = &d
		}
	}
}

// splitTail cuts path, query and fragment apart.
func splitTail(s string) (path, query, fragment string) {
	s, fragment, _ = strings.Cut(s, "#")
	path, query, _ = strings.Cut(s, "?")
	// An empty fragment or query is not written back: blanks before it are then
	// at the end, where they do not belong to the URL.
	if fragment == "" {
		query = strings.TrimRightFunc(query, isBlank)
		if query == "" {
			path = strings.TrimRightFunc(path, isBlank)
		}
	}
	return path, query, fragment
}

// isBlank tells what is stripped from the ends of a URL: C0 controls and space
// (WHATWG URL, section 4.4), and the blanks that mail programs put around it.
func isBlank(r rune) bool { return r <= ' ' || r == 0xA0 || r == 0x200B || r == 0xFEFF }

// serialise writes a special URL back; authority stands in for a host that
// could not be read.
func serialise(u mail.URL, authority string) string {
	var b strings.Builder
	b.WriteString(u.Scheme)
	b.WriteString("://")
	if u.Username != "" || u.Password != "" {
		b.WriteString(escapeUser(u.Username))
		if u.Password != "" {
			b.WriteByte(':')
			b.WriteString(escapeUser(u.Password))
		}
		b.WriteByte('@')
	}
	switch {
	case u.Domain != nil:
		b.WriteString(u.Domain.Domain)
	case u.IP != nil && u.IP.Version == 6:
		b.WriteString("[" + u.IP.IP + "]")
	case u.IP != nil:
		b.WriteString(u.IP.IP)
	default:
		b.WriteString(authority)
	}
	if u.Port != defaultPort(u.Scheme) && (u.Domain != nil || u.IP != nil) {
		b.WriteByte(':')
		b.WriteString(itoa(u.Port))
	}
	b.WriteString(u.Path)
	b.WriteString(tail(u))
	return b.String()
}

// escapeUser escapes what would end user info or vanish from it (WHATWG URL,
// userinfo percent-encode set, less the characters that do no harm).
func escapeUser(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || strings.IndexByte(`/\?#@:%`, c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// tail writes query and fragment with their marks.
func tail(u mail.URL) string {
	t := ""
	if u.QueryParams != "" {
		t = "?" + u.QueryParams
	}
	if u.Fragment != "" {
		t += "#" + u.Fragment
	}
	return t
}

// decodeQuery decodes application/x-www-form-urlencoded parameters as browsers
// do: malformed escapes stay as they are, names may repeat. Nil when there are
// none; parameters beyond maxParams are left out.
func decodeQuery(query string) map[string][]string {
	if query == "" {
		return nil
	}
	out := map[string][]string{}
	n := 0
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxParams {
			break
		}
		k, v, _ := strings.Cut(pair, "=")
		k = unescape(strings.ReplaceAll(k, "+", " "))
		out[k] = append(out[k], unescape(strings.ReplaceAll(v, "+", " ")))
	}
	return out
}

// unescape decodes percent escapes; malformed ones stay, invalid UTF-8 becomes
// the replacement character.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	if t, err := url.PathUnescape(s); err == nil {
		return strings.ToValidUTF8(t, "\uFFFD")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0 {
			b.WriteByte(byte(hexDigit(s[i+1])<<4 | hexDigit(s[i+2])))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// cutAny cuts s before the first of the given characters.
func cutAny(s, chars string) (before, after string) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}
