package sender

// kind is one trait of mail that is the same in most messages of one sender.
// The numbers are part of the stored form: append only.
type kind uint8

const (
	kindRelay      kind = iota // network of the client, IPv4 /24
	kindASN                    // autonomous system of the client, when a database is given
	kindHelo                   // pattern of the HELO name
	kindRDNS                   // registrable domain of the verified reverse name
	kindReturnPath             // registrable domain of MAIL FROM
	kindChain                  // shape of the received chain
	kindOrigin                 // network that handed the message in, from the innermost trace
	kindAuth                   // proven, unknown or failed
	kindDKIM                   // signing domain
	kindSelector               // signing domain with its selector
	kindMailer                 // the program, without its version
	kindOrder                  // order and case of the header names
	kindBoundary               // how boundaries look
	kindMessageID              // how Message-IDs look
	kindEncoding               // charsets and transfer encodings
	kindSyntax                 // how dates and names are written
	kindZone                   // offset of the time zone
	kindHour                   // part of the sender's day
	kindLanguage               // language or script of the text
	kindLink                   // registrable domain of a link
	kindFile                   // kind of an attachment
	kindReplyTo                // registrable domain of Reply-To
	kindName                   // display name
	kindCrowd                  // how many recipients
	kindRecipient              // one recipient
	kindAsk                    // what the message wants
	kindRelay6                 // kindRelay of IPv6
	numKinds
)

// group is a set of kinds that change together: one cause, counted once.
type group uint8

const (
	groupRelay   group = iota // where it comes from
	groupProof                // who signs for it
	groupClient               // which program wrote it
	groupHabit                // when and in which language
	groupContent              // where it leads and to whom it goes
	groupAsk                  // what it wants
	numGroups
)

// traitLaw says how a kind is judged.
type traitLaw struct {
	id    string // evidence ID of a new value
	group group
	// novelty is the share of an established sender's honest messages that show
	// a value never seen before; the sender's own history moves it.
	novelty float64
	// copied is the share of attacks in this sender's name that show the
	// sender's usual value all the same: the account is used through its own
	// servers, or the value is easily copied.
	copied float64
	multi  bool // a message may have several values
	// quiet kinds shape the joint judgement of their group through match and
	// mismatch but are too frail to be told alone.
	quiet bool
	slots int // values kept at most
}

// laws are the constants of judging, by kind. novelty and copied are set by
// hand from what is generally known of mail (selectors rotate, phones travel);
// bench/history measures what comes of them.
func laws() [numKinds]traitLaw {
	return [numKinds]traitLaw{
		kindRelay:      {id: IDNewRelay, group: groupRelay, novelty: .04, copied: .35, slots: 6},
		kindRelay6:     {id: IDNewRelay, group: groupRelay, novelty: .04, copied: .35, slots: 6},
		kindASN:        {id: IDNewRelay, group: groupRelay, novelty: .015, copied: .35, slots: 3},
		kindHelo:       {id: IDNewRelay, group: groupRelay, novelty: .03, copied: .35, slots: 4},
		kindRDNS:       {id: IDNewRelay, group: groupRelay, novelty: .015, copied: .35, slots: 3},
		kindReturnPath: {id: IDNewRelay, group: groupRelay, novelty: .01, copied: .5, slots: 3},
		kindChain:      {id: IDNewRelay, group: groupRelay, novelty: .08, copied: .4, quiet: true, slots: 3},
		kindOrigin:     {id: IDNewRelay, group: groupRelay, novelty: .15, copied: .3, quiet: true, slots: 4},
		kindAuth:       {id: IDNewDKIM, group: groupProof, novelty: .005, copied: .5, slots: 3},
		kindDKIM:       {id: IDNewDKIM, group: groupProof, novelty: .006, copied: .5, slots: 3},
		kindSelector:   {id: IDNewDKIM, group: groupProof, novelty: .02, copied: .5, quiet: true, slots: 3},
		kindMailer:     {id: IDNewMailer, group: groupClient, novelty: .02, copied: .3, slots: 4},
		kindOrder:      {id: IDHeaderOrder, group: groupClient, novelty: .03, copied: .25, slots: 5},
		kindBoundary:   {id: IDHeaderOrder, group: groupClient, novelty: .04, copied: .3, quiet: true, slots: 3},
		kindMessageID:  {id: IDHeaderOrder, group: groupClient, novelty: .03, copied: .3, quiet: true, slots: 3},
		kindEncoding:   {id: IDHeaderOrder, group: groupClient, novelty: .08, copied: .4, quiet: true, slots: 4},
		kindSyntax:     {id: IDHeaderOrder, group: groupClient, novelty: .03, copied: .4, quiet: true, slots: 3},
		kindZone:       {id: IDNewZone, group: groupHabit, novelty: .02, copied: .4, slots: 3},
		kindHour:       {id: IDNewZone, group: groupHabit, novelty: .1, copied: .6, quiet: true, slots: 6},
		kindLanguage:   {id: IDNewZone, group: groupHabit, novelty: .03, copied: .7, quiet: true, slots: 3},
		kindLink:       {id: IDNewLinkDomain, group: groupContent, novelty: .12, copied: .15, multi: true, slots: 8},
		kindFile:       {id: IDNewLinkDomain, group: groupContent, novelty: .05, copied: .4, multi: true, quiet: true, slots: 4},
		kindReplyTo:    {id: IDNewLinkDomain, group: groupContent, novelty: .01, copied: .7, slots: 3},
		kindName:       {id: IDNewLinkDomain, group: groupContent, novelty: .02, copied: .9, quiet: true, slots: 2},
		kindCrowd:      {id: IDNewLinkDomain, group: groupContent, novelty: .03, copied: .7, quiet: true, slots: 3},
		kindRecipient:  {id: IDNewLinkDomain, group: groupContent, novelty: .1, copied: .6, multi: true, quiet: true, slots: 8},
		kindAsk:        {id: IDTakeover, group: groupAsk, novelty: .05, copied: .05, multi: true, quiet: true, slots: 6},
	}
}

// pairKind tells the kinds kept for a pair of correspondents; the rest is the
// sender's, whoever is written to.
func pairKind(k kind) bool {
	switch k {
	case kindRelay, kindRelay6, kindMailer, kindOrder, kindZone, kindLanguage, kindLink, kindFile, kindReplyTo, kindAsk:
		return true
	}
	return false
}

// domainKind tells the kinds kept for a domain: its servers and signatures are
// one, its people, their programs and their habits are many.
func domainKind(k kind) bool {
	switch k {
	case kindRelay, kindRelay6, kindASN, kindHelo, kindRDNS, kindReturnPath, kindChain, kindAuth, kindDKIM, kindSelector:
		return true
	}
	return false
}

// trait is one observed value. Text is kept for the explanation of the message
// at hand and never stored.
type trait struct {
	kind kind
	hash uint32 // 24 bits
	text string
}
