package mail

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEditApply(t *testing.T) {
	const raw = "From: a@a.test\r\nSubject: hello\r\nX-Old: 1\r\n\r\nSubject: in the body\r\n"
	for name, c := range map[string]struct {
		raw  string
		edit Edit
		tag  string
		want string
	}{
		"nothing":           {raw, Edit{}, "", raw},
		"prepend":           {raw, Edit{Prepend: []byte("X-New: 2\r\n")}, "", "X-New: 2\r\n" + raw},
		"cut":               {raw, Edit{Cut: []Span{{32, 42}}}, "", "From: a@a.test\r\nSubject: hello\r\n\r\nSubject: in the body\r\n"},
		"cut all":           {raw, Edit{Cut: []Span{{0, len(raw)}}}, "", ""},
		"wrong spans":       {raw, Edit{Cut: []Span{{40, 42}, {32, 41}, {-5, 0}, {9, 3}, {len(raw), 1 << 40}}}, "", "From: a@a.test\r\nSubject: hello\r\n\r\nSubject: in the body\r\n"},
		"tag":               {raw, Edit{}, "[X]", strings.Replace(raw, "Subject: hello", "Subject: [X] hello", 1)},
		"tag there already": {"Subject: [X] hello\r\n\r\n", Edit{}, "[X]", "Subject: [X] hello\r\n\r\n"},
		"tag and all":       {raw, Edit{Prepend: []byte("X-New: 2\r\n"), Cut: []Span{{0, 16}, {32, 42}}}, "[X]", "X-New: 2\r\nSubject: [X] hello\r\n\r\nSubject: in the body\r\n"},
		"every subject":     {"SUBJECT:a\r\nsubject : b\r\nSubject:\r\n c\r\n\r\n", Edit{}, "[X]", "SUBJECT:[X] a\r\nsubject : [X] b\r\nSubject:[X] \r\n c\r\n\r\n"},
		"no subject":        {"From: a\r\nSubjects: x\r\n Subject: folded\r\n\r\nSubject: y\r\n", Edit{Prepend: []byte("A: b\r\n")}, "[X]", "A: b\r\nSubject: [X]\r\nFrom: a\r\nSubjects: x\r\n Subject: folded\r\n\r\nSubject: y\r\n"},
		"subject cut":       {"Subject: a\r\nFrom: b\r\n\r\n", Edit{Cut: []Span{{0, 12}}}, "[X]", "Subject: [X]\r\nFrom: b\r\n\r\n"},
		"encoded subject":   {"Subject: =?utf-8?q?=C3=BC?=\r\n\r\n", Edit{}, "[X]", "Subject: [X] =?utf-8?q?=C3=BC?=\r\n\r\n"},
		"tag beyond ASCII":  {"Subject: =?utf-8?q?a?=\r\n\r\n", Edit{}, "[ü]", "Subject: =?utf-8?q?[=C3=BC]_?= =?utf-8?q?a?=\r\n\r\n"},
		"tag with newline":  {"Subject: a\r\n\r\n", Edit{}, "[X]\r\nEvil: 1", "Subject: [X]Evil: 1 a\r\n\r\n"},
		"no header":         {"\r\nSubject: x\r\n", Edit{}, "[X]", "Subject: [X]\r\n\r\nSubject: x\r\n"},
		"empty message":     {"", Edit{Prepend: []byte("A: b\r\n")}, "", "A: b\r\n"},
		"header only":       {"Subject: a", Edit{}, "[X]", "Subject: [X] a"},
	} {
		if got := string(c.edit.Apply([]byte(c.raw), c.tag)); got != c.want {
			t.Errorf("%s: got %q\nwant %q", name, got, c.want)
		}
	}
}

// Without the tags and the prepended field, an edited message is the message
// without what was cut, whatever the spans.
func TestEditKeepsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"Subject: x\r\n", "Subject:", "\r\n", "\n", " a\r\n", "\xff", "From: b\r\n"})).Draw(t, "raw"), ""))
		var spans []Span
		cut := make([]bool, len(raw))
		for range rapid.IntRange(0, 4).Draw(t, "n") {
			s := Span{rapid.IntRange(-3, len(raw)+3).Draw(t, "start"), rapid.IntRange(-3, len(raw)+3).Draw(t, "end")}
			spans = append(spans, s)
			for i := max(s.Start, 0); i < min(s.End, len(raw)); i++ {
				cut[i] = true
			}
		}
		var want []byte
		for i, c := range raw {
			if !cut[i] {
				want = append(want, c)
			}
		}
		before := bytes.Clone(raw)
		e := Edit{Prepend: []byte("New: 1\r\n"), Cut: spans}
		got := e.Apply(raw, "")
		if !bytes.Equal(got, append([]byte("New: 1\r\n"), want...)) {
			t.Fatalf("got %q, want %q", got, want)
		}
		tagged := bytes.ReplaceAll(e.Apply(raw, "[T]"), []byte("Subject: [T]\r\n"), nil)
		if tagged = bytes.ReplaceAll(tagged, []byte("[T] "), nil); !bytes.Equal(tagged, bytes.ReplaceAll(got, []byte("Subject: [T]\r\n"), nil)) {
			t.Fatalf("tagged %q, want %q", tagged, got)
		}
		if !bytes.Equal(raw, before) {
			t.Fatal("the message was changed in place")
		}
	})
}

func BenchmarkEditPieces(b *testing.B) {
	raw := []byte("From: a@a.test\r\nSubject: hello\r\n\r\n" + strings.Repeat("body\r\n", 10000))
	e := Edit{Prepend: []byte("X-New: 2\r\n"), Cut: []Span{{0, 16}}}
	b.ReportAllocs()
	for b.Loop() {
		e.Pieces(raw, "[X]")
	}
}
