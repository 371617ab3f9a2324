package domain

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// place is a candidate's surroundings in a host name.
type place struct {
	s                *scratch
	from, to         int // the token's range in scratch.raw
	label, labelEnd  int // the label around it
	segment, segEnd  int // the hyphen-separated segment around it
	registrable      bool
	suffixAt         int // where the public suffix starts
	leftFree, rightF bool
	my               bool // "my" runs into the token
	hosted           bool // under a suffix of a hosting company, not of a registry
}

// rank orders the rules from the clearest to the vaguest, so that the clearest
// is reported for a name that several rules match.
func rank(rule string) int {
	return slices.Index([]string{
		RuleDomainInLabel, RuleTLDSwap, RuleHomograph, RuleSkeleton, RuleHyphen, RuleComboLure, RuleSubdomain,
		RuleCombo, RuleTransposed, RuleDoubled, RuleOmitted, RuleKeyboard, RuleBitFlip, RuleHomophone,
		RuleInserted, RuleReplaced, RuleTwoEdits,
	}, rule)
}

// verify judges the hits in s and appends those that hold.
func (m *Matcher) verify(host string, s *scratch, dst []Match) []Match {
	suffixAt, hosted := -1, false
	first := len(dst)
	for i := range s.hits {
		h := &s.hit[i]
		if m.hopeless(s, h) {
			continue
		}
		if suffixAt < 0 {
			ascii := s.ascii(host)
			suffix, icann := publicsuffix.PublicSuffix(ascii)
			if m.isOwn(ascii, suffix, icann) {
				return dst
			}
			suffixAt = suffixStart(s, ascii, suffix)
			hosted = !icann && strings.Contains(suffix, ".")
		}
		p := newPlace(s, h, suffixAt)
		p.hosted = hosted
		if p.from >= suffixAt {
			continue
		}
		rule, detail, dist := m.judge(h, p)
		if rule == "" {
			continue
		}
		dst = keep(dst, first, Match{Protected: &m.protected[h.token], Rule: rule, Detail: detail, Distance: dist})
	}
	found := dst[first:]
	slices.SortStableFunc(found, func(a, b Match) int {
		if a.Distance != b.Distance {
			return a.Distance - b.Distance
		}
		return rank(a.Rule) - rank(b.Rule)
	})
	return dst
}

// keep adds x, or puts it in the place of a vaguer match of the same name.
func keep(dst []Match, first int, x Match) []Match {
	for i := first; i < len(dst); i++ {
		if dst[i].Protected != x.Protected {
			continue
		}
		if x.Distance < dst[i].Distance || x.Distance == dst[i].Distance && rank(x.Rule) < rank(dst[i].Rule) {
			dst[i] = x
		}
		return dst
	}
	return append(dst, x)
}

// hopeless drops, without looking further, occurrences of weak tokens inside
// other words: most hits of a name without a find.
func (m *Matcher) hopeless(s *scratch, h *hit) bool {
	if h.edited || m.tokens[h.token].strength == strong {
		return false
	}
	return h.from > 0 && isLetter(s.raw[s.pos[h.from]-1]) && int(h.to) < s.k && isLetter(s.raw[s.pos[h.to-1]+1])
}

// isLetter reports a letter of a normalised name, foreign ones included.
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || c == foreign }

// ascii is the ASCII form of the host, in lower case, without a trailing dot.
func (s *scratch) ascii(host string) string {
	if !s.idn {
		if string(s.raw[:s.n]) == host { // as nearly always; compared without a copy
			return host
		}
		return string(s.raw[:s.n])
	}
	return asciiForm(strings.ToLower(strings.TrimRight(host, ".")))
}

// isOwn reports whether the host belongs to a protected name's owner, as far as
// names tell; registry is false for the suffix of a hosting company.
func (m *Matcher) isOwn(ascii, suffix string, registry bool) bool {
	for rest := ascii; rest != ""; {
		if _, ok := m.own[rest]; ok {
			return true
		}
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			break
		}
		rest = after
	}
	above := strings.TrimSuffix(strings.TrimSuffix(ascii, suffix), ".")
	_, ok := m.ownLabel[above[strings.LastIndexByte(above, '.')+1:]]
	return ok && m.countrySite(suffix, registry)
}

