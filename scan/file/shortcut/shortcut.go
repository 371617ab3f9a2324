// Package shortcut looks into the text files that open something else when they
// are clicked: Internet shortcuts (.url, .website, .webloc, .desktop), shell
// commands (.scf), Windows libraries and saved searches (.library-ms, .search-ms,
// .searchconnector-ms), ClickOnce references and manifests (.appref-ms,
// .application), Java Web Start (.jnlp), settings pages (.settingcontent-ms),
// remote desktop sessions (.rdp), and Excel's web queries and symbolic links
// (.iqy, .slk). They carry no code of their own, so nothing in them looks like an
// attack; what matters is where they lead and what they hand over.
package shortcut

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf16"

	"foregate/scan/file/tree"
)

// Bounds of one file.
const (
	maxFile  = 1 << 20 // bytes read: honest ones have some kilobytes
	maxLine  = 8 << 10 // bytes of one line
	maxLines = 20000   // lines read
)

// Parser opens shortcuts that are text.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "shortcut" }

// Opens implements tree.Parser.
func (Parser) Opens(in *tree.Input) bool { return kind(in) != "" }

// kind is the format, by content where it has a mark of its own, else by name.
func kind(in *tree.Input) string {
	switch in.Type {
	case "url", "desktop", "library-ms", "search-ms", "searchconnector-ms", "settingcontent-ms", "appref-ms", "application", "jnlp", "rdp", "iqy", "slk", "scf":
		return in.Type
	case "", "xml":
	default:
		return ""
	}
	name := strings.ToLower(strings.TrimRight(in.Name, ". "))
	switch ext := name[strings.LastIndexByte(name, '.')+1:]; ext {
	case "url", "website":
		return "url"
	case "webloc", "rdp", "scf", "iqy", "slk", "desktop", "appref-ms", "search-ms", "library-ms", "searchconnector-ms", "settingcontent-ms", "application", "jnlp":
		return ext
	}
	return ""
}

// Open implements tree.Parser.
func (Parser) Open(_ context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	r := &reader{in: in, res: &res, text: plainText(in.Data[:min(len(in.Data), maxFile)])}
	switch kind(in) {
	case "url", "scf", "desktop":
		r.settings()
	case "library-ms", "searchconnector-ms", "search-ms":
		r.search()
	case "application", "jnlp", "settingcontent-ms", "webloc":
		r.manifest()
	case "appref-ms":
		target, _, _ := strings.Cut(strings.TrimSpace(r.text), "#")
		r.installs(target)
	case "rdp":
		r.remoteDesktop()
	case "iqy":
		r.webQuery()
	case "slk":
		r.symbolicLink()
	}
	res.Say(r.text)
	return res, nil
}

// plainText makes UTF-8 of UTF-16 with a mark.
func plainText(b []byte) string {
	swap := 0
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		swap = 1
	default:
		return strings.ToValidUTF8(string(bytes.TrimPrefix(b, []byte("\ufeff"))), "\uFFFD")
	}
	b = b[2:]
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i+swap]) | uint16(b[2*i+1-swap])<<8
	}
	return string(utf16.Decode(u))
}

// reader reads one file.
type reader struct {
	in   *tree.Input
	res  *tree.Result
	text string
}

// lines calls f for each line, without the blanks around it.
func (r *reader) lines(f func(n int, line string)) {
	n := 0
	for line := range strings.Lines(r.text) {
		if n++; n > maxLines {
			return
		}
		f(n, strings.TrimSpace(line[:min(len(line), maxLine)]))
	}
}

// settings reads lines of the form "Key=value".
func (r *reader) settings() {
	r.lines(func(_ int, line string) {
		key, value, ok := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		if !ok || value == "" {
			return
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "url", "baseurl":
			r.leads(value)
		case "iconfile", "icon":
			r.icon(value)
		case "workingdirectory", "path":
			r.onServer(value, "works in a folder on a server")
		case "exec":
			r.starts(value)
		}
	})
}

// leads tells where a shortcut leads.
func (r *reader) leads(target string) {
	r.res.Link(target)
	r.res.Find("file.shortcut-target", target, "shortcut %q leads to %q", r.in.Name, tree.Short(target))
	r.onServer(target, "opens a file on a server")
	low := strings.ToLower(target)
	for _, scheme := range []string{"ms-msdt:", "search-ms:", "search:", "ms-appinstaller:", "ms-officecmd:", "javascript:", "vbscript:", "mhtml:", "x-usc:", "ms-word:", "ms-excel:"} {
		if strings.HasPrefix(low, scheme) {
			r.res.Find("file.dangerous-link", target, "shortcut %q leads to an address of the kind %q, which starts programs", r.in.Name, strings.TrimSuffix(scheme, ":"))
		}
	}
}

func (r *reader) icon(path string) {
	r.onServer(path, "fetches its icon from a server, which gets the password hash of whoever sees it")
	if strings.Contains(path, "://") {
		r.res.Link(path)
	}
}

// onServer reports a path on a file server, however it is written.
func (r *reader) onServer(path, what string) {
	low := strings.ToLower(strings.TrimSpace(path))
	if strings.HasPrefix(low, `\\`) || strings.HasPrefix(low, "//") || strings.HasPrefix(low, "file:////") || strings.HasPrefix(low, `file:\\`) ||
		strings.HasPrefix(low, "file://") && !strings.HasPrefix(low, "file:///") && !strings.HasPrefix(low, "file://localhost/") {
		r.res.Find("file.network-path", path, "shortcut %q %s", r.in.Name, what)
	}
}

