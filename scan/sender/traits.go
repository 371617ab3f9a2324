package sender

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"foregate/domain"
	"foregate/mail"
)

// Bounds of what is read of one message.
const (
	maxLinks      = 16 // distinct link domains
	maxFiles      = 8
	maxRecipients = 16 // recipients that become traits and pairs
	maxFields     = 60 // header fields of the author's own
	maxToken      = 200
	maxTrace      = 8 // hops of which more say no more
)

// Secret keys the hashes, so that nobody outside can make a value that collides
// with one of somebody else's history.
type Secret [16]byte

// keySize is the length of a record's key in bytes.
const keySize = 18

// key names a record: what it is of, and a keyed hash in place of an address,
// so that its length is bounded and the table is no address book.
func (s Secret) key(prefix byte, parts ...string) string {
	sum := s.sum(prefix, parts...)
	var out [keySize]byte
	out[0], out[1] = prefix, ':'
	base64.RawURLEncoding.Encode(out[2:], sum[:12])
	return string(out[:])
}

func (s Secret) sum(prefix byte, parts ...string) [sha256.Size]byte {
	var stack [256]byte
	buf := append(append(stack[:0], s[:]...), prefix)
	for _, p := range parts {
		buf = append(append(buf, p...), 0)
	}
	return sha256.Sum256(buf)
}

// hash24 hashes a value of a kind.
func (s Secret) hash24(k kind, text string) uint32 {
	sum := s.sum(byte(k), text)
	return binary.BigEndian.Uint32(sum[:]) >> 8
}

// relays of IPv4 and zones are kept as they are, so that a later message's
// explanation can name them.
func relayHash(p netip.Prefix) uint32 {
	a := p.Addr().As4()
	return uint32(a[0])<<16 | uint32(a[1])<<8 | uint32(a[2])
}

// zoneHash keeps an offset in minutes, shifted to be positive.
func zoneHash(minutes int) uint32 { return uint32(minutes + zoneShift) }

const zoneShift = 24 * 60

// collector gathers the traits of one message.
type collector struct {
	secret Secret
	asn    func(netip.Addr) (uint32, string)
	words  map[string]string // ask words
	m      *mail.Message
	f      *mail.Facts
	out    []trait
}

// collect returns the traits of a message, each value once.
func (s *Stage) collect(m *mail.Message, f *mail.Facts) []trait {
	c := &collector{secret: s.Secret, asn: s.ASN, words: s.words, m: m, f: f, out: make([]trait, 0, 48)}
	c.transport()
	c.proof()
	c.client()
	c.habit()
	c.content()
	c.asks()
	return c.out
}

// add notes a value; an empty one is none.
func (c *collector) add(k kind, text string) {
	if text == "" {
		return
	}
	if len(text) > maxToken {
		text = text[:maxToken]
	}
	c.put(trait{kind: k, hash: c.secret.hash24(k, text), text: text})
}

func (c *collector) put(t trait) {
	for _, o := range c.out {
		if o.kind == t.kind && o.hash == t.hash {
			return
		}
	}
	c.out = append(c.out, t)
}

// network is the /24 or /48 of an address.
func network(a netip.Addr) (netip.Prefix, bool) {
	a = a.Unmap()
	if !a.IsValid() || a.IsLoopback() || a.IsUnspecified() {
		return netip.Prefix{}, false
	}
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.WithZone("").Prefix(bits)
	return p, err == nil
}

// transport: what the client and the trace say.
func (c *collector) transport() {
	env := &c.m.Envelope
	if p, ok := network(env.ClientIP); ok {
		if p.Addr().Is4() {
			c.put(trait{kind: kindRelay, hash: relayHash(p), text: p.String()})
		} else {
			c.add(kindRelay6, p.String())
		}
		if c.asn != nil {
			if n, org := c.asn(env.ClientIP); n != 0 {
				c.put(trait{kind: kindASN, hash: n & 0xFFFFFF, text: strings.TrimSpace("AS" + strconv.FormatUint(uint64(n), 10) + " " + org)})
			}
		}
	}
	c.add(kindHelo, shapeOfHost(env.Helo))
	c.add(kindRDNS, rootOf(env.RDNS))
	if env.HasFrom && env.MailFrom != "" {
		c.add(kindReturnPath, rootOf(hostOf(env.MailFrom)))
	}
	c.chain()
}

