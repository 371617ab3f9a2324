package mime

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"foregate/mail/internal/charset"
	"foregate/mail/internal/header"
)

// view is what the MIME fields of a header say, in all readings.
type view struct {
	types    []ctype
	ctes     []string // values of Content-Transfer-Encoding, unfolded
	disps    []header.Field
	id       string
	desc     string
	location string
	odd      bool // a field name was misspelt
}

type ctype struct {
	raw    []byte
	text   string
	main   string
	params header.Params
}

// maxTypes bounds the fields of one kind that count. Readers take the first or
// the last of them: of more, those are kept.
const maxTypes = 32

// readView picks the MIME fields of a header.
func readView(fields []header.Field) view {
	var v view
	var near []header.Field // fields whose names are misspelt
	for i := range fields {
		f := &fields[i]
		if len(f.Key) < len("content-id") || f.Key[0] != 'c' && header.LooseKey(f.Key[:1]) != "" {
			continue
		}
		key := f.Key
		if !strings.HasPrefix(key, "content-") {
			if k := header.LooseKey(key); !strings.HasPrefix(k, "content") {
				near = append(near, *f)
				continue
			}
		}
		switch loose := header.LooseKey(key); loose {
		case "contenttype":
			text := f.Value()
			v.types = v.types[:min(len(v.types), maxTypes-1)]
			v.types = append(v.types, ctype{raw: f.Raw, text: text, params: header.ParseParams(text)})
			v.odd = v.odd || key != "content-type"
		case "contenttransferencoding":
			v.ctes = append(v.ctes[:min(len(v.ctes), maxTypes-1)], f.Value())
			v.odd = v.odd || key != "content-transfer-encoding"
		case "contentdisposition":
			v.disps = append(v.disps[:min(len(v.disps), maxTypes-1)], *f)
			v.odd = v.odd || key != "content-disposition"
		case "contentid":
			if v.id == "" {
				v.id = strings.Trim(f.Value(), " <>")
			}
		case "contentdescription":
			v.desc = header.DecodeWords(f.Value())
		case "contentlocation":
			v.location = f.Value()
		case "contentlanguage", "contentlength", "contentclass", "contentmd5", "contentfeatures":
		default:
			near = append(near, *f)
		}
	}
	v.misspelt(near)
	for i := range v.types {
		v.types[i].main = typeOf(v.types[i].params.Main)
	}
	return v
}

// misspelt takes fields whose names differ from those of MIME fields in one or
// two letters, where the right ones are missing: relays and filters that repair
// headers exist, and what only they read must be listed too.
func (v *view) misspelt(near []header.Field) {
	types, ctes, disps := len(v.types) == 0, len(v.ctes) == 0, len(v.disps) == 0
	for i := range near[:min(len(near), maxMerged)] {
		f := &near[i]
		switch key := header.LooseKey(f.Key); {
		case types && header.Near(key, "contenttype"):
			text := f.Value()
			v.types = append(v.types, ctype{raw: f.Raw, text: text, params: header.ParseParams(text)})
		case ctes && header.Near(key, "contenttransferencoding"):
			v.ctes = append(v.ctes, "", f.Value()) // most readers see no encoding
		case disps && header.Near(key, "contentdisposition"):
			v.disps = append(v.disps, *f)
		default:
			continue
		}
		v.odd = true
	}
}

// typeOf cleans a media type; "" when it is none.
func typeOf(s string) string {
	s = strings.Trim(s, "\"'<>., \t\x00")
	if strings.Contains(s, "=?") {
		s = strings.ToLower(header.DecodeWords(s))
	}
	if i := strings.IndexAny(s, ",; "); i >= 0 {
		s = s[:i]
	}
	return strings.ReplaceAll(s, "\\", "/")
}

func isMultipart(t string) bool { return strings.HasPrefix(t, "multipart") }

