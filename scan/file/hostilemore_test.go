package file

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"foregate/scan/file/filetest"
	"foregate/scan/file/internal/sample"
)

// hostileMore are files that use up time or memory by what the parts of a format
// may ask for: dictionaries, keys, messages in messages, scripts, shapes.
func hostileMore() []hostile {
	tiny := make([]byte, 4096)
	var lzma, locked []filetest.ZipEntry
	var rars, mails []filetest.File
	for i := range 900 {
		e := filetest.Stored(fmt.Sprint("d", i), tiny)
		e.Method, e.Packed = 14, append([]byte{9, 20, 5, 0, 0x5d, 0, 0, 0, 4}, tiny...) // a dictionary of 64 MiB
		lzma = append(lzma, e)
		l := filetest.Stored(fmt.Sprint("l", i), tiny).AES(fmt.Sprint("no guess ", i))
		l.Packed = append([]byte(fmt.Sprintf("%016d", i)), l.Packed[16:]...)
		locked = append(locked, l)
	}
	deep := deepMail(30)
	for i := range 300 {
		rars = append(rars, filetest.File{Name: fmt.Sprintf("%d.rar", i), Data: filetest.RarPacked(9, filetest.File{Name: "a", Data: tiny})}) // 64 MiB each
		mails = append(mails, filetest.File{Name: fmt.Sprintf("%d.eml", i), Data: append(deep[:len(deep):len(deep)], byte(i), byte(i>>8))})
	}
	var sevens []filetest.File
	for i := range 300 {
		sevens = append(sevens, filetest.File{Name: fmt.Sprintf("%d.7z", i), Data: filetest.SevenZipCoded("\x03\x01\x01", "\x5d\x00\x00\x00\x04", filetest.File{Name: "a", Data: tiny})})
	}
	key := filetest.SevenZipCoded("\x06\xf1\x07\x01", "\x55\x0fsixteen bytes ..", filetest.File{Name: "a", Data: tiny}) // 2^21 rounds
	nested := deepMail(1)
	for i := range 9 {
		nested = letter("see below", fmt.Sprintf("%d.eml", i), nested)
	}
	return append(hostileText(),
		hostile{"dictionaries in zip", "a.zip", filetest.RawZip(lzma...)},
		hostile{"dictionaries in rar", "a.zip", filetest.Zip(rars...)},
		hostile{"dictionaries in 7z", "a.zip", filetest.Zip(sevens...)},
		hostile{"locks without a key", "a.zip", filetest.RawZip(locked...)},
		hostile{"keys of many rounds", "a.7z", key},
		hostile{"messages in messages", "a.eml", nested},
		hostile{"messages in an archive", "a.zip", filetest.Zip(mails...)},
	)
}

// deepMail is a message of parts in parts, none of them closed, each with fields
// that take work.
func deepMail(depth int) []byte {
	var b strings.Builder
	b.WriteString("From: a@x.example\r\nTo: " + strings.Repeat("\"=?utf-8?q?=41?=\" <b@y.example>, ", 500) + "c@y.example\r\nSubject: " + strings.Repeat("=?utf-8?b?QQ==?= ", 500) + "\r\n" + strings.Repeat("Received: from a by b; Mon, 23 Nov 2026 09:00:00 +0000\r\n", 100) + "MIME-Version: 1.0\r\n")
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"b%d\"\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("Content-Type: message/rfc822\r\n\r\n" + strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1000) + "From: a@x.example\r\n\r\n" + strings.Repeat("https://a.example/ ", 2000))
	return []byte(b.String())
}

// hostileText are scripts, shapes and documents that take long to follow.
func hostileText() []hostile {
	var actions, pages strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&actions, "<</S /JavaScript /JS (for \\(;;\\) a%d += 1; app.launchURL\\('https://a%d.example/'\\))>>", i, i)
	}
	objects := []string{"<</Type /Catalog /Pages 2 0 R /A [" + actions.String() + "]>>", "<</Type /Pages>>"}
	squares := sample.PDFStream("/Subtype /Form /Filter /FlateDecode", sample.Deflate([]byte(strings.Repeat("0 0 m 9 999 l 999 9 l 1 1 1 1 1 1 c f* ", 60_000))))
	for i := range 50 {
		fmt.Fprintf(&pages, "%d 0 R ", 2*i+3)
		objects = append(objects, fmt.Sprintf("<</Type /Page /Contents %d 0 R /Resources <</XObject <</A %d 0 R>>>>>>", 2*i+4, 2*i+4), squares)
	}
	var shapes []filetest.File
	for i := range 60 {
		shapes = append(shapes, filetest.File{Name: fmt.Sprintf("%d.svg", i), Data: []byte(`<svg><path d="` + strings.Repeat(fmt.Sprintf("M%d 0L1 1e9L1e9 0z", i), 60_000) + `"/></svg>`)})
	}
	var marked []filetest.File
	for i := range 60 {
		marked = append(marked, filetest.File{Name: fmt.Sprintf("%d.png", i), Data: append(decoyMarks(), byte(i))})
	}
	source := strings.Repeat("x = \"a\" & Chr(65) & StrReverse(\"cba\") & \"aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ=\"\r\n", 100_000)
	macros := sample.Compound(sample.VBA("", nil, sample.Module{Name: "ThisDocument", Source: source}))
	xml := "<w:document>" + strings.Repeat("<w:p><w:r><w:fldChar w:fldCharType=\"begin\"/><w:instrText>QUOTE 68 68 69</w:instrText></w:r></w:p>", 150_000)
	word := []filetest.File{{Name: "[Content_Types].xml", Data: []byte("<Types/>")}}
	for i := range 20 {
		word = append(word, filetest.File{Name: fmt.Sprintf("word/document%d.xml", i), Data: []byte(xml)})
	}
	one := oneNote(filetest.File{Name: "a", Data: bytes.Repeat([]byte("\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac\xff\xff\xff\x7f\x00\x00\x00\x00"), 1<<19)})
	object := hex.EncodeToString(binary.LittleEndian.AppendUint32([]byte{1, 5, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0}, 1<<31))
	return []hostile{
		{"scripts and shapes in PDF", "a.pdf", sample.PDF("/Root 1 0 R", objects...)},
		{"shapes in SVG", "a.zip", filetest.Zip(shapes...)},
		{"pictures of decoys", "a.zip", filetest.Zip(marked...)},
		{"macros of pieces", "a.doc", macros},
		{"fields in a document", "a.docx", filetest.Zip(word...)},
		{"files in OneNote", "a.one", one},
		{"objects in RTF", "a.rtf", []byte(`{\rtf1` + strings.Repeat(`{\object{\*\objdata `+object+`}}`, 100_000))},
		{"words for passwords", "a.txt", []byte(strings.Repeat("password is the for to code key ", 1<<18))},
	}
}
