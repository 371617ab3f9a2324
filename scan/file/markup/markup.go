// Package markup looks into web pages and SVG pictures that come as files: what
// their scripts put together and where they lead, without running them; files
// that stand in them as data URLs; forms that ask for passwords; and redirects.
package markup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html/charset"

	"foregate/mql/shape"
	"foregate/scan/file/internal/jsfold"
	"foregate/scan/file/internal/payload"
	"foregate/scan/file/tree"
)

// Bounds of one page.
const (
	// maxPage bounds what is read of one page: what a message may be in size.
	maxPage = 64 << 20
	// maxLayers is how often markup written by scripts is read again.
	maxLayers = 3
	// maxKept bounds each list of a page.
	maxKept = 500
	// maxElements is how many elements with an ID are kept for scripts to read.
	maxElements = 2000
)

// Parser opens web pages, SVG pictures and HTML applications.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "markup" }

// Opens implements tree.Parser.
func (Parser) Opens(in *tree.Input) bool {
	switch in.Type {
	case "html", "svg", "hta":
		return true
	case "", "xml", "php", "asp":
		return named(in) && looksMarked(in.Data)
	}
	return false
}

// named tells files that browsers open as a page by their name or media type.
func named(in *tree.Input) bool {
	name := strings.ToLower(strings.TrimRight(in.Name, ". "))
	for _, ext := range []string{".html", ".htm", ".shtml", ".xhtml", ".xht", ".svg", ".hta", ".htmlx"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	d := strings.ToLower(in.Declared)
	return strings.HasPrefix(d, "text/html") || strings.Contains(d, "svg") || strings.Contains(d, "xhtml")
}

func looksMarked(b []byte) bool {
	const enough = 64 << 10
	head := b[:min(len(b), enough)]
	return bytes.ContainsRune(head, '<') || bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff"))
}

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	if len(in.Data) > maxPage {
		return res, fmt.Errorf("%w: a page of %d bytes", tree.ErrBudget, len(in.Data))
	}
	text := decode(in.Data)
	p := read(text, in.Type == "svg" || in.Type == "xml")
	err := look(ctx, in, &res, p)
	return res, err
}

// decode makes UTF-8 of a page, by its byte order mark and what it declares.
func decode(b []byte) []byte {
	const far = 1024 // as far as browsers look for a declaration
	e, name, _ := charset.DetermineEncoding(b[:min(len(b), far)], "")
	if name == "utf-8" {
		return bytes.TrimPrefix(b, []byte("\ufeff"))
	}
	if name == "windows-1252" && !bytes.Contains(bytes.ToLower(b[:min(len(b), far)]), []byte("charset")) {
		return b // the default, which is a guess
	}
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return b
	}
	return bytes.TrimPrefix(out, []byte("\ufeff"))
}

// look tells what a page says and carries.
func look(ctx context.Context, in *tree.Input, res *tree.Result, p *page) error {
	w := &looker{ctx: ctx, in: in, res: res, name: in.Name, carried: map[[sha256.Size]byte]bool{}}
	if w.name == "" {
		w.name = "unnamed"
	}
	err := w.page(p, 0)
	w.facts(p)
	for _, u := range p.links {
		res.Link(u)
	}
	res.Say(p.text.String())
	return err
}

// looker gathers what a page and the pages written by its scripts give.
type looker struct {
	ctx     context.Context
	in      *tree.Input
	res     *tree.Result
	name    string
	carried map[[sha256.Size]byte]bool // contents that are children already
	scripts []script                   // all that were read, for the facts
	asks    []string
}

