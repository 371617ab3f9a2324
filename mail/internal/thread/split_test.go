package thread

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mail/internal/htmltext"
)

// headers are header blocks as Outlook and others quote them.
var headers = []struct{ lang, block string }{
	{"en", "From: Ann Lee <ann@example.com>\nSent: Monday, January 6, 2025 9:41 AM\nTo: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nSubject: The budget"},
	{"en date", "From: Ann Lee <ann@example.com>\nDate: Monday, January 6, 2025 at 9:41 AM\nTo: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nSubject: The budget"},
	{"en bold", "*From:* Ann Lee <ann@example.com>\n*Sent:* Monday, January 6, 2025 9:41 AM\n*To:* Bob <bob@example.org>\n*Cc:* Carl <carl@example.org>\n*Subject:* The budget"},
	{"en rule", "________________________________\nFrom: Ann Lee <ann@example.com>\nSent: Monday, January 6, 2025 9:41 AM\nTo: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nSubject: The budget"},
	{"en original", "-----Original Message-----\nFrom: Ann Lee <ann@example.com>\nSent: Monday, January 6, 2025 9:41 AM\nTo: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nSubject: The budget"},
	{"en wrapped", "From: Ann Lee <ann@example.com>\nSent: Monday, January 6, 2025 9:41 AM\nTo: Bob\n<bob@example.org>\nCc: Carl <carl@example.org>\nSubject: The budget"},
	{"en paragraphs", "From: Ann Lee <ann@example.com>\n\nSent: Monday, January 6, 2025 9:41 AM\n\nTo: Bob <bob@example.org>\n\nCc: Carl <carl@example.org>\n\nSubject: The budget"},
	{"de", "Von: Ann Lee <ann@example.com>\nGesendet: Montag, 6. Januar 2025 09:41\nAn: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nBetreff: The budget"},
	{"de original", "-----Ursprüngliche Nachricht-----\nVon: Ann Lee <ann@example.com>\nGesendet: Montag, 6. Januar 2025 09:41\nAn: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nBetreff: The budget"},
	{"fr", "De : Ann Lee <ann@example.com>\nEnvoyé : lundi 6 janvier 2025 09:41\nÀ : Bob <bob@example.org>\nCc : Carl <carl@example.org>\nObjet : The budget"},
	{"fr original", "-----Message d'origine-----\nDe : Ann Lee <ann@example.com>\nEnvoyé : lundi 6 janvier 2025 09:41\nÀ : Bob <bob@example.org>\nCc : Carl <carl@example.org>\nObjet : The budget"},
	{"es", "De: Ann Lee <ann@example.com>\nEnviado el: lunes, 6 de enero de 2025 9:41\nPara: Bob <bob@example.org>\nCC: Carl <carl@example.org>\nAsunto: The budget"},
	{"it", "Da: Ann Lee <ann@example.com>\nInviato: lunedì 6 gennaio 2025 09:41\nA: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nOggetto: The budget"},
	{"pt", "De: Ann Lee <ann@example.com>\nEnviado: segunda-feira, 6 de janeiro de 2025 09:41\nPara: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nAssunto: The budget"},
	{"nl", "Van: Ann Lee <ann@example.com>\nVerzonden: maandag 6 januari 2025 09:41\nAan: Bob <bob@example.org>\nCC: Carl <carl@example.org>\nOnderwerp: The budget"},
	{"pl", "Od: Ann Lee <ann@example.com>\nWysłano: poniedziałek, 6 stycznia 2025 09:41\nDo: Bob <bob@example.org>\nDW: Carl <carl@example.org>\nTemat: The budget"},
	{"sv", "Från: Ann Lee <ann@example.com>\nSkickat: den 6 januari 2025 09:41\nTill: Bob <bob@example.org>\nKopia: Carl <carl@example.org>\nÄmne: The budget"},
	{"da", "Fra: Ann Lee <ann@example.com>\nSendt: 6. januar 2025 09:41\nTil: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nEmne: The budget"},
	{"fi", "Lähettäjä: Ann Lee <ann@example.com>\nLähetetty: maanantai 6. tammikuuta 2025 9.41\nVastaanottaja: Bob <bob@example.org>\nKopio: Carl <carl@example.org>\nAihe: The budget"},
	{"cs", "Od: Ann Lee <ann@example.com>\nOdesláno: pondělí 6. ledna 2025 9:41\nKomu: Bob <bob@example.org>\nKopie: Carl <carl@example.org>\nPředmět: The budget"},
	{"hu", "Feladó: Ann Lee <ann@example.com>\nElküldve: 2025. január 6., hétfő 9:41\nCímzett: Bob <bob@example.org>\nMásolatot kap: Carl <carl@example.org>\nTárgy: The budget"},
	{"ro", "De la: Ann Lee <ann@example.com>\nTrimis: luni, 6 ianuarie 2025 09:41\nCătre: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nSubiect: The budget"},
	{"tr", "Kimden: Ann Lee <ann@example.com>\nGönderildi: 6 Ocak 2025 Pazartesi 09:41\nKime: Bob <bob@example.org>\nBilgi: Carl <carl@example.org>\nKonu: The budget"},
	{"el", "Από: Ann Lee <ann@example.com>\nΣτάλθηκε: Δευτέρα, 6 Ιανουαρίου 2025 9:41 πμ\nΠρος: Bob <bob@example.org>\nΚοιν.: Carl <carl@example.org>\nΘέμα: The budget"},
	{"ru", "От: Ann Lee <ann@example.com>\nОтправлено: 6 января 2025 г. 9:41\nКому: Bob <bob@example.org>\nКопия: Carl <carl@example.org>\nТема: The budget"},
	{"uk", "Від: Ann Lee <ann@example.com>\nНадіслано: 6 січня 2025 р. 9:41\nКому: Bob <bob@example.org>\nКопія: Carl <carl@example.org>\nТема: The budget"},
	{"ar", "من: Ann Lee <ann@example.com>\nتم الإرسال: 6 يناير 2025 09:41\nإلى: Bob <bob@example.org>\nنسخة: Carl <carl@example.org>\nالموضوع: The budget"},
	{"he", "מאת: Ann Lee <ann@example.com>\nנשלח: יום שני 6 ינואר 2025 09:41\nאל: Bob <bob@example.org>\nעותק: Carl <carl@example.org>\nנושא: The budget"},
	{"zh-CN", "发件人: Ann Lee <ann@example.com>\n发送时间: 2025年1月6日 9:41\n收件人: Bob <bob@example.org>\n抄送: Carl <carl@example.org>\n主题: The budget"},
	{"zh-TW wide", "寄件者：Ann Lee <ann@example.com>\n寄件日期：2025年1月6日 上午 09:41\n收件者：Bob <bob@example.org>\n副本：Carl <carl@example.org>\n主旨：The budget"},
	{"ja", "差出人: Ann Lee <ann@example.com>\n送信日時: 2025年1月6日 9:41\n宛先: Bob <bob@example.org>\nCC: Carl <carl@example.org>\n件名: The budget"},
	{"ko", "보낸 사람: Ann Lee <ann@example.com>\n보낸 날짜: 2025년 1월 6일 월요일 오전 9:41\n받는 사람: Bob <bob@example.org>\n참조: Carl <carl@example.org>\n제목: The budget"},
	{"vi", "Từ: Ann Lee <ann@example.com>\nNgày: 6 tháng 1, 2025 09:41\nĐến: Bob <bob@example.org>\nCc: Carl <carl@example.org>\nChủ đề: The budget"},
	{"gmail forward", "---------- Forwarded message ---------\nFrom: Ann Lee <ann@example.com>\nDate: Mon, Jan 6, 2025 at 9:41 AM\nSubject: The budget\nTo: Bob <bob@example.org>\nCc: Carl <carl@example.org>"},
	{"apple forward", "Begin forwarded message:\n\nFrom: Ann Lee <ann@example.com>\nSubject: The budget\nDate: 6 January 2025 at 09:41:00 CET\nTo: Bob <bob@example.org>\nCc: Carl <carl@example.org>"},
	{"apple forward de", "Anfang der weitergeleiteten Nachricht:\n\nVon: Ann Lee <ann@example.com>\nBetreff: The budget\nDatum: 6. Januar 2025 um 09:41:00 MEZ\nAn: Bob <bob@example.org>\nKopie: Carl <carl@example.org>"},
	{"thunderbird forward fr", "-------- Message transféré --------\nSujet : The budget\nDate : Mon, 6 Jan 2025 09:41:00 +0100\nDe : Ann Lee <ann@example.com>\nPour : Bob <bob@example.org>\nCopie à : Carl <carl@example.org>"},
}

