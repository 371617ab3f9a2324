// Package rtf looks into Rich Text Format documents.
//
// RTF is text: groups in braces, control words behind backslashes. An embedded
// object is a group \objdata of hexadecimal digits. Word forgives almost
// anything in between, so attackers break the digits up with white space, other
// control words and nested groups; this parser reads them as Word does and says
// so when it looks made on purpose.
package rtf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"foregate/mql/shape"
	"foregate/scan/file/ole"
	"foregate/scan/file/tree"

	"golang.org/x/text/encoding/charmap"
)

// Bounds of one document.
const (
	maxGroups  = 4096     // nested groups: Word itself stops before
	maxObjects = 200      // objects taken out
	maxImages  = 100      // pictures taken out
	maxObject  = 64 << 20 // bytes of one object
	maxText    = 1 << 20  // bytes of text kept
	maxShort   = 16 << 10 // bytes of a field, a name and the like
	maxJunk    = 20       // control words inside hexadecimal digits that no program writes
	maxWord    = 32       // letters of a control word, as the specification says
)

// destination is where text goes.
type destination uint8

const (
	body destination = iota
	skip
	objData
	objClass
	field
	template
	picture
	info
)

// Parser opens RTF documents.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "rtf" }

// Opens implements tree.Parser: Word takes everything that begins with "{\rt".
func (Parser) Opens(in *tree.Input) bool {
	return bytes.HasPrefix(bytes.TrimLeft(in.Data[:min(len(in.Data), 256)], " \r\n\t\x00\xef\xbb\xbf"), []byte(`{\rt`))
}

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	p := &parser{ctx: ctx, in: in, res: &res, tools: ole.NewTools("RTF Document"), b: in.Data}
	if !bytes.HasPrefix(bytes.TrimSpace(in.Data), []byte(`{\rtf1`)) {
		res.Find("file.rtf-obfuscated", string(in.Data[:min(len(in.Data), 12)]), "document %q has a header that no program writes, to pass for something else", in.Name)
	}
	err := p.run()
	res.Say(p.text.String())
	res.Fact("oletools", p.tools)
	n := len(res.Children)
	res.Fact("rtf", &shape.ScanRTF{TotalExtracted: &n})
	if err != nil {
		return res, fmt.Errorf("reading RTF: %w", err)
	}
	return res, nil
}

// group is the state that braces save and restore.
type group struct {
	dest  destination
	kind  string // of a picture: "png", "jpg", …
	uskip int    // characters that stand for a Unicode one
}

type parser struct {
	ctx   context.Context
	in    *tree.Input
	res   *tree.Result
	tools *shape.OLETools
	b     []byte
	pos   int

	cur     group
	stack   []group
	deep    int  // groups opened beyond the bound
	star    bool // "\*" was read: an unknown word skips the group
	toSkip  int  // characters to skip after a Unicode one
	text    strings.Builder
	short   strings.Builder // a field, a name, a template
	data    []byte          // bytes of an object or picture
	half    int             // first digit of a byte, -1 is none
	junk    int             // control words inside the digits of this object
	objects int
	images  int
	class   string
	update  bool
}

// run reads the document.
func (p *parser) run() error {
	p.half, p.cur.uskip = -1, 1
	for n := 0; p.pos < len(p.b); n++ {
		if n%65536 == 0 && p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		c := p.b[p.pos]
		p.pos++
		var err error
		switch c {
		case '{':
			p.open()
		case '}':
			err = p.close()
		case '\\':
			err = p.control()
		case '\r', '\n':
		default:
			p.char(c)
		}
		if err != nil {
			return err
		}
	}
	return p.finish(p.cur) // the last group was not closed
}

func (p *parser) open() {
	if p.cur.dest == objData && len(p.data) > 0 {
		p.junk++
	}
	if len(p.stack) >= maxGroups {
		p.deep++
		return
	}
	p.stack = append(p.stack, p.cur)
	p.star = false
}

func (p *parser) close() error {
	if p.deep > 0 {
		p.deep--
		return nil
	}
	if len(p.stack) == 0 {
		return nil
	}
	old := p.cur
	p.cur = p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	p.star = false
	if old.dest != p.cur.dest {
		return p.finish(old)
	}
	return nil
}

// finish uses what a destination has gathered.
func (p *parser) finish(g group) error {
	short := strings.TrimSpace(p.short.String())
	switch g.dest {
	case objData:
		data := p.data
		p.data, p.half = nil, -1
		return p.object(data)
	case picture:
		data := p.data
		p.data, p.half = nil, -1
		return p.image(g.kind, data)
	case objClass:
		p.class = short
		p.short.Reset()
	case template:
		p.short.Reset()
		if short != "" {
			p.res.Link(short)
			ole.Relate(p.tools, "attachedTemplate", short)
			if strings.Contains(short, "://") || strings.HasPrefix(short, `\\`) {
				p.res.Find("file.remote-template", short, "document %q fetches its template from outside when it is opened", p.in.Name)
			}
		}
	case field:
		p.short.Reset()
		p.field(short)
	}
	return nil
}

