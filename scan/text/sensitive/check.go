package sensitive

import (
	"strconv"
	"strings"
)

// digit is the value of the digit at i.
func digit(s string, i int) int { return int(s[i] - '0') }

// weighted is the weighted sum of the digits of s modulo mod; there are as many
// weights as digits.
func weighted(s string, mod int, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * digit(s, i)
	}
	return (sum%mod + mod) % mod
}

// luhn is the check of ISO/IEC 7812-1.
func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := digit(s, len(s)-1-i)
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// mod1110 is the check of ISO 7064, MOD 11,10.
func mod1110(s string) bool {
	p := 10
	for i := range len(s) - 1 {
		d := (digit(s, i) + p) % 10
		if d == 0 {
			d = 10
		}
		p = 2 * d % 11
	}
	return (11-p)%10 == digit(s, len(s)-1)
}

// mod97 is s modulo 97, letters counting 10 to 35 (ISO 7064).
func mod97(s string) int {
	r := 0
	for i := range len(s) {
		if c := s[i]; c >= 'A' {
			r = (r*100 + int(c-'A') + 10) % 97
		} else {
			r = (r*10 + int(c-'0')) % 97
		}
	}
	return r
}

// same tells whether all characters are one.
func same(s string) bool { return strings.Count(s, s[:1]) == len(s) }

// number is the value of up to 18 digits.
func number(s string) int {
	n, _ := strconv.Atoi(s) // digits by the pattern
	return n
}

// card is the check of a payment card: an issuer's range with its lengths.
func card(s string) bool {
	p2, p3, p4 := number(s[:2]), number(s[:3]), number(s[:4])
	ok := false
	switch n := len(s); {
	case s[0] == '4':
		ok = n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55 || p4 >= 2221 && p4 <= 2720:
		ok = n == 16
	case p2 == 34 || p2 == 37:
		ok = n == 15
	case p3 >= 300 && p3 <= 305 || p2 == 36 || p2 == 38 || p2 == 39:
		ok = n == 14
	case p4 == 6011 || p2 == 65 || p3 >= 644 && p3 <= 649 || p4 >= 3528 && p4 <= 3589:
		ok = n == 16
	case p2 == 62:
		ok = n >= 16
	}
	return ok && luhn(s)
}

// ibanLengths are the lengths of the IBAN registry of ISO 13616.
var ibanLengths = func() map[string]int {
	out := map[string]int{}
	for _, c := range strings.Fields("AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20") {
		out[c[:2]] = number(c[2:])
	}
	return out
}()

func iban(s string) bool {
	return len(s) > 4 && ibanLengths[s[:2]] == len(s) && mod97(s[4:]+s[:4]) == 1
}

// countries that a BIC may name: those of the IBAN registry and the larger others.
const bicCountries = " US CA AU NZ JP CN HK SG IN KR TW TH MY ID PH VN ZA NG KE GH MA DZ AR CL CO PE UY MX PA RU AM KG UZ AF BD LK NP MM KH LA MN "

func bic(s string) bool {
	return ibanLengths[s[4:6]] > 0 || strings.Contains(bicCountries, " "+s[4:6]+" ")
}

// spanishAccount is the Código Cuenta Cliente with its two check digits.
func spanishAccount(s string) bool {
	check := func(r int) int {
		switch r = 11 - r; r {
		case 10:
			return 1
		case 11:
			return 0
		}
		return r
	}
	return !same(s) && check(weighted(s[:8], 11, 4, 8, 5, 10, 9, 7, 3, 6)) == digit(s, 8) &&
		check(weighted(s[10:], 11, 1, 2, 4, 8, 5, 10, 9, 7, 3, 6)) == digit(s, 9)
}

// frenchAccount is the Relevé d'identité bancaire with its key.
func frenchAccount(s string) bool {
	account := 0
	for i := 10; i < 21; i++ {
		d := int(s[i] - '0')
		switch c := s[i]; {
		case c >= 'S':
			d = int(c-'S') + 2
		case c >= 'J':
			d = int(c-'J') + 1
		case c >= 'A':
			d = int(c-'A') + 1
		}
		account = account*10 + d
	}
	return !same(s) && 97-(89*number(s[:5])+15*number(s[5:10])+3*account)%97 == number(s[21:])
}

