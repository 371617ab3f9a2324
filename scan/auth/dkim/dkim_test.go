package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
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

	signer "github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"foregate/mail"
	"foregate/scan/auth/internal/authtest"
	"foregate/scan/auth/internal/canon"
)

// keys are made once: RSA keys take a while.
var testKeys = sync.OnceValue(func() map[string]crypto.Signer {
	keys := map[string]crypto.Signer{}
	for name, bits := range map[string]int{"rsa1024": 1024, "rsa2048": 2048} {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		keys[name] = k
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	keys["ed25519"] = ed
	return keys
})

// record is the key record for a test key, with extra tags in front of p=.
func record(name, extra string) string {
	key := testKeys()[name]
	if ed, ok := key.Public().(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; " + extra + "p=" + base64.StdEncoding.EncodeToString(ed)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	return "v=DKIM1; " + extra + "p=" + base64.StdEncoding.EncodeToString(der)
}

func testZone() zone {
	z := zone{}
	for _, name := range []string{"rsa1024", "rsa2048", "ed25519"} {
		z[name+"._domainkey.example.com"] = []string{record(name, "")}
	}
	return z
}

const testMessage = "From: Ann <ann@example.com>\r\n" +
	"To: bob@example.net\r\n" +
	"Subject:  A   folded\r\n\t subject \r\n" +
	"Date: Mon, 23 Nov 2026 08:00:00 +0000\r\n" +
	"\r\n" +
	"Hello  Bob,\r\n\r\n  this is\ta test. \r\n\r\n\r\n"

// tags are the tags of a hand-made signature; see craft.
type tags struct {
	key, extra, names, forms string
	drop                     string // a tag to leave out
	limit                    int64
}

// craft signs a message with the package's own canonical forms, for what the
// other signer refuses to sign.
func craft(t testing.TB, raw string, g tags) string {
	t.Helper()
	if g.forms == "" {
		g.forms = "relaxed/relaxed"
	}
	if g.names == "" {
		g.names = "from:to:subject:date"
	}
	header, body, ok := canon.ParseForms(g.forms)
	if !ok {
		body = canon.Relaxed
	}
	limit := canon.NoLimit
	if g.limit != 0 {
		limit = g.limit
		g.extra += fmt.Sprintf("l=%d; ", max(limit, 0))
		limit = max(limit, 0)
	}
	msg := canon.Split([]byte(raw))
	h := sha256.New()
	msg.HashBody(h, body, limit)
	algorithm := "rsa-sha256"
	if g.key == "ed25519" {
		algorithm = "ed25519-sha256"
	}
	field := fmt.Sprintf("DKIM-Signature: v=1; a=%s; c=%s; d=example.com; s=%s; h=%s; %sbh=%s; b=",
		algorithm, g.forms, g.key, g.names, g.extra, base64.StdEncoding.EncodeToString(h.Sum(nil)))
	if g.drop != "" {
		start := strings.Index(field, " "+g.drop+"=")
		end := start + strings.IndexByte(field[start:], ';') + 1
		field = field[:start] + field[end:]
	}
	picker := canon.NewPicker(msg.Fields)
	var data []byte
	for _, name := range canon.SplitNames(g.names) {
		if f, _, ok := picker.Next(name); ok {
			data = canon.AppendField(data, f, header)
		}
	}
	own := canon.Split([]byte(field + "\r\n\r\n")).Fields[0]
	data = append(data, canon.AppendUnsigned(nil, own, [2]int{len(own.Value()), len(own.Value())}, header)...)
	sum := sha256.Sum256(data)
	var opts crypto.SignerOpts = crypto.SHA256
	if g.key == "ed25519" {
		opts = crypto.Hash(0)
	}
	sig, err := testKeys()[g.key].Sign(rand.Reader, sum[:], opts)
	if err != nil {
		t.Fatal(err)
	}
	return field + base64.StdEncoding.EncodeToString(sig) + "\r\n" + raw
}

func verifyOne(t testing.TB, z zone, raw string) mail.DKIM {
	t.Helper()
	got := Verify(t.Context(), z, []byte(raw), Options{Now: fixedNow})
	if len(got) != 1 {
		t.Fatalf("%d results, want 1", len(got))
	}
	return got[0]
}

func TestVerifyTags(t *testing.T) {
	early, late := fixedNow().Unix()-1000, fixedNow().Unix()+100000
	tests := []struct {
		name   string
		tags   tags
		want   mail.Result
		weak   string
		reason string
	}{
		{name: "strong RSA", tags: tags{key: "rsa2048"}, want: mail.ResultPass},
		{name: "Ed25519", tags: tags{key: "ed25519"}, want: mail.ResultPass},
		{name: "short RSA", tags: tags{key: "rsa1024"}, want: mail.ResultPass, weak: WeakKey},
		{name: "simple", tags: tags{key: "ed25519", forms: "simple/simple"}, want: mail.ResultPass},
		{name: "one word", tags: tags{key: "ed25519", forms: "relaxed"}, want: mail.ResultPass},
		{name: "unknown form", tags: tags{key: "ed25519", forms: "loose/relaxed"}, want: mail.ResultPermError, reason: "unknown canonicalization"},
		{name: "length", tags: tags{key: "ed25519", limit: 5}, want: mail.ResultPass, weak: WeakLength, reason: "the signature covers 5 of 32 bytes of the body"},
		{name: "length zero", tags: tags{key: "ed25519", limit: -1}, want: mail.ResultPass, weak: WeakLength, reason: "the signature covers 0 of 32 bytes of the body"},
		{name: "length beyond", tags: tags{key: "ed25519", limit: 3000}, want: mail.ResultFail, reason: "the body is shorter than l= says"},
		{name: "not expired", tags: tags{key: "ed25519", extra: fmt.Sprintf("t=%d; x=%d; ", early, late)}, want: mail.ResultPass},
		{name: "expired", tags: tags{key: "ed25519", extra: fmt.Sprintf("x=%d; ", early)}, want: mail.ResultPermError, reason: "signature has expired"},
		{name: "times swapped", tags: tags{key: "ed25519", extra: fmt.Sprintf("t=%d; x=%d; ", late, early)}, want: mail.ResultPermError, reason: "x= is not after t="},
		{name: "future", tags: tags{key: "ed25519", extra: fmt.Sprintf("t=%d; ", late)}, want: mail.ResultPass, weak: WeakFuture},
		{name: "endless x", tags: tags{key: "ed25519", extra: "x=99999999999999999999999; "}, want: mail.ResultPass},
		{name: "negative t", tags: tags{key: "ed25519", extra: "t=-1; "}, want: mail.ResultPermError, reason: "malformed t="},
		{name: "From not signed", tags: tags{key: "ed25519", names: "to:subject"}, want: mail.ResultPermError, reason: "the From field is not signed"},
		{name: "oversigned", tags: tags{key: "ed25519", names: "from:from:to:to:subject:subject"}, want: mail.ResultPass},
		{name: "empty name", tags: tags{key: "ed25519", names: "from::to"}, want: mail.ResultPermError, reason: "malformed h="},
		{name: "identity below", tags: tags{key: "ed25519", extra: "i=ann@mail.example.com; "}, want: mail.ResultPass},
		{name: "identity case", tags: tags{key: "ed25519", extra: "i=ann@EXAMPLE.com; "}, want: mail.ResultPass},
		{name: "identity elsewhere", tags: tags{key: "ed25519", extra: "i=ann@example.org; "}, want: mail.ResultPermError, reason: "i= is not within d="},
		{name: "identity lookalike", tags: tags{key: "ed25519", extra: "i=ann@notexample.com; "}, want: mail.ResultPermError, reason: "i= is not within d="},
		{name: "identity without at", tags: tags{key: "ed25519", extra: "i=example.com; "}, want: mail.ResultPermError, reason: "malformed i="},
		{name: "unknown query", tags: tags{key: "ed25519", extra: "q=http; "}, want: mail.ResultPermError, reason: "unknown q="},
		{name: "known query", tags: tags{key: "ed25519", extra: "q=http:dns/txt; "}, want: mail.ResultPass},
		{name: "tag twice", tags: tags{key: "ed25519", extra: "d=example.org; "}, want: mail.ResultPermError, reason: "malformed signature: tag d= appears twice"},
		{name: "unknown tag", tags: tags{key: "ed25519", extra: "zz=1; "}, want: mail.ResultPass},
	}
	for _, name := range []string{"v", "a", "d", "s", "h", "bh"} {
		tests = append(tests, struct {
			name   string
			tags   tags
			want   mail.Result
			weak   string
			reason string
		}{name: "no " + name, tags: tags{key: "ed25519", drop: name}, want: mail.ResultPermError, reason: "signature without " + name + "="})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := verifyOne(t, testZone(), craft(t, testMessage, tt.tags))
			if got.Result != tt.want || got.Weak != tt.weak || got.Reason != tt.reason {
				t.Errorf("got %s weak %q (%s), want %s weak %q (%s)",
					got.Result, got.Weak, got.Reason, tt.want, tt.weak, tt.reason)
			}
		})
	}
}

