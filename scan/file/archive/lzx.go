package archive

import (
	"errors"
	"fmt"
)

// lzxDecoder decompresses LZX ([MS-PATCH] as cabinets use it): Lempel-Ziv with
// Huffman codes for literals with positions, lengths and aligned offset bits,
// and a filter for the targets of x86 calls.
type lzxDecoder struct {
	window                            []byte
	mask                              int
	pos                               int // in the window
	slots                             int
	recent                            [3]int
	main                              []byte // code lengths, kept between blocks
	length                            []byte
	header                            bool
	fileSize                          int64 // of the x86 filter, 0 when off
	frame                             int64
	kind                              uint32
	left                              int // bytes left of the current block
	odd                               bool
	mainCode, lengthCode, alignedCode *lzxCode
	bits                              lzxBits
}

var errLZX = errors.New("broken LZX stream")

// newLZX returns a decoder for a window of 2^n bytes, nil for sizes that the
// format does not have.
func newLZX(n uint) *lzxDecoder {
	if n < 15 || n > 21 {
		return nil
	}
	slots := map[uint]int{15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}[n]
	return &lzxDecoder{
		window: make([]byte, 1<<n), mask: 1<<n - 1, slots: slots, recent: [3]int{1, 1, 1},
		main: make([]byte, 256+8*slots), length: make([]byte, 249),
	}
}

// lzxBits reads bits from 16 bit little-endian words, highest first.
type lzxBits struct {
	src []byte
	acc uint64
	n   uint
	bad bool
}

func (b *lzxBits) fill(n uint) {
	for b.n < n {
		if len(b.src) < 2 {
			if len(b.src) == 0 && b.n+16 > 64 {
				b.bad = true
				return
			}
			// Zeros may be read past the end; taking them is an error.
			b.acc <<= 16
			if len(b.src) == 1 {
				b.acc |= uint64(b.src[0])
				b.src = nil
			} else {
				b.bad = true
			}
			b.n += 16
			continue
		}
		b.acc = b.acc<<16 | uint64(b.src[0]) | uint64(b.src[1])<<8
		b.src = b.src[2:]
		b.n += 16
	}
}

func (b *lzxBits) take(n uint) uint32 {
	if n == 0 {
		return 0
	}
	if n > 16 {
		hi := b.take(n - 16)
		return hi<<16 | b.take(16)
	}
	b.fill(n)
	if b.n < n {
		b.bad = true
		return 0
	}
	b.n -= n
	return uint32(b.acc >> b.n & (1<<n - 1))
}

// lzxCode is a canonical Huffman code, by count of each length.
type lzxCode struct {
	count  [17]int
	symbol []uint16
}

func newLZXCode(lengths []byte) (*lzxCode, error) {
	c := &lzxCode{symbol: make([]uint16, len(lengths))}
	for _, l := range lengths {
		if l > 16 {
			return nil, errLZX
		}
		c.count[l]++
	}
	c.count[0] = 0
	left := 1
	var at [18]int
	for l := 1; l <= 16; l++ {
		if left = left<<1 - c.count[l]; left < 0 {
			return nil, errLZX
		}
		at[l+1] = at[l] + c.count[l]
	}
	for s, l := range lengths {
		if l > 0 {
			c.symbol[at[l]] = uint16(s)
			at[l]++
		}
	}
	return c, nil
}

func (b *lzxBits) symbol(c *lzxCode) int {
	code, first, index := 0, 0, 0
	for l := 1; l <= 16; l++ {
		code |= int(b.take(1))
		n := c.count[l]
		if code-n < first {
			return int(c.symbol[index+code-first])
		}
		index += n
		first = (first + n) << 1
		code <<= 1
	}
	b.bad = true
	return 0
}

// block appends one cabinet block of n plain bytes to out.
func (d *lzxDecoder) block(out, src []byte, n int) ([]byte, error) {
	d.bits = lzxBits{src: src}
	if !d.header {
		d.header = true
		if d.bits.take(1) == 1 {
			d.fileSize = int64(d.bits.take(32))
		}
	}
	start := len(out)
	for len(out)-start < n {
		if d.left == 0 {
			if err := d.start(); err != nil {
				return out, err
			}
		}
		want := min(d.left, n-(len(out)-start))
		before := len(out)
		var err error
		if d.kind == 3 {
			out, err = d.stored(out, want)
		} else {
			out, err = d.decode(out, want)
		}
		if err != nil {
			return out, err
		}
		got := len(out) - before
		if got == 0 || got > d.left {
			return out, errLZX
		}
		d.left -= got
	}
	if len(out)-start != n {
		return out[:start+min(n, len(out)-start)], fmt.Errorf("%w: a match leaves its block", errLZX)
	}
	d.calls(out[start:])
	d.frame += int64(n)
	return out, nil
}

// start reads the head of an LZX block.
func (d *lzxDecoder) start() error {
	if d.kind == 3 && d.odd && len(d.bits.src) > 0 {
		d.bits.src = d.bits.src[1:]
	}
	d.odd = false
	d.kind = d.bits.take(3)
	d.left = int(d.bits.take(24))
	if d.bits.bad || d.left == 0 {
		return errLZX
	}
	switch d.kind {
	case 2:
		var lengths [8]byte
		for i := range lengths {
			lengths[i] = byte(d.bits.take(3))
		}
		code, err := newLZXCode(lengths[:])
		if err != nil {
			return err
		}
		d.alignedCode = code
		return d.trees()
	case 1:
		return d.trees()
	case 3:
		return d.storedHead()
	}
	return fmt.Errorf("%w: block type %d", errLZX, d.kind)
}

