package msg

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"testing"

	"foregate/scan/file/internal/sample"
	"foregate/scan/file/tree"
)

var _ = flag.Bool("update", false, "write the golden files")

func prop(dir string, id, typ int, data []byte) sample.Stream {
	if dir != "" {
		dir += "/"
	}
	return sample.Stream{Path: fmt.Sprintf("%s%s%04X%04X", dir, propStream, id, typ), Data: data}
}

// plainRTF packs text as literals only.
func packRTF(s string) []byte {
	b := make([]byte, 16)
	copy(b[8:], "LZFu")
	for i := 0; i < len(s); i += 8 {
		b = append(append(b, 0), s[i:min(i+8, len(s))]...)
	}
	return b
}

func outlook() []byte {
	const at = "__attach_version1.0_#00000000"
	const inner = "__attach_version1.0_#00000001/__substg1.0_3701000D"
	return sample.Compound([]sample.Stream{
		{Path: "__properties_version1.0", Data: make([]byte, 32)},
		prop("", propSubject, typeText16, sample.UTF16("Your invoice")),
		prop("", propBody, typeText16, sample.UTF16("See https://pay.example/x now")),
		prop("", propHTML, typeBinary, []byte(`<a href="https://html.example/">pay</a>`)),
		prop("", propRTF, typeBinary, packRTF(`{\rtf1 http://rtf.example/ {\object{\*\objdata 00}}}`)),
		prop(at, propLongName, typeText16, sample.UTF16("invite.exe")),
		prop(at, propShortName, typeText8, []byte("INVITE~1.EXE")),
		prop(at, propData, typeBinary, []byte(sample.Marker)),
		{Path: inner + "/__properties_version1.0", Data: make([]byte, 24)},
		prop(inner, propSubject, typeText8, []byte("forwarded")),
		prop(inner+"/__attach_version1.0_#00000000", propLongName, typeText8, []byte("eicar.com")),
		prop(inner+"/__attach_version1.0_#00000000", propData, typeBinary, sample.EICAR()),
	})
}

func attribute(level byte, id uint32, data []byte) []byte {
	b := append([]byte{level}, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[1:], id)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	sum := uint16(0)
	for _, c := range data {
		sum += uint16(c)
	}
	return binary.LittleEndian.AppendUint16(append(b, data...), sum)
}

func mapi(props ...[]byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(props))), bytes.Join(props, nil)...)
}

func variable(id, typ uint16, data []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, typ)
	b = binary.LittleEndian.AppendUint16(b, id)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func winmail() []byte {
	b := append([]byte(tnefMagic), 1, 0)
	named := append([]byte{0x03, 0, 0x00, 0x80}, make([]byte, 24)...) // a named number
	b = append(b, attribute(1, attrSubject, []byte("Report\x00"))...)
	b = append(b, attribute(1, attrMessage, mapi(append(named, 1, 0, 0, 0), variable(propBody, typeText16, sample.UTF16("open http://tnef.example/a")), variable(propRTF, typeBinary, packRTF("{\\rtf1 hi}"))))...)
	b = append(b, attribute(2, attrAttachStart, make([]byte, 14))...)
	b = append(b, attribute(2, attrAttachTitle, []byte("TOOL~1.EXE\x00"))...)
	b = append(b, attribute(2, attrAttachData, []byte(sample.Marker))...)
	b = append(b, attribute(2, attrAttachment, mapi(variable(propLongName, typeText16, sample.UTF16("tool.exe\x00"))))...)
	b = append(b, attribute(2, attrAttachStart, make([]byte, 14))...)
	b = append(b, attribute(2, attrAttachTitle, []byte("eicar.com\x00"))...)
	return append(b, attribute(2, attrAttachData, sample.EICAR())...)
}

func files() map[string][]byte {
	return map[string][]byte{"outlook": outlook(), "winmail": winmail()}
}

func parser(name string) tree.Parser {
	if name == "winmail" {
		return TNEF{}
	}
	return Parser{}
}

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, parser(name), name, sample.Input(name+".msg", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		sample.Torture(t, parser(name), name+".msg", data)
	}
}

// The example of [MS-OXRTFCP] section 3.1.
func TestUnpackRTF(t *testing.T) {
	packed := []byte("\x2d\x00\x00\x00\x2b\x00\x00\x00\x4c\x5a\x46\x75\xf1\xc5\xc7\xa7\x03\x00\x0a\x00\x72\x63\x70\x67\x31\x32\x35\x42\x32\x0a\xf3\x20\x68\x65\x6c\x09\x00\x20\x62\x77\x05\xb0\x6c\x64\x7d\x0a\x80\x0f\xa0")
	got, err := unpackRTF(packed)
	if want := "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if _, err := unpackRTF([]byte("xx")); err == nil || err.Error() != "unpacking RTF: cut short" {
		t.Errorf("error %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f.msg", data)
		for _, p := range []tree.Parser{Parser{}, TNEF{}} {
			if p.Opens(in) {
				res, _ := p.Open(t.Context(), in)
				sample.Check(t, res)
			}
		}
		_, _ = unpackRTF(data)
		properties(data, &item{})
	})
}
