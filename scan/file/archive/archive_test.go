package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/scan/file/filetest"
	"foregate/scan/file/tree"
)

// all are the parsers of this package.
func all() []tree.Parser {
	return []tree.Parser{Zip{}, Rar{}, SevenZip{}, Tar{}, Stream{}, Cab{}, ISO{}, Disk{}}
}

func open(t testing.TB, p tree.Parser, typ string, data []byte, passwords ...string) (tree.Result, error) {
	t.Helper()
	in := &tree.Input{Name: "sample." + typ, Type: typ, Data: data, Passwords: passwords, Budget: tree.DefaultBudget()}
	if !p.Opens(in) {
		t.Fatalf("%s does not open %s", p.Name(), typ)
	}
	return p.Open(t.Context(), in)
}

// show writes what a result holds, one line each.
func show(res tree.Result, err error) []string {
	var out []string
	for _, c := range res.Children {
		line := fmt.Sprintf("%s %d", c.Name, len(c.Data))
		if c.Password != "" {
			line += " password " + c.Password
		}
		if c.Problem != "" {
			line += " problem " + c.Problem
		}
		out = append(out, line)
	}
	for _, f := range res.Findings {
		out = append(out, "! "+f.ID)
	}
	if err != nil {
		out = append(out, "error "+err.Error())
	}
	return out
}

func TestOpen(t *testing.T) {
	marker := []byte("marker marker marker " + strings.Repeat("long ", 300))
	a, b := filetest.File{Name: "first.txt", Data: []byte("first")}, filetest.File{Name: "Ein längerer Name.exe", Data: marker}
	both := []string{"first.txt 5", "Ein längerer Name.exe 1521"}
	folder := []string{"docs/first.txt 5", "docs/Ein längerer Name.exe 1521"}
	tests := []struct {
		name   string
		parser tree.Parser
		typ    string
		data   []byte
		want   []string
	}{
		{"zip", Zip{}, "zip", filetest.Zip(a, b), both},
		{"tar", Tar{}, "tar", filetest.Tar(a, b), both},
		{"gzip", Stream{}, "gz", filetest.Gzip("named.txt", marker), []string{"named.txt 1521"}},
		{"bzip2", Stream{}, "bz2", filetest.Bzip2(), []string{"sample 25"}},
		{"xz", Stream{}, "xz", filetest.XZ(marker), []string{"sample 1521"}},
		{"zstd", Stream{}, "zst", filetest.Zstd(marker), []string{"sample 1521"}},
		{"rar", Rar{}, "rar", filetest.Rar("", a, b), both},
		{"7z", SevenZip{}, "7z", filetest.SevenZip("", false, a, b), both},
		{"cab, stored", Cab{}, "cab", filetest.Cab(filetest.CabStored, a, b), both},
		{"cab, MSZIP", Cab{}, "cab", filetest.Cab(filetest.CabMSZIP, a, b), both},
		{"cab, LZX", Cab{}, "cab", filetest.Cab(filetest.CabLZX, a, b), both},
		{"ISO 9660", ISO{}, "iso", filetest.ISO(false, filetest.File{Name: "RUN.EXE", Data: marker}), []string{"RUN.EXE 1521"}},
		{"ISO with Joliet: both names, where they differ in kind", ISO{}, "iso", filetest.ISO(true, b), []string{"Ein längerer Name.exe 1521", "FILEA.DAT 1521"}},
		{"UDF", ISO{}, "udf", filetest.UDF(a, filetest.File{Name: "run.exe", Data: bytes.Repeat(marker, 3)}), []string{"first.txt 5", "run.exe 4563"}},
		{"FAT12", Disk{}, "img", filetest.FAT(12, a, b), folder},
		{"FAT16", Disk{}, "img", filetest.FAT(16, a, b), folder},
		{"FAT32", Disk{}, "img", filetest.FAT(32, a, b), folder},
		{"NTFS", Disk{}, "img", filetest.NTFS(a, b), both},
		{"MBR with FAT16", Disk{}, "img", filetest.MBR(filetest.FAT(16, a, b)), folder},
		{"GPT with NTFS", Disk{}, "img", filetest.GPT(filetest.NTFS(a, b)), both},
		{"VHD, fixed", Disk{}, "vhd", filetest.VHD(false, filetest.MBR(filetest.NTFS(a, b))), both},
		{"VHD, dynamic", Disk{}, "vhd", filetest.VHD(true, filetest.MBR(filetest.FAT(16, a, b))), folder},
		{"VHDX", Disk{}, "vhdx", filetest.VHDX(filetest.GPT(filetest.FAT(16, a, b))), folder},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := open(t, tt.parser, tt.typ, tt.data)
			if d := cmp.Diff(tt.want, show(res, err)); d != "" {
				t.Error(d)
			}
			for _, c := range res.Children {
				if strings.HasSuffix(c.Name, "name.exe") && !bytes.Equal(c.Data, marker) {
					t.Errorf("%s holds %.40q", c.Name, c.Data)
				}
			}
		})
	}
}

