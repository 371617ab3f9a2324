package match

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"foregate/intel"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func say(kind intel.Kind, value, source string, age int) intel.Assertion {
	n, err := intel.Clean(kind, value)
	if err != nil {
		panic(err)
	}
	return intel.Assertion{Subject: n, Relation: intel.Indicates, Object: intel.Node{Kind: intel.IntrusionSet, Value: "Callisto"},
		Source: intel.Source{Name: source}, First: now.AddDate(0, 0, -age), Confidence: intel.Confidence{Reliability: 'A', Credibility: 1}}
}

func set(as ...intel.Assertion) *Set {
	s := NewSet(len(as), nil)
	s.Apply(as...)
	return s
}

func TestFind(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	s := set(say(intel.Domain, "evil.com", "x", 1), say(intel.IPv4, "192.0.2.7", "x", 1), say(intel.IPv4, "198.51.100.0/24", "x", 1), say(intel.IPv6, "2001:db8::/32", "x", 1),
		say(intel.URL, "http://a.org/kit/", "x", 1), say(intel.URL, "http://b.org/login.php", "x", 1), say(intel.URL, "http://c.org/", "x", 1), say(intel.SHA256, hash, "x", 1))
	for _, tt := range []struct{ what, in, how string }{
		{"name", "evil.com", "exact"}, {"name", "www.login.evil.com", "suffix"}, {"name", "notevil.com", ""}, {"name", "com", ""},
		{"addr", "192.0.2.7", "exact"}, {"addr", "::ffff:192.0.2.7", "exact"}, {"addr", "192.0.2.8", ""}, {"addr", "198.51.100.200", "network"}, {"addr", "2001:db8:1::1", "network"},
		{"url", "http://a.org/kit/x/y.php?z=1", "prefix"}, {"url", "http://a.org/other/", ""}, {"url", "http://b.org/login.php?id=7", "prefix"}, {"url", "http://b.org/login.php", "exact"},
		{"url", "http://c.org/whatever", ""}, // a host alone is found by its name
		{"value", hash, "exact"}, {"value", "ab", ""},
	} {
		var h Hit
		var ok bool
		switch tt.what {
		case "name":
			h, ok = s.Name(tt.in, now)
		case "addr":
			h, ok = s.Addr(netip.MustParseAddr(tt.in), now)
		case "url":
			h, ok = s.URL(tt.in, now)
		case "value":
			h, ok = s.Value(intel.SHA256, tt.in, now)
		}
		if ok != (tt.how != "") || h.How != tt.how {
			t.Errorf("%s %s: %v %+v", tt.what, tt.in, ok, h)
		}
	}
}

func TestDecayAndWitnesses(t *testing.T) {
	strength := func(as ...intel.Assertion) float64 {
		h, _ := set(as...).Addr(netip.MustParseAddr("192.0.2.7"), now)
		return h.Strength
	}
	fresh, month, year := strength(say(intel.IPv4, "192.0.2.7", "x", 0)), strength(say(intel.IPv4, "192.0.2.7", "x", 45)), strength(say(intel.IPv4, "192.0.2.7", "x", 365))
	if fresh < 0.9 || month < 0.45 || month > 0.55 || year != 0 {
		t.Errorf("fresh %v, after a half-life %v, after a year %v", fresh, month, year)
	}
	copied := say(intel.IPv4, "192.0.2.7", "feed", 45)
	copied.Source.Origin = "X" // what x said
	if two := strength(say(intel.IPv4, "192.0.2.7", "x", 45), copied); two != month {
		t.Errorf("a copy makes %v of %v", two, month)
	}
	if two := strength(say(intel.IPv4, "192.0.2.7", "x", 45), say(intel.IPv4, "192.0.2.7", "y", 45)); two < 0.7 {
		t.Errorf("a second witness makes %v of %v", two, month)
	}
	gone := say(intel.IPv4, "192.0.2.7", "x", 30)
	gone.Last = now.AddDate(0, 0, -2)
	if s := strength(gone); s != 0 {
		t.Errorf("expired: %v", s)
	}
	there := say(intel.IPv4, "192.0.2.7", "x", 0)
	back := there
	back.Retracted = now
	if s := strength(back); s != 0 {
		t.Errorf("taken back: %v", s)
	}
	if s := strength(there, back); s != 0 {
		t.Errorf("taken back later: %v", s)
	}
}

func TestWarninglist(t *testing.T) {
	b := set(say(intel.Domain, "x.github.io", "x", 0), say(intel.IPv4, "192.0.2.7", "x", 0))
	b.Warn("shared hosts", []string{"github.io"})
	b.Warn("VPN exits", []string{"192.0.2.0/24"})
	s := b
	if h, ok := s.Name("x.github.io", now); !ok || h.Common != "shared hosts" || h.Strength > 0.1 {
		t.Errorf("%+v", h)
	}
	if h, ok := s.Addr(netip.MustParseAddr("192.0.2.7"), now); !ok || h.Common != "VPN exits" || h.Strength > 0.1 {
		t.Errorf("%+v", h)
	}
}

