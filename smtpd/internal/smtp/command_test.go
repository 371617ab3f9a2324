package smtp

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParsePath(t *testing.T) {
	for _, c := range []struct {
		arg, path string
		params    []Param
		err       string
	}{
		{arg: "FROM:<a@b.test>", path: "a@b.test"},
		{arg: "from:<>", path: ""},
		{arg: "FROM: <a@b.test>", path: "a@b.test"},
		{arg: "FROM:<@x.test,@y.test:a@b.test>", path: "a@b.test"},
		{arg: `FROM:<"a > b"@b.test> SIZE=12`, path: `"a > b"@b.test`, params: []Param{{"SIZE", "12"}}},
		{arg: `FROM:<"a\">"@b.test>`, path: `"a\">"@b.test`},
		{arg: "FROM:<a@b.test>  size=12  BODY=8BITMIME smtputf8", path: "a@b.test", params: []Param{{"SIZE", "12"}, {"BODY", "8BITMIME"}, {"SMTPUTF8", ""}}},
		{arg: "FROM:a@b.test", err: "the address must stand in angle brackets"},
		{arg: "FROM:<a@b.test", err: "the address has no closing angle bracket"},
		{arg: `FROM:<"a@b.test>`, err: "the address has no closing angle bracket"},
		{arg: "FROM:<a@b.test>SIZE=1", err: "no space after the address"},
		{arg: "FROM:<@x.test>", err: "bad source route"},
		{arg: "TO:<a@b.test>", err: "expected FROM:<address>"},
		{arg: "", err: "expected FROM:<address>"},
		{arg: "FROM:<a@b.test> SIZE=", err: "bad value of parameter SIZE"},
		{arg: "FROM:<a@b.test> SIZE=1=2", err: "bad value of parameter SIZE"},
		{arg: "FROM:<a@b.test> =1", err: "bad parameter name"},
		{arg: "FROM:<a@b.test> a_b=1", err: "bad parameter name"},
		{arg: "FROM:<a@b.test> SIZE=1 size=2", err: "parameter SIZE given twice"},
		{arg: "FROM:<" + strings.Repeat("a", MaxPath) + "@b.test>", err: "the address is too long"},
	} {
		path, params, err := ParsePath("FROM:", c.arg)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s: error %v, want %s", c.arg, err, c.err)
			}
			continue
		}
		if err != nil || path != c.path || cmp.Diff(c.params, params, cmpopts.EquateEmpty()) != "" {
			t.Errorf("%s: %q %v %v, want %q %v", c.arg, path, params, err, c.path, c.params)
		}
	}
}

func TestCheckMailbox(t *testing.T) {
	for _, good := range []string{"a@b", "a.b+c=d@sub.b.test", `"a b"@b.test`, `"a\"@"@b.test`, "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "ü@bücher.test", "a'b/c@b_d.test", "a@b.test."} {
		if err := CheckMailbox(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":             "the address needs a local part and a domain",
		"a":            "the address needs a local part and a domain",
		"@b":           "the address needs a local part and a domain",
		"a@":           "the address needs a local part and a domain",
		"a@b\xff":      "the address is not UTF-8",
		`"a@b.test`:    "bad quoted local part",
		`"a\"@b.test`:  "bad quoted local part",
		`"a"b"@b.test`: "bad quoted local part",
		"a b@b.test":   "bad character or dot in the local part",
		".a@b.test":    "bad character or dot in the local part",
		"a.@b.test":    "bad character or dot in the local part",
		"a..b@b.test":  "bad character or dot in the local part",
		"a<b@b.test":   "bad character or dot in the local part",
		"a@b@c.test":   "bad character or dot in the local part",
		"a@b..test":    "bad domain name",
		"a@.test":      "bad domain name",
		"a@b test":     "bad domain name",
		"a@b>x":        "bad domain name",
		"a@[]":         "bad address literal",
		"a@[1":         "bad address literal",
		"a@[1]]":       "bad address literal",
	} {
		if err := CheckMailbox(bad); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", bad, err, want)
		}
	}
}

func TestOriginSet(t *testing.T) {
	for _, c := range []struct {
		arg  string
		want Origin
		err  string
	}{
		{arg: "ADDR=192.0.2.1 NAME=mail.x.test. HELO=mail.x.test PROTO=ESMTP PORT=25 IDENT=4x SOURCE=REMOTE",
			want: Origin{Addr: netip.MustParseAddr("192.0.2.1"), Name: "mail.x.test", Helo: "mail.x.test", Proto: "ESMTP", Port: "25", Ident: "4x", Source: "REMOTE"}},
		{arg: "addr=IPv6:2001:DB8::1", want: Origin{Addr: netip.MustParseAddr("2001:db8::1")}},
		{arg: "ADDR=::ffff:192.0.2.1", want: Origin{Addr: netip.MustParseAddr("192.0.2.1")}},
		{arg: "ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL] HELO=[unavailable]"},
		{arg: "HELO=a+20b+2Bc+3D", want: Origin{Helo: "a b+c="}},
		{arg: "NAME=", want: Origin{}},
		{arg: "", err: "no attributes"},
		{arg: "NAME", err: "bad attribute NAME"},
		{arg: "LOGIN=x", err: "bad attribute LOGIN"},
		{arg: "ADDR=x", err: "bad value of ADDR"},
		{arg: "ADDR=fe80::1%25eth0", err: "bad value of ADDR"},
		{arg: "HELO=a+0Db", err: "bad value of HELO"},
		{arg: "HELO=a+00", err: "bad value of HELO"},
		{arg: "HELO=a+FF", err: "bad value of HELO"},
		{arg: "HELO=a+2", err: "bad value of HELO"},
		{arg: "HELO=a+GG", err: "bad value of HELO"},
	} {
		var got Origin
		err := got.Set(XforwardNames, c.arg)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s: error %v, want %s", c.arg, err, c.err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", c.arg, got, err, c.want)
		}
	}
}

// FuzzCommand: what the parser lets through can be sent on as one command, and
// reads the same there.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		"MAIL FROM:<a@b.test> SIZE=1 BODY=8BITMIME", `MAIL FROM:<"a>b"@b.test>`, "MAIL FROM:<@r.test:a@b.test>", "XFORWARD NAME=a+0D+0A ADDR=IPv6:::1",
		"MAIL FROM:<a@b\rRSET>", "MAIL FROM:<\x00>", "RCPT TO:<ü@b.test> ORCPT=rfc822;a+40b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		verb, arg := SplitCommand(line)
		if strings.Contains(verb, " ") {
			t.Fatalf("verb %q", verb)
		}
		if path, params, err := ParsePath("FROM:", arg); err == nil && CheckMailbox(path) == nil && !strings.ContainsAny(line, "\r\n") {
			again := "FROM:<" + path + ">"
			for _, p := range params {
				again += " " + p.String()
			}
			path2, params2, err := ParsePath("FROM:", again)
			if err != nil || path2 != path || cmp.Diff(params, params2) != "" {
				t.Fatalf("%q reads %q %v, sent on as %q reads %q %v %v", line, path, params, again, path2, params2, err)
			}
		}
		var o Origin
		if o.Set(XforwardNames, arg) == nil {
			for _, v := range []string{o.Helo, o.Name, o.Port, o.Proto, o.Ident, o.Source} {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Fatalf("%q gives %+v", line, o)
				}
				if back, err := xtext(toXtext(v)); err != nil || back != v {
					t.Fatalf("xtext of %q is %q and reads %q %v", v, toXtext(v), back, err)
				}
			}
		}
	})
}