// mainType is the type most readers take: of the first field.
func (v *view) mainType(digest bool) string {
	if len(v.types) > 0 && strings.Contains(v.types[0].main, "/") {
		return v.types[0].main
	}
	if len(v.types) > 0 && isMultipart(v.types[0].main) {
		return "multipart/mixed"
	}
	if digest {
		return "message/rfc822"
	}
	return "text/plain"
}

// entity reads one entity in all its readings; false means that nothing more
// may be read.
func (p *parser) entity(src *source, c context) bool {
	if len(p.res.Parts) >= p.lim.Parts {
		p.note(BoundParts, "", src.offset(c.start))
		return false
	}
	if !p.reads(src.offset(c.start)) {
		return false
	}
	b := header.Scan(src.buf, c.start, c.end, p.lim.Header, c.root, delimiterLike)
	src.claim(c.start, b)
	if c.top != nil {
		*c.top = b
	}
	p.noteHeader(src, b, c)
	v := readView(b.Fields)
	p.body(src, c, &v, b.Body)
	p.otherHeaders(src, c, b)
	return true
}

// delimiterLike tells a delimiter line inside a header from a field.
func delimiterLike(l []byte) bool {
	return len(l) > 2 && l[1] == '-' && bytes.IndexByte(l, ':') < 0
}

// otherHeaders reads the entity again where readers disagree on where its
// header starts or ends.
func (p *parser) otherHeaders(src *source, c context, b header.Block) {
	if b.AltBody >= 0 && b.AltBody != b.Body && p.fork(HeaderEnd, lineText(src, b.AltBody), src.offset(b.AltBody)) {
		alt := c.other("h", HeaderEnd)
		var before []header.Field
		for _, f := range b.Fields {
			if f.Offset < b.AltBody {
				before = append(before, f)
			}
		}
		v := readView(before)
		p.body(src, alt, &v, b.AltBody)
	}
	if len(b.Fields) == 0 && !c.root && b.Body < c.end && p.lateHeader(src, b.Body, c.end) &&
		p.fork(LeadingBlank, "blank lines before the fields of a part", src.offset(c.start)) {
		alt := c.other("l", LeadingBlank)
		alt.start = b.Body
		late := header.Scan(src.buf, b.Body, c.end, p.lim.Header, true, delimiterLike)
		src.claim(b.Body, late)
		v := readView(late.Fields)
		p.body(src, alt, &v, late.Body)
		if !isMultipart(v.mainType(c.digest)) {
			p.otherEnd(src, alt, &v, late)
		}
	}
}

// lateHeader reports whether fields follow the blank lines at pos.
func (p *parser) lateHeader(src *source, pos, end int) bool {
	t := bytes.TrimLeft(src.buf[pos:min(end, pos+256)], " \t\r\n")
	return hasFold(t, "content-")
}

// other is the context of another reading of the same entity.
func (c context) other(suffix, id string) context {
	c.path += "'" + suffix
	c.structural = true
	if c.reading == "" {
		c.reading = id
	}
	c.top = nil
	return c
}

func lineText(src *source, at int) string {
	end := min(len(src.buf), at+maxDetail)
	if i := bytes.IndexByte(src.buf[at:end], '\n'); i >= 0 {
		end = at + i
	}
	return strings.TrimRight(string(src.buf[at:end]), "\r")
}

func (p *parser) noteHeader(src *source, b header.Block, c context) {
	for _, o := range b.Odds {
		id := ""
		switch o.Kind {
		case header.LeadingBlank:
			id = HeaderLeadingBlank
		case header.LeadingSpace:
			id = HeaderLeadingSpace
		case header.NoColon:
			id = HeaderNoColon
		case header.SpaceColon:
			id = HeaderSpaceColon
		case header.BlankFold:
			id = HeaderBlankFold
		case header.MissingBlank:
			id = HeaderMissingBlank
		case header.OddName:
			id = HeaderOddName
		case header.LineTooLong:
			id = BoundHeaderLine
		case header.BlockTooLong:
			id = BoundHeader
		case header.TruncatedBlock:
			if !c.root {
				continue
			}
			id = HeaderTruncated
		default:
			continue
		}
		p.note(id, lineText(src, min(o.Offset, len(src.buf))), src.offset(o.Offset))
	}
}

