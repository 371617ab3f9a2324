package mail

// The default bounds. A message over one is still parsed as far as the bound
// goes, and the defect "bound.…" names it.
const (
	MaxHeaderBytes = 256 << 10 // Exchange and Postfix stop at 64 to 256 KiB; no honest header comes near
	MaxHeaderLine  = 64 << 10  // the longest field that relays pass on
	MaxParts       = 1000      // clients give up at some hundreds; more serve only to hide or to exhaust
	MaxDepth       = 32        // a forward of a forward of a forward has nine
	MaxDecoded     = 256 << 20 // five times the largest message, so all its readings fit
	MaxReadings    = 32        // real mail needs one; a message with many ambiguities is an attack already
)

// Bounds limits what Parse takes from one message.
type Bounds struct {
	HeaderBytes int   // bytes of one header block
	HeaderLine  int   // bytes of one header field
	Parts       int   // MIME parts of all readings
	Depth       int   // nesting of multiparts and attached messages
	Decoded     int64 // decoded bytes of all parts of all readings
	Readings    int   // readings of the structure beside the main one; eight times as many decodings of leaves
}

// DefaultBounds are the bounds that Parse uses.
func DefaultBounds() Bounds {
	return Bounds{
		HeaderBytes: MaxHeaderBytes,
		HeaderLine:  MaxHeaderLine,
		Parts:       MaxParts,
		Depth:       MaxDepth,
		Decoded:     MaxDecoded,
		Readings:    MaxReadings,
	}
}
