package mail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/mail/internal/header"
	"foregate/mail/internal/mime"
)

func parse(s string) *Message { return Parse(Envelope{}, []byte(s)) }

func TestSender(t *testing.T) {
	for _, tt := range []struct {
		from, name, email, defect string
	}{
		{"a@b.example", "", "a@b.example", ""},
		{"A B <a@B.Example>", "A B", "a@b.example", ""},
		{`"HR <no@x.example>" <a@b.example>`, "HR <no@x.example>", "a@b.example", ""},
		{"Shop, <j@b.example>", "Shop", "j@b.example", ""},
		{"Doe, John <j@b.example>", "Doe, John", "j@b.example", ""},
		{"=?utf-8?B?w4TDtsO8?= <a@b.example>", "Äöü", "a@b.example", ""},
		{"\"=?utf-8?Q?Caf=C3=A9?=\" <a@b.example>", "Café", "a@b.example", ""},
		{"<@relay.example,@x.example:a@b.example>", "", "a@b.example", ""},
		{"a@b.example (Ann B)", "Ann B", "a@b.example", ""},
		{"Ann a@b.example", "Ann", "a@b.example", ""},
		{"Ann <a@b.example", "Ann", "a@b.example", ""},
		{`"john doe"@b.example`, "", `"john doe"@b.example`, ""},
		{`"a@x.example"@b.example`, "", `"a@x.example"@b.example`, ""},
		{"Pal: a@b.example;", "", "a@b.example", ""},
		{"a@b.example, c@d.example", "", "a@b.example", "header.multiple-from"},
		{"A <x@y.example> <a@b.example>", "A", "a@b.example", "header.ambiguous-from"},
		{"a@b.example\r\nFrom: c@d.example", "", "a@b.example", "header.multiple-from"},
		{"a (c(d)) @ (e) b.example", "", "a@b.example", ""},
		{"\u202eelpmaxe <a@b.example>", "\u202eelpmaxe", "a@b.example", "header.8bit"},
		{"PayPal", "", "PayPal", ""},
		{"Pay Pal", "Pay Pal", "", ""},
		{"", "", "", "header.no-from"},
	} {
		m := parse("From: " + tt.from + "\r\nTo: x@y.example\r\n\r\nhi\r\n")
		if m.Sender.DisplayName != tt.name || m.Sender.Email.Email != tt.email {
			t.Errorf("From: %s: got %q %q, want %q %q", tt.from, m.Sender.DisplayName, m.Sender.Email.Email, tt.name, tt.email)
		}
		if tt.defect != "" && !hasDefect(m, tt.defect) {
			t.Errorf("From: %s: no %s in %v", tt.from, tt.defect, m.Errors)
		}
		if tt.defect == "" && hasDefect(m, "header.") {
			t.Errorf("From: %s: unexpected %v", tt.from, m.Errors)
		}
	}
}

func TestMultipleFromShowsAll(t *testing.T) {
	m := parse("From: Ann <a@b.example>\r\nFrom: Eve <e@f.example>\r\n\r\nhi\r\n")
	for _, d := range m.Defects {
		if d.ID == defectMultipleFrom && strings.Contains(d.Detail, "a@b.example") && strings.Contains(d.Detail, "e@f.example") {
			return
		}
	}
	t.Errorf("no defect names both authors: %v", m.Defects)
}

