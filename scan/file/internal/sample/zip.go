package sample

import (
	"archive/zip"
	"bytes"
)

// File is a file to pack.
type File struct {
	Name string
	Data string
}

// Zip packs files, in order.
func Zip(files ...File) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		e, err := w.Create(f.Name)
		if err == nil {
			_, err = e.Write([]byte(f.Data))
		}
		if err != nil {
			panic(err) // a bytes.Buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Rels writes a part of relationships from triples of type, target and mode.
func Rels(rels ...[3]string) string {
	s := `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	for i, r := range rels {
		mode := ""
		if r[2] != "" {
			mode = ` TargetMode="` + r[2] + `"`
		}
		s += `<Relationship Id="rId` + string(rune('1'+i)) + `" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/` + r[0] + `" Target="` + r[1] + `"` + mode + `/>`
	}
	return s + `</Relationships>`
}
