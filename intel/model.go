// Package intel is what Foregate knows about attackers: observables, the
// assertions that relate them, and who made each assertion.
//
// Nothing here is "a fact". Every statement, an indicator, a resolution of a
// name, an alias of an actor, is an Assertion with a time interval, a source,
// where that source has it from, and a confidence. Two feeds that copy one
// report are one witness, which is what Lineage tells. An alias is an assertion
// like any other: names are never merged, so a wrong one can be taken back.
//
// The words are those of STIX 2.1 (OASIS, 10 June 2021): object types such as
// "domain-name" and "intrusion-set", relationship types such as "resolves-to"
// and "indicates". Sub-packages read and write formats (stix, misp, tabular,
// attack), connect (graph), find (match) and weigh (attrib). All of it is pure:
// no network, no database, no clock.
package intel

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// Node is one thing that assertions speak of: an observable ("domain-name",
// "example.com") or a named object ("intrusion-set", "APT28").
type Node struct {
	Kind  Kind   `json:"type"`
	Value string `json:"value"`
}

// String is "kind value", for messages to people.
func (n Node) String() string { return string(n.Kind) + " " + n.Value }

// Key is a 63-bit number that stands for the node in compact indexes and in
// the database: the first bits of SHA-256 over kind, zero byte and value. Among
// ten million nodes two share a key with a probability of 5 in 1,000,000; the
// store reports such a pair instead of mixing them up.
func (n Node) Key() int64 {
	h := sha256.Sum256([]byte(string(n.Kind) + "\x00" + n.Value))
	return int64(binary.BigEndian.Uint64(h[:8]) >> 1)
}

// Relation is a STIX relationship type or one of ours.
type Relation string

// The relations that have a meaning here. Others are kept as they are.
const (
	Indicates    Relation = "indicates"     // observable → actor, malware, campaign, report
	ResolvesTo   Relation = "resolves-to"   // name → address
	UsesNS       Relation = "delegated-to"  // name → name server
	UsesCert     Relation = "presents"      // name, address → certificate
	RegisteredBy Relation = "registered-by" // name → registrant
	AlsoKnownAs  Relation = "also-known-as" // name of an actor → name of an actor
	AttributedTo Relation = "attributed-to" // campaign → intrusion-set
	Uses         Relation = "uses"          // actor, campaign, malware → technique, malware, tool
	Related      Relation = "related-to"    // anything else
	SimilarTo    Relation = "similar-to"    // explicitly not an identity
)

// Source says who asserts and where that one has it from.
type Source struct {
	Name string `json:"name"`
	// Origin is the report or feed that the source copies; "" when it speaks
	// from its own knowledge. Assertions of one origin are one witness.
	Origin  string `json:"origin,omitempty"`
	URL     string `json:"url,omitempty"`
	Licence string `json:"licence,omitempty"`
}

// Lineage is the key under which assertions are one witness: the origin, or
// the source itself.
func (s Source) Lineage() string {
	if s.Origin != "" {
		return fold(s.Origin)
	}
	return fold(s.Name)
}

func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// Assertion is one statement by one source. The zero times mean unknown.
type Assertion struct {
	Subject    Node       `json:"subject"`
	Relation   Relation   `json:"relation"`
	Object     Node       `json:"object"`
	First      time.Time  `json:"first,omitzero"` // begin of the interval it holds for
	Last       time.Time  `json:"last,omitzero"`  // end of the interval
	Source     Source     `json:"source"`
	Confidence Confidence `json:"confidence,omitzero"`
	TLP        TLP        `json:"tlp,omitempty"`
	Note       string     `json:"note,omitempty"` // what the source adds, shortened to MaxNote
	// Retracted is when the source or an analyst took it back; such an assertion
	// is kept and counts no more.
	Retracted time.Time `json:"retracted,omitzero"`
}

// The bounds of what is kept of one assertion. Longer ones are not indicators
// but documents: a URL in the wild has at most some thousand bytes.
const (
	MaxValue = 8 << 10
	MaxNote  = 2 << 10
)

