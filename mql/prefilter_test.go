package mql

import (
	"fmt"
	"strings"
	"testing"

	"foregate/mail"
)

// TestPrefilterOfParts holds that the prefilter changes no outcome where rules
// count, look at items of lists that several rules look at, have many
// alternatives, or have parts that conditions prove.
func TestPrefilterOfParts(t *testing.T) {
	tests := []string{
		`strings.icontains(%s, "invoice")`, `strings.icontains(%s, "invoice", "wire", "zzzz")`, `strings.ilike(%s, "*pay*", "*invoice ??*")`,
		`regex.icontains(%s, 'inv[o0]ice', '\bpay\b', '(?:wire|bank)\s+transfer', 'zz{3}', '[^a-z ]{40}')`, `regex.contains(%s, '^$')`,
		`strings.count(%s, "i") > 2`, `strings.icount(%s, "invoice") >= 1`, `strings.icount(%s, "invoice") > -1`, `strings.count(%s, "invoice") == 0`,
		`regex.icount(%s, 'invoice|wire') > 0`, `0 < regex.count(%s, 'o') < 3`, `%s == "invoice"`, `%s is null`, `length(%s) > 3`,
	}
	var parts []string
	for _, x := range tests {
		for _, field := range []string{"subject.subject", "body.current_thread.text", "body.current_thread.normalized", "strings.replace_confusables(body.current_thread.text)", "sender.display_name"} {
			parts = append(parts, fmt.Sprintf(x, field))
		}
		item := fmt.Sprintf(x, ".display_text")
		parts = append(parts, "any(body.links, "+item+")", "not any(body.links, "+item+" and .mismatched)",
			"any(body.links, "+item+" and .href_url.domain.root_domain in $free_email_providers)",
			"any(body.links, "+item+" or .href_url.domain.root_domain in $absent)",
			"ratio(body.links, "+item+") > 0", "ratio(body.links, "+item+") >= 0", "ratio(body.links, "+item+") >= 0.5",
			"length(filter(body.links, "+item+")) > 0", "any(filter(body.links, "+item+"), .href_url.path == \"/a\")",
			"any(body.previous_threads, "+fmt.Sprintf(x, ".text")+")", "any(body.previous_threads, "+fmt.Sprintf(x, "strings.replace_confusables(.text)")+")",
			"any([subject.subject, sender.display_name], "+fmt.Sprintf(x, ".")+")")
	}
	var sources []string
	for i := range parts {
		p := func(k int) string { return parts[(i+k*7)%len(parts)] }
		open := `ml.nlu_classifier(body.current_thread.text).language == "english"`
		sources = append(sources, parts[i],
			"type.inbound and ("+p(0)+" or "+p(1)+" and "+p(2)+" or "+p(3)+" or "+p(4)+" or "+p(5)+" and "+open+")",
			"type.inbound and ("+open+" or "+p(1)+" and "+p(2)+" or "+p(3)+" and "+p(4)+") and not ("+p(5)+")",
			"2 of ("+p(0)+", "+p(1)+", "+p(2)+", "+p(3)+", "+p(4)+", "+open+")",
			p(0)+" and "+p(1)+" and ("+open+" or sender.email.email in $sender_emails) and not false",
			p(0)+" and false or "+p(1)+" and null == 1")
	}
	rs := ruleSet(t, sources...)
	texts := []string{"", "invoice", "PAY the Invoice 42", "lnv\u043eice and inv\u043eice", "wire transfer", strings.Repeat("\u20ac", 50), "\u017fhop", "zzzzz"}
	for i, text := range texts {
		for _, links := range []int{0, 1, 3} {
			m := sample()
			m.Body.CurrentThread.Text, m.Body.CurrentThread.Normalized = text, text
			if links == 1 { // else it is the same bytes
				m.Body.CurrentThread.Normalized = texts[(i+3)%len(texts)]
			}
			m.Subject.Subject = texts[(i+links)%len(texts)]
			m.Sender.DisplayName = texts[(i+1)%len(texts)]
			for k := range m.Body.Links {
				m.Body.Links[k].DisplayText = texts[(i+k+2)%len(texts)]
			}
			m.Body.Links = m.Body.Links[:links]
			for k := range links { // texts long enough to be remembered
				m.Body.PreviousThreads = append(m.Body.PreviousThreads, mail.PreviousThread{Text: strings.Repeat("some words ", 20) + texts[(i+k)%len(texts)]})
			}
			compareRuns(t, rs, m, nil, testLists())
			compareRuns(t, rs, m, testCaps(), testLists())
		}
	}
	compareRuns(t, rs, &mail.Message{}, nil, nil)
}
