package filetest

import (
	"encoding/binary"
	"unicode/utf16"
)

const sector = 2048

// ISO writes an ISO 9660 image; with joliet the long names stand in a second
// tree. Files lie in the root.
func ISO(joliet bool, files ...File) []byte {
	first := 24
	img := make([]byte, first*sector)
	type placed struct {
		File
		at int
	}
	var list []placed
	for _, f := range files {
		list = append(list, placed{f, len(img) / sector})
		img = append(img, f.Data...)
		img = append(img, make([]byte, (sector-len(f.Data)%sector)%sector)...)
	}
	record := func(name []byte, at, size, flags int) []byte {
		r := make([]byte, 33+len(name)+1-len(name)%2)
		r[0], r[25], r[32] = byte(len(r)), byte(flags), byte(len(name))
		put32(r[2:], uint32(at))
		put32(r[10:], uint32(size))
		binary.BigEndian.PutUint32(r[6:], uint32(at))
		binary.BigEndian.PutUint32(r[14:], uint32(size))
		copy(r[33:], name)
		return r
	}
	folder := func(at int, wide bool) {
		dir := append(record([]byte{0}, at, sector, 2), record([]byte{1}, at, sector, 2)...)
		for i, f := range list {
			name := []byte{'F', 'I', 'L', 'E', byte('A' + i), '.', 'D', 'A', 'T', ';', '1'}
			if wide {
				name = nil
				for _, c := range utf16.Encode([]rune(f.Name)) {
					name = binary.BigEndian.AppendUint16(name, c)
				}
			} else if !joliet {
				name = []byte(f.Name + ";1")
			}
			dir = append(dir, record(name, f.at, len(f.Data), 0)...)
		}
		copy(img[at*sector:(at+1)*sector], dir)
	}
	descriptor := func(at, kind, root int) {
		d := img[at*sector:]
		d[0] = byte(kind)
		copy(d[1:], "CD001\x01")
		if kind == 2 {
			copy(d[88:], "%/E")
		}
		copy(d[156:], record([]byte{0}, root, sector, 2))
	}
	descriptor(16, 1, 20)
	folder(20, false)
	end := 17
	if joliet {
		descriptor(17, 2, 21)
		folder(21, true)
		end = 18
	}
	img[end*sector] = 255
	copy(img[end*sector+1:], "CD001\x01")
	return img
}

// UDF writes a UDF image without ISO 9660 structures. Files lie in the root.
func UDF(files ...File) []byte {
	const part = 280
	img := make([]byte, part*sector)
	at := func(s int) []byte {
		for len(img) < (s+1)*sector {
			img = append(img, make([]byte, sector)...)
		}
		return img[s*sector : (s+1)*sector]
	}
	for i, id := range []string{"BEA01", "NSR02", "TEA01"} {
		copy(at(16 + i)[1:], id+"\x01")
	}
	anchor := at(256)
	put16(anchor, 2)
	put32(anchor[16:], 3*sector)
	put32(anchor[20:], 257)
	put16(at(257), 5)
	put32(at(257)[188:], part)
	put16(at(258), 6)
	put32(at(258)[248:], sector) // the file set is at sector 0 of the partition
	put16(at(259), 8)
	put16(at(part), 256)
	put32(at(part)[400:], sector)
	put32(at(part)[404:], 1) // the root's entry
	entry := func(s int, size, data int) {
		e := at(part + s)
		put16(e, 261)
		put64(e[56:], uint64(size))
		put32(e[172:], 8)
		put32(e[176:], uint32(size))
		put32(e[180:], uint32(data))
	}
	var dir []byte
	id := func(name string, flags byte, icb int) {
		f := make([]byte, (38+len(name)+1+3)&^3)
		put16(f, 257)
		f[18] = flags
		put32(f[24:], uint32(icb))
		if name != "" {
			f[19] = byte(len(name) + 1)
			f[38] = 8
			copy(f[39:], name)
		}
		dir = append(dir, f...)
	}
	next := 3
	for _, f := range files {
		entry(next, len(f.Data), next+1)
		id(f.Name, 0, next)
		for i := 0; i < len(f.Data) || i == 0; i += sector {
			copy(at(part+next+1+i/sector), f.Data[i:])
		}
		next += 2 + len(f.Data)/sector
	}
	entry(1, len(dir), 2)
	copy(at(part+2), dir)
	return img
}

const block = 512

