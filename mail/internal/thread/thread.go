// Package thread tells apart what the author of a mail wrote now, the author's
// signature, the banners that mail systems put in, and the quoted history.
//
// There is no standard for any of it, only habits of mail programs in many
// languages: attribution lines ("On … wrote:"), header blocks ("From: … Sent:
// …"), rules ("-----Original Message-----"), ">" marks and, in HTML, marked
// containers. Split knows these habits. It reads the text line by line, once.
package thread

// Result is a body divided into its messages.
type Result struct {
	Current   string    // what the author wrote now, signature included, banners not
	Preamble  string    // the line that introduces the newest quoted message
	Signature string    // the author's signature block: part of Current, because a lure may stand below "-- "
	Banners   []string  // warnings that mail systems put into the current message
	Previous  []Message // quoted messages, newest first
	Segments  []Segment // the whole text, ascending, without gaps
}

// Message is one quoted message. Fields are as written, "" where unknown.
type Message struct {
	Text     string // without quote marks
	Preamble string // the line that introduces the message quoted by this one
	Date     string
	Sender   string // name, address or both
	To       string
	Cc       string
	Bcc      string
	Subject  string
	Banners  []string
	Forward  bool // introduced as a forwarded message
}

// Role says what a stretch of text is.
type Role uint8

// The roles of text in a body.
const (
	RoleText      Role = iota
	RolePreamble       // attribution lines, header blocks, rules: part of the thread they introduce
	RoleSignature      // of the current message
	RoleBanner
)

// Segment is a stretch of the text given to Split.
type Segment struct {
	Start, End int // byte range
	Thread     int // 0 the current message, n the n-th previous one
	Role       Role
}

// At returns the thread that the byte at offset belongs to: 0 is the current
// message, n the n-th previous one. Offsets out of range belong to the nearest
// segment.
func (r *Result) At(offset int) (threadIndex int, role Role) {
	lo, hi := 0, len(r.Segments)
	for lo < hi {
		mid := (lo + hi) / 2
		if r.Segments[mid].End <= offset {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(r.Segments) {
		lo--
	}
	if lo < 0 {
		return 0, RoleText
	}
	return r.Segments[lo].Thread, r.Segments[lo].Role
}
