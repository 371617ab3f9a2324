package claim

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/domain"
	"foregate/evidence"
)

// What the sender's address, name and machine look like, whoever they claim to
// be.
const (
	IDRandomAddress   = "claim.random-address"    // the local part or the domain looks drawn by lot
	IDThrowAwayDomain = "claim.throw-away-domain" // the sender's domain is under a suffix of names bought to be thrown away
	IDSharedService   = "claim.shared-service"    // anyone can open an address under the sender's domain
	IDNoDomain        = "claim.no-such-domain"    // the sender's domain can't be one
	IDFromYourself    = "claim.from-yourself"     // written in the recipient's own name, without proof
	IDReaderSubject   = "claim.reader-in-subject" // the subject addresses the reader by mail address
	IDReaderName      = "claim.reader-in-name"    // the display name holds the reader's address
	IDMachine         = "claim.unnamed-machine"   // sent by a machine whose name is its network address
	IDHelo            = "claim.unnamed-helo"      // the sending machine gave no full name of itself
	IDMarkedName      = "claim.trade-mark"        // the display name bears a trade mark sign
	IDPictureName     = "claim.picture-in-name"   // the display name has several emoji, or one of alarm or prizes
	IDCodeName        = "claim.code-in-name"      // the display name has a number like a case's
	IDOffice          = "claim.office-only"       // the display name is an office's and names no organisation
	IDPublicBody      = "claim.public-body"       // says it is a public authority, from a domain that is none's
)

const (
	lineageOrigin = "claim.origin"
	lineageName   = "claim.name"
	lineageReader = "claim.reader"
)

// origin judges address and machine.
func (x *exam) origin() {
	x.address()
	x.reader()
	x.machine()
	if !x.s.listed {
		x.nameStyle()
		x.publicBody()
	}
}

// address judges how the sender's address is made.
func (x *exam) address() {
	if label, what := x.randomLabel(); label != "" {
		x.add(IDRandomAddress, fmt.Sprintf("%s of the sender's address, %q, looks like random characters", what, label), x.s.address, lineageOrigin)
	}
	if tld := x.s.host[strings.LastIndexByte(x.s.host, '.')+1:]; x.s.host != "" && domain.ThrowAway(tld) {
		x.add(IDThrowAwayDomain, fmt.Sprintf("the sender's domain %s is under .%s, whose names are bought to be thrown away", x.s.host, tld), x.s.address, lineageOrigin)
	}
	if _, after, ok := strings.Cut(x.s.address, "@"); ok && !possible(after) {
		x.add(IDNoDomain, fmt.Sprintf("the sender's address %s has no domain that could exist", x.s.address), x.s.address, lineageOrigin)
	}
	if sharedService(x.s.host) {
		x.add(IDSharedService, fmt.Sprintf("anyone can open an address like %s", x.s.address), x.s.address, lineageOrigin)
	}
}

