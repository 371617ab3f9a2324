package known

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"net/netip"
	"strings"

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
	InInside    = "inside" // a file inside an attachment
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
// addresses, files, and how the message was made. inside are the files inside its
// attachments.
func Observe(m *mail.Message, inside ...mail.FileFact) []mail.Seen {
	o := observer{list: make([]mail.Seen, 0, 48), seed: maphash.MakeSeed(), table: make([]uint16, 128)}
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
		o.file(mail.FileFact{Name: a.FileName, MD5: a.MD5, SHA1: a.SHA1, SHA256: a.SHA256}, InFile)
	}
	o.add(intel.Mailer, mailer(m), InMailer)
	o.add(intel.MessageID, idPattern(m.Headers.MessageID), InMessageID)
	if m.Body.HTML != nil {
		o.add(intel.Kit, layout(m.Body.HTML.Raw), InLayout)
	}
	for _, f := range inside {
		o.file(f, InInside)
	}
	return o.list
}

func (o *observer) file(f mail.FileFact, where string) {
	o.add(intel.SHA256, f.SHA256, where)
	o.add(intel.SHA1, f.SHA1, where)
	o.add(intel.MD5, f.MD5, where)
	name := f.Name
	if strings.ContainsAny(name, " \t\r\n") {
		name = strings.Join(strings.Fields(name), " ")
	}
	o.add(intel.FileName, name, where)
}

// observer gathers observables, each once.
type observer struct {
	list  []mail.Seen
	seed  maphash.Seed
	table []uint16 // numbers in the list + 1, by hash; its length is a power of two
}

// maxListed bounds the observables of one message: a thousand links have two each,
// and a thousand files four.
const maxListed = 8000

func (o *observer) add(kind intel.Kind, value, where string) {
	if value == "" || len(value) > intel.MaxValue || len(o.list) == maxListed {
		return
	}
	s := mail.Seen{Kind: string(kind), Value: value, Where: where}
	i, have := o.place(&s)
	if have {
		return
	}
	o.list = append(o.list, s)
	o.table[i] = uint16(len(o.list))
	if 2*len(o.list) < len(o.table) {
		return
	}
	o.table = make([]uint16, 4*len(o.table))
	for k := range o.list {
		i, _ := o.place(&o.list[k])
		o.table[i] = uint16(k + 1)
	}
}

// place is where an observable stands in the table, or is to stand.
func (o *observer) place(s *mail.Seen) (i int, have bool) {
	mask := len(o.table) - 1
	for i = int(maphash.String(o.seed, s.Value)) & mask; o.table[i] != 0; i = (i + 1) & mask {
		if o.list[o.table[i]-1] == *s {
			return i, true
		}
	}
	return i, false
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
	made := []byte(digitless(m.Headers.Mailer))
	n := 0
	for _, f := range m.Headers.Hops[0].Fields {
		if isMade(f.Name) {
			n++
			made = append(append(made, '\n'), f.Name...) // the case is the program's
		}
	}
	if n < 4 {
		return ""
	}
	sum := sha256.Sum256(made)
	return hex.EncodeToString(sum[:8])
}

// isMade says whether programs write a field, and not servers on the way.
func isMade(name string) bool {
	var low [32]byte
	if len(name) > len(low) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	switch string(low[:len(name)]) {
	case "from", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding",
		"reply-to", "sender", "x-mailer", "user-agent", "x-priority", "importance", "thread-index", "content-language", "organization":
		return true
	}
	return false
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
