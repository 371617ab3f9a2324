package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Disk opens images of disks: raw, VHD (fixed and dynamic) and VHDX, with or
// without a partition table (MBR, GPT), holding FAT12, FAT16 or FAT32 (Microsoft
// FAT specification 1.03) or NTFS. Differencing VHDs, exFAT and compressed or
// scattered NTFS files are named and left.
type Disk struct{}

// Name implements tree.Parser.
func (Disk) Name() string { return "disk" }

// Opens implements tree.Parser.
func (Disk) Opens(in *tree.Input) bool {
	return in.Type == "img" || in.Type == "vhd" || in.Type == "vhdx"
}

// Open implements tree.Parser.
func (Disk) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	r := &diskReader{collector: collector{in: in}}
	d, err := openDisk(in)
	if err == nil {
		err = r.partitions(ctx, d)
	}
	if err != nil && !errors.Is(err, tree.ErrBudget) && ctx.Err() == nil {
		r.finding("file.broken-archive", label(in), "disk image %s cannot be read: %v", quoted(label(in)), err)
	}
	r.res.Facts = map[string]any{"libarchive": &shape.ScanLibArchive{TotalFiles: &r.total, TotalExtracted: &r.extracted}}
	return r.res, err
}

type diskReader struct {
	collector
	folders int
}

// block is the size of a sector of disks, in bytes.
const block = 512

// disk is the content of a disk: sparse where the image does not store it.
type disk interface {
	io.ReaderAt
	Size() int64
}

func openDisk(in *tree.Input) (disk, error) {
	switch in.Type {
	case "vhd":
		return openVHD(in.Data)
	case "vhdx":
		return openVHDX(in.Data)
	}
	return bytes.NewReader(in.Data), nil
}

// chunked is a disk stored in chunks; a chunk at 0 is all zeros.
type chunked struct {
	b     []byte
	chunk int64
	at    []int64 // place of each chunk in b
	size  int64
}

// Size implements disk.
func (c *chunked) Size() int64 { return c.size }

// ReadAt implements io.ReaderAt.
func (c *chunked) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		i := off / c.chunk
		if off < 0 || off >= c.size || i >= int64(len(c.at)) {
			return n, io.EOF
		}
		in := off % c.chunk
		want := min(int64(len(p)-n), c.chunk-in)
		dst := p[n : n+int(want)]
		clear(dst)
		if at := c.at[i]; at > 0 && at+in < int64(len(c.b)) {
			copy(dst, c.b[at+in:])
		}
		n += int(want)
		off += want
	}
	return n, nil
}

// openVHD reads the footer and the block table ("Virtual Hard Disk Image Format
// Specification", 2006).
func openVHD(b []byte) (disk, error) {
	if len(b) < block {
		return nil, errors.New("broken VHD: no footer")
	}
	foot := b[len(b)-block:]
	if string(foot[:8]) != "conectix" {
		if foot = b[:block]; string(foot[:8]) != "conectix" {
			return nil, errors.New("broken VHD: no footer")
		}
	}
	size := int64(be64(foot[48:]))
	switch be32(foot[60:]) {
	case 2:
		return bytes.NewReader(b[:len(b)-block]), nil
	case 3:
	default:
		return nil, errors.New("a VHD that tells differences to another one")
	}
	head := int64(be64(foot[16:]))
	if head < 0 || head+1024 > int64(len(b)) || string(b[head:head+8]) != "cxsparse" {
		return nil, errors.New("broken VHD: no header")
	}
	table, count, chunk := int64(be64(b[head+16:])), int64(be32(b[head+28:])), int64(be32(b[head+32:]))
	if chunk < block || chunk > 1<<30 || table < 0 || count < 0 || table+4*count > int64(len(b)) {
		return nil, errors.New("broken VHD: block table")
	}
	c := &chunked{b: b, chunk: chunk, size: size}
	bitmap := (chunk/block/8 + block - 1) / block * block
	for i := range count {
		at := int64(be32(b[table+4*i:]))
		if at == 0xffffffff {
			at = 0
		} else {
			at = at*block + bitmap
		}
		c.at = append(c.at, at)
	}
	return c, nil
}

