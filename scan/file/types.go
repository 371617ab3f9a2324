package file

import (
	"bytes"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"foregate/scan/file/archive"
)

// class says what opening a file of an extension can do.
type class uint8

const (
	harmless class = iota
	runnable       // runs code when opened
	starter        // starts other programs
	image          // a disk image or another container that Windows mounts
	macro          // a document type made to carry macros
	webPage        // opens in a browser
)

// classify returns the class of an extension (lower case, without the dot). The
// lists are the extensions that Windows, Office and macOS run or mount.
func classify(ext string) class {
	switch ext {
	case "exe", "scr", "com", "pif", "cpl", "dll", "ocx", "sys", "msi", "msp", "mst", "msix", "msixbundle", "appx", "appxbundle",
		"bat", "cmd", "ps1", "psm1", "psd1", "vbs", "vbe", "js", "jse", "wsf", "wsh", "wsc", "sct", "hta", "jar", "jnlp",
		"chm", "gadget", "application", "appinstaller", "xll", "wll", "ppam", "xlam", "apk", "dmg", "pkg", "command", "sh", "elf", "run", "py", "pyw", "ahk", "xbap":
		return runnable
	case "lnk", "url", "scf", "library-ms", "search-ms", "searchconnector-ms", "settingcontent-ms", "appref-ms", "diagcab", "desktop", "website", "reg", "inf", "job", "msc", "theme", "themepack", "rdp", "iqy", "slk", "webloc":
		return starter
	case "iso", "img", "vhd", "vhdx", "udf", "wim", "daa":
		return image
	case "docm", "dotm", "xlsm", "xltm", "xlsb", "pptm", "potm", "ppsm", "sldm", "one", "onepkg", "pub", "mht", "mhtml":
		return macro
	case "html", "htm", "shtml", "xhtml", "xht", "svg", "svgz":
		return webPage
	}
	return harmless
}

// mark is a sign of a file type at a fixed place.
type mark struct {
	at        int
	sign, typ string
}

// marks are looked for in order: the surest first.
func marks() []mark {
	return []mark{
		{0, "%PDF-", "pdf"}, {0, "MZ", "exe"}, {0, "PK\x03\x04", "zip"}, {0, "PK\x05\x06", "zip"}, {0, "PK00PK\x03\x04", "zip"},
		{0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "ole"}, {0, "Rar!\x1a\x07", "rar"}, {0, "7z\xbc\xaf\x27\x1c", "7z"},
		{0, "\x1f\x8b", "gz"}, {0, "BZh", "bz2"}, {0, "\xfd7zXZ\x00", "xz"}, {0, "\x28\xb5\x2f\xfd", "zst"}, {0, "MSCF", "cab"},
		{0, "LZIP", "lzip"}, {0, "\x04\x22\x4d\x18", "lz4"}, {0, "\x60\xea", "arj"}, {7, "**ACE**", "ace"}, {0, "MSWIM\x00\x00\x00", "wim"}, {0, "xar!", "xar"},
		{0, "\x89PNG\r\n\x1a\n", "png"}, {0, "\xff\xd8\xff", "jpg"}, {0, "GIF8", "gif"}, {0, "II*\x00", "tif"}, {0, "MM\x00*", "tif"},
		{0, "\x00\x00\x01\x00", "ico"}, {0, "8BPS", "psd"},
		{0, "{\\rt", "rtf"}, {0, "\x7fELF", "elf"}, {0, "L\x00\x00\x00\x01\x14\x02\x00", "lnk"}, {0, "ITSF", "chm"},
		{0, "\xfe\xed\xfa\xce", "macho"}, {0, "\xfe\xed\xfa\xcf", "macho"}, {0, "\xce\xfa\xed\xfe", "macho"}, {0, "\xcf\xfa\xed\xfe", "macho"},
		{0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "one"}, {0, "conectix", "vhd"}, {0, "vhdxfile", "vhdx"}, {0, "KDMV", "vmdk"}, {0, "QFI\xfb", "qcow2"},
		{257, "ustar", "tar"}, {0x8001, "CD001", "iso"}, {0x8001, "BEA01", "udf"}, {0x9001, "CD001", "iso"}, {8, "WEBP", "webp"}, {0, "\x78\x9f\x3e\x22", "tnef"},
		{0, "OggS", "ogg"}, {0, "ID3", "mp3"}, {4, "ftyp", "mp4"}, {0, "\x1aE\xdf\xa3", "mkv"}, {0, "fLaC", "flac"},
		{0, "!<arch>\ndebian", "deb"}, {0, "\xed\xab\xee\xdb", "rpm"}, {0, "\xca\xfe\xba\xbe", "class"}, {0, "SQLite format 3\x00", "sqlite"},
		{0, "FWS", "swf"}, {0, "CWS", "swf"}, {0, "ZWS", "swf"}, {0, "!BDN", "pst"}, {0, "\x00\x01\x00\x00Standard Jet DB", "mdb"}, {0, "\x00\x01\x00\x00Standard ACE DB", "accdb"},
	}
}

