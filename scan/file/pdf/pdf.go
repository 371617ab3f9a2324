// Package pdf looks into PDF files (ISO 32000-1).
//
// A PDF is a set of numbered objects: dictionaries, strings, numbers and
// streams, which refer to each other by number. A table at the end says where
// they are, but readers repair files whose table is wrong, so attackers write
// wrong ones. This parser therefore reads every object that stands in the
// bytes, in every revision of the file, and looks at what they can do: open
// addresses, run scripts, start programs, carry files.
package pdf

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"foregate/mail/weburl"
	"foregate/mql/shape"
	"foregate/scan/file/ole"
	"foregate/scan/file/tree"
)

// headerArea is where readers look for the header: the first kilobyte
// (ISO 32000-1 annex H.3).
const headerArea = 1024

// Parser opens PDF files.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "pdf" }

// Opens implements tree.Parser: a header in the first kilobyte, as readers
// accept it.
func (Parser) Opens(in *tree.Input) bool {
	return bytes.Contains(in.Data[:min(len(in.Data), headerArea)], []byte("%PDF-"))
}

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	d := &doc{ctx: ctx, in: in, res: &res, latest: map[int]int{}, taken: map[int]bool{}, names: map[int]string{}, seen: map[string]bool{}}
	err := d.scan()
	if err == nil {
		d.encryption()
		err = d.unpack()
	}
	if len(d.objects) == 0 {
		d.damaged("no objects in it")
	}
	d.facts()
	if err == nil {
		err = d.look()
	}
	d.finish()
	if err != nil {
		return res, fmt.Errorf("reading PDF: %w", err)
	}
	return res, nil
}

// look examines the objects: first what they do, then what they carry, then
// what they say.
func (d *doc) look() error {
	if d.hidden {
		d.res.Find("file.pdf-obfuscated-name", "", "PDF %q writes names with escapes to hide them", d.in.Name)
	}
	for _, o := range d.objects {
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		d.walk(o.val, 0)
	}
	if d.locked {
		return nil // what follows would be noise
	}
	d.fold()
	if err := d.embedded(); err != nil {
		return err
	}
	if err := d.pictures(); err != nil {
		return err
	}
	return d.texts()
}

// walk looks for actions in a value, without following references: every object
// is walked for itself.
func (d *doc) walk(v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case array:
		for _, e := range v {
			d.walk(e, depth+1)
		}
	case *dict:
		d.dictionary(v)
		for _, k := range slices.Sorted(maps.Keys(v.m)) {
			d.walk(v.m[k], depth+1)
		}
	}
}

// dictionary reports what one dictionary does.
func (d *doc) dictionary(v *dict) {
	typ := d.resolve(v.get("Type"))
	if u := d.resolve(v.get("URI")); u != nil {
		if s, ok := u.(text); ok && !d.locked {
			d.res.Link(decodeText(s))
		}
	}
	switch d.resolve(v.get("S")) {
	case name("JavaScript"), name("Rendition"):
		if js := v.get("JS"); js != nil {
			d.script(js)
		}
	case name("Launch"):
		d.launch(v)
	case name("SubmitForm"), name("ImportData"):
		if f := d.fileName(v.get("F")); f != "" {
			d.res.Link(f)
			d.res.Find("file.pdf-submit-form", f, "PDF %q sends what is filled in to an address", d.in.Name)
		}
	case name("GoToR"), name("GoToE"):
		if f := d.fileName(v.get("F")); f != "" {
			d.remote(f)
		}
	}
	for _, key := range []string{"OpenAction", "AA"} {
		if a := v.get(key); a != nil && d.acts(a, 0) {
			d.res.Find("file.pdf-open-action", key, "PDF %q acts by itself when it is opened or touched", d.in.Name)
		}
	}
	if v.get("JS") != nil && d.resolve(v.get("S")) == nil {
		d.script(v.get("JS"))
	}
	if typ == name("Filespec") || typ == name("F") || v.get("EF") != nil {
		d.fileSpec(v)
	}
	if x := v.get("XFA"); x != nil {
		d.res.Find("file.pdf-xfa", "", "PDF %q carries an XML form, which can run scripts", d.in.Name)
		d.xfa(x)
	}
	if sub := d.resolve(v.get("Subtype")); sub == name("RichMedia") || sub == name("3D") || sub == name("Screen") && v.get("MK") == nil {
		d.res.Find("file.pdf-rich-media", fmt.Sprint(sub), "PDF %q carries media that a plug-in plays", d.in.Name)
	}
}

