package stix

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"foregate/intel"
	"foregate/intel/stix/pattern"
)

// maxPending bounds the statements that wait for the end of a bundle because what
// they speak of comes later. At 300 bytes each that is 600 MB.
const maxPending = 2_000_000

// body holds the properties that assertions are made of.
type body struct {
	Name        string            `json:"name"`
	Value       string            `json:"value"`
	Number      json.Number       `json:"number"`
	Hashes      map[string]string `json:"hashes"`
	Serial      string            `json:"serial_number"`
	Issuer      string            `json:"issuer"`
	Key         string            `json:"key"`
	UserID      string            `json:"user_id"`
	Aliases     []string          `json:"aliases"`
	MitreAlias  []string          `json:"x_mitre_aliases"`
	AttackID    string            `json:"attack_id"` // of compact extracts of ATT&CK
	CreatedBy   string            `json:"created_by_ref"`
	Confidence  *int              `json:"confidence"`
	Description string            `json:"description"`
	Markings    []string          `json:"object_marking_refs"`
	External    []struct {
		SourceName string `json:"source_name"`
		ExternalID string `json:"external_id"`
		URL        string `json:"url"`
	} `json:"external_references"`
	Refs []string `json:"refs"` // of compact extracts: names of cited reports

	Pattern     string   `json:"pattern"`
	PatternType string   `json:"pattern_type"`
	ValidFrom   *string  `json:"valid_from"`
	ValidUntil  *string  `json:"valid_until"`
	FirstSeen   *string  `json:"first_seen"`
	LastSeen    *string  `json:"last_seen"`
	Kind        string   `json:"relationship_type"`
	SourceRef   string   `json:"source_ref"`
	TargetRef   string   `json:"target_ref"`
	StartTime   *string  `json:"start_time"`
	StopTime    *string  `json:"stop_time"`
	SightingOf  string   `json:"sighting_of_ref"`
	WhereSeen   []string `json:"where_sighted_refs"`
	ObjectRefs  []string `json:"object_refs"`
	ResolvesTo  []string `json:"resolves_to_refs"`
	BelongsTo   any      `json:"belongs_to_refs"`
}

// Deriver turns objects into assertions. Objects may come in any order:
// relationships wait until Finish for what they speak of.
type Deriver struct {
	// Source is who says what the objects do not say otherwise.
	Source intel.Source

	nodes   map[string][]intel.Node // by object id; several for an indicator
	names   map[string]string       // identities, by id
	pending []pending
	left    int      // how many the last Drain left
	later   []string // objects to be added again
	waiting int      // maxWaiting but in tests
}

type pending struct {
	of             string // the object that says so
	from, to, made string
	rel            intel.Relation
	a              intel.Assertion // everything but the nodes
	cited          []string        // each citation is a witness of its own
}

// NewDeriver makes one; source is used where an object names no creator.
func NewDeriver(source intel.Source) *Deriver {
	return &Deriver{Source: source, nodes: map[string][]intel.Node{}, names: map[string]string{}, waiting: maxWaiting}
}

// Add takes one object. The error says what in it could not be used; the object
// itself is still worth keeping.
func (d *Deriver) Add(o Object) error {
	var b body
	if err := json.Unmarshal(o.Raw, &b); err != nil {
		return fmt.Errorf("%s: %w", o.ID, err)
	}
	if o.Type == "identity" {
		d.names[o.ID] = b.Name
	}
	a, err := d.frame(o, b)
	if err != nil {
		return fmt.Errorf("%s: %w", o.ID, err)
	}
	nodes, err := nodesOf(o, b)
	d.nodes[o.ID] = nodes
	for _, alias := range slices.Concat(b.Aliases, b.MitreAlias) {
		if len(nodes) == 1 && alias != "" && alias != nodes[0].Value {
			d.hold(pending{of: o.ID, a: alias4(a, nodes[0], alias), made: b.CreatedBy})
		}
	}
	switch o.Type {
	case "relationship":
		d.hold(pending{of: o.ID, from: b.SourceRef, to: b.TargetRef, made: b.CreatedBy, rel: intel.Relation(b.Kind), a: a, cited: b.cited()})
	case "sighting":
		for _, w := range b.WhereSeen {
			d.hold(pending{of: o.ID, from: b.SightingOf, to: w, made: b.CreatedBy, rel: "sighted-by", a: a})
		}
	case "report", "grouping":
		for _, r := range b.ObjectRefs {
			d.hold(pending{of: o.ID, from: r, to: o.ID, made: b.CreatedBy, rel: "reported-in", a: a})
		}
	case "indicator":
		d.indicator(o, a, nodes, b.CreatedBy)
	}
	for _, r := range b.ResolvesTo {
		d.hold(pending{of: o.ID, from: o.ID, to: r, rel: intel.ResolvesTo, a: a})
	}
	if len(d.pending) >= maxPending {
		return fmt.Errorf("%s: more than %d statements in one bundle; split it", o.ID, maxPending)
	}
	return err
}

