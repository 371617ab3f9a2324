package onenote

import (
	"encoding/binary"
	"flag"
	"testing"

	"foregate/scan/file/internal/sample"
)

var _ = flag.Bool("update", false, "write the golden files")

// section writes what matters of a section: the header, texts, and files.
func section(texts []string, files ...[]byte) []byte {
	b := append([]byte(magic), make([]byte, 1024-16)...)
	for _, s := range texts {
		u := sample.UTF16(s)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(u)+2))
		b = append(append(b, u...), 0, 0)
	}
	for _, f := range files {
		b = append(b, dataHeader...)
		b = binary.LittleEndian.AppendUint64(b, uint64(len(f)))
		b = append(append(b, make([]byte, 12)...), f...)
		b = append(b, make([]byte, 16)...)
	}
	return b
}

func files() map[string][]byte {
	png := []byte("\x89PNG\r\n\x1a\n a button that says open")
	lying := section([]string{"x.exe"}, []byte(sample.Marker))
	binary.LittleEndian.PutUint64(lying[len(lying)-len(sample.Marker)-16-20:], 1<<60)
	return map[string][]byte{
		"attack": section([]string{"Double click to view", "button.png", "invite.hta", "Z:\\build\\invite.hta", "https://go.example/x"}, png, []byte("<script>'inert'</script>")),
		"marker": section([]string{"notes.txt", "tool.exe"}, []byte(sample.Marker), []byte("plain notes")),
		"eicar":  section([]string{"eicar.com"}, sample.EICAR()),
		"lying":  lying,
		"gone":   section([]string{"lost.cmd"}),
	}
}

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, Parser{}, name, sample.Input(name+".one", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		sample.Torture(t, Parser{}, name+".one", data)
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f.one", data)
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}
