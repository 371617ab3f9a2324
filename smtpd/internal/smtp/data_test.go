package smtp

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// endless is a Body that takes all there is.
func endless() *Body {
	return &Body{Max: 1 << 30, MaxLine: 1 << 30, Room: func(int64) bool { return true }}
}

// decode reads wire as message data and returns the message and what is left.
func decode(t testing.TB, b *Body, wire string) (raw, rest string, err error) {
	t.Helper()
	b.Dir = t.TempDir()
	in := bufio.NewReaderSize(strings.NewReader(wire), ReadBuffer)
	if err = b.Read(in); err == nil && b.Fault == Sound {
		var all []byte
		all, err = b.Load()
		raw = string(all)
	}
	b.Close()
	if files, _ := os.ReadDir(b.Dir); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
	left, _ := io.ReadAll(in)
	return raw, string(left), err
}

func TestRead(t *testing.T) {
	long := strings.Repeat("x", 3*ReadBuffer)
	nuls := strings.Repeat("\x00", 3*ReadBuffer)
	for name, c := range map[string]struct {
		wire, raw, rest string
		fault           Fault
	}{
		"empty":                        {".\r\n", "", "", Sound},
		"one line":                     {"a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n", Sound},
		"stuffed":                      {"..\r\n..a\r\n...\r\n.\r\n", ".\r\n.a\r\n..\r\n", "", Sound},
		"dot not stuffed":              {".a\r\n.\r\n", "a\r\n", "", Sound}, // RFC 5321 section 4.5.2: the first dot goes
		"dot after text":               {"a.\r\n.\r\n", "a.\r\n", "", Sound},
		"long line":                    {long + "\r\n.\r\n", long + "\r\n", "", Sound},
		"long stuffed line":            {".." + long + "\r\n.\r\n", "." + long + "\r\n", "", Sound},
		"CRLF astride two chunks":      {long[:ReadBuffer-1] + "\r\n.\r\nX", long[:ReadBuffer-1] + "\r\n", "X", Sound},
		"bare CR astride two chunks":   {long[:ReadBuffer-1] + "\rx\r\n.\r\nX", "", "X", BareNewline},
		"CR CR LF":                     {"a\r\r\n.\r\nX", "", "X", BareNewline},
		"CR CR LF astride":             {long[:ReadBuffer-1] + "\r\r\n.\r\nX", "", "X", BareNewline},
		"bare LF first":                {"\n.\r\nX\r\n.\r\nY", "", "Y", BareNewline},
		"eight bits":                   {"\xff\x80\r\n.\r\n", "\xff\x80\r\n", "", Sound},
		"NUL kept":                     {"a\x00b\r\n\x00\r\n.\r\n", "a\x00b\r\n\x00\r\n", "", Sound},
		"NUL and dots kept":            {"\x00..\r\n\x00.a\r\n.\r\n", "\x00..\r\n\x00.a\r\n", "", Sound},
		"NUL after stuffed dot":        {"..\x00\r\n.\r\n", ".\x00\r\n", "", Sound},
		"smuggle LF . LF":              {"a\n.\nb\r\n.\r\nX", "", "X", BareNewline},
		"smuggle LF . CR":              {"a\n.\rb\r\n.\r\nX", "", "X", BareNewline},
		"smuggle CR . LF":              {"a\r.\nb\r\n.\r\nX", "", "X", BareNewline},
		"smuggle CR . CR":              {"a\r.\rb\r\n.\r\nX", "", "X", BareNewline},
		"smuggle LF . CRLF":            {"a\n.\r\nb\r\n.\r\nX", "", "X", BareNewline},
		"smuggle CR . CRLF":            {"a\r.\r\nb\r\n.\r\nX", "", "X", BareNewline},
		"smuggle CRLF NUL . CRLF":      {"a\r\n\x00.\r\nb\r\n.\r\nX", "", "X", NulDot},
		"smuggle CRLF . NUL CRLF":      {"a\r\n.\x00\r\nb\r\n.\r\nX", "a\r\n\x00\r\nb\r\n", "X", Sound},
		"smuggle NULs NULs . NUL":      {"a\r\n" + nuls + ".\x00\r\nb\r\n.\r\nX", "", "X", NulDot},
		"smuggle CRLF . LF":            {"a\r\n.\nb\r\n.\r\nX", "", "X", BareNewline},
		"smuggle CRLF . CR CRLF":       {"a\r\n.\r\r\nb\r\n.\r\nX", "", "X", BareNewline},
		"end inside the refused part":  {"a\nb\r\n..\r\n.\r\nX", "", "X", BareNewline},
		"end of data is not CR LF dot": {"a\r\n.b\r\n.\r\n", "a\r\nb\r\n", "", Sound},
	} {
		b := endless()
		raw, rest, err := decode(t, b, c.wire)
		if err != nil || rest != c.rest || b.Fault != c.fault || raw != c.raw {
			t.Errorf("%s: fault %d, rest %q, err %v, raw %.60q; want fault %d, rest %q, raw %.60q", name, b.Fault, rest, err, raw, c.fault, c.rest, c.raw)
		}
	}
}

