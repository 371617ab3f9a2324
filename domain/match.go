package domain

import (
	"slices"
	"strings"
)

// Protected is a name to watch over.
type Protected struct {
	// Token is the distinctive label that imitations carry, such as "paypal"
	// or "credit-agricole". Empty means the registrable label of Domains[0].
	Token string
	// Domains are the registrable domains that are legitimately the owner's;
	// they and everything below them never match. "paypal.*" stands for the
	// label under the suffixes of countries (owners of many country domains),
	// "sparkasse-*.de" for the members of a federation; see Matcher.Covers.
	Domains []string
	// Complete says that Domains lists everything the owner holds, as an
	// organisation knows it of itself. Then the same label under any other
	// suffix counts, and so do additions that owners use for their machines
	// ("paypal-cdn.net"). Otherwise both count only where they are no likely
	// possession of the owner.
	Complete bool
	// Label is how people write the name: "PayPal".
	Label string
}

// Match is one imitation found in a host name.
type Match struct {
	Protected *Protected
	// Rule is one of the Rule constants: how the imitation is made.
	Rule string
	// Detail says in words what differs from the protected name.
	Detail string
	// Distance counts the characters that were changed, added words aside: 0
	// when the token stands there as it is.
	Distance int
}

// The ways to imitate a name, as Match.Rule.
const (
	RuleTLDSwap       = "tld-swap"      // the same label under another public suffix
	RuleSkeleton      = "skeleton"      // ASCII characters that look like the right ones
	RuleHomograph     = "homograph"     // the same with letters of other scripts (UTS #39)
	RuleHyphen        = "hyphen"        // hyphens put in or left out
	RuleCombo         = "combo"         // the token with other characters beside it
	RuleComboLure     = "combo-lure"    // the token with words such as "login"
	RuleSubdomain     = "subdomain"     // the token as a label above somebody else's domain
	RuleDomainInLabel = "domain-prefix" // the whole protected domain in front of another one
	RuleBitFlip       = "bit-flip"      // one bit of one character differs
	RuleTransposed    = "transposition" // two neighbouring characters swapped
	RuleDoubled       = "doubled"       // one character doubled
	RuleOmitted       = "omitted"       // one character left out
	RuleKeyboard      = "keyboard"      // one character replaced by its neighbour on a keyboard
	RuleHomophone     = "homophone"     // sounds the same
	RuleInserted      = "inserted"      // one character too many
	RuleReplaced      = "replaced"      // one character replaced
	RuleTwoEdits      = "two-edits"     // two of the above
)

// Bounds of the matcher.
const (
	// maxUnits bounds the characters of a host name that are looked at; DNS
	// allows 253 (RFC 1035 section 2.3.4). Of longer input the end counts,
	// because that is where the owner stands.
	maxUnits = 255
	// maxHits bounds the token occurrences examined in one host name: a name
	// of 255 characters stuffed with tokens is one finding, not a hundred.
	maxHits = 48
	// minToken is the shortest token worth watching; shorter ones are in
	// every name.
	minToken = 2
	// maxToken is the longest label that DNS allows (RFC 1035 section 2.3.4).
	maxToken = 63
)

// Matcher finds names that imitate protected names. It is read-only after
// NewMatcher and safe for concurrent use.
type Matcher struct {
	protected []Protected
	tokens    []token // parallel to protected
	fold      [256]byte
	auto      automaton
	edits     editIndex
	own       map[string]struct{} // legitimate domains of all protected names
	ownLabel  map[string]struct{} // labels legitimate under the suffixes of countries
	members   []member            // federations
	owners    map[string][]string // domain → lines of owners that name it
	words     map[string]struct{} // everyday words, never typing errors of a token
	forms     map[string]struct{} // parts of made-up names
	lures     map[string]struct{} // words that phishing adds to names
	platforms map[string]struct{} // names that others put into theirs
	asks      map[string]struct{} // those lures that ask a person for something
	notPlaces map[string]struct{} // words that no member of a federation is called after
	networks  map[string]struct{} // domains of content networks
	machines  map[string]struct{} // words that owners add to names of machines
	generic   map[string]struct{} // country suffixes sold to everybody for anything
}

// strength says how much company a token needs to count as an imitation.
type strength uint8

const (
	weak   strength = iota // short or both short and a word: bounded, and with a lure word
	medium                 // an everyday word, or four letters: must stand by itself
	strong                 // counts wherever it occurs
)

// token is a protected name prepared for matching.
type token struct {
	literal  string // lower-case ASCII without hyphens
	hyphened string // with hyphens
	folded   string // literal after folding look-alikes
	strength strength
	platform bool // others build on it and say so in their names
	maxEdits int
	suffixes []string // public suffixes of the owner's domains: "com", "co.jp"
	labels   []string // registrable labels of the owner's domains
	inside   []string // everyday words that contain the token: "pineapple"
	head     int      // length of an everyday word that the token starts with: "face" in "facebook"
	tail     int      // length of an everyday word that the token ends with
}

