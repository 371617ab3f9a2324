package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Cab opens Microsoft cabinets ([MS-CAB]) that are stored or packed by MSZIP or
// LZX. Quantum, which nothing has written for twenty years, is named and left.
type Cab struct{}

// Name implements tree.Parser.
func (Cab) Name() string { return "cab" }

// Opens implements tree.Parser.
func (Cab) Opens(in *tree.Input) bool { return in.Type == "cab" }

// Open implements tree.Parser.
func (Cab) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	c := &cabReader{collector: collector{in: in}, b: in.Data, unpacked: map[int][]byte{}, failed: map[int]error{}}
	err := c.files(ctx)
	if err != nil && !errors.Is(err, tree.ErrBudget) && ctx.Err() == nil {
		c.finding("file.broken-archive", label(in), "archive %s cannot be read: %v", quoted(label(in)), err)
	}
	c.res.Facts = map[string]any{"libarchive": &shape.ScanLibArchive{TotalFiles: &c.total, TotalExtracted: &c.extracted}}
	return c.res, err
}

type cabReader struct {
	collector
	b        []byte
	folders  []cabFolder
	unpacked map[int][]byte
	failed   map[int]error
}

type cabFolder struct {
	start  int
	blocks int
	method uint16
}

// The fixed parts of [MS-CAB] section 2.
const (
	cabHeader   = 36
	cabMaxBlock = 32768 // uncompressed bytes of one block
	cabFlagPrev = 1
	cabFlagNext = 2
	cabFlagRes  = 4
)

var errCab = errors.New("broken cabinet")

// files reads the header and unpacks each file.
func (c *cabReader) files(ctx context.Context) error {
	if len(c.b) < cabHeader {
		return fmt.Errorf("%w: no header", errCab)
	}
	at, nFolders, nFiles, flags := cabHeader, int(le16(c.b[26:])), int(le16(c.b[28:])), le16(c.b[30:])
	filesAt := int(le32(c.b[16:]))
	perFolder, perBlock := 0, 0
	if flags&cabFlagRes != 0 {
		if len(c.b) < at+4 {
			return fmt.Errorf("%w: no header", errCab)
		}
		perFolder, perBlock = int(c.b[at+2]), int(c.b[at+3])
		at += 4 + int(le16(c.b[at:]))
	}
	for _, f := range []uint16{cabFlagPrev, cabFlagNext} {
		if flags&f == 0 {
			continue
		}
		for range 2 { // the name of a cabinet and of a disk
			i := bytes.IndexByte(c.b[min(at, len(c.b)):], 0)
			if i < 0 {
				return fmt.Errorf("%w: cut off", errCab)
			}
			at += i + 1
		}
	}
	for range nFolders {
		if at+8 > len(c.b) {
			return fmt.Errorf("%w: cut off", errCab)
		}
		c.folders = append(c.folders, cabFolder{start: int(le32(c.b[at:])), blocks: int(le16(c.b[at+4:])), method: le16(c.b[at+6:])})
		at += 8 + perFolder
	}
	at = filesAt
	for range nFiles {
		if at < 0 || at+16 > len(c.b) {
			return fmt.Errorf("%w: cut off", errCab)
		}
		h := c.b[at:]
		size, offset, folder, attr := int64(le32(h)), int64(le32(h[4:])), int(le16(h[8:])), le16(h[14:])
		n := bytes.IndexByte(h[16:min(len(h), 16+1024)], 0)
		if n < 0 {
			return fmt.Errorf("%w: a name without an end", errCab)
		}
		name := decodeName(h[16 : 16+n])
		at += 16 + n + 1
		_ = attr
		if err := c.entry(name); err != nil {
			return err
		}
		data, err := c.file(ctx, folder, perBlock, offset, size)
		if err == nil {
			err = c.in.Budget.Take(int64(len(data)), int64(len(c.b)))
		}
		if err != nil {
			data = nil
		}
		c.add(tree.Child{Name: name, Data: data}, err)
		if errors.Is(err, tree.ErrBudget) || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// file cuts one file out of its folder.
func (c *cabReader) file(ctx context.Context, folder, perBlock int, offset, size int64) ([]byte, error) {
	if folder >= len(c.folders) {
		return nil, fmt.Errorf("%w: it continues in another cabinet", errCab)
	}
	if _, ok := c.unpacked[folder]; !ok && c.failed[folder] == nil {
		c.unpacked[folder], c.failed[folder] = c.unpack(ctx, c.folders[folder], perBlock)
	}
	data := c.unpacked[folder]
	if offset+size > int64(len(data)) {
		if err := c.failed[folder]; err != nil {
			return nil, err
		}
		c.finding("file.lying-size", label(c.in), "archive %s says that its files are larger than they are", quoted(label(c.in)))
		return nil, fmt.Errorf("%w: it lies outside of its folder", errCab)
	}
	return bytes.Clone(data[offset : offset+size]), nil
}

// unpack decompresses a folder, as far as it can. Blocks are bounded at 32 KiB,
// so a folder of n blocks has at most n times as much.
func (c *cabReader) unpack(ctx context.Context, f cabFolder, perBlock int) ([]byte, error) {
	var out []byte
	var lzx *lzxDecoder
	if f.method&15 == 3 {
		lzx = newLZX(uint(f.method >> 8 & 31))
		if lzx == nil {
			return nil, fmt.Errorf("%w: LZX window of %d bits", errCab, f.method>>8&31)
		}
	}
	at := f.start
	for range f.blocks {
		if err := ctx.Err(); err != nil {
			return out, fmt.Errorf("unpacking: %w", context.Cause(ctx))
		}
		if at < 0 || at+8+perBlock > len(c.b) {
			return out, fmt.Errorf("%w: cut off", errCab)
		}
		packed, plain := int(le16(c.b[at+4:])), int(le16(c.b[at+6:]))
		at += 8 + perBlock
		if at+packed > len(c.b) || plain > cabMaxBlock {
			return out, fmt.Errorf("%w: cut off", errCab)
		}
		if int64(len(out)+plain) > c.in.Budget.Bytes {
			return out, fmt.Errorf("%w: no bytes left", tree.ErrBudget)
		}
		if int64(len(out)) > max(tree.MinRatio, int64(len(c.b))*c.in.Budget.Ratio) {
			return out, fmt.Errorf("%w: expands more than %d to 1", tree.ErrBudget, c.in.Budget.Ratio)
		}
		block := c.b[at : at+packed]
		at += packed
		var err error
		switch f.method & 15 {
		case 0:
			out = append(out, block...)
		case 1:
			out, err = mszip(out, block, plain)
		case 3:
			out, err = lzx.block(out, block, plain)
		default:
			err = fmt.Errorf("packed by method %d, which is not known", f.method&15)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// mszip appends one MSZIP block ([MS-MCI]): "CK" and a Deflate stream whose
// window is what was unpacked before.
func mszip(out, block []byte, plain int) ([]byte, error) {
	if len(block) < 2 || string(block[:2]) != "CK" {
		return out, fmt.Errorf("%w: no MSZIP block", errCab)
	}
	r := flate.NewReaderDict(bytes.NewReader(block[2:]), out[max(0, len(out)-cabMaxBlock):])
	got, err := io.ReadAll(io.LimitReader(r, int64(plain)))
	out = append(out, got...)
	if err != nil {
		return out, fmt.Errorf("%w: %w", errCab, err)
	}
	return out, nil
}
