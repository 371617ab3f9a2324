package domain

import (
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestSkeleton(t *testing.T) {
	for _, tc := range []struct{ a, b string }{
		{"paypai", "раураӏ"},               // Cyrillic
		{"scope", "ѕсоре"},                 // Cyrillic, UTS #39's own example of a whole-script confusable
		{"modern", "rnodern"},              // m is rn
		{"GOOGLE", "G00GLE"},               // zero is O
		{"Il1|", "llll"},                   // one stroke
		{"é", "e\u0301"},                   // canonical equivalents
		{"ex\u200bam\u00adple", "example"}, // invisible characters
		{"ΑΒΕ", "ABE"},                     // Greek capitals
		{"“", "ˮ"},
	} {
		if Skeleton(tc.a) != Skeleton(tc.b) {
			t.Errorf("Skeleton(%q) = %q, Skeleton(%q) = %q, want equal", tc.a, Skeleton(tc.a), tc.b, Skeleton(tc.b))
		}
	}
	for _, tc := range []struct{ a, b string }{{"paypal", "paypol"}, {"é", "e"}, {"cl", "d"}, {"食", "飠"}} {
		if Skeleton(tc.a) == Skeleton(tc.b) {
			t.Errorf("Skeleton(%q) = Skeleton(%q) = %q, want different", tc.a, tc.b, Skeleton(tc.a))
		}
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Plain ASCII m|1":                       "plain ascii m|1",
		"раураӏ":                                "paypai", // palochka: the table takes it for an i
		"Мiсrоsоft":                             "microsoft",
		"ｐａｙｐａｌ":                                "paypal",
		"𝗣𝗮𝘆𝗣𝗮𝗹":                                "paypal",
		"ⓟaypal":                                "paypal",
		"Verify\u200b your\u00ad a\u0301ccount": "verify your account",
		"münchen":                               "munchen",
		"食狮":                                    "食狮",
		"ИНН":                                   "иhh", // letters with no look-alike stay
		"":                                      "",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSkeletonASCII(t *testing.T) {
	for _, tc := range []struct{ real, fake string }{
		{"microsoft", "rnicrosoft"}, {"microsoft", "micr0s0ft"}, {"microsoft", "mícrosoft"},
		{"wellsfargo", "vvellsfargo"}, {"dropbox", "clropbox"}, {"paypal", "paypa1"}, {"paypal", "paypaI"},
		{"linkedin", "1inkedin"}, {"dhl", "dh|"},
	} {
		if a, b := SkeletonASCII(tc.real), SkeletonASCII(tc.fake); a != b {
			t.Errorf("SkeletonASCII(%q) = %q, of %q %q, want equal", tc.real, a, tc.fake, b)
		}
	}
	if SkeletonASCII("city") == SkeletonASCII("dty") {
		t.Error("an i after a c must not count as the stroke of a d")
	}
}

func TestMixedScript(t *testing.T) {
	for in, want := range map[string]bool{
		"example.com":               false,
		"pаypal.com":                true, // one Cyrillic letter
		"xn--pypal-4ve.com":         true,
		"www.раураӏ.com":            false, // whole-script: MixedScript is not the test for it
		"münchen.de":                false,
		"日本のテスト.jp":                 false,
		"한국漢字.kr":                   false,
		"日本語a.jp":                   true,
		"почта1.рф":                 false,
		"αbc.example":               true,
		"xn--not-really-punycode..": false,
	} {
		if got := MixedScript(in); got != want {
			t.Errorf("MixedScript(%q) = %v, want %v (scripts %v)", in, got, want, Scripts(in))
		}
	}
}

func TestLooksASCII(t *testing.T) {
	for in, want := range map[string]bool{
		"paypal": false, "раураӏ": true, "аррӏе": true, "pаypal": true, "münchen": false, "почта": false, "食": false, "ехаmрӏе": true,
	} {
		if got := LooksASCII(in); got != want {
			t.Errorf("LooksASCII(%q) = %v, want %v", in, got, want)
		}
	}
}

// TestSkeletonLaws: a skeleton does not depend on the normal form of its input
// (the standard does not promise that it is its own skeleton), and folds are
// fixed points, so that stored ones compare with fresh ones.
func TestSkeletonLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if c, d := Skeleton(norm.NFC.String(s)), Skeleton(norm.NFD.String(s)); c != d {
			t.Fatalf("Skeleton(%q) depends on the normal form: %q, %q", s, c, d)
		}
		for name, fn := range map[string]func(string) string{"SkeletonASCII": SkeletonASCII, "Fold": Fold} {
			once := fn(s)
			if twice := fn(once); twice != once {
				t.Fatalf("%s(%q) = %q, again %q", name, s, once, twice)
			}
		}
	})
}

func BenchmarkSkeleton(b *testing.B) {
	for _, s := range []string{"accounts.example.co.uk", "раураӏ.com"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Skeleton(s)
			}
		})
	}
}

func BenchmarkFold(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Fold("Ваш аккаунт РаурӏаӀ was suspended")
	}
}
