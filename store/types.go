package store

import (
	"encoding/json"
	"time"

	"foregate/evidence"
	"foregate/mail"
)

// Message is the record of one judged message.
type Message struct {
	ID         string          `json:"id"` // UUIDv7: sorts by time
	ReceivedAt time.Time       `json:"received_at"`
	Envelope   mail.Envelope   `json:"envelope"`
	Sender     string          `json:"sender"` // the author's address as shown
	Subject    string          `json:"subject"`
	Verdict    mail.Verdict    `json:"verdict"`
	Facts      json.RawMessage `json:"facts,omitempty"` // mail.Facts; for replay
}

// State is what became of one recipient's copy of a held message.
type State string

// The states. Only a held copy can be released, deleted or expire.
const (
	Held      State = "held"
	Releasing State = "releasing" // handed to the next hop, answer not yet recorded
	Released  State = "released"
	Deleted   State = "deleted"
	Expired   State = "expired"
)

// Recipient is one recipient's copy.
type Recipient struct {
	Address   string    `json:"recipient"`
	Group     string    `json:"group,omitempty"` // the policy group that decided
	State     State     `json:"state"`
	ChangedAt time.Time `json:"changed_at"` // when it came into this state
	// Token names the release attempt of a copy that is releasing or released.
	Token string `json:"release_token,omitempty"`
}

// Hold is a held message without its bytes.
type Hold struct {
	ID         string          `json:"id"` // the message's
	HeldAt     time.Time       `json:"held_at"`
	MailFrom   string          `json:"mail_from"`
	Sender     string          `json:"sender"`
	Subject    string          `json:"subject"`
	LogOdds    evidence.Weight `json:"log_odds"`
	Size       int64           `json:"size"`   // bytes of the message as received
	SHA256     string          `json:"sha256"` // of the message as received, hex
	Recipients []Recipient     `json:"recipients"`
}

// Query selects held messages, newest first. Empty fields select all.
type Query struct {
	State     State     // at least one recipient's copy is in this state
	Recipient string    // exact address
	Sender    string    // part of the author's address or of MAIL FROM, any case
	Subject   string    // part of the subject, any case
	Since     time.Time // held at or after
	Until     time.Time // held before
	Before    string    // the ID of the last hold of the page before
	Limit     int       // 0 means DefaultLimit; at most MaxLimit
}

// The page sizes of Query.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
)

// Act is what a person did, for the audit record.
type Act struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Act    string    `json:"act"`    // a verb: release, delete, …
	Object string    `json:"object"` // the ID of the hold
	Detail string    `json:"detail"` // in words
}

// Move changes the state of recipients' copies of one hold.
type Move struct {
	ID string
	// Recipients that must all be in state From; none means all that are, of
	// which there must be one.
	Recipients []string
	From, To   State
	Token      string    // when From is Releasing, only copies with this token, unless empty
	NewToken   string    // set on the copies moved; "" keeps theirs
	NotAfter   time.Time // only copies that came into their state by then; zero for any
	At         time.Time
	Audit      *Act // recorded in the same transaction; ID, At and Object are filled in
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }
