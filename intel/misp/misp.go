// Package misp reads what MISP, the most used sharing platform, exports: events,
// feed manifests, lists of feeds and warninglists; and writes events.
//
// A MISP event is a list of attributes ("domain", "ip-dst", "sha256") and of
// objects that group attributes, with tags for markings and confidence. What of
// an event we do not know is kept and written again.
package misp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"foregate/intel"
)

// MaxEvent bounds an event that is read whole, in bytes: the largest public ones
// have some 50 MB. Stream has no such bound.
const MaxEvent = 256 << 20

// Event is an event with all that it carries.
type Event struct {
	UUID      string
	Info      string
	Org       string // who made it
	Date      time.Time
	TLP       intel.TLP
	Published bool
	Attrs     []Attribute
	Actors    []string // threat actors and intrusion sets of galaxies and tags
	// Raw is the event as it was read, without the outer {"Event": …}.
	Raw map[string]json.RawMessage
}

// Attribute is one value of an event or of one of its objects.
type Attribute struct {
	UUID     string `json:"uuid"`
	Type     string `json:"type"`
	Category string `json:"category"`
	Value    string `json:"value"`
	Comment  string `json:"comment"`
	ToIDS    bool   `json:"to_ids"` // good for detection, says the author
	Deleted  bool   `json:"deleted"`
	Stamp    number `json:"timestamp"`
	First    string `json:"first_seen"`
	Last     string `json:"last_seen"`
	Tags     []tag  `json:"Tag"`
	Object   string `json:"-"` // the name of its object, "" when by itself
}

type tag struct {
	Name string `json:"name"`
}

// number is a whole number that MISP writes as a string or as a number.
type number int64

// UnmarshalJSON reads 5, "5" and "".
func (n *number) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "" || s == "null" {
		return nil
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return fmt.Errorf("%s is no whole number", b)
	}
	*n = number(v)
	return nil
}

type wire struct {
	UUID      string                `json:"uuid"`
	Info      string                `json:"info"`
	Date      string                `json:"date"`
	Published bool                  `json:"published"`
	Org       struct{ Name string } `json:"Orgc"`
	Attribute []json.RawMessage     `json:"Attribute"`
	Object    []struct {
		Name      string            `json:"name"`
		Deleted   bool              `json:"deleted"`
		Attribute []json.RawMessage `json:"Attribute"`
	} `json:"Object"`
	Tag    []tag `json:"Tag"`
	Galaxy []struct {
		Type    string `json:"type"`
		Cluster []struct {
			Value string `json:"value"`
		} `json:"GalaxyCluster"`
	} `json:"Galaxy"`
}

// ReadEvent reads one event, with or without the outer {"Event": …} or
// {"response": …}. bad are the attributes that could not be read; the rest is in
// the event.
func ReadEvent(r io.Reader) (e *Event, bad []error, err error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxEvent+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading a MISP event: %w", err)
	}
	if len(b) > MaxEvent {
		return nil, nil, fmt.Errorf("reading a MISP event: more than %d bytes", MaxEvent)
	}
	b = unwrap(b)
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, nil, fmt.Errorf("reading a MISP event: %w", err)
	}
	if w.UUID == "" && w.Info == "" {
		return nil, nil, errors.New("reading a MISP event: neither uuid nor info; this is something else")
	}
	e = &Event{UUID: w.UUID, Info: w.Info, Org: w.Org.Name, Published: w.Published}
	if err := json.Unmarshal(b, &e.Raw); err != nil {
		return nil, nil, fmt.Errorf("reading a MISP event: %w", err)
	}
	if w.Date != "" {
		if e.Date, err = time.Parse(time.DateOnly, w.Date); err != nil {
			bad = append(bad, fmt.Errorf("date %q is no date", w.Date))
		}
	}
	e.TLP = labels(w.Tag)
	e.actors(w)
	add := func(at string, raws []json.RawMessage, object string) {
		for i, raw := range raws {
			var a Attribute
			if err := json.Unmarshal(raw, &a); err != nil {
				bad = append(bad, fmt.Errorf("%s attribute %d: %w", at, i, err))
				continue
			}
			a.Object = object
			e.Attrs = append(e.Attrs, a)
		}
	}
	add("event", w.Attribute, "")
	for i, o := range w.Object {
		if !o.Deleted {
			add(fmt.Sprintf("object %d (%s)", i, o.Name), o.Attribute, o.Name)
		}
	}
	return e, bad, nil
}

