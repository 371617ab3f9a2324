package stix

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"foregate/intel"
)

// hashOrder is the order in which one of several hashes is chosen to make a
// file's id (STIX 2.1 section 2.9).
var hashOrder = []string{"MD5", "SHA-1", "SHA-256", "SHA-512"}

// customPrefix begins the types of observables that STIX lacks.
const customPrefix = "x-foregate-"

// tlpMarkings are the marking definitions of TLP 1 (STIX 2.1 section 7.2.1.4)
// and 2.0 (the OASIS extension of 2022), by id.
var tlpMarkings = map[string]intel.TLP{
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": intel.TLPClear,
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": intel.TLPGreen,
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": intel.TLPAmber,
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": intel.TLPRed,
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": intel.TLPClear,
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": intel.TLPGreen,
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": intel.TLPAmber,
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": intel.TLPStrict,
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": intel.TLPRed,
}

// tlp2 are the ids of the TLP 2.0 definitions that we write.
var tlp2 = map[intel.TLP]string{
	intel.TLPClear:  "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
	intel.TLPGreen:  "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
	intel.TLPAmber:  "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
	intel.TLPStrict: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
	intel.TLPRed:    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}

func tlpOf(marking string) intel.TLP { return tlpMarkings[marking] }

// MarkingFor returns the id of the TLP 2.0 marking definition, "" for unknown.
func MarkingFor(l intel.TLP) string { return tlp2[l] }

// Time writes a timestamp with milliseconds, as created and modified want it.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Builder makes objects of assertions. Everything has a deterministic id, so
// that two exports of the same knowledge are the same bundle.
type Builder struct {
	// At is when the objects were made: the created and modified of what has no
	// time of its own.
	At time.Time
	// Author is the name of the identity that creates them.
	Author string

	order   []string
	objects map[string]map[string]any
}

// Add makes the objects of one assertion: what it speaks of, an indicator where
// it indicates, and the relationship. The error says what STIX cannot hold.
func (b *Builder) Add(a intel.Assertion) error {
	if a.Relation == intel.Indicates && a.Subject.Kind.IsObservable() {
		return b.indicator(a)
	}
	from, err := b.Node(a.Subject)
	if err != nil {
		return err
	}
	to, err := b.Node(a.Object)
	if err != nil {
		return err
	}
	if a.Relation == intel.AlsoKnownAs {
		b.alias(from, a.Object.Value)
	}
	b.Relate(from, string(a.Relation), to, a)
	return nil
}

// alias notes a name on the actor's object as well, where readers look for it.
func (b *Builder) alias(id, name string) {
	o := b.objects[id]
	list, _ := o["aliases"].([]string)
	if !slices.Contains(list, name) {
		o["aliases"] = append(list, name)
	}
}

func (b *Builder) indicator(a intel.Assertion) error {
	pat, err := PatternOf(a.Subject)
	if err != nil {
		return err
	}
	from := a.First
	if from.IsZero() {
		from = b.At
	}
	id := intel.ObjectID("indicator", string(a.Subject.Kind), a.Subject.Value, a.Source.Name)
	o := map[string]any{
		"type": "indicator", "id": id, "name": string(a.Subject.Kind) + " " + a.Subject.Value,
		"pattern": pat, "pattern_type": "stix", "pattern_version": "2.1", "valid_from": Time(from),
	}
	if !a.Last.IsZero() && a.Last.After(from) {
		o["valid_until"] = Time(a.Last)
	}
	b.mark(o, a)
	b.put(o)
	// A report that indicators are listed in is no target of "indicates".
	if a.Object.Kind == intel.Report {
		return nil
	}
	to, err := b.Node(a.Object)
	if err != nil {
		return err
	}
	b.Relate(id, string(a.Relation), to, a)
	return nil
}

