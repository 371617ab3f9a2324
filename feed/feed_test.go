package feed

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/intel/stix"
)

// memory is a literal backend.
type memory struct {
	mu   sync.Mutex
	have map[string][]Stored
	read int // objects given by Objects
}

func (m *memory) Objects(_ context.Context, c string, after time.Time, yield func(Stored) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.have[c] {
		if !o.Added.After(after) {
			continue
		}
		if m.read++; !yield(o) {
			break
		}
	}
	return nil
}

func (m *memory) Versions(_ context.Context, c string, ids []string, yield func(Stored) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.have[c] {
		if slices.Contains(ids, o.ID) && !yield(o) {
			break
		}
	}
	return nil
}

func (m *memory) Add(_ context.Context, c string, objects []stix.Object, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, o := range objects {
		m.have[c] = append(m.have[c], Stored{o, at.Add(time.Duration(i) * time.Microsecond)})
	}
	return nil
}

func (m *memory) Remove(_ context.Context, c string, objects []stix.Object, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range objects {
		m.have[c] = slices.DeleteFunc(m.have[c], func(s Stored) bool { return s.ID == o.ID && s.Modified.Equal(o.Modified) })
	}
	return nil
}

const high = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"

// fixture is the API root "trustgroup1" of the published TAXII fixtures.
func fixture(t testing.TB) (*Server, *httptest.Server) {
	t.Helper()
	raw, err := os.ReadFile("../../shared/data/intel/formats/stix2/medallion/test/data/default_data.json")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data are not here: %v", err)
	}
	var roots map[string]struct {
		Collections []struct {
			Collection
			Objects  []json.RawMessage `json:"objects"`
			Manifest []struct {
				ID      string    `json:"id"`
				Added   time.Time `json:"date_added"`
				Version time.Time `json:"version"`
			} `json:"manifest"`
		} `json:"collections"`
	}
	if err := json.Unmarshal(raw, &roots); err != nil {
		t.Fatal(err)
	}
	m := &memory{have: map[string][]Stored{}}
	s := &Server{Title: "Some TAXII Server", Root: "trustgroup1", Backend: m, Users: map[string]string{"admin": "Password0"},
		Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }}
	for _, c := range roots["trustgroup1"].Collections {
		s.Collections = append(s.Collections, c.Collection)
		for _, rawObject := range c.Objects {
			o, err := stix.Parse(rawObject)
			if err != nil {
				t.Fatal(err)
			}
			st := Stored{Object: o}
			for _, e := range c.Manifest {
				if e.ID == o.ID && (e.Version.Equal(o.Modified) || o.Modified.IsZero()) {
					st.Added = e.Added
				}
			}
			m.have[c.ID] = append(m.have[c.ID], st)
		}
		slices.SortStableFunc(m.have[c.ID], func(a, b Stored) int { return a.Added.Compare(b.Added) })
	}
	ts := httptest.NewTLSServer(s)
	t.Cleanup(ts.Close)
	return s, ts
}

// ask sends one request as admin and returns the status, the ids of the objects
// and the headers.
func ask(t *testing.T, ts *httptest.Server, method, path, accept, body string) (int, []string, map[string]any, http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, ts.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", "Password0")
	req.Header.Set("Accept", accept)
	req.Header.Set("Content-Type", Media)
	resp, err := ts.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v in %s", path, err, b)
	}
	var ids []string
	if list, ok := v["objects"].([]any); ok {
		for _, o := range list {
			ids = append(ids, o.(map[string]any)["id"].(string))
		}
	}
	return resp.StatusCode, ids, v, resp.Header
}

