// Package lnk looks into Windows shortcuts ([MS-SHLLINK]).
//
// A shortcut names a program, its arguments, and an icon. Attackers send
// shortcuts that look like documents: the icon is that of a document, the
// program is a command interpreter, the arguments fetch or unpack the rest, and
// the rest may hang behind the end of the shortcut itself.
package lnk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"foregate/mql/shape"
	"foregate/scan/file/ole"
	"foregate/scan/file/tree"

	"golang.org/x/text/encoding/charmap"
)

// magic is the size of the header and the class identifier, section 2.1.
const magic = "L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46"

// Bounds of a shortcut.
const (
	maxItems  = 256     // items of the target's path
	maxBlocks = 64      // extra blocks: a dozen kinds exist
	maxArgs   = 4096    // characters of arguments that Windows passes on
	padded    = 64      // white space in a row that pushes arguments out of sight
	appendMin = 16      // bytes behind the end that are worth a look
	maxString = 1 << 16 // characters of a string: its length has 16 bits
)

// Flags of the header, section 2.1.1.
const (
	hasIDList       = 1 << 0
	hasLinkInfo     = 1 << 1
	hasName         = 1 << 2
	hasRelativePath = 1 << 3
	hasWorkingDir   = 1 << 4
	hasArguments    = 1 << 5
	hasIcon         = 1 << 6
	isUnicode       = 1 << 7
)

// Parser opens shortcuts.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "lnk" }

// Opens implements tree.Parser.
func (Parser) Opens(in *tree.Input) bool { return bytes.HasPrefix(in.Data, []byte(magic)) }

// Open implements tree.Parser.
func (Parser) Open(_ context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	l, err := read(in.Data)
	if err != nil {
		res.Find("file.damaged-document", err.Error(), "shortcut %q is damaged", in.Name)
	}
	l.report(in, &res)
	if rest := in.Data[min(l.end, len(in.Data)):]; err == nil && len(rest) >= appendMin && len(bytes.Trim(rest, "\x00")) >= appendMin {
		res.Find("file.appended-data", fmt.Sprintf("%d bytes", len(rest)), "shortcut %q carries a file behind its end", in.Name)
		if err := res.Add(in.Budget, tree.Child{Name: "appended", How: "appended", Data: bytes.Clone(bytes.TrimLeft(rest, "\x00"))}, int64(len(in.Data))); err != nil {
			return res, err
		}
	}
	if err != nil {
		return res, fmt.Errorf("reading shortcut: %w", err)
	}
	return res, nil
}

// link is what a shortcut says.
type link struct {
	flags                            uint32
	created, accessed, written       *time.Time
	size, show, icon, hotkey         int
	items                            []string // names of the target's path
	local, network, suffix           string
	driveType, serial, label         string
	name, relative, dir, args, where string // string data; where is the icon's file
	env, iconEnv                     string
	machine, mac                     string
	end                              int
}

type reader struct {
	b   []byte
	pos int
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || r.pos+n > len(r.b) {
		r.bad, r.pos = true, len(r.b)
		return nil
	}
	v := r.b[r.pos : r.pos+n]
	r.pos += n
	return v
}