func TestHeaderLanguages(t *testing.T) {
	for _, c := range headers {
		t.Run(c.lang, func(t *testing.T) {
			r := Split("The new text.\n\n"+c.block+"\n\nthe old text\n", nil)
			if r.Current != "The new text." || len(r.Previous) != 1 {
				t.Fatalf("current %q, previous %+v", r.Current, r.Previous)
			}
			want := Message{Text: "the old text", Sender: "Ann Lee <ann@example.com>", Subject: "The budget",
				To: "Bob <bob@example.org>", Cc: "Carl <carl@example.org>",
				Forward: strings.Contains(c.lang, "forward"), Date: r.Previous[0].Date}
			if d := cmp.Diff(want, r.Previous[0]); d != "" {
				t.Errorf("quoted message (-want +got):\n%s", d)
			}
			if !strings.Contains(want.Date, "2025") {
				t.Errorf("date = %q", want.Date)
			}
			if want := strings.ReplaceAll(c.block, "\n\n", "\n"); r.Preamble != want {
				t.Errorf("preamble = %q, want %q", r.Preamble, want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     Result
	}{
		{"empty", "", Result{}},
		{"plain", "Hello\n\nworld\n", Result{Current: "Hello\n\nworld"}},
		{"interleaved", "On 06/01/2025 09:41, Ann Lee wrote:\n> one?\n\nYes.\n\n> two?\n\nNo.\n",
			Result{Current: "Yes.\n\nNo.", Preamble: "On 06/01/2025 09:41, Ann Lee wrote:",
				Previous: []Message{{Text: "one?\n\ntwo?", Date: "06/01/2025 09:41", Sender: "Ann Lee"}}}},
		{"depths", "New.\n\nOn 07/01/2025 10:00, Bob wrote:\n> Middle.\n>\n> On 06/01/2025 09:41, Ann wrote:\n>> Old.\n> \n>> Older.\n",
			Result{Current: "New.", Preamble: "On 07/01/2025 10:00, Bob wrote:", Previous: []Message{
				{Text: "Middle.", Preamble: "On 06/01/2025 09:41, Ann wrote:", Date: "07/01/2025 10:00", Sender: "Bob"},
				{Text: "Old.\n\nOlder.", Date: "06/01/2025 09:41", Sender: "Ann"}}}},
		{"old style depths", "Bob wrote:\n> Ann wrote:\n> > Old.\n> Middle.\n\nNew.\n",
			Result{Current: "New.", Preamble: "Bob wrote:", Previous: []Message{
				{Text: "Middle.", Preamble: "Ann wrote:", Sender: "Bob"}, {Text: "Old.", Sender: "Ann"}}}},
		{"chain of header blocks", "New.\n\nFrom: Bob\nSent: 7 Jan 2025\nTo: Me\nSubject: RE: x\n\nMiddle.\n\nFrom: Ann\nSent: 6 Jan 2025\nTo: Bob\nSubject: x\n\nOld.",
			Result{Current: "New.", Preamble: "From: Bob\nSent: 7 Jan 2025\nTo: Me\nSubject: RE: x", Previous: []Message{
				{Text: "Middle.", Preamble: "From: Ann\nSent: 6 Jan 2025\nTo: Bob\nSubject: x", Sender: "Bob", Date: "7 Jan 2025", To: "Me", Subject: "RE: x"},
				{Text: "Old.", Sender: "Ann", Date: "6 Jan 2025", To: "Bob", Subject: "x"}}}},
		{"lone forward", "---------- Forwarded message ---------\nFrom: Ann\nDate: 6 Jan 2025\nSubject: x\nTo: Bob\n\nOld.",
			Result{Preamble: "---------- Forwarded message ---------\nFrom: Ann\nDate: 6 Jan 2025\nSubject: x\nTo: Bob", Previous: []Message{
				{Text: "Old.", Sender: "Ann", Date: "6 Jan 2025", To: "Bob", Subject: "x", Forward: true}}}},
		{"attribution on top hides nothing", "On 06/01/2025 09:41, Ann Lee wrote:\n\nYour invoice is attached.",
			Result{Current: "Your invoice is attached.", Preamble: "On 06/01/2025 09:41, Ann Lee wrote:",
				Previous: []Message{{Date: "06/01/2025 09:41", Sender: "Ann Lee"}}}},
		{"mailbox quoting", "Hello\n\n>From here on it is fine.\n", Result{Current: "Hello\n\nFrom here on it is fine."}},
		{"quote without attribution", "> Old.\n\nNew.", Result{Current: "New.", Previous: []Message{{Text: "Old."}}}},
		{"carriage returns", "New.\r\n\r\nOn 06/01/2025 09:41, Ann Lee wrote:\r\n> Old.\r\n> Older.\r\n",
			Result{Current: "New.", Preamble: "On 06/01/2025 09:41, Ann Lee wrote:",
				Previous: []Message{{Text: "Old.\nOlder.", Date: "06/01/2025 09:41", Sender: "Ann Lee"}}}},
		{"form mail is no header", "From: the website\nMessage: hello\nPhone: 123", Result{Current: "From: the website\nMessage: hello\nPhone: 123"}},
	} {
		got := Split(c.in, nil)
		got.Segments = nil
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestSignature(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"separator", "Hello.\n\n-- \nAnn Lee\nExample Ltd", "-- \nAnn Lee\nExample Ltd"},
		{"separator without space", "Hello.\n--\nAnn", "--\nAnn"},
		{"separator on top", "-- \nDear friend,\nI have money for you.", ""},
		{"separator, then quote", "Hello.\n-- \nAnn\n\nOn 06/01/2025 09:41, Bob wrote:\n> Old.\n> -- \n> Bob", "-- \nAnn"},
		{"phone", "Yes.\n\nSent from my iPhone", "Sent from my iPhone"},
		{"phone de", "Ja.\n\nVon meinem iPhone gesendet", "Von meinem iPhone gesendet"},
		{"phone fr", "Oui.\n\nEnvoyé de mon iPhone", "Envoyé de mon iPhone"},
		{"phone ja", "はい。\n\niPhoneから送信", "iPhoneから送信"},
		{"phone, then quote", "Yes.\n\nGet Outlook for iOS\n________________________________\nFrom: Ann\nSent: 6 Jan 2025\nTo: Bob\nSubject: x\n\nOld.", "Get Outlook for iOS"},
		{"valediction", "Please pay the invoice.\n\nBest regards,\nAnn Lee\nCFO, Example Ltd\n+44 20 7946 0000", "Best regards,\nAnn Lee\nCFO, Example Ltd\n+44 20 7946 0000"},
		{"valediction de", "Bitte zahlen.\n\nMit freundlichen Grüßen\n\nAnn Lee", "Mit freundlichen Grüßen\n\nAnn Lee"},
		{"valediction ru", "Оплатите счёт.\n\nС уважением,\nАня", "С уважением,\nАня"},
		{"valediction and phone", "Pay.\n\nThanks,\nAnn\n\nSent from my iPhone", "Thanks,\nAnn\n\nSent from my iPhone"},
		{"valediction in one line", "Pay it today.\nRegards, Ann\nCFO", "Regards, Ann\nCFO"},
		{"thanks is no signature", "Can you do it?\nThanks", ""},
		{"prose below", "Regards,\nplease click on the link below to confirm that you are the owner of this account and that you want to keep it alive", ""},
		{"list footer", "Hello.\n\n_______________________________________________\nexample mailing list\nexample@lists.example.org", "_______________________________________________\nexample mailing list\nexample@lists.example.org"},
	} {
		r := Split(c.in, nil)
		if r.Signature != c.want {
			t.Errorf("%s: signature = %q, want %q", c.name, r.Signature, c.want)
		}
		if !strings.HasSuffix(r.Current, c.want) {
			t.Errorf("%s: current %q lacks its signature", c.name, r.Current)
		}
	}
}

func TestBanners(t *testing.T) {
	const body = "\n\nHi Ann,\n\nplease read the attached external audit."
	for _, b := range []string{
		"[EXTERNAL]",
		"[EXTERNAL EMAIL] Be careful.",
		"CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender and know the content is safe.",
		"CAUTION: This email originated from outside of the organization. Do not\nclick links or open attachments unless you recognize the sender and know\nthe content is safe.",
		"WARNING\nThis message was sent from outside your organisation.",
		"You don't often get email from bob@example.com. Learn why this is important",
		"ACHTUNG: Diese E-Mail kommt von außerhalb der Firma. Öffnen Sie keine Anhänge.",
		"Attention : ce message provient de l'extérieur. Ne cliquez pas sur les liens.",
		"Precaución: este correo externo procede de fuera de la organización.",
		"Attenzione: questo messaggio proviene dall'esterno.",
		"Let op: deze e-mail is afkomstig van buiten de organisatie.",
		"Cuidado: e-mail de fora da organização.",
		"UWAGA: wiadomość pochodzi spoza organizacji.",
		"Внимание: внешний отправитель!",
		"【注意】このメールは社外からのメールです。",
		"注意：该邮件来自外部，请勿点击链接。",
		"[주의] 외부에서 발송된 메일입니다.",
	} {
		r := Split(b+body, nil)
		if len(r.Banners) != 1 || r.Banners[0] != b {
			t.Errorf("banners = %q, want %q", r.Banners, b)
		}
		if r.Current != strings.TrimSpace(body) {
			t.Errorf("%q: current = %q", b, r.Current)
		}
	}
	for _, text := range []string{"Hi Ann,\n\nthe external audit begins on Monday.", "[EXT-42] The report is ready, please look at it before Monday's call."} {
		if r := Split(text, nil); len(r.Banners) != 0 || r.Current != text {
			t.Errorf("%q: banners %q", text, r.Banners)
		}
	}
}

// Threads of HTML bodies, with the marks that mail programs leave.
func TestSplitHTML(t *testing.T) {
	for _, c := range []struct {
		name, src, current, preamble, signature string
		previous                                []string
	}{
		{"gmail reply", `<div dir="ltr">New.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, Jan 6, 2025 at 9:41 AM Ann &lt;<a href="mailto:ann@example.com">ann@example.com</a>&gt; wrote:<br></div><blockquote class="gmail_quote"><div>Old.</div></blockquote></div>`,
			"New.", "On Mon, Jan 6, 2025 at 9:41 AM Ann <ann@example.com> wrote:", "", []string{"Old."}},
		{"gmail answer below", `<div class="gmail_quote"><div class="gmail_attr">On Mon, Jan 6, 2025 at 9:41 AM Ann &lt;ann@example.com&gt; wrote:</div><blockquote class="gmail_quote"><div>Old.</div></blockquote><div>New.</div></div>`,
			"New.", "On Mon, Jan 6, 2025 at 9:41 AM Ann <ann@example.com> wrote:", "", []string{"Old."}},
		{"gmail forward", `<div>See below.</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: <b>Ann</b> &lt;ann@example.com&gt;<br>Date: Mon, Jan 6, 2025 at 9:41 AM<br>Subject: x<br>To: Bob<br></div><br><br><div>Old.</div></div>`,
			"See below.", "---------- Forwarded message ---------\nFrom: Ann <ann@example.com>\nDate: Mon, Jan 6, 2025 at 9:41 AM\nSubject: x\nTo: Bob", "", []string{"Old."}},
		{"apple nested", `<div>New.</div><div><blockquote type="cite"><div>On 7 Jan 2025, at 10:00, Bob wrote:</div><br><div>Middle.<blockquote type="cite">On 6 Jan 2025, at 09:41, Ann wrote:<br><br>Old.</blockquote></div></blockquote></div>`,
			"New.", "On 7 Jan 2025, at 10:00, Bob wrote:", "", []string{"Middle.", "Old."}},
		{"thunderbird", `<p>New.</p><div class="moz-cite-prefix">Am 06.01.25 um 09:41 schrieb Ann:<br></div><blockquote type="cite" cite="mid:x"><p>Old.</p></blockquote><p>Below.</p><div class="moz-signature">-- <br>Ann</div>`,
			"New.\n\n\nBelow.\n\n-- \nAnn", "Am 06.01.25 um 09:41 schrieb Ann:", "--\nAnn", []string{"Old."}},
		{"outlook web, unknown language", `<div>New.</div><hr><div id="divRplyFwdMsg"><b>Fraðan:</b> Ann &lt;ann@example.com&gt;<br><b>Sennt:</b> 6 Jan 2025<br><b>Tilx:</b> Bob<br><b>Efnix:</b> x</div><div>Old.</div>`,
			"New.", "Fraðan: Ann <ann@example.com>\nSennt: 6 Jan 2025\nTilx: Bob\nEfnix: x", "", []string{"Old."}},
		{"outlook desktop", `<div class=WordSection1><p class=MsoNormal>New.</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>From:</b> Ann &lt;ann@example.com&gt;<br><b>Sent:</b> Monday, January 6, 2025 9:41 AM<br><b>To:</b> Bob<br><b>Subject:</b> x</p></div><p>Old.</p></div>`,
			"New.", "From: Ann <ann@example.com>\nSent: Monday, January 6, 2025 9:41 AM\nTo: Bob\nSubject: x", "", []string{"Old."}},
		{"yahoo", `<div>New.</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>On Monday, January 6, 2025 at 09:41:00 AM GMT, Ann &lt;ann@example.com&gt; wrote:</div><div>Old.</div></div>`,
			"New.", "On Monday, January 6, 2025 at 09:41:00 AM GMT, Ann <ann@example.com> wrote:", "", []string{"Old."}},
		{"proton", `<div>New.</div><div class="protonmail_quote">On Monday, January 6th, 2025 at 09:41, Ann &lt;ann@example.com&gt; wrote:<br><br><blockquote class="protonmail_quote" type="cite">Old.</blockquote></div>`,
			"New.", "On Monday, January 6th, 2025 at 09:41, Ann <ann@example.com> wrote:", "", []string{"Old."}},
		{"plain blockquote is text", `<p>As they say:</p><blockquote>Be bold.</blockquote><p>Indeed.</p>`, "As they say:\n\nBe bold.\n\nIndeed.", "", "", nil},
	} {
		r := htmltext.Render(c.src, htmltext.Options{})
		got := Split(r.Display, r.Marks)
		var previous []string
		for _, p := range got.Previous {
			previous = append(previous, p.Text)
		}
		if d := cmp.Diff(c.previous, previous); d != "" {
			t.Errorf("%s: previous (-want +got):\n%s", c.name, d)
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		if squeeze(got.Current) != squeeze(c.current) || squeeze(got.Preamble) != squeeze(c.preamble) || got.Signature != c.signature {
			t.Errorf("%s: current %q, preamble %q, signature %q", c.name, got.Current, got.Preamble, got.Signature)
		}
	}
}

func TestAt(t *testing.T) {
	text := "New.\n\nOn 06/01/2025 09:41, Ann Lee wrote:\n> Old.\nBelow.\n"
	r := Split(text, nil)
	for _, c := range []struct {
		at     string
		thread int
		role   Role
	}{
		{"New.", 0, RoleText}, {"On 06", 1, RolePreamble}, {"Old", 1, RoleText}, {"Below", 0, RoleText},
	} {
		thread, role := r.At(strings.Index(text, c.at))
		if thread != c.thread || role != c.role {
			t.Errorf("At(%q) = %d, %d, want %d, %d", c.at, thread, role, c.thread, c.role)
		}
	}
	if thread, _ := r.At(len(text) + 10); thread != 0 {
		t.Errorf("At(past the end) = %d, want 0", thread)
	}
	if thread, role := new(Result).At(3); thread != 0 || role != RoleText {
		t.Errorf("At of nothing = %d, %d", thread, role)
	}
}

func FuzzSplit(f *testing.F) {
	for _, c := range attributions[:12] {
		f.Add("New.\n\n"+c.line+"\n> Old.\n", 5, 20)
	}
	for _, c := range headers[:8] {
		f.Add("[EXTERNAL]\nNew.\n-- \nAnn\n"+c.block+"\n\nOld.\n", 0, 9)
	}
	f.Add("> > >>a\n>b\r\n\n>From x\n", 3, 1000)
	f.Fuzz(func(t *testing.T, text string, a, b int) {
		var marks []htmltext.Mark
		if a >= 0 && b >= a && b <= len(text) {
			for k := htmltext.MarkQuote; k <= htmltext.MarkSignature; k++ {
				marks = append(marks, htmltext.Mark{Kind: k, Start: a / (int(k) + 1), End: b})
			}
		}
		r := Split(text, marks)
		checkResult(t, text, r)
	})
}

// checkResult checks what holds for every result: the segments cover the text,
// and no text comes from nowhere.
func checkResult(t *testing.T, text string, r Result) {
	t.Helper()
	size, end := len(r.Current), 0
	for _, p := range r.Previous {
		size += len(p.Text)
	}
	if size > len(text)+len(r.Previous)+1 {
		t.Fatalf("%d bytes of text became %d", len(text), size)
	}
	for _, s := range r.Segments {
		if s.Start != end || s.End <= s.Start || s.Thread < 0 || s.Thread > len(r.Previous) {
			t.Fatalf("segment %+v after %d, %d messages", s, end, len(r.Previous))
		}
		end = s.End
	}
	if end != len(text) {
		t.Fatalf("segments end at %d of %d", end, len(text))
	}
}

func BenchmarkSplit(b *testing.B) {
	reply := "Thanks, that works for me. Let us meet on Monday and talk about the rest.\n"
	chain := strings.Repeat(reply, 20)
	for _, h := range headers[:6] {
		chain += "\n" + h.block + "\n\n" + strings.Repeat(reply, 10)
	}
	for _, c := range []struct{ name, text string }{
		{"prose-15kB", strings.Repeat(reply, 200)},
		{"chain", chain},
		{"quotes", strings.Repeat("> "+reply, 200)},
		{"colons", strings.Repeat("wrote wrote:\n", 5000)},
		{"headers", strings.Repeat("From: a\nTo: b\n", 5000)},
		{"blank", strings.Repeat("\n", 50000)},
		{"dates", strings.Repeat("On 06/01/2025 09:41, Ann <a@b> wrote:\n", 2000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				Split(c.text, nil)
			}
		})
	}
}
