package link

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/mail"
)

// message is a message from news@sender.example.com to user@example.org with
// these mentions.
func message(mentions ...mail.Mention) *mail.Message {
	m := &mail.Message{Mentions: mentions}
	m.Sender.Email.Email = "news@sender-example.com"
	m.Sender.Email.Domain = mail.NewDomain("sender-example.com")
	m.Recipients.To = []mail.Mailbox{{Email: mail.EmailAddress{Email: "User.Name@example.org"}}}
	m.Body.HTML = &mail.HTMLBody{}
	m.Body.Plain = &mail.PlainBody{}
	m.Body.CurrentThread = &mail.Thread{}
	return m
}

func analyse(t testing.TB, m *mail.Message) *mail.Facts {
	t.Helper()
	f := &mail.Facts{}
	if err := (Stage{}).Analyze(context.Background(), m, f); err != nil {
		t.Fatal(err)
	}
	return f
}

// ids lists the evidence but for that of where buttons lead, which has tests of
// its own.
func ids(f *mail.Facts) []string {
	var out []string
	for _, it := range f.Evidence {
		if it.Lineage == lineageButton {
			continue
		}
		out = append(out, it.ID)
	}
	slices.Sort(out)
	return out
}

func anchor(url, text string) mail.Mention {
	return mail.Mention{URL: url, Text: text, Visible: true}
}

func inText(url string) mail.Mention {
	return mail.Mention{URL: url, Text: url, Kind: mail.MentionText, Source: mail.InPlain, Visible: true}
}

