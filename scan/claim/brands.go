package claim

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"foregate/domain"
)

//go:embed brands.tsv
var brandTable string

// brand is a line of the table.
type brand struct {
	name     string
	category string
	domains  []string // lower case; "x.*" and "pre-*.tld" are patterns, see domain.Matcher.Covers
	token    string   // the label that imitations carry, "" when it is an everyday word
}

// alias is a way to write a brand's name, in words.
type alias struct {
	words  []string
	brand  *brand
	common bool // an everyday word: counts only in company
}

// table is the knowledge of brands.
type table struct {
	brands   []*brand
	byWord   map[string][]alias // first word → aliases, longest first
	byDomain map[string][]*brand
	byLabel  map[string][]holding // patterns "x.*" by x
	members  []holding            // patterns "pre-*.tld"
	byTLD    map[string][]*brand  // a brand's own top-level domain
	scripts  []scriptAlias        // aliases beyond ASCII, which have no word boundaries
	names    *domain.Matcher      // of brands whose label is distinctive
}

// holding is a pattern of a brand's domains.
type holding struct {
	pattern string
	brand   *brand
}

// scriptAlias is an alias in a script without spaces.
type scriptAlias struct {
	text  string
	brand *brand
}

// loadTable reads the table.
func loadTable(text string) (*table, error) {
	t := &table{
		byWord:   make(map[string][]alias),
		byDomain: make(map[string][]*brand),
		byLabel:  make(map[string][]holding),
		byTLD:    make(map[string][]*brand),
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 || f[0] == "" || f[1] == "" || f[2] == "" {
			return nil, fmt.Errorf("reading the brand table: line %d has %d columns, want 4", n, len(f))
		}
		b := &brand{name: f[0], category: f[3], domains: strings.Fields(strings.ToLower(f[2]))}
		t.brands = append(t.brands, b)
		t.addAliases(b, f[1])
		t.index(b)
	}
	for _, list := range t.byWord {
		slices.SortStableFunc(list, func(a, b alias) int { return len(b.words) - len(a.words) })
	}
	t.names = domain.NewMatcher(t.protected())
	return t, nil
}

// addAliases indexes a brand's aliases.
func (t *table) addAliases(b *brand, list string) {
	sld := domain.Split(strings.TrimSuffix(b.domains[0], ".*")).SLD
	for _, a := range strings.Split(list, ",") {
		a, common := strings.CutPrefix(strings.TrimSpace(a), "~")
		if utf8.RuneCountInString(a) != len(a) {
			t.scripts = append(t.scripts, scriptAlias{text: domain.Fold(a), brand: b})
			continue
		}
		w := words(a)
		if len(w) == 0 {
			continue
		}
		t.byWord[w[0]] = append(t.byWord[w[0]], alias{words: w, brand: b, common: common})
		if joined := strings.Join(w, ""); !common && joined == strings.ReplaceAll(sld, "-", "") && len(sld) > 2 {
			b.token = sld
		}
	}
}

// protected are the names for the look-alike matcher: brands whose domain
// label is distinctive.
func (t *table) protected() []domain.Protected {
	var names []domain.Protected
	for _, b := range t.brands {
		if b.token == "" {
			continue
		}
		var domains []string
		for _, d := range b.domains {
			if !strings.Contains(d, "*") || strings.HasSuffix(d, ".*") {
				domains = append(domains, d)
			}
		}
		names = append(names, domain.Protected{Token: b.token, Domains: domains, Label: b.name})
	}
	return names
}

// at gives the longest alias that starts at w[i].
func (t *table) at(w []string, i int) (alias, bool) {
	for _, a := range t.byWord[w[i]] {
		if len(a.words) <= len(w)-i && slices.Equal(a.words, w[i:i+len(a.words)]) {
			return a, true
		}
	}
	return alias{}, false
}

// owners are the brands that a host belongs to, mostly none or one. Sure are
// those whose table names the domain; likely are those of whom it has a pattern
// that covers the host: they may hold it, but so may anybody who was first to
// register it. What is likely is neither proof nor breach of a claim.
func (t *table) owners(host string) (sure, likely []*brand) {
	if !strings.Contains(host, ".") {
		return nil, nil // a name like "bradesco" is nobody's domain
	}
	for rest := host; ; {
		sure = append(sure, t.byDomain[rest]...)
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			sure = append(sure, t.byTLD[rest]...)
			break
		}
		rest = after
	}
	n := domain.Split(host)
	for _, list := range [2][]holding{t.byLabel[n.SLD], t.members} {
		for _, h := range list {
			if t.names.Covers(h.pattern, n) {
				likely = append(likely, h.brand)
			}
		}
	}
	return sure, likely
}

// mayHold reports that a host is a brand's, surely or likely.
func (t *table) mayHold(b *brand, host string) bool {
	sure, likely := t.owners(host)
	return slices.Contains(sure, b) || slices.Contains(likely, b)
}

// index files a brand's domains.
func (t *table) index(b *brand) {
	for _, d := range b.domains {
		if label, ok := strings.CutSuffix(d, ".*"); ok {
			t.byLabel[label] = append(t.byLabel[label], holding{d, b})
		} else if strings.Contains(d, "*") {
			t.members = append(t.members, holding{d, b})
		} else {
			t.byDomain[d] = append(t.byDomain[d], b)
		}
	}
	if b.token != "" && !openTLD(b.token) {
		t.byTLD[b.token] = append(t.byTLD[b.token], b)
	}
}

// openTLD reports a top-level domain with a brand's name in which anybody may
// register: it says nothing of the owner.
func openTLD(label string) bool {
	return label == "ovh"
}
