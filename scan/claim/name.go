package claim

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"foregate/domain"
	"foregate/mail"
)

// displayName looks at how the display name is written.
func (x *exam) displayName() {
	if what := disguise(x.s.display); what != "" {
		x.add(IDConfusable, "the sender's name has "+what, x.s.display, "")
	}
	if x.s.listed {
		return
	}
	shown := addressIn(x.s.display)
	if shown == "" {
		return
	}
	_, host, _ := strings.Cut(shown, "@")
	n := domain.Split(host)
	if !n.Valid || root(n.RootDomain, host) == x.s.root || x.sameOwner(n.Domain, x.s.host) {
		return
	}
	x.add(IDAddressInName, fmt.Sprintf("the sender's name shows %s, but the address is %s", shown, x.s.address), x.s.display, lineageIdentity)
}

// sameOwner reports that two hosts belong to one brand, or both to us.
func (x *exam) sameOwner(a, b string) bool {
	if x.st.isOwn(a) && x.st.isOwn(b) {
		return true
	}
	sure, likely := x.st.brands.owners(a)
	holds := func(o *brand) bool { return x.st.brands.mayHold(o, b) }
	return slices.ContainsFunc(sure, holds) || slices.ContainsFunc(likely, holds)
}

// addressIn finds an addr-spec in a display name, in lower case.
func addressIn(s string) string {
	at := strings.IndexByte(s, '@')
	if at <= 0 || at == len(s)-1 {
		return ""
	}
	isAtom := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_' || c == '+'
	}
	from, to := at, at+1
	for from > 0 && isAtom(s[from-1]) {
		from--
	}
	for to < len(s) && isAtom(s[to]) && s[to] != '+' {
		to++
	}
	if from == at || !strings.Contains(s[at+1:to], ".") {
		return ""
	}
	return strings.ToLower(strings.Trim(s[from:to], "."))
}

// disguise says how a display name hides what it says, or "".
func disguise(s string) string {
	before := rune(0)
	for _, r := range s {
		last := before
		before = r
		switch {
		case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return fmt.Sprintf("a character that turns the reading direction (U+%04X)", r)
		case r == 0x200B, r == 0x2060, r == 0xFEFF, r == 0x00AD, r == 0x180E, r >= 0xE0000 && r <= 0xE007F:
			return fmt.Sprintf("an invisible character (U+%04X)", r)
		case r >= 0xE0100 && r <= 0xE01EF && !unicode.Is(unicode.Han, last):
			return fmt.Sprintf("a selector of variants at a letter that has none (U+%04X)", r)
		case r >= 0x1D400 && r <= 0x1D7FF, r >= 0xFF21 && r <= 0xFF5A:
			return fmt.Sprintf("letters in disguise (U+%04X)", r)
		}
	}
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) }) {
		if !strings.ContainsFunc(w, unicode.IsLetter) {
			continue // marks alone, as behind an emoji
		}
		if mixed(w) || foreign(w) && domain.LooksASCII(w) && latinElsewhere(s) {
			return "letters of another script among Latin ones in " + w
		}
	}
	return ""
}

// mixed reports a word with Latin and with Cyrillic or Greek letters.
func mixed(w string) bool {
	latin, other := false, false
	for _, r := range w {
		latin = latin || unicode.Is(unicode.Latin, r)
		other = other || unicode.Is(unicode.Cyrillic, r) || unicode.Is(unicode.Greek, r)
	}
	return latin && other
}

// notASCII reports a word with letters beyond ASCII.
func notASCII(w string) bool {
	for i := range len(w) {
		if w[i] >= 0x80 {
			return true
		}
	}
	return false
}

// foreign reports a word with a letter beyond ASCII that no Latin alphabet has in
// its words; the dotless i is a letter of Turkish ("Kıyı").
func foreign(w string) bool {
	return strings.ContainsFunc(w, func(r rune) bool { return r >= 0x80 && r != 'ı' })
}

// latinElsewhere reports that the name is otherwise written in Latin letters.
func latinElsewhere(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Latin, r) {
			return true
		}
	}
	return false
}