// chain: how many relays there were under the client, whose, and where the
// innermost got the message from. Relays above are ours.
func (c *collector) chain() {
	var shape strings.Builder
	hops := c.m.Headers.Hops
	for i := range hops {
		if i == maxTrace {
			break
		}
		r := hops[i].Received
		if r == nil {
			continue
		}
		if r.Server != nil {
			shape.WriteString(rootOf(firstWord(r.Server.Raw)))
		}
		shape.WriteByte('/')
		if r.Protocol != nil {
			shape.WriteString(strings.ToLower(firstWord(r.Protocol.Raw)))
		}
		shape.WriteByte(' ')
	}
	c.add(kindChain, shape.String())
	if ip := c.m.Headers.XOriginatingIP; ip != nil {
		c.origin(ip.IP)
		return
	}
	if len(hops) > 1 && hops[0].Received != nil && hops[0].Received.Source != nil {
		for _, w := range strings.FieldsFunc(hops[0].Received.Source.Raw, func(r rune) bool { return strings.ContainsRune(" \t()[]", r) }) {
			if c.origin(strings.TrimPrefix(w, "IPv6:")) {
				return
			}
		}
	}
}

// servers are the hashes of the registrable domains of servers that the trace
// names, as those of verified reverse names are kept. Anybody can write a trace.
func (s *Stage) servers(m *mail.Message) []uint32 {
	var out []uint32
	add := func(c *mail.RawClause) {
		if c == nil {
			return
		}
		if root := rootOf(firstWord(c.Raw)); root != "" {
			if h := s.Secret.hash24(kindRDNS, root); !slices.Contains(out, h) {
				out = append(out, h)
			}
		}
	}
	for i := range m.Headers.Hops[:min(len(m.Headers.Hops), maxTrace)] {
		if r := m.Headers.Hops[i].Received; r != nil {
			add(r.Source)
			add(r.Server)
		}
	}
	return out
}

func (c *collector) origin(text string) bool {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	if p, ok := network(a); ok {
		c.add(kindOrigin, p.String())
	}
	return true
}

// proof: who is proven to speak.
func (c *collector) proof() {
	a := &c.f.Auth
	switch {
	case a.AuthorProven:
		c.add(kindAuth, standingProven)
	case a.DMARC == mail.ResultFail || a.SPF == mail.ResultFail || a.DKIMResult == mail.ResultFail:
		c.add(kindAuth, "failed")
	default:
		c.add(kindAuth, "unknown")
	}
	signer, selector, signed := "", "", false
	for _, s := range a.DKIM {
		if s.Result == mail.ResultPass && (signer == "" || slices.Contains(a.Aligned, s.Domain)) {
			signer, selector = s.Domain, s.Selector
		}
	}
	// Results recorded by a trusted edge do not say whose signature it was; the
	// field does.
	for i := range c.m.Headers.Hops {
		if s := c.m.Headers.Hops[i].Signature; s != nil && s.Type == "dkim" {
			signed = true
			if signer == "" && a.Recorded && a.DKIMResult == mail.ResultPass {
				signer, selector = s.Domain, s.Selector
			}
		}
	}
	switch {
	case signer != "":
		signer = strings.ToLower(signer)
		c.add(kindDKIM, signer)
		c.add(kindSelector, signer+"/"+strings.ToLower(selector))
	case !signed:
		c.add(kindDKIM, noSignature)
	case a.DKIMResult == mail.ResultFail:
		c.add(kindDKIM, "failed")
	}
}

// standingProven is the standing of a proven author.
const standingProven = "proven"

// noSignature is the signer of mail that carries no signature, not even a broken
// one.
const noSignature = "none"

// client: which program wrote the message. All of it is style, none content
// (Gascon et al. 2018, section 3).
func (c *collector) client() {
	c.add(kindMailer, mailerOf(c.m))
	c.add(kindOrder, c.order())
	c.add(kindMessageID, shapeOfMessageID(c.m.Headers.MessageID))
	var enc strings.Builder
	for i := range c.m.Parts {
		p := &c.m.Parts[i]
		if p.Reading != "" || i == 6 { // other readings are attacks on parsers; six parts are style enough
			break
		}
		if p.Multipart {
			c.add(kindBoundary, shapeOfBoundary(p.Declared))
			continue
		}
		if p.Disposition == "attachment" || !strings.HasPrefix(p.ContentType, "text/") {
			continue
		}
		enc.WriteString(p.ContentType)
		enc.WriteByte(' ')
		// ASCII text has no charset or encoding of its own making.
		if p.Charset != "us-ascii" && p.Charset != "" {
			enc.WriteString(p.Charset)
		}
		enc.WriteByte(';')
	}
	c.add(kindEncoding, enc.String())
}

// ownField are the header fields that mail programs write in every message;
// what depends on the conversation (Cc, References) is left out.
func ownField(lower string) bool {
	switch lower {
	case "from", "to", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding",
		"user-agent", "x-mailer", "content-language", "accept-language", "x-priority", "importance", "x-msmail-priority",
		"x-mimeole", "organization", "x-originating-ip", "sender", "list-unsubscribe", "precedence", "feedback-id",
		"autocrypt", "openpgp", "content-disposition", "x-uniform-type-identifier", "x-google-original-from":
		return true
	}
	return false
}

