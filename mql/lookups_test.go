package mql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"foregate/mail"
)

// TestLookupsBounded holds that a list that lives elsewhere is asked about the
// first items of a list of the message only, and that which they are depends on
// the message alone: not on the other rules, nor on the prefilter.
func TestLookupsBounded(t *testing.T) {
	const links, asked = 700, 500
	m := sample()
	m.Body.Links = nil
	for i := range links {
		name := fmt.Sprintf("d%d.example", i)
		m.Body.Links = append(m.Body.Links, mail.Link{DisplayText: fmt.Sprint(i), HrefURL: &mail.URL{URL: "https://" + name, Domain: &mail.Domain{Domain: name, RootDomain: name}}})
	}
	known := map[string]bool{"d3.example": true, "d650.example": true}
	sources := []string{
		`any(body.links, .href_url.domain.root_domain in $sender_emails and .display_text == "3")`,
		`any(body.links, .href_url.domain.root_domain in $sender_emails and .display_text == "4")`,
		`any(body.links, .href_url.domain.root_domain in $sender_emails and .display_text == "650")`,
		`any(body.links, .href_url.domain.root_domain in $sender_emails and .display_text == "absent")`,
		`length(filter(body.links, .href_url.domain.domain in $sender_emails)) > 1`,
		`any(body.links, .display_text == "650" and any(recipients.to, ..href_url.domain.domain in $sender_emails))`,
		`any(body.links, .display_text == "650" and sender.email.email in $sender_emails)`,
		`any(recipients.to, .email.email in $sender_emails) or sender.email.email in $sender_emails`,
		`any(filter(body.links, .display_text in ("649", "650")), .href_url.domain.domain in $sender_emails)`,
	}
	want := []string{"true", "", "indeterminate $sender_emails", "", "indeterminate $sender_emails", "indeterminate $sender_emails", "true", "true", "indeterminate $sender_emails"}
	for range 3 {
		calls := map[string]int{}
		l := testLists().WithLookup("sender_emails", func(_ context.Context, e string) (bool, error) {
			calls[e]++
			return known[e] || e == "ceo@evil.com", nil
		})
		rs := ruleSet(t, sources...)
		compareRuns(t, rs, m, nil, l)
		clear(calls)
		res, err := rs.EvalWith(context.Background(), m, nil, l, Options{NoQuotes: true})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, o := range res.Outcomes {
			got[o.Rule.Source] = strings.TrimSpace(o.State.String() + " " + strings.Join(o.Missing, ","))
		}
		for i, src := range sources {
			if got[src] != want[i] {
				t.Errorf("%s\n got %q\nwant %q", src, got[src], want[i])
			}
		}
		if len(calls) > asked+len(m.Recipients.To)+1 || len(calls) < asked {
			t.Errorf("%d entries asked for", len(calls))
		}
		slices.Reverse(sources)
		slices.Reverse(want)
	}
}
