package ole

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Kinds of keywords, by the names that rules compare with.
const (
	autoExec   = "AutoExec"
	suspicious = "Suspicious"
	ioc        = "IOC"
	hexString  = "Hex String"
	b64String  = "Base64 String"
	obfuscated = "VBA obfuscated Strings"
)

// Bounds of what is kept of macro code.
const (
	maxScan     = 1 << 20 // bytes of source scanned
	maxKeywords = 200     // keywords kept: what an analyst would read
	minEncoded  = 8       // characters of an encoded string: shorter ones are words
)

type keyword struct{ kind, word, does string }

// keywords lists names in macro code that say when it runs and what it can do.
func keywords() []keyword {
	var out []keyword
	add := func(kind, does string, words ...string) {
		for _, w := range words {
			out = append(out, keyword{kind, w, does})
		}
	}
	add(autoExec, "Runs when the document is opened", "AutoExec", "AutoOpen", "Auto_Open", "DocumentOpen", "Document_Open", "Workbook_Open", "Workbook_Activate", "App_WorkbookOpen", "Presentation_Open", "AutoNew", "Document_New")
	add(autoExec, "Runs when the document is closed", "AutoExit", "AutoClose", "Auto_Close", "Document_Close", "DocumentBeforeClose", "Document_BeforeClose", "Workbook_BeforeClose", "Workbook_Close")
	add(autoExec, "Runs when a control of the document is shown or touched", "_Painted", "_Paint", "_GotFocus", "_LostFocus", "_MouseHover", "_Layout", "_BeforeNavigate2", "_DocumentComplete")
	add(suspicious, "May run a program or a command", "Shell", "vbNormal", "vbHide", "vbMinimizedFocus", "WScript.Shell", "Run", "ShellExecute", "ShellExecuteA", "Shell.Application", "MacScript", "AppleScript", "popen", "WinExec", "CreateProcess", "CreateProcessA", "InvokeVerb", "Win32_Process", "winmgmts", "FollowHyperlink")
	add(suspicious, "May run PowerShell", "PowerShell", "ExecutionPolicy", "EncodedCommand", "-noprofile", "Invoke-Expression", "Invoke-WebRequest", "DownloadString")
	add(suspicious, "May start a tool of Windows", "cmd.exe", "cmd /c", "mshta", "rundll32", "regsvr32", "certutil", "bitsadmin", "wmic", "cscript", "wscript", "schtasks", "msiexec", "installutil", "msbuild", "forfiles")
	add(suspicious, "May download files", "URLDownloadToFile", "URLDownloadToFileA", "Msxml2.XMLHTTP", "Microsoft.XMLHTTP", "MSXML2.ServerXMLHTTP", "WinHttp.WinHttpRequest", "Net.WebClient", "DownloadFile", "User-Agent", "InternetOpenA", "InternetReadFile")
	add(suspicious, "May create an object that reaches outside", "CreateObject", "GetObject", "New-Object", "CallByName", "ADODB.Stream", "SaveToFile", "Scripting.FileSystemObject", "CreateTextFile", "MSScriptControl")
	add(suspicious, "May read or write files", "Open", "Write", "Put", "Output", "Binary", "FileCopy", "CopyFile", "Kill", "SetAttr", "ReadText", "WriteText", "MkDir", "Environ", "SpecialFolders")
	add(suspicious, "May call a library or inject code", "Lib", "VirtualAlloc", "VirtualAllocEx", "VirtualProtect", "RtlMoveMemory", "WriteProcessMemory", "CreateThread", "CreateRemoteThread", "SetContextThread", "QueueApcThread", "CreateTimerQueueTimer", "EnumSystemLanguageGroupsW", "LoadLibrary", "GetProcAddress")
	add(suspicious, "May hide strings", "Chr", "ChrB", "ChrW", "StrReverse", "Xor", "CallByName", "Replace", "Mid")
	add(suspicious, "May read or write the registry", "RegRead", "RegWrite", "RegOpenKeyExA", "Software\\Microsoft\\Windows\\CurrentVersion\\Run")
	add(suspicious, "May look whether it is watched", "Application.RecentFiles", "IsDebuggerPresent", "SbieDll.dll", "vbox", "vmware", "GetTickCount", "Application.UserName", "UserDomain", "LogonServer")
	add(suspicious, "May lower the protection of Office or change macros", "AccessVBOM", "VBAWarnings", "ProtectedView", "DisableAttachmentsInPV", "DisableInternetFilesInPV", "VBProject", "VBComponents", "CodeModule", "AddFromString")
	add(suspicious, "May send keys or mail", "SendKeys", "AppActivate", "Outlook.Application", "MAPI")
	return out
}