// FAT writes a FAT volume of the given bits (12, 16 or 32) with long names. The
// files lie in a folder "docs".
func FAT(bits int, files ...File) []byte {
	clusters := map[int]int{12: 200, 16: 5000, 32: 300}[bits]
	for _, f := range files {
		clusters += len(f.Data)/block + 1
	}
	perTable := (clusters*bits/8 + block) / block
	roots := 16
	if bits == 32 {
		roots = 0
	}
	dataAt := 1 + perTable + roots*32/block
	img := make([]byte, (dataAt+clusters)*block)
	copy(img, "\xeb\x3c\x90MSDOS5.0")
	put16(img[11:], block)
	img[13], img[16] = 1, 1
	put16(img[14:], 1)
	put16(img[17:], uint16(roots))
	put32(img[32:], uint32(dataAt+clusters))
	if bits == 32 {
		put32(img[36:], uint32(perTable))
		put32(img[44:], 2)
		copy(img[82:], "FAT32   ")
	} else {
		put16(img[22:], uint16(perTable))
		copy(img[54:], "FAT")
	}
	img[510], img[511] = 0x55, 0xaa
	table := img[block:]
	set := func(n, v int) {
		switch bits {
		case 12:
			i := n * 3 / 2
			old := int(binary.LittleEndian.Uint16(table[i:]))
			if n%2 == 1 {
				put16(table[i:], uint16(old&0xf|v<<4))
			} else {
				put16(table[i:], uint16(old&0xf000|v&0xfff))
			}
		case 16:
			put16(table[2*n:], uint16(v))
		default:
			put32(table[4*n:], uint32(v&0x0fffffff))
		}
	}
	next := 2
	store := func(data []byte) int {
		first := next
		for i := 0; i == 0 || i < len(data); i += block {
			copy(img[(dataAt+next-2)*block:(dataAt+next-1)*block], data[i:])
			if i+block < len(data) {
				set(next, next+1)
			} else {
				set(next, 0xfffffff)
			}
			next++
		}
		return first
	}
	root := 0
	if bits == 32 {
		root = store(make([]byte, block))
	}
	var docs []byte
	for i, f := range files {
		docs = append(docs, entry(f.Name, i, 0x20, store(f.Data), len(f.Data))...)
	}
	dir := entry("docs", 0, 0x10, store(append(docs, make([]byte, 32)...)), 0)
	if bits == 32 {
		copy(img[(dataAt+root-2)*block:], dir)
	} else {
		copy(img[(1+perTable)*block:], dir)
	}
	return img
}

// entry writes the long name of a file, then its short one.
func entry(name string, n, attr, first, size int) []byte {
	u := append(utf16.Encode([]rune(name)), 0)
	for len(u)%13 != 0 {
		u = append(u, 0xffff)
	}
	var out []byte
	for i := len(u)/13 - 1; i >= 0; i-- {
		e := make([]byte, 32)
		e[0], e[11] = byte(i+1), 0x0f
		if i == len(u)/13-1 {
			e[0] |= 0x40
		}
		at := 0
		for _, span := range [][2]int{{1, 11}, {14, 26}, {28, 32}} {
			for j := span[0]; j < span[1]; j += 2 {
				put16(e[j:], u[13*i+at])
				at++
			}
		}
		out = append(out, e...)
	}
	e := make([]byte, 32)
	copy(e, "SHORT~"+string(rune('A'+n))+" BIN")
	e[11] = byte(attr)
	put16(e[20:], uint16(first>>16))
	put16(e[26:], uint16(first))
	put32(e[28:], uint32(size))
	return append(out, e...)
}

// NTFS writes a volume with one table record per file, the content outside of
// the record.
func NTFS(files ...File) []byte {
	const cluster, record, table = 4096, 1024, 4
	records := 24 + len(files)
	next := table + (records*record+cluster-1)/cluster
	var content []byte
	mft := make([]byte, (next-table)*cluster)
	put := func(i int, name string, flags, size, first int) {
		r := mft[i*record : (i+1)*record]
		copy(r, "FILE")
		put16(r[4:], 48)
		put16(r[6:], 3)
		put16(r[20:], 56)
		put16(r[22:], uint16(flags))
		at := 56
		u := utf16le(name)
		n := (24 + 66 + len(u) + 7) &^ 7
		put32(r[at:], 0x30)
		put32(r[at+4:], uint32(n))
		put32(r[at+16:], uint32(66+len(u)))
		put16(r[at+20:], 24)
		r[at+24+64] = byte(len(u) / 2)
		copy(r[at+24+66:], u)
		at += n
		put32(r[at:], 0x80)
		put32(r[at+4:], 80)
		r[at+8] = 1
		put16(r[at+32:], 64)
		put64(r[at+48:], uint64(size))
		copy(r[at+64:], []byte{0x22, byte((size + cluster - 1) / cluster), byte((size + cluster - 1) / cluster >> 8), byte(first), byte(first >> 8), 0})
		at += 80
		put32(r[at:], 0xffffffff)
		// The last bytes of each sector move to the update sequence.
		copy(r[48:], "\x01\x00")
		for s := 1; s <= 2; s++ {
			copy(r[48+2*s:], r[s*block-2:s*block])
			copy(r[s*block-2:], "\x01\x00")
		}
	}
	put(0, "$MFT", 1, records*record, table)
	for i, f := range files {
		put(24+i, f.Name, 1, len(f.Data), next+len(content)/cluster)
		content = append(content, f.Data...)
		content = append(content, make([]byte, (cluster-len(f.Data)%cluster)%cluster)...)
	}
	img := make([]byte, table*cluster)
	copy(img, "\xeb\x52\x90NTFS    ")
	put16(img[11:], block)
	img[13], img[64] = cluster/block, 0xf6
	put64(img[48:], table)
	img[510], img[511] = 0x55, 0xaa
	return join(img, mft, content)
}

