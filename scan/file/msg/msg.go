// Package msg looks into Outlook messages: files of type MSG ([MS-OXMSG]) and
// the attachment winmail.dat (TNEF, [MS-OXTNEF]).
//
// Both hold the same properties of a message, by number: 0x0037 is the subject,
// 0x1000 the text, 0x3701 the content of an attachment. In a MSG each property
// is a stream of a compound file; in TNEF they follow each other.
package msg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"foregate/mail"
	"foregate/scan/file/ole"
	"foregate/scan/file/tree"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Numbers of properties, [MS-OXPROPS].
const (
	propSubject   = 0x0037
	propHeaders   = 0x007D
	propSender    = 0x0C1F
	propSMTP      = 0x5D01
	propBody      = 0x1000
	propRTF       = 0x1009
	propHTML      = 0x1013
	propData      = 0x3701
	propShortName = 0x3704
	propLongName  = 0x3707
	propMediaType = 0x370E
)

// Types of properties.
const (
	typeText8  = 0x001E
	typeText16 = 0x001F
	typeBinary = 0x0102
	typeObject = 0x000D
)

// Bounds of one message.
const (
	maxBody = 1 << 20   // bytes of a body read
	maxData = 128 << 20 // bytes of one attachment
	maxRTF  = 4 << 20   // bytes of an unpacked RTF body
)

const (
	propStream   = "__substg1.0_"
	attachPrefix = "__attach_version1.0_#"
	recipPrefix  = "__recip_version1.0_#"
)

// Parser opens MSG files.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "msg" }

// Opens implements tree.Parser: a compound file with the streams of a message.
func (Parser) Opens(in *tree.Input) bool {
	return bytes.HasPrefix(in.Data, []byte(ole.Magic)) && bytes.Contains(in.Data, wide("__properties_version1.0"))
}

func wide(s string) []byte {
	var b []byte
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return b
}

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	c, err := ole.OpenCompound(ctx, in.Data)
	if err != nil {
		res.Find("file.damaged-document", err.Error(), "message %q is damaged and can't be read", in.Name)
		return res, fmt.Errorf("opening message: %w", err)
	}
	items := map[string]*item{}
	var order []string
	for _, e := range c.Entries {
		if ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
		id, typ, ok := property(e.Name)
		if !ok {
			continue
		}
		dir := path.Dir(e.Path)
		if strings.Contains(dir, recipPrefix) {
			continue
		}
		it := items[dir]
		if it == nil {
			it = &item{attachment: strings.HasPrefix(path.Base(dir), attachPrefix), path: strings.TrimPrefix(dir, ".")}
			items[dir] = it
			order = append(order, dir)
		}
		if e.Storage {
			it.nested = it.nested || id == propData
			continue
		}
		limit := int64(maxBody)
		if id == propData || id == propRTF {
			limit = maxData
		}
		it.set(id, typ, func() []byte { return c.Read(e, limit) })
	}
	for _, d := range c.Defects {
		res.Find("file.damaged-document", d, "message %q is damaged: %s", in.Name, d)
	}
	for _, dir := range order {
		if err := items[dir].report(in, &res); err != nil {
			return res, fmt.Errorf("taking a message apart: %w", err)
		}
	}
	return res, nil
}

// property reads the name of a property's stream: number and type in
// hexadecimal.
func property(name string) (id, typ int, ok bool) {
	if len(name) < len(propStream)+8 || !strings.EqualFold(name[:len(propStream)], propStream) {
		return 0, 0, false
	}
	var n uint32
	if _, err := fmt.Sscanf(name[len(propStream):len(propStream)+8], "%08X", &n); err != nil {
		return 0, 0, false
	}
	return int(n >> 16), int(n & 0xffff), true
}

// item is a message or an attachment while its properties are gathered.
type item struct {
	attachment bool
	nested     bool // the attachment is a message or an object
	path       string

	subject, sender, headers, body, html string
	rtf, data                            []byte
	name, short, media                   string
}

// set takes one property; content is read only where it is wanted.
func (it *item) set(id, typ int, content func() []byte) {
	text := func(to *string) {
		if *to == "" {
			*to = decode(typ, content())
		}
	}
	switch id {
	case propSubject:
		text(&it.subject)
	case propSMTP, propSender:
		text(&it.sender)
	case propHeaders:
		text(&it.headers)
	case propBody:
		text(&it.body)
	case propHTML:
		text(&it.html)
	case propRTF:
		it.rtf = content()
	case propData:
		if typ == typeBinary {
			it.data = content()
		}
	case propLongName:
		text(&it.name)
	case propShortName:
		text(&it.short)
	case propMediaType:
		text(&it.media)
	}
}

