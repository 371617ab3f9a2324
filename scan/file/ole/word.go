package ole

import (
	"encoding/binary"
	"strings"
	"time"

	"foregate/mql/shape"
)

// Bounds of a Word document.
const (
	maxPieces = 1 << 16
	maxText   = 1 << 20
	maxFields = 2000
)

// word reads the text of a document and the fields in it ([MS-DOC]).
func (x *inspection) word(e *Entry) {
	doc := x.c.Read(e, int64(len(x.in.Data)))
	if len(doc) < 0x1AA {
		return
	}
	flags := binary.LittleEndian.Uint16(doc[0x0A:])
	if flags&0x0100 != 0 {
		ReportEncrypted(x.res, x.in.Name, x.tools, "with a password in the manner of Word 97")
		return
	}
	table := "0Table"
	if flags&0x0200 != 0 {
		table = "1Table"
	}
	at, size := binary.LittleEndian.Uint32(doc[0x1A2:]), binary.LittleEndian.Uint32(doc[0x1A6:])
	t := x.c.in(parent(e.Path), table)
	if t == nil {
		return
	}
	tab := x.c.Read(t, int64(len(x.in.Data)))
	if uint64(at)+uint64(size) > uint64(len(tab)) {
		x.res.Find("file.damaged-document", "piece table", "document %q is damaged: its text table leaves the file", x.in.Name)
		return
	}
	text := pieces(doc, tab[at:at+size])
	Fields(text, func(code string) { x.field(code) })
	x.res.Say(plain(text))
}

// pieces joins the text of a Clx, [MS-DOC] section 2.9.38.
func pieces(doc, clx []byte) string {
	for len(clx) >= 3 && clx[0] == 1 { // Prc: formatting
		n := 3 + int(binary.LittleEndian.Uint16(clx[1:]))
		clx = clx[min(n, len(clx)):]
	}
	if len(clx) < 5 || clx[0] != 2 {
		return ""
	}
	plc := clx[5:]
	n := (len(plc) - 4) / 12
	if n <= 0 {
		return ""
	}
	n = min(n, maxPieces)
	total := (len(plc) - 4) / 12
	var out strings.Builder
	for i := range n {
		from, to := int64(binary.LittleEndian.Uint32(plc[4*i:])), int64(binary.LittleEndian.Uint32(plc[4*i+4:]))
		fc := binary.LittleEndian.Uint32(plc[4*(total+1)+8*i+2:])
		if to <= from || to-from > maxText || out.Len() > maxText {
			continue
		}
		at, size := int64(fc&0x3fffffff), 2*(to-from)
		narrow := fc&0x40000000 != 0
		if narrow {
			at, size = at/2, to-from
		}
		if at >= int64(len(doc)) {
			continue
		}
		b := doc[at:min(at+size, int64(len(doc)))]
		if narrow {
			out.WriteString(ansi(b))
		} else {
			out.WriteString(utf16le(b))
		}
	}
	return out.String()
}

// Fields calls f with the instruction of every field of a text that marks
// fields as Word does: 0x13, the instruction, 0x14, the result, 0x15.
func Fields(text string, f func(code string)) {
	for range maxFields {
		_, rest, ok := strings.Cut(text, "\x13")
		if !ok {
			return
		}
		end := strings.IndexAny(rest, "\x14\x15")
		if end < 0 {
			end = min(len(rest), 2000)
		}
		f(strings.TrimSpace(strings.ReplaceAll(rest[:end], "\x13", "")))
		text = rest
	}
}

// field reports what a field of a document does.
func (x *inspection) field(code string) {
	f, ok := ReadField(code)
	if !ok {
		return
	}
	if f.DDE {
		x.res.Find("file.dde", code, "document %q starts a program through DDE: %q", x.in.Name, f.Target)
		return
	}
	x.res.Link(f.Target)
	Relate(x.tools, strings.ToLower(f.Name), f.Target)
}

// Field is what a field of a document reaches outside for.
type Field struct {
	Name   string
	Target string
	DDE    bool
}

// ReadField reads a field instruction that reaches outside; ok is false for all
// others.
func ReadField(code string) (f Field, ok bool) {
	code = strings.TrimSpace(code)
	name, rest, _ := strings.Cut(code, " ")
	name = strings.ToUpper(name)
	switch name {
	case "DDE", "DDEAUTO":
		return Field{Name: name, Target: strings.TrimSpace(rest), DDE: true}, true
	case "HYPERLINK", "INCLUDEPICTURE", "INCLUDETEXT", "INCLUDE", "IMPORT", "LINK":
		target := argument(rest)
		if name == "LINK" {
			_, after, _ := strings.Cut(strings.TrimSpace(rest), " ")
			target = argument(after)
		}
		target = strings.ReplaceAll(target, `\\`, `\`)
		if target == "" || strings.HasPrefix(target, `\`) && !strings.HasPrefix(rest, `"`) {
			return Field{}, false
		}
		return Field{Name: name, Target: target}, true
	}
	return Field{}, false
}

