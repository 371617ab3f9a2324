package file

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"foregate/scan/file/filetest"
	"foregate/scan/file/internal/sample"
)

// docHideouts hides f in documents, messages, pages and scripts of every kind,
// nested and disguised. Where a way has no place for a name, the finding tells
// the container instead.
func docHideouts(f filetest.File) []hideout {
	b64 := base64.StdEncoding.EncodeToString(f.Data)
	zip := filetest.Zip(f)
	zip64 := base64.StdEncoding.EncodeToString(zip)
	native := sample.Native(f.Name, `C:\Users\op\`+f.Name, `C:\Temp\`+f.Name, f.Data)
	pkg := sample.Compound([]sample.Stream{{Path: "\x01Ole10Native", Data: native}})
	const types = `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"></Types>`
	office := func(main, rels string, parts ...sample.File) []byte {
		return sample.Zip(append([]sample.File{{Name: "[Content_Types].xml", Data: types}, {Name: main, Data: "<document/>"}, {Name: rels, Data: sample.Rels([3]string{"oleObject", "embeddings/oleObject1.bin", ""})}}, parts...)...)
	}
	object := sample.File{Name: "word/embeddings/oleObject1.bin", Data: string(pkg)}
	docx := office("word/document.xml", "word/_rels/document.xml.rels", object)
	rtf := `{\rtf1{\object\objemb{\*\objclass Package}{\*\objdata ` + hex.EncodeToString(sample.Object("Package", native[4:])) + `}}}`
	pdf := sample.PDF("/Root 1 0 R", "<</Type /Catalog /Names <</EmbeddedFiles <</Names [(x) 2 0 R]>>>>>>", "<</Type /Filespec /F ("+f.Name+") /UF ("+f.Name+") /EF <</F 3 0 R>>>>",
		sample.PDFStream("/Type /EmbeddedFile /Filter /FlateDecode", sample.Deflate(f.Data)))
	xls := sample.Compound([]sample.Stream{{Path: "Workbook", Data: make([]byte, 64)}, {Path: "MBD00000001/\x01Ole10Native", Data: native}})
	ics := []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=" + f.Name + ":" + b64 + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	mht := letterOf("Snapshot-Content-Location: x\r\n", "see below", f.Name, f.Data)
	save := `; var a = document.createElement("a"); a.href = URL.createObjectURL(new Blob([b])); a.download = "` + f.Name + `"; a.click();`
	fold := func(expr string) string {
		return `var s = ` + expr + `, b = new Uint8Array(s.length); for (var i = 0; i < s.length; i++) b[i] = s.charCodeAt(i)` + save
	}
	var codes []string
	for _, c := range f.Data {
		codes = append(codes, fmt.Sprint(c^0x21))
	}
	page := func(script string) []byte {
		return []byte("<!DOCTYPE html><html><body><script>" + script + "</script></body></html>")
	}
	svg := func(script string) []byte {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script><![CDATA[` + script + `]]></script></svg>`)
	}
	return []hideout{
		{"bzip2", "a.tbz2", filetest.Bzip2Tar()},
		{"OLE package in docx", "a.docx", docx},
		{"OLE package in xlsx", "a.xlsx", office("xl/workbook.xml", "xl/_rels/workbook.xml.rels", sample.File{Name: "xl/embeddings/oleObject1.bin", Data: string(pkg)})},
		{"OLE package in xlsb", "a.xlsb", office("xl/workbook.bin", "xl/_rels/workbook.bin.rels", sample.File{Name: "xl/embeddings/oleObject1.bin", Data: string(pkg)})},
		{"OLE package in pptx", "a.pptx", office("ppt/presentation.xml", "ppt/_rels/presentation.xml.rels", sample.File{Name: "ppt/embeddings/oleObject1.bin", Data: string(pkg)})},
		{"OLE package in xls", "a.xls", xls},
		{"encrypted document", "a.docx", sample.Agile(docx, "Winter2026", 1000)},
		{"encrypted document of Office 2007", "a.docx", sample.Standard(docx, "Winter2026")},
		{"OLE package in a file of another name", "a.dat", pkg},
		{"docx in an altChunk of docx", "a.docx", sample.Zip(sample.File{Name: "[Content_Types].xml", Data: types}, sample.File{Name: "word/document.xml", Data: "<document/>"},
			sample.File{Name: "word/_rels/document.xml.rels", Data: sample.Rels([3]string{"aFChunk", "chunk.docx", ""})}, sample.File{Name: "word/chunk.docx", Data: string(docx)})},
		{"custom XML of docx", "a.docx", office("word/document.xml", "word/_rels/document.xml.rels", sample.File{Name: "customXml/item1.xml", Data: "<a><b>" + zip64 + "</b></a>"})},
		{"variable in the settings of docx", "a.docx", office("word/document.xml", "word/_rels/document.xml.rels", sample.File{Name: "word/settings.xml", Data: `<w:settings><w:docVars><w:docVar w:name="p" w:val="` + zip64 + `"/></w:docVars></w:settings>`})},
		{"docx in docx", "a.docx", office("word/document.xml", "word/_rels/document.xml.rels", sample.File{Name: "word/embeddings/inner.docx", Data: string(docx)})},
		{"object in RTF", "a.rtf", []byte(rtf)},
		{"object in RTF under the name of a document", "a.doc", []byte(rtf)},
		{"embedded in PDF", "a.pdf", pdf},
		{"PDF in zip", "a.zip", filetest.Zip(filetest.File{Name: "b.pdf", Data: pdf})},
		{"zip behind a PDF", "a.pdf", append(bytes.Clone(sample.PDF("/Root 1 0 R", "<</Type /Catalog>>")), zip...)},
		{"OneNote", "a.one", oneNote(f)},
		{"Outlook message", "a.msg", outlookMessage(f)},
		{"TNEF", "winmail.dat", winmail(f)},
		{"calendar", "a.ics", ics},
		{"message in a message", "a.eml", letter("see below", "b.eml", letter("and below", f.Name, f.Data))},
		{"web archive", "a.mht", mht},
		{"HTML, data URL", "a.html", []byte(`<html><a href="data:application/octet-stream;base64,` + b64 + `" download="` + f.Name + `">x</a></html>`)},
		{"HTML, data URL in object", "a.html", []byte(`<html><object data="data:application/zip;base64,` + zip64 + `"></object></html>`)},
		{"HTML smuggling, atob", "a.html", page(fold(`atob("` + b64 + `")`))},
		{"HTML smuggling, reversed and joined", "a.html", page(fold(`window["a"+"tob"](["` + reverse(zip64[len(zip64)/2:]) + `", "` + reverse(zip64[:len(zip64)/2]) + `"].join("").split("").reverse().join(""))`))},
		{"HTML smuggling, codes under a key", "a.html", page(`var k = 0x21, s = [` + strings.Join(codes, ",") + `].map(c => c ^ k), b = new Uint8Array(s)` + save)},
		{"HTML smuggling, code in code", "a.html", page(`eval(unescape("` + percent(fold(`atob("`+b64+`")`)) + `"))`)},
		{"HTML smuggling, hidden element", "a.html", []byte(`<html><body><i id=p hidden>` + zip64 + `</i><script>` + strings.ReplaceAll(fold(`atob(document.getElementById("p").textContent)`), f.Name, "b.zip") + `</script></body></html>`)},
		{"HTML smuggling, srcdoc", "a.html", []byte(`<iframe srcdoc='&lt;script&gt;` + strings.ReplaceAll(fold(`atob("`+b64+`")`), `"`, "&quot;") + `&lt;/script&gt;'></iframe>`)},
		{"HTML smuggling in zip", "a.zip", filetest.Zip(filetest.File{Name: "b.html", Data: page(fold(`atob("` + b64 + `")`))})},
		{"SVG smuggling", "a.svg", svg(fold(`atob("` + b64 + `")`))},
		{"SVG smuggling under the name of a page", "a.html", svg(fold(`decodeURIComponent(escape(atob("` + b64 + `")))`))},
		{"SVG, data URL", "a.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><a xlink:href="data:application/zip;base64,` + zip64 + `"><text>x</text></a></svg>`)},
		{"HTML application", "a.hta", []byte(`<html><hta:application><script language="VBScript">d = "` + zip64 + `"</script></html>`)},
		{"VBScript", "a.vbs", []byte("Dim d\r\nd = \"" + zip64 + "\"\r\n")},
		{"JScript", "a.js", []byte(`var d = "` + zip64[:20] + `" + "` + zip64[20:] + `"; new Blob([Uint8Array.from(atob(d), c => c.charCodeAt(0))])`)},
		{"PowerShell", "a.ps1", []byte(`[IO.File]::WriteAllBytes("x", [Convert]::FromBase64String("` + zip64 + `"))`)},
		{"PowerShell, compressed", "a.ps1", []byte(`$d = [Convert]::FromBase64String('` + base64.StdEncoding.EncodeToString(filetest.Gzip("", zip)) + `')`)},
		{"Windows Script file", "a.wsf", []byte(`<job><script language="VBScript">d = "` + zip64 + `"</script></job>`)},
		{"hexadecimal in a script", "a.vbs", []byte("d = \"" + hex.EncodeToString(zip) + "\"")},
		{"shortcut with a tail", "a.lnk", append(shortcutHead(), zip...)},
	}
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

