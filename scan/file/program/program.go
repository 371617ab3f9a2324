// Package program recognises executable programs (PE, ELF, Mach-O) and reads
// what their headers say: machine, sections, the hash of what they import,
// whether they are signed, and whether they look packed. A program need not be
// bad; that one comes by mail is what counts, and these facts say which.
package program

import (
	"bytes"
	"context"
	"crypto/md5"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Bounds of one program.
const (
	maxSections = 96   // as Windows itself; more are not described
	maxImports  = 4096 // names that count for the import hash
	// packedEntropy is where code is compressed or encrypted: compilers give
	// 6 to 6.7 bits per byte.
	packedEntropy = 7.2
	minPacked     = 4 << 10 // bytes of a section that is worth measuring
)

// Parser looks at programs. The zero value is ready to use.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "program" }

// Opens implements tree.Parser.
func (Parser) Opens(in *tree.Input) bool {
	switch in.Type {
	case "exe":
		return len(in.Data) >= 64
	case "elf", "macho":
		return true
	}
	return false
}

// Program is what the headers of a program say.
type Program struct {
	Format   string    `json:"format"`            // "PE", "ELF" or "Mach-O"
	Machine  string    `json:"machine,omitempty"` // "x86", "x86-64", "arm64", …
	Kind     string    `json:"kind,omitempty"`    // "program", "library", "driver", "object"
	Sections []Section `json:"sections,omitempty"`
	ImpHash  string    `json:"imphash,omitempty"` // MD5 of the imports, in the order of the table
	Imports  int       `json:"imports"`
	Exports  []string  `json:"exports,omitempty"`
	Signed   bool      `json:"signed"` // carries a signature; nobody checked it
	Packed   string    `json:"packed,omitempty"`
	DotNet   bool      `json:"dotnet,omitempty"`
	Overlay  int64     `json:"overlay,omitempty"` // bytes after the last section
}

// Section is one section of a program.
type Section struct {
	Name    string  `json:"name"`
	Size    int64   `json:"size"`
	Entropy float64 `json:"entropy"`
	Write   bool    `json:"write,omitempty"`
	Exec    bool    `json:"exec,omitempty"`
}

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	if err := ctx.Err(); err != nil {
		return tree.Result{}, fmt.Errorf("looking at a program: %w", context.Cause(ctx))
	}
	p, err := Describe(in.Data, in.Type)
	if err != nil {
		return tree.Result{}, err
	}
	name := in.Name
	if name == "" {
		name = "unnamed " + in.Type
	}
	var res tree.Result
	signed := "without a signature"
	if p.Signed {
		signed = "with a signature that nobody checked"
	}
	what := fmt.Sprintf("%s %s for %s, %s", p.Format, p.Kind, p.Machine, signed)
	res.Findings = append(res.Findings, tree.Finding{ID: "file.program-content", Claim: fmt.Sprintf("file %q is a %s", name, what), Quote: p.ImpHash})
	if p.Packed != "" {
		res.Findings = append(res.Findings, tree.Finding{ID: "file.packed-program", Claim: fmt.Sprintf("program %q looks packed: %s", name, p.Packed), Quote: p.Packed})
	}
	if slices.Contains(p.Exports, "xlAutoOpen") {
		res.Findings = append(res.Findings, tree.Finding{ID: "file.excel-addin", Claim: fmt.Sprintf("file %q is an Excel add-in that runs when opened", name), Quote: "xlAutoOpen"})
	}
	if p.Overlay > 0 {
		res.Children = overlay(in, p.Overlay)
	}
	if p.Format == "Mach-O" {
		res.Facts = map[string]any{"macho": machoShape(in.Data, p)}
	}
	return res, nil
}

// overlay hands out what stands after a program where it is an archive: how
// installers and droppers carry their files.
func overlay(in *tree.Input, size int64) []tree.Child {
	b := in.Data[int64(len(in.Data))-size:]
	for _, sign := range []string{"Rar!\x1a\x07", "7z\xbc\xaf\x27\x1c", "MSCF", "PK\x03\x04"} {
		i := bytes.Index(b[:min(len(b), 1<<20)], []byte(sign))
		if i < 0 {
			continue
		}
		c := tree.Child{How: "appended"}
		if in.Budget.Entry() != nil || in.Budget.Take(int64(len(b)-i), int64(len(in.Data))) != nil {
			c.Problem = tree.ErrBudget.Error()
		} else {
			c.Data = bytes.Clone(b[i:])
		}
		return []tree.Child{c}
	}
	return nil
}

