package script

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"foregate/scan/file/internal/payload"
	"foregate/scan/file/tree"
)

// Patterns of command lines and of PowerShell.
var (
	// encodedCommand is -EncodedCommand with any of the short forms that
	// PowerShell takes, and its base64.
	encodedCommand = regexp.MustCompile(`(?i)[-/–—]e(?:c|n|nc|nco|ncod|ncode|ncoded|ncodedc[a-z]*)?\s+["']?([A-Za-z0-9+/=]{16,})`)
	fromBase64     = regexp.MustCompile(`(?is)FromBase64String\s*\(\s*\(?\s*["']([A-Za-z0-9+/=\s]{8,})["']`)
	base64Literal  = regexp.MustCompile(`["']([A-Za-z0-9+/]{64,}={0,2})["']`)
	joinedLiterals = regexp.MustCompile(`(?:'(?:[^']|'')*'|"[^"$]*")(?:\s*\+\s*(?:'(?:[^']|'')*'|"[^"$]*"))+`)
	oneLiteral     = regexp.MustCompile(`'((?:[^']|'')*)'|"([^"$]*)"`)
	formatted      = regexp.MustCompile(`\(?["']((?:\{\d{1,2}\}[^"'{}]*){2,64})["']\s*-f\s*((?:\s*,?\s*["'][^"']*["']){2,64})`)
	place          = regexp.MustCompile(`\{(\d{1,2})\}`)
	charCodes      = regexp.MustCompile(`(?i)(?:\[char\]\s*\(?\s*(?:0x[0-9a-f]{1,4}|\d{1,5})\s*\)?\s*\+?\s*){3,}`)
	charCode       = regexp.MustCompile(`(?i)\[char\]\s*\(?\s*(0x[0-9a-f]{1,4}|\d{1,5})`)
	downloads      = regexp.MustCompile(`(?i)\b(?:DownloadString|DownloadFile|DownloadData|Invoke-WebRequest|Invoke-RestMethod|Start-BitsTransfer|bitsadmin|certutil(?:\.exe)?\s+[-/]urlcache|\biwr\b|\birm\b|curl(?:\.exe)?\s|wget\s|mshta(?:\.exe)?\s|msiexec(?:\.exe)?\s|regsvr32(?:\.exe)?\s)`)
	invokes        = regexp.MustCompile(`(?i)\b(?:iex|Invoke-Expression)\b|\.Invoke\(|\[Reflection\.Assembly\]|Assembly\]::Load`)
	hides          = regexp.MustCompile(`(?i)-w(?:i|in|ind|indo|indow|indowst[a-z]*)?\s+["']?(?:hidden|1)\b|-(?:ep|exec|executionpolicy)\s+bypass|\bmshta(?:\.exe)?\s+(?:https?|javascript|vbscript):|\brundll32(?:\.exe)?\s`)
)

// maxUnpacked bounds what one compressed text unpacks to.
const maxUnpacked = 16 << 20

// shell reads PowerShell and batch files.
func (w *reader) shell(src []byte) {
	text := string(src)
	// A backtick before a letter and a caret in a batch file mean nothing.
	plain := strings.NewReplacer("`", "", "^", "").Replace(text)
	plain = plain[:min(len(plain), 1<<20)] // as far as patterns are looked for
	unfolded := unfold(plain)
	w.shellLine(unfolded)
	if unfolded != plain {
		w.res.Find("file.script-obfuscated", difference(plain, unfolded), "script %q spells its words in pieces", w.name)
		w.links(unfolded)
	}
	for _, m := range fromBase64.FindAllStringSubmatch(unfolded, 32) {
		w.decoded(m[1])
	}
	for _, m := range base64Literal.FindAllStringSubmatch(unfolded, 32) {
		w.decoded(m[1])
	}
}