// starts tells a command line.
func (r *reader) starts(command string) {
	r.res.Find("file.shortcut-target", command, "shortcut %q starts %q", r.in.Name, tree.Short(command))
	program, _, _ := strings.Cut(command, " ")
	program = strings.Trim(program, `"'`)
	base := strings.ToLower(tree.Base(strings.ReplaceAll(program, "/", `\`)))
	switch strings.TrimSuffix(base, ".exe") {
	case "cmd", "powershell", "pwsh", "mshta", "wscript", "cscript", "rundll32", "regsvr32", "msiexec", "certutil", "bitsadmin", "sh", "bash", "python", "python3", "perl", "curl", "wget", "osascript", "xterm":
		r.res.Find("file.shortcut-interpreter", command, "shortcut %q starts the command interpreter or loader %q", r.in.Name, base)
	}
	for _, u := range addresses(command) {
		r.res.Link(u)
		r.res.Find("file.shortcut-download", u, "shortcut %q reaches out to an address", r.in.Name)
	}
}

// installs tells a program that is fetched and run by one click.
func (r *reader) installs(target string) {
	if target == "" {
		return
	}
	r.res.Link(target)
	r.res.Find("file.shortcut-installs", target, "shortcut %q fetches a program from %q and starts it", r.in.Name, tree.Short(target))
	r.onServer(target, "opens a file on a server")
}

// remoteDesktop reads a session's settings, "name:type:value". A session that
// hands the reader's drives over is how whole mailboxes were stolen by one click.
func (r *reader) remoteDesktop() {
	var handed []string
	signed := false
	r.lines(func(_ int, line string) {
		f := strings.SplitN(line, ":", 3)
		if len(f) != 3 {
			return
		}
		key, value := strings.ToLower(f[0]), strings.TrimSpace(f[2])
		switch key {
		case "full address", "alternate full address", "gatewayhostname":
			if value != "" {
				r.res.Find("file.remote-desktop", value, "file %q opens a session on the computer %q", r.in.Name, tree.Short(value))
				r.res.Link(value)
			}
		case "remoteapplicationprogram", "alternate shell", "remoteapplicationcmdline":
			if value != "" {
				r.res.Find("file.shortcut-target", value, "session %q starts %q", r.in.Name, tree.Short(value))
			}
		case "drivestoredirect", "usbdevicestoredirect", "devicestoredirect":
			if value != "" {
				handed = append(handed, key)
			}
		case "redirectdrives", "redirectsmartcards", "redirectwebauthn", "redirectlocation":
			if value == "1" {
				handed = append(handed, key)
			}
		case "signature":
			signed = true
		}
	})
	if len(handed) > 0 {
		quote := strings.Join(handed, ", ")
		if signed {
			quote += "; signed"
		}
		r.res.Find("file.remote-desktop-hands-over", quote, "session %q hands drives or devices of the reader to the other computer", r.in.Name)
	}
}

// webQuery reads a query of Excel: "WEB", a version, an address.
func (r *reader) webQuery() {
	r.lines(func(n int, line string) {
		if n == 3 && line != "" {
			r.res.Link(line)
			r.res.Find("file.shortcut-target", line, "query %q fetches cells from %q into a workbook", r.in.Name, tree.Short(line))
		}
	})
}

// symbolicLink reads the formulas of a SYLK file that call programs.
func (r *reader) symbolicLink() {
	r.lines(func(_ int, line string) {
		up := strings.ToUpper(line)
		formula := ""
		if i := strings.Index(up, ";E"); i >= 0 && strings.HasPrefix(up, "C;") {
			formula = line[i+2:]
		}
		for _, f := range []string{"EXEC(", "CALL(", "REGISTER("} {
			if strings.Contains(strings.ToUpper(formula), f) {
				r.res.Find("file.macro-shell", formula, "the formulas of sheet %q call programs or libraries", r.in.Name)
			}
		}
		if i := strings.IndexByte(formula, '|'); i > 0 && strings.Contains(formula[i:], "!") {
			r.res.Find("file.dde", formula, "sheet %q starts a program through DDE: %q", r.in.Name, tree.Short(formula))
		}
		if strings.HasPrefix(up, "NN;NAUTO_OPEN") || strings.HasPrefix(up, "NN;NAUTO_CLOSE") {
			r.res.Find("file.macro-autoexec", line, "the macro sheet of %q runs by itself", r.in.Name)
		}
	})
}

// addresses finds the web addresses in a text.
func addresses(s string) []string {
	const most = 50
	var out []string
	for rest := s; len(out) < most; {
		i := strings.Index(strings.ToLower(rest), "http")
		if i < 0 {
			break
		}
		rest = rest[i:]
		end := strings.IndexAny(rest, " \t\r\n\"'<>()^|,;")
		if end < 0 {
			end = len(rest)
		}
		if u := rest[:end]; strings.Contains(u, "://") {
			out = append(out, u)
		}
		rest = rest[max(end, 4):]
	}
	return out
}
