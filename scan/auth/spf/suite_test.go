package spf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"foregate/dns"
)

// suitePath is the test suite of RFC 7208, relative to this folder.
const suitePath = "../../../../shared/data/suites/spf/rfc7208-tests.yml"

// suiteCases is how many cases the suite has: a parser that loses some must
// not go unnoticed.
const suiteCases = 200

type scenario struct {
	Description string               `yaml:"description"`
	Comment     string               `yaml:"comment"`
	Tests       map[string]suiteCase `yaml:"tests"`
	RawZone     map[string][]any     `yaml:"zonedata"`
}

type suiteCase struct {
	Spec        any    `yaml:"spec"`
	Description string `yaml:"description"`
	Comment     string `yaml:"comment"`
	Helo        string `yaml:"helo"`
	Host        string `yaml:"host"`
	MailFrom    string `yaml:"mailfrom"`
	Result      any    `yaml:"result"` // one word or a list of allowed ones
	Explanation string `yaml:"explanation"`
	Strict      int    `yaml:"strict"`
}

func TestSuite(t *testing.T) {
	f, err := os.Open(suitePath)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("the RFC 7208 suite is absent: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoder := yaml.NewDecoder(f)
	cases := 0
	for {
		var s scenario
		if err := decoder.Decode(&s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		fake := suiteZone(t, s.RawZone)
		for name, c := range s.Tests {
			cases++
			t.Run(s.Description+"/"+name, func(t *testing.T) { runCase(t, fake, c) })
		}
	}
	if cases != suiteCases {
		t.Errorf("the suite gave %d cases, want %d", cases, suiteCases)
	}
}

func runCase(t *testing.T, fake dns.Fake, c suiteCase) {
	var want []string
	switch r := c.Result.(type) {
	case string:
		want = []string{r}
	case []any:
		for _, x := range r {
			want = append(want, fmt.Sprint(x))
		}
	}
	ip := netip.MustParseAddr(c.Host)
	ctx := dns.WithBudget(context.Background(), dns.MessageBudget)
	got := Check(ctx, fake, ip, c.Helo, c.MailFrom)
	if !slices.Contains(want, string(got.Result)) {
		t.Errorf("%s for %s from %q (helo %q), want %v: %s", got.Result, ip, c.MailFrom, c.Helo, want, got.Reason)
	}
	switch c.Explanation {
	case "":
	case "DEFAULT":
		if got.Explanation != "" {
			t.Errorf("explanation %q, want none", got.Explanation)
		}
	default:
		if got.Explanation != c.Explanation {
			t.Errorf("explanation %q, want %q", got.Explanation, c.Explanation)
		}
	}
}

// suiteZone turns zone data into a fake. As the suite asks, records of type
// SPF are published as TXT where a name gives no TXT of its own; TIMEOUT means
// that every type not given times out.
func suiteZone(t *testing.T, zone map[string][]any) dns.Fake {
	t.Helper()
	f := dns.Fake{
		Text: map[string][]string{}, Addrs: map[string][]netip.Addr{}, MXs: map[string][]dns.MX{},
		Names: map[string][]string{}, CNAME: map[string]string{}, Fail: map[string]error{},
	}
	for name, records := range zone {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		var spf, txt []string
		given, timeout := map[string]bool{}, false
		for _, r := range records {
			m, ok := r.(map[string]any)
			if !ok {
				timeout = true
				continue
			}
			for typ, v := range m {
				if v == "NONE" {
					given["none "+typ] = true
					continue
				}
				given[typ] = true
				switch typ {
				case "SPF":
					spf = append(spf, joined(v))
				case "TXT":
					txt = append(txt, joined(v))
				case "A", "AAAA":
					f.Addrs[name] = append(f.Addrs[name], netip.MustParseAddr(v.(string)))
				case "MX":
					mx := v.([]any)
					f.MXs[name] = append(f.MXs[name], dns.MX{Host: strings.TrimSuffix(mx[1].(string), ".")})
				case "PTR":
					key := arpaAddr(t, name).String()
					f.Names[key] = append(f.Names[key], strings.TrimSuffix(v.(string), "."))
				case "CNAME":
					f.CNAME[name] = strings.TrimSuffix(v.(string), ".")
				default:
					t.Fatalf("record type %s of %s", typ, name)
				}
			}
		}
		if !given["TXT"] && !given["none TXT"] {
			txt = spf
		}
		if len(txt) > 0 {
			f.Text[name] = txt
		}
		for _, typ := range []string{"TXT", "A", "AAAA", "MX"} {
			if timeout && !given[typ] && !(typ == "TXT" && len(txt) > 0) {
				f.Fail[strings.ToLower(typ)+" "+name] = dns.ErrTemporary
			}
		}
	}
	return f
}

// joined joins the strings of one record.
func joined(v any) string {
	if list, ok := v.([]any); ok {
		var b strings.Builder
		for _, s := range list {
			b.WriteString(s.(string))
		}
		return b.String()
	}
	return v.(string)
}

// arpaAddr is the address of a reverse name.
func arpaAddr(t *testing.T, name string) netip.Addr {
	t.Helper()
	labels := strings.Split(name, ".")
	slices.Reverse(labels)
	var text string
	if labels[1] == "in-addr" {
		text = strings.Join(labels[2:], ".")
	} else {
		for i, l := range labels[2:] {
			if i > 0 && i%4 == 0 {
				text += ":"
			}
			text += l
		}
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatalf("reverse name %s: %v", name, err)
	}
	return a
}
