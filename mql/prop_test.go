package mql

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"foregate/mail"
)

// conditions are pieces of rules; random rules are built of them.
var conditions = []string{
	`strings.icontains(body.current_thread.text, "invoice", "payroll")`,
	`strings.contains(subject.subject, "Invoice")`,
	`strings.ilike(subject.base, "*pay*now*")`,
	`strings.starts_with(sender.display_name, "Acc")`,
	`regex.icontains(body.current_thread.text, '(?:urgent|verify)\s+(?:pay|invoice)')`,
	`regex.contains(body.html.raw, '<a[^>]+href')`,
	`regex.match(sender.display_name, '[A-Z]\w+ Pay')`,
	`any(body.links, .href_url.domain.root_domain in ("evil.com", "good.com"))`,
	`any(body.links, .href_url.domain.root_domain in~ ("EVIL.com") and strings.icontains(.display_text, "open"))`,
	`any(filter(body.links, .display_text =~ "verify"), .href_url.domain.root_domain == "evil.com")`,
	`any(headers.hops, any(.fields, .name == "X-Mailer" and strings.icontains(.value, "phpmailer")))`,
	`length(filter(attachments, .file_extension in~ ("pdf", "docx"))) >= 1`,
	`any([subject.subject, body.current_thread.text], strings.icontains(., "verify"))`,
	`any(["evil.com", "x"], . == sender.email.domain.domain)`,
	`all(recipients.to, strings.icontains(.display_name, "ann"))`,
	`sender.display_name == "Accounts"`,
	`subject.is_reply`,
	`headers.auth_summary.dmarc.pass`,
	`coalesce(headers.auth_summary.dmarc.pass, false)`,
	`coalesce(strings.icontains(sender.display_name, "payroll"), false)`,
	`strings.icontains(strings.replace_confusables(sender.display_name), "payroll")`,
	`sender.email.domain.domain in $nobody`,
	`any(body.links, .href_url.domain.root_domain in $nobody)`,
	`network.whois(sender.email.domain).found`,
	`any(file.explode(attachments[0]), strings.icontains(body.current_thread.text, "invoice"))`,
	`length(filter(file.explode(attachments[0]), strings.icontains(subject.base, "verify"))) > 0`,
	`any($small, strings.icontains(body.current_thread.text, .))`,
	`"google" in body.links[0].href_url.rewrite.encoders`,
	`any(body.links, "google" in .href_url.rewrite.encoders)`,
	`any(body.links, any(.href_url.query_params_decoded["q"], strings.contains(., "evil")))`,
	`(subject.is_reply) == true`,
	`mailbox.display_name is null`,
	`strings.ilevenshtein(sender.display_name, "accounts pay") <= 2`,
	`0 < strings.levenshtein(sender.display_name, "invoice") < 3`,
	`any(body.links, strings.ilevenshtein(.display_text, "ann") <= 1)`,
	`any(html.xpath(body.html, "//comment()").nodes, strings.icontains(.raw, "invoice"))`,
}

func randomRule(t *rapid.T, depth int) string {
	pick := func() string { return randomRule(t, depth-1) }
	if depth == 0 {
		return rapid.SampledFrom(conditions).Draw(t, "condition")
	}
	switch rapid.IntRange(0, 5).Draw(t, "shape") {
	case 0:
		return "(" + pick() + " and " + pick() + ")"
	case 1:
		return "(" + pick() + " or " + pick() + ")"
	case 2:
		return "not " + pick()
	case 3:
		return "2 of (" + pick() + ", " + pick() + ", " + pick() + ")"
	case 4:
		return "any(recipients.to, " + pick() + ")"
	}
	return "any([1], " + pick() + ")"
}

var words = []string{"", "Invoice", "invoice", "PAYROLL", "verify", "urgent", "pay", "now", " ", "Acc", "Accounts", "ann", "open", "evil.com",
	"\u0430", "p\u0430yroll", "\xff", "\u212A", "<a href", "phpmailer", "x"}