func TestSubject(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Subject
	}{
		{"Hello", Subject{Base: "Hello"}},
		{"Re: Hello", Subject{Base: "Hello", IsReply: true}},
		{"RE[2]: AW: Hello", Subject{Base: "Hello", IsReply: true}},
		{"Fwd: WG: Hello", Subject{Base: "Hello", IsForward: true}},
		{"[EXT] Re: [list] Fw: Hello", Subject{Base: "Hello", IsReply: true, IsForward: true, Tags: []string{"EXT", "list"}}},
		{"Antw: SV: VS: RES: Hello", Subject{Base: "Hello", IsReply: true}},
		{"回复：Hello", Subject{Base: "Hello", IsReply: true}},
		{"TR : Hello", Subject{Base: "Hello", IsForward: true}},
		{"Hello (fwd)", Subject{Base: "Hello", IsForward: true}},
		{"Reminder: pay", Subject{Base: "Reminder: pay"}},
		{"[only]", Subject{Base: "[only]"}},
		{"Automatic reply: Re: Hello", Subject{Base: "Hello", IsReply: true, IsAutoReply: true}},
		{"Re:", Subject{Base: "", IsReply: true}},
	} {
		got := parseSubject(tt.in)
		tt.want.Subject = tt.in
		if tt.want.Tags == nil {
			tt.want.Tags = []string{}
		}
		if d := cmp.Diff(tt.want, *got); d != "" {
			t.Errorf("%q: %s", tt.in, d)
		}
	}
}

func TestDate(t *testing.T) {
	for _, tt := range []struct{ in, want, offset string }{
		{"Mon, 21 Oct 2019 14:23:24 -0400", "2019-10-21T18:23:24Z", "-4"},
		{"Mon, 21 Oct 2019 14:23:24 +0530 (IST)", "2019-10-21T08:53:24Z", "5.5"},
		{"21 Oct 19 14:23 EST", "2019-10-21T19:23:00Z", "-5"},
		{"Monday, 21-Oct-19 14:23:24 GMT", "2019-10-21T14:23:24Z", "0"},
		{"Mon Oct 21 14:23:24 2019", "2019-10-21T14:23:24Z", ""},
		{"2019-10-21T14:23:24+02:00", "2019-10-21T12:23:24Z", "2"},
		{"Mon, 21 (c) Oct 119 14:23:24 Z", "2019-10-21T14:23:24Z", "0"},
		{"Mon, 21 Oct 2019 14:23:24 GMT+0200", "2019-10-21T12:23:24Z", "2"},
		{"Mon, 21 Oct 2019 2:23:24 PM -0000", "2019-10-21T14:23:24Z", "0"},
		{"Thu, 1 Jan 1970 00:00:00 +9900", "1970-01-01T00:00:00Z", ""},
		{"yesterday", "", ""},
		{"", "", ""},
	} {
		d, ok := header.ParseDate(tt.in)
		got := ""
		if ok {
			got = d.Time.Format(time.RFC3339)
		}
		if got != tt.want || d.Offset != tt.offset {
			t.Errorf("%q: got %s %q, want %s %q", tt.in, got, d.Offset, tt.want, tt.offset)
		}
	}
}

func TestHops(t *testing.T) {
	m := parse("Delivered-To: x@y.example\r\n" +
		"Received: from b.example (b.example [192.0.2.2]) by mx.y.example with ESMTPS id 2 for <x@y.example>; Mon, 21 Oct 2019 11:23:39 -0700 (PDT)\r\n" +
		"Authentication-Results: mx.y.example; spf=pass smtp.mailfrom=b.example; dkim=pass header.d=b.example header.s=s1; dmarc=pass (p=REJECT) header.from=b.example\r\n" +
		"Received: from [192.0.2.1] by smtp.b.example\r\n with ESMTPSA id 1; Mon, 21 Oct 2019 11:23:38 -0700\r\n" +
		"From: a@b.example\r\nDate: Mon, 21 Oct 2019 11:23:37 -0700\r\n\r\nhi\r\n")
	h := m.Headers.Hops
	if len(h) != 3 {
		t.Fatalf("%d hops, want 3", len(h))
	}
	if h[0].Received == nil || h[0].Received.Server.Raw != "smtp.b.example" || h[0].Fields[0].Name != "Date" || h[0].Fields[0].Position != 0 {
		t.Errorf("hop 0 is not the sender's: %+v", h[0])
	}
	if h[1].AuthenticationResults == nil || h[1].AuthenticationResults.DMARCDetails.Policy != "REJECT" || h[1].Received.Mailbox.Raw != "<x@y.example>" {
		t.Errorf("hop 1: %+v", h[1])
	}
	if h[2].Received != nil || h[2].Fields[0].Name != "Delivered-To" {
		t.Errorf("hop 2 does not hold the fields above the newest Received: %+v", h[2])
	}
	if m.Meta.EffectiveAt == nil || !m.Meta.EffectiveAt.Equal(*h[1].Received.Time) {
		t.Errorf("effective at %v", m.Meta.EffectiveAt)
	}
	var ips []string
	for _, ip := range m.Headers.IPs {
		ips = append(ips, ip.IP)
	}
	if d := cmp.Diff([]string{"192.0.2.1", "192.0.2.2"}, ips); d != "" {
		t.Error(d)
	}
}

