package archive

import (
	"errors"
	"io"
)

// deflate64 decompresses "Enhanced Deflate" (method 9 of zip): Deflate with a
// window of 64 KiB, two more distance codes, and a length code 285 that reaches
// 65,538 bytes. Windows packs large files so.
type deflate64 struct {
	src  []byte
	bits uint64
	n    uint
	out  []byte // the window and what has not been read
	read int
	last bool
	done bool
	err  error
}

func newDeflate64(src []byte) io.Reader { return &deflate64{src: src} }

const window64 = 64 << 10

var errDeflate64 = errors.New("broken Deflate64 stream")

// Read implements io.Reader.
func (d *deflate64) Read(p []byte) (int, error) {
	for d.read == len(d.out) {
		if d.err != nil {
			return 0, d.err
		}
		if d.done {
			return 0, io.EOF
		}
		if len(d.out) > 4*window64 {
			d.out = append(d.out[:0], d.out[len(d.out)-window64:]...)
			d.read = len(d.out)
		}
		d.err = d.block()
	}
	n := copy(p, d.out[d.read:])
	d.read += n
	return n, nil
}

func (d *deflate64) need(n uint) bool {
	for d.n < n {
		if len(d.src) == 0 {
			return false
		}
		d.bits |= uint64(d.src[0]) << d.n
		d.src = d.src[1:]
		d.n += 8
	}
	return true
}

func (d *deflate64) take(n uint) (uint32, error) {
	if !d.need(n) {
		return 0, io.ErrUnexpectedEOF
	}
	v := uint32(d.bits & (1<<n - 1))
	d.bits >>= n
	d.n -= n
	return v, nil
}

// block decompresses one block (RFC 1951 section 3.2.3). A block is decoded
// whole; its output is bounded by what its bits can say.
func (d *deflate64) block() error {
	if d.last {
		d.done = true
		return nil
	}
	head, err := d.take(3)
	if err != nil {
		return err
	}
	d.last = head&1 == 1
	switch head >> 1 {
	case 0:
		return d.stored()
	case 1:
		return d.codes(fixedLiterals(), fixedDistances())
	case 2:
		lit, dist, err := d.tables()
		if err != nil {
			return err
		}
		return d.codes(lit, dist)
	}
	return errDeflate64
}

func (d *deflate64) stored() error {
	if _, err := d.take(d.n % 8); err != nil {
		return err
	}
	v, err := d.take(32)
	if err != nil {
		return err
	}
	n := int(v & 0xffff)
	if uint16(v)^uint16(v>>16) != 0xffff {
		return errDeflate64
	}
	for range n {
		c, err := d.take(8)
		if err != nil {
			return err
		}
		d.out = append(d.out, byte(c))
	}
	return nil
}

// huffman is a canonical code: count of codes by length, symbols in order.
type huffman struct {
	count  [16]int
	symbol []uint16
}

func newHuffman(lengths []byte) (*huffman, error) {
	h := &huffman{symbol: make([]uint16, len(lengths))}
	for _, l := range lengths {
		h.count[l]++
	}
	h.count[0] = 0
	left := 1
	var at [16]int
	for l := 1; l < 16; l++ {
		if left = left<<1 - h.count[l]; left < 0 {
			return nil, errDeflate64
		}
		if l < 15 {
			at[l+1] = at[l] + h.count[l]
		}
	}
	for s, l := range lengths {
		if l > 0 {
			h.symbol[at[l]] = uint16(s)
			at[l]++
		}
	}
	return h, nil
}

func (d *deflate64) symbol(h *huffman) (int, error) {
	code, first, index := 0, 0, 0
	for l := 1; l < 16; l++ {
		bit, err := d.take(1)
		if err != nil {
			return 0, err
		}
		code |= int(bit)
		if n := h.count[l]; code-n < first {
			return int(h.symbol[index+code-first]), nil
		} else {
			index += n
			first = (first + n) << 1
			code <<= 1
		}
	}
	return 0, errDeflate64
}

func fixedLiterals() *huffman {
	lengths := make([]byte, 288)
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	h, _ := newHuffman(lengths)
	return h
}

func fixedDistances() *huffman {
	lengths := make([]byte, 32)
	for i := range lengths {
		lengths[i] = 5
	}
	h, _ := newHuffman(lengths)
	return h
}

// tables reads the codes of a dynamic block (RFC 1951 section 3.2.7).
func (d *deflate64) tables() (lit, dist *huffman, err error) {
	v, err := d.take(14)
	if err != nil {
		return nil, nil, err
	}
	nlit, ndist, nlen := int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	var order = [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	var clen [19]byte
	for _, i := range order[:nlen] {
		c, err := d.take(3)
		if err != nil {
			return nil, nil, err
		}
		clen[i] = byte(c)
	}
	h, err := newHuffman(clen[:])
	if err != nil {
		return nil, nil, err
	}
	lengths := make([]byte, 0, nlit+ndist)
	for len(lengths) < nlit+ndist {
		s, err := d.symbol(h)
		if err != nil {
			return nil, nil, err
		}
		repeat, value := 1, byte(s)
		var extra uint32
		switch s {
		case 16:
			if len(lengths) == 0 {
				return nil, nil, errDeflate64
			}
			extra, err = d.take(2)
			repeat, value = 3+int(extra), lengths[len(lengths)-1]
		case 17:
			extra, err = d.take(3)
			repeat, value = 3+int(extra), 0
		case 18:
			extra, err = d.take(7)
			repeat, value = 11+int(extra), 0
		}
		if err != nil || len(lengths)+repeat > nlit+ndist {
			return nil, nil, errDeflate64
		}
		for range repeat {
			lengths = append(lengths, value)
		}
	}
	if lit, err = newHuffman(lengths[:nlit]); err != nil {
		return nil, nil, err
	}
	dist, err = newHuffman(lengths[nlit:])
	return lit, dist, err
}

// maxBlock64 bounds the output of one block, so that a reader can stop a bomb:
// a longer one is no honest file's.
const maxBlock64 = 64 << 20

// codes decompresses the body of a block.
func (d *deflate64) codes(lit, dist *huffman) error {
	base := [...]int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 3}
	bits := [...]uint{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 16}
	begin := len(d.out)
	for len(d.out)-begin < maxBlock64 {
		s, err := d.symbol(lit)
		switch {
		case err != nil:
			return err
		case s < 256:
			d.out = append(d.out, byte(s))
			continue
		case s == 256:
			return nil
		case s-257 >= len(base):
			return errDeflate64
		}
		extra, err := d.take(bits[s-257])
		if err != nil {
			return err
		}
		n := base[s-257] + int(extra)
		c, err := d.symbol(dist)
		if err != nil {
			return err
		}
		back := c + 1
		if c > 3 {
			eb := uint(c/2 - 1)
			extra, err := d.take(eb)
			if err != nil {
				return err
			}
			back = (2|c&1)<<eb + int(extra) + 1
		}
		if back > len(d.out) || back > window64 {
			return errDeflate64
		}
		for range n {
			d.out = append(d.out, d.out[len(d.out)-back])
		}
	}
	return errDeflate64
}