// identity holds the claimed identity against the speaker.
func (x *exam) identity() {
	if x.person() || x.ownOrg() {
		return
	}
	b, strong := x.claimedBrand(x.s.words, x.s.display)
	switch {
	case b != nil && strong && x.backs(b) && x.anybody():
		x.add(IDBrandDisplayName, fmt.Sprintf("the sender says it is %s, but writes from a mailbox that anybody can have at %s", b.name, x.s.host), x.s.display, lineageIdentity)
	case b != nil && x.backs(b) && x.s.proven:
		if strong && !x.s.listed {
			x.add(IDBacked, fmt.Sprintf("the sender says it is %s and speaks for %s", b.name, x.s.host), x.s.display, lineageIdentity)
		}
	case x.spoofed() || b != nil && strong && x.mayBack(b) && x.failed():
		x.add(IDBrandSpoofed, fmt.Sprintf("the sender writes as %s from %s, but nothing proves that it may: %s", slices.Concat(x.owners, x.likely)[0].name, x.s.host, x.checks()), x.s.address, lineageIdentity)
	case b != nil && strong && !x.mayBack(b) && !x.s.listed && !x.relays():
		x.add(IDBrandDisplayName, fmt.Sprintf("the sender says it is %s, but %s", b.name, x.s.who()), x.s.display, lineageIdentity)
	default:
		x.localPart()
	}
	if x.s.free && !x.s.listed {
		x.freeMailOrg(b, strong)
	}
}

// spoofed reports the address of a brand that surely signs its mail, without
// proof although somebody looked: DMARC failed, or SPF failed and no signature
// passed. People with an address at a brand write to mailing lists, which break
// proofs; so the address must be an office's.
func (x *exam) spoofed() bool {
	return len(x.owners)+len(x.likely) > 0 && (x.isRoleLocal() || x.brandLocal()) && x.failed()
}

// failed reports that somebody looked for a proof of the author's domain and
// found the opposite.
func (x *exam) failed() bool {
	a := &x.f.Auth
	if x.s.free || x.s.listed || x.s.proven {
		return false
	}
	spf := a.SPF == mail.ResultFail || a.SPF == mail.ResultSoftFail
	dkim := a.DKIMResult == mail.ResultNone || a.DKIMResult == mail.ResultFail
	return a.DMARC == mail.ResultFail || spf && dkim
}

// brandLocal reports an address like "amazon-update@": the brand and roles.
func (x *exam) brandLocal() bool {
	w := words(x.s.local)
	for i := range w {
		if a, ok := x.st.brands.at(w, i); ok && x.mayBack(a.brand) {
			return true
		}
	}
	return false
}

// checks says what was found instead of a proof.
func (x *exam) checks() string {
	a := &x.f.Auth
	var parts []string
	for _, r := range []struct {
		name   string
		result mail.Result
	}{{"DMARC", a.DMARC}, {"SPF", a.SPF}, {"DKIM", a.DKIMResult}} {
		if r.result != mail.ResultUnknown {
			parts = append(parts, r.name+" "+string(r.result))
		}
	}
	return strings.Join(parts, ", ")
}

// relays reports a speaker whose trade is passing on other people's messages:
// e-signature, cloud and payment services, market places, social media. What
// they say of themselves may name another brand.
func (x *exam) relays() bool {
	if x.s.free {
		return false
	}
	for _, b := range x.owners {
		switch b.category {
		case "sign", "social", "cloud", "shop", "payment", "travel":
			return true
		}
	}
	return false
}

// claimedBrand finds the brand that a display name claims to be, if any. Strong
// is false for a mention: a person of that company, or an everyday word.
func (x *exam) claimedBrand(w []string, display string) (b *brand, strong bool) {
	if b := x.brandDomain(display); b != nil {
		return b, true
	}
	for i := range w {
		a, ok := x.st.brands.at(w, i)
		if !ok {
			continue
		}
		others, roles := len(w)-len(a.words), 0
		for k, o := range w {
			if (k < i || k >= i+len(a.words)) && x.isRole(o) {
				roles++
			}
		}
		switch {
		case a.common && others == 0:
			return a.brand, x.isRoleLocal()
		case a.common:
			return a.brand, roles == others && x.meansOrganisation(w)
		case roles == others, i+len(a.words) == len(w) && i > 1 && speaksFor(w[i-1]),
			x.leads(w, i) && others <= 3 && !inBrackets(display, a.words[0]) && !surnameFirst(display, a):
			return a.brand, true
		}
		return a.brand, false
	}
	if !notASCII(display) {
		return nil, false
	}
	folded := domain.Fold(display)
	for _, a := range x.st.brands.scripts {
		if strings.Contains(folded, a.text) {
			return a.brand, true
		}
	}
	return nil, false
}

