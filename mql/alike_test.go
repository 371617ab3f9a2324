package mql

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"foregate/mail"
)

// manyLinks are n links of which few differ where rules look: in every second
// the domain of one of five, in some no address, or no text.
func manyLinks(n int) []mail.Link {
	var out []mail.Link
	for i := range n {
		l := mail.Link{DisplayText: []string{"", "open", "Open", "open"}[i%4], Mismatched: ptr(i%7 == 3)}
		if i%5 != 4 {
			name := fmt.Sprintf("d%d.com", i*i%11)
			l.HrefURL = &mail.URL{URL: fmt.Sprintf("https://%s/%d", name, i), Path: fmt.Sprintf("/%d", i%3), Domain: &mail.Domain{Domain: "www." + name, RootDomain: name, Valid: i%3 == 0}}
		}
		out = append(out, l)
	}
	return out
}

// TestAlikeItems holds that passing over items that read the same changes no
// outcome, and no list that a rule computes.
func TestAlikeItems(t *testing.T) {
	tests := []string{
		`.href_url.domain.root_domain == "d3.com"`, `.href_url.domain.root_domain == "d9.com" and .display_text == "Open"`,
		`.href_url.domain.root_domain == "absent.com"`, `.href_url is null`, `.href_url.domain.valid and .display_text is null`, `.mismatched`,
		`.href_url.path == "/2" and .href_url.domain.valid == false`, `not .href_url.domain.valid`, `.href_url.url == "https://d3.com/5"`,
		`any(body.links, .href_url.domain.root_domain == ..href_url.domain.root_domain and .display_text != ..display_text)`,
		`any(body.links, 0 < strings.levenshtein(.href_url.domain.domain, ..href_url.domain.domain) < 2 and .href_url.path != ..href_url.path)`,
		`any(recipients.to, strings.icontains(..display_text, "open") and .display_name == "")`,
		`any([1, 2], ..mismatched and . == 2)`,
		`.href_url.domain.root_domain in $lookups`, `.href_url.domain.root_domain in $absent and .display_text == "open"`,
		`.href_url.domain.root_domain in ("d1.com", "d5.com") or .display_text in $absent`,
		`ml.link_analysis(.).effective_url.domain.root_domain == .href_url.domain.root_domain`,
		`network.whois(.href_url.domain).days_old < 3 and .display_text == "open"`,
	}
	var sources []string
	for i, x := range tests {
		sources = append(sources, "any(body.links, "+x+")", "not any(body.links, "+x+")", "all(body.links, "+x+")", "ratio(body.links, "+x+") > 0.3",
			"length(filter(body.links, "+x+")) > 3", "any(filter(body.links, "+x+"), "+tests[(i+1)%len(tests)]+")",
			"length(distinct(filter(body.links, "+x+"), .href_url.domain.domain)) == 2", "any(map(filter(body.links, "+x+"), .display_text), . == \"Open\")",
			"filter(body.links, "+x+")", "any(recipients.to, any(body.links, "+x+"))")
	}
	rs := ruleSet(t, sources...)
	l := testLists().WithLookup("lookups", func(_ context.Context, e string) (bool, error) { return e == "d4.com", nil })
	for _, n := range []int{0, 1, 7, 8, 9, 60, 520} {
		m := sample()
		m.Body.Links = manyLinks(n)
		compareRuns(t, rs, m, nil, l)
		compareRuns(t, rs, m, testCaps(), l)
	}
	m := sample()
	m.Body.Links = manyLinks(60)
	for _, x := range tests {
		rs := ruleSet(t, "filter(body.links, "+x+")")
		var shown [2][]string
		for i := range shown {
			res, err := rs.EvalWith(context.Background(), m, nil, l, Options{NoPrefilter: i == 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range res.Outcomes {
				shown[i] = append(shown[i], o.State.String()+o.Shown)
			}
		}
		if !slices.Equal(shown[0], shown[1]) {
			t.Errorf("filter(body.links, %s)\nshows %q\n where all are looked at %q", x, shown[0], shown[1])
		}
	}
}
