package thread

import "strings"

// field is a field of a quoted header block.
type field uint8

const (
	fieldNone field = iota
	fieldFrom
	fieldDate
	fieldTo
	fieldCc
	fieldBcc
	fieldSubject
	fieldOther // a field that mail programs show and nobody needs here
)

// fieldWords are the names of header fields as mail programs show them, by
// language: English, German, French, Spanish, Italian, Portuguese, Dutch,
// Polish, Scandinavian and Baltic languages, Czech, Slovak, South Slavic,
// Hungarian, Romanian, Turkish, Greek, Russian, Ukrainian, Bulgarian, Arabic,
// Persian, Hebrew, Chinese, Japanese, Korean, Vietnamese, Thai, Indonesian.
var fieldWords = wordTable([fieldOther + 1]string{
	fieldFrom: `from|von|absender|de|expéditeur|remitente|da|mittente|van|afzender|od|nadawca|från|avsändare|fra|afsender|avsender|
		lähettäjä|saatja|nuo|no|odesílatel|odosielateľ|pošiljatelj|šalje|feladó|de la|expeditor|kimden|gönderen|από|
		от|от кого|отправитель|від|від кого|من|از|מאת|发件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|발신|từ|người gửi|จาก|dari`,
	fieldDate: `date|sent|sent on|datum|gesendet|gesendet am|envoyé|envoyé le|enviado|enviado el|enviado em|enviada|enviada em|fecha|data|inviato|data invio|
		verzonden|verstuurd|wysłano|wysłane|data wysłania|skickat|skickades|sendt|dato|päivämäärä|päiväys|lähetetty|saadetud|kuupäev|išsiųsta|nosūtīts|
		odesláno|odoslané|dátum|poslano|elküldve|küldve|küldés|trimis|trimis la|dată|tarih|gönderildi|gönderme tarihi|gönderim zamanı|στάλθηκε|ημερομηνία|εστάλη|
		дата|отправлено|дата отправки|надіслано|изпратено|التاريخ|تاريخ الإرسال|تم الإرسال|أرسلت|تاریخ|תאריך|נשלח|נשלח ב|发送时间|发送日期|日期|时间|寄件日期|傳送時間|
		送信日時|日時|日付|送信日|보낸 날짜|날짜|보낸날짜|일시|ngày|đã gửi|วันที่|ส่ง|tanggal|dikirim`,
	fieldTo: `to|an|empfänger|à|a|pour|destinataire|para|destinatario|per|aan|naar|do|adresat|till|til|vastaanottaja|kenelle|saaja|kam|kome|komu|za|
		címzett|către|kime|alıcı|kimlere|προς|кому|получатель|до|إلى|الى|به|אל|收件人|收件者|宛先|받는 사람|받는사람|수신|đến|tới|ถึง|kepada`,
	fieldCc: `cc|kopie|kopie (cc)|copie|copie à|copia|cópia|kopia|dw|do wiadomości|kopi|kopio|másolatot kap|másolat|bilgi|κοιν|κοιν.|κοινοποίηση|
		копия|копія|نسخة|نسخة إلى|עותק|抄送|副本|cc抄送|참조|สำเนา|tembusan`,
	fieldBcc: `bcc|blindkopie|cci|cco|ccn|udw|密送|密件副本|숨은 참조|скрытая копия`,
	fieldSubject: `subject|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|temat|ämne|emne|aihe|teema|tema|temats|předmět|predmet|naslov|zadeva|
		tárgy|subiect|konu|θέμα|тема|относно|الموضوع|موضوع|נושא|主题|主旨|標題|件名|제목|chủ đề|tiêu đề|เรื่อง|subjek|perihal`,
	fieldOther: `reply-to|reply to|importance|priority|attachments|attachment|wichtigkeit|priorität|anlagen|anlage|antwort an|importance|pièces jointes|
		importancia|datos adjuntos|importanza|allegati|anexos|importância|urgentie|bijlagen|ważność|załączniki|prioritet|liitteet|message-id|organization|
		newsgroups|sensitivity|categories|resent-from|sender|важность|вложения|重要性|附件|添付ファイル|重要度|첨부 파일|중요도|répondre à|cc to|mailed-by|signed-by`,
})