func TestVerifyKeys(t *testing.T) {
	weak512 := "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAIWmlgix/84GJ+dfgjm7LTc9EPdfkftlgiPpCq4/" +
		"kbDAZmU0VvYKDljjleJ1dfvS+CGy9U/kk1tG3EeEvb82xAcCAwEAAQ=="
	pkcs1 := "p=" + base64.StdEncoding.EncodeToString(
		x509.MarshalPKCS1PublicKey(testKeys()["rsa2048"].Public().(*rsa.PublicKey)))
	tests := []struct {
		name, key string
		records   []string
		want      mail.Result
		weak      string
		reason    string
	}{
		{"no record", "rsa2048", nil, mail.ResultPermError, "", "no key at rsa2048._domainkey.example.com"},
		{"no answer", "rsa2048", []string{"TEMPERROR"}, mail.ResultTempError, "", "key could not be fetched: DNS could not be asked"},
		{"revoked", "rsa2048", []string{"v=DKIM1; p="}, mail.ResultPermError, "", "key revoked"},
		{"no p", "rsa2048", []string{"v=DKIM1"}, mail.ResultPermError, "", "key record without p="},
		{"v not first", "rsa2048", []string{strings.Replace(record("rsa2048", "n=x; "), "v=DKIM1; n=x;", "n=x; v=DKIM1;", 1)}, mail.ResultPermError, "", "key record of another version"},
		{"no v", "rsa2048", []string{strings.TrimPrefix(record("rsa2048", ""), "v=DKIM1; ")}, mail.ResultPass, "", ""},
		{"bare RSA key", "rsa2048", []string{pkcs1}, mail.ResultPass, "", ""},
		{"other version", "rsa2048", []string{strings.Replace(record("rsa2048", ""), "DKIM1", "DKIM2", 1)}, mail.ResultPermError, "", "key record of another version"},
		{"junk", "rsa2048", []string{"v=spf1 -all"}, mail.ResultPermError, "", "key record of another version"},
		{"not base64", "rsa2048", []string{"v=DKIM1; p=*"}, mail.ResultPermError, "", "key is not base64"},
		{"not a key", "rsa2048", []string{"v=DKIM1; p=AAAA"}, mail.ResultPermError, "", "key is not an RSA public key"},
		{"other type", "rsa2048", []string{record("ed25519", "")}, mail.ResultPermError, "", "signature of type rsa but key of another type"},
		{"both types", "rsa2048", []string{record("ed25519", ""), record("rsa2048", "")}, mail.ResultPass, "", ""},
		{"other key first", "rsa2048", []string{record("rsa1024", ""), record("rsa2048", "")}, mail.ResultPass, "", ""},
		{"other key", "rsa2048", []string{record("rsa1024", "")}, mail.ResultFail, "", "signature did not verify"},
		{"too short", "rsa2048", []string{weak512}, mail.ResultFail, "", "RSA key of 512 bits is too short to prove anything"},
		{"SHA-1 only", "rsa2048", []string{record("rsa2048", "h=sha1; ")}, mail.ResultPermError, "", "key does not allow SHA-256"},
		{"both hashes", "rsa2048", []string{record("rsa2048", "h=sha1:sha256; ")}, mail.ResultPass, "", ""},
		{"other service", "rsa2048", []string{record("rsa2048", "s=tlsrpt; ")}, mail.ResultPermError, "", "key is not for email"},
		{"any service", "rsa2048", []string{record("rsa2048", "s=x:*; ")}, mail.ResultPass, "", ""},
		{"testing", "rsa2048", []string{record("rsa2048", "t=y; ")}, mail.ResultPass, WeakTesting, ""},
		{"testing and failing", "rsa2048", []string{record("rsa1024", "t=y:s; ")}, mail.ResultFail, WeakTesting, "signature did not verify"},
		{"Ed25519 length", "ed25519", []string{"k=ed25519; p=AAAA"}, mail.ResultPermError, "", "Ed25519 key of 3 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z := zone{}
			if tt.records != nil {
				z[tt.key+"._domainkey.example.com"] = tt.records
			}
			got := verifyOne(t, z, craft(t, testMessage, tags{key: tt.key}))
			if got.Result != tt.want || got.Weak != tt.weak || got.Reason != tt.reason {
				t.Errorf("got %s weak %q (%s), want %s weak %q (%s)",
					got.Result, got.Weak, got.Reason, tt.want, tt.weak, tt.reason)
			}
		})
	}
}

