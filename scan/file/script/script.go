// Package script looks into scripts that Windows runs: JScript, VBScript (both
// also encoded), Windows Script files, PowerShell and batch files. It works out
// what their constants lead to, takes out the scripts and files that they carry
// encoded, and tells what they start and fetch. Nothing is run.
package script

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"foregate/scan/file/internal/jsfold"
	"foregate/scan/file/internal/payload"
	"foregate/scan/file/tree"
)

// maxScript bounds what is read of one script, in bytes: attackers pad theirs to
// some megabytes.
const maxScript = 32 << 20

// Parser opens scripts.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "script" }

// Opens implements tree.Parser.
func (Parser) Opens(in *tree.Input) bool { return language(in) != "" }

// language tells the language of a script by its name and first bytes: "js",
// "vbs", "wsf", "ps1", "bat" or "".
func language(in *tree.Input) string {
	name := strings.ToLower(strings.TrimRight(in.Name, ". "))
	ext := name[strings.LastIndexByte(name, '.')+1:]
	switch in.Type {
	case "", "sh", "bat", "wsf", "xml", "html", "eml", "js", "vbs", "ps1":
	default:
		return ""
	}
	switch ext {
	case "js", "jse", "mjs", "cjs":
		return "js"
	case "vbs", "vbe", "vb", "bas":
		return "vbs"
	case "wsf", "wsc", "sct", "wsh":
		return "wsf"
	case "ps1", "psm1", "psd1":
		return "ps1"
	case "bat", "cmd":
		return "bat"
	}
	declared := strings.ToLower(in.Declared)
	switch {
	case in.Type == "wsf":
		return "wsf"
	case in.Type == "bat":
		return "bat"
	case in.Type != "":
		return ""
	case bytes.HasPrefix(bytes.TrimLeft(in.Data[:min(len(in.Data), 64)], "\ufeff \t\r\n"), []byte(encodedMark)):
		return "vbs"
	case strings.Contains(declared, "javascript") || strings.Contains(declared, "ecmascript"):
		return "js"
	case strings.Contains(declared, "vbscript"):
		return "vbs"
	}
	return ""
}

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	if len(in.Data) > maxScript {
		return res, fmt.Errorf("%w: a script of %d bytes", tree.ErrBudget, len(in.Data))
	}
	w := &reader{ctx: ctx, in: in, res: &res, name: in.Name}
	if w.name == "" {
		w.name = "unnamed"
	}
	lang := language(in)
	src := plainText(in.Data)
	if plain, ok := decodeEncoded(src); ok {
		res.Find("file.script-encoded", encodedMark, "script %q is encoded so that it cannot be read", w.name)
		src = plain
		if lang == "vbs" && looksLikeJS(src) {
			lang = "js"
		}
	}
	w.read(lang, src)
	res.Say(string(src[:min(len(src), 1<<20)]))
	return res, w.err
}

// reader reads one script.
type reader struct {
	ctx  context.Context
	in   *tree.Input
	res  *tree.Result
	name string
	err  error
	seen map[[sha256.Size]byte]bool // contents taken out
}

func (w *reader) read(lang string, src []byte) {
	switch lang {
	case "js":
		w.javaScript(src)
	case "vbs":
		w.visualBasic(src)
	case "ps1", "bat":
		w.shell(src)
	case "wsf":
		w.scriptFile(src)
	}
	for _, f := range payload.Find(src) {
		w.child("", f.Data, "file.encoded-file", "script %q carries a file as "+f.How+" text")
	}
	w.links(string(src))
}

// plainText makes UTF-8 of a script in UTF-16, which Windows writes.
func plainText(b []byte) []byte {
	if len(b) < 2 {
		return b
	}
	swap := 0
	switch {
	case b[0] == 0xff && b[1] == 0xfe:
	case b[0] == 0xfe && b[1] == 0xff:
		swap = 1
	default:
		return bytes.TrimPrefix(b, []byte("\ufeff"))
	}
	return utf16Text(b[2:], swap)
}

func utf16Text(b []byte, swap int) []byte {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i+swap]) | uint16(b[2*i+1-swap])<<8
	}
	return []byte(string(utf16.Decode(u)))
}

func looksLikeJS(b []byte) bool {
	head := b[:min(len(b), 4<<10)]
	return bytes.Contains(head, []byte("var ")) || bytes.Contains(head, []byte("function ")) && bytes.Contains(head, []byte("{"))
}

