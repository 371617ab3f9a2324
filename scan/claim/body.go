package claim

import (
	"fmt"
	"slices"
	"strings"

	"foregate/domain"
)

// Points for a body that speaks as a brand; claimPoints together are a claim.
const (
	pointsGreeting  = 2 // "Dear PayPal customer"
	pointsSignature = 2 // "The PayPal Team"
	pointsNotice    = 1 // "© 2026 PayPal", "PayPal Inc."
	pointsAccount   = 1 // "your PayPal account"
	pointsSubject   = 1 // the subject begins with the brand
	pointsLogo      = 1 // a picture whose text is the brand
	pointsFile      = 1 // an attachment named after the brand
	pointsName      = 1 // the sender's name is the brand's
	pointsLastLine  = 1 // one of the last lines is nothing but the brand's name
	claimPoints     = 2
	commonPoints    = 3 // the same when the name is an everyday word
	// maxBrands: a text that speaks of more brands than this is a list of
	// offers or news.
	maxBrands = 3
)

// score is what speaks for one brand.
type score struct {
	brand  *brand
	points int
	seen   uint16 // kinds counted already
	quote  string
	common bool // only everyday words were seen
}

// body judges greeting, signature, notices, logo and subject.
func (x *exam) body() {
	if x.s.own || x.s.listed || x.relays() && x.s.proven {
		return
	}
	text := x.m.Speech()
	var scores []score
	scores = x.readText(words(cut(text, headBytes)), scores, false)
	if len(text) > headBytes {
		scores = x.readText(words(tail(text[headBytes:], tailBytes)), scores, true)
	}
	if s := x.m.Subject; s != nil {
		scores = x.readSubject(words(cut(s.Subject, maxDisplay)), scores)
	}
	scores = x.readLogos(scores)
	scores = x.readFiles(scores)
	scores = x.readLastLines(text, scores)
	if b, strong := x.claimedBrand(x.s.words, x.s.display); strong {
		scores = give(scores, alias{brand: b}, kindName, pointsName, x.s.display)
		scores = x.readScript(text, b, scores)
	}
	x.judgeScores(scores)
}

// judgeScores reports the brand that most speaks.
func (x *exam) judgeScores(scores []score) {
	best, strong := -1, 0
	for i := range scores {
		if scores[i].points >= pointsGreeting {
			strong++
		}
		if best < 0 || scores[i].points > scores[best].points {
			best = i
		}
	}
	if best < 0 || strong > maxBrands {
		return
	}
	s := scores[best]
	if s.points < claimPoints || s.onlyNamed() || s.common && s.points < commonPoints || x.mayBack(s.brand) {
		return
	}
	for _, a := range x.f.Auth.Aligned {
		if x.st.brands.mayHold(s.brand, a) {
			return
		}
	}
	x.add(IDBrandBody, fmt.Sprintf("the text speaks as %s, but the sender %s", s.brand.name, x.s.who()), s.quote, lineageIdentity)
}

// onlyNamed reports that the brand is named at the beginning or at the end and
// nowhere spoken for: a subject or a heading may name anybody. A letter from the
// brand that the brand signs is spoken for.
func (s *score) onlyNamed() bool {
	return s.seen&^(kindName|kindSubject|kindLastLine) == 0 && s.seen&(kindName|kindLastLine) != kindName|kindLastLine
}

// Kinds of points.
const (
	kindGreeting = 1 << iota
	kindSignature
	kindNotice
	kindAccount
	kindSubject
	kindLogo
	kindFile
	kindName
	kindLastLine
)

// give adds points for a brand, once for each kind.
func give(scores []score, a alias, kind uint16, points int, quote string) []score {
	for i := range scores {
		s := &scores[i]
		if s.brand != a.brand {
			continue
		}
		if s.seen&kind == 0 {
			s.seen |= kind
			s.points += points
			s.common = s.common && a.common
		}
		return scores
	}
	return append(scores, score{brand: a.brand, points: points, seen: kind, quote: quote, common: a.common})
}

// readText finds greetings, signatures, notices and accounts.
func (x *exam) readText(w []string, scores []score, end bool) []score {
	for i := 0; i < len(w); i++ {
		a, ok := x.st.brands.at(w, i)
		if !ok {
			continue
		}
		j := i + len(a.words)
		quote := strings.Join(w[max(0, i-3):min(len(w), j+3)], " ")
		before := func(n int) string {
			if i-n >= 0 {
				return w[i-n]
			}
			return ""
		}
		after := func(n int) string {
			if j+n-1 < len(w) {
				return w[j+n-1]
			}
			return ""
		}
		switch {
		case greets(w, i, j):
			scores = give(scores, a, kindGreeting, pointsGreeting, quote)
		case signs(before, after):
			scores = give(scores, a, kindSignature, pointsSignature, quote)
		case notice(w, i) || companyWord(after(1)):
			scores = give(scores, a, kindNotice, pointsNotice, quote)
		case accountWord(after(1)) && yourWord(before(1)) || yourWord(before(2)) && accountWord(before(1)) || ofWord(before(1)) && accountWord(before(2)):
			scores = give(scores, a, kindAccount, pointsAccount, quote)
		}
		i = j - 1
	}
	return scores
}