// unwrap takes off {"Event": …} and {"response": [{"Event": …}]}.
func unwrap(b []byte) []byte {
	var outer struct {
		Event    json.RawMessage `json:"Event"`
		Response json.RawMessage `json:"response"`
	}
	if json.Unmarshal(b, &outer) != nil {
		return b
	}
	switch {
	case outer.Event != nil:
		return outer.Event
	case outer.Response != nil:
		var list []json.RawMessage
		if json.Unmarshal(outer.Response, &list) == nil && len(list) == 1 {
			return unwrap(list[0])
		}
		return unwrap(outer.Response)
	}
	return b
}

func labels(tags []tag) intel.TLP {
	var out intel.TLP
	for _, t := range tags {
		if !strings.HasPrefix(strings.ToLower(t.Name), "tlp:") {
			continue
		}
		if l, err := intel.ParseTLP(t.Name); err == nil && l.Rank() > out.Rank() {
			out = l
		}
	}
	return out
}

// actors collects the actors that the event names.
func (e *Event) actors(w wire) {
	for _, g := range w.Galaxy {
		if g.Type == "threat-actor" || strings.Contains(g.Type, "intrusion-set") {
			for _, c := range g.Cluster {
				e.Actors = append(e.Actors, c.Value)
			}
		}
	}
	for _, t := range w.Tag {
		for _, p := range []string{`misp-galaxy:threat-actor="`, `misp-galaxy:mitre-intrusion-set="`} {
			if v, ok := strings.CutPrefix(t.Name, p); ok {
				e.Actors = append(e.Actors, strings.TrimSuffix(v, `"`))
			}
		}
	}
	slices.Sort(e.Actors)
	e.Actors = slices.Compact(e.Actors)
}

// Assertions says what the attributes meant for detection say: that each
// indicates the event's actors, or the event as a report. skipped are attributes
// that are no indicators; bad those that should be and are not.
func (e *Event) Assertions(base intel.Source) (as []intel.Assertion, skipped int, bad []error) {
	skipped = e.Each(base, func(a intel.Assertion, err error) bool {
		if err != nil {
			bad = append(bad, err)
		} else {
			as = append(as, a)
		}
		return true
	})
	return as, skipped, bad
}

// Each is Assertions one at a time, until yield returns false: each is an assertion
// or why an attribute gives none.
func (e *Event) Each(base intel.Source, yield func(intel.Assertion, error) bool) (skipped int) {
	src := base
	if e.Org != "" {
		src.Name = e.Org
	}
	if src.Name != base.Name && base.Name != "" {
		src.URL = base.Name
	}
	targets := []intel.Node{{Kind: intel.Report, Value: orUUID(e.Info, orUUID(e.UUID, base.Name))}}
	if len(e.Actors) > 0 {
		targets = targets[:0]
		for _, a := range e.Actors {
			targets = append(targets, intel.Node{Kind: intel.IntrusionSet, Value: strings.Join(strings.Fields(a), " ")})
		}
	}
	for i := range e.Attrs {
		at := &e.Attrs[i]
		values := at.split()
		if !at.ToIDS || at.Deleted || len(values) == 0 {
			skipped++
			continue
		}
		for _, kv := range values {
			n, err := intel.Clean(kv.Kind, kv.Value)
			for k := 0; k < len(targets); k++ {
				a := intel.Assertion{Subject: n, Relation: intel.Indicates, Object: targets[k], Source: src, TLP: max2(e.TLP, labels(at.Tags)), Note: at.Comment}
				a.First, a.Last = when(at, e.Date)
				if len(a.Note) > intel.MaxNote {
					a.Note = strings.ToValidUTF8(a.Note[:intel.MaxNote], "")
				}
				if err == nil {
					err = a.Check()
				}
				if err != nil {
					err = fmt.Errorf("attribute %s: %w", at.UUID, err)
					k = len(targets) // told once
				}
				if !yield(a, err) {
					return skipped
				}
			}
		}
	}
	return skipped
}

func orUUID(info, id string) string {
	if info = strings.Join(strings.Fields(info), " "); info != "" {
		return info
	}
	return id
}

func max2(a, b intel.TLP) intel.TLP {
	if b.Rank() > a.Rank() {
		return b
	}
	return a
}

