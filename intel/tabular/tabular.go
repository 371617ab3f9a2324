// Package tabular reads indicators and relations from tables, lists and prose:
// CSV with a mapping of columns, plain edge lists, the formats of OpenPhish,
// PhishTank, URLhaus and Spamhaus, and reports with defanged indicators.
//
// A row that cannot be used is told with its line, and the rest goes in.
package tabular

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"foregate/intel"
)

// Format is what a text is.
type Format string

// The formats. Detect tells them apart.
const (
	CSV       Format = "csv"       // columns by name, see Mapping
	Edges     Format = "edges"     // subject_type,subject,relation,object_type,object[,first,last,source]
	Text      Format = "text"      // prose
	Lines     Format = "lines"     // one indicator per line, # and ; begin comments (OpenPhish, block lists)
	PhishTank Format = "phishtank" // CSV with phish_id and url
	URLhaus   Format = "urlhaus"   // CSV with commented head
	Spamhaus  Format = "spamhaus"  // DROP lists, as text or as JSON lines
)

// The bounds of what is read.
const (
	maxLine   = 1 << 20   // one row in bytes; a URL has thousands at most
	maxReport = 256 << 20 // prose in bytes; a report has some hundred thousand
)

// Row is what one line gave.
type Row struct {
	Line       int // from 1
	Assertions []intel.Assertion
	Err        error // why it gave nothing, without the line
	Recovered  bool  // the value stood in the wrong column and was found
}

// Mapping names the columns of a CSV file, in lower case. Columns that are not
// there are left out.
type Mapping struct {
	Type, Value, Actor, Source, Licence, Reference, Note, First, Last, TLP, Confidence []string
	// Kind is the type of every value when there is no Type column.
	Kind intel.Kind
}

// DefaultMapping knows the usual names of columns.
func DefaultMapping() Mapping {
	return Mapping{
		Type:       []string{"type", "indicator_type", "ioc_type", "kind"},
		Value:      []string{"value", "indicator_value", "indicator", "ioc", "ioc_value", "url", "domain", "ip"},
		Actor:      []string{"actor", "threat_actor", "group"},
		Source:     []string{"source", "feed"},
		Licence:    []string{"licence", "license"},
		Reference:  []string{"reference", "report", "ref"},
		Note:       []string{"note", "comment", "comments", "description"},
		First:      []string{"first", "first_seen", "firstseen", "dateadded", "submission_time", "valid_from"},
		Last:       []string{"last", "last_seen", "lastseen", "valid_until"},
		TLP:        []string{"tlp"},
		Confidence: []string{"confidence", "admiralty"},
	}
}

// Detect guesses the format from the first bytes.
func Detect(head []byte) Format {
	text := strings.TrimPrefix(string(head), "\ufeff")
	first, urlhaus := "", false
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		urlhaus = urlhaus || strings.Contains(line, "URLhaus")
		if strings.Contains(line, "Spamhaus") || strings.HasPrefix(line, `{"cidr"`) || strings.HasPrefix(line, `{"asn"`) {
			return Spamhaus
		}
		if line[0] != '#' && line[0] != ';' {
			first = strings.ToLower(line)
			break
		}
	}
	if urlhaus && strings.Contains(first, ",") { // they have plain lists too
		return URLhaus
	}
	comma := commaOf(first)
	cells, _ := split(first, comma)
	_, isEdges := edgeHead(cells)
	switch {
	case len(cells) > 0 && cells[0] == "phish_id":
		return PhishTank
	case isEdges || likeEdges(text, comma):
		return Edges
	case len(cells) > 1 && slices.ContainsFunc(DefaultMapping().Value, func(c string) bool { return slices.Contains(cells, c) }):
		return CSV
	case len(cells) > 1 && (cells[0] == "group_id" || slices.ContainsFunc(aliasColumns, func(c string) bool { return slices.Contains(cells, c) })):
		return CSV
	case !strings.ContainsAny(first, " \t,"):
		return Lines
	}
	return Text
}

