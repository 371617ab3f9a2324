package file

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	pix "image"
	"image/color"
	"image/png"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"foregate/mail"
	"foregate/scan/file/filetest"
	"foregate/scan/file/internal/sample"
)

// hostile is a message's file made to use up time or memory.
type hostile struct {
	name, file string
	data       []byte
}

// hostileFiles are the worst files that we know to make.
func hostileFiles() []hostile {
	zeros := make([]byte, 64<<20)
	bomb := filetest.Stored("zeros", nil)
	bomb.Method, bomb.Size, bomb.Packed = 8, uint32(len(zeros)), filetest.Deflate(zeros)
	var bombs []filetest.ZipEntry
	for i := range 40 {
		b := bomb
		b.Name = fmt.Sprintf("b%d.zip", i)
		b.Packed = filetest.Deflate(filetest.RawZip(bomb))
		bombs = append(bombs, b)
	}
	overlap := []filetest.ZipEntry{filetest.Stored("a", zeros[:1<<20])}
	for i := range 3000 {
		e := overlap[0]
		e.Name, e.SameAs = fmt.Sprint("o", i), 1
		overlap = append(overlap, e)
	}
	var pages []filetest.File
	for i := range 60 {
		pages = append(pages, filetest.File{Name: fmt.Sprintf("%d.html", i), Data: []byte(fmt.Sprintf(`<script>var s = "%d"; for (;;) { s += s.split("").reverse().join(""); s = s.slice(0, 1e6); for (var j = 0; j < 1e9; j++) s.charCodeAt(j) }</script>`, i))})
	}
	var pictures []filetest.File
	picture := largePicture()
	for i := range 30 {
		pictures = append(pictures, filetest.File{Name: fmt.Sprintf("%d.png", i), Data: append(picture, byte(i))})
	}
	objects := []string{"<</Type /Catalog /Pages 2 0 R /OpenAction 2 0 R>>", "<</Type /Pages /Kids [2 0 R 2 0 R 3 0 R 2 0 R] /Parent 2 0 R /Next 2 0 R>>"}
	packed := sample.Deflate(sample.Deflate(zeros[:8<<20]))
	for range 400 {
		objects = append(objects, sample.PDFStream("/Type /ObjStm /N 100000 /First 8 /Extends 3 0 R /Filter [/FlateDecode /FlateDecode]", packed))
	}
	ole := sample.Compound([]sample.Stream{{Path: "Package", Data: append([]byte("MZ"), make([]byte, 1<<20)...)}, {Path: "WordDocument", Data: make([]byte, 4096)}})
	for i := 512; i+4 < len(ole); i += 4 {
		if v := binary.LittleEndian.Uint32(ole[i:]); v > 2 && v < 4000 && i%512 > 64 {
			binary.LittleEndian.PutUint32(ole[i:], v-1) // chains that come back
		}
	}
	noise := make([]byte, 1<<20)
	for j := 0; j < len(noise); j += 160 {
		noise[j] = byte(j*j>>7) ^ byte(j>>3)
	}
	var many []filetest.ZipEntry
	one := filetest.Stored("", noise)
	one.Method, one.Packed = 8, filetest.Deflate(noise)
	for i := range 250 {
		one.Name = fmt.Sprintf("%d.bin", i)
		many = append(many, one)
	}
	large := bytes.Repeat(noise, 150)
	runs := strings.Repeat(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("PK\x03\x04inert"), 20))+" ", 60_000)
	return append(hostileMore(), []hostile{
		{"picture of decoys", "a.png", decoyMarks()},
		{"overlapping entries", "a.zip", filetest.RawZip(overlap...)},
		{"many large files", "a.zip", filetest.RawZip(many...)},
		{"one large file", "a.gz", filetest.Gzip("a", large)},
		{"bombs in bombs", "a.zip", filetest.RawZip(bombs...)},
		{"a bomb of markup", "a.html.gz", filetest.Gzip("a.html", bytes.Repeat([]byte("<table id=a><tr><td>"), 1<<19))},
		{"cycles and object streams in PDF", "a.pdf", sample.PDF("/Root 1 0 R", objects...)},
		{"cycles in OLE", "a.doc", ole},
		{"groups in RTF", "a.rtf", []byte(`{\rtf1` + strings.Repeat(`{\object{\*\objdata 0105`, 1<<18))},
		{"mazes of script", "a.zip", filetest.Zip(pages...)},
		{"memory in scripts", "a.html", []byte(strings.Repeat(`<script>var l = []; for (;;) l.push(new Uint8Array(1e6), "ab".repeat(1e5).split(""))</script>`, 40))},
		{"large pictures", "a.zip", filetest.Zip(pictures...)},
		{"dictionary of xz", "a.xz", dictionary()},
		{"sums in VBScript", "a.vbs", []byte("x = \"aaaa\"\n" + strings.Repeat("x = Replace(x, \"a\", \"aaaa\") & x\n", 100_000))},
		{"sums in PowerShell", "a.ps1", []byte(strings.Repeat("'a'+\"b\"+", 1<<20))},
		{"runs of base64", "a.txt.js", []byte(runs)},
		{"a calendar of links", "a.ics", []byte("BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:VEVENT\r\nDESCRIPTION:https://a.example/ \r\n", 200_000))},
	}...)
}