// brandDomain finds a brand's own domain shown in a display name: "Netflix.com",
// "ups.com [US]".
func (x *exam) brandDomain(display string) *brand {
	for part := range strings.FieldsFuncSeq(display, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("[]()<>|,;\"'", r) }) {
		if !strings.Contains(part, ".") || strings.Contains(part, "@") || len(part) > 64 {
			continue
		}
		n := domain.Split(strings.ToLower(strings.Trim(part, ".")))
		if !n.Valid || n.RootDomain != n.Domain {
			continue
		}
		for _, b := range x.st.brands.byDomain[n.Domain] {
			return b
		}
	}
	return nil
}

// speaksFor reports the word with which a person names the house: "Katie from
// Ledger".
func speaksFor(w string) bool {
	switch w {
	case "from", "chez":
		return true
	}
	return false
}

// leads reports that nothing but role words stands before w[i].
func (x *exam) leads(w []string, i int) bool {
	for _, o := range w[:i] {
		if !x.isRole(o) {
			return false
		}
	}
	return true
}

// isRole reports a role word or a number.
func (x *exam) isRole(w string) bool {
	return x.st.roles[w] || w[0] >= '0' && w[0] <= '9'
}

// meansOrganisation wants, beside an everyday word, a word that only an
// organisation uses of itself.
func (x *exam) meansOrganisation(w []string) bool {
	for _, o := range w {
		switch o {
		case "support", "security", "service", "services", "team", "account", "accounts", "billing", "bank", "online", "customer",
			"notification", "notifications", "alert", "alerts", "help", "helpdesk", "verification", "rewards", "reward", "id", "inc",
			"kundenservice", "sicherheit", "clients", "client", "clientes", "seguridad", "assistenza", "delivery", "express", "pay",
			"noreply", "info", "wallet", "membership", "survey", "card", "business", "care", "mail", "payments", "recovery":
			return true
		}
	}
	return false
}

// anybody reports a mailbox of a provider that gives one to anybody, under a name
// that is no office's: the domain is the provider's, the speaker is not. Offices
// of providers write from their subdomains or as "no-reply".
func (x *exam) anybody() bool {
	office := x.isRoleLocal() || x.s.local == "postmaster" || x.s.local == "mailer-daemon"
	return x.st.freeMail[x.s.host] && !office && !x.s.listed
}

// surnameFirst reports a person's name in the order of directories: "Norton, Ada".
func surnameFirst(display string, a alias) bool {
	first, _, ok := strings.Cut(display, ",")
	return ok && len(a.words) == 1 && slices.Equal(words(first), a.words)
}

// isRoleLocal reports an address named after a role, not a person.
func (x *exam) isRoleLocal() bool {
	w := words(x.s.local)
	for _, o := range w {
		if !x.isRole(o) {
			return false
		}
	}
	return len(w) > 0
}

// inBrackets reports that the word stands in brackets: "Jane Doe (Google)".
func inBrackets(display, word string) bool {
	_, rest, ok := strings.Cut(display, "(")
	return ok && strings.Contains(strings.ToLower(rest), word)
}

// localPart judges an address that is named after a brand.
func (x *exam) localPart() {
	if x.s.listed || x.s.own || x.relays() {
		return
	}
	w := words(x.s.local)
	for i := range w {
		a, ok := x.st.brands.at(w, i)
		if !ok || a.common || x.mayBack(a.brand) {
			continue
		}
		others, roles := 0, 0
		for k, o := range w {
			if k < i || k >= i+len(a.words) {
				others++
				if x.isRole(o) {
					roles++
				}
			}
		}
		if others == roles {
			x.add(IDBrandLocalPart, fmt.Sprintf("the address is named after %s, but %s", a.brand.name, x.s.who()), x.s.address, lineageIdentity)
			return
		}
	}
}

