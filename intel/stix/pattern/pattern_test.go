package pattern

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"foregate/intel"
)

const tables = "../../../../shared/data/intel/formats/stix_patterns/"

func table(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(tables + name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the pattern tables are not here: %v", err)
	}
	return string(b)
}

func TestSpecExamples(t *testing.T) {
	for _, f := range []string{"spec_examples_v20.txt", "spec_examples_v21.txt"} {
		n := 0
		s := bufio.NewScanner(strings.NewReader(table(t, f)))
		for s.Scan() {
			if line := strings.TrimSpace(s.Text()); line != "" {
				n++
				if _, err := Parse(line); err != nil {
					t.Errorf("%s: %s: %v", f, line, err)
				}
			}
		}
		if n < 20 {
			t.Errorf("%s has %d examples", f, n)
		}
	}
}

// pyString reads the Python string literals of one line of the tables.
var pyString = regexp.MustCompile(`(r?)"((?:[^"\\]|\\.)*)"`)

func pyValue(raw, s string) string {
	if raw == "r" {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\'`, `'`).Replace(s)
}

// cases reads a Python list of strings, or of pairs of which the first counts.
func cases(t *testing.T, text, name string) []string {
	t.Helper()
	_, body, ok := strings.Cut(text, "\n"+name+" = [\n")
	if !ok {
		t.Fatalf("%s is not in the table", name)
	}
	body, _, _ = strings.Cut(body, "\n]")
	var out []string
	joined := ""
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, "#"); i >= 0 && !strings.Contains(line[:i], `"`) {
			continue
		}
		m := pyString.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(m[2], "FAIL:") {
			continue
		}
		joined += pyValue(m[1], m[2])
		after := strings.TrimSpace(line[strings.Index(line, m[0])+len(m[0]):])
		if strings.HasPrefix(after, ",") {
			out = append(out, joined)
			joined = ""
		}
	}
	return out
}

func TestTables(t *testing.T) {
	for _, f := range []string{"test_validator_v20.py.txt", "test_validator_v21.py.txt"} {
		text := table(t, f)
		total := 0
		for _, list := range []string{"PASS_CASES", "TIMESTAMP_PASS_CASES", "FAIL_CASES", "TIMESTAMP_FAIL_CASES"} {
			for _, p := range cases(t, text, list) {
				total++
				_, err := Parse(p)
				if want := strings.Contains(list, "PASS"); (err == nil) != want {
					t.Errorf("%s %s: %s: %v", f, list, p, err)
				}
			}
		}
		if total < 50 {
			t.Errorf("%s: only %d cases were read", f, total)
		}
	}
}

func TestErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                               `at byte 0: "the end" where a [ is due`,
		"[a:b = 'x'":                     `at byte 10: "the end" where "]" is due`,
		"[a:b ~ 'x']":                    `at byte 5: '~' does not belong here`,
		"[a:b = 'x]":                     `at byte 7: the string does not end`,
		"[a:b = 'x'] WITHIN 0 SECONDS":   `at byte 19: WITHIN takes more than 0 and at most 1,000,000,000 seconds`,
		strings.Repeat("(", 100):         `at byte 64: more than 64 parentheses within each other`,
		"[file:hashes.MD5 = 'abc']":      `at byte 19: "abc" is not a valid MD5 hash`,
		"[a:b = 'x'] START 'x' STOP 'y'": `at byte 18: "x" where a timestamp is due`,
	} {
		_, err := Parse(in)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func obs(at int, objects ...map[string]any) Observation {
	o := Observation{At: time.Date(2024, 1, 1, 0, 0, at, 0, time.UTC), Objects: map[string]map[string]any{}}
	for i, x := range objects {
		id, ok := x["id"].(string)
		if !ok {
			id = string(rune('0' + i))
		}
		o.Objects[id] = x
	}
	return o
}

func thing(typ string, kv ...any) map[string]any {
	m := map[string]any{"type": typ}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i].(string)] = kv[i+1]
	}
	return m
}

