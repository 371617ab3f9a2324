// Package feed exchanges intelligence over the network: a TAXII 2.1 server and
// client (OASIS Standard, 10 June 2021), and a fetcher that a hostile server can
// neither exhaust nor lead to private addresses.
//
// TAXII is HTTP with JSON: a server has API roots, a root has collections, a
// collection has STIX objects in the order in which they were added, which
// clients page through with added_after, limit and next.
package feed

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"foregate/intel/stix"
)

// Media is the media type of TAXII 2.1 (section 1.6.8).
const Media = "application/taxii+json;version=2.1"

const (
	// maxPost bounds what a client may add at once, in bytes; the API root says so.
	maxPost = 10 << 20
	// maxPage bounds a page in objects.
	maxPage = 1000
)

// Stored is an object of a collection and when it was added.
type Stored struct {
	stix.Object
	Added time.Time
}

// Backend keeps objects. Implementations are safe for concurrent use.
type Backend interface {
	// Objects gives a collection's objects added after a time, all versions, in the
	// order in which they were added, until yield returns false.
	Objects(ctx context.Context, collection string, after time.Time, yield func(Stored) bool) error
	// Versions gives all versions of the objects with these ids in the same order.
	Versions(ctx context.Context, collection string, ids []string, yield func(Stored) bool) error
	// Add keeps objects that are not there already.
	Add(ctx context.Context, collection string, objects []stix.Object, at time.Time) error
	// Remove deletes versions of objects.
	Remove(ctx context.Context, collection string, objects []stix.Object, at time.Time) error
}

// Collection is what a server says of a collection (section 5.2).
type Collection struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	CanRead     bool     `json:"can_read"`
	CanWrite    bool     `json:"can_write"`
	MediaTypes  []string `json:"media_types,omitempty"`
}

// Server is a TAXII 2.1 server with one API root. It is an http.Handler; TLS is
// the listener's business.
type Server struct {
	Title       string
	Root        string // path segment of the API root, such as "api"
	Collections []Collection
	Backend     Backend
	// Users maps names to passwords for HTTP basic authentication. None means
	// that nobody may in.
	Users map[string]string
	Now   func() time.Time

	mu       sync.Mutex
	statuses []map[string]any // of the newest posts, at most maxStatuses
}

// maxStatuses bounds the statuses that are remembered; a post is complete when it
// is answered, so that they hardly matter.
const maxStatuses = 1000

// problem is the error message of section 3.6.
type problem struct {
	Title  string `json:"title"`
	Status string `json:"http_status"`
}

func (s *Server) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", Media)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return // the client is gone
	}
}