// candidate is a boundary that some reader would use.
type candidate struct {
	text   string
	field  int  // index of its Content-Type field
	prefix bool // an over-long one that readers cut: match its beginning
	exact  int  // delimiter lines that match it exactly
	loose  int  // further lines that only begin with it
}

// body reads the body of an entity whose header says v.
func (p *parser) body(src *source, c context, v *view, start int) {
	main := v.mainType(c.digest)
	p.noteView(src, c, v)
	if c.depth >= p.lim.Depth {
		if isMultipart(main) || main == "message/rfc822" {
			p.note(BoundDepth, "", src.offset(c.start))
		}
		p.leaf(src, c, v, start, "application/octet-stream")
		return
	}
	cands := p.candidates(src, v, start, c.end)
	used := 0
	if isMultipart(main) && len(cands) > 0 {
		used = 1
		p.multipart(src, c, v, start, cands[0], main)
	} else {
		if isMultipart(main) {
			p.note(NoParts, v.types[0].text, src.offset(c.start))
			p.beyond(src, c, v, start, main)
		}
		p.leaf(src, c, v, start, main)
	}
	if isMultipart(main) {
		e := c
		e.filesOnly = used > 0
		p.encodedMultipart(src, e, v, start)
	}
	for i, cand := range cands[used:] {
		id := p.forkID(v, main, cand)
		if !p.fork(id, cand.text, src.offset(c.start)) {
			return
		}
		alt := c.other(suffix(i+1), id)
		p.multipart(src, alt, v, start, cand, "multipart/mixed")
	}
}

// suffix names a reading: b, c, …
func suffix(i int) string {
	if i < 25 {
		return string(rune('a' + i))
	}
	return "z" + strconv.Itoa(i)
}

// forkID names why a further boundary is in use.
func (p *parser) forkID(v *view, main string, c candidate) string {
	switch {
	case len(v.types) > 1:
		return DuplicateType
	case !isMultipart(main):
		return BoundaryInLeaf
	case v.types[c.field].params.Duplicated:
		return DuplicateBoundary
	}
	return AmbiguousBoundary
}

// noteView records what is odd about the MIME fields.
func (p *parser) noteView(src *source, c context, v *view) {
	off := src.offset(c.start)
	if len(v.types) > 1 {
		p.note(DuplicateType, v.types[1].text, off)
	}
	if len(v.ctes) > 1 {
		p.note(AmbiguousEncoding, strings.Join(v.ctes, " | "), off)
	}
	if len(v.disps) > 1 {
		p.note(DuplicateDisposition, v.disps[1].Value(), off)
	}
	for i := range v.types {
		t := &v.types[i]
		if !strings.Contains(t.main, "/") {
			p.note(MalformedType, t.text, off)
		}
		if t.params.Unclosed {
			p.note(UnclosedQuote, t.text, off)
		}
		if t.params.Comment {
			p.note(TypeComment, t.text, off)
		}
		n, distinct := 0, ""
		for _, q := range t.params.List {
			if q.Name == "boundary" {
				n++
				if n > 1 {
					distinct = q.Value
				}
				if q.Value == "" {
					p.note(EmptyBoundary, t.text, off)
				}
				if len(q.Value) > maxBoundary {
					p.note(LongBoundary, q.Value, off)
				}
			}
		}
		if n > 1 {
			p.note(DuplicateBoundary, distinct, off)
		}
	}
}

// maxBoundary is the length RFC 2046 section 5.1.1 allows.
const maxBoundary = 70

// maxCandidates bounds the boundaries that each delimiter line is compared with:
// a field of many readings has a dozen.
const maxCandidates = 48