func abaRouting(s string) bool {
	p := number(s[:2])
	return !same(s) && (p <= 12 || p >= 21 && p <= 32 || p >= 61 && p <= 72 || p == 80) &&
		weighted(s, 10, 3, 7, 1, 3, 7, 1, 3, 7, 1) == 0
}

func austrianVAT(s string) bool {
	sum := 4
	for i := range 7 {
		d := digit(s, 3+i)
		if i%2 == 1 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	return (10-sum%10)%10 == digit(s, 10)
}

func belgianVAT(s string) bool {
	return s[2] <= '1' && number(s[2:]) > 0 && 97-number(s[2:10])%97 == number(s[10:])
}

// dutchVAT is the number of a company (eleven-proof) or, since 2020, of a person
// (MOD 97-10).
func dutchVAT(s string) bool { return dutchBSN(s[2:11]) || mod97(s) == 1 }

func frenchVAT(s string) bool {
	return luhn(s[4:]) && number(s[4:]) > 0 && (12+3*(number(s[4:])%97))%97 == number(s[2:4])
}

// germanTaxID is the Steueridentifikationsnummer: of its first ten digits one
// occurs twice or thrice.
func germanTaxID(s string) bool {
	var count [10]int
	most := 0
	for i := range 10 {
		d := digit(s, i)
		count[d]++
		most = max(most, count[d])
	}
	return s[0] != '0' && (most == 2 || most == 3) && mod1110(s)
}

const spanishLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

func spanishID(s string) bool { return spanishLetters[number(s[:8])%23] == s[8] }

func spanishForeigner(s string) bool {
	i := strings.IndexByte("XYZ", s[0])
	return i >= 0 && spanishLetters[(i*10_000_000+number(s[1:8]))%23] == s[8]
}

func frenchINSEE(s string) bool {
	month := number(s[3:5])
	return (s[0] == '1' || s[0] == '2') && (month >= 1 && month <= 12 || month >= 20) && 97-number(s[:13])%97 == number(s[13:])
}

func dutchBSN(s string) bool {
	return !same(s) && weighted(s, 11, 9, 8, 7, 6, 5, 4, 3, 2, -1) == 0
}

// date tells whether month and day of YYMMDD can be.
func date(s string) bool {
	month, day := number(s[2:4]), number(s[4:6])
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

func swedishID(s string) bool {
	if len(s) == 12 {
		if c := s[:2]; c != "19" && c != "20" {
			return false
		}
		s = s[2:]
	}
	return date(s) && luhn(s)
}

func polishREGON(s string) bool {
	ok := weighted(s, 11, 8, 9, 2, 3, 4, 5, 6, 7)%10 == digit(s, 8)
	if len(s) == 14 {
		ok = ok && weighted(s, 11, 2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8)%10 == digit(s, 13)
	}
	return ok && !same(s)
}

func hungarianTAJ(s string) bool {
	return !same(s) && weighted(s, 10, 3, 7, 3, 7, 3, 7, 3, 7) == digit(s, 8)
}

func nhs(s string) bool {
	r := 11 - weighted(s, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)
	return !same(s) && r%11 == digit(s, 9) && r != 10
}

// nino is the form of a National Insurance number; it has no check digit.
func nino(s string) bool {
	return !strings.ContainsAny(s[:1], "DFIQUV") && !strings.ContainsAny(s[1:2], "DFIOQUV") &&
		!strings.Contains(" BG GB NK KN TN NT ZZ ", " "+s[:2]+" ") && s[8] <= 'D'
}

func utr(s string) bool {
	return !same(s) && "21987654321"[weighted(s[1:], 11, 6, 7, 8, 9, 10, 5, 4, 3, 2)] == s[0]
}

// britishDriver is the form of a DVLA driver number: a name padded with 9, the
// date of birth around the decade (women's months begin at 51), initials.
func britishDriver(s string) bool {
	name := strings.TrimRight(s[:5], "9")
	month, day := number(s[6:8])%50, number(s[8:10])
	return name != "" && !strings.ContainsAny(name, "0123456789") && month >= 1 && month <= 12 && s[6] != '2' && day >= 1 && day <= 31 &&
		s[11] >= '9' && s[12] >= '9' && s[13] <= '9'
}

func ssn(s string) bool {
	return s[0] != '9' && s[:3] != "000" && s[:3] != "666" && s[3:5] != "00" && s[5:] != "0000" && !same(s) && s != "123456789"
}

func itin(s string) bool {
	g := number(s[3:5])
	return s[0] == '9' && (g >= 50 && g <= 65 || g >= 70 && g <= 88 || g >= 90 && g != 93) && s[5:] != "0000"
}

func npi(s string) bool { return (s[0] == '1' || s[0] == '2') && luhn("80840"+s) }

func dea(s string) bool {
	return strings.IndexByte("ABCDEFGHJKLMPRSTUX", s[0]) >= 0 && weighted(s[2:], 10, 1, 2, 1, 2, 1, 2) == digit(s, 8)
}

// medicare is the form of a Medicare beneficiary identifier: without S, L, O, I,
// B and Z.
func medicare(s string) bool { return s[0] != '0' && !strings.ContainsAny(s, "SLOIBZ") }

func australianABN(s string) bool {
	return s[0] != '0' && (weighted(s, 89, 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)+79)%89 == 0
}

func australianMedicare(s string) bool {
	return s[0] >= '2' && s[0] <= '6' && !same(s[:9]) && weighted(s, 10, 1, 3, 7, 9, 1, 3, 7, 9) == digit(s, 8)
}

// newZealandNHI is the older form, three letters and four digits.
func newZealandNHI(s string) bool {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	sum := 0
	for i := range 3 {
		v := strings.IndexByte(letters, s[i])
		if v < 0 {
			return false
		}
		sum += (v + 1) * (7 - i)
	}
	sum += weighted(s[3:], 1000, 4, 3, 2)
	return sum%11 != 0 && (11-sum%11)%10 == digit(s, 6)
}

func singaporeNRIC(s string) bool {
	sum := weighted(s[1:], 1000, 2, 7, 6, 5, 4, 3, 2)
	switch s[0] {
	case 'T', 'G':
		sum += 4
	case 'S', 'F':
	default:
		return false
	}
	letters := "JZIHGFEDCBA"
	if s[0] == 'F' || s[0] == 'G' {
		letters = "XWUTRQPNMLK"
	}
	return letters[sum%11] == s[8]
}

// chineseID is GB 11643, with ISO 7064 MOD 11-2.
func chineseID(s string) bool {
	return (s[6:8] == "19" || s[6:8] == "20") && date(s[8:14]) &&
		"10X98765432"[weighted(s, 11, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)] == s[17]
}

// koreanRRN is the resident registration number as given until October 2020;
// later ones have no check digit.
func koreanRRN(s string) bool {
	return date(s) && s[6] != '0' && (11-weighted(s, 11, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))%10 == digit(s, 12)
}

func japaneseMyNumber(s string) bool {
	r := weighted(s, 11, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
	if r > 0 {
		r = (11 - r) % 10
	}
	return !same(s) && r == digit(s, 11)
}

// vin is the check of 49 CFR 565, which makers for other markets need not keep.
func vin(s string) bool {
	if strings.ContainsAny(s, "IOQ") || !strings.ContainsAny(s, "ABCDEFGHJKLMNPRSTUVWXYZ") || !strings.ContainsAny(s, "0123456789") {
		return false
	}
	weights := [17]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}
	sum := 0
	for i, w := range weights {
		v := int(s[i] - '0')
		switch c := s[i]; {
		case c >= 'S':
			v = int(c-'S') + 2
		case c >= 'J':
			v = int(c-'J') + 1
		case c >= 'A':
			v = int(c-'A') + 1
		}
		sum += v * w
	}
	return "0123456789X"[sum%11] == s[8]
}
