// Package ole looks into compound files: the documents of Office up to 2003,
// encrypted documents, and the objects embedded in documents of any kind.
//
// A compound file ([MS-CFB]) is a small file system: storages hold streams. A
// Word document is a stream WordDocument, a workbook a stream Workbook of
// records ([MS-XLS]); macros are compressed text in streams below a storage VBA
// ([MS-OVBA]); a file that somebody dragged into a document is a stream
// \x01Ole10Native that holds its name, its path on the author's machine, and
// its content. Because embedded documents are storages inside the storage, all
// streams are looked at wherever they are.
package ole

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Parser opens compound files.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "ole" }

// Opens implements tree.Parser: by content, whatever the name says.
func (Parser) Opens(in *tree.Input) bool { return bytes.HasPrefix(in.Data, []byte(Magic)) }

// Open implements tree.Parser. Outlook messages are left to their own parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	c, err := OpenCompound(ctx, in.Data)
	if err != nil {
		res.Find("file.damaged-document", err.Error(), "document %q is damaged and can't be read", in.Name)
		return res, fmt.Errorf("opening compound file: %w", err)
	}
	if c.Find("__properties_version1.0") != nil {
		return res, nil
	}
	tools := NewTools(c.format())
	err = inspect(ctx, in, c, &res, tools)
	res.Fact("oletools", tools)
	n := len(res.Children)
	res.Fact("ole", &shape.ScanOle{TotalExtracted: &n})
	return res, err
}

// Inspect looks into a compound file that is part of the document in, such as
// an embedded object of an Office Open XML file, and adds what it finds to that
// document's result.
func Inspect(ctx context.Context, in *tree.Input, data []byte, res *tree.Result, tools *shape.OLETools) error {
	c, err := OpenCompound(ctx, data)
	if err != nil {
		return fmt.Errorf("opening embedded object: %w", err)
	}
	return inspect(ctx, in, c, res, tools)
}

// Macros reads the VBA projects of a compound file that is part of a document.
func Macros(ctx context.Context, data []byte) ([]Project, error) {
	c, err := OpenCompound(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("opening macros: %w", err)
	}
	return c.Projects(), nil
}

// format names the kind of document, as rules know it.
func (c *Compound) format() string {
	for _, f := range []struct{ stream, name string }{
		{"EncryptedPackage", "Encrypted OOXML Document"}, {"WordDocument", "MS Word 97-2003 Document or Template"},
		{"Workbook", "MS Excel 97-2003 Workbook or Template"}, {"Book", "MS Excel 5.0/95 Workbook, Template or Add-in"},
		{"PowerPoint Document", "MS PowerPoint 97-2003 Presentation or Template"}, {"VisioDocument", "MS Visio Document"}, {"Quill", "MS Publisher Document"},
	} {
		if c.Find(f.stream) != nil {
			return f.name
		}
	}
	return "Unrecognized OLE file"
}

// inspection is the look into one compound file.
type inspection struct {
	ctx   context.Context
	in    *tree.Input
	c     *Compound
	res   *tree.Result
	tools *shape.OLETools
}

func inspect(ctx context.Context, in *tree.Input, c *Compound, res *tree.Result, tools *shape.OLETools) error {
	x := inspection{ctx: ctx, in: in, c: c, res: res, tools: tools}
	var failed error
	for _, e := range c.Entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		x.class(e)
		if e.Storage {
			continue
		}
		if err := x.stream(e); err != nil && failed == nil {
			failed = err
		}
		if errors.Is(failed, tree.ErrBudget) {
			break
		}
	}
	ReportMacros(res, in.Name, tools, c.Projects())
	for _, d := range c.Defects {
		res.Find("file.damaged-document", d, "document %q is damaged: %s", in.Name, d)
	}
	return failed
}

// class reports objects whose very class is an attack surface.
func (x *inspection) class(e *Entry) {
	if e.CLSID == ([16]byte{}) {
		return
	}
	reportClass(x.res, x.in.Name, ClassID(e.CLSID))
}

// ClassID writes a class identifier in the usual form.
func ClassID(id [16]byte) string {
	return fmt.Sprintf("%08X-%04X-%04X-%X-%X", binary.LittleEndian.Uint32(id[:]), binary.LittleEndian.Uint16(id[4:]), binary.LittleEndian.Uint16(id[6:]), id[8:10], id[10:])
}

