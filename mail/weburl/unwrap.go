package weburl

import (
	"strings"

	"foregate/mail"
)

// maxUnwrap bounds how many rewriters around one URL are undone: each gateway
// on the way adds one, more than eight is an attempt to wear readers out.
const maxUnwrap = 8

// Unwrap undoes link rewriters, outermost first: those of mail security
// gateways, of trackers and of open redirects whose target can be told from
// the URL alone. The result is the innermost URL; its Rewrite holds the URL
// given and the names of the rewriters met, as published in the Message Data
// Model. A rewriter whose target only its operator knows is named, and is the
// result itself. Where there is no rewriter, u comes back unchanged.
//
// Mimecast and others without a published name are not named; see Hint.
func Unwrap(u mail.URL) mail.URL {
	original := u.URL
	var encoders []string
	for range maxUnwrap {
		name, target := unwrapOnce(&u)
		if name == "" {
			break
		}
		encoders = append(encoders, name)
		if target == "" {
			break
		}
		next, ok := Parse(target)
		if !ok || next.URL == u.URL {
			break
		}
		u = next
	}
	if encoders != nil {
		u.Rewrite = &mail.Rewrite{Original: original, Encoders: encoders}
	}
	return u
}

// Hint tells what a rewriter gives away without giving its target: the
// rewriter's name and the domain it leads to, for Mimecast, Inky, Proofpoint
// Essentials and Symantec. Both are empty for other URLs.
func Hint(u mail.URL) (rewriter, targetDomain string) {
	if u.Domain == nil {
		return "", ""
	}
	host := u.Domain.Domain
	switch {
	case under(host, "mimecastprotect.com"), under(host, "mimecast.com") && strings.HasPrefix(host, "protect"):
		rewriter = "mimecast"
	case host == "shared.outlook.inky.com":
		rewriter = "inky"
	case host == "url.emailprotection.link":
		rewriter = "proofpoint_essentials"
	case host == "clicktime.symantec.com":
		rewriter = "symantec"
		for _, v := range u.QueryParamsDecoded["u"] {
			if t, ok := Parse(v); ok && t.Domain != nil && t.Domain.Valid {
				return rewriter, t.Domain.Domain
			}
		}
	default:
		return "", ""
	}
	for _, d := range u.QueryParamsDecoded["domain"] {
		if n := mail.NewDomain(d); n.Valid {
			return rewriter, n.Domain
		}
	}
	return rewriter, ""
}

// unwrapOnce undoes the outermost rewriter. name is empty when there is none,
// target when only the rewriter's operator knows it.
func unwrapOnce(u *mail.URL) (name, target string) {
	if u.Domain == nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", ""
	}
	host := u.Domain.Domain
	for _, r := range rewriters() {
		if !r.matches(host, u.Path) {
			continue
		}
		target := r.target(u)
		if target == "" && !r.certain {
			continue
		}
		return r.name, target
	}
	return "", ""
}

// rewriter is one way of hiding a target in a URL.
type rewriter struct {
	name   string   // published name
	hosts  []string // domains at or above the host; none: any host
	path   string   // what the path starts with
	target func(u *mail.URL) string
	// certain: host and path alone show the rewriter, so it is named even
	// when the target can't be told.
	certain bool
}

func (r *rewriter) matches(host, path string) bool {
	if r.path != "" && (len(path) < len(r.path) || !strings.EqualFold(path[:len(r.path)], r.path)) {
		return false
	}
	if len(r.hosts) == 0 {
		return true
	}
	for _, h := range r.hosts {
		if under(host, h) {
			return true
		}
	}
	return false
}

// under says whether host is the domain or below it.
func under(host, parent string) bool {
	n := len(host) - len(parent)
	return n >= 0 && host[n:] == parent && (n == 0 || host[n-1] == '.')
}

// param gives a look-up of the first parameter of these names that holds an
// absolute URL. Names are compared without regard to case; the first name that
// has one wins.
func param(names ...string) func(u *mail.URL) string {
	return func(u *mail.URL) string {
		if len(u.QueryParamsDecoded) == 0 {
			return ""
		}
		for _, name := range names {
			for _, v := range values(u, name) {
				if t := absolute(v); t != "" {
					return t
				}
			}
		}
		return ""
	}
}

// values gives a parameter's values: by the exact name, else by the first name
// in ascending order that differs in case only.
func values(u *mail.URL, name string) []string {
	if v, ok := u.QueryParamsDecoded[name]; ok {
		return v
	}
	best := ""
	for k := range u.QueryParamsDecoded {
		if strings.EqualFold(k, name) && (best == "" || k < best) {
			best = k
		}
	}
	return u.QueryParamsDecoded[best]
}

// anyParam gives the first parameter, in the order written, that holds an
// absolute URL, plain or in base64.
func anyParam(u *mail.URL) string {
	for pair := range strings.SplitSeq(u.QueryParams, "&") {
		_, v, _ := strings.Cut(pair, "=")
		if len(v) < 11 { // "http://a.bc"
			continue
		}
		v = unescape(v)
		if t := absolute(v); t != "" {
			return t
		}
		if t := base64URL(v); t != "" {
			return t
		}
	}
	return ""
}

// absolute gives s cleaned when it is an absolute http or https URL (encoded
// once more at most), else "".
func absolute(s string) string {
	s = clean(s)
	if len(s) > 7 && strings.EqualFold(s[:4], "http") && strings.IndexByte(s[:min(len(s), 12)], '%') > 0 {
		s = unescape(s)
	}
	scheme, rest, ok := splitScheme(s)
	if !ok || scheme != "http" && scheme != "https" {
		return ""
	}
	if rest == "" || !isSlash(rest[0]) {
		return ""
	}
	return s
}

// hostURL gives an https URL for a target written without a scheme
// ("example.test/path"), or the absolute URL that it is.
func hostURL(s string) string {
	if t := absolute(s); t != "" {
		return t
	}
	host, _ := cutAny(s, "/?#")
	if d := mail.NewDomain(host); d.Valid {
		return "https://" + s
	}
	return ""
}

// segments gives the non-empty path segments as written.
func segments(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
