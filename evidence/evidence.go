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
	// Weight is filled from the weight table when facts are decided, unless it
	// is the stage's own (Measured, Defined).
	Weight Weight `json:"weight"`
	// Measured says that Weight was computed by the stage from data (such as a
	// sender's own history) and that the table must not overwrite it.
	Measured bool `json:"measured,omitempty"`
	// Defined says that Weight follows from what the observation is defined to
	// mean, as that of the EICAR test file, which exists to be stopped. It is
	// neither an estimate nor a measurement: the table does not overwrite it,
	// the cap of priors does not hold, and no corpus can confirm or refute it.
	Defined bool `json:"defined,omitempty"`
	// History marks what earlier mail says of who writes this: whether somebody
	// stands in a correspondent's place. Whoever does may well write as ordinary
	// mail does, which Sum takes into account.
	History bool `json:"history,omitempty"`
	// Quote is the bytes the claim rests on, shortened to at most MaxQuote
	// bytes of valid UTF-8 with control characters escaped.
	Quote string `json:"quote,omitempty"`
	// Lineage groups items with a common cause: only the strongest of one
	// lineage counts in full. Empty means independent of every other item.
	Lineage string `json:"lineage,omitempty"`
}

// Own tells that the weight is the stage's own and that no table may replace it.
func (it Item) Own() bool { return it.Measured || it.Defined }

// Basis says in words where an own weight comes from: "measured for this
// message" or "by definition"; "" for weights of the table.
func (it Item) Basis() string {
	switch {
	case it.Defined:
		return "by definition"
	case it.Measured:
		return "measured for this message"
	}
	return ""
}

// MaxQuote bounds Item.Quote in bytes: enough to recognise the passage, short
// enough for a log line.
const MaxQuote = 200