// NewMatcher prepares a matcher for up to some ten thousand names. Names whose
// token is shorter than two or longer than 63 characters are kept but never
// match. The slice is copied.
func NewMatcher(names []Protected) *Matcher {
	m := &Matcher{
		protected: slices.Clone(names),
		tokens:    make([]token, len(names)),
		fold:      foldTable(),
		own:       make(map[string]struct{}),
		ownLabel:  make(map[string]struct{}),
		owners:    ownerLines(),
		words:     wordSet(everydayWords + namesakes),
		forms:     wordSet(combiningForms),
		lures:     wordSet(lureWords),
		asks:      wordSet(askingWords),
		networks:  wordSet(contentNetworks),
		notPlaces: wordSet(notPlaceWords),
		platforms: wordSet(platformWords),
		machines:  wordSet(machineWords),
		generic:   wordSet(genericCountries),
	}
	var patterns []pattern
	var entries []editEntry
	for i := range m.protected {
		p := &m.protected[i]
		m.addOwn(p)
		t, ok := m.prepare(p)
		if !ok {
			continue
		}
		m.tokens[i] = t
		for _, form := range digraphForms(t.literal, &m.fold) {
			patterns = append(patterns, pattern{text: form, token: int32(i)})
		}
		if t.maxEdits > 0 {
			entries = append(entries, editEntry{text: t.folded, token: int32(i), edits: t.maxEdits})
		}
	}
	m.auto = newAutomaton(patterns)
	m.edits = newEditIndex(entries)
	return m
}

// addOwn notes the legitimate domains of p, and what is known of its owner.
func (m *Matcher) addOwn(p *Protected) {
	domains := make([]string, 0, len(p.Domains))
	for _, d := range p.Domains {
		d = strings.ToLower(strings.TrimSuffix(d, "."))
		domains = append(domains, d)
		m.ownPattern(d)
	}
	for _, d := range domains {
		for _, i := range m.owners[d] {
			for f := range strings.FieldsSeq(i) {
				m.ownPattern(f)
			}
		}
	}
}

// ownPattern notes a domain, "label.*" or "prefix*.suffix".
func (m *Matcher) ownPattern(d string) {
	if label, ok := strings.CutSuffix(d, ".*"); ok {
		m.ownLabel[label] = struct{}{}
		return
	}
	if prefix, suffix, ok := strings.Cut(d, "*"); ok {
		if x := (member{prefix, suffix}); !slices.Contains(m.members, x) {
			m.members = append(m.members, x)
		}
		return
	}
	m.own[asciiForm(d)] = struct{}{}
}

// prepare derives what matching needs from one protected name; false when the
// token cannot be watched.
func (m *Matcher) prepare(p *Protected) (token, bool) {
	raw := p.Token
	if raw == "" && len(p.Domains) > 0 {
		raw = strings.TrimSuffix(Split(p.Domains[0]).SLD, ".*")
	}
	hyphened := tokenASCII(raw)
	literal := strings.ReplaceAll(hyphened, "-", "")
	if len(literal) < minToken || len(literal) > maxToken {
		return token{}, false
	}
	t := token{literal: literal, hyphened: hyphened, folded: foldString(literal, &m.fold)}
	t.strength = tokenStrength(literal, m.words)
	_, t.platform = m.platforms[literal]
	t.maxEdits = tokenEdits(len(literal), t.strength)
	for _, d := range p.Domains {
		n := Split(d)
		if n.TLD != "" && !slices.Contains(t.suffixes, n.TLD) {
			t.suffixes = append(t.suffixes, n.TLD)
		}
		if n.SLD != "" && !slices.Contains(t.labels, n.SLD) {
			t.labels = append(t.labels, n.SLD)
		}
	}
	t.relate(m.words)
	t.relate(m.forms)
	return t, true
}

// relate finds the everyday words that contain the token and the longest ones
// of four letters or more that it begins or ends with.
func (t *token) relate(words map[string]struct{}) {
	for w := range words {
		if len(w) > len(t.literal) && strings.Contains(w, t.literal) {
			t.inside = append(t.inside, w)
		}
		if len(w) < 4 || len(w) >= len(t.literal) {
			continue
		}
		if strings.HasPrefix(t.literal, w) {
			t.head = max(t.head, len(w))
		}
		if strings.HasSuffix(t.literal, w) {
			t.tail = max(t.tail, len(w))
		}
	}
	slices.Sort(t.inside)
}

// tokenStrength classes a token by length and everyday use: the shorter and
// the more common it is, the more often it occurs in names by chance.
func tokenStrength(literal string, words map[string]struct{}) strength {
	_, common := words[literal]
	switch {
	case len(literal) <= 3, len(literal) == 4 && common:
		return weak
	case len(literal) == 4, common:
		return medium
	default:
		return strong
	}
}

// tokenEdits is the number of typing errors that still let a reader take the
// name for the token: none in short ones, where every neighbour is a name of
// its own.
func tokenEdits(n int, s strength) int {
	switch {
	case n < 5 || s == weak, n == 5 && s == medium:
		return 0
	case n < 8 || s == medium:
		return 1
	default:
		return 2
	}
}

// Match appends to dst the imitations found in host, at most one for each
// protected name, closest first, and returns the extended slice. Host is a
// name in ASCII or Unicode form, in any case, with or without a trailing dot;
// anything else is harmless. A host of any protected name's own domains gives
// nothing. Nothing is allocated for an ASCII name in which no token occurs.
func (m *Matcher) Match(host string, dst []Match) []Match {
	var s scratch
	s.load(host, &m.fold)
	if s.n == 0 {
		return dst
	}
	m.auto.scan(&s)
	m.edits.scan(&s)
	if s.hits == 0 {
		return dst
	}
	return m.verify(host, &s, dst)
}
