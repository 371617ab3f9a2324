package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/encoding/unicode"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// ISO opens images of optical discs: ISO 9660 with Rock Ridge and Joliet names
// (ECMA-119), and UDF (ECMA-167). An image may be several of them at once and
// show other files to each reader: all are read.
type ISO struct{}

// Name implements tree.Parser.
func (ISO) Name() string { return "iso" }

// Opens implements tree.Parser.
func (ISO) Opens(in *tree.Input) bool {
	if in.Type == "iso" || in.Type == "udf" {
		return true
	}
	return len(in.Data) > 17*sector && string(in.Data[16*sector+1:16*sector+6]) == "CD001" && in.Type != "tar" && in.Type != "zip"
}

const (
	sector      = 2048
	maxFolders  = 1000 // folders walked of one image, as many as files
	maxRecDepth = 64   // depth of folders: ISO 9660 allows 8
)

// Open implements tree.Parser.
func (ISO) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	r := &isoReader{collector: collector{in: in}, b: in.Data, taken: map[string]bool{}}
	err := r.volumes(ctx)
	if err == nil && r.hasUDF() {
		err = r.udf(ctx)
	}
	if err != nil && !errors.Is(err, tree.ErrBudget) && ctx.Err() == nil {
		r.finding("file.broken-archive", label(in), "disk image %s cannot be read: %v", quoted(label(in)), err)
	}
	r.res.Facts = map[string]any{"libarchive": &shape.ScanLibArchive{TotalFiles: &r.total, TotalExtracted: &r.extracted}}
	return r.res, err
}

type isoReader struct {
	collector
	b       []byte
	taken   map[string]bool // by place and extension
	folders int
	part    int64 // UDF: first sector of the partition
}

// volumes walks every volume descriptor (ECMA-119 section 8).
func (r *isoReader) volumes(ctx context.Context) error {
	type root struct {
		at, size int64
		joliet   bool
	}
	var roots []root
	for s := 16; s < 16+64 && (s+1)*sector <= len(r.b); s++ {
		d := r.b[s*sector : (s+1)*sector]
		if string(d[1:6]) != "CD001" {
			if id := string(d[1:6]); id == "BEA01" || id == "NSR02" || id == "NSR03" || id == "TEA01" {
				continue
			}
			break
		}
		if d[0] == 255 {
			continue
		}
		if d[0] != 1 && d[0] != 2 {
			continue
		}
		joliet := d[0] == 2 && d[88] == '%' && d[89] == '/'
		v := root{int64(le32(d[158:])), int64(le32(d[166:])), joliet}
		if joliet { // the names that Windows shows come first
			roots = append([]root{v}, roots...)
		} else {
			roots = append(roots, v)
		}
	}
	for _, v := range roots {
		if err := r.folder(ctx, v.at, v.size, "", v.joliet, 0, map[int64]bool{}); err != nil {
			return err
		}
	}
	return nil
}

// folder reads one folder's records (ECMA-119 section 9.1).
func (r *isoReader) folder(ctx context.Context, at, size int64, path string, joliet bool, depth int, seen map[int64]bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reading folder %q: %w", path, context.Cause(ctx))
	}
	if r.folders++; seen[at] || depth > maxRecDepth || r.folders > maxFolders {
		r.finding("file.broken-archive", label(r.in), "the folders of disk image %s run in a circle or have no end", quoted(label(r.in)))
		return nil
	}
	seen[at] = true
	b, whole := r.extent(at, size)
	if !whole {
		r.finding("file.lying-size", label(r.in), "disk image %s says that folder %q lies beyond its end", quoted(label(r.in)), path)
	}
	var pieces []byte // of a file in several extents
	for i := 0; i < len(b); {
		n := int(b[i])
		if n == 0 { // records do not cross sectors
			i = (i/sector + 1) * sector
			continue
		}
		if n < 34 || i+n > len(b) || 33+int(b[i+32]) > n {
			break
		}
		rec := b[i : i+n]
		i += n
		name, rr := isoName(rec, joliet)
		if name == "\x00" || name == "\x01" {
			continue
		}
		if rr != "" && !joliet {
			name = rr
		}
		start, length := int64(le32(rec[2:]))+int64(rec[1]), int64(le32(rec[10:]))
		if rec[25]&2 != 0 {
			if err := r.folder(ctx, start, length, path+name+"/", joliet, depth+1, seen); err != nil {
				return err
			}
			continue
		}
		data, whole := r.extent(start, length)
		if rec[25]&0x80 != 0 && int64(len(pieces)+len(data)) <= r.in.Budget.Bytes { // more extents follow
			pieces = append(pieces, data...)
			continue
		}
		if pieces != nil {
			data, pieces = append(pieces, data...), nil
		}
		if err := r.file(path+name, start, data, whole); err != nil {
			return err
		}
	}
	return nil
}