// headLen is how far into a text its first words are looked for.
const headLen = 4 << 10

// Type tells a file type by content, by the published names ("pdf", "exe",
// "zip", "ole", "docx", …); "" when unknown.
func Type(b []byte) string {
	for _, m := range marks() {
		if len(b) >= m.at+len(m.sign) && string(b[m.at:m.at+len(m.sign)]) == m.sign {
			switch m.typ {
			case "zip":
				return zipType(b)
			case "ole":
				return oleType(b)
			case "class":
				// A fat Mach-O shares the mark of Java; it has few architectures.
				if len(b) > 8 && b[4] == 0 && b[5] == 0 && b[6] == 0 && b[7] < 20 {
					return "macho"
				}
			}
			return m.typ
		}
	}
	if len(b) >= 512 && string(b[len(b)-512:len(b)-504]) == "conectix" {
		return "vhd" // a fixed one has its mark at the end
	}
	if t := bootType(b); t != "" {
		return t
	}
	if bytes.HasPrefix(b, []byte("BM")) && len(b) > 14 && b[6]|b[7]|b[8]|b[9] == 0 {
		return "bmp"
	}
	// A PDF may begin anywhere in the first kilobyte.
	if bytes.Contains(b[:min(len(b), 1024)], []byte("%PDF-")) {
		return "pdf"
	}
	return textType(b)
}

// bootType knows disk images: a boot sector's signature and either the fields
// of FAT or NTFS, or a table of partitions.
func bootType(b []byte) string {
	if len(b) < 1024 || b[510] != 0x55 || b[511] != 0xaa {
		return ""
	}
	jump := b[0] == 0xeb && b[2] == 0x90 || b[0] == 0xe9
	if jump && (string(b[3:7]) == "NTFS" || string(b[54:57]) == "FAT" || string(b[82:85]) == "FAT" || string(b[3:8]) == "EXFAT") {
		return "img"
	}
	for i := 446; i < 510; i += 16 {
		if b[i]&0x7f == 0 && b[i+4] != 0 && b[i+12]|b[i+13]|b[i+14]|b[i+15] != 0 {
			return "img"
		}
	}
	return ""
}

// oleType tells compound files apart by the UTF-16 names of their streams,
// which stand in directory sectors anywhere in the file.
func oleType(b []byte) string {
	head := b[:min(len(b), 1<<20)]
	for _, p := range []struct{ name, typ string }{
		{"WordDocument", "doc"}, {"Workbook", "xls"}, {"PowerPoint Document", "ppt"}, {"__properties_version1.0", "msg"}, {"VisioDocument", "vsd"},
	} {
		if bytes.Contains(head, utf16le(p.name)) {
			return p.typ
		}
	}
	// The class of Windows Installer, in the root entry.
	if bytes.Contains(head, []byte("\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")) {
		return "msi"
	}
	return "ole"
}

func utf16le(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		out = append(out, s[i], 0)
	}
	return out
}

