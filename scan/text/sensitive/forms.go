package sensitive

import "strings"

// form is one way in which a kind of number is written.
type form struct {
	kind    string
	pattern string // of the number without separators, see fits
	check   func(string) bool
	groups  string // lengths of the groups ("324") that make the form unmistakable
	strong  bool   // random text imitates it less than once in 90 times
	named   bool   // says nothing without a word of its field
	words   []string
}

// Words of the fields, in lower case.
var (
	cardWords = []string{"card", "credit card", "visa", "mastercard", "amex", "american express", "carte", "kreditkarte", "tarjeta", "carta", "cc", "pan"}
	ibanWords = []string{"iban", "account", "konto", "compte", "cuenta", "conto", "rekening"}
	vatWords  = []string{"vat", "vat id", "ust-idnr", "ust-id", "ust", "tva", "iva", "btw", "uid", "mwst"}
	ssnWords  = []string{"ssn", "social security", "social security number", "soc sec"}
)

// forms are the kinds that a check digit or their form proves. The algorithms
// are those that the issuers publish.
var forms = []form{
	{kind: "credit_card_number", pattern: "################", check: card, strong: true, words: cardWords},
	{kind: "credit_card_number", pattern: "###############", check: card, strong: true, words: cardWords},
	{kind: "credit_card_number", pattern: "##############", check: card, words: cardWords},
	{kind: "credit_card_number", pattern: "#############", check: card, words: cardWords},
	{kind: "credit_card_number", pattern: "###################", check: card, words: cardWords},

	{kind: "es_bank_account", pattern: "####################", check: spanishAccount, strong: true, words: []string{"ccc", "cuenta", "cuenta bancaria", "banco"}},
	{kind: "fr_bank_account", pattern: "##########***********##", check: frenchAccount, strong: true, words: []string{"rib", "compte", "banque"}},
	{kind: "us_aba_routing_number", pattern: "#########", check: abaRouting, words: []string{"aba", "routing", "routing number", "rtn", "transit number"}},
	{kind: "swift_bic", pattern: "@@@@@@**", check: bic, named: true, words: []string{"bic", "swift", "swift code", "bic/swift"}},
	{kind: "swift_bic", pattern: "@@@@@@*****", check: bic, named: true, words: []string{"bic", "swift", "swift code", "bic/swift"}},

	{kind: "de_vat", pattern: "DE#########", check: func(s string) bool { return mod1110(s[2:]) }, strong: true, words: vatWords},
	{kind: "at_vat", pattern: "ATU########", check: austrianVAT, strong: true, words: vatWords},
	{kind: "be_vat", pattern: "BE##########", check: belgianVAT, strong: true, words: vatWords},
	{kind: "nl_vat", pattern: "NL#########B##", check: dutchVAT, strong: true, words: vatWords},
	{kind: "fr_vat", pattern: "FR###########", check: frenchVAT, strong: true, words: vatWords},
	{kind: "hu_vat", pattern: "HU########", check: func(s string) bool { return weighted(s[2:], 10, 9, 7, 3, 1, 9, 7, 3, 1) == 0 }, strong: true, words: vatWords},
	{kind: "hu_vat", pattern: "###########", groups: "812", check: func(s string) bool { return weighted(s[:8], 10, 9, 7, 3, 1, 9, 7, 3, 1) == 0 }, words: []string{"adószám", "adoszam"}},

	{kind: "de_tax_id", pattern: "###########", check: germanTaxID, words: []string{"steuer-id", "steueridentifikationsnummer", "idnr", "steuer-identifikationsnummer", "tin"}},
	{kind: "es_dni_nie_nif", pattern: "########@", check: spanishID, strong: true, words: []string{"dni", "nif"}},
	{kind: "es_dni_nie_nif", pattern: "@#######@", check: spanishForeigner, strong: true, words: []string{"nie", "nif"}},
	{kind: "fr_insee", pattern: "###############", check: frenchINSEE, strong: true, words: []string{"insee", "nir", "sécurité sociale", "securite sociale"}},
	{kind: "nl_bsn", pattern: "#########", check: dutchBSN, words: []string{"bsn", "burgerservicenummer", "sofinummer"}},
	{kind: "se_personnummer", pattern: "##########", check: swedishID, words: []string{"personnummer", "pnr"}},
	{kind: "se_personnummer", pattern: "############", check: swedishID, words: []string{"personnummer", "pnr"}},
	{kind: "pl_regon", pattern: "#########", check: polishREGON, words: []string{"regon"}},
	{kind: "pl_regon", pattern: "##############", check: polishREGON, words: []string{"regon"}},
	{kind: "hu_taj", pattern: "#########", check: hungarianTAJ, words: []string{"taj", "taj szám", "tajszám"}},
	{kind: "fi_european_health_insurance", pattern: "8024680246##########", strong: true, words: []string{"ehic"}},

	{kind: "nhs_number", pattern: "##########", check: nhs, words: []string{"nhs", "nhs number", "nhs no"}},
	{kind: "uk_nino", pattern: "@@######@", check: nino, strong: true, words: []string{"ni number", "nino", "national insurance", "national insurance number"}},
	{kind: "uk_utr", pattern: "##########", check: utr, words: []string{"utr", "unique taxpayer reference", "tax reference"}},
	{kind: "uk_drivers_license", pattern: "*****######***@@", check: britishDriver, strong: true, words: []string{"driving licence", "driver number", "licence"}},

	{kind: "social_security_number", pattern: "#########", groups: "324", check: ssn, words: ssnWords},
	{kind: "us_itin", pattern: "#########", groups: "324", check: itin, words: []string{"itin", "taxpayer", "tax id"}},
	{kind: "us_npi", pattern: "##########", check: npi, words: []string{"npi", "provider identifier"}},
	{kind: "us_dea_number", pattern: "@@#######", check: dea, words: []string{"dea", "dea number", "dea no"}},
	{kind: "us_medicare_beneficiary_id", pattern: "#@*#@*#@@##", check: medicare, strong: true, words: []string{"mbi", "medicare"}},
	{kind: "canadian_sin", pattern: "#########", groups: "333", check: func(s string) bool { return s[0] != '0' && s[0] != '8' && luhn(s) }, words: []string{"sin", "social insurance", "social insurance number", "nas"}},

	{kind: "au_tfn", pattern: "#########", check: func(s string) bool { return weighted(s, 11, 1, 4, 3, 7, 5, 8, 6, 9, 10) == 0 }, words: []string{"tfn", "tax file number"}},
	{kind: "au_abn", pattern: "###########", check: australianABN, words: []string{"abn", "business number"}},
	{kind: "au_medicare", pattern: "##########", check: australianMedicare, words: []string{"medicare"}},
	{kind: "au_medicare", pattern: "###########", check: australianMedicare, words: []string{"medicare"}},
	{kind: "nz_moh", pattern: "@@@####", check: newZealandNHI, words: []string{"nhi", "nhi number"}},
	{kind: "sg_nric", pattern: "@#######@", check: singaporeNRIC, strong: true, words: []string{"nric", "fin"}},
	{kind: "cn_prc_id", pattern: "#################*", check: chineseID, strong: true, words: []string{"id card"}},
	{kind: "kr_rrn", pattern: "#############", groups: "67", check: koreanRRN, words: []string{"rrn", "resident registration"}},
	{kind: "jp_my_number", pattern: "############", check: japaneseMyNumber, words: []string{"my number", "individual number"}},

	{kind: "vehicle_vin", pattern: "*****************", check: vin, words: []string{"vin", "chassis", "vehicle identification number", "fahrgestellnummer"}},
}

// formsOf are the forms by length, those of an IBAN for each of its lengths.
var formsOf = func() (out [maxCompact + 1][]form) {
	for _, k := range forms {
		out[len(k.pattern)] = append(out[len(k.pattern)], k)
	}
	done := [maxCompact + 1]bool{}
	for _, n := range ibanLengths {
		if !done[n] {
			done[n] = true
			out[n] = append([]form{{kind: "iban_code", pattern: "@@##" + strings.Repeat("*", n-4), check: iban, strong: true, words: ibanWords}}, out[n]...)
		}
	}
	return out
}()
