package known

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/intel"
	"foregate/mail"
	"foregate/scan/link"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// source is a literal list of assertions that can change.
type source struct {
	mu  sync.Mutex
	at  time.Time
	as  []intel.Assertion
	err error
}

func (s *source) IntelChanged(context.Context) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, s.err
}

func (s *source) Indicators(_ context.Context, since time.Time, yield func(intel.Assertion) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.as {
		if (!since.IsZero() || a.Retracted.IsZero()) && !yield(a) {
			break
		}
	}
	return s.err
}

func say(kind intel.Kind, value string) intel.Assertion {
	return intel.Assertion{Subject: intel.Node{Kind: kind, Value: value}, Relation: intel.Indicates, Object: intel.Node{Kind: intel.IntrusionSet, Value: "Callisto"},
		Source: intel.Source{Name: "Sekoia"}, First: now.AddDate(0, 0, -12), Confidence: intel.Confidence{Reliability: 'B', Credibility: 2}}
}

const message = "From: Press <office@evil-one.com>\r\nReply-To: x@fine.org\r\nSubject: s\r\nContent-Type: text/html\r\n\r\n<a href=\"https://login.evil-two.com/owa\">see</a> <a href=\"http://fine.org/kit/page\">b</a>\r\n"

func judge(t *testing.T, s Stage) []string {
	t.Helper()
	m := mail.Parse(mail.Envelope{}, []byte(message))
	f := &mail.Facts{}
	for _, err := range []error{link.Stage{}.Analyze(t.Context(), m, f), s.Analyze(t.Context(), m, f)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	for _, it := range f.Evidence {
		if strings.HasPrefix(it.ID, "known.") {
			out = append(out, it.ID+": "+it.Claim)
			if it.Weight <= 0 || it.Weight > 1 {
				t.Errorf("%s weighs %v", it.ID, it.Weight)
			}
		}
	}
	return out
}

func TestStage(t *testing.T) {
	src := &source{as: []intel.Assertion{say(intel.Domain, "evil-one.com"), say(intel.Domain, "evil-two.com"), say(intel.URL, "http://fine.org/kit/")}}
	s := Stage{Index: &Index{}, Now: func() time.Time { return now }}
	if err := s.Analyze(t.Context(), mail.Parse(mail.Envelope{}, []byte(message)), &mail.Facts{}); !errors.Is(err, errNotLoaded) {
		t.Errorf("before the indicators are loaded: %v", err)
	}
	if _, err := s.Index.Load(t.Context(), src, []Warning{{"shared hosts", []string{"evil-two.com"}}}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(judge(t, s), "\n")
	for _, want := range []string{
		`known.sender: the author's domain matches the indicator evil-one.com (exact) of "Callisto", 12 days old, reported by Sekoia`,
		`known.host: the host of a link matches the indicator evil-two.com (suffix) of "Callisto", 12 days old, reported by Sekoia; many share it, says the list "shared hosts"`,
		`known.url: a link matches the indicator http://fine.org/kit/ (prefix) of "Callisto", 12 days old, reported by Sekoia`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %s in\n%s", want, got)
		}
	}
	if got := judge(t, Stage{}); len(got) != 0 {
		t.Error("the zero stage finds something")
	}
}

// New indicators come into force and those taken back go, without a load of all;
// a failing source leaves what is there.
func TestWatch(t *testing.T) {
	src := &source{at: now}
	s := Stage{Index: &Index{}, Now: func() time.Time { return now }}
	have, err := s.Index.Load(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	failures := make(chan error, 1)
	wg.Go(func() {
		s.Index.Watch(ctx, src, nil, have, time.Millisecond, func(err error) {
			select {
			case failures <- err:
			default:
			}
		})
	})
	change := func(a intel.Assertion, seconds int) {
		src.mu.Lock()
		defer src.mu.Unlock()
		src.as, src.at = []intel.Assertion{a}, now.Add(time.Duration(seconds)*time.Second)
	}
	// await ends with the test's own deadline, not with the clock.
	await := func(n int) {
		for len(judge(t, s)) != n {
			time.Sleep(time.Millisecond)
		}
	}
	a := say(intel.Domain, "evil-one.com")
	change(a, 1)
	await(1)
	back := a
	back.Retracted = now
	change(back, 2)
	await(0)
	change(a, 3)
	await(1)
	src.mu.Lock()
	src.err = errors.New("away")
	src.mu.Unlock()
	if err := <-failures; err == nil || len(judge(t, s)) == 0 {
		t.Error("a failure lost the indicators")
	}
	cancel()
	wg.Wait()
}

// Patterns are tried on the parts of a message; what no message can answer is
// refused with its reason.
func TestPatterns(t *testing.T) {
	const raw = "Received: from mx.example.net (mx.example.net [192.0.2.9]) by gw.example.org; Mon, 1 Dec 2025 10:00:00 +0000\r\n" +
		"From: \"Press Office\" <Office@evil-one.com>\r\nTo: Ann <ann@example.org>\r\nCc: bob@example.org\r\nSubject: Your mailbox is full\r\n" +
		"Date: Mon, 1 Dec 2025 10:00:00 +0000\r\nMessage-ID: <20251201.1@evil-one.com>\r\nX-Mailer: Foxy 7.1\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<a href=\"https://login.evil-two.com/owa/auth?x=1\">see</a>\r\n" +
		"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"Agenda.pdf\"\r\n\r\n%PDF-1.4 x\r\n--b--\r\n"
	m := mail.Parse(mail.Envelope{ClientIP: netip.MustParseAddr("192.0.2.9"), ReceivedAt: now}, []byte(raw))
	if err := (link.Stage{}).Analyze(t.Context(), m, &mail.Facts{}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		pattern string
		holds   bool
	}{
		{"[email-message:subject LIKE '%mailbox%' AND email-message:from_ref.value = 'office@EVIL-one.com']", true},
		{"[email-message:subject LIKE '%mailbox%' AND email-message:from_ref.value = 'other@evil-one.com']", false},
		{"[email-message:from_ref.display_name MATCHES '^Press']", true},
		{"[email-message:to_refs[*].value = 'ann@example.org' AND email-message:is_multipart = true]", true},
		{"[email-message:to_refs[1].value = 'ann@example.org' AND email-message:is_multipart = true]", false},
		{"[email-message:cc_refs[0].value = 'bob@example.org' AND email-message:date > t'2025-11-30T00:00:00Z']", true},
		{"[email-message:additional_header_fields.'X-Mailer' LIKE 'Foxy%']", true},
		{"[email-message:message_id LIKE '%@evil-one.com>']", true},
		{"[email-message:received_lines[*] LIKE '%192.0.2.9%']", true},
		{"[email-message:body_multipart[*].content_type = 'application/pdf' AND email-message:body_multipart[*].body LIKE '%owa%']", true},
		{"[domain-name:value LIKE '%.evil-two.com' AND url:value MATCHES '/owa/']", true},
		{"[domain-name:value = 'evil-two.com' AND file:name = 'Agenda.pdf']", true},
		{"[domain-name:value = 'evil-three.com' AND file:name = 'Agenda.pdf']", false},
		{"[NOT EXISTS email-message:sender_ref.value AND file:name = 'Agenda.pdf']", true},
		{"[ipv4-addr:value ISSUBSET '192.0.2.0/28' AND file:size < 100]", true},
		{"[ipv4-addr:value NOT ISSUBSET '192.0.2.0/28' AND file:size < 100]", false},
		{"[file:hashes.MD5 IN ('00000000000000000000000000000000') OR file:mime_type = 'application/pdf']", true},
		{"[file:name = 'Agenda.pdf' AND file:size > 0] START t'2025-01-01T00:00:00Z' STOP t'2026-06-01T00:00:00Z'", true},
		{"[file:name = 'Agenda.pdf' AND file:size > 0] START t'2024-01-01T00:00:00Z' STOP t'2025-06-01T00:00:00Z'", false},
		{"[file:name = 'Agenda.pdf' AND file:size > 0] WITHIN 5 SECONDS", true},
		{"[process:name = 'x'] OR [file:name = 'Agenda.pdf' AND file:size > 0]", true}, // the other side is dispensable
	} {
		s := Stage{Index: &Index{}, Now: func() time.Time { return now }}
		if _, err := s.Index.Load(t.Context(), &source{as: []intel.Assertion{say(intel.Pattern, tt.pattern)}}, nil); err != nil {
			t.Fatal(err)
		}
		if n, why := s.Index.Refused(); n != 0 {
			t.Errorf("%s: refused, %s", tt.pattern, why)
		}
		f := &mail.Facts{}
		if err := s.Analyze(t.Context(), m, f); err != nil {
			t.Fatal(err)
		}
		if found := len(f.Evidence) == 1; found != tt.holds || found && (f.Evidence[0].ID != "known.pattern" || !strings.Contains(f.Evidence[0].Claim, "reported by Sekoia")) {
			t.Errorf("%s: %+v", tt.pattern, f.Evidence)
		}
	}
	for text, why := range map[string]string{
		"[process:name = 'x' AND file:size > 1]":                                "no message has process:name",
		"[url:value LIKE 'a%'] FOLLOWEDBY [file:size > 1]":                      "it takes several observations, and a message is one",
		"[file:size > 1] REPEATS 3 TIMES":                                       "it takes several observations, and a message is one",
		"[network-traffic:dst_ref.value = '192.0.2.1' AND url:value LIKE 'a%']": "no message has network-traffic:dst_ref.value",
		"[email-message:subject MATCHES '(?=a)b']":                              "cannot be evaluated",
	} {
		x := &Index{}
		if _, err := x.Load(t.Context(), &source{as: []intel.Assertion{say(intel.Pattern, text)}}, nil); err != nil {
			t.Fatal(err)
		}
		if n, whys := x.Refused(); n != 1 || !strings.Contains(whys[0], why) {
			t.Errorf("%s: %d %q", text, n, whys)
		}
	}
}

func TestObserve(t *testing.T) {
	var tags strings.Builder
	for range minTags {
		tags.WriteString("<p class=x>a</p>")
	}
	raw := "From: A <a@One.example>\r\nTo: b@x.example\r\nSubject: s\r\nDate: Mon, 1 Dec 2025 10:00:00 +0000\r\nMessage-ID: <20251201.3fa9@mx.one.example>\r\nX-Mailer: Foxy 7.1\r\nContent-Type: text/html\r\n\r\n" +
		"<a href=\"http://two.example:80/x\">y</a>" + tags.String()
	observe := func(raw string) map[string]string {
		m := mail.Parse(mail.Envelope{MailFrom: "a@one.example"}, []byte(raw))
		if err := (link.Stage{}).Analyze(t.Context(), m, &mail.Facts{}); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, s := range Observe(m) {
			out[s.Where+" "+s.Kind] = s.Value
		}
		return out
	}
	got := observe(raw)
	for at, want := range map[string]string{
		"author domain-name": "one.example", "envelope email-addr": "a@one.example", "link url": "http://two.example/x", "link domain-name": "two.example",
		"message-id message-id-pattern": "d8.x4@mx.one.example",
	} {
		if got[at] != want {
			t.Errorf("%s is %q, want %q in %v", at, got[at], want, got)
		}
	}
	if got["mailer mailer-fingerprint"] == "" || got["layout kit-marker"] == "" {
		t.Errorf("%v", got)
	}
	again := observe(strings.ReplaceAll(strings.ReplaceAll(raw, "Foxy 7.1", "Foxy 8.22"), ">a<", ">other words<"))
	if again["mailer mailer-fingerprint"] != got["mailer mailer-fingerprint"] || again["layout kit-marker"] != got["layout kit-marker"] {
		t.Error("a version or a text makes another fingerprint")
	}
	other := observe(strings.Replace(strings.ReplaceAll(raw, "X-Mailer", "User-Agent"), "class=x", "class=y", 1))
	if other["mailer mailer-fingerprint"] == got["mailer mailer-fingerprint"] || other["layout kit-marker"] == got["layout kit-marker"] {
		t.Error("another program or template has the same fingerprint")
	}
}

// One template has one layout, whatever is written and linked in it; another class,
// or a tag more, is another.
func TestLayout(t *testing.T) {
	page := func(text, class string) string {
		return "<html><!-- <p> > --><body>" + strings.Repeat("<tr CLASS="+class+"><td id='x>y' class=\"c d\"><a href=\"http://"+text+"/\">"+text+"</a></td></tr>\r\n", 10) + "<br/>1 < 2</body>"
	}
	one := layout(page("a.com", "k"))
	if len(one) != 16 || one != layout(page("b.org", "k")) {
		t.Errorf("one template has %q and %q", one, layout(page("b.org", "k")))
	}
	if one == layout(page("a.com", "j")) || one == layout("<p>"+page("a.com", "k")) {
		t.Error("two templates have one layout")
	}
	if got := layout(strings.Repeat("<p>", minTags-1)); got != "" {
		t.Errorf("a small body has %q", got)
	}
}

func FuzzLayout(f *testing.F) {
	f.Add("<p class='a<b' x=y/><!--<a>--><A CLASS=\"b\">")
	f.Add("<p class=")
	f.Fuzz(func(t *testing.T, s string) {
		if got := layout(strings.Repeat(s+">", 30)); got != "" && len(got) != 16 {
			t.Fatalf("%q", got)
		}
	})
}

// Files inside attachments are looked for by their hashes, also by patterns, and a
// SHA-512 when anybody names one.
func TestInside(t *testing.T) {
	m := mail.Parse(mail.Envelope{}, []byte("From: a@fine.org\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=x.zip\r\n\r\nPK\r\n"))
	inside := mail.FileFact{Name: "in  side.js", SHA256: strings.Repeat("ab", 32), MD5: strings.Repeat("cd", 16)}
	sum := sha512.Sum512(m.Attachments[0].Raw)
	x := &Index{}
	src := &source{as: []intel.Assertion{say(intel.SHA256, inside.SHA256), say(intel.Pattern, "[file:hashes.MD5 = '"+inside.MD5+"' AND file:name LIKE '%.js']"), say(intel.SHA512, hex.EncodeToString(sum[:]))}}
	if _, err := x.Load(t.Context(), src, nil); err != nil {
		t.Fatal(err)
	}
	f := &mail.Facts{Files: []mail.FileFact{inside}}
	if err := (Stage{Index: x, Now: func() time.Time { return now }}).Analyze(t.Context(), m, f); err != nil {
		t.Fatal(err)
	}
	var claims []string
	for _, it := range f.Evidence {
		claims = append(claims, it.ID+": "+it.Claim)
	}
	all := strings.Join(claims, "\n")
	for _, want := range []string{"known.file: the hash of a file inside an attachment matches", "known.pattern: ", "known.file: the attachment's hash matches the indicator " + hex.EncodeToString(sum[:])} {
		if !strings.Contains(all, want) {
			t.Errorf("missing %q in\n%s", want, all)
		}
	}
	kept := false
	for _, s := range f.Seen {
		kept = kept || s == mail.Seen{Kind: "file-name", Value: "in side.js", Where: InInside}
	}
	if !kept {
		t.Errorf("not kept for later: %v", f.Seen)
	}
}
