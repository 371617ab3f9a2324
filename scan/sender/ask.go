package sender

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a message wants. An ask is no sign of an attack by itself: half of all
// business mail wants something. It tells a change of infrastructure that is
// somebody else's from one that is a new telephone.
const (
	askLink       = "a link to a new place"
	askFile       = "an attachment"
	askCredential = "a login or password"
	askPayment    = "a payment"
	askCrowd      = "many recipients at once"
)

// maxAskText bounds the text searched, in bytes: an ask stands at the front.
const maxAskText = 4 << 10

// askWords are words of payments and credentials in the languages of most of
// our users, lower case. Each kind needs the number of distinct words in need.
func askWords() map[string]string {
	words := map[string]string{}
	for kind, list := range map[string]string{
		askPayment: "invoice payment iban swift remittance transfer wire bank payroll deposit overdue bitcoin voucher giftcard " +
			"rechnung überweisung zahlung konto bankverbindung mahnung " +
			"facture virement paiement banque rib factura transferencia pago banco fattura bonifico pagamento bonifica factuur betaling " +
			"faktura płatność przelew счет оплата перевод",
		askCredential: "password login signin sign-in log-in credentials verify verification authenticate reactivate expire expires suspended mailbox quota otp passcode " +
			"passwort anmelden kennwort bestätigen zugangsdaten passe connecter identifiant vérifier contraseña iniciar verificar " +
			"password accedi credenziali verificare wachtwoord inloggen hasło zaloguj пароль войти",
	} {
		for _, w := range strings.Fields(list) {
			words[w] = kind
		}
	}
	return words
}

// asks notes what the message wants as traits of the kind ask.
func (c *collector) asks() {
	text := ""
	if t := c.m.Body.CurrentThread; t != nil {
		text = t.Text
	}
	if s := c.m.Subject; s != nil {
		text = s.Subject + "\n" + text
	}
	found := c.count(text)
	// One payment word is chatter, two are a matter of money.
	if found[askPayment] >= 2 {
		c.add(kindAsk, askPayment)
	}
	if found[askCredential] >= 2 {
		c.add(kindAsk, askCredential)
	}
	own := rootOf(c.m.Sender.Email.Domain.Domain)
	for _, t := range c.out {
		switch {
		case t.kind == kindLink && t.text != own:
			c.add(kindAsk, askLink)
		case t.kind == kindFile && t.text != "picture" && t.text != "token" && t.text != "text":
			c.add(kindAsk, askFile)
		case t.kind == kindCrowd && t.text == "crowd":
			c.add(kindAsk, askCrowd)
		}
	}
}

// count counts distinct ask words by kind.
func (c *collector) count(text string) map[string]int {
	if len(text) > maxAskText {
		text = text[:maxAskText]
	}
	found := map[string]int{}
	seen := make(map[string]bool, 8)
	lower := strings.ToLower(text)
	for len(lower) > 0 {
		start := strings.IndexFunc(lower, isWordRune)
		if start < 0 {
			break
		}
		lower = lower[start:]
		end := strings.IndexFunc(lower, func(r rune) bool { return !isWordRune(r) })
		if end < 0 {
			end = len(lower)
		}
		w := strings.Trim(lower[:end], "-")
		lower = lower[end:]
		if kind, ok := c.words[w]; ok && !seen[w] {
			seen[w] = true
			found[kind]++
		}
	}
	return found
}

func isWordRune(r rune) bool { return r == '-' || unicode.IsLetter(r) }

// language guesses the language of a text from its most frequent small words,
// or its script; "" for too little text.
func language(text string) string {
	if len(text) > maxAskText {
		text = text[:maxAskText]
	}
	letters, foreign := 0, 0
	script := ""
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		if r < utf8.RuneSelf {
			if r >= 'A' && r <= 'z' {
				letters++
			}
			continue
		}
		switch {
		case unicode.In(r, unicode.Cyrillic):
			foreign, script = foreign+1, "cyrillic"
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			foreign, script = foreign+2, "east asian"
		case unicode.In(r, unicode.Arabic, unicode.Hebrew):
			foreign, script = foreign+1, "semitic"
		case unicode.In(r, unicode.Greek):
			foreign, script = foreign+1, "greek"
		}
	}
	if letters+foreign < 40 {
		return ""
	}
	if foreign > letters/2 {
		return script
	}
	best, most := "", 1 // two small words at least
	var votes [8]int
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len(w) > 5 {
			continue
		}
		if l := smallWord(w); l >= 0 {
			votes[l]++
		}
	}
	for i, name := range []string{"english", "german", "french", "spanish", "italian", "dutch", "portuguese", "polish"} {
		if votes[i] > most {
			best, most = name, votes[i]
		}
	}
	return best
}

// smallWord is the language that a frequent small word is of, −1 for others.
func smallWord(w string) int {
	switch w {
	case "the", "and", "of", "you", "is", "that", "with", "for", "this":
		return 0
	case "der", "die", "und", "nicht", "ist", "das", "mit", "ich", "wir":
		return 1
	case "les", "et", "vous", "est", "des", "nous", "pas", "pour", "dans":
		return 2
	case "los", "el", "y", "por", "las", "una", "su", "con":
		return 3
	case "il", "di", "che", "per", "gli", "sono", "della", "non":
		return 4
	case "het", "een", "van", "niet", "ik", "wij", "dat", "voor":
		return 5
	case "os", "não", "uma", "você", "com", "ao", "dos":
		return 6
	case "jest", "nie", "się", "na", "że", "oraz", "dla":
		return 7
	}
	return -1
}
