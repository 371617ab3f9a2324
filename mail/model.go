package mail

import "time"

// The types of this file are the Message Data Model (MDM): the published,
// de-facto model of the mail detection rule language. JSON tags are the
// published names and double as the field names of rules. Arrays are never
// null in rules (absent means empty); every other absent value is null.
//
// Pointers mark optional objects and scalars whose absence a rule must be able
// to tell from their zero value. An empty string stands for an absent string.

// Message is one parsed message in the Message Data Model. Parse makes it;
// stages fill what a message alone cannot tell (links, authentication).
type Message struct {
	Meta        Meta         `json:"_meta"`
	Errors      []string     `json:"_errors,omitempty"` // findings in words, one per defect
	Type        MessageType  `json:"type"`
	Subject     *Subject     `json:"subject,omitempty"`
	Sender      Sender       `json:"sender"`
	Recipients  Recipients   `json:"recipients"`
	Mailbox     *MailboxUser `json:"mailbox,omitempty"`
	Headers     Headers      `json:"headers"`
	Body        Body         `json:"body"`
	Attachments []Attachment `json:"attachments"`
	External    *External    `json:"external,omitempty"`

	// Envelope is what the transport said. It is not part of the MDM.
	Envelope Envelope `json:"-"`
	// Defects are the named oddities met while parsing, in order of
	// appearance, at most one of each ID and place.
	Defects []Defect `json:"_defects,omitempty"`
	// Parts are the MIME parts of every reading, in document order.
	Parts []Part `json:"_parts,omitempty"`
	// Raw is the message as received. It must not be modified.
	Raw []byte `json:"-"`
	// Mentions are the references (links and resources) met in the bodies and
	// headers before URL analysis; the link stage turns them into Links.
	Mentions []Mention `json:"-"`
}

// Meta identifies a message.
type Meta struct {
	ID          string     `json:"id,omitempty"`           // the gate's own UUID, when it has one
	CanonicalID string     `json:"canonical_id,omitempty"` // hex SHA-256 over what stays equal between copies of one message
	CreatedAt   *time.Time `json:"created_at,omitempty"`
	EffectiveAt *time.Time `json:"effective_at,omitempty"` // the newest trace date, else Date
}

// MessageType is the direction of a message seen from the organisation. Parse
// leaves it zero; the engine sets it from the configured own domains.
type MessageType struct {
	Inbound  bool `json:"inbound"`
	Internal bool `json:"internal"`
	Outbound bool `json:"outbound"`
}

// Subject is a subject line: as displayed, and without its reply and forward
// prefixes and bracketed tags.
type Subject struct {
	Subject   string `json:"subject"`
	Base      string `json:"base"`
	IsReply   bool   `json:"is_reply"`
	IsForward bool   `json:"is_forward"`
	// IsAutoReply: the prefix of an automatic answer ("Automatic reply: …").
	IsAutoReply bool     `json:"is_auto_reply"`
	Tags        []string `json:"tags"`
}

// Domain is a host or domain name split by the Public Suffix List.
type Domain struct {
	Domain     string `json:"domain"`                // lower case ASCII, A-labels (xn--…) as the DNS has them
	Punycode   string `json:"punycode,omitempty"`    // the Unicode form, when Domain has A-labels
	RootDomain string `json:"root_domain,omitempty"` // registrable domain (eTLD+1)
	SLD        string `json:"sld,omitempty"`         // root domain without its public suffix
	Subdomain  string `json:"subdomain,omitempty"`   // labels before the root domain
	TLD        string `json:"tld,omitempty"`         // public suffix, private section included
	Valid      bool   `json:"valid"`                 // a syntactically valid name under a known suffix
}

// EmailAddress is an addr-spec (RFC 5322 section 3.4.1).
type EmailAddress struct {
	Email     string `json:"email"`
	LocalPart string `json:"local_part,omitempty"`
	Domain    Domain `json:"domain"`
}

// Mailbox is a display name and an address (RFC 5322 section 3.4).
type Mailbox struct {
	DisplayName string       `json:"display_name,omitempty"`
	Email       EmailAddress `json:"email"`
}

// Sender is the mailbox that the message shows as its author.
type Sender struct {
	DisplayName string       `json:"display_name,omitempty"`
	Email       EmailAddress `json:"email"`
	Decoders    []string     `json:"decoders,omitempty"` // how a rewritten From was undone, e.g. "google_groups"
}