// textType tells text formats by their first words.
func textType(b []byte) string {
	raw := b[:min(len(b), headLen)]
	if bytes.HasPrefix(raw, []byte("\xff\xfe")) || bytes.HasPrefix(raw, []byte("\xfe\xff")) {
		s, _ := decodeText(raw[:len(raw)&^1], nil)
		raw = []byte(s)
	}
	head := bytes.ToLower(bytes.TrimLeft(raw, " \t\r\n\ufeff\x00"))
	for bytes.HasPrefix(head, []byte("<!--")) {
		_, rest, ok := bytes.Cut(head, []byte("-->"))
		if !ok {
			break
		}
		head = bytes.TrimLeft(rest, " \t\r\n")
	}
	for _, p := range []struct{ mark, typ string }{
		{"<hta:application", "hta"}, {"<!doctype html", "html"}, {"<html", "html"}, {"<head", "html"}, {"<body", "html"}, {"<script", "html"}, {"<svg", "svg"},
		{"<!doctype svg", "svg"}, {"begin:vcalendar", "ics"}, {"begin:vcard", "vcf"}, {"<?xml", "xml"}, {"[internetshortcut]", "url"}, {"[desktop entry]", "desktop"},
		{"<?php", "php"}, {"<job", "wsf"}, {"<package", "wsf"}, {"#!", "sh"}, {"@echo off", "bat"}, {"<librarydescription", "library-ms"},
		{"<persistedquery", "search-ms"}, {"windows registry editor", "reg"}, {"regedit4", "reg"}, {"[shell]", "scf"}, {"screen mode id:i:", "rdp"}, {"full address:s:", "rdp"}, {"-----begin pgp", "pgp"},
		{"<%@", "asp"}, {"id;p", "slk"}, {"web\r\n1\r\n", "iqy"}, {"search-ms:", "search-ms"},
	} {
		if !bytes.HasPrefix(head, []byte(p.mark)) {
			continue
		}
		switch p.typ {
		case "xml":
			return xmlType(head)
		case "html":
			if bytes.Contains(head, []byte("<hta:application")) {
				return "hta"
			}
		}
		return p.typ
	}
	switch {
	case bytes.HasPrefix(head, []byte("[{")) && bytes.Contains(head, []byte("[internetshortcut]")):
		return "url" // a section of properties stands first
	case bytes.Contains(head, []byte("\nfull address:s:")):
		return "rdp"
	}
	return mailType(head, raw)
}

// xmlType tells XML formats by their root element.
func xmlType(head []byte) string {
	for _, p := range []struct{ mark, typ string }{
		{"<svg", "svg"}, {"<librarydescription", "library-ms"}, {"<persistedquery", "search-ms"}, {"<searchconnectordescription", "searchconnector-ms"},
		{"<html", "html"}, {"<asmv1:assembly", "application"}, {"<pcsettings", "settingcontent-ms"}, {"<w:worddocument", "wordml"}, {"<pkg:package", "wordml"},
		{"<jnlp", "jnlp"}, {"<job", "wsf"}, {"<mmc_consolefile", "msc"}, {"<xsl:stylesheet", "xsl"},
	} {
		if bytes.Contains(head, []byte(p.mark)) {
			return p.typ
		}
	}
	return "xml"
}

// mailType knows a message by two of its header fields, an archived page by its
// own, and ClickOnce references (one line of an address) by their form.
func mailType(head, raw []byte) string {
	if bytes.Contains(head[:min(len(head), 1024)], []byte("\ncontent-type: multipart/related")) && bytes.Contains(head, []byte("mime-version")) &&
		bytes.Contains(head, []byte("saved by")) {
		return "mhtml"
	}
	fields := 0
	for _, name := range []string{"received", "from", "to", "subject", "date", "message-id", "mime-version", "return-path", "content-type", "x-mozilla-status", "delivered-to"} {
		if bytes.HasPrefix(head, []byte(name+":")) || bytes.Contains(head, []byte("\n"+name+":")) {
			fields++
		}
	}
	if first, _, ok := bytes.Cut(head, []byte(":")); ok && fields >= 3 && len(first) < 64 && !bytes.ContainsAny(first, " \t\r\n<{") {
		return "eml"
	}
	if bytes.HasPrefix(head, []byte("http")) && bytes.Contains(head, []byte(".application#")) && bytes.Count(raw, []byte("\n")) <= 1 {
		return "appref-ms"
	}
	return ""
}

