package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"foregate/intel"
	"foregate/store"
)

// TestFeeds fetches a MISP feed that breaks off in the middle: the next fetch goes on
// there, and one after that asks for nothing but what has changed.
func TestFeeds(t *testing.T) {
	broken := true
	asked := map[string]int{}
	ids := []string{"57c4445b-c548-4654-af0b-4be3950d2101", "57c4445b-c548-4654-af0b-4be3950d2102", "57c4445b-c548-4654-af0b-4be3950d2103"}
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		if r.URL.Path == "/feed/manifest.json" {
			if r.Header.Get("If-None-Match") == `"1"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("ETag", `"1"`)
			fmt.Fprintf(w, `{%q:{"timestamp":"100"},%q:{"timestamp":200},%q:{"timestamp":"300"}}`, ids[0], ids[1], ids[2])
			return
		}
		for i, id := range ids {
			if r.URL.Path != "/feed/"+id+".json" {
				continue
			}
			if i == 1 && broken {
				http.NotFound(w, r)
				return
			}
			fmt.Fprintf(w, `{"Event":{"uuid":%q,"info":"x","Attribute":[{"type":"domain","value":"misp%d.example","to_ids":true}]}}`, id, i)
		}
	}))
	defer ts.Close()
	path := filepath.Join(t.TempDir(), "x.db")
	fetch := func() (string, string, int) {
		var stdout, stderr strings.Builder
		w := world{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
		code := run(w, []string{"--db=" + path, "intel", "feeds", "--private", "--name=misp", "--json", ts.URL + "/feed/manifest.json"})
		return stdout.String(), stderr.String(), code
	}
	if _, stderr, code := fetch(); code == 0 || !strings.Contains(stderr, ids[1]+".json: status 404") {
		t.Errorf("a missing event: %d, %s", code, stderr)
	}
	broken = false
	for _, want := range []int{3, 0} {
		stdout, stderr, code := fetch()
		var out struct{ Assertions, Bad int }
		if err := json.Unmarshal([]byte(stdout), &out); code != 0 || err != nil || out.Assertions != want || out.Bad != 0 {
			t.Errorf("%d %s%s, want %d assertions", code, stdout, stderr, want)
		}
	}
	if asked["/feed/manifest.json"] != 3 || asked["/feed/"+ids[0]+".json"] != 2 || asked["/feed/"+ids[2]+".json"] != 1 {
		t.Errorf("asked for %v", asked)
	}
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	if err := db.Assertions(t.Context(), store.IntelQuery{Relation: intel.Indicates}, func(intel.Assertion) bool { n++; return true }); err != nil || n != 3 {
		t.Errorf("%d assertions, %v", n, err)
	}
}

func TestCollectionOf(t *testing.T) {
	for addr, want := range map[string]string{
		"https://x.example/api/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116":          "https://x.example/api/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/",
		"https://x.example/api/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/objects/": "https://x.example/api/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/",
		"https://x.example/collections/list.csv":                                          "", "https://x.example/collections/": "", "https://x.example/a": "",
	} {
		if got, ok := collectionOf(addr); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v", addr, got, ok)
		}
	}
}