// suffixStart is the index in s.raw where the public suffix begins: what
// stands there belongs to a registry or hosting company, not to an imitator.
// A name without a dot has no suffix; one that is itself a public suffix has
// its last label as the suffix.
func suffixStart(s *scratch, ascii, suffix string) int {
	dots := strings.Count(suffix, ".") + 1
	if suffix == ascii {
		dots = 1
	}
	for i := s.n - 1; i >= 0; i-- {
		if s.raw[i] == '.' {
			if dots--; dots == 0 {
				return i + 1
			}
		}
	}
	return s.n
}

// newPlace looks around a hit.
func newPlace(s *scratch, h *hit, suffixAt int) place {
	p := place{s: s, from: int(s.pos[h.from]), to: int(s.pos[h.to-1]) + 1, suffixAt: suffixAt}
	p.label, p.segment = p.from, p.from
	for p.label > 0 && s.raw[p.label-1] != '.' {
		p.label--
	}
	for p.segment > p.label && s.raw[p.segment-1] != '-' {
		p.segment--
	}
	p.labelEnd, p.segEnd = p.to, p.to
	for p.labelEnd < s.n && s.raw[p.labelEnd] != '.' {
		p.labelEnd++
	}
	for p.segEnd < p.labelEnd && s.raw[p.segEnd] != '-' {
		p.segEnd++
	}
	p.registrable = p.labelEnd+1 >= suffixAt
	// "my" before a name is how owners call their customers' pages.
	p.my = p.from-p.segment == 2 && string(s.raw[p.segment:p.from]) == "my"
	p.leftFree = p.from == p.label || !isLetter(s.raw[p.from-1]) || p.my
	p.rightF = p.to == p.labelEnd || !isLetter(s.raw[p.to])
	return p
}

// found is the text of the hit, and without hyphens; the common case, the token
// itself, costs no allocation.
func (p *place) found(t *token) (text, bare string) {
	if string(p.s.raw[p.from:p.to]) == t.literal {
		return t.literal, t.literal
	}
	text = p.text(p.from, p.to)
	return text, strings.ReplaceAll(text, "-", "")
}

// text is the name's characters in a range, letters beyond ASCII as "·".
func (p *place) text(from, to int) string {
	return strings.ReplaceAll(string(p.s.raw[from:to]), string(rune(foreign)), "·")
}

// judge decides whether a hit is an imitation, and how it is made.
func (m *Matcher) judge(h *hit, p place) (rule, detail string, dist int) {
	t := &m.tokens[h.token]
	if m.vouched(t, p) {
		return "", "", 0
	}
	if h.edited {
		return m.judgeEdited(t, h, p)
	}
	found, bare := p.found(t)
	crossing := strings.Contains(found, "-") && found != t.hyphened
	if crossing && !(p.leftFree && p.rightF) {
		return "", "", 0 // "the-apple" holds "heap" only by chance
	}
	changed := lookAlikes(bare, t.literal)
	if changed > 0 && !m.plausibleLook(t, bare, p) {
		return "", "", 0
	}
	if crossing && changed == 0 && m.splitsIntoWords(found) {
		return "", "", 0
	}
	exact := changed == 0 && (!crossing || slices.Contains(t.labels, found))
	rule, detail = m.judgeCompany(t, &m.protected[h.token], p, exact, changed > 0)
	if rule == "" {
		return "", "", 0
	}
	switch {
	case changed > 0 && p.s.idn && strings.Contains(bare, "·"):
		return RuleHomograph, "\"" + found + "\" has letters of another script or with marks, for \"" + t.hyphened + "\"" + also(p, detail), changed
	case changed > 0:
		return RuleSkeleton, "\"" + found + "\" looks like \"" + t.hyphened + "\"" + also(p, detail), changed
	case crossing && !exact:
		return RuleHyphen, "\"" + found + "\" for \"" + t.hyphened + "\"" + also(p, detail), 0
	}
	return rule, detail, 0
}

// vouched reports a suffix whose registry knows who registers: governments,
// schools, Japanese companies, and top-level domains that are the name itself.
func (m *Matcher) vouched(t *token, p place) bool {
	suffix := string(p.s.raw[p.suffixAt:p.s.n])
	if suffix == t.literal || reserved(p) {
		return true
	}
	first, rest, _ := strings.Cut(suffix, ".")
	switch first {
	case "gov", "mil", "edu", "int", "gob", "gouv":
		return rest == "" || len(rest) == 2
	case "co", "ac", "go", "or", "ne", "ad", "ed", "lg":
		return rest == "jp"
	}
	return false
}