// decoyMarks is a picture strewn with the corner marks of codes.
func decoyMarks() []byte {
	const side = 1600
	g := pix.NewGray(pix.Rect(0, 0, side, side))
	for i := range g.Pix {
		x, y := i%side%16, i/side%16
		d := max(abs(x-7), abs(y-7))
		g.Pix[i] = 255
		if d <= 2 || d == 5 || d == 6 {
			g.Pix[i] = 0
		}
	}
	return pngOf(g)
}

func abs(n int) int { return max(n, -n) }

func largePicture() []byte {
	p := pix.NewPaletted(pix.Rect(0, 0, 4800, 4800), color.Palette{color.White, color.Black, color.Gray{Y: 90}})
	for i := range p.Pix {
		p.Pix[i] = byte(i/4800/9%3 ^ i/13%2)
	}
	return pngOf(p)
}

func pngOf(img pix.Image) []byte {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// dictionary is an xz stream that asks for the largest dictionary, 4 GiB.
func dictionary() []byte {
	b := filetest.XZ(bytes.Repeat([]byte("inert "), 1000))
	size := (int(b[12]) + 1) * 4 // of the block's header
	if i := bytes.Index(b[12:12+size], []byte{0x21, 1}); i >= 0 {
		b[12+i+2] = 40
	}
	binary.LittleEndian.PutUint32(b[12+size-4:], crc32.ChecksumIEEE(b[12:12+size-4]))
	return b
}

// Whatever a file is made to use up, the child that opens it keeps its bounds:
// there is a tree, or an error that names the bound, and the next file is opened
// as if nothing had been.
func TestHostile(t *testing.T) {
	box := boxed(t)
	honest := Request{Files: []Source{{Name: "a.zip", Data: filetest.Zip(filetest.File{Name: "run.exe", Data: filetest.Program("marker")})}}}
	for _, h := range hostileFiles() {
		nodes, err := box.Explode(t.Context(), Request{Files: []Source{{Name: h.file, Data: h.data}}, Passwords: Passwords(&mail.Message{}), Time: 300 * time.Millisecond})
		if len(nodes) == 0 && (err == nil || !strings.Contains(err.Error(), "file worker: it used more than") && !strings.Contains(err.Error(), "in time") && !strings.Contains(err.Error(), "file worker: it died: signal: killed")) {
			t.Errorf("%s: no tree, error %v", h.name, err)
		}
		if nodes, err := box.Explode(t.Context(), honest); err != nil || len(nodes) != 1 || len(nodes[0].Children) != 1 {
			t.Errorf("after %s: %v, %v", h.name, nodes, err)
		}
	}
}

// BenchmarkHostile tells the processor time and the memory that the worst files
// cost a child with the limits of the gate.
func BenchmarkHostile(b *testing.B) {
	for _, h := range hostileFiles() {
		b.Run(strings.ReplaceAll(h.name, " ", "-"), func(b *testing.B) {
			var cpu, died float64
			var peak int64
			for b.Loop() {
				box := boxed(b)
				before := childTime()
				nodes, err := box.Explode(b.Context(), Request{Files: []Source{{Name: h.file, Data: h.data}}, Passwords: Passwords(&mail.Message{})})
				if len(nodes) == 0 {
					b.Logf("no tree: %v", err)
					died++
				}
				peak = max(peak, peakOf(b))
				box.Pool.Close()
				for range 500 { // until its end is counted
					if peakOf(b) == 0 {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				for range 500 { // its time counts when the pool has taken leave of it
					if childTime() > before {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				cpu += (childTime() - before).Seconds()
			}
			b.ReportMetric(cpu/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
			b.ReportMetric(died/float64(b.N), "died/op")
		})
	}
}

// peakOf is the most memory that the idle child of a pool has used, 0 where it
// is gone.
func peakOf(b *testing.B) int64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	dirs, err := os.ReadDir("/proc/self/task")
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range dirs {
		kids, err := os.ReadFile("/proc/self/task/" + d.Name() + "/children")
		if err != nil {
			continue
		}
		for _, pid := range strings.Fields(string(kids)) {
			status, err := os.ReadFile("/proc/" + pid + "/status")
			if err != nil {
				continue
			}
			for line := range strings.Lines(string(status)) {
				var kb int64
				if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 && err == nil {
					return kb << 10
				}
			}
		}
	}
	return 0
}
