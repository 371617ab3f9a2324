package tabular

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"foregate/intel"
)

// The columns of an edge list, in the order that a list without a head has.
const (
	colSubjectType = iota
	colSubject
	colRelation
	colObjectType
	colObject
	colFirst
	colLast
	colSource
	edgeColumns
)

// edgeShape is told when a row does not fit it.
const edgeShape = "subject_type,subject,relation,object_type,object[,first,last,source]"

// edgeNames are the words for the columns of an edge list; they are never changed.
var edgeNames = [edgeColumns][]string{
	colSubjectType: {"subject_type", "subject_kind", "source_type", "from_type"},
	colSubject:     {"subject", "subject_value", "from"},
	colRelation:    {"relation", "relationship", "relationship_type", "predicate", "rel"},
	colObjectType:  {"object_type", "object_kind", "target_type", "to_type"},
	colObject:      {"object", "object_value", "target", "to"},
	colFirst:       {"first", "first_seen", "firstseen", "start", "start_time", "valid_from", "since"},
	colLast:        {"last", "last_seen", "lastseen", "stop", "stop_time", "end", "valid_until", "until"},
	colSource:      {"source", "source_name", "feed", "reported_by"},
}

// columnName is a head cell in the form of the tables: "Subject Type" is
// "subject_type".
func columnName(c string) string {
	return strings.NewReplacer(" ", "_", "-", "_", "#", "").Replace(strings.ToLower(strings.TrimSpace(c)))
}

// edgeHead finds the columns by the names in a head; ok is false when the cells
// are no head, which has at least a subject, a relation and an object.
func edgeHead(cells []string) (cols [edgeColumns]int, ok bool) {
	for i, names := range edgeNames {
		cols[i] = slices.IndexFunc(cells, func(c string) bool { return slices.Contains(names, columnName(c)) })
	}
	return cols, cols[colSubject] >= 0 && cols[colRelation] >= 0 && cols[colObject] >= 0
}

// isEdge says whether cells look like a row of an edge list without a head.
func isEdge(cells []string) bool {
	cells = filled(cells)
	return len(cells) >= 5 && len(cells) <= edgeColumns && isKnown(cells[colSubjectType]) && isKnown(cells[colObjectType])
}

// filled leaves out the empty cells behind the last column, with which
// spreadsheets fill up their lines.
func filled(cells []string) []string {
	for len(cells) > edgeColumns && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	return cells
}

func edges(r io.Reader, comma byte, base intel.Source, yield func(Row) bool) {
	cols := [edgeColumns]int{0, 1, 2, 3, 4, 5, 6, 7}
	head := false // whether there is one
	begun := false
	for rec := range records(r, layout{comma: comma, comment: '#'}) {
		row := Row{Line: rec.line, Err: rec.err}
		if rec.err == nil {
			if !begun {
				begun = true
				if c, ok := edgeHead(rec.cells); ok {
					cols, head = c, true
					continue
				}
			}
			row.Assertions, row.Err = edge(rec.cells, cols, head, base)
		}
		if !yield(row) {
			return
		}
	}
}

func edge(cells []string, cols [edgeColumns]int, head bool, base intel.Source) ([]intel.Assertion, error) {
	cells = filled(cells)
	if !head && (len(cells) < 5 || len(cells) > edgeColumns) {
		return nil, fmt.Errorf("%d columns, want %s", len(cells), edgeShape)
	}
	at := func(col int) string {
		if i := cols[col]; i >= 0 && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	a := intel.Assertion{Source: base}
	var err error
	if a.Subject, err = node(at(colSubjectType), at(colSubject)); err != nil {
		return nil, err
	}
	if a.Object, err = node(at(colObjectType), at(colObject)); err != nil {
		return nil, err
	}
	if at(colRelation) == "" {
		return nil, errors.New("the relation is empty")
	}
	a.Relation = relationOf(at(colRelation), a.Subject.Kind, a.Object.Kind)
	for col, t := range map[int]*time.Time{colFirst: &a.First, colLast: &a.Last} {
		if *t, err = parseTime(at(col)); err != nil {
			return nil, err
		}
	}
	if s := at(colSource); s != "" {
		a.Source.Name = s
	}
	return []intel.Assertion{a}, a.Check()
}

// node reads a value of a type, or finds out its type when none is given.
func node(kind, value string) (intel.Node, error) {
	k := intel.ParseKind(kind)
	if k == "file" { // by its hash or its name
		k = intel.FileName
		if h := intel.HashKind(value); h != "" {
			k = h
		}
	}
	if k != "" {
		return intel.Clean(k, value)
	}
	if value == "" {
		return intel.Node{}, errors.New("a value is empty")
	}
	if found := intel.Extract(value); len(found) == 1 {
		return found[0], nil
	}
	return intel.Node{}, fmt.Errorf("%q has no type, and is no indicator that has one by itself", cut(value))
}

// relationOf writes a relation as STIX does, "resolves_to" as "resolves-to", and
// gives the usual words for the relations of infrastructure their one name. Words
// that can mean more ("uses") are translated by what they lead to.
func relationOf(word string, from, to intel.Kind) intel.Relation {
	w := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(word))
	switch w {
	case "resolves-to", "resolves", "a", "aaaa", "a-record", "dns-a", "dns-aaaa", "points-to", "hosted-on", "hosted-at":
		return intel.ResolvesTo
	case "delegated-to", "ns", "uses-ns", "uses-nameserver", "uses-name-server", "name-server", "nameserver", "ns-record":
		return intel.UsesNS
	case "presents", "uses-cert", "uses-certificate", "has-cert", "has-certificate", "serves-cert", "serves-certificate", "presents-certificate":
		return intel.UsesCert
	case "registered-by", "registrant", "has-registrant", "registered-to":
		return intel.RegisteredBy
	}
	if !from.IsObservable() || w != "uses" && w != "has" {
		return intel.Relation(w)
	}
	switch to {
	case intel.IPv4, intel.IPv6:
		return intel.ResolvesTo
	case intel.NameServer:
		return intel.UsesNS
	case intel.Certificate:
		return intel.UsesCert
	case intel.Registrant:
		return intel.RegisteredBy
	}
	return intel.Relation(w)
}