// shellLine reads one command line, as any script may start it.
func (w *reader) shellLine(line string) {
	const longest = 1 << 20 // a line of a command is 8 KiB at most
	line = line[:min(len(line), longest)]
	for _, m := range encodedCommand.FindAllStringSubmatch(line, 16) {
		raw, ok := payload.Base64([]byte(m[1]))
		if !ok || len(raw) < 8 {
			continue
		}
		code := raw
		if raw[1] == 0 || bytes.Count(raw[:min(len(raw), 200)], []byte{0}) > 20 {
			code = utf16Text(raw, 0)
		}
		if readable(code) {
			w.child("command.ps1", code, "file.encoded-command", "script %q runs a command that is encoded")
			w.links(string(code))
		}
	}
	if m := downloads.FindString(line); m != "" {
		if u := address.FindString(line); u != "" {
			w.res.Find("file.script-download", u, "script %q fetches %q by %q", w.name, tree.Short(u), strings.TrimSpace(m))
		}
	}
	if m := invokes.FindString(line); m != "" {
		w.res.Find("file.script-of-text", m, "script %q makes code of text and runs it", w.name)
	}
	if m := hides.FindString(line); m != "" {
		w.res.Find("file.script-hides", m, "script %q hides what it does (%q)", w.name, tree.Short(m))
	}
}

// decoded takes out what base64 stands for: a file, a script, or either of them
// compressed.
func (w *reader) decoded(b64 string) {
	raw, ok := payload.Base64([]byte(b64))
	if !ok || len(raw) < 16 {
		return
	}
	if payload.Magic(raw) == "gz" {
		if out, err := unpack(raw); err == nil {
			w.first(raw) // what is in it is taken out instead
			raw = out
		}
	} else if payload.Magic(raw) == "" && !readable(raw) {
		// DeflateStream has no mark; what inflates to text or a file is one.
		if out := inflate(raw); payload.Magic(out) != "" || readable(out) {
			raw = out
		}
	}
	switch {
	case payload.Magic(raw) != "":
		w.child("", raw, "file.encoded-file", "script %q carries a file as base64 text")
	case bytes.Count(raw[:min(len(raw), 200)], []byte{0}) > 20 && readable(utf16Text(raw, 0)):
		w.child("decoded.ps1", utf16Text(raw, 0), "file.encoded-command", "script %q carries a script as base64 text")
	case readable(raw) && len(raw) >= 24:
		w.child("decoded.ps1", raw, "file.encoded-command", "script %q carries a script as base64 text")
	}
}

func unpack(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxUnpacked))
}

func inflate(b []byte) []byte {
	// What was inflated before damage is looked at as well.
	out, _ := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxUnpacked))
	return out
}

// unfold joins literals, puts the parts of formatted ones in their places and
// reads [char] codes.
func unfold(text string) string {
	const longest = 1 << 20 // patterns cost a tenth of a second for each megabyte
	text = text[:min(len(text), longest)]
	text = charCodes.ReplaceAllStringFunc(text, func(s string) string {
		var b strings.Builder
		for _, m := range charCode.FindAllStringSubmatch(s, -1) {
			if n, err := strconv.ParseUint(m[1], 0, 16); err == nil {
				b.WriteRune(rune(n))
			}
		}
		return "'" + b.String() + "'"
	})
	text = formatted.ReplaceAllStringFunc(text, func(s string) string {
		m := formatted.FindStringSubmatch(s)
		var parts []string
		for _, l := range oneLiteral.FindAllStringSubmatch(m[2], -1) {
			parts = append(parts, l[1]+l[2])
		}
		return "'" + place.ReplaceAllStringFunc(m[1], func(p string) string {
			if i, err := strconv.Atoi(p[1 : len(p)-1]); err == nil && i < len(parts) {
				return parts[i]
			}
			return ""
		}) + "'"
	})
	return joinedLiterals.ReplaceAllStringFunc(text, func(s string) string {
		var b strings.Builder
		for _, l := range oneLiteral.FindAllStringSubmatch(s, -1) {
			b.WriteString(l[1] + l[2])
		}
		return "'" + b.String() + "'"
	})
}

// difference is the unfolded text from where it differs.
func difference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return b[max(0, i-20):min(len(b), i+200)]
}
