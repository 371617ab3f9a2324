// Package stix reads and writes STIX 2.1 (OASIS Standard, 10 June 2021), the
// JSON language in which threat intelligence is exchanged.
//
// A bundle is a list of objects: things ("domain-name", "malware",
// "intrusion-set"), relationships between them, sightings, and markings that
// say who may see them. Objects are kept as they were written, with every
// property and extension that we do not know, so that an export gives back what
// came in. Assertions are derived from them (see Deriver) and made into them
// (see Builder).
package stix

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"foregate/intel"
)

const (
	// MaxObject bounds one object in bytes. Artifacts may carry files; larger
	// ones than this are not intelligence but samples.
	MaxObject = 16 << 20
	// maxNesting bounds lists and objects within each other; encoding/json
	// stops at 10,000 but by then has used the stack of a million.
	maxNesting = 200
)

// Object is one STIX object as it was written, and what every user of it needs.
type Object struct {
	Type     string
	ID       string
	Created  time.Time // zero for cyber observables
	Modified time.Time // the version; created where an object cannot change; zero for observables
	Revoked  bool
	Raw      json.RawMessage
}

// Item is what a Reader finds at one place: an object, or why it is none.
type Item struct {
	Object Object
	Offset int64 // byte offset of its beginning
	Index  int   // number in the list, from 0
	Err    error
}

// Reader reads the objects of a bundle, of a TAXII envelope, of a bare list or
// of a single object, one at a time and without holding the rest in memory.
type Reader struct {
	br    *bufio.Reader
	off   int64
	state readState
	head  bytes.Buffer // the properties outside "objects", as one object
	list  bool         // "objects" was met
	index int
}

type readState uint8

const (
	atStart readState = iota
	inHead            // between the properties of the outer object
	inList            // between the elements of "objects"
	inBare            // between the elements of a list that is the whole text
	atEnd
)

// NewReader reads from r.
func NewReader(r io.Reader) *Reader { return &Reader{br: bufio.NewReaderSize(r, 1<<16)} }

// Next returns the next object. A malformed object comes as an Item with Err and
// reading goes on behind it. The error is io.EOF at the end; any other says that
// the text as a whole is broken at a byte, and ends the reading.
func (r *Reader) Next() (Item, error) {
	for {
		switch r.state {
		case atStart:
			if err := r.start(); err != nil {
				return Item{}, err
			}
		case inHead:
			item, done, err := r.property()
			if err != nil || done {
				return item, err
			}
		case inList, inBare:
			item, done, err := r.element()
			if err != nil || done {
				return item, err
			}
		case atEnd:
			if c, err := r.skip(); err == nil {
				return Item{}, fmt.Errorf("at byte %d: %q after the end", r.off, c)
			}
			return Item{}, io.EOF
		}
	}
}

func (r *Reader) start() error {
	if b, err := r.br.Peek(3); err == nil && bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		r.br.Discard(3) // a byte order mark, which some tools write
		r.off += 3
	}
	c, err := r.skip()
	if err != nil {
		return r.broken(err, "nothing where a bundle should begin")
	}
	switch c {
	case '{':
		r.state = inHead
		r.head.WriteByte('{')
	case '[':
		r.state = inBare
	default:
		return fmt.Errorf("at byte %d: %q where a bundle should begin", r.off, c)
	}
	r.take()
	return nil
}

// property reads one property of the outer object. done means that the object
// itself is what was looked for.
func (r *Reader) property() (Item, bool, error) {
	c, err := r.skip()
	if err != nil {
		return Item{}, false, r.broken(err, "the text ends within the bundle")
	}
	switch c {
	case ',':
		r.take()
		r.head.WriteByte(',')
		return Item{}, false, nil
	case '}':
		r.take()
		r.head.WriteByte('}')
		r.state = atEnd
		if r.list || isBundle(r.head.Bytes()) {
			return Item{}, false, nil
		}
		return r.item(r.head.Bytes(), 0, nil), true, nil
	case '"':
	default:
		return Item{}, false, fmt.Errorf("at byte %d: %q where a property should begin", r.off, c)
	}
	key, err := r.value(MaxObject)
	if err != nil {
		return Item{}, false, err
	}
	if c, err = r.skip(); err != nil || c != ':' {
		return Item{}, false, r.broken(err, fmt.Sprintf("no colon after %s", key))
	}
	r.take()
	if c, err = r.skip(); err != nil {
		return Item{}, false, r.broken(err, "the text ends within the bundle")
	}
	if string(key) == `"objects"` && c == '[' {
		r.take()
		r.state, r.list = inList, true
		r.head.WriteString(`"objects":[]`)
		return Item{}, false, nil
	}
	v, err := r.value(MaxObject)
	if err != nil {
		return Item{}, false, err
	}
	if r.head.Len()+len(key)+len(v) > MaxObject {
		return Item{}, false, fmt.Errorf("at byte %d: the object has more than %d bytes", r.off, MaxObject)
	}
	r.head.Write(key)
	r.head.WriteByte(':')
	r.head.Write(v)
	return Item{}, false, nil
}

// isBundle tells an empty bundle or envelope from an object.
func isBundle(head []byte) bool {
	var h struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	return json.Unmarshal(head, &h) == nil && (h.Type == "bundle" || h.Type == "" && h.ID == "")
}

