package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"foregate/mail/internal/header"
	"foregate/mail/internal/mime"
)

// Parse turns the bytes of a message into the model within DefaultBounds. It
// never fails: what is broken or ambiguous is in Message.Defects, and the cost
// is linear in len(raw). The message keeps raw and slices of it: do not modify
// raw afterwards. Parse is safe for concurrent use.
func Parse(env Envelope, raw []byte) *Message { return ParseWith(DefaultBounds(), env, raw) }

// ParseWith is Parse with other bounds. A bound of zero or less counts as its
// default.
func ParseWith(b Bounds, env Envelope, raw []byte) *Message {
	b = b.withDefaults()
	res := mime.Parse(raw, mime.Limits{
		Parts: b.Parts, Depth: b.Depth, Readings: b.Readings, Decoded: b.Decoded,
		Header: header.Limits{Block: b.HeaderBytes, Line: b.HeaderLine},
	})
	m := &Message{Envelope: env, Raw: raw}
	p := builder{m: m, fields: enclosed(res.Header.Fields, res.Enclosed.Fields)}
	for _, d := range res.Defects {
		m.Defects = append(m.Defects, Defect(d))
	}
	p.headers()
	p.hops()
	p.parts(res.Parts)
	p.body(res.Parts)
	p.meta()
	for _, d := range m.Defects {
		m.Errors = append(m.Errors, d.ID+": "+d.Detail)
	}
	return m
}

func (b Bounds) withDefaults() Bounds {
	d := DefaultBounds()
	set := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	set(&b.HeaderBytes, d.HeaderBytes)
	set(&b.HeaderLine, d.HeaderLine)
	set(&b.Parts, d.Parts)
	set(&b.Depth, d.Depth)
	set(&b.Readings, d.Readings)
	if b.Decoded <= 0 {
		b.Decoded = d.Decoded
	}
	return b
}

// enclosed gives the fields of a message that was sent in pieces (RFC 2046
// section 5.2.2.1): those of the outer header, but subject, identity and MIME
// fields as the enclosed header has them.
func enclosed(outer, inner []header.Field) []header.Field {
	var own []header.Field
	keys := map[string]bool{}
	for _, f := range inner {
		switch f.Key {
		case "subject", "message-id", "encrypted", "mime-version":
			own, keys[f.Key] = append(own, f), true
		default:
			if strings.HasPrefix(f.Key, "content-") {
				own, keys[f.Key] = append(own, f), true
			}
		}
	}
	if len(own) == 0 {
		return outer
	}
	for _, f := range outer {
		if !keys[f.Key] {
			own = append(own, f)
		}
	}
	slices.SortStableFunc(own, func(a, b header.Field) int { return a.Offset - b.Offset })
	return own
}

// builder fills a message from its parsed header and parts.
type builder struct {
	m      *Message
	fields []header.Field
}

// defect records a defect of the header, at most once per ID and place.
func (p *builder) defect(id, detail string, off int) {
	d := Defect{ID: id, Detail: quoteDetail(detail), Offset: off}
	if !slices.ContainsFunc(p.m.Defects, func(o Defect) bool { return o.ID == id && o.Offset == off }) {
		p.m.Defects = append(p.m.Defects, d)
	}
}

// all returns the fields of one name, top-down.
func (p *builder) all(key string) []header.Field {
	var out []header.Field
	for _, f := range p.fields {
		if f.Key == key {
			out = append(out, f)
		}
	}
	return out
}

// value is the value of the first field of one name, decoded.
func (p *builder) value(key string) string {
	for i := range p.fields {
		if p.fields[i].Key == key {
			return header.DecodeWords(p.fields[i].Value())
		}
	}
	return ""
}

// meta gives the message its canonical identity and its time.
func (p *builder) meta() {
	m := p.m
	for i := len(m.Headers.Hops) - 1; i >= 0 && m.Meta.EffectiveAt == nil; i-- {
		if r := m.Headers.Hops[i].Received; r != nil && r.Time != nil {
			m.Meta.EffectiveAt = r.Time
		}
	}
	if m.Meta.EffectiveAt == nil {
		m.Meta.EffectiveAt = m.Headers.Date
	}
	m.Meta.CanonicalID = p.canonicalID()
}

// canonicalID hashes what relays and lists leave alone: author, date,
// Message-ID, subject without prefixes, and the content of the main leaves.
// Trace fields and recipients differ between copies and stay out.
func (p *builder) canonicalID() string {
	m := p.m
	h := sha256.New()
	put := func(s string) {
		h.Write([]byte(strings.ToLower(strings.TrimSpace(s))))
		h.Write([]byte{0})
	}
	put(m.Sender.Email.Email)
	put(m.Headers.MessageID)
	put(p.value("date"))
	if m.Subject != nil {
		put(m.Subject.Base)
	}
	for i := range m.Parts {
		if part := &m.Parts[i]; part.Reading == "" && !part.Multipart {
			put(part.SHA256)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