// lastLines is how many lines from the end may be a signature.
const lastLines = 8

// readLastLines finds a line near the end that is nothing but a brand's name, as a
// letter is signed: "Your PayPal", "InPost". Names of social media stand in
// everybody's footer.
func (x *exam) readLastLines(text string, scores []score) []score {
	lines := strings.Split(tail(text, tailBytes), "\n")
	seen := 0
	for i := len(lines) - 1; i >= 0 && seen < lastLines; i-- {
		line := strings.TrimSpace(lines[i])
		if line == "" || len(line) > maxLogoAlt {
			continue
		}
		seen++
		w := words(line)
		for len(w) > 1 && (article(w[0]) || yourWord(w[0]) || w[0] == "l") {
			w = w[1:]
		}
		if len(w) == 0 {
			continue
		}
		if a, ok := x.st.brands.at(w, 0); ok && len(a.words) == len(w) && a.brand.category != "social" {
			scores = give(scores, a, kindLastLine, pointsLastLine, line)
			continue
		}
		folded := domain.Fold(line)
		for _, a := range x.st.brands.scripts {
			if folded == a.text {
				scores = give(scores, alias{brand: a.brand}, kindLastLine, pointsLastLine, line)
			}
		}
	}
	return scores
}

// Words of scripts without word boundaries that stand right before or after the
// name of a house which speaks to its customers.
var (
	beforeScript = []string{"您的", "尊敬的", "亲爱的"}
	afterScript  = []string{"账户", "帐户", "账号", "用户", "客户", "会员", "をご利用", "アカウント", "会員", "カスタマー", "より", "계정", "고객", "카드"}
)

// readScript finds "your X account" of the brand that the sender says it is, in
// scripts without word boundaries.
func (x *exam) readScript(text string, b *brand, scores []score) []score {
	if !notASCII(text) {
		return scores
	}
	folded := ""
	for _, a := range x.st.brands.scripts {
		if a.brand != b {
			continue
		}
		if folded == "" {
			folded = domain.Fold(cut(text, headBytes+tailBytes))
		}
		for rest := folded; ; {
			i := strings.Index(rest, a.text)
			if i < 0 {
				break
			}
			before, after := rest[:i], rest[i+len(a.text):]
			near := func(w string) bool { return strings.HasPrefix(after, domain.Fold(w)) }
			if slices.ContainsFunc(afterScript, near) || slices.ContainsFunc(beforeScript, func(w string) bool { return strings.HasSuffix(before, domain.Fold(w)) }) {
				return give(scores, alias{brand: b}, kindAccount, pointsAccount, a.text)
			}
			rest = after
		}
	}
	return scores
}

// greets reports "dear X customer" or "cher client X" around w[i:j].
func greets(w []string, i, j int) bool {
	greeting, customer := false, j < len(w) && customerWord(w[j])
	for k := max(0, i-5); k < i; k++ {
		greeting = greeting || greetWord(w[k])
		customer = customer || customerWord(w[k])
	}
	return greeting && customer
}

// signs reports a name that signs a letter: "The X team", "X account team",
// "l'équipe X", "equipo de X".
func signs(before, after func(int) string) bool {
	switch {
	case teamWord(after(1)):
		return true
	case officeOf(after(1)) && (teamWord(after(2)) || officeOf(after(2)) || after(2) == "service" || after(2) == "services"):
		return true
	case teamWord(before(1)):
		return article(before(2)) || yourWord(before(2)) || before(2) == "l"
	}
	return ofWord(before(1)) && teamWord(before(2))
}

// officeOf is the part of a company that signs.
func officeOf(w string) bool {
	switch w {
	case "support", "security", "customer", "account", "accounts", "billing", "service", "department", "center", "centre", "help", "helpdesk":
		return true
	}
	return false
}

// companyWord is the legal form behind a company's name.
func companyWord(w string) bool {
	switch w {
	case "inc", "llc", "ltd", "gmbh", "plc", "corporation", "corp":
		return true
	}
	return false
}

// notice reports "copyright 2026 X" before w[i].
func notice(w []string, i int) bool {
	for k := max(0, i-4); k < i; k++ {
		if w[k] == "copyright" {
			return true
		}
	}
	return false
}

// readSubject finds a brand at the beginning of the subject, or an account.
func (x *exam) readSubject(w []string, scores []score) []score {
	for i := 0; i < len(w); i++ {
		a, ok := x.st.brands.at(w, i)
		if !ok {
			continue
		}
		j := i + len(a.words)
		account := j < len(w) && accountWord(w[j]) && i > 0 && yourWord(w[i-1])
		if account || i == 0 && !a.common {
			scores = give(scores, a, kindSubject, pointsSubject, strings.Join(w, " "))
		}
		i = j - 1
	}
	return scores
}

