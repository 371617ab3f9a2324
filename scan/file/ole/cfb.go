package ole

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Special sector numbers, [MS-CFB] section 2.1.
const (
	maxRegular = 0xFFFFFFFA
	noStream   = 0xFFFFFFFF
	entrySize  = 128
)

// Bounds of one compound file.
const (
	maxEntries = 8192     // directory entries: the largest honest documents have a few thousand
	maxPath    = 1 << 10  // bytes of a path inside the file
	maxCopy    = 64 << 20 // bytes of all streams read of one file, when many share the same sectors
)

// Kinds of directory entries, [MS-CFB] section 2.6.1.
const (
	kindStorage = 1
	kindStream  = 2
	kindRoot    = 5
)

// Entry is a storage or a stream of a compound file.
type Entry struct {
	Name    string // as stored, with its leading control character
	Path    string // names from the root, joined by slashes
	CLSID   [16]byte
	Storage bool
	Size    int64 // as declared

	kind               byte
	left, right, child uint32
	start              uint32
	seen               bool
}

// Compound is a compound file ([MS-CFB]): a file system in a file, which Office
// used for its documents up to 2003 and still uses for macros, embedded objects
// and encrypted documents. Sector chains are followed at most as far as the
// file has sectors, so that cycles end.
type Compound struct {
	Entries []*Entry // reachable from the root, then the unreachable ones
	Defects []string // what is broken, each once

	data    []byte
	sector  int
	fat     []uint32
	mini    []uint32
	ministm []byte
	cutoff  int64
	copied  int64
}

// errNotCompound says that the header is none of a compound file.
var errNotCompound = errors.New("no compound file")

// Magic is the signature at the start of every compound file.
const Magic = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"

