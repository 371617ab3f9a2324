package thread

import (
	"strings"
	"testing"
)

// attributions are lines that introduce a quotation, as mail programs write
// them in many languages.
var attributions = []struct{ lang, line, date, sender string }{
	{"en gmail", "On Mon, Jan 6, 2025 at 9:41 AM Ann Lee <ann@example.com> wrote:", "Mon, Jan 6, 2025 at 9:41 AM", "Ann Lee <ann@example.com>"},
	{"en apple", "On 6 Jan 2025, at 09:41, Ann Lee <ann@example.com> wrote:", "6 Jan 2025, at 09:41", "Ann Lee <ann@example.com>"},
	{"en thunderbird", "On 06/01/2025 09:41, Ann Lee wrote:", "06/01/2025 09:41", "Ann Lee"},
	{"en wrapped", "On Mon, Jan 6, 2025 at 9:41 AM Ann Lee, Accounts Payable\n<ann@example.com> wrote:", "Mon, Jan 6, 2025 at 9:41 AM", "Ann Lee, Accounts Payable <ann@example.com>"},
	{"en wrapped in three", "On Mon, Jan 6, 2025 at 9:41 AM\nAnn Lee, Accounts Payable of Example\n<ann@example.com> wrote:", "Mon, Jan 6, 2025 at 9:41 AM", "Ann Lee, Accounts Payable of Example <ann@example.com>"},
	{"en verb alone", "On Mon, Jan 6, 2025 at 9:41 AM Ann Lee <ann@example.com>\nwrote:", "Mon, Jan 6, 2025 at 9:41 AM", "Ann Lee <ann@example.com>"},
	{"en verb first", "Ann Lee <ann@example.com> wrote on Mon, 6 Jan 2025 09:41:00 +0000:", "on Mon, 6 Jan 2025 09:41:00 +0000", "Ann Lee <ann@example.com>"},
	{"de gmail", "Am Mo., 6. Jan. 2025 um 09:41 Uhr schrieb Ann Lee <ann@example.com>:", "Mo., 6. Jan. 2025 um 09:41 Uhr", "Ann Lee <ann@example.com>"},
	{"de apple", "Am 06.01.2025 um 09:41 schrieb Ann Lee <ann@example.com>:", "06.01.2025 um 09:41", "Ann Lee <ann@example.com>"},
	{"de horde", "Zitat von Ann Lee <ann@example.com>:", "", "Ann Lee <ann@example.com>"},
	{"fr gmail", "Le lun. 6 janv. 2025 à 09:41, Ann Lee <ann@example.com> a écrit :", "lun. 6 janv. 2025 à 09:41", "Ann Lee <ann@example.com>"},
	{"es gmail", "El lun, 6 ene 2025 a las 9:41, Ann Lee (<ann@example.com>) escribió:", "lun, 6 ene 2025 a las 9:41", "Ann Lee (<ann@example.com>)"},
	{"it gmail", "Il giorno lun 6 gen 2025 alle ore 09:41 Ann Lee <ann@example.com> ha scritto:", "lun 6 gen 2025 alle ore 09:41", "Ann Lee <ann@example.com>"},
	{"nl gmail", "Op ma 6 jan 2025 om 09:41 schreef Ann Lee <ann@example.com>:", "ma 6 jan 2025 om 09:41", "Ann Lee <ann@example.com>"},
	{"pl gmail", "pon., 6 sty 2025 o 09:41 Ann Lee <ann@example.com> napisał(a):", "pon., 6 sty 2025 o 09:41", "Ann Lee <ann@example.com>"},
	{"pl thunderbird", "W dniu 6.01.2025 o 09:41, Ann Lee pisze:", "6.01.2025 o 09:41", "Ann Lee"},
	{"pt gmail", "Em seg., 6 de jan. de 2025 às 09:41, Ann Lee <ann@example.com> escreveu:", "seg., 6 de jan. de 2025 às 09:41", "Ann Lee <ann@example.com>"},
	{"sv gmail", "Den mån 6 jan. 2025 kl 09:41 skrev Ann Lee <ann@example.com>:", "mån 6 jan. 2025 kl 09:41", "Ann Lee <ann@example.com>"},
	{"da gmail", "Den man. 6. jan. 2025 kl. 09.41 skrev Ann Lee <ann@example.com>:", "man. 6. jan. 2025 kl. 09.41", "Ann Lee <ann@example.com>"},
	{"no gmail", "man. 6. jan. 2025 kl. 09:41 skrev Ann Lee <ann@example.com>:", "man. 6. jan. 2025 kl. 09:41", "Ann Lee <ann@example.com>"},
	{"fi gmail", "ma 6. tammik. 2025 klo 9.41 Ann Lee (ann@example.com) kirjoitti:", "ma 6. tammik. 2025 klo 9.41", "Ann Lee (ann@example.com)"},
	{"cs gmail", "po 6. 1. 2025 v 9:41 odesílatel Ann Lee <ann@example.com> napsal:", "po 6. 1. 2025 v 9:41", "odesílatel Ann Lee <ann@example.com>"},
	{"cs thunderbird", "Dne 06. 01. 25 v 9:41 Ann Lee napsal(a):", "06. 01. 25 v 9:41", "Ann Lee"},
	{"sk gmail", "po 6. 1. 2025 o 9:41 Ann Lee <ann@example.com> napísal(a):", "po 6. 1. 2025 o 9:41", "Ann Lee <ann@example.com>"},
	{"hu gmail", "Ann Lee <ann@example.com> ezt írta (időpont: 2025. jan. 6., H, 9:41):", "(időpont: 2025. jan. 6., H, 9:41)", "Ann Lee <ann@example.com>"},
	{"tr gmail", "Ann Lee <ann@example.com>, 6 Oca 2025 Pzt, 09:41 tarihinde şunu yazdı:", "", ""},
	{"el gmail", "Στις Δευ 6 Ιαν 2025 στις 9:41 π.μ., ο χρήστης Ann Lee <ann@example.com> έγραψε:", "", ""},
	{"ro gmail", "În lun., 6 ian. 2025 la 09:41, Ann Lee <ann@example.com> a scris:", "lun., 6 ian. 2025 la 09:41", "Ann Lee <ann@example.com>"},
	{"ru gmail", "пн, 6 янв. 2025 г. в 09:41, Ann Lee <ann@example.com>:", "", ""},
	{"ru thunderbird", "06.01.2025 9:41, Ann Lee пишет:", "06.01.2025 9:41", "Ann Lee"},
	{"ru yandex", "06.01.2025, 09:41, \"Ann Lee\" <ann@example.com>:", "06.01.2025, 09:41", "\"Ann Lee\" <ann@example.com>"},
	{"uk gmail", "пн, 6 січ. 2025 р. о 09:41 Ann Lee <ann@example.com> пише:", "", "Ann Lee <ann@example.com>"},
	{"bg gmail", "На пн, 6.01.2025 г. в 9:41 Ann Lee <ann@example.com> написа:", "", ""},
	{"hr gmail", "pon, 6. sij 2025. u 09:41 Ann Lee <ann@example.com> napisao je:", "pon, 6. sij 2025. u 09:41", "Ann Lee <ann@example.com>"},
	{"ca gmail", "El dl., 6 de gen. 2025, 9:41, Ann Lee <ann@example.com> va escriure:", "dl., 6 de gen. 2025, 9:41", "Ann Lee <ann@example.com>"},
	{"lt gmail", "2025-01-06, pr, 09:41 Ann Lee <ann@example.com> rašė:", "2025-01-06, pr, 09:41", "Ann Lee <ann@example.com>"},
	{"et gmail", "Kuupäev E, 6. jaanuar 2025 kell 09:41 kirjutas Ann Lee <ann@example.com>:", "", "Ann Lee <ann@example.com>"},
	{"vi gmail", "Vào Th 2, 6 thg 1, 2025 vào lúc 09:41 Ann Lee <ann@example.com> đã viết:", "", "Ann Lee <ann@example.com>"},
	{"id gmail", "Pada Sen, 6 Jan 2025 pukul 09.41 Ann Lee <ann@example.com> menulis:", "Sen, 6 Jan 2025 pukul 09.41", "Ann Lee <ann@example.com>"},
	{"ja gmail", "2025年1月6日(月) 9:41 Ann Lee <ann@example.com>:", "2025年1月6日(月) 9:41", "Ann Lee <ann@example.com>"},
	{"ja apple", "2025/01/06 9:41、Ann Lee <ann@example.com>のメール:", "", ""},
	{"zh-CN gmail", "Ann Lee <ann@example.com> 于2025年1月6日周一 09:41写道：", "", ""},
	{"zh-TW gmail", "Ann Lee <ann@example.com> 於 2025年1月6日 週一 上午9:41寫道：", "", ""},
	{"zh apple", "在 2025年1月6日，09:41，Ann Lee <ann@example.com> 写道：", "", ""},
	{"ko gmail", "2025년 1월 6일 (월) 오전 9:41, Ann Lee <ann@example.com>님이 작성:", "", ""},
	{"ar gmail", "في الاثنين، 6 يناير 2025 في 9:41 ص تمت كتابة ما يلي بواسطة \u202aAnn Lee\u202c\u200f <\u202aann@example.com\u202c\u200f>:", "", ""},
	{"he gmail", "\u202bבתאריך יום ב׳, 6 בינו׳ 2025 ב-9:41 מאת \u202aAnn Lee\u202c\u200f <\u202aann@example.com\u202c\u200f>:\u202c", "", ""},
	{"th gmail", "ในวันที่ จ. 6 ม.ค. 2025 เวลา 09:41 Ann Lee <ann@example.com> เขียนว่า:", "", ""},
	{"zoho", "---- On Mon, 06 Jan 2025 09:41:00 +0000 Ann Lee <ann@example.com> wrote ----:", "", ""},
}

