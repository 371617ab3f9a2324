package mime

// The IDs of defects.
const (
	DuplicateBoundary    = "mime.duplicate-boundary"
	AmbiguousBoundary    = "mime.ambiguous-boundary"
	LenientBoundary      = "mime.lenient-boundary"
	EmptyBoundary        = "mime.empty-boundary"
	LongBoundary         = "mime.long-boundary"
	BoundaryInLeaf       = "mime.boundary-in-leaf"
	DuplicateType        = "mime.duplicate-content-type"
	DuplicateDisposition = "mime.duplicate-content-disposition"
	MalformedType        = "mime.malformed-content-type"
	TypeComment          = "mime.comment-in-content-type"
	UnclosedQuote        = "mime.unclosed-quote"
	AmbiguousEncoding    = "mime.ambiguous-encoding"
	UndeclaredEncoding   = "mime.undeclared-encoding"
	EncodedMultipart     = "mime.encoded-multipart"
	EncodedMessage       = "mime.encoded-message"
	OddBase64            = "mime.odd-base64"
	OddQuotedPrintable   = "mime.odd-quoted-printable"
	AmbiguousFileName    = "mime.ambiguous-file-name"
	NoParts              = "mime.multipart-without-parts"
	Unterminated         = "mime.unterminated-multipart"
	Overlapping          = "mime.overlapping-multiparts"
	PartsAfterClose      = "mime.parts-after-close"
	Undeclared           = "mime.undeclared-part"
	HeaderEnd            = "mime.ambiguous-header-end"
	LeadingBlank         = "mime.blank-before-part-header"
	UUEncode             = "mime.uuencode"
	YEnc                 = "mime.yenc"
	Partial              = "mime.partial-message"
	Reassembled          = "mime.reassembled-message"
	ExternalBody         = "mime.external-body"
	UnknownCharset       = "mime.unknown-charset"
	CharsetMismatch      = "mime.charset-mismatch"
	NUL                  = "mime.nul"
	BareCR               = "mime.bare-cr"
	OddLineBreak         = "mime.odd-line-break"

	HeaderLeadingBlank = "header.leading-blank-line"
	HeaderLeadingSpace = "header.leading-space"
	HeaderNoColon      = "header.line-without-colon"
	HeaderSpaceColon   = "header.space-before-colon"
	HeaderBlankFold    = "header.blank-fold"
	HeaderMissingBlank = "header.missing-blank-line"
	HeaderOddName      = "header.odd-name"
	HeaderTruncated    = "header.truncated"

	BoundHeader     = "bound.header"
	BoundHeaderLine = "bound.header-line"
	BoundParts      = "bound.parts"
	BoundDepth      = "bound.depth"
	BoundReadings   = "bound.readings"
	BoundDecoded    = "bound.decoded"
	BoundWork       = "bound.work"
)

// Doc is a defect's ID and one sentence on what it means.
type Doc struct{ ID, Doc string }

// Docs lists every defect of this package, by ID groups.
func Docs() []Doc {
	return []Doc{
		{DuplicateBoundary, "A Content-Type field has several boundary parameters; readers differ on which one counts."},
		{AmbiguousBoundary, "The boundary parameter can be read in several ways (comments, quotes, folds, encodings), and more than one occurs in the body."},
		{LenientBoundary, "A line begins with the boundary but is no exact delimiter (something follows it, it is indented, or its letter case differs)."},
		{EmptyBoundary, "The boundary parameter is empty."},
		{LongBoundary, "The boundary is longer than the 70 characters that RFC 2046 allows; some readers cut it."},
		{BoundaryInLeaf, "A part that is no multipart has a boundary parameter, and its delimiters occur in the body."},
		{DuplicateType, "A header has several Content-Type fields."},
		{DuplicateDisposition, "A header has several Content-Disposition fields."},
		{MalformedType, "A Content-Type field does not name a type and subtype."},
		{TypeComment, "A Content-Type field has comments, which some readers take for part of the value."},
		{UnclosedQuote, "A quoted string or comment in a MIME field is never closed."},
		{AmbiguousEncoding, "The transfer encoding is given several times or in an odd form; readers differ on how to decode."},
		{UndeclaredEncoding, "The content looks encoded although the transfer encoding does not say so."},
		{EncodedMultipart, "A multipart body has a transfer encoding, which RFC 2045 forbids and some readers undo."},
		{EncodedMessage, "An attached message has a transfer encoding, which RFC 2046 forbids and most readers undo."},
		{OddBase64, "Base64 content is irregular (foreign characters, padding inside, missing padding); decoders give different bytes."},
		{OddQuotedPrintable, "Quoted-printable content is irregular (bad escapes, blanks at line ends); decoders give different bytes."},
		{AmbiguousFileName, "A part has several file names; readers differ on which one they show."},
		{NoParts, "A multipart body has no delimiter line."},
		{Unterminated, "A multipart body has no closing delimiter."},
		{Overlapping, "A multipart goes on behind the end of its container; readers that look for the inner boundary first see more parts."},
		{PartsAfterClose, "Parts stand behind the closing delimiter of a multipart."},
		{Undeclared, "A part header stands where no multipart structure reaches it."},
		{HeaderEnd, "Readers differ on where a header ends: a blank-looking line or a line that is no field stands inside."},
		{LeadingBlank, "Blank lines stand before the header of a part; some readers take the fields behind them as its header."},
		{UUEncode, "A text body holds a uuencoded file."},
		{YEnc, "A text body holds a yEnc-encoded file."},
		{Partial, "A part is a fragment of a message (message/partial): a client may put it together with others, so nobody can judge it whole."},
		{Reassembled, "The message holds several fragments of another one (message/partial), which was put together and read too."},
		{ExternalBody, "A part refers to content elsewhere (message/external-body)."},
		{UnknownCharset, "A text part names a charset that does not exist."},
		{CharsetMismatch, "A text part's bytes contradict its charset."},
		{NUL, "The message has NUL bytes, which some readers drop."},
		{BareCR, "The message has CR without LF, which some readers take for a line end."},
		{OddLineBreak, "A control character that some readers take for a line end stands before a field or delimiter."},
		{HeaderLeadingBlank, "Blank lines stand before the header."},
		{HeaderLeadingSpace, "The first header field is indented."},
		{HeaderNoColon, "A line in a header is no field."},
		{HeaderSpaceColon, "Blanks stand between a field name and its colon."},
		{HeaderBlankFold, "A header line holds nothing but blanks; some readers end the header there."},
		{HeaderMissingBlank, "No blank line separates header and body."},
		{HeaderOddName, "A field name has characters that field names cannot have."},
		{HeaderTruncated, "The message ends inside its header."},
		{BoundHeader, "A header block exceeds the bound; the fields behind it were not read."},
		{BoundHeaderLine, "A header field exceeds the bound and was cut."},
		{BoundParts, "The message has more parts than the bound; the rest was not read."},
		{BoundDepth, "The message nests deeper than the bound; deeper parts were not split."},
		{BoundReadings, "The message can be read in more ways than the bound; some were not tried."},
		{BoundDecoded, "The message decodes to more bytes than the bound; some parts were not decoded."},
		{BoundWork, "The message has so many delimiter lines or part headers that looking was cut short."},
	}
}