// reserved reports a name that nobody can register (RFC 2606).
func reserved(p place) bool {
	switch owner := string(p.s.raw[p.suffixAt:p.s.n]); owner {
	case "test", "example", "invalid", "localhost":
		return true
	case "com", "net", "org":
		name := p.s.raw[:p.suffixAt]
		return string(name) == "example." || strings.HasSuffix(string(name), ".example.")
	}
	return false
}

// splitsIntoWords reports hyphenated everyday words that make up a token only
// when read together: "out-look", "drop-box" are imitations, "one-drive" may
// be; what is spelled with a hyphen between two letters and a word is not
// ("e-bay" is, "g-mail" too). Only single everyday words on both sides of a
// short token count as chance.
func (m *Matcher) splitsIntoWords(found string) bool {
	if len(found) > 6 {
		return false
	}
	for part := range strings.SplitSeq(found, "-") {
		if _, ok := m.words[part]; !ok {
			return false
		}
	}
	return true
}

// also appends what else differs.
func also(p place, detail string) string {
	if p.from == p.label && p.to == p.labelEnd && p.registrable {
		return ""
	}
	return "; " + detail
}

// lookAlikes counts the characters in which found differs from the literal
// token; a digraph counts as one.
func lookAlikes(found, literal string) int {
	if found == literal {
		return 0
	}
	if len(found) != len(literal) {
		return max(1, len(found)-len(literal))
	}
	n := 0
	for i := range len(found) {
		if found[i] != literal[i] {
			n++
		}
	}
	return n
}

// plausibleLook drops folded hits that are words or numbers in their own
// right, and in short tokens those that run on into other letters.
func (m *Matcher) plausibleLook(t *token, found string, p place) bool {
	if _, word := m.words[found]; word || t.strength == weak {
		return false
	}
	if len(t.literal) < 6 && !(p.leftFree && p.rightF) {
		return false
	}
	if len(found) != len(t.literal) && len(t.literal) < 9 && !p.leftFree && !p.rightF {
		return false // "rn", "vv" and "cl" are also just letters
	}
	letters := 0
	for i := range len(found) {
		if !isDigit(found[i]) {
			letters++
		}
	}
	return letters*2 >= len(found)
}

// judgeCompany decides by what stands beside the token; exact means that the
// label is the token and nothing else, disguised that it is written with
// look-alikes.
func (m *Matcher) judgeCompany(t *token, who *Protected, p place, exact, disguised bool) (rule, detail string) {
	if m.insideWord(t, p) || t.tail >= len(t.literal)-2 && t.tail > 0 && !p.leftFree {
		return "", "" // "pineapple"; "unicloud" ends in "cloud", not in "icloud"
	}
	if !p.registrable {
		return m.judgeSubdomain(t, p, exact)
	}
	if p.from == p.label && p.to == p.labelEnd {
		if p.hosted {
			return m.judgeHosted(t, p)
		}
		if exact && !who.Complete && (!m.foreignSuffix(p) || t.strength == weak || m.listed([]byte(t.literal))) {
			return "", "" // another holder's name, or the owner's
		}
		return RuleTLDSwap, "under ." + string(p.s.raw[p.suffixAt:p.s.n]) + t.insteadOf()
	}
	c := m.company(p)
	like, lured := m.member(p)
	if c.machine && !who.Complete || like && !lured {
		return "", ""
	}
	c.lured = c.lured || lured
	if disguised && p.leftFree && p.rightF || m.imitates(t, who, p, c) {
		if c.lured {
			return RuleComboLure, beside(p)
		}
		return RuleCombo, beside(p)
	}
	return "", ""
}

// judgeHosted decides about a token that is the whole name of a customer of a
// hosting company: "paypal.pages.dev". Machines of content networks are named by
// the owner, and so are the pages of those whose programs others build on.
func (m *Matcher) judgeHosted(t *token, p place) (rule, detail string) {
	if t.strength == weak || t.platform || m.listed([]byte(t.literal)) || m.isNetwork(p) {
		return "", ""
	}
	return RuleSubdomain, "\"" + p.text(p.label, p.labelEnd) + "\" above " + string(p.s.raw[p.suffixAt:p.s.n])
}

