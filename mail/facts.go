package mail

import (
	"net/netip"
	"sync"
	"time"

	"foregate/evidence"
)

// Envelope is what the transport said about a message (RFC 5321).
type Envelope struct {
	ClientIP   netip.Addr // invalid when unknown
	Helo       string     // HELO or EHLO argument
	RDNS       string     // verified reverse name of the client, "" when unknown
	MailFrom   string     // reverse-path without angle brackets; "" is the null path when HasFrom
	HasFrom    bool       // MailFrom is known (a file alone does not tell)
	Recipients []string   // forward-paths without angle brackets
	TLS        bool
	SMTPUTF8   bool
	ReceivedAt time.Time // zero when unknown

	// Recorded are authentication results that a trusted edge recorded when
	// the message arrived (evaluation corpora, re-scans). Empty values are
	// unknown, never failed. Nil means: look for yourself.
	Recorded *RecordedAuth
}

// RecordedAuth holds RFC 8601 result words ("pass", "fail", …; "" unknown).
type RecordedAuth struct {
	SPF, DKIM, DMARC string
}

// Defect is a named oddity of a message's bytes, such as
// "mime.duplicate-boundary".
type Defect struct {
	ID     string `json:"id"`
	Detail string `json:"detail,omitempty"` // in words, with the bytes concerned, at most 200 bytes
	Offset int    `json:"offset"`           // byte offset in the message, −1 when unknown
}

// Part is one leaf or container of one reading of the MIME structure.
type Part struct {
	Path        string   `json:"path"`                  // "1.2.1"; parts of another reading carry a suffix: "1.2'b"
	Reading     string   `json:"reading,omitempty"`     // "" for the main reading, else the defect ID that forks it
	ContentType string   `json:"content_type"`          // lower case type/subtype in effect
	Declared    string   `json:"declared,omitempty"`    // the Content-Type field as written
	Charset     string   `json:"charset,omitempty"`     // in effect, lower case
	Encoding    string   `json:"encoding,omitempty"`    // transfer encoding in effect, lower case
	Disposition string   `json:"disposition,omitempty"` // "attachment", "inline" or ""
	FileName    string   `json:"file_name,omitempty"`   // decoded
	FileNames   []string `json:"file_names,omitempty"`  // every name some client would show, FileName first; empty when there is one at most
	ContentID   string   `json:"content_id,omitempty"`
	Multipart   bool     `json:"multipart,omitempty"`
	Offset      int      `json:"offset"` // byte offset of the part's header in the message
	Size        int      `json:"size"`   // decoded bytes of a leaf, encoded bytes of a container
	SHA256      string   `json:"sha256,omitempty"`
	Content     []byte   `json:"-"` // decoded content of a leaf; nil for containers
}

// Mention is one reference found in a body or header, before URL analysis.
type Mention struct {
	URL     string // as written, entities decoded
	Text    string // the visible text, "" for resources
	Kind    MentionKind
	Source  MentionSource
	Visible bool
	Thread  int // 0 the current thread, n the n-th previous one, −1 unknown
}

// MentionKind says which construct refers.
type MentionKind uint8

// The constructs that refer to something outside the message.
const (
	MentionAnchor  MentionKind = iota // <a href>, <area href>
	MentionText                       // an address-like text
	MentionForm                       // <form action>, formaction
	MentionImage                      // <img src>, srcset, background
	MentionBase                       // <base href>
	MentionRefresh                    // <meta http-equiv=refresh>
	MentionSVG                        // xlink:href in SVG
	MentionCSS                        // url(…) and @import
	MentionFrame                      // <iframe>, <frame>, <object>, <embed>, <script src>, <link href>
	MentionHeader                     // List-Unsubscribe and the like
	MentionFile                       // where an attached file leads: a pictured code, a redirect
)

// MentionSource says where the reference stands.
type MentionSource uint8

// The places that hold references.
const (
	InHTML MentionSource = iota
	InPlain
	InHeader
	InFile
)

// Facts is what the stages found out about one message. Each stage owns its
// fields; Add is safe for concurrent use. Facts are stored with the verdict,
// so that every decision can be replayed.
type Facts struct {
	Auth  Auth       `json:"auth"`
	Links []LinkFact `json:"links,omitempty"`
	Rules []RuleHit  `json:"rules,omitempty"`
	// OpenRules counts the rules that could not be decided by what they lacked:
	// a function ("ml.nlu_classifier") or a list ("$org_vips").
	OpenRules map[string]int `json:"open_rules,omitempty"`
	Sender    *SenderFact    `json:"sender,omitempty"` // what earlier mail says; nil when no history is kept
	Seen      []Seen         `json:"seen,omitempty"`   // what indicators and campaigns can share, bounded
	// Files are those inside attachments, bounded; what is kept of them is in Seen.
	Files    []FileFact      `json:"-"`
	Evidence []evidence.Item `json:"evidence"`
	Gaps     []Gap           `json:"gaps"`

	mu sync.Mutex
}

// Seen is one observable of a message, kept so that an indicator that becomes
// known later finds it.
type Seen struct {
	Kind  string `json:"type"`  // STIX type, "domain-name"
	Value string `json:"value"` // in one spelling
	Where string `json:"at"`    // "author", "link", "file" and so on
}

// FileFact is a file found inside an attachment.
type FileFact struct {
	Name              string
	MD5, SHA1, SHA256 string // hex, lower case
}

