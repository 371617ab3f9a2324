package mail

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"
)

// shared is where the project's test data lies, beside the checkout.
const shared = "../../shared/data"

// needShared skips a test where the data is absent, and fails it on CI.
func needShared(t testing.TB, path string) string {
	t.Helper()
	p := filepath.Join(shared, path)
	if _, err := os.Stat(p); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("test data missing: %v", err)
		}
		t.Skipf("test data missing: %v", err)
	}
	return p
}

// The reasons that hold only for what schema 0.0.1 does not have.
const (
	laterSchema = "came with later schemas"
	emptyArray  = "empty arrays are [] in ours, absent in 0.0.1"
	ownFinding  = "ours: findings and parts of every reading"
)

// goldenReasons says why a path of our model differs from the public samples,
// which have schema version 0.0.1. The first pattern that matches counts.
// Whatever differs and matches none fails the test.
func goldenReasons() []struct{ pattern, reason string } {
	return []struct{ pattern, reason string }{
		{`^_meta\.(id|created_at|schema_version)$`, "written by the vendor's service when it stored the message"},
		{`^_meta\.(canonical_id|effective_at)$`, "the vendor's hash is unpublished, ours is its own; effective_at came later"},
		{`^_errors|^_defects|^_parts`, ownFinding},
		{`^type\.`, "the engine knows the organisation's domains, a file alone does not"},
		{`^headers\.hops`, "compared below hop by hop: 0.0.1 begins a hop with its Received, later schemas end it there"},
		{`^headers\.ips`, "later schemas give the version and list IPv6 addresses too"},
		{`^headers\.(from|references|reply_to)`, laterSchema},
		{`^subject\.(base|is_reply|is_forward|is_auto_reply|tags)`, laterSchema},
		{`^body\.(current_thread|previous_threads|ips)`, laterSchema},
		{`^body\.(html|plain)\.(display_text|inner_text|links)`, laterSchema},
		{`^body\.links`, "the link stage fills links from Message.Mentions"},
		{`^(attachments|recipients\.(cc|bcc))`, emptyArray},
		{`^(sender|recipients|headers)\..*\.(punycode|subdomain)$`, "omitted when empty in both, null otherwise"},
	}
}

