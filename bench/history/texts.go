package main

import (
	"fmt"
	"strings"
)

// topic is an everyday subject and text.
func (w *world) topic() (subject, text string) {
	r := w.r
	subject = subjects[r.IntN(len(subjects))]
	var lines []string
	for range 2 + r.IntN(3) {
		lines = append(lines, sentences[r.IntN(len(sentences))])
	}
	return subject, strings.Join(lines, "\r\n")
}

func (w *world) anySite() string {
	return fmt.Sprintf("%s%s.com", []string{"cloud", "news", "event", "photo", "store", "paper", "forum", "radio"}[w.r.IntN(8)], hex(w.r, 4))
}

// pointTo is a line that leads to a document, as people write it.
func (w *world) pointTo(site string) string {
	return fmt.Sprintf([]string{
		"See https://www.%s/doc/%s for the details.", "The text is at https://%s/p/%s now.", "Here is the link: https://%s/share/%s", "It is all on https://www.%s/d/%s for comments.",
	}[w.r.IntN(4)], site, hex(w.r, 8))
}

var everydayFiles = []string{"report.pdf", "minutes.docx", "figures.xlsx", "photo.jpg"}

// delicate is honest mail about accounts and money.
func (w *world) delicate(p *persona) (subject, text string) {
	switch w.r.IntN(4) {
	case 0:
		return "Our new bank account", "We have moved to another bank. Please use the new IBAN for payments from next month on; the signed letter follows by post."
	case 1:
		return "Access to the project site", "Your login to the project site has been renewed. Please set a new password at https://www." + p.domain + "/account when you have a moment."
	case 2:
		return "Folder for the workshop", "The folder is ready, you can sign-in with your usual password: https://www." + w.anySite() + "/folder/" + hex(w.r, 8)
	}
	return "Reminder: invoice", "The invoice of last month is still open in our books, payment by bank transfer as always. If it has crossed with this message, please ignore it."
}

// lure is a text that wants something. Half of the lures are loud, of the kinds
// that filters know; the others read like the victim's own mail and want one
// thing more.
func (w *world) lure(l *letter) (subject, text string, quiet bool) {
	if w.r.IntN(2) == 0 {
		subject, text = w.loud(l)
		return subject, text, false
	}
	subject, text = w.topic()
	switch w.r.IntN(6) {
	case 0:
		text += "\r\n" + invoices[w.r.IntN(len(invoices))] + " Please note that our bank account has changed."
		subject = "Invoice " + fmt.Sprint(1000+w.r.IntN(9000))
	case 1, 2:
		l.attachment = everydayFiles[w.r.IntN(3)]
	default:
		text += "\r\n" + w.pointTo(w.anySite())
	}
	return subject, text, true
}

// loud is a lure of the common kinds.
func (w *world) loud(l *letter) (subject, text string) {
	url := "https://" + w.anySite() + []string{"/view/", "/login/", "/d/", "/s/"}[w.r.IntN(4)] + hex(w.r, 6)
	lure := lures[w.r.IntN(len(lures))]
	if lure.file != "" {
		l.attachment = lure.file
	}
	return lure.subject, strings.ReplaceAll(lure.text, "URL", url)
}