// first tells contents that were not met before.
func (w *reader) first(data []byte) bool {
	key := sha256.Sum256(data)
	if w.seen[key] {
		return false
	}
	if w.seen == nil {
		w.seen = map[[sha256.Size]byte]bool{}
	}
	w.seen[key] = true
	return true
}

// child adds a file that the script carries.
func (w *reader) child(name string, data []byte, id, claim string) {
	if len(data) == 0 || w.err != nil || !w.first(data) {
		return
	}
	w.res.Find(id, fmt.Sprintf("%d bytes: %.80q", len(data), data[:min(len(data), 80)]), claim, w.name)
	if err := w.res.Add(w.in.Budget, tree.Child{Name: name, How: "decoded", Data: bytes.Clone(data)}, int64(len(w.in.Data))); err != nil {
		w.err = err
	}
}

// javaScript folds a script of JScript.
func (w *reader) javaScript(src []byte) {
	r := jsfold.Fold(w.ctx, nil, src)
	w.res.Fact("javascript", jsfold.Tokens(src))
	for _, c := range r.Calls {
		w.command(c.Object, c.Method, c.Args)
	}
	for _, list := range [][]string{r.Asks, r.Goes, r.Loads} {
		for _, u := range list {
			w.links(u)
			w.fetch(u)
		}
	}
	for _, f := range r.Files {
		w.child(f.Name, f.Data, "file.assembled-file", "script %q puts a file together")
	}
	for _, code := range r.Code {
		w.res.Find("file.script-of-text", code, "script %q makes code of text and runs it", w.name)
		w.links(code)
	}
	for _, p := range r.Problems {
		if strings.Contains(p, "steps") || strings.Contains(p, "larger") {
			w.res.Find("file.script-maze", p, "script %q cannot be followed to its end", w.name)
		}
	}
}

// command tells what is asked of a program of Windows, and reads the command
// line where one is started.
func (w *reader) command(object, method string, args []string) {
	line := strings.TrimSpace(strings.Join(args, " "))
	switch strings.ToLower(method) {
	case "run", "exec", "shellexecute", "create":
		w.res.Find("file.script-command", line, "script %q starts %q", w.name, tree.Short(line))
		w.shellLine(line)
	case "savetofile", "createtextfile", "copyfile", "opentextfile":
		w.res.Find("file.script-writes", line, "script %q writes the file %q", w.name, tree.Short(line))
	case "regwrite":
		w.res.Find("file.script-registry", line, "script %q changes the registry", w.name)
	case "":
		if o := strings.ToLower(object); strings.Contains(o, "wscript.shell") || strings.Contains(o, "shell.application") || strings.Contains(o, "winmgmts") {
			w.res.Find("file.script-shell", object, "script %q can start programs by %q", w.name, tree.Short(object))
		}
	}
	w.links(line)
}

// fetch tells an address that a script asks by itself.
func (w *reader) fetch(u string) {
	if low := strings.ToLower(u); strings.HasPrefix(low, "http:") || strings.HasPrefix(low, "https:") {
		w.res.Find("file.script-download", u, "script %q asks the address %q", w.name, tree.Short(u))
	}
}

// address finds addresses in the text of a script.
var address = regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s"'<>()\[\]{}|\\^` + "`" + `]{4,900}`)

func (w *reader) links(text string) {
	const most = 200
	for _, u := range address.FindAllString(text[:min(len(text), 4<<20)], most) {
		w.res.Link(strings.TrimRight(u, ".,;"))
	}
}

// scripts finds the parts of a Windows Script file.
var scripts = regexp.MustCompile(`(?is)<script([^>]{0,500})>(.*?)</script`)

// scriptFile reads the scripts of a Windows Script file or scriptlet, each in
// its language.
func (w *reader) scriptFile(src []byte) {
	for _, m := range scripts.FindAllSubmatch(src, 64) {
		body := bytes.TrimSpace(m[2])
		body = bytes.TrimSuffix(bytes.TrimPrefix(body, []byte("<![CDATA[")), []byte("]]>"))
		if bytes.Contains(bytes.ToLower(m[1]), []byte("vb")) {
			w.visualBasic(body)
		} else {
			w.javaScript(body)
		}
	}
}

// readable tells text from binary.
func readable(b []byte) bool {
	if len(b) == 0 || !utf8.Valid(b) {
		return false
	}
	bad := 0
	for _, c := range b[:min(len(b), 1024)] {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' {
			bad++
		}
	}
	return bad == 0
}
