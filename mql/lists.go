package mql

import (
	"io/fs"
	"reflect"

	"foregate/mql/internal/builtin"
	"foregate/mql/internal/lists"
	"foregate/mql/internal/value"
	"foregate/mql/shape"
)

// ErrListManifest is in the error of LoadLists when manifest.json cannot be read.
var ErrListManifest = lists.ErrManifest

// LoadLists reads a folder of list files with its manifest.json. A list whose
// file is absent is left out; other faults are returned, one per list.
func LoadLists(fsys fs.FS) (*Lists, []error) {
	set, errs := lists.Load(fsys)
	return &Lists{set: set}, errs
}

// WithVIPs returns a snapshot in which $org_vips has the people.
func (l *Lists) WithVIPs(people []shape.VIP) (*Lists, error) {
	ts := builtin.Types()
	v, err := value.Wrap(ts.Of(reflect.TypeFor[[]shape.VIP]()), people)
	if err != nil {
		return nil, err
	}
	var items []value.Value
	var names []string
	if v.Kind() == value.List {
		for i := range v.Len() {
			items = append(items, v.At(i))
			names = append(names, people[i].Email)
		}
	}
	return &Lists{set: l.snapshot().With(lists.NewObjects("org_vips", items, names))}, nil
}
