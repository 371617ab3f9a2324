package file

import (
	"encoding/base64"
	"fmt"
	pix "image"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"foregate/mail"
	"foregate/scan/file/filetest"
	"foregate/scan/link"
)

// letter writes a message with a text and one attachment.
func letter(text, name string, data []byte) []byte {
	b64 := base64.StdEncoding.EncodeToString(data)
	var body strings.Builder
	for ; len(b64) > 76; b64 = b64[76:] {
		body.WriteString(b64[:76] + "\r\n")
	}
	body.WriteString(b64)
	return []byte("From: a@x.example\r\nTo: b@y.example\r\nSubject: Rechnung\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@x.example>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text +
		"\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\n\r\n" + body.String() + "\r\n--b--\r\n")
}

// hideout is one way to hide a file.
type hideout struct {
	way, attachment string
	data            []byte
}

// hideouts hides f in every kind of archive and disk image, nested, encrypted
// and disguised.
func hideouts(f filetest.File) []hideout {
	const pw = "Winter2026"
	stored := filetest.Stored(f.Name, f.Data)
	unlisted := stored
	unlisted.Unlisted = true
	twofold := filetest.Stored("letter.txt", f.Data)
	twofold.LocalName = f.Name
	honest := filetest.Stored("letter.txt", []byte("text"))
	in := func(name string, data []byte) filetest.File { return filetest.File{Name: name, Data: data} }
	zip, tar, iso := filetest.Zip(f), filetest.Tar(f), filetest.ISO(true, f)
	docx := filetest.Zip(in("[Content_Types].xml", []byte("<Types/>")), in("word/document.xml", []byte("<document/>")), in("word/"+f.Name, f.Data))
	return []hideout{
		{"zip", "a.zip", zip},
		{"zip under another name", "a.dat", zip},
		{"zip, old encryption", "a.zip", filetest.RawZip(stored.Crypto(pw))},
		{"zip, AES", "a.zip", filetest.RawZip(stored.AES(pw))},
		{"zip, usual password", "a.zip", filetest.RawZip(stored.AES("infected"))},
		{"zip, a file that is not listed", "a.zip", filetest.RawZip(honest, unlisted)},
		{"zip, a file by another name", "a.zip", filetest.RawZip(twofold)},
		{"zip after a picture", "a.gif", append([]byte("GIF89a............;"), zip...)},
		{"zip without its directory", "a.zip", filetest.RawZip(stored)[:len(f.Data)+40]},
		{"rar", "a.rar", filetest.Rar("", f)},
		{"rar, encrypted", "a.rar", filetest.Rar(pw, f)},
		{"7z", "a.7z", filetest.SevenZip("", false, f)},
		{"7z, encrypted", "a.7z", filetest.SevenZip(pw, false, f)},
		{"7z, names encrypted", "a.7z", filetest.SevenZip(pw, true, f)},
		{"tar", "a.tar", tar},
		{"tar in gzip", "a.tgz", filetest.Gzip("", tar)},
		{"tar in xz", "a.txz", filetest.XZ(tar)},
		{"tar in zstd", "a.tzst", filetest.Zstd(tar)},
		{"gzip", "a.gz", filetest.Gzip(f.Name, f.Data)},
		{"cab, stored", "a.cab", filetest.Cab(filetest.CabStored, f)},
		{"cab, MSZIP", "a.cab", filetest.Cab(filetest.CabMSZIP, f)},
		{"cab, LZX", "a.cab", filetest.Cab(filetest.CabLZX, f)},
		{"ISO 9660", "a.iso", filetest.ISO(false, f)},
		{"ISO 9660 with Joliet", "a.iso", iso},
		{"UDF", "a.iso", filetest.UDF(f)},
		{"FAT12", "a.img", filetest.FAT(12, f)},
		{"FAT16", "a.img", filetest.FAT(16, f)},
		{"FAT32", "a.img", filetest.FAT(32, f)},
		{"NTFS", "a.img", filetest.NTFS(f)},
		{"MBR", "a.img", filetest.MBR(filetest.FAT(12, f))},
		{"GPT", "a.img", filetest.GPT(filetest.NTFS(f))},
		{"VHD, fixed", "a.vhd", filetest.VHD(false, filetest.MBR(filetest.NTFS(f)))},
		{"VHD, dynamic", "a.vhd", filetest.VHD(true, filetest.MBR(filetest.FAT(16, f)))},
		{"VHDX", "a.vhdx", filetest.VHDX(filetest.MBR(filetest.NTFS(f)))},
		{"message", "a.eml", letter("see below", f.Name, f.Data)},
		{"zip in a message", "a.eml", letter("see below", "a.zip", zip)},
		{"zip in zip", "a.zip", filetest.Zip(in("b.zip", zip))},
		{"ISO in zip", "a.zip", filetest.Zip(in("b.iso", iso))},
		{"encrypted zip in ISO in zip", "a.zip", filetest.Zip(in("b.iso", filetest.ISO(true, in("c.zip", filetest.RawZip(stored.AES(pw))))))},
		{"rar in VHD in 7z", "a.7z", filetest.SevenZip(pw, true, in("b.vhd", filetest.VHD(false, filetest.MBR(filetest.NTFS(in("c.rar", filetest.Rar("", f)))))))},
		{"beside the parts of a document", "a.docx", docx},
		{"document in zip", "a.zip", filetest.Zip(in("a.docx", docx))},
	}
}