// likeEdges says whether one of the first rows is a row of an edge list: the first
// of all may be broken.
func likeEdges(text string, comma byte) bool {
	n := 0
	for line := range strings.Lines(text) {
		if cells, open := split(strings.TrimRight(line, "\r\n"), comma); !open && isEdge(cells) {
			return true
		}
		if n++; n == 20 {
			break
		}
	}
	return false
}

func isKnown(word string) bool {
	k := intel.ParseKind(word)
	if k.IsObservable() {
		return true
	}
	switch k {
	case intel.IntrusionSet, intel.ThreatActor, intel.Campaign, intel.Malware, intel.Tool, intel.Report, intel.AttackPat, intel.Identity, intel.Message:
		return true
	}
	return false
}

// Read gives a row for each line that says something. base is who says it where
// the text does not tell.
func Read(r io.Reader, f Format, m Mapping, base intel.Source) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		switch f {
		case CSV, PhishTank, URLhaus:
			table(r, f, m, base, yield)
		case Edges:
			br := bufio.NewReaderSize(r, 1<<16)
			edges(br, peekComma(br), base, yield)
		case Lines, Spamhaus:
			lines(r, base, yield)
		default:
			prose(r, base, yield)
		}
	}
}

func table(r io.Reader, f Format, m Mapping, base intel.Source, yield func(Row) bool) {
	var cols map[string]int
	lay := layout{joined: maxJoined}
	br := bufio.NewReaderSize(r, 1<<16)
	switch f {
	case URLhaus:
		// The head of these files is commented out; the columns are fixed.
		lay.comment, lay.comma = '#', ','
		cols = index([]string{"id", "dateadded", "url", "url_status", "last_online", "threat", "note", "reference", "reporter"})
		m.Kind = intel.URL
	case PhishTank:
		m.Kind = intel.URL
		fallthrough
	default:
		lay.comma = peekComma(br)
	}
	for rec := range records(br, lay) {
		if cols == nil && rec.err == nil {
			cols = index(rec.cells)
			continue
		}
		row := Row{Line: rec.line, Err: rec.err}
		if rec.err != nil {
			if !yield(row) {
				return
			}
			continue
		}
		switch {
		case has(cols, "technique_id"):
			row.Assertions, row.Err = uses(rec.cells, cols, base)
		case has(cols, aliasColumns...):
			row.Assertions, row.Err = aliases(rec.cells, cols, base)
		default:
			row.Assertions, row.Recovered, row.Err = indicator(rec.cells, cols, m, base)
		}
		if !yield(row) {
			return
		}
	}
}

// peekComma finds the separator of a table by its first line that says something.
func peekComma(br *bufio.Reader) byte {
	head, _ := br.Peek(4096) // a shorter text is no mistake
	for line := range strings.Lines(strings.TrimPrefix(string(head), "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return commaOf(line)
		}
	}
	return ','
}

func index(cells []string) map[string]int {
	cols := map[string]int{}
	for i, c := range cells {
		name := strings.ToLower(strings.TrimSpace(c))
		if _, twice := cols[name]; !twice {
			cols[name] = i
		}
	}
	return cols
}

func has(cols map[string]int, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { _, ok := cols[n]; return ok })
}

func cell(cells []string, cols map[string]int, names []string) string {
	for _, n := range names {
		if i, ok := cols[n]; ok && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
	}
	return ""
}

// hashInText finds hashes in prose: the right number of hex digits and no more.
var hashInText = regexp.MustCompile(`(?i)\b(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b`)

