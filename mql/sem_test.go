package mql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foregate/mail"
	"foregate/mql/shape"
)

func ptr[T any](x T) *T { return &x }

// sample is a message with a bit of everything.
func sample() *mail.Message {
	dom := func(s, root, sld, sub, tld string) mail.Domain {
		return mail.Domain{Domain: s, RootDomain: root, SLD: sld, Subdomain: sub, TLD: tld, Valid: true}
	}
	box := func(name, local, host string) mail.Mailbox {
		return mail.Mailbox{DisplayName: name, Email: mail.EmailAddress{Email: local + "@" + host, LocalPart: local, Domain: dom(host, host, strings.Split(host, ".")[0], "", "com")}}
	}
	url := func(host, root, path, query string) *mail.URL {
		d := dom(host, root, strings.Split(root, ".")[0], strings.TrimSuffix(strings.TrimSuffix(host, root), "."), "com")
		return &mail.URL{URL: "https://" + host + path, Scheme: "https", Domain: &d, Path: path, QueryParams: query,
			QueryParamsDecoded: map[string][]string{"domain": {"a.example", "b.example"}, "x": {"1"}}}
	}
	return &mail.Message{
		Type:    mail.MessageType{Inbound: true},
		Subject: &mail.Subject{Subject: "RE: Invoice 42 überfällig", Base: "Invoice 42 überfällig", IsReply: true},
		Sender:  mail.Sender{DisplayName: "Accounts P\u0430yable", Email: box("", "ceo", "evil.com").Email},
		Recipients: mail.Recipients{
			To: []mail.Mailbox{box("Ann Smith", "ann", "org.com"), box("", "bob", "org.com")},
		},
		Headers: mail.Headers{
			MessageID: "<1@evil.com>", References: []string{"a@org.com"},
			Hops: []mail.Hop{
				{Index: 0, Fields: []mail.HopField{{Name: "Subject", Position: 0, Value: "x"}, {Name: "X-Mailer", Position: 1, Value: "PHPMailer 6"}}},
				{Index: 1, Fields: []mail.HopField{{Name: "Received", Position: 2, Value: "from a by b"}}},
			},
			AuthSummary: &mail.AuthSummary{DMARC: &mail.DMARCSummary{Pass: ptr(false)}},
		},
		Body: mail.Body{
			CurrentThread: &mail.Thread{Text: "Please PAY the invoice at once. Encoded: SGVsbG8gV29ybGQh"},
			HTML:          &mail.HTMLBody{Raw: `<html><body><h1 class="t">Pay&nbsp;now</h1><p><a href="https://files.evil.com/a?x=1">open</a></p><!-- note --></body></html>`, DisplayText: "Pay now\nopen", InnerText: "Pay nowopen"},
			Links: []mail.Link{
				{DisplayText: "open", HrefURL: url("files.evil.com", "evil.com", "/a", "x=1"), Mismatched: ptr(true)},
				{DisplayText: "Unsubscribe", HrefURL: url("www.good.com", "good.com", "/b", "")},
				{DisplayText: "", HrefURL: nil},
			},
			IPs: []mail.IP{{IP: "203.0.113.7", Version: 4}},
		},
		Attachments: []mail.Attachment{
			{FileName: "a.zip", FileExtension: "zip", FileType: "zip", Size: 10, SHA256: "00"},
			{FileName: "b.pdf", FileExtension: "pdf", FileType: "pdf", Size: 2000, Raw: []byte("%PDF")},
		},
	}
}

func evalText(t *testing.T, env *Env, src string, caps Capabilities, l *Lists) string {
	t.Helper()
	x, errs := env.Compile("test", src)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", src, errs[0])
	}
	v, err := x.Eval(context.Background(), sample(), caps, l)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return v.Show(1000)
}

func testLists() *Lists {
	l := (&Lists{}).With("free_email_providers", []string{"mail.example", "Evil.com"}).With("org_domains", []string{"org.com"})
	l = l.WithLookup("sender_emails", func(_ context.Context, e string) (bool, error) {
		if e == "broken@x" {
			return false, errors.New("history is away")
		}
		return e == "ceo@evil.com", nil
	})
	l, _ = l.WithVIPs([]shape.VIP{{DisplayName: "Ann Smith", Email: "ann@org.com"}})
	return l
}

func testCaps() Capabilities {
	return Capabilities{
		"ml.nlu_classifier": func(_ context.Context, _ *mail.Message, args []any) (any, error) {
			if args[0] == "fail" {
				return nil, errors.New("classifier is away")
			}
			if args[0] == "panic" {
				panic("boom")
			}
			return &shape.NLU{Intents: []shape.Label{{Name: "bec", Confidence: "high"}}, Language: "english"}, nil
		},
		"profile.by_sender": func(context.Context, *mail.Message, []any) (any, error) {
			return &shape.Sender{Prevalence: "new", Solicited: ptr(false), DaysKnown: ptr(0)}, nil
		},
		"file.explode": func(_ context.Context, _ *mail.Message, args []any) (any, error) {
			a := args[0].(*mail.Attachment)
			return []shape.File{{FileName: a.FileName, Depth: ptr(0), Scan: &shape.ScanTree{Strings: &shape.ScanStrings{Strings: []string{a.FileExtension}}}}, {FileName: "inner"}}, nil
		},
		"beta.ml_extract_sensitive_information": func(context.Context, *mail.Message, []any) (any, error) {
			return shape.Sensitive{Elements: []shape.SensitiveElement{{Type: "iban_code", Confidence: "high"}}}, nil
		},
		"ml.link_analysis": func(context.Context, *mail.Message, []any) (any, error) { return nil, nil },
	}
}