func TestReadBounds(t *testing.T) {
	const wire = "0123456789\r\n.\r\nX"
	for _, c := range []struct {
		name  string
		max   int64
		line  int
		fault Fault
	}{
		{"fits exactly", 12, 12, Sound},
		{"one octet too big", 11, 12, TooBig},
		{"line too long", 12, 11, LongLine},
	} {
		b := endless()
		b.Max, b.MaxLine = c.max, c.line
		_, rest, err := decode(t, b, wire)
		if err != nil || rest != "X" || b.Fault != c.fault {
			t.Errorf("%s: fault %d, rest %q, err %v; want fault %d", c.name, b.Fault, rest, err, c.fault)
		}
	}

	big := strings.Repeat(strings.Repeat("y", 998)+"\r\n", 1000)
	b := endless()
	b.Max = 10
	if _, _, err := decode(t, b, big+".\r\n"); err != ErrDrain {
		t.Errorf("far too big: %v, want ErrDrain", err)
	}
	b = endless()
	if _, _, err := decode(t, b, "a\r\n."); err != io.EOF {
		t.Errorf("cut off: %v, want EOF", err)
	}
}

// A message over keepSize goes through a file and comes back whole; with no room
// for it, it is read to its end all the same.
func TestSpool(t *testing.T) {
	for _, lines := range []int{262, 263, 525, 1000} {
		var big strings.Builder
		for i := range lines {
			fmt.Fprintf(&big, "%6d%s\r\n", i, strings.Repeat("y", 992))
		}
		asked := int64(0)
		b := endless()
		b.Room = func(n int64) bool { asked += max(n, 0); return true }
		raw, rest, err := decode(t, b, big.String()+".\r\nX")
		if err != nil || rest != "X" || raw != big.String() {
			t.Errorf("%d octets: %d came back, rest %q, %v", big.Len(), len(raw), rest, err)
		}
		if got, want := asked > 0, big.Len() > keepSize; got != want || asked > int64(big.Len()) {
			t.Errorf("%d octets: %d on the disk", big.Len(), asked)
		}
		if big.Len() <= keepSize {
			continue
		}
		b = endless()
		b.Room = func(int64) bool { return false }
		if _, rest, err := decode(t, b, big.String()+".\r\nX"); err != nil || rest != "X" || b.Fault != NoRoom || b.Size != 0 {
			t.Errorf("no room: fault %d, rest %q, %v", b.Fault, rest, err)
		}
	}
	b := endless()
	b.Dir = filepath.Join(t.TempDir(), "absent")
	if err := b.Read(bufio.NewReaderSize(strings.NewReader(strings.Repeat("y\r\n", keepSize)+".\r\n"), ReadBuffer)); err != nil || b.Fault != NoRoom {
		t.Errorf("no folder: fault %d, %v", b.Fault, err)
	}
}

