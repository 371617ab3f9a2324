package mail

import (
	"strings"

	"foregate/mail/internal/header"
	"foregate/mail/internal/htmltext"
	"foregate/mail/internal/normal"
	"foregate/mail/internal/thread"
)

// texts renders the HTML body, divides the conversation into its messages and
// gathers the references of bodies and headers.
func (p *builder) texts() {
	b := &p.m.Body
	var main thread.Result
	text := ""
	if b.HTML != nil {
		r := htmltext.Render(b.HTML.Raw, htmltext.Options{})
		p.noteHTML(r.Truncated)
		b.HTML.DisplayText, b.HTML.InnerText, b.HTML.HiddenText = r.Display, r.Inner, r.Hidden
		t := thread.Split(r.Display, r.Marks)
		p.htmlMentions(&r, &t)
		if strings.TrimSpace(r.Display) != "" || b.Plain == nil {
			main, text = t, r.Display
		}
	}
	if b.Plain != nil {
		t := thread.Split(b.Plain.Raw, nil)
		p.plainMentions(b.Plain.Raw, &t, InPlain, nil)
		if text == "" {
			main = t
		}
	}
	if b.HTML != nil || b.Plain != nil {
		p.threads(&main)
	}
	p.headerMentions()
}

// noteHTML records the bounds that rendering met.
func (p *builder) noteHTML(names []string) {
	var rest []string
	for _, n := range names {
		if n == "rules" {
			p.defect(defectStyleBound, n, -1)
			continue
		}
		rest = append(rest, n)
	}
	if len(rest) > 0 {
		p.defect(defectHTMLBound, strings.Join(rest, " "), -1)
	}
}

// threads fills the current and the previous threads.
func (p *builder) threads(t *thread.Result) {
	b := &p.m.Body
	b.CurrentThread = &Thread{
		Text: t.Current, Preamble: t.Preamble, Links: []Link{}, Banners: banners(t.Banners),
		Normalized: normal.Text(t.Current), Signature: t.Signature,
	}
	for i := range t.Previous {
		q := &t.Previous[i]
		pt := PreviousThread{Index: i, Text: q.Text, Preamble: q.Preamble, Links: []Link{}, Banners: banners(q.Banners)}
		if d, ok := header.ParseDate(q.Date); ok {
			pt.Date = timePtr(d.Time)
		}
		if as := header.ParseAddresses(q.Sender); len(as) > 0 {
			mb := toMailbox(as[0])
			if as[0].Domain == "" && mb.DisplayName == "" {
				mb = Mailbox{DisplayName: as[0].Local}
			}
			pt.Sender = &mb
		}
		if q.To != "" || q.Cc != "" || q.Bcc != "" {
			pt.Recipients = &ThreadRecipients{To: mailboxesOf(q.To), CC: mailboxesOf(q.Cc), BCC: mailboxesOf(q.Bcc)}
		}
		if q.Subject != "" {
			pt.Subject = parseSubject(q.Subject)
		}
		b.PreviousThreads = append(b.PreviousThreads, pt)
	}
}

func banners(texts []string) []Banner {
	out := make([]Banner, 0, len(texts))
	for _, t := range texts {
		out = append(out, Banner{Text: t, Links: []Link{}})
	}
	return out
}

func mailboxesOf(v string) []Mailbox {
	out := []Mailbox{}
	for _, a := range header.ParseAddresses(v) {
		out = append(out, toMailbox(a))
	}
	return out
}

// htmlMentions lists what the markup refers to, and the address-like texts
// outside of anchors.
func (p *builder) htmlMentions(r *htmltext.Result, t *thread.Result) {
	var anchors []htmltext.Reference
	for _, ref := range r.References {
		m := Mention{URL: ref.URL, Text: ref.Text, Kind: mentionKind(ref.Kind), Source: InHTML, Visible: ref.Visible}
		m.Thread, _ = t.At(ref.Offset)
		p.m.Mentions = append(p.m.Mentions, m)
		if ref.Kind == htmltext.KindAnchor && ref.End > ref.Offset {
			anchors = append(anchors, ref)
		}
	}
	p.plainMentions(r.Display, t, InHTML, anchors)
}

func mentionKind(k htmltext.Kind) MentionKind {
	switch k {
	case htmltext.KindForm:
		return MentionForm
	case htmltext.KindImage:
		return MentionImage
	case htmltext.KindBase:
		return MentionBase
	case htmltext.KindRefresh:
		return MentionRefresh
	case htmltext.KindSVG:
		return MentionSVG
	case htmltext.KindCSS:
		return MentionCSS
	case htmltext.KindFrame:
		return MentionFrame
	}
	return MentionAnchor
}

// plainMentions lists the address-like texts of a text. anchors, ascending, are
// the links that already cover some of them.
func (p *builder) plainMentions(text string, t *thread.Result, src MentionSource, anchors []htmltext.Reference) {
	next := 0
	for _, ref := range htmltext.PlainReferences(text) {
		for next < len(anchors) && anchors[next].End <= ref.Start {
			next++
		}
		if next < len(anchors) && anchors[next].Offset < ref.End {
			continue
		}
		if ref.Kind == htmltext.PlainEmail {
			continue // an address is no web link; clients make mailto: of it
		}
		m := Mention{URL: ref.URL, Text: text[ref.Start:ref.End], Kind: MentionText, Source: src, Visible: true}
		m.Thread, _ = t.At(ref.Start)
		p.m.Mentions = append(p.m.Mentions, m)
	}
}

// headerMentions lists the URLs of header fields that clients act on
// (RFC 2369, RFC 8058).
func (p *builder) headerMentions() {
	for i := range p.fields {
		f := &p.fields[i]
		switch f.Key {
		case "list-unsubscribe", "list-subscribe", "list-help", "list-archive", "list-post", "list-owner":
		default:
			continue
		}
		v := f.Value()
		for n := 0; n < 10; n++ {
			a := strings.IndexByte(v, '<')
			if a < 0 {
				break
			}
			z := strings.IndexByte(v[a:], '>')
			if z < 0 {
				break
			}
			p.m.Mentions = append(p.m.Mentions, Mention{URL: strings.TrimSpace(v[a+1 : a+z]), Text: f.Name, Kind: MentionHeader, Source: InHeader, Thread: -1})
			v = v[a+z+1:]
		}
	}
}