func TestServer(t *testing.T) {
	_, ts := fixture(t)
	objects := "/trustgroup1/collections/" + high + "/objects/"
	for _, tt := range []struct {
		method, path, accept string
		status, n            int
	}{
		{"GET", "/taxii2/", Media, 200, 0},
		{"GET", "/taxii2/", "application/taxii+json", 200, 0},
		{"GET", "/taxii2/", "application/taxii+json;version=2.0", 406, 0},
		{"GET", "/taxii2/", "text/html, application/taxii+json; version=\"2.1\"; q=0.9", 200, 0},
		{"GET", "/taxii2/", "*/*;q=0.1", 200, 0},
		{"GET", "/taxii2/", "text/html", 406, 0},
		{"GET", "/nothing/", Media, 404, 0},
		{"GET", "/trustgroup1/", Media, 200, 0},
		{"GET", "/trustgroup1/collections/", Media, 200, 0},
		{"GET", "/trustgroup1/collections/" + high + "/", Media, 200, 0},
		{"GET", "/trustgroup1/collections/none/", Media, 404, 0},
		{"GET", objects, Media, 200, 5},
		{"GET", objects + "?match[version]=all", Media, 200, 7},
		{"GET", objects + "?match[version]=all&match[spec_version]=2.0,2.1", Media, 200, 8},
		{"GET", objects + "?match[spec_version]=2.0", Media, 200, 1},
		{"GET", objects + "?match[spec_version]=2.1", Media, 200, 5},
		{"GET", objects + "?match[spec_version]=2.0,2.1", Media, 200, 5},
		{"GET", objects + "?added_after=2016-11-03T12:30:59Z", Media, 200, 3},
		{"GET", objects + "?limit=-20", Media, 400, 0},
		{"GET", objects + "malware--c0931cc6-c75e-47e5-9036-78fabc95d4ec?match[spec_version]=2.0", Media, 200, 1},
		{"GET", objects + "malware--c0931cc6-c75e-47e5-9036-78fabc95d4ec?added_after=2018-01-27T13:49:59.997000Z", Media, 200, 0},
		{"GET", "/trustgroup1/status/22101993/", Media, 404, 0},
		{"GET", "/carbon1/collections/12345678-1234-1234-1234-123456789012/", Media, 404, 0},
		{"GET", "/trustgroup1/collections/64993447-4d7e-4f70-b94d-d7f33742ee63/manifest/", Media, 403, 0},
		{"DELETE", "/trustgroup1/collections/52892447-4d7e-4f70-b94d-d7f22742ff63/objects/indicator--6770298f-0fd8-471a-ab8c-1c658a46574e/", Media, 403, 0},
		{"GET", "/trustgroup1/collections/" + high + "/manifest/?match[spec_version]=2.0,2.1", Media, 200, 5},
		{"GET", "/trustgroup1/collections/" + high + "/manifest/?added_after=2017-01-20T00:00:00.000Z", Media, 200, 2},
		{"GET", objects + "?match[version]=first", Media, 200, 5},
		{"GET", objects + "?match[type]=indicator", Media, 200, 2},
		{"GET", objects + "?match[type]=indicator,malware", Media, 200, 3},
		{"GET", objects + "?match[id]=indicator--cd981c25-8042-4166-8945-51178443bdac", Media, 200, 1},
		{"GET", objects + "?match[version]=2016-12-25T12:30:59.444Z", Media, 200, 1},
		{"GET", objects + "?added_after=2017-01-27T13:49:59Z", Media, 200, 2},
		{"GET", objects + "?added_after=soon", Media, 400, 0},
		{"GET", objects + "?limit=0", Media, 400, 0},
		{"GET", objects + "?limit=2", Media, 200, 2},
		{"GET", objects + "indicator--6770298f-0fd8-471a-ab8c-1c658a46574e/", Media, 200, 1},
		{"GET", objects + "indicator--6770298f-0fd8-471a-ab8c-1c658a46574e/?match[version]=all", Media, 200, 3},
		{"GET", objects + "indicator--00000000-0000-4000-8000-000000000000/", Media, 404, 0},
		{"GET", objects + "indicator--6770298f-0fd8-471a-ab8c-1c658a46574e/versions/", Media, 200, 0},
		{"GET", "/trustgroup1/collections/" + high + "/manifest/?match[version]=all", Media, 200, 7},
		{"GET", "/trustgroup1/collections/472c94ae-3113-4e3e-a4dd-a9f4ac7471d4/objects/", Media, 403, 0},
		{"DELETE", objects, Media, 405, 0},
	} {
		status, ids, _, h := ask(t, ts, tt.method, tt.path, tt.accept, "")
		if status != tt.status || len(ids) != tt.n || h.Get("Content-Type") != Media {
			t.Errorf("%s %s: %d, %d objects, want %d, %d (%s)", tt.method, tt.path, status, len(ids), tt.status, tt.n, h.Get("Content-Type"))
		}
	}
	resp, err := ts.Client().Get(ts.URL + "/taxii2/")
	if err != nil || resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a password: %v, %v", resp.StatusCode, err)
	}
	resp.Body.Close()
}

