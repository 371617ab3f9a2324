// Package ooxml looks into Office Open XML documents (ECMA-376): Word, Excel,
// PowerPoint and Visio files since 2007, and into OpenDocument files.
//
// Such a document is a zip archive of parts. What the parts mean and how they
// refer to each other is written in relationships, small XML parts under _rels.
// A relationship may point outside: that is how a document fetches its template
// or an object from an attacker's server when it is opened.
package ooxml

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"foregate/mql/shape"
	"foregate/scan/file/ole"
	"foregate/scan/file/tree"
)

// Bounds of one document.
const (
	maxParts  = 10000    // parts listed: a long presentation has some thousand
	maxXML    = 16 << 20 // bytes of one XML part read
	maxAllXML = 64 << 20 // bytes of all XML parts read
	maxMedia  = 200      // pictures taken out
	maxPart   = 64 << 20 // bytes of one part taken out
)

// Parser opens Office Open XML and OpenDocument files.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "ooxml" }

// Opens implements tree.Parser: a zip archive with the parts of a document,
// whatever its name.
func (Parser) Opens(in *tree.Input) bool {
	if !bytes.HasPrefix(in.Data, []byte("PK")) {
		return false
	}
	if bytes.Contains(in.Data, []byte("mimetype")) && bytes.Contains(in.Data, []byte("content.xml")) {
		return true
	}
	if !bytes.Contains(in.Data, []byte("[Content_Types].xml")) {
		return false
	}
	for _, dir := range []string{"word/", "xl/", "ppt/", "visio/", "word\\"} {
		if bytes.Contains(in.Data, []byte(dir)) {
			return true
		}
	}
	return false
}

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	z, err := zip.NewReader(bytes.NewReader(in.Data), int64(len(in.Data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		res.Find("file.damaged-document", err.Error(), "document %q is damaged and can't be read", in.Name)
		return res, fmt.Errorf("opening document: %w", err)
	}
	d := &document{ctx: ctx, in: in, res: &res, parts: map[string]*zip.File{}, kinds: map[string]string{}, left: maxAllXML}
	for _, f := range z.File {
		if len(d.order) == maxParts {
			break
		}
		name := strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/")
		if d.parts[name] != nil {
			res.Find("file.duplicate-part", name, "document %q has two parts of the same name, so that readers see different content", in.Name)
			continue
		}
		d.parts[name] = f
		d.order = append(d.order, name)
	}
	d.kind = d.family()
	d.tools = ole.NewTools(d.kind)
	err = d.look()
	d.facts()
	return res, err
}

// document is the look into one document.
type document struct {
	ctx   context.Context
	in    *tree.Input
	res   *tree.Result
	tools *shape.OLETools
	kind  string
	parts map[string]*zip.File
	order []string
	kinds map[string]string // kind of relationship that leads to a part
	left  int64             // bytes of XML that may still be read
	text  strings.Builder
	props properties

	images, slides int
	colors         []string
	media          int
	fields         int
}

// family names the kind of document, as rules know it.
func (d *document) family() string {
	for _, name := range d.order {
		switch {
		case strings.HasPrefix(name, "word/"):
			return "MS Word 2007+ Document"
		case strings.HasPrefix(name, "xl/"):
			return "MS Excel 2007+ Workbook"
		case strings.HasPrefix(name, "ppt/"):
			return "MS PowerPoint 2007+ Presentation"
		case strings.HasPrefix(name, "visio/"):
			return "MS Visio 2013+ Drawing"
		case name == "content.xml":
			return "OpenDocument"
		}
	}
	return "Generic Office Open XML"
}

// look reads the relationships first, since they say what the other parts are.
func (d *document) look() error {
	for _, name := range d.order {
		if !strings.HasSuffix(name, ".rels") {
			continue
		}
		b, err := d.xml(name)
		if err != nil {
			return err
		}
		d.relationships(name, b)
	}
	for _, name := range d.order {
		if d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, ".rels") {
			continue
		}
		if err := d.part(name); err != nil {
			return err
		}
	}
	return nil
}