func TestEncrypted(t *testing.T) {
	f := filetest.File{Name: "run.exe", Data: []byte("marker")}
	stored := filetest.Stored(f.Name, f.Data)
	tests := []struct {
		name           string
		parser         tree.Parser
		typ            string
		data           []byte
		opened, closed []string
	}{
		{"zip, old", Zip{}, "zip", filetest.RawZip(stored.Crypto("geheim")), nil, nil},
		{"zip, AES", Zip{}, "zip", filetest.RawZip(stored.AES("geheim")), nil, nil},
		{"rar", Rar{}, "rar", filetest.Rar("geheim", f), nil, []string{"error opening rar: " + errEncrypted.Error()}},
		{"7z", SevenZip{}, "7z", filetest.SevenZip("geheim", false, f), nil, []string{"error opening 7z: " + errEncrypted.Error()}},
		{"7z with names", SevenZip{}, "7z", filetest.SevenZip("geheim", true, f), []string{"! file.encrypted-names"}, []string{"names", "error opening 7z: " + errEncrypted.Error()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := open(t, tt.parser, tt.typ, tt.data, "wrong", "geheim")
			if d := cmp.Diff(append([]string{"run.exe 6 password geheim"}, tt.opened...), show(res, err)); d != "" {
				t.Error(d)
			}
			want := []string{"run.exe 0 problem " + errEncrypted.Error(), "! file.encrypted-archive"}
			if len(tt.closed) > 0 && tt.closed[0] == "names" {
				want, tt.closed = []string{"! file.encrypted-names", "! file.encrypted-archive"}, tt.closed[1:]
			}
			res, err = open(t, tt.parser, tt.typ, tt.data, "wrong")
			if d := cmp.Diff(append(want, tt.closed...), show(res, err)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A password that is typed in Cyrillic is tried as the programs of its readers
// store it.
func TestCyrillicPassword(t *testing.T) {
	stored := filetest.Stored("run.exe", []byte("marker"))
	cp866 := "\xaf\xa0\xe0\xae\xab\xec" // "пароль" in code page 866
	res, err := open(t, Zip{}, "zip", filetest.RawZip(stored.Crypto(cp866)), "пароль")
	if d := cmp.Diff([]string{"run.exe 6 password пароль"}, show(res, err)); d != "" {
		t.Error(d)
	}
}

// Where two programs would unpack two different things, both are shown and the
// difference is a finding.
func TestZipLies(t *testing.T) {
	honest := filetest.Stored("a.txt", []byte("text"))
	evil := filetest.Stored("b.exe", []byte("marker"))
	renamed := honest
	renamed.LocalName = "a.exe"
	hidden := evil
	hidden.Unlisted = true
	twin := filetest.Stored("a.txt", []byte("other"))
	shared := honest
	shared.Name, shared.SameAs = "b.txt", 1
	big := filetest.Stored("a.txt", []byte("text"))
	big.Size = 1 << 30
	damaged := honest
	damaged.CRC++
	out := filetest.Stored("../../etc/cron.d/x", []byte("text"))
	whole := filetest.RawZip(honest, evil)
	tests := []struct {
		name string
		data []byte
		want []string
	}{
		{"two names", filetest.RawZip(renamed), []string{"a.txt 4", "a.exe 4", "! file.archive-disagreement"}},
		{"a file that is not listed", filetest.RawZip(honest, hidden), []string{"a.txt 4", "b.exe 6", "! file.archive-disagreement"}},
		{"one name twice", filetest.RawZip(honest, twin), []string{"a.txt 4", "a.txt 5", "! file.archive-disagreement"}},
		{"files that share bytes", filetest.RawZip(honest, shared), []string{"a.txt 4", "b.txt 0 problem it is the same bytes as \"a.txt\"", "! file.archive-disagreement", "! file.overlapping-entries"}},
		{"a lying size", filetest.RawZip(big), []string{"a.txt 4", "! file.lying-size"}},
		{"a wrong checksum", filetest.RawZip(damaged), []string{"a.txt 4", "! file.broken-archive"}},
		{"a way out", filetest.RawZip(out), []string{"../../etc/cron.d/x 4", "! file.path-escape"}},
		{"cut off", whole[:len(whole)-60], []string{"a.txt 4", "b.exe 6", "! file.broken-archive"}},
		{"after a picture", append([]byte("GIF89a picture "), whole...), []string{"a.txt 4", "b.exe 6"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := open(t, Zip{}, "zip", tt.data)
			if d := cmp.Diff(tt.want, show(res, err)); d != "" {
				t.Error(d)
			}
		})
	}
}

// Bombs cost a finding's worth of memory, whatever they are packed by.
func TestBombs(t *testing.T) {
	zeros := make([]byte, 40<<20)
	entry := filetest.Stored("zeros", zeros)
	entry.Method, entry.Packed = 8, filetest.Deflate(zeros)
	for name, sample := range map[string]struct {
		p    tree.Parser
		typ  string
		data []byte
	}{
		"zip":  {Zip{}, "zip", filetest.RawZip(entry)},
		"gzip": {Stream{}, "gz", filetest.Gzip("zeros", zeros)},
		"xz":   {Stream{}, "xz", filetest.XZ(zeros)},
		"zstd": {Stream{}, "zst", filetest.Zstd(zeros)},
		"cab":  {Cab{}, "cab", filetest.Cab(filetest.CabMSZIP, filetest.File{Name: "zeros", Data: zeros})},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := open(t, sample.p, sample.typ, sample.data)
			if !errors.Is(err, tree.ErrBudget) {
				t.Errorf("%d bytes expand to %v without an error: %v", len(sample.data), show(res, nil), err)
			}
			for _, c := range res.Children {
				if len(c.Data) > 0 {
					t.Errorf("%s holds %d bytes", c.Name, len(c.Data))
				}
			}
		})
	}
}

func TestManyEntries(t *testing.T) {
	var files []filetest.File
	for i := range tree.MaxEntries + 10 {
		files = append(files, filetest.File{Name: fmt.Sprint(i)})
	}
	res, err := open(t, Tar{}, "tar", filetest.Tar(files...))
	if !errors.Is(err, tree.ErrBudget) || len(res.Children) != tree.MaxEntries {
		t.Errorf("%d files, error %v; want %d and a bound", len(res.Children), err, tree.MaxEntries)
	}
}

// Deflate64 differs from Deflate by long matches and far distances alone, so
// what has neither must unpack the same.
func TestDeflate64(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the quick brown fox jumps over lazy dogs and marker programs")
	var text strings.Builder
	for range 5000 {
		text.WriteString(words[r.IntN(len(words))])
		text.WriteByte(byte('a' + r.IntN(26)))
	}
	e := filetest.Stored("text", []byte(text.String()))
	e.Method, e.Packed = 9, filetest.Deflate(e.Packed)
	res, err := open(t, Zip{}, "zip", filetest.RawZip(e))
	if err != nil || len(res.Children) != 1 || string(res.Children[0].Data) != text.String() || len(res.Findings) > 0 {
		t.Errorf("unpacked %v, %v", show(res, err), res.Findings)
	}
}

// A folder that holds itself ends.
func TestCircles(t *testing.T) {
	img := filetest.ISO(false, filetest.File{Name: "A", Data: []byte("text")})
	root := img[20*2048:]
	// The file's record becomes a folder at the root's place.
	rec := root[34+34:]
	rec[25] = 2
	copy(rec[2:6], []byte{20, 0, 0, 0})
	res, err := open(t, ISO{}, "iso", img)
	if d := cmp.Diff([]string{"! file.broken-archive"}, show(res, err)); d != "" {
		t.Error(d)
	}
	fat := filetest.FAT(16, filetest.File{Name: "a.bin", Data: make([]byte, 2000)})
	// The first file's chain turns back to its start.
	copy(fat[512+2*3:], []byte{2, 0})
	res, err = open(t, Disk{}, "img", fat)
	if d := cmp.Diff([]string{"docs/a.bin 1024", "! file.lying-size"}, show(res, err)); d != "" {
		t.Error(d)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := filetest.File{Name: "a", Data: []byte("b")}
	for typ, data := range map[string][]byte{"zip": filetest.Zip(f), "iso": filetest.ISO(false, f), "img": filetest.FAT(12, f), "cab": filetest.Cab(1, f)} {
		for _, p := range all() {
			in := &tree.Input{Type: typ, Data: data, Budget: tree.DefaultBudget()}
			if !p.Opens(in) {
				continue
			}
			if res, err := p.Open(ctx, in); err == nil && (len(res.Children) == 0 || res.Children[0].Problem == "") {
				t.Errorf("%s goes on after the end", p.Name())
			}
		}
	}
}

// FuzzOpen runs every parser over bytes of every type: no panic, and never more
// than the budget.
// A dictionary is refused by what its header says, before it is made.
func TestDictionaries(t *testing.T) {
	f := filetest.File{Name: "a.txt", Data: make([]byte, 4096)}
	for _, tt := range []struct {
		name, typ string
		parser    tree.Parser
		data      []byte
	}{
		{"rar of 4 GiB", "rar", Rar{}, filetest.RarPacked(15, f)},
		{"rar of 1 TiB", "rar", Rar{}, filetest.RarPacked(23, f)},
		{"7z, LZMA of 4 GiB", "7z", SevenZip{}, filetest.SevenZipCoded("\x03\x01\x01", "\x5d\xff\xff\xff\xff", f)},
		{"7z, LZMA2 of 4 GiB", "7z", SevenZip{}, filetest.SevenZipCoded("\x21", "\x28", f)},
		{"7z, PPMd of 4 GiB", "7z", SevenZip{}, filetest.SevenZipCoded("\x03\x04\x01", "\x06\xff\xff\xff\xff", f)},
		{"7z, a key of 2^62 rounds", "7z", SevenZip{}, filetest.SevenZipCoded("\x06\xf1\x07\x01", "\x3e\x00", f)},
	} {
		in := &tree.Input{Name: "a." + tt.typ, Type: tt.typ, Data: tt.data, Budget: tree.DefaultBudget(), Passwords: []string{"infected"}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := tt.parser.Open(t.Context(), in)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, tree.ErrBudget) {
			t.Errorf("%s: error %v, want one of the budget", tt.name, err)
		}
		if made := after.TotalAlloc - before.TotalAlloc; made > 8<<20 {
			t.Errorf("%s: %d bytes made", tt.name, made)
		}
	}
}

func FuzzOpen(f *testing.F) {
	a := filetest.File{Name: "a.exe", Data: []byte("marker marker marker")}
	for typ, data := range map[string][]byte{
		"zip": filetest.RawZip(filetest.Stored(a.Name, a.Data).AES("x"), filetest.Stored("b", a.Data).Crypto("x")), "tar": filetest.Tar(a), "gz": filetest.Gzip("a", a.Data),
		"bz2": filetest.Bzip2(), "xz": filetest.XZ(a.Data), "zst": filetest.Zstd(a.Data), "rar": filetest.Rar("", a), "7z": filetest.SevenZip("", false, a),
		"cab": filetest.Cab(filetest.CabLZX, a), "iso": filetest.ISO(true, a), "udf": filetest.UDF(a), "img": filetest.FAT(12, a), "vhd": filetest.VHD(true, filetest.FAT(12, a)),
	} {
		f.Add(typ, data)
	}
	f.Add("img", filetest.NTFS(a))
	f.Add("zip", filetest.Zip(a))
	f.Add("cab", filetest.Cab(filetest.CabMSZIP, a))
	f.Fuzz(func(t *testing.T, typ string, data []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		for _, p := range all() {
			in := &tree.Input{Name: "f", Type: typ, Data: data, Passwords: []string{"x"}, Budget: &tree.Budget{Bytes: 1 << 22, Entries: 50, Depth: 5, Ratio: 200}}
			if !p.Opens(in) {
				continue
			}
			res, err := p.Open(ctx, in)
			if ctx.Err() != nil {
				t.Fatalf("%s took more than 2 s on 200 KiB at most: %v", p.Name(), err)
			}
			sum := 0
			for _, c := range res.Children {
				sum += len(c.Data)
			}
			// A renamed file of a zip is shown by both names.
			if sum > 2<<22 || len(res.Children) > 2*50+1 || len(res.Findings) > maxFindings {
				t.Fatalf("%s: %d bytes, %d files, %d findings", p.Name(), sum, len(res.Children), len(res.Findings))
			}
		}
	})
}

func BenchmarkZip(b *testing.B) {
	var files []filetest.File
	for i := range 20 {
		files = append(files, filetest.File{Name: fmt.Sprintf("file%d.txt", i), Data: bytes.Repeat([]byte("some text "), 500)})
	}
	data := filetest.Zip(files...)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := open(b, Zip{}, "zip", data); err != nil {
			b.Fatal(err)
		}
	}
}

// Keys that take many seconds to derive are not derived.
func TestDearKeys(t *testing.T) {
	f := filetest.File{Name: "run.exe", Data: []byte("marker")}
	rar := filetest.Rar("geheim", f)
	// The rounds stand before salt and vector.
	rar[bytes.Index(rar, []byte("sixteen bytes .."))-1] = 24
	if !dearRar(rar) || dearRar(filetest.Rar("geheim", f)) {
		t.Error("the rounds of a RAR archive are not read")
	}
	if res, err := open(t, Rar{}, "rar", rar, "geheim"); err == nil {
		t.Errorf("opened %v", show(res, err))
	}
	seven := filetest.SevenZip("geheim", false, f)
	i := bytes.Index(seven, []byte{0x06, 0xf1, 0x07, 0x01})
	seven[i+5] = 0x40 | 40
	if err := check7z(seven); !errors.Is(err, tree.ErrBudget) {
		t.Errorf("a key of 2^40 rounds: %v", err)
	}
}