// MBR puts a volume into the first partition of a disk.
func MBR(volume []byte) []byte {
	const at = 64
	img := make([]byte, at*block)
	img[446+4] = 0x07
	put32(img[446+8:], at)
	put32(img[446+12:], uint32(len(volume)/block))
	img[510], img[511] = 0x55, 0xaa
	return append(img, volume...)
}

// GPT puts a volume into the first partition of a disk with a GUID table.
func GPT(volume []byte) []byte {
	const at = 64
	img := make([]byte, at*block)
	img[446+4] = 0xee
	put32(img[446+8:], 1)
	put32(img[446+12:], 0xffffffff)
	img[510], img[511] = 0x55, 0xaa
	copy(img[block:], "EFI PART")
	put64(img[block+72:], 2)
	put32(img[block+80:], 4)
	put32(img[block+84:], 128)
	img[2*block] = 1
	put64(img[2*block+32:], at)
	put64(img[2*block+40:], uint64(at+len(volume)/block))
	return append(img, volume...)
}

// VHD wraps a disk as a fixed or dynamic virtual disk.
func VHD(dynamic bool, disk []byte) []byte {
	foot := make([]byte, block)
	copy(foot, "conectix")
	be := binary.BigEndian
	be.PutUint64(foot[48:], uint64(len(disk)))
	be.PutUint32(foot[60:], 2)
	if !dynamic {
		return join(disk, foot)
	}
	be.PutUint32(foot[60:], 3)
	be.PutUint64(foot[16:], block)
	const chunk = 4096
	head := make([]byte, 1024)
	copy(head, "cxsparse")
	count := (len(disk) + chunk - 1) / chunk
	be.PutUint64(head[16:], block+1024)
	be.PutUint32(head[28:], uint32(count))
	be.PutUint32(head[32:], chunk)
	table := make([]byte, (4*count+block-1)/block*block)
	var data []byte
	for i := range count {
		part := make([]byte, chunk)
		copy(part, disk[i*chunk:])
		if empty(part) {
			be.PutUint32(table[4*i:], 0xffffffff)
			continue
		}
		be.PutUint32(table[4*i:], uint32(3+len(table)/block+len(data)/block))
		data = join(data, make([]byte, block), part)
	}
	return join(foot, head, table, data, foot)
}

func empty(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// VHDX wraps a disk as a dynamic VHDX with blocks of one megabyte.
func VHDX(disk []byte) []byte {
	const mb = 1 << 20
	img := make([]byte, 3*mb)
	copy(img, "vhdxfile")
	regions := img[192<<10:]
	copy(regions, "regi")
	put32(regions[8:], 2)
	put32(regions[16:], 0x2dc27766)
	put64(regions[32:], 2*mb)
	put32(regions[48:], 0x8b7ca206)
	put64(regions[64:], mb)
	meta := img[mb:]
	copy(meta, "metadata")
	put16(meta[10:], 3)
	for i, item := range []struct {
		id    uint32
		value uint64
	}{{0xcaa16737, mb}, {0x2fa54224, uint64(len(disk))}, {0x8141bf1d, block}} {
		put32(meta[32+32*i:], item.id)
		put32(meta[32+32*i+16:], uint32(64<<10+8*i))
		put64(meta[64<<10+8*i:], item.value)
	}
	for i := 0; i*mb < len(disk); i++ {
		put64(img[2*mb+8*i:], uint64(len(img)/mb)<<20|6)
		part := make([]byte, mb)
		copy(part, disk[i*mb:])
		img = append(img, part...)
	}
	return img
}