func (p *parser) field(code string) {
	f, ok := ole.ReadField(code)
	if !ok {
		return
	}
	if f.DDE {
		p.res.Find("file.dde", code, "document %q starts a program through DDE: %q", p.in.Name, f.Target)
		return
	}
	p.res.Link(f.Target)
	ole.Relate(p.tools, strings.ToLower(f.Name), f.Target)
}

// control reads what follows a backslash.
func (p *parser) control() error {
	if p.pos >= len(p.b) {
		return nil
	}
	c := p.b[p.pos]
	if !letter(c) {
		p.pos++
		switch c {
		case '\'':
			if p.pos+2 <= len(p.b) {
				v, err := strconv.ParseUint(string(p.b[p.pos:p.pos+2]), 16, 8)
				if err == nil {
					p.pos += 2
					p.escaped(byte(v))
				}
			}
		case '*':
			p.star = true
		case '\\', '{', '}':
			p.char(c)
		case '~':
			p.char(' ')
		case '\r', '\n':
			p.char('\n')
		}
		return nil
	}
	start := p.pos
	for p.pos < len(p.b) && letter(p.b[p.pos]) {
		p.pos++
	}
	word := string(p.b[start:min(p.pos, start+maxWord)])
	start = p.pos
	if p.pos < len(p.b) && p.b[p.pos] == '-' {
		p.pos++
	}
	for p.pos < len(p.b) && p.b[p.pos] >= '0' && p.b[p.pos] <= '9' {
		p.pos++
	}
	num, err := strconv.Atoi(string(p.b[start:min(p.pos, start+11)]))
	hasNum := err == nil
	if p.pos < len(p.b) && p.b[p.pos] == ' ' {
		p.pos++
	}
	star := p.star
	p.star = false
	p.word(word, num, hasNum, star)
	return nil
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// word acts on a control word.
func (p *parser) word(word string, num int, hasNum, star bool) {
	if p.cur.dest == objData && word != "bin" && word != "objdata" {
		p.junk++
		if star {
			p.cur.dest = skip
		}
		return
	}
	switch word {
	case "objdata":
		p.cur.dest, p.data, p.half, p.junk = objData, nil, -1, 0
	case "object":
		p.class, p.update = "", false
	case "objclass":
		p.cur.dest = objClass
	case "objupdate":
		p.update = true
	case "objautlink", "objlink":
		p.res.Find("file.linked-object", word, "document %q links to an object outside", p.in.Name)
	case "objocx":
		p.res.Find("file.activex", word, "document %q carries an ActiveX control", p.in.Name)
	case "template":
		p.cur.dest = template
	case "fldinst":
		p.cur.dest = field
	case "fldrslt":
		p.cur.dest = body
	case "pict":
		p.cur.dest, p.cur.kind, p.data, p.half = picture, "", nil, -1
	case "pngblip":
		p.cur.kind = "png"
	case "jpegblip":
		p.cur.kind = "jpg"
	case "emfblip":
		p.cur.kind = "emf"
	case "wmetafile":
		p.cur.kind = "wmf"
	case "bin":
		p.binary(num)
	case "info":
		p.cur.dest = info
	case "fonttbl", "colortbl", "stylesheet", "listtable", "rsidtbl", "generator", "themedata", "colorschememapping", "datastore", "latentstyles", "filetbl", "revtbl", "blipuid", "objname", "objalias", "objsect", "xmlnstbl", "listoverridetable", "picprop", "nonshppict", "pnseclvl", "falt", "panose":
		if !(word == "nonshppict" && !star) {
			p.cur.dest = skip
		}
	case "par", "line", "row", "sect", "page":
		p.char('\n')
	case "tab", "cell":
		p.char('\t')
	case "uc":
		if hasNum && num >= 0 && num <= 8 {
			p.cur.uskip = num
		}
	case "u":
		p.unicode(num)
	default:
		if star && p.cur.dest != field && word != "shppict" && word != "shpinst" && word != "htmltag" {
			p.cur.dest = skip
		}
	}
}

// unicode writes a character by its number; what follows for old readers is
// skipped.
func (p *parser) unicode(num int) {
	if num < 0 {
		num += 65536
	}
	p.toSkip = 0
	p.write(string(rune(num)))
	p.toSkip = p.cur.uskip
}

// binary takes raw bytes, which may be anything.
func (p *parser) binary(n int) {
	n = max(0, min(n, len(p.b)-p.pos))
	raw := p.b[p.pos : p.pos+n]
	p.pos += n
	if (p.cur.dest == objData || p.cur.dest == picture) && len(p.data)+n <= maxObject {
		p.data = append(p.data, raw...)
	}
	if p.cur.dest == objData && n == 0 {
		p.junk++
	}
}

// char takes one character of text or one digit.
func (p *parser) char(c byte) {
	if p.cur.dest != objData && p.cur.dest != picture {
		if p.cur.dest != skip {
			p.escaped(c)
		}
		return
	}
	v := digit(c)
	if v < 0 {
		if p.cur.dest == objData && c > ' ' {
			p.junk++
		}
		return
	}
	if p.half < 0 {
		p.half = v
		return
	}
	if len(p.data) < maxObject {
		p.data = append(p.data, byte(p.half<<4|v))
	}
	p.half = -1
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// escaped takes one byte of text in the document's code page.
func (p *parser) escaped(c byte) {
	if p.cur.dest == objData {
		p.junk++
		return
	}
	if p.toSkip > 0 {
		p.toSkip--
		return
	}
	p.write(string(charmap.Windows1252.DecodeByte(c)))
}

func (p *parser) write(s string) {
	switch p.cur.dest {
	case body:
		if p.text.Len() < maxText {
			p.text.WriteString(s)
		}
	case field, template, objClass:
		if p.short.Len() < maxShort {
			p.short.WriteString(s)
		}
	}
}

// object looks into the bytes of an embedded object.
func (p *parser) object(data []byte) error {
	if p.objects++; p.objects > maxObjects || len(data) == 0 {
		return nil
	}
	if p.junk > maxJunk {
		p.res.Find("file.rtf-obfuscated", fmt.Sprintf("%d breaks", p.junk), "document %q breaks the digits of an object up, as only tools do to hide it", p.in.Name)
	}
	if p.update {
		p.res.Find("file.rtf-auto-update", p.class, "document %q loads its object without being asked", p.in.Name)
	}
	o, ok := ole.ParseObject(data)
	class := o.Class
	if class == "" {
		class = p.class
	}
	if strings.HasPrefix(strings.ToLower(class), "equation") || strings.HasPrefix(strings.ToLower(p.class), "equation") || bytes.Contains(data, []byte("\x02\xce\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")) {
		p.res.Find("file.equation-object", class, "document %q carries an object of the Equation Editor, which attackers exploit", p.in.Name)
	}
	if ok && o.Linked {
		p.res.Link(o.Topic)
		ole.Relate(p.tools, "oleObject", o.Topic)
		p.res.Find("file.linked-object", o.Topic, "document %q links to the object %q", p.in.Name, tree.Short(o.Topic))
		return nil
	}
	payload := o.Data
	if !ok || len(payload) == 0 {
		payload = data
	}
	if at := bytes.Index(data, []byte(ole.Magic)); at >= 0 {
		return p.compound(class, data[at:])
	}
	if pkg, ok := ole.ParseNative(payload); ok {
		return ole.ReportPackage(p.in, p.res, pkg)
	}
	return p.take(class, payload)
}

// compound looks into an object that is a compound file.
func (p *parser) compound(class string, data []byte) error {
	if err := p.in.Budget.Take(int64(len(data)), 0); err != nil {
		return err
	}
	before := len(p.res.Children)
	err := ole.Inspect(p.ctx, p.in, data, p.res, p.tools)
	if errors.Is(err, tree.ErrBudget) || p.ctx.Err() != nil {
		return err
	}
	if err != nil {
		p.res.Find("file.damaged-document", err.Error(), "an embedded object of document %q is damaged", p.in.Name)
	}
	if strings.EqualFold(class, "OLE2Link") {
		p.res.Find("file.remote-object", class, "document %q links to an object that Word loads when it is opened", p.in.Name)
	}
	if len(p.res.Children) == before {
		return p.take(class, data)
	}
	return nil
}

func (p *parser) take(class string, data []byte) error {
	name := fmt.Sprintf("object%d.bin", p.objects)
	if ole.RunsBy("", data) {
		p.res.Find("file.embedded-program", name, "document %q carries an embedded program %q", p.in.Name, name)
	} else {
		p.res.Find("file.embedded-file", class, "document %q carries an embedded object of class %q", p.in.Name, class)
	}
	return p.res.Add(p.in.Budget, tree.Child{Name: name, How: "embedded", Data: data}, int64(len(p.in.Data)))
}

// image takes out a picture.
func (p *parser) image(kind string, data []byte) error {
	if kind == "" || len(data) < 16 {
		return nil
	}
	if p.images++; p.images > maxImages {
		return nil
	}
	return p.res.Add(p.in.Budget, tree.Child{Name: fmt.Sprintf("image%d.%s", p.images, kind), How: "embedded", Data: data}, int64(len(p.in.Data)))
}