// ruleWords stand between dashes above a quoted message.
var ruleWords = wordSet(`original message|original appointment|ursprüngliche nachricht|originalnachricht|original-nachricht|ursprünglicher termin|
	message d'origine|message d’origine|message original|mensaje original|messaggio originale|messaggio d'origine|oorspronkelijk bericht|
	origineel bericht|originele bericht|wiadomość oryginalna|oryginalna wiadomość|mensagem original|ursprungligt meddelande|originalmeddelande|
	oprindelig meddelelse|oprindelig besked|original meddelelse|opprinnelig melding|alkuperäinen viesti|algne kiri|originalus laiškas|sākotnējais ziņojums|
	исходное сообщение|оригинальное сообщение|исходное письмо|оригінальне повідомлення|původní zpráva|původní e-mail|pôvodná správa|izvirno sporočilo|
	izvorna poruka|originalna poruka|eredeti üzenet|mesaj original|mesajul original|orijinal mesaj|özgün ileti|asıl mesaj|αρχικό μήνυμα|оригинално съобщение|
	原始邮件|邮件原件|原邮件|原始郵件|原始訊息|元のメッセージ|元のメール|original メッセージ|원본 메시지|원본 메일|원본메시지|الرسالة الأصلية|رسالة أصلية|
	הודעה מקורית|thư gốc|ต้นฉบับ|pesan asli|reply message|reply separator|antwort`)

// forwardWords stand between dashes, or before a colon, above a forwarded
// message.
var forwardWords = wordSet(`forwarded message|begin forwarded message|forwarded by|start of forwarded message|weitergeleitete nachricht|
	anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|weitergeleitet von|message transféré|message transmis|début du message réexpédié|début du message transféré|
	mensaje reenviado|inicio del mensaje reenviado|messaggio inoltrato|inizio messaggio inoltrato|doorgestuurd bericht|doorgestuurde bericht|
	begin doorgestuurd bericht|przekazana wiadomość|wiadomość przekazana dalej|początek przekazywanej wiadomości|początek przekazanej wiadomości|mensagem encaminhada|
	mensagem reencaminhada|início da mensagem encaminhada|início da mensagem reencaminhada|vidarebefordrat meddelande|vidarebefordrat brev|vidarebefordrat mejl|
	videresendt meddelelse|videresendt melding|videresendt besked|start på videresendt besked|start på videresendt melding|välitetty viesti|
	välitetty viesti alkaa|edelleen lähetetty viesti|пересылаемое сообщение|пересланное сообщение|начало переадресованного сообщения|
	начало пересылаемого сообщения|переслане повідомлення|початок переспрямованого повідомлення|přeposlaná zpráva|preposlaná správa|
	začátek přeposílané zprávy|továbbított üzenet|továbbított levél|mesaj redirecționat|mesaj redirecţionat|yönlendirilmiş mesaj|yönlendirilen mesaj|
	iletilen mesaj|iletilmiş mesaj|iletiyi yönlendir|προωθημένο μήνυμα|προωθούμενο μήνυμα|препратено съобщение|proslijeđena poruka|prosleđena poruka|posredovano sporočilo|
	转发邮件|转发的邮件|轉寄郵件|轉寄的郵件|开始转发的邮件|下面是被转发的邮件|轉寄訊息|転送メッセージ|転送されたメッセージ|転送メール|전달된 메시지|
	전달된 메일|전달된 메시지 시작|رسالة معاد توجيهها|رسالة مُعاد توجيهها|بداية الرسالة المُعاد توجيهها|הודעה שהועברה|thư chuyển tiếp|ข้อความที่ส่งต่อ|pesan terusan`)

