package mail

import (
	"strconv"

	"foregate/mail/internal/mime"
)

// The IDs of defects that the header of a message can have; those of its MIME
// structure are in the mime package. DefectDocs lists all.
const (
	defectMultipleFrom    = "header.multiple-from"
	defectAmbiguousFrom   = "header.ambiguous-from"
	defectDuplicate       = "header.duplicate-field"
	defectNoFrom          = "header.no-from"
	defectBadDate         = "header.bad-date"
	defectEightBit        = "header.8bit"
	defectManyAddresses   = "bound.addresses"
	defectReceivedBound   = "bound.hops"
	defectStyleBound      = "bound.style"
	defectHTMLBound       = "bound.html"
	maxDetail             = 200 // bytes of Defect.Detail
	maxHops               = 200 // RFC 5321 section 6.3 lets servers stop at 100
	maxRecipientsPerField = 4096
)

// DefectDoc explains one defect ID in a sentence.
type DefectDoc struct{ ID, Doc string }

// DefectDocs lists every defect ID that Parse can record, each with a sentence
// that explains it. The manual's table is generated from it.
func DefectDocs() []DefectDoc {
	docs := []DefectDoc{
		{defectMultipleFrom, "The message names several authors, in several From fields or several mailboxes of one; clients show different ones."},
		{defectAmbiguousFrom, "A From field can be read as more than one address; clients show different ones."},
		{defectDuplicate, "A field that may occur once (RFC 5322 section 3.6) occurs several times; clients show different ones."},
		{defectNoFrom, "The message names no author."},
		{defectBadDate, "The Date field is missing a part, out of form, or no date at all."},
		{defectEightBit, "A header field has bytes over 0x7F without an encoding."},
		{defectManyAddresses, "An address field lists more mailboxes than the bound; the rest was not read."},
		{defectReceivedBound, "The header has more trace fields than the bound; the rest are in the newest hop."},
		{defectStyleBound, "The style sheets of the HTML text have more rules, or rules for more elements, than the bound; some were not applied, so hidden text may be listed as visible."},
		{defectHTMLBound, "The HTML text exceeds the bounds that the detail names; what lies beyond them was not read."},
	}
	for _, d := range mime.Docs() {
		docs = append(docs, DefectDoc(d))
	}
	return docs
}

// quoteDetail makes s printable and bounds it.
func quoteDetail(s string) string {
	if len(s) > maxDetail {
		s = s[:maxDetail]
	}
	q := strconv.QuoteToASCII(s)
	q = q[1 : len(q)-1]
	if len(q) > maxDetail {
		q = q[:maxDetail]
	}
	return q
}
