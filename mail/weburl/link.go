package weburl

import (
	"strings"

	"foregate/domain"
	"foregate/mail"
)

// Values of mail.Link.Parser.
const (
	parserHyperlink = "hyperlink"
	parserPlain     = "plain"
)

// Link makes a link of the Message Data Model from an anchor (in a drawing
// too) or an address-like text. base is the document's base URL, nil when it has none.
// ok is false for mentions that are no link to a reader: other kinds
// (resources, forms, headers), empty targets and jumps within the message.
//
// The target is unwrapped. DisplayText is set when the visible text is not
// itself a URL, DisplayURL when it is. Mismatched is set for targets with a
// host and says whether the root domains of DisplayURL and target are both
// valid and different.
func Link(m mail.Mention, base *mail.URL) (l mail.Link, ok bool) {
	switch m.Kind {
	case mail.MentionAnchor:
		l.Parser = parserHyperlink
	case mail.MentionSVG:
		if m.Text == "" {
			return mail.Link{}, false // an image or shape, not an <a>
		}
		l.Parser = parserHyperlink
	case mail.MentionText:
		l.Parser = parserPlain
	default:
		return mail.Link{}, false
	}
	target := clean(m.URL)
	if target == "" || target[0] == '#' {
		return mail.Link{}, false
	}
	u, _ := parseTarget(target, m.Kind, base)
	u = Unwrap(u)
	l.HrefURL = &u
	visible := m.Visible
	l.Visible = &visible
	text := strings.TrimSpace(m.Text)
	if m.Kind == mail.MentionText && text == "" {
		text = target
	}
	if d, isURL := displayURL(text, m.Kind); isURL && !strings.HasSuffix(u.Path, "/"+text) { // "page.sv" may be a file that the link leads to
		l.DisplayURL = &d
	} else {
		l.DisplayText = text
	}
	mismatch := Mismatched(l.DisplayURL, l.HrefURL)
	l.Mismatched = &mismatch
	return l, true
}

// parseTarget parses a target; an address without a scheme in running text is one
// to write to, and its URL is the address as written.
func parseTarget(s string, kind mail.MentionKind, base *mail.URL) (mail.URL, bool) {
	if kind == mail.MentionText && isAddress(s) {
		u, ok := Parse("mailto:" + s)
		u.URL = s
		return u, ok
	}
	return Resolve(s, base)
}

// isAddress says whether s is a bare addr-spec.
func isAddress(s string) bool {
	at := strings.IndexByte(s, '@')
	return at > 0 && !strings.ContainsAny(s, "/:? ")
}

// Mismatched says whether two URLs have valid root domains that differ. Nil
// URLs and hosts without a root domain never mismatch.
func Mismatched(display, target *mail.URL) bool {
	if display == nil || target == nil || display.Domain == nil || target.Domain == nil {
		return false
	}
	a, b := display.Domain, target.Domain
	return a.Valid && b.Valid && a.RootDomain != "" && b.RootDomain != "" && a.RootDomain != b.RootDomain
}

// DisplayURL reads a visible text that is itself a URL or a host name:
// "https://example.com/x", "www.example.com", "example.com/login". ok is false
// for any other text, for file names under a suffix that is also a domain
// ("report.zip") and for mail addresses. The URL is not unwrapped.
func DisplayURL(text string) (u mail.URL, ok bool) {
	return displayURL(text, mail.MentionAnchor)
}

func displayURL(text string, kind mail.MentionKind) (u mail.URL, ok bool) {
	text = strings.Trim(text, " \t\r\n\u00a0\u200b<>()[]\"'“”.,;")
	if len(text) < 4 || len(text) > MaxURL || strings.ContainsAny(text, " \t\r\n\u00a0") {
		return u, false
	}
	if kind == mail.MentionText && isAddress(text) {
		return u, false
	}
	if scheme, rest, has := splitScheme(text); has {
		if !special(scheme) || !strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, `\`) {
			return u, false
		}
		u, ok = Parse(text)
		return u, ok && (u.Domain != nil || u.IP != nil)
	}
	head, path := cutAny(text, `/\?#`)
	if !looksLikeHost(head) || path == "" && looksLikeFile(head) {
		return u, false
	}
	return Parse("http://" + text)
}

// looksLikeFile says whether a bare name is more likely a file than a host:
// two labels, the last a common file extension.
func looksLikeFile(host string) bool {
	name, ext, found := strings.Cut(strings.ToLower(host), ".")
	if !found || name == "www" {
		return false
	}
	switch ext {
	case "zip", "mov", "md", "py", "sh", "rs", "pl", "ps", "so", "cc": // not "com", "ai", "app": more often sites
		return true
	}
	return false
}

// FirstURL finds the first http or https URL in a text that says more than the
// URL ("sign in at https://example.com today").
func FirstURL(text string) (u mail.URL, ok bool) {
	const maxText = 4096 // a link's text; longer ones name their URL early
	if len(text) > maxText {
		text = text[:maxText]
	}
	for field := range strings.FieldsSeq(text) {
		field = strings.Trim(field, "<>()[]\"'“”.,;:!")
		if t := absolute(field); t != "" {
			if u, ok = Parse(t); ok && u.Domain != nil && u.Domain.Valid {
				return u, true
			}
		}
		if len(field) > 4 && strings.EqualFold(field[:4], "www.") && looksLikeHost(field) {
			return Parse("http://" + field)
		}
	}
	return mail.URL{}, false
}

// IDNDeceives says whether a host shows letters that can be taken for others:
// a label that mixes scripts, or one that is not ASCII but looks it.
func IDNDeceives(d *mail.Domain) bool {
	if d == nil || d.Punycode == "" {
		return false
	}
	if domain.MixedScript(d.Punycode) {
		return true
	}
	for label := range strings.SplitSeq(d.Punycode, ".") {
		if domain.LooksASCII(label) {
			return true
		}
	}
	return false
}