func TestEvidence(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for _, tc := range []struct {
		name string
		in   []mail.Mention
		want []string
	}{
		{"ordinary", []mail.Mention{anchor("https://www.example.com/a?x=1", "Read more"), inText("https://docs.example.net/x"), inText("info@example.com")}, nil},
		{"sender's own name", []mail.Mention{anchor("https://a.b.c.d.sender-example.com:8443/x.zip", "www.sender-example.com")}, []string{idOddPort}},
		{"other domain", []mail.Mention{anchor("https://evil.example.net/", "https://www.bank-example.com/login")}, []string{idOtherDomain}},
		{"other domain inside a text", []mail.Mention{anchor("https://evil.example.net/", "Sign in at https://www.bank-example.com/login")}, []string{idOtherDomain}},
		{"other domain, of the sender", []mail.Mention{anchor("https://go.sender-example.com/x", "www.bank-example.com")}, []string{idOtherSender}},
		{"other domain, counting clicks", []mail.Mention{anchor("https://click.esp-example.net/x", "www.shop-example.com")}, []string{idOtherTracker}},
		{"same root", []mail.Mention{anchor("https://login.example.com/", "www.example.com")}, nil},
		{"gateway in between", []mail.Mention{anchor("https://x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.example.com%2F", "www.example.com")}, nil},
		{"gateway that tells nothing", []mail.Mention{anchor("https://protect-eu.mimecast.com/s/x?domain=example.com", "www.example.com")}, nil},
		{"file name", []mail.Mention{anchor("https://github.com/example/unit.sv", "unit.sv")}, nil},
		{"address", []mail.Mention{anchor("http://192.0.2.1/x", "here")}, []string{idIPHost}},
		{"address in octal", []mail.Mention{anchor("http://0300.0.02.01/x", "here")}, []string{idIPHost, idIPObscured}},
		{"address mapped", []mail.Mention{anchor("http://[::ffff:192.0.2.1]/", "here")}, []string{idIPHost, idIPObscured}},
		{"address of a private network", []mail.Mention{inText("http://192.168.1.1:8080/"), inText("http://127.0.0.1/")}, nil},
		{"user info", []mail.Mention{anchor("https://www.bank-example.com@evil.example.net/", "here")}, []string{idUserInfo}},
		{"look-alike letters", []mail.Mention{anchor("https://www.pаypal.com/", "here")}, []string{idConfusable}},
		{"other letters", []mail.Mention{anchor("https://www.münchen.de/", "here")}, []string{idPunycode}},
		{"port", []mail.Mention{anchor("https://mail.example.com:2096/", "here")}, []string{idOddPort}},
		{"port of a test set-up", []mail.Mention{inText("http://proxy:8080/"), inText("db.example.com:5432")}, nil},
		{"open redirect", []mail.Mention{anchor("https://shop.example.com/out?to=https%3A%2F%2Fevil.example.net%2F", "here")}, []string{idOpenRedirect}},
		{"redirects", []mail.Mention{anchor("https://shop.example.com/out?to=https%3A%2F%2Fb.example.net%2F%3Fu%3Dhttps%253A%252F%252Fc.example.org%252F", "here")}, []string{idNested, idOpenRedirect}},
		{"redirect within a site", []mail.Mention{anchor("https://shop.example.com/out?to=https%3A%2F%2Fwww.example.com%2F", "here")}, nil},
		{"code", []mail.Mention{anchor("java\nscript:alert(1)", "here")}, []string{idScript}},
		{"page in the link", []mail.Mention{anchor("data:text/html;base64,PGI+", "here")}, []string{idScript}},
		{"image in the message", []mail.Mention{{URL: "data:image/png;base64,AA", Kind: mail.MentionImage}}, nil},
		{"file share", []mail.Mention{anchor(`\\files.example.net\x\y.exe`, "here")}, []string{idShare}},
		{"file name in text", []mail.Mention{inText("file://defconfig")}, nil},
		{"for browsers only", []mail.Mention{anchor(`https:/\www.example.com/x`, "here"), anchor("https://%65xample.com/", "x")}, []string{idRepair}},
		{"shortener", []mail.Mention{anchor("https://bit.ly/abc", "here")}, []string{idShortener}},
		{"shortener's name", []mail.Mention{inText("bit.ly")}, nil},
		{"free host", []mail.Mention{anchor("https://login-page.pages.dev/", "here")}, []string{idFreeHost}},
		{"suffix", []mail.Mention{anchor("https://example.top/", "here")}, []string{idAbusedTLD}},
		{"configuration file", []mail.Mention{inText("sendmail.cf")}, nil},
		{"many labels", []mail.Mention{anchor("https://a.b.c.d.example.com/", "here")}, []string{idSubdomains}},
		{"a name inside", []mail.Mention{anchor("https://www.bank.co.jp.example.com/", "here")}, []string{idNameInside, idSubdomains}},
		{"server without a name", []mail.Mention{anchor("https://1-2-0-192.host.example.com/", "here")}, []string{idServerName}},
		{"generated", []mail.Mention{anchor("https://a1b2c3d4e5f6.example.com/", "here")}, []string{idRandomHost}},
		{"program folders", []mail.Mention{anchor("https://www.example.com/wp-includes/x/login", "here")}, []string{idHackedPath}},
		{"download", []mail.Mention{anchor("https://www.example.com/x/invoice.iso", "here")}, []string{idExecutable}},
		{"form", []mail.Mention{{URL: "https://www.example.com/send", Kind: mail.MentionForm, Visible: true}}, []string{idForm}},
		{"base", []mail.Mention{{URL: "https://evil.example.net/", Kind: mail.MentionBase}, anchor("x/y", "here")}, []string{idBase}},
		{"refresh", []mail.Mention{{URL: "https://evil.example.net/", Kind: mail.MentionRefresh}}, []string{idRefresh}},
		{"hidden", []mail.Mention{{URL: "https://evil.example.net/", Text: "x"}, anchor("https://www.example.com/", "here")}, []string{idHidden}},
		{"hidden with the shown", []mail.Mention{{URL: "https://m.example.com/", Text: "x"}, anchor("https://www.example.com/", "here")}, nil},
		{"recipient", []mail.Mention{anchor("https://www.example.com/?e=user.name%40EXAMPLE.org", "here")}, []string{idRecipient}},
		{"recipient in base64", []mail.Mention{anchor("https://www.example.com/#"+b64([]byte("User.Name@example.org")), "here")}, []string{idCodedAddress, idRecipient}},
		{"someone in base64", []mail.Mention{anchor("https://www.example.com/?x=1&id="+b64([]byte("other@example.net\n")), "here")}, []string{idCodedAddress}},
		{"link in a drawing", []mail.Mention{{URL: "http://192.0.2.1/", Text: "Open", Kind: mail.MentionSVG, Visible: true}}, []string{idIPHost}},
		{"header", []mail.Mention{{URL: "https://192.0.2.1/unsubscribe?e=user.name@example.org", Kind: mail.MentionHeader, Source: mail.InHeader}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := analyse(t, message(tc.in...))
			if diff := cmp.Diff(tc.want, ids(f)); diff != "" {
				t.Errorf("evidence (-want +got):\n%s\n%+v", diff, f.Evidence)
			}
			check(t, f)
		})
	}
}

// check holds what every result promises.
func check(t testing.TB, f *mail.Facts) {
	t.Helper()
	seen := map[string]bool{}
	for _, it := range f.Evidence {
		if seen[it.ID] {
			t.Errorf("two items of %s", it.ID)
		}
		seen[it.ID] = true
		if it.Claim == "" || it.Quote == "" || len(it.Quote) > evidence.MaxQuote || it.Weight != 0 || !strings.HasPrefix(it.Lineage, "link.") {
			t.Errorf("item %+v: want a claim, a quote of at most %d bytes, no weight, a lineage", it, evidence.MaxQuote)
		}
	}
	if len(f.Links) > maxFacts {
		t.Errorf("%d facts, want at most %d", len(f.Links), maxFacts)
	}
}

