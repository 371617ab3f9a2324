// Package htmltext turns the HTML of a mail body into the text that a reader
// sees, the text that CSS keeps from the reader, and the list of everything the
// markup refers to.
//
// It walks the markup once, in the manner of a browser (WHATWG HTML, "Parsing
// HTML documents"): the same tokens, the same recovery from broken markup and a
// stack of open elements that carries inherited style, but no document tree.
// Work and memory are linear in the input; every bound that cuts something off
// is reported in Result.Truncated.
package htmltext

// Options bounds the work of Render. Zero fields mean the defaults.
type Options struct {
	MaxInput      int // bytes of HTML that are looked at, default DefaultMaxInput
	MaxReferences int // references listed, default DefaultMaxReferences
}

// The default bounds of Render.
const (
	// DefaultMaxInput is far above any mail body written by people or
	// newsletter tools (the largest of them are cut by webmail at 102 kB).
	DefaultMaxInput = 8 << 20
	// DefaultMaxReferences covers the longest newsletters and digests.
	DefaultMaxReferences = 2000
)

// Result is what Render finds in one HTML body.
type Result struct {
	Title   string // text of <title>, white space collapsed
	Display string // what a reader sees, laid out in lines
	Inner   string // all text, hidden text included; no script, style or comment
	// Hidden is the text that style keeps from the reader, one line per run.
	// Text for one kind of client only (ReasonConditional, ReasonResponsive)
	// is not part of it; HiddenRuns lists it.
	Hidden     string
	HiddenRuns []HiddenRun // in document order
	References []Reference // in document order
	Marks      []Mark      // containers of quoted history and signatures, by start
	Alts       []Alt       // alternative texts of images, in document order
	Forms      []Form      // in document order; fields outside of any form make one without action
	Truncated  []string    // names of the bounds met: "input", "depth", "references", …
}

// HiddenRun is one stretch of text that the reader does not see.
type HiddenRun struct {
	Text   string
	Reason Reason
	Offset int // byte offset in Display where it would stand
}

// Reason says what hides a text. It is stable and fit for evidence.
type Reason string

// The ways to hide text.
const (
	ReasonZeroFont    Reason = "font-size:0"
	ReasonTinyFont    Reason = "tiny-font"   // at most 2 px
	ReasonColor       Reason = "color"       // equal or almost equal to its background
	ReasonTransparent Reason = "transparent" // colour or opacity
	ReasonDisplay     Reason = "display:none"
	ReasonVisibility  Reason = "visibility:hidden"
	ReasonOffScreen   Reason = "off-screen"
	ReasonZeroSize    Reason = "zero-size" // with its overflow cut off
	ReasonClip        Reason = "clip"
	ReasonAttribute   Reason = "hidden-attribute"
	ReasonConditional Reason = "conditional-comment" // shown by old Outlook only
	ReasonResponsive  Reason = "responsive"          // a media query shows it on other screens
)

// Kind says which construct refers to something.
type Kind uint8

// The constructs that refer to something outside of the body.
const (
	KindAnchor  Kind = iota // <a href>, <area href>
	KindForm                // <form action>, formaction
	KindImage               // <img src>, srcset, background, video posters
	KindBase                // <base href>
	KindRefresh             // <meta http-equiv=refresh>
	KindSVG                 // href and xlink:href in SVG and VML
	KindCSS                 // url(…) and @import
	KindFrame               // <iframe>, <frame>, <object>, <embed>, <script src>, <link href>
)

// Reference is one URL that the markup names.
type Reference struct {
	Kind    Kind
	Tag     string // lower-case name of the element, "style" for style sheets
	URL     string // as written, entities decoded, tabs and line breaks removed, trimmed
	Text    string // anchors: the text inside as displayed; alternative text of images where there is no other
	TextAlt bool   // Text is alternative text of images
	Visible bool   // some of its text or an image inside can be seen
	Offset  int    // byte offset in Display where it starts
	End     int    // byte offset in Display where its text ends
}

// MarkKind says what a container that a mail program marked holds.
type MarkKind uint8

// The marks that mail programs leave in their HTML.
const (
	MarkQuote     MarkKind = iota // quoted history, possibly with its preamble
	MarkPreamble                  // the line that introduces quoted history
	MarkReply                     // the header block above quoted history that lasts to the end of the body
	MarkSignature                 // the signature of the author
)

// Mark is the range in Display of a container that a mail program marked.
type Mark struct {
	Kind  MarkKind
	Start int // byte offset in Display
	End   int // byte offset in Display
}

// Alt is the alternative text of one image.
type Alt struct {
	Text    string
	Offset  int  // byte offset in Display where the image stands
	Visible bool // the image is not hidden by style
}

// Form is one form and its fields.
type Form struct {
	Action   string // as written; "" when it has none
	Method   string // lower case; "" when it has none
	Password bool   // has a password field
	Fields   []Field
}

// Field is one field of a form.
type Field struct {
	Type        string // lower case, as written; "textarea" and "select" for those elements
	Name        string
	Placeholder string // placeholder, or aria-label where there is none
	Value       string // of hidden fields and buttons
}
