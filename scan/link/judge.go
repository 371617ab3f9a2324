package link

import (
	"fmt"
	"strings"

	"foregate/domain"
	"foregate/evidence"
	"foregate/mail"
	"foregate/mail/weburl"
)

// The identifiers of this stage's evidence. Weights come from the table of
// policy.
const (
	idOtherDomain  = "link.text-names-other-domain"         // visible name and target differ; target is neither the sender's nor a tracker
	idOtherSender  = "link.text-names-other-domain-sender"  // visible name and target differ; target is the sender's own
	idOtherTracker = "link.text-names-other-domain-tracker" // visible name and target differ; target counts clicks for senders
	idIPHost       = "link.ip-host"
	idIPObscured   = "link.ip-obscured"
	idUserInfo     = "link.userinfo"
	idConfusable   = "link.idn-confusable"
	idPunycode     = "link.punycode"
	idOddPort      = "link.odd-port"
	idOpenRedirect = "link.open-redirect"
	idNested       = "link.nested-redirect"
	idScript       = "link.data-or-javascript"
	idShare        = "link.file-share"
	idRepair       = "link.browser-repair"
	idShortener    = "link.shortener"
	idFreeHost     = "link.free-host"
	idAbusedTLD    = "link.suspicious-tld"
	idSubdomains   = "link.many-subdomains"
	idForm         = "link.form"
	idPasswordForm = "link.credential-form"
	idRecipient    = "link.recipient-in-url"
	idBase         = "link.base-href"
	idRefresh      = "link.meta-refresh"
	idHidden       = "link.hidden"
	idExecutable   = "link.executable"
	idRandomHost   = "link.random-host"
	idNameInside   = "link.domain-in-subdomain"
	idServerName   = "link.server-name"
	idHackedPath   = "link.content-system-path"
	idCodedAddress = "link.encoded-address"
	idFlood        = "link.flood"
	idMessenger    = "link.messenger"
	idButtonOne    = "link.button-elsewhere"  // all there is to click leads to one domain that is not the sender's
	idButtonAll    = "link.buttons-elsewhere" // the same with several domains
	idButtonShort  = "link.button-hidden-target"
	idPictureIP    = "link.picture-ip"
	idPictureHost  = "link.picture-host"
)

// The lineages: one trick often shows as several items.
const (
	lineageTarget  = "link.target"  // where the link leads
	lineageHost    = "link.host"    // what the host looks like
	lineageHop     = "link.hop"     // what stands between link and target
	lineageActive  = "link.active"  // the message acts by itself
	lineageText    = "link.text"    // what the reader is told
	lineagePicture = "link.picture" // where pictures come from
	lineageButton  = "link.button"  // where all there is to click leads
)

// judgement collects items, the strongest quote of each ID.
type judgement struct {
	m        *mail.Message
	roots    []string        // root domains that the sender uses
	shown    map[string]bool // root domains of the links that a reader sees
	needles  []needle        // the recipients' addresses as they stand in URLs
	items    map[string]evidence.Item
	order    []string
	strength map[string]int
	thread   int // the last thread that speaks to the reader: the first quoted one of a message that only passes it on
}

// needle is one spelling of a recipient's address.
type needle struct{ text, address string }

// judge names what the references show; left is how many could not be looked
// at for their number or size.
func judge(m *mail.Message, refs []ref, left int) []evidence.Item {
	j := &judgement{m: m, shown: map[string]bool{}, items: map[string]evidence.Item{}, strength: map[string]int{}}
	j.roots = senderRoots(m)
	j.needles = recipientNeedles(m)
	if m.Forwarded() {
		j.thread = 1
	}
	for i := range refs {
		if r := &refs[i]; r.Visible && r.link != nil && r.url.Domain != nil {
			j.shown[r.url.Domain.RootDomain] = true
		}
	}
	for i := range refs {
		j.reference(&refs[i])
	}
	j.buttons(refs)
	j.passwordForm()
	if left > 0 {
		n := m.Mentions[len(m.Mentions)-left]
		j.note(&ref{Mention: n}, idFlood, lineageActive, fmt.Sprintf("The message has %d references; the last %d were not looked at.", len(m.Mentions), left))
	}
	out := make([]evidence.Item, 0, len(j.order))
	for _, id := range j.order {
		out = append(out, j.items[id])
	}
	return out
}