// Pages come in the order of adding, say whether there is more, and go on only
// for the same filters, as the tests of the published server want it.
func TestPages(t *testing.T) {
	_, ts := fixture(t)
	one := "/trustgroup1/collections/" + high + "/objects/indicator--6770298f-0fd8-471a-ab8c-1c658a46574e/versions/"
	next := ""
	for i, want := range []string{"2016-11-03T12:30:59.000Z", "2016-12-25T12:30:59.444Z", "2017-01-27T13:49:53.935Z"} {
		_, _, v, h := ask(t, ts, "GET", one+"?limit=1"+next, Media, "")
		if got := v["versions"].([]any); len(got) != 1 || got[0] != want || v["more"] != (i < 2) || h.Get("X-TAXII-Date-Added-First") == "" {
			t.Errorf("page %d: %v", i, v)
		}
		if i < 2 {
			next = "&next=" + v["next"].(string)
		}
	}
	objects := "/trustgroup1/collections/" + high + "/objects/"
	_, ids, v, h := ask(t, ts, "GET", objects+"?limit=3", Media, "")
	if len(ids) != 3 || h.Get("X-TAXII-Date-Added-First") != "2014-05-08T09:00:00.000000Z" || h.Get("X-TAXII-Date-Added-Last") != "2017-01-20T00:00:00.000000Z" ||
		ids[0] != "relationship--2f9a9aa9-108a-4333-83e2-4fb25add0463" || ids[2] != "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da" {
		t.Errorf("%q, %v", ids, h)
	}
	if status, _, _, _ := ask(t, ts, "GET", objects+"?match[version]=first&limit=3&next="+v["next"].(string), Media, ""); status != 400 {
		t.Errorf("other filters in the middle: %d", status)
	}
	if _, _, v, _ := ask(t, ts, "GET", objects+"relationship--2f9a9aa9-108a-4333-83e2-4fb25add0463/versions?added_after=2014-05-08T09:00:00Z", Media, ""); len(v) != 0 {
		t.Errorf("nothing later: %v", v)
	}
}

// Pages give every object once, whatever the page's size and however many were added
// at one moment, and read hardly more than they give.
func TestPagesAgainstAll(t *testing.T) {
	s, ts := fixture(t)
	m := s.Backend.(*memory)
	const c = "365fed99-08fa-fdcd-a1b3-fb247eb41d01"
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 300 {
		id := fmt.Sprintf("identity--11111111-1111-4111-8111-%012d", i/2)
		raw := fmt.Sprintf(`{"type":"identity","spec_version":"2.1","id":%q,"created":"2020-01-01T00:00:00Z","modified":"202%d-01-01T00:00:00Z","name":"x"}`, id, i%2)
		o, err := stix.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		m.have[c] = append(m.have[c], Stored{o, at.Add(time.Duration(i/7) * time.Second)}) // seven at a time
	}
	for filter, want := range map[string]int{"": 150, "&match[version]=all": 300, "&match[version]=first": 150, "&match[type]=identity": 150, "&match[type]=malware": 0, "&added_after=2020-01-01T00:00:30Z": 42} {
		for _, limit := range []int{1, 4, 7, 100, 1000} {
			var got []string
			m.read = 0
			for next, pages := "", 0; ; pages++ {
				status, ids, v, _ := ask(t, ts, "GET", fmt.Sprintf("/trustgroup1/collections/%s/objects/?limit=%d%s%s", c, limit, filter, next), Media, "")
				if status != 200 || len(ids) > limit || pages > 301 {
					t.Fatalf("%s limit %d: status %d, %d objects on page %d", filter, limit, status, len(ids), pages)
				}
				got = append(got, ids...)
				if v["next"] == nil {
					break
				}
				next = "&next=" + v["next"].(string)
			}
			if len(got) != want {
				t.Errorf("%q by %d: %d objects, want %d", filter, limit, len(got), want)
			}
			if limit == 100 && m.read > 1000 {
				t.Errorf("%q by %d: %d objects were read", filter, limit, m.read)
			}
		}
	}
}

