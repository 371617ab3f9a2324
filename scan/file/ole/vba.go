package ole

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"foregate/scan/file/tree"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// Bounds of one VBA project.
const (
	maxModules = 256      // modules read: honest projects have dozens
	maxStream  = 16 << 20 // bytes of one stream read
	maxSource  = 1 << 20  // bytes of all source text kept
)

// Module is one module of a VBA project.
type Module struct {
	Name   string
	Stream string // path of its stream
	Source string // decompressed, without attribute lines
	Raw    string // decompressed, whole
	PCode  []byte // the compiled form before the source
	Broken string // why the source could not be read
}

// Project is a VBA project with its modules in the order of its directory.
type Project struct {
	Storage  string
	Modules  []Module
	Cache    []byte // the stream _VBA_PROJECT: identifiers of the compiled form
	Purged   bool   // the compiled form was cut out, as only tools do
	Password bool   // locked for viewing
	Broken   []string
}

// Projects reads all VBA projects of a compound file, wherever they are: also
// those in embedded documents.
func (c *Compound) Projects() []Project {
	var out []Project
	for _, e := range c.Entries {
		if e.Storage || !strings.EqualFold(e.Name, "dir") {
			continue
		}
		raw := c.Read(e, maxStream)
		dir, err := Decompress(raw)
		if len(dir) == 0 {
			continue
		}
		p := Project{Storage: parent(e.Path)}
		if err != nil {
			p.Broken = append(p.Broken, err.Error())
		}
		c.readProject(&p, dir)
		out = append(out, p)
	}
	c.strayModules(&out)
	return out
}

func parent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i]
	}
	return ""
}

// readProject reads the modules that the directory stream names ([MS-OVBA]
// section 2.3.4.2).
func (c *Compound) readProject(p *Project, dir []byte) {
	mods, dec := readDir(dir)
	if cache := c.in(p.Storage, "_VBA_PROJECT"); cache != nil {
		p.Cache = c.Read(cache, maxStream)
		p.Purged = len(p.Cache) > 0 && len(p.Cache) <= 7
	}
	if proj := c.in(parent(p.Storage), "PROJECT"); proj != nil {
		text := c.Read(proj, 1<<20)
		p.Password = bytes.Contains(text, []byte("DPB=")) && locked(text)
	}
	left := maxSource
	for _, m := range mods {
		e := c.in(p.Storage, m.Stream)
		if e == nil {
			p.Broken = append(p.Broken, fmt.Sprintf("module %q has no stream", m.Name))
			continue
		}
		mod := Module{Name: m.Name, Stream: e.Path}
		raw := c.Read(e, maxStream)
		at := int(min(m.Offset, int64(len(raw))))
		mod.PCode = raw[:at]
		src, err := Decompress(raw[at:])
		if err != nil {
			mod.Broken = err.Error()
		}
		mod.Raw = decodeWith(dec, src[:min(len(src), left)])
		left -= min(len(src), left)
		mod.Source = strip(mod.Raw)
		p.Modules = append(p.Modules, mod)
	}
}

// locked tells from the stream PROJECT whether the project has a password: the
// DPB value of an open project is short.
func locked(text []byte) bool {
	_, rest, _ := bytes.Cut(text, []byte(`DPB="`))
	val, _, ok := bytes.Cut(rest, []byte(`"`))
	return ok && len(val) > 40
}

// in returns the stream of a name directly in a storage.
func (c *Compound) in(storage, name string) *Entry {
	want := name
	if storage != "" {
		want = storage + "/" + name
	}
	for _, e := range c.Entries {
		if !e.Storage && strings.EqualFold(e.Path, want) {
			return e
		}
	}
	return nil
}

type moduleRecord struct {
	Name, Stream string
	Offset       int64
}

// readDir reads the records of a directory stream. All are id, size and data,
// but for PROJECTVERSION, whose size lies (section 2.3.4.2.1.11).
func readDir(dir []byte) ([]moduleRecord, *encoding.Decoder) {
	var mods []moduleRecord
	var dec *encoding.Decoder
	var cur *moduleRecord
	r := reader{b: dir}
	for len(r.b) >= 6 {
		id, size := r.u16(), int(min(int64(r.u32()), 1<<31-1))
		if id == 0x09 {
			size = 6
		}
		data := r.take(size)
		if r.bad {
			break
		}
		switch id {
		case 0x03:
			if len(data) >= 2 {
				dec = codePage(binary.LittleEndian.Uint16(data))
			}
		case 0x19:
			if len(mods) == maxModules {
				return mods, dec
			}
			mods = append(mods, moduleRecord{Name: decodeWith(dec, data), Stream: decodeWith(dec, data)})
			cur = &mods[len(mods)-1]
		case 0x47:
			if cur != nil && len(data) > 0 {
				cur.Name = utf16le(data)
			}
		case 0x1A:
			if cur != nil {
				cur.Stream = decodeWith(dec, data)
			}
		case 0x32:
			if cur != nil && len(data) > 0 {
				cur.Stream = utf16le(data)
			}
		case 0x31:
			if cur != nil && len(data) >= 4 {
				cur.Offset = int64(binary.LittleEndian.Uint32(data))
			}
		}
	}
	return mods, dec
}