// file takes one file out, once for all file systems that show it by one name.
func (r *isoReader) file(name string, at int64, data []byte, whole bool) error {
	key := fmt.Sprint(at, "/", len(data), strings.ToLower(extOf(name)))
	if r.taken[key] {
		return nil
	}
	r.taken[key] = true
	if err := r.entry(name); err != nil {
		return err
	}
	err := r.in.Budget.Take(int64(len(data)), int64(len(r.b)))
	if err == nil {
		data = bytes.Clone(data)
	} else {
		data = nil
	}
	if !whole {
		r.finding("file.lying-size", name, "disk image %s says that %s reaches beyond its end", quoted(label(r.in)), quoted(name))
	}
	r.add(tree.Child{Name: name, Data: data}, err)
	return err
}

func extOf(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[i:]
	}
	return ""
}

// extent returns the bytes of an extent as far as the image has them.
func (r *isoReader) extent(at, size int64) (b []byte, whole bool) {
	start := at * sector
	if start < 0 || size < 0 || start > int64(len(r.b)) {
		return nil, size == 0
	}
	end := min(start+size, int64(len(r.b)))
	return r.b[start:end], end == start+size
}

// isoName returns the name of a record and its Rock Ridge name. Version numbers
// (";1") are no part of a name.
func isoName(rec []byte, joliet bool) (name, rockRidge string) {
	n := int(rec[32])
	raw := rec[33 : 33+n]
	if n == 1 && raw[0] <= 1 {
		return string(raw), ""
	}
	if joliet {
		s, err := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Bytes(raw)
		if err != nil {
			s = raw
		}
		name = string(s)
	} else {
		name = decodeName(raw)
		// System use fields follow the padded name; NM carries a name.
		for su := rec[33+n+(1-n%2):]; len(su) >= 5 && int(su[2]) >= 5 && int(su[2]) <= len(su); su = su[su[2]:] {
			if string(su[:2]) == "NM" {
				rockRidge += decodeName(su[5:su[2]])
			}
		}
	}
	name, _, _ = strings.Cut(name, ";")
	return strings.TrimSuffix(name, "."), rockRidge
}

// hasUDF tells whether the recognition area names ECMA-167.
func (r *isoReader) hasUDF() bool {
	for s := 16; s < 16+64 && (s+1)*sector <= len(r.b); s++ {
		if id := string(r.b[s*sector+1 : s*sector+6]); id == "NSR02" || id == "NSR03" {
			return true
		}
	}
	return false
}

// Descriptor tags of ECMA-167.
const (
	tagAnchor    = 2
	tagPartition = 5
	tagLogical   = 6
	tagFileSet   = 256
	tagFileID    = 257
	tagFile      = 261
	tagExtFile   = 266
)

// udf walks the UDF side: anchor, volume descriptors, file set, root.
func (r *isoReader) udf(ctx context.Context) error {
	last := int64(len(r.b)/sector) - 1
	for _, at := range []int64{256, last, last - 256, 512} {
		d, ok := r.tagged(at, tagAnchor)
		if !ok {
			continue
		}
		size, start := int64(le32(d[16:])), int64(le32(d[20:]))
		set := int64(-1)
		for s := start; s < start+min(size/sector, 64); s++ {
			if d, ok := r.tagged(s, tagPartition); ok {
				r.part = int64(le32(d[188:]))
			}
			if d, ok := r.tagged(s, tagLogical); ok {
				set = int64(le32(d[252:])) // logical volume contents use: long_ad
			}
		}
		if set < 0 {
			return errors.New("broken UDF: no logical volume")
		}
		d, ok = r.tagged(r.part+set, tagFileSet)
		if !ok {
			return errors.New("broken UDF: no file set")
		}
		return r.udfFolder(ctx, int64(le32(d[404:])), "", 0, map[int64]bool{})
	}
	return errors.New("broken UDF: no anchor")
}

