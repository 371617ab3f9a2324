package canon

import (
	"bytes"
	"hash"
)

// NoLimit as a limit of HashBody takes in the whole body.
const NoLimit int64 = -1

// chunk is the size of the buffer in front of the hash: large enough that the
// hash works on long runs, small enough for the cache.
const chunk = 8 << 10

// HashBody writes the canonical body (RFC 6376 sections 3.4.3 and 3.4.4) to h,
// at most limit bytes of it (the l= tag), and returns the length of the whole
// canonical body in bytes.
func (m Message) HashBody(h hash.Hash, form Form, limit int64) int64 {
	w := writer{h: h, limit: limit}
	if form == Simple && !m.local {
		w.simpleWire(m.Body)
	} else {
		w.lines(m, form)
	}
	w.flush()
	return w.total
}

// writer buffers and cuts what goes into a hash.
type writer struct {
	h     hash.Hash
	limit int64 // bytes that may still be hashed; negative without limit
	total int64
	buf   [chunk]byte
	n     int
}

func (w *writer) write(b []byte) {
	w.total += int64(len(b))
	if w.limit >= 0 {
		if int64(len(b)) > w.limit {
			b = b[:w.limit]
		}
		w.limit -= int64(len(b))
	}
	if len(b) >= chunk {
		w.flush()
		w.h.Write(b)
		return
	}
	if len(b) > chunk-w.n {
		w.flush()
	}
	w.n += copy(w.buf[w.n:], b)
}

func (w *writer) flush() {
	w.h.Write(w.buf[:w.n])
	w.n = 0
}

func (w *writer) crlf() {
	w.byte('\r')
	w.byte('\n')
}

func (w *writer) byte(c byte) {
	w.total++
	if w.limit == 0 {
		return
	}
	if w.limit > 0 {
		w.limit--
	}
	if w.n == chunk {
		w.flush()
	}
	w.buf[w.n] = c
	w.n++
}

// simpleWire hashes a body in wire form as it is, less its empty last lines.
func (w *writer) simpleWire(body []byte) {
	crlf := []byte("\r\n")
	for bytes.HasSuffix(body, crlf) {
		body = body[:len(body)-2]
	}
	w.write(body)
	w.crlf() // an empty body is one CRLF too (section 3.4.3)
}

// lines hashes line by line, holding empty lines back until more follows.
func (w *writer) lines(m Message, form Form) {
	empty, any := 0, false
	for rest := m.Body; len(rest) > 0; {
		var line []byte
		line, rest = m.line(rest)
		if form == Relaxed {
			line = bytes.TrimRight(line, " \t")
		}
		if len(line) == 0 {
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			w.crlf()
		}
		any = true
		if form == Relaxed {
			w.squeezed(line)
		} else {
			w.write(line)
		}
		w.crlf()
	}
	if !any && form == Simple {
		w.crlf() // section 3.4.3; the relaxed empty body has no bytes
	}
}

// squeezed writes a line with every run of blanks made one space. Most lines
// have no run, which two fast searches tell.
func (w *writer) squeezed(line []byte) {
	if bytes.IndexByte(line, '\t') < 0 && !bytes.Contains(line, []byte("  ")) {
		w.write(line)
		return
	}
	blank := false
	for _, c := range line {
		if isBlank(c) {
			blank = true
			continue
		}
		if blank {
			w.byte(' ')
			blank = false
		}
		w.byte(c)
	}
}
