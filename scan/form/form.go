// Package form is the stage that judges how a message is made rather than what
// it says: parts that only some mail clients see, broken structure, text that
// the reader is not shown, characters that no eye can see.
package form

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"foregate/evidence"
	"foregate/mail"
)

// Stage reports the form of a message.
type Stage struct{}

// Name implements scan.Stage.
func (Stage) Name() string { return "form" }

// lineage of all items: a badly made message is badly made in many ways.
const lineage = "form"

// Analyze implements scan.Stage; it never fails.
func (Stage) Analyze(_ context.Context, m *mail.Message, f *mail.Facts) error {
	f.Add(defects(m)...)
	f.Add(hiddenParts(m)...)
	f.Add(hiddenText(m)...)
	f.Add(headers(m)...)
	f.Add(invisible(m)...)
	f.Add(pictures(m)...)
	f.Add(subject(m)...)
	f.Add(mailer(m)...)
	f.Add(forged(m)...)
	return nil
}

// defectDocs are the manual's sentences by the ID of the defect.
var defectDocs = sync.OnceValue(func() map[string]string {
	docs := map[string]string{}
	for _, d := range mail.DefectDocs() {
		docs[d.ID] = d.Doc
	}
	return docs
})

// defects reports each kind of defect once, as "form." and the defect's ID, in the
// words that the manual explains it with.
func defects(m *mail.Message) []evidence.Item {
	if len(m.Defects) == 0 {
		return nil
	}
	docs := defectDocs()
	var out []evidence.Item
	seen := map[string]bool{}
	for _, d := range m.Defects {
		if seen[d.ID] {
			continue
		}
		seen[d.ID] = true
		claim := "The message is malformed."
		if doc := docs[d.ID]; doc != "" {
			claim = doc
		}
		out = append(out, evidence.Item{ID: "form." + d.ID, Claim: claim, Quote: quote(d.Detail), Lineage: lineage})
	}
	return out
}

// hiddenParts reports files that only another reading of the message shows:
// what one client opens, another scanner would never have seen.
func hiddenParts(m *mail.Message) []evidence.Item {
	main := map[string]bool{}
	for _, p := range m.Parts {
		if p.Reading == "" && !p.Multipart {
			main[p.SHA256] = true
		}
	}
	for _, p := range m.Parts {
		if p.Reading == "" || p.Multipart || p.Size == 0 || main[p.SHA256] {
			continue
		}
		named := p.FileName != "" || p.Disposition == "attachment"
		if !named {
			continue
		}
		return []evidence.Item{{
			ID:      "form.hidden-part",
			Claim:   fmt.Sprintf("the file %q is there only for clients that read the message in another way (%s)", quote(p.FileName), p.Reading),
			Quote:   quote(p.FileName),
			Lineage: lineage,
		}}
	}
	return nil
}

// Least runes of hidden text that are reported: a preheader, the line that
// clients show beside the subject, is shorter than minSalad.
const (
	minHidden = 20
	minSalad  = 400
)

// hiddenText reports text that CSS keeps from the reader.
func hiddenText(m *mail.Message) []evidence.Item {
	if m.Body.HTML == nil {
		return nil
	}
	hidden := strings.Join(strings.Fields(m.Body.HTML.HiddenText), " ")
	unseen := letters(hidden)
	shown := utf8.RuneCountInString(m.Body.HTML.DisplayText)
	switch {
	case unseen >= minSalad && unseen > shown:
		return []evidence.Item{{ID: "form.hidden-text-mostly", Claim: fmt.Sprintf("the page hides %d letters from the reader and shows %d characters", unseen, shown), Quote: quote(hidden), Lineage: lineage}}
	case unseen >= minSalad:
		return []evidence.Item{{ID: "form.hidden-text-long", Claim: fmt.Sprintf("the page hides %d letters from the reader", unseen), Quote: quote(hidden), Lineage: lineage}}
	case unseen >= minHidden:
		return []evidence.Item{{ID: "form.hidden-text", Claim: "the page has text that the reader is not shown", Quote: quote(hidden), Lineage: lineage}}
	}
	return nil
}

// maxCaption is the number of letters up to which a page with pictures counts as
// saying nothing in text: a signature or a footer line is more.
const maxCaption = 60