// strong are keywords that hardly any honest macro needs; with one of them a
// macro is judged high.
func strong(word string) bool {
	switch strings.ToLower(word) {
	case "open", "write", "put", "output", "binary", "chr", "chrb", "chrw", "replace", "mid", "run", "environ", "lib", "kill", "mkdir", "setattr", "filecopy",
		"createobject", "getobject", "scripting.filesystemobject", "followhyperlink", "callbyname", "xor", "outlook.application", "mapi", "vbnormal", "createtextfile", "application.username":
		return false
	}
	return true
}

// Code is what macro code says of itself.
type Code struct {
	Keywords []shape.OLEKeyword
	URLs     []string
	AutoExec bool
	Strong   bool // does what hardly any honest macro does
	Hidden   bool // hides its strings
	Scan     shape.ScanVBA
}

type patterns struct {
	url, ip, exe, hex, b64, str, concat, chr *regexp.Regexp
}

var compiled = sync.OnceValue(func() patterns {
	return patterns{
		url:    regexp.MustCompile(`(?i)\b(?:https?|ftp|file)://[^\s"'<>()\x00-\x1f]{3,1000}`),
		ip:     regexp.MustCompile(`\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b`),
		exe:    regexp.MustCompile(`(?i)\b[\w.-]{1,100}\.(?:exe|pif|scr|com|bat|cmd|vbs|vbe|js|jse|ps1|psm1|hta|wsf|wsh|dll|msi|jar|lnk|sct|cpl)\b`),
		hex:    regexp.MustCompile(`"((?:[0-9A-Fa-f]{2}){4,})"`),
		b64:    regexp.MustCompile(`"((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)"`),
		str:    regexp.MustCompile(`"(?:[^"\r\n]|"")*"`),
		concat: regexp.MustCompile(`(?i)(?:"(?:[^"\r\n]|"")*"|chr[bw]?\$?\(\s*(?:&h[0-9a-f]{1,4}|\d{1,5})\s*\)|strreverse\(\s*"[^"\r\n]*"\s*\))(?:\s*[&+]\s*(?:_\s*\r?\n\s*)?(?:"(?:[^"\r\n]|"")*"|chr[bw]?\$?\(\s*(?:&h[0-9a-f]{1,4}|\d{1,5})\s*\)|strreverse\(\s*"[^"\r\n]*"\s*\)))*`),
		chr:    regexp.MustCompile(`(?i)"((?:[^"\r\n]|"")*)"|chr[bw]?\$?\(\s*(&h[0-9a-f]{1,4}|\d{1,5})\s*\)|strreverse\(\s*"([^"\r\n]*)"\s*\)`),
	}
})

// Read says what macro code does, from its words and from the strings that it
// hides. Nothing is run: only literals are joined, reversed and decoded.
func Read(source string) Code {
	var c Code
	source = source[:min(len(source), maxScan)]
	c.words(source, "")
	c.literals(source)
	slices.SortStableFunc(c.Keywords, func(a, b shape.OLEKeyword) int { return strings.Compare(a.Type, b.Type) })
	c.scan()
	return c
}

