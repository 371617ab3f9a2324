// Package sample writes the files that the tests of the parsers look into:
// inert documents, containers and objects, made byte by byte. Nothing but tests
// uses it.
package sample

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
)

// Stream is one stream of a compound file; the slashes of its path make the
// storages.
type Stream struct {
	Path string
	Data []byte
}

// Class is a class identifier of a storage, as its 16 bytes lie in the file.
type Class struct {
	Path string
	ID   [16]byte
}

type dirEntry struct {
	name  string
	kind  byte
	data  []byte
	clsid [16]byte
	kids  []int
	right int
	child int
	start uint32
}

const (
	endOfChain = 0xFFFFFFFE
	freeSector = 0xFFFFFFFF
	fatSector  = 0xFFFFFFFD
)

// Compound writes a compound file of version 3 ([MS-CFB]) with these streams.
// Siblings are chained to the right, which readers accept.
func Compound(streams []Stream, classes ...Class) []byte {
	dirs := layout(streams, classes)
	var body []byte // sectors from number 0
	var fat []uint32
	put := func(b []byte) uint32 {
		if len(b) == 0 {
			return endOfChain
		}
		start := uint32(len(fat))
		n := (len(b) + 511) / 512
		for i := range n {
			fat = append(fat, start+uint32(i)+1)
		}
		fat[len(fat)-1] = endOfChain
		body = append(append(body, b...), make([]byte, n*512-len(b))...)
		return start
	}
	var mini []byte
	var miniFAT []uint32
	for i := range dirs {
		d := &dirs[i]
		switch {
		case d.kind != 2:
		case len(d.data) == 0:
			d.start = endOfChain
		case len(d.data) < 4096:
			d.start = uint32(len(miniFAT))
			n := (len(d.data) + 63) / 64
			for k := range n {
				miniFAT = append(miniFAT, d.start+uint32(k)+1)
			}
			miniFAT[len(miniFAT)-1] = endOfChain
			mini = append(append(mini, d.data...), make([]byte, n*64-len(d.data))...)
		default:
			d.start = put(d.data)
		}
	}
	dirs[0].start, dirs[0].data = put(mini), mini
	for len(miniFAT)%128 != 0 {
		miniFAT = append(miniFAT, freeSector)
	}
	miniStart := put(dwords(miniFAT))
	dirStart := put(directory(dirs))
	// The table describes itself too.
	n := (len(fat) + 126) / 127
	fatStart := uint32(len(fat))
	for range n {
		fat = append(fat, fatSector)
	}
	for len(fat)%128 != 0 {
		fat = append(fat, freeSector)
	}
	h := make([]byte, 512)
	copy(h, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	le := binary.LittleEndian
	le.PutUint16(h[24:], 0x3E)
	le.PutUint16(h[26:], 3)
	le.PutUint16(h[28:], 0xFFFE)
	le.PutUint16(h[30:], 9)
	le.PutUint16(h[32:], 6)
	le.PutUint32(h[44:], uint32(len(fat)/128))
	le.PutUint32(h[48:], dirStart)
	le.PutUint32(h[56:], 4096)
	le.PutUint32(h[60:], miniStart)
	le.PutUint32(h[64:], uint32(len(miniFAT)/128))
	le.PutUint32(h[68:], endOfChain)
	for i := range 109 {
		v := uint32(freeSector)
		if i < len(fat)/128 {
			v = fatStart + uint32(i)
		}
		le.PutUint32(h[76+4*i:], v)
	}
	return append(append(h, body...), dwords(fat)...)
}

func dwords(v []uint32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

// layout makes the entries of storages and streams and links siblings.
func layout(streams []Stream, classes []Class) []dirEntry {
	dirs := []dirEntry{{name: "Root Entry", kind: 5}}
	at := map[string]int{"": 0}
	var storage func(path string) int
	add := func(path string, kind byte, data []byte) int {
		up, name := "", path
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			up, name = path[:i], path[i+1:]
		}
		p := storage(up)
		dirs = append(dirs, dirEntry{name: name, kind: kind, data: data})
		dirs[p].kids = append(dirs[p].kids, len(dirs)-1)
		return len(dirs) - 1
	}
	storage = func(path string) int {
		if i, ok := at[path]; ok {
			return i
		}
		i := add(path, 1, nil)
		at[path] = i
		return i
	}
	for _, s := range streams {
		add(s.Path, 2, s.Data)
	}
	for _, c := range classes {
		dirs[storage(c.Path)].clsid = c.ID
	}
	for i := range dirs {
		dirs[i].right, dirs[i].child = -1, -1
	}
	for i := range dirs {
		kids := slices.Clone(dirs[i].kids)
		slices.SortFunc(kids, func(a, b int) int {
			if d := len(dirs[a].name) - len(dirs[b].name); d != 0 {
				return d
			}
			return strings.Compare(strings.ToUpper(dirs[a].name), strings.ToUpper(dirs[b].name))
		})
		for k, id := range kids {
			if k == 0 {
				dirs[i].child = id
			} else {
				dirs[kids[k-1]].right = id
			}
		}
	}
	return dirs
}

func directory(dirs []dirEntry) []byte {
	var out []byte
	le := binary.LittleEndian
	for _, d := range dirs {
		b := make([]byte, 128)
		name := append(utf16.Encode([]rune(d.name)), 0)
		for i, u := range name {
			le.PutUint16(b[2*i:], u)
		}
		le.PutUint16(b[64:], uint16(2*len(name)))
		b[66], b[67] = d.kind, 1
		le.PutUint32(b[68:], freeSector)
		le.PutUint32(b[72:], uint32(int32(d.right)))
		le.PutUint32(b[76:], uint32(int32(d.child)))
		copy(b[80:], d.clsid[:])
		le.PutUint32(b[116:], d.start)
		le.PutUint32(b[120:], uint32(len(d.data)))
		out = append(out, b...)
	}
	for len(out)%512 != 0 {
		b := make([]byte, 128)
		for _, at := range []int{68, 72, 76} {
			le.PutUint32(b[at:], freeSector)
		}
		out = append(out, b...)
	}
	return out
}

// Native writes the stream \x01Ole10Native of a package object.
func Native(label, path, temp string, data []byte) []byte {
	le := binary.LittleEndian
	var b []byte
	b = le.AppendUint16(b, 2)
	b = append(append(b, label...), 0)
	b = append(append(b, path...), 0)
	b = le.AppendUint32(b, 0x00030000)
	b = le.AppendUint32(b, uint32(len(temp)+1))
	b = append(append(b, temp...), 0)
	b = le.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	for _, s := range []string{temp, label, path} {
		u := UTF16(s)
		b = le.AppendUint32(b, uint32(len(u)/2))
		b = append(b, u...)
	}
	return append(le.AppendUint32(nil, uint32(len(b))), b...)
}

// Object writes an OLE 1.0 embedded object, as RTF documents carry it.
func Object(class string, data []byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0x0501)
	b = le.AppendUint32(b, 2)
	b = le.AppendUint32(b, uint32(len(class)+1))
	b = append(append(b, class...), 0)
	b = le.AppendUint64(b, 0) // topic and item
	b = le.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// UTF16 encodes text in little-endian UTF-16.
func UTF16(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
