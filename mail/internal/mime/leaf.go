package mime

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"foregate/mail/internal/header"
)

// encReading is one transfer encoding that some reader applies; name "" is the
// identity.
type encReading struct {
	name, id string
	skip     int // bytes of the body that stand before the encoded content
}

// identityCTE reports whether a declared encoding leaves the bytes alone.
func identityCTE(v string) bool {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "", "7bit", "8bit", "binary", "7-bit", "8-bit", "none":
		return true
	}
	return false
}

// encodings lists the transfer encodings that readers apply, the commonest
// first.
func (p *parser) encodings(v *view, body []byte) []encReading {
	var out []encReading
	add := func(name, id string) {
		if !slices.ContainsFunc(out, func(e encReading) bool { return e.name == name }) {
			out = append(out, encReading{name: name, id: id})
		}
	}
	for _, cte := range v.ctes {
		names, plain := encodingNames(cte)
		for _, n := range names {
			add(n, AmbiguousEncoding)
		}
		if !plain {
			add("", AmbiguousEncoding)
		}
	}
	if len(out) == 0 {
		add("", AmbiguousEncoding)
	}
	probe := body[:min(len(body), 1<<12)]
	if !hasEnc(out, "base64") && looksBase64(probe, len(v.disps) > 0 || len(v.ctes) > 0 || len(v.types) > 0 && !strings.HasPrefix(v.types[0].main, "text/")) {
		add("base64", UndeclaredEncoding)
	}
	if !hasEnc(out, "base64") && len(v.types)+len(v.disps) > 0 && !v.prose() {
		if at := base64Block(probe); at > 0 {
			out = append(out, encReading{"base64", UndeclaredEncoding, at})
		}
	}
	if !hasEnc(out, "quoted-printable") && looksQuoted(body) {
		add("quoted-printable", UndeclaredEncoding)
	}
	if hasEnc(out, "base64") && out[0].name != "base64" || hasEnc(out, "quoted-printable") && out[0].name != "quoted-printable" {
		add("", AmbiguousEncoding)
	}
	return out
}

func hasEnc(es []encReading, name string) bool {
	return slices.ContainsFunc(es, func(e encReading) bool { return e.name == name })
}

// encodingNames reads one Content-Transfer-Encoding value; plain tells that it
// is exactly one known name.
func encodingNames(v string) (names []string, plain bool) {
	t := strings.ToLower(strings.TrimSpace(v))
	switch t {
	case "base64", "quoted-printable":
		return []string{t}, true
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return []string{"uuencode"}, true
	case "x-yenc", "yenc":
		return []string{"yenc"}, true
	}
	if identityCTE(t) {
		return []string{""}, true
	}
	flat := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, t+" "+strings.ToLower(header.DecodeWords(v))+" "+header.ParseParams(v).Main)
	type known struct {
		at   int
		name string
	}
	var found []known
	for _, k := range []struct{ word, name string }{
		{"base64", "base64"}, {"b64", "base64"}, {"quotedprintable", "quoted-printable"}, {"quoted", "quoted-printable"},
		{"uue", "uuencode"}, {"yenc", "yenc"},
	} {
		if i := strings.Index(flat, k.word); i >= 0 && !slices.ContainsFunc(found, func(f known) bool { return f.name == k.name }) {
			found = append(found, known{i, k.name})
		}
	}
	slices.SortStableFunc(found, func(a, b known) int { return a.at - b.at })
	for _, f := range found {
		names = append(names, f.name)
	}
	return names, false
}

// decoding is the content one decoder gives.
type decoding struct {
	content []byte
	id      string // what makes decoders differ; "" for the commonest
}

// decodings decodes body in every way for one encoding.
func decodings(name string, body []byte, p *parser) []decoding {
	if p.decodable <= 0 {
		p.note(BoundDecoded, "", -1)
		return nil
	}
	if int64(len(body)) > p.decodable {
		p.note(BoundDecoded, "", -1)
		body = body[:p.decodable]
	}
	var all [][]byte
	id := ""
	switch name {
	case "base64":
		all, id = decodeBase64(body), OddBase64
	case "quoted-printable":
		all, id = decodeQuoted(body), OddQuotedPrintable
	case "uuencode":
		for _, e := range embeddedFiles(body) {
			all = append(all, e.content)
		}
		if len(all) == 0 {
			all = append(all, uuLines(body, false))
		}
		id = UUEncode
	case "yenc":
		for _, e := range embeddedFiles(body) {
			all = append(all, e.content)
		}
		if len(all) == 0 {
			all = append(all, body)
		}
		id = YEnc
	default:
		all = [][]byte{body}
	}
	out := make([]decoding, 0, len(all))
	for i, c := range all {
		d := decoding{content: c}
		if i > 0 {
			d.id = id
		}
		p.decodable -= int64(len(c))
		out = append(out, d)
		if p.decodable <= 0 {
			p.note(BoundDecoded, "", -1)
			break
		}
	}
	return out
}