func randomMessage(t *rapid.T) *mail.Message {
	text := func(label string) string {
		s := ""
		for _, w := range rapid.SliceOfN(rapid.SampledFrom(words), 0, 4).Draw(t, label) {
			s += w
		}
		return s
	}
	m := &mail.Message{}
	if rapid.Bool().Draw(t, "subject") {
		m.Subject = &mail.Subject{Subject: text("subject"), Base: text("base"), IsReply: rapid.Bool().Draw(t, "reply")}
	}
	if rapid.Bool().Draw(t, "thread") {
		m.Body.CurrentThread = &mail.Thread{Text: text("body") + " " + text("body")}
	}
	if rapid.Bool().Draw(t, "html") {
		m.Body.HTML = &mail.HTMLBody{Raw: text("html")}
	}
	m.Sender.DisplayName = text("display name")
	m.Sender.Email.Domain.Domain = rapid.SampledFrom([]string{"", "evil.com", "x"}).Draw(t, "sender")
	for range rapid.IntRange(0, 3).Draw(t, "links") {
		l := mail.Link{DisplayText: text("link")}
		if rapid.Bool().Draw(t, "href") {
			l.HrefURL = &mail.URL{URL: "x", QueryParamsDecoded: map[string][]string{"q": {text("query")}}}
			if rapid.Bool().Draw(t, "domain") {
				l.HrefURL.Domain = &mail.Domain{RootDomain: rapid.SampledFrom([]string{"", "evil.com", "GOOD.com", "other.org"}).Draw(t, "root")}
			}
			if rapid.Bool().Draw(t, "rewrite") {
				l.HrefURL.Rewrite = &mail.Rewrite{Encoders: []string{"google"}}
			}
		}
		m.Body.Links = append(m.Body.Links, l)
	}
	for range rapid.IntRange(0, 2).Draw(t, "hops") {
		m.Headers.Hops = append(m.Headers.Hops, mail.Hop{Fields: []mail.HopField{{Name: rapid.SampledFrom([]string{"X-Mailer", "To"}).Draw(t, "name"), Value: text("value")}}})
	}
	for range rapid.IntRange(0, 2).Draw(t, "attachments") {
		m.Attachments = append(m.Attachments, mail.Attachment{FileExtension: rapid.SampledFrom([]string{"", "pdf", "DOCX", "zip"}).Draw(t, "extension")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "recipients") {
		m.Recipients.To = append(m.Recipients.To, mail.Mailbox{DisplayName: text("recipient")})
	}
	return m
}

// TestPrefilterProperty holds that random rules come out the same with and
// without the prefilter on random messages, what is missing included, and that
// both agree with the exact evaluation of each rule by itself.
func TestPrefilterProperty(t *testing.T) {
	env := NewEnv()
	l := (&Lists{}).With("small", []string{"invoice", "pay", "Evil.com"})
	rapid.Check(t, func(t *rapid.T) {
		var rules []*Rule
		for range rapid.IntRange(1, 6).Draw(t, "rules") {
			rules = append(rules, &Rule{Name: "r", Source: randomRule(t, rapid.IntRange(0, 3).Draw(t, "depth"))})
		}
		rs, errs := env.CompileRules(rules)
		if len(errs) > 0 {
			t.Fatal(errs[0])
		}
		for range 3 {
			m := randomMessage(t)
			ctx := context.Background()
			with, err := rs.EvalWith(ctx, m, nil, l, Options{NoQuotes: true})
			if err != nil {
				t.Fatal(err)
			}
			without, _ := rs.EvalWith(ctx, m, nil, l, Options{NoPrefilter: true})
			a, b := states(with), states(without)
			for _, r := range rs.Rules {
				x, diags := env.Compile("", r.Source)
				if len(diags) > 0 {
					t.Fatal(diags[0])
				}
				v, err := x.Eval(ctx, m, nil, l)
				if err != nil {
					t.Fatal(err)
				}
				exact := False
				switch tri := v.Tri(); {
				case tri.IsTrue():
					exact = True
				case tri.CanBeTrue():
					exact = Indeterminate
				}
				if !slices.Equal(missing(with, r), missing(without, r)) {
					t.Fatalf("%s\nlacks %q with the prefilter, %q without", r.Source, missing(with, r), missing(without, r))
				}
				if a[r] != b[r] || a[r] != exact {
					t.Fatalf("%s\nwith the prefilter %s, without %s, exactly %s", r.Source, a[r], b[r], exact)
				}
			}
		}
	})
}

func missing(res Result, r *Rule) []string {
	for _, o := range res.Outcomes {
		if o.Rule == r {
			return o.Missing
		}
	}
	return nil
}

func states(res Result) map[*Rule]State {
	out := map[*Rule]State{}
	for _, o := range res.Outcomes {
		out[o.Rule] = o.State
	}
	return out
}

// FuzzCheckEval holds that no source can crash or hang checking and evaluation,
// and that the prefilter changes nothing.
func FuzzCheckEval(f *testing.F) {
	for _, c := range conditions {
		f.Add(c)
	}
	for _, s := range []string{"any([1, 2], . == ..)", "sum(map(body.links, length(.display_text))) > 1", "regex.count('a', '(')", "1 / 0 == 1", "[[1]][0][0] == 1",
		"strings.parse_json('{}')[''] == 1", "keys(body.links[0].href_url.query_params_decoded)[0]", "html.xpath(body.html, '//a').nodes[0].raw"} {
		f.Add(s)
	}
	env, caps, l := NewEnv(), testCaps(), testLists()
	f.Fuzz(func(t *testing.T, src string) {
		rs, errs := env.CompileRules([]*Rule{{Name: "fuzz", File: "fuzz", Source: src, Line: 1}})
		for _, err := range errs {
			if err.Error() == "" {
				t.Fatal("an error without a text")
			}
		}
		if len(errs) == 0 {
			compareRuns(t, rs, sample(), caps, l)
			if _, err := rs.Eval(context.Background(), sample(), nil, nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzEvalMessage holds that a rule comes out the same with and without the
// prefilter on any message, and that neither takes long: the step budget ends
// what a hostile rule does to a hostile message.
func FuzzEvalMessage(f *testing.F) {
	mails := []string{
		"From: Accounts <ceo@evil.com>\r\nTo: ann@org.com\r\nSubject: RE: Invoice\r\n\r\nPlease verify  invoice https://evil.com/a?q=1\r\n",
		"From: a@b\nContent-Type: text/html\n\n<a href='https://x.evil.com/?q=%65vil'>open</a><!-- K\u212Aelvin invoice -->",
		"Subject: =?utf-8?q?p=D0=B0yroll?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment; filename=a.DOCX\n\nx\n--b--",
		"",
	}
	for i, c := range conditions {
		f.Add(c, []byte(mails[i%len(mails)]))
	}
	f.Add(`any(body.links, any(body.links, any(body.links, strings.icontains(..display_text, "a"))))`, []byte(mails[1]))
	env, caps, l := NewEnv(), testCaps(), testLists()
	f.Fuzz(func(t *testing.T, src string, raw []byte) {
		rs, errs := env.CompileRules([]*Rule{{Name: "fuzz", File: "fuzz", Source: src, Line: 1}})
		if len(errs) > 0 {
			return
		}
		m := withLinks(raw)
		began := time.Now()
		compareRuns(t, rs, m, caps, l)
		if d := time.Since(began); d > fuzzPatience {
			t.Fatalf("%s took %v on %d bytes", src, d, len(raw))
		}
	})
}

// fuzzPatience is many times what the step budget allows on a busy machine.
const fuzzPatience = 20 * time.Second