// page tells one page, and what its scripts write into it.
func (w *looker) page(p *page, layer int) error {
	if err := w.ctx.Err(); err != nil {
		return context.Cause(w.ctx)
	}
	w.scripts = append(w.scripts, p.scripts...)
	err := w.dataURLs(p)
	var sources [][]byte
	for _, s := range p.scripts {
		if s.isJavaScript() {
			sources = append(sources, s.source)
		} else if ferr := w.other(s); err == nil {
			err = ferr
		}
	}
	var r jsfold.Report
	if len(sources) > 0 {
		r = jsfold.Fold(w.ctx, p.elements, sources...)
		if ferr := w.folded(r); err == nil {
			err = ferr
		}
	}
	// What folding could not follow may still be found as it stands.
	for _, b := range append(sources, p.loose...) {
		for _, f := range payload.Find(b) {
			if ferr := w.carry(tree.Child{How: "decoded", Data: f.Data}, "file.encoded-file", "page %q carries a file as "+f.How+" text", len(f.Data)); err == nil {
				err = ferr
			}
		}
	}
	if p.drawn != nil {
		if derr := p.drawn.look(w.ctx, w.res, w.name); err == nil {
			err = derr
		}
	}
	if p.vector != nil {
		if verr := p.vector.look(w.ctx, w.res, w.name); err == nil {
			err = verr
		}
	}
	w.forms(p, r)
	w.redirects(p, r)
	w.signs(p, r)
	if layer < maxLayers {
		for _, m := range append(r.Markup, p.frames...) {
			inner := read([]byte(m), false)
			p.adopt(inner)
			if ferr := w.page(inner, layer+1); err == nil {
				err = ferr
			}
		}
	}
	return err
}

// carry adds a file once; with a claim it is found by that ID.
func (w *looker) carry(c tree.Child, id, claim string, size int) error {
	key := sha256.Sum256(c.Data)
	if len(c.Data) == 0 || w.carried[key] {
		return nil
	}
	w.carried[key] = true
	quote := c.Name
	if quote == "" {
		quote = fmt.Sprintf("%d bytes", size)
	}
	if id != "" {
		w.res.Find(id, quote, claim, w.name)
	}
	c.Data = bytes.Clone(c.Data)
	return w.res.Add(w.in.Budget, c, int64(len(w.in.Data)))
}

// folded turns what scripts put together into children and links.
func (w *looker) folded(r jsfold.Report) error {
	var err error
	for _, f := range r.Files {
		c := tree.Child{Name: f.Name, How: "decoded", Declared: f.Media, Data: f.Data}
		if f.IsDataURL() {
			var ok bool
			if c.Data, c.Declared, ok = payload.DataURL(string(f.Data)); !ok {
				continue
			}
		}
		id, claim := "file.assembled-file", "page %q puts a file together by script"
		if f.Saved {
			id, claim = "file.smuggled-file", "page %q puts a file together in its reader's browser and saves it there"
		}
		if !f.Saved && payload.Magic(c.Data) == "" {
			id = "" // the workers and styles of ordinary pages
		}
		if ferr := w.carry(c, id, claim, len(c.Data)); err == nil {
			err = ferr
		}
	}
	for _, list := range [][]string{r.Goes, r.Asks, r.Loads} {
		for _, u := range list {
			if data, media, ok := payload.DataURL(u); ok {
				if ferr := w.carry(tree.Child{How: "decoded", Declared: media, Data: data}, "file.data-url", "page %q leads to a file that stands in its own address", len(data)); err == nil {
					err = ferr
				}
				continue
			}
			if isWeb(u) {
				w.res.Link(u)
			}
		}
	}
	return err
}

func isWeb(u string) bool {
	u = strings.ToLower(strings.TrimSpace(u))
	return strings.HasPrefix(u, "http://") || strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "//") || strings.HasPrefix(u, "ftp://") || strings.HasPrefix(u, "search-ms:") || strings.HasPrefix(u, "file:")
}

// dataURLs takes out the files that stand in addresses. Pictures are what they
// usually are, and say nothing.
func (w *looker) dataURLs(p *page) error {
	var err error
	for _, d := range p.data {
		data, media, ok := payload.DataURL(d.url)
		if !ok {
			continue
		}
		id := "file.data-url"
		if d.picture || strings.HasPrefix(media, "image/") && media != "image/svg+xml" || strings.HasPrefix(media, "font/") || media == "text/css" || strings.Contains(media, "font") {
			id = ""
		}
		c := tree.Child{Name: d.name, How: "decoded", Declared: media, Data: data}
		if ferr := w.carry(c, id, "page %q carries a file in an address", len(data)); err == nil {
			err = ferr
		}
	}
	return err
}

