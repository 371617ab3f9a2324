package picture

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
)

var errBMP = errors.New("not a bitmap that is read here")

// isBMP checks the file header: "BM", two reserved fields of zero, a known size
// of the second header.
func isBMP(b []byte) bool {
	if len(b) < 54 || b[0] != 'B' || b[1] != 'M' || b[6]|b[7]|b[8]|b[9] != 0 {
		return false
	}
	n := binary.LittleEndian.Uint32(b[14:])
	return n >= 40 && n <= 124
}

func bmpConfig(b []byte) (image.Config, error) {
	le := binary.LittleEndian
	w, h := int(int32(le.Uint32(b[18:]))), int(int32(le.Uint32(b[22:])))
	if h < 0 {
		h = -h // top to bottom
	}
	// 1<<16 keeps the products below an int32; no program draws larger ones.
	if w <= 0 || h <= 0 || w > 1<<16 || h > 1<<16 {
		return image.Config{}, errBMP
	}
	return image.Config{ColorModel: color.RGBAModel, Width: w, Height: h}, nil
}

// decodeBMP decodes uncompressed bitmaps of 1, 4, 8, 24 and 32 bits a pixel.
func decodeBMP(b []byte) (image.Image, error) {
	c, err := bmpConfig(b)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	depth, packing := int(le.Uint16(b[28:])), le.Uint32(b[30:])
	if packing != 0 && !(packing == 3 && depth == 32) {
		return nil, errBMP
	}
	header, start, used := int64(le.Uint32(b[14:])), int64(le.Uint32(b[10:])), int64(le.Uint32(b[46:]))
	stride := (int64(c.Width)*int64(depth) + 31) / 32 * 4
	if start < 14+header || start+stride*int64(c.Height) > int64(len(b)) {
		return nil, errBMP
	}
	out := image.NewRGBA(image.Rect(0, 0, c.Width, c.Height))
	var palette []byte
	switch depth {
	case 1, 4, 8:
		if used == 0 || used > 1<<depth {
			used = 1 << depth
		}
		if 14+header+4*used > start {
			return nil, errBMP
		}
		palette = b[14+header : 14+header+4*used]
	case 24, 32:
	default:
		return nil, errBMP
	}
	down := int32(le.Uint32(b[22:])) < 0
	for y := range c.Height {
		row := y
		if !down {
			row = c.Height - 1 - y
		}
		line := b[start+stride*int64(row):][:stride]
		for x := range c.Width {
			var px []byte
			if palette == nil {
				px = line[x*depth/8:]
			} else {
				at := x * depth
				i := int(line[at/8]>>(8-depth-at%8)) & (1<<depth - 1)
				if 4*i >= len(palette) {
					continue
				}
				px = palette[4*i:]
			}
			o := out.Pix[y*out.Stride+4*x:]
			o[0], o[1], o[2], o[3] = px[2], px[1], px[0], 0xff
		}
	}
	return out, nil
}