func TestIdentifiers(t *testing.T) {
	m := parse("Message-ID: <1@a.example>\r\nIn-Reply-To: <0@a.example> (x)\r\nReferences: <a@a.example>\r\n\t<b@a.example> <0@a.example>\r\nX-Mailer: Foo 1\r\nX-Originating-IP: [192.0.2.7]\r\n\r\n")
	h := m.Headers
	if h.MessageID != "<1@a.example>" || h.InReplyTo != "<0@a.example>" || h.Mailer != "Foo 1" || h.XOriginatingIP == nil || h.XOriginatingIP.IP != "192.0.2.7" {
		t.Errorf("got %+v", h)
	}
	if d := cmp.Diff([]string{"a@a.example", "b@a.example", "0@a.example"}, h.References); d != "" {
		t.Error(d)
	}
}

func TestBodies(t *testing.T) {
	m := parse(message("Content-Type: multipart/mixed; boundary=B\r\n",
		"--B\r\nContent-Type: multipart/alternative; boundary=C\r\n\r\n--C\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n"+
			"--C\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>caf\u00e9</p>\r\n--C--\r\n--B\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--B\r\nContent-Type: text/plain; name=a.txt\r\n\r\nfile\r\n--B--\r\n"))
	if m.Body.Plain == nil || m.Body.Plain.Raw != "café\nfooter" || m.Body.Plain.Charset != "iso-8859-1" {
		t.Errorf("plain: %+v", m.Body.Plain)
	}
	if m.Body.HTML == nil || m.Body.HTML.Raw != "<p>café</p>" {
		t.Errorf("html: %+v", m.Body.HTML)
	}
	if len(m.Attachments) != 1 || m.Attachments[0].FileName != "a.txt" || m.Attachments[0].FileExtension != "txt" {
		t.Errorf("attachments: %+v", m.Attachments)
	}
}

func TestCharsets(t *testing.T) {
	for _, tt := range []struct{ charset, body, want, defect string }{
		{"utf-8", "caf\xc3\xa9", "café", ""},
		{"utf-8", "caf\xe9", "caf\ufffd", "mime.charset-mismatch"},
		{"iso-8859-1", "caf\xe9", "café", ""},
		{"windows-1251", "\xcf\xf0\xe8", "При", ""},
		{"koi8-r", "\xf0\xd2\xc9", "При", ""},
		{"iso-2022-jp", "\x1b$B%F%9%H\x1b(B", "テスト", ""},
		{"shift_jis", "\x83e\x83X\x83g", "テスト", ""},
		{"gb2312", "\xd6\xd0\xce\xc4", "中文", ""},
		{"big5", "\xa4\xa4\xa4\xe5", "中文", ""},
		{"euc-kr", "\xc7\xd1", "한", ""},
		{"utf-7", "caf+AOk-", "café", ""},
		{"utf-16le", "h\x00i\x00", "hi", ""},
		{"us-ascii", "\xef\xbb\xbfcaf\xc3\xa9", "café", "mime.charset-mismatch"},
		{"ibm850", "caf\x82", "café", ""},
		{"x-foo", "caf\xe9", "café", "mime.unknown-charset"},
		{"", "caf\xc3\xa9", "café", ""},
	} {
		ct := "Content-Type: text/plain"
		if tt.charset != "" {
			ct += "; charset=" + tt.charset
		}
		m := parse("From: a@b.example\r\n" + ct + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + wrap64([]byte(tt.body), 76))
		if m.Body.Plain == nil || m.Body.Plain.Raw != tt.want {
			t.Errorf("%s: got %+v, want %q", tt.charset, m.Body.Plain, tt.want)
		}
		if (tt.defect != "") != hasDefect(m, "mime.") || tt.defect != "" && !hasDefect(m, tt.defect) {
			t.Errorf("%s: defects %v, want %q", tt.charset, m.Errors, tt.defect)
		}
	}
}