// TestSHA1 shows that rsa-sha1 is refused whatever the signature (RFC 8301).
func TestSHA1(t *testing.T) {
	raw := strings.Replace(craft(t, testMessage, tags{key: "rsa2048"}), "rsa-sha256", "rsa-sha1", 1)
	got := verifyOne(t, testZone(), raw)
	if got.Result != mail.ResultPermError || got.Algorithm != "rsa-sha1" {
		t.Errorf("got %s for %s", got.Result, got.Algorithm)
	}
}

// TestAmbiguousBytes shows that a signature never passes over a message which
// some program reads differently.
func TestAmbiguousBytes(t *testing.T) {
	good := craft(t, testMessage, tags{key: "ed25519"})
	withBody := func(body string) string {
		head, _, _ := strings.Cut(testMessage, "\r\n\r\n")
		return craft(t, head+"\r\n\r\n"+body, tags{key: "ed25519"})
	}
	tests := []struct {
		name, raw string
		want      mail.Result
	}{
		{"as signed", good, mail.ResultPass},
		{"as a local file", strings.ReplaceAll(good, "\r\n", "\n"), mail.ResultPass},
		{"in an mbox", "From ann Mon Nov 23\r\n" + good, mail.ResultPass},
		{"second From on top", "From: Eve <eve@example.org>\r\n" + good, mail.ResultPolicy},
		{"From hidden behind a bare LF", "X-A: b\nFrom: eve@example.org\r\n" + good, mail.ResultPolicy},
		{"From hidden behind a bare CR", "X-A: b\rFrom: eve@example.org\r\n" + good, mail.ResultPolicy},
		{"line that is no field", "hello\r\n" + good, mail.ResultPolicy},
		{"continuation first", " hello\r\n" + good, mail.ResultPolicy},
		{"NUL in the header", "X-A: \x00\r\n" + good, mail.ResultPolicy},
		{"bare LF in the signed body", withBody("a\nb\r\n"), mail.ResultPolicy},
		{"bare CR in the signed body", withBody("a\rb\r\n"), mail.ResultPolicy},
		{"NUL in the signed body", withBody("a\x00b\r\n"), mail.ResultPolicy},
		{"CRLF made LF in the body", strings.Replace(good, "Bob,\r\n", "Bob,\n", 1), mail.ResultFail},
		{"body cut", good[:len(good)-20], mail.ResultFail},
		{"text added", good + "more\r\n", mail.ResultFail},
		{"empty lines added", good + "\r\n\r\n", mail.ResultPass},
		{"header changed", strings.Replace(good, "folded", "altered", 1), mail.ResultFail},
		{"unsigned header added", "X-A: b\r\n" + good, mail.ResultPass},
		{"refolded", strings.Replace(good, "A   folded\r\n\t subject ", "A folded subject", 1), mail.ResultPass},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := verifyOne(t, testZone(), tt.raw); got.Result != tt.want {
				t.Errorf("got %s (%s), want %s", got.Result, got.Reason, tt.want)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	one := craft(t, testMessage, tags{key: "ed25519"})
	field := strings.TrimSuffix(one, testMessage)
	many := strings.Repeat(field, 9) + testMessage
	for limit, want := range map[int]int{0: DefaultMaxSignatures, 2: 2, 100: 9} {
		got := Verify(t.Context(), testZone(), []byte(many), Options{Now: fixedNow, MaxSignatures: limit})
		if len(got) != want {
			t.Errorf("MaxSignatures %d: %d results, want %d", limit, len(got), want)
		}
	}
	long := "X-A: " + strings.Repeat("x", canon.MaxHeader) + "\r\n" + one
	if got := Verify(t.Context(), testZone(), []byte(long), Options{Now: fixedNow}); len(got) != 0 {
		t.Errorf("%d results behind an endless header, want none", len(got))
	}
	wide := strings.Replace(one, "h=from", "h="+strings.Repeat("x:", maxSignature/2)+"from", 1)
	if got := verifyOne(t, testZone(), wide); got.Result != mail.ResultPermError {
		t.Errorf("endless h=: %s", got.Result)
	}
	for _, raw := range []string{"", "\r\n", "x", "\r\n\r\nDKIM-Signature: v=1\r\n"} {
		if got := Verify(t.Context(), testZone(), []byte(raw), Options{}); got != nil {
			t.Errorf("%q: %d results, want none", raw, len(got))
		}
	}
}

// countingZone counts queries.
type countingZone struct {
	zone
	n int
}

func TestKeyAskedOnce(t *testing.T) {
	one := craft(t, testMessage, tags{key: "ed25519"})
	field := strings.TrimSuffix(one, testMessage)
	z := &countingZone{zone: testZone()}
	got := Verify(t.Context(), z, []byte(strings.Repeat(field, 5)+testMessage), Options{Now: fixedNow})
	if len(got) != 5 || z.n != 1 {
		t.Errorf("%d results with %d queries, want 5 with 1", len(got), z.n)
	}
}

// TestSigner holds the verifier against an independent signer: every message
// signed by it verifies, and none does after a change of one signed byte.
func TestSigner(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		body := rapid.StringMatching(`([a-zA-Z \t.]{0,30}\r\n){0,8}([a-z ]{1,5})?`).Draw(rt, "body")
		subject := rapid.StringMatching(`[a-zA-Z]{1,10}(\r\n? [ \ta-z]{1,10}x){0,2}`).Draw(rt, "subject")
		subject = strings.ReplaceAll(strings.ReplaceAll(subject, "\r ", "\r\n "), "\n\n", "\n")
		raw := "From: Ann <ann@example.com>\r\nSubject: " + subject + "\r\nTo : bob@example.net\r\n\r\n" + body
		key := rapid.SampledFrom([]string{"rsa1024", "ed25519"}).Draw(rt, "key")
		forms := []signer.Canonicalization{signer.CanonicalizationSimple, signer.CanonicalizationRelaxed}
		header := rapid.SampledFrom(forms).Draw(rt, "header form")
		bodyForm := rapid.SampledFrom(forms).Draw(rt, "body form")
		var signed bytes.Buffer
		if err := signer.Sign(&signed, strings.NewReader(raw), &signer.SignOptions{
			Domain: "example.com", Selector: key, Signer: testKeys()[key],
			HeaderCanonicalization: header, BodyCanonicalization: bodyForm,
			HeaderKeys: []string{"From", "From", "Subject", "To"},
		}); err != nil {
			rt.Fatal(err)
		}
		got := Verify(context.Background(), testZone(), signed.Bytes(), Options{})
		if len(got) != 1 || got[0].Result != mail.ResultPass {
			rt.Fatalf("signed message does not pass: %+v\n%q", got, signed.String())
		}
		mutated := bytes.Clone(signed.Bytes())
		letters := letterPositions(mutated, len(signed.Bytes())-len(raw))
		at := rapid.SampledFrom(letters).Draw(rt, "change")
		mutated[at] ^= 1
		if got := Verify(context.Background(), testZone(), mutated, Options{}); len(got) == 1 && got[0].Result == mail.ResultPass {
			rt.Fatalf("passes after a change at %d: %q", at, mutated)
		}
	})
}