// person judges a protected person's name on an address that isn't theirs; it
// reports whether it found one.
func (x *exam) person() bool {
	if x.s.own || len(x.st.vips) == 0 {
		return false
	}
	w := personWords(x.s.display)
	for i := range x.st.vips {
		v := &x.st.vips[i]
		if !x.names(w, v.words) {
			continue
		}
		for _, a := range v.addresses {
			if a == x.s.address {
				return false
			}
		}
		x.add(IDVIP, fmt.Sprintf("the sender says it is %s, but the address is %s", v.name, x.s.address), x.s.display, lineageIdentity)
		return true
	}
	return false
}

// names reports that the words hold the whole name and, beside it, nothing but
// roles: "Jane Doe (CEO)".
func (x *exam) names(w, name []string) bool {
	found := 0
	for _, o := range w {
		if slices.Contains(name, o) {
			found++
		} else if !x.isRole(o) && !itWords(o) {
			return false
		}
	}
	return found == len(name)
}

// ownOrg judges an outside address with the own organisation's name; it reports
// whether it found one.
func (x *exam) ownOrg() bool {
	if x.s.own || x.s.listed {
		return false
	}
	for _, name := range x.st.ownNames {
		i := indexWords(x.s.words, name)
		if i < 0 {
			continue
		}
		for k, o := range x.s.words {
			if (k < i || k >= i+len(name)) && !x.isRole(o) && !itWords(o) {
				i = -1
				break
			}
		}
		if i >= 0 {
			x.add(IDOwnOrg, fmt.Sprintf("the sender says it is our own %s, but %s", strings.Join(name, " "), x.s.who()), x.s.display, lineageIdentity)
			return true
		}
	}
	for _, d := range x.st.own {
		if strings.Contains(strings.ToLower(x.s.display), d) {
			x.add(IDOwnOrg, fmt.Sprintf("the sender's name shows our own domain %s, but it %s", d, x.s.who()), x.s.display, lineageIdentity)
			return true
		}
	}
	return false
}

// itWords are words of internal offices.
func itWords(w string) bool {
	switch w {
	case "it", "intranet", "it-support", "edv", "dsi", "informatik", "informatique", "ict", "network", "ceo", "cfo", "director", "board", "president":
		return true
	}
	return false
}

// indexWords finds a row of words in another.
func indexWords(w, name []string) int {
	for i := 0; i+len(name) <= len(w); i++ {
		if slices.Equal(w[i:i+len(name)], name) {
			return i
		}
	}
	return -1
}

// freeMailOrg judges a free mailbox whose display name is an office's.
func (x *exam) freeMailOrg(b *brand, strong bool) {
	what := ""
	if b != nil && strong && (!x.mayBack(b) || x.anybody()) {
		what = b.name
	} else if len(x.s.words) > 1 || len(x.s.words) == 1 && officeWord(x.s.words[0]) {
		offices := 0
		for _, w := range x.s.words {
			if officeWord(w) {
				offices++
			} else if !x.isRole(w) && len(x.s.words) > 4 {
				return
			}
		}
		if offices > 0 {
			what = "an office"
		}
	}
	if what != "" {
		x.add(IDFreeMailOrg, fmt.Sprintf("the sender says it is %s (%q), but writes from a free mailbox at %s", what, cut(x.s.display, 60), x.s.host), x.s.address, lineageIdentity)
	}
}

// officeWord reports a word with which an office or company names itself and
// hardly ever a person.
func officeWord(w string) bool {
	switch w {
	case "support", "helpdesk", "administrator", "admin", "department", "dept", "ministry", "bank", "ltd", "limited", "llc", "inc", "gmbh",
		"corporation", "foundation", "lottery", "commission", "embassy", "police", "court", "attorney", "fbi", "interpol", "office",
		"payroll", "billing", "invoice", "invoices", "accounting", "security", "notification", "notifications", "alert", "alerts",
		"service", "services", "customer", "webmail", "mailbox", "postmaster", "hr", "recruitment", "humanresources", "compliance",
		"finance", "financial", "treasury", "secretary", "director", "manager", "ceo", "barrister", "verification", "delivery",
		"kundenservice", "buchhaltung", "ministerium", "polizei", "rechtsanwalt", "gendarmerie", "ministere", "avocat", "notaire",
		"banque", "ministerio", "policia", "abogado", "banco", "ministero", "polizia", "avvocato", "banca", "soporte", "assistenza":
		return true
	}
	return false
}