func TestDefectsAreDocumented(t *testing.T) {
	docs := map[string]bool{}
	for _, d := range DefectDocs() {
		if docs[d.ID] || d.Doc == "" {
			t.Errorf("%s: twice, or without a sentence", d.ID)
		}
		docs[d.ID] = true
	}
	for _, g := range [][]variant{boundaryVariants(), typeVariants(), delimiterVariants(), encodingVariants(), base64Variants(), headerVariants(), nestedVariants(), uuVariants(), nameVariants()} {
		for _, v := range g {
			for _, d := range parse(v.raw).Defects {
				if !docs[d.ID] {
					t.Fatalf("%s: defect %s has no documentation", v.name, d.ID)
				}
				if len(d.Detail) > maxDetail {
					t.Errorf("%s: detail of %d bytes", v.name, len(d.Detail))
				}
			}
		}
	}
}

func TestArraysAreNeverNull(t *testing.T) {
	for _, raw := range []string{"", "\r\n", "From: a@b.example\r\n\r\nhi", message("Content-Type: text/html\r\n", "<p>hi</p>")} {
		b, err := json.Marshal(parse(raw))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(":null")) {
			t.Errorf("%q: null in %s", raw, b)
		}
	}
}

func TestBounds(t *testing.T) {
	deep := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "--N%d\r\nContent-Type: multipart/mixed; boundary=N%d\r\n\r\n", i, i+1)
		}
		return message("Content-Type: multipart/mixed; boundary=N0\r\n", b.String())
	}
	for _, tt := range []struct{ name, raw, defect string }{
		{"depth", deep(40), mime.BoundDepth},
		{"parts", message("Content-Type: multipart/mixed; boundary=B\r\n", strings.Repeat("--B\r\n"+textPart, 1500)), mime.BoundParts},
		{"header", strings.Repeat("X-A: "+strings.Repeat("b", 1000)+"\r\n", 300) + "\r\nhi", mime.BoundHeader},
		{"header line", "X-A: " + strings.Repeat("b", 70<<10) + "\r\n\r\nhi", mime.BoundHeaderLine},
		{"hops", strings.Repeat("Received: by a.example; Mon, 21 Oct 2019 11:23:38 -0700\r\n", 300) + "\r\nhi", defectReceivedBound},
	} {
		m := parse(tt.raw)
		if !hasDefect(m, tt.defect) {
			t.Errorf("%s: no %s in %.300v", tt.name, tt.defect, m.Errors)
		}
		if len(m.Parts) == 0 || len(m.Parts) > MaxParts {
			t.Errorf("%s: %d parts", tt.name, len(m.Parts))
		}
	}
	small := DefaultBounds()
	small.Decoded = 100
	m := ParseWith(small, Envelope{}, []byte(message("Content-Type: multipart/mixed; boundary=B1\r\n", mixed("B1"))))
	if !hasDefect(m, mime.BoundDecoded) {
		t.Errorf("decoded: %v", m.Errors)
	}
}

