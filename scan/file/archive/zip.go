package archive

import (
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Zip opens zip archives (PKWARE APPNOTE 6.3.10), also after other content. It
// reads the directory at the end and the headers before each file and reports
// where they disagree: then two programs unpack two different things.
type Zip struct{}

// Name implements tree.Parser.
func (Zip) Name() string { return "zip" }

// Opens implements tree.Parser.
func (Zip) Opens(in *tree.Input) bool {
	switch in.Type {
	case "zip", "jar", "apk", "msix", "epub", "odt", "ods", "odp":
		return true
	case "tar", "iso", "udf", "img", "vhd", "vhdx", "eml", "cab", "7z", "rar":
		return false // a file at their end may well be a zip
	}
	return isOffice(in.Type) || HasDirectory(in.Data)
}

func isOffice(typ string) bool {
	return typ == "docx" || typ == "xlsx" || typ == "pptx" || typ == "vsdx"
}

// Bit flags of a file (APPNOTE section 4.4.4).
const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
	flagStrong     = 1 << 6
	flagMasked     = 1 << 13
)

const methodAES = 99

// zipEntry is one file as one of the two places describes it.
type zipEntry struct {
	name       string
	flags      uint16
	method     uint16
	crc        uint32
	packed     int64
	size       int64
	offset     int64 // of the local header, in the input
	start, end int64 // of the packed data
	extra      []byte
	time       uint16
	unlisted   bool
}

// Open implements tree.Parser.
func (Zip) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	z := &zipReader{collector: collector{in: in}, data: in.Data, how: "archived"}
	if !bytes.HasPrefix(in.Data, []byte("PK")) {
		z.how = "appended"
	}
	err := z.directory()
	if err == nil {
		z.locals()
		z.overlaps()
		err = z.extract(ctx)
	}
	z.res.Facts = map[string]any{"zip": &shape.ScanZip{
		AllPaths: z.paths, AttemptedFiles: z.tried, Encrypted: ptr(z.encrypted), TotalFiles: ptr(z.total), TotalExtracted: ptr(z.extracted),
	}}
	if z.encrypted {
		z.res.Facts["encrypted_zip"] = &shape.ScanEncryptedZip{CrackedPassword: z.password, TotalFiles: ptr(z.total), TotalExtracted: ptr(z.extracted)}
	}
	return z.res, err
}

// maxRefused is how many files no password opens before the rest is left.
const maxRefused = 3

// zipReader reads one archive.
type zipReader struct {
	collector
	data    []byte
	how     string
	entries []zipEntry
	refused int                 // files that no password opened
	places  map[[3]int64]string // where the files met so far lie, and their names
}

// The fixed parts of the structures, in bytes.
const (
	lenLocal   = 30
	lenCentral = 46
	lenEnd     = 22
	lenEnd64   = 56
	maxComment = 1<<16 - 1
)

// findEnd returns the place of the end record, −1 when there is none.
func findEnd(b []byte) int {
	for i := len(b) - lenEnd; i >= 0 && i >= len(b)-lenEnd-maxComment; i-- {
		if b[i] == 'P' && b[i+1] == 'K' && b[i+2] == 5 && b[i+3] == 6 && i+lenEnd+int(le16(b[i+20:])) <= len(b) {
			return i
		}
	}
	return -1
}

// HasDirectory tells whether b ends like a zip: an end record and, where it
// says, the first entry of a directory.
func HasDirectory(b []byte) bool {
	end := findEnd(b)
	if end < 0 {
		return false
	}
	at := int64(end) - int64(le32(b[end+12:]))
	return at >= 0 && at+4 <= int64(end) && string(b[at:at+4]) == "PK\x01\x02"
}