// Describe reads the headers of a program of type "exe", "elf" or "macho". It
// fails when they are damaged.
func Describe(b []byte, typ string) (p Program, err error) {
	// The standard library reads these headers and has panicked on some.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("reading the headers of a program: %v", r)
		}
	}()
	switch typ {
	case "exe":
		return describePE(b)
	case "elf":
		return describeELF(b)
	case "macho":
		return describeMachO(b)
	}
	return p, fmt.Errorf("type %q is no program", typ)
}

func describePE(b []byte) (Program, error) {
	p := Program{Format: "PE", Kind: "program"}
	if at := int64(binary.LittleEndian.Uint32(b[60:])); at+4 > int64(len(b)) || string(b[at:at+4]) != "PE\x00\x00" {
		p.Format, p.Machine = "DOS", "x86"
		return p, nil
	}
	f, err := pe.NewFile(bytes.NewReader(b))
	if err != nil {
		return p, fmt.Errorf("reading PE: %w", err)
	}
	p.Machine = peMachine(f.Machine)
	if f.Characteristics&pe.IMAGE_FILE_DLL != 0 {
		p.Kind = "library"
	}
	var dirs []pe.DataDirectory
	subsystem := uint16(0)
	switch h := f.OptionalHeader.(type) {
	case *pe.OptionalHeader32:
		dirs, subsystem = h.DataDirectory[:min(16, h.NumberOfRvaAndSizes)], h.Subsystem
	case *pe.OptionalHeader64:
		dirs, subsystem = h.DataDirectory[:min(16, h.NumberOfRvaAndSizes)], h.Subsystem
	}
	if subsystem == pe.IMAGE_SUBSYSTEM_NATIVE {
		p.Kind = "driver"
	}
	end := int64(0)
	for i, s := range f.Sections {
		start, size := int64(s.Offset), int64(s.Size)
		if start > int64(len(b)) {
			continue
		}
		stop := min(start+size, int64(len(b)))
		end = max(end, stop)
		if i < maxSections {
			p.Sections = append(p.Sections, section(s.Name, b[start:stop], s.Characteristics&pe.IMAGE_SCN_MEM_WRITE != 0, s.Characteristics&pe.IMAGE_SCN_MEM_EXECUTE != 0))
		}
	}
	dir := func(i int) pe.DataDirectory {
		if i < len(dirs) {
			return dirs[i]
		}
		return pe.DataDirectory{}
	}
	sig := dir(pe.IMAGE_DIRECTORY_ENTRY_SECURITY) // its address is a place in the file
	p.Signed = sig.Size > 8 && int64(sig.VirtualAddress)+int64(sig.Size) <= int64(len(b))
	p.DotNet = dir(pe.IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR).VirtualAddress != 0
	if end > 0 && end < int64(len(b)) {
		p.Overlay = int64(len(b)) - end
		if p.Signed && int64(sig.VirtualAddress) >= end {
			p.Overlay = max(0, int64(sig.VirtualAddress)-end)
		}
	}
	im := image{b: b, f: f}
	p.ImpHash, p.Imports = im.imports(dir(pe.IMAGE_DIRECTORY_ENTRY_IMPORT).VirtualAddress, f.OptionalHeader)
	p.Exports = im.exports(dir(pe.IMAGE_DIRECTORY_ENTRY_EXPORT).VirtualAddress)
	p.Packed = packed(p)
	return p, nil
}

func peMachine(m uint16) string {
	switch m {
	case pe.IMAGE_FILE_MACHINE_I386:
		return "x86"
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return "x86-64"
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return "arm64"
	case pe.IMAGE_FILE_MACHINE_ARM, pe.IMAGE_FILE_MACHINE_ARMNT:
		return "arm"
	}
	return fmt.Sprintf("machine %#x", m)
}

func section(name string, data []byte, write, exec bool) Section {
	return Section{Name: printable(name), Size: int64(len(data)), Entropy: entropy(data), Write: write, Exec: exec}
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}

