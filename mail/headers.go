package mail

import (
	"strings"
	"time"

	"foregate/mail/internal/header"
)

// headers fills the sender, recipients, subject and single fields.
func (p *builder) headers() {
	h := &p.m.Headers
	h.References, h.ReplyTo, h.Domains, h.IPs = []string{}, []Mailbox{}, []Domain{}, []IP{}
	p.from()
	p.m.Recipients = Recipients{To: p.mailboxes("to"), CC: p.mailboxes("cc"), BCC: p.mailboxes("bcc")}
	h.ReplyTo = p.mailboxes("reply-to")
	p.subject()
	p.date()
	h.MessageID = messageID(p.value("message-id"))
	h.InReplyTo = p.value("in-reply-to")
	if ids := messageIDs(h.InReplyTo); len(ids) > 0 {
		h.InReplyTo = "<" + ids[0] + ">"
	}
	for _, f := range p.all("references") {
		h.References = append(h.References, messageIDs(f.Value())...)
	}
	h.Mailer = p.value("x-mailer")
	if h.Mailer == "" {
		h.Mailer = p.value("user-agent")
	}
	h.ReturnPath = parseEmail(p.value("return-path"))
	h.DeliveredTo = parseEmail(p.value("delivered-to"))
	h.XSender = parseEmail(p.value("x-sender"))
	h.XAuthenticatedSender = parseEmail(firstOf(p.value("x-authenticated-sender"), p.value("x-authenticated-user")))
	if v := p.value("x-authenticated-domain"); v != "" {
		d := NewDomain(v)
		h.XAuthenticatedDomain = &d
	}
	h.XClientIP = toIP(p.value("x-client-ip"))
	h.XOriginatingIP = toIP(p.value("x-originating-ip"))
	h.XSecureServerAccount = firstOf(p.value("x-secureserver-acct"), p.value("x-secure-server-account"))
	p.oddFields()
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// oddFields notes fields that may occur once and occur again, and raw 8-bit
// bytes.
func (p *builder) oddFields() {
	seen := map[string]bool{}
	for i := range p.fields {
		f := &p.fields[i]
		switch f.Key {
		case "subject", "date", "to", "cc", "bcc", "sender", "reply-to", "message-id", "in-reply-to", "references", "mime-version":
			if seen[f.Key] {
				p.defect(defectDuplicate, f.Name+": "+f.Value(), f.Offset)
			}
			seen[f.Key] = true
		}
	}
	for i := range p.fields {
		if f := &p.fields[i]; !ascii(f.Raw) {
			p.defect(defectEightBit, f.Name, f.Offset)
			break
		}
	}
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// from fills the sender: the first mailbox of the first From field, which is
// what most clients show. Every other candidate is in a defect's detail.
func (p *builder) from() {
	fields := p.all("from")
	var all []header.Address
	for _, f := range fields {
		as := header.ParseAddresses(f.Value())
		for _, a := range as {
			if len(a.Others) > 0 {
				p.defect(defectAmbiguousFrom, a.Email()+" or "+strings.Join(a.Others, ", "), f.Offset)
			}
		}
		all = append(all, as...)
	}
	pick := -1
	for i, a := range all {
		if a.Domain != "" {
			pick = i
			break
		}
	}
	if pick < 0 && len(all) > 0 {
		pick = 0
	}
	if len(all) > 1 || len(fields) > 1 {
		p.defect(defectMultipleFrom, joinAddresses(all), fields[0].Offset)
	}
	if pick < 0 {
		p.defect(defectNoFrom, "", -1)
		return
	}
	mb := toMailbox(all[pick])
	p.m.Headers.From = &mb
	p.m.Sender = Sender{DisplayName: mb.DisplayName, Email: mb.Email}
	p.viaGroup(mb)
}

func joinAddresses(as []header.Address) string {
	var b strings.Builder
	for i, a := range as {
		if i > 0 {
			b.WriteString(" | ")
		}
		if a.Name != "" {
			b.WriteString(a.Name + " ")
		}
		b.WriteString("<" + a.Email() + ">")
		if b.Len() > maxDetail {
			break
		}
	}
	return b.String()
}

// viaGroup undoes what Google Groups does to From ("'A' via List"): the author
// is then in X-Original-From or X-Original-Sender.
func (p *builder) viaGroup(mb Mailbox) {
	name, _, ok := strings.Cut(mb.DisplayName, "' via ")
	if !ok || !strings.HasPrefix(name, "'") || p.value("x-google-group-id") == "" {
		return
	}
	orig := header.ParseAddresses(firstOf(p.value("x-original-from"), p.value("x-original-sender")))
	if len(orig) == 0 || orig[0].Domain == "" {
		return
	}
	p.m.Sender = Sender{DisplayName: strings.Trim(name, "'"), Email: toEmail(orig[0].Local, orig[0].Domain), Decoders: []string{"google_groups"}}
}

// mailboxes reads every field of one name.
func (p *builder) mailboxes(key string) []Mailbox {
	out := []Mailbox{}
	for _, f := range p.all(key) {
		for _, a := range header.ParseAddresses(f.Value()) {
			if len(out) >= maxRecipientsPerField {
				p.defect(defectManyAddresses, f.Name, f.Offset)
				return out
			}
			if a.Email() != "" || a.Name != "" {
				out = append(out, toMailbox(a))
			}
		}
	}
	return out
}

// date reads the Date field.
func (p *builder) date() {
	fields := p.all("date")
	if len(fields) == 0 {
		return
	}
	d, ok := header.ParseDate(fields[0].Value())
	if !ok || d.Odd {
		p.defect(defectBadDate, fields[0].Value(), fields[0].Offset)
	}
	if ok {
		p.m.Headers.Date, p.m.Headers.DateOriginalOffset = timePtr(d.Time), d.Offset
	}
}

func timePtr(t time.Time) *time.Time { return &t }

// messageID keeps the first <…> of a value, else the value itself.
func messageID(v string) string {
	if i := strings.IndexByte(v, '<'); i >= 0 {
		if j := strings.IndexByte(v[i:], '>'); j > 0 {
			return v[i : i+j+1]
		}
	}
	return v
}

// messageIDs lists the identifiers of References or In-Reply-To without their
// angle brackets.
func messageIDs(v string) []string {
	var out []string
	if strings.IndexByte(v, '<') < 0 {
		for _, w := range strings.Fields(v) {
			if strings.Contains(w, "@") {
				out = append(out, strings.Trim(w, ",;"))
			}
		}
		return out
	}
	for {
		i := strings.IndexByte(v, '<')
		if i < 0 {
			return out
		}
		v = v[i+1:]
		j := strings.IndexAny(v, "<>")
		if j < 0 {
			return append(out, strings.TrimSpace(v))
		}
		if id := strings.Join(strings.Fields(v[:j]), ""); id != "" {
			out = append(out, id)
		}
		v = v[j:]
	}
}