// A program and the scanners' test file, hidden in every way, are found by name.
func TestHidden(t *testing.T) {
	samples := []struct {
		file filetest.File
		id   string
	}{
		{filetest.File{Name: "MARKER.EXE", Data: filetest.Program("marker")}, "file.archived-program"},
		{filetest.File{Name: "virus.txt", Data: filetest.EICAR()}, "file.test-virus"},
	}
	for _, s := range samples {
		for _, h := range append(hideouts(s.file), docHideouts(s.file)...) {
			if h.way == "bzip2" && s.id == "file.test-virus" {
				continue // the one sample that is stored holds the program
			}
			t.Run(s.file.Name+"/"+h.way, func(t *testing.T) {
				m := mail.Parse(mail.Envelope{}, letter("Das Passwort für das Archiv lautet: Winter2026.", h.attachment, h.data))
				f := &mail.Facts{}
				if err := (Stage{}).Analyze(t.Context(), m, f); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, it := range f.Evidence {
					// A program that is attached to a message inside counts as attached.
					if (it.ID == s.id || it.ID == "file.program") && strings.Contains(it.Claim, s.file.Name) {
						return
					}
					got = append(got, it.ID+": "+it.Claim)
				}
				t.Errorf("not found; only %s", strings.Join(got, "\n"))
			})
		}
	}
}