func alias4(a intel.Assertion, of intel.Node, name string) intel.Assertion {
	a.Subject, a.Relation, a.Object = of, intel.AlsoKnownAs, intel.Node{Kind: of.Kind, Value: strings.Join(strings.Fields(name), " ")}
	return a
}

// indicator says of every observable that the pattern names that it indicates
// the indicator's report, in words; relationships add what else.
func (d *Deriver) indicator(o Object, a intel.Assertion, nodes []intel.Node, made string) {
	name := d.Source.Name
	if name == "" {
		name = o.ID
	}
	for _, n := range nodes {
		s := a
		s.Subject, s.Relation, s.Object = n, intel.Indicates, intel.Node{Kind: intel.Report, Value: name}
		d.hold(pending{of: o.ID, a: s, made: made})
	}
}

func (d *Deriver) hold(p pending) {
	if len(d.pending) < maxPending {
		d.pending = append(d.pending, p)
	}
}

// frame fills the time, confidence, marking and citation of a statement.
func (d *Deriver) frame(o Object, b body) (intel.Assertion, error) {
	a := intel.Assertion{Source: d.Source}
	var err error
	for _, t := range []struct {
		to   *time.Time
		from []*string
	}{{&a.First, []*string{b.ValidFrom, b.StartTime, b.FirstSeen}}, {&a.Last, []*string{b.ValidUntil, b.StopTime, b.LastSeen}}} {
		for _, s := range t.from {
			if s == nil {
				continue
			}
			if *t.to, err = stamp(s); err != nil {
				return a, err
			}
		}
	}
	if b.Confidence != nil {
		a.Confidence = intel.ConfidenceOf(*b.Confidence)
	}
	for _, m := range b.Markings {
		if l := tlpOf(m); l.Rank() > a.TLP.Rank() {
			a.TLP = l
		}
	}
	// Who the source has it from: the first citation that is no catalogue.
	for _, x := range b.External {
		switch x.SourceName {
		case "", "cve", "capec", "cwe", "mitre-attack":
		default:
			if a.Source.Origin == "" {
				a.Source.Origin, a.Source.URL = x.SourceName, x.URL
			}
		}
	}
	if o.Revoked {
		a.Retracted = o.Modified
	}
	return a, nil
}