// candidates finds the boundaries that occur in src.buf[start:end], in the
// order readers prefer them; those that cut alike are one.
func (p *parser) candidates(src *source, v *view, start, end int) []candidate {
	var all []candidate
	for fi := range v.types {
		t := &v.types[fi]
		if !strings.Contains(strings.ToLower(t.text), "boundary") && !strings.Contains(t.text, "=?") {
			continue
		}
		if len(all) >= maxCandidates {
			p.note(BoundReadings, t.text, src.offset(start))
			break
		}
		for _, b := range header.Boundaries(t.raw) {
			if slices.ContainsFunc(all, func(o candidate) bool { return o.text == b && !o.prefix }) {
				continue // an earlier field says the same
			}
			all = append(all, candidate{text: b, field: fi})
			if len(b) > maxBoundary {
				all = append(all, candidate{text: b[:maxBoundary], field: fi, prefix: true})
			}
		}
		if slices.ContainsFunc(t.params.List, func(q header.Param) bool { return q.Name == "boundary" && q.Value == "" }) {
			all = append(all, candidate{text: "", field: fi})
		}
	}
	if len(all) == 0 {
		return nil
	}
	all = all[:min(len(all), maxCandidates)]
	hits := make([][]int, len(all))
	for i := firstFrom(src.dashes, start); i < len(src.dashes) && src.dashes[i].from < end; i++ {
		p.res.Work += len(all)
		if p.budget -= len(all); p.budget < 0 {
			p.note(BoundWork, "", src.offset(start))
			break
		}
		l := src.dashes[i]
		text := src.buf[l.from:l.to]
		for k := range all {
			switch match(text, all[k].text, all[k].prefix) {
			case exactMatch:
				all[k].exact++
				hits[k] = append(hits[k], i)
			case looseMatch:
				all[k].loose++
			}
		}
	}
	return pickCandidates(all, hits)
}

func pickCandidates(all []candidate, hits [][]int) []candidate {
	var out []candidate
	var kept [][]int
	for k := range all {
		if all[k].exact == 0 && all[k].loose == 0 || all[k].prefix && all[k].exact == 0 {
			continue
		}
		if all[k].exact == 0 && len(out) > 0 {
			continue
		}
		if all[k].exact > 0 && slices.ContainsFunc(kept, func(h []int) bool { return slices.Equal(h, hits[k]) }) {
			continue
		}
		out, kept = append(out, all[k]), append(kept, hits[k])
	}
	slices.SortStableFunc(out, func(a, b candidate) int {
		if (a.exact > 0) != (b.exact > 0) {
			if a.exact > 0 {
				return -1
			}
			return 1
		}
		return 0
	})
	return out
}

type matchKind uint8

const (
	noMatch matchKind = iota
	exactMatch
	looseMatch
)

// match compares a line with "--" + boundary. Exact is what RFC 2046 section
// 5.1.1 allows: blanks may follow, or "--". Loose lines begin with it, are
// indented or differ in letter case.
func match(l []byte, boundary string, prefix bool) matchKind {
	t := l
	indented := false
	for len(t) > 0 && (t[0] == ' ' || t[0] == '\t') {
		t, indented = t[1:], true
	}
	if len(t) < 2+len(boundary) || t[0] != '-' || t[1] != '-' {
		return noMatch
	}
	t = t[2:]
	if boundary != "" && t[0]|0x20 != boundary[0]|0x20 && t[0] < 0x80 && boundary[0] < 0x80 {
		return noMatch // most lines: no need to fold their letters
	}
	same := string(t[:len(boundary)]) == boundary
	if !same && !strings.EqualFold(string(t[:len(boundary)]), boundary) {
		return noMatch
	}
	rest := bytes.TrimRight(t[len(boundary):], " \t\r")
	if same && !indented && (prefix || len(rest) == 0 || string(rest) == "--") {
		return exactMatch
	}
	return looseMatch
}

// closes reports whether a matching line is the closing delimiter.
func closes(l []byte, boundary string) bool {
	t := bytes.TrimSpace(l)
	return bytes.HasPrefix(t[min(len(t), 2+len(boundary)):], []byte("--"))
}

