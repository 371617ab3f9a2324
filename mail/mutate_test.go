package mail

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// mutationBase is a message with the marker, and where the encoded marker
// stands.
type mutationBase struct {
	name string
	raw  []byte
	from int
	to   int
	// exact demands the marker's hash; otherwise a listed content must hold the
	// marker, since text behind it is no error of an encoding without an end.
	exact bool
}

func mutationBases() []mutationBase {
	b64, qp, text := wrap64(marker(), 76), quoted(marker()), "marker payload in plain text, long enough to be told from others"
	part := func(cte, content string) string {
		return markerType + "Content-Transfer-Encoding: " + cte + "\r\n" + markerDisp + "\r\n" + content + "\r\n"
	}
	body := func(b, content string) string {
		return "pre\r\n--" + b + "\r\n" + textPart + "--" + b + "\r\n" + content + "--" + b + "--\r\nepi\r\n"
	}
	mk := func(name, raw, payload string, exact bool) mutationBase {
		at := strings.Index(raw, payload)
		return mutationBase{name, []byte(raw), at, at + len(payload), exact}
	}
	top := "Content-Type: multipart/mixed; boundary=\"B-1\"\r\n"
	return []mutationBase{
		mk("base64", message(top, body("B-1", part("base64", b64))), b64, true),
		mk("single", topFields+"MIME-Version: 1.0\r\n"+part("base64", b64), b64, true),
		mk("nested", message("Content-Type: multipart/mixed; boundary=B0\r\n",
			"--B0\r\nContent-Type: multipart/related;\r\n boundary=B1\r\n\r\n"+body("B1", part("base64", b64))+"--B0--\r\n"), b64, true),
		mk("quoted", message(top, body("B-1", part("quoted-printable", qp))), qp, false),
		mk("plain", message(top, body("B-1", part("7bit", text))), text, false),
		mk("LF", strings.ReplaceAll(message(top, body("B-1", part("base64", wrap64(marker(), 300)))), "\r\n", "\n"), wrap64(marker(), 300), true),
	}
}

// holds reports whether the marker of a base is listed.
func (b *mutationBase) holds(m *Message) bool {
	if b.exact {
		content, _ := found(m)
		return content
	}
	want := marker()
	if b.name == "plain" {
		want = b.raw[b.from:b.to]
	}
	for i := range m.Parts {
		if bytes.Contains(m.Parts[i].Content, want) {
			return true
		}
	}
	return false
}

// digitBefore reports whether an edit puts a base64 digit right before the
// payload: then the payload itself has changed.
func digitBefore(e, payload []byte) bool {
	i := bytes.Index(e, payload)
	if i < 1 {
		return i != 0
	}
	c := e[i-1]
	return c == '/' || c == '+' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func mutationChars() []byte { return []byte(" \t\r\n\x00;:\"'()<>=?-/\\,*%xA0_\x80\v") }

// TestMutations changes one byte anywhere in a message, outside the encoded
// payload, in every way of the CCS 2024 grammar mutations: remove, replace,
// insert, repeat, change case. Whatever a reader makes of the result, the
// payload must be listed.
func TestMutations(t *testing.T) {
	chars := mutationChars()
	runs, missed := 0, 0
	for n, b := range mutationBases() {
		payload := b.raw[b.from:b.to]
		try := func(e []byte) {
			if digitBefore(e, payload) && b.name != "plain" {
				return
			}
			runs++
			m := Parse(Envelope{}, e)
			if b.holds(m) {
				return
			}
			if missed++; missed <= 5 {
				t.Errorf("%s: payload not listed in %q%s", b.name, e, summary(m))
			}
		}
		for i := range b.raw {
			if i >= b.from && i < b.to {
				continue
			}
			old := b.raw[i]
			try(join(b.raw[:i], nil, b.raw[i+1:]))
			try(join(b.raw[:i], []byte{old, old}, b.raw[i+1:]))
			try(join(b.raw[:i], []byte{old ^ 0x20}, b.raw[i+1:]))
			for k, c := range chars {
				if n > 0 && (k+i)%5 != 0 {
					continue // the first base takes every character, the others every fifth
				}
				try(join(b.raw[:i], []byte{c}, b.raw[i+1:]))
				try(join(b.raw[:i], []byte{c, old}, b.raw[i+1:]))
			}
		}
	}
	if missed > 0 {
		t.Errorf("%d of %d mutations hide the payload", missed, runs)
	}
	t.Logf("%d mutations", runs)
}

// TestManyMutations makes two to four random edits at once, also of whole
// lines, with a fixed seed.
func TestManyMutations(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	chars := mutationChars()
	runs, missed := 0, 0
	for _, b := range mutationBases() {
		payload := b.raw[b.from:b.to]
		for range 4000 {
			e := bytes.Clone(b.raw)
			for range 2 + rnd.IntN(3) {
				e = edit(rnd, e, payload, chars)
			}
			if !bytes.Contains(e, payload) || digitBefore(e, payload) && b.name != "plain" {
				continue
			}
			runs++
			if m := Parse(Envelope{}, e); !b.holds(m) {
				if missed++; missed <= 5 {
					t.Logf("%s: payload not listed in %q%s", b.name, e, summary(m))
				}
			}
		}
	}
	if missed > 0 {
		t.Errorf("%d of %d mutations hide the payload", missed, runs)
	}
	t.Logf("%d mutations, %d hide the payload", runs, missed)
}

// edit changes one byte or one line of e outside payload.
func edit(rnd *rand.Rand, e, payload, chars []byte) []byte {
	at := bytes.Index(e, payload)
	i := rnd.IntN(len(e))
	if at < 0 || i >= at && i < at+len(payload) {
		return e
	}
	c := chars[rnd.IntN(len(chars))]
	switch rnd.IntN(6) {
	case 0:
		return join(e[:i], nil, e[i+1:])
	case 1:
		return join(e[:i], []byte{c}, e[i+1:])
	case 2:
		return join(e[:i], []byte{c}, e[i:])
	}
	from := bytes.LastIndexByte(e[:i], '\n') + 1
	to := len(e)
	if j := bytes.IndexByte(e[i:], '\n'); j >= 0 {
		to = i + j + 1
	}
	if from < at+len(payload) && to > at {
		return e
	}
	line := e[from:to]
	switch rnd.IntN(3) {
	case 0:
		return join(e[:from], e[to:])
	case 1:
		return join(e[:from], line, e[from:])
	}
	return join(e[:from], []byte("\r\n"), e[from:])
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