// nodesOf says what an object stands for. An indicator stands for the
// observables of its pattern, or for the pattern when that is no plain list.
func nodesOf(o Object, b body) ([]intel.Node, error) {
	one := func(k intel.Kind, v string) ([]intel.Node, error) {
		n, err := intel.Clean(k, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.ID, err)
		}
		return []intel.Node{n}, nil
	}
	switch o.Type {
	case "domain-name", "ipv4-addr", "ipv6-addr", "url", "email-addr":
		return one(intel.Kind(o.Type), b.Value)
	case "autonomous-system":
		return one(intel.ASN, b.Number.String())
	case "file", "artifact":
		return fileNodes(b)
	case "x509-certificate":
		if h := b.Hashes["SHA-256"]; h != "" {
			return one(intel.Certificate, h)
		}
		return one(intel.Certificate, strings.TrimSpace(b.Serial+" "+b.Issuer))
	case "indicator":
		return indicatorNodes(o, b)
	case "attack-pattern":
		if b.AttackID != "" {
			return one(intel.AttackPat, b.AttackID)
		}
		for _, x := range b.External {
			if x.SourceName == "mitre-attack" && x.ExternalID != "" {
				return one(intel.AttackPat, x.ExternalID)
			}
		}
	case "relationship", "sighting", "marking-definition", "observed-data", "extension-definition", "language-content":
		return nil, nil
	}
	if strings.HasPrefix(o.Type, customPrefix) && b.Value != "" {
		return one(intel.Kind(strings.TrimPrefix(o.Type, customPrefix)), b.Value)
	}
	if b.Name != "" {
		return one(intel.Kind(o.Type), b.Name)
	}
	return one(intel.Kind(o.Type), o.ID)
}