// indicator reads one row. A hash row without a value whose note holds hashes is
// a mistyped row, as 19 of JAR-16-20296A are: the hashes are taken from there.
func indicator(cells []string, cols map[string]int, m Mapping, base intel.Source) ([]intel.Assertion, bool, error) {
	at := func(names []string) string { return cell(cells, cols, names) }
	a := intel.Assertion{Relation: intel.Indicates, Source: base, Note: cut(at(m.Note))}
	kind := m.Kind
	if t := at(m.Type); t != "" {
		kind = intel.ParseKind(t)
	}
	if kind == "" { // a column that is called after its type
		for _, c := range m.Value {
			if k := intel.ParseKind(c); k.IsObservable() && cell(cells, cols, []string{c}) != "" {
				kind = k
				break
			}
		}
	}
	if s := at(m.Source); s != "" {
		a.Source.Name = s
	}
	if ref := at(m.Reference); ref != "" && ref != a.Source.Name {
		a.Source.Origin = cut(ref)
	}
	if l := at(m.Licence); l != "" {
		a.Source.Licence = l
	}
	a.Object = intel.Node{Kind: intel.Report, Value: orElse(a.Source.Origin, a.Source.Name, "unnamed source")}
	if actor := at(m.Actor); actor != "" {
		a.Object = intel.Node{Kind: intel.IntrusionSet, Value: strings.Join(strings.Fields(actor), " ")}
	}
	var err error
	if a.First, err = parseTime(at(m.First)); err != nil {
		return nil, false, err
	}
	if a.Last, err = parseTime(at(m.Last)); err != nil {
		return nil, false, err
	}
	if a.Confidence, err = intel.ParseConfidence(at(m.Confidence)); err != nil {
		return nil, false, err
	}
	label := at(m.TLP)
	if label == "" {
		if i := strings.Index(strings.ToUpper(a.Source.Licence), "TLP:"); i >= 0 {
			label, _, _ = strings.Cut(a.Source.Licence[i:], " ")
		}
	}
	if a.TLP, err = intel.ParseTLP(label); err != nil {
		return nil, false, err
	}
	return values(a, kind, at(m.Value), at(m.Note))
}

func values(a intel.Assertion, kind intel.Kind, value, note string) ([]intel.Assertion, bool, error) {
	if kind == "" {
		found := intel.Extract(value)
		if len(found) == 0 {
			return nil, false, fmt.Errorf("%q is no indicator", cut(value))
		}
		a.Subject = found[0]
		return []intel.Assertion{a}, false, a.Check()
	}
	n, err := intel.Clean(kind, value)
	if err == nil {
		a.Subject = n
		return []intel.Assertion{a}, false, a.Check()
	}
	if !kind.IsHash() {
		return nil, false, err
	}
	var out []intel.Assertion
	for _, h := range hashInText.FindAllString(note, 16) {
		if a.Subject, err = intel.Clean(kind, h); err == nil {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, false, fmt.Errorf("%w, and its comment holds no hash", err)
	}
	return out, true, nil
}

// uses reads a row of ATT&CK's table of groups and techniques.
func uses(cells []string, cols map[string]int, base intel.Source) ([]intel.Assertion, error) {
	group, tech := cell(cells, cols, []string{"group_name"}), cell(cells, cols, []string{"technique_id"})
	if group == "" || tech == "" {
		return nil, errors.New("group_name or technique_id is empty")
	}
	if base.Name == "" {
		base.Name = "MITRE ATT&CK"
	}
	if s := cell(cells, cols, []string{"source"}); s != "" {
		base.Origin = "MITRE ATT&CK (" + s + ")"
	}
	a := intel.Assertion{
		Subject: intel.Node{Kind: intel.IntrusionSet, Value: group}, Relation: intel.Uses,
		Object: intel.Node{Kind: intel.AttackPat, Value: tech}, Source: base, Note: cut(cell(cells, cols, []string{"technique_name"})),
	}
	return []intel.Assertion{a}, a.Check()
}

// aliasColumns are the columns with other names of an actor; they are never changed.
var aliasColumns = []string{"aliases", "synonyms"}

// aliases reads a row of a table of actors: that somebody calls them so is a
// statement like any other.
func aliases(cells []string, cols map[string]int, base intel.Source) (as []intel.Assertion, err error) {
	name := strings.Join(strings.Fields(cell(cells, cols, []string{"name", "group_name", "actor", "value"})), " ")
	if name == "" {
		return nil, errors.New("the name of the actor is empty")
	}
	for _, other := range strings.FieldsFunc(cell(cells, cols, aliasColumns), func(r rune) bool { return r == '|' || r == ';' }) {
		if other = strings.Join(strings.Fields(other), " "); other == "" || other == name {
			continue
		}
		a := intel.Assertion{Subject: intel.Node{Kind: intel.IntrusionSet, Value: name}, Relation: intel.AlsoKnownAs, Object: intel.Node{Kind: intel.IntrusionSet, Value: other}, Source: base}
		if err := a.Check(); err != nil {
			return as, err
		}
		as = append(as, a)
	}
	return as, nil
}

// lines reads one indicator per line: addresses, networks, names, URLs, hashes,
// and the JSON lines of Spamhaus.
func lines(r io.Reader, base intel.Source, yield func(Row) bool) {
	l := newLineReader(r)
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			if !yield(Row{Line: l.n, Err: err}) || !errors.Is(err, errLong) {
				return
			}
			continue
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		a := intel.Assertion{Relation: intel.Indicates, Source: base, Object: intel.Node{Kind: intel.Report, Value: orElse(base.Name, "unnamed list")}}
		var skip bool
		if line[0] == '{' {
			skip, err = spamhaus(line, &a)
		} else {
			err = plain(line, &a)
		}
		if skip {
			continue
		}
		row := Row{Line: l.n, Err: err}
		if err == nil {
			row.Assertions = []intel.Assertion{a}
		}
		if !yield(row) {
			return
		}
	}
}