// other hands scripts in other languages on, as files of their own.
func (w *looker) other(s script) error {
	name := "script.vbs"
	if s.encoded() {
		name = "script.vbe"
	} else if !s.isVB() {
		return nil
	}
	return w.carry(tree.Child{Name: name, How: "embedded", Data: s.source}, "", "", 0)
}

// brands are the names that forms for stealing passwords borrow most.
func brands() []string {
	return []string{"microsoft", "office 365", "office365", "outlook", "onedrive", "sharepoint", "adobe", "docusign", "google", "gmail", "dropbox", "paypal", "apple", "icloud", "amazon", "dhl", "fedex", "facebook", "instagram", "linkedin", "netflix", "webmail", "zimbra", "roundcube", "wetransfer", "proton"}
}

// forms tells forms that ask for a password, where they send it, and whose name
// they bear.
func (w *looker) forms(p *page, r jsfold.Report) {
	w.asks = append(w.asks, r.Asks...)
	if !p.password {
		return
	}
	for _, a := range append(slices.Clone(p.actions), w.asks...) {
		if isWeb(a) {
			w.res.Find("file.password-form-target", a, "page %q asks for a password and sends it to %q", w.name, tree.Short(a))
			w.res.Link(a)
		}
	}
	said := strings.ToLower(p.title + " " + p.text.String()[:min(p.text.Len(), 16<<10)])
	for _, b := range brands() {
		if strings.Contains(said, b) {
			w.res.Find("file.password-form-brand", b, "page %q asks for a password in the name of %q", w.name, b)
			return
		}
	}
}

// redirects tells where a page sends its reader without being asked.
func (w *looker) redirects(p *page, r jsfold.Report) {
	for _, u := range append(slices.Clone(p.refreshes), r.Goes...) {
		if isWeb(u) {
			w.res.Find("file.page-redirect", u, "page %q sends its reader on to %q", w.name, tree.Short(u))
			w.res.Link(u)
		}
	}
}

// signs tells what the scripts of a page do that ordinary ones seldom do.
func (w *looker) signs(p *page, r jsfold.Report) {
	for _, c := range r.Calls {
		if c.Method != "" {
			w.res.Find("file.script-command", strings.Join(append([]string{c.Object, c.Method}, c.Args...), " "), "page %q asks %q of a program of Windows", w.name, tree.Short(c.Method))
		}
	}
	for _, code := range r.Code {
		w.res.Find("file.script-of-text", code, "page %q makes code of text and runs it", w.name)
		break
	}
	if p.svg && (len(p.scripts) > 0 || p.handlers > 0) {
		w.res.Find("file.svg-script", "", "picture %q runs scripts", w.name)
	}
	if p.svg && p.foreign {
		w.res.Find("file.svg-page", "", "picture %q has a web page in it", w.name)
	}
	for _, problem := range r.Problems {
		if strings.Contains(problem, "steps") || strings.Contains(problem, "values are larger") || strings.Contains(problem, "nested or calls") {
			w.res.Find("file.script-maze", problem, "the scripts of page %q cannot be followed to their end", w.name)
		}
	}
}

// facts fills what rules see.
func (w *looker) facts(p *page) {
	h := shape.ScanHTML{Hyperlinks: p.links, Title: p.title}
	for _, style := range p.spans {
		h.Spans = append(h.Spans, shape.ScanHTMLSpan{Style: style})
	}
	var sources [][]byte
	for _, s := range w.scripts {
		h.Scripts = append(h.Scripts, shape.ScanEmbeddedHTMLScript{Language: s.language, Type: s.media})
		if s.isJavaScript() {
			sources = append(sources, s.source)
		}
	}
	if p.svg {
		w.res.Fact("xml", shape.ScanXML{Tags: p.tags, Namespaces: p.spaces, DocType: p.docType, Version: p.version})
	}
	if !p.svg || len(h.Scripts) > 0 {
		w.res.Fact("html", h)
	}
	if len(sources) > 0 {
		w.res.Fact("javascript", jsfold.Tokens(sources...))
	}
}