// ID identifies the statement by what it says and who says it: the same source
// saying the same again for the same interval is no new assertion.
func (a Assertion) ID() [16]byte {
	h := sha256.New()
	for _, s := range []string{
		string(a.Subject.Kind), a.Subject.Value, string(a.Relation), string(a.Object.Kind), a.Object.Value,
		a.Source.Name, a.Source.Origin, stamp(a.First), stamp(a.Last),
	} {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return [16]byte(h.Sum(nil)[:16])
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Check says what is wrong with an assertion: empty or oversized values, an
// interval that ends before it begins, a time that no computer saw.
func (a Assertion) Check() error {
	for _, n := range []Node{a.Subject, a.Object} {
		switch {
		case n.Kind == "" || n.Value == "":
			return fmt.Errorf("%q %q: type or value is missing", n.Kind, n.Value)
		case len(n.Value) > MaxValue:
			return fmt.Errorf("%s: the value has %d bytes, at most %d are kept", n.Kind, len(n.Value), MaxValue)
		}
	}
	if a.Relation == "" {
		return fmt.Errorf("%s: the relation is missing", a.Subject)
	}
	for _, t := range []time.Time{a.First, a.Last} {
		if err := CheckTime(t); err != nil {
			return fmt.Errorf("%s: %w", a.Subject, err)
		}
	}
	if !a.First.IsZero() && !a.Last.IsZero() && a.Last.Before(a.First) {
		return fmt.Errorf("%s: ends %s before it begins %s", a.Subject, a.Last.Format(time.RFC3339), a.First.Format(time.RFC3339))
	}
	return nil
}

// CheckTime refuses times outside 1970 to 2199: they come from broken clocks
// and overflowing numbers, and would make any statement "recent". The zero time
// passes, it means unknown.
func CheckTime(t time.Time) error {
	if !t.IsZero() && (t.Year() < 1970 || t.Year() > 2199) {
		return fmt.Errorf("time %d-%02d-%02d is out of range (1970 to 2199)", t.Year(), t.Month(), t.Day())
	}
	return nil
}

// Confidence is the Admiralty code (NATO AJP-2.1): how reliable the source is,
// 'A' (completely) to 'E' (unreliable), 'F' unknown; and how credible this piece
// is, 1 (confirmed) to 5 (improbable), 6 unknown. The zero value means F6.
type Confidence struct {
	Reliability byte `json:"reliability"`
	Credibility int  `json:"credibility"`
}

// String is the two-character code, "B2".
func (c Confidence) String() string {
	c = c.known()
	return string([]byte{c.Reliability, '0' + byte(c.Credibility)})
}

// MarshalText writes the two-character code.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the two-character code; empty means unknown.
func (c *Confidence) UnmarshalText(b []byte) error {
	v, err := ParseConfidence(string(b))
	*c = v
	return err
}

func (c Confidence) known() Confidence {
	if c.Reliability < 'A' || c.Reliability > 'F' {
		c.Reliability = 'F'
	}
	if c.Credibility < 1 || c.Credibility > 6 {
		c.Credibility = 6
	}
	return c
}

// ParseConfidence reads a code such as "B2", upper or lower case; "" is F6.
func ParseConfidence(s string) (Confidence, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s == "" {
		return Confidence{}, nil
	}
	if len(s) != 2 || s[0] < 'A' || s[0] > 'F' || s[1] < '1' || s[1] > '6' {
		return Confidence{}, fmt.Errorf("confidence %q is no Admiralty code (A to F and 1 to 6, such as B2)", s)
	}
	return Confidence{Reliability: s[0], Credibility: int(s[1] - '0')}, nil
}

// STIX is the confidence on the scale of 0 to 100 of STIX 2.1 appendix A,
// "Admiralty credibility"; −1 when nothing is known.
func (c Confidence) STIX() int {
	switch c.known().Credibility {
	case 1:
		return 90
	case 2:
		return 70
	case 3:
		return 50
	case 4:
		return 30
	case 5:
		return 10
	}
	return -1
}

// ConfidenceOf maps a STIX confidence (0 to 100) back; the source stays unknown.
func ConfidenceOf(stix int) Confidence {
	switch {
	case stix < 0 || stix > 100:
		return Confidence{}
	case stix >= 80:
		return Confidence{Reliability: 'F', Credibility: 1}
	case stix >= 60:
		return Confidence{Reliability: 'F', Credibility: 2}
	case stix >= 40:
		return Confidence{Reliability: 'F', Credibility: 3}
	case stix >= 20:
		return Confidence{Reliability: 'F', Credibility: 4}
	}
	return Confidence{Reliability: 'F', Credibility: 5}
}

// Belief is the share of its full weight that an item of this confidence keeps
// in a weighing, 0 to 1. Unknown sources and unknown credibility keep half.
// The steps are set by hand, evenly over the words of the code.
func (c Confidence) Belief() float64 {
	c = c.known()
	rel := [...]float64{1, 0.85, 0.7, 0.5, 0.25, 0.7}[c.Reliability-'A']
	cred := [...]float64{1, 0.85, 0.65, 0.4, 0.1, 0.7}[c.Credibility-1]
	return rel * cred
}

// TLP is a label of the Traffic Light Protocol 2.0 (FIRST, 2022), in lower
// case: "clear", "green", "amber", "amber+strict", "red". "" is unknown.
type TLP string

// The labels, widest audience first.
const (
	TLPClear  TLP = "clear"
	TLPGreen  TLP = "green"
	TLPAmber  TLP = "amber"
	TLPStrict TLP = "amber+strict"
	TLPRed    TLP = "red"
)

// ParseTLP reads a label in any usual spelling ("TLP:WHITE", "white",
// "tlp:amber+strict"). White is the old name of clear. The error names what was
// read.
func ParseTLP(s string) (TLP, error) {
	l := strings.ToLower(strings.TrimSpace(s))
	l = strings.TrimPrefix(strings.TrimPrefix(l, "tlp:"), "tlp-")
	switch TLP(l) {
	case "", TLPClear, TLPGreen, TLPAmber, TLPStrict, TLPRed:
		return TLP(l), nil
	case "white":
		return TLPClear, nil
	}
	return "", fmt.Errorf("%q is no TLP label", s)
}

// Rank orders labels by how narrow the audience is: 0 unknown, 1 clear to 5
// red. What is unknown must not leave the house as clear, so exports treat 0
// like amber.
func (t TLP) Rank() int {
	switch t {
	case TLPClear:
		return 1
	case TLPGreen:
		return 2
	case TLPAmber:
		return 3
	case TLPStrict:
		return 4
	case TLPRed:
		return 5
	}
	return 0
}

// Shareable says whether something so labelled may go to an audience for which
// limit is the narrowest label allowed.
func (t TLP) Shareable(limit TLP) bool {
	r := t.Rank()
	if r == 0 {
		r = TLPAmber.Rank()
	}
	return r <= limit.Rank()
}
