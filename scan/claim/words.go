package claim

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/domain"
)

// Bounds of what is read.
const (
	maxDisplay = 256  // bytes of a display name; people read the first line
	maxWords   = 400  // words of a text that are looked at
	headBytes  = 700  // a greeting stands within the first lines
	tailBytes  = 1200 // a signature and a notice within the last ones
)

// cut shortens s to n bytes at a character boundary.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// tail is the last n bytes of s from a character boundary.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := len(s) - n
	for i < len(s) && !utf8.RuneStart(s[i]) {
		i++
	}
	return s[i:]
}

// marks are the signs that stand at a name and are no letters of it.
var marks = strings.NewReplacer("©", " copyright ", "®", " ", "™", " ", "℠", " ")

// words splits a text into words as a reader sees them: folded, letters and
// digits only, at most maxWords. The copyright sign is the word "copyright".
func words(s string) []string {
	s = domain.Fold(marks.Replace(s))
	w := make([]string, 0, min(strings.Count(s, " ")+1, maxWords))
	for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if w = append(w, f); len(w) >= maxWords {
			break
		}
	}
	return w
}

// personWords are the words of a person's name without titles and initials, in
// alphabetical order, so that "Doe, Jane A." equals "Jane Doe".
func personWords(s string) []string {
	var out []string
	for _, w := range words(s) {
		switch w {
		case "dr", "prof", "mr", "mrs", "ms", "herr", "frau", "sir", "dame", "phd", "mba", "jr", "sr", "dipl", "ing", "med":
			continue
		}
		if utf8.RuneCountInString(w) > 1 {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return out
}

// wordSet splits a list of words.
func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// roleWords are the words with which an organisation names a sender of its
// own: what stands beside a brand in a display name that claims to be it.
const roleWords = `
a an and the of for from your our my no not do reply noreply donotreply mail email e mails mailer notification
notifications notice notices notify alert alerts service services servicing support team teams security secure
safety account accounts customer customers client clients care center centre help helpdesk desk info information
billing bill bills payment payments pay invoice invoices receipt receipts order orders shipping shipment delivery
deliveries express package packages parcel tracking track online web website webmail portal admin administrator
administration department dept division office update updates verification verify verified confirmation confirm
reward rewards survey gift card cards credit debit bank banking group inc llc ltd limited corp corporation company co gmbh ag
kg se sa spa srl bv plc international global worldwide europe usa us uk de fr it es ca au jp com net org member
members membership subscription subscriptions renewal renewals refund refunds fraud prevention protection risk
compliance resolution appeals policy platform system systems server storage cloud app apps mobile business personal
prime plus pro premium news newsletter offers offer promotions promotion deals bonus winner winners lottery
program programme shop store marketplace wallet exchange trading crypto transfer transfers transaction transactions
document documents files file sharing share sign signature esign calendar meeting meetings invitation voice voicemail
message messages messaging message center centro inbox login signin access password expired expiry expiration suspended
suspension locked limited warning urgent important final official privacy legal tax taxes customs post postal
1 2 3 24 24h 247 365 id identity kyc hr human resources payroll recruiting recruitment careers jobs finance financial
kundenservice kundendienst kundenbetreuung kunden kunde konto sicherheit dienst dienste rechnung rechnungen
bestellung lieferung paket zustellung benachrichtigung mitteilung info ihr ihre von der die das und bei
service client clients clientele compte securite assistance equipe votre la le les du des et livraison colis facture
facturation espace notification alerte
atencion al cliente servicio servicios seguridad cuenta soporte equipo de el los su aviso avisos notificacion
notificaciones facturacion pagos envios entregas
servizio clienti cliente assistenza sicurezza conto avviso avvisi supporto il lo di pagamenti spedizioni
atendimento suporte seguranca conta equipa equipe aviso fatura pagamentos do da dos das
seguimiento paquete comunicado comunica comunicacao relacionamento wholesale drive guthaben gutschein gewinner
gewinnspiel mitglied mitgliedschaft sendungsverfolgung abonnement abo passwort zahlung zahlungen
banco banca banque prime convite convites pedido pedidos entrega entregas status notificacao pontos resgate gerencia
live oficial official winner gewinner zustellung nachricht message department survey opinion requested congratulations gift news blog
update insights incident response community foundation network finance airdrop dear thank you partner partners mr
klantenservice klanten klant veiligheid rekening bezorging afdeling van het een
kundtjanst kundeservice asiakaspalvelu obsluga klienta
`

// freeMailDomains are providers that give a mailbox to anybody.
const freeMailDomains = `
gmail.com googlemail.com outlook.com outlook.de outlook.fr outlook.es outlook.it outlook.jp hotmail.com hotmail.co.uk
hotmail.de hotmail.fr hotmail.it hotmail.es live.com live.co.uk live.de live.fr live.nl live.it live.ca live.com.mx
msn.com passport.com yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.ca yahoo.co.in yahoo.in
yahoo.co.jp yahoo.com.br yahoo.com.ar yahoo.com.mx yahoo.com.au yahoo.com.hk yahoo.com.sg yahoo.com.tw yahoo.co.id
yahoo.com.ph yahoo.gr yahoo.ro yahoo.pl ymail.com rocketmail.com myyahoo.com aol.com aol.co.uk aol.de aim.com
icloud.com me.com mac.com proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tutamail.com
gmx.de gmx.net gmx.com gmx.at gmx.ch gmx.us web.de freenet.de t-online.de email.de arcor.de mail.de posteo.de mailbox.org
mail.com email.com usa.com consultant.com engineer.com post.com europe.com writeme.com dr.com financier.com accountant.com
inbox.com inbox.lv inbox.ru zoho.com zohomail.com zohomail.eu fastmail.com fastmail.fm hushmail.com lycos.com excite.com juno.com netzero.net
mail.ru bk.ru list.ru internet.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua meta.ua
libero.it virgilio.it tiscali.it tin.it alice.it email.it inwind.it iol.it hotmail.be
orange.fr wanadoo.fr laposte.net free.fr sfr.fr neuf.fr bbox.fr voila.fr
wp.pl o2.pl onet.pl op.pl interia.pl gazeta.pl tlen.pl poczta.fm seznam.cz email.cz centrum.cz post.cz volny.cz azet.sk
freemail.hu citromail.hu abv.bg mail.bg
terra.com.br uol.com.br bol.com.br ig.com.br globo.com terra.es
qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com 139.com 189.cn aliyun.com 21cn.com tom.com
naver.com hanmail.net daum.net nate.com rediffmail.com indiatimes.com
btinternet.com bluewin.ch hispeed.ch telenet.be skynet.be ziggo.nl home.nl kpnmail.nl planet.nl xs4all.nl
comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net
shaw.ca rogers.com sympatico.ca bigpond.com optusnet.com.au xtra.co.nz
`
