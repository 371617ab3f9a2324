package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

const invitation = "testdata/samples/callisto-b-invitation.eml"

// TestInvitationSample keeps the sample with the embedded object what its
// generator makes; -update writes it anew.
func TestInvitationSample(t *testing.T) {
	head, err := os.ReadFile("testdata/samples/callisto-b-head.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := string(head) + wrap76(base64.StdEncoding.EncodeToString(invitationDocx(t))) +
		"\n------=_NextPart_000_0007_01DC--\n"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(invitation, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(invitation)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the generator makes; run go test ./cmd/foregate -run Invitation -update", invitation)
	}
}

func wrap76(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s
}

// invitationDocx is a Word document with an OLE Package that carries a harmless
// text in place of a program.
func invitationDocx(t *testing.T) []byte {
	t.Helper()
	const ct = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	files := []struct{ name, data string }{
		{"[Content_Types].xml", ct + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Default Extension="bin" ContentType="application/vnd.openxmlformats-officedocument.oleObject"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", ct + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", ct + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><w:body><w:p><w:r><w:t>Double click the icon to read the programme.</w:t></w:r></w:p><w:p><w:r><w:object><o:OLEObject Type="Embed" ProgID="Package" DrawAspect="Icon" ObjectID="_1" r:id="rId5"/></w:object></w:r></w:p></w:body></w:document>`},
		{"word/_rels/document.xml.rels", ct + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId5" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/oleObject" Target="embeddings/oleObject1.bin"/></Relationships>`},
		{"word/embeddings/oleObject1.bin", string(olePackage("programme.exe", `C:\Users\user\Desktop\programme.exe`, []byte(strings.Repeat("FOREGATE HARMLESS STUB, not a program.\r\n", 120))))},
	}
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	for _, f := range files {
		// Stored, not deflated: the bytes must not depend on a compressor.
		w, err := zw.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Store, Modified: time.Date(2026, 11, 18, 3, 40, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// olePackage wraps data as an OLE Package: a compound file ([MS-CFB]) with one
// stream "\x01Ole10Native" ([MS-OLEDS] 2.3.6) of at least 4,096 bytes, so that
// no mini stream is needed.
func olePackage(label, path string, data []byte) []byte {
	le := binary.LittleEndian
	var body []byte
	body = le.AppendUint16(body, 2)
	body = append(body, label+"\x00"+path+"\x00"...)
	body = le.AppendUint32(body, 0x00030000)
	body = le.AppendUint32(body, uint32(len(path)+1))
	body = append(body, path+"\x00"...)
	body = le.AppendUint32(body, uint32(len(data)))
	body = append(body, data...)
	native := append(le.AppendUint32(nil, uint32(len(body))), body...)
	return compoundFile("\x01Ole10Native", native)
}

func compoundFile(name string, stream []byte) []byte {
	const (
		sector  = 512
		free    = 0xFFFFFFFF
		endOf   = 0xFFFFFFFE
		fatSect = 0xFFFFFFFD
	)
	le := binary.LittleEndian
	n := (len(stream) + sector - 1) / sector
	head := make([]byte, sector)
	copy(head, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	le.PutUint16(head[24:], 0x3E)
	le.PutUint16(head[26:], 3)
	le.PutUint16(head[28:], 0xFFFE)
	le.PutUint16(head[30:], 9)
	le.PutUint16(head[32:], 6)
	le.PutUint32(head[44:], 1) // one FAT sector, number 0
	le.PutUint32(head[48:], 1) // the directory starts at sector 1
	le.PutUint32(head[56:], 4096)
	le.PutUint32(head[60:], endOf)
	le.PutUint32(head[68:], endOf)
	for i := 76; i < sector; i += 4 {
		le.PutUint32(head[i:], free)
	}
	le.PutUint32(head[76:], 0)
	fat := make([]byte, sector)
	for i := 0; i < sector; i += 4 {
		le.PutUint32(fat[i:], free)
	}
	le.PutUint32(fat[0:], fatSect)
	le.PutUint32(fat[4:], endOf)
	for i := range n {
		next := uint32(3 + i)
		if i == n-1 {
			next = endOf
		}
		le.PutUint32(fat[8+4*i:], next)
	}
	dir := make([]byte, sector)
	entry := func(at int, name string, kind byte, child, start uint32, size int) {
		u := utf16.Encode([]rune(name))
		for i, c := range u {
			le.PutUint16(dir[at+2*i:], c)
		}
		le.PutUint16(dir[at+64:], uint16(2*len(u)+2))
		dir[at+66], dir[at+67] = kind, 1
		le.PutUint32(dir[at+68:], free)
		le.PutUint32(dir[at+72:], free)
		le.PutUint32(dir[at+76:], child)
		le.PutUint32(dir[at+116:], start)
		le.PutUint32(dir[at+120:], uint32(size))
	}
	entry(0, "Root Entry", 5, 1, endOf, 0)
	entry(128, name, 2, free, 2, len(stream))
	out := append(append(head, fat...), dir...)
	out = append(out, stream...)
	return append(out, make([]byte, n*sector-len(stream))...)
}