func (s *Server) fail(w http.ResponseWriter, status int, format string, args ...any) {
	s.answer(w, status, problem{Title: fmt.Sprintf(format, args...), Status: strconv.Itoa(status)})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="taxii"`)
		s.fail(w, http.StatusUnauthorized, "a name and a password are due")
		return
	}
	if !accepts(r.Header.Get("Accept")) {
		s.fail(w, http.StatusNotAcceptable, "the Accept header must allow %s", Media)
		return
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(path) == 1 && path[0] == "taxii2":
		root := "/" + s.Root + "/"
		s.get(w, r, map[string]any{"title": s.Title, "default": root, "api_roots": []string{root}})
	case path[0] != s.Root:
		s.fail(w, http.StatusNotFound, "there is no API root %q", path[0])
	case len(path) == 1:
		s.get(w, r, map[string]any{"title": s.Title, "versions": []string{Media}, "max_content_length": maxPost})
	case len(path) == 2 && path[1] == "collections":
		s.get(w, r, map[string]any{"collections": s.Collections})
	case path[1] == "collections":
		s.collection(w, r, path[2:])
	case len(path) == 3 && path[1] == "status":
		s.status(w, r, path[2])
	default:
		s.fail(w, http.StatusNotFound, "there is no such resource")
	}
}

// status shows what became of a post (section 4.3).
func (s *Server) status(w http.ResponseWriter, r *http.Request, id string) {
	s.mu.Lock()
	i := slices.IndexFunc(s.statuses, func(st map[string]any) bool { return st["id"] == id })
	var found map[string]any
	if i >= 0 {
		found = s.statuses[i]
	}
	s.mu.Unlock()
	if found == nil {
		s.fail(w, http.StatusNotFound, "there is no status %q", id)
		return
	}
	s.get(w, r, found)
}

func (s *Server) remember(status map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses = append(s.statuses, status)
	s.statuses = s.statuses[max(0, len(s.statuses)-maxStatuses):]
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, v any) {
	if r.Method != http.MethodGet {
		s.fail(w, http.StatusMethodNotAllowed, "only GET is possible here")
		return
	}
	s.answer(w, http.StatusOK, v)
}

func (s *Server) allowed(r *http.Request) bool {
	name, given, ok := r.BasicAuth()
	want, known := s.Users[name]
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return ok && known && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// accepts reads an Accept header: TAXII without a version or with 2.1, or all, with
// whatever preference.
func accepts(h string) bool {
	for part := range strings.SplitSeq(h, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch v := params["version"]; kind {
		case "application/taxii+json":
			if v == "" || v == "2.1" {
				return true
			}
		case "*/*", "application/*":
			return true
		}
	}
	return false
}

func (s *Server) collection(w http.ResponseWriter, r *http.Request, path []string) {
	i := slices.IndexFunc(s.Collections, func(c Collection) bool { return c.ID == path[0] })
	if i < 0 {
		s.fail(w, http.StatusNotFound, "there is no collection %q", path[0])
		return
	}
	c := s.Collections[i]
	if len(path) == 1 {
		s.get(w, r, c)
		return
	}
	if r.Method == http.MethodPost && len(path) == 2 && path[1] == "objects" {
		s.post(w, r, c)
		return
	}
	remove := r.Method == http.MethodDelete && len(path) == 3 && path[1] == "objects"
	if r.Method != http.MethodGet && !remove {
		s.fail(w, http.StatusMethodNotAllowed, "%s is not possible here", r.Method)
		return
	}
	if remove && !c.CanWrite {
		s.fail(w, http.StatusForbidden, "collection %q may not be written", c.Title)
		return
	}
	if !c.CanRead {
		s.fail(w, http.StatusForbidden, "collection %q may not be read", c.Title)
		return
	}
	q, err := parseQuery(r)
	if err != nil {
		s.fail(w, http.StatusBadRequest, "%v", err)
		return
	}
	switch {
	case remove:
		q.one = path[2]
		s.remove(w, r, c, q)
	case len(path) == 2 && path[1] == "objects":
		s.page(w, r, c, q, "objects", func(o Stored) any { return o.Raw })
	case len(path) == 3 && path[1] == "objects":
		q.one = path[2]
		s.page(w, r, c, q, "objects", func(o Stored) any { return o.Raw })
	case len(path) == 4 && path[1] == "objects" && path[3] == "versions":
		q.one, q.versions = path[2], []string{"all"}
		s.page(w, r, c, q, "versions", func(o Stored) any { return stix.Time(o.Modified) })
	case len(path) == 2 && path[1] == "manifest":
		s.page(w, r, c, q, "objects", func(o Stored) any {
			return map[string]string{"id": o.ID, "date_added": o.Added.UTC().Format(addedForm), "version": versionOf(o), "media_type": "application/stix+json;version=" + specVersion(o)}
		})
	default:
		s.fail(w, http.StatusNotFound, "there is no such resource")
	}
}

// remove deletes versions of an object: all, or those that the filters choose
// (section 5.7).
func (s *Server) remove(w http.ResponseWriter, r *http.Request, c Collection, q query) {
	if len(q.versions) == 0 {
		q.versions = []string{"all"}
	}
	q.anySpec = len(q.specs) == 0
	all, known, err := s.choose(r.Context(), c, q, math.MaxInt)
	if err != nil {
		s.fail(w, http.StatusInternalServerError, "the collection cannot be read now")
		return
	}
	if !known {
		s.fail(w, http.StatusNotFound, "there is no object %q", q.one)
		return
	}
	var gone []stix.Object
	for _, o := range all {
		gone = append(gone, o.Object)
	}
	if err := s.Backend.Remove(r.Context(), c.ID, gone, s.Now()); err != nil {
		s.fail(w, http.StatusInternalServerError, "the object cannot be deleted now")
		return
	}
	s.answer(w, http.StatusOK, map[string]any{})
}

// post adds objects (section 5.5) and answers with their status at once.
func (s *Server) post(w http.ResponseWriter, r *http.Request, c Collection) {
	switch {
	case !c.CanWrite:
		s.fail(w, http.StatusForbidden, "collection %q may not be written", c.Title)
		return
	case !accepts(r.Header.Get("Content-Type")):
		s.fail(w, http.StatusUnsupportedMediaType, "the Content-Type must be %s", Media)
		return
	}
	sr := stix.NewReader(http.MaxBytesReader(w, r.Body, maxPost))
	var good []stix.Object
	type entry struct {
		ID      string `json:"id"`
		Version string `json:"version,omitempty"`
		Message string `json:"message,omitempty"`
	}
	var successes, failures []entry
	for {
		it, err := sr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			s.fail(w, http.StatusRequestEntityTooLarge, "more than %d bytes", maxPost)
			return
		}
		if err == nil && it.Offset == 0 { // an object that is not in a list
			err = errors.New("the text is no envelope with objects")
		}
		if err != nil {
			s.fail(w, http.StatusUnprocessableEntity, "%v", err)
			return
		}
		if it.Err != nil {
			failures = append(failures, entry{ID: it.Object.ID, Message: it.Err.Error()})
			continue
		}
		good = append(good, it.Object)
		successes = append(successes, entry{ID: it.Object.ID, Version: versionOf(Stored{Object: it.Object, Added: s.Now()})})
	}
	if err := s.Backend.Add(r.Context(), c.ID, good, s.Now()); err != nil {
		s.fail(w, http.StatusInternalServerError, "the objects cannot be kept now")
		return
	}
	status := map[string]any{
		"id": newStatusID(), "status": "complete", "request_timestamp": stix.Time(s.Now()), "total_count": len(good) + len(failures),
		"success_count": len(good), "failure_count": len(failures), "pending_count": 0,
	}
	if len(successes) > 0 {
		status["successes"] = successes
	}
	if len(failures) > 0 {
		status["failures"] = failures
	}
	s.remember(status)
	s.answer(w, http.StatusAccepted, status)
}
