package file

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"foregate/mail"
	"foregate/mail/weburl"
	"foregate/mql"
	"foregate/mql/shape"
)

// Answers returns the functions of the rule language that this stage answers,
// by name.
func (t *Trees) Answers() mql.Capabilities {
	return mql.Capabilities{
		"file.explode":         t.answer(func(n *Node) any { return flatten(n) }),
		"file.oletools":        t.answer(func(n *Node) any { return orNull(n.Office) }),
		"beta.file.parse_ics":  t.answer(func(n *Node) any { return orNull(n.Calendar) }),
		"beta.parse_exif":      t.answer(func(n *Node) any { return orNull(n.Exif) }),
		"beta.scan_qr":         t.answer(func(n *Node) any { return orNull(codes(n)) }),
		"file.expand_archives": t.expand,
		"file.parse_eml":       t.parseEML,
		"file.parse_html":      parseHTML,
		"file.parse_text":      parseText,
		"ml.macro_classifier":  t.answer(func(n *Node) any { return orNull(macros(n)) }),
		mql.CodesInFiles:       nil, // the picture parser fills them
	}
}

// subject is the file that a function is asked about; ok is false for null and
// for what has no content.
func subject(args []any) (s Source, ok bool) {
	if len(args) == 0 {
		return s, false
	}
	switch a := args[0].(type) {
	case *mail.Attachment:
		if a != nil {
			return Source{Name: a.FileName, Declared: a.ContentType, Data: a.Raw}, true
		}
	case *shape.DownloadedFile:
		if a != nil && a.Raw != nil {
			return Source{Name: a.FileName, Declared: a.ContentType, Data: a.Raw}, true
		}
	case *shape.Image:
		if a != nil && a.Raw != nil {
			return Source{Name: "image.png", Data: a.Raw}, true
		}
	}
	return s, false
}

// answer makes a function out of what a tree says.
func (t *Trees) answer(f func(*Node) any) mql.Answer {
	return func(ctx context.Context, m *mail.Message, args []any) (any, error) {
		s, ok := subject(args)
		if !ok {
			return nil, nil
		}
		n, err := t.File(ctx, m, s)
		if n == nil || err != nil {
			return nil, fmt.Errorf("opening file %q: %w", visible(s.Name), err)
		}
		return f(n), nil
	}
}

// orNull keeps a nil pointer from hiding in an interface.
func orNull[T any](v *T) any {
	if v == nil {
		return nil
	}
	return v
}

// flatten lists a tree, parents first, in the shape of file.explode.
func flatten(root *Node) []shape.File {
	var out []shape.File
	var walk func(n *Node, parent string)
	walk = func(n *Node, parent string) {
		id, depth, size := fmt.Sprint(len(out)+1), n.Depth, int(n.Size)
		ext := extension(n.Name)
		if ext == "" {
			ext = n.Type
		}
		out = append(out, shape.File{
			NodeID: id, ParentNodeID: parent, Depth: &depth, Size: &size,
			FileName: n.Name, FileExtension: ext, Scan: n.Scan, Source: n.How,
			Flavors: &shape.Flavors{MIME: n.MIME, YARA: flavors(n)},
		})
		for _, c := range n.Children {
			walk(c, id)
		}
	}
	walk(root, "")
	return out
}

// codes gathers the pictured codes of a file and of the pictures in it.
func codes(root *Node) *shape.QR {
	looked := false
	found := false
	out := &shape.QR{Found: &found}
	root.Walk(func(n *Node, _ []string) {
		if n.Codes != nil {
			looked = true
			out.Items = append(out.Items, n.Codes.Items...)
		}
	})
	if !looked {
		return nil
	}
	found = len(out.Items) > 0
	return out
}