// Bounds on the pictures that are read.
const (
	maxLogos   = 40
	maxLogoAlt = 40 // bytes: a logo's text is a name
)

// readLogos finds pictures whose alternative text is a brand. Icons of social
// media stand in everybody's footer and count nothing.
func (x *exam) readLogos(scores []score) []score {
	if x.m.Body.HTML == nil {
		return scores
	}
	html := x.m.Body.HTML.Raw
	for range maxLogos {
		i := strings.Index(html, "alt=\"")
		if i < 0 {
			return scores
		}
		html = html[i+5:]
		end := strings.IndexByte(html[:min(len(html), maxLogoAlt)], '"')
		if end <= 0 {
			continue
		}
		scores = x.readName(words(html[:end]), kindLogo, pointsLogo, scores)
	}
	return scores
}

// readName gives points when the words are a brand, with "logo" or roles.
func (x *exam) readName(w []string, kind uint16, points int, scores []score) []score {
	for i := range w {
		a, ok := x.st.brands.at(w, i)
		if !ok {
			continue
		}
		if a.brand.category == "social" {
			return scores
		}
		for k, o := range w {
			if (k < i || k >= i+len(a.words)) && o != "logo" && !x.isRole(o) {
				return scores
			}
		}
		return give(scores, a, kind, points, strings.Join(w, " "))
	}
	return scores
}

// readFiles finds attachments named after a brand.
func (x *exam) readFiles(scores []score) []score {
	for i := range x.m.Attachments {
		if i >= maxLogos {
			break
		}
		w := words(cut(x.m.Attachments[i].FileName, maxDisplay))
		if len(w) > 1 {
			w = w[:len(w)-1] // the extension
		}
		scores = x.readName(w, kindFile, pointsFile, scores)
	}
	return scores
}

// greetWord opens a letter, in the languages of most mail.
func greetWord(w string) bool {
	switch w {
	case "dear", "hello", "hi", "greetings", "valued", "attention", "welcome",
		"liebe", "lieber", "geehrte", "geehrter", "geehrten", "hallo", "guten",
		"cher", "chere", "bonjour", "madame", "estimado", "estimada", "querido", "hola", "apreciado",
		"gentile", "caro", "cara", "egregio", "ciao", "prezado", "prezada", "ola", "beste", "geachte", "hej", "kara", "bra", "hei",
		"szanowny", "drogi", "vazeny", "tisztelt", "sayin", "stimate", "uvazhaemyj":
		return true
	}
	return false
}

// customerWord is what a letter calls its reader.
func customerWord(w string) bool {
	switch w {
	case "customer", "customers", "user", "users", "client", "clients", "member", "members", "subscriber", "cardholder", "shopper", "owner",
		"kunde", "kundin", "kunden", "nutzer", "mitglied", "kontoinhaber", "cliente", "clientes", "clienti", "clientele", "utilisateur",
		"abonne", "usuario", "utente", "klant", "gebruiker", "kund", "asiakas", "klient", "kliencie", "zakaznik", "ugyfel", "musteri", "customer's":
		return true
	}
	return false
}

// teamWord is who signs a letter.
func teamWord(w string) bool {
	switch w {
	case "team", "kundenservice", "kundendienst", "sicherheitsteam", "kundenteam", "equipe", "equipo", "assistenza", "klantenservice", "kundtjanst", "tiimi", "ekibi", "zespol":
		return true
	}
	return false
}

// accountWord is what a reader has with a brand.
func accountWord(w string) bool {
	switch w {
	case "account", "accounts", "konto", "kontos", "kundenkonto", "compte", "comptes", "cuenta", "conto", "conta", "rekening", "wallet",
		"membership", "subscription", "id", "card", "password", "mailbox", "abonnement", "mitgliedschaft", "suscripcion", "abbonamento",
		"package", "parcel", "paket", "colis", "paquete", "pacco", "sendung", "hesap", "hesabiniz", "ucet", "konta":
		return true
	}
	return false
}

// yourWord speaks to the reader.
func yourWord(w string) bool {
	switch w {
	case "your", "ihr", "ihre", "ihrem", "ihren", "ihres", "dein", "deine", "votre", "vos", "ton", "tu", "su", "sus", "tuo", "suo", "vostro",
		"seu", "sua", "sus's", "uw", "je", "din", "ditt", "twoje", "twoj", "vas", "vase":
		return true
	}
	return false
}

// ofWord joins a noun to a name.
func ofWord(w string) bool {
	switch w {
	case "of", "von", "der", "de", "du", "des", "del", "di", "do", "da", "van", "bei", "from", "at", "with":
		return true
	}
	return false
}

// article stands before a signature's name.
func article(w string) bool {
	switch w {
	case "the", "your", "ihr", "ihre", "le", "la", "el", "il", "lo", "votre", "su", "dein", "das", "der", "regards", "sincerely", "thanks", "gruessen", "grussen":
		return true
	}
	return false
}
