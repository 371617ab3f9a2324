package known

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"

	"golang.org/x/net/html"

	"foregate/intel"
	"foregate/mail"
)

// Where a thing stands in a message. The words are stored with its facts.
const (
	InAuthor    = "author"
	InReplyTo   = "reply-to"
	InEnvelope  = "envelope"
	InClient    = "client"
	InLink      = "link"
	InFile      = "file"
	InMailer    = "mailer"
	InMessageID = "message-id"
	InLayout    = "layout"
)

const (
	// maxLinks bounds the links of one message that are looked at; mail with
	// more has them to be tiresome.
	maxLinks = 1000
	// MaxSeen bounds what is kept of one message in its facts.
	MaxSeen = 200
	// minTags is from how many tags on the layout of an HTML body tells one
	// template from another; smaller ones are everybody's.
	minTags = 25
	// maxTags bounds the tags that are read.
	maxTags = 20_000
)

// Observe lists what of a message indicators and campaigns can share, in the
// spelling of intel.Clean and without repetitions: hosts and URLs of links,
// addresses, files, and how the message was made.
func Observe(m *mail.Message) []mail.Seen {
	o := observer{have: map[mail.Seen]bool{}}
	o.sender(m)
	for i := range m.Body.Links {
		if i == maxLinks {
			break
		}
		if u := m.Body.Links[i].HrefURL; u != nil {
			o.url(u)
		}
	}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		o.add(intel.SHA256, a.SHA256, InFile)
		o.add(intel.SHA1, a.SHA1, InFile)
		o.add(intel.MD5, a.MD5, InFile)
		o.add(intel.FileName, strings.Join(strings.Fields(a.FileName), " "), InFile)
	}
	o.add(intel.Mailer, mailer(m), InMailer)
	o.add(intel.MessageID, idPattern(m.Headers.MessageID), InMessageID)
	if m.Body.HTML != nil {
		o.add(intel.Kit, layout(m.Body.HTML.Raw), InLayout)
	}
	return o.list
}

type observer struct {
	list []mail.Seen
	have map[mail.Seen]bool
}

func (o *observer) add(kind intel.Kind, value, where string) {
	s := mail.Seen{Kind: string(kind), Value: value, Where: where}
	if value == "" || len(value) > intel.MaxValue || o.have[s] {
		return
	}
	o.have[s] = true
	o.list = append(o.list, s)
}

func (o *observer) sender(m *mail.Message) {
	if d := m.Sender.Email.Domain.Domain; d != "" {
		o.add(intel.Domain, d, InAuthor)
		o.add(intel.Email, strings.ToLower(m.Sender.Email.Email), InAuthor)
	}
	for i := range m.Headers.ReplyTo {
		if e := &m.Headers.ReplyTo[i].Email; e.Domain.Domain != "" && i < maxLinks {
			o.add(intel.Domain, e.Domain.Domain, InReplyTo)
			o.add(intel.Email, strings.ToLower(e.Email), InReplyTo)
		}
	}
	if _, d, ok := strings.Cut(m.Envelope.MailFrom, "@"); ok {
		o.add(intel.Domain, strings.ToLower(d), InEnvelope)
		o.add(intel.Email, strings.ToLower(m.Envelope.MailFrom), InEnvelope)
	}
	if m.Envelope.ClientIP.IsValid() {
		o.addr(m.Envelope.ClientIP, InClient)
	}
}

func (o *observer) addr(a netip.Addr, where string) {
	kind := intel.IPv6
	if a = a.Unmap().WithZone(""); a.Is4() {
		kind = intel.IPv4
	}
	o.add(kind, a.String(), where)
}

func (o *observer) url(u *mail.URL) {
	if strings.EqualFold(u.Scheme, "mailto") {
		return
	}
	if n, err := intel.Clean(intel.URL, u.URL); err == nil {
		o.add(intel.URL, n.Value, InLink)
	}
	switch {
	case u.Domain != nil && u.Domain.Domain != "":
		o.add(intel.Domain, u.Domain.Domain, InLink)
	case u.IP != nil:
		if a, err := netip.ParseAddr(u.IP.IP); err == nil {
			o.addr(a, InLink)
		}
	}
}

// mailer is a fingerprint of the program that wrote the message: what it calls
// itself without version numbers, and the order of the fields that programs
// write. Fields that servers add on the way are left out.
func mailer(m *mail.Message) string {
	if len(m.Headers.Hops) == 0 {
		return ""
	}
	var order []string
	for _, f := range m.Headers.Hops[0].Fields {
		switch name := strings.ToLower(f.Name); name {
		case "from", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding",
			"reply-to", "sender", "x-mailer", "user-agent", "x-priority", "importance", "thread-index", "content-language", "organization":
			order = append(order, f.Name) // the case is the program's
		}
	}
	if len(order) < 4 {
		return ""
	}
	sum := sha256.Sum256([]byte(digitless(m.Headers.Mailer) + "\n" + strings.Join(order, "\n")))
	return hex.EncodeToString(sum[:8])
}

// digitless writes every run of digits as one 9.
func digitless(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < '0' || c > '9' {
			b.WriteByte(c)
		} else if i == 0 || s[i-1] < '0' || s[i-1] > '9' {
			b.WriteByte('9')
		}
	}
	return b.String()
}

// idPattern is the make of a Message-ID: runs of hex digits, digits, letters of
// one case and mixed runs with their lengths, separators as they are, and the
// part after @ in full. "<20240102.3fa9@mx.example>" is "d8.x4@mx.example".
func idPattern(id string) string {
	id = strings.Trim(strings.TrimSpace(id), "<>")
	local, host, _ := strings.Cut(id, "@")
	if len(local) < 6 || len(local) > 200 {
		return ""
	}
	var b strings.Builder
	for len(local) > 0 {
		n := 0
		for n < len(local) && alnum(local[n]) {
			n++
		}
		if n == 0 {
			b.WriteByte(local[0])
			local = local[1:]
			continue
		}
		b.WriteString(class(local[:n]))
		local = local[n:]
	}
	return b.String() + "@" + strings.ToLower(host)
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// class names a run of letters and digits and its length.
func class(run string) string {
	var digits, lower, upper, hexes int
	for i := range len(run) {
		switch c := run[i]; {
		case c >= '0' && c <= '9':
			digits++
			hexes++
		case c >= 'a' && c <= 'z':
			lower++
			if c <= 'f' {
				hexes++
			}
		default:
			upper++
			if c <= 'F' {
				hexes++
			}
		}
	}
	letter := "m"
	switch {
	case digits == len(run):
		letter = "d"
	case hexes == len(run) && (lower == 0 || upper == 0):
		letter = "x"
	case lower == len(run):
		letter = "l"
	case upper == len(run):
		letter = "u"
	}
	return letter + itoa(len(run))
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// layout is a fingerprint of how an HTML body is built: its tags in order with
// their classes, without text and targets. Messages of one kit share it.
func layout(raw string) string {
	z := html.NewTokenizer(strings.NewReader(raw))
	sum := sha256.New()
	n := 0
	for n < maxTags {
		switch z.Next() {
		case html.ErrorToken:
			if n < minTags {
				return ""
			}
			return hex.EncodeToString(sum.Sum(nil)[:8])
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			sum.Write(name)
			for more {
				var k, v []byte
				k, v, more = z.TagAttr()
				if string(k) == "class" {
					sum.Write(v)
				}
			}
			sum.Write([]byte{0})
			n++
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
