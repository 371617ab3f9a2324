// Package link is the stage that looks at where a message leads: it turns the
// mentions that parsing found into the links of the Message Data Model, keeps
// a fact about every reference, and names what speaks for or against a link.
// Everything comes from the message itself; nothing is fetched or resolved.
//
// Which mention becomes what: anchors (<a>, <area>, <a> in SVG) and
// address-like text are links in Body.Links, because rules mean hyperlinks by
// it. Form actions, images, frames, styles, refreshes, base addresses and
// header references are kept in Facts.Links only, and are judged there.
package link

import (
	"context"
	"strings"

	"foregate/domain"
	"foregate/mail"
	"foregate/mail/weburl"
)

// Bounds of one message.
const (
	// maxMentions bounds the references analysed: the largest newsletters
	// have some hundreds.
	maxMentions = 2000
	// maxBytes bounds the URLs and texts analysed, all together: enough for
	// the largest newsletters, and a tenth of a second's work at worst.
	maxBytes = 2 << 20
	// maxFacts bounds Facts.Links, which are stored with every verdict.
	maxFacts = 200
	// maxFactURL and maxFactText shorten what a fact stores, in bytes.
	maxFactURL, maxFactText = 2048, 200
)

// Stage analyses links. The zero value is ready to use and safe for
// concurrent use.
type Stage struct{}

// Name is "link".
func (Stage) Name() string { return "link" }

// Analyze fills the links of m.Body (all, HTML, plain, and per thread, each
// unique by target and visible text), f.Links, and adds evidence items named
// "link.…", at most one of each ID. It never fails: a URL that can't be read
// is a finding.
func (Stage) Analyze(_ context.Context, m *mail.Message, f *mail.Facts) error {
	refs, left := read(m)
	fill(m, refs)
	f.Links = facts(refs)
	f.Add(judge(m, refs, left)...)
	return nil
}

// ref is one mention after URL analysis.
type ref struct {
	mail.Mention
	url  mail.URL // unwrapped
	link *mail.Link
}

// read analyses the mentions, each distinct one once, as far as the bounds
// allow. left is how many were left out.
func read(m *mail.Message) (refs []ref, left int) {
	mentions := within(m.Mentions)
	left = len(m.Mentions) - len(mentions)
	base := baseURL(mentions)
	type key struct {
		url, text string
		kind      mail.MentionKind
		source    mail.MentionSource
		visible   bool
		thread    int
	}
	seen := make(map[key]bool, len(mentions))
	// Resources repeat more than links do: the spacer image of a newsletter.
	resources := make(map[string]mail.URL)
	refs = make([]ref, 0, len(mentions))
	for _, n := range mentions {
		k := key{n.URL, n.Text, n.Kind, n.Source, n.Visible, n.Thread}
		if seen[k] {
			continue
		}
		seen[k] = true
		against := base
		if n.Source != mail.InHTML || n.Kind == mail.MentionBase {
			against = nil
		}
		r := ref{Mention: n}
		if l, ok := weburl.Link(n, against); ok {
			r.link, r.url = &l, *l.HrefURL
		} else if u, known := resources[n.URL]; known && n.Source == mail.InHTML {
			r.url = u
		} else {
			u, _ = weburl.Resolve(n.URL, against)
			r.url = weburl.Unwrap(u)
			if n.Source == mail.InHTML && n.Kind != mail.MentionBase {
				resources[n.URL] = r.url
			}
		}
		if r.url.Domain != nil {
			d := registrable(r.url.Domain.Domain)
			r.url.Domain = &d
		}
		refs = append(refs, r)
	}
	return refs, left
}

// registrable splits a host by the whole Public Suffix List: what is judged is
// who may publish under a name, so "a.github.io" and "b.github.io" are two
// parties. The model's own fields know the ICANN section only.
func registrable(host string) mail.Domain {
	n := domain.Split(host)
	return mail.Domain{
		Domain: n.Domain, Punycode: n.Punycode, RootDomain: n.RootDomain,
		SLD: n.SLD, Subdomain: n.Subdomain, TLD: n.TLD, Valid: n.Valid,
	}
}

// within cuts the mentions to the bounds of one message.
func within(mentions []mail.Mention) []mail.Mention {
	size := 0
	for i, n := range mentions {
		size += len(n.URL) + len(n.Text)
		if i == maxMentions || size > maxBytes {
			return mentions[:i]
		}
	}
	return mentions
}