// Relate adds a relationship between two objects and returns its id.
func (b *Builder) Relate(from, kind, to string, a intel.Assertion) string {
	rel := a.ID()
	id := intel.ObjectID("relationship", from, kind, to, string(rel[:]))
	o := map[string]any{"type": "relationship", "id": id, "relationship_type": kind, "source_ref": from, "target_ref": to}
	if !a.First.IsZero() {
		o["start_time"] = Time(a.First)
	}
	if !a.Last.IsZero() && a.Last.After(a.First) {
		o["stop_time"] = Time(a.Last)
	}
	if a.Note != "" {
		o["description"] = a.Note
	}
	b.mark(o, a)
	b.put(o)
	return id
}

// mark adds the confidence, the marking, the citation and retraction.
func (b *Builder) mark(o map[string]any, a intel.Assertion) {
	if c := a.Confidence.STIX(); c >= 0 {
		o["confidence"] = c
	}
	if id := b.Marking(a.TLP); id != "" {
		o["object_marking_refs"] = []string{id}
	}
	var refs []map[string]any
	if a.Source.Name != "" {
		ref := map[string]any{"source_name": a.Source.Name}
		if a.Source.Licence != "" {
			ref["description"] = "Licence: " + a.Source.Licence
		}
		refs = append(refs, ref)
	}
	if a.Source.Origin != "" {
		refs = slices.Insert(refs, 0, map[string]any{"source_name": a.Source.Origin})
	}
	if len(refs) > 0 {
		if strings.HasPrefix(a.Source.URL, "https://") || strings.HasPrefix(a.Source.URL, "http://") {
			refs[0]["url"] = a.Source.URL
		}
		for _, r := range refs {
			if len(r) == 1 { // section 3.11: a description, a URL or an id is due
				r["description"] = "as told by " + a.Source.Name
			}
		}
		o["external_references"] = refs
	}
	if !a.Retracted.IsZero() {
		o["revoked"] = true
	}
}

// Marking adds the TLP definition when it is needed and returns its id.
func (b *Builder) Marking(l intel.TLP) string {
	id := tlp2[l]
	if id == "" {
		return ""
	}
	b.putRaw(map[string]any{
		"type": "marking-definition", "spec_version": "2.1", "id": id, "created": "2022-10-01T00:00:00.000Z",
		"name": "TLP:" + strings.ToUpper(string(l)),
		"extensions": map[string]any{"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": map[string]any{
			"extension_type": "property-extension", "tlp_2_0": string(l),
		}},
	})
	return id
}

// Put adds an object of the caller's, such as a report or an opinion, with the
// common properties that it lacks, and returns its id.
func (b *Builder) Put(o map[string]any) string { b.put(o); return o["id"].(string) }

// put completes an SDO or SRO and keeps the first of each id.
func (b *Builder) put(o map[string]any) {
	o["spec_version"] = "2.1"
	o["created"], o["modified"] = Time(b.At), Time(b.At)
	if b.Author != "" && o["type"] != "identity" {
		o["created_by_ref"] = b.author()
	}
	b.putRaw(o)
}

func (b *Builder) author() string {
	id := intel.ObjectID("identity", b.Author)
	if _, ok := b.objects[id]; !ok {
		b.put(map[string]any{"type": "identity", "id": id, "name": b.Author, "identity_class": "organization"})
	}
	return id
}

func (b *Builder) putRaw(o map[string]any) {
	id := o["id"].(string)
	if b.objects == nil {
		b.objects = map[string]map[string]any{}
	}
	if _, ok := b.objects[id]; !ok {
		b.objects[id] = o
		b.order = append(b.order, id)
	}
}

