package domain

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// testNames are protected names of several kinds: distinctive, short, an
// everyday word, hyphenated, with marks.
func testNames() []Protected {
	return []Protected{
		{Token: "paypal", Domains: []string{"paypal.com"}, Label: "PayPal"},
		{Token: "nordbank", Domains: []string{"nordbank.example", "nordbank.co.jp"}, Label: "Nordbank"},
		{Token: "dhl", Domains: []string{"dhl.com", "dhl.de"}, Label: "DHL"},
		{Token: "orange", Domains: []string{"orange.fr"}, Label: "Orange"},
		{Token: "credit-agricole", Domains: []string{"credit-agricole.fr"}, Label: "Crédit Agricole"},
		{Token: "société", Domains: []string{"societe-test.fr"}, Label: "Société"},
		{Token: "microsoft", Domains: []string{"microsoft.com"}, Label: "Microsoft"},
		{Token: "icloud", Domains: []string{"icloud.com"}, Label: "iCloud"},
		{Token: "acmewerke", Domains: []string{"acmewerke.de"}, Complete: true, Label: "Acme-Werke"},
		{Domains: []string{"kraftverein.org"}, Label: "Kraftverein"},
		{Token: "gazettier", Domains: []string{"gazettier.*"}, Label: "Gazettier"},
		{Token: "sparkasse", Domains: []string{"sparkasse.de"}, Label: "Sparkasse"},
	}
}

func TestMatch(t *testing.T) {
	m := NewMatcher(testNames())
	tests := []struct {
		host, label, rule, detail string
	}{
		{"paypal.shop", "PayPal", RuleTLDSwap, `under .shop instead of .com`},
		{"acmewerke.at", "Acme-Werke", RuleTLDSwap, `under .at instead of .de`},
		{"paypa1.com", "PayPal", RuleSkeleton, `"paypa1" looks like "paypal"`},
		{"PAYPA1.com.", "PayPal", RuleSkeleton, `"paypa1" looks like "paypal"`},
		{"rnicrosoft.com", "Microsoft", RuleSkeleton, `"rnicrosoft" looks like "microsoft"`},
		{"login-rnicrosoft.com", "Microsoft", RuleSkeleton, `"rnicrosoft" looks like "microsoft"; "rnicrosoft" with "login-" before it`},
		{"раураl.com", "PayPal", RuleHomograph, `"·····l" has letters of another script or with marks, for "paypal"`},
		{"xn--pypal-4ve.com", "PayPal", RuleHomograph, `"p·ypal" has letters of another script or with marks, for "paypal"`},
		{"pàypal.com", "PayPal", RuleHomograph, `"p·ypal" has letters of another script or with marks, for "paypal"`},
		{"pay-pal.com", "PayPal", RuleHyphen, `"pay-pal" for "paypal"`},
		{"paypal-login.com", "PayPal", RuleComboLure, `"paypal" with "-login" after it`},
		{"sicherheit-paypal-konto.de", "PayPal", RuleComboLure, `"paypal" with "sicherheit-" before and "-konto" after it`},
		{"dhl-zustellung.net", "DHL", RuleComboLure, `"dhl" with "-zustellung" after it`},
		{"mydhl-paket.net", "DHL", RuleComboLure, `"dhl" with "my" before and "-paket" after it`},
		{"orange-facture.com", "Orange", RuleComboLure, `"orange" with "-facture" after it`},
		{"paypalxq7.top", "PayPal", RuleCombo, `"paypal" with "xq7" after it`},
		{"paypal.com.evil.top", "PayPal", RuleDomainInLabel, `"paypal.com" in front of evil.top`},
		{"paypal-com.evil.top", "PayPal", RuleDomainInLabel, `"paypal.com" in front of evil.top`},
		{"nordbank-co-jp.evil.top", "Nordbank", RuleDomainInLabel, `"nordbank.co.jp" in front of evil.top`},
		{"paypal.evil.top", "PayPal", RuleSubdomain, `"paypal" above evil.top`},
		{"www.paypal.evil.top", "PayPal", RuleSubdomain, `"paypal" above evil.top`},
		{"microsotf.com", "Microsoft", RuleTransposed, `"microsotf" for "microsoft": "f" and "t" swapped`},
		{"micrrosoft.com", "Microsoft", RuleDoubled, `"micrrosoft" for "microsoft": "r" doubled`},
		{"micosoft.com", "Microsoft", RuleOmitted, `"micosoft" for "microsoft": "r" left out`},
		{"microdoft.com", "Microsoft", RuleKeyboard, `"microdoft" for "microsoft": "d" instead of "s"`},
		{"acmewerje.de", "Acme-Werke", RuleKeyboard, `"acmewerje" for "acmewerke": "j" instead of "k"`},
		{"acmewarke.de", "Acme-Werke", RuleBitFlip, `"acmewarke" for "acmewerke": "a" instead of "e", one bit apart`},
		{"acmewxrke.de", "Acme-Werke", RuleReplaced, `"acmewxrke" for "acmewerke": "x" instead of "e"`},
		{"acmeworks.de", "Acme-Werke", RuleTwoEdits, `"acmeworks" for "acmewerke": two characters differ`},
		{"acmegerke-login.de", "Acme-Werke", RuleBitFlip, `"acmegerke" for "acmewerke": "g" instead of "w", one bit apart (in "acmegerke-login")`},
		{"microzoft-login.com", "Microsoft", RuleHomophone, `"microzoft" for "microsoft": "z" instead of "s" (in "microzoft-login")`},
		{"microsofpt.com", "Microsoft", RuleInserted, `"microsofpt" for "microsoft": "p" added`},
		{"credit-agrlcole.com", "Crédit Agricole", RuleSkeleton, `"credit-agrlcole" looks like "credit-agricole"`},
		{"societe-login.fr", "Société", RuleComboLure, ``},
		{"kraftverein-konto.com", "Kraftverein", RuleComboLure, ``},
		{"gazettier.top", "Gazettier", RuleTLDSwap, ``}, // sold to everybody
		{"gazettier.tk", "Gazettier", RuleTLDSwap, ``},
		{"gazettier.pages.dev", "Gazettier", RuleSubdomain, `"gazettier" above pages.dev`},
		{"gazettier.us.com", "Gazettier", RuleSubdomain, `"gazettier" above us.com`},
		{"sparkasse-pushtan2.de", "Sparkasse", RuleComboLure, `"sparkasse" with "-pushtan2" after it`},
		{"sparkasse-sicherer-login.de", "Sparkasse", RuleComboLure, ``},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			got := m.Match(tt.host, nil)
			if len(got) == 0 {
				t.Fatalf("no match, want %s by %s", tt.label, tt.rule)
			}
			if got[0].Protected.Label != tt.label || got[0].Rule != tt.rule || tt.detail != "" && got[0].Detail != tt.detail {
				t.Errorf("got %s by %s: %s\nwant %s by %s: %s",
					got[0].Protected.Label, got[0].Rule, got[0].Detail, tt.label, tt.rule, tt.detail)
			}
		})
	}
}