// pictures reports pages whose message is in a picture, where a filter of words
// does not see it: a linked one, or any.
func pictures(m *mail.Message) []evidence.Item {
	if m.Body.HTML == nil || substance(m.Body.HTML.DisplayText) > maxCaption {
		return nil
	}
	images, anchors := 0, ""
	for _, n := range m.Mentions {
		switch n.Kind {
		case mail.MentionImage:
			images++
		case mail.MentionAnchor:
			anchors = n.URL
		}
	}
	switch {
	case images > 0 && anchors != "":
		return []evidence.Item{{ID: "form.picture-link", Claim: "the page has next to no text: it is a picture with a link", Quote: quote(anchors), Lineage: lineage}}
	case images > 0:
		return []evidence.Item{{ID: "form.picture-only", Claim: "the page has next to no text: what it says is in a picture", Lineage: lineage}}
	case anchors != "":
		return []evidence.Item{{ID: "form.bare-link", Claim: "the page is hardly more than a link", Quote: quote(anchors), Lineage: lineage}}
	}
	return nil
}

// substance counts the letters of s; a character of Chinese, Japanese and Korean
// says as much as three.
func substance(s string) int {
	n := letters(s)
	for _, r := range s {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			n += 2
		}
	}
	return n
}

// letters counts the letters of s.
func letters(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// headers reports fields that ordinary mail software always writes.
func headers(m *mail.Message) []evidence.Item {
	var out []evidence.Item
	add := func(id, claim string) {
		out = append(out, evidence.Item{ID: id, Claim: claim, Lineage: lineage})
	}
	if m.Headers.MessageID == "" {
		add("form.no-message-id", "the message has no Message-ID")
	}
	if m.Headers.Date == nil {
		add("form.no-date", "the message has no readable date")
	}
	if len(m.Recipients.To)+len(m.Recipients.CC) == 0 {
		add("form.no-recipients", "the message names no recipients")
	}
	if m.Subject == nil || strings.TrimSpace(m.Subject.Subject) == "" {
		add("form.no-subject", "the message has no subject")
	}
	return out
}

// invisible reports characters without width between the letters of words,
// which break words for a filter and not for the eye.
func invisible(m *mail.Message) []evidence.Item {
	if m.Subject != nil {
		if n, word := zeroWidth(m.Subject.Subject); n > 0 {
			return []evidence.Item{{ID: "form.invisible-in-subject", Claim: "the subject has invisible characters inside words", Quote: quote(word), Lineage: lineage}}
		}
	}
	if t := m.Body.CurrentThread; t != nil {
		if n, word := zeroWidth(t.Text); n >= 3 {
			return []evidence.Item{{ID: "form.invisible-in-body", Claim: fmt.Sprintf("the text has invisible characters inside %d words", n), Quote: quote(word), Lineage: lineage}}
		}
	}
	return nil
}

// zeroWidth counts characters without width that stand between two Latin,
// Greek or Cyrillic letters (other scripts use them rightly), and returns the
// first word that has one with the character spelled out.
func zeroWidth(s string) (n int, word string) {
	var before rune
	for i, r := range s {
		switch r {
		case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u00ad', '\u180e':
			after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			if alphabetic(before) && alphabetic(after) {
				if n++; n == 1 {
					word = spellOut(s, i)
				}
			}
		}
		before = r
	}
	return n, word
}

func alphabetic(r rune) bool { return unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic) }

// spellOut returns the word around byte i with invisible characters as <U+…>.
func spellOut(s string, i int) string {
	start := strings.LastIndexFunc(s[:i], unicode.IsSpace) + 1
	end := len(s)
	if j := strings.IndexFunc(s[i:], unicode.IsSpace); j >= 0 {
		end = i + j
	}
	var b strings.Builder
	for _, r := range s[max(start, i-60):min(end, i+60)] {
		if unicode.Is(unicode.Cf, r) {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// quote makes s fit evidence.Item.Quote: valid, printable, bounded.
func quote(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "�") {
		if unicode.IsControl(r) {
			r = ' '
		}
		if b.Len()+utf8.RuneLen(r) > evidence.MaxQuote {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
