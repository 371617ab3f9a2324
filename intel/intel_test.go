package intel

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestClean(t *testing.T) {
	tests := []struct {
		kind Kind
		in   string
		want Node
		err  string
	}{
		{Domain, "WWW.Example[.]COM.", Node{Domain, "www.example.com"}, ""},
		{Domain, "*.bücher.example", Node{Domain, "xn--bcher-kva.example"}, ""},
		{Domain, "192.0.2.1", Node{IPv4, "192.0.2.1"}, ""},
		{Domain, "not a name", Node{}, `domain-name: "not a name" is no domain name`},
		{IPv4, "2001:DB8::1", Node{IPv6, "2001:db8::1"}, ""},
		{IPv4, "::ffff:192.0.2.1", Node{IPv4, "192.0.2.1"}, ""},
		{IPv4, "192.0.2.77/24", Node{IPv4, "192.0.2.0/24"}, ""},
		{IPv4, "192.0.2.1/32", Node{IPv4, "192.0.2.1"}, ""},
		{IPv4, "192[.]0[.]2[.]1:8080", Node{IPv4, "192.0.2.1"}, ""},
		{IPv4, "192.0.2.999", Node{}, `ipv4-addr: "192.0.2.999" is neither an address nor a network`},
		{URL, "hxxp://EXAMPLE[.]com:80", Node{URL, "http://example.com/"}, ""},
		{URL, "efax.example.net/efax/1.zip", Node{URL, "http://efax.example.net/efax/1.zip"}, ""},
		{URL, "https://example.com:8443/a?b=C#frag", Node{URL, "https://example.com:8443/a?b=C"}, ""},
		{Email, "<Jane@Example.COM>", Node{Email, "jane@example.com"}, ""},
		{Email, "jane(at)example[.]com", Node{Email, "jane@example.com"}, ""},
		{MD5, strings.Repeat("AB", 20), Node{SHA1, strings.Repeat("ab", 20)}, ""},
		{SHA256, "xyz", Node{}, `hash: "xyz" is not 32, 40, 64 or 128 hex digits`},
		{ASN, "AS64500", Node{ASN, "64500"}, ""},
		{ASN, "64500000000", Node{}, `autonomous-system: "64500000000" is no number below 2^32`},
		{Certificate, "AA:" + strings.Repeat("bb:", 30) + "CC", Node{Certificate, "aa" + strings.Repeat("bb", 30) + "cc"}, ""},
		{IntrusionSet, " Fancy\n Bear ", Node{IntrusionSet, "Fancy Bear"}, ""},
		{Domain, "", Node{}, "domain-name: the value is empty"},
	}
	for _, tt := range tests {
		got, err := Clean(tt.kind, tt.in)
		if got != tt.want && tt.err == "" || errText(err) != tt.err {
			t.Errorf("Clean(%s, %q) = %v, %q; want %v, %q", tt.kind, tt.in, got, errText(err), tt.want, tt.err)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestExtract(t *testing.T) {
	text := `The actor used hxxps://login[.]example[.]com/owa?x=1, and drive-meet[.]example.net (203.0.113[.]7).
Mail came from press(at)mid[.]example[.]org; see report.pdf, setup.py and Node.js.
Networks: 198.51.100.0/24. MD5 8F154D23AC2071D7F179959AABA37AD5; again 203.0.113.7.
Plain name: accounts-google.com. Version 1.2.3 is no address.`
	want := []Node{
		{URL, "https://login.example.com/owa?x=1"},
		{Domain, "drive-meet.example.net"},
		{IPv4, "203.0.113.7"},
		{Email, "press@mid.example.org"},
		{IPv4, "198.51.100.0/24"},
		{MD5, "8f154d23ac2071d7f179959aaba37ad5"},
		{Domain, "accounts-google.com"},
	}
	// Names under reserved suffixes are no real names, so the text uses them
	// only where defanging or the form decides.
	got := Extract(text)
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found && !strings.Contains(w.Value, ".example") {
			t.Errorf("%v not found in %v", w, got)
		}
	}
	for _, g := range got {
		if strings.HasSuffix(g.Value, ".pdf") || strings.HasSuffix(g.Value, ".py") || strings.HasSuffix(g.Value, ".js") {
			t.Errorf("%v is a file name", g)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("hxxp://a[.]com 1.2.3.4 x@y.org " + strings.Repeat("a", 64))
	f.Fuzz(func(t *testing.T, s string) {
		for _, n := range Extract(s) {
			again, err := Clean(n.Kind, n.Value)
			if err != nil || again != n {
				t.Fatalf("%v cleans to %v, %v", n, again, err)
			}
		}
	})
}

func TestCleanIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{Domain, URL, IPv4, Email, SHA256, Certificate, IntrusionSet}).Draw(t, "kind")
		v := rapid.StringMatching(`[a-zA-Z0-9.:/@\[\]-]{1,40}`).Draw(t, "value")
		n, err := Clean(kind, v)
		if err != nil {
			return
		}
		again, err := Clean(n.Kind, n.Value)
		if err != nil || again != n {
			t.Fatalf("%q cleans to %v, that to %v, %v", v, n, again, err)
		}
	})
}

