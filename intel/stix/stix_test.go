package stix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"foregate/intel"
)

const formats = "../../../shared/data/intel/formats/"

func need(t testing.TB, path string) string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data are not here: %v", err)
	}
	return path
}

// bundleSchema compiles the published schemas; their $ids are addresses on the
// web, which we answer from the folder.
func bundleSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	root := need(t, formats+"stix2/schemas")
	c := jsonschema.NewCompiler()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".json") {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		doc, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			return err
		}
		return c.AddResource(doc.(map[string]any)["$id"].(string), doc)
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("http://raw.githubusercontent.com/oasis-open/cti-stix2-json-schemas/stix2.1/schemas/common/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, doc []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%v in %.300s", err, doc)
	}
	return s.Validate(v)
}

func readAll(r io.Reader) (objects []Object, bad []error, end error) {
	sr := NewReader(r)
	for {
		it, err := sr.Next()
		if errors.Is(err, io.EOF) {
			return objects, bad, nil
		}
		if err != nil {
			return objects, bad, err
		}
		if it.Err != nil {
			bad = append(bad, it.Err)
			continue
		}
		objects = append(objects, it.Object)
	}
}

func examples(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(need(t, formats+"stix2/examples"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".json") {
			out = append(out, p)
		}
		return err
	})
	if err != nil || len(out) < 8 {
		t.Fatalf("%v, %v", out, err)
	}
	return append(out, formats+"misp/test_event1_stix21.json")
}

// Every published example is read whole, written again with nothing lost, and
// what is written passes the schema wherever the example did.
func TestExamples(t *testing.T) {
	schema := bundleSchema(t)
	for _, path := range examples(t) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		objects, bad, end := readAll(bytes.NewReader(raw))
		if len(bad) > 0 || end != nil || len(objects) == 0 {
			t.Errorf("%s: %d objects, %v, %v", path, len(objects), bad, end)
			continue
		}
		var out bytes.Buffer
		w := NewWriter(&out, "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d")
		for _, o := range objects {
			if err := w.Write(o.Raw); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again, _, _ := readAll(bytes.NewReader(out.Bytes()))
		if d := cmp.Diff(jsonOf(t, objects), jsonOf(t, again)); d != "" {
			t.Errorf("%s: %s", path, d)
		}
		if validate(t, schema, raw) == nil {
			if err := validate(t, schema, out.Bytes()); err != nil {
				t.Errorf("%s: written again: %v", path, err)
			}
		}
	}
}

