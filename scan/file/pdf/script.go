package pdf

import (
	"bytes"
	"fmt"
	"strings"

	"foregate/scan/file/internal/jsfold"
	"foregate/scan/file/internal/payload"
	"foregate/scan/file/tree"
)

// Bounds of scripts.
const (
	maxScript  = 256 << 10 // bytes of one script
	maxScripts = 200       // scripts looked at
)

// script reports JavaScript, what its constants lead to, and keeps its text for
// rules.
func (d *doc) script(v any) {
	var code string
	if o, ok := d.content(v); ok && o.stream != nil {
		s, _ := o.val.(*dict)
		b, _, err := d.decode(s, o.stream)
		if err != nil {
			return
		}
		code = decodeText(b)
	} else if s, ok := d.resolve(v).(text); ok {
		code = decodeText(s)
	}
	d.javaScript(code, "")
}

func (d *doc) javaScript(code, where string) {
	code = code[:min(len(code), maxScript)]
	if d.locked {
		d.res.Find("file.pdf-javascript", where, "PDF %q runs JavaScript", d.in.Name)
		return
	}
	if d.seen["js"+code] || len(d.seen) > maxScripts || strings.TrimSpace(code) == "" {
		return
	}
	d.seen["js"+code] = true
	d.res.Find("file.pdf-javascript", where, "PDF %q runs JavaScript", d.in.Name)
	d.reach(code)
	d.res.Say(code)
	d.scripts = append(d.scripts, []byte(code))
}

// reach reports words by which a script reaches outside or hides its text.
func (d *doc) reach(code string) {
	low := strings.ToLower(code)
	for _, w := range []string{"exportdataobject", "launchurl", "unescape(", "eval(", "submitform", "geturl", "importdataobject", "util.printf", "collab.", "media.newplayer", "string.fromcharcode", "app.opendoc"} {
		if strings.Contains(low, w) {
			d.res.Find("file.pdf-script-reach", strings.TrimSuffix(w, "("), "the JavaScript of PDF %q reaches outside or hides its text", d.in.Name)
		}
	}
	for _, u := range compiled().url.FindAllString(code, 100) {
		d.res.Link(u)
	}
}

// fold works out what the constants of all scripts together lead to: addresses,
// code made of text, and files that they carry. They share one bound of steps.
func (d *doc) fold() {
	if len(d.scripts) == 0 {
		return
	}
	r := jsfold.Fold(d.ctx, nil, d.scripts...)
	for _, list := range [][]string{r.Goes, r.Asks, r.Loads} {
		for _, u := range list {
			if strings.Contains(u, "://") || strings.HasPrefix(u, `\\`) {
				d.res.Link(u)
				d.res.Find("file.pdf-script-reach", u, "the JavaScript of PDF %q reaches %q", d.in.Name, tree.Short(u))
			}
		}
	}
	for _, made := range r.Code {
		d.res.Find("file.script-of-text", made, "the JavaScript of PDF %q makes code of text and runs it", d.in.Name)
		d.reach(made)
		d.res.Say(made)
	}
	for _, f := range r.Files {
		if payload.Magic(f.Data) != "" {
			d.decoded(f.Name, f.Data, "file.assembled-file", "the JavaScript of PDF %q puts a file together")
		}
	}
	for _, code := range d.scripts {
		for _, f := range payload.Find(code) {
			d.decoded("", f.Data, "file.encoded-file", "the JavaScript of PDF %q carries a file as "+f.How+" text")
		}
	}
}

// decoded adds a file that a script carries, once.
func (d *doc) decoded(name string, data []byte, id, claim string) {
	key := fmt.Sprintf("file %d %.64q", len(data), data[:min(len(data), 64)])
	if d.seen[key] {
		return
	}
	d.seen[key] = true
	d.res.Find(id, fmt.Sprintf("%d bytes", len(data)), claim, d.in.Name)
	// Over the budget the child says so, and what follows fails by itself.
	_ = d.res.Add(d.in.Budget, tree.Child{Name: name, How: "decoded", Data: bytes.Clone(data)}, int64(len(d.in.Data)))
}
