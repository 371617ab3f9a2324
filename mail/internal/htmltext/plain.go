package htmltext

// PlainKind says what an address-like text is.
type PlainKind uint8

// The kinds of address-like text.
const (
	PlainURL   PlainKind = iota // with a scheme: https://…, ftp://…, mailto:…
	PlainHost                   // a host name, with or without path: www.example.com/x
	PlainEmail                  // an addr-spec: user@example.com
)

// PlainReference is one address-like text.
type PlainReference struct {
	Kind  PlainKind
	URL   string // as written; http:// is not added to host names
	Start int    // byte range in the text
	End   int
}
