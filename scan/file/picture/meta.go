package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Bounds of metadata.
const (
	maxFields  = 200     // fields told: cameras write about 60
	maxValue   = 1 << 10 // bytes of one value
	maxEntries = 512     // entries read of one directory
	maxBlocks  = 4096    // segments or chunks walked through
)

// facts gathers what a picture says of its making.
type facts struct {
	tool *shape.ScanExifTool
	exif *shape.Exif
}

// add adds a field once.
func (f *facts) add(key, value string) {
	value = strings.TrimSpace(strings.ToValidUTF8(strings.TrimRight(value, "\x00"), ""))
	if value == "" || len(f.exif.Fields) >= maxFields {
		return
	}
	value = strings.ToValidUTF8(value[:min(len(value), maxValue)], "")
	for _, have := range f.exif.Fields {
		if have.Key == key {
			return
		}
	}
	kv := shape.ScanKeyVal{Key: key, Value: value}
	f.exif.Fields, f.tool.Fields = append(f.exif.Fields, kv), append(f.tool.Fields, kv)
	switch key {
	case "Artist", "Author":
		f.exif.Author = value
	case "Software":
		f.exif.Creator, f.tool.Creator = value, value
	case "Title", "XPTitle":
		f.exif.Title, f.tool.Title = value, value
	case "DateTimeOriginal", "CreateDate":
		f.tool.CreateDate = stamp(value)
	case "ModifyDate":
		f.tool.ModifyDate = stamp(value)
	}
}

// stamp reads a date of Exif, section 4.6.4; nil when it is none.
func stamp(s string) *time.Time {
	t, err := time.Parse("2006:01:02 15:04:05", s)
	if err != nil {
		return nil
	}
	return &t
}

func (f *facts) report(res *tree.Result) {
	res.Fact("exiftool", f.tool)
	res.Fact("exif", f.exif)
}

func (f *facts) read(k string, b []byte) {
	f.tool.FileType, f.tool.FileTypeExtension = map[string]string{"png": "PNG", "jpg": "JPEG", "gif": "GIF", "bmp": "BMP"}[k], k
	switch k {
	case "png":
		f.png(b)
	case "jpg":
		f.jpeg(b)
	}
}

// jpeg walks through the segments before the picture (ITU T.81 annex B).
func (f *facts) jpeg(b []byte) {
	for at, n := 2, 0; at+4 <= len(b) && n < maxBlocks; n++ {
		if b[at] != 0xff {
			return
		}
		mark := b[at+1]
		if mark == 0xff {
			at++
			continue
		}
		size := int(binary.BigEndian.Uint16(b[at+2:]))
		if mark == 0xda || mark == 0xd9 || size < 2 || at+2+size > len(b) {
			return
		}
		body := b[at+4 : at+2+size]
		switch {
		case mark == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			f.tiff(body[6:])
		case mark == 0xfe:
			f.add("Comment", string(body))
		}
		at += 2 + size
	}
}

// png walks through the chunks (RFC 2083 section 4).
func (f *facts) png(b []byte) {
	for at, n := 8, 0; at+12 <= len(b) && n < maxBlocks; n++ {
		size := int64(binary.BigEndian.Uint32(b[at:]))
		if size > int64(len(b)-at-12) {
			return
		}
		typ, body := string(b[at+4:at+8]), b[at+8:at+8+int(size)]
		switch typ {
		case "tEXt":
			if key, text, ok := strings.Cut(string(body), "\x00"); ok && len(key) < 80 {
				f.add(strings.ReplaceAll(key, " ", ""), text)
			}
		case "iTXt":
			// keyword, 0, compression flag and method, language, 0, keyword, 0, text
			if key, rest, ok := strings.Cut(string(body), "\x00"); ok && len(rest) > 2 && rest[0] == 0 && len(key) < 80 {
				if parts := strings.SplitN(rest[2:], "\x00", 3); len(parts) == 3 {
					f.add(strings.ReplaceAll(key, " ", ""), parts[2])
				}
			}
		case "eXIf":
			f.tiff(body)
		}
		at += 12 + int(size)
	}
}

// tagName names the fields that say who made a picture, when, where and with
// what, as ExifTool does; "" for others.
func tagName(dir string, tag uint16) string {
	if dir == "GPS" {
		return map[uint16]string{1: "GPSLatitudeRef", 2: "GPSLatitude", 3: "GPSLongitudeRef", 4: "GPSLongitude", 6: "GPSAltitude", 29: "GPSDateStamp"}[tag]
	}
	return map[uint16]string{
		0x010e: "ImageDescription", 0x010f: "Make", 0x0110: "Model", 0x0112: "Orientation", 0x0131: "Software", 0x0132: "ModifyDate", 0x013b: "Artist", 0x013c: "HostComputer",
		0x8298: "Copyright", 0x9003: "DateTimeOriginal", 0x9004: "CreateDate", 0x9c9b: "XPTitle", 0x9c9c: "XPComment", 0x9c9d: "XPAuthor", 0x9c9e: "XPKeywords", 0x9c9f: "XPSubject",
		0x9286: "UserComment", 0xa420: "ImageUniqueID", 0xa430: "OwnerName", 0xa431: "SerialNumber", 0xa434: "LensModel",
	}[tag]
}