func TestPasswordForm(t *testing.T) {
	m := message()
	m.Body.HTML.Raw = `<form action="https://example.com"><INPUT name=p
		TYPE = 'Password'></form>`
	if got := ids(analyse(t, m)); !slices.Equal(got, []string{idPasswordForm}) {
		t.Errorf("evidence %v, want %s", got, idPasswordForm)
	}
	for _, html := range []string{
		`<p>Your password <input type=text name=password></p>`, `<input datatype=password>`, `<inputs type=passwor`, `<`, `<input`,
	} {
		m.Body.HTML.Raw = html
		if got := ids(analyse(t, m)); got != nil {
			t.Errorf("evidence %v of %s, want none", got, html)
		}
	}
}

func TestQuote(t *testing.T) {
	f := analyse(t, message(
		mail.Mention{URL: "https://bit.ly/hidden", Text: "x"},
		anchor("https://bit.ly/shown", " Open\n the\u202edocument "),
	))
	var got []evidence.Item
	for _, it := range f.Evidence {
		if it.ID == idShortener {
			got = append(got, it)
		}
	}
	want := []evidence.Item{{
		ID: idShortener, Lineage: lineageHop,
		Claim: "A link hides its target behind the short name of bit.ly.",
		Quote: "Open the\uFFFDdocument → https://bit.ly/shown",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a shown link is the stronger quote (-want +got):\n%s", diff)
	}
}

// targets lists "target|display text or URL" of links.
func targets(links []mail.Link) []string {
	out := []string{}
	for _, l := range links {
		text := l.DisplayText
		if l.DisplayURL != nil {
			text = l.DisplayURL.URL
		}
		out = append(out, l.HrefURL.URL+"|"+text)
	}
	return out
}

func TestLinksOfTheModel(t *testing.T) {
	old := anchor("https://old.example.com/", "old")
	old.Thread = 1
	unknown := anchor("https://unknown.example.com/", "?")
	unknown.Thread = -1
	m := message(
		mail.Mention{URL: "https://base.example.com/dir/", Kind: mail.MentionBase},
		anchor("rel", "relative"), anchor("rel", "relative"), anchor("rel", "again"),
		inText("https://plain.example.com/"), inText("rel.example.com"),
		old, unknown,
		mail.Mention{URL: "https://img.example.com/x.png", Kind: mail.MentionImage},
		mail.Mention{URL: "https://form.example.com/", Kind: mail.MentionForm},
		mail.Mention{URL: "https://list.example.com/u", Kind: mail.MentionHeader, Source: mail.InHeader},
	)
	m.Body.PreviousThreads = make([]mail.PreviousThread, 2)
	f := analyse(t, m)
	plain := []string{"https://plain.example.com/|https://plain.example.com/", "http://rel.example.com|http://rel.example.com"}
	rel := []string{"https://base.example.com/dir/rel|relative", "https://base.example.com/dir/rel|again"}
	oldOne, unknownOne := "https://old.example.com/|old", "https://unknown.example.com/|?"
	for _, tc := range []struct {
		name string
		got  []mail.Link
		want []string
	}{
		{"all", m.Body.Links, slices.Concat(rel, plain, []string{oldOne, unknownOne})},
		{"html", m.Body.HTML.Links, slices.Concat(rel, []string{oldOne, unknownOne})},
		{"plain", m.Body.Plain.Links, plain},
		{"current thread", m.Body.CurrentThread.Links, slices.Concat(rel, plain)},
		{"previous thread", m.Body.PreviousThreads[0].Links, []string{oldOne}},
		{"older thread", m.Body.PreviousThreads[1].Links, []string{}},
	} {
		if diff := cmp.Diff(tc.want, targets(tc.got)); diff != "" || tc.got == nil {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	var kinds []string
	for _, l := range f.Links {
		kinds = append(kinds, l.Kind+" "+l.Source+" "+l.Host)
	}
	want := []string{
		"anchor html base.example.com", "text plain plain.example.com", "text plain rel.example.com", "anchor html old.example.com", "anchor html unknown.example.com",
		"base html base.example.com", "image html img.example.com", "form html form.example.com", "header header list.example.com",
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestRewrittenFact(t *testing.T) {
	f := analyse(t, message(
		anchor("https://linkprotect.cudasvc.com/url?a=https%3A%2F%2Fwww.example.com%2Fx", "x"),
		anchor("https://protect-eu.mimecast.com/s/abc?domain=example.net", "y"),
	))
	want := []mail.LinkFact{
		{URL: "https://www.example.com/x", Kind: "anchor", Source: "html", Host: "www.example.com", Text: "x", Visible: true, Encoders: []string{"barracuda"}},
		{URL: "https://protect-eu.mimecast.com/s/abc?domain=example.net", Kind: "anchor", Source: "html", Host: "protect-eu.mimecast.com", Text: "y", Visible: true, TargetDomain: "example.net"},
	}
	if diff := cmp.Diff(want, f.Links); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestBounds(t *testing.T) {
	var mentions []mail.Mention
	for i := range maxMentions + 500 {
		mentions = append(mentions, anchor(fmt.Sprintf("https://h%d.example.com/%s", i, strings.Repeat("a", 100)), strings.Repeat("t", 1000)))
	}
	mentions[0].URL = "https://example.com/" + strings.Repeat("é", 40_000)
	for i := range mentions {
		if i > 1 {
			mentions[i].Text = ""
		}
	}
	m := message(mentions...)
	f := analyse(t, m)
	check(t, f)
	if len(m.Body.Links) != maxMentions {
		t.Errorf("%d links, want %d", len(m.Body.Links), maxMentions)
	}
	if got := ids(f); !slices.Equal(got, []string{idFlood}) {
		t.Errorf("evidence %v, want %s", got, idFlood)
	}
	if n := len(f.Links[0].URL); n > maxFactURL+len("…") {
		t.Errorf("a fact's URL has %d bytes", n)
	}
}

// TestLargeURLs: a message of nothing but the longest URLs is cut off by size.
func TestLargeURLs(t *testing.T) {
	var mentions []mail.Mention
	for i := range 1000 {
		mentions = append(mentions, anchor(fmt.Sprintf("https://h%d.example.com/?", i)+strings.Repeat("a=http://x.example.com/&", 600), "x"))
	}
	m := message(mentions...)
	f := analyse(t, m)
	check(t, f)
	if n := len(m.Body.Links) * len(mentions[0].URL); n > maxBytes || n < maxBytes/2 {
		t.Errorf("links of %d bytes analysed, want up to %d", n, maxBytes)
	}
	if !slices.Contains(ids(f), idFlood) {
		t.Errorf("evidence %v, want %s among it", ids(f), idFlood)
	}
}

func FuzzAnalyze(f *testing.F) {
	f.Add("https://bit.ly/x", "www.example.com", uint8(0), uint8(0), true)
	f.Add("https://a@0x7f.1:81/?u=https%3a%2f%2fx.example.com", "https://y", uint8(1), uint8(1), false)
	f.Add("\\\\x\\y", "", uint8(2), uint8(2), true)
	f.Add("mailto:", "a@b", uint8(9), uint8(0), true)
	f.Fuzz(func(t *testing.T, url, text string, kind, source uint8, visible bool) {
		m := message(mail.Mention{URL: url, Text: text, Kind: mail.MentionKind(kind % 10), Source: mail.MentionSource(source % 3), Visible: visible},
			mail.Mention{URL: text, Kind: mail.MentionBase}, anchor(text, url))
		check(t, analyse(t, m))
	})
}

// TestCorpus runs the stage over labelled mail, for what must hold of every
// message: every fifth one, so that the test stays quick.
func TestCorpus(t *testing.T) {
	f, err := os.Open("../../../shared/data/mail/dev.tar.gz")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("labelled mail is missing: %v", err)
		}
		t.Skipf("labelled mail is not at hand: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	messages, links := 0, 0
	for files, n := tar.NewReader(z), 0; ; {
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".eml") {
			continue
		}
		if n++; n%5 != 0 {
			continue
		}
		raw, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		m := mail.Parse(mail.Envelope{}, raw)
		check(t, analyse(t, m))
		messages, links = messages+1, links+len(m.Body.Links)
	}
	if messages < 2000 || links < messages {
		t.Errorf("%d messages with %d links: the corpus has 10,668 with more than one each", messages, links)
	}
}

// BenchmarkAnalyze measures a message of mean size: the labelled mail has 3.6
// links and 6 mentions per message.
func BenchmarkAnalyze(b *testing.B) {
	m := message(
		anchor("https://www.example.com/a/b?x=1&y=2", "Read more"), anchor("https://click.esp-example.net/track?u=https%3A%2F%2Fwww.example.com%2F&id=123456789", "www.example.com"),
		anchor("https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.example.net%2F&data=05", "Offer"), inText("https://www.example.org/unsubscribe?x=abcdefghijkl"),
		mail.Mention{URL: "https://img.example.com/a.png", Kind: mail.MentionImage}, mail.Mention{URL: "https://list.example.com/u", Kind: mail.MentionHeader, Source: mail.InHeader},
	)
	b.ReportAllocs()
	for b.Loop() {
		f := &mail.Facts{}
		if err := (Stage{}).Analyze(context.Background(), m, f); err != nil {
			b.Fatal(err)
		}
	}
}
