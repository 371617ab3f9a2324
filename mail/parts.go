package mail

import (
	"crypto/md5"  // MDM publishes it; nothing here relies on it
	"crypto/sha1" // likewise
	"encoding/hex"
	"path"
	"strings"

	"foregate/mail/internal/mime"
)

// parts fills Parts and Attachments.
func (p *builder) parts(ps []mime.Part) {
	p.m.Attachments = []Attachment{}
	p.m.Parts = make([]Part, 0, len(ps))
	known := map[string]bool{}
	for i := range ps {
		q := &ps[i]
		part := Part{
			Path: q.Path, Reading: q.Reading, ContentType: q.Type, Declared: utf8Text(q.Declared), Charset: q.Charset, Encoding: q.Encoding,
			Disposition: q.Disposition, ContentID: q.ContentID, Multipart: q.Multipart, Offset: q.Offset, Size: q.Size, Content: q.Content,
		}
		if len(q.FileNames) > 0 {
			part.FileName = q.FileNames[0]
		}
		if len(q.FileNames) > 1 {
			part.FileNames = q.FileNames
		}
		if !q.Multipart {
			part.SHA256 = q.HexSum()
		}
		p.m.Parts = append(p.m.Parts, part)
		if isAttachment(q) {
			p.attach(q, part.SHA256, known)
		}
	}
}

// isAttachment reports whether some client offers the leaf as a file: it has a
// name, is no text, is marked as an attachment, or only another reading of the
// structure reaches it.
func isAttachment(q *mime.Part) bool {
	switch {
	case q.Multipart, q.Nested && q.Reading == "":
		return false // what an attached message holds is its own: the message is the attachment
	case len(q.FileNames) > 0, q.Disposition == "attachment":
		return true
	case strings.HasPrefix(q.Type, "text/"):
		return q.Structural && q.Reading != mime.HeaderEnd
	case q.Type == "message/delivery-status", q.Type == "message/disposition-notification", q.Type == "message/feedback-report":
		return q.Structural
	}
	return true
}

// attach adds the attachments of one leaf: one, and another for each further
// name with a different extension, since a client may open the file by it.
func (p *builder) attach(q *mime.Part, sum string, known map[string]bool) {
	a := Attachment{
		ContentType: declaredType(q), ContentID: q.ContentID, ContentTransferEncoding: q.CTE, ContentDisposition: q.Disposition,
		Size: int64(q.Size), SHA256: sum, FileType: sniff(q.Content), Raw: q.Content,
	}
	names := q.FileNames
	if len(names) == 0 {
		names = []string{""}
	}
	exts := map[string]bool{}
	for _, n := range names {
		ext := extension(n)
		if exts[ext] || known[sum+"\x00"+n] {
			continue
		}
		exts[ext], known[sum+"\x00"+n] = true, true
		if a.MD5 == "" {
			m, s := md5.Sum(q.Content), sha1.Sum(q.Content)
			a.MD5, a.SHA1 = hex.EncodeToString(m[:]), hex.EncodeToString(s[:])
		}
		a.FileName, a.FileExtension = n, ext
		p.m.Attachments = append(p.m.Attachments, a)
	}
}

// declaredType is the part's declared type, the effective one where it
// declares none.
func declaredType(q *mime.Part) string { return utf8Text(q.Type) }

func utf8Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// maxExtension bounds a file extension; what follows the last dot of a long
// name is a sentence, not an extension.
const maxExtension = 32

// extension is the lower-case extension of a file name as Windows reads it:
// blanks and dots at the end do not count.
func extension(name string) string {
	name = strings.TrimRight(name, ". \t\u00a0\u200b\u200e\u200f\u202c")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	ext := strings.TrimPrefix(strings.ToLower(path.Ext(name)), ".")
	if len(ext) > maxExtension || strings.ContainsAny(ext, " \t") {
		return ""
	}
	return ext
}

// sniff names the file type by its first bytes where that is certain; the file
// stage looks closer.
func sniff(b []byte) string {
	head := string(b[:min(len(b), 512)])
	for _, m := range []struct{ magic, typ string }{
		{"%PDF-", "pdf"}, {"\x89PNG\r\n\x1a\n", "png"}, {"\xff\xd8\xff", "jpg"}, {"GIF87a", "gif"}, {"GIF89a", "gif"},
		{"MZ", "exe"}, {"\x7fELF", "elf"}, {"Rar!\x1a\x07", "rar"}, {"7z\xbc\xaf\x27\x1c", "7z"}, {"\x1f\x8b", "gz"},
		{"{\\rtf", "rtf"}, {"BZh", "bz2"}, {"\xfd7zXZ\x00", "xz"}, {"BEGIN:VCALENDAR", "ics"},
	} {
		if strings.HasPrefix(head, m.magic) {
			return m.typ
		}
	}
	return ""
}