func (r *Reader) element() (Item, bool, error) {
	c, err := r.skip()
	if err != nil {
		return Item{}, false, r.broken(err, "the text ends within the list of objects")
	}
	switch c {
	case ',':
		r.take()
		return Item{}, false, nil
	case ']':
		r.take()
		if r.state == inBare {
			r.state = atEnd
		} else {
			r.state = inHead
		}
		return Item{}, false, nil
	}
	at := r.off
	v, err := r.value(MaxObject)
	var large *tooLarge
	if err != nil && !errors.As(err, &large) {
		return Item{}, false, err
	}
	return r.item(v, at, err), true, nil
}

func (r *Reader) item(raw []byte, at int64, err error) Item {
	it := Item{Offset: at, Index: r.index, Err: err}
	r.index++
	if err == nil {
		it.Object, it.Err = Parse(raw)
	}
	if it.Err != nil {
		it.Err = fmt.Errorf("object %d at byte %d: %w", it.Index, at, it.Err)
	}
	return it
}

type tooLarge struct{ size int64 }

func (e *tooLarge) Error() string {
	return fmt.Sprintf("the object has %d bytes, at most %d are read", e.size, MaxObject)
}

// value reads one JSON value by its brackets and strings alone. What is larger
// than limit is skipped.
func (r *Reader) value(limit int) ([]byte, error) {
	var out []byte
	var size int64
	depth, text, escaped := 0, false, false
	for {
		c, err := r.br.ReadByte()
		if err != nil {
			return nil, r.broken(err, "the text ends within an object")
		}
		scalarEnd := depth == 0 && !text && size > 0 && strings.IndexByte(",]} \t\r\n:", c) >= 0
		if scalarEnd {
			r.br.UnreadByte()
			break
		}
		r.off++
		size++
		if size <= int64(limit) {
			out = append(out, c)
		}
		switch {
		case escaped:
			escaped = false
		case text && c == '\\':
			escaped = true
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxNesting {
			return nil, fmt.Errorf("at byte %d: more than %d levels of nesting", r.off, maxNesting)
		}
		if depth <= 0 && !text && (c == '}' || c == ']' || c == '"') {
			break
		}
	}
	if size > int64(limit) {
		return nil, &tooLarge{size}
	}
	return out, nil
}

// skip passes white space and returns the next byte without taking it.
func (r *Reader) skip() (byte, error) {
	for {
		b, err := r.br.Peek(1)
		if err != nil {
			return 0, err
		}
		if c := b[0]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, nil
		}
		r.take()
	}
}

func (r *Reader) take() {
	r.br.ReadByte() // the byte was seen by Peek
	r.off++
}

func (r *Reader) broken(err error, what string) error {
	if err != nil && err != io.EOF {
		return fmt.Errorf("at byte %d: %w", r.off, err)
	}
	return fmt.Errorf("at byte %d: %s", r.off, what)
}

// header are the common properties (STIX 2.1 section 3.2).
type header struct {
	Type        string  `json:"type"`
	ID          string  `json:"id"`
	SpecVersion string  `json:"spec_version"`
	Created     *string `json:"created"`
	Modified    *string `json:"modified"`
	Revoked     bool    `json:"revoked"`
}

// Parse reads one object and checks what every object must have: a type, an id
// of that type and, unless it is a cyber observable, when it was made and
// changed, in that order and within range.
func Parse(raw []byte) (Object, error) {
	var h header
	if err := json.Unmarshal(raw, &h); err != nil {
		return Object{}, fmt.Errorf("malformed JSON: %w", err)
	}
	o := Object{Type: h.Type, ID: h.ID, Revoked: h.Revoked, Raw: raw}
	if h.Type == "" {
		return o, errors.New("no type")
	}
	typ, id, ok := strings.Cut(h.ID, "--")
	if _, err := uuid.Parse(id); !ok || typ != h.Type || err != nil || len(id) != 36 {
		return o, fmt.Errorf("%s: the id %q is not the type, two hyphens and a UUID", h.Type, h.ID)
	}
	if IsObservable(h.Type) && h.Created == nil && h.Modified == nil {
		return o, nil
	}
	if h.Created == nil && h.Type != "relationship" && h.Type != "x-mitre-tactic" {
		return o, fmt.Errorf("%s: created is missing", h.ID)
	}
	var err error
	if o.Created, err = stamp(h.Created); err != nil {
		return o, fmt.Errorf("%s: created: %w", h.ID, err)
	}
	if o.Modified, err = stamp(h.Modified); err != nil {
		return o, fmt.Errorf("%s: modified: %w", h.ID, err)
	}
	switch {
	case h.Modified == nil && h.Type == "marking-definition": // section 7.2.1: cannot change
		o.Modified = o.Created
	case h.Modified == nil && h.Created != nil:
		return o, fmt.Errorf("%s: modified is missing", h.ID)
	case o.Modified.Before(o.Created):
		return o, fmt.Errorf("%s: modified %s is before created %s", h.ID, *h.Modified, *h.Created)
	}
	return o, nil
}

func stamp(s *string) (time.Time, error) {
	if s == nil {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, *s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no timestamp", *s)
	}
	return t.UTC(), intel.CheckTime(t)
}

// IsObservable says whether a type is a cyber observable of STIX 2.1 section 6,
// which has neither creation nor version.
func IsObservable(typ string) bool {
	switch typ {
	case "artifact", "autonomous-system", "directory", "domain-name", "email-addr", "email-message", "file",
		"ipv4-addr", "ipv6-addr", "mac-addr", "mutex", "network-traffic", "process", "software", "url",
		"user-account", "windows-registry-key", "x509-certificate":
		return true
	}
	return strings.HasPrefix(typ, "x-")
}
