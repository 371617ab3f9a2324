// Package shape holds the answers of the rule language's enrichment functions as
// Go structs: what a capability fills and what rules read. JSON tags are the
// field names of rules. In these types every field may be absent: a nil
// pointer, a nil slice and an empty string read as null, an empty slice as an
// empty list. Types of package mail inside keep their own rule: their arrays
// are never null.
package shape

import (
	"time"

	"foregate/mail"
)

// File is one file that was found inside another, or the file itself (Depth 0).
type File struct {
	Depth         *int      `json:"depth,omitempty"`
	FileExtension string    `json:"file_extension,omitempty"`
	FileName      string    `json:"file_name,omitempty"`
	Flavors       *Flavors  `json:"flavors,omitempty"`
	NodeID        string    `json:"node_id,omitempty"`
	ParentNodeID  string    `json:"parent_node_id,omitempty"`
	Scan          *ScanTree `json:"scan,omitempty"`
	Size          *int      `json:"size,omitempty"`
	Source        string    `json:"source,omitempty"`
}

// Flavors is what the scan tree says of Flavors.
type Flavors struct {
	External []string `json:"external,omitempty"`
	MIME     string   `json:"mime,omitempty"`
	YARA     []string `json:"yara,omitempty"`
}

// ScanTree holds what each scanner found; a scanner that does not apply is null.
type ScanTree struct {
	BZip2        *ScanBZip2        `json:"bzip2,omitempty"`
	Docx         *ScanDocX         `json:"docx,omitempty"`
	EncryptedDoc *ScanEncryptedDoc `json:"encrypted_doc,omitempty"`
	EncryptedZIP *ScanEncryptedZip `json:"encrypted_zip,omitempty"`
	Entropy      *ScanEntropy      `json:"entropy,omitempty"`
	ExifTool     *ScanExifTool     `json:"exiftool,omitempty"`
	GIF          *ScanJpegGif      `json:"gif,omitempty"`
	GZip         *ScanGZip         `json:"gzip,omitempty"`
	Hash         *ScanHash         `json:"hash,omitempty"`
	HTML         *ScanHTML         `json:"html,omitempty"`
	ICS          *ScanICS          `json:"ics,omitempty"`
	JavaScript   *ScanJavascript   `json:"javascript,omitempty"`
	JPEG         *ScanJpegGif      `json:"jpeg,omitempty"`
	LibArchive   *ScanLibArchive   `json:"libarchive,omitempty"`
	LNK          *ScanLNK          `json:"lnk,omitempty"`
	MachO        *ScanMachO        `json:"macho,omitempty"`
	OCR          *ScanOCR          `json:"ocr,omitempty"`
	OLE          *ScanOle          `json:"ole,omitempty"`
	PDF          *ScanPDF          `json:"pdf,omitempty"`
	PDFObjHash   *ScanPDFObjHash   `json:"pdf_obj_hash,omitempty"`
	Pptx         *ScanPPTX         `json:"pptx,omitempty"`
	QR           *ScanQR           `json:"qr,omitempty"`
	RAR          *ScanRar          `json:"rar,omitempty"`
	RTF          *ScanRTF          `json:"rtf,omitempty"`
	Strings      *ScanStrings      `json:"strings,omitempty"`
	Tar          *ScanTar          `json:"tar,omitempty"`
	URL          *ScanURL          `json:"url,omitempty"`
	VBA          *ScanVBA          `json:"vba,omitempty"`
	XML          *ScanXML          `json:"xml,omitempty"`
	YARA         *ScanYARA         `json:"yara,omitempty"`
	ZIP          *ScanZip          `json:"zip,omitempty"`
	ZLib         *ScanZLib         `json:"zlib,omitempty"`
}

// ScanBZip2 is what the scan tree says of BZip2.
type ScanBZip2 struct {
	Size *int `json:"size,omitempty"`
}

