package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"
)

// sealed writes a PDF with a link and an embedded program, encrypted under a
// password by a method.
func sealed(version, revision int, method, password string) []byte {
	s := &security{version: version, revision: revision, owner: bytes.Repeat([]byte("o"), 32), permissions: 0xfffff0c0, size: 16, id: []byte("sixteen bytes ..")}
	entries := ""
	if version == 1 {
		s.size = 5
	}
	if version == 5 {
		s.key = bytes.Repeat([]byte("k"), 32)
		block, err := aes.NewCipher(s.hash([]byte(password), []byte("key salt")))
		if err != nil {
			panic(err)
		}
		s.userKey = make([]byte, 32)
		cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(s.userKey, s.key)
		s.user = slices.Concat(s.hash([]byte(password), []byte("its salt")), []byte("its salt"), []byte("key salt"))
		entries = fmt.Sprintf("/UE <%x>", s.userKey)
	} else {
		s.key, s.user = s.userEntry(password)
		s.user = append(s.user, make([]byte, 32-len(s.user))...)
	}
	if version >= 4 {
		entries += fmt.Sprintf("/CF <</StdCF <</CFM /%s /Length 16>>>> /StmF /StdCF /StrF /StdCF", method)
	}
	text := func(num int, v string) string { return "<" + hex.EncodeToString(s.seal([]byte(v), method, num)) + ">" }
	return sample.PDF("/Root 1 0 R /Encrypt 5 0 R /ID [<"+hex.EncodeToString(s.id)+"> <00>]",
		"<</Type /Catalog /OpenAction <</S /URI /URI "+text(1, "https://sealed.example/login")+">> /Names <</EmbeddedFiles <</Names [(x) 2 0 R]>>>>>>",
		"<</Type /Filespec /F "+text(2, "invite.exe")+" /EF <</F 3 0 R>>>>",
		sample.PDFStream("/Type /EmbeddedFile /Filter /FlateDecode", s.seal(sample.Deflate([]byte(sample.Marker)), method, 3)),
		sample.PDFStream("/Type /ObjStm /N 1 /First 4", s.seal([]byte("9 0 <</S /URI /URI (https://packed.example/)>>"), method, 4)),
		fmt.Sprintf("<</Filter /Standard /V %d /R %d /Length %d /O <%x> /U <%x> /P %d %s>>", version, revision, 8*s.size, s.owner, s.user, int32(s.permissions), entries))
}

// seal is the other direction of decrypt.
func (s *security) seal(in []byte, method string, num int) []byte {
	if method == "V2" {
		return s.decrypt(in, method, num, 0) // RC4 is its own reverse
	}
	key := s.key
	if s.version < 5 {
		key = s.objectKey(method, num, 0)
	}
	pad := 16 - len(in)%16
	plain := append(bytes.Clone(in), bytes.Repeat([]byte{byte(pad)}, pad)...)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	iv := []byte("sixteen other ..")
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	return append(iv, plain...)
}

// Files that open without a password, or with one of the message's, are read.
func TestEncrypted(t *testing.T) {
	for _, tt := range []struct {
		version, revision int
		method            string
	}{{1, 2, "V2"}, {2, 3, "V2"}, {4, 4, "V2"}, {4, 4, "AESV2"}, {5, 5, "AESV3"}, {5, 6, "AESV3"}} {
		for _, password := range []string{"", "Winter2026"} {
			what := fmt.Sprintf("V%d R%d %s with %q", tt.version, tt.revision, tt.method, password)
			in := sample.Input("a.pdf", sealed(tt.version, tt.revision, tt.method, password))
			in.Passwords = []string{"infected", "Winter2026"}
			res, err := Parser{}.Open(t.Context(), in)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if !slices.Contains(res.URLs, "https://sealed.example/login") || !slices.Contains(res.URLs, "https://packed.example/") {
				t.Errorf("%s: links %q", what, res.URLs)
			}
			if len(res.Children) != 1 || string(res.Children[0].Data) != sample.Marker || res.Children[0].Name != "invite.exe" {
				t.Errorf("%s: children %q", what, res.Children)
			}
			id := map[bool]string{true: "file.encrypted-document", false: "file.decrypted"}[password == ""]
			if len(res.Findings) == 0 || res.Findings[0].ID != id {
				t.Errorf("%s: findings %v", what, res.Findings)
			}
		}
		in := sample.Input("a.pdf", sealed(tt.version, tt.revision, tt.method, "not to be guessed"))
		res, err := Parser{}.Open(t.Context(), in)
		if err != nil || len(res.URLs) != 0 || len(res.Findings) == 0 || res.Findings[0].ID != "file.encrypted-document" || strings.Contains(res.Findings[0].Claim, "without") {
			t.Errorf("V%d R%d locked: %v, links %q, findings %v", tt.version, tt.revision, err, res.URLs, res.Findings)
		}
	}
}

func TestEncryptedTorture(t *testing.T) {
	sample.Torture(t, Parser{}, "a.pdf", sealed(4, 4, "AESV2", ""))
	sample.Torture(t, Parser{}, "a.pdf", sealed(5, 6, "AESV3", ""))
}