// tagged returns the sector at a place when it carries a tag (ECMA-167 3/7.2).
func (r *isoReader) tagged(at int64, tag uint16) ([]byte, bool) {
	b, whole := r.extent(at, sector)
	if at <= 0 || !whole || le16(b) != tag {
		return nil, false
	}
	return b, true
}

// udfFolder reads the identifiers of one folder (ECMA-167 4/14.4).
func (r *isoReader) udfFolder(ctx context.Context, icb int64, path string, depth int, seen map[int64]bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reading folder %q: %w", path, context.Cause(ctx))
	}
	if r.folders++; seen[icb] || depth > maxRecDepth || r.folders > maxFolders {
		r.finding("file.broken-archive", label(r.in), "the folders of disk image %s run in a circle or have no end", quoted(label(r.in)))
		return nil
	}
	seen[icb] = true
	b, _, _, err := r.udfFile(icb)
	if err != nil {
		return err
	}
	for len(b) >= 38 && le16(b) == tagFileID {
		flags, nameLen, useLen := b[18], int(b[19]), int(le16(b[36:]))
		n := (38 + nameLen + useLen + 3) &^ 3
		if 38+useLen+nameLen > len(b) {
			break
		}
		name, child := udfName(b[38+useLen:38+useLen+nameLen]), int64(le32(b[24:]))
		b = b[min(n, len(b)):]
		switch {
		case flags&0x08 != 0: // the parent
		case flags&0x04 != 0: // deleted: the bytes may still be there
		case flags&0x02 != 0:
			if err := r.udfFolder(ctx, child, path+name+"/", depth+1, seen); err != nil {
				return err
			}
		default:
			data, at, whole, err := r.udfFile(child)
			if err != nil {
				r.add(tree.Child{Name: path + name}, err)
				continue
			}
			if err := r.file(path+name, at, data, whole); err != nil {
				return err
			}
		}
	}
	return nil
}

// udfFile returns the content of a file entry (ECMA-167 4/14.9, 4/14.17).
func (r *isoReader) udfFile(icb int64) (data []byte, at int64, whole bool, err error) {
	d, ok := r.tagged(r.part+icb, tagFile)
	fixed, lens := 176, 168
	if !ok {
		if d, ok = r.tagged(r.part+icb, tagExtFile); !ok {
			return nil, 0, false, errors.New("damaged: no file entry")
		}
		fixed, lens = 216, 208
	}
	kind, size := le16(d[34:])&7, int64(le64(d[56:]))
	ea, ads := int(le32(d[lens:])), int(le32(d[lens+4:]))
	if ea < 0 || ads < 0 || ea > sector || ads > sector || fixed+ea+ads > len(d) {
		return nil, 0, false, errors.New("damaged: file entry")
	}
	list := d[fixed+ea : fixed+ea+ads]
	if kind == 3 { // the content itself
		return list[:min(int64(len(list)), max(size, 0))], -icb, true, nil
	}
	step := 8
	if kind == 1 {
		step = 16
	}
	whole = true
	for ; len(list) >= step; list = list[step:] {
		n := int64(le32(list) & 0x3fffffff)
		if n == 0 {
			break
		}
		b, all := r.extent(r.part+int64(le32(list[4:])), n)
		whole = whole && all
		if data == nil {
			data, at = b[:len(b):len(b)], r.part+int64(le32(list[4:]))
			continue
		}
		if int64(len(data)+len(b)) > r.in.Budget.Bytes {
			return nil, at, false, fmt.Errorf("%w: no bytes left", tree.ErrBudget)
		}
		data = append(data, b...)
	}
	if size < int64(len(data)) && size >= 0 {
		data = data[:size]
	}
	return data, at, whole, nil
}

// udfName decodes a name of OSTA compressed Unicode: 8 or 16 bits a character.
func udfName(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if b[0] == 16 {
		s, err := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Bytes(b[1:])
		if err == nil {
			return string(s)
		}
	}
	out := make([]rune, 0, len(b))
	for _, c := range b[1:] {
		out = append(out, rune(c))
	}
	return string(out)
}