// ScanDocX is what the scan tree says of DocX.
type ScanDocX struct {
	Author      string     `json:"author,omitempty"`
	Category    string     `json:"category,omitempty"`
	Comments    string     `json:"comments,omitempty"`
	Created     *time.Time `json:"created,omitempty"`
	FontColors  []string   `json:"font_colors,omitempty"`
	ImageCount  *int       `json:"image_count,omitempty"`
	Keywords    string     `json:"keywords,omitempty"`
	LastPrinted *time.Time `json:"last_printed,omitempty"`
	Modified    *time.Time `json:"modified,omitempty"`
	Revision    *int       `json:"revision,omitempty"`
	Subject     string     `json:"subject,omitempty"`
	Title       string     `json:"title,omitempty"`
	WordCount   *int       `json:"word_count,omitempty"`
}

// ScanEncryptedDoc is what the scan tree says of EncryptedDoc.
type ScanEncryptedDoc struct {
	CrackedPassword string `json:"cracked_password,omitempty"`
}

// ScanEncryptedZip is what the scan tree says of EncryptedZip.
type ScanEncryptedZip struct {
	CrackedPassword string `json:"cracked_password,omitempty"`
	TotalExtracted  *int   `json:"total_extracted,omitempty"`
	TotalFiles      *int   `json:"total_files,omitempty"`
}

// ScanEntropy is what the scan tree says of Entropy.
type ScanEntropy struct {
	Entropy *float64 `json:"entropy,omitempty"`
}

// ScanExifTool is what the scan tree says of ExifTool.
type ScanExifTool struct {
	CommandLineArguments string       `json:"command_line_arguments,omitempty"`
	CreateDate           *time.Time   `json:"create_date,omitempty"`
	Creator              string       `json:"creator,omitempty"`
	ExifToolVersion      *float64     `json:"exif_tool_version,omitempty"`
	Fields               []ScanKeyVal `json:"fields,omitempty"`
	FilePermissions      string       `json:"file_permissions,omitempty"`
	FileType             string       `json:"file_type,omitempty"`
	FileTypeExtension    string       `json:"file_type_extension,omitempty"`
	Flags                []string     `json:"flags,omitempty"`
	HotKey               string       `json:"hot_key,omitempty"`
	ImageHeight          *int         `json:"image_height,omitempty"`
	ImageWidth           *int         `json:"image_width,omitempty"`
	Linearized           string       `json:"linearized,omitempty"`
	LocalBasePath        string       `json:"local_base_path,omitempty"`
	ModifyDate           *time.Time   `json:"modify_date,omitempty"`
	PageCount            *int         `json:"page_count,omitempty"`
	PDFVersion           string       `json:"pdf_version,omitempty"`
	Producer             string       `json:"producer,omitempty"`
	RelativePath         string       `json:"relative_path,omitempty"`
	RunWindow            string       `json:"run_window,omitempty"`
	SourceFile           string       `json:"source_file,omitempty"`
	TargetFileDOSName    string       `json:"target_file_dos_name,omitempty"`
	Title                string       `json:"title,omitempty"`
	ZIPBitFlag           *int         `json:"zip_bit_flag,omitempty"`
	ZIPCompressedSize    *int         `json:"zip_compressed_size,omitempty"`
	ZIPFileName          string       `json:"zip_file_name,omitempty"`
	ZIPModifyDate        *time.Time   `json:"zip_modify_date,omitempty"`
	ZIPUncompressedSize  *int         `json:"zip_uncompressed_size,omitempty"`
}

// ScanKeyVal is what the scan tree says of KeyVal.
type ScanKeyVal struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
}

// ScanJpegGif is what the scan tree says of JpegGif.
type ScanJpegGif struct {
	TrailerIndex *int `json:"trailer_index,omitempty"`
}

// ScanGZip is what the scan tree says of GZip.
type ScanGZip struct {
	Size *int `json:"size,omitempty"`
}