// macros judges the macros of a document by what they do: those that run by
// themselves and start, fetch or hide something are malicious, the surer the
// more of it they do. It is a count of signs, not a learned classifier. nil
// where there are no macros.
func macros(n *Node) *shape.Macro {
	if n.Office == nil || n.Office.Macros == nil {
		return nil
	}
	byItself, signs := false, 0
	for _, f := range n.Findings {
		switch f.ID {
		case "file.macro-autoexec":
			byItself = true
		case "file.macro-shell", "file.macro-download", "file.macro-obfuscated", "file.macro-stomped":
			signs++
		}
	}
	malicious := byItself && signs > 0
	confidence := [...]string{"low", "medium", "high"}[min(signs, 2)]
	if !malicious && signs == 0 && !byItself {
		confidence = "high" // nothing speaks for it
	}
	return &shape.Macro{Malicious: &malicious, Confidence: confidence}
}

// expand answers file.expand_archives: the files inside, with their content.
func (t *Trees) expand(ctx context.Context, m *mail.Message, args []any) (any, error) {
	s, ok := subject(args)
	if !ok {
		return nil, nil
	}
	nodes, err := t.exploder().Explode(ctx, Request{Files: []Source{s}, Passwords: t.of(m).passwords, Keep: true, Time: left(ctx)})
	if err != nil || len(nodes) != 1 {
		return nil, fmt.Errorf("expanding archive %q: %w", visible(s.Name), err)
	}
	out := &shape.Archive{Files: []mail.Attachment{}}
	nodes[0].Walk(func(n *Node, _ []string) {
		if n == nodes[0] || n.Data == nil || n.How != "archived" {
			return
		}
		out.Files = append(out.Files, mail.Attachment{
			FileName: n.Name, FileExtension: extension(n.Name), FileType: n.Type, ContentType: n.MIME,
			Size: n.Size, MD5: n.MD5, SHA1: n.SHA1, SHA256: n.SHA256, Raw: n.Data,
		})
	})
	return out, nil
}

// parseEML reads an attached message. A file with a NUL among its first bytes is
// none, such as a picture, unless it is declared one: mail programs show no other.
func (t *Trees) parseEML(_ context.Context, _ *mail.Message, args []any) (any, error) {
	s, ok := subject(args)
	if !ok || notText(s) {
		return nil, nil
	}
	parse := t.Parse
	if parse == nil {
		parse = mail.Parse
	}
	return parse(mail.Envelope{}, s.Data), nil
}

// binaryHead is how many bytes of a file tell whether it is text.
const binaryHead = 1 << 10

// notText reports a file that is no text and is not declared a message.
func notText(s Source) bool {
	declared := strings.HasPrefix(strings.ToLower(s.Declared), "message/") || strings.EqualFold(path.Ext(s.Name), ".eml")
	return !declared && bytes.IndexByte(s.Data[:min(len(s.Data), binaryHead)], 0) >= 0
}

// parseHTML reads a page.
func parseHTML(_ context.Context, _ *mail.Message, args []any) (any, error) {
	s, ok := subject(args)
	if !ok {
		return nil, nil
	}
	text, _ := decodeText(s.Data, nil)
	return &shape.HTML{Raw: text, Read: readHTML}, nil
}

