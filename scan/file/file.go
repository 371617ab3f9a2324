// Package file is the stage that looks at attachments: what they are by
// content, whether their names lie, and what zip-based containers list. It
// reads; it never runs anything.
package file

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"foregate/evidence"
	"foregate/mail"
)

// Bounds of looking into a zip directory: names beyond are not read, which is
// itself a finding.
const (
	maxEntries = 1000     // entries of one archive, as the design's table says
	sniffLen   = 64 << 10 // bytes searched for markup
)

// Stage sets the file type of attachments and reports dangerous ones.
type Stage struct{}

// Name implements scan.Stage.
func (Stage) Name() string { return "file" }

// Analyze implements scan.Stage. It fails only when the time is over.
func (Stage) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	seen := map[string]bool{}
	for i := range m.Attachments {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("looking at attachment %d of %d: %w", i+1, len(m.Attachments), err)
		}
		a := &m.Attachments[i]
		if t := Type(a.Raw); t != "" && a.FileType == "" {
			a.FileType = t
		}
		for _, it := range inspect(a) {
			if key := it.ID + "\x00" + it.Quote; !seen[key] {
				seen[key] = true
				f.Add(it)
			}
		}
	}
	return nil
}

// inspect returns what one attachment shows.
func inspect(a *mail.Attachment) []evidence.Item {
	var out []evidence.Item
	add := func(id, claim, quote string) {
		out = append(out, evidence.Item{ID: id, Claim: claim, Quote: quote, Lineage: "file"})
	}
	name := visible(a.FileName)
	ext := extension(a.FileName)
	switch class := classify(ext); {
	case class == program:
		add("file.program", fmt.Sprintf("attachment %q is a program by its name", name), name)
	case class == shortcut:
		add("file.shortcut", fmt.Sprintf("attachment %q is a shortcut or installer that starts other programs", name), name)
	case class == image:
		add("file.disk-image", fmt.Sprintf("attachment %q is a disk image, which hides its content from the mark of the web", name), name)
	case class == macro:
		add("file.macro-document", fmt.Sprintf("attachment %q is a document type that carries macros", name), name)
	case class == markup:
		out = append(out, inspectMarkup(a, name)...)
	}
	if inner := decoyExtension(a.FileName); inner != "" {
		add("file.double-extension", fmt.Sprintf("attachment %q hides its type %s behind %s", name, ext, inner), name)
	}
	if strings.ContainsFunc(a.FileName, bidiControl) {
		add("file.reversed-name", fmt.Sprintf("attachment name %q is written with a direction override", name), name)
	}
	if a.FileType != "" && mismatch(ext, a.FileType) {
		add("file.type-mismatch", fmt.Sprintf("attachment %q is in truth of type %s", name, a.FileType), name)
	}
	if isZip(a.Raw) {
		out = append(out, inspectZip(a, name)...)
	}
	return out
}

// inspectMarkup looks for what turns an HTML or SVG attachment into a trap.
func inspectMarkup(a *mail.Attachment, name string) []evidence.Item {
	text := bytes.ToLower(a.Raw[:min(len(a.Raw), sniffLen)])
	out := []evidence.Item{{ID: "file.html", Claim: fmt.Sprintf("attachment %q is a web page", name), Quote: name, Lineage: "file"}}
	switch {
	case bytes.Contains(text, []byte(`type="password"`)) || bytes.Contains(text, []byte(`type=password`)) || bytes.Contains(text, []byte(`type='password'`)):
		out = append(out, evidence.Item{ID: "file.html-password-form", Claim: fmt.Sprintf("attached page %q asks for a password", name), Quote: name, Lineage: "file"})
	case bytes.Contains(text, []byte("<script")):
		out = append(out, evidence.Item{ID: "file.html-script", Claim: fmt.Sprintf("attached page %q runs scripts", name), Quote: name, Lineage: "file"})
	}
	return out
}

// inspectZip reads the directory of a zip: what an archive or an Office
// document lists.
func inspectZip(a *mail.Attachment, name string) []evidence.Item {
	zr, err := zip.NewReader(bytes.NewReader(a.Raw), int64(len(a.Raw)))
	if err != nil {
		return []evidence.Item{{ID: "file.broken-archive", Claim: fmt.Sprintf("archive %q cannot be read: %v", name, err), Quote: name, Lineage: "file"}}
	}
	var out []evidence.Item
	reported := map[string]bool{}
	add := func(id, claim, quote string) {
		if !reported[id] {
			reported[id] = true
			out = append(out, evidence.Item{ID: id, Claim: claim, Quote: quote, Lineage: "file"})
		}
	}
	for i, e := range zr.File {
		if i == maxEntries {
			add("file.many-entries", fmt.Sprintf("archive %q lists %d files", name, len(zr.File)), name)
			break
		}
		inner := visible(e.Name)
		switch class := classify(extension(e.Name)); {
		case class == program || class == shortcut:
			add("file.archived-program", fmt.Sprintf("archive %q holds the program %q", name, inner), inner)
		case class == image:
			add("file.archived-disk-image", fmt.Sprintf("archive %q holds the disk image %q", name, inner), inner)
		}
		lower := strings.ToLower(e.Name)
		switch {
		case strings.HasSuffix(lower, "vbaproject.bin"):
			add("file.macros", fmt.Sprintf("document %q carries macros", name), inner)
		case strings.Contains(lower, "/embeddings/") && strings.HasSuffix(lower, ".bin"):
			add("file.embedded-object", fmt.Sprintf("document %q carries an embedded object", name), inner)
		}
		const encrypted = 1 << 0 // general purpose bit 0
		if e.Flags&encrypted != 0 {
			add("file.encrypted-archive", fmt.Sprintf("archive %q is encrypted: its content cannot be checked", name), inner)
		}
	}
	return out
}

// extension returns the lower-case last extension without the dot, ignoring the
// trailing dots and spaces that Windows drops.
func extension(name string) string {
	name = strings.TrimRight(strings.Map(dropInvisible, name), ". ")
	return strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
}

// decoyExtension returns the harmless-looking extension that stands before a
// dangerous last one, or "".
func decoyExtension(name string) string {
	name = strings.TrimRight(strings.Map(dropInvisible, name), ". ")
	last := path.Ext(name)
	if c := classify(strings.ToLower(strings.TrimPrefix(last, "."))); c == harmless {
		return ""
	}
	stem := strings.TrimRight(strings.TrimSuffix(name, last), " _")
	inner := strings.ToLower(strings.TrimPrefix(path.Ext(stem), "."))
	if slices.Contains(decoys(), inner) && "."+inner != strings.ToLower(last) {
		return inner
	}
	return ""
}

func decoys() []string {
	return []string{"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "rtf", "csv", "jpg", "jpeg", "png", "gif", "mp3", "mp4", "wav", "eml", "msg"}
}

func bidiControl(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func dropInvisible(r rune) rune {
	if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
		return -1
	}
	return r
}

// visible is a name safe to print, with invisible characters spelled out and
// cut to the length of a quote.
func visible(name string) string {
	var b strings.Builder
	for _, r := range name {
		if b.Len() > evidence.MaxQuote-8 {
			b.WriteString("…")
			break
		}
		if dropInvisible(r) < 0 {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
