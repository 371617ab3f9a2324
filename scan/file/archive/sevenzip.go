package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/ulikunitz/xz/lzma"

	"foregate/scan/file/tree"
)

// The library that reads 7z allocates by the counts that a header tells and
// stretches keys as often as it is told. This file reads the same header first
// and refuses what no honest archive says.

// Bounds of a 7z header.
const (
	maxHeader7z = 16 << 20 // bytes of an unpacked header: a million names
	maxCount7z  = 1 << 16  // files, folders and streams
	maxCoders7z = 8        // coders of one folder; 7-Zip writes at most 4
	maxCycles7z = 21       // rounds of the key derivation, as a power of two; 7-Zip writes 19
)

// The marks of a header (7zFormat.txt of the LZMA SDK).
const (
	id7zEnd, id7zHeader, id7zProperties, id7zMoreStreams, id7zStreams, id7zFiles = 0, 1, 2, 3, 4, 5
	id7zPack, id7zUnpack, id7zSubstreams, id7zSize, id7zCRC, id7zFolder          = 6, 7, 8, 9, 10, 11
	id7zUnpackSize, id7zCounts, id7zPacked                                       = 12, 13, 0x17
)

var errSevenZip = errors.New("broken 7z header")

// check7z fails for headers that are broken or ask for too much.
func check7z(b []byte) error {
	const start = 32
	if len(b) < start {
		return fmt.Errorf("%w: cut off", errSevenZip)
	}
	at, size := le64(b[12:]), le64(b[20:])
	if size == 0 {
		return nil // empty
	}
	if at > uint64(len(b)) || size > uint64(len(b)) || start+at+size > uint64(len(b)) {
		return fmt.Errorf("%w: it lies outside of the file", errSevenZip)
	}
	header := b[start+at : start+at+size]
	for range 4 { // a packed header may be packed again
		r := &reader7z{b: header}
		switch r.byte() {
		case id7zHeader:
			return r.header()
		case id7zPacked:
			s := r.streams()
			if r.err != nil {
				return r.err
			}
			next, err := s.unpackHeader(b[start:])
			if err != nil || next == nil {
				return err
			}
			header = next
		default:
			return fmt.Errorf("%w: no mark", errSevenZip)
		}
	}
	return fmt.Errorf("%w: packed too often", errSevenZip)
}

// reader7z reads numbers until something is wrong.
type reader7z struct {
	b   []byte
	err error
}

func (r *reader7z) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{errSevenZip}, args...)...)
	}
}

