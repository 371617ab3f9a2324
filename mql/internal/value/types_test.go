package value

import (
	"reflect"
	"testing"
	"time"
)

type inner struct {
	Name  string   `json:"name,omitempty"`
	Plain string   `json:"plain"`
	List  []string `json:"list"`
	N     int      `json:"n,omitempty"`
	Zero  int64    `json:"zero"`
	Skip  string   `json:"-"`
}

type outer struct {
	In    inner               `json:"in"`
	Ref   *inner              `json:"ref,omitempty"`
	Flag  *bool               `json:"flag,omitempty"`
	At    *time.Time          `json:"at,omitempty"`
	Many  []inner             `json:"many"`
	Query map[string][]string `json:"query,omitempty"`
	Raw   []byte              `json:"raw,omitempty"`
	JSON  any                 `json:"json,omitempty"`
}

// TestRead holds that a field is null exactly when encoding/json leaves it
// out, arrays aside, which are never null in packages so marked.
func TestRead(t *testing.T) {
	for _, total := range []bool{true, false} {
		ts := &Types{Total: map[string]bool{reflect.TypeFor[outer]().PkgPath(): total}}
		typ := ts.Of(reflect.TypeFor[outer]())
		empty, list := "null", "null"
		if total {
			list = "[]"
		}
		read := func(o *outer, names ...string) string {
			v, err := Wrap(typ, o)
			if err != nil {
				t.Fatal(err)
			}
			var fields []*Field
			var owners []*Type
			at := typ
			for _, name := range names {
				f := at.Field(name)
				if f == nil {
					t.Fatalf("no field %s", name)
				}
				fields, owners = append(fields, f), append(owners, at)
				at = f.Type
			}
			return NewPath(fields, owners).Get(v).Show(200)
		}
		yes, at := true, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		full := &outer{
			In: inner{Name: "a", N: 3, List: []string{"x"}}, Ref: &inner{Plain: "p", Zero: 7}, Flag: &yes, At: &at,
			Many: []inner{{Name: "m"}}, Query: map[string][]string{"k": {"v"}}, Raw: []byte("raw"), JSON: map[string]any{"b": 1.5},
		}
		for _, c := range []struct {
			o     *outer
			path  []string
			want  string
			wantE string
		}{
			{full, []string{"in", "name"}, `"a"`, empty},
			{full, []string{"in", "plain"}, `""`, `""`},
			{full, []string{"in", "list"}, `["x"]`, list},
			{full, []string{"in", "n"}, "3", empty},
			{full, []string{"in", "zero"}, "0", "0"},
			{full, []string{"ref", "plain"}, `"p"`, empty},
			{full, []string{"ref", "zero"}, "7", empty},
			{full, []string{"ref", "list"}, list, list},
			{full, []string{"flag"}, "true", empty},
			{full, []string{"at"}, "2026-01-02T03:04:05Z", empty},
			{full, []string{"query"}, "{k}", empty},
			{full, []string{"raw"}, `"raw"`, empty},
			{full, []string{"json"}, "{b}", empty},
		} {
			if got := read(c.o, c.path...); got != c.want {
				t.Errorf("total %v: %v = %s, want %s", total, c.path, got, c.want)
			}
			if got := read(&outer{}, c.path...); got != c.wantE {
				t.Errorf("total %v: empty %v = %s, want %s", total, c.path, got, c.wantE)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	ts := &Types{}
	typ := ts.Of(reflect.TypeFor[[]inner]())
	for _, c := range []struct {
		x    any
		want string
	}{{nil, "null"}, {(*[]inner)(nil), "null"}, {[]inner(nil), "null"}, {[]inner{}, "[]"}, {&[]inner{{Name: "x"}}, `[{name: "x", plain: "", zero: 0}]`}} {
		v, err := Wrap(typ, c.x)
		if err != nil || v.Show(200) != c.want {
			t.Errorf("Wrap(%T) = %s, %v, want %s", c.x, v.Show(200), err, c.want)
		}
	}
	if _, err := Wrap(typ, "text"); err == nil || err.Error() != "answered with string, expected list of inner" {
		t.Errorf("wrong type: %v", err)
	}
}
