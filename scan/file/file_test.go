package file

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
	"foregate/scan/file/tree"
)

func zipOf(t testing.TB, encrypted bool, names ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	for _, n := range names {
		h := &zip.FileHeader{Name: n}
		if encrypted {
			h.Flags |= 1
		}
		w, err := zw.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("harmless")); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestAnalyze(t *testing.T) {
	tests := []struct {
		name string
		file string
		raw  []byte
		want []string
	}{
		{"a session that takes the drives", "Zero Trust.rdp", []byte("full address:s:x.example\r\ndrivestoredirect:s:*\r\n"), []string{"file.shortcut", "file.remote-desktop", "file.remote-desktop-hands-over"}},
		{"a shortcut under another name", "report.pdf", []byte("[InternetShortcut]\r\nURL=https://x.example/\r\n"), []string{"file.type-mismatch", "file.shortcut-target"}},
		{"an ordinary text", "report.txt", []byte("plain words"), nil},
		{"a program", "setup.exe", []byte("MZ"), []string{"file.program"}},
		{"trailing dots and spaces that Windows drops", "setup.exe. ", []byte("MZ"), []string{"file.program"}},
		{"a double extension", "invoice.pdf.js", []byte("var a"), []string{"file.program", "file.double-extension"}},
		{"padding before the true extension", "invoice.pdf        .scr", []byte("MZ"), []string{"file.program", "file.double-extension"}},
		{"a version number is no extension", "tool-1.2.zip", zipOf(t, false, "a.txt"), nil},
		{"right to left", "annual\u202efdp.exe", []byte("MZ"), []string{"file.program", "file.reversed-name"}},
		{"a program named as a document", "report.pdf", []byte("MZ\x90"), []string{"file.type-mismatch"}},
		{"a program in an archive", "docs.zip", zipOf(t, false, "a.txt", "docs/run.vbs"), []string{"file.archived-program"}},
		{"an encrypted archive", "docs.zip", zipOf(t, true, "a.txt"), []string{"file.encrypted-archive"}},
		{"a document with macros", "plan.docm", zipOf(t, false, "[Content_Types].xml", "word/vbaProject.bin"), []string{"file.macro-document", "file.macros"}},
		{"a document with an embedded object", "Invitation.docx", zipOf(t, false, "word/document.xml", "word/embeddings/oleObject1.bin"), []string{"file.embedded-object"}},
		{"a page that asks for a password", "login.html", []byte(`<html><input type="password">`), []string{"file.html", "file.html-password-form"}},
		{"a broken archive", "a.zip", []byte("PK\x03\x04 and nothing more"), []string{"file.broken-archive"}},
		{"a shortcut", "Programme.lnk", []byte("L\x00\x00\x00\x01\x14\x02\x00"), []string{"file.shortcut"}},
		{"a disk image", "Programme.iso", nil, []string{"file.disk-image"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &mail.Message{Attachments: []mail.Attachment{{FileName: tt.file, Raw: tt.raw}}}
			f := &mail.Facts{}
			if err := (Stage{}).Analyze(t.Context(), m, f); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range f.Evidence {
				got = append(got, it.ID)
				if it.Claim == "" || strings.ContainsFunc(it.Claim, bidiControl) {
					t.Errorf("claim %q is not safe to print", it.Claim)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// What a message declares an attachment to be may lie as well as its name.
func TestDeclared(t *testing.T) {
	exe := append([]byte("MZ"), make([]byte, 100)...)
	for _, tt := range []struct {
		declared string
		raw      []byte
		want     bool
	}{
		{"image/png", exe, true},
		{"text/plain; name=a.txt", exe, true},
		{"application/octet-stream", exe, false},
		{"image/jpeg", []byte("PK\x03\x04........"), true},
		{"application/pdf", []byte("<html><script>"), true},
		{"text/plain", []byte("<html>"), false},
		{"text/html", []byte("<html>"), false},
		{"application/pdf", []byte("%PDF-1.4"), false},
		{"text/plain", []byte("words"), false},
		{"audio/mpeg", []byte("L\x00\x00\x00\x01\x14\x02\x00"), true},
	} {
		if got := declaredMismatch(tt.declared, Type(tt.raw), tt.raw); got != tt.want {
			t.Errorf("%s with %.8q: %v", tt.declared, tt.raw, got)
		}
	}
}

// An invitation in the name of somebody else than the sender is told.
func TestOrganiser(t *testing.T) {
	for who, want := range map[string]bool{"boss@ministry.example": true, "b@x.example": false, "b@mail.x.example": false} {
		ics := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nORGANIZER;CN=Boss:mailto:" + who + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		m := mail.Parse(mail.Envelope{}, letter("see the invitation", "invite.ics", []byte(ics)))
		f := &mail.Facts{}
		if err := (Stage{}).Analyze(t.Context(), m, f); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, it := range f.Evidence {
			found = found || it.ID == "file.calendar-organizer" && it.Quote == who
		}
		if found != want {
			t.Errorf("organiser %s: found %v, evidence %v", who, found, f.Evidence)
		}
	}
}

func TestType(t *testing.T) {
	tests := map[string]string{
		"%PDF-1.4": "pdf", "MZ\x90\x00": "exe", "  <!DOCTYPE HTML><p>": "html", "<?xml version='1.0'?><svg>": "svg",
		"{\\rtf1": "rtf", "{\\rt{": "rtf", strings.Repeat("\x00", 0x8001) + "CD001": "iso", "hello": "", "": "",
	}
	for in, want := range tests {
		if got := Type([]byte(in)); got != want {
			t.Errorf("Type(%.20q) = %q, want %q", in, got, want)
		}
	}
	if got := Type(zipOf(t, false, "[Content_Types].xml", "word/document.xml")); got != "docx" {
		t.Errorf("Type of a Word document = %q", got)
	}
}

func FuzzExplode(f *testing.F) {
	f.Add("a.pdf.exe", []byte("MZ"))
	f.Add("x.zip", zipOf(f, true, "a/b.lnk"))
	f.Add("x.svg", []byte("<svg><script>"))
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		nodes, err := Local{}.Explode(t.Context(), Request{Files: []Source{{Name: name, Data: raw}}, Passwords: []string{"infected"}})
		if err != nil || len(nodes) != 1 {
			t.Fatalf("%d trees: %v", len(nodes), err)
		}
		nodes[0].Walk(func(n *Node, path []string) {
			if len(n.Findings) > maxNodeFindings || n.Depth > tree.MaxDepth+1 || len(path) != n.Depth+1 {
				t.Fatalf("%d findings at depth %d", len(n.Findings), n.Depth)
			}
		})
	})
}
