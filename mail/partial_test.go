package mail

import (
	"fmt"
	"strings"
	"testing"
)

// piece is a message/partial part body with its header.
func piece(params, content string) string {
	return "Content-Type: message/partial; " + params + "\r\n\r\n" + content
}

// TestPartialWhole: the only piece of a message that was "split" is that
// message: subject and MIME fields of the enclosed header count (RFC 2046
// section 5.2.2.1), its parts are the message's parts.
func TestPartialWhole(t *testing.T) {
	inner := "Subject: inner\r\nMessage-ID: <2@sender.example>\r\nFrom: other@else.example\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=B1\r\n\r\n" + mixed("B1")
	m := Parse(Envelope{}, []byte(topFields+piece("id=x; number=1; total=1", inner)))
	if content, name := found(m); !content || !name {
		t.Errorf("marker not listed%s", summary(m))
	}
	if hasDefect(m, "mime.partial-message") {
		t.Errorf("a whole message is no fragment: %v", m.Errors)
	}
	got := fmt.Sprint(m.Subject.Subject, " ", m.Headers.MessageID, " ", m.Sender.Email.Email)
	if want := "inner <2@sender.example> a@sender.example"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if m.Body.Plain == nil || strings.TrimSpace(m.Body.Plain.Raw) != "hello there" {
		t.Errorf("the enclosed text is not the body: %+v", m.Body.Plain)
	}
}

// TestPartialFragment: a fragment alone can't be judged whole, and says so.
func TestPartialFragment(t *testing.T) {
	for _, params := range []string{"id=x; number=1; total=2", "id=x; number=2; total=2", "id=x; number=3", "id=x"} {
		m := Parse(Envelope{}, []byte(topFields+piece(params, "Subject: inner\r\n\r\ntext\r\n")))
		if !hasDefect(m, "mime.partial-message") {
			t.Errorf("%s: no defect: %v", params, m.Errors)
		}
		want := "s"
		if strings.Contains(params, "number=1") {
			want = "inner"
		}
		if m.Subject.Subject != want {
			t.Errorf("%s: subject %q, want %q", params, m.Subject.Subject, want)
		}
	}
}

// TestPartialReassembly: pieces that one message carries are put together in
// the order of their numbers, wherever they stand.
func TestPartialReassembly(t *testing.T) {
	inner := message("Content-Type: multipart/mixed; boundary=B1\r\n", mixed("B1"))
	lines := strings.SplitAfter(strings.TrimSuffix(inner, "\r\n"), "\r\n")
	cut := func(from, to int) string { return strings.TrimSuffix(strings.Join(lines[from:to], ""), "\r\n") }
	n := len(lines)
	mid := n - 4 // inside the base64 of the marker
	one, two, three := cut(0, 8), cut(8, mid), cut(mid, n)
	wrap := func(parts ...string) string {
		return message("Content-Type: multipart/mixed; boundary=B0\r\n", "--B0\r\n"+strings.Join(parts, "\r\n--B0\r\n")+"\r\n--B0--\r\n")
	}
	for name, raw := range map[string]string{
		"in order":  wrap(piece("id=x; number=1; total=3", one), piece("id=x; number=2; total=3", two), piece("id=x; number=3; total=3", three)),
		"backwards": wrap(piece(`id="x"; number=3; total=3`, three), piece("id=x; number=2", two), piece("number=1; id=x", one)),
		"mixed with others": wrap(piece("id=y; number=1", "Subject: y\r\n\r\ny"), piece("id=x; number=2", two), textPart,
			piece("id=x; number=3; total=3", three), piece("id=y; number=2; total=2", "yy"), piece("id=x; number=1", one)),
		"nested": wrap("Content-Type: multipart/mixed; boundary=B9\r\n\r\n--B9\r\n"+piece("id=x; number=2; total=3", two)+"\r\n--B9--",
			piece("id=x; number=1", one), piece("id=x; number=3", three)),
		"a piece twice": wrap(piece("id=x; number=1; total=3", one), piece("id=x; number=2", two), piece("id=x; number=2", "zzz"), piece("id=x; number=3", three)),
		"encoded": wrap("Content-Type: message/partial; id=x; number=1\r\nContent-Transfer-Encoding: base64\r\n\r\n"+wrap64([]byte(one), 76),
			piece("id=x; number=2", two), piece("id=x; number=3; total=3", three)),
	} {
		m := Parse(Envelope{}, []byte(raw))
		content, file := found(m)
		if !content || !file || !hasDefect(m, "mime.reassembled-message") || !hasDefect(m, "mime.partial-message") {
			t.Errorf("%s: content %v, name %v%s", name, content, file, summary(m))
		}
		listed := false
		for _, a := range m.Attachments {
			listed = listed || a.SHA256 == markerSum()
		}
		if !listed {
			t.Errorf("%s: not among the attachments", name)
		}
	}
}

// TestPartialBound: many pieces cost no more than the bounds allow.
func TestPartialBound(t *testing.T) {
	var parts []string
	for i := range 3000 {
		parts = append(parts, piece(fmt.Sprintf("id=%d; number=%d", i/200, i%200+1), strings.Repeat("x", 500)))
	}
	raw := message("Content-Type: multipart/mixed; boundary=B0\r\n", "--B0\r\n"+strings.Join(parts, "\r\n--B0\r\n")+"\r\n--B0--\r\n")
	m := Parse(Envelope{}, []byte(raw))
	if len(m.Parts) > MaxParts || !hasDefect(m, "bound.parts") {
		t.Errorf("%d parts, defects %d", len(m.Parts), len(m.Defects))
	}
}