// An object is added in five versions and deleted version by version.
func TestDelete(t *testing.T) {
	_, ts := fixture(t)
	objects := "/trustgroup1/collections/365fed99-08fa-fdcd-a1b3-fb247eb41d01/objects/"
	const id = "course-of-action--68794cd5-28db-429d-ab1e-1256704ef906"
	var list []string
	for _, year := range []string{"2014", "2015", "2016", "2018", "2019"} {
		list = append(list, `{"type":"course-of-action","spec_version":"2.1","id":"`+id+`","created":"2014-01-27T13:49:53.935Z","modified":"`+year+`-01-27T13:49:53.935Z","name":"x"}`)
	}
	status, _, v, _ := ask(t, ts, "POST", objects, Media, `{"objects":[`+strings.Join(list, ",")+`]}`)
	if status != 202 || v["success_count"] != 5. {
		t.Fatalf("%d %v", status, v)
	}
	if status, _, again, _ := ask(t, ts, "GET", "/trustgroup1/status/"+v["id"].(string)+"/", Media, ""); status != 200 || again["success_count"] != 5. {
		t.Errorf("the status: %d %v", status, again)
	}
	for _, tt := range []struct {
		filter string
		left   int
	}{{"?match[version]=2018-01-27T13:49:53.935Z", 4}, {"?match[version]=first", 3}, {"?match[version]=last", 2}, {"", 0}} {
		if status, _, _, _ := ask(t, ts, "DELETE", objects+id+tt.filter, Media, ""); status != 200 {
			t.Errorf("%s: %d", tt.filter, status)
		}
		status, _, v, _ := ask(t, ts, "GET", objects+id+"/versions", Media, "")
		if tt.left == 0 {
			if status != 404 {
				t.Errorf("all deleted: %d", status)
			}
			continue
		}
		if got := v["versions"].([]any); len(got) != tt.left {
			t.Errorf("%s leaves %v", tt.filter, got)
		}
	}
	// What was never an envelope is refused whole.
	if status, _, _, _ := ask(t, ts, "POST", objects, Media, list[0]); status != 422 {
		t.Errorf("an object without an envelope: %d", status)
	}
}

func TestPost(t *testing.T) {
	_, ts := fixture(t)
	path := "/trustgroup1/collections/365fed99-08fa-fdcd-a1b3-fb247eb41d01/objects/"
	good := `{"type":"indicator","spec_version":"2.1","id":"indicator--11111111-1111-4111-8111-111111111111","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","pattern":"[url:value='http://a.com/']","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z"}`
	status, _, v, _ := ask(t, ts, "POST", path, Media, `{"objects":[`+good+`,{"type":"indicator","id":"x"}]}`)
	if status != 202 || v["success_count"] != 1. || v["failure_count"] != 1. || v["total_count"] != 2. || v["status"] != "complete" {
		t.Errorf("%d %v", status, v)
	}
	if _, ids, _, _ := ask(t, ts, "GET", path, Media, ""); len(ids) != 1 {
		t.Errorf("%d objects after the post", len(ids))
	}
	if status, _, _, _ := ask(t, ts, "POST", path, Media, `{"objects":[`+good); status != 422 {
		t.Errorf("a broken envelope: %d", status)
	}
	if status, _, _, _ := ask(t, ts, "POST", path, Media, strings.Repeat(" ", maxPost+1)); status != 413 {
		t.Errorf("a huge envelope: %d", status)
	}
}