func TestMeaning(t *testing.T) {
	env, caps, l := NewEnv(), testCaps(), testLists()
	for _, file := range []string{"logic", "null", "collections", "strings", "functions", "missing", "document"} {
		raw, err := os.ReadFile(filepath.Join("testdata", "meaning", file+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(file, func(t *testing.T) {
			for i, line := range strings.Split(string(raw), "\n") {
				src, want, ok := strings.Cut(line, " => ")
				if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
					continue
				}
				if !ok {
					t.Fatalf("line %d has no =>", i+1)
				}
				if got := evalText(t, env, strings.TrimSpace(src), caps, l); got != strings.TrimSpace(want) {
					t.Errorf("%s.txt:%d: %s\n got %s\nwant %s", file, i+1, src, got, want)
				}
			}
		})
	}
}

// TestTruthTables holds Kleene's tables and the rule of "N of", entry by entry,
// for constants and for fields of a message alike, and that a rule fires on true
// alone.
func TestTruthTables(t *testing.T) {
	and := map[string]string{"TT": "T", "TF": "F", "TN": "N", "FT": "F", "FF": "F", "FN": "F", "NT": "N", "NF": "F", "NN": "N"}
	or := map[string]string{"TT": "T", "TF": "T", "TN": "T", "FT": "T", "FF": "F", "FN": "N", "NT": "T", "NF": "N", "NN": "N"}
	not := map[string]string{"T": "F", "F": "T", "N": "N"}
	words := map[string]string{"T": "true", "F": "false", "N": "null"}
	spellings := []map[byte]string{
		{'T': "true", 'F': "false", 'N': "1 == null"},
		{'T': "type.inbound", 'F': "type.internal", 'N': "headers.auth_summary.spf.pass"},
		{'T': `any(recipients.to, .email.local_part == "bob")`, 'F': "any(recipients.cc, true)", 'N': `any(recipients.to, .display_name == "x")`},
	}
	env := NewEnv()
	count := 0
	try := func(src, want string) {
		t.Helper()
		count++
		if got := evalText(t, env, src, testCaps(), testLists()); got != words[want] {
			t.Errorf("%s: got %s, want %s", src, got, words[want])
		}
		res, err := ruleSet(t, src).Eval(context.Background(), sample(), testCaps(), testLists())
		if err != nil {
			t.Fatal(err)
		}
		if fires := len(res.Outcomes) == 1 && res.Outcomes[0].State == True; fires != (want == "T") || len(res.Outcomes) > 1 {
			t.Errorf("%s is %s, and the rule comes out as %v", src, words[want], res.Outcomes)
		}
	}
	for i, say := range spellings {
		other := spellings[(i+1)%len(spellings)]
		for a, want := range not {
			try("not "+say[a[0]], want)
		}
		for ab, want := range and {
			try(say[ab[0]]+" and "+other[ab[1]], want)
			try(say[ab[0]]+" or "+other[ab[1]], or[ab])
			for _, c := range []byte("TFN") {
				all := ab + string(c)
				yes, unknown := strings.Count(all, "T"), strings.Contains(all, "N")
				for n := 1; n <= 3; n++ {
					want := "F"
					if yes >= n {
						want = "T"
					} else if unknown {
						want = "N"
					}
					try(fmt.Sprintf("%d of (%s, %s, %s)", n, say[ab[0]], other[ab[1]], say[c]), want)
				}
			}
		}
	}
	if count != 3*(3+9+9+81) {
		t.Errorf("%d entries", count)
	}
}

// TestNamedArguments holds that every named argument that the feed uses reaches
// what answers the function, in any order, and null where it is not given.
func TestNamedArguments(t *testing.T) {
	got := map[string]string{}
	note := func(name string, out any) Answer {
		return func(_ context.Context, _ *mail.Message, args []any) (any, error) {
			got[name] = fmt.Sprint(args[len(args)-1])
			return out, nil
		}
	}
	caps := Capabilities{
		"ml.link_analysis": note("ml.link_analysis", nil), "ml.nlu_classifier": note("ml.nlu_classifier", nil),
		"file.parse_text": note("file.parse_text", nil), "beta.linkanalysis": note("beta.linkanalysis", nil),
	}
	for _, c := range []struct{ src, name, want string }{
		{`ml.link_analysis(body.links[0], mode="aggressive")`, "ml.link_analysis", "aggressive"},
		{`ml.link_analysis(body.links[1])`, "ml.link_analysis", "<nil>"},
		{`ml.link_analysis(body.links[0], mode = "a\u{62}c",)`, "ml.link_analysis", "abc"},
		{`beta.linkanalysis(body.links[0], mode="aggressive")`, "beta.linkanalysis", "aggressive"},
		{`ml.nlu_classifier(body.current_thread.text, subject=subject.base)`, "ml.nlu_classifier", "Invoice 42 überfällig"},
		{`ml.nlu_classifier(body.current_thread.text, subject=mailbox.display_name)`, "ml.nlu_classifier", "<nil>"},
		{`file.parse_text(attachments[0], encodings=["ascii", "utf16-le"])`, "file.parse_text", "[ascii utf16-le]"},
	} {
		clear(got)
		evalText(t, NewEnv(), c.src, caps, nil)
		if got[c.name] != c.want {
			t.Errorf("%s: the argument is %q, want %q", c.src, got[c.name], c.want)
		}
	}
}