// packed says why a program looks packed, "" when it does not.
func packed(p Program) string {
	for _, s := range p.Sections {
		lower := strings.ToLower(s.Name)
		for _, known := range []string{"upx", ".aspack", ".adata", ".vmp", ".themida", ".mpress", "petite", ".enigma", "nsp", ".packed", "fsg!"} {
			if strings.HasPrefix(lower, known) {
				return fmt.Sprintf("section %q is a packer's", s.Name)
			}
		}
		if s.Exec && s.Size >= minPacked && s.Entropy >= packedEntropy {
			return fmt.Sprintf("code section %q has %.1f bits of entropy per byte", s.Name, s.Entropy)
		}
	}
	return ""
}

// image resolves addresses of a loaded PE.
type image struct {
	b []byte
	f *pe.File
}

// at returns the bytes at an address, nil when it lies in no section.
func (im image) at(rva uint32) []byte {
	for _, s := range im.f.Sections {
		if rva < s.VirtualAddress || rva-s.VirtualAddress >= s.Size {
			continue
		}
		if place := int64(s.Offset) + int64(rva-s.VirtualAddress); place < int64(len(im.b)) {
			return im.b[place:]
		}
	}
	return nil
}

func (im image) text(rva uint32) string {
	b := im.at(rva)
	b = b[:min(len(b), 256)]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i])
	}
	return ""
}

// imports returns the import hash as the field computes it: MD5 of
// "library.function" in lower case, joined by commas, in the order of the table.
func (im image) imports(rva uint32, optional any) (hash string, count int) {
	width := uint32(4)
	if _, ok := optional.(*pe.OptionalHeader64); ok {
		width = 8
	}
	var all []string
	for ; rva != 0 && len(all) < maxImports; rva += 20 {
		d := im.at(rva)
		if len(d) < 20 {
			break
		}
		names, lib, thunks := binary.LittleEndian.Uint32(d), binary.LittleEndian.Uint32(d[12:]), binary.LittleEndian.Uint32(d[16:])
		if lib == 0 {
			break
		}
		if names == 0 {
			names = thunks
		}
		all = im.functions(all, strings.ToLower(im.text(lib)), names, width)
	}
	if len(all) == 0 {
		return "", 0
	}
	sum := md5.Sum([]byte(strings.Join(all, ",")))
	return hex.EncodeToString(sum[:]), len(all)
}

// functions appends the functions imported from one library.
func (im image) functions(all []string, lib string, rva, width uint32) []string {
	for _, ext := range []string{".dll", ".ocx", ".sys"} {
		lib = strings.TrimSuffix(lib, ext)
	}
	for ; len(all) < maxImports; rva += width {
		t := im.at(rva)
		if uint32(len(t)) < width {
			return all
		}
		v, byNumber := uint64(binary.LittleEndian.Uint32(t)), false
		if width == 8 {
			v = binary.LittleEndian.Uint64(t)
			byNumber = v>>63 == 1
		} else {
			byNumber = v>>31 == 1
		}
		switch {
		case v == 0:
			return all
		case byNumber:
			all = append(all, fmt.Sprintf("%s.ord%d", lib, v&0xffff))
		default:
			all = append(all, lib+"."+strings.ToLower(im.text(uint32(v)+2)))
		}
	}
	return all
}

// maxExports bounds the names of exports kept: enough to know an add-in.
const maxExports = 64

func (im image) exports(rva uint32) []string {
	d := im.at(rva)
	if rva == 0 || len(d) < 40 {
		return nil
	}
	var out []string
	names := im.at(binary.LittleEndian.Uint32(d[32:]))
	for i := uint32(0); i < min(binary.LittleEndian.Uint32(d[24:]), maxExports) && int(4*i+4) <= len(names); i++ {
		if s := im.text(binary.LittleEndian.Uint32(names[4*i:])); s != "" {
			out = append(out, printable(s))
		}
	}
	return out
}