// maxActions bounds the dictionaries that are followed to see what they do.
const maxActions = 20000

// acts tells whether an action does more than turn a page.
func (d *doc) acts(v any, depth int) bool {
	if d.acted++; depth > 4 || d.acted > maxActions {
		return false
	}
	a, ok := d.resolve(v).(*dict)
	if !ok {
		return false
	}
	switch d.resolve(a.get("S")) {
	case name("JavaScript"), name("Launch"), name("SubmitForm"), name("ImportData"), name("GoToR"), name("GoToE"), name("URI"), name("Rendition"), name("RichMediaExecute"):
		return true
	}
	for _, next := range a.m {
		if _, plain := next.(name); !plain && d.acts(next, depth+1) {
			return true
		}
	}
	return false
}

type patterns struct{ url, script *regexp.Regexp }

var compiled = sync.OnceValue(func() patterns {
	return patterns{url: regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s"'<>()\\\x00-\x1f]{3,1000}`),
		script: regexp.MustCompile(`(?is)<script([^>]{0,200})>(.*?)</script`)}
})

// launch reports an action that starts a program.
func (d *doc) launch(v *dict) {
	what := d.fileName(v.get("F"))
	if win, ok := d.resolve(v.get("Win")).(*dict); ok {
		f, _ := d.resolve(win.get("F")).(text)
		p, _ := d.resolve(win.get("P")).(text)
		what = strings.TrimSpace(decodeText(f) + " " + decodeText(p))
	}
	d.res.Find("file.pdf-launch", what, "PDF %q starts a program: %q", d.in.Name, tree.Short(what))
}

// fileName reads a file specification: a string or a dictionary, ISO 32000-1
// section 7.11.
func (d *doc) fileName(v any) string {
	switch f := d.resolve(v).(type) {
	case text:
		return decodeText(f)
	case *dict:
		for _, key := range []string{"UF", "F", "Unix", "DOS", "Mac"} {
			if s, ok := d.resolve(f.get(key)).(text); ok && len(s) > 0 {
				return decodeText(s)
			}
		}
	}
	return ""
}

// remote reports a file on a server that the reader fetches.
func (d *doc) remote(f string) {
	if strings.HasPrefix(f, `\\`) || strings.HasPrefix(f, "//") || strings.Contains(f, "://") {
		d.res.Link(f)
		d.res.Find("file.network-path", f, "PDF %q opens a file on a server, which may get the reader's password hash", d.in.Name)
	}
}

// fileSpec notes the name of an embedded file.
func (d *doc) fileSpec(v *dict) {
	n := d.fileName(v)
	if ef, ok := d.resolve(v.get("EF")).(*dict); ok {
		for _, k := range slices.Sorted(maps.Keys(ef.m)) {
			if r, ok := ef.m[k].(ref); ok {
				d.names[r.num] = n
			}
		}
		return
	}
	d.remote(n)
}

