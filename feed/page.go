package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"foregate/intel/stix"
)

// maxPageBytes bounds a page in bytes, its last object not counted.
const maxPageBytes = 32 << 20

// addedForm is how times of adding are written (sections 1.6.3 and 3.3).
const addedForm = "2006-01-02T15:04:05.000000Z"

// cursor is a place in the order of adding: behind the first n objects that were
// added at a time.
type cursor struct {
	at time.Time
	n  int
}

// step is the cursor behind the next object.
func (c cursor) step(o *Stored) cursor {
	at := o.Added.Truncate(time.Microsecond)
	if at.Equal(c.at) {
		return cursor{at, c.n + 1}
	}
	return cursor{at, 1}
}

// query holds the filters of section 3.4.
type query struct {
	after                time.Time
	limit                int
	from                 cursor // where the page begins
	ids, types, versions []string
	specs                []string
	anySpec              bool
	one                  string // of the path
	token                string // of the filters: pages are of one question
}

func parseQuery(r *http.Request) (query, error) {
	q := query{limit: maxPage}
	v := r.URL.Query()
	var err error
	if t := v.Get("added_after"); t != "" {
		if q.after, err = time.Parse(time.RFC3339Nano, t); err != nil {
			return q, fmt.Errorf("added_after %q is no timestamp", t)
		}
	}
	if l := v.Get("limit"); l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 1 {
			return q, fmt.Errorf("limit %q is no number above 0", l)
		}
		q.limit = min(n, maxPage)
	}
	next := v.Get("next")
	v.Del("next")
	v.Del("limit")
	sum := sha256.Sum256([]byte(r.URL.Path + "?" + v.Encode()))
	q.token = hex.EncodeToString(sum[:6])
	if next != "" {
		if err := q.resume(next); err != nil {
			return q, err
		}
	}
	list := func(key string) []string {
		if s := v.Get("match[" + key + "]"); s != "" {
			return strings.Split(s, ",")
		}
		return nil
	}
	q.ids, q.types, q.versions, q.specs = list("id"), list("type"), list("version"), list("spec_version")
	return q, nil
}

// next is what a client gives to go on behind a cursor.
func (q *query) next(c cursor) string {
	return fmt.Sprintf("%d.%d.%s", c.at.UnixMicro(), c.n, q.token)
}

func (q *query) resume(next string) error {
	part := strings.Split(next, ".")
	if len(part) == 3 && part[2] == q.token {
		at, err1 := strconv.ParseInt(part[0], 10, 64)
		n, err2 := strconv.Atoi(part[1])
		if err1 == nil && err2 == nil && n >= 0 {
			q.from = cursor{time.UnixMicro(at), n}
			return nil
		}
	}
	return fmt.Errorf("next %q was not given by this server for these filters", next)
}

// version of an object among those that filters choose from.
type version struct {
	id       string
	spec     string
	modified time.Time
}

// extremes are what filters by version need to know of an object (sections 3.4.1.3
// and 3.4.1.4): the newest version of STIX that there is of it, and its first and
// last version in that.
type extremes struct {
	spec           string
	oldest, newest time.Time
}

func (q *query) extremes(all []version) map[string]extremes {
	out := make(map[string]extremes, len(all))
	if len(q.specs) == 0 && !q.anySpec {
		for _, v := range all {
			out[v.id] = extremes{spec: max(out[v.id].spec, v.spec)}
		}
	}
	for _, v := range all {
		x, ok := out[v.id]
		if len(q.specs) > 0 && !slices.Contains(q.specs, v.spec) || x.spec != "" && x.spec != v.spec {
			continue
		}
		if !ok || x.newest.IsZero() || v.modified.After(x.newest) {
			x.newest = v.modified
		}
		if !ok || x.oldest.IsZero() || v.modified.Before(x.oldest) {
			x.oldest = v.modified
		}
		out[v.id] = x
	}
	return out
}

// lets says whether the filters let an object through.
func (q *query) lets(o *Stored, x extremes) bool {
	spec := specVersion(*o)
	if len(q.specs) > 0 && !slices.Contains(q.specs, spec) || x.spec != "" && x.spec != spec {
		return false
	}
	if !o.Added.After(q.after) || len(q.types) > 0 && !slices.Contains(q.types, o.Type) {
		return false
	}
	if len(q.versions) == 0 {
		return o.Modified.Equal(x.newest)
	}
	return slices.ContainsFunc(q.versions, func(v string) bool {
		t, err := time.Parse(time.RFC3339Nano, v)
		return v == "all" || v == "last" && o.Modified.Equal(x.newest) || v == "first" && o.Modified.Equal(x.oldest) || err == nil && t.Equal(o.Modified)
	})
}