// part looks at one part by its name, the relationship that leads to it and
// its content.
func (d *document) part(name string) error {
	low, kind := strings.ToLower(name), d.kinds[name]
	ext := path.Ext(low)
	switch {
	case kind == "aFChunk":
		return d.chunk(name)
	case strings.Contains(low, "media/") || strings.HasPrefix(low, "pictures/") || kind == "image":
		return d.picture(name)
	case strings.HasPrefix(low, "basic/") || strings.HasPrefix(low, "scripts/"):
		return d.basic(name)
	case isXML(ext) && !strings.Contains(low, "embeddings/"):
		b, err := d.xml(name)
		if err != nil {
			return err
		}
		return d.markup(name, low, b)
	case ext == ".bin" && strings.Contains(low, "printersettings"):
		return nil
	}
	return d.binary(name, low, kind)
}

func isXML(ext string) bool { return ext == ".xml" || ext == ".vml" || ext == ".rdf" }

// read unpacks a part within the budget.
func (d *document) read(name string, limit int64) ([]byte, error) {
	f := d.parts[name]
	if f.Flags&1 != 0 {
		d.res.Find("file.encrypted-document", name, "document %q has encrypted parts", d.in.Name)
		return nil, nil
	}
	r, err := f.Open()
	if err != nil {
		d.damaged(name, err)
		return nil, nil
	}
	defer r.Close()
	limit = min(limit, d.in.Budget.Bytes)
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil && !errors.Is(err, zip.ErrChecksum) {
		d.damaged(name, err)
	}
	if int64(len(b)) > limit {
		b = b[:limit]
		d.res.Find("file.damaged-document", name, "part %q of document %q is larger than is read", name, d.in.Name)
	}
	// What is unpacked to be looked at counts against the ratio of a bomb; what
	// becomes a child is charged when it is added.
	if int64(len(b)) > tree.MinRatio && int64(len(b))/max(1, int64(f.CompressedSize64)) > d.in.Budget.Ratio {
		return b, d.in.Budget.Take(int64(len(b)), int64(max(1, f.CompressedSize64)))
	}
	return b, nil
}

func (d *document) damaged(name string, err error) {
	d.res.Find("file.damaged-document", name+": "+err.Error(), "part %q of document %q is damaged", name, d.in.Name)
}

// xml unpacks an XML part, charged to the budget of the message and to that of
// the document.
func (d *document) xml(name string) ([]byte, error) {
	if d.left <= 0 {
		return nil, nil
	}
	b, err := d.read(name, min(maxXML, d.left))
	if err != nil {
		return nil, err
	}
	d.left -= int64(len(b))
	if err := d.in.Budget.Take(int64(len(b)), 0); err != nil {
		return nil, err
	}
	return toUTF8(b), nil
}

// binary looks at a part that is no XML: macros, embedded objects, and what
// does not belong here.
func (d *document) binary(name, low, kind string) error {
	b, err := d.read(name, maxPart)
	if err != nil || len(b) == 0 {
		return err
	}
	if bytes.HasPrefix(b, []byte(ole.Magic)) {
		if kind == "vbaProject" || strings.Contains(low, "vbaproject") || strings.HasSuffix(low, ".bin") {
			return d.object(name, low, b)
		}
	}
	base := path.Base(name)
	runs := ole.RunsBy(base, b)
	known := kind == "oleObject" || kind == "package" || strings.Contains(low, "embeddings/")
	switch {
	case runs:
		d.res.Find("file.embedded-program", base, "document %q carries an embedded program %q", d.in.Name, base)
	case known:
		d.res.Find("file.embedded-file", base, "document %q carries an embedded file %q", d.in.Name, base)
	case isXML(path.Ext(low)) || harmlessPart(low):
		return nil
	case strings.Contains(low, "macrosheets/"):
		d.macroSheet(name, "")
		return nil
	}
	return d.res.Add(d.in.Budget, tree.Child{Name: base, Path: name, How: "embedded", Data: b}, int64(d.parts[name].CompressedSize64))
}

// harmlessPart tells parts that every document of some kind has.
func harmlessPart(low string) bool {
	switch path.Ext(low) {
	case ".odttf", ".fntdata", ".ttf", ".sigs", ".json", ".txt", ".psmdcp", ".rels":
		return true
	}
	switch {
	case low == "mimetype", strings.HasPrefix(low, "xl/") && strings.HasSuffix(low, ".bin") && !strings.Contains(low, "macrosheets/"):
		return true
	case strings.Contains(low, "customxml/"), strings.HasPrefix(low, "thumbnails/"), strings.HasPrefix(low, "docprops/"), strings.HasPrefix(low, "configurations2/"):
		return true
	}
	return false
}

