package file

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"foregate/evidence"
)

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