// prose reports whether the header declares a text that is no file.
func (v *view) prose() bool {
	return len(v.disps) == 0 && (len(v.types) == 0 || strings.HasPrefix(v.types[0].main, "text/") && !strings.Contains(v.types[0].text, "name"))
}

// leafInfo is what the header says of a leaf.
type leafInfo struct {
	names []string
	disp  string
}

func (v *view) leafInfo(p *parser, off int) leafInfo {
	var in leafInfo
	add := func(ns []string) {
		for _, n := range ns {
			if n = cleanName(n); n != "" && !slices.Contains(in.names, n) && len(in.names) < 16 {
				in.names = append(in.names, n)
			}
		}
	}
	for i := range v.disps {
		raw := v.disps[i].Raw
		d := header.ParseParams(v.disps[i].Value())
		switch {
		case in.disp != "":
		case strings.HasPrefix(d.Main, "inline"):
			in.disp = "inline"
		case d.Main != "":
			in.disp = "attachment" // an unknown disposition is one (RFC 2183 section 2.8)
		}
		if len(raw) < 11 { // "attachment": no room for a name
			continue
		}
		add(header.FileNames(raw, "filename"))
	}
	for i := range v.types {
		if len(v.types[i].params.List) > 0 || strings.Contains(v.types[i].text, "=") {
			add(header.FileNames(v.types[i].raw, "name"))
			add(v.types[i].params.Values("filename"))
		}
	}
	for i := range v.disps {
		add(header.ParseParams(v.disps[i].Value()).Values("name"))
	}
	if len(in.names) > 1 {
		p.note(AmbiguousFileName, strings.Join(in.names, " | "), off)
	}
	if len(in.names) == 0 && in.disp == "attachment" {
		for _, s := range []string{v.location, v.desc} {
			if i := strings.LastIndexAny(s, "/\\"); i >= 0 {
				s = s[i+1:]
			}
			if strings.Contains(s, ".") && len(s) < 256 {
				add([]string{s})
			}
		}
	}
	return in
}

// cleanName drops what no file name holds: line ends and other controls.
func cleanName(n string) string {
	if strings.IndexFunc(n, func(r rune) bool { return r < ' ' }) >= 0 {
		n = strings.Map(func(r rune) rune {
			if r < ' ' {
				return -1
			}
			return r
		}, n)
	}
	return strings.TrimSpace(n)
}

// leaf lists a leaf in every way it decodes.
func (p *parser) leaf(src *source, c context, v *view, start int, typ string) {
	start = min(start, c.end)
	body := src.buf[start:c.end]
	off := src.offset(c.start)
	info := v.leafInfo(p, off)
	part := Part{
		Path: c.path, Reading: c.reading, Type: typ, Charset: v.charsetOf(), CTE: first(v.ctes), Disposition: info.disp,
		FileNames: info.names, ContentID: v.id, Nested: c.nested, Structural: c.structural, Offset: off, Parent: c.parent,
	}
	if len(v.types) > 0 {
		part.Declared = clip(v.types[0].text)
	}
	encs := p.encodings(v, body)
	if !p.worthGuessing(&part, encs) {
		encs = encs[:1]
	}
	n := 0
	for ei, e := range encs {
		if ei > 0 && !p.forkDecoding(e.id, e.name, off) {
			return
		}
		ds := decodings(e.name, body[e.skip:], p)
		if e.name == "quoted-printable" && part.plainText() && len(ds) > 1 {
			ds = ds[:1]
		}
		for di, d := range ds {
			q := part
			q.Encoding, q.Content, q.Size = e.name, d.content, len(d.content)
			id := e.id
			if di > 0 {
				id = d.id
				if !p.forkDecoding(d.id, "", off) {
					break
				}
			}
			if n > 0 {
				q.Path += "'" + suffix(n)
				if q.Reading == "" {
					q.Reading = id
				}
			}
			if c.filesOnly && q.plainText() {
				continue
			}
			if idx := p.emit(q, n > 0 || c.structural); idx >= 0 {
				p.inside(src, c, q, idx, start, e.name == "" && di == 0)
			}
			n++
		}
	}
}

// plainText reports whether a leaf is a text without a name: a body, of which
// only readings that change more than blanks matter.
func (q *Part) plainText() bool {
	return strings.HasPrefix(q.Type, "text/") && len(q.FileNames) == 0 && q.Disposition != "attachment"
}

// worthGuessing reports whether guesses at the encoding matter: always, except
// that prose with equal signs is prose.
func (p *parser) worthGuessing(part *Part, encs []encReading) bool {
	return len(encs) < 2 || encs[1].id != UndeclaredEncoding || encs[1].name == "base64" || !part.plainText()
}