func reportClass(res *tree.Result, name, id string) {
	switch strings.ToUpper(strings.Trim(id, "{}")) {
	case "0002CE02-0000-0000-C000-000000000046", "0002CE03-0000-0000-C000-000000000046", "0004A6B0-0000-0000-C000-000000000046":
		res.Find("file.equation-object", id, "document %q carries an object of the Equation Editor, which attackers exploit", name)
	case "EAB22AC3-30C1-11CF-A7EB-0000C05BAE0B":
		res.Find("file.dangerous-object", id, "document %q carries a web browser object", name)
	case "D27CDB6E-AE6D-11CF-96B8-444553540000":
		res.Find("file.dangerous-object", id, "document %q carries a Flash object", name)
	case "06290BD3-48AA-11D2-8432-006008C3FBFC", "06290BD2-48AA-11D2-8432-006008C3FBFC", "ECABB0C7-7F19-11D2-978E-0000F8757E2A", "ECABAFC6-7F19-11D2-978E-0000F8757E2A", "00000309-0000-0000-C000-000000000046":
		res.Find("file.dangerous-object", id, "document %q carries an object that runs scripts", name)
	case "BDD1F04B-858B-11D1-B16A-00C0F0283628", "996BF5E0-8044-4650-ADEB-0B013914E99C", "C74190B6-8589-11D1-B16A-00C0F0283628", "1EFB6596-857C-11D1-B16A-00C0F0283628", "DD9DA666-8594-11D1-B16A-00C0F0283628":
		res.Find("file.dangerous-object", id, "document %q carries a control of a library that attackers exploit", name)
	}
}

// stream looks at one stream by its name, which says what it holds.
func (x *inspection) stream(e *Entry) error {
	switch name := strings.ToLower(e.Name); name {
	case "\x01ole10native":
		return x.native(e)
	case "\x01ole":
		x.monikers(x.c.Read(e, maxStream))
	case "equation native":
		reportClass(x.res, x.in.Name, "0002CE02-0000-0000-C000-000000000046")
	case "package", "contents", "embeddedodf":
		return x.embedded(e)
	case "workbook", "book":
		b := x.c.Read(e, maxWorkbook)
		w := readWorkbook(x.ctx, b)
		w.report(x.res, x.in.Name, x.tools)
		if !w.Encrypted {
			x.monikers(b)
		}
	case "worddocument":
		x.word(e)
	case "powerpoint document":
		return x.slides(e)
	case "encryptedpackage":
		return x.encrypted(e)
	case "\x05summaryinformation":
		x.summary(x.c.Read(e, 1<<20))
	default:
		if strings.Contains(strings.ToLower(e.Path), "vba") {
			return nil
		}
		return x.stray(e)
	}
	return nil
}

// native takes out the file of a package object.
func (x *inspection) native(e *Entry) error {
	raw := x.c.Read(e, int64(len(x.in.Data))+maxStream)
	p, ok := ParseNative(raw)
	if !ok {
		if len(raw) > 4 {
			return x.take(tree.Child{Name: printable(e.Name) + ".bin", Path: e.Path, How: "embedded", Data: raw[4:]}, "as an OLE object")
		}
		return nil
	}
	return ReportPackage(x.in, x.res, p)
}

// ReportPackage adds the file of a package object to the document's result. It
// fails when the budget is used up.
func ReportPackage(in *tree.Input, res *tree.Result, p Package) error {
	name := p.Name()
	if p.Link {
		res.Find("file.linked-program", p.Path, "document %q links to the file %q through an OLE Package", in.Name, p.Path)
		return res.Add(in.Budget, tree.Child{Name: name, Path: p.Path, How: "linked", Problem: "only a link"}, 0)
	}
	c := tree.Child{Name: name, Path: p.Path, How: "embedded", Data: p.Data}
	if p.Cut {
		c.Problem = "shorter than declared"
		res.Find("file.damaged-document", name, "the embedded file %q of document %q is shorter than declared", name, in.Name)
	}
	if l := tree.Base(p.Label); l != "" && name != "" && !strings.EqualFold(l, name) && runs(name) && !runs(l) {
		res.Find("file.package-label", p.Label+" / "+name, "document %q shows the embedded program %q under the label %q", in.Name, name, p.Label)
	}
	reportEmbedded(res, in.Name, name, p.Data, "as an OLE Package")
	return res.Add(in.Budget, c, int64(len(in.Data)))
}

// reportEmbedded notes an embedded file: a program is worth its own finding.
func reportEmbedded(res *tree.Result, doc, name string, data []byte, how string) {
	if RunsBy(name, data) {
		res.Find("file.embedded-program", name, "document %q carries an embedded program %q %s", doc, name, how)
		return
	}
	res.Find("file.embedded-file", name, "document %q carries an embedded file %q %s", doc, name, how)
}

func (x *inspection) take(c tree.Child, how string) error {
	reportEmbedded(x.res, x.in.Name, c.Name, c.Data, how)
	return x.res.Add(x.in.Budget, c, int64(len(x.in.Data)))
}

// embedded takes out a stream that is a whole file.
func (x *inspection) embedded(e *Entry) error {
	data := x.c.Read(e, int64(len(x.in.Data)))
	if len(data) < 8 {
		return nil
	}
	name := strings.ToLower(printable(e.Name))
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		name += ".zip"
	case bytes.HasPrefix(data, []byte("%PDF")):
		name += ".pdf"
	case bytes.HasPrefix(data, []byte(Magic)):
		name += ".ole"
	case bytes.HasPrefix(data, []byte("MZ")):
		name += ".exe"
	default:
		return nil
	}
	return x.take(tree.Child{Name: name, Path: e.Path, How: "embedded", Data: data}, "as an OLE object")
}

