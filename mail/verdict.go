package mail

import "foregate/evidence"

// Disposition is what is done with a message.
type Disposition string

// The dispositions, mildest first.
const (
	Deliver Disposition = "deliver"
	Flag    Disposition = "flag"   // delivered with a header and, if configured, a subject tag
	Hold    Disposition = "hold"   // kept in quarantine, the client gets 250
	Reject  Disposition = "reject" // refused with 550
	Defer   Disposition = "defer"  // refused with 451, the client tries again
)

// Verdict is a decision and its whole explanation. It is a pure function of
// the policy, the message and the facts.
type Verdict struct {
	// Disposition is the severest over the recipients.
	Disposition Disposition `json:"disposition"`
	// LogOdds is the posterior log10 odds that the message is an attack.
	LogOdds evidence.Weight `json:"log_odds"`
	// Probability is the posterior probability, from LogOdds.
	Probability float64 `json:"probability"`
	// Prior is the log10 odds before any evidence.
	Prior evidence.Weight `json:"prior"`
	// Reasons are the items with the weights that were counted, strongest
	// first; an item discounted for its lineage has its reduced weight.
	Reasons []evidence.Item `json:"reasons"`
	Gaps    []Gap           `json:"gaps"`
	// Finding is the ID of the evidence because of which policy was severer than
	// the odds; "" when the odds decided.
	Finding string `json:"finding,omitempty"`
	// Notes are sentences on how policy reached the disposition: thresholds,
	// allow-list entries, the gap policy.
	Notes []string `json:"notes"`
	// Recipients gives each envelope recipient its own disposition. Empty when
	// the envelope names none.
	Recipients []RecipientVerdict `json:"recipients,omitempty"`
}

// RecipientVerdict is the disposition for one recipient and the policy group
// that decided it.
type RecipientVerdict struct {
	Recipient   string      `json:"recipient"`
	Group       string      `json:"group"`
	Disposition Disposition `json:"disposition"`
	SubjectTag  string      `json:"subject_tag,omitempty"`
}

// Outcome is what a front end has left to do once a verdict has been carried
// out: held copies are durable, the rest is to be delivered, refused or
// deferred as Verdict.Recipients says.
type Outcome struct {
	ID      string // the gate's name for the message, for logs, answers and trace headers
	Verdict Verdict
	Edit    Edit // for delivered copies
}

// Edit is the change to a delivered copy. Every other byte stays as received.
type Edit struct {
	// Prepend is whole header fields with CRLF line ends, put on top.
	Prepend []byte
	// Cut are byte ranges of the message as received to leave out, ascending
	// and disjoint: forged header fields that speak in our name.
	Cut []Span
}

// Span is a half-open byte range [Start, End).
type Span struct{ Start, End int }
