package sensitive

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/mql"
	"foregate/mql/shape"
)

func find(t *testing.T, text string) map[string]string {
	t.Helper()
	got, err := Find(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range got {
		if !strings.Contains(text, e.Text) {
			t.Errorf("%q is not in the text", e.Text)
		}
		if out[e.Type] == "" || e.Confidence == shape.High || out[e.Type] == shape.Low {
			out[e.Type] = e.Confidence
		}
	}
	return out
}

// examples are numbers that the issuers or the standards print as examples: the
// text, the type, its confidence there. Each must be gone when its last digit or
// letter is another, for the types with a check.
var examples = []struct{ text, kind, confidence string }{
	{"until 12/30, Visa 4111 1111 1111 1111", "credit_card_number", "high"},
	{"ref 378282246310005", "credit_card_number", "medium"},
	{"card 30569309025904", "credit_card_number", "high"},
	{"DE89 3704 0044 0532 0130 00", "iban_code", "medium"},
	{"IBAN: GB29NWBK60161331926819", "iban_code", "high"},
	{"iban MT84 MALT 0110 0001 2345 MTLC AST0 01S", "iban_code", "high"},
	{"2100 0418 45 0200051332", "es_bank_account", "medium"},
	{"RIB 20041 01005 0500013M026 06", "fr_bank_account", "high"},
	{"routing number 111000025", "us_aba_routing_number", "high"},
	{"111000025", "us_aba_routing_number", "low"},
	{"BIC DEUTDEFF500", "swift_bic", "high"},
	{"DE136695976", "de_vat", "medium"},
	{"UID ATU13585627", "at_vat", "high"},
	{"BE 0428.759.497", "be_vat", "medium"},
	{"BTW NL004495445B01", "nl_vat", "high"},
	{"FR 40 303 265 045", "fr_vat", "medium"},
	{"HU12892312", "hu_vat", "medium"},
	{"IdNr 36 574 261 809", "de_tax_id", "high"},
	{"DNI 54362315K", "es_dni_nie_nif", "high"},
	{"X2482300W", "es_dni_nie_nif", "medium"},
	{"2 95 10 99 126 111 93", "fr_insee", "medium"},
	{"BSN 1112.22.333", "nl_bsn", "high"},
	{"personnummer 880320-0016", "se_personnummer", "high"},
	{"REGON 123456785", "pl_regon", "high"},
	{"TAJ 111 111 110", "hu_taj", "high"},
	{"8024680246 0123456789", "fi_european_health_insurance", "medium"},
	{"NHS number: 943 476 5919", "nhs_number", "high"},
	{"AB 12 34 56 C", "uk_nino", "medium"},
	{"UTR 1955839661", "uk_utr", "high"},
	{"MORGA657054SM9IJ", "uk_drivers_license", "medium"},
	{"536-90-4399", "social_security_number", "medium"},
	{"My SSN is 536904399", "social_security_number", "high"},
	{"912-90-3456", "us_itin", "medium"},
	{"NPI 1234567893", "us_npi", "high"},
	{"DEA number AB1234563", "us_dea_number", "high"},
	{"1EG4-TE5-MK73", "us_medicare_beneficiary_id", "medium"},
	{"SIN 123-456-782", "canadian_sin", "high"},
	{"TFN 123 456 782", "au_tfn", "high"},
	{"ABN 83 914 571 673", "au_abn", "high"},
	{"Medicare 2123 45670 1", "au_medicare", "high"},
	{"NHI ZAC5361", "nz_moh", "high"},
	{"S1234567D", "sg_nric", "medium"},
	{"11010519491231002X", "cn_prc_id", "medium"},
	{"971013-9019902", "kr_rrn", "medium"},
	{"my number 6214 9832 0257", "jp_my_number", "high"},
	{"VIN 1M8GDM9AXKP042788", "vehicle_vin", "high"},
	{"send to 1BoatSLRHtKNngkdXEeobR76b53LETtpyT now", "crypto_wallet_address", "high"},
	{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "crypto_wallet_address", "high"},
	{"0x52908400098527886E0F7030069857D2E4169EE7", "crypto_wallet_address", "high"},
	{"at 00:1a:2B:3c:4d:5e.", "mac_address", "high"},
	{"write to ann.o'hara+x@mail.example.org.", "email_address", "high"},
	{"eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0.abc_def-ghi", "jwt", "high"},
	{"-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE", "private_key", "high"},
	{"-----BEGIN CERTIFICATE-----\nMIIE", "ssl_certificate", "high"},
	{"AKIA" + "IOSFODNN7EXAMPLE", "aws_access_key", "high"},
	{"ghp" + "_0123456789abcdefghijABCDEFGHIJ012345", "github_token", "high"},
	{"key=AIza" + "0123456789abcdefghij-_ABCDEFGHIJ012", "google_api_key", "high"},
	{"xoxb" + "-123456789012-abcdefghijkl", "slack_access_token", "high"},
	{`"client_secret": "0123456789abcdef"`, "oauth_client_secret", "high"},
	{"\xff AUTHORIZATION=Basic 0123456789abcdef", "http_authorization_header", "high"},
	{"Authorization: Bearer 0123456789abcdef", "http_authorization_header", "high"},
}

func TestExamples(t *testing.T) {
	kinds := map[string]bool{}
	for _, e := range examples {
		kinds[e.kind] = true
		if got := find(t, e.text)[e.kind]; got != e.confidence {
			t.Errorf("%q: %s is %q, want %q", e.text, e.kind, got, e.confidence)
		}
	}
	var tested []string
	for k := range kinds {
		tested = append(tested, k)
	}
	slices.Sort(tested)
	if d := cmp.Diff(shape.SensitiveKinds(), tested); d != "" {
		t.Errorf("types that are said to be found, and types with an example:\n%s", d)
	}
	for _, k := range shape.SensitiveKinds() {
		if !shape.SensitiveKind(k) {
			t.Errorf("%s is not in its place in the sorted table", k)
		}
	}
}

// unchecked are the types without a check digit.
const unchecked = " swift_bic fi_european_health_insurance uk_nino uk_drivers_license social_security_number us_itin us_medicare_beneficiary_id mac_address email_address jwt private_key ssl_certificate aws_access_key github_token google_api_key slack_access_token oauth_client_secret http_authorization_header "

// TestCheckDigits holds that one wrong digit anywhere makes a number another
// thing, or none.
func TestCheckDigits(t *testing.T) {
	for _, e := range examples {
		if strings.Contains(unchecked, " "+e.kind+" ") || strings.HasPrefix(e.text, "0x") {
			continue
		}
		i := strings.LastIndexAny(e.text, "0123456789")
		switch e.kind {
		case "crypto_wallet_address":
			i = strings.LastIndex(e.text, "7")
		case "nl_vat": // the last two count the companies of one owner
			i = strings.LastIndex(e.text, "B") - 1
		case "au_medicare": // the last is the card's issue
			i -= 2
		}
		wrong := e.text[:i] + string('0'+(e.text[i]-'0'+1)%10) + e.text[i+1:]
		if got, ok := find(t, wrong)[e.kind]; ok {
			t.Errorf("%q is %s %s although its check digit is wrong", wrong, e.kind, got)
		}
	}
}

func TestOrdinaryText(t *testing.T) {
	for _, text := range []string{
		"", "Please call +49 30 123456 or +44 20 7946 0958 tomorrow at 10:30.",
		"Invoice 2024-0017 of 12.03.2024 over 1,234.56 EUR, order 4711-0815.",
		"The SWIFT TRANSFER came; the cc list has 12 people.",
		"0000000000000000 111111111 000-00-0000",
		"see https://example.org/a/4f3c2b1a-0000-4000-8000-123456789abc?x=1",
		"eyJ is how they begin; AKIA too. a@b @c.example x@.y",
	} {
		for kind, confidence := range find(t, text) {
			if confidence != shape.Low {
				t.Errorf("%q: %s %s", text, kind, confidence)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	began := time.Now()
	for _, unit := range []string{"4111 1111 1111 1111 ", "a@b.example ", "1 ", "1-", "eyJ", "-----BEGIN ", "client_secret", "card ", "00:", "@", "A1 "} {
		got, err := Find(context.Background(), strings.Repeat(unit, 1<<17/len(unit)))
		if err != nil || len(got) > maxOfKind*200 {
			t.Errorf("%q: %d passages, %v", unit, len(got), err)
		}
	}
	if d := time.Since(began); d > 60*time.Second {
		t.Errorf("11 times 128 KiB took %v", d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Find(ctx, "x 1"); err == nil {
		t.Error("no error although the time is over")
	}
}

func TestCapability(t *testing.T) {
	ask := Capabilities()["beta.ml_extract_sensitive_information"]
	got, err := ask(context.Background(), nil, []any{"DE136695976"})
	want := shape.Sensitive{Elements: []shape.SensitiveElement{{Type: "de_vat", Text: "DE136695976", Confidence: "medium"}}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(err, d)
	}
	if _, err := ask(context.Background(), nil, []any{nil}); err == nil {
		t.Error("null is looked at as a text")
	}
	if mql.NewEnv().Capability("beta.ml_extract_sensitive_information") == "" {
		t.Error("the language does not know the function")
	}
}

func FuzzFind(f *testing.F) {
	for _, e := range examples {
		f.Add(e.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Find(context.Background(), text)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			if !strings.Contains(text, e.Text) || e.Text == "" || !shape.SensitiveKind(e.Type) {
				t.Fatalf("%+v", e)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	text := strings.Repeat("Dear Ann, please find invoice 2024-0017 of 12.03.2024 over 1,234.56 EUR attached. Write to a@b.example.\n", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Find(context.Background(), text); err != nil {
			b.Fatal(err)
		}
	}
}
