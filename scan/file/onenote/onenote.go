// Package onenote looks into OneNote sections ([MS-ONESTORE]).
//
// A section keeps every file that was attached to a page, and every picture, in
// an object of its own with a fixed identifier in front. The names stand
// elsewhere, as text. Attackers cover an attached program with a picture of a
// button that says "open".
package onenote

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"

	"foregate/scan/file/ole"
	"foregate/scan/file/tree"
)

const (
	// magic is guidFileType of a section, section 2.3.1.
	magic = "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"
	// dataHeader is guidHeader of a FileDataStoreObject, section 2.6.13; a
	// length of 8 bytes and 12 unused bytes follow.
	dataHeader = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"
	headerSize = 36
)

// Bounds of one section.
const (
	maxFiles  = 200     // files taken out
	maxRuns   = 5000    // texts looked at
	maxRun    = 4096    // characters of one text
	minRun    = 3       // characters that make a text
	maxText   = 1 << 20 // bytes of text kept
	maxSearch = 64 << 20
)

// Parser opens OneNote sections.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "onenote" }

// Opens implements tree.Parser.
func (Parser) Opens(in *tree.Input) bool { return bytes.HasPrefix(in.Data, []byte(magic)) }

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	blobs, rest := split(in, &res)
	names, text := texts(ctx, rest)
	for _, u := range address().FindAllString(text, 200) {
		res.Link(u)
	}
	res.Say(text)
	for i, b := range blobs {
		if ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
		name := ""
		if kind := pictureKind(b); kind != "" {
			name = fmt.Sprintf("image%d.%s", i+1, kind)
		} else if name, names = match(b, names); name == "" {
			name = fmt.Sprintf("embedded%d", i+1)
		}
		c := tree.Child{Name: tree.Base(name), How: "embedded", Data: b}
		if c.Name != name {
			c.Path = name
		}
		switch {
		case ole.RunsBy(c.Name, b):
			res.Find("file.embedded-program", c.Name, "OneNote section %q carries an embedded program %q", in.Name, c.Name)
		case pictureKind(b) == "":
			res.Find("file.embedded-file", c.Name, "OneNote section %q carries an embedded file %q", in.Name, c.Name)
		}
		if err := res.Add(in.Budget, c, int64(len(in.Data))); err != nil {
			return res, fmt.Errorf("taking files out of a OneNote section: %w", err)
		}
	}
	for _, n := range names { // named, but not found: the content is kept elsewhere
		if ole.RunsBy(tree.Base(n), nil) {
			res.Find("file.embedded-program", tree.Base(n), "OneNote section %q names an embedded program %q", in.Name, tree.Base(n))
		}
	}
	return res, nil
}

// split takes out the contents of files and returns what is left of the
// section.
func split(in *tree.Input, res *tree.Result) (blobs [][]byte, rest []byte) {
	b := in.Data
	from := 0
	for len(blobs) < maxFiles {
		i := bytes.Index(b[from:], []byte(dataHeader))
		if i < 0 || from+i+headerSize > len(b) {
			break
		}
		at := from + i + headerSize
		n := binary.LittleEndian.Uint64(b[from+i+16:])
		rest = append(rest, b[from:from+i]...)
		if n > uint64(len(b)-at) {
			res.Find("file.damaged-document", fmt.Sprintf("%d bytes", n), "an embedded file of OneNote section %q is shorter than declared", in.Name)
			n = uint64(len(b) - at)
		}
		blobs = append(blobs, b[at:at+int(n)])
		from = at + int(n)
	}
	return blobs, append(rest, b[from:]...)
}

func pictureKind(b []byte) string {
	for mark, kind := range map[string]string{"\x89PNG": "png", "\xff\xd8\xff": "jpg", "GIF8": "gif", "BM": "bmp", "\x01\x00\x00\x00": "emf"} {
		if bytes.HasPrefix(b, []byte(mark)) {
			if kind == "emf" && (len(b) < 44 || string(b[40:44]) != " EMF") {
				continue
			}
			return kind
		}
	}
	return ""
}

var address = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s"'<>()\x00-\x1f]{3,1000}`)
})

// texts finds the UTF-16 texts of a section: names of files, and what stands on
// the pages.
func texts(ctx context.Context, b []byte) (names []string, text string) {
	var out strings.Builder
	runs := 0
	b = b[:min(len(b), maxSearch)]
	var run []uint16
	flush := func() {
		if len(run) >= minRun && runs < maxRuns {
			s := string(utf16.Decode(run))
			runs++
			if fileName(s) && !slices.Contains(names, s) && len(names) < maxFiles {
				names = append(names, s)
			} else if out.Len() < maxText && !strings.HasPrefix(s, "<ifndf>") {
				out.WriteString(s + "\n")
			}
		}
		run = run[:0]
	}
	for i := 0; i+1 < len(b); {
		if i&0xfffff < 2 && ctx.Err() != nil {
			break
		}
		u := uint16(b[i]) | uint16(b[i+1])<<8
		if u < 0x20 || u >= 0x2000 || len(run) >= maxRun || !unicode.IsPrint(rune(u)) || u > 0x250 && len(run) > 0 && run[len(run)-1] < 0x80 {
			ended := len(run) > 0
			flush()
			if !ended && b[i+1] != 0 {
				i++ // texts lie at odd places too
				continue
			}
			i++
			continue
		}
		if u > 0xff && len(run) == 0 && b[i+1] != 0 {
			i++
			continue
		}
		run = append(run, u)
		i += 2
	}
	flush()
	return names, out.String()
}

// fileName tells a name with an extension from other texts.
func fileName(s string) bool {
	ext := path.Ext(strings.TrimSpace(tree.Base(s)))
	if len(ext) < 3 || len(ext) > 13 || len(s) > 300 || strings.Contains(s, "://") || strings.ContainsAny(s, "\"<>|?*") {
		return false
	}
	for _, r := range ext[1:] {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' {
			return false
		}
	}
	return tree.Base(s) != ext && !strings.HasSuffix(strings.ToLower(s), ".one")
}

// match picks the name that fits a content: programs get the names of
// programs, the rest the next name; paths come after bare names of the same
// file and are dropped with them.
func match(b []byte, names []string) (string, []string) {
	pick := -1
	program := len(b) > 2 && string(b[:2]) == "MZ"
	for i, n := range names {
		if pictureName(n) {
			continue
		}
		if pick < 0 || program && ole.RunsBy(n, nil) && !ole.RunsBy(names[pick], nil) {
			pick = i
		}
	}
	if pick < 0 {
		return "", names
	}
	name := names[pick]
	left := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return tree.Base(n) == tree.Base(name) })
	return name, left
}

func pictureName(n string) bool {
	switch strings.ToLower(path.Ext(n)) {
	case ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".emf", ".wmf":
		return true
	}
	return false
}
