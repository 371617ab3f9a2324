package markup

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"foregate/scan/file/internal/jsfold"
)

// page is what stands in one page.
type page struct {
	title     string
	text      strings.Builder
	scripts   []script
	elements  map[string]jsfold.Element
	links     []string
	data      []dataURL
	frames    []string // markup of frames, as srcdoc has it
	actions   []string
	refreshes []string
	spans     []string
	loose     [][]byte // long texts and attributes, in which a file may stand
	tags      []string
	spaces    []string
	docType   string
	version   string
	password  bool
	svg       bool
	foreign   bool
	handlers  int

	open     []openElement // elements with an ID that are not yet closed
	inScript *script
	inTitle  bool
	seen     map[string]bool
	drawn    *drawing // nil where nothing is drawn
	vector   *vector  // nil where no shapes are
}

// script is one script of a page.
type script struct {
	language, media string
	source          []byte
}

func (s script) isVB() bool {
	return strings.Contains(strings.ToLower(s.language+" "+s.media), "vb")
}

func (s script) encoded() bool {
	return bytes.Contains(s.source[:min(len(s.source), 256)], []byte("#@~^"))
}

func (s script) isJavaScript() bool {
	kind := strings.ToLower(strings.TrimSpace(s.media))
	switch {
	case s.isVB() || s.encoded():
		return false
	case kind == "" || kind == "module" || strings.Contains(kind, "script"):
		return true
	}
	return false
}

// dataURL is a file that stands in an address.
type dataURL struct {
	url, name string
	picture   bool
}

// openElement is an element whose text is being gathered.
type openElement struct {
	id, tag string
	depth   int
	text    *strings.Builder
}

// Bounds of what is kept of a page's elements.
const (
	minLoose    = 88       // bytes: shorter text holds no file
	maxOpen     = 16       // elements with an ID inside each other whose text is kept
	maxTextKept = 16 << 20 // bytes of text of one element
)

// read reads markup. strict reads XML, as SVG is; where that fails, what a
// browser would make of it as HTML is added.
func read(b []byte, strict bool) *page {
	p := &page{elements: map[string]jsfold.Element{}, seen: map[string]bool{}}
	if MayDraw(string(b)) {
		p.drawn = &drawing{}
	}
	if mayDrawVector(string(b)) {
		p.vector = &vector{}
	}
	if !strict || !p.xml(b) {
		p.html(b)
	}
	if p.drawn != nil {
		p.drawn.finish()
	}
	return p
}

// html reads the tokens of a page as browsers do.
func (p *page) html(b []byte) {
	z := html.NewTokenizer(bytes.NewReader(b))
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			p.closeAll()
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := string(name)
			attrs := map[string]string{}
			for more {
				var k, v []byte
				k, v, more = z.TagAttr()
				if _, have := attrs[string(k)]; !have && len(attrs) < 100 {
					attrs[string(k)] = string(v)
				}
			}
			p.start(tag, attrs)
			if kind == html.SelfClosingTagToken && p.vector != nil {
				p.vector.end(tag)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			p.end(string(name))
		case html.TextToken:
			if p.inScript != nil {
				p.chars(z.Raw())
			} else {
				p.chars(z.Text())
			}
		}
	}
}

// entity finds the entities that a document defines for itself.
var entity = regexp.MustCompile(`<!ENTITY\s+([\w.-]+)\s+["']([^"']*)["']\s*>`)

// xml reads XML as far as it is well formed; whole tells that it was.
func (p *page) xml(b []byte) (whole bool) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	d.Entity = map[string]string{}
	for _, m := range entity.FindAllSubmatch(b[:min(len(b), 1<<20)], 256) {
		d.Entity[string(m[1])] = html.UnescapeString(string(m[2]))
	}
	for {
		t, err := d.RawToken()
		if err != nil {
			p.closeAll()
			return errors.Is(err, io.EOF)
		}
		switch t := t.(type) {
		case xml.StartElement:
			attrs := map[string]string{}
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
					p.spaces = keep(p.spaces, a.Value)
					continue
				}
				attrs[strings.ToLower(a.Name.Local)] = a.Value
			}
			p.start(strings.ToLower(t.Name.Local), attrs)
		case xml.EndElement:
			p.end(strings.ToLower(t.Name.Local))
		case xml.CharData:
			p.chars(t)
		case xml.ProcInst:
			if t.Target == "xml" {
				p.version = "1.0"
			}
		case xml.Directive:
			if s := string(t); strings.HasPrefix(strings.ToUpper(s), "DOCTYPE") {
				p.docType = s[:min(len(s), 200)]
			}
		}
	}
}