// possible reports a domain that could be registered: two labels of letters,
// digits and hyphens, or of letters beyond ASCII, and no reserved name.
func possible(host string) bool {
	dot := strings.IndexByte(host, '.')
	if dot <= 0 || under(host, "invalid") || under(host, "localhost") || under(host, "local") || under(host, "localdomain") {
		return false
	}
	for i := range len(host) {
		c := host[i]
		if c < 0x80 && c != '.' && c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// randomLabel finds a part of the sender's address that looks drawn by lot.
// Mailing services make local parts for bounces, not for authors.
func (x *exam) randomLabel() (label, what string) {
	local := x.m.Sender.Email.LocalPart // with its case
	for part := range strings.FieldsFuncSeq(cut(local, maxDisplay), func(r rune) bool { return r == '.' || r == '_' || r == '-' || r == '+' || r == '=' }) {
		rest, named := x.unnamed(part)
		if !named && (domain.Random(part) && (len(part) > 7 || mixedCase(part)) || oddCase(part)) || named && domain.Random(rest) {
			return part, "a part"
		}
	}
	n := x.m.Sender.Email.Domain
	if domain.Random(n.SLD) {
		return n.SLD, "the domain"
	}
	for sub := range strings.SplitSeq(n.Subdomain, ".") {
		if domain.Random(sub) {
			return sub, "the host"
		}
	}
	return "", ""
}

// unnamed is a local part without the words of the display name, and whether
// the display name explains it: they share four letters, as "tkaczyk" and
// "Tomasz Kaczyk" do.
func (x *exam) unnamed(part string) (rest string, named bool) {
	const share = 4
	rest = strings.ToLower(part)
	for i := 0; i+share <= len(rest) && !named; i++ {
		for _, w := range x.s.words {
			named = named || strings.Contains(w, rest[i:i+share])
		}
	}
	for _, w := range x.s.words {
		if len(w) >= share {
			rest = strings.ReplaceAll(rest, w, "")
		}
	}
	return rest, named
}

// mixedCase reports capitals behind the first letter, and small letters.
func mixedCase(s string) bool {
	rest := s[min(1, len(s)):]
	return rest != strings.ToLower(rest) && s != strings.ToUpper(s)
}

// oddCase reports capitals where no name has them: "afAbPcZ" and "KDkYHsbaSNa", not
// "JaneDoe", "eBay", "McDonald" or "HELPDESK". Pieces that begin with a capital
// are words in a name, and words have more than two letters.
func oddCase(s string) bool {
	if len(s) < 6 {
		return false
	}
	pieces, letters := 1, 0
	for i := range len(s) {
		up := 'A' <= s[i] && s[i] <= 'Z'
		if !up && (s[i] < 'a' || s[i] > 'z') {
			continue
		}
		letters++
		if up && i > 0 && s[i-1] >= 'a' && s[i-1] <= 'z' {
			pieces++
		}
	}
	return pieces > 2 && letters < 3*pieces
}

// sharedService reports a host under which the public opens names: help desks,
// tenants of office suites, shops.
func sharedService(host string) bool {
	for _, d := range []string{"zendesk.com", "freshdesk.com", "freshservice.com", "onmicrosoft.com", "helpscoutapp.com", "intercom-mail.com",
		"atlassian.net", "myshopify.com", "firebaseapp.com", "web.app", "hubspot-inbox.com", "salesforce-sites.com", "gorgias.com", "zohodesk.com",
		"zohosalesiq.com", "mailchimpapp.net", "sendgrid.net", "amazonses.com", "mailgun.org", "circle.so", "ghost.io", "substack.com", "kayako.com",
		"teamwork.com", "helpshift.com", "uservoice.com", "happyfox.com", "on.aws", "herokuapp.com", "wixsite.com", "weebly.com", "blogspot.com"} {
		if under(host, d) && len(host) > len(d) {
			return true
		}
	}
	return false
}

// reader judges what the message does with the reader's own address.
func (x *exam) reader() {
	subject := ""
	if x.m.Subject != nil {
		subject = strings.ToLower(cut(x.m.Subject.Subject, maxDisplay))
	}
	name := strings.ToLower(x.s.display)
	for _, list := range [][]string{x.m.Envelope.Recipients, x.toAddresses()} {
		for _, a := range list {
			a = strings.ToLower(a)
			if len(a) < len("a@b.cd") || !strings.Contains(a, "@") {
				continue
			}
			if a == x.s.address && !x.s.proven && !x.s.listed {
				x.once(IDFromYourself, "the message is written in the name of its own recipient, which nothing proves", a, lineageReader)
			}
			if strings.Contains(subject, a) {
				x.once(IDReaderSubject, "the subject addresses the reader by mail address", subject, lineageReader)
			}
			if a != x.s.address && strings.Contains(name, a) {
				x.once(IDReaderName, "the sender's name holds the reader's address", x.s.display, lineageReader)
			}
		}
	}
}

// toAddresses are the addresses of the first recipients shown.
func (x *exam) toAddresses() []string {
	const most = 8
	to := x.m.Recipients.To
	out := make([]string, 0, min(len(to), most))
	for i := range to[:min(len(to), most)] {
		out = append(out, to[i].Email.Email)
	}
	return out
}

// once adds an item unless one of its ID is there.
func (x *exam) once(id, claim, quote, lineage string) {
	if !x.has(id) {
		x.add(id, claim, quote, lineage)
	}
}

// machine judges the host that delivered: mail servers have names of their own,
// rented and infected machines are called after their address. Nothing is said
// of a host without a reverse name, which may be unknown.
func (x *exam) machine() {
	for _, host := range []string{x.m.Envelope.RDNS, x.m.Envelope.Helo} {
		if host != "" && len(host) <= maxDisplay && spellsAddress(host) {
			x.add(IDMachine, "a machine sent the message whose name is its network address: "+host, host, lineageOrigin)
			return
		}
	}
	if h := x.m.Envelope.Helo; h != "" && len(h) <= maxDisplay && !strings.ContainsAny(h, ".[:") {
		x.add(IDHelo, "the machine that sent the message calls itself "+h+", which is no full name", h, lineageOrigin)
	}
}

// spellsAddress reports a host name with four numbers in a row, all of one
// byte: "172-234-133-106.ip.example.net". An address literal is no name.
func spellsAddress(host string) bool {
	if host[0] == '[' {
		return false
	}
	run, letters := 0, false
	for part := range strings.FieldsFuncSeq(host, func(r rune) bool { return r == '.' || r == '-' || r == '_' }) {
		if letters = letters || strings.ContainsFunc(part, unicode.IsLetter); len(part) > 3 || strings.Trim(part, "0123456789") != "" {
			run = 0
			continue
		}
		if run++; run == 4 {
			return strings.ContainsFunc(host, unicode.IsLetter)
		}
	}
	return false
}

// nameStyle judges how the display name is dressed up.
func (x *exam) nameStyle() {
	name := x.s.display
	pictures, digits, bait := 0, 0, false
	for _, r := range name {
		if r >= 0x1F300 && r <= 0x1FAFF || r >= 0x2600 && r <= 0x27BF || r == 0x2B50 {
			pictures++
		}
		bait = bait || strings.ContainsRune("🚨🔔⚠❗✅✔💲💰💸🎁🎉🎰🔥💋", r)
	}
	for _, w := range x.s.words {
		if n := utf8.RuneCountInString(w); n >= 5 && strings.ContainsFunc(w, unicode.IsDigit) && digitsOf(w) >= 4 {
			digits++
		}
	}
	switch {
	case strings.ContainsAny(name, "®™©℠"):
		x.add(IDMarkedName, "the sender's name bears a trade mark sign", name, lineageName)
	case pictures > 1 || bait: // one heart is a shop's taste
		x.add(IDPictureName, "the sender's name has pictures of alarm or prizes in it", name, lineageName)
	}
	if digits > 0 && !strings.Contains(name, "@") {
		x.add(IDCodeName, "the sender's name has the number of a case or an order in it", name, lineageName)
	}
	if x.onlyOffice() {
		x.add(IDOffice, "the sender calls itself an office and names no organisation", name, lineageName)
	}
}

func digitsOf(w string) int {
	n := 0
	for i := range len(w) {
		if w[i] >= '0' && w[i] <= '9' {
			n++
		}
	}
	return n
}

// onlyOffice reports a display name of role words alone, one of them an
// office's: "Security Alert", "Kundenservice", "IT Help Desk".
func (x *exam) onlyOffice() bool {
	office := false
	for _, w := range x.s.words {
		if !x.isRole(w) && !itWords(w) && !officeWord(w) {
			return false
		}
		office = office || officeWord(w) || w == "desk" || w == "team" || w == "account"
	}
	return office && !x.s.own
}

// publicBody judges a display name that is a public authority's.
func (x *exam) publicBody() {
	if x.s.own || len(x.owners)+len(x.likely) > 0 || governmental(x.s.host) || x.has(IDBrandDisplayName) {
		return
	}
	text := " " + strings.Join(x.s.words, " ") + " "
	for _, name := range publicBodies {
		if strings.Contains(text, name) {
			x.add(IDPublicBody, fmt.Sprintf("the sender says it is a public authority (%s), but %s", strings.TrimSpace(name), x.s.who()), x.s.display, lineageIdentity)
			return
		}
	}
}

// has reports an item of the ID.
func (x *exam) has(id string) bool {
	return slices.ContainsFunc(x.items, func(it evidence.Item) bool { return it.ID == id })
}

// governmental reports the domains of states and of associations of states.
func governmental(host string) bool {
	labels := strings.Split(host, ".")
	for i, l := range labels {
		switch l {
		case "gov", "mil", "int", "gob", "gouv", "gub", "govt", "jus", "leg", "mp", "mil-br", "europa", "bund", "admin", "overheid", "regering":
			if i > 0 || l == "europa" {
				return true
			}
		case "go", "gc", "gv", "lg", "police", "nhs":
			if i > 0 && i >= len(labels)-2 {
				return true
			}
		}
	}
	return under(host, "un.org") || under(host, "worldbank.org") || under(host, "imf.org") || under(host, "polizei.de") || under(host, "zoll.de") || under(host, "elster.de")
}

// publicBodies are the folded names of authorities as words between blanks, as
// they call themselves in the countries of most mail.
var publicBodies = []string{
	" ministry of ", " department of ", " police ", " interpol ", " europol ", " fbi ", " federal bureau ", " internal revenue ", " irs ",
	" social security administration ", " ssa ", " customs office ", " customs service ", " tax office ", " tax department ", " tax refund ", " high court ",
	" district court ", " supreme court ", " embassy ", " united nations ", " world bank ", " monetary fund ", " federal reserve ", " central bank ",
	" hm revenue ", " hmrc ", " dvla ", " medicare ", " mygov ", " centrelink ",
	" tribunal ", " receita federal ", " ministerio ", " detran ", " projudi ", " justica ", " policia ", " prefeitura ", " pedagio ",
	" inss ", " serpro ", " gov br ", " cpf ", " imposto de renda ", " intimacao ", " oficial de justica ", " cartorio ", " tributos ",
	" agencia tributaria ", " seguridad social ", " juzgado ", " fiscalia ", " guardia civil ",
	" bundesministerium ", " finanzamt ", " polizei ", " zollamt ", " zoll ", " bundeszentralamt ", " rundfunk ", " amtsgericht ",
	" staatsanwaltschaft ", " bundesagentur ", " bundeskriminalamt ",
	" gendarmerie ", " ministere ", " impots ", " direction generale des ", " assurance maladie ", " ameli ", " antai ", " amendes ", " compte formation ",
	" agenzia delle entrate ", " ministero ", " polizia ", " carabinieri ", " tribunale ", " inps ",
	" belastingdienst ", " digid ", " mijnoverheid ", " politie ", " cjib ", " rijksoverheid ",
	" skatteverket ", " skatteetaten ", " urzad skarbowy ", " policja ", " ministerstwo ",
}
