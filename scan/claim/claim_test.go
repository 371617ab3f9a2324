package claim

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
)

// testStage is the stage of an imagined organisation.
func testStage(tb testing.TB) *Stage {
	tb.Helper()
	st, err := New(Config{
		OwnDomains: []string{"kontorwerke.example", "kontorwerke.de"},
		OwnNames:   []string{"Kontorwerke", "Kontor Werke AG"},
		VIPs:       []VIP{{Name: "Dr. Ada Bergström", Addresses: []string{"ada@berg.example"}}},
		Partners:   []string{"nordlicht-stahl.de"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

// letter is a message in short.
type letter struct {
	from, replyTo, subject, html, text, sender, to string
	links                                          []string
	auth                                           mail.Auth
	mailFrom                                       string
}

// build makes the message and the facts that stages before this one leave.
func (l letter) build() (*mail.Message, *mail.Facts) {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	field("From", l.from)
	field("Reply-To", l.replyTo)
	field("Subject", l.subject)
	field("Sender", l.sender)
	field("To", l.to)
	field("MIME-Version", "1.0")
	if l.html != "" {
		b.WriteString("Content-Type: text/html; charset=utf-8\r\n\r\n" + l.html)
	} else {
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\n\r\n" + l.text)
	}
	m := mail.Parse(mail.Envelope{MailFrom: l.mailFrom, HasFrom: l.mailFrom != ""}, []byte(b.String()))
	f := &mail.Facts{Auth: l.auth}
	for _, host := range l.links {
		f.Links = append(f.Links, mail.LinkFact{URL: "https://" + host + "/", Kind: "anchor", Host: host, Visible: true})
	}
	return m, f
}

// proven is the authentication of a proven author domain.
func proven(d string) mail.Auth {
	return mail.Auth{DMARC: mail.ResultPass, FromDomain: d, Aligned: []string{d}, AuthorProven: true}
}

func TestAnalyze(t *testing.T) {
	st := testStage(t)
	tests := []struct {
		name string
		l    letter
		want []string // "id: claim"
	}{
		{"tax office", letter{from: `"HM Revenue & Customs" <refund@fcogov.example>`, auth: proven("fcogov.example")},
			[]string{"claim.brand-display-name: the sender says it is HM Revenue & Customs, but speaks for fcogov.example"}},
		{"auth unknown", letter{from: `PayPal Service <x@web-07.example>`},
			[]string{"claim.brand-display-name: the sender says it is PayPal, but writes from web-07.example"}},
		{"umlauts and zero width", letter{from: "=?utf-8?q?P=E2=80=8BayP=E2=80=8Bal?= <x@web-07.example>"}, []string{
			"claim.display-name-confusable: the sender's name has an invisible character (U+200B)",
			"claim.brand-display-name: the sender says it is PayPal, but writes from web-07.example"}},
		{"Cyrillic", letter{from: "=?utf-8?b?" + "UNCwecKgUNCwbA==" + "?= <x@web-07.example>"}, []string{
			"claim.display-name-confusable: the sender's name has letters of another script among Latin ones in Pаy"}},
		{"a Turkish name", letter{from: "=?utf-8?q?K=C4=B1y=C4=B1_Sigorta?= <bilgi@kiyi-sigorta.com.tr>"}, nil},
		{"selectors between letters", letter{from: "=?utf-8?b?TfOghLlp86CEuWNyb3NvZnQ=?= <bilgi@kiyi-sigorta.com.tr>"}, []string{
			"claim.display-name-confusable: the sender's name has a selector of variants at a letter that has none (U+E0139)",
			"claim.brand-display-name: the sender says it is Microsoft, but writes from kiyi-sigorta.com.tr"}},
		{"a variant of a Han character", letter{from: "=?utf-8?b?6L6786CEgOWkquS4gA==?= <taro@kiyi-sigorta.com.tr>"}, nil},
		{"Japanese", letter{from: "=?utf-8?b?5LiJ5LqV5L2P5Y+L44Kr44O844OJ?= <info@kqzt.example>"},
			[]string{"claim.brand-display-name: the sender says it is SMBC, but writes from kqzt.example"}},
		{"free mailbox of the brand", letter{from: "Microsoft Account Team <ms.account.team77@outlook.com>", auth: proven("outlook.com")}, []string{
			"claim.brand-display-name: the sender says it is Microsoft, but writes from a mailbox that anybody can have at outlook.com",
			`claim.freemail-organisation: the sender says it is Microsoft ("Microsoft Account Team"), but writes from a free mailbox at outlook.com`}},
		{"everyday word in company", letter{from: "Apple Support <a@q-77.example>"},
			[]string{"claim.brand-display-name: the sender says it is Apple, but writes from q-77.example"}},
		{"everyday word, role address", letter{from: "Chase <no-reply@q-77.example>"},
			[]string{"claim.brand-display-name: the sender says it is Chase, but writes from q-77.example"}},
		{"savings bank member", letter{from: "Sparkasse Musterstadt <info@sparkasse-musterstadt.de>", auth: proven("sparkasse-musterstadt.de")},
			nil}, // a pattern covers it: neither proof nor breach
		{"no member of the savings banks", letter{from: "Sparkasse <info@sparkasse-sicherheit.de>", auth: proven("sparkasse-sicherheit.de")}, []string{
			"claim.brand-display-name: the sender says it is Sparkasse, but speaks for sparkasse-sicherheit.de",
			`claim.lookalike-brand: the sender's domain sparkasse-sicherheit.de imitates Sparkasse: "sparkasse" with "-sicherheit" after it`}},
		{"a brand's country", letter{from: "HSBC <info@hsbc.no>", auth: proven("hsbc.no")}, nil},
		{"a brand under a suffix for everybody", letter{from: "PayPal <service@paypal.icu>", auth: proven("paypal.icu")}, []string{
			"claim.brand-display-name: the sender says it is PayPal, but speaks for paypal.icu",
			"claim.lookalike-brand: the sender's domain paypal.icu imitates PayPal: under .icu instead of .com, .com.br, .de",
			"claim.throw-away-domain: the sender's domain paypal.icu is under .icu, whose names are bought to be thrown away"}},
		{"a brand on a hosting company's page", letter{from: "PayPal <service@paypal.pages.dev>", auth: proven("paypal.pages.dev")}, []string{
			"claim.brand-display-name: the sender says it is PayPal, but speaks for paypal.pages.dev",
			`claim.lookalike-brand: the sender's domain paypal.pages.dev imitates PayPal: "paypal" above pages.dev`}},
		{"a hosting company's customers", letter{from: "OVH <service@kunde7.ovh>", auth: proven("kunde7.ovh")},
			[]string{"claim.brand-display-name: the sender says it is OVH, but speaks for kunde7.ovh"}},
		{"backed", letter{from: "PayPal <service@paypal.co.uk>", auth: proven("paypal.co.uk")},
			[]string{"claim.backed: the sender says it is PayPal and speaks for paypal.co.uk"}},
		{"spoofed", letter{from: "PayPal <service@intl.paypal.com>", auth: mail.Auth{DMARC: mail.ResultFail, SPF: mail.ResultNone, DKIMResult: mail.ResultNone}},
			[]string{"claim.brand-spoofed: the sender writes as PayPal from intl.paypal.com, but nothing proves that it may: DMARC fail, SPF none, DKIM none"}},
		{"a brand in the address", letter{from: "Kundeninformation <netflix-support@ablage7.example>"},
			[]string{"claim.brand-local-part: the address is named after Netflix, but writes from ablage7.example"}},
		{"own organisation", letter{from: "Kontorwerke IT Helpdesk <it@cloud-88.example>"},
			[]string{"claim.own-org: the sender says it is our own kontorwerke, but writes from cloud-88.example"}},
		{"own domain shown", letter{from: `"admin kontorwerke.de" <it@cloud-88.example>`},
			[]string{"claim.own-org: the sender says it is our own kontorwerke, but writes from cloud-88.example"}},
		{"own domain beside a name", letter{from: `"Bo Lund - Kontorwerke.de" <it@cloud-88.example>`},
			[]string{"claim.own-org: the sender's name shows our own domain kontorwerke.de, but it writes from cloud-88.example"}},
		{"person", letter{from: `"Bergstrom, Ada (CEO)" <ceo.office77@gmail.com>`},
			[]string{"claim.vip: the sender says it is Dr. Ada Bergström, but the address is ceo.office77@gmail.com"}},
		{"another address shown", letter{from: `"rechnung@lieferant.de" <x9@kqzt.example>`},
			[]string{"claim.address-in-display-name: the sender's name shows rechnung@lieferant.de, but the address is x9@kqzt.example"}},
		{"office in a free mailbox", letter{from: `"Human Resources Department" <hr.dept.2291@gmail.com>`},
			[]string{`claim.freemail-organisation: the sender says it is an office ("Human Resources Department"), but writes from a free mailbox at gmail.com`,
				"claim.office-only: the sender calls itself an office and names no organisation"}},
		{"replies to a free mailbox", letter{from: "Maria Ruiz <m.ruiz@transportes.example>", replyTo: "m.ruiz.transportes@gmail.com"},
			[]string{"claim.reply-to-freemail: the sender writes from transportes.example, but wants replies in a free mailbox at gmail.com"}},
		{"a guest of a booking service", letter{from: "Bo Lund <notifications@calendly.com>", replyTo: "bo.lund77@gmail.com", auth: proven("calendly.com")}, nil},
		{"an office at a booking service", letter{from: "Support Lund <notifications@calendly.com>", replyTo: "lund77@gmail.com", auth: proven("calendly.com")},
			[]string{"claim.reply-to-freemail: the sender writes from calendly.com, but wants replies in a free mailbox at gmail.com"}},
		{"replies elsewhere", letter{from: "Maria Ruiz <m.ruiz@transportes.example>", replyTo: "m.ruiz@transp0rtes.top"},
			[]string{"claim.reply-to-diverges: the sender writes from transportes.example, but wants replies at transp0rtes.top"}},
		{"look-alike of our own", letter{from: "Vertrieb <v@kontorwerrke.de>"},
			[]string{`claim.lookalike-own: the sender's domain kontorwerrke.de imitates kontorwerke.example: "kontorwerrke" for "kontorwerke": "r" doubled`}},
		{"look-alike of a partner", letter{from: "Nordlicht <r@nordlicht-stahl.com>"},
			[]string{`claim.lookalike-partner: the sender's domain nordlicht-stahl.com imitates nordlicht-stahl.de: under .com instead of .de`}},
		{"look-alike in a link", letter{from: "Info <i@kqzt.example>", links: []string{"example.net", "paypa1-konto.top"}},
			[]string{`claim.lookalike-brand: a link's host paypa1-konto.top imitates PayPal: "paypa1" looks like "paypal"; "paypa1" with "-konto" after it`}},
		{"speaks as a brand", letter{from: "Info <i@kqzt.example>", subject: "Netflix: payment declined",
			text: "Dear Netflix customer,\n\nwe could not renew your membership.\n\nThe Netflix Team\n"},
			[]string{"claim.brand-body: the text speaks as Netflix, but the sender writes from kqzt.example"}},
		{"a brand writes and signs", letter{from: "InPost <info@paczka-doplata.pl>", text: "Twoja paczka czeka.\n\nInPost\n"}, []string{
			"claim.brand-display-name: the sender says it is InPost, but writes from paczka-doplata.pl",
			"claim.brand-body: the text speaks as InPost, but the sender writes from paczka-doplata.pl"}},
		{"signed in another script", letter{from: "=?utf-8?b?0J/RgNC40LLQsNGC0JHQsNC90Lo=?= <info@kqzt.example>", text: "Картку заблоковано.\n\nПриватБанк\n"}, []string{
			"claim.brand-display-name: the sender says it is PrivatBank, but writes from kqzt.example",
			"claim.brand-body: the text speaks as PrivatBank, but the sender writes from kqzt.example"}},
		{"thanks for using it, in Japanese", letter{from: "=?utf-8?b?5LiJ5LqV5L2P5Y+L44Kr44O844OJ?= <info@kqzt.example>", text: "三井住友カードをご利用いただきありがとうございます。\n"}, []string{
			"claim.brand-display-name: the sender says it is SMBC, but writes from kqzt.example",
			"claim.brand-body: the text speaks as SMBC, but the sender writes from kqzt.example"}},
		{"a name in the subject and in a heading", letter{from: "Bo Lund <bo@lundbau.example>", subject: "Webex for us", text: "Two offers.\n\nWebex\nWith pictures.\n"}, nil},
		{"a footer of social media", letter{from: "Stoffe <i@stoffe-nord.de>", text: "Update your Facebook account.\n\nFacebook\nInstagram\n"}, nil},
		{"speaks as a brand, German", letter{from: "Info <i@kqzt.example>",
			text: "Sehr geehrte Sparkasse Kundin,\n\nIhr Konto wurde gesperrt."},
			[]string{"claim.brand-body: the text speaks as Sparkasse, but the sender writes from kqzt.example"}},
		{"speaks as a brand, French", letter{from: "Info <i@kqzt.example>",
			text: "Cher client Boursorama,\n\nVotre compte est suspendu.\n\nL'équipe Boursorama"},
			[]string{"claim.brand-body: the text speaks as Boursorama, but the sender writes from kqzt.example"}},
		{"speaks as a brand, Spanish", letter{from: "Info <i@kqzt.example>",
			text: "Estimado cliente de Santander:\n\nsu cuenta ha sido bloqueada."},
			[]string{"claim.brand-body: the text speaks as Santander, but the sender writes from kqzt.example"}},
		{"logo and account", letter{from: "Info <i@kqzt.example>", subject: "Your DHL package",
			html: `<img src="cid:1" alt="DHL logo"><p>Your parcel waits.</p>`},
			[]string{"claim.brand-body: the text speaks as DHL, but the sender writes from kqzt.example"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, f := tt.l.build()
			if err := st.Analyze(context.Background(), m, f); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range f.Evidence {
				got = append(got, e.ID+": "+e.Claim)
				if e.Weight != 0 || e.Quote == "" {
					t.Errorf("%s: weight %v, quote %q", e.ID, e.Weight, e.Quote)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("evidence (-want +got):\n%s", d)
			}
		})
	}
}

// TestAnalyzeQuiet holds legitimate mail that only looks like a claim.
func TestAnalyzeQuiet(t *testing.T) {
	st := testStage(t)
	for name, l := range map[string]letter{
		"mention in the subject": {from: "Bo <bo@friends.example>", subject: "Amazon order arrived?", text: "Did the Amazon parcel come?\nBo"},
		"employee on a list":     {from: `"Jane Roe (Google)" <jroe@kernel.example>`, text: "Applied, thanks."},
		"employee at":            {from: `Jane Roe at Microsoft <jroe@kernel.example>`, text: "Applied."},
		"surname first":          {from: `"Norton, Ada" <ada@school.example>`, text: "See you"},
		"first name":             {from: "Milka Petrova <milka@school.example>", text: "See you"},
		"office of a provider":   {from: "Microsoft Outlook <postmaster@outlook.com>"},
		"surname":                {from: "Emma Chase <emma@school.example>", text: "See you"},
		"fruit grower":           {from: "Apple Orchard Hofladen <hof@obst.example>", text: "New harvest"},
		"via a list":             {from: `"PayPal via Finance" <finance@club.example>`, text: "fyi"},
		"signing service":        {from: `"Kim Lee via DocuSign" <dse@docusign.net>`, replyTo: "kim@lee.example", auth: proven("docusign.net")},
		"own sender":             {from: "Kontorwerke <info@kontorwerke.de>"},
		"own subdomain":          {from: "Kontorwerke IT <it@mail.kontorwerke.de>", replyTo: "it@kontorwerke.de"},
		"person's own address":   {from: "Ada Bergström <ada@berg.example>"},
		"same first name":        {from: "Ada Lund <ada@lund.example>"},
		"reply in the family":    {from: "Google <no-reply@google.com>", replyTo: "team@youtube.com"},
		"reply to the list":      {from: "Bo <bo@friends.example>", replyTo: "club@lists.example", to: "club@lists.example"},
		"reply to the bouncer":   {from: "Bo <bo@friends.example>", replyTo: "chor@verein.example", mailFrom: "chor-bounces@verein.example"},
		"free mailbox, person":   {from: "Bo Lund <bo.lund77@gmail.com>", text: "Hi"},
		"own address shown":      {from: `"bo@friends.example" <bo@friends.example>`},
		"shop with icons": {from: "Hofladen <news@obst.example>",
			html: `<p>New apples.</p><img alt="Facebook" src="x"><img alt="Instagram" src="x"><img alt="PayPal" src="x"><img alt="Visa" src="x">`},
		"licence header":       {from: "Bo <bo@kernel.example>", text: "+ * Copyright (c) 2023 Microsoft Corporation\n+ * Copyright (c) 2024 Google LLC\n"},
		"umlauts":              {from: "=?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <jm@friends.example>"},
		"Cyrillic name":        {from: "=?utf-8?b?0JjQstCw0L0g0J/QtdGC0YDQvtCy?= <ivan@friends.example>"},
		"emoji":                {from: "=?utf-8?b?4p2k77iPIEhvZmxhZGVu?= <news@obst.example>"},
		"brand, unknown proof": {from: "PayPal <service@paypal.com>", text: "Dear PayPal customer,\nThe PayPal Team"},
		"employee, broken proof": {from: "Jane Roe <jane.roe@paypal.com>", text: "Applied.",
			auth: mail.Auth{DMARC: mail.ResultFail, SPF: mail.ResultPass, DKIMResult: mail.ResultFail}},
		"web site":      {from: "WordPress <wordpress@verein.example>", subject: "New comment"},
		"reserved name": {from: "Bo <bo@example.com>", links: []string{"www.example.org"}},
		"no author":     {subject: "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			m, f := l.build()
			if err := st.Analyze(context.Background(), m, f); err != nil {
				t.Fatal(err)
			}
			for _, e := range f.Evidence {
				if e.ID != IDBacked {
					t.Errorf("%s: %s (%s)", e.ID, e.Claim, e.Quote)
				}
			}
		})
	}
}

// TestTable checks the built-in knowledge line by line.
func TestTable(t *testing.T) {
	tab, err := loadTable(brandTable)
	if err != nil {
		t.Fatal(err)
	}
	if len(tab.brands) < 300 {
		t.Errorf("%d brands, want at least 300", len(tab.brands))
	}
	seen := map[string]bool{}
	for _, b := range tab.brands {
		if seen[b.name] {
			t.Errorf("%s stands twice", b.name)
		}
		seen[b.name] = true
		if b.category == "" || len(b.domains) == 0 {
			t.Errorf("%s lacks a category or a domain", b.name)
		}
		for _, d := range b.domains {
			if !strings.Contains(d, ".") || strings.ContainsAny(d, "/:@ ") {
				t.Errorf("%s: %q is no domain", b.name, d)
			}
		}
	}
}

// TestTableWords: everyday text names no brand, but for words that count only in
// company.
func TestTableWords(t *testing.T) {
	tab, err := loadTable(brandTable)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"Release 1.1 is out", "1:1 mit dem Team", "Curso presencial e on-line", "Ultimi posti disponibili", "Save the Amazon rainforest",
		"Was das Finanzamt wissen will", "Finances publiques : le débat", "Tus correos electrónicos", "IRS 2026: o prazo termina", "Empresas americanas em alta",
		"Student visa service", "Post office opening hours", "Your free online webinar", "El nexo entre clima y salud", "Avanza la obra", "50 Hertz, 230 Volt",
		"Risotto mit Safran", "Die Zelle teilt sich", "A ripple in the pond", "The Iliad, book one", "L'assurance maladie en débat",
		"La reforma de la Seguridad Social", "World Bank report on the United Nations", "US bank failures", "A TUI for mail", "Finanzkonferenz in Sabadell",
	} {
		w := words(text)
		for i := range w {
			if a, ok := tab.at(w, i); ok && !a.common {
				t.Errorf("%q names %s", text, a.brand.name)
			}
		}
	}
}

func TestTableErrors(t *testing.T) {
	_, err := loadTable("# ok\nPayPal\tpaypal\tpaypal.com\tpayment\nBroken\tbroken\n")
	if want := "reading the brand table: line 3 has 2 columns, want 4"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAligned: mail that a service sends for a brand and that the brand signed
// is the brand's.
func TestAligned(t *testing.T) {
	l := letter{from: "Info <i@mailer.example>", text: "Dear Netflix customer,\n\nThe Netflix Team\n",
		auth: mail.Auth{Aligned: []string{"netflix.com"}}}
	m, f := l.build()
	if err := testStage(t).Analyze(context.Background(), m, f); err != nil {
		t.Fatal(err)
	}
	if len(f.Evidence) > 0 {
		t.Errorf("got %v", f.Evidence)
	}
}

func FuzzClaim(f *testing.F) {
	for _, s := range []string{
		"From: PayPal <a@b.example>\r\nReply-To: x@gmail.com\r\nSubject: Your PayPal account\r\n\r\nDear PayPal customer",
		"From: \"x@y.de via Z\" <>\r\n\r\n", "From: @\r\n\r\n", "From: =?utf-8?q?=E2=80=8B?= <@>\r\n\r\n",
		"From: a@\xff.de\r\nContent-Type: text/html\r\n\r\n<img alt=\"", "From: U.S. Bank <u@s.bank>\r\n\r\n©©© PayPal inc",
		"From: <a@xn--80ak6aa92e.com>\r\nReply-To: a@paypa1.com, b@c\r\n\r\nteam paypal team of",
	} {
		f.Add([]byte(s))
	}
	st := testStage(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := mail.Parse(mail.Envelope{}, raw)
		facts := &mail.Facts{}
		if err := st.Analyze(context.Background(), m, facts); err != nil {
			t.Fatal(err)
		}
		for _, e := range facts.Evidence {
			if e.ID == "" || e.Claim == "" || len(e.Quote) > 200 {
				t.Errorf("%+v", e)
			}
		}
	})
}

// BenchmarkAnalyze measures one message of common size with a few links.
func BenchmarkAnalyze(b *testing.B) {
	st := testStage(b)
	text := "Dear customer,\n\n" + strings.Repeat("We have looked at your order and will come back to you within the next days. ", 40) + "\n\nThe Netflix Team\n"
	m, f := letter{from: "Netflix Support <x@kqzt.example>", subject: "Your order", text: text,
		links: []string{"www.kqzt.example", "cdn.kqzt.example", "netflix.com", "paypa1-konto.top"}}.build()
	b.ReportAllocs()
	for b.Loop() {
		f.Evidence = f.Evidence[:0]
		if err := st.Analyze(context.Background(), m, f); err != nil {
			b.Fatal(err)
		}
	}
}