// A password also stands in a picture's code, in a picture's description, in a text
// beside the archive, or in a message inside the message.
func TestPasswordBeside(t *testing.T) {
	const pw = "Tulpe-Nr-7"
	code, err := qrcode.NewQRCodeWriter().Encode("Passwort: "+pw, gozxing.BarcodeFormat_QR_CODE, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := pix.NewGray(pix.Rect(0, 0, 4*code.GetWidth(), 4*code.GetHeight()))
	for i := range g.Pix {
		if x, y := i%g.Stride/4, i/g.Stride/4; !code.Get(x, y) {
			g.Pix[i] = 0xff
		}
	}
	picture := pngOf(g)
	aes := filetest.RawZip(filetest.Stored("MARKER.EXE", filetest.Program("marker")).AES(pw))
	for name, files := range map[string][]mail.Attachment{
		"a code in a picture": {{FileName: "a.zip", Raw: aes}, {FileName: "b.png", Raw: picture}},
		"a text beside":       {{FileName: "a.zip", Raw: aes}, {FileName: "read me.txt", Raw: []byte("Das Passwort lautet " + pw + ".")}},
		"a document beside":   {{FileName: "a.zip", Raw: aes}, {FileName: "b.rtf", Raw: []byte("{\\rtf1 The password is " + pw + "}")}},
		"the message inside":  {{FileName: "a.eml", Raw: letter("The password is "+pw, "a.zip", aes)}},
	} {
		f := &mail.Facts{}
		if err := (Stage{}).Analyze(t.Context(), &mail.Message{Attachments: files}, f); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, it := range f.Evidence {
			found = found || it.ID == "file.decrypted" && it.Quote == pw
		}
		if !found {
			t.Errorf("%s: not opened: %v", name, f.Evidence)
		}
	}
}

// Two readers of one message see two structures; what only one of them shows is
// opened as well.
func TestHiddenInOneReading(t *testing.T) {
	zip := base64.StdEncoding.EncodeToString(filetest.Zip(filetest.File{Name: "MARKER.EXE", Data: filetest.Program("marker")}))
	raw := "From: a@x.example\r\nTo: b@y.example\r\nSubject: s\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=one; boundary=two\r\n\r\n" +
		"--one\r\nContent-Type: text/plain\r\n\r\nhello\r\n--one--\r\n" +
		"--two\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.zip\r\n\r\n" + zip + "\r\n--two--\r\n"
	m := mail.Parse(mail.Envelope{}, []byte(raw))
	f := &mail.Facts{}
	if err := (Stage{}).Analyze(t.Context(), m, f); err != nil {
		t.Fatal(err)
	}
	for _, it := range f.Evidence {
		if it.ID == "file.archived-program" {
			return
		}
	}
	t.Errorf("not found: %d attachments, %v", len(m.Attachments), f.Evidence)
}

// A bomb does not hide the file beside it.
func TestBombBesideProgram(t *testing.T) {
	zeros := make([]byte, 60<<20)
	bomb := filetest.Stored("zeros", zeros)
	bomb.Method, bomb.Packed = 8, filetest.Deflate(zeros)
	m := &mail.Message{Attachments: []mail.Attachment{
		{FileName: "bomb.zip", Raw: filetest.RawZip(bomb)},
		{FileName: "a.zip", Raw: filetest.Zip(filetest.File{Name: "MARKER.EXE", Data: filetest.Program("marker")})},
	}}
	f := &mail.Facts{}
	if err := (Stage{}).Analyze(t.Context(), m, f); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, it := range f.Evidence {
		found[it.ID] = true
	}
	if !found["file.bomb"] || !found["file.archived-program"] {
		t.Errorf("found %v, want the bomb and the program", found)
	}
}

func TestPasswords(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"Password: geheim7", "geheim7"},
		{"The password is geheim7.", "geheim7"},
		{"password for the archive - geheim7", "geheim7"},
		{"pwd=geheim7", "geheim7"},
		{"Das Passwort lautet: geheim7", "geheim7"},
		{"Kennwort: „geheim7“", "geheim7"},
		{"Пароль: секрет7", "секрет7"},
		{"Пароль к архиву: секрет7", "секрет7"},
		{"код 4711", "4711"},
		{"Mot de passe : geheim7", "geheim7"},
		{"Contraseña: geheim7", "geheim7"},
		{"La clave es geheim7", "geheim7"},
		{"Hasło: geheim7", "geheim7"},
		{"密码：geheim7", "geheim7"},
		{"Use Xy77zz to open", "Xy77zz"},
	} {
		m := &mail.Message{}
		m.Body.Plain = &mail.PlainBody{Raw: tt.text}
		got := Passwords(m)
		found := -1
		for i, p := range got {
			if p == tt.want {
				found = i
				break
			}
		}
		if found < 0 || found > 3 {
			t.Errorf("%q gives %q at place %d", tt.text, got[:min(len(got), 6)], found)
		}
		if len(got) > maxPasswords {
			t.Errorf("%d passwords", len(got))
		}
	}
}

// Every word for "password" announces one, also over a line's end.
func TestAnnounced(t *testing.T) {
	for _, w := range []string{"password", "passwords", "pass word", "passwd", "passcode", "passphrase", "pass", "pwd", "pw", "pin code", "access code", "code", "key", "kennwort", "passwort", "schlüssel", "mot de passe", "mdp",
		"contraseña", "contrasena", "clave", "senha", "palavra-passe", "parola", "wachtwoord", "hasło", "haslo", "heslo", "jelszó", "jelszo", "lozinka", "lösenord", "losenord", "adgangskode", "passord", "salasana", "slaptažodis", "slaptazodis", "parool",
		"şifre", "sifre", "kata sandi", "пароль", "пароля", "паролем", "код", "ключ", "шифр", "гасло", "лозинка", "парола", "κωδικός", "סיסמה", "كلمة المرور", "كلمة السر", "رمز", "密码", "密碼", "口令", "パスワード", "암호", "비밀번호"} {
		for _, text := range []string{"Hello\r\n" + title(w) + ": secret\r\nbye", "Hello,\n" + w + ":\n\n secret\r\nbye"} {
			if got := announced(text, bodyPlaces); len(got) != 1 || got[0] != "secret" {
				t.Errorf("%q announces %q", text, got)
			}
		}
	}
	if got := announced("Hello,\nnothing of the kind.\n", bodyPlaces); got != nil {
		t.Errorf("announces %q", got)
	}
}