// TestNoMatch holds what must not be taken for an imitation.
func TestNoMatch(t *testing.T) {
	m := NewMatcher(testNames())
	for _, host := range []string{
		"paypal.com", "www.paypal.com", "PayPal.COM.", "mail.eu.paypal.com", // the owner's
		"paypalobjects.com", "onmicrosoft.com", "contoso.onmicrosoft.com", // also the owner's
		"gazettier.co.uk", "www.gazettier.fr", // the owner's under a country's suffix
		"sparkasse-hannover.de", "sparkasse-passau.de", "sparkasse-neu-ulm.de", // members are called after places
		"gazettier.map.fastly.net", "microsoft.github.io", // machines and pages of the owner
		"paypal.gov", "x.paypal.gov.uk", // the registry knows who registers
		"orangeville.com", "orangetree.org", "stories-of-orangeries.net", // an everyday word inside another
		"unicloud.com", "huaweicloud-apis.de", "qcloud.com", "xcloud.com", // ends in "cloud", not in "icloud"
		"adhlo.com", "mydhlife.org", // three letters by chance
		"example.com", "com", "", ".", "..", "a", "xn--", "xn--zzzz9999.com", "192.0.2.7",
		"wird-auch-gut.de", "payroll.com", "people.com", "pal.com",
		"microsoft", // no registered name at all: a bare label
		"acme-tools.com",
	} {
		if got := m.Match(host, nil); len(got) > 0 {
			t.Errorf("%q matched %s by %s: %s", host, got[0].Protected.Label, got[0].Rule, got[0].Detail)
		}
	}
}

func TestMatchAppends(t *testing.T) {
	m := NewMatcher(testNames())
	first := m.Match("paypal-login.com", nil)
	both := m.Match("microsoft-login.top", first)
	if len(both) != 2 || both[0].Protected.Label != "PayPal" || both[1].Protected.Label != "Microsoft" {
		t.Errorf("got %v", both)
	}
	if got := m.Match("paypal-microsoft-login.top", nil); len(got) != 2 {
		t.Errorf("two names in one host: got %d matches, want 2", len(got))
	}
	if got := m.Match("paypal.com", first[:1]); len(got) != 1 {
		t.Errorf("a miss changed dst: %v", got)
	}
}