// directory reads the central directory. Without one, what the local headers
// say is all there is.
func (z *zipReader) directory() error {
	end := findEnd(z.data)
	if end < 0 {
		z.finding("file.broken-archive", label(z.in), "archive %s has no directory: it is cut off or made to confuse", quoted(label(z.in)))
		return nil
	}
	count, size, offset := int64(le16(z.data[end+10:])), int64(le32(z.data[end+12:])), int64(le32(z.data[end+16:]))
	top := int64(end)
	if at := end - 20; (count == 0xffff || size == 0xffffffff || offset == 0xffffffff) && at >= 0 && string(z.data[at:at+4]) == "PK\x06\x07" {
		if e := int64(le64(z.data[at+8:])); e >= 0 && e+lenEnd64 <= int64(len(z.data)) && string(z.data[e:e+4]) == "PK\x06\x06" {
			count, size, offset, top = int64(le64(z.data[e+32:])), int64(le64(z.data[e+40:])), int64(le64(z.data[e+48:])), e
		}
	}
	// The directory ends where the end record begins; what stands before the
	// archive shifts every offset.
	start := top - size
	if start < 0 || start > int64(len(z.data)) {
		z.finding("file.broken-archive", label(z.in), "the directory of archive %s lies outside of it", quoted(label(z.in)))
		return nil
	}
	base := start - offset
	if base < 0 {
		base = 0
	}
	at, n := start, int64(0)
	for at+lenCentral <= top && string(z.data[at:at+4]) == "PK\x01\x02" {
		e, next, ok := central(z.data, at)
		if !ok {
			break
		}
		e.offset += base
		if n++; n > tree.MaxEntries {
			break
		}
		z.entries = append(z.entries, e)
		at = next
	}
	if n != count && n <= tree.MaxEntries {
		z.finding("file.archive-disagreement", label(z.in), "archive %s says it lists %d files and lists %d", quoted(label(z.in)), count, n)
	}
	return nil
}

// central reads one entry of the directory at a place.
func central(b []byte, at int64) (e zipEntry, next int64, ok bool) {
	h := b[at:]
	nameLen, extraLen, commentLen := int64(le16(h[28:])), int64(le16(h[30:])), int64(le16(h[32:]))
	next = at + lenCentral + nameLen + extraLen + commentLen
	if next > int64(len(b)) {
		return e, 0, false
	}
	e = zipEntry{
		flags: le16(h[8:]), method: le16(h[10:]), time: le16(h[12:]), crc: le32(h[16:]), packed: int64(le32(h[20:])), size: int64(le32(h[24:])),
		offset: int64(le32(h[42:])), name: decodeName(h[lenCentral : lenCentral+nameLen]), extra: h[lenCentral+nameLen : lenCentral+nameLen+extraLen],
	}
	// Sizes that do not fit stand in the ZIP64 field, in this order.
	if x := extraField(e.extra, 1); x != nil {
		for _, v := range []*int64{&e.size, &e.packed, &e.offset} {
			if *v == 0xffffffff && len(x) >= 8 {
				*v = int64(le64(x))
				x = x[8:]
			}
		}
	}
	return e, next, true
}

// extraField returns an extra field by its number, nil when absent.
func extraField(b []byte, id uint16) []byte {
	for len(b) >= 4 {
		n := int(le16(b[2:]))
		if 4+n > len(b) {
			return nil
		}
		if le16(b) == id {
			return b[4 : 4+n]
		}
		b = b[4+n:]
	}
	return nil
}

// local reads the header before a file.
func local(b []byte, at int64) (e zipEntry, ok bool) {
	if at < 0 || at+lenLocal > int64(len(b)) || string(b[at:at+4]) != "PK\x03\x04" {
		return e, false
	}
	h := b[at:]
	nameLen, extraLen := int64(le16(h[26:])), int64(le16(h[28:]))
	start := at + lenLocal + nameLen + extraLen
	if start > int64(len(b)) {
		return e, false
	}
	e = zipEntry{
		flags: le16(h[6:]), method: le16(h[8:]), time: le16(h[10:]), crc: le32(h[14:]), packed: int64(le32(h[18:])), size: int64(le32(h[22:])), offset: at,
		name: decodeName(h[lenLocal : lenLocal+nameLen]), start: start, extra: h[lenLocal+nameLen : lenLocal+nameLen+extraLen],
	}
	if x := extraField(e.extra, 1); len(x) >= 16 && e.size == 0xffffffff {
		e.size, e.packed = int64(le64(x)), int64(le64(x[8:]))
	}
	return e, true
}

