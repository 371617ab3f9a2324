package quarantine

import (
	"bytes"
	"strings"
	"testing"
)

func TestWithoutOurs(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"A: b\r\n\r\nbody\r\n": "A: b\r\n\r\nbody\r\n",
		"X-Foregate-ID: 1\r\nA: b\r\n\r\nX-Foregate-ID: 2\r\n": "A: b\r\n\r\nX-Foregate-ID: 2\r\n",
		"A: b\nx-FOREGATE-a: 1\n 2\n\t3\nC: d\n\n":             "A: b\nC: d\n\n",
		"X-Foregate-ID: 1\r\n\r\n":                             "\r\n",
		"X-Foregate-ID: 1":                                     "",
		"A: X-Foregate-ID: 1\r\n\r\n":                          "A: X-Foregate-ID: 1\r\n\r\n",
		"\r\nX-Foregate-ID: 1\r\n":                             "\r\nX-Foregate-ID: 1\r\n",
	} {
		if got := string(withoutOurs([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"ann": "ann", "a\r\nBcc: b": "a??Bcc: b", `a"b\c`: "a?b?c", "Jürgen": "J?rgen", "\xff": "?",
		strings.Repeat("a", 100): strings.Repeat("a", 64),
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzWithoutOurs(f *testing.F) {
	f.Add([]byte("A: b\r\nX-Foregate-ID: 1\r\n 2\r\n\r\nX-Foregate-ID: 3\r\n"))
	f.Add([]byte(" x\nx-foregate-: \n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		out := withoutOurs(raw)
		if !bytes.Equal(before, raw) {
			t.Fatal("the message was written to")
		}
		head := bytes.ToLower(out[:headerEnd(out)])
		if bytes.HasPrefix(head, []byte(ownPrefix)) || bytes.Contains(head, []byte("\n"+ownPrefix)) {
			t.Fatalf("%q still speaks in our name", head)
		}
		if !bytes.HasSuffix(out, raw[headerEnd(raw):]) {
			t.Fatal("the body was changed")
		}
	})
}
