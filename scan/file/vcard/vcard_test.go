package vcard

import (
	"encoding/base64"
	"flag"
	"testing"

	"foregate/scan/file/internal/sample"
)

var _ = flag.Bool("update", false, "write the golden files")

func files() map[string][]byte {
	return map[string][]byte{
		"card": []byte("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:The Boss\r\nitem1.URL:https://boss.example/login\r\nEMAIL;TYPE=work:boss@evil.example\r\nPHOTO:data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n")) + "\r\nEND:VCARD\r\n"),
		"old":  []byte("begin:vcard\nVERSION:2.1\nKEY;ENCODING=BASE64;X509:\n " + base64.StdEncoding.EncodeToString([]byte(sample.Marker)) + "\nNOTE:see\\n http://note.example/x\nEND:VCARD"),
	}
}

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, Parser{}, name, sample.Input(name+".vcf", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		sample.Torture(t, Parser{}, name+".vcf", data)
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f.vcf", data)
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}