// locals compares each entry with the header before its file, and finds files
// that the directory does not list.
func (z *zipReader) locals() {
	known := map[int64]bool{}
	name := quoted(label(z.in))
	seen := map[string]bool{}
	for i := range z.entries {
		e := &z.entries[i]
		if strings.HasSuffix(e.name, "/") && e.size == 0 {
			known[e.offset] = true
			continue
		}
		if seen[e.name] {
			z.finding("file.archive-disagreement", e.name, "archive %s lists %s twice: programs differ in which one they unpack", name, quoted(e.name))
		}
		seen[e.name] = true
		l, ok := local(z.data, e.offset)
		if !ok {
			z.finding("file.broken-archive", e.name, "archive %s lists %s at a place where it is not", name, quoted(e.name))
			e.start, e.end = -1, -1
			continue
		}
		known[e.offset] = true
		e.start, e.end = l.start, min(l.start+max(e.packed, 0), int64(len(z.data)))
		switch {
		case l.name != e.name && l.flags&flagMasked == 0:
			z.finding("file.archive-disagreement", e.name+" / "+l.name, "archive %s lists file %s, which calls itself %s", name, quoted(e.name), quoted(l.name))
		case l.method != e.method || (l.flags^e.flags)&flagEncrypted != 0:
			z.finding("file.archive-disagreement", e.name, "archive %s describes the packing of %s in two ways", name, quoted(e.name))
		case l.flags&flagDescriptor == 0 && (l.packed != e.packed || l.size != e.size) && l.packed != 0xffffffff && e.packed != 0xffffffff:
			z.finding("file.archive-disagreement", e.name, "archive %s gives two sizes for %s", name, quoted(e.name))
		}
	}
	z.unlisted(known)
}

// unlisted looks for local headers outside of the files that the directory
// lists. Their sizes must be told in the header; with a descriptor the file ends
// at the next header.
func (z *zipReader) unlisted(known map[int64]bool) {
	ranges := z.ranges()
	for at := int64(0); len(z.entries) < tree.MaxEntries; {
		i := bytes.Index(z.data[at:], []byte("PK\x03\x04"))
		if i < 0 {
			return
		}
		at += int64(i)
		if known[at] {
			at += 4
			continue
		}
		if end := covered(ranges, at); end > at {
			at = end // inside a stored file that is an archive itself
			continue
		}
		e, ok := local(z.data, at)
		at += 4
		if !ok || e.name == "" || len(e.name) > 1024 || strings.HasSuffix(e.name, "/") {
			continue
		}
		e.end = e.start + e.packed
		if e.flags&flagDescriptor != 0 && e.packed == 0 {
			e.end = int64(len(z.data))
			for _, sig := range []string{"PK\x07\x08", "PK\x03\x04", "PK\x01\x02"} {
				if j := bytes.Index(z.data[e.start:e.end], []byte(sig)); j >= 0 {
					e.end = e.start + int64(j)
				}
			}
			e.packed, e.crc, e.size = e.end-e.start, 0, -1
		}
		e.end = min(e.end, int64(len(z.data)))
		if e.end < e.start {
			continue
		}
		e.unlisted = true
		if len(known) > 0 {
			z.finding("file.archive-disagreement", e.name, "archive %s holds file %s, which its directory does not list", quoted(label(z.in)), quoted(e.name))
		}
		z.entries = append(z.entries, e)
		at = max(at, e.end)
	}
}

// ranges are the places of the listed files, by start.
func (z *zipReader) ranges() [][2]int64 {
	var out [][2]int64
	for _, e := range z.entries {
		if e.start > 0 && e.end > e.start {
			out = append(out, [2]int64{e.offset, e.end})
		}
	}
	slices.SortFunc(out, func(a, b [2]int64) int {
		if a[0] != b[0] {
			return int(max(-1, min(1, a[0]-b[0])))
		}
		return int(max(-1, min(1, a[1]-b[1])))
	})
	return out
}

// covered returns the end of the range around a place, 0 when there is none.
func covered(ranges [][2]int64, at int64) int64 {
	i, found := slices.BinarySearchFunc(ranges, at, func(r [2]int64, at int64) int {
		switch {
		case r[1] <= at:
			return -1
		case r[0] > at:
			return 1
		}
		return 0
	})
	if found {
		return ranges[i][1]
	}
	return 0
}

