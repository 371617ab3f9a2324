// Package lists holds the lists that rules name with $: immutable snapshots
// with constant-time membership, case-sensitive and folded.
package lists

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// Bounds of list files: the largest public list has a million entries.
const (
	maxManifest = 1 << 20
	maxFile     = 64 << 20
	maxEntries  = 2_000_000
	maxEntry    = 4 << 10 // bytes of one entry; longer ones are refused
)

// Lookup answers whether a list that lives elsewhere, such as in the history
// of mail, has the entry. entry is folded. An error means "could not look".
type Lookup func(ctx context.Context, entry string) (bool, error)

// List is one list. It must not be changed once rules use it.
type List struct {
	Name   string
	items  []value.Value
	exact  map[string]struct{}
	folded map[string]struct{} // folded forms of entries that are not folded as written
	lookup Lookup
	search searcher // for lists of texts
}

// New returns the list of texts; empty ones and duplicates are dropped.
func New(name string, entries []string) *List {
	l := &List{Name: name, exact: make(map[string]struct{}, len(entries)), folded: map[string]struct{}{}}
	var kept []string
	for _, e := range entries {
		if _, ok := l.exact[e]; ok || e == "" {
			continue
		}
		l.exact[e] = struct{}{}
		kept = append(kept, e)
		l.items = append(l.items, value.OfString(e))
		if f := text.Fold(e); f != e {
			l.folded[f] = struct{}{}
		}
	}
	l.search = newSearcher(kept)
	return l
}

// NewObjects returns a list of objects; membership knows their texts as keys.
func NewObjects(name string, items []value.Value, texts []string) *List {
	l := New(name, texts)
	l.items, l.search = items, searcher{}
	return l
}

// NewLookup returns a list that can be asked for membership, not iterated.
func NewLookup(name string, lookup Lookup) *List { return &List{Name: name, lookup: lookup} }

// Len returns the number of entries, 0 for a list that lives elsewhere.
func (l *List) Len() int { return len(l.items) }

// Elsewhere reports a list that lives elsewhere: asking it takes time.
func (l *List) Elsewhere() bool { return l.lookup != nil }

// Items returns the entries; ok is false for a list that can't be iterated.
func (l *List) Items() (v value.Value, ok bool) {
	if l.lookup != nil {
		return value.Value{}, false
	}
	return value.OfList(l.items), true
}

// Has reports membership, with fold regardless of case.
func (l *List) Has(ctx context.Context, entry string, fold bool) (bool, error) {
	if l.lookup != nil {
		return l.lookup(ctx, text.Fold(entry))
	}
	if !fold {
		_, ok := l.exact[entry]
		return ok, nil
	}
	f := text.Fold(entry)
	if _, ok := l.exact[f]; ok {
		return true, nil
	}
	_, ok := l.folded[f]
	return ok, nil
}

// Set is a snapshot of lists by name. The zero Set has none. Sets are
// immutable: With returns a new one.
type Set struct{ lists map[string]*List }

// With returns a set with the lists added or replaced.
func (s *Set) With(lists ...*List) *Set {
	n := &Set{lists: map[string]*List{}}
	if s != nil {
		for name, l := range s.lists {
			n.lists[name] = l
		}
	}
	for _, l := range lists {
		n.lists[l.Name] = l
	}
	return n
}

// Get returns the list called name, nil when absent.
func (s *Set) Get(name string) *List {
	if s == nil {
		return nil
	}
	return s.lists[name]
}

// Names returns the names of the lists, sorted.
func (s *Set) Names() []string {
	var names []string
	if s != nil {
		for name := range s.lists {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// manifest is the published format of a folder of lists.
type manifest struct {
	Lists []struct {
		File       string   `json:"file"`
		Identifier string   `json:"identifier"`
		Headers    []string `json:"headers"`
		Format     string   `json:"format"`
	} `json:"lists"`
}

// ErrManifest is in the error of a folder whose manifest.json cannot be read: none
// of its lists is known.
var ErrManifest = errors.New("reading list manifest")

// Load reads the lists that manifest.json in fsys names. A list whose file is
// absent is left out: rules that need it say so. Other faults are returned,
// one per list, beside the lists that could be read.
func Load(fsys fs.FS) (*Set, []error) {
	raw, err := readBounded(fsys, "manifest.json", maxManifest)
	if err != nil {
		return &Set{}, []error{fmt.Errorf("%w: %w", ErrManifest, err)}
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return &Set{}, []error{fmt.Errorf("%w: %w", ErrManifest, err)}
	}
	set := &Set{lists: map[string]*List{}}
	var errs []error
	for _, entry := range m.Lists {
		if entry.Identifier == "" || strings.Contains(entry.File, "://") || !fs.ValidPath(entry.File) {
			continue // lives elsewhere, or is nothing
		}
		texts, err := readEntries(fsys, entry.File, entry.Headers)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("reading list %s: %w", entry.Identifier, err))
			continue
		}
		if entry.Format == "hostname" {
			for i := range texts {
				texts[i] = strings.ToLower(strings.TrimSuffix(texts[i], "."))
			}
		}
		set.lists[entry.Identifier] = New(entry.Identifier, texts)
	}
	return set, errs
}

func readBounded(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return raw, nil
}

// readEntries reads one list file: CSV with the column "entry" among headers,
// else one entry per line.
func readEntries(fsys fs.FS, name string, headers []string) ([]string, error) {
	raw, err := readBounded(fsys, name, maxFile)
	if err != nil {
		return nil, err
	}
	if path.Ext(name) == ".csv" {
		return readCSV(string(raw), max(0, slices.Index(headers, "entry")))
	}
	var out []string
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(line) > maxEntry || len(out) >= maxEntries {
			return nil, fmt.Errorf("%s has more than %d entries or an entry of more than %d bytes", name, maxEntries, maxEntry)
		}
		out = append(out, line)
	}
	return out, nil
}

func readCSV(raw string, column int) ([]string, error) {
	r := csv.NewReader(strings.NewReader(raw))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	var out []string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if len(record) <= column {
			continue
		}
		if len(out) >= maxEntries {
			return nil, fmt.Errorf("more than %d entries", maxEntries)
		}
		out = append(out, strings.Clone(strings.TrimSpace(record[column])))
	}
}