func (r *reader) u16() int {
	if v := r.take(2); v != nil {
		return int(binary.LittleEndian.Uint16(v))
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

var errCut = errors.New("cut short")

// read reads a shortcut; what was read before an error stands.
func read(b []byte) (link, error) {
	var l link
	if len(b) < 76 {
		return l, errCut
	}
	le := binary.LittleEndian
	l.flags = le.Uint32(b[20:])
	l.created, l.accessed, l.written = ole.FileTime(le.Uint64(b[28:])), ole.FileTime(le.Uint64(b[36:])), ole.FileTime(le.Uint64(b[44:]))
	l.size, l.icon, l.show, l.hotkey = int(le.Uint32(b[52:])), int(int32(le.Uint32(b[56:]))), int(le.Uint32(b[60:])), int(le.Uint16(b[64:]))
	r := &reader{b: b, pos: 76}
	if l.flags&hasIDList != 0 {
		n := r.u16()
		l.items = idList(r.take(n))
	}
	if l.flags&hasLinkInfo != 0 {
		n := r.u32()
		r.pos -= 4
		l.info(r.take(int(min(n, 1<<24))))
	}
	for _, s := range []struct {
		flag uint32
		to   *string
	}{{hasName, &l.name}, {hasRelativePath, &l.relative}, {hasWorkingDir, &l.dir}, {hasArguments, &l.args}, {hasIcon, &l.where}} {
		if l.flags&s.flag == 0 {
			continue
		}
		n := min(r.u16(), maxString)
		if l.flags&isUnicode != 0 {
			*s.to = wide(r.take(2 * n))
		} else {
			*s.to = ansi(r.take(n))
		}
	}
	if r.bad {
		l.end = len(b)
		return l, errCut
	}
	l.blocks(r)
	l.end = r.pos
	return l, nil
}

// idList reads the names in the items of a path, section 2.2. Items of the
// shell are not published; names stand in them as text.
func idList(b []byte) []string {
	var out []string
	for len(b) >= 2 && len(out) < maxItems {
		n := int(binary.LittleEndian.Uint16(b))
		if n < 3 || n > len(b) {
			break
		}
		item := b[2:n]
		b = b[n:]
		switch kind := item[0] & 0x70; {
		case kind == 0x20 && len(item) > 3: // a volume: "C:\"
			out = append(out, strings.TrimRight(ansi(cut(item[1:])), `\`))
		case kind == 0x30 && len(item) > 12: // a file or folder; the long name stands behind
			name := ansi(cut(item[12:]))
			if long := longName(item); long != "" {
				name = long
			}
			out = append(out, name)
		case kind == 0x60 && len(item) > 6: // an address
			if i := bytes.Index(item, []byte("h\x00t\x00t\x00p")); i >= 0 {
				out = append(out, wide(cutWide(item[i:])))
			} else if i := bytes.Index(item, []byte("http")); i >= 0 {
				out = append(out, ansi(cut(item[i:])))
			}
		}
	}
	return out
}

// longName finds the Unicode name in the extension block of a file item.
func longName(item []byte) string {
	i := bytes.Index(item, []byte("\x04\x00\xef\xbe"))
	if i < 4 {
		return ""
	}
	version := binary.LittleEndian.Uint16(item[i-2:])
	at := i + 4 + 8 + 2
	if version >= 7 {
		at += 18
	}
	if version >= 3 {
		at += 2
	}
	if version >= 8 {
		at += 4
	}
	if version >= 9 {
		at += 4
	}
	if at >= len(item) {
		return ""
	}
	return wide(cutWide(item[at:]))
}

func cut(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

func cutWide(b []byte) []byte {
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return b[:i]
		}
	}
	return b[:len(b)/2*2]
}

func wide(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return strings.TrimRight(string(utf16.Decode(u)), "\x00")
}

func ansi(b []byte) string {
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return strings.TrimRight(string(out), "\x00")
}

// info reads a LinkInfo, section 2.3.
func (l *link) info(b []byte) {
	if len(b) < 28 {
		return
	}
	le := binary.LittleEndian
	at := func(off int) []byte {
		if n := int(le.Uint32(b[off:])); n >= 28 && n < len(b) {
			return b[n:]
		}
		return nil
	}
	flags := le.Uint32(b[8:])
	if flags&1 != 0 {
		if v := at(12); len(v) >= 16 {
			l.driveType = driveType(le.Uint32(v[4:]))
			s := le.Uint32(v[8:])
			l.serial = fmt.Sprintf("%04X-%04X", s>>16, s&0xffff)
			if n := int(le.Uint32(v[12:])); n >= 16 && n < len(v) {
				l.label = ansi(cut(v[n:]))
			}
		}
		l.local = ansi(cut(at(16)))
	}
	if flags&2 != 0 {
		if v := at(20); len(v) >= 20 {
			if n := int(le.Uint32(v[8:])); n >= 20 && n < len(v) {
				l.network = ansi(cut(v[n:]))
			}
		}
	}
	l.suffix = ansi(cut(at(24)))
	if le.Uint32(b[4:]) >= 0x24 && len(b) >= 36 {
		if v := at(28); v != nil {
			l.local = wide(cutWide(v))
		}
	}
}

func driveType(n uint32) string {
	names := []string{"Unknown", "Invalid Root Path", "Removable Media", "Fixed Disk", "Remote Drive", "CD-ROM", "Ram Disk"}
	if int64(n) < int64(len(names)) {
		return names[n]
	}
	return "Unknown"
}

// blocks reads the extra data, section 2.5.
func (l *link) blocks(r *reader) {
	for range maxBlocks {
		if r.pos+4 > len(r.b) {
			return
		}
		n := int(min(binary.LittleEndian.Uint32(r.b[r.pos:]), 1<<24))
		if n < 4 {
			r.pos += 4 // the terminal block
			return
		}
		if r.pos+n > len(r.b) || n < 8 {
			return
		}
		b := r.take(n)
		switch binary.LittleEndian.Uint32(b[4:]) {
		case 0xA0000001:
			l.env = target(b)
		case 0xA0000007:
			l.iconEnv = target(b)
		case 0xA0000003:
			if len(b) >= 0x60 {
				l.machine = ansi(cut(b[16:32]))
				node := b[32+16+10 : 32+32]
				l.mac = fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", node[0], node[1], node[2], node[3], node[4], node[5])
			}
		}
	}
}

// target reads the two forms of a path in an environment block.
func target(b []byte) string {
	if len(b) >= 0x314 {
		if s := wide(cutWide(b[268:788])); s != "" {
			return s
		}
	}
	return ansi(cut(b[8:min(len(b), 268)]))
}

// program is what the shortcut starts.
func (l *link) program() string {
	for _, s := range []string{l.local + l.suffix, l.env, l.network} {
		if s != "" {
			return s
		}
	}
	if len(l.items) > 0 {
		return strings.Join(l.items, `\`)
	}
	return l.relative
}

var address = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s"'<>()^|\x00-\x1f]{3,1000}`)
})

// interpreters are the programs that attackers' shortcuts start.
func interpreters() []string {
	return []string{"cmd", "powershell", "pwsh", "mshta", "wscript", "cscript", "rundll32", "regsvr32", "certutil", "bitsadmin", "msiexec", "explorer", "forfiles", "conhost", "wmic", "curl", "ftp", "ssh", "schtasks", "msbuild", "installutil", "pcalua", "hh", "python", "node", "odbcconf", "scp", "sftp", "finger", "tar"}
}

// report turns a shortcut into findings and facts.
func (l *link) report(in *tree.Input, res *tree.Result) {
	prog := l.program()
	base := strings.ToLower(strings.TrimSuffix(tree.Base(strings.ReplaceAll(strings.TrimSpace(prog), "/", `\`)), ".exe"))
	if i := strings.LastIndex(base, "."); i > 0 && base[i:] == ".exe" {
		base = base[:i]
	}
	command := strings.TrimSpace(prog + " " + strings.Join(strings.Fields(l.args), " "))
	res.Find("file.shortcut-target", command, "shortcut %q starts %q", in.Name, tree.Short(command))
	if slices.Contains(interpreters(), base) {
		res.Find("file.shortcut-interpreter", command, "shortcut %q starts the command interpreter or loader %q", in.Name, base)
	}
	for _, u := range address().FindAllString(l.args+" "+prog+" "+l.env+" "+strings.Join(l.items, " "), 50) {
		res.Link(u)
		res.Find("file.shortcut-download", u, "shortcut %q reaches out to an address", in.Name)
	}
	if strings.HasPrefix(prog, `\\`) {
		res.Find("file.network-path", prog, "shortcut %q starts a file on a server", in.Name)
	}
	if strings.Contains(l.args, strings.Repeat(" ", padded)) || strings.Contains(l.args, strings.Repeat("\t", 8)) || strings.Contains(l.args, strings.Repeat("\n", 8)) || len(l.args) > maxArgs {
		res.Find("file.shortcut-padding", tree.Short(l.args), "shortcut %q pushes its arguments out of sight", in.Name)
	}
	if disguise := l.disguise(base); disguise != "" {
		res.Find("file.shortcut-icon", disguise, "shortcut %q shows the icon of something else than it starts", in.Name)
	}
	if icon := l.iconFile(); strings.HasPrefix(icon, `\\`) || strings.Contains(icon, "://") {
		res.Find("file.network-path", icon, "shortcut %q fetches its icon from a server, which gets the password hash of whoever sees it", in.Name)
	}
	if l.show == 7 && slices.Contains(interpreters(), base) {
		res.Find("file.shortcut-hidden-window", command, "shortcut %q starts its program in a minimised window", in.Name)
	}
	res.Say(strings.TrimSpace(l.name + "\n" + command))
	l.facts(res)
}

// iconFile is the file that the icon is taken from.
func (l *link) iconFile() string {
	if l.where != "" {
		return l.where
	}
	return l.iconEnv
}

// disguise tells an icon of documents, browsers or folders on a shortcut that
// starts an interpreter.
func (l *link) disguise(base string) string {
	where := l.iconFile()
	low := strings.ToLower(where)
	if low == "" || !slices.Contains(interpreters(), base) || strings.Contains(low, base+".exe") {
		return ""
	}
	for _, s := range []string{".pdf", ".doc", ".xls", ".ppt", ".txt", ".rtf", ".jpg", ".png", "imageres", "shell32", "acrord32", "acrobat", "winword", "excel", "powerpnt", "msedge", "chrome", "firefox", "wordpad", "notepad", "wmploc", "zipfldr", "moricons", "mspaint", "onenote"} {
		if strings.Contains(low, s) {
			return fmt.Sprintf("%s,%d", where, l.icon)
		}
	}
	return ""
}

func (l *link) facts(res *tree.Result) {
	res.Fact("lnk", &shape.ScanLNK{
		MAC: l.mac, CommandLineArguments: l.args, DriveSerialNumber: l.serial, DriveType: l.driveType, LocalBasePath: l.local,
		MachineID: l.machine, RelativePath: l.relative, VolumeLabel: l.label, WorkingDir: l.dir,
	})
	window := map[int]string{1: "Normal", 3: "Show Maximized", 7: "Show Minimized No Activate"}[l.show]
	fields := []shape.ScanKeyVal{}
	for _, kv := range [][2]string{{"TargetFileDOSName", tree.Base(l.program())}, {"CommandLineArguments", l.args}, {"Description", l.name}, {"IconFileName", l.where}, {"MachineID", l.machine}, {"LocalBasePath", l.local}, {"RelativePath", l.relative}, {"WorkingDirectory", l.dir}, {"RunWindow", window}} {
		if kv[1] != "" {
			fields = append(fields, shape.ScanKeyVal{Key: kv[0], Value: kv[1]})
		}
	}
	res.Fact("exiftool", &shape.ScanExifTool{
		FileType: "LNK", FileTypeExtension: "lnk", CommandLineArguments: l.args, CreateDate: l.created, ModifyDate: l.written, LocalBasePath: l.local,
		RelativePath: l.relative, RunWindow: window, TargetFileDOSName: tree.Base(l.program()), Fields: fields,
	})
}
