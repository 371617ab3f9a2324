package misp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// maxElement bounds one attribute or object of an event in bytes; attachments
	// are in them, as base64.
	maxElement = 64 << 20
	// maxAttrs bounds the attributes of one event, which are in memory until its end,
	// where its tags may stand. At 400 bytes each that is 800 MB.
	maxAttrs = 2_000_000
	// maxNesting bounds lists of events within each other.
	maxNesting = 8
)

// elementReader stops an element that does not end.
type elementReader struct {
	r io.Reader
	n int64
}

func (l *elementReader) Read(p []byte) (int, error) {
	if l.n > maxElement {
		return 0, fmt.Errorf("an element has more than %d bytes", maxElement)
	}
	n, err := l.r.Read(p)
	l.n += int64(n)
	return n, err
}

// stream reads events by their tokens.
type stream struct {
	dec   *json.Decoder
	lim   *elementReader
	yield func(*Event, []error) bool
	done  bool // yield has said so
}

// Stream reads any number of events, as a feed or a search gives them: one, a list,
// {"Event": …}, {"response": […]}. It gives each without Raw, with what in it could
// not be read, until yield returns false. The error says where the text is broken;
// what stands before it has been given.
func Stream(r io.Reader, yield func(e *Event, bad []error) bool) error {
	lim := &elementReader{r: r}
	s := &stream{dec: json.NewDecoder(lim), lim: lim, yield: yield}
	err := s.value(0)
	if err == nil && !s.done {
		if _, err = s.dec.Token(); err == nil {
			err = errors.New("there is more after the end")
		} else if errors.Is(err, io.EOF) {
			return nil
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the text ends within an event")
	}
	if err != nil {
		return fmt.Errorf("reading MISP at byte %d: %w", s.dec.InputOffset(), err)
	}
	return nil
}

func (s *stream) token() (json.Token, error) {
	s.lim.n = 0
	return s.dec.Token()
}

// each reads what is left of a list or an object, and its end.
func (s *stream) each(one func() error) error {
	for s.dec.More() && !s.done {
		if err := one(); err != nil {
			return err
		}
	}
	if s.done {
		return nil
	}
	_, err := s.token()
	return err
}

// value reads an event or a list of events.
func (s *stream) value(depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("more than %d lists within each other", maxNesting)
	}
	t, err := s.token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		return s.object(depth)
	case json.Delim('['):
		return s.each(func() error { return s.value(depth + 1) })
	case nil:
		return nil
	}
	return fmt.Errorf("%v where an event should be", t)
}

// object reads an event, or what is around one.
func (s *stream) object(depth int) error {
	var w wire
	e := &Event{}
	var bad []error
	err := s.members(depth, &w, e, &bad)
	if w.UUID == "" && w.Info == "" && len(e.Attrs) == 0 && len(bad) == 0 {
		return err
	}
	e.UUID, e.Info, e.Org, e.Published, e.TLP = w.UUID, w.Info, w.Org.Name, w.Published, labels(w.Tag)
	if w.Date != "" {
		var derr error
		if e.Date, derr = time.Parse(time.DateOnly, w.Date); derr != nil {
			bad = append(bad, fmt.Errorf("date %q is no date", w.Date))
		}
	}
	e.actors(w)
	s.done = s.done || !s.yield(e, bad)
	return err
}

// members reads the properties of an object. Those that tell nothing are passed
// over without being held.
func (s *stream) members(depth int, w *wire, e *Event, bad *[]error) error {
	return s.each(func() error {
		t, err := s.token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		var to any
		switch key {
		case "Event", "response":
			err = s.value(depth + 1)
		case "Attribute":
			err = s.list("event attribute", bad, func() error { return s.attribute(e, "") })
		case "Object":
			err = s.list("object", bad, func() error { return s.group(e) })
		case "uuid":
			to = &w.UUID
		case "info":
			to = &w.Info
		case "date":
			to = &w.Date
		case "published":
			to = &w.Published
		case "Orgc":
			to = &w.Org
		case "Tag":
			to = &w.Tag
		case "Galaxy":
			to = &w.Galaxy
		default:
			err = s.skip()
		}
		if to != nil {
			err = s.decode(to, key, bad)
		}
		return err
	})
}

// decode reads one value; one of another type is told and passed over.
func (s *stream) decode(to any, what string, bad *[]error) error {
	s.lim.n = 0
	err := s.dec.Decode(to)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
	case errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || s.lim.n > maxElement:
		return err
	default:
		if what != "" {
			err = fmt.Errorf("%s: %w", what, err)
		}
		*bad = append(*bad, err)
	}
	return nil
}

// list reads the elements of a list one at a time; element returns what is wrong
// with one as a *broken.
func (s *stream) list(what string, bad *[]error, element func() error) error {
	t, err := s.token()
	if err != nil {
		return err
	}
	if t == nil {
		return nil
	}
	if t != json.Delim('[') {
		return fmt.Errorf("%s: %v where a list should begin", what, t)
	}
	i := -1
	return s.each(func() error {
		i++
		err := element()
		var b *broken
		if !errors.As(err, &b) {
			return err
		}
		for _, x := range b.errs {
			*bad = append(*bad, fmt.Errorf("%s %d: %w", what, i, x))
		}
		return nil
	})
}

// broken says what could not be read of an element that has been passed.
type broken struct{ errs []error }

func (b *broken) Error() string { return errors.Join(b.errs...).Error() }

func (s *stream) attribute(e *Event, object string) error {
	var a Attribute
	var bad []error
	if err := s.decode(&a, "", &bad); err != nil {
		return err
	}
	if len(bad) > 0 {
		return &broken{bad}
	}
	return e.keep(a, object)
}

var errMany = fmt.Errorf("more than %d attributes in one event; split it", maxAttrs)

func (e *Event) keep(a Attribute, object string) error {
	if len(e.Attrs) >= maxAttrs {
		return errMany
	}
	a.Object = object
	e.Attrs = append(e.Attrs, a)
	return nil
}

// group reads an object of an event with its attributes.
func (s *stream) group(e *Event) error {
	var o struct {
		Name      string            `json:"name"`
		Deleted   bool              `json:"deleted"`
		Attribute []json.RawMessage `json:"Attribute"`
	}
	var bad []error
	if err := s.decode(&o, "", &bad); err != nil {
		return err
	}
	for i, raw := range o.Attribute {
		var a Attribute
		if o.Deleted {
			break
		}
		if err := json.Unmarshal(raw, &a); err != nil {
			bad = append(bad, fmt.Errorf("(%s) attribute %d: %w", o.Name, i, err))
			continue
		}
		if err := e.keep(a, o.Name); err != nil {
			return err
		}
	}
	if len(bad) > 0 {
		return &broken{bad}
	}
	return nil
}

// skip passes over one value.
func (s *stream) skip() error {
	for depth := 0; ; {
		t, err := s.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
