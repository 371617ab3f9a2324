package shape

import "foregate/mail"

// Confidence words of classifiers.
const (
	Low    = "low"
	Medium = "medium"
	High   = "high"
)

// Label is a named class with its confidence, low, medium or high.
type Label struct {
	Name       string `json:"name,omitempty"`
	Confidence string `json:"confidence,omitempty"`
}

// Entity is a passage that names something, such as a person or an urgency.
type Entity struct {
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`
}

// NLU is the answer of ml.nlu_classifier.
type NLU struct {
	Intents  []Label  `json:"intents,omitempty"`
	Topics   []Label  `json:"topics,omitempty"`
	Entities []Entity `json:"entities,omitempty"`
	Tags     []Label  `json:"tags,omitempty"`
	Language string   `json:"language,omitempty"`
}

// Topics is the answer of beta.ml_topic.
type Topics struct {
	Topics []Label `json:"topics,omitempty"`
}

// Sensitive is the answer of beta.ml_extract_sensitive_information.
type Sensitive struct {
	Elements []SensitiveElement `json:"elements,omitempty"`
}

// SensitiveElement is one passage of a sensitive kind.
type SensitiveElement struct {
	Type       string `json:"type,omitempty"`
	Text       string `json:"text,omitempty"`
	Confidence string `json:"confidence,omitempty"`
}

// Translation is the answer of beta.ml_translate.
type Translation struct {
	Text     string `json:"text,omitempty"`
	Language string `json:"language,omitempty"`
}

// Score is the answer of ml.attack_score and beta.fuzzy_attack_score.
type Score struct {
	Verdict string   `json:"verdict,omitempty"` // malicious, suspicious, spam, graymail, likely_benign, unknown
	Score   *float64 `json:"score,omitempty"`
}

// Macro is the answer of ml.macro_classifier.
type Macro struct {
	Malicious  *bool  `json:"malicious,omitempty"`
	Confidence string `json:"confidence,omitempty"`
}

// Logos is the answer of ml.logo_detect.
type Logos struct {
	Brands []Label `json:"brands,omitempty"`
}

// Sender is the answer of the profile functions: what earlier mail says of a
// sender.
type Sender struct {
	Prevalence                 string     `json:"prevalence,omitempty"` // new, outlier, rare, uncommon, common, unknown
	Solicited                  *bool      `json:"solicited,omitempty"`
	AnyMessagesBenign          *bool      `json:"any_messages_benign,omitempty"`
	AnyMessagesMaliciousOrSpam *bool      `json:"any_messages_malicious_or_spam,omitempty"`
	AnyFalsePositives          *bool      `json:"any_false_positives,omitempty"`
	AuthFailed                 *bool      `json:"auth_failed,omitempty"`
	DaysKnown                  *int       `json:"days_known,omitempty"`
	DaysSince                  *DaysSince `json:"days_since,omitempty"`
}

// DaysSince counts whole days since contacts; null is never.
type DaysSince struct {
	FirstContact *int `json:"first_contact,omitempty"`
	LastContact  *int `json:"last_contact,omitempty"`
	LastInbound  *int `json:"last_inbound,omitempty"`
	LastOutbound *int `json:"last_outbound,omitempty"`
}

// Whois is the answer of network.whois.
type Whois struct {
	Found                 *bool         `json:"found,omitempty"`
	DaysOld               *int          `json:"days_old,omitempty"`
	RegistrarName         string        `json:"registrar_name,omitempty"`
	RegistrantCompany     string        `json:"registrant_company,omitempty"`
	RegistrantCountry     string        `json:"registrant_country,omitempty"`
	RegistrantCountryCode string        `json:"registrant_country_code,omitempty"`
	RegistrantEmail       string        `json:"registrant_email,omitempty"`
	AdministrativeEmail   string        `json:"administrative_email,omitempty"`
	TechnicalEmail        string        `json:"technical_email,omitempty"`
	NameServers           []mail.Domain `json:"name_servers,omitempty"`
}

// LinkAnalysis is the answer of ml.link_analysis: what stands behind a link.
type LinkAnalysis struct {
	Submitted           *bool            `json:"submitted,omitempty"`
	StatusCode          *int             `json:"status_code,omitempty"`
	EffectiveURL        *mail.URL        `json:"effective_url,omitempty"`
	RedirectHistory     []mail.URL       `json:"redirect_history,omitempty"`
	UniqueURLsAccessed  []mail.URL       `json:"unique_urls_accessed,omitempty"`
	CredPhish           *CredPhish       `json:"credphish,omitempty"`
	FinalDOM            *HTML            `json:"final_dom,omitempty"`
	FilesDownloaded     []DownloadedFile `json:"files_downloaded,omitempty"`
	AdditionalResponses []WebResponse    `json:"additional_responses,omitempty"`
	Screenshot          *Image           `json:"screenshot,omitempty"`
}

// CredPhish judges a page as a credential phishing page.
type CredPhish struct {
	Disposition     string `json:"disposition,omitempty"` // phishing, benign
	Confidence      string `json:"confidence,omitempty"`
	Brand           *Label `json:"brand,omitempty"`
	ContainsLogin   *bool  `json:"contains_login,omitempty"`
	ContainsCaptcha *bool  `json:"contains_captcha,omitempty"`
}

// DownloadedFile is a file that a link led to.
type DownloadedFile struct {
	FileName      string `json:"file_name,omitempty"`
	FileExtension string `json:"file_extension,omitempty"`
	FileType      string `json:"file_type,omitempty"`
	ContentType   string `json:"content_type,omitempty"`
	SHA256        string `json:"sha256,omitempty"`
	Size          *int   `json:"size,omitempty"`
	Raw           []byte `json:"raw,omitempty"`
}

// WebResponse is one more response that a page fetched.
type WebResponse struct {
	URL        *mail.URL       `json:"url,omitempty"`
	StatusCode *int            `json:"status_code,omitempty"`
	JSON       any             `json:"json,omitempty"` // as encoding/json decodes it
	File       *DownloadedFile `json:"file,omitempty"`
}

// HTML is a page or a part of one, read in four ways.
type HTML struct {
	Raw         string      `json:"raw,omitempty"`
	DisplayText string      `json:"display_text,omitempty"`
	InnerText   string      `json:"inner_text,omitempty"`
	Links       []mail.Link `json:"links,omitempty"`

	// Read makes the other three from Raw when one is first read, for most
	// rules look at Raw alone; nil where they are there.
	Read func(*HTML) `json:"-"`
}

// Fill makes the field called name before a rule reads it.
func (h *HTML) Fill(name string) {
	if h.Read != nil && name != "raw" {
		read := h.Read
		h.Read = nil
		read(h)
	}
}

// XPath is the answer of html.xpath.
type XPath struct {
	Nodes []HTML `json:"nodes,omitempty"`
}

// Image is a picture, such as a rendered message. Content is for the next
// function that looks at it.
type Image struct {
	SHA256 string `json:"sha256,omitempty"`
	Width  *int   `json:"width,omitempty"`
	Height *int   `json:"height,omitempty"`
	Raw    []byte `json:"raw,omitempty"`
}

// OCR is the answer of beta.ocr.
type OCR struct {
	Success     *bool  `json:"success,omitempty"`
	Text        string `json:"text,omitempty"`
	PageResults []Page `json:"page_results,omitempty"`
}

// Page is the text of one page.
type Page struct {
	Text string `json:"text,omitempty"`
}

// QR is the answer of beta.scan_qr.
type QR struct {
	Found *bool    `json:"found,omitempty"`
	Items []QRItem `json:"items,omitempty"`
}

// QRItem is one code and what it says.
type QRItem struct {
	Type string    `json:"type,omitempty"` // url, email, mobile, app, geo, wifi, undefined
	Data string    `json:"data,omitempty"`
	URL  *mail.URL `json:"url,omitempty"`
}

// Exif is the answer of beta.parse_exif: a file's own metadata.
type Exif struct {
	Author      string       `json:"author,omitempty"`
	Creator     string       `json:"creator,omitempty"`
	Producer    string       `json:"producer,omitempty"`
	Title       string       `json:"title,omitempty"`
	PageCount   *int         `json:"page_count,omitempty"`
	ImageHeight *int         `json:"image_height,omitempty"`
	ImageWidth  *int         `json:"image_width,omitempty"`
	Fields      []ScanKeyVal `json:"fields,omitempty"`
}

// ParsedText is the answer of file.parse_text.
type ParsedText struct {
	Text     string `json:"text,omitempty"`
	Encoding string `json:"encoding,omitempty"`
}

// Archive is the answer of file.expand_archives: the files within, flat.
type Archive struct {
	Files []mail.Attachment `json:"files,omitempty"`
}

// OLETools is the answer of file.oletools: what an Office document carries.
type OLETools struct {
	Indicators    *OLEIndicators    `json:"indicators,omitempty"`
	Macros        *OLEMacros        `json:"macros,omitempty"`
	Relationships []OLERelationship `json:"relationships,omitempty"`
}

// OLEIndicators are the findings by kind.
type OLEIndicators struct {
	Encryption            *OLEIndicator `json:"encryption,omitempty"`
	FileFormat            *OLEIndicator `json:"file_format,omitempty"`
	VBAMacros             *OLEIndicator `json:"vba_macros,omitempty"`
	XLMMacros             *OLEIndicator `json:"xlm_macros,omitempty"`
	ExternalRelationships *OLEIndicator `json:"external_relationships,omitempty"`
}

// OLEIndicator is one finding.
type OLEIndicator struct {
	Exists *bool  `json:"exists,omitempty"`
	Value  string `json:"value,omitempty"`
	Risk   string `json:"risk,omitempty"`
}

// OLEMacros lists what stands out in macro code.
type OLEMacros struct {
	Keywords []OLEKeyword `json:"keywords,omitempty"`
}

// OLEKeyword is a word of macro code that says what it can do.
type OLEKeyword struct {
	Type        string `json:"type,omitempty"`
	Keyword     string `json:"keyword,omitempty"`
	Description string `json:"description,omitempty"`
}

// OLERelationship is a reference from the document to something outside.
type OLERelationship struct {
	Name      string    `json:"name,omitempty"`
	Target    string    `json:"target,omitempty"`
	TargetURL *mail.URL `json:"target_url,omitempty"`
}

// Calendar is the answer of beta.file.parse_ics.
type Calendar struct {
	ProductID string  `json:"product_id,omitempty"`
	Version   string  `json:"version,omitempty"`
	Method    string  `json:"method,omitempty"`
	Scale     string  `json:"scale,omitempty"`
	Events    []Event `json:"events,omitempty"`
}

// Event is one event of a calendar.
type Event struct {
	UID             string         `json:"uid,omitempty"`
	Summary         string         `json:"summary,omitempty"`
	Location        string         `json:"location,omitempty"`
	Status          string         `json:"status,omitempty"`
	Description     string         `json:"description,omitempty"`
	DescriptionHTML string         `json:"description_html,omitempty"`
	Organizer       *mail.Mailbox  `json:"organizer,omitempty"`
	Attendees       []mail.Mailbox `json:"attendees,omitempty"`
	Links           []mail.Link    `json:"links,omitempty"`
	RawProperties   []ScanKeyVal   `json:"raw_properties,omitempty"`
}

// Match is one match of regex.extract.
type Match struct {
	FullMatch   string            `json:"full_match"`
	Groups      []string          `json:"groups"`
	NamedGroups map[string]string `json:"named_groups"`
}

// ParsedDomain is the answer of strings.parse_domain.
type ParsedDomain struct {
	Domain     string `json:"domain,omitempty"`
	Punycode   string `json:"punycode,omitempty"`
	RootDomain string `json:"root_domain,omitempty"`
	SLD        string `json:"sld,omitempty"`
	Subdomain  string `json:"subdomain,omitempty"`
	TLD        string `json:"tld,omitempty"`
	Valid      bool   `json:"valid"`
	Error      string `json:"error,omitempty"`
}

// VIP is an entry of $org_vips: a person worth impersonating.
type VIP struct {
	DisplayName string `json:"display_name,omitempty"`
	FirstName   string `json:"first_name,omitempty"`
	LastName    string `json:"last_name,omitempty"`
	Title       string `json:"title,omitempty"`
	Email       string `json:"email,omitempty"`
}

// Triage is what analysts, users and agents said of a message so far; the
// triage.* fields of automation rules.
type Triage struct {
	Trigger        string          `json:"trigger,omitempty"`
	Classification *Classification `json:"classification,omitempty"`
	FlaggedRules   []FlaggedRule   `json:"flagged_rules,omitempty"`
	UserReports    *UserReports    `json:"user_reports,omitempty"`
	Agents         *Agents         `json:"agents,omitempty"`
}

// Classification is the label that an analyst gave.
type Classification struct {
	Classification string `json:"classification,omitempty"`
}

// FlaggedRule is a rule that fired.
type FlaggedRule struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// UserReports counts reports by users.
type UserReports struct {
	Count *int `json:"count,omitempty"`
}

// Agents holds the verdicts of automatic reviewers.
type Agents struct {
	ASA *AgentVerdict `json:"asa,omitempty"`
}

// AgentVerdict is one reviewer's verdict.
type AgentVerdict struct {
	Verdict string `json:"verdict,omitempty"`
}
