// Package evidence is the shared currency of verdicts and attributions: named
// items, each with a weight and the words it rests on, added to a prior.
//
// A weight is a base-10 logarithm of a likelihood ratio, the unit that Turing
// and Good called a "ban": +1 means the observation is ten times likelier when
// the hypothesis is true than when it is false, −1 ten times less likely.
// Weights of independent items add up (Bayes' rule in logarithms); items that
// share a cause carry one Lineage and must not be counted twice.
package evidence

// Weight is a log10 likelihood ratio in bans: +1 is ten times likelier under
// the hypothesis (for a message: that it is an attack).
type Weight float64

// Item is one observation and what it says.
type Item struct {
	// ID is stable and names the kind of observation, for example
	// "auth.dmarc-fail", "rule.<id>" or "sender.first-contact". It is the key
	// of the weight table.
	ID string `json:"id"`
	// Claim is one sentence that a person can check against the message.
	Claim string `json:"claim"`
	// Weight is filled from the weight table when facts are decided, unless
	// the stage measured a likelihood ratio for this very message (Measured).
	Weight Weight `json:"weight"`
	// Measured says that Weight was computed by the stage from data (such as a
	// sender's own history) and that the table must not overwrite it.
	Measured bool `json:"measured,omitempty"`
	// Quote is the bytes the claim rests on, shortened to at most MaxQuote
	// bytes of valid UTF-8 with control characters escaped.
	Quote string `json:"quote,omitempty"`
	// Lineage groups items with a common cause: only the strongest of one
	// lineage counts in full. Empty means independent of every other item.
	Lineage string `json:"lineage,omitempty"`
}

// MaxQuote bounds Item.Quote in bytes: enough to recognise the passage, short
// enough for a log line.
const MaxQuote = 200
