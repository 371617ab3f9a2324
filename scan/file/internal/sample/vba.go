package sample

import "encoding/binary"

// Compress packs data as [MS-OVBA] section 2.4.1 does, with copy tokens.
func Compress(data []byte) []byte {
	out := []byte{1}
	for len(data) > 0 {
		n := min(4096, len(data))
		chunk := compressChunk(data[:n])
		data = data[n:]
		out = binary.LittleEndian.AppendUint16(out, uint16(len(chunk)-1)|0xB000)
		out = append(out, chunk...)
	}
	return out
}

func compressChunk(in []byte) []byte {
	var out []byte
	for i := 0; i < len(in); {
		flagAt := len(out)
		out = append(out, 0)
		for bit := 0; bit < 8 && i < len(in); bit++ {
			bits := 4
			for 1<<bits < i {
				bits++
			}
			length, offset := longest(in, i, 1<<bits, (0xffff>>bits)+3)
			if length < 3 {
				out = append(out, in[i])
				i++
				continue
			}
			out[flagAt] |= 1 << bit
			out = binary.LittleEndian.AppendUint16(out, uint16(offset-1)<<(16-bits)|uint16(length-3))
			i += length
		}
	}
	return out
}

func longest(in []byte, at, reach, most int) (length, offset int) {
	for from := at - 1; from >= 0 && at-from <= reach; from-- {
		n := 0
		for at+n < len(in) && n < most && in[from+n] == in[at+n] {
			n++
		}
		if n > length {
			length, offset = n, at-from
		}
	}
	return length, offset
}

// Module is a module of a VBA project.
type Module struct {
	Name   string
	Source string
	PCode  []byte // compiled form before the source
}

// VBA writes the streams of a VBA project below a storage, such as "Macros" or
// "_VBA_PROJECT_CUR"; "" is the root, as in vbaProject.bin. cache is the content
// of _VBA_PROJECT.
func VBA(storage string, cache []byte, modules ...Module) []Stream {
	if storage != "" {
		storage += "/"
	}
	le := binary.LittleEndian
	var dir []byte
	rec := func(id uint16, data []byte) {
		dir = le.AppendUint16(dir, id)
		dir = le.AppendUint32(dir, uint32(len(data)))
		dir = append(dir, data...)
	}
	rec(0x01, []byte{1, 0, 0, 0})
	rec(0x02, []byte{9, 4, 0, 0})
	rec(0x03, []byte{0xE4, 0x04}) // code page 1252
	rec(0x04, []byte("Project"))
	dir = le.AppendUint16(dir, 0x09) // its size lies: 4 is written, 6 follow
	dir = le.AppendUint32(dir, 4)
	dir = append(dir, 1, 2, 3, 4, 5, 6)
	rec(0x0F, le.AppendUint16(nil, uint16(len(modules))))
	rec(0x13, []byte{0xff, 0xff})
	out := []Stream{{storage + "PROJECT", []byte("ID=\"{00000000-0000-0000-0000-000000000000}\"\r\n")}}
	for _, m := range modules {
		rec(0x19, []byte(m.Name))
		rec(0x47, UTF16(m.Name))
		rec(0x1A, []byte(m.Name))
		rec(0x32, UTF16(m.Name))
		rec(0x31, le.AppendUint32(nil, uint32(len(m.PCode))))
		rec(0x21, nil)
		rec(0x2B, nil)
		source := "Attribute VB_Name = \"" + m.Name + "\"\r\n" + m.Source
		out = append(out, Stream{storage + "VBA/" + m.Name, append(append([]byte{}, m.PCode...), Compress([]byte(source))...)})
	}
	rec(0x10, nil)
	return append(out, Stream{storage + "VBA/dir", Compress(dir)}, Stream{storage + "VBA/_VBA_PROJECT", cache})
}
