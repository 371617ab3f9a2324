package shape

import "slices"

// sensitiveKinds are the types of sensitive passages that a gate finds, sorted:
// those that a check digit or an unmistakable form proves.
var sensitiveKinds = []string{
	"at_vat", "au_abn", "au_medicare", "au_tfn", "aws_access_key", "be_vat", "canadian_sin", "cn_prc_id",
	"credit_card_number", "crypto_wallet_address", "de_tax_id", "de_vat", "email_address", "es_bank_account",
	"es_dni_nie_nif", "fi_european_health_insurance", "fr_bank_account", "fr_insee", "fr_vat", "github_token",
	"google_api_key", "http_authorization_header", "hu_taj", "hu_vat", "iban_code", "jp_my_number", "jwt", "kr_rrn",
	"mac_address", "nhs_number", "nl_bsn", "nl_vat", "nz_moh", "oauth_client_secret", "pl_regon", "private_key",
	"se_personnummer", "sg_nric", "slack_access_token", "social_security_number", "ssl_certificate", "swift_bic",
	"uk_drivers_license", "uk_nino", "uk_utr", "us_aba_routing_number", "us_dea_number", "us_itin",
	"us_medicare_beneficiary_id", "us_npi", "vehicle_vin",
}

// SensitiveKind tells whether beta.ml_extract_sensitive_information can find
// passages of a type. A rule that asks for another is indeterminate where that
// decides.
func SensitiveKind(name string) bool {
	_, ok := slices.BinarySearch(sensitiveKinds, name)
	return ok
}

// SensitiveKinds returns the types, sorted.
func SensitiveKinds() []string { return slices.Clone(sensitiveKinds) }