// openVHDX reads the regions, the metadata and the block table ([MS-VHDX]). The
// log of an image that was not closed is not replayed.
func openVHDX(b []byte) (disk, error) {
	var bat, meta int64
	for _, at := range []int64{192 << 10, 256 << 10} {
		if at+64<<10 > int64(len(b)) || string(b[at:at+4]) != "regi" {
			continue
		}
		for i := range min(int64(le32(b[at+8:])), 2047) {
			e := b[at+16+32*i:]
			switch le32(e) {
			case 0x2dc27766:
				bat = int64(le64(e[16:]))
			case 0x8b7ca206:
				meta = int64(le64(e[16:]))
			}
		}
		break
	}
	if bat <= 0 || meta <= 0 || meta+64<<10 > int64(len(b)) || string(b[meta:meta+8]) != "metadata" {
		return nil, errors.New("broken VHDX: no metadata")
	}
	var chunk, size, logical int64
	for i := range min(int64(le16(b[meta+10:])), 2047) {
		e := b[meta+32+32*i:]
		at := meta + int64(le32(e[16:]))
		if at+8 > int64(len(b)) {
			continue
		}
		switch le32(e) {
		case 0xcaa16737:
			chunk = int64(le32(b[at:]))
			if le32(b[at+4:])&2 != 0 {
				return nil, errors.New("a VHDX that tells differences to another one")
			}
		case 0x2fa54224:
			size = int64(le64(b[at:]))
		case 0x8141bf1d:
			logical = int64(le32(b[at:]))
		}
	}
	if chunk < 1<<20 || chunk > 256<<20 || size <= 0 || logical != 512 && logical != 4096 {
		return nil, errors.New("broken VHDX: sizes")
	}
	c := &chunked{b: b, chunk: chunk, size: size}
	ratio := (int64(1<<23) * logical) / chunk // data blocks between two bitmap blocks
	for i := int64(0); i*chunk < size; i++ {
		at := bat + 8*(i+i/ratio)
		if at < 0 || at+8 > int64(len(b)) {
			break
		}
		e := le64(b[at:])
		place := int64(0)
		if e&7 == 6 || e&7 == 7 {
			place = int64(e>>20) << 20
		}
		c.at = append(c.at, place)
	}
	return c, nil
}

// partitions finds the file systems of a disk and reads them.
func (r *diskReader) partitions(ctx context.Context, d disk) error {
	head, err := readAt(d, 0, 2*block)
	if err != nil {
		return err
	}
	if ok, err := r.fileSystem(ctx, d, 0, head); ok {
		return err
	}
	if string(head[block:block+8]) == "EFI PART" {
		return r.gpt(ctx, d, head[block:])
	}
	found := false
	for i := 446; i < 510; i += 16 {
		e := head[i : i+16]
		at := int64(le32(e[8:])) * block
		if e[4] == 0 || at == 0 {
			continue
		}
		boot, err := readAt(d, at, 2*block)
		if err != nil {
			continue
		}
		ok, err := r.fileSystem(ctx, d, at, boot)
		found = found || ok
		if err != nil {
			return err
		}
	}
	if !found {
		return errors.New("no file system that is known (exFAT and ext are not)")
	}
	return nil
}

// gpt reads the GUID partition table (UEFI 2.10 section 5.3).
func (r *diskReader) gpt(ctx context.Context, d disk, head []byte) error {
	at, count, size := int64(le64(head[72:]))*block, int64(le32(head[80:])), int64(le32(head[84:]))
	if size < 128 || size > 4096 || at < 0 {
		return errors.New("broken GPT")
	}
	found := false
	for i := range min(count, 128) {
		e, err := readAt(d, at+i*size, 128)
		if err != nil {
			break
		}
		start := int64(le64(e[32:])) * block
		if start <= 0 {
			continue
		}
		boot, err := readAt(d, start, 2*block)
		if err != nil {
			continue
		}
		ok, err := r.fileSystem(ctx, d, start, boot)
		found = found || ok
		if err != nil {
			return err
		}
	}
	if !found {
		return errors.New("no file system that is known (exFAT and ext are not)")
	}
	return nil
}

// fileSystem reads the file system at a place when it is a known one.
func (r *diskReader) fileSystem(ctx context.Context, d disk, at int64, boot []byte) (bool, error) {
	if boot[510] != 0x55 || boot[511] != 0xaa {
		return false, nil
	}
	if string(boot[3:7]) == "NTFS" {
		return true, r.ntfs(ctx, d, at, boot)
	}
	f, ok := newFAT(d, at, boot)
	if !ok {
		return false, nil
	}
	return true, r.fat(ctx, f)
}