// letterPositions are the positions of letters in values and body, where a
// changed bit always changes the canonical form.
func letterPositions(raw []byte, from int) []int {
	var out []int
	for i := from + len("From: "); i < len(raw); i++ {
		if raw[i] >= 'a' && raw[i] <= 'z' && !bytes.Contains([]byte("ToSubject"), raw[i:i+1]) {
			out = append(out, i)
		}
	}
	return out
}

func TestResultNames(t *testing.T) {
	got := verifyOne(t, testZone(), craft(t, testMessage, tags{key: "ed25519", names: "From : To:\r\n SUBJECT", extra: "i=ann@sub.example.com; "}))
	want := mail.DKIM{
		Result: mail.ResultPass, Domain: "example.com", Selector: "ed25519", Identity: "ann@sub.example.com",
		Algorithm: "ed25519-sha256", Headers: []string{"from", "to", "subject"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestShown: what a signature says of itself cannot break a log line or a
// header field.
func TestShown(t *testing.T) {
	raw := "DKIM-Signature: v=1; a=x y; d=Exa\nX-Evil: 1\r\n\tmple.com; s=\xff" + strings.Repeat("s", 999) + "; i=\u2028a\u0085@b\r\n\r\n"
	got := Verify(t.Context(), testZone(), []byte(raw), Options{})
	want := []mail.DKIM{{
		Result: mail.ResultPermError, Domain: "exax-evil:1mple.com", Selector: "\uFFFD" + strings.Repeat("s", 317), Identity: "a@b",
		Algorithm: "xy", Reason: "signature without b=",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzVerify(f *testing.F) {
	for _, g := range []tags{{key: "ed25519"}, {key: "rsa1024", forms: "simple/simple"}, {key: "ed25519", limit: 5}} {
		f.Add([]byte(craft(f, testMessage, g)))
	}
	f.Add([]byte("DKIM-Signature: v=1; a=\n b=;;=\n\nx"))
	f.Add([]byte("DKIM-Signature: v=1; a=rsa-sha256; d=a.b; s=c; bh=AA==; b=AA==; h=from:x\r\n y\r\n\r\n"))
	f.Add([]byte(" x\r\n\r\nDKIM-Signature:\r\n"))
	z := testZone()
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		for _, d := range Verify(t.Context(), z, raw, Options{Now: fixedNow}) {
			if d.Result == mail.ResultUnknown || d.Result != mail.ResultPass && d.Reason == "" {
				t.Errorf("result %q without a reason", d.Result)
			}
			if d.Result == mail.ResultPass && canon.Split(raw).Defect != "" {
				t.Error("a pass over ambiguous bytes")
			}
			for _, name := range append([]string{d.Domain, d.Selector, d.Identity, d.Algorithm, d.Reason}, d.Headers...) {
				if strings.ContainsAny(name, "\r\n\x00") {
					t.Errorf("%q can break a header field", name)
				}
			}
		}
		if !bytes.Equal(before, raw) {
			t.Error("the message was written to")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	line := "The quick brown fox jumps over the lazy dog, and then once more.\r\n"
	head, _, _ := strings.Cut(testMessage, "\r\n\r\n")
	raw := head + "\r\n\r\n" + strings.Repeat(line, 22<<10/len(line))
	for _, key := range []string{"rsa2048", "ed25519"} {
		for _, forms := range []string{"relaxed/relaxed", "simple/simple"} {
			signed := []byte(craft(b, raw, tags{key: key, forms: forms}))
			z := testZone()
			b.Run(key+"/"+forms, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(signed)))
				for b.Loop() {
					got := Verify(context.Background(), z, signed, Options{Now: fixedNow})
					if got[0].Result != mail.ResultPass {
						b.Fatal(got[0].Reason)
					}
				}
			})
		}
	}
}

// TestLinear shows that the cost grows with the message and no faster.
func TestLinear(t *testing.T) {
	for _, unit := range []string{"\r\n", " \t", "a ", "a\r\n", "A:\r\n", ";"} {
		look := func(size int) time.Duration {
			raw := []byte(craft(t, testMessage+strings.Repeat(unit, size/len(unit)), tags{key: "ed25519"}))
			return authtest.CPUTime(t, func() { Verify(t.Context(), testZone(), raw, Options{Now: fixedNow}) })
		}
		if part, all := look(1<<20), look(4<<20); all > 20*time.Millisecond && all > 8*part {
			t.Errorf("4 MiB of %q took %v, a quarter of it %v", unit, all, part)
		}
	}
}