// Node adds the object that a node stands for and returns its id.
func (b *Builder) Node(n intel.Node) (string, error) {
	if n.Kind.IsObservable() && n.Kind != intel.Pattern {
		o, err := Observable(n)
		if err != nil {
			return "", err
		}
		b.putRaw(o)
		if strings.HasPrefix(o["type"].(string), customPrefix) {
			b.extension()
		}
		return o["id"].(string), nil
	}
	o := map[string]any{"type": string(n.Kind), "id": intel.ObjectID(string(n.Kind), n.Value), "name": n.Value}
	switch n.Kind {
	case intel.Malware:
		o["is_family"] = true
	case intel.AttackPat:
		if len(n.Value) >= 5 && n.Value[0] == 'T' && n.Value[1] >= '0' && n.Value[1] <= '9' {
			o["external_references"] = []map[string]any{{"source_name": "mitre-attack", "external_id": n.Value}}
		}
	case intel.Report:
		// A report must name its objects (section 4.16); a mere name has none.
		o["type"], o["id"] = "identity", intel.ObjectID("identity", "report", n.Value)
		o["identity_class"] = "unspecified"
	case intel.Campaign, intel.IntrusionSet, intel.ThreatActor, intel.Tool, intel.Identity,
		"course-of-action", "infrastructure", "vulnerability", "incident":
	case intel.Pattern:
		o["type"], o["id"] = "indicator", intel.ObjectID("indicator", string(n.Kind), n.Value)
		o["pattern"], o["pattern_type"], o["pattern_version"], o["valid_from"] = n.Value, "stix", "2.1", Time(b.At)
	default:
		c, err := custom(n)
		if err != nil {
			return "", err
		}
		b.putRaw(c)
		b.extension()
		return c["id"].(string), nil
	}
	if n.Kind == intel.Identity {
		o["identity_class"] = "unspecified"
	}
	b.put(o)
	return o["id"].(string), nil
}

// extensionID names our extension definition (STIX 2.1 section 7.3).
var extensionID = intel.ObjectID("extension-definition", "observables")

func (b *Builder) extension() {
	if b.Author == "" {
		b.Author = "Foregate"
	}
	b.put(map[string]any{
		"type": "extension-definition", "id": extensionID, "name": "observables that STIX lacks",
		"description": "Registrants, name servers, mailer fingerprints and the like: a type x-foregate-KIND with one property, value.",
		"schema":      "A string property named value.", "version": "1.0.0", "extension_types": []string{"new-sco"},
	})
}

func custom(n intel.Node) (map[string]any, error) {
	typ := customPrefix + strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, string(n.Kind)), "-")
	id, err := intel.ObservableID(typ, map[string]any{"value": n.Value})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"type": typ, "id": id, "spec_version": "2.1", "value": n.Value,
		"extensions": map[string]any{extensionID: map[string]any{"extension_type": "new-sco"}},
	}, nil
}

// Observable makes the cyber observable of a node, with its deterministic id.
func Observable(n intel.Node) (map[string]any, error) {
	o := map[string]any{"spec_version": "2.1"}
	contributes := map[string]any{}
	switch n.Kind {
	case intel.Domain, intel.IPv4, intel.IPv6, intel.URL, intel.Email:
		o["type"], o["value"] = string(n.Kind), n.Value
		contributes["value"] = n.Value
	case intel.ASN:
		o["type"], o["number"] = string(n.Kind), json.Number(n.Value)
		contributes["number"] = json.Number(n.Value)
	case intel.MD5, intel.SHA1, intel.SHA256, intel.SHA512:
		h := map[string]any{hashName(n.Kind): n.Value}
		o["type"], o["hashes"] = "file", h
		contributes["hashes"] = h
	case intel.FileName:
		o["type"], o["name"] = "file", n.Value
		contributes["name"] = n.Value
	case intel.Certificate:
		o["type"] = string(n.Kind)
		if intel.HashKind(n.Value) == intel.SHA256 {
			o["hashes"] = map[string]any{"SHA-256": n.Value}
			contributes["hashes"] = o["hashes"]
		} else {
			serial, issuer, _ := strings.Cut(n.Value, " ")
			o["serial_number"] = serial
			contributes["serial_number"] = serial
			if issuer != "" {
				o["issuer"] = issuer
			}
		}
	default:
		return custom(n)
	}
	id, err := intel.ObservableID(o["type"].(string), contributes)
	o["id"] = id
	return o, err
}

func hashName(k intel.Kind) string {
	switch k {
	case intel.MD5:
		return "MD5"
	case intel.SHA1:
		return "SHA-1"
	case intel.SHA512:
		return "SHA-512"
	}
	return "SHA-256"
}