func TestGolden(t *testing.T) {
	dir := needShared(t, "mdm/samples/sublime-rules/tutorial-files")
	for _, name := range []string{"2-write/impersonation", "3-write/office365_covid_phish"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			raw := readFile(t, filepath.Join(dir, name+".eml"))
			var want, got any
			if err := json.Unmarshal(readFile(t, filepath.Join(dir, name+".mdm")), &want); err != nil {
				t.Fatal(err)
			}
			out, err := json.Marshal(Parse(Envelope{}, raw))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			diffs := map[string]string{}
			compare("", want, got, diffs)
			used := map[string]int{}
			for _, p := range sortedKeys(diffs) {
				if r := goldenReason(p); r != "" {
					used[r]++
					if came := strings.HasPrefix(diffs[p], "want <nil>"); !came && (r == laterSchema || r == emptyArray || r == ownFinding) {
						t.Errorf("%s: %s, although 0.0.1 has it", p, diffs[p])
					}
					continue
				}
				t.Errorf("%s: %s", p, diffs[p])
			}
			for _, r := range sortedKeys(used) {
				t.Logf("%3d differences: %s", used[r], r)
			}
			compareIPs(t, want, got)
			compareFields(t, want, got)
			compareAuth(t, want, got)
		})
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func goldenReason(path string) string {
	for _, r := range goldenReasons() {
		if regexp.MustCompile(r.pattern).MatchString(path) {
			return r.reason
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// compare lists the paths at which want and got differ.
func compare(path string, want, got any, diffs map[string]string) {
	wm, wok := want.(map[string]any)
	gm, gok := got.(map[string]any)
	if wok && gok {
		for k := range wm {
			compare(dot(path, k), wm[k], gm[k], diffs)
		}
		for k := range gm {
			if _, ok := wm[k]; !ok {
				compare(dot(path, k), nil, gm[k], diffs)
			}
		}
		return
	}
	wa, wok := want.([]any)
	ga, gok := got.([]any)
	if wok && gok && len(wa) == len(ga) {
		for i := range wa {
			compare(fmt.Sprintf("%s[%d]", path, i), wa[i], ga[i], diffs)
		}
		return
	}
	if !reflect.DeepEqual(want, got) {
		diffs[path] = fmt.Sprintf("want %.200v, got %.200v", want, got)
	}
}

func dot(path, k string) string {
	if path == "" {
		return k
	}
	return path + "." + k
}

// hopFields flattens the fields of all hops by position: the cut into hops
// differs between schemas, the fields do not.
func hopFields(doc any) map[int][2]string {
	out := map[int][2]string{}
	hops := doc.(map[string]any)["headers"].(map[string]any)["hops"].([]any)
	for _, h := range hops {
		for _, f := range h.(map[string]any)["fields"].([]any) {
			m := f.(map[string]any)
			v, _ := m["value"].(string)
			out[int(m["position"].(float64))] = [2]string{m["name"].(string), v}
		}
	}
	return out
}

func compareFields(t *testing.T, want, got any) {
	t.Helper()
	w, g := hopFields(want), hopFields(got)
	if len(w) != len(g) {
		t.Errorf("%d header fields, want %d", len(g), len(w))
	}
	for pos, f := range w {
		if !strings.EqualFold(f[0], g[pos][0]) { // 0.0.1 canonicalises names, later schemas keep their case
			t.Errorf("field %d: name %q, want %q", pos, g[pos][0], f[0])
		}
		if f[1] != g[pos][1] {
			t.Errorf("field %d %s: value %q, want %q", pos, f[0], g[pos][1], f[1])
		}
	}
}

// compareIPs compares the IPv4 addresses, in order.
func compareIPs(t *testing.T, want, got any) {
	t.Helper()
	list := func(doc any) (out []string) {
		for _, ip := range doc.(map[string]any)["headers"].(map[string]any)["ips"].([]any) {
			if s := ip.(map[string]any)["ip"].(string); strings.Contains(s, ".") {
				out = append(out, s)
			}
		}
		return out
	}
	if w, g := list(want), list(got); !reflect.DeepEqual(w, g) {
		t.Errorf("headers.ips: IPv4 addresses %v, want %v", g, w)
	}
}

// hopReasons says why authentication results differ from 0.0.1.
func hopReasons() []struct{ pattern, reason string } {
	return []struct{ pattern, reason string }{
		{`\.received$`, "0.0.1 has the text, later schemas the clauses"},
		{`\.client_ip$|\.client_ip\.(ip|version)$`, "later schemas give the version; an absent address is absent, not \"\""},
		{`^authentication_results\.server$`, "0.0.1 lost the authserv-id of a field that names it first"},
		{`^authentication_results\.dkim$`, "0.0.1 lost dkim=none"},
		{`dkim_details\[\d\]\.domain$`, "0.0.1 did not take the domain from header.i"},
		{`^authentication_results\.instance$`, "compared with the ARC field where both are in one hop"},
		{`dmarc_details\.(action|version|policy|sub_policy|disposition)$`, "an absent tag is absent, not \"\""},
		{`^received_spf\.designator$`, "0.0.1 kept the words \"domain of\" before the address"},
		{`^received_spf\.verdict$`, "result words are lower case in later schemas (RFC 7208 section 2.6)"},
		{`^signature\.type$`, "arc-message in 0.0.1, arc later"},
	}
}

// compareAuth compares the authentication results of hops, matched by their
// order.
func compareAuth(t *testing.T, want, got any) {
	t.Helper()
	for _, key := range []string{"authentication_results", "received_spf", "signature"} {
		w, g := collect(want, key), collect(got, key)
		if len(g) == 0 && len(w) > 0 {
			t.Errorf("no %s, want %d", key, len(w))
			continue
		}
		for i := range min(len(w), len(g)) {
			diffs := map[string]string{}
			compare(key, w[i], g[i], diffs)
			for _, p := range sortedKeys(diffs) {
				known := false
				for _, r := range hopReasons() {
					known = known || regexp.MustCompile(r.pattern).MatchString(p)
				}
				if !known {
					t.Errorf("hop %s %d: %s: %s", key, i, p, diffs[p])
				}
			}
		}
	}
}

// collect gathers one key of every hop that has it, ARC results left out: they
// share a hop with the standard ones in later schemas.
func collect(doc any, key string) []any {
	var out []any
	for _, h := range doc.(map[string]any)["headers"].(map[string]any)["hops"].([]any) {
		v, ok := h.(map[string]any)[key].(map[string]any)
		if !ok || strings.HasPrefix(fmt.Sprint(v["type"]), "arc") {
			continue
		}
		out = append(out, v)
	}
	return out
}