func TestMatch(t *testing.T) {
	list := func(v ...any) []any { return v }
	mail := obs(0,
		thing("email-message", "from_ref", "from", "subject", "Final Report", "body_multipart", list(map[string]any{"body_raw_ref": "file"})),
		thing("email-addr", "id", "from", "value", "x@example.com"),
		thing("file", "id", "file", "name", "Final Report.pdf.exe", "size", 1280., "hashes", map[string]any{"SHA-256": "aa"}))
	ip := obs(10, thing("ipv4-addr", "value", "192.0.2.7"), thing("x", "created", "2018-03-22T12:11:14.1Z", "bin", "dGVzdA==", "on", true))
	late := obs(400, thing("domain-name", "value", "a.example.com", "resolves_to_refs", list("ip")), thing("ipv4-addr", "id", "ip", "value", "198.51.100.1"))
	all := []Observation{mail, ip, late}
	for p, want := range map[string]bool{
		`[email-message:from_ref.value MATCHES '.+\\@example\\.com$' AND email-message:body_multipart[*].body_raw_ref.name MATCHES '^Final Report.+\\.exe$']`: true,
		`[email-message:from_ref.value = 'y@example.com']`:                                        false,
		`[file:size >= 1280 AND file:size < 1281]`:                                                true,
		`[file:size = '1280']`:                                                                    true,
		`[file:hashes[*] = 'aa']`:                                                                 true,
		`[file:name LIKE 'Final%.exe']`:                                                           true,
		`[file:name LIKE 'Final_exe']`:                                                            false,
		`[file:name NOT LIKE 'x%']`:                                                               true,
		`[file:name IN ('a', 'Final Report.pdf.exe')]`:                                            true,
		`[file:size IN (1, 2)]`:                                                                   false,
		`[EXISTS file:name]`:                                                                      true,
		`[NOT EXISTS file:mime_type]`:                                                             true,
		`[ipv4-addr:value ISSUBSET '192.0.2.0/24']`:                                               true,
		`[ipv4-addr:value ISSUBSET '192.0.3.0/24']`:                                               false,
		`[ipv4-addr:value ISSUPERSET '192.0.2.7/32']`:                                             true,
		`[x:created = t'2018-03-22T12:11:14.100Z']`:                                               true,
		`[x:created > t'2018-03-22T12:11:14.100Z']`:                                               false,
		`[x:bin = b'dGVzdA==']`:                                                                   true,
		`[x:bin = h'74657374']`:                                                                   true,
		`[x:on = true]`:                                                                           true,
		`[x:on = 5]`:                                                                              false,
		`[x:on != 5]`:                                                                             true,
		`[domain-name:resolves_to_refs[0].value = '198.51.100.1']`:                                true,
		`[domain-name:resolves_to_refs[1].value = '198.51.100.1']`:                                false,
		`[file:size = 1280] AND [ipv4-addr:value = '192.0.2.7']`:                                  true,
		`[file:size = 1280] AND [file:name LIKE 'Final%']`:                                        false, // one observation cannot be two
		`[file:size = 1280] OR [a:b = 1]`:                                                         true,
		`[file:size = 1280] FOLLOWEDBY [ipv4-addr:value = '192.0.2.7']`:                           true,
		`[ipv4-addr:value = '192.0.2.7'] FOLLOWEDBY [file:size = 1280]`:                           false,
		`([file:size = 1280] AND [domain-name:value = 'a.example.com']) WITHIN 300 SECONDS`:       false,
		`([file:size = 1280] AND [domain-name:value = 'a.example.com']) WITHIN 400 SECONDS`:       true,
		`[ipv4-addr:value LIKE '%'] REPEATS 2 TIMES`:                                              true,
		`[ipv4-addr:value LIKE '%'] REPEATS 3 TIMES`:                                              false,
		`[ipv4-addr:value LIKE '%'] REPEATS 2 TIMES WITHIN 100 SECONDS`:                           false,
		`[ipv4-addr:value LIKE '%'] START t'2024-01-01T00:00:05Z' STOP t'2024-01-01T00:00:11Z'`:   true,
		`[domain-name:value LIKE '%'] START t'2024-01-01T00:00:05Z' STOP t'2024-01-01T00:00:11Z'`: false,
		`[(file:name = 'pdf.exe' OR file:size = 1280) AND file:hashes.'SHA-256' != 'b']`:          true,
		"/* seen */ [file:size = 1280] // 2024":                                                   true,
	} {
		q, err := Parse(p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if got, err := q.Match(all); err != nil || got != want {
			t.Errorf("%s: %v, %v", p, got, err)
		}
	}
	q, err := Parse(`[file:name MATCHES '(?=a)b']`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Match(all); err == nil {
		t.Error("an expression that cannot be evaluated gave an answer")
	}
}

func TestAnyOf(t *testing.T) {
	q, err := Parse(`[url:value = 'HTTP://Example.com/a' OR domain-name:value IN ('B.example', 'c.example')] OR [file:hashes.MD5 = 'CEAD3F77F6CDA6EC00F57D76C9A6879F']`)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := q.AnyOf()
	want := []intel.Node{{Kind: intel.URL, Value: "http://example.com/a"}, {Kind: intel.Domain, Value: "b.example"}, {Kind: intel.Domain, Value: "c.example"}, {Kind: intel.MD5, Value: "cead3f77f6cda6ec00f57d76c9a6879f"}}
	if d := cmp.Diff(want, got); d != "" || !ok {
		t.Error(d, ok)
	}
	for _, p := range []string{`[url:value = 'http://a.com/' AND domain-name:value = 'a.com']`, `[domain-name:value LIKE '%a']`, `[domain-name:value = 'a.com'] WITHIN 5 SECONDS`, `[domain-name:value != 'a.com']`} {
		q, err := Parse(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := q.AnyOf(); ok {
			t.Errorf("%s is called a plain list", p)
		}
	}
}

// LIKE is what the regular expression that the standard describes says.
func TestLike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("ab%.\n")), 0, 8, -1)
		text, s := word.Draw(t, "text"), word.Draw(t, "s")
		re := regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(text), "%", ".*") + "$")
		if got, want := newLike(text).match(s), re.MatchString(s); got != want {
			t.Fatalf("%q LIKE %q: %v, want %v", s, text, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`[a:b = 'x'] WITHIN 5 SECONDS`, `[file:hashes.'SHA-256' IN ('a') OR NOT EXISTS x:y[*].z]`, `([a:b[0] >= -1.5] AND [c:d LIKE 'a%']) REPEATS 2 TIMES`, `[a:b = t'2024-01-15T12:30:45Z'] START t'2024-01-15T12:30:45Z' STOP t'2025-01-15T12:30:45Z'`} {
		f.Add(s)
	}
	o := []Observation{obs(0, thing("a", "b", "x", "c", []any{1., "y"})), obs(9, thing("file", "hashes", map[string]any{"MD5": "x"}))}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		p.Match(o)
		p.AnyOf()
		if again, err := Parse(p.String()); err != nil || len(again.Comparisons()) != len(p.Comparisons()) {
			t.Fatalf("%q parses once, not twice: %v", s, err)
		}
	})
}