// Recipients are the addresses of To, Cc and Bcc.
type Recipients struct {
	To  []Mailbox `json:"to"`
	CC  []Mailbox `json:"cc"`
	BCC []Mailbox `json:"bcc"`
}

// MailboxUser is the mailbox that this copy is for.
type MailboxUser struct {
	DisplayName string       `json:"display_name,omitempty"`
	FirstName   string       `json:"first_name,omitempty"`
	LastName    string       `json:"last_name,omitempty"`
	Email       EmailAddress `json:"email"`
}

// IP is an address literal.
type IP struct {
	IP          string         `json:"ip"`
	Version     int            `json:"version,omitempty"` // 4 or 6
	Translation *IPTranslation `json:"translation,omitempty"`
}

// IPTranslation says how an address was written if not in its plain form:
// IPv4-mapped IPv6, or numbers that browsers take for an IPv4 address.
type IPTranslation struct {
	Original string   `json:"original,omitempty"`
	V4ToV6   bool     `json:"v4_to_v6"`
	Encoders []string `json:"encoders,omitempty"` // how it was spelled: "decimal_integer", "octal", "hexadecimal", "short"
}

// Headers is the header block, interpreted.
type Headers struct {
	Date                 *time.Time    `json:"date,omitempty"`
	DateOriginalOffset   string        `json:"date_original_offset,omitempty"` // hours as written, e.g. "-4" or "5.5"
	DeliveredTo          *EmailAddress `json:"delivered_to,omitempty"`
	Domains              []Domain      `json:"domains"` // every domain named in Received and authentication headers
	From                 *Mailbox      `json:"from,omitempty"`
	Hops                 []Hop         `json:"hops"` // index 0 is the sender's side
	InReplyTo            string        `json:"in_reply_to,omitempty"`
	IPs                  []IP          `json:"ips"`
	Mailer               string        `json:"mailer,omitempty"`
	MessageID            string        `json:"message_id,omitempty"` // with its angle brackets
	References           []string      `json:"references"`           // without angle brackets
	ReplyTo              []Mailbox     `json:"reply_to"`
	ReturnPath           *EmailAddress `json:"return_path,omitempty"`
	XAuthenticatedDomain *Domain       `json:"x_authenticated_domain,omitempty"`
	XAuthenticatedSender *EmailAddress `json:"x_authenticated_sender,omitempty"`
	XClientIP            *IP           `json:"x_client_ip,omitempty"`
	XOriginatingIP       *IP           `json:"x_originating_ip,omitempty"`
	XSecureServerAccount string        `json:"x_secure_server_account,omitempty"`
	XSender              *EmailAddress `json:"x_sender,omitempty"`
	AuthSummary          *AuthSummary  `json:"auth_summary,omitempty"` // ours in the gate; else the newest trusted result
}

// Hop is one relay's headers: those up to and including its Received field,
// reading the header block bottom-up.
type Hop struct {
	Index                 int          `json:"index"`
	Fields                []HopField   `json:"fields"`
	Received              *Received    `json:"received,omitempty"`
	ReceivedSPF           *SPFResult   `json:"received_spf,omitempty"`
	AuthenticationResults *AuthResults `json:"authentication_results,omitempty"`
	Signature             *Signature   `json:"signature,omitempty"`
}

// HopField is one header field, unfolded and decoded.
type HopField struct {
	Name     string `json:"name"`     // case as received
	Position int    `json:"position"` // 0 is the field nearest to the body
	Value    string `json:"value"`
}

// RawClause holds one clause of a Received field as written.
type RawClause struct {
	Raw string `json:"raw,omitempty"`
}

// Received is a parsed Received field (RFC 5321 section 4.4).
type Received struct {
	Source     *RawClause `json:"source,omitempty"`     // from …
	Server     *RawClause `json:"server,omitempty"`     // by …
	Link       *RawClause `json:"link,omitempty"`       // via …
	Protocol   *RawClause `json:"protocol,omitempty"`   // with …
	ID         *RawClause `json:"id,omitempty"`         // id …
	Mailbox    *RawClause `json:"mailbox,omitempty"`    // for …
	Additional *RawClause `json:"additional,omitempty"` // anything else
	Time       *time.Time `json:"time,omitempty"`
	ZoneOffset string     `json:"zone_offset,omitempty"`
}

// SPFResult is an SPF result as a header reports it (RFC 7208 section 9).
type SPFResult struct {
	Verdict     string  `json:"verdict,omitempty"`
	ClientIP    *IP     `json:"client_ip,omitempty"`
	Description string  `json:"description,omitempty"`
	Designator  string  `json:"designator,omitempty"`
	Helo        *Domain `json:"helo,omitempty"`
	Server      *Domain `json:"server,omitempty"`
}