// Client and server talk to each other, page by page, and go on where they were.
func TestClient(t *testing.T) {
	_, ts := fixture(t)
	c := &Client{HTTP: ts.Client(), Collection: ts.URL + "/trustgroup1/collections/365fed99-08fa-fdcd-a1b3-fb247eb41d01/", User: "admin", Pass: "Password0"}
	var batch []json.RawMessage
	const n = 2*maxPage + 7
	for i := range n {
		id := "domain-name--11111111-1111-4111-8111-" + strings.Repeat("0", 8) + string([]byte{'0' + byte(i/1000), '0' + byte(i/100%10), '0' + byte(i/10%10), '0' + byte(i%10)})
		batch = append(batch, json.RawMessage(`{"type":"domain-name","spec_version":"2.1","id":"`+id+`","value":"a.com"}`))
	}
	if _, err := c.Push(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	fetch := func(after time.Time) (int, time.Time) {
		count := 0
		last, err := c.Fetch(t.Context(), after, func(it stix.Item) error { count++; return it.Err })
		if err != nil {
			t.Fatal(err)
		}
		return count, last
	}
	count, last := fetch(time.Time{})
	if count != n || last.IsZero() {
		t.Errorf("%d of %d, last %v", count, n, last)
	}
	if count, again := fetch(last); count != 0 || !again.Equal(last) {
		t.Errorf("%d objects again, %v", count, again)
	}
}

// Servers that fail for a while are tried again; others are left.
func TestBackOff(t *testing.T) {
	var waits []time.Duration
	calls, status := 0, 503
	ts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("Content-Type", Media)
		if calls < 3 {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		}
		io.WriteString(w, `{}`)
	}))
	defer ts.Close()
	c := &Client{HTTP: ts.Client(), Collection: ts.URL, Sleep: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }}
	if _, err := c.Fetch(t.Context(), time.Time{}, func(stix.Item) error { return nil }); err != nil || !slices.Equal(waits, []time.Duration{7 * time.Second, 7 * time.Second}) {
		t.Errorf("%v, waits %v", err, waits)
	}
	calls, status = 0, 403
	if _, err := c.Fetch(t.Context(), time.Time{}, nil); err == nil || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// So are those of files; nothing of what they sent stays on the disk.
func TestGetBackOff(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	calls := 0
	var waits []time.Duration
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch calls++; calls {
		case 1:
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(429)
		case 2: // breaks off
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
		default:
			io.WriteString(w, "whole")
		}
	}))
	defer ts.Close()
	g := Getter{HTTP: NewHTTP(true), Sleep: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }}
	body, _, err := g.Get(t.Context(), ts.URL, State{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if string(text) != "whole" || err != nil || !slices.Equal(waits, []time.Duration{9 * time.Second, 18 * time.Second}) {
		t.Errorf("%q, %v, waits %v", text, err, waits)
	}
	body.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v stays, %v", left, err)
	}
	if _, err := spool(&repeated{left: 1001}, 1000); !errors.Is(err, errLarge) {
		t.Errorf("beyond the bound: %v", err)
	}
}

// A server on a private address, or one that redirects there, is refused.
func TestPrivate(t *testing.T) {
	ts := httptest.NewServer(http.NotFoundHandler())
	defer ts.Close()
	if _, err := NewHTTP(false).Get(ts.URL); !errors.Is(err, ErrPrivate) {
		t.Errorf("%v, want %v", err, ErrPrivate)
	}
	resp, err := NewHTTP(true).Get(ts.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// A server that always has more, with the same place to go on, ends.
func TestEndless(t *testing.T) {
	ts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", Media)
		io.WriteString(w, `{"more":true,"next":"1"}`)
	}))
	defer ts.Close()
	c := &Client{HTTP: ts.Client(), Collection: ts.URL}
	if _, err := c.Fetch(t.Context(), time.Time{}, func(stix.Item) error { return nil }); err != nil {
		t.Error(err)
	}
}