// OpenCompound reads the header, the allocation tables and the directory. It
// fails when nothing can be read; lesser damage is in Defects.
func OpenCompound(ctx context.Context, data []byte) (*Compound, error) {
	if len(data) < 512 || string(data[:8]) != Magic {
		return nil, errNotCompound
	}
	shift := binary.LittleEndian.Uint16(data[30:])
	if shift != 9 && shift != 12 {
		return nil, fmt.Errorf("reading the header: sector shift %d is neither 9 nor 12", shift)
	}
	c := &Compound{data: data, sector: 1 << shift, cutoff: 4096}
	c.readFAT(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	dir := c.chain(binary.LittleEndian.Uint32(data[48:]), int64(maxEntries*entrySize), "directory")
	if len(dir) < entrySize {
		return nil, errors.New("reading the directory: nothing there")
	}
	miniTable := c.chain(binary.LittleEndian.Uint32(data[60:]), int64(len(data)), "short allocation table")
	c.mini = words(miniTable)
	c.readDirectory(dir)
	return c, nil
}

func words(b []byte) []uint32 {
	out := make([]uint32, len(b)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

func (c *Compound) defect(s string) {
	for _, d := range c.Defects {
		if d == s {
			return
		}
	}
	c.Defects = append(c.Defects, s)
}

// block returns sector n; the last may be short. nil when there is none.
func (c *Compound) block(n uint32) []byte {
	at := (int64(n) + 1) * int64(c.sector)
	if n > maxRegular || at >= int64(len(c.data)) {
		return nil
	}
	return c.data[at:min(at+int64(c.sector), int64(len(c.data)))]
}

// readFAT gathers the allocation table from the sectors that the header and
// the DIFAT chain name, at most as many as the file can need.
func (c *Compound) readFAT(ctx context.Context) {
	sectors := len(c.data)/c.sector + 1
	need := sectors*4/c.sector + 1
	used := map[uint32]bool{}
	take := func(list []uint32) {
		for _, n := range list {
			if n > maxRegular || len(used) >= need {
				continue
			}
			if used[n] {
				c.defect("a sector of the allocation table is named twice")
				continue
			}
			used[n] = true
			b := c.block(n)
			if b == nil {
				c.defect("the allocation table lies outside the file")
				continue
			}
			c.fat = append(c.fat, words(b)...)
		}
	}
	take(words(c.data[76:512]))
	next := binary.LittleEndian.Uint32(c.data[68:])
	seen := map[uint32]bool{}
	for next <= maxRegular && ctx.Err() == nil {
		b := c.block(next)
		if seen[next] || len(b) < 8 || len(seen) > need {
			c.defect("the table of allocation tables is cyclic or cut")
			break
		}
		seen[next] = true
		w := words(b)
		take(w[:len(w)-1])
		next = w[len(w)-1]
	}
}

// chain copies the sectors of a chain, at most limit bytes. A cycle, a sector
// outside the file and a cut are defects; what was read is returned.
func (c *Compound) chain(start uint32, limit int64, what string) []byte {
	var out []byte
	steps := len(c.data)/c.sector + 1
	for n := start; n <= maxRegular && int64(len(out)) < limit; {
		if steps--; steps < 0 {
			c.defect("the sector chain of the " + what + " is cyclic")
			break
		}
		b := c.block(n)
		if b == nil {
			c.defect("the sector chain of the " + what + " leaves the file")
			break
		}
		out = append(out, b...)
		if int(n) >= len(c.fat) {
			c.defect("the sector chain of the " + what + " leaves the allocation table")
			break
		}
		n = c.fat[n]
	}
	return out[:min(int64(len(out)), limit)]
}

// readDirectory reads the entries and walks the tree of names; each entry is
// visited once, so that cycles end.
func (c *Compound) readDirectory(dir []byte) {
	var all []*Entry
	for i := 0; i+entrySize <= len(dir); i += entrySize {
		all = append(all, readEntry(dir[i:i+entrySize], c.sector))
	}
	type visit struct {
		id   uint32
		path string
	}
	stack := []visit{{0, ""}}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v.id == noStream {
			continue
		}
		if int64(v.id) >= int64(len(all)) {
			c.defect("the directory names an entry that is not there")
			continue
		}
		e := all[v.id]
		if e.seen {
			c.defect("the directory is cyclic")
			continue
		}
		e.seen = true
		if e.kind == 0 {
			continue
		}
		e.Path = e.Name
		if v.path != "" && len(v.path) < maxPath {
			e.Path = v.path + "/" + e.Name
		}
		below := e.Path
		if v.id == 0 {
			below = ""
			e.Path = ""
		} else {
			stack = append(stack, visit{e.right, v.path})
		}
		if e.kind != kindStream {
			stack = append(stack, visit{e.child, below})
		}
		c.Entries = append(c.Entries, e)
		if v.id != 0 {
			stack = append(stack, visit{e.left, v.path})
		}
	}
	for _, e := range all {
		if !e.seen && e.kind == kindStream {
			e.Path = e.Name
			c.Entries = append(c.Entries, e)
			c.defect("the directory hides a stream that no storage names")
		}
	}
	root := all[0]
	c.ministm = c.chain(root.start, min(root.Size, int64(len(c.data))), "short streams")
}

func readEntry(b []byte, sector int) *Entry {
	n := int(binary.LittleEndian.Uint16(b[64:]))
	n = min(max(n-2, 0), 62) / 2
	u := make([]uint16, n)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	e := &Entry{
		Name: strings.ReplaceAll(string(utf16.Decode(u)), "/", "_"),
		kind: b[66], left: binary.LittleEndian.Uint32(b[68:]), right: binary.LittleEndian.Uint32(b[72:]), child: binary.LittleEndian.Uint32(b[76:]),
		start: binary.LittleEndian.Uint32(b[116:]), Size: int64(binary.LittleEndian.Uint32(b[120:])),
	}
	if sector == 4096 { // version 3 writers may leave dirt in the upper half
		if high := int64(binary.LittleEndian.Uint32(b[124:])); high < 1<<15 {
			e.Size |= high << 32
		}
	}
	copy(e.CLSID[:], b[80:96])
	e.Storage = e.kind == kindStorage || e.kind == kindRoot
	return e
}

// Read returns the content of a stream, at most limit bytes. Declared sizes
// that lie and broken chains are defects; what there is is returned.
func (c *Compound) Read(e *Entry, limit int64) []byte {
	if e.Storage {
		return nil
	}
	size := min(e.Size, limit, int64(len(c.data)))
	if c.copied+size > int64(len(c.data))+maxCopy {
		c.defect("the streams of the file overlap")
		return nil
	}
	var out []byte
	if e.Size < c.cutoff {
		out = c.miniChain(e.start, size)
	} else {
		out = c.chain(e.start, size, "stream "+printable(e.Name))
	}
	if int64(len(out)) < min(e.Size, limit) {
		c.defect("stream " + printable(e.Name) + " is shorter than declared")
	}
	c.copied += int64(len(out))
	return out
}

func (c *Compound) miniChain(start uint32, size int64) []byte {
	var out []byte
	steps := len(c.mini) + 1
	for n := start; n <= maxRegular && int64(len(out)) < size; n = c.mini[n] {
		at := int64(n) * 64
		if steps--; steps < 0 {
			c.defect("the chain of a short stream is cyclic")
			break
		}
		if at >= int64(len(c.ministm)) {
			c.defect("the chain of a short stream leaves the file")
			break
		}
		out = append(out, c.ministm[at:min(at+64, int64(len(c.ministm)))]...)
		if int(n) >= len(c.mini) {
			break
		}
	}
	return out[:min(int64(len(out)), size)]
}

// Find returns the first entry of that name, wherever it is; nil when there is
// none. Names are compared without regard to case, as Windows does.
func (c *Compound) Find(name string) *Entry {
	for _, e := range c.Entries {
		if strings.EqualFold(e.Name, name) {
			return e
		}
	}
	return nil
}

// printable drops the control characters that begin some stream names.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 {
			return -1
		}
		return r
	}, s)
}