// overlaps reports files that share bytes: how a small archive unpacks to
// millions of gigabytes without nesting.
func (z *zipReader) overlaps() {
	ranges := z.ranges()
	for i := 1; i < len(ranges); i++ {
		if ranges[i][0] < ranges[i-1][1] {
			z.finding("file.overlapping-entries", label(z.in), "files in archive %s share their bytes, as in a decompression bomb", quoted(label(z.in)))
			return
		}
	}
}

// extract unpacks the files.
func (z *zipReader) extract(ctx context.Context) error {
	office := isOffice(z.in.Type)
	first := ""
	for i := range z.entries {
		e := &z.entries[i]
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("unpacking %s: %w", z.in.Type, context.Cause(ctx))
		}
		if e.flags&flagEncrypted != 0 {
			z.encrypted = true
			if first == "" {
				first = e.name
			}
		}
		if strings.HasSuffix(e.name, "/") && e.size == 0 {
			continue
		}
		z.part(e)
		if office && ordinaryPart(e.name) && e.flags&flagEncrypted == 0 {
			z.total++
			if len(z.paths) < maxNames {
				z.paths = append(z.paths, e.name)
			}
			continue
		}
		if err := z.entry(e.name); err != nil {
			z.lockedFinding(first)
			return err
		}
		if len(z.tried) < maxNames {
			z.tried = append(z.tried, e.name)
		}
		if twin, ok := z.twin(e); ok {
			z.add(tree.Child{Name: e.name, How: z.how}, fmt.Errorf("it is the same bytes as %q", twin))
			continue
		}
		data, err := z.unpack(ctx, e)
		z.add(tree.Child{Name: e.name, How: z.how, Data: data, Password: z.passwordOf(e, err)}, err)
		if l, ok := local(z.data, e.offset); ok && err == nil && l.name != e.name && l.flags&flagMasked == 0 {
			z.add(tree.Child{Name: l.name, How: z.how, Data: data}, nil)
		}
		if errors.Is(err, tree.ErrBudget) {
			z.lockedFinding(first)
			return err
		}
	}
	z.lockedFinding(first)
	return nil
}

// twin is the name of an earlier file that has the very bytes of e: they are
// unpacked once, however many entries share them.
func (z *zipReader) twin(e *zipEntry) (name string, ok bool) {
	key := [3]int64{e.start, e.end, int64(e.method)}
	if e.start >= e.end {
		return "", false
	}
	if name, ok = z.places[key]; ok {
		return name, true
	}
	if z.places == nil {
		z.places = map[[3]int64]string{}
	}
	z.places[key] = e.name
	return "", false
}

// part reports what the name of a part of an Office document says.
func (z *zipReader) part(e *zipEntry) {
	name := quoted(label(z.in))
	switch lower := strings.ToLower(e.name); {
	case strings.HasSuffix(lower, "vbaproject.bin"):
		z.finding("file.macros", e.name, "document %s carries macros", name)
	case strings.Contains(lower, "/embeddings/") && strings.HasSuffix(lower, ".bin"):
		z.finding("file.embedded-object", e.name, "document %s carries an embedded object", name)
	}
}

// ordinaryPart tells the parts that every Office document is made of, which the
// parser of documents reads; anything else is a file in an archive.
func ordinaryPart(name string) bool {
	lower := strings.ToLower(strings.TrimPrefix(name, "/"))
	i := strings.LastIndexByte(lower, '.')
	if i < 0 {
		return false
	}
	switch lower[i+1:] {
	case "xml", "rels", "bin", "vml", "png", "jpg", "jpeg", "gif", "emf", "wmf", "tif", "tiff", "svg", "fntdata", "odttf", "psmdcp", "wdp",
		"docx", "xlsx", "pptx", "doc", "xls", "ppt", "rtf", "mp4", "m4a", "mp3", "wav", "dat", "sigs", "tmp", "data":
		return true
	}
	return false
}

func (z *zipReader) passwordOf(e *zipEntry, err error) string {
	if e.flags&flagEncrypted == 0 || err != nil {
		return ""
	}
	return z.password
}