func keep(list []string, s string) []string {
	if s == "" || len(list) >= maxKept || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// start reads the start of an element.
func (p *page) start(tag string, attrs map[string]string) {
	p.tags = keep(p.tags, tag)
	if p.drawn != nil {
		p.drawn.start(tag, attrs)
	}
	if p.vector != nil {
		p.vector.start(tag, attrs)
	}
	switch tag {
	case "svg":
		p.svg = p.svg || !p.seen["html"]
	case "foreignobject":
		p.foreign = true
	case "html":
		p.seen["html"] = true
	case "script":
		p.endScript()
		p.inScript = &script{language: attrs["language"], media: attrs["type"]}
	case "title":
		p.inTitle = true
	case "meta":
		if strings.EqualFold(attrs["http-equiv"], "refresh") {
			p.refresh(attrs["content"])
		}
	case "form":
		p.actions = keep(p.actions, attrs["action"])
	case "span":
		if s := attrs["style"]; s != "" && len(p.spans) < maxKept {
			p.spans = append(p.spans, s[:min(len(s), 1<<10)])
		}
	case "input", "button":
		p.input(attrs)
	}
	p.attributes(tag, attrs)
	if id := attrs["id"]; id != "" && len(p.elements) < maxElements {
		e := jsfold.Element{Tag: tag, Attrs: attrs}
		p.elements[id] = e
		if len(p.open) < maxOpen && !empty(tag) {
			p.open = append(p.open, openElement{id: id, tag: tag, text: &strings.Builder{}})
		}
	}
	for i := range p.open {
		if p.open[i].tag == tag {
			p.open[i].depth++
		}
	}
}

// empty tells elements that hold nothing.
func empty(tag string) bool {
	switch tag {
	case "input", "img", "meta", "link", "br", "hr", "embed", "area", "base", "source":
		return true
	}
	return false
}

// input looks for fields that ask for a password, under whatever type.
func (p *page) input(attrs map[string]string) {
	hint := strings.ToLower(attrs["name"] + " " + attrs["placeholder"] + " " + attrs["autocomplete"])
	if strings.EqualFold(strings.TrimSpace(attrs["type"]), "password") || strings.Contains(hint, "password") || strings.Contains(hint, "passwd") {
		p.password = true
	}
	p.actions = keep(p.actions, attrs["formaction"])
}

var refreshURL = regexp.MustCompile(`(?is)url\s*=?\s*(.+)`)

// refresh reads the content of a meta refresh: a number, then url=.
func (p *page) refresh(content string) {
	if m := refreshURL.FindStringSubmatch(content[:min(len(content), 8<<10)]); m != nil {
		u := m[1]
		p.refreshes = keep(p.refreshes, strings.Trim(u, `"' `))
	}
}

// attributes reads what every element may have: addresses, handlers, long texts.
func (p *page) attributes(tag string, attrs map[string]string) {
	for _, k := range sortedKeys(attrs) {
		v := attrs[k]
		switch {
		case strings.HasPrefix(k, "on") && len(k) > 3 && v != "":
			p.handlers++
			if len(p.scripts) < maxKept {
				p.scripts = append(p.scripts, script{source: []byte(v)})
			}
		case k == "srcdoc":
			if len(p.frames) < maxKept {
				p.frames = append(p.frames, v)
			}
		case k == "href" || k == "src" || k == "data" || k == "action" || k == "formaction" || k == "poster" || k == "background" || (k == "values" || k == "to" || k == "from") && tag != "select":
			p.address(tag, k, v, attrs)
		case len(v) >= minLoose && len(p.loose) < maxKept && k != "style" && k != "d":
			p.loose = append(p.loose, []byte(v))
		}
	}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// address reads an attribute that holds an address.
func (p *page) address(tag, key, v string, attrs map[string]string) {
	v = strings.TrimSpace(v)
	low := strings.ToLower(v[:min(len(v), 16)])
	switch {
	case strings.HasPrefix(low, "data:"):
		if len(p.data) < maxKept {
			p.data = append(p.data, dataURL{url: v, name: attrs["download"], picture: (tag == "img" || tag == "image" || tag == "source" || key == "poster") && !strings.Contains(strings.ToLower(v[:min(len(v), 64)]), "svg")})
		}
	case strings.HasPrefix(low, "javascript:"):
		p.handlers++
		if len(p.scripts) < maxKept {
			p.scripts = append(p.scripts, script{source: []byte(v[len("javascript:"):])})
		}
	case key != "data" && key != "values" && key != "to" && key != "from" || isWeb(v):
		if isWeb(v) && !harmlessSpace(v) {
			p.links = keep(p.links, v)
		}
	}
}

// harmlessSpace tells the names of formats, which are no links.
func harmlessSpace(u string) bool { return strings.HasPrefix(u, "http://www.w3.org/") }

func (p *page) end(tag string) {
	if p.drawn != nil {
		p.drawn.end(tag)
	}
	if p.vector != nil {
		p.vector.end(tag)
	}
	switch tag {
	case "script":
		p.endScript()
	case "title":
		p.inTitle = false
	}
	for i := len(p.open) - 1; i >= 0; i-- {
		o := &p.open[i]
		if o.tag != tag {
			continue
		}
		if o.depth--; o.depth <= 0 {
			p.close(o)
			p.open = slices.Delete(p.open, i, i+1)
		}
	}
}

func (p *page) close(o *openElement) {
	e := p.elements[o.id]
	e.Text = o.text.String()
	p.elements[o.id] = e
}

func (p *page) closeAll() {
	p.endScript()
	for i := range p.open {
		p.close(&p.open[i])
	}
	p.open = nil
}

func (p *page) endScript() {
	if p.inScript != nil && len(bytes.TrimSpace(p.inScript.source)) > 0 && len(p.scripts) < maxKept {
		p.inScript.source = bytes.TrimSpace(p.inScript.source)
		p.inScript.source = bytes.TrimPrefix(p.inScript.source, []byte("<![CDATA["))
		p.inScript.source = bytes.TrimSuffix(p.inScript.source, []byte("]]>"))
		p.inScript.source = bytes.TrimPrefix(p.inScript.source, []byte("<!--"))
		if p.inScript.isJavaScript() || p.inScript.isVB() || p.inScript.encoded() {
			p.scripts = append(p.scripts, *p.inScript)
		} else {
			p.loose = append(p.loose, p.inScript.source)
		}
	}
	p.inScript = nil
}

// chars reads text.
func (p *page) chars(b []byte) {
	if p.inScript != nil {
		p.inScript.source = append(p.inScript.source, b...)
		return
	}
	if p.inTitle {
		if len(p.title) < 1<<10 {
			p.title = strings.TrimSpace(p.title + string(b[:min(len(b), 1<<10)]))
		}
		return
	}
	if p.drawn != nil {
		p.drawn.chars(b)
	}
	for i := range p.open {
		if t := p.open[i].text; t.Len() < maxTextKept {
			t.Write(b)
		}
	}
	const enough = 1 << 20
	if t := bytes.TrimSpace(b); len(t) > 0 && p.text.Len() < enough {
		p.text.Write(t[:min(len(t), enough)])
		p.text.WriteByte('\n')
	}
	if len(b) >= minLoose && len(p.loose) < maxKept {
		p.loose = append(p.loose, bytes.Clone(b))
	}
}

// adopt takes over what a page written by a script adds to this one.
func (p *page) adopt(q *page) {
	for _, u := range q.links {
		p.links = keep(p.links, u)
	}
	p.password = p.password || q.password
	if p.title == "" {
		p.title = q.title
	}
	if p.text.Len() < 1<<20 {
		p.text.WriteString(q.text.String())
	}
	q.password = p.password
}
