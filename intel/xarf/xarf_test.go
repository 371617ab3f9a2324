package xarf

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"foregate/intel"
)

// TestSamples reads every published sample; what is written again is the sample,
// unknown properties included.
func TestSamples(t *testing.T) {
	paths, err := filepath.Glob("../../../shared/data/intel/formats/xarf/samples/v*/*.json")
	if err != nil || len(paths) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("the shared data are not here")
		}
		t.Skip("the shared data are not here")
	}
	said := map[string][]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if !Detect(b[:min(len(b), 4096)]) {
			t.Errorf("%s is not known as a report", p)
		}
		reports, bad, err := Read(strings.NewReader(string(b)))
		if err != nil || len(bad) > 0 || len(reports) != 1 {
			t.Errorf("%s: %v, %v", p, bad, err)
			continue
		}
		again, err := json.Marshal(reports[0])
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if json.Unmarshal(b, &want) != nil || json.Unmarshal(again, &got) != nil || !reflect.DeepEqual(want, got) {
			t.Errorf("%s is not written as it was read", p)
		}
		as, err := reports[0].Assertions(intel.Source{Name: "x"})
		if err != nil || len(as) == 0 {
			t.Errorf("%s: %d statements, %v", p, len(as), err)
		}
		name := strings.TrimSuffix(filepath.Base(p), ".json")
		for _, a := range as {
			said[name] = append(said[name], fmt.Sprintf("%s %s %s", a.Subject, a.Relation, a.Object.Value))
		}
	}
	if len(paths) != 36 {
		t.Errorf("%d samples, want 32 of version 4 and 4 of version 3", len(paths))
	}
	for name, want := range map[string][]string{
		"content-phishing": {"url http://secure-banking-login.example.com/auth indicates abuse report: content/phishing", "ipv4-addr 203.0.113.45 reported-in abuse report: content/phishing",
			"sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 indicates abuse report: content/phishing"},
		"infrastructure-botnet": {"ipv4-addr 198.51.100.25 indicates Conficker", "domain-name malicious-command.example.com indicates Conficker"},
		"messaging-spam":        {"ipv4-addr 192.168.1.100 indicates abuse report: messaging/spam", "email-addr marketing@example.com reported-in abuse report: messaging/spam"},
		"vulnerability-cve":     {"ipv4-addr 172.16.1.200 reported-in abuse report: vulnerability/cve"},
		"phishing_v3_sample":    {"url https://malicious-example.net/banking-login/ indicates abuse report: content/phishing"},
	} {
		if !slices.Equal(said[name], want) {
			t.Errorf("%s says %q, want %q", name, said[name], want)
		}
	}
}

func TestBroken(t *testing.T) {
	for text, want := range map[string]string{
		`{"xarf_version":"9.0","category":"content","type":"x","source_identifier":"a.com"}`:                                      `report 0: "9.0" is no version of X-ARF that is known (3 and 4 are)`,
		`{"xarf_version":"4.2.0","category":"content","type":"x"}`:                                                                `report 0: the category, the type or the source is missing`,
		`{"xarf_version":"4.2.0","category":"content","type":"x","source_identifier":"a.com","timestamp":"0001-01-02T00:00:00Z"}`: `report 0: "0001-01-02T00:00:00Z" is no usable time: time 1-01-02 is out of range (1970 to 2199)`,
	} {
		_, bad, err := Read(strings.NewReader(text))
		if err != nil || len(bad) != 1 || bad[0].Error() != want {
			t.Errorf("%s: %v, %v, want %s", text, bad, err, want)
		}
	}
	good := `{"xarf_version":"4.2.0","category":"content","type":"phishing","source_identifier":"a.com"}`
	reports, bad, err := Read(strings.NewReader("[" + good + `,17,` + good + "]"))
	if len(reports) != 2 || len(bad) != 1 || err != nil {
		t.Errorf("%d, %v, %v", len(reports), bad, err)
	}
	if _, _, err := Read(strings.NewReader(good + "}")); err == nil {
		t.Error("broken JSON is taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"xarf_version":"4.2.0","category":"content","type":"phishing","source_identifier":"a.com","url":"http://a.com/"}`)
	f.Add(`[{"Version":"3.0.0","ReporterInfo":{},"Report":{"ReportClass":"x","ReportType":"y","Source":{"IP":"192.0.2.1"}}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		reports, _, _ := Read(strings.NewReader(text))
		for _, r := range reports {
			as, _ := r.Assertions(intel.Source{Name: "x"})
			for _, a := range as {
				if err := a.Check(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