// PatternOf is the STIX pattern that finds an observable.
func PatternOf(n intel.Node) (string, error) {
	v := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(n.Value) + "'"
	switch n.Kind {
	case intel.Domain, intel.URL, intel.Email:
		return fmt.Sprintf("[%s:value = %s]", n.Kind, v), nil
	case intel.IPv4, intel.IPv6:
		if strings.Contains(n.Value, "/") {
			return fmt.Sprintf("[%s:value ISSUBSET %s]", n.Kind, v), nil
		}
		return fmt.Sprintf("[%s:value = %s]", n.Kind, v), nil
	case intel.ASN:
		return fmt.Sprintf("[autonomous-system:number = %s]", n.Value), nil
	case intel.MD5, intel.SHA1, intel.SHA256, intel.SHA512:
		return fmt.Sprintf("[file:hashes.'%s' = %s]", hashName(n.Kind), v), nil
	case intel.FileName:
		return fmt.Sprintf("[file:name = %s]", v), nil
	case intel.Certificate:
		if intel.HashKind(n.Value) != "" {
			return fmt.Sprintf("[x509-certificate:hashes.'SHA-256' = %s]", v), nil
		}
		serial, _, _ := strings.Cut(n.Value, " ")
		return fmt.Sprintf("[x509-certificate:serial_number = '%s']", strings.ReplaceAll(serial, "'", `\'`)), nil
	case intel.Pattern:
		return n.Value, nil
	}
	if n.Kind.IsObservable() {
		return fmt.Sprintf("[%s%s:value = %s]", customPrefix, n.Kind, v), nil
	}
	return "", fmt.Errorf("%s cannot be looked for with a pattern", n)
}

// Objects are the objects made so far, in the order in which they came.
func (b *Builder) Objects() []map[string]any {
	out := make([]map[string]any, 0, len(b.order))
	for _, id := range b.order {
		out = append(out, b.objects[id])
	}
	return out
}

// WriteTo writes the bundle.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	bw := NewWriter(w, intel.ObjectID("bundle", append([]string{Time(b.At)}, b.order...)...))
	for _, o := range b.Objects() {
		raw, err := json.Marshal(o)
		if err != nil {
			return bw.n, fmt.Errorf("writing %v: %w", o["id"], err)
		}
		if err := bw.Write(raw); err != nil {
			return bw.n, err
		}
	}
	return bw.n, bw.Close()
}

// Writer writes a bundle object by object, so that an export of any size needs
// no memory.
type Writer struct {
	bw    *bufio.Writer
	n     int64
	begun bool
	id    string
}

// NewWriter begins a bundle of this id.
func NewWriter(w io.Writer, id string) *Writer { return &Writer{bw: bufio.NewWriter(w), id: id} }

// Write adds one object as it is.
func (w *Writer) Write(raw json.RawMessage) error {
	sep := ",\n"
	if !w.begun {
		w.begun = true
		sep = fmt.Sprintf("{\"type\": \"bundle\", \"id\": %q, \"objects\": [\n", w.id)
	}
	n, err := w.bw.WriteString(sep)
	w.n += int64(n)
	if err != nil {
		return err
	}
	n, err = w.bw.Write(raw)
	w.n += int64(n)
	return err
}

// Close ends the bundle. It does not close the underlying writer.
func (w *Writer) Close() error {
	end := "\n]}\n"
	if !w.begun { // an empty bundle has no list (section 8.1)
		end = fmt.Sprintf("{\"type\": \"bundle\", \"id\": %q}\n", w.id)
	}
	n, err := w.bw.WriteString(end)
	w.n += int64(n)
	if err != nil {
		return err
	}
	return w.bw.Flush()
}

// TLPOf is the narrowest TLP marking of an object, "" when it has none.
func TLPOf(o Object) intel.TLP {
	var b struct {
		Markings []string `json:"object_marking_refs"`
	}
	if json.Unmarshal(o.Raw, &b) != nil {
		return intel.TLPRed // what cannot be read is not passed on
	}
	var label intel.TLP
	for _, m := range b.Markings {
		if l := tlpOf(m); l.Rank() > label.Rank() {
			label = l
		}
	}
	return label
}
