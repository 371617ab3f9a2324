package thread

import "strings"

// Bounds of signatures and banners.
const (
	maxSignatureLines  = 40  // lines of a signature below "-- " or in a marked container
	maxValedictionTail = 12  // lines below a valediction: name, role, firm, numbers
	maxValedictionLine = 90  // characters of such a line: more is prose
	maxMobileLine      = 160 // bytes of a line such as "Sent from my phone"
	maxBannerLines     = 8   // lines at the top of a message that can begin a banner
	maxBannerBytes     = 900 // bytes of a banner
)

// signatures marks the signature lines of each run of own text.
func (s *splitter) signatures() {
	for i := 0; i < len(s.lines); {
		if s.lines[i].thread != 0 || s.lines[i].role == RolePreamble {
			i++
			continue
		}
		j := i
		for j < len(s.lines) && s.lines[j].thread == 0 && s.lines[j].role != RolePreamble {
			j++
		}
		s.signatureOf(i, j)
		i = j
	}
}

// signatureOf marks the signature at the end of the own text in lines [a, b).
func (s *splitter) signatureOf(a, b int) {
	for b > a && s.lines[b-1].blank {
		b--
	}
	for i := max(a, b-maxSignatureLines); i < b; i++ {
		raw := strings.TrimRight(s.text[s.lines[i].body:s.lines[i].end], "\u00a0 ")
		if raw == "--" && s.textBetween(a, i) || s.listFooter(i, b) {
			s.sign(i, b)
			return
		}
	}
	seen, tail := 0, b
	for i := b - 1; i >= a && seen <= maxValedictionTail; i-- {
		if s.lines[i].blank {
			continue
		}
		text := s.lineText(i)
		if mobileSign(text) && seen <= 2 {
			s.sign(i, b)
			tail, seen = i, 0
			continue
		}
		if seen > 0 && i > a && valediction(text) {
			s.sign(i, tail)
			return
		}
		if text == "" || runes(text) > maxValedictionLine || strings.HasSuffix(text, "?") {
			return
		}
		seen++
	}
}

// textBetween reports text in lines [a, b): a "-- " on top signs nothing.
func (s *splitter) textBetween(a, b int) bool {
	for ; a < b; a++ {
		if !s.lines[a].blank {
			return true
		}
	}
	return false
}

func (s *splitter) sign(a, b int) {
	for i := a; i < b; i++ {
		if s.lines[i].role == RoleText {
			s.lines[i].role = RoleSignature
		}
	}
}

// listFooter reports the rule above the footer of a mailing list.
func (s *splitter) listFooter(i, b int) bool {
	if i+1 >= b || ruleOf(s.lineText(i)) != ruleLine {
		return false
	}
	next := strings.ToLower(s.lineText(i + 1))
	return strings.Contains(next, "mailing list") || strings.HasPrefix(next, "to unsubscribe")
}

// mobileSign reports the line that a mail program adds.
func mobileSign(text string) bool {
	if text == "" || len(text) > maxMobileLine {
		return false
	}
	text = strings.ToLower(text)
	for _, w := range mobileSigns {
		if w[0] == text[0] && strings.HasPrefix(text, w) {
			return true
		}
	}
	return false
}

// valediction reports a line such as "Best regards," or "Best regards, Ann".
func valediction(text string) bool {
	if len(text) > maxValedictionLine || text == "" {
		return false
	}
	word, rest, _ := strings.Cut(strings.ToLower(text), ",")
	word = strings.Trim(word, " .!*_-–—\u00a0")
	return valedictions[word] && runes(rest) <= 40 || valedictions[strings.Trim(strings.ToLower(text), " .,!*_-–—。")]
}

// banners cuts the warnings of mail systems off the top of message k.
func (s *splitter) banners(k int) {
	seen := 0
	for i := 0; i < len(s.lines) && seen < maxBannerLines; i++ {
		l := &s.lines[i]
		if l.thread != k || l.role != RoleText || l.blank {
			continue
		}
		seen++
		if !bannerStart(s.text[l.body:l.end]) {
			continue
		}
		first, last := i, s.bannerEnd(i)
		if p := i - 1; seen == 2 && p >= 0 && s.bannerLabel(p, k) {
			first = p
		}
		var b strings.Builder
		for j := first; j <= last; j++ {
			s.lines[j].role = RoleBanner
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(trim(s.text[s.lines[j].body:s.lines[j].end]))
		}
		s.msgs[k].Banners = append(s.msgs[k].Banners, trim(b.String()))
		i = last
	}
}

// bannerLabel reports a line such as "CAUTION:" above a banner.
func (s *splitter) bannerLabel(i, k int) bool {
	text := s.lineText(i)
	return s.lines[i].thread == k && s.lines[i].role == RoleText && text != "" && runes(text) <= 24 &&
		strings.ToUpper(text) == text
}

// bannerStart reports a line that warns of an outside sender.
func bannerStart(raw string) bool {
	if len(raw) > maxBannerBytes {
		return false
	}
	text := strings.ToLower(strings.TrimLeft(trim(raw), "*_#|![( \t-=⚠️🛑"))
	bracket := strings.ContainsAny(raw[:min(len(raw), 12)], "[(*")
	for _, w := range []string{"external]", "external email]", "external sender]", "external mail]", "external message]", "ext]", "extern]", "externe]", "externo]", "esterno]", "external*", "extern*", "external)", "外部]", "extern mail]"} {
		if bracket && strings.HasPrefix(text, w) {
			rest := text[len(w):]
			return len(rest) <= 40 || hasBannerWord(rest)
		}
	}
	return hasBannerWord(text)
}

func hasBannerWord(text string) bool {
	return bannerWords.in(text[:min(len(text), maxLine)])
}

// advice holds words of the sentences that banners go on with.
var advice = []string{"click", "attachment", "link", "sender", "anhänge", "anhang", "klicken", "absender", "cliquez", "pièces jointes", "expéditeur",
	"adjuntos", "enlaces", "remitente", "allegati", "mittente", "anexos", "bijlage", "afzender", "załącznik", "bilag", "bilagor", "вложени", "ссылк", "添付", "附件", "链接", "連結", "첨부"}

// bannerEnd returns the last line of the banner that begins at line i: the
// following lines of its paragraph while it is unfinished or gives advice.
func (s *splitter) bannerEnd(i int) int {
	size := s.lines[i].end - s.lines[i].body
	for i+1 < len(s.lines) {
		next := &s.lines[i+1]
		size += next.end - next.body
		if next.blank || next.thread != s.lines[i].thread || next.role != RoleText || size > maxBannerBytes {
			break
		}
		text := strings.ToLower(s.lineText(i + 1))
		prev := s.lineText(i)
		unfinished := prev != "" && !strings.ContainsAny(prev[len(prev)-1:], ".!]*)") && len(prev) > 40
		if !unfinished && !containsAny(text, advice) {
			break
		}
		i++
	}
	return i
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