// argument is the first argument of a field, quoted or not.
func argument(s string) string {
	s = strings.TrimSpace(s)
	for _, q := range []string{`"`, "\u201c", "\u201d"} {
		if t, ok := strings.CutPrefix(s, q); ok {
			if i := strings.IndexAny(t, "\"\u201c\u201d"); i >= 0 {
				t = t[:i]
			}
			return t
		}
	}
	s, _, _ = strings.Cut(s, " ")
	return s
}

// plain drops field codes and marks from Word's text.
func plain(text string) string {
	var out strings.Builder
	code := 0
	for _, r := range text {
		switch {
		case r == 0x13:
			code++
		case r == 0x14 || r == 0x15:
			code = max(code-1, 0)
		case code > 0:
		case r == '\r' || r == 0x07 || r == 0x0b || r == 0x0c:
			out.WriteByte('\n')
		case r >= 0x20 || r == '\t' || r == '\n':
			out.WriteRune(r)
		}
	}
	return out.String()
}

// maxProperties bounds a property set; the published sets have about 20.
const maxProperties = 256

// summary reads the property set SummaryInformation ([MS-OLEPS]).
func (x *inspection) summary(b []byte) {
	if len(b) < 48 || binary.LittleEndian.Uint16(b) != 0xFFFE {
		return
	}
	at := binary.LittleEndian.Uint32(b[44:])
	if uint64(at)+8 > uint64(len(b)) {
		return
	}
	set := b[at:]
	out := &shape.ScanExifTool{FileType: "FPX"}
	exif := &shape.Exif{}
	for i := range min(int(min(binary.LittleEndian.Uint32(set[4:]), maxProperties)), (len(set)-8)/8) {
		id, off := binary.LittleEndian.Uint32(set[8+8*i:]), binary.LittleEndian.Uint32(set[12+8*i:])
		if uint64(off)+8 > uint64(len(set)) {
			continue
		}
		text, num, when := property(set[off:])
		name := ""
		switch id {
		case 2:
			name, out.Title, exif.Title = "Title", text, text
		case 3:
			name = "Subject"
		case 4:
			name, exif.Author = "Author", text
		case 5:
			name = "Keywords"
		case 6:
			name = "Comments"
		case 7:
			name = "Template"
		case 8:
			name = "LastModifiedBy"
		case 12:
			name, out.CreateDate = "CreateDate", when
		case 13:
			name, out.ModifyDate = "ModifyDate", when
		case 14:
			out.PageCount, exif.PageCount = &num, &num
		case 18:
			name, out.Creator, exif.Creator = "Software", text, text
		}
		if when != nil {
			text = when.Format("2006:01:02 15:04:05")
		}
		if name != "" && text != "" {
			kv := shape.ScanKeyVal{Key: name, Value: text}
			out.Fields, exif.Fields = append(out.Fields, kv), append(exif.Fields, kv)
		}
	}
	x.res.Fact("exiftool", out)
	x.res.Fact("exif", exif)
}

// property reads a typed value, section 2.15.
func property(b []byte) (text string, num int, when *time.Time) {
	n := binary.LittleEndian.Uint32(b[4:])
	switch binary.LittleEndian.Uint16(b) {
	case 2:
		num = int(int16(n))
	case 3:
		num = int(int32(n))
	case 30:
		v := b[8:]
		text = strings.TrimRight(ansi(v[:min(int64(n), int64(len(v)), maxLabel)]), "\x00")
	case 31:
		v := b[8:]
		text = strings.TrimRight(utf16le(v[:min(2*int64(n), int64(len(v)), maxLabel)]), "\x00")
	case 64:
		if len(b) >= 12 {
			when = FileTime(binary.LittleEndian.Uint64(b[4:]))
		}
	}
	return text, num, when
}

// FileTime converts a Windows time, 100 ns since 1601; nil for none and for
// those outside of 1980 to 2200, which are damage or durations.
func FileTime(v uint64) *time.Time {
	const epoch = 116444736000000000
	if v < epoch+3155328000000000 || v > epoch+72581184000000000 {
		return nil
	}
	t := time.Unix(int64((v-epoch)/1e7), 0).UTC()
	return &t
}
