package mime

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"foregate/mail/internal/header"
)

// outside lists uuencoded and yEnc files wherever they stand, preamble, epilogue
// and HTML included: a reader that knows no MIME decodes them all.
func (p *parser) outside(src *source) {
	for i, e := range embeddedFiles(src.buf) {
		q := Part{
			Path: "u" + strconv.Itoa(i+1), Reading: e.id, Type: "application/octet-stream", Encoding: e.id[len("mime."):], Disposition: "attachment",
			Structural: true, Offset: src.offset(e.at), Size: len(e.content), Content: e.content, Parent: -1,
		}
		if e.name != "" {
			q.FileNames = []string{e.name}
		}
		if p.decodable -= int64(len(e.content)); p.decodable < 0 {
			p.note(BoundDecoded, "", -1)
			return
		}
		if p.emit(q, true) >= 0 {
			p.note(e.id, e.name, src.offset(e.at))
		}
	}
}

// sweep looks for part headers that no reading claimed, in one pass over the
// lines that begin with "Content-".
func (p *parser) sweep(src *source) {
	p.outside(src)
	if len(src.heads) == 0 {
		return
	}
	n := 0
	claimed := claimIndex(src.claims)
	for i := 0; i < len(src.heads); {
		h := src.heads[i]
		i++
		if claimed.holds(h.from) {
			continue
		}
		if p.looked++; p.looked > maxLooked {
			p.note(BoundWork, "", src.offset(h.from))
			return
		}
		b := header.Scan(src.buf, h.from, len(src.buf), p.lim.Header, false, delimiterLike)
		for i < len(src.heads) && src.heads[i].from < b.Body {
			i++
		}
		// A blank line may have cut a header in two: the fields before it count.
		prev := src.before(h.from)
		if pv := readView(prev); isMultipart(pv.mainType(false)) {
			prev = nil
		}
		all := append(prev[:len(prev):len(prev)], b.Fields...)
		src.claim(h.from, header.Block{Body: b.Body, Fields: all})
		v := readView(all)
		if !partHeader(&v) {
			continue
		}
		if !p.reads(src.offset(h.from)) {
			return
		}
		for t := range v.types {
			for _, bd := range header.Boundaries(v.types[t].raw) {
				src.token(bd)
			}
		}
		if isMultipart(v.mainType(false)) {
			continue
		}
		n++
		if len(p.res.Parts) >= p.lim.Parts {
			p.note(BoundParts, "", src.offset(h.from))
			return
		}
		p.note(Undeclared, lineText(src, h.from), src.offset(h.from))
		end := src.sweepEnd(h, b.Body, i)
		c := context{
			path: "s" + strconv.Itoa(n), reading: Undeclared, structural: true, start: h.from, end: end, outerEnd: end,
			depth: p.lim.Depth, parent: -1,
		}
		if p.rendering != "" {
			c.reading = p.rendering
		}
		p.leaf(src, c, &v, b.Body, v.mainType(false))
		p.otherEnd(src, c, &v, b)
	}
}

// otherEnd reads a leaf again from the other place where its header may end.
func (p *parser) otherEnd(src *source, c context, v *view, b header.Block) {
	if b.AltBody < 0 || b.AltBody == b.Body || b.AltBody >= c.end || !p.fork(HeaderEnd, lineText(src, b.AltBody), src.offset(b.AltBody)) {
		return
	}
	p.leaf(src, c.other("h", HeaderEnd), v, b.AltBody, v.mainType(false))
}

// partHeader reports whether the fields look like the header of a part rather
// than prose.
func partHeader(v *view) bool {
	for i := range v.types {
		if strings.Contains(v.types[i].main, "/") {
			return true
		}
	}
	for i := range v.disps {
		d := header.ParseParams(v.disps[i].Value())
		if d.Main == "attachment" || d.Main == "inline" || len(d.List) > 0 {
			return true
		}
	}
	for _, c := range v.ctes {
		if names, plain := encodingNames(c); plain || len(names) > 0 && len(c) < maxEncodingName {
			return true
		}
	}
	return false
}

// maxEncodingName tells a misspelt encoding from a sentence about one.
const maxEncodingName = 40

// sweepEnd is where an undeclared part with header line h ends: at a delimiter
// line, or before the next part header.
func (s *source) sweepEnd(h line, body, nextHead int) int {
	end := len(s.buf)
	if nextHead < len(s.heads) {
		end = s.heads[nextHead].from
		if prev := s.prevLine(end); len(bytes.TrimSpace(s.buf[prev:end])) > 0 {
			end = s.contentEnd(body, max(prev, body))
		}
	}
	token := bytes.TrimSpace(s.buf[s.prevLine(h.from):h.from])
	token = bytes.TrimRight(token, "-")
	for k := firstFrom(s.dashes, body); k < len(s.dashes) && s.dashes[k].from < end; k++ {
		l := bytes.TrimSpace(s.buf[s.dashes[k].from:s.dashes[k].to])
		if len(token) > 2 && bytes.HasPrefix(l, token) || s.tokens[string(bytes.TrimPrefix(l, []byte("--")))] ||
			s.tokens[string(bytes.TrimSuffix(bytes.TrimPrefix(l, []byte("--")), []byte("--")))] {
			return s.contentEnd(body, s.dashes[k].from)
		}
	}
	return max(end, body)
}

// prevLine is the offset of the line before the one that starts at pos.
func (s *source) prevLine(pos int) int {
	if pos == 0 {
		return 0
	}
	from := max(0, pos-1000)
	return from + bytes.LastIndexByte(s.buf[from:pos-1], '\n') + 1
}

// claimIndex finds whether an offset stands in a claimed header.
type claims []span

func claimIndex(c []span) claims {
	s := slices.Clone(c)
	slices.SortFunc(s, func(a, b span) int { return a.from - b.from })
	out := s[:0]
	for _, x := range s {
		if n := len(out); n > 0 && x.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, x.to)
			continue
		}
		out = append(out, x)
	}
	return out
}

func (c claims) holds(pos int) bool {
	lo, hi := 0, len(c)
	for lo < hi {
		m := (lo + hi) / 2
		if c[m].to <= pos {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo < len(c) && c[lo].from <= pos
}
