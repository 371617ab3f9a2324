package file

import (
	"bytes"
	"strings"
)

// class says what opening a file of an extension can do.
type class uint8

const (
	harmless class = iota
	program        // runs code when opened
	shortcut       // starts other programs
	image          // a disk image or another container that Windows mounts
	macro          // a document type made to carry macros
	markup         // opens in a browser
)

// classify returns the class of an extension (lower case, without the dot). The
// lists are the extensions that Windows, Office and macOS run or mount.
func classify(ext string) class {
	switch ext {
	case "exe", "scr", "com", "pif", "cpl", "dll", "ocx", "sys", "msi", "msp", "mst", "msix", "msixbundle", "appx", "appxbundle",
		"bat", "cmd", "ps1", "psm1", "psd1", "vbs", "vbe", "js", "jse", "wsf", "wsh", "wsc", "sct", "hta", "jar", "jnlp",
		"chm", "gadget", "application", "xll", "wll", "ppam", "xlam", "apk", "dmg", "pkg", "command", "sh", "elf", "run", "py", "pyw", "ahk", "xbap":
		return program
	case "lnk", "url", "scf", "library-ms", "search-ms", "searchconnector-ms", "settingcontent-ms", "appref-ms", "diagcab", "desktop", "website", "reg", "inf", "job", "msc", "theme", "themepack", "rdp", "iqy", "slk", "webloc":
		return shortcut
	case "iso", "img", "vhd", "vhdx", "udf", "wim", "daa":
		return image
	case "docm", "dotm", "xlsm", "xltm", "xlsb", "pptm", "potm", "ppsm", "sldm", "one", "onepkg", "pub", "mht", "mhtml":
		return macro
	case "html", "htm", "shtml", "xhtml", "xht", "svg", "svgz":
		return markup
	}
	return harmless
}

// Type tells a file type by its first bytes, by the published names ("pdf",
// "exe", "zip", "ole", …); "" when unknown. It looks at the first kilobyte and
// the ISO 9660 and tar marks.
func Type(b []byte) string {
	for _, m := range magics() {
		if len(b) >= m.at+len(m.mark) && string(b[m.at:m.at+len(m.mark)]) == m.mark {
			if m.typ == "zip" {
				return zipType(b)
			}
			return m.typ
		}
	}
	head := bytes.ToLower(bytes.TrimLeft(b[:min(len(b), 1024)], " \t\r\n\ufeff"))
	for _, p := range []struct{ mark, typ string }{{"<!doctype html", "html"}, {"<html", "html"}, {"<svg", "svg"}, {"begin:vcalendar", "ics"}, {"<?xml", "xml"}} {
		if bytes.HasPrefix(head, []byte(p.mark)) {
			if p.typ == "xml" && bytes.Contains(head, []byte("<svg")) {
				return "svg"
			}
			return p.typ
		}
	}
	return ""
}

type magic struct {
	at        int
	mark, typ string
}

func magics() []magic {
	return []magic{
		{0, "%PDF-", "pdf"}, {0, "MZ", "exe"}, {0, "PK\x03\x04", "zip"}, {0, "PK\x05\x06", "zip"},
		{0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "ole"}, {0, "Rar!\x1a\x07", "rar"}, {0, "7z\xbc\xaf\x27\x1c", "7z"},
		{0, "\x1f\x8b", "gz"}, {0, "BZh", "bz2"}, {0, "\xfd7zXZ\x00", "xz"}, {0, "\x28\xb5\x2f\xfd", "zst"}, {0, "MSCF", "cab"},
		{0, "\x89PNG\r\n\x1a\n", "png"}, {0, "\xff\xd8\xff", "jpg"}, {0, "GIF8", "gif"}, {0, "BM", "bmp"},
		{0, "{\\rt", "rtf"}, {0, "\x7fELF", "elf"}, {0, "L\x00\x00\x00\x01\x14\x02\x00", "lnk"}, {0, "ITSF", "chm"},
		{0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "one"}, {0, "conectix", "vhd"}, {0, "vhdxfile", "vhdx"},
		{257, "ustar", "tar"}, {0x8001, "CD001", "iso"}, {8, "WEBP", "webp"}, {0, "\x78\x9f\x3e\x22", "tnef"},
	}
}

// zipType tells Office documents and others from plain zips by the names in
// the first local headers.
func zipType(b []byte) string {
	head := b[:min(len(b), 8<<10)]
	for _, p := range []struct{ mark, typ string }{
		{"word/", "docx"}, {"xl/", "xlsx"}, {"ppt/", "pptx"}, {"AndroidManifest.xml", "apk"}, {"META-INF/MANIFEST.MF", "jar"},
		{"mimetypeapplication/vnd.oasis.opendocument.text", "odt"}, {"mimetypeapplication/epub", "epub"},
	} {
		if bytes.Contains(head, []byte(p.mark)) {
			return p.typ
		}
	}
	return "zip"
}

func isZip(b []byte) bool { return bytes.HasPrefix(b, []byte("PK\x03\x04")) }

// mismatch tells whether content that runs or unpacks comes under the name of
// something else. Harmless disagreements (an image under another image's name)
// are no finding.
func mismatch(ext, typ string) bool {
	switch typ {
	case "exe", "elf", "lnk", "chm", "one", "vhd", "vhdx", "iso":
		return classify(ext) == harmless
	case "html", "svg":
		return ext != "" && classify(ext) == harmless && strings.Contains(" pdf doc docx xls xlsx jpg png ", " "+ext+" ")
	case "zip", "rar", "7z":
		return strings.Contains(" pdf jpg png gif txt ", " "+ext+" ")
	}
	return false
}