// unpack returns the content of one file.
func (z *zipReader) unpack(ctx context.Context, e *zipEntry) ([]byte, error) {
	if e.start < 0 || e.start > e.end {
		return nil, errors.New("damaged: it is not where the directory says")
	}
	packed := z.data[e.start:e.end]
	if e.flags&flagEncrypted == 0 {
		return z.inflate(ctx, e, e.method, packed)
	}
	if e.flags&flagStrong != 0 {
		return nil, fmt.Errorf("%w (strong encryption)", errEncrypted)
	}
	// Files of one archive share their password as a rule: when none opens the
	// first few, the others are not worth a thousand key derivations each.
	if z.password == "" && z.refused >= maxRefused {
		return nil, errEncrypted
	}
	candidates := z.in.Passwords
	if z.password != "" {
		candidates = append([]string{z.password}, candidates...)
	}
	for _, p := range candidates {
		for _, b := range spellings(p) {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("decrypting: %w", context.Cause(ctx))
			}
			plain, method, ok := decrypt(e, packed, b)
			if !ok {
				continue
			}
			data, err := z.inflate(ctx, e, method, plain)
			if errors.Is(err, tree.ErrBudget) {
				return nil, err
			}
			if err == nil {
				z.password = p
				return data, nil
			}
		}
	}
	z.refused++
	return nil, errEncrypted
}

// inflate decompresses and checks one file.
func (z *zipReader) inflate(ctx context.Context, e *zipEntry, method uint16, packed []byte) ([]byte, error) {
	r, err := decompressor(method, packed, e.size)
	if err != nil {
		return nil, err
	}
	data, err := z.read(ctx, r, int64(len(packed)), e.size)
	if err != nil {
		if len(data) > 0 && e.flags&flagEncrypted == 0 && !errors.Is(err, tree.ErrBudget) {
			z.finding("file.broken-archive", e.name, "file %s in archive %s is damaged", quoted(e.name), quoted(label(z.in)))
			return data, nil // the beginning is worth a look
		}
		return nil, err
	}
	if ae2 := e.method == methodAES && e.crc == 0; !ae2 && (e.size >= 0 || e.crc != 0) && crc32.ChecksumIEEE(data) != e.crc {
		if e.flags&flagEncrypted != 0 {
			return nil, errors.New("damaged: checksum")
		}
		z.finding("file.broken-archive", e.name, "file %s in archive %s does not match its checksum", quoted(e.name), quoted(label(z.in)))
	}
	if e.size >= 0 && int64(len(data)) != e.size && e.flags&flagEncrypted == 0 {
		z.finding("file.lying-size", e.name, "archive %s says that %s has %d bytes; it has %d", quoted(label(z.in)), quoted(e.name), e.size, len(data))
	}
	return data, nil
}

// decompressor returns a reader for a method (APPNOTE section 4.4.5).
func decompressor(method uint16, packed []byte, size int64) (io.Reader, error) {
	src := bytes.NewReader(packed)
	switch method {
	case 0:
		return src, nil
	case 8:
		return flate.NewReader(src), nil
	case 9:
		return newDeflate64(packed), nil
	case 12:
		return bzip2.NewReader(src), nil
	case 14:
		return zipLZMA(packed, size)
	case 93:
		return zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDictionary), zstd.WithDecoderLowmem(true))
	case 95:
		if err := checkXZ(packed); err != nil {
			return nil, err
		}
		return xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(src)
	}
	return nil, fmt.Errorf("packed by method %d, which is not known", method)
}

// zipLZMA puts a zip's short LZMA header (APPNOTE section 5.8.8) into the form
// that stands alone.
func zipLZMA(packed []byte, size int64) (io.Reader, error) {
	if len(packed) < 9 || le16(packed[2:]) != 5 {
		return nil, errors.New("damaged: no LZMA properties")
	}
	if le32(packed[5:]) > maxDictionary {
		return nil, fmt.Errorf("%w: a dictionary of %d bytes", tree.ErrBudget, le32(packed[5:]))
	}
	head := append([]byte{}, packed[4:9]...)
	for i := range 8 {
		head = append(head, byte(uint64(size)>>(8*i)))
	}
	return lzma.NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(packed[9:])))
}

func le16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }
func le32(b []byte) uint32 { return uint32(le16(b)) | uint32(le16(b[2:]))<<16 }
func le64(b []byte) uint64 { return uint64(le32(b)) | uint64(le32(b[4:]))<<32 }
