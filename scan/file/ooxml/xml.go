package ooxml

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"foregate/mail"
	"foregate/mail/weburl"
	"foregate/mql/shape"
	"foregate/scan/file/internal/payload"
	"foregate/scan/file/ole"
	"foregate/scan/file/tree"

	"golang.org/x/text/encoding/unicode"
)

// Bounds of one part.
const (
	maxText   = 1 << 20 // bytes of text kept
	maxField  = 8 << 10 // bytes of one field instruction
	maxFields = 2000
	maxColors = 100
)

// toUTF8 converts a part that is written in UTF-16, as attackers do to pass
// scanners that read bytes.
func toUTF8(b []byte) []byte {
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		if out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(b); err == nil {
			return out
		}
	}
	return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
}

// tokens calls f for every token of an XML part; it never fails on bad XML but
// stops there.
func (d *document) tokens(b []byte, f func(t xml.Token)) {
	dec := xml.NewDecoder(bytes.NewReader(b))
	dec.Strict = false
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for n := 0; ; n++ {
		if n%1024 == 0 && d.ctx.Err() != nil {
			return
		}
		t, err := dec.RawToken()
		if err != nil {
			return
		}
		f(t)
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// relationships reads one part of relationships, ECMA-376 part 2 section 9.3.
func (d *document) relationships(name string, b []byte) {
	base := path.Dir(path.Dir(name))
	d.tokens(b, func(t xml.Token) {
		e, ok := t.(xml.StartElement)
		if !ok || !strings.EqualFold(e.Name.Local, "Relationship") {
			return
		}
		kind, target := attr(e, "Type"), attr(e, "Target")
		kind = kind[strings.LastIndexByte(kind, '/')+1:]
		if strings.EqualFold(attr(e, "TargetMode"), "External") {
			d.external(kind, target)
			return
		}
		target, _, _ = strings.Cut(target, "#")
		if u, err := url.PathUnescape(target); err == nil {
			target = u
		}
		if strings.HasPrefix(target, "/") {
			target = strings.TrimPrefix(path.Clean(target), "/")
		} else {
			target = path.Join(base, target)
		}
		d.kinds[target] = kind
	})
}

// external reports a relationship that points outside.
func (d *document) external(kind, target string) {
	target = strings.TrimSpace(target)
	if target == "" {
		return
	}
	ole.Relate(d.tools, kind, target)
	d.res.Link(target)
	low := strings.ToLower(target)
	doc := d.in.Name
	remote := strings.Contains(low, "://") && !strings.HasPrefix(low, "file:///") || strings.HasPrefix(low, "file:////") || strings.HasPrefix(low, `\\`) || strings.HasPrefix(low, "mhtml:")
	switch kind {
	case "attachedTemplate":
		if remote {
			d.res.Find("file.remote-template", target, "document %q fetches its template from outside when it is opened", doc)
		}
	case "oleObject", "package":
		if remote {
			d.res.Find("file.remote-object", target, "document %q fetches an object from outside when it is opened", doc)
		}
	case "frame", "aFChunk", "subDocument":
		if remote {
			d.res.Find("file.remote-part", target, "document %q fetches a part of itself from outside when it is opened", doc)
		}
	case "control", "activeXControlBinary", "vbaProject":
		d.res.Find("file.remote-object", target, "document %q fetches a control from outside when it is opened", doc)
	}
	judgeTarget(d, kind, target, low)
}

// judgeTarget reports targets that are dangerous whatever refers to them.
func judgeTarget(d *document, kind, target, low string) {
	for _, scheme := range []string{"ms-msdt:", "search-ms:", "mhtml:", "script:", "javascript:", "vbscript:", "ms-officecmd:", "ms-word:", "ms-excel:", "ms-powerpoint:", "x-usc:", "mk:@"} {
		if strings.HasPrefix(low, scheme) {
			d.res.Find("file.dangerous-link", target, "document %q refers to an address of the kind %q, which starts programs", d.in.Name, strings.TrimSuffix(scheme, ":"))
			return
		}
	}
	if strings.HasPrefix(low, `\\`) || strings.HasPrefix(low, "file:////") || strings.HasPrefix(low, "file://") && !strings.HasPrefix(low, "file:///") {
		if kind != "hyperlink" {
			d.res.Find("file.network-path", target, "document %q fetches from a file server, which gets the reader's password hash", d.in.Name)
		}
	}
}

// markup looks at an XML part by its place.
func (d *document) markup(name, low string, b []byte) error {
	switch {
	case low == "docprops/core.xml" || low == "docprops/app.xml" || low == "meta.xml":
		d.properties(b)
	case low == "xl/workbook.xml":
		d.workbook(b)
	case strings.HasPrefix(low, "xl/externallinks/"):
		d.ddeLink(b)
	case strings.Contains(low, "macrosheets/"):
		d.macroSheet(name, textOf(b))
	case strings.Contains(low, "activex/") || d.kinds[name] == "control":
		d.control(b)
	case strings.Contains(low, "customxml/") || low == "docprops/custom.xml" || low == "word/settings.xml" || low == "xl/sharedstrings.xml":
		// Macros read from here what they carry as text.
		d.content(b)
		return d.encoded(name, b)
	case strings.HasPrefix(low, "xl/worksheets/"):
		// cells are numbers and references into the shared strings
	case low == "meta-inf/manifest.xml":
		if bytes.Contains(b, []byte("encryption-data")) {
			ole.ReportEncrypted(d.res, d.in.Name, d.tools, "with a password")
		}
	case strings.HasPrefix(low, "word/theme") || low == "word/styles.xml" || low == "word/fonttable.xml" || low == "[content_types].xml":
	default:
		if strings.HasPrefix(low, "ppt/slides/") {
			d.slides++
		}
		d.content(b)
	}
	return nil
}

// encoded takes out files that stand in a part as text.
func (d *document) encoded(name string, b []byte) error {
	for _, f := range payload.Find(b) {
		d.res.Find("file.encoded-file", name, "document %q carries a file as "+f.How+" text in its part %q", d.in.Name, name)
		if err := d.res.Add(d.in.Budget, tree.Child{Path: name, How: "decoded", Data: bytes.Clone(f.Data)}, int64(len(b))); err != nil {
			return err
		}
	}
	return nil
}

// content reads text, fields and objects of a part. Word splits a field's
// instruction over any number of runs, and attackers do so on purpose: what
// stands between "begin" and "separate" or "end" is one instruction.
func (d *document) content(b []byte) {
	var field strings.Builder
	var inText, inField bool
	flush := func() {
		d.field(field.String())
		field.Reset()
	}
	d.tokens(b, func(t xml.Token) {
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "t", "si":
				inText = t.Name.Local == "t"
			case "instrText":
				inField = true
			case "fldChar":
				if attr(t, "fldCharType") != "begin" || field.Len() > 0 {
					flush()
				}
			case "fldSimple":
				d.field(attr(t, "instr"))
			case "OLEObject", "oleObj", "oleObject":
				d.progID(attr(t, "ProgID"))
			case "color":
				if c := attr(t, "val"); c != "" && len(d.colors) < maxColors {
					d.colors = append(d.colors, c)
				}
			case "a": // OpenDocument
				if href := attr(t, "href"); t.Name.Space == "text" && href != "" {
					d.external("hyperlink", href)
				}
			case "dde-connection-decl", "dde-source":
				d.res.Find("file.dde", attr(t, "dde-application")+" "+attr(t, "dde-topic"), "document %q starts a program through DDE: %q", d.in.Name, attr(t, "dde-application"))
			case "tab":
				d.write("\t")
			}
			if t.Name.Space == "text" && (t.Name.Local == "p" || t.Name.Local == "span" || t.Name.Local == "h") {
				inText = true
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "t":
				inText = false
			case "instrText":
				inField = false
			case "p", "br", "si", "h":
				d.write("\n")
			}
		case xml.CharData:
			if inField && field.Len() < maxField {
				field.Write(t)
			}
			if inText {
				d.write(string(t))
			}
		}
	})
	flush()
}

