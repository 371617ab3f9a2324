package ole

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxModule bounds one decompressed container: VBA itself stops at 64 K lines.
const maxModule = 4 << 20

// chunkSize is what a chunk of a compressed container expands to at most,
// [MS-OVBA] section 2.4.1.1.4.
const chunkSize = 4096

// Decompress expands a compressed container of [MS-OVBA] section 2.4.1. It
// returns what it could expand beside an error that says why it stopped.
func Decompress(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != 1 {
		return nil, errors.New("decompressing VBA: no signature byte")
	}
	b = b[1:]
	var out []byte
	for len(b) >= 2 {
		head := binary.LittleEndian.Uint16(b)
		if head>>12&7 != 3 {
			return out, fmt.Errorf("decompressing VBA: chunk signature %d", head>>12&7)
		}
		size := int(head&0xfff) + 3
		chunk := b[2:min(size, len(b))]
		if len(out) > maxModule {
			return out, errors.New("decompressing VBA: too large")
		}
		if head>>15 == 0 {
			out = append(out, chunk[:min(len(chunk), chunkSize)]...)
			b = b[min(2+chunkSize, len(b)):]
			continue
		}
		var err error
		if out, err = expandChunk(out, chunk); err != nil {
			return out, err
		}
		b = b[min(size, len(b)):]
	}
	return out, nil
}

// expandChunk appends what a compressed chunk says, at most chunkSize bytes.
func expandChunk(out, in []byte) ([]byte, error) {
	start := len(out)
	for i := 0; i < len(in); {
		flags := in[i]
		i++
		for bit := range 8 {
			if i >= len(in) || len(out)-start >= chunkSize {
				return out, nil
			}
			if flags>>bit&1 == 0 {
				out = append(out, in[i])
				i++
				continue
			}
			if i+2 > len(in) {
				return out, errors.New("decompressing VBA: cut in a copy token")
			}
			token := binary.LittleEndian.Uint16(in[i:])
			i += 2
			length, offset := unpackToken(token, len(out)-start)
			from := len(out) - offset
			if from < start {
				return out, errors.New("decompressing VBA: a copy token points before its chunk")
			}
			length = min(length, chunkSize-(len(out)-start))
			for k := range length {
				out = append(out, out[from+k])
			}
		}
	}
	return out, nil
}

// unpackToken splits a copy token after done bytes of the chunk, section
// 2.4.1.3.19.
func unpackToken(token uint16, done int) (length, offset int) {
	bits := 4
	for 1<<bits < done {
		bits++
	}
	mask := uint16(0xffff) >> bits
	return int(token&mask) + 3, int(token&^mask>>(16-bits)) + 1
}
