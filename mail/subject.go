package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// subject fills the subject from the first Subject field.
func (p *builder) subject() {
	fields := p.all("subject")
	if len(fields) == 0 {
		return
	}
	p.m.Subject = parseSubject(p.value("subject"))
}

// parseSubject takes a displayed subject apart. Prefixes and tags are read from
// the front for as long as there are any: "RE: [EXT] AW: Invoice".
func parseSubject(s string) *Subject {
	out := &Subject{Subject: s, Tags: []string{}}
	rest := strings.TrimSpace(s)
	for len(out.Tags) < 50 {
		if tag, after, ok := cutTag(rest); ok {
			out.Tags = append(out.Tags, tag)
			rest = after
			continue
		}
		if after, ok := cutAutoReply(rest); ok {
			out.IsAutoReply, rest = true, after
			continue
		}
		reply, forward, after := cutPrefix(rest)
		if !reply && !forward {
			break
		}
		out.IsReply = out.IsReply || reply
		out.IsForward = out.IsForward || forward
		rest = after
	}
	if strings.HasSuffix(strings.ToLower(rest), "(fwd)") { // RFC 5256 section 2.1
		out.IsForward = true
		rest = strings.TrimSpace(rest[:len(rest)-len("(fwd)")])
	}
	out.Base = rest
	return out
}

// cutAutoReply takes the prefix of an automatic answer off, as Exchange and
// the common absence agents write it.
func cutAutoReply(s string) (string, bool) {
	word, rest, ok := strings.Cut(s, ":")
	if !ok || len(word) > 60 {
		return s, false
	}
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "automatic reply", "auto reply", "autoreply", "auto-reply", "auto", "auto response", "out of office", "out of office autoreply", "ooo",
		"automatische antwort", "abwesenheitsnotiz", "abwesend", "réponse automatique", "absence du bureau", "respuesta automática",
		"resposta automática", "risposta automatica", "fuori sede", "automatisch antwoord", "automatiskt svar", "automatisk svar",
		"autosvar", "automaattinen vastaus", "odpowiedź automatyczna", "automatická odpověď", "автоматический ответ", "otomatik yanıt",
		"自動応答", "自动答复", "自動回覆", "자동 회신":
		return strings.TrimSpace(rest), true
	}
	return s, false
}

// maxTag bounds a bracketed tag; longer brackets are text.
const maxTag = 64

// cutTag takes a leading "[tag]" off. A subject that is nothing but brackets
// has no tag.
func cutTag(s string) (tag, rest string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return "", s, false
	}
	i := strings.IndexByte(s, ']')
	if i < 2 || i > maxTag {
		return "", s, false
	}
	rest = strings.TrimSpace(s[i+1:])
	if rest == "" {
		return "", s, false
	}
	return strings.TrimSpace(s[1:i]), rest, true
}

// cutPrefix takes one reply or forward prefix off, with a counter such as
// "Re[2]:" or "Re(3):" and any kind of colon.
func cutPrefix(s string) (reply, forward bool, rest string) {
	i := 0
	for i < len(s) && i < 40 {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsLetter(r) && r != '.' && r != '/' && r != '-' && !unicode.Is(unicode.Mn, r) {
			break
		}
		i += n
	}
	word := strings.ToLower(s[:i])
	rest = strings.TrimLeft(s[i:], " ")
	if rest != "" && (rest[0] == '[' || rest[0] == '(' || rest[0] == '^') {
		if j := strings.IndexAny(rest, "])"); j > 0 && j < 6 && strings.Trim(rest[1:j], "0123456789") == "" {
			rest = strings.TrimLeft(rest[j+1:], " ")
		} else if rest[0] == '^' {
			rest = strings.TrimLeft(rest[1:], "0123456789 ")
		}
	}
	var ok bool
	for _, colon := range []string{":", "：", "︰", "﹕"} {
		if after, found := strings.CutPrefix(rest, colon); found {
			rest, ok = strings.TrimSpace(after), true
			break
		}
	}
	if !ok || word == "" {
		return false, false, s
	}
	reply, forward = prefixKind(word)
	if !reply && !forward {
		return false, false, s
	}
	return reply, forward, rest
}

// prefixKind knows the words that clients of the common languages put before a
// reply or a forward.
func prefixKind(w string) (reply, forward bool) {
	switch w {
	case "re", // most, after Latin "in re"
		"aw",               // German
		"antw", "antwoord", // Dutch
		"sv",                 // Swedish, Danish, Norwegian, Icelandic
		"vs",                 // Finnish
		"res", "rsp", "resp", // Portuguese, Spanish
		"rép", "rep", "réf", // French
		"rif", "r", // Italian
		"odp", "odpověď", // Polish, Czech
		"ynt", "yan", "cevap", // Turkish
		"vá", "válasz", // Hungarian
		"atb",          // Welsh
		"bls", "balas", // Indonesian
		"ha", "απ", "σχετ", // Greek
		"hb", "отв", "ответ", // Russian
		"відп",         // Ukrainian
		"השב", "תגובה", // Hebrew
		"رد", // Arabic
		"回复", "回覆", "答复", "回信", "返信", "답장", "回應",
		"ตอบ",
		"trả", "tl":
		return true, false
	case "fw", "fwd", "forward", "forwarded",
		"wg", "weitergeleitet", // German
		"vb", "vl", // Swedish, Finnish
		"vidb", "vs/vb",
		"doorst", "doorgestuurd", // Dutch
		"tr", "tf", // French
		"rv", "reenv", "enc", // Spanish, Portuguese
		"i", "inoltra", "inoltro", // Italian
		"pd", "podaj", // Polish
		"ilt", "i̇lt", // Turkish
		"továbbítás", "továbbítva",
		"πρθ", "пересл", "пер",
		"הועבר", "إعادة",
		"转发", "轉寄", "转寄", "轉發", "転送", "전달",
		"chuyển tiếp", "trs", "vidarebefordrat", "videresendt":
		return false, true
	}
	return false, false
}