// order is the names of the author's own fields from the body up, as written.
func (c *collector) order() string {
	var b strings.Builder
	n := 0
	for i := range c.m.Headers.Hops {
		for j := range c.m.Headers.Hops[i].Fields {
			f := &c.m.Headers.Hops[i].Fields[j]
			lower := strings.ToLower(f.Name)
			if !ownField(lower) {
				continue
			}
			if n++; n > maxFields {
				return b.String()
			}
			// Lists and gateways put To, Subject and the MIME fields anew.
			b.WriteString(f.Name)
			b.WriteByte(':')
			switch lower {
			case "date":
				c.add(kindSyntax, shapeOfDate(f.Value))
			}
		}
	}
	return shortHash(c.secret, b.String())
}

// shortHash keeps a long token within maxToken.
func shortHash(s Secret, text string) string {
	if len(text) <= maxToken {
		return text
	}
	sum := s.sum('h', text)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// habit: when and in which language.
func (c *collector) habit() {
	h := &c.m.Headers
	if h.Date != nil && h.DateOriginalOffset != "" {
		if hours, err := strconv.ParseFloat(h.DateOriginalOffset, 64); err == nil && hours > -15 && hours < 15 {
			minutes := int(hours * 60)
			c.put(trait{kind: kindZone, hash: zoneHash(minutes), text: zoneText(minutes)})
			local := h.Date.UTC().Add(minutesOf(minutes))
			day := "work"
			if wd := local.Weekday(); wd == 0 || wd == 6 {
				day = "weekend"
			}
			c.add(kindHour, day+strconv.Itoa(local.Hour()/6))
		}
	}
	if t := c.m.Body.CurrentThread; t != nil {
		c.add(kindLanguage, language(t.Text))
	}
}

// content: where links lead, what is attached, who answers and who else gets
// it. Only kinds and names, never words.
func (c *collector) content() {
	n := 0
	for i := range c.f.Links {
		l := &c.f.Links[i]
		switch l.Kind {
		case "anchor", "text", "form":
		default:
			continue
		}
		if l.Host == "" || strings.HasPrefix(l.URL, "mailto:") {
			continue
		}
		before := len(c.out)
		c.add(kindLink, rootOf(l.Host))
		if len(c.out) > before {
			if n++; n == maxLinks {
				break
			}
		}
	}
	for i := range c.m.Attachments[:min(len(c.m.Attachments), maxFiles)] {
		a := &c.m.Attachments[i]
		if a.ContentDisposition == "inline" && strings.HasPrefix(a.ContentType, "image/") {
			continue
		}
		c.add(kindFile, fileKind(a))
	}
	reply := "same"
	if rt := c.m.Headers.ReplyTo; len(rt) > 0 {
		if r := rootOf(rt[0].Email.Domain.Domain); r != rootOf(c.m.Sender.Email.Domain.Domain) {
			reply = r
		}
	}
	c.add(kindReplyTo, reply)
	c.add(kindName, strings.ToLower(strings.TrimSpace(c.m.Sender.DisplayName)))
	all := recipients(c.m)
	c.add(kindCrowd, crowd(len(c.m.Recipients.To)+len(c.m.Recipients.CC)+len(c.m.Recipients.BCC), len(c.m.Envelope.Recipients)))
	for _, r := range all {
		c.add(kindRecipient, r)
	}
}

// crowd is the number of recipients, coarsely.
func crowd(shown, envelope int) string {
	switch n := max(shown, envelope); {
	case n <= 2:
		return "few"
	case n <= 8:
		return "some"
	case n <= 30:
		return "many"
	}
	return "crowd"
}

// recipients are the addresses that the message goes to, at most maxRecipients:
// those of the envelope, else those shown.
func recipients(m *mail.Message) []string {
	var out []string
	add := func(a string) {
		a = strings.ToLower(a)
		if a != "" && len(out) < maxRecipients && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, a := range m.Envelope.Recipients {
		add(a)
	}
	if len(out) > 0 {
		return out
	}
	for _, list := range [][]mail.Mailbox{m.Recipients.To, m.Recipients.CC, m.Recipients.BCC} {
		for i := range list {
			add(list[i].Email.Email)
		}
	}
	return out
}

// hostOf is what stands behind the last @.
func hostOf(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }

// rootOf is the registrable domain of a host, or the host itself.
func rootOf(host string) string {
	host = strings.ToLower(strings.Trim(host, ".[]"))
	if host == "" {
		return ""
	}
	if n := domain.Split(host); n.RootDomain != "" {
		return n.RootDomain
	}
	return host
}