// multipart cuts a body at the delimiters of one boundary and reads the parts.
func (p *parser) multipart(src *source, c context, v *view, start int, cand candidate, typ string) {
	t := &v.types[cand.field]
	if isMultipart(t.main) && strings.Contains(t.main, "/") {
		typ = t.main
	}
	idx := p.addPart(Part{
		Path: c.path, Reading: c.reading, Type: typ, Declared: clip(t.text), Multipart: true, Encoding: "", CTE: first(v.ctes),
		Nested: c.nested, Structural: c.structural, Offset: src.offset(c.start), Size: c.end - start, Parent: c.parent,
	})
	if idx < 0 {
		return
	}
	src.token(cand.text)
	exact := func(k matchKind) bool { return k == exactMatch }
	child := c
	child.parent, child.depth, child.root, child.digest = idx, c.depth+1, false, typ == "multipart/digest"
	child.top = nil
	ps, closed := p.split(src, start, c.end, cand, exact)
	p.parts(src, child, ps)
	if !closed && c.end < c.outerEnd {
		p.extended(src, child, cand, start, c)
	} else if !closed {
		p.note(Unterminated, cand.text, src.offset(c.start))
	}
	if cand.loose > 0 && p.fork(LenientBoundary, cand.text, src.offset(c.start)) {
		alt := child.other("x", LenientBoundary)
		ps, _ := p.split(src, start, c.end, cand, func(k matchKind) bool { return k != noMatch })
		p.parts(src, alt, ps)
	}
	if len(v.ctes) > 0 && !identityCTE(v.ctes[0]) {
		p.note(EncodedMultipart, v.ctes[0], src.offset(c.start))
	}
	if c.structural && len(p.res.Parts) == idx+1 {
		p.res.Parts = p.res.Parts[:idx] // another reading that reached nothing new
	}
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return strings.ToLower(clip(s[0]))
}

// clip bounds a declared value in the model.
func clip(s string) string {
	if len(s) > 1000 {
		return s[:1000]
	}
	return s
}

// piece is one part between delimiters.
type piece struct {
	span
	after bool // stands behind the closing delimiter
}

// split cuts buf[start:end]; closed tells that a closing delimiter was met.
func (p *parser) split(src *source, start, end int, cand candidate, ok func(matchKind) bool) (out []piece, closed bool) {
	open := -1
	for i := firstFrom(src.dashes, start); i < len(src.dashes) && src.dashes[i].from < end; i++ {
		p.res.Work++
		if p.budget--; p.budget < 0 {
			p.note(BoundWork, "", src.offset(start))
			break
		}
		l := src.dashes[i]
		text := src.buf[l.from:l.to]
		if !ok(match(text, cand.text, cand.prefix)) {
			continue
		}
		if open >= 0 {
			out = append(out, piece{span{open, src.contentEnd(open, l.from)}, closed})
		}
		if len(out) >= readsPerPart*p.lim.Parts {
			p.note(BoundParts, "", src.offset(l.from))
			return out, true
		}
		open = min(l.next, end)
		if closes(text, cand.text) {
			if closed {
				continue
			}
			closed = true
			// What follows the closing delimiter is the epilogue, unless
			// further delimiters follow.
			if !p.again(src, i+1, end, cand, ok) {
				open = -1
				break
			}
			open = -1
		}
	}
	if open >= 0 {
		out = append(out, piece{span{open, end}, closed})
	}
	return out, closed
}

// again reports whether delimiters follow from dash line i on.
func (p *parser) again(src *source, i, end int, cand candidate, ok func(matchKind) bool) bool {
	for ; i < len(src.dashes) && src.dashes[i].from < end; i++ {
		p.res.Work++
		if p.budget--; p.budget < 0 {
			return false
		}
		l := src.dashes[i]
		if ok(match(src.buf[l.from:l.to], cand.text, cand.prefix)) {
			return true
		}
	}
	return false
}

