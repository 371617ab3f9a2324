package claim

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/mail"
)

func TestOrigin(t *testing.T) {
	st := testStage(t)
	tests := []struct {
		name string
		l    letter
		rdns string
		want []string
	}{
		{"a plain sender", letter{from: "Jan Vrba <jan.vrba@stoffe-nord.de>", to: "ada@kontorwerke.de"}, "mx1.stoffe-nord.de", nil},
		{"a local part drawn by lot", letter{from: "Car Insurance <KDkYHsbaSNa@stoffe-nord.de>"}, "", []string{IDRandomAddress}},
		{"a short one with capitals", letter{from: "Car Insurance <TSgBsjq@stoffe-nord.de>"}, "", []string{IDRandomAddress}},
		{"a short one without", letter{from: "Info <tsgbsjq@stoffe-nord.de>"}, "", nil},
		{"an initial and a surname", letter{from: "L <LWabeke@stoffe-nord.de>"}, "", nil},
		{"a domain drawn by lot", letter{from: "Info <info@xkqzvwpt.de>"}, "", []string{IDRandomAddress}},
		{"a surname that only seems so", letter{from: "Tomasz Tkaczykqv <t.tkaczykqv@stoffe-nord.de>"}, "", nil},
		{"capitals as names have them", letter{from: "Jane <JaneMcDonald@stoffe-nord.de>"}, "", nil},
		{"a throw-away domain", letter{from: "Info <info@stoffe-nord.icu>"}, "", []string{IDThrowAwayDomain}},
		{"a tenant of a help desk", letter{from: "Bonus <bonus@stoffe.zendesk.com>"}, "", []string{IDSharedService}},
		{"in the reader's own name", letter{from: "Ada <ada@stoffe-nord.de>", to: "ada@stoffe-nord.de"}, "", []string{IDFromYourself}},
		{"to oneself, proven", letter{from: "Ada <ada@stoffe-nord.de>", to: "ada@stoffe-nord.de", auth: proven("stoffe-nord.de")}, "", nil},
		{"the reader in the subject", letter{from: "Info <i@stoffe-nord.de>", to: "ada@kontorwerke.de", subject: "Ada@kontorwerke.de, your parcel"}, "", []string{IDReaderSubject}},
		{"the reader in the name", letter{from: `"Mailbox of ada@kontorwerke.de" <i@stoffe-nord.de>`, to: "ada@kontorwerke.de"}, "", []string{IDAddressInName, IDOwnOrg, IDReaderName}},
		{"an unnamed machine", letter{from: "Info <i@stoffe-nord.de>"}, "198-51-100-7.ip.hoster.de", []string{IDMachine}},
		{"a literal is no name", letter{from: "Info <i@stoffe-nord.de>"}, "[198.51.100.7]", nil},
		{"a trade mark", letter{from: "Stoffe Nord® <i@stoffe-nord.de>"}, "", []string{IDMarkedName}},
		{"alarm", letter{from: "🚨 Stoffe Nord <i@stoffe-nord.de>"}, "", []string{IDPictureName}},
		{"a case", letter{from: "Stoffe Nord 7731-2291988 <i@stoffe-nord.de>"}, "", []string{IDCodeName}},
		{"an office of nobody", letter{from: "Security Team <i@stoffe-nord.de>"}, "", []string{IDOffice}},
		{"a public authority", letter{from: "Tribunal de Justiça <i@stoffe-nord.de>"}, "", []string{IDPublicBody}},
		{"a public authority's own", letter{from: "Ministerio de Hacienda <i@hacienda.gob.es>"}, "", nil},
		{"no domain", letter{from: "Info <info@kontor>"}, "", []string{IDNoDomain}},
		{"no domain at all", letter{from: "Info <info@%kontor.de>"}, "", []string{IDNoDomain}},
		{"a name and letters drawn by lot", letter{from: "Karen Thomas <thomaskarenqjwfxvb@stoffe-nord.de>"}, "", []string{IDRandomAddress}},
		{"a brand's name with a sign", letter{from: "McAfee™ <i@stoffe-nord.de>"}, "", []string{IDBrandDisplayName, IDMarkedName}},
		{"a brand's domain as a name", letter{from: `"ups.com [US]" <i@stoffe-nord.de>`}, "", []string{IDBrandDisplayName}},
		{"somebody from a brand", letter{from: "Katie from Coinbase <i@stoffe-nord.de>"}, "", []string{IDBrandDisplayName}},
		{"a brand's address that fails", letter{from: "Bradesco <bia@bradesco.com.br>", auth: mail.Auth{DMARC: mail.ResultFail, SPF: mail.ResultFail}}, "", []string{IDBrandSpoofed}},
		{"replies to nobody", letter{from: "Info <i@stoffe-nord.de>", replyTo: "no-reply@example.com"}, "", []string{IDReplyNowhere}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, f := tt.l.build()
			m.Envelope.RDNS = tt.rdns
			if err := st.Analyze(t.Context(), m, f); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range f.Evidence {
				got = append(got, it.ID)
			}
			slices.Sort(got)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Whatever an address is, the stage looks at it without a panic.
func FuzzOrigin(f *testing.F) {
	st := testStage(f)
	f.Add("Ada <a@b.c>", "198-51-100-7.x.example", "subject")
	f.Fuzz(func(t *testing.T, from, rdns, subject string) {
		m, facts := letter{from: from, subject: subject}.build()
		m.Envelope.RDNS = rdns
		if err := st.Analyze(t.Context(), m, facts); err != nil {
			t.Fatal(err)
		}
	})
}

func TestElsewhere(t *testing.T) {
	st := testStage(t)
	button := func(host, text string) mail.LinkFact {
		return mail.LinkFact{URL: "https://" + host + "/", Kind: "anchor", Source: "html", Host: host, Text: text, Visible: true}
	}
	cancel := mail.LinkFact{URL: "https://klick.versand7.net/u", Kind: "header", Source: "header", Host: "klick.versand7.net"}
	tests := []struct {
		name  string
		l     letter
		links []mail.LinkFact
		want  []string
	}{
		{"a newsletter on a brand", letter{from: "Brief <i@stoffe-nord.de>", subject: "Coinbase is sued", auth: proven("stoffe-nord.de")}, []mail.LinkFact{button("klick.versand7.net", "Read"), cancel}, nil},
		{"the same, proven by nobody", letter{from: "Brief <i@stoffe-nord.de>", subject: "Coinbase is sued"}, []mail.LinkFact{button("klick.versand7.net", "Read"), cancel}, []string{IDBrandElsewhere}},
		{"signed by the house that counts clicks", letter{from: "Brief <i@stoffe-nord.de>", subject: "Coinbase is sued", auth: mail.Auth{AuthorProven: true, DKIM: []mail.DKIM{{Result: mail.ResultPass, Domain: "versand7.net"}}}}, []mail.LinkFact{button("klick.versand7.net", "Read")}, nil},
		{"a shop that is named like the sender", letter{from: "Shop <i@stoffe-nord.de>", subject: "Your payment by PayPal"}, []mail.LinkFact{button("stoffe-nord.myshopify.com", "Order")}, nil},
		{"subject names a brand", letter{from: "Info <i@stoffe-nord.de>", subject: "Please confirm for Coinbase", text: "Now."}, []mail.LinkFact{button("zahl-dienst.net", "Confirm")}, []string{IDBrandElsewhere}},
		{"text names it often", letter{from: "Info <i@stoffe-nord.de>", text: "Coinbase is new. With Coinbase you see more. Try Coinbase."}, []mail.LinkFact{button("zahl-dienst.net", "Confirm")}, []string{IDBrandElsewhere}},
		{"one link leads to the brand", letter{from: "Info <i@stoffe-nord.de>", subject: "Please confirm for Coinbase"}, []mail.LinkFact{button("zahl-dienst.net", "Confirm"), button("www.coinbase.com", "Terms")}, nil},
		{"the sender's own page", letter{from: "Info <i@stoffe-nord.de>", subject: "Now with PayPal"}, []mail.LinkFact{button("www.stoffe-nord.de", "Shop")}, nil},
		{"many brands", letter{from: "Info <i@stoffe-nord.de>", subject: "News of PayPal, Netflix and Coinbase"}, []mail.LinkFact{button("zahl-dienst.net", "More")}, nil},
		{"nothing to click", letter{from: "Info <i@stoffe-nord.de>", subject: "A question on Coinbase"}, nil, nil},
		{"a link that says where it leads", letter{from: "Info <i@stoffe-nord.de>", subject: "A question on Coinbase"}, []mail.LinkFact{button("zahl-dienst.net", "zahl-dienst.net")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, f := tt.l.build()
			f.Links = tt.links
			if err := st.Analyze(t.Context(), m, f); err != nil {
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

// A machine that delivers mail has a full name; nothing is said of none.
func TestUnnamedHelo(t *testing.T) {
	st := testStage(t)
	for helo, want := range map[string]bool{"": false, "mx1.stoffe-nord.de": false, "[192.0.2.1]": false, "IPV6:2001:db8::1": false, "DESKTOP-4F2": true, "localhost": true} {
		m, f := letter{from: "Jan Vrba <jan.vrba@stoffe-nord.de>"}.build()
		m.Envelope.Helo = helo
		if err := st.Analyze(t.Context(), m, f); err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(f.Evidence, func(it evidence.Item) bool { return it.ID == IDHelo })
		if got != want {
			t.Errorf("%q: evidence %v, want %v", helo, got, want)
		}
	}
}