// stuff is the obvious encoder.
func stuff(raw string) string {
	var w strings.Builder
	for line := range strings.SplitAfterSeq(raw, "\r\n") {
		if strings.HasPrefix(line, ".") {
			w.WriteByte('.')
		}
		w.WriteString(line)
	}
	if raw != "" && !strings.HasSuffix(raw, "\r\n") {
		w.WriteString("\r\n")
	}
	return w.String() + ".\r\n"
}

func encode(t testing.TB, pieces ...[]byte) string {
	t.Helper()
	var w bytes.Buffer
	out := bufio.NewWriterSize(&w, 32)
	if err := WriteData(out, pieces); err != nil {
		t.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

func TestWriteData(t *testing.T) {
	for _, c := range []struct {
		pieces []string
		want   string
	}{
		{nil, ".\r\n"},
		{[]string{""}, ".\r\n"},
		{[]string{"a"}, "a\r\n.\r\n"},
		{[]string{"a\r"}, "a\r\r\n.\r\n"},
		{[]string{".", "\r\n"}, "..\r\n.\r\n"},
		{[]string{"a\r", "\n", "."}, "a\r\n..\r\n.\r\n"},
		{[]string{"a\r\n", ".b\r\n"}, "a\r\n..b\r\n.\r\n"},
		{[]string{"a\r", "\n.b\r\n"}, "a\r\n..b\r\n.\r\n"},
		{[]string{"a.", "b\r\n"}, "a.b\r\n.\r\n"},
		{[]string{"\r\n.\r\n.\r\n"}, "\r\n..\r\n..\r\n.\r\n"},
	} {
		var pieces [][]byte
		for _, p := range c.pieces {
			pieces = append(pieces, []byte(p))
		}
		if got := encode(t, pieces...); got != c.want {
			t.Errorf("WriteData(%q) = %q, want %q", c.pieces, got, c.want)
		}
	}
}

// A message cut into any pieces is encoded as the whole is, and decodes to
// itself.
func TestStuffingLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"\r\n", ".", "..", "a", "\r\n.\r\n", "xyz", "\x00b", "\xff"})).Draw(t, "raw"), "")
		if raw != "" && !strings.HasSuffix(raw, "\r\n") {
			raw += "\r\n"
		}
		var pieces [][]byte
		for rest := []byte(raw); len(rest) > 0; {
			n := rapid.IntRange(0, len(rest)).Draw(t, "cut")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
			if n == 0 && len(pieces) > 50 {
				pieces, rest = append(pieces, rest), nil
			}
		}
		var w bytes.Buffer
		out := bufio.NewWriterSize(&w, 16)
		if err := WriteData(out, pieces); err != nil {
			t.Fatal(err)
		}
		_ = out.Flush()
		if w.String() != stuff(raw) {
			t.Fatalf("encoded %q, want %q", w.String(), stuff(raw))
		}
		b := endless()
		if err := b.Read(bufio.NewReaderSize(&w, 16)); err != nil {
			t.Fatal(err)
		}
		if b.Fault != Sound {
			return
		}
		if got, err := b.Load(); err != nil || string(got) != raw {
			t.Fatalf("decoded %q, %v, want %q", got, err, raw)
		}
	})
}

// laxEnds are octet sequences that some server takes for the end of data.
func laxEnds() []string {
	return []string{"\n.\n", "\n.\r", "\r.\n", "\r.\r", "\n.\r\n", "\r.\r\n", "\r\n\x00.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\x00\r\n"}
}