// emit adds a leaf. Of another reading, a leaf that is already known by content
// and name is not listed again.
func (p *parser) emit(q Part, other bool) int {
	q.Sum = sha256.Sum256(q.Content)
	k := leafKey{sum: q.Sum}
	if len(q.FileNames) > 0 {
		k.name = q.FileNames[0]
	}
	if other && (p.seen[k] || len(bytes.TrimSpace(q.Content)) == 0 && k.name == "") {
		return -1
	}
	idx := p.addPart(q)
	if idx >= 0 {
		p.seen[k] = true
	}
	return idx
}

// inside looks into a leaf: attached messages and files in text.
func (p *parser) inside(src *source, c context, q Part, idx, start int, verbatim bool) {
	switch q.Type {
	case "message/rfc822", "message/global", "message/news", "message/partial":
		if q.Type == "message/partial" {
			f := fragmentOf(q.Declared)
			if !f.whole() {
				p.note(Partial, q.Declared, q.Offset)
			}
			f.path, f.parent, f.depth, f.content = q.Path, q.Parent, c.depth, q.Content
			p.keep(f)
		}
		p.attached(src, c, q, idx, start, verbatim)
	case "message/external-body":
		p.note(ExternalBody, q.Declared, q.Offset)
	default:
		if messageLike(&q) {
			p.attached(src, c, q, idx, start, verbatim)
			return
		}
		if !strings.HasPrefix(q.Type, "text/") {
			return
		}
		for i, e := range embeddedFiles(q.Content) {
			p.note(e.id, e.name, q.Offset)
			p.decodable -= int64(len(e.content))
			f := Part{
				Path: q.Path + "'u" + strconv.Itoa(i+1), Reading: e.id, Type: "application/octet-stream", Encoding: e.id[len("mime."):],
				Disposition: "attachment", Nested: q.Nested, Structural: true, Offset: -1, Size: len(e.content), Content: e.content, Parent: q.Parent,
			}
			if q.Offset >= 0 && verbatim {
				f.Offset = src.offset(start + e.at)
			}
			if e.name != "" {
				f.FileNames = []string{e.name}
			}
			p.emit(f, true)
		}
	}
}

// messageLike reports whether a leaf of another type holds a message that
// clients open as one, by its type or name and first line.
func messageLike(q *Part) bool {
	switch q.Type {
	case "message/delivery-status", "message/disposition-notification", "message/feedback-report":
		return false
	case "text/rfc822", "application/x-email":
	default:
		named := func(n string) bool {
			n = strings.ToLower(strings.TrimRight(n, ". "))
			return strings.HasSuffix(n, ".eml") || strings.HasSuffix(n, ".mht") || strings.HasSuffix(n, ".mhtml") || strings.HasSuffix(n, ".nws")
		}
		guessed := q.Nested && q.Reading == UndeclaredEncoding
		if !guessed && !strings.HasPrefix(q.Type, "message/") && !slices.ContainsFunc(q.FileNames, named) {
			return false
		}
	}
	line, _ := cutLine(bytes.TrimLeft(q.Content[:min(len(q.Content), 1<<10)], " \t\r\n\ufeff"), 0)
	name, _, ok := bytes.Cut(line, []byte(":"))
	return ok && len(name) > 1 && !bytes.ContainsAny(name, " \t<>{}") || bytes.HasPrefix(line, []byte("From "))
}

// attached reads an attached message.
func (p *parser) attached(src *source, c context, q Part, idx, start int, verbatim bool) {
	if len(q.Content) == 0 {
		return
	}
	if c.depth >= p.lim.Depth {
		p.note(BoundDepth, "", q.Offset)
		return
	}
	k := context{
		path: q.Path + ".1", reading: q.Reading, structural: c.structural || q.Reading != "", depth: c.depth + 1,
		parent: idx, nested: true, root: true,
	}
	if verbatim && q.Type == "message/partial" && c.path == "1" && fragmentOf(q.Declared).number == 1 {
		// The message is the first or only piece: what it encloses takes its place
		// (RFC 2046 section 5.2.2.1).
		k.nested, k.top = false, &p.res.Enclosed
	}
	if verbatim {
		k.start, k.end, k.outerEnd = start, c.end, c.end
		p.entity(src, k)
		return
	}
	if strings.HasPrefix(q.Type, "message/") {
		p.note(EncodedMessage, q.CTE, q.Offset)
	}
	if src.level >= maxLevels {
		p.note(BoundDepth, "", q.Offset)
		return
	}
	inner := newSource(q.Content, -1, src.level+1)
	p.budget += 8 * len(inner.dashes)
	p.sources = append(p.sources, inner)
	k.end, k.outerEnd = len(q.Content), len(q.Content)
	p.entity(inner, k)
}