// verbs are the forms of "wrote" in lines that introduce a quotation.
var verbs = newPhrases(wordForms(`wrote writes said schrieb schrieben geschrieben a¦écrit a¦ecrit escribió escribio ha¦scritto scrive schreef
	geschreven pisze napisał(a) napisała napisał napisal(a) napsal(a) napsal napsala napísal(a) napísal escreveu escreveu skrev kirjoitti kirjutas
	írta ezt¦írta yazdı şunları¦yazdı şunu¦yazdı tarihinde¦şunu¦yazdı tarihinde¦şunları¦yazdı tarihinde¦yazdı napisao¦je napisala¦je έγραψε a¦scris пишет написал(а) написал написала писал(а) писал писала пише написав написа
	написав(ла) написала rašė parašė rakstīja je¦napisao je¦napisala je¦napisao/la je¦napisal je¦napisala piše napisao је¦написао
	va¦escriure đã¦viết menulis เขียนว่า نوشت كتب كتبت 写道 寫道 写到 のメール さんは書きました 님이¦작성 님이¦씀 작성 quoting citando zitat¦von`))

// starts begin a line that introduces a quotation.
var starts = strings.Split(strings.ReplaceAll(`On |Am |Le |El |Il |Op |W dniu |Dnia |Em |A |Den |På |Dne |Dňa |Στις |În data |În |Pe |La |Vào |Pada |Vo |Dana |U |On: |
	Quoting |Zitat von |Citando |Citando a |Le ven|At |In data |Il giorno |em |On,|В |Kuupäeval |ב-|בתאריך |في |در |在|於|于|בתאריך|On	`, "\n\t", ""), "|")

// mobileSigns begin the line that a mail program adds below a message.
var mobileSigns = strings.Split(strings.ReplaceAll(`sent from my |sent from mail for |sent from outlook|sent from yahoo|sent from proton|sent from samsung|sent with proton|
	sent via |sent from a mobile|get outlook for |sent on the go|sent using |von meinem |gesendet von |gesendet mit |diese nachricht wurde von meinem |outlook für |
	envoyé de |envoyé depuis |envoyé à partir de |télécharger outlook|obtenir outlook|enviado desde |enviado do |enviado de |obtener outlook|obter o outlook|
	inviato da |ottieni outlook|verstuurd vanaf |verzonden vanaf |verzonden met |outlook voor |wysłane z |wysłano z |pobierz program outlook|pobierz aplikację outlook|
	skickat från |skaffa outlook|hämta outlook|sendt fra |få outlook |hent outlook |lähetetty |hanki outlook|отправлено из |отправлено с |надіслано з |odesláno z |odoslané z |
	elküldve |trimis de pe |iphone'umdan |iphone'dan |στάλθηκε από |iphoneから送信|私のiphoneから|发自我的|从我的|從我的 iphone|發自我的|获取 outlook|取得 outlook|나의 iphone|내 iphone|
	أرسلت من |تم الإرسال من |נשלח מה`, "\n\t", ""), "|")

// valedictions close a letter.
var valedictions = wordSet(`regards|best regards|kind regards|warm regards|warmest regards|with kind regards|with best regards|with regards|many regards|best|all the best|best wishes|
	sincerely|sincerely yours|yours sincerely|yours faithfully|yours truly|respectfully|cordially|cheers|thanks|thank you|many thanks|thanks and regards|thanks & regards|
	thank you and regards|thanks in advance|rgds|br|kr|mit freundlichen grüßen|mit freundlichen gruessen|mit freundlichem gruß|mit freundlichem gruss|mit freundlichen grüssen|freundliche grüße|
	freundliche grüsse|viele grüße|viele gruesse|viele grüsse|liebe grüße|beste grüße|beste grüsse|herzliche grüße|schöne grüße|mfg|lg|vg|hochachtungsvoll|
	cordialement|bien cordialement|très cordialement|bien à vous|salutations|meilleures salutations|sincères salutations|amicalement|
	saludos|saludos cordiales|un saludo|atentamente|cordialmente|un cordial saludo|reciba un cordial saludo|cordiali saluti|distinti saluti|saluti|un saluto|
	atenciosamente|cumprimentos|com os melhores cumprimentos|melhores cumprimentos|abraços|met vriendelijke groet|met vriendelijke groeten|vriendelijke groet|vriendelijke groeten|groeten|mvg|
	z poważaniem|pozdrawiam|z wyrazami szacunku|med vänlig hälsning|med vänliga hälsningar|vänliga hälsningar|mvh|hälsningar|med venlig hilsen|venlig hilsen|
	med vennlig hilsen|vennlig hilsen|hilsen|ystävällisin terveisin|terveisin|s pozdravem|s pozdravom|s přátelským pozdravem|lep pozdrav|srdačan pozdrav|üdvözlettel|
	tisztelettel|cu stimă|cu respect|saygılarımla|saygılarımızla|iyi çalışmalar|με εκτίμηση|φιλικά|с уважением|с наилучшими пожеланиями|з повагою|с поздрав|
	مع تحياتي|مع أطيب التحيات|تحياتي|בברכה|此致|敬礼|顺祝商祺|祝好|谢谢|謝謝|よろしくお願いいたします|よろしくお願いします|敬具|감사합니다|trân trọng|salam|hormat kami`)