func (c *Code) add(kind, word, does string) bool {
	for _, k := range c.Keywords {
		if k.Type == kind && strings.EqualFold(k.Keyword, word) {
			return false
		}
	}
	if len(c.Keywords) >= maxKeywords {
		return false
	}
	c.Keywords = append(c.Keywords, shape.OLEKeyword{Type: kind, Keyword: word, Description: does})
	return true
}

// words finds keywords and addresses; how tells how the text was hidden.
func (c *Code) words(text, how string) {
	low := strings.ToLower(text)
	suffix := ""
	if how != "" {
		suffix = " (" + how + ")"
	}
	for _, k := range keywords() {
		w := k.word
		if how != "" && !strong(w) {
			continue
		}
		found := ""
		if strings.HasPrefix(w, "_") {
			found = wordEnding(text, low, strings.ToLower(w))
		} else if hasWord(low, strings.ToLower(w)) {
			found = w
		}
		if found == "" || !c.add(k.kind, found, k.does+suffix) {
			continue
		}
		c.AutoExec = c.AutoExec || k.kind == autoExec
		c.Strong = c.Strong || k.kind == suspicious && strong(w)
		c.Hidden = c.Hidden || how != ""
	}
	p := compiled()
	for _, u := range p.url.FindAllString(text, 100) {
		if c.add(ioc, u, "URL"+suffix) {
			c.URLs = append(c.URLs, u)
		}
	}
	for _, m := range p.ip.FindAllString(text, 50) {
		c.add(ioc, m, "IPv4 address"+suffix)
	}
	for _, m := range p.exe.FindAllString(text, 50) {
		c.add(ioc, m, "Name of a file that runs"+suffix)
	}
}

// hasWord looks for a word with no letter of a name on either side.
func hasWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(word)
		if (i == 0 || !letter(text[i-1]) || !letter(word[0])) && (end >= len(text) || !letter(text[end]) || !letter(word[len(word)-1])) {
			return true
		}
		from = i + 1
	}
}

// wordEnding returns the name in a Sub line that ends in an event's suffix.
func wordEnding(text, low, suffix string) string {
	for from := 0; ; {
		i := strings.Index(low[from:], suffix)
		if i < 0 {
			return ""
		}
		i += from
		end := i + len(suffix)
		start := i
		for start > 0 && letter(low[start-1]) {
			start--
		}
		if start < i && (end >= len(low) || !letter(low[end])) && strings.HasSuffix(strings.TrimRight(low[:start], " \t"), "sub") && end <= len(text) {
			return text[start:end]
		}
		from = end
	}
}