// readHTML reads a page as the body of a message is read.
func readHTML(out *shape.HTML) {
	var msg bytes.Buffer
	msg.WriteString("MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	msg.WriteString(out.Raw)
	page := mail.Parse(mail.Envelope{}, msg.Bytes())
	out.Links = []mail.Link{}
	if b := page.Body.HTML; b != nil {
		out.DisplayText, out.InnerText = b.DisplayText, b.InnerText
	}
	for _, mention := range page.Mentions {
		if mention.Source != mail.InHTML || mention.Kind != mail.MentionAnchor && mention.Kind != mail.MentionText {
			continue
		}
		if l, ok := weburl.Link(mention, nil); ok {
			out.Links = append(out.Links, l)
		}
	}
}

// parseText answers file.parse_text; the second argument names encodings to
// try in order.
func parseText(_ context.Context, _ *mail.Message, args []any) (any, error) {
	s, ok := subject(args)
	if !ok {
		return nil, nil
	}
	var names []string
	if len(args) > 1 {
		names, _ = args[1].([]string)
		if list, ok := args[1].([]any); ok {
			for _, v := range list {
				if name, ok := v.(string); ok {
					names = append(names, name)
				}
			}
		}
	}
	text, name := decodeText(s.Data, names)
	return &shape.ParsedText{Text: text, Encoding: name}, nil
}

// finish fills the parts of the scan tree that follow from the others: the
// links and the printable strings.
func (x *explorer) finish(n *Node, data []byte) {
	found := n.URLs
	if n.Text != "" && len(found) == 0 {
		found = textURLs(n.Text)
	}
	found = found[:min(len(found), max(x.urls, 0))]
	x.urls -= len(found)
	x.text -= len(n.Text)
	urls := &shape.ScanURL{}
	for _, s := range found {
		if u, ok := weburl.Parse(s); ok {
			urls.URLs = append(urls.URLs, weburl.Unwrap(u))
		} else {
			urls.InvalidURLs = append(urls.InvalidURLs, s)
		}
	}
	if len(found) > 0 && n.Scan.URL == nil {
		n.Scan.URL = urls
	}
	if n.Scan.Strings == nil && x.text > 0 {
		s := printableStrings(data)
		if isText(data) && n.Text != "" {
			s = strings.Split(strings.TrimSpace(n.Text[:min(len(n.Text), maxStringSum)]), "\n")
			s = s[:min(len(s), maxStrings)]
		}
		if len(s) > 0 {
			n.Scan.Strings = &shape.ScanStrings{Raw: strings.Join(s, "\n"), Strings: s}
			x.text -= 2 * len(n.Scan.Strings.Raw)
		}
	}
}

// textURLs finds the addresses in a text, each with what stands around its
// "://" up to a blank or a bracket.
func textURLs(text string) []string {
	const edges = " \t\r\n\"'<>()[]{}"
	const longest = 8 << 10
	var out []string
	for at := 0; len(out) < maxNodeURLs; {
		i := strings.Index(text[at:], "://")
		if i < 0 {
			break
		}
		i += at
		start := strings.LastIndexAny(text[at:i], edges) + 1 + at
		end := i + len("://")
		if n := strings.IndexAny(text[end:min(len(text), end+longest)], edges); n >= 0 {
			end += n
		} else {
			end = min(len(text), end+longest)
		}
		if u, ok := weburl.FirstURL(text[start:end]); ok {
			out = append(out, u.URL)
		}
		at = end
	}
	return out
}

// flavors are the names that rules know file types by.
func flavors(n *Node) []string {
	names := map[string]string{
		"7z": "_7zip_file", "arj": "arj_file", "cab": "cab_file", "iso": "iso_file", "udf": "iso_file", "mhtml": "mhtml_file", "rar": "rar_file",
		"tar": "tar_file", "zip": "zip_file", "jar": "zip_file", "mp3": "mp3_file", "bz2": "bzip2_file", "gz": "gzip_file", "lzma": "lzma_file",
		"xz": "xz_file", "ole": "olecf_file", "doc": "olecf_file", "xls": "olecf_file", "ppt": "olecf_file", "msg": "olecf_file", "msi": "olecf_file",
		"docx": "ooxml_file", "xlsx": "ooxml_file", "pptx": "ooxml_file", "pdf": "pdf_file", "rtf": "rtf_file", "eml": "email_file", "tnef": "tnef_file",
		"elf": "elf_file", "lnk": "lnk_file", "macho": "macho_file", "exe": "mz_file", "bmp": "bmp_file", "gif": "gif_file", "jpg": "jpeg_file",
		"png": "png_file", "psd": "psd_file", "svg": "svg_file", "deb": "debian_package_file", "rpm": "rpm_file", "bat": "batch_file", "js": "javascript_file",
		"vbs": "vb_file", "hta": "hta_file", "html": "html_file", "json": "json_file", "php": "php_file", "xml": "xml_file", "avi": "avi_file", "pgp": "pgp_file",
	}
	var out []string
	if f := names[n.Type]; f != "" {
		out = append(out, f)
	}
	if n.Scan != nil && n.Scan.ZIP != nil && n.Scan.ZIP.Encrypted != nil && *n.Scan.ZIP.Encrypted {
		out = append(out, "encrypted_zip")
	}
	return out
}