// note keeps an item unless a stronger one of its ID is there. Visible links
// are stronger than hidden ones.
func (j *judgement) note(r *ref, id, lineage, claim string) {
	strength := 1
	if r != nil && r.Visible {
		strength = 2
	}
	if old, ok := j.strength[id]; ok && old >= strength {
		return
	} else if !ok {
		j.order = append(j.order, id)
	}
	j.strength[id] = strength
	item := evidence.Item{ID: id, Claim: claim, Lineage: lineage}
	if r != nil {
		item.Quote = quote(r)
	}
	j.items[id] = item
}

// quote is the reference as written, with what the reader sees.
func quote(r *ref) string {
	q := r.URL
	if t := strings.Join(strings.Fields(r.Text), " "); t != "" && t != q {
		q = shorten(t, evidence.MaxQuote/3) + " → " + q
	}
	return shorten(strings.Map(printable, q), evidence.MaxQuote)
}

// printable replaces control and formatting characters.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
		return '\uFFFD'
	}
	return r
}

// reference judges one reference. Styles are fetched, not followed, and
// headers are for programs: neither deceives a reader.
func (j *judgement) reference(r *ref) {
	switch r.Kind {
	case mail.MentionAnchor, mail.MentionText, mail.MentionForm, mail.MentionRefresh, mail.MentionSVG, mail.MentionFile:
		j.scheme(r)
		j.host(r)
		j.hops(r)
	case mail.MentionFrame:
		j.scheme(r)
	case mail.MentionImage:
		j.picture(r)
	case mail.MentionBase:
		if h := host(&r.url); h != "" {
			j.note(r, idBase, lineageActive, "The message sets a base address, "+h+", that its relative links lead to.")
		}
	}
	switch r.Kind {
	case mail.MentionAnchor, mail.MentionSVG:
		j.text(r)
		j.hidden(r)
	case mail.MentionForm:
		if h := host(&r.url); h != "" {
			j.note(r, idForm, lineageActive, "The message has a form that sends what is typed to "+h+".")
		}
	case mail.MentionRefresh:
		if h := host(&r.url); h != "" {
			j.note(r, idRefresh, lineageActive, "The message tells the reader's program to open "+h+" by itself.")
		}
	}
}

// scheme judges what kind of URL it is and how it is written.
func (j *judgement) scheme(r *ref) {
	switch r.url.Scheme {
	case "javascript", "vbscript", "data":
		if r.Kind != mail.MentionText && !strings.HasPrefix(r.url.Path, "image/") {
			j.note(r, idScript, lineageActive, "A link runs code or opens a page that the message brings along, under the scheme "+r.url.Scheme+".")
		}
	case "file":
		if r.url.Domain != nil && r.Kind != mail.MentionText || r.url.IP != nil {
			j.note(r, idShare, lineageTarget, "A link opens a file share on "+host(&r.url)+", which also sends it the reader's Windows credentials.")
		}
	case "http", "https":
		if r.Kind != mail.MentionText && needsRepair(r) {
			j.note(r, idRepair, lineageTarget, "A link is written so that only browsers understand it: its host is "+host(&r.url)+".")
		}
	}
}

// needsRepair says whether a link was written as no program writes it:
// backslashes before the path, missing or surplus slashes, line breaks or
// percent escapes in the host.
func needsRepair(r *ref) bool {
	s := strings.TrimSpace(r.URL)
	colon := strings.IndexByte(s, ':')
	if colon < 0 || colon > 12 || host(&r.url) == "" {
		return false
	}
	rest := s[colon+1:]
	if !strings.HasPrefix(rest, "//") {
		return r.Kind == mail.MentionAnchor
	}
	end := strings.IndexAny(rest[2:], "/?#")
	authority := rest[2:]
	if end >= 0 {
		authority = rest[2 : 2+end]
	}
	return authority == "" || strings.ContainsAny(authority, "\\%")
}