// RuleHit is a rule that fired, in its own role. Only detection rules are
// evidence.
type RuleHit struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Claim       string   `json:"claim,omitempty"` // what the rule says to a recipient, one sentence
	Kind        string   `json:"kind"`            // detection, insight, dlp, discovery, automation or exclusion
	Severity    string   `json:"severity,omitempty"`
	AttackTypes []string `json:"attack_types,omitempty"`
	Techniques  []string `json:"techniques,omitempty"` // ATT&CK tactics and techniques as the rule names them
	Quotes      []string `json:"quotes,omitempty"`     // the passages that decided, shortened
}

// Add appends evidence items.
func (f *Facts) Add(items ...evidence.Item) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Evidence = append(f.Evidence, items...)
}

// AddGap notes that a stage could not look.
func (f *Facts) AddGap(g Gap) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Gaps = append(f.Gaps, g)
}

// Gap is a stage that could not look, and why. It never means "looks bad".
type Gap struct {
	Stage string `json:"stage"`
	Err   string `json:"error"`
}

// LinkFact is one distinct reference of a message after URL analysis, of every
// kind, resources and headers included.
type LinkFact struct {
	URL          string   `json:"url"`            // unwrapped, shortened
	Kind         string   `json:"kind"`           // "anchor", "text", "form", "image", "base", "refresh", "svg", "css", "frame", "header", "file"
	Source       string   `json:"source"`         // "html", "plain", "header", "file"
	Host         string   `json:"host,omitempty"` // name or address
	Text         string   `json:"text,omitempty"` // visible text, shortened
	Visible      bool     `json:"visible"`
	Encoders     []string `json:"encoders,omitempty"`      // rewriters undone or met, outermost first
	TargetDomain string   `json:"target_domain,omitempty"` // all that the last rewriter gives away of its target
}

// SenderFact is what earlier mail says of a message's sender.
type SenderFact struct {
	Prevalence string `json:"prevalence"` // new, outlier, rare, uncommon, common, unknown
	Messages   int    `json:"messages"`   // learned of this address
	DaysKnown  int    `json:"days_known"`
	Solicited  bool   `json:"solicited"` // we wrote to this address
	// LogRatio is the joint log10 likelihood ratio of the message under
	// "somebody else wrote this" against its sender's own history.
	LogRatio evidence.Weight `json:"log_ratio"`
	Changed  []string        `json:"changed,omitempty"` // IDs of what is new
	Asks     []string        `json:"asks,omitempty"`    // what the message wants, in words
}

// Result is an authentication result word of RFC 8601 section 2.7:
// "pass", "fail", "softfail", "neutral", "none", "policy", "temperror",
// "permerror"; "" is unknown, which is never evidence.
type Result string

// The result words of RFC 8601.
const (
	ResultUnknown   Result = ""
	ResultPass      Result = "pass"
	ResultFail      Result = "fail"
	ResultSoftFail  Result = "softfail"
	ResultNeutral   Result = "neutral"
	ResultNone      Result = "none"
	ResultPolicy    Result = "policy"
	ResultTempError Result = "temperror"
	ResultPermError Result = "permerror"
)

// Auth is what authentication proved about a message.
type Auth struct {
	SPF         Result `json:"spf"`
	SPFDomain   string `json:"spf_domain,omitempty"` // the domain checked (MAIL FROM, or HELO for the null path)
	SPFHelo     bool   `json:"spf_helo,omitempty"`   // SPFDomain is the HELO name
	SPFReason   string `json:"spf_reason,omitempty"` // in words, with exp= text shortened
	DKIM        []DKIM `json:"dkim"`                 // one per signature examined
	DKIMResult  Result `json:"dkim_result"`          // pass if any signature passes
	DMARC       Result `json:"dmarc"`
	DMARCPolicy string `json:"dmarc_policy,omitempty"` // published policy in force: none, quarantine, reject
	DMARCDomain string `json:"dmarc_domain,omitempty"` // where the record was found
	FromDomain  string `json:"from_domain,omitempty"`  // author domain that DMARC judged
	ARC         Result `json:"arc"`
	ARCSealer   string `json:"arc_sealer,omitempty"` // newest sealer's domain of a passing chain
	ARCTrusted  bool   `json:"arc_trusted"`          // the sealer is configured as trusted
	// Aligned lists the domains proven to speak that align with the author
	// domain (relaxed): by SPF, DKIM or a trusted ARC chain.
	Aligned []string `json:"aligned,omitempty"`
	// AuthorProven: the author domain is proven (DMARC pass, or an aligned
	// pass without a DMARC record, or recorded as such by a trusted edge).
	AuthorProven bool `json:"author_proven"`
	// Recorded: the results were taken from Envelope.Recorded, not checked.
	Recorded bool `json:"recorded,omitempty"`
}

// DKIM is the result for one signature (RFC 6376).
type DKIM struct {
	Result    Result   `json:"result"`
	Domain    string   `json:"domain,omitempty"`   // d=
	Selector  string   `json:"selector,omitempty"` // s=
	Identity  string   `json:"identity,omitempty"` // i=
	Algorithm string   `json:"algorithm,omitempty"`
	Weak      string   `json:"weak,omitempty"` // why a pass proves little: "l=", "short-key", "from-not-signed", …
	Reason    string   `json:"reason,omitempty"`
	Headers   []string `json:"headers,omitempty"` // signed field names, lower case
}
