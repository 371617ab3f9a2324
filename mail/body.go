package mail

import (
	"net/netip"
	"strings"

	"foregate/mail/internal/charset"
	"foregate/mail/internal/mime"
)

// body fills Body: the texts that a client displays.
func (p *builder) body(ps []mime.Part) {
	b := &p.m.Body
	b.Links, b.IPs, b.PreviousThreads = []Link{}, []IP{}, []PreviousThread{}
	for i := range ps {
		q := &ps[i]
		if !displayed(ps, i) {
			continue
		}
		r := charset.Decode(firstOf(q.Charset, htmlCharset(q)), q.Content)
		p.noteCharset(q, r)
		switch q.Type {
		case "text/html", "application/xhtml+xml":
			if b.HTML == nil {
				b.HTML = &HTMLBody{Raw: r.Text, Charset: q.Charset, ContentTransferEncoding: q.CTE, Links: []Link{}}
			} else if !alternatives(ps, i) {
				b.HTML.Raw += "\n" + r.Text
			}
		default:
			if b.Plain == nil {
				b.Plain = &PlainBody{Raw: r.Text, Charset: q.Charset, ContentTransferEncoding: q.CTE, Links: []Link{}}
			} else if !alternatives(ps, i) {
				b.Plain.Raw += "\n" + r.Text
			}
		}
	}
	p.texts()
	p.bodyIPs()
}

// displayed reports whether part i is a text of the main reading that clients
// show in the message, not as a file.
func displayed(ps []mime.Part, i int) bool {
	q := &ps[i]
	if q.Multipart || q.Nested || q.Reading != "" || q.Disposition == "attachment" || !strings.HasPrefix(q.Type, "text/") {
		return false
	}
	switch q.Type {
	case "text/html", "text/plain":
	case "text/calendar", "text/x-vcard", "text/vcard", "text/csv", "text/xml", "text/rfc822-headers", "text/x-amp-html":
		return false
	default:
		return len(q.FileNames) == 0 && q.Type != "text/calendar"
	}
	// A named text is shown only where nothing else is, or inline by wish.
	return len(q.FileNames) == 0 || q.Parent < 0
}

// alternatives reports whether part i is one of several renderings of one text.
func alternatives(ps []mime.Part, i int) bool {
	up := ps[i].Parent
	return up >= 0 && ps[up].Type == "multipart/alternative"
}

// htmlCharset finds the charset that an HTML text declares itself, for parts
// that declare none.
func htmlCharset(q *mime.Part) string {
	if q.Type != "text/html" {
		return ""
	}
	head := strings.ToLower(string(q.Content[:min(len(q.Content), 1024)]))
	i := strings.Index(head, "charset=")
	if i < 0 {
		return ""
	}
	v := strings.TrimLeft(head[i+len("charset="):], "\"' ")
	if j := strings.IndexAny(v, "\"'/> ;"); j >= 0 {
		v = v[:j]
	}
	return v
}

func (p *builder) noteCharset(q *mime.Part, r charset.Result) {
	if r.Unknown {
		p.defect(mime.UnknownCharset, q.Charset, q.Offset)
	}
	if r.Mismatch {
		p.defect(mime.CharsetMismatch, q.Charset+" but "+r.Used, q.Offset)
	}
}

// maxBodyIPs bounds Body.IPs: a log file is not a lure.
const maxBodyIPs = 200

// bodyIPs finds address literals in the texts.
func (p *builder) bodyIPs() {
	b := &p.m.Body
	seen := map[string]bool{}
	var texts []string
	if b.Plain != nil {
		texts = append(texts, b.Plain.Raw)
	}
	if b.HTML != nil {
		texts = append(texts, b.HTML.DisplayText)
	}
	for _, t := range texts {
		for _, s := range ipv4In(t) {
			if len(b.IPs) < maxBodyIPs && !seen[s] {
				seen[s] = true
				b.IPs = append(b.IPs, IP{IP: s, Version: 4})
			}
		}
	}
}

// ipv4In lists the dotted quads of a text that stand alone.
func ipv4In(t string) []string {
	var out []string
	for end := 0; len(out) < maxBodyIPs; {
		dot := strings.IndexByte(t[end:], '.')
		if dot < 0 {
			break
		}
		i, j, dots := end+dot, end+dot, 0
		for i > end && ipByte(t[i-1]) {
			i--
		}
		for j < len(t) && ipByte(t[j]) {
			if t[j] == '.' {
				dots++
			}
			j++
		}
		end = j
		if s := strings.Trim(t[i:j], "."); dots >= 3 && len(s) <= 15 && len(s) >= 7 {
			if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
				out = append(out, s)
			}
		}
	}
	return out
}

func ipByte(c byte) bool { return c >= '0' && c <= '9' || c == '.' }
