package ole

import (
	"bytes"
	"encoding/binary"
	"path"
	"strings"

	"foregate/scan/file/tree"

	"golang.org/x/text/encoding/charmap"
)

// maxLabel bounds the names of a package: longer than any Windows path
// component, shorter than what would be quoted.
const maxLabel = 1 << 10

// Package is a file that the Windows packager wrapped so that a double click
// in the document opens it.
type Package struct {
	Label string // what the icon shows
	Path  string // where the file was on the author's machine
	Temp  string // where it will be written before it is opened
	Link  bool   // only a path is carried, no content
	Data  []byte
	Cut   bool // the content is shorter than declared
}

// Name is the file's own name: that of its original path, which decides what
// Windows runs; the label where there is none.
func (p Package) Name() string {
	for _, s := range []string{p.Path, p.Temp, p.Label} {
		if n := tree.Base(s); n != "" {
			return n
		}
	}
	return ""
}

// ParseNative reads the native data of a package object, with or without the
// size in front that the stream \x01Ole10Native has ([MS-OLEDS] section 2.3.6;
// the packager's own layout is not published).
func ParseNative(b []byte) (Package, bool) {
	if len(b) >= 4 {
		if p, ok := parsePackager(b[4:]); ok {
			return p, true
		}
	}
	return parsePackager(b)
}

func parsePackager(b []byte) (Package, bool) {
	r := reader{b: b}
	if r.u16() != 2 {
		return Package{}, false
	}
	p := Package{Label: r.zstring(), Path: r.zstring()}
	kind := r.u32()
	if r.bad || p.Label == "" && p.Path == "" {
		return Package{}, false
	}
	switch kind >> 16 {
	case 1: // a link: only the path
		p.Link = true
		return p, true
	case 3:
	default:
		return Package{}, false
	}
	n := r.u32()
	if n > uint32(len(r.b)) {
		return Package{}, false
	}
	p.Temp = ansi(bytes.TrimRight(r.take(int(n)), "\x00"))
	size := int(min(int64(r.u32()), 1<<31-1))
	if r.bad {
		return Package{}, false
	}
	p.Cut = size > len(r.b)
	p.Data = r.take(min(size, len(r.b)))
	if p.Data == nil {
		p.Data = []byte{}
	}
	// Writers since Windows 2000 repeat the three names in UTF-16; those are
	// the true ones where the code page of the author is unknown.
	names := make([]string, 0, 3)
	for range 3 {
		n := int(r.u32())
		if r.bad || n > maxLabel || 2*n > len(r.b) {
			break
		}
		names = append(names, strings.TrimRight(utf16le(r.take(2*n)), "\x00"))
	}
	if len(names) == 3 {
		p.Temp, p.Label, p.Path = or(names[0], p.Temp), or(names[1], p.Label), or(names[2], p.Path)
	}
	return p, true
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Object is an OLE 1.0 object, as RTF documents carry it ([MS-OLEDS] section
// 2.2).
type Object struct {
	Linked bool
	Class  string
	Topic  string // of a link: the file or address
	Item   string
	Data   []byte
}

// ParseObject reads an OLE 1.0 object. Lying sizes give what there is.
func ParseObject(b []byte) (Object, bool) {
	r := reader{b: b}
	r.u32() // the version means nothing, and attackers change it
	format := r.u32()
	if format != 1 && format != 2 {
		return Object{}, false
	}
	o := Object{Linked: format == 1, Class: r.sized(), Topic: r.sized(), Item: r.sized()}
	if r.bad {
		return o, o.Class != ""
	}
	if o.Linked {
		return o, true
	}
	n := int(min(int64(r.u32()), 1<<31-1))
	o.Data = r.take(min(n, len(r.b)))
	return o, true
}

// reader reads little-endian values; after the end it gives zeros and is bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

// zstring reads an ANSI text that ends with a zero byte.
func (r *reader) zstring() string {
	n := bytes.IndexByte(r.b[:min(len(r.b), maxLabel)], 0)
	if n < 0 {
		r.bad, r.b = true, nil
		return ""
	}
	s := ansi(r.b[:n])
	r.b = r.b[n+1:]
	return s
}

// sized reads a LengthPrefixedAnsiString.
func (r *reader) sized() string {
	n := r.u32()
	if n > uint32(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	v := r.take(int(n))
	return ansi(bytes.TrimRight(v[:min(len(v), maxLabel)], "\x00"))
}

// ansi decodes the code page of most Windows machines; names in others keep
// their ASCII letters, which the extension is made of.
func ansi(b []byte) string {
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

func utf16le(b []byte) string {
	return string(decodeUTF16(b))
}

// runs tells names of files that Windows runs, or that start what it runs.
func runs(name string) bool {
	name = strings.TrimRight(strings.ToLower(name), ". \x00")
	switch strings.TrimPrefix(path.Ext(name), ".") {
	case "exe", "scr", "com", "pif", "cpl", "dll", "ocx", "sys", "msi", "msp", "mst", "msix", "appx", "bat", "cmd", "ps1", "psm1", "psd1",
		"vbs", "vbe", "js", "jse", "wsf", "wsh", "wsc", "sct", "hta", "jar", "jnlp", "chm", "gadget", "application", "xll", "wll", "ppam", "xlam",
		"lnk", "url", "scf", "library-ms", "search-ms", "searchconnector-ms", "settingcontent-ms", "appref-ms", "diagcab", "reg", "inf", "job", "msc",
		"iqy", "slk", "py", "pyw", "ahk", "iso", "img", "vhd", "vhdx", "command", "sh", "elf", "run", "apk", "dmg", "pkg":
		return true
	}
	return false
}

// RunsBy tells whether a file runs when it is opened: by its name or by its
// content.
func RunsBy(name string, data []byte) bool {
	switch {
	case runs(name):
		return true
	case len(data) > 64 && string(data[:2]) == "MZ":
		return true
	case bytes.HasPrefix(data, []byte("\x7fELF")), bytes.HasPrefix(data, []byte("L\x00\x00\x00\x01\x14\x02\x00")):
		return true
	}
	return false
}