func decode(typ int, b []byte) string {
	if typ == typeText16 {
		out, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder().Bytes(b)
		if err != nil {
			return ""
		}
		return strings.TrimRight(string(out), "\x00")
	}
	b = bytes.TrimRight(b, "\x00")
	if s := string(b); strings.ToValidUTF8(s, "") == s {
		return s
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return ""
	}
	return string(out)
}

var address = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s"'<>(){}\\\x00-\x1f]{3,1000}`)
})

// report turns an item into text, links and children.
func (it *item) report(in *tree.Input, res *tree.Result) error {
	if it.attachment {
		return it.attach(in, res)
	}
	if it.subject != "" || it.sender != "" {
		res.Say(strings.TrimSpace(it.sender + "\n" + it.subject))
	}
	res.Say(it.body)
	links(res, "plain", it.body)
	if it.html != "" {
		links(res, "html", it.html)
		if it.body == "" {
			m := parse("html", it.html)
			if m.Body.CurrentThread != nil {
				res.Say(m.Body.CurrentThread.Text)
			}
		}
		name := "body.html"
		if err := res.Add(in.Budget, tree.Child{Name: name, Path: it.path, How: "embedded", Declared: "text/html", Data: []byte(it.html)}, int64(len(in.Data))); err != nil {
			return err
		}
	}
	if len(it.rtf) == 0 {
		return nil
	}
	rtf, err := unpackRTF(it.rtf)
	if err != nil && len(rtf) == 0 {
		res.Find("file.damaged-document", err.Error(), "the RTF body of message %q is damaged", in.Name)
		return nil
	}
	for _, u := range address().FindAll(rtf, 200) {
		res.Link(string(u))
	}
	if bytes.Contains(rtf, []byte(`\objdata`)) {
		return res.Add(in.Budget, tree.Child{Name: "body.rtf", Path: it.path, How: "embedded", Declared: "text/rtf", Data: rtf}, int64(len(it.rtf)))
	}
	return nil
}

// attach adds an attachment.
func (it *item) attach(in *tree.Input, res *tree.Result) error {
	name := it.name
	if name == "" {
		name = it.short
	}
	if it.data == nil && it.nested {
		return nil // its parts are items of their own
	}
	c := tree.Child{Name: tree.Base(name), How: "attached", Declared: strings.ToLower(it.media), Data: it.data}
	if c.Name != name {
		c.Path = name
	}
	if c.Data == nil {
		c.Problem = "no content"
	} else if ole.RunsBy(c.Name, c.Data) {
		res.Find("file.embedded-program", c.Name, "message %q carries a program %q", in.Name, c.Name)
	}
	return res.Add(in.Budget, c, int64(len(in.Data)))
}

func parse(kind, text string) *mail.Message {
	return mail.Parse(mail.Envelope{}, []byte("MIME-Version: 1.0\r\nContent-Type: text/"+kind+"; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+text))
}

// links finds the links in a body as those of any message are found.
func links(res *tree.Result, kind, text string) {
	if text == "" {
		return
	}
	for _, m := range parse(kind, text).Mentions {
		if m.Kind == mail.MentionAnchor || m.Kind == mail.MentionText || m.Kind == mail.MentionForm {
			res.Link(m.URL)
		}
	}
}

// errRTF says that a compressed body is none.
var errRTF = errors.New("unpacking RTF")

// rtfDictionary is what the window of the compression starts with,
// [MS-OXRTFCP] section 2.1.3.1.
const rtfDictionary = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}` + `{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` + "\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

// unpackRTF expands a compressed RTF body, [MS-OXRTFCP] section 2.2.
func unpackRTF(b []byte) ([]byte, error) {
	if len(b) < 16 {
		return nil, fmt.Errorf("%w: cut short", errRTF)
	}
	switch string(b[8:12]) {
	case "MELA":
		return b[16:], nil
	case "LZFu":
	default:
		return nil, fmt.Errorf("%w: unknown kind %q", errRTF, b[8:12])
	}
	in := b[16:]
	var window [4096]byte
	at := copy(window[:], rtfDictionary)
	var out []byte
	for i := 0; i < len(in) && len(out) < maxRTF; {
		flags := in[i]
		i++
		for bit := 0; bit < 8 && i < len(in); bit++ {
			if flags>>bit&1 == 0 {
				window[at] = in[i]
				out = append(out, in[i])
				at = (at + 1) % len(window)
				i++
				continue
			}
			if i+2 > len(in) {
				return out, fmt.Errorf("%w: cut in a reference", errRTF)
			}
			ref := int(in[i])<<8 | int(in[i+1])
			i += 2
			from, n := ref>>4, ref&15+2
			if from == at {
				return out, nil // the end
			}
			for range n {
				c := window[from]
				window[at] = c
				out = append(out, c)
				from, at = (from+1)%len(window), (at+1)%len(window)
			}
		}
	}
	return out, nil
}