func TestMatchEmpty(t *testing.T) {
	for _, names := range [][]Protected{nil, {{}}, {{Token: "x"}}, {{Token: strings.Repeat("a", 80)}}, {{Token: "日本"}}} {
		if got := NewMatcher(names).Match("paypal-login.com", nil); len(got) > 0 {
			t.Errorf("%v: got %v", names, got)
		}
	}
}

func TestMatchAllocs(t *testing.T) {
	m := NewMatcher(testNames())
	buf := make([]Match, 0, 4)
	for _, host := range []string{"example.com", "www.some-long-name-of-a-shop.co.uk", "mydhlife.org", "wird-auch-gut.de"} {
		if n := testing.AllocsPerRun(100, func() { buf = m.Match(host, buf[:0]) }); n > 0 {
			t.Errorf("%s: %.0f allocations", host, n)
		}
	}
}

// TestMatchLaws checks what holds for any name.
func TestMatchLaws(t *testing.T) {
	m := NewMatcher(testNames())
	label := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		sub := label.Draw(t, "sub")
		if got := m.Match(sub+".paypal.com", nil); len(got) > 0 {
			t.Fatalf("below the owner's domain: %v", got)
		}
		host := label.Draw(t, "name") + rapid.SampledFrom([]string{"", "paypal", "micros0ft", "dhl-"}).Draw(t, "token") + label.Draw(t, "rest") + ".top"
		a, b := m.Match(host, nil), m.Match(strings.ToUpper(host)+".", nil)
		if len(a) != len(b) {
			t.Fatalf("%s: case or the trailing dot changes the result", host)
		}
		seen := map[*Protected]bool{}
		for i, x := range a {
			if x != b[i] || x.Rule == "" || x.Detail == "" || x.Distance < 0 || seen[x.Protected] {
				t.Fatalf("%s: bad match %+v", host, x)
			}
			seen[x.Protected] = true
		}
	})
}

// TestDistanceAgainstIndex checks the index against comparing all: every word
// within a token's number of edits is looked up and found.
func TestDistanceAgainstIndex(t *testing.T) {
	fold := foldTable()
	words := []string{"microsoft", "acmewerke", "sparkasse", "telegram", "roblox"}
	var entries []editEntry
	for i, w := range words {
		entries = append(entries, editEntry{text: foldString(w, &fold), token: int32(i), edits: 2})
	}
	x := newEditIndex(entries)
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(0, len(words)-1).Draw(t, "word")
		w := []byte(words[k])
		for range rapid.IntRange(0, 2).Draw(t, "edits") {
			i := rapid.IntRange(0, len(w)-1).Draw(t, "at")
			c := rapid.ByteRange('a', 'z').Draw(t, "c")
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				w[i] = c
			case 1:
				w = append(w[:i], w[i+1:]...)
			case 2:
				w = append(w[:i], append([]byte{c}, w[i:]...)...)
			case 3:
				if i+1 < len(w) {
					w[i], w[i+1] = w[i+1], w[i]
				}
			}
		}
		var s scratch
		s.load(string(w)+".com", &fold)
		d := distance(entries[k].text, s.sym[:len(w)], 2)
		x.scan(&s)
		found := false
		for i := range s.hits {
			found = found || int(s.hit[i].token) == k
		}
		// A swap and an edit across it can make three in this measure.
		if want := d == 1 || d == 2; found != want {
			t.Fatalf("%s for %s: distance %d, found %v", w, words[k], d, found)
		}
	})
}

func FuzzMatch(f *testing.F) {
	for _, s := range []string{
		"paypal.com", "paypa1-login.com", "xn--pypal-4ve.com", "раураl.com", "a.b.c.paypal.com.evil.co.uk",
		"PAYPAL。COM", "xn--xn--paypal", "...", "-paypal-", "paypal.github.io", strings.Repeat("paypal", 100),
		strings.Repeat("dhl.", 90), "\xff\xfepaypal.top", "ﬃpaypal.com", "paypal\x00.com",
	} {
		f.Add(s)
	}
	m := NewMatcher(testNames())
	f.Fuzz(func(t *testing.T, host string) {
		for _, x := range m.Match(host, nil) {
			if x.Protected == nil || rank(x.Rule) < 0 || x.Detail == "" || x.Distance < 0 {
				t.Errorf("%q: %+v", host, x)
			}
		}
	})
}