// stray takes out programs and documents from streams of unknown names, as in
// installer packages.
func (x *inspection) stray(e *Entry) error {
	if e.Size < 512 {
		return nil
	}
	head := x.c.Read(e, 64)
	switch {
	case bytes.HasPrefix(head, []byte("MZ")):
	case bytes.HasPrefix(head, []byte("MSCF\x00\x00\x00\x00")), bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("%PDF-")), bytes.HasPrefix(head, []byte(Magic)):
	default:
		return nil
	}
	name := printable(e.Name)
	if name == "" || bytes.HasPrefix(head, []byte("MZ")) && !runs(name) {
		name = strings.TrimPrefix(name+".exe", ".")
	}
	return x.take(tree.Child{Name: name, Path: e.Path, How: "embedded", Data: x.c.Read(e, int64(len(x.in.Data)))}, "as a stream")
}

// Identifiers of monikers, [MS-OSHARED] section 2.3.7, as they lie in files.
const (
	urlMoniker  = "\xE0\xC9\xEA\x79\xF9\xBA\xCE\x11\x8C\x82\x00\xAA\x00\x4B\xA9\x0B"
	fileMoniker = "\x03\x03\x00\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46"
)

// monikers finds the addresses and files that links name.
func (x *inspection) monikers(b []byte) {
	for _, target := range Monikers(b) {
		x.res.Link(target)
		Relate(x.tools, "oleObject", target)
		low := strings.ToLower(target)
		if strings.HasPrefix(low, "script:") || strings.Contains(low, "html:http") || strings.HasSuffix(low, ".hta") || strings.HasSuffix(low, ".sct") {
			x.res.Find("file.remote-object", target, "document %q fetches and runs an object from outside", x.in.Name)
		}
	}
}

// Monikers returns the targets of URL and file monikers in a stream.
func Monikers(b []byte) []string {
	var out []string
	for rest := b; len(out) < 1000; {
		i := bytes.Index(rest, []byte(urlMoniker))
		if i < 0 {
			break
		}
		rest = rest[i+16:]
		if len(rest) < 6 {
			break
		}
		n := int(min(binary.LittleEndian.Uint32(rest), 1<<14))
		if s, _, _ := strings.Cut(utf16le(rest[4:min(4+n, len(rest))]), "\x00"); len(s) > 3 {
			out = append(out, s)
		}
	}
	for rest := b; len(out) < 1000; {
		i := bytes.Index(rest, []byte(fileMoniker))
		if i < 0 {
			break
		}
		rest = rest[i+16:]
		if len(rest) < 7 {
			break
		}
		n := int(min(binary.LittleEndian.Uint32(rest[2:]), 1<<14))
		if s, _, _ := strings.Cut(ansi(rest[6:min(6+n, len(rest))]), "\x00"); len(s) > 3 {
			out = append(out, s)
		}
	}
	return out
}

// Bounds of a presentation.
const (
	maxAtoms   = 1 << 18
	exOleStg   = 0x1011 // [MS-PPT] section 2.10.34
	maxInflate = 64 << 20
)

// slides takes out the objects of a presentation: records of compressed
// compound files.
func (x *inspection) slides(e *Entry) error {
	b := x.c.Read(e, int64(len(x.in.Data)))
	for n := 0; len(b) >= 8 && n < maxAtoms; n++ {
		if n%4096 == 0 && x.ctx.Err() != nil {
			return x.ctx.Err()
		}
		head, typ, size := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])
		b = b[8:]
		if head&0xf == 0xf && typ != exOleStg {
			continue // a container: its content follows
		}
		body := b[:min(int64(size), int64(len(b)))]
		b = b[len(body):]
		switch {
		case typ == exOleStg:
			if err := x.slideObject(body, head>>4 == 1); err != nil {
				return err
			}
		case typ == 0x0FA0: // TextCharsAtom
			x.res.Say(utf16le(body))
		case typ == 0x0FA8: // TextBytesAtom
			x.res.Say(ansi(body))
		case typ == 0x0FBA: // CString: among others the target of a link
			if s := utf16le(body[:min(len(body), 4<<10)]); strings.Contains(s, "://") {
				x.res.Link(s)
			}
		}
	}
	return nil
}

func (x *inspection) slideObject(body []byte, packed bool) error {
	if packed && len(body) > 4 {
		z, err := zlib.NewReader(bytes.NewReader(body[4:]))
		if err != nil {
			x.res.Find("file.damaged-document", err.Error(), "an embedded object of document %q can't be unpacked", x.in.Name)
			return nil
		}
		out, err := io.ReadAll(io.LimitReader(z, min(maxInflate, x.in.Budget.Bytes)))
		if err != nil && len(out) == 0 {
			return nil
		}
		if err := x.in.Budget.Take(int64(len(out)), int64(len(body))); err != nil {
			return fmt.Errorf("unpacking an embedded object: %w", err)
		}
		body = out
	}
	c, err := OpenCompound(x.ctx, body)
	if err != nil {
		return nil
	}
	return inspect(x.ctx, x.in, c, x.res, x.tools)
}

func decodeUTF16(b []byte) []rune {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return utf16.Decode(u)
}