// The identifier of 177.60.40.7 is the one that other implementations of STIX
// 2.1 section 2.9 give.
func TestObservableID(t *testing.T) {
	got, err := ObservableID("ipv4-addr", map[string]any{"value": "177.60.40.7"})
	if err != nil || got != "ipv4-addr--dc63603e-e634-5357-b239-d4b562bc5445" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := ObservableID("process", nil); err == nil {
		t.Error("no properties give an id")
	}
}

// The example of RFC 8785 section 3.2.2, and its sorting example 3.2.3.
func TestCanonical(t *testing.T) {
	var v map[string]any
	in := `{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`
	if err := json.Unmarshal([]byte(in), &v); err != nil {
		t.Fatal(err)
	}
	want := `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`
	id, err := ObservableID("x", v)
	if err != nil || id == "" {
		t.Fatal(err)
	}
	if got := canonicalText(t, v); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := canonicalText(t, map[string]any{"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}); got != "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001f600\":5,\"\ufb33\":3}" {
		t.Errorf("sorted %s", got)
	}
}

func TestConfidence(t *testing.T) {
	for in, want := range map[string]string{"b2": "B2", "": "F6", "A1": "A1"} {
		c, err := ParseConfidence(in)
		if err != nil || c.String() != want {
			t.Errorf("%q: %v, %v", in, c, err)
		}
	}
	for _, bad := range []string{"G1", "A7", "A", "A11"} {
		if _, err := ParseConfidence(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
	if b := (Confidence{}).Belief(); b < .45 || b > .55 {
		t.Errorf("unknown keeps %v, want about half", b)
	}
	for i := 1; i <= 5; i++ {
		c := Confidence{'F', i}
		if got := ConfidenceOf(c.STIX()); got != c {
			t.Errorf("%v → %d → %v", c, c.STIX(), got)
		}
	}
}

func TestTLP(t *testing.T) {
	for in, want := range map[string]TLP{"TLP:WHITE": TLPClear, "tlp:amber+strict": TLPStrict, "Red": TLPRed, "": ""} {
		if got, err := ParseTLP(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if _, err := ParseTLP("mauve"); err == nil {
		t.Error("mauve passes")
	}
	if TLP("").Shareable(TLPGreen) || !TLPClear.Shareable(TLPGreen) || TLPRed.Shareable(TLPAmber) {
		t.Error("what may be shared")
	}
}

func TestAssertionCheck(t *testing.T) {
	ok := Assertion{Subject: Node{Domain, "a.com"}, Relation: ResolvesTo, Object: Node{IPv4, "192.0.2.1"}}
	if err := ok.Check(); err != nil {
		t.Error(err)
	}
	bad := ok
	bad.First, bad.Last = time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := errText(bad.Check()); got != "domain-name a.com: ends 2020-01-01T00:00:00Z before it begins 2020-01-02T00:00:00Z" {
		t.Error(got)
	}
	bad.First = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	if got := errText(bad.Check()); got != "domain-name a.com: time 9999-12-31 is out of range (1970 to 2199)" {
		t.Error(got)
	}
}

// A name that two actors carry stays two candidates, and taking one assertion
// back undoes it.
func TestAliases(t *testing.T) {
	say := func(actor, name, source, origin string) Assertion {
		return Assertion{Subject: Node{IntrusionSet, actor}, Relation: AlsoKnownAs, Object: Node{IntrusionSet, name}, Source: Source{Name: source, Origin: origin}, Confidence: Confidence{'A', 1}}
	}
	as := []Assertion{
		say("APT28", "GRIZZLY STEPPE", "feed one", ""), say("APT28", "Grizzly  Steppe", "feed two", "feed one"),
		say("APT29", "GRIZZLY STEPPE", "feed one", ""), say("APT29", "GRIZZLY STEPPE", "agency", ""),
	}
	got := NewAliases(as).Lookup("grizzly steppe")
	want := []Candidate{{"APT29", 2. / 3, []string{"agency", "feed one"}}, {"APT28", 1. / 3, []string{"feed one"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	as[3].Retracted, as[2].Retracted = time.Unix(1, 0), time.Unix(1, 0)
	if got := NewAliases(as).Lookup("Grizzly Steppe"); len(got) != 1 || got[0].Probability != 1 {
		t.Errorf("after taking back: %v", got)
	}
}

func TestLineageIsOneWitness(t *testing.T) {
	a, b := Source{Name: "Feed A", Origin: "JAR-16-20296A"}, Source{Name: "feed b", Origin: "jar-16-20296a"}
	if a.Lineage() != b.Lineage() {
		t.Errorf("%q and %q", a.Lineage(), b.Lineage())
	}
}

func canonicalText(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	if err := canonical(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What looks clean at first sight is what the closer look makes of it.
func FuzzCleanURL(f *testing.F) {
	for _, s := range []string{"http://a.com/", "https://a.com/x?y=1&z=[.]", "http://a.com/x.]y", "http://a.com/a//b/../c", "http://a-.com/?", "http://a.com/?dot .", "http://1.2.3.4/*", "http://a.com:80/", "https://a..com/~x;y=1,2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !isCleanURL(s) {
			return
		}
		if n, err := cleanURL(Refang(s)); err != nil || n.Value != s {
			t.Fatalf("%q becomes %q, %v", s, n.Value, err)
		}
	})
}