func codePage(n uint16) *encoding.Decoder {
	name := fmt.Sprintf("windows-%d", n)
	switch n {
	case 932:
		name = "shift_jis"
	case 936:
		name = "gbk"
	case 949:
		name = "euc-kr"
	case 950:
		name = "big5"
	case 10000:
		name = "macintosh"
	case 65001:
		name = "utf-8"
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil
	}
	return e.NewDecoder()
}

func decodeWith(d *encoding.Decoder, b []byte) string {
	if d != nil {
		if out, err := d.Bytes(b); err == nil {
			return string(out)
		}
	}
	return ansi(b)
}

// strip drops the attribute lines that the editor hides.
func strip(src string) string {
	var out strings.Builder
	for line := range strings.Lines(src) {
		if !strings.HasPrefix(line, "Attribute VB_") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// strayModules finds source text that no directory names: every compressed
// module begins with the literal text "Attribut" behind its first flag byte.
func (c *Compound) strayModules(out *[]Project) {
	known := map[string]bool{}
	for _, p := range *out {
		for _, m := range p.Modules {
			known[m.Stream] = true
		}
	}
	stray := Project{}
	for _, e := range c.Entries {
		if e.Storage || known[e.Path] || e.Size > maxStream || len(stray.Modules) >= maxModules || !strings.Contains(strings.ToUpper(e.Path), "VBA") {
			continue
		}
		raw := c.Read(e, maxStream)
		at := bytes.Index(raw, []byte("\x00Attribut\x00e"))
		if at < 3 {
			continue
		}
		src, err := Decompress(raw[at-3:])
		m := Module{Name: printable(e.Name), Stream: e.Path, Raw: ansi(src[:min(len(src), maxSource/4)]), PCode: raw[:at-3]}
		if err != nil {
			m.Broken = err.Error()
		}
		m.Source = strip(m.Raw)
		stray.Modules = append(stray.Modules, m)
	}
	if len(stray.Modules) > 0 {
		stray.Broken = append(stray.Broken, "modules that the project's directory does not name")
		*out = append(*out, stray)
	}
}

// stomped returns names that the compiled form knows and the source text does
// not: someone replaced the source and left the code that runs.
func (p Project) stomped() []string {
	if len(p.Cache) < 100 {
		return nil
	}
	var src strings.Builder
	size := 0
	for _, m := range p.Modules {
		src.WriteString(strings.ToLower(m.Raw))
		size += len(m.PCode)
	}
	if size == 0 {
		return nil
	}
	text, cache := src.String(), bytes.ToLower(p.Cache)
	var out []string
	for _, w := range keywords() {
		if w.kind != autoExec && w.kind != suspicious || strings.ContainsAny(w.word, " .") || len(w.word) < 5 {
			continue
		}
		low := strings.ToLower(w.word)
		if hasIdentifier(cache, low) && !strings.Contains(text, low) {
			out = append(out, w.word)
		}
	}
	// One name alone may be left over from an edit.
	if len(out) == 1 && strings.TrimSpace(text) != "" {
		return nil
	}
	slices.Sort(out)
	return out
}

// hasIdentifier looks for a name with no letter on either side.
func hasIdentifier(b []byte, name string) bool {
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte(name))
		if i < 0 {
			return false
		}
		i += from
		end := i + len(name)
		if (i == 0 || !letter(b[i-1])) && (end == len(b) || !letter(b[end])) {
			return true
		}
		from = end
	}
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= '0' && c <= '9'
}

// reportProjects turns projects into findings and text.
func reportProjects(res *tree.Result, name string, projects []Project) (source string) {
	var all strings.Builder
	for _, p := range projects {
		for _, b := range p.Broken {
			res.Find("file.macro-damaged", b, "the macros of document %q are damaged: %s", name, b)
		}
		if p.Purged {
			res.Find("file.macro-purged", p.Storage, "the compiled form of the macros of document %q was cut out, as tools do to hide them", name)
		}
		if p.Password {
			res.Find("file.macro-locked", p.Storage, "the macros of document %q are locked with a password", name)
		}
		if names := p.stomped(); len(names) > 0 {
			q := strings.Join(names[:min(len(names), 8)], ", ")
			res.Find("file.macro-stomped", q, "the macros of document %q run compiled code that their source text does not show", name)
		}
		for _, m := range p.Modules {
			if m.Broken != "" {
				res.Find("file.macro-damaged", m.Name+": "+m.Broken, "the source of macro module %q of document %q is damaged", m.Name, name)
			}
			all.WriteString(m.Source)
			if m.Source != "" && !strings.HasSuffix(m.Source, "\n") {
				all.WriteByte('\n')
			}
		}
	}
	return all.String()
}