// baseURL is the document's base address: the first that is absolute.
func baseURL(mentions []mail.Mention) *mail.URL {
	for _, n := range mentions {
		if n.Kind != mail.MentionBase {
			continue
		}
		if u, ok := weburl.Parse(n.URL); ok {
			return &u
		}
	}
	return nil
}

// fill puts the links where the Message Data Model has them.
func fill(m *mail.Message, refs []ref) {
	var all, html, plain, current list
	previous := make([]list, len(m.Body.PreviousThreads))
	for i := range refs {
		r := &refs[i]
		if r.link == nil {
			continue
		}
		all.add(*r.link)
		switch r.Source {
		case mail.InHTML:
			html.add(*r.link)
		case mail.InPlain:
			plain.add(*r.link)
		}
		switch {
		case r.Thread > 0 && r.Thread <= len(previous):
			previous[r.Thread-1].add(*r.link)
		case r.Thread == 0 || len(previous) == 0:
			current.add(*r.link)
		}
	}
	b := &m.Body
	b.Links = all.out()
	if b.HTML != nil {
		b.HTML.Links = html.out()
	}
	if b.Plain != nil {
		b.Plain.Links = plain.out()
	}
	if b.CurrentThread != nil {
		b.CurrentThread.Links = current.out()
	}
	for i := range previous {
		b.PreviousThreads[i].Links = previous[i].out()
	}
}

// list collects links, unique by target and visible text.
type list struct {
	links []mail.Link
	seen  map[[2]string]bool
}

func (l *list) add(x mail.Link) {
	text := x.DisplayText
	if x.DisplayURL != nil {
		text = x.DisplayURL.URL
	}
	target := x.HrefURL.URL
	if x.HrefURL.Rewrite != nil {
		target = x.HrefURL.Rewrite.Original // two rewritten links to one target stay two
	}
	k := [2]string{target, text}
	if l.seen[k] {
		return
	}
	if l.seen == nil {
		l.seen = map[[2]string]bool{}
	}
	l.seen[k] = true
	l.links = append(l.links, x)
}

// out gives the links, never nil: arrays of the model are never null.
func (l *list) out() []mail.Link {
	if l.links == nil {
		return []mail.Link{}
	}
	return l.links
}

// facts keeps one fact per distinct URL, kind and source, links first.
func facts(refs []ref) []mail.LinkFact {
	type key struct {
		url    string
		kind   mail.MentionKind
		source mail.MentionSource
	}
	seen := map[key]bool{}
	var out []mail.LinkFact
	for _, links := range [...]bool{true, false} {
		for i := range refs {
			r := &refs[i]
			k := key{r.url.URL, r.Kind, r.Source}
			if (r.link != nil) != links || seen[k] || r.url.URL == "" {
				continue
			}
			if len(out) == maxFacts {
				return out
			}
			seen[k] = true
			out = append(out, fact(r))
		}
	}
	return out
}

func fact(r *ref) mail.LinkFact {
	f := mail.LinkFact{
		URL: shorten(r.url.URL, maxFactURL), Kind: kindName(r.Kind), Source: sourceName(r.Source),
		Host: host(&r.url), Text: shorten(strings.TrimSpace(r.Text), maxFactText), Visible: r.Visible,
	}
	if r.url.Rewrite != nil {
		f.Encoders = r.url.Rewrite.Encoders
	}
	_, f.TargetDomain = weburl.Hint(r.url)
	return f
}

// host gives a URL's host, name or address, "" when it has none.
func host(u *mail.URL) string {
	switch {
	case u.Domain != nil:
		return u.Domain.Domain
	case u.IP != nil:
		return u.IP.IP
	}
	return ""
}

func kindName(k mail.MentionKind) string {
	names := [...]string{"anchor", "text", "form", "image", "base", "refresh", "svg", "css", "frame", "header", "file"}
	if int(k) < len(names) {
		return names[k]
	}
	return "other"
}

func sourceName(s mail.MentionSource) string {
	switch s {
	case mail.InHTML:
		return "html"
	case mail.InPlain:
		return "plain"
	case mail.InFile:
		return "file"
	}
	return "header"
}

// shorten cuts s to n bytes of valid UTF-8.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-3], "") + "…"
}