// embedded takes out embedded files, also those that nothing names.
func (d *doc) embedded() error {
	for _, o := range d.objects {
		s, ok := o.val.(*dict)
		if !ok || o.stream == nil {
			continue
		}
		n, named := d.names[o.num]
		if !named && d.resolve(s.get("Type")) != name("EmbeddedFile") {
			continue
		}
		data, _, err := d.decode(s, o.stream)
		c := tree.Child{Name: n, Path: n, How: "embedded", Data: data}
		c.Name = tree.Base(n)
		if sub, ok := d.resolve(s.get("Subtype")).(name); ok && sub != "EmbeddedFile" {
			c.Declared = strings.ToLower(string(sub))
		}
		if err != nil {
			c.Data, c.Problem = nil, err.Error()
		} else if c.Data == nil {
			c.Data = []byte{}
		}
		label := c.Name
		if label == "" {
			label = fmt.Sprintf("object %d", o.num)
			c.Name = fmt.Sprintf("object%d", o.num)
		}
		id := "file.embedded-file"
		what := "an embedded file"
		if ole.RunsBy(c.Name, data) {
			id, what = "file.embedded-program", "an embedded program"
		}
		d.res.Find(id, label, "PDF %q carries %s %q", d.in.Name, what, label)
		if errors.Is(err, tree.ErrBudget) {
			_ = d.res.Add(d.in.Budget, tree.Child{Name: c.Name, How: "embedded", Problem: err.Error()}, 0)
			return err
		}
		// The content was charged when it was decoded; only the file counts here.
		if err := d.in.Budget.Entry(); err != nil {
			return err
		}
		d.res.Children = append(d.res.Children, c)
	}
	return nil
}

// xfa reads the packets of an XML form for addresses and scripts.
func (d *doc) xfa(v any) {
	list := d.list(v)
	if _, ok := v.(ref); ok && len(list) == 1 {
		list = array{v}
	}
	for _, e := range list {
		o, ok := d.content(e)
		s, isDict := o.val.(*dict)
		if !ok || !isDict || o.stream == nil {
			continue
		}
		b, _, err := d.decode(s, o.stream)
		if err != nil {
			continue
		}
		for _, u := range compiled().url.FindAll(b[:min(len(b), 1<<20)], 100) {
			if !bytes.Contains(u, []byte("www.xfa.org")) && !bytes.Contains(u, []byte("ns.adobe.com")) && !bytes.Contains(u, []byte("www.w3.org")) {
				d.res.Link(string(u))
			}
		}
		d.formScripts(b)
	}
}

// formScripts reads the scripts of an XML form; those in FormCalc are only told.
func (d *doc) formScripts(b []byte) {
	for _, m := range compiled().script.FindAllSubmatch(b, 64) {
		d.res.Find("file.pdf-javascript", "XFA", "the XML form of PDF %q runs scripts", d.in.Name)
		if !bytes.Contains(m[1], []byte("formcalc")) {
			d.javaScript(html.UnescapeString(string(m[2])), "XFA")
		}
	}
}