// million holds a million indicators of mixed kinds.
func million() *Set {
	s := NewSet(1_000_000, nil)
	for i := range 1_000_000 {
		a := intel.Assertion{Relation: intel.Indicates, Object: intel.Node{Kind: intel.Report, Value: "list"}, Source: intel.Source{Name: "feed"}}
		switch i % 4 {
		case 0:
			a.Subject = intel.Node{Kind: intel.Domain, Value: fmt.Sprintf("evil%d.example", i)}
		case 1:
			a.Subject = intel.Node{Kind: intel.IPv4, Value: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()}
		case 2:
			a.Subject = intel.Node{Kind: intel.URL, Value: fmt.Sprintf("http://host%d.example/kit/%d/", i, i)}
		case 3:
			a.Subject = intel.Node{Kind: intel.SHA256, Value: fmt.Sprintf("%064x", i)}
		}
		s.Apply(a)
	}
	return s
}

// BenchmarkMessage is what a message with ten links, two senders, an address and
// two files asks.
func BenchmarkMessage(b *testing.B) {
	s := million()
	addr := netip.MustParseAddr("10.0.0.5")
	b.ReportAllocs()
	found := 0
	for b.Loop() {
		for _, host := range [...]string{"www.company.example", "mail.evil400.example"} {
			if _, ok := s.Name(host, now); ok {
				found++
			}
		}
		if _, ok := s.Addr(addr, now); ok {
			found++
		}
		for range 10 {
			s.Name("cdn.images.company.example", now)
			s.URL("https://cdn.images.company.example/a/b/c/d?utm=1", now)
		}
		s.Value(intel.SHA256, "00000000000000000000000000000000000000000000000000000000000000ff", now)
		s.Value(intel.SHA256, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", now)
	}
	if found == 0 {
		b.Fatal("nothing found")
	}
}

func FuzzFind(f *testing.F) {
	s := set(say(intel.Domain, "evil.com", "x", 1), say(intel.URL, "http://a.org/kit/", "x", 1))
	f.Add("http://a.org/kit/x?y")
	f.Add("a.b.evil.com")
	f.Fuzz(func(t *testing.T, v string) {
		if h, ok := s.Name(v, now); ok && v != "evil.com" && !strings.HasSuffix(v, ".evil.com") {
			t.Fatalf("%q is taken for %+v", v, h)
		}
		if h, ok := s.URL(v, now); ok && !strings.HasPrefix(v, "http://a.org/kit/") {
			t.Fatalf("%q is taken for %+v", v, h)
		}
	})
}

// The table is what a map of maps would be, whatever is put in and taken out.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewSet(rapid.IntRange(0, 300).Draw(t, "room"), nil)
		want := map[intel.Node]map[string]bool{}
		for range rapid.IntRange(0, 400).Draw(t, "n") {
			value := fmt.Sprintf("n%d.com", rapid.IntRange(0, 60).Draw(t, "value"))
			kind := rapid.SampledFrom([]intel.Kind{intel.Domain, intel.FileName, intel.IPv4}).Draw(t, "kind")
			if kind == intel.IPv4 {
				value = fmt.Sprintf("10.%d.0.0/16", len(value)*7+int(value[1]))
			}
			a := intel.Assertion{Subject: intel.Node{Kind: kind, Value: value}, Relation: intel.Indicates, Object: intel.Node{Kind: intel.Report, Value: "r"},
				Source: intel.Source{Name: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "source")}}
			said := want[a.Subject]
			if said == nil {
				said = map[string]bool{}
				want[a.Subject] = said
			}
			if rapid.Bool().Draw(t, "gone") {
				a.Retracted = now
				delete(said, a.Source.Name)
			} else {
				said[a.Source.Name] = true
			}
			s.Apply(a)
		}
		total := 0
		for n, said := range want {
			total += len(said)
			var h Hit
			var ok bool
			if n.Kind == intel.IPv4 {
				h, ok = s.Addr(netip.MustParsePrefix(n.Value).Addr().Next(), now)
			} else {
				h, ok = s.Value(n.Kind, n.Value, now)
			}
			if ok != (len(said) > 0) || h.Witnesses != len(said) || ok && h.Indicator != n {
				t.Fatalf("%s: %+v, want %d witnesses", n, h, len(said))
			}
		}
		if s.Len() != total {
			t.Fatalf("%d statements, want %d", s.Len(), total)
		}
	})
}