// DMARCResult is a DMARC result as a header reports it.
type DMARCResult struct {
	Verdict     string  `json:"verdict,omitempty"`
	Action      string  `json:"action,omitempty"`
	Disposition string  `json:"disposition,omitempty"`
	From        *Domain `json:"from,omitempty"`
	Policy      string  `json:"policy,omitempty"`
	SubPolicy   string  `json:"sub_policy,omitempty"`
	Version     string  `json:"version,omitempty"`
}

// Signature holds the tags of a DKIM-Signature, ARC-Message-Signature or of a
// dkim= clause of an Authentication-Results field.
type Signature struct {
	Type      string `json:"type,omitempty"` // "dkim" or "arc"
	Version   string `json:"version,omitempty"`
	Instance  string `json:"instance,omitempty"`
	Algorithm string `json:"algorithm,omitempty"`
	Domain    string `json:"domain,omitempty"`
	Selector  string `json:"selector,omitempty"`
	Headers   string `json:"headers,omitempty"`
	BodyHash  string `json:"body_hash,omitempty"`
	Signature string `json:"signature,omitempty"`
}

// AuthResults is one Authentication-Results or ARC-Authentication-Results
// field (RFC 8601, RFC 8617).
type AuthResults struct {
	Type         string       `json:"type,omitempty"` // "standard" or "arc"
	Instance     string       `json:"instance,omitempty"`
	Server       *Domain      `json:"server,omitempty"` // authserv-id
	SPF          string       `json:"spf,omitempty"`
	SPFDetails   *SPFResult   `json:"spf_details,omitempty"`
	DKIM         string       `json:"dkim,omitempty"`
	DKIMDetails  []Signature  `json:"dkim_details,omitempty"`
	DMARC        string       `json:"dmarc,omitempty"`
	DMARCDetails *DMARCResult `json:"dmarc_details,omitempty"`
	CompAuth     *CompAuth    `json:"compauth,omitempty"`
}

// CompAuth is Microsoft's composite authentication result.
type CompAuth struct {
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
}

// AuthSummary names the SPF and DMARC results that count for this message.
type AuthSummary struct {
	SPF   *SPFSummary   `json:"spf,omitempty"`
	DMARC *DMARCSummary `json:"dmarc,omitempty"`
}

// SPFSummary is the SPF result that counts. Pass is nil when unknown.
type SPFSummary struct {
	Pass        *bool      `json:"pass,omitempty"`
	Error       *bool      `json:"error,omitempty"`
	ReceivedHop *int       `json:"received_hop,omitempty"`
	Details     *SPFResult `json:"details,omitempty"`
}

// DMARCSummary is the DMARC result that counts. Pass is nil when unknown.
type DMARCSummary struct {
	Pass        *bool        `json:"pass,omitempty"`
	Error       *bool        `json:"error,omitempty"`
	ReceivedHop *int         `json:"received_hop,omitempty"`
	Details     *DMARCResult `json:"details,omitempty"`
}

// Body is what the message says.
type Body struct {
	Plain           *PlainBody       `json:"plain,omitempty"`
	HTML            *HTMLBody        `json:"html,omitempty"`
	CurrentThread   *Thread          `json:"current_thread,omitempty"` // what this author wrote now
	PreviousThreads []PreviousThread `json:"previous_threads"`         // quoted history, newest first
	Links           []Link           `json:"links"`                    // unique by target and display text
	IPs             []IP             `json:"ips"`
}

// PlainBody is the text/plain body.
type PlainBody struct {
	Raw                     string `json:"raw"` // decoded to UTF-8
	Charset                 string `json:"charset,omitempty"`
	ContentTransferEncoding string `json:"content_transfer_encoding,omitempty"`
	Links                   []Link `json:"links"`
}

// HTMLBody is the text/html body.
type HTMLBody struct {
	Raw                     string `json:"raw"` // decoded to UTF-8
	Charset                 string `json:"charset,omitempty"`
	ContentTransferEncoding string `json:"content_transfer_encoding,omitempty"`
	DisplayText             string `json:"display_text"` // what a reader sees, laid out in lines
	InnerText               string `json:"inner_text"`   // all text nodes, hidden ones included
	Links                   []Link `json:"links"`
	// HiddenText is what CSS keeps from the reader. Not part of the MDM.
	HiddenText string `json:"-"`
}