func describeELF(b []byte) (Program, error) {
	p := Program{Format: "ELF", Kind: "program"}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return p, fmt.Errorf("reading ELF: %w", err)
	}
	p.Machine = strings.ToLower(strings.TrimPrefix(f.Machine.String(), "EM_"))
	switch f.Machine {
	case elf.EM_X86_64:
		p.Machine = "x86-64"
	case elf.EM_386:
		p.Machine = "x86"
	case elf.EM_AARCH64:
		p.Machine = "arm64"
	}
	switch f.Type {
	case elf.ET_DYN:
		p.Kind = "library"
		for _, prog := range f.Progs {
			if prog.Type == elf.PT_INTERP {
				p.Kind = "program"
			}
		}
	case elf.ET_REL:
		p.Kind = "object"
	}
	for i, s := range f.Sections {
		if i >= maxSections {
			break
		}
		if s.Type == elf.SHT_NOBITS || s.Name == "" || s.Offset > uint64(len(b)) {
			continue
		}
		data := b[s.Offset:min(s.Offset+min(s.FileSize, uint64(len(b))), uint64(len(b)))]
		p.Sections = append(p.Sections, section(s.Name, data, s.Flags&elf.SHF_WRITE != 0, s.Flags&elf.SHF_EXECINSTR != 0))
	}
	if syms, err := f.ImportedSymbols(); err == nil && len(syms) > 0 {
		var names []string
		for _, s := range syms[:min(len(syms), maxImports)] {
			names = append(names, strings.ToLower(s.Name))
		}
		sum := md5.Sum([]byte(strings.Join(names, ",")))
		p.ImpHash, p.Imports = hex.EncodeToString(sum[:]), len(names)
	}
	p.Packed = packed(p)
	if p.Packed == "" && bytes.Contains(b[:min(len(b), 4<<10)], []byte("UPX!")) {
		p.Packed = "it carries the mark of UPX"
	}
	return p, nil
}

func openMachO(b []byte) (*macho.File, error) {
	if fat, err := macho.NewFatFile(bytes.NewReader(b)); err == nil && len(fat.Arches) > 0 {
		return fat.Arches[0].File, nil
	}
	f, err := macho.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("reading Mach-O: %w", err)
	}
	return f, nil
}

func describeMachO(b []byte) (Program, error) {
	p := Program{Format: "Mach-O", Kind: "program"}
	f, err := openMachO(b)
	if err != nil {
		return p, err
	}
	switch f.Cpu {
	case macho.CpuAmd64:
		p.Machine = "x86-64"
	case macho.CpuArm64:
		p.Machine = "arm64"
	default:
		p.Machine = strings.ToLower(strings.TrimPrefix(f.Cpu.String(), "Cpu"))
	}
	if f.Type == macho.TypeDylib || f.Type == macho.TypeBundle {
		p.Kind = "library"
	}
	for i, s := range f.Sections {
		if i >= maxSections {
			break
		}
		data, err := s.Data()
		if err != nil || s.Size > uint64(len(b)) {
			continue
		}
		p.Sections = append(p.Sections, section(s.Name, data, false, s.Seg == "__TEXT"))
	}
	const loadSignature = 0x1d
	for _, l := range f.Loads {
		if raw := l.Raw(); len(raw) >= 4 && f.ByteOrder.Uint32(raw) == loadSignature {
			p.Signed = true
		}
	}
	if syms, err := f.ImportedSymbols(); err == nil && len(syms) > 0 {
		syms = syms[:min(len(syms), maxImports)]
		sum := md5.Sum([]byte(strings.ToLower(strings.Join(syms, ","))))
		p.ImpHash, p.Imports = hex.EncodeToString(sum[:]), len(syms)
	}
	p.Packed = packed(p)
	return p, nil
}

// machoShape is what rules see of a Mach-O file.
func machoShape(b []byte, p Program) *shape.ScanMachO {
	f, err := openMachO(b)
	if err != nil {
		return nil
	}
	commands, sections, segments := len(f.Loads), len(f.Sections), 0
	for _, l := range f.Loads {
		if _, ok := l.(*macho.Segment); ok {
			segments++
		}
	}
	libs, err := f.ImportedLibraries()
	if err != nil {
		libs = nil // a damaged list counts as none
	}
	nLibs, pie := len(libs), f.Flags&macho.FlagPIE != 0
	return &shape.ScanMachO{
		HasCodeSignature: &p.Signed, TotalCommands: &commands, TotalSections: &sections, TotalSegments: &segments, TotalLibraries: &nLibs, PIE: &pie,
	}
}

// entropy is Shannon's, in bits per byte.
func entropy(b []byte) float64 {
	if len(b) == 0 {
		return 0
	}
	var count [256]int
	for _, c := range b {
		count[c]++
	}
	e, n := 0.0, float64(len(b))
	for _, c := range count {
		if c > 0 {
			q := float64(c) / n
			e -= q * math.Log2(q)
		}
	}
	return math.Round(e*1000) / 1000
}
