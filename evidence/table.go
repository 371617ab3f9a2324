package evidence

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MaxPrior caps hand-set weights: what nobody has measured may not decide a
// message by itself.
const MaxPrior Weight = 1

// MaxMeasured caps measured weights, positive and negative. A corpus of some
// thousand messages cannot show that something is a thousand times likelier.
const MaxMeasured Weight = 2.5

// Entry is the weight of one kind of evidence and what it was measured on.
type Entry struct {
	ID     string
	Weight Weight
	// Prior marks a weight set by hand (at most ±MaxPrior); the counts are then
	// zero.
	Prior bool
	// Kept marks a measured weight that was taken over from another measurement:
	// Fit and Temper leave it as it is. It is not written to the file.
	Kept bool
	// NPhish and NHam are the sizes of the samples, HitPhish and HitHam how
	// many of them showed the item.
	NPhish, HitPhish int
	NHam, HitHam     int
	// Basis says in words what it was measured on, or why a prior is what it is.
	Basis string
}

// Measure returns the entry for an item seen in hitPhish of nPhish attack
// messages and in hitHam of nHam benign ones: the smoothed log10 ratio of the
// rates, add-half on both sides (Jeffreys), shrunk towards zero by its own
// standard error and capped at ±MaxMeasured.
func Measure(id string, hitPhish, nPhish, hitHam, nHam int, basis string) Entry {
	p := (float64(hitPhish) + 0.5) / (float64(nPhish) + 1)
	h := (float64(hitHam) + 0.5) / (float64(nHam) + 1)
	ratio := math.Log10(p / h)
	// Delta-method standard error of a log ratio of two binomial rates.
	se := math.Sqrt(1/(float64(hitPhish)+0.5)+1/(float64(hitHam)+0.5)) / math.Ln10
	shrunk := math.Copysign(math.Max(0, math.Abs(ratio)-se), ratio)
	limit := float64(MaxMeasured)
	return Entry{
		ID: id, Weight: Weight(math.Max(-limit, math.Min(limit, shrunk))),
		NPhish: nPhish, HitPhish: hitPhish, NHam: nHam, HitHam: hitHam, Basis: basis,
	}
}

// moves reports a weight that is being measured, which Fit and Temper change.
func (e Entry) moves() bool { return !e.Prior && !e.Kept }

// Table maps item IDs to weights. It is immutable after reading.
type Table struct {
	entries map[string]Entry
}

//go:embed weights.tsv
var builtin string

//go:embed rules.tsv
var builtinRules string

// Builtin returns the table that ships: rates measured on the development
// corpora by "foregate calibrate" and, of detection rules, by "foregate rules
// measure", and priors. Where both tables have an ID, the calibrated one counts.
func Builtin() (*Table, error) {
	var entries []Entry
	for _, text := range []string{builtinRules, builtin} {
		t, err := ReadTable(strings.NewReader(text))
		if err != nil {
			return nil, err
		}
		entries = append(entries, t.Entries()...)
	}
	return NewTable(entries), nil
}

// NewTable makes a table of entries; a later entry replaces an earlier one of
// the same ID. Priors beyond ±MaxPrior are cut to it.
func NewTable(entries []Entry) *Table {
	t := &Table{entries: make(map[string]Entry, len(entries))}
	for _, e := range entries {
		if e.Prior {
			e.Weight = max(-MaxPrior, min(MaxPrior, e.Weight))
		}
		t.entries[e.ID] = e
	}
	return t
}

// Lookup returns the entry of an ID. An ID with a dotted suffix falls back to
// its parents: "rule.x.high" to "rule.x" to "rule".
func (t *Table) Lookup(id string) (Entry, bool) {
	for {
		if e, ok := t.entries[id]; ok {
			return e, true
		}
		i := strings.LastIndexByte(id, '.')
		if i < 0 {
			return Entry{}, false
		}
		id = id[:i]
	}
}

// Entries returns all entries sorted by ID.
func (t *Table) Entries() []Entry {
	return slices.SortedFunc(maps.Values(t.entries), func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
}

// Weigh returns the items with their weights filled from the table. Own weights
// (Item.Own) stay. An ID that the table does not know keeps the weight its
// stage proposed (the severity of a rule, say), as a prior: cut to ±MaxPrior.
func (t *Table) Weigh(items []Item) []Item {
	out := slices.Clone(items)
	for i := range out {
		if out[i].Own() {
			continue
		}
		if e, ok := t.Lookup(out[i].ID); ok {
			out[i].Weight = e.Weight
		} else {
			out[i].Weight = max(-MaxPrior, min(MaxPrior, out[i].Weight))
		}
	}
	return out
}

const tableHeader = "id\tweight\tkind\tn_phish\thit_phish\tn_ham\thit_ham\tbasis"

// maxTableLine bounds one line of a weight table in bytes.
const maxTableLine = 4096

// ReadTable reads the tab-separated form that WriteTo writes. Errors name the
// line. Lines that start with # are comments.
func ReadTable(r io.Reader) (*Table, error) {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, maxTableLine), maxTableLine)
	var entries []Entry
	for n := 1; sc.Scan(); n++ {
		line := sc.Text()
		if line == "" || line[0] == '#' || line == tableHeader {
			continue
		}
		e, err := parseEntry(line)
		if err != nil {
			return nil, fmt.Errorf("reading weights: line %d: %w", n, err)
		}
		entries = append(entries, e)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("reading weights: %w", err)
	}
	return NewTable(entries), nil
}

func parseEntry(line string) (Entry, error) {
	f := strings.Split(line, "\t")
	if len(f) != 8 {
		return Entry{}, fmt.Errorf("%d fields, want 8 (%s)", len(f), strings.ReplaceAll(tableHeader, "\t", ", "))
	}
	w, err := strconv.ParseFloat(f[1], 64)
	if err != nil || math.IsNaN(w) || math.IsInf(w, 0) {
		return Entry{}, fmt.Errorf("weight %q is not a finite number", f[1])
	}
	if f[2] != "prior" && f[2] != "measured" {
		return Entry{}, fmt.Errorf("kind %q is neither prior nor measured", f[2])
	}
	e := Entry{ID: f[0], Weight: Weight(w), Prior: f[2] == "prior", Basis: f[7]}
	if e.Prior && (w > float64(MaxPrior) || w < -float64(MaxPrior)) {
		return Entry{}, fmt.Errorf("prior %s of %q is beyond ±%g", f[1], e.ID, float64(MaxPrior))
	}
	for i, dst := range []*int{&e.NPhish, &e.HitPhish, &e.NHam, &e.HitHam} {
		if *dst, err = strconv.Atoi(f[3+i]); err != nil || *dst < 0 {
			return Entry{}, fmt.Errorf("count %q is not a whole number", f[3+i])
		}
	}
	return e, nil
}

// WriteTo writes the table, sorted by ID, in the form that ReadTable reads.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	b.WriteString(tableHeader + "\n")
	for _, e := range t.Entries() {
		kind := "measured"
		if e.Prior {
			kind = "prior"
		}
		fmt.Fprintf(&b, "%s\t%.3f\t%s\t%d\t%d\t%d\t%d\t%s\n", e.ID, e.Weight, kind, e.NPhish, e.HitPhish, e.NHam, e.HitHam, e.Basis)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}