// text compares what the reader is told with where the link leads.
func (j *judgement) text(r *ref) {
	l := r.link
	if l == nil || l.HrefURL.Domain == nil || l.HrefURL.Scheme != "http" && l.HrefURL.Scheme != "https" {
		return
	}
	shown := l.DisplayURL
	if shown == nil {
		u, ok := weburl.FirstURL(l.DisplayText)
		if !ok {
			return
		}
		shown = &u
	}
	if !weburl.Mismatched(shown, l.HrefURL) {
		return
	}
	// A gateway may have rewritten the text too.
	if unwrapped := weburl.Unwrap(*shown); !weburl.Mismatched(&unwrapped, l.HrefURL) {
		return
	}
	target := l.HrefURL.Domain
	id := idOtherDomain
	switch {
	case unknownTarget(l.HrefURL):
		return // a rewriter that keeps its target: nothing to compare with
	case j.ours(target.RootDomain):
		id = idOtherSender
	case isTracker(target):
		id = idOtherTracker
	}
	j.note(r, id, lineageText, fmt.Sprintf("A link that reads %s leads to %s.", shown.Domain.Domain, target.Domain))
}

// unknownTarget says whether a link still leads to a rewriter: the last
// encoder met did not give its target away.
func unknownTarget(u *mail.URL) bool {
	if name, _ := weburl.Hint(*u); name != "" {
		return true
	}
	if u.Rewrite == nil {
		return false
	}
	again := weburl.Unwrap(*u)
	return again.Rewrite != nil && again.URL == u.URL
}

// hidden notes a link that is not shown and leads where no shown link leads.
// Newsletters hide links too, those of their layout for other screens, but
// these lead where the shown ones do.
func (j *judgement) hidden(r *ref) {
	d := r.url.Domain
	if r.Visible || r.link == nil || d == nil || !d.Valid || r.url.Scheme == "mailto" || strings.TrimSpace(r.Text) == "" {
		return
	}
	if j.ours(d.RootDomain) || j.shown[d.RootDomain] || isTracker(d) {
		return
	}
	j.note(r, idHidden, lineageText, "A link to "+d.Domain+" is in the message but not shown.")
}

// ours says whether a root domain is one of the sender's.
func (j *judgement) ours(root string) bool {
	for _, r := range j.roots {
		if r == root && r != "" {
			return true
		}
	}
	return false
}

// senderRoots lists the root domains that the sender uses, proven or not.
func senderRoots(m *mail.Message) []string {
	roots := []string{registrable(m.Sender.Email.Domain.Domain).RootDomain}
	if m.Headers.From != nil {
		roots = append(roots, registrable(m.Headers.From.Email.Domain.Domain).RootDomain)
	}
	if m.Headers.ReturnPath != nil {
		roots = append(roots, registrable(m.Headers.ReturnPath.Domain.Domain).RootDomain)
	}
	if _, d, ok := strings.Cut(m.Envelope.MailFrom, "@"); ok {
		roots = append(roots, domain.Split(d).RootDomain)
	}
	return roots
}

// passwordForm notes a password field in the message itself.
func (j *judgement) passwordForm() {
	h := j.m.Body.HTML
	if h == nil {
		return
	}
	if tag := passwordInput(h.Raw); tag != "" {
		j.note(nil, idPasswordForm, lineageActive, "The message asks for a password in a form of its own.")
		it := j.items[idPasswordForm]
		it.Quote = shorten(strings.Map(printable, tag), evidence.MaxQuote)
		j.items[idPasswordForm] = it
	}
}

// passwordInput finds the first <input type=password> of a text, as written.
func passwordInput(html string) string {
	const name, maxTag = "<input", 2048 // real tags have a few hundred bytes
	for {
		i := strings.IndexByte(html, '<')
		if i < 0 {
			return ""
		}
		html = html[i:]
		if len(html) > len(name) && strings.EqualFold(html[:len(name)], name) {
			tag := html[:min(len(html), maxTag)]
			if end := strings.IndexByte(tag, '>'); end >= 0 {
				tag = tag[:end+1]
			}
			if hasPasswordType(strings.ToLower(tag)) {
				return tag
			}
		}
		html = html[1:]
	}
}

// hasPasswordType says whether a lower-case tag has the attribute
// type=password, in any spelling that browsers read.
func hasPasswordType(tag string) bool {
	for {
		i := strings.Index(tag, "type")
		if i < 1 {
			return false
		}
		before := tag[i-1]
		tag = tag[i+len("type"):]
		if strings.IndexByte(" \t\r\n\f/\"'", before) < 0 {
			continue
		}
		value, found := strings.CutPrefix(strings.TrimLeft(tag, " \t\r\n\f"), "=")
		if found && strings.HasPrefix(strings.TrimLeft(value, " \t\r\n\f\"'"), "password") {
			return true
		}
	}
}