// imitates decides about a token with something beside it in the registrable
// label. The more a token stands by itself and the more a lure stands beside
// it, the less it is there by chance; and names of long standing, which are
// where chance has had time to work, stand under the old suffixes.
func (m *Matcher) imitates(t *token, who *Protected, p place, c company) bool {
	bounded := p.leftFree && p.rightF
	closed := c.lured && c.complete
	switch {
	case t.strength == weak && bounded:
		return c.lured || m.foreignSuffix(p)
	case t.strength == weak:
		return closed && p.leftFree && c.long && m.foreignSuffix(p)
	case p.hosted:
		return c.lured && (bounded || c.complete) && !m.isNetwork(p)
	case m.foreignSuffix(p) || who.Complete:
		return bounded || t.strength == strong || c.complete
	case bounded && c.complete && !c.lured:
		return t.strength == strong || p.manyDigits()
	case bounded:
		return c.lured || !m.national(p) || t.strength == strong && !c.ordinary
	case t.strength == medium:
		return false
	}
	// An old suffix, and letters run into the token.
	leads := p.leftFree || m.leads(p)
	if t.platform {
		return c.asks && leads
	}
	if !leads {
		return false
	}
	return c.lured || c.complete || !c.ordinary
}

// leads reports that what runs into the token from the left is nothing but a
// lure word ("my", "login").
func (m *Matcher) leads(p place) bool {
	_, ok := m.lures[string(p.s.raw[p.segment:p.from])]
	return ok
}

// manyDigits reports a label with so many digits that they are no year or
// street number but a serial one.
func (p *place) manyDigits() bool {
	n := 0
	for _, c := range p.s.raw[p.label:p.labelEnd] {
		if isDigit(c) {
			n++
		}
	}
	return n > 4
}

// isNetwork reports a suffix of a content network, whose customers name their
// own machines there.
func (m *Matcher) isNetwork(p place) bool {
	suffix := string(p.s.raw[p.suffixAt:p.s.n])
	for n := suffix; n != ""; {
		if _, ok := m.networks[n]; ok {
			return true
		}
		_, n, _ = strings.Cut(n, ".")
	}
	return false
}

// member reports whether a name is like those of a federation's members, and
// whether a reader is asked for something in the place of a member's own name.
func (m *Matcher) member(p place) (like, lured bool) {
	name := string(p.s.raw[p.label:p.s.n])
	for _, x := range m.members {
		if x.covers(name) {
			return true, m.luresInto(x.middle(name))
		}
	}
	return false, false
}

// foreignSuffix reports a place under a suffix where an owner with sites in many
// countries is not to be expected.
func (m *Matcher) foreignSuffix(p place) bool {
	return m.sold(string(p.s.raw[p.suffixAt:p.s.n]))
}

// national reports a country's suffix, .net or .org, where long-standing names
// of all languages stand.
func (m *Matcher) national(p place) bool {
	suffix := string(p.s.raw[p.suffixAt:p.s.n])
	return suffix != "com" && !m.foreignSuffix(p)
}

// insteadOf names the first of the owner's suffixes.
func (t *token) insteadOf() string {
	if len(t.suffixes) == 0 {
		return ""
	}
	return " instead of ." + strings.Join(t.suffixes[:min(len(t.suffixes), 3)], ", .")
}

// beside says what was added to the token in its label.
func beside(p place) string {
	before, after := p.text(p.label, p.from), p.text(p.to, p.labelEnd)
	var parts []string
	if before != "" {
		parts = append(parts, "\""+before+"\" before")
	}
	if after != "" {
		parts = append(parts, "\""+after+"\" after")
	}
	return "\"" + p.text(p.from, p.to) + "\" with " + strings.Join(parts, " and ") + " it"
}

// insideWord reports that the token only occurs as a part of an everyday word
// ("apple" in "pineapple").
func (m *Matcher) insideWord(t *token, p place) bool {
	for _, w := range t.inside {
		start := p.from - strings.Index(w, t.literal)
		if start >= p.label && start+len(w) <= p.labelEnd && string(p.s.raw[start:start+len(w)]) == w {
			return true
		}
	}
	return false
}

