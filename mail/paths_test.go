package mail

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestPublishedPaths resolves every MDM path that the public rules use, and
// every published one, against the JSON names of Message.
func TestPublishedPaths(t *testing.T) {
	for _, tt := range []struct {
		file  string
		least int
	}{{"mdm/paths.tsv", 150}, {"mdm/mdm-paths.tsv", 800}} {
		n := 0
		for _, line := range strings.Split(string(readFile(t, needShared(t, tt.file))), "\n") {
			path, _, _ := strings.Cut(line, "\t")
			if path == "" || path == "name" || strings.ContainsAny(path, "($?") || strings.HasPrefix(path, "triage.") {
				continue // the head line, results of functions, lists, what the vendor's service adds
			}
			n++
			if !resolves(reflect.TypeFor[Message](), strings.Split(strings.ReplaceAll(path, "[]", ""), ".")) {
				t.Errorf("%s: no %s in Message", tt.file, path)
			}
		}
		if n < tt.least {
			t.Errorf("%s: %d paths, want at least %d", tt.file, n, tt.least)
		}
	}
}

func resolves(typ reflect.Type, path []string) bool {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if len(path) == 0 {
		return true
	}
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() {
		return false
	}
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if name == path[0] {
			return resolves(typ.Field(i).Type, path[1:])
		}
	}
	return false
}