func (d *document) write(s string) {
	if d.text.Len() < maxText {
		d.text.WriteString(s)
	}
}

// field reports what a field instruction reaches outside for.
func (d *document) field(code string) {
	if d.fields++; code == "" || d.fields > maxFields {
		return
	}
	f, ok := ole.ReadField(code)
	if !ok {
		// The instruction may be spelled by nested QUOTE fields of numbers.
		if q := quoted(code); q != "" {
			f, ok = ole.ReadField(q)
		}
		if !ok {
			return
		}
		d.res.Find("file.obfuscated-field", code, "document %q spells a field in numbers to hide it", d.in.Name)
	}
	if f.DDE {
		d.res.Find("file.dde", code, "document %q starts a program through DDE: %q", d.in.Name, f.Target)
		return
	}
	kind := map[string]string{"HYPERLINK": "hyperlink", "INCLUDEPICTURE": "image", "LINK": "oleObject"}[f.Name]
	if kind == "" {
		kind = "subDocument"
	}
	d.external(kind, f.Target)
}

// quoted spells a QUOTE field of character numbers.
func quoted(code string) string {
	rest := strings.TrimSpace(code)
	if len(rest) < 6 || !strings.EqualFold(rest[:5], "quote") {
		return ""
	}
	var b strings.Builder
	for _, w := range strings.Fields(rest[5:]) {
		n, err := strconv.ParseUint(w, 10, 16)
		if err != nil {
			return ""
		}
		b.WriteRune(rune(n))
	}
	return b.String()
}

