package arc

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"foregate/mail"
	"foregate/scan/auth/internal/canon"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return k
})

func testZone() zone {
	der, err := x509.MarshalPKIXPublicKey(testKey().Public())
	if err != nil {
		panic(err)
	}
	z := zone{}
	for i := range MaxSets + 2 {
		z[fmt.Sprintf("s._domainkey.hop%d.example", i)] = "v=DKIM1; p=" + base64.StdEncoding.EncodeToString(der)
	}
	return z
}

var testNow = time.Unix(1790000000, 0)

const testMessage = "From: Ann <ann@example.com>\r\nTo: list@hop1.example\r\nSubject: hello\r\n\r\nHello all.\r\n"

// hop says how an intermediary deviates from an honest one.
type hop struct {
	cv, names, messageTags, sealTags, domain string
	limit                                    int64
}

// addHop adds the set of one intermediary on top of a message.
func addHop(t testing.TB, raw string, instance int, h hop) string {
	t.Helper()
	if h.cv == "" {
		h.cv = "pass"
		if instance == 1 {
			h.cv = "none"
		}
	}
	if h.names == "" {
		h.names = "from:to:subject"
	}
	if h.domain == "" {
		h.domain = fmt.Sprintf("hop%d.example", instance)
	}
	limit := canon.NoLimit
	if h.limit != 0 {
		limit = h.limit
		h.messageTags += fmt.Sprintf(" l=%d;", limit)
	}
	msg := canon.Split([]byte(raw))
	sum := sha256.New()
	msg.HashBody(sum, canon.Relaxed, limit)
	results := fmt.Sprintf("ARC-Authentication-Results: i=%d; %s;\r\n dkim=pass header.d=example.com\r\n", instance, h.domain)
	ams := fmt.Sprintf("ARC-Message-Signature: i=%d; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=s; h=%s;%s bh=%s; b=",
		instance, h.domain, h.names, h.messageTags, base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	picker := canon.NewPicker(msg.Fields)
	var data []byte
	for _, name := range canon.SplitNames(h.names) {
		if f, _, ok := picker.Next(name); ok {
			data = canon.AppendField(data, f, canon.Relaxed)
		}
	}
	ams += sign(t, data, ams) + "\r\n"
	seal := fmt.Sprintf("ARC-Seal: i=%d; a=rsa-sha256; cv=%s; d=%s; s=s;%s b=", instance, h.cv, h.domain, h.sealTags)
	sets, _ := collect(msg.Fields)
	data = nil
	for _, s := range sets {
		for _, f := range []canon.Field{s.resultsField, s.messageField, s.sealField} {
			data = canon.AppendField(data, f, canon.Relaxed)
		}
	}
	for _, f := range canon.Split([]byte(results + ams)).Fields {
		data = canon.AppendField(data, f, canon.Relaxed)
	}
	return seal + sign(t, data, seal) + "\r\n" + ams + results + raw
}

// sign signs data and the field, whose b= is empty and last.
func sign(t testing.TB, data []byte, field string) string {
	t.Helper()
	own := canon.Split([]byte(field + "\r\n")).Fields[0]
	n := len(own.Value())
	data = append(bytes.Clone(data), canon.AppendUnsigned(nil, own, [2]int{n, n}, canon.Relaxed)...)
	sum := sha256.Sum256(data)
	sig, err := rsa.SignPKCS1v15(nil, testKey(), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

func TestVerifyChain(t *testing.T) {
	raw := addHop(t, testMessage, 1, hop{})
	raw = addHop(t, "Received: from x\r\n"+raw, 2, hop{})
	got := Verify(t.Context(), testZone(), []byte(raw), testNow)
	want := Result{
		Result: mail.ResultPass, Sealer: "hop2.example",
		Chain: []Set{
			{Instance: 1, Sealer: "hop1.example", Selector: "s", Signer: "hop1.example", CV: "none",
				Results: "hop1.example; dkim=pass header.d=example.com"},
			{Instance: 2, Sealer: "hop2.example", Selector: "s", Signer: "hop2.example", CV: "pass",
				Results: "hop2.example; dkim=pass header.d=example.com"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyReasons(t *testing.T) {
	one := addHop(t, testMessage, 1, hop{})
	two := addHop(t, one, 2, hop{})
	tests := []struct {
		name, raw string
		want      mail.Result
		reason    string
	}{
		{"no chain", testMessage, mail.ResultNone, ""},
		{"empty", "", mail.ResultNone, ""},
		{"local form", strings.ReplaceAll(two, "\r\n", "\n"), mail.ResultPass, ""},
		{"body changed", two + "more\r\n", mail.ResultFail, "instance 2: the body was changed after it was signed"},
		{"subject changed", strings.Replace(two, "hello", "HELLO", 1), mail.ResultFail, "instance 2: signature did not verify"},
		{"oldest results changed", strings.Replace(two, "i=1; hop1.example;", "i=1; hop9.example;", 1), mail.ResultFail, "instance 2: signature did not verify"},
		{"second From", "From: eve@example.org\r\n" + two, mail.ResultFail, "instance 2: a From field is not covered by the signature"},
		{"bare LF", "X: a\nFrom: eve@example.org\r\n" + two, mail.ResultFail, "the message contains a bare CR or LF"},
		{"list changed the text, then sealed", addHop(t, one+"footer\r\n", 2, hop{}), mail.ResultPass, ""},
		{"cv of a broken chain", addHop(t, one, 2, hop{cv: "fail"}), mail.ResultFail, "instance 2: the seal says cv=fail"},
		{"cv none later", addHop(t, one, 2, hop{cv: "none"}), mail.ResultFail, "instance 2: the seal says cv=none"},
		{"cv pass first", addHop(t, testMessage, 1, hop{cv: "pass"}), mail.ResultFail, "instance 1: the seal says cv=pass"},
		{"gap", addHop(t, one, 3, hop{}), mail.ResultFail, "instance 2 is missing"},
		{"instance 0", addHop(t, testMessage, 0, hop{}), mail.ResultFail, "malformed arc-seal: i= is not a number from 1 to 50"},
		{"twice", addHop(t, one, 1, hop{}), mail.ResultFail, "malformed arc-seal: an instance has two of them"},
		{"seal with h=", addHop(t, testMessage, 1, hop{sealTags: " h=from;"}), mail.ResultFail, "malformed arc-seal: h= is not allowed"},
		{"seal signed", addHop(t, testMessage, 1, hop{names: "from:ARC-Seal"}), mail.ResultFail, "malformed arc-message-signature: h= names arc-seal"},
		{"part of the body", addHop(t, testMessage, 1, hop{limit: 3}), mail.ResultFail, "instance 1: the signature does not cover the whole body"},
		{"all of the body", addHop(t, testMessage, 1, hop{limit: 12}), mail.ResultPass, ""},
		{"expired", addHop(t, testMessage, 1, hop{messageTags: " x=1000;"}), mail.ResultFail, "instance 1: the signature has expired"},
		{"expires later", addHop(t, testMessage, 1, hop{messageTags: " x=1800000000;"}), mail.ResultPass, ""},
		{"no key", addHop(t, testMessage, 1, hop{domain: "gone.example"}), mail.ResultFail, "instance 1: no key at s._domainkey.gone.example"},
		{"no answer", addHop(t, testMessage, 1, hop{domain: "slow.example"}), mail.ResultTempError, "instance 1: key could not be fetched: DNS could not be asked"},
	}
	z := testZone()
	z["s._domainkey.slow.example"] = "TEMPERROR"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Verify(t.Context(), z, []byte(tt.raw), testNow)
			if got.Result != tt.want || got.Reason != tt.reason {
				t.Errorf("got %s (%s), want %s (%s)", got.Result, got.Reason, tt.want, tt.reason)
			}
		})
	}
}

// TestLongest shows that fifty sets are a chain and fifty-one are not.
func TestLongest(t *testing.T) {
	raw := testMessage
	for i := 1; i <= MaxSets; i++ {
		raw = addHop(t, raw, i, hop{})
	}
	if got := Verify(t.Context(), testZone(), []byte(raw), testNow); got.Result != mail.ResultPass || len(got.Chain) != MaxSets {
		t.Errorf("%d sets: %s (%s)", MaxSets, got.Result, got.Reason)
	}
	raw = addHop(t, raw, MaxSets+1, hop{})
	if got := Verify(t.Context(), testZone(), []byte(raw), testNow); got.Result != mail.ResultFail {
		t.Errorf("%d sets: %s", MaxSets+1, got.Result)
	}
}

// TestTamper shows that no letter of any ARC field, signed field or body can
// change without breaking the chain.
func TestTamper(t *testing.T) {
	raw := []byte(addHop(t, addHop(t, testMessage, 1, hop{}), 2, hop{}))
	z := testZone()
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
		if c := raw[at]; c < 'g' || c > 'z' {
			rt.Skip("only letters that base64, names and text share")
		}
		changed := bytes.Clone(raw)
		changed[at] -= 2
		got := Verify(t.Context(), z, changed, testNow)
		if got.Result == mail.ResultPass {
			line := changed[bytes.LastIndexByte(changed[:at], '\n')+1:]
			line, _, _ = bytes.Cut(line, []byte("\r\n"))
			rt.Fatalf("passes with %q changed", line)
		}
	})
}

func FuzzVerify(f *testing.F) {
	one := addHop(f, testMessage, 1, hop{})
	f.Add([]byte(one))
	f.Add([]byte(strings.ReplaceAll(addHop(f, one, 2, hop{}), "\r\n", "\n")))
	f.Add([]byte("ARC-Authentication-Results: i=1;\nARC-Seal: i=1;\n\n"))
	z := testZone()
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := Verify(t.Context(), z, raw, testNow)
		for _, s := range got.Chain {
			if strings.ContainsAny(s.Results+s.Sealer+s.Selector+s.Signer, "\r\n\x00") {
				t.Errorf("%+v can break a header field", s)
			}
		}
		if strings.ContainsAny(got.Reason, "\r\n\x00") {
			t.Errorf("reason %q", got.Reason)
		}
		switch got.Result {
		case mail.ResultPass:
			if got.Sealer == "" || len(got.Chain) == 0 || got.Reason != "" {
				t.Errorf("pass without a chain: %+v", got)
			}
		case mail.ResultNone:
			if got.Chain != nil {
				t.Errorf("none with a chain: %+v", got)
			}
		case mail.ResultFail, mail.ResultTempError:
			if got.Reason == "" || got.Sealer != "" {
				t.Errorf("failure without a reason: %+v", got)
			}
		default:
			t.Errorf("result %q", got.Result)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	line := "The quick brown fox jumps over the lazy dog, and then once more.\r\n"
	raw := testMessage + strings.Repeat(line, 22<<10/len(line))
	for _, n := range []int{1, 3} {
		chain := raw
		for i := 1; i <= n; i++ {
			chain = addHop(b, chain, i, hop{})
		}
		z := testZone()
		b.Run(fmt.Sprintf("sets=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(chain)))
			for b.Loop() {
				if got := Verify(b.Context(), z, []byte(chain), testNow); got.Result != mail.ResultPass {
					b.Fatal(got.Reason)
				}
			}
		})
	}
}