func plain(line string, a *intel.Assertion) error {
	value, note, _ := strings.Cut(line, " ;")
	if v, comment, ok := strings.Cut(value, " #"); ok {
		value, note = v, comment
	}
	// The lists of hosts files put the address that blocks first.
	value = strings.TrimSpace(value)
	if f := strings.Fields(value); len(f) == 2 && (f[0] == "0.0.0.0" || f[0] == "127.0.0.1") {
		value = f[1]
	}
	if f := strings.Fields(value); len(f) > 1 {
		value, note = f[0], strings.TrimSpace(strings.Join(f[1:], " ")+" "+note)
	}
	a.Note = cut(strings.TrimSpace(note))
	found := intel.Extract(value)
	if len(found) == 0 {
		n, err := intel.Clean(intel.Domain, value)
		if err != nil {
			return fmt.Errorf("%q is no indicator", cut(value))
		}
		found = []intel.Node{n}
	}
	a.Subject = found[0]
	return a.Check()
}

func spamhaus(line string, a *intel.Assertion) (skip bool, err error) {
	var rec struct {
		CIDR string `json:"cidr"`
		ASN  int64  `json:"asn"`
		SBL  string `json:"sblid"`
		Type string `json:"type"`
		Name string `json:"asname"`
	}
	if err := json.Unmarshal([]byte(line), &rec); err != nil {
		return false, fmt.Errorf("malformed JSON: %w", err)
	}
	a.Note = orElse(rec.SBL, rec.Name)
	switch {
	case rec.Type == "metadata":
		return true, nil
	case rec.CIDR != "":
		a.Subject, err = intel.Clean(intel.IPv4, rec.CIDR)
	default:
		a.Subject, err = intel.Clean(intel.ASN, fmt.Sprint(rec.ASN))
	}
	return false, err
}

func prose(r io.Reader, base intel.Source, yield func(Row) bool) {
	b, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	switch {
	case err != nil:
		yield(Row{Line: 1, Err: err})
		return
	case len(b) > maxReport:
		yield(Row{Line: 1, Err: fmt.Errorf("the text has more than %d bytes", maxReport)})
		return
	}
	row := Row{Line: 1}
	for _, n := range intel.Extract(strings.ToValidUTF8(string(b), "\ufffd")) {
		row.Assertions = append(row.Assertions, intel.Assertion{
			Subject: n, Relation: intel.Indicates, Object: intel.Node{Kind: intel.Report, Value: orElse(base.Name, "unnamed report")}, Source: base,
		})
	}
	yield(row)
}

// parseTime reads the usual forms; "" is unknown.
func parseTime(s string) (time.Time, error) {
	if s = strings.TrimSpace(s); s == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05 UTC", time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly, "2006/01/02", "2006-01", "2006", time.RFC1123Z} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), intel.CheckTime(t)
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) >= 9 && len(s) <= 10 { // since 1970
		return time.Unix(n, 0).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time that is understood (RFC 3339 is)", cut(s))
}

func orElse(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// cut shortens a text to what an assertion keeps.
func cut(s string) string {
	if len(s) > intel.MaxNote {
		return strings.ToValidUTF8(s[:intel.MaxNote], "")
	}
	return s
}
