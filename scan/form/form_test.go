package form

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/mail"
)

func wellMade() *mail.Message {
	m := &mail.Message{Subject: &mail.Subject{Subject: "Minutes"}}
	m.Headers.MessageID, m.Headers.Date = "<1@x.example>", new(time.Time)
	m.Recipients.To = []mail.Mailbox{{}}
	return m
}

func TestAnalyze(t *testing.T) {
	tests := []struct {
		name string
		edit func(*mail.Message)
		want []string
	}{
		{"a well made message", func(*mail.Message) {}, nil},
		{"nothing at all", func(m *mail.Message) { *m = mail.Message{} }, []string{"form.no-message-id", "form.no-date", "form.no-recipients", "form.no-subject"}},
		{"a defect is said once", func(m *mail.Message) {
			m.Defects = []mail.Defect{{ID: "mime.duplicate-boundary", Detail: "a"}, {ID: "mime.duplicate-boundary", Detail: "b"}}
		}, []string{"form.mime.duplicate-boundary"}},
		{"a file that only another reading shows", func(m *mail.Message) {
			m.Parts = []mail.Part{{SHA256: "a", Size: 1}, {SHA256: "b", Size: 1, FileName: "x.exe", Reading: "mime.duplicate-boundary"}}
		}, []string{"form.hidden-part"}},
		{"the same file in both readings", func(m *mail.Message) {
			m.Parts = []mail.Part{{SHA256: "b", Size: 1, FileName: "x.exe"}, {SHA256: "b", Size: 1, FileName: "x.exe", Reading: "mime.duplicate-boundary"}}
		}, nil},
		{"a preheader", func(m *mail.Message) {
			m.Body.HTML = &mail.HTMLBody{DisplayText: "Hello", HiddenText: "What to watch at the climate talks"}
		}, []string{"form.hidden-text"}},
		{"filling that outweighs the text", func(m *mail.Message) {
			m.Body.HTML = &mail.HTMLBody{DisplayText: "Hello", HiddenText: strings.Repeat("minutes agenda ", 60)}
		}, []string{"form.hidden-text-mostly"}},
		{"spacers are no text", func(m *mail.Message) {
			m.Body.HTML = &mail.HTMLBody{HiddenText: strings.Repeat("\u200c\u00a0", 600)}
		}, nil},
		{"a picture that is a link", func(m *mail.Message) {
			m.Body.HTML = &mail.HTMLBody{DisplayText: "Unsubscribe"}
			m.Mentions = []mail.Mention{{Kind: mail.MentionImage, URL: "a.png"}, {Kind: mail.MentionAnchor, URL: "https://x.example/"}}
		}, []string{"form.picture-link"}},
		{"a short letter in Japanese", func(m *mail.Message) {
			m.Body.HTML = &mail.HTMLBody{DisplayText: "ご注文いただいた商品を発送しました。お届け予定日は十一月二十五日です。"}
			m.Mentions = []mail.Mention{{Kind: mail.MentionImage, URL: "a.png"}, {Kind: mail.MentionAnchor, URL: "https://x.example/"}}
		}, nil},
		{"a page with words beside its pictures", func(m *mail.Message) {
			m.Body.HTML = &mail.HTMLBody{DisplayText: strings.Repeat("word after word ", 9)}
			m.Mentions = []mail.Mention{{Kind: mail.MentionImage, URL: "a.png"}}
		}, nil},
		{"hardly more than a link", func(m *mail.Message) {
			m.Body.HTML = &mail.HTMLBody{DisplayText: "Click here"}
			m.Mentions = []mail.Mention{{Kind: mail.MentionAnchor, URL: "https://x.example/"}}
		}, []string{"form.bare-link"}},
		{"a broken word in the subject", func(m *mail.Message) { m.Subject.Subject = "Your acc\u200bount" }, []string{"form.invisible-in-subject"}},
		{"joiners in Persian are right", func(m *mail.Message) { m.Subject.Subject = "می\u200cخواهم" }, nil},
		{"broken words in the text", func(m *mail.Message) {
			m.Body.CurrentThread = &mail.Thread{Text: "pass\u200bword ver\u200bify acc\u00adount"}
		}, []string{"form.invisible-in-body"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, f := wellMade(), &mail.Facts{}
			tt.edit(m)
			if err := (Stage{}).Analyze(t.Context(), m, f); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range f.Evidence {
				got = append(got, it.ID)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("a\u200bb", "x\x00y\xff")
	f.Fuzz(func(t *testing.T, text, s string) {
		if q := quote(s); len(q) > evidence.MaxQuote || !utf8.ValidString(q) {
			t.Fatalf("quote(%q) = %q", s, q)
		}
		zeroWidth(text)
	})
}