// An unchanged file is not fetched again.
func TestGet(t *testing.T) {
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"1"`)
		io.WriteString(w, "evil.com\n")
	}))
	defer ts.Close()
	body, st, err := (Getter{HTTP: NewHTTP(true)}).Get(t.Context(), ts.URL, State{})
	if err != nil || body == nil || st.ETag != `"1"` {
		t.Fatal(body, st, err)
	}
	text, err := io.ReadAll(body)
	if err != nil || string(text) != "evil.com\n" || body.Close() != nil {
		t.Errorf("%q, %v", text, err)
	}
	if body, _, err := (Getter{HTTP: NewHTTP(true)}).Get(t.Context(), ts.URL, st); body != nil || err != nil {
		t.Error(body, err)
	}
}

// Redirects are followed a few times, never away from https, and never to an
// address that is not public, however the server spells it.
func TestRedirects(t *testing.T) {
	hops := 0
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") }))
	defer inner.Close()
	var to string
	ts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops++
		http.Redirect(w, r, to, http.StatusFound)
	}))
	defer ts.Close()
	client := NewHTTP(true)
	client.Transport = ts.Client().Transport
	to = inner.URL
	if _, _, err := (Getter{HTTP: client}).Get(t.Context(), ts.URL, State{}); err == nil || !strings.Contains(err.Error(), "a redirect away from https") {
		t.Errorf("away from https: %v", err)
	}
	to, hops = ts.URL, 0
	if _, _, err := (Getter{HTTP: client}).Get(t.Context(), ts.URL, State{}); err == nil || hops != maxRedirects+1 {
		t.Errorf("in circles: %v after %d", err, hops)
	}
	// The check is on the address that is dialled: names and other spellings of
	// loopback are no way around it.
	for _, addr := range []string{"http://127.0.0.1:1/", "http://[::1]:1/", "http://[::ffff:127.0.0.1]:1/", "http://localhost:1/", "http://0.0.0.0:1/", "http://169.254.169.254/"} {
		if _, _, err := (Getter{HTTP: NewHTTP(false)}).Get(t.Context(), addr, State{}); !errors.Is(err, ErrPrivate) {
			t.Errorf("%s: %v, want %v", addr, err, ErrPrivate)
		}
	}
}

// repeated is an endless body that needs no memory.
type repeated struct{ left int64 }

func (r *repeated) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), r.left))
	if n == 0 {
		return 0, io.EOF
	}
	for i := range n {
		p[i] = ' '
	}
	r.left -= int64(n)
	return n, nil
}

// transport answers without a network.
type transport func(*http.Request) *http.Response

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// Nothing is asked for compressed, what comes compressed all the same is not
// unpacked, and an answer without end is cut.
func TestBombs(t *testing.T) {
	var encodings []string
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encodings = append(encodings, r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", Media)
		z := gzip.NewWriter(w)
		z.Write(make([]byte, 10<<20))
		z.Close()
	}))
	defer ts.Close()
	c := &Client{HTTP: NewHTTP(true), Collection: ts.URL}
	if _, err := c.Fetch(t.Context(), time.Time{}, func(stix.Item) error { return nil }); err == nil || !strings.Contains(err.Error(), "where a bundle should begin") {
		t.Errorf("a compressed answer: %v", err)
	}
	if len(encodings) != 1 || encodings[0] != "" {
		t.Errorf("asked with %q", encodings)
	}
	for most, want := range map[int64]error{999: errLarge, 1000: nil} {
		if b, err := whole(&repeated{left: 1000}, most); !errors.Is(err, want) || err == nil && len(b) != 1000 {
			t.Errorf("at most %d bytes: %d read, %v", most, len(b), err)
		}
	}
}

// A server that sends a byte now and then is left when the time is over.
func TestSlow(t *testing.T) {
	begun := make(chan bool, 1)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		begun <- true
		<-r.Context().Done() // never ends by itself
	}))
	defer ts.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel() // stands for the end of maxTime
	}()
	if _, _, err := (Getter{HTTP: NewHTTP(true)}).Get(ctx, ts.URL, State{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if NewHTTP(true).Timeout != maxTime {
		t.Error("a request has no end")
	}
}

// Pages without end, each naming another place to go on, are ended by their
// number.
func TestPagesWithoutEnd(t *testing.T) {
	n := 0
	c := &Client{HTTP: &http.Client{Transport: transport(func(r *http.Request) *http.Response {
		n++
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {Media}}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"more":true,"next":"` + strconv.Itoa(n) + `"}`))}
	})}, Collection: "http://x.example/"}
	if _, err := c.Fetch(t.Context(), time.Time{}, func(stix.Item) error { return nil }); err == nil || n != maxPages {
		t.Errorf("%v after %d pages", err, n)
	}
}