func when(at *Attribute, date time.Time) (first, last time.Time) {
	first = date
	if t, err := time.Parse(time.RFC3339Nano, at.First); err == nil {
		first = t.UTC()
	}
	if t, err := time.Parse(time.RFC3339Nano, at.Last); err == nil && !t.Before(first) {
		last = t.UTC()
	}
	return first, last
}

// kinds maps attribute types to kinds; a composite type has one for each half,
// and "" for a half that is no indicator.
var kinds = map[string][]intel.Kind{
	"domain": {intel.Domain}, "hostname": {intel.Domain}, "url": {intel.URL}, "uri": {intel.URL}, "link": {intel.URL},
	"ip-src": {intel.IPv4}, "ip-dst": {intel.IPv4}, "ip-src|port": {intel.IPv4, ""}, "ip-dst|port": {intel.IPv4, ""},
	"domain|ip": {intel.Domain, intel.IPv4}, "hostname|port": {intel.Domain, ""}, "AS": {intel.ASN},
	"email": {intel.Email}, "email-src": {intel.Email}, "email-dst": {intel.Email}, "email-reply-to": {intel.Email},
	"whois-registrant-email": {intel.Registrant}, "whois-registrant-name": {intel.Registrant},
	"md5": {intel.MD5}, "sha1": {intel.SHA1}, "sha256": {intel.SHA256}, "sha512": {intel.SHA512},
	"filename": {intel.FileName}, "filename|md5": {intel.FileName, intel.MD5}, "filename|sha1": {intel.FileName, intel.SHA1},
	"filename|sha256": {intel.FileName, intel.SHA256}, "x509-fingerprint-sha256": {intel.Certificate},
	"stix2-pattern": {intel.Pattern}, "x-mailer": {intel.Mailer}, "email-x-mailer": {intel.Mailer},
}

func (a *Attribute) split() []intel.Node {
	ks := kinds[a.Type]
	if len(ks) < 2 {
		if len(ks) == 0 {
			return nil
		}
		return []intel.Node{{Kind: ks[0], Value: a.Value}}
	}
	parts := strings.SplitN(a.Value, "|", 2)
	var out []intel.Node
	for i, k := range ks {
		if k != "" && i < len(parts) {
			out = append(out, intel.Node{Kind: k, Value: parts[i]})
		}
	}
	return out
}

// Write writes the event as it was read, with Info, TLP and the like unchanged.
func (e *Event) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any{"Event": e.Raw}); err != nil {
		return fmt.Errorf("writing a MISP event: %w", err)
	}
	return nil
}

// typeOf is the attribute type and category of a kind.
func typeOf(k intel.Kind) (typ, category string) {
	switch k {
	case intel.Domain, intel.URL:
		return strings.TrimSuffix(string(k), "-name"), "Network activity"
	case intel.NameServer:
		return "hostname", "Network activity"
	case intel.IPv4, intel.IPv6:
		return "ip-dst", "Network activity"
	case intel.ASN:
		return "AS", "Network activity"
	case intel.Email:
		return "email-src", "Payload delivery"
	case intel.MD5, intel.SHA1, intel.SHA256, intel.SHA512:
		return string(k), "Payload delivery"
	case intel.FileName:
		return "filename", "Payload delivery"
	case intel.Registrant:
		return "whois-registrant-name", "Attribution"
	case intel.Certificate:
		return "x509-fingerprint-sha256", "Network activity"
	case intel.Pattern:
		return "stix2-pattern", "Payload delivery"
	case intel.Mailer:
		return "email-x-mailer", "Payload delivery"
	}
	return "text", "Other"
}

