package dkim

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foregate/dns"
)

// zone is a resolver over literal TXT records. The record TEMPERROR stands for
// a server that does not answer, PERMERROR for a name that is not there.
type zone map[string][]string

func (z zone) TXT(_ context.Context, name string) (dns.Answer[string], error) {
	records, ok := z[strings.TrimSuffix(name, ".")]
	switch {
	case !ok || records[0] == "PERMERROR":
		return dns.Answer[string]{}, dns.ErrNotFound
	case records[0] == "TEMPERROR":
		return dns.Answer[string]{}, dns.ErrTemporary
	}
	return dns.Answer[string]{Records: records}, nil
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

// suiteFiles returns the files of the shared conformance suite that match.
// Without the data a developer's run is skipped; with CI=true it fails.
func suiteFiles(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("../../../../shared/data/suites/dkim", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("the DKIM conformance suite is missing")
		}
		t.Skip("the DKIM conformance suite is not at ../shared/data/suites/dkim")
	}
	return paths
}

// readZone reads lines "name: record"; a backslash continues a line.
func readZone(t testing.TB, path string) zone {
	t.Helper()
	z := zone{}
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return z
	}
	if err != nil {
		t.Fatal(err)
	}
	joined := strings.ReplaceAll(string(text), "\\\n", " ")
	for line := range strings.Lines(joined) {
		name, record, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok {
			z[name] = append(z[name], strings.TrimSpace(record))
		}
	}
	return z
}

func (c *countingZone) TXT(ctx context.Context, name string) (dns.Answer[string], error) {
	c.n++
	return c.zone.TXT(ctx, name)
}