// decodeText decodes a text string: UTF-16 or UTF-8 with a mark, or
// PDFDocEncoding, which is Latin-1 but for a few signs (ISO 32000-1 section
// 7.9.2.2).
func decodeText(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		b = b[2:]
		u := make([]uint16, len(b)/2)
		for i := range u {
			u[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		return string(utf16.Decode(u))
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return strings.ToValidUTF8(string(b[3:]), "")
	}
	r := make([]rune, 0, len(b))
	for _, c := range b {
		r = append(r, rune(c))
	}
	return string(r)
}

// finish puts the links into the shape that rules see.
func (d *doc) finish() {
	out := &shape.ScanPDF{}
	for _, s := range d.res.URLs {
		if u, ok := weburl.Parse(s); ok {
			out.URLs = append(out.URLs, weburl.Unwrap(u))
		} else {
			out.InvalidURLs = append(out.InvalidURLs, s)
		}
	}
	n := len(d.res.Children)
	out.TotalExtracted = &n
	d.res.Fact("pdf", out)
}

// facts reads what the file says of itself and what it is built of.
func (d *doc) facts() {
	var kinds strings.Builder
	for i, o := range d.objects {
		s, _ := o.val.(*dict)
		if d.resolve(s.get("Type")) == name("Page") && d.latest[o.num] == i {
			d.pages++
		}
		if o.packed || d.latest[o.num] != i {
			continue
		}
		kinds.WriteString(kind(s, d) + "|")
	}
	if kinds.Len() > 0 {
		sum := md5.Sum([]byte(kinds.String()))
		d.res.Fact("pdf_obj_hash", &shape.ScanPDFObjHash{HashString: fmt.Sprintf("%.4000s", kinds.String()), ObjectHash: hex.EncodeToString(sum[:])})
	}
	d.metadata()
}

// kind names an object for the object hash: its type, else its first key.
func kind(s *dict, d *doc) string {
	if n, ok := d.resolve(s.get("Type")).(name); ok {
		return string(n)
	}
	if s != nil && s.first != "" {
		return s.first
	}
	return "None"
}

// metadata reads the information dictionary, ISO 32000-1 section 14.3.3.
func (d *doc) metadata() {
	pages := d.pages
	tool := &shape.ScanExifTool{FileType: "PDF", FileTypeExtension: "pdf", PageCount: &pages, Linearized: "No"}
	exif := &shape.Exif{PageCount: &pages}
	head := d.in.Data[:min(len(d.in.Data), headerArea)]
	if i := bytes.Index(head, []byte("%PDF-")); i >= 0 && len(head) >= i+8 {
		tool.PDFVersion = strings.TrimSpace(string(head[i+5 : i+8]))
	}
	add := func(key, val string) {
		if val != "" {
			kv := shape.ScanKeyVal{Key: key, Value: val}
			tool.Fields, exif.Fields = append(tool.Fields, kv), append(exif.Fields, kv)
		}
	}
	for _, o := range d.objects {
		if s, ok := o.val.(*dict); ok && s.get("Linearized") != nil {
			tool.Linearized = "Yes"
			break
		}
	}
	add("PDFVersion", tool.PDFVersion)
	add("Linearized", tool.Linearized)
	add("PageCount", fmt.Sprint(pages))
	for _, t := range slices.Backward(d.trailers) {
		info, ok := d.resolve(t.get("Info")).(*dict)
		if !ok {
			continue
		}
		str := func(key string) string {
			s, _ := d.resolve(info.get(key)).(text)
			return decodeText(s[:min(len(s), maxName)])
		}
		tool.Producer, tool.Creator, tool.Title = str("Producer"), str("Creator"), str("Title")
		tool.CreateDate, tool.ModifyDate = date(str("CreationDate")), date(str("ModDate"))
		exif.Producer, exif.Creator, exif.Title, exif.Author = tool.Producer, tool.Creator, tool.Title, str("Author")
		for _, kv := range [][2]string{{"Title", "Title"}, {"Author", "Author"}, {"Subject", "Subject"}, {"Keywords", "Keywords"}, {"Creator", "Creator"}, {"Producer", "Producer"}, {"CreationDate", "CreateDate"}, {"ModDate", "ModifyDate"}} {
			add(kv[1], str(kv[0]))
		}
		break
	}
	d.res.Fact("exiftool", tool)
	d.res.Fact("exif", exif)
	if d.revs > 2 {
		d.res.Find("file.pdf-revisions", fmt.Sprintf("%d revisions", d.revs), "PDF %q was changed after it was made and keeps its earlier states", d.in.Name)
	}
}

// date reads a date, ISO 32000-1 section 7.9.4: D:YYYYMMDDHHmmSSOHH'mm'.
func date(s string) *time.Time {
	s = strings.TrimPrefix(s, "D:")
	s = strings.ReplaceAll(s, "'", "")
	for _, layout := range []string{"20060102150405-0700", "20060102150405Z0000", "20060102150405Z", "20060102150405", "200601021504", "20060102"} {
		if t, err := time.Parse(layout, s); err == nil {
			return &t
		}
	}
	return nil
}
