package pdf

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"encoding/ascii85"
	"errors"
	"fmt"
	"io"

	"foregate/scan/file/tree"
)

// Bounds of decoding.
const (
	maxStream  = 32 << 20 // bytes of one decoded stream
	maxFilters = 8        // filters of one stream: honest ones have one or two
)

// decode undoes the filters of a stream up to an image format, whose name is
// returned. What could be decoded is returned beside the error.
func (d *doc) decode(s *dict, raw []byte) (out []byte, image string, err error) {
	filters := d.list(s.get("Filter"))
	if filters == nil {
		filters = d.list(s.get("F"))
	}
	parms := d.list(s.get("DecodeParms"))
	out = raw
	for i, f := range filters {
		n, ok := d.resolve(f).(name)
		if !ok {
			break
		}
		if i >= maxFilters {
			d.res.Find("file.pdf-many-filters", fmt.Sprint(len(filters)), "PDF %q packs a stream %d times over, to hide it", d.in.Name, len(filters))
			return out, "", nil
		}
		var p *dict
		if i < len(parms) {
			p, _ = d.resolve(parms[i]).(*dict)
		}
		next, img, ferr := d.filter(string(n), out, p)
		if img {
			return out, string(n), nil
		}
		if errors.Is(ferr, tree.ErrBudget) {
			return nil, "", ferr
		}
		if ferr != nil && len(next) == 0 {
			return nil, "", ferr
		}
		out = next
	}
	return out, "", nil
}

// filter undoes one filter, ISO 32000-1 section 7.4. image tells formats that
// are left to others.
func (d *doc) filter(n string, in []byte, p *dict) (out []byte, image bool, err error) {
	limit := min(maxStream, d.in.Budget.Bytes)
	read := func(r io.Reader) ([]byte, error) {
		out, err := io.ReadAll(io.LimitReader(r, limit))
		if terr := d.in.Budget.Take(int64(len(out)), int64(len(in))); terr != nil {
			return nil, terr
		}
		return out, err
	}
	switch n {
	case "FlateDecode", "Fl":
		// White space before the data and a bad checksum behind are common.
		z, err := zlib.NewReader(bytes.NewReader(bytes.TrimLeft(in, "\r\n")))
		if err != nil {
			return nil, false, fmt.Errorf("inflating: %w", err)
		}
		out, err = read(z)
		return d.predict(out, p), false, err
	case "LZWDecode", "LZW":
		if early, ok := d.resolve(p.get("EarlyChange")).(float64); ok && early == 0 {
			out, err = read(lzw.NewReader(bytes.NewReader(in), lzw.MSB, 8))
			return d.predict(out, p), false, err
		}
		out = unLZW(in, int(limit))
		return d.predict(out, p), false, d.in.Budget.Take(int64(len(out)), int64(len(in)))
	case "ASCIIHexDecode", "AHx":
		l := lexer{b: append([]byte("<"), in...)}
		v, _ := l.hex().(text)
		return v, false, nil
	case "ASCII85Decode", "A85":
		in = bytes.TrimPrefix(bytes.TrimSpace(in), []byte("<~"))
		if i := bytes.IndexByte(in, '~'); i >= 0 {
			in = in[:i]
		}
		out, err = read(ascii85.NewDecoder(bytes.NewReader(in)))
		return out, false, err
	case "RunLengthDecode", "RL":
		out = unRunLength(in, int(limit))
		return out, false, d.in.Budget.Take(int64(len(out)), int64(len(in)))
	case "DCTDecode", "DCT", "JPXDecode", "CCITTFaxDecode", "CCF", "JBIG2Decode":
		return nil, true, nil
	case "Crypt":
		return in, false, nil
	}
	return nil, false, fmt.Errorf("unknown filter %q", n)
}

// unLZW expands LZW as PDF does by default: code lengths change one code early.
func unLZW(in []byte, limit int) []byte {
	type entry struct {
		prev int
		last byte
		size int
	}
	const clear, eod = 256, 257
	table := make([]entry, 258, 4096)
	for i := range 256 {
		table[i] = entry{-1, byte(i), 1}
	}
	var out []byte
	emit := func(code int) byte {
		n := table[code].size
		at := len(out)
		out = append(out, make([]byte, n)...)
		for i := n - 1; i >= 0; i-- {
			out[at+i] = table[code].last
			code = table[code].prev
		}
		return out[at]
	}
	bits, width, acc, prev := 0, 9, 0, -1
	for _, c := range in {
		acc, bits = acc<<8|int(c), bits+8
		if bits < width {
			continue
		}
		code := acc >> (bits - width) & (1<<width - 1)
		bits -= width
		acc &= 1<<bits - 1
		switch {
		case code == eod || len(out) > limit:
			return out
		case code == clear:
			table, width, prev = table[:258], 9, -1
			continue
		case prev < 0:
			if code > 255 {
				return out
			}
			emit(code)
		case code < len(table):
			first := emit(code)
			if len(table) < 4096 {
				table = append(table, entry{prev, first, table[prev].size + 1})
			}
		case code == len(table) && len(table) < 4096:
			first := out[len(out)-table[prev].size]
			table = append(table, entry{prev, first, table[prev].size + 1})
			emit(code)
		default:
			return out
		}
		prev = code
		for width < 12 && len(table)+1 >= 1<<width {
			width++
		}
	}
	return out
}

func unRunLength(in []byte, limit int) []byte {
	var out []byte
	for i := 0; i < len(in) && len(out) < limit; {
		n := int(in[i])
		i++
		switch {
		case n == 128:
			return out
		case n < 128:
			e := min(i+n+1, len(in))
			out = append(out, in[i:e]...)
			i = e
		case i < len(in):
			out = append(out, bytes.Repeat(in[i:i+1], 257-n)...)
			i++
		}
	}
	return out
}

// predict undoes a predictor, section 7.4.4.4: PNG's filters by row. TIFF's is
// for pictures only and left alone.
func (d *doc) predict(b []byte, p *dict) []byte {
	num := func(key string, def int) int {
		if v, ok := d.resolve(p.get(key)).(float64); ok && v >= 1 && v <= 1<<16 {
			return int(v)
		}
		return def
	}
	if num("Predictor", 1) < 10 {
		return b
	}
	colours, bits := num("Colors", 1), num("BitsPerComponent", 8)
	if colours > 32 || bits > 16 {
		return b
	}
	row := (num("Columns", 1)*colours*bits + 7) / 8
	step := max(1, colours*bits/8)
	out := make([]byte, 0, len(b))
	prev := make([]byte, row)
	for len(b) > 1 {
		kind := b[0]
		cur := make([]byte, row)
		n := copy(cur, b[1:])
		b = b[1+n:]
		unfilter(kind, cur, prev, step)
		out = append(out, cur[:n]...)
		prev = cur
	}
	return out
}

// unfilter undoes one of PNG's row filters in place.
func unfilter(kind byte, cur, prev []byte, step int) {
	for i := range cur {
		var left, up, corner int
		up = int(prev[i])
		if i >= step {
			left, corner = int(cur[i-step]), int(prev[i-step])
		}
		switch kind {
		case 1:
			cur[i] += byte(left)
		case 2:
			cur[i] += byte(up)
		case 3:
			cur[i] += byte((left + up) / 2)
		case 4:
			cur[i] += byte(paeth(left, up, corner))
		}
	}
}

func paeth(a, b, c int) int {
	p := a + b - c
	pa, pb, pc := abs(p-a), abs(p-b), abs(p-c)
	if pa <= pb && pa <= pc {
		return a
	}
	if pb <= pc {
		return b
	}
	return c
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