func TestAttributionLanguages(t *testing.T) {
	for _, c := range attributions {
		t.Run(c.lang, func(t *testing.T) {
			for _, form := range []struct{ name, quoted string }{
				{"marks", "> the old text\n> of two lines"},
				{"bare", "the old text\nof two lines"},
			} {
				r := Split("The new text: short.\n\n"+c.line+"\n\n"+form.quoted+"\n", nil)
				if r.Current != "The new text: short." {
					t.Errorf("%s: current = %q", form.name, r.Current)
				}
				if r.Preamble != c.line {
					if strings.Trim(r.Preamble, "\u202b\u202c\u200f") != strings.Trim(c.line, "\u202b\u202c\u200f") {
						t.Errorf("%s: preamble = %q", form.name, r.Preamble)
					}
				}
				if len(r.Previous) != 1 {
					t.Fatalf("%s: %d previous messages, want 1: %+v", form.name, len(r.Previous), r.Previous)
				}
				p := r.Previous[0]
				if p.Text != "the old text\nof two lines" {
					t.Errorf("%s: quoted text = %q", form.name, p.Text)
				}
				if !strings.Contains(p.Sender, "Ann Lee") || !strings.Contains(p.Date, "25") && c.lang != "de horde" {
					t.Errorf("%s: date %q, sender %q", form.name, p.Date, p.Sender)
				}
				if c.date != "" && p.Date != c.date {
					t.Errorf("%s: date = %q, want %q", form.name, p.Date, c.date)
				}
				if c.sender != "" && p.Sender != c.sender {
					t.Errorf("%s: sender = %q, want %q", form.name, p.Sender, c.sender)
				}
			}
		})
	}
}

// A line that ends in a colon is no attribution by that.
func TestNoAttribution(t *testing.T) {
	for _, text := range []string{
		"Please note the following:\n\nfirst\nsecond",
		"On Monday we will discuss these points:\n\n1. budget\n2. rooms",
		"As Ann wrote:\n\nthe budget is gone.",
		"Call me at 12:30 on 06 Jan 2025, agenda:\n\nbudget",
		"Username: ann\nPassword: secret\n\nLog in here:\nhttps://example.com",
		"He said:\nno.",
	} {
		if r := Split(text, nil); len(r.Previous) != 0 || r.Current != text {
			t.Errorf("Split(%q): current %q, previous %+v", text, r.Current, r.Previous)
		}
	}
}