// storedHead aligns to a word and reads the three last offsets.
func (d *lzxDecoder) storedHead() error {
	if d.bits.n == 0 {
		d.bits.take(16)
	}
	// Whole words that were read ahead go back.
	d.bits.n %= 16
	d.bits.n = 0
	if len(d.bits.src) < 12 {
		return errLZX
	}
	for i := range d.recent {
		d.recent[i] = int(le32(d.bits.src[4*i:]))
	}
	d.bits.src = d.bits.src[12:]
	d.odd = d.left%2 == 1
	return nil
}

func (d *lzxDecoder) stored(out []byte, n int) ([]byte, error) {
	if len(d.bits.src) < n {
		return out, errLZX
	}
	for _, c := range d.bits.src[:n] {
		d.window[d.pos] = c
		d.pos = (d.pos + 1) & d.mask
	}
	out = append(out, d.bits.src[:n]...)
	d.bits.src = d.bits.src[n:]
	return out, nil
}

// trees reads the code lengths of a block, told as differences to the last.
func (d *lzxDecoder) trees() error {
	for _, part := range [][]byte{d.main[:256], d.main[256:], d.length} {
		if err := d.lengths(part); err != nil {
			return err
		}
	}
	var err error
	if d.mainCode, err = newLZXCode(d.main); err != nil {
		return err
	}
	d.lengthCode, err = newLZXCode(d.length)
	return err
}

func (d *lzxDecoder) lengths(part []byte) error {
	var pre [20]byte
	for i := range pre {
		pre[i] = byte(d.bits.take(4))
	}
	code, err := newLZXCode(pre[:])
	if err != nil {
		return err
	}
	for i := 0; i < len(part); {
		s := d.bits.symbol(code)
		if d.bits.bad {
			return errLZX
		}
		repeat, value := 1, byte(0)
		switch s {
		case 17:
			repeat = 4 + int(d.bits.take(4))
		case 18:
			repeat = 20 + int(d.bits.take(5))
		case 19:
			repeat = 4 + int(d.bits.take(1))
			s = d.bits.symbol(code)
			fallthrough
		default:
			if s > 16 {
				return errLZX
			}
			value = byte((int(part[i]) - s + 17) % 17)
		}
		if i+repeat > len(part) {
			return errLZX
		}
		for range repeat {
			part[i] = value
			i++
		}
	}
	return nil
}

// decode unpacks n bytes; a match may not reach beyond them.
func (d *lzxDecoder) decode(out []byte, n int) ([]byte, error) {
	end := len(out) + n
	for len(out) < end {
		s := d.bits.symbol(d.mainCode)
		if d.bits.bad {
			return out, errLZX
		}
		if s < 256 {
			d.window[d.pos] = byte(s)
			d.pos = (d.pos + 1) & d.mask
			out = append(out, byte(s))
			continue
		}
		s -= 256
		length := s & 7
		if length == 7 {
			length += d.bits.symbol(d.lengthCode)
		}
		length += 2
		back := d.offset(s >> 3)
		if d.bits.bad || back <= 0 || back > len(d.window) || len(out)+length > end {
			return out, errLZX
		}
		for range length {
			c := d.window[(d.pos-back)&d.mask]
			d.window[d.pos] = c
			d.pos = (d.pos + 1) & d.mask
			out = append(out, c)
		}
	}
	return out, nil
}

// offset returns how far back a match lies, and keeps the last three.
func (d *lzxDecoder) offset(slot int) int {
	switch slot {
	case 0:
		return d.recent[0]
	case 1, 2:
		d.recent[0], d.recent[slot] = d.recent[slot], d.recent[0]
		return d.recent[0]
	}
	base, extra := slotBase(slot)
	v := base - 2
	if d.kind == 2 && extra >= 3 {
		v += int(d.bits.take(extra-3)) << 3
		v += d.bits.symbol(d.alignedCode)
	} else {
		v += int(d.bits.take(extra))
	}
	d.recent = [3]int{v, d.recent[0], d.recent[1]}
	return v
}

// slotBase returns the first offset of a position slot and its extra bits.
func slotBase(slot int) (base int, extra uint) {
	for s := range slot {
		base += 1 << slotBits(s)
	}
	return base, slotBits(slot)
}

func slotBits(slot int) uint {
	if slot < 4 {
		return 0
	}
	return uint(min(slot/2-1, 17))
}

// calls undoes the filter of x86 call instructions in one frame.
func (d *lzxDecoder) calls(b []byte) {
	if d.fileSize == 0 || len(b) <= 10 || d.frame >= 1<<30 {
		return
	}
	for i := 0; i < len(b)-10; i++ {
		if b[i] != 0xe8 {
			continue
		}
		at := d.frame + int64(i)
		abs := int64(int32(le32(b[i+1:])))
		if abs >= -at && abs < d.fileSize {
			rel := abs + d.fileSize
			if abs >= 0 {
				rel = abs - at
			}
			v := uint32(rel)
			b[i+1], b[i+2], b[i+3], b[i+4] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
		}
		i += 4
	}
}