// literals decodes hexadecimal, base64 and joined string literals and reads
// what they say.
func (c *Code) literals(source string) {
	p := compiled()
	for _, m := range p.hex.FindAllStringSubmatch(source, 200) {
		if b, err := hex.DecodeString(m[1]); err == nil && readable(string(b)) && c.add(hexString, string(b), m[1]) {
			c.words(string(b), "hexadecimal string")
		}
	}
	for _, m := range p.b64.FindAllStringSubmatch(source, 200) {
		if len(m[1]) < minEncoded || p.hex.MatchString(`"`+m[1]+`"`) {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(m[1])
		if err != nil {
			continue
		}
		text := string(b)
		if len(b) > 3 && b[1] == 0 && b[3] == 0 {
			text = utf16le(b)
		}
		if readable(text) && c.add(b64String, text, m[1]) {
			c.words(text, "base64 string")
		}
	}
	for _, m := range p.concat.FindAllString(source, 2000) {
		if p.str.FindString(m) == m && !strings.HasPrefix(strings.ToLower(m), "chr") {
			c.reversed(m)
			continue
		}
		if joined := joinLiterals(m); len(joined) >= 3 && c.add(obfuscated, joined, m[:min(len(m), 200)]) {
			c.words(joined, "joined from pieces")
		}
	}
}

// reversed reads a literal from its end where that makes an address or a
// command.
func (c *Code) reversed(lit string) {
	r := []rune(strings.Trim(lit, `"`))
	slices.Reverse(r)
	s := strings.ToLower(string(r))
	if len(s) > 5 && (strings.HasPrefix(s, "http") || strings.Contains(s, "powershell") || strings.Contains(s, "cmd.exe") || strings.Contains(s, "wscript.shell")) {
		c.words(string(r), "reversed")
	}
}

func joinLiterals(expr string) string {
	var b strings.Builder
	for _, m := range compiled().chr.FindAllStringSubmatch(expr, -1) {
		switch {
		case m[2] != "":
			digits, base := m[2], 10
			if len(digits) > 2 && (digits[1] == 'h' || digits[1] == 'H') {
				digits, base = digits[2:], 16
			}
			if n, err := strconv.ParseUint(digits, base, 16); err == nil {
				b.WriteRune(rune(n))
			}
		case m[3] != "":
			r := []rune(m[3])
			slices.Reverse(r)
			b.WriteString(string(r))
		default:
			b.WriteString(strings.ReplaceAll(m[1], `""`, `"`))
		}
	}
	return b.String()
}

func readable(s string) bool {
	if len(s) < 4 {
		return false
	}
	bad := 0
	for _, r := range s {
		if r == unicode.ReplacementChar || r != '\t' && r != '\n' && r != '\r' && !unicode.IsPrint(r) || r > 0x2fff {
			bad++
		}
	}
	return bad == 0
}

// scan fills the shape of the scan tree.
func (c *Code) scan() {
	for _, k := range c.Keywords {
		switch k.Type {
		case autoExec:
			c.Scan.AutoExec = append(c.Scan.AutoExec, k.Keyword)
		case suspicious:
			c.Scan.Suspicious = append(c.Scan.Suspicious, k.Keyword)
		case ioc:
			c.Scan.IOC = append(c.Scan.IOC, k.Keyword)
		case hexString:
			c.Scan.Hex = append(c.Scan.Hex, k.Keyword)
		case b64String:
			c.Scan.Base64 = append(c.Scan.Base64, k.Keyword)
		case obfuscated:
			c.Scan.VBAObfuscated = append(c.Scan.VBAObfuscated, k.Keyword)
		}
	}
}

// Risk is the word that rules compare with: "none" without macros, "medium"
// for macros, "high" for those that do what honest ones hardly do.
func (c Code) Risk() string {
	if c.Strong {
		return "high"
	}
	return "medium"
}

// report turns what code does into findings.
func (c Code) report(res *tree.Result, name, what string) {
	list := func(kind string) string {
		var out []string
		for _, k := range c.Keywords {
			if k.Type == kind && (kind != suspicious || strong(k.Keyword)) && len(out) < 8 {
				out = append(out, k.Keyword)
			}
		}
		return strings.Join(out, ", ")
	}
	if c.AutoExec {
		q := list(autoExec)
		res.Find("file.macro-autoexec", q, "the %s of document %q run by themselves (%s)", what, name, q)
	}
	var download, shell bool
	for _, k := range c.Keywords {
		download = download || strings.HasPrefix(k.Description, "May download")
		shell = shell || k.Type == suspicious && strong(k.Keyword) && (strings.HasPrefix(k.Description, "May run") || strings.HasPrefix(k.Description, "May start"))
	}
	if shell {
		res.Find("file.macro-shell", list(suspicious), "the %s of document %q can start programs", what, name)
	}
	if download {
		res.Find("file.macro-download", list(suspicious), "the %s of document %q can download files", what, name)
	}
	if c.Hidden {
		res.Find("file.macro-obfuscated", list(obfuscated), "the %s of document %q hide commands or addresses in pieces", what, name)
	}
	for _, u := range c.URLs {
		res.Link(u)
	}
}
