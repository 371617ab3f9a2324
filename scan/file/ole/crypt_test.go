package ole

import (
	"bytes"
	"testing"

	"foregate/scan/file/internal/sample"
)

// Encrypted documents are opened by the passwords of the message and by Excel's own.
func TestEncrypted(t *testing.T) {
	content := append([]byte("PK\x03\x04"), bytes.Repeat([]byte("content "), 1500)...)
	for name, make := range map[string]func(password string) []byte{
		"agile":    func(p string) []byte { return sample.Agile(content, p, 100_000) },
		"standard": func(p string) []byte { return sample.Standard(content, p) },
	} {
		for password, want := range map[string]string{"Wïnter2026": "", "VelvetSweatshop": "file.default-password"} {
			in := sample.Input("plan.xlsx", make(password))
			in.Passwords = []string{"infected", "Wïnter2026"}
			res, err := Parser{}.Open(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Children) != 1 || !bytes.Equal(res.Children[0].Data, content) || res.Children[0].Password != password {
				t.Errorf("%s under %q: %d children, findings %v", name, password, len(res.Children), res.Findings)
			}
			found := want == ""
			for _, f := range res.Findings {
				found = found || f.ID == want
			}
			if !found {
				t.Errorf("%s under %q: findings %v", name, password, res.Findings)
			}
		}
		in := sample.Input("plan.xlsx", make("not to be guessed"))
		in.Passwords = []string{"infected"}
		res, err := Parser{}.Open(t.Context(), in)
		if err != nil || len(res.Children) != 1 || res.Children[0].Data != nil || res.Children[0].Problem != "encrypted: no password found in the message opens it" {
			t.Errorf("%s locked: %v, %+v", name, err, res.Children)
		}
	}
	res, err := Parser{}.Open(t.Context(), sample.Input("a.xlsx", sample.Agile(content, "VelvetSweatshop", maxSpin+1)))
	if err != nil || len(res.Children) != 1 || res.Children[0].Problem != "encrypted: encrypted in a way that is not known" {
		t.Errorf("too many rounds: %v, %+v", err, res.Children)
	}
}

func TestEncryptedTorture(t *testing.T) {
	sample.Torture(t, Parser{}, "a.xlsx", sample.Agile([]byte("content"), "VelvetSweatshop", 10))
}