// maxRead bounds one read of a disk: a sparse one may be as large as it says.
const maxRead = 64 << 20

func readAt(d disk, at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || n > maxRead || at > d.Size() {
		return nil, errors.New("damaged: it lies beyond the disk")
	}
	b := make([]byte, n)
	if got, err := d.ReadAt(b, at); got < len(b) {
		return b[:got], fmt.Errorf("damaged: cut off: %w", err)
	}
	return b, nil
}

// fatFS is a FAT file system.
type fatFS struct {
	d        disk
	at       int64 // of the volume
	cluster  int64 // bytes
	table    []byte
	bits     int
	data     int64 // place of cluster 2
	rootAt   int64 // FAT12 and FAT16
	rootSize int64
	rootNum  uint32 // FAT32
	count    uint32 // clusters
}

// newFAT reads the parameters of the volume and its first table.
func newFAT(d disk, at int64, boot []byte) (*fatFS, bool) {
	bps, spc, reserved, tables := int64(le16(boot[11:])), int64(boot[13]), int64(le16(boot[14:])), int64(boot[16])
	roots, total, perTable := int64(le16(boot[17:])), int64(le16(boot[19:])), int64(le16(boot[22:]))
	if total == 0 {
		total = int64(le32(boot[32:]))
	}
	if perTable == 0 {
		perTable = int64(le32(boot[36:]))
	}
	if bps != 512 && bps != 1024 && bps != 2048 && bps != 4096 || spc == 0 || spc&(spc-1) != 0 || tables == 0 || tables > 4 || reserved == 0 || perTable == 0 {
		return nil, false
	}
	f := &fatFS{d: d, at: at, cluster: bps * spc}
	f.rootAt = at + (reserved+tables*perTable)*bps
	f.rootSize = roots * 32
	f.data = f.rootAt + (f.rootSize+bps-1)/bps*bps
	count := (total*bps - (f.data - at)) / f.cluster
	switch {
	case count < 0 || count > 1<<28:
		return nil, false
	case roots == 0:
		f.bits, f.rootNum = 32, le32(boot[44:])
	case count < 4085:
		f.bits = 12
	default:
		f.bits = 16
	}
	f.count = uint32(count) + 2
	size := min((int64(f.count)*int64(f.bits)+7)/8+1, perTable*bps, maxRead)
	table, err := readAt(d, at+reserved*bps, size)
	if err != nil && len(table) == 0 {
		return nil, false
	}
	f.table = table
	return f, true
}

// next returns the cluster after n; ok is false at the end of the chain.
func (f *fatFS) next(n uint32) (uint32, bool) {
	var v, end uint32
	switch f.bits {
	case 12:
		i := int(n) * 3 / 2
		if i+2 > len(f.table) {
			return 0, false
		}
		v, end = uint32(le16(f.table[i:])), 0xff8
		if n%2 == 1 {
			v >>= 4
		}
		v &= 0xfff
	case 16:
		if int(n)*2+2 > len(f.table) {
			return 0, false
		}
		v, end = uint32(le16(f.table[n*2:])), 0xfff8
	default:
		if int64(n)*4+4 > int64(len(f.table)) {
			return 0, false
		}
		v, end = le32(f.table[int64(n)*4:])&0x0fffffff, 0x0ffffff8
	}
	return v, v >= 2 && v < end && v < f.count
}

// chain reads the clusters from n on, at most size bytes. whole is false when
// the chain ends early, runs in a circle or leaves the disk.
func (f *fatFS) chain(ctx context.Context, n uint32, size int64) (b []byte, whole bool, err error) {
	seen := map[uint32]bool{}
	for ok := n >= 2 && n < f.count; ok && int64(len(b)) < size; n, ok = f.next(n) {
		if seen[n] {
			return b, false, nil
		}
		seen[n] = true
		if len(seen)%1024 == 0 && ctx.Err() != nil {
			return nil, false, fmt.Errorf("reading a disk: %w", context.Cause(ctx))
		}
		part, err := readAt(f.d, f.data+int64(n-2)*f.cluster, min(f.cluster, size-int64(len(b))))
		b = append(b, part...)
		if err != nil {
			return b, false, nil
		}
	}
	return b, int64(len(b)) >= size, nil
}

