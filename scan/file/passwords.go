package file

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/mail"
)

// Bounds of password guesses. A key derivation may cost a tenth of a second, so
// the parsers try only the first few of these where it is dear.
const (
	maxPasswords   = 48
	bodyPlaces     = 256 // words for "password" looked at in the subject or body
	filePlaces     = 24  // and in a file
	maxLearned     = 16  // passwords that files of the message give
	maxPassword    = 64  // bytes; people do not type longer ones off a mail
	maxPasswordSrc = 64 << 10
)

// passwordMark finds what stands after a word for "password" in the languages
// of the mail we see, with the little words and punctuation between.
var passwordMark = regexp.MustCompile(`(?i)(?:\b(?:passwort|passord|pass ?words?|passwd|passcode|passphrase|pass|pwd|pw|pin(?: code)?|access code|code|key|kennwort|schlüssel|mot de passe|mdp|contrase(?:ñ|n)a|clave|senha|palavra-passe|parola|wachtwoord|has(?:ł|l)o|heslo|jelsz(?:ó|o)|lozinka|l(?:ö|o)senord|adgangskode|salasana|slapta(?:ž|z)odis|parool|sifre|kata sandi)|(?:şifre|пароль|пароля|паролем|код|ключ|шифр|гасло|лозинка|парола|κωδικός|סיסמה|كلمة المرور|كلمة السر|رمز|密码|密碼|口令|パスワード|암호|비밀번호))` +
	`(?:\s+(?:is|ist|lautet|for|to|the|zum|für|der|die|das|est|es|é|è|è la|to open|file|archive|attachment|document|для|к|архива|архиву|файла|документа|от|это))*` +
	`\s*(?:[:=：\-–—]|は|是|为|為)*\s*["'«»„“”‘’「『<(\[]?([^\s"'«»„“”‘’」』<>()\[\]]{2,64})`)

// usualPasswords are what attackers and people use when they say nothing.
func usualPasswords() []string {
	return []string{"infected", "1234", "123456", "12345", "password", "123", "111", "1111", "0000", "2024", "2025", "2026", "qwerty", "malware", "virus", "admin", "abc123", "777", "12345678", "test"}
}

// Passwords returns the passwords that a message suggests for its encrypted
// files, likeliest first: what stands after a word for "password" in the
// subject and body, in several languages, words set apart, the names of the
// files, and the usual ones. At most maxPasswords.
func Passwords(m *mail.Message) []string {
	var out []string
	seen := map[string]bool{}
	add := func(s string) {
		s = strings.TrimSpace(s)
		if len(s) < 2 || len(s) > maxPassword || seen[s] || !utf8.ValidString(s) || len(out) >= maxPasswords {
			return
		}
		seen[s] = true
		out = append(out, s)
	}
	texts := texts(m)
	for _, t := range texts {
		for _, word := range announced(t, bodyPlaces) {
			add(word)
			add(strings.TrimRight(word, ".,;:!?…。、"))
		}
	}
	for _, t := range texts {
		for _, w := range setApart(t) {
			add(w)
		}
	}
	for i := range m.Attachments {
		stem := strings.TrimSuffix(m.Attachments[i].FileName, path.Ext(m.Attachments[i].FileName))
		for _, w := range strings.FieldsFunc(stem, func(r rune) bool { return strings.ContainsRune(" _-()[]{}", r) }) {
			if strings.ContainsFunc(w, unicode.IsDigit) && len(w) >= 3 {
				add(w)
			}
		}
		add(stem)
	}
	// The usual ones have a place of their own, also where a text is full of
	// likely words.
	usual := usualPasswords()
	if len(out) > maxPasswords-len(usual) {
		out = out[:maxPasswords-len(usual)]
	}
	for _, s := range usual {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// maxAnnounced bounds the words that one text announces as passwords.
const maxAnnounced = 16

// announced returns what stands after a word for "password". The pattern costs a
// tenth of a microsecond for each byte, so only the places around such a word are
// shown to it, the first most of them: reports have "pass" on every line.
func announced(text string, most int) []string {
	var out []string
	for _, w := range places(text, most) {
		part := text[w.from:w.to]
		for _, hit := range passwordMark.FindAllStringSubmatch(part, maxAnnounced) {
			out = append(out, hit[1])
			if len(out) == maxAnnounced {
				return out
			}
		}
	}
	return out
}

// span is a part of a text.
type span struct{ from, to int }

// places returns the parts of a text around the words of passwordMark, in order
// and apart from each other.
func places(text string, most int) []span {
	const (
		before = 24  // bytes: the first words of "mot de passe"
		behind = 160 // bytes: the little words, the password, and blanks between
	)
	low := strings.ToLower(text)
	if len(low) != len(text) {
		return []span{{0, len(text)}} // a letter whose other case is longer
	}
	var starts []int
	for _, stem := range passwordStems() {
		for at := 0; ; {
			i := strings.Index(low[at:], stem)
			if i < 0 {
				break
			}
			starts = append(starts, at+i)
			at += i + len(stem)
		}
	}
	slices.Sort(starts)
	var out []span
	for _, p := range starts[:min(len(starts), most)] {
		from, to := max(0, p-before), min(len(text), p+behind)
		if n := len(out); n > 0 && from <= out[n-1].to {
			out[n-1].to = to
			continue
		}
		// Begin with a word.
		if i := strings.IndexAny(text[from:p], " \t\r\n"); i >= 0 && from > 0 {
			from += i
		}
		for from < p && !utf8.RuneStart(text[from]) {
			from++
		}
		out = append(out, span{from, to})
	}
	return out
}

// passwordStems are parts of the words of passwordMark, in lower case: where none
// of them stands, it does not match.
func passwordStems() []string {
	return []string{"pass", "pwd", "pw", "pin", "code", "key", "kennwort", "schlüssel", "mdp", "contrase", "clave", "senha", "parola", "wachtwoord", "hasło", "haslo", "heslo",
		"jelsz", "lozinka", "lösenord", "losenord", "adgangskode", "salasana", "slapta", "parool", "şifre", "sifre", "kata sandi",
		"парол", "код", "ключ", "шифр", "гасло", "лозинка", "κωδικός", "סיסמה", "كلمة", "رمز", "密码", "密碼", "口令", "パスワード", "암호", "비밀번호"}
}

// texts are the readable texts of a message, bounded.
func texts(m *mail.Message) []string {
	var out []string
	put := func(s string) {
		if s != "" {
			out = append(out, s[:min(len(s), maxPasswordSrc)])
		}
	}
	if m.Subject != nil {
		put(m.Subject.Subject)
	}
	if m.Body.Plain != nil {
		put(m.Body.Plain.Raw)
	}
	if m.Body.HTML != nil {
		put(m.Body.HTML.DisplayText)
	}
	return out
}

// setApart returns words that stand alone on a line or mix letters and digits:
// what a password looks like when no word announces it.
func setApart(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		for _, w := range words {
			w = strings.Trim(w, `.,;:!?"'()[]<>«»„“”‘’*_`)
			mixed := strings.ContainsFunc(w, unicode.IsDigit) && strings.ContainsFunc(w, unicode.IsLetter) && !strings.ContainsAny(w, "/@")
			if len(w) >= 4 && len(w) <= 24 && (mixed || len(words) == 1) {
				out = append(out, w)
			}
			if len(out) == maxPasswords {
				return out
			}
		}
	}
	return out
}
