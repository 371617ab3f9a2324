package canon

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// recorder is a hash that keeps what it is given.
type recorder struct{ bytes.Buffer }

func (r *recorder) Sum(b []byte) []byte { return append(b, r.Bytes()...) }
func (r *recorder) Reset()              { r.Buffer.Reset() }
func (*recorder) Size() int             { return 0 }
func (*recorder) BlockSize() int        { return 1 }

func body(raw string, form Form, limit int64) (string, int64) {
	var r recorder
	n := Split([]byte(raw)).HashBody(&r, form, limit)
	return r.String(), n
}

func header(raw string, form Form) string {
	var out []byte
	for _, f := range Split([]byte(raw)).Fields {
		out = AppendField(out, f, form)
	}
	return string(out)
}

// TestRFCExample is the example of RFC 6376 section 3.4.5.
func TestRFCExample(t *testing.T) {
	const raw = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n"
	for _, eol := range []string{"\r\n", "\n"} {
		raw := strings.ReplaceAll(raw, "\r\n", eol)
		if got, want := header(raw, Relaxed), "a:X\r\nb:Y Z\r\n"; got != want {
			t.Errorf("relaxed header %q, want %q", got, want)
		}
		if got, want := header(raw, Simple), "A: X\r\nB : Y\t\r\n\tZ  \r\n"; got != want {
			t.Errorf("simple header %q, want %q", got, want)
		}
		if got, _ := body(raw, Relaxed, NoLimit); got != " C\r\nD E\r\n" {
			t.Errorf("relaxed body %q", got)
		}
		if got, _ := body(raw, Simple, NoLimit); got != " C \r\nD \t E\r\n" {
			t.Errorf("simple body %q", got)
		}
	}
}

func TestHashBody(t *testing.T) {
	tests := []struct{ body, simple, relaxed string }{
		{"", "\r\n", ""},
		{"\r\n", "\r\n", ""},
		{"\r\n\r\n\r\n", "\r\n", ""},
		{" \r\n\t\r\n", " \r\n\t\r\n", ""},
		{"a", "a\r\n", "a\r\n"},
		{"a ", "a \r\n", "a\r\n"},
		{"a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
		{"  a\t\tb \r\n \r\n", "  a\t\tb \r\n \r\n", " a b\r\n"},
		{"\ta\r\n", "\ta\r\n", " a\r\n"},
		{"a\rb\r\n", "a\rb\r\n", "a\rb\r\n"},
		{"a\nb\r\n", "a\nb\r\n", "a\nb\r\n"},
		{"a\r\n\n\r\n", "a\r\n\n\r\n", "a\r\n\n\r\n"},
	}
	for _, tt := range tests {
		raw := "A: b\r\n\r\n" + tt.body
		for form, want := range map[Form]string{Simple: tt.simple, Relaxed: tt.relaxed} {
			if got, n := body(raw, form, NoLimit); got != want || n != int64(len(want)) {
				t.Errorf("form %d of %q: %q, length %d, want %q", form, tt.body, got, n, want)
			}
			for limit := range len(want) + 2 {
				got, n := body(raw, form, int64(limit))
				if got != want[:min(limit, len(want))] || n != int64(len(want)) {
					t.Errorf("form %d of %q cut to %d: %q, length %d", form, tt.body, limit, got, n)
				}
			}
		}
	}
}

func TestSplitDefects(t *testing.T) {
	tests := []struct{ raw, defect string }{
		{"A: b\r\n\r\nx\r\n", ""},
		{"A: b\n\nx\n", ""},
		{"A: b\r\n c\r\n\r\n", ""},
		{"From x\nA: b\n\n", ""},
		{"", ""},
		{"A: b\r\nc\n\r\n", "the message contains a bare CR or LF"},
		{"A: b\r\n\r\nx\rx", "the message contains a bare CR or LF"},
		{"A: b\n\n\x00", "the message contains a NUL byte"},
		{" A: b\n\n", "the header contains a line that is no field"},
		{"A: b\nFrom x\n\n", "the header contains a line that is no field"},
		{"A: b\nno field\n more\n\n", "the header contains a line that is no field"},
		{"A b: c\n\n", "the header contains a line that is no field"},
		{": c\n\n", "the header contains a line that is no field"},
		{"Ä: c\n\n", "the header contains a line that is no field"},
		{strings.Repeat("A: b\n", MaxHeader/5+2) + "\n", "the header block is longer than 256 KiB"},
	}
	for _, tt := range tests {
		if got := Split([]byte(tt.raw)).Defect; got != tt.defect {
			t.Errorf("%.40q: %q, want %q", tt.raw, got, tt.defect)
		}
	}
}

// TestFormsLaws holds for every message: the local and the wire form have one
// canonical form; canonical forms are their own canonical forms; a limit cuts.
func TestFormsLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`([A-C]: ?[a-z \t]{0,8}(\n [a-z \t]{0,4})?\n){0,4}\n([a-z \t]{0,9}\n){0,6}[a-z \t]{0,3}`).Draw(t, "raw")
		wire := strings.ReplaceAll(local, "\n", "\r\n")
		for _, form := range []Form{Simple, Relaxed} {
			fromLocal, n := body(local, form, NoLimit)
			fromWire, _ := body(wire, form, NoLimit)
			if fromLocal != fromWire {
				t.Fatalf("form %d: %q from LF, %q from CRLF", form, fromLocal, fromWire)
			}
			if a, b := header(local, form), header(wire, form); a != b {
				t.Fatalf("form %d: header %q from LF, %q from CRLF", form, a, b)
			}
			if again, _ := body("\r\n"+fromWire, form, NoLimit); again != fromWire && strings.Contains(wire, "\r") {
				t.Fatalf("form %d: %q becomes %q", form, fromWire, again)
			}
			limit := rapid.Int64Range(0, n+1).Draw(t, "limit")
			if cut, _ := body(wire, form, limit); cut != fromWire[:min(limit, n)] {
				t.Fatalf("form %d cut to %d: %q of %q", form, limit, cut, fromWire)
			}
		}
	})
}

