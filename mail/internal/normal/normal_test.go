package normal

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ascii", "Verify your account, now!", "Verify your account, now!"},
		{"zero width", "pay\u200bp\u200dal \ufeffof\u2060fice", "paypal office"},
		{"soft hyphen", "pass\u00adword", "password"},
		{"bidi", "\u202epay\u202c \u2066x\u2069", "pay x"},
		{"variation selectors and tags", "ok\ufe0f\U000E0041", "ok"},
		{"full width", "ＰａｙＰａｌ　１２", "PayPal 12"},
		{"mathematical", "𝐏𝐚𝐲𝐏𝐚𝐥 𝓼𝓮𝓬𝓾𝓻𝓲𝓽𝔂", "PayPal security"},
		{"circled and ligature", "ⓥⓔⓡⓘⓕⓨ ﬁle", "verify file"},
		{"cyrillic in latin", "Pаypаl аccоunt", "Paypal account"},
		{"greek in latin", "Micrοsοft Οffice", "Microsoft Office"},
		{"capital keeps its case", "АMAZON", "AMAZON"},
		{"cyrillic text stays", "Ваш пароль истекает сегодня, сосна", "Ваш пароль истекает сегодня, сосна"},
		{"greek text stays", "Ο κωδικός σας λήγει", "Ο κωδικός σας λήγει"},
		{"mixed text, pure words", "Привет from Москва", "Привет from Москва"},
		{"accents stay", "Zürich, château, Łódź, İstanbul", "Zürich, château, Łódź, İstanbul"},
		{"stray marks", "p\u0332a\u0332y\u0332", "pay"},
		{"composing marks", "u\u0308ber", "über"},
		{"japanese with latin", "Amazonアカウント", "Amazonアカウント"},
		{"no-break space", "a\u00a0b", "a b"},
		{"bad utf-8", "a\xffé", "a\uFFFDé"},
	} {
		if got := Text(c.in); got != c.want {
			t.Errorf("%s: Text(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestTextASCIIAllocatesNothing(t *testing.T) {
	s := strings.Repeat("Please sign in to see the document. ", 100)
	if n := testing.AllocsPerRun(10, func() { Text(s) }); n != 0 {
		t.Errorf("Text of ASCII: %v allocations, want 0", n)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "Pаypаl", "\u200b\u0332a\u0332", "\ufdfa", "𝐏\xff", "u\u0308\u0308", "á̲b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if len(got) > MaxGrowth*len(s) {
			t.Fatalf("%d bytes became %d", len(s), len(got))
		}
		if !isASCII(s) && !utf8.ValidString(got) {
			t.Fatalf("Text(%q) = %q is not UTF-8", s, got)
		}
		if isASCII(s) && got != s {
			t.Fatalf("ASCII text %q became %q", s, got)
		}
	})
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func BenchmarkText(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"ascii", strings.Repeat("Please sign in to see the document. ", 400)},
		{"german", strings.Repeat("Bitte prüfen Sie Ihre Zugänge für das Büro. ", 300)},
		{"cyrillic", strings.Repeat("Ваш пароль истекает сегодня. ", 300)},
		{"mixed", strings.Repeat("Yоur Pаypаl аccоunt ", 300)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				Text(c.text)
			}
		})
	}
}