// fileNodes are a file's hashes; its name only when it has none.
func fileNodes(b body) ([]intel.Node, error) {
	var out []intel.Node
	for _, alg := range hashOrder {
		if h := b.Hashes[alg]; h != "" {
			n, err := intel.Clean(intel.ParseKind(alg), h)
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
	}
	if len(out) == 0 && b.Name != "" {
		out = append(out, intel.Node{Kind: intel.FileName, Value: b.Name})
	}
	return out, nil
}

func indicatorNodes(o Object, b body) ([]intel.Node, error) {
	if b.PatternType != "" && b.PatternType != "stix" {
		return []intel.Node{{Kind: intel.Kind("pattern-" + b.PatternType), Value: o.ID}}, nil
	}
	p, err := pattern.Parse(b.Pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: pattern %w", o.ID, err)
	}
	if nodes, ok := p.AnyOf(); ok {
		return nodes, nil
	}
	if len(b.Pattern) > intel.MaxValue {
		return nil, fmt.Errorf("%s: the pattern has %d bytes, at most %d are matched", o.ID, len(b.Pattern), intel.MaxValue)
	}
	return []intel.Node{{Kind: intel.Pattern, Value: b.Pattern}}, nil
}

// cited are the reports that a relationship rests on.
func (b body) cited() []string {
	out := slices.Clone(b.Refs)
	for _, x := range b.External {
		switch x.SourceName {
		case "", "cve", "capec", "cwe", "mitre-attack":
		default:
			out = append(out, x.SourceName)
		}
	}
	return out[:min(len(out), maxCited)]
}

// maxCited bounds the witnesses of one relationship: ATT&CK names 20 at most.
const maxCited = 32

// yield gives one assertion for each citation, or the one that has none.
func (p pending) yield(a intel.Assertion, yield func(intel.Assertion) bool) bool {
	if len(p.cited) == 0 {
		return yield(a)
	}
	for _, c := range p.cited {
		if c != a.Source.Origin {
			a.Source.Origin, a.Source.URL = c, ""
		}
		if !yield(a) {
			return false
		}
	}
	return true
}

// drainAt is how many statements are gathered before it is tried whether they can
// be made.
const drainAt = 10_000

// Drain gives the assertions of which all that they speak of is there, until yield
// returns false, so that a long bundle needs no more memory than what is still
// open. Finish gives the rest. It does nothing while there is little to do.
func (d *Deriver) Drain(yield func(intel.Assertion) bool) {
	if len(d.pending) < drainAt+2*d.left {
		return
	}
	d.drain(nil, yield)
}

// Len is how many objects are remembered, by what they stand for or because
// something that they say waits for others.
func (d *Deriver) Len() int { return len(d.nodes) + len(d.pending) - d.left }

// maxWaiting is how many statements stay when the objects are forgotten; of more, only
// the ids of the objects that make them.
const maxWaiting = 20_000

// Settle is Drain with what lookup finds of earlier bundles, and forgets afterwards
// what the objects stand for: from then on lookup must find them. It bounds the
// memory that a bundle of any size takes. Objects that wait for others are given by
// Later.
func (d *Deriver) Settle(lookup func(id string) []intel.Node, yield func(intel.Assertion) bool) {
	d.drain(lookup, yield)
	clear(d.nodes)
	if len(d.pending) <= d.waiting {
		return
	}
	for _, p := range d.pending {
		if n := len(d.later); n == 0 || d.later[n-1] != p.of {
			d.later = append(d.later, p.of)
		}
	}
	d.pending, d.left = nil, 0
}

// Later gives the ids of objects that are to be added once more, when all of the
// bundle can be looked up, and forgets them. Each is followed by a Finish.
func (d *Deriver) Later() []string {
	ids := d.later
	d.later = nil
	return ids
}

// drain gives what can be made.
func (d *Deriver) drain(lookup func(id string) []intel.Node, yield func(intel.Assertion) bool) {
	kept := d.pending[:0]
	on := true
	for _, p := range d.pending {
		named := p.made == "" || d.author(p.made, lookup) != ""
		from, to := d.resolve(p.from, lookup), d.resolve(p.to, lookup)
		if !on || !named || (p.from != "" || p.to != "") && (len(from) == 0 || len(to) == 0) {
			kept = append(kept, p)
			continue
		}
		on = d.give(p, from, to, yield)
	}
	clear(d.pending[len(kept):])
	d.pending, d.left = kept, len(kept)
}

// resolve is what an object stands for; lookup finds those of earlier bundles.
func (d *Deriver) resolve(id string, lookup func(id string) []intel.Node) []intel.Node {
	n, known := d.nodes[id]
	if len(n) > 0 || known || id == "" || lookup == nil {
		return n
	}
	if n = lookup(id); n != nil {
		d.nodes[id] = n
	}
	return n
}

// author is the name of an identity, "" when it is not known.
func (d *Deriver) author(id string, lookup func(id string) []intel.Node) string {
	name, known := d.names[id]
	if known || id == "" || lookup == nil {
		return name
	}
	if n := lookup(id); len(n) == 1 && n[0].Kind == intel.Identity {
		name = n[0].Value
		d.names[id] = name
	}
	return name
}

// give makes the assertions of one statement.
func (d *Deriver) give(p pending, from, to []intel.Node, yield func(intel.Assertion) bool) bool {
	if name := d.names[p.made]; name != "" {
		p.a.Source.Name = name
	}
	if p.from == "" && p.to == "" {
		return p.a.Check() != nil || yield(p.a)
	}
	for _, f := range from {
		for _, t := range to {
			a := p.a
			a.Subject, a.Relation, a.Object = f, p.rel, t
			if a.Check() == nil && !p.yield(a, yield) {
				return false
			}
		}
	}
	return true
}

// Finish gives every assertion that Drain has not, in the order of the bundle, until it
// returns false. missing are the ids that relationships name and no object has;
// lookup finds objects of earlier bundles, nil
// for those that there are not, and may be nil.
func (d *Deriver) Finish(lookup func(id string) []intel.Node, yield func(intel.Assertion) bool) (missing []string) {
	lost := map[string]bool{}
	for _, p := range d.pending {
		d.author(p.made, lookup)
		from, to := d.resolve(p.from, lookup), d.resolve(p.to, lookup)
		for id, n := range map[string][]intel.Node{p.from: from, p.to: to} {
			if _, known := d.nodes[id]; id != "" && len(n) == 0 && !known && !lost[id] {
				lost[id] = true
				missing = append(missing, id)
			}
		}
		if !d.give(p, from, to, yield) {
			return nil
		}
	}
	d.pending, d.left = nil, 0
	slices.Sort(missing)
	return missing
}

// NodesOf says what an object stands for in assertions; none for relationships and
// the like. The error says what in it cannot be used.
func NodesOf(o Object) ([]intel.Node, error) {
	var b body
	if err := json.Unmarshal(o.Raw, &b); err != nil {
		return nil, fmt.Errorf("%s: %w", o.ID, err)
	}
	return nodesOf(o, b)
}