// What is taken and sent on has no sequence that any server takes for its end,
// but the true one.
func TestNothingSmuggledOut(t *testing.T) {
	var whole []string
	for _, e := range laxEnds() {
		whole = append(whole, "a"+e+"MAIL FROM:<evil@x.test>\r\n", "a.."+e+".b\r\n", "a"+e+e+"\r\n", e[1:]+"b\r\n", "."+e+"\r\n")
	}
	taken := 0
	for _, w := range whole {
		for _, stuffed := range []string{w + ".\r\n", stuff(w)} {
			for _, tolerate := range []bool{false, true} {
				b := endless()
				b.Tolerate = tolerate
				raw, _, err := decode(t, b, stuffed)
				if err != nil {
					continue // the input has no end of its own
				}
				if b.Fault != Sound {
					continue
				}
				taken++
				out := "\r\n" + encode(t, []byte(raw))
				for _, e := range laxEnds() {
					// The true end may be read as a shorter one of the list; what
					// counts is that nothing follows it.
					if i := strings.Index(out, e); i >= 0 && i+len(e) < len(out)-1 {
						t.Errorf("%q is sent as %q, which has %q inside", stuffed, out, e)
					}
				}
			}
		}
	}
	if taken < 50 {
		t.Errorf("only %d messages were taken: the test shows nothing", taken)
	}
}

// FuzzDataReader compares Read with the definition: the message ends at the
// first CRLF.CRLF, and what was encoded decodes to itself.
func FuzzDataReader(f *testing.F) {
	for _, e := range laxEnds() {
		f.Add([]byte("a"+e+"b\r\n.\r\nQUIT\r\n"), false)
	}
	f.Add([]byte(".\r\n"), true)
	f.Add([]byte("..a\r\n.\r\n.\r\n"), true)
	f.Fuzz(func(t *testing.T, wire []byte, tolerate bool) {
		b := endless()
		b.Tolerate = tolerate
		in := bufio.NewReaderSize(iotest.HalfReader(bytes.NewReader(wire)), 16)
		err := b.Read(in)
		rest, _ := io.ReadAll(in)
		framed := append([]byte("\r\n"), wire...)
		end := bytes.Index(framed, []byte("\r\n.\r\n"))
		if (err == nil) != (end >= 0) {
			t.Fatalf("end at %d, err %v", end, err)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(rest, framed[end+5:]) {
			t.Fatalf("left %q, want %q", rest, framed[end+5:])
		}
		sent := framed[2:max(2, end+2)]
		if bare := HasBareNewline(sent); bare != b.Bare {
			t.Fatalf("bare %v, want %v in %q", b.Bare, bare, sent)
		}
		if b.Fault != Sound {
			return
		}
		raw, err := b.Load()
		if err != nil {
			t.Fatal(err)
		}
		if b.Fault != Sound {
			return
		}
		if HasBareNewline(raw) || HasNulDot(raw) {
			t.Fatalf("took %q", raw)
		}
		again := endless()
		again.Tolerate = true
		back, left, err := decode(t, again, encode(t, raw))
		if err != nil || left != "" {
			t.Fatalf("sent on as %q: rest %q, err %v", encode(t, raw), left, err)
		}
		want := raw
		if len(want) > 0 && !bytes.HasSuffix(want, []byte("\r\n")) {
			want = append(want[:len(want):len(want)], "\r\n"...)
		}
		if again.Fault == Sound && back != string(want) {
			t.Fatalf("decodes to %q, want %q", back, want)
		}
	})
}

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "a\r\nb": "a\r\nb", "a\nb": "a\r\nb", "a\rb": "a\r\nb", "\r\r\n\n": "\r\n\r\n\r\n", "\r": "\r\n",
	} {
		if got := string(Normalize([]byte(in))); got != want {
			t.Errorf("Normalize(%q) = %q, want %q", in, got, want)
		}
		if HasBareNewline([]byte(in)) != (in != want) {
			t.Errorf("HasBareNewline(%q) = %v", in, in == want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	raw := strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 1000) + ".\r\n"
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	in := bufio.NewReaderSize(nil, ReadBuffer)
	for b.Loop() {
		in.Reset(strings.NewReader(raw))
		body := endless()
		if err := body.Read(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteData(b *testing.B) {
	raw := []byte(strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n.\r\n", 1000))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	out := bufio.NewWriterSize(io.Discard, ReadBuffer)
	for b.Loop() {
		if err := WriteData(out, [][]byte{raw}); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleNormalize() {
	fmt.Printf("%q\n", Normalize([]byte("a\nb\r")))
	// Output: "a\r\nb\r\n"
}