// Thread is the newest part of a conversation.
type Thread struct {
	Text     string   `json:"text"`
	Preamble string   `json:"preamble,omitempty"` // the line that introduces the quoted text
	Links    []Link   `json:"links"`
	Banners  []Banner `json:"banners"`
	// Text ends with the signature, because a lure may stand below "-- ".
	// Normalized is Text with zero-width characters dropped and look-alike
	// characters folded to their ASCII skeleton. Signature is the author's
	// signature block. Neither is part of the MDM; rules of ours name the first.
	Normalized string `json:"-" mql:"normalized"`
	Signature  string `json:"-"`
}

// PreviousThread is one quoted message.
type PreviousThread struct {
	Index      int               `json:"index"` // 0 is the newest
	Text       string            `json:"text"`
	Preamble   string            `json:"preamble,omitempty"`
	Date       *time.Time        `json:"date,omitempty"`
	Sender     *Mailbox          `json:"sender,omitempty"`
	Recipients *ThreadRecipients `json:"recipients,omitempty"`
	Subject    *Subject          `json:"subject,omitempty"`
	Links      []Link            `json:"links"`
	Banners    []Banner          `json:"banners"`
}

// ThreadRecipients are the recipients that a quoted header names.
type ThreadRecipients struct {
	To  []Mailbox `json:"to"`
	CC  []Mailbox `json:"cc"`
	BCC []Mailbox `json:"bcc"`
}

// Banner is a warning that a mail system put into the body
// ("[EXTERNAL] …").
type Banner struct {
	Text  string `json:"text"`
	Links []Link `json:"links"`
}

// Link is one hyperlink or one address-like text.
type Link struct {
	DisplayText string `json:"display_text,omitempty"`
	DisplayURL  *URL   `json:"display_url,omitempty"` // set when the display text is itself a URL
	HrefURL     *URL   `json:"href_url,omitempty"`    // the target, unwrapped
	Mismatched  *bool  `json:"mismatched,omitempty"`  // display and target root domains both valid and different
	Parser      string `json:"parser,omitempty"`      // "plain" or "hyperlink"
	Visible     *bool  `json:"visible,omitempty"`
}

// URL is a parsed URL (WHATWG URL, RFC 3986).
type URL struct {
	URL                string              `json:"url"`
	Scheme             string              `json:"scheme,omitempty"`
	Username           string              `json:"username,omitempty"`
	Password           string              `json:"password,omitempty"`
	Domain             *Domain             `json:"domain,omitempty"`
	IP                 *IP                 `json:"ip,omitempty"`
	Port               int                 `json:"port,omitempty"`
	Path               string              `json:"path,omitempty"`
	QueryParams        string              `json:"query_params,omitempty"` // without the question mark
	QueryParamsDecoded map[string][]string `json:"query_params_decoded,omitempty"`
	Fragment           string              `json:"fragment,omitempty"`
	Rewrite            *Rewrite            `json:"rewrite,omitempty"`
}

// Rewrite says which link rewriters were undone.
type Rewrite struct {
	Original string   `json:"original"`
	Encoders []string `json:"encoders"` // outermost first, published names
}

// Attachment is a part that a client offers as a file.
type Attachment struct {
	FileName                string `json:"file_name,omitempty"`
	FileExtension           string `json:"file_extension,omitempty"` // lower case, without the dot
	FileType                string `json:"file_type,omitempty"`      // by content; empty when unknown
	ContentType             string `json:"content_type,omitempty"`   // as declared, lower case, without parameters
	ContentID               string `json:"content_id,omitempty"`
	ContentTransferEncoding string `json:"content_transfer_encoding,omitempty"`
	ContentDisposition      string `json:"content_disposition,omitempty"` // "attachment", "inline" or ""
	Size                    int64  `json:"size"`                          // decoded bytes
	MD5                     string `json:"md5,omitempty"`
	SHA1                    string `json:"sha1,omitempty"`
	SHA256                  string `json:"sha256,omitempty"`
	Raw                     []byte `json:"raw,omitempty"` // decoded content; base64 in JSON
}

// External is what a mail provider's API said of a stored message.
type External struct {
	CreatedAt  *time.Time `json:"created_at,omitempty"`
	MessageID  string     `json:"message_id,omitempty"`
	ThreadID   string     `json:"thread_id,omitempty"`
	RouteType  string     `json:"route_type,omitempty"` // "sent" or "received"
	Spam       *bool      `json:"spam,omitempty"`
	SpamFolder *bool      `json:"spam_folder,omitempty"`
}
