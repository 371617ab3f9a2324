package file

import (
	"bytes"
	"fmt"
	"strings"

	"foregate/evidence"
	"foregate/scan/file/tree"
)

// sniffLen is how much of a web page is searched for what makes it a trap.
const sniffLen = 64 << 10

// judge reports what the name, the place and the first look at the content of
// a file say. parent is nil for an attachment of the message itself; data is
// nil when the content could not be taken out.
func judge(n, parent *Node, data []byte) {
	name, ext := n.Label(), extension(n.Name)
	add := func(id, claim, quote string) {
		n.report([]tree.Finding{{ID: id, Claim: claim, Quote: quote}})
	}
	carried := "attachment " + fmt.Sprintf("%q", name)
	if parent == nil || n.How == "attached" {
		judgeAttached(n, carried, add)
		if isMarkup(n, ext) {
			judgeMarkup(data, name, add)
		}
	} else {
		carried = fmt.Sprintf("file %q in %q", name, parent.Label())
		judgeCarried(n, parent, data, add)
	}
	if inner := decoyExtension(n.Name); inner != "" {
		add("file.double-extension", fmt.Sprintf("%s hides its type %s behind %s", carried, ext, inner), name)
	}
	if strings.ContainsFunc(n.Name, bidiControl) {
		add("file.reversed-name", fmt.Sprintf("the name of %s is written with a direction override", carried), name)
	}
	if len(data) == 0 {
		return
	}
	if n.Type != "" && ext != "" && mismatch(ext, n.Type) {
		add("file.type-mismatch", fmt.Sprintf("%s is in truth of type %s", carried, n.Type), name)
	}
	if n.Declared != "" && declaredMismatch(n.Declared, n.Type, data) {
		add("file.declared-mismatch", fmt.Sprintf("%s is declared as %q but is in truth of type %s", carried, tree.Short(n.Declared), n.Type), n.Declared)
	}
	if other := alsoValid(data, n.Type); len(other) > 0 {
		add("file.polyglot", fmt.Sprintf("%s is at once a valid %s and a valid %s", carried, orUnknown(n.Type), strings.Join(other, " and ")), name)
	}
	if isTestVirus(data) {
		add("file.test-virus", fmt.Sprintf("%s is the EICAR test file, which stands for a virus", carried), name)
	}
}

// judgeAttached reports what the name of an attachment says.
func judgeAttached(n *Node, carried string, add func(id, claim, quote string)) {
	switch name := n.Label(); classify(extension(n.Name)) {
	case runnable:
		add("file.program", carried+" is a program by its name", name)
	case starter:
		add("file.shortcut", carried+" is a shortcut or installer that starts other programs", name)
	case image:
		add("file.disk-image", carried+" is a disk image, which hides its content from the mark of the web", name)
	case macro:
		add("file.macro-document", carried+" is a document type that carries macros", name)
	}
}

// judgeCarried reports what it says that a file is inside another one.
func judgeCarried(n, parent *Node, data []byte, add func(id, claim, quote string)) {
	name := n.Label()
	place, verb := "archive", "holds"
	switch n.How {
	case "embedded":
		place, verb = "document", "carries"
	case "decoded":
		place, verb = "file", "assembles"
	case "appended":
		place, verb = "file", "has at its end"
	case "linked":
		place, verb = "file", "fetches"
	}
	what := fmt.Sprintf("%s %q %s the", place, parent.Label(), verb)
	c := classify(extension(n.Name))
	switch {
	case c == runnable || c == starter || isProgram(n.Type, data):
		add("file.archived-program", fmt.Sprintf("%s program %q", what, name), name)
	case c == image || isDiskImage(n.Type):
		add("file.archived-disk-image", fmt.Sprintf("%s disk image %q", what, name), name)
	case c == webPage && n.How == "archived":
		add("file.archived-html", fmt.Sprintf("%s web page %q", what, name), name)
		judgeMarkup(data, name, add)
	}
	if n.Password != "" {
		add("file.decrypted", fmt.Sprintf("%s file %q, encrypted with the password %q", what, name, n.Password), n.Password)
	}
}

func isMarkup(n *Node, ext string) bool {
	return classify(ext) == webPage || ext == "" && (n.Type == "html" || n.Type == "svg")
}

// judgeMarkup looks for what turns an HTML or SVG file into a trap.
func judgeMarkup(data []byte, name string, add func(id, claim, quote string)) {
	text := bytes.ToLower(data[:min(len(data), sniffLen)])
	add("file.html", fmt.Sprintf("attachment %q is a web page", name), name)
	switch {
	case bytes.Contains(text, []byte(`type="password"`)) || bytes.Contains(text, []byte(`type=password`)) || bytes.Contains(text, []byte(`type='password'`)):
		add("file.html-password-form", fmt.Sprintf("attached page %q asks for a password", name), name)
	case bytes.Contains(text, []byte("<script")):
		add("file.html-script", fmt.Sprintf("attached page %q runs scripts", name), name)
	}
}

// isTestVirus recognises the EICAR test file: its 68 bytes at the start, at
// most 128 bytes in all, whitespace at the end. The text is put together here
// so that no scanner takes this program for it.
func isTestVirus(data []byte) bool {
	mark := `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"
	return len(data) <= 128 && bytes.HasPrefix(data, []byte(mark))
}

func isProgram(typ string, data []byte) bool {
	switch typ {
	case "exe":
		return len(data) > 64 // "MZ" alone begins texts as well
	case "elf", "macho", "lnk", "chm", "msi", "hta", "xll", "msix", "appx", "apk":
		return true
	}
	return false
}

func isDiskImage(typ string) bool {
	switch typ {
	case "iso", "udf", "img", "vhd", "vhdx", "dmg", "wim":
		return true
	}
	return false
}

// isContainer tells types that hold files: what is lost where nesting stops.
func isContainer(typ string) bool {
	switch typ {
	case "zip", "rar", "7z", "tar", "gz", "bz2", "xz", "zst", "cab", "jar", "arj", "lzh", "ace", "eml", "msg", "docx", "xlsx", "pptx", "ole", "one", "pdf", "tnef":
		return true
	}
	return isDiskImage(typ)
}

func orUnknown(typ string) string {
	if typ == "" {
		return "file of unknown type"
	}
	return typ
}

// testVirusWeight is what the EICAR test file counts, by definition: the file
// exists to be stopped wherever a virus would be (EICAR, Intended use, 2006), so
// that an operator can try the gate.
const testVirusWeight = 4

// item makes a finding evidence.
func item(id, claim, quote string) evidence.Item {
	it := evidence.Item{ID: id, Claim: claim, Quote: quote, Weight: prior(id), Lineage: "file"}
	if id == "file.test-virus" {
		it.Weight, it.Defined = testVirusWeight, true
	}
	return it
}
