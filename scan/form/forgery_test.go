package form

import (
	"slices"
	"testing"

	"foregate/mail"
)

// What the checks for imitations say of whole messages.
func TestForged(t *testing.T) {
	const top = "From: Ada <ada@kontorwerke.de>\r\nTo: b@x.example\r\nSubject: Minutes\r\nDate: Wed, 11 Nov 2026 10:00:00 +0000\r\n"
	multipart := func(boundary string) string {
		return top + "Message-ID: <1@kontorwerke.de>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary=\"" + boundary + "\"\r\n\r\n--" +
			boundary + "\r\nContent-Type: text/plain\r\n\r\nHello\r\n--" + boundary + "--\r\n"
	}
	relayed := func(from, by, id string) string {
		return "Received: from " + from + " by " + by + " with ESMTP; Wed, 11 Nov 2026 10:00:01 +0000\r\n" + top + "Message-ID: <" + id + ">\r\n\r\nHello\r\n"
	}
	tests := []struct {
		name, raw string
		want      []string
	}{
		{"a boundary of Outlook", multipart("----=_NextPart_000_0012_01DC2AF3.1F30B2A0"), nil},
		{"a boundary of 1997", multipart("----=_NextPart_000_0012_01BC2AF3.1F30B2A0"), nil},
		{"a time of the year 30000", multipart("----=_NextPart_000_0012_2E412834.021789B9"), []string{"form.forged-boundary"}},
		{"a time before 1995", multipart("----=_NextPart_000_0012_00AC2AF3.1F30B2A0"), []string{"form.forged-boundary"}},
		{"another form", multipart("----=_NextPart_2E412834_021789B9_000012340"), nil},
		{"Outlook by name alone", top + "Message-ID: <1@kontorwerke.de>\r\nX-Mailer: Microsoft Outlook Express 6.00\r\n\r\nHello\r\n", []string{"form.forged-mailer"}},
		{"Outlook", top + "Message-ID: <1@kontorwerke.de>\r\nX-Mailer: Microsoft Outlook 16.0\r\nThread-Index: AdkJ\r\n\r\nHello\r\n", nil},
		{"Outlook for the Macintosh", top + "Message-ID: <1@kontorwerke.de>\r\nX-Mailer: Microsoft Outlook Express Macintosh Edition\r\n\r\nHello\r\n", nil},
		{"an identifier of a relay", relayed("box.stoffe-nord.de (box.stoffe-nord.de [192.0.2.1])", "FE01.relay.hoster.net (10.0.0.1)", "1@FE01.inner.hoster.net"), []string{"form.relay-message-id"}},
		{"an identifier of the own host", relayed("box.stoffe-nord.de ([192.0.2.1])", "mx.hoster.net", "1@box.stoffe-nord.de"), nil},
		{"an identifier of the own relay", relayed("box.stoffe-nord.de ([192.0.2.1])", "mx.kontorwerke.de", "1@mx.kontorwerke.de"), nil},
		{"a program without a network name", relayed("localhost", "mx.hoster.net", "1@mx.hoster.net"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &mail.Facts{}
			if err := (Stage{}).Analyze(t.Context(), mail.Parse(mail.Envelope{}, []byte(tt.raw)), f); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range f.Evidence {
				got = append(got, it.ID)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("evidence %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNeedlessWord(t *testing.T) {
	tests := []struct{ field, want string }{
		{"Minutes of Monday", ""},
		{"=?utf-8?B?TWludXRlcyBvZiBNb25kYXk=?=", "=?utf-8?B?TWludXRlcyBvZiBNb25kYXk=?="},
		{"=?utf-8?q?=4D=69=6E=75=74=65=73?=", "=?utf-8?q?=4D=69=6E=75=74=65=73?="},
		{"=?utf-8?Q?Minutes=20of=20Monday?=", ""},                                           // blanks are often coded
		{"=?utf-8?Q?Walter_=28Verein=29?=", ""},                                             // brackets must be
		{"=?utf-8?B?w5xiZXJzaWNodA==?=", ""},                                                // Übersicht
		{"=?utf-8?Q?=C3=9Cbersicht_?= =?utf-8?B?TWludXRlcyBvZiBNb25kYXk=?=", ""},            // a long text cut into words
		{"Re: =?utf-8?B?TWlu?=", ""},                                                        // too short
		{"=?utf-8?B?TWlu", ""},                                                              // no word
		{"=?utf-8?X?TWludXRlcw==?=", ""},                                                    // no such encoding
		{"=?utf-8?B?@@@@?= =?=?=?= =?utf-8?Q?=4?= =?utf-8?Q?=", ""},                         // broken
		{"\r\n =?us-ascii?B?TWludXRlcw==?=\r\n", "=?us-ascii?B?TWludXRlcw==?="},             // folded
		{"=?utf-8?B?TWludXRlcw==?= =?utf-8?B?T3RoZXI=?=", "=?utf-8?B?TWludXRlcw==?="},       // the first is named
		{"=?utf-8*en?B?TWludXRlcw==?=", "=?utf-8*en?B?TWludXRlcw==?="},                      // RFC 2231 language
		{"=?utf-8?B?TWludXRlcw==?=" + string(make([]byte, 50)), "=?utf-8?B?TWludXRlcw==?="}, // zeros behind
	}
	for _, tt := range tests {
		if got := needlessWord(tt.field); got != tt.want {
			t.Errorf("needlessWord(%q) = %q, want %q", tt.field, got, tt.want)
		}
	}
}

// A field is found folded, in any case, and not in the body.
func TestRawField(t *testing.T) {
	raw := []byte("To: b@x.example\r\nsubject: a\r\n b\r\nX: y\r\n\r\nFrom: nobody\r\n")
	if got := rawField(raw, "Subject"); got != " a\r\n b\r\n" {
		t.Errorf("subject is %q", got)
	}
	if got := rawField(raw, "From"); got != "" {
		t.Errorf("the body's line is taken for a field: %q", got)
	}
}

func FuzzForged(f *testing.F) {
	f.Add([]byte("From: =?utf-8?B?TWlu?=\r\nContent-Type: multipart/mixed; boundary=----=_NextPart_000_0012_2E412834.021789B9\r\n\r\n"))
	f.Add([]byte("Subject: =?=?=?=\r\nMessage-ID: <@>\r\nReceived: from by\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := mail.Parse(mail.Envelope{}, raw)
		for _, it := range forged(m) {
			if it.Claim == "" || len(it.Quote) > 400 {
				t.Errorf("%q with a quote of %d bytes", it.ID, len(it.Quote))
			}
		}
	})
}