func jsonOf(t *testing.T, objects []Object) []any {
	t.Helper()
	var out []any
	for _, o := range objects {
		var v any
		if err := json.Unmarshal(o.Raw, &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// What the examples say comes out as assertions, and those go out as bundles
// that the schema accepts and that say the same when they come back.
func TestDeriveAndBuild(t *testing.T) {
	schema := bundleSchema(t)
	total := 0
	for _, path := range examples(t) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		objects, _, _ := readAll(f)
		f.Close()
		first := derive(t, objects)
		total += len(first)
		b := &Builder{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Author: "Test"}
		for _, a := range first {
			if err := b.Add(a); err != nil && a.Subject.Kind != "note" {
				t.Errorf("%s: %v: %v", path, a, err)
			}
		}
		var out bytes.Buffer
		if _, err := b.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		checkBundle(t, schema, filepath.Base(path), out.Bytes())
		back, bad, end := readAll(&out)
		if len(bad) > 0 || end != nil {
			t.Errorf("%s: reading back: %v %v", path, bad, end)
		}
		second := edges(derive(t, back))
		for _, e := range edges(first) {
			if !slices.Contains(second, e) && !strings.Contains(e, " report ") && !strings.Contains(e, "reported-in") {
				t.Errorf("%s: lost %s", filepath.Base(path), e)
			}
		}
	}
	if total < 100 {
		t.Errorf("only %d assertions in all examples", total)
	}
}

// checkBundle validates a bundle of ours. The published bundle schema knows no
// extension definitions, so these are left out of it.
func checkBundle(t *testing.T, schema *jsonschema.Schema, name string, doc []byte) {
	t.Helper()
	objects, _, _ := readAll(bytes.NewReader(doc))
	var out bytes.Buffer
	w := NewWriter(&out, "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d")
	for _, o := range objects {
		if o.Type == "extension-definition" {
			continue
		}
		if err := w.Write(o.Raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := validate(t, schema, out.Bytes()); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func derive(t *testing.T, objects []Object) []intel.Assertion {
	t.Helper()
	d := NewDeriver(intel.Source{Name: "example"})
	for _, o := range objects {
		if err := d.Add(o); err != nil {
			t.Logf("%v", err)
		}
	}
	var out []intel.Assertion
	d.Finish(nil, func(a intel.Assertion) bool { out = append(out, a); return true })
	return out
}

func edges(as []intel.Assertion) []string {
	var out []string
	for _, a := range as {
		out = append(out, a.Subject.String()+" "+string(a.Relation)+" "+a.Object.String())
	}
	return out
}

func TestInvalidExamples(t *testing.T) {
	dir := need(t, formats+"stix2/stix2validator/test/v21/test_examples/")
	for name, want := range map[string]string{
		"invalid_braces.json":    "at byte 0: '<' where a bundle should begin",
		"invalid_comma.json":     "malformed JSON",
		"invalid_identity.json":  "modified is missing",
		"invalid_timestamp.json": "is before created",
		"identity.json":          "", "identity_custom.json": "", "identity_unicode.json": "", "tlp-amber.json": "", "tool.json": "",
	} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		objects, bad, end := readAll(f)
		f.Close()
		got := ""
		for _, e := range append(bad, end) {
			if e != nil {
				got += e.Error()
			}
		}
		if want == "" && (got != "" || len(objects) != 1) || !strings.Contains(got, want) {
			t.Errorf("%s: %d objects, %q, want %q", name, len(objects), got, want)
		}
	}
}

// A broken object is reported with its place and the rest goes in.
func TestBrokenItems(t *testing.T) {
	good := `{"type":"domain-name","id":"domain-name--4bb235a7-7d25-4aef-802f-2c6b45c5eceb","value":"a.com","x_own":{"kept":[1,2]}}`
	text := `{"type":"bundle","id":"bundle--x","objects":[` + good + `,{"type":"domain-name" "id"},17,` + strings.Replace(good, "4bb2", "5bb2", 1) + `,{"type":"indicator","id":"indicator--4bb235a7-7d25-4aef-802f-2c6b45c5eceb","created":"99999-01-01T00:00:00Z"}],"x":1}`
	objects, bad, end := readAll(strings.NewReader(text))
	if len(objects) != 2 || len(bad) != 3 || end != nil {
		t.Fatalf("%d objects, %v, %v", len(objects), bad, end)
	}
	if want := `object 1 at byte 164: malformed JSON: invalid character '"' after object key:value pair`; bad[0].Error() != want {
		t.Errorf("%v, want %s", bad[0], want)
	}
	if !strings.Contains(string(objects[0].Raw), "x_own") {
		t.Error("an unknown property is lost")
	}
	for _, tt := range []struct{ in, want string }{
		{`{"objects":[` + good, "at byte 130: the text ends within the list of objects"},
		{`{"objects":[{"a":"b`, "at byte 19: the text ends within an object"},
		{``, "at byte 0: nothing where a bundle should begin"},
		{`{"objects":[` + strings.Repeat("[", 300), "at byte 213: more than 200 levels of nesting"},
		{`{"objects":[]} x`, "at byte 15: 'x' after the end"},
	} {
		_, _, end := readAll(strings.NewReader(tt.in))
		if end == nil || end.Error() != tt.want {
			t.Errorf("%.40q: %v, want %s", tt.in, end, tt.want)
		}
	}
}

// endless is a bundle of any size that needs no memory.
type endless struct {
	left int
	buf  bytes.Buffer
}

func (e *endless) Read(p []byte) (int, error) {
	for e.buf.Len() < len(p) && e.left > 0 {
		e.left--
		e.buf.WriteString(`{"type":"domain-name","id":"domain-name--4bb235a7-7d25-4aef-802f-2c6b45c5eceb","value":"` + strings.Repeat("a", 1000) + `.com"},`)
	}
	if e.buf.Len() == 0 {
		return 0, io.EOF
	}
	return e.buf.Read(p)
}

// BenchmarkGigabyte reads a bundle of a gigabyte and derives what it says. The
// peak of the heap is what matters; ids repeat, as the memory for them is the one
// thing that grows with the bundle.
func BenchmarkGigabyte(b *testing.B) {
	for b.Loop() {
		const n = 1_000_000
		r := NewReader(io.MultiReader(strings.NewReader(`{"objects":[`), &endless{left: n}, strings.NewReader(`{}]}`)))
		d := NewDeriver(intel.Source{Name: "x"})
		peak, count := uint64(0), 0
		for {
			it, err := r.Next()
			if err != nil {
				break
			}
			if it.Err == nil {
				_ = d.Add(it.Object) // the names are too long to be names
				d.Drain(func(intel.Assertion) bool { return true })
				count++
			}
			if count%10_000 == 0 {
				peak = max(peak, heap())
			}
		}
		if count != n {
			b.Fatalf("%d of %d objects", count, n)
		}
		b.ReportMetric(float64(peak)/1e6, "peak-MB")
	}
}

// heap is what the heap holds, garbage included.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What can be made is given early, what waits for an object at the end, and each
// once.
func TestDrain(t *testing.T) {
	d := NewDeriver(intel.Source{Name: "feed"})
	add := func(text string) {
		o, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]int{}
	take := func(a intel.Assertion) bool { got[a.Subject.Value]++; return true }
	const n = drainAt + 10
	for i := range n {
		made := ""
		if i%2 == 1 {
			made = `"created_by_ref":"identity--11111111-1111-4111-8111-111111111111",`
		}
		add(fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--11111111-1111-4111-8111-%012d","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z",%s"pattern":"[domain-name:value='n%d.example']","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z"}`, i, made, i))
		d.Drain(take)
	}
	if len(got) != drainAt/2 {
		t.Errorf("%d given early, want those without an author, %d", len(got), drainAt/2)
	}
	add(`{"type":"identity","spec_version":"2.1","id":"identity--11111111-1111-4111-8111-111111111111","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"Agency"}`)
	if missing := d.Finish(nil, take); len(missing) != 0 || len(got) != n {
		t.Errorf("%d of %d, missing %v", len(got), n, missing)
	}
	for name, times := range got {
		if times != 1 {
			t.Errorf("%s is given %d times", name, times)
		}
	}
}

// A bundle whose objects are forgotten again and again says the same as one that is
// remembered whole, when what came earlier can be looked up.
func TestSettle(t *testing.T) {
	const made = `"created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z"`
	var texts []string
	for i := range 40 {
		texts = append(texts,
			fmt.Sprintf(`{"type":"relationship","id":"relationship--11111111-1111-4111-8111-%012d",%s,"relationship_type":"uses","created_by_ref":"identity--11111111-1111-4111-8111-111111111111","source_ref":"intrusion-set--11111111-1111-4111-8111-%012d","target_ref":"malware--11111111-1111-4111-8111-%012d"}`, i, made, i%7, (i+25)%40),
			fmt.Sprintf(`{"type":"malware","id":"malware--11111111-1111-4111-8111-%012d",%s,"name":"m%d","is_family":true}`, i, made, i))
	}
	for i := range 6 { // the last one is missing
		texts = append(texts, fmt.Sprintf(`{"type":"intrusion-set","id":"intrusion-set--11111111-1111-4111-8111-%012d",%s,"name":"i%d"}`, i, made, i))
	}
	texts = append(texts, `{"type":"identity","id":"identity--11111111-1111-4111-8111-111111111111",`+made+`,"name":"Agency"}`)
	derive := func(every, waiting int) (said, missing []string) {
		d := NewDeriver(intel.Source{Name: "feed"})
		d.waiting = waiting
		have := map[string]Object{}
		lookup := func(id string) []intel.Node {
			o, ok := have[id]
			if !ok {
				return nil
			}
			n, err := NodesOf(o)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		take := func(a intel.Assertion) bool {
			said = append(said, a.Source.Name+": "+a.Subject.Value+" uses "+a.Object.Value)
			return true
		}
		for i, text := range texts {
			o, err := Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			have[o.ID] = o
			if err := d.Add(o); err != nil {
				t.Fatal(err)
			}
			if every > 0 && i%every == 0 {
				d.Settle(lookup, take)
			}
		}
		missing = d.Finish(lookup, take)
		for _, id := range d.Later() {
			if err := d.Add(have[id]); err != nil {
				t.Fatal(err)
			}
			missing = append(missing, d.Finish(lookup, take)...)
		}
		slices.Sort(missing)
		missing = slices.Compact(missing)
		slices.Sort(said)
		return said, missing
	}
	want, lost := derive(0, 0)
	if len(want) < 30 || len(lost) != 1 {
		t.Fatalf("%d statements, missing %q", len(want), lost)
	}
	for _, every := range []int{1, 3, 20} {
		for _, waiting := range []int{0, 5, maxWaiting} {
			said, missing := derive(every, waiting)
			if d := cmp.Diff(want, slices.Compact(said)); d != "" || !slices.Equal(missing, lost) {
				t.Errorf("forgetting every %d but %d: missing %q, %s", every, waiting, missing, d)
			}
		}
	}
}

func TestStreams(t *testing.T) {
	const n = 20_000 // 22 MB
	r := NewReader(io.MultiReader(strings.NewReader(`{"objects":[`), &endless{left: n}, strings.NewReader(`]}`)))
	count := 0
	allocated := testing.AllocsPerRun(1, func() {
		for {
			it, err := r.Next()
			if err != nil {
				break
			}
			if it.Err == nil {
				count++
			}
		}
	})
	if count != n {
		t.Errorf("%d of %d objects, %v allocations", count, n, allocated)
	}
	// One object larger than the bound is skipped, the next is read.
	big := `{"type":"x","id":"` + strings.Repeat("y", MaxObject) + `"}`
	objects, bad, end := readAll(strings.NewReader(`[` + big + `,{"type":"domain-name","id":"domain-name--4bb235a7-7d25-4aef-802f-2c6b45c5eceb","value":"a.com"}]`))
	if len(objects) != 1 || len(bad) != 1 || end != nil {
		t.Errorf("%d objects, %d bad, %v", len(objects), len(bad), end)
	}
}

// Cyclic references end, missing ones are named, revoked objects retract.
func TestDeriveOdd(t *testing.T) {
	text := `[
{"type":"identity","spec_version":"2.1","id":"identity--11111111-1111-4111-8111-111111111111","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"Agency"},
{"type":"relationship","spec_version":"2.1","id":"relationship--11111111-1111-4111-8111-111111111112","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-02T00:00:00.000Z","relationship_type":"related-to","source_ref":"campaign--11111111-1111-4111-8111-111111111113","target_ref":"campaign--11111111-1111-4111-8111-111111111114","created_by_ref":"identity--11111111-1111-4111-8111-111111111111","confidence":70,"object_marking_refs":["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"]},
{"type":"relationship","spec_version":"2.1","id":"relationship--11111111-1111-4111-8111-111111111115","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-02T00:00:00.000Z","revoked":true,"relationship_type":"related-to","source_ref":"campaign--11111111-1111-4111-8111-111111111114","target_ref":"campaign--11111111-1111-4111-8111-111111111113"},
{"type":"relationship","spec_version":"2.1","id":"relationship--11111111-1111-4111-8111-111111111116","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-02T00:00:00.000Z","relationship_type":"uses","source_ref":"campaign--11111111-1111-4111-8111-111111111114","target_ref":"tool--11111111-1111-4111-8111-111111111119"},
{"type":"campaign","spec_version":"2.1","id":"campaign--11111111-1111-4111-8111-111111111113","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"One","aliases":["Uno"]},
{"type":"campaign","spec_version":"2.1","id":"campaign--11111111-1111-4111-8111-111111111114","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"Two"}]`
	objects, bad, end := readAll(strings.NewReader(text))
	if len(bad) > 0 || end != nil {
		t.Fatal(bad, end)
	}
	d := NewDeriver(intel.Source{Name: "feed"})
	for _, o := range objects {
		if err := d.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	var got []intel.Assertion
	missing := d.Finish(nil, func(a intel.Assertion) bool { got = append(got, a); return true })
	if !slices.Equal(missing, []string{"tool--11111111-1111-4111-8111-111111111119"}) {
		t.Errorf("missing %v", missing)
	}
	one, two := intel.Node{Kind: intel.Campaign, Value: "One"}, intel.Node{Kind: intel.Campaign, Value: "Two"}
	want := []intel.Assertion{
		{Subject: one, Relation: "related-to", Object: two, Source: intel.Source{Name: "Agency"}, Confidence: intel.Confidence{Reliability: 'F', Credibility: 2}, TLP: intel.TLPAmber},
		{Subject: two, Relation: "related-to", Object: one, Source: intel.Source{Name: "feed"}, Retracted: time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC)},
		{Subject: one, Relation: intel.AlsoKnownAs, Object: intel.Node{Kind: intel.Campaign, Value: "Uno"}, Source: intel.Source{Name: "feed"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"objects":[{"type":"domain-name","id":"domain-name--4bb235a7-7d25-4aef-802f-2c6b45c5eceb","value":"a.com"}]}`))
	f.Add([]byte(`[{"type":"indicator","id":"indicator--4bb235a7-7d25-4aef-802f-2c6b45c5eceb","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","pattern":"[url:value='a']"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		objects, _, _ := readAll(bytes.NewReader(b))
		d := NewDeriver(intel.Source{Name: "x"})
		for _, o := range objects {
			if !json.Valid(o.Raw) {
				t.Fatalf("kept malformed JSON %q", o.Raw)
			}
			_ = d.Add(o) // what cannot be used is only not derived
		}
		d.Finish(nil, func(a intel.Assertion) bool {
			if err := a.Check(); err != nil {
				t.Fatal(err)
			}
			return true
		})
	})
}
