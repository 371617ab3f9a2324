package link

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"foregate/domain"
	"foregate/mail"
	"foregate/mail/weburl"
)

// hops judges what stands between the link and its target.
func (j *judgement) hops(r *ref) {
	u := &r.url
	if u.Domain == nil || u.Scheme == "mailto" {
		return
	}
	redirects := 0
	if u.Rewrite != nil {
		for _, e := range u.Rewrite.Encoders {
			if !isGateway(e) {
				redirects++
			}
		}
	}
	target, depth := redirectTarget(u, 0)
	if target != "" {
		redirects += depth
		t := domain.Split(target)
		gateway, _ := weburl.Hint(*u)
		if gateway == "" && t.RootDomain != u.Domain.RootDomain && !j.ours(u.Domain.RootDomain) {
			j.note(r, idOpenRedirect, lineageHop, fmt.Sprintf("A link to %s carries another address, on %s, to send the reader on to.", u.Domain.Domain, target))
		}
	}
	if redirects >= 2 {
		j.note(r, idNested, lineageHop, fmt.Sprintf("A link passes %d redirects before its target.", redirects))
	}
	j.recipient(r)
}

// maxRedirectDepth bounds the nesting of addresses in parameters.
const maxRedirectDepth = 4

// redirectTarget finds the innermost host that a URL carries in its parameters
// or path, and how deep it is.
func redirectTarget(u *mail.URL, depth int) (host string, found int) {
	if depth == maxRedirectDepth || u.QueryParams == "" {
		return "", depth
	}
	for pair := range strings.SplitSeq(u.QueryParams, "&") {
		_, v, _ := strings.Cut(pair, "=")
		if len(v) < len("http://a.bc") || !strings.EqualFold(v[:4], "http") {
			continue
		}
		if decoded, err := url.QueryUnescape(v); err == nil {
			v = decoded
		}
		inner, ok := weburl.Parse(v)
		if !ok || inner.Domain == nil || !inner.Domain.Valid || inner.Scheme != "http" && inner.Scheme != "https" {
			continue
		}
		if deeper, n := redirectTarget(&inner, depth+1); deeper != "" {
			return deeper, n
		}
		return inner.Domain.Domain, depth + 1
	}
	return "", depth
}

// isGateway says whether a rewriter is a security gateway's: the recipient's
// side put it there, so it says nothing about the sender.
func isGateway(encoder string) bool {
	switch encoder {
	case "azure_safelink", "barracuda", "checkpoint", "cisco", "cloudflare", "edgepilot", "esvalabs", "fireeye", "fortimail",
		"inky", "microsoft", "proofpoint", "securence", "sophos", "sublime", "titanhq", "topsec", "trend_micro", "deref_mail", "exclaimer":
		return true
	}
	return false
}

// recipient looks for the reader's own address in a URL: phishing pages greet
// their victims by it.
func (j *judgement) recipient(r *ref) {
	full := r.url.URL
	if r.url.Rewrite != nil {
		full += " " + r.url.Rewrite.Original
	}
	lower := ""
	for _, n := range j.needles {
		hay := full
		if strings.ContainsAny(n.text, "@%") {
			if lower == "" {
				lower = strings.ToLower(full)
			}
			hay = lower
		}
		if strings.Contains(hay, n.text) {
			j.note(r, idRecipient, lineageTarget, "A link carries the recipient's address "+n.address+".")
			break
		}
	}
	if a := encodedAddress(&r.url); a != "" {
		j.note(r, idCodedAddress, lineageTarget, "A link carries the mail address "+a+" in base64.")
	}
}

// encodedAddress finds a mail address in base64 in a URL's parameters,
// fragment or last path segment.
func encodedAddress(u *mail.URL) string {
	const maxTokens = 64 // tokens looked at in one URL
	text := u.QueryParams + "#" + u.Fragment + "#" + u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	n := 0
	for token := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '_')
	}) {
		// Shorter than "a@b.cd" in base64, or longer than any address.
		if len(token) < 12 || len(token) > 340 {
			continue
		}
		if n++; n > maxTokens {
			return ""
		}
		raw, err := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(token, "_", "/"))
		if err != nil {
			continue
		}
		if a := strings.TrimSpace(string(raw)); isAddress(a) {
			return strings.ToLower(a)
		}
	}
	return ""
}

// isAddress says whether a is an addr-spec of plain ASCII under a known suffix.
func isAddress(a string) bool {
	local, host, found := strings.Cut(a, "@")
	if !found || local == "" {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] <= ' ' || a[i] >= 0x7f {
			return false
		}
	}
	return domain.Split(host).RootDomain != ""
}

// recipientNeedles lists the spellings to look for: plain, percent-encoded and
// base64 of each recipient's address.
func recipientNeedles(m *mail.Message) []needle {
	const maxRecipients = 20 // bulk mail to more names each of them seldom
	var out []needle
	add := func(address string) {
		if len(out) >= 3*maxRecipients || len(address) < 6 || strings.Count(address, "@") != 1 {
			return
		}
		lower := strings.ToLower(address)
		coded := base64.RawStdEncoding.EncodeToString([]byte(address))
		out = append(out, needle{lower, lower}, needle{strings.Replace(lower, "@", "%40", 1), lower}, needle{coded[:len(coded)/4*4], lower})
	}
	for _, a := range m.Envelope.Recipients {
		add(a)
	}
	for _, list := range [...][]mail.Mailbox{m.Recipients.To, m.Recipients.CC, m.Recipients.BCC} {
		for _, b := range list {
			add(b.Email.Email)
		}
	}
	return out
}