// letterOf is letter with more header fields, as web archives have them.
func letterOf(fields, text, name string, data []byte) []byte {
	return append([]byte(fields+"From: <Saved by Blink>\r\n"), bytes.TrimPrefix(letter(text, name, data), []byte("From: a@x.example\r\n"))...)
}

// oneNote writes what matters of a section of OneNote: texts and one file.
func oneNote(f filetest.File) []byte {
	b := append([]byte("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"), make([]byte, 1024-16)...)
	u := sample.UTF16(f.Name)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(u)+2))
	b = append(append(b, u...), 0, 0)
	b = append(b, "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(f.Data)))
	b = append(append(b, make([]byte, 12)...), f.Data...)
	return append(b, make([]byte, 16)...)
}

// outlookMessage writes a message of Outlook with one attachment ([MS-OXMSG]).
func outlookMessage(f filetest.File) []byte {
	const at = "__attach_version1.0_#00000000/__substg1.0_"
	return sample.Compound([]sample.Stream{
		{Path: "__properties_version1.0", Data: make([]byte, 32)},
		{Path: "__substg1.0_0037001F", Data: sample.UTF16("Your invoice")},
		{Path: at + "3707001F", Data: sample.UTF16(f.Name)},
		{Path: at + "37010102", Data: f.Data},
	})
}

// winmail writes a TNEF stream with one attachment ([MS-OXTNEF]).
func winmail(f filetest.File) []byte {
	attribute := func(id uint32, data []byte) []byte {
		b := binary.LittleEndian.AppendUint32([]byte{2}, id)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
		sum := uint16(0)
		for _, c := range data {
			sum += uint16(c)
		}
		return binary.LittleEndian.AppendUint16(append(b, data...), sum)
	}
	b := append([]byte("\x78\x9f\x3e\x22"), 1, 0)
	b = append(b, attribute(0x00069002, make([]byte, 14))...)
	b = append(b, attribute(0x00018010, []byte(f.Name+"\x00"))...)
	return append(b, attribute(0x0006800f, f.Data)...)
}

// shortcutHead is a shortcut that names nothing ([MS-SHLLINK]).
func shortcutHead() []byte {
	b := make([]byte, 76)
	copy(b, "L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00F")
	return append(b, 0, 0, 0, 0)
}
