package link

import (
	"fmt"
	"net/netip"
	"strings"

	"foregate/domain"
	"foregate/mail"
	"foregate/mail/weburl"
)

// host judges the host of the target.
func (j *judgement) host(r *ref) {
	u := &r.url
	if u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ftp" {
		return
	}
	if u.Username != "" {
		j.note(r, idUserInfo, lineageHost, fmt.Sprintf("A link shows %q before its real host %s.", shorten(u.Username, 60), host(u)))
	}
	j.port(r)
	if u.IP != nil {
		j.address(r)
	}
	d := u.Domain
	if d == nil || !d.Valid {
		return
	}
	if d.Punycode != "" {
		if weburl.IDNDeceives(d) {
			j.note(r, idConfusable, lineageHost, fmt.Sprintf("The host %s (%s) has letters that look like others.", d.Punycode, d.Domain))
		} else {
			j.note(r, idPunycode, lineageHost, fmt.Sprintf("The host %s has letters outside of ASCII.", d.Punycode))
		}
	}
	j.hosting(r, d)
}

// hosting judges where and under what name the target is hosted.
func (j *judgement) hosting(r *ref, d *mail.Domain) {
	if j.ours(d.RootDomain) {
		return
	}
	if isShortener(d) && len(r.url.Path) > 1 {
		j.note(r, idShortener, lineageHop, "A link hides its target behind the short name of "+d.Domain+".")
	}
	if isMessenger(d) {
		j.note(r, idMessenger, lineageTarget, "A link goes on to a messenger, "+d.Domain+".")
	}
	if isFreeHost(d) {
		j.note(r, idFreeHost, lineageTarget, "A link leads to "+d.Domain+", where anyone can publish.")
	}
	if isExecutablePath(r.url.Path) {
		j.note(r, idExecutable, lineageTarget, "A link downloads a file that can run or hold programs: "+shorten(r.url.Path, 80)+".")
	}
	if isContentSystemPath(r.url.Path) {
		j.note(r, idHackedPath, lineageTarget, "A link leads inside the program folders of a content system: "+shorten(r.url.Path, 80)+".")
	}
	if bare(r) {
		return
	}
	if domain.ThrowAway(suffix(d.TLD)) {
		j.note(r, idAbusedTLD, lineageTarget, "A link leads to "+d.Domain+", under a suffix whose names are bought to be thrown away.")
	}
	j.labels(r, d)
}

// labels judges how the host's name is put together.
func (j *judgement) labels(r *ref, d *mail.Domain) {
	if n := strings.Count(d.Subdomain, ".") + 1; d.Subdomain != "" && n >= manySubdomains {
		j.note(r, idSubdomains, lineageHost, fmt.Sprintf("The host %s has %d labels before %s.", d.Domain, n, d.RootDomain))
	}
	if inside := nameInside(d.Subdomain); inside != "" {
		j.note(r, idNameInside, lineageHost, fmt.Sprintf("The host %s starts like %s but belongs to %s.", d.Domain, inside, d.RootDomain))
	}
	if isServerName(d.Subdomain) {
		j.note(r, idServerName, lineageHost, "The host "+d.Domain+" has no name but that of its address.")
	}
	if randomLabel(d.SLD) || randomLabel(d.Subdomain) || domain.Random(d.SLD) {
		j.note(r, idRandomHost, lineageHost, "The host "+d.Domain+" looks generated.")
	}
}

// suffix is the last label of a public suffix.
func suffix(tld string) string { return tld[strings.LastIndexByte(tld, '.')+1:] }

// nameInside finds a whole domain name in a subdomain
// ("www.bank.co.jp.example.top"), "" when there is none. Country codes alone
// are left out: "us" and "de" are common names of servers' regions.
func nameInside(subdomain string) string {
	labels := strings.Split(subdomain, ".")
	for end := len(labels); end >= 2; end-- {
		switch labels[end-1] {
		case "com", "net", "org", "gov", "edu":
			return strings.Join(labels[:end], ".")
		}
		if end >= 3 && len(labels[end-1]) == 2 {
			switch labels[end-2] {
			case "co", "com", "or", "ne", "gov", "gob", "gouv", "ac":
				return strings.Join(labels[:end], ".")
			}
		}
	}
	return ""
}

// isServerName says whether a subdomain spells an IPv4 address, as hosting
// companies name servers that their customer has not named.
func isServerName(subdomain string) bool {
	parts := strings.FieldsFunc(subdomain, func(r rune) bool { return r == '.' || r == '-' })
	run := 0
	for _, p := range parts {
		if len(p) <= 3 && p != "" && strings.Trim(p, "0123456789") == "" {
			if run++; run == 4 {
				return true
			}
			continue
		}
		run = 0
	}
	return false
}

// isContentSystemPath says whether a path leads into folders of WordPress
// that hold programs, not pages: links into them mean that somebody put a file
// there.
func isContentSystemPath(path string) bool {
	p := strings.ToLower(path)
	if strings.Contains(p, "/wp-includes/") || strings.Contains(p, "/wp-admin/") {
		return true
	}
	return (strings.Contains(p, "/wp-content/") || strings.Contains(p, "/.well-known/")) &&
		(strings.HasSuffix(p, ".php") || strings.HasSuffix(p, ".html") || strings.HasSuffix(p, ".htm") || strings.HasSuffix(p, "/"))
}

// manySubdomains is the number of labels before the root domain from which a
// phone's address bar shows no part of the root domain.
const manySubdomains = 4

// randomLabel says whether a label looks generated: long, and mixing digits
// with letters so often that nobody could say it aloud.
func randomLabel(label string) bool {
	label, _, _ = strings.Cut(label, ".")
	const minLength, minSwitches = 10, 4
	if len(label) < minLength || strings.HasPrefix(label, "xn--") {
		return false
	}
	switches, digit := 0, isDigit(label[0])
	for i := 1; i < len(label); i++ {
		if label[i] == '-' {
			return false
		}
		if d := isDigit(label[i]); d != digit {
			switches, digit = switches+1, d
		}
	}
	return switches >= minSwitches
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// port judges an unusual port.
func (j *judgement) port(r *ref) {
	switch r.url.Port {
	case 0, 21, 80, 443:
		return
	}
	if r.url.Domain != nil && !r.url.Domain.Valid || r.url.IP != nil && !public(r.url.IP) || bare(r) {
		return // a test set-up in a technical text
	}
	j.note(r, idOddPort, lineageHost, fmt.Sprintf("A link leads to port %d of %s.", r.url.Port, host(&r.url)))
}

// address judges a target without a name.
func (j *judgement) address(r *ref) {
	ip := r.url.IP
	if !public(ip) {
		return
	}
	j.note(r, idIPHost, lineageHost, "A link leads to the bare address "+ip.IP+".")
	if t := ip.Translation; t != nil && (len(t.Encoders) > 0 || t.V4ToV6) {
		j.note(r, idIPObscured, lineageHost, fmt.Sprintf("A link spells the address %s as %s.", ip.IP, shorten(t.Original, 60)))
	}
}

// public says whether an address can be that of a server on the Internet.
func public(ip *mail.IP) bool {
	addr, err := netip.ParseAddr(ip.IP)
	return err == nil && addr.IsGlobalUnicast() && !addr.IsPrivate()
}

// bare says whether a mention is a name in running text and no more: many of
// these are file names ("local.cf") or talk about a service.
func bare(r *ref) bool {
	return r.Kind == mail.MentionText && !strings.Contains(r.URL, "/") && (len(r.URL) < 4 || !strings.EqualFold(r.URL[:4], "www."))
}