// title is a word with its first letter in upper case.
func title(w string) string {
	r := []rune(w)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}

// A tree that went through a sandbox's protocol is the tree.
func TestWire(t *testing.T) {
	r := Request{Keep: true, Files: []Source{{Name: "a.zip", Data: filetest.Zip(filetest.File{Name: "b.tar", Data: filetest.Tar(filetest.File{Name: "c", Data: []byte("text")})})}, {Name: "d"}}}
	local, err := Local{}.Explode(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	request, err := encodeRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	var whole []byte
	for _, p := range request {
		whole = append(whole, p...)
	}
	answer, err := Work(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeAnswer(answer, 2)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := outline(local), outline(got); a != b {
		t.Errorf("sent\n%s\ncame\n%s", a, b)
	}
}

// outline writes trees with their content.
func outline(nodes []*Node) string {
	var b strings.Builder
	for _, root := range nodes {
		root.Walk(func(n *Node, path []string) {
			fmt.Fprintf(&b, "%s %s %d %s %q %v\n", strings.Join(path, "/"), n.Type, n.Size, n.SHA256, n.Data, n.Findings)
		})
	}
	return b.String()
}

func FuzzWire(f *testing.F) {
	request, err := encodeRequest(Request{Files: []Source{{Name: "a", Data: []byte("b")}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(append(request[0], request[1]...), request[2]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if nodes, err := decodeAnswer(b, 1); err == nil && len(nodes) > 1 {
			t.Fatalf("%d trees", len(nodes))
		}
		if _, err := Work(t.Context(), b); err != nil && err.Error() == "" {
			t.Fatal("an error without words")
		}
	})
}

func BenchmarkExplode(b *testing.B) {
	prog := filetest.File{Name: "run.exe", Data: filetest.Program("marker")}
	for name, data := range map[string][]byte{"text": []byte(strings.Repeat("some words ", 1000)), "zip": filetest.Zip(prog), "zip-in-iso": filetest.ISO(true, filetest.File{Name: "a.zip", Data: filetest.Zip(prog)})} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (Local{}).Explode(b.Context(), Request{Files: []Source{{Name: "a", Data: data}}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A code that the body draws is found in a message without attachments, and its
// link joins those of the message.
func TestDrawnInBody(t *testing.T) {
	const target = "https://drawn.example/a"
	code, err := qrcode.NewQRCodeWriter().Encode(target, gozxing.BarcodeFormat_QR_CODE, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var cells, blocks strings.Builder
	for y := range code.GetHeight() {
		cells.WriteString("<tr>")
		for x := range code.GetWidth() {
			if code.Get(x, y) {
				cells.WriteString("<td bgcolor=black></td>")
				blocks.WriteString("██")
			} else {
				cells.WriteString("<td></td>")
				blocks.WriteString("  ")
			}
		}
		cells.WriteString("</tr>")
		blocks.WriteString("\r\n")
	}
	head := "From: a@x.example\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: text/"
	for name, raw := range map[string]string{
		"table":  head + "html; charset=utf-8\r\n\r\n<html><body><p>Scan</p><table>" + cells.String() + "</table></body></html>",
		"blocks": head + "plain; charset=utf-8\r\n\r\nScan this:\r\n\r\n" + blocks.String(),
	} {
		m, f := mail.Parse(mail.Envelope{}, []byte(raw)), &mail.Facts{}
		if err := (Stage{}).Analyze(t.Context(), m, f); err != nil {
			t.Fatal(err)
		}
		if err := (link.Stage{}).Analyze(t.Context(), m, f); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, it := range f.Evidence {
			found = found || it.ID == "file.qr-link" && strings.Contains(it.Claim, target)
		}
		joined := false
		for _, l := range f.Links {
			joined = joined || l.URL == target && l.Kind == "file" && l.Source == "file"
		}
		if !found || !joined {
			t.Errorf("%s: found %v, joined %v: %v %v", name, found, joined, f.Evidence, f.Links)
		}
		for _, l := range m.Body.Links {
			if l.HrefURL != nil && l.HrefURL.URL == target {
				t.Errorf("%s: the code counts as a link of the body", name)
			}
		}
	}
}