// tiff reads the directories of Exif metadata (Exif 2.32 section 4.5). Each
// directory is read once, so that cycles end.
func (f *facts) tiff(b []byte) {
	if len(b) < 8 {
		return
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(b[:2]) == "MM" {
		order = binary.BigEndian
	}
	type dir struct {
		name string
		at   uint32
	}
	queue, seen := []dir{{"", order.Uint32(b[4:])}}, map[uint32]bool{}
	for len(queue) > 0 && len(seen) < 16 {
		d := queue[0]
		queue = queue[1:]
		if seen[d.at] || int64(d.at)+2 > int64(len(b)) {
			continue
		}
		seen[d.at] = true
		count := int(order.Uint16(b[d.at:]))
		for i := range min(count, maxEntries) {
			at := int64(d.at) + 2 + 12*int64(i)
			if at+12 > int64(len(b)) {
				break
			}
			e := b[at : at+12]
			switch tag := order.Uint16(e); tag {
			case 0x8769:
				queue = append(queue, dir{"Exif", order.Uint32(e[8:])})
			case 0x8825:
				queue = append(queue, dir{"GPS", order.Uint32(e[8:])})
			default:
				if name := tagName(d.name, tag); name != "" {
					f.add(name, value(b, e, order, name))
				}
			}
		}
	}
}

// value reads one entry's value as text; "" where it is damaged.
func value(b, e []byte, order binary.ByteOrder, name string) string {
	typ, count := order.Uint16(e[2:]), int64(order.Uint32(e[4:]))
	width := map[uint16]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8}[typ]
	if width == 0 || count <= 0 || count > int64(len(b)) {
		return ""
	}
	v := e[8:12]
	if size := width * count; size > 4 {
		at := int64(order.Uint32(v))
		if at+size > int64(len(b)) {
			return ""
		}
		v = b[at : at+size]
	} else {
		v = v[:size]
	}
	switch {
	case strings.HasPrefix(name, "XP"):
		var units []uint16
		for ; len(v) >= 2 && len(units) < maxValue; v = v[2:] {
			units = append(units, binary.LittleEndian.Uint16(v))
		}
		return string(utf16.Decode(units))
	case name == "UserComment" && len(v) > 8:
		return string(v[8:]) // an eight-byte name of the encoding stands before
	case typ == 3:
		return strconv.Itoa(int(order.Uint16(v)))
	case typ == 4:
		return strconv.FormatUint(uint64(order.Uint32(v)), 10)
	case typ == 5 || typ == 10:
		var parts []string
		for ; len(v) >= 8 && len(parts) < 3; v = v[8:] {
			if den := order.Uint32(v[4:]); den != 0 {
				parts = append(parts, strconv.FormatFloat(float64(order.Uint32(v))/float64(den), 'f', -1, 64))
			}
		}
		return strings.Join(parts, " ")
	}
	return string(v)
}

// minTrailer is the least that counts as data behind the end: writers pad.
const minTrailer = 64

// trailer finds what stands behind the end of a picture. Archives there are
// found by the parsers of archives.
func trailer(k string, in *tree.Input, res *tree.Result) error {
	b, end := in.Data, -1
	switch k {
	case "png":
		if i := bytes.Index(b, []byte("IEND\xaeB\x60\x82")); i >= 0 {
			end = i + 8
		}
	case "jpg":
		if i := bytes.LastIndex(b, []byte("\xff\xd9")); i >= 0 {
			end = i + 2
		}
	case "gif":
		end = gifEnd(b)
	}
	if end < 0 {
		return nil
	}
	index := end
	switch k {
	case "jpg":
		res.Fact("jpeg", shape.ScanJpegGif{TrailerIndex: &index})
	case "gif":
		res.Fact("gif", shape.ScanJpegGif{TrailerIndex: &index})
	}
	rest := b[end:]
	if len(bytes.Trim(rest, "\x00\r\n ")) < minTrailer {
		return nil
	}
	res.Find("file.appended-data", fmt.Sprintf("%d bytes", len(rest)), "picture %q carries data behind its end", in.Name)
	return res.Add(in.Budget, tree.Child{Name: "appended", How: "appended", Data: bytes.Clone(rest)}, int64(len(rest)))
}

// gifEnd walks through the blocks of a GIF (version 89a, sections 15 to 27)
// and returns where it ends, -1 when it does not.
func gifEnd(b []byte) int {
	if len(b) < 13 {
		return -1
	}
	at := 13
	if b[10]&0x80 != 0 {
		at += 3 << (b[10]&7 + 1)
	}
	for at < len(b) {
		switch b[at] {
		case 0x3b:
			return at + 1
		case 0x21:
			at += 2
		case 0x2c:
			if at+10 > len(b) {
				return -1
			}
			flags := b[at+9]
			at += 11 // and the size of codes
			if flags&0x80 != 0 {
				at += 3 << (flags&7 + 1)
			}
		default:
			return -1
		}
		for at < len(b) && b[at] != 0 {
			at += int(b[at]) + 1
		}
		at++
	}
	return -1
}
