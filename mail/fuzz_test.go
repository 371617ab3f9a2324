package mail

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"foregate/mail/internal/header"
)

func FuzzParse(f *testing.F) {
	for _, vs := range [][]variant{boundaryVariants(), delimiterVariants(), headerVariants(), nestedVariants(), uuVariants()} {
		for i := 0; i < len(vs); i += 7 {
			if len(vs[i].raw) < 8<<10 {
				f.Add([]byte(vs[i].raw))
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		keep := bytes.Clone(raw)
		m := Parse(Envelope{}, raw)
		if !bytes.Equal(keep, raw) {
			t.Fatal("Parse changed its input")
		}
		if len(m.Parts) > MaxParts {
			t.Fatalf("%d parts", len(m.Parts))
		}
		var size int64
		for _, p := range m.Parts {
			if !p.Multipart {
				size += int64(p.Size)
			}
		}
		if limit := int64(len(raw)+64) * 200; size > limit {
			t.Fatalf("%d bytes decoded from %d", size, len(raw))
		}
		a, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(Parse(Envelope{}, raw))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Fatal("two runs differ")
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@b.example", `"A, B" <a@b.example>, c@d.example`, "g: a@b, c@d;", "<@a:b@c>", "a (b(c)\\)) <d@e", "=?utf-8?q?a=40b?= <", `"x@y"@z`, "a,b,c", "<<a>>", ":;,", "\"", "("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		as := header.ParseAddresses(s)
		if len(as) > len(s)+1 {
			t.Fatalf("%d addresses from %d bytes", len(as), len(s))
		}
		for _, a := range as {
			if strings.ContainsAny(a.Domain, " \t\r\n") {
				t.Fatalf("blank in domain %q", a.Domain)
			}
			toMailbox(a)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"Mon, 21 Oct 2019 14:23:24 -0400", "21 Oct 19 2:23 PM EST", "2019-10-21T14:23:24.5+02:00", "Mon Oct 21 14:23:24 2019", "1/2/3", "::", "Z", "24:60:60 1 jan 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := header.ParseDate(s)
		if !ok {
			return
		}
		if _, err := json.Marshal(d.Time); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		again, ok := header.ParseDate(d.Time.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
		if y := d.Time.Year(); y >= 1000 && (!ok || again.Time.Unix() != d.Time.Unix()) {
			t.Fatalf("%q: %v does not survive its own form: %v", s, d.Time, again.Time)
		}
	})
}

func FuzzHeaderParams(f *testing.F) {
	for _, s := range []string{`multipart/mixed; boundary="a"`, `a/b; n*0*=utf-8''a; n*1=b`, `x; boundary=(c)b; boundary="`, "; boundary=\r\n b", `a; filename*=x'y'%zz`, `a;b="\"`, `((((`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p := header.ParseParams(s); len(p.List) > 100 {
			t.Fatalf("%d parameters", len(p.List))
		}
		if b := header.Boundaries([]byte(s)); len(b) > 24 {
			t.Fatalf("%d boundaries", len(b))
		}
		for _, n := range header.FileNames([]byte(s), "filename") {
			if len(n) > 8*len(s)+8 {
				t.Fatalf("name of %d bytes from %d", len(n), len(s))
			}
		}
	})
}

func FuzzDecodeWord(f *testing.F) {
	for _, s := range []string{"=?utf-8?B?w6Q=?=", "=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "a =?x?q?b?= c", "=?", "=?utf-8?q?=?=", "=?utf-7?q?+AOk-?=", "=?iso-2022-jp?b?GyRCJUYbKEI=?=", "\xe9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := header.DecodeWords(s)
		if !utf8.ValidString(d) {
			t.Fatalf("%q decodes to invalid UTF-8 %q", s, d)
		}
		if len(d) > 8*len(s)+8 {
			t.Fatalf("%d bytes from %d", len(d), len(s))
		}
	})
}
