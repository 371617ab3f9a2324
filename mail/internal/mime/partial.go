package mime

import (
	"bytes"
	"slices"
	"strconv"

	"foregate/mail/internal/header"
)

// fragment is one piece of a message that was split (message/partial, RFC 2046
// section 5.2.2).
type fragment struct {
	id      string
	number  int
	total   int // 0 when not given: only the last piece must
	path    string
	parent  int
	depth   int
	content []byte
}

// maxFragments bounds the pieces kept: a split message has a dozen.
const maxFragments = 100

// fragmentOf reads the parameters of a message/partial field; number is 0 when
// there is none.
func fragmentOf(declared string) fragment {
	ps := header.ParseParams(declared)
	num := func(name string) int {
		for _, v := range ps.Values(name) {
			if n, err := strconv.Atoi(v); err == nil && n > 0 {
				return n
			}
		}
		return 0
	}
	f := fragment{number: num("number"), total: num("total")}
	for _, v := range ps.Values("id") {
		f.id = v
		break
	}
	return f
}

// whole reports whether the piece is all of its message.
func (f *fragment) whole() bool { return f.number == 1 && f.total == 1 }

// keep notes a piece for reassemble; of two with one number the first counts.
func (p *parser) keep(f fragment) {
	if f.whole() || f.number == 0 || len(p.fragments) >= maxFragments ||
		slices.ContainsFunc(p.fragments, func(o fragment) bool { return o.id == f.id && o.number == f.number }) {
		return
	}
	p.fragments = append(p.fragments, f)
}

// reassemble puts the pieces together that one message carries, by id and
// number, and reads the result as a message. Pieces end at line ends (RFC 2046
// section 5.2.2); the last line end of a part belongs to the delimiter behind
// it and is put back. Where pieces are missing, what is there is read.
func (p *parser) reassemble() {
	all := p.fragments
	p.fragments = nil
	slices.SortStableFunc(all, func(a, b fragment) int { return a.number - b.number })
	done := map[string]bool{}
	for i := range all {
		f := &all[i]
		if done[f.id] {
			continue
		}
		done[f.id] = true
		var buf []byte
		n := 0
		for k := i; k < len(all); k++ {
			if all[k].id != f.id {
				continue
			}
			if len(buf) > 0 && !bytes.HasSuffix(buf, []byte("\n")) {
				buf = append(buf, "\r\n"...)
			}
			buf = append(buf, all[k].content...)
			n++
		}
		p.decodable -= int64(len(buf))
		if n < 2 || p.decodable < 0 || !p.fork(Reassembled, strconv.Itoa(n)+" pieces of "+f.id, -1) {
			continue
		}
		src := newSource(buf, -1, 1)
		p.budget += 8 * len(src.dashes)
		p.sources = append(p.sources, src)
		p.entity(src, context{
			path: f.path + "'p", reading: Reassembled, structural: true, end: len(buf), outerEnd: len(buf),
			depth: f.depth + 1, parent: f.parent, nested: true, root: true,
		})
	}
}