// ScanHash is what the scan tree says of Hash.
type ScanHash struct {
	MD5    string `json:"md5,omitempty"`
	SHA1   string `json:"sha1,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Ssdeep string `json:"ssdeep,omitempty"`
}

// ScanHTML is what the scan tree says of HTML.
type ScanHTML struct {
	Hyperlinks     []string                 `json:"hyperlinks,omitempty"`
	Scripts        []ScanEmbeddedHTMLScript `json:"scripts,omitempty"`
	Spans          []ScanHTMLSpan           `json:"spans,omitempty"`
	Title          string                   `json:"title,omitempty"`
	TotalExtracted *int                     `json:"total_extracted,omitempty"`
}

// ScanEmbeddedHTMLScript is what the scan tree says of EmbeddedHTMLScript.
type ScanEmbeddedHTMLScript struct {
	Language string `json:"language,omitempty"`
	Scripts  string `json:"scripts,omitempty"`
	Type     string `json:"type,omitempty"`
}

// ScanHTMLSpan is what the scan tree says of HTMLSpan.
type ScanHTMLSpan struct {
	Style string `json:"style,omitempty"`
}

// ScanICS is what the scan tree says of ICS.
type ScanICS struct {
	Calendars      []ScanICSCalendar `json:"calendars,omitempty"`
	Flags          []string          `json:"flags,omitempty"`
	ParseError     string            `json:"parse_error,omitempty"`
	Total          *ScanICSTotal     `json:"total,omitempty"`
	TotalExtracted *int              `json:"total_extracted,omitempty"`
	TotalFiles     *int              `json:"total_files,omitempty"`
}

// ScanICSCalendar is what the scan tree says of ICSCalendar.
type ScanICSCalendar struct {
	Calscale   string             `json:"calscale,omitempty"`
	Components []ScanICSComponent `json:"components,omitempty"`
	Method     string             `json:"method,omitempty"`
	ProdID     string             `json:"prodid,omitempty"`
	Version    string             `json:"version,omitempty"`
}

// ScanICSComponent is what the scan tree says of ICSComponent.
type ScanICSComponent struct {
	Attachments  []ScanICSAttachment `json:"attachments,omitempty"`
	Attendees    []ScanICSAttendee   `json:"attendees,omitempty"`
	Class        string              `json:"class,omitempty"`
	Created      string              `json:"created,omitempty"`
	Description  string              `json:"description,omitempty"`
	DTEnd        string              `json:"dtend,omitempty"`
	DTStamp      string              `json:"dtstamp,omitempty"`
	DTStart      string              `json:"dtstart,omitempty"`
	Duration     string              `json:"duration,omitempty"`
	LastModified string              `json:"last_modified,omitempty"`
	Location     string              `json:"location,omitempty"`
	Organizers   []ScanICSOrganizer  `json:"organizers,omitempty"`
	Priority     string              `json:"priority,omitempty"`
	Sequence     string              `json:"sequence,omitempty"`
	Status       string              `json:"status,omitempty"`
	Summary      string              `json:"summary,omitempty"`
	Transp       string              `json:"transp,omitempty"`
	Type         string              `json:"type,omitempty"`
	UID          string              `json:"uid,omitempty"`
	URLs         []mail.URL          `json:"urls,omitempty"`
}

// ScanICSAttachment is what the scan tree says of ICSAttachment.
type ScanICSAttachment struct {
	DecodeError string `json:"decode_error,omitempty"`
	Extracted   *bool  `json:"extracted,omitempty"`
	FileName    string `json:"filename,omitempty"`
	MIMEType    string `json:"mime_type,omitempty"`
	Size        string `json:"size,omitempty"`
	Type        string `json:"type,omitempty"`
	URI         string `json:"uri,omitempty"`
}

// ScanICSAttendee is what the scan tree says of ICSAttendee.
type ScanICSAttendee struct {
	Mailbox  *mail.Mailbox `json:"mailbox,omitempty"`
	Partstat string        `json:"partstat,omitempty"`
	Role     string        `json:"role,omitempty"`
	RSVP     *bool         `json:"rsvp,omitempty"`
}

// ScanICSOrganizer is what the scan tree says of ICSOrganizer.
type ScanICSOrganizer struct {
	Mailbox *mail.Mailbox `json:"mailbox,omitempty"`
}

// ScanICSTotal is what the scan tree says of ICSTotal.
type ScanICSTotal struct {
	Alarms         *int `json:"alarms,omitempty"`
	Attachments    *int `json:"attachments,omitempty"`
	Attendees      *int `json:"attendees,omitempty"`
	Components     *int `json:"components,omitempty"`
	Events         *int `json:"events,omitempty"`
	ExtractedFiles *int `json:"extracted_files,omitempty"`
	Journals       *int `json:"journals,omitempty"`
	Organizers     *int `json:"organizers,omitempty"`
	Timezones      *int `json:"timezones,omitempty"`
	Todos          *int `json:"todos,omitempty"`
	URLs           *int `json:"urls,omitempty"`
}

// ScanJavascript is what the scan tree says of Javascript.
type ScanJavascript struct {
	Identifiers        []string `json:"identifiers,omitempty"`
	Keywords           []string `json:"keywords,omitempty"`
	RegularExpressions []string `json:"regular_expressions,omitempty"`
	Strings            []string `json:"strings,omitempty"`
	Tokens             []string `json:"tokens,omitempty"`
}

// ScanLibArchive is what the scan tree says of LibArchive.
type ScanLibArchive struct {
	TotalExtracted *int `json:"total_extracted,omitempty"`
	TotalFiles     *int `json:"total_files,omitempty"`
}

// ScanLNK is what the scan tree says of LNK.
type ScanLNK struct {
	MAC                  string `json:"MAC,omitempty"`
	CommandLineArguments string `json:"command_line_arguments,omitempty"`
	DriveSerialNumber    string `json:"drive_serial_number,omitempty"`
	DriveType            string `json:"drive_type,omitempty"`
	LocalBasePath        string `json:"local_base_path,omitempty"`
	MachineID            string `json:"machine_id,omitempty"`
	RelativePath         string `json:"relative_path,omitempty"`
	VolumeLabel          string `json:"volume_label,omitempty"`
	WorkingDir           string `json:"working_dir,omitempty"`
}

// ScanMachO is what the scan tree says of MachO.
type ScanMachO struct {
	Commands         []string       `json:"commands,omitempty"`
	HasCodeSignature *bool          `json:"has_code_signature,omitempty"`
	Header           map[string]any `json:"header,omitempty"`
	LoadDylinkerName string         `json:"load_dylinker_name,omitempty"`
	NX               *bool          `json:"nx,omitempty"`
	PIE              *bool          `json:"pie,omitempty"`
	SourceVersion    string         `json:"source_version,omitempty"`
	Symbols          map[string]any `json:"symbols,omitempty"`
	TotalBinaries    *int           `json:"total_binaries,omitempty"`
	TotalCommands    *int           `json:"total_commands,omitempty"`
	TotalLibraries   *int           `json:"total_libraries,omitempty"`
	TotalRelocations *int           `json:"total_relocations,omitempty"`
	TotalSections    *int           `json:"total_sections,omitempty"`
	TotalSegments    *int           `json:"total_segments,omitempty"`
	TotalSymbols     *int           `json:"total_symbols,omitempty"`
}

// ScanOCR is what the scan tree says of OCR.
type ScanOCR struct {
	Raw  string   `json:"raw,omitempty"`
	Text []string `json:"text,omitempty"`
}

// ScanOle is what the scan tree says of Ole.
type ScanOle struct {
	TotalExtracted *int `json:"total_extracted,omitempty"`
}

// ScanPDF is what the scan tree says of PDF.
type ScanPDF struct {
	InvalidURLs    []string   `json:"invalid_urls,omitempty"`
	TotalExtracted *int       `json:"total_extracted,omitempty"`
	URLs           []mail.URL `json:"urls,omitempty"`
}

// ScanPDFObjHash is what the scan tree says of PDFObjHash.
type ScanPDFObjHash struct {
	HashString string `json:"hash_string,omitempty"`
	ObjectHash string `json:"object_hash,omitempty"`
}

// ScanPPTX is what the scan tree says of PPTX.
type ScanPPTX struct {
	Author         string     `json:"author,omitempty"`
	Category       string     `json:"category,omitempty"`
	Comments       string     `json:"comments,omitempty"`
	Created        *time.Time `json:"created,omitempty"`
	ImageCount     *int       `json:"image_count,omitempty"`
	InvalidURLs    []string   `json:"invalid_urls,omitempty"`
	Keywords       string     `json:"keywords,omitempty"`
	LastModifiedBy string     `json:"last_modified_by,omitempty"`
	LastPrinted    *time.Time `json:"last_printed,omitempty"`
	Modified       *time.Time `json:"modified,omitempty"`
	Revision       *int       `json:"revision,omitempty"`
	SlideCount     *int       `json:"slide_count,omitempty"`
	Subject        string     `json:"subject,omitempty"`
	Title          string     `json:"title,omitempty"`
	URLs           []mail.URL `json:"urls,omitempty"`
	WordCount      *int       `json:"word_count,omitempty"`
}

// ScanQR is what the scan tree says of QR.
type ScanQR struct {
	Data string    `json:"data,omitempty"`
	Type string    `json:"type,omitempty"`
	URL  *mail.URL `json:"url,omitempty"`
}

// ScanRar is what the scan tree says of Rar.
type ScanRar struct {
	HostOs         string `json:"host_os,omitempty"`
	TotalExtracted *int   `json:"total_extracted,omitempty"`
	TotalFiles     *int   `json:"total_files,omitempty"`
}

// ScanRTF is what the scan tree says of RTF.
type ScanRTF struct {
	TotalExtracted *int `json:"total_extracted,omitempty"`
}

// ScanStrings is what the scan tree says of Strings.
type ScanStrings struct {
	Raw     string   `json:"raw,omitempty"`
	Strings []string `json:"strings,omitempty"`
}

// ScanTar is what the scan tree says of Tar.
type ScanTar struct {
	TotalExtracted *int `json:"total_extracted,omitempty"`
	TotalFiles     *int `json:"total_files,omitempty"`
}

// ScanURL is what the scan tree says of URL.
type ScanURL struct {
	InvalidURLs []string   `json:"invalid_urls,omitempty"`
	URLs        []mail.URL `json:"urls,omitempty"`
}

// ScanVBA is what the scan tree says of VBA.
type ScanVBA struct {
	AutoExec       []string `json:"auto_exec,omitempty"`
	Base64         []string `json:"base64,omitempty"`
	Dridex         []string `json:"dridex,omitempty"`
	Hex            []string `json:"hex,omitempty"`
	IOC            []string `json:"ioc,omitempty"`
	Suspicious     []string `json:"suspicious,omitempty"`
	TotalExtracted *int     `json:"total_extracted,omitempty"`
	TotalFiles     *int     `json:"total_files,omitempty"`
	VBAObfuscated  []string `json:"vba_obfuscated,omitempty"`
}

// ScanXML is what the scan tree says of XML.
type ScanXML struct {
	DocType        string   `json:"doc_type,omitempty"`
	Namespaces     []string `json:"namespaces,omitempty"`
	Tags           []string `json:"tags,omitempty"`
	TotalExtracted *int     `json:"total_extracted,omitempty"`
	Version        string   `json:"version,omitempty"`
}

// ScanYARA is what the scan tree says of YARA.
type ScanYARA struct {
	Flags   []string        `json:"flags,omitempty"`
	Matches []ScanYARAMatch `json:"matches,omitempty"`
}

// ScanYARAMatch is what the scan tree says of YARAMatch.
type ScanYARAMatch struct {
	Meta map[string]string `json:"meta,omitempty"`
	Name string            `json:"name,omitempty"`
}

// ScanZip is what the scan tree says of Zip.
type ScanZip struct {
	AllPaths       []string `json:"all_paths,omitempty"`
	AttemptedFiles []string `json:"attempted_files,omitempty"`
	Encrypted      *bool    `json:"encrypted,omitempty"`
	TotalExtracted *int     `json:"total_extracted,omitempty"`
	TotalFiles     *int     `json:"total_files,omitempty"`
}

// ScanZLib is what the scan tree says of ZLib.
type ScanZLib struct {
	Size *int `json:"size,omitempty"`
}