// maxFolder bounds the bytes of one folder: 65,536 entries is what the
// specification allows.
const maxFolder = 65536 * 32

// fat walks a FAT file system.
func (r *diskReader) fat(ctx context.Context, f *fatFS) error {
	var root []byte
	var err error
	if f.bits == 32 {
		root, _, err = f.chain(ctx, f.rootNum, maxFolder)
	} else {
		root, err = readAt(f.d, f.rootAt, f.rootSize)
		if len(root) > 0 {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return r.fatFolder(ctx, f, root, "", map[uint32]bool{})
}

// fatFolder reads the entries of one folder, long names included (section 7 of
// the specification). Deleted files are left: their clusters are gone.
func (r *diskReader) fatFolder(ctx context.Context, f *fatFS, b []byte, path string, seen map[uint32]bool) error {
	if r.folders++; r.folders > maxFolders || strings.Count(path, "/") > maxRecDepth {
		r.finding("file.broken-archive", label(r.in), "the folders of disk image %s run in a circle or have no end", quoted(label(r.in)))
		return nil
	}
	var long []uint16
	for ; len(b) >= 32 && b[0] != 0; b = b[32:] {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading folder %q: %w", path, context.Cause(ctx))
		}
		e, attr := b[:32], b[11]
		switch {
		case e[0] == 0xe5:
			long = nil
			continue
		case attr&0x3f == 0x0f:
			long = append(longPart(e), long...)
			long = long[:min(len(long), 260)]
			continue
		case attr&0x08 != 0: // the volume's label
			long = nil
			continue
		}
		name := shortName(e)
		if len(long) > 0 {
			name = string(utf16.Decode(long))
		}
		long = nil
		if name == "." || name == ".." {
			continue
		}
		first, size := uint32(le16(e[26:]))|uint32(le16(e[20:]))<<16, int64(le32(e[28:]))
		if f.bits != 32 {
			first &= 0xffff
		}
		if attr&0x10 != 0 {
			if seen[first] {
				r.finding("file.broken-archive", label(r.in), "the folders of disk image %s run in a circle", quoted(label(r.in)))
				continue
			}
			seen[first] = true
			sub, _, err := f.chain(ctx, first, maxFolder)
			if err == nil {
				err = r.fatFolder(ctx, f, sub, path+name+"/", seen)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := r.fatFile(ctx, f, path+name, first, size); err != nil {
			return err
		}
	}
	return nil
}

// fatFile takes out one file.
func (r *diskReader) fatFile(ctx context.Context, f *fatFS, name string, first uint32, size int64) error {
	if err := r.entry(name); err != nil {
		return err
	}
	if err := r.in.Budget.Take(min(size, f.d.Size()), int64(len(r.in.Data))); err != nil {
		r.add(tree.Child{Name: name}, err)
		return err
	}
	data, whole, err := f.chain(ctx, first, size)
	if err != nil {
		return err
	}
	if !whole {
		r.finding("file.lying-size", name, "disk image %s says that %s has %d bytes; it has %d", quoted(label(r.in)), quoted(name), size, len(data))
	}
	r.add(tree.Child{Name: name, Data: data}, nil)
	return nil
}

// longPart returns the 13 characters of one entry of a long name.
func longPart(e []byte) []uint16 {
	var out []uint16
	for _, span := range [][2]int{{1, 11}, {14, 26}, {28, 32}} {
		for i := span[0]; i < span[1]; i += 2 {
			c := le16(e[i:])
			if c == 0 || c == 0xffff {
				return out
			}
			out = append(out, c)
		}
	}
	return out
}

func shortName(e []byte) string {
	stem, ext := strings.TrimRight(decodeName(e[:8]), " "), strings.TrimRight(decodeName(e[8:11]), " ")
	if e[12]&0x08 != 0 {
		stem = strings.ToLower(stem)
	}
	if e[12]&0x10 != 0 {
		ext = strings.ToLower(ext)
	}
	if ext != "" {
		stem += "." + ext
	}
	return stem
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
func be64(b []byte) uint64 { return uint64(be32(b))<<32 | uint64(be32(b[4:])) }
