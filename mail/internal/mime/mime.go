// Package mime reads the MIME structure of a message (RFC 2045, RFC 2046) in
// every way that some mail client would.
//
// A message is a tree of entities; an entity is a header and a body; the body
// of a multipart entity is cut into parts by delimiter lines. Standards leave
// open what a reader does when a header says two things, and clients differ.
// So the tree is read once as most clients do (the main reading), and wherever
// something is ambiguous it is read again the other way; leaves that only
// another reading reaches are listed with the name of the ambiguity. Last, a
// sweep looks for part headers that no reading claimed.
//
// All is bounded: the number of parts, the depth, the decoded bytes, the
// number of other readings, and the delimiter lines looked at, so that the
// cost is linear in the size of the message.
package mime

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"foregate/mail/internal/header"
)

// Limits bounds the work.
type Limits struct {
	Parts    int   // leaves and containers of all readings
	Depth    int   // nesting
	Readings int   // other readings
	Decoded  int64 // decoded bytes of all leaves of all readings
	Header   header.Limits
}

// Part is a leaf or container of one reading.
type Part struct {
	Path        string
	Reading     string // "" in the main reading, else the ID of the defect that forks it
	Type        string // in effect
	Declared    string
	Charset     string
	Encoding    string // in effect
	CTE         string // as declared, lower case, "" when absent
	Disposition string
	FileNames   []string
	ContentID   string
	Multipart   bool
	Nested      bool // stands inside an attached message
	Structural  bool // reached only through another reading of the structure
	Offset      int  // of the header in the message, −1 inside decoded content
	Size        int
	Sum         [sha256.Size]byte
	Content     []byte
	Parent      int // index of the container, −1 for the root
}

// Defect is a named oddity.
type Defect struct {
	ID     string
	Detail string
	Offset int
}

// Result is what Parse found.
type Result struct {
	Header header.Block // of the message itself
	// Enclosed is the header inside a message that is itself the first or only
	// piece of a split one (message/partial), else empty.
	Enclosed header.Block
	Parts    []Part
	Defects  []Defect
	Work     int // delimiter lines compared, for tests of linearity
	Read     int // headers of entities read in all readings, for the same
}

// Parse reads a message.
func Parse(raw []byte, lim Limits) Result {
	p := &parser{
		lim:       lim,
		seen:      map[leafKey]bool{},
		noted:     map[Defect]bool{},
		decodable: lim.Decoded,
	}
	src := newSource(raw, 0, 0)
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0 {
		p.note(BareCR, "every line ends with CR alone", 0)
		src = newSource(bytes.ReplaceAll(raw, []byte("\r"), []byte("\n")), 0, 0)
	}
	p.whole(src, &p.res.Header)
	p.transformed(raw)
	return p.res
}

// whole reads one rendering of the message: the tree, then the sweep.
func (p *parser) whole(src *source, top *header.Block) {
	p.budget += min(compares*len(src.dashes), max(maxCompares, minCompares*len(src.dashes))) + 4096
	c := context{path: "1", parent: -1, end: len(src.buf), outerEnd: len(src.buf), top: top, reading: p.rendering, root: true}
	c.structural = p.rendering != ""
	p.sources = append(p.sources, src)
	p.entity(src, c)
	p.reassemble()
	for i := 0; i < len(p.sources); i++ {
		p.sweep(p.sources[i])
	}
	p.sources = nil
}

// Bounds of the comparisons with delimiter lines. A tree of 32 levels looks at a
// line twice per level; where there are more than some hundred thousand lines,
// a tree is flatter than that or made to exhaust.
const (
	compares    = 64       // for each line that may be a delimiter
	maxCompares = 16 << 20 // of one rendering of the message
	minCompares = 4        // for each line in any case: the main reading of one level, and another
)

// transformed reads the message again with the bytes changed that some readers
// drop or take for line ends.
func (p *parser) transformed(raw []byte) {
	again := func(id, detail string, buf []byte) {
		if p.readings >= p.lim.Readings {
			p.note(BoundReadings, "", -1)
			return
		}
		p.readings++
		p.note(id, detail, bytes.IndexAny(raw, "\x00\r"))
		p.rendering = id
		src := newSource(buf, -1, 0)
		p.whole(src, nil)
		p.rendering = ""
	}
	if i := bytes.IndexByte(raw, 0); i >= 0 {
		again(NUL, "NUL bytes", bytes.ReplaceAll(raw, []byte{0}, nil))
	}
	if bytes.IndexByte(raw, '\n') >= 0 && hasBareCR(raw) {
		again(BareCR, "CR without LF", crToLF(raw))
		again(BareCR, "CR without LF", dropBareCR(raw))
	}
	if i := oddBreak(raw); i >= 0 {
		again(OddLineBreak, "a control character that some readers take for a line end", replaceOddBreaks(raw))
	}
}

func hasBareCR(b []byte) bool {
	for i := 0; i < len(b); {
		j := bytes.IndexByte(b[i:], '\r')
		if j < 0 {
			return false
		}
		i += j + 1
		if i >= len(b) || b[i] != '\n' {
			return true
		}
	}
	return false
}

