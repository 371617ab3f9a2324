package archive

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Stream opens single compressed streams: gzip (RFC 1952), bzip2, xz and
// Zstandard (RFC 8878).
type Stream struct{}

// Name implements tree.Parser.
func (Stream) Name() string { return "stream" }

// Opens implements tree.Parser.
func (Stream) Opens(in *tree.Input) bool {
	switch in.Type {
	case "gz", "bz2", "xz", "zst":
		return true
	}
	return false
}

// Open implements tree.Parser.
func (Stream) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	c := &collector{in: in}
	name := strings.TrimSuffix(path.Base(strings.ReplaceAll(in.Name, `\`, "/")), path.Ext(in.Name))
	if ext := strings.ToLower(path.Ext(in.Name)); ext == ".tgz" || ext == ".tbz2" || ext == ".txz" || ext == ".tzst" {
		name += ".tar"
	}
	r, stored, err := decompress(in)
	if err != nil {
		c.finding("file.broken-archive", label(in), "archive %s cannot be read: %v", quoted(label(in)), err)
		return c.res, fmt.Errorf("opening %s: %w", in.Type, err)
	}
	if stored != "" {
		name = stored
	}
	if err := c.entry(name); err != nil {
		return c.res, err
	}
	told := int64(0)
	if n := len(in.Data); in.Type == "gz" && n > 8 {
		told = int64(le32(in.Data[n-4:])) // RFC 1952 section 2.3.1
	}
	data, err := c.read(ctx, r, int64(len(in.Data)), told)
	if err != nil && !errors.Is(err, tree.ErrBudget) && ctx.Err() == nil {
		c.finding("file.broken-archive", label(in), "archive %s is damaged: %v", quoted(label(in)), err)
		if len(data) > 0 {
			err = nil // the beginning is worth a look
		}
	}
	c.add(tree.Child{Name: name, Data: data}, err)
	size := len(data)
	switch in.Type {
	case "gz":
		c.res.Facts = map[string]any{"gzip": &shape.ScanGZip{Size: &size}}
	case "bz2":
		c.res.Facts = map[string]any{"bzip2": &shape.ScanBZip2{Size: &size}}
	}
	return c.res, err
}

// decompress returns a reader and the name that the stream gives its content.
func decompress(in *tree.Input) (r io.Reader, name string, err error) {
	src := bytes.NewReader(in.Data)
	switch in.Type {
	case "gz":
		zr, err := gzip.NewReader(src)
		if err != nil {
			return nil, "", err
		}
		return zr, decodeName([]byte(zr.Name)), nil
	case "bz2":
		return bzip2.NewReader(src), "", nil
	case "xz":
		if err := checkXZ(in.Data); err != nil {
			return nil, "", err
		}
		r, err = xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(src)
		return r, "", err
	case "zst":
		r, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDictionary), zstd.WithDecoderLowmem(true))
		return r, "", err
	}
	return nil, "", fmt.Errorf("type %q is no stream", in.Type)
}

// checkXZ refuses an xz stream whose first block asks for a dictionary beyond
// the bound, before anything is allocated (xz file format, section 5.3.1).
func checkXZ(b []byte) error {
	const streamHeader, filterLZMA2, maxCode = 12, 0x21, 28 // code 28 is 64 MiB
	if len(b) < streamHeader+8 || b[streamHeader] == 0 {
		return nil // empty
	}
	block := b[streamHeader:min(len(b), streamHeader+4*(int(b[streamHeader])+1))]
	flags := block[1]
	at := 2
	for range int(flags>>6&1) + int(flags>>7) { // sizes, variable length
		for at < len(block) && block[at]&0x80 != 0 {
			at++
		}
		at++
	}
	for at+2 < len(block) && block[at] != filterLZMA2 {
		at += 2 + int(block[at+1])
	}
	if at+2 < len(block) && block[at+2] > maxCode {
		return fmt.Errorf("%w: a dictionary beyond %d bytes", tree.ErrBudget, maxDictionary)
	}
	return nil
}

// Tar opens tar archives (POSIX.1-2001, GNU).
type Tar struct{}

// Name implements tree.Parser.
func (Tar) Name() string { return "tar" }

// Opens implements tree.Parser.
func (Tar) Opens(in *tree.Input) bool { return in.Type == "tar" }

// Open implements tree.Parser.
func (Tar) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	c := &collector{in: in}
	err := c.tar(ctx)
	c.res.Facts = map[string]any{"tar": &shape.ScanTar{TotalFiles: &c.total, TotalExtracted: &c.extracted}}
	return c.res, err
}

func (c *collector) tar(ctx context.Context) error {
	tr := tar.NewReader(bytes.NewReader(c.in.Data))
	for {
		h, err := tr.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			c.finding("file.broken-archive", label(c.in), "archive %s is damaged: %v", quoted(label(c.in)), err)
			return fmt.Errorf("reading tar: %w", err)
		case h.Typeflag == tar.TypeDir:
			continue
		}
		if err := c.entry(h.Name); err != nil {
			return err
		}
		if h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink {
			if escapes(path.Join(path.Dir(h.Name), h.Linkname)) || escapes(h.Linkname) {
				c.finding("file.path-escape", h.Linkname, "archive %s holds the link %s to %s, outside of the folder it is unpacked to", quoted(label(c.in)), quoted(h.Name), quoted(h.Linkname))
			}
			c.add(tree.Child{Name: decodeName([]byte(h.Name))}, errors.New("a link"))
			continue
		}
		data, err := c.read(ctx, tr, h.Size, h.Size)
		c.add(tree.Child{Name: decodeName([]byte(h.Name)), Data: data}, err)
		if err != nil {
			if errors.Is(err, tree.ErrBudget) || ctx.Err() != nil {
				return err
			}
			c.finding("file.broken-archive", h.Name, "archive %s is cut off in %s", quoted(label(c.in)), quoted(h.Name))
			return fmt.Errorf("reading tar: %w", err)
		}
	}
}