// object looks into a compound file of the document: its findings are those of
// the document, its embedded files are its children.
func (d *document) object(name, low string, b []byte) error {
	if err := d.in.Budget.Take(int64(len(b)), 0); err != nil {
		return err
	}
	before := len(d.res.Children)
	err := ole.Inspect(d.ctx, d.in, b, d.res, d.tools)
	for i := range d.res.Children[before:] {
		c := &d.res.Children[before+i]
		if c.Path == "" {
			c.Path = name
		}
	}
	switch {
	case errors.Is(err, tree.ErrBudget) || d.ctx.Err() != nil:
		return err
	case err != nil:
		d.damaged(name, err)
	}
	if strings.Contains(low, "embeddings/") && len(d.res.Children) == before {
		base := path.Base(name)
		d.res.Find("file.embedded-file", base, "document %q carries an embedded object %q", d.in.Name, base)
		return d.res.Add(d.in.Budget, tree.Child{Name: base, Path: name, How: "embedded", Data: b}, int64(d.parts[name].CompressedSize64))
	}
	return nil
}

// picture takes out an image, where codes and lures are looked for.
func (d *document) picture(name string) error {
	d.images++
	if d.media >= maxMedia {
		return nil
	}
	d.media++
	b, err := d.read(name, maxPart)
	if err != nil || len(b) == 0 {
		return err
	}
	return d.res.Add(d.in.Budget, tree.Child{Name: path.Base(name), Path: name, How: "embedded", Data: b}, int64(d.parts[name].CompressedSize64))
}

// chunk takes out a whole document of another kind that Word merges in.
func (d *document) chunk(name string) error {
	b, err := d.read(name, maxPart)
	if err != nil {
		return err
	}
	base := path.Base(name)
	d.res.Find("file.alt-chunk", name, "document %q merges in the document %q of another kind when it is opened", d.in.Name, base)
	return d.res.Add(d.in.Budget, tree.Child{Name: base, Path: name, How: "embedded", Data: b}, int64(d.parts[name].CompressedSize64))
}

// basic reads the macros of an OpenDocument file.
func (d *document) basic(name string) error {
	if strings.HasSuffix(name, "-lc.xml") || strings.HasSuffix(name, "-lb.xml") || strings.HasSuffix(name, "/script-lb.xml") {
		return nil
	}
	b, err := d.xml(name)
	if err != nil {
		return err
	}
	src := textOf(b)
	ole.ReportMacros(d.res, d.in.Name, d.tools, []ole.Project{{Storage: path.Dir(name), Modules: []ole.Module{{Name: path.Base(name), Stream: name, Source: src, Raw: src}}}})
	return nil
}

// facts puts together what rules see.
func (d *document) facts() {
	text := d.text.String()
	d.res.Say(text)
	d.res.Fact("oletools", d.tools)
	words := len(strings.Fields(text))
	p, images := d.props, d.images
	switch {
	case strings.HasPrefix(d.kind, "MS Word"):
		slices.Sort(d.colors)
		d.res.Fact("docx", &shape.ScanDocX{
			Author: p.Author, Category: p.Category, Comments: p.Comments, Created: p.Created, FontColors: slices.Compact(d.colors), ImageCount: &images,
			Keywords: p.Keywords, LastPrinted: p.Printed, Modified: p.Modified, Revision: p.Revision, Subject: p.Subject, Title: p.Title, WordCount: &words,
		})
	case strings.HasPrefix(d.kind, "MS PowerPoint"):
		slides := d.slides
		out := &shape.ScanPPTX{
			Author: p.Author, Category: p.Category, Comments: p.Comments, Created: p.Created, ImageCount: &images, Keywords: p.Keywords, LastModifiedBy: p.LastAuthor,
			LastPrinted: p.Printed, Modified: p.Modified, Revision: p.Revision, SlideCount: &slides, Subject: p.Subject, Title: p.Title, WordCount: &words,
		}
		out.URLs, out.InvalidURLs = urls(d.res.URLs)
		d.res.Fact("pptx", out)
	}
	d.exif()
}