// TestLinearWork counts comparisons with delimiter lines, not time: twice the message
// may cost at most a little over twice the work.
func TestLinearWork(t *testing.T) {
	work := func(raw string) (int, int) {
		b := DefaultBounds()
		r := mime.Parse([]byte(raw), mime.Limits{Parts: b.Parts, Depth: b.Depth, Readings: b.Readings, Decoded: b.Decoded, Header: header.Limits{Block: b.HeaderBytes, Line: b.HeaderLine}})
		return r.Work, strings.Count(raw, "--")
	}
	for name, gen := range map[string]func(n int) string{
		"nested unterminated": nestedUnterminated,
		"same boundary": func(n int) string {
			return message("Content-Type: multipart/mixed; boundary=B\r\n", strings.Repeat("--B\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n", n))
		},
		"delimiters": func(n int) string {
			return message("Content-Type: multipart/mixed; boundary=B\r\n", strings.Repeat("--B\r\n", n))
		},
		"many boundaries": func(n int) string {
			return message("Content-Type: multipart/mixed; boundary=A; boundary=B; boundary=C; boundary=D\r\n", strings.Repeat("--A\r\n--B\r\n--C\r\n--D\r\n", n))
		},
		"many fields": func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n", i)
			}
			return b.String() + "\r\n" + strings.Repeat("--b1\r\n", n)
		},
		"part headers": func(n int) string { return strings.Repeat("\r\nContent-Type: text/plain\r\n", n) },
	} {
		w1, n1 := work(gen(5000))
		w2, _ := work(gen(10000))
		if w2 > 2*w1+w1/4+5000 {
			t.Errorf("%s: work %d at n, %d at 2n", name, w1, w2)
		}
		if w1 > 70*n1+5000 {
			t.Errorf("%s: work %d for %d delimiter lines", name, w1, n1)
		}
	}
}

// TestHostileWork counts headers read and lines compared: both have a bound that
// does not grow with the message, and what is cut short has a name.
func TestHostileWork(t *testing.T) {
	const n = 20_000
	b := DefaultBounds()
	nest := func(head string) string { return topFields + strings.Repeat(head+"\r\n\r\n", n) }
	for _, c := range []struct{ name, raw string }{
		{"message/partial in message/partial", nest("Content-Type: message/partial; id=a; number=1; total=1")},
		{"message/rfc822 in message/rfc822", nest("Content-Type: message/rfc822")},
		{"multiparts of one boundary", nest("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a")},
		{"empty parts", message("Content-Type: multipart/mixed; boundary=a\r\n", strings.Repeat("--a\r\n", n))},
		{"deep tree over many lines", nestedUnterminated(b.Depth) + strings.Repeat("--N\r\n", 300_000)},
	} {
		r := mime.Parse([]byte(c.raw), mime.Limits{Parts: b.Parts, Depth: b.Depth, Readings: b.Readings, Decoded: b.Decoded, Header: header.Limits{Block: b.HeaderBytes, Line: b.HeaderLine}})
		if r.Read > 8*b.Parts || r.Work > 17<<20 {
			t.Errorf("%s: %d headers read, %d lines compared", c.name, r.Read, r.Work)
		}
		if !slices.ContainsFunc(r.Defects, func(d mime.Defect) bool { return d.ID == mime.BoundWork || d.ID == mime.BoundParts }) {
			t.Errorf("%s: no bound among the defects; %d headers read, %d lines compared", c.name, r.Read, r.Work)
		}
	}
}

// nestedUnterminated is n multiparts, each inside the last, none closed.
func nestedUnterminated(n int) string {
	var b strings.Builder
	b.WriteString(topFields + "Content-Type: multipart/mixed; boundary=N0\r\n\r\n")
	for i := range n {
		fmt.Fprintf(&b, "--N%d\r\nContent-Type: multipart/mixed; boundary=N%d\r\n\r\n", i, i+1)
	}
	return b.String()
}
