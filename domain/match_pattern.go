package domain

import "strings"

// Covers reports whether a pattern, as in Protected.Domains, stands for a host
// name that was split by Split. "paypal.com" stands for itself and what is below
// it. "paypal.*" stands for the label under com, net, org and the suffixes of
// countries: under one that is sold to everybody for anything, or that a hosting
// company hands out, anybody could have taken it. "sparkasse-*.de" stands for
// members of a federation: they are called after places, and a name with words
// that ask a reader for something ("sparkasse-sicherheit.de") is no member's.
//
// A pattern says who may hold a name, never that somebody does: whoever comes
// first can register what it covers.
func (m *Matcher) Covers(pattern string, n Name) bool {
	pattern = strings.ToLower(pattern)
	if label, ok := strings.CutSuffix(pattern, ".*"); ok {
		return n.SLD == label && m.countrySite(n.TLD, n.TLD == SplitICANN(n.Domain).TLD)
	}
	if prefix, suffix, ok := strings.Cut(pattern, "*"); ok {
		x := member{prefix, suffix}
		return x.covers(n.RootDomain) && !m.luresInto(x.middle(n.RootDomain))
	}
	return n.Domain == pattern || strings.HasSuffix(n.Domain, "."+pattern)
}

// countrySite reports a public suffix under which an owner with sites in many
// countries is to be expected; registry is false for the suffix of a hosting
// company.
func (m *Matcher) countrySite(suffix string, registry bool) bool {
	return registry && !m.sold(suffix)
}

// sold reports a suffix under which an owner with sites in many countries is
// not to be expected: it is sold to everybody for anything.
func (m *Matcher) sold(suffix string) bool {
	if _, ok := m.generic[suffix]; ok {
		return true
	}
	switch suffix {
	case "com", "net", "org":
		return false
	}
	return !strings.Contains(suffix, ".") && len(suffix) > 2
}

// covers reports a name with the member's prefix and suffix and something in
// between.
func (x member) covers(name string) bool {
	return len(name) > len(x.prefix)+len(x.suffix) && strings.HasPrefix(name, x.prefix) && strings.HasSuffix(name, x.suffix)
}

// middle is what stands between prefix and suffix of a name that is covered.
func (x member) middle(name string) string {
	return name[len(x.prefix) : len(name)-len(x.suffix)]
}

// luresInto reports that one of the parts between hyphens is nothing but lure
// words and digits ("service-online", "pushtan2"). Places may begin with such a
// word ("passau").
func (m *Matcher) luresInto(middle string) bool {
	for part := range strings.SplitSeq(middle, "-") {
		if part = strings.Trim(part, "0123456789"); part != "" && m.allLures(part) {
			return true
		}
	}
	return false
}

// allLures reports a row of lure words; there are at most maxToken letters.
func (m *Matcher) allLures(part string) bool {
	var ok [maxToken + 1]bool
	ok[0] = true
	part = part[:min(len(part), maxToken)]
	for i := range len(part) {
		for n := 1; ok[i] && n <= maxLure && i+n <= len(part); n++ {
			if m.isLure(part[i : i+n]) {
				ok[i+n] = true
			}
		}
	}
	return ok[len(part)]
}

// isLure reports a word that imitators of a federation's members put into
// names.
func (m *Matcher) isLure(w string) bool {
	if _, lure := m.lures[w]; lure && (len(w) > 2 || w == "id") {
		return true
	}
	_, lure := m.notPlaces[w]
	return lure
}

// notPlaceWords are words of banking and administration in the languages of the
// federations, which imitators put where members have the name of a place.
const notPlaceWords = `
tan push pushtan spushtan chiptan phototan secure banking online filiale filialen zentrale verwaltung verein region
institut institution gesellschaft gesellschaften gruppe verband abteilung betrug betrugsabwehr abwehr sperrung
entsperrung aktivierung reaktivierung freigabe registrierung identifikation identifizierung legitimation
bestaetigungen information informationen mitteilung mitteilungen nachricht nachrichten meldung hinweis daten
kundendaten personen personendaten umstellung erneuerung verlaengerung storno stornierung zugang zugangsdaten
pruefung ueberpruefung sicherer sichere sicherung schutz portal postfach finanzen finanz kredit sparen geld chat
authentification authentifier identification activation reactivation certicode securipass mise jour regularisation
dossier alerte alertes fraude banque agricole credit tls ssl mobile
`
