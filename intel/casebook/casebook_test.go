package casebook

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"foregate/intel"
	"foregate/intel/stix"
)

var update = flag.Bool("update", false, "write the reports of docs/cases anew")

const callisto = "../../docs/cases/callisto-2016/"

func read(t testing.TB, path string) *Case {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCallisto runs the worked example: the reports in the folder are what the
// case file gives, and the case shows what it should.
func TestCallisto(t *testing.T) {
	c := read(t, callisto+"case.yaml")
	r, err := c.Weigh()
	if err != nil {
		t.Fatal(err)
	}
	p := map[string]float64{}
	for _, s := range r.Standings {
		p[s.ID] = s.Probability
		t.Logf("%-10s %.3f %s", s.ID, s.Probability, s.Words)
	}
	t.Log(r.Why)
	if r.Standings[0].ID != "separate" || r.Abstain || p["separate"] < 5*p["apt28"] {
		t.Errorf("different entities does not come out ahead: %v", p)
	}
	grizzly := c.fact("grizzly-address")
	if w := grizzly.Weight("apt28", c.Hypotheses); w <= 0 || w > 0.1 {
		t.Errorf("the link to the Grizzly Steppe address weighs %.3f bans, want little", w)
	}
	shop := c.fact("drug-shop")
	if shop.Weight("service", c.Hypotheses) <= 0.1 || shop.Weight("apt28", c.Hypotheses) >= 0 {
		t.Error("the shop does not support a criminal infrastructure")
	}
	if w := c.fact("methods-apt28").Weight("apt28", c.Hypotheses); w <= 0 || w > 0.3 {
		t.Errorf("similar methods weigh %.2f bans", w)
	}
	if len(c.WouldChange) < 3 || len(r.Drops) != len(c.Facts) {
		t.Error("what would change it is missing")
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"report.md":   func(b *bytes.Buffer) error { return c.Markdown(b, r) },
		"report.html": func(b *bytes.Buffer) error { return c.HTML(b, r) },
		"bundle.json": func(b *bytes.Buffer) error { return c.STIX(b, r) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(name, err)
		}
		path := filepath.Join(callisto, name)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(want, b.Bytes()) {
			t.Errorf("%s is not what the case gives (%v); run go test ./intel/casebook -update", name, err)
		}
	}
}

// The page loads nothing and runs nothing, whatever a case says.
func TestPageIsInert(t *testing.T) {
	c := read(t, callisto+"case.yaml")
	c.Title, c.Relations[0].Subject, c.Facts[0].Claim = `<script>alert(1)</script>`, `intrusion-set "><img src=x onerror=y>`, `<iframe src="http://x">`
	r, err := c.Weigh()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Data == "script" || n.Data == "img" || n.Data == "iframe" || n.Data == "link" {
			t.Errorf("the page has <%s>", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "src" || a.Key == "href" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("the page has %s=%q", a.Key, a.Val)
			}
		}
	}
}

func TestBundle(t *testing.T) {
	f, err := os.Open(callisto + "bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	count := map[string]int{}
	sr := stix.NewReader(f)
	for {
		it, err := sr.Next()
		if err != nil {
			break
		}
		if it.Err != nil {
			t.Error(it.Err)
		}
		count[it.Object.Type]++
	}
	if count["opinion"] != 4 || count["note"] != 4 || count["grouping"] != 1 || count["relationship"] < 6 {
		t.Errorf("%v", count)
	}
}

func TestReadErrors(t *testing.T) {
	for in, want := range map[string]string{
		"title: x\n":    "reading a case: a title and facts are due",
		"nonsense: 1\n": "unknown field",
		"title: x\nfacts:\n - {id: a, claim: b}\n":                                                "reading a case: fact \"a\": a claim and its source are due",
		"title: x\nat: \"2017-04-30\"\nfacts:\n - {id: a, claim: b, source: c, confidence: Z9}\n": "no Admiralty code",
		"title: x\nat: soon\nfacts:\n - {id: a, claim: b, source: c}\n":                           `at: "soon" is no date such as 2017-04-30`,
	} {
		if _, err := Read([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
	if _, err := Read(bytes.Repeat([]byte("x"), MaxFile+1)); err == nil {
		t.Error("a case of any size is read")
	}
	if l := (&Case{}).Label(); l != intel.TLPAmber {
		t.Errorf("an unmarked case is %s", l)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("title: x\nat: \"2017-04-30\"\nhypotheses:\n - {id: a, name: A, prior: 0.5}\n - {id: b, name: B, prior: 0.5}\nfacts:\n - {id: a, claim: b, source: c, confidence: B2, chance: {a: 0.5}}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Read(b)
		if err != nil {
			return
		}
		r, err := c.Weigh()
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{c.Markdown(new(bytes.Buffer), r), c.HTML(new(bytes.Buffer), r), c.STIX(new(bytes.Buffer), r)} {
			if err != nil {
				t.Log(err)
			}
		}
	})
}
