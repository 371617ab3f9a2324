package program

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/scan/file/filetest"
	"foregate/scan/file/tree"
)

// withImports is a PE whose section holds an import table: KERNEL32.dll with
// one function by name and one by number, and an export directory.
func withImports() []byte {
	b := filetest.Program("")
	put := binary.LittleEndian.PutUint32
	const rva, place = 0x1000, 0x200
	dirs := b[0x98+112:]
	put(dirs[8:], rva)       // imports
	put(dirs[0:], rva+0x100) // exports
	s := b[place:]
	put(s[0:], rva+0x40)  // names
	put(s[12:], rva+0x60) // library
	put(s[16:], rva+0x40)
	binary.LittleEndian.PutUint64(s[0x40:], rva+0x70)
	binary.LittleEndian.PutUint64(s[0x48:], 1<<63|7)
	copy(s[0x60:], "KERNEL32.dll\x00")
	copy(s[0x72:], "WinExec\x00")
	put(s[0x100+24:], 1)
	put(s[0x100+32:], rva+0x140)
	put(s[0x140:], rva+0x150)
	copy(s[0x150:], "xlAutoOpen\x00")
	return b
}

func TestDescribePE(t *testing.T) {
	got, err := Describe(withImports(), "exe")
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte("kernel32.winexec,kernel32.ord7"))
	want := Program{
		Format: "PE", Machine: "x86-64", Kind: "program", Imports: 2, ImpHash: hex.EncodeToString(sum[:]), Exports: []string{"xlAutoOpen"},
		Sections: []Section{{Name: ".data", Size: 0x200, Entropy: got.Sections[0].Entropy, Write: true}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	res, err := Parser{}.Open(t.Context(), &tree.Input{Name: "a.xll", Type: "exe", Data: withImports(), Budget: tree.DefaultBudget()})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range res.Findings {
		ids = append(ids, f.ID)
	}
	if d := cmp.Diff([]string{"file.program-content", "file.excel-addin"}, ids); d != "" {
		t.Error(d)
	}
	if want := `file "a.xll" is a PE program for x86-64, without a signature`; res.Findings[0].Claim != want {
		t.Errorf("claim %q, want %q", res.Findings[0].Claim, want)
	}
}

// A signature, a packer's section and an archive behind the program show.
func TestTraits(t *testing.T) {
	packed := filetest.Program("")
	copy(packed[0x98+240:], "UPX0\x00")
	signed := append(filetest.Program(""), make([]byte, 64)...)
	binary.LittleEndian.PutUint32(signed[0x98+112+32:], 0x400)
	binary.LittleEndian.PutUint32(signed[0x98+112+36:], 64)
	dense := make([]byte, 8<<10)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range dense {
		dense[i] = byte(r.Uint32())
	}
	crypted := append(filetest.Program("")[:0x200], dense...)
	sec := crypted[0x98+240:]
	binary.LittleEndian.PutUint32(sec[16:], uint32(len(dense)))
	binary.LittleEndian.PutUint32(sec[36:], 0x60000020)
	dropper := append(filetest.Program(""), filetest.Zip(filetest.File{Name: "a", Data: []byte("b")})...)
	for name, tt := range map[string]struct {
		data           []byte
		signed, packed bool
		overlay        bool
	}{
		"plain":   {filetest.Program(""), false, false, false},
		"packed":  {packed, false, true, false},
		"dense":   {crypted, false, true, false},
		"signed":  {signed, true, false, false},
		"dropper": {dropper, false, false, true},
	} {
		p, err := Describe(tt.data, "exe")
		if err != nil || p.Signed != tt.signed || (p.Packed != "") != tt.packed || (p.Overlay > 0) != tt.overlay {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	res, err := Parser{}.Open(t.Context(), &tree.Input{Type: "exe", Data: dropper, Budget: tree.DefaultBudget()})
	if err != nil || len(res.Children) != 1 || !bytes.HasPrefix(res.Children[0].Data, []byte("PK")) {
		t.Errorf("the archive behind a program: %d children, %v", len(res.Children), err)
	}
}

// This test itself is a program.
func TestDescribeOwn(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	typ := map[string]string{"linux": "elf", "darwin": "macho", "windows": "exe"}[runtime.GOOS]
	p, err := Describe(b, typ)
	if err != nil || len(p.Sections) < 5 || p.Packed != "" {
		t.Errorf("%s with %d sections, packed %q, %v", p.Format, len(p.Sections), p.Packed, err)
	}
	if want := strings.ReplaceAll(strings.ReplaceAll(runtime.GOARCH, "amd64", "x86-64"), "386", "x86"); p.Machine != want {
		t.Errorf("machine %q, want %q", p.Machine, want)
	}
}

// machO is the smallest one that can be read: a header and a signature's load
// command.
func machO() []byte {
	b := make([]byte, 48)
	for i, v := range []uint32{0xfeedfacf, 0x0100000c, 0, 2, 1, 16, 0x200000, 0, 0x1d, 16, 0, 0} {
		binary.LittleEndian.PutUint32(b[4*i:], v)
	}
	return b
}

func TestDescribeMachO(t *testing.T) {
	p, err := Describe(machO(), "macho")
	if d := cmp.Diff(Program{Format: "Mach-O", Machine: "arm64", Kind: "program", Signed: true}, p); d != "" || err != nil {
		t.Error(d, err)
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add(withImports(), "exe")
	f.Add(filetest.Program("x"), "exe")
	f.Add(machO(), "macho")
	f.Add([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00\x01\x00\x00\x00"), "elf")
	f.Fuzz(func(t *testing.T, b []byte, typ string) {
		in := &tree.Input{Type: typ, Data: b, Budget: tree.DefaultBudget()}
		if !(Parser{}).Opens(in) {
			return
		}
		res, err := Parser{}.Open(t.Context(), in)
		if err == nil && len(res.Findings) == 0 {
			t.Fatal("a program without a word")
		}
		if p, err := Describe(b, typ); err == nil && (len(p.Sections) > maxSections || len(p.Exports) > maxExports || p.Imports > maxImports) {
			t.Fatalf("%d sections, %d exports, %d imports", len(p.Sections), len(p.Exports), p.Imports)
		}
	})
}