func crToLF(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c == '\r' && (i+1 >= len(out) || out[i+1] != '\n') {
			out[i] = '\n'
		}
	}
	return out
}

func dropBareCR(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i, c := range b {
		if c == '\r' && (i+1 >= len(b) || b[i+1] != '\n') {
			continue
		}
		out = append(out, c)
	}
	return out
}

// oddBreaks are the control characters that some readers take for line ends.
const oddBreaks = "\v\f\x1c\x1d\x1e"

// oddBreak finds a vertical tab, form feed or separator that is followed by a
// header-like or delimiter-like text, or −1.
func oddBreak(b []byte) int {
	if !slices.ContainsFunc([]byte(oddBreaks), func(c byte) bool { return bytes.IndexByte(b, c) >= 0 }) {
		return -1 // nearly every message
	}
	for i := 0; i < len(b); {
		j := bytes.IndexAny(b[i:min(len(b), i+1<<20)], oddBreaks)
		if j < 0 {
			if i+1<<20 >= len(b) {
				return -1
			}
			i += 1 << 20
			continue
		}
		i += j + 1
		if rest := b[i:]; bytes.HasPrefix(rest, []byte("--")) || hasFold(rest, "content-") {
			return i - 1
		}
	}
	return -1
}

func replaceOddBreaks(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c == '\v' || c == '\f' || c >= 0x1c && c <= 0x1e {
			out[i] = '\n'
		}
	}
	return out
}

func hasFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

type leafKey struct {
	sum  [sha256.Size]byte
	name string
}

type parser struct {
	lim       Limits
	res       Result
	seen      map[leafKey]bool
	noted     map[Defect]bool
	readings  int   // of the structure
	decodings int   // of leaves
	budget    int   // delimiter lines that may still be compared
	decodable int64 // bytes that may still be decoded
	looked    int   // lines like part headers that the sweep looked at
	rendering string
	sources   []*source  // to be swept
	fragments []fragment // to be put together
}

type span struct{ from, to int }

// context is where an entity stands.
type context struct {
	path       string
	reading    string
	structural bool // reached through another reading of the structure
	start, end int
	outerEnd   int // end of the enclosing multipart's body
	depth      int
	parent     int
	nested     bool // inside an attached message
	root       bool // a message, not a body part
	digest     bool // the default type is message/rfc822 (RFC 2046 section 5.1.5)
	top        *header.Block
	filesOnly  bool // texts without a name are known from another reading
}

// note records a defect once per place.
func (p *parser) note(id, detail string, off int) {
	k, first := Defect{ID: id, Offset: off}, Defect{ID: id, Offset: firstOfID}
	if p.noted[k] || len(p.res.Defects) >= maxDefects && p.noted[first] {
		return
	}
	if len(detail) > maxDetail {
		detail = detail[:maxDetail]
	}
	d := Defect{id, strconv.QuoteToASCII(detail), off}
	d.Detail = d.Detail[1 : len(d.Detail)-1]
	if len(d.Detail) > maxDetail {
		d.Detail = d.Detail[:maxDetail]
	}
	p.noted[k], p.noted[first] = true, true
	p.res.Defects = append(p.res.Defects, d)
}

const (
	maxDetail  = 200 // bytes of a detail: a log line
	maxDefects = 500 // of one message, and the first of each kind: more explain nothing
	firstOfID  = -2  // no offset: marks that a defect of this kind is recorded
)

// fork takes one other reading from the bound.
func (p *parser) fork(id, detail string, off int) bool {
	p.note(id, detail, off)
	if p.readings >= p.lim.Readings {
		p.note(BoundReadings, "", -1)
		return false
	}
	p.readings++
	return true
}

// forkDecoding takes one other decoding of a leaf. These have a bound of their
// own, so that odd encodings cannot use up the readings of the structure.
func (p *parser) forkDecoding(id, detail string, off int) bool {
	p.note(id, detail, off)
	if p.decodings >= decodingsPerReading*p.lim.Readings {
		p.note(BoundReadings, "", -1)
		return false
	}
	p.decodings++
	return true
}

// decodingsPerReading relates the two bounds: a leaf with irregular base64 has
// about ten decodings.
const decodingsPerReading = 8

// Bounds of what is read without becoming a part. A header costs some
// microseconds even where it names a part that is known already, and one
// message of 50 MiB can hold a million of them.
const (
	readsPerPart = 8       // headers read in all readings, for each part allowed
	maxLooked    = 1 << 16 // lines like part headers that the sweep looks at
)

// reads takes one header of an entity from the bound.
func (p *parser) reads(off int) bool {
	if p.res.Read >= readsPerPart*p.lim.Parts {
		p.note(BoundWork, "", off)
		return false
	}
	p.res.Read++
	return true
}

// addPart appends a part unless the bound is reached; it returns its index or −1.
func (p *parser) addPart(part Part) int {
	if len(p.res.Parts) >= p.lim.Parts {
		p.note(BoundParts, "", part.Offset)
		return -1
	}
	p.res.Parts = append(p.res.Parts, part)
	return len(p.res.Parts) - 1
}

// HexSum is the part's SHA-256 in hex.
func (p *Part) HexSum() string { return hex.EncodeToString(p.Sum[:]) }