// judgeSubdomain decides about a token above somebody else's domain.
func (m *Matcher) judgeSubdomain(t *token, p place, whole bool) (rule, detail string) {
	owner := p.owner()
	for _, suffix := range t.suffixes {
		if p.leftFree && p.follows(suffix) {
			return RuleDomainInLabel, "\"" + p.text(p.from, p.to) + "." + suffix + "\" in front of " + owner
		}
	}
	bounded := p.leftFree && p.rightF
	c := m.company(p)
	switch {
	case t.strength == weak:
		if !(bounded && c.lured) {
			return "", ""
		}
	case !bounded && !(c.lured && c.complete):
		return "", ""
	case t.strength == medium && !whole && !c.lured:
		return "", ""
	}
	return RuleSubdomain, "\"" + p.text(p.label, p.labelEnd) + "\" above " + owner
}

// follows reports whether the suffix stands behind the token, after a dot or a
// hyphen: "brand.com.evil.tld", "brand-co-jp.evil.tld".
func (p *place) follows(suffix string) bool {
	i := p.to
	for _, label := range strings.Split(suffix, ".") {
		if i >= p.suffixAt || p.s.raw[i] != '.' && p.s.raw[i] != '-' {
			return false
		}
		i++
		if i+len(label) > p.suffixAt || string(p.s.raw[i:i+len(label)]) != label {
			return false
		}
		i += len(label)
	}
	return i < p.suffixAt && !isLetter(p.s.raw[i])
}

// owner is the registrable domain of the place's host.
func (p *place) owner() string {
	i := p.suffixAt - 1
	for i > 0 && p.s.raw[i-1] != '.' {
		i--
	}
	return p.text(max(i, 0), p.s.n)
}

// judgeEdited decides about a segment that is a token but for typing errors.
func (m *Matcher) judgeEdited(t *token, h *hit, p place) (rule, detail string, dist int) {
	found := strings.ReplaceAll(p.text(p.from, p.to), "-", "")
	if m.isWord([]byte(found)) || !p.registrable && t.strength != strong {
		return "", "", 0
	}
	d := distance(t.folded, p.s.sym[h.from:h.to], t.maxEdits)
	rule, what := classify(t.literal, found, d)
	if !m.plausibleEdit(t, h, p, rule, found, d) {
		return "", "", 0
	}
	detail = "\"" + found + "\" for \"" + t.hyphened + "\": " + what
	if p.from != p.label || p.to != p.labelEnd {
		detail += " (in \"" + p.text(p.label, p.labelEnd) + "\")"
	}
	return rule, detail, d
}

// plausibleEdit wants the outline that readers go by to stay: the beginning,
// and of a compound the part that is not an everyday word. Names that differ
// in just that are other names ("qcloud" and "icloud", "rbcbank" and
// "rabobank").
func (m *Matcher) plausibleEdit(t *token, h *hit, p place, rule, found string, d int) bool {
	n := len(t.literal)
	lax := m.foreignSuffix(p) || m.protected[h.token].Complete
	w, f := p.s.sym[h.from:h.to], t.folded
	slip := rule == RuleTransposed || rule == RuleDoubled
	if n == 5 && !slip || rule == RuleHomophone && !lax {
		return m.company(p).lured
	}
	if d == 1 && w[0] != f[0] && !slip && !(rule == RuleOmitted && lax) && (n < 7 || rule != RuleKeyboard && rule != RuleHomophone) && !m.company(p).lured {
		return false
	}
	if d == 2 {
		last := w[len(w)-1] == f[len(f)-1]
		if !lax && m.national(p) {
			return false
		}
		if !(w[0] == f[0] && (last || w[1] == f[1]) || lax && (last || w[0] == f[0])) {
			return false
		}
	}
	if slip || lax {
		return true
	}
	if t.tail > 0 && strings.HasSuffix(found, t.literal[n-t.tail:]) && d > partEdits(n-t.tail) {
		return false
	}
	return t.head == 0 || !strings.HasPrefix(found, t.literal[:t.head]) || d == 1 || d <= partEdits(n-t.head)
}

// partEdits is the number of edits that the distinctive part of a compound
// bears.
func partEdits(n int) int {
	switch {
	case n <= 3:
		return 0
	case n <= 7:
		return 1
	default:
		return 2
	}
}
