package form

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/evidence"
	"foregate/mail"
)

// maxSubject bounds the bytes of a subject that are looked at.
const maxSubject = 1000

// subject reports how a subject line is dressed up: for a filter rather than
// for a reader.
func subject(m *mail.Message) []evidence.Item {
	if m.Subject == nil {
		return nil
	}
	s := m.Subject.Subject
	s = s[:min(len(s), maxSubject)]
	var out []evidence.Item
	add := func(id, claim string) {
		out = append(out, evidence.Item{ID: id, Claim: claim, Quote: quote(s), Lineage: lineageSubject})
	}
	if r, ok := styled(s); ok {
		add("form.styled-subject", fmt.Sprintf("the subject is written in letters that only look like letters (U+%04X)", r))
	}
	if w := mixedWord(s); w != "" {
		add("form.mixed-subject", "the subject has letters of another script among Latin ones in "+quote(w))
	}
	if t := padded(s); t != "" {
		add("form.padded-subject", "the subject hides "+quote(t)+" behind a long gap")
	}
	if alarm(s) {
		add("form.alarm-subject", "the subject shouts with warning signs")
	}
	if t := leftOver(s); t == "" && len(m.Sender.DisplayName) < maxSubject {
		if t = leftOver(m.Sender.DisplayName); t != "" {
			out = append(out, evidence.Item{ID: "form.template", Claim: "the sender's name has a blank that nobody filled in", Quote: quote(t), Lineage: lineageSubject})
		}
	} else if t != "" {
		add("form.template", "the subject has a blank that nobody filled in: "+quote(t))
	}
	return out
}

// lineageSubject joins what the subject line shows.
const lineageSubject = "form.subject"

// styled finds a mathematical, enclosed or full-width letter between others:
// three of them are style, not a formula. Full-width letters are usual in
// Chinese, Japanese and Korean text.
func styled(s string) (first rune, ok bool) {
	n, east := 0, false
	for _, r := range s {
		wide := r >= 0xFF21 && r <= 0xFF5A
		if r >= 0x1D400 && r <= 0x1D7FF || r >= 0x1F130 && r <= 0x1F189 || wide {
			if n++; n == 1 {
				first = r
			}
		}
		east = east || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFF20
	}
	return first, n >= 3 && !(east && first >= 0xFF00)
}

// mixedWord finds a word of Latin letters with Cyrillic, Greek or Cherokee ones
// among them.
func mixedWord(s string) string {
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return !unicode.IsLetter(r) }) {
		latin, other := 0, 0
		for _, r := range w {
			switch {
			case unicode.Is(unicode.Latin, r):
				latin++
			case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Cherokee):
				other++
			}
		}
		if latin > 0 && other > 0 && latin+other > 2 {
			return w
		}
	}
	return ""
}

// minGap is the run of blanks or dots that nobody types.
const minGap = 8

// padded finds what stands behind a gap of minGap or more blanks, dots or
// underscores at the end of a subject.
func padded(s string) string {
	run := 0
	for i, r := range s {
		if unicode.IsSpace(r) || r == '.' || r == '_' || r >= 0x2000 && r <= 0x200F || r == 0x3164 || r == 0x2800 {
			run++
			continue
		}
		if rest := strings.TrimSpace(s[i:]); run >= minGap && i > minGap && len(rest) < 60 {
			return rest
		}
		run = 0
	}
	return ""
}

// alarm reports warning signs, or three marks of exclamation in a row.
func alarm(s string) bool {
	for _, r := range s {
		switch r {
		case '⚠', '🚨', '❗', '‼', '🔴', '🛑', '⛔', '⏰', '⏳', '📢', '❌', '🆘', '☎':
			return true
		}
	}
	return strings.Contains(s, "!!!")
}

// leftOver finds the blank of a form letter: {{name}}, [FIRST_NAME], %%email%%,
// ${user}.
func leftOver(s string) string {
	for _, p := range [][2]string{{"{{", "}}"}, {"%%", "%%"}, {"${", "}"}, {"[[", "]]"}, {"{", "}"}, {"[", "]"}, {"<<", ">>"}, {"*|", "|*"}} {
		i := strings.Index(s, p[0])
		if i < 0 {
			continue
		}
		rest := s[i+len(p[0]):]
		j := strings.Index(rest, p[1])
		if j <= 0 || j > 40 {
			continue
		}
		if blankName(rest[:j]) {
			return s[i : i+len(p[0])+j+len(p[1])]
		}
	}
	return ""
}

// blankMarks are the signs in the names of blanks.
var blankMarks = strings.NewReplacer("_", "", "-", "", " ", "", ".", "", "%", "", "$", "", "#", "")

// blankName reports the name of a blank in a form letter.
func blankName(s string) bool {
	s = strings.ToLower(blankMarks.Replace(s))
	switch s {
	case "name", "fname", "lname", "firstname", "lastname", "fullname", "username", "user", "email", "emailaddress", "mail", "to", "toname",
		"domain", "bodydomain", "company", "companyname", "customer", "customername", "recipient", "recipientname", "subject", "date", "time",
		"random", "rand", "randnum", "randomnumber", "number", "num", "link", "url", "amount", "contactname", "subscriberfirstname",
		"vorname", "nachname", "prenom", "nom", "nombre", "nome", "imie":
		return true
	}
	return strings.HasPrefix(s, "random") || strings.HasPrefix(s, "contact.") || strings.HasPrefix(s, "subscriber")
}

// mailer reports what the sending program gives away.
func mailer(m *mail.Message) []evidence.Item {
	var out []evidence.Item
	seen := map[string]bool{}
	add := func(id, claim, q string) {
		if !seen[id] {
			seen[id] = true
			out = append(out, evidence.Item{ID: id, Claim: claim, Quote: quote(q), Lineage: lineageMailer})
		}
	}
	for i := range m.Headers.Hops {
		for _, f := range m.Headers.Hops[i].Fields {
			name := strings.ToLower(f.Name)
			switch name {
			case "x-priority", "x-msmail-priority", "importance", "priority":
				if urgent(f.Value) {
					add("form.high-priority", "the sender marked the message as urgent", f.Name+": "+f.Value)
				}
			case "x-php-originating-script", "x-php-script":
				add("form.web-script", "a script of a web site sent the message", f.Name+": "+f.Value)
			}
		}
	}
	if id := m.Headers.MessageID; id != "" && !wellFormedID(id) {
		add("form.odd-message-id", "the Message-ID is none: no program for mail makes such a one", id)
	}
	return out
}

// lineageMailer joins what the sending program shows.
const lineageMailer = "form.mailer"

// urgent reads a priority field: "1 (Highest)", "High", "urgent".
func urgent(v string) bool {
	v = strings.ToLower(strings.TrimSpace(v))
	return strings.HasPrefix(v, "1") || strings.HasPrefix(v, "2") || strings.HasPrefix(v, "high") || strings.HasPrefix(v, "urgent")
}

// wellFormedID reports an identifier like <left@right> (RFC 5322 section
// 3.6.4), in the loosest reading.
func wellFormedID(id string) bool {
	id = strings.TrimSpace(id)
	if len(id) < 5 || id[0] != '<' || id[len(id)-1] != '>' {
		return false
	}
	left, right, ok := strings.Cut(id[1:len(id)-1], "@")
	return ok && left != "" && right != "" && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == utf8.RuneError })
}
