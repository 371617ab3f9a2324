package syntax

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestErrors compares whole error messages with testdata/errors.txt: sources
// between lines of ===, what is expected after a line of ---.
func TestErrors(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "errors.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range strings.Split(string(raw), "\n===\n") {
		src, want, ok := strings.Cut(strings.TrimSuffix(c, "\n"), "\n---\n")
		if !ok {
			t.Fatalf("case %d has no ---", i)
		}
		_, errs := Parse("rule.yml", src)
		var got []string
		for _, e := range errs {
			got = append(got, e.Error())
		}
		if d := cmp.Diff(want, strings.Join(got, "\n")); d != "" {
			t.Errorf("source %q (-want +got):\n%s", src, d)
		}
	}
}

func TestFormatGolden(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "format.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range strings.Split(string(raw), "\n===\n") {
		src, want, ok := strings.Cut(c, "\n---\n")
		if !ok {
			t.Fatalf("case %d has no ---", i)
		}
		got, errs := Format(src)
		if len(errs) > 0 {
			t.Fatalf("case %d: %v", i, errs[0])
		}
		if d := cmp.Diff(strings.TrimSuffix(want, "\n")+"\n", got); d != "" {
			t.Errorf("case %d (-want +got):\n%s", i, d)
		}
		checkFormat(t, src)
	}
}

// checkFormat holds the formatter's laws for src, which must parse: the result
// parses to the same tree, keeps every comment and is a fixed point.
func checkFormat(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, src string) {
	t.Helper()
	tree, _ := Parse("", src)
	once, errs := Format(src)
	if len(errs) > 0 {
		t.Fatalf("formatting %q: %v", src, errs[0])
	}
	again, errs := Parse("", once)
	if len(errs) > 0 {
		t.Fatalf("formatted text does not parse: %v\n%s", errs[0], once)
	}
	if !Equal(tree.Root, again.Root) {
		t.Fatalf("formatting changed the meaning of\n%s\nto\n%s", src, once)
	}
	texts := func(cs []Comment) (out []string) {
		for _, c := range cs {
			out = append(out, c.Text)
		}
		return out
	}
	if d := cmp.Diff(texts(tree.Comments), texts(again.Comments)); d != "" {
		t.Fatalf("formatting changed comments of\n%s\n%s", src, d)
	}
	twice, _ := Format(once)
	if d := cmp.Diff(once, twice); d != "" {
		t.Fatalf("formatting is not idempotent for\n%s\n(-once +twice):\n%s", src, d)
	}
}

func TestLimits(t *testing.T) {
	for name, src := range map[string]string{
		"nesting": strings.Repeat("(", 1000) + "true" + strings.Repeat(")", 1000),
		"not":     strings.Repeat("not ", 1000) + "true",
		"minus":   strings.Repeat("1 - (", 1000) + "1",
		"fields":  "a" + strings.Repeat(".b", 1000),
		"index":   "a" + strings.Repeat("[0]", 1000),
		"size":    strings.Repeat(" ", MaxSource+1),
		"dots":    strings.Repeat(".", 1000) + "x ..... y",
	} {
		if _, errs := Parse("", src); len(errs) == 0 || len(errs) > MaxErrors {
			t.Errorf("%s: %d errors", name, len(errs))
		}
	}
	wide := "x in (" + strings.Repeat("'a', ", 30_000) + ")"
	if _, errs := Parse("", wide); len(errs) > 0 {
		t.Errorf("a list of 30,000 elements: %v", errs[0])
	}
}

func FuzzLex(f *testing.F) {
	for _, s := range []string{`"a\u{41}"`, "'it''s'", "1.5 12 .. $list // c", "\"\\", "\xff", "a=~b", "“x”"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		l := &lexer{src: src}
		for last := 0; ; {
			tok := l.next()
			if tok.kind == tEOF {
				return
			}
			if tok.start < last || tok.end <= tok.start || tok.end > len(src) {
				t.Fatalf("token [%d,%d) after %d of %d bytes", tok.start, tok.end, last, len(src))
			}
			last = tok.end
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"type.inbound and any(body.links, .href_url.domain.root_domain in $l)", "2 of (a, b,) // x", "not a is not null",
		"0 < x <= 3", `a["k"][0].b not in~ ("x",)`, "f(a, b=[1, 2.0])", "((((", "a or b and not c", "// only\n", "x in (1) in (2)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tree, errs := Parse("f", src)
		if tree == nil || tree.Root == nil || len(errs) > MaxErrors {
			t.Fatal("no tree, or too many errors")
		}
		for _, e := range errs {
			if e.Line < 1 || e.Col < 1 || e.Error() == "" {
				t.Fatalf("diagnostic %+v", e)
			}
		}
		if len(errs) == 0 {
			checkFormat(t, src)
		}
	})
}