// bannerWords are parts of the warnings that mail systems put above a message
// from outside.
var bannerWords = newPhrases(strings.Split(strings.ReplaceAll(`originated from outside|originates from outside|sent from outside|came from outside|received from outside|from outside of|from outside the|from outside your|
	outside your organi|outside the organi|outside of your organi|outside of the organi|external to your organi|external to the organi|from an external source|from an external sender|external sender|external email|external e-mail|external message|external mail|
	don't often get email from|don’t often get email from|do not often get email from|this sender is unverified|could not verify the identity of|
	von außerhalb|ausserhalb der organisation|außerhalb ihrer organisation|externe e-mail|externe mail|externer absender|externen absender|sie erhalten nicht oft|
	provient de l'ext|provient de l’ext|extérieur de l'org|extérieur de l’org|expéditeur externe|courriel externe|message externe|email externe|e-mail externe|en dehors de l'org|n'obtenez pas souvent d|ne recevez pas souvent d|
	correo externo|fuera de la organizaci|fuera de su organizaci|remitente externo|no suele recibir correos|proviene dall'esterno|esterno all'organizzazione|mittente esterno|email esterna|messaggio esterno|non si ricevono spesso|
	fora da organiza|fora da sua organiza|remetente externo|não costuma receber|afkomstig van buiten|van buiten de organisatie|buiten uw organisatie|externe afzender|ontvangt niet vaak e-mail|
	spoza organizacji|nadawca zewnętrzny|zewnętrznego nadawcy|wiadomość zewnętrzna|utanför organisationen|extern avsändare|externt mejl|uden for organisationen|ekstern afsender|ekstern mail|utenfor organisasjonen|ekstern avsender|
	organisaation ulkopuolelta|ulkoinen lähettäjä|mimo organizaci|mimo vaši organizaci|externí odesílatel|mimo organizácie|szervezeten kívül|külső feladó|külső küldő|din afara organiza|expeditor extern|kurum dışından|kuruluş dışından|kuruluşunuzun dışından|harici gönderen|
	εκτός του οργανισμού|εξωτερικός αποστολέας|внешний отправитель|внешнего отправителя|из внешнего источника|за пределами организации|зовнішній відправник|від зовнішнього|外部からのメール|外部のメール|社外からのメール|社外メール|組織外|組織の外部|外部送信者|
	外部邮件|来自外部|外部发件人|組織外部|来自组织外部|外部郵件|來自外部|외부 메일|외부에서 발송|외부 발신|조직 외부|خارج المؤسسة|خارج المنظمة|خارج مؤسستك|בריד חיצוני|מחוץ לארגון`, "\n\t", ""), "|"))

// wordForms cuts a list of verbs; "¦" stands for the space within one.
func wordForms(list string) []string {
	forms := strings.Fields(list)
	for i, w := range forms {
		forms[i] = strings.ReplaceAll(w, "¦", " ")
	}
	return forms
}

// wordTable turns lists separated by "|" into a table.
func wordTable(lists [fieldOther + 1]string) map[string]field {
	t := make(map[string]field)
	for f, list := range lists {
		for _, w := range strings.Split(list, "|") {
			if w = strings.TrimSpace(w); w != "" {
				t[w] = field(f)
			}
		}
	}
	return t
}

func wordSet(list string) map[string]bool {
	t := make(map[string]bool)
	for _, w := range strings.Split(list, "|") {
		t[strings.TrimSpace(w)] = true
	}
	return t
}