// parts reads the pieces of one multipart.
func (p *parser) parts(src *source, c context, ps []piece) {
	path := c.path
	for i, s := range ps {
		k := c
		k.path = path + "." + strconv.Itoa(i+1)
		k.start, k.end = s.from, s.to
		k.outerEnd = c.end
		if s.after {
			p.note(PartsAfterClose, "", src.offset(s.from))
			k.structural = true
			if k.reading == "" {
				k.reading = PartsAfterClose
			}
		}
		if len(p.res.Parts) >= p.lim.Parts {
			p.note(BoundParts, "", src.offset(s.from))
			return
		}
		if !p.entity(src, k) {
			return
		}
	}
}

// extended reads a multipart that its container cuts short, up to where its own
// delimiters end: readers that look for the inner boundary first do that.
func (p *parser) extended(src *source, child context, cand candidate, start int, c context) {
	if p.readings >= p.lim.Readings {
		p.note(BoundReadings, "", -1)
		return
	}
	if !p.again(src, firstFrom(src.dashes, c.end), c.outerEnd, cand, func(k matchKind) bool { return k == exactMatch }) {
		p.note(Unterminated, cand.text, src.offset(c.start))
		return
	}
	if !p.fork(Overlapping, cand.text, src.offset(c.start)) {
		return
	}
	alt := child.other("o", Overlapping)
	alt.end = c.outerEnd
	ps, _ := p.split(src, start, c.outerEnd, cand, func(k matchKind) bool { return k == exactMatch })
	p.parts(src, alt, ps)
}

// beyond reads a multipart without delimiters of its own whose delimiters
// stand behind the end that its container gave it, as when both use one
// boundary.
func (p *parser) beyond(src *source, c context, v *view, start int, main string) {
	if c.end >= c.outerEnd {
		return
	}
	if p.readings >= p.lim.Readings {
		p.note(BoundReadings, "", -1)
		return
	}
	cands := p.candidates(src, v, start, c.outerEnd)
	if len(cands) == 0 || !p.fork(Overlapping, cands[0].text, src.offset(c.start)) {
		return
	}
	alt := c.other("o", Overlapping)
	alt.end = c.outerEnd
	p.multipart(src, alt, v, start, cands[0], main)
}

// encodedMultipart reads a multipart body that is itself encoded, which
// RFC 2045 section 6.4 forbids and some clients decode.
func (p *parser) encodedMultipart(src *source, c context, v *view, start int) {
	if len(v.ctes) == 0 && p.rendering == "" && len(v.types) == 1 && c.end-start > 1<<16 {
		return
	}
	for _, e := range p.encodings(v, src.buf[min(start, c.end):c.end]) {
		if e.name == "" || e.skip > 0 || e.id == UndeclaredEncoding && e.name != "base64" || src.level >= maxLevels {
			continue
		}
		for _, d := range decodings(e.name, src.buf[start:c.end], p) {
			inner := newSource(d.content, -1, src.level+1)
			if len(inner.dashes) == 0 || !p.fork(EncodedMultipart, e.name, src.offset(c.start)) {
				continue
			}
			alt := c.other("e", EncodedMultipart)
			alt.start, alt.end, alt.outerEnd = 0, len(d.content), len(d.content)
			p.sources = append(p.sources, inner)
			p.budget += 8 * len(inner.dashes)
			cands := p.candidates(inner, v, 0, len(d.content))
			if len(cands) > 0 {
				p.multipart(inner, alt, v, 0, cands[0], "multipart/mixed")
			}
			break
		}
	}
}

// maxLevels bounds encodings inside encodings.
const maxLevels = 8

func (s *source) token(t string) {
	if s.tokens == nil {
		s.tokens = map[string]bool{}
	}
	if t != "" && len(s.tokens) < 1000 {
		s.tokens[t] = true
	}
}

// charsetOf is the declared charset of a leaf.
func (v *view) charsetOf() string {
	for i := range v.types {
		for _, cs := range v.types[i].params.Values("charset") {
			return charset.Normalize(cs)
		}
	}
	return ""
}