func TestParseTags(t *testing.T) {
	tests := []struct {
		in, err string
		want    map[string]string
	}{
		{in: "a=1", want: map[string]string{"a": "1"}},
		{in: " a = 1 ; b_2=x y;\r\n", want: map[string]string{"a": "1", "b_2": "x y"}},
		{in: "a=", want: map[string]string{"a": ""}},
		{in: "a==; A=b=c", want: map[string]string{"a": "=", "A": "b=c"}},
		{in: "", err: "empty tag"},
		{in: ";", err: "empty tag"},
		{in: "a=1;;b=2", err: "empty tag"},
		{in: "a=1; ; ", err: "empty tag"},
		{in: "a", err: "tag without ="},
		{in: "=1", err: "malformed tag name"},
		{in: "1a=1", err: "malformed tag name"},
		{in: "a-b=1", err: "malformed tag name"},
		{in: "a=1; a=1", err: "tag a= appears twice"},
		{in: "a=\x01", err: "control character in tag a="},
		{in: strings.Repeat("a", 9) + "=1;" + manyTags(), err: "more than 64 tags"},
	}
	for _, tt := range tests {
		tags, err := ParseTags(tt.in)
		if err != nil || tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%q: error %v, want %q", tt.in, err, tt.err)
			}
			continue
		}
		got := map[string]string{}
		for _, g := range tags.list {
			got[g.name] = g.value
			if in := tt.in[g.at[0]:g.at[1]]; trim(in) != g.value {
				t.Errorf("%q: range of %s is %q", tt.in, g.name, in)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: %s", tt.in, diff)
		}
	}
}

func manyTags() string {
	var b strings.Builder
	for i := range maxTags {
		b.WriteString("t" + strings.Repeat("x", i) + "=;")
	}
	return b.String()
}

func TestPicker(t *testing.T) {
	p := NewPicker(Split([]byte("A: 1\nB: 2\na: 3\n\n")).Fields)
	var got []int
	for _, name := range []string{"a", "c", "a", "a", "b"} {
		_, i, _ := p.Next(name)
		got = append(got, i)
	}
	if diff := cmp.Diff([]int{2, -1, 0, -1, 1}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"A: b\r\n c\r\n\r\nbody\r\n", "A: b\n\n \t x\n", "\r\r\n\n: \x00", "From a\nA:\n b\nx\n c\n\n"} {
		f.Add([]byte(seed), int64(3))
	}
	f.Fuzz(func(t *testing.T, raw []byte, limit int64) {
		before := bytes.Clone(raw)
		m := Split(raw)
		for _, fd := range m.Fields {
			if fd.Name == "" || !strings.HasPrefix(strings.ToLower(string(fd.Raw)), fd.Name) {
				t.Fatalf("field %q named %q", fd.Raw, fd.Name)
			}
			if got := AppendField(nil, fd, Relaxed); bytes.Contains(got, []byte("  ")) || !bytes.HasPrefix(got, []byte(fd.Name+":")) {
				t.Fatalf("relaxed field %q", got)
			}
			if m.local && bytes.Contains(bytes.ReplaceAll(AppendField(nil, fd, Simple), []byte("\r\n"), nil), []byte("\n")) {
				t.Fatalf("bare LF in %q", AppendField(nil, fd, Simple))
			}
			tags, err := ParseTags(fd.Value())
			if err == nil {
				AppendUnsigned(nil, fd, tags.Range("b"), Relaxed)
				AppendUnsigned(nil, fd, tags.Range("b"), Simple)
			}
		}
		for _, form := range []Form{Simple, Relaxed} {
			full := sha256.New()
			n := m.HashBody(full, form, NoLimit)
			same := sha256.New()
			if k := m.HashBody(same, form, n); k != n || !bytes.Equal(full.Sum(nil), same.Sum(nil)) {
				t.Fatalf("cutting at the length %d changes the hash", n)
			}
			m.HashBody(sha256.New(), form, max(limit, 0))
		}
		if !bytes.Equal(before, raw) {
			t.Fatal("the message was written to")
		}
	})
}

func BenchmarkHashBody(b *testing.B) {
	line := "The quick brown fox jumps over the lazy dog, and then once more.\r\n"
	for name, raw := range map[string]string{
		"wire":  "A: b\r\n\r\n" + strings.Repeat(line, 22<<10/len(line)),
		"local": strings.ReplaceAll("A: b\r\n\r\n"+strings.Repeat(line, 22<<10/len(line)), "\r\n", "\n"),
	} {
		m := Split([]byte(raw))
		for form, word := range map[Form]string{Simple: "simple", Relaxed: "relaxed"} {
			b.Run(name+"/"+word, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(raw)))
				for b.Loop() {
					m.HashBody(sha256.New(), form, NoLimit)
				}
			})
		}
	}
}
