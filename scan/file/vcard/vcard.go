// Package vcard looks into contact cards (RFC 6350): their links, addresses and
// the pictures that they carry, which may hold codes.
package vcard

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"foregate/scan/file/internal/contentline"
	"foregate/scan/file/ole"
	"foregate/scan/file/tree"
)

// Bounds of one file.
const (
	maxFiles = 100     // pictures, sounds and keys taken out
	maxText  = 4 << 10 // bytes of one value kept as text
	sniff    = 256
)

// Parser opens contact cards.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "vcard" }

// Opens implements tree.Parser.
func (Parser) Opens(in *tree.Input) bool {
	return bytes.Contains(bytes.ToUpper(in.Data[:min(len(in.Data), sniff)]), []byte("BEGIN:VCARD"))
}

var address = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s"'<>()\x00-\x1f]{3,1000}`)
})

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	lines, _ := contentline.Parse(in.Data)
	files := 0
	for i, l := range lines {
		if i%1024 == 0 && ctx.Err() != nil {
			return res, fmt.Errorf("reading contact card: %w", context.Cause(ctx))
		}
		switch l.Name {
		case "BEGIN", "END", "VERSION", "REV", "UID", "PRODID":
			continue
		case "PHOTO", "LOGO", "SOUND", "KEY":
			data, media, ok := contentline.Inline(l)
			if ok && files < maxFiles {
				files++
				if err := file(in, &res, strings.ToLower(l.Name), files, media, data); err != nil {
					return res, fmt.Errorf("reading contact card: %w", err)
				}
				continue
			}
		}
		text := contentline.Text(l.Value[:min(len(l.Value), maxText)])
		for _, u := range address().FindAllString(text, 50) {
			res.Link(u)
		}
		res.Say(l.Name + ": " + strings.Trim(strings.ReplaceAll(text, ";", " "), " "))
	}
	return res, nil
}

func file(in *tree.Input, res *tree.Result, kind string, n int, media string, data []byte) error {
	name := fmt.Sprintf("%s%d", kind, n)
	if ole.RunsBy("", data) {
		res.Find("file.embedded-program", name, "contact card %q carries an embedded program as its %s", in.Name, kind)
	}
	return res.Add(in.Budget, tree.Child{Name: name, How: "embedded", Declared: media, Data: data}, int64(len(in.Data)))
}
