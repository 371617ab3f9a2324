package file

import (
	"testing"

	"foregate/mail"
	"foregate/mql/shape"
)

// TestParseAttached holds what rules learn of an attached message, and that a
// picture is none unless it is declared one.
func TestParseAttached(t *testing.T) {
	const message = "Subject: inside\r\n\r\nhello \x00\r\n"
	for _, test := range []struct {
		name, declared, data string
		subject              string // of the message, "" where it is none
	}{
		{"a.eml", "application/octet-stream", message, "inside"},
		{"a", "Message/RFC822", message, "inside"},
		{"a.dat", "application/octet-stream", "Subject: inside\r\n\r\nhello\r\n", "inside"},
		{"a.png", "image/png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ""},
		{"a.dat", "application/octet-stream", message, ""},
	} {
		a := &mail.Attachment{FileName: test.name, ContentType: test.declared, Raw: []byte(test.data)}
		got, err := (&Trees{}).parseEML(t.Context(), nil, []any{a})
		if err != nil {
			t.Fatal(err)
		}
		subject := ""
		if m, ok := got.(*mail.Message); ok {
			subject = m.Subject.Subject
		}
		if subject != test.subject {
			t.Errorf("%s, %s: subject %q, want %q", test.name, test.declared, subject, test.subject)
		}
	}
}

// TestParseHTMLLater holds that the readings of a page are made when one is
// first read, and then all.
func TestParseHTMLLater(t *testing.T) {
	a := &mail.Attachment{FileName: "a.html", Raw: []byte(`<p>Go to <a href="https://a.example/x">a</a></p>`)}
	got, err := parseHTML(t.Context(), nil, []any{a})
	if err != nil {
		t.Fatal(err)
	}
	page := got.(*shape.HTML)
	page.Fill("raw")
	if page.Raw != string(a.Raw) || page.DisplayText != "" {
		t.Errorf("raw %q and text %q before the text is read", page.Raw, page.DisplayText)
	}
	page.Fill("display_text")
	if page.DisplayText != "Go to a" || len(page.Links) != 1 || page.Links[0].HrefURL.URL != "https://a.example/x" {
		t.Errorf("text %q, links %+v", page.DisplayText, page.Links)
	}
}