// progID reports objects of programs that are an attack surface.
func (d *document) progID(id string) {
	if strings.HasPrefix(strings.ToLower(id), "equation.") {
		d.res.Find("file.equation-object", id, "document %q carries an object of the Equation Editor, which attackers exploit", d.in.Name)
	}
}

// control reports an ActiveX control.
func (d *document) control(b []byte) {
	d.tokens(b, func(t xml.Token) {
		if e, ok := t.(xml.StartElement); ok {
			if id := attr(e, "classid"); id != "" {
				d.res.Find("file.activex", id, "document %q carries an ActiveX control", d.in.Name)
			}
		}
	})
}

// workbook reads the sheets and the names that run macro sheets.
func (d *document) workbook(b []byte) {
	var hidden, very []string
	d.tokens(b, func(t xml.Token) {
		e, ok := t.(xml.StartElement)
		if !ok {
			return
		}
		switch e.Name.Local {
		case "sheet":
			switch attr(e, "state") {
			case "hidden":
				hidden = append(hidden, attr(e, "name"))
			case "veryHidden":
				very = append(very, attr(e, "name"))
			}
		case "definedName":
			if n := attr(e, "name"); strings.HasPrefix(strings.ToLower(strings.TrimPrefix(n, "_xlnm.")), "auto_") {
				d.res.Find("file.macro-autoexec", n, "the macro sheet of document %q runs by itself", d.in.Name)
			}
		}
	})
	ole.ReportSheets(d.res, d.in.Name, hidden[:min(len(hidden), 100)], very[:min(len(very), 100)])
}

func (d *document) ddeLink(b []byte) {
	d.tokens(b, func(t xml.Token) {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "ddeLink" {
			cmd := attr(e, "ddeService") + " " + attr(e, "ddeTopic")
			d.res.Find("file.dde", cmd, "document %q starts a program through DDE: %q", d.in.Name, cmd)
		}
	})
}

// macroSheet reports a macro sheet of the kind of Excel 4 and what its formulas
// call.
func (d *document) macroSheet(name, formulas string) {
	d.res.Find("file.xlm-macro", name, "document %q carries a macro sheet of the kind of Excel 4", d.in.Name)
	risk := "medium"
	up := strings.ToUpper(formulas)
	for _, f := range []string{"EXEC(", "CALL(", "REGISTER(", "FOPEN(", "FWRITE("} {
		if strings.Contains(up, f) {
			risk = "high"
			d.res.Find("file.macro-shell", strings.TrimSuffix(f, "("), "the macro sheet of document %q calls programs or libraries", d.in.Name)
		}
	}
	ole.ReportXLM(d.tools, risk)
	for _, u := range ole.Read(formulas).URLs {
		d.res.Link(u)
	}
	d.res.Say(formulas)
}