// found is an object that the filters let through, and the place behind it.
type found struct {
	Stored
	behind cursor
}

// choose returns the objects that the filters let through, in order, at least one
// more than most if there are. known says whether there is any object of the path.
// A page costs what is on it, whatever the size of the collection.
func (s *Server) choose(ctx context.Context, c Collection, q query, most int) (out []found, known bool, err error) {
	at, size := q.from, 0
	known = q.one == ""
	for {
		var batch []found
		begin := at
		take := func(o Stored) bool {
			known = true
			if when := o.Added.Truncate(time.Microsecond); when.Before(begin.at) || when.Equal(begin.at) && begin.n > 0 {
				if when.Equal(begin.at) {
					begin.n--
				}
				return true // on an earlier page
			}
			at = at.step(&o)
			if len(q.types) > 0 && !slices.Contains(q.types, o.Type) {
				return true
			}
			batch = append(batch, found{o, at})
			size += len(o.Raw)
			return q.named() || len(batch) <= min(most, maxPage) && size < maxPageBytes
		}
		if q.named() {
			err = s.Backend.Versions(ctx, c.ID, q.names(), take)
		} else {
			// Those of the same moment come once more, and are counted off.
			after := at.at.Add(-time.Microsecond)
			if at.at.IsZero() || after.Before(q.after) {
				after = q.after
			}
			err = s.Backend.Objects(ctx, c.ID, after, take)
		}
		if err != nil || len(batch) == 0 {
			return out, known, err
		}
		if batch, err = s.filter(ctx, c, &q, batch); err != nil {
			return nil, known, err
		}
		out = append(out, batch...)
		if q.named() || len(out) > most || size >= maxPageBytes && len(out) > 1 {
			return out, known, nil
		}
	}
}

// named says whether the question is for objects by their ids.
func (q *query) named() bool { return q.one != "" || len(q.ids) > 0 }

func (q *query) names() []string {
	if q.one != "" {
		return []string{q.one}
	}
	return q.ids
}

// filter leaves what the filters let through, given all versions of the objects.
func (s *Server) filter(ctx context.Context, c Collection, q *query, batch []found) ([]found, error) {
	var ids []string
	for i := range batch {
		ids = append(ids, batch[i].ID)
	}
	slices.Sort(ids)
	var all []version
	err := s.Backend.Versions(ctx, c.ID, slices.Compact(ids), func(o Stored) bool {
		all = append(all, version{o.ID, specVersion(o), o.Modified})
		return true
	})
	if err != nil {
		return nil, err
	}
	x := q.extremes(all)
	return slices.DeleteFunc(batch, func(o found) bool {
		return len(q.ids) > 0 && !slices.Contains(q.ids, o.ID) || !q.lets(&o.Stored, x[o.ID])
	}), nil
}

func (s *Server) page(w http.ResponseWriter, r *http.Request, c Collection, q query, key string, show func(Stored) any) {
	all, known, err := s.choose(r.Context(), c, q, q.limit)
	if err != nil {
		s.fail(w, http.StatusInternalServerError, "the collection cannot be read now")
		return
	}
	if q.one != "" && !known {
		s.fail(w, http.StatusNotFound, "there is no object %q", q.one)
		return
	}
	n, size := 0, 0
	for n < min(len(all), q.limit) && size < maxPageBytes {
		size += len(all[n].Raw)
		n++
	}
	out := map[string]any{}
	if n > 0 { // section 3.7: an empty envelope has no list
		list := make([]any, 0, n)
		for _, o := range all[:n] {
			list = append(list, show(o.Stored))
		}
		out[key], out["more"] = list, n < len(all)
		w.Header().Set("X-TAXII-Date-Added-First", all[0].Added.UTC().Format(addedForm))
		w.Header().Set("X-TAXII-Date-Added-Last", all[n-1].Added.UTC().Format(addedForm))
	}
	if n < len(all) {
		out["next"] = q.next(all[n-1].behind)
	}
	s.answer(w, http.StatusOK, out)
}

// specVersion of an object that names none is 2.0, where the property did not
// exist, but for observables, which 2.0 did not have outside observed-data.
func specVersion(o Stored) string {
	var p struct {
		Version string `json:"spec_version"`
	}
	if json.Unmarshal(o.Raw, &p) == nil && p.Version != "" {
		return p.Version
	}
	if o.Modified.IsZero() && o.Type != "marking-definition" {
		return "2.1"
	}
	return "2.0"
}

// versionOf is the version of an object; of one that has none it is when it was
// added (section 5.3).
func versionOf(o Stored) string {
	if o.Modified.IsZero() {
		return stix.Time(o.Added)
	}
	return stix.Time(o.Modified)
}
