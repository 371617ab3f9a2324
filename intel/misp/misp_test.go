package misp

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/intel"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../shared/data/intel/formats/misp/" + name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data are not here: %v", err)
	}
	return b
}

// Both fixtures come out as they went in, object and tag included.
func TestEventRoundTrip(t *testing.T) {
	for name, want := range map[string]struct{ attrs, indicators int }{"event_57c4445b.json": {9, 4}, "existing_event.json": {122, 81}} {
		raw := fixture(t, name)
		e, bad, err := ReadEvent(bytes.NewReader(raw))
		if err != nil || len(bad) > 0 {
			t.Fatal(name, bad, err)
		}
		as, skipped, bad := e.Assertions(intel.Source{Name: "feed"})
		if len(bad) > 0 || len(e.Attrs) != want.attrs {
			t.Errorf("%s: %d attributes, %d skipped, %v", name, len(e.Attrs), skipped, bad)
		}
		seen := map[intel.Node]bool{}
		for _, a := range as {
			seen[a.Subject] = true
		}
		if len(seen) != want.indicators {
			t.Errorf("%s: %d indicators, want %d", name, len(seen), want.indicators)
		}
		var out bytes.Buffer
		if err := e.Write(&out); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tree(t, unwrap(raw)), tree(t, unwrap(out.Bytes()))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func tree(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What is written as an event says the same when it is read.
func TestNewEvent(t *testing.T) {
	at := time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)
	var as []intel.Assertion
	for _, n := range []intel.Node{{Kind: intel.Domain, Value: "a.com"}, {Kind: intel.IPv4, Value: "192.0.2.1"}, {Kind: intel.SHA256, Value: strings.Repeat("ab", 32)}, {Kind: intel.URL, Value: "http://a.com/x"}, {Kind: intel.Email, Value: "x@a.com"}} {
		as = append(as, intel.Assertion{Subject: n, Relation: intel.Indicates, Object: intel.Node{Kind: intel.IntrusionSet, Value: "Callisto"}, First: at, Source: intel.Source{Name: "Us"}, TLP: intel.TLPAmber})
	}
	extra := intel.Assertion{Subject: as[0].Subject, Relation: intel.ResolvesTo, Object: as[1].Subject}
	e, left, err := NewEvent("Case", "Us", at, append(slices.Clone(as), extra))
	if err != nil || left != 1 {
		t.Fatal(left, err)
	}
	var out bytes.Buffer
	if err := e.Write(&out); err != nil {
		t.Fatal(err)
	}
	back, bad, err := ReadEvent(&out)
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	got, _, bad := back.Assertions(intel.Source{})
	if d := cmp.Diff(as, got); d != "" || len(bad) > 0 {
		t.Error(d, bad)
	}
}

func TestFeedList(t *testing.T) {
	feeds, err := ReadFeeds(bytes.NewReader(fixture(t, "misp_default_feeds.json")))
	if err != nil || len(feeds) != 84 {
		t.Fatalf("%d feeds, %v", len(feeds), err)
	}
	count := map[string]int{}
	for _, f := range feeds {
		if f.URL == "" || f.Name == "" {
			t.Errorf("%+v", f)
		}
		count[f.Format]++
	}
	if d := cmp.Diff(map[string]int{"csv": 42, "freetext": 35, "misp": 7}, count); d != "" {
		t.Error(d)
	}
}

func TestManifest(t *testing.T) {
	var m Manifest
	text := `{"57c4445b-c548-4654-af0b-4be3950d210f":{"info":"b","timestamp":"200"},"57c4445b-c548-4654-af0b-4be3950d2100":{"info":"a","timestamp":100},"../../etc/passwd":{"timestamp":"900"}}`
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	if got := m.Newer(time.Unix(50, 0)); !slices.Equal(got, []string{"57c4445b-c548-4654-af0b-4be3950d2100", "57c4445b-c548-4654-af0b-4be3950d210f"}) {
		t.Errorf("%q", got)
	}
	if got := m.Newer(time.Unix(100, 0)); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestWarninglist(t *testing.T) {
	l, bad, err := ReadWarninglist(strings.NewReader(`{"name":"VPN","type":"cidr","list":["192.0.2.0/24","x","2001:db8::1"]}`))
	if err != nil || len(bad) != 1 || !slices.Equal(l.List, []string{"192.0.2.0/24", "2001:db8::1"}) {
		t.Errorf("%+v, %v, %v", l, bad, err)
	}
	if _, _, err := ReadWarninglist(strings.NewReader(`{"list":[]}`)); err == nil || err.Error() != "reading a warninglist: name or type is missing" {
		t.Error(err)
	}
}

func TestBadEvents(t *testing.T) {
	for in, want := range map[string]string{
		`{"Event":{}}`: "reading a MISP event: neither uuid nor info; this is something else",
		`[]`:           "reading a MISP event: json: cannot unmarshal array into Go value of type misp.wire",
		`{`:            "reading a MISP event: unexpected end of JSON input",
	} {
		if _, _, err := ReadEvent(strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
	e, bad, err := ReadEvent(strings.NewReader(`{"info":"x","Attribute":[{"type":5},{"type":"ip-dst","value":"192.0.2.1.2","to_ids":true,"uuid":"u"},{"type":"domain","value":"a.com","to_ids":true}]}`))
	if err != nil || len(bad) != 1 || len(e.Attrs) != 2 {
		t.Fatal(e, bad, err)
	}
	as, _, bad := e.Assertions(intel.Source{Name: "f"})
	if len(as) != 1 || len(bad) != 1 || bad[0].Error() != `attribute u: ipv4-addr: "192.0.2.1.2" is neither an address nor a network` {
		t.Error(as, bad)
	}
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte(`{"Event":{"info":"x","date":"2020-01-01","Attribute":[{"type":"domain|ip","value":"a.com|192.0.2.1","to_ids":true,"timestamp":"5"}],"Tag":[{"name":"tlp:red"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, _, err := ReadEvent(bytes.NewReader(b))
		if err != nil {
			return
		}
		as, _, _ := e.Assertions(intel.Source{Name: "x"})
		for _, a := range as {
			if err := a.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Read as a stream, the fixtures say what they say read whole, however they are
// wrapped, and what stands before a break is not lost.
func TestStream(t *testing.T) {
	a, b := fixture(t, "event_57c4445b.json"), fixture(t, "existing_event.json")
	read := func(text []byte) (as []intel.Assertion, bad []error, err error) {
		err = Stream(bytes.NewReader(text), func(e *Event, worse []error) bool {
			more, _, worst := e.Assertions(intel.Source{Name: "feed"})
			as, bad = append(as, more...), append(append(bad, worse...), worst...)
			return true
		})
		return as, bad, err
	}
	var want []intel.Assertion
	for _, raw := range [][]byte{a, b} {
		e, _, err := ReadEvent(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		as, _, _ := e.Assertions(intel.Source{Name: "feed"})
		want = append(want, as...)
	}
	join := func(before, between, after string) []byte {
		return slices.Concat([]byte(before), a, []byte(between), b, []byte(after))
	}
	for name, text := range map[string][]byte{
		"list": join("[", ",", "]"), "response": join(`{"response":[`, ",", "]}"), "within each other": join(`{"x":[{"Event":1}],"response":[[`, "],[", `]]}`),
	} {
		got, bad, err := read(text)
		if d := cmp.Diff(want, got); d != "" || len(bad) > 0 || err != nil {
			t.Errorf("%s: %v, %v, %s", name, bad, err, d)
		}
	}
	got, _, err := read(join("[", ",", `,{"Event":`))
	if d := cmp.Diff(want, got); d != "" || err == nil || !strings.HasPrefix(err.Error(), "reading MISP at byte ") {
		t.Errorf("a break at the end: %v, %s", err, d)
	}
	text := `{"Event":{"info":"x","Attribute":[{"type":"domain","value":"a.com","to_ids":true},{"type":5},{"type":"domain","value":"b.com","to_ids":true}],
		"Object":[{"name":"o","Attribute":[{"type":"ip-dst","value":"192.0.2.1","to_ids":true},7]}],"Tag":"none","date":"soon","Related":[[{"deep":1}]]}}`
	got, bad, err := read([]byte(text))
	if len(got) != 3 || len(bad) != 4 || err != nil {
		t.Errorf("%v, %v, %v", got, bad, err)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"response":[{"Event":{"info":"x","Attribute":[{"type":"domain","value":"a.com","to_ids":true}],"Object":[{"Attribute":[{}]}]}}]}`))
	f.Add([]byte(`[{"uuid":1,"Tag":[{"name":"tlp:red"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = Stream(bytes.NewReader(b), func(e *Event, _ []error) bool {
			as, _, _ := e.Assertions(intel.Source{Name: "x"})
			for _, a := range as {
				if err := a.Check(); err != nil {
					t.Fatal(err)
				}
			}
			return true
		})
	})
}

// An event of any size is read with what its attributes take.
func BenchmarkStream(b *testing.B) {
	const n = 500_000
	line := `{"uuid":"57c4445b-c548-4654-af0b-4be3950d210f","type":"domain","category":"Network activity","to_ids":true,"comment":"","value":"name.example","x":"` + strings.Repeat("y", 1000) + `"},`
	b.SetBytes(int64(n * len(line)))
	for b.Loop() {
		parts := []io.Reader{strings.NewReader(`{"Event":{"info":"x","Attribute":[`)}
		for range n {
			parts = append(parts, strings.NewReader(line))
		}
		parts = append(parts, strings.NewReader(`{}]}}`))
		count := 0
		if err := Stream(io.MultiReader(parts...), func(e *Event, _ []error) bool { count += len(e.Attrs); return true }); err != nil || count != n+1 {
			b.Fatal(count, err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapSys)/1e6, "heap-MB")
	}
}