// NewEvent makes an event of the indicators among the assertions. Its id and
// those of the attributes are made of its content. left is how many assertions
// an event cannot hold.
func NewEvent(info, org string, at time.Time, as []intel.Assertion) (e *Event, left int, err error) {
	ns := uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://foregate.example/misp"))
	var attrs []map[string]any
	var label intel.TLP
	actors := map[string]bool{}
	for _, a := range as {
		if a.Relation != intel.Indicates || !a.Retracted.IsZero() {
			left++
			continue
		}
		typ, category := typeOf(a.Subject.Kind)
		attr := map[string]any{
			"uuid": uuid.NewSHA1(ns, fmt.Appendf(nil, "%s\x00%s", info, a.Subject)).String(), "type": typ, "category": category,
			"value": a.Subject.Value, "comment": a.Note, "to_ids": typ != "text", "timestamp": strconv.FormatInt(at.Unix(), 10),
		}
		if !a.First.IsZero() {
			attr["first_seen"] = a.First.UTC().Format(time.RFC3339Nano)
		}
		if !a.Last.IsZero() {
			attr["last_seen"] = a.Last.UTC().Format(time.RFC3339Nano)
		}
		label = max2(label, a.TLP)
		if a.Object.Kind == intel.IntrusionSet {
			actors[a.Object.Value] = true
		}
		attrs = append(attrs, attr)
	}
	var tags []map[string]any
	if label != "" {
		tags = append(tags, map[string]any{"name": "tlp:" + string(label)})
	}
	for _, a := range sorted(actors) {
		tags = append(tags, map[string]any{"name": `misp-galaxy:threat-actor="` + a + `"`})
	}
	raw, err := json.Marshal(map[string]any{
		"uuid": uuid.NewSHA1(ns, []byte(info)).String(), "info": info, "date": at.UTC().Format(time.DateOnly),
		"timestamp": strconv.FormatInt(at.Unix(), 10), "published": false, "analysis": "2", "threat_level_id": "4",
		"Orgc": map[string]string{"name": org, "uuid": uuid.NewSHA1(ns, []byte("org\x00"+org)).String()}, "Attribute": attrs, "Tag": tags,
	})
	if err != nil {
		return nil, left, fmt.Errorf("making a MISP event: %w", err)
	}
	e, _, err = ReadEvent(strings.NewReader(string(raw)))
	return e, left, err
}

func sorted(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Manifest is a feed's list of events: by UUID, what changed when.
type Manifest map[string]ManifestEntry

// ManifestEntry is what a manifest says of one event.
type ManifestEntry struct {
	Info  string `json:"info"`
	Date  string `json:"date"`
	Stamp number `json:"timestamp"`
}

// Newer lists the events that changed after the time, oldest first, so that an
// interrupted fetch can go on from the last that came in.
func (m Manifest) Newer(than time.Time) []string {
	var ids []string
	for id, e := range m {
		if _, err := uuid.Parse(id); err == nil && time.Unix(int64(e.Stamp), 0).After(than) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		if m[a].Stamp != m[b].Stamp {
			return int(max(-1, min(1, m[a].Stamp-m[b].Stamp)))
		}
		return strings.Compare(a, b)
	})
	return ids
}

// At is when the event last changed.
func (e ManifestEntry) At() time.Time { return time.Unix(int64(e.Stamp), 0).UTC() }

// Feed is an entry of MISP's list of feeds.
type Feed struct {
	Name, Provider, URL string
	Format              string `json:"source_format"` // "misp", "csv" or "freetext"
	Enabled             bool
}

// ReadFeeds reads a list of feeds such as MISP's defaults.
func ReadFeeds(r io.Reader) ([]Feed, error) {
	var list []struct{ Feed Feed }
	if err := json.NewDecoder(io.LimitReader(r, MaxEvent)).Decode(&list); err != nil {
		return nil, fmt.Errorf("reading a list of feeds: %w", err)
	}
	out := make([]Feed, 0, len(list))
	for _, f := range list {
		out = append(out, f.Feed)
	}
	return out, nil
}

// Warninglist names what is seen everywhere and therefore says little: shared
// hosts, public resolvers, top domains.
type Warninglist struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"` // cidr, hostname, string, substring, regex
	Description string   `json:"description"`
	Match       []string `json:"matching_attributes"`
	List        []string `json:"list"`
}

// ReadWarninglist reads one; entries that are no networks in a list of networks
// are told in bad and left out.
func ReadWarninglist(r io.Reader) (l *Warninglist, bad []error, err error) {
	l = &Warninglist{}
	if err := json.NewDecoder(io.LimitReader(r, MaxEvent)).Decode(l); err != nil {
		return nil, nil, fmt.Errorf("reading a warninglist: %w", err)
	}
	if l.Name == "" || l.Type == "" {
		return nil, nil, errors.New("reading a warninglist: name or type is missing")
	}
	if l.Type != "cidr" {
		return l, nil, nil
	}
	l.List = slices.DeleteFunc(l.List, func(s string) bool {
		_, e1 := netip.ParsePrefix(s)
		_, e2 := netip.ParseAddr(s)
		if e1 != nil && e2 != nil {
			bad = append(bad, fmt.Errorf("%q is neither an address nor a network", s))
		}
		return e1 != nil && e2 != nil
	})
	return l, bad, nil
}