// zipType tells Office documents and others from plain zips by the names in
// the first local headers and in the directory at the end.
func zipType(b []byte) string {
	head, tail := b[:min(len(b), 16<<10)], b[max(0, len(b)-16<<10):]
	for _, p := range []struct{ mark, typ string }{
		{"AndroidManifest.xml", "apk"}, {"AppxManifest.xml", "msix"}, {"AppxBlockMap.xml", "msix"}, {"AppxBundleManifest.xml", "msix"},
		{"mimetypeapplication/vnd.oasis.opendocument.text", "odt"}, {"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "ods"},
		{"mimetypeapplication/vnd.oasis.opendocument.presentation", "odp"}, {"mimetypeapplication/epub", "epub"},
		{"word/", "docx"}, {"xl/", "xlsx"}, {"ppt/", "pptx"}, {"visio/", "vsdx"}, {"META-INF/MANIFEST.MF", "jar"},
	} {
		if !bytes.Contains(head, []byte(p.mark)) && !bytes.Contains(tail, []byte(p.mark)) {
			continue
		}
		// Office documents list their content types; a folder called "word" alone
		// makes no document.
		if strings.HasSuffix(p.mark, "/") && !bytes.Contains(head, []byte("[Content_Types].xml")) && !bytes.Contains(tail, []byte("[Content_Types].xml")) {
			continue
		}
		return p.typ
	}
	return "zip"
}

// mediaType names the media type of content that Type knows by a table of a
// few thousand formats; "" when unknown.
func mediaType(b []byte) string {
	t := mimetype.Detect(b[:min(len(b), 3<<10)])
	s, _, _ := strings.Cut(t.String(), ";")
	return s
}

// alsoValid returns the types beside typ that the same bytes are valid as: what
// one program takes for a picture, another may run.
func alsoValid(b []byte, typ string) []string {
	var out []string
	zipped := strings.Contains(" zip jar apk msix docx xlsx pptx odt ods odp epub vsdx ", " "+typ+" ")
	if !zipped && typ != "exe" && typ != "" && !isDiskImage(typ) && typ != "tar" && typ != "eml" && archive.HasDirectory(b) {
		out = append(out, "zip")
	}
	if !strings.Contains(" pdf eml mhtml tar ics ole doc msg ", " "+typ+" ") && typ != "" && !zipped && bytes.Contains(b[:min(len(b), 1024)], []byte("%PDF-")) && bytes.Contains(b, []byte("%%EOF")) {
		out = append(out, "pdf")
	}
	if typ != "iso" && typ != "udf" && typ != "" && typ != "img" && len(b) > 0x8006 && string(b[0x8001:0x8006]) == "CD001" {
		out = append(out, "iso")
	}
	switch typ {
	case "gif", "bmp", "jpg", "png", "pdf":
		if head := bytes.ToLower(b[:min(len(b), 1024)]); bytes.Contains(head, []byte("<script")) || bytes.Contains(head, []byte("<hta:application")) {
			out = append(out, "html")
		}
		if other := appendedArchive(b); other != "" && typ != "pdf" {
			out = append(out, other)
		}
	}
	return out
}

// appendedArchive finds a RAR or 7z archive that begins right after the end of
// a picture; "" when there is none.
func appendedArchive(b []byte) string {
	for _, end := range []string{"\xff\xd9", "IEND\xaeB\x60\x82", ";"} {
		for _, a := range []struct{ sign, typ string }{{"Rar!\x1a\x07", "rar"}, {"7z\xbc\xaf\x27\x1c", "7z"}} {
			if bytes.Contains(b, []byte(end+a.sign)) {
				return a.typ
			}
		}
	}
	return ""
}

// mismatch tells whether content that runs or unpacks comes under the name of
// something else. Harmless disagreements (an image under another image's name)
// are no finding.
func mismatch(ext, typ string) bool {
	switch typ {
	case "exe", "elf", "macho", "lnk", "chm", "one", "vhd", "vhdx", "iso", "udf", "msi", "hta", "url", "library-ms", "search-ms", "searchconnector-ms", "settingcontent-ms", "appref-ms", "application", "rdp", "jnlp", "msix":
		return classify(ext) == harmless
	case "html", "svg":
		return ext != "" && classify(ext) == harmless && strings.Contains(" pdf doc docx xls xlsx jpg png ", " "+ext+" ")
	case "zip", "rar", "7z":
		return strings.Contains(" pdf jpg png gif txt ", " "+ext+" ")
	}
	return false
}

// declaredMismatch tells whether content that runs, mounts or unpacks was
// declared as a picture, a sound, a film, a text or a document that is only read.
// Programs that send mail declare much as application/octet-stream, which says
// nothing.
func declaredMismatch(declared, typ string, data []byte) bool {
	media, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(declared)), ";")
	top, _, _ := strings.Cut(strings.TrimSpace(media), "/")
	seen := top == "image" || top == "audio" || top == "video" || media == "application/pdf"
	if top != "text" && !seen {
		return false
	}
	switch typ {
	case "zip", "rar", "7z", "cab", "gz", "docx", "xlsx", "doc", "xls", "ole", "rtf", "pdf":
		return seen && !(typ == "pdf" && media == "application/pdf") && media != "image/svg+xml"
	case "html", "hta":
		return seen && media != "image/svg+xml" || typ == "hta"
	}
	return isProgram(typ, data) || isDiskImage(typ)
}
