package arc

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"foregate/dns"
	"foregate/mail"
)

// zone is a resolver over literal TXT records.
type zone map[string]string

func (z zone) TXT(_ context.Context, name string) (dns.Answer[string], error) {
	txt, ok := z[strings.TrimSuffix(name, ".")]
	switch {
	case !ok:
		return dns.Answer[string]{}, dns.ErrNotFound
	case txt == "TEMPERROR":
		return dns.Answer[string]{}, dns.ErrTemporary
	}
	return dns.Answer[string]{Records: []string{txt}}, nil
}

func (zone) A(context.Context, string) (dns.Answer[netip.Addr], error) {
	return dns.Answer[netip.Addr]{}, dns.ErrNotFound
}

func (zone) AAAA(context.Context, string) (dns.Answer[netip.Addr], error) {
	return dns.Answer[netip.Addr]{}, dns.ErrNotFound
}

func (zone) MX(context.Context, string) (dns.Answer[dns.MX], error) {
	return dns.Answer[dns.MX]{}, dns.ErrNotFound
}

func (zone) PTR(context.Context, netip.Addr) (dns.Answer[string], error) {
	return dns.Answer[string]{}, dns.ErrNotFound
}

// suiteFile returns the path of a file of the shared conformance suites.
// Without the data a developer's run is skipped; with CI=true it fails.
func suiteFile(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("../../../../shared/data/suites", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("conformance suite is missing: %v", err)
		}
		t.Skipf("conformance suite is not here: %v", err)
	}
	return path
}

// suiteCase is one validation case.
type suiteCase struct {
	Description string `yaml:"description"`
	Message     string `yaml:"message"`
	CV          string `yaml:"cv"`
}

// scenario is one document of the suite.
type scenario struct {
	Description string               `yaml:"description"`
	Tests       map[string]suiteCase `yaml:"tests"`
	TXT         zone                 `yaml:"txt-records"`
}

func readSuite(t testing.TB) []scenario {
	t.Helper()
	file, err := os.Open(suiteFile(t, "arc/arc-draft-validation-tests.yml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out []scenario
	dec := yaml.NewDecoder(file, yaml.AllowDuplicateMapKey())
	for {
		var s scenario
		err := dec.Decode(&s)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("reading the suite: %v", err)
		}
		out = append(out, s)
	}
}

func TestSuite(t *testing.T) {
	// Two cases leave the result open: a chain that says of itself that it
	// failed is none the less a failure.
	words := map[string]mail.Result{
		"Pass": mail.ResultPass, "Fail": mail.ResultFail, "None": mail.ResultNone, "": mail.ResultFail,
	}
	passed := 0
	for _, s := range readSuite(t) {
		for name, c := range s.Tests {
			t.Run(name, func(t *testing.T) {
				got := Verify(t.Context(), s.TXT, []byte(c.Message), time.Unix(1500000000, 0))
				want, ok := words[strings.TrimSpace(c.CV)]
				if !ok {
					t.Fatalf("unknown expectation %q", c.CV)
				}
				if got.Result != want {
					t.Fatalf("%s: got %s (%s), want %s", c.Description, got.Result, got.Reason, want)
				}
				if (got.Sealer != "") != (want == mail.ResultPass) {
					t.Errorf("sealer %q with result %s", got.Sealer, got.Result)
				}
				passed++
			})
		}
	}
	const cases = 171
	if passed != cases {
		t.Errorf("%d cases agree, want %d", passed, cases)
	}
}