// textOf returns the character data of a part, one line per element.
func textOf(b []byte) string {
	dec := xml.NewDecoder(bytes.NewReader(b))
	dec.Strict = false
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var out strings.Builder
	for out.Len() < maxText {
		t, err := dec.RawToken()
		if err != nil {
			break
		}
		if c, ok := t.(xml.CharData); ok && len(bytes.TrimSpace(c)) > 0 {
			out.Write(c)
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// properties are what a document says of itself.
type properties struct {
	Author, Category, Comments, Keywords, LastAuthor, Subject, Title, Program string
	Created, Modified, Printed                                                *time.Time
	Revision, Pages                                                           *int
	all                                                                       []shape.ScanKeyVal
}

// maxProps bounds the properties kept: the two standard parts have about 30.
const maxProps = 100

func (d *document) properties(b []byte) {
	p := &d.props
	name := ""
	d.tokens(b, func(t xml.Token) {
		switch t := t.(type) {
		case xml.StartElement:
			name = t.Name.Local
		case xml.EndElement:
			name = ""
		case xml.CharData:
			v := strings.TrimSpace(string(t[:min(len(t), maxField)]))
			if name == "" || v == "" {
				return
			}
			p.set(name, v)
		}
	})
}

func (p *properties) set(name, v string) {
	date := func() *time.Time {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
			if t, err := time.Parse(layout, v); err == nil {
				return &t
			}
		}
		return nil
	}
	number := func() *int {
		if n, err := strconv.Atoi(v); err == nil {
			return &n
		}
		return nil
	}
	key := map[string]string{
		"creator": "Creator", "initial-creator": "Creator", "lastModifiedBy": "LastModifiedBy", "title": "Title", "subject": "Subject", "description": "Description", "keywords": "Keywords",
		"category": "Category", "created": "CreateDate", "creation-date": "CreateDate", "modified": "ModifyDate", "lastPrinted": "LastPrinted", "revision": "RevisionNumber",
		"Application": "Application", "generator": "Application", "AppVersion": "AppVersion", "Company": "Company", "Manager": "Manager", "Template": "Template", "Pages": "Pages", "Slides": "Slides",
		"HyperlinkBase": "HyperlinkBase",
	}[name]
	switch name {
	case "creator", "initial-creator":
		p.Author = v
	case "lastModifiedBy":
		p.LastAuthor = v
	case "title":
		p.Title = v
	case "subject":
		p.Subject = v
	case "description":
		p.Comments = v
	case "keywords":
		p.Keywords = v
	case "category":
		p.Category = v
	case "created", "creation-date":
		p.Created = date()
	case "modified":
		p.Modified = date()
	case "lastPrinted":
		p.Printed = date()
	case "revision":
		p.Revision = number()
	case "Pages", "Slides":
		p.Pages = number()
	case "Application", "generator":
		p.Program = v
	}
	if key != "" && len(p.all) < maxProps {
		p.all = append(p.all, shape.ScanKeyVal{Key: key, Value: v})
	}
}

// exif puts the properties into the shapes of file metadata.
func (d *document) exif() {
	p := d.props
	if len(p.all) == 0 {
		return
	}
	d.res.Fact("exiftool", &shape.ScanExifTool{Title: p.Title, Creator: p.Author, CreateDate: p.Created, ModifyDate: p.Modified, PageCount: p.Pages, Fields: p.all})
	d.res.Fact("exif", &shape.Exif{Author: p.Author, Creator: p.Program, Title: p.Title, PageCount: p.Pages, Fields: p.all})
}

// urls splits links into those that parse and those that do not.
func urls(links []string) (good []mail.URL, bad []string) {
	for _, s := range links {
		if u, ok := weburl.Parse(s); ok {
			good = append(good, weburl.Unwrap(u))
		} else {
			bad = append(bad, fmt.Sprintf("%.2000s", s))
		}
	}
	return good, bad
}