func (r *reader7z) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader7z) take(n uint64) []byte {
	if n > uint64(len(r.b)) || r.err != nil {
		r.fail("cut off")
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// number reads a number: the leading ones of the first byte count the bytes
// that follow.
func (r *reader7z) number() uint64 {
	first := r.byte()
	more := bits.LeadingZeros8(^first)
	v := uint64(0)
	for i, c := range r.take(uint64(more)) {
		v |= uint64(c) << (8 * i)
	}
	if more < 7 {
		v |= uint64(first&(1<<(7-more)-1)) << (8 * more)
	}
	return v
}

// count reads a number that something is allocated by.
func (r *reader7z) count(what string, most uint64) int {
	n := r.number()
	if n > most {
		if r.err == nil {
			r.err = fmt.Errorf("%w: %d %s", tree.ErrBudget, n, what)
		}
		return 0
	}
	return int(n)
}

// digests skips checksums of n streams and tells how many there are.
func (r *reader7z) digests(n int) []bool {
	defined := make([]bool, n)
	if r.byte() != 0 {
		for i := range defined {
			defined[i] = true
		}
		r.take(4 * uint64(n))
		return defined
	}
	count := uint64(0)
	for i, c := range r.take(uint64(n+7) / 8) {
		for j := range 8 {
			if k := 8*i + j; k < n && c&(0x80>>j) != 0 {
				defined[k] = true
				count++
			}
		}
	}
	r.take(4 * count)
	return defined
}

// streams7z is what a header says of packed streams.
type streams7z struct {
	place     uint64
	packSizes []uint64
	folders   []folder7z
}

type folder7z struct {
	coders []coder7z
	outs   int
	sizes  []uint64
	crc    bool
}

type coder7z struct {
	id    string
	props []byte
}

// header reads a plain header as far as its counts.
func (r *reader7z) header() error {
	for r.err == nil {
		switch id := r.byte(); id {
		case id7zEnd:
			return r.err
		case id7zProperties:
			for r.err == nil && r.number() != 0 {
				r.take(r.number())
			}
		case id7zMoreStreams, id7zStreams:
			r.streams()
		case id7zFiles:
			r.count("files", maxCount7z)
			return r.err
		default:
			r.fail("mark %d", id)
		}
	}
	return r.err
}

func (r *reader7z) streams() *streams7z {
	s := &streams7z{}
	for r.err == nil {
		switch id := r.byte(); id {
		case id7zEnd:
			return s
		case id7zPack:
			r.pack(s)
		case id7zUnpack:
			r.unpack(s)
		case id7zSubstreams:
			r.substreams(s)
		default:
			r.fail("mark %d", id)
		}
	}
	return s
}

func (r *reader7z) pack(s *streams7z) {
	s.place = r.number()
	n := r.count("packed streams", maxCount7z)
	for r.err == nil {
		switch id := r.byte(); id {
		case id7zEnd:
			return
		case id7zSize:
			for range n {
				s.packSizes = append(s.packSizes, r.number())
			}
		case id7zCRC:
			r.digests(n)
		default:
			r.fail("mark %d", id)
		}
	}
}

func (r *reader7z) unpack(s *streams7z) {
	if r.byte() != id7zFolder {
		r.fail("no folders")
	}
	n := r.count("folders", maxCount7z)
	if r.byte() != 0 {
		r.fail("folders elsewhere")
	}
	for i := 0; i < n && r.err == nil; i++ {
		s.folders = append(s.folders, r.folder())
	}
	if r.byte() != id7zUnpackSize {
		r.fail("no sizes")
	}
	for i := range s.folders {
		for range s.folders[i].outs {
			s.folders[i].sizes = append(s.folders[i].sizes, r.number())
		}
	}
	for r.err == nil {
		switch id := r.byte(); id {
		case id7zEnd:
			return
		case id7zCRC:
			for i, d := range r.digests(len(s.folders)) {
				s.folders[i].crc = d
			}
		default:
			r.fail("mark %d", id)
		}
	}
}

// folder reads the coders of one folder and refuses what costs too much.
func (r *reader7z) folder() folder7z {
	var f folder7z
	ins := 0
	for range r.count("coders", maxCoders7z) {
		flags := r.byte()
		c := coder7z{id: string(r.take(uint64(flags & 15)))}
		in, out := 1, 1
		if flags&0x10 != 0 {
			in, out = r.count("inputs", maxCoders7z), r.count("outputs", maxCoders7z)
		}
		if flags&0x20 != 0 {
			c.props = r.take(r.number())
		}
		ins, f.outs = ins+in, f.outs+out
		if err := c.cost(); err != nil && r.err == nil {
			r.err = err
		}
		f.coders = append(f.coders, c)
	}
	pairs := max(f.outs-1, 0)
	for range 2 * pairs {
		r.number()
	}
	if packed := ins - pairs; packed > 1 {
		for range packed {
			r.number()
		}
	}
	return f
}

// The names of coders.
const (
	coderCopy, coderLZMA2 = "\x00", "\x21"
	coderLZMA, coderPPMd  = "\x03\x01\x01", "\x03\x04\x01"
	coderAES              = "\x06\xf1\x07\x01"
	propsLZMA, keep       = 5, 0x3f
)

// cost fails for coders that ask for more memory or time than is given.
func (c coder7z) cost() error {
	switch {
	case (c.id == coderLZMA || c.id == coderPPMd) && len(c.props) >= propsLZMA && le32(c.props[1:]) > maxDictionary:
		return fmt.Errorf("%w: a dictionary of %d bytes", tree.ErrBudget, le32(c.props[1:]))
	case c.id == coderLZMA2 && len(c.props) > 0 && c.props[0] > 28: // 28 is 64 MiB
		return fmt.Errorf("%w: a dictionary beyond %d bytes", tree.ErrBudget, maxDictionary)
	case c.id == coderAES && len(c.props) > 0 && c.props[0]&keep > maxCycles7z && c.props[0]&keep != keep:
		return fmt.Errorf("%w: a key of 2^%d rounds", tree.ErrBudget, c.props[0]&keep)
	}
	return nil
}

func (r *reader7z) substreams(s *streams7z) {
	counts := make([]int, len(s.folders))
	for i := range counts {
		counts[i] = 1
	}
	total := 0
	for r.err == nil {
		switch id := r.byte(); id {
		case id7zEnd:
			return
		case id7zCounts:
			for i := range counts {
				counts[i] = r.count("streams", maxCount7z)
				if total += counts[i]; total > maxCount7z {
					r.err = fmt.Errorf("%w: %d streams", tree.ErrBudget, total)
					return
				}
			}
		case id7zSize:
			for _, n := range counts {
				for range max(n-1, 0) {
					r.number()
				}
			}
		case id7zCRC:
			unknown := 0
			for i, n := range counts {
				if n != 1 || !s.folders[i].crc {
					unknown += n
				}
			}
			r.digests(unknown)
		default:
			r.fail("mark %d", id)
		}
	}
}

// unpackHeader unpacks a packed header. Nil without an error means that it is
// encrypted or packed in a way that is left to the library.
func (s *streams7z) unpackHeader(b []byte) ([]byte, error) {
	if len(s.folders) != 1 || len(s.packSizes) == 0 || len(s.folders[0].sizes) == 0 {
		return nil, fmt.Errorf("%w: its own header", errSevenZip)
	}
	f := s.folders[0]
	size := f.sizes[0]
	if size > maxHeader7z {
		return nil, fmt.Errorf("%w: a header of %d bytes", tree.ErrBudget, size)
	}
	n := s.packSizes[0]
	if s.place > uint64(len(b)) || n > uint64(len(b))-s.place {
		return nil, fmt.Errorf("%w: it lies outside of the file", errSevenZip)
	}
	packed := b[s.place : s.place+n]
	if len(f.coders) != 1 {
		return nil, nil
	}
	var r io.Reader
	var err error
	switch c := f.coders[0]; {
	case c.id == coderCopy:
		r = bytes.NewReader(packed)
	case c.id == coderLZMA && len(c.props) >= propsLZMA:
		head := binary.LittleEndian.AppendUint64(bytes.Clone(c.props[:propsLZMA]), size)
		r, err = lzma.NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(packed)))
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSevenZip, err)
	}
	out := make([]byte, size)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, fmt.Errorf("%w: %w", errSevenZip, err)
	}
	return out, nil
}
